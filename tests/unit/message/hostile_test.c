/* Bytes from someone who means harm: no read beyond the end, no allocation driven by a count. */
#include <troupe/message.h>

#include <stdlib.h>

#include "tests/support/msgpack_oracle.h"
#include "tests/support/test.h"
#include "tests/unit/message/arena.h"
#include "tests/unit/message/kinds.h"

/* The most that decoding `size` bytes may take. */
static size_t scratch_limit(size_t size) {
    return TP_SCRATCH_FACTOR * size + TP_SCRATCH_FREE;
}

static bool skip_refused(const void *bytes, size_t size) {
    uint8_t *exact = malloc(size);
    TP_ASSERT(exact != NULL);
    memcpy(exact, bytes, size);
    tp_reader in = tp_reader_over(exact, size);
    tp_read_skip(&in);
    bool refused = in.failed && in.at == in.end;
    TP_ASSERT(oracle_differs(exact, size) == NULL);
    free(exact);
    return refused;
}

TP_TEST(hostile, a_count_beyond_the_bytes_left_is_refused) {
    TP_ASSERT(skip_refused("\xdd\xff\xff\xff\xff", 5)); /* 137 GB in msgpack-c */
    TP_ASSERT(skip_refused("\xdf\x00\xff\xff\xff", 5)); /* 1 GB */
    TP_ASSERT(
        skip_refused("\xdf\xff\xff\xff\xff\x01\x02", 7)); /* twice the count overflows 32 bits */
    TP_ASSERT(skip_refused("\xdc\xff\xff\x01", 4));
    TP_ASSERT(skip_refused("\x9f\x01\x02", 3));
    TP_ASSERT(skip_refused("\x82\x01\x02\x03", 4));
}

TP_TEST(hostile, a_map_is_believed_only_with_two_bytes_for_each_pair) {
    tp_reader in = tp_reader_over("\x82\x01\x02\x03", 4);
    TP_ASSERT(tp_read_map(&in) == 0 && in.failed);
    in = tp_reader_over("\x82\x01\x02\x03\x04", 5);
    TP_ASSERT(tp_read_map(&in) == 2 && !in.failed);
}

TP_TEST(hostile, nested_bombs_are_refused) {
    uint8_t bytes[155];
    for (size_t i = 0; i < sizeof bytes; i += 5) memcpy(bytes + i, "\xdd\x00\x10\x00\x00", 5);
    TP_ASSERT(skip_refused(bytes, sizeof bytes));
}

TP_TEST(hostile, lengths_beyond_the_bytes_left_are_refused) {
    TP_ASSERT(skip_refused("\xdb\xff\xff\xff\xffx", 6));
    TP_ASSERT(skip_refused("\xc6\xff\xff\xff\xffx", 6));
    TP_ASSERT(skip_refused("\xc9\xff\xff\xff\xff\x01x", 7));
    TP_ASSERT(skip_refused("\xd9\x02x", 3));
    TP_ASSERT(skip_refused("\xbfx", 2));
    TP_ASSERT(skip_refused("\xd8\x01x", 3));
    TP_ASSERT(skip_refused("\xc7\x00", 2)); /* an extension without its type */
}

TP_TEST(hostile, the_unused_tag_is_refused) {
    TP_ASSERT(skip_refused("\xc1", 1));
    TP_ASSERT(skip_refused("\x92\x01\xc1", 3));
}

/* `depth` containers, one in the other, around `core`. */
static bool nested_refused(size_t depth, uint8_t head, const char *core) {
    uint8_t bytes[256];
    size_t size = 0;
    for (size_t i = 0; i < depth; i++) {
        bytes[size++] = head;
        if (head == 0x81) bytes[size++] = 0; /* the key */
    }
    memcpy(bytes + size, core, 1);
    return skip_refused(bytes, size + 1);
}

TP_TEST(hostile, nesting_ends_at_32) {
    TP_ASSERT(!nested_refused(32, 0x91, "\x01") && nested_refused(33, 0x91, "\x01"));
    TP_ASSERT(!nested_refused(32, 0x81, "\x01") && nested_refused(33, 0x81, "\x01"));
    /* empty ones count as any other */
    TP_ASSERT(!nested_refused(31, 0x91, "\x90") && nested_refused(32, 0x91, "\x90"));
    TP_ASSERT(!nested_refused(31, 0x81, "\x80") && nested_refused(32, 0x81, "\x80"));
}

