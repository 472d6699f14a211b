/*
 * The simulator: unmodified actors on one thread, from a seed, under virtual time.
 *
 * The same seed gives the same run, to the same trace hash. Time passes only when nothing can run,
 * or when an actor occupies its virtual worker (tp_work). All calls are from the thread that made
 * it.
 *
 *     tp_sim *sim;
 *     tp_sim_new(&sim, &(tp_sim_options){.seed = 7});
 *     tp_pid counter = tp_sim_spawn(sim, &counter_behavior);
 *     tp_sim_send(sim, counter, add, .n = 2);
 *     tp_sim_send(sim, counter, get);                     as from the probe, an inbox of the test
 *     tp_sim_run(sim);
 *     total t;  assert(tp_sim_expect(sim, counter, &t, total) == TP_OK && t.n == 2);
 */
#ifndef TROUPE_SIM_H
#define TROUPE_SIM_H

#include <troupe/actor.h>
#include <troupe/trace.h>

TP_EXTERN_BEGIN

/* A simulated runtime with its clock, its seed and a probe. */
/* A simulated runtime and its test: made by tp_sim_new, freed by tp_sim_free. */
typedef struct tp_sim tp_sim;

/* How the next actor is chosen. */
typedef enum tp_sim_choice {
    TP_SIM_UNIFORM, /* each that is ready with equal chance */
    TP_SIM_PCT,     /* random priorities, with `change_points` random changes */
    TP_SIM_FIFO     /* in order: no randomness */
} tp_sim_choice;

/* Zero in a field means its default. */
typedef struct tp_sim_options {
    uint64_t seed;
    unsigned workers; /* virtual; default 1 */
    tp_sim_choice choice;
    unsigned change_points; /* PCT: default 3 */
    uint64_t steps_max;     /* a run longer than this fails with TP_ETIMEDOUT; default 10,000,000 */
    tp_options runtime;     /* the runtime's own (workers is taken from above) */
} tp_sim_options;

/* A simulator. TP_ENOMEM, TP_EINVAL. */
TP_API tp_err tp_sim_new(tp_sim **out, const tp_sim_options *options);
/* Stops every actor in order and frees everything. */
TP_API void tp_sim_free(tp_sim *sim);
/* Its runtime, for calls such as tp_post and tp_runtime_counters. */
TP_API tp_runtime *tp_sim_runtime(tp_sim *sim);

/* Runs until nothing is ready and no timer is pending, or something failed. TP_OK; TP_ETIMEDOUT:
 * steps_max. */
TP_API tp_err tp_sim_run(tp_sim *sim);
/* Runs everything that happens within the next `span` of virtual time, which then has passed. */
TP_API tp_err tp_sim_advance(tp_sim *sim, tp_duration span);
/* Runs one slice of one actor: false if nothing is ready at this moment. */
TP_API bool tp_sim_step(tp_sim *sim);
/* Lets one actor handle what is next for it, whatever else is ready: TP_ENOENT if it has
 * nothing. */
TP_API tp_err tp_sim_dispatch(tp_sim *sim, tp_pid actor);
/* The virtual time since the start, in nanoseconds. */
TP_API tp_time tp_sim_now(const tp_sim *sim);
/* A hash of everything that happened, in order. */
TP_API uint64_t tp_sim_trace_hash(const tp_sim *sim);
/* A random number of the run, for the test's own choices. */
TP_API uint64_t tp_sim_random(tp_sim *sim);
/* Sees every event of the run. */
TP_API void tp_sim_trace(tp_sim *sim, tp_trace_hook hook, void *context);

/* Starts an actor, as from the test. The null pid on failure. */
#define tp_sim_spawn(sim, behavior, ...)                                                           \
    tp_sim_spawn_value((sim), (behavior), NULL TPI_ARGUMENTS(__VA_ARGS__))
/* The function behind tp_sim_spawn. */
TP_API tp_pid tp_sim_spawn_value(tp_sim *sim, const tp_behavior *behavior,
                                 const tp_spawn_options *options, const tp_message_type *type,
                                 const void *arguments);
/* Starts a body. */
TP_API tp_pid tp_sim_spawn_body(tp_sim *sim, tp_body body, void *arg,
                                const tp_spawn_options *options);

/* The probe: the test's own mailbox; its pid is the sender of tp_sim_send. */
TP_API tp_pid tp_sim_probe(const tp_sim *sim);
/* Sends as the probe. */
#define tp_sim_send(sim, to, type, ...)                                                            \
    tp_sim_send_value((sim), (to), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_sim_send. */
TP_API tp_err tp_sim_send_value(tp_sim *sim, tp_pid to, const tp_message_type *type,
                                const void *value);
/* The probe's oldest message must be of this type and sender (null: any): it is taken and
 * decoded. TP_OK; TP_ENOENT: none has come; TP_ETYPE: another type or sender (it stays).
 * Borrowed fields live until the next expect. */
#define tp_sim_expect(sim, from, out, type)                                                        \
    tp_sim_expect_value((sim), (from), &type##_message, TPI_TYPED(type, out))
/* The function behind tp_sim_expect. */
TP_API tp_err tp_sim_expect_value(tp_sim *sim, tp_pid from, const tp_message_type *type, void *out);
/* How many messages wait at the probe: 0 to disallow more. */
TP_API size_t tp_sim_waiting(const tp_sim *sim);
/* The probe watches an actor: its end arrives as a tp_down. */
TP_API tp_ref tp_sim_monitor(tp_sim *sim, tp_pid actor);

/*
 * Runs `scenario` for each seed from..to; it returns NULL or what was wrong. At the first failure
 * the seed and the command to replay it ("TROUPE_SEED=n program") are printed to standard error,
 * and the seed is returned in *failed. With TROUPE_SEED set only that seed runs. TP_OK, or
 * TP_EINVAL after a failure.
 */
TP_API tp_err tp_sim_seeds(uint64_t from, uint64_t to, const tp_sim_options *options,
                           const char *(*scenario)(tp_sim *sim, void *arg), void *arg,
                           uint64_t *failed);

TP_EXTERN_END

#endif
