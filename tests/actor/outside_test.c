/*
 * Threads that are not actors: posts, inboxes, calls from outside.
 */
#include <poll.h>
#include <pthread.h>

#include <troupe/inbox.h>

#include "tests/actor/actor_test.h"

struct adder {
    int64_t sum;
};
static void on_number(tp_actor *self, struct adder *adder, const number *msg) {
    adder->sum += msg->n;
    if (msg->n == -1) tp_send(self, tp_sender(self), answer, .n = adder->sum);
}
static void on_ask(tp_actor *self, struct adder *adder, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = adder->sum);
}
TP_BEHAVIOR(adder_behavior, "adder", struct adder, TP_ON(number, on_number), TP_ON(ask, on_ask));

struct shared {
    tp_runtime *runtime;
    tp_pid adder;
};

#define POSTS 5000
static void *post_many(void *arg) {
    struct shared *shared = arg;
    for (int i = 0; i < POSTS; i++)
        while (tp_post(shared->runtime, shared->adder, number, .n = 1) == TP_EFULL) sched_yield();
    return NULL;
}
TP_TEST(outside, posts_of_many_threads_arrive) {
    struct shared shared;
    pthread_t threads[4];
    tp_inbox *inbox;
    answer got;
    tp_options options = {.workers = 2, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_runtime_start(&shared.runtime, &options), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(shared.runtime, &shared.adder, &adder_behavior, NULL), TP_OK);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, post_many, &shared);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    TP_ASSERT_EQ_INT(tp_inbox_open(shared.runtime, &inbox), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, shared.adder, SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 4 * POSTS);
    tp_inbox_close(inbox);
    tp_runtime_stop(shared.runtime);
}

TP_TEST(outside, an_inbox_receives_calls_and_polls) {
    struct shared shared;
    tp_inbox *inbox;
    const tp_message *message;
    answer got;
    TP_ASSERT_EQ_INT(
        tp_runtime_start(&shared.runtime, &(tp_options){.workers = 2, .log_hook = quiet}), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(shared.runtime, &shared.adder, &adder_behavior, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(shared.runtime, &inbox), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, TP_MS(2), &message), TP_ETIMEDOUT);
    struct pollfd readable = {.fd = tp_inbox_descriptor(inbox), .events = POLLIN};
    TP_ASSERT_EQ_INT(tp_inbox_send(inbox, shared.adder, number, .n = -1), TP_OK);
    TP_ASSERT_EQ_INT(poll(&readable, 1, 20000), 1);
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, SOON, &message), TP_OK);
    TP_ASSERT(tp_pid_equal(tp_inbox_sender(inbox, message), shared.adder));
    TP_ASSERT_EQ_INT(tp_inbox_get(inbox, message, &got, answer), TP_OK);
    TP_ASSERT_EQ_INT(got.n, -1);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, shared.adder, SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, shared.adder, SOON, &got, answer, number, .n = 0),
                     TP_ENOREPLY);
    TP_ASSERT_EQ_INT(tp_post_exit(shared.runtime, shared.adder, TP_EXIT_KILL), TP_OK);
    while (tp_alive(shared.runtime, shared.adder)) sched_yield();
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, shared.adder, SOON, &got, answer, ask), TP_ENOPROC);
    tp_inbox_close(inbox);
    tp_runtime_stop(shared.runtime);
}

TP_TEST(outside, a_full_mailbox_is_said_to_a_thread) {
    tp_runtime *runtime;
    tp_pid adder;
    int accepted = 0;
    tp_spawn_options options = {.mailbox_limit = 5};
    tp_spawn_options busy = {.mailbox_limit = 5, .overflow = TP_OVERFLOW_FAIL};
    (void)options;
    TP_ASSERT_EQ_INT(
        tp_runtime_start(&runtime,
                         &(tp_options){.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet}),
        TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &adder, &adder_behavior, &busy), TP_OK);
    for (int i = 0; i < 100000; i++) accepted += tp_post(runtime, adder, number, .n = 1) == TP_OK;
    TP_ASSERT(accepted >= 5);
    tp_counters counters;
    do {
        tp_runtime_counters(runtime, &counters);
        sched_yield();
    } while (counters.handled < (uint64_t)accepted);
    TP_ASSERT_EQ_INT(counters.handled, accepted); /* none lost, none doubled */
    tp_runtime_stop(runtime);
}

static void ends_with(tp_actor *self, void *arg) {
    tp_exit(self, *(int *)arg);
}
TP_TEST(outside, waiting_for_an_actor) {
    tp_runtime *runtime;
    tp_pid pid;
    int code = 0, want = 1717;
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &(tp_options){.workers = 2, .log_hook = quiet}),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, ends_with, &want, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(runtime, pid, SOON, &code), TP_OK);
    TP_ASSERT(code == 1717 || code == TP_EXIT_NOPROC);
    tp_pid adder;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &adder, &adder_behavior, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(runtime, adder, TP_MS(5), &code), TP_ETIMEDOUT);
    tp_runtime_stop(runtime);
}
