/*
 * Tasks and their groups: results, order of completion, limits, deadlines, cancelling, first
 * errors; and that nothing is left behind, whoever ends.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define LONG TP_SECONDS(1000)

TP_MESSAGE(order, TP_FIELD(i64, n), TP_FIELD(i64, ms), TP_FIELD(i32, how), TP_FIELD(str, text))
TP_MESSAGE(square, TP_FIELD(i64, n), TP_FIELD(str, text))
TP_MESSAGE(empty)
TP_MESSAGE(numbers, TP_LIST(i64, items))

enum { ERROR = 1, FAIL, EXIT, TRAP, OWN_END };

static char story[512];
static int running, running_most;

static void ended(void *arg) {
    (void)arg;
    running--;
}
/* Sleeps, then gives n * n; `how` says what goes wrong. The counts are for the simulator only. */
static tp_err work(tp_actor *self, const order *in, square *out) {
    size_t used = strlen(story);
    running++;
    if (running > running_most) running_most = running;
    if (tp_on_exit(self, ended, NULL) != TP_OK) return TP_ENOMEM;
    if (in->text.size > 0 && used + in->text.size + 2 < sizeof story)
        snprintf(story + used, sizeof story - used, "%.*s ", (int)in->text.size, in->text.data);
    if (in->how == TRAP) tp_trap_exits(self, true);
    if (in->ms > 0) tp_sleep(self, TP_MS(in->ms));
    if (in->how == ERROR) return TP_EREFUSED;
    if (in->how == FAIL) tp_fail(self, "no page for %d", (int)in->n);
    if (in->how == EXIT) tp_exit(self, TP_EXIT_USER + 3);
    if (in->how == OWN_END) tp_exit(self, TP_EXIT_NORMAL);
    out->n = in->n * in->n;
    out->text = in->text;
    return TP_OK;
}
TP_TASK(work_task, "work", order, square, work);

static tp_err sort_of(tp_actor *self, const numbers *in, numbers *out) {
    int64_t *items = tp_alloc(self, in->items.count * sizeof *items);
    if (items == NULL) return TP_ENOMEM;
    for (size_t i = 0; i < in->items.count; i++)
        items[i] = in->items.items[in->items.count - 1 - i];
    out->items.items = items;
    out->items.count = in->items.count;
    return TP_OK;
}
TP_TASK(reverse_task, "reverse", numbers, numbers, sort_of);

/* The simulator's counts need not be exact here: nothing shared is touched. */
static tp_err pure(tp_actor *self, const order *in, square *out) {
    for (int64_t i = 0; i < in->ms; i++) tp_yield(self);
    if (in->how == ERROR) return TP_EREFUSED;
    if (in->how == FAIL) tp_fail(self, "asked to");
    out->n = in->n * in->n;
    return TP_OK;
}
TP_TASK(pure_task, "pure", order, square, pure);

/* ---- the stage ---- */

static tp_pid group;
static bool finished, on_pool;
static void (*scenario)(tp_actor *self);

