/*
 * The event manager: the list of its handlers, newest first, and what happens to each.
 */
#include <troupe/events.h>

#include <string.h>

#include <troupe/signal.h>

#include "actors/behaviors/events_internal.h"

/* A handler that has been added. */
struct installed {
    struct installed *next;
    const tp_event_handler *table;
    void *state;       /* NULL: it is alone */
    tp_pid alone;      /* its own actor, or null */
    tp_pid supervisor; /* null: not supervised */
    size_t id_size;
    char id[];
};

/* An adder that the manager linked itself to: as in OTP the link stays. */
struct linked {
    struct linked *next;
    tp_pid pid;
};

struct manager {
    struct installed *handlers; /* newest first */
    struct linked *linked;
    tp_pid parent; /* null: not known, spawned without tp_start */
};

static tp_str id_of(const struct installed *handler) {
    return (tp_str){handler->id, handler->id_size};
}

static struct installed **find(struct manager *manager, tp_str id) {
    struct installed **at = &manager->handlers;
    while (*at != NULL && !tp_str_equal(id_of(*at), id)) at = &(*at)->next;
    return at;
}

/* ---- removing ---- */

static void tell_supervisor(tp_actor *self, const struct installed *handler, int32_t code,
                            tp_str replaced_by) {
    if (tp_pid_is_null(handler->supervisor)) return;
    tp_send(self, handler->supervisor, tp_handler_exited, .manager = tp_self(self),
            .id = id_of(handler), .code = code, .replaced_by = replaced_by);
}

/* Its end, before its memory goes. */
static void terminate(tp_actor *self, struct installed *handler, int32_t code) {
    const tp_reason reason = {.code = code};
    if (!tp_pid_is_null(handler->alone)) tpi_alone_stop(self, handler->alone);
    else if (handler->table->terminate != NULL)
        handler->table->terminate(self, handler->state, &reason);
}

static struct installed *take(struct installed **at) {
    struct installed *handler = *at;
    *at = handler->next;
    return handler;
}

static void free_installed(tp_actor *self, struct installed *handler) {
    tp_free(self, handler->state);
    tp_free(self, handler);
}

static void remove_at(tp_actor *self, struct installed **at, int32_t code) {
    struct installed *handler = take(at);
    terminate(self, handler, code);
    tell_supervisor(self, handler, code, (tp_str){NULL, 0});
    free_installed(self, handler);
}

/* ---- events ---- */

static bool is_alone(const struct installed *handler) {
    return !tp_pid_is_null(handler->alone);
}

/* An event to all; those that are alone get it by `pass`. */
static void to_all(tp_actor *self, struct manager *manager, tpi_event *event,
                   const tpi_events_sync *sync) {
    struct installed **at = &manager->handlers;
    while (*at != NULL) {
        struct installed *handler = *at;
        if (!is_alone(handler)) {
            tpi_event own = *event;
            int32_t returned = tpi_handler_event(self, handler->table, handler->state, &own);
            if (returned != TP_HANDLER_STAYS) {
                remove_at(self, at, tpi_handler_code(returned));
                continue;
            }
        } else if (sync != NULL) {
            (void)tp_send_value(self, handler->alone, &tpi_events_sync_message, sync);
        } else {
            (void)tp_forward(self, handler->alone);
        }
        at = &handler->next;
    }
}

static void on_event(tp_actor *self, struct manager *manager, const tp_message *message) {
    tpi_event event = {.message = message};
    to_all(self, manager, &event, NULL);
}

static void on_sync(tp_actor *self, struct manager *manager, const tpi_events_sync *msg) {
    tp_message_type type;
    tpi_event event = tpi_event_of(&type, msg->type, msg->value);
    to_all(self, manager, &event, msg);
    for (struct installed *handler = manager->handlers; handler != NULL; handler = handler->next)
        if (is_alone(handler)) (void)tpi_alone_flush(self, handler->alone);
    tp_reply(self, tpi_events_answer, .err = TP_OK);
}

static void on_call(tp_actor *self, struct manager *manager, const tpi_events_call *msg) {
    struct installed **at = find(manager, msg->id);
    if (*at == NULL) {
        tp_reply_error(self, TP_ENOENT);
        return;
    }
    if (is_alone(*at)) {
        if (tp_delegate(self, (*at)->alone) != TP_OK) tp_reply_error(self, TP_ENOMEM);
        return;
    }
    tp_message_type type;
    tpi_event event = tpi_event_of(&type, msg->type, msg->value);
    int32_t returned = tpi_handler_call(self, (*at)->table, (*at)->state, &event);
    if (returned != TP_HANDLER_STAYS) remove_at(self, at, tpi_handler_code(returned));
}

/* ---- adding ---- */

