/*
 * What a session says to its client: built in memory behind room for the frame's head, written at
 * once. A write waits for the peer, so a slow one holds up its own session and nobody else.
 */
#include "core/base/assert.h"
#include "transport/gateway/session.h"

#define SMALL 512u /* built on the stack */
#define HEAD 10u   /* of a frame */
#define FIXED 96u  /* operation, ids, a pid, the heads around */

struct telling {
    tp_actor *self;
    struct tpi_session *session;
    uint8_t *bytes;
    tp_writer out;
    _Alignas(8) uint8_t small[SMALL];
};

/* Room for `size` bytes; a session that has no memory for its own words ends. */
static tp_writer *begin(struct telling *telling, tp_actor *self, struct tpi_session *session,
                        enum tpi_notice_op op, uint32_t arguments, size_t size) {
    telling->self = self;
    telling->session = session;
    telling->bytes = telling->small;
    if (size > SMALL - HEAD) telling->bytes = tp_alloc(self, HEAD + size);
    if (telling->bytes == NULL) tp_exit(self, TP_EXIT_NOMEM);
    telling->out = tp_writer_over(telling->bytes + HEAD,
                                  telling->bytes == telling->small ? SMALL - HEAD : size);
    tp_write_array(&telling->out, 1 + arguments);
    tp_write_u64(&telling->out, (uint64_t)op);
    return &telling->out;
}

void tpi_tell_raw(tp_actor *self, struct tpi_session *session, const void *bytes, size_t size) {
    if (tp_write(self, session->socket, bytes, size, session->gateway->options.patience, NULL) ==
        TP_OK)
        return;
    tpi_gateway_count(session->gateway, TPI_COUNT_SILENT);
    tpi_exit_quietly(self, (tp_reason){.code = session->code, .detail = session->detail});
}

static void end(struct telling *telling) {
    TPI_ASSERT(!telling->out.failed);
    uint8_t *payload = telling->bytes + HEAD;
    size_t size = (size_t)(telling->out.at - payload), head = tpi_ws_head_size(size);
    (void)tpi_ws_head(payload - head, TPI_WS_BINARY, size);
    tpi_tell_raw(telling->self, telling->session, payload - head, head + size);
    tpi_gateway_count(telling->session->gateway, TPI_COUNT_SENT);
    if (telling->bytes != telling->small) tp_free(telling->self, telling->bytes);
}

void tpi_tell_control(tp_actor *self, struct tpi_session *session, enum tpi_ws_opcode opcode,
                      const void *bytes, size_t size) {
    uint8_t frame[2 + TPI_WS_CONTROL_MAX];
    TPI_ASSERT(size <= TPI_WS_CONTROL_MAX);
    size_t head = tpi_ws_head(frame, opcode, size);
    if (size > 0) memcpy(frame + head, bytes, size);
    tpi_tell_raw(self, session, frame, head + size);
}

static void write_pid(tp_writer *out, tp_pid pid) {
    if (tp_pid_is_null(pid)) tp_write_nil(out);
    else tp_write_pid(out, pid);
}

/* "noconnection": names without our prefix are for other languages. */
static void write_error(tp_writer *out, tp_err err) {
    const char *name = tp_err_name(err);
    tp_write_str(out, tp_str_of(strncmp(name, "TP_", 3) == 0 ? name + 3 : name));
}

static void hand_out(tp_actor *self, struct tpi_session *session, tp_pid pid) {
    if (tpi_handed_add(&session->handed, pid) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
}

void tpi_tell_welcome(tp_actor *self, struct tpi_session *session) {
    const struct tpi_gateway *gateway = session->gateway;
    struct telling telling;
    tp_writer *out =
        begin(&telling, self, session, TPI_NOTICE_WELCOME, 4, FIXED + gateway->welcome_size);
    tp_write_u64(out, TPI_GATEWAY_VERSION);
    tp_write_pid(out, tp_self(self));
    tp_write_u64(out, gateway->options.max_frame);
    memcpy(out->at, gateway->welcome, gateway->welcome_size);
    out->at += gateway->welcome_size;
    end(&telling);
}

void tpi_tell_found(tp_actor *self, struct tpi_session *session, uint64_t id, tp_pid pid) {
    struct telling telling;
    hand_out(self, session, pid);
    tp_writer *out = begin(&telling, self, session, TPI_NOTICE_FOUND, 2, FIXED);
    tp_write_u64(out, id);
    write_pid(out, pid);
    end(&telling);
}

void tpi_tell_failed(tp_actor *self, struct tpi_session *session, uint64_t id, tp_err err) {
    struct telling telling;
    tp_writer *out = begin(&telling, self, session, TPI_NOTICE_FAILED, 2, FIXED);
    tp_write_u64(out, id);
    write_error(out, err);
    end(&telling);
}

void tpi_tell_refused(tp_actor *self, struct tpi_session *session, enum tpi_command_op op,
                      tp_err err) {
    struct telling telling;
    tp_writer *out = begin(&telling, self, session, TPI_NOTICE_REFUSED, 2, FIXED);
    tp_write_u64(out, (uint64_t)op);
    write_error(out, err);
    end(&telling);
}

void tpi_tell_end(tp_actor *self, struct tpi_session *session, enum tpi_notice_op op, uint64_t id,
                  tp_pid who, tp_reason reason) {
    struct telling telling;
    bool down = op == TPI_NOTICE_DOWN;
    tp_writer *out = begin(&telling, self, session, op, down ? 5 : 4, FIXED + reason.detail.size);
    hand_out(self, session, who);
    if (down) tp_write_u64(out, id);
    write_pid(out, who);
    tp_write_i64(out, reason.code);
    tp_write_str(out, tp_str_of(tp_exit_code_name(reason.code)));
    tp_write_bin(out, reason.detail);
    end(&telling);
}

/* ---- messages ---- */

struct handing {
    tp_actor *self;
    struct tpi_session *session;
};

static bool hand_one(void *context, tp_pid pid) {
    struct handing *handing = context;
    hand_out(handing->self, handing->session, pid);
    return true;
}

void tpi_tell_message(tp_actor *self, struct tpi_session *session, enum tpi_notice_op op,
                      uint64_t id, tp_pid from, const tp_message *message) {
    struct telling telling;
    struct handing handing = {self, session};
    tpi_place place = {{tpi_scratch_alloc}, self};
    tp_reader in;
    uint32_t count = tpi_open(message, &in, &place);
    size_t size = (size_t)(in.end - in.at);
    tp_str name = tp_message_name(message);
    if (op != TPI_NOTICE_REPLY) hand_out(self, session, from);
    (void)tpi_values_scan(in.at, size, hand_one, &handing);
    tp_writer *out = begin(&telling, self, session, op, op == TPI_NOTICE_REQUEST ? 3 : 2,
                           FIXED + name.size + size);
    if (op != TPI_NOTICE_MESSAGE) tp_write_u64(out, id);
    if (op != TPI_NOTICE_REPLY) write_pid(out, from);
    tp_write_array(out, count + 1);
    tp_write_str(out, name);
    TPI_ASSERT((size_t)(out->end - out->at) >= size);
    if (size > 0) memcpy(out->at, in.at, size);
    out->at += size;
    end(&telling);
}
