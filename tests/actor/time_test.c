/*
 * Timers, sleeping, timeouts; and turns: nobody waits for ever behind somebody else.
 */
#include <time.h>

#include "tests/actor/actor_test.h"

/* ---- messages that come later ---- */

static void after_body(tp_actor *self, void *arg) {
    number got;
    (void)arg;
    tp_time start = tp_now(self);
    static const int delays[] = {5, 1, 3, 0, 4, 2};
    for (int i = 0; i < 6; i++)
        TP_ASSERT(tp_send_after(self, TP_MS(delays[i]), tp_self(self), number, .n = delays[i]) !=
                  0);
    for (int64_t i = 0; i < 6; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
        TP_ASSERT(tp_now(self) - start >= TP_MS(i)); /* never early */
    }
    TP_ASSERT(tp_send_after(self, -5, tp_self(self), number, .n = 9) != 0);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    TP_ASSERT(tp_send_after(self, TP_FOREVER, tp_self(self), number, .n = 9) != 0);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(2), &got, number), TP_ETIMEDOUT);
}
TP_TEST(time, messages_come_in_the_order_of_their_time) {
    run_everywhere(after_body, NULL);
}

static void cancel_body(tp_actor *self, void *arg) {
    number got;
    (void)arg;
    tp_ref refs[100];
    for (int i = 0; i < 100; i++)
        refs[i] = tp_send_after(self, TP_US(20 * i), tp_self(self), number, .n = i);
    int cancelled = 0, came = 0;
    for (int i = 99; i >= 0; i -= 2) cancelled += tp_cancel_timer(self, refs[i]);
    while (came < 100 - cancelled) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        came++;
        TP_ASSERT(!tp_cancel_timer(self, refs[got.n])); /* it is here */
    }
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(3), &got, number), TP_ETIMEDOUT);
    for (int i = 0; i < 100; i++) TP_ASSERT(!tp_cancel_timer(self, refs[i]));
}
TP_TEST(time, cancelled_ones_never_come) {
    run_everywhere(cancel_body, NULL);
}

TP_MESSAGE(took, TP_FIELD(i64, ns))

/* Its timers are due long after its end: one that came would have outlived its actor. */
static void arms_for_another(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    tp_time begin = tp_now(self);
    for (int i = 0; i < 50; i++) tp_send_after(self, TP_MS(60), boss, number, .n = i);
    tp_send_after(self, 0, boss, answer, .n = 1);
    tp_sleep(self, TP_US(500));
    tp_send(self, boss, took, .ns = tp_now(self) - begin);
}
static void ends_body(tp_actor *self, void *arg) {
    tp_pid me = tp_self(self);
    number got;
    answer first;
    took how_long;
    tp_ref ref;
    tp_down down;
    (void)arg;
    tp_spawn_options options = {.monitor = &ref};
    tp_spawn_body(self, arms_for_another, &me, &options);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &first, answer), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &how_long, took), TP_OK);
    int came = 0;
    while (tp_receive(self, TP_MS(70), &got, number) == TP_OK) came++;
    /* a machine that held it up past its timers' time proves nothing */
    TP_ASSERT(came == 0 || how_long.ns >= TP_MS(50));
    tp_ref timer = tp_send_after(self, TP_US(1), down.from, number, .n = 1); /* to the dead */
    TP_ASSERT(timer != 0);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT(!tp_cancel_timer(self, timer));
}
TP_TEST(time, timers_end_with_their_actor) {
    run_everywhere(ends_body, NULL);
}

