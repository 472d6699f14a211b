/*
 * sequential: one client after the other. threads: a thread a client. The same code serves a
 * client; the difference is who runs it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/common/talk.h"
#include "examples/fib/fib.h"

#define STACK 65536

struct client {
    int descriptor;
    int silence_ms;
};

static void answer(int descriptor, struct frame *frame, struct span request) {
    char out[ANSWER_MAX] = NO_NUMBER;
    int64_t n = fib_request(request);
    size_t size = n < 0 ? strlen(out) : fib_print(out, fib(n));
    frame_clear(frame);
    talk_send(descriptor, out, size);
}

static bool silent(const struct client *client, const struct frame *frame) {
    struct pollfd wait = {.fd = client->descriptor, .events = POLLIN};
    return frame->used > 0 && poll(&wait, 1, client->silence_ms) == 0;
}

static void serve(const struct client *client) {
    char bytes[CHUNK], held[REQUEST_MAX];
    struct frame frame = {.held = held};
    struct span rest, request;
    for (;;) {
        if (silent(client, &frame) && frame_end(&frame, &request))
            answer(client->descriptor, &frame, request);
        ssize_t got = recv(client->descriptor, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        rest = (struct span){bytes, (size_t)got};
        while (frame_next(&frame, &rest, &request)) answer(client->descriptor, &frame, request);
        frame_hold(&frame, rest);
    }
    if (frame_end(&frame, &request)) answer(client->descriptor, &frame, request);
    close(client->descriptor);
}

static void *serve_thread(void *arg) {
    serve(arg);
    free(arg);
    return NULL;
}

/* Without a thread for it the client is served here. */
static void start(const struct client *client, bool threads, const pthread_attr_t *attributes) {
    pthread_t thread;
    struct client *copy = threads ? malloc(sizeof *copy) : NULL;
    if (copy != NULL) {
        *copy = *client;
        if (pthread_create(&thread, attributes, serve_thread, copy) == 0) return;
        free(copy);
    }
    serve(client);
}

static int accept_all(const struct service *service, bool threads) {
    pthread_attr_t attributes;
    int on = 1, listener = fib_listen(service->port);
    if (listener < 0) return 1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    child_announce(fib_port(listener));
    for (;;) {
        struct client client = {accept4(listener, NULL, NULL, SOCK_CLOEXEC),
                                (int)service->silence_ms};
        setsockopt(client.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (client.descriptor >= 0) start(&client, threads, &attributes);
        else poll(NULL, 0, 1);
    }
}

int serve_sequential(const struct service *service) {
    return accept_all(service, false);
}

int serve_threads(const struct service *service) {
    return accept_all(service, true);
}
