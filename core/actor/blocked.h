/*
 * What a slice (run.c) and the waits inside it (blocked.c) do for each other.
 */
#ifndef TPI_BLOCKED_H
#define TPI_BLOCKED_H

#include "core/actor/steps.h"

/* Is the wait of a blocked actor over? */
bool tpi_wait_over(tp_actor *self);
/* Gives up the right to run, or goes behind the others when there is more. `keep`: the last
 * block is still in use. */
void tpi_settle(struct tpi_worker *worker, tp_actor *self, bool keep);
/* What ended the wait of an actor that does not live to see it: answered as a dead actor
 * answers. */
void tpi_forsake(tp_actor *self, struct tpi_waiting *waiting);
/* tpi_next_message without what was postponed. */
struct tpi_block *tpi_next_queued(tp_actor *self);
/* A message's end: an unanswered request fails, a loose block is freed. */
void tpi_finish_message(tp_actor *self, struct tpi_block *block);

#endif
