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

#include "core/actor/capsule.h"
#include "core/actor/mailbox.h"

struct tpi_deadline {
    struct tpi_timer timer;  /* its `mark` is the slot it is for, `owner` the pool it came from */
    struct tpi_block *block; /* NULL once it has fired */
    uint64_t node;           /* of the pid it is for; the block has the generation */
};
_Static_assert(sizeof(struct tpi_deadline) <= 64, "a timer takes one line");

#define DEADLINE_CLASS tpi_class_of(sizeof(struct tpi_deadline))

static void fire(struct tpi_timer *timer, void *worker) {
    TPI_CHECK(TPI_CONTAINER_OF(timer, struct tpi_deadline, timer)->block != NULL);
    struct tpi_deadline *deadline = TPI_CONTAINER_OF(timer, struct tpi_deadline, timer);
    struct tpi_block *block = deadline->block;
    deadline->block = NULL;
    tp_pid to = {deadline->node, timer->mark, block->to_generation};
    tpi_deliver(tpi_runtime_of(worker), worker, to, block);
}

static tp_time deadline_at(tp_actor *self, tp_duration span) {
    TPI_CHECK(tpi_is_owner(self));
    tp_time now = tpi_scheduler_now(self->worker->scheduler);
    if (span < 0) span = 0;
    return span > TP_FOREVER - now - 1 ? TP_FOREVER - 1 : now + span;
}

/* Takes the block in every case. */
static struct tpi_deadline *arm(tp_actor *self, tp_duration span, tp_pid to,
                                struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && tpi_block_is_sound(block));
    struct tpi_worker *worker = self->worker;
    struct tpi_deadline *deadline = tpi_pool_take(worker->pool, DEADLINE_CLASS);
    if (deadline == NULL) {
        tpi_block_free(self->runtime, worker, block);
        return NULL;
    }
    block->to_generation = to.generation;
    *deadline = (struct tpi_deadline){
        .timer = {.fire = fire, .mark = to.slot, .owner = worker->pool->index},
        .block = block,
        .node = to.node};
    tpi_timer_arm(&worker->wheel, &deadline->timer, deadline_at(self, span));
    return deadline;
}

static void free_deadline(tp_actor *self, struct tpi_deadline *deadline) {
    TPI_CHECK(!tpi_timer_armed(&deadline->timer));
    if (deadline->block != NULL) tpi_block_free(self->runtime, self->worker, deadline->block);
    tpi_pool_give(self->worker->pool, deadline, DEADLINE_CLASS, deadline->timer.owner);
}

struct tpi_deadline *tpi_deadline_arm(tp_actor *self, tp_duration span, tp_ref ref) {
    TPI_CHECK(ref != 0);
    tp_runtime *runtime = tpi_runtime_of(self->worker);
    struct tpi_block *block = tpi_block_new(runtime, self->worker, TPI_KIND_TIMEOUT, 0);
    if (block == NULL) return NULL;
    block->ref = ref;
    return arm(self, span, tpi_pid_of(runtime, self), block);
}

void tpi_deadline_cancel(tp_actor *self, struct tpi_deadline **deadline) {
    TPI_CHECK(tpi_is_owner(self));
    if (*deadline == NULL) return;
    tpi_timer_cancel(&(*deadline)->timer);
    free_deadline(self, *deadline);
    *deadline = NULL;
}

/* ---- messages that come later ---- */

/*
 * An actor's timers stand in a table of its own. A ref is the place in it and 1, a sequence number,
 * and a mark that no other kind of reference has: so it is found without a search, and a stale or
 * foreign one is told from the place's present ref.
 */
#define TIMER_REF ((tp_ref)1 << 63)
#define SEQUENCE_MASK 0x7fffffffu
#define PLACES_MIN 16u

struct tpi_timer_place {
    struct tpi_deadline *deadline; /* NULL: the place is free */
    union {
        tp_ref ref;
        uint32_t next_free; /* and 1; 0: the last */
    };
};

