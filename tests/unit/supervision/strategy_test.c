/*
 * Strategies and restart types; starting in order, failing starts; nested supervisors.
 */
#include "tests/unit/supervision/scene.h"

/* ---- start and stop ---- */

SCENE(start, in_order_and_stopped_in_reverse) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), KID(b), KID(c))};
    tp_pid supervisor = start(self, &spec);
    expect_log("+a+b+c");
    TP_ASSERT_EQ_INT(tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN), TP_OK);
    settle(self);
    expect_log("-c-b-a");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(start, a_failing_init_rolls_back_in_reverse_order) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), KID(b), KID(c), KID(d))};
    tp_pid supervisor;
    tp_reason reason;
    scene.kids['c'].fails = 1;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &spec, &reason), TP_ENOPROC);
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_SHUTDOWN);
    TP_ASSERT(tp_str_equal((tp_str){reason.detail.data, reason.detail.size},
                           TP_STR("child c does not start: user 1001")));
    expect_log("+a+b!c-b-a");
    settle(self);
    tp_exited exited; /* no second word of it */
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &exited, tp_exited), TP_ETIMEDOUT);
}

SCENE(start, an_init_that_declines_is_kept_without_running) {
    tp_supervisor_spec spec = {.children =
                                   TP_CHILDREN(KID(a), KID(b, .restart = TP_TEMPORARY), KID(c))};
    scene.kids['a'].declines = scene.kids['b'].declines = 1;
    tp_pid supervisor = start(self, &spec);
    expect_log("~a~b+c");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_STOPPED);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 2); /* a temporary one goes */
}

SCENE(start, wrong_specifications_are_refused) {
    static const tp_supervisor_spec none = {.children = NULL};
    tp_supervisor_spec specs[] = {
        {.children = TP_CHILDREN(KID(a), KID(a))},
        {.children = TP_CHILDREN(KID(a, .significant = true)),
         .auto_shutdown = TP_AUTO_SHUTDOWN_ANY},
        {.children = TP_CHILDREN(KID(a, .significant = true, .restart = TP_TRANSIENT))},
        {.children = TP_CHILDREN(KID(a, .supervisor = &none))},
        {.children = TP_CHILDREN({.id = "a"})},
        {.children = TP_CHILDREN({.behavior = kid})},
        {.children = TP_CHILDREN(KID(a, .shutdown = -2))},
        {.children = TP_CHILDREN(KID(a, .backoff = {.min = 1, .factor = 0.5}))},
        {.children = TP_CHILDREN(KID(a), KID(b)), .strategy = TP_SIMPLE_ONE_FOR_ONE},
        {.strategy = TP_SIMPLE_ONE_FOR_ONE},
        {.period = -1},
    };
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        tp_pid supervisor;
        tp_reason reason = {0};
        tp_err err = tp_supervisor_start(self, &supervisor, &specs[i], &reason);
        TP_ASSERT_MSG(err == TP_ENOPROC && reason.code == TP_EXIT_FAILED, "%zu is accepted", i);
    }
    expect_log("");
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, NULL, &none, NULL), TP_EINVAL);
}

SCENE(start, a_supervisor_has_a_name_and_no_children) {
    static const tp_supervisor_spec spec = {.options = {.name = "top"}};
    tp_pid supervisor = start(self, &spec), other;
    TP_ASSERT(tp_pid_equal(tp_whereis(tp_self_runtime(self), "top"), supervisor));
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &other, &spec, NULL), TP_EEXIST);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 0);
}

SCENE(start, an_ending_parent_takes_the_tree_along) {
    tp_supervisor_spec inner = {.children = TP_CHILDREN(KID(b), KID(c))};
    tp_supervisor_spec spec = {
        .children = TP_CHILDREN(KID(a), {.id = "inner", .supervisor = &inner}, KID(d))};
    (void)start(self, &spec);
    expect_log("+a+b+c+d");
    end_kid(self, 'z', 0); /* nobody: it only settles */
    /* the script returns here: scene_run sees that nobody is left */
}

/* ---- one_for_one ---- */

static const int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_SHUTDOWN, ABNORMAL, TP_EXIT_KILL};

