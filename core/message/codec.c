/*
 * The general halves of the msgpack codec: every form of every value, checked against what is left.
 *
 * Obligations: nothing is read at or beyond `end`; a count is believed only if the bytes left could
 * hold that many values (one byte each at least); after the first violation every read gives zero
 * and moves nothing.
 */
#include <troupe/codec.h>
#include <troupe/message.h>

#include "core/base/assert.h"
#include "core/base/hash.h"

#define HASHED_BYTES 32u /* as TPI_HASH_OF in message_macros.h */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the codec always swaps bytes");

uint64_t tp_name_hash(const char *name, size_t size) {
    TPI_CHECK(name != NULL || size == 0);
    return tpi_hash_bytes(name, size < HASHED_BYTES ? size : HASHED_BYTES);
}

/* ---- writing ---- */

static bool room(tp_writer *out, size_t size) {
    TPI_ASSERT(out->at <= out->end);
    if (!out->failed && (size_t)(out->end - out->at) < size) out->failed = true;
    return !out->failed;
}

void tp_write_nil(tp_writer *out) {
    if (room(out, 1)) tpi_put_byte(out, 0xc0);
}

void tp_write_bool(tp_writer *out, bool value) {
    if (room(out, 1)) tpi_put_byte(out, value ? 0xc3 : 0xc2);
}

/* Puts into a spare area first, so that a value which just fits is not refused for its largest
 * form. */
static void commit(tp_writer *out, const uint8_t *bytes, const tp_writer *spare) {
    size_t size = (size_t)(spare->at - bytes);
    TPI_ASSERT(size > 0 && spare->at <= spare->end);
    if (room(out, size)) tpi_put_bytes(out, bytes, size);
}

void tp_write_u64(tp_writer *out, uint64_t value) {
    uint8_t bytes[16];
    tp_writer spare = tp_writer_over(bytes, sizeof bytes);
    tpi_put_u64(&spare, value);
    commit(out, bytes, &spare);
}

void tp_write_i64(tp_writer *out, int64_t value) {
    uint8_t bytes[16];
    tp_writer spare = tp_writer_over(bytes, sizeof bytes);
    tpi_put_i64(&spare, value);
    commit(out, bytes, &spare);
}

void tp_write_f64(tp_writer *out, double value) {
    if (room(out, 9)) tpi_put_f64(out, value);
}

static size_t head_size(size_t size, size_t tiny) {
    return size < tiny ? 1 : size <= UINT8_MAX ? 2 : size <= UINT16_MAX ? 3 : 5;
}

void tp_write_str(tp_writer *out, tp_str value) {
    if (value.size > UINT32_MAX) out->failed = true;
    if (room(out, head_size(value.size, 32)) && room(out, head_size(value.size, 32) + value.size))
        tpi_put_str(out, value);
}

void tp_write_bin(tp_writer *out, tp_bin value) {
    if (value.size > UINT32_MAX) out->failed = true;
    if (room(out, head_size(value.size, 0)) && room(out, head_size(value.size, 0) + value.size))
        tpi_put_bin(out, value);
}

void tp_write_pid(tp_writer *out, tp_pid value) {
    if (room(out, 18)) tpi_put_pid(out, value);
}

static size_t container_size(uint32_t count) {
    return count < 16 ? 1 : count <= UINT16_MAX ? 3 : 5;
}

void tp_write_array(tp_writer *out, uint32_t count) {
    if (room(out, container_size(count))) tpi_put_array(out, count);
}

void tp_write_map(tp_writer *out, uint32_t count) {
    if (room(out, container_size(count))) tpi_put_map(out, count);
}

/* ---- reading ---- */

static bool fail(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    in->failed = true;
    in->at = in->end;
    return false;
}

/* `size` is 1, 2, 4 or 8. */
static inline uint64_t big_endian(const uint8_t *bytes, unsigned size) {
    TPI_CHECK(size == 1 || size == 2 || size == 4 || size == 8);
    uint64_t wide;
    uint32_t word;
    uint16_t half;
    switch (size) {
    case 1: return bytes[0];
    case 2: memcpy(&half, bytes, 2); return __builtin_bswap16(half);
    case 4: memcpy(&word, bytes, 4); return __builtin_bswap32(word);
    default: memcpy(&wide, bytes, 8); return __builtin_bswap64(wide);
    }
}