static void body(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true);
    scenario(self);
    finished = true;
}
static void reset(void (*what)(tp_actor *self)) {
    scenario = what;
    finished = false;
    story[0] = 0;
    running = running_most = 0;
}
/* Under a few seeds; at the end no actor is left. */
static void play_seeds(void (*what)(tp_actor *self)) {
    for (uint64_t seed = 1; seed <= 10; seed++) {
        tp_sim *sim;
        tp_counters before, after;
        tp_sim_options options = {.seed = seed, .workers = 2};
        options.runtime.log_level = TP_LOG_OFF;
        reset(what);
        TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
        tp_runtime_counters(tp_sim_runtime(sim), &before);
        (void)tp_sim_spawn_body(sim, body, NULL, NULL);
        TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
        TP_ASSERT(finished);
        tp_runtime_counters(tp_sim_runtime(sim), &after);
        TP_ASSERT_EQ_INT(after.actors_alive, before.actors_alive);
        TP_ASSERT_EQ_INT(running, 0);
        tp_sim_free(sim);
    }
}
/* The same on actors and on a pool's workers. */
static void play(void (*what)(tp_actor *self)) {
    on_pool = false;
    play_seeds(what);
    on_pool = true;
    play_seeds(what);
    on_pool = false;
}
static void play_on_two_workers(void (*what)(tp_actor *self)) {
    tp_options options = {.workers = 2, .log_level = TP_LOG_OFF};
    reset(what);
    TP_ASSERT_EQ_INT(tp_run_with(&options, body, NULL), 0);
    TP_ASSERT(finished);
}
static void open_group(tp_actor *self, tp_tasks_options options) {
    static const tp_pool_spec workers = {.behavior = &tp_task_worker, .workers = 16};
    if (on_pool) TP_ASSERT_EQ_INT(tp_pool_start(self, &options.pool, &workers, LONG), TP_OK);
    group = tp_tasks_open(self, &options);
    TP_ASSERT(!tp_pid_is_null(group));
}
static tp_task submit_with(tp_actor *self, const tp_task_options *options, int64_t n, int64_t ms,
                           int32_t how) {
    char text[24];
    tp_task task;
    snprintf(text, sizeof text, "%d", (int)n);
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, options, work_task, .n = n, .ms = ms,
                                    .how = how, .text = tp_str_of(text)),
                     TP_OK);
    return task;
}
static tp_task submit(tp_actor *self, int64_t n, int64_t ms, int32_t how) {
    return submit_with(self, NULL, n, ms, how);
}
static tp_err result_of(tp_actor *self, tp_task task, int64_t *n) {
    square got = {.n = -1};
    tp_err err = tp_task_await(self, task, LONG, &got, square);
    *n = got.n;
    return err;
}
static tp_err err_of(tp_actor *self, tp_task task) {
    int64_t n;
    return result_of(self, task, &n);
}
static tp_tasks_count look(tp_actor *self) {
    tp_tasks_count count = {.waiting = 0};
    TP_ASSERT_EQ_INT(tp_tasks_look(self, group, &count), TP_OK);
    return count;
}

/* ---- results ---- */

static void one(tp_actor *self) {
    int64_t n;
    open_group(self, (tp_tasks_options){0});
    tp_task task = submit(self, 7, 10, 0);
    TP_ASSERT_EQ_INT(result_of(self, task, &n), TP_OK);
    TP_ASSERT_EQ_INT(n, 49);
    TP_ASSERT_EQ_INT(err_of(self, task), TP_ENOENT);
}
TP_TEST(task, gives_its_result_once) {
    play(one);
}
static void lists(tp_actor *self) {
    static const int64_t items[] = {1, 2, 3, 4};
    tp_task task;
    numbers got;
    open_group(self, (tp_tasks_options){0});
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, NULL, reverse_task, .items = {items, 4}),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_task_await(self, task, LONG, &got, numbers), TP_OK);
    TP_ASSERT_EQ_INT(got.items.count, 4);
    TP_ASSERT_EQ_INT(got.items.items[0], 4);
    TP_ASSERT_EQ_INT(got.items.items[3], 1);
}
TP_TEST(task, lists_go_in_and_come_out) {
    play(lists);
}
static void other_type(tp_actor *self) {
    int64_t n;
    empty got;
    open_group(self, (tp_tasks_options){0});
    tp_task task = submit(self, 3, 0, 0);
    TP_ASSERT_EQ_INT(tp_task_await(self, task, LONG, &got, empty), TP_ETYPE);
    TP_ASSERT_EQ_INT(result_of(self, task, &n), TP_OK);
    TP_ASSERT_EQ_INT(n, 9);
}
TP_TEST(task, a_result_asked_for_as_another_type_stays) {
    play(other_type);
}
static void errors(tp_actor *self) {
    open_group(self, (tp_tasks_options){0});
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 5, ERROR)), TP_EREFUSED);
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 5, FAIL)), TP_EEXITED);
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 5, EXIT)), TP_EEXITED);
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 5, OWN_END)), TP_EEXITED);
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 5, 0)), TP_OK);
}
TP_TEST(task, an_error_and_a_crash_are_results) {
    play(errors);
}
static void outcome_text(tp_actor *self) {
    tp_task_outcome out;
    open_group(self, (tp_tasks_options){0});
    (void)submit(self, 12, 1, FAIL);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
    TP_ASSERT_EQ_INT(out.err, TP_EEXITED);
    TP_ASSERT_EQ_INT(out.code, TP_EXIT_FAILED);
    TP_ASSERT_EQ_STR(out.text, "no page for 12");
    (void)submit(self, 12, 1, EXIT);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
    TP_ASSERT_EQ_INT(out.code, TP_EXIT_USER + 3);
}
TP_TEST(task, a_crash_tells_its_reason) {
    play(outcome_text);
}
static void not_yet(tp_actor *self) {
    int64_t n;
    square got;
    open_group(self, (tp_tasks_options){0});
    tp_task task = submit(self, 5, 100, 0);
    TP_ASSERT_EQ_INT(tp_task_await(self, task, 0, &got, square), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_task_await(self, task, TP_MS(10), &got, square), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(result_of(self, task, &n), TP_OK);
    TP_ASSERT_EQ_INT(n, 25);
}
TP_TEST(task, an_await_that_times_out_loses_nothing) {
    play(not_yet);
}
static void isolated(tp_actor *self) {
    tp_task task;
    open_group(self, (tp_tasks_options){0});
    tp_task_options options = {.isolated = true};
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, &options, work_task), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(task.id, 0);
    options = (tp_task_options){.deadline = -1};
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, &options, work_task), TP_EINVAL);
}
TP_TEST(task, isolation_is_not_there_yet) {
    play(isolated);
}

