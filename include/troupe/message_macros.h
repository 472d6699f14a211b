/*
 * What TP_MESSAGE expands to. Nothing here is for direct use.
 *
 * A field (FORM, K, name, "K") goes through TPI_<pass>_<FORM>(K, name) in four passes: member,
 * encode, decode, measure; and two for constants: bound, describe.
 */
#ifndef TROUPE_MESSAGE_MACROS_H
#define TROUPE_MESSAGE_MACROS_H

#include <troupe/foreach.h>
#include <troupe/message_kinds.h>

#ifdef __cplusplus
#define TPI_STATIC_ASSERT static_assert
#else
#define TPI_STATIC_ASSERT _Static_assert
#endif

#define TPI_PASS(macro, ...) macro(__VA_ARGS__)
#define TPI_PASS_UNPAREN(...) __VA_ARGS__
#define TPI_MEMBER(c, field) TPI_PASS(TPI_MEMBER_OF, TPI_PASS_UNPAREN field)
#define TPI_MEMBER_OF(form, K, name, kind) TPI_MEMBER_##form(K, name)
#define TPI_MEMBER_PLAIN(K, name) TPI_TYPE_##K name;
#define TPI_MEMBER_ENUM(K, name)                                                                   \
    K name;                                                                                        \
    TPI_STATIC_ASSERT(sizeof(K) <= sizeof(int32_t), "an enum travels as an i32");
#define TPI_MEMBER_NESTED(K, name) K name;
#define TPI_MEMBER_OPTIONAL(K, name) tp_optional_##K name;
#define TPI_MEMBER_LIST(K, name) tp_list_##K name;
#define TPI_MEMBER_LIST_OF(K, name)                                                                \
    struct {                                                                                       \
        const K *items;                                                                            \
        size_t count;                                                                              \
    } name;
#define TPI_MEMBER_MAP(K, name) tp_map_##K name;

#define TPI_ENCODE(c, field) TPI_PASS(TPI_ENCODE_OF, TPI_PASS_UNPAREN field)
#define TPI_ENCODE_OF(form, K, name, kind) TPI_ENCODE_##form(K, name)
#define TPI_ENCODE_PLAIN(K, name) TPI_PUT_##K(tpi_out, tpi_self->name);
#define TPI_ENCODE_ENUM(K, name) tpi_put_i64(tpi_out, (int32_t)tpi_self->name);
#define TPI_ENCODE_NESTED(K, name) K##_tpi_put(tpi_out, &tpi_self->name);
#define TPI_ENCODE_OPTIONAL(K, name) tpi_put_optional_##K(tpi_out, tpi_self->name);
#define TPI_ENCODE_LIST(K, name) tpi_put_list_##K(tpi_out, tpi_self->name);
#define TPI_ENCODE_LIST_OF(K, name)                                                                \
    tpi_put_array(tpi_out, (uint32_t)tpi_self->name.count);                                        \
    for (size_t tpi_i = 0; tpi_i < tpi_self->name.count; tpi_i++)                                  \
        K##_tpi_put(tpi_out, &tpi_self->name.items[tpi_i]);
#define TPI_ENCODE_MAP(K, name) tpi_put_map_##K(tpi_out, tpi_self->name);

#define TPI_DECODE(c, field) TPI_PASS(TPI_DECODE_OF, TPI_PASS_UNPAREN field)
#define TPI_DECODE_OF(form, K, name, kind)                                                         \
    if (tpi_left == 0) return;                                                                     \
    tpi_left--;                                                                                    \
    TPI_DECODE_##form(K, name)
#define TPI_DECODE_PLAIN(K, name) tpi_self->name = TPI_GET_##K(tpi_in);
#define TPI_DECODE_ENUM(K, name) tpi_self->name = (K)tp_read_i64(tpi_in, INT32_MIN, INT32_MAX);
#define TPI_DECODE_NESTED(K, name) K##_tpi_get(tpi_in, &tpi_self->name);
#define TPI_DECODE_OPTIONAL(K, name) tpi_self->name = tpi_get_optional_##K(tpi_in);
#define TPI_DECODE_LIST(K, name) tpi_self->name = tpi_get_list_##K(tpi_in);
#define TPI_DECODE_LIST_OF(K, name)                                                                \
    tpi_self->name.items = K##_tpi_get_list(tpi_in, &tpi_self->name.count);
