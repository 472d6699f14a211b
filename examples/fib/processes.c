/*
 * processes: one process with all connections, and a worker process for each CPU, which computes
 * one number at a time. A worker that is killed costs its client an error line, and is replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/common/talk.h"
#include "examples/fib/fib.h"

#define CLIENTS 512
#define WORKERS 64

struct client {
    int descriptor; /* -1: a free place */
    bool ended;     /* its stream has */
    bool waits;     /* for a worker, or one computes for it */
    int64_t number; /* that it waits for; -1: being computed */
    int64_t heard_ms;
    uint64_t turn; /* who waits longest is served first */
    struct frame frame;
    char held[REQUEST_MAX];
    char rest[CHUNK]; /* what came behind the request */
    size_t rest_size;
};

struct worker {
    pid_t pid;
    int pipe;
    struct client *client; /* it computes for; NULL: none */
};

struct pool {
    const struct service *service;
    int listener;
    size_t worker_count;
    uint64_t turns;
    struct worker workers[WORKERS];
    struct client clients[CLIENTS];
};

/* ---- workers ---- */

static _Noreturn void compute(int pipe, pid_t parent) {
    int64_t n;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    while (read(pipe, &n, sizeof n) == sizeof n) {
        uint64_t value = fib(n);
        if (write(pipe, &value, sizeof value) != sizeof value) break;
    }
    _exit(0);
}

static bool start_worker(struct pool *pool, struct worker *worker) {
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
    worker->pid = fork();
    if (worker->pid == 0) {
        close(pool->listener);
        for (size_t i = 0; i < CLIENTS; i++)
            if (pool->clients[i].descriptor >= 0) close(pool->clients[i].descriptor);
        close(ends[0]);
        compute(ends[1], parent);
    }
    close(ends[1]);
    worker->pipe = ends[0];
    worker->client = NULL;
    return worker->pid > 0;
}

/* ---- clients ---- */

static void listen_to(struct pool *pool, struct client *client, struct span rest);

static void say(const struct client *client, const char *text) {
    talk_say(client->descriptor, text);
}

static void close_client(struct pool *pool, struct client *client) {
    for (size_t i = 0; i < pool->worker_count; i++) /* what it computes is for nobody now */
        if (pool->workers[i].client == client) return;
    close(client->descriptor);
    client->descriptor = -1;
}

/* A request: a number waits for a worker, anything else is answered. False: it waits. */
static bool request_of(struct pool *pool, struct client *client, struct span request,
                       struct span rest) {
    int64_t n = fib_request(request);
    frame_clear(&client->frame);
    if (n < 0) {
        say(client, NO_NUMBER);
        return true;
    }
    client->waits = true;
    client->number = n;
    client->turn = pool->turns++;
    client->rest_size = rest.size;
    if (rest.size > 0) memmove(client->rest, rest.data, rest.size);
    return false;
}

static void end_request(struct pool *pool, struct client *client) {
    struct span request, nothing = {0};
    if (frame_end(&client->frame, &request) && !request_of(pool, client, request, nothing)) return;
    if (client->ended) close_client(pool, client);
}

static void listen_to(struct pool *pool, struct client *client, struct span rest) {
    struct span request;
    while (frame_next(&client->frame, &rest, &request))
        if (!request_of(pool, client, request, rest)) return;
    frame_hold(&client->frame, rest);
    client->heard_ms = story_now_ms();
    if (client->ended) end_request(pool, client);
}

static void answered(struct pool *pool, struct client *client, const char *text) {
    say(client, text);
    client->waits = false;
    char rest[CHUNK];
    size_t size = client->rest_size;
    memcpy(rest, client->rest, size);
    client->rest_size = 0;
    listen_to(pool, client, (struct span){rest, size});
}

