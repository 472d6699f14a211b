/*
 * busy and reactor: one thread, descriptors that never block.
 *
 * The busy server asks every connection again and again whether something has come. The reactor
 * asks the kernel which ones are ready (epoll) and sleeps until one is; it is also the bare epoll
 * server that the actors are measured against, so it does nothing that it need not.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/pizza/pizza.h"

#define EVENTS 256

struct guest {
    struct guest *next, *previous; /* of the list of those that hold part of a request */
    int descriptor;
    bool ended;         /* its stream has; it goes when everything is out */
    bool writes;        /* the poller waits for room, not for requests */
    int64_t heard_ms;   /* when the last part came */
    struct frame frame; /* its buffer is there while something is held */
    char *out;          /* answers that the peer has not taken yet */
    uint32_t out_used, out_sent;
};

struct loop {
    const struct service *service;
    int listener;
    int epoll;
    struct guest holding;  /* a ring, the longest silence first */
    struct guest **guests; /* busy: all of them */
    size_t count, room;
};

/* ---- a guest ---- */

static void unlist(struct guest *guest) {
    if (guest->next == NULL) return;
    guest->next->previous = guest->previous;
    guest->previous->next = guest->next;
    guest->next = NULL;
}

static void list_last(struct loop *loop, struct guest *guest) {
    unlist(guest);
    guest->heard_ms = story_now_ms();
    guest->next = &loop->holding;
    guest->previous = loop->holding.previous;
    guest->previous->next = guest;
    loop->holding.previous = guest;
}

static void drop_guest(struct guest *guest) {
    unlist(guest);
    close(guest->descriptor);
    free(guest->frame.held);
    free(guest->out);
    free(guest);
}

/* False: the connection is broken. What does not go out now is kept. */
static bool put_out(struct guest *guest, const char *bytes, size_t size) {
    ssize_t sent = 0;
    if (size > 0 && guest->out_used == 0) {
        do sent = send(guest->descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent < 0) sent = 0;
    }
    if ((size_t)sent == size) return true;
    size_t left = size - (size_t)sent;
    char *grown = realloc(guest->out, guest->out_used + left);
    if (grown == NULL) return false;
    memcpy(grown + guest->out_used, bytes + sent, left);
    guest->out = grown;
    guest->out_used += (uint32_t)left;
    return true;
}

