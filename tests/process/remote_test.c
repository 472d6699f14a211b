/*
 * Isolated actors and other nodes: what goes out of the process and past the node, and comes back.
 */
#include <unistd.h>

#include <troupe/node.h>

#include "tests/process/stage.h"

TP_MESSAGE(ask, TP_FIELD(i64, n))
TP_MESSAGE(answer, TP_FIELD(i64, n), TP_FIELD(i64, process))
TP_MESSAGE(relay, TP_FIELD(pid, to), TP_FIELD(i64, n))
TP_MESSAGE(watch, TP_FIELD(pid, whom))
TP_MESSAGE(leave, TP_FIELD(i32, code))
TP_MESSAGE(told, TP_FIELD(str, what), TP_FIELD(i32, code), TP_FIELD(pid, from))

struct guest {
    tp_pid boss;
};

static void on_ask(tp_actor *self, struct guest *guest, const ask *msg) {
    guest->boss = tp_sender(self);
    if (tp_reply(self, answer, .n = msg->n + 1, .process = getpid()) == TP_ECONTEXT)
        tp_send(self, tp_sender(self), answer, .n = msg->n + 1, .process = getpid());
}
/* Calls one of another node, and answers with what that one said. */
static void on_relay(tp_actor *self, struct guest *guest, const relay *msg) {
    answer got = {.n = -1};
    (void)guest;
    (void)tp_call(self, msg->to, SOON, &got, answer, ask, .n = msg->n);
    tp_reply(self, answer, .n = got.n, .process = getpid());
}
static void on_watch(tp_actor *self, struct guest *guest, const watch *msg) {
    answer there_already; /* behind the two signals */
    guest->boss = tp_sender(self);
    (void)tp_trap_exits(self, true);
    (void)tp_monitor(self, msg->whom);
    (void)tp_link(self, msg->whom);
    (void)tp_call(self, msg->whom, SOON, &there_already, answer, ask, .n = 0);
    tp_reply(self, answer, .process = getpid());
}
static void on_leave(tp_actor *self, struct guest *guest, const leave *msg) {
    (void)guest;
    tp_exit(self, msg->code);
}
static void on_down(tp_actor *self, struct guest *guest, const tp_down *msg) {
    tp_send(self, guest->boss, told, .what = TP_STR("down"), .code = msg->code, .from = msg->from);
}
static void on_exited(tp_actor *self, struct guest *guest, const tp_exited *msg) {
    tp_send(self, guest->boss, told, .what = TP_STR("exited"), .code = msg->code,
            .from = msg->from);
}
TP_BEHAVIOR(guest_behavior, "guest", struct guest, TP_ON(ask, on_ask), TP_ON(relay, on_relay),
            TP_ON(watch, on_watch), TP_ON(leave, on_leave), TP_ON(tp_down, on_down),
            TP_ON(tp_exited, on_exited));

/* ---- two nodes of this process, the first with a zygote ---- */

struct side {
    tp_runtime *runtime;
    tp_node *node;
};

static void side_start(struct side *side, const char *name, tp_zygote *zygote, tp_inproc *inproc) {
    tp_options options = {
        .workers = 2, .node_name = name, .log_level = TP_LOG_OFF, .zygote = zygote};
    tp_node_options node = {.plain = true, .inproc = inproc};
    TP_ASSERT_EQ_INT(tp_runtime_start(&side->runtime, &options), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(side->runtime, &node, &side->node), TP_OK);
}

static tp_pid here, there; /* isolated on the first node; plain on the second */

static void spawner(tp_actor *self, void *arg) {
    (void)arg;
    here = tp_spawn_with(self, &guest_behavior, TP_OPTIONS(.isolate = true));
    answer ready;
    if (tp_call(self, here, SOON, &ready, answer, ask, .n = 0) != TP_OK) here = tp_pid_null();
}

