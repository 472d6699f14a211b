/* The common queue: chains in, chains out, order kept. */
#include "core/queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

struct item {
    struct tpi_node node;
    int producer;
    int number;
};

static uint32_t chain_length(const struct tpi_node *node) {
    uint32_t length = 0;
    for (; node != NULL; node = node->next) length++;
    return length;
}

TP_TEST(inject, empty_gives_null) {
    struct tpi_inject inject;
    uint32_t count = 9;
    tpi_inject_init(&inject);
    TP_ASSERT(tpi_inject_take(&inject, 5, &count) == NULL);
    TP_ASSERT_EQ_INT(count, 0);
    TP_ASSERT_EQ_INT(tpi_inject_length(&inject), 0);
}

TP_TEST(inject, takes_up_to_the_limit_in_order) {
    struct tpi_inject inject;
    struct item items[10];
    uint32_t count;
    tpi_inject_init(&inject);
    for (int i = 0; i < 10; i++) {
        items[i].number = i;
        if (i > 0 && i != 4) items[i - 1].node.next = &items[i].node;
    }
    tpi_inject_push(&inject, &items[0].node, &items[3].node, 4);
    tpi_inject_push(&inject, &items[4].node, &items[9].node, 6);
    TP_ASSERT_EQ_INT(tpi_inject_length(&inject), 10);
    struct tpi_node *node = tpi_inject_take(&inject, 7, &count);
    TP_ASSERT_EQ_INT(count, 7);
    TP_ASSERT_EQ_INT(chain_length(node), 7);
    for (int i = 0; i < 7; i++, node = node->next) TP_ASSERT(node == &items[i].node);
    node = tpi_inject_take(&inject, 7, &count);
    TP_ASSERT_EQ_INT(count, 3);
    TP_ASSERT_EQ_INT(chain_length(node), 3);
    TP_ASSERT(node == &items[7].node);
    TP_ASSERT(tpi_inject_take(&inject, 7, &count) == NULL);
}

TP_TEST(inject, works_again_after_it_was_emptied) {
    struct tpi_inject inject;
    struct item items[2];
    uint32_t count;
    tpi_inject_init(&inject);
    for (int round = 0; round < 3; round++) {
        tpi_inject_push(&inject, &items[0].node, &items[0].node, 1);
        tpi_inject_push(&inject, &items[1].node, &items[1].node, 1);
        TP_ASSERT(tpi_inject_take(&inject, 1, &count) == &items[0].node);
        TP_ASSERT(tpi_inject_take(&inject, 1, &count) == &items[1].node);
        TP_ASSERT(tpi_inject_take(&inject, 1, &count) == NULL);
    }
}

enum { PRODUCERS = 2, CONSUMERS = 2, ITEMS = 20000 };

struct stress {
    struct tpi_inject inject;
    _Atomic(int) next_producer;
    _Atomic(int) taken;
    struct item items[PRODUCERS][ITEMS];
    _Atomic(int) seen[PRODUCERS][ITEMS];
};

static void produce(void *arg) {
    struct stress *stress = arg;
    /* relaxed: only a number for each. */
    int producer = atomic_fetch_add_explicit(&stress->next_producer, 1, memory_order_relaxed);
    struct item *items = stress->items[producer];
    for (int i = 0; i < ITEMS;) {
        int chain = 1 + i % 3 <= ITEMS - i ? 1 + i % 3 : 1;
        for (int k = 0; k < chain; k++) {
            items[i + k].producer = producer;
            items[i + k].number = i + k;
            items[i + k].node.next = k + 1 < chain ? &items[i + k + 1].node : NULL;
        }
        tpi_inject_push(&stress->inject, &items[i].node, &items[i + chain - 1].node,
                        (uint32_t)chain);
        i += chain;
    }
}

static void consume(void *arg) {
    struct stress *stress = arg;
    int last[PRODUCERS] = {-1, -1};
    /* relaxed: decides only when to stop. */
    while (atomic_load_explicit(&stress->taken, memory_order_relaxed) < PRODUCERS * ITEMS) {
        uint32_t count;
        struct tpi_node *node = tpi_inject_take(&stress->inject, 5, &count);
        if (node == NULL) tpi_thread_yield();
        for (; node != NULL; node = node->next) {
            struct item *item = (struct item *)(void *)node;
            TP_ASSERT(item->number > last[item->producer]);
            last[item->producer] = item->number;
            /* relaxed: a count, read after the threads were joined. */
            atomic_fetch_add_explicit(&stress->seen[item->producer][item->number], 1,
                                      memory_order_relaxed);
        }
        /* relaxed: as the load above. */
        atomic_fetch_add_explicit(&stress->taken, (int)count, memory_order_relaxed);
    }
}

TP_TEST(inject, every_node_comes_out_once_and_in_its_producers_order) {
    struct stress *stress = aligned_alloc(_Alignof(struct stress), sizeof(*stress));
    TP_ASSERT(stress != NULL);
    memset(stress, 0, sizeof(*stress));
    tpi_inject_init(&stress->inject);
    tpi_thread threads[PRODUCERS + CONSUMERS];
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
        void (*entry)(void *) = i < PRODUCERS ? produce : consume;
        TP_ASSERT_EQ_INT(tpi_thread_start(&threads[i], "inject", entry, stress), TP_OK);
    }
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++) tpi_thread_join(threads[i]);
    for (int p = 0; p < PRODUCERS; p++) {
        /* relaxed: the threads are joined. */
        for (int i = 0; i < ITEMS; i++) {
            TP_ASSERT_EQ_INT(atomic_load_explicit(&stress->seen[p][i], memory_order_relaxed), 1);
        }
    }
    free(stress);
}
