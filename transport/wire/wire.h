/*
 * What all of the wire shares: its errors, its limits, numbers in network order, and who a node is.
 *
 * Nothing in this room does I/O, reads a clock or draws a random number: state machines over bytes
 * that the caller carries. Nothing aborts on a peer's bytes, and no count or length of a peer's
 * makes anything allocate. The protocol itself is written down in docs/wire-protocol.md. One thread
 * at a time for each object.
 */
#ifndef TPI_WIRE_H
#define TPI_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <troupe/base.h>

/* Every way in which a peer's bytes are refused: name, and the sentence for the log. */
#define TPI_WIRE_ERROR_MAP(X)                                                                      \
    X(OK, "no error")                                                                              \
    X(LENGTH, "the frame is empty or longer than the limit")                                       \
    X(TYPE, "there is no frame of this type")                                                      \
    X(FLAGS, "the frame has flags that its type does not know")                                    \
    X(SHORT, "the frame ends inside of its fields")                                                \
    X(LONG, "bytes are left over after the frame's fields")                                        \
    X(PID, "a pid is null where there must be one")                                                \
    X(REF, "a reference is zero")                                                                  \
    X(VALUE, "a field is out of its range")                                                        \
    X(PAYLOAD, "the payload is not one well-formed message")                                       \
    X(COUNT, "the sender's count of frames is not ours: some were lost")                           \
    X(CREDIT, "credit for bytes that were never sent, or taken back")                              \
    X(WINDOW, "more bytes were sent than there was credit for")                                    \
    X(FRAGMENT, "a fragment does not continue its sequence")                                       \
    X(SEQUENCES, "more unfinished sequences than the limit allows")                                \
    X(AFTER_GOODBYE, "bytes follow the goodbye")                                                   \
    X(TRUNCATED, "the stream ended without a goodbye")                                             \
    X(RECORD_LENGTH, "the record is too short or too long")                                        \
    X(RECORD, "the record does not authenticate: forged, replayed, reordered or lost")             \
    X(EXHAUSTED, "the key has no nonce left")                                                      \
    X(PREAMBLE, "the first bytes are not this protocol's")                                         \
    X(MODE, "one side wants encryption and the other does not")                                    \
    X(HANDSHAKE_LENGTH, "the handshake message is too short or too long")                          \
    X(AUTHENTICATION, "the handshake message does not authenticate: another secret, or forged")    \
    X(HELLO, "the handshake's payload is malformed")                                               \
    X(VERSION, "no protocol version in common")                                                    \
    X(CLUSTER, "the peer belongs to another cluster")                                              \
    X(FEATURES, "the peer lacks a feature that is required")                                       \
    X(LIMITS, "the peer announces limits that nobody can work with")                               \
    X(SELF, "the peer is this node")                                                               \
    X(COLLISION, "the peer has this node's id under another name")                                 \
    X(IDENTITY, "the peer's key or name was not accepted here")                                    \
    X(REFUSED, "the peer refused the connection")                                                  \
    X(MEMORY, "no memory for what was to be received")

enum tpi_wire_code {
#define TPI_WIRE_ERROR_ENUM(name, text) TPI_WIRE_##name,
    TPI_WIRE_ERROR_MAP(TPI_WIRE_ERROR_ENUM)
#undef TPI_WIRE_ERROR_ENUM
        TPI_WIRE_CODE_COUNT
};

/* What was wrong and where. */
struct tpi_wire_error {
    enum tpi_wire_code code;
    uint64_t offset; /* bytes of the stream before the offending frame, record or message */
};

/* The sentence for a code, never NULL; a static string. */
const char *tpi_wire_text(enum tpi_wire_code code);
/* The name of a code ("LENGTH"), never NULL; a static string. */
const char *tpi_wire_name(enum tpi_wire_code code);

/* What a side accepts; told to the peer in the handshake. */
struct tpi_wire_limits {
    uint32_t frame_max;     /* bytes of one frame behind its length field */
    uint32_t message_max;   /* bytes of one message, reassembled */
    uint32_t window;        /* bytes of signal frames that may be on their way without credit */
    uint32_t sequences_max; /* unfinished sequences of fragments at a time */
    uint32_t assembly_max;  /* of all unfinished sequences together: the sum of their totals */
    uint32_t heartbeat_ms;  /* something is sent at least this often */
};

#define TPI_FRAME_MAX_LEAST 1024u
#define TPI_FRAME_MAX_MOST (1u << 20)
#define TPI_MESSAGE_MAX_LEAST 1024u
#define TPI_MESSAGE_MAX_MOST ((16u << 20) + 256u)
#define TPI_WINDOW_MOST (1u << 30)
#define TPI_ASSEMBLY_SPARE 64u /* of assembly_max over message_max: the fields of one signal */
#define TPI_SEQUENCES_MOST 64u
#define TPI_HEARTBEAT_LEAST_MS 50u
#define TPI_HEARTBEAT_MOST_MS 600000u

/* 64 KiB frames, 16 MiB messages, a window of 8 MiB, 16 sequences of 32 MiB in all, 5 s. */
struct tpi_wire_limits tpi_wire_limits_default(void);
/* True when limits, ours or a peer's, can be worked with. */
bool tpi_wire_limits_valid(const struct tpi_wire_limits *limits);

#define TPI_INCARNATION_SIZE 16

/*
 * The 64-bit id of a node: the first eight bytes (big-endian) of BLAKE2b-512 over incarnation and
 * name; never 0.
 */
uint64_t tpi_wire_node_id(const uint8_t incarnation[TPI_INCARNATION_SIZE], const char *name,
                          size_t name_size);
/*
 * Two nodes connected to each other at the same time: true when the connection that `initiator`
 * began is the one that stays. Both sides compute the same: the greater id's connection stays.
 */
bool tpi_wire_keeps(uint64_t initiator, uint64_t responder);

/*
 * Makes the cryptographic library ready: before anything else of this room, from any thread, as
 * often as you like. TP_EIO.
 */
tp_err tpi_wire_start(void);
/* Keeps a secret out of the swap file where the system allows it: true if it did. */
bool tpi_secret_lock(void *secret, size_t size);
/* Overwrites a secret; the compiler does not remove it. */
void tpi_secret_wipe(void *secret, size_t size);
/* Overwrites and unlocks what tpi_secret_lock locked. */
void tpi_secret_unlock(void *secret, size_t size);
/* Equality in a time that does not depend on the bytes. */
bool tpi_secret_equal(const void *a, const void *b, size_t size);

/* ---- numbers in network order ---- */

static inline void tpi_put16(uint8_t *at, uint16_t value) {
    value = __builtin_bswap16(value);
    memcpy(at, &value, 2);
}
static inline void tpi_put32(uint8_t *at, uint32_t value) {
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}
static inline void tpi_put64(uint8_t *at, uint64_t value) {
    value = __builtin_bswap64(value);
    memcpy(at, &value, 8);
}
static inline uint16_t tpi_get16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, 2);
    return __builtin_bswap16(value);
}
static inline uint32_t tpi_get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return __builtin_bswap32(value);
}
static inline uint64_t tpi_get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, 8);
    return __builtin_bswap64(value);
}

#endif
