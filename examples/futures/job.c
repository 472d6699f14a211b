/*
 * The job: remove every release, so many at once in all and in a namespace, in order inside a
 * namespace. One by one, then concurrently, on the same releases; what is claimed of it is read
 * from the journal that the programs outside have written.
 */
#include "examples/futures/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/common/chart.h"

static const char *const ends[] = {"not tried", "removed", "failed", "too late"};

/* ---- the work ---- */

tp_pid job_submit(tp_actor *self, struct job *job, bool first_error) {
    tp_task task;
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = job->limit,
                                                           .limit_per_key = job->per_space,
                                                           .first_error = first_error});
    for (size_t i = 0; i < job->count; i++) {
        struct release *release = &job->releases[i];
        tp_task_options options = {.key = tp_str_of(release->space)};
        removal in = {.helm = tp_str_of(job->helm),
                      .space = tp_str_of(release->space),
                      .name = tp_str_of(release->name),
                      .timeout = job->timeout,
                      .strict = job->strict,
                      .dry = job->options->dry != 0};
        release->submitted = (int64_t)i + 1;
        if (tp_task_submit_value(self, &task, group, &options, remove_task, &in) != TP_OK) break;
    }
    return group;
}

bool job_take(tp_actor *self, struct job *job, const tp_task_outcome *outcome) {
    removed done;
    size_t at = (size_t)outcome->task.id - 1; /* ids count submissions */
    if (at >= job->count) return false;
    struct release *release = &job->releases[at];
    tp_err err = tp_task_await(self, outcome->task, 0, &done, removed);
    if (err != TP_OK) {
        snprintf(release->text, sizeof release->text, "%s", tp_strerror(err));
        return true;
    }
    release->end = (enum removal_end)done.end;
    release->signal = done.signal;
    release->ended_us = done.ended_us;
    release->took_us = done.took_us;
    job->ends[release->end]++;
    if (done.signal != 0)
        snprintf(release->text, sizeof release->text, "ended by signal %d", done.signal);
    else snprintf(release->text, sizeof release->text, "%.*s", (int)done.text.size, done.text.data);
    return true;
}

static void still_there(void *context, tp_str space, tp_str name) {
    const struct job *job = context;
    for (size_t i = 0; i < job->count; i++) {
        struct release *release = &job->releases[i];
        if (tp_str_equal(tp_str_of(release->name), name) &&
            tp_str_equal(tp_str_of(release->space), space))
            release->left = true;
    }
}

static void job_body(tp_actor *self, void *arg) {
    struct job *job = arg;
    struct story *story = job->story;
    struct held before = held_now(tp_self_runtime(self));
    tp_task_outcome outcome;
    struct helm_end end;
    size_t came = 0;
    if (!story_check(story, plan_install(self, job), "%s: releases to remove", job->name)) return;
    before = held_after_warm_up(self, &before);
    job->began_us = now_us();
    tp_pid group = job_submit(self, job, false);
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK) {
        came += job_take(self, job, &outcome);
        story_progress(story, "%s: %zu of %zu releases", job->name, came, job->count);
    }
    job->ended_us = now_us();
    story_check(story, came == job->count, "%s: each release has its outcome", job->name);
    (void)tp_tasks_close(self, group);
    held_check(self, story, &before, job->name);
    tp_err err = helm_list(self, job->helm, still_there, job, &end);
    story_check(story, err == TP_OK, "%s: what is left is listed", job->name);
}

/* ---- what is claimed ---- */

/* What must become of each kind. Any may be late on a machine that has no time for it. */
static bool as_planned(const struct release *release, const struct job *job) {
    if (release->end == LATE) return release->took_us >= job->timeout / 1000;
    switch (release->kind) {
    case FINE:
    case SLOW: return release->end == REMOVED;
    case FAILING: return release->end == REFUSED && strstr(release->text, "still in use") != NULL;
    case CRASHING: return release->end == REFUSED && release->signal == 9;
    default: return false;
    }
}

struct moment {
    int64_t at;
    int change;
};

static int earlier(const void *a, const void *b) {
    const struct moment *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->change - y->change; /* ends before beginnings */
}

/* The most programs that ran at a time, in one namespace or (row < 0) in all. They began when their
 * journal says; they had ended when the task knew it, and only then the next one may begin. */
