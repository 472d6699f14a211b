/*
 * A worker: its loop, how things become ready on it, and how its fiber is kept and exchanged.
 *
 * The loop's fiber changes: whoever suspends keeps the fiber, whoever resumes gives the loop to the
 * fiber that it resumes. `fiber->user` is the worker a fiber runs on; it is written by the worker
 * that switches to it, on that worker's own thread, and read by the code on the fiber: so no
 * thread-local is needed.
 */
#include <setjmp.h>

#include "core/scheduler/scheduler.h"

#include "core/base/assert.h"

#define ALWAYS __attribute__((always_inline)) inline
#define STREAK_MAX 64u /* slices that `next` may go before the queue */
#define HOUSEKEEPING_TURNS 32u
#define LOW_TURNS 8u /* one low-priority slice in so many */
#define CLOCK_TURNS 4u
#define LOOK_EVERY TP_US(500)
#define OUTSIDE_TURNS 16u /* one slice in so many for the first of the common queue */
#define YOUNG_STREAK 256u /* young ones that run before everyone in the queue has a turn */
#define YOUNG_OLDEST 64u  /* one young slice in so many is the oldest's */
#define INJECT_BATCH 64u
#define EVENTS_BATCH 64u
#define BACKLOG 64u           /* ready ones beyond which the descriptors wait */
#define BACKLOG_LOOK TP_MS(2) /* but not longer than this ... */
#define BACKLOG_EVENTS 8u     /* ... for so many of them */

/* ---- ready ---- */

/* What it runs; NULL between two slices. */
TPI_FOR_CHECKS struct tpi_runnable *peek_running(const struct tpi_worker *worker) {
    /* relaxed: this thread's own */
    return atomic_load_explicit(&worker->running, memory_order_relaxed);
}

static struct tpi_runnable *runnable_of(struct tpi_node *node) {
    return (struct tpi_runnable *)(void *)node; /* its first field */
}

static struct tpi_deque *queue_for(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(runnable->priority <= TP_PRIORITY_LOW);
    uint8_t marks = tpi_runnable_marks(runnable);
    bool young = marks & TPI_RUNNABLE_YOUNG;
    if (young) tpi_runnable_mark(runnable, marks & (uint8_t)~TPI_RUNNABLE_YOUNG);
    switch (runnable->priority) {
    case TP_PRIORITY_HIGH: worker->has_high = true; return &worker->queue_high;
    case TP_PRIORITY_LOW: return &worker->queue_low;
    default:
        return young && worker->scheduler->strategy == TP_STRATEGY_STEAL ? &worker->young
                                                                         : &worker->queue;
    }
}

static void push_local(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_worker_is_here(worker));
    TPI_CHECK(!worker->aside && !tpi_runnable_is_pinned(runnable));
    struct tpi_deque *queue = queue_for(worker, runnable);
    struct tpi_scheduler *scheduler = worker->scheduler;
    if (scheduler->strategy == TP_STRATEGY_FIFO) {
        tpi_inject_push(&scheduler->inject, &runnable->node, &runnable->node, 1);
    } else {
        while (!tpi_deque_push(queue, &runnable->node)) {
            uint32_t count = 0;
            struct tpi_node *last, *first = tpi_deque_spill(queue, &last, &count);
            if (first != NULL) tpi_inject_push(&scheduler->inject, first, last, count);
        }
    }
    /* relaxed: a hint. A worker that goes to sleep while others are awake looks again after a
     * bounded time (park.c), and this worker runs what it pushed in any case */
    if (atomic_load_explicit(&scheduler->deep, memory_order_relaxed) > 0)
        tpi_scheduler_wake_one(scheduler);
}

static void push_pinned(struct tpi_scheduler *scheduler, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_runnable_is_pinned(runnable));
    unsigned index = scheduler->ops->place(scheduler, runnable);
    TPI_ASSERT(scheduler->workers[index] != NULL);
    tpi_runnable_settle(runnable, index);
    tpi_inject_push(&scheduler->workers[index]->inbound, &runnable->node, &runnable->node, 1);
    tpi_scheduler_wake(scheduler, index);
}

void tpi_worker_schedule_slow(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_worker_is_here(worker));
    struct tpi_scheduler *scheduler = worker->scheduler;
    if (worker->sim) {
        scheduler->driver->enqueue(scheduler->driver->context, worker, runnable);
    } else if (tpi_runnable_is_pinned(runnable)) {
        push_pinned(scheduler, runnable);
    } else if (worker->aside ||
               /* relaxed: set by the watch, which looks again when it comes too late for this */
               atomic_load_explicit(&worker->watch, memory_order_relaxed) & TPI_WATCH_STUCK) {
        tpi_scheduler_schedule(scheduler, runnable);
    } else {
        push_local(worker, runnable);
    }
}

