/*
 * Actors that wait for actors: suspended senders, and the cycles that waiting could close.
 *
 * `waits` of an actor is the edge to whom it waits for: 0, or (slot + 1) << 32 | kind | 31 bits of
 * the reference. A caller publishes its edge before it looks for a cycle, so of two that close one
 * together at least one sees it; what it sees it confirms under the runtime's wait_lock, where the
 * loser takes its own edge back before it unlocks: so exactly one fails. Who answers, defers or
 * passes on a request takes the edge away or moves it, by compare-and-swap on the very request: a
 * later edge is never touched. Modelled in tests/models/calls.pml.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/actor/given_up.h"
#include "core/actor/mailbox.h"

#define EDGE_SUSPENDED ((uint64_t)1 << 31)
#define EDGE_REF_MASK (EDGE_SUSPENDED - 1)
#define CYCLE_MAX 256u /* actors in a cycle that is looked for */

static uint64_t edge_to(uint32_t slot, tp_ref ref, uint64_t kind) {
    TPI_CHECK(slot != TPI_NO_SLOT && (kind == 0 || kind == EDGE_SUSPENDED));
    return ((uint64_t)slot + 1) << 32 | kind | (ref & EDGE_REF_MASK);
}

static uint64_t edge_of(tp_runtime *runtime, uint32_t slot) {
    if (slot >= runtime->slot_count) return 0;
    /* seq_cst: partner is the exchange in tpi_wait_begin; weaker, two callers could each miss
     * the other */
    return atomic_load_explicit(&tpi_slot(runtime, slot)->waits, memory_order_seq_cst);
}

/* A walk along the edges, with what it saw. */
struct walk {
    unsigned length; /* 0: there is no cycle */
    bool suspension; /* an edge of it is a suspended sender's */
    uint32_t path[CYCLE_MAX];
    uint64_t edges[CYCLE_MAX]; /* from path[i] to path[i + 1] */
};

/* The cycle from `self` over `to` back to `self`. */
static void find_cycle(tp_runtime *runtime, uint32_t self, uint32_t to, struct walk *walk) {
    TPI_CHECK(self < runtime->slot_count);
    uint32_t slot = to;
    walk->length = 0;
    walk->suspension = false;
    for (unsigned length = 0; length < CYCLE_MAX; length++) {
        walk->path[length] = slot;
        if (slot == self) {
            walk->length = length + 1;
            return;
        }
        uint64_t edge = edge_of(runtime, slot);
        walk->edges[length] = edge;
        if (edge == 0) return;
        if (edge & EDGE_SUSPENDED) walk->suspension = true;
        slot = (uint32_t)(edge >> 32) - 1;
    }
}

static bool same_walk(const struct walk *a, const struct walk *b) {
    TPI_CHECK(a->length <= CYCLE_MAX && b->length <= CYCLE_MAX);
    if (a->length != b->length) return false;
    for (unsigned i = 0; i + 1 < a->length; i++)
        if (a->path[i] != b->path[i] || a->edges[i] != b->edges[i]) return false;
    return true;
}

/*
 * A cycle that was there at one moment. Its edges are read one after the other, and one may be gone
 * when the next is read; edges carry the ids of their requests, so those that two walks both saw
 * were all there between the two. The lock: of several that close one cycle, only one finds it.
 */
static void find_standing_cycle(tp_runtime *runtime, uint32_t self, uint32_t to,
                                struct walk *walk) {
    TPI_CHECK(tpi_spin_is_held(&runtime->wait_lock));
    struct walk before;
    find_cycle(runtime, self, to, walk);
    while (walk->length > 0) {
        before = *walk;
        find_cycle(runtime, self, to, walk);
        if (same_walk(&before, walk)) return;
    }
}

/* "name" or, for one without, "<slot.generation>". */
static int put_name(tp_runtime *runtime, uint32_t slot, char *out, size_t size) {
    TPI_CHECK(slot < runtime->slot_count && size > 0);
    /* acquire: partner is the release store in publish (spawn.c) */
    uint64_t identity =
        atomic_load_explicit(&tpi_slot(runtime, slot)->identity, memory_order_acquire);
    tp_pid pid = {runtime->node, slot, (uint32_t)(identity >> 32)};
    char name[64];
    if (runtime->hooks.name_of != NULL &&
        runtime->hooks.name_of(runtime, pid, name, sizeof name) > 0)
        return snprintf(out, size, "%s", name);
    return snprintf(out, size, "<%" PRIu32 ".%" PRIu32 ">", slot, pid.generation);
}

