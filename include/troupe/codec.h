/*
 * msgpack, written and read in place: what the message macros use, and what a program may use for
 * its own bytes.
 *
 * Writing is minimal (the shortest form of every integer and length). Reading accepts every form;
 * it allocates nothing and believes no count that the remaining bytes could not hold.
 */
#ifndef TROUPE_CODEC_H
#define TROUPE_CODEC_H

#include <string.h>

#include <troupe/base.h>
#include <troupe/blob.h>

TP_EXTERN_BEGIN

#define TPI_UNUSED __attribute__((unused))

#define TP_DEPTH_MAX 32             /* nesting of arrays and maps accepted by the reader */
#define TP_SCRATCH_FACTOR 32u       /* decoded lists take at most this many times the bytes read */
#define TP_SCRATCH_FREE (64u << 10) /* and this many more */
#define TP_EXT_PID 1 /* msgpack ext type of a pid: 16 bytes, node, slot, generation, big-endian */

/* Text in UTF-8, not terminated, borrowed: in a received message it lives as long as the
 * message. */
typedef struct tp_str {
    const char *data;
    size_t size;
} tp_str;

/* Bytes, borrowed like tp_str. */
typedef struct tp_bin {
    const void *data;
    size_t size;
} tp_bin;

/* A terminated C string as a tp_str, borrowed; NULL is the empty one. Any thread. */
static inline tp_str tp_str_of(const char *text) {
    tp_str str = {text, text == NULL ? 0 : strlen(text)};
    return str;
}
#ifdef __cplusplus
/* A string literal as a tp_str initialiser: .note = TP_STR("hello"). */
#define TP_STR(literal) (tp_str{literal, sizeof(literal) - 1})
#else
/* A string literal as a tp_str initialiser: .note = TP_STR("hello"). In a static one C wants
 * constants: {"hello", 5}. */
