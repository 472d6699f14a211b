/*
 * Children that keep their thread after a kill: they are given up after the grace, and whoever is
 * to take their place can.
 */
#include "tests/unit/supervision/scene.h"

#define ABANDON(name, workers)                                                                     \
    static void name##_script(tp_actor *self);                                                     \
    TP_TEST(abandon, name) {                                                                       \
        for (uint64_t seed = 1; seed <= 30; seed++) scene_run_on(name##_script, seed, workers);    \
    }                                                                                              \
    static void name##_script(tp_actor *self)

TP_MESSAGE(toil, TP_FIELD(i64, span)) /* occupies its worker */
TP_MESSAGE(born, TP_FIELD(pid, child))
TP_MESSAGE(hello)

struct toiler {
    int toils;
};
static tp_pid boss;
static int births;

static void init(tp_actor *self, struct toiler *toiler) {
    (void)toiler;
    births++;
    tp_send(self, boss, born, .child = tp_self(self));
}
static void on_toil(tp_actor *self, struct toiler *toiler, const toil *msg) {
    tp_work(self, msg->span);
    toiler->toils++;
}
static void on_hello(tp_actor *self, struct toiler *toiler, const hello *msg) {
    (void)toiler, (void)msg;
    tp_reply(self, hello);
}
TP_BEHAVIOR(toiler_behavior, "toiler", struct toiler, TP_INIT(init), TP_ON(toil, on_toil),
            TP_ON(hello, on_hello));

static tp_pid await_birth(tp_actor *self) {
    born child;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1000), &child, born), TP_OK);
    return child.child;
}
static tp_pid start_toiler(tp_actor *self, tp_child_spec child, tp_supervisor_spec spec) {
    static tp_child_spec children[2];
    static tp_supervisor_spec kept;
    boss = tp_self(self);
    births = 0;
    children[0] = child;
    children[0].id = "toiler";
    children[0].behavior = &toiler_behavior;
    kept = spec;
    kept.children = children;
    return start(self, &kept);
}
/* It is in the middle of its work. */
static void occupy(tp_actor *self, tp_pid child, tp_duration span) {
    tp_send(self, child, toil, .span = span);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
}
static tp_duration since(tp_actor *self, tp_time before) {
    return tp_now(self) - before;
}
static void stop(tp_actor *self, tp_pid supervisor) {
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

ABANDON(a_child_that_cannot_be_stopped_is_given_up, 2) {
    hello reply;
    tp_down ended;
    tp_pid supervisor = start_toiler(
        self, (tp_child_spec){.shutdown = TP_SECONDS(1), .options = {.name = "toiler"}},
        (tp_supervisor_spec){.kill_grace = 0});
    tp_pid first = await_birth(self);
    tp_ref down = tp_monitor(self, first);
    occupy(self, first, TP_SECONDS(100));
    tp_time before = tp_now(self);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "toiler"), TP_CHILD_OK);
    /* its time, then the grace of 5 s; not its 100 s */
    TP_ASSERT(since(self, before) >= TP_SECONDS(6) && since(self, before) < TP_MS(6100));
    TP_ASSERT(!tp_alive(tp_self_runtime(self), first));
    TP_ASSERT(tp_pid_is_null(tp_whereis(tp_self_runtime(self), "toiler")));
    TP_ASSERT_EQ_INT(tp_call(self, first, TP_SECONDS(1), &reply, hello, hello), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "toiler", NULL), TP_CHILD_OK);
    tp_pid second = await_birth(self);
    TP_ASSERT(tp_pid_equal(tp_whereis(tp_self_runtime(self), "toiler"), second));
    /* who watched the first hears of its end when its code has come back */
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1000), &ended, tp_down), TP_OK);
    TP_ASSERT(ended.ref == down);
    TP_ASSERT_EQ_INT(ended.code, TP_EXIT_SHUTDOWN); /* the first signal decides */
    TP_ASSERT(since(self, before) >= TP_SECONDS(99));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(10)), TP_OK);
    TP_ASSERT(tp_pid_equal(tp_whereis(tp_self_runtime(self), "toiler"), second));
    TP_ASSERT_EQ_INT(tp_call(self, second, TP_SECONDS(1), &reply, hello, hello), TP_OK);
    TP_ASSERT_EQ_INT(births, 2);
    stop(self, supervisor);
}

