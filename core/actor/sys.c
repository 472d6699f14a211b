/*
 * System messages: suspend, resume, state, trace.
 *
 * A system message is a request block with a flag of its own. It is queued like a message, so that
 * it keeps its place among its sender's messages; it has no handler, so it comes out where unknown
 * messages do, which costs the known ones nothing. An actor that is suspended takes only such
 * blocks, out of their turn, by the scan of a selective receive.
 */
#include <string.h>

#include <troupe/call.h>
#include <troupe/sys.h>

#include "core/actor/mailbox.h"

#define TEXT_MAX 1024u

enum op {
    OP_SUSPEND,
    OP_RESUME,
    OP_GET,
    OP_REPLACE,
    OP_GET_BYTES,
    OP_REPLACE_BYTES,
    OP_STATUS,
    OP_TRACE,
    OP_TRACE_LOG,
    OP_TRACE_OFF
};

TP_MESSAGE_AS(sys_request, "tp.sys", TP_FIELD(u8, op), TP_FIELD(str, type), TP_FIELD(u32, fields),
              TP_FIELD(bin, state))
TP_MESSAGE_AS(sys_answer, "tp.sys_answer", TP_FIELD(i32, err), TP_FIELD(str, type),
              TP_FIELD(u32, fields), TP_FIELD(bin, state))
TP_MESSAGE_AS(sys_status, "tp.sys_status", TP_FIELD(bool, suspended), TP_FIELD(bool, traced),
              TP_FIELD(u32, mailbox), TP_FIELD(u32, postponed), TP_FIELD(u64, state_size),
              TP_FIELD(str, behavior), TP_FIELD(str, name), TP_FIELD(str, state))

/* ---- acting on one ---- */

static void answer_error(tp_actor *self, tp_err err) {
    (void)tp_reply(self, sys_answer, .err = (int32_t)err);
}

/* A message's fields in memory of the actor's: it may end before they are used. */
struct encoded {
    uint8_t *bytes;
    size_t size;
};

static bool encode(tp_actor *self, struct encoded *out, const tp_message_type *type,
                   const void *value) {
    size_t room = type->bound != 0 ? type->bound : type->measure(value);
    out->bytes = room > TP_MESSAGE_SIZE_MAX ? NULL : tp_alloc(self, room + 1);
    if (out->bytes == NULL) return false;
    tp_writer writer = {.at = out->bytes, .end = out->bytes + room};
    type->encode(value, &writer);
    out->size = (size_t)(writer.at - out->bytes);
    return true;
}

/* Has the actor show its state. */
static bool show(tp_actor *self, struct encoded *out) {
    const tp_behavior *behavior = self->behavior;
    void *value = tp_alloc(self, behavior->state_type->struct_size);
    if (value == NULL) return false;
    struct tpi_inside before = tpi_inside_save(self);
    if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
    behavior->get_state(self, self->state, value);
    tpi_inside_restore(self, before);
    bool done = encode(self, out, behavior->state_type, value);
    tp_free(self, value);
    return done;
}

static void get_state(tp_actor *self) {
    const tp_behavior *behavior = self->behavior;
    struct encoded state;
    if (behavior->get_state == NULL) {
        answer_error(self, TP_ENOTSUP);
        return;
    }
    if (!show(self, &state)) {
        answer_error(self, TP_ENOMEM);
        return;
    }
    const tp_message_type *type = behavior->state_type;
    if (tp_reply(self, sys_answer, .type = {type->name, type->name_size},
                 .fields = type->field_count, .state = {state.bytes, state.size}) != TP_OK)
        answer_error(self, TP_ENOMEM);
    tp_free(self, state.bytes);
}

static tp_err replace_state(tp_actor *self, const sys_request *request) {
    const tp_behavior *behavior = self->behavior;
    const tp_message_type *type = behavior->new_state_type;
    if (behavior->set_state == NULL) return TP_ENOTSUP;
    if (!tp_str_equal(request->type, (tp_str){type->name, type->name_size})) return TP_ETYPE;
    void *value = tp_alloc(self, type->struct_size);
    if (value == NULL) return TP_ENOMEM;
    tpi_place place = {{tpi_scratch_alloc}, self};
    tp_reader in = tp_reader_over(request->state.data, request->state.size);
    in.scratch = &place.scratch;
    type->decode(value, &in, request->fields);
    tp_err err = in.failed ? TP_EBADMSG : TP_OK;
    if (err == TP_OK) {
        struct tpi_inside before = tpi_inside_save(self);
        if (self->flags & TPI_ACTOR_CONTAINED) tpi_user_begin(self);
        err = behavior->set_state(self, self->state, value);
        tpi_inside_restore(self, before);
    }
    tp_free(self, value);
    return err;
}

