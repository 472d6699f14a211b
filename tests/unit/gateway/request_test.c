/*
 * The request that opens a session: what is taken, what is refused with which status.
 */
#include <string.h>

#include "tests/support/test.h"
#include "transport/websocket/request.h"

#define HEAD                                                                                       \
    "Host: localhost:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define GET "GET /troupe HTTP/1.1\r\n"

static int parse(const char *text, struct tpi_request *out) {
    size_t size = strlen(text), end = tpi_request_end(text, size);
    TP_ASSERT_EQ_INT(end, size);
    return tpi_request_parse(text, end, out);
}

TP_TEST(gateway_request, a_handshake) {
    struct tpi_request request;
    TP_ASSERT_EQ_INT(parse(GET HEAD "Origin: http://localhost:8080\r\n"
                                    "Sec-WebSocket-Protocol: other, troupe.1\r\n\r\n",
                           &request),
                     0);
    TP_ASSERT(request.upgrade && request.version && request.protocol && request.has_origin);
    TP_ASSERT(tp_str_equal(request.path, TP_STR("/troupe")));
    TP_ASSERT(tp_str_equal(request.host, TP_STR("localhost:8080")));
    TP_ASSERT(tpi_request_same_origin(&request));
    TP_ASSERT_EQ_INT(parse(GET HEAD "Origin: http://localhost:80800\r\n\r\n", &request), 0);
    TP_ASSERT(!tpi_request_same_origin(&request));
    TP_ASSERT_EQ_INT(parse(GET HEAD "Origin: null\r\n\r\n", &request), 0);
    TP_ASSERT(request.has_origin && !tpi_request_same_origin(&request));
    TP_ASSERT_EQ_INT(parse(GET HEAD "Origin: http://evil.example/localhost:8080\r\n\r\n", &request),
                     0);
    TP_ASSERT(!tpi_request_same_origin(&request));
}

TP_TEST(gateway_request, a_plain_get) {
    struct tpi_request request;
    TP_ASSERT_EQ_INT(parse("GET /x HTTP/1.1\r\nhost:localhost:1\r\n\r\n", &request), 0);
    TP_ASSERT(!request.upgrade && !request.has_origin);
    TP_ASSERT(tp_str_equal(request.host, TP_STR("localhost:1")));
}

TP_TEST(gateway_request, what_is_refused) {
    struct tpi_request r;
    TP_ASSERT_EQ_INT(parse("POST /troupe HTTP/1.1\r\n" HEAD "\r\n", &r), 405);
    TP_ASSERT_EQ_INT(parse("GET /troupe HTTP/1.0\r\n" HEAD "\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse("GET /troupe?token=abc HTTP/1.1\r\n" HEAD "\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse("GET troupe HTTP/1.1\r\n" HEAD "\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse("GET http://h/ HTTP/1.1\r\n" HEAD "\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse("GET /a b HTTP/1.1\r\n" HEAD "\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET "\r\n", &r), 400); /* no host */
    TP_ASSERT_EQ_INT(parse(GET HEAD "Host: other\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD "Origin: a\r\nOrigin: b\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD " folded\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD "no colon\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD "a: \x01\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD "Transfer-Encoding: chunked\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD "Content-Length: 5\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET HEAD "Sec-WebSocket-Protocol: other\r\n\r\n", &r), 400);
    TP_ASSERT_EQ_INT(parse(GET "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 8\r\n\r\n",
                           &r),
                     426);
    TP_ASSERT_EQ_INT(parse(GET "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
                           &r),
                     400);
}

TP_TEST(gateway_request, the_end_of_a_head) {
    TP_ASSERT_EQ_INT(tpi_request_end("a\r\n\r\nb", 6), 5);
    TP_ASSERT_EQ_INT(tpi_request_end("a\r\n\r", 4), 0);
    TP_ASSERT_EQ_INT(tpi_request_end("", 0), 0);
}

TP_TEST(gateway_request, too_many_lines) {
    char text[TPI_REQUEST_MAX] = GET;
    size_t used = strlen(text);
    for (unsigned i = 0; i < TPI_REQUEST_LINES + 5; i++) {
        memcpy(text + used, "a: b\r\n", 6);
        used += 6;
    }
    memcpy(text + used, "\r\n", 3);
    struct tpi_request request;
    TP_ASSERT_EQ_INT(tpi_request_parse(text, used + 2, &request), 431);
}
