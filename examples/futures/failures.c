/*
 * What ends a job before its time: it is cancelled, its owner is killed, its first error ends it,
 * its program is not there. Each with programs that hang under way, some of which ignore SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>

#include "examples/futures/job.h"

#define RELEASES 16
#define LIMIT 4
#define NEVER TP_SECONDS(3600)
#define BEGIN_WITHIN TP_SECONDS(60)

struct failure {
    const char *name;
    void (*play)(tp_actor *self, struct job *job);
    enum kind kinds[2]; /* of the first, and of the others in turn with stubborn ones */
};

struct counts {
    int done, canceled, failed, other;
};

static struct counts take_all(tp_actor *self, struct job *job, tp_pid group) {
    struct counts counts = {0};
    tp_task_outcome outcome;
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK) {
        (void)job_take(self, job, &outcome);
        counts.done += outcome.err == TP_OK;
        counts.canceled += outcome.err == TP_ECANCELED;
        counts.failed += outcome.err == TP_EIO || outcome.err == TP_ENOENT;
        counts.other++;
    }
    counts.other -= counts.done + counts.canceled + counts.failed;
    return counts;
}

/* Waits until so many programs run. */
static bool until_running(tp_actor *self, int64_t programs) {
    tp_runtime *runtime = tp_self_runtime(self);
    tp_time ends = tp_now(self) + BEGIN_WITHIN;
    while (held_now(runtime).processes < programs && tp_now(self) < ends) tp_sleep(self, TP_MS(5));
    return held_now(runtime).processes >= programs;
}

/* All programs hang: nothing completes until all is cancelled. */
static void cancelled(tp_actor *self, struct job *job) {
    int64_t before = held_now(tp_self_runtime(self)).processes;
    tp_pid group = job_submit(self, job, false);
    bool runs = until_running(self, before + LIMIT);
    tp_err err = tp_tasks_cancel(self, group);
    struct counts counts = take_all(self, job, group);
    story_check(job->story, runs && err == TP_OK && counts.canceled == RELEASES,
                "cancelled: all, those that run and those that wait");
    (void)tp_tasks_close(self, group);
}

static void submit_and_wait(tp_actor *self, void *arg) {
    (void)job_submit(self, arg, false);
    tp_sleep(self, TP_FOREVER);
}
static void owner_killed(tp_actor *self, struct job *job) {
    tp_ref monitor;
    tp_down down;
    tp_spawn_options options = {.monitor = &monitor};
    int64_t before = held_now(tp_self_runtime(self)).processes;
    tp_pid owner = tp_spawn_body(self, submit_and_wait, job, &options);
    bool runs = until_running(self, before + LIMIT);
    (void)tp_kill(self, owner);
    tp_err err = tp_receive(self, TP_FOREVER, &down, tp_down);
    story_check(job->story, runs && err == TP_OK && down.code == TP_EXIT_KILLED,
                "owner killed: with four programs under way");
}

/* The first release fails, the others would never end. */
static void first_error(tp_actor *self, struct job *job) {
    job->strict = true;
    tp_pid group = job_submit(self, job, true);
    struct counts counts = take_all(self, job, group);
    story_check(job->story, counts.failed == 1 && counts.done == 0 && counts.other == 0,
                "first error: it ends the job");
    (void)tp_tasks_close(self, group);
}

static void no_program(tp_actor *self, struct job *job) {
    snprintf(job->helm, sizeof job->helm, "%s/no-such-helm", job->store);
    tp_pid group = job_submit(self, job, false);
    struct counts counts = take_all(self, job, group);
    story_check(job->story, counts.failed == RELEASES, "no such program: each says so");
    (void)tp_tasks_close(self, group);
}

static const struct failure failures[] = {{"cancelled", cancelled, {HANGING, HANGING}},
                                          {"owner killed", owner_killed, {HANGING, HANGING}},
                                          {"first error", first_error, {FAILING, HANGING}},
                                          {"no such program", no_program, {FINE, FINE}}};
#define FAILURES (sizeof failures / sizeof *failures)

struct run {
    struct job job;
    const struct failure *failure;
};

static void failure_body(tp_actor *self, void *arg) {
    struct run *run = arg;
    struct held before = held_now(tp_self_runtime(self));
    if (!story_check(run->job.story, plan_install(self, &run->job), "%s: releases to remove",
                     run->failure->name))
        return;
    before = held_after_warm_up(self, &before);
    run->failure->play(self, &run->job);
    held_check(self, run->job.story, &before, run->failure->name);
}

static bool prepare(struct run *run, uint64_t seed) {
    if (!plan_make(&run->job, seed, RELEASES, RELEASES) || !plan_store(&run->job)) return false;
    for (size_t i = 0; i < RELEASES; i++) {
        enum kind others = run->failure->kinds[1];
        run->job.releases[i].kind = i == 0           ? run->failure->kinds[0]
                                    : others == FINE ? FINE
                                    : i % 2 == 0     ? others
                                                     : STUBBORN;
    }
    return plan_helm(run->job.helm, sizeof run->job.helm);
}

void show_failures(const struct stage *stage, const struct job_options *options) {
    static struct run run;
    printf("\na job that does not come to its end\n");
    for (size_t i = 0; i < FAILURES; i++) {
        run.failure = &failures[i];
        run.job = (struct job){.story = stage->story,
                               .options = options,
                               .name = failures[i].name,
                               .limit = LIMIT,
                               .per_space = 1,
                               .timeout = NEVER};
        story_progress(stage->story, "%s", failures[i].name);
        if (!story_check(stage->story, prepare(&run, stage->story->seed), "%s: a store",
                         failures[i].name))
            continue;
        stage_run(stage, failures[i].name, failure_body, &run);
        plan_store_remove(&run.job);
        free(run.job.releases);
        printf("  %s: no process, no task, no descriptor is left\n", failures[i].name);
    }
}
