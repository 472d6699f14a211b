/*
 * A group of tasks: the actor that starts them within the limits, decides each exactly once, and
 * answers those who wait.
 *
 * A task is decided when its outcome comes, its actor ends, its time is over or it is cancelled;
 * the place that it takes within the limits is free only when its actor has ended.
 */
#include <troupe/isolate.h>
#include <troupe/signal.h>
#include <troupe/timer.h>

#include "actors/behaviors/task_internal.h"
#include "actors/behaviors/task_table.h"

struct waiter {
    struct waiter *next;
    tp_from from;
    uint8_t kind;
    size_t count, at; /* ALL: those before `at` are decided */
    uint64_t ids[];
};

struct group {
    tpi_tasks_begin options;
    struct tpi_task_table table;
    struct tpi_task_list waiting, fresh; /* fresh: decided, not yet announced or taken */
    uint64_t submitted, decided, taken;
    struct waiter *waiters;
    bool failed;  /* a first error has come */
    bool closing; /* ends when nothing runs */
};

typedef struct tpi_task_entry entry;

/* ---- answers ---- */

/* Fills the answer for a wait; false: it goes on. */
static bool settle_one(const struct group *group, uint64_t id, tpi_task_answer *out) {
    const entry *task = tpi_task_find(&group->table, id);
    if (task == NULL) {
        out->err = TP_ENOENT;
        return true;
    }
    if (task->state != TPI_TASK_DECIDED) return false;
    *out = (tpi_task_answer){.id = id,
                             .outcome = task->err,
                             .code = task->code,
                             .value = task->bytes,
                             .result = (uint64_t)(uintptr_t)task->function->result};
    return true;
}

/* The first decided of those asked for; when one was taken nothing may be waited for. */
static bool settle_any(const struct group *group, const struct waiter *waiter,
                       tpi_task_answer *out) {
    const entry *first = NULL;
    bool some = false, gone = false;
    for (size_t i = 0; i < waiter->count; i++) {
        if (waiter->ids[i] == 0) continue;
        const entry *task = tpi_task_find(&group->table, waiter->ids[i]);
        some = true;
        if (task == NULL) gone = true;
        else if (task->state == TPI_TASK_DECIDED &&
                 (first == NULL || task->decided_as < first->decided_as))
            first = task;
    }
    if (first != NULL) return settle_one(group, first->id, out);
    if (gone || !some) out->err = TP_ENOENT;
    return gone || !some;
}

static bool settle_all(const struct group *group, struct waiter *waiter) {
    for (; waiter->at < waiter->count; waiter->at++) {
        const entry *task = tpi_task_find(&group->table, waiter->ids[waiter->at]);
        if (task != NULL && task->state != TPI_TASK_DECIDED) return false;
    }
    return true;
}

static bool nothing_undecided(const struct group *group) {
    return group->waiting.count == 0 && group->table.running == 0;
}

static bool settle_next(const struct group *group, tpi_task_answer *out) {
    if (group->fresh.first != NULL) return settle_one(group, group->fresh.first->id, out);
    if (group->decided < group->submitted) return false;
    out->err = TP_ENOENT;
    return true;
}

static bool settle(const struct group *group, struct waiter *waiter, tpi_task_answer *out) {
    switch (waiter->kind) {
    case TPI_WAIT_ONE: return settle_one(group, waiter->ids[0], out);
    case TPI_WAIT_ANY: return settle_any(group, waiter, out);
    case TPI_WAIT_ALL: return settle_all(group, waiter);
    case TPI_WAIT_NEXT: return settle_next(group, out);
    case TPI_WAIT_JOIN: return nothing_undecided(group);
    default: return group->table.running == 0;
    }
}

static void settle_waiters(tp_actor *self, struct group *group) {
    struct waiter **at = &group->waiters;
    while (*at != NULL) {
        struct waiter *waiter = *at;
        tpi_task_answer answer = {.err = TP_OK};
        if (!settle(group, waiter, &answer)) {
            at = &waiter->next;
            continue;
        }
        (void)tp_reply_to_value(self, waiter->from, &tpi_task_answer_message, &answer);
        *at = waiter->next;
        tp_free(self, waiter);
    }
    if (group->closing && group->table.running == 0) tp_exit(self, TP_EXIT_NORMAL);
}

static void answer(tp_actor *self, tp_err err, uint64_t id) {
    tp_reply(self, tpi_task_answer, .err = (int32_t)err, .id = id);
}

/* ---- deciding ---- */

static void cancel_all(tp_actor *self, struct group *group);

