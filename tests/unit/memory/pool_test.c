/* Pools: classes, alignment, the way home across pools and threads, failures of the allocator. */
#include "core/memory/pool.h"

#include <stdlib.h>
#include <string.h>

#include <troupe/runtime.h>

#include "core/base/rng.h"
#include "core/platform/platform.h"
#include "tests/support/test.h"

/* ---- an allocator that counts, and fails when told ---- */

struct purse {
    long allowed;
    long blocks;
    size_t held;
};

static void *purse_alloc(void *context, size_t size) {
    struct purse *purse = context;
    if (purse->allowed-- <= 0) return NULL;
    purse->blocks++;
    purse->held += size;
    return malloc(size);
}

static void purse_free(void *context, void *pointer, size_t size) {
    struct purse *purse = context;
    purse->blocks--;
    purse->held -= size;
    free(pointer);
}

static tp_allocator purse_hook(struct purse *purse) {
    tp_allocator hook = {purse_alloc, purse_free, purse};
    return hook;
}

static struct tpi_memory *memory_of(unsigned pools) {
    struct tpi_memory *memory;
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, NULL, pools), TP_OK);
    return memory;
}

/* ---- classes ---- */

TP_TEST(pool, class_of_is_the_smallest_that_holds) {
    for (size_t size = 0; size <= 65536; size++) {
        uint8_t size_class = tpi_class_of(size);
        TP_ASSERT(size_class < TPI_CLASS_COUNT);
        TP_ASSERT(tpi_class_size[size_class] >= size);
        TP_ASSERT(size_class == 0 || tpi_class_size[size_class - 1] < size);
    }
    TP_ASSERT_EQ_INT(tpi_class_of(65537), TPI_CLASS_HEAP);
    TP_ASSERT_EQ_INT(tpi_class_of(SIZE_MAX), TPI_CLASS_HEAP);
}

TP_TEST(pool, bad_numbers_of_pools_are_refused) {
    struct tpi_memory *memory;
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, NULL, 0), TP_EINVAL);
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, NULL, 70000), TP_EINVAL);
}

static void check_alignment(const tp_allocator *hook) {
    struct tpi_memory *memory;
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, hook, 1), TP_OK);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    for (int round = 0; round < 300; round++) {
        for (uint8_t size_class = 0; size_class < TPI_CLASS_COUNT; size_class++) {
            void *block = tpi_pool_take(pool, size_class);
            TP_ASSERT(block != NULL);
            TP_ASSERT((uintptr_t)block % (tpi_class_size[size_class] >= 64 ? 64 : 16) == 0);
            memset(block, 0xab, tpi_class_size[size_class]);
        }
    }
    tpi_memory_free(memory);
}

TP_TEST(pool, blocks_are_aligned) {
    check_alignment(NULL);
}

TP_TEST(pool, blocks_are_aligned_with_a_hook_that_aligns_to_16) {
    struct purse purse = {1000, 0, 0};
    tp_allocator hook = purse_hook(&purse);
    check_alignment(&hook);
    TP_ASSERT_EQ_INT(purse.blocks, 0);
    TP_ASSERT_EQ_INT(purse.held, 0);
}

/* ---- one pool ---- */

TP_TEST(pool, the_last_given_is_the_first_taken) {
    struct tpi_memory *memory = memory_of(1);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    void *a = tpi_pool_take(pool, 2);
    void *b = tpi_pool_take(pool, 2);
    TP_ASSERT(a != b);
    tpi_pool_give(pool, a, 2, pool->index);
    tpi_pool_give(pool, b, 2, pool->index);
    TP_ASSERT(tpi_pool_take(pool, 2) == b);
    TP_ASSERT(tpi_pool_take(pool, 2) == a);
    tpi_memory_free(memory);
}

struct held {
    unsigned char *block;
    uint8_t size_class;
    unsigned char mark;
};

static void check_mark(const struct held *held) {
    for (uint32_t i = 0; i < tpi_class_size[held->size_class]; i++) {
        TP_ASSERT(held->block[i] == held->mark);
    }
}

