/*
 * The mailbox: one intrusive queue for every signal, many producers, one consumer.
 *
 * A chain of blocks linked by `next`. `head` is the last block, where producers attach, with the
 * low bit IDLE when nobody has the right to run the actor. The consumer's `tail` is a block that is
 * already consumed (or the stub); what follows it is what is queued.
 *
 * Producer: prev = exchange(head, block); prev->next = block. Between the two steps the chain has a
 * gap: the consumer sees the end, though head is elsewhere. If prev carried IDLE, this producer has
 * won the right to run the actor, and schedules it; nobody else may. Consumer: the last block stays
 * in the chain even when it is consumed, since a producer may be about to write its `next`. To go
 * idle it swaps the last block for itself with IDLE (or for the stub, so that an idle actor holds
 * no block); that fails when a producer came, or is in the gap: then the actor is requeued, never
 * spun on. The stub is the first block of a chain, or in none.
 *
 * Modelled in tests/models/mailbox.pml.
 */
#ifndef TPI_MAILBOX_H
#define TPI_MAILBOX_H

#include "core/actor/actor.h"

static inline struct tpi_block *tpi_stub(tp_actor *actor) {
    return (struct tpi_block *)(void *)&actor->stub; /* only its first field, next, exists */
}

static inline struct tpi_block *tpi_block_next(struct tpi_block *block) {
    /* acquire: partner is the release store in tpi_mailbox_push; weaker, the header and payload
     * of the next block could be read before they were written */
    return atomic_load_explicit(&block->next, memory_order_acquire);
}

static inline void tpi_block_link(struct tpi_block *block, struct tpi_block *next) {
    /* relaxed: both are the consumer's, or not shared yet */
    atomic_store_explicit(&block->next, next, memory_order_relaxed);
}

#define TPI_SOUND_STEPS 8 /* a longer chain is not walked to its end: each step is a cache line */

/* For checks, by the owner: `scan` can be reached from `tail`; while it waits, the block behind,
 * and the last one that its receive has refused, lie between the two. */
static inline bool tpi_mailbox_is_sound(tp_actor *actor) {
    const struct tpi_waiting *waiting = actor->extra == NULL ? NULL : actor->extra->waiting;
    const struct tpi_block *behind = waiting == NULL ? NULL : actor->extra->behind;
    const struct tpi_block *refused =
        waiting == NULL || waiting->kind != TPI_WAIT_MESSAGE ? NULL : actor->refused;
    struct tpi_block *block = actor->tail;
    for (int i = 0; i < TPI_SOUND_STEPS; i++) {
        if (block == NULL) return false;
        if (block == refused) refused = NULL;
        if (block == behind) behind = NULL;
        if (block == actor->scan) return refused == NULL && behind == NULL;
        block = tpi_block_next(block);
    }
    return true;
}

/* A chain that is linked already, in one step. Any thread. True: the mailbox was idle, the caller
 * now has the right to run the actor. */
static inline bool tpi_mailbox_push_chain(tp_actor *actor, struct tpi_block *first,
                                          struct tpi_block *block) {
    TPI_CHECK(((uintptr_t)block & TPI_IDLE) == 0);
    tpi_block_link(block, NULL);
    /* acq_rel: release publishes the block to the next producer, which writes its `next`;
     * acquire pairs with the consumer's release when it went idle, so that a runner that wins
     * here sees what the last one did */
    uintptr_t before =
        atomic_exchange_explicit(&actor->head, (uintptr_t)block, memory_order_acq_rel);
    struct tpi_block *last = (struct tpi_block *)(before & ~TPI_IDLE);
    /* release: partner is tpi_block_next; publishes the blocks, and what links them, to the
     * consumer */
    atomic_store_explicit(&last->next, first, memory_order_release);
    return (before & TPI_IDLE) != 0;
}
/* One block. */
static inline bool tpi_mailbox_push(tp_actor *actor, struct tpi_block *block) {
    return tpi_mailbox_push_chain(actor, block, block);
}