static int64_t most_at_once(const struct job *job, int64_t row) {
    struct moment *moments = calloc(2 * job->count + 1, sizeof *moments);
    size_t count = 0;
    int64_t most = 0, now = 0;
    if (moments == NULL) return INT64_MAX;
    for (size_t i = 0; i < job->count; i++) {
        const struct release *release = &job->releases[i];
        if ((row >= 0 && release->row != (size_t)row) || release->begun == 0) continue;
        moments[count++] = (struct moment){release->began_us, 1};
        moments[count++] = (struct moment){release->ended_us, -1};
    }
    qsort(moments, count, sizeof *moments, earlier);
    for (size_t i = 0; i < count; i++) {
        now += moments[i].change;
        if (now > most) most = now;
    }
    free(moments);
    return most;
}

/* With one at a time in a namespace: each began after the one before it had ended. */
static bool in_order(const struct job *job) {
    for (size_t i = 0; i < job->count; i++)
        for (size_t j = i + 1; j < job->count; j++) {
            const struct release *a = &job->releases[i], *b = &job->releases[j];
            if (a->row != b->row || a->begun == 0 || b->begun == 0) continue;
            if (b->began_us < a->ended_us) return false;
        }
    return true;
}

static void judge(const struct job *job) {
    struct story *story = job->story;
    bool planned = true, once = true, gone = true, few = true;
    size_t late = 0;
    for (size_t i = 0; i < job->count; i++) {
        const struct release *release = &job->releases[i];
        planned = planned && as_planned(release, job);
        once = once && (release->begun == 1 || (release->begun == 0 && release->end == LATE));
        /* one that was late may have been removed in its last moment */
        gone = gone && (release->left == (release->end != REMOVED) || release->end == LATE);
        late += release->end == LATE && release->kind < HANGING;
    }
    for (int64_t row = 0; row < job->options->namespaces; row++)
        few = few && most_at_once(job, row) <= job->per_space;
    int64_t most = most_at_once(job, -1);
    story_check(story, planned, "%s: fails what should fail, nothing else", job->name);
    story_check(story, once, "%s: each is tried once", job->name);
    story_check(story, gone, "%s: what was removed is gone, the rest is there", job->name);
    story_check(story, most <= job->limit, "%s: never more than %u at once", job->name, job->limit);
    story_check(story, few, "%s: never more than %u in a namespace", job->name, job->per_space);
    if (job->per_space == 1) story_check(story, in_order(job), "%s: in order inside", job->name);
    story_target(story, late == 0, "%s: only those that hang are too late", job->name);
    story_target(story, most == job->limit, "%s: the limit is reached", job->name);
    story_figure(story, (double)most, "", "%s: at once at most", job->name);
}

/* ---- pictures ---- */

static void draw(const struct job *job, double longest, const char *file) {
    static const char *const keys[] = {"removed", "failed", "too late", NULL};
    static const int colours[] = {2, 1, 6}; /* green, orange, red */
    size_t rows = (size_t)job->options->namespaces, count = 0;
    const char **names = calloc(rows + 1, sizeof *names);
    struct gantt_bar *bars = calloc(job->count, sizeof *bars);
    for (size_t i = 0; names != NULL && bars != NULL && i < job->count; i++) {
        const struct release *release = &job->releases[i];
        names[release->row] = release->space;
        if (release->begun == 0) continue;
        int colour = (int)release->end - REMOVED;
        if (colour < 0) continue;
        bars[count++] = (struct gantt_bar){(int)release->row, colour, "#x!"[colour],
                                           (double)(release->began_us - job->began_us) / 1e6,
                                           (double)(release->ended_us - job->began_us) / 1e6};
    }
    char title[80];
    snprintf(title, sizeof title, "%zu releases, %s (seconds)", job->count, job->name);
    struct gantt gantt = {title,
                          "s",
                          names,
                          keys,
                          colours,
                          bars,
                          count,
                          .end = longest,
                          .cell = chart_round_up(longest / 8) / 16,
                          .tick = chart_round_up(longest / 8)};
    if (names != NULL && bars != NULL) {
        gantt_print(&gantt);
        gantt_svg(&gantt, job->story->pictures, file);
    }
    free(names);
    free(bars);
}

static void tell(const struct job *job) {
    double took = (double)(job->ended_us - job->began_us) / 1e6;
    printf("  %-12s %7.2f s: %zu removed, %zu failed, %zu too late\n", job->name, took,
           job->ends[REMOVED], job->ends[REFUSED], job->ends[LATE]);
    story_figure(job->story, took, "s", "%s: %zu releases", job->name, job->count);
}

/* ---- both ways ---- */

