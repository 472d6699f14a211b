/*
 * Links: streams of bytes between nodes, whatever carries them. One table a scheme: `tcp`, `ipc`
 * and `tls+tcp` are nng's byte streams, `ws` and `wss` are WebSocket on those, `inproc` joins nodes
 * of one process. A simulated network is one more table. All of them pass tests/unit/link.
 *
 * A stream asks its owner for what is to be sent (`fill`) whenever it can send: what gathers while
 * one write is under way goes out with the next, so that batches grow with the load and a lone
 * message waits for nothing. Callbacks come on threads of the link's, never while the link holds a
 * lock.
 */
#ifndef TPI_LINK_H
#define TPI_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/base.h>

#define TPI_LINK_URL_MAX 256u

struct tpi_stream;
struct tpi_listener;
struct tpi_attempt;

/*
 * A network other than the system's: where inproc nodes of a process meet, or a simulated one,
 * which stands for every scheme. On that all is done by one thread, the test's, so a node's service
 * has no thread of its own and nobody may sleep.
 */
struct tpi_hub {
    const struct tpi_link *every; /* simulated: carries all URLs. NULL: inproc's, and no more */
    /* ---- simulated ---- */
    /* What waiting for the service is: the world goes on, by at most so much time. */
    void (*pass)(struct tpi_hub *hub, tp_duration most);
    /* The service, set by the node: called soon after `poked` is set and at the time that it last
     * gave. NULL: there is none. */
    tp_time (*look)(void *context);
    void *look_context;
    tp_time look_at;
    bool poked;
};

/* Who we are to those that we meet over TLS, and whom we believe. */
struct tpi_tls;
struct tpi_tls_texts {       /* each in PEM */
    const char *certificate; /* ours, and those between it and the authority */
    const char *key;         /* its private key */
    const char *authority;   /* who signs the certificates of our peers; any of them */
    const char *name; /* of whoever we connect to, in its certificate; NULL: the host of the URL */
};
enum tpi_tls_part { TPI_TLS_NONE, TPI_TLS_CERTIFICATE, TPI_TLS_KEY, TPI_TLS_AUTHORITY };

/* What some schemes need beside a URL. */
struct tpi_net {
    struct tpi_hub *hub;       /* inproc, or a simulated network */
    const struct tpi_tls *tls; /* tls+tcp, wss */
};

/* Who uses a stream. For one stream there is one `received` at a time and one `fill` at a time. */
struct tpi_stream_handler {
    /* The next bytes to send; they stay the caller's to read until the next fill or `closed`. 0:
     * nothing now; tpi_stream_wake says when there is. */
    size_t (*fill)(void *context, const uint8_t **bytes);
    /* Bytes arrived. False: close the stream. */
    bool (*received)(void *context, const uint8_t *bytes, size_t size);
    /* Once, the last callback: the stream may be freed, though not by it. */
    void (*closed)(void *context, tp_err why);
};

/* A peer connected: the stream is the callee's, to be started or freed. */
typedef void (*tpi_link_accepted)(void *context, struct tpi_stream *stream);
/* An attempt is over, once: TP_OK with a stream that is the callee's, or why not. */
typedef void (*tpi_link_connected)(void *context, tp_err err, struct tpi_stream *stream);

/* What a scheme is. */
struct tpi_link {
    const char *scheme; /* "tcp" */
    bool needs_hub;
    bool needs_tls;
    bool local; /* never leaves this machine, whatever the rest of the URL says */
    tp_err (*listen)(const struct tpi_net *net, const char *url, tpi_link_accepted accepted,
                     void *context, struct tpi_listener **out);
    tp_err (*connect)(const struct tpi_net *net, const char *url, tpi_link_connected connected,
                      void *context, struct tpi_attempt **out);
};

struct tpi_stream_ops {
    void (*start)(struct tpi_stream *stream);
    void (*wake)(struct tpi_stream *stream);
    void (*close)(struct tpi_stream *stream);
    void (*free)(struct tpi_stream *stream);
};

struct tpi_stream {
    const struct tpi_stream_ops *ops;
    const struct tpi_stream_handler *handler;
    void *context;
};

struct tpi_listener {
    void (*free)(struct tpi_listener *listener);
    char url[TPI_LINK_URL_MAX]; /* with the port that was bound */
};

struct tpi_attempt {
    void (*free)(struct tpi_attempt *attempt);
};

/* The table for a URL; NULL: there is none for its scheme. */
const struct tpi_link *tpi_link_find(const char *url);
/* True when only this machine can reach what listens at `url`: ipc, inproc, loopback addresses. */
bool tpi_link_is_local(const char *url);

/*
 * Listens. Port 0 picks one: listener->url says which. `net` has what the scheme needs (NULL:
 * nothing). TP_ENOTSUP (no such scheme, or without what it needs), TP_EADDR, TP_EEXIST (a path that
 * is no socket), TP_EBUSY (in use), TP_ENOMEM.
 */
tp_err tpi_link_listen(const struct tpi_net *net, const char *url, tpi_link_accepted accepted,
                       void *context, struct tpi_listener **out);
/* No `accepted` comes after it returns. Not from a callback. NULL: nothing. */
void tpi_listener_free(struct tpi_listener *listener);
/* Begins to connect; the result comes by `connected`, unless the error is returned at once. */
tp_err tpi_link_connect(const struct tpi_net *net, const char *url, tpi_link_connected connected,
                        void *context, struct tpi_attempt **out);
/* Gives an attempt up, or forgets one that is over; no callback after it returns. Not from a
 * callback. NULL: nothing. */
void tpi_attempt_free(struct tpi_attempt *attempt);

/* From now on callbacks come. Once. */
static inline void tpi_stream_start(struct tpi_stream *stream,
                                    const struct tpi_stream_handler *handler, void *context) {
    stream->handler = handler;
    stream->context = context;
    stream->ops->start(stream);
}
/* There is something to send: `fill` comes, perhaps before this returns. Any thread, after the
 * start; never while holding what `fill` takes. */
static inline void tpi_stream_wake(struct tpi_stream *stream) {
    stream->ops->wake(stream);
}
/* Closes; what was not written is lost. `closed` follows if the stream was started. Any thread. */
static inline void tpi_stream_close(struct tpi_stream *stream) {
    stream->ops->close(stream);
}
/* After `closed`, or when it was never started. Not from a callback. */
static inline void tpi_stream_free(struct tpi_stream *stream) {
    stream->ops->free(stream);
}

/* Copies the texts. TP_EINVAL: *wrong cannot be read; TP_ENOTSUP (nng was built without),
 * TP_ENOMEM.
 */
tp_err tpi_tls_new(const struct tpi_tls_texts *texts, enum tpi_tls_part *wrong,
                   struct tpi_tls **out);
/* When no listener and no attempt is left. NULL: nothing. */
void tpi_tls_free(struct tpi_tls *tls);

/* Where inproc nodes of a process meet: names, and one thread that carries the bytes. TP_ENOMEM. */
tp_err tpi_hub_new(struct tpi_hub **out);
/* When nobody uses it any more. */
void tpi_hub_free(struct tpi_hub *hub);

extern const struct tpi_link tpi_link_inproc;
extern const struct tpi_link tpi_link_tcp, tpi_link_ipc, tpi_link_ws, tpi_link_tls, tpi_link_wss;

#endif
