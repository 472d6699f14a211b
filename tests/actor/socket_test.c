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
