/*
 * The steps of an actor's life that the files of this room take for each other.
 */
#ifndef TPI_STEPS_H
#define TPI_STEPS_H

#include "core/actor/deliver.h"
#include "core/actor/extra.h"

/* ---- running (run.c) ---- */

/* Applies every signal that has arrived. */
void tpi_fetch(tp_actor *self);
/* Frees what the last handler or receive held; ends an unanswered request with TP_ENOREPLY. */
void tpi_release_current(tp_actor *self);
void tpi_release_held(tp_actor *self);
/* Blocks until `waiting->done`; the deadline is `timeout` from now. TP_ENOMEM: no stack or
 * timer, nothing happened. Applies signals before it blocks; may not return (an exit signal). */
tp_err tpi_wait(tp_actor *self, struct tpi_waiting *waiting, tp_duration timeout);
/* Ends the wait of a blocked actor, from its own fetch. */
void tpi_wait_done(struct tpi_waiting *waiting);
/* Gives the worker to others and comes back when it is its turn again. */
tp_err tpi_take_turns(tp_actor *self);

/* ---- receiving (receive.c) ---- */

/* So many times the mailbox's limit may be postponed, and as many be refused by a receive. */
#define TPI_PUT_ASIDE_FACTOR 8u
/* A refused message is handled or received after all. */
void tpi_refused_taken(tp_actor *self, struct tpi_block *block);
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

/* A reference that the actor's code never sees: no input of a capsule. */
static inline tp_ref tpi_ref_inside(tp_actor *self) {
    return ++self->worker->refs;
}

/* ---- starting (start.c) ---- */

/* tp_spawn whose arguments are a request that the end of init answers. */
tp_pid tpi_spawn_to_start(tp_actor *self, const tp_behavior *behavior,
                          const tp_spawn_options *options, const tp_message_type *type,
                          const void *arguments, tp_ref start);
/* The actor ends before that. False: no memory, the request is still open. */
bool tpi_start_failed(tp_actor *self, struct tpi_block *arguments, tp_reason reason);
/* init is over: tells the starter. `arguments`: the request made of them. */
void tpi_start_acknowledge(tp_actor *self, struct tpi_block *arguments);

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
    TPI_APPLIED_AWAITED, /* it leaves the queue, for the call that waits for it */
    TPI_APPLIED_ANSWER   /* it must go back, turned into its answer: tpi_deliver_dead does that */
};
enum tpi_applied tpi_signal_apply(tp_actor *self, struct tpi_block *block);
/* Sends the exit and down signals of an actor that ends; false: out of memory, call again. */
bool tpi_signal_goodbye(tp_actor *self, tp_reason reason);
void tpi_watchers_free(tp_actor *actor);
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

/* A REPLY or FAILED has come: for the call in progress, for a future, which copies it, or as the
 * message that answers a tpi_ask; else it is late and dropped. */
enum tpi_applied tpi_reply_arrived(tp_actor *self, struct tpi_block *block);
/* Ends every request that the actor holds: current, deferred, postponed. */
void tpi_requests_abandon(tp_actor *self, tp_reason reason);
void tpi_deferred_forget(tp_actor *self, uint64_t node, tp_ref ref);
void tpi_pending_free_all(tp_actor *self);

/* ---- waiting for others (wait.c) ---- */

#define TPI_DEADLOCK_TEXT 1024u

/* `self` begins to wait for `to` because of `ref`. TP_EDEADLOCK: it would close a cycle of
 * calls. */
tp_err tpi_wait_begin(tp_actor *self, tp_pid to, tp_ref ref);
void tpi_wait_end(tp_actor *self);
/* The request `ref` of `caller` is nobody's (deferred, answered) or `to`'s now. */
void tpi_wait_moved(tp_runtime *runtime, tp_pid caller, tp_ref ref, uint32_t to_slot);
/* Sender `self` waits for room at extra->over: between handlers, or now in a fiber. */
void tpi_suspend_between(tp_actor *self);
tp_err tpi_suspend_inside(tp_actor *self);
/* For what sends with TPI_ACTOR_SENDING_MANY, when all is sent: the wait that tp_send would have
 * made (send.c). */
