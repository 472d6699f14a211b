/*
 * Timers of actors in real time: what must hold however late a machine is.
 */
#include "tests/actor/actor_test.h"

static void after_body(tp_actor *self, void *arg) {
    (void)arg;
    number got;
    tp_time start = tp_now(self);
    for (int i = 5; i >= 1; i--) tp_send_after(self, TP_MS(i * 3), tp_self(self), number, .n = i);
    tp_ref cancelled = tp_send_after(self, TP_MS(8), tp_self(self), number, .n = 100);
    TP_ASSERT(tp_cancel_timer(self, cancelled));
    TP_ASSERT(!tp_cancel_timer(self, cancelled));
    for (int i = 1; i <= 5; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
        TP_ASSERT(tp_now(self) - start >= TP_MS(i * 3)); /* never early */
    }
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(5), &got, number), TP_ETIMEDOUT);
}
TP_TEST(timer, messages_come_later_in_order) {
    run_everywhere(after_body, NULL);
}

static void sleep_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 20; i++) {
        tp_time start = tp_now(self);
        TP_ASSERT_EQ_INT(tp_sleep(self, TP_US(300)), TP_OK);
        TP_ASSERT(tp_now(self) - start >= TP_US(300));
    }
    tp_time start = tp_now(self);
    tp_work(self, TP_MS(2));
    TP_ASSERT(tp_now(self) - start >= TP_MS(2));
    TP_ASSERT_EQ_INT(tp_sleep(self, 0), TP_OK);
}
TP_TEST(timer, sleep_and_work_take_their_time) {
    run_everywhere(sleep_body, NULL);
}

struct idler {
    tp_pid boss;
    int64_t timeouts;
};
static void on_tell(tp_actor *self, struct idler *idler, const tell *msg) {
    idler->boss = msg->who;
    tp_set_timeout(self, TP_MS(3));
}
static void on_number(tp_actor *self, struct idler *idler, const number *msg) {
    (void)self, (void)idler, (void)msg; /* cancels the timeout by coming */
}
static void on_timeout(tp_actor *self, struct idler *idler) {
    tp_send(self, idler->boss, answer, .n = ++idler->timeouts);
    if (idler->timeouts < 3) tp_set_timeout(self, TP_MS(1));
}
TP_BEHAVIOR(idler_behavior, "idler", struct idler, TP_ON(tell, on_tell), TP_ON(number, on_number),
            TP_TIMEOUT(on_timeout));
static void timeout_body(tp_actor *self, void *arg) {
    (void)arg;
    answer got;
    tp_pid idler = tp_spawn(self, &idler_behavior);
    tp_send(self, idler, tell, .who = tp_self(self));
    for (int i = 1; i <= 3; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
    }
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(5), &got, answer), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_set_timeout(self, TP_MS(1)), TP_EINVAL); /* a body has no slot for it */
    tp_send(self, idler, tell, .who = tp_self(self));
    tp_send(self, idler, number, .n = 1);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(10), &got, answer), TP_ETIMEDOUT);
}
TP_TEST(timer, the_timeout_slot_fires_when_nothing_comes) {
    run_everywhere(timeout_body, NULL);
}

static void many_timers(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 1000; i++)
        tp_send_after(self, TP_SECONDS(3600), tp_self(self), number, .n = i);
}
static void die_with_timers(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    for (int i = 0; i < 20; i++) {
        tp_spawn_body(self, many_timers, NULL, &options);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    }
}
TP_TEST(timer, timers_end_with_their_actor) {
    run_everywhere(die_with_timers, NULL);
}
