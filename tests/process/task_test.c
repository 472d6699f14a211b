/*
 * Tasks in processes of their own: results, ends, and that to cancel one that loops ends it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/process/stage.h"

TP_MESSAGE(job, TP_FIELD(i64, n), TP_FIELD(i32, how), TP_FIELD(pid, helper))
TP_MESSAGE(outcome, TP_FIELD(i64, n), TP_FIELD(i64, process))
TP_MESSAGE(begun, TP_FIELD(i64, process))
TP_MESSAGE(doubled, TP_FIELD(i64, n))
TP_MESSAGE(please_double, TP_FIELD(i64, n))

enum { SQUARE, ASK, LOOP, FAULT, FAIL, ERROR, SELF_KILL, SLEEP };

static tp_err work(tp_actor *self, const job *in, outcome *out) {
    doubled reply;
    out->process = getpid();
    out->n = in->n * in->n;
    if (!tp_pid_is_null(in->helper) && in->how != ASK)
        tp_send(self, in->helper, begun, .process = getpid());
    switch (in->how) {
    case ASK:
        if (tp_call(self, in->helper, SOON, &reply, doubled, please_double, .n = in->n) != TP_OK)
            return TP_EIO;
        out->n = reply.n;
        return TP_OK;
    case LOOP:
        for (volatile unsigned i = 0;; i = i + 1) {
        }
    case SLEEP: tp_sleep(self, TP_FOREVER); return TP_OK;
    case FAULT: abort();
    case FAIL: tp_fail(self, "no %d", (int)in->n);
    case ERROR: return TP_EREFUSED;
    case SELF_KILL: (void)raise(SIGKILL); return TP_OK;
    default: return TP_OK;
    }
}
TP_TASK(work_task, "work", job, outcome, work);

static const tp_task_options isolated = {.isolated = true};

static void on_double(tp_actor *self, char *state, const please_double *msg) {
    (void)state;
    tp_reply(self, doubled, .n = 2 * msg->n);
}
TP_BEHAVIOR(doubler, "doubler", char, TP_ON(please_double, on_double));

static tp_pid open_group(tp_actor *self, tp_tasks_options options) {
    tp_pid group = tp_tasks_open(self, &options);
    TP_ASSERT(!tp_pid_is_null(group));
    return group;
}
static tp_task submit(tp_actor *self, tp_pid group, const tp_task_options *options, int64_t n,
                      int how, tp_pid helper) {
    tp_task task;
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, options, work_task, .n = n, .how = how,
                                    .helper = helper),
                     TP_OK);
    return task;
}
/* One that tells the caller when it runs; its process. */
static int submit_begun(tp_actor *self, tp_pid group, const tp_task_options *options, int how,
                        tp_task *task) {
    begun msg;
    *task = submit(self, group, options, 1, how, tp_self(self));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, begun), TP_OK);
    TP_ASSERT(msg.process > 1 && msg.process != getpid());
    return (int)msg.process;
}
static tp_err await(tp_actor *self, tp_task task, outcome *out) {
    return tp_task_await(self, task, SOON, out, outcome);
}

/* ---- results ---- */

static void results_body(tp_actor *self, void *arg) {
    (void)arg;
    outcome got;
    tp_pid group = open_group(self, (tp_tasks_options){.limit = 2});
    tp_pid helper = tp_spawn(self, &doubler);
    tp_task tasks[6];
    for (int i = 0; i < 6; i++)
        tasks[i] = submit(self, group, &isolated, i, i % 2 == 0 ? SQUARE : ASK, helper);
    for (int i = 0; i < 6; i++) {
        TP_ASSERT_EQ_INT(await(self, tasks[i], &got), TP_OK);
        TP_ASSERT(got.process > 1 && got.process != getpid());
        TP_ASSERT_EQ_INT(got.n, i % 2 == 0 ? i * i : 2 * i);
    }
    tp_task plain = submit(self, group, NULL, 9, SQUARE, tp_pid_null());
    TP_ASSERT_EQ_INT(await(self, plain, &got), TP_OK);
    TP_ASSERT_EQ_INT(got.process, getpid());
    TP_ASSERT_EQ_INT(tp_tasks_close(self, group), TP_OK);
}
TP_TEST(isolated_task, gives_its_result_and_may_call_the_node) {
    SUPPORTED();
    run_isolated(results_body);
}

static void pool_body(tp_actor *self, void *arg) {
    static const tp_pool_spec two = {.behavior = &tp_task_worker, .workers = 2};
    (void)arg;
    outcome got;
    tp_pid pool;
    TP_ASSERT_EQ_INT(tp_pool_start(self, &pool, &two, SOON), TP_OK);
    tp_pid group = open_group(self, (tp_tasks_options){.pool = pool});
    tp_task here = submit(self, group, NULL, 3, SQUARE, tp_pid_null()),
            there = submit(self, group, &isolated, 4, SQUARE, tp_pid_null());
    TP_ASSERT_EQ_INT(await(self, here, &got), TP_OK);
    TP_ASSERT_EQ_INT(got.process, getpid());
    TP_ASSERT_EQ_INT(await(self, there, &got), TP_OK);
    TP_ASSERT(got.process != getpid());
    TP_ASSERT_EQ_INT(got.n, 16);
}
TP_TEST(isolated_task, does_not_run_on_the_groups_pool) {
    SUPPORTED();
    run_isolated(pool_body);
}

