/*
 * threads: a thread a connection. The simplest server there is: each reads, thinks and writes as if
 * it were alone. A connection costs a stack and an entry in the kernel's scheduler.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/pizza/pizza.h"

#define STACK 65536 /* the usual 8 MiB would only be reserved, but a limit may count it */

struct guest {
    int descriptor;
    int silence_ms;
};

static bool write_all(int descriptor, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool answer(int descriptor, struct frame *frame, struct span request) {
    char out[ANSWER_MAX];
    bool order;
    size_t size = pizza_answer(request, out, &order);
    frame_clear(frame);
    return write_all(descriptor, out, size);
}

/* Waits for more; true: none came while part of a request is held. */
static bool silent(const struct guest *guest, const struct frame *frame) {
    struct pollfd wait = {.fd = guest->descriptor, .events = POLLIN};
    return frame->used > 0 && poll(&wait, 1, guest->silence_ms) == 0;
}

static void talk(const struct guest *guest, struct frame *frame) {
    char bytes[CHUNK];
    struct span rest, request;
    for (;;) {
        if (silent(guest, frame) && frame_end(frame, &request) &&
            !answer(guest->descriptor, frame, request))
            return;
        ssize_t got = recv(guest->descriptor, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        rest = (struct span){bytes, (size_t)got};
        while (frame_next(frame, &rest, &request))
            if (!answer(guest->descriptor, frame, request)) return;
        frame_hold(frame, rest);
    }
    if (frame_end(frame, &request)) answer(guest->descriptor, frame, request);
}

static void *serve_guest(void *arg) {
    struct guest *guest = arg;
    char held[REQUEST_MAX];
    struct frame frame = {.held = held};
    talk(guest, &frame);
    close(guest->descriptor);
    free(guest);
    return NULL;
}

static bool start_guest(int descriptor, int64_t silence_ms, const pthread_attr_t *attributes) {
    pthread_t thread;
    struct guest *guest = malloc(sizeof *guest);
    if (guest == NULL) return false;
    *guest = (struct guest){descriptor, (int)silence_ms};
    if (pthread_create(&thread, attributes, serve_guest, guest) == 0) return true;
    free(guest);
    return false;
}

int serve_threads(const struct service *service) {
    pthread_attr_t attributes;
    int on = 1, listener = pizza_listen(service->port, false);
    if (listener < 0) return 1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    child_announce(pizza_port(listener));
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (descriptor < 0) { /* out of descriptors, say: give the others time to go */
            poll(NULL, 0, 1);
            continue;
        }
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!start_guest(descriptor, service->silence_ms, &attributes)) close(descriptor);
    }
}
