/*
 * Links, monitors, aliases, exits: row by row as Erlang has them.
 */
#include "tests/actor/actor_test.h"

static void wait_for_number(tp_actor *self, void *arg) {
    number msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, number);
    if (msg.n != 0) tp_exit(self, (int32_t)msg.n);
}
static void trapping(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    tp_exited exited;
    tp_trap_exits(self, true);
    tp_send(self, boss, number, .n = 0);
    while (tp_receive(self, TP_FOREVER, &exited, tp_exited) == TP_OK)
        tp_send(self, boss, answer, .n = exited.code);
}

static int32_t down_code(tp_actor *self, tp_ref ref) {
    tp_down down;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.ref, ref);
    return down.code;
}

static void monitor_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    tp_pid pid = tp_spawn_body(self, wait_for_number, NULL, &options);
    tp_ref second = tp_monitor(self, pid), third = tp_monitor(self, pid);
    TP_ASSERT(tp_demonitor(self, third));
    TP_ASSERT(!tp_demonitor(self, third));
    tp_send(self, pid, number, .n = 1234);
    for (int i = 0; i < 2; i++) { /* in no particular order */
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT(down.ref == ref || down.ref == second);
        TP_ASSERT_EQ_INT(down.code, 1234);
        if (down.ref == ref) ref = 0;
        else second = 0;
    }
    TP_ASSERT_EQ_INT(down_code(self, tp_monitor(self, pid)), TP_EXIT_NOPROC);
    ref = tp_monitor(self, pid);
    while (tp_receive(self, 0, &(number){0}, number) != TP_ETIMEDOUT) {
    }
    TP_ASSERT_EQ_INT(tp_demonitor(self, ref) || true, true); /* flushes a down already queued */
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(2), &down, tp_down), TP_ETIMEDOUT);
}
TP_TEST(signal, monitors_fire_once) {
    run_everywhere(monitor_body, NULL);
}

static void kill_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    tp_pid pid = tp_spawn_body(self, wait_for_number, NULL, &options);
    tp_kill(self, pid);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_KILLED);
    tp_pid me = tp_self(self);
    number ready;
    pid = tp_spawn_body(self, trapping, &me, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &ready, number), TP_OK);
    answer trapped;
    tp_send_exit(self, pid, TP_EXIT_NORMAL); /* trapped even when normal */
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &trapped, answer), TP_OK);
    TP_ASSERT_EQ_INT(trapped.n, TP_EXIT_NORMAL);
    tp_send_exit(self, pid, 4321);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &trapped, answer), TP_OK);
    TP_ASSERT_EQ_INT(trapped.n, 4321);
    tp_kill(self, pid); /* not to be trapped */
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_KILLED);
    pid = tp_spawn_body(self, wait_for_number, NULL, &options);
    tp_send_exit(self, pid, TP_EXIT_NORMAL); /* dropped: not trapping, another sender */
    tp_send(self, pid, number, .n = 7);
    TP_ASSERT_EQ_INT(down_code(self, ref), 7);
}
TP_TEST(signal, exit_signals_follow_the_table) {
    run_everywhere(kill_body, NULL);
}

static void exit_self(tp_actor *self, void *arg) {
    number msg;
    (void)arg;
    tp_send_exit(self, tp_self(self), TP_EXIT_NORMAL); /* ends it: the one normal that does */
    (void)tp_receive(self, TP_FOREVER, &msg, number);
    tp_exit(self, 55);
}
static void self_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    tp_spawn_body(self, exit_self, NULL, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
}
TP_TEST(signal, a_normal_exit_to_oneself_ends) {
    run_everywhere(self_body, NULL);
}

struct chain {
    tp_pid owner, before;
};
static void link_to(tp_actor *self, void *arg) {
    const struct chain *chain = arg;
    tp_link(self, chain->before);
    tp_send(self, chain->owner, answer, .n = 0);
    wait_for_number(self, NULL);
}
static void link_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref refs[6];
    tp_pid pids[6];
    struct chain chain[6];
    for (int i = 0; i < 6; i++) {
        tp_spawn_options options = {.monitor = &refs[i]};
        if (i > 0) chain[i] = (struct chain){tp_self(self), pids[i - 1]};
        pids[i] = i == 0 ? tp_spawn_body(self, wait_for_number, NULL, &options)
                         : tp_spawn_body(self, link_to, &chain[i], &options);
    }
    /* The exit signal of its neighbour may end an actor before its body has begun, and then it has
     * linked to nobody: the chain is whole when each has said so. */
    for (int i = 1; i < 6; i++) {
        answer linked;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &linked, answer), TP_OK);
    }
    tp_send(self, pids[3], number, .n = 77);
    for (int i = 0; i < 6; i++) {
        tp_down down;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT(down.code == 77 || down.code == TP_EXIT_NOPROC);
    }
}
TP_TEST(signal, a_linked_chain_dies_whole) {
    run_everywhere(link_body, NULL);
}