#define TP_STR(literal) ((tp_str){literal, sizeof(literal) - 1})
#endif
/* True when both hold the same bytes. Any thread. */
static inline bool tp_str_equal(tp_str a, tp_str b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/*
 * Writes msgpack into memory that the caller gives. When it is full `failed` is set and nothing
 * more is written. Its fields may be read; one thread at a time.
 */
typedef struct tp_writer {
    uint8_t *at;
    uint8_t *end;
    bool failed;
} tp_writer;

/* Where decoding puts arrays: freed as a whole when the message is. */
typedef struct tp_scratch {
    /* Memory aligned to 16; NULL when there is none. */
    void *(*alloc)(struct tp_scratch *scratch, size_t size);
} tp_scratch;

/*
 * Reads msgpack from memory that it does not own. The first violation sets `failed`; every later
 * read then gives zero. `scratch` is where decoded lists go (NULL: lists fail). They may take
 * TP_SCRATCH_FACTOR bytes for each byte of input and TP_SCRATCH_FREE more. One thread at a time.
 */
typedef struct tp_reader {
    const uint8_t *at;
    const uint8_t *end;
    tp_scratch *scratch;
    uint16_t depth;  /* containers around `at` */
    bool failed;     /* the bytes are not what was asked for, or: */
    bool starved;    /* `scratch` had no memory */
    uint32_t budget; /* what lists may still take, and 1; 0 before the first list */
} tp_reader;

/* What the next value of a reader is. */
typedef enum tp_kind {
    TP_KIND_END, /* nothing left, or failed */
    TP_KIND_NIL,
    TP_KIND_BOOL,
    TP_KIND_INT,
    TP_KIND_FLOAT,
    TP_KIND_STR,
    TP_KIND_BIN,
    TP_KIND_ARRAY,
    TP_KIND_MAP,
    TP_KIND_EXT,
    TP_KIND_INVALID
} tp_kind;

/* ---- writing without a look at the room: for encoders whose caller has measured ---- */

TPI_UNUSED static inline void tpi_put_byte(tp_writer *out, unsigned byte) {
    *out->at++ = (uint8_t)byte;
}
TPI_UNUSED static inline void tpi_put_be16(tp_writer *out, unsigned tag, uint16_t value) {
    out->at[0] = (uint8_t)tag;
    value = __builtin_bswap16(value);
    memcpy(out->at + 1, &value, 2);
    out->at += 3;
}
TPI_UNUSED static inline void tpi_put_be32(tp_writer *out, unsigned tag, uint32_t value) {
    out->at[0] = (uint8_t)tag;
    value = __builtin_bswap32(value);
    memcpy(out->at + 1, &value, 4);
    out->at += 5;
}
TPI_UNUSED static inline void tpi_put_be64(tp_writer *out, unsigned tag, uint64_t value) {
    out->at[0] = (uint8_t)tag;
    value = __builtin_bswap64(value);
    memcpy(out->at + 1, &value, 8);
    out->at += 9;
}
TPI_UNUSED static inline void tpi_put_u64(tp_writer *out, uint64_t value) {
    if (value < 0x80) {
        tpi_put_byte(out, (unsigned)value);
    } else if (value <= UINT8_MAX) {
        tpi_put_byte(out, 0xcc);
        tpi_put_byte(out, (unsigned)value);
    } else if (value <= UINT16_MAX) {
        tpi_put_be16(out, 0xcd, (uint16_t)value);
    } else if (value <= UINT32_MAX) {
        tpi_put_be32(out, 0xce, (uint32_t)value);
    } else {
        tpi_put_be64(out, 0xcf, value);
    }
}
TPI_UNUSED static inline void tpi_put_i64(tp_writer *out, int64_t value) {
    if (value >= 0) {
        tpi_put_u64(out, (uint64_t)value);
    } else if (value >= -32) {
        tpi_put_byte(out, (uint8_t)value);
    } else if (value >= INT8_MIN) {
        tpi_put_byte(out, 0xd0);
        tpi_put_byte(out, (uint8_t)value);
    } else if (value >= INT16_MIN) {
        tpi_put_be16(out, 0xd1, (uint16_t)value);
    } else if (value >= INT32_MIN) {
        tpi_put_be32(out, 0xd2, (uint32_t)value);
    } else {
        tpi_put_be64(out, 0xd3, (uint64_t)value);
    }
}
TPI_UNUSED static inline void tpi_put_f64(tp_writer *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    tpi_put_be64(out, 0xcb, bits);
}
TPI_UNUSED static inline void tpi_put_bytes(tp_writer *out, const void *bytes, size_t size) {
    if (size > 0) memcpy(out->at, bytes, size);
    out->at += size;
}
TPI_UNUSED static inline void tpi_put_str(tp_writer *out, tp_str str) {
    if (str.size < 32) {
        tpi_put_byte(out, 0xa0 | (unsigned)str.size);
    } else if (str.size <= UINT8_MAX) {
        tpi_put_byte(out, 0xd9);
        tpi_put_byte(out, (unsigned)str.size);
    } else if (str.size <= UINT16_MAX) {
        tpi_put_be16(out, 0xda, (uint16_t)str.size);
    } else {
        tpi_put_be32(out, 0xdb, (uint32_t)str.size);
    }
    tpi_put_bytes(out, str.data, str.size);
}
TPI_UNUSED static inline void tpi_put_bin(tp_writer *out, tp_bin bin) {
    if (bin.size <= UINT8_MAX) {
        tpi_put_byte(out, 0xc4);
        tpi_put_byte(out, (unsigned)bin.size);
    } else if (bin.size <= UINT16_MAX) {
        tpi_put_be16(out, 0xc5, (uint16_t)bin.size);
    } else {
        tpi_put_be32(out, 0xc6, (uint32_t)bin.size);
    }
    tpi_put_bytes(out, bin.data, bin.size);
}
TPI_UNUSED static inline void tpi_put_blob(tp_writer *out, const tp_blob *blob) {
    tp_bin bin = {tp_blob_data(blob), tp_blob_size(blob)};
    tpi_put_bin(out, bin);
}
TPI_UNUSED static inline void tpi_put_pid(tp_writer *out, tp_pid pid) {
    uint64_t node = __builtin_bswap64(pid.node);
    uint32_t slot = __builtin_bswap32(pid.slot), generation = __builtin_bswap32(pid.generation);
    tpi_put_byte(out, 0xd8); /* fixext 16 */
    tpi_put_byte(out, TP_EXT_PID);
    tpi_put_bytes(out, &node, 8);
    tpi_put_bytes(out, &slot, 4);
    tpi_put_bytes(out, &generation, 4);
}
TPI_UNUSED static inline void tpi_put_array(tp_writer *out, uint32_t count) {
    if (count < 16) tpi_put_byte(out, 0x90 | count);
    else if (count <= UINT16_MAX) tpi_put_be16(out, 0xdc, (uint16_t)count);
    else tpi_put_be32(out, 0xdd, count);
}
TPI_UNUSED static inline void tpi_put_map(tp_writer *out, uint32_t count) {
    if (count < 16) tpi_put_byte(out, 0x80 | count);
    else if (count <= UINT16_MAX) tpi_put_be16(out, 0xde, (uint16_t)count);
    else tpi_put_be32(out, 0xdf, count);
}

/* ---- writing with a look: never beyond `end` ---- */

/* A writer over the caller's memory. Any thread. */
TPI_UNUSED static inline tp_writer tp_writer_over(void *bytes, size_t size) {
    uint8_t *at = (uint8_t *)bytes;
    tp_writer out = {at, size == 0 ? at : at + size, false};
    return out;
}
/* Writes nil. When there is no room these set `failed` and write nothing. Any thread, one at a
 * time. */
TP_API void tp_write_nil(tp_writer *out);
/* Writes a boolean. */
TP_API void tp_write_bool(tp_writer *out, bool value);
/* Writes an unsigned integer in its shortest form. */
TP_API void tp_write_u64(tp_writer *out, uint64_t value);
/* Writes an integer in its shortest form. */
TP_API void tp_write_i64(tp_writer *out, int64_t value);
/* Writes a float of 64 bits. */
TP_API void tp_write_f64(tp_writer *out, double value);
/* Writes text; more than 2^32 - 1 bytes fail. */
TP_API void tp_write_str(tp_writer *out, tp_str value);
/* Writes bytes; more than 2^32 - 1 fail. */
TP_API void tp_write_bin(tp_writer *out, tp_bin value);
/* Writes a pid (ext type TP_EXT_PID). */
TP_API void tp_write_pid(tp_writer *out, tp_pid value);
/* Writes the head of an array; `count` values must follow. */
TP_API void tp_write_array(tp_writer *out, uint32_t count);
/* Writes the head of a map; `count` keys and values must follow. */
TP_API void tp_write_map(tp_writer *out, uint32_t count);

/* ---- reading ---- */

/* A reader over bytes that it borrows, without scratch. Any thread. */
TPI_UNUSED static inline tp_reader tp_reader_over(const void *bytes, size_t size) {
    const uint8_t *at = (const uint8_t *)bytes;
    tp_reader in = {at, size == 0 ? at : at + size, NULL, 0, false, false, 0};
    return in;
}
TPI_UNUSED static inline size_t tpi_left(const tp_reader *in) {
    return (size_t)(in->end - in->at);
}
/* What comes next; reads nothing. */
TP_API tp_kind tp_read_kind(const tp_reader *in);
/* Takes a nil if one is next: true. */
TP_API bool tp_read_nil(tp_reader *in);
/* Reads a boolean. */
TP_API bool tp_read_bool(tp_reader *in);
/* The general forms behind tp_read_u64 and tp_read_i64. */
TP_API uint64_t tpi_read_u64_any(tp_reader *in, uint64_t max);
/* See tpi_read_u64_any. */
TP_API int64_t tpi_read_i64_any(tp_reader *in, int64_t min, int64_t max);
/* A number of `size` bytes, 1, 2, 4 or 8, most significant first. */
TPI_UNUSED static inline uint64_t tpi_load_number(const uint8_t *at, unsigned size) {
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1: return *at;
    case 2: memcpy(&two, at, 2); return __builtin_bswap16(two);
    case 4: memcpy(&four, at, 4); return __builtin_bswap32(four);
    default: memcpy(&eight, at, 8); return __builtin_bswap64(eight);
    }
}
/* The non-negative number at hand in a form that a writer makes; its bytes, 0 if it is none. */
TPI_UNUSED static inline unsigned tpi_peek_number(const tp_reader *in, uint64_t *value) {
    size_t left = (size_t)(in->end - in->at);
    if (__builtin_expect(left == 0, 0)) return 0;
    unsigned tag = *in->at, form = tag - 0xccu, size = 1u << (form & 3);
    *value = tag;
    if (tag < 0x80) return 1;
    if (form > 3 || left <= size) return 0;
    *value = tpi_load_number(in->at + 1, size);
    return size + 1;
}
/*
 * Reads an unsigned integer of at most `max`, in any form; a larger or negative one fails. For rare
 * forms the reader is handed over as a copy: its address does not leave this function, so that a
 * decoder keeps it in registers.
 */
