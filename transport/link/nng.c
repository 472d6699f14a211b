/*
 * The door to nng: byte streams over tcp, ipc and TLS, asynchronous only. nng's own sockets are not
 * used (one aborted connect kills their listeners in 1.5.2); neither are its WebSockets (ws.c), nor
 * its blocking calls.
 *
 * A stream has two chains of operations: the receiving one runs from start to close; the sending
 * one begins with a wake and ends when there is nothing to send. `busy` counts the chains: the one
 * that ends last, after the close, tells the owner. Where waiting for a callback would bring
 * nothing, both go on at once as long as the system does (at_once).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

#include "core/platform/private.h"
#include "transport/link/tls.h"

#define RECEIVE_FIRST 65536u /* bytes of a read, until so many came at once */
#define RECEIVE_MOST 131072u /* from then on: each read costs a change of threads */
#define MUCH 16384u          /* bytes of a fill for which nobody waits until others gather */
#define TURNS 16u            /* of one stream in a row, on a thread of nng's */
#define ACCEPT_PAUSE_MS 50   /* after an accept that failed for want of something */
#define CONNECT_TIMEOUT_MS 7000

struct stream {
    struct tpi_stream base;
    nng_stream *stream;
    nng_aio *send;
    nng_aio *receive;
    nng_aio *tell;                   /* makes the last callback */
    nng_aio *send_now, *receive_now; /* without callbacks; NULL: it has none (TLS) */
    tpi_mutex lock;                  /* of what follows, up to `why` */
    unsigned busy;                   /* chains under way */
    bool started;
    bool sending; /* the sending chain is under way */
    bool again;   /* woken meanwhile */
    bool closing;
    bool told;
    tp_err why;
    _Atomic(bool) heard; /* since the last chain of sending began; a hint */
    const uint8_t *out;  /* the sending chain's */
    size_t out_left;
    uint8_t *in; /* the receiving chain's */
    size_t in_size;
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
 * Begins to send or to receive, by one of the stream's operations. False: the stream closes. What
 * nng 1.5.2 begins on a stream that is closed already never completes, so the look and the
 * beginning are one step under the lock; nng makes its callbacks on its own threads, never from
 * within.
 */
static bool begin(struct stream *stream, nng_aio *aio, void *bytes, size_t size, bool sends) {
    nng_iov iov = {bytes, size};
    (void)nng_aio_set_iov(aio, 1, &iov);
    tpi_mutex_lock(&stream->lock);
    bool open = !stream->closing;
    if (open && sends) nng_stream_send(stream->stream, aio);
    else if (open) nng_stream_recv(stream->stream, aio);
    tpi_mutex_unlock(&stream->lock);
    return open;
}

/*
 * Sends or receives what the system takes or has at once; 0: it would have to be waited for, or the
 * stream is over, which whoever waits will hear. An operation with a callback costs a change
 * of threads even when it is done as soon as begun; one without is only done. What cannot be at
 * once is taken back before it has moved a byte. TLS cannot take anything back.
 */
static size_t at_once(struct stream *stream, void *bytes, size_t size, bool sends) {
    nng_aio *aio = sends ? stream->send_now : stream->receive_now;
    if (aio == NULL || !begin(stream, aio, bytes, size, sends)) return 0;
    nng_aio_cancel(aio);
    nng_aio_wait(aio); /* for the poller, if it is just about to do it */
    return nng_aio_result(aio) == 0 ? nng_aio_count(aio) : 0;
}

/* nng does not write through the pointer. */
static void *rest_of(const struct stream *stream) {
    return (void *)(uintptr_t)stream->out;
}

static void send_rest(struct stream *stream) {
    if (!begin(stream, stream->send, rest_of(stream), stream->out_left, true))
        end_chain(stream, true);
}

static void note_sent(struct stream *stream, size_t sent) {
    stream->out += sent;
    stream->out_left -= sent;
}

/*
 * The sending chain's: fills and sends until there is nothing. Up to `turns` fills of `least` bytes
 * or more go at once; the others with a callback, since what is sent until it comes gathers and
 * goes out with the next.
 */
static void pump(struct stream *stream, unsigned turns, size_t least) {
    for (;;) {
        tpi_mutex_lock(&stream->lock);
        bool closing = stream->closing;
        stream->again = false;
        tpi_mutex_unlock(&stream->lock);
        if (closing) break;
        stream->out_left = stream->base.handler->fill(stream->base.context, &stream->out);
        bool filled = stream->out_left > 0;
        if (filled && turns > 0 && stream->out_left >= least) {
            note_sent(stream, at_once(stream, rest_of(stream), stream->out_left, true));
            turns--;
        }
        if (stream->out_left > 0) {
            send_rest(stream);
            return;
        }
        if (filled) continue;
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
    note_sent(stream, nng_aio_count(stream->send));
    if (stream->out_left > 0) send_rest(stream);
    else pump(stream, TURNS, MUCH);
}

static void receive_more(struct stream *stream) {
    if (!begin(stream, stream->receive, stream->in, stream->in_size, false))
        end_chain(stream, false);
}

/* As many bytes came as there is room for: more is likely to wait. */
static size_t receive_at_once(struct stream *stream) {
    uint8_t *in = stream->in_size < RECEIVE_MOST ? malloc(RECEIVE_MOST) : NULL;
    if (in != NULL) {
        free(stream->in);
        stream->in = in;
        stream->in_size = RECEIVE_MOST;
    }
    return at_once(stream, stream->in, stream->in_size, false);
}

static void on_received(void *arg) {
    struct stream *stream = arg;
    int result = nng_aio_result(stream->receive);
    size_t size = result == 0 ? nng_aio_count(stream->receive) : 0;
    bool good = result == 0;
    /* relaxed: partner is stream_wake; a hint that orders nothing */
    atomic_store_explicit(&stream->heard, true, memory_order_relaxed);
    for (unsigned turns = TURNS; good && size > 0; turns--) {
        good = stream->base.handler->received(stream->base.context, stream->in, size);
        bool more = good && turns > 0 && size == stream->in_size;
        size = more ? receive_at_once(stream) : 0;
    }
    if (good) {
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
    bool answers = false;
    if (begins) {
        /* relaxed: partner is on_received; a hint that orders nothing */
        answers = atomic_exchange_explicit(&stream->heard, false, memory_order_relaxed);
        stream->sending = true;
        stream->busy++;
    } else {
        stream->again = true;
    }
    tpi_mutex_unlock(&stream->lock);
    /* whoever asked waits for the answer alone */
    if (begins) pump(stream, answers ? 1 : 0, 0);
}

static void stream_close(struct tpi_stream *base) {
    close_as((struct stream *)(void *)base, TP_ECANCELED);
}

static void stream_free(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    nng_stream_close(stream->stream);
    nng_aio_free(stream->send);
    nng_aio_free(stream->receive);
    nng_aio_free(stream->send_now);
    nng_aio_free(stream->receive_now);
    nng_aio_free(stream->tell); /* waits until its callback has returned */
    nng_stream_free(stream->stream);
    free(stream->in);
    free(stream);
}

static const struct tpi_stream_ops stream_ops = {stream_start, stream_wake, stream_close,
                                                 stream_free};

static bool make_operations(struct stream *stream, bool takes_back) {
    stream->in = malloc(RECEIVE_FIRST);
    stream->in_size = RECEIVE_FIRST;
    return stream->in != NULL && nng_aio_alloc(&stream->send, on_sent, stream) == 0 &&
           nng_aio_alloc(&stream->receive, on_received, stream) == 0 &&
           nng_aio_alloc(&stream->tell, on_tell, stream) == 0 &&
           (!takes_back || (nng_aio_alloc(&stream->send_now, NULL, NULL) == 0 &&
                            nng_aio_alloc(&stream->receive_now, NULL, NULL) == 0));
}

/* Takes nng's stream in every case. */
static struct tpi_stream *stream_new(nng_stream *inner, bool takes_back) {
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        nng_stream_free(inner);
        return NULL;
    }
    stream->base.ops = &stream_ops;
    stream->stream = inner;
    if (make_operations(stream, takes_back)) return &stream->base;
    stream_free(&stream->base);
    return NULL;
}

/* ---- listeners ---- */

struct listener {
    struct tpi_listener base;
    nng_stream_listener *inner;
    nng_aio *accept;
    tpi_link_accepted accepted;
    void *context;
    int lock; /* of an ipc path; -1 */
    bool tls;
    bool pausing;
};

static void on_accepted(void *arg) {
    struct listener *listener = arg;
    int result = nng_aio_result(listener->accept);
    if (result == NNG_ECLOSED || result == NNG_ECANCELED) return;
    if (result == 0 && !listener->pausing) {
        struct tpi_stream *stream =
            stream_new(nng_aio_get_output(listener->accept, 0), !listener->tls);
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
    if (result == 0 && listener->tls) result = tpi_tls_on_listener(net->tls, listener->inner);
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
    listener->tls = tpi_link_find(url)->needs_tls;
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
    bool tls;
};

static void on_connected(void *arg) {
    struct attempt *attempt = arg;
    int result = nng_aio_result(attempt->dial);
    struct tpi_stream *stream = NULL;
    if (result == 0) {
        stream = stream_new(nng_aio_get_output(attempt->dial, 0), !attempt->tls);
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
    attempt->tls = tpi_link_find(url)->needs_tls;
    int result = nng_stream_dialer_alloc(&attempt->dialer, url);
    if (result == 0 && attempt->tls) result = tpi_tls_on_dialer(net->tls, attempt->dialer, url);
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
