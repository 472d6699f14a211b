/*
 * What stands in the node for an isolated actor.
 */
#ifndef TPI_PROXY_H
#define TPI_PROXY_H

#include "core/process/process.h"

/* The arguments of the proxy: what the guest is started with. */
TP_MESSAGE_AS(tpi_isolate, "tp.isolate", TP_FIELD(u64, behavior), TP_FIELD(u64, type),
              TP_FIELD(bin, arguments), TP_FIELD(u64, memory), TP_FIELD(u64, files),
              TP_FIELD(u64, seconds), TP_FIELD(i64, heartbeat), TP_FIELD(pid, parent))
/* Time to ask the guest for a sign of life. */
TP_MESSAGE_AS(tpi_beat, "tp.beat")

/* Fills the hooks of a runtime that has a zygote. */
void tpi_proxy_hooks(tp_runtime *runtime);

#endif
