/*
 * The watch. See watch.h for what it takes from a stuck worker, and how.
 *
 * It looks at all workers twice in `stuck_after`, as long as one of them is awake; when all sleep
 * it sleeps too, until the first of them wakes up.
 */
#include "core/scheduler/scheduler.h"
#include "core/scheduler/watch.h"

#include "core/base/assert.h"
#include "core/platform/fence.h"

#define PERIOD_MIN TP_US(500)
#define CALM_LOOKS 2u /* in which all slept, before the watch sleeps too */

/* ---- whom it looks at ---- */

static struct tpi_worker *spare_at(const struct tpi_scheduler *scheduler, unsigned number) {
    TPI_CHECK(number < scheduler->watch.options.spares);
    return scheduler->workers[scheduler->count + TPI_DEDICATED_MAX + number];
}

static unsigned spares_made(const struct tpi_scheduler *scheduler) {
    /* acquire: partner is the release store in new_spare */
    return atomic_load_explicit(&scheduler->watch.made, memory_order_acquire);
}

/* Workers and spares; a dedicated one harms nobody by being stuck. */
static unsigned watched_count(const struct tpi_scheduler *scheduler) {
    return scheduler->count + spares_made(scheduler);
}

static struct tpi_worker *watched_at(const struct tpi_scheduler *scheduler, unsigned number) {
    TPI_CHECK(number < watched_count(scheduler));
    return number < scheduler->count ? scheduler->workers[number]
                                     : spare_at(scheduler, number - scheduler->count);
}

static bool is_stuck(const struct tpi_worker *worker) {
    /* acquire: partner is the end in tpi_watch_slice_end: what the worker did before is seen */
    return (atomic_load_explicit(&worker->watch, memory_order_acquire) & TPI_WATCH_STUCK) != 0;
}

static bool is_active(const struct tpi_worker *spare) {
    /* relaxed: written by this thread, or read as a hint */
    return atomic_load_explicit(&spare->active, memory_order_relaxed);
}

/* ---- taking over ---- */

static void sweep_deque(struct tpi_scheduler *scheduler, struct tpi_deque *queue) {
    TPI_CHECK(tpi_deque_length(&scheduler->watch.scratch) == 0);
    struct tpi_deque *scratch = &scheduler->watch.scratch;
    struct tpi_node *node;
    uint32_t moved;
    while ((node = tpi_deque_steal(queue, scratch, &moved)) != NULL) {
        do tpi_scheduler_schedule(scheduler, (struct tpi_runnable *)(void *)node);
        while ((node = tpi_deque_take(scratch)) != NULL);
    }
}

/* What waits at a stuck worker goes where others find it. Under the lock, while STUCK is there. */
static void sweep(struct tpi_scheduler *scheduler, struct tpi_worker *worker) {
    TPI_CHECK(tpi_mutex_is_held(&worker->watched.lock) && is_stuck(worker));
    /* acquire: partner is the release store in tpi_worker_schedule */
    struct tpi_runnable *next = atomic_exchange_explicit(&worker->next, NULL, memory_order_acquire);
    if (next != NULL) tpi_scheduler_schedule(scheduler, next);
    sweep_deque(scheduler, &worker->queue_high);
    sweep_deque(scheduler, &worker->young);
    sweep_deque(scheduler, &worker->queue);
    sweep_deque(scheduler, &worker->queue_low);
    uint32_t count, length = tpi_inject_length(&worker->inbound);
    struct tpi_node *pinned =
        length == 0 ? NULL : tpi_inject_take(&worker->inbound, length, &count);
    while (pinned != NULL) {
        struct tpi_node *after = pinned->next;
        tpi_scheduler_schedule(scheduler, (struct tpi_runnable *)(void *)pinned);
        pinned = after;
    }
}

/* Is it in the slice that was seen last? */
static bool still_there(const struct tpi_worker *worker) {
    TPI_CHECK(tpi_mutex_is_held(&worker->watched.lock));
    /* seq_cst: partner, where FENCED, is the exchange in tpi_watch_slice_end; else the fence that
     * take_over has run for both. acquire in any case: the count is at least that of this slice */
    if (atomic_load_explicit(&worker->running, memory_order_seq_cst) == NULL) return false;
    /* relaxed: see above */
    return atomic_load_explicit(&worker->counters.slices, memory_order_relaxed) ==
           worker->watched.slices;
}

