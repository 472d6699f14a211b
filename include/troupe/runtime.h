/*
 * A runtime: its workers, its actors, its clock. Several may live in one process; nothing is
 * global.
 */
#ifndef TROUPE_RUNTIME_H
#define TROUPE_RUNTIME_H

#include <stdarg.h>

#include <troupe/base.h>
#include <troupe/message.h>

TP_EXTERN_BEGIN

/*
 * Where the runtime's memory comes from. The functions are called from any thread at any time;
 * `size` at free is the size asked for. Blocks are aligned to 16 bytes.
 */
typedef struct tp_allocator {
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *pointer, size_t size);
    void *context;
} tp_allocator;

/* How grave a line of log is. */
/* How much a line of log matters, least first. */
typedef enum tp_log_level {
    TP_LOG_DEBUG,
    TP_LOG_INFO,
    TP_LOG_WARN,
    TP_LOG_ERROR,
    TP_LOG_OFF
} tp_log_level;

/* One line of log, given to the hook. All pointers live for the call only. */
typedef struct tp_log_entry {
    tp_log_level level;
    tp_time time;       /* the runtime's clock */
    tp_pid actor;       /* who logged; null for the runtime itself */
    const char *name;   /* the actor's registered name or behaviour, or "" */
    const char *text;   /* one line, no newline */
    const char *report; /* of a crash: all that is known, in lines; else NULL */
    const char *json;   /* of a crash: the same as one line of JSON; else NULL */
} tp_log_entry;
/* Where log lines go; called on any worker, several at once; it must not block. */
/* Called on the thread that logs, so by several at once; it must not block or send. */
typedef void (*tp_log_hook)(void *context, const tp_log_entry *entry);

/* What a mailbox at its limit does with the next user message. Replies, timers, exits and downs
 * never count. */
typedef enum tp_overflow {
    TP_OVERFLOW_SUSPEND, /* the sender waits (its worker does not); threads outside get TP_EFULL */
    TP_OVERFLOW_FAIL,    /* the send returns TP_EFULL */
    TP_OVERFLOW_DROP_NEWEST, /* the new message is dropped and counted */
    TP_OVERFLOW_DROP_OLDEST, /* the oldest waiting message is dropped and counted */
    TP_OVERFLOW_EXIT         /* the receiver exits with TP_EXIT_OVERFLOW */
} tp_overflow;

/* Which of the ready actors run first. */
typedef enum tp_priority { TP_PRIORITY_NORMAL, TP_PRIORITY_HIGH, TP_PRIORITY_LOW } tp_priority;

/* In which order a worker takes what is ready. */
typedef enum tp_strategy { TP_STRATEGY_STEAL, TP_STRATEGY_FIFO, TP_STRATEGY_LIFO } tp_strategy;

/* Zero in a field means its default. */
typedef struct tp_options {
    unsigned workers; /* default: one a CPU this process may use */
    /* Default STEAL: own queue first in first out; those that wait for their first slice go before
     * it, the last of them first, for at most 256 slices in a row; idle workers steal. FIFO: one
     * queue for all. LIFO: own queue last in first out. */
    tp_strategy strategy;
    uint32_t max_actors;     /* alive at once; default 16,777,216; only address space is reserved */
    size_t stack_size;       /* of a blocked actor; default 256 KiB */
    uint32_t mailbox_limit;  /* messages; default 1,024 */
    uint32_t message_budget; /* messages a slice; default 128, in the simulator 1 */
    tp_duration shutdown_grace;    /* what actors get to end at stop; default 5 s */
    const char *node_name;         /* default "local" */
    const tp_allocator *allocator; /* default malloc and free; must outlive the runtime */
    tp_log_level log_level;        /* default WARN when 0 and no hook is set, else as given */
    tp_log_hook log_hook;          /* default: a line on standard error for WARN and ERROR */
    void *log_context;
    uint32_t
        fault_limit;     /* contained faults a minute (<troupe/crash.h>); one more ends the process;
                             default 10 */
    tp_zygote *zygote;   /* for isolated actors: <troupe/isolate.h>; default: there are none */
    bool faults_ignored; /* SIGSEGV and the like are left alone: no report, nothing contained */
    tp_duration stuck_after; /* an actor that keeps its worker for longer than this, by computing or
                                by blocking its thread: others work in the worker's place until it
                                lets go. default 10 ms, at least 1 ms; TP_FOREVER: nobody watches
                                (one worker then means that no two actors run at a time) */
    tp_duration stuck_report_after; /* so long in one message, and it is reported
                                       (<troupe/crash.h>); default 1 s; TP_FOREVER: never */
    uint32_t spare_workers; /* threads that may work for stuck ones at a time, made when first
                               needed; default 4 or `workers`, whichever is more; at most 64 */
    const char *capsule_directory; /* where crash capsules go (<troupe/crash.h>); default: "." */
} tp_options;

