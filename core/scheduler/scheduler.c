/*
 * The life of a scheduler: workers made, started, stopped; threads for dedicated runnables.
 */
#include "core/scheduler/scheduler.h"

#include <stdio.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/platform/fence.h"

TPI_OTHER_LINE(tpi_deque, head, tail);
TPI_OTHER_LINE(tpi_worker, accounts.of[TPI_ACCOUNTS - 1].left, queue);
TPI_OTHER_LINE(tpi_worker, queue_low.slots[TPI_DEQUE_SIZE - 1], wake);
TPI_OTHER_LINE(tpi_worker, wake, inbound);
TPI_OTHER_LINE(tpi_worker, inbound.length, wheel);
TPI_OTHER_LINE(tpi_worker, wheel.slots[TPI_WHEEL_LEVELS - 1][TPI_WHEEL_SLOTS - 1], looked_at);
TPI_OTHER_LINE(tpi_scheduler, trace, growth);
TPI_OTHER_LINE(tpi_scheduler, workers, idle);
TPI_OTHER_LINE(tpi_scheduler, grown, idle);
TPI_OTHER_LINE(tpi_scheduler, stopping, inject);
TPI_OTHER_LINE(tpi_scheduler, inject.length, poller);
TPI_OTHER_LINE(tpi_scheduler, descriptors, outside);
TPI_OTHER_LINE(tpi_scheduler, outside.faults, watch);
_Static_assert(_Alignof(struct tpi_worker) == 64 && _Alignof(struct tpi_scheduler) == 64,
               "the offsets above are lines");

/* ---- the production driver ---- */

static tp_time production_now(void *context) {
    (void)context;
    return tpi_clock_monotonic();
}

static int64_t production_wall(void *context) {
    (void)context;
    return tpi_clock_wall();
}

static uint64_t production_random(void *context) {
    (void)context;
    uint64_t value = 0;
    (void)tpi_entropy(&value, sizeof value);
    return value;
}

const struct tpi_driver tpi_driver_production = {
    .now = production_now,
    .wall = production_wall,
    .random = production_random,
};

/* ---- workers ---- */

static tp_err worker_new(struct tpi_scheduler *scheduler, unsigned index, bool dedicated) {
    TPI_ASSERT(index < TPI_WORKERS_MAX && scheduler->workers[index] == NULL);
    struct tpi_worker *worker = tpi_heap_alloc(scheduler->memory, sizeof *worker + 64);
    if (worker == NULL) return TP_ENOMEM;
    /* the block is 16-aligned at least; the struct wants a cache line */
    void *base = worker;
    worker = (void *)(((uintptr_t)base + 63) & ~(uintptr_t)63);
    memset(worker, 0, sizeof *worker);
    worker->allocation = base;
    worker->scheduler = scheduler;
    worker->system = scheduler->system;
    worker->index = index;
    worker->dedicated = dedicated;
    worker->spare = index >= scheduler->count + TPI_DEDICATED_MAX;
    worker->aside = dedicated || worker->spare;
    worker->pool = tpi_memory_pool(scheduler->memory, index);
    worker->sim = scheduler->driver->pick != NULL;
    atomic_init(&worker->direct,
                !worker->sim && !worker->aside && scheduler->strategy == TP_STRATEGY_STEAL);
    atomic_init(&worker->watch, scheduler->watch.fenced ? TPI_WATCH_FENCED : 0);
    worker->refs = ((uint64_t)index + 1) << 48;
    tpi_deque_init(&worker->queue);
    tpi_deque_init(&worker->young);
    tpi_deque_init(&worker->queue_high);
    tpi_deque_init(&worker->queue_low);
    tpi_inject_init(&worker->inbound);
    tpi_wheel_init(&worker->wheel, worker->sim ? 0 : TPI_TICK_SHIFT, tpi_scheduler_now(scheduler));
    scheduler->workers[index] = worker;
    return TP_OK;
}

static void worker_free(struct tpi_worker *worker) {
    TPI_ASSERT(!worker->started && worker->on == 0);
    struct tpi_scheduler *scheduler = worker->scheduler;
    while (worker->spares != NULL) {
        struct tpi_fiber *fiber = worker->spares;
        worker->spares = fiber->next;
        tpi_fiber_free(scheduler->stacks, fiber);
    }
    if (worker->fiber != NULL && worker->fiber != &worker->base)
        tpi_fiber_free(scheduler->stacks, worker->fiber);
    scheduler->workers[worker->index] = NULL;
    tpi_heap_free(scheduler->memory, worker->allocation, sizeof *worker + 64);
}

