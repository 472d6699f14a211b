/*
 * Groups over nodes: members come and go while connections are lost and machines crash; when all
 * is calm every node knows the same members, and each monitor has been told what makes its picture.
 */
#ifndef TESTS_SIMNET_GROUPS_H
#define TESTS_SIMNET_GROUPS_H

#include <stdint.h>

/* Seeds from..to; the first that failed, or 0. *told: changes that monitors heard of. */
uint64_t groups_seeds(uint64_t from, uint64_t to, uint64_t *told);

#endif
