/*
 * Hash functions: a mixer for integers and FNV-1a for names. Neither withstands someone who looks
 * for collisions; what a stranger can fill is bounded by count, not by hash.
 */
#ifndef TPI_BASE_HASH_H
#define TPI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define TPI_FNV1A_START UINT64_C(0xcbf29ce484222325)

/* A bijection in which every input bit reaches every output bit (the finisher of splitmix64). */
static inline uint64_t tpi_hash_u64(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* Both words count, and their order. */
static inline uint64_t tpi_hash_pair(uint64_t a, uint64_t b) {
    return tpi_hash_u64(a + UINT64_C(0x9e3779b97f4a7c15) * (b + 1));
}

/* FNV-1a, 64 bits; continues from `hash` (TPI_FNV1A_START at first). */
static inline uint64_t tpi_hash_more(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline uint64_t tpi_hash_bytes(const void *bytes, size_t size) {
    return tpi_hash_more(TPI_FNV1A_START, bytes, size);
}

#endif
