/*
 * The simulator's engine: the driver of a runtime without threads.
 *
 * Every virtual worker's loop rests in sim_pick on its own fiber. The test's thread (the outer
 * fiber) chooses a runnable and a worker, switches to that worker's fiber, and gets control back
 * when the slice is over. Time is a number; it moves when nothing can run.
 */
#ifndef TPI_SIM_H
#define TPI_SIM_H

#include <troupe/inbox.h>
#include <troupe/sim.h>

#include "core/actor/actor.h"
#include "core/base/rng.h"

#define TPI_SIM_WORKERS_MAX 64u

/* A virtual worker that computes (tp_work). */
struct tpi_occupied {
    struct tpi_runnable *runnable; /* NULL: free */
    tp_time until;
};

/* Who drives several simulators as one world, with one time: a simulated network. */
struct tpi_sim_world {
    /* Runs all of them up to `until`; the present: what is ready now. */
    tp_err (*run)(struct tpi_sim_world *world, tp_time until);
    /* This one has ended, and is freed next. */
    void (*leave)(struct tpi_sim_world *world, struct tpi_sim *sim);
};

struct tpi_sim {
    tp_sim_options options;
    tp_runtime *runtime;
    struct tpi_driver driver;
    tp_time now;
    uint64_t steps;
    struct tpi_rng choice;
    struct tpi_rng values;       /* what actors and tests draw */
    struct tpi_runnable **ready; /* in order of becoming so */
    size_t ready_count;
    size_t ready_capacity;
    struct tpi_occupied occupied[TPI_SIM_WORKERS_MAX];
    struct tpi_runnable *chosen;  /* for the worker that is visited */
    struct tpi_runnable *working; /* said tp_work; its next enqueue occupies its worker */
    tp_duration work_span;
    struct tpi_map priorities; /* PCT: slot -> priority */
    uint64_t *change_points;
    uint64_t lowest; /* PCT: the next priority below all */
    uint64_t hash;
    tp_trace_hook hook;
    void *hook_context;
    struct tpi_fiber outer;
    tp_inbox *probe;
    bool failed;                 /* out of memory in the engine itself */
    struct tpi_sim_world *world; /* NULL: it is alone */
};

struct tp_sim {
    struct tpi_sim engine;
};

/* Prepares the engine and its driver; the runtime is made with it, then given to attach.
 * TP_ENOMEM, TP_EINVAL. */
tp_err tpi_sim_init(struct tpi_sim *sim, const tp_sim_options *options);
void tpi_sim_attach(struct tpi_sim *sim, tp_runtime *runtime);
void tpi_sim_fini(struct tpi_sim *sim);
/* Runs everything up to `until` (TP_FOREVER: until nothing is left). TP_ETIMEDOUT: steps_max. */
tp_err tpi_sim_run_until(struct tpi_sim *sim, tp_time until);
/* Runs what is ready now. */
tp_err tpi_sim_settle(struct tpi_sim *sim);

/* ---- for a world ---- */

/* From now on the world runs it, at the world's time, on the world's network. */
void tpi_sim_join(struct tpi_sim *sim, struct tpi_sim_world *world, tp_time now,
                  struct tpi_hub *network);
/* One slice of one actor; false: nothing is ready. */
bool tpi_sim_step(struct tpi_sim *sim);
/* True when an actor is ready, or a computation over. */
bool tpi_sim_is_ready(const struct tpi_sim *sim);
/* The next point in time at which something may happen; TP_FOREVER: none. */
tp_time tpi_sim_next(const struct tpi_sim *sim);
/* Moves its time on, never back; what is due becomes ready. */
void tpi_sim_set_time(struct tpi_sim *sim, tp_time now);
/* Ends all its actors at this moment, as if the machine had lost its power: nobody runs but to
 * release what it holds. (core/runtime) */
void tpi_sim_kill(struct tpi_sim *sim);

/* ---- choice.c ---- */

/* What runs next, and where: its place in `ready`; SIZE_MAX when nothing may. */
size_t tpi_sim_choose(struct tpi_sim *sim, unsigned *worker);
tp_err tpi_sim_choice_init(struct tpi_sim *sim);
/* True when one of those that are ready may run now. */
bool tpi_sim_may_run(const struct tpi_sim *sim);
/* A free worker on which the runnable may run; false if there is none now. */
bool tpi_sim_place(struct tpi_sim *sim, const struct tpi_runnable *runnable, unsigned *worker);

#endif
