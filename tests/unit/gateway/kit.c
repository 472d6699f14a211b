/* See kit.h. */
#include "tests/unit/gateway/kit.h"

#include <stdio.h>
#include <string.h>

#include "core/platform/platform.h"
#include "transport/websocket/websocket.h"

static const tp_message_type *const types[] = {&ask_message, &poke_message, NULL};
static const char *const names[] = {"server", NULL};

/* ---- an actor to be reached ---- */

struct server {
    uint64_t asked;
};

_Atomic(unsigned) unanswered;

/* Asks the client, which says nothing. */
static void asker_body(tp_actor *self, void *arg) {
    told got;
    tp_err err = tp_call(self, *(const tp_pid *)arg, TP_FOREVER, &got, told, ask, .number = 1);
    /* release: partner is the load in the test */
    if (err == TP_ENOREPLY) atomic_fetch_add_explicit(&unanswered, 1, memory_order_release);
}

static void on_ask(tp_actor *self, struct server *server, const ask *msg) {
    static tp_pid asking;
    server->asked++;
    if (msg->number == NEVER) {
        (void)tp_defer(self);
        return;
    }
    if (msg->number == ASK_BACK) {
        asking = tp_sender(self);
        for (unsigned i = 0; i < 3; i++) (void)tp_spawn_body(self, asker_body, &asking, NULL);
    }
    tp_reply(self, told, .number = server->asked);
}
static void on_secret(tp_actor *self, struct server *server, const secret *msg) {
    (void)server;
    (void)msg;
    tp_exit(self, 2000); /* nobody outside may send this */
}
/* Floods its sender until somebody is full, or gone. */
static void on_poke(tp_actor *self, struct server *server, const poke *msg) {
    (void)server;
    (void)msg;
    for (unsigned i = 0; i < 5000; i++) tp_send(self, tp_sender(self), told, .number = i);
}
static void server_begins(tp_actor *self, struct server *server) {
    (void)server;
    tp_register(self, "server");
}
TP_BEHAVIOR(server_behavior, "server", struct server, TP_INIT(server_begins), TP_ON(ask, on_ask),
            TP_ON(secret, on_secret), TP_ON(poke, on_poke));

/* ---- a runtime with a gateway ---- */

TP_MESSAGE(started, TP_FIELD(i32, err), TP_FIELD(pid, gateway))
TP_MESSAGE(start_it, TP_FIELD(u64, options))

static void keeper_body(tp_actor *self, void *arg) {
    start_it msg;
    (void)arg;
    while (tp_receive(self, TP_FOREVER, &msg, start_it) == TP_OK) {
        tp_pid gateway = tp_pid_null();
        tp_err err =
            tp_gateway_start(self, (const tp_gateway_options *)(uintptr_t)msg.options, &gateway);
        tp_reply(self, started, .err = (int32_t)err, .gateway = gateway);
    }
}

void house_open(struct house *house, const tp_gateway_options *options) {
    memset(house, 0, sizeof *house);
    if (options != NULL) house->options = *options;
    if (house->options.token == NULL && house->options.token_file == NULL)
        house->options.token = TOKEN;
    /* spans that no verdict may hang on, unless the test is about them */
    if (house->options.hello_time == 0) house->options.hello_time = TP_SECONDS(120);
    if (house->options.heartbeat == 0) house->options.heartbeat = TP_SECONDS(600);
    if (house->options.names == NULL) house->options.names = names;
    if (house->options.types == NULL) house->options.types = types;
    tp_options runtime = {.workers = 2, .log_level = TP_LOG_OFF};
    TP_ASSERT_EQ_INT(tp_runtime_start(&house->runtime, &runtime), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(house->runtime, &house->inbox), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn(house->runtime, &house->server, &server_behavior, NULL),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(house->runtime, &house->keeper, keeper_body, NULL, NULL),
                     TP_OK);
    started got;
    TP_ASSERT_EQ_INT(tp_inbox_call(house->inbox, house->keeper, PLENTY, &got, started, start_it,
                                   .options = (uintptr_t)&house->options),
                     TP_OK);
    house->err = (tp_err)got.err;
    house->gateway = got.gateway;
}

tp_gateway_state look(struct house *house) {
    tp_gateway_state state;
    TP_ASSERT_EQ_INT(tp_inbox_call(house->inbox, house->gateway, PLENTY, &state, tp_gateway_state,
                                   tp_gateway_ask),
                     TP_OK);
    return state;
}

void house_start(struct house *house, const tp_gateway_options *options) {
    house_open(house, options);
    TP_ASSERT_EQ_INT(house->err, TP_OK);
    house->port = look(house).port;
    snprintf(house->url, sizeof house->url, "tcp://127.0.0.1:%u", house->port);
}

void house_stop(struct house *house) {
    tp_inbox_close(house->inbox);
    tp_runtime_stop(house->runtime);
}

void moment(void) {
    _Atomic(uint32_t) never = 0;
    tpi_futex_wait(&never, 0, TP_MS(1));
}

/* ---- a client of bytes ---- */