static void expect_told(tp_inbox *inbox, const char *what, int32_t code) {
    const tp_message *message;
    told msg;
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, SOON, &message), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_get(inbox, message, &msg, told), TP_OK);
    TP_ASSERT(msg.what.size == strlen(what) && memcmp(msg.what.data, what, msg.what.size) == 0);
    TP_ASSERT_EQ_INT(msg.code, code);
}

static void check_talk(tp_inbox *home, tp_inbox *away) {
    answer got = {0};
    /* a remote caller, and an isolated one that calls a remote actor */
    for (int i = 0; i < 50; i++) {
        TP_ASSERT_EQ_INT(tp_inbox_call(away, here, SOON, &got, answer, ask, .n = i), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i + 1);
        TP_ASSERT(got.process != getpid());
        TP_ASSERT_EQ_INT(tp_inbox_call(home, here, SOON, &got, answer, relay, .to = there, .n = i),
                         TP_OK);
        TP_ASSERT_EQ_INT(got.n, i + 1);
        TP_ASSERT(got.process != getpid());
    }
    /* no request: the sender of a plain message is known, too */
    const tp_message *message;
    TP_ASSERT_EQ_INT(tp_inbox_send(away, here, ask, .n = 70), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_receive(away, SOON, &message), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_get(away, message, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 71);
}

static void check_ends(tp_inbox *home, tp_inbox *away) {
    answer got = {0};
    /* the remote one ends, the isolated one is told of it twice: link first, then monitor */
    TP_ASSERT_EQ_INT(tp_inbox_call(home, here, SOON, &got, answer, watch, .whom = there), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_send(away, there, leave, .code = TP_EXIT_USER + 1), TP_OK);
    expect_told(home, "exited", TP_EXIT_USER + 1);
    expect_told(home, "down", TP_EXIT_USER + 1);
}

/* The isolated one's process is killed: who watches it on the other node is told. */
static void check_kill(struct side *second, tp_inbox *away) {
    answer got = {0};
    tp_pid watcher;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(second->runtime, &watcher, &guest_behavior, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(away, watcher, SOON, &got, answer, watch, .whom = here), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(away, here, SOON, &got, answer, ask, .n = 1), TP_OK);
    TP_ASSERT_EQ_INT(kill((int)got.process, SIGKILL), 0);
    expect_told(away, "exited", TP_EXIT_PROCESS);
    expect_told(away, "down", TP_EXIT_PROCESS);
    TP_ASSERT_EQ_INT(tp_inbox_call(away, here, SOON, &got, answer, ask, .n = 1), TP_ENOPROC);
}

TP_TEST(isolated_remote, talks_links_and_watches_across_nodes) {
    SUPPORTED();
    char url[256];
    uint64_t peer;
    int code = -1;
    struct side first, second;
    tp_inbox *home, *away;
    tp_pid pid;
    tp_zygote *zygote;
    tp_inproc *inproc = NULL;
    TP_ASSERT_EQ_INT(tp_zygote_start(&zygote), TP_OK);
    TP_ASSERT_EQ_INT(tp_inproc_new(&inproc), TP_OK);
    side_start(&first, "first@test", zygote, inproc);
    side_start(&second, "second@test", NULL, inproc);
    TP_ASSERT_EQ_INT(tp_node_listen(first.node, "inproc://isolated", url, sizeof url), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_connect(second.node, url, SOON, &peer), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(first.runtime, &home), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(second.runtime, &away), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(second.runtime, &there, &guest_behavior, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(first.runtime, &pid, spawner, NULL, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(first.runtime, pid, SOON, &code), TP_OK);
    TP_ASSERT(!tp_pid_is_null(here));
    check_talk(home, away);
    check_ends(home, away);
    check_kill(&second, away);
    tp_inbox_close(home);
    tp_inbox_close(away);
    tp_runtime_stop(first.runtime);
    tp_runtime_stop(second.runtime);
    tp_inproc_free(inproc);
    tp_zygote_stop(zygote);
    TP_ASSERT(!has_child());
}
