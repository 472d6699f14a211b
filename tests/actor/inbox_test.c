/*
 * Threads that are not actors: posts, inboxes, waiting, and runtimes stopped under way.
 */
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/actor/actor_test.h"

TP_MESSAGE(slow)
TP_MESSAGE(hold)
TP_MESSAGE(mute)
TP_MESSAGE(watch, TP_FIELD(pid, who))

struct sum {
    int64_t sum;
    int64_t last[8]; /* by producer */
};
static void on_number(tp_actor *self, struct sum *sum, const number *msg) {
    TP_ASSERT(tp_pid_is_null(tp_sender(self)));
    int64_t producer = msg->n / 1000000, n = msg->n % 1000000;
    TP_ASSERT(n > sum->last[producer]); /* in the order of its thread */
    sum->last[producer] = n;
    sum->sum++;
}
static void on_ask(tp_actor *self, struct sum *sum, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = sum->sum);
}
static void on_slow(tp_actor *self, struct sum *sum, const slow *msg) {
    (void)sum, (void)msg;
    tp_sleep(self, TP_MS(20));
    tp_reply(self, answer, .n = -1);
}
static bool holds, let_go;

static bool seen(const bool *flag) {
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}
static void say(bool *flag, bool value) {
    __atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
}
static void on_hold(tp_actor *self, struct sum *sum, const hold *msg) {
    (void)sum, (void)msg;
    say(&holds, true);
    while (!seen(&let_go)) tp_sleep(self, TP_MS(1));
}
static void on_mute(tp_actor *self, struct sum *sum, const mute *msg) {
    (void)self, (void)sum, (void)msg;
}
static void on_word(tp_actor *self, struct sum *sum, const word *msg) {
    (void)sum;
    tp_send(self, tp_sender(self), word, .text = msg->text);
}
static void on_tell(tp_actor *self, struct sum *sum, const tell *msg) {
    answer got;
    (void)sum;
    /* nobody answers at an inbox: the call says so, at once */
    TP_ASSERT_EQ_INT(tp_call(self, msg->who, SOON, &got, answer, ask), TP_ENOREPLY);
    tp_exit(self, (int32_t)msg->n);
}
static void on_watch(tp_actor *self, struct sum *sum, const watch *msg) {
    (void)sum;
    tp_link(self, msg->who);
    tp_send(self, msg->who, number, .n = 1);
}
TP_BEHAVIOR(sum_behavior, "sum", struct sum, TP_ON(number, on_number), TP_ON(ask, on_ask),
            TP_ON(slow, on_slow), TP_ON(hold, on_hold), TP_ON(mute, on_mute), TP_ON(word, on_word),
            TP_ON(tell, on_tell), TP_ON(watch, on_watch));

static tp_runtime *start(unsigned workers) {
    tp_runtime *runtime;
    tp_options options = {.workers = workers, .max_actors = 1u << 16, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_workers(runtime), workers);
    return runtime;
}
static tp_pid spawn_sum(tp_runtime *runtime, const tp_spawn_options *options) {
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &pid, &sum_behavior, options), TP_OK);
    return pid;
}
static int64_t sum_of(tp_inbox *inbox, tp_pid pid) {
    answer got;
    tp_err err;
    do err = tp_inbox_call(inbox, pid, SOON, &got, answer, ask);
    while (err == TP_EFULL);
    TP_ASSERT_EQ_INT(err, TP_OK);
    return got.n;
}
static void on_each(void (*check)(unsigned workers)) {
    static const unsigned workers[] = {1, 2, 8};
    for (size_t i = 0; i < 3; i++) check(workers[i]);
}

/* ---- posts ---- */

