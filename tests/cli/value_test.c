/*
 * Messages out of words, and the command line.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "tools/troupe/cli.h"
#include "tools/troupe/value.h"

TP_MESSAGE(nested, TP_FIELD(u8, a))
TP_MESSAGE(order, TP_FIELD(bool, paid), TP_FIELD(u8, cups), TP_FIELD(i64, cents),
           TP_FIELD(f64, weight), TP_FIELD(str, guest), TP_FIELD(bin, mark), TP_FIELD(pid, who),
           TP_OPTIONAL(u16, table), TP_LIST(i32, extras), TP_ENUM(tp_doing, doing),
           TP_NESTED(nested, inner))
TP_MESSAGE(deep, TP_FIELD(u64, large), TP_NESTED(nested, inner), TP_FIELD(str, word))
TP_MESSAGE(tree, TP_FIELD(u8, first), TP_NESTED(deep, under), TP_LIST_OF(nested, many),
           TP_MAP(i64, sums), TP_OPTIONAL(u16, table), TP_LIST(str, words), TP_FIELD(f64, real),
           TP_FIELD(bool, yes), TP_FIELD(pid, who), TP_FIELD(bin, mark))

/* The fields of a type, as a node tells them. */
static size_t fields_of(const tp_message_type *type, tp_inspect_field *out) {
    for (uint32_t i = 0; i < type->field_count; i++)
        out[i] = (tp_inspect_field){.name = tp_str_of(type->fields[i].name),
                                    .kind = tp_str_of(type->fields[i].kind),
                                    .form = type->fields[i].form};
    return type->field_count;
}

static struct value_message message;
static char why[VALUE_WHY_SIZE];

#define WORDS(...) ((char **)(void *)(const char *[]){__VA_ARGS__, NULL})

static bool by_fields(char **words) {
    tp_inspect_field fields[TP_FIELDS_MAX];
    struct value_shape shape = {.fields = fields, .home = 9};
    int count = 0;
    while (words[count] != NULL) count++;
    why[0] = 0;
    shape.field_count = fields_of(&order_message, fields);
    return value_by_fields(&shape, words, count, &message, why);
}

/* Where decoded lists go. */
struct room {
    tp_scratch scratch;
    uint64_t bytes[64];
};
static void *room_alloc(tp_scratch *scratch, size_t size) {
    struct room *room = (struct room *)(void *)scratch; /* its first member; one list is decoded */
    return size <= sizeof room->bytes ? room->bytes : NULL;
}

/* Decoded as who gets it does. */
static order decoded(struct room *room) {
    order got;
    tp_reader in = tp_reader_over(message.bytes, message.size);
    room->scratch.alloc = room_alloc;
    in.scratch = &room->scratch;
    order_message.decode(&got, &in, message.count);
    TP_ASSERT(!in.failed);
    return got;
}

TP_TEST(cli_value, every_kind_of_field) {
    struct room room;
    TP_ASSERT_MSG(
        by_fields(WORDS("cups=255", "paid=true", "cents=-12", "weight=0.5", "guest=Ann = Lee",
                        "mark=00fF", "who=4.2", "table=7", "extras=1,-2,3", "doing=2")),
        "%s", why);
    order got = decoded(&room);
    TP_ASSERT(got.paid && got.cups == 255 && got.cents == -12 && got.weight == 0.5);
    TP_ASSERT(tp_str_equal(got.guest, TP_STR("Ann = Lee")));
    TP_ASSERT(got.mark.size == 2 && memcmp(got.mark.data, "\x00\xff", 2) == 0);
    TP_ASSERT(tp_pid_equal(got.who, (tp_pid){9, 4, 2}));
    TP_ASSERT(got.table.present && got.table.value == 7);
    TP_ASSERT(got.extras.count == 3 && got.extras.items[1] == -2);
    TP_ASSERT_EQ_INT(got.doing, 2);
    TP_ASSERT_EQ_INT(message.count, 10); /* the nested one, behind the last, is left out */
}

TP_TEST(cli_value, what_is_not_given_is_zero) {
    struct room room;
    TP_ASSERT_MSG(by_fields(WORDS("doing=1")), "%s", why);
    order got = decoded(&room);
    TP_ASSERT(!got.paid && got.cups == 0 && got.guest.size == 0 && !got.table.present);
    TP_ASSERT(tp_pid_is_null(got.who) && got.extras.count == 0 && got.doing == 1);
    TP_ASSERT(by_fields(WORDS(NULL)) && message.count == 0 && message.size == 0);
    TP_ASSERT(by_fields(WORDS("cups=0", "extras=")));
    got = decoded(&room);
    TP_ASSERT(got.extras.count == 0);
}