tp_err tpi_scheduler_new(struct tpi_scheduler **out, const struct tpi_scheduler_options *options) {
    TPI_ASSERT(options->driver != NULL && options->ops != NULL);
    if (options->workers == 0 || options->workers > 256) return TP_EINVAL;
    if (options->watch.spares > TPI_SPARE_WORKERS_MAX) return TP_EINVAL;
    struct tpi_scheduler *scheduler = tpi_heap_alloc(options->memory, sizeof *scheduler + 64);
    if (scheduler == NULL) return TP_ENOMEM;
    void *base = scheduler;
    scheduler = (void *)(((uintptr_t)base + 63) & ~(uintptr_t)63);
    memset(scheduler, 0, sizeof *scheduler);
    scheduler->allocation = base;
    scheduler->driver = options->driver;
    scheduler->ops = options->ops;
    scheduler->memory = options->memory;
    scheduler->system = options->system;
    scheduler->count = options->workers;
    scheduler->strategy = options->strategy;
    scheduler->watch.options = options->watch;
    scheduler->watch.fenced = !tpi_fence_all_begin();
    tpi_deque_init(&scheduler->watch.scratch);
    tpi_inject_init(&scheduler->inject);
    tp_err err = tpi_stacks_new(&scheduler->stacks, options->stack_size);
    if (err == TP_OK && options->driver->pick == NULL) err = tpi_poller_new(&scheduler->poller);
    for (unsigned i = 0; i < options->workers && err == TP_OK; i++)
        err = worker_new(scheduler, i, false);
    if (err != TP_OK) {
        tpi_scheduler_free(scheduler);
        return err;
    }
    *out = scheduler;
    return TP_OK;
}

static tp_err start_loop(struct tpi_worker *worker) {
    TPI_ASSERT(worker->fiber == NULL);
    struct tpi_fiber *fiber = tpi_fiber_new(worker->scheduler->stacks, 0, tpi_worker_loop, NULL);
    if (fiber == NULL) return TP_ENOMEM;
    if (!worker->aside) /* the threads run when a dedicated or a spare one is made */
        worker->scheduler->stack_size = fiber->stack_size;
    tpi_fiber_reset(fiber, tpi_worker_loop, fiber);
    fiber->user = worker;
    fiber->frame = NULL;
    worker->fiber = fiber;
    return TP_OK;
}

static void thread_main(void *arg) {
    TPI_ASSERT(((struct tpi_worker *)arg)->fiber != NULL);
    struct tpi_worker *worker = arg;
    worker->on = tpi_thread_self();
    if (worker->scheduler->ops->thread != NULL) worker->scheduler->ops->thread(worker, true);
    tpi_fiber_adopt_thread(&worker->base);
    tpi_fiber_switch(&worker->base, worker->fiber);
    tpi_fiber_release_thread(&worker->base);
    if (worker->scheduler->ops->thread != NULL) worker->scheduler->ops->thread(worker, false);
    worker->on = 0;
    /* release: partner is the acquire load in tpi_scheduler_stop */
    atomic_store_explicit(&worker->ended, true, memory_order_release);
}

static tp_err worker_start(struct tpi_worker *worker) {
    TPI_ASSERT(!worker->started && !worker->sim);
    char name[16];
    const char *kind = worker->dedicated ? "own" : worker->spare ? "spare" : "work";
    snprintf(name, sizeof name, "tp-%s-%u", kind, worker->index);
    tp_err err = tpi_thread_start(&worker->thread, name, thread_main, worker);
    worker->started = err == TP_OK;
    return err;
}

tp_err tpi_scheduler_start(struct tpi_scheduler *scheduler) {
    TPI_ASSERT(scheduler->count > 0 && scheduler->count <= 256);
    for (unsigned i = 0; i < scheduler->count; i++) {
        tp_err err = start_loop(scheduler->workers[i]);
        if (err != TP_OK) return err;
    }
    if (scheduler->driver->pick != NULL) return TP_OK;
    for (unsigned i = 0; i < scheduler->count; i++) {
        tp_err err = worker_start(scheduler->workers[i]);
        if (err != TP_OK) return err;
    }
    return tpi_watch_start(scheduler);
}

static unsigned places(const struct tpi_scheduler *scheduler) {
    return tpi_scheduler_places(scheduler->count, scheduler->watch.options.spares);
}

void tpi_scheduler_stop(struct tpi_scheduler *scheduler) {
    tpi_watch_stop(scheduler);
    /* release: partner is the acquire load in worker.c and park.c */
    atomic_store_explicit(&scheduler->stopping, 1, memory_order_release);
    for (unsigned i = 0; i < places(scheduler); i++) {
        struct tpi_worker *worker = scheduler->workers[i];
        if (worker == NULL || !worker->started) continue;
        /* acquire: partner is the release store in thread_main */
        while (!atomic_load_explicit(&worker->ended, memory_order_acquire)) {
            tpi_scheduler_rouse(scheduler, i);
            tpi_thread_yield();
        }
        tpi_thread_join(worker->thread);
        worker->started = false;
    }
}

