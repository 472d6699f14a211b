/*
 * The mesh: who joins one is connected to all, hidden nodes are not; what is left of it after
 * losses.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define MACHINES 6

struct machine {
    tp_sim *sim;
    tp_node *node;
    char name[24], url[48];
    unsigned seed; /* the machine it joins; itself: none */
};
struct scene {
    tp_simnet *net;
    unsigned downs; /* at machine 0 */
    struct machine machine[MACHINES];
};

static void start(struct scene *scene, unsigned index, const tp_node_options *more, bool listens) {
    struct machine *machine = &scene->machine[index];
    (void)snprintf(machine->name, sizeof machine->name, "m%u@test", index);
    (void)snprintf(machine->url, sizeof machine->url, "tcp://127.0.0.%u:4000", index + 1);
    tp_sim_options options = {
        .runtime = {.node_name = machine->name, .log_level = TP_LOG_OFF, .max_actors = 1024}};
    tp_node_options plain = more == NULL ? (tp_node_options){0} : *more;
    plain.plain = plain.secret == NULL;
    plain.heartbeat = TP_MS(500);
    TP_ASSERT_EQ_INT(tp_simnet_add(scene->net, &options, &machine->sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(machine->sim), &plain, &machine->node), TP_OK);
    if (listens) TP_ASSERT_EQ_INT(tp_node_listen(machine->node, machine->url, NULL, 0), TP_OK);
}

static void join(struct scene *scene, unsigned index, unsigned other) {
    TP_ASSERT_EQ_INT(tp_node_join(scene->machine[index].node, scene->machine[other].url), TP_OK);
}

static void scene_on(struct scene *scene, tp_simnet *net) {
    memset(scene, 0, sizeof *scene);
    scene->net = net;
}

static void scene_new(struct scene *scene) {
    tp_simnet *net;
    TP_ASSERT_EQ_INT(tp_simnet_new(&net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene_on(scene, net);
}

static unsigned peers(const struct scene *scene, unsigned index) {
    return (unsigned)tp_node_peers(scene->machine[index].node, NULL, 0);
}

static bool has_peer(const struct scene *scene, unsigned index, unsigned other) {
    tp_node_peer list[2 * MACHINES];
    size_t count = tp_node_peers(scene->machine[index].node, list, 2 * MACHINES);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, scene->machine[other].name) == 0) return true;
    return false;
}

static void go(struct scene *scene, tp_duration span) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, span), TP_OK);
}

static uint64_t failed_attempts(const struct scene *scene) {
    tp_simnet_counters counters;
    tp_simnet_counters_get(scene->net, &counters);
    return counters.refused;
}

static uint64_t unreachable(const struct scene *scene, unsigned index) {
    tp_node_counters counters;
    tp_node_counters_get(scene->machine[index].node, &counters);
    return counters.unreachable;
}

/* A line: each has joined the one before it. */
static void line(struct scene *scene, unsigned count) {
    scene_new(scene);
    for (unsigned i = 0; i < count; i++) {
        start(scene, i, NULL, true);
        if (i > 0) join(scene, i, i - 1);
    }
    go(scene, TP_SECONDS(3));
}

/* ---- who knows whom ---- */

TP_TEST(mesh, who_joins_one_is_connected_to_all) {
    struct scene scene;
    line(&scene, MACHINES);
    for (unsigned i = 0; i < MACHINES; i++) TP_ASSERT_EQ_INT(peers(&scene, i), MACHINES - 1);
    tp_simnet_free(scene.net);
}

TP_TEST(mesh, two_meshes_that_meet_become_one) {
    struct scene scene;
    scene_new(&scene);
    for (unsigned i = 0; i < MACHINES; i++) {
        start(&scene, i, NULL, true);
        if (i % 3 != 0) join(&scene, i, i - 1); /* 0 1 2, and 3 4 5 */
    }
    go(&scene, TP_SECONDS(3));
    for (unsigned i = 0; i < MACHINES; i++) TP_ASSERT_EQ_INT(peers(&scene, i), 2);
    join(&scene, 5, 1);
    go(&scene, TP_SECONDS(3));
    for (unsigned i = 0; i < MACHINES; i++) TP_ASSERT_EQ_INT(peers(&scene, i), MACHINES - 1);
    tp_simnet_free(scene.net);
}