#define TPI_DECODE_MAP(K, name) tpi_self->name = tpi_get_map_##K(tpi_in);

#define TPI_MEASURE(c, field) TPI_PASS(TPI_MEASURE_OF, TPI_PASS_UNPAREN field)
#define TPI_MEASURE_OF(form, K, name, kind) TPI_MEASURE_##form(K, name)
#define TPI_MEASURE_PLAIN(K, name) tpi_size += TPI_SIZE_##K(tpi_self->name);
#define TPI_MEASURE_ENUM(K, name) tpi_size += 5;
#define TPI_MEASURE_NESTED(K, name) tpi_size += 5 + K##_tpi_measure(&tpi_self->name);
#define TPI_MEASURE_OPTIONAL(K, name)                                                              \
    tpi_size += tpi_self->name.present ? TPI_SIZE_##K(tpi_self->name.value) : 1;
#define TPI_MEASURE_LIST(K, name) tpi_size += tpi_size_list_##K(tpi_self->name);
#define TPI_MEASURE_LIST_OF(K, name)                                                               \
    tpi_size += 5;                                                                                 \
    for (size_t tpi_i = 0; tpi_i < tpi_self->name.count; tpi_i++)                                  \
        tpi_size += 5 + K##_tpi_measure(&tpi_self->name.items[tpi_i]);
#define TPI_MEASURE_MAP(K, name) tpi_size += tpi_size_map_##K(tpi_self->name);

#define TPI_BOUND(c, field) TPI_PASS(TPI_BOUND_OF, TPI_PASS_UNPAREN field)
#define TPI_BOUND_OF(form, K, name, kind) +TPI_BOUND_##form(K)
#define TPI_BOUND_PLAIN(K) TPI_HEAD_##K
#define TPI_BOUND_ENUM(K) 5u
#define TPI_BOUND_NESTED(K) TPI_VARIABLE
#define TPI_BOUND_OPTIONAL(K) TPI_HEAD_##K
#define TPI_BOUND_LIST(K) TPI_VARIABLE
#define TPI_BOUND_LIST_OF(K) TPI_VARIABLE
#define TPI_BOUND_MAP(K) TPI_VARIABLE

