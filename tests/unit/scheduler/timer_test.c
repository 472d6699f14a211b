/*
 * The timer wheel against a naive model: a plain array of deadlines that is searched from end to
 * end.
 *
 * The model knows the contract alone: a timer fires at the first advance whose time has reached its
 * deadline rounded up to a tick, never earlier, earlier ticks first; a cancelled one never.
 */
#include "core/scheduler/timer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/test.h"

#define TIMERS 400

struct entry {
    struct tpi_timer timer;
    bool armed;
    bool fired;
    tp_time due; /* its deadline, rounded up; the tick it was armed in, if that is later */
};

struct model {
    struct tpi_wheel wheel;
    struct entry entries[TIMERS];
    tp_time now;
    tp_time last_due; /* of what fired last in this advance */
    unsigned fired;
};

static void on_fire(struct tpi_timer *timer, void *worker) {
    struct model *model = worker;
    struct entry *entry = TPI_CONTAINER_OF(timer, struct entry, timer);
    TP_ASSERT(entry->armed);
    TP_ASSERT(entry->due <= model->now);
    TP_ASSERT(entry->due >= model->last_due);
    entry->armed = false;
    entry->fired = true;
    model->last_due = entry->due;
    model->fired++;
}

static struct model *model_new(unsigned shift, tp_time now) {
    struct model *model = calloc(1, sizeof *model);
    TP_ASSERT(model != NULL);
    tpi_wheel_init(&model->wheel, shift, now);
    model->now = now;
    for (size_t i = 0; i < TIMERS; i++) model->entries[i].timer.fire = on_fire;
    return model;
}

static tp_time round_up(const struct model *model, tp_time deadline) {
    uint64_t tick = (uint64_t)1 << model->wheel.shift;
    if (deadline <= 0) return 0;
    uint64_t up = ((uint64_t)deadline + tick - 1) & ~(tick - 1);
    return up > (uint64_t)INT64_MAX ? INT64_MAX : (tp_time)up;
}

static void arm(struct model *model, struct entry *entry, tp_time deadline) {
    tpi_timer_cancel(&entry->timer); /* forgets the wheel when it has fired */
    tpi_timer_arm(&model->wheel, &entry->timer, deadline);
    entry->armed = true;
    entry->fired = false;
    entry->due = round_up(model, deadline);
    tp_time tick = model->now >> model->wheel.shift << model->wheel.shift;
    if (entry->due < tick) entry->due = tick;
}

static void cancel(struct entry *entry) {
    TP_ASSERT_EQ_INT(tpi_timer_armed(&entry->timer), entry->armed);
    TP_ASSERT_EQ_INT(tpi_timer_cancel(&entry->timer), entry->armed);
    TP_ASSERT(!tpi_timer_armed(&entry->timer));
    entry->armed = false;
}

static tp_time earliest(const struct model *model) {
    tp_time first = TP_FOREVER;
    for (size_t i = 0; i < TIMERS; i++)
        if (model->entries[i].armed && model->entries[i].due < first) first = model->entries[i].due;
    return first;
}

static void advance(struct model *model, tp_time to) {
    unsigned expected = 0;
    for (size_t i = 0; i < TIMERS; i++)
        expected += model->entries[i].armed && model->entries[i].due <= to;
    model->now = to;
    model->fired = 0;
    model->last_due = 0;
    TP_ASSERT_EQ_INT(tpi_wheel_advance(&model->wheel, to, model), expected);
    TP_ASSERT_EQ_INT(model->fired, expected);
    /* what is left is not due, and the wheel asks for its next look no later than that */
    tp_time next = tpi_wheel_next(&model->wheel), first = earliest(model);
    TP_ASSERT(first > to || first == TP_FOREVER);
    TP_ASSERT(next <= first);
    TP_ASSERT(first == TP_FOREVER || next >= to - ((tp_time)1 << model->wheel.shift));
    if (first == TP_FOREVER) TP_ASSERT_EQ_INT(next, TP_FOREVER);
}

#define LAST ((tp_time)1 << 62) /* 146 years: later deadlines are as good as never */

/* Mostly near, now and then as far as anyone may ask. */
static tp_time random_deadline(struct tpi_rng *rng, const struct model *model, unsigned bits_max) {
    unsigned bits = (unsigned)(tpi_rng_next(rng) % (bits_max + 1));
    uint64_t span = tpi_rng_next(rng) & (((uint64_t)1 << bits) - 1);
    if (tpi_rng_next(rng) % 50 == 0) return (tp_time)(span % 1000); /* long past */
    if (span > (uint64_t)(LAST - model->now)) return LAST;
    return model->now + (tp_time)span;
}

