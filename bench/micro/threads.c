/*
 * Single rooms between two threads, and the steps of a message by the public calls: spawn and end,
 * send, handle, park and wake.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "core/actor/mailbox.h"

#define MESSAGES 1000000u
#define RING 256u
#define BATCH 256u
#define BLOCK_CLASS 2 /* 64 bytes: a small message */
#define BURST 100u    /* less than a slice's budget: one slice handles them all */
#define BURSTS 10000u
#define SPAWNS 500000u
#define WAKES 200u

/* ---- core/actor/mailbox.h, a producer and a consumer ---- */

struct cell {
    _Alignas(64) struct tpi_block block;
};
struct crossing {
    tp_actor box;
    struct cell cells[RING];
    _Alignas(64) _Atomic(uint64_t) taken; /* a multiple of RING / 2: so many cells are free again */
    uint64_t messages;
};

static void produce(void *arg) {
    struct crossing *crossing = arg;
    for (uint64_t i = 0; i < crossing->messages; i++) {
        /* the other half of the ring has been taken, but for its last block */
        if (i >= RING && i % (RING / 2) == 0) micro_await(&crossing->taken, i - RING / 2);
        tpi_mailbox_push(&crossing->box, &crossing->cells[i % RING].block);
    }
}

static void consume(struct crossing *crossing) {
    tp_actor *box = &crossing->box;
    uint32_t turn = 0;
    for (uint64_t got = 0; got < crossing->messages;) {
        struct tpi_block *next = tpi_block_next(box->tail);
        if (next == NULL) {
            micro_relax(turn++);
            continue;
        }
        box->tail = next;
        /* the block before this one is free: of RING / 2 + 1 that were taken, RING / 2 are */
        if (got % (RING / 2) == 0) micro_tell(&crossing->taken, got);
        got++;
    }
}

static double queue_cross(tp_actor *self) {
    struct crossing *crossing = aligned_alloc(64, sizeof *crossing);
    tpi_thread thread;
    if (crossing == NULL) tp_fail(self, "out of memory");
    memset(crossing, 0, sizeof *crossing);
    crossing->messages = bench_scaled(MESSAGES, RING) / RING * RING;
    tpi_mailbox_init(&crossing->box);
    tp_time start = tp_now(self);
    if (tpi_thread_start(&thread, "producer", produce, crossing) != TP_OK)
        tp_fail(self, "no thread");
    consume(crossing);
    double took = bench_since(self, start);
    tpi_thread_join(thread);
    double each = took / (double)crossing->messages;
    free(crossing);
    return each;
}

/* ---- core/memory, taken by one thread and given back by the other ---- */

struct exchange {
    struct tpi_pool *home;
    struct tpi_pool *away;
    void *blocks[BATCH];
    _Alignas(64) _Atomic(uint64_t) there;
    _Alignas(64) _Atomic(uint64_t) back;
    uint64_t rounds;
};

static void give_back(void *arg) {
    struct exchange *exchange = arg;
    for (uint64_t round = 1; round <= exchange->rounds; round++) {
        micro_await(&exchange->there, round);
        for (unsigned i = 0; i < BATCH; i++)
            tpi_pool_give(exchange->away, exchange->blocks[i], BLOCK_CLASS, exchange->home->index);
        tpi_pool_flush(exchange->away);
        micro_tell(&exchange->back, round);
    }
}

static double pool_cross(tp_actor *self) {
    struct exchange exchange = {.rounds = bench_scaled(MESSAGES, 10 * BATCH) / BATCH};
    struct tpi_memory *memory;
    tpi_thread thread;
    if (tpi_memory_new(&memory, NULL, 2) != TP_OK) tp_fail(self, "out of memory");
    exchange.home = tpi_memory_pool(memory, 0);
    exchange.away = tpi_memory_pool(memory, 1);
    if (tpi_thread_start(&thread, "giver", give_back, &exchange) != TP_OK)
        tp_fail(self, "no thread");
    tp_time start = tp_now(self);
    for (uint64_t round = 1; round <= exchange.rounds; round++) {
        for (unsigned i = 0; i < BATCH; i++) {
            exchange.blocks[i] = tpi_pool_take(exchange.home, BLOCK_CLASS);
            if (exchange.blocks[i] == NULL) tp_fail(self, "out of memory");
        }
        micro_tell(&exchange.there, round);
        micro_await(&exchange.back, round);
    }
    double took = bench_since(self, start);
    tpi_thread_join(thread);
    tpi_memory_free(memory);
    return took / (double)(exchange.rounds * BATCH);
}

/* ---- the steps of a message ---- */

