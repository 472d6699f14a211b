/* The reader and the writer, value by value, against bytes written down from the specification. */
#include <troupe/codec.h>

#include <math.h>
#include <stdlib.h>

#include "tests/support/test.h"

struct bytes {
    uint8_t at[32];
    size_t size;
};

#define BYTES(...) ((struct bytes){.at = {__VA_ARGS__}, .size = sizeof((uint8_t[]){__VA_ARGS__})})

static bool wrote(const tp_writer *out, const uint8_t *start, struct bytes expected) {
    return !out->failed && (size_t)(out->at - start) == expected.size &&
           memcmp(start, expected.at, expected.size) == 0;
}

static bool u64_writes(uint64_t value, struct bytes expected) {
    uint8_t bytes[32];
    tp_writer out = tp_writer_over(bytes, expected.size);
    tp_write_u64(&out, value);
    tp_reader in = tp_reader_over(bytes, expected.size);
    return wrote(&out, bytes, expected) && tp_read_u64(&in, value) == value && !in.failed &&
           in.at == in.end;
}

static bool i64_writes(int64_t value, struct bytes expected) {
    uint8_t bytes[32];
    tp_writer out = tp_writer_over(bytes, expected.size);
    tp_write_i64(&out, value);
    tp_reader in = tp_reader_over(bytes, expected.size);
    return wrote(&out, bytes, expected) && tp_read_i64(&in, value, value) == value && !in.failed &&
           in.at == in.end;
}

static tp_reader over(const struct bytes *bytes) {
    return tp_reader_over(bytes->at, bytes->size);
}

TP_TEST(codec, unsigned_integers_take_their_shortest_form) {
    TP_ASSERT(u64_writes(0, BYTES(0x00)));
    TP_ASSERT(u64_writes(127, BYTES(0x7f)));
    TP_ASSERT(u64_writes(128, BYTES(0xcc, 0x80)));
    TP_ASSERT(u64_writes(255, BYTES(0xcc, 0xff)));
    TP_ASSERT(u64_writes(256, BYTES(0xcd, 1, 0)));
    TP_ASSERT(u64_writes(65535, BYTES(0xcd, 0xff, 0xff)));
    TP_ASSERT(u64_writes(65536, BYTES(0xce, 0, 1, 0, 0)));
    TP_ASSERT(u64_writes(UINT32_MAX, BYTES(0xce, 0xff, 0xff, 0xff, 0xff)));
    TP_ASSERT(u64_writes(UINT64_C(1) << 32, BYTES(0xcf, 0, 0, 0, 1, 0, 0, 0, 0)));
    TP_ASSERT(u64_writes(UINT64_MAX, BYTES(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)));
}

TP_TEST(codec, signed_integers_take_their_shortest_form) {
    TP_ASSERT(i64_writes(0, BYTES(0x00)));
    TP_ASSERT(i64_writes(127, BYTES(0x7f)));
    TP_ASSERT(i64_writes(128, BYTES(0xcc, 0x80)));
    TP_ASSERT(i64_writes(-1, BYTES(0xff)));
    TP_ASSERT(i64_writes(-32, BYTES(0xe0)));
    TP_ASSERT(i64_writes(-33, BYTES(0xd0, 0xdf)));
    TP_ASSERT(i64_writes(-128, BYTES(0xd0, 0x80)));
    TP_ASSERT(i64_writes(-129, BYTES(0xd1, 0xff, 0x7f)));
    TP_ASSERT(i64_writes(-32768, BYTES(0xd1, 0x80, 0x00)));
    TP_ASSERT(i64_writes(-32769, BYTES(0xd2, 0xff, 0xff, 0x7f, 0xff)));
    TP_ASSERT(i64_writes(INT32_MIN, BYTES(0xd2, 0x80, 0, 0, 0)));
    TP_ASSERT(i64_writes((int64_t)INT32_MIN - 1,
                         BYTES(0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff)));
    TP_ASSERT(i64_writes(INT64_MIN, BYTES(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0)));
    TP_ASSERT(i64_writes(INT64_MAX, BYTES(0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)));
}

static bool reads_u64(struct bytes bytes, uint64_t max, uint64_t expected) {
    tp_reader in = over(&bytes);
    return tp_read_u64(&in, max) == expected && !in.failed && in.at == in.end;
}

static bool u64_refused(struct bytes bytes, uint64_t max) {
    tp_reader in = over(&bytes);
    return tp_read_u64(&in, max) == 0 && in.failed && in.at == in.end;
}