/* ---- several ---- */

static void as_completed(tp_actor *self) {
    static const int64_t ms[] = {30, 10, 50, 20, 40}, expected[] = {2, 4, 1, 5, 3};
    tp_task_outcome out;
    int64_t n;
    open_group(self, (tp_tasks_options){0});
    for (int i = 0; i < 5; i++) (void)submit(self, i + 1, ms[i], 0);
    for (int i = 0; i < 5; i++) {
        TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
        TP_ASSERT_EQ_INT(out.task.id, expected[i]);
        TP_ASSERT_EQ_INT(result_of(self, out.task, &n), TP_OK);
        TP_ASSERT_EQ_INT(n, expected[i] * expected[i]);
    }
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_ENOENT);
}
TP_TEST(task, next_gives_the_order_of_completion) {
    play(as_completed);
}
static void next_times_out(tp_actor *self) {
    tp_task_outcome out;
    open_group(self, (tp_tasks_options){0});
    (void)submit(self, 1, 100, 0);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, 0, &out), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, TP_MS(5), &out), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, 0, &out), TP_ENOENT);
    TP_ASSERT_EQ_INT(look(self).decided, 1); /* announced, not taken */
}
TP_TEST(task, next_that_times_out_loses_nothing) {
    play(next_times_out);
}
static void any(tp_actor *self) {
    size_t index = 9;
    open_group(self, (tp_tasks_options){0});
    tp_task tasks[] = {
        submit(self, 1, 50, 0), {.id = 0}, submit(self, 2, 20, 0), submit(self, 3, 90, 0)};
    TP_ASSERT_EQ_INT(tp_task_await_any(self, tasks, 4, TP_MS(5), &index), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_task_await_any(self, tasks, 4, LONG, &index), TP_OK);
    TP_ASSERT_EQ_INT(index, 2);
    TP_ASSERT_EQ_INT(err_of(self, tasks[2]), TP_OK);
    TP_ASSERT_EQ_INT(tp_task_await_any(self, tasks, 4, LONG, &index), TP_ENOENT);
    tasks[2].id = 0;
    TP_ASSERT_EQ_INT(tp_task_await_any(self, tasks, 4, LONG, &index), TP_OK);
    TP_ASSERT_EQ_INT(index, 0);
    TP_ASSERT_EQ_INT(tp_task_await_any(self, tasks + 1, 1, LONG, &index), TP_ENOENT);
}
TP_TEST(task, any_is_the_first_that_is_decided) {
    play(any);
}
static void all(tp_actor *self) {
    tp_task tasks[20];
    open_group(self, (tp_tasks_options){0});
    for (int i = 0; i < 20; i++) tasks[i] = submit(self, i, 20 - i, i == 3 ? ERROR : 0);
    TP_ASSERT_EQ_INT(tp_task_await_all(self, tasks, 20, TP_MS(2)), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_task_await_all(self, tasks, 20, LONG), TP_OK);
    for (int i = 0; i < 20; i++)
        TP_ASSERT_EQ_INT(tp_task_await_value(self, tasks[i], 0, NULL, NULL),
                         i == 3 ? TP_EREFUSED : TP_OK);
    TP_ASSERT_EQ_INT(look(self).decided, 0);
}
TP_TEST(task, all_waits_for_all) {
    play(all);
}
static void join(tp_actor *self) {
    open_group(self, (tp_tasks_options){.limit = 2});
    for (int i = 0; i < 6; i++) (void)submit(self, i, 10, 0);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, TP_MS(15)), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_INT(look(self).decided, 6);
}
TP_TEST(task, join_waits_for_the_whole_group) {
    play(join);
}
static void waits_for(tp_actor *self, void *arg) {
    square got;
    (void)self;
    TP_ASSERT_EQ_INT(tp_task_await(self, *(tp_task *)arg, LONG, &got, square), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 16);
}
static void by_another(tp_actor *self) {
    static tp_task task;
    tp_ref monitor;
    tp_down down;
    open_group(self, (tp_tasks_options){0});
    task = submit(self, 4, 10, 0);
    (void)tp_spawn_body(self, waits_for, &task, TP_OPTIONS(.monitor = &monitor));
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
}
TP_TEST(task, any_actor_may_await_it) {
    play(by_another);
}

