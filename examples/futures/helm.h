/*
 * helm, or the stand-in for it, as a program outside; and the removal of a release as a task.
 */
#ifndef EXAMPLES_FUTURES_HELM_H
#define EXAMPLES_FUTURES_HELM_H

#include "examples/futures/futures.h"

/* How a run of it ended. */
struct helm_end {
    int status; /* its exit status; -1: a signal ended it */
    int signal;
    bool late;                  /* it was ended because its time was over */
    int64_t began_us, ended_us; /* before its start, and after its end */
    char text[TEXT_MAX];        /* its last line */
};

/* A line that it wrote. */
typedef void (*helm_line)(void *context, tp_str line);

/* Runs it to its end, which is waited for even if its time is over. TP_OK whatever its status; else
 * why it could not be started (as tp_port_open). `line` may be NULL. */
tp_err helm_run(tp_actor *self, const char *const *argv, tp_duration timeout, helm_line line,
                void *context, struct helm_end *end);

/* ---- releases ---- */

enum removal_end { NOT_TRIED, REMOVED, REFUSED, LATE };

TP_MESSAGE(removal, TP_FIELD(str, helm), TP_FIELD(str, space), TP_FIELD(str, name),
           TP_FIELD(str, set),     /* install it so, in the place of removing it */
           TP_FIELD(i64, timeout), /* ns */
           TP_FIELD(bool, strict), /* anything but REMOVED is an error of the task */
           TP_FIELD(bool, dry))
TP_MESSAGE(removed, TP_FIELD(i32, end), TP_FIELD(i32, status), TP_FIELD(i32, signal),
           TP_FIELD(str, text), TP_FIELD(i64, took_us), TP_FIELD(i64, ended_us))

/* The task: helm uninstall (or install), its end as a result. TP_EIO: strict, and not removed. */
extern const tp_task_function *const remove_task;

/* All releases of all namespaces, as helm lists them: each is told. As helm_run, and TP_EIO when
 * helm fails; its last line is in *end. */
typedef void (*helm_release)(void *context, tp_str space, tp_str name);
tp_err helm_list(tp_actor *self, const char *helm, helm_release each, void *context,
                 struct helm_end *end);

#endif