void dial(struct client *client, struct house *house) {
    memset(client, 0, sizeof *client);
    TP_ASSERT_EQ_INT(tpi_socket_connect(&client->descriptor, house->url), TP_OK);
}

bool put(struct client *client, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    for (unsigned i = 0; size > 0 && i < 60000; i++) {
        size_t done = 0;
        tp_err err = tpi_socket_write(client->descriptor, at, size, &done);
        if (err != TP_OK && err != TP_EBUSY) return false;
        at += done;
        size -= done;
        if (err == TP_EBUSY) moment();
    }
    return size == 0;
}

bool get(struct client *client) {
    for (unsigned i = 0; i < 60000; i++) {
        size_t done = 0;
        tp_err err = tpi_socket_read(client->descriptor, client->in + client->used,
                                     sizeof client->in - client->used, &done);
        client->used += done;
        if (err == TP_OK) return true;
        if (err != TP_EBUSY) return false;
        moment();
    }
    TP_ASSERT_MSG(false, "the gateway says nothing");
    return false;
}

void drain(struct client *client) {
    while (get(client))
        if (client->used > sizeof client->in / 2) client->used = 0;
    tpi_descriptor_close(client->descriptor);
}

int ask_head(struct client *client, const char *head) {
    int status = 0;
    (void)put(client, head, strlen(head));
    while (client->used < 12 || memmem(client->in, client->used, "\r\n\r\n", 4) == NULL)
        if (!get(client)) return 0;
    TP_ASSERT(sscanf((char *)client->in, "HTTP/1.1 %d", &status) == 1);
    uint8_t *end = memmem(client->in, client->used, "\r\n\r\n", 4);
    client->used -= (size_t)(end + 4 - client->in);
    memmove(client->in, end + 4, client->used);
    return status;
}

int upgrade(struct client *client, struct house *house, const char *more) {
    char head[1024], host[64];
    snprintf(host, sizeof host, "Host: 127.0.0.1:%u\r\n", house->port);
    snprintf(head, sizeof head,
             "GET /troupe HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
             "%s%s\r\n",
             strstr(more, "Host:") != NULL ? "" : host, more);
    return ask_head(client, head);
}

bool frame(struct client *client, const void *payload, size_t size) {
    uint8_t head[16];
    size_t used = tpi_ws_head(head, TPI_WS_BINARY, size);
    head[1] |= 0x80;
    memset(head + used, 0, 4);
    return put(client, head, used + 4) && put(client, payload, size);
}

size_t next_frame(struct client *client, uint8_t *out, size_t room) {
    for (;;) {
        size_t head = client->used < 2                ? 0
                      : (client->in[1] & 0x7f) == 126 ? 4
                      : (client->in[1] & 0x7f) == 127 ? 10
                                                      : 2;
        size_t size = head == 2 ? client->in[1] : 0;
        if (head == 4 && client->used >= 4) size = (size_t)client->in[2] << 8 | client->in[3];
        if (head > 0 && client->used >= head && client->used >= head + size && head < 10) {
            bool data = client->in[0] == 0x82;
            TP_ASSERT(size <= room);
            memcpy(out, client->in + head, size);
            client->used -= head + size;
            memmove(client->in, client->in + head + size, client->used);
            if (data) return size;
            if (out[0] == 3) client->ended = true; /* a close: 3 is 1000's first byte */
            if (client->ended) return 0;
            continue;
        }
        if (!get(client)) return 0;
    }
}

void enter(struct client *client, struct house *house) {
    uint8_t welcome[4096];
    dial(client, house);
    TP_ASSERT_EQ_INT(upgrade(client, house, ""), 101);
    TP_ASSERT(FRAME(client, HELLO));
    size_t size = next_frame(client, welcome, sizeof welcome);
    TP_ASSERT(size > 30 && welcome[0] == 0x95 && welcome[1] == 1 && welcome[2] == 1);
}

void check_served(struct house *house) {
    static struct client client;
    uint8_t reply[256];
    enter(&client, house);
    TP_ASSERT(FRAME(&client, "\x95\x04\x07\xa6server\x94\xa3"
                             "ask\x01\xa2hi\xd8\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00"));
    size_t size = next_frame(&client, reply, sizeof reply);
    TP_ASSERT(size > 4 && reply[0] == 0x93 && reply[1] == 5 && reply[2] == 7);
    tpi_descriptor_close(client.descriptor);
}

void check_answer(struct client *client, const char *bytes, size_t size, unsigned op,
                  const char *text) {
    uint8_t out[4096];
    TP_ASSERT(frame(client, bytes, size));
    size_t got = next_frame(client, out, sizeof out);
    TP_ASSERT(got > 2);
    TP_ASSERT_EQ_INT(out[1], op);
    TP_ASSERT_MSG(memmem(out, got, text, strlen(text)) != NULL, "no %s in the answer", text);
}

tp_err try_to_start(const tp_gateway_options *options) {
    struct house house;
    house_open(&house, options);
    house_stop(&house);
    return house.err;
}
