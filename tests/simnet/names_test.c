/*
 * Names of a cluster: over seeds (names_heavy_test.c: over more), and every case once.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/simnet/names.h"
#include "tests/support/test.h"

#define SEEDS TP_SCALED(1000)
#define CALM TP_SCALED(200)

TP_TEST(cluster_names, one_owner_after_the_last_fault) {
    uint64_t failed = names_seeds(1, SEEDS, true);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    if (getenv("TROUPE_SEED") != NULL) return;
    TP_ASSERT(names_sums.taken > SEEDS && names_sums.refused > SEEDS);
    TP_ASSERT(names_sums.conflicts > 0 && names_sums.given_back > 0);
    TP_ASSERT(names_sums.owned_at_end > SEEDS);
}

TP_TEST(cluster_names, without_faults_one_registration_alone_succeeds) {
    uint64_t failed = names_seeds(1, CALM, false);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT(names_sums.taken > CALM && names_sums.refused > 0 && names_sums.conflicts == 0);
}

/* ---- every case ---- */

TP_MESSAGE(names_ask)
TP_MESSAGE(names_answer, TP_FIELD(u64, node))

struct scene {
    tp_simnet *net;
    tp_sim *a, *b;
    tp_node *node_a, *node_b;
    tp_pid owner;
    unsigned conflicts, step;
};

static void owner_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    const tp_message *message;
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_a, "ledger", TP_NAME_AVAILABLE), TP_OK);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_a, "second", TP_NAME_AVAILABLE), TP_OK);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_a, "ledger", TP_NAME_AVAILABLE),
                     TP_EEXIST);
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
        if (tp_message_is(message, tp_name_conflict)) scene->conflicts++;
        if (tp_message_is(message, names_answer)) return; /* asked to end */
        if (tp_message_is(message, names_ask))
            (void)tp_reply(self, names_answer, .node = tp_self(self).node);
    }
}

static void asker_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    names_answer answer = {0};
    TP_ASSERT_EQ_INT(tp_cluster_call(self, scene->node_b, "ledger", TP_SECONDS(1), &answer,
                                     names_answer, names_ask),
                     TP_OK);
    TP_ASSERT(answer.node == tp_runtime_node(tp_sim_runtime(scene->a)));
    TP_ASSERT_EQ_INT(tp_cluster_call(self, scene->node_b, "nobody", TP_SECONDS(1), &answer,
                                     names_answer, names_ask),
                     TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_cluster_send(self, scene->node_b, "nobody", names_ask), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "ledger", TP_NAME_AVAILABLE),
                     TP_EEXIST);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "x", TP_NAME_CONSISTENT), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "x", (tp_name_kind)7), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "", TP_NAME_AVAILABLE), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, NULL, TP_NAME_AVAILABLE), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, NULL, "x", TP_NAME_AVAILABLE), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "\xff", TP_NAME_AVAILABLE),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_cluster_unregister(self, scene->node_b, "ledger"), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "mine", TP_NAME_AVAILABLE), TP_OK);
    TP_ASSERT_EQ_INT(tp_cluster_unregister(self, scene->node_b, "mine"), TP_OK);
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(scene->node_b, "mine")));
    TP_ASSERT_EQ_INT(tp_cluster_send(self, scene->node_b, "ledger", names_answer), TP_OK);
    scene->step = 1;
}

static tp_sim *machine(tp_simnet *net, const char *name, const char *url, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true, .heartbeat = TP_MS(500)};
    TP_ASSERT_EQ_INT(tp_simnet_add(net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(*node, url, NULL, 0), TP_OK);
    return sim;
}

static void scene_new(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    TP_ASSERT_EQ_INT(tp_simnet_new(&scene->net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene->a = machine(scene->net, "a@test", "tcp://127.0.0.1:1", &scene->node_a);
    scene->b = machine(scene->net, "b@test", "tcp://127.0.0.1:2", &scene->node_b);
}

static void go(struct scene *scene) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_SECONDS(3)), TP_OK);
}

TP_TEST(cluster_names, every_case) {
    struct scene scene;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_b, "tcp://127.0.0.1:1"), TP_OK);
    go(&scene);
    scene.owner = tp_sim_spawn_body(scene.a, owner_body, &scene, NULL);
    go(&scene);
    TP_ASSERT(tp_pid_equal(tp_cluster_whereis(scene.node_a, "ledger"), scene.owner));
    TP_ASSERT(tp_pid_equal(tp_cluster_whereis(scene.node_b, "ledger"), scene.owner));
    TP_ASSERT(tp_pid_equal(tp_cluster_whereis(scene.node_b, "second"), scene.owner));
    (void)tp_sim_spawn_body(scene.b, asker_body, &scene, NULL);
    go(&scene);
    TP_ASSERT_EQ_INT(scene.step, 1);
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(scene.node_a, "ledger"))); /* its owner ended */
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(scene.node_b, "ledger")));
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(scene.node_b, "second")));
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(NULL, "ledger")));
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(scene.node_a, NULL)));
    TP_ASSERT_EQ_INT(scene.conflicts, 0);
    tp_simnet_free(scene.net);
}

static void rival_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    tp_name_conflict conflict;
    TP_ASSERT_EQ_INT(tp_cluster_register(self, scene->node_b, "ledger", TP_NAME_AVAILABLE), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &conflict, tp_name_conflict), TP_OK);
    TP_ASSERT(tp_pid_equal(conflict.winner, scene->owner));
    TP_ASSERT(tp_str_equal(conflict.name, tp_str_of("ledger")));
    scene->step = 1;
    tp_sleep(self, TP_FOREVER);
}

TP_TEST(cluster_names, the_lowest_node_wins_and_the_other_is_told) {
    struct scene scene;
    scene_new(&scene);
    scene.owner = tp_sim_spawn_body(scene.a, owner_body, &scene, NULL);
    tp_pid rival = tp_sim_spawn_body(scene.b, rival_body, &scene, NULL);
    go(&scene);
    TP_ASSERT(tp_pid_equal(tp_cluster_whereis(scene.node_a, "ledger"), scene.owner));
    TP_ASSERT(tp_pid_equal(tp_cluster_whereis(scene.node_b, "ledger"), rival));
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_b, "tcp://127.0.0.1:1"), TP_OK);
    go(&scene);
    TP_ASSERT_EQ_INT(scene.step, 1);
    TP_ASSERT_EQ_INT(scene.conflicts, 0);
    TP_ASSERT(tp_pid_equal(tp_cluster_whereis(scene.node_b, "ledger"), scene.owner));
    tp_simnet_crash(scene.net, scene.a, true); /* nothing says so but its silence */
    go(&scene);
    TP_ASSERT(tp_pid_is_null(tp_cluster_whereis(scene.node_b, "ledger")));
    tp_simnet_free(scene.net);
}

/* A node that is connected and says nothing is not waited for longer than its heartbeat. */
TP_TEST(cluster_names, a_silent_node_does_not_hold_a_registration_up) {
    struct scene scene;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_node_join(scene.node_b, "tcp://127.0.0.1:1"), TP_OK);
    go(&scene);
    tp_simnet_pause(scene.net, scene.b, true);
    scene.owner = tp_sim_spawn_body(scene.a, owner_body, &scene, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene.net, TP_SECONDS(1)), TP_OK);
    (void)tp_sim_send(scene.a, scene.owner, names_answer); /* it ends, so it had come so far */
    go(&scene);
    TP_ASSERT(!tp_alive(tp_sim_runtime(scene.a), scene.owner));
    tp_simnet_free(scene.net);
}
