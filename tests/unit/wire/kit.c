/* See kit.h. */
#include "tests/unit/wire/kit.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned digit(char c) {
    return c >= 'a' ? (unsigned)(c - 'a' + 10) : (unsigned)(c - '0');
}

size_t kit_hex(const char *text, uint8_t *out, size_t room) {
    size_t size = strlen(text) / 2;
    TP_ASSERT(strlen(text) % 2 == 0 && size <= room);
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return size;
}

void kit_random(void *rng, void *out, size_t size) {
    for (size_t i = 0; i < size; i++) ((uint8_t *)out)[i] = (uint8_t)tpi_rng_next(rng);
}

void kit_fixed(void *bytes, void *out, size_t size) {
    TP_ASSERT(size == TPI_KEY_SIZE);
    memcpy(out, bytes, size);
}

static enum tpi_verdict check(void *context, const struct tpi_peer *peer) {
    struct side *side = context;
    side->asked++;
    side->asked_id = peer->id;
    return side->answer;
}

void side_init(struct side *side, bool initiator, uint64_t seed) {
    memset(side, 0, sizeof *side);
    tpi_rng_seed(&side->rng, seed);
    kit_random(&side->rng, side->static_private, TPI_KEY_SIZE);
    memset(side->psk, 0x5e, TPI_KEY_SIZE);
    struct tpi_hello *self = &side->config.self;
    snprintf(self->name, sizeof self->name, "node%u@test", (unsigned)seed);
    snprintf(self->cluster, sizeof self->cluster, "test");
    kit_random(&side->rng, self->incarnation, TPI_INCARNATION_SIZE);
    self->connection = 7;
    self->features = TPI_FEATURE_SPAWN | TPI_FEATURE_GROUPS;
    self->limits = tpi_wire_limits_default();
    side->config.initiator = initiator;
    side->config.static_private = side->static_private;
    side->config.psk = side->psk;
    side->config.draw = kit_random;
    side->config.draw_context = &side->rng;
    side->config.check = check;
    side->config.check_context = side;
}

void side_start(struct side *side) {
    TP_ASSERT_EQ_INT(tpi_handshake_init(&side->handshake, &side->config), TP_OK);
}

static bool carry(struct side *from, struct side *to, size_t step) {
    uint8_t bytes[4096];
    size_t size =
        tpi_handshake_output(&from->handshake, bytes, step < sizeof bytes ? step : sizeof bytes);
    const uint8_t *at = bytes;
    size_t left = size;
    tpi_handshake_input(&to->handshake, &at, &left);
    return size > 0;
}

void sides_talk(struct side *a, struct side *b, size_t step) {
    bool moved = true;
    while (moved) {
        moved = carry(a, b, step);
        moved |= carry(b, a, step);
    }
}

struct ciphers sides_finish(struct side *a, struct side *b) {
    TP_ASSERT_EQ_STR(tpi_wire_name(a->handshake.error.code), "OK");
    TP_ASSERT_EQ_STR(tpi_wire_name(b->handshake.error.code), "OK");
    TP_ASSERT_EQ_INT(a->handshake.status, TPI_HANDSHAKE_DONE);
    TP_ASSERT_EQ_INT(b->handshake.status, TPI_HANDSHAKE_DONE);
    struct ciphers c;
    tpi_handshake_finish(&a->handshake, &c.a_peer, &c.a_send, &c.a_receive);
    tpi_handshake_finish(&b->handshake, &c.b_peer, &c.b_send, &c.b_receive);
    return c;
}

struct tpi_frame kit_message(void) {
    static const uint8_t payload[] = {0x92, 0xa1, 'x', 1};
    struct tpi_frame frame = {
        .type = TPI_FRAME_MESSAGE,
        .to_slot = 1,
        .to_generation = 2,
        .from_slot = 3,
        .from_generation = 4,
        .payload = {payload, sizeof payload},
    };
    return frame;
}

size_t kit_append(uint8_t *out, size_t room, size_t size, const struct tpi_frame *frame) {
    size_t used = 0;
    TP_ASSERT_EQ_INT(tpi_frame_encode(frame, out + size, room - size, &used), TP_OK);
    return size + used;
}

static void *counting_alloc(void *context, size_t size) {
    struct counting *counting = context;
    if (counting->in_use + size > counting->limit) return NULL;
    counting->in_use += size;
    if (counting->in_use > counting->most) counting->most = counting->in_use;
    return malloc(size);
}

static void counting_free(void *context, void *pointer, size_t size) {
    struct counting *counting = context;
    TP_ASSERT(counting->in_use >= size);
    counting->in_use -= size;
    free(pointer);
}

void counting_init(struct counting *counting, size_t limit) {
    memset(counting, 0, sizeof *counting);
    counting->allocator = (struct tp_allocator){counting_alloc, counting_free, counting};
    counting->limit = limit;
}
