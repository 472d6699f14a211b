/*
 * The multiplexer of the story, built from actors: the tasks, a queue, and threads that take the
 * first task, let it do a step and put it back. Threads take turns, so that two of them do the same
 * ten steps in five rounds. The simulator runs it; the seed must not matter.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "examples/common/chart.h"
#include "examples/multiplexer/multiplexer.h"

#define TASKS 4
#define STEPS_MAX 32
#define LONG TP_SECONDS(60)

static const char names[TASKS] = {'m', 'A', 'B', 'C'}; /* main awaits A awaits B awaits C */

TP_MESSAGE(step, TP_FIELD(bool, awaited_done))
TP_MESSAGE(outcome, TP_FIELD(bool, done))
TP_MESSAGE(take, TP_FIELD(u32, thread))
TP_MESSAGE(taken, TP_FIELD(i32, task), TP_FIELD(pid, pid), TP_FIELD(bool, awaited_done))
TP_MESSAGE(put, TP_FIELD(i32, task), TP_FIELD(bool, done))
TP_MESSAGE(task_args, TP_FIELD(bool, awaits))

/* ---- a task: done when what it awaits is done ---- */

struct task {
    bool awaits;
};

static void task_init(tp_actor *self, struct task *task, const task_args *args) {
    (void)self;
    task->awaits = args->awaits;
}

static void on_step(tp_actor *self, struct task *task, const step *msg) {
    tp_reply(self, outcome, .done = !task->awaits || msg->awaited_done);
}

TP_BEHAVIOR(task_behavior, "task", struct task, TP_INIT_WITH(task_args, task_init),
            TP_ON(step, on_step));

/* ---- the queue ---- */

struct multiplexer {
    bool front; /* an awaited task goes to the front, else to the back */
    unsigned threads;
    tp_pid pids[TASKS];
    int queue[TASKS + 1];
    int length;
    bool done[TASKS];
    unsigned turn;
    tp_from waiting[2]; /* threads whose turn it is not */
    char order[STEPS_MAX + 1];
    int steps;
};

static bool queued(const struct multiplexer *mux, int task) {
    for (int i = 0; i < mux->length; i++)
        if (mux->queue[i] == task) return true;
    return false;
}

static void give(tp_actor *self, struct multiplexer *mux, tp_from from) {
    if (mux->length == 0) { /* main is done */
        tp_reply_to(self, from, taken, .task = -1);
        return;
    }
    int first = mux->queue[0];
    memmove(mux->queue, mux->queue + 1, (size_t)--mux->length * sizeof mux->queue[0]);
    if (mux->steps < STEPS_MAX) mux->order[mux->steps++] = names[first];
    tp_reply_to(self, from, taken, .task = first, .pid = mux->pids[first],
                .awaited_done = first + 1 < TASKS && mux->done[first + 1]);
}

static void on_take(tp_actor *self, struct multiplexer **mux, const take *msg) {
    tp_from from = tp_defer(self);
    if (msg->thread >= 2) tp_fail(self, "thread %u", msg->thread);
    if (msg->thread == (*mux)->turn) give(self, *mux, from);
    else (*mux)->waiting[msg->thread] = from;
}

/* What is awaited comes to the front or to the back, what awaits always to the back. */
static void put_back(struct multiplexer *mux, int task) {
    int awaited = task + 1;
    if (!queued(mux, awaited) && !mux->done[awaited]) {
        if (mux->front) memmove(mux->queue + 1, mux->queue, (size_t)mux->length * sizeof(int));
        mux->queue[mux->front ? 0 : mux->length] = awaited;
        mux->length++;
    }
    mux->queue[mux->length++] = task;
}

static void on_put(tp_actor *self, struct multiplexer **state, const put *msg) {
    struct multiplexer *mux = *state;
    if (msg->done) mux->done[msg->task] = true;
    else put_back(mux, msg->task);
    mux->turn = (mux->turn + 1) % mux->threads;
    tp_from next = mux->waiting[mux->turn];
    mux->waiting[mux->turn] = (tp_from){0};
    if (!tp_pid_is_null(next.caller)) give(self, mux, next);
    for (unsigned i = 0; mux->length == 0 && i < 2; i++) /* over: nobody has to wait */
        if (!tp_pid_is_null(mux->waiting[i].caller)) give(self, mux, mux->waiting[i]);
}

TP_CASES(queue_cases, struct multiplexer *, TP_ON(take, on_take), TP_ON(put, on_put));

static void queue_body(tp_actor *self, void *arg) {
    struct multiplexer *mux = arg;
    for (int i = 0; i < TASKS; i++)
        mux->pids[i] = tp_spawn(self, &task_behavior, task_args, .awaits = i + 1 < TASKS);
    mux->queue[mux->length++] = 0;
    for (;;) tp_receive_cases(self, TP_FOREVER, &mux, queue_cases);
}

/* ---- a thread ---- */

struct thread {
    tp_pid queue;
    unsigned number;
};

static void thread_body(tp_actor *self, void *arg) {
    const struct thread *thread = arg;
    taken got;
    outcome out;
    while (tp_call(self, thread->queue, LONG, &got, taken, take, .thread = thread->number) ==
               TP_OK &&
           got.task >= 0) {
        if (tp_call(self, got.pid, LONG, &out, outcome, step, .awaited_done = got.awaited_done) !=
            TP_OK)
            return;
        tp_send(self, thread->queue, put, .task = got.task, .done = out.done);
    }
}

/* ---- the model: the same rules on a string ---- */

