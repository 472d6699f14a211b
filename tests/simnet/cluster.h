/*
 * A cluster on a simulated network whose actors do everything to each other that actors can, while
 * connections are reset, machines are cut off, stopped, slowed, crashed and started again. What
 * must hold is checked by who sees it.
 */
#ifndef TESTS_SIMNET_CLUSTER_H
#define TESTS_SIMNET_CLUSTER_H

#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#define MACHINES_MAX 4
#define ACTORS_MAX 96 /* instances in one run */

/* What happens to the cluster. */
struct cluster_faults {
    bool chance;  /* any write may reset its connection (tp_simnet_options.resets) */
    bool resets;  /* connections are reset */
    bool blocks;  /* directions are blocked for a while */
    bool stops;   /* machines are stopped, and slow */
    bool crashes; /* machines lose their power, or end in order, and start again */
    bool secret;  /* and all of it encrypted */
};

/* Summed over the seeds, to see that the faults did something. */
struct cluster_sums {
    uint64_t said, heard, gaps, downs, lost_downs, exits, lost_exits, calls, failed_calls;
    uint64_t node_downs, connections, resets, restarts;
};
extern struct cluster_sums cluster_sums;

/* One seed; NULL or what was wrong. arg: struct cluster_faults. */
const char *cluster_scenario(tp_simnet *net, void *arg);

#endif