static void many(tp_actor *self) {
    enum { TASKS = 300 };
    static tp_task tasks[TASKS];
    int64_t n;
    open_group(self, (tp_tasks_options){.limit = 20});
    for (int i = 0; i < TASKS; i++) tasks[i] = submit(self, i, (i * 31) % 7, 0);
    for (int i = TASKS - 1; i >= 0; i--) { /* newest first: nothing depends on the order */
        TP_ASSERT_EQ_INT(result_of(self, tasks[i], &n), TP_OK);
        TP_ASSERT_EQ_INT(n, i * i);
    }
    for (int i = 0; i < TASKS; i++) TP_ASSERT_EQ_INT(err_of(self, submit(self, i, 0, 0)), TP_OK);
    TP_ASSERT_EQ_INT(look(self).decided, 0);
}
TP_TEST(task, results_are_taken_in_any_order) {
    play(many);
}
static void mixed(tp_actor *self) {
    tp_task_outcome out;
    open_group(self, (tp_tasks_options){0});
    tp_task first = submit(self, 1, 10, 0), second = submit(self, 2, 20, 0);
    TP_ASSERT_EQ_INT(err_of(self, first), TP_OK); /* taken: next does not tell of it */
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
    TP_ASSERT_EQ_INT(out.task.id, second.id);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_ENOENT);
    TP_ASSERT_EQ_INT(err_of(self, second), TP_OK);
}
TP_TEST(task, next_leaves_out_what_was_taken) {
    play(mixed);
}

/* ---- limits ---- */

static void limit(tp_actor *self) {
    open_group(self, (tp_tasks_options){.limit = 3});
    tp_time begun = tp_now(self);
    for (int i = 0; i < 12; i++) (void)submit(self, i, 10, 0);
    TP_ASSERT_EQ_INT(look(self).running, 3);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_INT(running_most, 3);
    TP_ASSERT((tp_now(self) - begun) / TP_MS(1) == 40);
}
TP_TEST(task, no_more_than_the_limit_run_at_once) {
    play(limit);
}
static void per_key(tp_actor *self) {
    tp_task_options a = {.key = TP_STR("a")}, b = {.key = TP_STR("b")};
    open_group(self, (tp_tasks_options){.limit_per_key = 1});
    tp_time begun = tp_now(self);
    for (int i = 0; i < 5; i++) (void)submit_with(self, &a, i, 10, 0);
    (void)submit_with(self, &b, 9, 10, 0);
    (void)submit(self, 8, 10, 0);
    tp_sleep(self, TP_MS(5));
    TP_ASSERT_EQ_INT(look(self).running, 3); /* one a key, and one without */
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT((tp_now(self) - begun) / TP_MS(1) == 50);
}
TP_TEST(task, one_that_its_key_holds_back_holds_no_other) {
    play(per_key);
}
static void key_order(tp_actor *self) {
    tp_task_options key = {.key = TP_STR("ns")};
    open_group(self, (tp_tasks_options){.limit = 4, .limit_per_key = 1});
    for (int i = 0; i < 8; i++)
        (void)submit_with(self, &key, i, (i * 7) % 5, i % 3 == 1 ? FAIL : 0);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_STR(story, "0 1 2 3 4 5 6 7 ");
    TP_ASSERT_EQ_INT(running_most, 1);
}
TP_TEST(task, order_is_kept_inside_a_key) {
    play(key_order);
}

