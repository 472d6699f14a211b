/*
 * One message encoded and decoded, by what TP_MESSAGE makes and by msgpack-c. msgpack-c gets its
 * best case: a callback into a fixed buffer, a zone that is cleared and used again.
 */
#include <msgpack.h>

#include "bench/micro/micro.h"

#define ROUNDS 4000000u

TP_MESSAGE(small, TP_FIELD(i64, cents))
TP_MESSAGE(mixed, TP_FIELD(i64, cents), TP_FIELD(str, note), TP_FIELD(u32, count),
           TP_FIELD(f64, rate), TP_FIELD(bool, done))

static mixed mixed_of(uint64_t i) {
    return (mixed){(int64_t)(i << 8), TP_STR("a note of 24 characters."), (uint32_t)i, 0.5, true};
}

/* ---- ours ---- */

static double encode(tp_actor *self, const tp_message_type *type) {
    uint8_t bytes[256];
    mixed value = mixed_of(0);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        value.cents = (int64_t)(i << 8); /* the first field of both */
        tp_writer out = tp_writer_over(bytes, sizeof bytes);
        micro_touch(&value);
        type->encode(&value, &out);
        micro_touch(bytes);
    }
    return bench_since(self, start) / ROUNDS;
}

static double encode_small(tp_actor *self) {
    return encode(self, &small_message);
}

static double encode_mixed(tp_actor *self) {
    return encode(self, &mixed_message);
}

static double decode(tp_actor *self, const tp_message_type *type) {
    uint8_t bytes[256];
    mixed value = mixed_of(1), got;
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    type->encode(&value, &out);
    size_t size = (size_t)(out.at - bytes);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        tp_reader in = tp_reader_over(bytes, size);
        micro_touch(bytes);
        type->decode(&got, &in, type->field_count);
        if (in.failed) tp_fail(self, "did not decode");
        micro_touch(&got);
    }
    return bench_since(self, start) / ROUNDS;
}

static double decode_small(tp_actor *self) {
    return decode(self, &small_message);
}

static double decode_mixed(tp_actor *self) {
    return decode(self, &mixed_message);
}

/* ---- msgpack-c ---- */

struct fixed {
    char bytes[256];
    size_t size;
};

static int write_fixed(void *context, const char *bytes, size_t size) {
    struct fixed *fixed = context;
    if (size > sizeof fixed->bytes - fixed->size) return -1;
    memcpy(fixed->bytes + fixed->size, bytes, size);
    fixed->size += size;
    return 0;
}

/* Not inlined: ours are called through the type's pointers. */
static __attribute__((noinline)) void their_pack(msgpack_packer *packer, const mixed *value,
                                                 bool all) {
    msgpack_pack_int64(packer, value->cents);
    if (!all) return;
    msgpack_pack_str(packer, value->note.size);
    msgpack_pack_str_body(packer, value->note.data, value->note.size);
    msgpack_pack_uint32(packer, value->count);
    msgpack_pack_double(packer, value->rate);
    if (value->done) msgpack_pack_true(packer);
    else msgpack_pack_false(packer);
}

static double their_encode(tp_actor *self, bool all) {
    struct fixed fixed;
    msgpack_packer packer;
    mixed value = mixed_of(0);
    msgpack_packer_init(&packer, &fixed, write_fixed);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        value.cents = (int64_t)(i << 8);
        fixed.size = 0;
        micro_touch(&value);
        their_pack(&packer, &value, all);
        micro_touch(&fixed);
    }
    return bench_since(self, start) / ROUNDS;
}

static double their_encode_small(tp_actor *self) {
    return their_encode(self, false);
}

static double their_encode_mixed(tp_actor *self) {
    return their_encode(self, true);
}

static double their_decode(tp_actor *self, bool all) {
    struct fixed fixed = {.size = 0};
    msgpack_packer packer;
    msgpack_zone zone;
    mixed value = mixed_of(1);
    int64_t sum = 0;
    msgpack_packer_init(&packer, &fixed, write_fixed);
    msgpack_pack_array(&packer, all ? 5 : 1);
    their_pack(&packer, &value, all);
    if (!msgpack_zone_init(&zone, 8192)) tp_fail(self, "out of memory");
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        msgpack_object object;
        micro_touch(&fixed);
        if (msgpack_unpack(fixed.bytes, fixed.size, NULL, &zone, &object) != MSGPACK_UNPACK_SUCCESS)
            tp_fail(self, "did not unpack");
        sum += object.via.array.ptr[0].via.i64;
        micro_touch(&object);
        msgpack_zone_clear(&zone);
    }
    double took = bench_since(self, start);
    msgpack_zone_destroy(&zone);
    micro_touch(&sum);
    return took / ROUNDS;
}

static double their_decode_small(tp_actor *self) {
    return their_decode(self, false);
}

static double their_decode_mixed(tp_actor *self) {
    return their_decode(self, true);
}

const struct bench_case bench_codec[] = {
    {"encode1", "ns", "a message of one i64, encoded", encode_small},
    {"decode1", "ns", "the same, decoded", decode_small},
    {"encode5", "ns", "i64, str, u32, f64, bool, encoded", encode_mixed},
    {"decode5", "ns", "the same, decoded", decode_mixed},
    {"encode1_msgpackc", "ns", "one i64 by msgpack-c's packer", their_encode_small},
    {"decode1_msgpackc", "ns", "one i64 by msgpack-c's unpacker", their_decode_small},
    {"encode5_msgpackc", "ns", "the five by msgpack-c's packer", their_encode_mixed},
    {"decode5_msgpackc", "ns", "the five by msgpack-c's unpacker", their_decode_mixed},
    {NULL, NULL, NULL, NULL}};
