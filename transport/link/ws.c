/*
 * WebSocket as a link (RFC 6455): the bytes of a stream in binary frames, above nng's tcp and TLS
 * streams. nng 1.5.2 has WebSocket streams, too; they are not used, since closing their listener
 * while somebody connects stops for ever, and so may a dialer that is given up
 * (docs/adr/0005-websocket-links.md).
 *
 * The upgrade is part of the stream: it counts as connected when what is below it is, and a peer
 * that does not upgrade is a silent stranger to whoever has limits for those. A request that a
 * browser made (it has an Origin) is refused: a page of any site can reach a loopback port.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>

#include "core/base/assert.h"
#include "core/platform/platform.h"
#include "transport/link/link.h"
#include "transport/websocket/request.h"
#include "transport/websocket/websocket.h"

#define HEAD_MAX 2048u    /* bytes of a request or of its answer */
#define PART_MAX 16384u   /* of a payload that is copied, for its head or its mask */
#define SAY_MAX 512u      /* what goes out between frames */
#define CLIENT_MASK 0x80u /* in the second byte of a frame's head */

struct ws_stream {
    struct tpi_stream base;
    struct tpi_stream *below;
    bool client;
    char path[TPI_LINK_URL_MAX];
    char accept[TPI_WS_ACCEPT_SIZE]; /* a client's: what the answer must have */
    tpi_mutex lock; /* of what follows, up to `why`; the receiving chain alone changes the two */
    bool open;      /* upgraded */
    bool ends;      /* what is to be said is the last; what comes does not count any more */
    size_t say_size;
    char say[SAY_MAX];
    tp_err why; /* it is closed, if for a reason of our own */
    /* the sending chain's */
    const uint8_t *rest; /* of a frame's payload */
    size_t left;
    uint8_t mask[4];
    size_t mask_at;
    char said[SAY_MAX];
    uint8_t out[TPI_WS_HEAD_MAX + PART_MAX];
    /* the receiving chain's */
    size_t head_size;
    struct tpi_ws in;
    char head[HEAD_MAX];
};

static void *in_alloc(void *context, size_t size) {
    (void)context;
    return malloc(size);
}

static void in_free(void *context, void *pointer) {
    (void)context;
    free(pointer);
}

/* Of the system's randomness: there is no such stream in a simulation. Multiples of four. */
static void draw(uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i += sizeof(uint32_t)) {
        uint32_t random = nng_random();
        memcpy(out + i, &random, sizeof random);
    }
}

/* ---- sending ---- */

/* Goes out before the next frame; what has not gone out yet is kept instead. */
static void say(struct ws_stream *stream, const void *bytes, size_t size) {
    TPI_ASSERT(size <= SAY_MAX);
    tpi_mutex_lock(&stream->lock);
    bool free_to = stream->say_size == 0;
    if (free_to) {
        memcpy(stream->say, bytes, size);
        stream->say_size = size;
    }
    tpi_mutex_unlock(&stream->lock);
    if (free_to) tpi_stream_wake(stream->below);
}

/* Nothing is sent after this, and nothing that comes is looked at. */
static void say_last(struct ws_stream *stream, tp_err why, const void *bytes, size_t size) {
    tpi_mutex_lock(&stream->lock);
    stream->ends = true;
    stream->why = why;
    tpi_mutex_unlock(&stream->lock);
    say(stream, bytes, size);
}

enum phase { UPGRADING, OPEN, ENDS };

/* What is to be said next, if anything, and how things stand. */
static enum phase take_said(struct ws_stream *stream, size_t *size) {
    tpi_mutex_lock(&stream->lock);
    enum phase phase = stream->ends ? ENDS : stream->open ? OPEN : UPGRADING;
    *size = stream->say_size;
    memcpy(stream->said, stream->say, *size);
    stream->say_size = 0;
    tpi_mutex_unlock(&stream->lock);
    return phase;
}

