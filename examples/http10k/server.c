/*
 * The server: an actor a connection, bytes as messages, parsed by http-parser as they come. Between
 * requests a connection is an idle actor; a buffer is there only while a request's body is.
 */
#include <http_parser.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <troupe/troupe.h>

#include "examples/common/child.h"
#include "examples/common/serve.h"
#include "examples/http10k/http10k.h"

#define CHUNK 16384
#define OUT_MAX 16384           /* of answers that go out together */
#define HEAD_MAX 256            /* of an answer's head */
#define PATH_MAX_BYTES 32       /* no longer path is known here */
#define SIZE_MAX_ANSWER 1048576 /* of /size/N */
#define PATIENCE TP_SECONDS(10) /* for a peer to take its answer */
#define LINGER TP_SECONDS(2)    /* for a peer to see why it is turned away */

TP_MESSAGE(begin, TP_FIELD(u64, socket), TP_FIELD(i64, request_time), TP_FIELD(i64, idle_time))
TP_MESSAGE(too_late, TP_FIELD(u32, number))
TP_MESSAGE(site_args, TP_FIELD(u32, port), TP_FIELD(i64, request_time), TP_FIELD(i64, idle_time))

struct connection {
    tp_socket socket;
    http_parser parser;
    tp_duration request_time, idle_time;
    tp_ref timer;    /* of a request on its way; 0: none */
    uint32_t number; /* of the timer: a late message of an older one means nothing */
    char *body;      /* what came of it, tp_alloc'ed */
    uint32_t body_used, header_used;
    uint16_t status; /* why the request is refused; 0: it is not */
    uint8_t path_used;
    uint8_t host_at; /* letters of "host" that the header's name has had; 5: another name */
    bool has_host;
    bool inside;  /* a request has begun */
    bool closing; /* nothing is answered any more */
    char path[PATH_MAX_BYTES];
};

/* ---- what a run over some bytes needs ---- */

struct turn {
    tp_actor *self;
    struct connection *connection;
    size_t used;
    char out[OUT_MAX];
};

static void flush(struct turn *turn) {
    struct connection *connection = turn->connection;
    if (turn->used > 0 &&
        tp_write(turn->self, connection->socket, turn->out, turn->used, PATIENCE, NULL) != TP_OK)
        tp_exit(turn->self, TP_EXIT_NORMAL); /* its end closes the socket */
    turn->used = 0;
}

static void put(struct turn *turn, const void *bytes, size_t size) {
    const char *from = bytes;
    while (size > 0) {
        if (turn->used == sizeof turn->out) flush(turn);
        size_t room = sizeof turn->out - turn->used, part = size < room ? size : room;
        memcpy(turn->out + turn->used, from, part);
        turn->used += part;
        from += part;
        size -= part;
    }
}

/* ---- answers ---- */

static const char *reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Payload Too Large";
    case 431: return "Request Header Fields Too Large";
    default: return "Not Implemented";
    }
}

static void put_head(struct turn *turn, int status, size_t length, bool keep) {
    char head[HEAD_MAX];
    const char *connection = !keep ? "Connection: close\r\n" : "";
    if (keep && turn->connection->parser.http_minor == 0)
        connection = "Connection: keep-alive\r\n"; /* HTTP/1.0 */
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "%s%s\r\n",
                        status, reason_of(status), length, connection,
                        status == 405 ? "Allow: GET, HEAD, POST\r\n" : "");
    put(turn, head, (size_t)size);
}

static void put_text(struct turn *turn, int status, const char *text, bool keep) {
    put_head(turn, status, strlen(text), keep);
    if (turn->connection->parser.method != HTTP_HEAD) put(turn, text, strlen(text));
}

/* N bytes of 'x'. False: that is no size. */
static bool put_size(struct turn *turn, const char *text, bool keep) {
    char *end, block[1024];
    unsigned long size = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || size > SIZE_MAX_ANSWER) return false;
    put_head(turn, 200, size, keep);
    memset(block, 'x', sizeof block);
    if (turn->connection->parser.method == HTTP_HEAD) return true;
    for (; size > sizeof block; size -= sizeof block) put(turn, block, sizeof block);
    put(turn, block, size);
    return true;
}

static void answer(struct turn *turn, bool keep) {
    struct connection *connection = turn->connection;
    unsigned method = connection->parser.method;
    bool get = method == HTTP_GET || method == HTTP_HEAD;
    bool echo = strcmp(connection->path, "/echo") == 0;
    if (!get && !(echo && method == HTTP_POST)) {
        put_text(turn, 405, "GET, HEAD, POST to /echo\n", keep);
    } else if (echo && method == HTTP_POST) {
        put_head(turn, 200, connection->body_used, keep);
        put(turn, connection->body, connection->body_used);
    } else if (strcmp(connection->path, "/") == 0) {
        put_text(turn, 200, HELLO, keep);
    } else if (strncmp(connection->path, "/size/", 6) != 0 ||
               !put_size(turn, connection->path + 6, keep)) {
        put_text(turn, 404, "There is nothing here\n", keep);
    }
}

