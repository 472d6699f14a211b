/*
 * The two halves of the program.
 */
#ifndef EXAMPLES_PIPELINE_PIPELINE_H
#define EXAMPLES_PIPELINE_PIPELINE_H

#include "examples/common/story.h"

/* Commits on their way to production: stages, steps, approval, retries, a poison commit. */
void show_releases(struct story *story, int64_t commits);
/* Items through stages of different speed: bounds, memory, throughput, more workers. */
void show_flow(struct story *story, int64_t items);

#endif
