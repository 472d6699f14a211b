/*
 * Prints the test vectors of docs/wire-protocol.md as JSON: what this code makes of fixed inputs.
 * docs/wire-protocol.json is this output; tests/oracle/wire.mjs knows nothing of this code and has
 * to come to the same bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "transport/wire/fragment.h"
#include "transport/wire/handshake.h"
#include "transport/wire/record.h"

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            exit(EXIT_FAILURE);                                                                    \
        }                                                                                          \
    } while (0)

static void put_hex(const char *name, const void *bytes, size_t size, const char *end) {
    printf("\"%s\": \"", name);
    for (size_t i = 0; i < size; i++) printf("%02x", ((const uint8_t *)bytes)[i]);
    printf("\"%s", end);
}

/* 32 bytes: seed, seed + 1, ... */
static void key_from(uint8_t seed, uint8_t out[TPI_KEY_SIZE]) {
    for (unsigned i = 0; i < TPI_KEY_SIZE; i++) out[i] = (uint8_t)(seed + i);
}

static void fixed(void *context, void *out, size_t size) {
    memcpy(out, context, size);
}

/* ---- Noise alone, with the inputs of the published vectors ---- */

static void print_noise_messages(struct tpi_noise noise[2], uint8_t ephemeral[2][TPI_KEY_SIZE],
                                 bool payloads) {
    struct tpi_cipher send[2], receive[2];
    printf("   \"messages\": [\n");
    for (int i = 0; i < 3; i++) {
        char payload[32] = "";
        if (payloads) snprintf(payload, sizeof payload, "test_msg_%d", i);
        uint8_t message[256], back[256];
        size_t used = 0, got = 0;
        REQUIRE(tpi_noise_write(&noise[i % 2], fixed, ephemeral[i % 2], payload, strlen(payload),
                                message, sizeof message, &used) == TP_OK);
        REQUIRE(tpi_noise_read(&noise[1 - i % 2], message, used, back, sizeof back, &got) == TP_OK);
        printf("    {");
        put_hex("payload", payload, strlen(payload), ", ");
        put_hex("message", message, used, "},\n");
    }
    for (int i = 0; i < 2; i++) tpi_noise_split(&noise[i], &send[i], &receive[i]);
    static const char *const texts[] = {"yellowsubmarine", "submarineyellow"};
    for (int i = 0; i < 2; i++) {
        uint8_t message[64];
        REQUIRE(tpi_cipher_seal(&send[i], NULL, 0, (const uint8_t *)texts[i], 15, message));
        printf("    {");
        put_hex("payload", texts[i], 15, ", ");
        put_hex("message", message, 15 + TPI_TAG_SIZE, i == 0 ? "},\n" : "}\n");
    }
    printf("   ]");
}

static void print_noise(bool with_prologue, bool payloads, const char *end) {
    const char *prologue = with_prologue ? "notsecret" : "";
    uint8_t keys[2][TPI_KEY_SIZE], ephemeral[2][TPI_KEY_SIZE];
    static const char psk[] = "!verysecretverysecretverysecret!";
    for (uint8_t i = 0; i < 2; i++) {
        key_from(i, keys[i]);
        key_from((uint8_t)(0x20 + 0x21 * i), ephemeral[i]);
    }
    struct tpi_noise noise[2];
    for (int i = 0; i < 2; i++)
        REQUIRE(tpi_noise_init(&noise[i], i == 0, prologue, strlen(prologue), keys[i],
                               (const uint8_t *)psk) == TP_OK);
    printf("  {");
    put_hex("prologue", prologue, strlen(prologue), ",\n   ");
    put_hex("psk", psk, TPI_KEY_SIZE, ",\n   ");
    put_hex("initiator_static", keys[0], TPI_KEY_SIZE, ",\n   ");
    put_hex("responder_static", keys[1], TPI_KEY_SIZE, ",\n   ");
    put_hex("initiator_ephemeral", ephemeral[0], TPI_KEY_SIZE, ",\n   ");
    put_hex("responder_ephemeral", ephemeral[1], TPI_KEY_SIZE, ",\n");
    print_noise_messages(noise, ephemeral, payloads);
    printf("}%s\n", end);
}

/* ---- frames ---- */

static const uint8_t types[] = {
#define NUMBER(name, number, flags, shape) number,
    TPI_FRAME_MAP(NUMBER)
#undef NUMBER
};

