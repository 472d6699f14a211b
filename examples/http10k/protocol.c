/*
 * What the server must say to good, split, joined, wrong, too large and too slow requests.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/common/talk.h"
#include "examples/http10k/http10k.h"

#define HOST "Host: x\r\n"
#define GET_ROOT "GET / HTTP/1.1\r\n" HOST "\r\n"
#define ANSWER_SIZE 200000

/* What is sent, and the statuses of the answers, in order; then the server must have closed or
 * not. */
struct exchange {
    const char *name;
    const char *request;
    const char *statuses; /* "200 404" */
    bool closes;
};

static const struct exchange exchanges[] = {
    {"a request", GET_ROOT, "200", false},
    {"two in one packet", GET_ROOT GET_ROOT, "200 200", false},
    {"three kinds", GET_ROOT "GET /none HTTP/1.1\r\n" HOST "\r\n" GET_ROOT, "200 404 200", false},
    {"empty lines before", "\r\n\r\n" GET_ROOT, "200", false},
    {"a body", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET_ROOT, "200 200",
     false},
    {"a body in chunks",
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n" GET_ROOT,
     "200 200", false},
    {"the names of headers in any case", "GET / HTTP/1.1\r\nhOsT:x\r\nA:\r\nHostess: 1\r\n\r\n",
     "200", false},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "200", true},
    {"HTTP/1.0, kept alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET_ROOT, "200 200",
     false},
    {"a close asked for", "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET_ROOT, "200",
     true},
    {"another method", "DELETE / HTTP/1.1\r\n" HOST "\r\n" GET_ROOT, "405 200", false},
    {"no host", "GET / HTTP/1.1\r\n\r\n", "400", true},
    {"another name than host", "GET / HTTP/1.1\r\nHos: x\r\nHosts: y\r\n\r\n", "400", true},
    {"nonsense", "\1\2\3\r\n\r\n", "400", true},
    {"an unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n", "400", true},
    {"no version", "GET /\r\n\r\n", "400", true},
    {"HTTP/3.7", "GET / HTTP/3.7\r\n" HOST "\r\n", "400", true},
    {"a good one, then nonsense", GET_ROOT "nonsense\r\n\r\n", "200 400", true},
    {"a space in a name", "GET / HTTP/1.1\r\nHo st: x\r\n\r\n", "400", true},
    {"two lengths",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400",
     true},
    {"a length and chunks",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     "400", true},
    {"a negative length", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", "400", true},
    {"a chunk of no size", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nz\r\n",
     "400", true},
    {"a body that is too large",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\nmore to come", "413", true},
    {"a length beyond 64 bits",
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", "400", true},
    {"a size that is too large", "GET /size/1048577 HTTP/1.1\r\n" HOST "\r\n", "404", false},
};

/* ---- answers ---- */

/* Cuts the next answer off; its status, 0: it is not whole or not well formed. */
static int next_answer(const char **at, const char *end) {
    int status = 0;
    size_t length = 0;
    const char *body = strstr(*at, "\r\n\r\n"), *field = strstr(*at, "Content-Length: ");
    if (body == NULL || field == NULL || field > body) return 0;
    if (sscanf(*at, "HTTP/1.1 %d ", &status) != 1) return 0;
    if (sscanf(field, "Content-Length: %zu", &length) != 1) return 0;
    body += 4;
    if ((size_t)(end - body) < length) return 0;
    *at = body + length;
    return status;
}

/* The statuses of all answers as text; false: something is left over. */
static bool statuses_of(const char *bytes, size_t size, char *out, size_t room) {
    const char *at = bytes, *end = bytes + size;
    size_t used = 0;
    out[0] = '\0';
    while (at < end) {
        int status = next_answer(&at, end);
        if (status == 0 || used + 8 > room) return false;
        used += (size_t)snprintf(out + used, room - used, "%s%d", used == 0 ? "" : " ", status);
    }
    return true;
}

/* Sends the bytes in pieces of `piece` and reads all answers. */
static bool talk_over(uint16_t port, const struct exchange *it, size_t piece) {
    static char bytes[ANSWER_SIZE];
    char statuses[128];
    size_t size = strlen(it->request), got = 0;
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    for (size_t i = 0; i < size; i += piece)
        talk_send(descriptor, it->request + i, size - i < piece ? size - i : piece);
    /* a connection that stays open is closed by us, after which the server closes it, too */
    if (!it->closes) shutdown(descriptor, SHUT_WR);
    got = talk_hear(descriptor, bytes, sizeof bytes - 1, sizeof bytes);
    close(descriptor);
    bytes[got] = '\0';
    bool right = statuses_of(bytes, got, statuses, sizeof statuses) &&
                 strcmp(statuses, it->statuses) == 0 &&
                 (strstr(bytes, "Connection: close") != NULL) == it->closes;
    if (!right)
        printf("  %s, %zu bytes at once: wanted %s, came\n%s\n", it->name, piece, it->statuses,
               bytes);
    return right;
}

/* ---- bodies ---- */

static bool bodies(uint16_t port) {
    static char bytes[ANSWER_SIZE], body[BODY_MAX];
    char head[128];
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    for (size_t i = 0; i < sizeof body; i++) body[i] = (char)('a' + i % 23);
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
             sizeof body);
    talk_say(descriptor, head);
    talk_send(descriptor, body, sizeof body);
    talk_say(descriptor, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    size_t got = talk_hear(descriptor, bytes, sizeof bytes - 1, sizeof bytes);
    close(descriptor);
    bytes[got] = '\0';
    char *end = strstr(bytes, "\r\n\r\n");
    if (end == NULL || got < sizeof body || memcmp(end + 4, body, sizeof body) != 0) return false;
    const char *second = end + 4 + sizeof body;
    const char *length = strstr(second, "Content-Length: 14\r\n");
    return strncmp(second, "HTTP/1.1 200", 12) == 0 && length != NULL &&
           strcmp(strstr(second, "\r\n\r\n"), "\r\n\r\n") == 0; /* and no body after HEAD */
}

/* A peer that asks for much and does not read: others are served. Then it reads all of it. */
static bool late_reader(uint16_t port) {
    enum { ASKED = 8 };
    static char bytes[65536];
    size_t sum = 0, got;
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    for (int i = 0; i < ASKED; i++)
        talk_say(descriptor, "GET /size/1000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    bool others = talk_over(port, &exchanges[0], 1000);
    shutdown(descriptor, SHUT_WR);
    while ((got = talk_hear(descriptor, bytes, sizeof bytes, 1)) > 0) sum += got;
    close(descriptor);
    return others && sum > (size_t)ASKED * 1000000 && sum < (size_t)ASKED * 1000200;
}

void show_protocol(struct story *story) {
    struct child child;
    static const char *const options[] = {"--request-ms", "60000", NULL};
    size_t count = sizeof exchanges / sizeof *exchanges, right = 0;
    static const size_t pieces[] = {100000, 1, 7};
    printf("requests whole, in single bytes and in sevens\n");
    if (!story_check(story, site_start(&child, options), "the server runs")) return;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < 3; j++) right += talk_over(child.port, &exchanges[i], pieces[j]);
    story_check(story, right == 3 * count, "%zu exchanges, each in three ways", count);
    story_check(story, bodies(child.port), "a body comes back; HEAD has none");
    story_check(story, late_reader(child.port), "a late reader gets all, others do not wait");
    story_check(story, child_stop(&child, NULL, 0), "the server ends in order");
    printf("  %zu of %zu are answered as they should be\n", right, 3 * count);
}

/* ---- limits ---- */

/* Sends headers without end, or a body in chunks without end, until the server has enough. */
static bool endless(uint16_t port, const char *start, const char *part, const char *status) {
    char bytes[2048];
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    talk_say(descriptor, start);
    for (int i = 0; i < 20000; i++) talk_say(descriptor, part);
    size_t got = talk_hear(descriptor, bytes, sizeof bytes - 1, sizeof bytes - 1);
    close(descriptor);
    bytes[got] = '\0';
    return got > 12 && strncmp(bytes + 9, status, 3) == 0;
}

/* A request that never ends, byte by byte: the server ends it. */
static bool slowloris(uint16_t port, const char *request) {
    char bytes[512];
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    talk_say(descriptor, request);
    for (int i = 0; i < 10; i++) {
        talk_pause();
        talk_say(descriptor, "x");
    }
    size_t got = talk_hear(descriptor, bytes, sizeof bytes - 1, sizeof bytes - 1);
    close(descriptor);
    bytes[got] = '\0';
    return strncmp(bytes, "HTTP/1.1 408", 12) == 0 && strstr(bytes, "Connection: close") != NULL;
}

static bool idle_ends(uint16_t port) {
    char bytes[512];
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    talk_say(descriptor, GET_ROOT);
    size_t got = talk_hear(descriptor, bytes, sizeof bytes - 1, sizeof bytes - 1);
    close(descriptor);
    bytes[got] = '\0'; /* the answer, then the end, which we did not ask for */
    return strncmp(bytes, "HTTP/1.1 200", 12) == 0 && strstr(bytes, "close") == NULL;
}

void show_limits(struct story *story) {
    struct child child;
    static const char *const options[] = {"--request-ms", "300", "--idle-ms", "300", NULL};
    static const char *const long_options[] = {"--request-ms", "60000", NULL};
    if (!story_check(story, site_start(&child, long_options), "the server runs again")) return;
    story_check(story, endless(child.port, "GET / HTTP/1.1\r\n", "Field: value\r\n", "431"),
                "headers without end: 431");
    story_check(story, endless(child.port, "GET /", "looooooooooong", "431"),
                "a line without end: 431");
    story_check(story,
                endless(child.port,
                        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                        "8\r\n12345678\r\n", "413"),
                "chunks without end: 413");
    child_stop(&child, NULL, 0);
    if (!story_check(story, site_start(&child, options), "an impatient server runs")) return;
    story_check(story, slowloris(child.port, "GET / HTTP/1.1\r\nHost: "), "a slow header: 408");
    story_check(story,
                slowloris(child.port, "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                      "Content-Length: 1000\r\n\r\n"),
                "a slow body: 408");
    story_check(story, idle_ends(child.port), "an idle connection is closed");
    child_stop(&child, NULL, 0);
    printf("  limits of size and time are kept\n");
}
