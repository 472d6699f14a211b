/*
 * What a session does for its client, and what it hears from others. The client is not trusted:
 * it names what it was given, and sends what decodes as one of the listed types.
 */
#include "core/base/assert.h"
#include "core/message/message.h"
#include "transport/gateway/session.h"

static uint64_t key_of(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

static void refuse(tp_actor *self, struct tpi_session *session, const struct tpi_command *command,
                   tp_err err) {
    tpi_gateway_count(session->gateway, TPI_COUNT_REFUSED);
    tpi_tell_refused(self, session, command->op, err);
}

static void fail(tp_actor *self, struct tpi_session *session, const struct tpi_command *command,
                 tp_err err) {
    tpi_gateway_count(session->gateway, TPI_COUNT_REFUSED);
    tpi_tell_failed(self, session, command->id, err);
}

/* ---- who may be named ---- */

struct naming {
    tp_actor *self;
    struct tpi_session *session;
};

static bool may_name(void *context, tp_pid pid) {
    struct naming *naming = context;
    return tp_pid_is_null(pid) || tp_pid_equal(pid, tp_self(naming->self)) ||
           tpi_handed_has(&naming->session->handed, pid);
}

static tp_pid whereis(tp_actor *self, struct tpi_session *session, tp_str name) {
    char text[TP_NAME_SIZE_MAX + 1];
    if (!tpi_gateway_exports(session->gateway, name)) return tp_pid_null();
    memcpy(text, name.data, name.size);
    text[name.size] = 0;
    return tp_whereis(tp_self_runtime(self), text);
}

/* TP_EREFUSED: it was not given that pid; TP_ENOENT: no such name, or it is not exported. */
static tp_err find_receiver(tp_actor *self, struct tpi_session *session,
                            const struct tpi_command *command, tp_pid *to) {
    struct naming naming = {self, session};
    *to = command->to;
    if (command->name.size > 0) {
        *to = whereis(self, session, command->name);
        return tp_pid_is_null(*to) ? TP_ENOENT : TP_OK;
    }
    return !tp_pid_is_null(*to) && may_name(&naming, *to) ? TP_OK : TP_EREFUSED;
}

/* ---- messages of the client ---- */

struct value { /* a decoded message */
    const tp_message_type *type;
    void *fields;
};

/* Decodes it, so that whoever gets it gets what its type says. TP_EREFUSED: the type is not listed,
 * or it names a pid that was not given; TP_EBADMSG; TP_ENOMEM. Lists live until the handler's end.
 */
static tp_err take_value(tp_actor *self, struct tpi_session *session, tp_bin message,
                         struct value *out) {
    struct naming naming = {self, session};
    tpi_place place = {{tpi_scratch_alloc}, self};
    tp_str name;
    uint32_t count;
    tp_reader in;
    out->fields = NULL;
    if (tpi_message_open(message.data, message.size, &name, &count, &in) != TP_OK)
        return TP_EBADMSG;
    out->type = tpi_gateway_type(session->gateway, name);
    if (out->type == NULL || !tpi_values_scan(message.data, message.size, may_name, &naming))
        return TP_EREFUSED;
    out->fields = tp_alloc(self, out->type->struct_size);
    if (out->fields == NULL) return TP_ENOMEM;
    in.scratch = &place.scratch;
    out->type->decode(out->fields, &in, count);
    if (!in.failed) return TP_OK;
    tp_free(self, out->fields);
    out->fields = NULL;
    return in.starved ? TP_ENOMEM : TP_EBADMSG;
}

static void serve_send(tp_actor *self, struct tpi_session *session,
                       const struct tpi_command *command) {
    struct value value = {NULL, NULL};
    tp_pid to;
    tp_err err = find_receiver(self, session, command, &to);
    if (err == TP_OK) err = take_value(self, session, command->message, &value);
    if (err == TP_OK) err = tp_send_value(self, to, value.type, value.fields);
    tp_free(self, value.fields);
    if (err != TP_OK) refuse(self, session, command, err);
}

/* ---- calls of the client ---- */

#define CALL_MAX TP_SECONDS(3600)

static tp_err begin_call(tp_actor *self, struct tpi_session *session,
                         const struct tpi_command *command, tp_pid to, const struct value *value) {
    int64_t ms = command->number;
    tp_duration span = ms <= 0 || ms > CALL_MAX / TP_MS(1) ? CALL_MAX : TP_MS(ms);
    struct tpi_client_call *call = tp_alloc(self, sizeof *call);
    if (call == NULL) return TP_ENOMEM;
    tp_ref ref = tpi_ask(self, to, value->type, value->fields);
    tp_err err = ref == 0 ? tp_error(self) : tpi_map_put(&session->calls, ref, 0, call);
    if (err != TP_OK) {
        if (ref != 0) tp_cancel(self, ref);
        tp_free(self, call);
        return err;
    }
    call->id = command->id;
    call->timer = tp_send_after(self, span, tp_self(self), tpi_session_late, .ref = ref);
    if (call->timer != 0) return TP_OK;
    tp_cancel(self, ref);
    tp_free(self, tpi_map_remove(&session->calls, ref, 0));
    return TP_ENOMEM;
}

static void serve_call(tp_actor *self, struct tpi_session *session,
                       const struct tpi_command *command) {
    struct value value = {NULL, NULL};
    tp_pid to;
    tp_err err = find_receiver(self, session, command, &to);
    if (err == TP_OK && tp_pid_equal(to, tp_self(self))) err = TP_EDEADLOCK;
    if (err == TP_OK && tpi_map_count(&session->calls) >= session->gateway->options.max_calls)
        err = TP_EFULL;
    if (err == TP_OK) err = take_value(self, session, command->message, &value);
    if (err == TP_OK) err = begin_call(self, session, command, to, &value);
    tp_free(self, value.fields);
    if (err != TP_OK) fail(self, session, command, err);
}

void tpi_session_answered(tp_actor *self, struct tpi_session *session, tp_ref ref,
                          const tp_message *reply, tp_err err) {
    struct tpi_client_call *call = tpi_map_remove(&session->calls, ref, 0);
    if (call == NULL) return;
    uint64_t id = call->id;
    (void)tp_cancel_timer(self, call->timer);
    tp_free(self, call);
    if (reply != NULL) tpi_tell_message(self, session, TPI_NOTICE_REPLY, id, tp_pid_null(), reply);
    else tpi_tell_failed(self, session, id, err);
}

/* ---- calls to the client ---- */

static tp_from take_asked(tp_actor *self, struct tpi_session *session, uint64_t id) {
    tp_from from = {tp_pid_null(), tp_pid_null(), 0};
    tp_from *kept = tpi_map_remove(&session->asked, id, 0);
    if (kept == NULL) return from;
    from = *kept;
    tp_free(self, kept);
    return from;
}

/* A client that never answers: the oldest request fails, and the table stays bounded. */
static void make_place(tp_actor *self, struct tpi_session *session) {
    while (tpi_map_count(&session->asked) >= session->gateway->options.max_calls) {
        tp_from from = take_asked(self, session, session->oldest_id++);
        if (!tp_pid_is_null(from.caller)) (void)tp_reply_error_to(self, from, TP_ENOREPLY);
    }
}

static void receive_request(tp_actor *self, struct tpi_session *session, tp_from from,
                            const tp_message *message) {
    make_place(self, session);
    tp_from *kept = tp_alloc(self, sizeof *kept);
    uint64_t id = session->next_id;
    if (kept == NULL || tpi_map_put(&session->asked, id, 0, kept) != TP_OK) {
        tp_free(self, kept);
        (void)tp_reply_error_to(self, from, TP_ENOMEM);
        return;
    }
    *kept = from;
    session->next_id++;
    tpi_tell_message(self, session, TPI_NOTICE_REQUEST, id, from.caller, message);
}

void tpi_session_receive(tp_actor *self, struct tpi_session *session, const tp_message *message) {
    tp_ref ref = tpi_answers(message);
    if (ref != 0) {
        tpi_session_answered(self, session, ref, message, TP_OK);
        return;
    }
    tp_from from = tp_defer(self);
    if (!tp_pid_is_null(from.caller)) receive_request(self, session, from, message);
    else
        tpi_tell_message(self, session, TPI_NOTICE_MESSAGE, 0, tp_message_sender(self, message),
                         message);
}

static void serve_reply(tp_actor *self, struct tpi_session *session,
                        const struct tpi_command *command) {
    struct value value = {NULL, NULL};
    tp_from from = take_asked(self, session, command->id);
    if (tp_pid_is_null(from.caller)) return; /* answered, or given up: as a late reply */
    tp_err err = take_value(self, session, command->message, &value);
    if (err == TP_OK) err = tp_reply_to_value(self, from, value.type, value.fields);
    tp_free(self, value.fields);
    if (err == TP_OK) return;
    (void)tp_reply_error_to(self, from, TP_EBADMSG);
    refuse(self, session, command, err);
}

/* A client says only what an actor could say of a request. */
static void serve_refuse(tp_actor *self, struct tpi_session *session,
                         const struct tpi_command *command) {
    tp_from from = take_asked(self, session, command->id);
    bool known = command->number > 0 && command->number < TP_ERR_COUNT;
    if (!tp_pid_is_null(from.caller))
        (void)tp_reply_error_to(self, from, known ? (tp_err)command->number : TP_ENOREPLY);
}

/* ---- links and monitors ---- */

static void serve_link(tp_actor *self, struct tpi_session *session,
                       const struct tpi_command *command) {
    tp_pid to;
    tp_err err = find_receiver(self, session, command, &to);
    if (err == TP_OK && tpi_map_get(&session->links, to.node, key_of(to)) != NULL) return;
    if (err == TP_OK && tpi_map_count(&session->links) >= session->gateway->options.max_watches)
        err = TP_EFULL;
    if (err == TP_OK) err = tpi_map_put(&session->links, to.node, key_of(to), session);
    if (err == TP_OK && (err = tp_link(self, to)) != TP_OK)
        (void)tpi_map_remove(&session->links, to.node, key_of(to));
    if (err != TP_OK) refuse(self, session, command, err);
}

static void serve_unlink(tp_actor *self, struct tpi_session *session,
                         const struct tpi_command *command) {
    if (tpi_map_remove(&session->links, command->to.node, key_of(command->to)) != NULL)
        (void)tp_unlink(self, command->to);
}

static void forget_watch(tp_actor *self, struct tpi_session *session,
                         struct tpi_client_watch *watch) {
    (void)tpi_map_remove(&session->watches, watch->ref, 0);
    (void)tpi_map_remove(&session->watch_ids, watch->id, 0);
    tp_free(self, watch);
}

static tp_err begin_watch(tp_actor *self, struct tpi_session *session, uint64_t id, tp_pid to) {
    struct tpi_client_watch *watch = tp_alloc(self, sizeof *watch);
    if (watch == NULL) return TP_ENOMEM;
    *watch = (struct tpi_client_watch){id, tp_monitor(self, to)};
    if (watch->ref != 0 && tpi_map_put(&session->watches, watch->ref, 0, watch) == TP_OK &&
        tpi_map_put(&session->watch_ids, id, 0, watch) == TP_OK)
        return TP_OK;
    if (watch->ref != 0) (void)tp_demonitor(self, watch->ref);
    forget_watch(self, session, watch);
    return TP_ENOMEM;
}

static void serve_monitor(tp_actor *self, struct tpi_session *session,
                          const struct tpi_command *command) {
    tp_pid to;
    tp_err err = find_receiver(self, session, command, &to);
    if (err == TP_OK && tpi_map_count(&session->watches) >= session->gateway->options.max_watches)
        err = TP_EFULL;
    if (err == TP_OK && tpi_map_get(&session->watch_ids, command->id, 0) != NULL) err = TP_EEXIST;
    if (err == TP_OK) err = begin_watch(self, session, command->id, to);
    if (err != TP_OK) fail(self, session, command, err);
}

static void serve_demonitor(tp_actor *self, struct tpi_session *session,
                            const struct tpi_command *command) {
    struct tpi_client_watch *watch = tpi_map_get(&session->watch_ids, command->id, 0);
    if (watch == NULL) return;
    (void)tp_demonitor(self, watch->ref);
    forget_watch(self, session, watch);
}

void tpi_session_down(tp_actor *self, struct tpi_session *session, const tp_down *down) {
    struct tpi_client_watch *watch = tpi_map_get(&session->watches, down->ref, 0);
    if (watch == NULL) return;
    uint64_t id = watch->id;
    forget_watch(self, session, watch);
    tpi_tell_end(self, session, TPI_NOTICE_DOWN, id, down->from,
                 (tp_reason){down->code, down->detail});
}

void tpi_session_exited(tp_actor *self, struct tpi_session *session, const tp_exited *exited) {
    tp_reason reason = {exited->code, exited->detail};
    tp_pid from = exited->from;
    (void)tpi_map_remove(&session->links, from.node, key_of(from));
    if (tp_pid_is_null(from)) { /* the runtime stops */
        tpi_session_close(self, session, TPI_WS_GOING_AWAY, reason);
        return;
    }
    if (!session->traps && reason.code == TP_EXIT_NORMAL) return;
    if (session->stage == TPI_STAGE_UP)
        tpi_tell_end(self, session, TPI_NOTICE_EXITED, 0, from, reason);
    if (!session->traps) tpi_session_close(self, session, TPI_WS_NORMAL, reason);
}

/* ---- the rest ---- */

static void serve_exit(tp_actor *self, struct tpi_session *session,
                       const struct tpi_command *command) {
    int64_t code = command->number;
    bool may = code == TP_EXIT_NORMAL || code == TP_EXIT_SHUTDOWN || code == TP_EXIT_FAILED ||
               (code >= TP_EXIT_USER && code <= INT32_MAX);
    if (!may || command->bytes.size > TPI_GATEWAY_DETAIL_MAX)
        refuse(self, session, command, TP_EINVAL);
    else
        tpi_session_close(self, session, TPI_WS_NORMAL, (tp_reason){(int32_t)code, command->bytes});
}

bool tpi_session_serve(tp_actor *self, struct tpi_session *session, const void *bytes,
                       size_t size) {
    struct tpi_command command;
    TPI_ASSERT(session->stage == TPI_STAGE_UP);
    if (!tpi_command_read(bytes, size, &command)) return false;
    switch (command.op) {
    case TPI_COMMAND_FIND:
        tpi_tell_found(self, session, command.id, whereis(self, session, command.name));
        break;
    case TPI_COMMAND_SEND: serve_send(self, session, &command); break;
    case TPI_COMMAND_CALL: serve_call(self, session, &command); break;
    case TPI_COMMAND_REPLY: serve_reply(self, session, &command); break;
    case TPI_COMMAND_REFUSE: serve_refuse(self, session, &command); break;
    case TPI_COMMAND_LINK: serve_link(self, session, &command); break;
    case TPI_COMMAND_UNLINK: serve_unlink(self, session, &command); break;
    case TPI_COMMAND_MONITOR: serve_monitor(self, session, &command); break;
    case TPI_COMMAND_DEMONITOR: serve_demonitor(self, session, &command); break;
    case TPI_COMMAND_TRAP: session->traps = command.flag; break;
    case TPI_COMMAND_EXIT: serve_exit(self, session, &command); break;
    default: return false; /* a second hello */
    }
    return true;
}
