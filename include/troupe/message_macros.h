/*
 * What TP_MESSAGE expands to. Nothing here is for direct use.
 *
 * For each kind K: its C type, how it is put, read and measured. A field (FORM, K, name) goes through
 * TPI_<pass>_<FORM>(K, name) in four passes: member, encode, decode, measure; and two for constants.
 */
#ifndef TROUPE_MESSAGE_H
#include <troupe/message.h> /* which includes this header where it is needed */
#endif

#ifndef TROUPE_MESSAGE_MACROS_H
#define TROUPE_MESSAGE_MACROS_H

TP_EXTERN_BEGIN

#define TPI_VARIABLE 65536u /* added to the bound by a field without a fixed one */

#define TPI_TYPE_bool bool
#define TPI_TYPE__Bool bool
#define TPI_TYPE_u8 uint8_t
#define TPI_TYPE_u16 uint16_t
#define TPI_TYPE_u32 uint32_t
#define TPI_TYPE_u64 uint64_t
#define TPI_TYPE_i8 int8_t
#define TPI_TYPE_i16 int16_t
#define TPI_TYPE_i32 int32_t
#define TPI_TYPE_i64 int64_t
#define TPI_TYPE_f64 double
#define TPI_TYPE_str tp_str
#define TPI_TYPE_bin tp_bin
#define TPI_TYPE_blob const tp_blob *
#define TPI_TYPE_pid tp_pid

#define TPI_PUT_bool(out, value) tpi_put_byte(out, (value) ? 0xc3 : 0xc2)
#define TPI_PUT__Bool(out, value) TPI_PUT_bool(out, value)
#define TPI_PUT_u8(out, value) tpi_put_u64(out, value)
#define TPI_PUT_u16(out, value) tpi_put_u64(out, value)
#define TPI_PUT_u32(out, value) tpi_put_u64(out, value)
#define TPI_PUT_u64(out, value) tpi_put_u64(out, value)
#define TPI_PUT_i8(out, value) tpi_put_i64(out, value)
#define TPI_PUT_i16(out, value) tpi_put_i64(out, value)
#define TPI_PUT_i32(out, value) tpi_put_i64(out, value)
#define TPI_PUT_i64(out, value) tpi_put_i64(out, value)
#define TPI_PUT_f64(out, value) tpi_put_f64(out, value)
#define TPI_PUT_str(out, value) tpi_put_str(out, value)
#define TPI_PUT_bin(out, value) tpi_put_bin(out, value)
#define TPI_PUT_blob(out, value) tpi_put_blob(out, value)
#define TPI_PUT_pid(out, value) tpi_put_pid(out, value)

#define TPI_GET_bool(in) tp_read_bool(in)
#define TPI_GET__Bool(in) tp_read_bool(in)
#define TPI_GET_u8(in) ((uint8_t)tp_read_u64(in, UINT8_MAX))
#define TPI_GET_u16(in) ((uint16_t)tp_read_u64(in, UINT16_MAX))
#define TPI_GET_u32(in) ((uint32_t)tp_read_u64(in, UINT32_MAX))
#define TPI_GET_u64(in) tp_read_u64(in, UINT64_MAX)
#define TPI_GET_i8(in) ((int8_t)tp_read_i64(in, INT8_MIN, INT8_MAX))
#define TPI_GET_i16(in) ((int16_t)tp_read_i64(in, INT16_MIN, INT16_MAX))
#define TPI_GET_i32(in) ((int32_t)tp_read_i64(in, INT32_MIN, INT32_MAX))
#define TPI_GET_i64(in) tp_read_i64(in, INT64_MIN, INT64_MAX)
#define TPI_GET_f64(in) tp_read_f64(in)
#define TPI_GET_str(in) tp_read_str(in)
#define TPI_GET_bin(in) tp_read_bin(in)
#define TPI_GET_blob(in) tpi_read_blob(in)
#define TPI_GET_pid(in) tp_read_pid(in)

/* The most bytes of a fixed kind; for the others the head, TPI_VARIABLE added in the bound. */
#define TPI_HEAD_bool 1u
#define TPI_HEAD__Bool 1u
#define TPI_HEAD_u8 2u
#define TPI_HEAD_u16 3u
#define TPI_HEAD_u32 5u
#define TPI_HEAD_u64 9u
#define TPI_HEAD_i8 2u
#define TPI_HEAD_i16 3u
#define TPI_HEAD_i32 5u
#define TPI_HEAD_i64 9u
#define TPI_HEAD_f64 9u
#define TPI_HEAD_str (5u + TPI_VARIABLE)
#define TPI_HEAD_bin (5u + TPI_VARIABLE)
#define TPI_HEAD_blob (5u + TPI_VARIABLE)
#define TPI_HEAD_pid 18u

