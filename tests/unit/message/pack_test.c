/* Whole messages as arrays [name, field...]. */
#include "core/message/message.h"

#include "tests/support/msgpack_oracle.h"
#include "tests/support/test.h"
#include "tests/unit/message/arena.h"
#include "tests/unit/message/kinds.h"

TP_MESSAGE_AS(deposit, "bank.deposit", TP_FIELD(i64, cents), TP_FIELD(str, note))

/* The wire format, written down. */
TP_TEST(pack, is_an_array_of_name_and_fields) {
    struct arena arena;
    arena_init(&arena);
    deposit value = {300, TP_STR("hi")};
    struct encoded payload = arena_encode(&arena, &deposit_message, &value);
    static const char expected[] = "\x93\xac"
                                   "bank.deposit"
                                   "\xcd\x01\x2c\xa2hi";
    uint8_t out[64];
    size_t used = 0;
    TP_ASSERT_EQ_INT(
        tpi_message_pack(&deposit_message, payload.bytes, payload.size, out, sizeof out, &used),
        TP_OK);
    TP_ASSERT_EQ_INT(used, sizeof expected - 1);
    TP_ASSERT(memcmp(out, expected, used) == 0);
    TP_ASSERT_EQ_INT(used, tpi_message_head_size(&deposit_message) + payload.size);
    arena_free(&arena);
}

TP_TEST(pack, opens_again) {
    struct arena arena;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(300);
    everything got, value = everything_sample(blob);
    struct encoded payload = arena_encode(&arena, &everything_message, &value);
    size_t size = tpi_message_head_size(&everything_message) + payload.size, used = 0;
    uint8_t *packed = arena_take(&arena, size);
    TP_ASSERT_EQ_INT(
        tpi_message_pack(&everything_message, payload.bytes, payload.size, packed, size, &used),
        TP_OK);
    TP_ASSERT_EQ_INT(used, size);
    TP_ASSERT(oracle_differs(packed, size) == NULL);
    tp_str name;
    uint32_t count;
    tp_reader fields;
    TP_ASSERT_EQ_INT(tpi_message_open(packed, size, &name, &count, &fields), TP_OK);
    TP_ASSERT(tp_str_equal(name, TP_STR("everything")));
    TP_ASSERT_EQ_INT(count, everything_message.field_count);
    fields.scratch = &arena.scratch;
    everything_message.decode(&got, &fields, count);
    TP_ASSERT(!fields.failed && fields.at == fields.end && got.last == 200);
    tp_blob_unref(blob);
    arena_free(&arena);
}

TP_TEST(pack, says_when_there_is_no_room) {
    static const uint8_t payload[] = {1, 0xa0};
    size_t size = tpi_message_head_size(&deposit_message) + sizeof payload;
    for (size_t room = 0; room <= size; room++) {
        struct arena arena;
        arena_init(&arena);
        size_t used = 77;
        uint8_t *out = arena_take(&arena, room);
        tp_err err = tpi_message_pack(&deposit_message, payload, sizeof payload, out, room, &used);
        TP_ASSERT_EQ_INT(err, room < size ? TP_ETOOBIG : TP_OK);
        TP_ASSERT_EQ_INT(used, room < size ? 77 : size);
        arena_free(&arena);
    }
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16
TP_MESSAGE_AS(longest, X128, TP_FIELD(bool, x))

TP_TEST(pack, takes_the_longest_name) {
    uint8_t out[256];
    size_t used = 0;
    TP_ASSERT_EQ_INT(
        tpi_message_pack(&longest_message, (const uint8_t *)"\xc3", 1, out, sizeof out, &used),
        TP_OK);
    TP_ASSERT_EQ_INT(used, 1 + 2 + 128 + 1);
    tp_str name;
    uint32_t count;
    tp_reader fields;
    TP_ASSERT_EQ_INT(tpi_message_open(out, used, &name, &count, &fields), TP_OK);
    TP_ASSERT(name.size == 128 && count == 1 && tp_read_bool(&fields));
}

static tp_err open(const char *bytes, size_t size) {
    tp_str name;
    uint32_t count;
    tp_reader fields;
    return tpi_message_open((const uint8_t *)bytes, size, &name, &count, &fields);
}

TP_TEST(pack, refuses_to_open_what_is_no_message) {
    TP_ASSERT_EQ_INT(open("\x91\xa1x", 3), TP_OK);
    TP_ASSERT_EQ_INT(open(NULL, 0), TP_EBADMSG);
    TP_ASSERT_EQ_INT(open("\x90", 1), TP_EBADMSG);           /* no name */
    TP_ASSERT_EQ_INT(open("\x91\xa0", 2), TP_EBADMSG);       /* an empty one */
    TP_ASSERT_EQ_INT(open("\x91\x01", 2), TP_EBADMSG);       /* a number for a name */
    TP_ASSERT_EQ_INT(open("\xa1x", 2), TP_EBADMSG);          /* no array */
    TP_ASSERT_EQ_INT(open("\x81\xa1x\x01", 4), TP_EBADMSG);  /* a map */
    TP_ASSERT_EQ_INT(open("\x91\xa2x", 3), TP_EBADMSG);      /* cut */
    TP_ASSERT_EQ_INT(open("\x93\xa1x", 3), TP_EBADMSG);      /* more fields than bytes */
    TP_ASSERT_EQ_INT(open("\x91\xa2\xc3(", 4), TP_EBADMSG);  /* no UTF-8 */
    TP_ASSERT_EQ_INT(open("\x91\xd9\x80" X128, 131), TP_OK); /* the longest name */
    TP_ASSERT_EQ_INT(open("\x91\xd9\x81" X128 "x", 132), TP_EBADMSG);
}

TP_TEST(pack, fields_stand_one_container_deep) {
    uint8_t bytes[64] = {0x92, 0xa1, 'x'};
    tp_str name;
    uint32_t count;
    tp_reader fields;
    memset(bytes + 3, 0x91, 32);
    bytes[35] = 0;
    TP_ASSERT(open((const char *)bytes, 36) == TP_OK);
    TP_ASSERT_EQ_INT(tpi_message_open(bytes, 36, &name, &count, &fields), TP_OK);
    tp_read_skip(&fields);
    TP_ASSERT(fields.failed);
}
