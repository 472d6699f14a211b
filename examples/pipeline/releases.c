/*
 * A commit's way to production. A pipeline is an actor; it goes through its stages one after the
 * other and starts the steps of a stage all at once, each under a supervisor of its own. A step
 * that fails is started again by its supervisor, a few times; then that gives up, and the commit is
 * set aside. Production needs an approval, which is a message.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "examples/common/chart.h"
#include "examples/pipeline/pipeline.h"

#define ATTEMPTS_MAX 3
#define RECORDS_MAX 32
#define STEPS_MAX 4
#define MINUTE TP_SECONDS(60)

TP_MESSAGE(step_args, TP_FIELD(u32, step), TP_FIELD(bool, poison), TP_FIELD(pid, pipeline))
TP_MESSAGE(work)
TP_MESSAGE(began, TP_FIELD(u32, step))
TP_MESSAGE(passed, TP_FIELD(u32, step))
TP_MESSAGE(wants_approval, TP_FIELD(u32, commit))
TP_MESSAGE(decided, TP_FIELD(pid, pipeline))
TP_MESSAGE(approved)

/* ---- the steps and their stages ---- */

enum { IMAGE, UNIT, LINT, SCAN, STAGING, PRODUCTION, STEPS };
enum { NEVER_FAILS = 0, SOMETIMES = 20 /* in a hundred */ };

static const struct step {
    const char *name;
    tp_duration span;
    unsigned fails; /* of a hundred */
} steps[STEPS] = {[IMAGE] = {"image", 4 * MINUTE, SOMETIMES},
                  [UNIT] = {"unit tests", 6 * MINUTE, SOMETIMES},
                  [LINT] = {"lint", 2 * MINUTE, NEVER_FAILS},
                  [SCAN] = {"scan", 3 * MINUTE, NEVER_FAILS},
                  [STAGING] = {"staging", 2 * MINUTE, SOMETIMES},
                  [PRODUCTION] = {"production", 2 * MINUTE, NEVER_FAILS}};

static const struct stage {
    int steps[STEPS_MAX]; /* ended by -1; all at once */
    bool needs_approval;
} stages[] = {{{IMAGE, -1}, false},
              {{UNIT, LINT, SCAN, -1}, false},
              {{STAGING, -1}, false},
              {{PRODUCTION, -1}, true}};
#define STAGES (sizeof stages / sizeof stages[0])

struct attempt {
    step_args args;
};

/* Its supervisor waits for the init, and counts what fails after it: so the work comes after it. */
static void step_init(tp_actor *self, struct attempt *attempt, const step_args *args) {
    if (args->step >= STEPS) tp_fail(self, "no step %u", args->step);
    attempt->args = *args;
    tp_send(self, tp_self(self), work);
}

