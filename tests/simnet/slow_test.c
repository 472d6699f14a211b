/*
 * A slow peer, with more on its way to it than it takes, delays nobody else: not what others ask
 * the node itself either.
 */
#include <string.h>

#include <troupe/name.h>
#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define FLOODS 100

TP_MESSAGE(load, TP_FIELD(bin, bytes))

static struct {
    tp_simnet *net;
    tp_sim *sim[3];
    tp_node *node[3];
    tp_pid sink;
    tp_err found[3];
    unsigned asked, sent;
} scene;

enum { HUB, SLOW, OTHER };

static void sink_body(tp_actor *self, void *arg) {
    load got;
    (void)arg;
    while (tp_receive(self, TP_FOREVER, &got, load) == TP_OK) continue;
}

/* Fills what may wait for the slow one, and waits there itself; the next one fills it again. */
static void flood_body(tp_actor *self, void *arg) {
    static uint8_t bytes[16384];
    (void)tp_sleep(self, *(const tp_duration *)arg);
    for (;;) {
        if (tp_send(self, scene.sink, load, .bytes = {bytes, sizeof bytes}) != TP_OK) return;
        scene.sent++;
    }
}

/* Changes of groups, which the hub's own actor tells both. */
static void member_body(tp_actor *self, void *arg) {
    (void)arg;
    for (unsigned i = 0; i < 20; i++) {
        (void)tp_group_join(self, NULL, "workers");
        (void)tp_sleep(self, TP_MS(20));
    }
    (void)tp_sleep(self, TP_FOREVER);
}

static void asker_body(tp_actor *self, void *arg) {
    tp_pid pid;
    (void)arg;
    (void)tp_sleep(self, TP_MS(500));
    for (; scene.asked < 3; scene.asked++)
        scene.found[scene.asked] =
            tp_node_find(self, scene.node[OTHER], "flood@n0@test", TP_MS(200), &pid);
}

static void machine(unsigned index, const char *name, const char *url) {
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene.net, &options, &scene.sim[index]), TP_OK);
    tp_runtime *runtime = tp_sim_runtime(scene.sim[index]);
    TP_ASSERT_EQ_INT(tp_node_start(runtime, &plain, &scene.node[index]), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(scene.node[index], url, NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_share_groups(scene.node[index], NULL), TP_OK);
    if (index != HUB) TP_ASSERT_EQ_INT(tp_node_join(scene.node[index], "tcp://127.0.0.1:1"), TP_OK);
}

TP_TEST(slow_peer, names_are_answered_all_the_same) {
    static tp_duration delays[FLOODS];
    tp_node_counters counters;
    memset(&scene, 0, sizeof scene);
    TP_ASSERT_EQ_INT(tp_simnet_new(&scene.net, &(tp_simnet_options){.seed = 1}), TP_OK);
    machine(HUB, "n0@test", "tcp://127.0.0.1:1");
    machine(SLOW, "n1@test", "tcp://127.0.0.1:2");
    machine(OTHER, "n2@test", "tcp://127.0.0.1:3");
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene.net, TP_SECONDS(2)), TP_OK);
    scene.sink = tp_sim_spawn_body(scene.sim[SLOW], sink_body, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_node_export(scene.node[HUB], "flood"), TP_OK);
    tp_simnet_slow(scene.net, scene.sim[SLOW], 20000);
    for (unsigned i = 0; i < FLOODS; i++) {
        delays[i] = TP_MS(10 * i);
        (void)tp_sim_spawn_body(scene.sim[HUB], flood_body, &delays[i],
                                i == 0 ? TP_OPTIONS(.name = "flood") : NULL);
    }
    (void)tp_sim_spawn_body(scene.sim[HUB], member_body, NULL, NULL);
    (void)tp_sim_spawn_body(scene.sim[OTHER], asker_body, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene.net, TP_SECONDS(3)), TP_OK);
    tp_node_counters_get(scene.node[HUB], &counters);
    TP_ASSERT_EQ_INT(counters.peers, 2); /* it is slow, and there */
    TP_ASSERT(counters.backlog > 1u << 20 && scene.sent < 1000);
    TP_ASSERT_EQ_INT(scene.asked, 3);
    for (unsigned i = 0; i < 3; i++) TP_ASSERT_EQ_INT(scene.found[i], TP_OK);
    /* who asked hears of every member, whatever the slow one has heard */
    tp_pid members[32];
    size_t found = tp_group_members(tp_sim_runtime(scene.sim[OTHER]), NULL, "workers", members, 32);
    TP_ASSERT_EQ_INT(found, 20);
    tp_simnet_free(scene.net);
}
