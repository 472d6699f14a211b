/*
 * The HTTP request that asks for a WebSocket, or for a file: parsed strictly, judged by who it
 * comes from. And the answer to it.
 */
#ifndef TPI_WEBSOCKET_REQUEST_H
#define TPI_WEBSOCKET_REQUEST_H

#include <troupe/codec.h>

#define TPI_REQUEST_MAX 8192u /* bytes of its head */
#define TPI_REQUEST_LINES 100u
#define TPI_WS_PROTOCOL_NAME "troupe.1"

struct tpi_request { /* slices of the head */
    tp_str path, host, origin, key;
    bool has_origin;
    bool upgrade;   /* Upgrade: websocket, Connection: upgrade */
    bool version;   /* Sec-WebSocket-Version: 13 */
    bool protocols; /* it offers subprotocols, */
    bool protocol;  /* and ours is one of them */
};

/* The size of the head with its empty line; 0: its end has not come. */
size_t tpi_request_end(const char *bytes, size_t size);
/* Parses a whole head. 0, or the HTTP status to refuse it with. */
int tpi_request_parse(const char *head, size_t size, struct tpi_request *out);
/* Does a whole head say that the server speaks WebSocket from now on, and has seen the key that
 * this answers? */
bool tpi_request_agreed(const char *head, size_t size, tp_str accept);
/* Equal but for the case of letters. */
bool tpi_request_same(tp_str a, tp_str b);
/* The origin of what the host itself serves: http:// or https:// and the Host. */
bool tpi_request_same_origin(const struct tpi_request *request);

#endif