static bool take_over(struct tpi_scheduler *scheduler, struct tpi_worker *worker) {
    TPI_CHECK(!worker->dedicated && !worker->watched.stuck);
    tpi_mutex_lock(&worker->watched.lock);
    /* seq_cst: partner is the load in tpi_watch_slice_end; see still_there */
    atomic_fetch_or_explicit(&worker->watch, TPI_WATCH_STUCK, memory_order_seq_cst);
    if (!scheduler->watch.fenced) tpi_fence_all();
    bool there = still_there(worker);
    if (there) {
        /* relaxed: a schedule that comes before it is swept with the next look */
        atomic_store_explicit(&worker->direct, false, memory_order_relaxed);
        sweep(scheduler, worker);
    } else {
        /* release: under the lock; see is_stuck */
        atomic_fetch_and_explicit(&worker->watch, (uint8_t)~TPI_WATCH_STUCK, memory_order_release);
    }
    tpi_mutex_unlock(&worker->watched.lock);
    return there;
}

void tpi_watch_slice_end(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    /* relaxed: FENCED is as old as the worker */
    if (atomic_load_explicit(&worker->watch, memory_order_relaxed) & TPI_WATCH_FENCED)
        /* seq_cst: partner is the pair (watch, running) in take_over; weaker, this thread could
         * miss STUCK and the watch miss the end of the slice */
        atomic_exchange_explicit(&worker->running, NULL, memory_order_seq_cst);
    /* seq_cst: see above */
    if (!(atomic_load_explicit(&worker->watch, memory_order_seq_cst) & TPI_WATCH_STUCK)) return;
    tpi_mutex_lock(&worker->watched.lock);
    /* release: partner is the acquire in is_stuck. Not there any more: the watch was too late */
    if (atomic_fetch_and_explicit(&worker->watch, (uint8_t)~TPI_WATCH_STUCK, memory_order_release) &
        TPI_WATCH_STUCK)
        /* relaxed: this thread reads it */
        atomic_store_explicit(&worker->direct,
                              !worker->aside && worker->scheduler->strategy == TP_STRATEGY_STEAL,
                              memory_order_relaxed);
    tpi_mutex_unlock(&worker->watched.lock);
}

/* ---- timers of stuck workers ---- */

void tpi_watch_serve_timers(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    struct tpi_scheduler *scheduler = worker->scheduler;
    tp_time now = tpi_scheduler_now(scheduler);
    for (unsigned i = 0, count = watched_count(scheduler); i < count; i++) {
        struct tpi_worker *other = watched_at(scheduler, i);
        if (other != worker && is_stuck(other) && tpi_wheel_next(&other->wheel) <= now)
            tpi_wheel_advance(&other->wheel, now, worker);
    }
}

tp_time tpi_watch_next_timer(const struct tpi_scheduler *scheduler) {
    tp_time next = TP_FOREVER;
    for (unsigned i = 0, count = watched_count(scheduler); i < count; i++) {
        const struct tpi_worker *other = watched_at(scheduler, i);
        if (is_stuck(other) && tpi_wheel_next(&other->wheel) < next)
            next = tpi_wheel_next(&other->wheel);
    }
    return next;
}

/* ---- spares ---- */

void tpi_watch_tend(struct tpi_worker *spare) {
    TPI_CHECK(spare->spare && tpi_worker_is_here(spare));
    /* acquire: partner is the store in set_active */
    bool active = atomic_load_explicit(&spare->active, memory_order_acquire);
    if (active != spare->aside) return;
    spare->aside = !active;
    /* relaxed: the watch, which must not rest meanwhile, counts the sleepers again and again */
    if (active) atomic_fetch_add_explicit(&spare->scheduler->watch.busy, 1, memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&spare->scheduler->watch.busy, 1,
                                  memory_order_relaxed); /* relaxed: as above */
    /* relaxed: its own, outside a slice */
    atomic_store_explicit(&spare->direct, active && spare->scheduler->strategy == TP_STRATEGY_STEAL,
                          memory_order_relaxed);
    if (active) return;
    tpi_worker_empty(spare, NULL);
    /* it may have been woken for something that it will not do now: another does */
    tpi_scheduler_wake_one(spare->scheduler);
}

static void set_active(struct tpi_scheduler *scheduler, struct tpi_worker *spare, bool active) {
    TPI_CHECK(spare->spare && is_active(spare) != active);
    /* release: partners are the acquire loads in tpi_watch_tend and outside_has_work (park.c) */
    atomic_store_explicit(&spare->active, active, memory_order_release);
    tpi_scheduler_rouse(scheduler, spare->index);
}

