/*
 * actors: an actor a client. A short computation is made at once, with high priority; a long one by
 * an actor of its own with ordinary priority, which gives way now and then (tp_yield), on as many
 * threads as there are CPUs. So a short one never waits for a long one.
 *
 * isolated: the same, but a long computation's actor has a process of its own. So it may be killed
 * or crash, which costs its client an error line; and the system can be told that it is less
 * urgent (nice).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <troupe/isolate.h>
#include <troupe/troupe.h>

#include "examples/common/serve.h"
#include "examples/fib/fib.h"

#define PATIENCE TP_SECONDS(10)
#define GIVES_WAY                                                                                  \
    26 /* fib of that takes some 100 us: often enough, and worth another core's while */

#define A_PROCESS 30 /* fib of that is worth one: some milliseconds */
#define LESS_URGENT 19
#define FIRST_WORKER UINT64_C(1)

/* The first worker thread is for clients alone. It mostly sleeps, and whoever wakes up is let in by
 * the system at once, before those who compute all the time. */
static const tp_spawn_options urgent = {.priority = TP_PRIORITY_HIGH, .workers = FIRST_WORKER};
static const tp_spawn_options patient = {.workers = ~FIRST_WORKER};
static const tp_spawn_options in_a_process = {.isolate = true};

TP_MESSAGE(begin, TP_FIELD(u64, socket), TP_FIELD(i64, silence), TP_FIELD(bool, isolated))
TP_MESSAGE(compute, TP_FIELD(i64, n))
TP_MESSAGE(computed, TP_FIELD(u64, value))
TP_MESSAGE(server_args, TP_FIELD(u32, port), TP_FIELD(i64, silence), TP_FIELD(bool, isolated))

/* ---- long computations ---- */

static uint64_t polite_fib(tp_actor *self, int64_t n) {
    if (n < GIVES_WAY) return fib(n);
    uint64_t value = polite_fib(self, n - 1) + polite_fib(self, n - 2);
    if (n == GIVES_WAY) tp_yield(self);
    return value;
}

struct counter {
    int nothing;
};

