/*
 * Tasks as their users see them: each call is a message to the group.
 */
#include <troupe/task.h>

#include "actors/behaviors/task_internal.h"

tp_pid tp_tasks_open(tp_actor *self, const tp_tasks_options *options) {
    static const tp_tasks_options none;
    if (options == NULL) options = &none;
    return tp_spawn(self, &tpi_task_group, tpi_tasks_begin, .limit = options->limit,
                    .limit_per_key = options->limit_per_key, .first_error = options->first_error,
                    .pool = options->pool, .owner = tp_self(self));
}

tp_err tp_task_submit_value(tp_actor *self, tp_task *task, tp_pid group,
                            const tp_task_options *options, const tp_task_function *function,
                            const void *argument) {
    static const tp_task_options none;
    tpi_task_answer answer;
    tp_bin bytes;
    *task = (tp_task){.group = group};
    if (options == NULL) options = &none;
    if (options->deadline < 0 || options->timeout < 0) return TP_EINVAL;
    if (group.node != tp_self(self).node) return TP_ENOTSUP; /* functions do not travel */
    tp_err err = tpi_task_encode(self, function->argument, argument, &bytes);
    if (err != TP_OK) return err;
    err = tp_call(self, group, TP_FOREVER, &answer, tpi_task_answer, tpi_task_submit,
                  .function = (uint64_t)(uintptr_t)function, .argument = bytes, .key = options->key,
                  .isolated = options->isolated,
                  .deadline = options->deadline == TP_FOREVER ? 0 : options->deadline,
                  .timeout = options->timeout == TP_FOREVER ? 0 : options->timeout);
    tp_free(self, (void *)(uintptr_t)bytes.data);
    if (err == TP_OK) err = (tp_err)answer.err;
    if (err == TP_OK) task->id = answer.id;
    return err;
}

/* ---- waiting ---- */

static tp_err wait_for(tp_actor *self, tp_pid group, uint8_t kind, const uint64_t *ids,
                       size_t count, tp_duration timeout, tpi_task_answer *answer) {
    bool now = timeout <= 0; /* the group answers at once */
    tp_err err = tp_call(self, group, now ? TP_FOREVER : timeout, answer, tpi_task_answer,
                         tpi_task_wait, .kind = kind, .now = now, .ids = {ids, count});
    return err == TP_OK ? (tp_err)answer->err : err;
}

tp_err tp_task_await_value(tp_actor *self, tp_task task, tp_duration timeout,
                           const tp_message_type *type, void *result) {
    tpi_task_answer answer;
    tp_err err = wait_for(self, task.group, TPI_WAIT_ONE, &task.id, 1, timeout, &answer);
    if (err != TP_OK) return err;
    err = (tp_err)answer.outcome;
    if (err == TP_OK && type != NULL) {
        const tp_message_type *is = (const tp_message_type *)(uintptr_t)answer.result;
        if (!tp_message_type_equal(is, type)) return TP_ETYPE;
        err = tpi_task_decode(self, &answer.value, type, result);
    }
    tp_send(self, task.group, tpi_task_seen, .id = task.id, .taken = true);
    return err;
}

tp_err tp_task_next(tp_actor *self, tp_pid group, tp_duration timeout, tp_task_outcome *out) {
    tpi_task_answer answer;
    tp_err err = wait_for(self, group, TPI_WAIT_NEXT, NULL, 0, timeout, &answer);
    if (err != TP_OK) return err;
    *out = (tp_task_outcome){.task = {.group = group, .id = answer.id},
                             .err = (tp_err)answer.outcome,
                             .code = answer.code};
    if (out->err == TP_EEXITED && out->code == TP_EXIT_FAILED && answer.value.size > 0) {
        size_t size = answer.value.size;
        if (size >= sizeof out->text) size = sizeof out->text - 1;
        memcpy(out->text, answer.value.data, size);
    }
    tp_send(self, group, tpi_task_seen, .id = answer.id);
    return TP_OK;
}

static tp_err wait_for_tasks(tp_actor *self, uint8_t kind, const tp_task *tasks, size_t count,
                             tp_duration timeout, tpi_task_answer *answer) {
    tp_pid group = tp_pid_null();
    uint64_t *ids = tp_alloc(self, (count + 1) * sizeof *ids);
    if (ids == NULL) return TP_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        ids[i] = tasks[i].id;
        if (ids[i] != 0 && tp_pid_is_null(group)) group = tasks[i].group;
        if (ids[i] != 0 && !tp_pid_equal(group, tasks[i].group)) {
            tp_free(self, ids);
            return TP_EINVAL;
        }
    }
    tp_err err = TP_ENOENT;
    if (!tp_pid_is_null(group)) err = wait_for(self, group, kind, ids, count, timeout, answer);
    else if (kind == TPI_WAIT_ALL) err = TP_OK;
    tp_free(self, ids);
    return err;
}

tp_err tp_task_await_any(tp_actor *self, const tp_task *tasks, size_t count, tp_duration timeout,
                         size_t *index) {
    tpi_task_answer answer;
    tp_err err = wait_for_tasks(self, TPI_WAIT_ANY, tasks, count, timeout, &answer);
    for (size_t i = 0; err == TP_OK && i < count; i++)
        if (tasks[i].id == answer.id) {
            *index = i;
            return TP_OK;
        }
    return err;
}

tp_err tp_task_await_all(tp_actor *self, const tp_task *tasks, size_t count, tp_duration timeout) {
    tpi_task_answer answer;
    return wait_for_tasks(self, TPI_WAIT_ALL, tasks, count, timeout, &answer);
}

tp_err tp_tasks_join(tp_actor *self, tp_pid group, tp_duration timeout) {
    tpi_task_answer answer;
    return wait_for(self, group, TPI_WAIT_JOIN, NULL, 0, timeout, &answer);
}

/* ---- cancelling ---- */

static tp_err cancel(tp_actor *self, tp_pid group, uint64_t id) {
    tpi_task_answer answer;
    tp_err err =
        tp_call(self, group, TP_FOREVER, &answer, tpi_task_answer, tpi_task_cancel, .id = id);
    return err == TP_OK ? (tp_err)answer.err : err;
}

tp_err tp_task_cancel(tp_actor *self, tp_task task) {
    return task.id == 0 ? TP_ENOENT : cancel(self, task.group, task.id);
}

tp_err tp_tasks_cancel(tp_actor *self, tp_pid group) {
    return cancel(self, group, 0);
}

tp_err tp_tasks_close(tp_actor *self, tp_pid group) {
    tpi_task_answer answer;
    tp_err err = wait_for(self, group, TPI_WAIT_CLOSE, NULL, 0, TP_FOREVER, &answer);
    return err == TP_ENOPROC ? TP_OK : err;
}

tp_err tp_tasks_look(tp_actor *self, tp_pid group, tp_tasks_count *out) {
    return tp_call(self, group, TP_FOREVER, out, tp_tasks_count, tpi_task_look);
}