/* "a -> b -> a", as far as the text has room. */
static void describe_cycle(tp_actor *self, const uint32_t *path, unsigned length) {
    TPI_CHECK(length > 0 && length <= CYCLE_MAX);
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL) return;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    if (extra->deadlock == NULL)
        extra->deadlock = tpi_heap_alloc(runtime->memory, TPI_DEADLOCK_TEXT);
    if (extra->deadlock == NULL) return;
    char *out = extra->deadlock;
    int at = put_name(runtime, tpi_slot_of(self), out, TPI_DEADLOCK_TEXT);
    for (unsigned i = 0; i < length && at < (int)TPI_DEADLOCK_TEXT - 72; i++) {
        at += snprintf(out + at, TPI_DEADLOCK_TEXT - (size_t)at, " -> ");
        at += put_name(runtime, path[i], out + at, TPI_DEADLOCK_TEXT - (size_t)at);
    }
}

/* Lets a suspended actor go on, whatever it waits for. */
static void release_suspended(tp_actor *self, uint32_t slot) {
    TPI_CHECK(slot < tpi_runtime_of(self->worker)->slot_count);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    tp_actor *other = tpi_slot(runtime, slot);
    /* acquire: partner is tpi_actor_publish */
    uint64_t identity = atomic_load_explicit(&other->identity, memory_order_acquire);
    struct tpi_block *block = tpi_block_new(runtime, self->worker, TPI_KIND_RESUME, 0);
    if (block == NULL) return; /* the receiver's own progress, or end, releases it later */
    tp_pid to = {runtime->node, slot, (uint32_t)(identity >> 32)};
    tpi_deliver(runtime, self->worker, to, block);
}

static void release_cycle(tp_actor *self, const struct walk *walk) {
    TPI_CHECK(walk->length <= CYCLE_MAX);
    for (unsigned i = 0; i + 1 < walk->length; i++)
        if (walk->edges[i] & EDGE_SUSPENDED) release_suspended(self, walk->path[i]);
}

static void clear_edge(tp_actor *self) {
    /* release: what was learnt while waiting is seen by whoever reads 0 */
    atomic_store_explicit(&self->waits, 0, memory_order_release);
}

/* The cycle under the lock: broken where a sender is suspended, refused where all are calls. */
static tp_err confirm_cycle(tp_actor *self, uint32_t to, bool own_suspension) {
    TPI_CHECK(tpi_is_owner(self));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct walk walk;
    tpi_spin_lock(&runtime->wait_lock);
    find_standing_cycle(runtime, tpi_slot_of(self), to, &walk);
    bool refused = walk.length > 0 && (own_suspension || !walk.suspension);
    if (refused) clear_edge(self);
    tpi_spin_unlock(&runtime->wait_lock);
    if (walk.length == 0) return TP_OK;
    if (own_suspension) return TP_EBUSY;
    if (refused) {
        describe_cycle(self, walk.path, walk.length);
        tpi_count(&self->worker->counters.deadlocks, 1);
        return TP_EDEADLOCK;
    }
    release_cycle(self, &walk);
    return TP_OK;
}

static tp_err begin(tp_actor *self, tp_pid to, tp_ref ref, uint64_t kind) {
    TPI_CHECK(tpi_is_owner(self) && ref != 0);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    uint64_t identity;
    /* nobody is no edge: its slot may be another's by now, this actor's even */
    if (tpi_find(runtime, to, &identity) == NULL) return TP_OK;
    /* seq_cst: published before the walk; partner is edge_of */
    atomic_exchange_explicit(&self->waits, edge_to(to.slot, ref, kind), memory_order_seq_cst);
    if (to.slot != tpi_slot_of(self) && edge_of(runtime, to.slot) == 0) return TP_OK;
    struct walk walk;
    find_cycle(runtime, tpi_slot_of(self), to.slot, &walk);
    if (walk.length == 0) return TP_OK;
    /* requests to an earlier actor in a slot may still wait here to be refused: refuse them
     * first, so that their edges do not count */
    tpi_fetch(self);
    return confirm_cycle(self, to.slot, kind == EDGE_SUSPENDED);
}