TP_TEST(mesh, a_hidden_node_is_told_to_nobody_and_told_of_nobody) {
    struct scene scene;
    scene_new(&scene);
    for (unsigned i = 0; i < 4; i++) {
        start(&scene, i, i == 2 ? &(tp_node_options){.hidden = true} : NULL, true);
        if (i > 0) join(&scene, i, 0);
    }
    go(&scene, TP_SECONDS(3));
    TP_ASSERT_EQ_INT(peers(&scene, 2), 1);
    TP_ASSERT(has_peer(&scene, 2, 0));
    TP_ASSERT_EQ_INT(peers(&scene, 0), 3);
    TP_ASSERT(peers(&scene, 1) == 2 && has_peer(&scene, 1, 3));
    join(&scene, 2, 3); /* as it is told by its own people */
    go(&scene, TP_SECONDS(3));
    TP_ASSERT_EQ_INT(peers(&scene, 2), 2);
    TP_ASSERT_EQ_INT(peers(&scene, 1), 2);
    tp_simnet_free(scene.net);
}

/* A hidden node between two meshes is no bridge. */
TP_TEST(mesh, a_hidden_node_connects_no_others) {
    struct scene scene;
    scene_new(&scene);
    for (unsigned i = 0; i < 3; i++)
        start(&scene, i, i == 1 ? &(tp_node_options){.hidden = true} : NULL, true);
    join(&scene, 0, 1);
    join(&scene, 2, 1);
    go(&scene, TP_SECONDS(3));
    TP_ASSERT_EQ_INT(peers(&scene, 1), 2);
    TP_ASSERT(peers(&scene, 0) == 1 && peers(&scene, 2) == 1);
    tp_simnet_free(scene.net);
}

/* ---- addresses ---- */

TP_TEST(mesh, who_listens_nowhere_comes_to_those_who_do) {
    struct scene scene;
    scene_new(&scene);
    for (unsigned i = 0; i < MACHINES; i++) {
        start(&scene, i, NULL, i != 1 && i != 4); /* one before the others, one among them */
        if (i > 0) join(&scene, i, 0);
        go(&scene, TP_SECONDS(1));
    }
    go(&scene, TP_SECONDS(3));
    for (unsigned i = 0; i < MACHINES; i++)
        TP_ASSERT_EQ_INT(peers(&scene, i), i == 1 || i == 4 ? MACHINES - 2 : MACHINES - 1);
    TP_ASSERT(!has_peer(&scene, 1, 4));
    TP_ASSERT_EQ_INT(unreachable(&scene, 1), 0); /* they do not even try */
    /* it listens at last */
    TP_ASSERT_EQ_INT(tp_node_listen(scene.machine[1].node, scene.machine[1].url, NULL, 0), TP_OK);
    go(&scene, TP_SECONDS(3));
    TP_ASSERT(has_peer(&scene, 1, 4));
    tp_simnet_free(scene.net);
}

