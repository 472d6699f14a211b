/* See attacker.h. */
#include "tests/unit/node/attacker.h"

#include <stdio.h>
#include <string.h>

#include "core/platform/platform.h"

void attacker_open(struct attacker *attacker, const char *url) {
    attacker->closed = false;
    attacker->sent_size = 0;
    TP_ASSERT_EQ_INT(tpi_socket_connect(&attacker->descriptor, url), TP_OK);
}

void attacker_close(struct attacker *attacker) {
    tpi_descriptor_close(attacker->descriptor);
}

bool attacker_write(struct attacker *attacker, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    if (attacker->sent_size + size <= sizeof attacker->sent) {
        memcpy(attacker->sent + attacker->sent_size, bytes, size);
        attacker->sent_size += size;
    }
    tp_time until = tpi_clock_monotonic() + PLENTY;
    while (size > 0 && !attacker->closed) {
        size_t done = 0;
        tp_err err = tpi_socket_write(attacker->descriptor, at, size, &done);
        if (err == TP_OK) {
            at += done;
            size -= done;
        } else if (err == TP_EBUSY) {
            TP_ASSERT(tpi_clock_monotonic() < until);
            moment();
        } else {
            attacker->closed = true;
        }
    }
    return !attacker->closed;
}

/* Some bytes of the node's; 0: it has closed. */
static size_t read_some(struct attacker *attacker, uint8_t *bytes, size_t size) {
    tp_time until = tpi_clock_monotonic() + PLENTY;
    for (;;) {
        size_t done = 0;
        tp_err err = tpi_socket_read(attacker->descriptor, bytes, size, &done);
        if (err == TP_OK && done > 0) return done;
        if (err != TP_EBUSY && err != TP_OK) attacker->closed = true;
        if (attacker->closed) return 0;
        TP_ASSERT_MSG(tpi_clock_monotonic() < until, "the node neither answers nor closes");
        moment();
    }
}

void attacker_wait_closed(struct attacker *attacker) {
    uint8_t bytes[4096];
    while (!attacker->closed) (void)read_some(attacker, bytes, sizeof bytes);
}

static void draw(void *context, void *out, size_t size) {
    struct attacker *attacker = context;
    uint8_t *at = out;
    for (size_t i = 0; i < size; i++) {
        attacker->drawn = attacker->drawn * 6364136223846793005u + 1442695040888963407u;
        at[i] = (uint8_t)(attacker->drawn >> 33);
    }
}

void attacker_be(struct attacker *attacker, const char *name, const void *secret) {
    static uint64_t started = 1;
    attacker->flip = attacker->cut = SIZE_MAX;
    static const uint8_t key[TPI_KEY_SIZE] = "the key of somebody unknown....";
    attacker->drawn = started++;
    attacker->config = (struct tpi_handshake_config){
        .initiator = true, .plain = secret == NULL, .draw = draw, .draw_context = attacker};
    attacker->config.static_private = secret == NULL ? NULL : key;
    attacker->config.psk = secret;
    struct tpi_hello *self = &attacker->config.self;
    snprintf(self->name, sizeof self->name, "%s", name);
    draw(attacker, self->incarnation, sizeof self->incarnation);
    self->limits = tpi_wire_limits_default();
}

/* The handshake's next bytes, perhaps spoiled; then nothing more follows. */
static bool put(struct attacker *attacker, uint8_t *bytes, size_t size) {
    size_t at = attacker->sent_size;
    bool flips = attacker->flip >= at && attacker->flip < at + size;
    bool cuts = attacker->cut >= at && attacker->cut < at + size;
    if (flips) bytes[attacker->flip - at] ^= 1;
    if (cuts) size = attacker->cut - at;
    if (!attacker_write(attacker, bytes, size)) return false;
    if (flips || cuts) tpi_socket_shutdown_write(attacker->descriptor);
    return true;
}

enum tpi_handshake_status attacker_shake(struct attacker *attacker, const char *url,
                                         const char *name, const void *secret) {
    attacker_open(attacker, url);
    if (name != NULL) attacker_be(attacker, name, secret);
    struct tpi_handshake *handshake = &attacker->handshake;
    TP_ASSERT_EQ_INT(tpi_handshake_init(handshake, &attacker->config), TP_OK);
    while (handshake->status == TPI_HANDSHAKE_RUNNING) {
        uint8_t bytes[2048];
        size_t size = tpi_handshake_output(handshake, bytes, sizeof bytes);
        if (size > 0 && !put(attacker, bytes, size)) break;
        size = read_some(attacker, bytes, 1); /* no byte of the frames */
        if (size == 0) break;
        const uint8_t *at = bytes;
        (void)tpi_handshake_input(handshake, &at, &size);
    }
    if (handshake->status != TPI_HANDSHAKE_DONE) return tpi_handshake_end(handshake);
    struct tpi_peer peer;
    struct tpi_cipher send, receive;
    tpi_handshake_finish(handshake, &peer, &send, &receive);
    tpi_ratchet_init(&attacker->send, &send);
    return TPI_HANDSHAKE_DONE;
}

bool attacker_send(struct attacker *attacker, const void *bytes, size_t size) {
    if (attacker->config.plain) return attacker_write(attacker, bytes, size);
    TP_ASSERT(size <= TPI_RECORD_PLAIN_MAX);
    memcpy(attacker->record + TPI_RECORD_HEAD, bytes, size);
    size = tpi_record_seal(&attacker->send, attacker->record, size);
    return attacker_write(attacker, attacker->record, size);
}

bool attacker_frame(struct attacker *attacker, const struct tpi_frame *frame) {
    uint8_t bytes[2048];
    size_t used = 0;
    TP_ASSERT_EQ_INT(tpi_frame_encode(frame, bytes, sizeof bytes, &used), TP_OK);
    return attacker_send(attacker, bytes, used);
}
