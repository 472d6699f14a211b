/*
 * Sockets of actors: as calls and as messages.
 */
#include "tests/actor/actor_test.h"

static void echo_once(tp_actor *self, void *arg) {
    tp_socket listener = *(tp_socket *)arg, socket;
    (void)listener;
    tell msg;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, tell), TP_OK);
    socket = (tp_socket)msg.n;
    char bytes[256];
    size_t size;
    while (tp_read(self, socket, bytes, sizeof bytes, SOON, &size) == TP_OK)
        TP_ASSERT_EQ_INT(tp_write(self, socket, bytes, size, SOON, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_close(self, socket), TP_OK);
}
static void calls_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_socket listener, server, client;
    char url[128], bytes[64];
    size_t size;
    TP_ASSERT_EQ_INT(tp_listen(self, "tcp://127.0.0.1:0", &listener), TP_OK);
    TP_ASSERT_EQ_INT(tp_socket_address(self, listener, url, sizeof url), TP_OK);
    TP_ASSERT_EQ_INT(tp_accept(self, listener, TP_MS(3), &server), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_connect(self, url, SOON, &client), TP_OK);
    TP_ASSERT_EQ_INT(tp_accept(self, listener, SOON, &server), TP_OK);
    TP_ASSERT_EQ_INT(tp_read(self, client, bytes, sizeof bytes, TP_MS(3), &size), TP_ETIMEDOUT);
    tp_pid echo = tp_spawn_body(self, echo_once, &listener, NULL);
    TP_ASSERT_EQ_INT(tp_socket_give(self, server, echo), TP_OK);
    TP_ASSERT_EQ_INT(tp_close(self, server), TP_ENOENT); /* it is not ours any more */
    tp_send(self, echo, tell, .who = tp_self(self), .n = (int64_t)server);
    for (int i = 0; i < 100; i++) {
        TP_ASSERT_EQ_INT(tp_write(self, client, "hello", 5, SOON, NULL), TP_OK);
        TP_ASSERT_EQ_INT(tp_read(self, client, bytes, sizeof bytes, SOON, &size), TP_OK);
        TP_ASSERT_EQ_INT(size, 5);
    }
    TP_ASSERT_EQ_INT(tp_shutdown_write(self, client), TP_OK);
    TP_ASSERT_EQ_INT(tp_read(self, client, bytes, sizeof bytes, SOON, &size), TP_ECLOSED);
    TP_ASSERT_EQ_INT(tp_close(self, client), TP_OK);
    TP_ASSERT_EQ_INT(tp_close(self, client), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_close(self, listener), TP_OK);
    tp_err err = tp_connect(self, url, SOON, &client);
    TP_ASSERT(err == TP_EREFUSED);
    TP_ASSERT(tp_listen(self, "gopher://x", &listener) != TP_OK);
}
TP_TEST(socket, calls_with_deadlines) {
    run_everywhere(calls_body, NULL);
}

#define CLIENTS 50
struct server {
    tp_socket listener;
    tp_pid boss;
};
static void on_tell(tp_actor *self, struct server *server, const tell *msg) {
    char url[128];
    server->boss = msg->who;
    TP_ASSERT_EQ_INT(tp_listen(self, "tcp://127.0.0.1:0", &server->listener), TP_OK);
    TP_ASSERT_EQ_INT(tp_socket_address(self, server->listener, url, sizeof url), TP_OK);
    TP_ASSERT_EQ_INT(tp_active_once(self, server->listener, 1), TP_OK);
    tp_send(self, server->boss, word, .text = tp_str_of(url));
}
static void on_accepted(tp_actor *self, struct server *server, const tp_socket_accepted *msg) {
    TP_ASSERT_EQ_INT(tp_active_once(self, msg->socket, 1024), TP_OK);
    TP_ASSERT_EQ_INT(tp_active_once(self, server->listener, 1), TP_OK);
}
static void on_data(tp_actor *self, struct server *server, const tp_socket_data *msg) {
    (void)server;
    TP_ASSERT_EQ_INT(tp_write(self, msg->socket, msg->bytes.data, msg->bytes.size, SOON, NULL),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_active_once(self, msg->socket, 1024), TP_OK);
}
static void on_closed(tp_actor *self, struct server *server, const tp_socket_closed *msg) {
    TP_ASSERT_EQ_INT(tp_close(self, msg->socket), TP_OK);
    tp_send(self, server->boss, answer, .n = msg->err);
}
TP_BEHAVIOR(server_behavior, "server", struct server, TP_ON(tell, on_tell),
            TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_data, on_data),
            TP_ON(tp_socket_closed, on_closed));
