/*
 * The parts of the program: each prints what it shows and adds its checks and figures.
 */
#ifndef EXAMPLES_MULTIPLEXER_MULTIPLEXER_H
#define EXAMPLES_MULTIPLEXER_MULTIPLEXER_H

#include "examples/common/story.h"

/* main awaits A, A awaits B, B awaits C: on one thread and on two, in both queue orders. */
void show_steps(struct story *story);
/* Chains of actors that await each other. */
void show_chains(struct story *story, int64_t deferred, int64_t blocking);
/* FIFO, LIFO and stealing side by side. */
void show_strategies(struct story *story, int64_t hops);
/* Eight arrays summed by eight actors, against Amdahl's bound. */
void show_sum(struct story *story, int64_t items);

#endif
