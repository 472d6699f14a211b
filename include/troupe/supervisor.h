/*
 * Supervisors, as OTP has them: an actor that starts its children in order, starts them again when
 * they end as its strategy says, stops them in reverse order, and gives up when that happens too
 * often.
 *
 *     static const tp_supervisor_spec tree = {
 *         .strategy = TP_REST_FOR_ONE,
 *         .children = TP_CHILDREN({.id = "store", .behavior = &store_behavior},
 *                                 {.id = "web", .behavior = &web_behavior, .restart =
 *                                 TP_TRANSIENT}),
 *     };
 *     int main(void) { return tp_run_tree(NULL, &tree); }
 */
#ifndef TROUPE_SUPERVISOR_H
#define TROUPE_SUPERVISOR_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* ---- what a tree is made of ---- */

/* Which children are restarted when one has ended. */
typedef enum tp_supervisor_strategy {
    TP_ONE_FOR_ONE,       /* that one */
    TP_ONE_FOR_ALL,       /* all: the others are stopped first */
    TP_REST_FOR_ONE,      /* that one and those that stand after it */
    TP_SIMPLE_ONE_FOR_ONE /* that one; all children are made at run time from one template */
} tp_supervisor_strategy;

/* When a child is started again. Ordinary ends are those with normal or shutdown. */
typedef enum tp_restart {
    TP_PERMANENT, /* always */
    TP_TRANSIENT, /* unless its end was ordinary */
    TP_TEMPORARY  /* never; its specification goes with it */
} tp_restart;

/* Whether the end of significant children, by themselves and for good, ends the supervisor. */
typedef enum tp_auto_shutdown {
    TP_AUTO_SHUTDOWN_NEVER,
    TP_AUTO_SHUTDOWN_ANY, /* with the first */
    TP_AUTO_SHUTDOWN_ALL  /* with the last that runs */
} tp_auto_shutdown;

/* What a child counts as; one with a nested specification is a supervisor anyway. */
typedef enum tp_child_type { TP_WORKER, TP_SUPERVISOR } tp_child_type;

/* For tp_child_spec.shutdown: kills at once, without a chance to clean up. */
#define TP_BRUTAL_KILL ((tp_duration)-1)
/* For tp_supervisor_spec.intensity: not one restart is allowed. */
#define TP_RESTARTS_NONE UINT32_MAX

/*
 * Waits before restarts; not in OTP. Off while `min` is 0. The first wait is `min`, each further
 * one `factor` times the one before, at most `max`; then it is made shorter by a random part of at
 * most `jitter` of it. A child that has run for `reset_after` begins with `min` again. While it
 * waits a child counts as restarting. Every attempt counts against the intensity, at its time.
 */
typedef struct tp_backoff {
    tp_duration min;
    tp_duration max;         /* default 60 s */
    double factor;           /* at least 1; default 2 */
    double jitter;           /* 0 to 1 */
    tp_duration reset_after; /* default: `max` */
} tp_backoff;

/* A constant argument message: .arguments = TP_ARGUMENTS(hello, .n = 1). */
typedef struct tp_arguments {
    const tp_message_type *type;
    const void *value;
} tp_arguments;

/* A supervisor, as data; see below. */
typedef struct tp_supervisor_spec tp_supervisor_spec;

/* How a child that is on another node is started and lost: TP_REMOTE_CHILD of <troupe/cluster.h>
 * makes one. Called by the supervisor, in whose place they may wait. */
typedef struct tp_child_start tp_child_start;
/* The functions of one kind of such children. */
struct tp_child_start {
    /* Starts it, linked to the supervisor. TP_ENOCONNECTION: nobody could be asked; TP_ETIMEDOUT:
     * it may run, for a while; other errors are failed starts. `type` and `value` may be NULL. */
    tp_err (*start)(tp_actor *self, const tp_child_start *how, const tp_message_type *type,
                    const void *value, tp_pid *out);
    /* How long a child may go on after its connection was lost, or its start has timed out. */
    tp_duration (*settle)(tp_actor *self, const tp_child_start *how);
};

