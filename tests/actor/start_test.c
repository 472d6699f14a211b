/*
 * tp_start: spawn and wait for init; and what a handler may still answer after it has received
 * others.
 */
#include "tests/actor/actor_test.h"

enum how { WORKS, FAILS, DECLINES, SLEEPS, RECEIVES, CALLS_BACK };
TP_MESSAGE(begin, TP_FIELD(i32, how))

struct starting {
    bool begun;
};
static int terminated; /* by tests on one worker alone */

static void on_begin(tp_actor *self, struct starting *state, const begin *msg) {
    answer got;
    number other;
    switch ((enum how)msg->how) {
    case WORKS: break;
    case FAILS: tp_fail(self, "cannot");
    case DECLINES: tp_exit(self, TP_EXIT_NORMAL);
    case SLEEPS: tp_sleep(self, TP_SECONDS(100)); break;
    case RECEIVES: TP_ASSERT_EQ_INT(tp_receive(self, 0, &other, number), TP_ETIMEDOUT); break;
    case CALLS_BACK: {
        tp_err err = tp_call(self, tp_sender(self), SOON, &got, answer, ask);
        TP_ASSERT(err == TP_EDEADLOCK); /* or this actor is killed in the call */
    }
    }
    state->begun = true;
}
static void on_ask(tp_actor *self, struct starting *state, const ask *msg) {
    number other;
    (void)msg;
    TP_ASSERT(state->begun);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &other, number), TP_OK);
    TP_ASSERT_EQ_INT(tp_reply(self, answer, .n = other.n), TP_OK); /* its own request still */
}
static void on_word(tp_actor *self, struct starting *state, const word *msg) {
    number other;
    (void)state, (void)msg;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &other, number), TP_OK);
    tp_fail(self, "in the middle");
}
static void at_end(tp_actor *self, struct starting *state, const tp_reason *reason) {
    (void)self, (void)state, (void)reason;
    terminated++;
}
TP_BEHAVIOR(starting_behavior, "starting", struct starting, TP_INIT_WITH(begin, on_begin),
            TP_ON(ask, on_ask), TP_ON(word, on_word), TP_TERMINATE(at_end));

static tp_err try_start(tp_actor *self, enum how how, tp_pid *pid, tp_reason *reason) {
    return tp_start(self, pid, &starting_behavior, &tp_spawn_linked, TP_MS(50), reason, begin,
                    .how = (int32_t)how);
}
static void nothing_is_left(tp_actor *self) {
    const tp_message *message;
    TP_ASSERT_EQ_INT(tp_receive_any(self, 0, NULL, NULL, &message), TP_ETIMEDOUT);
}

static void starts_each(tp_actor *self, void *arg) {
    tp_pid pid;
    tp_reason reason = {0};
    (void)arg;
    tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(try_start(self, WORKS, &pid, NULL), TP_OK);
    TP_ASSERT(tp_alive(tp_self_runtime(self), pid));
    TP_ASSERT_EQ_INT(try_start(self, RECEIVES, &pid, NULL), TP_OK);
    TP_ASSERT_EQ_INT(try_start(self, FAILS, &pid, &reason), TP_ENOPROC);
    TP_ASSERT(tp_pid_is_null(pid));
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_FAILED);
    TP_ASSERT(reason.detail.size == 6 && memcmp(reason.detail.data, "cannot", 6) == 0);
    TP_ASSERT_EQ_INT(try_start(self, DECLINES, &pid, &reason), TP_ENOPROC);
    TP_ASSERT_EQ_INT(reason.code, TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(try_start(self, SLEEPS, &pid, NULL), TP_ETIMEDOUT);
    nothing_is_left(self);
    /* one of the two calls fails, whoever asked later */
    tp_err err = try_start(self, CALLS_BACK, &pid, NULL);
    TP_ASSERT(err == TP_OK || err == TP_EDEADLOCK);
}
TP_TEST(start, waits_for_init_and_says_how_it_ended) {
    run_everywhere(starts_each, NULL);
}

static void fails_init(tp_actor *self, void *arg) {
    tp_pid pid;
    (void)arg;
    tp_trap_exits(self, true);
    terminated = 0;
    TP_ASSERT_EQ_INT(try_start(self, FAILS, &pid, NULL), TP_ENOPROC);
    TP_ASSERT_EQ_INT(terminated, 0);
    TP_ASSERT_EQ_INT(try_start(self, WORKS, &pid, NULL), TP_OK);
    tp_send(self, pid, word, .text = TP_STR("fail"));
    tp_send(self, pid, number, .n = 1);
    tp_exited exited;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(terminated, 1);
}
TP_TEST(start, terminate_follows_only_an_init_that_succeeded) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, fails_init, NULL), 0);
}

static void asks_and_sends(tp_actor *self, void *arg) {
    tp_pid pid;
    answer got = {0};
    (void)arg;
    TP_ASSERT_EQ_INT(
        tp_start(self, &pid, &starting_behavior, NULL, SOON, NULL, begin, .how = WORKS), TP_OK);
    tp_future future = tp_request(self, pid, ask);
    tp_send(self, pid, number, .n = 17);
    TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 17);
    future = tp_request(self, pid, word, .text = TP_STR("fail"));
    tp_send(self, pid, number, .n = 18);
    TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &got, answer), TP_ENOPROC);
}
TP_TEST(start, a_handler_that_received_others_still_answers_its_own_request) {
    run_everywhere(asks_and_sends, NULL);
}

static void sends_too_much(tp_actor *self, void *arg) {
    size_t size = (16u << 20) + 1;
    char *bytes = tp_alloc(self, size);
    (void)arg;
    TP_ASSERT(bytes != NULL);
    TP_ASSERT_EQ_INT(tp_send(self, tp_self(self), word, .text = {bytes, size}), TP_ETOOBIG);
    nothing_is_left(self);
}
TP_TEST(start, a_message_beyond_the_limit_says_so) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER};
    TP_ASSERT_EQ_INT(tp_run_with(&options, sends_too_much, NULL), 0);
}
