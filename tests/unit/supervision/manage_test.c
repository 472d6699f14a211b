/*
 * Management calls: start, terminate, restart, delete, which, count; and dynamic children.
 */
#include "tests/unit/supervision/scene.h"

#include <string.h>

static const tp_child_answer unanswered = {.result = TP_CHILD_UNREACHABLE};

/* ---- start_child ---- */

SCENE(manage, a_started_child_is_the_last_and_is_supervised) {
    tp_supervisor_spec spec = {.intensity = 5, .children = TP_CHILDREN(KID(a))};
    tp_child_answer answer = unanswered;
    tp_child_spec child = KID(b, .restart = TP_TRANSIENT);
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, &answer), TP_CHILD_OK);
    TP_ASSERT(tp_pid_equal(answer.pid, scene.kids['b'].pid));
    end_kid(self, 'b', ABNORMAL);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    settle(self);
    expect_log("+a+b+b-b-a");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

TP_MESSAGE(rich_arguments, TP_FIELD(str, text), TP_LIST(u64, numbers), TP_FIELD(pid, to))
TP_MESSAGE(rich_report, TP_FIELD(str, text), TP_FIELD(u64, sum))
static void rich_init(tp_actor *self, int *state, const rich_arguments *msg) {
    uint64_t sum = 0;
    (void)state;
    for (size_t i = 0; i < msg->numbers.count; i++) sum += msg->numbers.items[i];
    (void)tp_send(self, msg->to, rich_report, .text = msg->text, .sum = sum);
}
TP_BEHAVIOR(rich_behavior, "rich", int, TP_INIT_WITH(rich_arguments, rich_init));

static void expect_report(tp_actor *self) {
    rich_report report;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &report, rich_report), TP_OK);
    TP_ASSERT(tp_str_equal(report.text, TP_STR("borrowed")));
    TP_ASSERT_EQ_INT(report.sum, 1 + 2 + 300);
}

/* Starts a child whose specification is gone when this returns. */
static tp_pid start_rich(tp_actor *self, tp_pid supervisor) {
    char text[] = "borrowed", id[] = "rich", name[] = "rich.name";
    uint64_t numbers[] = {1, 2, 300};
    tp_child_answer answer = unanswered;
    rich_arguments arguments = {.text = tp_str_of(text), .numbers = {numbers, 3}};
    arguments.to = tp_self(self);
    tp_child_spec spec = {.id = id,
                          .behavior = &rich_behavior,
                          .arguments = {&rich_arguments_message, &arguments},
                          .options = {.name = name}};
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &spec, &answer), TP_CHILD_OK);
    memset(text, 'x', sizeof text - 1);
    memset(id, 'x', sizeof id - 1);
    memset(name, 'x', sizeof name - 1);
    memset(numbers, 0, sizeof numbers);
    return answer.pid;
}

SCENE(manage, a_specification_is_copied) {
    static const tp_supervisor_spec spec = {.intensity = 5};
    tp_pid supervisor = start(self, &spec);
    tp_pid child = start_rich(self, supervisor);
    expect_report(self);
    TP_ASSERT_EQ_INT(tp_kill(self, child), TP_OK);
    expect_report(self);
    TP_ASSERT(!tp_pid_is_null(tp_whereis(tp_self_runtime(self), "rich.name")));
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "rich"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "rich", NULL), TP_CHILD_OK);
    expect_report(self);
}

SCENE(manage, an_id_is_there_once) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_child_answer answer = unanswered;
    tp_child_spec child = KID(a);
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, &answer),
                     TP_CHILD_ALREADY_STARTED);
    TP_ASSERT(tp_pid_equal(answer.pid, scene.kids['a'].pid));
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, &answer),
                     TP_CHILD_ALREADY_PRESENT);
    expect_log("+a-a");
}

SCENE(manage, a_child_that_does_not_start_is_not_kept) {
    static const tp_supervisor_spec spec = {.intensity = 5};
    tp_child_answer answer = unanswered;
    tp_child_spec child = KID(a);
    tp_pid supervisor = start(self, &spec);
    scene.kids['a'].fails = 1;
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, &answer),
                     TP_CHILD_START_FAILED);
    TP_ASSERT_EQ_INT(answer.reason.code, ABNORMAL);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 0);
    scene.kids['a'].declines = 1;
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, &answer), TP_CHILD_OK);
    TP_ASSERT(tp_pid_is_null(answer.pid));
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 1); /* declined: kept */
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_STOPPED);
}

