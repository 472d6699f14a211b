/*
 * A slice: what happens when the scheduler runs an actor.
 *
 * fetch, then handlers until the budget is used up or nothing is left, then idle or behind the
 * others. An actor that is blocked keeps its fiber; a slice then only fetches, and goes on with the
 * fiber when its wait is over.
 */
#include <string.h>

#include <troupe/sys.h>

#include "core/actor/blocked.h"
#include "core/actor/capsule.h"
#include "core/actor/mailbox.h"

#define FETCH_EVERY 32u /* handlers between two looks at the signals */
/* Out of the way of the plain slice, which then fits in registers. */
#define RARELY __attribute__((noinline, cold))
/* The same for what starts, ends and waits are made of: those shall be fast, not small. */
#define APART __attribute__((noinline))
#define ALWAYS __attribute__((always_inline)) inline

/* ---- signals ---- */

/* A signal that had to stay because it was the last, and is not the last any more: else an actor
 * that waits again and again, and never for a message, would gather one for each wait. Returns
 * the block now in front. */
static struct tpi_block *drop_consumed(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_block *before = self->extra == NULL ? NULL : self->extra->behind;
    if (before == NULL || block == tpi_stub(self) || !(block->state & TPI_BLOCK_CONSUMED) ||
        tpi_block_next(before) != block || !tpi_mailbox_unlink(self, before, block))
        return block;
    tpi_block_spent(self, block);
    return before;
}

/* Frees a block that is consumed: at once if it can leave the chain, else when the tail passes
 * it. Returns the block after which to go on. */
static struct tpi_block *discard(tp_actor *self, struct tpi_block *before,
                                 struct tpi_block *block) {
    TPI_CHECK(block != tpi_stub(self) && tpi_block_is_sound(block));
    TPI_CHECK(!(block->state & (TPI_BLOCK_LOOSE | TPI_BLOCK_CONSUMED)));
    before = drop_consumed(self, before);
    if (tpi_mailbox_unlink(self, before, block)) {
        tpi_block_free(tpi_runtime_of(self->worker), self->worker, block);
        return before;
    }
    block->state |= TPI_BLOCK_CONSUMED;
    if (self->extra != NULL && (self->fiber != NULL || self->extra->waiting != NULL)) {
        self->extra->behind = before;
        self->flags |= TPI_ACTOR_HOLDS;
    }
    return block;
}

/* The reply to the call in progress: itself, or a copy when it must stay. */
static struct tpi_block *take_reply(tp_actor *self, struct tpi_block *before,
                                    struct tpi_block *block) {
    struct tpi_waiting *waiting = self->extra->waiting;
    before = drop_consumed(self, before);
    bool leaves = tpi_mailbox_unlink(self, before, block);
    waiting->block = leaves ? block : tpi_block_copy(self->runtime, self->worker, block);
    if (waiting->block == NULL) waiting->err = TP_ENOMEM;
    else waiting->block->state = TPI_BLOCK_LOOSE;
    return leaves ? before : discard(self, before, block);
}

/* A signal, or a message to another generation, that the sender must hear of. */
static struct tpi_block *send_back(tp_actor *self, struct tpi_block *before,
                                   struct tpi_block *block) {
    TPI_CHECK(block != tpi_stub(self) && tpi_block_is_sound(block));
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    tp_pid dead = {runtime->node, tpi_slot_of(self), block->to_generation};
    struct tpi_block *going = block;
    if (tpi_mailbox_unlink(self, before, block)) {
        tpi_deliver_dead(runtime, self->worker, dead, block);
        return before;
    }
    going = tpi_block_copy(runtime, self->worker, block);
    if (going == NULL) return NULL; /* stays unseen: the next fetch tries again */
    tpi_deliver_dead(runtime, self->worker, dead, going);
    block->state |= TPI_BLOCK_CONSUMED;
    return block;
}

#define UNPLAIN (TPI_BLOCK_ALIAS | TPI_BLOCK_TIMER | TPI_BLOCK_SYSTEM)

