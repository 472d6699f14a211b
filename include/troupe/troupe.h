/*
 * All of troupe but the simulator (<troupe/sim.h>). Start with actor.h.
 */
#ifndef TROUPE_TROUPE_H
#define TROUPE_TROUPE_H

#include <troupe/actor.h>
#include <troupe/base.h>
#include <troupe/behavior.h>
#include <troupe/call.h>
#include <troupe/crash.h>
#include <troupe/events.h>
#include <troupe/inbox.h>
#include <troupe/info.h>
#include <troupe/isolate.h>
#include <troupe/machine.h>
#include <troupe/message.h>
#include <troupe/name.h>
#include <troupe/pool.h>
#include <troupe/port.h>
#include <troupe/runtime.h>
#include <troupe/signal.h>
#include <troupe/socket.h>
#include <troupe/supervisor.h>
#include <troupe/sys.h>
#include <troupe/task.h>
#include <troupe/timer.h>
#include <troupe/trace.h>

#endif