/* How to start, restart and stop a child. Zero in a field means its default. */
typedef struct tp_child_spec {
    const char *id; /* unique among the supervisor's children */
    /* One of these four. A behaviour is started in step: the next child waits for its init, which
     * declines with tp_exit(self, TP_EXIT_NORMAL). A body is not waited for. */
    const tp_behavior *behavior;
    tp_body body;
    const tp_supervisor_spec *supervisor;
    const tp_child_start *remote; /* on another node: <troupe/cluster.h> */
    void *arg;                    /* a body's; must live as long as the supervisor */
    tp_arguments arguments;       /* a behaviour's, for TP_INIT_WITH */
    tp_spawn_options options; /* name, mailbox limit, ...; link and monitor are the supervisor's */
    tp_restart restart;
    /* What it gets to end before it is killed: TP_BRUTAL_KILL, TP_FOREVER, or a time. Default: 5 s
     * for a worker, TP_FOREVER for a supervisor. */
    tp_duration shutdown;
    bool significant; /* see tp_auto_shutdown; not for permanent children */
    tp_child_type type;
    tp_backoff backoff; /* default: the supervisor's */
    /* Liveness: so often it is asked for a sign of life (tp_ping), once it runs; a child that gives
     * none within `probe_timeout` (default: probe_every) is killed, which counts as a crash. Zero:
     * never. A child that computes or blocks its thread cannot be ended before it lets go: only
     * then is it started again. */
    tp_duration probe_every;
    tp_duration probe_timeout;
} tp_child_spec;

/* A supervisor. It, and what it points to, must live as long as the supervisor: make it
 * constant. */
struct tp_supervisor_spec {
    tp_supervisor_strategy strategy;
    uint32_t intensity; /* restarts within `period`, one more ends it; default 1 */
    tp_duration period; /* in whole seconds, rounded up; default 5 s */
    tp_auto_shutdown auto_shutdown;
    tp_backoff backoff;            /* of children that have none of their own */
    const tp_child_spec *children; /* TP_CHILDREN, or an array that ends with {.id = NULL}; NULL:
                                      none. TP_SIMPLE_ONE_FOR_ONE: one, the template */
    tp_spawn_options options;      /* of the supervisor; a child's own options come first */
    /* How long a child that was killed may keep its thread (an endless loop, a system call); then
     * it is abandoned (tp_abandon) and counts as killed. Default 5 s; TP_FOREVER: it is waited
     * for. An isolated child is always ended by the kill. */
    tp_duration kill_grace;
};

