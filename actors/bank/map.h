/*
 * A map from short byte strings (an id, a number, a name) to what a caller keeps, in order of
 * insertion. It only grows. Plain memory; use one map from one thread at a time.
 */
#ifndef ACTORS_BANK_MAP_H
#define ACTORS_BANK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an item that is not there would be. */
#define BANK_MAP_NONE SIZE_MAX

/* One key, where it stands in the map's own copy. */
struct bank_map_key {
    size_t at;
    size_t size;
    uint64_t hash;
};

/*
 * Zero-initialised it is empty. Items are numbered 0, 1, 2, ... as they are added: a caller keeps
 * what belongs to item n in its own array at n.
 */
struct bank_map {
    struct bank_map_key *keys;
    size_t count;
    size_t keys_max;
    char *bytes; /* the keys, one after the other */
    size_t bytes_size;
    size_t bytes_max;
    size_t *slots; /* item + 1, or 0 for an empty slot; a power of two of them */
    size_t slots_max;
};

/* A hash of bytes: FNV-1a, mixed. */
uint64_t bank_hash(const void *data, size_t size);

/* Frees it; it is then empty. */
void bank_map_free(struct bank_map *map);
/* The item of a key, or BANK_MAP_NONE. */
size_t bank_map_find(const struct bank_map *map, const void *key, size_t size);
/* The item of a key, added when it is new (then *added is true). BANK_MAP_NONE: out of memory. */
size_t bank_map_add(struct bank_map *map, const void *key, size_t size, bool *added);
/* The key of an item; valid until the next bank_map_add. */
const char *bank_map_key(const struct bank_map *map, size_t item, size_t *size);

/*
 * Makes room for one more element in a caller's array: the array, perhaps moved, or NULL when
 * memory ran out (the old one is then as it was). `max` counts elements.
 */
void *bank_array_grow(void *array, size_t count, size_t *max, size_t element_size);

#endif
