/*
 * An actor, and what all of this room shares.
 *
 * Who may touch what. An actor's slot is memory that is only ever an actor. Senders read `identity` and push to
 * the mailbox; nothing else of it is theirs. Everything below "the owner's" belongs to whoever holds the
 * right to run the slot: the worker that runs the actor, the spawner that makes it, the drain that empties a
 * dead one. The right is won by the push that finds the mailbox idle, or by claiming an idle slot, and is given
 * up only by making the mailbox idle again (mailbox.h). So the owner's part needs no atomics.
 *
 * Life: FREE (in a free list) -> spawn claims it -> ALIVE -> exit: identity cleared, mailbox drained -> FREE.
 * A message carries the generation that it was sent to; one that meets another occupant, or none, is stale and
 * is answered as a dead actor would answer it.
 */
#ifndef TPI_ACTOR_H
#define TPI_ACTOR_H

#include <string.h>

#include <troupe/actor.h>
#include <troupe/signal.h>

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/message/block.h"
#include "core/message/message.h"
#include "core/scheduler/scheduler.h"

#define TPI_STATE_INLINE 32u /* a state of up to so many bytes lives in the actor */
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
    TPI_ACTOR_STUB_IN = 1 << 10,  /* the mailbox's stub is in the chain */
    TPI_ACTOR_LISTED = 1 << 11,   /* in a free list */
    TPI_ACTOR_DEDICATED = 1 << 12,
    TPI_ACTOR_TERMINATED = 1 << 13, /* terminate has been called */
    TPI_ACTOR_OVER = 1 << 14,       /* a send went over a receiver's limit: suspend after the handler */
    TPI_ACTOR_TIMEOUT = 1 << 15,    /* tp_set_timeout is in force */
    TPI_ACTOR_SENDING_MANY = 1 << 16,
    TPI_ACTOR_COUNTED = 1 << 17 /* its identity says EXACT */
};

struct tpi_extra;

struct tp_actor {
    /* ---- touched by senders on any thread ---- */
    struct tpi_runnable runnable;
    _Atomic(uintptr_t) head;         /* mailbox.h */
    _Atomic(struct tpi_block *) stub; /* the stub's `next`: the stub is a block of which only this exists */
    _Atomic(uint64_t) identity;      /* generation << 32 | flags */
    _Atomic(uint32_t) enqueued;      /* user messages pushed while it was not idle (send.c) */
    _Atomic(uint32_t) consumed;      /* and taken; written by the owner */
    _Atomic(uint64_t) waits;         /* slot << 32 | low half of a request: wait.c */
    uint32_t limit;                  /* messages; constant while it lives */
    uint32_t overflow;               /* tp_overflow; constant while it lives */

    /* ---- the owner's ---- */
    _Alignas(64) struct tpi_block *tail; /* the block before the first that is not consumed */
    struct tpi_block *scan;              /* the last block that fetch has seen */
    struct tpi_block *refused;           /* the last block that a selective receive refused; NULL: none */
    struct tpi_block *current;           /* the message now handled */
    struct tpi_worker *worker;           /* it runs on; valid while it runs */
    const tp_behavior *behavior;
    void *state;
    uint32_t flags;
    uint32_t generation;

    struct tpi_fiber *fiber; /* holds its frames while it is blocked */
    struct tpi_extra *extra; /* what few actors need; NULL until then */
    tp_runtime *runtime;
    _Alignas(8) uint8_t inline_state[TPI_STATE_INLINE];
    size_t state_size;
};
_Static_assert(offsetof(struct tp_actor, tail) == 64, "senders and the owner write different lines");
_Static_assert(sizeof(struct tp_actor) == 192, "three cache lines: the cost of an idle actor");

