/*
 * Actors that keep their worker, by computing or by blocking its thread: nobody else waits for
 * them. On real threads: what is decided here is that something happens at all, within 20 s.
 */
#include <sched.h>
#include <unistd.h>

#include <troupe/inbox.h>

#include "tests/actor/actor_test.h"

TP_MESSAGE(spin, TP_FIELD(u64, gate), TP_FIELD(pid, partner), TP_FIELD(u64, how))
TP_MESSAGE(block, TP_FIELD(i64, descriptor))

enum how {
    QUIETLY,   /* computes and calls nothing */
    TALKING,   /* sends to its partner again and again */
    WITH_TIMER /* has armed a timer for its partner */
};

#define GATES 8
static struct gate { bool reached, open; } gates[GATES];

static void shut(void) {
    for (int i = 0; i < GATES; i++) {
        __atomic_store_n(&gates[i].reached, false, __ATOMIC_SEQ_CST);
        __atomic_store_n(&gates[i].open, false, __ATOMIC_SEQ_CST);
    }
}

/* ---- who gets stuck ---- */

struct hog {
    int64_t sent;
};

static void on_spin(tp_actor *self, struct hog *hog, const spin *msg) {
    struct gate *gate = &gates[msg->gate];
    if (!tp_pid_is_null(msg->partner)) {
        tp_send(self, msg->partner, number, .n = 1); /* becomes this worker's next */
        hog->sent++;
    }
    if (msg->how == WITH_TIMER) tp_send_after(self, TP_MS(1), msg->partner, number, .n = 1);
    __atomic_store_n(&gate->reached, true, __ATOMIC_SEQ_CST);
    for (unsigned turn = 0; !__atomic_load_n(&gate->open, __ATOMIC_SEQ_CST); turn++) {
        if (msg->how != TALKING || turn % 4096 != 0) continue;
        tp_send(self, msg->partner, number, .n = 1);
        hog->sent++;
    }
    tp_reply(self, answer, .n = hog->sent);
}
static void on_block(tp_actor *self, struct hog *hog, const block *msg) {
    char byte;
    (void)hog;
    __atomic_store_n(&gates[0].reached, true, __ATOMIC_SEQ_CST);
    ssize_t got = read((int)msg->descriptor, &byte, 1);
    tp_reply(self, answer, .n = got);
}
TP_BEHAVIOR(hog_behavior, "hog", struct hog, TP_ON(spin, on_spin), TP_ON(block, on_block));

struct adder {
    int64_t sum;
};
static void on_number(tp_actor *self, struct adder *adder, const number *msg) {
    (void)self;
    adder->sum += msg->n;
}
static void on_ask(tp_actor *self, struct adder *adder, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = adder->sum);
}
TP_BEHAVIOR(adder_behavior, "adder", struct adder, TP_ON(number, on_number), TP_ON(ask, on_ask));

/* ---- the scene ---- */

struct scene {
    tp_runtime *runtime;
    tp_inbox *inbox;
    tp_pid adder;
};

static struct scene begin(unsigned workers, uint32_t spares) {
    struct scene scene;
    /* a slice a message, so that who is stuck once is stuck anew each time */
    tp_options options = {
        .workers = workers, .spare_workers = spares, .message_budget = 1, .log_hook = quiet};
    shut();
    TP_ASSERT_EQ_INT(tp_runtime_start(&scene.runtime, &options), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(scene.runtime, &scene.inbox), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(scene.runtime, &scene.adder, &adder_behavior, NULL), TP_OK);
    return scene;
}

static void end(struct scene *scene) {
    tp_inbox_close(scene->inbox);
    tp_runtime_stop(scene->runtime);
}

static tp_pid hog_with(struct scene *scene, const tp_spawn_options *options) {
    tp_pid hog;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(scene->runtime, &hog, &hog_behavior, options), TP_OK);
    return hog;
}

static void reached(unsigned gate) {
    while (!__atomic_load_n(&gates[gate].reached, __ATOMIC_SEQ_CST)) sched_yield();
}

static void spin_at(struct scene *scene, tp_pid hog, unsigned gate, enum how how, tp_pid partner) {
    TP_ASSERT_EQ_INT(
        tp_inbox_send(scene->inbox, hog, spin, .gate = gate, .how = how, .partner = partner),
        TP_OK);
    reached(gate);
}

static int64_t sum(struct scene *scene) {
    answer got;
    tp_err err;
    do err = tp_inbox_call(scene->inbox, scene->adder, SOON, &got, answer, ask);
    while (err == TP_EFULL); /* it has been sent more than it has handled */
    TP_ASSERT_EQ_INT(err, TP_OK);
    return got.n;
}

