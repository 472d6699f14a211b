/*
 * Submit, as completed, deadlines, cancel, first error, crashes: the same scenes on threads and in
 * processes, and after each nothing is left behind.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "examples/futures/places.h"

#define JOBS 8
#define WAITERS 5
#define SHORT TP_MS(200)

struct scene {
    const struct stage *stage;
    const struct place *place;
    int64_t below;
    int64_t value; /* the primes below it */
    int64_t took_us[2];
};

static struct story *story_of(const struct scene *scene) {
    return scene->stage->story;
}

static tp_task submit(tp_actor *self, const struct scene *scene, tp_pid group,
                      const tp_task_options *options, int32_t what, int64_t number) {
    tp_task task = {.id = 0};
    work in = {.what = what, .number = number, .boss = tp_self(self)};
    (void)place_submit(self, scene->place, group, &task, options, &in);
    return task;
}

/* ---- scenes ---- */

/* Eight times the same; every result is right, and from where it should be. */
static int64_t count(tp_actor *self, const struct scene *scene, uint32_t workers) {
    tp_task tasks[JOBS];
    int right = 0;
    int64_t start = now_us();
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = workers});
    for (int i = 0; i < JOBS; i++)
        tasks[i] = submit(self, scene, group, NULL, COUNT_PRIMES, scene->below);
    (void)tp_task_await_all(self, tasks, JOBS, TP_FOREVER);
    int64_t took = now_us() - start;
    for (int i = 0; i < JOBS; i++) {
        result got;
        if (tp_task_await(self, tasks[i], 0, &got, result) != TP_OK) continue;
        right += got.value == scene->value && (got.process != getpid()) == scene->place->apart;
    }
    tp_tasks_count left = {.decided = 1};
    (void)tp_tasks_join(self, group, TP_FOREVER); /* their actors may be about to end */
    (void)tp_tasks_look(self, group, &left);
    story_check(story_of(scene), right == JOBS, "%s: %d results with %u workers",
                scene->place->name, JOBS, workers);
    story_check(story_of(scene), left.waiting + left.running + left.decided == 0,
                "%s: no future is left, %u workers", scene->place->name, workers);
    (void)tp_tasks_close(self, group);
    return took;
}

/* Tasks end in an order that is not that in which they began: the third, the fifth, ... */
static void as_completed(tp_actor *self, const struct scene *scene) {
    static const int64_t order[WAITERS] = {2, 4, 0, 3, 1};
    tp_pid workers[WAITERS];
    tp_task tasks[WAITERS];
    tp_task_outcome outcome;
    waits waiting;
    int right = 0;
    tp_pid group = tp_tasks_open(self, NULL);
    for (int i = 0; i < WAITERS; i++) tasks[i] = submit(self, scene, group, NULL, WAIT_FOR_GO, i);
    for (int i = 0; i < WAITERS; i++)
        if (tp_receive(self, TP_FOREVER, &waiting, waits) == TP_OK)
            workers[waiting.number] = waiting.worker;
    for (int i = 0; i < WAITERS; i++) {
        tp_send(self, workers[order[i]], go);
        if (tp_task_next(self, group, TP_FOREVER, &outcome) != TP_OK) break;
        right += outcome.err == TP_OK && outcome.task.id == tasks[order[i]].id;
    }
    story_check(story_of(scene), right == WAITERS, "%s: in the order of completion",
                scene->place->name);
    (void)tp_tasks_close(self, group);
}

/* One runs for ever, and is ended; the others do not notice. */
static void deadline(tp_actor *self, const struct scene *scene) {
    result got;
    tp_task_options late = {.deadline = SHORT};
    tp_pid group = tp_tasks_open(self, NULL);
    tp_task never = submit(self, scene, group, &late, NEVER_END, 0);
    tp_task other = submit(self, scene, group, NULL, COUNT_PRIMES, scene->below);
    tp_err first = tp_task_await(self, never, TP_FOREVER, &got, result);
    tp_err second = tp_task_await(self, other, TP_FOREVER, &got, result);
    story_check(story_of(scene), first == TP_ETIMEDOUT, "%s: a deadline ends an endless task",
                scene->place->name);
    story_check(story_of(scene), second == TP_OK && got.value == scene->value,
                "%s: its neighbour goes on", scene->place->name);
    (void)tp_tasks_close(self, group);
}

/* One place: the first runs, the second waits; both are cancelled, the third gets its turn. */
static void cancel(tp_actor *self, const struct scene *scene) {
    result got;
    waits waiting;
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = 1});
    tp_task runs = submit(self, scene, group, NULL, WAIT_FOR_GO, 0);
    tp_task queued = submit(self, scene, group, NULL, DIE, 0);
    tp_task third = submit(self, scene, group, NULL, COUNT_PRIMES, scene->below);
    tp_err began = tp_receive(self, TP_FOREVER, &waiting, waits);
    tp_err first = tp_task_cancel(self, queued), second = tp_task_cancel(self, runs);
    story_check(story_of(scene), began == TP_OK && first == TP_OK && second == TP_OK,
                "%s: two are cancelled", scene->place->name);
    first = tp_task_await(self, runs, TP_FOREVER, &got, result);
    second = tp_task_await(self, queued, TP_FOREVER, &got, result);
    tp_err last = tp_task_await(self, third, TP_FOREVER, &got, result);
    story_check(story_of(scene),
                first == TP_ECANCELED && second == TP_ECANCELED && last == TP_OK &&
                    got.value == scene->value,
                "%s: the third has its turn", scene->place->name);
    (void)tp_tasks_close(self, group);
}