/* ---- http-parser's calls; -1 stops it ---- */

static int refuse(struct connection *connection, uint16_t status) {
    if (connection->status == 0) connection->status = status;
    return -1;
}

static void stop_timer(tp_actor *self, struct connection *connection) {
    if (connection->timer != 0) tp_cancel_timer(self, connection->timer);
    connection->timer = 0;
    connection->number++;
}

static void start_timer(tp_actor *self, struct connection *connection, tp_duration span) {
    connection->timer =
        tp_send_after(self, span, tp_self(self), too_late, .number = connection->number);
}

static void forget_request(struct turn *turn) {
    struct connection *connection = turn->connection;
    stop_timer(turn->self, connection);
    if (connection->body != NULL) tp_free(turn->self, connection->body);
    connection->body = NULL;
    connection->body_used = connection->header_used = 0;
    connection->inside = connection->has_host = false;
    connection->path_used = 0;
}

static int on_begin(http_parser *parser) {
    struct turn *turn = parser->data;
    turn->connection->inside = true;
    turn->connection->host_at = 5;
    return 0;
}

static int count_header(struct connection *connection, size_t size) {
    connection->header_used += (uint32_t)size;
    return connection->header_used > HEADER_MAX ? refuse(connection, 431) : 0;
}

static int on_url(http_parser *parser, const char *bytes, size_t size) {
    struct connection *connection = ((struct turn *)parser->data)->connection;
    for (size_t i = 0; i < size && connection->path_used < PATH_MAX_BYTES - 1; i++)
        connection->path[connection->path_used++] = bytes[i];
    connection->path[connection->path_used] = '\0';
    return count_header(connection, size);
}

/* A name may come in pieces; after a value the next one begins. */
static int on_name(http_parser *parser, const char *bytes, size_t size) {
    struct connection *connection = ((struct turn *)parser->data)->connection;
    if (connection->host_at == 5) connection->host_at = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t at = connection->host_at;
        bool same = at < 4 && (bytes[i] | 0x20) == "host"[at];
        connection->host_at = same ? (uint8_t)(at + 1) : 6;
    }
    return count_header(connection, size);
}

static int on_value(http_parser *parser, const char *bytes, size_t size) {
    struct connection *connection = ((struct turn *)parser->data)->connection;
    (void)bytes;
    if (connection->host_at == 4) connection->has_host = true;
    connection->host_at = 5;
    return count_header(connection, size + 4);
}

static int on_headers(http_parser *parser) {
    struct connection *connection = ((struct turn *)parser->data)->connection;
    if (parser->http_major != 1) return refuse(connection, 400);
    if (parser->http_minor > 0 && !connection->has_host) return refuse(connection, 400);
    if (parser->content_length != UINT64_MAX && parser->content_length > BODY_MAX)
        return refuse(connection, 413);
    return 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t size) {
    struct turn *turn = parser->data;
    struct connection *connection = turn->connection;
    if (connection->body_used + size > BODY_MAX) return refuse(connection, 413);
    if (connection->body == NULL) connection->body = tp_alloc(turn->self, BODY_MAX);
    if (connection->body == NULL) return refuse(connection, 413);
    memcpy(connection->body + connection->body_used, bytes, size);
    connection->body_used += (uint32_t)size;
    return 0;
}

static int on_complete(http_parser *parser) {
    struct turn *turn = parser->data;
    struct connection *connection = turn->connection;
    bool keep = http_should_keep_alive(parser) != 0;
    if (parser->upgrade) return refuse(connection, 501);
    answer(turn, keep);
    forget_request(turn);
    if (keep) return 0;
    connection->closing = true;
    return -1; /* what follows is not for us */
}

static const http_parser_settings settings = {.on_message_begin = on_begin,
                                              .on_url = on_url,
                                              .on_header_field = on_name,
                                              .on_header_value = on_value,
                                              .on_headers_complete = on_headers,
                                              .on_body = on_body,
                                              .on_message_complete = on_complete};

/* ---- the connection ---- */

/* Ends our stream and waits for the peer's end: a close with bytes unread would take back what
 * was said last. */
static void say_goodbye(struct turn *turn) {
    struct connection *connection = turn->connection;
    flush(turn);
    connection->closing = true;
    stop_timer(turn->self, connection);
    start_timer(turn->self, connection, LINGER);
    tp_shutdown_write(turn->self, connection->socket);
}