/* What a blocked actor waits for. */
enum tpi_wait {
    TPI_WAIT_NONE,
    TPI_WAIT_MESSAGE, /* any message that `accept` takes */
    TPI_WAIT_REPLY,   /* the reply to `ref` */
    TPI_WAIT_FUTURES, /* enough of `futures` decided */
    TPI_WAIT_TIME,    /* its deadline alone */
    TPI_WAIT_CREDIT,  /* room at a receiver */
    TPI_WAIT_EVENT    /* a READY signal with `ref` (sockets) */
};

/* On the stack of the blocked actor. */
struct tpi_waiting {
    enum tpi_wait kind;
    bool done;
    bool timed_out;
    tp_err err;
    tp_ref ref;
    struct tpi_block *block; /* the message, reply or event that ended the wait */
    bool (*accept)(tp_actor *self, struct tpi_block *block, void *context);
    void *context;
    const tp_ref *futures;
    size_t future_count;
    bool all;
    unsigned ready;
};

/* What is needed by actors that do more than handle messages. */
struct tpi_extra {
    struct tpi_waiting *waiting;
    struct tpi_deadline *wait_deadline;
    tp_ref wait_ref; /* of that deadline */
    struct tpi_map links;    /* (node, slot:generation) -> tpi_link state, signal.c */
    struct tpi_map monitors; /* (ref, 0) -> struct tpi_monitor, made by this actor */
    struct tpi_map watched;  /* (ref, node) -> monitors of others on this actor */
    struct tpi_map aliases;  /* (ref, 0) -> mode + 1 */
    struct tpi_map pending;  /* (ref, 0) -> struct tpi_pending: futures */
    struct tpi_map timers;   /* (ref, 0) -> struct tpi_send_timer */
    struct tpi_map deferred; /* (ref, 0) -> struct tpi_deferred */
    struct tpi_list allocations;
    struct tpi_list exit_calls;
    struct tpi_list descriptors;
    struct tpi_list kept;
    struct tpi_list sockets;      /* core/io's */
    struct tpi_block *postponed;  /* oldest first, linked by next */
    struct tpi_block *postponed_last;
    struct tpi_block *retried;    /* postponed before, to be handled before newer ones */
    struct tpi_block *retried_last;
    struct tpi_block *held;       /* lives until the end of the handler */
    struct tpi_scratch_chunk *scratch; /* decoded lists, likewise */
    struct tpi_block *waiters;    /* CREDIT blocks of senders that this actor keeps waiting */
    struct tpi_block *arguments;  /* for init */
    struct tpi_inbox_state *inbox;
    struct tpi_deadline *timeout; /* tp_set_timeout */
    tp_duration timeout_span;
    tp_ref timeout_ref;
    bool timeout_fired;
    uint32_t postponed_count;
    uint32_t timer_sweep; /* timers at which fired ones are looked for */
    uint32_t stack_class; /* 0: the loop's own fiber */
    size_t stack_size;
    tp_pid parent;       /* who spawned it linked */
    tp_pid over;         /* the receiver whose limit it passed */
    tp_ref credit;       /* the CREDIT it waits for */
    char *name;          /* registered; the registry's memory */
    uint32_t groups;     /* memberships, counted by the registry */
    uint64_t workers;    /* a bit a worker it may run on; 0: all */
    int32_t reason_code; /* how it ends */
    uint32_t reason_size;
    uint8_t *reason_detail; /* heap */
    tp_err error;
    int status;
    bool status_set;
    char *deadlock; /* heap; text of the last cycle */
    tp_actor *self;
};

struct tp_message {
    struct tpi_block block; /* a message is its block, seen from outside */
};

/* ---- the system (system.c) ---- */

