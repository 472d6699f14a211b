/* The map against a model so simple that it cannot be wrong. */
#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/test.h"

struct purse {
    long allowed; /* allocations that still succeed */
    size_t held;
};

static void *purse_alloc(void *ctx, size_t size) {
    struct purse *purse = ctx;
    if (purse->allowed-- <= 0) return NULL;
    purse->held += size;
    return malloc(size);
}

static void purse_free(void *ctx, void *pointer, size_t size) {
    struct purse *purse = ctx;
    purse->held -= size;
    free(pointer);
}

static void map_begin(struct tpi_map *map, struct purse *purse) {
    purse->allowed = 1000000;
    purse->held = 0;
    tpi_map_init(map, (struct tpi_map_memory){purse_alloc, purse_free, purse});
}

static char values[64]; /* addresses to store */

TP_TEST(map, holds_no_memory_while_empty) {
    struct purse purse;
    struct tpi_map map;
    map_begin(&map, &purse);
    TP_ASSERT_EQ_INT(purse.held, 0);
    TP_ASSERT(tpi_map_get(&map, 1, 2) == NULL);
    TP_ASSERT(tpi_map_remove(&map, 1, 2) == NULL);
    TP_ASSERT_EQ_INT(tpi_map_put(&map, 1, 2, &values[0]), TP_OK);
    TP_ASSERT(purse.held > 0);
    TP_ASSERT(tpi_map_remove(&map, 1, 2) == &values[0]);
    TP_ASSERT_EQ_INT(purse.held, 0);
    tpi_map_fini(&map);
}

TP_TEST(map, few_entries_stay_in_the_owner_s_memory) {
    struct purse purse;
    struct tpi_map map;
    struct tpi_map_entry first[TPI_MAP_FIRST];
    map_begin(&map, &purse);
    tpi_map_init_in(&map, map.memory, first);
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 3; i++) tpi_map_put(&map, i, 7, &values[i]);
        TP_ASSERT_EQ_INT(purse.held, 0);
        for (uint64_t i = 3; i < 20; i++) tpi_map_put(&map, i, 7, &values[i]);
        TP_ASSERT(purse.held > 0);
        for (uint64_t i = 0; i < 20; i++) TP_ASSERT(tpi_map_remove(&map, i, 7) == &values[i]);
        TP_ASSERT_EQ_INT(purse.held, 0);
    }
    tpi_map_put(&map, 1, 2, &values[1]);
    tpi_map_fini(&map);
    TP_ASSERT(tpi_map_get(&map, 1, 2) == NULL);
}

TP_TEST(map, put_replaces_the_value_of_an_equal_key) {
    struct purse purse;
    struct tpi_map map;
    map_begin(&map, &purse);
    tpi_map_put(&map, 1, 2, &values[0]);
    tpi_map_put(&map, 2, 1, &values[1]);
    tpi_map_put(&map, 1, 2, &values[2]);
    TP_ASSERT_EQ_INT(tpi_map_count(&map), 2);
    TP_ASSERT(tpi_map_get(&map, 1, 2) == &values[2]);
    TP_ASSERT(tpi_map_get(&map, 2, 1) == &values[1]);
    tpi_map_fini(&map);
    TP_ASSERT_EQ_INT(purse.held, 0);
}

TP_TEST(map, removes_only_the_value_that_is_meant) {
    struct purse purse;
    struct tpi_map map;
    map_begin(&map, &purse);
    TP_ASSERT(!tpi_map_remove_if(&map, 1, 2, &values[0]));
    for (uint64_t i = 0; i < 10; i++) tpi_map_put(&map, i, 2, &values[i]);
    for (uint64_t i = 0; i < 10; i++) {
        TP_ASSERT(!tpi_map_remove_if(&map, i, 2, &values[i + 1]));
        TP_ASSERT(tpi_map_get(&map, i, 2) == &values[i]);
        TP_ASSERT(tpi_map_remove_if(&map, i, 2, &values[i]));
        TP_ASSERT(tpi_map_get(&map, i, 2) == NULL);
        TP_ASSERT_EQ_INT(tpi_map_count(&map), 9 - i);
    }
    TP_ASSERT_EQ_INT(purse.held, 0);
    tpi_map_fini(&map);
}