/* Sends what was kept; false: broken. */
static bool flush_out(struct guest *guest) {
    if (guest->out == NULL) return true;
    ssize_t sent = send(guest->descriptor, guest->out + guest->out_sent,
                        guest->out_used - guest->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    guest->out_sent += (uint32_t)sent;
    if (guest->out_sent < guest->out_used) return true;
    free(guest->out);
    guest->out = NULL;
    guest->out_used = guest->out_sent = 0;
    return true;
}

static bool hold(struct loop *loop, struct guest *guest, struct span rest) {
    if (rest.size > 0) {
        if (guest->frame.held == NULL) guest->frame.held = malloc(REQUEST_MAX);
        if (guest->frame.held == NULL) return false;
        frame_hold(&guest->frame, rest);
        list_last(loop, guest);
    } else if (guest->frame.used == 0 && guest->frame.held != NULL) {
        unlist(guest);
        free(guest->frame.held);
        guest->frame.held = NULL;
    }
    return true;
}

/* All whole requests of a chunk, their answers in as few writes as possible. */
static bool answer_all(struct guest *guest, struct span *rest) {
    char out[4 * ANSWER_MAX];
    size_t used = 0;
    bool order;
    struct span request;
    while (frame_next(&guest->frame, rest, &request)) {
        used += pizza_answer(request, out + used, &order);
        frame_clear(&guest->frame);
        if (used + ANSWER_MAX <= sizeof out) continue;
        if (!put_out(guest, out, used)) return false;
        used = 0;
    }
    return put_out(guest, out, used);
}

static bool answer_held(struct loop *loop, struct guest *guest) {
    struct span request, nothing = {0};
    char out[ANSWER_MAX];
    bool order;
    if (!frame_end(&guest->frame, &request)) return true;
    size_t size = pizza_answer(request, out, &order);
    frame_clear(&guest->frame);
    return hold(loop, guest, nothing) && put_out(guest, out, size);
}

/* Takes what has come. False: the guest is to go. A peer that does not take its answers is not
 * listened to. */
static bool hear(struct loop *loop, struct guest *guest) {
    char bytes[CHUNK];
    if (!flush_out(guest)) return false;
    if (guest->out != NULL) return true;
    if (guest->ended) return false;
    ssize_t got = recv(guest->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        guest->ended = true;
        return answer_held(loop, guest) && guest->out != NULL;
    }
    struct span rest = {bytes, (size_t)got};
    return answer_all(guest, &rest) && hold(loop, guest, rest);
}

static struct guest *accept_guest(struct loop *loop) {
    int on = 1, descriptor = accept4(loop->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) return NULL;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct guest *guest = calloc(1, sizeof *guest);
    if (guest == NULL) {
        close(descriptor);
        return NULL;
    }
    guest->descriptor = descriptor;
    return guest;
}

/* Answers those who have been silent; the milliseconds until the next one, -1: there is none. */
static int hear_silence(struct loop *loop,
                        void (*settle)(struct loop *loop, struct guest *guest, bool stays)) {
    while (loop->holding.next != &loop->holding) {
        struct guest *guest = loop->holding.next;
        int64_t left = guest->heard_ms + loop->service->silence_ms - story_now_ms();
        if (left > 0) return (int)left;
        settle(loop, guest, answer_held(loop, guest));
    }
    return -1;
}

static bool loop_begin(struct loop *loop, const struct service *service, bool shared) {
    *loop = (struct loop){.service = service, .listener = pizza_listen(service->port, shared)};
    loop->holding.next = loop->holding.previous = &loop->holding;
    return loop->listener >= 0 && fcntl(loop->listener, F_SETFL, O_NONBLOCK) == 0;
}

/* ---- busy ---- */

static void busy_settle(struct loop *loop, struct guest *guest, bool stays) {
    if (stays) return;
    for (size_t i = 0; i < loop->count; i++)
        if (loop->guests[i] == guest) loop->guests[i] = loop->guests[--loop->count];
    drop_guest(guest);
}

/* False: nobody is at the door. */
static bool busy_accept(struct loop *loop) {
    struct guest *guest = accept_guest(loop);
    if (guest == NULL) return false;
    if (loop->count == loop->room) {
        size_t room = loop->room == 0 ? 64 : 2 * loop->room;
        struct guest **grown = realloc(loop->guests, room * sizeof(struct guest *));
        if (grown == NULL) {
            drop_guest(guest);
            return true;
        }
        loop->guests = grown;
        loop->room = room;
    }
    loop->guests[loop->count++] = guest;
    return true;
}

int serve_busy(const struct service *service) {
    struct loop loop;
    if (!loop_begin(&loop, service, false)) return 1;
    child_announce(pizza_port(loop.listener));
    for (;;) {
        while (busy_accept(&loop)) continue;
        for (size_t i = loop.count; i-- > 0;)
            busy_settle(&loop, loop.guests[i], hear(&loop, loop.guests[i]));
        hear_silence(&loop, busy_settle);
    }
}

/* ---- reactor ---- */

static void reactor_accept(struct loop *loop) {
    struct guest *guest = accept_guest(loop);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = guest};
    if (guest == NULL) return;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, guest->descriptor, &event) != 0) drop_guest(guest);
}

/* Watches for what the guest waits for: the next request, or room for its answers. */
static void reactor_settle(struct loop *loop, struct guest *guest, bool stays) {
    bool writes = guest->out != NULL;
    struct epoll_event event = {.events = writes ? EPOLLOUT : EPOLLIN, .data.ptr = guest};
    if (!stays) {
        drop_guest(guest);
    } else if (writes != guest->writes) {
        guest->writes = writes;
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, guest->descriptor, &event);
    }
}

static void *reactor_run(void *arg) {
    struct loop *loop = arg;
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->listener, &event);
    for (;;) {
        int wait = hear_silence(loop, reactor_settle);
        int found = epoll_wait(loop->epoll, events, EVENTS, wait);
        for (int i = 0; i < found; i++) {
            struct guest *guest = events[i].data.ptr;
            if (guest == NULL) reactor_accept(loop);
            else reactor_settle(loop, guest, hear(loop, guest));
        }
    }
    return NULL;
}

int serve_reactor(const struct service *service) {
    struct service all = *service;
    int64_t workers = service->workers > 0 ? service->workers : 1;
    struct loop *loops = calloc((size_t)workers, sizeof *loops);
    if (loops == NULL) return 1;
    for (int64_t i = 0; i < workers; i++) {
        if (!loop_begin(&loops[i], &all, workers > 1)) return 1;
        all.port = pizza_port(loops[i].listener);
    }
    child_announce(pizza_port(loops[0].listener));
    for (int64_t i = 1; i < workers; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, reactor_run, &loops[i]) != 0) return 1;
    }
    reactor_run(&loops[0]);
    return 1;
}