void tpi_suspend_if_over(tp_actor *self);
/* After tpi_wait_moved by `self`: does the caller now wait for itself? Then it does so no more; a
 * ring with a suspended sender is broken there instead, and is none. */
bool tpi_wait_closes_cycle(tp_actor *self, tp_pid caller, tp_ref ref);
void tpi_deadlock_delegated(tp_actor *self, tp_pid to);
/* True: the sender was put on the list; false: answer it at once. */
bool tpi_credit_asked(tp_actor *self, struct tpi_block *credit);
void tpi_credit_granted(tp_actor *self, tp_ref ref);
void tpi_credit_release_all(tp_actor *self);
/* The owner has taken `count` messages; releases senders at the low mark. */
void tpi_credit_taken(tp_actor *self, uint32_t count);
void tpi_credit_check(tp_actor *self);
/* The owner: does it keep senders waiting? */
static inline bool tpi_has_waiters(const tp_actor *self) {
    return __builtin_expect(self->extra != NULL, 0) && self->extra->waiters != NULL;
}
/* The owner, with an empty mailbox: do the counts differ? */
static inline bool tpi_credit_differs(const tp_actor *self) {
    /* relaxed: estimates, see tpi_mailbox_length */
    return atomic_load_explicit(&self->enqueued, memory_order_relaxed) !=
           /* relaxed: as above */
           atomic_load_explicit(&self->consumed, memory_order_relaxed);
}
/* Pushes that are not counted yet are forgotten here, which errs by at most a batch a worker. */
static inline void tpi_credit_agree(tp_actor *self) {
    /* relaxed: see tpi_mailbox_length */
    uint32_t enqueued = atomic_load_explicit(&self->enqueued, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&self->consumed, enqueued, memory_order_relaxed);
}
/* The mailbox is empty: the counts agree again, and nobody is kept waiting. */
void tpi_credit_empty(tp_actor *self);
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
void tpi_timer_arrived(tp_actor *self, const struct tpi_block *block);
/* A TIMEOUT signal: of the wait, or of tp_set_timeout. */
void tpi_timeout_arrived(tp_actor *self, tp_ref ref);
void tpi_timeout_arm(tp_actor *self);
void tpi_timeout_cancel(tp_actor *self);

/* ---- owned things (memory.c) ---- */

void tpi_owned_release_all(tp_actor *self);
void tpi_scratch_release(tp_actor *self);

/* ---- inboxes (inbox.c) ---- */

struct tp_inbox;
/* Hands what has arrived to the inbox's thread. False: memory ran out, run it again. */
bool tpi_inbox_run(struct tpi_worker *worker, tp_actor *self);
void tpi_inbox_closed(tp_runtime *runtime, tp_actor *self);
void tpi_inbox_replied(tp_actor *self, struct tpi_block *block);
/* Simulation, where the thread is the only one: the oldest message, and how many wait. */
const tp_message *tpi_inbox_peek(const struct tp_inbox *inbox);
size_t tpi_inbox_waiting(const struct tp_inbox *inbox);
/* Has the inbox told of an actor's end; its tp_down's ref means nothing. */
tp_err tpi_inbox_monitor(struct tp_inbox *inbox, tp_pid target);
tp_err tpi_spawn_inbox(tp_runtime *runtime, struct tpi_inbox_state *inbox, tp_pid *out);

/* ---- tracing and log (log.c) ---- */

void tpi_trace(tp_actor *self, tp_trace_kind kind, tp_pid other, const char *name, int64_t value);
void tpi_trace_spawn(tp_actor *parent, tp_pid child, const char *name);
void tpi_trace_send(tp_actor *self, tp_pid to, const tp_message_type *type);
void tpi_trace_receive(tp_actor *self, const struct tpi_block *block);
void tpi_trace_signal(tp_actor *self, const struct tpi_block *block);
/* Hands one entry to the hook, or to standard error; its level has been looked at. */
void tpi_log_entry(tp_runtime *runtime, const tp_log_entry *entry);
void tpi_log_runtime(tp_runtime *runtime, tp_log_level level, const char *format, ...)
    TP_PRINTF(3, 4);

#endif
