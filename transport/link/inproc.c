/*
 * Streams between nodes of one process: what one side fills, the other receives, in the same
 * memory. A hub's one thread makes every callback, so that no side ever runs inside of the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/platform/platform.h"
#include "transport/link/link.h"

#define BURST 16u /* fills of one stream before the next has its turn */

struct hub {
    struct tpi_hub base;
    tpi_mutex lock;      /* of the lists and of all streams' flags */
    tpi_mutex callbacks; /* held while `accepted` or `connected` runs: their owners' free waits */
    _Atomic(uint32_t) work; /* futex: goes up when there is something to do */
    bool stop;
    struct tpi_list ready;     /* streams */
    struct tpi_list listeners; /* listener */
    struct tpi_list attempts;  /* attempt: to be made */
    tpi_thread thread;
};

struct stream {
    struct tpi_stream base;
    struct hub *hub;
    struct stream *peer;  /* NULL: freed */
    struct tpi_list link; /* in ready, or in none */
    bool started;
    bool woken;
    bool closing;
    bool told;
};

struct listener {
    struct tpi_listener base;
    struct hub *hub;
    struct tpi_list link;
    tpi_link_accepted accepted;
    void *context;
};

struct attempt {
    struct tpi_attempt base;
    struct hub *hub;
    struct tpi_list link;
    tpi_link_connected connected;
    void *context;
    char url[TPI_LINK_URL_MAX];
};

/* Under the lock. */
static void has_work(struct hub *hub) {
    /* release: partner is the acquire load in hub_main, which then takes the lock */
    atomic_fetch_add_explicit(&hub->work, 1, memory_order_release);
    tpi_futex_wake(&hub->work, 1);
}

static void make_ready(struct stream *stream) {
    if (stream->told || stream->link.next != &stream->link) return;
    tpi_list_push_back(&stream->hub->ready, &stream->link);
    has_work(stream->hub);
}

/* ---- streams ---- */

static void stream_start(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    tpi_mutex_lock(&stream->hub->lock);
    stream->started = true;
    make_ready(stream);
    if (stream->peer != NULL) make_ready(stream->peer);
    tpi_mutex_unlock(&stream->hub->lock);
}

static void stream_wake(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    tpi_mutex_lock(&stream->hub->lock);
    stream->woken = true;
    make_ready(stream);
    tpi_mutex_unlock(&stream->hub->lock);
}

/* Under the lock: both ends are over. */
static void close_both(struct stream *stream) {
    stream->closing = true;
    make_ready(stream);
    if (stream->peer == NULL) return;
    stream->peer->closing = true;
    make_ready(stream->peer);
}

static void stream_close(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    tpi_mutex_lock(&stream->hub->lock);
    close_both(stream);
    tpi_mutex_unlock(&stream->hub->lock);
}

static void stream_free(struct tpi_stream *base) {
    struct stream *stream = (struct stream *)(void *)base;
    tpi_mutex_lock(&stream->hub->lock);
    close_both(stream);
    tpi_list_remove(&stream->link);
    if (stream->peer != NULL) stream->peer->peer = NULL;
    tpi_mutex_unlock(&stream->hub->lock);
    free(stream);
}

static const struct tpi_stream_ops stream_ops = {stream_start, stream_wake, stream_close,
                                                 stream_free};

static bool make_pair(struct hub *hub, struct stream **a, struct stream **b) {
    *a = calloc(1, sizeof **a);
    *b = calloc(1, sizeof **b);
    if (*a == NULL || *b == NULL) {
        free(*a);
        free(*b);
        return false;
    }
    **a = (struct stream){.base.ops = &stream_ops, .hub = hub, .peer = *b};
    **b = (struct stream){.base.ops = &stream_ops, .hub = hub, .peer = *a};
    tpi_list_init(&(*a)->link);
    tpi_list_init(&(*b)->link);
    return true;
}

/* One fill to the other side. False: there is nothing more, or somebody closed. */
static bool carry(struct stream *stream, struct stream *peer) {
    const uint8_t *bytes = NULL;
    size_t size = stream->base.handler->fill(stream->base.context, &bytes);
    if (size == 0) return false;
    bool go_on = peer->base.handler->received(peer->base.context, bytes, size);
    tpi_mutex_lock(&stream->hub->lock);
    if (!go_on) close_both(peer);
    go_on = !stream->closing;
    tpi_mutex_unlock(&stream->hub->lock);
    return go_on;
}

/* The hub's thread, with the lock, which is let go for the callbacks. Only this thread sets `told`,
 * before which no stream is freed. */
static void serve_stream(struct hub *hub, struct stream *stream) {
    struct stream *peer = stream->peer;
    if (stream->closing && stream->started) {
        stream->told = true;
        tpi_mutex_unlock(&hub->lock);
        stream->base.handler->closed(stream->base.context, TP_ECLOSED);
        tpi_mutex_lock(&hub->lock);
        return;
    }
    bool can = stream->woken && stream->started && peer != NULL && peer->started && !peer->told &&
               !stream->closing;
    if (!can) return;
    stream->woken = false;
    tpi_mutex_unlock(&hub->lock);
    unsigned count = 0;
    while (count < BURST && carry(stream, peer)) count++;
    tpi_mutex_lock(&hub->lock);
    if (count < BURST) return;
    stream->woken = true;
    make_ready(stream);
}

/* ---- listeners and attempts ---- */

static struct listener *find_listener(struct hub *hub, const char *url) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&hub->listeners, link, spare) {
        struct listener *listener = TPI_CONTAINER_OF(link, struct listener, link);
        if (strcmp(listener->base.url, url) == 0) return listener;
    }
    return NULL;
}

