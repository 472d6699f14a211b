/*
 * Message types with every kind and every form, for several test files.
 */
#ifndef TESTS_MESSAGE_KINDS_H
#define TESTS_MESSAGE_KINDS_H

#include <troupe/message.h>

enum colour { RED = -1, GREEN = 7, BLUE = INT32_MAX };

TP_MESSAGE(nothing)
TP_MESSAGE(point, TP_FIELD(i32, x), TP_FIELD(i32, y))
TP_MESSAGE(numbers, TP_FIELD(bool, truth), TP_FIELD(u8, a), TP_FIELD(u16, b), TP_FIELD(u32, c),
           TP_FIELD(u64, d), TP_FIELD(i8, e), TP_FIELD(i16, f), TP_FIELD(i32, g), TP_FIELD(i64, h),
           TP_FIELD(f64, i), TP_FIELD(pid, j), TP_ENUM(enum colour, k))
TP_MESSAGE(texts, TP_FIELD(str, text), TP_FIELD(bin, bytes), TP_FIELD(blob, large))
TP_MESSAGE(optionals, TP_OPTIONAL(bool, truth), TP_OPTIONAL(u8, a), TP_OPTIONAL(u16, b),
           TP_OPTIONAL(u32, c), TP_OPTIONAL(u64, d), TP_OPTIONAL(i8, e), TP_OPTIONAL(i16, f),
           TP_OPTIONAL(i32, g), TP_OPTIONAL(i64, h), TP_OPTIONAL(f64, i), TP_OPTIONAL(str, text),
           TP_OPTIONAL(bin, bytes), TP_OPTIONAL(blob, large), TP_OPTIONAL(pid, j))
TP_MESSAGE(lists, TP_LIST(bool, truth), TP_LIST(u8, a), TP_LIST(u16, b), TP_LIST(u32, c),
           TP_LIST(u64, d), TP_LIST(i8, e), TP_LIST(i16, f), TP_LIST(i32, g), TP_LIST(i64, h),
           TP_LIST(f64, i), TP_LIST(str, text), TP_LIST(bin, bytes), TP_LIST(blob, large),
           TP_LIST(pid, j), TP_LIST_OF(point, points))
TP_MESSAGE(maps, TP_MAP(bool, truth), TP_MAP(u8, a), TP_MAP(u16, b), TP_MAP(u32, c), TP_MAP(u64, d),
           TP_MAP(i8, e), TP_MAP(i16, f), TP_MAP(i32, g), TP_MAP(i64, h), TP_MAP(f64, i),
           TP_MAP(str, text), TP_MAP(bin, bytes), TP_MAP(blob, large), TP_MAP(pid, j))
TP_MESSAGE(everything, TP_NESTED(numbers, n), TP_NESTED(texts, t), TP_NESTED(optionals, o),
           TP_NESTED(lists, l), TP_NESTED(maps, m), TP_NESTED(nothing, none),
           TP_LIST_OF(lists, many), TP_FIELD(u8, last))

/* A value of `everything` with something in each field. It borrows; the blob is the caller's. */
everything everything_sample(const tp_blob *blob);

#endif
