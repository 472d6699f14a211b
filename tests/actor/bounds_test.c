/*
 * Mailbox bounds: every policy, counted; and no sender is left waiting.
 */
#include "tests/actor/actor_test.h"

struct slow_sink {
    int64_t count;
    int64_t sum;
    int64_t first;
};
static void on_number(tp_actor *self, struct slow_sink *sink, const number *msg) {
    (void)self;
    if (sink->count == 0) sink->first = msg->n;
    sink->count++;
    sink->sum += msg->n;
}
static void on_ask(tp_actor *self, struct slow_sink *sink, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = sink->count);
}
TP_MESSAGE(first)
static void on_first(tp_actor *self, struct slow_sink *sink, const first *msg) {
    (void)msg;
    tp_reply(self, answer, .n = sink->first);
}
/* A sink holds its first message, and what comes meanwhile fills its mailbox, until it is let
 * go. */
static bool holds, let_go;

static bool seen(const bool *flag) {
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}
static void say(bool *flag, bool value) {
    __atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
}
static void on_word(tp_actor *self, struct slow_sink *sink, const word *msg) {
    (void)sink, (void)msg;
    say(&holds, true);
    while (!seen(&let_go)) tp_sleep(self, TP_MS(1));
}
TP_BEHAVIOR(sink_behavior, "sink", struct slow_sink, TP_ON(number, on_number), TP_ON(ask, on_ask),
            TP_ON(first, on_first), TP_ON(word, on_word));

static tp_pid blocked_sink(tp_actor *self, tp_overflow overflow, uint32_t limit) {
    tp_spawn_options options = {.overflow = overflow, .mailbox_limit = limit};
    tp_pid sink = tp_spawn_with(self, &sink_behavior, &options);
    say(&holds, false);
    say(&let_go, false);
    tp_send(self, sink, word, .text = TP_STR("hold"));
    while (!seen(&holds)) tp_sleep(self, TP_MS(1));
    return sink;
}
static int64_t count_of(tp_actor *self, tp_pid sink) {
    answer got;
    while (tp_call(self, sink, SOON, &got, answer, ask) == TP_EFULL) tp_sleep(self, TP_MS(1));
    return got.n;
}

static void fail_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid sink = blocked_sink(self, TP_OVERFLOW_FAIL, 10);
    int accepted = 0, refused = 0;
    for (int i = 0; i < 50; i++) {
        tp_err err = tp_send(self, sink, number, .n = i);
        TP_ASSERT(err == TP_OK || err == TP_EFULL);
        if (err == TP_OK) accepted++;
        else refused++;
    }
    TP_ASSERT_EQ_INT(accepted, 10);
    TP_ASSERT_EQ_INT(refused, 40);
    say(&let_go, true);
    TP_ASSERT_EQ_INT(count_of(self, sink), 10);
}
TP_TEST(bounds, fail_refuses_the_one_too_many) {
    run_everywhere(fail_body, NULL);
}

static void newest_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_counters counters;
    tp_pid sink = blocked_sink(self, TP_OVERFLOW_DROP_NEWEST, 10);
    for (int i = 0; i < 50; i++) TP_ASSERT_EQ_INT(tp_send(self, sink, number, .n = i), TP_OK);
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.dropped, 40);
    say(&let_go, true);
    TP_ASSERT_EQ_INT(count_of(self, sink), 10);
}
TP_TEST(bounds, drop_newest_counts_what_it_drops) {
    run_everywhere(newest_body, NULL);
}

static void oldest_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid sink = blocked_sink(self, TP_OVERFLOW_DROP_OLDEST, 10);
    for (int i = 0; i < 15; i++) tp_send(self, sink, number, .n = i);
    say(&let_go, true);
    TP_ASSERT(count_of(self, sink) <= 10);
    TP_ASSERT_EQ_INT(tp_call(self, sink, SOON, &got, answer, first), TP_OK);
    TP_ASSERT(got.n >= 4); /* the oldest are the ones that went */
}
TP_TEST(bounds, drop_oldest_keeps_the_newest) {
    run_everywhere(oldest_body, NULL);
}

