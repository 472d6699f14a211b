/*
 * Starting and stopping children, one or many.
 *
 * A child is stopped as OTP does it: watched by a monitor of its own, since it may have ended the
 * link; asked, given its time, killed; then the link is ended and an exit that it left is taken for
 * its real reason.
 */
#include <inttypes.h>
#include <stdio.h>

#include "actors/supervision/supervision.h"

/* ---- reasons as text ---- */

void tpi_reason_text(char *out, size_t size, tp_reason reason) {
    char code[16] = "";
    int detail = reason.detail.size < size ? (int)reason.detail.size : (int)size;
    if (reason.code < 0 || reason.code >= TP_EXIT_USER)
        (void)snprintf(code, sizeof code, " %" PRId32, reason.code);
    (void)snprintf(out, size, "%s%s%s%.*s", tp_exit_code_name(reason.code), code,
                   detail > 0 ? ": " : "", detail,
                   detail > 0 ? (const char *)reason.detail.data : "");
}

static void report(tp_actor *self, tp_log_level level, const struct tpi_child *child,
                   const char *what, tp_reason reason) {
    char text[256];
    tpi_reason_text(text, sizeof text, reason);
    tp_log(self, level, "child %s %s: %s", child->spec->id, what, text);
}

/* ---- start ---- */

/* For the report of its next crash: every start but the first. */
static void note_start(tp_actor *self, struct tpi_child *child) {
    tp_restart_history *history = &child->restarted;
    tp_time admitted = child->admitted;
    child->admitted = 0;
    if (!child->started_before) {
        child->started_before = true;
        return;
    }
    for (size_t i = TP_RESTARTS_KEPT; --i > 0;) history->newest[i] = history->newest[i - 1];
    history->newest[0] = admitted != 0 ? admitted : tp_now(self);
    history->count++;
}

void tpi_child_lost(tp_actor *self, struct tpi_child *child) {
    child->away = true;
    child->not_before = tp_now(self) + child->spec->remote->settle(self, child->spec->remote);
}

/* Not while the one that was lost may still run. */
static tp_err start_remote(tp_actor *self, struct tpi_child *child, tp_pid *pid) {
    const tp_child_start *how = child->spec->remote;
    child->away = true;
    if (tp_now(self) < child->not_before) return TP_ENOCONNECTION;
    tp_err err = how->start(self, how, child->arguments.type, child->arguments.value, pid);
    if (err == TP_ETIMEDOUT) tpi_child_lost(self, child);
    if (err != TP_ETIMEDOUT && err != TP_ENOCONNECTION) child->away = false;
    return err;
}

static tp_err start_kind(tp_actor *self, struct tpi_child *child, tp_pid *pid, tp_reason *reason) {
    const tp_child_spec *spec = child->spec;
    tp_spawn_options options = spec->options;
    options.monitor = NULL;
    note_start(self, child);
    if (spec->remote != NULL) return start_remote(self, child, pid);
    if (child->restarted.count > 0) options.restarted = &child->restarted;
    if (spec->supervisor != NULL) {
        if (options.name == NULL) options.name = spec->supervisor->options.name;
        return tpi_supervisor_start(self, pid, spec->supervisor, &options, false, reason);
    }
    options.link = true;
    if (spec->behavior != NULL)
        return tp_start_value(self, pid, spec->behavior, &options, TP_FOREVER, reason,
                              child->arguments.type, child->arguments.value);
    *pid = tp_spawn_body(self, spec->body, spec->arg, &options);
    return tp_pid_is_null(*pid) ? tp_error(self) : TP_OK;
}

enum tpi_start tpi_start_child(tp_actor *self, struct tpi_supervisor *supervisor,
                               struct tpi_child *child, tp_reason *reason) {
    tp_pid pid;
    tp_err err = start_kind(self, child, &pid, reason);
    if (err == TP_OK) {
        tpi_child_runs(self, supervisor, child, pid);
        if (child->spec->backoff.min > 0 || supervisor->spec->backoff.min > 0 ||
            child->spec->remote != NULL)
            child->started = tp_now(self);
        return TPI_STARTED;
    }
    tpi_child_rests(self, supervisor, child);
    if (err == TP_ENOPROC && reason->code == TP_EXIT_NORMAL) return TPI_DECLINED;
    if (err != TP_ENOPROC) {
        const char *name = tp_err_name(err);
        *reason = (tp_reason){err == TP_ENOMEM ? TP_EXIT_NOMEM : TP_EXIT_FAILED,
                              {name, tp_str_of(name).size}};
    }
    report(self, child->away ? TP_LOG_INFO : TP_LOG_ERROR, child, "does not start", *reason);
    return child->away ? TPI_AWAY : TPI_FAILED;
}

/* ---- stop ---- */

static tp_duration time_to_stop(const tp_child_spec *spec) {
    if (spec->shutdown != 0) return spec->shutdown;
    return tpi_type_of(spec) == TP_SUPERVISOR ? TP_FOREVER : TP_SECONDS(5);
}

