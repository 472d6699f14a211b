/* Large signals in pieces: cut, mixed with others, put together within bounded memory. */
#include <stdlib.h>

#include "tests/unit/wire/kit.h"
#include "transport/wire/fragment.h"

#define LARGE 5000

/* A message ["x", bin of LARGE bytes]. */
struct large {
    uint8_t payload[LARGE + 6];
    struct tpi_frame frame;
};

static void large_init(struct large *large, uint8_t seed) {
    memcpy(large->payload, "\x92\xa1x\xc5", 4);
    tpi_put16(large->payload + 4, LARGE);
    for (size_t i = 0; i < LARGE; i++) large->payload[6 + i] = (uint8_t)(seed + i * 7);
    large->frame = kit_message();
    large->frame.payload = (tp_bin){large->payload, sizeof large->payload};
}

/* The next piece, cut and parsed. */
struct piece {
    uint8_t bytes[LARGE + 100];
    struct tpi_frame frame;
};

static void next_piece(struct tpi_fragmenter *cut, size_t most, struct piece *piece) {
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    size_t used = 0;
    TP_ASSERT_EQ_INT(tpi_fragmenter_next(cut, most, piece->bytes, sizeof piece->bytes, &used),
                     TP_OK);
    TP_ASSERT(used <= most);
    enum tpi_wire_code code =
        tpi_frame_parse(piece->bytes + 4, used - 4, &limits, false, &piece->frame);
    TP_ASSERT_EQ_STR(tpi_wire_name(code), "OK");
}

static void assembler_init(struct tpi_assembler *assembler) {
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    tpi_assembler_init(assembler, &limits, NULL);
}

TP_TEST(wire_fragment, pieces_of_any_size_make_the_whole) {
    struct large large;
    large_init(&large, 3);
    for (size_t most = 32; most < LARGE + 80; most += most / 3) {
        struct tpi_fragmenter cut;
        struct tpi_assembler assembler;
        struct tpi_frame whole;
        struct piece piece;
        assembler_init(&assembler);
        tpi_fragmenter_init(&cut, 9, &large.frame);
        enum tpi_decoded result = TPI_DECODED_MORE;
        while (!tpi_fragmenter_done(&cut)) {
            TP_ASSERT_EQ_INT(result, TPI_DECODED_MORE);
            next_piece(&cut, most, &piece);
            result = tpi_assembler_take(&assembler, &piece.frame, &whole);
        }
        TP_ASSERT_EQ_INT(result, TPI_DECODED_FRAME);
        TP_ASSERT(whole.type == TPI_FRAME_MESSAGE && whole.from_slot == 3);
        TP_ASSERT_EQ_INT(whole.payload.size, sizeof large.payload);
        TP_ASSERT(memcmp(whole.payload.data, large.payload, sizeof large.payload) == 0);
        tpi_assembler_fini(&assembler);
    }
}

TP_TEST(wire_fragment, a_prefix_is_part_of_the_whole) {
    struct large large;
    large_init(&large, 3);
    large.frame.prefix = (tp_bin){large.payload, 3};
    large.frame.payload = (tp_bin){large.payload + 3, sizeof large.payload - 3};
    struct tpi_fragmenter cut;
    struct tpi_assembler assembler;
    struct tpi_frame whole;
    struct piece piece;
    assembler_init(&assembler);
    tpi_fragmenter_init(&cut, 9, &large.frame);
    while (!tpi_fragmenter_done(&cut)) {
        next_piece(&cut, 33, &piece);
        tpi_assembler_take(&assembler, &piece.frame, &whole);
    }
    TP_ASSERT(memcmp(whole.payload.data, large.payload, sizeof large.payload) == 0);
    tpi_assembler_fini(&assembler);
}

