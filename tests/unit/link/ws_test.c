/*
 * WebSocket beneath a link, looked at from outside: strangers who speak to its listener over plain
 * TCP, servers that are none, and frames as a peer of another make would send them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/platform/platform.h"
#include "tests/support/test.h"
#include "transport/link/link.h"
#include "transport/websocket/websocket.h"

#define PATIENCE TP_SECONDS(60)
#define MANY 64 /* strangers at once */
#define GOOD                                                                                       \
    "GET /troupe HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define GOOD_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" /* RFC 6455, 1.3 */

/* One side: says what it is told to, in pieces of `step`; keeps what it hears. */
struct peer {
    struct tpi_stream *stream;
    tpi_mutex lock;
    const char *text;
    size_t left, step;
    size_t heard;
    unsigned closed;
    tp_err why;
    char hears[65536];
};

struct scene {
    struct tpi_listener *listener;
    struct tpi_attempt *attempt;
    struct peer near, far; /* who accepted, who connected */
    tpi_mutex lock;
    unsigned accepted, connected;
    unsigned spares; /* accepted beside the one */
    struct tpi_stream *spare[MANY];
};

static _Atomic(uint32_t) moved; /* futex: something was heard, or told */

static void has_moved(void) {
    atomic_fetch_add_explicit(&moved, 1, memory_order_seq_cst); /* a test need not be fast */
    tpi_futex_wake(&moved, 64);
}

static size_t fill(void *context, const uint8_t **bytes) {
    struct peer *peer = context;
    tpi_mutex_lock(&peer->lock);
    size_t size = peer->left < peer->step ? peer->left : peer->step;
    *bytes = (const uint8_t *)peer->text;
    if (size > 0) peer->text += size;
    peer->left -= size;
    tpi_mutex_unlock(&peer->lock);
    return size;
}

static bool received(void *context, const uint8_t *bytes, size_t size) {
    struct peer *peer = context;
    tpi_mutex_lock(&peer->lock);
    bool fits = peer->heard + size < sizeof peer->hears;
    if (fits) memcpy(peer->hears + peer->heard, bytes, size);
    if (fits) peer->heard += size;
    tpi_mutex_unlock(&peer->lock);
    has_moved();
    return fits;
}

static void closed(void *context, tp_err why) {
    struct peer *peer = context;
    tpi_mutex_lock(&peer->lock);
    peer->closed++;
    peer->why = why;
    tpi_mutex_unlock(&peer->lock);
    has_moved();
}

static const struct tpi_stream_handler handler = {fill, received, closed};