void tpi_worker_requeue(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_worker_is_here(worker));
    tpi_worker_schedule_slow(worker, runnable);
}

void tpi_scheduler_schedule(struct tpi_scheduler *scheduler, struct tpi_runnable *runnable) {
    if (scheduler->driver->enqueue != NULL) {
        scheduler->driver->enqueue(scheduler->driver->context, NULL, runnable);
    } else if (tpi_runnable_is_pinned(runnable)) {
        push_pinned(scheduler, runnable);
    } else {
        tpi_inject_push(&scheduler->inject, &runnable->node, &runnable->node, 1);
        tpi_scheduler_wake_one(scheduler);
    }
}

void tpi_scheduler_schedule_chain(struct tpi_scheduler *scheduler, struct tpi_node *first,
                                  struct tpi_node *last, uint32_t count) {
    TPI_CHECK(first != NULL && last != NULL && count > 0);
    if (scheduler->driver->enqueue == NULL) {
        /* relaxed: a hint to who may linger (park.c) */
        atomic_fetch_add_explicit(&scheduler->arrivals, 1, memory_order_relaxed);
        tpi_inject_push(&scheduler->inject, first, last, count);
        /* acq_rel read-modify-write that changes nothing, after the push: partner is linger
         * (park.c), which counts itself out and then looks again. A plain load could be ordered
         * before the push, and nobody would come for it */
        if (atomic_fetch_or_explicit(&scheduler->lingering, 0, memory_order_acq_rel) == 0)
            tpi_scheduler_wake_one(scheduler);
        return;
    }
    for (struct tpi_node *next; first != NULL; first = next) {
        next = first->next; /* read first: it is in another queue then */
        tpi_scheduler_schedule(scheduler, runnable_of(first));
    }
}

static void take_chain(struct tpi_worker *worker, struct tpi_node *node) {
    TPI_CHECK(!worker->aside);
    while (node != NULL) {
        struct tpi_node *next = node->next;
        struct tpi_runnable *runnable = runnable_of(node);
        if (!tpi_deque_push(queue_for(worker, runnable), node))
            tpi_inject_push(&worker->scheduler->inject, node, node, 1);
        node = next;
    }
}

/* A share of what came from outside for all workers, as far as the own queue has room. */
static void take_outside(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    struct tpi_scheduler *scheduler = worker->scheduler;
    uint32_t count = 0;
    uint32_t length = tpi_inject_length(&scheduler->inject);
    if (length == 0 || worker->aside) return;
    uint32_t share = length / scheduler->count + 1;
    uint32_t room = TPI_DEQUE_SIZE - tpi_deque_length(&worker->queue);
    if (share > INJECT_BATCH) share = INJECT_BATCH;
    if (scheduler->strategy == TP_STRATEGY_FIFO) share = 1;
    if (share > room) share = room;
    if (share == 0) return;
    take_chain(worker, tpi_inject_take(&scheduler->inject, share, &count));
    if (count < length) tpi_scheduler_wake_one(scheduler);
}

/* The first of the common queue, to be run at once: a queue that its worker keeps full, and spills
 * from its old end, would else never let it in. */
static struct tpi_runnable *take_first_outside(struct tpi_worker *worker) {
    struct tpi_scheduler *scheduler = worker->scheduler;
    uint32_t count;
    if (worker->aside || scheduler->strategy == TP_STRATEGY_FIFO ||
        tpi_inject_length(&scheduler->inject) == 0)
        return NULL;
    return runnable_of(tpi_inject_take(&scheduler->inject, 1, &count));
}

/*
 * How many descriptors to take. What they make ready goes before the common queue: taken faster
 * than it is run, it would spill over into that queue and wait there while later ones run (10,000
 * connections, each asking again at once: a p99 of five times the median). The kernel keeps their
 * order, so they wait there; under a backlog that never ends they have a share.
 */
static unsigned events_due(struct tpi_worker *worker) {
    TPI_CHECK(!worker->aside);
    struct tpi_scheduler *scheduler = worker->scheduler;
    uint32_t backlog = tpi_deque_length(&worker->queue) + tpi_deque_length(&worker->young) +
                       tpi_inject_length(&scheduler->inject);
    if (backlog <= BACKLOG) return EVENTS_BATCH;
    tp_time now = tpi_scheduler_now(scheduler);
    if (now - worker->events_at < BACKLOG_LOOK) return 0;
    worker->events_at = now;
    return BACKLOG_EVENTS;
}

