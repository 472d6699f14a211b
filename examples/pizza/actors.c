/*
 * actors: an actor a connection. Bytes come as messages (active once), so a connection between
 * requests is an idle actor and a small record in the socket's table: no stack, no thread.
 *
 * With the kitchen on, every order is accepted there before the guest hears "Thank you".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/troupe.h>

#include "examples/common/serve.h"
#include "examples/pizza/kitchen.h"
#include "examples/pizza/pizza.h"

#define PATIENCE TP_SECONDS(10) /* for a peer to take its answers */

TP_MESSAGE(seat, TP_FIELD(u64, socket), TP_FIELD(i64, silence), TP_FIELD(bool, kitchen))
TP_MESSAGE(door_args, TP_FIELD(u32, port), TP_FIELD(i64, silence), TP_FIELD(bool, kitchen))

/* ---- a guest ---- */

struct waiting { /* for the kitchen: an order is out, what came after it is kept */
    size_t answer_size, rest_size, rest_at;
    char answer[ANSWER_MAX];
    char rest[CHUNK];
};

struct guest {
    tp_socket socket;
    struct frame frame;
    tp_duration silence;
    struct waiting *waiting;
    bool kitchen;
    bool ended;
};

static void on_seat(tp_actor *self, struct guest *guest, const seat *msg) {
    guest->socket = msg->socket;
    guest->silence = msg->silence;
    guest->kitchen = msg->kitchen;
    if (tp_active_once(self, msg->socket, CHUNK) != TP_OK) tp_exit(self, TP_EXIT_NORMAL);
}

static void say(tp_actor *self, struct guest *guest, const char *bytes, size_t size) {
    if (size > 0 && tp_write(self, guest->socket, bytes, size, PATIENCE, NULL) != TP_OK)
        tp_exit(self, TP_EXIT_NORMAL); /* its end closes the socket */
}

/* The rest of a chunk, kept until more comes or the silence is too long. */
static void hold(tp_actor *self, struct guest *guest, struct span rest) {
    if (rest.size > 0 && guest->frame.held == NULL) guest->frame.held = tp_alloc(self, REQUEST_MAX);
    if (rest.size > 0 && guest->frame.held == NULL) tp_exit(self, TP_EXIT_NOMEM);
    frame_hold(&guest->frame, rest);
    if (guest->frame.used > 0) tp_set_timeout(self, guest->silence);
    if (guest->frame.used > 0 || guest->frame.held == NULL) return;
    tp_free(self, guest->frame.held);
    guest->frame.held = NULL;
}

/* The answer waits for the kitchen, and so does what came behind the order. */
static void order_pizza(tp_actor *self, struct guest *guest, const char *answer, size_t size,
                        struct span request, struct span rest) {
    struct waiting *waiting = tp_alloc(self, sizeof *waiting);
    if (waiting == NULL) tp_exit(self, TP_EXIT_NOMEM);
    waiting->answer_size = size;
    waiting->rest_size = rest.size;
    waiting->rest_at = 0;
    memcpy(waiting->answer, answer, size);
    if (rest.size > 0) memcpy(waiting->rest, rest.data, rest.size);
    guest->waiting = waiting;
    kitchen_order(self, number_low(request));
}

/* Answers what is whole; false: an order went to the kitchen. */
static bool answer_all(tp_actor *self, struct guest *guest, struct span *rest) {
    char out[4 * ANSWER_MAX];
    size_t used = 0;
    bool order;
    struct span request;
    while (frame_next(&guest->frame, rest, &request)) {
        size_t size = pizza_answer(request, out + used, &order);
        frame_clear(&guest->frame);
        if (order && guest->kitchen) {
            order_pizza(self, guest, out + used, size, request, *rest);
            say(self, guest, out, used);
            return false;
        }
        used += size;
        if (used + ANSWER_MAX <= sizeof out) continue;
        say(self, guest, out, used);
        used = 0;
    }
    say(self, guest, out, used);
    return true;
}