static void decide(tp_actor *self, struct group *group, entry *task, tp_err err, int32_t code,
                   tp_bin bytes) {
    if (task->state == TPI_TASK_DECIDED) return;
    tpi_task_list_remove(task); /* of those that wait */
    if (!tpi_task_set_bytes(self, task, bytes) && err == TP_OK) err = TP_ENOMEM;
    task->state = TPI_TASK_DECIDED;
    task->err = (int32_t)err;
    task->code = code;
    for (int i = 0; i < 2; i++)
        if (task->timers[i] != 0) (void)tp_cancel_timer(self, task->timers[i]);
    if (!tp_pid_is_null(task->runner) && (err == TP_ECANCELED || err == TP_ETIMEDOUT))
        (void)tp_kill(self, task->runner);
    task->decided_as = ++group->decided;
    tpi_task_list_add(&group->fresh, task);
    if (err == TP_OK || !group->options.first_error || group->failed) return;
    group->failed = true;
    cancel_all(self, group);
}

static void give_up(tp_actor *self, struct group *group, entry *task, tp_err err) {
    decide(self, group, task, err, 0, (tp_bin){NULL, 0});
}

static void cancel_all(tp_actor *self, struct group *group) {
    while (group->waiting.first != NULL) give_up(self, group, group->waiting.first, TP_ECANCELED);
    for (uint64_t id = group->table.base; id < group->table.next_id; id++) {
        entry *task = tpi_task_find(&group->table, id);
        if (task != NULL) give_up(self, group, task, TP_ECANCELED);
    }
}

/* ---- starting ---- */

static bool has_room(const struct group *group, const entry *task) {
    uint32_t of_key = group->options.limit_per_key;
    return of_key == 0 || task->key == NULL || task->key->running < of_key;
}

static void start(tp_actor *self, struct group *group, entry *task) {
    task->state = TPI_TASK_RUNNING;
    tpi_task_list_remove(task);
    tp_spawn_options options = {.link = true, .isolate = task->isolated};
    tp_pid pool = task->isolated ? tp_pid_null() : group->options.pool;
    tp_pid runner = tp_spawn_with(
        self, &tpi_task_runner, &options, tpi_task_run, .group = tp_self(self), .id = task->id,
        .function = (uint64_t)(uintptr_t)task->function, .argument = task->bytes, .pool = pool);
    if (tp_pid_is_null(runner)) {
        give_up(self, group, task, tp_error(self));
        return;
    }
    tpi_task_set_runner(&group->table, task, runner);
    if (task->timeout > 0)
        task->timers[1] =
            tp_send_after(self, task->timeout, tp_self(self), tpi_task_late, .id = task->id);
    (void)tpi_task_set_bytes(self, task, (tp_bin){NULL, 0});
}

/* Starts what the limits allow, oldest first; one that its key holds back holds no other back. */
static void pump(tp_actor *self, struct group *group) {
    entry *task = group->waiting.first;
    uint32_t limit = group->options.limit;
    while (task != NULL && (limit == 0 || group->table.running < limit)) {
        entry *next = task->next;
        if (has_room(group, task)) start(self, group, task);
        task = next;
        if (group->failed) break; /* the list has changed */
    }
    settle_waiters(self, group);
}

static void on_submit(tp_actor *self, struct group *group, const tpi_task_submit *msg) {
    if (group->failed || group->closing) {
        answer(self, TP_ECANCELED, 0);
        return;
    }
    if (msg->isolated && !tp_can_isolate(tp_self_runtime(self))) {
        answer(self, TP_ENOTSUP, 0);
        return;
    }
    entry *task = tpi_task_add(self, &group->table, msg->argument, msg->key);
    if (task == NULL) {
        answer(self, TP_ENOMEM, 0);
        return;
    }
    task->function = (const tp_task_function *)(uintptr_t)msg->function;
    task->timeout = msg->timeout;
    task->isolated = msg->isolated;
    if (msg->deadline > 0)
        task->timers[0] =
            tp_send_after(self, msg->deadline, tp_self(self), tpi_task_late, .id = task->id);
    tpi_task_list_add(&group->waiting, task);
    group->submitted++;
    answer(self, TP_OK, task->id);
    pump(self, group);
}

/* ---- ends of tasks ---- */

static void on_done(tp_actor *self, struct group *group, const tpi_task_done *msg) {
    entry *task = tpi_task_find(&group->table, msg->id);
    if (task == NULL || !tp_pid_equal(task->runner, tp_sender(self))) return;
    decide(self, group, task, (tp_err)msg->err, msg->code, msg->value);
    settle_waiters(self, group);
}

static void on_late(tp_actor *self, struct group *group, const tpi_task_late *msg) {
    entry *task = tpi_task_find(&group->table, msg->id);
    if (task == NULL) return;
    give_up(self, group, task, TP_ETIMEDOUT);
    settle_waiters(self, group);
}

static void on_exited(tp_actor *self, struct group *group, const tp_exited *msg) {
    entry *task = tpi_task_runner_ended(&group->table, msg->from);
    if (task == NULL) return;
    decide(self, group, task, TP_EEXITED, msg->code, msg->detail);
    tpi_task_drop(self, &group->table, task);
    pump(self, group);
}

