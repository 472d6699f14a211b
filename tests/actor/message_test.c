/*
 * Sending, receiving, keeping, postponing.
 */
#include "tests/actor/actor_test.h"

struct adder {
    int64_t sum;
    int64_t count;
};

static void on_number(tp_actor *self, struct adder *adder, const number *msg) {
    (void)self;
    adder->sum += msg->n;
    adder->count++;
}
static void on_ask(tp_actor *self, struct adder *adder, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = adder->sum);
}
TP_BEHAVIOR(adder_behavior, "adder", struct adder, TP_ON(number, on_number), TP_ON(ask, on_ask));

static int64_t sum_of(tp_actor *self, tp_pid adder) {
    answer sum;
    TP_ASSERT_EQ_INT(tp_call(self, adder, SOON, &sum, answer, ask), TP_OK);
    return sum.n;
}

static void send_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid adder = tp_spawn(self, &adder_behavior);
    for (int i = 1; i <= 1000; i++) TP_ASSERT_EQ_INT(tp_send(self, adder, number, .n = i), TP_OK);
    TP_ASSERT_EQ_INT(sum_of(self, adder), 500500);
}
TP_TEST(message, sent_are_handled) {
    run_everywhere(send_body, NULL);
}

static void order_body(tp_actor *self, void *arg) {
    (void)arg;
    number got;
    for (int i = 0; i < 5000; i++) tp_send(self, tp_self(self), number, .n = i);
    for (int i = 0; i < 5000; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
    }
}
TP_TEST(message, order_of_one_sender_is_kept) {
    run_everywhere(order_body, NULL);
}

static void selective_body(tp_actor *self, void *arg) {
    (void)arg;
    number got;
    word text;
    for (int i = 0; i < 100; i++) tp_send(self, tp_self(self), number, .n = i);
    tp_send(self, tp_self(self), word, .text = TP_STR("late"));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &text, word), TP_OK);
    TP_ASSERT(tp_str_equal(text.text, TP_STR("late")));
    for (int i = 0; i < 100; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
    }
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &got, number), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(5), &got, number), TP_ETIMEDOUT);
}
TP_TEST(message, selective_receive_leaves_the_others_in_order) {
    run_everywhere(selective_body, NULL);
}

static bool count_and_take_last(const tp_message *message, void *context) {
    ++*(int *)context;
    return tp_message_is(message, word);
}
static void later_sender(tp_actor *self, void *arg) {
    tp_pid to = *(tp_pid *)arg;
    for (int i = 0; i < 200; i++) {
        tp_send(self, to, number, .n = i);
        if (i % 10 == 0) tp_sleep(self, TP_US(200));
    }
    tp_send(self, to, word, .text = TP_STR("x"));
}
static void rescan_body(tp_actor *self, void *arg) {
    (void)arg;
    int looks = 0;
    const tp_message *message;
    tp_pid me = tp_self(self);
    tp_spawn_body(self, later_sender, &me, NULL);
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, count_and_take_last, &looks, &message), TP_OK);
    TP_ASSERT_EQ_INT(looks, 201); /* each message once, however often the actor was woken */
}
TP_TEST(message, refused_messages_are_looked_at_once) {
    run_everywhere(rescan_body, NULL);
}

struct cases_state {
    int numbers;
    int words;
};
static void case_number(tp_actor *self, struct cases_state *state, const number *msg) {
    (void)self, (void)msg;
    state->numbers++;
}
static void case_word(tp_actor *self, struct cases_state *state, const word *msg) {
    (void)self, (void)msg;
    state->words++;
}
TP_CASES(both_cases, struct cases_state, TP_ON(number, case_number), TP_ON(word, case_word));
static void cases_body(tp_actor *self, void *arg) {
    (void)arg;
    struct cases_state state = {0, 0};
    tp_send(self, tp_self(self), answer, .n = 1);
    tp_send(self, tp_self(self), word, .text = TP_STR("a"));
    tp_send(self, tp_self(self), number, .n = 1);
    TP_ASSERT_EQ_INT(tp_receive_cases(self, SOON, &state, both_cases), TP_OK);
    TP_ASSERT_EQ_INT(state.words, 1);
    TP_ASSERT_EQ_INT(tp_receive_cases(self, SOON, &state, both_cases), TP_OK);
    TP_ASSERT_EQ_INT(state.numbers, 1);
    TP_ASSERT_EQ_INT(tp_receive_cases(self, 0, &state, both_cases), TP_ETIMEDOUT);
}
TP_TEST(message, cases_take_the_first_that_fits) {
    run_everywhere(cases_body, NULL);
}

static void broadcast_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid adders[64];
    for (int i = 0; i < 64; i++) adders[i] = tp_spawn(self, &adder_behavior);
    TP_ASSERT_EQ_INT(tp_broadcast(self, adders, 64, number, .n = 7), TP_OK);
    for (int i = 0; i < 64; i++) TP_ASSERT_EQ_INT(sum_of(self, adders[i]), 7);
}
TP_TEST(message, broadcast_reaches_each_once) {
    run_everywhere(broadcast_body, NULL);
}

struct relay {
    tp_pid to;
};
static void on_tell(tp_actor *self, struct relay *relay, const tell *msg) {
    (void)self;
    relay->to = msg->who;
}
static void relay_number(tp_actor *self, struct relay *relay, const number *msg) {
    (void)msg;
    tp_forward(self, relay->to);
}
TP_BEHAVIOR(relay_behavior, "relay", struct relay, TP_ON(tell, on_tell),
            TP_ON(number, relay_number));
