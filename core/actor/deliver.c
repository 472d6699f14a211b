/*
 * Blocks: made, addressed, delivered, and answered when nobody is there.
 */
#include <string.h>

#include <troupe/signal.h>

#include "core/actor/mailbox.h"
#include "core/actor/remote.h"

#define HEAP_PREFIX 16u /* before a heap block: its payload's size */

static struct tpi_block *heap_block_new(tp_runtime *runtime, size_t size) {
    TPI_CHECK(size <= TP_MESSAGE_SIZE_MAX);
    uint8_t *memory = tpi_heap_alloc(runtime->memory, HEAP_PREFIX + TPI_BLOCK_HEADER + size);
    if (memory == NULL) return NULL;
    memcpy(memory, &size, sizeof size);
    return (struct tpi_block *)(void *)(memory + HEAP_PREFIX);
}

/* Bytes that the payload area has. */
static size_t block_room(const struct tpi_block *block) {
    TPI_CHECK(block->size_class == TPI_CLASS_HEAP || block->size_class < TPI_CLASS_COUNT);
    if (block->size_class != TPI_CLASS_HEAP)
        return tpi_class_size[block->size_class] - TPI_BLOCK_HEADER;
    size_t size;
    memcpy(&size, (const uint8_t *)block - HEAP_PREFIX, sizeof size);
    return size;
}

bool tpi_block_is_sound(const struct tpi_block *block) {
    bool heap = block->size_class == TPI_CLASS_HEAP;
    if (block->kind >= TPI_KIND_COUNT || (!heap && block->size_class >= TPI_CLASS_COUNT) ||
        heap != (block->owner == TPI_OWNER_HEAP))
        return false;
    bool message = block->kind == TPI_KIND_MESSAGE || block->kind == TPI_KIND_REPLY;
    if (message && block->type == NULL) return false;
    size_t head = block->flags & TPI_BLOCK_REMOTE ? 8 : 0;
    size_t used = block->flags & TPI_BLOCK_SHARED ? sizeof(void *) : block->size;
    return head + used <= block_room(block);
}

struct tpi_block *tpi_block_new(tp_runtime *runtime, struct tpi_worker *worker, enum tpi_kind kind,
                                size_t size) {
    TPI_CHECK(kind < TPI_KIND_COUNT);
    TPI_CHECK(worker == NULL || tpi_worker_is_here(worker));
    if (size > TP_MESSAGE_SIZE_MAX) return NULL;
    uint8_t size_class = worker == NULL ? TPI_CLASS_HEAP : tpi_class_of(TPI_BLOCK_HEADER + size);
    struct tpi_block *block = size_class == TPI_CLASS_HEAP
                                  ? heap_block_new(runtime, size)
                                  : tpi_pool_take(worker->pool, size_class);
    if (block == NULL) return NULL;
    tpi_block_init(block, kind, size, size_class,
                   size_class == TPI_CLASS_HEAP ? TPI_OWNER_HEAP : worker->pool->index);
    return block;
}

void tpi_payload_unref(struct tpi_payload *payload) {
    TPI_CHECK(payload->used <= payload->size);
    /* acq_rel: the last holder frees it after everyone's reads */
    if (atomic_fetch_sub_explicit(&payload->references, 1, memory_order_acq_rel) == 1)
        tpi_heap_free(payload->memory, payload, sizeof *payload + payload->size);
}

void tpi_block_forget(tp_runtime *runtime, struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block));
    if (block->flags & TPI_BLOCK_SHARED) {
        struct tpi_payload *payload;
        memcpy(&payload, tpi_block_payload(block), sizeof payload);
        tpi_payload_unref(payload);
    }
    if (block->size_class == TPI_CLASS_HEAP)
        tpi_heap_free(runtime->memory, (uint8_t *)block - HEAP_PREFIX,
                      HEAP_PREFIX + TPI_BLOCK_HEADER + block_room(block));
}

void tpi_block_free(tp_runtime *runtime, struct tpi_worker *worker, struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block));
    TPI_CHECK(worker == NULL || tpi_worker_is_here(worker));
    bool heap = block->size_class == TPI_CLASS_HEAP;
    tpi_block_forget(runtime, block);
    if (heap) return;
    /* of pool blocks a thread outside has those alone that came from another node */
    if (worker == NULL) tpi_memory_return(runtime->memory, block, block->size_class, block->owner);
    else tpi_pool_give(worker->pool, block, block->size_class, block->owner);
}

tp_pid tpi_block_from(const tp_runtime *runtime, const struct tpi_block *block) {
    tp_pid from = {runtime->node, block->from_slot, block->from_generation};
    if (block->flags & TPI_BLOCK_REMOTE) memcpy(&from.node, block + 1, sizeof from.node);
    return from.generation == 0 ? tp_pid_null() : from;
}