/* The bytes behind a tag, `size` of them, as a number; false when they are not there. */
static bool take_number(tp_reader *in, unsigned size, uint64_t *out) {
    TPI_CHECK(size == 1 || size == 2 || size == 4 || size == 8);
    if (tpi_left(in) < 1 + (size_t)size) return fail(in);
    *out = big_endian(in->at + 1, size);
    in->at += 1 + size;
    return true;
}

static tp_kind kind_of(uint8_t tag) {
    if (tag < 0x80 || tag >= 0xe0) return TP_KIND_INT;
    if (tag < 0x90) return TP_KIND_MAP;
    if (tag < 0xa0) return TP_KIND_ARRAY;
    if (tag < 0xc0) return TP_KIND_STR;
    static const uint8_t kinds[32] = {
        TP_KIND_NIL, TP_KIND_INVALID, TP_KIND_BOOL, TP_KIND_BOOL, TP_KIND_BIN,   TP_KIND_BIN,
        TP_KIND_BIN, TP_KIND_EXT,     TP_KIND_EXT,  TP_KIND_EXT,  TP_KIND_FLOAT, TP_KIND_FLOAT,
        TP_KIND_INT, TP_KIND_INT,     TP_KIND_INT,  TP_KIND_INT,  TP_KIND_INT,   TP_KIND_INT,
        TP_KIND_INT, TP_KIND_INT,     TP_KIND_EXT,  TP_KIND_EXT,  TP_KIND_EXT,   TP_KIND_EXT,
        TP_KIND_EXT, TP_KIND_STR,     TP_KIND_STR,  TP_KIND_STR,  TP_KIND_ARRAY, TP_KIND_ARRAY,
        TP_KIND_MAP, TP_KIND_MAP};
    return (tp_kind)kinds[tag - 0xc0];
}

tp_kind tp_read_kind(const tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    return in->failed || in->at >= in->end ? TP_KIND_END : kind_of(*in->at);
}

bool tp_read_nil(tp_reader *in) {
    if (in->at >= in->end || *in->at != 0xc0) return false;
    in->at++;
    return true;
}

bool tp_read_bool(tp_reader *in) {
    if (in->at >= in->end || (*in->at & 0xfe) != 0xc2) return fail(in);
    return *in->at++ == 0xc3;
}

/* Any integer as 64 bits and its sign. */
static __attribute__((noinline)) bool take_int(tp_reader *in, uint64_t *value, bool *negative) {
    TPI_CHECK(in->at <= in->end);
    *negative = false;
    *value = 0;
    if (in->at >= in->end) return fail(in);
    uint8_t tag = *in->at;
    if (tag < 0x80 || tag >= 0xe0) {
        in->at++;
        *negative = tag >= 0xe0;
        *value = (uint64_t)(int64_t)(int8_t)tag;
        return true;
    }
    if (tag < 0xcc || tag > 0xd3) return fail(in);
    unsigned size = 1u << (tag & 3);
    if (!take_number(in, size, value)) return false;
    if (tag >= 0xd0) { /* signed: extend */
        unsigned shift = 64 - 8 * size;
        int64_t extended = (int64_t)(*value << shift) >> shift;
        *value = (uint64_t)extended;
        *negative = extended < 0;
    }
    return true;
}

/* The unsigned forms of more than one byte, each a load: what most numbers are. */
static inline bool take_unsigned(tp_reader *in, uint64_t *value) {
    TPI_CHECK(in->at <= in->end);
    size_t left = tpi_left(in);
    if (left < 2) return false;
    const uint8_t *at = in->at;
    switch (at[0]) {
    case 0xcc:
        *value = at[1];
        in->at = at + 2;
        return true;
    case 0xcd:
        if (left < 3) return false;
        *value = big_endian(at + 1, 2);
        in->at = at + 3;
        return true;
    case 0xce:
        if (left < 5) return false;
        *value = big_endian(at + 1, 4);
        in->at = at + 5;
        return true;
    case 0xcf:
        if (left < 9) return false;
        *value = big_endian(at + 1, 8);
        in->at = at + 9;
        return true;
    default: return false;
    }
}

