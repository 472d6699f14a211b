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
    int count = 0;
    while (words[count] != NULL) count++;
    why[0] = 0;
    return value_by_fields(fields, fields_of(&order_message, fields), words, count, 9, &message,
                           why);
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
                 {"inner=1", "field 'inner' cannot be written as a word"},
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