static bool play(const struct stage *stage, struct job *job) {
    bool made =
        plan_make(job, stage->story->seed, job->options->releases, job->options->namespaces) &&
        plan_store(job);
    if (!story_check(stage->story, made, "%s: a store", job->name)) return false;
    stage_run(stage, job->name, job_body, job);
    story_check(stage->story, plan_journal(job), "%s: a journal", job->name);
    judge(job);
    tell(job);
    plan_store_remove(job);
    return true;
}

void show_job(const struct stage *stage, const struct job_options *options) {
    static struct job jobs[2];
    char name[32];
    snprintf(name, sizeof name, "%" PRId64 " at once", options->limit);
    jobs[0] = (struct job){.name = "one by one", .limit = 1, .per_space = 1};
    jobs[1] = (struct job){
        .name = name, .limit = (uint32_t)options->limit, .per_space = (uint32_t)options->per_space};
    printf("\n%" PRId64 " releases in %" PRId64 " namespaces; at most %" PRId64 " at once, %" PRId64
           " in a namespace, %" PRId64 " ms each\n",
           options->releases, options->namespaces, options->limit, options->per_space,
           options->timeout_ms);
    bool good = true;
    for (int i = 0; i < 2; i++) {
        struct job *job = &jobs[i];
        job->story = stage->story;
        job->options = options;
        job->timeout = TP_MS(options->timeout_ms);
        good = good && plan_helm(job->helm, sizeof job->helm) && play(stage, job);
    }
    if (good) {
        double one = (double)(jobs[0].ended_us - jobs[0].began_us) / 1e6;
        double many = (double)(jobs[1].ended_us - jobs[1].began_us) / 1e6;
        draw(&jobs[0], one, "one-by-one");
        draw(&jobs[1], one, "concurrently");
        story_figure(stage->story, one / many, "", "times as fast");
        story_target(stage->story, one > 3 * many, "at once: three times as fast");
    }
    for (int i = 0; i < 2; i++) free(jobs[i].releases);
}

/* ---- with a real helm ---- */

/* True if the word is in a list with commas. */
static bool among(tp_str word, const char *list) {
    while (*list != '\0') {
        size_t size = strcspn(list, ",");
        if (tp_str_equal(word, (tp_str){list, size})) return true;
        list += size + (list[size] == ',');
    }
    return false;
}

static void found(void *context, tp_str space, tp_str name) {
    struct job *job = context;
    if (!among(space, job->options->spaces)) return;
    struct release *more = realloc(job->releases, (job->count + 1) * sizeof *more);
    if (more == NULL) return;
    job->releases = more;
    struct release *release = &more[job->count++];
    *release = (struct release){.end = NOT_TRIED};
    snprintf(release->space, sizeof release->space, "%.*s", (int)space.size, space.data);
    snprintf(release->name, sizeof release->name, "%.*s", (int)name.size, name.data);
}

static void real_body(tp_actor *self, void *arg) {
    struct job *job = arg;
    struct helm_end end = {.status = 0};
    tp_task_outcome outcome;
    struct held before = held_now(tp_self_runtime(self));
    tp_err err = helm_list(self, job->helm, found, job, &end);
    if (!story_check(job->story, err == TP_OK, "helm lists its releases")) {
        printf("  %s: %s\n", job->helm, err == TP_EIO ? end.text : tp_strerror(err));
        return;
    }
    before = held_after_warm_up(self, &before);
    printf("%zu releases in the namespaces %s\n", job->count, job->options->spaces);
    job->began_us = now_us();
    tp_pid group = job_submit(self, job, false);
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK) {
        if (!job_take(self, job, &outcome)) continue;
        const struct release *release = &job->releases[outcome.task.id - 1];
        printf("  %s/%s: %s%s%s\n", release->space, release->name, ends[release->end],
               release->end == REMOVED ? "" : ": ", release->end == REMOVED ? "" : release->text);
    }
    job->ended_us = now_us();
    (void)tp_tasks_close(self, group);
    held_check(self, job->story, &before, "helm");
}

void run_job(const struct stage *stage, const struct job_options *options) {
    struct job job = {.story = stage->story,
                      .options = options,
                      .name = "helm",
                      .limit = (uint32_t)options->limit,
                      .per_space = (uint32_t)options->per_space,
                      .timeout = TP_MS(options->timeout_ms)};
    snprintf(job.helm, sizeof job.helm, "%s", options->helm);
    stage_run(stage, "helm", real_body, &job);
    story_check(stage->story, job.ends[REMOVED] == job.count, "every release is removed");
    tell(&job);
    free(job.releases);
}
