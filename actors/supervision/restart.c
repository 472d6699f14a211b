/*
 * What happens when a child ends: restarts by strategy, their number, their waits; giving up.
 */
#include "actors/supervision/supervision.h"

/* ---- giving up ---- */

static _Noreturn void give_up(tp_actor *self, struct tpi_supervisor *supervisor,
                              struct tpi_child *child) {
    tp_log(self, TP_LOG_ERROR, "child %s: too many restarts, giving up", child->spec->id);
    tpi_child_gone(self, supervisor, child);
    if (supervisor->root) (void)tp_send(self, supervisor->parent, tpi_gave_up, 0);
    tp_exit(self, TP_EXIT_SHUTDOWN); /* terminate stops the others */
}

void tpi_child_gone(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    if (child->spec->restart == TP_TEMPORARY || tpi_is_simple(supervisor))
        tpi_child_remove(self, supervisor, child);
    else tpi_child_rests(self, supervisor, child);
}

/* ---- again, later ---- */

static const tp_backoff *backoff_of(const struct tpi_supervisor *supervisor,
                                    const struct tpi_child *child) {
    static const tp_backoff while_away = {.min = TP_MS(200), .max = TP_SECONDS(30), .jitter = 0.2};
    const tp_backoff *backoff = &child->spec->backoff;
    if (backoff->min == 0) backoff = &supervisor->spec->backoff;
    return backoff->min == 0 && child->away ? &while_away : backoff;
}

static tp_duration longest(const tp_backoff *backoff) {
    tp_duration max = backoff->max == 0 ? TP_SECONDS(60) : backoff->max;
    return max < backoff->min ? backoff->min : max;
}

/* How long this child waits now. */
static tp_duration next_delay(tp_actor *self, const tp_backoff *backoff, struct tpi_child *child) {
    tp_duration max = longest(backoff);
    double factor = backoff->factor == 0 ? 2 : backoff->factor;
    double delay = child->delay == 0 ? (double)backoff->min : (double)child->delay * factor;
    child->delay = delay >= (double)max ? max : (tp_duration)delay;
    if (backoff->jitter == 0) return child->delay;
    double part = (double)(tp_random(self) >> 11) * 0x1p-53;
    return child->delay - (tp_duration)((double)child->delay * backoff->jitter * part);
}

