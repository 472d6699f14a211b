/*
 * Random numbers from a seed, the same on every machine (splitmix64). Not for secrets.
 */
#ifndef ACTORS_BANK_RANDOM_H
#define ACTORS_BANK_RANDOM_H

#include <stdint.h>

/* The next number; *state is the seed at first. */
uint64_t bank_random(uint64_t *state);
/* The next number below a bound, which is above zero. */
uint64_t bank_random_below(uint64_t *state, uint64_t bound);

#endif