static __attribute__((noinline, cold)) uint64_t read_u64_slow(tp_reader *in, uint64_t max) {
    TPI_CHECK(in->at <= in->end);
    uint64_t value;
    bool negative = false;
    if (!take_int(in, &value, &negative)) return 0;
    if (negative || value > max) return (uint64_t)fail(in);
    return value;
}

uint64_t tpi_read_u64_any(tp_reader *in, uint64_t max) {
    TPI_CHECK(in->at <= in->end);
    uint64_t value;
    if (__builtin_expect(!take_unsigned(in, &value), 0)) return read_u64_slow(in, max);
    if (__builtin_expect(value > max, 0)) return (uint64_t)fail(in);
    return value;
}

int64_t tpi_read_i64_any(tp_reader *in, int64_t min, int64_t max) {
    uint64_t value;
    bool negative = false;
    TPI_ASSERT(min <= max);
    if (!take_unsigned(in, &value) && !take_int(in, &value, &negative)) return 0;
    if (!negative && value > (uint64_t)INT64_MAX) return fail(in);
    if ((int64_t)value < min || (int64_t)value > max) return fail(in);
    return (int64_t)value;
}

double tp_read_f64(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    uint64_t bits = 0;
    if (in->at < in->end && *in->at == 0xcb) {
        double value = 0;
        if (take_number(in, 8, &bits)) memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (in->at < in->end && *in->at == 0xca) {
        float value = 0;
        if (!take_number(in, 4, &bits)) return 0;
        uint32_t narrow = (uint32_t)bits;
        memcpy(&value, &narrow, sizeof value);
        return (double)value;
    }
    bool negative;
    if (!take_int(in, &bits, &negative)) return 0;
    return negative ? (double)(int64_t)bits : (double)bits;
}

/* `size` bytes that are all there. */
static const uint8_t *take_bytes(tp_reader *in, uint64_t size) {
    const uint8_t *bytes = in->at;
    TPI_CHECK(bytes <= in->end);
    if (size > tpi_left(in)) {
        fail(in);
        return NULL;
    }
    in->at += size;
    return bytes;
}

/* A length in the form of `tag`: fixed in its low bits, or 1, 2 or 4 bytes behind it. */
static bool take_length(tp_reader *in, uint8_t first, uint64_t *size) {
    uint8_t tag = *in->at;
    TPI_CHECK(tag >= first && tag - first <= 2);
    return take_number(in, 1u << (tag - first), size);
}

static __attribute__((noinline, cold)) tp_str read_str_slow(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    tp_str str = {NULL, 0};
    uint64_t size = 0;
    if (tp_read_kind(in) != TP_KIND_STR) {
        fail(in);
        return str;
    }
    if (*in->at < 0xc0) size = *in->at++ & 0x1f;
    else if (!take_length(in, 0xd9, &size)) return str;
    const uint8_t *bytes = take_bytes(in, size);
    if (bytes != NULL) str = (tp_str){(const char *)bytes, (size_t)size};
    return str;
}

/* Most are short: of less than 32 bytes, and of less than 256. */
tp_str tp_read_str(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    const uint8_t *at = in->at;
    size_t left = tpi_left(in), size = left > 0 ? (size_t)(*at ^ 0xa0) : SIZE_MAX;
    if (__builtin_expect(size >= 32 || left - 1 < size, 0)) return read_str_slow(in);
    in->at = at + 1 + size;
    return (tp_str){(const char *)at + 1, size};
}

static __attribute__((noinline, cold)) tp_bin read_bin_slow(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    tp_bin bin = {NULL, 0};
    uint64_t size = 0;
    if (tp_read_kind(in) != TP_KIND_BIN) {
        fail(in);
        return bin;
    }
    if (!take_length(in, 0xc4, &size)) return bin;
    const uint8_t *bytes = take_bytes(in, size);
    if (bytes != NULL) bin = (tp_bin){bytes, (size_t)size};
    return bin;
}

tp_bin tp_read_bin(tp_reader *in) {
    TPI_CHECK(in->at <= in->end);
    const uint8_t *at = in->at;
    size_t left = tpi_left(in);
    if (__builtin_expect(left < 2 || at[0] != 0xc4 || left - 2 < at[1], 0))
        return read_bin_slow(in);
    in->at = at + 2 + at[1];
    return (tp_bin){at + 2, at[1]};
}

tp_pid tp_read_pid(tp_reader *in) {
    if (tpi_left(in) < 18 || in->at[0] != 0xd8 || in->at[1] != TP_EXT_PID) {
        fail(in);
        return tp_pid_null();
    }
    const uint8_t *bytes = in->at + 2;
    in->at += 18;
    return (tp_pid){big_endian(bytes, 8), (uint32_t)big_endian(bytes + 8, 4),
                    (uint32_t)big_endian(bytes + 12, 4)};
}

static uint32_t take_count(tp_reader *in, tp_kind kind, uint8_t wide, uint64_t bytes_each) {
    TPI_CHECK(kind == TP_KIND_ARRAY || kind == TP_KIND_MAP);
    TPI_CHECK(bytes_each > 0 && in->at <= in->end);
    uint64_t count = 0;
    if (tp_read_kind(in) != kind) {
        fail(in);
        return 0;
    }
    if (*in->at < 0xa0) count = *in->at++ & 0x0f;
    else if (!take_number(in, *in->at == wide ? 2 : 4, &count)) return 0;
    if (count * bytes_each > tpi_left(in)) {
        fail(in);
        return 0;
    }
    return (uint32_t)count;
}

uint32_t tp_read_array(tp_reader *in) {
    return take_count(in, TP_KIND_ARRAY, 0xdc, 1);
}

uint32_t tp_read_map(tp_reader *in) {
    return take_count(in, TP_KIND_MAP, 0xde, 2);
}

static void skip_ext(tp_reader *in) {
    uint64_t size = 0;
    uint8_t tag = *in->at;
    TPI_CHECK(kind_of(tag) == TP_KIND_EXT);
    if (tag >= 0xd4) {
        size = (uint64_t)1 << (tag - 0xd4);
        in->at++;
    } else if (!take_length(in, 0xc7, &size)) {
        return;
    }
    (void)take_bytes(in, size + 1); /* and the type */
}

/* Skips a value that holds no others; of a container the head: *inside gets its values. */
static void skip_head(tp_reader *in, uint64_t *inside) {
    uint64_t value;
    bool negative;
    *inside = 0;
    switch (tp_read_kind(in)) {
    case TP_KIND_NIL:
    case TP_KIND_BOOL: in->at++; break;
    case TP_KIND_INT: (void)take_int(in, &value, &negative); break;
    case TP_KIND_FLOAT: (void)tp_read_f64(in); break;
    case TP_KIND_STR: (void)tp_read_str(in); break;
    case TP_KIND_BIN: (void)tp_read_bin(in); break;
    case TP_KIND_EXT: skip_ext(in); break;
    case TP_KIND_ARRAY: *inside = tp_read_array(in); break;
    case TP_KIND_MAP: *inside = (uint64_t)tp_read_map(in) * 2; break;
    default: fail(in);
    }
}

/* The bytes of a value whose tag says them: numbers, short texts. 0: the slow way. */
static inline size_t size_by_tag(uint8_t tag) {
    if (tag < 0x80 || tag >= 0xe0) return 1;
    if (tag >= 0xcc && tag <= 0xd3) return 1 + ((size_t)1 << (tag & 3));
    if (tag >= 0xa0 && tag < 0xc0) return 1 + (size_t)(tag & 0x1f);
    return tag == 0xcb ? 9 : 0;
}

static __attribute__((noinline)) void skip_slow(tp_reader *in) {
    TPI_CHECK(in->depth <= TP_DEPTH_MAX);
    uint64_t left[TP_DEPTH_MAX + 1]; /* values still to skip at each depth */
    unsigned depth = 0;
    left[0] = 1;
    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0) return;
            depth--;
        }
        left[depth]--;
        tp_kind kind = tp_read_kind(in);
        bool opens = kind == TP_KIND_ARRAY || kind == TP_KIND_MAP;
        if (opens && in->depth + depth >= TP_DEPTH_MAX) fail(in);
        uint64_t inside;
        skip_head(in, &inside);
        if (in->failed) return;
        TPI_CHECK(depth <= TP_DEPTH_MAX);
        if (inside > 0) left[++depth] = inside;
    }
}

