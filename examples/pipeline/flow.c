/*
 * Items through three stages, the middle one slow. With bounded mailboxes the slow stage holds the
 * others back and memory stays flat; without bounds everything waits in front of it. More workers
 * for the slow stage move the throughput, until another stage is the slowest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "examples/common/chart.h"
#include "examples/pipeline/pipeline.h"

#define FAST TP_MS(1)
#define SLOW TP_MS(4)
#define WORKERS_MAX 6
#define BOUND 32
#define UNBOUNDED (1u << 24)
#define SAMPLES 100
#define CARGO 1000 /* bytes an item */

TP_MESSAGE(item, TP_FIELD(u32, number), TP_FIELD(bin, cargo))
TP_MESSAGE(stage_args, TP_FIELD(i64, span), TP_FIELD(pid, next0), TP_FIELD(pid, next1),
           TP_FIELD(pid, next2), TP_FIELD(pid, next3), TP_FIELD(pid, next4), TP_FIELD(pid, next5),
           TP_FIELD(u32, next_count))

struct flow {
    int64_t items;
    uint32_t workers; /* of the slow stage */
    uint32_t limit;
    int64_t made;
    int64_t arrived;
    uint64_t sum; /* of the numbers that arrived */
    tp_pid first;
    tp_duration took;
    double times[SAMPLES], waiting[SAMPLES], memory[SAMPLES]; /* in seconds, items, MiB */
    size_t samples;
    int64_t waiting_most;
};

/* ---- a stage ---- */

struct stage {
    stage_args args;
    uint32_t turn;
};

static void stage_init(tp_actor *self, struct stage *stage, const stage_args *args) {
    if (args->next_count == 0 || args->next_count > WORKERS_MAX) tp_fail(self, "a wrong stage");
    stage->args = *args;
}

static void on_item(tp_actor *self, struct stage *stage, const item *msg) {
    const tp_pid next[WORKERS_MAX] = {stage->args.next0, stage->args.next1, stage->args.next2,
                                      stage->args.next3, stage->args.next4, stage->args.next5};
    tp_work(self, stage->args.span);
    tp_send_value(self, next[stage->turn++ % stage->args.next_count], &item_message, msg);
}

TP_BEHAVIOR(stage_behavior, "stage", struct stage, TP_INIT_WITH(stage_args, stage_init),
            TP_ON(item, on_item));

static void sink_body(tp_actor *self, void *arg) {
    struct flow *flow = arg;
    item got;
    while (flow->arrived < flow->items && tp_receive(self, TP_FOREVER, &got, item) == TP_OK) {
        flow->arrived++;
        flow->sum += got.number;
    }
    flow->took = tp_now(self) - flow->took;
}

static void source_body(tp_actor *self, void *arg) {
    struct flow *flow = arg;
    static const char cargo[CARGO];
    flow->took = tp_now(self);
    while (flow->made < flow->items) {
        tp_send(self, flow->first, item, .number = (uint32_t)++flow->made, .cargo = {cargo, CARGO});
    }
}

/* ---- a run ---- */

static void build(tp_sim *sim, struct flow *flow) {
    tp_spawn_options bounded = {.mailbox_limit = flow->limit};
    tp_pid slow[WORKERS_MAX];
    tp_pid sink = tp_sim_spawn_body(sim, sink_body, flow, &bounded);
    stage_args args = {.span = FAST, .next0 = sink, .next_count = 1};
    tp_pid last = tp_sim_spawn_value(sim, &stage_behavior, &bounded, &stage_args_message, &args);
    args = (stage_args){.span = SLOW, .next0 = last, .next_count = 1};
    for (uint32_t i = 0; i < WORKERS_MAX; i++)
        slow[i] = i < flow->workers ? tp_sim_spawn_value(sim, &stage_behavior, &bounded,
                                                         &stage_args_message, &args)
                                    : tp_pid_null();
    args = (stage_args){FAST, slow[0], slow[1], slow[2], slow[3], slow[4], slow[5], flow->workers};
    flow->first = tp_sim_spawn_value(sim, &stage_behavior, &bounded, &stage_args_message, &args);
    tp_sim_spawn_body(sim, source_body, flow, NULL);
}

static void sample(tp_sim *sim, struct flow *flow) {
    tp_counters counters;
    int64_t waiting = flow->made - flow->arrived;
    tp_runtime_counters(tp_sim_runtime(sim), &counters);
    if (waiting > flow->waiting_most) flow->waiting_most = waiting;
    if (flow->samples == SAMPLES) return;
    flow->times[flow->samples] = (double)tp_sim_now(sim) / 1e9;
    flow->memory[flow->samples] = (double)counters.memory / (1 << 20);
    flow->waiting[flow->samples++] = (double)waiting;
}

