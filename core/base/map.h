/*
 * A hash map from two words to a pointer, for tables that stay small or grow with their users:
 * links, monitors, names, requests. Holds memory only while it holds entries. Not thread-safe.
 */
#ifndef TPI_BASE_MAP_H
#define TPI_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/base.h>

/* Where tables come from: `free` is told the size that was asked for; `alloc` may return NULL. */
struct tpi_map_memory {
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *pointer, size_t size);
    void *ctx;
};

struct tpi_map_entry {
    uint64_t a;
    uint64_t b;
    void *value; /* NULL: the slot is empty */
};
#define TPI_MAP_FIRST 4u /* slots of a first table, three of which are used */

struct tpi_map {
    struct tpi_map_entry *table; /* NULL while empty */
    struct tpi_map_entry *first; /* the owner's memory for the first table, or NULL */
    uint32_t capacity;           /* a power of two, or 0 */
    uint32_t count;
    struct tpi_map_memory memory;
};

/* Takes no memory. */
static inline void tpi_map_init(struct tpi_map *map, struct tpi_map_memory memory) {
    *map = (struct tpi_map){.memory = memory};
}
/* The same; as long as few entries are in it they are in `first`, which has TPI_MAP_FIRST slots and
 * must live as long as the map. */
static inline void tpi_map_init_in(struct tpi_map *map, struct tpi_map_memory memory,
                                   struct tpi_map_entry *first) {
    *map = (struct tpi_map){.memory = memory, .first = first};
}
/* Forgets all entries and gives the table back; the map is then as after init. */
static inline void tpi_map_fini(struct tpi_map *map) {
    if (map->table != NULL && map->table != map->first)
        map->memory.free(map->memory.ctx, map->table, map->capacity * sizeof map->table[0]);
    map->table = NULL;
    map->capacity = 0;
    map->count = 0;
}

/*
 * Adds an entry or replaces the value of the one with the same key. `value` is not NULL. TP_ENOMEM
 * leaves the map as it was; replacing never fails.
 */
tp_err tpi_map_put(struct tpi_map *map, uint64_t a, uint64_t b, void *value);
/* The value, NULL when there is none. */
void *tpi_map_get(const struct tpi_map *map, uint64_t a, uint64_t b);
/* Removes the entry and returns its value, NULL when there is none. Never fails. */
void *tpi_map_remove(struct tpi_map *map, uint64_t a, uint64_t b);
/* Removes the entry if its value is this one, in one search. */
bool tpi_map_remove_if(struct tpi_map *map, uint64_t a, uint64_t b, const void *value);
static inline size_t tpi_map_count(const struct tpi_map *map) {
    return map->count;
}

/* tpi_map_next of a map that has entries. */
bool tpi_map_step(const struct tpi_map *map, size_t *cursor, uint64_t *a, uint64_t *b,
                  void **value);
/*
 * Visits every entry once, in no particular order: `size_t cursor = 0; while (tpi_map_next(...))`.
 * Inside the loop the entry just visited may be removed, and nothing else changed. `a`, `b`,
 * `value` may be NULL.
 */
static inline bool tpi_map_next(const struct tpi_map *map, size_t *cursor, uint64_t *a, uint64_t *b,
                                void **value) {
    return map->count > 0 && tpi_map_step(map, cursor, a, b, value);
}

#endif
