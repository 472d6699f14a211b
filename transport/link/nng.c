/*
 * The door to nng: byte streams over tcp, ipc and TLS, asynchronous only. nng's own sockets are not
 * used (one aborted connect kills their listeners in 1.5.2); neither are its WebSockets (ws.c), nor
 * its blocking calls.
 *
 * A stream has two chains of operations: the receiving one runs from start to close; the sending
 * one begins with a wake and ends when there is nothing to send. `busy` counts the chains: the one
 * that ends last, after the close, tells the owner.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

#include "core/platform/private.h"
#include "transport/link/tls.h"

#define RECEIVE_SIZE 65536u
#define ACCEPT_PAUSE_MS 50 /* after an accept that failed for want of something */
#define CONNECT_TIMEOUT_MS 7000

struct stream {
    struct tpi_stream base;
    nng_stream *stream;
    nng_aio *send;
    nng_aio *receive;
    nng_aio *tell;  /* makes the last callback */
    tpi_mutex lock; /* of what follows, up to `why` */
    unsigned busy;  /* chains under way */
    bool started;
    bool sending; /* the sending chain is under way */
    bool again;   /* woken meanwhile */
    bool closing;
    bool told;
    tp_err why;
    const uint8_t *out; /* the sending chain's */
    size_t out_left;
    uint8_t in[RECEIVE_SIZE]; /* the receiving chain's */
};

static tp_err from_nng(int code) {
    switch (code) {
    case 0: return TP_OK;
    case NNG_ENOMEM:
    case NNG_ENOFILES: return TP_ENOMEM;
    case NNG_ETIMEDOUT: return TP_ETIMEDOUT;
    case NNG_ECONNREFUSED: return TP_EREFUSED;
    case NNG_ECLOSED:
    case NNG_ECONNRESET:
    case NNG_ECONNSHUT:
    case NNG_ECONNABORTED: return TP_ECLOSED;
    case NNG_ENOTSUP: return TP_ENOTSUP;
    case NNG_EADDRINUSE: return TP_EBUSY;
    case NNG_EADDRINVAL:
    case NNG_EINVAL:
    case NNG_EUNREACHABLE:
    case NNG_EPERM: return TP_EADDR;
    case NNG_ENOENT: return TP_EREFUSED;
    case NNG_ECRYPTO:
    case NNG_EPEERAUTH: return TP_EREFUSED; /* TLS: a certificate that somebody does not believe */
    case NNG_ECANCELED: return TP_ECANCELED;
    default: return TP_EIO;
    }
}

/*
 * nng makes its threads at its first use, and they keep the signals of who made them: so the first
 * use is made by a thread of ours, which blocks them.
 */
static void first_use(void *result) {
    nng_aio *aio = NULL;
    *(int *)result = nng_aio_alloc(&aio, NULL, NULL);
    nng_aio_free(aio);
}

tp_err tpi_nng_start(void) {
    int result = NNG_ENOMEM;
    tpi_thread thread;
    tp_err err = tpi_thread_start(&thread, "tp-nng", first_use, &result);
    if (err != TP_OK) return err;
    tpi_thread_join(thread);
    return from_nng(result);
}

/* ---- streams ---- */

static void close_as(struct stream *stream, tp_err why) {
    tpi_mutex_lock(&stream->lock);
    bool first = !stream->closing;
    if (first) stream->why = why;
    stream->closing = true;
    tpi_mutex_unlock(&stream->lock);
    if (first) nng_stream_close(stream->stream);
}

/* A chain is over. The last one, after the close, has the last word; nothing is touched after. */
static void end_chain(struct stream *stream, bool sender) {
    tpi_mutex_lock(&stream->lock);
    if (sender) stream->sending = false;
    stream->busy--;
    bool tell = stream->closing && stream->busy == 0 && !stream->told;
    if (tell) stream->told = true;
    tpi_mutex_unlock(&stream->lock);
    /* on a thread of nng's: whoever wakes a stream, and so may end its last chain, can hold what
     * `closed` takes */
    if (tell) nng_sleep_aio(0, stream->tell);
}