struct poster {
    pthread_t thread;
    tp_runtime *runtime;
    tp_pid to;
    int64_t index;
    int64_t posted;
};
#define POSTS 20000
static void *post_all(void *arg) {
    struct poster *poster = arg;
    for (int64_t i = 1; i <= POSTS; i++) {
        tp_err err = tp_post(poster->runtime, poster->to, number, .n = poster->index * 1000000 + i);
        TP_ASSERT(err == TP_OK || err == TP_EFULL);
        poster->posted += err == TP_OK;
    }
    return NULL;
}
static void check_posts(unsigned workers) {
    tp_runtime *runtime = start(workers);
    tp_inbox *inbox;
    tp_pid pid = spawn_sum(runtime, NULL);
    struct poster posters[4];
    int64_t posted = 0;
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, &inbox), TP_OK);
    for (int i = 0; i < 4; i++) {
        posters[i] = (struct poster){.runtime = runtime, .to = pid, .index = i};
        TP_ASSERT_EQ_INT(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(posters[i].thread, NULL);
        posted += posters[i].posted;
    }
    TP_ASSERT_EQ_INT(sum_of(inbox, pid), posted);
    tp_inbox_close(inbox);
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, posts_of_several_threads_keep_their_order) {
    on_each(check_posts);
}

static void check_full(unsigned workers) {
    tp_runtime *runtime = start(workers);
    tp_inbox *inbox;
    tp_spawn_options small = {.mailbox_limit = 10};
    tp_pid pid = spawn_sum(runtime, &small);
    int accepted = 0;
    say(&holds, false);
    say(&let_go, false);
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, &inbox), TP_OK);
    TP_ASSERT_EQ_INT(tp_post(runtime, pid, hold), TP_OK);
    while (!seen(&holds)) usleep(100);
    for (int64_t i = 1; i <= 50; i++) {
        tp_err err = tp_post(runtime, pid, number, .n = i);
        TP_ASSERT(err == TP_OK || err == TP_EFULL);
        accepted += err == TP_OK;
    }
    TP_ASSERT_EQ_INT(accepted, 10);
    say(&let_go, true);
    TP_ASSERT_EQ_INT(sum_of(inbox, pid), accepted);
    tp_inbox_close(inbox);
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, outsiders_are_refused_when_it_is_full) {
    on_each(check_full);
}

/* ---- calls, messages ---- */

static void check_calls(unsigned workers) {
    tp_runtime *runtime = start(workers);
    tp_inbox *inbox;
    answer got;
    number other;
    tp_pid pid = spawn_sum(runtime, NULL);
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, &inbox), TP_OK);
    for (int i = 0; i < 200; i++) TP_ASSERT_EQ_INT(sum_of(inbox, pid), 0);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, pid, SOON, &got, answer, mute), TP_ENOREPLY);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, pid, SOON, &other, number, ask), TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, pid, TP_MS(1), &got, answer, slow), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, pid, SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 0); /* not the late reply of the call before */
    TP_ASSERT_EQ_INT(
        tp_inbox_call(inbox, pid, SOON, &got, answer, tell, .who = tp_inbox_pid(inbox), .n = 1717),
        TP_ENOPROC);
    int code = 0;
    TP_ASSERT_EQ_INT(tp_runtime_wait(runtime, pid, SOON, &code), TP_OK);
    TP_ASSERT_EQ_INT(code, TP_EXIT_NOPROC); /* it had gone before anyone waited */
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, pid, SOON, &got, answer, ask), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_inbox_call(inbox, tp_pid_null(), SOON, &got, answer, ask), TP_ENOPROC);
    const tp_message *message; /* the refused request is seen by the thread all the same */
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, SOON, &message), TP_OK);
    TP_ASSERT(tp_message_is(message, ask));
    TP_ASSERT(tp_pid_equal(tp_inbox_sender(inbox, message), pid));
    tp_inbox_close(inbox);
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, calls_from_a_thread) {
    on_each(check_calls);
}