struct awaited {
    tp_actor *self;
    tp_ref monitor;
    tp_pid pid;
};

static bool is_down(const tp_message *message, void *context) {
    const struct awaited *awaited = context;
    tp_down down;
    return tp_message_get(awaited->self, message, &down, tp_down) == TP_OK &&
           down.ref == awaited->monitor;
}

static bool is_exit(const tp_message *message, void *context) {
    const struct awaited *awaited = context;
    tp_exited exited;
    return tp_message_get(awaited->self, message, &exited, tp_exited) == TP_OK &&
           tp_pid_equal(exited.from, awaited->pid);
}

/* Without a stack to wait on there is no way to stop anything in order. */
static void check(tp_actor *self, tp_err err) {
    if (err != TP_OK) tp_exit_with(self, (tp_reason){.code = TP_EXIT_NOMEM});
}

static bool await_down(struct awaited *awaited, tp_duration timeout, tp_reason *reason) {
    const tp_message *message;
    tp_down down;
    tp_err err = tp_receive_any(awaited->self, timeout, is_down, awaited, &message);
    if (err == TP_ETIMEDOUT) return false;
    check(awaited->self, err);
    check(awaited->self, tp_message_get(awaited->self, message, &down, tp_down));
    *reason = (tp_reason){down.code, down.detail};
    return true;
}

static bool is_expected(const tp_child_spec *spec, bool killed, tp_reason reason) {
    bool plain = reason.detail.size == 0;
    if (killed && reason.code == TP_EXIT_KILLED) return true;
    if (reason.code == TP_EXIT_SHUTDOWN && !killed && plain) return true;
    return spec->restart != TP_PERMANENT &&
           (reason.code == TP_EXIT_SHUTDOWN || reason.code == TP_EXIT_NORMAL);
}

/* It may still run: who takes its place must wait. */
static void note_loss(tp_actor *self, struct tpi_child *child, tp_reason reason) {
    if (child->spec->remote != NULL && reason.code == TP_EXIT_NOCONNECTION)
        tpi_child_lost(self, child);
}

/* After its DOWN: the link's exit may have come first, with the reason that a late monitor
 * missed. */
static void take_leave(struct awaited *awaited, struct tpi_child *child, tp_reason reason) {
    const tp_message *message;
    tp_exited exited;
    (void)tp_unlink(awaited->self, awaited->pid);
    if (tp_receive_any(awaited->self, 0, is_exit, awaited, &message) == TP_OK &&
        tp_message_get(awaited->self, message, &exited, tp_exited) == TP_OK)
        reason = (tp_reason){exited.code, exited.detail};
    note_loss(awaited->self, child, reason);
    if (!is_expected(child->spec, child->spec->shutdown == TP_BRUTAL_KILL, reason))
        report(awaited->self, TP_LOG_WARN, child, "did not stop as asked", reason);
}

tp_duration tpi_kill_grace(const struct tpi_supervisor *supervisor) {
    tp_duration grace = supervisor->spec->kill_grace;
    return grace != 0 ? grace : TP_SECONDS(5);
}

/* A child that was killed and kept its thread for longer than its grace: from now on nobody finds
 * it, and its end will not be heard of here. */
bool tpi_abandon_child(tp_actor *self, struct tpi_child *child) {
    tp_err err = tp_abandon(self, child->pid);
    if (err == TP_ENOPROC) return false;
    tp_log(self, TP_LOG_ERROR, "child %s was killed and keeps its thread: %s", child->spec->id,
           err == TP_OK ? "abandoned" : tp_err_name(err));
    (void)tp_unlink(self, child->pid);
    return true;
}

static void kill_child(struct awaited *awaited, const struct tpi_supervisor *supervisor,
                       struct tpi_child *child, tp_reason *reason) {
    /* one of another node is not abandoned: it ends, or its connection does */
    tp_duration grace = child->spec->remote != NULL ? TP_FOREVER : tpi_kill_grace(supervisor);
    (void)tp_kill(awaited->self, child->pid);
    if (await_down(awaited, grace, reason)) return;
    if (!tpi_abandon_child(awaited->self, child)) {
        (void)await_down(awaited, TP_FOREVER, reason);
        return;
    }
    (void)tp_demonitor(awaited->self, awaited->monitor);
    *reason = (tp_reason){.code = TP_EXIT_KILLED};
}

void tpi_stop_child(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    if (child->status == TP_CHILD_IS_RUNNING) {
        tp_duration time = time_to_stop(child->spec);
        tp_reason reason = {0};
        struct awaited awaited = {self, tp_monitor(self, child->pid), child->pid};
        if (awaited.monitor == 0) check(self, TP_ENOMEM);
        if (time != TP_BRUTAL_KILL) (void)tp_send_exit(self, child->pid, TP_EXIT_SHUTDOWN);
        if (time == TP_BRUTAL_KILL || !await_down(&awaited, time, &reason))
            kill_child(&awaited, supervisor, child, &reason);
        take_leave(&awaited, child, reason);
    }
    tpi_child_rests(self, supervisor, child);
    child->delay = 0;
}