static void forward_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid relay = tp_spawn(self, &relay_behavior);
    const tp_message *message;
    number got;
    tp_send(self, relay, tell, .who = tp_self(self));
    tp_send(self, relay, number, .n = 42);
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
    TP_ASSERT(tp_pid_equal(tp_message_sender(self, message), tp_self(self))); /* unchanged */
    TP_ASSERT_EQ_INT(tp_message_get(self, message, &got, number), TP_OK);
    TP_ASSERT_EQ_INT(got.n, 42);
    TP_ASSERT_EQ_INT(tp_message_get(self, message, &(word){.text = {0}}, word), TP_ETYPE);
}
TP_TEST(message, forward_passes_the_payload_on) {
    run_everywhere(forward_body, NULL);
}

struct keeper {
    tp_kept *kept[10];
    tp_str texts[10];
    int count;
};
static void keep_word(tp_actor *self, struct keeper *keeper, const word *msg) {
    keeper->kept[keeper->count] = tp_keep(self);
    keeper->texts[keeper->count++] = msg->text;
}
static void keep_ask(tp_actor *self, struct keeper *keeper, const ask *msg) {
    int64_t good = 0;
    (void)msg;
    for (int i = 0; i < keeper->count; i++) {
        char want[32];
        int size = snprintf(want, sizeof want, "text number %d", i);
        good += tp_str_equal(keeper->texts[i], (tp_str){want, (size_t)size});
        if (i % 2 == 0) tp_keep_release(self, keeper->kept[i]); /* the others go with the actor */
    }
    tp_reply(self, answer, .n = good);
}
TP_BEHAVIOR(keeper_behavior, "keeper", struct keeper, TP_ON(word, keep_word), TP_ON(ask, keep_ask));
static void keep_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid keeper = tp_spawn(self, &keeper_behavior);
    for (int i = 0; i < 10; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "text number %d", i);
        tp_send(self, keeper, word, .text = {text, (size_t)size});
    }
    TP_ASSERT_EQ_INT(sum_of(self, keeper), 10);
}
TP_TEST(message, kept_messages_stay_valid) {
    run_everywhere(keep_body, NULL);
}

struct door {
    bool open;
    int64_t passed;
    int64_t order;
};
static void door_number(tp_actor *self, struct door *door, const number *msg) {
    if (!door->open) {
        tp_postpone(self);
        return;
    }
    door->order = door->order * 10 + msg->n;
    door->passed++;
}
static void door_word(tp_actor *self, struct door *door, const word *msg) {
    (void)msg;
    door->open = true;
    tp_retry_postponed(self);
}
static void door_ask(tp_actor *self, struct door *door, const ask *msg) {
    (void)msg;
    if (!door->open) tp_postpone(self);
    else tp_reply(self, answer, .n = door->order);
}
TP_BEHAVIOR(door_behavior, "door", struct door, TP_ON(number, door_number), TP_ON(word, door_word),
            TP_ON(ask, door_ask));
static void postpone_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid door = tp_spawn(self, &door_behavior);
    answer order;
    for (int i = 1; i <= 4; i++) tp_send(self, door, number, .n = i);
    tp_future future = tp_request(self, door, ask);
    tp_send(self, door, word, .text = TP_STR("open"));
    tp_send(self, door, number, .n = 5);
    TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &order, answer), TP_OK);
    TP_ASSERT_EQ_INT(order.n,
                     1234); /* postponed ones first, in order; the request was among them */
    TP_ASSERT_EQ_INT(sum_of(self, door), 12345);
}
TP_TEST(message, postponed_come_before_newer_ones) {
    run_everywhere(postpone_body, NULL);
}

static void unknown_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_counters counters;
    tp_pid adder = tp_spawn(self, &adder_behavior);
    tp_send(self, adder, word, .text = TP_STR("nobody takes this"));
    TP_ASSERT_EQ_INT(sum_of(self, adder), 0);
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.unknown, 1);
    tp_kill(self, adder);
    while (tp_alive(tp_self_runtime(self), adder)) tp_yield(self);
    TP_ASSERT_EQ_INT(tp_send(self, adder, number, .n = 1), TP_OK);
    TP_ASSERT_EQ_INT(tp_send(self, tp_pid_null(), number, .n = 1), TP_OK);
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.dead_letters, 2);
}
TP_TEST(message, unknown_and_dead_letters_are_counted) {
    run_everywhere(unknown_body, NULL);
}

static void large_body(tp_actor *self, void *arg) {
    (void)arg;
    static char text[1u << 20];
    memset(text, 'x', sizeof text);
    word got;
    for (size_t size = 1; size <= sizeof text; size *= 4) {
        tp_send(self, tp_self(self), word, .text = {text, size});
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, word), TP_OK);
        TP_ASSERT_EQ_INT(got.text.size, size);
        TP_ASSERT(memcmp(got.text.data, text, size) == 0);
    }
    static char huge[(16u << 20) + 1];
    TP_ASSERT(tp_send(self, tp_self(self), word, .text = {huge, sizeof huge}) != TP_OK);
}
TP_TEST(message, sizes_up_to_the_limit) {
    run_everywhere(large_body, NULL);
}
