/*
 * The router: which replica gets the next request. It knows what the deployment tells it: who is
 * ready, who is to be spared.
 */
#include <string.h>

#include "examples/deployment/deployment.h"

struct place {
    uint32_t id; /* 0: a free place */
    uint32_t port;
    bool ready;
    bool draining;
    uint32_t under_way;
    uint64_t given;
};

struct router {
    size_t last; /* who got the last request */
    uint64_t repeated;
    tp_pid owner; /* the deployment */
    struct place places[REPLICAS_MAX];
};

static struct place *place_of(struct router *router, uint32_t id) {
    for (size_t i = 0; i < REPLICAS_MAX; i++)
        if (router->places[i].id == id) return &router->places[i];
    return NULL;
}

static void on_endpoint(tp_actor *self, struct router *router, const endpoint *msg) {
    struct place *place = place_of(router, msg->id);
    if (place == NULL) place = place_of(router, 0);
    if (place == NULL) return;
    router->owner = tp_sender(self);
    place->id = msg->id;
    place->port = msg->port;
    place->ready = msg->ready;
}

static void on_gone(tp_actor *self, struct router *router, const endpoint_gone *msg) {
    struct place *place = place_of(router, msg->id);
    (void)self;
    if (place != NULL) memset(place, 0, sizeof *place);
}

static void say_drained(tp_actor *self, const struct router *router, const struct place *place) {
    if (place->draining && place->under_way == 0)
        tp_send(self, router->owner, drained, .id = place->id);
}

static void on_drain(tp_actor *self, struct router *router, const drain *msg) {
    struct place *place = place_of(router, msg->id);
    router->owner = tp_sender(self);
    if (place == NULL) {
        tp_send(self, router->owner, drained, .id = msg->id); /* it never was ready */
        return;
    }
    place->draining = true;
    say_drained(self, router, place);
}

/* Among the ready ones, who has the least to do; in turns. */
static struct place *best(struct router *router, uint32_t avoid) {
    struct place *best = NULL;
    for (size_t i = 1; i <= REPLICAS_MAX; i++) {
        struct place *place = &router->places[(router->last + i) % REPLICAS_MAX];
        if (place->id == 0 || place->id == avoid || !place->ready || place->draining) continue;
        if (best == NULL || place->under_way < best->under_way) best = place;
    }
    return best;
}

static void on_pick(tp_actor *self, struct router *router, const pick *msg) {
    struct place *place = best(router, msg->avoid);
    if (place == NULL) place = best(router, 0);
    if (place == NULL) {
        tp_reply(self, picked, .id = 0);
        return;
    }
    router->last = (size_t)(place - router->places);
    place->under_way++;
    place->given++;
    tp_reply(self, picked, .id = place->id, .port = place->port);
}

static void on_finished(tp_actor *self, struct router *router, const finished *msg) {
    struct place *place = place_of(router, msg->id);
    if (msg->again) router->repeated++;
    if (place == NULL) return;
    if (place->under_way > 0) place->under_way--;
    say_drained(self, router, place);
}

static void on_traffic(tp_actor *self, struct router *router, const traffic *msg) {
    const struct place *place = msg->id == 0 ? NULL : place_of(router, msg->id);
    tp_reply(self, traffic_is, .given = place == NULL ? 0 : place->given,
             .repeated = router->repeated);
}

TP_BEHAVIOR_EXTERN(router_behavior, "router", struct router, TP_ON(endpoint, on_endpoint),
                   TP_ON(endpoint_gone, on_gone), TP_ON(drain, on_drain), TP_ON(pick, on_pick),
                   TP_ON(finished, on_finished), TP_ON(traffic, on_traffic));