/* The silence, or the end of the stream: what is held is a request. */
static bool answer_held(tp_actor *self, struct guest *guest) {
    struct span request, nothing = {0};
    char out[ANSWER_MAX];
    bool order;
    if (!frame_end(&guest->frame, &request)) return true;
    size_t size = pizza_answer(request, out, &order);
    frame_clear(&guest->frame);
    if (order && guest->kitchen) order_pizza(self, guest, out, size, request, nothing);
    else say(self, guest, out, size);
    hold(self, guest, nothing);
    return guest->waiting == NULL;
}

static void go_on(tp_actor *self, struct guest *guest, struct span rest) {
    if (!answer_all(self, guest, &rest)) return;
    hold(self, guest, rest);
    if (!guest->ended && tp_active_once(self, guest->socket, CHUNK) != TP_OK)
        tp_exit(self, TP_EXIT_NORMAL);
    if (guest->ended && answer_held(self, guest)) tp_exit(self, TP_EXIT_NORMAL);
}

static void on_data(tp_actor *self, struct guest *guest, const tp_socket_data *msg) {
    go_on(self, guest, (struct span){(const char *)msg->bytes.data, msg->bytes.size});
}

static void on_accepted(tp_actor *self, struct guest *guest, const order_accepted *msg) {
    struct waiting *waiting = guest->waiting;
    (void)msg;
    if (waiting == NULL) return;
    guest->waiting = NULL;
    say(self, guest, waiting->answer, waiting->answer_size);
    struct span rest = {waiting->rest, waiting->rest_size};
    go_on(self, guest, rest);
    tp_free(self, waiting);
}

static void on_silence(tp_actor *self, struct guest *guest) {
    if (guest->waiting == NULL) answer_held(self, guest);
}

static void on_closed(tp_actor *self, struct guest *guest, const tp_socket_closed *msg) {
    if (msg->err != TP_ECLOSED) tp_exit(self, TP_EXIT_NORMAL);
    guest->ended = true;
    if (guest->waiting == NULL && answer_held(self, guest)) tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(guest_behavior, "guest", struct guest, TP_ON(tp_socket_data, on_data),
            TP_ON(order_accepted, on_accepted), TP_ON(tp_socket_closed, on_closed),
            TP_ON(seat, on_seat), TP_TIMEOUT(on_silence));

/* ---- the door ---- */

struct door {
    tp_socket listener;
    door_args args;
};

static void door_init(tp_actor *self, struct door *door, const door_args *args) {
    door->args = *args;
    serve_listen(self, args->port, &door->listener);
}

static void on_guest(tp_actor *self, struct door *door, const tp_socket_accepted *msg) {
    tp_socket socket = msg->socket;
    tp_pid guest = serve_accept(self, door->listener, msg, &guest_behavior, NULL);
    if (!tp_pid_is_null(guest))
        tp_send(self, guest, seat, .socket = socket, .silence = door->args.silence,
                .kitchen = door->args.kitchen);
}

static void on_no_guest(tp_actor *self, struct door *door, const tp_socket_closed *msg) {
    (void)msg;
    serve_again(self, door->listener);
}

TP_BEHAVIOR(door_behavior, "door", struct door, TP_INIT_WITH(door_args, door_init),
            TP_ON(tp_socket_accepted, on_guest), TP_ON(tp_socket_closed, on_no_guest));

/* ---- the service ---- */

static void house(tp_actor *self, void *arg) {
    const struct service *service = arg;
    tp_duration silence = TP_MS(service->silence_ms);
    tp_pid door;
    if (service->kitchen != 0 && !kitchen_open(self, service->kill_every, 0, true)) return;
    if (tp_start(self, &door, &door_behavior, &tp_spawn_linked, TP_SECONDS(10), NULL, door_args,
                 .port = service->port, .silence = silence,
                 .kitchen = service->kitchen != 0) != TP_OK)
        return;
    serve_until_stopped(self);
}

/* Runs until a signal; the kitchen's book is printed at the end. */
int serve_actors(const struct service *service) {
    struct service copy = *service;
    tp_options options = {.workers = (unsigned)service->workers};
    return serve(&options, house, &copy);
}