static void on_tell(void *arg) {
    struct stream *stream = arg;
    stream->base.handler->closed(stream->base.context, stream->why);
}

/*
 * Begins to send or to receive. False: the stream closes. What nng 1.5.2 begins on a stream that is
 * closed already never completes, so the look and the beginning are one step under the lock; nng
 * makes its callbacks on its own threads, never from within.
 */
static bool begin(struct stream *stream, void *bytes, size_t size, bool sends) {
    nng_aio *aio = sends ? stream->send : stream->receive;
    nng_iov iov = {bytes, size};
    (void)nng_aio_set_iov(aio, 1, &iov);
    tpi_mutex_lock(&stream->lock);
    bool open = !stream->closing;
    if (open && sends) nng_stream_send(stream->stream, aio);
    else if (open) nng_stream_recv(stream->stream, aio);
    tpi_mutex_unlock(&stream->lock);
    return open;
}

static void send_rest(struct stream *stream) {
    /* nng does not write through the pointer */
    if (!begin(stream, (void *)(uintptr_t)stream->out, stream->out_left, true))
        end_chain(stream, true);
}

/* The sending chain's: fills and sends until there is nothing. */
static void pump(struct stream *stream) {
    for (;;) {
        tpi_mutex_lock(&stream->lock);
        bool closing = stream->closing;
        stream->again = false;
        tpi_mutex_unlock(&stream->lock);
        if (closing) break;
        stream->out_left = stream->base.handler->fill(stream->base.context, &stream->out);
        if (stream->out_left > 0) {
            send_rest(stream);
            return;
        }
        tpi_mutex_lock(&stream->lock);
        bool again = stream->again && !stream->closing;
        if (!again) stream->sending = false; /* a wake from now on begins the next chain */
        tpi_mutex_unlock(&stream->lock);
        if (!again) break;
    }
    end_chain(stream, false);
}

static void on_sent(void *arg) {
    struct stream *stream = arg;
    int result = nng_aio_result(stream->send);
    if (result != 0) {
        close_as(stream, from_nng(result));
        end_chain(stream, true);
        return;
    }
    size_t sent = nng_aio_count(stream->send);
    stream->out += sent;
    stream->out_left -= sent;
    if (stream->out_left > 0) send_rest(stream);
    else pump(stream);
}

static void receive_more(struct stream *stream) {
    if (!begin(stream, stream->in, RECEIVE_SIZE, false)) end_chain(stream, false);
}

static void on_received(void *arg) {
    struct stream *stream = arg;
    int result = nng_aio_result(stream->receive);
    size_t size = nng_aio_count(stream->receive);
    if (result == 0 && stream->base.handler->received(stream->base.context, stream->in, size)) {
        receive_more(stream);
        return;
    }
    close_as(stream, result == 0 ? TP_ECANCELED : from_nng(result));
    end_chain(stream, false);
}

static void stream_start(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    tpi_mutex_lock(&stream->lock);
    stream->started = true;
    stream->busy = 1;
    tpi_mutex_unlock(&stream->lock);
    receive_more(stream);
}

static void stream_wake(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    tpi_mutex_lock(&stream->lock);
    bool begins = stream->started && !stream->closing && !stream->sending;
    if (begins) {
        stream->sending = true;
        stream->busy++;
    } else {
        stream->again = true;
    }
    tpi_mutex_unlock(&stream->lock);
    if (begins) pump(stream);
}

static void stream_close(struct tpi_stream *base) {
    close_as((struct stream *)(void *)base, TP_ECANCELED);
}

static void stream_free(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    nng_stream_close(stream->stream);
    nng_aio_free(stream->send);
    nng_aio_free(stream->receive);
    nng_aio_free(stream->tell); /* waits until its callback has returned */
    nng_stream_free(stream->stream);
    free(stream);
}

