/*
 * The front door: one address for all replicas. A request is a question (GET), so it may be asked
 * again: when the replica that has it breaks, it goes to another one.
 */
#include <stdio.h>
#include <string.h>

#include "examples/deployment/deployment.h"

#define REQUEST_SIZE 1024
#define TRIES 8                   /* at so many replicas */
#define PATIENCE TP_SECONDS(60)   /* with one of them; a hung one is killed before */
#define NOBODY TP_MS(5)           /* is ready: ask again after so long, */
#define NOBODY_MAX TP_SECONDS(60) /* and give up after so long */
#define IDLE TP_SECONDS(300)
#define AGAIN TP_MS(10)

TP_MESSAGE(welcome, TP_FIELD(u64, socket), TP_FIELD(pid, router))
TP_MESSAGE(reopen)

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
    char url[64];
    unsigned port = 0;
    door->router = args->router;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", args->port);
    tp_err err = tp_listen(self, url, &door->listener);
    if (err == TP_OK) err = tp_active_once(self, door->listener, 0);
    if (err == TP_OK) err = tp_socket_address(self, door->listener, url, sizeof url);
    if (err != TP_OK) tp_fail(self, "cannot listen: %s", tp_strerror(err));
    sscanf(strrchr(url, ':'), ":%u", &port);
    tp_send(self, args->owner, door_open, .port = port);
}

static void on_accepted(tp_actor *self, struct door *door, const tp_socket_accepted *msg) {
    tp_pid guest = tp_spawn(self, &guest_behavior);
    if (tp_pid_is_null(guest) || tp_socket_give(self, msg->socket, guest) != TP_OK)
        tp_close(self, msg->socket);
    else tp_send(self, guest, welcome, .socket = msg->socket, .router = door->router);
    tp_active_once(self, door->listener, 0);
}

static void on_not_accepted(tp_actor *self, struct door *door, const tp_socket_closed *msg) {
    (void)door;
    (void)msg;
    tp_send_after(self, AGAIN, tp_self(self), reopen);
}

static void on_reopen(tp_actor *self, struct door *door, const reopen *msg) {
    (void)msg;
    tp_active_once(self, door->listener, 0);
}

TP_BEHAVIOR_EXTERN(door_behavior, "door", struct door, TP_INIT_WITH(door_args, on_init),
                   TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_closed, on_not_accepted),
                   TP_ON(reopen, on_reopen));
