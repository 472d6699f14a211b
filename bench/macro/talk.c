/*
 * Actors that answer each other: ping-pong and the thread ring.
 */
#include "bench/bench.h"

#define ROUNDS 1000000u
#define RING 100u
#define HOPS 1000000u

TP_MESSAGE(ping, TP_FIELD(u64, n))
TP_MESSAGE(pong, TP_FIELD(u64, n))
TP_MESSAGE(serve, TP_FIELD(pid, to), TP_FIELD(pid, boss), TP_FIELD(u64, rounds))

struct pinger {
    tp_pid peer;
    tp_pid boss;
    uint64_t rounds;
};
struct ponger {
    uint64_t handled;
};

static void on_ping(tp_actor *self, struct ponger *ponger, const ping *msg) {
    ponger->handled++;
    tp_send(self, tp_sender(self), pong, .n = msg->n);
}
static void on_serve(tp_actor *self, struct pinger *pinger, const serve *msg) {
    pinger->peer = msg->to;
    pinger->boss = msg->boss;
    pinger->rounds = msg->rounds;
    tp_send(self, pinger->peer, ping, .n = 1);
}
static void on_pong(tp_actor *self, struct pinger *pinger, const pong *msg) {
    if (msg->n == pinger->rounds) tp_send(self, pinger->boss, bench_done, .count = msg->n);
    else tp_send(self, pinger->peer, ping, .n = msg->n + 1);
}
TP_BEHAVIOR(ponger_behavior, "ponger", struct ponger, TP_ON(ping, on_ping));
TP_BEHAVIOR(pinger_behavior, "pinger", struct pinger, TP_ON(serve, on_serve), TP_ON(pong, on_pong));

static double pingpong(tp_actor *self) {
    uint64_t rounds = bench_scaled(ROUNDS, 1);
    tp_pid a = tp_spawn(self, &ponger_behavior), b = tp_spawn(self, &pinger_behavior);
    tp_time start = tp_now(self);
    tp_send(self, b, serve, .to = a, .boss = tp_self(self), .rounds = rounds);
    bench_wait(self);
    return bench_since(self, start) / (2.0 * (double)rounds);
}

TP_MESSAGE(token, TP_FIELD(u64, left))
TP_MESSAGE(neighbour, TP_FIELD(pid, next), TP_FIELD(pid, boss))

struct link_of_ring {
    tp_pid next;
    tp_pid boss;
};

static void on_neighbour(tp_actor *self, struct link_of_ring *ring, const neighbour *msg) {
    (void)self;
    ring->next = msg->next;
    ring->boss = msg->boss;
}
static void on_token(tp_actor *self, struct link_of_ring *ring, const token *msg) {
    if (msg->left == 0) tp_send(self, ring->boss, bench_done);
    else tp_send(self, ring->next, token, .left = msg->left - 1);
}
TP_BEHAVIOR(ring_behavior, "ring", struct link_of_ring, TP_ON(neighbour, on_neighbour),
            TP_ON(token, on_token));

static double threadring(tp_actor *self) {
    uint64_t hops = bench_scaled(HOPS, 1);
    tp_pid ring[RING];
    for (unsigned i = 0; i < RING; i++) ring[i] = tp_spawn(self, &ring_behavior);
    for (unsigned i = 0; i < RING; i++)
        tp_send(self, ring[i], neighbour, .next = ring[(i + 1) % RING], .boss = tp_self(self));
    tp_time start = tp_now(self);
    tp_send(self, ring[0], token, .left = hops);
    bench_wait(self);
    return bench_since(self, start) / (double)hops;
}

const struct bench_case bench_talk[] = {
    {"pingpong", "ns/hop", "2 actors, 10^6 round trips", pingpong},
    {"threadring", "ns/hop", "100 actors in a ring, 10^6 hops", threadring},
    {NULL, NULL, NULL, NULL}};
