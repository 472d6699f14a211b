/*
 * Timers armed and cancelled.
 */
#include "bench/bench.h"

#include <stdlib.h>

#define TIMERS 1000000u

TP_MESSAGE(tick, TP_FIELD(u64, n))

static void arm_all(tp_actor *self, tp_ref *refs, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        refs[i] =
            tp_send_after(self, TP_SECONDS(3600) + TP_US((int64_t)i), tp_self(self), tick, .n = i);
}
static void cancel_all(tp_actor *self, const tp_ref *refs, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        if (!tp_cancel_timer(self, refs[i])) tp_fail(self, "a timer was gone");
}

/* Once before it counts: a peer repeats in one process, whose memory it has by then. */
static double timers(tp_actor *self, bool cancel) {
    uint64_t count = bench_scaled(TIMERS, 1);
    tp_ref *refs = tp_alloc(self, count * sizeof *refs);
    if (refs == NULL) tp_fail(self, "out of memory");
    arm_all(self, refs, count);
    cancel_all(self, refs, count);
    tp_time start = tp_now(self);
    arm_all(self, refs, count);
    double armed = bench_since(self, start);
    start = tp_now(self);
    cancel_all(self, refs, count);
    return (cancel ? bench_since(self, start) : armed) / (double)count;
}
static double timer_arm(tp_actor *self) {
    return timers(self, false);
}
static double timer_cancel(tp_actor *self) {
    return timers(self, true);
}

const struct bench_case bench_timers[] = {
    {"timer_arm", "ns", "10^6 timers armed", timer_arm},
    {"timer_cancel", "ns", "10^6 timers cancelled", timer_cancel},
    {NULL, NULL, NULL, NULL}};
