/*
 * How children are stopped; significant children and auto_shutdown.
 */
#include "tests/unit/supervision/scene.h"

/* ---- the protocol ---- */

/* Stops a tree of a and this child, which takes `needs` to end; how long it took. */
static tp_duration stop(tp_actor *self, const tp_child_spec *child, tp_duration needs) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), *child)};
    tp_pid supervisor = start(self, &spec);
    scene.kids['b'].stopping = needs;
    tp_time before = tp_now(self);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    tp_exited exited;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_FOREVER, &exited, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, supervisor));
    TP_ASSERT(!is_alive(self, 'a') && !is_alive(self, 'b'));
    return (tp_now(self) - before) / TP_MS(1);
}

SCENE(protocol, a_child_gets_its_time) {
    tp_child_spec child = KID(b, .shutdown = TP_MS(500));
    TP_ASSERT_EQ_INT(stop(self, &child, TP_MS(300)), 300);
    expect_log("+a+b-b-a");
}
SCENE(protocol, a_child_that_ignores_shutdown_is_killed) {
    tp_child_spec child = KID(b, .shutdown = TP_MS(500));
    TP_ASSERT_EQ_INT(stop(self, &child, TP_SECONDS(3600)), 500);
    expect_log("+a+b-b-a");
}
SCENE(protocol, a_worker_has_five_seconds_by_default) {
    tp_child_spec child = KID(b, .restart = TP_TRANSIENT);
    TP_ASSERT_EQ_INT(stop(self, &child, TP_SECONDS(3600)), 5000);
}
SCENE(protocol, a_supervisor_has_no_limit_by_default) {
    tp_child_spec child = KID(b, .type = TP_SUPERVISOR);
    TP_ASSERT_EQ_INT(stop(self, &child, TP_SECONDS(3600)), 3600 * 1000);
}
SCENE(protocol, infinity_waits) {
    tp_child_spec child = KID(b, .shutdown = TP_FOREVER);
    TP_ASSERT_EQ_INT(stop(self, &child, TP_SECONDS(86400)), 86400 * 1000);
}
SCENE(protocol, a_brutal_kill_asks_nothing) {
    tp_child_spec child = KID(b, .shutdown = TP_BRUTAL_KILL);
    TP_ASSERT_EQ_INT(stop(self, &child, TP_SECONDS(3600)), 0);
    expect_log("+a+b-a");
}
SCENE(protocol, a_child_that_ended_the_link_is_stopped_all_the_same) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    (void)tp_send(self, scene.kids['b'].pid, kid_unlink, .from = supervisor);
    settle(self);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "b"), TP_CHILD_OK);
    TP_ASSERT(!is_alive(self, 'b') && is_alive(self, 'a'));
    expect_log("+a+b-b");
}

static void idle(tp_actor *self, void *arg) {
    kid_end msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, kid_end);
}
SCENE(protocol, a_body_that_does_not_trap_ends_at_once) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN({.id = "body", .body = idle}, KID(a))};
    tp_pid supervisor = start(self, &spec);
    tp_time before = tp_now(self);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT(tp_now(self) - before < TP_MS(1));
}

SCENE(protocol, the_supervisor_ends_with_its_parent_s_reason) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_pid supervisor = start(self, &spec);
    (void)tp_send_exit_with(self, supervisor, (tp_reason){ABNORMAL, {"why", 3}});
    expect_end(self, supervisor, ABNORMAL);
    expect_log("+a-a");
}

SCENE(protocol, an_end_while_another_is_stopping_is_not_restarted) {
    tp_supervisor_spec spec = {.intensity = 100, .children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['b'].stopping = TP_SECONDS(1);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    settle(self);
    end_kid(self, 'a', ABNORMAL);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_log("+a+b-b");
}

SCENE(protocol, a_runtime_that_stops_stops_the_tree) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    tp_ref ref = tp_monitor(self, supervisor);
    tp_down down;
    tp_runtime_request_stop(tp_self_runtime(self));
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(10), &down, tp_down), TP_OK);
    TP_ASSERT(down.ref == ref && down.code == TP_EXIT_SHUTDOWN);
    TP_ASSERT(!is_alive(self, 'a') && !is_alive(self, 'b'));
}