/* The next part of a frame's payload behind `used` bytes of its head. */
static size_t next_part(struct ws_stream *stream, size_t used, const uint8_t **bytes) {
    size_t part = stream->left;
    if (!stream->client && used == 0) {
        *bytes = stream->rest; /* it needs neither a head nor a mask */
    } else {
        if (part > PART_MAX) part = PART_MAX;
        *bytes = stream->out;
        tpi_ws_mask(stream->out + used, stream->rest, part, stream->mask, stream->mask_at);
        stream->mask_at = (stream->mask_at + part) & 3;
    }
    stream->rest += part;
    stream->left -= part;
    return used + part;
}

static size_t begin_frame(struct ws_stream *stream, const uint8_t **bytes) {
    stream->left = stream->base.handler->fill(stream->base.context, &stream->rest);
    if (stream->left == 0) return 0;
    size_t used = tpi_ws_head(stream->out, TPI_WS_BINARY, stream->left);
    if (stream->client) {
        draw(stream->mask, sizeof stream->mask);
        stream->out[1] |= CLIENT_MASK;
        memcpy(stream->out + used, stream->mask, sizeof stream->mask);
        used += sizeof stream->mask;
        stream->mask_at = 0;
    }
    return next_part(stream, used, bytes);
}

static size_t below_fill(void *context, const uint8_t **bytes) {
    struct ws_stream *stream = context;
    if (stream->left > 0) return next_part(stream, 0, bytes);
    size_t size;
    enum phase phase = take_said(stream, &size);
    *bytes = (const uint8_t *)stream->said;
    if (size > 0) return size;
    if (phase == ENDS) tpi_stream_close(stream->below);
    return phase == OPEN ? begin_frame(stream, bytes) : 0;
}

/* ---- the upgrade ---- */

static void answer(struct ws_stream *stream, tp_str key) {
    char text[SAY_MAX], accept[TPI_WS_ACCEPT_SIZE];
    tpi_ws_accept(key.data, key.size, accept);
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n\r\n",
                        (int)sizeof accept, accept);
    say(stream, text, (size_t)size);
}

static void refuse(struct ws_stream *stream, int status) {
    char text[SAY_MAX];
    int size = snprintf(text, sizeof text,
                        "HTTP/1.1 %d Refused\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n",
                        status, status == 426 ? "Sec-WebSocket-Version: 13\r\n" : "");
    say_last(stream, TP_EREFUSED, text, (size_t)size);
}

/* The server's look at a whole request. */
static bool judge_request(struct ws_stream *stream, size_t size) {
    struct tpi_request request;
    int status = tpi_request_parse(stream->head, size, &request);
    if (status == 0 && !tp_str_equal(request.path, tp_str_of(stream->path))) status = 404;
    if (status == 0 && request.has_origin) status = 403;
    if (status == 0 && (!request.upgrade || request.protocols)) status = 400;
    if (status == 0) answer(stream, request.key);
    else refuse(stream, status);
    return status == 0;
}

/* Takes bytes up to the end of the head. False: the stream closes. */
static bool take_head(struct ws_stream *stream, const uint8_t **at, size_t *left) {
    size_t had = stream->head_size, part = HEAD_MAX - had;
    if (part > *left) part = *left;
    memcpy(stream->head + had, *at, part);
    stream->head_size += part;
    size_t end = tpi_request_end(stream->head, stream->head_size);
    if (end == 0) {
        *at += part;
        *left -= part;
        if (stream->head_size == HEAD_MAX && !stream->client) refuse(stream, 431);
        return stream->head_size < HEAD_MAX || !stream->client;
    }
    *at += end - had;
    *left -= end - had;
    tp_str accept = {stream->accept, sizeof stream->accept};
    bool good =
        stream->client ? tpi_request_agreed(stream->head, end, accept) : judge_request(stream, end);
    if (!good) return !stream->client; /* a server has an answer to send first */
    tpi_mutex_lock(&stream->lock);
    stream->open = true;
    tpi_mutex_unlock(&stream->lock);
    tpi_stream_wake(stream->below);
    return true;
}

/* ---- receiving ---- */

