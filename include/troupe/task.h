/*
 * Tasks: functions that run on actors of their own, and their results.
 *
 *     static tp_err measure(tp_actor *self, const page *in, size *out) { ... }
 *     TP_TASK(measure_task, "measure", page, size, measure);
 *
 *     tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = 5});
 *     for (...) tp_task_submit(self, &task, group, NULL, measure_task, .url = ...);
 *     while (tp_task_next(self, group, TP_FOREVER, &done) == TP_OK)       as they complete
 *         if (tp_task_await(self, done.task, 0, &result, size) == TP_OK) ...
 *     tp_tasks_close(self, group);
 *
 * A group is an actor: it starts tasks within its limits, keeps their results until they are
 * taken, and ends with the actor that opened it. Then, and when it is closed, what still runs is
 * killed and what waits is forgotten: nothing is left behind. A function may block in any call of
 * this library; one that never calls it again cannot be stopped (its task is decided all the same).
 *
 * An isolated task runs in a process of its own: whatever it does to memory, loops or faults, ends
 * that process alone (TP_EEXITED with TP_EXIT_PROCESS), and to cancel it, or the end of its time,
 * is a SIGKILL. It may call and send to actors of the node, not spawn isolated ones. The runtime
 * needs a zygote (tp_can_isolate), and the function must be in the program or in a library that
 * was loaded before.
 */
#ifndef TROUPE_TASK_H
#define TROUPE_TASK_H

#include <troupe/call.h>

TP_EXTERN_BEGIN

/* ---- functions ---- */

/* A function as a task: constant, made by TP_TASK. */
typedef struct tp_task_function {
    const char *name;
    const tp_message_type *argument, *result;
    tp_err (*call)(tp_actor *self, const tp_bin *argument, const tp_pid *to, uint64_t id);
} tp_task_function;

/*
 * TP_TASK(variable, "name", argument type, result type, fn) at file scope, both types messages:
 *     tp_err fn(tp_actor *self, const ARGUMENT *in, RESULT *out)
 * *out begins zeroed and counts when TP_OK is returned. What its borrowed fields point to must
 * outlive fn: constants, tp_alloc, fields of *in.
 */
