/*
 * The others' messages while one actor computes for ever and one blocks its thread in a read.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"

#define ROUNDS 20000u
#define SETTLE TP_MS(100) /* until the two are known to be stuck */

TP_MESSAGE(stuck_loop, TP_FIELD(u64, flag))
TP_MESSAGE(stuck_read, TP_FIELD(i64, descriptor))
TP_MESSAGE(stuck_ask, TP_FIELD(u64, n))
TP_MESSAGE(stuck_answer, TP_FIELD(u64, n))

struct hog {
    uint64_t done;
};

static void on_loop(tp_actor *self, struct hog *hog, const stuck_loop *msg) {
    bool *flag = (bool *)(uintptr_t)msg->flag;
    (void)self;
    while (!__atomic_load_n(flag, __ATOMIC_RELAXED)) hog->done++;
}
static void on_read(tp_actor *self, struct hog *hog, const stuck_read *msg) {
    char byte;
    if (read((int)msg->descriptor, &byte, 1) != 1) tp_fail(self, "the pipe broke");
    hog->done++;
}
static void on_ask(tp_actor *self, struct hog *hog, const stuck_ask *msg) {
    hog->done++;
    tp_send(self, tp_sender(self), stuck_answer, .n = msg->n);
}
TP_BEHAVIOR(hog_behavior, "hog", struct hog, TP_ON(stuck_loop, on_loop), TP_ON(stuck_read, on_read),
            TP_ON(stuck_ask, on_ask));

static int by_span(const void *a, const void *b) {
    tp_duration left = *(const tp_duration *)a, right = *(const tp_duration *)b;
    return (left > right) - (left < right);
}

/* A round a tenth of a millisecond, so that the partners sleep and wake in between. */
static void measure(tp_actor *self, tp_duration *spans, unsigned rounds) {
    tp_pid partner = tp_spawn(self, &hog_behavior);
    stuck_answer answer;
    for (unsigned i = 0; i < rounds; i++) {
        tp_time before = tp_now(self);
        tp_send(self, partner, stuck_ask, .n = i);
        if (tp_receive(self, TP_FOREVER, &answer, stuck_answer) != TP_OK) tp_fail(self, "lost");
        spans[i] = tp_now(self) - before;
        if (i % 8 == 0) tp_sleep(self, TP_US(100));
    }
}

/* Ends a hog and waits for it: what it used may be closed only then. */
static void end(tp_actor *self, tp_pid hog) {
    tp_down down;
    if (tp_monitor(self, hog) == 0) tp_fail(self, "no monitor");
    (void)tp_send_exit(self, hog, TP_EXIT_SHUTDOWN);
    if (tp_receive(self, TP_FOREVER, &down, tp_down) != TP_OK) tp_fail(self, "lost");
}

static double latency(tp_actor *self) {
    unsigned rounds = (unsigned)bench_scaled(ROUNDS, 200);
    tp_pid looper = tp_spawn(self, &hog_behavior), reader = tp_spawn(self, &hog_behavior);
    tp_duration *spans = tp_alloc(self, rounds * sizeof *spans);
    bool *flag = tp_alloc(self, sizeof *flag);
    int pipes[2];
    if (spans == NULL || flag == NULL || pipe(pipes) != 0) tp_fail(self, "no memory");
    tp_send(self, looper, stuck_loop, .flag = (uint64_t)(uintptr_t)flag);
    tp_send(self, reader, stuck_read, .descriptor = pipes[0]);
    tp_sleep(self, SETTLE);
    measure(self, spans, rounds);
    __atomic_store_n(flag, true, __ATOMIC_RELAXED);
    if (write(pipes[1], "x", 1) != 1) tp_fail(self, "the pipe broke");
    end(self, looper);
    end(self, reader);
    close(pipes[0]);
    close(pipes[1]);
    qsort(spans, rounds, sizeof *spans, by_span);
    uint64_t rank = (uint64_t)rounds * 99 / 100;
    return (double)spans[rank] / 1000;
}

const struct bench_case bench_stuck[] = {
    {"stuck_latency", "us", "a round trip while an actor loops and one blocks, p99", latency},
    {NULL, NULL, NULL, NULL},
};
