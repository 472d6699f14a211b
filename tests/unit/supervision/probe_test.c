/*
 * Children that are asked for signs of life.
 */
#include "tests/unit/supervision/scene.h"

/* Two workers, so that one can be kept busy; in several orders. */
#define PROBE(suite, name)                                                                         \
    static void suite##_##name##_script(tp_actor *self);                                           \
    TP_TEST(suite, name) {                                                                         \
        for (uint64_t seed = 1; seed <= 50; seed++)                                                \
            scene_run_on(suite##_##name##_script, seed, 2);                                        \
    }                                                                                              \
    static void suite##_##name##_script(tp_actor *self)

TP_MESSAGE(toil, TP_FIELD(i64, span)) /* occupies its worker */
TP_MESSAGE(doze, TP_FIELD(i64, span)) /* blocks itself alone */
TP_MESSAGE(born, TP_FIELD(pid, child))

struct toiler {
    int toils;
};
static tp_pid boss, last;
static int births;

static void init(tp_actor *self, struct toiler *toiler) {
    (void)toiler;
    births++;
    last = tp_self(self);
    tp_send(self, boss, born, .child = tp_self(self));
}
static void on_toil(tp_actor *self, struct toiler *toiler, const toil *msg) {
    tp_work(self, msg->span);
    toiler->toils++;
}
static void on_doze(tp_actor *self, struct toiler *toiler, const doze *msg) {
    (void)tp_sleep(self, msg->span);
    toiler->toils++;
}
TP_BEHAVIOR(toiler_behavior, "toiler", struct toiler, TP_INIT(init), TP_ON(toil, on_toil),
            TP_ON(doze, on_doze));

static tp_pid await_birth(tp_actor *self) {
    born child;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1000), &child, born), TP_OK);
    return child.child;
}

static tp_pid start_probed(tp_actor *self, tp_duration every, tp_duration timeout) {
    static tp_supervisor_spec spec;
    static tp_child_spec children[2];
    boss = tp_self(self);
    births = 0;
    children[0] = (tp_child_spec){.id = "toiler",
                                  .behavior = &toiler_behavior,
                                  .probe_every = every,
                                  .probe_timeout = timeout};
    spec = (tp_supervisor_spec){.intensity = 100, .children = children};
    return start(self, &spec);
}

static void stop_probed(tp_actor *self, tp_pid supervisor) {
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

PROBE(probe, a_silent_child_is_killed_and_started_again) {
    tp_pid supervisor = start_probed(self, TP_SECONDS(1), TP_MS(200));
    tp_pid first = await_birth(self);
    tp_time before = tp_now(self);
    tp_ref down = tp_monitor(self, first);
    tp_down ended;
    tp_send(self, first, toil, .span = TP_SECONDS(5));
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(100), &ended, tp_down), TP_OK);
    TP_ASSERT(ended.ref == down);
    TP_ASSERT_EQ_INT(ended.code, TP_EXIT_KILLED);
    TP_ASSERT(tp_now(self) - before >= TP_SECONDS(5)); /* its code cannot be taken away */
    tp_pid second = await_birth(self);
    TP_ASSERT(!tp_pid_equal(first, second));
    TP_ASSERT(tp_now(self) - before < TP_MS(5100));
    stop_probed(self, supervisor);
}

PROBE(probe, a_child_that_waits_answers) {
    tp_pid supervisor = start_probed(self, TP_SECONDS(1), TP_MS(1));
    tp_pid child = await_birth(self);
    tp_send(self, child, doze, .span = TP_SECONDS(50));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(100)), TP_OK);
    TP_ASSERT(tp_alive(tp_self_runtime(self), child));
    TP_ASSERT_EQ_INT(births, 1);
    stop_probed(self, supervisor);
}

PROBE(probe, long_messages_within_the_time_are_no_silence) {
    tp_pid supervisor = start_probed(self, TP_MS(100), TP_SECONDS(2));
    tp_pid child = await_birth(self);
    for (int i = 0; i < 20; i++) tp_send(self, child, toil, .span = TP_MS(1500));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(60)), TP_OK);
    TP_ASSERT(tp_alive(tp_self_runtime(self), child));
    TP_ASSERT_EQ_INT(births, 1);
    stop_probed(self, supervisor);
}

PROBE(probe, the_timeout_is_the_interval_unless_given) {
    tp_pid supervisor = start_probed(self, TP_SECONDS(1), 0);
    tp_pid first = await_birth(self);
    tp_send(self, first, toil, .span = TP_MS(1900));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(10)), TP_OK);
    TP_ASSERT_EQ_INT(births, 1); /* asked at 1 s, had until 2 s */
    tp_send(self, last, toil, .span = TP_SECONDS(3));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(10)), TP_OK);
    TP_ASSERT_EQ_INT(births, 2);
    stop_probed(self, supervisor);
}

PROBE(probe, a_restarted_child_is_probed_too_and_old_probes_mean_nothing) {
    tp_pid supervisor = start_probed(self, TP_SECONDS(1), TP_MS(500));
    for (int i = 1; i <= 5; i++) {
        tp_pid child = await_birth(self);
        TP_ASSERT_EQ_INT(births, i);
        if (i % 2 == 0) (void)tp_kill(self, child);
        else tp_send(self, child, toil, .span = TP_SECONDS(4));
    }
    (void)await_birth(self);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(100)), TP_OK);
    TP_ASSERT_EQ_INT(births, 6);
    stop_probed(self, supervisor);
}

PROBE(probe, a_nested_supervisor_answers) {
    tp_supervisor_spec spec = {
        .intensity = 5,
        .children = TP_CHILDREN({.id = "inner",
                                 .supervisor = TP_NEST(.children = TP_CHILDREN(KID(a))),
                                 .probe_every = TP_MS(10),
                                 .probe_timeout = TP_MS(1)})};
    tp_pid supervisor = start(self, &spec);
    expect_log("+a");
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(5)), TP_OK);
    expect_log("");
    stop_probed(self, supervisor);
    expect_log("-a");
}

PROBE(probe, wrong_times_are_refused) {
    tp_supervisor_spec none = {.children = TP_CHILDREN(KID(a, .probe_timeout = TP_MS(1)))};
    tp_supervisor_spec less = {.children = TP_CHILDREN(KID(a, .probe_every = -1))};
    tp_pid supervisor;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &none, NULL), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &less, NULL), TP_ENOPROC);
    expect_log("");
}

/* ---- the ping itself ---- */

PROBE(ping, is_answered_by_the_living_alone) {
    tp_pid child = tp_spawn(self, &toiler_behavior);
    tp_pong pong;
    boss = tp_self(self);
    tp_ref ref = tp_ping(self, child);
    TP_ASSERT(ref != 0);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &pong, tp_pong), TP_OK);
    TP_ASSERT(pong.ref == ref && tp_pid_equal(pong.from, child));
    (void)tp_kill(self, child);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(1)), TP_OK);
    TP_ASSERT(tp_ping(self, child) != 0);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &pong, tp_pong), TP_ETIMEDOUT);
    child.node++;
    TP_ASSERT(tp_ping(self, child) == 0);
    TP_ASSERT_EQ_INT(tp_error(self), TP_ENOTSUP);
}
