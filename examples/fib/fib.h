/*
 * The Fibonacci server, five times. A server serves until SIGTERM or SIGINT.
 */
#ifndef EXAMPLES_FIB_FIB_H
#define EXAMPLES_FIB_FIB_H

#include "examples/common/frame.h"
#include "examples/common/story.h"

#define FIB_MAX 92 /* the last that fits 64 bits */
#define ANSWER_MAX 64
#define NO_NUMBER "Not a number up to 92\n"
#define WORKER_DIED "The worker died, please try again\n"
#define CHUNK 512
#define MODELS 5

struct service {
    uint16_t port; /* 0: the system picks one */
    int64_t silence_ms;
    int64_t workers; /* of the processes and the actors; 0: one a CPU */
    int64_t quiet;   /* 1: crashes are not logged */
};

/* The number of a request; -1: it is none, or too large. All below 1 are 0. */
int64_t fib_request(struct span request);
/* Plain recursion: that is the point. */
uint64_t fib(int64_t n);
/* The line of an answer; its length. */
size_t fib_print(char *out, uint64_t value);
/* Listens on 127.0.0.1; the descriptor, or -1. */
int fib_listen(uint16_t port);
uint16_t fib_port(int listener);

/* The models; the exit status. */
int serve_sequential(const struct service *service);
int serve_threads(const struct service *service);
int serve_processes(const struct service *service);
int serve_actors(const struct service *service);
int serve_isolated(const struct service *service);

struct child;
bool fib_start(struct child *child, const char *model, const char *const *options);

/* The parts of the show, for the first `models` of the models. */
void show_answers(struct story *story, int models);
void show_killed(struct story *story, int models);
void show_clients(struct story *story, int models, int64_t rounds);
void show_mixture(struct story *story, int models, int64_t number, int64_t duration_ms);

#endif