/* Looks at the descriptors without waiting, unless a worker waits for them: this look would read
 * away that worker's wake-up (tests/models/parking.pml, BUG_LOOK_UNCLAIMED). */
static void take_events(struct tpi_worker *worker) {
    TPI_CHECK(!worker->sim);
    struct tpi_scheduler *scheduler = worker->scheduler;
    uint32_t nobody = 0;
    unsigned due;
    /* relaxed: a hint; a descriptor armed later wakes a sleeper (core/io) */
    if (atomic_load_explicit(&scheduler->descriptors, memory_order_relaxed) == 0 ||
        (due = events_due(worker)) == 0 ||
        /* acq_rel: one worker at a time in the poller; partner is the release store below and the
         * exchange in sleep_in_poller (park.c) */
        !atomic_compare_exchange_strong_explicit(&scheduler->polling, &nobody, 1,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return;
    struct tpi_poll_event events[EVENTS_BATCH];
    unsigned count = tpi_poller_wait(scheduler->poller, events, due, 0);
    /* release: partner is the exchange above */
    atomic_store_explicit(&scheduler->polling, 0, memory_order_release);
    for (unsigned i = 0; i < count; i++)
        scheduler->ops->ready(scheduler, worker, events[i].token, events[i].ready);
}

static struct tpi_runnable *peek_next(const struct tpi_worker *worker) {
    /* relaxed: between two slices it is this thread's alone */
    return atomic_load_explicit(&worker->next, memory_order_relaxed);
}

static bool has_ready(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    return peek_next(worker) != NULL || tpi_inject_length(&worker->inbound) > 0 ||
           tpi_worker_has_queued(worker);
}

bool tpi_worker_housekeeping(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && peek_running(worker) == NULL);
    if (__builtin_expect(worker->spare, 0)) tpi_watch_tend(worker);
    if (tpi_wheel_next(&worker->wheel) != TP_FOREVER) {
        tp_time now = tpi_scheduler_now(worker->scheduler);
        if (now >= tpi_wheel_next(&worker->wheel)) tpi_wheel_advance(&worker->wheel, now, worker);
    }
    if (__builtin_expect(tpi_watch_has_stuck(&worker->scheduler->watch), 0))
        tpi_watch_serve_timers(worker);
    take_outside(worker);
    if (!worker->aside) take_events(worker);
    return has_ready(worker);
}

static struct tpi_node *take_queue(struct tpi_worker *worker, struct tpi_deque *queue) {
    return worker->scheduler->strategy == TP_STRATEGY_LIFO ? tpi_deque_take_last(queue)
                                                           : tpi_deque_take(queue);
}

/*
 * Young ones go first, the last of them before the others: who starts many that start many more
 * (fork and join) then works in depth, so that few of them live at a time and what they leave
 * behind is in the cache; breadth first, fib(25) has 50,000 alive and takes three times as long.
 * Nobody starves: after YOUNG_STREAK of them everyone who waits in the queue has a turn, and now
 * and then it is the oldest young one's.
 */
static struct tpi_node *take_normal(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    struct tpi_node *node;
    if (worker->elders_due > 0) {
        worker->elders_due--;
        if ((node = take_queue(worker, &worker->queue)) != NULL) return node;
        worker->elders_due = 0;
    }
    if (tpi_deque_length(&worker->young) > 0) {
        worker->young_turn++;
        if (worker->young_turn % YOUNG_STREAK == 0)
            worker->elders_due = tpi_deque_length(&worker->queue);
        node = worker->young_turn % YOUNG_OLDEST == 0 ? tpi_deque_take(&worker->young)
                                                      : tpi_deque_take_last(&worker->young);
        if (node != NULL) return node;
    }
    return take_queue(worker, &worker->queue);
}

static struct tpi_runnable *take_next(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && peek_running(worker) == NULL);
    struct tpi_runnable *runnable = peek_next(worker);
    /* relaxed: as in peek_next */
    atomic_store_explicit(&worker->next, NULL, memory_order_relaxed);
    return runnable;
}

/* What is pinned here stays out of the queue, where thieves could take it. What a thief gave back
 * goes into it: if this worker's slices are long, it had better be stolen again. */
