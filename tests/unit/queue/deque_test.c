/* The worker's queue: its contract alone, and with thieves. */
#include "core/queue/queue.h"

#include <stdlib.h>

#include "core/base/rng.h"
#include "tests/support/test.h"

struct item {
    struct tpi_node node;
    int number;
};

static int number_of(const struct tpi_node *node) {
    return ((const struct item *)(const void *)node)->number;
}

struct fixture {
    struct tpi_deque deque;
    struct tpi_deque other;
    struct item items[2 * TPI_DEQUE_SIZE];
};

static struct fixture *begin(void) {
    void *memory = aligned_alloc(64, (sizeof(struct fixture) + 63) / 64 * 64);
    struct fixture *f = memory;
    tpi_deque_init(&f->deque);
    tpi_deque_init(&f->other);
    for (int i = 0; i < (int)(2 * TPI_DEQUE_SIZE); i++) f->items[i].number = i;
    return f;
}

static void push(struct fixture *f, int from, int to) {
    for (int i = from; i < to; i++) TP_ASSERT(tpi_deque_push(&f->deque, &f->items[i].node));
}

TP_TEST(deque, takes_the_oldest) {
    struct fixture *f = begin();
    TP_ASSERT(tpi_deque_take(&f->deque) == NULL);
    push(f, 0, 5);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->deque), 5);
    for (int i = 0; i < 5; i++) TP_ASSERT_EQ_INT(number_of(tpi_deque_take(&f->deque)), i);
    TP_ASSERT(tpi_deque_take(&f->deque) == NULL);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->deque), 0);
    free(f);
}

TP_TEST(deque, take_last_takes_the_youngest) {
    struct fixture *f = begin();
    TP_ASSERT(tpi_deque_take_last(&f->deque) == NULL);
    push(f, 0, 5);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 4);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take(&f->deque)), 0);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 3);
    push(f, 7, 8);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 7);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 2);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 1);
    TP_ASSERT(tpi_deque_take_last(&f->deque) == NULL);
    free(f);
}

TP_TEST(deque, a_full_one_refuses_and_spills_its_older_half) {
    struct fixture *f = begin();
    struct tpi_node *last;
    uint32_t count;
    TP_ASSERT(tpi_deque_spill(&f->deque, &last, &count) == NULL);
    push(f, 0, TPI_DEQUE_SIZE);
    TP_ASSERT(!tpi_deque_push(&f->deque, &f->items[TPI_DEQUE_SIZE].node));
    struct tpi_node *node = tpi_deque_spill(&f->deque, &last, &count);
    TP_ASSERT_EQ_INT(count, TPI_DEQUE_SIZE / 2);
    int number = 0;
    for (; node != NULL; node = node->next) {
        TP_ASSERT_EQ_INT(number_of(node), number++);
        TP_ASSERT(node->next != NULL || node == last);
    }
    TP_ASSERT_EQ_INT(number, TPI_DEQUE_SIZE / 2);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take(&f->deque)), TPI_DEQUE_SIZE / 2);
    free(f);
}

TP_TEST(deque, a_thief_moves_the_older_half) {
    struct fixture *f = begin();
    uint32_t moved = 9;
    TP_ASSERT(tpi_deque_steal(&f->deque, &f->other, &moved) == NULL);
    TP_ASSERT_EQ_INT(moved, 0);
    push(f, 0, 7);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_steal(&f->deque, &f->other, &moved)), 0);
    TP_ASSERT_EQ_INT(moved, 4);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->deque), 3);
    for (int i = 1; i < 4; i++) TP_ASSERT_EQ_INT(number_of(tpi_deque_take(&f->other)), i);
    TP_ASSERT(tpi_deque_take(&f->other) == NULL);
    free(f);
}

TP_TEST(deque, a_thief_takes_a_single_one) {
    struct fixture *f = begin();
    uint32_t moved;
    push(f, 3, 4);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_steal(&f->deque, &f->other, &moved)), 3);
    TP_ASSERT_EQ_INT(moved, 1);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->other), 0);
    free(f);
}

TP_TEST(deque, a_thief_moves_no_more_than_fits) {
    struct fixture *f = begin();
    uint32_t moved;
    push(f, 0, 100);
    for (int i = 0; i < (int)TPI_DEQUE_SIZE - 3; i++) {
        TP_ASSERT(tpi_deque_push(&f->other, &f->items[200 + i].node));
    }
    TP_ASSERT_EQ_INT(number_of(tpi_deque_steal(&f->deque, &f->other, &moved)), 0);
    TP_ASSERT_EQ_INT(moved, 4);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->other), TPI_DEQUE_SIZE);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->other)), 3);
    free(f);
}