SCENE(manage, wrong_children_are_refused) {
    static const tp_supervisor_spec spec = {.intensity = 5};
    tp_child_answer answer = unanswered;
    tp_child_spec wrong[] = {{.id = "a"},
                             {.behavior = kid},
                             KID(a, .significant = true, .restart = TP_TEMPORARY),
                             KID(a, .restart = (tp_restart)7)};
    tp_pid supervisor = start(self, &spec);
    for (size_t i = 0; i < 4; i++) {
        TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &wrong[i], &answer),
                         TP_CHILD_BAD_SPEC);
        TP_ASSERT(answer.reason.detail.size > 10);
    }
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, NULL, NULL), TP_CHILD_BAD_SPEC);
    TP_ASSERT_EQ_INT(tp_supervisor_spawn(self, supervisor, NULL), TP_CHILD_WRONG_STRATEGY);
}

SCENE(manage, a_nested_supervisor_can_be_added) {
    static const tp_supervisor_spec spec = {.intensity = 5};
    tp_supervisor_spec inner = {.children = TP_CHILDREN(KID(b))};
    tp_child_spec child = {.id = "inner", .supervisor = &inner};
    tp_child_counts counts;
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, NULL), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, &counts), TP_OK);
    TP_ASSERT_EQ_INT(counts.supervisors, 1);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    settle(self);
    expect_log("+b-b");
}

/* ---- terminate, restart, delete ---- */

SCENE(manage, terminate_keeps_the_specification) {
    tp_supervisor_spec spec = {.children =
                                   TP_CHILDREN(KID(a), KID(b, .restart = TP_TEMPORARY), KID(c))};
    tp_child_answer answer = unanswered;
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "b"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "b"), TP_CHILD_NOT_FOUND);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "a", &answer), TP_CHILD_OK);
    TP_ASSERT(tp_pid_equal(answer.pid, scene.kids['a'].pid));
    expect_log("+a+b+c-a-b+a");
}

SCENE(manage, by_pid_too) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_pid supervisor = start(self, &spec);
    tp_pid child = scene.kids['a'].pid;
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_pid(self, supervisor, child), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_pid(self, supervisor, child), TP_CHILD_NOT_FOUND);
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_STOPPED);
}

SCENE(manage, a_running_child_is_neither_restarted_nor_deleted) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "a", NULL), TP_CHILD_RUNNING);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "a"), TP_CHILD_RUNNING);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "x"), TP_CHILD_NOT_FOUND);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "x", NULL), TP_CHILD_NOT_FOUND);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "x"), TP_CHILD_NOT_FOUND);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "a"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "a"), TP_CHILD_NOT_FOUND);
}

SCENE(manage, a_restart_that_fails_leaves_it_stopped) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_child_answer answer = unanswered;
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "a"), TP_CHILD_OK);
    scene.kids['a'].fails = 1;
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "a", &answer),
                     TP_CHILD_START_FAILED);
    TP_ASSERT_EQ_INT(answer.reason.code, ABNORMAL);
    TP_ASSERT_EQ_INT(status_of(self, supervisor, "a"), TP_CHILD_IS_STOPPED);
    expect_log("+a-a!a"); /* it is not tried again */
}

SCENE(manage, nobody_there_is_unreachable) {
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a))};
    tp_child_answer answer = {.result = TP_CHILD_OK};
    size_t count;
    tp_pid supervisor = start(self, &spec);
    (void)tp_kill(self, supervisor);
    settle(self);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "a", &answer),
                     TP_CHILD_UNREACHABLE);
    TP_ASSERT_EQ_INT(answer.err, TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_supervisor_which_children(self, supervisor, NULL, 0, &count), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_supervisor_which_children(self, supervisor, NULL, 1, &count), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, NULL), TP_EINVAL);
}

