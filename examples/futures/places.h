/*
 * One piece of work, in two places: on a thread of this process, or in a process of its own.
 */
#ifndef EXAMPLES_FUTURES_PLACES_H
#define EXAMPLES_FUTURES_PLACES_H

#include "examples/futures/futures.h"

/* What to do, besides counting primes, is what goes wrong. */
enum { COUNT_PRIMES, WAIT_FOR_GO, NEVER_END, RETURN_ERROR, FAIL, DIE };

TP_MESSAGE(work, TP_FIELD(i32, what), TP_FIELD(i64, number), TP_FIELD(pid, boss))
TP_MESSAGE(result, TP_FIELD(i64, value), TP_FIELD(i64, process))
/* A task that waits says so, and goes on when it is told. */
TP_MESSAGE(waits, TP_FIELD(i64, number), TP_FIELD(pid, worker))
TP_MESSAGE(go)

struct place {
    const char *name;
    bool apart;
};

/* Submits work; what comes back is a `result`, whichever the place. */
tp_err place_submit(tp_actor *self, const struct place *place, tp_pid group, tp_task *task,
                    const tp_task_options *options, const work *in);

#endif
