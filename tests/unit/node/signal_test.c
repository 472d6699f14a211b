/*
 * Everything that actors of one node can do to each other, between two nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/atomic.h"
#include "tests/unit/node/kit.h"

static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";

static void check_talk(const char *scheme, bool secure) {
    struct side a, b;
    tp_inproc *inproc = NULL;
    TP_ASSERT_EQ_INT(tp_inproc_new(&inproc), TP_OK);
    bool tls = strcmp(scheme, "tls+tcp") == 0 || strcmp(scheme, "wss") == 0;
    struct certificates made;
    TP_ASSERT(!tls || certificates_make(&made));
    tp_node_options options = {
        .plain = !secure && !tls, .secret = secure ? secret : NULL, .inproc = inproc};
    if (tls) certificates_use(&made, &options);
    side_start(&a, "a@test", &options);
    side_start(&b, "b@test", &options);
    sides_join(&a, &b, scheme);
    tp_pid echo = echo_start(&a);
    pong got = {0};
    for (uint64_t i = 1; i <= 100; i++) {
        TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &got, pong, ping, .number = i),
                         TP_OK);
        TP_ASSERT(got.number == i);
    }
    tp_pid there = echo_start(&b); /* and the other way */
    TP_ASSERT_EQ_INT(tp_inbox_call(a.inbox, there, PLENTY, &got, pong, ping, .number = 7), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, echo, ping, .number = 5), TP_OK);
    EXPECT(&b, &got, pong);
    TP_ASSERT(got.number == 5);
    size_t size = 3u << 20; /* in pieces */
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 7 + (i >> 11));
    text answer = {0};
    TP_ASSERT_EQ_INT(
        tp_inbox_call(b.inbox, echo, PLENTY, &answer, text, text, .bytes = {bytes, size}), TP_OK);
    TP_ASSERT(answer.bytes.size == size && memcmp(answer.bytes.data, bytes, size) == 0);
    free(bytes);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, echo, leave, .code = TP_EXIT_NORMAL), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &got, pong, ping), TP_ENOPROC);
    side_stop(&a);
    side_stop(&b);
    tp_inproc_free(inproc);
    if (tls) certificates_remove(&made);
}

TP_TEST(node_signals, talk_over_tcp) {
    check_talk("tcp", false);
}
TP_TEST(node_signals, talk_over_ipc) {
    check_talk("ipc", false);
}
TP_TEST(node_signals, talk_over_inproc) {
    check_talk("inproc", false);
}
TP_TEST(node_signals, talk_with_a_secret) {
    check_talk("tcp", true);
}

TP_TEST(node_signals, talk_over_websocket) {
    check_talk("ws", true);
}
TP_TEST(node_signals, talk_over_tls) {
    check_talk("tls+tcp", false);
}
TP_TEST(node_signals, talk_over_tls_with_a_secret) {
    check_talk("tls+tcp", true);
}
TP_TEST(node_signals, talk_over_websocket_and_tls) {
    check_talk("wss", true);
}

TP_TEST(node_signals, order_under_load_both_ways) {
    struct side a, b;
    tp_node_options options = {.secret = secret};
    side_start(&a, "a@test", &options);
    side_start(&b, "b@test", &options);
    sides_join(&a, &b, "tcp");
    uint64_t count = TP_SCALED(100000);
    enum { PAIRS = 3 };
    tp_pid from[2 * PAIRS], to[2 * PAIRS];
    for (unsigned i = 0; i < 2 * PAIRS; i++) {
        from[i] = streamer_start(i % 2 == 0 ? &a : &b);
        to[i] = counter_start(i % 2 == 0 ? &b : &a);
    }
    for (unsigned i = 0; i + 1 < 2 * PAIRS; i++)
        TP_ASSERT_EQ_INT(tp_inbox_send(a.inbox, from[i], stream_to, .to = to[i], .count = count),
                         TP_OK);
    streamed got = {0};
    unsigned last = 2 * PAIRS - 1;
    TP_ASSERT_EQ_INT(tp_inbox_call(a.inbox, from[last], PLENTY, &got, streamed, stream_to,
                                   .to = to[last], .count = count),
                     TP_OK);
    TP_ASSERT(got.count == count && got.wrong == 0);
    for (unsigned i = 0; i < last; i++) {
        tp_err err;
        got.count = 0;
        do { /* whoever sent to it may not be done, and its mailbox may be full of that */
            err = tp_inbox_call(a.inbox, to[i], PLENTY, &got, streamed, streamed);
            TP_ASSERT(err == TP_OK || err == TP_EFULL);
            TP_ASSERT_EQ_INT(got.wrong, 0);
        } while (got.count < count);
        TP_ASSERT(got.count == count);
    }
    tp_node_counters counters;
    tp_node_counters_get(a.node, &counters);
    TP_ASSERT_EQ_INT(counters.dropped, 0);
    side_stop(&a);
    side_stop(&b);
}