static struct tpi_timer_place *find_timer(tp_actor *self, tp_ref ref) {
    struct tpi_extra *extra = self->extra;
    uint32_t index = (uint32_t)ref;
    if (extra == NULL || index == 0 || index > extra->timer_capacity) return NULL;
    struct tpi_timer_place *place = &extra->timers[index - 1];
    return place->deadline != NULL && place->ref == ref ? place : NULL;
}

static void give_place(struct tpi_extra *extra, struct tpi_timer_place *place) {
    TPI_CHECK(place >= extra->timers && place < extra->timers + extra->timer_capacity);
    place->deadline = NULL;
    place->next_free = extra->timer_free;
    extra->timer_free = (uint32_t)(place - extra->timers) + 1;
}

static void free_place(tp_actor *self, struct tpi_timer_place *place) {
    TPI_CHECK(place->deadline != NULL);
    free_deadline(self, place->deadline);
    give_place(self->extra, place);
}

/* Frees the places of timers that have fired, whose message went to another actor. */
static uint32_t sweep(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = self->extra;
    uint32_t freed = 0;
    for (uint32_t i = 0; i < extra->timer_capacity; i++) {
        struct tpi_timer_place *place = &extra->timers[i];
        if (place->deadline == NULL || tpi_timer_armed(&place->deadline->timer)) continue;
        free_place(self, place);
        freed++;
    }
    return freed;
}

static bool grow_places(tp_actor *self) {
    TPI_CHECK(self->extra->timer_free == 0);
    struct tpi_extra *extra = self->extra;
    struct tpi_memory *memory = self->runtime->memory;
    uint32_t before = extra->timer_capacity, after = before == 0 ? PLACES_MIN : before * 2;
    if (before > UINT32_MAX / 4) return false;
    struct tpi_timer_place *places = tpi_heap_alloc(memory, after * sizeof *places);
    if (places == NULL) return false;
    if (before > 0) memcpy(places, extra->timers, before * sizeof *places);
    tpi_heap_free(memory, extra->timers, before * sizeof *places);
    extra->timers = places;
    extra->timer_capacity = after;
    for (uint32_t i = after; i-- > before;) give_place(extra, &places[i]);
    return true;
}

/* A free place, its ref made; swept before it grows, so that it is used at least to the half. */
static struct tpi_timer_place *take_place(tp_actor *self) {
    TPI_CHECK(self->extra->timer_free <= self->extra->timer_capacity);
    struct tpi_extra *extra = self->extra;
    if (__builtin_expect(extra->timer_free == 0, 0)) {
        bool enough = extra->timer_capacity > 0 && sweep(self) >= extra->timer_capacity / 2;
        if (!enough && !grow_places(self) && extra->timer_free == 0) return NULL;
    }
    struct tpi_timer_place *place = &extra->timers[extra->timer_free - 1];
    TPI_ASSERT(place->deadline == NULL);
    extra->timer_free = place->next_free;
    extra->timer_sequence = (extra->timer_sequence + 1) & SEQUENCE_MASK;
    place->ref = TIMER_REF | (tp_ref)extra->timer_sequence << 32 |
                 (tp_ref)((size_t)(place - extra->timers) + 1);
    return place;
}

static tp_ref send_after(tp_actor *self, tp_duration delay, tp_pid to, const tp_message_type *type,
                         const void *value) {
    TPI_CHECK(tpi_is_owner(self) && type != NULL);
    tp_runtime *runtime = self->runtime;
    struct tpi_extra *extra = tpi_extra(self);
    struct tpi_timer_place *place = extra == NULL ? NULL : take_place(self);
    tpi_set_error(self, TP_ENOMEM);
    if (place == NULL) return 0;
    struct tpi_block *block = tpi_block_encode(runtime, self->worker, type, value);
    if (block == NULL) {
        tpi_set_error(self, tpi_encode_error(type, value));
        give_place(extra, place);
        return 0;
    }
    tpi_block_set_from(runtime, block, tpi_pid_of(runtime, self));
    block->flags = TPI_BLOCK_TIMER | TPI_BLOCK_UNCOUNTED;
    block->ref = place->ref;
    place->deadline = arm(self, delay, to, block);
    if (place->deadline == NULL) {
        give_place(extra, place);
        return 0;
    }
    tpi_set_error(self, TP_OK);
    return place->ref;
}

