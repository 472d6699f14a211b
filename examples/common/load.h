/*
 * A load for servers that answer a line with a line: connections, requests, latencies. One thread,
 * epoll; each connection sends its next request when the answer to the last has come.
 */
#ifndef EXAMPLES_COMMON_LOAD_H
#define EXAMPLES_COMMON_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_BUCKETS 1024

/* A load. Zero in a number means none. */
struct load_plan {
    const char *host; /* dotted; NULL: 127.0.0.1 */
    uint16_t port;
    size_t connections;
    int64_t duration_ms; /* of sending, from the moment when all are open */
    uint64_t requests;   /* at most so many in all; 0: as many as the time allows */
    const char *request;
    const char *reply; /* must come back, to the byte; NULL: anything up to a newline */
    uint64_t pause_us; /* of a connection between an answer and its next request */
};

struct load_result {
    size_t opened;
    size_t broken; /* connections that ended, or answered wrong */
    uint64_t answers;
    double seconds;
    int64_t open_ms; /* until all were open */
    uint64_t buckets[LOAD_BUCKETS];
};

/* Connections that are open and wait; a load runs over them. */
struct load;

/* Opens all connections; NULL: out of memory or descriptors. Some may have failed: see
 * result->opened. */
struct load *load_open(const struct load_plan *plan, struct load_result *result);
/* Sends and waits for answers; the latencies are added to the result. After the end every request
 * that was sent has been answered (within ten seconds), or its connection counts as broken. */
void load_run(struct load *load, const struct load_plan *plan, struct load_result *result);
/* How many connections the server has not closed. */
size_t load_alive(struct load *load);
void load_close(struct load *load);

/* The q-quantile of the latencies in nanoseconds, exact to 3 %. */
int64_t load_quantile(const struct load_result *result, double q);

#endif
