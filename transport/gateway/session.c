/*
 * A session's life: the request, the token, commands until the end.
 *
 * Behind the request everything is a WebSocket frame. What the client sends is handled when it is
 * read; the next bytes are asked for when that is done. A receiver that keeps the session waiting
 * so keeps the client waiting, by TCP.
 */
#include "transport/gateway/session.h"

#include <stdio.h>

#include "core/base/assert.h"

#define CHUNK 16384u
#define LINGER TP_SECONDS(1) /* for a peer to hear the last word */

/* ---- the end ---- */

void tpi_session_close(tp_actor *self, struct tpi_session *session, enum tpi_ws_code ws_code,
                       tp_reason reason) {
    uint8_t code[2] = {(uint8_t)((unsigned)ws_code >> 8), (uint8_t)ws_code};
    bool framed = session->stage == TPI_STAGE_HELLO || session->stage == TPI_STAGE_UP;
    if (session->stage == TPI_STAGE_CLOSING) return;
    if (session->stage == TPI_STAGE_BEGIN) tpi_exit_quietly(self, reason);
    session->stage = TPI_STAGE_CLOSING;
    session->code = reason.code;
    void *detail = reason.detail.size == 0 ? NULL : tp_alloc(self, reason.detail.size);
    if (detail != NULL) {
        memcpy(detail, reason.detail.data, reason.detail.size);
        session->detail = (tp_bin){detail, reason.detail.size};
    }
    if (framed) tpi_tell_control(self, session, TPI_WS_CLOSING, code, sizeof code);
    (void)tp_shutdown_write(self, session->socket);
    if (tp_send_after(self, LINGER, tp_self(self), tpi_session_over) == 0)
        tpi_exit_quietly(self, reason);
}

static __attribute__((noreturn)) void end(tp_actor *self, const struct tpi_session *session) {
    tpi_exit_quietly(self, (tp_reason){session->code, session->detail});
}

static void violate(tp_actor *self, struct tpi_session *session, enum tpi_ws_code code) {
    tpi_gateway_count(session->gateway, TPI_COUNT_VIOLATIONS);
    tpi_session_close(self, session, code, (tp_reason){.code = TP_EXIT_NOCONNECTION});
}

/* ---- the request ---- */

static const char *reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 426: return "Upgrade Required";
    case 431: return "Request Header Fields Too Large";
    default: return "Bad Request";
    }
}

/* An answer in HTTP, and the end. */
static void answer(tp_actor *self, struct tpi_session *session, int status,
                   const tp_gateway_file *file) {
    char head[512];
    size_t size = file == NULL ? 0 : file->size;
    int used = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
                        "%s%s%.100s%sX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                        "\r\n",
                        status, reason_of(status), size,
                        status == 426 ? "Sec-WebSocket-Version: 13\r\n" : "",
                        file == NULL ? "" : "Content-Type: ", file == NULL ? "" : file->type,
                        file == NULL ? "" : "\r\n");
    TPI_ASSERT(used > 0 && (size_t)used < sizeof head);
    tpi_tell_raw(self, session, head, (size_t)used);
    if (size > 0) tpi_tell_raw(self, session, file->bytes, size);
    tpi_session_close(self, session, TPI_WS_NORMAL, (tp_reason){.code = TP_EXIT_NORMAL});
}

static void turn_away(tp_actor *self, struct tpi_session *session, int status,
                      enum tpi_gateway_count why) {
    tpi_gateway_count(session->gateway, why);
    answer(self, session, status, NULL);
}

static void switch_protocols(tp_actor *self, struct tpi_session *session,
                             const struct tpi_request *request) {
    char head[256], accept[TPI_WS_ACCEPT_SIZE];
    tpi_ws_accept(request->key.data, request->key.size, accept);
    int used =
        snprintf(head, sizeof head,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n%s\r\n",
                 (int)sizeof accept, accept,
                 request->protocol ? "Sec-WebSocket-Protocol: " TPI_WS_PROTOCOL_NAME "\r\n" : "");
    TPI_ASSERT(used > 0 && (size_t)used < sizeof head);
    tpi_tell_raw(self, session, head, (size_t)used);
    session->stage = TPI_STAGE_HELLO;
}

static void judge(tp_actor *self, struct tpi_session *session, const struct tpi_request *request) {
    const struct tpi_gateway *gateway = session->gateway;
    const tp_gateway_file *file = NULL;
    if (!tpi_gateway_host_allowed(gateway, request->host)) {
        turn_away(self, session, 403, TPI_COUNT_HOST);
    } else if (!request->upgrade) {
        file = tpi_gateway_file(gateway, request->path);
        if (file != NULL) answer(self, session, 200, file);
        else turn_away(self, session, 404, TPI_COUNT_REQUEST);
    } else if (!tp_str_equal(request->path, tp_str_of(gateway->options.path))) {
        turn_away(self, session, 404, TPI_COUNT_REQUEST);
    } else if (!tpi_gateway_origin_allowed(gateway, request)) {
        turn_away(self, session, 403, TPI_COUNT_ORIGIN);
    } else {
        switch_protocols(self, session, request);
    }
}

