/*
 * A gateway and those who are no friends of it, over real sockets: what is refused and counted,
 * what is bounded, and that others are served meanwhile. Nothing here depends on how fast the
 * machine is: a test waits for what must happen, and what must not is judged by a later answer.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/gateway.h>
#include <troupe/troupe.h>

#include "core/base/atomic.h"
#include "core/platform/platform.h"
#include "tests/support/test.h"
#include "transport/websocket/websocket.h"

#define PLENTY TP_SECONDS(60)
#define TOKEN "0123456789abcdef0123456789abcdef"

TP_MESSAGE(ask, TP_FIELD(u64, number), TP_FIELD(str, text), TP_FIELD(pid, who))
TP_MESSAGE(told, TP_FIELD(u64, number))
TP_MESSAGE(poke, TP_FIELD(pid, who))
TP_MESSAGE(secret, TP_FIELD(u64, number))

static const tp_message_type *const types[] = {&ask_message, &poke_message, NULL};
static const char *const names[] = {"server", NULL};

/* ---- an actor to be reached ---- */

struct server {
    uint64_t asked;
};
static void on_ask(tp_actor *self, struct server *server, const ask *msg) {
    server->asked++;
    (void)msg;
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

struct house {
    tp_gateway_options options;
    tp_runtime *runtime;
    tp_inbox *inbox;
    tp_pid keeper, gateway, server;
    char url[64];
    uint32_t port;
    tp_err err;
};

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

static void house_open(struct house *house, const tp_gateway_options *options) {
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

static tp_gateway_state look(struct house *house) {
    tp_gateway_state state;
    TP_ASSERT_EQ_INT(tp_inbox_call(house->inbox, house->gateway, PLENTY, &state, tp_gateway_state,
                                   tp_gateway_ask),
                     TP_OK);
    return state;
}

static void house_start(struct house *house, const tp_gateway_options *options) {
    house_open(house, options);
    TP_ASSERT_EQ_INT(house->err, TP_OK);
    house->port = look(house).port;
    snprintf(house->url, sizeof house->url, "tcp://127.0.0.1:%u", house->port);
}

static void house_stop(struct house *house) {
    tp_inbox_close(house->inbox);
    tp_runtime_stop(house->runtime);
}

static void moment(void) {
    _Atomic(uint32_t) never = 0;
    tpi_futex_wait(&never, 0, TP_MS(1));
}

#define WAIT_STATE(house, condition)                                                               \
    do {                                                                                           \
        tp_gateway_state state = look(house);                                                      \
        for (unsigned i_ = 0; i_ < 60000 && !(condition); i_++) {                                  \
            moment();                                                                              \
            state = look(house);                                                                   \
        }                                                                                          \
        TP_ASSERT_MSG(condition, "never: %s", #condition);                                         \
    } while (0)

/* ---- a client of bytes ---- */

struct client {
    int descriptor;
    uint8_t in[65536];
    size_t used;
    bool ended;
};

static void dial(struct client *client, struct house *house) {
    memset(client, 0, sizeof *client);
    TP_ASSERT_EQ_INT(tpi_socket_connect(&client->descriptor, house->url), TP_OK);
}

/* False: the other side has closed. */
static bool put(struct client *client, const void *bytes, size_t size) {
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

static bool get(struct client *client) {
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

/* Reads until the other side has closed. */
static void drain(struct client *client) {
    while (get(client))
        if (client->used > sizeof client->in / 2) client->used = 0;
    tpi_descriptor_close(client->descriptor);
}

static int ask_head(struct client *client, const char *head) {
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

static int upgrade(struct client *client, struct house *house, const char *more) {
    char head[1024], host[64];
    snprintf(host, sizeof host, "Host: 127.0.0.1:%u\r\n", house->port);
    snprintf(head, sizeof head,
             "GET /troupe HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
             "%s%s\r\n",
             strstr(more, "Host:") != NULL ? "" : host, more);
    return ask_head(client, head);
}

static bool frame(struct client *client, const void *payload, size_t size) {
    uint8_t head[16];
    size_t used = tpi_ws_head(head, TPI_WS_BINARY, size);
    head[1] |= 0x80;
    memset(head + used, 0, 4);
    return put(client, head, used + 4) && put(client, payload, size);
}
#define FRAME(client, text) frame((client), (text), sizeof(text) - 1)

/* The payload of the next frame, which stays at client->in until the next call. 0: closed. */
static size_t next_frame(struct client *client, uint8_t *out, size_t room) {
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

#define HELLO "\x93\x01\x01\xd9\x20" TOKEN

static void enter(struct client *client, struct house *house) {
    uint8_t welcome[4096];
    dial(client, house);
    TP_ASSERT_EQ_INT(upgrade(client, house, ""), 101);
    TP_ASSERT(FRAME(client, HELLO));
    size_t size = next_frame(client, welcome, sizeof welcome);
    TP_ASSERT(size > 30 && welcome[0] == 0x95 && welcome[1] == 1 && welcome[2] == 1);
}

/* Others are served: a call comes back. */
static void check_served(struct house *house) {
    static struct client client;
    uint8_t reply[256];
    enter(&client, house);
    TP_ASSERT(FRAME(&client, "\x95\x04\x07\xa6server\x94\xa3"
                             "ask\x01\xa2hi\xd8\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00"));
    size_t size = next_frame(&client, reply, sizeof reply);
    TP_ASSERT(size > 4 && reply[0] == 0x93 && reply[1] == 5 && reply[2] == 7);
    tpi_descriptor_close(client.descriptor);
}

static struct client client; /* too large for a stack */

/* ---- the settings ---- */

static tp_err try_to_start(const tp_gateway_options *options) {
    struct house house;
    house_open(&house, options);
    house_stop(&house);
    return house.err;
}

TP_TEST(gateway_safety, options_that_cannot_be) {
    static const char *const hosts[] = {"example.org", NULL};
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://127.0.0.1:0"}), TP_OK);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://0.0.0.0:0"}), TP_EREFUSED);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://127.evil.example:0"}),
                     TP_EREFUSED);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://0.0.0.0:0", .remote = true}),
                     TP_EREFUSED);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){
                         .url = "ws://0.0.0.0:0", .remote = true, .hosts = hosts}),
                     TP_OK);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token = "short"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token = ""}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "http://127.0.0.1:0"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.url = "ws://127.0.0.1:0/x"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.path = "troupe"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.max_frame = 17u << 20}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.heartbeat = -1}), TP_EINVAL);
    TP_ASSERT_EQ_INT(try_to_start(&(tp_gateway_options){.token_file = "/no/such/file"}), TP_ENOENT);
}