static void hear(struct pool *pool, struct client *client) {
    char bytes[CHUNK];
    ssize_t got = recv(client->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    client->ended = got <= 0;
    if (got > 0) listen_to(pool, client, (struct span){bytes, (size_t)got});
    else end_request(pool, client);
}

static void accept_client(struct pool *pool) {
    int on = 1, descriptor = accept4(pool->listener, NULL, NULL, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &pool->clients[i];
        if (client->descriptor >= 0) continue;
        memset(client, 0, sizeof *client);
        client->descriptor = descriptor;
        client->frame.held = client->held;
        return;
    }
    close(descriptor); /* full */
}

/* ---- who works for whom ---- */

static struct client *longest_waiting(struct pool *pool) {
    struct client *first = NULL;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &pool->clients[i];
        if (client->descriptor >= 0 && client->waits && client->number >= 0 &&
            (first == NULL || client->turn < first->turn))
            first = client;
    }
    return first;
}

static void hand_out(struct pool *pool) {
    for (size_t i = 0; i < pool->worker_count; i++) {
        struct worker *worker = &pool->workers[i];
        struct client *client = worker->client == NULL ? longest_waiting(pool) : NULL;
        if (client == NULL) continue;
        worker->client = client;
        /* a worker that has died meanwhile is found by its pipe's end */
        if (send(worker->pipe, &client->number, sizeof client->number, MSG_NOSIGNAL) < 0) errno = 0;
        client->number = -1;
    }
}

static void worker_speaks(struct pool *pool, struct worker *worker) {
    char out[ANSWER_MAX] = WORKER_DIED;
    uint64_t value;
    struct client *client = worker->client;
    bool alive = read(worker->pipe, &value, sizeof value) == sizeof value;
    worker->client = NULL;
    if (alive) {
        fib_print(out, value);
    } else {
        close(worker->pipe);
        waitpid(worker->pid, NULL, 0);
        if (!start_worker(pool, worker)) exit(1);
    }
    if (client != NULL) answered(pool, client, out);
}

/* ---- the loop ---- */

static int silence(struct pool *pool) {
    int next = -1;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &pool->clients[i];
        if (client->descriptor < 0 || client->waits || client->frame.used == 0) continue;
        int64_t left = client->heard_ms + pool->service->silence_ms - story_now_ms();
        if (left <= 0) end_request(pool, client);
        else if (next < 0 || left < next) next = (int)left;
    }
    return next;
}

static void turn(struct pool *pool) {
    struct pollfd polls[1 + WORKERS + CLIENTS];
    size_t workers = pool->worker_count;
    polls[0] = (struct pollfd){pool->listener, POLLIN, 0};
    for (size_t i = 0; i < workers; i++)
        polls[1 + i] = (struct pollfd){pool->workers[i].pipe, POLLIN, 0};
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct client *client = &pool->clients[i];
        bool heard = client->descriptor >= 0 && !client->waits && !client->ended;
        polls[1 + workers + i] = (struct pollfd){heard ? client->descriptor : -1, POLLIN, 0};
    }
    if (poll(polls, 1 + workers + CLIENTS, silence(pool)) <= 0) return;
    for (size_t i = 0; i < CLIENTS; i++)
        if (polls[1 + workers + i].revents != 0) hear(pool, &pool->clients[i]);
    for (size_t i = 0; i < workers; i++)
        if (polls[1 + i].revents != 0) worker_speaks(pool, &pool->workers[i]);
    if (polls[0].revents != 0) accept_client(pool);
}

int serve_processes(const struct service *service) {
    static struct pool pool;
    pool.service = service;
    pool.listener = fib_listen(service->port);
    if (pool.listener < 0) return 1;
    for (size_t i = 0; i < CLIENTS; i++) pool.clients[i].descriptor = -1;
    size_t cpus = service->workers > 0 ? (size_t)service->workers : story_cpus();
    for (size_t i = 0; i < cpus && i < WORKERS; i++, pool.worker_count++)
        if (!start_worker(&pool, &pool.workers[i])) return 1;
    child_announce(fib_port(pool.listener));
    for (;;) {
        silence(&pool);
        hand_out(&pool);
        turn(&pool);
    }
}
