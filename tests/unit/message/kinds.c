/* See kinds.h. */
#include "tests/unit/message/kinds.h"

static const tp_pid pids[] = {{UINT64_MAX, UINT32_MAX, UINT32_MAX}, {1, 2, 3}, {0, 0, 0}};

static numbers sample_numbers(void) {
    return (numbers){.truth = true,
                     .a = UINT8_MAX,
                     .b = UINT16_MAX,
                     .c = UINT32_MAX,
                     .d = UINT64_MAX,
                     .e = INT8_MIN,
                     .f = INT16_MIN,
                     .g = INT32_MIN,
                     .h = INT64_MIN,
                     .i = -0.5,
                     .j = pids[1],
                     .k = RED};
}

static optionals sample_optionals(const tp_blob *blob) {
    return (optionals){.truth = {true, true},
                       .a = {true, 1},
                       .c = {true, 3},
                       .e = {true, -5},
                       .h = {true, -8},
                       .i = {true, 0.25},
                       .text = {true, TP_STR("")},
                       .bytes = {true, {"\x00\xff", 2}},
                       .large = {true, blob},
                       .j = {true, pids[0]}};
}

static const bool truths[] = {true, false};
static const uint8_t u8s[] = {0, 127, 128, 255};
static const uint16_t u16s[] = {0, 255, 256, 65535};
static const uint32_t u32s[] = {65535, 65536, UINT32_MAX};
static const uint64_t u64s[] = {UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
static const int8_t i8s[] = {-128, -33, -32, -1, 0, 127};
static const int16_t i16s[] = {-32768, -129, -128, 32767};
static const int32_t i32s[] = {INT32_MIN, -32769, INT32_MAX};
static const int64_t i64s[] = {INT64_MIN, INT64_C(-2147483649), INT64_MAX};
static const double f64s[] = {0, -0.0, 1e300, 0.1};
static const tp_str strs[] = {{"", 0}, {"a", 1}, {"\xc3\xa9", 2}};
static const tp_bin bins[] = {{NULL, 0}, {"\x00", 1}};
static const point points[] = {{1, -1}, {INT32_MIN, INT32_MAX}};
#define ALL(array)                                                                                 \
    { array, sizeof(array) / sizeof(array)[0] }

static const tp_entry_bool bool_entries[] = {{{"yes", 3}, true}, {{"yes", 3}, false}};
static const tp_entry_u8 u8_entries[] = {{{"k", 1}, 255}};
static const tp_entry_i64 i64_entries[] = {{{"", 0}, INT64_MIN}, {{"k", 1}, 0}};
static const tp_entry_str str_entries[] = {{{"k", 1}, {"v", 1}}};
static const tp_entry_pid pid_entries[] = {{{"k", 1}, {1, 2, 3}}};

everything everything_sample(const tp_blob *blob) {
    static const lists inner[] = {{.a = ALL(u8s)}, {.text = ALL(strs)}};
    static const tp_blob *blobs[2];
    static tp_entry_blob blob_entries[1];
    blobs[0] = blobs[1] = blob;
    blob_entries[0] = (tp_entry_blob){TP_STR("blob"), blob};
    return (everything){
        .n = sample_numbers(),
        .t = {TP_STR("text"), {"bytes", 5}, blob},
        .o = sample_optionals(blob),
        .l = {ALL(truths), ALL(u8s), ALL(u16s), ALL(u32s), ALL(u64s), ALL(i8s), ALL(i16s),
              ALL(i32s), ALL(i64s), ALL(f64s), ALL(strs), ALL(bins), ALL(blobs), ALL(pids),
              ALL(points)},
        .m = {.truth = ALL(bool_entries),
              .a = ALL(u8_entries),
              .h = ALL(i64_entries),
              .text = ALL(str_entries),
              .large = ALL(blob_entries),
              .j = ALL(pid_entries)},
        .many = ALL(inner),
        .last = 200,
    };
}
