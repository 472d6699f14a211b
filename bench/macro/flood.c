/*
 * Many messages to one actor, under its mailbox bound.
 */
#include "bench/bench.h"

#define MESSAGES 1000000u
#define ACTORS 60u
#define EACH 10000u

TP_MESSAGE(item, TP_FIELD(u64, n))
TP_MESSAGE(produce, TP_FIELD(pid, to), TP_FIELD(u64, count))

struct sink {
    uint64_t handled;
    uint64_t expected;
    tp_pid boss;
};
struct source {
    uint64_t sent;
};

TP_MESSAGE(sink_start, TP_FIELD(u64, expected), TP_FIELD(pid, boss))
static void on_sink_start(tp_actor *self, struct sink *sink, const sink_start *msg) {
    (void)self;
    sink->expected = msg->expected;
    sink->boss = msg->boss;
}
static void on_item(tp_actor *self, struct sink *sink, const item *msg) {
    (void)msg;
    if (++sink->handled == sink->expected)
        tp_send(self, sink->boss, bench_done, .count = sink->handled);
}
TP_BEHAVIOR(sink_behavior, "sink", struct sink, TP_INIT_WITH(sink_start, on_sink_start),
            TP_ON(item, on_item));

static void on_produce(tp_actor *self, struct source *source, const produce *msg) {
    tp_pid to = msg->to;
    for (uint64_t i = 0, count = msg->count; i < count; i++) tp_send(self, to, item, .n = i);
    source->sent += msg->count;
}
TP_BEHAVIOR(source_behavior, "source", struct source, TP_ON(produce, on_produce));

static double fan_in(tp_actor *self, unsigned producers) {
    uint64_t each = bench_scaled(MESSAGES, producers) / producers;
    tp_pid sink = tp_spawn(self, &sink_behavior, sink_start, .expected = each * producers,
                           .boss = tp_self(self));
    tp_time start = tp_now(self);
    for (unsigned i = 0; i < producers; i++) {
        tp_pid source = tp_spawn(self, &source_behavior);
        tp_send(self, source, produce, .to = sink, .count = each);
    }
    bench_wait(self);
    return (double)(each * producers) * 1e3 / bench_since(self, start);
}
static double count(tp_actor *self) {
    return fan_in(self, 1);
}
static double fanin2(tp_actor *self) {
    return fan_in(self, 2);
}
static double fanin4(tp_actor *self) {
    return fan_in(self, 4);
}
static double fanin8(tp_actor *self) {
    return fan_in(self, 8);
}

static double fjthrput(tp_actor *self) {
    uint64_t each = bench_scaled(EACH, 1);
    tp_pid sinks[ACTORS];
    for (unsigned i = 0; i < ACTORS; i++)
        sinks[i] =
            tp_spawn(self, &sink_behavior, sink_start, .expected = each, .boss = tp_self(self));
    tp_time start = tp_now(self);
    for (uint64_t n = 0; n < each; n++)
        for (unsigned i = 0; i < ACTORS; i++) tp_send(self, sinks[i], item, .n = n);
    for (unsigned i = 0; i < ACTORS; i++) bench_wait(self);
    return ACTORS * (double)each * 1e3 / bench_since(self, start);
}

const struct bench_case bench_flood[] = {
    {"count", "Mmsg/s", "one producer, one consumer, 10^6 messages", count},
    {"fanin2", "Mmsg/s", "2 producers, one consumer, 10^6 messages", fanin2},
    {"fanin4", "Mmsg/s", "4 producers, one consumer, 10^6 messages", fanin4},
    {"fanin8", "Mmsg/s", "8 producers, one consumer, 10^6 messages", fanin8},
    {"fjthrput", "Mmsg/s", "one producer, 60 consumers, 10,000 messages each", fjthrput},
    {NULL, NULL, NULL, NULL}};
