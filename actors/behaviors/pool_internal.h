/*
 * What passes between a pool and its workers, and the behaviour that every worker really has: it
 * runs the user's behaviour, and knows when to report and when to end.
 */
#ifndef TROUPE_BEHAVIORS_POOL_INTERNAL_H
#define TROUPE_BEHAVIORS_POOL_INTERNAL_H

#include <troupe/pool.h>

/* The arguments of a worker. With `waits` the user's arguments are its first message. */
TP_MESSAGE_AS(tpi_pool_hire, "tp.pool_hire", TP_FIELD(u64, behavior), TP_FIELD(pid, pool),
              TP_FIELD(bool, reports), TP_FIELD(bool, waits))
/* To a worker, after all that it is given: end when you get here. */
TP_MESSAGE_AS(tpi_pool_retire, "tp.pool_retire")
/* From a worker that reports: one message was handled. */
TP_MESSAGE_AS(tpi_pool_handled, "tp.pool_handled")

/* The behaviour of every worker. */
extern const tp_behavior tpi_pool_worker;

#endif