static struct tpi_frame sample(uint8_t type) {
    static const uint8_t message[] = "\x93\xacsome.message\x2a\xa2hi";
    struct tpi_frame frame = {
        .type = type,
        .kind = 1,
        .operation = 3,
        .code = type == TPI_FRAME_FAILED ? 5 : -7,
        .to_slot = 17,
        .to_generation = 4,
        .from_slot = 300000,
        .from_generation = 1,
        .ref = 0x0102030405060708,
        .count = 12,
        .sequence = 6,
        .total = 1000,
        .offset = 500,
        .payload = {message, sizeof message - 1},
    };
    if (type == TPI_FRAME_XOFF || type == TPI_FRAME_XON) frame.to_slot = frame.to_generation = 0;
    if (type == TPI_FRAME_EXIT) frame.flags = TPI_FRAME_LINKED;
    return frame;
}

static void print_frame(const struct tpi_frame *frame, const char *end) {
    uint8_t bytes[256];
    size_t used = 0;
    REQUIRE(tpi_frame_encode(frame, bytes, sizeof bytes, &used) == TP_OK);
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    struct tpi_frame back;
    REQUIRE(tpi_frame_parse(bytes + 4, used - 4, &limits, false, &back) == TPI_WIRE_OK);
    printf("  {\"type\": \"%s\", \"number\": %u, \"flags\": %u, ", tpi_frame_name(back.type),
           back.type, back.flags);
    printf("\"to\": [%" PRIu32 ", %" PRIu32 "], \"from\": [%" PRIu32 ", %" PRIu32 "],\n",
           back.to_slot, back.to_generation, back.from_slot, back.from_generation);
    printf("   \"from_node\": \"%" PRIu64 "\", \"trace\": \"%" PRIu64 "\", \"op\": %u, "
           "\"kind\": %u, \"code\": %" PRId32 ",\n",
           back.from_node, back.trace, back.operation, back.kind, back.code);
    printf("   \"ref\": \"%" PRIu64 "\", \"count\": \"%" PRIu64 "\", \"sequence\": %" PRIu32
           ", \"total\": %" PRIu32 ", \"offset\": %" PRIu32 ",\n   ",
           back.ref, back.count, back.sequence, back.total, back.offset);
    put_hex("rest", back.payload.data, back.payload.size, ",\n   ");
    put_hex("bytes", bytes, used, "}");
    printf("%s\n", end);
}

static void print_frames(void) {
    printf(" \"frames\": [\n");
    for (size_t i = 0; i < sizeof types; i++) {
        struct tpi_frame frame = sample(types[i]);
        print_frame(&frame, ",");
    }
    struct tpi_frame frame = sample(TPI_FRAME_MESSAGE);
    frame.flags = TPI_FRAME_FOREIGN | TPI_FRAME_TRACED;
    frame.from_node = 0xf0e0d0c0b0a09080;
    frame.trace = 99;
    print_frame(&frame, "\n ],");
}

static const char *const refused[] = {
    "00000000",                                       /* empty */
    "7fffffff",                                       /* too long */
    "0000000100",                                     /* no such type */
    "0000000121",                                     /* no such type */
    "00000012070800000001000000020000000300000004",   /* a flag that does not exist */
    "00000012070400000001000000020000000300000004",   /* LINKED in a LINK */
    "00000012070000000000000000000000000300000004",   /* to the null pid */
    "00000012070000000001000000020000000000000000",   /* from the null pid */
    "00000012070000000001000000020000000300000000",   /* half a null pid */
    "000000110700000000010000000200000003000000",     /* too short */
    "0000001307000000000100000002000000030000000400", /* too long for its type */
    "0000001a08000000000100000002000000030000000400000000"
    "00000000",                                             /* UNLINK with id 0 */
    "00000016010000000001000000020000000300000004dd00ffff", /* 65,535 fields in no bytes */
    "0000001401000000000100000002000000030000000490c0",     /* no name */
    "0000001401000000000100000002000000030000000491a0",     /* an empty name */
    "00000016010000000001000000020000000300000004"
    "91a178c0",                                 /* a value too many */
    "0000000f2000000001000000640000006200",     /* length beyond what follows */
    "00000010200000000100000002000000010a0b0c", /* beyond the total */
    "0000000d20000000010000000200000001",       /* a fragment of nothing */
    "0000000a3f090000000000000000",             /* a goodbye for no reason */
    "0000000a3f000000000000000001",             /* a goodbye that counts one frame */
};

