/* One frame: what is encoded comes back, and everything that is not a frame is refused. */
#include "tests/unit/wire/kit.h"

static struct tpi_wire_limits small_limits(void) {
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    limits.message_max = 1024;
    return limits;
}

/* One of each type, with all that the type has. */
static struct tpi_frame frame_of(uint8_t type) {
    struct tpi_frame frame = kit_message();
    frame.type = type;
    frame.ref = 0x1122334455667788;
    frame.code = -5;
    frame.count = 9;
    frame.kind = 1;
    frame.operation = 0x0203;
    frame.sequence = 0xa0a1a2a3;
    frame.offset = 100;
    frame.total = 104;
    if (type == TPI_FRAME_FAILED) frame.code = TP_ENOPROC;
    return frame;
}

static const uint8_t all_types[] = {
#define NUMBER(name, number, flags, shape) number,
    TPI_FRAME_MAP(NUMBER)
#undef NUMBER
};
#define TYPES (sizeof all_types)

static size_t encode(const struct tpi_frame *frame, uint8_t *out, size_t room) {
    return kit_append(out, room, 0, frame);
}

static enum tpi_wire_code parse(const uint8_t *bytes, size_t size, struct tpi_frame *out) {
    struct tpi_wire_limits limits = small_limits();
    return tpi_frame_parse(bytes + TPI_FRAME_LENGTH_SIZE, size - TPI_FRAME_LENGTH_SIZE, &limits,
                           false, out);
}

/* Encodes and parses; the code's name. */
static const char *verdict(const struct tpi_frame *frame) {
    uint8_t bytes[4096];
    struct tpi_frame out;
    return tpi_wire_name(parse(bytes, encode(frame, bytes, sizeof bytes), &out));
}

static void assert_same(const struct tpi_frame *a, const struct tpi_frame *b) {
    uint8_t first[4096], second[4096];
    size_t size = encode(a, first, sizeof first);
    TP_ASSERT_EQ_INT(encode(b, second, sizeof second), size);
    TP_ASSERT(memcmp(first, second, size) == 0);
}

TP_TEST(wire_frame, every_type_comes_back_as_it_was_sent) {
    for (size_t i = 0; i < TYPES; i++) {
        struct tpi_frame frame = frame_of(all_types[i]), back;
        uint8_t bytes[4096];
        size_t size = encode(&frame, bytes, sizeof bytes);
        TP_ASSERT_EQ_STR(tpi_wire_name(parse(bytes, size, &back)), "OK");
        TP_ASSERT_EQ_INT(back.type, frame.type);
        assert_same(&frame, &back);
    }
}

TP_TEST(wire_frame, a_message_has_exactly_these_bytes) {
    struct tpi_frame frame = kit_message();
    uint8_t bytes[64], expected[64];
    size_t size = encode(&frame, bytes, sizeof bytes);
    TP_ASSERT_EQ_INT(kit_hex("00000016010000000001000000020000000300000004"
                             "92a17801",
                             expected, 64),
                     size);
    TP_ASSERT(memcmp(bytes, expected, size) == 0);
}

TP_TEST(wire_frame, fields_come_back_with_their_values) {
    struct tpi_frame frame = frame_of(TPI_FRAME_DOWN), back;
    frame.flags = TPI_FRAME_FOREIGN | TPI_FRAME_TRACED;
    frame.from_node = 77;
    frame.trace = 88;
    uint8_t bytes[256];
    TP_ASSERT_EQ_INT(parse(bytes, encode(&frame, bytes, sizeof bytes), &back), TPI_WIRE_OK);
    TP_ASSERT(back.to_slot == 1 && back.to_generation == 2);
    TP_ASSERT(back.from_slot == 3 && back.from_generation == 4);
    TP_ASSERT(back.from_node == 77 && back.trace == 88 && back.flags == frame.flags);
    TP_ASSERT(back.code == -5 && back.ref == frame.ref && back.payload.size == 4);
}

TP_TEST(wire_frame, a_message_comes_with_its_name_and_fields) {
    struct tpi_frame frame = kit_message(), back;
    uint8_t bytes[64];
    TP_ASSERT_EQ_INT(parse(bytes, encode(&frame, bytes, sizeof bytes), &back), TPI_WIRE_OK);
    TP_ASSERT(tp_str_equal(back.name, TP_STR("x")) && back.field_count == 1);
    TP_ASSERT(back.fields.size == 1 && *(const uint8_t *)back.fields.data == 1);
}