static uint64_t stuck(struct scene *scene) {
    tp_counters counters;
    tp_runtime_counters(scene->runtime, &counters);
    return counters.stuck;
}

static void sum_becomes(struct scene *scene, int64_t wanted) {
    while (sum(scene) != wanted) sched_yield();
}

/* The hog has let go, and answers again. */
static int64_t comes_back(struct scene *scene, tp_pid hog, unsigned gate) {
    answer got;
    __atomic_store_n(&gates[gate].open, true, __ATOMIC_SEQ_CST);
    TP_ASSERT_EQ_INT(tp_inbox_call(scene->inbox, hog, SOON, &got, answer, spin, .gate = gate),
                     TP_OK);
    return got.n;
}

/* ---- the tests ---- */

TP_TEST(stuck, a_loop_on_the_only_worker_stops_nobody) {
    struct scene scene = begin(1, 0);
    tp_pid hog = hog_with(&scene, NULL);
    spin_at(&scene, hog, 0, QUIETLY, tp_pid_null());
    for (int i = 0; i < 100; i++) TP_ASSERT_EQ_INT(sum(&scene), 0);
    TP_ASSERT(stuck(&scene) >= 1);
    comes_back(&scene, hog, 0);
    TP_ASSERT_EQ_INT(sum(&scene), 0);
    end(&scene);
}

TP_TEST(stuck, a_blocking_read_stops_nobody) {
    struct scene scene = begin(1, 0);
    tp_pid hog = hog_with(&scene, NULL);
    int pipes[2];
    TP_ASSERT_EQ_INT(pipe(pipes), 0);
    TP_ASSERT_EQ_INT(tp_inbox_send(scene.inbox, hog, block, .descriptor = pipes[0]), TP_OK);
    reached(0);
    for (int i = 0; i < 100; i++) TP_ASSERT_EQ_INT(sum(&scene), 0);
    TP_ASSERT(stuck(&scene) >= 1);
    TP_ASSERT_EQ_INT(write(pipes[1], "x", 1), 1);
    comes_back(&scene, hog, 0);
    end(&scene);
    close(pipes[0]);
    close(pipes[1]);
}

TP_TEST(stuck, a_loop_and_a_read_on_both_workers_stop_nobody) {
    struct scene scene = begin(2, 0);
    tp_pid reader = hog_with(&scene, NULL), looper = hog_with(&scene, NULL);
    int pipes[2];
    TP_ASSERT_EQ_INT(pipe(pipes), 0);
    TP_ASSERT_EQ_INT(tp_inbox_send(scene.inbox, reader, block, .descriptor = pipes[0]), TP_OK);
    reached(0);
    spin_at(&scene, looper, 1, QUIETLY, scene.adder);
    sum_becomes(&scene, 1);
    for (int i = 0; i < 100; i++) TP_ASSERT_EQ_INT(sum(&scene), 1);
    TP_ASSERT(stuck(&scene) >= 2);
    TP_ASSERT_EQ_INT(write(pipes[1], "x", 1), 1);
    comes_back(&scene, looper, 1);
    comes_back(&scene, reader, 1);
    end(&scene);
    close(pipes[0]);
    close(pipes[1]);
}

TP_TEST(stuck, the_partner_just_woken_runs_elsewhere) {
    struct scene scene = begin(1, 0);
    tp_pid hog = hog_with(&scene, NULL);
    spin_at(&scene, hog, 0, QUIETLY, scene.adder);
    sum_becomes(&scene, 1);
    comes_back(&scene, hog, 0);
    end(&scene);
}

TP_TEST(stuck, its_timers_fire) {
    struct scene scene = begin(1, 0);
    tp_pid hog = hog_with(&scene, NULL);
    spin_at(&scene, hog, 0, WITH_TIMER, scene.adder);
    sum_becomes(&scene, 2);
    comes_back(&scene, hog, 0);
    end(&scene);
}

TP_TEST(stuck, what_it_sends_meanwhile_arrives) {
    struct scene scene = begin(2, 0);
    tp_pid hog = hog_with(&scene, NULL);
    spin_at(&scene, hog, 0, TALKING, scene.adder);
    while (sum(&scene) < TP_SCALED(20000) || stuck(&scene) == 0) sched_yield();
    int64_t sent = comes_back(&scene, hog, 0);
    sum_becomes(&scene, sent);
    end(&scene);
}

