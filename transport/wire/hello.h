/*
 * What nodes tell each other in the handshake: the offer of versions, the hello, the verdict. Each
 * is one msgpack array; later versions append elements, which older ones skip.
 */
#ifndef TPI_WIRE_HELLO_H
#define TPI_WIRE_HELLO_H

#include "transport/wire/wire.h"

#define TPI_NODE_NAME_MAX 128
#define TPI_CLUSTER_NAME_MAX 64

/* The versions of the protocol that this code speaks. */
#define TPI_WIRE_VERSION_MIN 1
#define TPI_WIRE_VERSION_MAX 1

/* What a node can do beyond version 1; unknown bits are ignored. */
enum tpi_wire_feature {
    TPI_FEATURE_SPAWN = 1 << 0,  /* accepts remote spawns of exported types */
    TPI_FEATURE_NAMES = 1 << 1,  /* takes part in cluster-wide names */
    TPI_FEATURE_GROUPS = 1 << 2, /* takes part in process groups */
    TPI_FEATURE_HIDDEN = 1 << 3  /* is not to be told to others */
};

/* The answer to a connection. The numbers are on the wire. */
#define TPI_VERDICT_MAP(X)                                                                         \
    X(WELCOME, "welcome")                                                                          \
    X(DENIED, "not accepted here")                                                                 \
    X(ALIVE, "another incarnation of this name is connected and alive")                            \
    X(DUPLICATE, "a connection between these nodes exists already")                                \
    X(SIMULTANEOUS, "the connection in the other direction stays")                                 \
    X(FULL, "no place for another peer")                                                           \
    X(STOPPING, "the node is shutting down")                                                       \
    X(INCOMPATIBLE, "cluster, features or limits do not fit")

enum tpi_verdict {
#define TPI_VERDICT_ENUM(name, text) TPI_VERDICT_##name,
    TPI_VERDICT_MAP(TPI_VERDICT_ENUM)
#undef TPI_VERDICT_ENUM
        TPI_VERDICT_COUNT,
    TPI_VERDICT_LATER = 255 /* never on the wire: the caller will say */
};

/* The sentence for a verdict, never NULL; a static string. */
const char *tpi_verdict_text(unsigned verdict);

struct tpi_hello {
    uint8_t version; /* the one chosen; 0: none in common */
    char cluster[TPI_CLUSTER_NAME_MAX + 1];
    char name[TPI_NODE_NAME_MAX + 1]; /* "bank1@host" */
    uint8_t incarnation[TPI_INCARNATION_SIZE];
    uint64_t connection; /* of the initiator: grows with every attempt of an incarnation */
    uint64_t features;   /* enum tpi_wire_feature */
    struct tpi_wire_limits limits;
};

/* True for a node's name: 1 to 128 bytes of UTF-8 without spaces and control characters. */
bool tpi_node_name_valid(const char *name, size_t size);
/* The node id that follows from a hello. */
uint64_t tpi_hello_id(const struct tpi_hello *hello);

#define TPI_HELLO_SIZE_MAX 320
#define TPI_OFFER_SIZE_MAX 8

/* Each writes at most the size above and returns the bytes; the reading ones give HELLO or
 * LIMITS. */
size_t tpi_hello_write(const struct tpi_hello *hello, uint8_t *out, size_t room);
enum tpi_wire_code tpi_hello_read(const uint8_t *bytes, size_t size, struct tpi_hello *out);
size_t tpi_offer_write(uint8_t version_min, uint8_t version_max, uint8_t *out, size_t room);
enum tpi_wire_code tpi_offer_read(const uint8_t *bytes, size_t size, uint8_t *version_min,
                                  uint8_t *version_max);
size_t tpi_verdict_write(enum tpi_verdict verdict, uint8_t *out, size_t room);
/* A verdict that we do not know reads as DENIED. */
enum tpi_wire_code tpi_verdict_read(const uint8_t *bytes, size_t size, enum tpi_verdict *verdict);

#endif