TP_TEST(gateway_safety, an_address_in_use) {
    struct house house;
    char url[64];
    house_start(&house, NULL);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u", house.port);
    TP_ASSERT(try_to_start(&(tp_gateway_options){.url = url}) != TP_OK);
    check_served(&house);
    house_stop(&house);
}

/* ---- who comes in ---- */

TP_TEST(gateway_safety, host_and_origin_are_checked) {
    static const char *const origins[] = {"https://good.example", NULL};
    static const struct {
        const char *more;
        int status;
    } cases[] = {
        {"Host: evil.example\r\n", 403},
        {"Host: 127.0.0.1\r\n", 403}, /* another port */
        {"Host: localhost.evil.example\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Origin: http://evil.example\r\n", 403},
        {"Origin: https://good.example.evil.example\r\n", 403},
        {"Origin: https://good.example\r\n", 101},
    };
    struct house house;
    house_start(&house, &(tp_gateway_options){.origins = origins});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dial(&client, &house);
        TP_ASSERT_EQ_INT(upgrade(&client, &house, cases[i].more), cases[i].status);
        tpi_descriptor_close(client.descriptor);
    }
    char own[128];
    snprintf(own, sizeof own, "Host: LOCALHOST:%u\r\nOrigin: http://localhost:%u\r\n", house.port,
             house.port);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(upgrade(&client, &house, own), 101);
    tpi_descriptor_close(client.descriptor);
    tp_gateway_state state = look(&house);
    TP_ASSERT_EQ_INT(state.refused_host, 3);
    TP_ASSERT_EQ_INT(state.refused_origin, 3);
    TP_ASSERT_EQ_INT(state.accepted, 0);
    house_stop(&house);
}

