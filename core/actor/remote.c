/*
 * Signals to and from other nodes; see the header.
 */
#include "core/actor/remote.h"

#include "core/actor/mailbox.h"

tp_err tpi_remote_set(tp_runtime *runtime, struct tpi_remote *remote) {
    struct tpi_remote *none = NULL;
    /* release: partner is the acquire load in tpi_remote_of: the table is read behind it */
    bool set = atomic_compare_exchange_strong_explicit(&runtime->remote, &none, remote,
                                                       memory_order_release, memory_order_relaxed);
    return set ? TP_OK : TP_EBUSY;
}

struct tpi_remote *tpi_remote_of(tp_runtime *runtime) {
    /* acquire: partner is tpi_remote_set */
    return atomic_load_explicit(&runtime->remote, memory_order_acquire);
}

enum tpi_pressure tpi_remote_send(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                                  struct tpi_block *block) {
    if (runtime->hooks.elsewhere != NULL && to.generation != 0) {
        runtime->hooks.elsewhere(runtime, worker, to, block);
        return TPI_PRESSURE_NONE;
    }
    struct tpi_remote *remote = tpi_is_remote(runtime, to) ? tpi_remote_of(runtime) : NULL;
    if (remote != NULL) return remote->send(remote, worker, to, block);
    tpi_deliver_dead(runtime, worker, to, block);
    return TPI_PRESSURE_NONE;
}

struct tpi_block *tpi_remote_block(tp_runtime *runtime, enum tpi_kind kind, tp_pid from,
                                   size_t size) {
    size_t prefix = tpi_is_remote(runtime, from) ? 8 : 0;
    size_t room = prefix + size;
    if (room < TPI_SIGNAL_ROOM && kind != TPI_KIND_MESSAGE) room = TPI_SIGNAL_ROOM;
    struct tpi_block *block = tpi_block_new(runtime, NULL, kind, room);
    if (block == NULL) return NULL;
    block->size = (uint32_t)size;
    tpi_block_set_from(runtime, block, from);
    return block;
}

/* Policies other than SUSPEND say themselves what becomes of a message. */
static enum tpi_admitted by_policy(tp_runtime *runtime, tp_pid to, struct tpi_block *block) {
    bool request = block->kind == TPI_KIND_REQUEST;
    tp_pid caller = tpi_block_from(runtime, block);
    tp_ref ref = block->ref;
    tp_err err = tpi_send_block(runtime, NULL, to, block);
    if (err == TP_OK) return TPI_ADMITTED;
    tpi_count_shared(&runtime->scheduler->outside.dropped, 1);
    if (request) tpi_fail_request(runtime, NULL, caller, ref, err);
    return TPI_ADMITTED_NOT;
}

static enum tpi_admitted drop(tp_runtime *runtime, struct tpi_block *block) {
    tpi_count_shared(&runtime->scheduler->outside.dropped, 1);
    if (block->kind == TPI_KIND_REQUEST) tpi_fail_block(runtime, NULL, block, TP_EFULL);
    else tpi_block_free(runtime, NULL, block);
    return TPI_ADMITTED_NOT;
}

void tpi_remote_wake(tp_runtime *runtime, struct tpi_wakes *wakes) {
    if (wakes->count == 0) return;
    tpi_scheduler_schedule_chain(runtime->scheduler, wakes->first, wakes->last, wakes->count);
    *wakes = (struct tpi_wakes){0};
}

/* Into the mailbox. True: the actor was busy already. */
static bool push(tp_runtime *runtime, tp_actor *actor, struct tpi_block *block,
                 struct tpi_wakes *wakes) {
    struct tpi_node *node = &actor->runnable.node;
    if (wakes == NULL || actor->runnable.flags & TPI_RUNNABLE_PINNED)
        return tpi_push(runtime, NULL, actor, block);
    if (!tpi_mailbox_push(actor, block)) return true;
    node->next = NULL;
    if (wakes->count == 0) wakes->first = node;
    else wakes->last->next = node;
    wakes->last = node;
    wakes->count++;
    return false;
}

enum tpi_admitted tpi_remote_deliver(tp_runtime *runtime, tp_pid to, struct tpi_block *block,
                                     struct tpi_wakes *wakes) {
    uint64_t identity;
    tp_actor *actor = tpi_find(runtime, to, &identity);
    if (actor == NULL) {
        tpi_deliver_dead(runtime, NULL, to, block);
        return TPI_ADMITTED_NOBODY;
    }
    block->to_generation = to.generation;
    if (block->kind > TPI_KIND_REQUEST) {
        (void)push(runtime, actor, block, wakes);
        return TPI_ADMITTED;
    }
    if (tpi_overflow(actor) != TP_OVERFLOW_SUSPEND) return by_policy(runtime, to, block);
    uint32_t limit = (uint32_t)tpi_limit(actor), cap = limit * TPI_REMOTE_FACTOR;
    int32_t length = tpi_mailbox_length(actor);
    if (cap < TPI_REMOTE_LEAST) cap = TPI_REMOTE_LEAST;
    if (length > (int32_t)cap) return drop(runtime, block);
    bool exact = (identity & TPI_IDENTITY_EXACT) != 0;
    /* relaxed: a count that orders nothing; see send.c */
    if (exact) atomic_fetch_add_explicit(&actor->enqueued, 1, memory_order_relaxed);
    if (push(runtime, actor, block, wakes) && !exact) /* relaxed: as above */
        atomic_fetch_add_explicit(&actor->enqueued, 1, memory_order_relaxed);
    return length / TPI_REMOTE_OVER >= (int32_t)limit ? TPI_ADMITTED_OVER : TPI_ADMITTED;
}
