/*
 * The engine: ready list, steps, time, trace hash.
 */
#include "core/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"

#define START TP_SECONDS(1) /* so that no point in time is 0 */
#define STEPS_MAX 10000000u

/* ---- the driver ---- */

static tp_time sim_now(void *context) {
    return ((struct tpi_sim *)context)->now;
}

static int64_t sim_wall(void *context) {
    return ((struct tpi_sim *)context)->now;
}

static uint64_t sim_random(void *context) {
    return tpi_rng_next(&((struct tpi_sim *)context)->values);
}

static void push_ready(struct tpi_sim *sim, struct tpi_runnable *runnable) {
    if (sim->ready_count == sim->ready_capacity) {
        size_t capacity = sim->ready_capacity == 0 ? 64 : sim->ready_capacity * 2;
        struct tpi_runnable **grown = realloc(sim->ready, capacity * sizeof *grown);
        if (grown == NULL) {
            sim->failed = true; /* the run ends: what is lost here would never run */
            return;
        }
        sim->ready = grown;
        sim->ready_capacity = capacity;
    }
    sim->ready[sim->ready_count++] = runnable;
}

static void sim_enqueue(void *context, struct tpi_worker *worker, struct tpi_runnable *runnable) {
    struct tpi_sim *sim = context;
    if (runnable != sim->working) {
        push_ready(sim, runnable);
        return;
    }
    TPI_ASSERT(worker != NULL && sim->occupied[worker->index].runnable == NULL);
    sim->occupied[worker->index] = (struct tpi_occupied){runnable, sim->now + sim->work_span};
    sim->working = NULL;
}

static void sim_work(void *context, struct tpi_worker *worker, tp_duration span) {
    struct tpi_sim *sim = context;
    /* relaxed: there is one thread */
    sim->working = atomic_load_explicit(&worker->running, memory_order_relaxed);
    sim->work_span = span;
}

/* On a worker's loop fiber: what was chosen for it; back to the test when nothing is. */
static struct tpi_runnable *sim_pick(void *context, struct tpi_worker **worker) {
    struct tpi_sim *sim = context;
    struct tpi_fiber *here = (*worker)->fiber;
    while (sim->chosen == NULL) {
        tpi_fiber_switch(here, &sim->outer);
        *worker = here->user;
    }
    struct tpi_runnable *chosen = sim->chosen;
    sim->chosen = NULL;
    return chosen;
}

/* ---- steps ---- */

static void visit(struct tpi_sim *sim, unsigned index, struct tpi_runnable *runnable) {
    struct tpi_worker *worker = sim->runtime->scheduler->workers[index];
    TPI_ASSERT(sim->chosen == NULL);
    sim->chosen = runnable;
    sim->steps++;
    worker->fiber->user = worker;
    tpi_fiber_switch(&sim->outer, worker->fiber);
}

static struct tpi_runnable *take_ready(struct tpi_sim *sim, size_t at) {
    struct tpi_runnable *runnable = sim->ready[at];
    sim->ready_count--;
    memmove(&sim->ready[at], &sim->ready[at + 1], (sim->ready_count - at) * sizeof *sim->ready);
    return runnable;
}

/* Computations that are over go on first, on their own worker. */
static bool step_occupied(struct tpi_sim *sim) {
    for (unsigned i = 0; i < sim->runtime->options.workers; i++) {
        struct tpi_occupied done = sim->occupied[i];
        if (done.runnable == NULL || done.until > sim->now) continue;
        sim->occupied[i].runnable = NULL;
        visit(sim, i, done.runnable);
        return true;
    }
    return false;
}

bool tpi_sim_step(struct tpi_sim *sim) {
    if (step_occupied(sim)) return true;
    unsigned worker = 0;
    size_t at = tpi_sim_choose(sim, &worker);
    if (at == SIZE_MAX) return false;
    visit(sim, worker, take_ready(sim, at));
    return true;
}

bool tpi_sim_is_ready(const struct tpi_sim *sim) {
    for (unsigned i = 0; i < sim->runtime->options.workers; i++)
        if (sim->occupied[i].runnable != NULL && sim->occupied[i].until <= sim->now) return true;
    return tpi_sim_may_run(sim);
}

tp_time tpi_sim_next(const struct tpi_sim *sim) {
    tp_time next = TP_FOREVER;
    for (unsigned i = 0; i < sim->runtime->options.workers; i++) {
        tp_time timer = tpi_wheel_next(&sim->runtime->scheduler->workers[i]->wheel);
        if (timer < next) next = timer;
        if (sim->occupied[i].runnable != NULL && sim->occupied[i].until < next)
            next = sim->occupied[i].until;
    }
    return next;
}

void tpi_sim_set_time(struct tpi_sim *sim, tp_time now) {
    if (now > sim->now) sim->now = now;
    for (unsigned i = 0; i < sim->runtime->options.workers; i++) {
        struct tpi_worker *worker = sim->runtime->scheduler->workers[i];
        if (tpi_wheel_next(&worker->wheel) <= sim->now)
            tpi_wheel_advance(&worker->wheel, sim->now, worker);
    }
}

tp_err tpi_sim_settle(struct tpi_sim *sim) {
    if (sim->world != NULL) return sim->world->run(sim->world, sim->now);
    while (tpi_sim_step(sim)) {
        if (sim->failed) return TP_ENOMEM;
        if (sim->steps > sim->options.steps_max) return TP_ETIMEDOUT;
    }
    return TP_OK;
}