static void turn_away(struct turn *turn, int status) {
    turn->connection->parser.method = HTTP_GET; /* a body is always given */
    put_text(turn, status, reason_of(status), false);
    say_goodbye(turn);
}

static void parse(struct turn *turn, const tp_bin *bytes) {
    struct connection *connection = turn->connection;
    http_parser *parser = &connection->parser;
    parser->data = turn;
    size_t done = http_parser_execute(parser, &settings, (const char *)bytes->data, bytes->size);
    parser->data = NULL;
    enum http_errno error = HTTP_PARSER_ERRNO(parser);
    if (connection->closing) {
        say_goodbye(turn);
    } else if (connection->status != 0) {
        turn_away(turn, connection->status);
    } else if (error == HPE_HEADER_OVERFLOW) {
        turn_away(turn, 431);
    } else if (error != HPE_OK || done != bytes->size) {
        turn_away(turn, 400);
    }
}

static void on_begin_message(tp_actor *self, struct connection *connection, const begin *msg) {
    connection->socket = msg->socket;
    connection->request_time = msg->request_time;
    connection->idle_time = msg->idle_time;
    http_parser_init(&connection->parser, HTTP_REQUEST);
    if (tp_active_once(self, msg->socket, CHUNK) != TP_OK) tp_exit(self, TP_EXIT_NORMAL);
    if (connection->idle_time > 0) tp_set_timeout(self, connection->idle_time);
}

static void on_data(tp_actor *self, struct connection *connection, const tp_socket_data *msg) {
    struct turn turn;
    turn.self = self;
    turn.connection = connection;
    turn.used = 0;
    if (!connection->closing) parse(&turn, &msg->bytes);
    if (!connection->closing) {
        flush(&turn);
        /* whoever sends a request byte by byte has no more time than others */
        if (connection->inside && connection->timer == 0)
            start_timer(self, connection, connection->request_time);
        if (!connection->inside && connection->idle_time > 0)
            tp_set_timeout(self, connection->idle_time);
    }
    if (tp_active_once(self, connection->socket, CHUNK) != TP_OK) tp_exit(self, TP_EXIT_NORMAL);
}

static void on_too_late(tp_actor *self, struct connection *connection, const too_late *msg) {
    struct turn turn;
    if (msg->number != connection->number) return;
    if (connection->closing) tp_exit(self, TP_EXIT_NORMAL);
    turn.self = self;
    turn.connection = connection;
    turn.used = 0;
    connection->timer = 0;
    turn_away(&turn, 408);
}

static void on_idle(tp_actor *self, struct connection *connection) {
    if (!connection->inside && !connection->closing) tp_exit(self, TP_EXIT_NORMAL);
}

static void on_closed(tp_actor *self, struct connection *connection, const tp_socket_closed *msg) {
    (void)connection;
    (void)msg;
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(connection_behavior, "connection", struct connection, TP_ON(begin, on_begin_message),
            TP_ON(tp_socket_data, on_data), TP_ON(tp_socket_closed, on_closed),
            TP_ON(too_late, on_too_late), TP_TIMEOUT(on_idle));

/* ---- the door ---- */

struct door {
    tp_socket listener;
    site_args args;
};

static void door_init(tp_actor *self, struct door *door, const site_args *args) {
    door->args = *args;
    serve_listen(self, args->port, &door->listener);
}

static void on_accepted(tp_actor *self, struct door *door, const tp_socket_accepted *msg) {
    tp_socket socket = msg->socket;
    tp_pid connection = serve_accept(self, door->listener, msg, &connection_behavior, NULL);
    if (!tp_pid_is_null(connection))
        tp_send(self, connection, begin, .socket = socket, .request_time = door->args.request_time,
                .idle_time = door->args.idle_time);
}

static void on_not_accepted(tp_actor *self, struct door *door, const tp_socket_closed *msg) {
    (void)msg;
    serve_again(self, door->listener);
}

TP_BEHAVIOR(door_behavior, "door", struct door, TP_INIT_WITH(site_args, door_init),
            TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_closed, on_not_accepted));

static void house(tp_actor *self, void *arg) {
    const struct site *site = arg;
    tp_pid door;
    if (tp_start(self, &door, &door_behavior, &tp_spawn_linked, TP_SECONDS(10), NULL, site_args,
                 .port = site->port, .request_time = TP_MS(site->request_ms),
                 .idle_time = TP_MS(site->idle_ms)) != TP_OK)
        return;
    serve_until_stopped(self);
}

int site_serve(const struct site *site) {
    struct site copy = *site;
    tp_options options = {.workers = (unsigned)site->workers};
    descriptors_raise();
    return serve(&options, house, &copy);
}