static void answer(tp_actor *self, tp_err err) {
    tp_reply(self, tpi_events_answer, .err = (int32_t)err);
}

/* Links the manager to an adder, and notes that its end is not a parent's. */
static tp_err link_to(tp_actor *self, struct manager *manager, tp_pid adder) {
    struct linked *linked = manager->linked;
    while (linked != NULL && !tp_pid_equal(linked->pid, adder)) linked = linked->next;
    if (linked != NULL) return TP_OK;
    linked = tp_alloc(self, sizeof *linked);
    if (linked == NULL) return TP_ENOMEM;
    linked->pid = adder;
    linked->next = manager->linked;
    manager->linked = linked;
    return tp_link(self, adder);
}

static struct installed *new_installed(tp_actor *self, const tpi_events_add *msg) {
    const tp_event_handler *table = (const tp_event_handler *)(uintptr_t)msg->handler;
    struct installed *handler = tp_alloc(self, sizeof *handler + msg->id.size + 1);
    if (handler == NULL) return NULL;
    handler->table = table;
    handler->id_size = msg->id.size;
    memcpy(handler->id, msg->id.data, msg->id.size);
    if (msg->flags & TP_HANDLER_ALONE) return handler;
    handler->state = tp_alloc(self, table->state_size);
    if (handler->state != NULL) return handler;
    tp_free(self, handler);
    return NULL;
}

/* Runs its init; `old` is the one whose place it takes. */
static tp_err begin(tp_actor *self, struct installed *handler, const tpi_events_add *msg,
                    const struct installed *old) {
    const tp_event_handler *table = handler->table, *old_table = old == NULL ? NULL : old->table;
    if (msg->flags & TP_HANDLER_ALONE)
        return tpi_alone_start(self, table, msg->type, msg->arguments, msg->swap, old_table,
                               &handler->alone);
    tp_message_type type;
    tpi_event arguments = tpi_event_of(&type, msg->type, msg->arguments);
    int32_t returned = tpi_handler_init(self, table, handler->state, &arguments);
    if (returned == TP_HANDLER_STAYS && msg->swap && table->taking_over != NULL)
        returned =
            table->taking_over(self, handler->state, old_table, old == NULL ? NULL : old->state);
    return returned == TP_HANDLER_STAYS ? TP_OK : TP_ECANCELED;
}

static tp_err add(tp_actor *self, struct manager *manager, const tpi_events_add *msg,
                  const struct installed *old) {
    tp_pid adder = tp_sender(self);
    struct installed *handler = new_installed(self, msg);
    if (handler == NULL) return TP_ENOMEM;
    tp_err err = begin(self, handler, msg, old);
    if (err != TP_OK) {
        free_installed(self, handler);
        return err;
    }
    if (msg->flags & TP_HANDLER_SUPERVISED) handler->supervisor = adder;
    else if (old != NULL) handler->supervisor = old->supervisor;
    handler->next = manager->handlers;
    manager->handlers = handler;
    if (!(msg->flags & TP_HANDLER_SUPERVISED)) return TP_OK;
    return link_to(self, manager, adder);
}

static tp_err swap(tp_actor *self, struct manager *manager, const tpi_events_add *msg) {
    struct installed **at = find(manager, msg->old), *old = NULL;
    if (!tp_str_equal(msg->old, msg->id) && *find(manager, msg->id) != NULL) return TP_EEXIST;
    if (*at != NULL) {
        old = take(at);
        terminate(self, old, TP_EXIT_NORMAL);
    }
    tp_err err = add(self, manager, msg, old);
    if (old == NULL) return err;
    tell_supervisor(self, old, TP_EXIT_NORMAL, err == TP_OK ? msg->id : (tp_str){NULL, 0});
    free_installed(self, old);
    return err;
}

static void on_add(tp_actor *self, struct manager *manager, const tpi_events_add *msg) {
    if (tp_sender(self).node != tp_self(self).node) answer(self, TP_ENOTSUP);
    else if (msg->handler == 0) answer(self, TP_EINVAL);
    else if (msg->swap) answer(self, swap(self, manager, msg));
    else if (*find(manager, msg->id) != NULL) answer(self, TP_EEXIST);
    else answer(self, add(self, manager, msg, NULL));
}

static void on_delete(tp_actor *self, struct manager *manager, const tpi_events_delete *msg) {
    struct installed **at = find(manager, msg->id);
    if (*at == NULL) {
        answer(self, TP_ENOENT);
        return;
    }
    remove_at(self, at, TP_EXIT_NORMAL);
    answer(self, TP_OK);
}

