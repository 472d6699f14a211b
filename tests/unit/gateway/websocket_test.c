/*
 * Frames and the handshake, byte by byte: RFC 6455's own examples, every way of cutting them, and
 * what must be refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "transport/websocket/websocket.h"

static size_t in_use, most;

static void *count_alloc(void *context, size_t size) {
    (void)context;
    size_t *block = malloc(sizeof(size_t) + size);
    *block = size;
    in_use += size;
    if (in_use > most) most = in_use;
    return block + 1;
}
static void count_free(void *context, void *pointer) {
    (void)context;
    size_t *block = (size_t *)pointer - 1;
    in_use -= *block;
    free(block);
}

static void start(struct tpi_ws *ws, size_t max) {
    in_use = most = 0;
    tpi_ws_init(ws, (struct tpi_ws_memory){count_alloc, count_free, NULL}, max);
}

/* All bytes at once: the first thing that is told. */
static enum tpi_ws_event feed(struct tpi_ws *ws, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    return tpi_ws_next(ws, &at, &size);
}

#define FEED(ws, bytes) feed((ws), (bytes), sizeof(bytes) - 1)

TP_TEST(gateway_websocket, sha1_as_published) {
    static const struct {
        const char *text, *hash;
    } vectors[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "a49b2446a02c645bf419f995b67091253a04a259"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t hash[20];
        char text[41];
        tpi_sha1(vectors[i].text, strlen(vectors[i].text), hash);
        for (unsigned j = 0; j < 20; j++) snprintf(text + 2 * j, 3, "%02x", hash[j]);
        TP_ASSERT_EQ_STR(text, vectors[i].hash);
    }
}

