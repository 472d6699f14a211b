/*
 * What every link promises, asked of each: bytes arrive whole and in order, in both directions, in
 * batches; `closed` comes once and last; port 0 and names in use; attempts that fail or are given
 * up; a peer that vanishes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/platform/platform.h"
#include "tests/support/certificates.h"
#include "transport/link/simnet.h"

#define PATIENCE TP_SECONDS(60)

/* One end of a stream, as its owner keeps it. */
struct end {
    struct tpi_stream *stream;
    tpi_mutex lock;
    uint64_t to_send; /* bytes that may still be filled */
    uint64_t filled;
    uint64_t received;
    uint64_t calls; /* of fill that gave something */
    bool in_fill, in_received, wrong, refuse;
    _Atomic(uint32_t) moved; /* futex */
    unsigned closed;
    uint8_t out[8192];
};

struct place {
    struct tpi_net net;
    struct tpi_tls *tls;
    struct tpi_listener *listener;
    struct end server, client;
    tpi_mutex lock;
    _Atomic(uint32_t) moved;
    unsigned accepted, connected;
    unsigned spares; /* accepted beside the one */
    struct tpi_stream *spare[64];
    tp_err err;
};

static void moved(_Atomic(uint32_t) *word) {
    atomic_fetch_add_explicit(word, 1, memory_order_seq_cst); /* seq_cst: a test need not be fast */
    tpi_futex_wake(word, 64);
}

/* The simulated network has no threads: waiting is letting it go on. */
static tp_simnet *simnet;
static struct tpi_hub *simulated;

static void wait_for_change(_Atomic(uint32_t) *word, uint32_t seen) {
    if (simulated != NULL) simulated->pass(simulated, TP_MS(10));
    else tpi_futex_wait(word, seen, TP_SECONDS(1));
}

/* Waits until `condition(end)`. */
#define WAIT(word, mutex, condition)                                                               \
    do {                                                                                           \
        tp_time end_at = tpi_clock_monotonic() + PATIENCE;                                         \
        for (;;) {                                                                                 \
            /* seq_cst: as in moved */                                                             \
            uint32_t seen_ = atomic_load_explicit((word), memory_order_seq_cst);                   \
            tpi_mutex_lock(mutex);                                                                 \
            bool holds_ = (condition);                                                             \
            tpi_mutex_unlock(mutex);                                                               \
            if (holds_) break;                                                                     \
            TP_ASSERT_MSG(tpi_clock_monotonic() < end_at, "waited in vain: %s", #condition);       \
            wait_for_change((word), seen_);                                                        \
        }                                                                                          \
    } while (0)

static uint8_t pattern(uint64_t at) {
    return (uint8_t)(at * 131 + (at >> 13));
}

static size_t fill(void *context, const uint8_t **bytes) {
    struct end *end = context;
    tpi_mutex_lock(&end->lock);
    if (end->in_fill) end->wrong = true;
    end->in_fill = true;
    size_t size = end->to_send < sizeof end->out ? (size_t)end->to_send : sizeof end->out;
    tpi_mutex_unlock(&end->lock);
    for (size_t i = 0; i < size; i++) end->out[i] = pattern(end->filled + i);
    tpi_mutex_lock(&end->lock);
    end->filled += size;
    end->to_send -= size;
    end->calls += size > 0;
    end->in_fill = false;
    tpi_mutex_unlock(&end->lock);
    *bytes = end->out;
    return size;
}

static bool received(void *context, const uint8_t *bytes, size_t size) {
    struct end *end = context;
    tpi_mutex_lock(&end->lock);
    if (end->in_received || end->closed > 0) end->wrong = true;
    end->in_received = true;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern(end->received + i)) end->wrong = true;
    end->received += size;
    end->in_received = false;
    bool go_on = !end->refuse;
    tpi_mutex_unlock(&end->lock);
    moved(&end->moved);
    return go_on;
}

static void closed(void *context, tp_err why) {
    struct end *end = context;
    (void)why;
    tpi_mutex_lock(&end->lock);
    end->closed++;
    tpi_mutex_unlock(&end->lock);
    moved(&end->moved);
}

static const struct tpi_stream_handler handler = {fill, received, closed};

static void on_accepted(void *context, struct tpi_stream *stream) {
    struct place *place = context;
    tpi_mutex_lock(&place->lock);
    if (place->server.stream == NULL) place->server.stream = stream;
    else place->spare[place->spares++] = stream;
    place->accepted++;
    tpi_mutex_unlock(&place->lock);
    moved(&place->moved);
}

