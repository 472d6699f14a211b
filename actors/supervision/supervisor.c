/*
 * The supervisor: an actor as any user could write it. It traps exits, is linked to its parent by
 * its own call, so that the parent's end is a message in its loop like every other, and starts its
 * children in its init, so that whoever starts it waits for the whole tree.
 */
#include <stdio.h>

#include "actors/supervision/supervision.h"

/* ---- init ---- */

/* The starter learns it from tp_start; it need not hear it a second time. */
static _Noreturn void refuse(tp_actor *self, struct tpi_supervisor *supervisor, int32_t code,
                             const char *text) {
    (void)tp_unlink(self, supervisor->parent);
    tp_exit_with(self, (tp_reason){code, {text, tp_str_of(text).size}});
}

static void refuse_child(tp_actor *self, struct tpi_supervisor *supervisor,
                         const tp_child_spec *child, const char *what) {
    char text[256];
    (void)snprintf(text, sizeof text, "child %s: %s", child->id == NULL ? "?" : child->id, what);
    refuse(self, supervisor, TP_EXIT_FAILED, text);
}

static void add_children(tp_actor *self, struct tpi_supervisor *supervisor) {
    const tp_child_spec *spec = supervisor->spec->children;
    for (; spec != NULL && !tpi_is_end(spec); spec++) {
        const char *wrong = tpi_child_wrong(supervisor->spec, spec);
        if (wrong != NULL) refuse_child(self, supervisor, spec, wrong);
        if (tpi_is_simple(supervisor)) continue;
        if (tpi_child_of_id(supervisor, tp_str_of(spec->id)) != NULL)
            refuse_child(self, supervisor, spec, "the id is there twice");
        struct tpi_child *child = tpi_child_new(self, spec);
        if (child == NULL || !tpi_child_add(self, supervisor, child))
            refuse(self, supervisor, TP_EXIT_NOMEM, "");
    }
}

static void start_children(tp_actor *self, struct tpi_supervisor *supervisor) {
    char why[200], text[256];
    tp_reason reason;
    struct tpi_child *child = supervisor->order.first, *next;
    for (; child != NULL; child = next) {
        next = child->next[TPI_IN_ORDER];
        enum tpi_start started = tpi_start_child(self, supervisor, child, &reason);
        if (started == TPI_DECLINED && child->spec->restart == TP_TEMPORARY)
            tpi_child_remove(self, supervisor, child);
        if (started == TPI_AWAY) tpi_restart_later(self, supervisor, child);
        if (started != TPI_FAILED) continue;
        tpi_reason_text(why, sizeof why, reason);
        (void)snprintf(text, sizeof text, "child %s does not start: %s", child->spec->id, why);
        tpi_stop_all(self, supervisor);
        refuse(self, supervisor, TP_EXIT_SHUTDOWN, text);
    }
}

static void init(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_supervise *msg) {
    supervisor->spec = (const tp_supervisor_spec *)(uintptr_t)msg->spec;
    supervisor->parent = msg->parent;
    supervisor->root = msg->root;
    (void)tp_trap_exits(self, true);
    if (tp_link(self, msg->parent) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
    const char *wrong = tpi_supervisor_wrong(supervisor->spec);
    if (wrong != NULL) refuse(self, supervisor, TP_EXIT_FAILED, wrong);
    if (!tpi_window_open(self, &supervisor->window, supervisor->spec) ||
        !tpi_table_room(self, &supervisor->by_key, TPI_BY_KEY, 1))
        refuse(self, supervisor, TP_EXIT_NOMEM, "");
    add_children(self, supervisor);
    start_children(self, supervisor);
}

/* ---- the loop ---- */

static void on_exited(tp_actor *self, struct tpi_supervisor *supervisor, const tp_exited *msg) {
    tp_reason reason = {msg->code, msg->detail};
    if (tp_pid_equal(msg->from, supervisor->parent)) tp_exit_with(self, reason);
    struct tpi_child *child = tpi_child_of_pid(supervisor, msg->from);
    if (child != NULL) tpi_child_ended(self, supervisor, child, reason);
}

static void on_retry(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_retry *msg) {
    (void)msg;
    tpi_retry_next(self, supervisor);
}

static void on_waited(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_waited *msg) {
    struct tpi_child *child = tpi_child_of_token(supervisor, msg->token);
    if (child != NULL) tpi_restart(self, supervisor, child);
}

/* The DOWN of a stop that was cut short. */
static void on_down(tp_actor *self, struct tpi_supervisor *supervisor, const tp_down *msg) {
    (void)self, (void)supervisor, (void)msg;
}

static void terminate(tp_actor *self, struct tpi_supervisor *supervisor, const tp_reason *reason) {
    (void)reason;
    tpi_stop_all(self, supervisor);
}

static void show(tp_actor *self, const struct tpi_supervisor *supervisor,
                 tp_supervisor_shown *shown) {
    (void)self;
    shown->children = supervisor->count;
    shown->restarting = supervisor->waiting;
    shown->restarts = supervisor->window.total;
    shown->parent = supervisor->parent;
}

TP_BEHAVIOR(supervisor_behavior, "supervisor", struct tpi_supervisor,
            TP_INIT_WITH(tpi_supervise, init), TP_TERMINATE(terminate), TP_ON(tp_exited, on_exited),
            TP_ON(tpi_probe, tpi_on_probe), TP_ON(tp_pong, tpi_on_pong), TP_ON(tpi_retry, on_retry),
            TP_ON(tpi_waited, on_waited), TP_ON(tp_down, on_down),
            TP_ON(tpi_child_start, tpi_on_child_start), TP_ON(tpi_child_act, tpi_on_child_act),
            TP_ON(tpi_children_which, tpi_on_which), TP_ON(tpi_children_count, tpi_on_count),
            TP_GET_STATE(tp_supervisor_shown, show));

tp_err tpi_supervisor_start(tp_actor *self, tp_pid *out, const tp_supervisor_spec *spec,
                            const tp_spawn_options *options, bool root, tp_reason *reason) {
    tp_spawn_options with = *options;
    with.link = false; /* see the head of this file */
    with.monitor = NULL;
    return tp_start(self, out, &supervisor_behavior, &with, TP_FOREVER, reason, tpi_supervise,
                    .spec = (uint64_t)(uintptr_t)spec, .parent = tp_self(self), .root = root);
}

tp_err tp_supervisor_start(tp_actor *self, tp_pid *out, const tp_supervisor_spec *spec,
                           tp_reason *reason) {
    if (out == NULL || spec == NULL) return TP_EINVAL;
    return tpi_supervisor_start(self, out, spec, &spec->options, false, reason);
}
