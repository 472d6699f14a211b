/*
 * An actor, and what all of this room shares.
 *
 * Who may touch what. An actor's slot is memory that is only ever an actor. Senders read `identity`
 * and push to the mailbox; nothing else of it is theirs. Everything below "the owner's" belongs to
 * whoever holds the right to run the slot: the worker that runs the actor, the spawner that makes
 * it, the drain that empties a dead one. The right is won by the push that finds the mailbox idle,
 * or by claiming an idle slot, and is given up only by making the mailbox idle again (mailbox.h).
 * So the owner's part needs no atomics.
 *
 * Life: FREE (in a free list) -> spawn claims it -> ALIVE -> exit: identity cleared, mailbox
 * drained -> FREE. A message carries the generation that it was sent to; one that meets another
 * occupant, or none, is stale and is answered as a dead actor would answer it.
 */
#ifndef TPI_SELF_H
#define TPI_SELF_H

#include <troupe/actor.h>
#include <troupe/signal.h>

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/message/block.h"
#include "core/message/message.h"
#include "core/scheduler/scheduler.h"

#define TPI_IDLE ((uintptr_t)1) /* in `head`: nobody has the right to run the actor (mailbox.h) */
#define TPI_STATE_INLINE 32u    /* a state of up to so many bytes lives in the actor */
#define TPI_NO_SLOT UINT32_MAX

/* In `identity`, below the generation. */
enum tpi_identity_flag {
    TPI_IDENTITY_ALIVE = 1 << 0,
    TPI_IDENTITY_EXACT = 1 << 1 /* the mailbox's bound is counted before each push */
};

/* The owner's. */
enum tpi_actor_flag {
    TPI_ACTOR_STARTED = 1 << 0, /* init has run, or the body has begun */
    TPI_ACTOR_BODY = 1 << 1,
    TPI_ACTOR_INBOX = 1 << 2,     /* a thread's: messages are handed to it */
    TPI_ACTOR_TRAPS = 1 << 3,     /* exit signals become messages */
    TPI_ACTOR_EXITING = 1 << 4,   /* its end has begun */
    TPI_ACTOR_DEAD = 1 << 5,      /* identity cleared; the mailbox is being drained */
    TPI_ACTOR_DOOMED = 1 << 6,    /* extra->reason says why it must end as soon as it runs */
    TPI_ACTOR_KILLED = 1 << 7,    /* no terminate */
    TPI_ACTOR_SUSPENDED = 1 << 8, /* waits for room at a receiver, between handlers */
    TPI_ACTOR_TURN = 1 << 9,      /* its fiber waits for nothing but its turn (yield, work) */
    TPI_ACTOR_LISTED = 1 << 11,   /* in a free list */
    TPI_ACTOR_DEDICATED = 1 << 12,
    TPI_ACTOR_TERMINATED = 1 << 13, /* terminate has been called */
    TPI_ACTOR_OVER = 1 << 14, /* a send went over a receiver's limit: suspend after the handler */
    TPI_ACTOR_TIMEOUT = 1 << 15, /* tp_set_timeout is in force */
    TPI_ACTOR_SENDING_MANY = 1 << 16,
    TPI_ACTOR_COUNTED = 1 << 17,   /* its identity says EXACT */
    TPI_ACTOR_CONTAINED = 1 << 18, /* its faults become exit signals: extra.h, inside.c */
    TPI_ACTOR_FAULTED = 1 << 19,   /* it left its code by a fault */
    TPI_ACTOR_HOLDS = 1 << 20,    /* there is something to release after the handler, or to retry */
    TPI_ACTOR_HALTED = 1 << 21,   /* handles system messages only: tp_sys_suspend */
    TPI_ACTOR_WATCHED = 1 << 22,  /* what it does is traced or recorded: sys.c, capsule.c */
    TPI_ACTOR_ISOLATED = 1 << 24, /* stands for one in another process: core/process/proxy.c */
    TPI_ACTOR_QUIET = 1 << 25,    /* its end is no crash, whatever the reason: tpi_exit_quietly */
    TPI_ACTOR_RELEASED = 1 << 26, /* what it owned has been given back, its end been reported */
    TPI_ACTOR_REPLAYS = 1 << 23   /* its inputs come out of a capsule alone */
};

struct tpi_extra;

struct tp_actor {
    /* ---- touched by senders on any thread ---- */
    struct tpi_runnable runnable;
    _Atomic(uintptr_t) head; /* mailbox.h */
    _Atomic(struct tpi_block *)
        stub; /* the stub's `next`: the stub is a block of which only this exists */
    _Atomic(uint64_t) identity; /* generation << 32 | flags */
    _Atomic(uint32_t) enqueued; /* user messages pushed while it was not idle (send.c) */
    _Atomic(uint32_t) consumed; /* and taken; written by the owner */
    _Atomic(uint64_t) waits;    /* slot << 32 | low half of a request: wait.c */
    _Atomic(uint32_t) limit;    /* messages; constant while it lives */
    _Atomic(uint32_t) overflow; /* tp_overflow; constant while it lives */

    /* ---- the owner's ---- */
    _Alignas(64) struct tpi_block *tail; /* the block before the first that is not consumed */
    struct tpi_block *scan;              /* the last block that fetch has seen */
    struct tpi_block *refused; /* the last block that a selective receive refused; NULL: none */
    struct tpi_block *current; /* the message now handled */
    struct tpi_worker *worker; /* it runs on; valid while it runs */
    void *state;
    uint32_t state_size;
    uint32_t handled; /* messages, modulo 2^32 */
    uint32_t flags;
    uint32_t generation;

    struct tpi_fiber *fiber; /* holds its frames while it is blocked */
    struct tpi_extra *extra; /* what few actors need; NULL until then */
    tp_runtime *runtime;
    const tp_behavior *behavior;
    _Alignas(8) uint8_t inline_state[TPI_STATE_INLINE];
};
_Static_assert(offsetof(struct tp_actor, tail) == 64,
               "senders and the owner write different lines");
_Static_assert(sizeof(struct tp_actor) == 192, "three cache lines: the cost of an idle actor");

/* For checks: somebody has the right to run the actor, and it is not another thread, as far as
 * `worker` says. */
static inline bool tpi_is_owner(const tp_actor *self) {
    /* relaxed: who has the right has won it by an exchange of its own */
    uintptr_t head = atomic_load_explicit(&self->head, memory_order_relaxed);
    return !(head & TPI_IDLE) && (self->worker == NULL || tpi_worker_is_here(self->worker));
}

/* The mailbox's bound. A sender may look while the slot gets its next actor: it then goes by either
 * bound, and its message is stale in any case. */
static inline int32_t tpi_limit(const tp_actor *actor) {
    /* relaxed: a number that orders nothing, as are the next three */
    return (int32_t)atomic_load_explicit(&actor->limit, memory_order_relaxed);
}
static inline tp_overflow tpi_overflow(const tp_actor *actor) {
    /* relaxed: see tpi_limit */
    return (tp_overflow)atomic_load_explicit(&actor->overflow, memory_order_relaxed);
}
static inline void tpi_set_bound(tp_actor *actor, uint32_t limit, tp_overflow overflow) {
    /* relaxed: see tpi_limit; published with the actor */
    atomic_store_explicit(&actor->limit, limit, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&actor->overflow, (uint32_t)overflow, memory_order_relaxed);
}

struct tp_message {
    struct tpi_block block; /* a message is its block, seen from outside */
};

#endif