#define WAIT(mutex, condition)                                                                     \
    do {                                                                                           \
        tp_time end_at = tpi_clock_monotonic() + PATIENCE;                                         \
        for (bool holds_ = false; !holds_;) {                                                      \
            uint32_t seen_ = atomic_load_explicit(&moved, memory_order_seq_cst); /* as above */    \
            tpi_mutex_lock(mutex);                                                                 \
            holds_ = (condition);                                                                  \
            tpi_mutex_unlock(mutex);                                                               \
            TP_ASSERT_MSG(tpi_clock_monotonic() < end_at, "waited in vain: %s", #condition);       \
            if (!holds_) tpi_futex_wait(&moved, seen_, TP_SECONDS(1));                             \
        }                                                                                          \
    } while (0)

static void on_accepted(void *context, struct tpi_stream *stream) {
    struct scene *scene = context;
    tpi_mutex_lock(&scene->lock);
    if (scene->near.stream == NULL) scene->near.stream = stream;
    else scene->spare[scene->spares++] = stream;
    scene->accepted++;
    tpi_mutex_unlock(&scene->lock);
    has_moved();
}

static void on_connected(void *context, tp_err err, struct tpi_stream *stream) {
    struct scene *scene = context;
    TP_ASSERT((err == TP_OK) == (stream != NULL)); /* some are given up */
    tpi_mutex_lock(&scene->lock);
    scene->far.stream = stream;
    scene->connected++;
    tpi_mutex_unlock(&scene->lock);
    has_moved();
}

static void say(struct peer *peer, const char *text, size_t size, size_t step) {
    tpi_mutex_lock(&peer->lock);
    peer->text = text;
    peer->left = size;
    peer->step = step;
    tpi_mutex_unlock(&peer->lock);
    tpi_stream_wake(peer->stream);
}

/* "tcp" or "ws" on either side of one connection, both started. */
static struct scene *scene_new(const char *near, const char *far) {
    struct scene *scene = calloc(1, sizeof *scene);
    char url[TPI_LINK_URL_MAX];
    TP_ASSERT(scene != NULL);
    snprintf(url, sizeof url, "%s://127.0.0.1:0%s", near, near[0] == 'w' ? "/troupe" : "");
    TP_ASSERT_EQ_INT(tpi_link_listen(NULL, url, on_accepted, scene, &scene->listener), TP_OK);
    long port = strtol(strrchr(scene->listener->url, ':') + 1, NULL, 10);
    snprintf(url, sizeof url, "%s://127.0.0.1:%ld%s", far, port, far[0] == 'w' ? "/troupe" : "");
    TP_ASSERT_EQ_INT(tpi_link_connect(NULL, url, on_connected, scene, &scene->attempt), TP_OK);
    WAIT(&scene->lock, scene->accepted == 1 && scene->connected == 1);
    tpi_stream_start(scene->near.stream, &handler, &scene->near);
    tpi_stream_start(scene->far.stream, &handler, &scene->far);
    return scene;
}

static void scene_free(struct scene *scene) {
    struct peer *peers[] = {&scene->near, &scene->far};
    tpi_attempt_free(scene->attempt);
    for (unsigned i = 0; i < 2; i++) {
        tpi_stream_close(peers[i]->stream);
        WAIT(&peers[i]->lock, peers[i]->closed == 1);
        tpi_stream_free(peers[i]->stream);
    }
    tpi_listener_free(scene->listener);
    free(scene);
}

static bool hears(const struct peer *peer, const char *text) {
    return memmem(peer->hears, peer->heard, text, strlen(text)) != NULL;
}

/* ---- strangers ---- */

TP_TEST(link_ws_strangers, are_told_why_and_heard_by_nobody) {
    static const struct {
        const char *says, *hears;
    } cases[] = {
        {"HELO\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /troupe HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /troupe HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 "},
        {GOOD "Origin: http://x\r\n\r\n", "HTTP/1.1 403 "},
        {GOOD "Origin: null\r\n\r\n", "HTTP/1.1 403 "},
        {GOOD "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "HTTP/1.1 400 "},
        {GOOD "Sec-WebSocket-Protocol: troupe.1\r\n\r\n", "HTTP/1.1 400 "},
        {GOOD "Transfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 "},
        {GOOD " folded\r\n\r\n", "HTTP/1.1 400 "},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_new("ws", "tcp");
        say(&scene->far, cases[i].says, strlen(cases[i].says), 1 + i * 7);
        WAIT(&scene->near.lock, scene->near.closed == 1);
        WAIT(&scene->far.lock, scene->far.closed == 1);
        TP_ASSERT_MSG(hears(&scene->far, cases[i].hears), "case %u: %.*s", i, (int)scene->far.heard,
                      scene->far.hears);
        TP_ASSERT(scene->near.heard == 0 && scene->near.why == TP_EREFUSED);
        scene_free(scene);
    }
}

TP_TEST(link_ws_strangers, a_head_without_an_end) {
    static char endless[10000];
    struct scene *scene = scene_new("ws", "tcp");
    memset(endless, 'a', sizeof endless);
    say(&scene->far, endless, sizeof endless, sizeof endless);
    WAIT(&scene->near.lock, scene->near.closed == 1);
    TP_ASSERT(scene->near.heard == 0);
    scene_free(scene);
}

/* nng's own listener stops for ever if it is closed while such requests are on their way. */
TP_TEST(link_ws_strangers, do_not_hold_up_the_end_of_a_listener) {
    for (unsigned round = 0; round < 5; round++) {
        struct scene *scene = calloc(1, sizeof *scene);
        struct tpi_attempt *attempts[MANY];
        TP_ASSERT(scene != NULL);
        TP_ASSERT_EQ_INT(
            tpi_link_listen(NULL, "ws://127.0.0.1:0/troupe", on_accepted, scene, &scene->listener),
            TP_OK);
        for (unsigned i = 0; i < MANY; i++) {
            TP_ASSERT_EQ_INT(
                tpi_link_connect(NULL, scene->listener->url, on_connected, scene, &attempts[i]),
                TP_OK);
            tpi_attempt_free(attempts[i]);
            tpi_mutex_lock(&scene->lock);
            if (scene->near.stream != NULL) tpi_stream_free(scene->near.stream);
            if (scene->far.stream != NULL) tpi_stream_free(scene->far.stream);
            scene->near.stream = scene->far.stream = NULL;
            tpi_mutex_unlock(&scene->lock);
        }
        tpi_listener_free(scene->listener);
        if (scene->near.stream != NULL) tpi_stream_free(scene->near.stream);
        for (unsigned i = 0; i < scene->spares; i++) tpi_stream_free(scene->spare[i]);
        free(scene);
    }
}

/* ---- frames of another make ---- */

static struct scene *upgraded(void) {
    struct scene *scene = scene_new("ws", "tcp");
    say(&scene->far, GOOD "\r\n", strlen(GOOD "\r\n"), 5);
    WAIT(&scene->far.lock, hears(&scene->far, "\r\n\r\n"));
    TP_ASSERT(hears(&scene->far, "HTTP/1.1 101 ") && hears(&scene->far, GOOD_ACCEPT "\r\n"));
    scene->far.heard = 0;
    return scene;
}

#define SAYS(scene, text, step) say(&(scene)->far, text, sizeof(text) - 1, step)

TP_TEST(link_ws_frames, cut_as_they_like_with_pings_between) {
    /* "abc" in two frames of one message, a ping, an empty frame, "de" with a length of 16 bits
     * would be wrong: the shortest form only. Mask 0: RFC 6455 lets a client choose it. */
    static const char text[] = "\x02\x82\0\0\0\0"
                               "ab"
                               "\x89\x82\0\0\0\0"
                               "hi"
                               "\x80\x81\0\0\0\0"
                               "c"
                               "\x82\x80\0\0\0\0"
                               "\x82\x82\x01\x02\x01\x02"
                               "eg"; /* masked */
    for (size_t step = 1; step < sizeof text; step += 3) {
        struct scene *scene = upgraded();
        SAYS(scene, text, step);
        WAIT(&scene->near.lock, scene->near.heard == 5);
        WAIT(&scene->far.lock, hears(&scene->far, "\x8a\x02hi"));
        TP_ASSERT(memcmp(scene->near.hears, "abcde", 5) == 0);
        say(&scene->near, "back", 4, 4);
        WAIT(&scene->far.lock, hears(&scene->far, "\x82\x04"
                                                  "back"));
        scene_free(scene);
    }
}

TP_TEST(link_ws_frames, what_is_none_closes) {
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\x82\x01"
         "a",
         3},                                        /* without a mask */
        {"\x81\x81\0\0\0\0", 6},                    /* text */
        {"\xc2\x80\0\0\0\0", 6},                    /* of an extension */
        {"\x80\x80\0\0\0\0", 6},                    /* goes on with nothing */
        {"\x89\xfe\0\x80\0\0\0\0", 8},              /* a long ping */
        {"\x82\xfe\0\x05\0\0\0\0", 8},              /* a length in a longer form */
        {"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14}, /* beyond all bounds */
        {"\x8b\x80\0\0\0\0", 6},                    /* an opcode that is none */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = upgraded();
        say(&scene->far, cases[i].bytes, cases[i].size, 1 + i);
        WAIT(&scene->near.lock, scene->near.closed == 1);
        TP_ASSERT_EQ_INT(scene->near.heard, 0);
        scene_free(scene);
    }
}

TP_TEST(link_ws_frames, a_close_is_answered) {
    struct scene *scene = upgraded();
    SAYS(scene, "\x88\x82\0\0\0\0\x03\xe8", 3);
    WAIT(&scene->far.lock, hears(&scene->far, "\x88\x02\x03\xe8"));
    WAIT(&scene->near.lock, scene->near.closed == 1);
    TP_ASSERT_EQ_INT(scene->near.why, TP_ECLOSED);
    scene_free(scene);
}

/* ---- a client's view ---- */

TP_TEST(link_ws_client, believes_no_server_that_is_none) {
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " GOOD_ACCEPT "\r\n\r\n", /* of another key */
        "SSH-2.0-OpenSSH\r\n\r\n",
    };
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct scene *scene = scene_new("tcp", "ws");
        WAIT(&scene->near.lock, hears(&scene->near, "\r\n\r\n"));
        TP_ASSERT(hears(&scene->near, "GET /troupe HTTP/1.1\r\nHost: 127.0.0.1:"));
        say(&scene->near, answers[i], strlen(answers[i]), 4);
        WAIT(&scene->far.lock, scene->far.closed == 1);
        TP_ASSERT(scene->far.why == TP_EREFUSED && scene->far.heard == 0);
        scene_free(scene);
    }
}