static tp_child_answer from_init;
TP_MESSAGE(asking_arguments, TP_FIELD(pid, supervisor))
static void asking_init(tp_actor *self, int *state, const asking_arguments *msg) {
    (void)state;
    (void)tp_supervisor_terminate_child(self, msg->supervisor, "a");
    (void)tp_supervisor_restart_child(self, msg->supervisor, "a", &from_init);
}
TP_BEHAVIOR(asking_behavior, "asking", int, TP_INIT_WITH(asking_arguments, asking_init));
SCENE(manage, an_init_that_asks_its_supervisor_does_not_hang) {
    static const tp_supervisor_spec spec = {.intensity = 5};
    tp_pid supervisor = start(self, &spec);
    tp_child_spec child = {.id = "asking",
                           .behavior = &asking_behavior,
                           .arguments = TP_ARGUMENTS(asking_arguments, .supervisor = supervisor)};
    from_init = (tp_child_answer){.result = TP_CHILD_OK};
    (void)tp_supervisor_start_child(self, supervisor, &child, NULL);
    TP_ASSERT_EQ_INT(from_init.result, TP_CHILD_UNREACHABLE);
    TP_ASSERT_EQ_INT(from_init.err, TP_EDEADLOCK);
}

/* ---- which and count ---- */

SCENE(manage, which_tells_order_status_and_type) {
    static const tp_supervisor_spec inner = {.intensity = 1};
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID(a, .restart = TP_TRANSIENT),
                                                       {.id = "s", .supervisor = &inner},
                                                       KID(b, .type = TP_SUPERVISOR))};
    tp_child_info all[3];
    size_t count;
    tp_pid supervisor = start(self, &spec);
    end_kid(self, 'a', TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_supervisor_which_children(self, supervisor, all, 3, &count), TP_OK);
    TP_ASSERT_EQ_INT(count, 3);
    TP_ASSERT(tp_str_equal(all[0].id, TP_STR("a")) && tp_str_equal(all[1].id, TP_STR("s")));
    TP_ASSERT(all[0].status == TP_CHILD_IS_STOPPED && tp_pid_is_null(all[0].pid));
    TP_ASSERT(all[0].type == TP_WORKER && all[1].type == TP_SUPERVISOR);
    TP_ASSERT(tp_pid_equal(all[2].pid, scene.kids['b'].pid) && all[2].type == TP_SUPERVISOR);
    TP_ASSERT_EQ_INT(tp_supervisor_which_children(self, supervisor, all, 1, &count), TP_OK);
    TP_ASSERT_EQ_INT(count, 3);
}

SCENE(manage, count_counts_specifications_and_those_that_run) {
    static const tp_supervisor_spec inner = {.intensity = 1};
    tp_supervisor_spec spec = {
        .children = TP_CHILDREN(KID(a), KID(b), KID(c), {.id = "s", .supervisor = &inner})};
    tp_child_counts counts;
    tp_pid supervisor = start(self, &spec);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "b"), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, &counts), TP_OK);
    TP_ASSERT_EQ_INT(counts.specs, 4);
    TP_ASSERT_EQ_INT(counts.active, 3);
    TP_ASSERT_EQ_INT(counts.supervisors, 1);
    TP_ASSERT_EQ_INT(counts.workers, 3);
}

/* ---- simple_one_for_one ---- */

static tp_pid spawn_kid(tp_actor *self, tp_pid supervisor, char letter) {
    tp_child_answer answer = unanswered;
    TP_ASSERT_EQ_INT(
        tp_supervisor_spawn(self, supervisor, &answer, kid_arguments, .letter = (uint8_t)letter),
        TP_CHILD_OK);
    TP_ASSERT(tp_pid_equal(answer.pid, scene.kids[letter & 127].pid));
    return answer.pid;
}

SCENE(dynamic, children_come_from_the_template_with_their_own_arguments) {
    tp_supervisor_spec spec = {
        .strategy = TP_SIMPLE_ONE_FOR_ONE, .intensity = 10, .children = TP_CHILDREN(KID(t))};
    tp_pid supervisor = start(self, &spec);
    expect_log("");
    (void)spawn_kid(self, supervisor, 'a');
    (void)spawn_kid(self, supervisor, 'b');
    TP_ASSERT_EQ_INT(tp_supervisor_spawn(self, supervisor, NULL), TP_CHILD_OK);
    end_kid(self, 'b', ABNORMAL); /* restarted with its own arguments */
    end_kid(self, 't', TP_EXIT_KILL);
    expect_log("+a+b+t+b+t");
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 3);
}

SCENE(dynamic, ended_children_leave_nothing) {
    tp_supervisor_spec spec = {.strategy = TP_SIMPLE_ONE_FOR_ONE,
                               .children = TP_CHILDREN(KID(t, .restart = TP_TRANSIENT))};
    tp_pid supervisor = start(self, &spec);
    (void)spawn_kid(self, supervisor, 'a');
    (void)spawn_kid(self, supervisor, 'b');
    end_kid(self, 'a', TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 1);
    scene.kids['b'].declines = 1;
    end_kid(self, 'b', ABNORMAL);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 0);
}

