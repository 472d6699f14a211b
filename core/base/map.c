/*
 * Open addressing with linear probing. A removal moves the followers of its cluster back instead of
 * leaving a tombstone, so lookups never slow down with age. At least a quarter of the table is
 * empty, so every probe ends.
 *
 * The walk starts just below an empty slot and goes downwards. A removal at the walk's place moves
 * only entries from higher slots of the same cluster, all visited already, and no cluster reaches
 * across the empty slot where the walk began: hence removing what was just visited skips and
 * repeats nothing.
 */
#include "core/base/map.h"

#include <string.h>

#include "core/base/assert.h"
#include "core/base/hash.h"

#define MAP_CAPACITY_MAX (UINT32_C(1) << 31)

_Static_assert(sizeof(size_t) == 8, "the cursor holds two 32-bit numbers");

static uint32_t home_of(uint64_t a, uint64_t b, uint32_t mask) {
    return (uint32_t)tpi_hash_pair(a, b) & mask;
}

/* The slot that holds the key, or the empty one where it would go. The table must exist. */
static uint32_t find_slot(const struct tpi_map *map, uint64_t a, uint64_t b) {
    TPI_CHECK(map->table != NULL && map->capacity >= TPI_MAP_FIRST);
    TPI_CHECK((map->capacity & (map->capacity - 1)) == 0); /* masks find the home slot */
    TPI_CHECK(map->count < map->capacity);                 /* else the probe would not end */
    uint32_t mask = map->capacity - 1;
    uint32_t at = home_of(a, b, mask);
    while (map->table[at].value != NULL && (map->table[at].a != a || map->table[at].b != b)) {
        at = (at + 1) & mask;
    }
    return at;
}

static tp_err grow(struct tpi_map *map) {
    TPI_ASSERT(map->count <= map->capacity);
    if (map->capacity == MAP_CAPACITY_MAX) return TP_ENOMEM;
    struct tpi_map bigger = *map;
    bigger.capacity = map->capacity == 0 ? TPI_MAP_FIRST : map->capacity * 2;
    size_t size = bigger.capacity * sizeof(struct tpi_map_entry);
    bigger.table = map->capacity == 0 && map->first != NULL
                       ? map->first
                       : map->memory.alloc(map->memory.ctx, size);
    if (bigger.table == NULL) return TP_ENOMEM;
    memset(bigger.table, 0, size);
    for (uint32_t i = 0; i < map->capacity; i++) {
        const struct tpi_map_entry *entry = &map->table[i];
        if (entry->value != NULL) bigger.table[find_slot(&bigger, entry->a, entry->b)] = *entry;
    }
    uint32_t count = map->count;
    tpi_map_fini(map);
    map->table = bigger.table;
    map->capacity = bigger.capacity;
    map->count = count;
    return TP_OK;
}

tp_err tpi_map_put(struct tpi_map *map, uint64_t a, uint64_t b, void *value) {
    TPI_ASSERT(value != NULL);
    uint32_t at = 0;
    if (map->capacity != 0) {
        at = find_slot(map, a, b);
        if (map->table[at].value != NULL) {
            map->table[at].value = value;
            return TP_OK;
        }
    }
    if (map->count + 1 > map->capacity - map->capacity / 4) {
        tp_err err = grow(map);
        if (err != TP_OK) return err;
        at = find_slot(map, a, b);
    }
    struct tpi_map_entry *entry = &map->table[at];
    entry->a = a;
    entry->b = b;
    entry->value = value;
    map->count++;
    TPI_ASSERT(map->count < map->capacity);
    return TP_OK;
}

void *tpi_map_get(const struct tpi_map *map, uint64_t a, uint64_t b) {
    TPI_CHECK((map->table != NULL) == (map->capacity > 0) && map->count <= map->capacity);
    if (map->count == 0) return NULL;
    return map->table[find_slot(map, a, b)].value;
}

/* Empties slot `hole` and closes the gap: whoever probed across it is moved back into it. */
static void close_gap(struct tpi_map *map, uint32_t hole) {
    TPI_CHECK(hole < map->capacity && map->table[hole].value != NULL);
    uint32_t mask = map->capacity - 1;
    uint32_t at = (hole + 1) & mask;
    while (map->table[at].value != NULL) {
        uint32_t home = home_of(map->table[at].a, map->table[at].b, mask);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->table[hole] = map->table[at];
            hole = at;
        }
        at = (at + 1) & mask;
    }
    map->table[hole].value = NULL;
}

static void remove_at(struct tpi_map *map, uint32_t at) {
    TPI_CHECK(map->count > 0 && map->table[at].value != NULL);
    map->count--;
    if (map->count == 0) {
        tpi_map_fini(map);
    } else {
        close_gap(map, at);
    }
}

void *tpi_map_remove(struct tpi_map *map, uint64_t a, uint64_t b) {
    TPI_CHECK((map->table != NULL) == (map->capacity > 0));
    if (map->count == 0) return NULL;
    uint32_t at = find_slot(map, a, b);
    void *value = map->table[at].value;
    if (value != NULL) remove_at(map, at);
    return value;
}

bool tpi_map_remove_if(struct tpi_map *map, uint64_t a, uint64_t b, const void *value) {
    TPI_ASSERT(value != NULL);
    if (map->count == 0) return false;
    uint32_t at = find_slot(map, a, b);
    if (map->table[at].value != value) return false;
    remove_at(map, at);
    return true;
}

/* The cursor: the starting slot plus one in the high half, the steps made in the low half. */
static size_t cursor_begin(const struct tpi_map *map) {
    TPI_CHECK(map->count < map->capacity); /* there is an empty slot to begin below */
    uint32_t start = 0;
    while (map->table[start].value != NULL) start++;
    TPI_ASSERT(start < map->capacity);
    return (size_t)(start + 1) << 32;
}

bool tpi_map_step(const struct tpi_map *map, size_t *cursor, uint64_t *a, uint64_t *b,
                  void **value) {
    TPI_CHECK(map->count > 0 && map->table != NULL);
    if (*cursor == 0) *cursor = cursor_begin(map);
    uint32_t mask = map->capacity - 1;
    uint32_t start = (uint32_t)(*cursor >> 32) - 1;
    TPI_ASSERT(start < map->capacity);
    for (uint32_t steps = (uint32_t)*cursor + 1; steps < map->capacity; steps++) {
        const struct tpi_map_entry *entry = &map->table[(start - steps) & mask];
        if (entry->value == NULL) continue;
        *cursor = (size_t)(start + 1) << 32 | steps;
        if (a != NULL) *a = entry->a;
        if (b != NULL) *b = entry->b;
        if (value != NULL) *value = entry->value;
        return true;
    }
    return false;
}
