/*
 * A load by epoll. Latencies go into buckets, 32 for each power of two.
 */
#include "examples/common/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_ADDRESS 20000 /* connections from one address of our own: ports are not endless */
#define PATIENCE_NS 10000000000

struct peer {
    int descriptor;  /* -1: broken */
    uint32_t got;    /* bytes of the answer */
    int64_t sent_at; /* 0: no request is out */
    int64_t resume;  /* with a pause: when the next request goes out; 0: at once */
};

struct load {
    int epoll;
    size_t count;
    size_t waiting; /* requests that are out */
    struct peer peers[];
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- latencies ---- */

static size_t bucket_of(uint64_t ns) {
    if (ns < 64) return (size_t)ns;
    unsigned shift = 58u - (unsigned)__builtin_clzll(ns); /* leaves six bits */
    size_t bucket = 32 * (size_t)shift + (size_t)(ns >> shift);
    return bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1;
}

static int64_t value_of(size_t bucket) {
    if (bucket < 64) return (int64_t)bucket;
    size_t shift = bucket / 32 - 1;
    return (int64_t)((bucket - 32 * shift) << shift);
}

int64_t load_quantile(const struct load_result *result, double q) {
    uint64_t wanted = (uint64_t)(q * (double)result->answers), seen = 0;
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        seen += result->buckets[i];
        if (seen > wanted) return value_of(i);
    }
    return 0;
}

/* ---- connections ---- */

static int open_one(const struct load_plan *plan, size_t index) {
    const char *host = plan->host != NULL ? plan->host : "127.0.0.1";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(plan->port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    inet_pton(AF_INET, host, &to.sin_addr);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (index >= PER_ADDRESS && ntohl(to.sin_addr.s_addr) >> 24 == 127) {
        from.sin_addr.s_addr = htonl(0x7f000001u + (uint32_t)(index / PER_ADDRESS));
        setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        /* refused: the connection comes from wherever the kernel says */
        (void)bind(descriptor, (struct sockaddr *)&from, sizeof from);
    }
    if (connect(descriptor, (struct sockaddr *)&to, sizeof to) == 0) return descriptor;
    close(descriptor);
    return -1;
}

static bool watch(struct load *load, size_t index) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
    return epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->peers[index].descriptor, &event) == 0;
}

struct load *load_open(const struct load_plan *plan, struct load_result *result) {
    memset(result, 0, sizeof *result);
    struct load *load = calloc(1, sizeof *load + plan->connections * sizeof *load->peers);
    int64_t start = now_ns();
    if (load == NULL) return NULL;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->count = plan->connections;
    for (size_t i = 0; i < load->count; i++) {
        load->peers[i].descriptor = open_one(plan, i);
        if (load->peers[i].descriptor < 0) continue;
        if (watch(load, i)) result->opened++;
    }
    result->open_ms = (now_ns() - start) / 1000000;
    return load;
}

size_t load_alive(struct load *load) {
    size_t alive = 0;
    char byte;
    for (size_t i = 0; i < load->count; i++) {
        if (load->peers[i].descriptor < 0) continue;
        ssize_t got = recv(load->peers[i].descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        alive += got < 0 && errno == EAGAIN;
    }
    return alive;
}

void load_close(struct load *load) {
    struct linger reset = {.l_onoff = 1}; /* thousands of ports in TIME_WAIT help nobody */
    for (size_t i = 0; i < load->count; i++) {
        if (load->peers[i].descriptor < 0) continue;
        setsockopt(load->peers[i].descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(load->peers[i].descriptor);
    }
    close(load->epoll);
    free(load);
}

/* ---- the run ---- */

/* A run on its way. */
struct run {
    struct load *load;
    const struct load_plan *plan;
    struct load_result *result;
    size_t request_size, reply_size;
    uint64_t asked;
    int64_t ends; /* no request goes out after it */
    size_t paused;
};

static void break_off(struct run *run, struct peer *peer) {
    run->result->broken++;
    if (peer->sent_at != 0) run->load->waiting--;
    close(peer->descriptor);
    *peer = (struct peer){.descriptor = -1};
}

static void ask(struct run *run, struct peer *peer, int64_t now) {
    bool enough = run->plan->requests != 0 && run->asked >= run->plan->requests;
    if (peer->descriptor < 0 || enough || now >= run->ends) return;
    peer->sent_at = now;
    peer->got = 0;
    run->asked++;
    run->load->waiting++;
    ssize_t sent = send(peer->descriptor, run->plan->request, run->request_size, MSG_NOSIGNAL);
    if (sent != (ssize_t)run->request_size) break_off(run, peer);
}

static void answered(struct run *run, struct peer *peer, int64_t now) {
    run->load->waiting--;
    run->result->answers++;
    run->result->buckets[bucket_of((uint64_t)(now - peer->sent_at))]++;
    peer->sent_at = 0;
    if (run->plan->pause_us == 0) {
        ask(run, peer, now);
    } else {
        peer->resume = now + (int64_t)run->plan->pause_us * 1000;
        run->paused++;
    }
}

/* True: the answer is whole, and nothing but it has come. */
static bool whole(const struct run *run, const struct peer *peer, const char *bytes, size_t got) {
    if (run->plan->reply == NULL) return bytes[got - 1] == '\n';
    return peer->got == run->reply_size;
}

static void hear(struct run *run, struct peer *peer) {
    char bytes[2048];
    if (peer->descriptor < 0) return;
    ssize_t got = recv(peer->descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    size_t size = got > 0 ? (size_t)got : 0;
    const char *reply = run->plan->reply;
    bool wrong = size == 0 || peer->sent_at == 0 ||
                 (reply != NULL && (peer->got + size > run->reply_size ||
                                    memcmp(bytes, reply + peer->got, size) != 0));
    if (wrong) {
        break_off(run, peer);
        return;
    }
    peer->got += (uint32_t)size;
    if (whole(run, peer, bytes, size)) answered(run, peer, now_ns());
}

/* Those whose pause is over ask again. */
static void wake_up(struct run *run, int64_t now) {
    for (size_t i = 0; i < run->load->count && run->paused > 0; i++) {
        struct peer *peer = &run->load->peers[i];
        if (peer->resume == 0 || peer->resume > now) continue;
        peer->resume = 0;
        run->paused--;
        ask(run, peer, now);
    }
}

void load_run(struct load *load, const struct load_plan *plan, struct load_result *result) {
    struct epoll_event events[256];
    int64_t start = now_ns(), ends = start + plan->duration_ms * 1000000, now = start;
    struct run run = {.load = load, .plan = plan, .result = result, .ends = ends};
    run.request_size = strlen(plan->request);
    run.reply_size = plan->reply != NULL ? strlen(plan->reply) : 0;
    for (size_t i = 0; i < load->count; i++) ask(&run, &load->peers[i], now_ns());
    while ((load->waiting > 0 || (run.paused > 0 && now < ends)) && now < ends + PATIENCE_NS) {
        int found = epoll_wait(load->epoll, events, 256, run.paused > 0 ? 1 : 100);
        for (int i = 0; i < found; i++) hear(&run, &load->peers[events[i].data.u64]);
        now = now_ns();
        if (run.paused > 0) wake_up(&run, now);
    }
    for (size_t i = 0; i < load->count; i++)
        if (load->peers[i].descriptor >= 0 && load->peers[i].sent_at != 0)
            break_off(&run, &load->peers[i]);
    result->seconds += (double)(now - start) / 1e9;
}