static bool admit(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->flags & UNPLAIN);
    if (block->flags & TPI_BLOCK_SYSTEM) {
        if (!(self->flags & (TPI_ACTOR_BODY | TPI_ACTOR_INBOX | TPI_ACTOR_ISOLATED))) return true;
        tpi_sys_refuse(self, block);
        return false;
    }
    if (self->extra == NULL || !(block->flags & (TPI_BLOCK_ALIAS | TPI_BLOCK_TIMER)))
        return !(block->flags & TPI_BLOCK_ALIAS);
    if (block->flags & TPI_BLOCK_TIMER) tpi_timer_arrived(self, block);
    return !(block->flags & TPI_BLOCK_ALIAS) || tpi_alias_admit(self, block->ref);
}

/* Looks at one block; returns the block after which to go on, NULL to stop here. */
static struct tpi_block *fetch_one(tp_actor *self, struct tpi_block *before,
                                   struct tpi_block *block) {
    TPI_CHECK(tpi_block_is_sound(block));
    TPI_CHECK(block->state == 0);
    if (block->to_generation != self->generation) return send_back(self, before, block);
    if (block->kind <= TPI_KIND_REQUEST) {
        if (__builtin_expect(!(block->flags & UNPLAIN), 1) || admit(self, block)) return block;
        if (!(block->flags & TPI_BLOCK_UNCOUNTED)) tpi_credit_taken(self, 1);
        return discard(self, before, block);
    }
    if (self->worker->tracing) tpi_trace_signal(self, block);
    switch (tpi_signal_apply(self, block)) {
    case TPI_APPLIED_MESSAGE: return block;
    case TPI_APPLIED_AWAITED: return take_reply(self, before, block);
    case TPI_APPLIED_ANSWER: return send_back(self, before, block);
    case TPI_APPLIED_DONE: break;
    }
    return discard(self, before, block);
}

/* What is not a plain message to this very actor. False: stop here for now. */
static APART bool fetch_slow(tp_actor *self, struct tpi_block *next) {
    TPI_CHECK(tpi_block_next(self->scan) == next);
    struct tpi_block *seen = fetch_one(self, self->scan, next);
    if (seen == NULL) return false;
    self->scan = seen;
    return true;
}

static inline bool is_plain(const tp_actor *self, const struct tpi_block *block) {
    return block->to_generation == self->generation && block->kind <= TPI_KIND_REQUEST &&
           !(block->flags & UNPLAIN);
}

static ALWAYS void fetch(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_block *next;
    while ((next = tpi_block_next(self->scan)) != NULL) {
        TPI_CHECK(next != tpi_stub(self));
        if (__builtin_expect(is_plain(self, next), 1)) self->scan = next;
        else if (!fetch_slow(self, next)) break;
    }
}

void tpi_fetch(tp_actor *self) {
    fetch(self);
}

/* ---- the message now handled ---- */

static ALWAYS void retire(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block != self->scan && block != self->tail);
    if (block == tpi_stub(self)) return;
    if (block->state & TPI_BLOCK_KEPT) tpi_block_spent(self, block);
    else tpi_block_drop(self->runtime, self->worker, block);
}

static RARELY struct tpi_block *unpostpone(struct tpi_extra *extra) {
    TPI_CHECK(extra->retried != NULL && extra->retried->state & TPI_BLOCK_LOOSE);
    struct tpi_block *block = extra->retried;
    extra->retried = tpi_block_next(block);
    if (extra->retried == NULL) extra->retried_last = NULL;
    return block;
}

static ALWAYS struct tpi_block *next_queued(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    while (self->tail != self->scan) {
        struct tpi_block *spent = self->tail;
        struct tpi_block *block = tpi_block_next(spent);
        TPI_CHECK(block != NULL);
        self->tail = block;
        retire(self, spent);
        if (__builtin_expect(block->state & (TPI_BLOCK_CONSUMED | TPI_BLOCK_REFUSED), 0)) {
            if (block->state & TPI_BLOCK_CONSUMED) continue;
            tpi_refused_taken(self, block);
        }
        block->state |= TPI_BLOCK_CONSUMED;
        return block;
    }
    return NULL;
}

