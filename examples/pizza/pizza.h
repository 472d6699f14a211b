/*
 * The pizza service, four times. A server serves until SIGTERM or SIGINT.
 */
#ifndef EXAMPLES_PIZZA_PIZZA_H
#define EXAMPLES_PIZZA_PIZZA_H

#include "examples/common/frame.h"
#include "examples/common/story.h"

#define ANSWER_MAX (REQUEST_MAX + 64)
#define ANSWER_THANKS "Thank you for ordering %s pizzas!\n"
#define ANSWER_WRONG "Wrong number of pizzas, please try again\n"
#define CHUNK 1024 /* bytes read at once */

struct service {
    uint16_t port; /* 0: the system picks one */
    int64_t silence_ms;
    int64_t workers;    /* threads of the reactor and of the actors; 0: one, and one a CPU */
    int64_t kitchen;    /* actors: every order goes through the kitchen */
    int64_t kill_every; /* the kitchen dies in so many orders' midst; 0: never */
};

/* The answer to a request, at most ANSWER_MAX bytes; *order says whether it is one. */
size_t pizza_answer(struct span request, char *out, bool *order);

/* Listens on 127.0.0.1; the descriptor, or -1. shared: other threads may listen there, too. */
int pizza_listen(uint16_t port, bool shared);
uint16_t pizza_port(int listener);

/* The four models: each returns the exit status. */
int serve_threads(const struct service *service);
int serve_busy(const struct service *service);
int serve_reactor(const struct service *service);
int serve_actors(const struct service *service);

/* The parts of the show. */
void show_conversations(struct story *story);
void show_kitchen(struct story *story, int64_t orders);
/* Real connections, and a cook who dies all the time. */
void show_rush(struct story *story);
void show_load(struct story *story, int64_t connections, int64_t duration_ms);
void show_threads(struct story *story, int64_t threads, int64_t duration_ms);

/* Starts a server of a model as a process of its own: options are "--name", "value", ..., NULL. */
struct child;
bool pizza_start(struct child *child, const char *model, const char *const *options);

#endif