static void on_compute(tp_actor *self, struct counter *counter, const compute *msg) {
    (void)counter;
    tp_reply(self, computed, .value = polite_fib(self, msg->n));
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(counter_behavior, "counter", struct counter, TP_ON(compute, on_compute));

/* In a process of its own, which is less urgent than this one. */
static void on_init(tp_actor *self, struct counter *counter) {
    (void)counter;
    if (nice(LESS_URGENT) == -1) tp_log(self, TP_LOG_WARN, "as urgent as others");
}

TP_BEHAVIOR(process_behavior, "process", struct counter, TP_INIT(on_init),
            TP_ON(compute, on_compute));

/* Making a process takes a moment, which is not to be a client's thread's: hence somebody between,
 * who hands the request on. */
static void on_hand_on(tp_actor *self, struct counter *counter, const compute *msg) {
    (void)counter;
    (void)msg;
    tp_pid process = tp_spawn_with(self, &process_behavior, &in_a_process);
    if (tp_pid_is_null(process)) tp_reply_error(self, tp_error(self));
    else tp_delegate(self, process);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(starter_behavior, "starter", struct counter, TP_ON(compute, on_hand_on));

/* ---- a client ---- */

struct client {
    tp_socket socket;
    tp_duration silence;
    bool isolated;
    struct frame frame;
};

/* The answer to a number, and its length. */
static size_t count(tp_actor *self, const struct client *client, int64_t n, char *out) {
    computed result;
    if (n < GIVES_WAY) return fib_print(out, fib(n));
    bool apart = client->isolated && n >= A_PROCESS;
    tp_pid counter = tp_spawn_with(self, apart ? &starter_behavior : &counter_behavior, &patient);
    tp_err err = tp_call(self, counter, TP_FOREVER, &result, computed, compute, .n = n);
    if (err == TP_OK) return fib_print(out, result.value);
    return (size_t)snprintf(out, ANSWER_MAX, "%s", WORKER_DIED);
}

static void answer(tp_actor *self, struct client *client, struct span request) {
    char out[ANSWER_MAX] = NO_NUMBER;
    int64_t n = fib_request(request);
    size_t size = n < 0 ? strlen(out) : count(self, client, n, out);
    frame_clear(&client->frame);
    if (tp_write(self, client->socket, out, size, PATIENCE, NULL) != TP_OK)
        tp_exit(self, TP_EXIT_NORMAL); /* its end closes the socket */
}

static void on_begin(tp_actor *self, struct client *client, const begin *msg) {
    client->socket = msg->socket;
    client->silence = msg->silence;
    client->isolated = msg->isolated;
    if (tp_active_once(self, msg->socket, CHUNK) != TP_OK) tp_exit(self, TP_EXIT_NORMAL);
}

static void on_data(tp_actor *self, struct client *client, const tp_socket_data *msg) {
    struct span rest = {(const char *)msg->bytes.data, msg->bytes.size}, request;
    while (frame_next(&client->frame, &rest, &request)) answer(self, client, request);
    if (rest.size > 0 && client->frame.held == NULL)
        client->frame.held = tp_alloc(self, REQUEST_MAX);
    if (rest.size > 0 && client->frame.held == NULL) tp_exit(self, TP_EXIT_NOMEM);
    frame_hold(&client->frame, rest);
    if (client->frame.used > 0) tp_set_timeout(self, client->silence);
    if (tp_active_once(self, client->socket, CHUNK) != TP_OK) tp_exit(self, TP_EXIT_NORMAL);
}

static void on_silence(tp_actor *self, struct client *client) {
    struct span request;
    if (frame_end(&client->frame, &request)) answer(self, client, request);
}

static void on_closed(tp_actor *self, struct client *client, const tp_socket_closed *msg) {
    if (msg->err == TP_ECLOSED) on_silence(self, client);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(client_behavior, "client", struct client, TP_ON(begin, on_begin),
            TP_ON(tp_socket_data, on_data), TP_ON(tp_socket_closed, on_closed),
            TP_TIMEOUT(on_silence));

/* ---- the server ---- */

struct server {
    tp_socket listener;
    tp_duration silence;
    bool isolated;
};

static void server_init(tp_actor *self, struct server *server, const server_args *args) {
    server->silence = args->silence;
    server->isolated = args->isolated;
    serve_listen(self, args->port, &server->listener);
}

static void on_accepted(tp_actor *self, struct server *server, const tp_socket_accepted *msg) {
    tp_socket socket = msg->socket;
    tp_pid client = serve_accept(self, server->listener, msg, &client_behavior, &urgent);
    if (!tp_pid_is_null(client))
        tp_send(self, client, begin, .socket = socket, .silence = server->silence,
                .isolated = server->isolated);
}

static void on_not_accepted(tp_actor *self, struct server *server, const tp_socket_closed *msg) {
    (void)msg;
    serve_again(self, server->listener);
}

TP_BEHAVIOR(server_behavior, "server", struct server, TP_INIT_WITH(server_args, server_init),
            TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_closed, on_not_accepted));

struct house {
    const struct service *service;
    bool isolated;
};

static void house_body(tp_actor *self, void *arg) {
    const struct house *house = arg;
    tp_pid server;
    if (tp_start(
            self, &server, &server_behavior, TP_OPTIONS(.link = true, .priority = TP_PRIORITY_HIGH),
            TP_SECONDS(10), NULL, server_args, .port = house->service->port,
            .silence = TP_MS(house->service->silence_ms), .isolated = house->isolated) != TP_OK)
        return;
    serve_until_stopped(self);
}

static int serve_house(const struct service *service, tp_zygote *zygote) {
    struct house house = {service, zygote != NULL};
    unsigned computing = service->workers > 0 ? (unsigned)service->workers : story_cpus();
    tp_options options = {.workers = computing + 1, .zygote = zygote};
    if (service->quiet != 0) options.log_level = TP_LOG_OFF;
    return serve(&options, house_body, &house);
}

int serve_actors(const struct service *service) {
    return serve_house(service, NULL);
}

int serve_isolated(const struct service *service) {
    tp_zygote *zygote;
    tp_err err = tp_zygote_start(&zygote);
    if (err != TP_OK) {
        fprintf(stderr, "fib: no process to copy others from: %s\n", tp_strerror(err));
        return 1;
    }
    int status = serve_house(service, zygote);
    tp_zygote_stop(zygote);
    return status;
}