TP_TEST(mesh, what_others_are_told_is_where_it_can_be_reached) {
    static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";
    struct scene scene;
    scene_new(&scene);
    const tp_node_options options = {.secret = secret};
    tp_node_options told = {.secret = secret, .advertise = "tcp://127.0.0.77:4000"};
    for (unsigned i = 0; i < 4; i++) start(&scene, i, i == 1 ? &told : &options, i != 2);
    /* "any address" is not told to others, nor is one that is not what it was told to say */
    TP_ASSERT_EQ_INT(tp_node_listen(scene.machine[1].node, "tcp://0.0.0.0:4000", NULL, 0), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(scene.machine[2].node, "tcp://0.0.0.0:4001", NULL, 0), TP_OK);
    join(&scene, 1, 0);
    join(&scene, 2, 0);
    go(&scene, TP_SECONDS(3));
    TP_ASSERT(!has_peer(&scene, 1, 2)); /* 1 is not at 77, and 2 has no address */
    TP_ASSERT(failed_attempts(&scene) > 0);
    TP_ASSERT(unreachable(&scene, 1) == 0 && unreachable(&scene, 2) == 1 &&
              unreachable(&scene, 3) == 0);
    TP_ASSERT_EQ_INT(tp_node_listen(scene.machine[1].node, told.advertise, NULL, 0), TP_OK);
    go(&scene, TP_SECONDS(5));
    TP_ASSERT(has_peer(&scene, 1, 2));
    TP_ASSERT_EQ_INT(unreachable(&scene, 2), 0);
    tp_simnet_free(scene.net);
}

/* What is said of those who cannot meet: by who has both, and by who tries. */
static struct { unsigned apart, unreachable, level; } said;

static void count_said(void *context, const tp_log_entry *entry) {
    (void)context;
    if (strstr(entry->text, "they cannot connect to each other") != NULL) said.apart++;
    if (strstr(entry->text, "cannot be reached there") != NULL) said.unreachable++;
    if (entry->level == TP_LOG_WARN) said.level++;
}

static void start_heard(struct scene *scene, unsigned index, const char *advertise, bool listens) {
    struct machine *machine = &scene->machine[index];
    (void)snprintf(machine->name, sizeof machine->name, "m%u@test", index);
    (void)snprintf(machine->url, sizeof machine->url, "tcp://127.0.0.%u:4000", index + 1);
    tp_sim_options options = {.runtime = {.node_name = machine->name,
                                          .log_level = TP_LOG_INFO,
                                          .log_hook = count_said,
                                          .max_actors = 1024}};
    const tp_node_options plain = {.plain = true, .heartbeat = TP_MS(500), .advertise = advertise};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene->net, &options, &machine->sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(machine->sim), &plain, &machine->node), TP_OK);
    if (listens) TP_ASSERT_EQ_INT(tp_node_listen(machine->node, machine->url, NULL, 0), TP_OK);
}

TP_TEST(mesh, it_is_said_that_two_cannot_meet) {
    struct scene scene;
    scene_new(&scene);
    memset(&said, 0, sizeof said);
    start_heard(&scene, 0, NULL, true);
    for (unsigned i = 1; i < 4; i++) { /* they listen nowhere */
        start_heard(&scene, i, NULL, false);
        join(&scene, i, 0);
        go(&scene, TP_SECONDS(1));
        TP_ASSERT_EQ_INT(said.apart, i - 1);
    }
    TP_ASSERT_EQ_INT(said.level, 1);                       /* the first time it is a warning */
    start_heard(&scene, 4, "tcp://127.0.0.99:4000", true); /* where it is not */
    join(&scene, 4, 0);
    go(&scene, TP_SECONDS(30));
    TP_ASSERT_EQ_INT(said.unreachable, 3); /* once by each of those who try */
    TP_ASSERT_EQ_INT(said.apart, 2);
    TP_ASSERT_EQ_INT(said.level, 4);
    for (unsigned i = 1; i < 4; i++) TP_ASSERT_EQ_INT(unreachable(&scene, i), 1);
    tp_simnet_free(scene.net);
}

