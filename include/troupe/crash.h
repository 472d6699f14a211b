/*
 * Crashes: what is told when an actor fails, and which faults end an actor instead of the process.
 *
 * A crash is an exit for any reason but normal, shutdown and killed. It is logged, with a report
 * (tp_log_entry), and told to the actors that subscribed.
 *
 * A fault is SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT raised by an actor's own code. It ends the
 * process, after a report on standard error that names the actor, the message and the stack; unless
 * the actor was spawned with tp_spawn_options.contain and nothing was in progress that could be
 * left half done: then the actor alone exits, with TP_EXIT_FAULT, and links and monitors hear of
 * it. What may be in progress: a call of this library, of libc or of any other library than the one
 * that the actor's code is in; and nothing is contained when the stack cannot be read, when malloc
 * is part of the same program or library, when a sanitizer is built in, in the simulator, or beyond
 * tp_options.fault_limit. The actor's terminate is not called; what it owns is released. What its
 * code had of malloc, of locks and of stdio is not, and memory that it wrote to before the fault is
 * as it left it: this is no security boundary. See the guide, chapter 16.
 *
 * The runtime takes the five signals when it starts, unless tp_options.faults_ignored is set; a
 * handler that was there before gets every fault that is not an actor's, and those that are not
 * contained.
 */
#ifndef TROUPE_CRASH_H
#define TROUPE_CRASH_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* ---- faults ---- */

/* A contained fault. */
typedef struct tp_fault {
    int32_t signal;   /* SIGSEGV, ... */
    int32_t code;     /* siginfo's si_code */
    uint64_t address; /* what was touched, or where the instruction is; 0: the signal has none */
} tp_fault;
/* Reads the detail of a TP_EXIT_FAULT: {down.code, down.detail}. False: it is none. Any thread. */
TP_API bool tp_fault_of(tp_reason reason, tp_fault *out);
/* True if faults can be contained here: no sanitizer, no simulator, not ignored. Any thread. */
TP_API bool tp_contains_faults(const tp_runtime *runtime);
/* "SIGSEGV" and so on; a static string. Any thread. */
TP_API const char *tp_signal_name(int32_t signal);

/* ---- crash capsules ---- */

/*
 * A behaviour spawned with tp_spawn_options.capsule = K keeps its last K inputs: messages,
 * timeouts, and with each the random numbers, readings of the clock, references, pids of spawned
 * actors and answers to calls that its code got while it handled it. When it crashes they are
 * written to a new file in tp_options.capsule_directory, NAME-SLOT-GENERATION-TIME.capsule, which
 * only its owner may read; at most 60 files a minute, of about 1 MiB each. An actor of which a
 * fault is not contained leaves none.
 *
 *     TROUPE_REPLAY=FILE ./program
 *
 * runs the same behaviour of the same program on these inputs, in the place of tp_run's main actor,
 * and says whether it ended as recorded: exit status 0 if so, 1 if not, 2 if the file was refused.
 * What it sends, spawns, links or arms goes nowhere; what its code does to files and sockets of its
 * own happens again. Where more than K inputs came, the replay says how many are lost and goes on
 * from init without them. Not kept: futures, sockets, tp_whereis, groups, the results of sends,
 * addresses. Bodies cannot have a capsule (TP_ENOTSUP). See the guide, chapter 19, and
 * docs/capsule.md for the format.
 */

/* ---- crashes told to actors ---- */

/* One crash. The stack is that of a fault, or of a tp_fail where faults can be contained: of at
 * most 100 failures a second, 16 frames each; empty otherwise. Lists are cut: links at 16, the
 * stack at 32, last messages at 8, restarts at 4. */
TP_MESSAGE_AS(tp_crash_report, "tp.crash_report", TP_FIELD(pid, actor),
              TP_FIELD(str, name), /* registered, or empty */
              TP_FIELD(str, behavior), TP_FIELD(i32, code), TP_FIELD(bin, detail),
              TP_FIELD(str, reason),  /* the code's name and the detail as text */
              TP_FIELD(str, message), /* that it was handling, as text; empty: none */
              TP_FIELD(pid, sender),  /* of that message */
              TP_FIELD(u32, mailbox), /* messages that waited */
              TP_LIST(pid, links), TP_FIELD(u32, link_count),
              TP_FIELD(u32, monitor_count),                /* that it had on others */
              TP_FIELD(u32, watcher_count),                /* that others had on it */
              TP_FIELD(i32, signal),                       /* of a fault; else 0 */
              TP_FIELD(u64, address), TP_LIST(str, stack), /* innermost first: see above */
              TP_FIELD(str, text), TP_FIELD(str, json),    /* all of it */
              TP_FIELD(u64, lost), /* reports that this subscriber's full mailbox refused before */
              TP_LIST(str, last),  /* messages, newest first, as text: of an actor with a capsule */
              TP_FIELD(str, capsule),     /* the file it was written to; empty: none */
              TP_FIELD(u32, restarts),    /* of this child by its supervisor, before this crash */
              TP_LIST(i64, restart_ages)) /* how long ago the last ones were, newest first, in ns */

/* A message that reached nobody. Not all are told, at most 100 a second. To the log it goes as a
 * line of level TP_LOG_INFO, with JSON. */
TP_MESSAGE_AS(tp_dead_letter, "tp.dead_letter", TP_FIELD(pid, to), TP_FIELD(pid, from),
              TP_FIELD(str, type), TP_FIELD(str, text),
              TP_FIELD(u64, suppressed)) /* since the last one that was told */

/* An actor has been in one message, init or body for longer than tp_options.stuck_report_after and
 * keeps its worker. Message and stack are empty where the thread could not be asked
 * (tp_contains_faults is false, or the kernel holds it). At most 10 a minute. */
TP_MESSAGE_AS(tp_stuck_report, "tp.stuck_report", TP_FIELD(pid, actor),
              TP_FIELD(str, name), /* registered, or empty */
              TP_FIELD(str, behavior), TP_FIELD(u64, span_ms),
              TP_FIELD(str, message),                   /* that it is handling, as text */
              TP_FIELD(pid, sender),                    /* of that message */
              TP_FIELD(u32, mailbox),                   /* messages that wait, about */
              TP_LIST(str, stack),                      /* of its thread, innermost first */
              TP_FIELD(str, text), TP_FIELD(str, json), /* all of it */
              TP_FIELD(u64, lost)) /* reports that this subscriber's full mailbox refused before */

/*
 * From now on this actor gets a tp_crash_report for each crash in its runtime but its own, before
 * links and monitors hear. They count against its mailbox's limit; what does not fit is counted and
 * not sent. Ends with the actor. TP_ETOOBIG: 16 actors have subscribed. Idempotent.
 */
TP_API tp_err tp_crash_subscribe(tp_actor *self);
/* Ends it: true if it was subscribed. What is already queued stays. */
TP_API bool tp_crash_unsubscribe(tp_actor *self);
/* The same for dead letters. Those about crash reports and dead letters are not told. */
TP_API tp_err tp_dead_letter_subscribe(tp_actor *self);
/* Ends it: true if it was subscribed. */
TP_API bool tp_dead_letter_unsubscribe(tp_actor *self);
/* The same for actors that are stuck, which are also logged as warnings. */
TP_API tp_err tp_stuck_subscribe(tp_actor *self);
/* Ends it: true if it was subscribed. */
TP_API bool tp_stuck_unsubscribe(tp_actor *self);

TP_EXTERN_END

#endif
