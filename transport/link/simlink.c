/*
 * The simulated network as a link: streams whose bytes take time, in order or not at all, and
 * attempts to connect. Whatever happens is a turn that the loop in simnet.c takes at a time it
 * chooses, among all that may happen at that moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "transport/link/simnet.h"

#define CONNECT_TIMEOUT TP_SECONDS(7)
#define FIRST_PORT 40000u

static struct tpi_end *end_of(struct tpi_stream *base) {
    return (struct tpi_end *)(void *)base;
}

/* ---- streams ---- */

static void stream_start(struct tpi_stream *base) {
    end_of(base)->started = true;
}

static void stream_wake(struct tpi_stream *base) {
    end_of(base)->woken = true;
}

static void drop_packet(struct tpi_end *end, struct tpi_packet *packet) {
    tpi_list_remove(&packet->link);
    end->flying -= packet->size - packet->taken;
    free(packet);
}

/* Loses what is on its way to this end, from a random point on. */
static void lose(struct tp_simnet *net, struct tpi_end *end) {
    size_t keep = (size_t)tpi_simnet_draw(net, end->flying + 1), seen = 0;
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&end->packets, link, spare) {
        struct tpi_packet *packet = TPI_CONTAINER_OF(link, struct tpi_packet, link);
        size_t size = packet->size - packet->taken;
        if (seen + size > keep) {
            size_t more = keep > seen ? keep - seen : 0;
            net->counters.lost += size - more;
            end->flying -= size - more;
            packet->size = packet->taken + more;
            if (more == 0) drop_packet(end, packet);
            keep = 0;
        }
        seen += size;
    }
}

/* This end will hear that the peer sends no more. */
static void finish(struct tp_simnet *net, struct tpi_end *end) {
    if (end->fin_at != TP_FOREVER) return;
    tp_time last = end->last > net->now ? end->last : net->now;
    end->fin_at = last + tpi_simnet_delay(net);
}

void tpi_simlink_reset(struct tp_simnet *net, struct tpi_end *end) {
    struct tpi_end *ends[] = {end, end->peer};
    net->counters.resets++;
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] == NULL) continue;
        lose(net, ends[i]);
        finish(net, ends[i]);
    }
}

static void stream_close(struct tpi_stream *base) {
    struct tpi_end *end = end_of(base);
    struct tp_simnet *net = end->machine->net;
    if (end->closing) return;
    end->closing = true;
    if (end->peer == NULL || end->machine->dead) return;
    /* with unread bytes, or by linger: a reset, which overtakes what was written */
    if (end->flying > 0 || tpi_simnet_draw(net, 2) == 0) lose(net, end->peer);
    finish(net, end->peer);
}

static void stream_free(struct tpi_stream *base) {
    struct tpi_end *end = end_of(base);
    stream_close(base);
    if (end->peer != NULL) end->peer->peer = NULL;
    for (struct tpi_list *next, *at = end->packets.next; at != &end->packets; at = next) {
        next = at->next;
        drop_packet(end, TPI_CONTAINER_OF(at, struct tpi_packet, link));
    }
    tpi_list_remove(&end->link);
    free(end);
}

static const struct tpi_stream_ops stream_ops = {stream_start, stream_wake, stream_close,
                                                 stream_free};

static struct tpi_end *end_new(struct tpi_machine *machine, struct tpi_machine *other) {
    struct tpi_end *end = calloc(1, sizeof *end);
    if (end == NULL) return NULL;
    end->base.ops = &stream_ops;
    end->machine = machine;
    end->other = other;
    end->fin_at = TP_FOREVER;
    tpi_list_init(&end->packets);
    tpi_list_init(&end->link);
    tpi_list_push_back(&machine->net->ends, &end->link);
    return end;
}

static bool pair_new(struct tpi_machine *a, struct tpi_machine *b, struct tpi_end **at_a,
                     struct tpi_end **at_b) {
    *at_a = end_new(a, b);
    *at_b = end_new(b, a);
    if (*at_a != NULL && *at_b != NULL) {
        (*at_a)->peer = *at_b;
        (*at_b)->peer = *at_a;
        return true;
    }
    if (*at_a != NULL) stream_free(&(*at_a)->base);
    if (*at_b != NULL) stream_free(&(*at_b)->base);
    return false;
}

/* ---- turns of a stream ---- */

static bool send_packet(struct tp_simnet *net, struct tpi_end *to, const uint8_t *bytes,
                        size_t size) {
    struct tpi_packet *packet = malloc(sizeof *packet + size);
    if (packet == NULL) return false;
    tp_time at = net->now + tpi_simnet_delay(net);
    if (to->last > at) at = to->last;
    if (to->machine->rate > 0) at += (tp_time)(size * 1000000000u / to->machine->rate);
    packet->at = to->last = at;
    packet->size = size;
    packet->taken = 0;
    memcpy(packet->bytes, bytes, size);
    tpi_list_init(&packet->link);
    tpi_list_push_back(&to->packets, &packet->link);
    to->flying += size;
    return true;
}