static bool readable(tp_inbox *inbox) {
    struct pollfd poller = {.fd = tp_inbox_descriptor(inbox), .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}
static void check_messages(unsigned workers) {
    tp_runtime *runtime = start(workers);
    tp_inbox *inbox;
    const tp_message *message;
    tp_pid pid = spawn_sum(runtime, NULL);
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, &inbox), TP_OK);
    TP_ASSERT(tp_alive(runtime, tp_inbox_pid(inbox)));
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, 0, &message), TP_ETIMEDOUT);
    TP_ASSERT(!readable(inbox));
    char text[40];
    for (int i = 0; i < 100; i++) {
        int size = snprintf(text, sizeof text, "message %d", i);
        TP_ASSERT_EQ_INT(tp_inbox_send(inbox, pid, word, .text = {text, (size_t)size}), TP_OK);
    }
    struct pollfd poller = {.fd = tp_inbox_descriptor(inbox), .events = POLLIN};
    for (int i = 0; i < 100; i++) {
        word got;
        TP_ASSERT_EQ_INT(poll(&poller, 1, 20000), 1); /* the descriptor alone says when */
        TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, 0, &message), TP_OK);
        int size = snprintf(text, sizeof text, "message %d", i);
        TP_ASSERT_EQ_INT(tp_inbox_get(inbox, message, &got, word), TP_OK);
        TP_ASSERT(tp_str_equal(got.text, (tp_str){text, (size_t)size}));
        TP_ASSERT(tp_pid_equal(tp_inbox_sender(inbox, message), pid));
        TP_ASSERT_EQ_INT(tp_inbox_get(inbox, message, &(number){0}, number), TP_ETYPE);
    }
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, TP_MS(1), &message), TP_ETIMEDOUT);
    TP_ASSERT(!readable(inbox));
    /* from itself to itself, and closed with messages waiting */
    for (int i = 0; i < 50; i++)
        TP_ASSERT_EQ_INT(tp_inbox_send(inbox, tp_inbox_pid(inbox), word, .text = TP_STR("left")),
                         TP_OK);
    tp_pid gone = tp_inbox_pid(inbox);
    tp_inbox_close(inbox);
    while (tp_alive(runtime, gone)) usleep(100); /* it ends as soon as its worker gets to it */
    TP_ASSERT_EQ_INT(tp_post(runtime, gone, number, .n = 1), TP_OK);
    tp_inbox_close(NULL);
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, messages_and_a_descriptor) {
    on_each(check_messages);
}

static void check_end(unsigned workers) {
    tp_runtime *runtime = start(workers);
    tp_inbox *inbox;
    const tp_message *message;
    tp_exited exited;
    int code;
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, &inbox), TP_OK);
    tp_pid pid = spawn_sum(runtime, NULL);
    TP_ASSERT_EQ_INT(tp_post(runtime, pid, watch, .who = tp_inbox_pid(inbox)), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, SOON, &message), TP_OK); /* linked */
    TP_ASSERT_EQ_INT(tp_post_exit(runtime, pid, 4711), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, SOON, &message), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_get(inbox, message, &exited, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(exited.code, 4711);
    TP_ASSERT(tp_pid_equal(exited.from, pid));
    /* and the other way round: the close is a normal exit, which does not kill */
    pid = spawn_sum(runtime, NULL);
    TP_ASSERT_EQ_INT(tp_post(runtime, pid, watch, .who = tp_inbox_pid(inbox)), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, SOON, &message), TP_OK);
    tp_inbox_close(inbox);
    TP_ASSERT_EQ_INT(tp_runtime_wait(runtime, pid, TP_MS(2), &code), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_post_exit(runtime, pid, TP_EXIT_KILL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(runtime, pid, SOON, NULL), TP_OK);
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, ends_are_told_both_ways) {
    on_each(check_end);
}

static void *call_all(void *arg) {
    struct poster *caller = arg;
    for (int turn = 0; turn < 20; turn++) {
        tp_inbox *inbox;
        TP_ASSERT_EQ_INT(tp_inbox_open(caller->runtime, &inbox), TP_OK);
        for (int i = 0; i < 50; i++) TP_ASSERT_EQ_INT(sum_of(inbox, caller->to), 0);
        tp_inbox_close(inbox);
    }
    return NULL;
}
static void check_many(unsigned workers) {
    tp_runtime *runtime = start(workers);
    struct poster callers[6];
    tp_pid pid = spawn_sum(runtime, NULL);
    for (int i = 0; i < 6; i++) {
        callers[i] = (struct poster){.runtime = runtime, .to = pid};
        TP_ASSERT_EQ_INT(pthread_create(&callers[i].thread, NULL, call_all, &callers[i]), 0);
    }
    for (int i = 0; i < 6; i++) pthread_join(callers[i].thread, NULL);
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, opened_and_closed_by_many_threads) {
    on_each(check_many);
}

/* ---- arguments ---- */

