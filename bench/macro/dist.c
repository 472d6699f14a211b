/*
 * Two nodes: round trips, and one direction. Both are runtimes of this process, each with its
 * workers, over the transport and with the security that --transport and --secure say.
 */
#include "bench/bench.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <troupe/node.h>

#define ROUNDS 20000u
#define MESSAGES 4000000u
#define LARGE_MESSAGES 400000u
#define BULK_MESSAGES 2000u
#define BULK ((size_t)1 << 20)

TP_MESSAGE(dist_ping, TP_FIELD(u64, n))
TP_MESSAGE(dist_small, TP_FIELD(u64, a), TP_FIELD(u64, b), TP_FIELD(u64, c), TP_FIELD(u64, d))
TP_MESSAGE(dist_large, TP_FIELD(u64, n), TP_FIELD(bin, bytes))
TP_MESSAGE(dist_asked)
TP_MESSAGE(dist_count, TP_FIELD(u64, count))

struct sink {
    uint64_t count;
};
static void on_dist_ping(tp_actor *self, struct sink *sink, const dist_ping *msg) {
    sink->count++;
    tp_reply(self, dist_ping, .n = msg->n);
}
static void on_dist_small(tp_actor *self, struct sink *sink, const dist_small *msg) {
    (void)self, (void)msg;
    sink->count++;
}
static void on_dist_large(tp_actor *self, struct sink *sink, const dist_large *msg) {
    (void)self, (void)msg;
    sink->count++;
}
static void on_dist_asked(tp_actor *self, struct sink *sink, const dist_asked *msg) {
    (void)msg;
    tp_reply(self, dist_count, .count = sink->count);
}
TP_BEHAVIOR(sink_behavior, "sink", struct sink, TP_ON(dist_ping, on_dist_ping),
            TP_ON(dist_small, on_dist_small), TP_ON(dist_large, on_dist_large),
            TP_ON(dist_asked, on_dist_asked));

struct pair {
    tp_runtime *near_side, *far_side;
    tp_inproc *inproc;
    tp_pid sink;
};

static void check(tp_err err, const char *what) {
    if (err == TP_OK) return;
    fprintf(stderr, "dist: %s: %s\n", what, tp_strerror(err));
    exit(1);
}

/* Certificates for TLS, made by the openssl command and removed when the nodes have read them. */
struct papers {
    char folder[64], certificate[96], key[96], authority[96];
};

static bool shell_run(char *line) {
    static char sh[] = "sh", c[] = "-c";
    char *arguments[] = {sh, c, line, NULL};
    pid_t pid;
    int status;
    return posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && status == 0;
}

static void papers_make(struct papers *papers) {
    char command[768];
    snprintf(papers->folder, sizeof papers->folder, "/tmp/troupe-bench-XXXXXX");
    if (mkdtemp(papers->folder) == NULL) check(TP_EIO, papers->folder);
    snprintf(papers->authority, sizeof papers->authority, "%s/a.pem", papers->folder);
    snprintf(papers->certificate, sizeof papers->certificate, "%s/n.pem", papers->folder);
    snprintf(papers->key, sizeof papers->key, "%s/n.key", papers->folder);
    snprintf(command, sizeof command,
             "cd %s && new() { openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:prime256v1 -nodes -days 2 \"$@\" >log 2>&1 || cat log >&2; }; "
             "new -keyout a.key -out a.pem -subj /CN=a && new -CA a.pem -CAkey a.key -keyout n.key "
             "-out n.pem -subj /CN=bench -addext basicConstraints=critical,CA:FALSE",
             papers->folder);
    if (!shell_run(command)) check(TP_EIO, "certificates, by the openssl command");
}

static void papers_remove(const struct papers *papers) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", papers->folder);
    if (!shell_run(command)) fprintf(stderr, "dist: %s stays\n", papers->folder);
}

static tp_node *start_side(struct pair *pair, tp_runtime **out, const char *name, unsigned workers,
                           const struct papers *papers) {
    static const uint8_t secret[TP_SECRET_SIZE] = "for measurements, of 32 bytes..";
    bool secure = strcmp(bench_secure(), "psk") == 0;
    tp_options options = {.workers = workers, .node_name = name, .stuck_report_after = TP_FOREVER};
    tp_node_options net = {
        .secret = secure ? secret : NULL, .plain = !secure, .inproc = pair->inproc};
    if (papers != NULL) {
        net.tls_certificate = papers->certificate;
        net.tls_key = papers->key;
        net.tls_authority = papers->authority;
        net.tls_name = "bench";
    }
    tp_node *node;
    check(tp_runtime_start(out, &options), "runtime");
    check(tp_node_start(*out, &net, &node), "node");
    return node;
}