/* The first that fails ends all: those that run, those that wait, those to come. */
static void first_error(tp_actor *self, const struct scene *scene) {
    tp_task task;
    tp_task_outcome outcome;
    int canceled = 0, failed = 0;
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = 3, .first_error = true});
    (void)submit(self, scene, group, NULL, NEVER_END, 0);
    (void)submit(self, scene, group, NULL, NEVER_END, 0);
    (void)submit(self, scene, group, NULL, RETURN_ERROR, 0);
    /* those behind may be refused already */
    for (int i = 0; i < 3; i++) (void)submit(self, scene, group, NULL, NEVER_END, 0);
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK) {
        failed += outcome.err == TP_ECLOSED;
        canceled += outcome.err == TP_ECANCELED;
    }
    work more = {.what = COUNT_PRIMES, .number = scene->below};
    tp_err err = place_submit(self, scene->place, group, &task, NULL, &more);
    story_check(story_of(scene), failed == 1 && canceled >= 2 && err == TP_ECANCELED,
                "%s: the first error cancels the others", scene->place->name);
    (void)tp_tasks_close(self, group);
}

/* A failure says why; a process that is killed says how; the others do not notice. */
static void crash(tp_actor *self, const struct scene *scene) {
    tp_task_outcome outcome;
    int right = 0;
    bool apart = scene->place->apart;
    tp_pid group = tp_tasks_open(self, NULL);
    tp_task fails = submit(self, scene, group, NULL, FAIL, 7);
    tp_task dies = submit(self, scene, group, NULL, apart ? DIE : FAIL, 8);
    (void)submit(self, scene, group, NULL, COUNT_PRIMES, scene->below);
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK) {
        bool as_told = outcome.err == TP_EEXITED && outcome.code == TP_EXIT_FAILED;
        if (outcome.task.id == fails.id)
            right += as_told &&
                     tp_str_equal(tp_str_of(outcome.text), TP_STR("nothing is known about 7"));
        else if (outcome.task.id == dies.id)
            right += apart ? outcome.err == TP_EEXITED && outcome.code == TP_EXIT_PROCESS : as_told;
        else right += outcome.err == TP_OK;
    }
    story_check(story_of(scene), right == 3, "%s: a crash is told, and told apart",
                scene->place->name);
    (void)tp_tasks_close(self, group);
}

/* Whoever opened the tasks is killed: they end with it. */
static void open_and_wait(tp_actor *self, void *arg) {
    const struct scene *scene = arg;
    go gone;
    tp_pid group = tp_tasks_open(self, NULL);
    for (int i = 0; i < 3; i++) (void)submit(self, scene, group, NULL, NEVER_END, 0);
    (void)tp_receive(self, TP_FOREVER, &gone, go);
}
static void owner_killed(tp_actor *self, const struct scene *scene) {
    tp_ref monitor;
    tp_down down;
    tp_spawn_options options = {.monitor = &monitor};
    tp_pid owner = tp_spawn_body(self, open_and_wait, (void *)(uintptr_t)scene, &options);
    tp_sleep(self, SHORT);
    (void)tp_kill(self, owner);
    tp_err err = tp_receive(self, TP_FOREVER, &down, tp_down);
    story_check(story_of(scene), err == TP_OK && down.code == TP_EXIT_KILLED,
                "%s: whoever opened them is killed", scene->place->name);
}

static const struct {
    const char *name;
    void (*play)(tp_actor *self, const struct scene *scene);
} scenes[] = {
    {"as completed", as_completed}, {"deadline", deadline}, {"cancel", cancel},
    {"first error", first_error},   {"crash", crash},       {"owner killed", owner_killed}};

static void play_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    struct held before = held_now(tp_self_runtime(self));
    unsigned workers = tp_runtime_workers(tp_self_runtime(self));
    (void)count(self, scene, workers);
    before = held_after_warm_up(self, &before);
    scene->took_us[0] = count(self, scene, 1);
    scene->took_us[1] = count(self, scene, workers);
    held_check(self, story_of(scene), &before, scene->place->name);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s, %s", scene->place->name, scenes[i].name);
        story_progress(story_of(scene), "%s", name);
        scenes[i].play(self, scene);
        held_check(self, story_of(scene), &before, name);
    }
}

static int64_t primes_below(int64_t below) {
    int64_t primes = 0;
    for (int64_t n = 2; n < below; n++) {
        int64_t i = 2;
        while (i * i <= n && n % i != 0) i++;
        primes += i * i > n;
    }
    return primes;
}

void show_places(const struct stage *stage, int64_t below) {
    static const struct place places[] = {{"threads", false}, {"processes", true}};
    int64_t value = primes_below(below);
    printf("\n%d times the primes below %" PRId64 ", and what may go wrong\n", JOBS, below);
    for (size_t i = 0; i < 2; i++) {
        struct scene scene = {stage, &places[i], below, value, {0}};
        if (places[i].apart && stage->zygote == NULL) {
            printf("  processes: left out, this build cannot isolate\n");
            continue;
        }
        stage_run(stage, places[i].name, play_body, &scene);
        double one = (double)scene.took_us[0] / 1000, all = (double)scene.took_us[1] / 1000;
        printf("  %-10s one at a time %7.1f ms, one a CPU %7.1f ms; deadline, cancel, first error, "
               "crash: nothing left\n",
               places[i].name, one, all);
        story_figure(stage->story, one, "ms", "%s: eight jobs, one at a time", places[i].name);
        story_figure(stage->story, all, "ms", "%s: eight jobs, one a CPU", places[i].name);
    }
}