TP_TEST(stuck, it_comes_back_a_hundred_times) {
    struct scene scene = begin(1, 0);
    tp_pid hog = hog_with(&scene, NULL);
    for (int i = 1; i <= TP_SCALED(100); i++) {
        spin_at(&scene, hog, 0, QUIETLY, scene.adder);
        sum_becomes(&scene, i);
        TP_ASSERT_EQ_INT(comes_back(&scene, hog, 0), i);
        shut();
    }
    while (stuck(&scene) < (uint64_t)TP_SCALED(100)) sched_yield();
    end(&scene);
}

TP_TEST(stuck, beyond_the_cap_others_wait_until_one_comes_back) {
    struct scene scene = begin(1, 1);
    tp_pid first = hog_with(&scene, NULL), second = hog_with(&scene, NULL);
    answer got;
    spin_at(&scene, first, 0, QUIETLY, tp_pid_null());
    spin_at(&scene, second, 1, QUIETLY, tp_pid_null()); /* on the only spare */
    while (stuck(&scene) < 2) sched_yield();
    TP_ASSERT_EQ_INT(tp_inbox_call(scene.inbox, scene.adder, TP_MS(50), &got, answer, ask),
                     TP_ETIMEDOUT);
    comes_back(&scene, second, 1);
    TP_ASSERT_EQ_INT(sum(&scene), 0); /* by the spare: the worker is still stuck */
    comes_back(&scene, first, 0);
    TP_ASSERT_EQ_INT(sum(&scene), 0);
    end(&scene);
}

TP_TEST(stuck, many_at_once_are_all_replaced) {
    struct scene scene = begin(2, 8);
    tp_pid hogs[6];
    for (unsigned i = 0; i < 6; i++) {
        hogs[i] = hog_with(&scene, NULL);
        spin_at(&scene, hogs[i], i, QUIETLY, scene.adder);
    }
    sum_becomes(&scene, 6);
    for (unsigned i = 0; i < 6; i++) comes_back(&scene, hogs[i], i);
    end(&scene);
}

TP_TEST(stuck, what_may_run_on_another_worker_does) {
    struct scene scene = begin(2, 0);
    tp_pid hog = hog_with(&scene, &(tp_spawn_options){.workers = 1}), free_one, bound;
    answer got;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(scene.runtime, &free_one, &adder_behavior,
                                      &(tp_spawn_options){.workers = 3}),
                     TP_OK);
    TP_ASSERT_EQ_INT(
        tp_runtime_spawn(scene.runtime, &bound, &adder_behavior, &(tp_spawn_options){.workers = 1}),
        TP_OK);
    spin_at(&scene, hog, 0, QUIETLY, tp_pid_null());
    for (int i = 0; i < 10; i++)
        TP_ASSERT_EQ_INT(tp_inbox_call(scene.inbox, free_one, SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(scene.inbox, bound, TP_MS(50), &got, answer, ask), TP_ETIMEDOUT);
    comes_back(&scene, hog, 0);
    TP_ASSERT_EQ_INT(tp_inbox_call(scene.inbox, bound, SOON, &got, answer, ask), TP_OK);
    end(&scene);
}

TP_TEST(stuck, fifo_and_lifo_go_on_too) {
    for (tp_strategy strategy = TP_STRATEGY_FIFO; strategy <= TP_STRATEGY_LIFO; strategy++) {
        struct scene scene = {0};
        tp_options options = {.workers = 1, .strategy = strategy, .log_hook = quiet};
        shut();
        TP_ASSERT_EQ_INT(tp_runtime_start(&scene.runtime, &options), TP_OK);
        TP_ASSERT_EQ_INT(tp_inbox_open(scene.runtime, &scene.inbox), TP_OK);
        TP_ASSERT_EQ_INT(tp_runtime_spawn(scene.runtime, &scene.adder, &adder_behavior, NULL),
                         TP_OK);
        tp_pid hog = hog_with(&scene, NULL);
        spin_at(&scene, hog, 0, WITH_TIMER, scene.adder);
        sum_becomes(&scene, 2);
        comes_back(&scene, hog, 0);
        end(&scene);
    }
}

TP_TEST(stuck, options_out_of_range_are_refused) {
    tp_runtime *runtime;
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &(tp_options){.stuck_after = 1}), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &(tp_options){.stuck_after = -TP_MS(10)}),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &(tp_options){.stuck_report_after = -1}),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &(tp_options){.spare_workers = 65}), TP_EINVAL);
}
