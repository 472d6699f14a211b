/*
 * The attacks of the threat model, each against a node that listens: it is refused and counted,
 * nothing is delivered, memory stays where it was, and who is connected goes on talking. TLS:
 * tls_test.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/platform/platform.h"
#include "tests/unit/node/attacker.h"

#define MEMORY_MOST (64l << 10) /* KiB that an attack may cost at its peak */

static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";
static const uint8_t other[TP_SECRET_SIZE] = "another secret of 32 bytes.....";

struct stage {
    struct side server, friendly;
    struct attacker attacker;
    tp_pid trap;       /* counts what reaches it */
    uint64_t expected; /* by it */
    uint64_t refused;  /* that must have been counted */
    long memory;
};

/* The process's peak in KiB. */
static long memory_peak(void) {
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    TP_ASSERT(file != NULL);
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0) kib = strtol(line + 6, NULL, 10);
    fclose(file);
    return kib;
}

static struct stage *stage_start(void) {
    struct stage *stage = calloc(1, sizeof *stage);
    TP_ASSERT(stage != NULL);
    tp_node_options options = {.secret = secret};
    side_start(&stage->server, "server@test", &options);
    side_start(&stage->friendly, "friendly@test", &options);
    sides_join(&stage->server, &stage->friendly, "tcp");
    stage->trap = counter_start(&stage->server);
    streamed got;
    TP_ASSERT_EQ_INT(
        tp_inbox_call(stage->friendly.inbox, stage->trap, PLENTY, &got, streamed, streamed), TP_OK);
    stage->memory = memory_peak();
    attacker_be(&stage->attacker, "mallory@test", secret);
    return stage;
}

static void stage_stop(struct stage *stage) {
    WAIT_COUNTER(&stage->server, refused, stage->refused);
    streamed got;
    TP_ASSERT_EQ_INT(
        tp_inbox_call(stage->friendly.inbox, stage->trap, PLENTY, &got, streamed, streamed), TP_OK);
    TP_ASSERT(got.count == stage->expected && got.wrong == 0);
    tp_node_counters counters;
    tp_node_counters_get(stage->friendly.node, &counters);
    TP_ASSERT_EQ_INT(counters.connections, 1); /* it was never lost */
    long more = memory_peak() - stage->memory;
    TP_ASSERT_MSG(more < MEMORY_MOST, "%ld KiB more", more);
    side_stop(&stage->friendly);
    side_stop(&stage->server);
    free(stage);
}

/* The node closes, and counts it. */
static void expect_refused(struct stage *stage) {
    attacker_wait_closed(&stage->attacker);
    attacker_close(&stage->attacker);
    stage->refused++;
}

/* A ping to the trap, as a frame. */
static size_t ping_frame(const struct stage *stage, uint64_t number, uint8_t *out, size_t room) {
    uint8_t payload[] = {0x92, 0xa4, 'p', 'i', 'n', 'g', (uint8_t)number};
    struct tpi_frame frame = {.type = TPI_FRAME_MESSAGE,
                              .to_slot = stage->trap.slot,
                              .to_generation = stage->trap.generation,
                              .payload = {payload, sizeof payload}};
    size_t used = 0;
    TP_ASSERT_EQ_INT(tpi_frame_encode(&frame, out, room, &used), TP_OK);
    return used;
}

/* What was sent to the trap and is good arrives. */
static void wait_for_trap(struct stage *stage) {
    streamed got = {0};
    while (got.count < stage->expected)
        TP_ASSERT_EQ_INT(
            tp_inbox_call(stage->friendly.inbox, stage->trap, PLENTY, &got, streamed, streamed),
            TP_OK);
}

/* ---- without the secret ---- */

static void say(struct stage *stage, const void *head, size_t head_size, const void *body,
                size_t size) {
    attacker_open(&stage->attacker, stage->server.url);
    (void)(attacker_write(&stage->attacker, head, head_size) &&
           attacker_write(&stage->attacker, body, size));
    expect_refused(stage);
}

TP_TEST(node_hostile, strangers_that_just_speak) {
    struct stage *stage = stage_start();
    uint8_t frame[256], zeros[256] = {0};
    size_t size = ping_frame(stage, 0, frame, sizeof frame);
    say(stage, frame, size, frame, size);
    say(stage, "troupe\1\1", 8, frame, size); /* a frame for a handshake message */
    say(stage, "troupe\1\1\0\0", 10, zeros, sizeof zeros);
    say(stage, "troupe\1\1\xff\xff", 10, zeros, sizeof zeros);
    say(stage, "troupe\1\1\0\x40", 10, zeros, sizeof zeros);
    say(stage, "troupe\2\1", 8, frame, size);
    say(stage, "\x20\0\0\0\1", 5, zeros, sizeof zeros); /* 512 MiB follow */
    stage_stop(stage);
}

