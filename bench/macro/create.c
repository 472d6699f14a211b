/*
 * Actors made, kept and ended.
 */
#include <stdio.h>

#include "bench/bench.h"

#define ACTORS 1000000u
#define FIB 25

TP_MESSAGE(one, TP_FIELD(u64, n))

struct small {
    uint64_t n;
};

static void on_one(tp_actor *self, struct small *small, const one *msg) {
    small->n = msg->n;
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(one_behavior, "one", struct small, TP_ON(one, on_one));

static double fjcreate(tp_actor *self) {
    uint64_t before = bench_exits(self), actors = bench_scaled(ACTORS, 1);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < actors; i++) {
        tp_pid pid = tp_spawn(self, &one_behavior);
        tp_send(self, pid, one, .n = i);
    }
    bench_wait_exits(self, before, actors);
    return bench_since(self, start) / (double)actors;
}

static double resident(void) {
    long pages = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%ld %ld", &all, &pages) != 2) pages = 0;
    fclose(file);
    return (double)pages * 4096;
}

static double idlemem(tp_actor *self) {
    uint64_t actors = bench_scaled(ACTORS, 1);
    double before = resident();
    for (uint64_t i = 0; i < actors; i++)
        if (tp_pid_is_null(tp_spawn(self, &one_behavior)))
            tp_fail(self, "no actor %llu", (unsigned long long)i);
    return (resident() - before) / (double)actors;
}

static double spawn(tp_actor *self) {
    uint64_t actors = bench_scaled(ACTORS, 1);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < actors; i++) tp_spawn(self, &one_behavior);
    return bench_since(self, start) / (double)actors;
}

TP_MESSAGE(fib_ask, TP_FIELD(u64, n), TP_FIELD(pid, to))
TP_MESSAGE(fib_answer, TP_FIELD(u64, value))

struct fib {
    tp_pid to;
    uint64_t sum;
    unsigned left;
};

extern const tp_behavior *const fib_itself;

static void on_fib_ask(tp_actor *self, struct fib *fib, const fib_ask *msg) {
    fib->to = msg->to;
    if (msg->n <= 2) {
        tp_send(self, fib->to, fib_answer, .value = 1);
        tp_exit(self, TP_EXIT_NORMAL);
    }
    fib->left = 2;
    for (uint64_t i = 1; i <= 2; i++)
        tp_send(self, tp_spawn(self, fib_itself), fib_ask, .n = msg->n - i, .to = tp_self(self));
}
static void on_fib_answer(tp_actor *self, struct fib *fib, const fib_answer *msg) {
    fib->sum += msg->value;
    if (--fib->left > 0) return;
    tp_send(self, fib->to, fib_answer, .value = fib->sum);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(fib_behavior, "fib", struct fib, TP_ON(fib_ask, on_fib_ask),
            TP_ON(fib_answer, on_fib_answer));
const tp_behavior *const fib_itself = &fib_behavior;

/* Without actors. */
static uint64_t fib_model(unsigned n) {
    uint64_t last = 0, value = 1;
    for (unsigned i = 1; i < n; i++) {
        uint64_t next = last + value;
        last = value;
        value = next;
    }
    return value;
}

static double fib25(tp_actor *self) {
    unsigned n = FIB;
    /* 1,000,000 x 0.618 for each step: the actors shrink by that factor. */
    for (uint64_t work = 1000000; n > 3 && work > bench_scaled(1000000, 1); n--)
        work = work * 618 / 1000;
    fib_answer answer;
    tp_time start = tp_now(self);
    tp_send(self, tp_spawn(self, &fib_behavior), fib_ask, .n = n, .to = tp_self(self));
    if (tp_receive(self, TP_FOREVER, &answer, fib_answer) != TP_OK || answer.value != fib_model(n))
        tp_fail(self, "fib(%u) is wrong", n);
    return bench_since(self, start) / 1e6;
}

const struct bench_case bench_create[] = {
    {"fjcreate", "ns/actor", "10^6 actors that take one message and exit", fjcreate},
    {"idlemem", "bytes/actor", "10^6 live idle actors, resident memory", idlemem},
    {"spawn", "ns/actor", "10^6 idle actors", spawn},
    {"fib25", "ms", "fib(25) with an actor a call: 150,049 actors", fib25},
    {NULL, NULL, NULL, NULL}};