void tpi_block_set_from(const tp_runtime *runtime, struct tpi_block *block, tp_pid from) {
    TPI_CHECK(!tpi_is_remote(runtime, from) || block_room(block) >= sizeof from.node);
    if (tpi_is_remote(runtime, from)) {
        block->flags |= TPI_BLOCK_REMOTE;
        memcpy(block + 1, &from.node, sizeof from.node);
    }
    block->from_slot = from.slot;
    block->from_generation = from.generation;
}

struct tpi_block *tpi_block_encode(tp_runtime *runtime, struct tpi_worker *worker,
                                   const tp_message_type *type, const void *value) {
    TPI_CHECK(worker == NULL || tpi_worker_is_here(worker));
    TPI_ASSERT(type != NULL);
    size_t bound = type->bound != 0 ? type->bound : type->measure(value);
    struct tpi_block *block = tpi_block_new(runtime, worker, TPI_KIND_MESSAGE, bound);
    if (block == NULL) return NULL;
    block->type = type;
    uint8_t *payload = tpi_block_payload(block);
    tp_writer out = {.at = payload, .end = payload + bound, .failed = false};
    type->encode(value, &out);
    TPI_ASSERT(!out.failed);
    block->size = (uint32_t)(out.at - payload);
    return block;
}

tp_err tpi_encode_error(const tp_message_type *type, const void *value) {
    TPI_CHECK(type != NULL);
    size_t bound = type->bound != 0 ? type->bound : type->measure(value);
    return bound > TP_MESSAGE_SIZE_MAX ? TP_ETOOBIG : TP_ENOMEM;
}

struct tpi_block *tpi_block_copy(tp_runtime *runtime, struct tpi_worker *worker,
                                 const struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block));
    size_t size = block->flags & TPI_BLOCK_SHARED ? sizeof(void *) : block->size;
    if (block->flags & TPI_BLOCK_REMOTE) size += 8;
    size_t room = size;
    /* what is answered in place keeps the room for its answer */
    if (block->kind == TPI_KIND_LINK || block->kind == TPI_KIND_MONITOR ||
        block->kind == TPI_KIND_UNLINK || block->kind == TPI_KIND_CREDIT)
        room = TPI_SIGNAL_ROOM;
    TPI_ASSERT(size <= room);
    struct tpi_block *copy = tpi_block_new(runtime, worker, (enum tpi_kind)block->kind, room);
    if (copy == NULL) return NULL;
    copy->type = block->type;
    copy->from_slot = block->from_slot;
    copy->from_generation = block->from_generation;
    copy->to_generation = block->to_generation;
    copy->size = block->size;
    copy->ref = block->ref;
    copy->flags = block->flags;
    copy->code = block->code;
    memcpy(copy + 1, block + 1, size);
    if (copy->flags & TPI_BLOCK_SHARED) {
        struct tpi_payload *payload;
        memcpy(&payload, tpi_block_payload(copy), sizeof payload);
        /* relaxed: the copied reference keeps it alive meanwhile */
        atomic_fetch_add_explicit(&payload->references, 1, memory_order_relaxed);
    }
    return copy;
}

/* ---- delivery ---- */

bool tpi_push(tp_runtime *runtime, struct tpi_worker *worker, tp_actor *actor,
              struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block) && block->state == 0);
    TPI_CHECK(worker == NULL || tpi_worker_is_here(worker));
    if (!tpi_mailbox_push(actor, block)) return true;
    if (worker != NULL) tpi_worker_schedule(worker, &actor->runnable);
    else tpi_scheduler_schedule(runtime->scheduler, &actor->runnable);
    return false;
}

bool tpi_deliver(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                 struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block));
    uint64_t identity;
    tp_actor *actor = tpi_find(runtime, to, &identity);
    if (actor == NULL) {
        bool remote = runtime->hooks.elsewhere != NULL || tpi_is_remote(runtime, to);
        (void)tpi_remote_send(runtime, worker, to, block);
        return remote;
    }
    block->to_generation = to.generation;
    tpi_push(runtime, worker, actor, block);
    return true;
}

static void count_dead_letter(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                              const struct tpi_block *block) {
    TPI_CHECK(block->kind == TPI_KIND_MESSAGE || block->kind == TPI_KIND_REQUEST);
    if (runtime->hooks.dead_letter != NULL) runtime->hooks.dead_letter(runtime, worker, to, block);
    if (worker != NULL) tpi_count(&worker->counters.dead_letters, 1);
    else tpi_count_shared(&runtime->scheduler->outside.dead_letters, 1);
}