TP_TEST(wire_fragment, sequences_may_be_mixed) {
    struct large large[3];
    struct tpi_fragmenter cut[3];
    struct tpi_assembler assembler;
    assembler_init(&assembler);
    for (uint8_t i = 0; i < 3; i++) {
        large_init(&large[i], i);
        tpi_fragmenter_init(&cut[i], 100 + i, &large[i].frame);
    }
    unsigned finished = 0;
    for (unsigned turn = 0; finished < 3; turn++) {
        unsigned i = turn % 3;
        if (tpi_fragmenter_done(&cut[i])) continue;
        struct piece piece;
        struct tpi_frame whole;
        next_piece(&cut[i], 200 + 50 * i, &piece);
        enum tpi_decoded result = tpi_assembler_take(&assembler, &piece.frame, &whole);
        TP_ASSERT(result != TPI_DECODED_BAD);
        if (result != TPI_DECODED_FRAME) continue;
        TP_ASSERT(memcmp(whole.payload.data, large[i].payload, sizeof large[i].payload) == 0);
        finished++;
    }
    tpi_assembler_fini(&assembler);
}

static struct tpi_frame piece_of(uint32_t sequence, uint32_t total, uint32_t offset, size_t size) {
    static const uint8_t zeros[4096];
    struct tpi_frame frame = {
        .type = TPI_FRAME_FRAGMENT,
        .sequence = sequence,
        .total = total,
        .offset = offset,
        .payload = {zeros, size},
    };
    return frame;
}

static const char *after(const struct tpi_frame *pieces, size_t count) {
    struct tpi_assembler assembler;
    struct tpi_frame whole;
    assembler_init(&assembler);
    for (size_t i = 0; i < count; i++) tpi_assembler_take(&assembler, &pieces[i], &whole);
    const char *name = tpi_wire_name(assembler.code);
    tpi_assembler_fini(&assembler);
    return name;
}

TP_TEST(wire_fragment, a_sequence_begins_at_its_beginning) {
    struct tpi_frame pieces[] = {piece_of(1, 100, 10, 10)};
    TP_ASSERT_EQ_STR(after(pieces, 1), "FRAGMENT");
}

TP_TEST(wire_fragment, a_repeated_piece_is_refused) {
    struct tpi_frame pieces[] = {piece_of(1, 100, 0, 10), piece_of(1, 100, 0, 10)};
    TP_ASSERT_EQ_STR(after(pieces, 2), "FRAGMENT");
}

TP_TEST(wire_fragment, a_gap_is_refused) {
    struct tpi_frame pieces[] = {piece_of(1, 100, 0, 10), piece_of(1, 100, 11, 10)};
    TP_ASSERT_EQ_STR(after(pieces, 2), "FRAGMENT");
}

TP_TEST(wire_fragment, the_total_may_not_change) {
    struct tpi_frame pieces[] = {piece_of(1, 100, 0, 10), piece_of(1, 101, 10, 10)};
    TP_ASSERT_EQ_STR(after(pieces, 2), "FRAGMENT");
}

TP_TEST(wire_fragment, pieces_beyond_the_total_or_without_bytes_are_refused) {
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    struct tpi_frame out,
        pieces[] = {piece_of(1, 10, 5, 6), piece_of(1, 10, 5, 0), piece_of(1, 0, 0, 1),
                    piece_of(1, limits.message_max + 65, 0, 1),
                    piece_of(1, UINT32_MAX, UINT32_MAX, 100)};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        uint8_t bytes[256];
        size_t size = kit_append(bytes, sizeof bytes, 0, &pieces[i]);
        TP_ASSERT_EQ_INT(tpi_frame_parse(bytes + 4, size - 4, &limits, false, &out),
                         TPI_WIRE_FRAGMENT);
    }
}

TP_TEST(wire_fragment, too_many_sequences_are_refused) {
    struct tpi_frame pieces[17];
    for (uint32_t i = 0; i < 17; i++) pieces[i] = piece_of(i, 100, 0, 10);
    TP_ASSERT_EQ_STR(after(pieces, 16), "OK");
    TP_ASSERT_EQ_STR(after(pieces, 17), "SEQUENCES");
}

TP_TEST(wire_fragment, too_much_in_all_is_refused) {
    struct tpi_frame pieces[3];
    for (uint32_t i = 0; i < 3; i++) pieces[i] = piece_of(i, 16u << 20, 0, 10);
    TP_ASSERT_EQ_STR(after(pieces, 2), "OK");
    TP_ASSERT_EQ_STR(after(pieces, 3), "SEQUENCES");
}