/* What the rooms above fill in; each may be NULL. */
struct tpi_hooks {
    void (*name_released)(tp_runtime *runtime, tp_actor *actor);
    tp_err (*name_taken)(tp_runtime *runtime, tp_actor *actor, const char *name);
    tp_pid (*name_find)(tp_runtime *runtime, const char *name);
    void (*groups_left)(tp_runtime *runtime, tp_actor *actor);
    void (*sockets_closed)(tp_runtime *runtime, tp_actor *actor);
    void (*ready)(tp_runtime *runtime, struct tpi_worker *worker, uint64_t token, unsigned ready);
    /* A READY signal that no wait takes; on the actor's own worker. */
    void (*event)(tp_runtime *runtime, tp_actor *actor, struct tpi_block *block);
    /* A signal for another node. Takes the block. */
    void (*remote)(tp_runtime *runtime, tp_pid to, struct tpi_block *block);
};

struct tp_runtime {
    struct tpi_scheduler *scheduler;
    struct tpi_memory *memory;
    uint8_t *slots; /* reserved address space: max_actors of struct tp_actor */
    uint64_t node;
    tp_options options;
    struct tpi_hooks hooks;
    struct tpi_slots *free_slots; /* slots.c */
    uint32_t slot_count;
    _Atomic(uint32_t) slots_used; /* the first that was never used */
    _Atomic(uint32_t) stopping;   /* 1: actors are being shut down */
    _Atomic(uint32_t) exits;      /* futex: goes up when an actor ends while stopping */
    _Atomic(uint64_t) outside_refs;
    tpi_spinlock wait_lock; /* confirms wait cycles: wait.c */
    struct tpi_registry *registry;
    struct tpi_io *io;
    struct tpi_sim *sim;
    struct tpi_driver driver;
    void (*settle)(tp_runtime *runtime); /* simulation: runs what is ready, for calls from the test's thread */
};

static inline tp_runtime *tpi_runtime_of(const struct tpi_worker *worker) {
    return worker->system;
}
static inline tp_actor *tpi_actor_of(struct tpi_runnable *runnable) {
    return (tp_actor *)(void *)runnable; /* its first field */
}
static inline tp_actor *tpi_slot(const tp_runtime *runtime, uint32_t slot) {
    return (tp_actor *)(void *)(runtime->slots + (size_t)slot * sizeof(tp_actor));
}
static inline uint32_t tpi_slot_of(const tp_actor *actor) {
    return actor->runnable.index;
}
static inline tp_pid tpi_pid_of(const tp_runtime *runtime, const tp_actor *actor) {
    return (tp_pid){runtime->node, tpi_slot_of(actor), actor->generation};
}

/* The actor of a local pid if it is alive at this moment, else NULL. Any thread; what may be done with it:
 * see the head of this file. */
static inline tp_actor *tpi_find(const tp_runtime *runtime, tp_pid pid, uint64_t *identity) {
    if (pid.node != runtime->node || pid.slot >= runtime->slot_count) return NULL;
    tp_actor *actor = tpi_slot(runtime, pid.slot);
    /* acquire: partner is the release store in tpi_actor_publish; `limit` and `overflow` are read after it */
    *identity = atomic_load_explicit(&actor->identity, memory_order_acquire);
    if (*identity >> 32 != pid.generation || !(*identity & TPI_IDENTITY_ALIVE)) return NULL;
    return actor;
}

/* The extra part, made at first need; NULL when out of memory. */
struct tpi_extra *tpi_extra(tp_actor *actor);
void tpi_extra_free(tp_actor *actor);
/* The owner: can senders find it? */
static inline bool tpi_is_published(const tp_actor *actor) {
    /* relaxed: only the owner changes it, and the owner asks */
    return (atomic_load_explicit(&actor->identity, memory_order_relaxed) & TPI_IDENTITY_ALIVE) != 0;
}
/* For callbacks of maps: memory of the runtime's heap. */
struct tpi_map_memory tpi_map_memory(tp_runtime *runtime);
tp_ref tpi_ref_new(tp_actor *actor);
tp_ref tpi_ref_outside(tp_runtime *runtime);
void tpi_set_error(tp_actor *self, tp_err err);
extern const struct tpi_runnable_ops tpi_actor_ops;