/* ---- ends before the end ---- */

static void cancel_running(tp_actor *self) {
    open_group(self, (tp_tasks_options){0});
    tp_task task = submit(self, 1, 100000, 0);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(tp_task_cancel(self, task), TP_OK);
    TP_ASSERT_EQ_INT(tp_task_cancel(self, task), TP_ENOENT);
    TP_ASSERT_EQ_INT(err_of(self, task), TP_ECANCELED);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(running, 0);
    TP_ASSERT_EQ_INT(look(self).running, 0);
}
TP_TEST(task, cancelling_kills_one_that_runs) {
    play(cancel_running);
}
static void cancel_waiting(tp_actor *self) {
    open_group(self, (tp_tasks_options){.limit = 1});
    (void)submit(self, 1, 10, 0);
    tp_task task = submit(self, 2, 10, 0);
    (void)submit(self, 3, 10, 0);
    TP_ASSERT_EQ_INT(tp_task_cancel(self, task), TP_OK);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_INT(err_of(self, task), TP_ECANCELED);
    TP_ASSERT_EQ_STR(story, "1 3 ");
}
TP_TEST(task, cancelling_forgets_one_that_waits) {
    play(cancel_waiting);
}
static void cancel_trapping(tp_actor *self) {
    open_group(self, (tp_tasks_options){0});
    tp_task task = submit(self, 1, 100000, TRAP);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(tp_tasks_cancel(self, group), TP_OK);
    TP_ASSERT_EQ_INT(err_of(self, task), TP_ECANCELED);
}
TP_TEST(task, one_that_traps_exits_is_killed_too) {
    play(cancel_trapping);
}
static void deadline(tp_actor *self) {
    tp_task_options soon = {.deadline = TP_MS(15)};
    open_group(self, (tp_tasks_options){.limit = 1});
    tp_task first = submit_with(self, &soon, 1, 10, 0), second = submit_with(self, &soon, 2, 10, 0),
            third = submit_with(self, &soon, 3, 10, 0);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_INT(err_of(self, first), TP_OK);
    TP_ASSERT_EQ_INT(err_of(self, second), TP_ETIMEDOUT); /* while it ran */
    TP_ASSERT_EQ_INT(err_of(self, third), TP_ETIMEDOUT);  /* before it began */
    TP_ASSERT_EQ_INT(err_of(self, third), TP_ENOENT);
    TP_ASSERT_EQ_STR(story, "1 2 ");
}
TP_TEST(task, a_deadline_counts_from_the_submission) {
    play(deadline);
}
static void timeout(tp_actor *self) {
    tp_task_options each = {.timeout = TP_MS(15)};
    open_group(self, (tp_tasks_options){.limit = 1});
    tp_task tasks[4];
    for (int i = 0; i < 4; i++) tasks[i] = submit_with(self, &each, i, i == 2 ? 1000 : 10, 0);
    tp_time begun = tp_now(self);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    for (int i = 0; i < 4; i++)
        TP_ASSERT_EQ_INT(err_of(self, tasks[i]), i == 2 ? TP_ETIMEDOUT : TP_OK);
    TP_ASSERT((tp_now(self) - begun) / TP_MS(1) == 45);
}
TP_TEST(task, a_timeout_counts_from_its_start) {
    play(timeout);
}
static void first_error(tp_actor *self) {
    tp_task_outcome out;
    tp_task task;
    open_group(self, (tp_tasks_options){.limit = 3, .first_error = true});
    for (int i = 0; i < 10; i++) (void)submit(self, i, i == 1 ? 5 : 10, i == 1 ? FAIL : 0);
    TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
    TP_ASSERT_EQ_INT(out.task.id, 2);
    TP_ASSERT_EQ_INT(out.err, TP_EEXITED);
    for (int i = 0; i < 9; i++) {
        TP_ASSERT_EQ_INT(tp_task_next(self, group, LONG, &out), TP_OK);
        TP_ASSERT_EQ_INT(out.err, TP_ECANCELED);
    }
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, NULL, work_task), TP_ECANCELED);
}
TP_TEST(task, the_first_error_cancels_the_rest) {
    play(first_error);
}
static void no_first_error(tp_actor *self) {
    open_group(self, (tp_tasks_options){0});
    tp_task bad = submit(self, 1, 1, ERROR), good = submit(self, 2, 10, 0);
    TP_ASSERT_EQ_INT(err_of(self, bad), TP_EREFUSED);
    TP_ASSERT_EQ_INT(err_of(self, good), TP_OK);
}
TP_TEST(task, else_an_error_concerns_nobody_else) {
    play(no_first_error);
}

