/*
 * Timers of actors: deadlines of blocking calls, messages that come later, the timeout of a
 * behaviour.
 *
 * A timer's block is made when it is armed, so that firing cannot fail. It fires on whatever worker
 * its wheel belongs to, under the wheel's lock; its record belongs to its actor and outlives the
 * firing.
 */
#include <string.h>

#include <troupe/timer.h>

#include "core/actor/mailbox.h"

struct tpi_deadline {
    struct tpi_timer timer;
    struct tpi_block *block;
    tp_pid to;
    tp_runtime *runtime;
    tp_ref ref;
    uint16_t owner; /* the pool it came from */
};

#define DEADLINE_CLASS tpi_class_of(sizeof(struct tpi_deadline))

static void fire(struct tpi_timer *timer, void *worker) {
    struct tpi_deadline *deadline = TPI_CONTAINER_OF(timer, struct tpi_deadline, timer);
    struct tpi_block *block = deadline->block;
    deadline->block = NULL;
    tpi_deliver(deadline->runtime, worker, deadline->to, block);
}

static tp_time deadline_at(tp_actor *self, tp_duration span) {
    tp_time now = tpi_scheduler_now(self->worker->scheduler);
    if (span < 0) span = 0;
    return span > TP_FOREVER - now - 1 ? TP_FOREVER - 1 : now + span;
}

/* Takes the block in every case. */
static struct tpi_deadline *arm(tp_actor *self, tp_duration span, tp_pid to, tp_ref ref,
                                struct tpi_block *block) {
    struct tpi_worker *worker = self->worker;
    tp_runtime *runtime = tpi_runtime_of(worker);
    struct tpi_deadline *deadline = tpi_pool_take(worker->pool, DEADLINE_CLASS);
    if (deadline == NULL) {
        tpi_block_free(runtime, worker, block);
        return NULL;
    }
    *deadline = (struct tpi_deadline){.timer = {.fire = fire},
                                      .block = block,
                                      .to = to,
                                      .runtime = runtime,
                                      .ref = ref,
                                      .owner = worker->pool->index};
    tpi_timer_arm(&worker->wheel, &deadline->timer, deadline_at(self, span));
    return deadline;
}

static void free_deadline(tp_actor *self, struct tpi_deadline *deadline) {
    if (deadline->block != NULL) tpi_block_free(deadline->runtime, self->worker, deadline->block);
    tpi_pool_give(self->worker->pool, deadline, DEADLINE_CLASS, deadline->owner);
}

struct tpi_deadline *tpi_deadline_arm(tp_actor *self, tp_duration span, tp_ref ref) {
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block = tpi_block_new(runtime, self->worker, TPI_KIND_TIMEOUT, 0);
    if (block == NULL) return NULL;
    block->ref = ref;
    return arm(self, span, tpi_pid_of(runtime, self), ref, block);
}

void tpi_deadline_cancel(tp_actor *self, struct tpi_deadline **deadline) {
    if (*deadline == NULL) return;
    tpi_timer_cancel(&(*deadline)->timer);
    free_deadline(self, *deadline);
    *deadline = NULL;
}

/* ---- messages that come later ---- */

/* Fired timers whose message went to another actor are found when their number has doubled. */
static void sweep(tp_actor *self) {
    struct tpi_extra *extra = self->extra;
    if (tpi_map_count(&extra->timers) < extra->timer_sweep) return;
    tp_ref fired[64];
    size_t count, cursor;
    do {
        uint64_t ref, unused;
        void *value;
        count = cursor = 0;
        while (count < 64 && tpi_map_next(&extra->timers, &cursor, &ref, &unused, &value))
            if (!tpi_timer_armed(&((struct tpi_deadline *)value)->timer)) fired[count++] = ref;
        for (size_t i = 0; i < count; i++)
            free_deadline(self, tpi_map_remove(&extra->timers, fired[i], 0));
    } while (count == 64);
    extra->timer_sweep = (uint32_t)tpi_map_count(&extra->timers) * 2 + 64;
}

tp_ref tp_send_after_value(tp_actor *self, tp_duration delay, tp_pid to,
                           const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_extra *extra = tpi_extra(self);
    tpi_set_error(self, TP_ENOMEM);
    if (extra == NULL) return 0;
    sweep(self);
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    if (block == NULL) {
        tpi_set_error(self, tpi_encode_error(type, value));
        return 0;
    }
    tp_ref ref = tpi_ref_new(self);
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    block->flags = TPI_BLOCK_TIMER | TPI_BLOCK_UNCOUNTED;
    block->ref = ref;
    struct tpi_deadline *deadline = arm(self, delay, to, ref, block);
    if (deadline == NULL) return 0;
    if (tpi_map_put(&extra->timers, ref, 0, deadline) != TP_OK) {
        tpi_deadline_cancel(self, &deadline);
        return 0;
    }
    tpi_set_error(self, TP_OK);
    return ref;
}

