/*
 * Supervisors at work: from a kill to the restarted child, which reports from its init.
 */
#include <stdlib.h>

#include "bench/bench.h"

#define WARM_UP 1000u
#define RESTARTS 20000u
#define BURST 1000u
#define BURSTS 200u
#define PLENTY 1000000000u

TP_MESSAGE(child_begin, TP_FIELD(pid, watcher), TP_FIELD(u64, index))
TP_MESSAGE(child_here, TP_FIELD(u64, index), TP_FIELD(pid, child))

struct child {
    uint64_t index;
};

static void child_init(tp_actor *self, struct child *child, const child_begin *msg) {
    child->index = msg->index;
    tp_send(self, msg->watcher, child_here, .index = msg->index, .child = tp_self(self));
}
TP_BEHAVIOR(child_behavior, "child", struct child, TP_INIT_WITH(child_begin, child_init));

static tp_pid start(tp_actor *self, const tp_supervisor_spec *spec) {
    tp_pid supervisor;
    if (tp_supervisor_start(self, &supervisor, spec, NULL) != TP_OK) tp_fail(self, "no supervisor");
    return supervisor;
}

static void stop(tp_actor *self, tp_pid supervisor) {
    tp_down down;
    tp_ref ref = tp_monitor(self, supervisor);
    tp_unlink(self, supervisor);
    tp_kill(self, supervisor);
    while (tp_receive(self, TP_FOREVER, &down, tp_down) == TP_OK && down.ref != ref) {
    }
}

static tp_pid await_child(tp_actor *self) {
    child_here here;
    if (tp_receive(self, TP_FOREVER, &here, child_here) != TP_OK) tp_fail(self, "no child");
    return here.child;
}

/* ---- one by one ---- */

static int by_span(const void *a, const void *b) {
    tp_duration left = *(const tp_duration *)a, right = *(const tp_duration *)b;
    return (left > right) - (left < right);
}

static unsigned restarts(void) {
    return (unsigned)bench_scaled(RESTARTS, 100);
}

/* The spans of all restarts, in order; tp_alloc'ed. */
static tp_duration *measure(tp_actor *self) {
    unsigned warm_up = (unsigned)bench_scaled(WARM_UP, 10), all = warm_up + restarts();
    const child_begin begin = {.watcher = tp_self(self)};
    const tp_supervisor_spec spec = {
        .intensity = PLENTY,
        .children = TP_CHILDREN({.id = "child",
                                 .behavior = &child_behavior,
                                 .arguments = {&child_begin_message, &begin}})};
    tp_duration *spans = tp_alloc(self, restarts() * sizeof *spans);
    if (spans == NULL) tp_fail(self, "no memory");
    tp_pid supervisor = start(self, &spec), child = await_child(self);
    for (unsigned i = 0; i < all; i++) {
        tp_time before = tp_now(self);
        tp_kill(self, child);
        child = await_child(self);
        if (i >= warm_up) spans[i - warm_up] = tp_now(self) - before;
    }
    stop(self, supervisor);
    return spans;
}

static double percentile(tp_duration *spans, unsigned count, unsigned percent) {
    qsort(spans, count, sizeof *spans, by_span);
    size_t at = (size_t)count * percent / 100;
    return (double)spans[at] / 1000;
}

static double latency(tp_actor *self) {
    return percentile(measure(self), restarts(), 50);
}

static double latency_p99(tp_actor *self) {
    return percentile(measure(self), restarts(), 99);
}

/* The median of the last twentieth (a thousand) over that of the first: 1 when nothing grows. */
static double ageing(tp_actor *self) {
    tp_duration *spans = measure(self);
    unsigned part = restarts() / 20;
    double last = percentile(spans + restarts() - part, part, 50);
    return last / percentile(spans, part, 50);
}

/* ---- in bursts ---- */

struct crowd {
    tp_child_spec specs[BURST + 1];
    child_begin begins[BURST];
    char ids[BURST][8];
    tp_pid pids[BURST];
};

static void await_all(tp_actor *self, struct crowd *crowd) {
    child_here here;
    for (unsigned i = 0; i < BURST; i++) {
        if (tp_receive(self, TP_FOREVER, &here, child_here) != TP_OK) tp_fail(self, "no child");
        crowd->pids[here.index] = here.child;
    }
}

static void fill(tp_actor *self, struct crowd *crowd) {
    for (unsigned i = 0; i < BURST; i++) {
        crowd->begins[i] = (child_begin){.watcher = tp_self(self), .index = i};
        for (unsigned j = 0, rest = i; j < 4; j++, rest /= 10)
            crowd->ids[i][3 - j] = (char)('0' + rest % 10);
        crowd->specs[i] = (tp_child_spec){.id = crowd->ids[i],
                                          .behavior = &child_behavior,
                                          .arguments = {&child_begin_message, &crowd->begins[i]}};
    }
}

static double burst(tp_actor *self) {
    struct crowd *crowd = tp_alloc(self, sizeof *crowd);
    if (crowd == NULL) tp_fail(self, "no memory");
    fill(self, crowd);
    const tp_supervisor_spec spec = {.intensity = PLENTY, .children = crowd->specs};
    tp_pid supervisor = start(self, &spec);
    await_all(self, crowd);
    uint64_t bursts = bench_scaled(BURSTS, 1);
    tp_time before = tp_now(self);
    for (uint64_t i = 0; i < bursts; i++) {
        for (unsigned j = 0; j < BURST; j++) tp_kill(self, crowd->pids[j]);
        await_all(self, crowd);
    }
    double spent = bench_since(self, before);
    stop(self, supervisor);
    return (double)bursts * BURST * 1e9 / spent;
}

const struct bench_case bench_restart[] = {
    {"restart_latency", "us", "from a kill to the restarted child, median", latency},
    {"restart_latency_p99", "us", "the same, of a hundred the slowest but one", latency_p99},
    {"restart_ageing", "ratio", "the last of 20,000 restarts against the first", ageing},
    {"restart_burst", "1/s", "1,000 children killed at once, again and again", burst},
    {NULL, NULL, NULL, NULL}};