TP_TEST(wire_frame, the_size_is_known_before_encoding_and_less_room_is_refused) {
    for (size_t i = 0; i < TYPES; i++) {
        struct tpi_frame frame = frame_of(all_types[i]);
        uint8_t bytes[256];
        size_t size = tpi_frame_size(&frame), used = 0;
        for (size_t room = 0; room < size; room++)
            TP_ASSERT_EQ_INT(tpi_frame_encode(&frame, bytes, room, &used), TP_ETOOBIG);
        TP_ASSERT_EQ_INT(tpi_frame_encode(&frame, bytes, size, &used), TP_OK);
        TP_ASSERT_EQ_INT(used, size);
    }
}

TP_TEST(wire_frame, prefix_and_payload_stand_behind_each_other) {
    static const uint8_t prefix[] = {0x92, 0xa1, 'x'}, fields[] = {1};
    struct tpi_frame whole = kit_message(), parts = whole;
    parts.prefix = (tp_bin){prefix, sizeof prefix};
    parts.payload = (tp_bin){fields, sizeof fields};
    assert_same(&whole, &parts);
}

TP_TEST(wire_frame, the_head_alone_is_the_beginning_of_the_frame) {
    struct tpi_frame frame = frame_of(TPI_FRAME_REQUEST);
    uint8_t bytes[256], head[TPI_FRAME_HEAD_MAX];
    size_t size = encode(&frame, bytes, sizeof bytes);
    size_t head_size = tpi_frame_head(&frame, head);
    TP_ASSERT_EQ_INT(head_size + frame.payload.size, size);
    TP_ASSERT(memcmp(head, bytes, head_size) == 0);
}

TP_TEST(wire_frame, types_that_do_not_exist_are_refused) {
    unsigned refused = 0;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t bytes[64] = {0, 0, 0, 60, (uint8_t)type};
        struct tpi_frame out;
        bool known = strcmp(tpi_frame_name((uint8_t)type), "?") != 0;
        bool is_type = parse(bytes, sizeof bytes, &out) == TPI_WIRE_TYPE;
        TP_ASSERT(known != is_type);
        refused += is_type;
    }
    TP_ASSERT_EQ_INT(refused, 256 - TYPES);
}

TP_TEST(wire_frame, a_frame_cut_at_any_byte_is_refused) {
    for (size_t i = 0; i < TYPES; i++) {
        struct tpi_frame frame = frame_of(all_types[i]), out;
        frame.payload.size = frame.payload.size > 0 && all_types[i] != TPI_FRAME_FRAGMENT ? 4 : 1;
        if (all_types[i] == TPI_FRAME_FRAGMENT) frame.offset = 103;
        uint8_t bytes[256];
        size_t size = encode(&frame, bytes, sizeof bytes);
        bool open_ended = frame.type == TPI_FRAME_EXIT || frame.type == TPI_FRAME_DOWN ||
                          frame.type == TPI_FRAME_OPERATION;
        size_t end = open_ended ? size - 4 : size;
        for (size_t cut = TPI_FRAME_LENGTH_SIZE; cut < end; cut++)
            TP_ASSERT(parse(bytes, cut, &out) != TPI_WIRE_OK);
    }
}

TP_TEST(wire_frame, bytes_behind_a_frame_of_fixed_size_are_refused) {
    static const uint8_t fixed[] = {TPI_FRAME_LINK,   TPI_FRAME_UNLINK,    TPI_FRAME_MONITOR,
                                    TPI_FRAME_CREDIT, TPI_FRAME_HEARTBEAT, TPI_FRAME_GOODBYE};
    for (size_t i = 0; i < sizeof fixed; i++) {
        struct tpi_frame frame = frame_of(fixed[i]), out;
        uint8_t bytes[256] = {0};
        size_t size = encode(&frame, bytes, sizeof bytes);
        TP_ASSERT_EQ_INT(parse(bytes, size + 1, &out), TPI_WIRE_LONG);
    }
}

