/*
 * The map: open addressing over item numbers, keys copied into one growing run of bytes.
 */
#include "actors/bank/map.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

void bank_map_free(struct bank_map *map) {
    free(map->keys);
    free(map->bytes);
    free(map->slots);
    *map = (struct bank_map){0};
}

void *bank_array_grow(void *array, size_t count, size_t *max, size_t element_size) {
    if (count < *max) return array;
    size_t wanted = *max == 0 ? 16 : *max * 2;
    if (wanted <= *max || wanted > SIZE_MAX / element_size) return NULL;
    void *grown = realloc(array, wanted * element_size);
    if (grown != NULL) *max = wanted;
    return grown;
}

/* The mix makes the low bits good enough to choose a slot. */
uint64_t bank_hash(const void *data, size_t size) {
    const unsigned char *bytes = data;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash ^ (hash >> 29);
}

static bool key_equal(const struct bank_map *map, size_t item, const void *key, size_t size,
                      uint64_t hash) {
    const struct bank_map_key *k = &map->keys[item];
    return k->hash == hash && k->size == size && memcmp(map->bytes + k->at, key, size) == 0;
}

/* The slot that holds the key, or the empty one where it belongs. */
static size_t slot_of(const struct bank_map *map, const void *key, size_t size, uint64_t hash) {
    size_t slot = hash & (map->slots_max - 1);
    while (map->slots[slot] != 0 && !key_equal(map, map->slots[slot] - 1, key, size, hash)) {
        slot = (slot + 1) & (map->slots_max - 1);
    }
    return slot;
}

/* Keeps at least a third of the slots empty. */
static bool slots_grow(struct bank_map *map) {
    if (map->count < map->slots_max / 3 * 2) return true;
    size_t max = map->slots_max == 0 ? SLOTS_MIN : map->slots_max * 2;
    size_t *slots = calloc(max, sizeof *slots);
    if (slots == NULL) return false;
    for (size_t item = 0; item < map->count; item++) {
        size_t slot = map->keys[item].hash & (max - 1);
        while (slots[slot] != 0) slot = (slot + 1) & (max - 1);
        slots[slot] = item + 1;
    }
    free(map->slots);
    map->slots = slots;
    map->slots_max = max;
    return true;
}

static bool bytes_grow(struct bank_map *map, size_t more) {
    if (more <= map->bytes_max - map->bytes_size) return true;
    size_t max = map->bytes_max == 0 ? 1024 : map->bytes_max;
    while (max - map->bytes_size < more) {
        if (max > SIZE_MAX / 2) return false;
        max *= 2;
    }
    char *bytes = realloc(map->bytes, max);
    if (bytes == NULL) return false;
    map->bytes = bytes;
    map->bytes_max = max;
    return true;
}

size_t bank_map_find(const struct bank_map *map, const void *key, size_t size) {
    if (map->count == 0) return BANK_MAP_NONE;
    size_t slot = slot_of(map, key, size, bank_hash(key, size));
    return map->slots[slot] == 0 ? BANK_MAP_NONE : map->slots[slot] - 1;
}

size_t bank_map_add(struct bank_map *map, const void *key, size_t size, bool *added) {
    *added = false;
    size_t item = bank_map_find(map, key, size);
    if (item != BANK_MAP_NONE) return item;
    struct bank_map_key *keys =
        bank_array_grow(map->keys, map->count, &map->keys_max, sizeof *map->keys);
    if (keys == NULL) return BANK_MAP_NONE;
    map->keys = keys;
    if (!bytes_grow(map, size + 1) || !slots_grow(map)) return BANK_MAP_NONE;
    uint64_t hash = bank_hash(key, size);
    map->keys[map->count] = (struct bank_map_key){map->bytes_size, size, hash};
    memcpy(map->bytes + map->bytes_size, key, size);
    map->bytes[map->bytes_size + size] = '\0';
    map->bytes_size += size + 1;
    map->slots[slot_of(map, key, size, hash)] = map->count + 1;
    *added = true;
    return map->count++;
}

const char *bank_map_key(const struct bank_map *map, size_t item, size_t *size) {
    *size = map->keys[item].size;
    return map->bytes + map->keys[item].at;
}
