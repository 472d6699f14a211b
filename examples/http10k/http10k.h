/*
 * An HTTP/1.1 server on actor sockets.
 */
#ifndef EXAMPLES_HTTP10K_HTTP10K_H
#define EXAMPLES_HTTP10K_HTTP10K_H

#include "examples/common/story.h"

#define HEADER_MAX 8192 /* bytes of a request's line and headers: 431 */
#define BODY_MAX 65536  /* 413 */
#define HELLO "Hello, world!\n"

struct site {
    uint16_t port; /* 0: the system picks one */
    int64_t workers;
    int64_t request_ms; /* for a request to come whole, from its first byte: 408 */
    int64_t idle_ms;    /* between requests, then the connection is closed; 0: no limit */
};

/* Serves until SIGTERM or SIGINT: GET and HEAD of / and of /size/N, POST to /echo. */
int site_serve(const struct site *site);

struct child;
/* Starts a server as a process of its own; options are "--name", "value", ..., NULL. */
bool site_start(struct child *child, const char *const *options);

/* The parts of the show. */
void show_protocol(struct story *story);
void show_limits(struct story *story);
void show_many(struct story *story, int64_t connections, int64_t duration_ms);
void show_wrk(struct story *story, int64_t connections, int64_t duration_ms);

#endif