#define TPI_SIZE_bool(value) 1u
#define TPI_SIZE__Bool(value) 1u
#define TPI_SIZE_u8(value) 2u
#define TPI_SIZE_u16(value) 3u
#define TPI_SIZE_u32(value) 5u
#define TPI_SIZE_u64(value) 9u
#define TPI_SIZE_i8(value) 2u
#define TPI_SIZE_i16(value) 3u
#define TPI_SIZE_i32(value) 5u
#define TPI_SIZE_i64(value) 9u
#define TPI_SIZE_f64(value) 9u
#define TPI_SIZE_str(value) (5u + (value).size)
#define TPI_SIZE_bin(value) (5u + (value).size)
#define TPI_SIZE_blob(value) (5u + tp_blob_size(value))
#define TPI_SIZE_pid(value) 18u

TPI_UNUSED static inline void tpi_put_blob(tp_writer *out, const tp_blob *blob) {
    tp_bin bin = {tp_blob_data(blob), tp_blob_size(blob)};
    tpi_put_bin(out, bin);
}

/* tp_optional_K, tp_list_K, tp_entry_K, tp_map_K and their codecs, for each kind. */
#define TPI_CONTAINERS(K)                                                                          \
    typedef struct tp_optional_##K {                                                               \
        bool present;                                                                              \
        TPI_TYPE_##K value;                                                                        \
    } tp_optional_##K;                                                                             \
    typedef struct tp_list_##K {                                                                   \
        TPI_TYPE_##K const *items;                                                                 \
        size_t count;                                                                              \
    } tp_list_##K;                                                                                 \
    typedef struct tp_entry_##K {                                                                  \
        tp_str key;                                                                                \
        TPI_TYPE_##K value;                                                                        \
    } tp_entry_##K;                                                                                \
    typedef struct tp_map_##K {                                                                    \
        const tp_entry_##K *items;                                                                 \
        size_t count;                                                                              \
    } tp_map_##K;                                                                                  \
    TPI_UNUSED static inline void tpi_put_optional_##K(tp_writer *out, tp_optional_##K optional) { \
        if (optional.present) TPI_PUT_##K(out, optional.value);                                    \
        else tpi_put_byte(out, 0xc0);                                                              \
    }                                                                                              \
    TPI_UNUSED static inline tp_optional_##K tpi_get_optional_##K(tp_reader *in) {                 \
        tp_optional_##K optional;                                                                  \
        memset(&optional, 0, sizeof optional);                                                     \
        optional.present = !tp_read_nil(in);                                                       \
        if (optional.present) optional.value = TPI_GET_##K(in);                                    \
        return optional;                                                                           \
    }                                                                                              \
    TPI_UNUSED static inline void tpi_put_list_##K(tp_writer *out, tp_list_##K list) {             \
        tpi_put_array(out, (uint32_t)list.count);                                                  \
        for (size_t i = 0; i < list.count; i++) TPI_PUT_##K(out, list.items[i]);                   \
    }                                                                                              \
    TPI_UNUSED static inline size_t tpi_size_list_##K(tp_list_##K list) {                          \
        size_t size = 5;                                                                           \
        for (size_t i = 0; i < list.count; i++) size += TPI_SIZE_##K(list.items[i]);               \
        return size;                                                                               \
    }                                                                                              \
    TPI_UNUSED static inline tp_list_##K tpi_get_list_##K(tp_reader *in) {                         \
        tp_list_##K list = {NULL, 0};                                                              \
        uint32_t count = tp_read_array(in);                                                        \
        TPI_TYPE_##K *items = (TPI_TYPE_##K *)tpi_read_items(in, count, sizeof(TPI_TYPE_##K));     \
        if (items == NULL) return list;                                                            \
        for (uint32_t i = 0; i < count && !in->failed; i++) items[i] = TPI_GET_##K(in);            \
        list.items = items;                                                                        \
        list.count = in->failed ? 0 : count;                                                       \
        return list;                                                                               \
    }                                                                                              \
    TPI_UNUSED static inline void tpi_put_map_##K(tp_writer *out, tp_map_##K map) {                \
        tpi_put_map(out, (uint32_t)map.count);                                                     \
        for (size_t i = 0; i < map.count; i++) {                                                   \
            tpi_put_str(out, map.items[i].key);                                                    \
            TPI_PUT_##K(out, map.items[i].value);                                                  \
        }                                                                                          \
    }                                                                                              \
    TPI_UNUSED static inline size_t tpi_size_map_##K(tp_map_##K map) {                             \
        size_t size = 5;                                                                           \
        for (size_t i = 0; i < map.count; i++)                                                     \
            size += 5 + map.items[i].key.size + TPI_SIZE_##K(map.items[i].value);                  \
        return size;                                                                               \
    }                                                                                              \
    TPI_UNUSED static inline tp_map_##K tpi_get_map_##K(tp_reader *in) {                           \
        tp_map_##K map = {NULL, 0};                                                                \
        uint32_t count = tp_read_map(in);                                                          \
        tp_entry_##K *items = (tp_entry_##K *)tpi_read_items(in, count, sizeof(tp_entry_##K));     \
        if (items == NULL) return map;                                                             \
        for (uint32_t i = 0; i < count && !in->failed; i++) {                                      \
            items[i].key = tp_read_str(in);                                                        \
            items[i].value = TPI_GET_##K(in);                                                      \
        }                                                                                          \
        map.items = items;                                                                         \
        map.count = in->failed ? 0 : count;                                                        \
        return map;                                                                                \
    }