TP_TEST(cli_value, what_is_wrong_is_said) {
    static const struct {
        const char *word;
        const char *says;
    } cases[] = {{"cups=256", "field 'cups': '256' is no u8"},
                 {"cups=-1", "field 'cups': '-1' is no u8"},
                 {"cents=9223372036854775808", "field 'cents': '9223372036854775808' is no i64"},
                 {"cents=", "field 'cents': '' is no i64"},
                 {"weight=heavy", "field 'weight': 'heavy' is no f64"},
                 {"paid=yes", "field 'paid': 'yes' is no bool"},
                 {"guest=\xff", "field 'guest': '\xff' is no str"},
                 {"mark=abc", "field 'mark': 'abc' is no bin"},
                 {"mark=zz", "field 'mark': 'zz' is no bin"},
                 {"who=Ann", "field 'who': 'Ann' is no pid"},
                 {"extras=1,x", "field 'extras': '1,x' is no i32"},
                 {"inner={\"a\":1}",
                  "field 'inner': {\"a\":1}: the node does not tell the fields of nested"},
                 {"sugar=1", "the message has no such field: 'sugar=1'"},
                 {"cups", "not FIELD=VALUE: 'cups'"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TP_ASSERT_MSG(!by_fields(WORDS(cases[i].word)), "%s", cases[i].word);
        TP_ASSERT_EQ_STR(why, cases[i].says);
    }
    TP_ASSERT(!by_fields(WORDS("cups=1", "cups=2")));
    TP_ASSERT_EQ_STR(why, "given twice: 'cups'");
}

TP_TEST(cli_value, a_message_has_a_bound) {
    char *word = malloc(70001);
    TP_ASSERT(word != NULL);
    memset(word, 'x', 70000);
    memcpy(word, "guest=", 6);
    word[70000] = 0;
    TP_ASSERT(!by_fields(WORDS(word)));
    TP_ASSERT(strncmp(why, "the message is too long", 23) == 0);
    free(word);
}

TP_TEST(cli_value, by_looks) {
    char **words = WORDS("true", "-5", "18446744073709551615", "1.5", "text", "<3.1>", "nil", "");
    TP_ASSERT(value_by_looks(words, 8, 9, &message, why));
    tp_reader in = tp_reader_over(message.bytes, message.size);
    TP_ASSERT(tp_read_bool(&in));
    TP_ASSERT(tp_read_i64(&in, INT64_MIN, INT64_MAX) == -5);
    TP_ASSERT(tp_read_u64(&in, UINT64_MAX) == UINT64_MAX);
    TP_ASSERT(tp_read_f64(&in) == 1.5);
    TP_ASSERT(tp_str_equal(tp_read_str(&in), TP_STR("text")));
    TP_ASSERT(tp_pid_equal(tp_read_pid(&in), (tp_pid){9, 3, 1}));
    TP_ASSERT(tp_read_nil(&in));
    TP_ASSERT_EQ_INT(tp_read_str(&in).size, 0);
    TP_ASSERT(!in.failed && message.count == 8);
    TP_ASSERT(!value_by_looks(WORDS("\xc3"), 1, 9, &message, why));
}

/* ---- JSON ---- */

/* A message of the type `tree`, with what a node tells of it. */
static bool by_json(char **words) {
    static tp_inspect_field fields[TP_FIELDS_MAX], inner[2 * TP_FIELDS_MAX];
    int count = 0;
    while (words[count] != NULL) count++;
    size_t first = fields_of(&deep_message, inner);
    size_t second = fields_of(&nested_message, inner + first);
    const tp_inspect_type types[] = {{TP_STR("deep"), (uint32_t)first},
                                     {TP_STR("nested"), (uint32_t)second}};
    struct value_shape shape = {.fields = fields,
                                .field_count = fields_of(&tree_message, fields),
                                .nested = types,
                                .nested_count = 2,
                                .nested_fields = inner,
                                .nested_field_count = first + second,
                                .home = 9};
    why[0] = 0;
    return value_by_fields(&shape, words, count, &message, why);
}

/* Where several decoded lists go. */
struct hall {
    tp_scratch scratch;
    size_t used;
    uint64_t bytes[256];
};
static void *hall_alloc(tp_scratch *scratch, size_t size) {
    struct hall *hall = (struct hall *)(void *)scratch;
    size_t at = hall->used;
    hall->used += (size + 7) / 8;
    return hall->used <= sizeof hall->bytes / 8 ? &hall->bytes[at] : NULL;
}

static tree decoded_tree(struct hall *hall) {
    tree got;
    tp_reader in = tp_reader_over(message.bytes, message.size);
    *hall = (struct hall){.scratch.alloc = hall_alloc};
    in.scratch = &hall->scratch;
    tree_message.decode(&got, &in, message.count);
    TP_ASSERT(!in.failed);
    return got;
}

static void check_tree(const tree *got) {
    TP_ASSERT(got->first == 7 && got->under.large == UINT64_MAX && got->under.inner.a == 5);
    TP_ASSERT_EQ_INT(got->under.word.size, 0);
    TP_ASSERT(got->many.count == 3 && got->many.items[0].a == 1 && got->many.items[1].a == 0 &&
              got->many.items[2].a == 255);
    TP_ASSERT(got->sums.count == 2 && got->sums.items[0].value == INT64_MIN &&
              got->sums.items[1].value == INT64_MAX);
    TP_ASSERT(tp_str_equal(got->sums.items[1].key, TP_STR("\xc3\xa9")));
    TP_ASSERT(!got->table.present && got->words.count == 2);
    TP_ASSERT(tp_str_equal(got->words.items[0], (tp_str){"a\0\n", 3}));
    TP_ASSERT(got->real == -0.1 && got->yes && tp_pid_equal(got->who, (tp_pid){9, 4, 2}));
    TP_ASSERT(got->mark.size == 2 && memcmp(got->mark.data, "\x00\xff", 2) == 0);
}

#define UNDER "{\"inner\":{\"a\":5},\"large\":18446744073709551615}"
#define MANY "[{\"a\":1},{},{\"a\":255}]"
#define SUMS "{\"a\":-9223372036854775808,\"\xc3\xa9\":9223372036854775807}"
#define TEXTS "[\"a\\u0000\\n\",\"\"]"

TP_TEST(cli_json, a_message_as_one_object) {
    struct hall hall;
    TP_ASSERT_MSG(by_json(WORDS("{\"mark\":\"00ff\",\"first\":7,\"under\":" UNDER ",\"many\":" MANY
                                ", \"sums\" : " SUMS ",\"table\":null,"
                                "\"words\":" TEXTS ",\"real\":-0.1,\"yes\":true,"
                                "\"who\":\"4.2\"}")),
                  "%s", why);
    tree got = decoded_tree(&hall);
    check_tree(&got);
}

TP_TEST(cli_json, a_value_for_each_field) {
    struct hall hall;
    TP_ASSERT_MSG(by_json(WORDS("first=7", "under=" UNDER, "many=" MANY, "sums=" SUMS, "table=null",
                                "words=" TEXTS, "real=-0.1", "yes=true", "who=4.2", "mark=00ff")),
                  "%s", why);
    tree got = decoded_tree(&hall);
    check_tree(&got);
    TP_ASSERT(by_json(WORDS("table=7")));
    TP_ASSERT_EQ_INT(decoded_tree(&hall).table.value, 7);
}

TP_TEST(cli_json, what_is_not_given_is_zero_also_within) {
    struct hall hall;
    TP_ASSERT_MSG(by_json(WORDS("{\"under\":{\"word\":\"x\"},\"yes\":true}")), "%s", why);
    TP_ASSERT_EQ_INT(message.count, 8);
    tree got = decoded_tree(&hall);
    TP_ASSERT(got.first == 0 && got.under.large == 0 && got.under.inner.a == 0 && got.yes);
    TP_ASSERT(tp_str_equal(got.under.word, TP_STR("x")));
    TP_ASSERT(got.many.count == 0 && got.sums.count == 0 && !got.table.present);
    TP_ASSERT(by_json(WORDS("{}")) && message.count == 0);
}

TP_TEST(cli_json, what_is_wrong_is_said_with_its_place) {
    static const struct {
        const char *word;
        const char *says;
    } cases[] = {
        {"{\"first\":256}", "field 'first': 256 is no u8"},
        {"{\"first\":\"1\"}", "field 'first': \"1\" is no u8"},
        {"{\"first\":null}", "field 'first': null is no u8"},
        {"{\"first\":1.0}", "field 'first': 1.0 is no u8"},
        {"{\"yes\":1}", "field 'yes': 1 is no bool"},
        {"{\"who\":\"Ann\"}", "field 'who': \"Ann\" is no pid: a string \"12.3\" is expected"},
        {"{\"who\":\"4.2\\u0000\"}",
         "field 'who': \"4.2\\u0000\" is no pid: a string \"12.3\" is expected"},
        {"{\"mark\":\"abc\"}",
         "field 'mark': \"abc\" is no bin: a string of hexadecimal digits is expected"},
        {"{\"under\":{\"inner\":{\"a\":-1}}}", "field 'under.inner.a': -1 is no u8"},
        {"{\"under\":{\"inner\":[1]}}",
         "field 'under.inner': [1]: an object {\"field\": value} is expected"},
        {"{\"under\":{\"colour\":1}}", "field 'under.colour': 1: the message has no such field"},
        {"{\"sugar\":{}}", "field 'sugar': {}: the message has no such field"},
        {"many=[{\"a\":1},7]", "field 'many[1]': 7: an object {\"field\": value} is expected"},
        {"many={}", "field 'many': {}: a list [...] is expected"},
        {"sums={\"x\":9223372036854775808}", "field 'sums.x': 9223372036854775808 is no i64"},
        {"{\"real\":NaN}", "field 'real': NaN is no f64"},
        {"{\"sums\":{\"a\":-9223372036854775809}}",
         "not JSON at its byte 14: a number of more than 64 bits"},
        {"{\"real\":-1e400}", "not JSON at its byte 9: a number of more than 64 bits"},
        {"{'real':1}", "not JSON at its byte 2: a single quote where a double one belongs"},
        {"words=[\"it's\",1]", "field 'words[1]': 1 is no str"},
        {"words=[\"\\\"99999999999999999999\",1]", "field 'words[1]': 1 is no str"},
        {"sums=[]", "field 'sums': []: a map {\"key\": value} is expected"},
        {"words=[1]", "field 'words[0]': 1 is no str"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TP_ASSERT_MSG(!by_json(WORDS(cases[i].word)), "%s", cases[i].word);
        TP_ASSERT_EQ_STR(why, cases[i].says);
    }
}

TP_TEST(cli_json, what_is_no_json_is_said_with_its_byte) {
    static const char *const cases[] = {"{\"first\":1,}",
                                        "{\"first\":01}",
                                        "{\"first\":1} x",
                                        "{\"first\":1",

                                        "{\"under\":{\"word\":\"\xff\"}}",
                                        "{\"first\":18446744073709551616}",
                                        "under=",
                                        "many=[",
                                        "sums={\"a\":}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TP_ASSERT_MSG(!by_json(WORDS(cases[i])), "%s", cases[i]);
        TP_ASSERT_MSG(strstr(why, "not JSON at its byte ") != NULL, "%s: %s", cases[i], why);
    }
    TP_ASSERT(!by_json(WORDS("{\"first\":1,}")));
    TP_ASSERT(strstr(why, "at its byte 12:") != NULL);
}

TP_TEST(cli_json, nesting_has_an_end) {
    char text[101];
    memset(text, '[', 100);
    text[100] = 0;
    TP_ASSERT(!value_by_looks(WORDS(text), 1, 9, &message, why));
    TP_ASSERT(strstr(why, "nesting too deep") != NULL);
}

TP_TEST(cli_json, by_looks) {
    char **words =
        WORDS("{\"a\":[1,-2,18446744073709551615,null,true,0.5],\"b\":{}}", "\"{\"", "[]");
    TP_ASSERT_MSG(value_by_looks(words, 3, 9, &message, why), "%s", why);
    tp_reader in = tp_reader_over(message.bytes, message.size);
    TP_ASSERT_EQ_INT(tp_read_map(&in), 2);
    TP_ASSERT(tp_str_equal(tp_read_str(&in), TP_STR("a")));
    TP_ASSERT_EQ_INT(tp_read_array(&in), 6);
    TP_ASSERT_EQ_INT(tp_read_u64(&in, UINT64_MAX), 1);
    TP_ASSERT(tp_read_i64(&in, INT64_MIN, INT64_MAX) == -2);
    TP_ASSERT(tp_read_u64(&in, UINT64_MAX) == UINT64_MAX);
    TP_ASSERT(tp_read_nil(&in));
    TP_ASSERT(tp_read_bool(&in));
    TP_ASSERT(tp_read_f64(&in) == 0.5);
    TP_ASSERT(tp_str_equal(tp_read_str(&in), TP_STR("b")));
    TP_ASSERT_EQ_INT(tp_read_map(&in), 0);
    TP_ASSERT(tp_str_equal(tp_read_str(&in), TP_STR("{")));
    TP_ASSERT_EQ_INT(tp_read_array(&in), 0);
    TP_ASSERT(!in.failed && message.count == 3);
    TP_ASSERT(!value_by_looks(WORDS("{"), 1, 9, &message, why));
}

/* ---- the command line ---- */

static int parse(struct cli *cli, char **words) {
    int count = 0;
    while (words[count] != NULL) count++;
    *cli = (struct cli){0};
    return cli_parse(cli, count, words);
}

#define LINE(...) WORDS("troupe", __VA_ARGS__)
#define HERE "--at", "tcp://127.0.0.1:1", "--plain"

TP_TEST(cli_options, good_ones) {
    struct cli cli;
    unsetenv("TROUPE_AT");
    unsetenv("TROUPE_SECRET_FILE");
    TP_ASSERT_EQ_INT(parse(&cli, LINE("ps", HERE, "--sort", "mailbox", "--limit", "5", "--json")),
                     CLI_OK);
    TP_ASSERT_EQ_STR(cli.command->name, "ps");
    TP_ASSERT_EQ_STR(cli.sort, "mailbox");
    TP_ASSERT(cli.limit == 5 && cli.json && cli.plain && cli.secret_file == NULL);
    TP_ASSERT_EQ_INT(parse(&cli, LINE(HERE, "send", "adder", "add", "amount=1")), CLI_OK);
    TP_ASSERT(cli.word_count == 3 && strcmp(cli.words[2], "amount=1") == 0);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("top", HERE, "--interval", "0.25", "--count=3")), CLI_OK);
    TP_ASSERT(cli.interval == TP_MS(250) && cli.count == 3 && cli.window == TP_SECONDS(5));
    TP_ASSERT_EQ_INT(parse(&cli, LINE("--help")), CLI_OK);
    TP_ASSERT(cli.help);
}