static void many_body(tp_actor *self, void *arg) {
    number got;
    (void)arg;
    for (int round = 0; round < 20; round++) { /* fired records are swept, not collected for ever */
        for (int i = 0; i < 500; i++)
            TP_ASSERT(tp_send_after(self, TP_US(i % 50), tp_self(self), number, .n = i) != 0);
        for (int i = 0; i < 500; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    }
}
TP_TEST(time, ten_thousand_timers) {
    run_everywhere(many_body, NULL);
}

/* ---- sleeping and deadlines ---- */

static void sleep_body(tp_actor *self, void *arg) {
    number got;
    answer reply;
    (void)arg;
    static const tp_duration spans[] = {TP_US(1), TP_US(100), TP_MS(1), TP_MS(3)};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        tp_time start = tp_now(self);
        TP_ASSERT_EQ_INT(tp_sleep(self, spans[i]), TP_OK);
        TP_ASSERT(tp_now(self) - start >= spans[i]);
        start = tp_now(self);
        TP_ASSERT_EQ_INT(tp_receive(self, spans[i], &got, number), TP_ETIMEDOUT);
        TP_ASSERT(tp_now(self) - start >= spans[i]);
        start = tp_now(self);
        tp_work(self, spans[i]);
        TP_ASSERT(tp_now(self) - start >= spans[i]);
    }
    TP_ASSERT_EQ_INT(tp_sleep(self, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_sleep(self, -1), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, -1, &got, number), TP_ETIMEDOUT);
    tp_send(self, tp_self(self), number, .n = 4);
    TP_ASSERT_EQ_INT(tp_receive(self, -1, &got, number), TP_OK); /* it looks, at least */
    (void)reply;
}
TP_TEST(time, sleeps_are_never_short) {
    run_everywhere(sleep_body, NULL);
}

/* ---- the timeout of a behaviour ---- */

TP_MESSAGE(set_timeout, TP_FIELD(i64, us))
struct patient {
    tp_pid boss;
    int64_t fired;
    bool again;
};
static void on_set(tp_actor *self, struct patient *patient, const set_timeout *msg) {
    patient->boss = tp_sender(self);
    TP_ASSERT_EQ_INT(tp_set_timeout(self, msg->us < 0 ? TP_FOREVER : TP_US(msg->us)), TP_OK);
}
static void on_number(tp_actor *self, struct patient *patient, const number *msg) {
    (void)self;
    patient->again = msg->n != 0;
}
static void on_ask(tp_actor *self, struct patient *patient, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = patient->fired);
}
static void on_fired(tp_actor *self, struct patient *patient) {
    patient->fired++;
    if (patient->again && patient->fired < 5) tp_set_timeout(self, TP_US(100));
    else tp_send(self, patient->boss, number, .n = patient->fired);
}
TP_BEHAVIOR(patient_behavior, "patient", struct patient, TP_ON(set_timeout, on_set),
            TP_ON(number, on_number), TP_ON(ask, on_ask), TP_TIMEOUT(on_fired));

static void timeout_body(tp_actor *self, void *arg) {
    number got;
    answer count;
    (void)arg;
    tp_pid patient = tp_spawn(self, &patient_behavior);
    tp_send(self, patient, set_timeout, .us = 500);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 1);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(3), &got, number), TP_ETIMEDOUT); /* once */
    tp_send(self, patient, set_timeout, .us = 1000000);
    tp_send(self, patient, number, .n = 1); /* any message cancels it */
    tp_send(self, patient, set_timeout, .us = 1000000);
    tp_send(self, patient, set_timeout, .us = -1);
    TP_ASSERT_EQ_INT(tp_call(self, patient, SOON, &count, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(count.n, 1);
    tp_send(self, patient, set_timeout, .us = 0); /* set again from within: five in all */
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 5);
    TP_ASSERT_EQ_INT(tp_set_timeout(self, TP_MS(1)), TP_EINVAL); /* a body has no slot for it */
}
TP_TEST(time, behaviours_time_out) {
    run_everywhere(timeout_body, NULL);
}

