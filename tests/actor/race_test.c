/*
 * What only two workers at once can show: the simulator runs each end of an actor, and each call of
 * this library, as one step.
 */
#include <time.h>

#include <troupe/inbox.h>

#include "tests/actor/actor_test.h"

#define ROUNDS TP_SCALED(400)

static const tp_spawn_options on_first = {.workers = 1};

static void leaves_when_told(tp_actor *self, void *arg) {
    number msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, number);
    tp_exit(self, 2000);
}

/* Runs a body on the first of two workers; it must end well. */
static void main_of_two(tp_actor *self, void *arg) {
    tp_down down;
    tp_ref ref;
    tp_spawn_options options = on_first;
    options.monitor = &ref;
    TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, *(tp_body *)arg, NULL, &options)));
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(120), &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
}
static void run_on_two(tp_body body) {
    tp_options options = {.workers = 2, .max_actors = 1u << 16, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, main_of_two, &body), 0);
}

/* ---- the exit is here, and nobody has looked ---- */

static uint64_t ended(tp_actor *self) {
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    return counters.exited;
}

static void unlinks_in_time(tp_actor *self, void *arg) {
    number none;
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        tp_spawn_options elsewhere = {.workers = 2};
        uint64_t before = ended(self);
        tp_pid other = tp_spawn_body(self, leaves_when_told, NULL, &elsewhere);
        TP_ASSERT_EQ_INT(tp_link(self, other), TP_OK);
        tp_send(self, other, number, .n = 1);
        tp_time until = tp_now(self) + SOON;
        while (ended(self) == before) TP_ASSERT(tp_now(self) < until); /* without a receive */
        TP_ASSERT_EQ_INT(tp_unlink(self, other), TP_OK);
        TP_ASSERT_EQ_INT(tp_receive(self, 0, &none, number), TP_ETIMEDOUT); /* and alive */
    }
}
TP_TEST(race, an_exit_that_is_here_does_not_count_after_unlink) {
    run_on_two(unlinks_in_time);
}

/* ---- the name of who has just ended ---- */

static void names_again(tp_actor *self, void *arg) {
    tp_down down;
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        tp_ref ref;
        tp_spawn_options options = {.workers = 2, .monitor = &ref, .name = "only one"};
        tp_pid other = tp_spawn_body(self, leaves_when_told, NULL, &options);
        TP_ASSERT_MSG(!tp_pid_is_null(other), "%s", tp_err_name(tp_error(self)));
        tp_send(self, other, number, .n = 1);
        tp_time until = tp_now(self) + SOON;
        while (tp_receive(self, 0, &down, tp_down) == TP_ETIMEDOUT) /* awake when it comes */
            TP_ASSERT(tp_now(self) < until);
    }
}
TP_TEST(race, a_name_is_free_when_the_down_is_here) {
    run_on_two(names_again);
}

/* ---- two calls that close a cycle ---- */

TP_MESSAGE(meet, TP_FIELD(pid, other), TP_FIELD(pid, report_to))

static int both_here;

static void on_meet(tp_actor *self, int *unused, const meet *msg) {
    answer got;
    tp_pid report_to = msg->report_to, other = msg->other;
    (void)unused;
    __atomic_add_fetch(&both_here, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 100000 && __atomic_load_n(&both_here, __ATOMIC_SEQ_CST) < 2; i++) {
    }
    tp_err err = tp_call(self, other, SOON, &got, answer, ask);
    tp_send(self, report_to, number, .n = err);
}
static void on_ask(tp_actor *self, int *unused, const ask *msg) {
    (void)unused, (void)msg;
    tp_reply(self, answer, .n = 1);
}
TP_BEHAVIOR(meets, "meets", int, TP_ON(meet, on_meet), TP_ON(ask, on_ask));

static void cycles(tp_actor *self, void *arg) {
    number one, two;
    tp_spawn_options on_second = {.workers = 2};
    (void)arg;
    tp_pid a = tp_spawn_value(self, &meets, &on_first, NULL, NULL),
           b = tp_spawn_value(self, &meets, &on_second, NULL, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        __atomic_store_n(&both_here, 0, __ATOMIC_SEQ_CST);
        tp_send(self, a, meet, .other = b, .report_to = tp_self(self));
        tp_send(self, b, meet, .other = a, .report_to = tp_self(self));
        TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &one, number), TP_OK);
        TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &two, number), TP_OK);
        TP_ASSERT(one.n == TP_OK || one.n == TP_EDEADLOCK);
        TP_ASSERT(two.n == TP_OK || two.n == TP_EDEADLOCK);
        TP_ASSERT_MSG(one.n == TP_OK || two.n == TP_OK, "both calls of a cycle failed");
    }
    tp_kill(self, a);
    tp_kill(self, b);
}
TP_TEST(race, of_two_calls_that_close_a_cycle_only_one_fails) {
    run_on_two(cycles);
}

/* ---- a worker that waits for a socket ---- */

static void waits_for_nobody(tp_actor *self, void *arg) {
    tp_socket listener, socket;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_listen(self, "tcp://127.0.0.1:0", &listener), TP_OK);
    (void)tp_accept(self, listener, TP_FOREVER, &socket);
}
TP_TEST(race, a_call_wakes_the_worker_that_waits_for_a_socket) {
    tp_options options = {
        .workers = 1, .stuck_after = TP_FOREVER, .max_actors = 1024, .log_hook = quiet};
    const struct timespec nap = {.tv_nsec = 1000000};
    tp_runtime *runtime;
    tp_inbox *inbox;
    tp_pid waiter, server;
    answer got;
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(runtime, &waiter, waits_for_nobody, NULL, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_value(runtime, &server, &meets, NULL, NULL, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(runtime, &inbox), TP_OK);
    for (int i = 0; i < 30; i++) {
        (void)nanosleep(&nap, NULL); /* it falls asleep, in the poller */
        TP_ASSERT_EQ_INT(tp_inbox_call(inbox, server, SOON, &got, answer, ask), TP_OK);
    }
    tp_inbox_close(inbox);
    tp_runtime_stop(runtime);
}