static void on_connected(void *context, tp_err err, struct tpi_stream *stream) {
    struct place *place = context;
    tpi_mutex_lock(&place->lock);
    place->client.stream = stream;
    place->err = err;
    place->connected++;
    tpi_mutex_unlock(&place->lock);
    moved(&place->moved);
}

static const char *url_of(const char *scheme) {
    static char url[128];
    if (strcmp(scheme, "ipc") == 0)
        snprintf(url, sizeof url, "ipc:///tmp/tp-link-%ld.sock", (long)getpid());
    else if (strcmp(scheme, "inproc") == 0) snprintf(url, sizeof url, "inproc://one");
    else snprintf(url, sizeof url, "%s://127.0.0.1:0%s", scheme, scheme[0] == 'w' ? "/troupe" : "");
    return url;
}

static char *text_of(const char *path) {
    void *bytes;
    size_t size;
    TP_ASSERT_EQ_INT(tpi_file_read(path, 65536, &bytes, &size), TP_OK);
    char *text = realloc(bytes, size + 1);
    TP_ASSERT(text != NULL);
    text[size] = 0;
    return text;
}

static struct tpi_tls *tls_new(const char *certificate, const char *key, const char *authority) {
    struct tpi_tls *tls = NULL;
    enum tpi_tls_part wrong;
    char *texts[] = {text_of(certificate), text_of(key), text_of(authority)};
    struct tpi_tls_texts all = {texts[0], texts[1], texts[2], CERTIFICATES_NAME};
    TP_ASSERT_EQ_INT(tpi_tls_new(&all, &wrong, &tls), TP_OK);
    for (unsigned i = 0; i < 3; i++) free(texts[i]);
    return tls;
}

static bool is_tls(const char *scheme) {
    return strcmp(scheme, "tls+tcp") == 0 || strcmp(scheme, "wss") == 0;
}

static struct place *place_new(const char *scheme) {
    struct place *place = calloc(1, sizeof *place);
    TP_ASSERT(place != NULL);
    if (strcmp(scheme, "inproc") == 0) TP_ASSERT_EQ_INT(tpi_hub_new(&place->net.hub), TP_OK);
    if (strcmp(scheme, "simulated") == 0) {
        tp_sim *sim = NULL;
        TP_ASSERT_EQ_INT(tp_simnet_new(&simnet, NULL), TP_OK);
        TP_ASSERT_EQ_INT(tp_simnet_add(simnet, NULL, &sim), TP_OK);
        simulated = place->net.hub = tpi_simnet_hub(simnet, sim);
        scheme = "tcp";
    }
    if (is_tls(scheme)) {
        struct certificates made;
        TP_ASSERT(certificates_make(&made));
        place->net.tls = place->tls = tls_new(made.certificate, made.key, made.authority);
        certificates_remove(&made);
    }
    TP_ASSERT_EQ_INT(
        tpi_link_listen(&place->net, url_of(scheme), on_accepted, place, &place->listener), TP_OK);
    return place;
}

static void place_join(struct place *place) {
    struct tpi_attempt *attempt = NULL;
    TP_ASSERT_EQ_INT(
        tpi_link_connect(&place->net, place->listener->url, on_connected, place, &attempt), TP_OK);
    WAIT(&place->moved, &place->lock, place->accepted == 1 && place->connected == 1);
    TP_ASSERT_EQ_INT(place->err, TP_OK);
    tpi_attempt_free(attempt);
    tpi_stream_start(place->server.stream, &handler, &place->server);
    tpi_stream_start(place->client.stream, &handler, &place->client);
}

static void end_free(struct end *end) {
    tpi_stream_close(end->stream);
    WAIT(&end->moved, &end->lock, end->closed == 1);
    tpi_stream_free(end->stream);
    TP_ASSERT(!end->wrong && end->closed == 1);
}

static void place_free(struct place *place) {
    if (place->client.stream != NULL) {
        end_free(&place->client);
        end_free(&place->server);
    }
    tpi_listener_free(place->listener);
    if (simnet != NULL) tp_simnet_free(simnet);
    else if (place->net.hub != NULL) tpi_hub_free(place->net.hub);
    simnet = NULL;
    simulated = NULL;
    tpi_tls_free(place->tls);
    free(place);
}

static void send_more(struct end *end, uint64_t size) {
    tpi_mutex_lock(&end->lock);
    end->to_send += size;
    tpi_mutex_unlock(&end->lock);
    tpi_stream_wake(end->stream);
}