static bool reads_i64(struct bytes bytes, int64_t expected) {
    tp_reader in = over(&bytes);
    return tp_read_i64(&in, INT64_MIN, INT64_MAX) == expected && !in.failed && in.at == in.end;
}

static bool i64_refused(struct bytes bytes, int64_t min, int64_t max) {
    tp_reader in = over(&bytes);
    return tp_read_i64(&in, min, max) == 0 && in.failed && in.at == in.end;
}

TP_TEST(codec, every_form_of_an_integer_is_read) {
    TP_ASSERT(reads_u64(BYTES(0xcc, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xcd, 0, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xce, 0, 0, 0, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xcf, 0, 0, 0, 0, 0, 0, 0, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xd0, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xd1, 0, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xd2, 0, 0, 0, 5), 5, 5));
    TP_ASSERT(reads_u64(BYTES(0xd3, 0, 0, 0, 0, 0, 0, 0, 5), 5, 5));
    TP_ASSERT(reads_i64(BYTES(0xcc, 200), 200));
    TP_ASSERT(reads_i64(BYTES(0xcd, 0, 5), 5));
    TP_ASSERT(reads_i64(BYTES(0xce, 0xff, 0xff, 0xff, 0xff), UINT32_MAX));
    TP_ASSERT(reads_i64(BYTES(0xd0, 0xff), -1));
    TP_ASSERT(reads_i64(BYTES(0xd1, 0xff, 0xfb), -5));
    TP_ASSERT(reads_i64(BYTES(0xd2, 0xff, 0xff, 0xff, 0xfb), -5));
    TP_ASSERT(reads_i64(BYTES(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb), -5));
}

TP_TEST(codec, integers_out_of_range_are_refused) {
    TP_ASSERT(u64_refused(BYTES(6), 5));
    TP_ASSERT(u64_refused(BYTES(0xcc, 6), 5));
    TP_ASSERT(u64_refused(BYTES(0xff), UINT64_MAX));
    TP_ASSERT(u64_refused(BYTES(0xd0, 0xff), UINT64_MAX));
    TP_ASSERT(u64_refused(BYTES(0xd3, 0xff, 0, 0, 0, 0, 0, 0, 0), UINT64_MAX));
    TP_ASSERT(i64_refused(BYTES(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0), INT64_MIN, INT64_MAX));
    TP_ASSERT(i64_refused(BYTES(6), 0, 5));
    TP_ASSERT(i64_refused(BYTES(6), 7, 9));
    TP_ASSERT(i64_refused(BYTES(0xcc, 128), INT8_MIN, INT8_MAX));
    TP_ASSERT(i64_refused(BYTES(0xd1, 0xff, 0x7f), INT8_MIN, INT8_MAX));
    TP_ASSERT(i64_refused(BYTES(5), INT64_MIN, -1));
    TP_ASSERT(i64_refused(BYTES(0xc0), INT64_MIN, INT64_MAX));
    TP_ASSERT(i64_refused(BYTES(0xc1), INT64_MIN, INT64_MAX));
    TP_ASSERT(i64_refused(BYTES(0xca, 0, 0, 0, 0), INT64_MIN, INT64_MAX));
}

static bool reads_f64(struct bytes bytes, double expected) {
    tp_reader in = over(&bytes);
    double value = tp_read_f64(&in);
    return !in.failed && in.at == in.end && memcmp(&value, &expected, sizeof value) == 0;
}