/* What each restart type does after each end, with one_for_one. */
static void one_for_one(tp_actor *self, tp_restart restart, const char *expected) {
    for (size_t i = 0; i < 4; i++) {
        tp_supervisor_spec spec = {.children =
                                       TP_CHILDREN(KID(a), KID(b, .restart = restart), KID(c))};
        tp_pid supervisor = start(self, &spec);
        expect_log("+a+b+c");
        end_kid(self, 'b', codes[i]);
        expect_log(expected[i] == 'r' ? "+b" : "");
        TP_ASSERT_EQ_INT(children_of(self, supervisor), expected[i] == 'd' ? 2 : 3);
        if (expected[i] == 'k')
            TP_ASSERT_EQ_INT(status_of(self, supervisor, "b"), TP_CHILD_IS_STOPPED);
        (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
        settle(self);
        expect_log(expected[i] == 'r' ? "-c-b-a" : "-c-a");
        expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
    }
}
SCENE(one_for_one, permanent_is_always_restarted) {
    one_for_one(self, TP_PERMANENT, "rrrr");
}
SCENE(one_for_one, transient_is_restarted_after_a_failure_and_kept) {
    one_for_one(self, TP_TRANSIENT, "kkrr");
}
SCENE(one_for_one, temporary_is_removed) {
    one_for_one(self, TP_TEMPORARY, "dddd");
}

SCENE(one_for_one, a_failing_restart_is_tried_again) {
    tp_supervisor_spec spec = {.intensity = 5, .children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['a'].fails = 3;
    end_kid(self, 'a', ABNORMAL);
    expect_log("+a+b!a!a!a+a");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_RUNNING);
}

SCENE(one_for_one, a_restart_that_declines_leaves_it_stopped) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a), KID(b))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['a'].declines = 1;
    end_kid(self, 'a', ABNORMAL);
    expect_log("+a+b~a");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_STOPPED);
}

SCENE(one_for_one, a_name_is_free_for_the_restarted_child) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a, .options = {.name = "alpha"}))};
    (void)start(self, &spec);
    tp_pid before = scene.kids['a'].pid;
    end_kid(self, 'a', ABNORMAL);
    tp_pid now = tp_whereis(tp_self_runtime(self), "alpha");
    TP_ASSERT(tp_pid_equal(now, scene.kids['a'].pid) && !tp_pid_equal(now, before));
}

/* ---- one_for_all ---- */

SCENE(one_for_all, all_are_stopped_in_reverse_and_started_in_order) {
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .children = TP_CHILDREN(KID(a), KID(b), KID(c))};
    (void)start(self, &spec);
    end_kid(self, 'b', ABNORMAL);
    expect_log("+a+b+c-c-a+a+b+c");
}

SCENE(one_for_all, temporary_siblings_go_and_ended_transient_ones_come_back) {
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .children = TP_CHILDREN(KID(t, .restart = TP_TEMPORARY), KID(a),
                                                       KID(b, .restart = TP_TRANSIENT),
                                                       KID(c, .restart = TP_TEMPORARY))};
    tp_pid supervisor = start(self, &spec);
    end_kid(self, 'b', TP_EXIT_NORMAL);
    expect_log("+t+a+b+c");
    end_kid(self, 'a', ABNORMAL);
    expect_log("-c-t+a+b");
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 2);
}

SCENE(one_for_all, the_one_that_does_not_start_is_tried_again_with_all) {
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .intensity = 3,
                               .children = TP_CHILDREN(KID(a), KID(b), KID(c))};
    tp_pid supervisor = start(self, &spec);
    scene.kids['b'].fails = 2;
    end_kid(self, 'c', ABNORMAL);
    expect_log("+a+b+c-b-a+a!b-a+a!b-a+a+b+c");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "b"), TP_CHILD_IS_RUNNING);
}

SCENE(one_for_all, two_that_end_at_once_cost_one_restart) {
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .children = TP_CHILDREN(KID(a), KID(b), KID(c))};
    (void)start(self, &spec);
    (void)tp_kill(self, scene.kids['a'].pid);
    end_kid(self, 'c', TP_EXIT_KILL);
    TP_ASSERT_EQ_INT(scene.kids['a'].starts, 2); /* intensity 1 was enough */
    TP_ASSERT_EQ_INT(scene.kids['c'].starts, 2);
}

/* ---- rest_for_one ---- */

SCENE(rest_for_one, those_after_it_are_restarted) {
    tp_supervisor_spec spec = {
        .strategy = TP_REST_FOR_ONE,
        .intensity = 3,
        .children = TP_CHILDREN(KID(a), KID(b), KID(c), KID(t, .restart = TP_TEMPORARY), KID(d))};
    tp_pid supervisor = start(self, &spec);
    expect_log("+a+b+c+t+d");
    end_kid(self, 'b', ABNORMAL);
    expect_log("-d-t-c+b+c+d");
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 4);
    end_kid(self, 'd', ABNORMAL);
    expect_log("+d");
    end_kid(self, 'a', TP_EXIT_KILL);
    expect_log("-d-c-b+a+b+c+d");
}

SCENE(rest_for_one, a_failing_one_is_tried_again_from_there) {
    tp_supervisor_spec spec = {.strategy = TP_REST_FOR_ONE,
                               .intensity = 5,
                               .children = TP_CHILDREN(KID(a), KID(b), KID(c), KID(d))};
    (void)start(self, &spec);
    scene.kids['c'].fails = 2;
    end_kid(self, 'b', ABNORMAL);
    expect_log("+a+b+c+d-d-c+b!c!c+c+d");
}