struct tpi_block *tpi_next_queued(tp_actor *self) {
    return next_queued(self);
}

static ALWAYS struct tpi_block *next_message(tp_actor *self) {
    if (__builtin_expect(self->extra != NULL && self->extra->retried != NULL, 0))
        return unpostpone(self->extra);
    return next_queued(self);
}

struct tpi_block *tpi_next_message(tp_actor *self) {
    return next_message(self);
}

void tpi_finish_message(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->kind <= TPI_KIND_REQUEST);
    tp_runtime *runtime = self->runtime;
    if (block->kind == TPI_KIND_REQUEST && !(block->state & TPI_BLOCK_ANSWERED)) {
        block->state |= TPI_BLOCK_ANSWERED;
        tpi_fail_request(runtime, self->worker, tpi_block_from(runtime, block), block->ref,
                         TP_ENOREPLY);
    }
    if ((block->state & (TPI_BLOCK_LOOSE | TPI_BLOCK_KEPT)) == TPI_BLOCK_LOOSE)
        tpi_block_free(runtime, self->worker, block);
}

void tpi_release_current(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_block *block = self->current;
    self->current = NULL;
    if (block != NULL) tpi_finish_message(self, block);
    if (self->extra != NULL) tpi_release_held(self);
}

/* ---- handlers ---- */

static APART const tp_handler *find_named(const tp_behavior *behavior,
                                          const tp_message_type *type) {
    TPI_CHECK(type != NULL);
    const tp_handler *handlers = behavior->handlers;
    for (uint32_t i = 0; i < behavior->handler_count; i++)
        if (tp_message_type_equal(handlers[i].type, type)) return &handlers[i];
    return NULL;
}

static inline const tp_handler *find_handler(const tp_behavior *behavior,
                                             const tp_message_type *type) {
    const tp_handler *handler = behavior->handlers;
    for (const tp_handler *end = handler + behavior->handler_count; handler < end; handler++)
        if (handler->type == type) return handler;
    return find_named(behavior, type);
}

static RARELY void handle_other(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(block->type != NULL);
    const tp_message *message = (const tp_message *)block;
    if (block->flags & TPI_BLOCK_SYSTEM) {
        self->handled--; /* to be looked at is no work of its own */
        tpi_sys_handle(self, block);
        return;
    }
    if (self->behavior->otherwise != NULL) {
        self->behavior->otherwise(self, self->state, message);
        return;
    }
    tpi_count(&self->worker->counters.unknown, 1);
    tp_log(self, TP_LOG_WARN, "no handler for a message of type %.*s", (int)block->type->name_size,
           block->type->name);
}

/* After a handler that did more than handle: received others, kept some, or was asked. */
static APART void release_slow(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self));
    tpi_user_end(self);
    if (self->current != block) tpi_release_current(self);
    if (self->extra != NULL) self->extra->outer = self->extra->behind = NULL;
    self->current = block;
    tpi_release_current(self);
}

/* A system message restarts the timeout, any other ends it. */
static RARELY void stop_timeout(tp_actor *self, const struct tpi_block *block) {
    TPI_CHECK(self->extra != NULL && self->flags & TPI_ACTOR_TIMEOUT);
    if (!(block->flags & TPI_BLOCK_SYSTEM)) {
        tpi_timeout_cancel(self);
        return;
    }
    tpi_deadline_cancel(self, &self->extra->timeout);
    self->extra->timeout_fired = false;
}

