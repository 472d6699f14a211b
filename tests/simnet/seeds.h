/*
 * Families of seeds: each gives the first seed that failed, or 0, and sees to it that its faults
 * did something.
 */
#ifndef TESTS_SIMNET_SEEDS_H
#define TESTS_SIMNET_SEEDS_H

#include "tests/simnet/cluster.h"

uint64_t seeds_undisturbed(uint64_t count);
uint64_t seeds_resets(uint64_t count);
uint64_t seeds_blocks(uint64_t count);
uint64_t seeds_crashes(uint64_t count);
uint64_t seeds_everything(uint64_t count);
uint64_t seeds_encrypted(uint64_t count);

#endif
