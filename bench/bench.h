/*
 * What a measurement is: a name, a unit, and a body that runs as the main actor and returns one
 * value.
 */
#ifndef BENCH_H
#define BENCH_H

#include <troupe/troupe.h>

struct bench_case {
    const char *name;
    const char *unit;
    const char *what;
    double (*run)(tp_actor *self);
};

/* What the machine can do at best, measured in the same run as the case of this name. */
struct bench_limit {
    const char *name;
    const char *what;
    double (*run)(tp_actor *self); /* in the case's unit */
};

/* Told by the last actor of a measurement. */
TP_MESSAGE_AS(bench_done, "bench.done", TP_FIELD(u64, count))

extern const struct bench_case bench_talk[];   /* two or more actors that answer each other */
extern const struct bench_case bench_flood[];  /* many messages to one */
extern const struct bench_case bench_create[]; /* actors made and ended */
extern const struct bench_case bench_meet[];   /* many that meet at random */
extern const struct bench_case bench_timers[];
extern const struct bench_case bench_restart[]; /* supervisors */
extern const struct bench_case bench_stuck[];   /* others, while some keep their workers */
extern const struct bench_case bench_storm[];   /* supervisors in bad weather and in good */
extern const struct bench_case bench_codec[];   /* messages to bytes and back, without actors */
extern const struct bench_case bench_rooms[];   /* single rooms of the core, on one thread */
extern const struct bench_case bench_threads[]; /* between two, and the steps of a message */
extern const struct bench_limit bench_limits[];

#ifdef BENCH_NET
extern const struct bench_case bench_dist[]; /* two nodes */
#endif
#ifdef BENCH_ISOLATE
extern const struct bench_case bench_isolate[]; /* actors in processes of their own */
#endif

/* The benchmarks of the Savina suite that are not above; see savina/README.md. */
extern const struct bench_case bench_savina_sync[];
extern const struct bench_case bench_savina_shared[];
extern const struct bench_case bench_savina_flow[];
extern const struct bench_case bench_savina_number[];
extern const struct bench_case bench_savina_search[];
extern const struct bench_case bench_savina_space[];

/* A size of a benchmark times --scale, at least `least`. */
uint64_t bench_scaled(uint64_t full, uint64_t least);
/* How two nodes are joined: "tcp", "ipc" or "inproc"; "psk" or "none". */
const char *bench_transport(void);
const char *bench_secure(void);
/* Waits for bench_done, without limit. */
void bench_wait(tp_actor *self);
/* Nanoseconds since `start`. */
double bench_since(tp_actor *self, tp_time start);
/* Yields until `count` more actors have exited than `before`. */
void bench_wait_exits(tp_actor *self, uint64_t before, uint64_t count);
uint64_t bench_exits(tp_actor *self);

#endif