static void race_body(tp_actor *self, void *arg) {
    number got;
    answer count;
    (void)arg;
    tp_pid patient = tp_spawn(self, &patient_behavior);
    int64_t fired = 0;
    for (int i = 0; i < 200; i++) { /* the timeout and a message at about the same moment */
        tp_send(self, patient, set_timeout, .us = 50);
        tp_sleep(self, TP_US(40 + i % 30));
        TP_ASSERT_EQ_INT(tp_call(self, patient, SOON, &count, answer, ask), TP_OK);
        while (tp_receive(self, 0, &got, number) == TP_OK) fired++;
        TP_ASSERT(count.n - fired >= 0 && count.n - fired <= 1);
    }
}
TP_TEST(time, a_timeout_races_a_message) {
    run_everywhere(race_body, NULL);
}

/* ---- turns ---- */

struct loop {
    int64_t turns;
    tp_pid partner;
};
static void loop_number(tp_actor *self, struct loop *loop, const number *msg) {
    (void)msg;
    loop->turns++;
    tp_send(self, tp_self(self), number, .n = 0);
}
TP_BEHAVIOR(loop_behavior, "loop", struct loop, TP_ON(number, loop_number));
static void echo_tell(tp_actor *self, struct loop *loop, const tell *msg) {
    loop->partner = msg->who;
    tp_send(self, loop->partner, number, .n = 0);
}
static void echo_number(tp_actor *self, struct loop *loop, const number *msg) {
    loop->turns++;
    tp_send(self, tp_sender(self), number, .n = msg->n + 1);
}
TP_BEHAVIOR(echo_behavior, "echo", struct loop, TP_ON(tell, echo_tell), TP_ON(number, echo_number));
static void yielder(tp_actor *self, void *arg) {
    (void)arg;
    for (;;) tp_yield(self);
}

/* Those that never end their work share the workers with one that wants a turn now and then. */
static void greedy_body(tp_actor *self, void *arg) {
    tp_priority priority = *(tp_priority *)arg;
    tp_pid pids[20];
    int count = 0;
    for (int i = 0; i < 4; i++) {
        pids[count++] = tp_spawn(self, &loop_behavior);
        tp_send(self, pids[count - 1], number, .n = 0);
        pids[count++] = tp_spawn_body(self, yielder, NULL, NULL);
        pids[count++] = tp_spawn(self, &echo_behavior); /* a pair that keeps waking each other */
        pids[count++] = tp_spawn(self, &echo_behavior);
        tp_pid forward = pids[count - 1];
        (void)forward;
    }
    for (int i = 2; i < count;
         i += 4) { /* let the pairs talk: the first message names the partner */
        tp_spawn_options low = {.priority = priority};
        (void)low;
        tp_send(self, pids[i], number, .n = 0);
    }
    answer got;
    tp_spawn_options options = {.priority = priority};
    tp_pid server = tp_spawn_with(self, &patient_behavior, &options);
    for (int i = 0; i < 200; i++)
        TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, ask), TP_OK);
    for (int i = 0; i < 5; i++) TP_ASSERT_EQ_INT(tp_sleep(self, TP_US(100)), TP_OK);
    for (int i = 0; i < count; i++) tp_kill(self, pids[i]);
}
TP_TEST(time, nobody_starves_behind_the_greedy) {
    static tp_priority priorities[] = {TP_PRIORITY_NORMAL, TP_PRIORITY_HIGH, TP_PRIORITY_LOW};
    for (int i = 0; i < 3; i++) run_everywhere(greedy_body, &priorities[i]);
}