TP_TEST(gateway_safety, no_token_no_word) {
    static const struct {
        const char *bytes;
        size_t size;
    } first[] = {
#define FIRST(text) {text, sizeof(text) - 1}
        FIRST("\x93\x01\x01\xd9\x20"
              "0123456789abcdef0123456789abcdeF"),
        FIRST("\x93\x01\x01\xd9\x21" TOKEN "0"),
        FIRST("\x93\x01\x01\xaf"
              "0123456789abcde"),
        FIRST("\x93\x01\x01\xa0"),
        FIRST("\x93\x01\x02\xd9\x20" TOKEN), /* another version */
        FIRST("\x93\x02\x01\xa6server"),     /* a command before the token */
        FIRST("\x93\x03\xa6server\x91\xa6secret"),
        FIRST("\xc1"),
        FIRST(""),
#undef FIRST
    };
    struct house house;
    house_start(&house, NULL);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        dial(&client, &house);
        TP_ASSERT_EQ_INT(upgrade(&client, &house, ""), 101);
        TP_ASSERT(frame(&client, first[i].bytes, first[i].size));
        uint8_t out[4096];
        TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 0);
        TP_ASSERT(client.ended && out[0] == 3 && out[1] == 0xf0); /* 1008, and no reason */
        tpi_descriptor_close(client.descriptor);
    }
    uint8_t large[2048] = {0x93, 1, 1, 0xda, 0x07, 0xf0};
    dial(&client, &house);
    TP_ASSERT_EQ_INT(upgrade(&client, &house, ""), 101);
    (void)frame(&client, large, sizeof large); /* the first message has a limit of its own */
    drain(&client);
    tp_gateway_state state = look(&house);
    TP_ASSERT_EQ_INT(state.refused_token, sizeof first / sizeof first[0]);
    TP_ASSERT_EQ_INT(state.violations, 1);
    TP_ASSERT_EQ_INT(state.accepted, 0);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, requests_that_are_none) {
    static const char *const heads[] = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                        "POST / HTTP/1.1\r\n\r\n",
                                        "GET /troupe?token=" TOKEN " HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "\r\n\r\n", "\x16\x03\x01\r\n\r\n"};
    struct house house;
    house_start(&house, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        dial(&client, &house);
        TP_ASSERT(ask_head(&client, heads[i]) >= 400);
        drain(&client);
    }
    static char endless[20000];
    memset(endless, 'a', sizeof endless);
    dial(&client, &house);
    (void)put(&client, endless, sizeof endless);
    drain(&client);
    TP_ASSERT_EQ_INT(look(&house).refused_request + look(&house).refused_host, 6);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, who_says_nothing_is_sent_away) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.hello_time = TP_MS(50)});
    dial(&client, &house);
    drain(&client);
    dial(&client, &house);
    (void)put(&client, "GET /tr", 7);
    drain(&client);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(look(&house).accepted, 0);
    drain(&client);
    WAIT_STATE(&house, state.refused_slow == 3 && state.sessions == 0);
    house_stop(&house);
}

TP_TEST(gateway_safety, strangers_do_not_keep_others_out) {
    enum { STRANGERS = 150 };
    static int open[STRANGERS];
    struct house house;
    house_start(&house, &(tp_gateway_options){.hello_time = TP_SECONDS(600), .max_sessions = 300});
    for (unsigned i = 0; i < STRANGERS; i++)
        TP_ASSERT_EQ_INT(tpi_socket_connect(&open[i], house.url), TP_OK);
    check_served(&house);
    WAIT_STATE(&house, state.sessions <= 65 && state.refused_full >= STRANGERS - 64);
    for (unsigned i = 0; i < STRANGERS; i++) tpi_descriptor_close(open[i]);
    WAIT_STATE(&house, state.sessions == 0);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, so_many_sessions_and_no_more) {
    static struct client first, second;
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_sessions = 2});
    enter(&first, &house);
    enter(&second, &house);
    dial(&client, &house);
    drain(&client);
    TP_ASSERT_EQ_INT(look(&house).refused_full, 1);
    tpi_descriptor_close(first.descriptor);
    WAIT_STATE(&house, state.sessions == 1);
    dial(&client, &house); /* a stranger takes the last place, until somebody else comes */
    WAIT_STATE(&house, state.sessions == 2);
    check_served(&house);
    tpi_descriptor_close(client.descriptor);
    tpi_descriptor_close(second.descriptor);
    house_stop(&house);
}