static size_t from_hex(const char *text, uint8_t *out) {
    size_t size = strlen(text) / 2;
    for (size_t i = 0; i < size; i++) {
        char byte[3] = {text[2 * i], text[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return size;
}

static void print_refused(void) {
    static uint8_t stash[TPI_FRAME_LENGTH_SIZE + (64 << 10)];
    struct tpi_wire_limits limits = tpi_wire_limits_default();
    size_t count = sizeof refused / sizeof *refused;
    printf(" \"refused\": [\n");
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[256];
        size_t left = from_hex(refused[i], bytes);
        const uint8_t *at = bytes;
        struct tpi_decoder decoder;
        struct tpi_frame frame;
        tpi_decoder_init(&decoder, &limits, stash);
        REQUIRE(tpi_decoder_next(&decoder, &at, &left, &frame) != TPI_DECODED_FRAME);
        REQUIRE(tpi_decoder_end(&decoder) != TPI_WIRE_OK);
        printf("  {\"bytes\": \"%s\", \"error\": \"%s\"}%s\n", refused[i],
               tpi_wire_name(decoder.error.code), i + 1 < count ? "," : "");
    }
    printf(" ],\n");
}

static void print_fragments(void) {
    struct tpi_frame frame = sample(TPI_FRAME_REQUEST);
    struct tpi_fragmenter cut;
    printf(" \"fragments\": {\n  ");
    uint8_t bytes[256];
    size_t used = 0;
    REQUIRE(tpi_frame_encode(&frame, bytes, sizeof bytes, &used) == TP_OK);
    put_hex("whole", bytes + TPI_FRAME_LENGTH_SIZE, used - TPI_FRAME_LENGTH_SIZE, ",\n  ");
    printf("\"pieces\": [\n");
    tpi_fragmenter_init(&cut, 41, &frame);
    while (!tpi_fragmenter_done(&cut)) {
        REQUIRE(tpi_fragmenter_next(&cut, 32, bytes, sizeof bytes, &used) == TP_OK);
        printf("   {");
        put_hex("bytes", bytes, used, tpi_fragmenter_done(&cut) ? "}\n" : "},\n");
    }
    printf("  ]},\n");
}

/* ---- handshakes ---- */

static struct tpi_hello hello_of(int side) {
    struct tpi_hello hello = {.version = 1, .cluster = "bank"};
    snprintf(hello.name, sizeof hello.name, "bank%d@host", side + 1);
    for (unsigned i = 0; i < TPI_INCARNATION_SIZE; i++)
        hello.incarnation[i] = (uint8_t)(side * 0x80 + (int)i);
    hello.connection = side == 0 ? 7 : 0;
    hello.features = TPI_FEATURE_SPAWN | TPI_FEATURE_GROUPS;
    hello.limits = tpi_wire_limits_default();
    return hello;
}

static void print_hello(const char *name, const struct tpi_hello *hello) {
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    size_t size = tpi_hello_write(hello, bytes, sizeof bytes);
    printf("  \"%s\": {\"version\": %u, \"cluster\": \"%s\", \"name\": \"%s\",\n   ", name,
           hello->version, hello->cluster, hello->name);
    put_hex("incarnation", hello->incarnation, TPI_INCARNATION_SIZE, ",\n");
    printf("   \"connection\": \"%" PRIu64 "\", \"features\": \"%" PRIu64 "\",\n",
           hello->connection, hello->features);
    const struct tpi_wire_limits *limits = &hello->limits;
    printf("   \"limits\": [%u, %u, %u, %u, %u, %u], \"node_id\": \"%" PRIu64 "\",\n   ",
           limits->frame_max, limits->message_max, limits->window, limits->sequences_max,
           limits->assembly_max, limits->heartbeat_ms, tpi_hello_id(hello));
    put_hex("bytes", bytes, size, "},\n");
}

static size_t move(struct tpi_handshake *from, struct tpi_handshake *to, const char *name) {
    uint8_t bytes[2048];
    size_t size = tpi_handshake_output(from, bytes, sizeof bytes), left = size;
    const uint8_t *at = bytes;
    tpi_handshake_input(to, &at, &left);
    printf("  ");
    put_hex(name, bytes, size, ",\n");
    return size;
}

static void print_records(struct tpi_ratchet *out, const char *name, const char *end) {
    uint8_t stream[512];
    struct tpi_frame frame = sample(TPI_FRAME_MESSAGE);
    struct tpi_frame goodbye = {.type = TPI_FRAME_GOODBYE, .count = 2};
    uint8_t frames[256];
    size_t size = 0, used = 0, written = 0;
    for (int i = 0; i < 3; i++) {
        REQUIRE(tpi_frame_encode(i < 2 ? &frame : &goodbye, frames + size, sizeof frames - size,
                                 &used) == TP_OK);
        size += used;
    }
    for (size_t at = 0; at < size; at += 50) {
        size_t now = size - at < 50 ? size - at : 50;
        memcpy(stream + written + TPI_RECORD_HEAD, frames + at, now);
        written += tpi_record_seal(out, stream + written, now);
    }
    printf("  \"%s\": {", name);
    put_hex("frames", frames, size, ",\n   ");
    put_hex("records", stream, written, "}");
    printf("%s\n", end);
}

static void print_handshake(bool plain) {
    uint8_t keys[2][TPI_KEY_SIZE], ephemeral[2][TPI_KEY_SIZE], psk[TPI_KEY_SIZE];
    struct tpi_handshake sides[2];
    key_from(0xa0, psk);
    printf(" \"%s\": {\n", plain ? "plain_handshake" : "handshake");
    for (int i = 0; i < 2; i++) {
        key_from((uint8_t)(0x10 + 0x40 * i), keys[i]);
        key_from((uint8_t)(0x30 + 0x40 * i), ephemeral[i]);
        struct tpi_handshake_config config = {
            .initiator = i == 0,
            .plain = plain,
            .self = hello_of(i),
            .static_private = keys[i],
            .psk = psk,
            .draw = fixed,
            .draw_context = ephemeral[i],
        };
        REQUIRE(tpi_handshake_init(&sides[i], &config) == TP_OK);
        print_hello(i == 0 ? "initiator" : "responder", &config.self);
    }
    if (!plain) {
        printf("  ");
        put_hex("psk", psk, TPI_KEY_SIZE, ",\n  ");
        put_hex("initiator_static", keys[0], TPI_KEY_SIZE, ",\n  ");
        put_hex("responder_static", keys[1], TPI_KEY_SIZE, ",\n  ");
        put_hex("initiator_ephemeral", ephemeral[0], TPI_KEY_SIZE, ",\n  ");
        put_hex("responder_ephemeral", ephemeral[1], TPI_KEY_SIZE, ",\n");
    }
    move(&sides[0], &sides[1], "first");
    move(&sides[1], &sides[0], "second");
    move(&sides[0], &sides[1], "third");
    move(&sides[1], &sides[0], "fourth");
    struct tpi_peer peer;
    struct tpi_cipher send[2], receive[2];
    for (int i = 0; i < 2; i++) {
        REQUIRE(sides[i].status == TPI_HANDSHAKE_DONE);
        tpi_handshake_finish(&sides[i], &peer, &send[i], &receive[i]);
    }
    printf("  \"version\": 1%s\n", plain ? "}," : ",");
    if (plain) return;
    struct tpi_ratchet out[2];
    for (int i = 0; i < 2; i++) tpi_ratchet_init(&out[i], &send[i]);
    print_records(&out[0], "initiator_sends", ",");
    print_records(&out[1], "responder_sends", "},");
}

static void print_rekey(void) {
    struct tpi_cipher cipher = {.keyed = true};
    key_from(0x55, cipher.key);
    printf(" \"rekey\": {");
    put_hex("before", cipher.key, TPI_KEY_SIZE, ", ");
    tpi_cipher_rekey(&cipher);
    put_hex("after", cipher.key, TPI_KEY_SIZE, ",\n  ");
    printf("\"records\": %u, \"bytes\": %u}\n", TPI_REKEY_RECORDS, TPI_REKEY_BYTES);
}

int main(void) {
    REQUIRE(tpi_wire_start() == TP_OK);
    printf("{\n \"noise\": [\n");
    for (int i = 0; i < 4; i++) print_noise(i >= 2, i % 2 == 1, i < 3 ? "," : "\n ],");
    print_frames();
    print_refused();
    print_fragments();
    print_handshake(false);
    print_handshake(true);
    print_rekey();
    printf("}\n");
    return EXIT_SUCCESS;
}
