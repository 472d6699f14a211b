/*
 * A client of the service: asks, looks at the answer, waits a moment, asks again.
 */
#include <stdio.h>
#include <string.h>

#include "examples/deployment/deployment.h"

#define PATIENCE TP_SECONDS(120)

TP_MESSAGE(ask)

struct client {
    uint32_t port;
    uint64_t seed;
    tp_socket socket;
    tally tally;
};

static bool request(tp_actor *self, struct client *client, struct http_answer *answer) {
    static const char text[] = "GET / HTTP/1.1\r\nHost: service\r\n\r\n";
    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", client->port);
    if (client->socket == 0 && tp_connect(self, url, PATIENCE, &client->socket) != TP_OK)
        return false;
    return tp_write(self, client->socket, text, sizeof text - 1, PATIENCE, NULL) == TP_OK &&
           http_read(self, client->socket, PATIENCE, answer) == TP_OK;
}

static void on_init(tp_actor *self, struct client *client, const load_args *args) {
    client->port = args->port;
    client->seed = args->seed;
    tp_send(self, tp_self(self), ask);
}

static void on_ask(tp_actor *self, struct client *client, const ask *msg) {
    struct http_answer answer;
    unsigned version;
    (void)msg;
    tp_time start = tp_now(self);
    bool good = request(self, client, &answer);
    tp_duration took = tp_now(self) - start;
    if (!good) {
        tp_close(self, client->socket);
        client->socket = 0;
    }
    if (good && answer.status == 200 && sscanf(answer.body, "version %u, ", &version) == 1) {
        client->tally.answers++;
        client->tally.versions |= UINT64_C(1) << (version & 63);
    } else {
        client->tally.failed++;
    }
    if (took > client->tally.longest) client->tally.longest = took;
    tp_duration pause = TP_MS(5) + (tp_duration)(story_random(&client->seed) % 10000000);
    tp_send_after(self, pause, tp_self(self), ask);
}

static void on_stop(tp_actor *self, struct client *client, const load_stop *msg) {
    (void)msg;
    tp_reply_value(self, &tally_message, &client->tally);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR_EXTERN(client_behavior, "client", struct client, TP_INIT_WITH(load_args, on_init),
                   TP_ON(ask, on_ask), TP_ON(load_stop, on_stop));