/* ---- what a session may do ---- */

/* The reply to a command: its operation, and the text behind. */
static void check_answer(const char *bytes, size_t size, unsigned op, const char *text) {
    uint8_t out[4096];
    TP_ASSERT(frame(&client, bytes, size));
    size_t got = next_frame(&client, out, sizeof out);
    TP_ASSERT(got > 2);
    TP_ASSERT_EQ_INT(out[1], op);
    TP_ASSERT_MSG(memmem(out, got, text, strlen(text)) != NULL, "no %s in the answer", text);
}
#define CHECK_ANSWER(bytes, op, text) check_answer((bytes), sizeof(bytes) - 1, (op), (text))
#define FORGED "\xd8\x01\x12\x34\x56\x78\x12\x34\x56\x78\0\0\0\x02\0\0\0\x03"

TP_TEST(gateway_safety, a_session_reaches_what_it_was_given) {
    struct house house;
    house_start(&house, NULL);
    enter(&client, &house);
    CHECK_ANSWER("\x93\x03" FORGED "\x91\xa3"
                 "ask",
                 9, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01" FORGED "\x91\xa3"
                 "ask\x00",
                 6, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01\xa6server\x94\xa3"
                 "ask\x01\xa0" FORGED "\x00",
                 6, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01\xa6server\x92\xa6secret\x01\x00", 6, "EREFUSED");
    CHECK_ANSWER("\x93\x03\xa6server\x92\xa9tp.exited\xc0", 9, "EREFUSED");
    CHECK_ANSWER("\x93\x03\xa6nobody\x91\xa3"
                 "ask",
                 9, "ENOENT");
    CHECK_ANSWER("\x92\x07" FORGED, 9, "EREFUSED");
    CHECK_ANSWER("\x93\x09\x01" FORGED, 6, "EREFUSED");
    CHECK_ANSWER("\x95\x04\x01\xa6server\x92\xa3"
                 "ask\xa1x\x00",
                 6, "EBADMSG");                        /* would end its receiver */
    CHECK_ANSWER("\x93\x0c\x04\xc4\x00", 9, "EINVAL"); /* to end as killed */
    TP_ASSERT_EQ_INT(look(&house).refused, 10);
    tpi_descriptor_close(client.descriptor);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, watches_and_calls_have_a_limit) {
    static struct client watcher;
    struct house house;
    uint8_t out[4096];
    house_start(&house, &(tp_gateway_options){.max_watches = 2, .max_calls = 2});
    enter(&client, &house);
    enter(&watcher, &house);
    TP_ASSERT(FRAME(&client, "\x93\x02\x01\xa6server"));
    size_t size = next_frame(&client, out, sizeof out);
    TP_ASSERT_EQ_INT(size, 21);
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t monitor[21] = {0x93, 9, i};
        memcpy(monitor + 3, out + 3, 18);
        TP_ASSERT(frame(&client, monitor, sizeof monitor));
    }
    size = next_frame(&client, out, sizeof out);
    TP_ASSERT(size > 4 && out[1] == 6 && out[2] == 2 && memmem(out, size, "EFULL", 5) != NULL);
    tpi_descriptor_close(client.descriptor);
    tpi_descriptor_close(watcher.descriptor);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, what_breaks_the_protocol_ends_the_session) {
    static uint8_t deep[5000];
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD("\x82\x82\0\0\0\0\xc1\xc1"),                     /* no msgpack */
        BAD("\x82\x85\0\0\0\0\xdd\xff\xff\xff\xff"),         /* a count of 2^32 - 1 */
        BAD("\x82\x85\0\0\0\0\xdf\xff\xff\xff\xff"),         /* of pairs */
        BAD("\x82\x05hello"),                                /* not masked */
        BAD("\x81\x85\0\0\0\0hello"),                        /* text */
        BAD("\x82\xff\0\0\0\0\x20\0\0\0\0\0\0\0"),           /* 512 MiB */
        BAD("\x82\x8a\0\0\0\0\x93\x01\x01\xa6server"),       /* a second hello */
        BAD("\x82\x85\0\0\0\0\x92\x0b\xc3\xc0\xc0"),         /* bytes behind */
        BAD("\x82\x87\0\0\0\0\x93\x02\x01\xa3\xff\xfe\xfd"), /* a name of no UTF-8 */
#undef BAD
    };
    struct house house;
    house_start(&house, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enter(&client, &house);
        (void)put(&client, bad[i].bytes, bad[i].size);
        drain(&client);
    }
    memset(deep, 0x91, sizeof deep);
    enter(&client, &house);
    (void)frame(&client, deep, sizeof deep);
    drain(&client);
    WAIT_STATE(&house, state.violations == sizeof bad / sizeof bad[0] + 1 && state.sessions == 0);
    check_served(&house);
    house_stop(&house);
}

