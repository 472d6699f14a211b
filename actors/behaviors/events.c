/*
 * What other actors call: each is a call to the manager.
 */
#include <troupe/events.h>

#include "actors/behaviors/events_internal.h"

static tp_err ask(tp_actor *self, tp_pid manager, const tp_message_type *type, const void *value,
                  tp_duration timeout) {
    tpi_events_answer answer = {.err = TP_OK};
    tp_err err =
        tp_call_value(self, manager, timeout, &tpi_events_answer_message, &answer, type, value);
    return err == TP_OK ? (tp_err)answer.err : err;
}

/* A value in an envelope: its type's name and its bytes. NULL content: none, or no memory. */
struct packed {
    struct tpi_content *content;
    tp_str type;
    tp_bin bytes;
};

static bool pack(tp_actor *self, const tp_message_type *type, const void *value,
                 struct packed *out) {
    *out = (struct packed){.content = NULL};
    if (type == NULL) return true;
    out->content = tpi_content_new(self, type, value);
    if (out->content == NULL) return false;
    out->type = (tp_str){type->name, type->name_size};
    out->bytes = (tp_bin){out->content->bytes, out->content->size};
    return true;
}

static tp_err add(tp_actor *self, tp_pid manager, tpi_events_add *msg,
                  const tp_event_handler *handler, const char *id, const tp_message_type *type,
                  const void *arguments) {
    struct packed packed;
    if (handler == NULL) return TP_EINVAL;
    if (!pack(self, type, arguments, &packed)) return TP_ENOMEM;
    msg->handler = (uintptr_t)handler;
    msg->id = tp_str_of(id == NULL ? handler->name : id);
    msg->type = packed.type;
    msg->arguments = packed.bytes;
    tp_err err = ask(self, manager, &tpi_events_add_message, msg, TP_FOREVER);
    tp_free(self, packed.content);
    return err;
}

tp_err tp_add_handler_value(tp_actor *self, tp_pid manager, const tp_event_handler *handler,
                            const char *id, unsigned flags, const tp_message_type *type,
                            const void *arguments) {
    tpi_events_add msg = {.flags = flags};
    return add(self, manager, &msg, handler, id, type, arguments);
}

tp_err tp_swap_handler_value(tp_actor *self, tp_pid manager, const char *old,
                             const tp_event_handler *handler, const char *id, unsigned flags,
                             const tp_message_type *type, const void *arguments) {
    tpi_events_add msg = {.flags = flags, .swap = true, .old = tp_str_of(old)};
    return add(self, manager, &msg, handler, id, type, arguments);
}

tp_err tp_delete_handler(tp_actor *self, tp_pid manager, const char *id) {
    const tpi_events_delete msg = {.id = tp_str_of(id)};
    return ask(self, manager, &tpi_events_delete_message, &msg, TP_FOREVER);
}

tp_err tp_which_handlers(tp_actor *self, tp_pid manager, tp_handlers *out) {
    return tp_call(self, manager, TP_FOREVER, out, tp_handlers, tpi_events_which);
}

tp_err tp_sync_notify_value(tp_actor *self, tp_pid manager, tp_duration timeout,
                            const tp_message_type *type, const void *value) {
    struct packed packed;
    if (!pack(self, type, value, &packed)) return TP_ENOMEM;
    const tpi_events_sync msg = {.type = packed.type, .value = packed.bytes};
    tp_err err = ask(self, manager, &tpi_events_sync_message, &msg, timeout);
    tp_free(self, packed.content);
    return err;
}

tp_err tp_call_handler_value(tp_actor *self, tp_pid manager, const char *id, tp_duration timeout,
                             const tp_message_type *reply_type, void *reply,
                             const tp_message_type *type, const void *value) {
    struct packed packed;
    if (!pack(self, type, value, &packed)) return TP_ENOMEM;
    const tpi_events_call msg = {.id = tp_str_of(id), .type = packed.type, .value = packed.bytes};
    tp_err err =
        tp_call_value(self, manager, timeout, reply_type, reply, &tpi_events_call_message, &msg);
    tp_free(self, packed.content);
    return err;
}