static const struct tpi_stream_ops stream_ops = {stream_start, stream_wake, stream_close,
                                                 stream_free};

/* Takes nng's stream in every case. */
static struct tpi_stream *stream_new(nng_stream *inner) {
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL || nng_aio_alloc(&stream->send, on_sent, stream) != 0 ||
        nng_aio_alloc(&stream->receive, on_received, stream) != 0 ||
        nng_aio_alloc(&stream->tell, on_tell, stream) != 0) {
        if (stream != NULL) {
            nng_aio_free(stream->send);
            nng_aio_free(stream->receive);
        }
        free(stream);
        nng_stream_free(inner);
        return NULL;
    }
    stream->base.ops = &stream_ops;
    stream->stream = inner;
    return &stream->base;
}

/* ---- listeners ---- */

struct listener {
    struct tpi_listener base;
    nng_stream_listener *inner;
    nng_aio *accept;
    tpi_link_accepted accepted;
    void *context;
    int lock; /* of an ipc path; -1 */
    bool pausing;
};

static void on_accepted(void *arg) {
    struct listener *listener = arg;
    int result = nng_aio_result(listener->accept);
    if (result == NNG_ECLOSED || result == NNG_ECANCELED) return;
    if (result == 0 && !listener->pausing) {
        struct tpi_stream *stream = stream_new(nng_aio_get_output(listener->accept, 0));
        if (stream != NULL) listener->accepted(listener->context, stream);
    }
    bool pause = result != 0 && !listener->pausing;
    listener->pausing = pause;
    if (pause) nng_sleep_aio(ACCEPT_PAUSE_MS, listener->accept);
    else nng_stream_listener_accept(listener->inner, listener->accept);
}

static void listener_free(struct tpi_listener *base) {
    struct listener *listener = (struct listener *)(void *)base;
    if (listener->inner != NULL) nng_stream_listener_close(listener->inner);
    if (listener->accept != NULL) nng_aio_stop(listener->accept);
    nng_aio_free(listener->accept);
    if (listener->inner != NULL) nng_stream_listener_free(listener->inner);
    if (listener->lock >= 0) tpi_path_release(listener->lock, strstr(base->url, "://") + 3);
    free(listener);
}

/* The port that was picked goes into the URL. */
static void note_port(struct listener *listener) {
    int port = 0;
    char *colon = strrchr(listener->base.url, ':');
    if (colon == NULL || strncmp(colon, ":0", 2) != 0 || (colon[2] != 0 && colon[2] != '/')) return;
    if (nng_stream_listener_get_int(listener->inner, NNG_OPT_TCP_BOUND_PORT, &port) != 0) return;
    char rest[TPI_LINK_URL_MAX];
    snprintf(rest, sizeof rest, "%s", colon + 2);
    snprintf(colon, sizeof listener->base.url - (size_t)(colon - listener->base.url), ":%d%s", port,
             rest);
}

/*
 * nng's streams come with Nagle's algorithm: a small write waits until the peer's kernel has
 * acknowledged the one before, which it puts off for 40 ms unless there is an answer. What is
 * written here are batches already, so it is turned off.
 */
static tp_err listener_open(struct listener *listener, const struct tpi_net *net, const char *url) {
    int result = nng_stream_listener_alloc(&listener->inner, url);
    if (result == 0 && tpi_link_find(url)->needs_tls)
        result = tpi_tls_on_listener(net->tls, listener->inner);
    if (result == 0 && !tpi_link_find(url)->local)
        result = nng_stream_listener_set_bool(listener->inner, NNG_OPT_TCP_NODELAY, true);
    if (result == 0) result = nng_aio_alloc(&listener->accept, on_accepted, listener);
    if (result == 0 && listener->lock >= 0)
        result = nng_stream_listener_set_int(listener->inner, NNG_OPT_IPC_PERMISSIONS, 0600);
    if (result == 0) result = nng_stream_listener_listen(listener->inner);
    return from_nng(result);
}

