/*
 * A peer that has shaken hands and then sends whatever it likes: frames of all kinds in any order,
 * half ones, other bytes, waits, comes again under the same or another name. The other side is an
 * unmodified node on the simulated network. Whatever came:
 *   - nothing faults or leaks, and no step takes for ever;
 *   - an actor that the peer may not end lives, and answers;
 *   - when the peer is gone, so is what was between the two.
 * The first bytes of an input are operations, see `step`. The corpus is made by
 * make_connection_corpus.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "transport/link/simnet.h"
#include "transport/wire/frame.h"
#include "transport/wire/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define URL "tcp://127.0.0.1:1"
#define STEPS_MOST 300u

TP_MESSAGE(fuzz_ping, TP_FIELD(u64, number))
TP_MESSAGE(fuzz_pong, TP_FIELD(u64, number))

#define BELL 0x1234567890abcdefu /* the number of our own ping */
static bool rung;

struct nothing {
    int unused;
};
static void on_fuzz_ping(tp_actor *self, struct nothing *state, const fuzz_ping *msg) {
    (void)state;
    if (msg->number == BELL) rung = true;
    tp_reply(self, fuzz_pong, .number = msg->number);
    tp_send(self, tp_sender(self), fuzz_pong, .number = msg->number);
}
TP_BEHAVIOR(trap_behavior, "trap", struct nothing, TP_ON(fuzz_ping, on_fuzz_ping));

/* What is left of the input. */
struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t take(struct input *input) {
    if (input->left == 0) return 0;
    input->left--;
    return *input->at++;
}

struct peer {
    tp_simnet *net;
    tp_sim *there, *here; /* the node's machine, the peer's */
    tp_node *node;
    tp_pid trap;
    struct tpi_hub *hub;
    struct tpi_attempt *attempt;
    struct tpi_stream *stream;
    struct tpi_handshake handshake;
    bool over, started;
    uint8_t incarnation;
    uint64_t frames; /* sent on this connection */
    size_t head, size;
    uint8_t out[1 << 16];
};

/* ---- the stream ---- */

static size_t fill(void *context, const uint8_t **bytes) {
    struct peer *peer = context;
    size_t size = peer->size - peer->head;
    *bytes = peer->out + peer->head;
    peer->head = peer->size;
    return size;
}

static void put(struct peer *peer, const uint8_t *bytes, size_t size) {
    if (peer->over || !peer->started) return;
    if (peer->head == peer->size) peer->head = peer->size = 0;
    if (peer->size + size > sizeof peer->out) return;
    memcpy(peer->out + peer->size, bytes, size);
    peer->size += size;
    tpi_stream_wake(peer->stream);
}

static bool received(void *context, const uint8_t *bytes, size_t size) {
    struct peer *peer = context;
    (void)tpi_handshake_input(&peer->handshake, &bytes, &size);
    uint8_t answer[2048];
    put(peer, answer, tpi_handshake_output(&peer->handshake, answer, sizeof answer));
    return true;
}

static void closed(void *context, tp_err why) {
    struct peer *peer = context;
    (void)why;
    peer->over = true;
}

static const struct tpi_stream_handler handler = {fill, received, closed};

static void connected(void *context, tp_err err, struct tpi_stream *stream) {
    struct peer *peer = context;
    if (err == TP_OK) peer->stream = stream;
}

static void pass(struct peer *peer, tp_duration span) {
    REQUIRE(tp_simnet_advance(peer->net, span) == TP_OK);
}

static void leave(struct peer *peer) {
    if (peer->attempt == NULL) return;
    if (peer->started) {
        tpi_stream_close(peer->stream);
        for (unsigned i = 0; i < 10 && !peer->over; i++) pass(peer, TP_MS(100));
        REQUIRE(peer->over);
    }
    if (peer->stream != NULL) tpi_stream_free(peer->stream);
    tpi_attempt_free(peer->attempt);
    peer->attempt = NULL;
    peer->stream = NULL;
    peer->started = false;
}

/* Connects under one of two names; the handshake has its time, and need not end well. */
static void arrive(struct peer *peer, bool second_name, bool newborn) {
    struct tpi_net net = {.hub = peer->hub};
    struct tpi_handshake_config config = {.initiator = true, .plain = true};
    leave(peer);
    if (newborn) peer->incarnation++;
    memset(config.self.incarnation, peer->incarnation, sizeof config.self.incarnation);
    config.self.incarnation[0] = second_name;
    snprintf(config.self.name, sizeof config.self.name, "peer%d@test", second_name);
    config.self.limits = tpi_wire_limits_default();
    REQUIRE(tpi_handshake_init(&peer->handshake, &config) == TP_OK);
    peer->over = false;
    peer->head = peer->size = 0;
    peer->frames = 0;
    REQUIRE(tpi_link_connect(&net, URL, connected, peer, &peer->attempt) == TP_OK);
    pass(peer, TP_MS(50));
    if (peer->stream == NULL) return;
    tpi_stream_start(peer->stream, &handler, peer);
    peer->started = true;
    uint8_t offer[2048];
    put(peer, offer, tpi_handshake_output(&peer->handshake, offer, sizeof offer));
    pass(peer, TP_MS(50));
}

/* ---- frames ---- */

static const char *const payloads[] = {
    "\x92\xa9"
    "fuzz_ping\x07",
    "\x92\xa9"
    "fuzz_pong\x07",
    "\x91\xa1x",
    "\x92\xa1x\x93\x01\x02\x03",
    "\x93\xa8tp.names\x01\x02",
    "",
    "\xc1",
    "\x92\xa1x\xc0",
};

