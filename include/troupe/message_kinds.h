/*
 * The kinds of fields: for each kind K its C type, how it is put, read and measured; and the
 * optional, list and map types of each kind. What a program uses of it: tp_optional_K, tp_list_K,
 * tp_entry_K and tp_map_K as the types of such fields (K: bool u8 u16 u32 u64 i8 i16 i32 i64 f64
 * str bin blob pid).
 */
#ifndef TROUPE_MESSAGE_KINDS_H
#define TROUPE_MESSAGE_KINDS_H

#include <troupe/codec.h>

TP_EXTERN_BEGIN

/* Bytes and their head. A size that no message can have (a -1 that became unsigned) stays one: a
 * sum that wraps would promise the encoder too little room. */
TPI_UNUSED static inline size_t tpi_size_bytes(size_t size) {
    return 5u + (size <= UINT32_MAX ? size : UINT32_MAX);
}

#define TPI_VARIABLE 65536u /* added to the bound by a field without a fixed one */

#define TPI_TYPE_bool bool
#define TPI_TYPE__Bool TPI_TYPE_bool
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
#define TPI_GET__Bool(in) TPI_GET_bool(in)
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
#define TPI_SIZE_str(value) tpi_size_bytes((value).size)
#define TPI_SIZE_bin(value) tpi_size_bytes((value).size)
#define TPI_SIZE_blob(value) tpi_size_bytes(tp_blob_size(value))
#define TPI_SIZE_pid(value) 18u

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
        if (tp_read_nil(in)) return optional;                                                      \
        optional.value = TPI_GET_##K(in);                                                          \
        optional.present = !in->failed;                                                            \
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
            size += tpi_size_bytes(map.items[i].key.size) + TPI_SIZE_##K(map.items[i].value);      \
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
TPI_CONTAINERS(bool)

/* `bool` may be a macro in C: in a field it then reads _Bool by the time it is pasted. */
#define tp_optional__Bool tp_optional_bool
/* The same for lists. */
#define tp_list__Bool tp_list_bool
/* The same for maps. */
#define tp_map__Bool tp_map_bool
#define tpi_put_optional__Bool tpi_put_optional_bool
#define tpi_get_optional__Bool tpi_get_optional_bool
#define tpi_put_list__Bool tpi_put_list_bool
#define tpi_size_list__Bool tpi_size_list_bool
#define tpi_get_list__Bool tpi_get_list_bool
#define tpi_put_map__Bool tpi_put_map_bool
#define tpi_size_map__Bool tpi_size_map_bool
#define tpi_get_map__Bool tpi_get_map_bool

TP_EXTERN_END

#endif