/* Takes bytes of the head; what is behind it stays. */
static void take_request(tp_actor *self, struct tpi_session *session, const uint8_t **at,
                         size_t *left) {
    struct tpi_request request;
    size_t room = TPI_REQUEST_MAX - session->head_used, part = *left < room ? *left : room;
    memcpy(session->head + session->head_used, *at, part);
    size_t before = session->head_used;
    session->head_used += part;
    size_t end_at = tpi_request_end(session->head, session->head_used);
    if (end_at == 0) {
        *left = 0;
        if (session->head_used == TPI_REQUEST_MAX) turn_away(self, session, 431, TPI_COUNT_REQUEST);
        return;
    }
    *at += end_at - before;
    *left -= end_at - before;
    int status = tpi_request_parse(session->head, end_at, &request);
    if (status != 0) turn_away(self, session, status, TPI_COUNT_REQUEST);
    else judge(self, session, &request);
    tp_free(self, session->head);
    session->head = NULL;
}

/* ---- the token ---- */

static void take_hello(tp_actor *self, struct tpi_session *session) {
    struct tpi_command command;
    struct tpi_ws *ws = &session->ws;
    bool hello = tpi_command_read(ws->bytes, ws->size, &command) &&
                 command.op == TPI_COMMAND_HELLO && command.id == TPI_GATEWAY_VERSION;
    if (!hello || !tpi_gateway_token_is(session->gateway, command.bytes)) {
        tpi_gateway_count(session->gateway, TPI_COUNT_TOKEN);
        tpi_session_close(self, session, TPI_WS_POLICY, (tp_reason){.code = TP_EXIT_NORMAL});
        return;
    }
    session->stage = TPI_STAGE_UP;
    ws->max = session->gateway->options.max_frame;
    tpi_gateway_count(session->gateway, TPI_COUNT_ACCEPTED);
    (void)tp_send(self, session->door, tpi_session_up);
    tpi_tell_welcome(self, session);
    if (tp_send_after(self, session->gateway->options.heartbeat, tp_self(self), tpi_session_beat) ==
        0)
        tp_exit(self, TP_EXIT_NOMEM);
}

/* ---- frames ---- */

static void take_message(tp_actor *self, struct tpi_session *session) {
    if (session->stage == TPI_STAGE_HELLO) {
        take_hello(self, session);
        return;
    }
    tpi_gateway_count(session->gateway, TPI_COUNT_RECEIVED);
    if (!tpi_session_serve(self, session, session->ws.bytes, session->ws.size))
        violate(self, session, TPI_WS_PROTOCOL);
    tp_release(self); /* the lists of what was decoded */
}

/* The peer says goodbye; with 1000 it ends well, else it is gone: a page that was left, say. */
static void take_close(tp_actor *self, struct tpi_session *session) {
    bool good = session->ws.code == TPI_WS_NORMAL;
    tpi_session_close(self, session, TPI_WS_NORMAL,
                      (tp_reason){.code = good ? TP_EXIT_NORMAL : TP_EXIT_NOCONNECTION});
    end(self, session);
}

static void take_frames(tp_actor *self, struct tpi_session *session, const uint8_t *at,
                        size_t left) {
    while (session->stage == TPI_STAGE_HELLO || session->stage == TPI_STAGE_UP) {
        struct tpi_ws *ws = &session->ws;
        switch (tpi_ws_next(ws, &at, &left)) {
        case TPI_WS_MORE: return;
        case TPI_WS_MESSAGE: take_message(self, session); break;
        case TPI_WS_PING:
            tpi_tell_control(self, session, TPI_WS_PONGING, ws->control, ws->control_size);
            break;
        case TPI_WS_PONG: break;
        case TPI_WS_CLOSE: take_close(self, session); break;
        case TPI_WS_BAD: violate(self, session, (enum tpi_ws_code)ws->code); break;
        }
    }
}

/* ---- the actor ---- */

static void *ws_alloc(void *self, size_t size) {
    return tp_alloc(self, size);
}
static void ws_free(void *self, void *pointer) {
    tp_free(self, pointer);
}

static void on_start(tp_actor *self, struct tpi_session *session, const tpi_session_of *args) {
    struct tpi_map_memory memory = tpi_session_memory(self);
    struct tpi_gateway *gateway = (struct tpi_gateway *)(uintptr_t)args->gateway;
    if (tp_on_exit(self, tpi_gateway_unref, gateway) != TP_OK) {
        tpi_gateway_unref(gateway);
        tp_exit(self, TP_EXIT_NOMEM);
    }
    session->gateway = gateway;
    session->door = args->door;
    session->code = TP_EXIT_NOCONNECTION;
    session->head = tp_alloc(self, TPI_REQUEST_MAX);
    if (session->head == NULL) tp_exit(self, TP_EXIT_NOMEM);
    tpi_ws_init(&session->ws, (struct tpi_ws_memory){ws_alloc, ws_free, self},
                TPI_GATEWAY_HELLO_MAX);
    tpi_handed_init(&session->handed, memory, gateway->options.max_pids);
    tpi_map_init(&session->links, memory);
    tpi_map_init(&session->watches, memory);
    tpi_map_init(&session->watch_ids, memory);
    tpi_map_init(&session->calls, memory);
    tpi_map_init(&session->asked, memory);
    (void)tp_trap_exits(self, true);
}

