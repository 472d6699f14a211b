/*
 * Fairness on one worker: nobody who is runnable is kept waiting by those who talk to each other,
 * or by one who starts many.
 */
#include "tests/actor/actor_test.h"

/* ---- a pair that talks, beside those who only want their turn ---- */

static int64_t talk; /* hops of the pair; only the one worker touches it */

struct partner {
    tp_pid other;
};
static void partner_tell(tp_actor *self, struct partner *partner, const tell *msg) {
    (void)self;
    partner->other = msg->who;
}
static void partner_number(tp_actor *self, struct partner *partner, const number *msg) {
    talk++;
    (void)tp_send(self, partner->other, number, .n = msg->n + 1);
}
TP_BEHAVIOR(partner_behavior, "partner", struct partner, TP_ON(tell, partner_tell),
            TP_ON(number, partner_number));

#define OTHERS 50
#define TURNS 200

static void takes_turns(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < TURNS; i++) tp_yield(self);
}

static void pair_body(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    tp_spawn_options watched = {.monitor = &ref};
    (void)arg;
    talk = 0;
    tp_pid first = tp_spawn_link(self, &partner_behavior);
    tp_pid second = tp_spawn_link(self, &partner_behavior);
    tp_send(self, first, tell, .who = second);
    tp_send(self, second, tell, .who = first);
    tp_send(self, first, number, .n = 0);
    for (int i = 0; i < OTHERS; i++) tp_spawn_body(self, takes_turns, NULL, &watched);
    for (int i = 0; i < OTHERS; i++)
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    /* each of the others' turns is one slice, each hop one at most: half for the pair, about */
    TP_ASSERT_MSG(talk <= 3 * OTHERS * TURNS, "%lld hops in %d turns", (long long)talk,
                  OTHERS * TURNS);
    TP_ASSERT_MSG(talk >= OTHERS * TURNS / 10, "%lld hops in %d turns", (long long)talk,
                  OTHERS * TURNS);
}
TP_TEST(fair, a_pair_that_talks_has_no_more_than_its_share) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, pair_body, NULL), 0);
}

/* ---- one who starts many ---- */

static int64_t begun; /* only the one worker touches it */

static void begins(tp_actor *self, void *arg) {
    (void)self, (void)arg;
    begun++;
}
static void many_body(tp_actor *self, void *arg) {
    (void)arg;
    begun = 0;
    for (int i = 0; i < 1000; i++) {
        TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, begins, NULL, NULL)));
        TP_ASSERT_MSG(begun >= i - 256, "%lld have begun of %d", (long long)begun, i + 1);
    }
}
TP_TEST(fair, who_starts_many_lets_them_run) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, many_body, NULL), 0);
}
