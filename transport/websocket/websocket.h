/*
 * RFC 6455 as pure bytes: the frames of a peer, as whole messages or as a stream, and the heads of
 * ours.
 * No I/O; what is believed of a length is checked before anything is allocated for it, and memory
 * follows the bytes that came.
 */
#ifndef TPI_WEBSOCKET_H
#define TPI_WEBSOCKET_H

#include <troupe/base.h>

#define TPI_WS_HEAD_MAX 14u     /* bytes of a frame's head, mask included */
#define TPI_WS_CONTROL_MAX 125u /* payload of a ping, pong or close */
#define TPI_WS_KEEP 16384u      /* a larger buffer is given back after its message */

enum tpi_ws_opcode {
    TPI_WS_CONTINUED = 0,
    TPI_WS_TEXT = 1,
    TPI_WS_BINARY = 2,
    TPI_WS_CLOSING = 8,
    TPI_WS_PINGING = 9,
    TPI_WS_PONGING = 10
};

/* Codes of a close. */
enum tpi_ws_code {
    TPI_WS_NORMAL = 1000,
    TPI_WS_GOING_AWAY = 1001,
    TPI_WS_PROTOCOL = 1002,
    TPI_WS_NOT_BINARY = 1003,
    TPI_WS_NO_CODE = 1005,
    TPI_WS_POLICY = 1008,
    TPI_WS_TOO_BIG = 1009,
    TPI_WS_INTERNAL = 1011
};

/* What the next bytes came to. */
enum tpi_ws_event {
    TPI_WS_MORE,    /* all bytes are taken */
    TPI_WS_MESSAGE, /* `bytes` and `size` (may be 0), until the next call */
    TPI_WS_PING,    /* `control` and `control_size`, until the next call */
    TPI_WS_PONG,
    TPI_WS_CLOSE, /* `code`: what the peer said, or TPI_WS_NO_CODE */
    TPI_WS_BAD    /* `code` says why; nothing more may be given to it */
};

/* Where messages are put together. `alloc` may return NULL. */
struct tpi_ws_memory {
    void *(*alloc)(void *context, size_t size);
    void (*free)(void *context, void *pointer);
    void *context;
};

struct tpi_ws {
    struct tpi_ws_memory memory;
    uint8_t *bytes; /* of the message */
    size_t size, room;
    size_t max;    /* bytes of a message */
    uint64_t left; /* of the frame's payload */
    uint32_t mask_at;
    uint16_t code;
    uint8_t opcode;
    bool final;
    bool inside;   /* a message has begun and not ended */
    bool told;     /* the message has been given out */
    bool stream;   /* payload is told as it comes */
    bool unmasked; /* what a server sends */
    uint8_t head_used;
    uint8_t control_size;
    uint8_t head[TPI_WS_HEAD_MAX];
    uint8_t control[TPI_WS_CONTROL_MAX];
};

/* A decoder of what a client sends. Messages of at most `max` bytes. */
void tpi_ws_init(struct tpi_ws *ws, struct tpi_ws_memory memory, size_t max);
/* A decoder that tells payload as it comes (TPI_WS_MESSAGE is some of it, at most `max` bytes),
 * however it is cut into frames and messages: of what a client sends, or of what a server does. */
void tpi_ws_init_stream(struct tpi_ws *ws, struct tpi_ws_memory memory, size_t max, bool of_server);
void tpi_ws_fini(struct tpi_ws *ws);
/* Takes bytes until something is to be told. */
enum tpi_ws_event tpi_ws_next(struct tpi_ws *ws, const uint8_t **at, size_t *left);

/* Bytes of the head of an unmasked frame with so much payload. */
size_t tpi_ws_head_size(size_t payload);
/* Writes it; returns its size. */
size_t tpi_ws_head(uint8_t *out, enum tpi_ws_opcode opcode, size_t payload);
/* out[i] = in[i] ^ mask[(at + i) % 4]: masks, and takes it off again. May be in place. */
void tpi_ws_mask(uint8_t *out, const uint8_t *in, size_t size, const uint8_t mask[4], size_t at);

#define TPI_WS_KEY_SIZE 24u
#define TPI_WS_ACCEPT_SIZE 28u
/* A client's key from 16 random bytes, not terminated. */
void tpi_ws_key(const uint8_t random[16], char out[TPI_WS_KEY_SIZE]);
/* The answer to a client's key, not terminated (RFC 6455, 4.2.2). */
void tpi_ws_accept(const char *key, size_t size, char out[TPI_WS_ACCEPT_SIZE]);
/* SHA-1, for that alone: it protects nothing here. */
void tpi_sha1(const void *bytes, size_t size, uint8_t out[20]);

#endif