TP_TEST(hostile, nesting_counts_from_where_the_reader_is) {
    uint8_t bytes[33];
    memset(bytes, 0x91, 32);
    bytes[32] = 1;
    tp_reader in = tp_reader_over(bytes, sizeof bytes);
    in.depth = 1;
    tp_read_skip(&in);
    TP_ASSERT(in.failed);
    in = tp_reader_over(bytes + 1, sizeof bytes - 1);
    in.depth = 1;
    tp_read_skip(&in);
    TP_ASSERT(!in.failed);
    in = tp_reader_over(bytes, sizeof bytes);
    in.depth = TP_DEPTH_MAX;
    TP_ASSERT(tpi_read_enter(&in) == 0 && in.failed);
}

TP_MESSAGE(list_of_points, TP_LIST_OF(point, items))

/* [[0, 0, <arrays>]]: the unknown third field of a point, `depth` containers in all. */
static bool unknown_field_refused(unsigned depth) {
    uint8_t bytes[64] = {0x91, 0x93, 0, 0};
    struct arena arena;
    list_of_points out;
    arena_init(&arena);
    memset(bytes + 4, 0x91, depth - 2);
    struct encoded encoded = {bytes, 4 + (depth - 2) + 1};
    bool refused = !arena_decode(&arena, &list_of_points_message, encoded, 1, &out);
    TP_ASSERT(oracle_differs(bytes, encoded.size) == NULL);
    TP_ASSERT_EQ_INT(refused, skip_refused(bytes, encoded.size));
    arena_free(&arena);
    return refused;
}

TP_TEST(hostile, nesting_counts_through_lists_of_messages) {
    TP_ASSERT(!unknown_field_refused(32) && unknown_field_refused(33));
}

TP_TEST(hostile, a_million_nested_arrays_are_refused_early) {
    size_t size = 1 << 20;
    uint8_t *bytes = malloc(size);
    TP_ASSERT(bytes != NULL);
    memset(bytes, 0x91, size);
    TP_ASSERT(skip_refused(bytes, size));
    free(bytes);
}

/* Every prefix of a message with everything: refused, and nothing read behind it. */
TP_TEST(hostile, a_cut_message_is_refused_wherever_it_is_cut) {
    struct arena arena;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(40);
    everything out, value = everything_sample(blob);
    struct encoded whole = arena_encode(&arena, &everything_message, &value);
    uint32_t count = everything_message.field_count;
    for (size_t size = 0; size < whole.size; size++) {
        struct arena piece;
        arena_init(&piece);
        struct encoded cut = {arena_copy(&piece, whole.bytes, size), size};
        TP_ASSERT(!arena_decode(&piece, &everything_message, cut, count, &out));
        TP_ASSERT(piece.taken <= scratch_limit(size));
        arena_free(&piece);
    }
    TP_ASSERT(arena_decode(&arena, &everything_message, whole, count, &out));
    tp_blob_unref(blob);
    arena_free(&arena);
}

/* Every byte of it set to every value: decoding ends, within its bounds. */
TP_TEST(hostile, a_message_with_any_byte_changed_is_decoded_within_bounds) {
    struct arena arena;
    arena_init(&arena);
    tp_blob *blob = tp_blob_new(1);
    everything out, value = everything_sample(blob);
    struct encoded whole = arena_encode(&arena, &everything_message, &value);
    uint8_t *bytes = malloc(whole.size);
    TP_ASSERT(bytes != NULL);
    memcpy(bytes, whole.bytes, whole.size);
    for (size_t at = 0; at < whole.size; at++) {
        for (unsigned byte = 0; byte < 256; byte += at % 4 == 0 ? 1 : 17) {
            struct arena piece;
            arena_init(&piece);
            bytes[at] = (uint8_t)byte;
            struct encoded changed = {bytes, whole.size};
            (void)arena_decode(&piece, &everything_message, changed, 8, &out);
            TP_ASSERT(piece.taken <= scratch_limit(whole.size));
            arena_free(&piece);
        }
        bytes[at] = whole.bytes[at];
    }
    free(bytes);
    tp_blob_unref(blob);
    arena_free(&arena);
}

