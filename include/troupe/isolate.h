/*
 * Isolated actors: a behaviour that runs in a process of its own.
 *
 *     int main(void) {
 *         tp_zygote *zygote;
 *         if (tp_zygote_start(&zygote) != TP_OK) return 1;
 *         int status = tp_run_with(&(tp_options){.zygote = zygote}, main_actor, NULL);
 *         tp_zygote_stop(zygote);
 *         return status;
 *     }
 *     ...
 *     tp_pid report = tp_spawn_with(self, &report_behavior, TP_OPTIONS(.isolate = true));
 *
 * Its pid is like any other: sends, calls, links, monitors, names, supervisors and exit reasons
 * work, and whatever it does to memory, it does to its own. When its process ends by itself (a
 * fault, kill -9, a limit) the reason is TP_EXIT_PROCESS (tp_process_of: <troupe/port.h>). A
 * process that stands still (SIGSTOP) is noticed by its missing heartbeat and killed. One whose
 * handler loops for ever is ended by tp_kill, at once; any other exit signal, also that of a link,
 * waits until the handler returns, as it does in the node. So a supervisor ends such a child after
 * its shutdown time, and a probe finds it.
 *
 * The process is a copy of this one as it was at tp_zygote_start: it sees global variables as they
 * were then, and no secrets that were loaded later. One copy always waits ahead of time, asleep, so
 * that the next spawn finds it ready; it goes with tp_zygote_stop. Behaviours and message types
 * must be in the program or in libraries that were loaded before (TP_ENOTSUP for a behaviour that
 * is not).
 *
 * A supervisor's probe (probe_every) asks the process itself: silence there is a SIGKILL. Links,
 * monitors, calls and replies work with actors of other nodes, too. With `isolate` these are
 * refused: a body, `capsule` (TP_ENOTSUP); system messages (<troupe/sys.h>) answer TP_ENOTSUP.
 * `contain` means nothing beside it.
 *
 * In the process: timers, sockets, tp_alloc, calls and futures as ever. tp_spawn, tp_spawn_link and
 * tp_spawn_with spawn in the node, behaviours only. Not supported there: bodies, tp_start (and with
 * it ports and supervisors), names, groups and inboxes: TP_ENOTSUP, or the null pid. A call through
 * an isolated actor that closes a cycle is ended by its timeout. The log goes to the node's.
 */
#ifndef TROUPE_ISOLATE_H
#define TROUPE_ISOLATE_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/*
 * Forks the process that isolated actors are copied from. First thing in main: TP_ECONTEXT when
 * this process has threads already. One may serve several runtimes. TP_ENOMEM, TP_EIO.
 */
TP_API tp_err tp_zygote_start(tp_zygote **out);
/* Ends it, after the runtimes that use it have stopped. NULL is allowed. */
TP_API void tp_zygote_stop(tp_zygote *zygote);
/* True if actors of this runtime may be spawned with `isolate`: it has a zygote, is no simulator,
 * and is not an isolated actor's own. Any thread. */
TP_API bool tp_can_isolate(const tp_runtime *runtime);

TP_EXTERN_END

#endif
