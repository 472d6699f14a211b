/*
 * Names and groups.
 */
#include "tests/actor/actor_test.h"

static void holds_name(tp_actor *self, void *arg) {
    number msg;
    tp_err err = tp_register(self, "holder");
    tp_send(self, *(tp_pid *)arg, answer, .n = err);
    (void)tp_receive(self, TP_FOREVER, &msg, number);
}
static void names_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_down down;
    tp_ref ref;
    tp_pid me = tp_self(self);
    tp_runtime *runtime = tp_self_runtime(self);
    tp_spawn_options options = {.monitor = &ref};
    TP_ASSERT(tp_pid_is_null(tp_whereis(runtime, "holder")));
    TP_ASSERT_EQ_INT(tp_send_name(self, "holder", number, .n = 1), TP_ENOENT);
    tp_pid first = tp_spawn_body(self, holds_name, &me, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, TP_OK);
    TP_ASSERT(tp_pid_equal(tp_whereis(runtime, "holder"), first));
    tp_spawn_body(self, holds_name, &me, NULL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, TP_EEXIST);
    tp_spawn_options named = {.name = "holder"};
    TP_ASSERT(tp_pid_is_null(tp_spawn_body(self, holds_name, &me, &named)));
    TP_ASSERT_EQ_INT(tp_error(self), TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_send_name(self, "holder", number, .n = 1), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT(tp_pid_is_null(tp_whereis(runtime, "holder"))); /* free before the down is seen */
    TP_ASSERT_EQ_INT(tp_register(self, "holder"), TP_OK);
    TP_ASSERT_EQ_INT(tp_register(self, "another"), TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_unregister(self), TP_OK);
    TP_ASSERT_EQ_INT(tp_unregister(self), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_register(self, ""), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_register(self, "\xff\xfe"), TP_EINVAL);
}
TP_TEST(name, names_are_unique_and_go_with_their_actor) {
    run_everywhere(names_body, NULL);
}

static void joins(tp_actor *self, void *arg) {
    number msg;
    TP_ASSERT_EQ_INT(tp_group_join(self, NULL, "workers"), TP_OK);
    TP_ASSERT_EQ_INT(tp_group_join(self, NULL, "workers"), TP_OK);
    tp_send(self, *(tp_pid *)arg, answer, .n = 1);
    while (tp_receive(self, TP_FOREVER, &msg, number) == TP_OK && msg.n != 0) {
        if (msg.n == 1) TP_ASSERT_EQ_INT(tp_group_leave(self, NULL, "workers"), TP_OK);
        else tp_send(self, *(tp_pid *)arg, answer, .n = msg.n);
    }
}
static void groups_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_group_changed change;
    tp_pid me = tp_self(self), members[8];
    tp_runtime *runtime = tp_self_runtime(self);
    size_t count = 99;
    tp_ref watch = tp_group_monitor(self, NULL, "workers", members, 8, &count);
    TP_ASSERT(watch != 0);
    TP_ASSERT_EQ_INT(count, 0);
    tp_pid worker = tp_spawn_body(self, joins, &me, NULL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(tp_group_members(runtime, NULL, "workers", members, 8), 2);
    TP_ASSERT(tp_pid_equal(members[0], worker) && tp_pid_equal(members[1], worker));
    for (int i = 0; i < 2; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &change, tp_group_changed), TP_OK);
        TP_ASSERT(change.joined && tp_pid_equal(change.member, worker) && change.ref == watch);
        TP_ASSERT(tp_str_equal(change.group, TP_STR("workers")));
    }
    TP_ASSERT_EQ_INT(tp_group_send(self, NULL, "workers", &count, number, .n = 55), TP_OK);
    TP_ASSERT_EQ_INT(count, 2);
    for (int i = 0; i < 2; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
    tp_send(self, worker, number, .n = 1);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &change, tp_group_changed), TP_OK);
    TP_ASSERT(!change.joined);
    TP_ASSERT_EQ_INT(tp_group_members(runtime, NULL, "workers", NULL, 0), 1);
    tp_send(self, worker, number, .n = 0); /* ends: leaves what is left */
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &change, tp_group_changed), TP_OK);
    TP_ASSERT(!change.joined);
    TP_ASSERT_EQ_INT(tp_group_members(runtime, NULL, "workers", NULL, 0), 0);
    TP_ASSERT(tp_group_demonitor(self, watch));
    TP_ASSERT(!tp_group_demonitor(self, watch));
    TP_ASSERT_EQ_INT(tp_group_leave(self, "other", "workers"), TP_ENOENT);
}
TP_TEST(name, groups_count_joins_and_tell_of_changes) {
    run_everywhere(groups_body, NULL);
}
