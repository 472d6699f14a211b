/*
 * Groups over nodes when a peer is lost: its members have left, once each, however it was lost;
 * when it comes back they are there again, once each.
 */
#include <string.h>

#include <troupe/name.h>
#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define MEMBERS 5u /* at the one that is lost; the last joins twice */
#define GROUP "workers"

static struct {
    tp_simnet *net;
    tp_sim *a, *b;
    tp_node *node_a, *node_b;
    unsigned joined, left;
    bool strange; /* somebody left who had not joined */
    tp_pid here[4 * MEMBERS];
} scene;

static void member_body(tp_actor *self, void *arg) {
    TP_ASSERT_EQ_INT(tp_group_join(self, NULL, GROUP), TP_OK);
    if (arg != NULL) TP_ASSERT_EQ_INT(tp_group_join(self, NULL, GROUP), TP_OK);
    (void)tp_sleep(self, TP_FOREVER);
}

static void note(const tp_group_changed *changed) {
    unsigned count = scene.joined - scene.left, at = 0;
    if (changed->joined) {
        scene.joined++;
        if (count < 4 * MEMBERS) scene.here[count] = changed->member;
        return;
    }
    scene.left++;
    while (at < count && !tp_pid_equal(scene.here[at], changed->member)) at++;
    scene.strange = scene.strange || at == count;
    if (at < count) scene.here[at] = scene.here[count - 1];
}

static void watcher_body(tp_actor *self, void *arg) {
    tp_group_changed changed;
    size_t count = 0;
    (void)arg;
    TP_ASSERT(tp_group_monitor(self, NULL, GROUP, NULL, 0, &count) != 0);
    TP_ASSERT_EQ_INT(count, 0);
    while (tp_receive(self, TP_FOREVER, &changed, tp_group_changed) == TP_OK) note(&changed);
}

static void go(tp_duration span) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene.net, span), TP_OK);
}

static tp_sim *machine(const char *name, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true, .heartbeat = TP_SECONDS(2)};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene.net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_share_groups(*node, NULL), TP_OK);
    return sim;
}

static void start_b(void) {
    static char twice;
    scene.b = machine("b@test", &scene.node_b);
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_b, "tcp://127.0.0.1:1"), TP_OK);
    for (unsigned i = 0; i < MEMBERS; i++)
        (void)tp_sim_spawn_body(scene.b, member_body, i + 1 == MEMBERS ? &twice : NULL, NULL);
    go(TP_SECONDS(1));
}

static size_t listed(void) {
    tp_pid members[4 * MEMBERS];
    return tp_group_members(tp_sim_runtime(scene.a), NULL, GROUP, members, 4 * MEMBERS);
}

static void begin(void) {
    memset(&scene, 0, sizeof scene);
    TP_ASSERT_EQ_INT(tp_simnet_new(&scene.net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene.a = machine("a@test", &scene.node_a);
    TP_ASSERT_EQ_INT(tp_node_listen(scene.node_a, "tcp://127.0.0.1:1", NULL, 0), TP_OK);
    (void)tp_sim_spawn_body(scene.a, watcher_body, NULL, NULL);
    go(TP_MS(100));
    (void)tp_sim_spawn_body(scene.a, member_body, NULL, NULL); /* who stays */
    start_b();
    TP_ASSERT_EQ_INT(scene.joined, MEMBERS + 2);
    TP_ASSERT_EQ_INT(listed(), MEMBERS + 2);
}

/* All of the other node have left, and whoever is here has not. */
static void all_left(void) {
    TP_ASSERT_EQ_INT(scene.left, MEMBERS + 1);
    TP_ASSERT_EQ_INT(listed(), 1);
    TP_ASSERT(!scene.strange);
}

static void all_back(void) {
    TP_ASSERT_EQ_INT(scene.joined, 2 * (MEMBERS + 1) + 1);
    TP_ASSERT_EQ_INT(listed(), MEMBERS + 2);
    TP_ASSERT(!scene.strange);
    tp_simnet_free(scene.net);
}

TP_TEST(groups_loss, by_a_reset_and_back) {
    begin();
    tp_simnet_cut(scene.net, scene.a, scene.b);
    go(TP_SECONDS(10)); /* b connects again */
    TP_ASSERT_EQ_INT(scene.left, MEMBERS + 1);
    all_back();
}

TP_TEST(groups_loss, by_silence_and_back) {
    begin();
    tp_simnet_block(scene.net, scene.a, scene.b, true);
    tp_simnet_block(scene.net, scene.b, scene.a, true);
    go(TP_SECONDS(5));
    all_left();
    tp_simnet_heal(scene.net);
    go(TP_SECONDS(30));
    TP_ASSERT_EQ_INT(scene.left, MEMBERS + 1);
    all_back();
}

TP_TEST(groups_loss, by_a_kill_and_another_process_of_that_name) {
    begin();
    tp_simnet_crash(scene.net, scene.b, false);
    go(TP_SECONDS(1));
    all_left();
    start_b();
    all_back();
}

/* The new process is there before the old one was missed. */
TP_TEST(groups_loss, by_a_silent_end_and_another_process_at_once) {
    begin();
    tp_simnet_crash(scene.net, scene.b, true);
    start_b();
    go(TP_SECONDS(1));
    TP_ASSERT_EQ_INT(scene.left, MEMBERS + 1);
    all_back();
}

TP_TEST(groups_loss, by_a_leave) {
    begin();
    tp_node_leave(scene.node_b);
    go(TP_SECONDS(1));
    all_left();
    tp_simnet_free(scene.net);
}