static void take_send(struct tp_simnet *net, void *what) {
    struct tpi_end *end = what;
    const uint8_t *bytes = NULL;
    size_t size = end->base.handler->fill(end->base.context, &bytes);
    tpi_simnet_mix(net, (uint64_t)size << 16 | end->machine->index);
    if (size == 0) {
        end->woken = false;
        return;
    }
    /* what is written behind a reset goes nowhere: nothing may follow a hole */
    if (end->peer == NULL || end->closing || end->peer->fin_at != TP_FOREVER) {
        net->counters.lost += size;
        return;
    }
    if (!send_packet(net, end->peer, bytes, size)) net->failed = true;
    net->counters.writes++;
    if (net->options.resets > 0 && tpi_simnet_draw(net, net->options.resets) == 0)
        tpi_simlink_reset(net, end);
}

/* Bytes arrive: a packet, or one of the two parts it was cut into. */
static void take_receive(struct tp_simnet *net, void *what) {
    struct tpi_end *end = what;
    struct tpi_packet *packet = TPI_CONTAINER_OF(end->packets.next, struct tpi_packet, link);
    size_t size = packet->size - packet->taken;
    const uint8_t *at = packet->bytes + packet->taken;
    if (size > 1 && tpi_simnet_draw(net, 4) == 0) size = 1 + (size_t)tpi_simnet_draw(net, size - 1);
    tpi_simnet_mix(net, (uint64_t)size << 16 | 1u << 8 | end->machine->index);
    net->counters.bytes += size;
    packet->taken += size;
    end->flying -= size;
    bool over = packet->taken == packet->size;
    if (over) tpi_list_remove(&packet->link);
    if (!end->base.handler->received(end->base.context, at, size)) stream_close(&end->base);
    if (over) free(packet);
}

/* What closes last, tells last. */
static void take_close(struct tp_simnet *net, void *what) {
    struct tpi_end *end = what;
    tp_err why = end->closing ? TP_ECANCELED : TP_ECLOSED;
    end->told = true;
    stream_close(&end->base);
    tpi_simnet_mix(net, 2u << 8 | end->machine->index);
    end->base.handler->closed(end->base.context, why);
}

static void end_turns(struct tp_simnet *net, struct tpi_end *end) {
    if (!end->started || end->told || end->machine->paused) return;
    if (end->closing) {
        tpi_simnet_turn(net, take_close, end);
        return;
    }
    bool room = end->peer == NULL || end->peer->flying < net->options.buffer;
    if (end->woken && room && !end->machine->dead) tpi_simnet_turn(net, take_send, end);
    if (!tpi_simnet_passes(net, end->other, end->machine)) return;
    if (tpi_list_empty(&end->packets)) {
        if (end->fin_at <= net->now) tpi_simnet_turn(net, take_close, end);
    } else if (TPI_CONTAINER_OF(end->packets.next, struct tpi_packet, link)->at <= net->now) {
        tpi_simnet_turn(net, take_receive, end);
    }
}

static tp_time end_next(const struct tp_simnet *net, const struct tpi_end *end) {
    if (!end->started || end->told || end->machine->paused) return TP_FOREVER;
    if (!tpi_simnet_passes(net, end->other, end->machine)) return TP_FOREVER;
    if (tpi_list_empty(&end->packets)) return end->fin_at;
    return TPI_CONTAINER_OF(end->packets.next, struct tpi_packet, link)->at;
}

/* ---- attempts ---- */

static struct tpi_sim_listener *find_listener(struct tp_simnet *net, const char *url) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&net->listeners, link, spare) {
        struct tpi_sim_listener *listener = TPI_CONTAINER_OF(link, struct tpi_sim_listener, link);
        if (strcmp(listener->base.url, url) == 0) return listener;
    }
    return NULL;
}

static void attempt_over(struct tpi_sim_attempt *attempt, tp_err err) {
    struct tpi_end *end = attempt->end;
    struct tp_simnet *net = attempt->machine->net;
    attempt->end = NULL;
    tpi_list_remove(&attempt->link);
    if (err != TP_OK && end != NULL) stream_free(&end->base);
    if (err != TP_OK) net->counters.refused++;
    tpi_simnet_mix(net, 3u << 8 | (uint64_t)err << 16 | attempt->machine->index);
    attempt->connected(attempt->context, err, err == TP_OK ? &end->base : NULL);
}

static bool both_ways(const struct tp_simnet *net, const struct tpi_machine *a,
                      const struct tpi_machine *b) {
    return tpi_simnet_passes(net, a, b) && tpi_simnet_passes(net, b, a);
}

/* The other side takes it, or refuses; or nothing is heard of it for now. */
static void attempt_reach(struct tp_simnet *net, struct tpi_sim_attempt *attempt) {
    struct tpi_sim_listener *listener = find_listener(net, attempt->url);
    struct tpi_end *there = NULL;
    attempt->at = net->now + tpi_simnet_delay(net);
    if (listener == NULL) {
        attempt_over(attempt, TP_EREFUSED);
        return;
    }
    if (!both_ways(net, attempt->machine, listener->machine) || listener->machine->paused) {
        attempt->at = net->now + TP_MS(250); /* the first packet is sent again */
        return;
    }
    if (!pair_new(attempt->machine, listener->machine, &attempt->end, &there)) {
        attempt->end = NULL;
        attempt_over(attempt, TP_ENOMEM);
        return;
    }
    net->counters.connections++;
    listener->accepted(listener->context, &there->base);
}

