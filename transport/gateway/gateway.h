/*
 * A gateway: what its door and its sessions share. It does not change after the start but for the
 * counters, and lives as long as the last of them.
 */
#ifndef TPI_GATEWAY_H
#define TPI_GATEWAY_H

#include <troupe/call.h>
#include <troupe/gateway.h>
#include <troupe/name.h>
#include <troupe/signal.h>
#include <troupe/socket.h>
#include <troupe/timer.h>

#include "core/base/atomic.h"
#include "transport/gateway/command.h"
#include "transport/gateway/handed.h"
#include "transport/websocket/request.h"
#include "transport/websocket/websocket.h"

#define TPI_GATEWAY_URL_MAX 128u
#define TPI_GATEWAY_STRANGERS 64u   /* connections that have not shown a token; the oldest goes */
#define TPI_GATEWAY_HELLO_MAX 1024u /* bytes of the first message */
#define TPI_GATEWAY_DETAIL_MAX 512u /* of an exit reason */
#define TPI_GATEWAY_TYPES_MAX 256u

enum tpi_gateway_count {
    TPI_COUNT_ACCEPTED,
    TPI_COUNT_REQUEST,
    TPI_COUNT_HOST,
    TPI_COUNT_ORIGIN,
    TPI_COUNT_TOKEN,
    TPI_COUNT_FULL,
    TPI_COUNT_SLOW,
    TPI_COUNT_REFUSED,
    TPI_COUNT_VIOLATIONS,
    TPI_COUNT_SILENT,
    TPI_COUNT_RECEIVED,
    TPI_COUNT_SENT,
    TPI_COUNT_KINDS
};

struct tpi_gateway {
    _Atomic(uint32_t) references;
    tp_gateway_options options; /* every default filled in, every string its own */
    char *token;
    size_t token_size;
    char listen[TPI_GATEWAY_URL_MAX]; /* tcp://HOST:PORT */
    char url[TPI_GATEWAY_URL_MAX];    /* as bound, with the path */
    char host[TPI_GATEWAY_URL_MAX];   /* HOST:PORT as bound */
    uint32_t port;
    tp_err err;                    /* why the door did not open */
    const tp_message_type **types; /* the listed ones and what is nested in them */
    size_t type_count;
    uint8_t *welcome; /* their descriptions in msgpack */
    size_t welcome_size;
    _Atomic(uint64_t) counts[TPI_COUNT_KINDS];
};

static inline void tpi_gateway_count(struct tpi_gateway *gateway, enum tpi_gateway_count kind) {
    /* relaxed: a number */
    atomic_fetch_add_explicit(&gateway->counts[kind], 1, memory_order_relaxed);
}

/* ---- settings.c ---- */

/* Looks at the options and copies them; `self` logs what is wrong with which. */
tp_err tpi_gateway_new(tp_actor *self, const tp_gateway_options *options, struct tpi_gateway **out);
struct tpi_gateway *tpi_gateway_ref(struct tpi_gateway *gateway);
/* A tp_on_exit function, too. */
void tpi_gateway_unref(void *gateway);
/* The address as it was bound. False: it makes no sense. */
bool tpi_gateway_bound(struct tpi_gateway *gateway, const char *url);
/* May a request with this Host, or Origin, come in? */
bool tpi_gateway_host_allowed(const struct tpi_gateway *gateway, tp_str host);
bool tpi_gateway_origin_allowed(const struct tpi_gateway *gateway,
                                const struct tpi_request *request);
/* In a time that tells nothing about where they differ. */
bool tpi_gateway_token_is(const struct tpi_gateway *gateway, tp_bin token);
bool tpi_gateway_exports(const struct tpi_gateway *gateway, tp_str name);
/* The listed type of that name, or NULL. */
const tp_message_type *tpi_gateway_type(const struct tpi_gateway *gateway, tp_str name);
const tp_gateway_file *tpi_gateway_file(const struct tpi_gateway *gateway, tp_str path);

/* ---- describe.c ---- */

/* Collects the types and writes their descriptions. TP_EINVAL: too many. */
tp_err tpi_gateway_describe(struct tpi_gateway *gateway);

#endif
