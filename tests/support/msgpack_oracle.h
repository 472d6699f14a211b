/*
 * msgpack-c as the judge of our reader: the same bytes must be accepted or refused by both, take
 * the same number of bytes, and hold the same values. For the unit tests and the fuzzer of the
 * codec, which link it in different ways: hence a header with bodies.
 *
 * msgpack-c believes the counts of arrays and maps and allocates for them, gigabytes for five
 * bytes. Bytes with a count that the rest could not hold are therefore kept from it: it could only
 * refuse them, for want of values.
 */
#ifndef TP_TESTS_SUPPORT_MSGPACK_ORACLE_H
#define TP_TESTS_SUPPORT_MSGPACK_ORACLE_H

#include <string.h>

#include <msgpack.h>
#include <troupe/codec.h>

/* A value's own bytes, without what it contains; 0: not msgpack, or cut off. */
static inline uint64_t oracle_head(const uint8_t *at, uint64_t left, uint64_t *inside) {
    /* for the tags from 0xc0 on: bytes of the number or length behind the tag; 99 is no tag */
    static const uint8_t behind[32] = {0, 99, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                       1, 2,  4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    uint8_t tag = at[0];
    *inside = 0;
    if (tag < 0x80 || tag >= 0xe0) return 1;
    if (tag < 0xc0) {
        uint64_t low = tag < 0xa0 ? tag & 0x0fu : tag & 0x1fu;
        if (tag < 0xa0) *inside = tag < 0x90 ? 2 * low : low;
        return tag < 0xa0 ? 1 : 1 + low;
    }
    uint64_t size = behind[tag - 0xc0], number = 0;
    if (size == 99 || left < 1 + size) return 0;
    for (uint64_t i = 0; i < size; i++) number = number << 8 | at[1 + i];
    if (tag >= 0xd4 && tag <= 0xd8) return 2 + (UINT64_C(1) << (tag - 0xd4));
    if (tag >= 0xdc) *inside = tag < 0xde ? number : 2 * number;
    if (tag >= 0xc7 && tag <= 0xc9) return 1 + size + 1 + number;
    return 1 + size + ((tag >= 0xc4 && tag <= 0xc6) || (tag >= 0xd9 && tag <= 0xdb) ? number : 0);
}

/* True if a container with more values than bytes left comes before the first other violation. */
static inline bool oracle_is_bomb(const uint8_t *bytes, size_t size) {
    uint64_t left = size, values = 1;
    while (values > 0 && left > 0) {
        uint64_t inside;
        uint64_t taken = oracle_head(bytes, left, &inside);
        if (taken == 0 || taken > left) return false;
        bytes += taken;
        left -= taken;
        if (inside > left) return true;
        values += inside - 1;
    }
    return false;
}

static inline bool oracle_same_float(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static inline bool oracle_same_bytes(tp_bin ours, const void *theirs, size_t size) {
    return ours.size == size && (size == 0 || ours.data == theirs);
}

/* True if the reader's next value is the object; recursive, as deep as msgpack-c allows. */
static inline bool oracle_same(const msgpack_object *object, tp_reader *in) {
    tp_str str;
    uint32_t count;
    switch (object->type) {
    case MSGPACK_OBJECT_NIL: return tp_read_nil(in);
    case MSGPACK_OBJECT_BOOLEAN: return tp_read_bool(in) == object->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return tp_read_u64(in, UINT64_MAX) == object->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return tp_read_i64(in, INT64_MIN, -1) == object->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return oracle_same_float(tp_read_f64(in), object->via.f64);
    case MSGPACK_OBJECT_STR:
        str = tp_read_str(in);
        return oracle_same_bytes((tp_bin){str.data, str.size}, object->via.str.ptr,
                                 object->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return oracle_same_bytes(tp_read_bin(in), object->via.bin.ptr, object->via.bin.size);
    case MSGPACK_OBJECT_EXT:
        tp_read_skip(in);
        return in->at == (const uint8_t *)object->via.ext.ptr + object->via.ext.size;
    case MSGPACK_OBJECT_ARRAY:
        count = tp_read_array(in);
        if (count != object->via.array.size) return false;
        for (uint32_t i = 0; i < count; i++)
            if (!oracle_same(&object->via.array.ptr[i], in)) return false;
        return true;
    case MSGPACK_OBJECT_MAP:
        count = tp_read_map(in);
        if (count != object->via.map.size) return false;
        for (uint32_t i = 0; i < count; i++)
            if (!oracle_same(&object->via.map.ptr[i].key, in) ||
                !oracle_same(&object->via.map.ptr[i].val, in))
                return false;
        return true;
    default: return false;
    }
}

/* NULL if our reader and msgpack-c agree on the first value of the bytes; else where they
 * differ. */
static inline const char *oracle_differs(const uint8_t *bytes, size_t size) {
    tp_reader skipped = tp_reader_over(bytes, size), read = skipped;
    tp_read_skip(&skipped);
    if (oracle_is_bomb(bytes, size)) return skipped.failed ? NULL : "a bomb is accepted";
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t used = 0;
    bool accepted =
        msgpack_unpack_next(&unpacked, (const char *)bytes, size, &used) == MSGPACK_UNPACK_SUCCESS;
    const char *difference = NULL;
    if (accepted == skipped.failed) {
        difference = accepted ? "only msgpack-c accepts" : "only we accept";
    } else if (accepted) {
        if (skipped.at != bytes + used) difference = "another number of bytes is taken";
        else if (!oracle_same(&unpacked.data, &read) || read.failed || read.at != skipped.at)
            difference = "another value is read";
    }
    msgpack_unpacked_destroy(&unpacked);
    return difference;
}

#endif
