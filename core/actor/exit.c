/*
 * The end of an actor: terminate, release what it owns, free the name, only then exit and down
 * signals; then the mailbox is emptied, each sender answered as by a dead actor, and the slot is
 * free.
 *
 * Every step leaves the actor in a state from which tpi_exit can be called again: terminate may
 * block, escape or be killed, and memory may run out while the signals are made.
 */
#include <stdio.h>
#include <string.h>

#include "core/actor/inner.h"
#include "core/actor/capsule.h"
#include "core/actor/mailbox.h"

const char *tp_exit_code_name(int32_t code) {
    static const char *const names[] = {"normal", "shutdown",     "kill",   "killed",
                                        "noproc", "noconnection", "failed", "overflow",
                                        "badmsg", "nomem",        "fault",  "process"};
    if (code >= 0 && (size_t)code < sizeof names / sizeof names[0]) return names[code];
    return code >= TP_EXIT_USER ? "user" : "unknown";
}

bool tp_reason_equal(tp_reason a, tp_reason b) {
    return a.code == b.code && a.detail.size == b.detail.size &&
           (a.detail.size == 0 || memcmp(a.detail.data, b.detail.data, a.detail.size) == 0);
}

static void set_detail(tp_actor *actor, tp_bin detail) {
    TPI_CHECK(actor->extra != NULL && (detail.data != NULL || detail.size == 0));
    struct tpi_extra *extra = actor->extra;
    struct tpi_memory *memory = tpi_runtime_of(actor->worker)->memory;
    if (extra->reason_detail != NULL)
        tpi_heap_free(memory, extra->reason_detail, extra->reason_size);
    extra->reason_detail = NULL;
    extra->reason_size = 0;
    if (detail.size == 0 || detail.size > TP_MESSAGE_SIZE_MAX) return;
    extra->reason_detail = tpi_heap_alloc(memory, detail.size);
    if (extra->reason_detail == NULL) return; /* the code says enough */
    memcpy(extra->reason_detail, detail.data, detail.size);
    extra->reason_size = (uint32_t)detail.size;
}

void tpi_doom(tp_actor *actor, tp_reason reason, bool killed) {
    TPI_CHECK(tpi_is_owner(actor) && !(actor->flags & TPI_ACTOR_DEAD));
    bool kill = reason.code == TP_EXIT_KILLED && killed;
    if (actor->flags & TPI_ACTOR_KILLED)
        return; /* the first signal decides; nothing to cut short */
    if (actor->flags & TPI_ACTOR_RELEASED) return; /* others are being told why it ended */
    if (actor->flags & (TPI_ACTOR_DOOMED | TPI_ACTOR_EXITING) && !kill) return;
    actor->flags |= TPI_ACTOR_DOOMED | (killed ? (uint32_t)TPI_ACTOR_KILLED : 0u);
    if (reason.code == TP_EXIT_NORMAL && actor->extra == NULL) return; /* the default of no extra */
    if (tpi_extra(actor) == NULL) return; /* out of memory: seen as normal; logged by the exit */
    actor->extra->reason_code = reason.code;
    set_detail(actor, reason.detail);
}

static tp_reason reason_of(const tp_actor *actor) {
    const struct tpi_extra *extra = actor->extra;
    if (extra == NULL) return (tp_reason){.code = TP_EXIT_NORMAL};
    return (tp_reason){extra->reason_code, {extra->reason_detail, extra->reason_size}};
}

/* ---- by its own will ---- */

void tp_exit_with(tp_actor *self, tp_reason reason) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self) && !(self->flags & TPI_ACTOR_DEAD));
    struct tpi_capsule *capsule = tpi_capsule_of(self);
    if (capsule != NULL) capsule->by_itself = true;
    tpi_doom(self, reason, false);
    tpi_worker_escape(self->worker);
}

void tpi_exit_quietly(tp_actor *self, tp_reason reason) {
    self->flags |= TPI_ACTOR_QUIET;
    tp_exit_with(self, reason);
}

void tp_exit(tp_actor *self, int32_t code) {
    tp_exit_with(self, (tp_reason){.code = code});
}

static void look_back(tp_actor *self, const void *frame) {
    TPI_INSIDE(self);
    if (self->runtime->hooks.failing != NULL)
        self->runtime->hooks.failing(self->runtime, self, frame);
}