static void model(bool front, char *order) {
    char queue[16] = "m", next[32];
    const char *awaits = "mABC", *done = "";
    while (queue[0] != '\0') {
        char first = queue[0], awaited = strchr(awaits, first)[1];
        *order++ = first;
        if (awaited == '\0' || awaited == done[0]) { /* done one after the other, from the end */
            done = strchr(awaits, first);
            snprintf(next, sizeof next, "%s", queue + 1);
        } else {
            char extra[2] = {strchr(queue, awaited) == NULL ? awaited : '\0', '\0'};
            snprintf(next, sizeof next, "%s%s%s%c", front ? extra : "", queue + 1,
                     front ? "" : extra, first);
        }
        memcpy(queue, next, sizeof queue); /* at most four tasks and an end */
    }
    *order = '\0';
}

/* ---- one run ---- */

static bool play(struct multiplexer *mux, uint64_t seed) {
    tp_sim *sim;
    struct thread threads[2];
    if (tp_sim_new(&sim, &(tp_sim_options){.seed = seed, .workers = mux->threads}) != TP_OK)
        return false;
    tp_pid queue = tp_sim_spawn_body(sim, queue_body, mux, NULL);
    for (unsigned i = 0; i < mux->threads; i++) {
        threads[i] = (struct thread){queue, i};
        tp_sim_spawn_body(sim, thread_body, &threads[i], NULL);
    }
    bool ok = tp_sim_run(sim) == TP_OK;
    tp_sim_free(sim);
    return ok && mux->done[0];
}

struct passes {
    int count;
    size_t lengths_size, spelled_size;
    char lengths[64];  /* "4 + 3 + 2 + 1" */
    char spelled[256]; /* "main A B C | main A B | ..." */
};

__attribute__((format(printf, 4, 5))) static void append(char *text, size_t size, size_t *used,
                                                         const char *format, ...) {
    va_list args;
    va_start(args, format);
    int more = vsnprintf(text + *used, size - *used, format, args);
    va_end(args);
    if (more > 0 && *used + (size_t)more < size) *used += (size_t)more;
}

/* A pass over the queue begins with main. */
static struct passes passes_of(const char *order) {
    struct passes passes = {.count = 0};
    int length = 0;
    for (size_t i = 0; order[i] != '\0'; i++) {
        bool last = order[i + 1] == 'm' || order[i + 1] == '\0';
        const char *name = order[i] == 'm' ? "main" : (const char[]){order[i], '\0'};
        append(passes.spelled, sizeof passes.spelled, &passes.spelled_size, "%s%s", name,
               order[i + 1] == 'm' ? " | " : " ");
        length++;
        if (!last) continue;
        append(passes.lengths, sizeof passes.lengths, &passes.lengths_size, "%s%d",
               passes.count == 0 ? "" : " + ", length);
        passes.count++;
        length = 0;
    }
    return passes;
}

static void draw(const struct story *story, const struct multiplexer *mux) {
    static const char *const rows[] = {"main", "A", "B", "C", NULL};
    static const char *const keys[] = {"thread 1", "thread 2", NULL};
    struct gantt_bar bars[STEPS_MAX];
    char name[32];
    for (int i = 0; i < mux->steps; i++) {
        int row = (int)((const char *)memchr(names, mux->order[i], TASKS) - names);
        int thread = i % (int)mux->threads, round = i / (int)mux->threads;
        bars[i] = (struct gantt_bar){row, thread, (char)('1' + thread), round, round + 1};
    }
    struct gantt gantt = {.title = mux->threads == 1
                                       ? "Ten steps, one thread: four passes"
                                       : "The same ten steps, two threads: five rounds",
                          .unit = "",
                          .rows = rows,
                          .keys = keys,
                          .bars = bars,
                          .bar_count = (size_t)mux->steps,
                          .cell = 0.5,
                          .tick = 1};
    snprintf(name, sizeof name, "steps-%u-%s", mux->threads, mux->front ? "front" : "back");
    if (mux->front) gantt_svg(&gantt, story->pictures, name);
}

static void show(struct story *story, bool front, unsigned threads) {
    struct multiplexer mux = {.front = front, .threads = threads};
    char expected[STEPS_MAX];
    const char *where = front ? "front" : "back";
    model(front, expected);
    if (!story_check(story, play(&mux, story->seed), "%s, %u threads: it ends", where, threads))
        return;
    struct passes passes = passes_of(mux.order);
    int rounds = (mux.steps + (int)threads - 1) / (int)threads;
    printf("  awaited to the %-5s %u thread%s %2d steps in %d rounds, %d passes (%s): %s\n", where,
           threads, threads == 1 ? ", " : "s,", mux.steps, rounds, passes.count, passes.lengths,
           passes.spelled);
    story_check(story, strcmp(mux.order, expected) == 0, "%s, %u threads: as the model", where,
                threads);
    story_check(story, mux.steps == 10 && passes.count == 4, "%s, %u threads: 10 steps, 4 passes",
                where, threads);
    if (threads == 2) story_check(story, rounds == 5, "%s: five rounds on two threads", where);
    if (front)
        story_check(story, strcmp(passes.lengths, "4 + 3 + 2 + 1") == 0, "%u: 4 + 3 + 2 + 1",
                    threads);
    draw(story, &mux);
}

void show_steps(struct story *story) {
    printf("main awaits A, A awaits B, B awaits C\n");
    for (unsigned threads = 1; threads <= 2; threads++) {
        show(story, true, threads);
        show(story, false, threads);
    }
}
