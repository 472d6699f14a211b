/*
 * Servers in processes of their own, and what the system says of a process.
 */
#ifndef EXAMPLES_COMMON_CHILD_H
#define EXAMPLES_COMMON_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A server that was started: it has said which port it listens on. */
struct child {
    pid_t pid;
    uint16_t port;
    int output; /* its standard output */
};

/* What a process has used so far. */
struct usage {
    int64_t memory;   /* resident bytes */
    int64_t cpu_ms;   /* user and system */
    int64_t switches; /* of context, of all its threads; those that ended do not count */
    int64_t threads;
};

/* Starts this very program with other arguments (ended by NULL, the name first) and waits until it
 * prints a line "listening on PORT". It dies with its parent. False: it did not come up. Call it
 * before any thread of one's own is started. */
bool child_start(struct child *child, const char *const *arguments);
/* Asks it to end (SIGTERM), reads the rest of its output into `text` (terminated; may be NULL) and
 * waits; after ten seconds it is killed. True: it ended by itself with status 0. */
bool child_stop(struct child *child, char *text, size_t size);
/* Prints "listening on PORT" for child_start. */
void child_announce(uint16_t port);
/* Reads /proc. False: there is no such process. */
bool usage_of(pid_t pid, struct usage *usage);
/* As many descriptors as this process may have. Returns how many. */
int64_t descriptors_raise(void);

#endif
