/*
 * Large signals in pieces, so that they do not block small ones. The sender cuts an encoded frame
 * (without its length field) into FRAGMENT frames; the receiver puts them together. Memory for a
 * sequence grows with the bytes that have arrived (to twice as many at most), not with what was
 * announced, and never beyond that; all sequences together stay within limits.assembly_max. What
 * one finished sequence had, up to TPI_SPARE_MOST, is kept for the next, which then need not grow.
 */
#ifndef TPI_WIRE_FRAGMENT_H
#define TPI_WIRE_FRAGMENT_H

#include "transport/wire/frame.h"

/* Cuts one frame. The frame's prefix and payload are borrowed until the last piece is out. */
struct tpi_fragmenter {
    tp_bin parts[3]; /* head, prefix, payload */
    uint32_t sequence;
    uint32_t total;
    uint32_t offset; /* of the next piece; total: done */
    uint8_t head[TPI_FRAME_HEAD_MAX];
};

/* `frame`: a signal of a type below FRAGMENT. `sequence`: unused by unfinished ones. */
void tpi_fragmenter_init(struct tpi_fragmenter *cut, uint32_t sequence,
                         const struct tpi_frame *frame);
static inline bool tpi_fragmenter_done(const struct tpi_fragmenter *cut) {
    return cut->offset == cut->total;
}
/*
 * Writes the next FRAGMENT frame, at most `most` bytes with its length field (at least 32, and at
 * most the peer's frame_max + 4). TP_ETOOBIG when `room` is below that.
 */
tp_err tpi_fragmenter_next(struct tpi_fragmenter *cut, size_t most, uint8_t *out, size_t room,
                           size_t *used);

#define TPI_SPARE_MOST (2u << 20)

struct tpi_sequence {
    uint8_t *bytes;
    size_t size, room;
    uint32_t id;
    uint32_t total; /* 0: free */
};

/* Puts sequences together. */
struct tpi_assembler {
    struct tpi_wire_limits limits;
    struct tpi_sequence sequences[TPI_SEQUENCES_MOST];
    struct tpi_sequence *finished; /* whose frame the caller is looking at */
    uint8_t *spare;
    size_t spare_room;
    uint64_t announced; /* the sum of totals */
    const struct tp_allocator *allocator;
    enum tpi_wire_code code; /* why it said BAD */
};

/* `allocator` may be NULL (malloc) and must outlive the assembler. */
void tpi_assembler_init(struct tpi_assembler *assembler, const struct tpi_wire_limits *limits,
                        const struct tp_allocator *allocator);
void tpi_assembler_fini(struct tpi_assembler *assembler);
/*
 * Takes a FRAGMENT. MORE: not whole yet. FRAME: *out is the whole signal; its payload lives until
 * the next call. BAD: for good; `code` is FRAGMENT, SEQUENCES, MEMORY, or what is wrong with the
 * signal.
 */
enum tpi_decoded tpi_assembler_take(struct tpi_assembler *assembler, const struct tpi_frame *piece,
                                    struct tpi_frame *out);

#endif
