/*
 * Calls, replies from anywhere, futures, and calls that can never be answered.
 */
#include "tests/actor/actor_test.h"

TP_MESSAGE(quick)
TP_MESSAGE(silent)
TP_MESSAGE(slow, TP_FIELD(i64, ms))
TP_MESSAGE(later)
TP_MESSAGE(release_all)
TP_MESSAGE(fail_now)
TP_MESSAGE(pass_on, TP_FIELD(pid, to))
TP_MESSAGE(call_other, TP_FIELD(pid, other))
TP_MESSAGE(refuse)

struct server {
    tp_from waiting[16];
    int count;
    tp_pid next;
};

static void on_quick(tp_actor *self, struct server *server, const quick *msg) {
    (void)server, (void)msg;
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = 1), TP_OK);
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = 2), TP_ECONTEXT);
}
static void on_silent(tp_actor *self, struct server *server, const silent *msg) {
    (void)self, (void)server, (void)msg;
}
static void on_slow(tp_actor *self, struct server *server, const slow *msg) {
    (void)server;
    tp_sleep(self, TP_MS(msg->ms));
    tp_reply(self, answer, .n = msg->ms);
}
static void on_later(tp_actor *self, struct server *server, const later *msg) {
    (void)msg;
    server->waiting[server->count++] = tp_defer(self);
}
static void on_release(tp_actor *self, struct server *server, const release_all *msg) {
    (void)msg;
    while (server->count > 0) tp_reply_to(self, server->waiting[--server->count], answer, .n = 5);
}
static void on_fail(tp_actor *self, struct server *server, const fail_now *msg) {
    (void)server, (void)msg;
    tp_fail(self, "asked to");
}
static void on_pass(tp_actor *self, struct server *server, const pass_on *msg) {
    server->next = msg->to;
    (void)self;
}
static void on_ask(tp_actor *self, struct server *server, const ask *msg) {
    (void)msg;
    if (tp_pid_is_null(server->next)) tp_reply(self, answer, .n = 99);
    else TP_ASSERT_EQ_INT(tp_delegate(self, server->next), TP_OK);
}
static void on_call_other(tp_actor *self, struct server *server, const call_other *msg) {
    answer got;
    (void)server;
    tp_err err = tp_call(self, msg->other, SOON, &got, answer, call_other, .other = tp_self(self));
    if (err == TP_EDEADLOCK) TP_ASSERT(strstr(tp_deadlock_text(self), "->") != NULL);
    tp_reply(self, answer, .n = err);
}
static void on_refuse(tp_actor *self, struct server *server, const refuse *msg) {
    (void)server, (void)msg;
    tp_reply_error(self, TP_EBUSY);
}
TP_BEHAVIOR(server_behavior, "server", struct server, TP_ON(quick, on_quick),
            TP_ON(silent, on_silent), TP_ON(slow, on_slow), TP_ON(later, on_later),
            TP_ON(release_all, on_release), TP_ON(fail_now, on_fail), TP_ON(pass_on, on_pass),
            TP_ON(ask, on_ask), TP_ON(call_other, on_call_other), TP_ON(refuse, on_refuse));

static void results_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    number other;
    tp_pid server = tp_spawn(self, &server_behavior);
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, quick), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 1);
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, silent), TP_ENOREPLY);
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, refuse), TP_EBUSY);
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &other, number, quick), TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_call(self, server, TP_MS(5), &got, answer, slow, .ms = 60), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, slow, .ms = 1), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 1); /* not the late reply of 60 */
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, fail_now), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, quick), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_call(self, tp_self(self), SOON, &got, answer, quick), TP_EDEADLOCK);
}
TP_TEST(call, results) {
    run_everywhere(results_body, NULL);
}

static void defer_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid server = tp_spawn(self, &server_behavior);
    tp_future futures[4];
    size_t index;
    for (int i = 0; i < 4; i++) futures[i] = tp_request(self, server, later);
    TP_ASSERT_EQ_INT(tp_await_any(self, futures, 4, TP_MS(5), &index), TP_ETIMEDOUT);
    tp_send(self, server, release_all);
    TP_ASSERT_EQ_INT(tp_await_all(self, futures, 4, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_await_any(self, futures, 4, SOON, &index), TP_OK);
    for (int i = 0; i < 4; i++) {
        TP_ASSERT_EQ_INT(tp_await(self, futures[i], SOON, &got, answer), TP_OK);
        TP_ASSERT_EQ_INT(got.n, 5);
        TP_ASSERT_EQ_INT(tp_await(self, futures[i], SOON, &got, answer), TP_ENOENT);
    }
    tp_future lost = tp_request(self, server, later), cancelled = tp_request(self, server, later);
    tp_cancel(self, cancelled);
    tp_kill(self, server);
    TP_ASSERT_EQ_INT(tp_await(self, lost, SOON, &got, answer), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_await(self, cancelled, SOON, &got, answer), TP_ENOENT);
}
TP_TEST(call, deferred_requests_and_futures) {
    run_everywhere(defer_body, NULL);
}

static void delegate_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid servers[5];
    for (int i = 0; i < 5; i++) servers[i] = tp_spawn(self, &server_behavior);
    for (int i = 0; i < 4; i++) tp_send(self, servers[i], pass_on, .to = servers[i + 1]);
    TP_ASSERT_EQ_INT(tp_call(self, servers[0], SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 99);
    tp_send(self, servers[4], pass_on,
            .to = tp_self(self)); /* back to the caller: never answered */
    TP_ASSERT_EQ_INT(tp_call(self, servers[0], SOON, &got, answer, ask), TP_EDEADLOCK);
    tp_send(self, servers[4], pass_on, .to = tp_pid_null());
    TP_ASSERT_EQ_INT(tp_call(self, servers[0], SOON, &got, answer, ask), TP_OK);
}
TP_TEST(call, delegation_keeps_the_caller) {
    run_everywhere(delegate_body, NULL);
}

static void deadlock_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    for (int round = 0; round < 200; round++) {
        tp_pid a = tp_spawn(self, &server_behavior), b = tp_spawn(self, &server_behavior);
        tp_future one = tp_request(self, a, call_other, .other = b);
        tp_future two = tp_request(self, b, call_other, .other = a);
        TP_ASSERT_EQ_INT(tp_await(self, one, SOON, &got, answer), TP_OK);
        TP_ASSERT(got.n == TP_OK || got.n == TP_EDEADLOCK);
        TP_ASSERT_EQ_INT(tp_await(self, two, SOON, &got, answer), TP_OK);
        TP_ASSERT(got.n == TP_OK || got.n == TP_EDEADLOCK);
        tp_kill(self, a);
        tp_kill(self, b);
    }
}
TP_TEST(call, cycles_fail_at_once) {
    run_everywhere(deadlock_body, NULL);
}

static void third_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid holder = tp_spawn(self, &server_behavior);
    /* the holder defers, then calls: no cycle, though its caller waits for it */
    tp_future future = tp_request(self, holder, later);
    TP_ASSERT_EQ_INT(tp_call(self, holder, SOON, &got, answer, quick), TP_OK);
    tp_send(self, holder, release_all);
    TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &got, answer), TP_OK);
}
TP_TEST(call, deferred_requests_close_no_cycle) {
    run_everywhere(third_body, NULL);
}

static void nested_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    for (int i = 0; i < 300; i++) {
        tp_pid server = tp_spawn(self, &server_behavior);
        TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, slow, .ms = 0), TP_OK);
        tp_kill(self, server);
    }
}
TP_TEST(call, handlers_may_block) {
    run_everywhere(nested_body, NULL);
}
