/*
 * Blocks to frames and back.
 */
#include "core/process/crossing.h"

#include <string.h>

#include "core/actor/remote.h"

struct tpi_block *tpi_crossing_block(tp_runtime *runtime, struct tpi_worker *worker,
                                     const struct tpi_frame *frame, const uint8_t *bytes) {
    TPI_ASSERT(frame->what == TPI_CROSS_SIGNAL && frame->kind < TPI_KIND_COUNT);
    /* what may be answered in place has room for its answer, and one of another node for its id */
    size_t room = frame->size > TPI_SIGNAL_ROOM ? frame->size : TPI_SIGNAL_ROOM;
    if (tpi_is_remote(runtime, frame->from)) room += 8;
    struct tpi_block *block = tpi_block_new(runtime, worker, (enum tpi_kind)frame->kind, room);
    if (block == NULL) return NULL;
    block->type = frame->type;
    block->ref = frame->ref;
    block->code = frame->code;
    block->flags = frame->flags & TPI_CROSSING_FLAGS;
    block->size = frame->size;
    if (frame->from.generation != 0) /* before the payload: it says where that is */
        tpi_block_set_from(runtime, block, frame->from);
    if (frame->size > 0) memcpy(tpi_block_payload(block), bytes, frame->size);
    return block;
}

struct tpi_frame tpi_crossing_frame(const tp_runtime *runtime, const struct tpi_block *block,
                                    tp_pid to, enum tpi_kind kind) {
    return (struct tpi_frame){.size = block->size,
                              .what = TPI_CROSS_SIGNAL,
                              .kind = (uint8_t)kind,
                              .flags = block->flags & TPI_CROSSING_FLAGS,
                              .code = block->kind == TPI_KIND_FAILED ? block->code : 0,
                              .ref = block->ref,
                              .to = to,
                              .from = tpi_block_from(runtime, block),
                              .type = block->type};
}