static void exit_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_pid sink = blocked_sink(self, TP_OVERFLOW_EXIT, 10);
    tp_ref ref = tp_monitor(self, sink);
    for (int i = 0; i < 20; i++) tp_send(self, sink, number, .n = i);
    say(&let_go, true);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.ref, ref);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_OVERFLOW);
}
TP_TEST(bounds, exit_ends_the_receiver) {
    run_everywhere(exit_body, NULL);
}

#define FLOOD 20000
static void flooder(tp_actor *self, void *arg) {
    tp_pid to = *(tp_pid *)arg;
    for (int i = 0; i < FLOOD; i++) TP_ASSERT_EQ_INT(tp_send(self, to, number, .n = 1), TP_OK);
}
static void suspend_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref ref;
    tp_counters counters;
    tp_pid sink = tp_spawn(self, &sink_behavior);
    tp_spawn_options options = {.monitor = &ref};
    for (int i = 0; i < 8; i++) tp_spawn_body(self, flooder, &sink, &options);
    for (int i = 0; i < 8; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(count_of(self, sink), 8 * FLOOD);
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT(counters.suspensions > 0);
    TP_ASSERT_EQ_INT(counters.dropped, 0);
}
TP_TEST(bounds, suspended_senders_lose_nothing) {
    run_everywhere(suspend_body, NULL);
}

static void victim(tp_actor *self, void *arg) {
    word msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, word); /* never takes numbers: releases who waits */
    tp_sleep(self, TP_MS(5));
}
static void unaccepting_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref flooding, dying;
    tp_spawn_options watch_victim = {.monitor = &dying, .mailbox_limit = FLOOD / 8},
                     watch_flooder = {.monitor = &flooding};
    tp_pid pid = tp_spawn_body(self, victim, NULL, &watch_victim);
    tp_spawn_body(self, flooder, &pid, &watch_flooder);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.ref, flooding);
    tp_send(self, pid, word, .text = TP_STR("end"));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
    pid = tp_spawn_body(self, victim, NULL, NULL);
    tp_spawn_body(self, flooder, &pid, &watch_flooder);
    tp_kill(self, pid); /* a receiver that dies releases them too */
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
}
TP_TEST(bounds, receivers_that_wait_or_die_release_their_senders) {
    run_everywhere(unaccepting_body, NULL);
}

/* What a receive refuses is outside the bound, so that what it waits for gets in; but has a cap. */
#define REFUSES_LIMIT 200
static void fills_with_refused(tp_actor *self, void *arg) {
    tp_spawn_options options = *(tp_spawn_options *)arg;
    tp_down down;
    tp_ref dying;
    options.monitor = &dying;
    options.mailbox_limit = REFUSES_LIMIT;
    for (int over = 0; over < 2; over++) {
        tp_pid pid = tp_spawn_body(self, victim, NULL, &options);
        for (int i = 0; i < REFUSES_LIMIT * 8 + over; i++) {
            while (tp_send(self, pid, number, .n = i) == TP_EFULL) tp_yield(self);
            tp_sleep(self, TP_US(1)); /* lets it refuse */
        }
        if (!over) {
            tp_err err;
            while ((err = tp_send(self, pid, word, .text = TP_STR("end"))) == TP_EFULL)
                tp_yield(self);
            TP_ASSERT_EQ_INT(err, TP_OK);
        }
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(down.code, over ? TP_EXIT_OVERFLOW : TP_EXIT_NORMAL);
    }
}
TP_TEST(bounds, refused_messages_are_outside_the_bound_and_have_a_cap) {
    tp_spawn_options fails = {.overflow = TP_OVERFLOW_FAIL}, suspends = {0};
    run_everywhere(fills_with_refused, &fails);
    run_everywhere(fills_with_refused, &suspends);
}

static void mutual(tp_actor *self, void *arg) {
    tp_pid other;
    tell msg;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, tell), TP_OK);
    other = msg.who;
    for (int i = 0; i < 5000; i++) tp_send(self, other, number, .n = i);
    for (int i = 0; i < 5000; i++) {
        number got;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    }
}
static void mutual_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    tp_pid a = tp_spawn_body(self, mutual, NULL, &options),
           b = tp_spawn_body(self, mutual, NULL, &options);
    tp_send(self, a, tell, .who = b);
    tp_send(self, b, tell, .who = a);
    for (int i = 0; i < 2; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
    }
}
TP_TEST(bounds, two_that_flood_each_other_go_on) {
    run_everywhere(mutual_body, NULL);
}