static void unlink_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 200; i++) {
        tp_exited exited;
        tp_ref ref;
        tp_spawn_options options = {.link = true, .monitor = &ref};
        tp_trap_exits(self, true);
        tp_pid pid = tp_spawn_body(self, wait_for_number, NULL, &options);
        TP_ASSERT_EQ_INT(tp_unlink(self, pid), TP_OK);
        tp_send(self, pid, number, .n = 9);
        TP_ASSERT_EQ_INT(down_code(self, ref), 9);
        TP_ASSERT_EQ_INT(tp_receive(self, 0, &exited, tp_exited), TP_ETIMEDOUT);
        pid = tp_spawn_body(self, wait_for_number, NULL, &options);
        tp_send(self, pid, number, .n = 0);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
        TP_ASSERT(tp_pid_equal(exited.from, pid));
        TP_ASSERT_EQ_INT(exited.code, TP_EXIT_NORMAL);
        TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
        tp_link(self, pid); /* to a dead one: noproc comes back */
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
        TP_ASSERT_EQ_INT(exited.code, TP_EXIT_NOPROC);
    }
}
TP_TEST(signal, unlink_and_trapped_links) {
    run_everywhere(unlink_body, NULL);
}

static void fail_with_text(tp_actor *self, void *arg) {
    (void)arg;
    tp_fail(self, "account %d is short of %s", 7, "money");
}
static void detail_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    tp_spawn_body(self, fail_with_text, NULL, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_FAILED);
    TP_ASSERT(tp_str_equal((tp_str){down.detail.data, down.detail.size},
                           TP_STR("account 7 is short of money")));
    tp_reason a = {1, {"x", 1}}, b = {1, {"x", 1}}, c = {1, {"y", 1}};
    TP_ASSERT(tp_reason_equal(a, b) && !tp_reason_equal(a, c));
}
TP_TEST(signal, reasons_carry_their_detail) {
    run_everywhere(detail_body, NULL);
}

static void use_alias(tp_actor *self, void *arg) {
    tp_alias alias = *(tp_alias *)arg;
    for (int i = 0; i < 3; i++) tp_send_alias(self, alias, number, .n = i);
}
static void alias_body(tp_actor *self, void *arg) {
    (void)arg;
    number got;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    tp_alias once = tp_alias_open(self, TP_ALIAS_REPLY),
             open = tp_alias_open(self, TP_ALIAS_EXPLICIT);
    tp_spawn_body(self, use_alias, &once, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 0);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_ETIMEDOUT);
    TP_ASSERT(!tp_unalias(self, once.ref));
    tp_spawn_body(self, use_alias, &open, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    for (int i = 0; i < 3; i++) TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_OK);
    TP_ASSERT(tp_unalias(self, open.ref));
    tp_spawn_body(self, use_alias, &open, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_ETIMEDOUT);
    tp_pid target = tp_spawn_body(self, wait_for_number, NULL, NULL);
    tp_alias tied = tp_monitor_alias(self, target, TP_ALIAS_DEMONITOR);
    TP_ASSERT(tied.ref != 0);
    TP_ASSERT(tp_demonitor(self, tied.ref));
    TP_ASSERT(!tp_unalias(self, tied.ref));
}
TP_TEST(signal, aliases_close) {
    run_everywhere(alias_body, NULL);
}

struct server {
    tp_pid boss;
};
TP_MESSAGE(server_start, TP_FIELD(pid, boss), TP_FIELD(bool, says))
static void on_start(tp_actor *self, struct server *server, const server_start *msg) {
    server->boss = msg->boss;
    tp_trap_exits(self, true);
    if (msg->says) tp_send(self, msg->boss, answer, .n = -1);
}
static void on_terminate(tp_actor *self, struct server *server, const tp_reason *reason) {
    tp_send(self, server->boss, answer, .n = reason->code);
}
static void on_number(tp_actor *self, struct server *server, const number *msg) {
    (void)server;
    tp_exit(self, (int32_t)msg->n);
}
TP_BEHAVIOR(server_behavior, "server", struct server, TP_INIT_WITH(server_start, on_start),
            TP_ON(number, on_number), TP_TERMINATE(on_terminate));
static void parent(tp_actor *self, void *arg) {
    number msg;
    tp_pid child =
        tp_spawn_link(self, &server_behavior, server_start, .boss = *(tp_pid *)arg, .says = true);
    (void)child;
    (void)tp_receive(self, TP_FOREVER, &msg, number);
    tp_exit(self, 66);
}
static void terminate_body(tp_actor *self, void *arg) {
    (void)arg;
    answer code;
    tp_pid me = tp_self(self);
    tp_pid server = tp_spawn(self, &server_behavior, server_start, .boss = me);
    tp_send(self, server, number, .n = 2000);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &code, answer), TP_OK);
    TP_ASSERT_EQ_INT(code.n, 2000);
    server = tp_spawn(self, &server_behavior, server_start, .boss = me);
    tp_ref ref = tp_monitor(self, server);
    tp_kill(self, server);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_KILLED);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &code, answer),
                     TP_ETIMEDOUT); /* no terminate when killed */
    tp_pid mother = tp_spawn_body(self, parent, &me, NULL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &code, answer), TP_OK);
    TP_ASSERT_EQ_INT(code.n, -1); /* the child has started, and traps */
    tp_send(self, mother, number, .n = 0);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &code, answer), TP_OK);
    TP_ASSERT_EQ_INT(code.n, 66); /* a trapping server ends with its parent, and terminates */
}
TP_TEST(signal, terminate_is_called_as_it_should) {
    run_everywhere(terminate_body, NULL);
}
