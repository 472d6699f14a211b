/*
 * Blocks: made, addressed, delivered, answered when nobody is there.
 */
#ifndef TPI_DELIVER_H
#define TPI_DELIVER_H

#include <string.h>

#include "core/actor/system.h"
#include "core/base/assert.h"

/* ---- blocks (deliver.c) ---- */

/* A block with room for `size` bytes of payload; all of the header but `next` and
 * `to_generation` set. worker NULL: from the heap. NULL when out of memory. */
struct tpi_block *tpi_block_new(tp_runtime *runtime, struct tpi_worker *worker, enum tpi_kind kind,
                                size_t size);
/* For checks: a header that the code of this room could have written. */
bool tpi_block_is_sound(const struct tpi_block *block);
/* Frees what a block has beside its pool memory: for the end, when there are no pools any more. */
void tpi_block_forget(tp_runtime *runtime, struct tpi_block *block);
void tpi_block_free(tp_runtime *runtime, struct tpi_worker *worker, struct tpi_block *block);
static inline uint8_t *tpi_block_payload(struct tpi_block *block) {
    return (uint8_t *)(block + 1) + (block->flags & TPI_BLOCK_REMOTE ? 8 : 0);
}
/* The fast half of tpi_block_free, for blocks from a pool that hold their own payload. */
static inline void tpi_block_drop(tp_runtime *runtime, struct tpi_worker *worker,
                                  struct tpi_block *block) {
    TPI_CHECK(block != NULL);
    if (__builtin_expect((block->flags & TPI_BLOCK_SHARED) || block->size_class == TPI_CLASS_HEAP,
                         0))
        tpi_block_free(runtime, worker, block);
    else tpi_pool_give(worker->pool, block, block->size_class, block->owner);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tpi_block_init writes bytes in this order");
/* Sets all of a fresh block's header but `next` and `to_generation`; kind, flags, class, state,
 * owner and code in one store. */
static inline void tpi_block_init(struct tpi_block *block, enum tpi_kind kind, size_t size,
                                  uint8_t size_class, uint16_t owner) {
    block->type = NULL;
    block->from_slot = TPI_NO_SLOT;
    block->from_generation = 0;
    block->size = (uint32_t)size;
    block->ref = 0;
    uint64_t marks = (uint64_t)kind | (uint64_t)size_class << 16 | (uint64_t)owner << 32;
    memcpy((uint8_t *)block + offsetof(struct tpi_block, kind), &marks, sizeof marks);
}
/* Room for what a link or monitor signal is answered with, in place. */
#define TPI_SIGNAL_ROOM 64u
struct tpi_block *tpi_block_copy(tp_runtime *runtime, struct tpi_worker *worker,
                                 const struct tpi_block *block);
/* The bytes of the fields. */
static inline const uint8_t *tpi_block_bytes(const struct tpi_block *block) {
    const uint8_t *payload =
        (const uint8_t *)(block + 1) + (block->flags & TPI_BLOCK_REMOTE ? 8 : 0);
    if (__builtin_expect(!(block->flags & TPI_BLOCK_SHARED), 1)) return payload;
    return (*(const struct tpi_payload *const *)(const void *)payload)->bytes;
}
/* Who sent it; for one of another node there must be 8 bytes of room more, and no payload yet. */
tp_pid tpi_block_from(const tp_runtime *runtime, const struct tpi_block *block);
void tpi_block_set_from(const tp_runtime *runtime, struct tpi_block *block, tp_pid from);
void tpi_payload_unref(struct tpi_payload *payload);
/* Makes a block made with TPI_SIGNAL_ROOM an exit signal without detail. */
void tpi_exit_encode(tp_runtime *runtime, struct tpi_block *block, tp_pid from, int32_t code);
/* A block, complete but for its receiver, goes out under the receiver's bound. self NULL: from
 * outside. */
tp_err tpi_send_block(tp_runtime *runtime, tp_actor *self, tp_pid to, struct tpi_block *block);
/* An encoded message. */
/* Why tpi_block_encode gave NULL: TP_ETOOBIG or TP_ENOMEM. */
tp_err tpi_encode_error(const tp_message_type *type, const void *value);
struct tpi_block *tpi_block_encode(tp_runtime *runtime, struct tpi_worker *worker,
                                   const tp_message_type *type, const void *value);

/*
 * Delivers a block to `to`; takes it in every case. False when nobody is there (then a request,
 * link or monitor has been answered, and the block freed). Signals are never refused.
 */
bool tpi_deliver(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                 struct tpi_block *block);
/* Pushes to an actor that was found alive; schedules it if it was idle. True if it was not idle. */
bool tpi_push(tp_runtime *runtime, struct tpi_worker *worker, tp_actor *actor,
              struct tpi_block *block);
/* Answers a block as a dead actor does, and frees it. */
void tpi_deliver_dead(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                      struct tpi_block *block);
/* Turns a request into its failure and sends it to the caller: cannot run out of memory. */
void tpi_fail_block(tp_runtime *runtime, struct tpi_worker *worker, struct tpi_block *block,
                    tp_err err);
/* Answers request `ref` of `caller` with an error. */
void tpi_fail_request(tp_runtime *runtime, struct tpi_worker *worker, tp_pid caller, tp_ref ref,
                      tp_err err);

#endif