TPI_CONTAINERS(u8)
TPI_CONTAINERS(u16)
TPI_CONTAINERS(u32)
TPI_CONTAINERS(u64)
TPI_CONTAINERS(i8)
TPI_CONTAINERS(i16)
TPI_CONTAINERS(i32)
TPI_CONTAINERS(i64)
TPI_CONTAINERS(f64)
TPI_CONTAINERS(str)
TPI_CONTAINERS(bin)
TPI_CONTAINERS(blob)
TPI_CONTAINERS(pid)
#ifdef __cplusplus
TPI_CONTAINERS(bool)
#else
/* `bool` is a macro in C: by the time it is pasted it reads _Bool */
TPI_CONTAINERS(_Bool)
typedef tp_optional__Bool tp_optional_bool;
typedef tp_list__Bool tp_list_bool;
typedef tp_entry__Bool tp_entry_bool;
typedef tp_map__Bool tp_map_bool;
#endif
/* ---- the passes ---- */

#define TPI_PASS(macro, ...) macro(__VA_ARGS__)
#define TPI_PASS_UNPAREN(...) __VA_ARGS__
#define TPI_MEMBER(c, field) TPI_PASS(TPI_MEMBER_OF, TPI_PASS_UNPAREN field)
#define TPI_MEMBER_OF(form, K, name) TPI_MEMBER_##form(K, name)
#define TPI_MEMBER_PLAIN(K, name) TPI_TYPE_##K name;
#define TPI_MEMBER_ENUM(K, name) K name;
#define TPI_MEMBER_NESTED(K, name) K name;
#define TPI_MEMBER_OPTIONAL(K, name) tp_optional_##K name;
#define TPI_MEMBER_LIST(K, name) tp_list_##K name;
#define TPI_MEMBER_LIST_OF(K, name) K##_list name;
#define TPI_MEMBER_MAP(K, name) tp_map_##K name;

#define TPI_ENCODE(c, field) TPI_PASS(TPI_ENCODE_OF, TPI_PASS_UNPAREN field)
#define TPI_ENCODE_OF(form, K, name) TPI_ENCODE_##form(K, name)
#define TPI_ENCODE_PLAIN(K, name) TPI_PUT_##K(out, self->name);
#define TPI_ENCODE_ENUM(K, name) tpi_put_i64(out, (int64_t)self->name);
#define TPI_ENCODE_NESTED(K, name) K##_tpi_put(out, &self->name);
#define TPI_ENCODE_OPTIONAL(K, name) tpi_put_optional_##K(out, self->name);
#define TPI_ENCODE_LIST(K, name) tpi_put_list_##K(out, self->name);
#define TPI_ENCODE_LIST_OF(K, name)                                                                \
    tpi_put_array(out, (uint32_t)self->name.count);                                                \
    for (size_t i = 0; i < self->name.count; i++) K##_tpi_put(out, &self->name.items[i]);