TP_TEST(gateway_websocket, the_answer_to_a_key_is_the_standards) {
    char accept[TPI_WS_ACCEPT_SIZE + 1] = "";
    tpi_ws_accept("dGhlIHNhbXBsZSBub25jZQ==", 24, accept);
    TP_ASSERT_EQ_STR(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TP_TEST(gateway_websocket, a_masked_message) {
    struct tpi_ws ws;
    start(&ws, 100);
    /* "Hello", as in RFC 6455, 5.7, but binary */
    TP_ASSERT_EQ_INT(FEED(&ws, "\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), TPI_WS_MESSAGE);
    TP_ASSERT(ws.size == 5 && memcmp(ws.bytes, "Hello", 5) == 0);
    TP_ASSERT_EQ_INT(FEED(&ws, "\x82\x80\x01\x02\x03\x04"), TPI_WS_MESSAGE);
    TP_ASSERT_EQ_INT(ws.size, 0);
    tpi_ws_fini(&ws);
    TP_ASSERT_EQ_INT(in_use, 0);
}

TP_TEST(gateway_websocket, fragments_with_a_ping_between_cut_anywhere) {
    static const uint8_t bytes[] = "\x02\x83\0\0\0\0Hel\x89\x82\0\0\0\0hi\x00\x81\0\0\0\0l"
                                   "\x80\x81\0\0\0\0o";
    for (size_t cut = 0; cut <= sizeof bytes - 1; cut++) {
        struct tpi_ws ws;
        unsigned pings = 0, messages = 0;
        start(&ws, 5);
        for (unsigned half = 0; half < 2; half++) {
            const uint8_t *at = half == 0 ? bytes : bytes + cut;
            size_t left = half == 0 ? cut : sizeof bytes - 1 - cut;
            enum tpi_ws_event event;
            while ((event = tpi_ws_next(&ws, &at, &left)) != TPI_WS_MORE) {
                TP_ASSERT(event == TPI_WS_PING || event == TPI_WS_MESSAGE);
                pings += event == TPI_WS_PING;
                messages += event == TPI_WS_MESSAGE;
                if (event == TPI_WS_PING)
                    TP_ASSERT(ws.control_size == 2 && memcmp(ws.control, "hi", 2) == 0);
                else TP_ASSERT(ws.size == 5 && memcmp(ws.bytes, "Hello", 5) == 0);
            }
            TP_ASSERT_EQ_INT(left, 0);
        }
        TP_ASSERT(pings == 1 && messages == 1);
        tpi_ws_fini(&ws);
        TP_ASSERT_EQ_INT(in_use, 0);
    }
}

TP_TEST(gateway_websocket, lengths_of_two_and_eight_bytes) {
    static const size_t sizes[] = {125, 126, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], head = tpi_ws_head_size(size);
        uint8_t *frame = calloc(1, head + 4 + size);
        TP_ASSERT_EQ_INT(tpi_ws_head(frame, TPI_WS_BINARY, size), head);
        frame[1] |= 0x80;
        memset(frame + head + 4, 'x', size);
        struct tpi_ws ws;
        start(&ws, 70000);
        TP_ASSERT_EQ_INT(feed(&ws, frame, head + 4 + size), TPI_WS_MESSAGE);
        TP_ASSERT(ws.size == size && ws.bytes[size - 1] == 'x');
        TP_ASSERT(most <= 3 * size + 1024);
        const uint8_t *none = frame;
        size_t left = 0;
        TP_ASSERT_EQ_INT(tpi_ws_next(&ws, &none, &left), TPI_WS_MORE);
        TP_ASSERT(in_use <= TPI_WS_KEEP); /* a large buffer is not kept */
        tpi_ws_fini(&ws);
        free(frame);
    }
}

static void check_bad(const char *bytes, size_t size, unsigned code) {
    struct tpi_ws ws;
    start(&ws, 1000);
    const uint8_t *at = (const uint8_t *)bytes;
    enum tpi_ws_event event;
    do event = tpi_ws_next(&ws, &at, &size);
    while (event != TPI_WS_BAD && event != TPI_WS_MORE);
    TP_ASSERT_EQ_INT(event, TPI_WS_BAD);
    TP_ASSERT_EQ_INT(ws.code, code);
    TP_ASSERT(most <= 1000);
    tpi_ws_fini(&ws);
    TP_ASSERT_EQ_INT(in_use, 0);
}
#define CHECK_BAD(bytes, code) check_bad((bytes), sizeof(bytes) - 1, (code))

TP_TEST(gateway_websocket, what_is_no_frame_of_a_client_is_refused) {
    CHECK_BAD("\x82\x05Hello", TPI_WS_PROTOCOL);                    /* not masked */
    CHECK_BAD("\x81\x85\0\0\0\0Hello", TPI_WS_NOT_BINARY);          /* text */
    CHECK_BAD("\xc2\x80\0\0\0\0", TPI_WS_PROTOCOL);                 /* a reserved bit */
    CHECK_BAD("\x83\x80\0\0\0\0", TPI_WS_PROTOCOL);                 /* a reserved operation */
    CHECK_BAD("\x8b\x80\0\0\0\0", TPI_WS_PROTOCOL);                 /* another */
    CHECK_BAD("\x80\x80\0\0\0\0", TPI_WS_PROTOCOL);                 /* continues nothing */
    CHECK_BAD("\x02\x80\0\0\0\0\x82\x80\0\0\0\0", TPI_WS_PROTOCOL); /* begins inside another */
    CHECK_BAD("\x09\x80\0\0\0\0", TPI_WS_PROTOCOL);                 /* a ping in fragments */
    CHECK_BAD("\x89\xfe\x00\x7e\0\0\0\0", TPI_WS_PROTOCOL);         /* a long ping */
    CHECK_BAD("\x82\xfe\x00\x7d\0\0\0\0", TPI_WS_PROTOCOL);         /* not the shortest length */
    CHECK_BAD("\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", TPI_WS_PROTOCOL);
    CHECK_BAD("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", TPI_WS_PROTOCOL); /* 2^63 */
    CHECK_BAD("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", TPI_WS_TOO_BIG);
    CHECK_BAD("\x82\xfe\x03\xe9\0\0\0\0", TPI_WS_TOO_BIG);  /* 1,001 bytes of 1,000 */
    CHECK_BAD("\x88\x81\0\0\0\0x", TPI_WS_PROTOCOL);        /* half a code */
    CHECK_BAD("\x88\x82\0\0\0\0\x03\xed", TPI_WS_PROTOCOL); /* 1005 is never said */
    CHECK_BAD("\x88\x82\0\0\0\0\x00\x01", TPI_WS_PROTOCOL);
}

TP_TEST(gateway_websocket, a_message_in_fragments_has_the_same_limit) {
    struct tpi_ws ws;
    start(&ws, 4);
    TP_ASSERT_EQ_INT(FEED(&ws, "\x02\x83\0\0\0\0abc"), TPI_WS_MORE);
    TP_ASSERT_EQ_INT(FEED(&ws, "\x80\x82\0\0\0\0de"), TPI_WS_BAD);
    TP_ASSERT_EQ_INT(ws.code, TPI_WS_TOO_BIG);
    tpi_ws_fini(&ws);
}

TP_TEST(gateway_websocket, a_close_with_and_without_a_code) {
    struct tpi_ws ws;
    start(&ws, 4);
    TP_ASSERT_EQ_INT(FEED(&ws, "\x88\x80\0\0\0\0"), TPI_WS_CLOSE);
    TP_ASSERT_EQ_INT(ws.code, TPI_WS_NO_CODE);
    TP_ASSERT_EQ_INT(FEED(&ws, "\x88\x84\0\0\0\0\x03\xe9hi"), TPI_WS_CLOSE);
    TP_ASSERT_EQ_INT(ws.code, TPI_WS_GOING_AWAY);
    tpi_ws_fini(&ws);
}
