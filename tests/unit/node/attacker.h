/*
 * Somebody who speaks the protocol's bytes by hand: a raw connection to a listening node, with or
 * without the cluster's secret.
 */
#ifndef TESTS_NODE_ATTACKER_H
#define TESTS_NODE_ATTACKER_H

#include "tests/unit/node/kit.h"
#include "transport/wire/batch.h"
#include "transport/wire/handshake.h"
#include "transport/wire/record.h"

struct attacker {
    int descriptor;
    bool closed; /* by the node */
    size_t flip; /* of the handshake's bytes: one bit of this one is wrong; SIZE_MAX: none */
    size_t cut;  /* and only so many go out; SIZE_MAX: all */
    uint64_t drawn;
    struct tpi_handshake_config config;
    struct tpi_handshake handshake;
    struct tpi_ratchet send;
    size_t sent_size; /* all that went out, to be sent again */
    uint8_t sent[4096];
    uint8_t record[70000];
};

/* Connects, and says nothing. */
void attacker_open(struct attacker *attacker, const char *url);
void attacker_close(struct attacker *attacker);
/* Writes; false when the node has closed. */
bool attacker_write(struct attacker *attacker, const void *bytes, size_t size);
/* Waits until the node has closed. */
void attacker_wait_closed(struct attacker *attacker);
/* The node's handshake as an initiator of this name, with this secret (NULL: plain). */
void attacker_be(struct attacker *attacker, const char *name, const void *secret);
/* Connects and does it; how it ended. */
enum tpi_handshake_status attacker_shake(struct attacker *attacker, const char *url,
                                         const char *name, const void *secret);
/* Bytes as frames: in a record when there is a secret. */
bool attacker_send(struct attacker *attacker, const void *bytes, size_t size);
/* One well-formed frame. */
bool attacker_frame(struct attacker *attacker, const struct tpi_frame *frame);

#endif