static void on_which(tp_actor *self, struct manager *manager, const tpi_events_which *msg) {
    size_t count = 0;
    (void)msg;
    for (struct installed *handler = manager->handlers; handler != NULL; handler = handler->next)
        count++;
    tp_str *ids = tp_alloc(self, (count + 1) * sizeof *ids);
    if (ids == NULL) {
        tp_reply_error(self, TP_ENOMEM);
        return;
    }
    count = 0;
    for (struct installed *handler = manager->handlers; handler != NULL; handler = handler->next)
        ids[count++] = id_of(handler);
    tp_reply(self, tp_handlers, .ids = {ids, count});
    tp_free(self, ids);
}

/* ---- ends ---- */

/* A handler's own actor ended by itself: there is nothing left to terminate. */
static bool forget_alone(tp_actor *self, struct manager *manager, tp_pid from, int32_t code) {
    struct installed **at = &manager->handlers;
    while (*at != NULL && !tp_pid_equal((*at)->alone, from)) at = &(*at)->next;
    if (*at == NULL) return false;
    struct installed *handler = take(at);
    tell_supervisor(self, handler, code, (tp_str){NULL, 0});
    free_installed(self, handler);
    return true;
}

static bool forget_linked(tp_actor *self, struct manager *manager, tp_pid from) {
    struct linked **at = &manager->linked;
    while (*at != NULL && !tp_pid_equal((*at)->pid, from)) at = &(*at)->next;
    struct linked *linked = *at;
    if (linked == NULL) return false;
    *at = linked->next;
    tp_free(self, linked);
    return true;
}

static void remove_supervised_by(tp_actor *self, struct manager *manager, tp_pid from,
                                 int32_t code) {
    struct installed **at = &manager->handlers;
    while (*at != NULL) {
        if (!tp_pid_equal((*at)->supervisor, from)) {
            at = &(*at)->next;
            continue;
        }
        (*at)->supervisor = tp_pid_null(); /* it would not hear */
        remove_at(self, at, code);
    }
}

/* The end of an adder removes its handlers and is an event for the others; that of the parent, or
 * of one that can only be the parent, is the manager's own. */
static void on_exited(tp_actor *self, struct manager *manager, const tp_exited *msg) {
    const tp_reason reason = {.code = msg->code, .detail = msg->detail};
    if (forget_alone(self, manager, msg->from, msg->code)) return;
    bool linked = forget_linked(self, manager, msg->from);
    bool parent =
        tp_pid_is_null(manager->parent) ? !linked : tp_pid_equal(manager->parent, msg->from);
    if (parent) tp_exit_with(self, reason);
    remove_supervised_by(self, manager, msg->from, msg->code);
    tpi_event event = {.type = &tp_exited_message};
    struct tpi_content *content = tpi_content_new(self, &tp_exited_message, msg);
    if (content == NULL) return;
    event.bytes = content->bytes;
    event.size = content->size;
    to_all(self, manager, &event, NULL);
    tp_free(self, content);
}

TP_CASES(manager_cases, struct manager, TP_ON(tpi_events_add, on_add),
         TP_ON(tpi_events_delete, on_delete), TP_ON(tpi_events_which, on_which),
         TP_ON(tpi_events_sync, on_sync), TP_ON(tpi_events_call, on_call),
         TP_ON(tp_exited, on_exited));

static void manager_init(tp_actor *self, void *state, const tp_message *arguments) {
    struct manager *manager = state;
    (void)arguments;
    manager->parent = tp_sender(self);
    (void)tp_trap_exits(self, true);
}

static void manager_otherwise(tp_actor *self, void *state, const tp_message *message) {
    on_event(self, state, message);
}

static void manager_terminate(tp_actor *self, void *state, const tp_reason *reason) {
    struct manager *manager = state;
    (void)reason;
    for (struct installed *handler = manager->handlers; handler != NULL; handler = handler->next) {
        /* one that is alone hears of it by its link */
        if (!is_alone(handler)) terminate(self, handler, TP_EXIT_SHUTDOWN);
        tell_supervisor(self, handler, TP_EXIT_SHUTDOWN, (tp_str){NULL, 0});
    }
}

static void manager_show(tp_actor *self, const void *state, void *out) {
    const struct manager *manager = state;
    tp_events_shown *shown = out;
    (void)self;
    for (const struct installed *at = manager->handlers; at != NULL; at = at->next) {
        if (shown->handlers++ == 0) shown->newest = id_of(at);
        shown->alone += !tp_pid_is_null(at->alone);
    }
}

const tp_behavior tp_event_manager = {
    .name = "event manager",
    .state_size = sizeof(struct manager),
    .handlers = manager_cases,
    .handler_count = sizeof manager_cases / sizeof manager_cases[0] - 1,
    .init = manager_init,
    .otherwise = manager_otherwise,
    .terminate = manager_terminate,
    .state_type = &tp_events_shown_message,
    .get_state = manager_show,
};