void tpi_stop_from(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *from) {
    struct tpi_child *child = supervisor->order.last, *previous;
    for (; child != NULL; child = child == from ? NULL : previous) {
        previous = child->previous[TPI_IN_ORDER];
        tpi_stop_child(self, supervisor, child);
        if (child != from && child->spec->restart == TP_TEMPORARY)
            tpi_child_remove(self, supervisor, child);
    }
}

/* ---- all at once ---- */

static bool is_end(const tp_message *message, void *context) {
    (void)context;
    return tp_message_is(message, tp_down) || tp_message_is(message, tp_exited);
}

static uint64_t ask_all(tp_actor *self, struct tpi_supervisor *supervisor) {
    uint64_t asked = 0;
    struct tpi_child *child = supervisor->order.first;
    for (; child != NULL; child = child->next[TPI_IN_ORDER]) {
        if (child->status != TP_CHILD_IS_RUNNING) continue;
        child->stopping = tp_monitor(self, child->pid);
        if (child->stopping == 0) check(self, TP_ENOMEM);
        (void)tp_send_exit(self, child->pid,
                           child->spec->shutdown == TP_BRUTAL_KILL ? TP_EXIT_KILL
                                                                   : TP_EXIT_SHUTDOWN);
        asked++;
    }
    return asked;
}

static void kill_all(tp_actor *self, struct tpi_supervisor *supervisor) {
    struct tpi_child *child = supervisor->order.first;
    for (; child != NULL; child = child->next[TPI_IN_ORDER])
        if (child->status == TP_CHILD_IS_RUNNING) (void)tp_kill(self, child->pid);
}

/* How many of them will not be heard of. */
static uint64_t abandon_all(tp_actor *self, struct tpi_supervisor *supervisor) {
    uint64_t abandoned = 0;
    struct tpi_child *child = supervisor->order.first;
    for (; child != NULL; child = child->next[TPI_IN_ORDER]) {
        if (child->status != TP_CHILD_IS_RUNNING || child->spec->remote != NULL ||
            !tpi_abandon_child(self, child))
            continue;
        (void)tp_demonitor(self, child->stopping);
        tpi_child_rests(self, supervisor, child);
        abandoned++;
    }
    return abandoned;
}

/* An exit or a down; true when it was the down of a child that was waited for. The exit of a link
 * comes first, from the same sender, unless the child had ended it. */
static bool take_end(tp_actor *self, struct tpi_supervisor *supervisor, const tp_message *message) {
    tp_down down;
    if (tp_message_get(self, message, &down, tp_down) != TP_OK) return false;
    struct tpi_child *child = tpi_child_of_pid(supervisor, down.from);
    if (child == NULL || child->stopping != down.ref) return false;
    tp_reason reason = {down.code, down.detail};
    (void)tp_unlink(self, down.from);
    if (reason.code != TP_EXIT_NOPROC &&
        !is_expected(child->spec, child->spec->shutdown == TP_BRUTAL_KILL, reason))
        report(self, TP_LOG_WARN, child, "did not stop as asked", reason);
    tpi_child_rests(self, supervisor, child);
    return true;
}

/* Takes ends until all that are left have come, or the time is over; how many are left then. */
static uint64_t await_ends(tp_actor *self, struct tpi_supervisor *supervisor, uint64_t left,
                           tp_duration time) {
    const tp_message *message;
    tp_time now = tp_now(self), until = time > TP_FOREVER - now ? TP_FOREVER : now + time;
    while (left > 0) {
        tp_duration rest = until == TP_FOREVER ? TP_FOREVER : until - tp_now(self);
        tp_err err = tp_receive_any(self, rest > 0 ? rest : 0, is_end, NULL, &message);
        if (err == TP_ETIMEDOUT) return left;
        check(self, err);
        left -= take_end(self, supervisor, message);
    }
    return 0;
}

/* They share one time, and there is no order. */
static void stop_at_once(tp_actor *self, struct tpi_supervisor *supervisor) {
    uint64_t left = ask_all(self, supervisor);
    tp_duration time = time_to_stop(&supervisor->spec->children[0]);
    if (time != TP_BRUTAL_KILL) {
        left = await_ends(self, supervisor, left, time);
        if (left > 0) kill_all(self, supervisor);
    }
    left = await_ends(self, supervisor, left, tpi_kill_grace(supervisor));
    if (left > 0) left -= abandon_all(self, supervisor);
    (void)await_ends(self, supervisor, left, TP_FOREVER);
}

void tpi_stop_all(tp_actor *self, struct tpi_supervisor *supervisor) {
    if (tpi_is_simple(supervisor)) stop_at_once(self, supervisor);
    else if (supervisor->order.first != NULL)
        tpi_stop_from(self, supervisor, supervisor->order.first);
}