TPI_UNUSED static inline uint64_t tp_read_u64(tp_reader *in, uint64_t max) {
    uint64_t value;
    unsigned size = tpi_peek_number(in, &value);
    if (__builtin_expect(size > 0 && value <= max, 1)) {
        in->at += size;
        return value;
    }
    tp_reader copy = *in;
    value = tpi_read_u64_any(&copy, max);
    *in = copy;
    return value;
}
/* Reads an integer from `min` to `max`, in any form; others fail. See tp_read_u64. */
TPI_UNUSED static inline int64_t tp_read_i64(tp_reader *in, int64_t min, int64_t max) {
    uint64_t value;
    unsigned size = tpi_peek_number(in, &value);
    if (__builtin_expect(size > 0 && max >= 0 && value <= (uint64_t)max, 1) &&
        (min <= 0 || value >= (uint64_t)min)) {
        in->at += size;
        return (int64_t)value;
    }
    tp_reader copy = *in;
    int64_t number = tpi_read_i64_any(&copy, min, max);
    *in = copy;
    return number;
}
/* Reads a float of 32 or 64 bits, or an integer. */
TP_API double tp_read_f64(tp_reader *in);
/* Reads text; borrowed from the bytes. Its encoding is not checked: see tp_utf8_valid. */
TP_API tp_str tp_read_str(tp_reader *in);
/* Reads bytes; borrowed. */
TP_API tp_bin tp_read_bin(tp_reader *in);
/* Reads a pid. */
TP_API tp_pid tp_read_pid(tp_reader *in);
/* Reads the head of an array: the number of values, at most one a byte left. */
TP_API uint32_t tp_read_array(tp_reader *in);
/* Reads the head of a map: the number of pairs, at most one for two bytes left. */
TP_API uint32_t tp_read_map(tp_reader *in);
/* Skips one value with all that it holds, arrays and maps (empty ones too) at most TP_DEPTH_MAX
 * deep. */
TP_API void tp_read_skip(tp_reader *in);
/* True when the bytes are UTF-8 without surrogates and overlong forms. Any thread. */
TP_API bool tp_utf8_valid(const char *text, size_t size);

/* For generated decoders: `count` items of `size` bytes in scratch, zeroed. NULL without failure
 * for none; with it when scratch has no memory (`starved`) or the budget is spent. */
TP_API void *tpi_read_items(tp_reader *in, uint32_t count, size_t size);
/* For generated decoders: a blob that is a view of bytes in the message. */
TP_API tp_blob *tpi_read_blob(tp_reader *in);
/* For generated decoders: enters a nested array; its count. Leaves it, skipping `extra` values. */
TP_API uint32_t tpi_read_enter(tp_reader *in);
/* See tpi_read_enter. */
TP_API void tpi_read_leave(tp_reader *in, uint32_t count, uint32_t known);

TP_EXTERN_END

#endif