/* The work is done by some build agent: the actor waits for it. */
static void on_work(tp_actor *self, struct attempt *attempt, const work *msg) {
    const step_args *args = &attempt->args;
    (void)msg;
    tp_send(self, args->pipeline, began, .step = args->step);
    tp_sleep(self, steps[args->step].span);
    if (args->poison && args->step == UNIT) tp_fail(self, "this commit never passes");
    if (tp_random(self) % 100 < steps[args->step].fails) tp_fail(self, "the agent went away");
    tp_send(self, args->pipeline, passed, .step = args->step);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(step_behavior, "step", struct attempt, TP_INIT_WITH(step_args, step_init),
            TP_ON(work, on_work));

/* A step is started again until it ends normally; then, or when it has failed too often, its
 * supervisor ends as well. */
static const tp_supervisor_spec retry = {.strategy = TP_ONE_FOR_ONE,
                                         .intensity = ATTEMPTS_MAX - 1, /* restarts */
                                         .period = TP_SECONDS(7 * 24 * 3600),
                                         .auto_shutdown = TP_AUTO_SHUTDOWN_ANY};

/* ---- the approval ---- */

static void on_wants_approval(tp_actor *self, char *nothing, const wants_approval *msg) {
    (void)nothing, (void)msg;
    tp_send_after(self, 10 * MINUTE, tp_self(self), decided, .pipeline = tp_sender(self));
}

static void on_decided(tp_actor *self, char *nothing, const decided *msg) {
    (void)nothing;
    tp_send(self, msg->pipeline, approved);
}

TP_BEHAVIOR(manager_behavior, "manager", char, TP_ON(wants_approval, on_wants_approval),
            TP_ON(decided, on_decided));

/* ---- a pipeline ---- */

struct record { /* one attempt of a step */
    int step;
    bool ok;
    tp_time from;
    tp_time to;
};

struct pipeline {
    uint32_t commit;
    bool poison;
    tp_pid manager;
    struct record records[RECORDS_MAX];
    int count;
    size_t stages_done;
    tp_time approved_at;
    int failures;
    int released;
    int set_aside;
};

struct running {
    int step;
    tp_pid supervisor; /* null: it has ended */
    bool under_way, passed;
    tp_time from; /* of the attempt under way */
};

static bool start(tp_actor *self, const struct pipeline *pipeline, struct running *running) {
    const step_args args = {(uint32_t)running->step, pipeline->poison, tp_self(self)};
    const tp_child_spec step = {.id = "step",
                                .behavior = &step_behavior,
                                .arguments = {&step_args_message, &args},
                                .restart = TP_TRANSIENT,
                                .significant = true};
    return tp_supervisor_start(self, &running->supervisor, &retry, NULL) == TP_OK &&
           tp_supervisor_start_child(self, running->supervisor, &step, NULL) == TP_CHILD_OK;
}

/* An attempt is over: what it says, the next attempt or the supervisor's end tells. */
static void over(tp_actor *self, struct pipeline *pipeline, struct running *running) {
    if (!running->under_way) return;
    running->under_way = false;
    if (!running->passed) pipeline->failures++;
    if (pipeline->count < RECORDS_MAX)
        pipeline->records[pipeline->count++] =
            (struct record){running->step, running->passed, running->from, tp_now(self)};
}

static struct running *of_step(struct running *running, int count, uint32_t step) {
    for (int i = 0; i < count; i++)
        if (running[i].step == (int)step) return &running[i];
    return NULL;
}

static void take(tp_actor *self, struct pipeline *pipeline, struct running *running, int count,
                 const tp_message *message) {
    struct running *one;
    began beginning;
    passed pass;
    tp_exited exited;
    if (tp_message_get(self, message, &beginning, began) == TP_OK) {
        if ((one = of_step(running, count, beginning.step)) == NULL) return;
        over(self, pipeline, one);
        one->under_way = true;
        one->from = tp_now(self);
    } else if (tp_message_get(self, message, &pass, passed) == TP_OK) {
        if ((one = of_step(running, count, pass.step)) != NULL) one->passed = true;
    } else if (tp_message_get(self, message, &exited, tp_exited) == TP_OK) {
        for (int i = 0; i < count; i++) {
            if (!tp_pid_equal(running[i].supervisor, exited.from)) continue;
            over(self, pipeline, &running[i]);
            running[i].supervisor = tp_pid_null();
        }
    }
}

/* All steps at once; true when each has succeeded, be it at the last attempt. */
static bool run_stage(tp_actor *self, struct pipeline *pipeline, const struct stage *stage) {
    struct running running[STEPS_MAX] = {{0}};
    const tp_message *message;
    int count = 0, busy;
    bool good = true;
    for (; stage->steps[count] >= 0; count++) {
        running[count].step = stage->steps[count];
        good = start(self, pipeline, &running[count]) && good;
    }
    for (;;) {
        busy = 0;
        for (int i = 0; i < count; i++) busy += !tp_pid_is_null(running[i].supervisor);
        if (busy == 0) break;
        if (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) != TP_OK) return false;
        take(self, pipeline, running, count, message);
    }
    for (int i = 0; i < count; i++) good = good && running[i].passed;
    return good;
}

static void pipeline_body(tp_actor *self, void *arg) {
    struct pipeline *pipeline = arg;
    approved msg;
    (void)tp_trap_exits(self, true); /* the supervisors' ends are told, not followed */
    for (size_t i = 0; i < STAGES; i++) {
        if (stages[i].needs_approval) {
            tp_send(self, pipeline->manager, wants_approval, .commit = pipeline->commit);
            if (tp_receive(self, TP_FOREVER, &msg, approved) != TP_OK) return;
            pipeline->approved_at = tp_now(self);
        }
        if (!run_stage(self, pipeline, &stages[i])) {
            pipeline->set_aside++;
            return;
        }
        pipeline->stages_done++;
    }
    pipeline->released++;
}

/* ---- checks ---- */

static int stage_of(int step) {
    for (size_t i = 0; i < STAGES; i++)
        for (int j = 0; stages[i].steps[j] >= 0; j++)
            if (stages[i].steps[j] == step) return (int)i;
    return -1;
}

/* No step began before every step of the stage before it had ended. */
static bool in_order(const struct pipeline *pipeline) {
    for (int i = 0; i < pipeline->count; i++)
        for (int j = 0; j < pipeline->count; j++) {
            const struct record *a = &pipeline->records[i], *b = &pipeline->records[j];
            if (stage_of(a->step) < stage_of(b->step) && a->to > b->from) return false;
            if (b->step == PRODUCTION && b->from < pipeline->approved_at) return false;
        }
    return true;
}

/* The first attempts of a stage's steps began at the same moment. */
static bool side_by_side(const struct pipeline *pipeline) {
    tp_time from[STEPS] = {0};
    for (int i = pipeline->count - 1; i >= 0; i--) {
        const struct record *record = &pipeline->records[i];
        if (from[record->step] == 0 || record->from < from[record->step])
            from[record->step] = record->from;
    }
    return from[UNIT] == from[LINT] && from[LINT] == from[SCAN];
}