TP_TEST(wire_fragment, memory_follows_what_came_and_not_what_was_announced) {
    struct counting counting;
    counting_init(&counting, SIZE_MAX);
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    struct tpi_assembler assembler;
    struct tpi_frame whole, piece = piece_of(1, 16u << 20, 0, 1000);
    tpi_assembler_init(&assembler, &limits, &counting.allocator);
    TP_ASSERT_EQ_INT(tpi_assembler_take(&assembler, &piece, &whole), TPI_DECODED_MORE);
    TP_ASSERT(counting.most < 4096);
    tpi_assembler_fini(&assembler);
    TP_ASSERT_EQ_INT(counting.in_use, 0);
}

TP_TEST(wire_fragment, no_memory_is_an_error_and_no_crash) {
    struct counting counting;
    counting_init(&counting, 2000);
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    struct tpi_assembler assembler;
    tpi_assembler_init(&assembler, &limits, &counting.allocator);
    struct tpi_frame whole, first = piece_of(1, 8000, 0, 900),
                            second = piece_of(1, 8000, 900, 4000);
    TP_ASSERT_EQ_INT(tpi_assembler_take(&assembler, &first, &whole), TPI_DECODED_MORE);
    TP_ASSERT_EQ_INT(tpi_assembler_take(&assembler, &second, &whole), TPI_DECODED_BAD);
    TP_ASSERT_EQ_STR(tpi_wire_name(assembler.code), "MEMORY");
    tpi_assembler_fini(&assembler);
    TP_ASSERT_EQ_INT(counting.in_use, 0);
}

TP_TEST(wire_fragment, a_whole_that_is_no_signal_is_refused) {
    struct tpi_frame pieces[] = {piece_of(1, 20, 0, 20)}; /* zeros: type 0 */
    TP_ASSERT_EQ_STR(after(pieces, 1), "TYPE");
}

TP_TEST(wire_fragment, an_id_is_free_again_after_its_whole) {
    struct large large;
    large_init(&large, 1);
    struct tpi_assembler assembler;
    assembler_init(&assembler);
    for (int i = 0; i < 100; i++) {
        struct tpi_fragmenter cut;
        tpi_fragmenter_init(&cut, 5, &large.frame);
        struct piece piece;
        struct tpi_frame whole;
        next_piece(&cut, LARGE / 2, &piece);
        TP_ASSERT_EQ_INT(tpi_assembler_take(&assembler, &piece.frame, &whole), TPI_DECODED_MORE);
        while (!tpi_fragmenter_done(&cut)) {
            next_piece(&cut, LARGE, &piece);
            TP_ASSERT_EQ_INT(tpi_assembler_take(&assembler, &piece.frame, &whole),
                             TPI_DECODED_FRAME);
        }
    }
    tpi_assembler_fini(&assembler);
}

static void take_whole(struct tpi_assembler *assembler, const struct tpi_frame *frame) {
    struct tpi_fragmenter cut;
    struct tpi_frame whole;
    struct piece piece;
    tpi_fragmenter_init(&cut, 1, frame);
    while (!tpi_fragmenter_done(&cut)) {
        next_piece(&cut, 1000, &piece);
        TP_ASSERT(tpi_assembler_take(assembler, &piece.frame, &whole) != TPI_DECODED_BAD);
    }
}

TP_TEST(wire_fragment, the_memory_of_one_whole_serves_the_next_and_never_exceeds_it) {
    struct counting counting;
    counting_init(&counting, SIZE_MAX);
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    struct tpi_assembler assembler;
    struct large large;
    large_init(&large, 1);
    tpi_assembler_init(&assembler, &limits, &counting.allocator);
    take_whole(&assembler, &large.frame);
    size_t had = counting.in_use;
    TP_ASSERT(had >= LARGE && had < LARGE + 100);
    counting.most = 0;
    for (int i = 0; i < 3; i++) take_whole(&assembler, &large.frame);
    TP_ASSERT_EQ_INT(counting.most, 0); /* nothing was asked for */
    TP_ASSERT_EQ_INT(counting.in_use, had);
    tpi_assembler_fini(&assembler);
    TP_ASSERT_EQ_INT(counting.in_use, 0);
}