/* ---- nothing is left behind: play() counts ---- */

static void close_all(tp_actor *self) {
    tp_task task;
    open_group(self, (tp_tasks_options){.limit = 5});
    for (int i = 0; i < 20; i++) task = submit(self, i, i % 2 == 0 ? 1 : 100000, TRAP);
    tp_sleep(self, TP_MS(3));
    TP_ASSERT_EQ_INT(tp_tasks_close(self, group), TP_OK);
    TP_ASSERT_EQ_INT(tp_tasks_close(self, group), TP_OK);
    TP_ASSERT_EQ_INT(err_of(self, task), TP_ENOPROC);
}
TP_TEST(task, closing_leaves_nothing) {
    play(close_all);
}
static void owner_ends(tp_actor *self) {
    open_group(self, (tp_tasks_options){.limit = 5});
    for (int i = 0; i < 20; i++) (void)submit(self, i, 100000, i % 2 == 0 ? TRAP : 0);
}
TP_TEST(task, the_end_of_the_submitter_leaves_nothing) {
    play(owner_ends);
}
static void opens(tp_actor *self, void *arg) {
    (void)arg;
    owner_ends(self);
    tp_sleep(self, LONG);
}
static void owner_killed(tp_actor *self) {
    tp_pid owner = tp_spawn_body(self, opens, NULL, NULL);
    tp_sleep(self, TP_MS(1));
    tp_kill(self, owner);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(running, 0);
}
TP_TEST(task, a_killed_submitter_leaves_nothing) {
    play(owner_killed);
}
static void group_killed(tp_actor *self) {
    int64_t n;
    open_group(self, (tp_tasks_options){.limit = 5});
    tp_task task = submit(self, 1, 100000, 0);
    tp_sleep(self, TP_MS(1));
    tp_kill(self, group);
    TP_ASSERT_EQ_INT(result_of(self, task, &n), TP_ENOPROC);
}
TP_TEST(task, a_killed_group_leaves_nothing) {
    play(group_killed);
}

/* ---- on a pool ---- */

static void pool_workers_die(tp_actor *self) {
    static const tp_pool_spec two = {.behavior = &tp_task_worker, .workers = 2};
    tp_pid pool;
    tp_pool_info info;
    tp_task tasks[6];
    TP_ASSERT_EQ_INT(tp_pool_start(self, &pool, &two, LONG), TP_OK);
    group = tp_tasks_open(self, &(tp_tasks_options){.pool = pool});
    for (int i = 0; i < 6; i++) tasks[i] = submit(self, i, 10, 0);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(tp_pool_look(self, pool, &info, LONG), TP_OK);
    tp_kill(self, info.pids.items[0]);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    int lost = 0;
    for (int i = 0; i < 6; i++) {
        tp_err err = err_of(self, tasks[i]);
        TP_ASSERT(err == TP_OK || err == TP_ENOPROC);
        lost += err == TP_ENOPROC;
    }
    TP_ASSERT_EQ_INT(lost, 3);
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 1, 0)), TP_OK);
}
TP_TEST(task, tasks_of_a_worker_that_dies_are_decided) {
    play_seeds(pool_workers_die);
}
static void pool_bounds(tp_actor *self) {
    static const tp_pool_spec two = {.behavior = &tp_task_worker, .workers = 2};
    tp_pid pool;
    TP_ASSERT_EQ_INT(tp_pool_start(self, &pool, &two, LONG), TP_OK);
    group = tp_tasks_open(self, &(tp_tasks_options){.pool = pool});
    for (int i = 0; i < 8; i++) (void)submit(self, i, 10, 0);
    tp_task waits = submit(self, 99, 10, 0);
    TP_ASSERT_EQ_INT(tp_task_cancel(self, waits), TP_OK);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    TP_ASSERT_EQ_INT(running_most, 2);
    TP_ASSERT(strstr(story, "99") == NULL);
}
TP_TEST(task, a_pool_runs_a_task_a_worker) {
    play_seeds(pool_bounds);
}
static void pool_gone(tp_actor *self) {
    open_group(self, (tp_tasks_options){.pool = tp_self(self)});
    (void)tp_tasks_close(self, group);
    tp_pid dead = group;
    open_group(self, (tp_tasks_options){.pool = dead});
    TP_ASSERT_EQ_INT(err_of(self, submit(self, 1, 1, 0)), TP_ENOPROC);
}
TP_TEST(task, without_its_pool_a_task_fails) {
    play_seeds(pool_gone);
}

