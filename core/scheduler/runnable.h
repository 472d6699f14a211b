/*
 * What the scheduler runs: it knows no more of it than this.
 */
#ifndef TPI_RUNNABLE_H
#define TPI_RUNNABLE_H

#include <troupe/base.h>

#include "core/queue/queue.h"

struct tpi_scheduler;
struct tpi_worker;

enum tpi_runnable_flag {
    TPI_RUNNABLE_PINNED = 1 << 0, /* ops->place says where it runs */
    TPI_RUNNABLE_YOUNG = 1 << 1   /* has not waited in a queue so far: see tpi_worker.young */
};

struct tpi_runnable {
    struct tpi_node node;   /* first: the queues link it */
    uint8_t priority;       /* tp_priority */
    _Atomic(uint8_t) flags; /* read by any thread; written by who may make it ready */
    _Atomic(uint16_t) home; /* the worker that runs it, or did last; pinned: it was put on last */
    uint32_t index;         /* free for the owner */
};

/* One writer at a time: who has the right to run it, or makes it. */
static inline void tpi_runnable_mark(struct tpi_runnable *runnable, uint8_t flags) {
    /* relaxed: PINNED is set before the runnable is published and stays; YOUNG says nothing to
     * others. Atomic because a thread that brings what comes from another node looks at PINNED
     * while a worker clears YOUNG */
    atomic_store_explicit(&runnable->flags, flags, memory_order_relaxed);
}
static inline uint8_t tpi_runnable_marks(const struct tpi_runnable *runnable) {
    /* relaxed: as above */
    return atomic_load_explicit(&runnable->flags, memory_order_relaxed);
}
/* Its place: one writer at a time, as above. */
static inline void tpi_runnable_settle(struct tpi_runnable *runnable, unsigned worker) {
    /* relaxed: who has the right to run it passes that on with what it wrote; others guess */
    atomic_store_explicit(&runnable->home, (uint16_t)worker, memory_order_relaxed);
}
/* Any thread: a guess, but for who may run it. */
static inline unsigned tpi_runnable_home(const struct tpi_runnable *runnable) {
    /* relaxed: as above */
    return atomic_load_explicit(&runnable->home, memory_order_relaxed);
}
static inline bool tpi_runnable_is_pinned(const struct tpi_runnable *runnable) {
    return (tpi_runnable_marks(runnable) & TPI_RUNNABLE_PINNED) != 0;
}

struct tpi_runnable_ops {
    /* Runs a slice. May suspend; then it returns on the fiber, and the worker, that resumed it. */
    void (*run)(struct tpi_worker *worker, struct tpi_runnable *runnable);
    /* The running one left by tpi_worker_escape; its frames are gone. */
    void (*escaped)(struct tpi_worker *worker, struct tpi_runnable *runnable);
    /* The worker for a pinned runnable. Any thread. */
    unsigned (*place)(struct tpi_scheduler *scheduler, struct tpi_runnable *runnable);
    /* A worker's thread begins, or ends; on that thread. */
    void (*thread)(struct tpi_worker *worker, bool begins);
    /* A descriptor became ready. */
    void (*ready)(struct tpi_scheduler *scheduler, struct tpi_worker *worker, uint64_t token,
                  unsigned ready);
    /* What the worker runs, its slice of this number, has taken so long and goes on; NULL: nobody
     * wants to know. On the watch's thread: it may be over by now. */
    void (*stuck)(struct tpi_worker *worker, uint64_t slice, tp_duration span);
};

#endif