TP_TEST(pool, blocks_in_use_never_overlap) {
    static struct held held[500];
    struct tpi_memory *memory = memory_of(1);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    struct tpi_rng rng;
    tpi_rng_seed(&rng, 1);
    memset(held, 0, sizeof(held));
    for (int step = 0; step < 20000; step++) {
        struct held *one = &held[tpi_rng_below(&rng, 500)];
        if (one->block != NULL) {
            check_mark(one);
            tpi_pool_give(pool, one->block, one->size_class, pool->index);
            one->block = NULL;
        } else {
            one->size_class = (uint8_t)(tpi_rng_below(&rng, 8) + tpi_rng_below(&rng, 7));
            one->mark = (unsigned char)step;
            one->block = tpi_pool_take(pool, one->size_class);
            memset(one->block, one->mark, tpi_class_size[one->size_class]);
        }
    }
    for (int i = 0; i < 500; i++) {
        if (held[i].block != NULL) check_mark(&held[i]);
    }
    tpi_memory_free(memory);
}

TP_TEST(pool, steady_use_takes_nothing_more_from_the_system) {
    struct tpi_memory *memory = memory_of(1);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    size_t bytes = 0;
    for (int round = 0; round < 100; round++) {
        void *blocks[200];
        for (int i = 0; i < 200; i++)
            blocks[i] = tpi_pool_take(pool, (uint8_t)(i % TPI_CLASS_COUNT));
        for (int i = 0; i < 200; i++) {
            tpi_pool_give(pool, blocks[i], (uint8_t)(i % TPI_CLASS_COUNT), pool->index);
        }
        if (round == 0) bytes = tpi_memory_bytes(memory);
        TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), bytes);
    }
    tpi_memory_free(memory);
}

TP_TEST(pool, little_is_wasted) {
    struct tpi_memory *memory = memory_of(1);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    size_t used = 0;
    for (int i = 0; i < 200000; i++) {
        uint8_t size_class = (uint8_t)(i % 6);
        TP_ASSERT(tpi_pool_take(pool, size_class) != NULL);
        used += tpi_class_size[size_class];
    }
    TP_ASSERT(tpi_memory_bytes(memory) < used + ((size_t)5 << 20)); /* at most the last slab */
    tpi_memory_free(memory);
}

/* ---- several pools ---- */

TP_TEST(pool, a_full_chain_goes_home) {
    struct tpi_memory *memory = memory_of(2);
    struct tpi_pool *home = tpi_memory_pool(memory, 0);
    struct tpi_pool *away = tpi_memory_pool(memory, 1);
    void *blocks[64];
    for (int i = 0; i < 64; i++) blocks[i] = tpi_pool_take(home, 3); /* two whole runs of a page */
    TP_ASSERT(home->free[3] == NULL);
    for (int i = 0; i < 64; i++) tpi_pool_give(away, blocks[i], 3, home->index);
    size_t bytes = tpi_memory_bytes(memory);
    bool back[64] = {false};
    for (int i = 0; i < 64; i++) {
        void *block = tpi_pool_take(home, 3);
        for (int k = 0; k < 64; k++) back[k] |= blocks[k] == block;
    }
    for (int i = 0; i < 64; i++) TP_ASSERT(back[i]);
    TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), bytes);
    TP_ASSERT(home->free[3] == NULL);
    tpi_memory_free(memory);
}

TP_TEST(pool, a_short_chain_goes_home_at_a_flush) {
    struct tpi_memory *memory = memory_of(2);
    struct tpi_pool *home = tpi_memory_pool(memory, 0);
    struct tpi_pool *away = tpi_memory_pool(memory, 1);
    void *block = tpi_pool_take(home, 13);       /* a run of one block */
    tpi_pool_give(away, block, 13, home->index); /* and a chain of one: home at once */
    TP_ASSERT(tpi_pool_take(home, 13) == block);
    void *small = tpi_pool_take(home, 9); /* 4 KiB: a run of one block, a chain of 16 */
    TP_ASSERT(home->free[9] == NULL);
    tpi_pool_give(away, small, 9, home->index);
    void *other = tpi_pool_take(home, 9);
    TP_ASSERT(other != small);
    tpi_pool_flush(away);
    tpi_pool_flush(away);
    TP_ASSERT(tpi_pool_take(home, 9) == small);
    tpi_memory_free(memory);
}