#ifndef __cplusplus
/* The children of a supervisor, in the order of starting; each a braced initialiser. */
#define TP_CHILDREN(...) ((const tp_child_spec[]){__VA_ARGS__, {.id = NULL}})
/* A nested supervisor: .supervisor = TP_NEST(.strategy = ..., .children = TP_CHILDREN(...)). */
#define TP_NEST(...) (&(const tp_supervisor_spec){__VA_ARGS__})
/* The value of tp_child_spec.arguments. */
#define TP_ARGUMENTS(type, ...)                                                                    \
    { &type##_message, TP_VALUE(type, __VA_ARGS__) }
#endif

/* ---- starting ---- */

/*
 * Starts a supervisor linked to the caller, which becomes its parent, and waits until all its
 * children run. TP_OK; TP_ENOPROC: the specification is wrong (TP_EXIT_FAILED) or a child could not
 * be started (TP_EXIT_SHUTDOWN; the text says which): those before it have been stopped in reverse
 * order, *reason (may be NULL) says why, its detail borrowed until the end of the handler or the
 * next receive. Otherwise as tp_start. A failed start does not end the caller.
 *
 * The supervisor traps exits. It ends with its parent, with its parent's reason; with `shutdown`
 * when the restarts are more than its intensity allows, or by auto_shutdown; always after its
 * children.
 */
TP_API tp_err tp_supervisor_start(tp_actor *self, tp_pid *out, const tp_supervisor_spec *spec,
                                  tp_reason *reason);

/*
 * A program that is a tree: starts a runtime and the tree in it, waits for its end, stops the rest.
 * Returns 0 after an orderly end (the root ended by auto_shutdown; the runtime was asked to stop),
 * the number of tp_tree_stop, 1 when the tree did not start or its root gave up or failed. Call it
 * from main. options may be NULL.
 */
TP_API int tp_run_tree(const tp_options *options, const tp_supervisor_spec *root);
/* The same; SIGINT and SIGTERM stop the tree in order, status 0. At most one a process, and none
 * beside tp_runtime_stop_on_signals. */
TP_API int tp_run_tree_until_signal(const tp_options *options, const tp_supervisor_spec *root);
/* Stops the tree of tp_run_tree in order; it then returns `status`. Returns at once. TP_ENOENT: no
 * tree runs here. Any thread. */
TP_API tp_err tp_tree_stop(tp_runtime *runtime, int status);

/* ---- management: from any actor but the supervisor's own children while they start or stop
 * ---- */

/* What a supervisor says to a request. */
typedef enum tp_child_result {
    TP_CHILD_OK,
    TP_CHILD_NOT_FOUND,
    TP_CHILD_RUNNING,         /* it must be stopped first */
    TP_CHILD_RESTARTING,      /* its start failed or waits, and will be tried again */
    TP_CHILD_ALREADY_PRESENT, /* the id is there, and does not run */
    TP_CHILD_ALREADY_STARTED, /* the id runs: the answer's pid (null while it restarts) */
    TP_CHILD_START_FAILED,    /* the answer's reason says why */
    TP_CHILD_BAD_SPEC,        /* the answer's reason says why, as text */
    TP_CHILD_WRONG_STRATEGY,  /* not for TP_SIMPLE_ONE_FOR_ONE, or only for it */
    TP_CHILD_UNREACHABLE      /* no answer: the answer's err says why */
} tp_child_result;

/* The whole answer. */
typedef struct tp_child_answer {
    tp_child_result result;
    tp_err err;       /* of TP_CHILD_UNREACHABLE: as of tp_call; TP_OK otherwise */
    tp_pid pid;       /* the child; null when its init declined */
    tp_reason reason; /* its detail is borrowed until the end of the handler or the next receive */
} tp_child_answer;

/*
 * Adds a child and starts it. The specification, its id, name and arguments are copied; behaviour,
 * nested specification and a body's argument must live as long as the supervisor. If its init
 * declines it is kept without running, a temporary one not at all. answer may be NULL here and
 * below. All of these wait for the answer, as long as the supervisor needs; a call that waits for
 * itself is TP_CHILD_UNREACHABLE with TP_EDEADLOCK.
 */
TP_API tp_child_result tp_supervisor_start_child(tp_actor *self, tp_pid supervisor,
                                                 const tp_child_spec *spec,
                                                 tp_child_answer *answer);
/* TP_SIMPLE_ONE_FOR_ONE: starts a child from the template; "type, .field = value, ..." takes the
 * place of the template's arguments. */
#define tp_supervisor_spawn(self, supervisor, answer, ...)                                         \
    tp_supervisor_spawn_value((self), (supervisor), (answer)TPI_ARGUMENTS(__VA_ARGS__))
/* The function behind tp_supervisor_spawn; `type` and `value` may be NULL. The value is copied. */
TP_API tp_child_result tp_supervisor_spawn_value(tp_actor *self, tp_pid supervisor,
                                                 tp_child_answer *answer,
                                                 const tp_message_type *type, const void *value);
/* Stops a child as its specification says; it is not restarted. A temporary one is removed. */
TP_API tp_child_result tp_supervisor_terminate_child(tp_actor *self, tp_pid supervisor,
                                                     const char *id);
/* The same by pid; the only way with TP_SIMPLE_ONE_FOR_ONE. */
TP_API tp_child_result tp_supervisor_terminate_pid(tp_actor *self, tp_pid supervisor, tp_pid child);
/* Starts a child that does not run. */
TP_API tp_child_result tp_supervisor_restart_child(tp_actor *self, tp_pid supervisor,
                                                   const char *id, tp_child_answer *answer);
/* Removes a child that does not run. */
TP_API tp_child_result tp_supervisor_delete_child(tp_actor *self, tp_pid supervisor,
                                                  const char *id);

/* What a child is doing. */
typedef enum tp_child_status {
    TP_CHILD_IS_STOPPED,
    TP_CHILD_IS_RUNNING,
    TP_CHILD_IS_RESTARTING
} tp_child_status;

/* One child, as which_children tells it. */
typedef struct tp_child_info {
    tp_str id;  /* borrowed until the end of the handler or the next receive */
    tp_pid pid; /* null unless it runs */
    tp_child_status status;
    tp_child_type type;
} tp_child_info;

/* Up to `max` children in the order of starting; *count says how many there are. Errors as of
 * tp_call. */
TP_API tp_err tp_supervisor_which_children(tp_actor *self, tp_pid supervisor, tp_child_info *out,
                                           size_t max, size_t *count);

/* How many children there are. */
typedef struct tp_child_counts {
    uint64_t specs;       /* specifications; 1 with TP_SIMPLE_ONE_FOR_ONE */
    uint64_t active;      /* that run */
    uint64_t supervisors; /* of the type TP_SUPERVISOR, running or not */
    uint64_t workers;     /* of the type TP_WORKER, running or not */
} tp_child_counts;

/* Fills *out. Errors as of tp_call. */
TP_API tp_err tp_supervisor_count_children(tp_actor *self, tp_pid supervisor, tp_child_counts *out);

/* What tp_sys_get_state shows of a supervisor (<troupe/sys.h>); it cannot be replaced. */
TP_MESSAGE_AS(tp_supervisor_shown, "tp.supervisor_shown", TP_FIELD(u64, children),
              TP_FIELD(u64, restarting), TP_FIELD(u64, restarts), /* within the period */
              TP_FIELD(pid, parent))

TP_EXTERN_END

#endif