static bool tried_enough(const struct pipeline *pipeline) {
    int tries[STEPS] = {0}, good[STEPS] = {0}, worst = 0;
    for (int i = 0; i < pipeline->count; i++) {
        tries[pipeline->records[i].step]++;
        good[pipeline->records[i].step] += pipeline->records[i].ok ? 1 : 0;
    }
    for (int i = 0; i < STEPS; i++) {
        if (good[i] > 1 || tries[i] > ATTEMPTS_MAX) return false;
        if (good[i] == 0 && tries[i] > worst) worst = tries[i];
    }
    return pipeline->set_aside == 0 ? worst == 0 : worst == ATTEMPTS_MAX;
}

static void judge(struct story *story, const struct pipeline *pipelines, int64_t commits) {
    bool order = true, parallel = true, tried = true, once = true, poisoned = true;
    int64_t released = 0, aside = 0, failures = 0;
    for (int64_t i = 0; i < commits; i++) {
        const struct pipeline *pipeline = &pipelines[i];
        order = order && in_order(pipeline);
        parallel = parallel && (pipeline->stages_done == 0 || side_by_side(pipeline));
        tried = tried && tried_enough(pipeline);
        once = once && pipeline->released + pipeline->set_aside == 1;
        poisoned = poisoned && (!pipeline->poison || pipeline->released == 0);
        released += pipeline->released;
        aside += pipeline->set_aside;
        failures += pipeline->failures;
    }
    printf("  %" PRId64 " released, %" PRId64 " set aside after %d attempts, %" PRId64
           " steps failed on the way\n",
           released, aside, ATTEMPTS_MAX, failures);
    story_check(story, order, "stages are in order, production after the approval");
    story_check(story, parallel, "the steps of a stage begin together");
    story_check(story, tried, "its supervisor tries a failing step again, at most 3 times");
    story_check(story, once, "each commit is released or set aside, once");
    story_check(story, poisoned, "the poison commit is not released");
    story_figure(story, (double)released, "commits", "released");
    story_figure(story, (double)aside, "commits", "set aside");
    story_figure(story, (double)failures, "steps", "steps that failed on the way");
}

static void draw(const struct story *story, const struct pipeline *pipeline, const char *name,
                 const char *title) {
    static const char *const keys[] = {"succeeded", "failed", NULL};
    const char *rows[STEPS + 1] = {NULL};
    struct gantt_bar bars[RECORDS_MAX];
    tp_time begin = pipeline->records[0].from;
    for (int i = 0; i < STEPS; i++) rows[i] = steps[i].name;
    for (int i = 0; i < pipeline->count; i++) {
        const struct record *record = &pipeline->records[i];
        if (record->from < begin) begin = record->from;
    }
    for (int i = 0; i < pipeline->count; i++) {
        const struct record *record = &pipeline->records[i];
        bars[i] = (struct gantt_bar){record->step, record->ok ? 0 : 1, record->ok ? '#' : 'x',
                                     (double)(record->from - begin) / (double)MINUTE,
                                     (double)(record->to - begin) / (double)MINUTE};
    }
    static const int colours[] = {2, 6}; /* green, red */
    struct gantt gantt = {title,     "min",    rows, keys, colours, bars, (size_t)pipeline->count,
                          .cell = 1, .tick = 5};
    gantt_print(&gantt);
    gantt_svg(&gantt, story->pictures, name);
}

/* ---- all at once ---- */

static bool play(tp_sim *sim, struct pipeline *pipelines, int64_t commits) {
    tp_pid manager = tp_sim_spawn(sim, &manager_behavior);
    for (int64_t i = 0; i < commits; i++) {
        pipelines[i].commit = (uint32_t)i;
        pipelines[i].poison = i == commits / 2;
        pipelines[i].manager = manager;
        tp_sim_spawn_body(sim, pipeline_body, &pipelines[i], NULL);
    }
    return tp_sim_run(sim) == TP_OK;
}

void show_releases(struct story *story, int64_t commits) {
    tp_sim *sim = NULL;
    struct pipeline *pipelines = calloc((size_t)commits, sizeof *pipelines);
    tp_sim_options options = {.seed = story->seed, .runtime = {.log_level = TP_LOG_OFF}};
    bool made = pipelines != NULL && tp_sim_new(&sim, &options) == TP_OK;
    story_check(story, made, "memory for the pipelines");
    if (!made || sim == NULL) {
        free(pipelines);
        return;
    }
    bool ok = play(sim, pipelines, commits);
    double minutes = (double)tp_sim_now(sim) / (double)MINUTE;
    tp_sim_free(sim);
    printf("%" PRId64 " commits at once, one of them poison: %.4g minutes\n", commits, minutes);
    if (!story_check(story, ok, "the pipelines end")) return;
    story_figure(story, minutes, "min", "all pipelines at once");
    judge(story, pipelines, commits);
    int64_t shown = 0; /* the one with the most failures that was released */
    for (int64_t i = 0; i < commits; i++)
        if (pipelines[i].released && pipelines[i].failures >= pipelines[shown].failures) shown = i;
    draw(story, &pipelines[shown], "released", "A commit that had to try again (minutes)");
    if (commits > 1) draw(story, &pipelines[commits / 2], "poison", "The poison commit (minutes)");
    free(pipelines);
}