/* One worker: high before normal before low, for actors that became ready together. */
static char turns[64];
static int turn_count;
static void take_turn(tp_actor *self, void *arg) {
    (void)self;
    turns[turn_count++] = *(char *)arg;
}
static void priority_body(tp_actor *self, void *arg) {
    static char high[] = "h", normal[] = "n", low[] = "l";
    (void)arg;
    turn_count = 0;
    tp_spawn_options is_high = {.priority = TP_PRIORITY_HIGH},
                     is_low = {.priority = TP_PRIORITY_LOW};
    for (int i = 0; i < 3; i++) tp_spawn_body(self, take_turn, low, &is_low);
    for (int i = 0; i < 3; i++) tp_spawn_body(self, take_turn, normal, NULL);
    for (int i = 0; i < 3; i++) tp_spawn_body(self, take_turn, high, &is_high);
    while (turn_count < 9) tp_yield(self);
    turns[9] = 0;
    int first_high = 9, last_high = -1, sum_normal = 0, sum_low = 0;
    for (int i = 0; i < 9; i++) {
        if (turns[i] == 'h') last_high = i;
        if (turns[i] == 'h' && first_high == 9) first_high = i;
        if (turns[i] == 'n') sum_normal += i;
        if (turns[i] == 'l') sum_low += i;
    }
    TP_ASSERT_MSG(last_high <= 3, "%s", turns); /* the one in the next slot may be first */
    TP_ASSERT_MSG(sum_normal < sum_low, "%s", turns);
}
TP_TEST(time, priorities_decide_who_is_first) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, priority_body, NULL), 0);
}

static void yield_body(tp_actor *self, void *arg) {
    (void)arg;
    static char names[3][2] = {"a", "b", "c"};
    turn_count = 0;
    for (int i = 0; i < 3; i++) tp_spawn_body(self, take_turn, names[i], NULL);
    tp_yield(self); /* all others had a turn when it returns */
    TP_ASSERT_EQ_INT(turn_count, 3);
}
TP_TEST(time, yield_lets_all_others_run) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, yield_body, NULL), 0);
}

/* ---- strategies ---- */

static void busy_body(tp_actor *self, void *arg) {
    answer got;
    (void)arg;
    tp_pid servers[50];
    tp_future futures[50];
    for (int i = 0; i < 50; i++) servers[i] = tp_spawn(self, &patient_behavior);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 50; i++) futures[i] = tp_request(self, servers[i], ask);
        TP_ASSERT_EQ_INT(tp_await_all(self, futures, 50, SOON), TP_OK);
        for (int i = 0; i < 50; i++)
            TP_ASSERT_EQ_INT(tp_await(self, futures[i], SOON, &got, answer), TP_OK);
    }
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_US(100)), TP_OK);
}
TP_TEST(time, every_strategy_runs_everything) {
    static const tp_strategy strategies[] = {TP_STRATEGY_STEAL, TP_STRATEGY_FIFO, TP_STRATEGY_LIFO};
    for (int i = 0; i < 3; i++) {
        for (unsigned workers = 1; workers <= 4; workers *= 2) {
            tp_options options = {.workers = workers, .strategy = strategies[i], .log_hook = quiet};
            TP_ASSERT_EQ_INT(tp_run_with(&options, busy_body, NULL), 0);
            TP_ASSERT_EQ_INT(tp_run_with(&options, greedy_body, &(tp_priority){TP_PRIORITY_NORMAL}),
                             0);
        }
    }
}

/* ---- where an actor runs ---- */