static tp_err replace_bytes(tp_actor *self, tp_bin state) {
    if (state.size != self->state_size) return TP_ETYPE;
    if (state.size > 0) memcpy(self->state, state.data, state.size);
    return TP_OK;
}

static void watch(tp_actor *self, tp_pid tracer, bool to_log) {
    struct tpi_extra *extra = self->extra;
    extra->tracer = tracer;
    extra->traced_to_log = to_log;
    extra->untold = 0;
    if (tpi_sys_is_traced(self)) {
        self->flags |= TPI_ACTOR_WATCHED;
        self->worker->tracing = true;
    } else if (extra->capsule == NULL) {
        self->flags &= ~(uint32_t)TPI_ACTOR_WATCHED;
    }
}

static void answer_status(tp_actor *self) {
    const tp_behavior *behavior = self->behavior;
    struct tpi_extra *extra = self->extra;
    char text[TEXT_MAX] = "";
    struct encoded state;
    int32_t mailbox = tpi_mailbox_length(self);
    if (behavior->get_state != NULL && show(self, &state)) {
        const tp_message_type *type = behavior->state_type;
        (void)tpi_message_format(type, state.bytes, state.size, type->field_count, text,
                                 sizeof text);
        tp_free(self, state.bytes);
    }
    (void)tp_reply(self, sys_status, .suspended = (self->flags & TPI_ACTOR_HALTED) != 0,
                   .traced = tpi_sys_is_traced(self),
                   .mailbox = mailbox > 0 ? (uint32_t)mailbox : 0,
                   .postponed = extra->postponed_count, .state_size = self->state_size,
                   .behavior = tp_str_of(behavior->name), .name = tp_str_of(extra->name),
                   .state = tp_str_of(text));
}

/* What has no other answer than an error, or none. */
static tp_err act(tp_actor *self, const sys_request *request) {
    switch ((enum op)request->op) {
    case OP_SUSPEND:
        if (self->flags & TPI_ACTOR_HALTED) return TP_OK;
        self->flags |= TPI_ACTOR_HALTED;
        self->refused = NULL;
        tpi_sys_tell(self, TP_SYS_SUSPENDED, tp_sender(self), NULL, NULL);
        return TP_OK;
    case OP_RESUME:
        if (!(self->flags & TPI_ACTOR_HALTED)) return TP_OK;
        self->flags &= ~(uint32_t)TPI_ACTOR_HALTED;
        self->refused = NULL;
        tpi_sys_tell(self, TP_SYS_RESUMED, tp_sender(self), NULL, NULL);
        return TP_OK;
    case OP_TRACE: watch(self, tp_sender(self), false); return TP_OK;
    case OP_TRACE_LOG: watch(self, tp_pid_null(), true); return TP_OK;
    case OP_TRACE_OFF: watch(self, tp_pid_null(), false); return TP_OK;
    case OP_REPLACE:
    case OP_REPLACE_BYTES: {
        tp_err err = request->op == OP_REPLACE ? replace_state(self, request)
                                               : replace_bytes(self, request->state);
        if (err == TP_OK) tpi_sys_tell(self, TP_SYS_REPLACED, tp_sender(self), NULL, NULL);
        return err;
    }
    default: return TP_ENOTSUP;
    }
}

void tpi_sys_handle(tp_actor *self, struct tpi_block *block) {
    sys_request request;
    TPI_ASSERT(block->flags & TPI_BLOCK_SYSTEM);
    tpi_user_end(self);
    if (tpi_extra(self) == NULL || tpi_decode(self, block, &sys_request_message, &request) != TP_OK)
        answer_error(self, TP_ENOMEM);
    else if (request.op == OP_GET) get_state(self);
    else if (request.op == OP_STATUS) answer_status(self);
    else if (request.op == OP_GET_BYTES)
        (void)tp_reply(self, sys_answer, .state = {self->state, self->state_size});
    else answer_error(self, act(self, &request));
}

void tpi_sys_refuse(tp_actor *self, struct tpi_block *block) {
    tp_runtime *runtime = self->runtime;
    block->state |= TPI_BLOCK_ANSWERED;
    tpi_fail_request(runtime, self->worker, tpi_block_from(runtime, block), block->ref, TP_ENOTSUP);
}

static bool accept_system(tp_actor *self, struct tpi_block *block, void *context) {
    (void)self, (void)context;
    return (block->flags & TPI_BLOCK_SYSTEM) != 0;
}

struct tpi_block *tpi_sys_next(tp_actor *self) {
    struct tpi_waiting look = {.kind = TPI_WAIT_MESSAGE, .accept = accept_system};
    TPI_ASSERT(self->extra != NULL && self->extra->waiting == NULL);
    (void)tpi_receive_scan(self, &look);
    return look.block;
}