static void address_of(const char *transport, char *url, size_t size) {
    if (strcmp(transport, "ipc") == 0)
        snprintf(url, size, "ipc:///tmp/troupe-bench-%ld.sock", (long)getpid());
    else if (strcmp(transport, "inproc") == 0) snprintf(url, size, "inproc://bench");
    else
        snprintf(url, size, "%s://127.0.0.1:0%s", transport,
                 strncmp(transport, "ws", 2) == 0 ? "/troupe" : "");
}

static void pair_start(struct pair *pair, unsigned workers) {
    char url[256];
    const char *transport = bench_transport();
    bool tls = strcmp(transport, "tls+tcp") == 0 || strcmp(transport, "wss") == 0;
    struct papers papers;
    check(tp_inproc_new(&pair->inproc), "inproc");
    if (tls) papers_make(&papers);
    tp_node *a = start_side(pair, &pair->far_side, "far@bench", workers, tls ? &papers : NULL);
    tp_node *b = start_side(pair, &pair->near_side, "near@bench", workers, tls ? &papers : NULL);
    if (tls) papers_remove(&papers);
    address_of(transport, url, sizeof url);
    check(tp_node_listen(a, url, url, sizeof url), "listen");
    check(tp_node_connect(b, url, TP_SECONDS(10), NULL), "connect");
    check(tp_runtime_spawn(pair->far_side, &pair->sink, &sink_behavior, NULL), "spawn");
}

static void pair_stop(struct pair *pair) {
    tp_runtime_stop(pair->near_side);
    tp_runtime_stop(pair->far_side);
    tp_inproc_free(pair->inproc);
}

struct job {
    tp_pid sink;
    uint64_t count;
    size_t large; /* bytes; 0: small messages */
    double result;
};

static void rtt_body(tp_actor *self, void *arg) {
    struct job *job = arg;
    dist_ping got;
    tp_time start = 0;
    for (uint64_t i = 0; i < job->count + job->count / 10; i++) {
        if (i == job->count / 10) start = tp_now(self); /* warm */
        check(tp_call(self, job->sink, TP_SECONDS(30), &got, dist_ping, dist_ping, .n = i), "call");
    }
    job->result = bench_since(self, start) / (double)job->count / 1000.0;
}

static void oneway_body(tp_actor *self, void *arg) {
    struct job *job = arg;
    static const uint8_t bytes[BULK];
    dist_count got;
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < job->count; i++) {
        if (job->large > 0)
            tp_send(self, job->sink, dist_large, .n = i, .bytes = {bytes, job->large});
        else
            tp_send(self, job->sink, dist_small, .a = i, .b = UINT32_MAX, .c = UINT32_MAX,
                    .d = UINT32_MAX);
    }
    check(tp_call(self, job->sink, TP_SECONDS(60), &got, dist_count, dist_asked), "call");
    if (got.count != job->count) check(TP_EIO, "messages were lost");
    job->result = (double)job->count / bench_since(self, start) * 1000.0;
}

static double measure(tp_actor *self, tp_body body, uint64_t count, size_t large) {
    struct pair pair;
    tp_pid pid;
    pair_start(&pair, tp_runtime_workers(tp_self_runtime(self)));
    struct job job = {pair.sink, count, large, 0};
    check(tp_runtime_spawn_body(pair.near_side, &pid, body, &job, NULL), "spawn");
    check(tp_runtime_wait(pair.near_side, pid, TP_FOREVER, NULL), "wait");
    pair_stop(&pair);
    return job.result;
}

static double dist_rtt(tp_actor *self) {
    return measure(self, rtt_body, bench_scaled(ROUNDS, 10), 0);
}
static double dist_oneway(tp_actor *self) {
    return measure(self, oneway_body, bench_scaled(MESSAGES, 10), 0);
}
static double dist_oneway_1k(tp_actor *self) {
    return measure(self, oneway_body, bench_scaled(LARGE_MESSAGES, 10), 1000);
}
static double dist_bulk(tp_actor *self) {
    /* from millions of messages a second to 10^9 bytes */
    return measure(self, oneway_body, bench_scaled(BULK_MESSAGES, 10), BULK) * (double)BULK / 1000;
}

const struct bench_case bench_dist[] = {
    {"dist_rtt", "us", "a call to an actor of another node and its reply", dist_rtt},
    {"dist_oneway", "Mmsg/s", "messages of 32 bytes to an actor of another node", dist_oneway},
    {"dist_oneway_1k", "Mmsg/s", "the same with messages of 1 KiB", dist_oneway_1k},
    {"dist_bulk", "GB/s", "the same with messages of 1 MiB", dist_bulk},
    {0}};