#define TPI_ENCODE_MAP(K, name) tpi_put_map_##K(out, self->name);

#define TPI_DECODE(c, field) TPI_PASS(TPI_DECODE_OF, TPI_PASS_UNPAREN field)
#define TPI_DECODE_OF(form, K, name)                                                               \
    if (left == 0) return;                                                                         \
    left--;                                                                                        \
    TPI_DECODE_##form(K, name)
#define TPI_DECODE_PLAIN(K, name) self->name = TPI_GET_##K(in);
#define TPI_DECODE_ENUM(K, name) self->name = (K)tp_read_i64(in, INT32_MIN, INT32_MAX);
#define TPI_DECODE_NESTED(K, name) K##_tpi_get(in, &self->name);
#define TPI_DECODE_OPTIONAL(K, name) self->name = tpi_get_optional_##K(in);
#define TPI_DECODE_LIST(K, name) self->name = tpi_get_list_##K(in);
#define TPI_DECODE_LIST_OF(K, name) self->name = K##_tpi_get_list(in);
#define TPI_DECODE_MAP(K, name) self->name = tpi_get_map_##K(in);

#define TPI_MEASURE(c, field) TPI_PASS(TPI_MEASURE_OF, TPI_PASS_UNPAREN field)
#define TPI_MEASURE_OF(form, K, name) TPI_MEASURE_##form(K, name)
#define TPI_MEASURE_PLAIN(K, name) size += TPI_SIZE_##K(self->name);
#define TPI_MEASURE_ENUM(K, name) size += 5;
#define TPI_MEASURE_NESTED(K, name) size += 5 + K##_tpi_measure(&self->name);
#define TPI_MEASURE_OPTIONAL(K, name) size += self->name.present ? TPI_SIZE_##K(self->name.value) : 1;
#define TPI_MEASURE_LIST(K, name) size += tpi_size_list_##K(self->name);
#define TPI_MEASURE_LIST_OF(K, name)                                                               \
    size += 5;                                                                                     \
    for (size_t i = 0; i < self->name.count; i++) size += 5 + K##_tpi_measure(&self->name.items[i]);
#define TPI_MEASURE_MAP(K, name) size += tpi_size_map_##K(self->name);

#define TPI_BOUND(c, field) TPI_PASS(TPI_BOUND_OF, TPI_PASS_UNPAREN field)
#define TPI_BOUND_OF(form, K, name) +TPI_BOUND_##form(K)
#define TPI_BOUND_PLAIN(K) TPI_HEAD_##K
#define TPI_BOUND_ENUM(K) 5u
#define TPI_BOUND_NESTED(K) TPI_VARIABLE
#define TPI_BOUND_OPTIONAL(K) TPI_HEAD_##K
#define TPI_BOUND_LIST(K) TPI_VARIABLE
#define TPI_BOUND_LIST_OF(K) TPI_VARIABLE
#define TPI_BOUND_MAP(K) TPI_VARIABLE

#define TPI_DESCRIBE(c, field) TPI_PASS(TPI_DESCRIBE_OF, TPI_PASS_UNPAREN field)
#define TPI_DESCRIBE_OF(form, K, name) {#name, #K, TP_FORM_##form},
#define TPI_COUNT(c, field) +1u

/* A struct has at least one member in C and C++ alike. */
#define TPI_MEMBERS_(...) char tp_empty;
#define TPI_MEMBERS_SOME(...) TPI_FOREACH(TPI_MEMBER, 0, __VA_ARGS__)

/* FNV-1a over the first 32 bytes of a literal, as a constant; `h` stands once in each step, or the text would
 * double with every byte. */
#define TPI_IN(s, i) ((i) < sizeof(s) - 1)
#define TPI_MIX(h, s, i)                                                                           \
    (((h) ^ (TPI_IN(s, i) ? (uint64_t)(unsigned char)s[TPI_IN(s, i) ? (i) : 0] : 0)) *             \
     (TPI_IN(s, i) ? UINT64_C(0x100000001b3) : 1))
#define TPI_MIX4(h, s, i)                                                                          \
    TPI_MIX(TPI_MIX(TPI_MIX(TPI_MIX(h, s, i), s, (i) + 1), s, (i) + 2), s, (i) + 3)
#define TPI_MIX16(h, s, i)                                                                         \
    TPI_MIX4(TPI_MIX4(TPI_MIX4(TPI_MIX4(h, s, i), s, (i) + 4), s, (i) + 8), s, (i) + 12)