static struct tpi_runnable *take_pinned(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    uint32_t count;
    while (tpi_inject_length(&worker->inbound) > 0) {
        struct tpi_node *node = tpi_inject_take(&worker->inbound, 1, &count);
        if (node == NULL || tpi_runnable_is_pinned(runnable_of(node))) return runnable_of(node);
        take_chain(worker, node);
    }
    return NULL;
}

/* High priority, then the partner just woken, then the queue; now and then a low one. */
static struct tpi_runnable *take_ready(struct tpi_worker *worker) {
    TPI_CHECK(peek_running(worker) == NULL);
    struct tpi_node *node;
    struct tpi_runnable *pinned;
    if (__builtin_expect(worker->has_high, 0)) {
        if ((node = take_queue(worker, &worker->queue_high)) != NULL) return runnable_of(node);
        worker->has_high = false;
    }
    if (worker->turn % 2 == 0 && (pinned = take_pinned(worker)) != NULL) return pinned;
    /* when partners had their share of slices, the queue has as many: a pair that talks would get
     * 64 slices for each one of a thousand others */
    bool shared = worker->streak >= STREAK_MAX && worker->streak < 2 * STREAK_MAX;
    worker->streak = shared ? worker->streak + 1 : 0;
    if (worker->slow) { /* every slice comes through here, and the partner takes turns */
        worker->streak = STREAK_MAX;
        if (worker->turn % 2 == 0 && peek_next(worker) != NULL) return take_next(worker);
    }
    if (worker->turn % LOW_TURNS == 0 && (node = take_queue(worker, &worker->queue_low)) != NULL)
        return runnable_of(node);
    if ((node = take_normal(worker)) != NULL) return runnable_of(node);
    worker->streak = 0;
    if (peek_next(worker) != NULL) return take_next(worker);
    if ((pinned = take_pinned(worker)) != NULL) return pinned;
    return runnable_of(take_queue(worker, &worker->queue_low));
}

static bool stopping(const struct tpi_worker *worker) {
    /* acquire: partner is the release store in tpi_scheduler_stop; nothing else hangs on it */
    return atomic_load_explicit(&worker->scheduler->stopping, memory_order_acquire) != 0;
}

/* Where slices are long, so many turns would let timers and descriptors wait: then the clock
 * decides, and each slice is followed by a look. */
static bool look_is_due(struct tpi_worker *worker) {
    TPI_CHECK(!worker->sim);
    struct tpi_scheduler *scheduler = worker->scheduler;
    if (worker->turn % HOUSEKEEPING_TURNS == 0) return true;
    if (!worker->slow && worker->turn % CLOCK_TURNS != 0) return false;
    if (tpi_wheel_next(&worker->wheel) == TP_FOREVER &&
        /* relaxed: a hint, as in take_events */
        atomic_load_explicit(&scheduler->descriptors, memory_order_relaxed) == 0)
        return false;
    tp_time now = tpi_scheduler_now(scheduler);
    worker->slow = now - worker->looked_at > LOOK_EVERY;
    worker->looked_at = now;
    return worker->slow;
}

struct tpi_runnable *tpi_worker_pick(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && peek_running(worker) == NULL);
    for (;;) {
        worker->turn++;
        if (look_is_due(worker)) {
            if (stopping(worker)) return NULL;
            if (worker->stole_at != 0) tpi_worker_reconsider(worker);
            tpi_worker_housekeeping(worker);
        }
        struct tpi_runnable *runnable =
            worker->turn % OUTSIDE_TURNS == 0 ? take_first_outside(worker) : NULL;
        if (runnable == NULL) runnable = take_ready(worker);
        if (runnable != NULL) return runnable;
        if (stopping(worker)) return NULL;
        if (tpi_worker_housekeeping(worker) || tpi_worker_steal(worker)) continue;
        tpi_worker_idle(worker);
    }
}

/* ---- the loop and its fibers ---- */

static void run_after(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker));
    if (worker->after == NULL) return;
    void (*after)(struct tpi_worker *, void *) = worker->after;
    worker->after = NULL;
    after(worker, worker->after_arg);
}

/* Goes on with `to`; returns, on whatever worker comes back to this fiber, that worker. */
static struct tpi_worker *switch_to(struct tpi_worker *worker, struct tpi_fiber *to) {
    TPI_CHECK(tpi_worker_is_here(worker) && to->stack_pointer != NULL);
    struct tpi_fiber *from = worker->fiber;
    TPI_ASSERT(from != to);
    worker->fiber = to;
    to->user = worker;
    tpi_fiber_switch(from, to);
    worker = from->user;
    run_after(worker);
    return worker;
}