/* ---- slots (slots.c) ---- */

tp_err tpi_slots_new(tp_runtime *runtime);
void tpi_slots_free(tp_runtime *runtime);
/* A slot whose right to run is the caller's; NULL when there is none. worker NULL: a thread outside. */
tp_actor *tpi_slot_take(tp_runtime *runtime, struct tpi_worker *worker);
/* Gives back a slot whose mailbox is idle. */
void tpi_slot_give(tp_runtime *runtime, struct tpi_worker *worker, tp_actor *actor);

/* ---- blocks (deliver.c) ---- */

/* A block with room for `size` bytes of payload; all of the header but `next` and `to_generation` set. worker
 * NULL: from the heap. NULL when out of memory. */
struct tpi_block *tpi_block_new(tp_runtime *runtime, struct tpi_worker *worker, enum tpi_kind kind,
                                size_t size);
void tpi_block_free(tp_runtime *runtime, struct tpi_worker *worker, struct tpi_block *block);
static inline uint8_t *tpi_block_payload(struct tpi_block *block) {
    return (uint8_t *)(block + 1) + (block->flags & TPI_BLOCK_REMOTE ? 8 : 0);
}
/* The fast half of tpi_block_free, for blocks from a pool that hold their own payload. */
static inline void tpi_block_drop(tp_runtime *runtime, struct tpi_worker *worker,
                                  struct tpi_block *block) {
    if (__builtin_expect((block->flags & TPI_BLOCK_SHARED) || block->size_class == TPI_CLASS_HEAP, 0))
        tpi_block_free(runtime, worker, block);
    else tpi_pool_give(worker->pool, block, block->size_class, block->owner);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tpi_block_init writes bytes in this order");
/* Sets all of a fresh block's header but `next` and `to_generation`; kind, flags, class, state, owner and code in
 * one store. */
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
tp_pid tpi_block_from(const tp_runtime *runtime, const struct tpi_block *block);
void tpi_block_set_from(const tp_runtime *runtime, struct tpi_block *block, tp_pid from);
void tpi_payload_unref(struct tpi_payload *payload);
/* Makes a block made with TPI_SIGNAL_ROOM an exit signal without detail. */
void tpi_exit_encode(tp_runtime *runtime, struct tpi_block *block, tp_pid from, int32_t code);
/* A block, complete but for its receiver, goes out under the receiver's bound. self NULL: from outside. */
tp_err tpi_send_block(tp_runtime *runtime, tp_actor *self, tp_pid to, struct tpi_block *block);
/* An encoded message. */
struct tpi_block *tpi_block_encode(tp_runtime *runtime, struct tpi_worker *worker,
                                   const tp_message_type *type, const void *value);

/*
 * Delivers a block to `to`; takes it in every case. False when nobody is there (then a request, link or monitor
 * has been answered, and the block freed). Signals are never refused.
 */
bool tpi_deliver(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to, struct tpi_block *block);
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

/* ---- running (run.c) ---- */

/* Applies every signal that has arrived. */
void tpi_fetch(tp_actor *self);
/* Frees what the last handler or receive held; ends an unanswered request with TP_ENOREPLY. */
void tpi_release_current(tp_actor *self);
void tpi_release_held(tp_actor *self);
/* Blocks until `waiting->done`; the deadline is `timeout` from now. TP_ENOMEM: no stack or timer, nothing
 * happened. Applies signals before it blocks; may not return (an exit signal). */
tp_err tpi_wait(tp_actor *self, struct tpi_waiting *waiting, tp_duration timeout);
/* Ends the wait of a blocked actor, from its own fetch. */
void tpi_wait_done(struct tpi_waiting *waiting);
/* Gives the worker to others and comes back when it is its turn again. */
tp_err tpi_take_turns(tp_actor *self);

/* ---- receiving (receive.c) ---- */

/* Offers what is queued to the wait; true if it took something. */
bool tpi_receive_scan(tp_actor *self, struct tpi_waiting *waiting);
struct tpi_block *tpi_next_message(tp_actor *self);
/* Decodes fields of a block; lists go to self's scratch. */
tp_err tpi_decode(tp_actor *self, const struct tpi_block *block, const tp_message_type *type,
                  void *out);
/* Frees a block that left the chain, unless it is kept. */
void tpi_block_spent(tp_actor *self, struct tpi_block *block);
void tpi_kept_release_all(tp_actor *self);
/* Keeps a block valid until the end of the handler. */
void tpi_hold(tp_actor *self, struct tpi_block *block);

/* ---- ending (exit.c) ---- */

/* Says how the actor ends; the first one counts, a kill always. */
void tpi_doom(tp_actor *actor, tp_reason reason, bool killed);
/* Ends the actor, in the loop's frame of its worker. */
void tpi_exit(struct tpi_worker *worker, tp_actor *actor);
/* Empties the mailbox of a dead actor; then its slot is free. */
void tpi_drain(struct tpi_worker *worker, tp_actor *actor);

/* ---- signals (signal.c) ---- */

/* What became of a signal that was applied. */
enum tpi_applied {
    TPI_APPLIED_DONE,    /* it acted; the block may go */
    TPI_APPLIED_MESSAGE, /* it stays in the queue, as a message */
    TPI_APPLIED_ANSWER   /* it must go back, turned into its answer: tpi_deliver_dead does that */
};
enum tpi_applied tpi_signal_apply(tp_actor *self, struct tpi_block *block);
/* Sends the exit and down signals of an actor that ends; false: out of memory, call again. */
bool tpi_signal_goodbye(tp_actor *self, tp_reason reason);
void tpi_watchers_free(tp_actor *actor);
/* A behaviour that traps exits ends when its parent does. True: it will. */
bool tpi_exited_by_parent(tp_actor *self, struct tpi_block *block);
/* Links two actors of which the second is not visible yet. */
tp_err tpi_link_at_birth(tp_actor *parent, tp_actor *child);
void tpi_unlink_at_birth(tp_actor *parent, tp_actor *child);
void tpi_unmonitor_at_birth(tp_actor *parent, tp_ref ref);
/* An exit signal; from may be null. */
tp_err tpi_post_exit(tp_runtime *runtime, struct tpi_worker *worker, tp_pid from, tp_pid to,
                     tp_reason reason);
/* A READY signal: for a wait, or for hooks.event. */
void tpi_event_arrived(tp_actor *self, struct tpi_block *block);
tp_err tpi_monitor_at_birth(tp_actor *parent, tp_actor *child, tp_ref *ref);
/* True if `alias` is open; a one-shot one is closed by this. */
bool tpi_alias_admit(tp_actor *self, tp_ref alias);

/* ---- requests (call.c, future.c) ---- */

/* A REPLY or FAILED has come: copied if somebody waits for it, else it is late and dropped. */
void tpi_reply_arrived(tp_actor *self, struct tpi_block *block);
/* Ends every request that the actor holds: current, deferred, postponed. */
void tpi_requests_abandon(tp_actor *self);
void tpi_deferred_forget(tp_actor *self, tp_ref ref);
void tpi_pending_free_all(tp_actor *self);

/* ---- waiting for others (wait.c) ---- */

#define TPI_DEADLOCK_TEXT 1024u

/* `self` begins to wait for `to` because of `ref`. TP_EDEADLOCK: it would close a cycle of calls. */
tp_err tpi_wait_begin(tp_actor *self, tp_pid to, tp_ref ref);
void tpi_wait_end(tp_actor *self);
/* The request `ref` of `caller` is nobody's (deferred, answered) or `to`'s now. */
void tpi_wait_moved(tp_runtime *runtime, tp_pid caller, tp_ref ref, uint32_t to_slot);
/* Sender `self` waits for room at extra->over: between handlers, or now in a fiber. */
void tpi_suspend_between(tp_actor *self);
tp_err tpi_suspend_inside(tp_actor *self);
/* True: the sender was put on the list; false: answer it at once. */
/* After tpi_wait_moved: does the caller now wait for itself? */
bool tpi_wait_closes_cycle(tp_runtime *runtime, tp_pid caller, tp_ref ref);
void tpi_deadlock_delegated(tp_actor *self, tp_pid to);
bool tpi_credit_asked(tp_actor *self, struct tpi_block *credit);
void tpi_credit_granted(tp_actor *self, tp_ref ref);
void tpi_credit_release_all(tp_actor *self);
/* The owner has taken `count` messages; releases senders at the low mark. */
void tpi_credit_taken(tp_actor *self, uint32_t count);
void tpi_credit_check(tp_actor *self);
/* The owner, with an empty mailbox: is there anything for tpi_credit_empty to do? */
static inline bool tpi_credit_is_due(const tp_actor *self) {
    return self->extra != NULL ||
           /* relaxed: estimates, see tpi_mailbox_length */
           atomic_load_explicit(&self->enqueued, memory_order_relaxed) !=
               /* relaxed: as above */
               atomic_load_explicit(&self->consumed, memory_order_relaxed);
}
/* The mailbox is empty: the counts agree again, and nobody is kept waiting. */
void tpi_credit_empty(tp_actor *self);
/* Adds what the worker has counted for one receiver to that receiver's count. */
void tpi_account_flush(struct tpi_worker *worker);
/* How many user messages wait, about. */
int32_t tpi_mailbox_length(const tp_actor *actor);

/* ---- timers (timer.c) ---- */

/* A signal that comes at a point in time: owned by its actor until it fires or is cancelled. */
struct tpi_deadline;
struct tpi_deadline *tpi_deadline_arm(tp_actor *self, tp_duration span, tp_ref ref);
/* Cancels and forgets it; *deadline may be NULL. */
void tpi_deadline_cancel(tp_actor *self, struct tpi_deadline **deadline);
void tpi_timers_cancel_all(tp_actor *self);
/* A message of timer `ref` has arrived: the timer is no more. */
void tpi_timer_arrived(tp_actor *self, tp_ref ref);
/* A TIMEOUT signal: of the wait, or of tp_set_timeout. */
void tpi_timeout_arrived(tp_actor *self, tp_ref ref);
void tpi_timeout_arm(tp_actor *self);
void tpi_timeout_cancel(tp_actor *self);

/* ---- owned things (memory.c) ---- */

void tpi_owned_release_all(tp_actor *self);
void tpi_scratch_release(tp_actor *self);

/* ---- inboxes (inbox.c) ---- */

/* Hands what has arrived to the inbox's thread. */
void tpi_inbox_run(struct tpi_worker *worker, tp_actor *self);
void tpi_inbox_closed(tp_runtime *runtime, tp_actor *self);
void tpi_inbox_replied(tp_actor *self, struct tpi_block *block);
/* Has the inbox told of an actor's end; its tp_down's ref means nothing. */
struct tp_inbox;
tp_err tpi_inbox_monitor(struct tp_inbox *inbox, tp_pid target);
tp_err tpi_spawn_inbox(tp_runtime *runtime, struct tpi_inbox_state *inbox, tp_pid *out);

/* ---- tracing and log (log.c) ---- */

void tpi_trace(tp_actor *self, tp_trace_kind kind, tp_pid other, const char *name, int64_t value);
void tpi_trace_spawn(tp_actor *parent, tp_pid child, const char *name);
void tpi_trace_receive(tp_actor *self, const struct tpi_block *block);
void tpi_trace_signal(tp_actor *self, const struct tpi_block *block);
void tpi_log_runtime(tp_runtime *runtime, tp_log_level level, const char *format, ...)
    TP_PRINTF(3, 4);

#endif