static bool run(struct flow *flow, uint64_t seed) {
    tp_sim *sim;
    tp_sim_options options = {.seed = seed,
                              .workers = flow->workers + 4,
                              .steps_max = 1u << 30,
                              .runtime = {.log_level = TP_LOG_OFF}};
    tp_duration every = SLOW * flow->items / (SAMPLES - 1) / flow->workers;
    tp_err err = tp_sim_new(&sim, &options);
    if (err != TP_OK) return false;
    build(sim, flow);
    for (int i = 0; i < 2 * SAMPLES && err == TP_OK && flow->arrived < flow->items; i++) {
        err = tp_sim_advance(sim, every);
        sample(sim, flow);
    }
    if (err == TP_OK) err = tp_sim_run(sim);
    tp_sim_free(sim);
    uint64_t items = (uint64_t)flow->items;
    return err == TP_OK && flow->arrived == flow->items && flow->sum == items * (items + 1) / 2;
}

/* ---- bounded against unbounded ---- */

/* The most that the runtime took, in MiB. */
static double memory_of(const struct flow *flow) {
    double most = 0;
    for (size_t i = 0; i < flow->samples; i++)
        if (flow->memory[i] > most) most = flow->memory[i];
    return most;
}

static void compare(struct story *story, int64_t items, struct flow *bounded,
                    struct flow *unbounded) {
    *bounded = (struct flow){.items = items, .workers = 1, .limit = BOUND};
    *unbounded = (struct flow){.items = items, .workers = 1, .limit = UNBOUNDED};
    story_check(story, run(bounded, story->seed), "bounded: every item arrives, once");
    story_check(story, run(unbounded, story->seed), "unbounded: every item arrives, once");
    const struct flow *both[] = {bounded, unbounded};
    const char *names[] = {"bounded", "unbounded"};
    for (int i = 0; i < 2; i++) {
        double mib = memory_of(both[i]);
        printf("  %-9s at most %5" PRId64 " items under way, %.2f MiB\n", names[i],
               both[i]->waiting_most, mib);
        story_figure(story, (double)both[i]->waiting_most, "items", "%s: under way at most",
                     names[i]);
        story_figure(story, mib, "MiB", "%s: memory at most", names[i]);
    }
    story_check(story, bounded->waiting_most <= 6 * BOUND, "bounded: few items under way");
    story_check(story, items < 12 * BOUND || unbounded->waiting_most > items / 2,
                "unbounded: most items wait");
    story_check(story, memory_of(bounded) - bounded->memory[bounded->samples / 2] < 0.5,
                "bounded: memory is flat once the pools are warm");
    story_target(story, memory_of(unbounded) > memory_of(bounded), "unbounded: takes more memory");
    struct plot_series lines[] = {
        {"bounded (32 a mailbox)", bounded->times, bounded->waiting, bounded->samples},
        {"unbounded", unbounded->times, unbounded->waiting, unbounded->samples}};
    struct plot plot = {"Items under way before a slow stage", "seconds", "items", lines, 2, NULL};
    plot_lines_svg(&plot, story->pictures, "bounds");
    lines[0].y = bounded->memory;
    lines[1].y = unbounded->memory;
    plot.title = "Memory of the runtime before a slow stage";
    plot.y_name = "MiB";
    plot_lines_svg(&plot, story->pictures, "memory");
}

/* ---- more workers for the slow stage ---- */

static void widen(struct story *story, int64_t items) {
    static struct flow flow;
    static const char *const labels[] = {"1 worker", "2", "3", "4", "5", "6"};
    double rates[WORKERS_MAX], limits[WORKERS_MAX];
    for (uint32_t workers = 1; workers <= WORKERS_MAX; workers++) {
        flow = (struct flow){.items = items, .workers = workers, .limit = BOUND};
        bool ok = run(&flow, story->seed);
        double rate = (double)items / ((double)flow.took / 1e9);
        double slow = (double)workers * 1e9 / (double)SLOW, fast = 1e9 / (double)FAST;
        double limit = slow < fast ? slow : fast;
        printf("  slow stage with %u workers: %6.1f items/s, the slowest stage manages %.0f\n",
               workers, rate, limit);
        story_check(story, ok, "%u workers: every item arrives, once", workers);
        story_check(story, rate <= 1.001 * limit && rate >= 0.95 * limit,
                    "%u workers: as fast as the slowest stage", workers);
        story_figure(story, rate, "items/s", "throughput with %u workers", workers);
        rates[workers - 1] = rate;
        limits[workers - 1] = limit;
    }
    struct plot_series bars[] = {{"items a second", NULL, rates, WORKERS_MAX},
                                 {"the slowest stage", NULL, limits, WORKERS_MAX}};
    struct plot plot = {"Throughput by workers of the slow stage", "", "", bars, 2, labels};
    plot_bars_svg(&plot, story->pictures, "throughput");
}

void show_flow(struct story *story, int64_t items) {
    static struct flow bounded, unbounded;
    if (items < 1000) items = 1000; /* fewer would not fill the stages */
    printf("\n%" PRId64 " items through stages of 1, 4 and 1 ms\n", items);
    compare(story, items, &bounded, &unbounded);
    widen(story, items);
}
