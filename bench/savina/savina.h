/*
 * What the benchmarks of the Savina suite share: random numbers with a fixed seed, computation that
 * takes time, memory that is there.
 */
#ifndef BENCH_SAVINA_H
#define BENCH_SAVINA_H

#include "bench/bench.h"

/* The next of an actor's own sequence: 31 bits. */
static inline uint32_t savina_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Computes for `steps` steps; the result goes on in the state so that the compiler keeps it. */
static inline void savina_work(uint64_t *state, uint64_t steps) {
    for (uint64_t i = 0; i < steps; i++) (void)savina_random(state);
}

/* tp_alloc that ends the actor instead of returning NULL. */
static inline void *savina_alloc(tp_actor *self, size_t size) {
    void *memory = tp_alloc(self, size);
    if (memory == NULL) tp_fail(self, "out of memory");
    return memory;
}

/* tp_spawn's pid, or the end of the actor. */
static inline tp_pid savina_born(tp_actor *self, tp_pid pid) {
    if (tp_pid_is_null(pid)) tp_fail(self, "no actor: %s", tp_strerror(tp_error(self)));
    return pid;
}

/* Fails when `got` is not what it must be. */
static inline void savina_expect(tp_actor *self, const char *what, uint64_t got, uint64_t want) {
    if (got != want)
        tp_fail(self, "%s: %llu, not %llu", what, (unsigned long long)got,
                (unsigned long long)want);
}

#endif