tp_ref tp_send_after_value(tp_actor *self, tp_duration delay, tp_pid to,
                           const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    if (tpi_replays(self)) return tpi_capsule_number(self, TPI_INPUT_REF, 0);
    tp_ref ref = send_after(self, delay, to, type, value);
    if (__builtin_expect(self->flags & TPI_ACTOR_WATCHED, 0))
        (void)tpi_capsule_number(self, TPI_INPUT_REF, ref);
    return ref;
}

bool tp_cancel_timer(tp_actor *self, tp_ref timer) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    if (tpi_replays(self)) return tpi_capsule_number(self, TPI_INPUT_FLAG, 0) != 0;
    struct tpi_timer_place *place = find_timer(self, timer);
    bool armed = place != NULL && tpi_timer_cancel(&place->deadline->timer);
    if (place != NULL) free_place(self, place);
    if (__builtin_expect(self->flags & TPI_ACTOR_WATCHED, 0))
        (void)tpi_capsule_number(self, TPI_INPUT_FLAG, armed);
    return armed;
}

void tpi_timer_arrived(tp_actor *self, const struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->flags & TPI_BLOCK_TIMER);
    if (block->from_slot != tpi_slot_of(self) || block->from_generation != self->generation)
        return; /* another's timer, whose refs are its own */
    struct tpi_timer_place *place = find_timer(self, block->ref);
    if (place == NULL) return;
    tpi_timer_cancel(&place->deadline->timer); /* waits for the firing to be over */
    free_place(self, place);
}

void tpi_timers_cancel_all(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && self->flags & TPI_ACTOR_EXITING);
    struct tpi_extra *extra = self->extra;
    for (uint32_t i = 0; i < extra->timer_capacity; i++) {
        struct tpi_deadline *deadline = extra->timers[i].deadline;
        if (deadline == NULL) continue;
        tpi_timer_cancel(&deadline->timer);
        free_deadline(self, deadline);
    }
    if (extra->timers != NULL)
        tpi_heap_free(self->runtime->memory, extra->timers,
                      extra->timer_capacity * sizeof *extra->timers);
    extra->timers = NULL;
    extra->timer_capacity = extra->timer_free = 0;
    tpi_deadline_cancel(self, &extra->wait_deadline);
    tpi_deadline_cancel(self, &extra->timeout);
}

/* ---- time as such ---- */

tp_time tp_now(tp_actor *self) {
    tp_time now = tpi_scheduler_now(self->worker->scheduler);
    if (__builtin_expect(self->flags & TPI_ACTOR_WATCHED, 0))
        return (tp_time)tpi_capsule_number(self, TPI_INPUT_CLOCK, (uint64_t)now);
    return now;
}

tp_err tp_sleep(tp_actor *self, tp_duration span) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
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
    TPI_CHECK(tpi_is_owner(self));
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
    TPI_CHECK(tpi_is_owner(self) && self->extra != NULL);
    tpi_deadline_cancel(self, &self->extra->timeout);
    self->extra->timeout_fired = false;
    self->flags &= ~(uint32_t)TPI_ACTOR_TIMEOUT;
}

void tpi_timeout_arm(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_TIMEOUT && self->behavior->timeout != NULL);
    struct tpi_extra *extra = self->extra;
    if (extra->timeout != NULL || extra->timeout_fired) return;
    extra->timeout_ref = tpi_ref_inside(self);
    extra->timeout = tpi_deadline_arm(self, extra->timeout_span, extra->timeout_ref);
    if (extra->timeout == NULL) tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM}, false);
}