static void random_run(unsigned shift, unsigned bits_max, uint64_t seed, tp_time start) {
    struct tpi_rng rng;
    tpi_rng_seed(&rng, seed);
    struct model *model = model_new(shift, start);
    for (int step = 0; step < 1500; step++) {
        struct entry *entry = &model->entries[tpi_rng_next(&rng) % TIMERS];
        switch (tpi_rng_next(&rng) % 8) {
        case 0: cancel(entry); break;
        case 1: {
            tp_time to = random_deadline(&rng, model, bits_max);
            if (to >= model->now) advance(model, to);
            break;
        }
        case 2: { /* exactly where the wheel wants it, as a worker and the simulator do */
            tp_time next = tpi_wheel_next(&model->wheel);
            if (next != TP_FOREVER && next >= model->now) advance(model, next);
            break;
        }
        default:
            if (!entry->armed) arm(model, entry, random_deadline(&rng, model, bits_max));
        }
    }
    for (size_t i = 0; i < TIMERS; i++) cancel(&model->entries[i]);
    TP_ASSERT_EQ_INT(model->wheel.count, 0);
    free(model);
}

TP_TEST(timer_wheel, agrees_with_the_model_when_near) {
    for (uint64_t seed = 1; seed <= 40; seed++) random_run(14, 30, seed, TP_SECONDS(5));
}
TP_TEST(timer_wheel, agrees_with_the_model_when_far) {
    for (uint64_t seed = 1; seed <= 40; seed++) random_run(14, 62, seed, TP_SECONDS(5));
}
TP_TEST(timer_wheel, is_exact_without_a_shift) {
    for (uint64_t seed = 1; seed <= 40; seed++) random_run(0, 20, seed, 0);
}
TP_TEST(timer_wheel, is_exact_beyond_the_top_level) {
    for (uint64_t seed = 1; seed <= 40; seed++) random_run(0, 62, seed, 0);
}

/* From next to next, without a look between, must reach every timer: so does a virtual clock. */
static void chase(unsigned shift, uint64_t seed, unsigned bits) {
    struct tpi_rng rng;
    tpi_rng_seed(&rng, seed);
    struct model *model = model_new(shift, 12345);
    unsigned looks = 0;
    for (size_t i = 0; i < TIMERS; i++)
        arm(model, &model->entries[i], model->now + (tp_time)(tpi_rng_next(&rng) >> (64 - bits)));
    while (earliest(model) != TP_FOREVER) {
        tp_time next = tpi_wheel_next(&model->wheel);
        TP_ASSERT(next != TP_FOREVER);
        TP_ASSERT(next <= earliest(model));
        advance(model, next < model->now ? model->now : next);
        TP_ASSERT(++looks <
                  TIMERS * 12); /* at most once a level for each timer, and the rounding */
    }
    for (size_t i = 0; i < TIMERS; i++) TP_ASSERT(model->entries[i].fired);
    free(model);
}
TP_TEST(timer_wheel, next_leads_to_every_timer) {
    for (uint64_t seed = 1; seed <= 8; seed++) {
        chase(0, seed, 16);
        chase(0, seed, 47);
        chase(14, seed, 40);
        chase(14, seed, 60);
    }
}

TP_TEST(timer_wheel, empty_has_no_next) {
    struct model *model = model_new(14, 1);
    TP_ASSERT_EQ_INT(tpi_wheel_next(&model->wheel), TP_FOREVER);
    TP_ASSERT_EQ_INT(tpi_wheel_advance(&model->wheel, TP_SECONDS(100), model), 0);
    arm(model, &model->entries[0], TP_SECONDS(101));
    TP_ASSERT(tpi_wheel_next(&model->wheel) <= TP_SECONDS(101));
    cancel(&model->entries[0]);
    TP_ASSERT(!tpi_timer_cancel(&model->entries[0].timer)); /* a second cancel finds nothing */
    free(model);
}

TP_TEST(timer_wheel, equal_deadlines_fire_in_the_order_of_arming) {
    struct model *model = model_new(0, 0);
    for (int i = 0; i < 3; i++) arm(model, &model->entries[i], 100);
    advance(model, 99);
    TP_ASSERT(!model->entries[0].fired);
    advance(model, 100);
    TP_ASSERT(model->entries[0].fired && model->entries[1].fired && model->entries[2].fired);
    free(model);
}