tp_err tpi_wait_begin(tp_actor *self, tp_pid to, tp_ref ref) {
    TPI_ASSERT(ref != 0);
    return begin(self, to, ref, 0);
}

void tpi_wait_end(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    /* relaxed: only this actor and whoever holds its request write it; a look saves the store */
    if (atomic_load_explicit(&self->waits, memory_order_relaxed) != 0) clear_edge(self);
}

void tpi_wait_moved(tp_runtime *runtime, tp_pid caller, tp_ref ref, uint32_t to_slot) {
    TPI_CHECK(ref != 0);
    uint64_t identity;
    tp_actor *actor = tpi_find(runtime, caller, &identity);
    if (actor == NULL) return;
    /* relaxed: the compare-and-swap below decides */
    uint64_t edge = atomic_load_explicit(&actor->waits, memory_order_relaxed);
    if (edge == 0 || (edge & (EDGE_SUSPENDED | EDGE_REF_MASK)) != (ref & EDGE_REF_MASK)) return;
    uint64_t moved = to_slot == TPI_NO_SLOT ? 0 : edge_to(to_slot, ref, 0);
    /* seq_cst: partner is edge_of: an edge that is gone must be seen gone by who is called next.
     * Fails when the caller has given up meanwhile: then its new edge is not ours to touch */
    atomic_compare_exchange_strong_explicit(&actor->waits, &edge, moved, memory_order_seq_cst,
                                            memory_order_relaxed);
}

bool tpi_wait_has(const tp_actor *self, tp_pid holder, tp_ref ref, bool asked) {
    /* relaxed: a request that is passed on at this very moment may count as either's */
    uint64_t edge = atomic_load_explicit(&self->waits, memory_order_relaxed);
    if (edge == 0 || (edge & (EDGE_SUSPENDED | EDGE_REF_MASK)) != (ref & EDGE_REF_MASK))
        return asked;
    return (uint32_t)(edge >> 32) - 1 == holder.slot;
}

/* ---- suspended senders ---- */

/* Asks the receiver for room. False: go on (no memory, or it would close a cycle). */
static bool ask_credit(tp_actor *self) {
    TPI_CHECK(self->extra != NULL && self->extra->credit == 0);
    TPI_CHECK(self->flags & TPI_ACTOR_OVER && self->extra->over.generation != 0);
    struct tpi_extra *extra = self->extra;
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    self->flags &= ~(uint32_t)TPI_ACTOR_OVER;
    struct tpi_block *block =
        tpi_block_new(runtime, self->worker, TPI_KIND_CREDIT, TPI_SIGNAL_ROOM);
    if (block == NULL) return false;
    extra->credit = tpi_ref_new(self);
    block->ref = extra->credit;
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    if (begin(self, extra->over, extra->credit, EDGE_SUSPENDED) != TP_OK) {
        tpi_block_free(runtime, self->worker, block);
        extra->credit = 0;
        return false;
    }
    if (extra->credit == 0) { /* a release was applied meanwhile: go on */
        tpi_wait_end(self);
        tpi_block_free(runtime, self->worker, block);
        return false;
    }
    tpi_count(&self->worker->counters.suspensions, 1);
    tpi_deliver(runtime, self->worker, extra->over, block);
    return true;
}

void tpi_suspend_between(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && self->fiber == NULL && self->current == NULL);
    if (ask_credit(self)) self->flags |= TPI_ACTOR_SUSPENDED;
}

tp_err tpi_suspend_inside(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && !(self->flags & TPI_ACTOR_SUSPENDED));
    struct tpi_waiting waiting = {.kind = TPI_WAIT_CREDIT};
    if (!ask_credit(self)) return TP_ENOMEM;
    waiting.ref = self->extra->credit;
    tp_err err = tpi_wait(self, &waiting, TP_FOREVER);
    self->extra->credit = 0;
    tpi_wait_end(self);
    return err;
}