void tpi_scheduler_free(struct tpi_scheduler *scheduler) {
    TPI_ASSERT(!scheduler->watch.started);
    for (unsigned i = 0; i < places(scheduler); i++)
        if (scheduler->workers[i] != NULL) worker_free(scheduler->workers[i]);
    if (scheduler->poller != NULL) tpi_poller_free(scheduler->poller);
    if (scheduler->stacks != NULL) tpi_stacks_free(scheduler->stacks);
    tpi_heap_free(scheduler->memory, scheduler->allocation, sizeof *scheduler + 64);
}

/* ---- dedicated threads ---- */

static bool claim(struct tpi_worker *worker) {
    TPI_ASSERT(worker->dedicated);
    bool free = false;
    /* acq_rel: partner is the release store in tpi_scheduler_undedicate */
    return atomic_compare_exchange_strong_explicit(&worker->claimed, &free, true,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

static tp_err dedicate_at(struct tpi_scheduler *scheduler, unsigned index) {
    TPI_ASSERT(index >= scheduler->count && index < scheduler->count + TPI_DEDICATED_MAX);
    TPI_ASSERT(tpi_mutex_is_held(&scheduler->growth));
    tp_err err = worker_new(scheduler, index, true);
    if (err == TP_OK) err = start_loop(scheduler->workers[index]);
    /* relaxed: not yet shared */
    if (err == TP_OK)
        atomic_store_explicit(&scheduler->workers[index]->claimed, true, memory_order_relaxed);
    if (err == TP_OK) err = worker_start(scheduler->workers[index]);
    if (err != TP_OK && scheduler->workers[index] != NULL) worker_free(scheduler->workers[index]);
    /* release: partner is the acquire load in tp_runtime_counters, which then looks into them */
    if (err == TP_OK)
        atomic_store_explicit(&scheduler->grown, index + 1 - scheduler->count,
                              memory_order_release);
    return err;
}

tp_err tpi_scheduler_dedicate(struct tpi_scheduler *scheduler, unsigned *index) {
    if (scheduler->driver->pick != NULL) return TP_ENOTSUP;
    tpi_mutex_lock(&scheduler->growth);
    tp_err err = TP_ENOMEM;
    for (unsigned i = 0; i < TPI_DEDICATED_MAX; i++) {
        *index = scheduler->count + i;
        struct tpi_worker *worker = scheduler->workers[*index];
        if (worker != NULL && !claim(worker)) continue;
        err = worker != NULL ? TP_OK : dedicate_at(scheduler, *index);
        break;
    }
    tpi_mutex_unlock(&scheduler->growth);
    return err;
}

void tpi_scheduler_undedicate(struct tpi_scheduler *scheduler, unsigned index) {
    TPI_ASSERT(index >= scheduler->count);
    /* release: partner is claim(); what ran there is over */
    atomic_store_explicit(&scheduler->workers[index]->claimed, false, memory_order_release);
}

/* ---- spares, and all there are ---- */

tp_err tpi_scheduler_spare(struct tpi_scheduler *scheduler, unsigned number) {
    unsigned index = scheduler->count + TPI_DEDICATED_MAX + number;
    TPI_ASSERT(number < scheduler->watch.options.spares);
    tp_err err = worker_new(scheduler, index, false);
    if (err == TP_OK) err = start_loop(scheduler->workers[index]);
    if (err == TP_OK) err = worker_start(scheduler->workers[index]);
    if (err != TP_OK && scheduler->workers[index] != NULL) worker_free(scheduler->workers[index]);
    return err;
}

unsigned tpi_scheduler_list(const struct tpi_scheduler *scheduler, struct tpi_worker **out) {
    TPI_CHECK(out != NULL);
    /* acquire, both: partners are the release stores in dedicate_at and in new_spare (watch.c) */
    unsigned own = scheduler->count + atomic_load_explicit(&scheduler->grown, memory_order_acquire);
    unsigned spares = atomic_load_explicit(&scheduler->watch.made, memory_order_acquire);
    unsigned count = 0;
    for (unsigned i = 0; i < own; i++) out[count++] = scheduler->workers[i];
    for (unsigned i = 0; i < spares; i++)
        out[count++] = scheduler->workers[scheduler->count + TPI_DEDICATED_MAX + i];
    return count;
}