SCENE(rest_for_one, a_temporary_end_stops_nobody) {
    tp_supervisor_spec spec = {.strategy = TP_REST_FOR_ONE,
                               .children = TP_CHILDREN(KID(a, .restart = TP_TEMPORARY), KID(b))};
    (void)start(self, &spec);
    end_kid(self, 'a', ABNORMAL);
    expect_log("+a+b");
}

/* ---- kinds of children ---- */

static void waits(tp_actor *self, void *arg) {
    kid_end msg;
    *(tp_pid *)arg = tp_self(self);
    if (tp_receive(self, TP_FOREVER, &msg, kid_end) == TP_OK) tp_exit(self, msg.code);
}

SCENE(kinds, bodies_are_children_too) {
    tp_pid body = tp_pid_null();
    tp_supervisor_spec spec = {
        .children = TP_CHILDREN({.id = "body", .body = waits, .arg = &body}, KID(a))};
    tp_pid supervisor = start(self, &spec);
    settle(self);
    tp_pid before = body;
    (void)tp_send(self, body, kid_end, .code = ABNORMAL);
    settle(self);
    TP_ASSERT(!tp_pid_equal(before, body));
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "body"), TP_CHILD_IS_RUNNING);
}

SCENE(kinds, a_stranger_s_exit_is_ignored) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_pid supervisor = start(self, &spec), body;
    (void)tp_spawn_body(self, waits, &body, NULL);
    settle(self);
    (void)tp_send(self, body, kid_end, .code = 1);
    (void)tp_send_exit(self, scene.kids['a'].pid, TP_EXIT_USER); /* trapped by the kid */
    settle(self);
    TP_ASSERT(tp_alive(tp_self_runtime(self), supervisor));
}

/* ---- nested ---- */

SCENE(nested, giving_up_escalates_to_the_parent) {
    tp_supervisor_spec inner = {.intensity = 1, .children = TP_CHILDREN(KID(b), KID(c))};
    tp_supervisor_spec outer = {.strategy = TP_ONE_FOR_ALL,
                                .intensity = 1,
                                .children =
                                    TP_CHILDREN(KID(a), {.id = "inner", .supervisor = &inner})};
    tp_pid supervisor = start(self, &outer);
    expect_log("+a+b+c");
    end_kid(self, 'b', ABNORMAL);
    expect_log("+b");
    end_kid(self, 'b', ABNORMAL); /* inner gives up; outer restarts all */
    expect_log("-c-a+a+b+c");
    end_kid(self, 'b', ABNORMAL);
    expect_log("+b");
    end_kid(self, 'b', ABNORMAL); /* inner again, and now outer too */
    expect_log("-c-a");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(nested, a_transient_supervisor_that_gives_up_is_not_restarted) {
    tp_supervisor_spec inner = {.intensity = TP_RESTARTS_NONE, .children = TP_CHILDREN(KID(b))};
    tp_supervisor_spec outer = {
        .children =
            TP_CHILDREN(KID(a), {.id = "inner", .supervisor = &inner, .restart = TP_TRANSIENT})};
    tp_pid supervisor = start(self, &outer);
    end_kid(self, 'b', ABNORMAL);
    expect_log("+a+b");
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "inner"), TP_CHILD_IS_STOPPED);
}

SCENE(nested, a_killed_supervisor_takes_its_children_along_and_comes_back) {
    tp_supervisor_spec inner = {.options = {.name = "inner"}, .children = TP_CHILDREN(KID(b))};
    tp_supervisor_spec outer = {.children = TP_CHILDREN({.id = "i", .supervisor = &inner}, KID(a))};
    (void)start(self, &outer);
    tp_pid before = scene.kids['b'].pid;
    (void)tp_kill(self, tp_whereis(tp_self_runtime(self), "inner"));
    settle(self);
    TP_ASSERT(!tp_alive(tp_self_runtime(self), before));
    TP_ASSERT(is_alive(self, 'b'));
    TP_ASSERT_EQ_INT(scene.kids['a'].starts, 1);
}

SCENE(nested, a_failing_inner_start_rolls_the_outer_back) {
    tp_supervisor_spec inner = {.children = TP_CHILDREN(KID(b), KID(c))};
    tp_supervisor_spec outer = {
        .children = TP_CHILDREN(KID(a), {.id = "inner", .supervisor = &inner}, KID(d))};
    tp_pid supervisor;
    tp_reason reason;
    scene.kids['c'].fails = 1;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &outer, &reason), TP_ENOPROC);
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_SHUTDOWN);
    expect_log("+a+b!c-b-a");
}