TP_TEST(mesh, what_is_no_address_to_be_told) {
    static const char *const bad[] = {"127.0.0.1:1", "gopher://x:1", "tcp://0.0.0.0:1",
                                      "tcp://[::]:1", "tcp://"};
    tp_node *node;
    tp_sim *sim;
    struct scene scene;
    scene_new(&scene);
    tp_sim_options options = {.runtime = {.node_name = "a@test", .log_level = TP_LOG_OFF}};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene.net, &options, &sim), TP_OK);
    tp_runtime *runtime = tp_sim_runtime(sim);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TP_ASSERT_EQ_INT(
            tp_node_start(runtime, &(tp_node_options){.plain = true, .advertise = bad[i]}, &node),
            TP_EINVAL);
    const tp_node_options both = {.plain = true, .hidden = true, .advertise = "tcp://127.0.0.1:1"};
    TP_ASSERT_EQ_INT(tp_node_start(runtime, &both, &node), TP_EINVAL);
    tp_simnet_free(scene.net);
}

/* ---- losses ---- */

/* Two that know of each other by a third alone. */
TP_TEST(mesh, what_was_cut_comes_back) {
    struct scene scene;
    scene_new(&scene);
    for (unsigned i = 0; i < 3; i++) start(&scene, i, NULL, true);
    join(&scene, 1, 0);
    join(&scene, 2, 0);
    go(&scene, TP_SECONDS(3));
    TP_ASSERT(has_peer(&scene, 1, 2));
    tp_simnet_block(scene.net, scene.machine[1].sim, scene.machine[2].sim, true);
    go(&scene, TP_SECONDS(60));
    TP_ASSERT(!has_peer(&scene, 1, 2));
    tp_simnet_heal(scene.net);
    go(&scene, TP_SECONDS(10));
    TP_ASSERT(has_peer(&scene, 1, 2));
    tp_simnet_free(scene.net);
}

TP_TEST(mesh, who_has_left_is_forgotten_and_who_was_lost_is_later) {
    struct scene scene;
    line(&scene, 4); /* nobody has joined 3: what is tried again was told */
    tp_node_leave(scene.machine[3].node);
    uint64_t before = failed_attempts(&scene);
    go(&scene, TP_SECONDS(60));
    TP_ASSERT_EQ_INT(failed_attempts(&scene), before);
    tp_simnet_crash(scene.net, scene.machine[3].sim, false);
    tp_simnet_free(scene.net);

    line(&scene, 4);
    tp_simnet_crash(scene.net, scene.machine[3].sim, false);
    before = failed_attempts(&scene);
    go(&scene, TP_SECONDS(60));
    TP_ASSERT(failed_attempts(&scene) > before + 50);
    go(&scene, TP_SECONDS(600));
    before = failed_attempts(&scene);
    go(&scene, TP_SECONDS(60));
    TP_ASSERT_EQ_INT(failed_attempts(&scene), before);
    tp_simnet_free(scene.net);
}

TP_TEST(mesh, who_was_disconnected_is_not_dialled_again) {
    struct scene scene;
    tp_node_peer list[MACHINES];
    scene_new(&scene);
    for (unsigned i = 0; i < 3; i++) start(&scene, i, NULL, true);
    join(&scene, 1, 0);
    join(&scene, 2, 0);
    go(&scene, TP_SECONDS(3));
    TP_ASSERT_EQ_INT(tp_node_peers(scene.machine[1].node, list, MACHINES), 2);
    for (unsigned i = 0; i < 2; i++)
        if (strcmp(list[i].name, scene.machine[2].name) == 0)
            TP_ASSERT_EQ_INT(tp_node_disconnect(scene.machine[1].node, list[i].node), TP_OK);
    go(&scene, TP_SECONDS(60));
    TP_ASSERT(!has_peer(&scene, 1, 2));
    tp_simnet_free(scene.net);
}

/* ---- over seeds: after the last fault all are connected, and no connection is made in vain
 * ---- */

/* A machine can be reached at two addresses, and may be told both. */
static void start_in(struct scene *scene, unsigned index) {
    char url[48];
    unsigned seed = scene->machine[index].seed,
             which = (unsigned)(tp_simnet_random(scene->net) % 3);
    start(scene, index, NULL, true);
    (void)snprintf(url, sizeof url, "tcp://127.0.1.%u:4000", index + 1);
    TP_ASSERT_EQ_INT(tp_node_listen(scene->machine[index].node, url, NULL, 0), TP_OK);
    if (seed == index) return;
    (void)snprintf(url, sizeof url, "tcp://127.0.1.%u:4000", seed + 1);
    if (which != 0) join(scene, index, seed);
    if (which != 1) TP_ASSERT_EQ_INT(tp_node_join(scene->machine[index].node, url), TP_OK);
}

