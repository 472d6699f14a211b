/*
 * Nodes that find each other: by a list, a file that changes, the addresses of a name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define MACHINES 4

struct machine {
    tp_sim *sim;
    tp_node *node;
    char name[24], url[48];
};
struct scene {
    tp_simnet *net;
    struct machine machine[MACHINES];
};

/* What the nodes have logged. */
static char logged[8192];

static void note_log(void *context, const tp_log_entry *entry) {
    size_t used = strlen(logged);
    (void)context;
    (void)snprintf(logged + used, sizeof logged - used, "%s\n", entry->text);
}

static unsigned count_of(const char *text) {
    unsigned count = 0;
    for (const char *at = logged; (at = strstr(at, text)) != NULL; at++) count++;
    return count;
}

static void start(struct scene *scene, unsigned index) {
    struct machine *machine = &scene->machine[index];
    (void)snprintf(machine->name, sizeof machine->name, "d%u@test", index);
    (void)snprintf(machine->url, sizeof machine->url, "tcp://127.0.0.%u:4000", index + 1);
    tp_sim_options options = {
        .runtime = {.node_name = machine->name, .log_level = TP_LOG_WARN, .log_hook = note_log}};
    /* what was found is all that it knows */
    tp_node_options plain = {.plain = true, .heartbeat = TP_MS(500), .hidden = true};
    TP_ASSERT_EQ_INT(tp_simnet_add(scene->net, &options, &machine->sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(tp_sim_runtime(machine->sim), &plain, &machine->node), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_listen(machine->node, machine->url, NULL, 0), TP_OK);
}

static void scene_on(struct scene *scene, tp_simnet *net) {
    memset(scene, 0, sizeof *scene);
    logged[0] = 0;
    scene->net = net;
    for (unsigned i = 0; i < MACHINES; i++) start(scene, i);
}

static void scene_new(struct scene *scene) {
    tp_simnet *net;
    TP_ASSERT_EQ_INT(tp_simnet_new(&net, &(tp_simnet_options){.seed = 1}), TP_OK);
    scene_on(scene, net);
}

static uint64_t peers(const struct scene *scene, unsigned index) {
    tp_node_counters counters;
    tp_node_counters_get(scene->machine[index].node, &counters);
    return counters.peers;
}

static void go(struct scene *scene, tp_duration span) {
    TP_ASSERT_EQ_INT(tp_simnet_advance(scene->net, span), TP_OK);
}

TP_TEST(discovery, a_list_with_the_own_address_in_it) {
    struct scene scene;
    scene_new(&scene);
    const char *urls[MACHINES + 1] = {NULL};
    for (unsigned i = 0; i < MACHINES; i++) urls[i] = scene.machine[i].url;
    for (unsigned i = 0; i < MACHINES; i++)
        TP_ASSERT_EQ_INT(tp_node_discover(scene.machine[i].node, &(tp_discovery){.urls = urls}),
                         TP_OK);
    go(&scene, TP_SECONDS(5));
    for (unsigned i = 0; i < MACHINES; i++) TP_ASSERT_EQ_INT(peers(&scene, i), MACHINES - 1);
    tp_simnet_cut(scene.net, scene.machine[0].sim, scene.machine[1].sim);
    go(&scene, TP_SECONDS(5));
    TP_ASSERT_EQ_INT(peers(&scene, 0), MACHINES - 1);
    tp_simnet_free(scene.net);
}

/* ---- a file ---- */

static char path[64];

static void write_file(const char *text) {
    FILE *file = fopen(path, "w");
    TP_ASSERT(file != NULL);
    TP_ASSERT(fputs(text, file) >= 0);
    TP_ASSERT_EQ_INT(fclose(file), 0);
}

static void make_path(void) {
    (void)snprintf(path, sizeof path, "/tmp/troupe-discover-XXXXXX");
    int file = mkstemp(path);
    TP_ASSERT(file >= 0);
    (void)close(file);
}

TP_TEST(discovery, a_file_that_changes_and_has_bad_lines) {
    struct scene scene;
    char expected[128];
    make_path();
    scene_new(&scene);
    write_file("# the others\n\n  tcp://127.0.0.2:4000  \r\nnonsense\ntcp://127.0.0.3\n"
               "tcp://10.0.0.1:4000\ntcp://127.0.0.3:4000\ntcp://127.0.0.3:4000");
    TP_ASSERT_EQ_INT(
        tp_node_discover(scene.machine[0].node, &(tp_discovery){.file = path, .every = TP_MS(200)}),
        TP_OK);
    go(&scene, TP_SECONDS(5));
    TP_ASSERT_EQ_INT(peers(&scene, 0), 2);
    (void)snprintf(expected, sizeof expected, "%s:4: no address of a node", path);
    TP_ASSERT_EQ_INT(count_of(expected), 1); /* once, however often it is read */
    (void)snprintf(expected, sizeof expected, "%s:5: no HOST:PORT", path);
    TP_ASSERT_EQ_INT(count_of(expected), 1);
    (void)snprintf(expected, sizeof expected, "%s:6: not on this machine", path);
    TP_ASSERT_EQ_INT(count_of(expected), 1);
    TP_ASSERT_EQ_INT(count_of(path), 3);

    write_file("tcp://127.0.0.4:4000\ntcp://127.0.0.2:4000\n"); /* one comes, one goes */
    go(&scene, TP_SECONDS(5));
    TP_ASSERT_EQ_INT(peers(&scene, 0), 3); /* what is up stays */
    tp_simnet_cut(scene.net, scene.machine[0].sim, scene.machine[2].sim);
    tp_simnet_cut(scene.net, scene.machine[0].sim, scene.machine[1].sim);
    go(&scene, TP_SECONDS(10));
    TP_ASSERT_EQ_INT(peers(&scene, 0), 2); /* what is not found any more is not tried again */
    TP_ASSERT_EQ_INT(peers(&scene, 2), 0);

    TP_ASSERT_EQ_INT(unlink(path), 0); /* gone: what it said stays */
    go(&scene, TP_SECONDS(2));
    tp_simnet_cut(scene.net, scene.machine[0].sim, scene.machine[1].sim);
    go(&scene, TP_SECONDS(10));
    TP_ASSERT_EQ_INT(peers(&scene, 0), 2);
    TP_ASSERT_EQ_INT(count_of(path), 4); /* said once */
    write_file("tcp://127.0.0.3:4000\n");
    go(&scene, TP_SECONDS(10));
    TP_ASSERT_EQ_INT(peers(&scene, 0), 3);
    TP_ASSERT_EQ_INT(unlink(path), 0);
    tp_simnet_free(scene.net);
}

/* ---- a name ---- */

static struct {
    unsigned known; /* addresses that it says */
    tp_err err;
    unsigned asked;
} service;

static tp_err look_up(void *context, const char *host, char (*out)[TP_ADDRESS_SIZE], size_t max,
                      size_t *count) {
    (void)context;
    service.asked++;
    if (strcmp(host, "bank.default.svc") != 0) return TP_ENOENT;
    if (service.err != TP_OK) return service.err;
    TP_ASSERT(max >= MACHINES);
    for (unsigned i = 0; i < service.known; i++) /* in another order each time */
        (void)snprintf(out[(i + service.asked) % service.known], TP_ADDRESS_SIZE, "127.0.0.%u",
                       i + 1);
    *count = service.known;
    return TP_OK;
}

static const tp_discovery by_name = {
    .dns = "tcp://bank.default.svc:4000", .every = TP_SECONDS(1), .lookup = look_up};

TP_TEST(discovery, the_addresses_of_a_name) {
    struct scene scene;
    memset(&service, 0, sizeof service);
    service.known = 2;
    scene_new(&scene);
    for (unsigned i = 0; i < MACHINES; i++)
        TP_ASSERT_EQ_INT(tp_node_discover(scene.machine[i].node, &by_name), TP_OK);
    go(&scene, TP_SECONDS(5));
    TP_ASSERT_EQ_INT(peers(&scene, 0), MACHINES - 1); /* all have found the two */
    TP_ASSERT_EQ_INT(peers(&scene, 3), 2);
    service.known = MACHINES;
    go(&scene, TP_SECONDS(5));
    for (unsigned i = 0; i < MACHINES; i++) TP_ASSERT_EQ_INT(peers(&scene, i), MACHINES - 1);
    service.err = TP_ETIMEDOUT; /* the resolver is away: nobody is forgotten */
    go(&scene, TP_SECONDS(5));
    tp_simnet_cut(scene.net, scene.machine[0].sim, scene.machine[3].sim);
    go(&scene, TP_SECONDS(5));
    TP_ASSERT_EQ_INT(peers(&scene, 0), MACHINES - 1);
    TP_ASSERT_EQ_INT(count_of("bank.default.svc"), MACHINES); /* once a node */
    TP_ASSERT(service.asked >= 15 * MACHINES && service.asked <= 21 * MACHINES);
    tp_simnet_free(scene.net);
}

/* ---- pauses ---- */

/* Attempts at an address where nobody is, in a minute, of one node. */
TP_TEST(discovery, attempts_are_spaced) {
    struct scene scene;
    tp_simnet_counters counters;
    const char *urls[] = {"tcp://127.0.0.99:4000", NULL};
    scene_new(&scene);
    TP_ASSERT_EQ_INT(tp_node_discover(scene.machine[0].node, &(tp_discovery){.urls = urls}), TP_OK);
    go(&scene, TP_SECONDS(60));
    tp_simnet_counters_get(scene.net, &counters);
    /* 50 ms, doubled to 2 s, each shortened by at most a half: 30 of 2 s, 60 of 1 s */
    TP_ASSERT(counters.refused >= 25 && counters.refused <= 75);
    tp_simnet_free(scene.net);
}

/* ---- over seeds: whoever is there in the end is found ---- */

static const char *all_found(tp_simnet *net, void *arg) {
    static struct scene scene;
    (void)arg;
    memset(&service, 0, sizeof service);
    service.known = 1;
    scene_on(&scene, net);
    for (unsigned i = 0; i < MACHINES; i++)
        if (tp_node_discover(scene.machine[i].node, &by_name) != TP_OK) return "not discovered";
    for (unsigned i = 0; i < 60; i++) {
        unsigned kind = (unsigned)(tp_simnet_random(net) % 12);
        unsigned a = (unsigned)(tp_simnet_random(net) % MACHINES);
        unsigned b = (unsigned)(tp_simnet_random(net) % MACHINES);
        struct machine *machine = scene.machine;
        if (kind == 0) service.known = 1 + (unsigned)(tp_simnet_random(net) % MACHINES);
        if (kind == 1) service.err = service.err == TP_OK ? TP_ETIMEDOUT : TP_OK;
        if (kind == 2 && a != b) tp_simnet_block(net, machine[a].sim, machine[b].sim, true);
        if (kind == 3 && a != b) tp_simnet_cut(net, machine[a].sim, machine[b].sim);
        if (kind >= 4 && kind < 7) tp_simnet_heal(net);
        if (kind == 7) {
            tp_simnet_crash(net, machine[a].sim, tp_simnet_random(net) % 2 == 0);
            start(&scene, a);
            if (tp_node_discover(machine[a].node, &by_name) != TP_OK) return "not discovered";
        }
        if (tp_simnet_advance(net, TP_MS(tp_simnet_random(net) % 300)) != TP_OK)
            return "the run does not end";
    }
    tp_simnet_heal(net);
    service.known = MACHINES;
    service.err = TP_OK;
    if (tp_simnet_advance(net, TP_SECONDS(15)) != TP_OK) return "the run does not end";
    for (unsigned i = 0; i < MACHINES; i++)
        if (peers(&scene, i) != MACHINES - 1) return "a node was not found";
    return NULL;
}

TP_TEST(discovery, everybody_is_found_after_the_last_fault) {
    uint64_t failed = 0;
    TP_ASSERT_MSG(tp_simnet_seeds(1, TP_SCALED(200), NULL, all_found, NULL, &failed) == TP_OK,
                  "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}

/* ---- what is refused; the system's resolver ---- */

TP_TEST(discovery, what_is_refused) {
    struct scene scene;
    const char *bad[] = {"gopher://127.0.0.1:1", NULL}, *far[] = {"tcp://10.0.0.1:1", NULL};
    scene_new(&scene);
    tp_node *node = scene.machine[0].node;
    TP_ASSERT_EQ_INT(tp_node_discover(NULL, &by_name), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_discover(node, NULL), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.every = 0}), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.urls = bad, .file = "x"}), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.file = "x", .every = 5}), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.file = "x", .lookup = look_up}),
                     TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.urls = bad}), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.urls = far}), TP_EREFUSED);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.dns = "gopher://x:1"}), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.dns = "tcp://:1"}), TP_EADDR);
    TP_ASSERT_EQ_INT(tp_node_discover(node, &(tp_discovery){.dns = "tcp://x"}), TP_EADDR);
    tp_simnet_free(scene.net);
}

