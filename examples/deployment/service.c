/*
 * The front door: one address for all replicas. A request is a question (GET), so it may be asked
 * again: when the replica that has it breaks, it goes to another one.
 */
#include <stdio.h>
#include <string.h>

#include "examples/common/serve.h"
#include "examples/deployment/deployment.h"

#define REQUEST_SIZE 1024
#define TRIES 8                   /* at so many replicas */
#define PATIENCE TP_SECONDS(60)   /* with one of them; a hung one is killed before */
#define NOBODY TP_MS(5)           /* is ready: ask again after so long, */
#define NOBODY_MAX TP_SECONDS(60) /* and give up after so long */
#define IDLE TP_SECONDS(300)

TP_MESSAGE(welcome, TP_FIELD(u64, socket), TP_FIELD(pid, router))

/* ---- one request ---- */

static bool choose(tp_actor *self, tp_pid router, uint32_t avoid, picked *choice) {
    tp_time deadline = tp_now(self) + NOBODY_MAX;
    do {
        if (tp_call(self, router, TP_FOREVER, choice, picked, pick, .avoid = avoid) != TP_OK)
            return false;
        if (choice->id != 0) return true;
        tp_sleep(self, NOBODY);
    } while (tp_now(self) < deadline);
    return false;
}

/* False: no replica gave an answer. */
static bool pass_on(tp_actor *self, tp_pid router, const char *path, struct http_answer *answer) {
    picked choice = {0};
    for (int i = 0; i < TRIES; i++) {
        if (!choose(self, router, choice.id, &choice)) return false;
        bool good = http_get(self, choice.port, path, PATIENCE, answer) == TP_OK;
        tp_send(self, router, finished, .id = choice.id, .again = !good);
        if (good) return true;
        tp_sleep(self, TP_MS(1) << i);
    }
    return false;
}

static tp_err serve_one(tp_actor *self, const welcome *guest, char *head) {
    struct http_answer answer;
    const char *path = http_path(head);
    if (path == NULL) return http_say(self, guest->socket, 405, "GET only\n");
    if (strcmp(path, "/") != 0)
        return http_say(self, guest->socket, 404, "There is nothing here\n");
    if (!pass_on(self, guest->router, path, &answer))
        return http_say(self, guest->socket, 503, "No replica answers\n");
    return http_say(self, guest->socket, answer.status, answer.body);
}

/* ---- a client ---- */

struct guest {
    size_t used;
    char bytes[REQUEST_SIZE];
};

static void on_welcome(tp_actor *self, struct guest *guest, const welcome *msg) {
    for (;;) {
        char *end = strstr(guest->bytes, "\r\n\r\n");
        if (end == NULL) {
            size_t room = sizeof guest->bytes - 1 - guest->used, got;
            if (room == 0 ||
                tp_read(self, msg->socket, guest->bytes + guest->used, room, IDLE, &got) != TP_OK)
                break;
            guest->used += got;
            continue;
        }
        size_t size = (size_t)(end + 4 - guest->bytes);
        if (serve_one(self, msg, guest->bytes) != TP_OK) break;
        memmove(guest->bytes, guest->bytes + size, sizeof guest->bytes - size);
        memset(guest->bytes + sizeof guest->bytes - size, 0, size);
        guest->used -= size;
    }
    tp_exit(self, TP_EXIT_NORMAL); /* its end closes the socket */
}

TP_BEHAVIOR(guest_behavior, "guest", struct guest, TP_ON(welcome, on_welcome));

/* ---- the door ---- */

struct door {
    tp_socket listener;
    tp_pid router;
};

static void on_init(tp_actor *self, struct door *door, const door_args *args) {
    door->router = args->router;
    unsigned port = serve_open(self, args->port, &door->listener);
    tp_send(self, args->owner, door_open, .port = port);
}

static void on_accepted(tp_actor *self, struct door *door, const tp_socket_accepted *msg) {
    tp_socket socket = msg->socket;
    tp_pid guest = serve_accept(self, door->listener, msg, &guest_behavior, NULL);
    if (!tp_pid_is_null(guest))
        tp_send(self, guest, welcome, .socket = socket, .router = door->router);
}

static void on_not_accepted(tp_actor *self, struct door *door, const tp_socket_closed *msg) {
    (void)msg;
    serve_again(self, door->listener);
}

TP_BEHAVIOR_EXTERN(door_behavior, "door", struct door, TP_INIT_WITH(door_args, on_init),
                   TP_ON(tp_socket_accepted, on_accepted),
                   TP_ON(tp_socket_closed, on_not_accepted));
