/*
 * The seam between the runtime and its world: clock, randomness and scheduling choice. In
 * production `enqueue` and `pick` are NULL and the scheduler uses its own queues, threads and
 * futexes; the simulator fills them and runs everything on one thread. No other file reads a clock
 * or a random source.
 */
#ifndef TPI_DRIVER_H
#define TPI_DRIVER_H

#include <troupe/base.h>

struct tpi_worker;
struct tpi_runnable;
struct tpi_hub;

struct tpi_driver {
    void *context;
    tp_time (*now)(void *context);  /* monotonic */
    int64_t (*wall)(void *context); /* since the epoch */
    uint64_t (*random)(void *context);
    /* A runnable became ready; `worker` is who made it so, NULL a thread outside. */
    void (*enqueue)(void *context, struct tpi_worker *worker, struct tpi_runnable *runnable);
    /* What the loop on `worker` runs next; may switch away and come back with another worker. */
    struct tpi_runnable *(*pick)(void *context, struct tpi_worker **worker);
    /* The running runnable occupies its worker for a time; NULL: burn the time. */
    void (*work)(void *context, struct tpi_worker *worker, tp_duration span);
    struct tpi_hub *network; /* stands for every network (transport/link); NULL: the system's */
};

/* The driver over threads, the system's clock and its entropy. */
extern const struct tpi_driver tpi_driver_production;

#endif