static ALWAYS void handle(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(self->fiber == NULL && tpi_is_owner(self));
    TPI_CHECK(block->kind <= TPI_KIND_REQUEST && self->flags & TPI_ACTOR_STARTED);
    self->current = block;
    tpi_count(&self->worker->counters.handled, 1);
    self->handled++;
    if (__builtin_expect(self->worker->tracing, 0)) tpi_trace_receive(self, block);
    if (__builtin_expect(
            self->flags & (TPI_ACTOR_TIMEOUT | TPI_ACTOR_CONTAINED | TPI_ACTOR_WATCHED), 0)) {
        if (self->flags & TPI_ACTOR_TIMEOUT) stop_timeout(self, block);
        if (self->flags & TPI_ACTOR_WATCHED) tpi_capsule_begin(self, TPI_INPUT_MESSAGE, block);
        if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
    }
    /* what the library itself made (exits, downs) is described in a file of its own: only the name
     * is the same */
    const tp_handler *handler = block->flags & TPI_BLOCK_UNCOUNTED
                                    ? find_named(self->behavior, block->type)
                                    : find_handler(self->behavior, block->type);
    if (__builtin_expect(handler != NULL, 1))
        handler->call(self, self->state, (const tp_message *)block);
    else handle_other(self, block);
    const struct tpi_extra *extra = self->extra;
    if (__builtin_expect((extra != NULL && (extra->held != NULL || extra->scratch != NULL ||
                                            extra->behind != NULL || extra->inside == 0)) ||
                             self->current != block || block->kind != TPI_KIND_MESSAGE ||
                             block->state & TPI_BLOCK_LOOSE,
                         0))
        release_slow(self, block);
    self->current = NULL;
}

/* ---- the slice ---- */

static APART void start(tp_actor *self) {
    TPI_CHECK(!(self->flags & TPI_ACTOR_STARTED) && self->current == NULL);
    /* until init is over there is nothing to terminate: an init that fails cleans up itself */
    self->flags |= TPI_ACTOR_STARTED | TPI_ACTOR_TERMINATED;
    struct tpi_block *arguments = NULL;
    if (self->extra != NULL) {
        arguments = self->extra->arguments;
        self->extra->arguments = NULL;
    }
    self->current = arguments;
    tpi_capsule_begin(self, TPI_INPUT_START, arguments);
    if (self->flags & TPI_ACTOR_BODY) {
        tp_body body;
        memcpy(&body, self->inline_state, sizeof body);
        if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
        body(self, self->state);
        tpi_user_end(self);
        tpi_doom(self, (tp_reason){.code = TP_EXIT_NORMAL}, false);
        tpi_release_current(self);
        return;
    }
    if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
    if (self->behavior->init != NULL)
        self->behavior->init(self, self->state, (const tp_message *)arguments);
    tpi_user_end(self);
    self->flags &= ~(uint32_t)TPI_ACTOR_TERMINATED;
    if (arguments != NULL && arguments->kind == TPI_KIND_REQUEST)
        tpi_start_acknowledge(self, arguments);
    release_slow(self, arguments);
}

static bool needs_attention(const tp_actor *self) {
    return (self->flags & (TPI_ACTOR_DOOMED | TPI_ACTOR_OVER | TPI_ACTOR_HALTED)) != 0;
}

static RARELY bool fire_timeout(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_TIMEOUT || tpi_replays(self));
    if (!self->extra->timeout_fired) return false;
    tpi_timeout_cancel(self);
    if (self->flags & TPI_ACTOR_WATCHED) {
        tpi_sys_tell(self, TP_SYS_TIMEOUT, tp_pid_null(), NULL, NULL);
        tpi_capsule_begin(self, TPI_INPUT_TIMEOUT, NULL);
    }
    if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
    self->behavior->timeout(self, self->state);
    tpi_user_end(self);
    self->extra->behind = NULL;
    tpi_release_current(self);
    return true;
}

/* The next message, after another look at what has arrived; NULL when there is none. */
static ALWAYS struct tpi_block *next_or_fetch(tp_actor *self) {
    struct tpi_block *block = next_message(self);
    if (block != NULL || tpi_block_next(self->scan) == NULL) return block;
    tpi_fetch(self);
    return tpi_next_message(self);
}

/* For bounds that are exact: a message is off the account as soon as it is taken, and DROP_OLDEST
 * drops before it is handled. NULL: this very message was one too many. */