TP_TEST(node_hostile, strangers_that_shake_hands) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    const void *secrets[] = {other, NULL};
    for (unsigned i = 0; i < 2; i++) {
        enum tpi_handshake_status status =
            attacker_shake(attacker, stage->server.url, "mallory@test", secrets[i]);
        TP_ASSERT_EQ_INT(status, TPI_HANDSHAKE_FAILED);
        expect_refused(stage);
    }
    attacker_be(attacker, "mallory@test", secret);
    snprintf(attacker->config.self.cluster, sizeof attacker->config.self.cluster, "another");
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, NULL, NULL), TPI_HANDSHAKE_FAILED);
    tpi_socket_shutdown_write(attacker->descriptor); /* it has seen the node's cluster, and goes */
    expect_refused(stage);
    attacker_be(attacker, "mallory@test", secret);
    attacker->config.version_min = 9; /* another version */
    attacker->config.version_max = 12;
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, NULL, NULL), TPI_HANDSHAKE_FAILED);
    expect_refused(stage);
    stage_stop(stage);
}

/* ---- what was heard of somebody else's handshake ---- */

TP_TEST(node_hostile, a_handshake_again_and_its_frames) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "friend2@test", secret),
                     TPI_HANDSHAKE_DONE);
    uint8_t frame[256];
    size_t size = ping_frame(stage, 0, frame, sizeof frame);
    TP_ASSERT(attacker_send(attacker, frame, size));
    stage->expected = 1;
    streamed got = {0};
    while (got.count == 0)
        TP_ASSERT_EQ_INT(
            tp_inbox_call(stage->friendly.inbox, stage->trap, PLENTY, &got, streamed, streamed),
            TP_OK);
    attacker_close(attacker);
    uint8_t heard[sizeof attacker->sent];
    size_t heard_size = attacker->sent_size;
    memcpy(heard, attacker->sent, heard_size);
    say(stage, heard, heard_size, heard, 0);
    stage_stop(stage);
}

/* The handshake with one bit wrong, and the handshake cut off, at every second byte. */
TP_TEST(node_hostile, a_handshake_spoiled_at_each_byte) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    size_t size = attacker->sent_size, step = 2 * size / TP_SCALED(size);
    attacker_close(attacker);
    WAIT_COUNTER(&stage->server, connections, 2u);
    for (size_t at = 0; at < 2 * size; at += step) { /* size is odd: even bytes, then odd ones */
        attacker_be(attacker, "mallory@test", secret);
        if (at < size) attacker->flip = at;
        else attacker->cut = at - size;
        TP_ASSERT_MSG(attacker_shake(attacker, stage->server.url, NULL, NULL) ==
                          TPI_HANDSHAKE_FAILED,
                      "byte %zu of %zu", at % size, size);
        expect_refused(stage);
    }
    tp_node_counters counters;
    tp_node_counters_get(stage->server.node, &counters);
    TP_ASSERT_EQ_INT(counters.connections, 2);
    stage_stop(stage);
}

/* Who connects gets its own bytes back. */
TP_TEST(node_hostile, reflections) {
    struct stage *stage = stage_start();
    TP_ASSERT_EQ_INT(tp_node_connect(stage->server.node, stage->server.url, PLENTY, NULL),
                     TP_EREFUSED); /* all of them: it is connected to itself */
    int listener, descriptor = -1;
    char url[128];
    TP_ASSERT_EQ_INT(tpi_socket_listen(&listener, "tcp://127.0.0.1:0", 4), TP_OK);
    TP_ASSERT_EQ_INT(tpi_socket_address(listener, url, sizeof url), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_join(stage->server.node, url), TP_OK);
    for (unsigned i = 0; i < 3; i++) {
        while (tpi_socket_accept(&descriptor, listener) != TP_OK) moment();
        stage->attacker.descriptor = descriptor;
        stage->attacker.closed = false;
        uint8_t bytes[256];
        for (size_t got = 0; got < 10;) {
            tp_err err = tpi_socket_read(descriptor, bytes, sizeof bytes, &got);
            if (err == TP_EBUSY) moment();
        }
        (void)attacker_write(&stage->attacker, bytes, 60);
        attacker_wait_closed(&stage->attacker);
        attacker_close(&stage->attacker);
    }
    tpi_descriptor_close(listener);
    stage->refused = 3;
    stage_stop(stage);
}