SCENE(dynamic, calls_by_id_are_not_for_it) {
    tp_supervisor_spec spec = {.strategy = TP_SIMPLE_ONE_FOR_ONE, .children = TP_CHILDREN(KID(t))};
    tp_child_spec child = KID(a);
    tp_pid supervisor = start(self, &spec);
    tp_pid kid_a = spawn_kid(self, supervisor, 'a');
    TP_ASSERT_EQ_INT(tp_supervisor_start_child(self, supervisor, &child, NULL),
                     TP_CHILD_WRONG_STRATEGY);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "t"), TP_CHILD_WRONG_STRATEGY);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "t", NULL),
                     TP_CHILD_WRONG_STRATEGY);
    TP_ASSERT_EQ_INT(tp_supervisor_delete_child(self, supervisor, "t"), TP_CHILD_WRONG_STRATEGY);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_pid(self, supervisor, kid_a), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_pid(self, supervisor, kid_a), TP_CHILD_NOT_FOUND);
    expect_log("+a-a");
}

SCENE(dynamic, failing_restarts_are_tried_again_and_counted) {
    tp_supervisor_spec spec = {
        .strategy = TP_SIMPLE_ONE_FOR_ONE, .intensity = 3, .children = TP_CHILDREN(KID(t))};
    tp_child_counts counts;
    tp_pid supervisor = start(self, &spec);
    (void)spawn_kid(self, supervisor, 'a');
    (void)spawn_kid(self, supervisor, 'b');
    scene.kids['a'].fails = 2;
    end_kid(self, 'a', ABNORMAL);
    expect_log("+a+b!a!a+a");
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, &counts), TP_OK);
    TP_ASSERT(counts.specs == 1 && counts.active == 2 && counts.workers == 2);
    end_kid(self, 'b', ABNORMAL);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(dynamic, all_are_stopped_at_once_in_one_time) {
    tp_supervisor_spec spec = {.strategy = TP_SIMPLE_ONE_FOR_ONE,
                               .children = TP_CHILDREN(KID(t, .shutdown = TP_SECONDS(2)))};
    tp_pid supervisor = start(self, &spec);
    for (char letter = 'a'; letter <= 'j'; letter++) {
        (void)spawn_kid(self, supervisor, letter);
        scene.kids[letter & 127].stopping = TP_SECONDS(letter == 'c' ? 100 : 1);
    }
    tp_time before = tp_now(self);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    tp_exited exited;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_FOREVER, &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT((tp_now(self) - before) / TP_MS(1), 2000); /* c was killed then */
    for (char letter = 'a'; letter <= 'j'; letter++) TP_ASSERT(!is_alive(self, letter));
}

SCENE(dynamic, brutal_kills_are_at_once_too) {
    tp_supervisor_spec spec = {.strategy = TP_SIMPLE_ONE_FOR_ONE,
                               .children = TP_CHILDREN(KID(t, .shutdown = TP_BRUTAL_KILL))};
    tp_pid supervisor = start(self, &spec);
    for (char letter = 'a'; letter <= 'e'; letter++) (void)spawn_kid(self, supervisor, letter);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    settle(self);
    expect_log("+a+b+c+d+e");
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

SCENE(dynamic, many_come_and_go) {
    tp_supervisor_spec spec = {.strategy = TP_SIMPLE_ONE_FOR_ONE,
                               .children = TP_CHILDREN(KID(t, .restart = TP_TEMPORARY))};
    tp_pid supervisor = start(self, &spec);
    tp_pid all[500];
    for (size_t i = 0; i < 500; i++) all[i] = spawn_kid(self, supervisor, 'a');
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 500);
    for (size_t i = 0; i < 500; i += 2) TP_ASSERT_EQ_INT(tp_kill(self, all[i]), TP_OK);
    settle(self);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 250);
    for (size_t i = 1; i < 500; i += 4)
        TP_ASSERT_EQ_INT(tp_supervisor_terminate_pid(self, supervisor, all[i]), TP_CHILD_OK);
    TP_ASSERT_EQ_INT(children_of(self, supervisor), 125);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    settle(self);
    for (size_t i = 0; i < 500; i++) TP_ASSERT(!tp_alive(tp_self_runtime(self), all[i]));
}
