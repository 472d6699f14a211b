/* Messages as text and as JSON. */
#include "core/message/message.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "tests/support/test.h"
#include "tests/unit/message/arena.h"
#include "tests/unit/message/kinds.h"

TP_MESSAGE_AS(deposit, "bank.deposit", TP_FIELD(i64, cents), TP_FIELD(str, note))
TP_MESSAGE(one, TP_FIELD(bin, field))

static char text[4096];

static const char *format(const tp_message_type *type, const void *bytes, size_t size,
                          uint32_t count) {
    size_t length = tpi_message_format(type, bytes, size, count, text, sizeof text);
    TP_ASSERT_EQ_INT(length, strlen(text));
    return text;
}

static const char *json(const tp_message_type *type, const void *bytes, size_t size,
                        uint32_t count) {
    size_t length = tpi_message_json(type, bytes, size, count, text, sizeof text);
    TP_ASSERT_EQ_INT(length, strlen(text));
    return text;
}

/* One field whose bytes are given. */
#define FORMAT(bytes) format(&one_message, bytes, sizeof(bytes) - 1, 1)
#define JSON(bytes) json(&one_message, bytes, sizeof(bytes) - 1, 1)
#define IN_JSON(value) "{\"type\":\"one\",\"fields\":{\"field\":" value "}}"

TP_TEST(describe, names_the_fields) {
    TP_ASSERT_EQ_STR(format(&deposit_message, "\x05\xa2hi", 4, 2),
                     "bank.deposit{cents=5, note=\"hi\"}");
    TP_ASSERT_EQ_STR(json(&deposit_message, "\x05\xa2hi", 4, 2),
                     "{\"type\":\"bank.deposit\",\"fields\":{\"cents\":5,\"note\":\"hi\"}}");
    TP_ASSERT_EQ_STR(format(&nothing_message, NULL, 0, 0), "nothing{}");
    TP_ASSERT_EQ_STR(json(&nothing_message, NULL, 0, 0), "{\"type\":\"nothing\",\"fields\":{}}");
}

TP_TEST(describe, shows_the_fields_that_are_there) {
    TP_ASSERT_EQ_STR(format(&deposit_message, "\x05", 1, 1), "bank.deposit{cents=5}");
    TP_ASSERT_EQ_STR(format(&deposit_message, "\x05\xa0\x07", 3, 3),
                     "bank.deposit{cents=5, note=\"\"}");
}

TP_TEST(describe, shows_every_kind) {
    TP_ASSERT_EQ_STR(FORMAT("\xc0"), "one{field=nil}");
    TP_ASSERT_EQ_STR(FORMAT("\xc2"), "one{field=false}");
    TP_ASSERT_EQ_STR(FORMAT("\xd3\x80\0\0\0\0\0\0\0"), "one{field=-9223372036854775808}");
    TP_ASSERT_EQ_STR(FORMAT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                     "one{field=18446744073709551615}");
    TP_ASSERT_EQ_STR(FORMAT("\xca\x3f\xc0\0\0"), "one{field=1.5}");
    TP_ASSERT_EQ_STR(FORMAT("\xc4\x02\x00\xff"), "one{field=0x00ff}");
    TP_ASSERT_EQ_STR(FORMAT("\x93\x01\x90\xa1x"), "one{field=[1, [], \"x\"]}");
    TP_ASSERT_EQ_STR(FORMAT("\x82\xa1k\x01\x02\x80"), "one{field={\"k\": 1, 2: {}}}");
    TP_ASSERT_EQ_STR(FORMAT("\xd8\x01\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\3"), "one{field=<2.3>}");
    TP_ASSERT_EQ_STR(FORMAT("\xd4\x05\x00"), "one{field=ext}");
    TP_ASSERT_EQ_STR(JSON("\xc0"), IN_JSON("null"));
    TP_ASSERT_EQ_STR(JSON("\xc3"), IN_JSON("true"));
    TP_ASSERT_EQ_STR(JSON("\xc4\x01\xab"), IN_JSON("\"0xab\""));
    TP_ASSERT_EQ_STR(JSON("\x92\x01\x02"), IN_JSON("[1,2]"));
    TP_ASSERT_EQ_STR(JSON("\xd8\x01\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\3"), IN_JSON("\"<2.3>\""));
    TP_ASSERT_EQ_STR(JSON("\xc7\x00\x05"), IN_JSON("\"ext\""));
}

TP_TEST(describe, json_has_no_keys_but_text) {
    TP_ASSERT_EQ_STR(JSON("\x81\x02\x03"), IN_JSON("{\"2\":3}"));
    TP_ASSERT_EQ_STR(JSON("\x81\xc0\x03"), IN_JSON("{\"null\":3}"));
    TP_ASSERT_EQ_STR(JSON("\x81\xc4\x01\x01\x03"), IN_JSON("{\"0x01\":3}"));
    TP_ASSERT_EQ_STR(JSON("\x81\x91\x01\x03"), IN_JSON("{\"...\":3}"));
}

