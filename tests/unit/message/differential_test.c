/* Random values and random bytes: our codec and msgpack-c must agree, byte for byte. */
#include <msgpack.h>
#include <troupe/codec.h>

#include <stdlib.h>

#include "core/base/rng.h"
#include "tests/support/msgpack_oracle.h"
#include "tests/support/test.h"
#include "tests/unit/message/arena.h"
#include "tests/unit/message/kinds.h"

#define SEED 20240917
#define TREES 40000
#define MUTATIONS_PER_TREE 5
#define NOISES 100000

/* One value, written by both at once. */
struct pair {
    tp_writer ours;
    msgpack_packer theirs;
    msgpack_sbuffer buffer;
    struct tpi_rng rng;
    uint8_t bytes[1 << 16];
};

static struct pair *begin(uint64_t seed) {
    struct pair *pair = calloc(1, sizeof *pair);
    TP_ASSERT(pair != NULL);
    tpi_rng_seed(&pair->rng, seed);
    msgpack_sbuffer_init(&pair->buffer);
    msgpack_packer_init(&pair->theirs, &pair->buffer, msgpack_sbuffer_write);
    return pair;
}

static void end(struct pair *pair) {
    msgpack_sbuffer_destroy(&pair->buffer);
    free(pair);
}

/* Small as often as large: each power of two is as likely as any other. */
static uint64_t random_u64(struct tpi_rng *rng) {
    return tpi_rng_next(rng) >> tpi_rng_below(rng, 64);
}

static void write_bytes(struct pair *pair, bool text) {
    static const char filler[400];
    size_t size = (size_t)tpi_rng_below(&pair->rng, tpi_rng_below(&pair->rng, 2) ? 400 : 40);
    if (text) {
        tp_write_str(&pair->ours, (tp_str){filler, size});
        msgpack_pack_str(&pair->theirs, size);
        msgpack_pack_str_body(&pair->theirs, filler, size);
    } else {
        tp_write_bin(&pair->ours, (tp_bin){filler, size});
        msgpack_pack_bin(&pair->theirs, size);
        msgpack_pack_bin_body(&pair->theirs, filler, size);
    }
}

static void write_pid(struct pair *pair) {
    tp_pid pid = {tpi_rng_next(&pair->rng), (uint32_t)tpi_rng_next(&pair->rng), 7};
    uint8_t body[16];
    for (unsigned i = 0; i < 8; i++) body[i] = (uint8_t)(pid.node >> (56 - 8 * i));
    for (unsigned i = 0; i < 4; i++) body[8 + i] = (uint8_t)(pid.slot >> (24 - 8 * i));
    for (unsigned i = 0; i < 4; i++) body[12 + i] = (uint8_t)(pid.generation >> (24 - 8 * i));
    tp_write_pid(&pair->ours, pid);
    msgpack_pack_ext(&pair->theirs, sizeof body, TP_EXT_PID);
    msgpack_pack_ext_body(&pair->theirs, body, sizeof body);
}

static void write_scalar(struct pair *pair) {
    uint64_t random = random_u64(&pair->rng);
    double real;
    switch (tpi_rng_below(&pair->rng, 9)) {
    case 0:
        tp_write_nil(&pair->ours);
        msgpack_pack_nil(&pair->theirs);
        return;
    case 1:
        tp_write_bool(&pair->ours, random % 2 == 1);
        if (random % 2 == 1) msgpack_pack_true(&pair->theirs);
        else msgpack_pack_false(&pair->theirs);
        return;
    case 2:
        tp_write_u64(&pair->ours, random);
        msgpack_pack_uint64(&pair->theirs, random);
        return;
    case 3:
        tp_write_i64(&pair->ours, (int64_t)random);
        msgpack_pack_int64(&pair->theirs, (int64_t)random);
        return;
    case 4:
        tp_write_i64(&pair->ours, (int64_t)(0 - random));
        msgpack_pack_int64(&pair->theirs, (int64_t)(0 - random));
        return;
    case 5:
        random = tpi_rng_next(&pair->rng);
        memcpy(&real, &random, sizeof real);
        tp_write_f64(&pair->ours, real);
        msgpack_pack_double(&pair->theirs, real);
        return;
    case 6: write_pid(pair); return;
    default: write_bytes(pair, random % 2 == 1);
    }
}

static void write_value(struct pair *pair, unsigned depth) {
    uint64_t choice = tpi_rng_below(&pair->rng, 8);
    if (depth == 0 || choice < 5) {
        write_scalar(pair);
        return;
    }
    uint32_t count = (uint32_t)tpi_rng_below(&pair->rng, depth > 3 ? 4 : 20);
    if (choice == 5) {
        tp_write_map(&pair->ours, count);
        msgpack_pack_map(&pair->theirs, count);
        count *= 2;
    } else {
        tp_write_array(&pair->ours, count);
        msgpack_pack_array(&pair->theirs, count);
    }
    for (uint32_t i = 0; i < count; i++) write_value(pair, depth - 1);
}

/* A tree in both buffers; its size. */
static size_t write_tree(struct pair *pair) {
    pair->ours = tp_writer_over(pair->bytes, sizeof pair->bytes);
    msgpack_sbuffer_clear(&pair->buffer);
    write_value(pair, 5);
    return (size_t)(pair->ours.at - pair->bytes);
}

TP_TEST(differential, what_we_write_is_what_msgpack_c_writes) {
    struct pair *pair = begin(SEED);
    for (int i = 0; i < TREES; i++) {
        size_t size = write_tree(pair);
        if (pair->ours.failed) continue; /* larger than the buffer: rare */
        TP_ASSERT_MSG(size == pair->buffer.size &&
                          memcmp(pair->bytes, pair->buffer.data, size) == 0,
                      "seed %d, tree %d", SEED, i);
        const char *difference = oracle_differs(pair->bytes, size);
        TP_ASSERT_MSG(difference == NULL, "seed %d, tree %d: %s", SEED, i, difference);
    }
    end(pair);
}