TP_TEST(deque, indices_may_wrap_around) {
    struct fixture *f = begin();
    uint32_t start = UINT32_MAX - 5;
    atomic_init(&f->deque.head, UINT64_MAX << 32 | start); /* the version wraps too */
    atomic_init(&f->deque.tail, start);
    push(f, 0, 20);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->deque), 20);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 19);
    for (int i = 0; i < 9; i++) TP_ASSERT_EQ_INT(number_of(tpi_deque_take(&f->deque)), i);
    uint32_t moved;
    TP_ASSERT_EQ_INT(number_of(tpi_deque_steal(&f->deque, &f->other, &moved)), 9);
    TP_ASSERT_EQ_INT(moved, 5);
    TP_ASSERT_EQ_INT(number_of(tpi_deque_take_last(&f->deque)), 18);
    TP_ASSERT_EQ_INT(tpi_deque_length(&f->deque), 4);
    free(f);
}

/* ---- thieves ---- */

enum { THIEVES = 2, ITEMS = 60000 };

struct stress {
    struct tpi_deque deque;
    bool lifo;
    _Atomic(bool) done;
    _Atomic(unsigned) next;
    struct item items[ITEMS];
    _Atomic(int) seen[ITEMS];
};

static void see(struct stress *stress, const struct tpi_node *node, int *last) {
    int number = number_of(node);
    TP_ASSERT(stress->lifo || number > *last);
    *last = number;
    /* relaxed: a count, read after the threads were joined. */
    TP_ASSERT_EQ_INT(atomic_fetch_add_explicit(&stress->seen[number], 1, memory_order_relaxed), 0);
}

static void steal_all(struct stress *stress, struct tpi_deque *into, int *last) {
    uint32_t moved;
    struct tpi_node *node;
    while ((node = tpi_deque_steal(&stress->deque, into, &moved)) != NULL) {
        TP_ASSERT_EQ_INT(tpi_deque_length(into), moved - 1);
        for (; node != NULL; node = tpi_deque_take(into)) see(stress, node, last);
    }
}

static void thief(void *arg) {
    struct stress *stress = arg;
    struct tpi_deque *into = aligned_alloc(64, (sizeof(*into) + 63) / 64 * 64);
    tpi_deque_init(into);
    int last = -1;
    /* acquire: partner is the owner's store of `done`; its last pushes are visible after it. */
    while (!atomic_load_explicit(&stress->done, memory_order_acquire)) {
        steal_all(stress, into, &last);
        tpi_thread_yield();
    }
    steal_all(stress, into, &last);
    free(into);
}

static struct tpi_node *owner_take(struct stress *stress) {
    return stress->lifo ? tpi_deque_take_last(&stress->deque) : tpi_deque_take(&stress->deque);
}

/* What a spill took is consumed at once by the owner, in order. */
static void owner_push(struct stress *stress, int number, int *last) {
    struct tpi_node *end;
    uint32_t count;
    stress->items[number].number = number; /* plain, and late: only the push publishes it */
    while (!tpi_deque_push(&stress->deque, &stress->items[number].node)) {
        struct tpi_node *node = tpi_deque_spill(&stress->deque, &end, &count);
        for (; node != NULL; node = node->next) see(stress, node, last);
    }
}

static void owner(struct stress *stress) {
    struct tpi_rng rng;
    int last = -1;
    tpi_rng_seed(&rng, 5);
    for (int i = 0; i < ITEMS;) {
        /* Mostly short queues, where owner and thieves meet; now and then a full one. */
        int batch = (int)tpi_rng_below(&rng, tpi_rng_below(&rng, 50) == 0 ? 400 : 4) + 1;
        for (int k = 0; k < batch && i < ITEMS; k++, i++) owner_push(stress, i, &last);
        for (uint64_t k = tpi_rng_below(&rng, 4); k > 0; k--) {
            struct tpi_node *node = owner_take(stress);
            if (node != NULL) see(stress, node, &last);
        }
        if (tpi_rng_below(&rng, 64) == 0) tpi_thread_yield();
    }
    struct tpi_node *node;
    while ((node = owner_take(stress)) != NULL) see(stress, node, &last);
}

static void run_stress(bool lifo) {
    struct stress *stress = aligned_alloc(64, (sizeof(*stress) + 63) / 64 * 64);
    tpi_deque_init(&stress->deque);
    stress->lifo = lifo;
    atomic_init(&stress->done, false);
    for (int i = 0; i < ITEMS; i++) {
        stress->items[i].number = -1;
        atomic_init(&stress->seen[i], 0);
    }
    tpi_thread threads[THIEVES];
    for (int i = 0; i < THIEVES; i++) {
        TP_ASSERT_EQ_INT(tpi_thread_start(&threads[i], "thief", thief, stress), TP_OK);
    }
    owner(stress);
    /* release: partner is the load in thief. */
    atomic_store_explicit(&stress->done, true, memory_order_release);
    for (int i = 0; i < THIEVES; i++) tpi_thread_join(threads[i]);
    /* relaxed: the threads are joined. */
    for (int i = 0; i < ITEMS; i++) {
        TP_ASSERT_EQ_INT(atomic_load_explicit(&stress->seen[i], memory_order_relaxed), 1);
    }
    free(stress);
}

TP_TEST(deque, with_thieves_each_is_taken_once_and_in_order) {
    run_stress(false);
}

TP_TEST(deque, with_thieves_and_take_last_each_is_taken_once) {
    run_stress(true);
}