/* ---- links and monitors ---- */

TP_MESSAGE(seen, TP_FIELD(u64, downs), TP_FIELD(u64, exits), TP_FIELD(i32, code),
           TP_FIELD(u64, ups), TP_FIELD(u64, node_downs))
TP_MESSAGE(observe, TP_FIELD(pid, whom))
TP_MESSAGE(follow)

struct observer {
    seen seen;
    tp_node *node;
};
static void on_observe(tp_actor *self, struct observer *state, const observe *msg) {
    (void)state;
    tp_trap_exits(self, true);
    tp_monitor(self, msg->whom);
    tp_link(self, msg->whom);
    tp_reply(self, pong);
}
static void on_down(tp_actor *self, struct observer *state, const tp_down *msg) {
    (void)self;
    state->seen.downs++;
    state->seen.code = msg->code;
}
static void on_exited(tp_actor *self, struct observer *state, const tp_exited *msg) {
    (void)self, (void)msg;
    state->seen.exits++;
}
static void on_seen(tp_actor *self, struct observer *state, const seen *msg) {
    (void)msg;
    tp_reply_value(self, &seen_message, &state->seen);
}
TP_BEHAVIOR(observer_behavior, "observer", struct observer, TP_ON(observe, on_observe),
            TP_ON(tp_down, on_down), TP_ON(tp_exited, on_exited), TP_ON(seen, on_seen));

/* Waits until the observer has seen a down and an exit, and some more: it must stay one of each. */
static seen observed(struct side *side, tp_pid observer) {
    seen got = {0};
    for (unsigned i = 0; i < 60000 && (got.downs == 0 || got.exits == 0); i++) {
        TP_ASSERT_EQ_INT(tp_inbox_call(side->inbox, observer, PLENTY, &got, seen, seen), TP_OK);
        moment();
    }
    for (unsigned i = 0; i < 20; i++) moment();
    TP_ASSERT_EQ_INT(tp_inbox_call(side->inbox, observer, PLENTY, &got, seen, seen), TP_OK);
    TP_ASSERT_EQ_INT(got.downs, 1);
    TP_ASSERT_EQ_INT(got.exits, 1);
    return got;
}

static tp_pid observe_start(struct side *side, tp_pid whom) {
    tp_pid observer;
    pong done;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(side->runtime, &observer, &observer_behavior, NULL), TP_OK);
    TP_ASSERT_EQ_INT(
        tp_inbox_call(side->inbox, observer, PLENTY, &done, pong, observe, .whom = whom), TP_OK);
    return observer;
}

TP_TEST(node_signals, an_exit_reaches_links_and_monitors_there) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    sides_join(&a, &b, "tcp");
    tp_pid echo = echo_start(&a), observer = observe_start(&b, echo);
    pong done;
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &done, pong, ping), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, echo, leave, .code = 1234), TP_OK);
    TP_ASSERT_EQ_INT(observed(&b, observer).code, 1234);
    tp_pid dead = observe_start(&b, echo); /* and of one that is dead already */
    TP_ASSERT_EQ_INT(observed(&b, dead).code, TP_EXIT_NOPROC);
    tp_pid linked = echo_start(&a), other = echo_start(&b);
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, linked, PLENTY, &done, pong, attach, .to = other),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, other, leave, .code = 77), TP_OK);
    int code = 0;
    TP_ASSERT_EQ_INT(tp_runtime_wait(a.runtime, linked, PLENTY, &code), TP_OK);
    /* 77, or it was gone before the wait began */
    TP_ASSERT(code == 77 || code == TP_EXIT_NOPROC);
    side_stop(&a);
    side_stop(&b);
}