/* The function of a body actor: it ends with TP_EXIT_NORMAL when this returns. */
/* An actor as a function: it ends (normally) when the function returns. `arg` is what the spawner
 * gave. */
typedef void (*tp_body)(tp_actor *self, void *arg);

/*
 * The whole life of a program: starts a runtime with default options, runs `body` as its main
 * actor, stops the other actors in order when it ends, and returns its status: 0 after a normal
 * end, tp_exit_status' number if it set one, 1 after a failure (its reason is logged). Call it from
 * main.
 */
TP_API int tp_run(tp_body body, void *arg);
/* The same with options. */
TP_API int tp_run_with(const tp_options *options, tp_body body, void *arg);

/*
 * A runtime beside a program's own loop. TP_EINVAL names nothing started; TP_ENOMEM. Any thread
 * that is not an actor.
 */
TP_API tp_err tp_runtime_start(tp_runtime **out, const tp_options *options);
/*
 * Asks every actor to exit with `shutdown`, waits for the grace, kills what is left, ends the
 * threads and frees everything. An actor whose code does not come back (an endless loop, a system
 * call) cannot be ended: after a second grace it is named in the log, and this returns. Then the
 * threads and the memory of the runtime stay, until the process ends; all other actors have ended
 * as they would have. Any thread, once, but never an actor (an actor uses tp_runtime_request_stop).
 */
TP_API void tp_runtime_stop(tp_runtime *runtime);
/* Begins the stop and returns at once; whoever owns the runtime still calls tp_runtime_stop. Any
 * thread. */
TP_API void tp_runtime_request_stop(tp_runtime *runtime);
/* Waits until the actor has exited; its reason's code in *code (may be NULL). Any thread but an
 * actor. */
TP_API tp_err tp_runtime_wait(tp_runtime *runtime, tp_pid actor, tp_duration timeout, int *code);
/* The runtime an actor lives in. The actor itself. */
TP_API tp_runtime *tp_self_runtime(tp_actor *self);
/* The number of workers. Any thread. */
TP_API unsigned tp_runtime_workers(const tp_runtime *runtime);
/* The node id that stands in every pid of this runtime. Any thread. */
TP_API uint64_t tp_runtime_node(const tp_runtime *runtime);

/* Counters, summed over the workers; each is a snapshot. */
typedef struct tp_counters {
    uint64_t actors_alive;
    uint64_t spawned;
    uint64_t exited;
    uint64_t failed;       /* exited with a reason other than normal, shutdown and killed */
    uint64_t sent;         /* user messages accepted, requests and replies included */
    uint64_t handled;      /* user messages given to a handler or a receive */
    uint64_t dropped;      /* by a mailbox's policy */
    uint64_t dead_letters; /* sent to nobody, or to an actor that exited first */
    uint64_t unknown;      /* of a type that no handler took */
    uint64_t suspensions;  /* senders that had to wait */
    uint64_t deadlocks;    /* calls refused with TP_EDEADLOCK */
    uint64_t steals;
    uint64_t parks;
    uint64_t wakes;
    uint64_t slices; /* times an actor was run */
    uint64_t fibers; /* stacks now held by blocked actors */
    uint64_t memory; /* bytes taken from the allocator and the system */
    uint64_t faults; /* contained */
    uint64_t stuck;  /* times an actor kept its worker for longer than stuck_after */
} tp_counters;
/* Fills *out. Any thread. */
TP_API void tp_runtime_counters(const tp_runtime *runtime, tp_counters *out);

/*
 * Writes a line to the runtime's log with the actor's name. printf's format. The actor itself; self
 * may not be NULL.
 */
TP_API void tp_log(tp_actor *self, tp_log_level level, const char *format, ...) TP_PRINTF(3, 4);

/*
 * Lets SIGINT and SIGTERM stop the runtime (as tp_runtime_request_stop does). Opt-in: its threads
 * block all signals but those of their own faults (<troupe/crash.h>). At most one runtime a
 * process: TP_EBUSY.
 */
TP_API tp_err tp_runtime_stop_on_signals(tp_runtime *runtime);

TP_EXTERN_END

#endif
