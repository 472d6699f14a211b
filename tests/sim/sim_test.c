/*
 * The simulator itself: determinism, virtual time, virtual workers, the vocabulary of tests.
 */
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(add, TP_FIELD(i64, n))
TP_MESSAGE(get)
TP_MESSAGE(total, TP_FIELD(i64, n))

struct counter {
    int64_t n;
};
static void on_add(tp_actor *self, struct counter *counter, const add *msg) {
    (void)self;
    counter->n += msg->n;
}
static void on_get(tp_actor *self, struct counter *counter, const get *msg) {
    (void)msg;
    tp_send(self, tp_sender(self), total, .n = counter->n);
}
TP_BEHAVIOR(counter_behavior, "counter", struct counter, TP_ON(add, on_add), TP_ON(get, on_get));

TP_TEST(sim, dispatch_expect_and_disallow) {
    tp_sim *sim;
    total sum;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &(tp_sim_options){.seed = 7}), TP_OK);
    tp_pid counter = tp_sim_spawn(sim, &counter_behavior);
    tp_sim_send(sim, counter, add, .n = 2);
    tp_sim_send(sim, counter, get);
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, counter, &sum, total), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_sim_dispatch(sim, counter), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_dispatch(sim, counter), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_dispatch(sim, counter), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, counter, &(add){0}, add), TP_ETYPE);
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, counter, &sum, total), TP_OK);
    TP_ASSERT_EQ_INT(sum.n, 2);
    TP_ASSERT_EQ_INT(tp_sim_waiting(sim), 0);
    tp_sim_free(sim);
}

static void works(tp_actor *self, void *arg) {
    (void)arg;
    tp_work(self, TP_SECONDS(1));
}
static void sleeps(tp_actor *self, void *arg) {
    (void)arg;
    tp_sleep(self, TP_SECONDS(1));
}
static tp_duration span_of(unsigned workers, tp_body body, const tp_spawn_options *options) {
    tp_sim *sim;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &(tp_sim_options){.workers = workers}), TP_OK);
    tp_sim_spawn_body(sim, body, NULL, options);
    tp_sim_spawn_body(sim, body, NULL, options);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    tp_duration span = tp_sim_now(sim);
    tp_sim_free(sim);
    return span;
}
TP_TEST(sim, work_occupies_a_worker_and_sleep_frees_it) {
    tp_spawn_options pinned = {.workers = 2};
    TP_ASSERT_EQ_INT(span_of(1, works, NULL), TP_SECONDS(2));
    TP_ASSERT_EQ_INT(span_of(2, works, NULL), TP_SECONDS(1));
    TP_ASSERT_EQ_INT(span_of(1, sleeps, NULL), TP_SECONDS(1));
    TP_ASSERT_EQ_INT(span_of(2, works, &pinned), TP_SECONDS(2)); /* both on worker 1 */
}

static void ticker(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 3; i++) tp_sleep(self, TP_MS(100));
}
TP_TEST(sim, time_advances_as_told_and_timers_are_exact) {
    tp_sim *sim;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, NULL), TP_OK);
    tp_pid pid = tp_sim_spawn_body(sim, ticker, NULL, NULL);
    tp_sim_monitor(sim, pid);
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(299)), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_waiting(sim), 0);
    TP_ASSERT_EQ_INT(tp_sim_now(sim), TP_MS(299));
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(1)), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_waiting(sim), 1);
    tp_sim_free(sim);
}

static void chatter(tp_actor *self, void *arg) {
    tp_pid *peers = arg;
    add msg;
    for (int i = 0; i < 20; i++) {
        tp_send(self, peers[tp_random(self) % 4], add, .n = i);
        if (tp_random(self) % 3 == 0) tp_sleep(self, TP_US((int64_t)(tp_random(self) % 50)));
        (void)tp_receive(self, 0, &msg, add);
    }
}
static uint64_t hash_of(uint64_t seed, tp_sim_choice choice) {
    tp_sim *sim;
    tp_pid peers[4];
    TP_ASSERT_EQ_INT(
        tp_sim_new(&sim, &(tp_sim_options){.seed = seed, .choice = choice, .workers = 2}), TP_OK);
    for (int i = 0; i < 4; i++) peers[i] = tp_sim_spawn_body(sim, chatter, peers, NULL);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    uint64_t hash = tp_sim_trace_hash(sim);
    tp_sim_free(sim);
    return hash;
}
TP_TEST(sim, the_same_seed_gives_the_same_run) {
    for (int choice = TP_SIM_UNIFORM; choice <= TP_SIM_PCT; choice++) {
        int different = 0;
        for (uint64_t seed = 0; seed < 100; seed++) {
            uint64_t hash = hash_of(seed, (tp_sim_choice)choice);
            TP_ASSERT(hash == hash_of(seed, (tp_sim_choice)choice));
            different += hash != hash_of(seed + 1000, (tp_sim_choice)choice);
        }
        TP_ASSERT_EQ_INT(different, 100);
    }
}

static void forever(tp_actor *self, void *arg) {
    (void)arg;
    for (;;) tp_yield(self);
}
TP_TEST(sim, endless_runs_are_ended_and_blocked_actors_freed) {
    tp_sim *sim;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &(tp_sim_options){.steps_max = 1000}), TP_OK);
    tp_sim_spawn_body(sim, forever, NULL, NULL);
    tp_sim_spawn_body(sim, sleeps, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_ETIMEDOUT);
    tp_sim_free(sim);
}

static void asks_for_a_socket(tp_actor *self, void *arg) {
    tp_socket socket;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_listen(self, "tcp://127.0.0.1:0", &socket), TP_ENOTSUP);
}
TP_TEST(sim, sockets_say_that_they_are_not_simulated) {
    tp_sim *sim;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, NULL), TP_OK);
    tp_sim_spawn_body(sim, asks_for_a_socket, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    tp_sim_free(sim);
}

static const char *fails_at_five(tp_sim *sim, void *arg) {
    (void)arg;
    tp_pid counter = tp_sim_spawn(sim, &counter_behavior);
    tp_sim_send(sim, counter, add, .n = 1);
    (void)tp_sim_run(sim);
    return ++*(int *)arg == 5 ? "planted" : NULL;
}
TP_TEST(sim, a_failing_seed_is_named) {
    uint64_t failed = 0;
    int count = 0;
    TP_ASSERT_EQ_INT(tp_sim_seeds(10, 20, NULL, fails_at_five, &count, &failed), TP_EINVAL);
    TP_ASSERT_EQ_INT(failed, 14);
}
