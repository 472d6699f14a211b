/*
 * More workers than cores, for seconds: random talk, kills, a million actors; everything is
 * counted.
 */
#include <string.h>

#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(talk, TP_FIELD(u64, hops))
TP_MESSAGE(know, TP_FIELD(u64, first), TP_FIELD(u64, count))
TP_MESSAGE(finished, TP_FIELD(u64, n))

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE 10u
#else
#define SCALE 1u
#endif

#define TALKERS 200u
#define TOKENS 400u
#define HOPS (2000u / SCALE)

static tp_pid talkers[TALKERS];
static tp_pid boss;

struct talker {
    uint64_t handled;
};
static void on_talk(tp_actor *self, struct talker *talker, const talk *msg) {
    talker->handled++;
    if (msg->hops == 0) tp_send(self, boss, finished, .n = 1);
    else tp_send(self, talkers[tp_random(self) % TALKERS], talk, .hops = msg->hops - 1);
}
TP_BEHAVIOR(talker_behavior, "talker", struct talker, TP_ON(talk, on_talk));

static void silence(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

static void random_talk(tp_actor *self, void *arg) {
    finished done;
    (void)arg;
    boss = tp_self(self);
    for (unsigned i = 0; i < TALKERS; i++) talkers[i] = tp_spawn(self, &talker_behavior);
    for (unsigned i = 0; i < TOKENS; i++) tp_send(self, talkers[i % TALKERS], talk, .hops = HOPS);
    for (unsigned i = 0; i < TOKENS; i++)
        TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(120), &done, finished), TP_OK);
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.dead_letters, 0);
    TP_ASSERT_EQ_INT(counters.dropped, 0);
    TP_ASSERT(counters.sent >= (uint64_t)TOKENS * HOPS);
}
TP_TEST(storm, random_talk_loses_nothing) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        tp_options options = {.workers = workers, .log_hook = silence};
        TP_ASSERT_EQ_INT(tp_run_with(&options, random_talk, NULL), 0);
    }
}

static void waits(tp_actor *self, void *arg) {
    talk msg;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &msg, talk);
}
static void kill_storm(tp_actor *self, void *arg) {
    tp_down down;
    (void)arg;
    for (unsigned round = 0; round < 2000 / SCALE; round++) {
        tp_ref refs[8];
        for (unsigned i = 0; i < 8; i++) {
            tp_spawn_options options = {.monitor = &refs[i], .link = false};
            tp_pid pid = tp_spawn_body(self, waits, NULL, &options);
            tp_send(self, pid, talk, .hops = 1);
            tp_kill(self, pid);
            tp_send(self, pid, talk, .hops = 1); /* to one that dies, or is another by now: never */
        }
        for (unsigned i = 0; i < 8; i++)
            TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(tp_receive(self, 0, &down, tp_down), TP_ETIMEDOUT);
    }
}
TP_TEST(storm, every_killed_actor_is_heard_of_once) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        tp_options options = {.workers = workers, .log_hook = silence};
        TP_ASSERT_EQ_INT(tp_run_with(&options, kill_storm, NULL), 0);
    }
}

#define MILLION (1000000u / SCALE)

static void million(tp_actor *self, void *arg) {
    tp_counters counters;
    (void)arg;
    boss = tp_self(self);
    for (unsigned i = 0; i < MILLION; i++) {
        tp_pid pid = tp_spawn(self, &talker_behavior);
        TP_ASSERT(!tp_pid_is_null(pid));
        if (i % 1000 == 0) tp_send(self, pid, talk, .hops = 0);
    }
    finished done;
    for (unsigned i = 0; i < (MILLION + 999) / 1000; i++)
        TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &done, finished), TP_OK);
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT(counters.actors_alive >= MILLION);
}
/* A million lives one after the other, in crowds: the memory of the first crowd is enough. */
static void crowds(tp_actor *self, void *arg) {
    tp_counters first = {0}, last;
    finished done;
    (void)arg;
    boss = tp_self(self);
    for (unsigned crowd = 0; crowd < 100; crowd++) {
        for (unsigned i = 0; i < MILLION / 100; i++) {
            tp_pid pid = tp_spawn(self, &talker_behavior);
            TP_ASSERT(!tp_pid_is_null(pid));
            if (i + 1 == MILLION / 100) tp_send(self, pid, talk, .hops = 0);
            tp_kill(self, pid);
            if (i + 1 == MILLION / 100) (void)tp_receive(self, 0, &done, finished);
        }
        do {
            tp_yield(self);
            tp_runtime_counters(tp_self_runtime(self), &last);
        } while (last.actors_alive > 2);
        if (crowd == 4) first = last;
    }
    TP_ASSERT(last.spawned >= MILLION);
    /* who runs where differs from crowd to crowd, a slab more is no growth; a byte a life would
     * be */
    TP_ASSERT_MSG(last.memory <= first.memory + (8u << 20), "%zu bytes, then %zu",
                  (size_t)first.memory, (size_t)last.memory);
}
TP_TEST(storm, a_million_lives_do_not_grow_the_memory) {
    for (unsigned workers = 1; workers <= 2; workers++) {
        tp_options options = {.workers = workers, .log_hook = silence};
        TP_ASSERT_EQ_INT(tp_run_with(&options, crowds, NULL), 0);
    }
}

TP_TEST(storm, a_million_live_actors) {
    tp_options options = {.workers = 2, .log_hook = silence};
    TP_ASSERT_EQ_INT(tp_run_with(&options, million, NULL), 0);
}