static void check_both_ways(const char *scheme) {
    struct place *place = place_new(scheme);
    place_join(place);
    uint64_t total = 0;
    for (unsigned i = 0; i < 300; i++) {
        uint64_t size = 1 + i * 37;
        total += size;
        send_more(&place->client, size);
        send_more(&place->server, size);
    }
    WAIT(&place->server.moved, &place->server.lock, place->server.received == total);
    WAIT(&place->client.moved, &place->client.lock, place->client.received == total);
    place_free(place);
}

static void check_bulk(const char *scheme) {
    struct place *place = place_new(scheme);
    place_join(place);
    send_more(&place->client, 20u << 20);
    WAIT(&place->server.moved, &place->server.lock, place->server.received == 20u << 20);
    tpi_mutex_lock(&place->client.lock);
    uint64_t calls = place->client.calls;
    tpi_mutex_unlock(&place->client.lock);
    TP_ASSERT(calls >= (20u << 20) / sizeof place->client.out);
    place_free(place);
}

static void check_peer_closes(const char *scheme) {
    struct place *place = place_new(scheme);
    place_join(place);
    send_more(&place->client, 1000);
    WAIT(&place->server.moved, &place->server.lock, place->server.received == 1000);
    tpi_stream_close(place->client.stream);
    WAIT(&place->server.moved, &place->server.lock, place->server.closed == 1);
    WAIT(&place->client.moved, &place->client.lock, place->client.closed == 1);
    tpi_stream_wake(place->client.stream); /* too late: nothing happens */
    place_free(place);
}

static void check_receiver_refuses(const char *scheme) {
    struct place *place = place_new(scheme);
    place_join(place);
    place->server.refuse = true;
    send_more(&place->client, 100);
    WAIT(&place->server.moved, &place->server.lock, place->server.closed == 1);
    WAIT(&place->client.moved, &place->client.lock, place->client.closed == 1);
    place_free(place);
}

static void check_close_under_load(const char *scheme) {
    struct place *place = place_new(scheme);
    place_join(place);
    send_more(&place->client, 1u << 30);
    send_more(&place->server, 1u << 30);
    WAIT(&place->server.moved, &place->server.lock, place->server.received > 100000);
    place_free(place);
}

static void check_taken_and_free_again(const char *scheme) {
    struct place *place = place_new(scheme);
    struct tpi_listener *second = NULL;
    tp_err err = tpi_link_listen(&place->net, place->listener->url, on_accepted, place, &second);
    TP_ASSERT_EQ_INT(err, TP_EBUSY);
    place_join(place); /* and the first still listens */
    send_more(&place->client, 10);
    WAIT(&place->server.moved, &place->server.lock, place->server.received == 10);
    place_free(place);
    place = place_new(scheme);
    place_join(place);
    place_free(place);
}

static void check_nobody(const char *scheme) {
    struct place *place = place_new(scheme);
    char url[TPI_LINK_URL_MAX];
    snprintf(url, sizeof url, "%s", place->listener->url);
    tpi_listener_free(place->listener);
    place->listener = NULL;
    struct tpi_attempt *attempt = NULL;
    TP_ASSERT_EQ_INT(tpi_link_connect(&place->net, url, on_connected, place, &attempt), TP_OK);
    WAIT(&place->moved, &place->lock, place->connected == 1);
    TP_ASSERT(place->err != TP_OK && place->client.stream == NULL);
    tpi_attempt_free(attempt);
    place_free(place);
}

static void check_given_up(const char *scheme) {
    struct place *place = place_new(scheme);
    for (unsigned i = 0; i < 50; i++) {
        struct tpi_attempt *attempt = NULL;
        struct end *ends[] = {&place->client, &place->server};
        TP_ASSERT_EQ_INT(
            tpi_link_connect(&place->net, place->listener->url, on_connected, place, &attempt),
            TP_OK);
        tpi_attempt_free(attempt);
        tpi_mutex_lock(&place->lock);
        for (unsigned k = 0; k < 2; k++) {
            if (ends[k]->stream != NULL) tpi_stream_free(ends[k]->stream); /* never started */
            ends[k]->stream = NULL;
        }
        tpi_mutex_unlock(&place->lock);
    }
    /* an accept may still be on its way */
    tpi_listener_free(place->listener);
    place->listener = NULL;
    if (place->server.stream != NULL) tpi_stream_free(place->server.stream);
    for (unsigned i = 0; i < place->spares; i++) tpi_stream_free(place->spare[i]);
    place->client.stream = NULL;
    place_free(place);
}

