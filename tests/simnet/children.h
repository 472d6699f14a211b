/*
 * A supervisor whose children are on other nodes, while connections are lost and machines crash:
 * when all is calm each child runs once, the supervisor knows which one, and it has not given up.
 */
#ifndef TESTS_SIMNET_CHILDREN_H
#define TESTS_SIMNET_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

/* What a run did, over all its seeds. */
struct children_sums {
    uint64_t born, twins; /* twins: looks that saw two of one child at once */
};
extern struct children_sums children_sums;

/* Seeds from..to; the first that failed, or 0. With `cuts` connections are lost, and nothing else
 * happens: no machine stops. */
uint64_t children_seeds(uint64_t from, uint64_t to, bool cuts);

#endif