static RARELY struct tpi_block *count_exactly(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(self->flags & TPI_ACTOR_COUNTED);
    bool counted = !(block->flags & TPI_BLOCK_UNCOUNTED);
    int32_t length = tpi_mailbox_length(self);
    if (counted) tpi_credit_taken(self, 1);
    if (!counted || tpi_overflow(self) != TP_OVERFLOW_DROP_OLDEST || length <= tpi_limit(self))
        return block;
    tpi_count(&self->worker->counters.dropped, 1);
    tpi_finish_message(self, block);
    return NULL;
}

/* At the end of the budget: is another slice needed? */
static RARELY bool has_more(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    return self->tail != self->scan || tpi_block_next(self->scan) != NULL ||
           (self->extra != NULL && self->extra->retried != NULL) || self->flags & TPI_ACTOR_TIMEOUT;
}

/* Handlers, one after the other, in every case. False: nothing is left. */
static __attribute__((noinline)) bool run_handlers(tp_actor *self) {
    TPI_CHECK(!(self->flags & (TPI_ACTOR_DEAD | TPI_ACTOR_INBOX | TPI_ACTOR_SUSPENDED)));
    uint32_t budget = self->runtime->options.message_budget;
    uint32_t taken = 0;
    bool more = true;
    if (__builtin_expect(!(self->flags & TPI_ACTOR_STARTED), 0)) start(self);
    if (__builtin_expect(needs_attention(self), 0)) return true;
    do {
        struct tpi_block *block = next_or_fetch(self);
        if (block == NULL) {
            if (__builtin_expect(self->flags & TPI_ACTOR_TIMEOUT, 0) && fire_timeout(self))
                continue;
            more = false;
            break;
        }
        if (__builtin_expect(self->flags & TPI_ACTOR_COUNTED, 0)) {
            block = count_exactly(self, block);
            if (block == NULL) continue;
        } else {
            taken += !(block->flags & TPI_BLOCK_UNCOUNTED);
        }
        handle(self, block);
        if (--budget == 0) {
            more = has_more(self);
            break;
        }
        if (__builtin_expect(budget % FETCH_EVERY == 0, 0)) tpi_fetch(self);
    } while (__builtin_expect(!needs_attention(self), 1));
    /* a wake-up with one message needs no account: it found the mailbox idle, so it was not
     * counted */
    if (taken > 1 || tpi_has_waiters(self)) tpi_credit_taken(self, taken);
    if (self->flags & TPI_ACTOR_HOLDS && self->extra->retried == NULL)
        self->flags &= ~(uint32_t)TPI_ACTOR_HOLDS;
    return more;
}

/* What a slice of run_plain leaves to run_handlers, or to what comes after the slice. */
#define ATTENTION                                                                                  \
    (TPI_ACTOR_DOOMED | TPI_ACTOR_OVER | TPI_ACTOR_TIMEOUT | TPI_ACTOR_COUNTED | TPI_ACTOR_HOLDS | \
     TPI_ACTOR_CONTAINED | TPI_ACTOR_HALTED | TPI_ACTOR_WATCHED)
#define MARKS_AT offsetof(struct tpi_block, kind)
_Static_assert(offsetof(struct tpi_block, flags) == MARKS_AT + 1 &&
                   offsetof(struct tpi_block, state) == MARKS_AT + 3,
               "is_ordinary reads kind, flags and state at once");

/* A message without any mark: not a request, counted, its bytes in it, seen by nobody before. */
static inline bool is_ordinary(const struct tpi_block *block) {
    uint32_t marks;
    memcpy(&marks, (const uint8_t *)block + MARKS_AT, sizeof marks);
    return (marks & 0xff00ffffu) == TPI_KIND_MESSAGE;
}

/* One that has a mark. False: it was consumed before. */
static APART bool handle_marked(tp_actor *self, struct tpi_block *block, uint32_t *taken) {
    if (block->state & TPI_BLOCK_CONSUMED) return false;
    TPI_CHECK(block->kind <= TPI_KIND_REQUEST);
    if (block->state & TPI_BLOCK_REFUSED) tpi_refused_taken(self, block);
    block->state |= TPI_BLOCK_CONSUMED;
    *taken += !(block->flags & TPI_BLOCK_UNCOUNTED);
    handle(self, block);
    return true;
}