/* Each message from another node is walked whole: what is in most of them takes the short way. */
void tp_read_skip(tp_reader *in) {
    size_t size = in->failed || in->at >= in->end ? 0 : size_by_tag(*in->at);
    if (size > 0 && size <= tpi_left(in)) in->at += size;
    else skip_slow(in);
}

/* ---- for generated decoders ---- */

/*
 * What lists may take is bounded by the bytes that remain at the first of them: an item of one byte
 * may decode to a struct of hundreds. Our own encoder writes at least a byte for each field, which
 * is at most 24 in the struct.
 */
static bool spend(tp_reader *in, uint64_t size) {
    TPI_CHECK(size > 0);
    if (in->budget == 0) {
        uint64_t budget = (uint64_t)tpi_left(in) * TP_SCRATCH_FACTOR + TP_SCRATCH_FREE;
        in->budget = 1 + (uint32_t)(budget < UINT32_MAX ? budget : UINT32_MAX - 1);
    }
    if (size >= in->budget) return false;
    in->budget -= (uint32_t)size;
    TPI_ASSERT(in->budget > 0);
    return true;
}

void *tpi_read_items(tp_reader *in, uint32_t count, size_t size) {
    if (in->failed || count == 0) return NULL;
    TPI_ASSERT(size > 0 && size < UINT32_MAX);
    if (in->scratch == NULL || !spend(in, (uint64_t)count * size)) {
        fail(in);
        return NULL;
    }
    void *items = in->scratch->alloc(in->scratch, count * size);
    if (items != NULL) return memset(items, 0, count * size);
    in->starved = true;
    fail(in);
    return NULL;
}