/* ---- trace ---- */

static const char *const kind_names[] = {"receives",  "sends",   "timeout",
                                         "suspended", "resumed", "state replaced"};

static void tell_log(tp_actor *self, int kind, tp_pid other, const char *text) {
    if (tp_pid_is_null(other)) tp_log(self, TP_LOG_INFO, "trace: %s %s", kind_names[kind], text);
    else
        tp_log(self, TP_LOG_INFO, "trace: %s %s %s <%u.%u>", kind_names[kind], text,
               kind == TP_SYS_SENDS ? "to" : "from", other.slot, other.generation);
}

/* What it receives as text. Of another node's messages only its own handlers know the fields. */
static void describe(tp_actor *self, const struct tpi_block *block, char *text, size_t size) {
    const tp_behavior *behavior = self->behavior;
    const tp_message_type *type = block->type;
    for (uint32_t i = 0; i < behavior->handler_count; i++)
        if (tp_message_type_equal(behavior->handlers[i].type, block->type))
            type = behavior->handlers[i].type;
    uint32_t fields = block->type->field_count;
    if (fields > type->field_count) fields = type->field_count; /* of a later version */
    (void)tpi_message_format(type, tpi_block_bytes(block), block->size, fields, text, size);
}

void tpi_sys_tell(tp_actor *self, int kind, tp_pid other, const tp_message_type *type,
                  const struct tpi_block *block) {
    struct tpi_extra *extra = self->extra;
    tp_runtime *runtime = self->runtime;
    char text[TEXT_MAX] = "";
    uint64_t identity;
    if (!tpi_sys_is_traced(self)) return;
    if (type != NULL && tp_message_type_equal(type, &tp_sys_event_message)) return;
    if (kind == TP_SYS_SENDS && self->current != NULL && self->current->flags & TPI_BLOCK_SYSTEM)
        return; /* the answer to a system message */
    if (block != NULL) describe(self, block, text, sizeof text);
    tp_str name = type == NULL ? (tp_str){NULL, 0} : (tp_str){type->name, type->name_size};
    if (extra->traced_to_log) {
        tell_log(self, kind, other, block != NULL ? text : type != NULL ? type->name : "");
        return;
    }
    if (tpi_find(runtime, extra->tracer, &identity) == NULL) {
        watch(self, tp_pid_null(), false);
        return;
    }
    struct tpi_block *told = tpi_block_encode(runtime, self->worker, &tp_sys_event_message,
                                              &(tp_sys_event){.actor = tp_self(self),
                                                              .kind = (tp_sys_kind)kind,
                                                              .other = other,
                                                              .type = name,
                                                              .text = tp_str_of(text),
                                                              .lost = extra->untold});
    tp_err err = told == NULL ? TP_ENOMEM : tpi_send_block(runtime, NULL, extra->tracer, told);
    extra->untold = err == TP_OK ? 0 : extra->untold + 1;
}

/* ---- asking ---- */

/* The answer, decoded; it is held until the handler's end. */
static tp_err ask(tp_actor *self, tp_pid to, tp_duration timeout, const sys_request *request,
                  const tp_message_type *type, void *answer) {
    tp_runtime *runtime = self->runtime;
    if (tpi_extra(self) == NULL) return TP_ENOMEM;
    struct tpi_waiting waiting = {.kind = TPI_WAIT_REPLY, .ref = tpi_ref_new(self)};
    tp_err err = tpi_wait_begin(self, to, waiting.ref);
    if (err == TP_OK) {
        struct tpi_block *block =
            tpi_block_encode(runtime, self->worker, &sys_request_message, request);
        if (block != NULL) {
            block->kind = TPI_KIND_REQUEST;
            block->flags |= TPI_BLOCK_SYSTEM | TPI_BLOCK_UNCOUNTED;
            block->ref = waiting.ref;
            tpi_block_set_from(runtime, block, tp_self(self));
            tpi_count(&self->worker->counters.sent, 1);
            (void)tpi_deliver(runtime, self->worker, to, block);
            err = tpi_wait(self, &waiting, timeout);
        } else err = tpi_encode_error(&sys_request_message, request);
    }
    tpi_wait_end(self);
    if (err != TP_OK) return err;
    if (waiting.block == NULL) return waiting.err != TP_OK ? waiting.err : TP_ETIMEDOUT;
    tpi_hold(self, waiting.block);
    if (tp_message_type_equal(waiting.block->type, type))
        return tpi_decode(self, waiting.block, type, answer);
    return TP_EBADMSG;
}