TP_TEST(wire_frame, unknown_flags_are_refused) {
    struct tpi_frame frame = kit_message(), out;
    uint8_t bytes[64];
    size_t size = encode(&frame, bytes, sizeof bytes);
    for (unsigned bit = 2; bit < 8; bit++) {
        bytes[5] = (uint8_t)(1u << bit);
        TP_ASSERT_EQ_INT(parse(bytes, size, &out), TPI_WIRE_FLAGS);
    }
}

TP_TEST(wire_frame, only_an_exit_can_be_because_of_a_link) {
    struct tpi_frame frame = frame_of(TPI_FRAME_EXIT), out;
    frame.flags = TPI_FRAME_LINKED;
    TP_ASSERT_EQ_STR(verdict(&frame), "OK");
    frame = frame_of(TPI_FRAME_DOWN);
    uint8_t bytes[64];
    size_t size = encode(&frame, bytes, sizeof bytes);
    bytes[5] = TPI_FRAME_LINKED;
    TP_ASSERT_EQ_INT(parse(bytes, size, &out), TPI_WIRE_FLAGS);
}

TP_TEST(wire_frame, a_null_receiver_is_refused) {
    struct tpi_frame frame = kit_message();
    frame.to_slot = frame.to_generation = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "PID");
}

TP_TEST(wire_frame, a_null_sender_is_for_messages_and_not_for_requests) {
    struct tpi_frame frame = kit_message();
    frame.from_slot = frame.from_generation = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "OK");
    frame = frame_of(TPI_FRAME_REQUEST);
    frame.from_slot = frame.from_generation = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "PID");
}

TP_TEST(wire_frame, the_null_pid_has_one_form) {
    struct tpi_frame frame = kit_message();
    frame.from_generation = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "PID");
}

TP_TEST(wire_frame, a_foreign_sender_needs_node_and_pid) {
    struct tpi_frame frame = kit_message();
    frame.flags = TPI_FRAME_FOREIGN;
    TP_ASSERT_EQ_STR(verdict(&frame), "PID");
    frame.from_node = 5;
    TP_ASSERT_EQ_STR(verdict(&frame), "OK");
    frame.from_slot = frame.from_generation = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "PID");
}

TP_TEST(wire_frame, a_zero_reference_is_refused_where_one_is_needed) {
    static const uint8_t types[] = {TPI_FRAME_REQUEST, TPI_FRAME_REPLY,  TPI_FRAME_UNLINK,
                                    TPI_FRAME_MONITOR, TPI_FRAME_CREDIT, TPI_FRAME_FLUSH};
    for (size_t i = 0; i < sizeof types; i++) {
        struct tpi_frame frame = frame_of(types[i]);
        frame.ref = 0;
        TP_ASSERT_EQ_STR(verdict(&frame), "REF");
    }
    struct tpi_frame frame = frame_of(TPI_FRAME_OPERATION);
    frame.ref = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "OK");
}

TP_TEST(wire_frame, kinds_and_codes_out_of_range_are_refused) {
    struct tpi_frame frame = frame_of(TPI_FRAME_HEARTBEAT);
    frame.kind = TPI_HEARTBEAT_PONG + 1;
    TP_ASSERT_EQ_STR(verdict(&frame), "VALUE");
    frame = frame_of(TPI_FRAME_GOODBYE);
    frame.kind = TPI_GOODBYE_COUNT;
    TP_ASSERT_EQ_STR(verdict(&frame), "VALUE");
    frame = frame_of(TPI_FRAME_FAILED);
    frame.code = 0;
    TP_ASSERT_EQ_STR(verdict(&frame), "VALUE");
    frame.code = 65536;
    TP_ASSERT_EQ_STR(verdict(&frame), "VALUE");
}

static const char *payload_verdict(const char *hex) {
    uint8_t payload[2048];
    struct tpi_frame frame = kit_message();
    frame.payload = (tp_bin){payload, kit_hex(hex, payload, sizeof payload)};
    return verdict(&frame);
}

