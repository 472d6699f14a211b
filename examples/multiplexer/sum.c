/*
 * The parallel sum: eight arrays, eight actors. What is not parallel (starting them, collecting)
 * is measured with one worker; Amdahl's law turns it into a bound, which the run is held against.
 */
#include <stdio.h>
#include <stdlib.h>

#include <troupe/troupe.h>

#include "examples/common/chart.h"
#include "examples/multiplexer/multiplexer.h"

#define ARRAYS 8
#define RUNS 5

TP_MESSAGE(summed, TP_FIELD(u64, sum), TP_FIELD(i64, took))

struct job {
    tp_pid main;
    const uint64_t *items;
    size_t count;
};

struct sum {
    struct job jobs[ARRAYS];
    uint64_t total;
    tp_duration took;  /* all of it */
    tp_duration inner; /* the sums alone, added up */
};

/* More than an addition an item, so that the memory is not what limits it. */
static uint64_t sum_of(const uint64_t *items, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t state = items[i];
        sum += story_random(&state);
    }
    return sum;
}

static void job_body(tp_actor *self, void *arg) {
    const struct job *job = arg;
    tp_time start = tp_now(self);
    uint64_t sum = sum_of(job->items, job->count);
    tp_send(self, job->main, summed, .sum = sum, .took = tp_now(self) - start);
}

static void sum_body(tp_actor *self, void *arg) {
    struct sum *sum = arg;
    summed part;
    tp_time start = tp_now(self);
    for (int i = 0; i < ARRAYS; i++) {
        sum->jobs[i].main = tp_self(self);
        tp_spawn_body(self, job_body, &sum->jobs[i], NULL);
    }
    for (int i = 0; i < ARRAYS; i++) {
        if (tp_receive(self, TP_FOREVER, &part, summed) != TP_OK) return;
        sum->total += part.sum;
        sum->inner += part.took;
    }
    sum->took = tp_now(self) - start;
}

/* The best of some runs: the others had company. */
static struct sum best_of(struct story *story, unsigned workers, const uint64_t *items,
                          size_t count, uint64_t expected) {
    struct sum best = {.took = TP_FOREVER};
    bool right = true;
    for (int run = 0; run < RUNS; run++) {
        struct sum sum = {.total = 0};
        tp_options options = {.workers = workers};
        for (size_t i = 0; i < ARRAYS; i++)
            sum.jobs[i] = (struct job){.items = items + i * count, .count = count};
        right = story_run(&options, sum_body, &sum) && sum.total == expected && right;
        if (sum.took < best.took) best = sum;
    }
    story_check(story, right, "sum: %u workers find it", workers);
    return best;
}

static void compare(struct story *story, const uint64_t *items, size_t count) {
    unsigned cpus = story_cpus();
    uint64_t expected = sum_of(items, count * ARRAYS);
    struct sum one = best_of(story, 1, items, count, expected);
    double serial = (double)(one.took - one.inner) / (double)one.took;
    if (serial < 0) serial = 0;
    printf("\nThe sum of %d arrays of %zu items: %.1f ms on one worker, %.2f %% of it serial\n",
           ARRAYS, count, (double)one.took / 1e6, serial * 100);
    story_figure(story, (double)one.took / 1e6, "ms", "sum: one worker");
    story_figure(story, serial * 100, "%", "sum: serial part");
    if (cpus == 1) {
        printf("  one CPU: nothing is parallel here\n");
        return;
    }
    struct sum all = best_of(story, cpus, items, count, expected);
    double speedup = (double)one.took / (double)all.took;
    double bound = 1 / (serial + (1 - serial) / cpus);
    printf("  %u workers: %.1f ms, %.2f times as fast; Amdahl allows %.2f\n", cpus,
           (double)all.took / 1e6, speedup, bound);
    story_figure(story, speedup, "times", "sum: speed-up on %u CPUs", cpus);
    story_figure(story, bound, "times", "sum: Amdahl's bound");
    story_target(story, speedup >= 0.8 * bound, "sum: 0.8 of Amdahl's bound");
    const char *const labels[] = {"one worker", "all workers", "Amdahl's bound"};
    double values[] = {1, speedup, bound};
    struct plot_series series = {"times as fast as one worker", NULL, values, 3};
    struct plot plot = {"The parallel sum of 8 arrays", "", "", &series, 1, labels};
    plot_bars_svg(&plot, story->pictures, "sum");
}

void show_sum(struct story *story, int64_t items) {
    size_t count = (size_t)items;
    uint64_t state = story->seed;
    uint64_t *all = malloc(count * ARRAYS * sizeof *all);
    story_check(story, all != NULL, "sum: memory");
    if (all == NULL) return;
    for (size_t i = 0; i < count * ARRAYS; i++) all[i] = story_random(&state);
    compare(story, all, count);
    free(all);
}