static void check_lost(bool leave_first) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    sides_join(&a, &b, "tcp");
    tp_pid echo = echo_start(&a), observer = observe_start(&b, echo);
    pong done;
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &done, pong, ping), TP_OK);
    if (leave_first) tp_node_leave(a.node);
    else TP_ASSERT_EQ_INT(tp_node_disconnect(b.node, echo.node), TP_OK);
    TP_ASSERT_EQ_INT(observed(&b, observer).code, TP_EXIT_NOCONNECTION);
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &done, pong, ping), TP_ENOCONNECTION);
    tp_pid late = observe_start(&b, echo);
    TP_ASSERT_EQ_INT(observed(&b, late).code, TP_EXIT_NOCONNECTION);
    side_stop(&a);
    side_stop(&b);
}

TP_TEST(node_signals, noconnection_once_after_a_disconnect) {
    check_lost(false);
}
TP_TEST(node_signals, noconnection_once_after_the_peer_left) {
    check_lost(true);
}

TP_TEST(node_signals, a_new_incarnation_gets_nothing_of_the_old) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    sides_join(&a, &b, "tcp");
    TP_ASSERT_EQ_INT(tp_node_join(b.node, a.url), TP_OK); /* from now on it comes back */
    tp_pid echo = echo_start(&a);
    pong done;
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &done, pong, ping), TP_OK);
    char url[256];
    snprintf(url, sizeof url, "%s", a.url);
    side_stop(&a);
    side_start(&a, "a@test", NULL);
    TP_ASSERT_EQ_INT(tp_node_listen(a.node, url, NULL, 0), TP_OK);
    tp_pid again = echo_start(&a);
    WAIT_COUNTER(&b, connections, 2u);
    TP_ASSERT(again.node != echo.node);
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, again, PLENTY, &done, pong, ping), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo, PLENTY, &done, pong, ping), TP_ENOCONNECTION);
    side_stop(&b);
    side_stop(&a);
}

/* ---- backpressure ---- */

static void lazy(tp_actor *self, void *arg) {
    (void)arg;
    ping got;
    uint64_t next = 0, wrong = 0;
    tp_sleep(self, TP_MS(300)); /* nothing is taken meanwhile */
    const tp_message *message;
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
        if (tp_message_is(message, streamed))
            tp_reply(self, streamed, .count = next, .wrong = wrong);
        else if (tp_message_get(self, message, &got, ping) == TP_OK && got.number != next++)
            wrong++;
    }
}

TP_TEST(node_signals, a_slow_receiver_holds_its_sender_back) {
    struct side a, b;
    tp_node_options options = {.plain = true, .backlog = 65536};
    side_start(&a, "a@test", &options);
    side_start(&b, "b@test", &options);
    sides_join(&a, &b, "tcp");
    tp_pid slow, from = streamer_start(&b);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(a.runtime, &slow, lazy, NULL, NULL), TP_OK);
    uint64_t count = TP_SCALED(1000000);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, from, stream_to, .to = slow, .count = count), TP_OK);
    tp_counters counters;
    do { /* it has to wait */
        moment();
        tp_runtime_counters(b.runtime, &counters);
    } while (counters.suspensions == 0);
    TP_ASSERT(counters.sent < count);
    pong done; /* and others do not */
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo_start(&a), PLENTY, &done, pong, ping), TP_OK);
    streamed got = {0};
    do {
        TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, slow, PLENTY, &got, streamed, streamed), TP_OK);
        TP_ASSERT_EQ_INT(got.wrong, 0);
    } while (got.count < count);
    tp_runtime_counters(a.runtime, &counters);
    TP_ASSERT_EQ_INT(counters.dropped, 0);
    side_stop(&a);
    side_stop(&b);
}

/* ---- what a batch brings for one actor, to receivers of every kind ---- */