tp_err tpi_sim_run_until(struct tpi_sim *sim, tp_time until) {
    if (sim->world != NULL) return sim->world->run(sim->world, until);
    for (;;) {
        tp_err err = tpi_sim_settle(sim);
        if (err != TP_OK) return err;
        tp_time next = tpi_sim_next(sim);
        if (next == TP_FOREVER || next > until) break;
        tpi_sim_set_time(sim, next);
    }
    if (until != TP_FOREVER) tpi_sim_set_time(sim, until);
    return TP_OK;
}

/* ---- the trace ---- */

static void mix(struct tpi_sim *sim, uint64_t value) {
    sim->hash = tpi_hash_pair(sim->hash, value);
}

static void on_event(void *context, const tp_trace_event *event) {
    struct tpi_sim *sim = context;
    mix(sim, (uint64_t)event->kind << 32 | event->worker);
    mix(sim, (uint64_t)event->time);
    mix(sim, (uint64_t)event->actor.slot << 32 | event->actor.generation);
    mix(sim, (uint64_t)event->other.slot << 32 | event->other.generation);
    mix(sim, tpi_hash_bytes(event->name, strlen(event->name)));
    mix(sim, (uint64_t)event->value);
    if (sim->hook != NULL) sim->hook(sim->hook_context, event);
}

/* ---- life ---- */

static void *plain_alloc(void *context, size_t size) {
    (void)context;
    return malloc(size);
}

static void plain_free(void *context, void *pointer, size_t size) {
    (void)context;
    (void)size;
    free(pointer);
}

tp_err tpi_sim_init(struct tpi_sim *sim, const tp_sim_options *options) {
    memset(sim, 0, sizeof *sim);
    if (options != NULL) sim->options = *options;
    if (sim->options.workers == 0) sim->options.workers = 1;
    if (sim->options.workers > TPI_SIM_WORKERS_MAX || sim->options.choice > TP_SIM_FIFO)
        return TP_EINVAL;
    if (sim->options.steps_max == 0) sim->options.steps_max = STEPS_MAX;
    sim->options.runtime.workers = sim->options.workers;
    sim->now = START;
    tpi_rng_seed(&sim->choice, sim->options.seed);
    tpi_rng_seed(&sim->values, ~sim->options.seed);
    tpi_map_init(&sim->priorities, (struct tpi_map_memory){plain_alloc, plain_free, NULL});
    sim->driver = (struct tpi_driver){.context = sim,
                                      .now = sim_now,
                                      .wall = sim_wall,
                                      .random = sim_random,
                                      .enqueue = sim_enqueue,
                                      .pick = sim_pick,
                                      .work = sim_work};
    return tpi_sim_choice_init(sim);
}

static void settle_runtime(tp_runtime *runtime) {
    (void)tpi_sim_settle(runtime->sim);
}

void tpi_sim_attach(struct tpi_sim *sim, tp_runtime *runtime) {
    sim->runtime = runtime;
    runtime->settle = settle_runtime;
    tpi_fiber_adopt_thread(&sim->outer);
    tpi_trace_set(&runtime->scheduler->trace, on_event, sim);
}

void tpi_sim_join(struct tpi_sim *sim, struct tpi_sim_world *world, tp_time now,
                  struct tpi_hub *network) {
    tpi_sim_set_time(sim, now);
    sim->world = world;
    sim->runtime->driver.network = network;
}

void tpi_sim_fini(struct tpi_sim *sim) {
    if (sim->runtime != NULL) tpi_fiber_release_thread(&sim->outer);
    tpi_map_fini(&sim->priorities);
    free(sim->change_points);
    free(sim->ready);
}

/* ---- what a test calls ---- */

tp_err tp_sim_run(tp_sim *sim) {
    return tpi_sim_run_until(&sim->engine, TP_FOREVER);
}

tp_err tp_sim_advance(tp_sim *sim, tp_duration span) {
    if (span < 0 || span > TP_FOREVER / 2) return TP_EINVAL;
    return tpi_sim_run_until(&sim->engine, sim->engine.now + span);
}

bool tp_sim_step(tp_sim *sim) {
    return tpi_sim_step(&sim->engine);
}

tp_err tp_sim_dispatch(tp_sim *sim, tp_pid actor) {
    struct tpi_sim *engine = &sim->engine;
    for (size_t i = 0; i < engine->ready_count; i++) {
        unsigned worker;
        struct tpi_runnable *runnable = engine->ready[i];
        if (runnable->index != actor.slot || !tpi_sim_place(engine, runnable, &worker)) continue;
        visit(engine, worker, take_ready(engine, i));
        return TP_OK;
    }
    return TP_ENOENT;
}

tp_time tp_sim_now(const tp_sim *sim) {
    return sim->engine.now - START;
}

uint64_t tp_sim_trace_hash(const tp_sim *sim) {
    return sim->engine.hash;
}

uint64_t tp_sim_random(tp_sim *sim) {
    return tpi_rng_next(&sim->engine.values);
}

void tp_sim_trace(tp_sim *sim, tp_trace_hook hook, void *context) {
    sim->engine.hook = hook;
    sim->engine.hook_context = context;
}

tp_runtime *tp_sim_runtime(tp_sim *sim) {
    return sim->engine.runtime;
}
