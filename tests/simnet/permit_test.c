/*
 * What a node may do to the actors of another: each permission by itself, and what is refused.
 */
#include <string.h>

#include <troupe/inspect.h>
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
    tp_node_options plain = {.plain = true, .hidden = true};
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

/* ---- in another's name ---- */

/* Passes on whatever it gets. */
struct relay {
    tp_pid to;
};
TP_MESSAGE(relay_to, TP_FIELD(pid, to))
static void on_relay(tp_actor *self, struct relay *state, const relay_to *msg) {
    (void)self;
    state->to = msg->to;
}
static void on_passed(tp_actor *self, struct relay *state, const tp_message *message) {
    (void)message;
    (void)tp_forward(self, state->to);
}
TP_BEHAVIOR(relay_behavior, "relay", struct relay, TP_INIT_WITH(relay_to, on_relay),
            TP_OTHERWISE(on_passed));

struct caller {
    tp_pid relay;
    tp_err call, look;
};
static void ask_through(tp_actor *self, void *arg) {
    struct caller *caller = arg;
    pokes got;
    tp_inspect_node node;
    (void)tp_send(self, caller->relay, poke);
    caller->call = tp_call(self, caller->relay, TP_SECONDS(1), &got, pokes, count_pokes);
    caller->look =
        tp_call(self, caller->relay, TP_SECONDS(1), &node, tp_inspect_node, tp_inspect_hello);
}

/* A third machine asks the target of the first through an actor of the second. */
static void ask_by_relay(struct scene *scene, tp_pid to, struct caller *caller) {
    tp_node *node;
    tp_sim *third = machine(scene->net, "third@test", &node);
    TP_ASSERT_EQ_INT(tp_node_listen(scene->node_there, "tcp://127.0.0.1:2", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_join(scene->node_there, "tcp://127.0.0.1:1"), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_join(node, "tcp://127.0.0.1:1"), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_join(node, "tcp://127.0.0.1:2"), TP_OK);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_SECONDS(1)), TP_OK);
    *caller =
        (struct caller){.relay = tp_sim_spawn(scene->there, &relay_behavior, relay_to, .to = to)};
    (void)tp_sim_spawn_body(third, ask_through, caller, NULL);
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, TP_SECONDS(5)), TP_OK);
}

TP_TEST(node_permissions, who_passes_on_what_others_sent) {
    struct scene scene;
    struct caller caller;
    scene_new(&scene);
    scene.target = tp_sim_spawn(scene.here, &target_behavior);
    ask_by_relay(&scene, scene.target, &caller);
    TP_ASSERT_EQ_INT(caller.call, TP_OK);
    TP_ASSERT_EQ_INT(poked(&scene), 1);
    TP_ASSERT_EQ_INT(forbidden(&scene), 0);
    tp_simnet_free(scene.net);
}

TP_TEST(node_permissions, who_may_not_speak_for_others) {
    struct scene scene;
    struct caller caller;
    scene_new(&scene);
    scene.target = tp_sim_spawn(scene.here, &target_behavior);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, "there@test", TP_MAY_DEFAULT & ~TP_MAY_PROXY),
                     TP_OK);
    ask_by_relay(&scene, scene.target, &caller);
    TP_ASSERT_EQ_INT(caller.call, TP_EREFUSED);
    TP_ASSERT_EQ_INT(poked(&scene), 0);
    TP_ASSERT_EQ_INT(forbidden(&scene), 3); /* the message and two calls */
    tp_simnet_free(scene.net);
}

/* Who may not look does not look through somebody who may. */
TP_TEST(node_permissions, nobody_looks_in_another_s_name) {
    struct scene scene;
    struct caller caller;
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_inspect_start(scene.node_here), TP_OK);
    tp_pid inspector = tp_whereis(tp_sim_runtime(scene.here), TP_INSPECT_NAME);
    TP_ASSERT_EQ_INT(tp_node_permit(scene.node_here, "third@test", TP_MAY_ALL), TP_OK);
    ask_by_relay(&scene, inspector, &caller);
    TP_ASSERT_EQ_INT(caller.look, TP_EREFUSED);
    TP_ASSERT_EQ_INT(forbidden(&scene), 3);
    tp_simnet_free(scene.net);
}