void tpi_credit_granted(tp_actor *self, tp_ref ref) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = self->extra;
    if (extra == NULL || extra->credit == 0 || (ref != 0 && ref != extra->credit)) return;
    extra->credit = 0;
    self->flags &= ~(uint32_t)TPI_ACTOR_SUSPENDED;
    tpi_wait_end(self);
    if (extra->waiting != NULL && extra->waiting->kind == TPI_WAIT_CREDIT)
        extra->waiting->done = true;
}

/* Who waits on another node (the node waits for its senders) hears of it later: it is told earlier,
 * so that this actor has something to do until more arrives. */
static int32_t low_mark(const tp_actor *self, bool far) {
    TPI_CHECK(tpi_limit(self) > 0);
    return far ? tpi_limit(self) : tpi_limit(self) / 2;
}

bool tpi_credit_asked(tp_actor *self, struct tpi_block *credit) {
    TPI_CHECK(tpi_is_owner(self) && credit->kind == TPI_KIND_CREDIT);
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL || self->flags & TPI_ACTOR_EXITING) return false;
    bool receiving = extra->waiting != NULL && extra->waiting->kind == TPI_WAIT_MESSAGE;
    bool empty = self->tail == self->scan && tpi_block_next(credit) == NULL;
    bool far = (credit->flags & TPI_BLOCK_REMOTE) != 0;
    if (receiving || empty || tpi_mailbox_length(self) <= low_mark(self, far)) return false;
    struct tpi_block *copy = tpi_block_copy(tpi_runtime_of(self->worker), self->worker, credit);
    if (copy == NULL) return false;
    tpi_block_link(copy, extra->waiters);
    extra->waiters = copy;
    if (far) extra->far_waiter = true;
    return true;
}

void tpi_credit_release_all(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = self->extra;
    if (extra == NULL) return;
    extra->far_waiter = false;
    tp_runtime *runtime = self->runtime;
    while (extra->waiters != NULL) {
        struct tpi_block *block = extra->waiters;
        extra->waiters = tpi_block_next(block);
        /* answered as a dead actor would answer: the block itself becomes the RESUME */
        tpi_deliver_dead(runtime, self->worker, tpi_pid_of(runtime, self), block);
    }
}

void tpi_credit_check(tp_actor *self) {
    if (self->extra == NULL || self->extra->waiters == NULL) return;
    bool far = self->extra->far_waiter;
    if (tpi_mailbox_length(self) <= low_mark(self, far)) tpi_credit_release_all(self);
}

void tpi_credit_taken(tp_actor *self, uint32_t count) {
    TPI_CHECK(tpi_is_owner(self));
    /* relaxed: the owner is the only writer; senders read an estimate */
    uint32_t consumed = atomic_load_explicit(&self->consumed, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&self->consumed, consumed + count, memory_order_relaxed);
    tpi_credit_check(self);
}

void tpi_credit_empty(tp_actor *self) {
    TPI_CHECK(self->tail == self->scan);
    if (tpi_credit_differs(self)) tpi_credit_agree(self);
    tpi_credit_release_all(self);
}

/* ---- requests that were passed on ---- */

bool tpi_wait_closes_cycle(tp_actor *self, tp_pid caller, tp_ref ref) {
    TPI_CHECK(ref != 0 && tpi_is_owner(self));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct walk walk = {0};
    uint64_t edge = edge_of(runtime, caller.slot);
    if (edge == 0 || caller.node != runtime->node ||
        (edge & (EDGE_SUSPENDED | EDGE_REF_MASK)) != (ref & EDGE_REF_MASK))
        return false;
    tpi_spin_lock(&runtime->wait_lock);
    find_standing_cycle(runtime, caller.slot, (uint32_t)(edge >> 32) - 1, &walk);
    bool fails = walk.length > 0 && !walk.suspension;
    /* under the lock, as in confirm_cycle: of two that close one ring together only one fails */
    if (fails) tpi_wait_moved(runtime, caller, ref, TPI_NO_SLOT);
    tpi_spin_unlock(&runtime->wait_lock);
    if (!fails) release_cycle(self, &walk);
    return fails;
}

void tpi_deadlock_delegated(tp_actor *self, tp_pid to) {
    uint32_t path[2] = {to.slot, tpi_slot_of(self)};
    describe_cycle(self, path, 2);
    tpi_count(&self->worker->counters.deadlocks, 1);
}