#define TP_TASK(variable, text, in_type, out_type, fn)                                             \
    typedef in_type variable##_argument;                                                           \
    static tp_err variable##_call(tp_actor *tpi_self, const tp_bin *tpi_bytes,                     \
                                  const tp_pid *tpi_to, uint64_t tpi_id) {                         \
        in_type tpi_in;                                                                            \
        out_type tpi_out;                                                                          \
        memset(&tpi_out, 0, sizeof tpi_out);                                                       \
        tp_err tpi_err = tpi_task_decode(tpi_self, tpi_bytes, &in_type##_message, &tpi_in);        \
        if (tpi_err == TP_OK) tpi_err = fn(tpi_self, &tpi_in, &tpi_out);                           \
        return tpi_task_report(tpi_self, tpi_to, tpi_id, tpi_err, &out_type##_message, &tpi_out);  \
    }                                                                                              \
    TPI_QUIET static const tp_task_function variable = {text, &in_type##_message,                  \
                                                        &out_type##_message, variable##_call};     \
    TPI_LOUD struct tp_task_function /* takes the semicolon */

/* Decodes an argument in the task's actor. */
TP_API tp_err tpi_task_decode(tp_actor *self, const tp_bin *bytes, const tp_message_type *type,
                              void *out);
/* Hands the outcome to the group (or, on a pool's worker, answers the request). */
TP_API tp_err tpi_task_report(tp_actor *self, const tp_pid *to, uint64_t id, tp_err err,
                              const tp_message_type *type, const void *result);

/* ---- groups ---- */

/* How a group runs its tasks. Zero in a field means no limit, or no. */
typedef struct tp_tasks_options {
    uint32_t limit;         /* tasks that run at once */
    uint32_t limit_per_key; /* of one key; with 1 they run one after the other, in order */
    bool first_error;       /* the first task that fails cancels all others and those to come */
    tp_pid pool;            /* of tp_task_worker: tasks run there; null: an actor a task */
} tp_tasks_options;

/* The behaviour of workers for tp_tasks_options.pool: .behavior = &tp_task_worker. A worker runs
 * one task at a time. */
TP_API extern const tp_behavior tp_task_worker;

/* Opens a group; it ends with the caller. Null: tp_error(self). options may be NULL. */
TP_API tp_pid tp_tasks_open(tp_actor *self, const tp_tasks_options *options);
/* Waits until every task is decided, those submitted meanwhile included. TP_OK; TP_ETIMEDOUT. The
 * results can be taken afterwards. Otherwise as tp_call. */
TP_API tp_err tp_tasks_join(tp_actor *self, tp_pid group, tp_duration timeout);
/* Cancels every task that is not decided. As tp_call. */
TP_API tp_err tp_tasks_cancel(tp_actor *self, tp_pid group);
/* Cancels what is left, drops all results, waits until the tasks' actors have ended, and ends the
 * group. TP_OK also when it has ended already. */
TP_API tp_err tp_tasks_close(tp_actor *self, tp_pid group);

/* What a group holds now. */
TP_MESSAGE_AS(tp_tasks_count, "tp.tasks_count", TP_FIELD(u32, waiting), TP_FIELD(u32, running),
              TP_FIELD(u32, decided)) /* and not yet taken */
/* Counts the tasks of a group. As tp_call. */
TP_API tp_err tp_tasks_look(tp_actor *self, tp_pid group, tp_tasks_count *out);

/* ---- tasks ---- */

/* A task: a value; any actor may await it. A zero id is none. */
typedef struct tp_task {
    tp_pid group;
    uint64_t id; /* counted from 1, in the order of submission */
} tp_task;

/* About one task. Zero in a field means none. */
typedef struct tp_task_options {
    tp_str key;           /* for limit_per_key: tasks of one key start in the order of submission */
    tp_duration deadline; /* from the submission */
    tp_duration timeout;  /* from its start */
    bool isolated;        /* in a process of its own (<troupe/isolate.h>), not on the pool */
} tp_task_options;

/*
 * Submits a call of a TP_TASK variable with an argument built in place. TP_OK: *task; TP_ECANCELED:
 * a first error has ended the group's work; TP_ENOTSUP: isolated, and the runtime has no zygote,
 * or a group of another node; TP_ENOMEM; TP_ETOOBIG; otherwise as tp_call.
 *     tp_task_submit(self, &task, group, NULL, measure_task, .url = TP_STR("..."));
 */
#define tp_task_submit(self, task, group, options, function, ...)                                  \
    tp_task_submit_value((self), (task), (group), (options), &function,                            \
                         TP_VALUE(function##_argument, __VA_ARGS__))
/* The function behind it. options may be NULL; `argument` is of the function's type. */
TP_API tp_err tp_task_submit_value(tp_actor *self, tp_task *task, tp_pid group,
                                   const tp_task_options *options, const tp_task_function *function,
                                   const void *argument);

/*
 * Waits for a task, takes its result and forgets the task. timeout 0 looks without waiting.
 * TP_OK: *result; TP_ECANCELED; TP_ETIMEDOUT: not decided yet, or its own time was over (then it is
 * gone, and the next await says TP_ENOENT); TP_EEXITED: its actor failed; what the function
 * returned; TP_ENOENT: taken before; TP_ETYPE: a result of another type, still there; otherwise as
 * tp_call. Borrowed fields live until the next receive, the end of the handler, or tp_release.
 */
#define tp_task_await(self, task, timeout, result, result_type)                                    \
    tp_task_await_value((self), (task), (timeout), &result_type##_message,                         \
                        TPI_TYPED(result_type, result))
/* The function behind it; with a NULL type the result is dropped. */
TP_API tp_err tp_task_await_value(tp_actor *self, tp_task task, tp_duration timeout,
                                  const tp_message_type *type, void *result);

/* How a task ended. */
typedef struct tp_task_outcome {
    tp_task task;
    tp_err err;    /* what tp_task_await will say */
    int32_t code;  /* of TP_EEXITED: why its actor ended (tp_exit_code) */
    char text[96]; /* of TP_EXIT_FAILED: tp_fail's text, cut; else empty */
} tp_task_outcome;

/*
 * The next task in the order of completion; each comes once, its result stays to be taken. TP_OK;
 * TP_ENOENT: all have come; TP_ETIMEDOUT; otherwise as tp_call. Tasks taken by tp_task_await before
 * do not come.
 */
TP_API tp_err tp_task_next(tp_actor *self, tp_pid group, tp_duration timeout, tp_task_outcome *out);
/* Waits until one of these tasks of one group is decided: the index of the first that was, in
 * *index. Zero ids are skipped. TP_ENOENT: there is none, or one was taken. */
TP_API tp_err tp_task_await_any(tp_actor *self, const tp_task *tasks, size_t count,
                                tp_duration timeout, size_t *index);
/* Waits until all of these tasks of one group are decided. TP_OK, TP_ETIMEDOUT; take each with
 * tp_task_await. */
TP_API tp_err tp_task_await_all(tp_actor *self, const tp_task *tasks, size_t count,
                                tp_duration timeout);
/* Cancels a task: one that waits never starts, one that runs is killed; its result is
 * TP_ECANCELED. TP_ENOENT: it is decided or taken. */
TP_API tp_err tp_task_cancel(tp_actor *self, tp_task task);

TP_EXTERN_END

#endif
