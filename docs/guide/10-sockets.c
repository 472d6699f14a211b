/*
 * An echo server twice: by calls, an actor a connection with a straight-line loop; and by
 * messages, one behaviour for all connections, so that an idle one holds no stack.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)
#define CHUNK 4096

TP_MESSAGE(serve, TP_FIELD(u64, socket))
TP_MESSAGE(listening, TP_FIELD(str, url))
TP_MESSAGE(server_args, TP_FIELD(pid, owner))

/* ---- by calls ---- */

static void echo_connection(tp_actor *self, void *arg) {
    char bytes[CHUNK];
    size_t size;
    serve msg;
    (void)arg;
    if (tp_receive(self, PLENTY, &msg, serve) != TP_OK) return;
    while (tp_read(self, msg.socket, bytes, sizeof bytes, PLENTY, &size) == TP_OK)
        if (tp_write(self, msg.socket, bytes, size, PLENTY, NULL) != TP_OK) return;
    /* the end of the actor closes its socket */
}

static tp_err announce(tp_actor *self, tp_socket listener, tp_pid owner) {
    char url[128];
    tp_err err = tp_socket_address(self, listener, url, sizeof url);
    return err != TP_OK ? err : tp_send(self, owner, listening, .url = tp_str_of(url));
}

static void server_by_calls(tp_actor *self, void *arg) {
    const tp_pid *owner = arg;
    tp_socket listener, socket;
    if (tp_listen(self, "tcp://127.0.0.1:0", &listener) != TP_OK) return;
    if (announce(self, listener, *owner) != TP_OK) return;
    while (tp_accept(self, listener, TP_FOREVER, &socket) == TP_OK) {
        tp_pid connection = tp_spawn_body(self, echo_connection, NULL, NULL);
        if (tp_socket_give(self, socket, connection) == TP_OK)
            tp_send(self, connection, serve, .socket = socket);
    }
}

/* ---- by messages ---- */

struct server {
    int connections;
};

static void server_init(tp_actor *self, struct server *server, const server_args *args) {
    tp_socket listener;
    (void)server;
    tp_err err = tp_listen(self, "tcp://127.0.0.1:0", &listener);
    if (err == TP_OK) err = tp_active_once(self, listener, 0);
    if (err == TP_OK) err = announce(self, listener, args->owner);
    if (err != TP_OK) tp_fail(self, "cannot listen: %s", tp_strerror(err));
}

static void on_accepted(tp_actor *self, struct server *server, const tp_socket_accepted *msg) {
    server->connections++;
    tp_active_once(self, msg->socket, CHUNK);
    tp_active_once(self, msg->listener, 0); /* and the next one, please */
}

static void on_data(tp_actor *self, struct server *server, const tp_socket_data *msg) {
    (void)server;
    tp_err err = tp_write(self, msg->socket, msg->bytes.data, msg->bytes.size, TP_SECONDS(5), NULL);
    if (err == TP_OK) tp_active_once(self, msg->socket, CHUNK);
    else tp_close(self, msg->socket);
}

static void on_closed(tp_actor *self, struct server *server, const tp_socket_closed *msg) {
    server->connections--;
    tp_close(self, msg->socket);
}

TP_BEHAVIOR(server_behavior, "server", struct server, TP_INIT_WITH(server_args, server_init),
            TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_data, on_data),
            TP_ON(tp_socket_closed, on_closed));

/* ---- a client ---- */

static void talk(tp_actor *self, const char *url, const char *text) {
    char back[64];
    size_t size, have = 0, length = strlen(text);
    tp_socket socket;
    tp_err err = tp_connect(self, url, PLENTY, &socket);
    if (err == TP_OK) err = tp_write(self, socket, text, length, PLENTY, NULL);
    while (err == TP_OK && have < length && have < sizeof back) {
        err = tp_read(self, socket, back + have, sizeof back - have, PLENTY, &size);
        if (err == TP_OK) have += size;
    }
    if (err == TP_OK) err = tp_shutdown_write(self, socket);
    if (err == TP_OK) err = tp_read(self, socket, back, 1, PLENTY, &size);
    printf("  %.*s, then %s\n", (int)have, back, tp_err_name(err));
    tp_close(self, socket);
}

static void try_server(tp_actor *self, const char *how) {
    listening msg;
    char url[128];
    if (tp_receive(self, PLENTY, &msg, listening) != TP_OK) return;
    snprintf(url, sizeof url, "%.*s", (int)msg.url.size, msg.url.data);
    printf("%s:\n", how);
    talk(self, url, "hello");
    talk(self, url, "once more");
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid me = tp_self(self);
    tp_spawn_body(self, server_by_calls, &me, NULL);
    try_server(self, "by calls");
    tp_spawn(self, &server_behavior, server_args, .owner = me);
    try_server(self, "by messages");
}

int main(void) {
    return tp_run(main_actor, NULL);
}