TP_TEST(pool, many_pools_and_classes_share_the_table_of_chains) {
    enum { POOLS = 100, ROUNDS = 30 };
    struct tpi_memory *memory = memory_of(POOLS);
    struct tpi_pool *away = tpi_memory_pool(memory, 0);
    size_t bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        static void *blocks[POOLS][10];
        for (unsigned p = 1; p < POOLS; p++) {
            for (uint8_t c = 0; c < 10; c++) {
                blocks[p][c] = tpi_pool_take(tpi_memory_pool(memory, p), c);
            }
        }
        for (unsigned p = 1; p < POOLS; p++) {
            for (uint8_t c = 0; c < 10; c++) tpi_pool_give(away, blocks[p][c], c, (uint16_t)p);
        }
        tpi_pool_flush(away);
        if (round == 0) bytes = tpi_memory_bytes(memory);
        TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), bytes);
    }
    tpi_memory_free(memory);
}

/* ---- failures ---- */

TP_TEST(pool, a_failing_allocator_gives_null_and_later_success) {
    for (long allowed = 0; allowed < 6; allowed++) {
        struct purse purse = {allowed, 0, 0};
        tp_allocator hook = purse_hook(&purse);
        struct tpi_memory *memory;
        tp_err err = tpi_memory_new(&memory, &hook, 2);
        TP_ASSERT_EQ_INT(err, allowed == 0 ? TP_ENOMEM : TP_OK);
        if (err != TP_OK) continue;
        struct tpi_pool *pool = tpi_memory_pool(memory, 1);
        int taken = 0;
        while (tpi_pool_take(pool, 12) != NULL) taken++;
        TP_ASSERT(allowed > 1 ? taken > 0 : taken == 0);
        TP_ASSERT(tpi_heap_alloc(memory, 100) == NULL);
        TP_ASSERT(tpi_pool_take(pool, 12) == NULL);
        purse.allowed = 1;
        TP_ASSERT(tpi_pool_take(pool, 12) != NULL);
        tpi_memory_free(memory);
        TP_ASSERT_EQ_INT(purse.blocks, 0);
        TP_ASSERT_EQ_INT(purse.held, 0);
    }
}

TP_TEST(pool, a_rest_of_a_slab_still_serves_small_classes) {
    struct purse purse = {2, 0, 0};
    tp_allocator hook = purse_hook(&purse);
    struct tpi_memory *memory;
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, &hook, 1), TP_OK);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    while (tpi_pool_take(pool, 12) != NULL) continue;
    TP_ASSERT(tpi_pool_take(pool, 2) != NULL); /* 32 KiB did not fit any more, 64 bytes do */
    tpi_memory_free(memory);
}

/* ---- heap blocks ---- */

TP_TEST(pool, heap_blocks_are_counted) {
    struct purse purse = {100, 0, 0};
    tp_allocator hook = purse_hook(&purse);
    struct tpi_memory *memory;
    TP_ASSERT_EQ_INT(tpi_memory_new(&memory, &hook, 1), TP_OK);
    size_t before = tpi_memory_bytes(memory);
    TP_ASSERT_EQ_INT(before, purse.held);
    void *block = tpi_heap_alloc(memory, 100000);
    TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), before + 100000);
    tpi_heap_free(memory, block, 100000);
    tpi_heap_free(memory, NULL, 5);
    TP_ASSERT_EQ_INT(tpi_memory_bytes(memory), before);
    tpi_memory_free(memory);
    TP_ASSERT_EQ_INT(purse.held, 0);
}

