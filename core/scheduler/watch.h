/*
 * The watch: a thread that notices workers whose slice does not end, and sees to it that nobody
 * waits for them.
 *
 * A worker is stuck when one slice has lasted longer than `stuck_after`. Its structure stays its
 * own: the code that is stuck on it may go on to send, arm timers and free, as ever. But what waits
 * there for its turn goes to the common queue, and a spare worker, a real one with queues, wheel
 * and pool of its own, works as long as somebody is stuck. So:
 *
 *   deques    are emptied as thieves empty them.
 *   next      is taken by the watch, under the protocol below.
 *   inbound   pinned runnables are placed again; what may run on no other worker waits.
 *   wheel     has a lock: its timers are fired by whoever looks after its own.
 *   the rest  (pool, free slots, counters) waits, bounded, until the owner comes back.
 *
 * What the stuck code makes ready meanwhile goes to the common queue, for `watch` says so.
 *
 * The protocol. `next` belongs to its worker, which reads and writes it without ceremony, and must
 * not when the watch has it. Between two slices `running` is NULL. The worker, at a slice's end:
 * running = NULL; then looks at `watch`; if STUCK is there, it takes the lock and its things back.
 * The watch, with the lock: watch = STUCK; then looks at `running` and the count of slices; if
 * either has changed, it takes STUCK away again and has got nothing. Each writes, then reads what
 * the other writes: between the two there must be a fence on both sides, or both could read the old
 * value. A fence in every slice would be dear, so the watch has them all run one when it needs it
 * (membarrier); where that is not to be had, FENCED sends every slice's end the slow way. While the
 * worker is in its slice it writes `next` only when it finds NULL there, and the watch only takes
 * away. Modelled in tests/models/stuck.pml.
 */
#ifndef TPI_WATCH_H
#define TPI_WATCH_H

#include <stdbool.h>

#include <troupe/base.h>

#include "core/base/atomic.h"
#include "core/platform/platform.h"
#include "core/queue/queue.h"

#define TPI_DEDICATED_MAX 64 /* threads beside the workers, for actors of their own */
#define TPI_SPARE_WORKERS_MAX 64
#define TPI_IDLE_WORDS ((256 + TPI_SPARE_WORKERS_MAX) / 64)
#define TPI_WORKERS_MAX (256 + TPI_DEDICATED_MAX + TPI_SPARE_WORKERS_MAX)

struct tpi_worker;
struct tpi_scheduler;

enum tpi_watch_bits {
    TPI_WATCH_STUCK = 1 << 0, /* the watch has what waited here */
    TPI_WATCH_FENCED = 1 << 1 /* from the start: a slice's end must fence for itself */
};

struct tpi_watch_options {
    tp_duration stuck_after;  /* a slice; TP_FOREVER: nobody watches */
    tp_duration report_after; /* a message; TP_FOREVER: nothing is told */
    unsigned spares;          /* at most TPI_SPARE_WORKERS_MAX */
};

/* A worker as the watch sees it. */
struct tpi_watched {
    tpi_mutex lock; /* of TPI_WATCH_STUCK and what it stands for */
    /* the watch's own */
    bool stuck;
    bool reported;
    uint64_t slices;
    uint64_t handled;
    tp_time since;         /* the slice was first seen */
    tp_time handled_since; /* the message */
};

struct tpi_watch {
    struct tpi_watch_options options;
    tpi_thread thread;
    bool started;
    bool fenced;              /* see TPI_WATCH_FENCED */
    _Atomic(uint32_t) turn;   /* futex: changes to wake the thread */
    _Atomic(uint32_t) asleep; /* 1: the thread sleeps until a worker wakes up */
    _Atomic(bool) ending;
    _Atomic(uint32_t) stuck; /* workers whose timers others must look after */
    _Atomic(uint32_t) made;  /* spares that exist */
    _Atomic(uint32_t) busy;  /* spares that work, those among them that are to rest soon */
    _Atomic(uint64_t) count; /* slices that were taken over */
    struct tpi_deque scratch;
};

/* Workers of all kinds that there may be: their indices are below. */
static inline unsigned tpi_scheduler_places(unsigned workers, unsigned spares) {
    return workers + TPI_DEDICATED_MAX + spares;
}
/* Those that exist now, in *out, which has room for all; their number. Any thread. */
unsigned tpi_scheduler_list(const struct tpi_scheduler *scheduler, struct tpi_worker **out);
/* A spare worker, at rest. The watch alone. */
tp_err tpi_scheduler_spare(struct tpi_scheduler *scheduler, unsigned number);
/* Starts the thread, unless nobody is to watch. TP_ENOMEM. */
tp_err tpi_watch_start(struct tpi_scheduler *scheduler);
/* Ends it; who is stuck stays so, and comes back by itself. Idempotent. */
void tpi_watch_stop(struct tpi_scheduler *scheduler);
/* A worker is awake again: so is the watch. */
void tpi_watch_wake(struct tpi_scheduler *scheduler);
/* The slow end of a slice: `watch` was not 0. */
void tpi_watch_slice_end(struct tpi_worker *worker);
/* Fires what is due on the wheels of stuck workers. */
void tpi_watch_serve_timers(struct tpi_worker *worker);
/* When that is to be done next. */
tp_time tpi_watch_next_timer(const struct tpi_scheduler *scheduler);
/* A spare begins or ends its work as it was told. */
void tpi_watch_tend(struct tpi_worker *spare);
static inline bool tpi_watch_has_stuck(const struct tpi_watch *watch) {
    /* relaxed: a hint; the watch wakes somebody after it has changed it */
    return atomic_load_explicit(&watch->stuck, memory_order_relaxed) > 0;
}

#endif