static _Atomic(uint64_t) seen_on; /* a bit a worker, of the actors watched */
static _Atomic(uint32_t) watched_slot;
static void where(void *context, const tp_trace_event *event) {
    (void)context;
    if (event->kind == TP_TRACE_RUN &&
        event->actor.slot == __atomic_load_n((uint32_t *)&watched_slot, __ATOMIC_RELAXED))
        __atomic_fetch_or((uint64_t *)&seen_on, (uint64_t)1 << (event->worker % 64),
                          __ATOMIC_RELAXED);
}
static void wanderer(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    for (int i = 0; i < 300; i++) {
        tp_yield(self);
        if (i % 50 == 0) tp_sleep(self, TP_US(20));
    }
    tp_send(self, boss, number, .n = 1);
}
static void pinned_body(tp_actor *self, void *arg) {
    unsigned workers = tp_runtime_workers(tp_self_runtime(self));
    number got;
    tp_pid me = tp_self(self);
    (void)arg;
    tp_runtime_trace(tp_self_runtime(self), where, NULL);
    tp_spawn_options nowhere = {.workers = (uint64_t)1 << workers};
    TP_ASSERT(workers == 64 || tp_pid_is_null(tp_spawn_body(self, wanderer, &me, &nowhere)));
    for (unsigned i = 0; i < workers; i++) {
        uint64_t mask = (uint64_t)1 << i | (uint64_t)1 << (workers - 1);
        tp_spawn_options options = {.workers = mask};
        __atomic_store_n((uint64_t *)&seen_on, 0, __ATOMIC_RELAXED);
        tp_pid pid = tp_spawn_body(self, wanderer, &me, &options);
        __atomic_store_n((uint32_t *)&watched_slot, pid.slot, __ATOMIC_RELAXED);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(__atomic_load_n((uint64_t *)&seen_on, __ATOMIC_RELAXED) & ~mask, 0);
    }
    tp_spawn_options own = {.dedicated_thread = true};
    __atomic_store_n((uint64_t *)&seen_on, 0, __ATOMIC_RELAXED);
    tp_pid pid = tp_spawn_body(self, wanderer, &me, &own);
    __atomic_store_n((uint32_t *)&watched_slot, pid.slot, __ATOMIC_RELAXED);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    uint64_t mine = __atomic_load_n((uint64_t *)&seen_on, __ATOMIC_RELAXED);
    TP_ASSERT_EQ_INT(mine & (((uint64_t)1 << workers) - 1), 0);
    tp_runtime_trace(tp_self_runtime(self), NULL, NULL);
}
TP_TEST(time, pinned_actors_stay_where_they_may) {
    run_everywhere(pinned_body, NULL);
}

static void blocks_its_thread(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    nanosleep(&(struct timespec){.tv_nsec = 20000000},
              NULL); /* a blocking call, on a thread of its own */
    tp_send(self, boss, number, .n = 1);
}
static void dedicated_body(tp_actor *self, void *arg) {
    answer got;
    number done;
    tp_pid me = tp_self(self);
    tp_counters counters;
    (void)arg;
    tp_spawn_options own = {.dedicated_thread = true};
    tp_pid server = tp_spawn(self, &patient_behavior), pids[100];
    int count = 0, refused = 0;
    for (int i = 0; i < 3; i++)
        TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, blocks_its_thread, &me, &own)));
    for (int i = 0; i < 1000; i++) {
        TP_ASSERT_EQ_INT(tp_call(self, server, SOON, &got, answer, ask), TP_OK);
        if (i % 100 == 0) tp_runtime_counters(tp_self_runtime(self), &counters);
    }
    for (int i = 0; i < 3; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &done, number), TP_OK);
    /* there are 64 such threads, used again and again */
    for (int i = 0; i < 70; i++) {
        tp_pid pid = tp_spawn_body(self, yielder, NULL, &own);
        if (!tp_pid_is_null(pid)) pids[count++] = pid;
        else refused += tp_error(self) == TP_ENOMEM;
    }
    TP_ASSERT(count >= 60 && count + refused == 70);
    for (int i = 0; i < count; i++) tp_kill(self, pids[i]);
    for (int i = 0; i < count; i++)
        while (tp_alive(tp_self_runtime(self), pids[i])) tp_sleep(self, TP_US(100));
    tp_spawn_body(self, blocks_its_thread, &me, &own);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &done, number), TP_OK);
}
TP_TEST(time, a_thread_of_ones_own_may_block) {
    static const unsigned workers[] = {1, 2};
    for (int i = 0; i < 2; i++) {
        tp_options options = {.workers = workers[i], .max_actors = 1u << 16, .log_hook = quiet};
        TP_ASSERT_EQ_INT(tp_run_with(&options, dedicated_body, NULL), 0);
    }
}