/* One of the ways in which bytes go wrong; the new size. */
static size_t mutate(struct tpi_rng *rng, uint8_t *bytes, size_t size) {
    static const uint8_t heads[] = {0x80, 0x81, 0x90, 0x91, 0xa1, 0xc1, 0xc4, 0xc6, 0xc9, 0xca,
                                    0xd3, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0x00, 0xff};
    size_t at = (size_t)tpi_rng_below(rng, size);
    switch (tpi_rng_below(rng, 4)) {
    case 0: return at; /* cut */
    case 1: bytes[at] = (uint8_t)tpi_rng_next(rng); break;
    case 2: bytes[at] = heads[tpi_rng_below(rng, sizeof heads)]; break;
    default: bytes[at] ^= (uint8_t)(1u << tpi_rng_below(rng, 8));
    }
    return size;
}

static void check_copy(const uint8_t *bytes, size_t size, const char *what, int number) {
    uint8_t *exact = malloc(size == 0 ? 1 : size); /* so that a read past the end is seen */
    TP_ASSERT(exact != NULL);
    memcpy(exact, bytes, size);
    const char *difference = oracle_differs(exact, size);
    TP_ASSERT_MSG(difference == NULL, "seed %d, %s %d: %s", SEED, what, number, difference);
    free(exact);
}

TP_TEST(differential, damaged_bytes_are_refused_where_msgpack_c_refuses_them) {
    struct pair *pair = begin(SEED + 1);
    for (int i = 0; i < TREES; i++) {
        size_t size = write_tree(pair);
        for (int m = 0; m < MUTATIONS_PER_TREE && size > 0; m++) {
            size = mutate(&pair->rng, pair->bytes, size);
            check_copy(pair->bytes, size, "tree", i);
        }
    }
    end(pair);
}

TP_TEST(differential, noise_is_refused_where_msgpack_c_refuses_it) {
    struct tpi_rng rng;
    uint8_t bytes[64];
    tpi_rng_seed(&rng, SEED + 2);
    for (int i = 0; i < NOISES; i++) {
        size_t size = (size_t)tpi_rng_below(&rng, sizeof bytes);
        for (size_t at = 0; at < size; at++) {
            uint64_t random = tpi_rng_next(&rng);
            /* more heads than a fair die would give */
            bytes[at] = (uint8_t)(random >> 8 & 3 ? 0x80 | (random & 0x7f) : random & 0xff);
        }
        check_copy(bytes, size, "noise", i);
    }
}

static void their_numbers(msgpack_packer *packer, const numbers *value) {
    if (value->truth) msgpack_pack_true(packer);
    else msgpack_pack_false(packer);
    msgpack_pack_uint8(packer, value->a);
    msgpack_pack_uint16(packer, value->b);
    msgpack_pack_uint32(packer, value->c);
    msgpack_pack_uint64(packer, value->d);
    msgpack_pack_int8(packer, value->e);
    msgpack_pack_int16(packer, value->f);
    msgpack_pack_int32(packer, value->g);
    msgpack_pack_int64(packer, value->h);
    msgpack_pack_double(packer, value->i);
    msgpack_pack_ext_with_body(packer, "\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\3", 16, TP_EXT_PID);
    msgpack_pack_int(packer, (int)value->k);
}

TP_TEST(differential, generated_encoders_write_what_msgpack_c_writes) {
    struct tpi_rng rng;
    tpi_rng_seed(&rng, SEED + 3);
    for (int i = 0; i < 20000; i++) {
        numbers value = {.truth = i % 2 == 0,
                         .a = (uint8_t)random_u64(&rng),
                         .b = (uint16_t)random_u64(&rng),
                         .c = (uint32_t)random_u64(&rng),
                         .d = random_u64(&rng),
                         .e = (int8_t)random_u64(&rng),
                         .f = (int16_t)(0 - random_u64(&rng)),
                         .g = (int32_t)(0 - random_u64(&rng)),
                         .h = (int64_t)(0 - random_u64(&rng)),
                         .i = (double)random_u64(&rng) / 3,
                         .j = {1, 2, 3},
                         .k = (enum colour)(int32_t)random_u64(&rng)};
        uint8_t ours[256];
        tp_writer out = tp_writer_over(ours, sizeof ours);
        TP_ASSERT(numbers_message.bound <= sizeof ours);
        numbers_message.encode(&value, &out);
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        msgpack_sbuffer_init(&buffer);
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        their_numbers(&packer, &value);
        TP_ASSERT((size_t)(out.at - ours) == buffer.size &&
                  memcmp(ours, buffer.data, buffer.size) == 0);
        msgpack_sbuffer_destroy(&buffer);
    }
}

/* Everything that a message can hold, read back by msgpack-c: the fields one after the other. */
TP_TEST(differential, msgpack_c_reads_every_kind_and_form) {
    struct arena arena;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(300);
    everything value = everything_sample(blob);
    struct encoded encoded = arena_encode(&arena, &everything_message, &value);
    size_t at = 0;
    for (uint32_t i = 0; i < everything_message.field_count; i++) {
        tp_reader in = tp_reader_over(encoded.bytes + at, encoded.size - at);
        TP_ASSERT(oracle_differs(encoded.bytes + at, encoded.size - at) == NULL);
        tp_read_skip(&in);
        TP_ASSERT(!in.failed);
        at = (size_t)(in.at - encoded.bytes);
    }
    TP_ASSERT_EQ_INT(at, encoded.size);
    tp_blob_unref(blob);
    arena_free(&arena);
}