static const char *whole(struct scene *scene) {
    for (unsigned i = 0; i < MACHINES; i++)
        if (peers(scene, i) != MACHINES - 1) return "the mesh has a hole";
    return NULL;
}

static void on_down(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    tp_node_down down;
    if (tp_node_watch(self, scene->machine[0].node) != TP_OK) return;
    while (tp_receive(self, TP_FOREVER, &down, tp_node_down) == TP_OK) scene->downs++;
}

/* A machine that joins one of those before it. */
static void start_anywhere(struct scene *scene, unsigned i) {
    scene->machine[i].seed = i == 0 ? 0 : (unsigned)(tp_simnet_random(scene->net) % i);
    start_in(scene, i);
}

static const char *forms(tp_simnet *net, void *arg) {
    static struct scene scene;
    (void)arg;
    scene_on(&scene, net);
    for (unsigned i = 0; i < MACHINES; i++) {
        start_anywhere(&scene, i);
        if (i == 0) (void)tp_sim_spawn_body(scene.machine[0].sim, on_down, &scene, NULL);
        if (tp_simnet_random(net) % 2 == 0 && tp_simnet_advance(net, TP_MS(20)) != TP_OK)
            return "the run does not end";
    }
    if (tp_simnet_advance(net, TP_SECONDS(5)) != TP_OK) return "the run does not end";
    /* whoever dials twice must not lose what it has */
    return scene.downs > 0 ? "a connection was lost, and nothing had happened" : whole(&scene);
}

TP_TEST(mesh, it_forms_without_the_loss_of_a_connection) {
    uint64_t failed = 0;
    TP_ASSERT_MSG(tp_simnet_seeds(1, TP_SCALED(300), NULL, forms, NULL, &failed) == TP_OK,
                  "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}

static void disturb(struct scene *scene) {
    tp_simnet *net = scene->net;
    unsigned kind = (unsigned)(tp_simnet_random(net) % 12);
    unsigned a = (unsigned)(tp_simnet_random(net) % MACHINES);
    unsigned b = (unsigned)(tp_simnet_random(net) % MACHINES);
    struct machine *one = &scene->machine[a], *other = &scene->machine[b];
    if (kind < 3 && a != b) tp_simnet_block(net, one->sim, other->sim, true);
    else if (kind < 6 && a != b) tp_simnet_cut(net, one->sim, other->sim);
    else if (kind < 8) tp_simnet_heal(net);
    else if (kind < 10) {
        if (kind == 8) tp_sim_free(one->sim);
        else tp_simnet_crash(net, one->sim, tp_simnet_random(net) % 2 == 0);
        start_in(scene, a);
    }
}

static const char *heals(tp_simnet *net, void *arg) {
    static struct scene scene;
    (void)arg;
    scene_on(&scene, net);
    for (unsigned i = 0; i < MACHINES; i++) {
        start_anywhere(&scene, i);
    }
    for (unsigned i = 0; i < 40; i++) {
        disturb(&scene);
        if (tp_simnet_advance(net, TP_MS(tp_simnet_random(net) % 300)) != TP_OK)
            return "the run does not end";
    }
    tp_simnet_heal(net);
    if (tp_simnet_advance(net, TP_SECONDS(15)) != TP_OK) return "the run does not end";
    return whole(&scene);
}

TP_TEST(mesh, it_is_whole_after_the_last_fault) {
    uint64_t failed = 0;
    TP_ASSERT_MSG(tp_simnet_seeds(1, TP_SCALED(200), NULL, heals, NULL, &failed) == TP_OK,
                  "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}
