/*
 * What passes between those who use a manager, the manager, and handlers on their own actors; and
 * how one handler is run, which is the same in both places.
 */
#ifndef TROUPE_BEHAVIORS_EVENTS_INTERNAL_H
#define TROUPE_BEHAVIORS_EVENTS_INTERNAL_H

#include <troupe/events.h>

#include "actors/behaviors/machine_event.h"

/* Handlers travel as the address of their table, so only within a node. Values travel as the name
 * of their type and their bytes. */
TP_MESSAGE_AS(tpi_events_add, "tp.events_add", TP_FIELD(u64, handler), TP_FIELD(str, id),
              TP_FIELD(u32, flags), TP_FIELD(str, type), TP_FIELD(bin, arguments),
              TP_FIELD(bool, swap), TP_FIELD(str, old))
TP_MESSAGE_AS(tpi_events_delete, "tp.events_delete", TP_FIELD(str, id))
TP_MESSAGE_AS(tpi_events_which, "tp.events_which")
/* To all handlers, and answered when they have had it. */
TP_MESSAGE_AS(tpi_events_sync, "tp.events_sync", TP_FIELD(str, type), TP_FIELD(bin, value))
/* To one handler. */
TP_MESSAGE_AS(tpi_events_call, "tp.events_call", TP_FIELD(str, id), TP_FIELD(str, type),
              TP_FIELD(bin, value))
TP_MESSAGE_AS(tpi_events_answer, "tp.events_answer", TP_FIELD(i32, err))

/* An event out of an envelope; `type` must live as long as the event. */
tpi_event tpi_event_of(tp_message_type *type, tp_str name, tp_bin bytes);

/* Gives an event to a handler: what it returned; TP_HANDLER_STAYS if it does not know the type. */
int32_t tpi_handler_event(tp_actor *self, const tp_event_handler *table, void *state,
                          tpi_event *event);
/* Gives it a call. */
int32_t tpi_handler_call(tp_actor *self, const tp_event_handler *table, void *state,
                         tpi_event *event);
/* Runs its init, and takes over from another (`swap`). */
int32_t tpi_handler_init(tp_actor *self, const tp_event_handler *table, void *state,
                         tpi_event *arguments);
/* The exit code for what a handler returned. */
int32_t tpi_handler_code(int32_t returned);

/* Starts a handler on its own actor, linked. TP_ECANCELED: its init did not stay. */
tp_err tpi_alone_start(tp_actor *self, const tp_event_handler *table, tp_str type, tp_bin arguments,
                       bool swap, const tp_event_handler *old, tp_pid *out);
/* Ends one, after all that it was sent. */
void tpi_alone_stop(tp_actor *self, tp_pid actor);
/* True when it has handled all that it was sent. */
bool tpi_alone_flush(tp_actor *self, tp_pid actor);

#endif