/* ---- with the secret: records ---- */

TP_TEST(node_hostile, records_again_and_spoiled) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    uint8_t frame[256];
    size_t size = ping_frame(stage, 0, frame, sizeof frame);
    size_t whole = TPI_RECORD_OVERHEAD + size;
    for (size_t at = 0; at <= whole;
         at += at == whole || whole / TP_SCALED(whole) == 0 ? 1 : whole / TP_SCALED(whole)) {
        char name[64];
        snprintf(name, sizeof name, "mallory%zu@test", at);
        TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, name, secret),
                         TPI_HANDSHAKE_DONE);
        memcpy(attacker->record + TPI_RECORD_HEAD, frame, size);
        TP_ASSERT(tpi_record_seal(&attacker->send, attacker->record, size) == whole);
        if (at < whole) attacker->record[at] ^= 0x80;
        else stage->expected++; /* the first of two is good */
        (void)(attacker_write(attacker, attacker->record, whole) &&
               attacker_write(attacker, attacker->record, whole));
        tpi_socket_shutdown_write(attacker->descriptor); /* a length may say that more follows */
        attacker_wait_closed(attacker);
        attacker_close(attacker);
    }
    stage->refused = 1;
    stage_stop(stage);
}

/* ---- with the secret: frames ---- */

struct bad_frame {
    const char *what;
    size_t size; /* of the bytes */
    const char *bytes;
    char fill; /* and so many of these behind */
    size_t fills;
};

#define FRAME(what, bytes, fill, fills)                                                            \
    { what, sizeof(bytes) - 1, bytes, fill, fills }
#define TO                                                                                         \
    "\0"                                                                                           \
    "\0\0\0\1\0\0\0\1"                                                                             \
    "\0\0\0\0\0\0\0\0" /* pair: flags, to 1/1, from nobody */

static const struct bad_frame bad_frames[] = {
    FRAME("512 MiB", "\x20\0\0\0\1", 0, 1000),
    FRAME("no length", "\0\0\0\0", 0, 100),
    FRAME("unknown type", "\0\0\0\1\x77", 0, 0),
    FRAME("no fields", "\0\0\0\1\1", 0, 0),
    FRAME("half a pid", "\0\0\0\x14\1\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\x91\xa1x", 0, 0),
    FRAME("unknown flags", "\0\0\0\x15\1\x80\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\x91\xa1x", 0, 0),
    FRAME("depth 50000", "\0\0\xc3\x65\1" TO "\x92\xa1x", '\x91', 50000),
    FRAME("map32 of 2^32-1", "\0\0\0\x1a\1" TO "\x92\xa1x\xdf\xff\xff\xff\xff", 0, 0),
    FRAME("array32 of 2^32-1", "\0\0\0\x1a\1" TO "\xdd\xff\xff\xff\xff\xa1x\0", 0, 0),
    FRAME("str32 of 4 GiB", "\0\0\0\x1a\1" TO "\x92\xa1x\xdb\xff\xff\xff\xff", 0, 0),
    FRAME("name is no UTF-8", "\0\0\0\x16\1" TO "\x91\xa2\xc3\x28", 0, 0),
    FRAME("empty name", "\0\0\0\x14\1" TO "\x91\xa0", 0, 0),
    FRAME("name of 60000 bytes", "\0\0\xea\x76\1" TO "\x91\xda\xea\x60", 'n', 60000),
    FRAME("no message", "\0\0\0\x12\1" TO, 0, 0),
    FRAME("two messages", "\0\0\0\x18\1" TO "\x91\xa1x\x91\xa1y", 0, 0),
    FRAME("piece beyond its total", "\0\0\0\x11\x20\0\0\0\1\0\0\0\2\0\0\0\0\1\2\3\4", 0, 0),
    FRAME("piece of 4 GiB", "\0\0\0\x0e\x20\0\0\0\1\xff\xff\xff\xff\0\0\0\0\1", 0, 0),
    FRAME("piece out of order", "\0\0\0\x0e\x20\0\0\0\1\0\0\1\0\0\0\0\5\1", 0, 0),
    FRAME("credit that was never sent", "\0\0\0\x09\x30\x7f\xff\xff\xff\xff\xff\xff\xff", 0, 0),
    FRAME("a miscounted heartbeat", "\0\0\0\x12\x31\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x63", 0, 1),
    FRAME("a goodbye of no kind", "\0\0\0\x0a\x3f\x63\0\0\0\0\0\0\0\0", 0, 0),
};

