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

#include "core/base/assert.h"
#include "core/fiber/fiber.h"
#include "core/memory/pool.h"
#include "core/queue/queue.h"
#include "core/scheduler/driver.h"
#include "core/scheduler/runnable.h"
#include "core/scheduler/timer.h"
#include "core/scheduler/watch.h"
#include "core/scheduler/worker.h"
#include "core/trace/trace.h"

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
    _Atomic(uint32_t) lingering;           /* workers that look for what comes from other nodes */
    _Atomic(uint32_t) arrivals;            /* chains that came from other nodes: a hint */
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
    TPI_CHECK(tpi_worker_is_here(worker));
    /* relaxed: this thread puts there what is there; the watch, which takes it, leaves NULL */
    if (atomic_load_explicit(&worker->next, memory_order_relaxed) == NULL &&
        /* relaxed: the watch looks again when it comes too late for this */
        atomic_load_explicit(&worker->direct, memory_order_relaxed) &&
        (runnable->priority | (tpi_runnable_marks(runnable) & TPI_RUNNABLE_PINNED)) == 0) {
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
/* A chain from another node, none pinned: wakes one worker (unless one lingers, which needs no
 * waking), which wakes another for what it leaves. */
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
void tpi_worker_reconsider(struct tpi_worker *worker); /* what it stole may go back */
void tpi_worker_idle(struct tpi_worker *worker); /* sleeps until there may be something to do */
/* What is ready on it goes to another worker; NULL: to the common queue. Itself. */
void tpi_worker_empty(struct tpi_worker *worker, struct tpi_worker *to);
/* Wakes a sleeping worker, if there is one. Any thread; after the runnable was pushed. */
void tpi_scheduler_wake_one(struct tpi_scheduler *scheduler);
void tpi_scheduler_wake(struct tpi_scheduler *scheduler, unsigned index);
void tpi_scheduler_rouse(struct tpi_scheduler *scheduler, unsigned index); /* in any state */

static inline tp_time tpi_scheduler_now(const struct tpi_scheduler *scheduler) {
    return scheduler->driver->now(scheduler->driver->context);
}

#endif