static tp_err ask_plainly(tp_actor *self, tp_pid to, tp_duration timeout,
                          const sys_request *request, sys_answer *answer) {
    tp_err err = ask(self, to, timeout, request, &sys_answer_message, answer);
    return err == TP_OK ? (tp_err)answer->err : err;
}

static tp_err ask_op(tp_actor *self, tp_pid to, tp_duration timeout, enum op op) {
    sys_answer answer;
    return ask_plainly(self, to, timeout, &(sys_request){.op = (uint8_t)op}, &answer);
}

tp_err tp_sys_suspend(tp_actor *self, tp_pid actor, tp_duration timeout) {
    TPI_INSIDE(self);
    return ask_op(self, actor, timeout, OP_SUSPEND);
}

tp_err tp_sys_resume(tp_actor *self, tp_pid actor, tp_duration timeout) {
    TPI_INSIDE(self);
    return ask_op(self, actor, timeout, OP_RESUME);
}

tp_err tp_sys_trace(tp_actor *self, tp_pid actor, tp_duration timeout) {
    TPI_INSIDE(self);
    return ask_op(self, actor, timeout, OP_TRACE);
}

tp_err tp_sys_trace_log(tp_actor *self, tp_pid actor, tp_duration timeout) {
    TPI_INSIDE(self);
    return ask_op(self, actor, timeout, OP_TRACE_LOG);
}

tp_err tp_sys_trace_off(tp_actor *self, tp_pid actor, tp_duration timeout) {
    TPI_INSIDE(self);
    return ask_op(self, actor, timeout, OP_TRACE_OFF);
}

tp_err tp_sys_get_state_value(tp_actor *self, tp_pid actor, tp_duration timeout,
                              const tp_message_type *type, void *out) {
    TPI_INSIDE(self);
    sys_answer answer;
    if (type == NULL || out == NULL) return TP_EINVAL;
    tp_err err = ask_plainly(self, actor, timeout, &(sys_request){.op = OP_GET}, &answer);
    if (err != TP_OK) return err;
    if (!tp_str_equal(answer.type, (tp_str){type->name, type->name_size})) return TP_ETYPE;
    tpi_place place = {{tpi_scratch_alloc}, self};
    tp_reader in = tp_reader_over(answer.state.data, answer.state.size);
    in.scratch = &place.scratch;
    type->decode(out, &in, answer.fields);
    if (in.failed) return in.starved ? TP_ENOMEM : TP_EBADMSG;
    return TP_OK;
}

tp_err tp_sys_replace_state_value(tp_actor *self, tp_pid actor, tp_duration timeout,
                                  const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    struct encoded state;
    sys_answer answer;
    if (type == NULL || value == NULL) return TP_EINVAL;
    if (!encode(self, &state, type, value)) return tpi_encode_error(type, value);
    sys_request request = {.op = OP_REPLACE,
                           .type = {type->name, type->name_size},
                           .fields = type->field_count,
                           .state = {state.bytes, state.size}};
    tp_err err = ask_plainly(self, actor, timeout, &request, &answer);
    tp_free(self, state.bytes);
    return err;
}

tp_err tp_sys_get_bytes(tp_actor *self, tp_pid actor, tp_duration timeout, void *out, size_t size) {
    TPI_INSIDE(self);
    sys_answer answer;
    if (out == NULL && size > 0) return TP_EINVAL;
    tp_err err = ask_plainly(self, actor, timeout, &(sys_request){.op = OP_GET_BYTES}, &answer);
    if (err != TP_OK) return err;
    if (answer.state.size != size) return TP_ETYPE;
    if (size > 0) memcpy(out, answer.state.data, size);
    return TP_OK;
}

tp_err tp_sys_replace_bytes(tp_actor *self, tp_pid actor, tp_duration timeout, const void *state,
                            size_t size) {
    TPI_INSIDE(self);
    sys_answer answer;
    if (state == NULL && size > 0) return TP_EINVAL;
    sys_request request = {.op = OP_REPLACE_BYTES, .state = {state, size}};
    return ask_plainly(self, actor, timeout, &request, &answer);
}

tp_err tp_sys_get_status(tp_actor *self, tp_pid actor, tp_duration timeout, tp_sys_status *out) {
    TPI_INSIDE(self);
    sys_status answer;
    if (out == NULL) return TP_EINVAL;
    tp_err err =
        ask(self, actor, timeout, &(sys_request){.op = OP_STATUS}, &sys_status_message, &answer);
    if (err != TP_OK) return err;
    *out = (tp_sys_status){.suspended = answer.suspended,
                           .traced = answer.traced,
                           .mailbox = answer.mailbox,
                           .postponed = answer.postponed,
                           .state_size = answer.state_size,
                           .behavior = answer.behavior,
                           .name = answer.name,
                           .state = answer.state};
    return TP_OK;
}
