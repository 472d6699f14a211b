/*
 * Cutting and putting together; see the header for what bounds the memory.
 */
#include "transport/wire/fragment.h"

#include <stdlib.h>

#include <troupe/runtime.h>

#include "core/base/assert.h"

/* Of a FRAGMENT frame before its bytes: length, type, sequence, total, offset. */
#define PIECE_HEAD (TPI_FRAME_LENGTH_SIZE + 1u + 12u)

void tpi_fragmenter_init(struct tpi_fragmenter *cut, uint32_t sequence,
                         const struct tpi_frame *frame) {
    TPI_ASSERT(frame->type < TPI_FRAME_FRAGMENT);
    size_t head = tpi_frame_head(frame, cut->head) - TPI_FRAME_LENGTH_SIZE;
    size_t total = head + frame->prefix.size + frame->payload.size;
    TPI_ASSERT(total <= UINT32_MAX);
    cut->parts[0] = (tp_bin){cut->head + TPI_FRAME_LENGTH_SIZE, head};
    cut->parts[1] = frame->prefix;
    cut->parts[2] = frame->payload;
    cut->sequence = sequence;
    cut->total = (uint32_t)total;
    cut->offset = 0;
}

/* Copies `size` bytes from `offset` of the three parts laid end to end. */
static void copy_parts(const struct tpi_fragmenter *cut, uint8_t *out, size_t size) {
    size_t skip = cut->offset;
    for (int i = 0; i < 3 && size > 0; i++) {
        tp_bin part = cut->parts[i];
        if (skip >= part.size) {
            skip -= part.size;
            continue;
        }
        size_t now = part.size - skip < size ? part.size - skip : size;
        memcpy(out, (const uint8_t *)part.data + skip, now);
        out += now;
        size -= now;
        skip = 0;
    }
    TPI_ASSERT(size == 0);
}

tp_err tpi_fragmenter_next(struct tpi_fragmenter *cut, size_t most, uint8_t *out, size_t room,
                           size_t *used) {
    TPI_ASSERT(most > PIECE_HEAD && !tpi_fragmenter_done(cut));
    size_t size = cut->total - cut->offset;
    if (size > most - PIECE_HEAD) size = most - PIECE_HEAD;
    if (room < PIECE_HEAD + size) return TP_ETOOBIG;
    struct tpi_frame piece = {
        .type = TPI_FRAME_FRAGMENT,
        .sequence = cut->sequence,
        .total = cut->total,
        .offset = cut->offset,
        .payload = {NULL, size},
    };
    size_t head = tpi_frame_head(&piece, out);
    TPI_ASSERT(head == PIECE_HEAD);
    copy_parts(cut, out + head, size);
    cut->offset += (uint32_t)size;
    *used = head + size;
    return TP_OK;
}

/* ---- putting together ---- */

void tpi_assembler_init(struct tpi_assembler *assembler, const struct tpi_wire_limits *limits,
                        const struct tp_allocator *allocator) {
    memset(assembler, 0, sizeof *assembler);
    TPI_ASSERT(tpi_wire_limits_valid(limits));
    assembler->limits = *limits;
    assembler->allocator = allocator;
}

static uint8_t *memory_new(const struct tpi_assembler *assembler, size_t size) {
    const struct tp_allocator *allocator = assembler->allocator;
    return allocator == NULL ? malloc(size) : allocator->alloc(allocator->context, size);
}

static void memory_free(const struct tpi_assembler *assembler, uint8_t *bytes, size_t size) {
    const struct tp_allocator *allocator = assembler->allocator;
    if (bytes == NULL) return;
    if (allocator == NULL) free(bytes);
    else allocator->free(allocator->context, bytes, size);
}

/* Its memory becomes the spare, if there is none. */
static void sequence_free(struct tpi_assembler *assembler, struct tpi_sequence *sequence) {
    TPI_ASSERT(assembler->announced >= sequence->total);
    assembler->announced -= sequence->total;
    if (assembler->spare == NULL && sequence->room <= TPI_SPARE_MOST) {
        assembler->spare = sequence->bytes;
        assembler->spare_room = sequence->room;
    } else {
        memory_free(assembler, sequence->bytes, sequence->room);
    }
    *sequence = (struct tpi_sequence){0};
}