static void ends_with(tp_actor *self, void *arg) {
    tp_exit(self, *(int *)arg);
}
static void check_arguments(unsigned workers) {
    tp_runtime *runtime = start(workers);
    tp_ref ref;
    tp_pid pid;
    tp_inbox *inbox;
    tp_spawn_options linked = {.link = true}, watched = {.monitor = &ref}, named = {.name = "sum"};
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &pid, &sum_behavior, &linked), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &pid, &sum_behavior, &watched), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, NULL, &sum_behavior, NULL), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, NULL, NULL, NULL), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &pid, &sum_behavior, &named), TP_OK);
    TP_ASSERT(tp_pid_equal(tp_whereis(runtime, "sum"), pid));
    TP_ASSERT_EQ_INT(tp_runtime_spawn(runtime, &pid, &sum_behavior, &named), TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_inbox_open(NULL, &inbox), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, NULL), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_post_exit(NULL, pid, 1), TP_EINVAL);
    tp_runtime_stop(NULL);
    int want = 1234, code = 0;
    for (int i = 0; i < 100; i++) { /* whether it ends before or after the wait begins */
        TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, ends_with, &want, NULL), TP_OK);
        TP_ASSERT_EQ_INT(tp_runtime_wait(runtime, pid, SOON, &code), TP_OK);
        TP_ASSERT(code == want || code == TP_EXIT_NOPROC);
    }
    tp_runtime_stop(runtime);
}
TP_TEST(inbox, arguments_are_checked) {
    on_each(check_arguments);
}

/* ---- stopping under way ---- */

static void breeds(tp_actor *self, void *arg) {
    (void)arg;
    for (;;) {
        tp_pid pid = tp_spawn_body(self, breeds, NULL, NULL);
        if (!tp_pid_is_null(pid)) tp_send(self, pid, number, .n = 1);
        number got;
        (void)tp_receive(self, TP_US(100), &got, number);
        tp_counters counters;
        tp_runtime_counters(tp_self_runtime(self), &counters);
        if (counters.actors_alive > 2000) return;
    }
}
static void *keeps_posting(void *arg) {
    struct poster *poster = arg;
    while (tp_alive(poster->runtime, poster->to))
        (void)tp_post(poster->runtime, poster->to, number, .n = ++poster->posted % 1000000);
    return NULL;
}
static void traps_and_stays(tp_actor *self, void *arg) {
    tp_exited exited;
    (void)arg;
    tp_trap_exits(self, true);
    while (tp_receive(self, TP_FOREVER, &exited, tp_exited) == TP_OK) {
    }
}
static void check_stop(unsigned workers) {
    for (int i = 0; i < 5; i++) {
        tp_runtime *runtime;
        tp_options options = {.workers = workers,
                              .max_actors = 1u << 16,
                              .shutdown_grace = TP_MS(150),
                              .log_hook = quiet};
        TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
        struct poster poster = {.runtime = runtime};
        tp_pid pid;
        for (int n = 0; n < 4; n++)
            TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, breeds, NULL, NULL), TP_OK);
        if (i == 4)
            TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &pid, traps_and_stays, NULL, NULL),
                             TP_OK);
        poster.to = spawn_sum(runtime, NULL);
        TP_ASSERT_EQ_INT(pthread_create(&poster.thread, NULL, keeps_posting, &poster), 0);
        usleep(1000 * (unsigned)(i % 4));
        if (i % 3 == 0) tp_runtime_request_stop(runtime);
        else TP_ASSERT_EQ_INT(tp_post_exit(runtime, poster.to, TP_EXIT_SHUTDOWN), TP_OK);
        pthread_join(poster.thread, NULL); /* nobody may post to a runtime that is gone */
        tp_runtime_stop(runtime);
    }
}
TP_TEST(inbox, stopped_while_actors_breed) {
    on_each(check_stop);
}

static void asks_for_the_end(tp_actor *self, void *arg) {
    (void)arg;
    tp_runtime_request_stop(tp_self_runtime(self));
    tp_sleep(self, TP_SECONDS(1000));
}
TP_TEST(inbox, an_actor_may_ask_for_the_stop) {
    for (unsigned workers = 1; workers <= 2; workers++) {
        tp_options options = {.workers = workers, .log_hook = quiet};
        TP_ASSERT_EQ_INT(tp_run_with(&options, asks_for_the_end, NULL), 0);
    }
}
