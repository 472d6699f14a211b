/*
 * What the tests of the wire share: hex, a seeded source of keys, two handshakes that talk to each
 * other, and an allocator that counts.
 */
#ifndef TESTS_WIRE_KIT_H
#define TESTS_WIRE_KIT_H

#include <troupe/runtime.h>

#include "core/base/rng.h"
#include "tests/support/test.h"
#include "transport/wire/handshake.h"
#include "transport/wire/record.h"

/* Bytes of hex text; their number. */
size_t kit_hex(const char *text, uint8_t *out, size_t room);
/* A tpi_wire_random over a struct tpi_rng. */
void kit_random(void *rng, void *out, size_t size);
/* A tpi_wire_random that gives the 32 bytes that its context points to. */
void kit_fixed(void *bytes, void *out, size_t size);

/* One side of a handshake, with keys that follow from its seed. */
struct side {
    struct tpi_handshake_config config;
    struct tpi_handshake handshake;
    struct tpi_rng rng;
    uint8_t static_private[TPI_KEY_SIZE];
    uint8_t psk[TPI_KEY_SIZE], psk_previous[TPI_KEY_SIZE];
    enum tpi_verdict answer; /* of the check, when it is asked */
    unsigned asked;
    uint64_t asked_id;
};

/* Fills the config: node "nodeSEED@test" of cluster "test", which checks with `answer`. Change what
 * you like, then start it. */
void side_init(struct side *side, bool initiator, uint64_t seed);
void side_start(struct side *side);
/* Carries bytes both ways until nobody has any; at most `step` bytes at a time. */
void sides_talk(struct side *a, struct side *b, size_t step);
/* Both are done: gives their ciphers. */
struct ciphers {
    struct tpi_cipher a_send, a_receive, b_send, b_receive;
    struct tpi_peer a_peer, b_peer;
};
struct ciphers sides_finish(struct side *a, struct side *b);
/* The state of a failed side. */
#define ASSERT_FAILED(side_, code_)                                                                \
    do {                                                                                           \
        TP_ASSERT_EQ_INT((side_).handshake.status, TPI_HANDSHAKE_FAILED);                          \
        TP_ASSERT_EQ_STR(tpi_wire_name((side_).handshake.error.code), #code_);                     \
    } while (0)

/* A MESSAGE frame with the payload ["x", 1]. */
struct tpi_frame kit_message(void);
/* Appends an encoded frame; the new size. */
size_t kit_append(uint8_t *out, size_t room, size_t size, const struct tpi_frame *frame);

/* An allocator that knows what is in use, and can be told to fail. */
struct counting {
    struct tp_allocator allocator;
    size_t in_use, most;
    size_t limit; /* bytes; beyond: NULL */
};
void counting_init(struct counting *counting, size_t limit);

#endif
