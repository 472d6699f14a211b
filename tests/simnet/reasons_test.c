/*
 * Why a connection is over, as each side's watchers are told: one reason for each way to end, once.
 */
#include <string.h>

#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define URL_A "tcp://127.0.0.1:1"
#define BACKLOG ((size_t)1 << 30) /* nobody has to wait */
#define LOAD_SIZE ((size_t)1 << 18)
#define LOADS 300u /* more than a connection may hold */

TP_MESSAGE(reasons_load, TP_FIELD(bin, bytes))

struct heard {
    tp_node *node;
    unsigned ups, downs;
    char reason[32]; /* the last */
};

static struct {
    tp_simnet *net;
    tp_sim *a, *b;
    tp_node *node_a, *node_b;
    struct heard at_a, at_b;
    tp_pid sink;
} scene;

static void watcher_body(tp_actor *self, void *arg) {
    struct heard *heard = arg;
    const tp_message *message;
    tp_node_down down;
    if (tp_node_watch(self, heard->node) != TP_OK) return;
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
        if (tp_message_is(message, tp_node_up)) heard->ups++;
        if (tp_message_get(self, message, &down, tp_node_down) != TP_OK) continue;
        heard->downs++;
        memset(heard->reason, 0, sizeof heard->reason);
        if (down.reason.size < sizeof heard->reason)
            memcpy(heard->reason, down.reason.data, down.reason.size);
    }
}

static tp_sim *machine(const char *name, tp_duration heartbeat, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true, .heartbeat = heartbeat, .backlog = BACKLOG};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene.net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    return sim;
}

static void go(tp_duration span) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene.net, span), TP_OK);
}

static void start_b(void) {
    scene.b = machine("b@test", TP_SECONDS(5), &scene.node_b);
    scene.at_b = (struct heard){.node = scene.node_b};
    (void)tp_sim_spawn_body(scene.b, watcher_body, &scene.at_b, NULL);
    TP_ASSERT_EQ_INT(tp_node_connect(scene.node_b, URL_A, TP_SECONDS(10), NULL), TP_OK);
    go(TP_SECONDS(1));
}

static void begin(void) {
    memset(&scene, 0, sizeof scene);
    TP_ASSERT_EQ_INT(tp_simnet_new(&scene.net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene.a = machine("a@test", TP_SECONDS(5), &scene.node_a);
    scene.at_a = (struct heard){.node = scene.node_a};
    TP_ASSERT_EQ_INT(tp_node_listen(scene.node_a, URL_A, NULL, 0), TP_OK);
    (void)tp_sim_spawn_body(scene.a, watcher_body, &scene.at_a, NULL);
    go(TP_MS(100));
    start_b();
    TP_ASSERT(scene.at_a.ups == 1 && scene.at_b.ups == 1 && scene.at_a.downs == 0);
}

static void heard(const struct heard *heard, const char *reason) {
    TP_ASSERT_EQ_STR(heard->reason, reason);
    TP_ASSERT_EQ_INT(heard->downs, 1);
}

TP_TEST(node_reasons, a_peer_that_leaves) {
    begin();
    tp_node_leave(scene.node_b);
    go(TP_SECONDS(1));
    heard(&scene.at_a, "shutdown");
    heard(&scene.at_b, "shutdown");
    tp_simnet_free(scene.net);
}

TP_TEST(node_reasons, a_peer_that_leaves_and_is_not_answered) {
    begin();
    tp_simnet_pause(scene.net, scene.a, true);
    tp_node_leave(scene.node_b);
    go(TP_SECONDS(1));
    heard(&scene.at_b, "shutdown");
    tp_simnet_pause(scene.net, scene.a, false);
    go(TP_SECONDS(1));
    TP_ASSERT_EQ_INT(scene.at_a.downs, 1);
    tp_simnet_free(scene.net);
}

TP_TEST(node_reasons, a_disconnect) {
    begin();
    uint64_t id = tp_runtime_node(tp_sim_runtime(scene.b));
    TP_ASSERT_EQ_INT(tp_node_disconnect(scene.node_a, id), TP_OK);
    go(TP_SECONDS(1));
    heard(&scene.at_a, "disconnect");
    heard(&scene.at_b, "disconnect");
    tp_simnet_free(scene.net);
}

TP_TEST(node_reasons, a_peer_that_is_killed) {
    begin();
    tp_simnet_crash(scene.net, scene.b, false);
    go(TP_SECONDS(1));
    heard(&scene.at_a, "closed");
    tp_simnet_free(scene.net);
}

TP_TEST(node_reasons, a_connection_that_is_reset) {
    begin();
    tp_simnet_cut(scene.net, scene.a, scene.b);
    go(TP_SECONDS(1));
    heard(&scene.at_a, "closed");
    heard(&scene.at_b, "closed");
    tp_simnet_free(scene.net);
}

TP_TEST(node_reasons, a_peer_that_is_silent) {
    begin();
    tp_simnet_crash(scene.net, scene.b, true);
    go(TP_SECONDS(3));
    TP_ASSERT_EQ_INT(scene.at_a.downs, 0); /* its time is not over */
    go(TP_SECONDS(4));
    heard(&scene.at_a, "heartbeat");
    tp_simnet_free(scene.net);
}

/* It comes back before it was missed. */
TP_TEST(node_reasons, another_process_with_its_name) {
    begin();
    tp_simnet_crash(scene.net, scene.b, true);
    start_b();
    heard(&scene.at_a, "restarted");
    TP_ASSERT_EQ_INT(scene.at_a.ups, 2);
    TP_ASSERT(scene.at_b.ups == 1 && scene.at_b.downs == 0);
    tp_simnet_free(scene.net);
}

/* ---- too much for a connection ---- */

static void sink_body(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_sleep(self, TP_FOREVER);
}

static void sender_body(tp_actor *self, void *arg) {
    for (unsigned i = 0; i < LOADS; i++)
        (void)tp_send(self, scene.sink, reasons_load, .bytes = {arg, LOAD_SIZE});
}

TP_TEST(node_reasons, a_connection_with_too_much_to_send) {
    static uint8_t bytes[LOAD_SIZE];
    begin();
    go(TP_SECONDS(5)); /* a young connection is given the time of a handshake */
    scene.sink = tp_sim_spawn_body(scene.b, sink_body, NULL, NULL);
    tp_simnet_pause(scene.net, scene.b, true);
    (void)tp_sim_spawn_body(scene.a, sender_body, bytes, NULL);
    go(TP_SECONDS(2));
    heard(&scene.at_a, "overload");
    tp_simnet_pause(scene.net, scene.b, false);
    tp_simnet_free(scene.net);
}

/* ---- what was never up ---- */

TP_TEST(node_reasons, who_is_refused_was_never_up) {
    tp_node *stranger;
    begin();
    tp_sim_options options = {.runtime = {.node_name = "c@test", .log_level = TP_LOG_OFF}};
    tp_sim *sim;
    TP_ASSERT_EQ_INT(tp_simnet_add(scene.net, &options, &sim), TP_OK);
    const tp_node_options other = {.plain = true, .cluster = "another"};
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &other, &stranger), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_connect(stranger, URL_A, TP_SECONDS(10), NULL), TP_EREFUSED);
    go(TP_SECONDS(1));
    TP_ASSERT(scene.at_a.ups == 1 && scene.at_a.downs == 0);
    tp_node_counters counters;
    tp_node_counters_get(scene.node_a, &counters);
    TP_ASSERT_EQ_INT(counters.refused, 1);
    tp_simnet_free(scene.net);
}
