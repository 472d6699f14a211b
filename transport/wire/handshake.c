/*
 * The handshake. Step n is the message with number n; even ones come from the initiator. Payloads
 * are the same in both modes; in secure mode Noise carries them, and the preamble is its prologue,
 * so that nobody on the path can turn one mode or version into another.
 *
 * A refusal is told to the peer only once it has proved that it knows the secret, and then only as
 * a verdict; before that the stream just ends.
 */
#include "transport/wire/handshake.h"

#include "core/base/assert.h"

/* "troupe", the preamble's own version, the mode. */
static const uint8_t preambles[2][TPI_PREAMBLE_SIZE] = {
    {'t', 'r', 'o', 'u', 'p', 'e', 1, 1}, /* secure */
    {'t', 'r', 'o', 'u', 'p', 'e', 1, 0}, /* plain */
};

static const uint8_t *our_preamble(const struct tpi_handshake *handshake) {
    return preambles[handshake->config.plain];
}

static enum tpi_handshake_status fail(struct tpi_handshake *handshake, enum tpi_wire_code code) {
    TPI_ASSERT(code != TPI_WIRE_OK);
    handshake->error = (struct tpi_wire_error){code, handshake->offset};
    handshake->status = TPI_HANDSHAKE_FAILED;
    tpi_noise_wipe(&handshake->noise);
    tpi_secret_wipe(&handshake->send, sizeof handshake->send);
    tpi_secret_wipe(&handshake->receive, sizeof handshake->receive);
    return handshake->status;
}

/* ---- output ---- */

static void wrap(struct tpi_handshake *handshake, const uint8_t *payload, size_t size) {
    uint8_t *at = handshake->out + handshake->out_size;
    size_t room = sizeof handshake->out - handshake->out_size;
    TPI_ASSERT(room >= 2 + size + 2 * (TPI_KEY_SIZE + TPI_TAG_SIZE));
    size_t used = size;
    if (handshake->config.plain) {
        memcpy(at + 2, payload, size);
    } else if (handshake->step < 3) {
        tp_err err =
            tpi_noise_write(&handshake->noise, handshake->config.draw,
                            handshake->config.draw_context, payload, size, at + 2, room - 2, &used);
        if (err != TP_OK) {
            fail(handshake, TPI_WIRE_AUTHENTICATION);
            return;
        }
    } else {
        bool sealed = tpi_cipher_seal(&handshake->send, NULL, 0, payload, size, at + 2);
        TPI_ASSERT(sealed);
        used = size + TPI_TAG_SIZE;
    }
    tpi_put16(at, (uint16_t)used);
    handshake->out_size += 2 + used;
    handshake->step++;
}

static void send_offer(struct tpi_handshake *handshake) {
    uint8_t payload[TPI_OFFER_SIZE_MAX];
    size_t size = tpi_offer_write(handshake->config.version_min, handshake->config.version_max,
                                  payload, sizeof payload);
    memcpy(handshake->out, our_preamble(handshake), TPI_PREAMBLE_SIZE);
    handshake->out_size = TPI_PREAMBLE_SIZE;
    wrap(handshake, payload, size);
}

static void send_hello(struct tpi_handshake *handshake) {
    uint8_t payload[TPI_HELLO_SIZE_MAX];
    handshake->config.self.version = handshake->version;
    size_t size = tpi_hello_write(&handshake->config.self, payload, sizeof payload);
    wrap(handshake, payload, size);
}

/* ---- input ---- */

static enum tpi_wire_code hello_check(struct tpi_handshake *handshake) {
    const struct tpi_hello *self = &handshake->config.self, *peer = &handshake->peer.hello;
    if (strcmp(self->cluster, peer->cluster) != 0) return TPI_WIRE_CLUSTER;
    uint64_t required = handshake->config.features_required;
    if ((peer->features & required) != required) return TPI_WIRE_FEATURES;
    if (memcmp(self->incarnation, peer->incarnation, TPI_INCARNATION_SIZE) == 0)
        return TPI_WIRE_SELF;
    if (handshake->peer.id == tpi_hello_id(self)) return TPI_WIRE_COLLISION;
    return TPI_WIRE_OK;
}

static enum tpi_verdict ask(struct tpi_handshake *handshake) {
    if (handshake->config.check == NULL) return TPI_VERDICT_WELCOME;
    return handshake->config.check(handshake->config.check_context, &handshake->peer);
}