static tp_node *real_node(tp_runtime **runtime, const char *name) {
    tp_node *node = NULL;
    const tp_options options = {.node_name = name, .workers = 1, .log_level = TP_LOG_OFF};
    TP_ASSERT_EQ_INT(tp_runtime_start(runtime, &options), TP_OK);
    TP_ASSERT_EQ_INT(tp_node_start(*runtime, &(tp_node_options){.plain = true}, &node), TP_OK);
    return node;
}

static void wait_for_peer(tp_actor *self, void *arg) {
    tp_node_counters counters = {0};
    while (counters.peers == 0) {
        tp_sleep(self, TP_MS(5));
        tp_node_counters_get(arg, &counters);
    }
}

TP_TEST(discovery, by_the_system_s_resolver_and_a_real_file) {
    tp_runtime *a, *b;
    tp_pid waiter;
    char url[128], dns[128];
    tp_node *there = real_node(&a, "real-a@test"), *here = real_node(&b, "real-b@test");
    tp_node_counters counters = {0};
    make_path();
    TP_ASSERT_EQ_INT(tp_node_listen(there, "tcp://127.0.0.1:0", url, sizeof url), TP_OK);
    (void)snprintf(dns, sizeof dns, "tcp://localhost%s", strrchr(url, ':'));
    TP_ASSERT_EQ_INT(tp_node_discover(here, &(tp_discovery){.dns = dns, .every = TP_MS(50)}),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_node_discover(here, &(tp_discovery){.file = path, .every = TP_MS(50)}),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(b, &waiter, wait_for_peer, here, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_wait(b, waiter, TP_SECONDS(120), NULL), TP_OK);
    tp_node_counters_get(here, &counters);
    TP_ASSERT_EQ_INT(counters.peers, 1);
    tp_runtime_stop(b);
    tp_runtime_stop(a);
    TP_ASSERT_EQ_INT(unlink(path), 0);
}