TP_TEST(gateway_safety, every_prefix_of_a_session_and_then_nothing) {
    char bytes[1024];
    struct house house;
    house_start(&house, NULL);
    int head = snprintf(bytes, sizeof bytes,
                        "GET /troupe HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        house.port);
    size_t size = (size_t)head;
    memcpy(bytes + size, "\x82\xa5\0\0\0\0" HELLO, 6 + sizeof HELLO - 1);
    size += 6 + sizeof HELLO - 1;
    for (size_t cut = 0; cut <= size; cut += TP_SCALED(1) == 1 ? 1 : 7) {
        dial(&client, &house);
        (void)put(&client, bytes, cut);
        tpi_descriptor_close(client.descriptor);
    }
    check_served(&house);
    WAIT_STATE(&house, state.sessions == 0);
    TP_ASSERT(look(&house).accepted <= 2); /* the whole one, and the friend */
    house_stop(&house);
}

/* ---- who does not read, and who is gone ---- */

TP_TEST(gateway_safety, who_does_not_read_ends_and_delays_nobody) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.max_backlog = 100});
    enter(&client, &house);
    for (unsigned i = 0; i < 2000; i++) /* each brings 5,000 messages; none is read */
        if (!FRAME(&client, "\x93\x03\xa6server\x92\xa4poke"
                            "\xd8\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"))
            break;
    WAIT_STATE(&house, state.sessions == 0);
    check_served(&house);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_safety, who_is_silent_is_gone) {
    struct house house;
    house_start(&house, &(tp_gateway_options){.heartbeat = TP_MS(30)});
    enter(&client, &house); /* it answers no ping */
    WAIT_STATE(&house, state.silent == 1 && state.sessions == 0);
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

TP_TEST(gateway_safety, the_end_of_the_gateway_is_said) {
    struct house house;
    uint8_t out[64];
    house_start(&house, NULL);
    enter(&client, &house);
    TP_ASSERT_EQ_INT(tp_post_exit(house.runtime, house.gateway, TP_EXIT_SHUTDOWN), TP_OK);
    TP_ASSERT_EQ_INT(next_frame(&client, out, sizeof out), 0);
    TP_ASSERT(client.ended && out[0] == 3 && out[1] == 0xe9); /* 1001 */
    tpi_descriptor_close(client.descriptor);
    house_stop(&house);
}

/* ---- the files ---- */

TP_TEST(gateway_files, are_given_by_their_exact_path) {
    static const tp_gateway_file files[] = {{"/", "text/html", "<p>hello", 8},
                                            {NULL, NULL, NULL, 0}};
    struct house house;
    char head[256];
    house_start(&house, &(tp_gateway_options){.files = files});
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", house.port);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(ask_head(&client, head), 200);
    while (client.used < 8 && get(&client)) continue;
    TP_ASSERT(client.used == 8 && memcmp(client.in, "<p>hello", 8) == 0);
    drain(&client);
    snprintf(head, sizeof head, "GET /../etc/passwd HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
             house.port);
    dial(&client, &house);
    TP_ASSERT_EQ_INT(ask_head(&client, head), 404);
    drain(&client);
    house_stop(&house);
}
