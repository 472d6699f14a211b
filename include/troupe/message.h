/*
 * Messages: declared once, as a struct; the codec and the description come from the same line.
 *
 *     TP_MESSAGE(deposit, TP_FIELD(i64, cents), TP_FIELD(str, note))
 *     TP_MESSAGE_AS(deposit, "bank.deposit", TP_FIELD(i64, cents), ...)     with a name on the wire
 *
 * gives the struct `deposit` with the fields in order, and `deposit_message`, the type's
 * description. On the wire a message is the msgpack array [name, field, ...]. Identity is the name:
 * the same declaration in two files or two shared objects is the same type. Up to TP_FIELDS_MAX
 * fields, of these forms:
 *
 *     TP_FIELD(kind, name)        bool u8 u16 u32 u64 i8 i16 i32 i64 f64 str bin blob pid
 *     TP_ENUM(type, name)         a C enum, as i32
 *     TP_NESTED(message, name)    another message's struct; on the wire an array of its fields
 *     TP_OPTIONAL(kind, name)     { bool present; value; }; nil when absent
 *     TP_LIST(kind, name)         { const *items; size_t count; }
 *     TP_LIST_OF(message, name)   the same, of another message's structs
 *     TP_MAP(kind, name)          a list of { tp_str key; value; }
 *
 * Evolution: fields are only ever appended. A missing trailing field decodes as zero (or empty, or
 * absent); unknown trailing fields are skipped.
 */
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include <troupe/base.h>
#include <troupe/codec.h>
#include <troupe/message_macros.h>

TP_EXTERN_BEGIN

#define TP_NAME_SIZE_MAX 128            /* of a message type, in bytes */
#define TP_FIELDS_MAX 32                /* of one message type */
#define TP_MESSAGE_SIZE_MAX (16u << 20) /* a payload's bytes */

/* What a field is, for printing. */
typedef enum tp_field_form {
    TP_FORM_PLAIN,
    TP_FORM_ENUM,
    TP_FORM_NESTED,
    TP_FORM_OPTIONAL,
    TP_FORM_LIST,
    TP_FORM_LIST_OF,
    TP_FORM_MAP
} tp_field_form;

/* What a message type is, as data: made by TP_MESSAGE. */
typedef struct tp_message_type tp_message_type;

/* tp_send encodes fields in place, by code that the compiler sees, up to so many bytes. */
#define TPI_SEND_IN_PLACE 208u
/* tp_send (<troupe/actor.h>) for a type that is known at run time only; the value is encoded before
 * it returns. */
TP_API tp_err tp_send_value(tp_actor *self, tp_pid to, const tp_message_type *type,
                            const void *value);
#define TPI_SEND_CLASS_64 2u
/* The block class for a payload of so many bytes, at most TPI_SEND_IN_PLACE. */
#define TPI_SEND_CLASS(bound)                                                                      \
    (TPI_SEND_CLASS_64 + ((bound) > 16u) + ((bound) > 80u) + ((bound) > 144u))
/* A fresh message's payload in a block of the class; NULL when out of memory. */
TP_API uint8_t *tpi_send_begin(tp_actor *self, const tp_message_type *type, uint32_t size_class);
/* Sends it: the bytes up to `end` have been written. */
TP_API tp_err tpi_send_end(tp_actor *self, tp_pid to, uint8_t *payload, const uint8_t *end);

/* A field of a message type. */
typedef struct tp_field {
    const char *name;
    const char *kind;            /* "i64", "str", ..., or the nested message's or enum's name */
    const tp_message_type *type; /* of TP_NESTED and TP_LIST_OF; NULL for the others */
    tp_field_form form;
    uint32_t offset; /* of the member in the struct, in bytes */
} tp_field;

/* What a message type is, as data: made by TP_MESSAGE, constant, one object in each file that
 * uses it. */
struct tp_message_type {
    const char *name; /* on the wire */
    uint64_t hash;    /* tp_name_hash of the name; equal hashes are confirmed by the name */
    uint32_t name_size;
    uint32_t struct_size; /* sizeof the C struct */
    uint32_t field_count;
    uint32_t bound; /* encoded fields take at most this many bytes; 0: ask `measure` */
    const tp_field *fields;
    size_t (*measure)(const void *value); /* upper bound in bytes of the encoded fields */
    /* The fields only, no array head. `out` must have `bound` or `measure` bytes left. */
    void (*encode)(const void *value, tp_writer *out);
    /* `count` fields are present; what is missing becomes zero, what is too much is left unread. */
    void (*decode)(void *value, tp_reader *in, uint32_t count);
};

/* True when both descriptions are of the same type. Any thread. */
static inline bool tp_message_type_equal(const tp_message_type *a, const tp_message_type *b) {
    return a == b || (a->hash == b->hash && a->name_size == b->name_size &&
                      memcmp(a->name, b->name, a->name_size) == 0);
}
/* The hash that TP_MESSAGE computes at compile time: FNV-1a over the first 32 bytes of a name.
 * Any thread. */
TP_API uint64_t tp_name_hash(const char *name, size_t size);

TP_EXTERN_END

/* Declares a message type whose name on the wire is its name here. */
#define TP_MESSAGE(type, ...) TPI_MESSAGE(type, #type, __VA_ARGS__)
/* Declares a message type with another name on the wire, a string literal of at most
 * TP_NAME_SIZE_MAX bytes. */
#define TP_MESSAGE_AS(type, text, ...) TPI_MESSAGE(type, text, __VA_ARGS__)

/* A field of a plain kind: bool u8 u16 u32 u64 i8 i16 i32 i64 f64 str bin blob pid. */
#define TP_FIELD(kind, name) (PLAIN, kind, name, #kind)
/* A C enum, with the values of an i32. What arrives may be any of them, not only the
 * enumerators. */
#define TP_ENUM(enum_type, name) (ENUM, enum_type, name, #enum_type)
/* The struct of another message, declared before. */
#define TP_NESTED(message, name) (NESTED, message, name, #message)
/* A tp_optional_KIND: present, value. */
#define TP_OPTIONAL(kind, name) (OPTIONAL, kind, name, #kind)
/* A tp_list_KIND: items, count. */
#define TP_LIST(kind, name) (LIST, kind, name, #kind)
/* { const MESSAGE *items; size_t count; }: structs of another message, declared before. */
#define TP_LIST_OF(message, name) (LIST_OF, message, name, #message)
/* A tp_map_KIND: count items of key and value, in the order given; equal keys are all kept. */
#define TP_MAP(kind, name) (MAP, kind, name, #kind)

#endif