TP_TEST(codec, floats_are_read_from_both_widths_and_from_integers) {
    TP_ASSERT(reads_f64(BYTES(0xca, 0x3f, 0xc0, 0, 0), 1.5));
    TP_ASSERT(reads_f64(BYTES(0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0), 1.5));
    TP_ASSERT(reads_f64(BYTES(0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0), -0.0));
    TP_ASSERT(reads_f64(BYTES(0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0), INFINITY));
    TP_ASSERT(reads_f64(BYTES(0xca, 0xff, 0x80, 0, 0), -INFINITY));
    TP_ASSERT(reads_f64(BYTES(7), 7.0));
    TP_ASSERT(reads_f64(BYTES(0xe0), -32.0));
    TP_ASSERT(reads_f64(BYTES(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0x1p64));
    struct bytes nan_bytes = BYTES(0xca, 0x7f, 0xc0, 0, 0);
    tp_reader in = over(&nan_bytes);
    TP_ASSERT(isnan(tp_read_f64(&in)) && !in.failed);
}

TP_TEST(codec, floats_are_written_in_64_bits) {
    uint8_t bytes[9];
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    tp_write_f64(&out, 1.5);
    TP_ASSERT(wrote(&out, bytes, BYTES(0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)));
}

TP_TEST(codec, nil_and_booleans_are_a_byte) {
    uint8_t bytes[3];
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    tp_write_nil(&out);
    tp_write_bool(&out, false);
    tp_write_bool(&out, true);
    TP_ASSERT(wrote(&out, bytes, BYTES(0xc0, 0xc2, 0xc3)));
    tp_reader in = tp_reader_over(bytes, sizeof bytes);
    TP_ASSERT(tp_read_nil(&in));
    TP_ASSERT(!tp_read_nil(&in) && !in.failed);
    TP_ASSERT(!tp_read_bool(&in));
    TP_ASSERT(tp_read_bool(&in));
    TP_ASSERT(!in.failed && !tp_read_bool(&in) && in.failed);
}

/* The bytes of a head followed by `size` others. */
static void check_str(size_t size, struct bytes head) {
    uint8_t *bytes = malloc(head.size + size);
    char *text = malloc(size + 1);
    TP_ASSERT(bytes != NULL && text != NULL);
    memset(text, 'x', size);
    for (size_t room = 0; room < head.size + size; room += 1 + size / 7) {
        tp_writer small = tp_writer_over(bytes, room);
        tp_write_str(&small, (tp_str){text, size});
        TP_ASSERT(small.failed && small.at == bytes);
    }
    tp_writer out = tp_writer_over(bytes, head.size + size);
    tp_write_str(&out, (tp_str){text, size});
    TP_ASSERT(!out.failed && out.at == out.end);
    TP_ASSERT(memcmp(bytes, head.at, head.size) == 0);
    tp_reader in = tp_reader_over(bytes, head.size + size);
    TP_ASSERT(tp_read_kind(&in) == TP_KIND_STR);
    tp_str back = tp_read_str(&in);
    TP_ASSERT(!in.failed && in.at == in.end && back.size == size);
    TP_ASSERT(size == 0 || (const uint8_t *)back.data == bytes + head.size);
    free(text);
    free(bytes);
}

TP_TEST(codec, text_has_the_shortest_head) {
    check_str(0, BYTES(0xa0));
    check_str(1, BYTES(0xa1));
    check_str(31, BYTES(0xbf));
    check_str(32, BYTES(0xd9, 32));
    check_str(255, BYTES(0xd9, 255));
    check_str(256, BYTES(0xda, 1, 0));
    check_str(65535, BYTES(0xda, 255, 255));
    check_str(65536, BYTES(0xdb, 0, 1, 0, 0));
}

static void check_bin(size_t size, struct bytes head) {
    uint8_t *bytes = malloc(head.size + size);
    uint8_t *data = malloc(size + 1);
    TP_ASSERT(bytes != NULL && data != NULL);
    memset(data, 0xc1, size);
    tp_writer small = tp_writer_over(bytes, head.size + size - 1);
    tp_write_bin(&small, (tp_bin){data, size});
    TP_ASSERT(small.failed && small.at == bytes);
    tp_writer out = tp_writer_over(bytes, head.size + size);
    tp_write_bin(&out, (tp_bin){data, size});
    TP_ASSERT(!out.failed && out.at == out.end);
    TP_ASSERT(memcmp(bytes, head.at, head.size) == 0);
    tp_reader in = tp_reader_over(bytes, head.size + size);
    TP_ASSERT(tp_read_kind(&in) == TP_KIND_BIN);
    tp_bin back = tp_read_bin(&in);
    TP_ASSERT(!in.failed && in.at == in.end && back.size == size);
    TP_ASSERT(size == 0 || memcmp(back.data, data, size) == 0);
    free(data);
    free(bytes);
}

TP_TEST(codec, bytes_have_the_shortest_head) {
    check_bin(0, BYTES(0xc4, 0));
    check_bin(1, BYTES(0xc4, 1));
    check_bin(255, BYTES(0xc4, 255));
    check_bin(256, BYTES(0xc5, 1, 0));
    check_bin(65535, BYTES(0xc5, 255, 255));
    check_bin(65536, BYTES(0xc6, 0, 1, 0, 0));
}

TP_TEST(codec, text_and_bytes_beyond_4_gib_are_refused_unread) {
    uint8_t bytes[16];
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    tp_write_str(&out, (tp_str){"x", (size_t)UINT32_MAX + 1});
    TP_ASSERT(out.failed && out.at == bytes);
    out = tp_writer_over(bytes, sizeof bytes);
    tp_write_bin(&out, (tp_bin){"x", SIZE_MAX});
    TP_ASSERT(out.failed && out.at == bytes);
}

static bool array_writes(uint32_t count, struct bytes expected) {
    uint8_t bytes[8];
    tp_writer out = tp_writer_over(bytes, expected.size);
    tp_write_array(&out, count);
    return wrote(&out, bytes, expected);
}

static bool map_writes(uint32_t count, struct bytes expected) {
    uint8_t bytes[8];
    tp_writer out = tp_writer_over(bytes, expected.size);
    tp_write_map(&out, count);
    return wrote(&out, bytes, expected);
}

TP_TEST(codec, containers_have_the_shortest_head) {
    TP_ASSERT(array_writes(0, BYTES(0x90)));
    TP_ASSERT(array_writes(15, BYTES(0x9f)));
    TP_ASSERT(array_writes(16, BYTES(0xdc, 0, 16)));
    TP_ASSERT(array_writes(65535, BYTES(0xdc, 255, 255)));
    TP_ASSERT(array_writes(65536, BYTES(0xdd, 0, 1, 0, 0)));
    TP_ASSERT(map_writes(0, BYTES(0x80)));
    TP_ASSERT(map_writes(15, BYTES(0x8f)));
    TP_ASSERT(map_writes(16, BYTES(0xde, 0, 16)));
    TP_ASSERT(map_writes(65535, BYTES(0xde, 255, 255)));
    TP_ASSERT(map_writes(65536, BYTES(0xdf, 0, 1, 0, 0)));
}

TP_TEST(codec, container_heads_of_every_form_are_read) {
    struct bytes array16 = BYTES(0xdc, 0, 2, 1, 2), array32 = BYTES(0xdd, 0, 0, 0, 2, 1, 2);
    struct bytes map16 = BYTES(0xde, 0, 1, 1, 2), map32 = BYTES(0xdf, 0, 0, 0, 1, 1, 2);
    tp_reader in = over(&array16);
    TP_ASSERT_EQ_INT(tp_read_array(&in), 2);
    in = over(&array32);
    TP_ASSERT_EQ_INT(tp_read_array(&in), 2);
    TP_ASSERT_EQ_INT(tpi_left(&in), 2);
    in = over(&map16);
    TP_ASSERT_EQ_INT(tp_read_map(&in), 1);
    in = over(&map32);
    TP_ASSERT_EQ_INT(tp_read_map(&in), 1);
    TP_ASSERT_EQ_INT(tpi_left(&in), 2);
}

TP_TEST(codec, a_pid_is_an_extension_of_16_bytes) {
    uint8_t bytes[18];
    tp_pid pid = {UINT64_C(0x0102030405060708), 0x090a0b0c, 0x0d0e0f10};
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    tp_write_pid(&out, pid);
    TP_ASSERT(
        wrote(&out, bytes,
              BYTES(0xd8, TP_EXT_PID, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)));
    tp_reader in = tp_reader_over(bytes, sizeof bytes);
    TP_ASSERT(tp_read_kind(&in) == TP_KIND_EXT);
    TP_ASSERT(tp_pid_equal(tp_read_pid(&in), pid) && !in.failed);
    bytes[1] = 2; /* another extension */
    in = tp_reader_over(bytes, sizeof bytes);
    TP_ASSERT(tp_pid_is_null(tp_read_pid(&in)) && in.failed);
}

TP_TEST(codec, a_full_writer_writes_nothing_more) {
    uint8_t bytes[4] = {0};
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    tp_write_u64(&out, 1);
    tp_write_f64(&out, 1);
    TP_ASSERT(out.failed && out.at == bytes + 1);
    tp_write_nil(&out); /* would fit, but a hole in the middle is worse than nothing */
    tp_write_bool(&out, true);
    tp_write_i64(&out, 1);
    tp_write_str(&out, TP_STR("a"));
    tp_write_bin(&out, (tp_bin){"a", 1});
    tp_write_pid(&out, tp_pid_null());
    tp_write_array(&out, 0);
    tp_write_map(&out, 0);
    TP_ASSERT(out.failed && out.at == bytes + 1);
}

TP_TEST(codec, a_writer_without_room_fails_at_once) {
    tp_writer out = tp_writer_over(NULL, 0);
    tp_write_nil(&out);
    TP_ASSERT(out.failed);
}

TP_TEST(codec, an_empty_reader_is_at_its_end) {
    tp_reader in = tp_reader_over(NULL, 0);
    TP_ASSERT(tp_read_kind(&in) == TP_KIND_END);
    TP_ASSERT(!tp_read_nil(&in) && !in.failed);
    tp_read_skip(&in);
    TP_ASSERT(in.failed);
}

TP_TEST(codec, after_a_failure_every_read_gives_zero) {
    struct bytes bytes = BYTES(0xc1, 1, 2, 3);
    tp_reader in = over(&bytes);
    TP_ASSERT(tp_read_kind(&in) == TP_KIND_INVALID);
    tp_read_skip(&in);
    TP_ASSERT(in.failed && tp_read_kind(&in) == TP_KIND_END);
    TP_ASSERT(!tp_read_nil(&in) && !tp_read_bool(&in));
    TP_ASSERT(tp_read_u64(&in, UINT64_MAX) == 0 && tp_read_i64(&in, -1, 1) == 0);
    TP_ASSERT(tp_read_f64(&in) == 0 && tp_read_str(&in).size == 0 && tp_read_bin(&in).size == 0);
    TP_ASSERT(tp_pid_is_null(tp_read_pid(&in)));
    TP_ASSERT(tp_read_array(&in) == 0 && tp_read_map(&in) == 0);
    TP_ASSERT(tpi_read_enter(&in) == 0 && tpi_read_blob(&in) == NULL);
}

TP_TEST(codec, a_value_of_another_kind_is_refused) {
    /* One value of each kind, and the readers that take it as bits. */
    const struct {
        struct bytes bytes;
        unsigned taken_by;
    } rows[] = {{BYTES(0xc0), 0},       {BYTES(0xc3), 1},
                {BYTES(5), 2 | 4 | 8},  {BYTES(0xca, 0, 0, 0, 0), 8},
                {BYTES(0xa1, 'x'), 16}, {BYTES(0xc4, 1, 'x'), 32},
                {BYTES(0x91, 1), 64},   {BYTES(0x81, 1, 1), 128},
                {BYTES(0xd4, 1, 1), 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned reader = 0; reader < 9; reader++) {
            tp_reader in = over(&rows[i].bytes);
            switch (reader) {
            case 0: (void)tp_read_bool(&in); break;
            case 1: (void)tp_read_u64(&in, 9); break;
            case 2: (void)tp_read_i64(&in, -9, 9); break;
            case 3: (void)tp_read_f64(&in); break;
            case 4: (void)tp_read_str(&in); break;
            case 5: (void)tp_read_bin(&in); break;
            case 6: (void)tp_read_array(&in); break;
            case 7: (void)tp_read_map(&in); break;
            default: (void)tp_read_pid(&in);
            }
            bool takes = (rows[i].taken_by >> reader & 1) != 0;
            TP_ASSERT_MSG(in.failed == !takes, "row %zu, reader %u", i, reader);
        }
    }
}

TP_TEST(codec, only_one_tag_is_invalid) {
    for (unsigned tag = 0; tag < 256; tag++) {
        uint8_t byte = (uint8_t)tag;
        tp_reader in = tp_reader_over(&byte, 1);
        TP_ASSERT_EQ_INT(tp_read_kind(&in) == TP_KIND_INVALID, tag == 0xc1);
    }
}

static bool utf8(const char *text) {
    return tp_utf8_valid(text, strlen(text));
}

TP_TEST(codec, utf8_is_checked_as_unicode_says) {
    TP_ASSERT(tp_utf8_valid(NULL, 0) && utf8("plain") && tp_utf8_valid("\0", 1));
    TP_ASSERT(utf8("\xc2\x80") && utf8("\xdf\xbf"));
    TP_ASSERT(utf8("\xe0\xa0\x80") && utf8("\xed\x9f\xbf") && utf8("\xee\x80\x80"));
    TP_ASSERT(utf8("\xef\xbf\xbf") && utf8("\xf0\x90\x80\x80") && utf8("\xf4\x8f\xbf\xbf"));
    TP_ASSERT(!utf8("\x80") && !utf8("\xbf") && !utf8("\xfe") && !utf8("\xff"));
    TP_ASSERT(!utf8("\xc0\xaf") && !utf8("\xc1\xbf") && !utf8("\xe0\x9f\xbf"));
    TP_ASSERT(!utf8("\xf0\x8f\xbf\xbf") && !utf8("\xed\xa0\x80") && !utf8("\xed\xbf\xbf"));
    TP_ASSERT(!utf8("\xf4\x90\x80\x80") && !utf8("\xf5\x80\x80\x80"));
    TP_ASSERT(!utf8("\xc3") && !utf8("\xe2\x82") && !utf8("\xf0\x9f\x92") && !utf8("\xc3(x"));
    TP_ASSERT(!utf8("\xe2(\xa1") && !utf8("\xe2\x82("));
}