/* The hub's thread, with the lock. */
static void serve_attempt(struct hub *hub) {
    tpi_mutex_unlock(&hub->lock);
    tpi_mutex_lock(&hub->callbacks); /* before the lock: whoever frees takes them in this order */
    tpi_mutex_lock(&hub->lock);
    struct tpi_list *link = tpi_list_pop_front(&hub->attempts);
    struct attempt *attempt = link == NULL ? NULL : TPI_CONTAINER_OF(link, struct attempt, link);
    struct listener *listener = attempt == NULL ? NULL : find_listener(hub, attempt->url);
    tpi_mutex_unlock(&hub->lock);
    struct stream *a = NULL, *b = NULL;
    tp_err err = listener == NULL ? TP_EREFUSED : TP_OK;
    if (err == TP_OK && !make_pair(hub, &a, &b)) err = TP_ENOMEM;
    if (err == TP_OK) listener->accepted(listener->context, &b->base);
    if (attempt != NULL) attempt->connected(attempt->context, err, err == TP_OK ? &a->base : NULL);
    tpi_mutex_unlock(&hub->callbacks);
    tpi_mutex_lock(&hub->lock);
}

static void listener_free(struct tpi_listener *base) {
    struct listener *listener = (struct listener *)(void *)base;
    struct hub *hub = listener->hub;
    tpi_mutex_lock(&hub->callbacks);
    tpi_mutex_lock(&hub->lock);
    tpi_list_remove(&listener->link);
    tpi_mutex_unlock(&hub->lock);
    tpi_mutex_unlock(&hub->callbacks);
    free(listener);
}

static tp_err inproc_listen(const struct tpi_net *net, const char *url, tpi_link_accepted accepted,
                            void *context, struct tpi_listener **out) {
    struct hub *hub = (struct hub *)(void *)net->hub;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) return TP_ENOMEM;
    listener->base.free = listener_free;
    snprintf(listener->base.url, sizeof listener->base.url, "%s", url);
    listener->hub = hub;
    listener->accepted = accepted;
    listener->context = context;
    tpi_list_init(&listener->link);
    tpi_mutex_lock(&hub->lock);
    bool taken = find_listener(hub, url) != NULL;
    if (!taken) tpi_list_push_back(&hub->listeners, &listener->link);
    tpi_mutex_unlock(&hub->lock);
    if (taken) {
        free(listener);
        return TP_EBUSY;
    }
    *out = &listener->base;
    return TP_OK;
}

static void attempt_free(struct tpi_attempt *base) {
    struct attempt *attempt = (struct attempt *)(void *)base;
    struct hub *hub = attempt->hub;
    tpi_mutex_lock(&hub->callbacks);
    tpi_mutex_lock(&hub->lock);
    tpi_list_remove(&attempt->link);
    tpi_mutex_unlock(&hub->lock);
    tpi_mutex_unlock(&hub->callbacks);
    free(attempt);
}

static tp_err inproc_connect(const struct tpi_net *net, const char *url,
                             tpi_link_connected connected, void *context,
                             struct tpi_attempt **out) {
    struct hub *hub = (struct hub *)(void *)net->hub;
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) return TP_ENOMEM;
    attempt->base.free = attempt_free;
    attempt->hub = hub;
    attempt->connected = connected;
    attempt->context = context;
    snprintf(attempt->url, sizeof attempt->url, "%s", url);
    tpi_list_init(&attempt->link);
    *out = &attempt->base;
    tpi_mutex_lock(&hub->lock);
    tpi_list_push_back(&hub->attempts, &attempt->link);
    has_work(hub);
    tpi_mutex_unlock(&hub->lock);
    return TP_OK;
}

/* ---- the hub ---- */

static void hub_main(void *arg) {
    struct hub *hub = arg;
    tpi_mutex_lock(&hub->lock);
    while (!hub->stop) {
        /* acquire: partner is has_work; the number is read before the lists are looked at */
        uint32_t seen = atomic_load_explicit(&hub->work, memory_order_acquire);
        struct tpi_list *link = tpi_list_pop_front(&hub->ready);
        if (link != NULL) {
            serve_stream(hub, TPI_CONTAINER_OF(link, struct stream, link));
        } else if (!tpi_list_empty(&hub->attempts)) {
            serve_attempt(hub);
        } else {
            tpi_mutex_unlock(&hub->lock);
            tpi_futex_wait(&hub->work, seen, TP_FOREVER);
            tpi_mutex_lock(&hub->lock);
        }
    }
    tpi_mutex_unlock(&hub->lock);
}

tp_err tpi_hub_new(struct tpi_hub **out) {
    struct hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) return TP_ENOMEM;
    tpi_list_init(&hub->ready);
    tpi_list_init(&hub->listeners);
    tpi_list_init(&hub->attempts);
    tp_err err = tpi_thread_start(&hub->thread, "tp-hub", hub_main, hub);
    if (err != TP_OK) {
        free(hub);
        return err;
    }
    *out = &hub->base;
    return TP_OK;
}

void tpi_hub_free(struct tpi_hub *base) {
    struct hub *hub = (struct hub *)(void *)base;
    tpi_mutex_lock(&hub->lock);
    hub->stop = true;
    has_work(hub);
    tpi_mutex_unlock(&hub->lock);
    tpi_thread_join(hub->thread);
    TPI_ASSERT(tpi_list_empty(&hub->ready) && tpi_list_empty(&hub->listeners));
    free(hub);
}

const struct tpi_link tpi_link_inproc = {.scheme = "inproc",
                                         .needs_hub = true,
                                         .local = true,
                                         .listen = inproc_listen,
                                         .connect = inproc_connect};
