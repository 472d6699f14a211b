/*
 * Where tasks run: an actor a task, which calls the function itself or has a pool's worker do it.
 * The worker gives each function an actor of its own too: so a task can be killed without its
 * worker, and the tasks that wait for that worker do not die with it.
 */
#include <troupe/signal.h>

#include "actors/behaviors/task_internal.h"

tp_err tpi_task_encode(tp_actor *self, const tp_message_type *type, const void *in, tp_bin *value) {
    size_t room = type->bound != 0 ? type->bound : type->measure(in);
    if (room > TP_MESSAGE_SIZE_MAX) return TP_ETOOBIG;
    uint8_t *bytes = tp_alloc(self, room == 0 ? 1 : room);
    if (bytes == NULL) return TP_ENOMEM;
    tp_writer out = tp_writer_over(bytes, room);
    type->encode(in, &out);
    *value = (tp_bin){bytes, (size_t)(out.at - bytes)};
    return TP_OK;
}

tp_err tpi_task_decode(tp_actor *self, const tp_bin *bytes, const tp_message_type *type,
                       void *out) {
    tpi_place place = {{tpi_scratch_alloc}, self};
    tp_reader in = tp_reader_over(bytes->data, bytes->size);
    in.scratch = &place.scratch;
    type->decode(out, &in, type->field_count);
    if (!in.failed) return TP_OK;
    return in.starved ? TP_ENOMEM : TP_EBADMSG;
}

tp_err tpi_task_report(tp_actor *self, const tp_pid *to, uint64_t id, tp_err err,
                       const tp_message_type *type, const void *result) {
    tp_bin value = {NULL, 0};
    if (err == TP_OK) err = tpi_task_encode(self, type, result, &value);
    return tp_send(self, *to, tpi_task_done, .id = id, .err = (int32_t)err, .value = value);
}

/* Asks the pool, and passes on what it says; it says TP_ENOPROC when the worker has ended. */
static void run_on_pool(tp_actor *self, const tpi_task_run *msg) {
    tpi_task_done done = {.id = 0};
    tp_err err = tp_call(self, msg->pool, TP_FOREVER, &done, tpi_task_done, tpi_task_run,
                         .group = msg->group, .id = msg->id, .function = msg->function,
                         .argument = msg->argument);
    if (err != TP_OK) done.err = (int32_t)err;
    tp_send(self, msg->group, tpi_task_done, .id = msg->id, .err = done.err, .code = done.code,
            .value = done.value);
}

static void run(tp_actor *self, char *state, const tpi_task_run *msg) {
    const tp_task_function *function = (const tp_task_function *)(uintptr_t)msg->function;
    (void)state;
    if (!tp_pid_is_null(msg->pool)) run_on_pool(self, msg);
    else (void)function->call(self, &msg->argument, &msg->group, msg->id);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR_EXTERN(tpi_task_runner, "task", char, TP_INIT_WITH(tpi_task_run, run));

/* ---- on a pool's worker ---- */

struct worker {
    tp_pid pool;
};

/* The ends that a worker waits for while a function runs. */
struct ends {
    tp_ref caller, function;
    tp_pid runner;
};

static bool concerns(const tp_message *message, void *context) {
    (void)context;
    return tp_message_is(message, tp_down) || tp_message_is(message, tp_exited) ||
           tp_message_is(message, tpi_task_done);
}

/* The pool's end is the worker's; that of a function is known by its monitor. */
static void worker_exited(tp_actor *self, struct worker *worker, const tp_exited *msg) {
    if (tp_pid_equal(msg->from, worker->pool)) tp_exit(self, TP_EXIT_SHUTDOWN);
}

/* True when the function has ended. If its caller has, there is nobody to answer. */
static bool on_down(tp_actor *self, const struct ends *ends, const tp_down *down) {
    if (down->ref == ends->caller) (void)tp_kill(self, ends->runner);
    if (down->ref != ends->function) return false;
    /* too late, and dropped, when it has answered */
    (void)tp_reply(self, tpi_task_done, .err = TP_EEXITED, .code = down->code,
                   .value = down->detail);
    return true;
}

static void await_end(tp_actor *self, struct worker *worker, const struct ends *ends) {
    const tp_message *message;
    bool over = false;
    while (!over && tp_receive_any(self, TP_FOREVER, concerns, NULL, &message) == TP_OK) {
        tpi_task_done done;
        tp_exited exited;
        tp_down down;
        if (tp_message_get(self, message, &exited, tp_exited) == TP_OK)
            worker_exited(self, worker, &exited);
        else if (tp_message_get(self, message, &down, tp_down) == TP_OK)
            over = on_down(self, ends, &down);
        else if (tp_message_get(self, message, &done, tpi_task_done) == TP_OK)
            (void)tp_reply_value(self, &tpi_task_done_message, &done);
    }
}

static void on_run(tp_actor *self, struct worker *worker, const tpi_task_run *msg) {
    struct ends ends = {0};
    if (!tp_alive(tp_self_runtime(self), tp_sender(self))) return; /* cancelled while it waited */
    ends.caller = tp_monitor(self, tp_sender(self));
    tp_spawn_options options = {.link = true, .monitor = &ends.function};
    if (ends.caller != 0)
        ends.runner =
            tp_spawn_with(self, &tpi_task_runner, &options, tpi_task_run, .group = tp_self(self),
                          .id = msg->id, .function = msg->function, .argument = msg->argument);
    if (tp_pid_is_null(ends.runner)) (void)tp_reply_error(self, TP_ENOMEM);
    else await_end(self, worker, &ends);
    (void)tp_demonitor(self, ends.caller);
}

static void worker_init(tp_actor *self, struct worker *worker) {
    worker->pool = tp_sender(self);
    (void)tp_trap_exits(self, true);
}

TP_BEHAVIOR_EXTERN(tp_task_worker, "task worker", struct worker, TP_INIT(worker_init),
                   TP_ON(tpi_task_run, on_run), TP_ON(tp_exited, worker_exited));