TP_TEST(link_ws_client, masks_what_it_sends) {
    struct scene *scene = scene_new("tcp", "ws");
    char answer[256], accept[TPI_WS_ACCEPT_SIZE];
    WAIT(&scene->near.lock, hears(&scene->near, "\r\n\r\n"));
    const char *key = memmem(scene->near.hears, scene->near.heard, "Sec-WebSocket-Key: ", 19);
    TP_ASSERT(key != NULL);
    tpi_ws_accept(key + 19, TPI_WS_KEY_SIZE, accept);
    scene->near.heard = 0;
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
                        "Sec-WebSocket-Accept: %.28s\r\n\r\n\x82\x02hi",
                        accept);
    say(&scene->near, answer, (size_t)size, 9);
    WAIT(&scene->far.lock, hears(&scene->far, "hi"));
    say(&scene->far, "hello", 5, 5);
    WAIT(&scene->near.lock, scene->near.heard == 11);
    uint8_t *frame = (uint8_t *)scene->near.hears;
    TP_ASSERT(frame[0] == 0x82 && frame[1] == (0x80 | 5));
    tpi_ws_mask(frame + 6, frame + 6, 5, frame + 2, 0);
    TP_ASSERT(memcmp(frame + 6, "hello", 5) == 0);
    scene_free(scene);
}