ABANDON(a_silent_child_is_given_up_and_started_again, 2) {
    tp_pid supervisor = start_toiler(self,
                                     (tp_child_spec){.probe_every = TP_SECONDS(1),
                                                     .probe_timeout = TP_MS(200),
                                                     .options = {.name = "toiler"}},
                                     (tp_supervisor_spec){.intensity = 5});
    tp_pid first = await_birth(self);
    tp_time before = tp_now(self);
    occupy(self, first, TP_SECONDS(100));
    tp_pid second = await_birth(self);
    TP_ASSERT(since(self, before) >= TP_SECONDS(5) && since(self, before) < TP_MS(7300));
    TP_ASSERT(!tp_pid_equal(first, second));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(200)), TP_OK); /* its end means nothing any more */
    TP_ASSERT_EQ_INT(births, 2);
    TP_ASSERT(tp_alive(tp_self_runtime(self), second));
    stop(self, supervisor);
}

ABANDON(many_of_one_kind_share_the_grace, 4) {
    tp_child_answer answer;
    tp_pid supervisor = start_toiler(
        self, (tp_child_spec){.shutdown = TP_SECONDS(1)},
        (tp_supervisor_spec){.strategy = TP_SIMPLE_ONE_FOR_ONE, .kill_grace = TP_SECONDS(2)});
    for (int i = 0; i < 5; i++) {
        TP_ASSERT_EQ_INT(tp_supervisor_spawn(self, supervisor, &answer), TP_CHILD_OK);
        tp_pid child = await_birth(self);
        if (i % 2 == 0) tp_send(self, child, toil, .span = TP_SECONDS(100));
    }
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
    tp_exited ended;
    tp_time before = tp_now(self);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1000), &ended, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(ended.code, TP_EXIT_SHUTDOWN);
    TP_ASSERT(since(self, before) >= TP_SECONDS(3) && since(self, before) < TP_MS(3100));
}

ABANDON(without_an_end_of_the_grace_it_is_waited_for, 2) {
    tp_pid supervisor = start_toiler(self, (tp_child_spec){.shutdown = TP_BRUTAL_KILL},
                                     (tp_supervisor_spec){.kill_grace = TP_FOREVER});
    tp_pid child = await_birth(self);
    occupy(self, child, TP_SECONDS(100));
    tp_time before = tp_now(self);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "toiler"), TP_CHILD_OK);
    TP_ASSERT(since(self, before) >= TP_SECONDS(99));
    stop(self, supervisor);
}

/* ---- the call itself ---- */

ABANDON(is_refused_where_it_makes_no_sense, 2) {
    tp_pid child = tp_spawn(self, &toiler_behavior), remote = child;
    boss = tp_self(self);
    TP_ASSERT_EQ_INT(tp_abandon(self, tp_self(self)), TP_EDEADLOCK);
    remote.node++;
    TP_ASSERT_EQ_INT(tp_abandon(self, remote), TP_ENOTSUP);
    occupy(self, child, TP_SECONDS(10));
    TP_ASSERT_EQ_INT(tp_abandon(self, child), TP_OK);
    TP_ASSERT_EQ_INT(tp_abandon(self, child), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(20)), TP_OK);
    TP_ASSERT_EQ_INT(tp_abandon(self, child), TP_ENOPROC);
}

ABANDON(no_more_than_sixteen_at_a_time, 20) {
    tp_pid children[17];
    boss = tp_self(self);
    for (int turn = 0; turn < 2; turn++) { /* those that have ended count no more */
        for (int i = 0; i < 17; i++) {
            children[i] = tp_spawn(self, &toiler_behavior);
            tp_send(self, children[i], toil, .span = TP_SECONDS(10));
        }
        TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
        for (int i = 0; i < 17; i++)
            TP_ASSERT_EQ_INT(tp_abandon(self, children[i]), i < 16 ? TP_OK : TP_EFULL);
        TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(20)), TP_OK);
        for (int i = 0; i < 17; i++) TP_ASSERT(!tp_alive(tp_self_runtime(self), children[i]));
    }
}
