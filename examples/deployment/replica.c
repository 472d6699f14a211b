/*
 * A replica: one actor in a process of its own, with a port of its own and all its connections.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/common/serve.h"
#include "examples/deployment/deployment.h"

#define GUESTS 64
#define REQUEST_SIZE 1024
#define ENOUGH 16 /* requests at once; with more it is not ready for others */
#define BOOT TP_MS(100)
#define WORK TP_MS(2) /* that a request takes: a database would be asked */
#define AGAIN TP_MS(10)

TP_MESSAGE(booted)
TP_MESSAGE(worked, TP_FIELD(u64, socket))
TP_MESSAGE(relisten)

struct guest {
    tp_socket socket; /* 0: a free place */
    bool busy;        /* its request is being worked on */
    size_t used;
    char request[REQUEST_SIZE];
};

struct replica {
    uint32_t id, version;
    int32_t fault;
    bool is_up;
    unsigned busy;
    tp_socket listener;
    struct guest guests[GUESTS];
};

static struct guest *guest_of(struct replica *replica, tp_socket socket) {
    for (size_t i = 0; i < GUESTS; i++)
        if (replica->guests[i].socket == socket) return &replica->guests[i];
    return NULL;
}

static void dismiss(tp_actor *self, struct replica *replica, struct guest *guest) {
    if (guest->busy) replica->busy--;
    tp_close(self, guest->socket);
    memset(guest, 0, sizeof *guest);
}

/* ---- its life ---- */

static void on_init(tp_actor *self, struct replica *replica, const replica_args *args) {
    replica->id = args->id;
    replica->version = args->version;
    replica->fault = args->fault;
    unsigned port = serve_open(self, 0, &replica->listener);
    tp_send(self, args->owner, replica_up, .id = args->id, .port = port, .process = getpid());
    tp_send_after(self, BOOT, tp_self(self), booted);
}

static void on_booted(tp_actor *self, struct replica *replica, const booted *msg) {
    (void)self;
    (void)msg;
    if (replica->fault == FAULT_CRASHES) _exit(3); /* a setting is missing, say */
    replica->is_up = true;
}

/* ---- requests ---- */

static void answer(tp_actor *self, struct replica *replica, struct guest *guest, int status,
                   const char *text) {
    http_say(self, guest->socket, status, text);
    dismiss(self, replica, guest);
}

static void begin(tp_actor *self, struct replica *replica, struct guest *guest, bool lasting) {
    guest->busy = true;
    replica->busy++;
    if (!lasting) tp_send_after(self, WORK, tp_self(self), worked, .socket = guest->socket);
    if (tp_active_once(self, guest->socket, REQUEST_SIZE) != TP_OK) dismiss(self, replica, guest);
}

static void take(tp_actor *self, struct replica *replica, struct guest *guest) {
    const char *path = http_path(guest->request);
    bool ready = replica->is_up && replica->fault == FAULT_NONE && replica->busy < ENOUGH;
    if (path == NULL) answer(self, replica, guest, 405, "GET only\n");
    else if (strcmp(path, "/") == 0) begin(self, replica, guest, false);
    else if (strcmp(path, "/hold") == 0) begin(self, replica, guest, true);
    else if (strcmp(path, "/healthz") == 0) answer(self, replica, guest, 200, "alive\n");
    else if (strcmp(path, "/readyz") == 0)
        answer(self, replica, guest, ready ? 200 : 503, ready ? "ready\n" : "not now\n");
    else if (strcmp(path, "/hang") == 0)
        for (;;) pause(); /* a lock that nobody gives back, say */
    else answer(self, replica, guest, 404, "There is nothing here\n");
}

static void on_worked(tp_actor *self, struct replica *replica, const worked *msg) {
    char text[128];
    struct guest *guest = guest_of(replica, msg->socket);
    if (guest == NULL) return; /* its client has gone */
    snprintf(text, sizeof text, "version %u, replica %u, process %d\n", replica->version,
             replica->id, (int)getpid());
    answer(self, replica, guest, 200, text);
}

static void on_data(tp_actor *self, struct replica *replica, const tp_socket_data *msg) {
    struct guest *guest = guest_of(replica, msg->socket);
    if (guest == NULL) return;
    if (!guest->busy) { /* else: a second request, which is not for us */
        size_t room = REQUEST_SIZE - 1 - guest->used;
        size_t size = msg->bytes.size < room ? msg->bytes.size : room;
        memcpy(guest->request + guest->used, msg->bytes.data, size);
        guest->used += size;
        if (strstr(guest->request, "\r\n\r\n") != NULL) {
            take(self, replica, guest);
            return;
        }
    }
    if (guest->used == REQUEST_SIZE - 1 || tp_active_once(self, msg->socket, REQUEST_SIZE) != TP_OK)
        dismiss(self, replica, guest);
}

/* ---- connections ---- */

static void on_accepted(tp_actor *self, struct replica *replica, const tp_socket_accepted *msg) {
    struct guest *guest = guest_of(replica, 0);
    tp_active_once(self, replica->listener, 0);
    if (guest == NULL || tp_active_once(self, msg->socket, REQUEST_SIZE) != TP_OK) {
        tp_close(self, msg->socket);
        return;
    }
    guest->socket = msg->socket;
}

static void on_closed(tp_actor *self, struct replica *replica, const tp_socket_closed *msg) {
    struct guest *guest = guest_of(replica, msg->socket);
    if (msg->socket == replica->listener) tp_send_after(self, AGAIN, tp_self(self), relisten);
    else if (guest != NULL) dismiss(self, replica, guest);
}

static void on_relisten(tp_actor *self, struct replica *replica, const relisten *msg) {
    (void)msg;
    tp_active_once(self, replica->listener, 0);
}

TP_BEHAVIOR_EXTERN(replica_behavior, "replica", struct replica, TP_INIT_WITH(replica_args, on_init),
                   TP_ON(booted, on_booted), TP_ON(worked, on_worked),
                   TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_data, on_data),
                   TP_ON(tp_socket_closed, on_closed), TP_ON(relisten, on_relisten));
