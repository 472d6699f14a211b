/* See kit.h. */
#include "tests/unit/node/kit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/platform/platform.h"

void side_start(struct side *side, const char *name, const tp_node_options *options) {
    tp_options runtime = {.workers = 2, .node_name = name, .log_level = TP_LOG_OFF};
    tp_node_options plain = {.plain = true};
    memset(side, 0, sizeof *side);
    TP_ASSERT_EQ_INT(tp_runtime_start(&side->runtime, &runtime), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(side->runtime, options != NULL ? options : &plain, &side->node),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_open(side->runtime, &side->inbox), TP_OK);
}

void moment(void) {
    _Atomic(uint32_t) never = 0;
    tpi_futex_wait(&never, 0, TP_MS(1));
}

void side_stop(struct side *side) {
    tp_inbox_close(side->inbox);
    tp_runtime_stop(side->runtime);
}

void sides_join(struct side *a, struct side *b, const char *scheme) {
    static unsigned count;
    char url[128];
    uint64_t peer = 0;
    if (strcmp(scheme, "ipc") == 0)
        snprintf(url, sizeof url, "ipc:///tmp/tp-node-%ld-%u.sock", (long)getpid(), count++);
    else if (strcmp(scheme, "inproc") == 0) snprintf(url, sizeof url, "inproc://a%u", count++);
    else snprintf(url, sizeof url, "%s://127.0.0.1:0%s", scheme, scheme[0] == 'w' ? "/troupe" : "");
    TP_ASSERT_EQ_INT(tp_node_listen(a->node, url, a->url, sizeof a->url), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_connect(b->node, a->url, PLENTY, &peer), TP_OK);
    TP_ASSERT(peer == tp_runtime_node(a->runtime));
    WAIT_COUNTER(a, peers, 1u);
}

void certificates_use(const struct certificates *made, tp_node_options *options) {
    options->tls_certificate = made->certificate;
    options->tls_key = made->key;
    options->tls_authority = made->authority;
    options->tls_name = CERTIFICATES_NAME;
}

/* ---- actors ---- */

struct nothing {
    int unused;
};

static void on_ping(tp_actor *self, struct nothing *state, const ping *msg) {
    (void)state;
    if (tp_reply(self, pong, .number = msg->number) == TP_ECONTEXT)
        tp_send(self, tp_sender(self), pong, .number = msg->number);
}
static void on_text(tp_actor *self, struct nothing *state, const text *msg) {
    (void)state;
    tp_reply(self, text, .bytes = msg->bytes);
}
static void on_attach(tp_actor *self, struct nothing *state, const attach *msg) {
    (void)state;
    tp_link(self, msg->to);
    tp_reply(self, pong);
}
static void on_leave(tp_actor *self, struct nothing *state, const leave *msg) {
    (void)state;
    tp_exit(self, msg->code);
}
TP_BEHAVIOR(echo_behavior, "echo", struct nothing, TP_ON(ping, on_ping), TP_ON(text, on_text),
            TP_ON(attach, on_attach), TP_ON(leave, on_leave));

tp_pid echo_start(struct side *side) {
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(side->runtime, &pid, &echo_behavior, NULL), TP_OK);
    return pid;
}

struct counter {
    uint64_t count, wrong;
};
static void on_counted(tp_actor *self, struct counter *state, const ping *msg) {
    (void)self;
    if (msg->number != state->count) state->wrong++;
    state->count++;
}
static void on_asked(tp_actor *self, struct counter *state, const streamed *msg) {
    (void)msg;
    tp_reply(self, streamed, .count = state->count, .wrong = state->wrong);
}
TP_BEHAVIOR(counter_behavior, "counter", struct counter, TP_ON(ping, on_counted),
            TP_ON(streamed, on_asked));

tp_pid counter_start(struct side *side) {
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(side->runtime, &pid, &counter_behavior, NULL), TP_OK);
    return pid;
}

static void streamer(tp_actor *self, void *arg) {
    (void)arg;
    stream_to job;
    while (tp_receive(self, TP_FOREVER, &job, stream_to) == TP_OK) {
        tp_from from = tp_defer(self);
        tp_pid to = job.to;
        uint64_t count = job.count;
        for (uint64_t i = 0; i < count; i++) tp_send(self, to, ping, .number = i);
        streamed got = {0};
        (void)tp_call(self, to, PLENTY, &got, streamed, streamed);
        tp_reply_to(self, from, streamed, .count = got.count, .wrong = got.wrong);
    }
}

tp_pid streamer_start(struct side *side) {
    tp_pid pid;
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(side->runtime, &pid, streamer, NULL, NULL), TP_OK);
    return pid;
}
