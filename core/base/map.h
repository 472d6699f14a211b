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

struct tpi_map_entry; /* in map.c */

struct tpi_map {
    struct tpi_map_entry *table; /* NULL while empty */
    uint32_t capacity;           /* a power of two, or 0 */
    uint32_t count;
    struct tpi_map_memory memory;
};

/* Takes no memory. */
void tpi_map_init(struct tpi_map *map, struct tpi_map_memory memory);
/* Forgets all entries and gives the table back; the map is then as after init. */
void tpi_map_fini(struct tpi_map *map);

/*
 * Adds an entry or replaces the value of the one with the same key. `value` is not NULL. TP_ENOMEM
 * leaves the map as it was; replacing never fails.
 */
tp_err tpi_map_put(struct tpi_map *map, uint64_t a, uint64_t b, void *value);
/* The value, NULL when there is none. */
void *tpi_map_get(const struct tpi_map *map, uint64_t a, uint64_t b);
/* Removes the entry and returns its value, NULL when there is none. Never fails. */
void *tpi_map_remove(struct tpi_map *map, uint64_t a, uint64_t b);
static inline size_t tpi_map_count(const struct tpi_map *map) {
    return map->count;
}

/*
 * Visits every entry once, in no particular order: `size_t cursor = 0; while (tpi_map_next(...))`.
 * Inside the loop the entry just visited may be removed, and nothing else changed. `a`, `b`,
 * `value` may be NULL.
 */
bool tpi_map_next(const struct tpi_map *map, size_t *cursor, uint64_t *a, uint64_t *b,
                  void **value);

#endif