static enum tpi_wire_code take_peer(struct tpi_handshake *handshake, const uint8_t *payload,
                                    size_t size) {
    struct tpi_peer *peer = &handshake->peer;
    enum tpi_wire_code code = tpi_hello_read(payload, size, &peer->hello);
    peer->id = tpi_hello_id(&peer->hello);
    peer->features = peer->hello.features & handshake->config.self.features;
    peer->secure = !handshake->config.plain;
    if (peer->secure) memcpy(peer->key, handshake->noise.peer_static, TPI_KEY_SIZE);
    return code;
}

static void take_offer(struct tpi_handshake *handshake, const uint8_t *payload, size_t size) {
    uint8_t least, most;
    enum tpi_wire_code code = tpi_offer_read(payload, size, &least, &most);
    if (code != TPI_WIRE_OK) {
        fail(handshake, code);
        return;
    }
    const struct tpi_handshake_config *config = &handshake->config;
    if (most > config->version_max) most = config->version_max;
    if (least < config->version_min) least = config->version_min;
    handshake->version = least <= most ? most : 0;
    send_hello(handshake);
    if (handshake->version == 0) fail(handshake, TPI_WIRE_VERSION);
}

/* The responder's hello, at the initiator. */
static void take_answer(struct tpi_handshake *handshake, const uint8_t *payload, size_t size) {
    enum tpi_wire_code code = take_peer(handshake, payload, size);
    uint8_t version = handshake->peer.hello.version;
    if (code == TPI_WIRE_OK &&
        (version < handshake->config.version_min || version > handshake->config.version_max))
        code = TPI_WIRE_VERSION;
    if (code == TPI_WIRE_OK) code = hello_check(handshake);
    if (code == TPI_WIRE_OK) {
        handshake->verdict = ask(handshake);
        if (handshake->verdict != TPI_VERDICT_WELCOME) code = TPI_WIRE_IDENTITY;
    }
    if (code != TPI_WIRE_OK) {
        fail(handshake, code);
        return;
    }
    handshake->version = version;
    send_hello(handshake);
    if (!handshake->config.plain && handshake->status == TPI_HANDSHAKE_RUNNING)
        tpi_noise_split(&handshake->noise, &handshake->send, &handshake->receive);
}

static void send_verdict(struct tpi_handshake *handshake, enum tpi_verdict verdict) {
    uint8_t payload[TPI_OFFER_SIZE_MAX];
    handshake->verdict = verdict;
    wrap(handshake, payload, tpi_verdict_write(verdict, payload, sizeof payload));
}

/* The initiator's hello, at the responder. */
static void take_hello(struct tpi_handshake *handshake, const uint8_t *payload, size_t size) {
    if (!handshake->config.plain)
        tpi_noise_split(&handshake->noise, &handshake->send, &handshake->receive);
    enum tpi_wire_code code = take_peer(handshake, payload, size);
    if (code == TPI_WIRE_OK && handshake->peer.hello.version != handshake->version)
        code = TPI_WIRE_VERSION;
    if (code == TPI_WIRE_OK) code = hello_check(handshake);
    if (code != TPI_WIRE_OK) {
        send_verdict(handshake, TPI_VERDICT_INCOMPATIBLE);
        fail(handshake, code);
        return;
    }
    handshake->status = TPI_HANDSHAKE_JUDGE;
    enum tpi_verdict verdict = ask(handshake);
    if (verdict != TPI_VERDICT_LATER) tpi_handshake_judge(handshake, verdict);
}

static void take_verdict(struct tpi_handshake *handshake, const uint8_t *payload, size_t size) {
    enum tpi_wire_code code = tpi_verdict_read(payload, size, &handshake->verdict);
    if (code == TPI_WIRE_OK && handshake->verdict != TPI_VERDICT_WELCOME) code = TPI_WIRE_REFUSED;
    if (code == TPI_WIRE_OK) handshake->status = TPI_HANDSHAKE_DONE;
    else fail(handshake, code);
}

/* Starts Noise anew with one of the two secrets. */
static bool noise_start(struct tpi_handshake *handshake, const uint8_t *psk) {
    return tpi_noise_init(&handshake->noise, handshake->config.initiator, our_preamble(handshake),
                          TPI_PREAMBLE_SIZE, handshake->static_private, psk) == TP_OK;
}