void tpi_assembler_fini(struct tpi_assembler *assembler) {
    for (unsigned i = 0; i < TPI_SEQUENCES_MOST; i++)
        if (assembler->sequences[i].total > 0) sequence_free(assembler, &assembler->sequences[i]);
    memory_free(assembler, assembler->spare, assembler->spare_room);
    assembler->spare = NULL;
    assembler->finished = NULL;
}

static struct tpi_sequence *sequence_find(struct tpi_assembler *assembler, uint32_t id) {
    for (unsigned i = 0; i < assembler->limits.sequences_max; i++) {
        struct tpi_sequence *sequence = &assembler->sequences[i];
        if (sequence->total > 0 && sequence->id == id) return sequence;
    }
    return NULL;
}

static struct tpi_sequence *sequence_open(struct tpi_assembler *assembler,
                                          const struct tpi_frame *piece) {
    uint64_t announced = assembler->announced + piece->total;
    if (announced > assembler->limits.assembly_max) return NULL;
    for (unsigned i = 0; i < assembler->limits.sequences_max; i++) {
        struct tpi_sequence *sequence = &assembler->sequences[i];
        if (sequence->total > 0) continue;
        *sequence =
            (struct tpi_sequence){.bytes = assembler->spare,
                                  .room = assembler->spare == NULL ? 0 : assembler->spare_room,
                                  .id = piece->sequence,
                                  .total = piece->total};
        assembler->spare = NULL;
        assembler->announced = announced;
        return sequence;
    }
    return NULL;
}

/* Room for `wanted` bytes, which have arrived. */
static bool sequence_grow(const struct tpi_assembler *assembler, struct tpi_sequence *sequence,
                          size_t wanted) {
    if (wanted <= sequence->room) return true;
    size_t room = wanted * 2;
    if (room > sequence->total) room = sequence->total;
    TPI_ASSERT(room >= wanted);
    uint8_t *bytes = memory_new(assembler, room);
    if (bytes == NULL) return false;
    if (sequence->size > 0) memcpy(bytes, sequence->bytes, sequence->size);
    memory_free(assembler, sequence->bytes, sequence->room);
    sequence->bytes = bytes;
    sequence->room = room;
    return true;
}

static enum tpi_decoded bad(struct tpi_assembler *assembler, enum tpi_wire_code code) {
    assembler->code = code;
    return TPI_DECODED_BAD;
}

enum tpi_decoded tpi_assembler_take(struct tpi_assembler *assembler, const struct tpi_frame *piece,
                                    struct tpi_frame *out) {
    TPI_ASSERT(piece->type == TPI_FRAME_FRAGMENT);
    if (assembler->code != TPI_WIRE_OK) return TPI_DECODED_BAD;
    if (assembler->finished != NULL) sequence_free(assembler, assembler->finished);
    assembler->finished = NULL;
    struct tpi_sequence *sequence = sequence_find(assembler, piece->sequence);
    if (sequence == NULL && piece->offset != 0) return bad(assembler, TPI_WIRE_FRAGMENT);
    if (sequence == NULL) sequence = sequence_open(assembler, piece);
    if (sequence == NULL) return bad(assembler, TPI_WIRE_SEQUENCES);
    if (sequence->total != piece->total || sequence->size != piece->offset)
        return bad(assembler, TPI_WIRE_FRAGMENT);
    if (!sequence_grow(assembler, sequence, sequence->size + piece->payload.size))
        return bad(assembler, TPI_WIRE_MEMORY);
    memcpy(sequence->bytes + sequence->size, piece->payload.data, piece->payload.size);
    sequence->size += piece->payload.size;
    TPI_ASSERT(sequence->size <= sequence->total);
    if (sequence->size < sequence->total) return TPI_DECODED_MORE;
    assembler->finished = sequence;
    enum tpi_wire_code code =
        tpi_frame_parse(sequence->bytes, sequence->size, &assembler->limits, true, out);
    return code == TPI_WIRE_OK ? TPI_DECODED_FRAME : bad(assembler, code);
}
