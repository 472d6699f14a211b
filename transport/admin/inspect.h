/*
 * What the files of the inspection share.
 */
#ifndef TPI_INSPECT_H
#define TPI_INSPECT_H

#include <troupe/inspect.h>

/* What a tracer is started with (trace.c); the bounds are within those of <troupe/inspect.h>. */
TP_MESSAGE_AS(tpi_trace_begin, "tp.inspect.trace_begin", TP_FIELD(pid, target),
              TP_FIELD(pid, client), TP_FIELD(u32, limit), TP_FIELD(u32, rate),
              TP_FIELD(u32, seconds))

extern const tp_behavior tpi_tracer_behavior;

/* An actor looked at, for the wire; borrows from `info`. */
tp_inspect_actor tpi_inspect_describe(const tp_actor_info *info);
/* Answers a tp_inspect_look about the pid. */
void tpi_inspect_detail(tp_actor *self, tp_pid pid);

#endif