static void more(tp_actor *self, struct tpi_session *session) {
    if (tp_active_once(self, session->socket, CHUNK) != TP_OK) end(self, session);
}

static void on_begin(tp_actor *self, struct tpi_session *session, const tpi_session_begin *msg) {
    session->socket = msg->socket;
    session->stage = TPI_STAGE_REQUEST;
    if (tp_send_after(self, session->gateway->options.hello_time, tp_self(self),
                      tpi_session_late) == 0)
        tp_exit(self, TP_EXIT_NOMEM);
    more(self, session);
}

static void on_data(tp_actor *self, struct tpi_session *session, const tp_socket_data *msg) {
    const uint8_t *at = msg->bytes.data;
    size_t left = msg->bytes.size;
    session->silent = 0;
    if (session->stage == TPI_STAGE_REQUEST) take_request(self, session, &at, &left);
    take_frames(self, session, at, left);
    more(self, session);
}

static void on_closed(tp_actor *self, struct tpi_session *session, const tp_socket_closed *msg) {
    (void)msg;
    if (session->stage < TPI_STAGE_UP) session->code = TP_EXIT_NORMAL;
    end(self, session);
}

/* ref 0: the time to show a token is over. Else: that of a call. */
static void on_late(tp_actor *self, struct tpi_session *session, const tpi_session_late *msg) {
    if (msg->ref != 0) {
        tp_cancel(self, msg->ref);
        tpi_session_answered(self, session, msg->ref, NULL, TP_ETIMEDOUT);
    } else if (session->stage < TPI_STAGE_UP) {
        tpi_gateway_count(session->gateway, TPI_COUNT_SLOW);
        tp_exit(self, TP_EXIT_NORMAL);
    }
}

static void on_beat(tp_actor *self, struct tpi_session *session, const tpi_session_beat *msg) {
    (void)msg;
    if (session->stage != TPI_STAGE_UP) return;
    if (session->silent++ >= 2) {
        tpi_gateway_count(session->gateway, TPI_COUNT_SILENT);
        end(self, session);
    }
    tpi_tell_control(self, session, TPI_WS_PINGING, NULL, 0);
    if (tp_send_after(self, session->gateway->options.heartbeat, tp_self(self), tpi_session_beat) ==
        0)
        tp_exit(self, TP_EXIT_NOMEM);
}

static void on_over(tp_actor *self, struct tpi_session *session, const tpi_session_over *msg) {
    (void)msg;
    end(self, session);
}

static void on_leave(tp_actor *self, struct tpi_session *session, const tpi_session_leave *msg) {
    (void)msg;
    if (session->stage < TPI_STAGE_UP) tp_exit(self, TP_EXIT_NORMAL);
}

static void on_unanswered(tp_actor *self, struct tpi_session *session, const tpi_unanswered *msg) {
    if (session->stage == TPI_STAGE_UP)
        tpi_session_answered(self, session, msg->ref, NULL, (tp_err)msg->err);
}

static void on_down(tp_actor *self, struct tpi_session *session, const tp_down *msg) {
    if (session->stage == TPI_STAGE_UP) tpi_session_down(self, session, msg);
}

static void on_exited(tp_actor *self, struct tpi_session *session, const tp_exited *msg) {
    tpi_session_exited(self, session, msg);
}

static void on_message(tp_actor *self, struct tpi_session *session, const tp_message *message) {
    if (session->stage == TPI_STAGE_UP) tpi_session_receive(self, session, message);
}

/* The door ends, or the runtime: the client is told if that takes no waiting. */
static void on_end(tp_actor *self, struct tpi_session *session, const tp_reason *reason) {
    uint8_t frame[4];
    size_t head = tpi_ws_head(frame, TPI_WS_CLOSING, 2);
    unsigned code = reason->code == TP_EXIT_NORMAL ? TPI_WS_NORMAL : TPI_WS_GOING_AWAY;
    frame[head] = (uint8_t)(code >> 8);
    frame[head + 1] = (uint8_t)code;
    if (session->stage == TPI_STAGE_HELLO || session->stage == TPI_STAGE_UP)
        (void)tp_write(self, session->socket, frame, sizeof frame, 0, NULL);
}

TP_BEHAVIOR_EXTERN(tpi_session_behavior, "gateway session", struct tpi_session,
                   TP_INIT_WITH(tpi_session_of, on_start), TP_ON(tpi_session_begin, on_begin),
                   TP_ON(tp_socket_data, on_data), TP_ON(tp_socket_closed, on_closed),
                   TP_ON(tpi_session_late, on_late), TP_ON(tpi_session_beat, on_beat),
                   TP_ON(tpi_session_over, on_over), TP_ON(tpi_session_leave, on_leave),
                   TP_ON(tpi_unanswered, on_unanswered), TP_ON(tp_down, on_down),
                   TP_ON(tp_exited, on_exited), TP_OTHERWISE(on_message), TP_TERMINATE(on_end));
