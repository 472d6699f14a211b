/*
 * The scheduler: workers that run runnables, and nothing else. It has never heard of actors.
 *
 * A worker thread runs its loop on a fiber. A runnable that has to wait keeps that fiber
 * (tpi_worker_suspend) and the thread goes on with a spare one; when the runnable is resumed
 * (tpi_worker_resume), its fiber becomes the loop's, and the one that resumed it becomes spare. So
 * nothing may hold a worker pointer across a suspension: the one that returns is the one to use.
 *
 * A runnable is ready in at most one place. Who may make it ready, and when, is its owner's
 * protocol (core/actor/mailbox.h for actors).
 */
#ifndef TPI_SCHEDULER_H
#define TPI_SCHEDULER_H

#include "core/fiber/fiber.h"
#include "core/memory/pool.h"
#include "core/queue/queue.h"
#include "core/scheduler/account.h"
#include "core/scheduler/driver.h"
#include "core/scheduler/runnable.h"
#include "core/scheduler/timer.h"
#include "core/scheduler/watch.h"
#include "core/trace/trace.h"

#define TPI_SPARES_MAX 16 /* fibers a worker keeps for the next suspension */

struct tpi_worker {
    /* ---- its own thread's, hot ---- */
    _Atomic(struct tpi_runnable *) next; /* runs next, is never stolen: the partner just woken */
    uint32_t streak;                     /* how often in a row `next` went before the queue */
    _Atomic(bool) direct;   /* `next` may be used: not under a driver's queue, not FIFO */
    _Atomic(uint8_t) watch; /* TPI_WATCH_*: looked at after every slice */
    bool sim;               /* the driver picks */
    bool tracing;           /* a hook was there when the slice began */
    bool escaping;          /* tpi_worker_escape is under way */
    bool has_high;          /* queue_high may hold something */
    bool may_steal;         /* it slept since its last fruitless steal */
    struct tpi_pool *pool;
    _Atomic(struct tpi_runnable *) running; /* NULL between two slices: see watch.h */
    void *system;                           /* the owner's: struct tp_runtime */
    struct tpi_fiber *fiber;                /* the loop runs on it */
    struct tpi_scheduler *scheduler;
    uint32_t turn; /* slices, for what is done now and then */
    uint32_t index;
    void (*after)(struct tpi_worker *worker,
                  void *arg); /* to be called after the switch under way */
    void *after_arg;
    uint32_t spare_count;
    struct tpi_runnable *first; /* what a fresh fiber runs before it picks */
    struct tpi_fiber *spares;
    uint64_t refs; /* the next reference of this worker */
    struct tpi_counters counters;
    _Atomic(uint64_t) left;       /* fibers suspended here; the sum less */
    _Atomic(uint64_t) rejoined;   /* those resumed or dropped here is what is blocked */
    struct tpi_accounts accounts; /* the owner's */

    /* ---- taken from by thieves ---- */
    struct tpi_deque queue; /* normal priority */
    struct tpi_deque queue_high;
    struct tpi_deque queue_low;

    /* ---- written by others ---- */
    _Alignas(64) _Atomic(uint32_t) wake; /* futex: 0 asleep, 1 woken */
    struct tpi_inject inbound;           /* runnables that must run here */
    struct tpi_wheel wheel;

    /* ---- its own thread's, cold ---- */
    _Alignas(64) tp_time looked_at; /* when look_is_due last read the clock */
    tp_time events_at;              /* when descriptors were last taken under a backlog */
    bool slow;                      /* its slices are long: it looks for timers after each */
    tp_duration backoff;            /* between looks at other workers' queues; 0: at once */
    uint64_t flooded;               /* messages sent to busy receivers since it last stole */
    tp_time stole_at;               /* when it last stole, 0: it is not living on stolen work */
    uint32_t fruitless;             /* looks in a row that found nothing */
    bool dedicated;                 /* a thread beside the workers, for one actor */
    bool aside;                     /* takes from `inbound` alone: dedicated, or a spare at rest */
    bool spare;                     /* works while another is stuck */
    _Atomic(bool) active;           /* a spare: it is to work */
    _Atomic(bool) claimed;          /* dedicated: in use */
    struct tpi_watched watched;
    tpi_thread thread;
    bool started;
    _Atomic(bool) ended;   /* the loop is over */
    void *allocation;      /* what to free: the struct is aligned within */
    void *crash;           /* the owner's: for faults of this thread */
    struct tpi_fiber base; /* the thread's own stack */
};

struct tpi_scheduler {
    const struct tpi_driver *driver;
    const struct tpi_runnable_ops *ops;
    struct tpi_memory *memory;
    struct tpi_stacks *stacks;
    void *system;
    void *allocation; /* what to free: the struct is aligned within */
    tp_strategy strategy;
    size_t stack_size;                           /* usable bytes of a cached stack */
    unsigned count;                              /* workers; dedicated ones come after */
    struct tpi_worker *workers[TPI_WORKERS_MAX]; /* `count`, then dedicated ones, then spares */
    struct tpi_trace_sink trace;   /* its hook is read in each slice: with what does not change */
    _Alignas(64) tpi_mutex growth; /* of dedicated workers */
    _Atomic(uint32_t) grown;       /* dedicated workers made: the first so many of their places */