static void send_frame(struct peer *peer, struct input *input) {
    uint8_t payload[256], bytes[512];
    size_t size = 0, used = 0;
    uint8_t choice = take(input), whom = take(input), who = take(input), what = take(input);
    static const uint8_t types[] = {TPI_FRAME_MESSAGE,    TPI_FRAME_REQUEST,   TPI_FRAME_REPLY,
                                    TPI_FRAME_FAILED,     TPI_FRAME_ALIAS,     TPI_FRAME_EXIT,
                                    TPI_FRAME_LINK,       TPI_FRAME_UNLINK,    TPI_FRAME_MONITOR,
                                    TPI_FRAME_UNLINK_ACK, TPI_FRAME_DEMONITOR, TPI_FRAME_DOWN,
                                    TPI_FRAME_FRAGMENT,   TPI_FRAME_CREDIT,    TPI_FRAME_HEARTBEAT,
                                    TPI_FRAME_FLUSH,      TPI_FRAME_FLUSHED,   TPI_FRAME_XOFF,
                                    TPI_FRAME_XON,        TPI_FRAME_GOODBYE,   TPI_FRAME_OPERATION};
    uint8_t flags = choice / sizeof types < 8 ? 0 : take(input) & 7;
    uint8_t kind = take(input) % 3, code = take(input), ref = take(input) % 8, node = take(input);
    struct tpi_frame frame = {.type = types[choice % sizeof types],
                              .flags = flags,
                              .kind = kind,
                              .code = 1 + code,
                              .ref = 1u + ref,
                              .from_node = node,
                              .from_slot = who % 8,
                              .from_generation = 1u + who / 64};
    /* what the encoder takes; other bytes come as they are */
    if (frame.type != TPI_FRAME_EXIT) frame.flags &= TPI_FRAME_FOREIGN | TPI_FRAME_TRACED;
    if (frame.flags & TPI_FRAME_FOREIGN && node == 0) frame.from_node = 1;
    frame.operation = 1 + frame.kind % 2;
    frame.count = peer->frames;
    frame.to_slot = whom < 128 ? peer->trap.slot : whom % 16;
    frame.to_generation = whom < 128 ? peer->trap.generation : 1u + whom / 200u;
    if (what < 200) {
        const char *known = payloads[what % (sizeof payloads / sizeof payloads[0])];
        size = strlen(known);
        memcpy(payload, known, size);
    } else {
        for (size = 0; size < (size_t)(what - 200) * 4; size++) payload[size] = take(input);
    }
    frame.payload = (tp_bin){payload, size};
    if (frame.type == TPI_FRAME_FRAGMENT && size == 0) return;
    if (frame.type == TPI_FRAME_FRAGMENT) {
        frame.sequence = (uint32_t)frame.ref;
        frame.offset = (uint32_t)frame.kind * 8;
        frame.total = frame.offset + (uint32_t)size + (uint32_t)frame.code % 64;
    }
    if (tpi_frame_size(&frame) > sizeof bytes) return;
    if (tpi_frame_encode(&frame, bytes, sizeof bytes, &used) != TP_OK) return;
    peer->frames++;
    put(peer, bytes, used);
}

/* One operation of the input. */
static void step(struct peer *peer, struct input *input) {
    uint8_t choice = take(input);
    uint8_t bytes[64];
    switch (choice % 8) {
    case 0: /* bytes as they are */
        for (unsigned i = 0; i < choice / 8u; i++) bytes[i] = take(input);
        put(peer, bytes, choice / 8u);
        break;
    case 1: pass(peer, TP_MS(20) * (choice / 8)); break;
    case 2: arrive(peer, (choice & 8) != 0, (choice & 16) != 0); break;
    case 3: tp_simnet_cut(peer->net, peer->here, peer->there); break;
    default: send_frame(peer, input); break;
    }
}

/* ---- a run ---- */

static tp_sim *machine(tp_simnet *net, const char *name) {
    tp_sim *sim = NULL;
    tp_sim_options options = {
        .runtime = {.node_name = name, .log_level = TP_LOG_OFF, .max_actors = 64}};
    REQUIRE(tp_simnet_add(net, &options, &sim) == TP_OK);
    return sim;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    static struct peer peer;
    memset(&peer, 0, sizeof peer);
    REQUIRE(tp_simnet_new(&peer.net, NULL) == TP_OK);
    peer.there = machine(peer.net, "node@test");
    peer.here = machine(peer.net, "unused@test");
    tp_node_options plain = {.plain = true, .heartbeat = TP_SECONDS(1)};
    REQUIRE(tp_node_start(tp_sim_runtime(peer.there), &plain, &peer.node) == TP_OK);
    REQUIRE(tp_node_listen(peer.node, URL, NULL, 0) == TP_OK);
    uint32_t may = TP_MAY_ALL & ~(uint32_t)(TP_MAY_KILL | TP_MAY_LINK);
    REQUIRE(tp_node_permit(peer.node, NULL, may) == TP_OK);
    peer.trap = tp_sim_spawn(peer.there, &trap_behavior);
    peer.hub = tpi_simnet_hub(peer.net, peer.here);
    arrive(&peer, false, true);
    for (unsigned i = 0; i < STEPS_MOST && input.left > 0; i++) step(&peer, &input);
    pass(&peer, TP_MS(100));
    leave(&peer);
    pass(&peer, TP_SECONDS(8)); /* more than a heartbeat, a handshake and a goodbye take */
    tp_node_counters counters;
    tp_node_counters_get(peer.node, &counters);
    REQUIRE(counters.peers == 0 && counters.backlog == 0);
    REQUIRE(tp_alive(tp_sim_runtime(peer.there), peer.trap));
    rung = false;
    (void)tp_sim_send(peer.there, peer.trap, fuzz_ping, .number = BELL);
    pass(&peer, TP_MS(1));
    REQUIRE(rung);
    tp_simnet_free(peer.net);
    return 0;
}