static ALWAYS void run_one(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_worker_is_here(worker) && runnable != NULL);
    struct tpi_scheduler *scheduler = worker->scheduler;
    /* relaxed: the hook itself is read with acquire when an event is made */
    worker->tracing = atomic_load_explicit(&scheduler->trace.hook, memory_order_relaxed) != NULL;
    tpi_count(&worker->counters.slices, 1);
    /* release: partner is the acquire load in still_there (watch.c): who sees it sees the count */
    atomic_store_explicit(&worker->running, runnable, memory_order_release);
    scheduler->ops->run(worker, runnable);
}

/* From here on the queues, and `next`, are this thread's again. */
static ALWAYS void end_slice(struct tpi_worker *worker) {
    /* relaxed, and a fence that only keeps the compiler: the watch runs the processor's for both
     * sides, between its store of `watch` and its load of `running` (watch.h) */
    atomic_store_explicit(&worker->running, NULL, memory_order_relaxed);
    __asm__ volatile("" ::: "memory");
    /* relaxed: what it stands for is taken back under a lock */
    if (__builtin_expect(atomic_load_explicit(&worker->watch, memory_order_relaxed) != 0, 0))
        tpi_watch_slice_end(worker);
}

static void pass_on(struct tpi_worker *worker, struct tpi_worker *to,
                    struct tpi_runnable *runnable) {
    TPI_CHECK(!tpi_runnable_is_pinned(runnable)); /* what is pinned is in no queue of thieves */
    if (to == NULL) tpi_scheduler_schedule(worker->scheduler, runnable);
    else tpi_inject_push(&to->inbound, &runnable->node, &runnable->node, 1);
}

void tpi_worker_empty(struct tpi_worker *worker, struct tpi_worker *to) {
    TPI_CHECK(tpi_worker_is_here(worker) && peek_running(worker) == NULL && worker != to);
    struct tpi_deque *queues[] = {&worker->queue_high, &worker->young, &worker->queue,
                                  &worker->queue_low};
    if (peek_next(worker) != NULL) pass_on(worker, to, take_next(worker));
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        for (struct tpi_node *node; (node = tpi_deque_take(queues[i])) != NULL;)
            pass_on(worker, to, runnable_of(node));
    if (to != NULL) tpi_scheduler_wake(worker->scheduler, to->index);
}

static void push_spare(struct tpi_worker *worker, struct tpi_fiber *fiber) {
    TPI_CHECK(fiber != &worker->base);
    fiber->next = worker->spares;
    worker->spares = fiber;
    worker->spare_count++;
}

/* The partner just woken, when nothing says that anything else should go first: the shortest
 * way. */
static ALWAYS struct tpi_runnable *take_partner(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && peek_running(worker) == NULL);
    struct tpi_runnable *partner = peek_next(worker);
    if (partner == NULL || worker->has_high || worker->streak >= STREAK_MAX) return NULL;
    worker->streak++;
    /* relaxed: as in peek_next */
    atomic_store_explicit(&worker->next, NULL, memory_order_relaxed);
    return partner;
}

static __attribute__((noinline)) struct tpi_runnable *pick(struct tpi_worker *worker) {
    if (!worker->sim) return tpi_worker_pick(worker);
    return worker->scheduler->driver->pick(worker->scheduler->driver->context, &worker);
}

/* Slices, until the worker is to stop. Apart from the frame that escapes come back to, in which
 * nothing may stay in a register. */
static __attribute__((noinline)) void run_slices(struct tpi_fiber *fiber) {
    for (;;) {
        struct tpi_worker *worker = fiber->user;
        end_slice(worker);
        struct tpi_runnable *runnable = take_partner(worker);
        if (runnable == NULL) {
            runnable = pick(worker);
            worker = fiber->user; /* a driver may have gone away and come back elsewhere */
            if (runnable == NULL) return;
        }
        run_one(worker, runnable);
    }
}

void tpi_worker_loop(void *arg) {
    struct tpi_fiber *fiber = arg;
    jmp_buf escape;
    fiber->frame = &escape;
    if (_setjmp(escape) == 0) run_after(fiber->user);
    struct tpi_worker *worker = fiber->user;
    if (worker->escaping) {
        worker->escaping = false;
        /* relaxed: this thread's own */
        worker->scheduler->ops->escaped(
            worker, atomic_load_explicit(&worker->running, memory_order_relaxed));
    }
    if (worker->first != NULL) {
        struct tpi_runnable *first = worker->first;
        worker->first = NULL;
        run_one(worker, first);
    }
    run_slices(fiber);
    worker = fiber->user;
    push_spare(worker, worker->fiber); /* freed with the worker */
    switch_to(worker, &worker->base);
    TPI_ASSERT(false); /* a loop is not resumed after its end */
    __builtin_unreachable();
}

