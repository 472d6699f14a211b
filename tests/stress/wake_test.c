/*
 * Going to sleep and being woken: single messages to a runtime that is idle but for them, from
 * actors, threads and timers. A wake-up that is lost shows as a deadline that is over.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(ping, TP_FIELD(i64, n))
TP_MESSAGE(pong, TP_FIELD(i64, n))
TP_MESSAGE(deal, TP_FIELD(pid, to), TP_FIELD(i64, n))

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE 5
#else
#define SCALE 1
#endif
#define SOON TP_SECONDS(30)

static void silence(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}
static tp_options options_for(unsigned workers) {
    return (tp_options){.workers = workers, .max_actors = 1u << 16, .log_hook = silence};
}

struct echo {
    int64_t count;
};
static void on_ping(tp_actor *self, struct echo *echo, const ping *msg) {
    echo->count++;
    tp_reply(self, pong, .n = msg->n);
}
static void on_deal(tp_actor *self, struct echo *echo, const deal *msg) {
    echo->count++;
    tp_send(self, msg->to, pong, .n = msg->n);
}
TP_BEHAVIOR(echo_behavior, "echo", struct echo, TP_ON(ping, on_ping), TP_ON(deal, on_deal));

/* ---- threads that call an idle runtime, now and then ---- */

struct caller {
    pthread_t thread;
    tp_runtime *runtime;
    tp_pid to[4];
    unsigned index;
};
static void *calls(void *arg) {
    struct caller *caller = arg;
    tp_inbox *inbox;
    TP_ASSERT_EQ_INT(tp_inbox_open(caller->runtime, &inbox), TP_OK);
    for (int64_t i = 0; i < 2000 / SCALE; i++) {
        pong got;
        TP_ASSERT_EQ_INT(tp_inbox_call(inbox, caller->to[(i + caller->index) % 4], SOON, &got, pong,
                                       ping, .n = i),
                         TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
        const tp_message *none;
        if (i % 100 == 0) /* all fall asleep */
            TP_ASSERT_EQ_INT(tp_inbox_receive(inbox, TP_US(300), &none), TP_ETIMEDOUT);
    }
    tp_inbox_close(inbox);
    return NULL;
}
static void call_with(unsigned workers, unsigned threads) {
    tp_options options = options_for(workers);
    tp_runtime *runtime;
    struct caller callers[4];
    tp_pid to[4];
    TP_ASSERT_EQ_INT(tp_runtime_start(&runtime, &options), TP_OK);
    for (int i = 0; i < 4; i++) {
        tp_spawn_options pinned = {.workers = (uint64_t)1 << (unsigned)i % workers};
        TP_ASSERT_EQ_INT(
            tp_runtime_spawn(runtime, &to[i], &echo_behavior, i % 2 == 0 ? NULL : &pinned), TP_OK);
    }
    for (unsigned i = 0; i < threads; i++) {
        callers[i] = (struct caller){.runtime = runtime, .index = i};
        memcpy(callers[i].to, to, sizeof to);
        TP_ASSERT_EQ_INT(pthread_create(&callers[i].thread, NULL, calls, &callers[i]), 0);
    }
    for (unsigned i = 0; i < threads; i++) pthread_join(callers[i].thread, NULL);
    tp_runtime_stop(runtime);
}
TP_TEST(wake, calls_of_one_thread_to_sleeping_workers) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) call_with(workers, 1);
}
TP_TEST(wake, calls_of_four_threads) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) call_with(workers, 4);
}

/* ---- between actors that may only run on workers of their own ---- */

static void pinned_pairs(tp_actor *self, void *arg) {
    unsigned workers = tp_runtime_workers(tp_self_runtime(self));
    tp_pid echoes[8];
    (void)arg;
    for (unsigned i = 0; i < 8; i++) {
        tp_spawn_options options = {.workers = (uint64_t)1 << i % workers};
        echoes[i] = tp_spawn_with(self, &echo_behavior, &options);
    }
    for (int64_t i = 0; i < 3000 / SCALE; i++) {
        pong got;
        TP_ASSERT_EQ_INT(tp_call(self, echoes[tp_random(self) % 8], SOON, &got, pong, ping, .n = i),
                         TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
        if (i % 200 == 0) TP_ASSERT_EQ_INT(tp_sleep(self, TP_US(100)), TP_OK);
    }
}
TP_TEST(wake, pinned_partners) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        tp_options options = options_for(workers);
        TP_ASSERT_EQ_INT(tp_run_with(&options, pinned_pairs, NULL), 0);
    }
}

/* ---- timers alone keep the runtime going ---- */