static bool new_spare(struct tpi_scheduler *scheduler) {
    TPI_CHECK(spares_made(scheduler) <= scheduler->watch.options.spares);
    unsigned made = spares_made(scheduler);
    if (made >= scheduler->watch.options.spares) return false;
    if (tpi_scheduler_spare(scheduler, made) != TP_OK) return false; /* the next look tries again */
    /* release: partners are the acquire loads of `made` */
    atomic_store_explicit(&scheduler->watch.made, made + 1, memory_order_release);
    return true;
}

/* One that has no work to do and could, or the opposite; NULL: none. */
static struct tpi_worker *find_spare(const struct tpi_scheduler *scheduler, bool active) {
    for (unsigned i = 0, made = spares_made(scheduler); i < made; i++) {
        struct tpi_worker *spare = spare_at(scheduler, i);
        if (is_active(spare) == active && !spare->watched.stuck) return spare;
    }
    return NULL;
}

/* As many spares work as workers and working spares are stuck. */
static void adjust_spares(struct tpi_scheduler *scheduler) {
    unsigned wanted = 0, working = 0;
    for (unsigned i = 0, count = watched_count(scheduler); i < count; i++) {
        const struct tpi_worker *worker = watched_at(scheduler, i);
        bool active = worker->spare && is_active(worker);
        working += active;
        wanted += worker->watched.stuck && (active || !worker->spare);
    }
    struct tpi_worker *spare;
    while (working < wanted) {
        spare = find_spare(scheduler, false);
        if (spare == NULL && !new_spare(scheduler)) return;
        if (spare == NULL) continue;
        set_active(scheduler, spare, true);
        working++;
    }
    while (working > wanted && (spare = find_spare(scheduler, true)) != NULL) {
        set_active(scheduler, spare, false);
        working--;
    }
}

/* ---- looking ---- */

static void set_stuck(struct tpi_scheduler *scheduler, struct tpi_worker *worker, bool stuck) {
    struct tpi_watch *watch = &scheduler->watch;
    worker->watched.stuck = stuck;
    /* relaxed: see tpi_watch_has_stuck */
    if (stuck) atomic_fetch_add_explicit(&watch->stuck, 1, memory_order_relaxed);
    else atomic_fetch_sub_explicit(&watch->stuck, 1, memory_order_relaxed); /* relaxed: as above */
    /* relaxed: a number for readers */
    if (stuck) atomic_fetch_add_explicit(&watch->count, 1, memory_order_relaxed);
}

/* Is what it does the same as at the last look, and since when? */
static bool in_same_slice(struct tpi_worker *worker, tp_time now) {
    struct tpi_watched *seen = &worker->watched;
    /* acquire: partner is the release store in run_one (worker.c): the count belongs to it */
    bool runs = atomic_load_explicit(&worker->running, memory_order_acquire) != NULL;
    /* relaxed, both: hints; take_over looks again */
    uint64_t slices = atomic_load_explicit(&worker->counters.slices, memory_order_relaxed);
    uint64_t handled = atomic_load_explicit(&worker->counters.handled, memory_order_relaxed);
    bool same = runs && slices == seen->slices;
    if (!same || handled != seen->handled) {
        seen->handled = handled;
        seen->handled_since = now;
        seen->reported = false;
    }
    if (same) return true;
    seen->slices = slices;
    seen->since = now;
    return false;
}

static void sweep_again(struct tpi_scheduler *scheduler, struct tpi_worker *worker, tp_time now) {
    tpi_mutex_lock(&worker->watched.lock);
    if (is_stuck(worker)) sweep(scheduler, worker);
    tpi_mutex_unlock(&worker->watched.lock);
    /* whoever sleeps may not know of its timers; who is awake fires them */
    if (tpi_wheel_next(&worker->wheel) <= now) tpi_scheduler_wake_one(scheduler);
}

static void look_at(struct tpi_scheduler *scheduler, struct tpi_worker *worker, tp_time now) {
    TPI_CHECK(!worker->dedicated);
    const struct tpi_watch_options *options = &scheduler->watch.options;
    struct tpi_watched *seen = &worker->watched;
    bool same = in_same_slice(worker, now);
    if (seen->stuck && !is_stuck(worker)) set_stuck(scheduler, worker, false);
    if (seen->stuck) sweep_again(scheduler, worker, now);
    else if (same && now - seen->since >= options->stuck_after && take_over(scheduler, worker)) {
        set_stuck(scheduler, worker, true);
        tpi_scheduler_wake_one(scheduler); /* it may have been woken for what others can do */
    }
    if (same && !seen->reported && now - seen->handled_since >= options->report_after) {
        seen->reported = true;
        if (scheduler->ops->stuck != NULL)
            scheduler->ops->stuck(worker, seen->slices, now - seen->handled_since);
    }
}

