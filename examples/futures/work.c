/*
 * The work, and the two places in which it is done.
 *
 * In a process of its own: the task's actor starts an isolated worker and asks it. The worker may
 * loop for ever, so the exit signal of a link, which it would have to take in itself, does not end
 * it; a kill does. A keeper kills it when the task's actor has ended, however that came.
 */
#include <signal.h>
#include <unistd.h>

#include "examples/futures/places.h"

#define YIELD_EVERY 1024
#define HEARTBEAT TP_SECONDS(20) /* a busy machine is no reason to kill a worker */

/* ---- the work ---- */

static bool is_prime(int64_t n) {
    for (int64_t i = 2; i * i <= n; i++)
        if (n % i == 0) return false;
    return n > 1;
}

static tp_err do_work(tp_actor *self, const work *in, result *out) {
    go gone;
    switch (in->what) {
    case COUNT_PRIMES:
        for (int64_t n = 2; n < in->number; n++) {
            out->value += is_prime(n);
            if (n % YIELD_EVERY == 0) tp_yield(self); /* so a thread's task can be stopped */
        }
        break;
    case WAIT_FOR_GO:
        tp_send(self, in->boss, waits, .number = in->number, .worker = tp_self(self));
        tp_err err = tp_receive(self, TP_FOREVER, &gone, go);
        if (err != TP_OK) return err;
        out->value = in->number;
        break;
    case NEVER_END:
        for (;;) tp_yield(self);
    case RETURN_ERROR: return TP_ECLOSED;
    case FAIL: tp_fail(self, "nothing is known about %d", (int)in->number);
    case DIE: (void)raise(SIGKILL); break;
    default: return TP_EINVAL;
    }
    out->process = getpid();
    return TP_OK;
}
TP_TASK(work_here, "work", work, result, do_work);

/* ---- in a process of its own ---- */

TP_MESSAGE(keep, TP_FIELD(pid, task))
TP_MESSAGE(kept, TP_FIELD(pid, worker))

static void on_work(tp_actor *self, char *nothing, const work *msg) {
    result out = {0};
    (void)nothing;
    if (msg->what == NEVER_END)
        for (volatile unsigned i = 0;; i = i + 1) continue; /* and never looks up */
    tp_err err = do_work(self, msg, &out);
    if (err == TP_OK) tp_reply_value(self, &result_message, &out);
    else tp_reply_error(self, err);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(apart_behavior, "apart", char, TP_ON(work, on_work));

struct keeper {
    tp_pid worker;
};

static void keeper_init(tp_actor *self, struct keeper *keeper, const keep *msg) {
    (void)keeper;
    if (tp_monitor(self, msg->task) == 0) tp_exit(self, TP_EXIT_NOMEM);
}
static void on_kept(tp_actor *self, struct keeper *keeper, const kept *msg) {
    (void)self;
    keeper->worker = msg->worker;
}
static void on_task_down(tp_actor *self, struct keeper *keeper, const tp_down *msg) {
    (void)msg;
    if (!tp_pid_is_null(keeper->worker)) (void)tp_kill(self, keeper->worker);
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(keeper_behavior, "keeper", struct keeper, TP_INIT_WITH(keep, keeper_init),
            TP_ON(kept, on_kept), TP_ON(tp_down, on_task_down));

/* Until the keeper knows it, a worker has nothing to do, and its link is enough. */
static tp_err do_apart(tp_actor *self, const work *in, result *out) {
    static const tp_process_limits limits = {.heartbeat = HEARTBEAT};
    tp_ref monitor;
    tp_down down;
    tp_spawn_options options = {
        .isolate = true, .limits = &limits, .link = true, .monitor = &monitor};
    (void)tp_trap_exits(self, true); /* its end is told by the monitor */
    tp_pid keeper = tp_spawn(self, &keeper_behavior, keep, .task = tp_self(self));
    if (tp_pid_is_null(keeper)) return tp_error(self);
    tp_pid worker = tp_spawn_with(self, &apart_behavior, &options);
    if (tp_pid_is_null(worker)) return tp_error(self);
    tp_send(self, keeper, kept, .worker = worker);
    tp_err err = tp_call_value(self, worker, TP_FOREVER, &result_message, out, &work_message, in);
    if (err != TP_ENOPROC) return err;
    if (tp_receive(self, TP_FOREVER, &down, tp_down) != TP_OK) return err;
    tp_exit_with(self, (tp_reason){down.code, down.detail});
}
TP_TASK(work_apart, "work apart", work, result, do_apart);

/* ---- one interface ---- */

tp_err place_submit(tp_actor *self, const struct place *place, tp_pid group, tp_task *task,
                    const tp_task_options *options, const work *in) {
    const tp_task_function *function = place->apart ? &work_apart : &work_here;
    return tp_task_submit_value(self, task, group, options, function, in);
}