struct picky {
    uint64_t count, last, wrong;
};
static void picky_ping(tp_actor *self, struct picky *state, const ping *msg) {
    (void)self;
    state->wrong += state->count > 0 && msg->number <= state->last;
    state->last = msg->number;
    state->count++;
}
static void picky_streamed(tp_actor *self, struct picky *state, const streamed *msg) {
    (void)msg;
    tp_reply(self, streamed, .count = state->count, .wrong = state->wrong);
}
TP_BEHAVIOR(picky_behavior, "picky", struct picky, TP_ON(ping, picky_ping),
            TP_ON(streamed, picky_streamed));

static uint64_t dropped_there(struct side *side) {
    tp_node_counters node;
    tp_counters runtime;
    tp_node_counters_get(side->node, &node);
    tp_runtime_counters(side->runtime, &runtime);
    return node.dropped + runtime.dropped;
}

static void check_kind(struct side *a, struct side *b, const tp_spawn_options *options) {
    tp_pid picky, from = streamer_start(b);
    uint64_t count = TP_SCALED(20000), before = dropped_there(a);
    bool loses = options->overflow != TP_OVERFLOW_SUSPEND;
    streamed got = {0};
    tp_err err;
    TP_ASSERT_EQ_INT(tp_runtime_spawn(a->runtime, &picky, &picky_behavior, options), TP_OK);
    TP_ASSERT_EQ_INT(tp_inbox_send(b->inbox, from, stream_to, .to = picky, .count = count), TP_OK);
    do { /* where messages are dropped, the question may be */
        moment();
        err = tp_inbox_call(b->inbox, picky, PLENTY, &got, streamed, streamed);
        TP_ASSERT(err == TP_OK || (loses && (err == TP_EFULL || err == TP_ENOREPLY)));
    } while (err != TP_OK || got.count + (loses ? dropped_there(a) - before : 0) < count);
    TP_ASSERT(got.count > 0 && got.count <= count);
    TP_ASSERT_EQ_INT(got.wrong, 0);
    if (!loses) TP_ASSERT(got.count == count && dropped_there(a) == before);
}

TP_TEST(node_signals, many_for_one_keep_their_order_whatever_its_bound) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    sides_join(&a, &b, "tcp");
    check_kind(&a, &b, &(tp_spawn_options){.mailbox_limit = 4});
    check_kind(&a, &b, &(tp_spawn_options){.mailbox_limit = 1000});
    check_kind(&a, &b, &(tp_spawn_options){.dedicated_thread = true});
    check_kind(&a, &b, &(tp_spawn_options){.mailbox_limit = 8, .overflow = TP_OVERFLOW_FAIL});
    check_kind(&a, &b,
               &(tp_spawn_options){.mailbox_limit = 8, .overflow = TP_OVERFLOW_DROP_NEWEST});
    check_kind(&a, &b,
               &(tp_spawn_options){.mailbox_limit = 8, .overflow = TP_OVERFLOW_DROP_OLDEST});
    side_stop(&a);
    side_stop(&b);
}

TP_TEST(node_signals, many_for_one_that_is_dead_are_gone) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    sides_join(&a, &b, "tcp");
    tp_pid echo = echo_start(&a), from = streamer_start(&b), observer = observe_start(&b, echo);
    uint64_t count = TP_SCALED(20000);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, echo, leave, .code = 5), TP_OK);
    TP_ASSERT_EQ_INT(observed(&b, observer).code, 5);
    TP_ASSERT_EQ_INT(tp_inbox_send(b.inbox, from, stream_to, .to = echo, .count = count), TP_OK);
    tp_counters counters;
    do {
        moment();
        tp_runtime_counters(a.runtime, &counters);
    } while (counters.dead_letters < count);
    pong done; /* and who lives is reached as before */
    TP_ASSERT_EQ_INT(tp_inbox_call(b.inbox, echo_start(&a), PLENTY, &done, pong, ping), TP_OK);
    side_stop(&a);
    side_stop(&b);
}

/* ---- names, watching ---- */