/* The payload of a message: decrypted, or as it is in plain mode. */
static bool unwrap(struct tpi_handshake *handshake, const uint8_t *message, size_t size,
                   uint8_t *payload, size_t *used) {
    if (handshake->config.plain) {
        memcpy(payload, message, size);
        *used = size;
        return true;
    }
    if (handshake->step == 3) {
        if (size < TPI_TAG_SIZE) return false;
        *used = size - TPI_TAG_SIZE;
        return tpi_cipher_open(&handshake->receive, NULL, 0, message, size, payload);
    }
    const size_t room = TPI_HANDSHAKE_MESSAGE_MAX;
    if (tpi_noise_read(&handshake->noise, message, size, payload, room, used) == TP_OK) return true;
    bool again = handshake->step == 0 && handshake->config.psk_previous != NULL;
    return again && noise_start(handshake, handshake->psk_previous) &&
           tpi_noise_read(&handshake->noise, message, size, payload, room, used) == TP_OK;
}

static void take_message(struct tpi_handshake *handshake, const uint8_t *message, size_t size) {
    uint8_t payload[TPI_HANDSHAKE_MESSAGE_MAX];
    size_t used = 0;
    if (!unwrap(handshake, message, size, payload, &used)) {
        fail(handshake, TPI_WIRE_AUTHENTICATION);
        return;
    }
    TPI_ASSERT(used <= sizeof payload && handshake->step < 4);
    switch (handshake->step++) {
    case 0: take_offer(handshake, payload, used); break;
    case 1: take_answer(handshake, payload, used); break;
    case 2: take_hello(handshake, payload, used); break;
    default: take_verdict(handshake, payload, used); break;
    }
    tpi_secret_wipe(payload, sizeof payload);
}

/* Collects `wanted` bytes in `in`; true when they are there. */
static bool collect(struct tpi_handshake *handshake, size_t wanted, const uint8_t **at,
                    size_t *left) {
    TPI_ASSERT(wanted <= sizeof handshake->in);
    if (handshake->have >= wanted) return true;
    size_t size = wanted - handshake->have;
    if (size > *left) size = *left;
    if (size > 0) memcpy(handshake->in + handshake->have, *at, size);
    handshake->have += size;
    *at += size;
    *left -= size;
    return handshake->have == wanted;
}

/* True when the preamble is read; a wrong one is noticed at its first wrong byte. */
static bool read_preamble(struct tpi_handshake *handshake, const uint8_t **at, size_t *left) {
    if (handshake->preamble_read) return true;
    bool whole = collect(handshake, TPI_PREAMBLE_SIZE, at, left);
    size_t same = handshake->have < TPI_PREAMBLE_SIZE ? handshake->have : TPI_PREAMBLE_SIZE - 1;
    if (memcmp(handshake->in, our_preamble(handshake), same) != 0)
        fail(handshake, TPI_WIRE_PREAMBLE);
    else if (whole && memcmp(handshake->in, preambles[!handshake->config.plain], 8) == 0)
        fail(handshake, TPI_WIRE_MODE);
    else if (whole && memcmp(handshake->in, our_preamble(handshake), 8) != 0)
        fail(handshake, TPI_WIRE_PREAMBLE);
    if (!whole || handshake->status != TPI_HANDSHAKE_RUNNING) return false;
    handshake->preamble_read = true;
    handshake->have = 0;
    handshake->offset = TPI_PREAMBLE_SIZE;
    return true;
}

enum tpi_handshake_status tpi_handshake_input(struct tpi_handshake *handshake, const uint8_t **at,
                                              size_t *left) {
    while (handshake->status == TPI_HANDSHAKE_RUNNING && *left > 0) {
        if (handshake->step % 2 == (handshake->config.initiator ? 0 : 1)) break; /* not its turn */
        if (!read_preamble(handshake, at, left)) break;
        if (!collect(handshake, 2, at, left)) break;
        size_t size = tpi_get16(handshake->in);
        if (size == 0 || size > TPI_HANDSHAKE_MESSAGE_MAX)
            return fail(handshake, TPI_WIRE_HANDSHAKE_LENGTH);
        if (!collect(handshake, 2 + size, at, left)) break;
        handshake->have = 0;
        take_message(handshake, handshake->in + 2, size);
        handshake->offset += 2 + size;
    }
    return handshake->status;
}