/* Turns a signal block into its answer, in place: no allocation can fail here. */
static void answer(tp_runtime *runtime, struct tpi_worker *worker, tp_pid dead,
                   struct tpi_block *block, enum tpi_kind kind) {
    TPI_CHECK(block_room(block) >= TPI_SIGNAL_ROOM && !(block->flags & TPI_BLOCK_SHARED));
    tp_pid to = tpi_block_from(runtime, block);
    int32_t code = tpi_is_remote(runtime, dead) ? TP_EXIT_NOCONNECTION : TP_EXIT_NOPROC;
    block->flags &= (uint8_t)~TPI_BLOCK_REMOTE;
    if (dead.generation != 0) tpi_block_set_from(runtime, block, dead);
    uint8_t *payload = tpi_block_payload(block);
    tp_writer out = {.at = payload, .end = (uint8_t *)(block + 1) + block_room(block)};
    block->kind = (uint8_t)kind;
    block->state = 0; /* the marks of who had it are not the next one's */
    if (kind == TPI_KIND_EXIT) {
        tp_exited_message.encode(&(tp_exited){.from = dead, .code = code}, &out);
        block->type = &tp_exited_message;
        block->flags |= TPI_BLOCK_LINKED | TPI_BLOCK_UNCOUNTED;
    } else if (kind == TPI_KIND_DOWN) {
        tp_down_message.encode(&(tp_down){.ref = block->ref, .from = dead, .code = code}, &out);
        block->type = &tp_down_message;
        block->flags |= TPI_BLOCK_UNCOUNTED;
    }
    TPI_ASSERT(!out.failed);
    block->size = (uint32_t)(out.at - payload);
    tpi_deliver(runtime, worker, to, block);
}

void tpi_deliver_dead(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                      struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block));
    switch ((enum tpi_kind)block->kind) {
    case TPI_KIND_LINK: answer(runtime, worker, to, block, TPI_KIND_EXIT); return;
    case TPI_KIND_MONITOR: answer(runtime, worker, to, block, TPI_KIND_DOWN); return;
    case TPI_KIND_UNLINK: answer(runtime, worker, to, block, TPI_KIND_UNLINK_ACK); return;
    case TPI_KIND_CREDIT: answer(runtime, worker, to, block, TPI_KIND_RESUME); return;
    case TPI_KIND_REQUEST:
        count_dead_letter(runtime, worker, to, block);
        tpi_fail_block(runtime, worker, block,
                       tpi_is_remote(runtime, to) ? TP_ENOCONNECTION : TP_ENOPROC);
        return;
    case TPI_KIND_INFO:
        block->kind = TPI_KIND_REQUEST;
        tpi_fail_block(runtime, worker, block, TP_ENOPROC);
        return;
    case TPI_KIND_MESSAGE: count_dead_letter(runtime, worker, to, block); break;
    default: break;
    }
    tpi_block_free(runtime, worker, block);
}

void tpi_fail_block(tp_runtime *runtime, struct tpi_worker *worker, struct tpi_block *block,
                    tp_err err) {
    TPI_CHECK(tpi_block_is_sound(block) && err != TP_OK);
    TPI_ASSERT(block->kind == TPI_KIND_REQUEST);
    tp_pid caller = tpi_block_from(runtime, block);
    tpi_wait_moved(runtime, caller, block->ref, TPI_NO_SLOT);
    if (block->flags & TPI_BLOCK_SHARED) {
        struct tpi_payload *payload;
        memcpy(&payload, tpi_block_payload(block), sizeof payload);
        tpi_payload_unref(payload);
        block->flags &= (uint8_t)~TPI_BLOCK_SHARED;
    }
    block->kind = TPI_KIND_FAILED;
    block->state = 0; /* a receive may have refused it, or taken it */
    block->flags |= TPI_BLOCK_UNCOUNTED;
    block->code = (uint16_t)err;
    block->size = 0;
    tpi_deliver(runtime, worker, caller, block);
}

void tpi_fail_request(tp_runtime *runtime, struct tpi_worker *worker, tp_pid caller, tp_ref ref,
                      tp_err err) {
    TPI_CHECK(ref != 0 && err != TP_OK);
    struct tpi_block *block = tpi_block_new(runtime, worker, TPI_KIND_REQUEST, 8);
    if (block == NULL) {
        /* the caller's deadline is what is left to tell it */
        tpi_wait_moved(runtime, caller, ref, TPI_NO_SLOT);
        return;
    }
    block->ref = ref;
    block->size = 0; /* the room is for a caller of another node */
    tpi_block_set_from(runtime, block, caller);
    tpi_fail_block(runtime, worker, block, err);
}