TP_TEST(node_hostile, frames_that_are_none) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    static uint8_t bytes[70000];
    for (unsigned i = 0; i < sizeof bad_frames / sizeof bad_frames[0]; i++) {
        const struct bad_frame *bad = &bad_frames[i];
        TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "mallory@test", secret),
                         TPI_HANDSHAKE_DONE);
        memcpy(bytes, bad->bytes, bad->size);
        memset(bytes + bad->size, bad->fill, bad->fills);
        size_t size = bad->size + bad->fills;
        size += ping_frame(stage, 0, bytes + size, sizeof bytes - size); /* must not be read */
        (void)attacker_send(attacker, bytes, size);
        expect_refused(stage);
        WAIT_COUNTER(&stage->server, refused, stage->refused); /* for this one */
        for (tp_node_counters now = {.peers = 2}; now.peers > 1; moment())
            tp_node_counters_get(stage->server.node, &now); /* the name is free again */
    }
    stage_stop(stage);
}

/* More than a peer may ask for: the connection ends before memory does. */
static void check_flood(struct tpi_frame *(*next)(struct stage *, unsigned), unsigned count) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    bool open = true;
    for (unsigned i = 0; open && i < count; i++) open = attacker_frame(attacker, next(stage, i));
    expect_refused(stage);
    stage_stop(stage);
}

static struct tpi_frame frame;

static struct tpi_frame *next_monitor(struct stage *stage, unsigned i) {
    frame = (struct tpi_frame){.type = TPI_FRAME_MONITOR,
                               .to_slot = stage->trap.slot,
                               .to_generation = stage->trap.generation,
                               .from_slot = 7,
                               .from_generation = 1,
                               .ref = i + 1};
    return &frame;
}
static struct tpi_frame *next_link(struct stage *stage, unsigned i) {
    static tp_pid victim; /* its links end with the connection, and it with them */
    if (i == 0) victim = echo_start(&stage->server);
    frame = (struct tpi_frame){.type = TPI_FRAME_LINK,
                               .to_slot = victim.slot,
                               .to_generation = victim.generation,
                               .from_slot = i,
                               .from_generation = 1};
    return &frame;
}
static struct tpi_frame *next_name(struct stage *stage, unsigned i) {
    static uint8_t payload[] = {0x91, 0xa5, 'x', 0, 0, 0, 0};
    for (unsigned k = 0; k < 4; k++) payload[3 + k] = (uint8_t)('a' + (i >> (4 * k)) % 16);
    (void)stage;
    frame = (struct tpi_frame){.type = TPI_FRAME_MESSAGE,
                               .to_slot = 60000, /* nobody: names cost all the same */
                               .to_generation = 9,
                               .payload = {payload, sizeof payload}};
    return &frame;
}

TP_TEST(node_hostile, a_flood_of_monitors) {
    check_flood(next_monitor, 40000);
}
TP_TEST(node_hostile, a_flood_of_links) {
    check_flood(next_link, 40000);
}
TP_TEST(node_hostile, a_flood_of_message_names) {
    check_flood(next_name, 40000);
}

/* Pids that were guessed or are over. */
TP_TEST(node_hostile, pids_of_nobody) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    uint8_t bytes[256];
    tp_pid trap = stage->trap;
    const tp_pid guesses[] = {{0, trap.slot, trap.generation + 1},
                              {0, trap.slot, UINT32_MAX},
                              {0, UINT32_MAX, 1},
                              {0, UINT32_MAX, UINT32_MAX},
                              {0, trap.slot + 100, 1}};
    enum { GUESSES = sizeof guesses / sizeof guesses[0] };
    for (unsigned i = 0; i < GUESSES; i++) {
        stage->trap = guesses[i];
        size_t size = ping_frame(stage, i, bytes, sizeof bytes);
        TP_ASSERT(attacker_send(attacker, bytes, size));
    }
    stage->trap = trap;
    size_t size = ping_frame(stage, 0, bytes, sizeof bytes);
    TP_ASSERT(attacker_send(attacker, bytes, size)); /* behind them, and it arrives */
    stage->expected = 1;
    wait_for_trap(stage);
    attacker_close(attacker);
    stage_stop(stage);
}