/* A pong has what its ping had; a close is answered by one. */
static void say_control(struct ws_stream *stream, enum tpi_ws_opcode opcode) {
    uint8_t text[TPI_WS_HEAD_MAX + TPI_WS_CONTROL_MAX];
    uint8_t mask[4] = {0};
    size_t payload = stream->in.control_size, size = tpi_ws_head(text, opcode, payload);
    if (stream->client) {
        draw(mask, sizeof mask);
        text[1] |= CLIENT_MASK;
        memcpy(text + size, mask, sizeof mask);
        size += sizeof mask;
    }
    tpi_ws_mask(text + size, stream->in.control, payload, mask, 0);
    if (opcode == TPI_WS_CLOSING) say_last(stream, TP_ECLOSED, text, size + payload);
    else say(stream, text, size + payload);
}

static bool take_frames(struct ws_stream *stream, const uint8_t *at, size_t left) {
    for (;;) {
        switch (tpi_ws_next(&stream->in, &at, &left)) {
        case TPI_WS_MORE: return true;
        case TPI_WS_BAD: return false;
        case TPI_WS_PONG: break;
        case TPI_WS_PING: say_control(stream, TPI_WS_PONGING); break;
        case TPI_WS_CLOSE: say_control(stream, TPI_WS_CLOSING); return true;
        case TPI_WS_MESSAGE:
            if (!stream->base.handler->received(stream->base.context, stream->in.bytes,
                                                stream->in.size))
                return false;
            break;
        }
    }
}

static bool below_received(void *context, const uint8_t *bytes, size_t size) {
    struct ws_stream *stream = context;
    if (!stream->ends && !stream->open && !take_head(stream, &bytes, &size)) {
        tpi_mutex_lock(&stream->lock);
        stream->why = TP_EREFUSED;
        tpi_mutex_unlock(&stream->lock);
        return false;
    }
    if (stream->ends || size == 0) return true;
    return take_frames(stream, bytes, size);
}

static void below_closed(void *context, tp_err why) {
    struct ws_stream *stream = context;
    tpi_mutex_lock(&stream->lock);
    if (stream->why != TP_OK) why = stream->why;
    tpi_mutex_unlock(&stream->lock);
    stream->base.handler->closed(stream->base.context, why);
}

/* ---- the stream ---- */

static const struct tpi_stream_handler below_handler = {below_fill, below_received, below_closed};

static void ws_start(struct tpi_stream *base) {
    struct ws_stream *stream = (struct ws_stream *)(void *)base;
    tpi_stream_start(stream->below, &below_handler, stream);
    if (stream->client) tpi_stream_wake(stream->below); /* its request */
}

static void ws_wake(struct tpi_stream *base) {
    tpi_stream_wake(((struct ws_stream *)(void *)base)->below);
}

static void ws_close(struct tpi_stream *base) {
    tpi_stream_close(((struct ws_stream *)(void *)base)->below);
}

static void ws_free(struct tpi_stream *base) {
    struct ws_stream *stream = (struct ws_stream *)(void *)base;
    tpi_stream_free(stream->below);
    tpi_ws_fini(&stream->in);
    free(stream);
}

static const struct tpi_stream_ops ws_ops = {ws_start, ws_wake, ws_close, ws_free};

/* Takes what is below in every case. */
static struct ws_stream *ws_new(struct tpi_stream *below, const char *path, bool client) {
    struct ws_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        tpi_stream_free(below);
        return NULL;
    }
    stream->base.ops = &ws_ops;
    stream->below = below;
    stream->client = client;
    snprintf(stream->path, sizeof stream->path, "%s", path);
    tpi_ws_init_stream(&stream->in, (struct tpi_ws_memory){in_alloc, in_free, NULL}, PART_MAX,
                       client);
    return stream;
}

/* "ws://HOST:PORT/PATH" in parts: the URL below, and the path. */
struct place {
    char below[TPI_LINK_URL_MAX];
    char path[TPI_LINK_URL_MAX];
};

static tp_err split(const char *url, struct place *out) {
    const char *host = strstr(url, "://") + 3; /* tpi_link_find has found it */
    size_t size = strcspn(host, "/");
    const char *path = host[size] == 0 ? "/" : host + size;
    for (const char *c = host; *c != 0; c++)
        if (*c <= ' ' || *c >= 0x7f || *c == '?' || *c == '#') return TP_EADDR;
    int length = snprintf(out->below, sizeof out->below, "%s://%.*s",
                          tpi_link_find(url)->needs_tls ? "tls+tcp" : "tcp", (int)size, host);
    snprintf(out->path, sizeof out->path, "%s", path);
    return length < (int)sizeof out->below ? TP_OK : TP_EADDR;
}

