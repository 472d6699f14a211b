/*
 * Events that are not messages: values encoded into memory of the actor and decoded again for a
 * typed handler. What the state machine inserts and what the event manager is handed in envelopes.
 */
#ifndef TROUPE_BEHAVIORS_MACHINE_EVENT_H
#define TROUPE_BEHAVIORS_MACHINE_EVENT_H

#include <troupe/machine.h>

/* A value, encoded; memory of the actor. */
struct tpi_content {
    const tp_message_type *type;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

/* Encodes a value; free with tp_free. NULL: too large, or out of memory. */
struct tpi_content *tpi_content_new(tp_actor *self, const tp_message_type *type, const void *value);
/* True when the event is of the type. */
bool tpi_event_is(const tpi_event *event, const tp_message_type *type);
/* Frees what the handler's value was decoded into. */
void tpi_event_end(tp_actor *self, tpi_event *event);

#endif