static void check_float(double value, const char *as_text, const char *as_json) {
    uint8_t bytes[9];
    char expected[128];
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    tp_write_f64(&out, value);
    snprintf(expected, sizeof expected, "one{field=%s}", as_text);
    TP_ASSERT_EQ_STR(format(&one_message, bytes, sizeof bytes, 1), expected);
    snprintf(expected, sizeof expected, IN_JSON("%s"), as_json);
    TP_ASSERT_EQ_STR(json(&one_message, bytes, sizeof bytes, 1), expected);
}

TP_TEST(describe, floats_have_the_fewest_digits_that_read_back) {
    check_float(0.1, "0.1", "0.1");
    check_float(1.0 / 3, "0.3333333333333333", "0.3333333333333333");
    check_float(0.1 + 0.2, "0.30000000000000004", "0.30000000000000004");
    check_float(1e300, "1e+300", "1e+300");
    check_float(-0.0, "-0", "-0");
    check_float(5e-324, "4.94065645841247e-324", "4.94065645841247e-324");
}

TP_TEST(describe, floats_that_json_lacks_are_null) {
    check_float(NAN, "nan", "null");
    check_float(INFINITY, "inf", "null");
    check_float(-INFINITY, "-inf", "null");
}

TP_TEST(describe, floats_have_a_point_in_every_locale) {
    static const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    const char *found = NULL;
    for (size_t i = 0; i < 4 && found == NULL; i++) found = setlocale(LC_NUMERIC, with_comma[i]);
    check_float(1.5, "1.5", "1.5");
    setlocale(LC_NUMERIC, "C");
}

TP_TEST(describe, text_is_quoted) {
    TP_ASSERT_EQ_STR(FORMAT("\xa4\"\\\n\x7f"), "one{field=\"\\\"\\\\\\u000a\\u007f\"}");
    TP_ASSERT_EQ_STR(JSON("\xa3\"\\\0"), IN_JSON("\"\\\"\\\\\\u0000\""));
    TP_ASSERT_EQ_STR(JSON("\xa2\xc3\xa9"), IN_JSON("\"\xc3\xa9\""));
    TP_ASSERT_EQ_STR(JSON("\xa2\xc3("), IN_JSON("\"\\u00c3(\"")); /* not UTF-8: byte by byte */
}

TP_TEST(describe, large_binaries_and_deep_containers_are_cut) {
    uint8_t bytes[102] = {0xc4, 100};
    TP_ASSERT_EQ_STR(format(&one_message, bytes, sizeof bytes, 1),
                     "one{field=0x0000000000000000000000000000000000000000000000000000000000000000"
                     "...(100 bytes)}");
    TP_ASSERT_EQ_STR(FORMAT("\x91\x91\x91\x91\x91\x01"), "one{field=[[[[...]]]]}");
    TP_ASSERT_EQ_STR(JSON("\x91\x91\x91\x91\x81\x01\x01"), IN_JSON("[[[[\"...\"]]]]"));
}

TP_TEST(describe, what_does_not_parse_is_a_question_mark_and_the_last_field) {
    TP_ASSERT_EQ_STR(format(&deposit_message, "\xc1\x01", 2, 2), "bank.deposit{cents=?}");
    TP_ASSERT_EQ_STR(format(&deposit_message, "\x05\xa5hi", 4, 2), "bank.deposit{cents=5, note=?}");
    TP_ASSERT_EQ_STR(JSON("\x92\x01\xa5"), IN_JSON("\"?\"")); /* no half list */
    TP_ASSERT_EQ_STR(JSON(""), IN_JSON("\"?\""));
    TP_ASSERT_EQ_STR(JSON("\xdd\xff\xff\xff\xff"), IN_JSON("\"?\""));
}

TP_TEST(describe, is_cut_to_the_room_that_there_is) {
    const char *whole = "bank.deposit{cents=5, note=\"hi\"}";
    size_t length = strlen(whole);
    for (size_t room = 0; room <= length + 2; room++) {
        struct arena arena;
        arena_init(&arena);
        char *out = arena_take(&arena, room);
        TP_ASSERT_EQ_INT(
            tpi_message_format(&deposit_message, (const uint8_t *)"\x05\xa2hi", 4, 2, out, room),
            length);
        size_t kept = room == 0 ? 0 : room - 1 < length ? room - 1 : length;
        if (room > 0) TP_ASSERT(strlen(out) == kept && memcmp(out, whole, kept) == 0);
        arena_free(&arena);
    }
    TP_ASSERT_EQ_INT(tpi_message_format(&deposit_message, NULL, 0, 0, NULL, 0), 14);
}

TP_TEST(describe, is_never_cut_inside_a_character) {
    static const uint8_t bytes[] = "\xad"
                                   "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80xyz";
    for (size_t room = 1; room < 40; room++) {
        char out[64];
        (void)tpi_message_format(&one_message, bytes, sizeof bytes - 1, 1, out, room);
        size_t kept = strlen(out);
        TP_ASSERT(tp_utf8_valid(out, kept) && kept < room && kept + 4 >= (room < 26 ? room : 26));
    }
}

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
TP_MESSAGE_AS(longest, X32 X32 X32 X32,
              TP_FIELD(bool,
                       a_field_with_a_name_as_long_as_no_one_in_their_right_mind_would_ever_give))

