/*
 * The handshake of two nodes, as a state machine over bytes, in both roles and both modes: secure
 * (Noise, then records) or plain (hellos only; for loopback by explicit choice).
 *
 *     initiator -> responder   preamble, offer of versions
 *     initiator <- responder   hello
 *     initiator -> responder   hello
 *     initiator <- responder   verdict
 *
 * The caller carries bytes: what tpi_handshake_output gives it sends, what arrives goes into
 * tpi_handshake_input. Time limits are the caller's. The struct holds secrets and buffers of fixed
 * size; it allocates nothing.
 */
#ifndef TPI_WIRE_HANDSHAKE_H
#define TPI_WIRE_HANDSHAKE_H

#include "transport/wire/hello.h"
#include "transport/wire/noise.h"

#define TPI_PREAMBLE_SIZE 8
#define TPI_HANDSHAKE_MESSAGE_MAX 1024 /* bytes of one message behind its length */

struct tpi_handshake;

/* Who the peer proved to be. */
struct tpi_peer {
    struct tpi_hello hello;
    uint64_t id;               /* its node id */
    uint64_t features;         /* in common */
    uint8_t key[TPI_KEY_SIZE]; /* its static public key; zeros in plain mode */
    bool secure;
};

/*
 * The peer is authenticated: is it welcome? Called once, before this side's own name goes out (as
 * initiator) or before the verdict (as responder). Any verdict but WELCOME ends the handshake; a
 * responder may say LATER and call tpi_handshake_judge when it knows.
 */
typedef enum tpi_verdict (*tpi_peer_check)(void *context, const struct tpi_peer *peer);

struct tpi_handshake_config {
    bool initiator;
    bool plain;
    uint8_t version_min, version_max; /* 0, 0: what this code speaks */
    struct tpi_hello self;            /* version is ignored */
    uint64_t features_required;       /* of the peer */
    const uint8_t *static_private;    /* TPI_KEY_SIZE; copied; NULL in plain mode */
    const uint8_t *psk;               /* the cluster secret, TPI_KEY_SIZE; copied */
    const uint8_t *psk_previous; /* a responder also takes this one, during rotation, or NULL */
    tpi_wire_random draw;        /* for the ephemeral key */
    void *draw_context;
    tpi_peer_check check; /* NULL: everybody who knows the secret is welcome */
    void *check_context;
};

enum tpi_handshake_status {
    TPI_HANDSHAKE_RUNNING, /* wants input (or its output sent) */
    TPI_HANDSHAKE_JUDGE,   /* wants tpi_handshake_judge */
    TPI_HANDSHAKE_DONE,    /* send what is left of the output, then tpi_handshake_finish */
    TPI_HANDSHAKE_FAILED   /* send what is left of the output, then close */
};

struct tpi_handshake {
    struct tpi_handshake_config config;
    enum tpi_handshake_status status;
    unsigned step; /* messages exchanged so far, 0 to 4 */
    uint64_t offset;
    struct tpi_wire_error error; /* when FAILED */
    enum tpi_verdict verdict;    /* with REFUSED: what the peer said; with IDENTITY: what we did */
    struct tpi_peer peer;        /* from JUDGE on, and in DONE */
    uint8_t version;             /* chosen */
    bool preamble_read;
    struct tpi_noise noise;
    struct tpi_cipher send, receive;
    uint8_t static_private[TPI_KEY_SIZE], psk[TPI_KEY_SIZE], psk_previous[TPI_KEY_SIZE];
    size_t have;                               /* bytes in `in` */
    size_t out_size;                           /* bytes in `out` */
    uint8_t in[2 + TPI_HANDSHAKE_MESSAGE_MAX]; /* an unfinished message */
    uint8_t out[TPI_PREAMBLE_SIZE + 2 + TPI_HANDSHAKE_MESSAGE_MAX];
};

/*
 * Starts; an initiator then has output. The config is copied, secrets too; contexts must outlive
 * the handshake. TP_EINVAL for a config that cannot work (missing keys, bad name, bad limits).
 */
tp_err tpi_handshake_init(struct tpi_handshake *handshake,
                          const struct tpi_handshake_config *config);
/* Takes input, no byte more than the handshake's own. Afterwards look for output. */
enum tpi_handshake_status tpi_handshake_input(struct tpi_handshake *handshake, const uint8_t **at,
                                              size_t *left);
/* Moves out what is to be sent, at most `room` bytes; their number. */
size_t tpi_handshake_output(struct tpi_handshake *handshake, uint8_t *out, size_t room);
/* In JUDGE: the verdict, which is sent; any but WELCOME fails the handshake with IDENTITY. */
enum tpi_handshake_status tpi_handshake_judge(struct tpi_handshake *handshake,
                                              enum tpi_verdict verdict);
/* The stream has ended: FAILED with TRUNCATED unless it was over. */
enum tpi_handshake_status tpi_handshake_end(struct tpi_handshake *handshake);
/* In DONE: gives the peer and the ciphers (without a key in plain mode), and wipes the rest. */
void tpi_handshake_finish(struct tpi_handshake *handshake, struct tpi_peer *peer,
                          struct tpi_cipher *send, struct tpi_cipher *receive);
/* Overwrites all secrets; in any state. */
void tpi_handshake_wipe(struct tpi_handshake *handshake);

#endif