/* A frame to whatever may be there, the node's own actor too. */
static void send_around(struct stage *stage, struct tpi_frame shot) {
    shot.from_slot = 7;
    shot.from_generation = 1;
    for (unsigned slot = 0; slot < 200; slot++)
        for (unsigned generation = 1; generation <= 2; generation++) {
            shot.to_slot = slot;
            shot.to_generation = generation;
            TP_ASSERT(attacker_frame(&stage->attacker, &shot));
        }
}

/* Exit signals: who may not kill, kills nobody; and who may, does not kill what the node itself
 * runs on. */
static void shoot_around(struct stage *stage, uint8_t flags) {
    send_around(stage,
                (struct tpi_frame){.type = TPI_FRAME_EXIT, .flags = flags, .code = TP_EXIT_KILLED});
}

TP_TEST(node_hostile, exit_signals_without_permission) {
    struct stage *stage = stage_start();
    TP_ASSERT_EQ_INT(tp_node_permit(stage->server.node, "mallory@test", TP_MAY_ALL & ~TP_MAY_KILL),
                     TP_OK);
    TP_ASSERT_EQ_INT(attacker_shake(&stage->attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    shoot_around(stage, 0);
    WAIT_COUNTER(&stage->server, forbidden, 400u);
    shoot_around(stage, TPI_FRAME_LINKED); /* as if they were linked */
    uint8_t bytes[256];
    TP_ASSERT(attacker_send(&stage->attacker, bytes, ping_frame(stage, 0, bytes, sizeof bytes)));
    stage->expected = 1;
    wait_for_trap(stage);
    attacker_close(&stage->attacker);
    stage_stop(stage);
}

struct asked {
    tp_node *node;
    tp_err err;
};
static void ask_name(tp_actor *self, void *arg) {
    struct asked *asked = arg;
    tp_pid pid;
    asked->err = tp_node_find(self, asked->node, "nobody@server@test", PLENTY, &pid);
}

TP_TEST(node_hostile, exit_signals_at_the_nodes_own_actor) {
    struct stage *stage = stage_start();
    TP_ASSERT_EQ_INT(attacker_shake(&stage->attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    shoot_around(stage, 0);
    WAIT_COUNTER(&stage->server, forbidden, 1u);
    uint64_t gone = 1; /* the trap was one of them: who may kill, kills */
    while (gone != 0) {
        streamed got;
        tp_err err =
            tp_inbox_call(stage->friendly.inbox, stage->trap, PLENTY, &got, streamed, streamed);
        gone = err == TP_OK;
    }
    struct asked asked = {.node = stage->friendly.node};
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(stage->friendly.runtime, &pid, ask_name, &asked, NULL),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(stage->friendly.runtime, pid, PLENTY, NULL), TP_OK);
    TP_ASSERT_EQ_INT(asked.err, TP_ENOENT); /* it still answers */
    stage->trap = counter_start(&stage->server);
    attacker_close(&stage->attacker);
    stage_stop(stage);
}

/* ---- who speaks for whom ---- */

/* The actor of the attacker's that speaks for its node: a second one, or one of another node. */
static void say_names(struct stage *stage, unsigned times, uint8_t flags) {
    struct tpi_frame names = {.type = TPI_FRAME_OPERATION,
                              .flags = flags,
                              .from_node = 5,
                              .operation = 1, /* names */
                              .from_generation = 1};
    TP_ASSERT_EQ_INT(attacker_shake(&stage->attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    for (names.from_slot = 7; names.from_slot < 7 + times; names.from_slot++)
        (void)attacker_frame(&stage->attacker, &names);
}

TP_TEST(node_hostile, many_actors_that_speak_for_one_node) {
    struct stage *stage = stage_start();
    say_names(stage, 1000, 0); /* each would be remembered and watched */
    expect_refused(stage);
    stage_stop(stage);
}

TP_TEST(node_hostile, an_actor_that_speaks_for_another_node) {
    struct stage *stage = stage_start();
    say_names(stage, 1, TPI_FRAME_FOREIGN);
    expect_refused(stage);
    stage_stop(stage);
}

static void say_around(struct stage *stage, const uint8_t *payload, size_t size, uint8_t flags) {
    send_around(stage, (struct tpi_frame){.type = TPI_FRAME_MESSAGE,
                                          .flags = flags,
                                          .from_node = 5,
                                          .payload = {payload, size}});
}

static void arrives_all_the_same(struct stage *stage) {
    uint8_t bytes[256];
    TP_ASSERT(attacker_send(&stage->attacker, bytes, ping_frame(stage, 0, bytes, sizeof bytes)));
    stage->expected = 1;
    wait_for_trap(stage);
    attacker_close(&stage->attacker);
    stage_stop(stage);
}

TP_TEST(node_hostile, the_nodes_own_actor_in_another_s_name) {
    static const uint8_t end[] = "\x91\xadtp.groups_end";
    struct stage *stage = stage_start();
    say_names(stage, 1, 0);
    say_around(stage, end, sizeof end - 1, TPI_FRAME_FOREIGN);
    WAIT_COUNTER(&stage->server, forbidden, 1u);
    arrives_all_the_same(stage);
}

/* More nodes than there can be. */
TP_TEST(node_hostile, a_list_of_nodes_that_is_none) {
    static const char entry[] = "\x93\x01\xa1x\xa1y";
    enum { ENTRIES = 200, SIZE = sizeof entry - 1 };
    static uint8_t list[18 + ENTRIES * SIZE] = "\x92\xadtp.mesh_nodes\xdc\x00\xc8";
    struct stage *stage = stage_start();
    for (unsigned i = 0; i < ENTRIES; i++) memcpy(list + 18 + (size_t)i * SIZE, entry, SIZE);
    say_names(stage, 1, 0);
    say_around(stage, list, sizeof list, 0);
    WAIT_COUNTER(&stage->server, forbidden, 1u);
    arrives_all_the_same(stage);
}

/* Equal keys of a map: all are kept, as they came, and nobody looks one up. */
TP_TEST(node_hostile, a_map_with_equal_keys) {
    enum { KEYS = 600, SIZE = 3 };
    static uint8_t bytes[8 + 3 + KEYS * SIZE] = "\x93\xa4ping\x00\xde\x02\x58";
    struct stage *stage = stage_start();
    for (unsigned i = 0; i < KEYS; i++) memcpy(bytes + 10 + (size_t)i * SIZE, "\xa1k\x01", SIZE);
    struct tpi_frame message = {.type = TPI_FRAME_MESSAGE,
                                .to_slot = stage->trap.slot,
                                .to_generation = stage->trap.generation,
                                .payload = {bytes, 10 + KEYS * SIZE}};
    TP_ASSERT_EQ_INT(attacker_shake(&stage->attacker, stage->server.url, "mallory@test", secret),
                     TPI_HANDSHAKE_DONE);
    TP_ASSERT(attacker_frame(&stage->attacker, &message));
    stage->expected = 1;
    wait_for_trap(stage);
    attacker_close(&stage->attacker);
    stage_stop(stage);
}

/* ---- names and time ---- */

TP_TEST(node_hostile, the_name_of_a_living_node) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "friendly@test", secret),
                     TPI_HANDSHAKE_FAILED);
    TP_ASSERT_EQ_INT(attacker->handshake.verdict, TPI_VERDICT_ALIVE);
    expect_refused(stage);
    TP_ASSERT_EQ_INT(attacker_shake(attacker, stage->server.url, "server@test", secret),
                     TPI_HANDSHAKE_DONE); /* a name like its own is another node's, no more */
    attacker_close(attacker);
    stage_stop(stage);
}

TP_TEST(node_hostile, one_byte_at_a_time) {
    struct stage *stage = stage_start();
    struct attacker *attacker = &stage->attacker;
    attacker_open(attacker, stage->server.url);
    static const uint8_t bytes[1100] = "troupe\1\1\4";
    tp_time until = tpi_clock_monotonic() + PLENTY;
    for (unsigned i = 0; i < sizeof bytes && !attacker->closed; i++) {
        (void)attacker_write(attacker, bytes + i, 1);
        for (unsigned k = 0; k < 20 && !attacker->closed; k++) {
            uint8_t answer;
            size_t done;
            tp_err err = tpi_socket_read(attacker->descriptor, &answer, 1, &done);
            attacker->closed = err != TP_EBUSY;
            moment();
        }
        TP_ASSERT(tpi_clock_monotonic() < until);
    }
    TP_ASSERT(attacker->closed && attacker->sent_size < sizeof bytes);
    expect_refused(stage);
    stage_stop(stage);
}