TP_MESSAGE_AS(micro_item, "micro.item", TP_FIELD(u64, n))
TP_MESSAGE_AS(micro_ask, "micro.ask")
TP_MESSAGE_AS(micro_answer, "micro.answer", TP_FIELD(u64, handled))

struct taker {
    uint64_t handled;
};
static void on_micro_item(tp_actor *self, struct taker *taker, const micro_item *msg) {
    (void)self;
    (void)msg;
    taker->handled++;
}
static void on_micro_ask(tp_actor *self, struct taker *taker, const micro_ask *msg) {
    (void)msg;
    tp_reply(self, micro_answer, .handled = taker->handled);
}
TP_BEHAVIOR(taker_behavior, "taker", struct taker, TP_ON(micro_item, on_micro_item),
            TP_ON(micro_ask, on_micro_ask));

/* Bursts are sent, and then handled: the time of the one or of the other. */
static double bursts(tp_actor *self, bool sending) {
    uint64_t count = bench_scaled(BURSTS, 10);
    double sent = 0, handled = 0;
    micro_answer answer;
    tp_pid taker = tp_spawn(self, &taker_behavior);
    for (uint64_t i = 0; i < count; i++) {
        tp_time start = tp_now(self);
        for (uint64_t n = 0; n < BURST; n++) tp_send(self, taker, micro_item, .n = n);
        sent += bench_since(self, start);
        start = tp_now(self);
        tp_yield(self);
        handled += bench_since(self, start);
    }
    if (tp_call(self, taker, TP_SECONDS(60), &answer, micro_answer, micro_ask) != TP_OK ||
        answer.handled != count * BURST)
        tp_fail(self, "messages are missing");
    return (sending ? sent : handled) / (double)(count * BURST);
}

static double send(tp_actor *self) {
    return bursts(self, true);
}
static double handle(tp_actor *self) {
    return bursts(self, false);
}

static void end_at_once(tp_actor *self, struct taker *taker) {
    (void)taker;
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(mayfly_behavior, "mayfly", struct taker, TP_INIT(end_at_once));

static double spawn_end(tp_actor *self) {
    uint64_t before = bench_exits(self), count = bench_scaled(SPAWNS, 1000);
    tp_time start = tp_now(self);
    for (uint64_t i = 1; i <= count; i++) {
        tp_spawn(self, &mayfly_behavior);
        if (i % 64 == 0) tp_yield(self);
    }
    bench_wait_exits(self, before, count);
    return bench_since(self, start) / (double)count;
}

/* ---- park and wake: a runtime of one worker that has nothing to do ---- */

struct parked {
    _Alignas(64) _Atomic(uint64_t) ran;
    tp_time at;
};

static void parked_body(tp_actor *self, void *arg) {
    struct parked *parked = arg;
    micro_item got;
    while (tp_receive(self, TP_FOREVER, &got, micro_item) == TP_OK) {
        parked->at = tp_now(self);
        micro_tell(&parked->ran, got.n);
    }
}

static double park_wake(tp_actor *self) {
    const tp_options options = {.workers = 1, .stuck_after = TP_FOREVER};
    uint64_t rounds = bench_scaled(WAKES, 5);
    struct parked parked = {0};
    tp_runtime *other;
    tp_pid pid;
    double sum = 0;
    if (tp_runtime_start(&other, &options) != TP_OK ||
        tp_runtime_spawn_body(other, &pid, parked_body, &parked, NULL) != TP_OK)
        tp_fail(self, "no second runtime");
    for (uint64_t i = 1; i <= rounds; i++) {
        tpi_sleep_thread(TP_MS(1)); /* it is asleep, and its CPU, by then */
        tp_time start = tpi_clock_monotonic();
        if (tp_post(other, pid, micro_item, .n = i) != TP_OK) tp_fail(self, "not sent");
        micro_await(&parked.ran, i);
        sum += (double)(parked.at - start);
    }
    tp_runtime_stop(other);
    return sum / (double)rounds;
}

const struct bench_case bench_threads[] = {
    {"queue_cross", "ns", "a block from a producer to a consumer on another thread", queue_cross},
    {"pool_cross", "ns", "a block taken here, given back by another thread", pool_cross},
    {"send", "ns", "a message sent to an actor that has others waiting", send},
    {"handle", "ns", "a waiting message taken, decoded, handled, freed", handle},
    {"spawn_end", "ns", "an actor spawned, and ended by its init", spawn_end},
    {"park_wake", "ns", "a message from outside to a sleeping worker, until it is received",
     park_wake},
    {NULL, NULL, NULL, NULL}};