/* ---- ends ---- */

static void failures_body(tp_actor *self, void *arg) {
    (void)arg;
    outcome got;
    tp_task_outcome end;
    tp_pid group = open_group(self, (tp_tasks_options){0});
    TP_ASSERT_EQ_INT(await(self, submit(self, group, &isolated, 1, ERROR, tp_pid_null()), &got),
                     TP_EREFUSED);
    (void)submit(self, group, &isolated, 7, FAIL, tp_pid_null());
    TP_ASSERT_EQ_INT(tp_task_next(self, group, SOON, &end), TP_OK);
    TP_ASSERT_EQ_INT(end.err, TP_EEXITED);
    TP_ASSERT_EQ_INT(end.code, TP_EXIT_FAILED);
    TP_ASSERT_EQ_STR(end.text, "no 7");
    (void)submit(self, group, &isolated, 1, SELF_KILL, tp_pid_null());
    TP_ASSERT_EQ_INT(tp_task_next(self, group, SOON, &end), TP_OK);
    TP_ASSERT_EQ_INT(end.err, TP_EEXITED);
    TP_ASSERT_EQ_INT(end.code, TP_EXIT_PROCESS);
}
TP_TEST(isolated_task, its_end_is_told) {
    SUPPORTED();
    run_isolated(failures_body);
}

static void fault_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_task_outcome end;
    tp_pid group = open_group(self, (tp_tasks_options){0});
    (void)submit(self, group, &isolated, 1, FAULT, tp_pid_null());
    TP_ASSERT_EQ_INT(tp_task_next(self, group, SOON, &end), TP_OK);
    TP_ASSERT_EQ_INT(end.err, TP_EEXITED);
    TP_ASSERT_EQ_INT(end.code, TP_EXIT_PROCESS);
}
TP_TEST(isolated_task, a_fault_ends_its_process_alone) {
    SUPPORTED();
    run_isolated(fault_body);
}

static void cancel_body(tp_actor *self, void *arg) {
    (void)arg;
    static const int how[] = {LOOP, SLEEP};
    outcome got;
    tp_task task;
    tp_pid group = open_group(self, (tp_tasks_options){.limit = 1});
    for (int i = 0; i < 2; i++) {
        int process = submit_begun(self, group, &isolated, how[i], &task);
        TP_ASSERT_EQ_INT(tp_task_cancel(self, task), TP_OK);
        TP_ASSERT_EQ_INT(await(self, task, &got), TP_ECANCELED);
        /* its place is free when its process is gone */
        tp_task next = submit(self, group, &isolated, 2, SQUARE, tp_pid_null());
        TP_ASSERT_EQ_INT(await(self, next, &got), TP_OK);
        TP_ASSERT(is_gone(process));
    }
}
TP_TEST(isolated_task, cancelling_ends_one_that_loops) {
    SUPPORTED();
    run_isolated(cancel_body);
}

static void late_body(tp_actor *self, void *arg) {
    (void)arg;
    static const tp_task_options timeout = {.isolated = true, .timeout = TP_MS(500)},
                                 deadline = {.isolated = true, .deadline = TP_MS(500)};
    outcome got;
    tp_task tasks[2];
    tp_pid group = open_group(self, (tp_tasks_options){.limit = 1});
    tasks[0] = submit(self, group, &timeout, 1, LOOP, tp_pid_null());
    tasks[1] = submit(self, group, &deadline, 1, LOOP, tp_pid_null());
    for (int i = 0; i < 2; i++) TP_ASSERT_EQ_INT(await(self, tasks[i], &got), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_tasks_join(self, group, SOON), TP_OK);
}
TP_TEST(isolated_task, the_end_of_its_time_ends_one_that_loops) {
    SUPPORTED();
    run_isolated(late_body);
}

static void close_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_task task;
    int processes[3];
    tp_pid group = open_group(self, (tp_tasks_options){0});
    for (int i = 0; i < 3; i++) processes[i] = submit_begun(self, group, &isolated, LOOP, &task);
    TP_ASSERT_EQ_INT(tp_tasks_close(self, group), TP_OK);
    for (int i = 0; i < 3; i++) TP_ASSERT(is_gone(processes[i]));
    group = open_group(self, (tp_tasks_options){0}); /* and the end of its owner */
    (void)submit_begun(self, group, &isolated, LOOP, &task);
}
TP_TEST(isolated_task, closing_leaves_no_process) {
    SUPPORTED();
    run_isolated(close_body);
}

static void refused_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_task task;
    outcome got;
    tp_pid group = open_group(self, (tp_tasks_options){0});
    TP_ASSERT(!tp_can_isolate(tp_self_runtime(self)));
    TP_ASSERT_EQ_INT(tp_task_submit(self, &task, group, &isolated, work_task, .n = 1), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(await(self, submit(self, group, NULL, 5, SQUARE, tp_pid_null()), &got), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 25);
    tp_task_outcome end;
    TP_ASSERT_EQ_INT(tp_task_next(self, group, SOON, &end), TP_ENOENT); /* nothing is left of it */
}
TP_TEST(isolated_task, without_a_zygote_it_is_refused) {
    run(refused_body, NULL);
}