static void take_attempt(struct tp_simnet *net, void *what) {
    struct tpi_sim_attempt *attempt = what;
    if (net->now >= attempt->until) attempt_over(attempt, TP_ETIMEDOUT);
    else if (attempt->end == NULL) attempt_reach(net, attempt);
    else if (both_ways(net, attempt->machine, attempt->end->other)) attempt_over(attempt, TP_OK);
    else attempt->at = net->now + TP_MS(250);
}

static void attempt_free(struct tpi_attempt *base) {
    struct tpi_sim_attempt *attempt = (struct tpi_sim_attempt *)(void *)base;
    if (attempt->end != NULL) stream_free(&attempt->end->base);
    tpi_list_remove(&attempt->link);
    free(attempt);
}

static tp_err sim_connect(const struct tpi_net *given, const char *url,
                          tpi_link_connected connected, void *context, struct tpi_attempt **out) {
    struct tpi_machine *machine = TPI_CONTAINER_OF(given->hub, struct tpi_machine, hub);
    struct tp_simnet *net = machine->net;
    struct tpi_sim_attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) return TP_ENOMEM;
    attempt->base.free = attempt_free;
    attempt->machine = machine;
    attempt->connected = connected;
    attempt->context = context;
    attempt->at = net->now + tpi_simnet_delay(net);
    attempt->until = net->now + CONNECT_TIMEOUT;
    snprintf(attempt->url, sizeof attempt->url, "%s", url);
    tpi_list_init(&attempt->link);
    tpi_list_push_back(&net->attempts, &attempt->link);
    *out = &attempt->base;
    return TP_OK;
}

/* ---- listeners ---- */

static void listener_free(struct tpi_listener *base) {
    struct tpi_sim_listener *listener = (struct tpi_sim_listener *)(void *)base;
    tpi_list_remove(&listener->link);
    free(listener);
}

/* The address, with a port in the place of 0. */
static void put_url(struct tp_simnet *net, char *out, const char *url) {
    const char *colon = strrchr(url, ':');
    bool picks =
        colon != NULL && strncmp(colon, ":0", 2) == 0 && (colon[2] == 0 || colon[2] == '/');
    if (picks)
        (void)snprintf(out, TPI_LINK_URL_MAX, "%.*s:%u%s", (int)(colon - url), url,
                       FIRST_PORT + net->port++, colon + 2);
    else (void)snprintf(out, TPI_LINK_URL_MAX, "%s", url);
}

static tp_err sim_listen(const struct tpi_net *given, const char *url, tpi_link_accepted accepted,
                         void *context, struct tpi_listener **out) {
    struct tpi_machine *machine = TPI_CONTAINER_OF(given->hub, struct tpi_machine, hub);
    struct tp_simnet *net = machine->net;
    struct tpi_sim_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) return TP_ENOMEM;
    put_url(net, listener->base.url, url);
    if (find_listener(net, listener->base.url) != NULL) {
        free(listener);
        return TP_EBUSY;
    }
    listener->base.free = listener_free;
    listener->machine = machine;
    listener->accepted = accepted;
    listener->context = context;
    tpi_list_init(&listener->link);
    tpi_list_push_back(&net->listeners, &listener->link);
    *out = &listener->base;
    return TP_OK;
}

const struct tpi_link tpi_link_simulated = {
    .scheme = "", .needs_hub = true, .listen = sim_listen, .connect = sim_connect};

/* ---- for the loop ---- */

void tpi_simlink_turns(struct tp_simnet *net) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&net->ends, link, spare) {
        end_turns(net, TPI_CONTAINER_OF(link, struct tpi_end, link));
    }
    TPI_LIST_EACH(&net->attempts, link, spare) {
        struct tpi_sim_attempt *attempt = TPI_CONTAINER_OF(link, struct tpi_sim_attempt, link);
        if (attempt->at <= net->now && !attempt->machine->paused)
            tpi_simnet_turn(net, take_attempt, attempt);
    }
}

tp_time tpi_simlink_next(const struct tp_simnet *net) {
    struct tpi_list *link, *spare;
    tp_time next = TP_FOREVER;
    TPI_LIST_EACH(&net->ends, link, spare) {
        tp_time at = end_next(net, TPI_CONTAINER_OF(link, struct tpi_end, link));
        if (at < next) next = at;
    }
    TPI_LIST_EACH(&net->attempts, link, spare) {
        struct tpi_sim_attempt *attempt = TPI_CONTAINER_OF(link, struct tpi_sim_attempt, link);
        if (attempt->at < next && !attempt->machine->paused) next = attempt->at;
    }
    return next;
}