static tp_err link_listen(const struct tpi_net *net, const char *url, tpi_link_accepted accepted,
                          void *context, struct tpi_listener **out) {
    tp_err err = tpi_nng_start();
    if (err != TP_OK) return err;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) return TP_ENOMEM;
    snprintf(listener->base.url, sizeof listener->base.url, "%s", url);
    listener->base.free = listener_free;
    listener->accepted = accepted;
    listener->context = context;
    listener->lock = -1;
    /* nng deletes whatever file is at the path, and its look whether a socket there is alive kills
     * the listener of another process */
    if (tpi_link_find(url) == &tpi_link_ipc)
        err = tpi_path_claim(strstr(url, "://") + 3, &listener->lock);
    if (err == TP_OK) err = listener_open(listener, net, url);
    if (err != TP_OK) {
        listener_free(&listener->base);
        return err;
    }
    note_port(listener);
    nng_stream_listener_accept(listener->inner, listener->accept);
    *out = &listener->base;
    return TP_OK;
}

/* ---- connecting ---- */

struct attempt {
    struct tpi_attempt base;
    nng_stream_dialer *dialer;
    nng_aio *dial;
    tpi_link_connected connected;
    void *context;
};

static void on_connected(void *arg) {
    struct attempt *attempt = arg;
    int result = nng_aio_result(attempt->dial);
    struct tpi_stream *stream = NULL;
    if (result == 0) {
        stream = stream_new(nng_aio_get_output(attempt->dial, 0));
        if (stream == NULL) result = NNG_ENOMEM;
    }
    attempt->connected(attempt->context, from_nng(result), stream);
}

static void attempt_free(struct tpi_attempt *base) {
    struct attempt *attempt = (struct attempt *)(void *)base;
    if (attempt->dialer != NULL) nng_stream_dialer_close(attempt->dialer);
    if (attempt->dial != NULL) nng_aio_stop(attempt->dial);
    nng_aio_free(attempt->dial);
    if (attempt->dialer != NULL) nng_stream_dialer_free(attempt->dialer);
    free(attempt);
}

static tp_err link_connect(const struct tpi_net *net, const char *url, tpi_link_connected connected,
                           void *context, struct tpi_attempt **out) {
    tp_err err = tpi_nng_start();
    if (err != TP_OK) return err;
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) return TP_ENOMEM;
    attempt->base.free = attempt_free;
    attempt->connected = connected;
    attempt->context = context;
    int result = nng_stream_dialer_alloc(&attempt->dialer, url);
    if (result == 0 && tpi_link_find(url)->needs_tls)
        result = tpi_tls_on_dialer(net->tls, attempt->dialer, url);
    if (result == 0 && !tpi_link_find(url)->local)
        result = nng_stream_dialer_set_bool(attempt->dialer, NNG_OPT_TCP_NODELAY, true);
    if (result == 0) result = nng_aio_alloc(&attempt->dial, on_connected, attempt);
    if (result != 0) {
        attempt_free(&attempt->base);
        return from_nng(result);
    }
    nng_aio_set_timeout(attempt->dial, CONNECT_TIMEOUT_MS);
    *out = &attempt->base;
    nng_stream_dialer_dial(attempt->dialer, attempt->dial);
    return TP_OK;
}

#define NNG_LINK(name, ...)                                                                        \
    const struct tpi_link name = {__VA_ARGS__, .listen = link_listen, .connect = link_connect}
NNG_LINK(tpi_link_tcp, .scheme = "tcp");
NNG_LINK(tpi_link_ipc, .scheme = "ipc", .local = true);
NNG_LINK(tpi_link_tls, .scheme = "tls+tcp", .needs_tls = true);