void tpi_worker_escape(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && !worker->escaping);
    /* relaxed: this thread's own */
    TPI_ASSERT(atomic_load_explicit(&worker->running, memory_order_relaxed) != NULL);
    TPI_ASSERT(worker->fiber->frame != NULL);
    worker->escaping = true;
    jmp_buf *escape = worker->fiber->frame;
    _longjmp(*escape, 1);
}

static struct tpi_fiber *new_fiber(struct tpi_worker *worker, size_t stack_size) {
    struct tpi_fiber *fiber =
        tpi_fiber_new(worker->scheduler->stacks, stack_size, tpi_worker_loop, NULL);
    if (fiber == NULL) return NULL;
    fiber->frame = NULL;
    fiber->user = worker;
    tpi_fiber_reset(fiber, tpi_worker_loop, fiber);
    return fiber;
}

static struct tpi_fiber *take_spare(struct tpi_worker *worker) {
    TPI_CHECK((worker->spares == NULL) == (worker->spare_count == 0));
    struct tpi_fiber *fiber = worker->spares;
    if (fiber == NULL) return new_fiber(worker, 0);
    worker->spares = fiber->next;
    worker->spare_count--;
    return fiber;
}

static void free_fiber(struct tpi_worker *worker, void *fiber) {
    tpi_fiber_free(worker->scheduler->stacks, fiber);
}

static bool keeps_spare(const struct tpi_worker *worker, const struct tpi_fiber *fiber) {
    TPI_CHECK(fiber != NULL);
    return worker->spare_count < TPI_SPARES_MAX &&
           tpi_fiber_is_usual(worker->scheduler->stacks, fiber);
}

tp_err tpi_worker_suspend(struct tpi_worker **worker, struct tpi_fiber **fiber,
                          void (*after)(struct tpi_worker *, void *), void *arg) {
    TPI_CHECK(tpi_worker_is_here(*worker) && after != NULL);
    struct tpi_worker *here = *worker;
    TPI_ASSERT(here->after == NULL);
    struct tpi_fiber *spare = take_spare(here);
    if (spare == NULL) return TP_ENOMEM;
    *fiber = here->fiber;
    tpi_count(&here->left, 1);
    here->after = after;
    here->after_arg = arg;
    *worker = switch_to(here, spare);
    return TP_OK;
}

/* The current fiber becomes spare, or is freed once it has been left. */
static void retire_current(struct tpi_worker *worker) {
    TPI_CHECK(worker->fiber != NULL && worker->fiber != &worker->base);
    TPI_ASSERT(worker->after == NULL);
    if (keeps_spare(worker, worker->fiber)) {
        push_spare(worker, worker->fiber);
    } else {
        worker->after = free_fiber;
        worker->after_arg = worker->fiber;
    }
}

struct tpi_worker *tpi_worker_resume(struct tpi_worker *worker, struct tpi_fiber *fiber) {
    TPI_CHECK(tpi_worker_is_here(worker) && fiber != worker->fiber);
    tpi_count(&worker->rejoined, 1);
    retire_current(worker);
    return switch_to(worker, fiber);
}

tp_err tpi_worker_enter(struct tpi_worker **worker, size_t stack_size,
                        struct tpi_runnable *runnable) {
    TPI_CHECK(tpi_worker_is_here(*worker) && runnable != NULL);
    TPI_ASSERT((*worker)->first == NULL);
    struct tpi_fiber *fiber = new_fiber(*worker, stack_size);
    if (fiber == NULL) return TP_ENOMEM;
    (*worker)->first = runnable;
    retire_current(*worker);
    *worker = switch_to(*worker, fiber);
    return TP_OK;
}

void tpi_worker_drop(struct tpi_worker *worker, struct tpi_fiber *fiber) {
    TPI_CHECK(tpi_worker_is_here(worker) && fiber->stack_pointer != NULL);
    TPI_ASSERT(fiber != worker->fiber);
    tpi_count(&worker->rejoined, 1);
    if (!keeps_spare(worker, fiber)) {
        tpi_fiber_free(worker->scheduler->stacks, fiber);
        return;
    }
    tpi_fiber_reset(fiber, tpi_worker_loop, fiber);
    push_spare(worker, fiber);
}