void tp_fail(tp_actor *self, const char *format, ...) {
    char text[513];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size < 0) size = 0;
    if ((size_t)size >= sizeof text) size = sizeof text - 1;
    look_back(self, __builtin_frame_address(0));
    tp_exit_with(self, (tp_reason){TP_EXIT_FAILED, {text, (size_t)size}});
}

void tp_exit_status(tp_actor *self, int status) {
    if (self->extra != NULL && self->extra->status != NULL) *self->extra->status = status;
}

/* ---- the steps ---- */

static void call_terminate(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_EXITING);
    if (self->flags &
            (TPI_ACTOR_TERMINATED | TPI_ACTOR_KILLED | TPI_ACTOR_BODY | TPI_ACTOR_INBOX) ||
        self->behavior->terminate == NULL || !(self->flags & TPI_ACTOR_STARTED))
        return;
    self->flags |= TPI_ACTOR_TERMINATED;
    tp_reason reason = reason_of(self);
    if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
    self->behavior->terminate(self, self->state, &reason);
    tpi_user_end(self);
}

static void free_chain(tp_actor *self, struct tpi_block **first) {
    while (*first != NULL) {
        struct tpi_block *block = *first;
        *first = tpi_block_next(block);
        tpi_block_free(tpi_runtime_of(self->worker), self->worker, block);
    }
}

/* Owned things, timers, name, groups: before anyone hears of the end. */
static void release(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_RELEASED && self->fiber == NULL);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_extra *extra = self->extra;
    if (self->flags & TPI_ACTOR_INBOX) tpi_inbox_closed(runtime, self);
    if (extra != NULL) tpi_owned_release_all(self);
    /* one that was given to it needs no record of its own */
    if (runtime->hooks.sockets_closed != NULL) runtime->hooks.sockets_closed(runtime, self);
    if (extra == NULL) return;
    tpi_timers_cancel_all(self);
    if (extra->groups > 0) runtime->hooks.groups_left(runtime, self);
    if (extra->name != NULL) runtime->hooks.name_released(runtime, self);
}

static void report_exit(tp_actor *self, tp_reason reason) {
    TPI_CHECK(tpi_is_owner(self));
    if (reason.code == TP_EXIT_NORMAL || reason.code == TP_EXIT_SHUTDOWN ||
        reason.code == TP_EXIT_KILLED || self->flags & TPI_ACTOR_QUIET ||
        (reason.code == TP_EXIT_PROCESS && !(self->flags & TPI_ACTOR_ISOLATED)))
        return;
    tpi_count(&self->worker->counters.failed, 1);
    if (self->runtime->hooks.crashed != NULL)
        self->runtime->hooks.crashed(self->runtime, self, reason);
}

/* After this no sender finds it; what is on its way will be answered by the drain. */
static void unpublish(tp_actor *self) {
    TPI_CHECK(self->extra == NULL || self->extra->name == NULL); /* the name goes first */
    /* release: partner is the acquire in tpi_find; a sender that still sees ALIVE pushes to a
     * mailbox that is emptied below. An exchange: abandon (abandon.c) may come at the same time */
    uint64_t was = atomic_exchange_explicit(&self->identity, (uint64_t)self->generation << 32,
                                            memory_order_release);
    if (was & TPI_IDENTITY_ALIVE) return;
    /* relaxed: a number that orders nothing */
    atomic_fetch_sub_explicit(&self->runtime->abandoned, 1, memory_order_relaxed);
}

static void free_state(tp_actor *self) {
    TPI_CHECK(self->state_size <= TPI_STATE_INLINE || self->state != self->inline_state);
    if (self->state_size > TPI_STATE_INLINE) tpi_actor_free(self, self->state);
    self->state = NULL;
    self->state_size = 0;
}

static void finish(tp_actor *self, tp_reason reason) {
    TPI_CHECK(self->flags & TPI_ACTOR_RELEASED);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    tpi_requests_abandon(self, reason);
    tpi_credit_release_all(self);
    if (self->extra != NULL) {
        tpi_pending_free_all(self);
        tpi_release_held(self);
        free_chain(self, &self->extra->postponed);
        free_chain(self, &self->extra->retried);
        free_chain(self, &self->extra->arguments);
    }
    if (self->flags & TPI_ACTOR_DEDICATED)
        tpi_scheduler_undedicate(runtime->scheduler, tpi_runnable_home(&self->runnable));
    tpi_count(&self->worker->counters.exited, 1);
    /* acquire: partner is the release store in tpi_runtime_shutdown */
    if (atomic_load_explicit(&runtime->stopping, memory_order_acquire) != 0) {
        /* release: partner is the stopper's load; it then sums counters, which orders nothing */
        atomic_fetch_add_explicit(&runtime->exits, 1, memory_order_release);
        tpi_futex_wake(&runtime->exits, 1);
    }
}