/* ---- two real workers ---- */

static void storm(tp_actor *self) {
    enum { TASKS = 400 };
    static tp_task tasks[TASKS];
    int counts[TP_ERR_COUNT] = {0};
    tp_counters before, after;
    tp_runtime_counters(tp_self_runtime(self), &before);
    group = tp_tasks_open(self, &(tp_tasks_options){.limit = 32, .limit_per_key = 4});
    for (int i = 0; i < TASKS; i++) {
        char key[4] = {(char)('a' + i % 12), 0};
        tp_task_options options = {.key = tp_str_of(key)};
        TP_ASSERT_EQ_INT(tp_task_submit(self, &tasks[i], group, &options, pure_task, .n = i,
                                        .ms = i % 5, .how = i % 7 == 3 ? FAIL : 0),
                         TP_OK);
        if (i % 9 == 5) (void)tp_task_cancel(self, tasks[i / 2]);
    }
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, LONG), TP_OK);
    for (int i = 0; i < TASKS; i++) {
        square got;
        tp_err err = tp_task_await(self, tasks[i], 0, &got, square);
        counts[err]++;
        if (err == TP_OK) TP_ASSERT_EQ_INT(got.n, i * i);
    }
    TP_ASSERT_EQ_INT(counts[TP_OK] + counts[TP_EEXITED] + counts[TP_ECANCELED], TASKS);
    TP_ASSERT_EQ_INT(tp_tasks_close(self, group), TP_OK);
    do {
        tp_sleep(self, TP_MS(1));
        tp_runtime_counters(tp_self_runtime(self), &after);
    } while (after.actors_alive > before.actors_alive);
}
TP_TEST(task, each_is_decided_once_on_two_workers) {
    play_on_two_workers(storm);
}
static void pool_storm(tp_actor *self) {
    enum { TASKS = 200 };
    static const tp_pool_spec four = {
        .behavior = &tp_task_worker, .workers = 4, .router = TP_POOL_LEAST_LOADED};
    tp_task_outcome out;
    tp_pid pool;
    int ok = 0, lost = 0;
    TP_ASSERT_EQ_INT(tp_pool_start(self, &pool, &four, LONG), TP_OK);
    group = tp_tasks_open(self, &(tp_tasks_options){.pool = pool});
    for (int i = 0; i < TASKS; i++) {
        tp_task task;
        TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, NULL, pure_task, .n = i, .ms = i % 5),
                         TP_OK);
        if (i % 50 == 25) {
            tp_pool_info info;
            TP_ASSERT_EQ_INT(tp_pool_look(self, pool, &info, LONG), TP_OK);
            tp_kill(self, info.pids.items[i % 4]);
        }
    }
    while (tp_task_next(self, group, LONG, &out) == TP_OK) {
        ok += out.err == TP_OK;
        lost += out.err == TP_ENOPROC;
    }
    TP_ASSERT_EQ_INT(ok + lost, TASKS);
    TP_ASSERT(ok > 0); /* how many waited at a worker that died is the moment's */
}
TP_TEST(task, each_is_decided_once_when_pool_workers_die) {
    play_on_two_workers(pool_storm);
}
