/*
 * Waiting: how an actor leaves its worker, and when it may come back.
 *
 * A blocked actor keeps its fiber. Its slices only fetch (run.c); when its wait is over the next
 * one goes on with that fiber.
 */
#include "core/actor/blocked.h"
#include "core/actor/capsule.h"
#include "core/actor/mailbox.h"

/* DROP_OLDEST: what is beyond the limit goes, from the front; what was postponed is no part of
 * it. */
static void drop_oldest(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_COUNTED);
    if (tpi_overflow(self) != TP_OVERFLOW_DROP_OLDEST) return;
    self->extra->behind = NULL;
    while (tpi_mailbox_length(self) > tpi_limit(self)) {
        struct tpi_block *block = tpi_next_queued(self);
        if (block == NULL) return;
        tpi_count(&self->worker->counters.dropped, 1);
        if (!(block->flags & TPI_BLOCK_UNCOUNTED)) tpi_credit_taken(self, 1);
        tpi_finish_message(self, block);
    }
}

bool tpi_wait_over(tp_actor *self) {
    TPI_CHECK(self->extra != NULL || self->flags & TPI_ACTOR_TURN);
    if (self->flags & TPI_ACTOR_TURN) return true;
    struct tpi_waiting *waiting = self->extra->waiting;
    TPI_ASSERT(waiting != NULL);
    if (!waiting->done && waiting->kind == TPI_WAIT_MESSAGE) tpi_receive_scan(self, waiting);
    return waiting->done;
}

void tpi_settle(struct tpi_worker *worker, tp_actor *self, bool keep) {
    TPI_CHECK(self->worker == worker && tpi_is_owner(self));
    TPI_CHECK(tpi_mailbox_is_sound(self));
    struct tpi_block *spent;
    tp_runtime *runtime = self->runtime;
    if (self->tail == self->scan) tpi_credit_empty(self);
    if (self->tail != tpi_stub(self) && self->tail->state & TPI_BLOCK_KEPT) keep = true;
    if (!tpi_mailbox_idle(self, keep, &spent)) {
        tpi_worker_requeue(worker, &self->runnable);
        return;
    }
    if (spent != NULL) tpi_block_drop(runtime, worker, spent);
}

/* The actor has left its fiber; from here on another worker may resume it. */
static void after_block(struct tpi_worker *worker, void *arg) {
    TPI_CHECK(((tp_actor *)arg)->worker == worker && ((tp_actor *)arg)->fiber != NULL);
    tp_actor *self = arg;
    tpi_fetch(self);
    if (self->flags & (TPI_ACTOR_DOOMED | TPI_ACTOR_TURN) || tpi_wait_over(self)) {
        tpi_worker_requeue(worker, &self->runnable);
        return;
    }
    tpi_settle(worker, self, true);
}

static tp_err leave_fiber(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && self->fiber == NULL);
    struct tpi_worker *worker = self->worker;
    if (worker->tracing) tpi_trace(self, TP_TRACE_PARK, tp_pid_null(), "", 0);
    tp_err err = tpi_worker_suspend(&worker, &self->fiber, after_block, self);
    if (err != TP_OK) return err;
    TPI_ASSERT(self->worker == worker);
    TPI_ASSERT(self->fiber == NULL);
    /* release: as in run_one (worker.c) */
    atomic_store_explicit(&worker->running, &self->runnable, memory_order_release);
    return TP_OK;
}

static void leave_if_doomed(tp_actor *self) {
    if (self->flags & TPI_ACTOR_DOOMED) tpi_worker_escape(self->worker);
}

void tpi_forsake(tp_actor *self, struct tpi_waiting *waiting) {
    TPI_CHECK(self->flags & TPI_ACTOR_DOOMED);
    struct tpi_block *block = waiting->block;
    waiting->block = NULL;
    if (block == NULL) return;
    tpi_deliver_dead(self->runtime, self->worker, tpi_pid_of(self->runtime, self), block);
}

tp_err tpi_wait(tp_actor *self, struct tpi_waiting *waiting, tp_duration timeout) {
    TPI_CHECK(tpi_is_owner(self) && waiting->kind != TPI_WAIT_NONE && waiting->block == NULL);
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL) return TP_ENOMEM;
    if (tpi_replays(self)) return tpi_capsule_wait(self, waiting);
    TPI_ASSERT(extra->waiting == NULL);
    extra->waiting = waiting;
    tpi_fetch(self);
    if (tpi_overflow(self) == TP_OVERFLOW_DROP_OLDEST && self->flags & TPI_ACTOR_BODY)
        drop_oldest(self);
    if (!waiting->done && waiting->kind == TPI_WAIT_MESSAGE) tpi_receive_scan(self, waiting);
    tp_err err = TP_OK;
    if (!waiting->done && timeout <= 0) waiting->done = waiting->timed_out = true;
    if (!waiting->done && timeout != TP_FOREVER) {
        extra->wait_ref = tpi_ref_inside(self);
        extra->wait_deadline = tpi_deadline_arm(self, timeout, extra->wait_ref);
        if (extra->wait_deadline == NULL) err = TP_ENOMEM;
    }
    if (waiting->kind == TPI_WAIT_MESSAGE && !waiting->done) tpi_credit_release_all(self);
    while (err == TP_OK && !waiting->done && !(self->flags & TPI_ACTOR_DOOMED))
        err = leave_fiber(self);
    tpi_deadline_cancel(self, &extra->wait_deadline);
    extra->waiting = NULL;
    if (self->flags & TPI_ACTOR_DOOMED) tpi_forsake(self, waiting);
    leave_if_doomed(self);
    tpi_capsule_waited(self, waiting, err);
    if (err == TP_OK) tpi_credit_check(self);
    return err;
}

tp_err tpi_take_turns(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && !(self->flags & TPI_ACTOR_TURN));
    if (tpi_replays(self)) return TP_OK;
    self->flags |= TPI_ACTOR_TURN;
    tp_err err = leave_fiber(self);
    self->flags &= ~(uint32_t)TPI_ACTOR_TURN;
    leave_if_doomed(self);
    return err;
}
