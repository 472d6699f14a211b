/*
 * A worker: its fields by the thread that touches them (scheduler.h says what it does).
 */
#ifndef TPI_WORKER_H
#define TPI_WORKER_H

#include "core/fiber/fiber.h"
#include "core/memory/pool.h"
#include "core/queue/queue.h"
#include "core/scheduler/account.h"
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
    uint32_t turn;       /* slices, for what is done now and then */
    uint32_t young_turn; /* slices of `young`, for what is done after so many of them */
    uint32_t elders_due; /* slices that `queue` has before `young` has one again */
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
    struct tpi_deque young; /* the same, those that wait for the first time: the last goes first */
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
    uint64_t flooded;               /* messages to busy receivers elsewhere since it last stole */
    uint64_t moved_in;              /* runnables that another worker ran before, since then */
    uint64_t talk_seen;             /* how much it had talked when that was last judged */
    tp_time stole_at;               /* when it last stole, 0: it is not living on stolen work */
    struct tpi_worker *robbed;      /* from whom */
    uint32_t fruitless;             /* looks in a row that found nothing */
    uint32_t arrivals;              /* the scheduler's, when it last had nothing to do */
    uint32_t linger_skip;           /* times not to linger */
    uint32_t linger_penalty;        /* how many, when it is in vain again; 0: it was not */
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
    uintptr_t on;          /* its thread while that runs, for checks; 0: none, as in a simulation */
    struct tpi_fiber base; /* the thread's own stack */
};

/* May this thread do what is the worker's own? For checks: what is said of one thread alone is
 * what ThreadSanitizer sees only when two come at once. */
static inline bool tpi_worker_is_here(const struct tpi_worker *worker) {
    return worker->on == 0 || worker->on == tpi_thread_self();
}

/* Something stands in its deques. Any thread: a hint, but for its own. */
static inline bool tpi_worker_has_queued(const struct tpi_worker *worker) {
    return tpi_deque_length(&worker->queue) > 0 || tpi_deque_length(&worker->young) > 0 ||
           tpi_deque_length(&worker->queue_high) > 0 || tpi_deque_length(&worker->queue_low) > 0;
}

#endif