SCENE(protocol, a_stop_during_init_waits_for_the_init) {
    tp_supervisor_spec inner = {.children = TP_CHILDREN(KID(b))};
    tp_supervisor_spec spec = {
        .intensity = 100, .children = TP_CHILDREN(KID(a), {.id = "inner", .supervisor = &inner})};
    tp_pid supervisor = start(self, &spec);
    scene.kids['b'].starting = TP_SECONDS(1);
    end_kid(self, 'b', ABNORMAL); /* its new init takes a second */
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    tp_time before = tp_now(self);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT(tp_now(self) - before > TP_MS(900));
    expect_log("+a+b+b-b-a");
}

/* ---- significant children ---- */

static tp_pid start_significant(tp_actor *self, tp_supervisor_spec *spec, tp_auto_shutdown when) {
    spec->auto_shutdown = when;
    return start(self, spec);
}
#define SIGNIFICANT(name, type) KID(name, .restart = type, .significant = true)

SCENE(significant, any_ends_with_the_first) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), SIGNIFICANT(b, TP_TRANSIENT),
                                                       SIGNIFICANT(c, TP_TEMPORARY),
                                                       KID(d, .restart = TP_TEMPORARY))};
    tp_pid supervisor = start_significant(self, &spec, TP_AUTO_SHUTDOWN_ANY);
    end_kid(self, 'd', TP_EXIT_NORMAL); /* not significant */
    expect_log("+a+b+c+d");
    end_kid(self, 'b', TP_EXIT_NORMAL);
    expect_log("-c-a");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(significant, all_ends_with_the_last_that_runs) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), SIGNIFICANT(b, TP_TRANSIENT),
                                                       SIGNIFICANT(c, TP_TEMPORARY))};
    tp_pid supervisor = start_significant(self, &spec, TP_AUTO_SHUTDOWN_ALL);
    end_kid(self, 'c', ABNORMAL);
    expect_log("+a+b+c");
    end_kid(self, 'b', TP_EXIT_SHUTDOWN);
    expect_log("-a");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(significant, a_transient_one_that_fails_is_restarted) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), SIGNIFICANT(b, TP_TRANSIENT))};
    tp_pid supervisor = start_significant(self, &spec, TP_AUTO_SHUTDOWN_ANY);
    end_kid(self, 'b', ABNORMAL);
    expect_log("+a+b+b");
    TP_ASSERT(tp_alive(tp_self_runtime(self), supervisor));
}

SCENE(significant, what_the_supervisor_stops_does_not_count) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), SIGNIFICANT(b, TP_TRANSIENT),
                                                       SIGNIFICANT(c, TP_TEMPORARY))};
    tp_pid supervisor = start_significant(self, &spec, TP_AUTO_SHUTDOWN_ANY);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "b"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "c"), TP_CHILD_OK);
    settle(self);
    TP_ASSERT(tp_alive(tp_self_runtime(self), supervisor));
}

SCENE(significant, siblings_stopped_by_a_group_do_not_count) {
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .children = TP_CHILDREN(KID(a), SIGNIFICANT(b, TP_TRANSIENT),
                                                       SIGNIFICANT(c, TP_TEMPORARY))};
    tp_pid supervisor = start_significant(self, &spec, TP_AUTO_SHUTDOWN_ANY);
    end_kid(self, 'a', ABNORMAL);
    expect_log("+a+b+c-c-b+a+b");
    TP_ASSERT(tp_alive(tp_self_runtime(self), supervisor));
}

SCENE(significant, a_supervisor_can_be_significant) {
    tp_supervisor_spec inner = {.auto_shutdown = TP_AUTO_SHUTDOWN_ANY,
                                .children = TP_CHILDREN(SIGNIFICANT(b, TP_TEMPORARY))};
    tp_supervisor_spec outer = {
        .auto_shutdown = TP_AUTO_SHUTDOWN_ALL,
        .children = TP_CHILDREN(
            KID(a),
            {.id = "inner", .supervisor = &inner, .restart = TP_TRANSIENT, .significant = true})};
    tp_pid supervisor = start(self, &outer);
    end_kid(self, 'b', TP_EXIT_NORMAL);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_log("+a+b-a");
}
