/*
 * Arbitrary bytes at every place of the handshake. The first byte chooses: the side, the mode, the
 * size of the pieces, and whether the bytes are the stream itself or a payload in the hands of
 * somebody who knows the secret and gets everything else right. In secure mode a stream of
 * arbitrary bytes never ends in a connection, and no name is accepted that breaks the rules.
 * The corpus is made by make_wire_corpus.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "transport/wire/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const uint8_t preamble[] = {'t', 'r', 'o', 'u', 'p', 'e', 1, 1};
static const uint8_t psk[TPI_KEY_SIZE] = {1, 2, 3};
static const uint8_t private_keys[2][TPI_KEY_SIZE] = {{7}, {9}};

static void draw(void *context, void *out, size_t size) {
    uint8_t *next = context;
    memset(out, (*next)++, size);
}

static struct tpi_handshake_config config_of(bool initiator, bool plain, uint8_t *next) {
    struct tpi_handshake_config config = {
        .initiator = initiator,
        .plain = plain,
        .self = {.version = 1, .cluster = "test", .features = 3},
        .static_private = private_keys[initiator],
        .psk = psk,
        .psk_previous = psk,
        .draw = draw,
        .draw_context = next,
    };
    snprintf(config.self.name, sizeof config.self.name, "%s@test", initiator ? "one" : "two");
    config.self.incarnation[0] = initiator ? 1 : 2;
    config.self.limits = tpi_wire_limits_default();
    return config;
}

/* Somebody was accepted: then by the rules. */
static void check_peer(const struct tpi_handshake *handshake) {
    if (handshake->status != TPI_HANDSHAKE_DONE) return;
    const struct tpi_hello *hello = &handshake->peer.hello;
    REQUIRE(tpi_node_name_valid(hello->name, strlen(hello->name)));
    REQUIRE(strcmp(hello->cluster, "test") == 0 && tpi_wire_limits_valid(&hello->limits));
    REQUIRE(memcmp(hello->incarnation, handshake->config.self.incarnation, TPI_INCARNATION_SIZE) !=
            0);
}

static void give(struct tpi_handshake *handshake, const uint8_t *data, size_t size, size_t step) {
    for (size_t begin = 0; begin < size; begin += step) {
        const uint8_t *at = data + begin;
        size_t left = size - begin < step ? size - begin : step, before;
        do {
            before = left;
            tpi_handshake_input(handshake, &at, &left);
        } while (left > 0 && left < before);
        if (step > size) break;
    }
}

static void check_stream(bool initiator, bool plain, const uint8_t *data, size_t size,
                         size_t step) {
    uint8_t next = 50;
    struct tpi_handshake_config config = config_of(initiator, plain, &next);
    struct tpi_handshake handshake;
    REQUIRE(tpi_handshake_init(&handshake, &config) == TP_OK);
    uint8_t drain[4096];
    (void)tpi_handshake_output(&handshake, drain, sizeof drain);
    give(&handshake, data, size, step);
    REQUIRE(plain || handshake.status == TPI_HANDSHAKE_RUNNING ||
            handshake.status == TPI_HANDSHAKE_FAILED);
    check_peer(&handshake);
    REQUIRE(tpi_handshake_end(&handshake) == TPI_HANDSHAKE_FAILED || plain);
    tpi_handshake_wipe(&handshake);
}

/* Sends one noise message with a payload to the handshake; reads the answer if there is one. */
static bool send_payload(struct tpi_handshake *handshake, struct tpi_noise *noise, uint8_t *next,
                         const uint8_t *payload, size_t size, bool answer) {
    uint8_t message[2 + TPI_HANDSHAKE_MESSAGE_MAX], back[4096], opened[4096];
    size_t used = 0;
    if (tpi_noise_write(noise, draw, next, payload, size, message + 2, sizeof message - 2, &used) !=
        TP_OK)
        return false;
    tpi_put16(message, (uint16_t)used);
    give(handshake, message, used + 2, used + 2);
    size_t got = tpi_handshake_output(handshake, back, sizeof back);
    if (!answer || got < 2) return false;
    return tpi_noise_read(noise, back + 2, got - 2, opened, sizeof opened, &used) == TP_OK;
}