void tpi_exit(struct tpi_worker *worker, tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && !(self->flags & TPI_ACTOR_DEAD));
    TPI_ASSERT(self->worker == worker);
    TPI_ASSERT(self->fiber == NULL);
    self->flags |= TPI_ACTOR_EXITING;
    /* what it waited for is over: terminate may wait for something else */
    self->flags &= ~(uint32_t)(TPI_ACTOR_DOOMED | TPI_ACTOR_OVER | TPI_ACTOR_SUSPENDED |
                               TPI_ACTOR_TURN | TPI_ACTOR_HALTED);
    if (self->extra != NULL) tpi_deadline_cancel(self, &self->extra->wait_deadline);
    tpi_wait_end(self);
    call_terminate(self);
    worker = self->worker;
    tp_reason reason = reason_of(self);
    if (!(self->flags & TPI_ACTOR_RELEASED)) {
        self->flags |= TPI_ACTOR_RELEASED;
        tpi_fetch(self); /* links and monitors that have arrived hear the reason, not `noproc` */
        if (tpi_replays(self)) tpi_capsule_ended(self, reason);
        report_exit(self, reason);
        release(self);
        unpublish(self);
        if (self->runtime->hooks.sockets_closed != NULL)
            self->runtime->hooks.sockets_closed(self->runtime, self);
        if (worker->tracing) tpi_trace(self, TP_TRACE_EXIT, tp_pid_null(), "", reason.code);
    }
    if (self->runtime->hooks.left != NULL) self->runtime->hooks.left(self->runtime, self, reason);
    if (!tpi_signal_goodbye(self, reason)) {
        tpi_worker_requeue(worker, &self->runnable); /* memory comes back when others free some */
        return;
    }
    finish(self, reason);
    tpi_extra_free(self);
    free_state(self);
    self->flags = TPI_ACTOR_DEAD;
    tpi_drain(worker, self);
}

/* ---- afterwards ---- */

/* Takes the first block out of a dead actor's chain; NULL when nothing is left to take now. */
static struct tpi_block *drain_one(struct tpi_worker *worker, tp_actor *actor) {
    TPI_CHECK(actor->flags & TPI_ACTOR_DEAD);
    tp_runtime *runtime = tpi_runtime_of(worker);
    for (;;) {
        struct tpi_block *block = tpi_block_next(actor->tail);
        if (block == NULL) return NULL;
        if (block->state & TPI_BLOCK_CONSUMED) {
            struct tpi_block *spent = actor->tail;
            actor->tail = block;
            if (spent != tpi_stub(actor)) tpi_block_free(runtime, worker, spent);
            continue;
        }
        actor->scan = actor->tail;
        /* NULL: a producer is in the gap behind it, and the drain comes back for it */
        return tpi_mailbox_unlink(actor, actor->tail, block) ? block : NULL;
    }
}

void tpi_drain(struct tpi_worker *worker, tp_actor *actor) {
    TPI_CHECK(actor->flags & TPI_ACTOR_DEAD && actor->extra == NULL && actor->fiber == NULL);
    TPI_CHECK(tpi_worker_is_here(worker));
    tp_runtime *runtime = tpi_runtime_of(worker);
    struct tpi_block *block, *spent;
    actor->worker = worker;
    actor->refused = NULL;
    while ((block = drain_one(worker, actor)) != NULL) {
        tp_pid dead = {runtime->node, tpi_slot_of(actor), block->to_generation};
        tpi_deliver_dead(runtime, worker, dead, block);
    }
    actor->scan = actor->tail;
    /* listed is decided before the right to run is given up: the list's owner is this worker */
    bool list = !(actor->flags & TPI_ACTOR_LISTED);
    bool retired = actor->generation == UINT32_MAX;
    actor->flags |= TPI_ACTOR_LISTED;
    if (!tpi_mailbox_idle(actor, false, &spent)) {
        if (list) actor->flags &= ~(uint32_t)TPI_ACTOR_LISTED;
        tpi_worker_requeue(worker, &actor->runnable);
        return;
    }
    if (spent != NULL) tpi_block_free(runtime, worker, spent);
    if (list && !retired) tpi_slot_give(runtime, worker, actor);
}