static void send_retry(tp_actor *self, struct tpi_supervisor *supervisor) {
    if (supervisor->retrying || supervisor->retries.first == NULL) return;
    if (tp_send(self, tp_self(self), tpi_retry, 0) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
    supervisor->retrying = true;
}

/* Marks it as restarting; its turn comes after what is in the mailbox now, or after its wait. */
void tpi_restart_later(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    const tp_backoff *backoff = backoff_of(supervisor, child);
    tp_duration delay = backoff->min > 0 ? next_delay(self, backoff, child) : 0;
    tp_duration rest = child->not_before == 0 ? 0 : child->not_before - tp_now(self);
    if (delay < rest) delay = rest;
    tpi_child_waits(self, supervisor, child);
    if (delay > 0)
        child->timer = tp_send_after(self, delay, tp_self(self), tpi_waited, .token = child->token);
    if (child->timer != 0) return;
    child->queued = true;
    tpi_list_add(&supervisor->retries, TPI_TO_RETRY, child);
    send_retry(self, supervisor);
}

void tpi_retry_next(tp_actor *self, struct tpi_supervisor *supervisor) {
    struct tpi_child *child = supervisor->retries.first;
    supervisor->retrying = false;
    if (child == NULL) return; /* stopped in the meantime */
    child->queued = false;
    tpi_list_take(&supervisor->retries, TPI_TO_RETRY, child);
    send_retry(self, supervisor);
    tpi_restart(self, supervisor, child);
}

/* ---- by strategy ---- */

/* All from this one on, in order; returns the one that failed, NULL if none did. */
static struct tpi_child *start_from(tp_actor *self, struct tpi_supervisor *supervisor,
                                    struct tpi_child *from) {
    tp_reason reason;
    for (struct tpi_child *child = from; child != NULL; child = child->next[TPI_IN_ORDER])
        if (tpi_start_child(self, supervisor, child, &reason) >= TPI_FAILED) return child;
    return NULL;
}

static struct tpi_child *first_of_group(const struct tpi_supervisor *supervisor,
                                        struct tpi_child *child) {
    return supervisor->spec->strategy == TP_ONE_FOR_ALL ? supervisor->order.first : child;
}

static void stop_group(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    struct tpi_child *first = first_of_group(supervisor, child);
    tp_duration delay = child->delay;
    tpi_child_rests(self, supervisor, child);
    child->admitted = 0; /* stopping takes time */
    tpi_stop_from(self, supervisor, first);
    if (first != child && first->spec->restart == TP_TEMPORARY)
        tpi_child_remove(self, supervisor, first);
    child->delay = delay;
}

static void attempt_one(tp_actor *self, struct tpi_supervisor *supervisor,
                        struct tpi_child *child) {
    tp_reason reason;
    switch (tpi_start_child(self, supervisor, child, &reason)) {
    case TPI_FAILED:
    case TPI_AWAY: tpi_restart_later(self, supervisor, child); break;
    case TPI_DECLINED:
        if (tpi_is_simple(supervisor)) tpi_child_remove(self, supervisor, child);
        break;
    case TPI_STARTED: break;
    }
}

static void attempt(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    if (supervisor->spec->strategy == TP_ONE_FOR_ONE || tpi_is_simple(supervisor)) {
        attempt_one(self, supervisor, child);
        return;
    }
    stop_group(self, supervisor, child);
    child = start_from(self, supervisor, first_of_group(supervisor, child));
    if (child != NULL) tpi_restart_later(self, supervisor, child);
}

void tpi_restart(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    child->timer = 0;
    child->admitted = tp_now(self);
    if (!child->away && !tpi_window_admit(&supervisor->window, child->admitted))
        give_up(self, supervisor, child);
    attempt(self, supervisor, child);
}

/* A child that has ended, or whose wait begins: its group stops now and starts after the wait. */
static void begin_restart(tp_actor *self, struct tpi_supervisor *supervisor,
                          struct tpi_child *child) {
    const tp_backoff *backoff = backoff_of(supervisor, child);
    if (backoff->min == 0) {
        tpi_restart(self, supervisor, child);
        return;
    }
    tp_duration calm = backoff->reset_after == 0 ? longest(backoff) : backoff->reset_after;
    if (tp_now(self) - child->started >= calm) child->delay = 0;
    if (supervisor->spec->strategy == TP_ONE_FOR_ALL ||
        supervisor->spec->strategy == TP_REST_FOR_ONE)
        stop_group(self, supervisor, child);
    tpi_restart_later(self, supervisor, child);
}

/* ---- auto-shutdown ---- */

static bool any_significant_runs(const struct tpi_supervisor *supervisor) {
    const struct tpi_child *child = supervisor->order.first;
    for (; child != NULL; child = child->next[TPI_IN_ORDER])
        if (child->spec->significant && child->status == TP_CHILD_IS_RUNNING) return true;
    return false;
}

static void ended_for_good(tp_actor *self, struct tpi_supervisor *supervisor,
                           struct tpi_child *child) {
    bool significant = child->spec->significant;
    tp_auto_shutdown when = supervisor->spec->auto_shutdown;
    tpi_child_gone(self, supervisor, child);
    if (!significant || when == TP_AUTO_SHUTDOWN_NEVER) return;
    if (when == TP_AUTO_SHUTDOWN_ALL && any_significant_runs(supervisor)) return;
    tp_exit(self, TP_EXIT_SHUTDOWN);
}

/* ---- the end of a child ---- */

/* What its connection or its node did, not the child: that does not count. `noproc`: the connection
 * was lost, and made again, between its start and its link. */
static void note_remote_end(tp_actor *self, struct tpi_child *child, int32_t code) {
    child->away = code == TP_EXIT_SHUTDOWN || code == TP_EXIT_NOPROC;
    if (code == TP_EXIT_NOCONNECTION) tpi_child_lost(self, child);
}

void tpi_child_ended(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child,
                     tp_reason reason) {
    bool ordinary = reason.code == TP_EXIT_NORMAL || reason.code == TP_EXIT_SHUTDOWN;
    tp_restart restart = child->spec->restart;
    bool again = restart == TP_PERMANENT || (restart == TP_TRANSIENT && !ordinary);
    tp_log(self, TP_LOG_INFO, "child %s ended: %s%s", child->spec->id,
           tp_exit_code_name(reason.code), again ? ", restarting" : "");
    tpi_child_rests(self, supervisor, child);
    if (child->spec->remote != NULL) note_remote_end(self, child, reason.code);
    if (again) begin_restart(self, supervisor, child);
    else ended_for_good(self, supervisor, child);
}