static void look(struct tpi_scheduler *scheduler) {
    tp_time now = tpi_scheduler_now(scheduler);
    for (unsigned i = 0, count = watched_count(scheduler); i < count; i++)
        look_at(scheduler, watched_at(scheduler, i), now);
    adjust_spares(scheduler);
}

/* ---- the thread ---- */

static bool all_asleep(struct tpi_scheduler *scheduler) {
    unsigned asleep = 0, peers = watched_count(scheduler);
    for (unsigned word = 0; word < (peers + 63) / 64; word++)
        /* seq_cst read-modify-write that changes nothing: partner is clear_idle in tpi_worker_idle
         * (park.c), which then looks at `asleep` */
        asleep += (unsigned)__builtin_popcountll(
            atomic_fetch_or_explicit(&scheduler->idle[word], 0, memory_order_seq_cst));
    /* relaxed: one that is told to work and has not begun is there because somebody is stuck */
    return asleep >=
           scheduler->count + atomic_load_explicit(&scheduler->watch.busy, memory_order_relaxed);
}

/* Until a worker wakes up. */
static void rest(struct tpi_scheduler *scheduler, uint32_t turn) {
    struct tpi_watch *watch = &scheduler->watch;
    /* seq_cst: partner is the load in tpi_worker_idle; the look at the mask comes after it */
    atomic_exchange_explicit(&watch->asleep, 1, memory_order_seq_cst);
    if (all_asleep(scheduler)) tpi_futex_wait(&watch->turn, turn, TP_FOREVER);
    /* relaxed: a waker that still sees it turns once for nothing */
    atomic_store_explicit(&watch->asleep, 0, memory_order_relaxed);
}

static void turn_watch(struct tpi_watch *watch) {
    /* release: partner is the acquire load in watch_main */
    atomic_fetch_add_explicit(&watch->turn, 1, memory_order_release);
    tpi_futex_wake(&watch->turn, 1);
}

void tpi_watch_wake(struct tpi_scheduler *scheduler) {
    /* relaxed: one of those that see it wakes, and that is enough */
    if (atomic_exchange_explicit(&scheduler->watch.asleep, 0, memory_order_relaxed) != 0)
        turn_watch(&scheduler->watch);
}

static void watch_main(void *arg) {
    TPI_CHECK(((struct tpi_scheduler *)arg)->watch.options.stuck_after > 0);
    struct tpi_scheduler *scheduler = arg;
    struct tpi_watch *watch = &scheduler->watch;
    tp_duration period = watch->options.stuck_after / 2;
    if (period < PERIOD_MIN) period = PERIOD_MIN;
    unsigned calm = 0;
    for (;;) {
        /* acquire: partner is turn_watch; `ending` is read after it */
        uint32_t turn = atomic_load_explicit(&watch->turn, memory_order_acquire);
        /* relaxed: see above */
        if (atomic_load_explicit(&watch->ending, memory_order_relaxed)) return;
        look(scheduler);
        /* relaxed: this thread writes it */
        bool nobody = atomic_load_explicit(&watch->stuck, memory_order_relaxed) == 0;
        calm = nobody && all_asleep(scheduler) ? calm + 1 : 0;
        if (calm >= CALM_LOOKS) rest(scheduler, turn);
        else tpi_futex_wait(&watch->turn, turn, period);
    }
}

tp_err tpi_watch_start(struct tpi_scheduler *scheduler) {
    struct tpi_watch *watch = &scheduler->watch;
    if (watch->options.stuck_after == TP_FOREVER) return TP_OK;
    TPI_ASSERT(watch->options.stuck_after > 0);
    tp_err err = tpi_thread_start(&watch->thread, "tp-watch", watch_main, scheduler);
    watch->started = err == TP_OK;
    return err;
}

void tpi_watch_stop(struct tpi_scheduler *scheduler) {
    struct tpi_watch *watch = &scheduler->watch;
    if (!watch->started) return;
    /* relaxed: turn_watch releases it */
    atomic_store_explicit(&watch->ending, true, memory_order_relaxed);
    turn_watch(watch);
    tpi_thread_join(watch->thread);
    watch->started = false;
}