/* run_handlers for an actor that nothing special was asked of: the hot loop. Whatever turns up on
 * the way is left to run_handlers. */
static ALWAYS bool run_plain(tp_actor *self) {
    TPI_CHECK(self->fiber == NULL && (self->flags & TPI_ACTOR_STARTED) &&
              tpi_mailbox_is_sound(self));
    const tp_behavior *behavior = self->behavior;
    uint32_t budget = self->runtime->options.message_budget;
    uint32_t taken = 0;
    bool more = true;
    for (;;) {
        struct tpi_block *spent = self->tail;
        if (spent == self->scan) {
            if (tpi_block_next(spent) != NULL) fetch(self);
            if (__builtin_expect(self->flags & ATTENTION, 0)) break;
            if (spent == self->scan) {
                more = false;
                break;
            }
        }
        struct tpi_block *block = tpi_block_next(spent);
        self->tail = block;
        retire(self, spent);
        if (__builtin_expect(is_ordinary(block), 1)) {
            block->state = TPI_BLOCK_CONSUMED;
            taken++;
            self->current = block;
            self->handled++;
            tpi_count(&self->worker->counters.handled, 1);
            const tp_handler *handler = find_handler(behavior, block->type);
            if (__builtin_expect(handler != NULL, 1))
                handler->call(self, self->state, (const tp_message *)block);
            else handle_other(self, block);
            if (__builtin_expect(self->flags & TPI_ACTOR_HOLDS, 0)) release_slow(self, block);
        } else if (!handle_marked(self, block, &taken)) {
            continue;
        }
        if (--budget == 0) {
            more = has_more(self);
            break;
        }
        if (budget % FETCH_EVERY == 0) fetch(self);
        if (__builtin_expect(self->flags & ATTENTION, 0)) break;
    }
    self->current = NULL;
    bool attention = __builtin_expect(self->flags & ATTENTION, 0);
    /* else the mailbox is empty, and settle counts anew */
    if (more || attention) tpi_credit_taken(self, taken);
    if (attention && !needs_attention(self)) return run_handlers(self);
    return more;
}

static APART void after_slice(struct tpi_worker *worker, tp_actor *self, bool more) {
    TPI_CHECK(self->worker == worker && self->fiber == NULL);
    if (self->flags & TPI_ACTOR_DOOMED) {
        tpi_exit(worker, self);
        return;
    }
    if (worker->tracing) tpi_trace(self, TP_TRACE_PARK, tp_pid_null(), "", 0);
    if (self->flags & TPI_ACTOR_OVER) {
        tpi_suspend_between(self);
        if (self->flags & TPI_ACTOR_SUSPENDED) {
            tpi_settle(worker, self, false);
            return;
        }
        more = true;
    }
    if (self->flags & TPI_ACTOR_HALTED) more = true; /* the next slice is run_halted's */
    if (self->flags & TPI_ACTOR_TIMEOUT && !more) tpi_timeout_arm(self);
    if (more) tpi_worker_requeue(worker, &self->runnable);
    else tpi_settle(worker, self, false);
}

static void resume(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(self->fiber != NULL && self->worker == worker);
    struct tpi_fiber *fiber = self->fiber;
    self->fiber = NULL;
    tpi_worker_resume(worker, fiber);
    /* whoever is here now is a spare fiber's next user: nothing of `self` or `worker` holds */
}

static void run_blocked(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(self->fiber != NULL && self->worker == worker);
    if (self->flags & TPI_ACTOR_DOOMED) {
        struct tpi_fiber *fiber = self->fiber;
        self->fiber = NULL;
        if (self->extra != NULL && self->extra->waiting != NULL) {
            tpi_forsake(self, self->extra->waiting);
            self->extra->waiting = NULL; /* it was on that stack */
        }
        tpi_worker_drop(worker, fiber);
        tpi_exit(worker, self);
    } else if (tpi_wait_over(self)) {
        resume(worker, self);
    } else {
        tpi_settle(worker, self, true);
    }
}