#define CONTRACT(name, scheme)                                                                     \
    TP_TEST(link_##name, bytes_both_ways) {                                                        \
        check_both_ways(scheme);                                                                   \
    }                                                                                              \
    TP_TEST(link_##name, bulk) {                                                                   \
        check_bulk(scheme);                                                                        \
    }                                                                                              \
    TP_TEST(link_##name, the_peer_closes) {                                                        \
        check_peer_closes(scheme);                                                                 \
    }                                                                                              \
    TP_TEST(link_##name, the_receiver_refuses) {                                                   \
        check_receiver_refuses(scheme);                                                            \
    }                                                                                              \
    TP_TEST(link_##name, closed_under_load) {                                                      \
        check_close_under_load(scheme);                                                            \
    }                                                                                              \
    TP_TEST(link_##name, an_address_in_use) {                                                      \
        check_taken_and_free_again(scheme);                                                        \
    }                                                                                              \
    TP_TEST(link_##name, nobody_listens) {                                                         \
        check_nobody(scheme);                                                                      \
    }                                                                                              \
    TP_TEST(link_##name, attempts_given_up) {                                                      \
        check_given_up(scheme);                                                                    \
    }

CONTRACT(inproc, "inproc")
CONTRACT(tcp, "tcp")
CONTRACT(ipc, "ipc")
CONTRACT(ws, "ws")
CONTRACT(tls, "tls+tcp")
CONTRACT(wss, "wss")
CONTRACT(simulated, "simulated")

/* ---- TLS ---- */

/* Somebody with other certificates connects: both ends close, and no byte arrives. */
static void check_unbelieved(const char *scheme, struct tpi_tls *(*theirs)(struct certificates *)) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    struct place *place = place_new(scheme);
    tpi_tls_free(place->tls);
    place->tls = NULL;
    tpi_listener_free(place->listener);
    struct tpi_tls *own = tls_new(made.certificate, made.key, made.authority);
    struct tpi_tls *other = theirs(&made);
    place->net.tls = own;
    TP_ASSERT_EQ_INT(
        tpi_link_listen(&place->net, url_of(scheme), on_accepted, place, &place->listener), TP_OK);
    struct tpi_attempt *attempt = NULL;
    struct tpi_net net = {.tls = other};
    TP_ASSERT_EQ_INT(tpi_link_connect(&net, place->listener->url, on_connected, place, &attempt),
                     TP_OK);
    WAIT(&place->moved, &place->lock, place->connected == 1);
    if (place->client.stream != NULL) { /* nng shakes hands with the first bytes */
        tpi_stream_start(place->client.stream, &handler, &place->client);
        send_more(&place->client, 100);
        WAIT(&place->moved, &place->lock, place->accepted == 1);
        tpi_stream_start(place->server.stream, &handler, &place->server);
        send_more(&place->server, 100);
        WAIT(&place->client.moved, &place->client.lock, place->client.closed == 1);
        WAIT(&place->server.moved, &place->server.lock, place->server.closed == 1);
    }
    TP_ASSERT(place->client.received == 0 && place->server.received == 0);
    tpi_attempt_free(attempt);
    tpi_listener_free(place->listener);
    place->listener = NULL;
    if (place->client.stream != NULL) tpi_stream_free(place->client.stream);
    if (place->server.stream != NULL) tpi_stream_free(place->server.stream);
    free(place);
    tpi_tls_free(own);
    tpi_tls_free(other);
    certificates_remove(&made);
}

/* Believes us, but shows a certificate of somebody else's. */
static struct tpi_tls *of_a_stranger(struct certificates *made) {
    return tls_new(made->stranger, made->stranger_key, made->authority);
}
/* Is one of us, but believes somebody else. */
static struct tpi_tls *who_believes_others(struct certificates *made) {
    return tls_new(made->certificate, made->key, made->foreign);
}
static struct tpi_tls *with_another_key(struct certificates *made) {
    return tls_new(made->certificate, made->stranger_key, made->authority);
}

TP_TEST(link_tls, a_stranger) {
    check_unbelieved("tls+tcp", of_a_stranger);
}
TP_TEST(link_tls, one_who_believes_others) {
    check_unbelieved("tls+tcp", who_believes_others);
}
TP_TEST(link_tls, a_certificate_with_another_key) {
    check_unbelieved("tls+tcp", with_another_key);
}
TP_TEST(link_wss, a_stranger) {
    check_unbelieved("wss", of_a_stranger);
}
TP_TEST(link_wss, one_who_believes_others) {
    check_unbelieved("wss", who_believes_others);
}