static void active_body(tp_actor *self, void *arg) {
    (void)arg;
    char url[128], bytes[64];
    word address;
    answer closed;
    tp_socket clients[CLIENTS];
    size_t size;
    tp_pid server = tp_spawn(self, &server_behavior);
    tp_send(self, server, tell, .who = tp_self(self));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &address, word), TP_OK);
    memcpy(url, address.text.data, address.text.size);
    url[address.text.size] = 0;
    for (int i = 0; i < CLIENTS; i++)
        TP_ASSERT_EQ_INT(tp_connect(self, url, SOON, &clients[i]), TP_OK);
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < CLIENTS; i++) {
            TP_ASSERT_EQ_INT(tp_write(self, clients[i], "ping", 4, SOON, NULL), TP_OK);
            TP_ASSERT_EQ_INT(tp_read(self, clients[i], bytes, sizeof bytes, SOON, &size), TP_OK);
            TP_ASSERT_EQ_INT(size, 4);
        }
    for (int i = 0; i < CLIENTS; i++) TP_ASSERT_EQ_INT(tp_close(self, clients[i]), TP_OK);
    for (int i = 0; i < CLIENTS; i++) {
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &closed, answer), TP_OK);
        TP_ASSERT_EQ_INT(closed.n, TP_ECLOSED);
    }
    TP_ASSERT_EQ_INT(tp_connect(self, url, SOON, &clients[0]), TP_OK);
    TP_ASSERT_EQ_INT(tp_write(self, clients[0], "x", 1, SOON, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_read(self, clients[0], bytes, sizeof bytes, SOON, &size), TP_OK);
    tp_kill(self, server); /* its sockets go with it: the peer sees the end */
    TP_ASSERT_EQ_INT(tp_read(self, clients[0], bytes, sizeof bytes, SOON, &size), TP_ECLOSED);
}
TP_TEST(socket, active_once) {
    run_everywhere(active_body, NULL);
}

/* A listener and both ends of a connection, in one actor. */
struct pair {
    tp_socket listener, server, client;
};
static void connect_pair(tp_actor *self, struct pair *pair, const char *where) {
    char url[128];
    TP_ASSERT_EQ_INT(tp_listen(self, where, &pair->listener), TP_OK);
    TP_ASSERT_EQ_INT(tp_socket_address(self, pair->listener, url, sizeof url), TP_OK);
    TP_ASSERT_EQ_INT(tp_connect(self, url, SOON, &pair->client), TP_OK);
    TP_ASSERT_EQ_INT(tp_accept(self, pair->listener, SOON, &pair->server), TP_OK);
}
static void close_pair(tp_actor *self, const struct pair *pair) {
    tp_close(self, pair->client);
    tp_close(self, pair->server);
    tp_close(self, pair->listener);
}
static void expect_data(tp_actor *self, tp_socket socket, size_t max, const char *text) {
    tp_socket_data data;
    TP_ASSERT_EQ_INT(tp_active_once(self, socket, max), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_socket_data), TP_OK);
    TP_ASSERT_EQ_INT(data.bytes.size, strlen(text));
    TP_ASSERT_EQ_INT(memcmp(data.bytes.data, text, data.bytes.size), 0);
}
static void expect_end(tp_actor *self, tp_socket socket) {
    tp_socket_closed closed;
    TP_ASSERT_EQ_INT(tp_active_once(self, socket, 64), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &closed, tp_socket_closed), TP_OK);
    TP_ASSERT_EQ_INT(closed.err, TP_ECLOSED);
}
/* An edge that told of bytes and of the end at once is the last one: neither may be lost. */
static void ends_body(tp_actor *self, void *arg) {
    struct pair pair;
    char bytes[64];
    size_t size;
    for (int late = 0; late < 2; late++) {
        connect_pair(self, &pair, arg);
        if (late)
            TP_ASSERT_EQ_INT(tp_read(self, pair.server, bytes, 1, TP_MS(1), &size),
                             TP_ETIMEDOUT); /* it is watched before anything comes */
        TP_ASSERT_EQ_INT(tp_write(self, pair.client, "abcde", 5, SOON, NULL), TP_OK);
        TP_ASSERT_EQ_INT(tp_shutdown_write(self, pair.client), TP_OK);
        if (late) tp_sleep(self, TP_MS(5));
        expect_data(self, pair.server, 2, "ab");
        expect_data(self, pair.server, 2, "cd");
        expect_data(self, pair.server, 2, "e");
        expect_end(self, pair.server);
        expect_end(self, pair.server); /* and whoever asks again hears it again */
        TP_ASSERT_EQ_INT(tp_write(self, pair.server, "back", 4, SOON, NULL), TP_OK);
        TP_ASSERT_EQ_INT(tp_close(self, pair.server), TP_OK);
        expect_data(self, pair.client, 64, "back");
        TP_ASSERT_EQ_INT(tp_read(self, pair.client, bytes, 64, SOON, &size), TP_ECLOSED);
        close_pair(self, &pair);
    }
}
TP_TEST(socket, bytes_and_the_end_at_once) {
    run_everywhere(ends_body, (void *)(uintptr_t) "tcp://127.0.0.1:0");
    run_everywhere(ends_body, (void *)(uintptr_t) "unix:///tmp/troupe-ends.socket");
}