TP_TEST(pool, free_blocks_are_poison_to_the_sanitizer) {
#if TPI_ASAN
    struct tpi_memory *memory = memory_of(2);
    struct tpi_pool *pool = tpi_memory_pool(memory, 0);
    for (uint8_t size_class = 0; size_class < TPI_CLASS_COUNT; size_class++) {
        char *block = tpi_pool_take(pool, size_class);
        char *last = block + tpi_class_size[size_class] - 1;
        TP_ASSERT(!__asan_address_is_poisoned(block + 8) && !__asan_address_is_poisoned(last));
        tpi_pool_give(pool, block, size_class, 0);
        TP_ASSERT(__asan_address_is_poisoned(block + 8) && __asan_address_is_poisoned(last));
        block = tpi_pool_take(pool, size_class);
        tpi_pool_give(tpi_memory_pool(memory, 1), block, size_class, 0);
        TP_ASSERT(__asan_address_is_poisoned(block + 8));
    }
    tpi_memory_free(memory);
#else
    TP_ASSERT(!TPI_ASAN);
#endif
}

/* ---- threads ---- */

enum { THREADS = 3, SLOTS = 64, STEPS = 60000 };

struct parcel {
    struct tpi_free_block
        unused; /* a free block's link: whatever is written here may be overwritten */
    uint64_t check;
    uint16_t owner;
    uint8_t size_class;
};

struct exchange {
    struct tpi_memory *memory;
    _Atomic(struct parcel *) slots[SLOTS];
    _Atomic(unsigned) next;
};

static void parcel_open(struct tpi_pool *pool, struct parcel *parcel) {
    TP_ASSERT(parcel->check == ((uintptr_t)parcel ^ parcel->size_class));
    parcel->check = 0;
    tpi_pool_give(pool, parcel, parcel->size_class, parcel->owner);
}

static void swap_parcels(void *arg) {
    struct exchange *exchange = arg;
    /* relaxed: only a number for each. */
    unsigned index = atomic_fetch_add_explicit(&exchange->next, 1, memory_order_relaxed);
    struct tpi_pool *pool = tpi_memory_pool(exchange->memory, index);
    struct tpi_rng rng;
    tpi_rng_seed(&rng, index);
    for (int step = 0; step < STEPS; step++) {
        uint8_t size_class = (uint8_t)(1 + tpi_rng_below(&rng, 4));
        struct parcel *parcel = tpi_pool_take(pool, size_class);
        parcel->size_class = size_class;
        parcel->owner = pool->index;
        parcel->check = (uintptr_t)parcel ^ size_class;
        /* acq_rel: partner is the same exchange in other threads; a parcel's contents go with it.
         * */
        parcel = atomic_exchange_explicit(&exchange->slots[tpi_rng_below(&rng, SLOTS)], parcel,
                                          memory_order_acq_rel);
        if (parcel != NULL) parcel_open(pool, parcel);
        if (tpi_rng_below(&rng, 1000) == 0) tpi_pool_flush(pool);
    }
    tpi_pool_flush(pool);
}

static void run_threads(struct exchange *exchange) {
    tpi_thread threads[THREADS];
    atomic_init(&exchange->next, 0);
    for (int i = 0; i < THREADS; i++) {
        TP_ASSERT_EQ_INT(tpi_thread_start(&threads[i], "swap", swap_parcels, exchange), TP_OK);
    }
    for (int i = 0; i < THREADS; i++) tpi_thread_join(threads[i]);
}

TP_TEST(pool, blocks_survive_travel_between_threads_without_growth) {
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    exchange->memory = memory_of(THREADS);
    run_threads(exchange);
    size_t bytes = tpi_memory_bytes(exchange->memory);
    /* In use at most: the slots, one in each hand, unsent chains, and a chain under way for each.
     * */
    TP_ASSERT(bytes < ((size_t)4 << 20));
    run_threads(exchange);
    run_threads(exchange);
    TP_ASSERT(tpi_memory_bytes(exchange->memory) <= bytes + ((size_t)1 << 20));
    tpi_memory_free(exchange->memory);
    free(exchange);
}
