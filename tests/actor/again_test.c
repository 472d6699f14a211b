/*
 * What comes again: postponed messages retried within a retry, timers whose places are used again,
 * waits that leave nothing behind.
 */
#include "tests/actor/actor_test.h"

/* ---- postponed, retried, postponed and retried again ---- */

struct retrier {
    int64_t seen[8];
    int count;
    bool ready;
    bool again;
};
static void retrier_number(tp_actor *self, struct retrier *state, const number *msg) {
    if (!state->ready) {
        tp_postpone(self);
        return;
    }
    if (msg->n == 1 && !state->again) { /* in the middle of the retry */
        state->again = true;
        tp_postpone(self);
        tp_retry_postponed(self);
        return;
    }
    state->seen[state->count++] = msg->n;
}
static void retrier_word(tp_actor *self, struct retrier *state, const word *msg) {
    (void)msg;
    state->ready = true;
    tp_retry_postponed(self);
}
static void retrier_ask(tp_actor *self, struct retrier *state, const ask *msg) {
    int64_t order = 0;
    (void)msg;
    for (int i = 0; i < state->count; i++) order = order * 10 + state->seen[i];
    tp_reply(self, answer, .n = order);
}
TP_BEHAVIOR(retrier_behavior, "retrier", struct retrier, TP_ON(number, retrier_number),
            TP_ON(word, retrier_word), TP_ON(ask, retrier_ask));

static void retries(tp_actor *self, void *arg) {
    answer got;
    (void)arg;
    tp_pid pid = tp_spawn(self, &retrier_behavior);
    for (int64_t n = 1; n <= 3; n++) tp_send(self, pid, number, .n = n);
    tp_send(self, pid, word, .text = TP_STR("now"));
    tp_send(self, pid, number, .n = 4);
    TP_ASSERT_EQ_INT(tp_call(self, pid, SOON, &got, answer, ask), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 1234); /* the oldest first, as gen_statem has it */
}
TP_TEST(again, a_retry_within_a_retry_keeps_the_order) {
    run_everywhere(retries, NULL);
}

/* ---- references of timers ---- */

static void cancels_stale_timers(tp_actor *self, void *arg) {
    tp_ref first[40], second[40];
    number got;
    (void)arg;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++) {
            first[i] = tp_send_after(self, TP_SECONDS(100), tp_self(self), number, .n = i);
            TP_ASSERT(first[i] != 0);
        }
        for (int i = 0; i < 40; i++) TP_ASSERT(tp_cancel_timer(self, first[i]));
        for (int i = 0; i < 40; i++) /* the same places */
            second[i] = tp_send_after(self, TP_SECONDS(100), tp_self(self), number, .n = i);
        for (int i = 0; i < 40; i++) TP_ASSERT(!tp_cancel_timer(self, first[i]));
        for (int i = 0; i < 40; i++) TP_ASSERT(tp_cancel_timer(self, second[i]));
    }
    static const tp_ref nonsense[] = {0,          1,          41,
                                      UINT32_MAX, UINT64_MAX, (tp_ref)1 << 63,
                                      7777777777, 1u << 20,   (tp_ref)1 << 63 | 1};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
        TP_ASSERT(!tp_cancel_timer(self, nonsense[i]));
    tp_ref due = tp_send_after(self, 0, tp_self(self), number, .n = 1);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    TP_ASSERT(!tp_cancel_timer(self, due));
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_ETIMEDOUT);
}
TP_TEST(again, a_stale_or_foreign_reference_cancels_no_timer) {
    run_everywhere(cancels_stale_timers, NULL);
}

/* Timers to others: their places come back, though nobody cancels them. */
static void sends_late_to_others(tp_actor *self, void *arg) {
    tp_counters before, after;
    (void)arg;
    tp_pid other = tp_spawn(self, &retrier_behavior);
    tp_send(self, other, word, .text = TP_STR("now"));
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 100; i++) (void)tp_send_after(self, 0, other, word, .text = {0});
        answer got;
        tp_sleep(self, TP_US(50));
        TP_ASSERT_EQ_INT(tp_call(self, other, SOON, &got, answer, ask), TP_OK);
        if (round == 20) tp_runtime_counters(tp_self_runtime(self), &before);
    }
    tp_runtime_counters(tp_self_runtime(self), &after);
    TP_ASSERT(after.memory <= before.memory + before.memory / 4);
}
TP_TEST(again, timers_to_others_do_not_pile_up) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER};
    TP_ASSERT_EQ_INT(tp_run_with(&options, sends_late_to_others, NULL), 0);
}

/* ---- waits ---- */

static void sleeps_often(tp_actor *self, void *arg) {
    tp_counters before, after;
    (void)arg;
    tp_send(self, tp_self(self), number, .n = 1); /* one message that is never received */
    for (int i = 0; i < TP_SCALED(5000); i++) {
        tp_sleep(self, TP_US(1));
        if (i == TP_SCALED(1000)) tp_runtime_counters(tp_self_runtime(self), &before);
    }
    tp_runtime_counters(tp_self_runtime(self), &after);
    TP_ASSERT_EQ_INT(after.memory, before.memory);
}
TP_TEST(again, sleeping_leaves_nothing_behind) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER};
    TP_ASSERT_EQ_INT(tp_run_with(&options, sleeps_often, NULL), 0);
}
static void handler_sleeps(tp_actor *self, struct retrier *state, const number *msg) {
    (void)state, (void)msg;
    sleeps_often(self, NULL);
    tp_runtime_request_stop(tp_self_runtime(self));
}
TP_BEHAVIOR(sleeper_behavior, "sleeper", struct retrier, TP_ON(number, handler_sleeps));
static void spawns_sleeper(tp_actor *self, void *arg) {
    (void)arg;
    tp_send(self, tp_spawn(self, &sleeper_behavior), number, .n = 0);
    tp_sleep(self, TP_SECONDS(1000));
}
TP_TEST(again, a_handler_that_sleeps_leaves_nothing_behind) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, spawns_sleeper, NULL), 0);
}

/* ---- a worker with long slices ---- */

static void sleeps_beside_work(tp_actor *self, void *arg) {
    tp_duration *slept = arg;
    tp_time begin = tp_now(self);
    tp_sleep(self, TP_MS(5));
    *slept = tp_now(self) - begin;
}
static void sleeps_long(tp_actor *self, void *arg) {
    (void)arg;
    tp_sleep(self, TP_SECONDS(1000));
}
static void works_in_long_slices(tp_actor *self, void *arg) {
    tp_duration slept = 0;
    tp_counters counters;
    (void)arg;
    tp_spawn_body(self, sleeps_beside_work, &slept, NULL);
    int slices = 0;
    for (; slices < 1000 && slept == 0; slices++) {
        tp_work(self, TP_MS(2));
        tp_yield(self);
    }
    TP_ASSERT_MSG(slices < 20, "the timer waited for %d slices of 2 ms", slices); /* 3 are due */
    for (int i = 0; i < 10; i++) tp_spawn_body(self, sleeps_long, NULL, NULL);
    for (int i = 0; i < 3; i++) tp_yield(self);
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.fibers, 10); /* blocked; the one that asks is not */
}
TP_TEST(again, a_timer_does_not_wait_for_many_long_slices) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, works_in_long_slices, NULL), 0);
}
