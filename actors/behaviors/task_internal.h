/*
 * What passes between those who use tasks, the group that keeps them, and the actors they run on.
 */
#ifndef TROUPE_BEHAVIORS_TASK_INTERNAL_H
#define TROUPE_BEHAVIORS_TASK_INTERNAL_H

#include <troupe/task.h>

/* ---- to a group ---- */

TP_MESSAGE_AS(tpi_tasks_begin, "tp.tasks_begin", TP_FIELD(u32, limit), TP_FIELD(u32, limit_per_key),
              TP_FIELD(bool, first_error), TP_FIELD(pid, pool), TP_FIELD(pid, owner))
TP_MESSAGE_AS(tpi_task_submit, "tp.task_submit", TP_FIELD(u64, function), TP_FIELD(bin, argument),
              TP_FIELD(str, key), TP_FIELD(i64, deadline), TP_FIELD(i64, timeout),
              TP_FIELD(bool, isolated))

/* What a wait is for. */
enum { TPI_WAIT_ONE, TPI_WAIT_ANY, TPI_WAIT_ALL, TPI_WAIT_NEXT, TPI_WAIT_JOIN, TPI_WAIT_CLOSE };
/* A wait for some of these tasks. With `now` the answer comes at once: TP_ETIMEDOUT if open. */
TP_MESSAGE_AS(tpi_task_wait, "tp.task_wait", TP_FIELD(u8, kind), TP_FIELD(bool, now),
              TP_LIST(u64, ids))
/* The waiter got its answer: the task was announced, or is taken. An answer that comes too late for
 * its waiter has no such echo, so nothing is lost with it. */
TP_MESSAGE_AS(tpi_task_seen, "tp.task_seen", TP_FIELD(u64, id), TP_FIELD(bool, taken))
/* id 0: all. */
TP_MESSAGE_AS(tpi_task_cancel, "tp.task_cancel", TP_FIELD(u64, id))
TP_MESSAGE_AS(tpi_task_look, "tp.task_look")
/* Timers. */
TP_MESSAGE_AS(tpi_task_late, "tp.task_late", TP_FIELD(u64, id))

/* The answer: `err` is the wait's or the request's, `outcome` the task's. */
TP_MESSAGE_AS(tpi_task_answer, "tp.task_answer", TP_FIELD(i32, err), TP_FIELD(u64, id),
              TP_FIELD(i32, outcome), TP_FIELD(i32, code), TP_FIELD(bin, value),
              TP_FIELD(u64, result)) /* the result's type */

/* ---- between a group, a task's actor and a pool's worker ---- */

/* What a task's actor is to do, and a pool's worker. */
TP_MESSAGE_AS(tpi_task_run, "tp.task_run", TP_FIELD(pid, group), TP_FIELD(u64, id),
              TP_FIELD(u64, function), TP_FIELD(bin, argument), TP_FIELD(pid, pool))
/* The outcome: to the group, or from a pool's worker to the task's actor. */
TP_MESSAGE_AS(tpi_task_done, "tp.task_done", TP_FIELD(u64, id), TP_FIELD(i32, err),
              TP_FIELD(i32, code), TP_FIELD(bin, value))

/* The behaviour of a group. */
extern const tp_behavior tpi_task_group;
/* The behaviour of a task's actor: all is in its init. */
extern const tp_behavior tpi_task_runner;

/* Encodes a value into memory of the actor; TP_ENOMEM, TP_ETOOBIG. Free value->data. */
tp_err tpi_task_encode(tp_actor *self, const tp_message_type *type, const void *in, tp_bin *value);

#endif