/* ---- requests ---- */

/* An actor waits for one thing at a time: what it waited for before it has given up. */
static void forget_waiter(tp_actor *self, struct group *group, tp_pid caller) {
    struct waiter **at = &group->waiters;
    while (*at != NULL && !tp_pid_equal((*at)->from.caller, caller)) at = &(*at)->next;
    struct waiter *waiter = *at;
    if (waiter == NULL) return;
    *at = waiter->next;
    (void)tp_reply_error_to(self, waiter->from, TP_ECANCELED);
    tp_free(self, waiter);
}

static void on_wait(tp_actor *self, struct group *group, const tpi_task_wait *msg) {
    struct waiter *waiter = tp_alloc(self, sizeof *waiter + msg->ids.count * sizeof(uint64_t));
    tpi_task_answer at_once = {.err = TP_OK};
    if (waiter == NULL) {
        answer(self, TP_ENOMEM, 0);
        return;
    }
    forget_waiter(self, group, tp_sender(self));
    waiter->kind = msg->kind;
    waiter->count = msg->ids.count;
    if (msg->ids.count > 0) memcpy(waiter->ids, msg->ids.items, msg->ids.count * sizeof(uint64_t));
    if (msg->kind == TPI_WAIT_CLOSE) {
        group->closing = true;
        cancel_all(self, group);
    }
    if (settle(group, waiter, &at_once) || msg->now) {
        if (msg->now && !settle(group, waiter, &at_once)) at_once.err = TP_ETIMEDOUT;
        (void)tp_reply_value(self, &tpi_task_answer_message, &at_once);
        tp_free(self, waiter);
    } else {
        waiter->from = tp_defer(self);
        waiter->next = group->waiters;
        group->waiters = waiter;
    }
    if (msg->kind == TPI_WAIT_CLOSE) settle_waiters(self, group);
}

static void on_seen(tp_actor *self, struct group *group, const tpi_task_seen *msg) {
    entry *task = tpi_task_find(&group->table, msg->id);
    if (task == NULL || task->state != TPI_TASK_DECIDED) return;
    tpi_task_list_remove(task); /* of the fresh ones */
    if (!msg->taken) return;
    group->taken++;
    task->taken = true;
    tpi_task_drop(self, &group->table, task);
}

static void on_cancel(tp_actor *self, struct group *group, const tpi_task_cancel *msg) {
    if (msg->id == 0) {
        cancel_all(self, group);
        answer(self, TP_OK, 0);
    } else {
        entry *task = tpi_task_find(&group->table, msg->id);
        bool open = task != NULL && task->state != TPI_TASK_DECIDED;
        if (open) give_up(self, group, task, TP_ECANCELED);
        answer(self, open ? TP_OK : TP_ENOENT, 0);
    }
    settle_waiters(self, group);
}

static void on_look(tp_actor *self, struct group *group, const tpi_task_look *msg) {
    (void)msg;
    tp_reply(self, tp_tasks_count, .waiting = group->waiting.count, .running = group->table.running,
             .decided = (uint32_t)(group->decided - group->taken));
}

/* ---- begin and end ---- */

static void init(tp_actor *self, struct group *group, const tpi_tasks_begin *msg) {
    group->options = *msg;
    group->table.base = group->table.next_id = 1;
    (void)tp_trap_exits(self, true);
    if (tp_monitor(self, msg->owner) == 0) tp_exit(self, TP_EXIT_NOMEM);
}

static void on_down(tp_actor *self, struct group *group, const tp_down *msg) {
    (void)group, (void)msg;
    tp_exit(self, TP_EXIT_SHUTDOWN);
}

/* A function may trap exits: only a kill is certain. */
static void terminate(tp_actor *self, struct group *group, const tp_reason *reason) {
    (void)reason;
    for (uint32_t i = 0; i < TPI_TASK_BUCKETS; i++)
        for (entry *task = group->table.by_runner[i]; task != NULL; task = task->neighbor)
            (void)tp_kill(self, task->runner);
}

TP_BEHAVIOR_EXTERN(tpi_task_group, "task group", struct group, TP_INIT_WITH(tpi_tasks_begin, init),
                   TP_ON(tpi_task_submit, on_submit), TP_ON(tpi_task_done, on_done),
                   TP_ON(tpi_task_wait, on_wait), TP_ON(tpi_task_seen, on_seen),
                   TP_ON(tpi_task_cancel, on_cancel), TP_ON(tpi_task_late, on_late),
                   TP_ON(tpi_task_look, on_look), TP_ON(tp_exited, on_exited),
                   TP_ON(tp_down, on_down), TP_TERMINATE(terminate));