#define TPI_DESCRIBE(type, field) TPI_PASS(TPI_DESCRIBE_OF, type, TPI_PASS_UNPAREN field)
#define TPI_DESCRIBE_OF(type, form, K, name, kind)                                                 \
    {#name, kind, TPI_INNER_##form(K), TP_FORM_##form, (uint32_t)offsetof(type, name)},
#define TPI_INNER_PLAIN(K) NULL
#define TPI_INNER_ENUM(K) NULL
#define TPI_INNER_NESTED(K) &K##_message
#define TPI_INNER_OPTIONAL(K) NULL
#define TPI_INNER_LIST(K) NULL
#define TPI_INNER_LIST_OF(K) &K##_message
#define TPI_INNER_MAP(K) NULL
#define TPI_COUNT(c, field) +1u

/* A struct has at least one member in C and C++ alike. */
#define TPI_MEMBERS_(...) char tp_empty;
#define TPI_MEMBERS_SOME(...) TPI_FOREACH(TPI_MEMBER, 0, __VA_ARGS__)

/* FNV-1a over the first 32 bytes of a literal, as a constant; `h` stands once in each step, or
 * the text would double with every byte. */
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
    TPI_UNUSED static inline void type##_tpi_encode(const void *tpi_value, tp_writer *tpi_out) {   \
        const type *tpi_self = (const type *)tpi_value;                                            \
        (void)tpi_self, (void)tpi_out;                                                             \
        TPI_FOREACH(TPI_ENCODE, 0, __VA_ARGS__)                                                    \
    }                                                                                              \
    TPI_UNUSED static inline void type##_tpi_decode(void *tpi_value, tp_reader *tpi_in,            \
                                                    uint32_t tpi_left) {                           \
        type *tpi_self = (type *)tpi_value;                                                        \
        (void)tpi_in;                                                                              \
        if (tpi_left < (0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__)) + (sizeof(type) == 1))          \
            memset(tpi_self, 0, sizeof *tpi_self);                                                 \
        TPI_FOREACH(TPI_DECODE, 0, __VA_ARGS__)                                                    \
        (void)tpi_left;                                                                            \
    }                                                                                              \
    TPI_UNUSED static inline size_t type##_tpi_measure(const void *tpi_value) {                    \
        const type *tpi_self = (const type *)tpi_value;                                            \
        size_t tpi_size = 0;                                                                       \
        (void)tpi_self;                                                                            \
        TPI_FOREACH(TPI_MEASURE, 0, __VA_ARGS__)                                                   \
        return tpi_size;                                                                           \
    }                                                                                              \
    TPI_UNUSED static const tp_field type##_tpi_fields[] = {                                       \
        TPI_FOREACH(TPI_DESCRIBE, type, __VA_ARGS__){NULL, NULL, NULL, TP_FORM_PLAIN, 0u}};        \
    TPI_UNUSED static const tp_message_type type##_message = {                                     \
        text,                                                                                      \
        TPI_HASH_OF(text),                                                                         \
        sizeof(text) - 1,                                                                          \
        sizeof(type),                                                                              \
        0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__),                                                 \
        (1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__)) >= TPI_VARIABLE                                \
            ? 0u                                                                                   \
            : 1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__),                                           \
        type##_tpi_fields,                                                                         \
        type##_tpi_measure,                                                                        \
        type##_tpi_encode,                                                                         \
        type##_tpi_decode};                                                                        \
    TPI_UNUSED static inline tp_err type##_tpi_send(tp_actor *tpi_self, tp_pid tpi_to,             \
                                                    const type *tpi_value) {                       \
        if ((1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__)) > TPI_SEND_IN_PLACE)                       \
            return tp_send_value(tpi_self, tpi_to, &type##_message, tpi_value);                    \
        tp_writer tpi_out;                                                                         \
        uint8_t *tpi_at =                                                                          \
            tpi_send_begin(tpi_self, &type##_message,                                              \
                           TPI_SEND_CLASS((1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__))));           \
        if (tpi_at == NULL) return TP_ENOMEM;                                                      \
        tpi_out.at = tpi_at;                                                                       \
        tpi_out.end = tpi_at + (1u TPI_FOREACH(TPI_BOUND, 0, __VA_ARGS__));                        \
        tpi_out.failed = false;                                                                    \
        type##_tpi_encode(tpi_value, &tpi_out);                                                    \
        return tpi_send_end(tpi_self, tpi_to, tpi_at, tpi_out.at);                                 \
    }                                                                                              \
    TPI_UNUSED static inline void type##_tpi_put(tp_writer *tpi_out, const type *tpi_value) {      \
        tpi_put_array(tpi_out, 0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__));                         \
        type##_tpi_encode(tpi_value, tpi_out);                                                     \
    }                                                                                              \
    TPI_UNUSED static inline void type##_tpi_get(tp_reader *tpi_in, type *tpi_value) {             \
        uint32_t tpi_count = tpi_read_enter(tpi_in);                                               \
        type##_tpi_decode(tpi_value, tpi_in, tpi_count);                                           \
        tpi_read_leave(tpi_in, tpi_count, 0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__));              \
    }                                                                                              \
    TPI_UNUSED static inline const type *type##_tpi_get_list(tp_reader *tpi_in,                    \
                                                             size_t *tpi_size) {                   \
        uint32_t tpi_count = tpi_read_enter(tpi_in);                                               \
        type *tpi_items = (type *)tpi_read_items(tpi_in, tpi_count, sizeof(type));                 \
        for (uint32_t tpi_i = 0; tpi_i < tpi_count && !tpi_in->failed; tpi_i++)                    \
            type##_tpi_get(tpi_in, &tpi_items[tpi_i]);                                             \
        tpi_read_leave(tpi_in, tpi_count, tpi_count);                                              \
        *tpi_size = tpi_in->failed ? 0 : tpi_count;                                                \
        return tpi_items;                                                                          \
    }                                                                                              \
    TPI_STATIC_ASSERT(sizeof(text) - 1 <= TP_NAME_SIZE_MAX &&                                      \
                          (0u TPI_FOREACH(TPI_COUNT, 0, __VA_ARGS__)) <= TP_FIELDS_MAX,            \
                      "a message type is too large");

#endif