TP_TEST(describe, long_names_are_whole) {
    TP_ASSERT_EQ_STR(
        format(&longest_message, "\xc3", 1, 1), X32 X32 X32 X32
        "{a_field_with_a_name_as_long_as_no_one_in_their_right_mind_would_ever_give=true}");
}

TP_MESSAGE(corner, TP_FIELD(i32, x), TP_FIELD(str, tag))
TP_MESSAGE(shape, TP_NESTED(corner, first), TP_LIST_OF(corner, rest), TP_FIELD(u8, end))
TP_MESSAGE(drawing, TP_LIST_OF(shape, shapes))
TP_MESSAGE(album, TP_NESTED(drawing, cover))

TP_TEST(describe, names_the_fields_of_nested_messages) {
    static const corner rest[] = {{2, {"b", 1}}, {3, {NULL, 0}}};
    struct arena arena;
    arena_init(&arena);
    shape value = {{1, TP_STR("a")}, {rest, 2}, 9};
    struct encoded encoded = arena_encode(&arena, &shape_message, &value);
    TP_ASSERT_EQ_STR(
        format(&shape_message, encoded.bytes, encoded.size, 3),
        "shape{first={x=1, tag=\"a\"}, rest=[{x=2, tag=\"b\"}, {x=3, tag=\"\"}], end=9}");
    TP_ASSERT_EQ_STR(json(&shape_message, encoded.bytes, encoded.size, 3),
                     "{\"type\":\"shape\",\"fields\":{\"first\":{\"x\":1,\"tag\":\"a\"},"
                     "\"rest\":[{\"x\":2,\"tag\":\"b\"},{\"x\":3,\"tag\":\"\"}],\"end\":9}}");
    arena_free(&arena);
}

#define SHAPE(bytes) format(&shape_message, bytes, sizeof(bytes) - 1, 3)

TP_TEST(describe, shows_nested_messages_of_other_versions) {
    TP_ASSERT_EQ_STR(SHAPE("\x90\x91\x91\x07\x05"), "shape{first={}, rest=[{x=7}], end=5}");
    TP_ASSERT_EQ_STR(SHAPE("\x94\x01\xa0\x92\x08\x08\xc0\x90\x05"),
                     "shape{first={x=1, tag=\"\"}, rest=[], end=5}");
}

TP_TEST(describe, shows_what_stands_where_a_message_should) {
    TP_ASSERT_EQ_STR(SHAPE("\xc0\x81\x01\x02\x05"), "shape{first=nil, rest={1: 2}, end=5}");
    TP_ASSERT_EQ_STR(SHAPE("\x91\xa1x\x92\x01\x90\x05"),
                     "shape{first={x=\"x\"}, rest=[1, {}], end=5}");
    TP_ASSERT_EQ_STR(SHAPE("\x92\x01\xa5\x90\x05"), "shape{first=?}"); /* cut inside */
}

TP_TEST(describe, deep_nested_messages_are_cut) {
    /* cover [ shapes [ [ [1, "a"], [[2]], 3 ] ] ] */
    static const char bytes[] = "\x91\x91\x93\x92\x01\xa1"
                                "a\x91\x91\x02\x03";
    TP_ASSERT_EQ_STR(format(&album_message, bytes, sizeof bytes - 1, 1),
                     "album{cover={shapes=[{first={x=1, tag=\"a\"}, rest=[...], end=3}]}}");
    TP_ASSERT_EQ_STR(json(&album_message, bytes, sizeof bytes - 1, 1),
                     "{\"type\":\"album\",\"fields\":{\"cover\":{\"shapes\":[{\"first\":"
                     "{\"x\":1,\"tag\":\"a\"},\"rest\":[\"...\"],\"end\":3}]}}}");
}

TP_TEST(describe, everything_can_be_shown) {
    struct arena arena;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(300);
    everything value = everything_sample(blob);
    struct encoded encoded = arena_encode(&arena, &everything_message, &value);
    const char *shown = format(&everything_message, encoded.bytes, encoded.size, 8);
    TP_ASSERT(strstr(shown, "?") == NULL && strstr(shown, ", last=200}") != NULL);
    shown = json(&everything_message, encoded.bytes, encoded.size, 8);
    TP_ASSERT(strstr(shown, "?") == NULL && strstr(shown, ",\"last\":200}}") != NULL);
    tp_blob_unref(blob);
    arena_free(&arena);
}

/* A type that a node knows only as another one has named it. */
TP_TEST(describe, numbers_the_fields_of_a_type_from_elsewhere) {
    static const uint8_t bytes[] = {0x07, 0xa1, 'x'};
    static const tp_message_type far = {
        .name = "far", .name_size = 3, .struct_size = 1, .field_count = 2};
    TP_ASSERT_EQ_STR(format(&far, bytes, sizeof bytes, 2), "far{0=7, 1=\"x\"}");
    TP_ASSERT_EQ_STR(json(&far, bytes, sizeof bytes, 2),
                     "{\"type\":\"far\",\"fields\":{\"0\":7,\"1\":\"x\"}}");
}