static void sleepers_body(tp_actor *self, void *arg);
static void sleeps(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    for (int i = 0; i < 100 / SCALE; i++)
        TP_ASSERT_EQ_INT(tp_sleep(self, TP_US((int64_t)(tp_random(self) % 2000))), TP_OK);
    tp_send(self, boss, pong, .n = 1);
}
static void sleepers_body(tp_actor *self, void *arg) {
    tp_pid me = tp_self(self);
    pong got;
    (void)arg;
    for (int i = 0; i < 50; i++) tp_spawn_body(self, sleeps, &me, NULL);
    for (int i = 0; i < 50; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, pong), TP_OK);
    for (int64_t i = 0; i < 200 / SCALE; i++) {
        TP_ASSERT(tp_send_after(self, TP_US(i * 10), me, pong, .n = i) != 0);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, pong), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
    }
}
TP_TEST(wake, sleepers_wake) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        tp_options options = options_for(workers);
        TP_ASSERT_EQ_INT(tp_run_with(&options, sleepers_body, NULL), 0);
    }
}

/* ---- bursts: from nothing to much and back ---- */

static void spreads(tp_actor *self, void *arg) {
    tp_pid boss = *(tp_pid *)arg;
    tp_work(self, TP_US(30)); /* enough to be worth a thief's while */
    tp_send(self, boss, pong, .n = 1);
}
static void bursts_body(tp_actor *self, void *arg) {
    tp_pid me = tp_self(self);
    (void)arg;
    for (int burst = 0; burst < 60 / SCALE; burst++) {
        pong got;
        for (int i = 0; i < 100; i++) tp_spawn_body(self, spreads, &me, NULL);
        for (int i = 0; i < 100; i++) TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, pong), TP_OK);
        if (burst % 4 == 0) tp_sleep(self, TP_MS(1));
    }
}
TP_TEST(wake, bursts) {
    static const tp_strategy strategies[] = {TP_STRATEGY_STEAL, TP_STRATEGY_FIFO, TP_STRATEGY_LIFO};
    for (int i = 0; i < 3; i++) {
        for (unsigned workers = 2; workers <= 8; workers *= 2) {
            tp_options options = options_for(workers);
            options.strategy = strategies[i];
            TP_ASSERT_EQ_INT(tp_run_with(&options, bursts_body, NULL), 0);
        }
    }
}

/* ---- order: messages, requests and the end of one sender, as they were sent ---- */

struct sequence {
    tp_pid boss;
    int64_t last[64];
};
TP_MESSAGE(numbered, TP_FIELD(i64, sender), TP_FIELD(i64, n))
static void on_numbered(tp_actor *self, struct sequence *sequence, const numbered *msg) {
    TP_ASSERT_EQ_INT(msg->n, sequence->last[msg->sender] + 1);
    sequence->last[msg->sender] = msg->n;
    tp_err err = tp_reply(self, pong, .n = msg->n);
    TP_ASSERT(err == TP_OK || err == TP_ECONTEXT);
}
static void on_sequence_exit(tp_actor *self, struct sequence *sequence, const tp_down *msg) {
    (void)self, (void)sequence;
    TP_ASSERT_EQ_INT(msg->code, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(sequence_behavior, "sequence", struct sequence, TP_ON(numbered, on_numbered),
            TP_ON(tp_down, on_sequence_exit));
struct numbering {
    tp_pid to;
    int64_t sender;
};
static void sends_numbers(tp_actor *self, void *arg) {
    struct numbering *numbering = arg;
    tp_future last = 0;
    pong got;
    int64_t count = 3000 / SCALE;
    for (int64_t i = 1; i <= count; i++) {
        if (i % 7 == 0 || i == count) {
            tp_future next =
                tp_request(self, numbering->to, numbered, .sender = numbering->sender, .n = i);
            TP_ASSERT(next != 0);
            if (last != 0) TP_ASSERT_EQ_INT(tp_await(self, last, SOON, &got, pong), TP_OK);
            last = next;
        } else {
            TP_ASSERT_EQ_INT(
                tp_send(self, numbering->to, numbered, .sender = numbering->sender, .n = i), TP_OK);
        }
        if (i % 50 == 0) tp_yield(self);
        if (i % 500 == 0) tp_sleep(self, TP_US(20));
    }
    TP_ASSERT_EQ_INT(tp_await(self, last, SOON, &got, pong), TP_OK);
    TP_ASSERT_EQ_INT(got.n, count);
}
static void order_body(tp_actor *self, void *arg) {
    struct numbering numberings[64];
    (void)arg;
    tp_pid to = tp_spawn(self, &sequence_behavior);
    for (int i = 0; i < 64; i++) {
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        numberings[i] = (struct numbering){to, i};
        tp_spawn_body(self, sends_numbers, &numberings[i], &options);
    }
    for (int i = 0; i < 64; i++) {
        tp_down down;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
    }
}
TP_TEST(wake, each_senders_order_is_kept) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        tp_options options = options_for(workers);
        TP_ASSERT_EQ_INT(tp_run_with(&options, order_body, NULL), 0);
    }
}