bool tp_cancel_timer(tp_actor *self, tp_ref timer) {
    TPI_INSIDE(self);
    if (self->extra == NULL) return false;
    struct tpi_deadline *deadline = tpi_map_remove(&self->extra->timers, timer, 0);
    if (deadline == NULL) return false;
    bool armed = tpi_timer_cancel(&deadline->timer);
    free_deadline(self, deadline);
    return armed;
}

void tpi_timer_arrived(tp_actor *self, tp_ref ref) {
    struct tpi_deadline *deadline = tpi_map_remove(&self->extra->timers, ref, 0);
    if (deadline == NULL) return;
    tpi_timer_cancel(&deadline->timer); /* waits for the firing to be over */
    free_deadline(self, deadline);
}

void tpi_timers_cancel_all(tp_actor *self) {
    struct tpi_extra *extra = self->extra;
    uint64_t ref, unused;
    void *value;
    size_t cursor = 0;
    while (tpi_map_next(&extra->timers, &cursor, &ref, &unused, &value)) {
        struct tpi_deadline *deadline = value;
        tpi_timer_cancel(&deadline->timer);
        free_deadline(self, deadline);
    }
    tpi_map_fini(&extra->timers);
    tpi_deadline_cancel(self, &extra->wait_deadline);
    tpi_deadline_cancel(self, &extra->timeout);
}

/* ---- time as such ---- */

tp_time tp_now(tp_actor *self) {
    return tpi_scheduler_now(self->worker->scheduler);
}

tp_err tp_sleep(tp_actor *self, tp_duration span) {
    TPI_INSIDE(self);
    struct tpi_waiting waiting = {.kind = TPI_WAIT_TIME};
    if (span <= 0) {
        tp_yield(self);
        return TP_OK;
    }
    return tpi_wait(self, &waiting, span);
}

void tp_work(tp_actor *self, tp_duration span) {
    TPI_INSIDE(self);
    struct tpi_scheduler *scheduler = self->worker->scheduler;
    if (span <= 0) return;
    if (self->worker->tracing) tpi_trace(self, TP_TRACE_WORK, tp_pid_null(), "", span);
    if (scheduler->driver->work != NULL) {
        scheduler->driver->work(scheduler->driver->context, self->worker, span);
        (void)tpi_take_turns(self);
        return;
    }
    tp_time until = deadline_at(self, span);
    while (tpi_scheduler_now(scheduler) < until)
        for (int i = 0; i < 64; i++) tpi_cpu_relax();
}

void tp_yield(tp_actor *self) {
    TPI_INSIDE(self);
    (void)tpi_take_turns(self);
}

/* ---- timeouts ---- */

void tpi_timeout_arrived(tp_actor *self, tp_ref ref) {
    struct tpi_extra *extra = self->extra;
    if (extra == NULL) return;
    if (extra->waiting != NULL && extra->wait_deadline != NULL && extra->wait_ref == ref) {
        if (extra->waiting->done) return; /* it has its message, and must not lose it */
        extra->waiting->timed_out = true;
        extra->waiting->done = true;
    } else if (extra->timeout != NULL && extra->timeout_ref == ref) {
        extra->timeout_fired = true;
    }
}

tp_err tp_set_timeout(tp_actor *self, tp_duration span) {
    TPI_INSIDE(self);
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL) return TP_ENOMEM;
    if (self->flags & TPI_ACTOR_BODY || self->behavior->timeout == NULL) return TP_EINVAL;
    tpi_timeout_cancel(self);
    if (span == TP_FOREVER) return TP_OK;
    extra->timeout_span = span < 0 ? 0 : span;
    self->flags |= TPI_ACTOR_TIMEOUT;
    return TP_OK;
}

void tpi_timeout_cancel(tp_actor *self) {
    tpi_deadline_cancel(self, &self->extra->timeout);
    self->extra->timeout_fired = false;
    self->flags &= ~(uint32_t)TPI_ACTOR_TIMEOUT;
}

void tpi_timeout_arm(tp_actor *self) {
    struct tpi_extra *extra = self->extra;
    if (extra->timeout != NULL || extra->timeout_fired) return;
    extra->timeout_ref = tpi_ref_new(self);
    extra->timeout = tpi_deadline_arm(self, extra->timeout_span, extra->timeout_ref);
    if (extra->timeout == NULL) tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
}