TP_TEST(link_tls, texts_that_are_none) {
    struct certificates made;
    TP_ASSERT(certificates_make(&made));
    char *certificate = text_of(made.certificate), *key = text_of(made.key);
    const struct {
        struct tpi_tls_texts texts;
        enum tpi_tls_part wrong;
    } cases[] = {
        {{"", key, certificate, NULL}, TPI_TLS_CERTIFICATE},
        {{key, key, certificate, NULL}, TPI_TLS_CERTIFICATE},
        {{certificate, "", certificate, NULL}, TPI_TLS_KEY},
        {{certificate, certificate, certificate, NULL}, TPI_TLS_KEY},
        {{certificate, key, "-----BEGIN CERTIFICATE-----\nx\n", NULL}, TPI_TLS_AUTHORITY},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tpi_tls *tls = NULL;
        enum tpi_tls_part wrong;
        TP_ASSERT_EQ_INT(tpi_tls_new(&cases[i].texts, &wrong, &tls), TP_EINVAL);
        TP_ASSERT_EQ_INT(wrong, cases[i].wrong);
    }
    free(certificate);
    free(key);
    certificates_remove(&made);
}

TP_TEST(link, urls) {
    TP_ASSERT(tpi_link_find("tcp://127.0.0.1:0") == &tpi_link_tcp);
    TP_ASSERT(tpi_link_find("ipc:///tmp/x") == &tpi_link_ipc);
    TP_ASSERT(tpi_link_find("inproc://x") == &tpi_link_inproc);
    TP_ASSERT(tpi_link_find("ws://x") == &tpi_link_ws && tpi_link_find("wss://x") == &tpi_link_wss);
    TP_ASSERT(tpi_link_find("tls+tcp://x") == &tpi_link_tls);
    TP_ASSERT(tpi_link_find("zt://x") == NULL && tpi_link_find("tcp:") == NULL);
    TP_ASSERT(tpi_link_find("tcp://") == NULL && tpi_link_find(NULL) == NULL);
    TP_ASSERT(tpi_link_is_local("tcp://127.0.0.1:5") && tpi_link_is_local("tcp://[::1]:5"));
    TP_ASSERT(tpi_link_is_local("tcp://localhost:5") && tpi_link_is_local("ipc:///x"));
    TP_ASSERT(!tpi_link_is_local("tcp://0.0.0.0:5") && !tpi_link_is_local("tcp://:5"));
    TP_ASSERT(tpi_link_is_local("wss://127.0.0.1:5/x") && !tpi_link_is_local("tls+tcp://x:5"));
    TP_ASSERT(!tpi_link_is_local("tcp://127.evil.example:5"));
    TP_ASSERT(!tpi_link_is_local("tcp://localhost.example:5"));
    struct tpi_listener *listener = NULL;
    TP_ASSERT_EQ_INT(tpi_link_listen(NULL, "tls+tcp://127.0.0.1:0", on_accepted, NULL, &listener),
                     TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tpi_link_listen(NULL, "inproc://x", on_accepted, NULL, &listener), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tpi_link_listen(NULL, "tcp://no.such.host.invalid:1", on_accepted, NULL,
                                     &listener) != TP_OK,
                     1);
}

TP_TEST(link, port_zero) {
    struct place *place = place_new("tcp");
    long port = strtol(strrchr(place->listener->url, ':') + 1, NULL, 10);
    TP_ASSERT_MSG(port > 0, "%s", place->listener->url);
    place_free(place);
}

TP_TEST(link, a_file_in_the_way_of_ipc_is_left_alone) {
    char url[128];
    snprintf(url, sizeof url, "ipc:///tmp/tp-link-file-%ld", (long)getpid());
    const char *path = url + 6;
    FILE *file = fopen(path, "w");
    TP_ASSERT(file != NULL && fputs("mine", file) >= 0 && fclose(file) == 0);
    struct tpi_listener *listener = NULL;
    TP_ASSERT_EQ_INT(tpi_link_listen(NULL, url, on_accepted, NULL, &listener), TP_EEXIST);
    TP_ASSERT_EQ_INT(access(path, F_OK), 0);
    TP_ASSERT_EQ_INT(unlink(path), 0);
    char lock[160];
    snprintf(lock, sizeof lock, "%s.lock", path);
    (void)unlink(lock);
}