TP_TEST(cli_options, the_environment_and_what_counts_more) {
    struct cli cli;
    setenv("TROUPE_AT", "ipc:///tmp/x", 1);
    setenv("TROUPE_SECRET_FILE", "/tmp/secret", 1);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("nodes")), CLI_OK);
    TP_ASSERT_EQ_STR(cli.at, "ipc:///tmp/x");
    TP_ASSERT_EQ_STR(cli.secret_file, "/tmp/secret");
    TP_ASSERT_EQ_INT(parse(&cli, LINE("nodes", "--at", "tcp://h:1", "--plain")), CLI_OK);
    TP_ASSERT_EQ_STR(cli.at, "tcp://h:1");
    TP_ASSERT(cli.secret_file == NULL);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("nodes", "--secret-file", "f", "--plain")), CLI_USAGE);
    unsetenv("TROUPE_AT");
    unsetenv("TROUPE_SECRET_FILE");
    TP_ASSERT_EQ_INT(parse(&cli, LINE("nodes")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("nodes", "--at", "tcp://h:1")), CLI_USAGE);
}

TP_TEST(cli_options, wrong_ones) {
    struct cli cli;
    TP_ASSERT_EQ_INT(parse(&cli, LINE(NULL)), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("dance", HERE)), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("info", HERE)), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("info", "a", "b", HERE)), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("send", "a", HERE)), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("ps", HERE, "--sort", "beauty")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("ps", HERE, "--rate", "5")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("trace", "a", HERE, "--rate", "0")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("trace", "a", HERE, "--limit", "1000000")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("top", HERE, "--interval", "0")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("ps", HERE, "--timeout", "-1")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("ps", HERE, "--nonsense")), CLI_USAGE);
    TP_ASSERT_EQ_INT(parse(&cli, LINE("ps", HERE, "--as", "")), CLI_USAGE);
}