#define TPI_HASH_OF(s) TPI_MIX16(TPI_MIX16(UINT64_C(0xcbf29ce484222325), s, 0u), s, 16u)

#define TPI_MESSAGE(type, text, ...)                                                               \
    typedef struct type {                                                                          \
        TPI_MEMBERS_##__VA_OPT__(SOME)(__VA_ARGS__)                                                \
    } type;                                                                                        \
    typedef struct type##_list {                                                                   \
        const type *items;                                                                         \
        size_t count;                                                                              \
    } type##_list;                                                                                 \
    TPI_UNUSED static inline void type##_tpi_encode(const void *value, tp_writer *out) {           \
        const type *self = (const type *)value;                                                    \
        (void)self, (void)out;                                                                     \
        TPI_FOREACH(TPI_ENCODE, 0, __VA_ARGS__)                                                    \
    }                                                                                              \
    TPI_UNUSED static inline void type##_tpi_decode(void *value, tp_reader *in, uint32_t left) {   \
        type *self = (type *)value;                                                                \
        (void)in;                                                                                  \
        if (left < (0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__)) + (sizeof(type) == 1))              \
            memset(self, 0, sizeof *self);                                                         \
        TPI_FOREACH(TPI_DECODE, 0, __VA_ARGS__)                                                    \
        (void)left;                                                                                \
    }                                                                                              \
    TPI_UNUSED static inline size_t type##_tpi_measure(const void *value) {                        \
        const type *self = (const type *)value;                                                    \
        size_t size = 0;                                                                           \
        (void)self;                                                                                \
        TPI_FOREACH(TPI_MEASURE, 0, __VA_ARGS__)                                                   \
        return size;                                                                               \
    }                                                                                              \
    TPI_UNUSED static const tp_field type##_fields[] = {                                           \
        TPI_FOREACH(TPI_DESCRIBE, 0, __VA_ARGS__){NULL, NULL, TP_FORM_PLAIN}};                     \
    TPI_UNUSED static const tp_message_type type##_message = {                                     \
        text,                                                                                      \
        TPI_HASH_OF(text),                                                                         \
        sizeof(text) - 1,                                                                          \
        sizeof(type),                                                                              \
        0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__),                                                 \
        (1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__)) >= TPI_VARIABLE                                \
            ? 0u                                                                                   \
            : 1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__),                                           \
        type##_fields,                                                                             \
        type##_tpi_measure,                                                                        \
        type##_tpi_encode,                                                                         \
        type##_tpi_decode};                                                                        \
    TPI_UNUSED static inline void type##_tpi_put(tp_writer *out, const type *value) {              \
        tpi_put_array(out, 0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__));                             \
        type##_tpi_encode(value, out);                                                             \
    }                                                                                              \
    TPI_UNUSED static inline void type##_tpi_get(tp_reader *in, type *value) {                     \
        uint32_t count = tpi_read_enter(in);                                                       \
        type##_tpi_decode(value, in, count);                                                       \
        tpi_read_leave(in, count, 0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__));                      \
    }                                                                                              \
    TPI_UNUSED static inline type##_list type##_tpi_get_list(tp_reader *in) {                      \
        type##_list list = {NULL, 0};                                                              \
        uint32_t count = tp_read_array(in);                                                        \
        type *items = (type *)tpi_read_items(in, count, sizeof(type));                             \
        if (items == NULL) return list;                                                            \
        for (uint32_t i = 0; i < count && !in->failed; i++) type##_tpi_get(in, &items[i]);         \
        list.items = items;                                                                        \
        list.count = in->failed ? 0 : count;                                                       \
        return list;                                                                               \
    }                                                                                              \
    TPI_MESSAGE_CHECK(type, text, 0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__))

#ifdef __cplusplus
#define TPI_MESSAGE_CHECK(type, text, count)                                                       \
    static_assert(sizeof(text) - 1 <= TP_NAME_SIZE_MAX && (count) <= TP_FIELDS_MAX,                \
                  "a message type is too large");
#else
#define TPI_MESSAGE_CHECK(type, text, count)                                                       \
    _Static_assert(sizeof(text) - 1 <= TP_NAME_SIZE_MAX && (count) <= TP_FIELDS_MAX,               \
                   "a message type is too large");
#endif

TP_EXTERN_END

#endif
