/*
 * Signals to and from other nodes; see the header.
 */
#include "core/actor/remote.h"

#include "core/actor/mailbox.h"

#define POOLED_MAX 1900u /* bytes of a block from a pool, without its header */

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

static unsigned first_pool(const tp_runtime *runtime) {
    return tpi_scheduler_places(runtime->options.workers, runtime->options.spare_workers);
}

struct tpi_pool *tpi_remote_pool_claim(tp_runtime *runtime) {
    /* relaxed: what is taken is asked for again below */
    uint32_t taken = atomic_load_explicit(&runtime->remote_pools, memory_order_relaxed);
    for (unsigned i = 0; i < TPI_REMOTE_POOLS; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if (taken & bit) continue;
        /* acquire: partner is tpi_remote_pool_release; weaker, the lists of the one who had it
         * before might not be seen yet */
        taken = atomic_fetch_or_explicit(&runtime->remote_pools, bit, memory_order_acquire);
        if (!(taken & bit)) return tpi_memory_pool(runtime->memory, first_pool(runtime) + i);
    }
    return NULL;
}

void tpi_remote_pool_release(tp_runtime *runtime, struct tpi_pool *pool) {
    if (pool == NULL) return;
    uint32_t bit = UINT32_C(1) << (pool->index - first_pool(runtime));
    /* release: partner is tpi_remote_pool_claim */
    atomic_fetch_and_explicit(&runtime->remote_pools, ~bit, memory_order_release);
}

struct tpi_block *tpi_remote_block(tp_runtime *runtime, enum tpi_kind kind, tp_pid from,
                                   size_t size) {
    return tpi_remote_block_in(runtime, NULL, kind, from, size);
}

/* Greater ones come from the heap, which gives back what a flood has taken. */
static struct tpi_block *pool_block(struct tpi_pool *pool, enum tpi_kind kind, size_t room) {
    if (room > POOLED_MAX) return NULL;
    uint8_t size_class = tpi_class_of(TPI_BLOCK_HEADER + room);
    struct tpi_block *block = tpi_pool_take(pool, size_class);
    if (block != NULL) tpi_block_init(block, kind, room, size_class, pool->index);
    return block;
}

struct tpi_block *tpi_remote_block_in(tp_runtime *runtime, struct tpi_pool *pool,
                                      enum tpi_kind kind, tp_pid from, size_t size) {
    size_t prefix = tpi_is_remote(runtime, from) ? 8 : 0;
    size_t room = prefix + size;
    if (room < TPI_SIGNAL_ROOM && kind != TPI_KIND_MESSAGE) room = TPI_SIGNAL_ROOM;
    struct tpi_block *block = pool == NULL ? NULL : pool_block(pool, kind, room);
    if (block == NULL) block = tpi_block_new(runtime, NULL, kind, room);
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

/* The caller has the right to run it. */
static void wake_later(struct tpi_wakes *wakes, tp_actor *actor) {
    struct tpi_node *node = &actor->runnable.node;
    node->next = NULL;
    if (wakes->count == 0) wakes->first = node;
    else wakes->last->next = node;
    wakes->last = node;
    wakes->count++;
}

/* Into the mailbox. True: the actor was busy already. */
static bool push(tp_runtime *runtime, tp_actor *actor, struct tpi_block *block,
                 struct tpi_wakes *wakes) {
    if (wakes == NULL || tpi_runnable_is_pinned(&actor->runnable))
        return tpi_push(runtime, NULL, actor, block);
    if (!tpi_mailbox_push(actor, block)) return true;
    wake_later(wakes, actor);
    return false;
}

static uint32_t cap_of(uint32_t limit) {
    uint32_t cap = limit * TPI_REMOTE_FACTOR;
    return cap < TPI_REMOTE_LEAST ? TPI_REMOTE_LEAST : cap;
}

static enum tpi_admitted standing(int32_t length, uint32_t limit) {
    return length / TPI_REMOTE_OVER >= (int32_t)limit ? TPI_ADMITTED_OVER : TPI_ADMITTED;
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
    uint32_t limit = (uint32_t)tpi_limit(actor);
    int32_t length = tpi_mailbox_length(actor);
    if (length > (int32_t)cap_of(limit)) return drop(runtime, block);
    bool exact = (identity & TPI_IDENTITY_EXACT) != 0;
    /* relaxed: a count that orders nothing; see send.c */
    if (exact) atomic_fetch_add_explicit(&actor->enqueued, 1, memory_order_relaxed);
    if (push(runtime, actor, block, wakes) && !exact) /* relaxed: as above */
        atomic_fetch_add_explicit(&actor->enqueued, 1, memory_order_relaxed);
    return standing(length, limit);
}

/* One after the other, where there is something to be said for each. */
static enum tpi_admitted deliver_each(tp_runtime *runtime, struct tpi_arrived *arrived,
                                      uint32_t *lost, struct tpi_wakes *wakes) {
    enum tpi_admitted result = TPI_ADMITTED;
    struct tpi_block *block = arrived->first;
    for (uint32_t i = 0; i < arrived->count; i++) {
        struct tpi_block *next = tpi_block_next(block); /* before it is the receiver's */
        enum tpi_admitted admitted = tpi_remote_deliver(runtime, arrived->to, block, wakes);
        if (admitted == TPI_ADMITTED_NOT) *lost += 1;
        if (admitted == TPI_ADMITTED_OVER) result = admitted;
        block = next;
    }
    return result;
}

/* True: they are in its mailbox. */
static bool deliver_chain(tp_actor *actor, bool exact, struct tpi_arrived *arrived,
                          struct tpi_wakes *wakes, enum tpi_admitted *result) {
    uint32_t limit = (uint32_t)tpi_limit(actor), count = arrived->count;
    int32_t length = tpi_mailbox_length(actor);
    bool simple = tpi_overflow(actor) == TP_OVERFLOW_SUSPEND &&
                  !tpi_runnable_is_pinned(&actor->runnable) &&
                  length + (int32_t)count <= (int32_t)cap_of(limit);
    if (!simple) return false;
    struct tpi_block *block = arrived->first;
    for (uint32_t i = 0; i < count; i++, block = tpi_block_next(block))
        block->to_generation = arrived->to.generation;
    /* relaxed: a count that orders nothing; see send.c */
    if (exact) atomic_fetch_add_explicit(&actor->enqueued, count, memory_order_relaxed);
    uint32_t idle = tpi_mailbox_push_chain(actor, arrived->first, arrived->last) ? 1 : 0;
    /* relaxed: as above; the one that finds it idle is not counted */
    if (!exact) atomic_fetch_add_explicit(&actor->enqueued, count - idle, memory_order_relaxed);
    if (idle != 0) wake_later(wakes, actor);
    *result = standing(length + (int32_t)count - 1, limit);
    return true;
}

enum tpi_admitted tpi_remote_deliver_all(tp_runtime *runtime, struct tpi_arrived *arrived,
                                         uint32_t *lost, struct tpi_wakes *wakes) {
    enum tpi_admitted result = TPI_ADMITTED;
    uint64_t identity;
    TPI_CHECK(arrived->count > 0);
    *lost = 0;
    tp_actor *actor = tpi_find(runtime, arrived->to, &identity);
    bool exact = actor != NULL && (identity & TPI_IDENTITY_EXACT) != 0;
    if (actor == NULL || !deliver_chain(actor, exact, arrived, wakes, &result))
        result = deliver_each(runtime, arrived, lost, wakes);
    arrived->count = 0;
    return result;
}