/* Suspended by a system message: acts on such messages, which are found wherever they stand. */
static void run_halted(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_HALTED && self->current == NULL);
    struct tpi_block *block = NULL;
    while (self->flags & TPI_ACTOR_HALTED && !(self->flags & TPI_ACTOR_DOOMED) &&
           (block = tpi_sys_next(self)) != NULL) {
        tpi_count(&worker->counters.handled, 1);
        self->current = block;
        tpi_sys_handle(self, block);
        tpi_release_current(self);
        worker = self->worker; /* the actor's own code may have blocked */
        tpi_fetch(self);
    }
    if (self->flags & TPI_ACTOR_DOOMED) tpi_exit(worker, self);
    else if (self->flags & TPI_ACTOR_HALTED) tpi_settle(worker, self, true);
    else tpi_worker_requeue(worker, &self->runnable);
}

/* settle, when all that there was has been handled: the last block gives way to the stub and is
 * freed. */
static ALWAYS void settle_plain(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(self->worker == worker && tpi_is_owner(self) && self->current == NULL);
    struct tpi_block *last = self->scan, *stub = tpi_stub(self);
    if (__builtin_expect(last != self->tail || last == stub || tpi_has_waiters(self) ||
                             last->state & TPI_BLOCK_KEPT,
                         0)) {
        tpi_settle(worker, self, false);
        return;
    }
    if (tpi_credit_differs(self)) tpi_credit_agree(self);
    struct tpi_block *spent;
    tp_runtime *runtime = self->runtime;
    if (__builtin_expect(tpi_mailbox_idle(self, false, &spent), 1))
        tpi_block_drop(runtime, worker, spent);
    else tpi_worker_requeue(worker, &self->runnable);
}

/* The steps of a capsule, one after the other; nothing that arrives is looked at. */
static void run_replay(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(self->extra->capsule->replaying);
    struct tpi_capsule *capsule = self->extra->capsule;
    struct tpi_block *block;
    enum tpi_input_kind kind = TPI_INPUT_COUNT;
    while (!(self->flags & TPI_ACTOR_DOOMED) &&
           (kind = tpi_capsule_next(self, &block)) != TPI_INPUT_COUNT) {
        if (kind == TPI_INPUT_START) {
            self->extra->arguments = block;
            start(self);
        } else if (kind == TPI_INPUT_MESSAGE) {
            handle(self, block);
        } else if (self->behavior->timeout != NULL) {
            self->extra->timeout_fired = true;
            (void)fire_timeout(self);
        }
    }
    if (capsule->by_signal) tpi_doom(self, (tp_reason){capsule->code, capsule->detail}, true);
    else tpi_doom(self, (tp_reason){.code = TP_EXIT_NORMAL}, true);
    tpi_exit(worker, self);
}

/* Whatever is not the plain case: a started behaviour that nothing holds up. */
static APART void run_other(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_is_owner(tpi_actor_of(runnable)));
    tp_actor *self = tpi_actor_of(runnable);
    if (self->flags & TPI_ACTOR_DEAD) {
        tpi_drain(worker, self);
        return;
    }
    if (self->flags & (TPI_ACTOR_CONTAINED | TPI_ACTOR_WATCHED))
        worker->tracing = true; /* sends leave the plain way */
    if (worker->tracing) tpi_trace(self, TP_TRACE_RUN, tp_pid_null(), "", 0);
    if (self->flags & TPI_ACTOR_EXITING && self->fiber == NULL) {
        tpi_exit(worker, self);
        return;
    }
    if (tpi_replays(self)) {
        run_replay(worker, self);
        return;
    }
    tpi_fetch(self);
    if (self->fiber != NULL) {
        run_blocked(worker, self);
    } else if (self->flags & TPI_ACTOR_DOOMED) {
        tpi_exit(worker, self);
    } else if (self->flags & TPI_ACTOR_SUSPENDED) {
        tpi_settle(worker, self, false);
    } else if (self->flags & TPI_ACTOR_HALTED) {
        run_halted(worker, self);
    } else if (self->flags & TPI_ACTOR_INBOX) {
        if (tpi_inbox_run(worker, self)) tpi_settle(worker, self, false);
        else tpi_worker_requeue(worker, &self->runnable);
    } else if (!(self->flags & TPI_ACTOR_STARTED) && self->extra != NULL &&
               self->extra->stack_size != 0) {
        /* its frames need another stack: a fresh fiber of that size takes the loop over and runs
         * it */
        size_t size = self->extra->stack_size;
        self->extra->stack_size = 0;
        if (tpi_worker_enter(&worker, size, runnable) != TP_OK) {
            tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
            tpi_exit(worker, self);
        }
    } else {
        bool more = run_handlers(self);
        after_slice(self->worker, self, more);
    }
}

