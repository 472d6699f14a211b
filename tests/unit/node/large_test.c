/* Large messages among small ones, both ways at once: all arrive, whole and in order. */
#include <string.h>

#include "tests/support/test.h"
#include "tests/unit/node/kit.h"

#define LARGE 700000u
#define SMALL 40u

static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";

/* Every third one is large, of a size of its own. */
static size_t size_of(uint64_t number) {
    return number % 3 == 0 ? LARGE + number * 17 % 5000 : SMALL + number % 50;
}

struct mixer {
    uint8_t bytes[LARGE + 5000];
};
static void on_stream_to(tp_actor *self, struct mixer *state, const stream_to *msg) {
    for (uint64_t i = 0; i < msg->count; i++) {
        size_t size = size_of(i);
        memset(state->bytes, (int)(i % 251), size);
        tp_send(self, msg->to, text, .bytes = {state->bytes, size});
    }
    tp_reply(self, pong);
}
TP_BEHAVIOR(mixer_behavior, "mixer", struct mixer, TP_ON(stream_to, on_stream_to));

static void on_text(tp_actor *self, streamed *state, const text *msg) {
    (void)self;
    const uint8_t *bytes = msg->bytes.data;
    size_t size = size_of(state->count);
    uint8_t wanted = (uint8_t)(state->count % 251);
    bool good =
        msg->bytes.size == size && bytes[0] == wanted && memcmp(bytes, bytes + 1, size - 1) == 0;
    if (!good) state->wrong++;
    state->count++;
}
static void on_streamed(tp_actor *self, streamed *state, const streamed *msg) {
    (void)msg;
    tp_reply_value(self, &streamed_message, state);
}
TP_BEHAVIOR(checker_behavior, "checker", streamed, TP_ON(text, on_text),
            TP_ON(streamed, on_streamed));

static tp_pid start(struct side *side, const tp_behavior *behavior) {
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(side->runtime, &pid, behavior, NULL), TP_OK);
    return pid;
}

static void check_all_came(struct side *side, tp_pid checker, uint64_t count) {
    streamed got = {0};
    do {
        TP_ASSERT_EQ_INT(tp_inbox_call(side->inbox, checker, PLENTY, &got, streamed, streamed),
                         TP_OK);
        TP_ASSERT_EQ_INT(got.wrong, 0);
        moment();
    } while (got.count < count);
    TP_ASSERT_EQ_INT(got.count, count);
}

static void check_mixed(const char *scheme, const tp_node_options *options) {
    struct side a, b;
    side_start(&a, "a@test", options);
    side_start(&b, "b@test", options);
    sides_join(&a, &b, scheme);
    tp_pid at_a = start(&a, &checker_behavior), at_b = start(&b, &checker_behavior);
    tp_pid from_a = start(&a, &mixer_behavior), from_b = start(&b, &mixer_behavior);
    uint64_t count = TP_SCALED(120);
    TP_ASSERT_EQ_INT(tp_inbox_send(a.inbox, from_a, stream_to, .to = at_b, .count = count), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, from_b, stream_to, .to = at_a, .count = count), TP_OK);
    check_all_came(&a, at_a, count);
    check_all_came(&b, at_b, count);
    side_stop(&a);
    side_stop(&b);
}

TP_TEST(node_large, among_small_ones) {
    check_mixed("tcp", NULL);
}

TP_TEST(node_large, among_small_ones_with_a_secret) {
    check_mixed("tcp", &(tp_node_options){.secret = secret});
}

TP_TEST(node_large, among_small_ones_over_websocket) {
    check_mixed("ws", NULL);
}