#define MUCH (TP_SCALED(16) << 20)
/* Echoes what it is told to, slowly at first, so that the writer meets a full socket. */
static void slow_echo(tp_actor *self, void *arg) {
    tell msg;
    char bytes[9973];
    size_t size;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, tell), TP_OK);
    tp_sleep(self, TP_MS(30));
    while (tp_read(self, (tp_socket)msg.n, bytes, sizeof bytes, SOON, &size) == TP_OK)
        TP_ASSERT_EQ_INT(tp_write(self, (tp_socket)msg.n, bytes, size, SOON, NULL), TP_OK);
}
/* Writes until the echo, which nobody reads, writes no more; then reads all. */
static void full_body(tp_actor *self, void *arg) {
    struct pair pair;
    int64_t got = 0;
    size_t size;
    char bytes[8192];
    connect_pair(self, &pair, arg);
    tp_pid echo = tp_spawn_body(self, slow_echo, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_socket_give(self, pair.server, echo), TP_OK);
    tp_send(self, echo, tell, .n = (int64_t)pair.server);
    size_t sent = 0;
    memset(bytes, 'y', sizeof bytes);
    tp_err err = TP_OK;
    while (err == TP_OK && sent < MUCH) {
        size_t done = 0;
        err = tp_write(self, pair.client, bytes, sizeof bytes, TP_MS(200), &done);
        sent += done;
    }
    TP_ASSERT(err == TP_OK || err == TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_shutdown_write(self, pair.client), TP_OK);
    while (tp_read(self, pair.client, bytes, sizeof bytes, SOON, &size) == TP_OK)
        got += (int64_t)size;
    TP_ASSERT_EQ_INT(got, sent);
    close_pair(self, &pair);
}
TP_TEST(socket, full_sockets_lose_nothing) {
    run_everywhere(full_body, (void *)(uintptr_t) "tcp://127.0.0.1:0");
    run_everywhere(full_body, (void *)(uintptr_t) "unix:///tmp/troupe-full.socket");
}

struct plain {
    int nothing;
};
static void on_plain_tell(tp_actor *self, struct plain *plain, const tell *msg) {
    (void)plain;
    if (msg->n == 0) tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(plain_behavior, "plain", struct plain, TP_ON(tell, on_plain_tell));
/* An actor that has nothing but a socket that was given to it: it is closed at its end. */
static void gift_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int kill = 0; kill < 2; kill++) {
        struct pair pair;
        char byte;
        size_t size;
        connect_pair(self, &pair, "tcp://127.0.0.1:0");
        tp_pid plain = tp_spawn(self, &plain_behavior);
        TP_ASSERT_EQ_INT(tp_socket_give(self, pair.server, plain), TP_OK);
        if (kill) tp_kill(self, plain);
        else tp_send(self, plain, tell, .n = 0);
        TP_ASSERT_EQ_INT(tp_read(self, pair.client, &byte, 1, SOON, &size), TP_ECLOSED);
        close_pair(self, &pair);
    }
}
TP_TEST(socket, a_gift_is_closed_with_its_owner) {
    run_everywhere(gift_body, NULL);
}