TP_TEST(hostile, a_list_takes_no_memory_for_a_count_that_cannot_be) {
    struct arena arena;
    lists out;
    arena_init(&arena);
    struct encoded bomb = {(const uint8_t *)"\xdd\x7f\xff\xff\xff\xc3\xc3", 7};
    TP_ASSERT(!arena_decode(&arena, &lists_message, bomb, 1, &out));
    TP_ASSERT_EQ_INT(arena.taken, 0);
    TP_ASSERT(out.truth.count == 0 && out.truth.items == NULL);
    arena_free(&arena);
}

/* 32 fields of 24 bytes: the most that a field can be in a struct for the least on the wire. */
#define P(n) TP_OPTIONAL(pid, p##n)
TP_MESSAGE(widest, P(0), P(1), P(2), P(3), P(4), P(5), P(6), P(7), P(8), P(9), P(10), P(11), P(12),
           P(13), P(14), P(15), P(16), P(17), P(18), P(19), P(20), P(21), P(22), P(23), P(24),
           P(25), P(26), P(27), P(28), P(29), P(30), P(31))
TP_MESSAGE(list_of_widest, TP_LIST_OF(widest, items))

/* An array of `count` empty arrays: 1 byte each here, 768 each when decoded. */
static bool widest_refused(uint32_t count, size_t *taken) {
    struct arena arena;
    list_of_widest out;
    arena_init(&arena);
    uint8_t *bytes = arena_take(&arena, 5 + count);
    tp_writer writer = tp_writer_over(bytes, 5 + count);
    tp_write_array(&writer, count);
    memset(writer.at, 0x90, count);
    struct encoded encoded = {bytes, (size_t)(writer.at - bytes) + count};
    bool refused = !arena_decode(&arena, &list_of_widest_message, encoded, 1, &out);
    TP_ASSERT(arena.taken <= scratch_limit(encoded.size));
    *taken = arena.taken;
    arena_free(&arena);
    return refused;
}

TP_TEST(hostile, a_byte_that_would_decode_to_hundreds_is_bounded) {
    size_t taken;
    TP_ASSERT(!widest_refused(80, &taken)); /* a few are evolution */
    TP_ASSERT_EQ_INT(taken, 80 * sizeof(widest));
    TP_ASSERT(widest_refused(1000, &taken)); /* many are an attack */
    TP_ASSERT_EQ_INT(taken, 0);
}

TP_TEST(hostile, what_our_encoder_writes_is_never_over_the_bound) {
    struct arena arena;
    arena_init(&arena);
    size_t count = 5000;
    widest *items = arena_take(&arena, count * sizeof(widest));
    memset(items, 0, count * sizeof(widest));
    list_of_widest out, value = {{items, count}};
    arena_round_trip(&arena, &list_of_widest_message, &value, &out);
    TP_ASSERT_EQ_INT(out.items.count, count);
    const tp_blob **blobs = arena_take(&arena, count * sizeof *blobs);
    for (size_t i = 0; i < count; i++) blobs[i] = NULL;
    lists many_blobs, empty_blobs;
    memset(&empty_blobs, 0, sizeof empty_blobs);
    empty_blobs.large = (tp_list_blob){blobs, count};
    arena_round_trip(&arena, &lists_message, &empty_blobs, &many_blobs);
    TP_ASSERT_EQ_INT(many_blobs.large.count, count);
    arena_free(&arena);
}

TP_TEST(hostile, without_memory_decoding_fails_and_says_so) {
    struct arena arena;
    arena_init(&arena);
    static const uint8_t items[] = {1, 2, 3};
    lists out, value;
    memset(&value, 0, sizeof value);
    value.a = (tp_list_u8){items, 3};
    struct encoded encoded = arena_encode(&arena, &lists_message, &value);
    arena.limit = 2;
    tp_reader in = tp_reader_over(encoded.bytes, encoded.size);
    in.scratch = &arena.scratch;
    lists_message.decode(&out, &in, lists_message.field_count);
    TP_ASSERT(in.failed && in.starved && out.a.count == 0);
    in = tp_reader_over(encoded.bytes, encoded.size); /* no scratch at all */
    lists_message.decode(&out, &in, lists_message.field_count);
    TP_ASSERT(in.failed && !in.starved);
    in = tp_reader_over("\x90", 1); /* an empty list needs none */
    lists_message.decode(&out, &in, 1);
    TP_ASSERT(!in.failed && out.truth.count == 0);
    arena_free(&arena);
}
