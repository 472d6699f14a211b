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
    struct tpi_node node; /* first: the queues link it */
    uint8_t priority;     /* tp_priority */
    uint8_t flags;
    uint16_t home;  /* pinned: the worker it was put on last */
    uint32_t index; /* free for the owner */
};

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