/* ---- the rest ---- */

/* What our own hello would say must be what we would take from a peer. */
static bool hello_valid(const struct tpi_hello *self) {
    if (strnlen(self->name, sizeof self->name) == sizeof self->name) return false;
    if (strnlen(self->cluster, sizeof self->cluster) == sizeof self->cluster) return false;
    uint8_t bytes[TPI_HELLO_SIZE_MAX];
    struct tpi_hello copy;
    return tpi_hello_read(bytes, tpi_hello_write(self, bytes, sizeof bytes), &copy) == TPI_WIRE_OK;
}

static bool config_valid(const struct tpi_handshake_config *config) {
    if (config->version_min == 0 || config->version_min > config->version_max) return false;
    if (!config->plain &&
        (config->psk == NULL || config->static_private == NULL || config->draw == NULL))
        return false;
    return hello_valid(&config->self);
}

tp_err tpi_handshake_init(struct tpi_handshake *handshake,
                          const struct tpi_handshake_config *config) {
    memset(handshake, 0, sizeof *handshake);
    handshake->config = *config;
    struct tpi_handshake_config *own = &handshake->config;
    if (own->version_max == 0) {
        own->version_min = TPI_WIRE_VERSION_MIN;
        own->version_max = TPI_WIRE_VERSION_MAX;
    }
    if (tpi_wire_start() != TP_OK) return TP_EIO;
    if (!config_valid(own)) return TP_EINVAL;
    if (!own->plain) {
        memcpy(handshake->psk, own->psk, TPI_KEY_SIZE);
        memcpy(handshake->static_private, own->static_private, TPI_KEY_SIZE);
        if (own->psk_previous != NULL) {
            memcpy(handshake->psk_previous, own->psk_previous, TPI_KEY_SIZE);
            own->psk_previous = handshake->psk_previous;
        }
        own->psk = handshake->psk;
        own->static_private = handshake->static_private;
        if (!noise_start(handshake, handshake->psk)) return TP_EINVAL;
    }
    handshake->preamble_read = own->initiator; /* it sends one and gets none */
    if (own->initiator) send_offer(handshake);
    return handshake->status == TPI_HANDSHAKE_FAILED ? TP_EINVAL : TP_OK;
}

size_t tpi_handshake_output(struct tpi_handshake *handshake, uint8_t *out, size_t room) {
    size_t size = handshake->out_size < room ? handshake->out_size : room;
    if (size == 0) return 0;
    memcpy(out, handshake->out, size);
    handshake->out_size -= size;
    memmove(handshake->out, handshake->out + size, handshake->out_size);
    return size;
}

enum tpi_handshake_status tpi_handshake_judge(struct tpi_handshake *handshake,
                                              enum tpi_verdict verdict) {
    TPI_ASSERT(handshake->status == TPI_HANDSHAKE_JUDGE && verdict < TPI_VERDICT_COUNT);
    handshake->status = TPI_HANDSHAKE_RUNNING;
    send_verdict(handshake, verdict);
    if (verdict != TPI_VERDICT_WELCOME) return fail(handshake, TPI_WIRE_IDENTITY);
    return handshake->status = TPI_HANDSHAKE_DONE;
}

enum tpi_handshake_status tpi_handshake_end(struct tpi_handshake *handshake) {
    if (handshake->status == TPI_HANDSHAKE_RUNNING || handshake->status == TPI_HANDSHAKE_JUDGE)
        return fail(handshake, TPI_WIRE_TRUNCATED);
    return handshake->status;
}

void tpi_handshake_finish(struct tpi_handshake *handshake, struct tpi_peer *peer,
                          struct tpi_cipher *send, struct tpi_cipher *receive) {
    TPI_ASSERT(handshake->status == TPI_HANDSHAKE_DONE);
    *peer = handshake->peer;
    *send = handshake->send;
    *receive = handshake->receive;
    tpi_handshake_wipe(handshake);
}

void tpi_handshake_wipe(struct tpi_handshake *handshake) {
    tpi_secret_wipe(handshake, sizeof *handshake);
    handshake->status = TPI_HANDSHAKE_FAILED;
}
