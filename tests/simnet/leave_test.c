/*
 * A node that leaves: what was sent arrives first, everybody hears of it once and with the reason,
 * and a peer that does not answer does not hold it up.
 */
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define LETTERS 3000u

TP_MESSAGE(letter, TP_FIELD(u64, number))
TP_MESSAGE(leave_go)
TP_MESSAGE(leave_ask)
TP_MESSAGE(leave_never)

static struct {
    tp_simnet *net;
    tp_sim *a, *b;
    tp_node *node_a, *node_b;
    tp_pid sender, receiver;
    uint64_t letters;
    bool out_of_order, asked;
    unsigned downs[2]; /* of monitors: the sender's, the receiver's */
    unsigned node_downs;
    char reason[32];
    tp_err call;
} scene;

static void receiver_body(tp_actor *self, void *arg) {
    const tp_message *message;
    letter msg;
    (void)arg;
    if (tp_monitor(self, scene.sender) == 0) return;
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
        if (tp_message_is(message, tp_down)) scene.downs[1]++;
        if (tp_message_get(self, message, &msg, letter) != TP_OK) continue;
        scene.out_of_order = scene.out_of_order || msg.number != scene.letters + 1;
        scene.letters++;
    }
}

/* Sends everything at once, asked by the test; it answers no request. */
static void sender_body(tp_actor *self, void *arg) {
    const tp_message *message;
    (void)arg;
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
        if (tp_message_is(message, tp_down)) scene.downs[0]++;
        if (tp_message_is(message, leave_ask)) (void)tp_defer(self);
        if (!tp_message_is(message, leave_go)) continue;
        (void)tp_monitor(self, scene.receiver);
        for (uint64_t i = 1; i <= LETTERS; i++)
            (void)tp_send(self, scene.receiver, letter, .number = i);
    }
}

static void caller_body(tp_actor *self, void *arg) {
    leave_never never;
    (void)arg;
    scene.call = tp_call(self, scene.sender, TP_SECONDS(100), &never, leave_never, leave_ask);
    scene.asked = true;
}

static void watcher_body(tp_actor *self, void *arg) {
    tp_node_down down;
    (void)arg;
    if (tp_node_watch(self, scene.node_b) != TP_OK) return;
    while (tp_receive(self, TP_FOREVER, &down, tp_node_down) == TP_OK) {
        scene.node_downs++;
        memset(scene.reason, 0, sizeof scene.reason);
        if (down.reason.size < sizeof scene.reason)
            memcpy(scene.reason, down.reason.data, down.reason.size);
    }
}

static tp_sim *machine(const char *name, const char *url, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true, .heartbeat = TP_SECONDS(10)};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene.net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(*node, url, NULL, 0), TP_OK);
    return sim;
}

static void scene_on(tp_simnet *net) {
    memset(&scene, 0, sizeof scene);
    scene.net = net;
    scene.a = machine("a@test", "tcp://127.0.0.1:1", &scene.node_a);
    scene.b = machine("b@test", "tcp://127.0.0.1:2", &scene.node_b);
    (void)tp_sim_spawn_body(scene.b, watcher_body, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_a, "tcp://127.0.0.1:2"), TP_OK);
    TP_ASSERT_EQ_INT(tp_simnet_advance(net, TP_SECONDS(1)), TP_OK);
    scene.sender = tp_sim_spawn_body(scene.a, sender_body, NULL, NULL);
    scene.receiver = tp_sim_spawn_body(scene.b, receiver_body, NULL, NULL);
    (void)tp_sim_spawn_body(scene.b, caller_body, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(net, TP_SECONDS(1)), TP_OK);
}

/* How many letters the sender had on their way is what it has sent when the node leaves. */
static void send_all(void) {
    (void)tp_sim_send(scene.a, scene.sender, leave_go);
    while (tp_sim_step(scene.a)) continue; /* it has sent; nothing has arrived */
}

static const char *what_is_wrong(void) {
    if (scene.letters != LETTERS) return "a letter that was sent did not arrive";
    if (scene.out_of_order) return "letters came out of order";
    if (scene.downs[0] != 1 || scene.downs[1] != 1) return "a monitor did not fire once";
    if (scene.node_downs != 1 || strcmp(scene.reason, "shutdown") != 0)
        return "the watcher was not told once, and why";
    if (!scene.asked || scene.call != TP_ENOCONNECTION) return "a call did not end";
    return NULL;
}

static const char *leave_flushes(tp_simnet *net, void *arg) {
    (void)arg;
    scene_on(net);
    send_all();
    tp_node_leave(scene.node_a);
    if (tp_simnet_advance(net, TP_SECONDS(1)) != TP_OK) return "the run does not end";
    return what_is_wrong();
}

TP_TEST(node_leave, what_was_sent_arrives_and_all_are_told_once) {
    uint64_t failed = 0;
    tp_simnet_options options = {.delay_max = TP_MS(5), .buffer = 16384};
    TP_ASSERT_MSG(tp_simnet_seeds(1, TP_SCALED(200), &options, leave_flushes, NULL, &failed) ==
                      TP_OK,
                  "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}

TP_TEST(node_leave, a_peer_that_does_not_answer_does_not_hold_it_up) {
    tp_simnet *net;
    TP_ASSERT_EQ_INT(tp_simnet_new(&net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene_on(net);
    tp_simnet_pause(net, scene.b, true);
    tp_time before = tp_simnet_now(net);
    tp_node_leave(scene.node_a);
    TP_ASSERT(tp_simnet_now(net) - before <= TP_SECONDS(4));
    tp_node_counters counters;
    tp_node_counters_get(scene.node_a, &counters);
    TP_ASSERT_EQ_INT(counters.peers, 0);
    tp_simnet_pause(net, scene.b, false);
    TP_ASSERT_EQ_INT(tp_simnet_advance(net, TP_SECONDS(2)), TP_OK);
    TP_ASSERT_EQ_INT(scene.node_downs, 1);
    TP_ASSERT_EQ_INT(scene.downs[1], 1);
    TP_ASSERT(scene.asked && scene.call == TP_ENOCONNECTION);
    tp_simnet_free(net);
}

TP_TEST(node_leave, afterwards_nothing_can_be_begun) {
    tp_simnet *net;
    const char *urls[] = {"tcp://127.0.0.1:2", NULL};
    TP_ASSERT_EQ_INT(tp_simnet_new(&net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene_on(net);
    tp_node_leave(scene.node_a);
    tp_node_leave(scene.node_a);
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_a, urls[0]), TP_ECLOSED);
    TP_ASSERT_EQ_INT(tp_node_connect(scene.node_a, urls[0], TP_SECONDS(1), NULL), TP_ECLOSED);
    TP_ASSERT_EQ_INT(tp_node_discover(scene.node_a, &(tp_discovery){.urls = urls}), TP_ECLOSED);
    TP_ASSERT_EQ_INT(tp_node_discover(scene.node_a, &(tp_discovery){.file = "/dev/null"}),
                     TP_ECLOSED);
    TP_ASSERT_EQ_INT(tp_simnet_advance(net, TP_SECONDS(20)), TP_OK);
    TP_ASSERT_EQ_INT(scene.node_downs, 1);
    tp_simnet_free(net);
}