#define PLAIN_FLAGS (TPI_ACTOR_STARTED | TPI_ACTOR_TRAPS | TPI_ACTOR_TIMEOUT | TPI_ACTOR_COUNTED)

/* Another worker ran it last: its lines have to come from there (park.c counts that). */
static APART void move_in(tp_actor *self, struct tpi_worker *worker) {
    self->worker = worker;
    worker->moved_in++;
    if (!tpi_runnable_is_pinned(&self->runnable))
        tpi_runnable_settle(&self->runnable, worker->index);
}

static void run(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_worker_is_here(worker));
    tp_actor *self = tpi_actor_of(runnable);
    if (__builtin_expect(self->worker != worker, 0)) move_in(self, worker);
    if (__builtin_expect(self->fiber != NULL || (self->flags & ~(uint32_t)PLAIN_FLAGS) != 0 ||
                             !(self->flags & TPI_ACTOR_STARTED),
                         0)) {
        run_other(worker, runnable);
        return;
    }
    if (__builtin_expect(worker->tracing, 0)) tpi_trace(self, TP_TRACE_RUN, tp_pid_null(), "", 0);
    fetch(self);
    bool more = self->flags & ATTENTION || worker->tracing ? run_handlers(self) : run_plain(self);
    worker = self->worker;
    if (__builtin_expect(
            more || worker->tracing || needs_attention(self) || self->flags & TPI_ACTOR_TIMEOUT, 0))
        after_slice(worker, self, more);
    else settle_plain(worker, self);
}

static void escaped(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_is_owner(tpi_actor_of(runnable)));
    tp_actor *self = tpi_actor_of(runnable);
    TPI_ASSERT(self->worker == worker);
    tpi_user_end(self);
    if (self->flags & TPI_ACTOR_FAULTED) self->runtime->hooks.faulted(self->runtime, self);
    if (self->extra != NULL) self->extra->waiting = NULL; /* its frame is gone */
    tpi_exit(worker, self);
}

static unsigned place(struct tpi_scheduler *scheduler, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_runnable_is_pinned(runnable));
    tp_actor *self = tpi_actor_of(runnable);
    unsigned home = tpi_runnable_home(runnable);
    if (self->flags & TPI_ACTOR_DEDICATED || self->extra == NULL) return home;
    uint64_t mask = self->extra->workers;
    for (unsigned i = 1; i <= scheduler->count; i++) {
        unsigned index = (home + i) % scheduler->count;
        if (index < 64 && mask >> index & 1) return index;
    }
    return home;
}

static void ready(struct tpi_scheduler *scheduler, struct tpi_worker *worker, uint64_t token,
                  unsigned events) {
    tp_runtime *runtime = scheduler->system;
    if (runtime->hooks.ready != NULL) runtime->hooks.ready(runtime, worker, token, events);
}

static void thread(struct tpi_worker *worker, bool begins) {
    tp_runtime *runtime = worker->system;
    if (runtime->hooks.thread != NULL) runtime->hooks.thread(runtime, worker, begins);
}

static void stuck(struct tpi_worker *worker, uint64_t slice, tp_duration span) {
    tp_runtime *runtime = worker->system;
    if (runtime->hooks.stuck != NULL) runtime->hooks.stuck(runtime, worker, slice, span);
}

const struct tpi_runnable_ops tpi_actor_ops = {
    .thread = thread,
    .run = run,
    .escaped = escaped,
    .place = place,
    .ready = ready,
    .stuck = stuck,
};
