/*
 * One handler: run in the manager, or on an actor of its own.
 *
 * An actor of its own is an ordinary behaviour linked to the manager. Events are forwarded to it; a
 * handler that fails there takes nothing else with it, and the manager hears of it by the link.
 */
#include <troupe/signal.h>

#include "actors/behaviors/events_internal.h"

/* ---- wherever it runs ---- */

tpi_event tpi_event_of(tp_message_type *type, tp_str name, tp_bin bytes) {
    *type = (tp_message_type){.name = name.data,
                              .name_size = (uint32_t)name.size,
                              .hash = tp_name_hash(name.data, name.size)};
    return (tpi_event){.type = type, .bytes = bytes.data, .size = bytes.size};
}

static const tpi_hearing *find(const tpi_hearing *hearings, const tpi_event *event) {
    for (; hearings->type != NULL; hearings++)
        if (tpi_event_is(event, hearings->type)) return hearings;
    return NULL;
}

int32_t tpi_handler_event(tp_actor *self, const tp_event_handler *table, void *state,
                          tpi_event *event) {
    const tpi_hearing *hearing = find(table->events, event);
    int32_t returned = TP_HANDLER_STAYS;
    if (hearing != NULL) returned = hearing->call(self, state, event);
    else if (table->otherwise != NULL && event->message != NULL)
        returned = table->otherwise(self, state, event->message);
    tpi_event_end(self, event);
    return returned;
}

int32_t tpi_handler_call(tp_actor *self, const tp_event_handler *table, void *state,
                         tpi_event *event) {
    const tpi_hearing *hearing = find(table->calls, event);
    int32_t returned = TP_HANDLER_STAYS;
    if (hearing != NULL) returned = hearing->call(self, state, event);
    tpi_event_end(self, event);
    return returned;
}

int32_t tpi_handler_init(tp_actor *self, const tp_event_handler *table, void *state,
                         tpi_event *arguments) {
    if (table->init == NULL) return TP_HANDLER_STAYS;
    int32_t returned = table->init(self, state, arguments);
    tpi_event_end(self, arguments);
    return returned;
}

int32_t tpi_handler_code(int32_t returned) {
    return returned == TP_HANDLER_REMOVE ? TP_EXIT_NORMAL : returned;
}

/* ---- on its own actor ---- */

TP_MESSAGE_AS(alone_arguments, "tp.events_alone", TP_FIELD(u64, handler), TP_FIELD(str, type),
              TP_FIELD(bin, arguments), TP_FIELD(bool, swap), TP_FIELD(u64, old))
TP_MESSAGE_AS(alone_flush, "tp.events_flush")
TP_MESSAGE_AS(alone_stop, "tp.events_stop")

struct alone {
    const tp_event_handler *table;
    void *state;
    tp_pid manager;
};

static void go_on_if(tp_actor *self, int32_t returned) {
    if (returned != TP_HANDLER_STAYS) tp_exit(self, tpi_handler_code(returned));
}

static void alone_init(tp_actor *self, struct alone *alone, const alone_arguments *msg) {
    tp_message_type type;
    tpi_event arguments = tpi_event_of(&type, msg->type, msg->arguments);
    alone->table = (const tp_event_handler *)(uintptr_t)msg->handler;
    alone->state = tp_alloc(self, alone->table->state_size);
    alone->manager = tp_sender(self);
    (void)tp_trap_exits(self, true); /* so that it terminates when the manager ends */
    if (alone->state == NULL) tp_exit(self, TP_EXIT_NOMEM);
    go_on_if(self, tpi_handler_init(self, alone->table, alone->state, &arguments));
    if (msg->swap && alone->table->taking_over != NULL)
        go_on_if(self,
                 alone->table->taking_over(self, alone->state,
                                           (const tp_event_handler *)(uintptr_t)msg->old, NULL));
}

static void alone_event(tp_actor *self, struct alone *alone, const tp_message *message) {
    tpi_event event = {.message = message};
    go_on_if(self, tpi_handler_event(self, alone->table, alone->state, &event));
}

/* The manager's end is this actor's; that of others is an event, passed on by the manager. */
static void alone_exited(tp_actor *self, struct alone *alone, const tp_exited *msg) {
    struct tpi_content *content = tpi_content_new(self, &tp_exited_message, msg);
    const tp_reason reason = {.code = msg->code, .detail = msg->detail};
    if (tp_pid_equal(msg->from, alone->manager)) tp_exit_with(self, reason);
    if (content == NULL) tp_exit(self, TP_EXIT_NOMEM);
    tpi_event event = {.type = &tp_exited_message, .bytes = content->bytes, .size = content->size};
    int32_t returned = tpi_handler_event(self, alone->table, alone->state, &event);
    tp_free(self, content);
    go_on_if(self, returned);
}

static void alone_sync(tp_actor *self, struct alone *alone, const tpi_events_sync *msg) {
    tp_message_type type;
    tpi_event event = tpi_event_of(&type, msg->type, msg->value);
    go_on_if(self, tpi_handler_event(self, alone->table, alone->state, &event));
}

static void alone_call(tp_actor *self, struct alone *alone, const tpi_events_call *msg) {
    tp_message_type type;
    tpi_event event = tpi_event_of(&type, msg->type, msg->value);
    go_on_if(self, tpi_handler_call(self, alone->table, alone->state, &event));
}

static void on_flush(tp_actor *self, struct alone *alone, const alone_flush *msg) {
    (void)alone, (void)msg;
    tp_reply(self, tpi_events_answer, .err = TP_OK);
}

static void on_stop(tp_actor *self, struct alone *alone, const alone_stop *msg) {
    (void)alone, (void)msg;
    tp_exit(self, TP_EXIT_NORMAL);
}

static void alone_terminate(tp_actor *self, struct alone *alone, const tp_reason *reason) {
    if (alone->table->terminate != NULL) alone->table->terminate(self, alone->state, reason);
}

TP_BEHAVIOR(alone_behavior, "event handler", struct alone,
            TP_INIT_WITH(alone_arguments, alone_init), TP_ON(tpi_events_sync, alone_sync),
            TP_ON(tpi_events_call, alone_call), TP_ON(alone_flush, on_flush),
            TP_ON(alone_stop, on_stop), TP_ON(tp_exited, alone_exited), TP_OTHERWISE(alone_event),
            TP_TERMINATE(alone_terminate));

tp_err tpi_alone_start(tp_actor *self, const tp_event_handler *table, tp_str type, tp_bin arguments,
                       bool swap, const tp_event_handler *old, tp_pid *out) {
    tp_err err = tp_start(self, out, &alone_behavior, &tp_spawn_linked, TP_FOREVER, NULL,
                          alone_arguments, .handler = (uintptr_t)table, .type = type,
                          .arguments = arguments, .swap = swap, .old = (uintptr_t)old);
    return err == TP_ENOPROC ? TP_ECANCELED : err;
}

void tpi_alone_stop(tp_actor *self, tp_pid actor) {
    tpi_events_answer none;
    (void)tp_unlink(self, actor);
    (void)tp_call(self, actor, TP_FOREVER, &none, tpi_events_answer, alone_stop);
}

bool tpi_alone_flush(tp_actor *self, tp_pid actor) {
    tpi_events_answer answer;
    return tp_call(self, actor, TP_FOREVER, &answer, tpi_events_answer, alone_flush) == TP_OK;
}