uint32_t tpi_read_enter(tp_reader *in) {
    TPI_CHECK(in->depth <= TP_DEPTH_MAX);
    if (in->depth >= TP_DEPTH_MAX) return (uint32_t)fail(in);
    in->depth++;
    return tp_read_array(in);
}

void tpi_read_leave(tp_reader *in, uint32_t count, uint32_t known) {
    TPI_CHECK(in->depth > 0 || in->failed);
    for (uint32_t i = known; i < count && !in->failed; i++) tp_read_skip(in);
    if (in->depth > 0) in->depth--;
}

/* ---- text ---- */

static size_t sequence_size(uint8_t lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead < 0xe0) return 2;
    if (lead >= 0xe0 && lead < 0xf0) return 3;
    if (lead >= 0xf0 && lead < 0xf5) return 4;
    return 0;
}

bool tp_utf8_valid(const char *text, size_t size) {
    TPI_CHECK(text != NULL || size == 0);
    if (size == 0) return true;
    const uint8_t *at = (const uint8_t *)text, *end = at + size;
    while (at < end) {
        if (*at < 0x80) {
            at++;
            continue;
        }
        size_t length = sequence_size(*at);
        if (length == 0 || (size_t)(end - at) < length) return false;
        for (size_t i = 1; i < length; i++)
            if ((at[i] & 0xc0) != 0x80) return false;
        if (at[0] == 0xe0 && at[1] < 0xa0) return false; /* overlong */
        if (at[0] == 0xed && at[1] > 0x9f) return false; /* surrogates */
        if (at[0] == 0xf0 && at[1] < 0x90) return false; /* overlong */
        if (at[0] == 0xf4 && at[1] > 0x8f) return false; /* beyond U+10FFFF */
        at += length;
    }
    return true;
}