/* The bytes are the offer or the hello of an initiator who knows the secret. */
static void check_initiators_payload(bool hello, const uint8_t *data, size_t size) {
    uint8_t next = 50;
    struct tpi_handshake_config config = config_of(false, false, &next);
    struct tpi_handshake handshake;
    struct tpi_noise noise;
    REQUIRE(tpi_handshake_init(&handshake, &config) == TP_OK);
    REQUIRE(tpi_noise_init(&noise, true, preamble, sizeof preamble, private_keys[1], psk) == TP_OK);
    give(&handshake, preamble, sizeof preamble, sizeof preamble);
    static const uint8_t offer[] = {0x92, 1, 1};
    const uint8_t *first = hello ? offer : data;
    bool open = send_payload(&handshake, &noise, &next, first, hello ? sizeof offer : size, true);
    REQUIRE(open || !hello);
    if (hello) send_payload(&handshake, &noise, &next, data, size, false);
    check_peer(&handshake);
    tpi_handshake_wipe(&handshake);
}

/* The bytes are the hello, or the verdict, of a responder who knows the secret. */
static void check_responders_payload(bool verdict, const uint8_t *data, size_t size) {
    uint8_t next = 50, bytes[4096], opened[4096];
    struct tpi_handshake_config config = config_of(true, false, &next);
    struct tpi_handshake handshake;
    struct tpi_noise noise;
    REQUIRE(tpi_handshake_init(&handshake, &config) == TP_OK);
    REQUIRE(tpi_noise_init(&noise, false, preamble, sizeof preamble, private_keys[0], psk) ==
            TP_OK);
    size_t used = tpi_handshake_output(&handshake, bytes, sizeof bytes);
    REQUIRE(tpi_noise_read(&noise, bytes + 10, used - 10, opened, sizeof opened, &used) == TP_OK);
    struct tpi_handshake_config other = config_of(false, false, &next);
    uint8_t hello[TPI_HELLO_SIZE_MAX];
    size_t hello_size = tpi_hello_write(&other.self, hello, sizeof hello);
    bool open = send_payload(&handshake, &noise, &next, verdict ? hello : data,
                             verdict ? hello_size : size, true);
    REQUIRE(open || !verdict);
    struct tpi_cipher send, receive;
    uint8_t message[2 + TPI_HANDSHAKE_MESSAGE_MAX];
    if (verdict && size + TPI_TAG_SIZE <= TPI_HANDSHAKE_MESSAGE_MAX) {
        tpi_noise_split(&noise, &send, &receive);
        REQUIRE(tpi_cipher_seal(&send, NULL, 0, data, size, message + 2));
        tpi_put16(message, (uint16_t)(size + TPI_TAG_SIZE));
        give(&handshake, message, 2 + size + TPI_TAG_SIZE, SIZE_MAX);
    }
    check_peer(&handshake);
    tpi_handshake_wipe(&handshake);
}

/* What reads as a hello, and is written again, reads as the same. */
static void check_hello(const uint8_t *data, size_t size) {
    struct tpi_hello once, twice;
    if (tpi_hello_read(data, size, &once) != TPI_WIRE_OK) return;
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    size_t written = tpi_hello_write(&once, bytes, sizeof bytes);
    REQUIRE(written <= size && tpi_hello_read(bytes, written, &twice) == TPI_WIRE_OK);
    REQUIRE(strcmp(once.name, twice.name) == 0 && once.features == twice.features);
    REQUIRE(memcmp(&once.limits, &twice.limits, sizeof once.limits) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    REQUIRE(tpi_wire_start() == TP_OK);
    unsigned choice = data[0] & 7;
    size_t step = 1 + (data[0] >> 3);
    data++;
    size--;
    switch (choice) {
    case 0: check_stream(false, false, data, size, step); break;
    case 1: check_stream(true, false, data, size, step); break;
    case 2: check_stream(false, true, data, size, step); break;
    case 3: check_stream(true, true, data, size, step); break;
    case 4: check_initiators_payload(false, data, size); break;
    case 5: check_initiators_payload(true, data, size); break;
    case 6: check_responders_payload(false, data, size); break;
    default: check_responders_payload(true, data, size); break;
    }
    check_hello(data, size);
    return 0;
}