TP_TEST(map, failed_growth_leaves_everything_in_place) {
    struct purse purse;
    struct tpi_map map;
    map_begin(&map, &purse);
    purse.allowed = 2;
    uint64_t added = 0;
    while (tpi_map_put(&map, added, 0, &values[added % 64]) == TP_OK) added++;
    TP_ASSERT(added > 4);
    TP_ASSERT_EQ_INT(tpi_map_count(&map), added);
    for (uint64_t i = 0; i < added; i++) TP_ASSERT(tpi_map_get(&map, i, 0) == &values[i % 64]);
    TP_ASSERT_EQ_INT(tpi_map_put(&map, 0, 0, &values[9]), TP_OK); /* replacing needs no memory */
    tpi_map_fini(&map);
    TP_ASSERT_EQ_INT(purse.held, 0);
}

#define KEYS 48

static void check_walk(const struct tpi_map *map, void *const *model) {
    size_t cursor = 0;
    uint64_t a;
    uint64_t b;
    void *value;
    bool seen[KEYS] = {false};
    size_t visits = 0;
    while (tpi_map_next(map, &cursor, &a, &b, &value)) {
        TP_ASSERT(a < KEYS && b == a * 3);
        TP_ASSERT(!seen[a] && model[a] == value);
        seen[a] = true;
        visits++;
    }
    TP_ASSERT_EQ_INT(visits, tpi_map_count(map));
}

TP_TEST(map, agrees_with_a_plain_array_over_random_steps) {
    struct purse purse;
    struct tpi_map map;
    struct tpi_rng rng;
    for (uint64_t seed = 0; seed < 40; seed++) {
        void *model[KEYS] = {NULL};
        map_begin(&map, &purse);
        tpi_rng_seed(&rng, seed);
        uint64_t keys = 1 + tpi_rng_below(&rng, KEYS);
        for (int step = 0; step < 1500; step++) {
            uint64_t key = tpi_rng_below(&rng, keys);
            char *value = &values[tpi_rng_below(&rng, 64)];
            if (tpi_rng_below(&rng, 2) == 0) {
                TP_ASSERT_EQ_INT(tpi_map_put(&map, key, key * 3, value), TP_OK);
                model[key] = value;
            } else {
                TP_ASSERT(tpi_map_remove(&map, key, key * 3) == model[key]);
                model[key] = NULL;
            }
            for (uint64_t i = 0; i < keys; i++) TP_ASSERT(tpi_map_get(&map, i, i * 3) == model[i]);
            if (step % 50 == 0) check_walk(&map, model);
        }
        tpi_map_fini(&map);
        TP_ASSERT_EQ_INT(purse.held, 0);
    }
}

TP_TEST(map, a_walk_may_remove_what_it_visits) {
    struct purse purse;
    struct tpi_map map;
    struct tpi_rng rng;
    tpi_rng_seed(&rng, 7);
    for (int round = 0; round < 2000; round++) {
        map_begin(&map, &purse);
        bool there[KEYS] = {false};
        uint64_t base = tpi_rng_next(&rng);
        uint64_t keys = 1 + tpi_rng_below(&rng, KEYS);
        for (uint64_t i = 0; i < keys; i++) {
            tpi_map_put(&map, base + i, 0, &values[0]);
            there[i] = true;
        }
        size_t cursor = 0;
        uint64_t a;
        size_t visits = 0;
        while (tpi_map_next(&map, &cursor, &a, NULL, NULL)) {
            TP_ASSERT(there[a - base]);
            visits++;
            if (tpi_rng_below(&rng, 3) == 0) continue;
            TP_ASSERT(tpi_map_remove(&map, a, 0) != NULL);
            there[a - base] = false;
        }
        TP_ASSERT_EQ_INT(visits, keys);
        for (uint64_t i = 0; i < keys; i++) {
            TP_ASSERT((tpi_map_get(&map, base + i, 0) != NULL) == there[i]);
        }
        tpi_map_fini(&map);
    }
}

TP_TEST(map, stays_fast_under_endless_turnover) {
    struct purse purse;
    struct tpi_map map;
    map_begin(&map, &purse);
    for (uint64_t i = 0; i < 200000; i++) {
        TP_ASSERT_EQ_INT(tpi_map_put(&map, i, i, &values[0]), TP_OK);
        if (i >= 10) TP_ASSERT(tpi_map_remove(&map, i - 10, i - 10) != NULL);
    }
    TP_ASSERT_EQ_INT(tpi_map_count(&map), 10);
    TP_ASSERT_EQ_INT(map.capacity, 16); /* no growth by what is gone */
    tpi_map_fini(&map);
}
