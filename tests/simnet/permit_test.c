/*
 * What a node may do to the actors of another: each permission by itself, and what is refused.
 */
#include <string.h>

#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(poke)
TP_MESSAGE(count_pokes)
TP_MESSAGE(pokes, TP_FIELD(u64, count))

struct target {
    uint64_t count;
};
static void on_poke(tp_actor *self, struct target *state, const poke *msg) {
    (void)self, (void)msg;
    state->count++;
}
static void on_count(tp_actor *self, struct target *state, const count_pokes *msg) {
    (void)msg;
    if (tp_reply(self, pokes, .count = state->count) == TP_ECONTEXT)
        (void)tp_send(self, tp_sender(self), pokes, .count = state->count);
}
TP_BEHAVIOR(target_behavior, "target", struct target, TP_ON(poke, on_poke),
            TP_ON(count_pokes, on_count));

/* One of each against the target; what became of them. */
struct tried {
    tp_node *node;
    tp_pid target;
    tp_err call, spawn;
    int32_t down, exited;
    bool done;
};

static void try_all(tp_actor *self, void *arg) {
    struct tried *tried = arg;
    pokes got;
    tp_down down = {0};
    tp_exited exited = {0};
    tp_pid child;
    (void)tp_trap_exits(self, true);
    (void)tp_send(self, tried->target, poke);
    tried->call = tp_call(self, tried->target, TP_SECONDS(1), &got, pokes, count_pokes);
    tried->spawn =
        tp_node_spawn(self, tried->node, tried->target.node, "target", NULL, TP_SECONDS(1), &child);
    if (tried->spawn == TP_OK) (void)tp_kill(self, child);
    (void)tp_monitor(self, tried->target);
    (void)tp_link(self, tried->target);
    tried->down = tp_receive(self, TP_SECONDS(1), &down, tp_down) == TP_OK ? down.code : -1;
    tried->exited = tp_receive(self, TP_SECONDS(1), &exited, tp_exited) == TP_OK ? exited.code : -1;
    (void)tp_unlink(self, tried->target);
    (void)tp_kill(self, tried->target);
    tried->done = true;
}

struct scene {
    tp_simnet *net;
    tp_sim *here, *there;
    tp_node *node_here, *node_there;
    tp_pid target;
};

static tp_sim *machine(tp_simnet *net, const char *name, tp_node **node) {
    tp_sim *sim = NULL;
    tp_sim_options options = {.runtime = {.node_name = name, .log_level = TP_LOG_OFF}};
    tp_node_options plain = {.plain = true};
    TP_ASSERT_EQ_INT(tp_simnet_add(net, &options, &sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(sim), &plain, node), TP_OK);
    return sim;
}

static void scene_new(struct scene *scene) {
    TP_ASSERT_EQ_INT(tp_simnet_new(&scene->net, NULL), TP_OK);
    scene->here = machine(scene->net, "here@test", &scene->node_here);
    scene->there = machine(scene->net, "there@test", &scene->node_there);
    TP_ASSERT_EQ_INT(tp_node_listen(scene->node_here, "tcp://127.0.0.1:1", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_export_behavior(scene->node_here, &target_behavior, NULL), TP_OK);
}

/* Tries all with these permissions; is the target still alive? */
static bool try_with(struct scene *scene, struct tried *tried) {
    TP_ASSERT_EQ_INT(tp_node_join(scene->node_there, "tcp://127.0.0.1:1"), TP_OK);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_SECONDS(1)), TP_OK);
    scene->target = tp_sim_spawn(scene->here, &target_behavior);
    *tried = (struct tried){.node = scene->node_there, .target = scene->target};
    (void)tp_sim_spawn_body(scene->there, try_all, tried, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_SECONDS(20)), TP_OK);
    TP_ASSERT(tried->done);
    return tp_alive(tp_sim_runtime(scene->here), scene->target);
}

static uint64_t forbidden(const struct scene *scene) {
    tp_node_counters counters;
    tp_node_counters_get(scene->node_here, &counters);
    return counters.forbidden;
}

static uint64_t poked(const struct scene *scene) {
    pokes got = {0};
    (void)tp_sim_send(scene->here, scene->target, count_pokes);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_MS(1)), TP_OK);
    if (tp_sim_expect(scene->here, scene->target, &got, pokes) != TP_OK) return UINT64_MAX;
    return got.count;
}

TP_TEST(node_permissions, everything_at_first) {
    struct scene scene;
    struct tried tried;
    scene_new(&scene);
    TP_ASSERT(!try_with(&scene, &tried)); /* it was killed at last */
    TP_ASSERT(tried.call == TP_OK && tried.spawn == TP_OK);
    TP_ASSERT(tried.down == -1 && tried.exited == -1); /* it lived */
    TP_ASSERT_EQ_INT(forbidden(&scene), 0);
    tp_simnet_free(scene.net);
}

TP_TEST(node_permissions, nothing) {
    struct scene scene;
    struct tried tried;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, NULL, 0), TP_OK);
    TP_ASSERT(try_with(&scene, &tried));
    TP_ASSERT(tried.call == TP_EREFUSED && tried.spawn == TP_EREFUSED);
    TP_ASSERT(tried.down == TP_EXIT_NOPROC && tried.exited == TP_EXIT_NOPROC);
    /* the six, and that its node watches this one, for groups */
    TP_ASSERT_EQ_INT(forbidden(&scene), 7);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, NULL, TP_MAY_ALL + 1), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, "", 0), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_permit(NULL, NULL, 0), TP_EINVAL);
    tp_simnet_free(scene.net);
}

TP_TEST(node_permissions, of_one_by_name_and_at_once) {
    struct scene scene;
    struct tried tried;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, "there@test", TP_MAY_CALL | TP_MAY_MONITOR),
                     TP_OK);
    TP_ASSERT(try_with(&scene, &tried));
    TP_ASSERT(tried.call == TP_OK && tried.spawn == TP_EREFUSED);
    TP_ASSERT(tried.down == -1 && tried.exited == TP_EXIT_NOPROC);
    TP_ASSERT_EQ_INT(forbidden(&scene), 4); /* message, spawn, link, kill */
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, "there@test", TP_MAY_SEND), TP_OK);
    TP_ASSERT(try_with(&scene, &tried)); /* over the same connection */
    TP_ASSERT(tried.call == TP_EREFUSED);
    TP_ASSERT(tried.down == TP_EXIT_NOPROC);
    tp_simnet_free(scene.net);
}

TP_TEST(node_permissions, a_message_that_may_not_come_does_not) {
    struct scene scene;
    struct tried tried;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(
        tp_node_permit(scene.node_here, NULL, TP_MAY_ALL & ~TP_MAY_SEND & ~TP_MAY_KILL), TP_OK);
    TP_ASSERT(try_with(&scene, &tried));
    TP_ASSERT_EQ_INT(poked(&scene), 0);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, NULL, TP_MAY_ALL & ~TP_MAY_KILL), TP_OK);
    TP_ASSERT(try_with(&scene, &tried));
    TP_ASSERT_EQ_INT(poked(&scene), 1);
    tp_simnet_free(scene.net);
}