/* ---- listeners ---- */

struct ws_listener {
    struct tpi_listener base;
    struct tpi_listener *below;
    tpi_link_accepted accepted;
    void *context;
    struct place place;
};

static void on_accepted(void *context, struct tpi_stream *below) {
    struct ws_listener *listener = context;
    struct ws_stream *stream = ws_new(below, listener->place.path, false);
    if (stream != NULL) listener->accepted(listener->context, &stream->base);
}

static void listener_free(struct tpi_listener *base) {
    struct ws_listener *listener = (struct ws_listener *)(void *)base;
    tpi_listener_free(listener->below);
    free(listener);
}

static tp_err ws_listen(const struct tpi_net *net, const char *url, tpi_link_accepted accepted,
                        void *context, struct tpi_listener **out) {
    struct ws_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) return TP_ENOMEM;
    listener->base.free = listener_free;
    listener->accepted = accepted;
    listener->context = context;
    tp_err err = split(url, &listener->place);
    if (err == TP_OK)
        err = tpi_link_listen(net, listener->place.below, on_accepted, listener, &listener->below);
    if (err != TP_OK) {
        free(listener);
        return err;
    }
    /* with the port that was picked */
    int length = snprintf(listener->base.url, sizeof listener->base.url, "%s%s%s",
                          tpi_link_find(url)->scheme, strstr(listener->below->url, "://"),
                          listener->place.path);
    if (length < 0 || (size_t)length >= sizeof listener->base.url) {
        listener_free(&listener->base);
        return TP_EADDR;
    }
    *out = &listener->base;
    return TP_OK;
}

/* ---- connecting ---- */

struct ws_attempt {
    struct tpi_attempt base;
    struct tpi_attempt *below;
    tpi_link_connected connected;
    void *context;
    struct place place;
};

/* A client's request, to be said first. */
static tp_err ask(struct ws_stream *stream, const struct place *place) {
    uint8_t random[16];
    char key[TPI_WS_KEY_SIZE];
    draw(random, sizeof random);
    tpi_ws_key(random, key);
    tpi_ws_accept(key, sizeof key, stream->accept);
    int size = snprintf(stream->say, sizeof stream->say,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: %.*s\r\n\r\n",
                        place->path, strstr(place->below, "://") + 3, (int)sizeof key, key);
    if (size < 0 || (size_t)size >= sizeof stream->say) return TP_EADDR;
    stream->say_size = (size_t)size;
    return TP_OK;
}

static void on_connected(void *context, tp_err err, struct tpi_stream *below) {
    struct ws_attempt *attempt = context;
    struct ws_stream *stream = NULL;
    if (err == TP_OK) {
        stream = ws_new(below, attempt->place.path, true);
        err = stream == NULL ? TP_ENOMEM : ask(stream, &attempt->place);
    }
    if (err != TP_OK && stream != NULL) {
        ws_free(&stream->base);
        stream = NULL;
    }
    attempt->connected(attempt->context, err, stream == NULL ? NULL : &stream->base);
}

static void attempt_free(struct tpi_attempt *base) {
    struct ws_attempt *attempt = (struct ws_attempt *)(void *)base;
    tpi_attempt_free(attempt->below);
    free(attempt);
}

static tp_err ws_connect(const struct tpi_net *net, const char *url, tpi_link_connected connected,
                         void *context, struct tpi_attempt **out) {
    struct ws_attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) return TP_ENOMEM;
    attempt->base.free = attempt_free;
    attempt->connected = connected;
    attempt->context = context;
    tp_err err = split(url, &attempt->place);
    *out = &attempt->base;
    if (err == TP_OK)
        err = tpi_link_connect(net, attempt->place.below, on_connected, attempt, &attempt->below);
    if (err != TP_OK) free(attempt);
    return err;
}

const struct tpi_link tpi_link_ws = {.scheme = "ws", .listen = ws_listen, .connect = ws_connect};
const struct tpi_link tpi_link_wss = {
    .scheme = "wss", .needs_tls = true, .listen = ws_listen, .connect = ws_connect};
