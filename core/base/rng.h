/*
 * A seeded generator of pseudo-random numbers (xoshiro256**): 32 bytes of state, the same numbers
 * from the same seed on every machine. For scheduling choices, hash seeds and tests; never for
 * secrets.
 */
#ifndef TPI_BASE_RNG_H
#define TPI_BASE_RNG_H

#include <stdint.h>

struct tpi_rng {
    uint64_t state[4];
};

/* Any seed will do, zero too: it is spread over the state by splitmix64, which yields no four
 * zeros. */
static inline void tpi_rng_seed(struct tpi_rng *rng, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t value = seed;
        value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
        rng->state[i] = value ^ (value >> 31);
    }
}

static inline uint64_t tpi_rng_rotate(uint64_t value, int by) {
    return (value << by) | (value >> (64 - by));
}

/* 64 random bits. */
static inline uint64_t tpi_rng_next(struct tpi_rng *rng) {
    uint64_t *s = rng->state;
    uint64_t result = tpi_rng_rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = tpi_rng_rotate(s[3], 45);
    return result;
}

/*
 * A number below `bound`, every one equally likely; 0 when `bound` is 0. The product's high half is
 * the number; the low half is refused where it would favour some of them.
 */
static inline uint64_t tpi_rng_below(struct tpi_rng *rng, uint64_t bound) {
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)tpi_rng_next(rng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t unfair = (0 - bound) % bound;
        while ((uint64_t)product < unfair) product = (wide)tpi_rng_next(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

#endif
