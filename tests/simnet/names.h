/*
 * Names of a cluster: actors register and give back while connections are lost and machines crash.
 * When all is calm each name has one owner, all nodes know it, and whoever lost it was told once.
 */
#ifndef TESTS_SIMNET_NAMES_H
#define TESTS_SIMNET_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* What a run did, over all its seeds. */
struct names_sums {
    uint64_t taken, refused, given_back, conflicts, owned_at_end;
};
extern struct names_sums names_sums;

/* Seeds from..to; the first that failed, or 0. Without `disturbed` nothing is ever lost. */
uint64_t names_seeds(uint64_t from, uint64_t to, bool disturbed);

#endif