TP_TEST(wire_frame, payloads_that_are_not_one_message_are_refused) {
    TP_ASSERT_EQ_STR(payload_verdict("91a178"), "OK");
    TP_ASSERT_EQ_STR(payload_verdict(""), "PAYLOAD");           /* nothing */
    TP_ASSERT_EQ_STR(payload_verdict("90"), "PAYLOAD");         /* no name */
    TP_ASSERT_EQ_STR(payload_verdict("91a0"), "PAYLOAD");       /* an empty name */
    TP_ASSERT_EQ_STR(payload_verdict("9101"), "PAYLOAD");       /* a name that is a number */
    TP_ASSERT_EQ_STR(payload_verdict("91a1ff"), "PAYLOAD");     /* a name that is not UTF-8 */
    TP_ASSERT_EQ_STR(payload_verdict("91a17801"), "PAYLOAD");   /* a byte too many */
    TP_ASSERT_EQ_STR(payload_verdict("92a178"), "PAYLOAD");     /* a field too few */
    TP_ASSERT_EQ_STR(payload_verdict("92a178c1"), "PAYLOAD");   /* a code that is not used */
    TP_ASSERT_EQ_STR(payload_verdict("ddffffffff"), "PAYLOAD"); /* 4,294,967,295 fields */
    TP_ASSERT_EQ_STR(payload_verdict("92a178dfffffffff"), "PAYLOAD");
    TP_ASSERT_EQ_STR(payload_verdict("92a178c6ffffffff"), "PAYLOAD");
}

TP_TEST(wire_frame, nesting_has_a_limit) {
    uint8_t payload[600];
    payload[0] = 0x92;
    payload[1] = 0xa1;
    payload[2] = 'x';
    struct tpi_frame frame = kit_message();
    for (size_t depth = 1; depth < 500; depth++) {
        memset(payload + 3, 0x91, depth);
        payload[3 + depth] = 0xc0;
        frame.payload = (tp_bin){payload, 3 + depth + 1};
        TP_ASSERT_EQ_STR(verdict(&frame), depth < TP_DEPTH_MAX ? "OK" : "PAYLOAD");
    }
}

TP_TEST(wire_frame, a_name_over_the_limit_is_refused) {
    uint8_t payload[300] = {0x91, 0xd9};
    struct tpi_frame frame = kit_message();
    for (size_t size = 127; size < 131; size++) {
        payload[2] = (uint8_t)size;
        memset(payload + 3, 'n', size);
        frame.payload = (tp_bin){payload, 3 + size};
        TP_ASSERT_EQ_STR(verdict(&frame), size <= TP_NAME_SIZE_MAX ? "OK" : "PAYLOAD");
    }
}

TP_TEST(wire_frame, a_message_over_the_limit_is_refused) {
    uint8_t payload[1100] = {0x92, 0xa1, 'x', 0xc5};
    struct tpi_frame frame = kit_message();
    for (unsigned size = 1020; size < 1030; size++) {
        tpi_put16(payload + 4, (uint16_t)(size - 6));
        frame.payload = (tp_bin){payload, size};
        TP_ASSERT_EQ_STR(verdict(&frame), size <= 1024 ? "OK" : "LENGTH");
    }
}

TP_TEST(wire_frame, a_reassembled_signal_is_no_fragment_and_no_control_frame) {
    struct tpi_wire_limits limits = small_limits();
    for (size_t i = 0; i < TYPES; i++) {
        struct tpi_frame frame = frame_of(all_types[i]), out;
        uint8_t bytes[256];
        size_t size = encode(&frame, bytes, sizeof bytes);
        enum tpi_wire_code code = tpi_frame_parse(bytes + 4, size - 4, &limits, true, &out);
        bool signal = all_types[i] < TPI_FRAME_FRAGMENT;
        TP_ASSERT_EQ_INT(code, signal ? TPI_WIRE_OK : TPI_WIRE_TYPE);
    }
}

TP_TEST(wire_frame, control_frames_are_those_from_credit_on) {
    TP_ASSERT(!tpi_frame_is_control(TPI_FRAME_MESSAGE));
    TP_ASSERT(!tpi_frame_is_control(TPI_FRAME_FRAGMENT));
    TP_ASSERT(tpi_frame_is_control(TPI_FRAME_CREDIT));
    TP_ASSERT(tpi_frame_is_control(TPI_FRAME_GOODBYE));
}

TP_TEST(wire_frame, every_error_has_a_name_and_a_sentence) {
    for (int code = 0; code < TPI_WIRE_CODE_COUNT; code++) {
        TP_ASSERT(strlen(tpi_wire_name((enum tpi_wire_code)code)) > 1);
        TP_ASSERT(strlen(tpi_wire_text((enum tpi_wire_code)code)) > 5);
    }
}