    /* a bit a worker that sleeps: the `count`, then the spares; not the dedicated */
    _Alignas(64) _Atomic(uint64_t) idle[TPI_IDLE_WORDS];
    _Atomic(uint32_t) deep; /* workers that sleep until they are woken */
    _Atomic(uint32_t) stopping;
    _Alignas(64) struct tpi_inject inject; /* from outside, and what a full queue spilled */
    _Alignas(64) struct tpi_poller *poller;
    _Atomic(uint32_t) polling; /* 1: a worker waits in the poller */
    _Atomic(uint32_t) poller_worker;
    _Atomic(uint32_t) descriptors;            /* armed in the poller */
    _Alignas(64) struct tpi_counters outside; /* of threads that are no workers */
    _Alignas(64) struct tpi_watch watch;
};

/* ---- life (scheduler.c) ---- */

struct tpi_scheduler_options {
    const struct tpi_driver *driver;
    const struct tpi_runnable_ops *ops;
    struct tpi_memory *memory; /* with tpi_scheduler_places() pools */
    void *system;
    unsigned workers;
    tp_strategy strategy;
    size_t stack_size;
    struct tpi_watch_options watch;
};
tp_err tpi_scheduler_new(struct tpi_scheduler **out, const struct tpi_scheduler_options *options);
/* Starts the threads (none under a driver that picks). */
tp_err tpi_scheduler_start(struct tpi_scheduler *scheduler);
/* Ends the threads after their current slices; what is still queued is forgotten. */
void tpi_scheduler_stop(struct tpi_scheduler *scheduler);
void tpi_scheduler_free(struct tpi_scheduler *scheduler);
/* A worker thread that runs only what is pinned to it. TP_ENOMEM: no more of them. */
tp_err tpi_scheduler_dedicate(struct tpi_scheduler *scheduler, unsigned *index);
void tpi_scheduler_undedicate(struct tpi_scheduler *scheduler, unsigned index);

/* ---- making ready (worker.c) ---- */

void tpi_worker_schedule_slow(struct tpi_worker *worker, struct tpi_runnable *runnable);

/* Makes a runnable ready that is nowhere ready now; it was woken by what runs on `worker`. */
static inline void tpi_worker_schedule(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    /* relaxed: this thread puts there what is there; the watch, which takes it, leaves NULL */
    if (atomic_load_explicit(&worker->next, memory_order_relaxed) == NULL &&
        /* relaxed: the watch looks again when it comes too late for this */
        atomic_load_explicit(&worker->direct, memory_order_relaxed) &&
        (runnable->priority | runnable->flags) == 0) {
        /* release: partner is sweep (watch.c): what was done to the runnable's owner comes too */
        atomic_store_explicit(&worker->next, runnable, memory_order_release);
        return;
    }
    tpi_worker_schedule_slow(worker, runnable);
}
/* The same for one whose turn is over: behind all others. */
void tpi_worker_requeue(struct tpi_worker *worker, struct tpi_runnable *runnable);
/* From a thread that is no worker. */
void tpi_scheduler_schedule(struct tpi_scheduler *scheduler, struct tpi_runnable *runnable);
/* A chain, none pinned: wakes one worker, which wakes another for what it leaves. */
void tpi_scheduler_schedule_chain(struct tpi_scheduler *scheduler, struct tpi_node *first,
                                  struct tpi_node *last, uint32_t count);

/* ---- waiting (worker.c) ---- */

/*
 * Stops the running fiber: it is stored in *fiber, and `after(worker, arg)` is called when it has
 * been left (only then may another worker resume it). Returns, when someone resumes it, the worker
 * it now runs on. TP_ENOMEM: no spare fiber; nothing happened.
 */
tp_err tpi_worker_suspend(struct tpi_worker **worker, struct tpi_fiber **fiber,
                          void (*after)(struct tpi_worker *, void *), void *arg);
/* Goes on with a fiber that was suspended. The caller's own becomes spare: this returns when the
 * spare is used again, so the caller must return at once, with the worker that is returned. */
struct tpi_worker *tpi_worker_resume(struct tpi_worker *worker, struct tpi_fiber *fiber);
/* Goes on with a fresh fiber of another stack size, which first runs `runnable`. As resume. */
tp_err tpi_worker_enter(struct tpi_worker **worker, size_t stack_size,
                        struct tpi_runnable *runnable);
void tpi_worker_drop(struct tpi_worker *worker, struct tpi_fiber *fiber); /* and its frames */
/* Leaves the running runnable's frames for the loop, which calls ops->escaped. */
_Noreturn void tpi_worker_escape(struct tpi_worker *worker);

/* ---- for the loop and the drivers (worker.c, park.c) ---- */

void tpi_worker_loop(void *fiber); /* a loop fiber's entry; fiber->user is its worker */
struct tpi_runnable *tpi_worker_pick(struct tpi_worker *worker); /* NULL: it is to stop */
bool tpi_worker_housekeeping(struct tpi_worker *worker);         /* true: something became ready */
bool tpi_worker_steal(struct tpi_worker *worker);
void tpi_worker_idle(struct tpi_worker *worker);  /* sleeps until there may be something to do */
void tpi_worker_empty(struct tpi_worker *worker); /* its queues go to the common one; itself */
/* Wakes a sleeping worker, if there is one. Any thread; after the runnable was pushed. */
void tpi_scheduler_wake_one(struct tpi_scheduler *scheduler);
void tpi_scheduler_wake(struct tpi_scheduler *scheduler, unsigned index);
void tpi_scheduler_rouse(struct tpi_scheduler *scheduler, unsigned index); /* in any state */

static inline tp_time tpi_scheduler_now(const struct tpi_scheduler *scheduler) {
    return scheduler->driver->now(scheduler->driver->context);
}

#endif
