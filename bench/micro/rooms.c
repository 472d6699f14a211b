/*
 * Single rooms on one thread: the mailbox's queue, the deque, the common queue, the pool, the fiber
 * switch, the timer wheel.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "core/actor/mailbox.h"

#define ROUNDS 4000000u
#define SWITCHES 4000000u
#define BLOCK_CLASS 2 /* 64 bytes: a small message */
#define TIMERS 64u

static uint64_t rounds_of(uint64_t full) {
    return bench_scaled(full, 1000);
}

/* ---- core/actor/mailbox.h ---- */

struct cell {
    _Alignas(64) struct tpi_block block;
};

/* Two blocks take turns: the last one stays in the chain, the one before is free. */
static double queue(tp_actor *self) {
    uint64_t rounds = rounds_of(ROUNDS);
    struct cell cells[2];
    tp_actor box;
    memset(cells, 0, sizeof cells);
    memset(&box, 0, sizeof box);
    tpi_mailbox_init(&box);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        tpi_mailbox_push(&box, &cells[i & 1].block);
        struct tpi_block *next = tpi_block_next(box.tail);
        if (next != &cells[i & 1].block) tp_fail(self, "a block is missing");
        box.tail = next;
        micro_touch(next);
    }
    return bench_since(self, start) / (double)rounds;
}

/* ---- core/queue ---- */

static struct tpi_deque *deque_new(tp_actor *self) {
    struct tpi_deque *deque = aligned_alloc(64, sizeof *deque);
    if (deque == NULL) tp_fail(self, "out of memory");
    tpi_deque_init(deque);
    return deque;
}

static double deque(tp_actor *self) {
    uint64_t rounds = rounds_of(ROUNDS);
    struct tpi_deque *own = deque_new(self);
    struct tpi_node node = {NULL};
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++)
        if (!tpi_deque_push(own, &node) || tpi_deque_take(own) != &node)
            tp_fail(self, "a node is missing");
    double took = bench_since(self, start);
    free(own);
    return took / (double)rounds;
}

static double deque_steal(tp_actor *self) {
    uint64_t rounds = rounds_of(ROUNDS);
    struct tpi_deque *from = deque_new(self), *into = deque_new(self);
    struct tpi_node node = {NULL};
    uint32_t moved;
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++)
        if (!tpi_deque_push(from, &node) || tpi_deque_steal(from, into, &moved) != &node)
            tp_fail(self, "a node is missing");
    double took = bench_since(self, start);
    free(from);
    free(into);
    return took / (double)rounds;
}

static double inject(tp_actor *self) {
    uint64_t rounds = rounds_of(ROUNDS);
    struct tpi_inject common;
    struct tpi_node node = {NULL};
    uint32_t count;
    tpi_inject_init(&common);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        tpi_inject_push(&common, &node, &node, 1);
        if (tpi_inject_take(&common, 1, &count) != &node) tp_fail(self, "a node is missing");
    }
    return bench_since(self, start) / (double)rounds;
}

/* ---- core/memory ---- */

static double pool(tp_actor *self) {
    uint64_t rounds = rounds_of(ROUNDS);
    struct tpi_memory *memory;
    if (tpi_memory_new(&memory, NULL, 1) != TP_OK) tp_fail(self, "out of memory");
    struct tpi_pool *own = tpi_memory_pool(memory, 0);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        void *block = tpi_pool_take(own, BLOCK_CLASS);
        if (block == NULL) tp_fail(self, "out of memory");
        micro_touch(block);
        tpi_pool_give(own, block, BLOCK_CLASS, own->index);
    }
    double took = bench_since(self, start);
    tpi_memory_free(memory);
    return took / (double)rounds;
}

/* ---- core/fiber ---- */

struct pair {
    struct tpi_fiber *mine;
    struct tpi_fiber *other;
};

static void switch_back(void *arg) {
    struct pair *pair = arg;
    for (;;) tpi_fiber_switch(pair->other, pair->mine);
}

static double fiber(tp_actor *self) {
    uint64_t rounds = rounds_of(SWITCHES) / 2;
    struct tpi_stacks *stacks;
    struct pair pair = {.mine = self->worker->fiber};
    if (tpi_stacks_new(&stacks, 65536) != TP_OK) tp_fail(self, "out of memory");
    pair.other = tpi_fiber_new(stacks, 0, switch_back, &pair);
    if (pair.other == NULL) tp_fail(self, "no stack");
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) tpi_fiber_switch(pair.mine, pair.other);
    double took = bench_since(self, start);
    tpi_fiber_free(stacks, pair.other);
    tpi_stacks_free(stacks);
    return took / (2.0 * (double)rounds);
}

/* ---- core/scheduler/timer.h ---- */

static void never(struct tpi_timer *timer, void *worker) {
    (void)timer;
    (void)worker;
}

/* One armed and cancelled, while others stand in the wheel. */
static double wheel(tp_actor *self) {
    uint64_t rounds = rounds_of(ROUNDS);
    struct tpi_timer timers[TIMERS] = {0};
    struct tpi_wheel *own = malloc(sizeof *own);
    tp_time now = tp_now(self);
    if (own == NULL) tp_fail(self, "out of memory");
    tpi_wheel_init(own, TPI_TICK_SHIFT, now);
    for (unsigned i = 0; i < TIMERS; i++) {
        timers[i].fire = never;
        tpi_timer_arm(own, &timers[i], now + TP_SECONDS(3600) + TP_MS((int64_t)i));
    }
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        struct tpi_timer *timer = &timers[i % TIMERS];
        if (!tpi_timer_cancel(timer)) tp_fail(self, "a timer was gone");
        tpi_timer_arm(own, timer, now + TP_SECONDS(3600) + TP_US((int64_t)(i % 1000000)));
    }
    double took = bench_since(self, start);
    for (unsigned i = 0; i < TIMERS; i++) (void)tpi_timer_cancel(&timers[i]);
    free(own);
    return took / (double)rounds;
}

const struct bench_case bench_rooms[] = {
    {"queue", "ns", "a block pushed to a mailbox and taken, hot", queue},
    {"deque", "ns", "a node pushed to the own deque and taken", deque},
    {"deque_steal", "ns", "a node pushed, and stolen by another deque's owner", deque_steal},
    {"inject", "ns", "a node pushed to the common queue and taken", inject},
    {"pool", "ns", "a block of 64 bytes taken and given back at home", pool},
    {"fiber", "ns", "a switch to another fiber", fiber},
    {"wheel", "ns", "a timer cancelled and armed in a wheel", wheel},
    {NULL, NULL, NULL, NULL}};
