/*
 * Messages: declared once, as a struct; the codec and the description come from the same line.
 *
 *     TP_MESSAGE(deposit, TP_FIELD(i64, cents), TP_FIELD(str, note))
 *     TP_MESSAGE_AS(deposit, "bank.deposit", TP_FIELD(i64, cents), ...)     with a name on the wire
 *
 * gives `struct deposit` / `deposit` with the fields in order, and `deposit_message`, the type's
 * description. On the wire a message is the msgpack array [name, field, ...]. Identity is the name:
 * the same declaration in two files or two shared objects is the same type.
 *
 * Evolution: fields are only ever appended. A missing trailing field decodes as zero (or empty, or
 * absent); unknown trailing fields are skipped.
 */
#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include <troupe/base.h>

TP_EXTERN_BEGIN

/* Text in UTF-8, not terminated, borrowed: in a received message it lives as long as the message. */
typedef struct tp_str {
    const char *data;
    size_t size;
} tp_str;

/* Bytes, borrowed like tp_str. */
typedef struct tp_bin {
    const void *data;
    size_t size;
} tp_bin;

/* A large binary that travels by reference, counted (tp_blob_new, tp_blob_ref, tp_blob_unref). */
typedef struct tp_blob tp_blob;

#define TP_NAME_SIZE_MAX 128      /* of a message type, in bytes */
#define TP_FIELDS_MAX 32          /* of one message type */
#define TP_DEPTH_MAX 32           /* nesting accepted by the reader */
#define TP_MESSAGE_SIZE_MAX (16u << 20) /* a payload's bytes */

/*
 * Writes msgpack into memory that the caller gives. When it is full `failed` is set and nothing more is
 * written; the packers (tp_write_*) never write beyond `end`.
 */
typedef struct tp_writer {
    uint8_t *at;
    uint8_t *end;
    bool failed;
} tp_writer;

/*
 * Reads msgpack from memory that it does not own. The first violation sets `failed`; every later read
 * then gives zero. `scratch` is where decoded lists go (NULL: lists fail); see tp_scratch.
 */
typedef struct tp_reader {
    const uint8_t *at;
    const uint8_t *end;
    struct tp_scratch *scratch;
    uint16_t depth;
    bool failed;
} tp_reader;

/* Where decoding puts arrays: freed as a whole when the message is. */
typedef struct tp_scratch {
    void *(*alloc)(struct tp_scratch *scratch, size_t size); /* aligned to 16; NULL when out of memory */
} tp_scratch;

/* What a message type is, as data: made by TP_MESSAGE, constant, one object in each file that uses it. */
typedef struct tp_field tp_field;
typedef struct tp_message_type {
    const char *name;      /* on the wire */
    uint64_t hash;         /* FNV-1a of the name; equal hashes are confirmed by the name */
    uint32_t name_size;
    uint32_t struct_size;  /* sizeof the C struct */
    uint32_t field_count;
    uint32_t bound;        /* encoded fields take at most this many bytes; 0: ask `measure` */
    const tp_field *fields;
    size_t (*measure)(const void *value);                 /* upper bound in bytes of the encoded fields */
    void (*encode)(const void *value, tp_writer *out);    /* the fields only, no array head */
    void (*decode)(void *value, tp_reader *in, uint32_t count); /* `count` fields are present */
} tp_message_type;

/* True when both descriptions are of the same type. Any thread. */
static inline bool tp_message_type_equal(const tp_message_type *a, const tp_message_type *b);

TP_EXTERN_END

#endif