struct asker {
    tp_node *node;
    tp_err found, hidden, unknown, own;
    tp_pid pid;
};
static void ask_names(tp_actor *self, void *arg) {
    struct asker *asker = arg;
    tp_pid pid;
    do { /* the other's first frame may still be on its way */
        asker->found = tp_node_find(self, asker->node, "echo@a@test", PLENTY, &asker->pid);
        if (asker->found == TP_ENOCONNECTION) tp_sleep(self, TP_MS(5));
    } while (asker->found == TP_ENOCONNECTION);
    asker->hidden = tp_node_find(self, asker->node, "hidden@a@test", PLENTY, &pid);
    asker->unknown = tp_node_find(self, asker->node, "echo@c@test", PLENTY, &pid);
    asker->own = tp_node_find(self, asker->node, "echo@b@test", PLENTY, &pid);
}

static void named(tp_actor *self, void *name) {
    pong got;
    TP_ASSERT_EQ_INT(tp_register(self, name), TP_OK);
    (void)tp_receive(self, TP_FOREVER, &got, pong);
}

TP_TEST(node_signals, names_are_private_unless_exported) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    sides_join(&a, &b, "tcp");
    static char echo_name[] = "echo", hidden_name[] = "hidden";
    tp_pid echo, hidden, asking;
    struct asker asker = {.node = b.node};
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(a.runtime, &echo, named, echo_name, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(a.runtime, &hidden, named, hidden_name, NULL), TP_OK);
    while (tp_pid_is_null(tp_whereis(a.runtime, "echo")) ||
           tp_pid_is_null(tp_whereis(a.runtime, "hidden")))
        moment();
    TP_ASSERT_EQ_INT(tp_node_export(a.node, "echo"), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_export(a.node, "no@name"), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(b.runtime, &asking, ask_names, &asker, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(b.runtime, asking, PLENTY, NULL), TP_OK);
    TP_ASSERT_EQ_INT(asker.found, TP_OK);
    TP_ASSERT(tp_pid_equal(asker.pid, echo));
    TP_ASSERT_EQ_INT(asker.hidden, TP_ENOENT);
    TP_ASSERT_EQ_INT(asker.unknown, TP_ENOCONNECTION);
    TP_ASSERT_EQ_INT(asker.own, TP_ENOENT);
    side_stop(&a);
    side_stop(&b);
}

struct watcher {
    tp_node *node;
    uint64_t up, down;
    char reason[32];
    _Atomic(unsigned) ready;
};
static bool is_ready(struct watcher *watcher, unsigned step) {
    /* acquire: partner is the release store in watch_nodes */
    return atomic_load_explicit(&watcher->ready, memory_order_acquire) >= step;
}
static void watch_nodes(tp_actor *self, void *arg) {
    struct watcher *watcher = arg;
    tp_node_up up;
    tp_node_down down;
    TP_ASSERT_EQ_INT(tp_node_watch(self, watcher->node), TP_OK);
    /* release: partner is the load in is_ready */
    atomic_store_explicit(&watcher->ready, 1, memory_order_release);
    if (tp_receive(self, PLENTY, &up, tp_node_up) == TP_OK) watcher->up = up.node;
    /* release: partner is the load in is_ready */
    atomic_store_explicit(&watcher->ready, 2, memory_order_release);
    if (tp_receive(self, PLENTY, &down, tp_node_down) != TP_OK) return;
    watcher->down = down.node;
    memcpy(watcher->reason, down.reason.data, down.reason.size);
}

TP_TEST(node_signals, watchers_hear_of_nodes_with_reasons) {
    struct side a, b;
    side_start(&a, "a@test", NULL);
    side_start(&b, "b@test", NULL);
    tp_pid pid;
    struct watcher watcher = {.node = b.node};
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(b.runtime, &pid, watch_nodes, &watcher, NULL), TP_OK);
    while (!is_ready(&watcher, 1)) moment();
    sides_join(&a, &b, "tcp");
    while (!is_ready(&watcher, 2)) moment();
    uint64_t id = tp_runtime_node(a.runtime);
    side_stop(&a);
    TP_ASSERT_EQ_INT(tp_runtime_wait(b.runtime, pid, PLENTY, NULL), TP_OK);
    TP_ASSERT(watcher.up == id && watcher.down == id);
    TP_ASSERT_EQ_STR(watcher.reason, "shutdown");
    side_stop(&b);
}