/* A mailbox that nobody has used: idle, holding only its stub. */
static inline void tpi_mailbox_init(tp_actor *actor) {
    struct tpi_block *stub = tpi_stub(actor);
    tpi_block_link(stub, NULL);
    actor->tail = stub;
    actor->scan = stub;
    actor->refused = NULL;
    actor->flags = 0;
    /* relaxed: the slot is handed out with its own synchronisation (slots.c) */
    atomic_store_explicit(&actor->head, (uintptr_t)stub | TPI_IDLE, memory_order_relaxed);
}

/* Takes the right to run an idle slot that holds only its stub. False: somebody else has it. */
static inline bool tpi_mailbox_claim(tp_actor *actor) {
    uintptr_t stub = (uintptr_t)tpi_stub(actor), idle = stub | TPI_IDLE;
    /* acquire: partner is the release in tpi_mailbox_idle of whoever ran the slot last */
    return atomic_compare_exchange_strong_explicit(&actor->head, &idle, stub, memory_order_acquire,
                                                   memory_order_relaxed);
}

/*
 * Consumer. Gives up the right to run: true when it succeeded, and then the actor may be touched no
 * more; the block in *spent (or NULL) is the caller's to free. False: there is more, or a producer
 * is in the gap. `keep`: the last block is still in use (a blocked handler's message).
 */
static inline bool tpi_mailbox_idle(tp_actor *actor, bool keep, struct tpi_block **spent) {
    struct tpi_block *last = actor->scan;
    struct tpi_block *stub = tpi_stub(actor);
    TPI_CHECK(tpi_is_owner(actor));
    *spent = NULL;
    if (tpi_block_next(last) != NULL) return false;
    uintptr_t before = (uintptr_t)last;
    bool swap = last == actor->tail && last != stub && !keep;
    if (swap) {
        tpi_block_link(stub, NULL);
        actor->tail = actor->scan = stub;
    }
    /* acq_rel: release publishes everything this run wrote to the runner that a producer's
     * exchange will make (tpi_mailbox_push); acquire only for the failure's sake */
    if (atomic_compare_exchange_strong_explicit(&actor->head, &before,
                                                (uintptr_t)(swap ? stub : last) | TPI_IDLE,
                                                memory_order_acq_rel, memory_order_acquire)) {
        *spent = swap ? last : NULL;
        return true;
    }
    if (swap) actor->tail = actor->scan = last;
    return false;
}

/* Consumer. The last block gives its place to the one before it, where producers attach from now
 * on. False: one of them has come. */
static inline bool tpi_mailbox_withdraw(tp_actor *actor, struct tpi_block *before,
                                        struct tpi_block *block) {
    uintptr_t last = (uintptr_t)block;
    tpi_block_link(before, NULL);
    /* acq_rel: release pairs with the exchange of the next push (tpi_mailbox_push), which writes
     * the `next` that was emptied above; weaker, its link could come first and be lost. acquire
     * only for the failure's sake */
    if (atomic_compare_exchange_strong_explicit(&actor->head, &last, (uintptr_t)before,
                                                memory_order_acq_rel, memory_order_acquire))
        return true;
    tpi_block_link(before, block); /* nobody saw it without: `head` was elsewhere */
    return false;
}

/* Consumer. Takes `block` out of the chain, where it follows `before`; false when a producer is in
 * the gap behind it, so that it must stay. */
static inline bool tpi_mailbox_unlink(tp_actor *actor, struct tpi_block *before,
                                      struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(actor) && tpi_block_next(before) == block && before != block);
    struct tpi_block *next = tpi_block_next(block);
    if (next != NULL || !tpi_mailbox_withdraw(actor, before, block)) {
        next = tpi_block_next(block);
        if (next == NULL) return false;
        tpi_block_link(before, next); /* not after a withdrawal: it is a producer's then */
    }
    if (actor->scan == block) actor->scan = before;
    if (actor->refused == block) actor->refused = before;
    if (actor->extra != NULL && actor->extra->behind == block) actor->extra->behind = before;
    return true;
}

#endif
