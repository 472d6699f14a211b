/* See children.h. */
#include "tests/simnet/children.h"

#include <stdio.h>
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#define MACHINES 4 /* the first has the supervisor */
#define CHILDREN 3
#define BORN_MAX 1024
#define ROUNDS 60

struct children_sums children_sums;

TP_MESSAGE(remote_born, TP_FIELD(u8, which))

/* What is known; one run at a time, on one thread. */
static struct {
    tp_simnet *net;
    struct {
        tp_sim *sim;
        tp_node *node;
        bool paused;
        char name[24], url[48];
    } machine[MACHINES];
    struct {
        tp_pid pid;
        unsigned which;
    } born[BORN_MAX];
    unsigned count;
    tp_pid supervisor, told[CHILDREN];
    bool asked, cuts;
    const char *wrong;
} all;

static void wrong(const char *what) {
    if (all.wrong == NULL) all.wrong = what;
}
static unsigned draw(unsigned below) {
    return (unsigned)(tp_simnet_random(all.net) % below);
}

/* ---- children: each holds on to life as well as it can ---- */

struct child {
    int unused;
};
static void on_born(tp_actor *self, struct child *state, const remote_born *msg) {
    (void)state;
    (void)tp_trap_exits(self, true);
    children_sums.born++;
    if (all.count == BORN_MAX) return;
    all.born[all.count].pid = tp_self(self);
    all.born[all.count++].which = msg->which;
}
static void on_exited(tp_actor *self, struct child *state, const tp_exited *msg) {
    (void)state;
    if (msg->code == TP_EXIT_SHUTDOWN) tp_exit(self, TP_EXIT_SHUTDOWN);
}
TP_BEHAVIOR(child_behavior, "remote child", struct child, TP_INIT_WITH(remote_born, on_born),
            TP_ON(tp_exited, on_exited));

/* ---- the supervisor ---- */

static const tp_supervisor_spec tree = {
    .intensity = TP_RESTARTS_NONE, /* nothing that happens here may count */
    .children = TP_CHILDREN(
        {.id = "one",
         .remote = TP_REMOTE_CHILD(.behavior = "remote child", .at = TP_NODES("r1@test", "r2@test"),
                                   .timeout = TP_MS(300)),
         .arguments = TP_ARGUMENTS(remote_born, .which = 0),
         .backoff = {.min = TP_MS(50), .max = TP_SECONDS(1)}},
        {.id = "two",
         .remote =
             TP_REMOTE_CHILD(.behavior = "remote child",
                             .at = TP_NODES("r2@test", "r3@test", "r1@test"), .timeout = TP_MS(20)),
         .arguments = TP_ARGUMENTS(remote_born, .which = 1)},
        {.id = "three",
         .remote = TP_REMOTE_CHILD(.behavior = "remote child", .at = TP_NODES("r3@test")),
         .arguments = TP_ARGUMENTS(remote_born, .which = 2),
         .shutdown = TP_BRUTAL_KILL}),
};

TP_MESSAGE(remote_which)

static void boss_body(tp_actor *self, void *arg) {
    remote_which which;
    (void)arg;
    (void)tp_trap_exits(self, true);
    if (tp_supervisor_start(self, &all.supervisor, &tree, NULL) != TP_OK) wrong("no supervisor");
    while (tp_receive(self, TP_FOREVER, &which, remote_which) == TP_OK) {
        tp_child_info info[CHILDREN];
        size_t count = 0;
        if (tp_supervisor_which_children(self, all.supervisor, info, CHILDREN, &count) != TP_OK ||
            count != CHILDREN)
            wrong("the supervisor is gone");
        for (unsigned i = 0; i < CHILDREN; i++) all.told[i] = info[i].pid;
        all.asked = true;
    }
}

/* ---- machines ---- */

static tp_pid boss;

static void start_machine(unsigned index) {
    tp_sim_options options = {.runtime = {.node_name = all.machine[index].name}};
    tp_node_options plain = {.plain = true, .heartbeat = TP_MS(index == 0 ? 400 : 600)};
    options.runtime.log_level = TP_LOG_OFF;
    options.runtime.max_actors = 1024;
    all.machine[index].paused = false;
    bool good = tp_simnet_add(all.net, &options, &all.machine[index].sim) == TP_OK &&
                tp_node_start(tp_sim_runtime(all.machine[index].sim), &plain,
                              &all.machine[index].node) == TP_OK &&
                tp_node_listen(all.machine[index].node, all.machine[index].url, NULL, 0) == TP_OK &&
                tp_node_export_behavior(all.machine[index].node, &child_behavior,
                                        &remote_born_message) == TP_OK;
    if (!good) wrong("a machine did not start");
    for (unsigned i = 0; i < MACHINES; i++)
        if (i != index && tp_node_join(all.machine[index].node, all.machine[i].url) != TP_OK)
            wrong("a join was refused");
    if (index == 0) boss = tp_sim_spawn_body(all.machine[0].sim, boss_body, NULL, NULL);
}

static void restart(unsigned index) {
    tp_sim *sim = all.machine[index].sim;
    if (all.machine[index].paused) tp_simnet_pause(all.net, sim, false);
    if (draw(3) == 0) tp_sim_free(sim);
    else tp_simnet_crash(all.net, sim, draw(2) == 0);
    start_machine(index);
}

static void disturb(void) {
    unsigned kind = draw(all.cuts ? 7 : 20), a = draw(MACHINES), b = draw(MACHINES);
    if (kind == 0) tp_simnet_cut(all.net, all.machine[a].sim, all.machine[b].sim);
    if ((kind == 1 || kind == 2) && a != b)
        tp_simnet_block(all.net, all.machine[a].sim, all.machine[b].sim, true);
    if (kind == 3 && a != b) {
        tp_simnet_block(all.net, all.machine[a].sim, all.machine[b].sim, true);
        tp_simnet_block(all.net, all.machine[b].sim, all.machine[a].sim, true);
    }
    if (kind >= 4 && kind < 7) tp_simnet_heal(all.net);
    if (kind == 7 || kind == 8) {
        all.machine[a].paused = !all.machine[a].paused;
        tp_simnet_pause(all.net, all.machine[a].sim, all.machine[a].paused);
    }
    if (kind == 9 && draw(2) == 0) restart(a);
}

/* ---- the verdict ---- */

static bool lives(tp_pid pid) {
    for (unsigned i = 0; i < MACHINES; i++) {
        tp_runtime *runtime = tp_sim_runtime(all.machine[i].sim);
        if (tp_runtime_node(runtime) == pid.node) return tp_alive(runtime, pid);
    }
    return false; /* of an incarnation that is over */
}

static unsigned living(unsigned which, tp_pid *last) {
    unsigned count = 0;
    for (unsigned i = 0; i < all.count; i++) {
        if (all.born[i].which != which || !lives(all.born[i].pid)) continue;
        *last = all.born[i].pid;
        count++;
    }
    return count;
}

static void check(void) {
    for (unsigned i = 0; i < CHILDREN; i++) {
        tp_pid last = tp_pid_null();
        unsigned count = living(i, &last);
        if (count == 0) wrong("a child does not run");
        else if (count > 1) wrong("twins");
        else if (!tp_pid_equal(last, all.told[i])) wrong("the supervisor has another child");
    }
    if (!all.asked || !lives(all.supervisor)) wrong("the supervisor has given up");
}

static const char *scenario(tp_simnet *net, void *arg) {
    memset(&all, 0, sizeof all);
    all.net = net;
    all.cuts = *(const bool *)arg;
    for (unsigned i = 0; i < MACHINES; i++) {
        (void)snprintf(all.machine[i].name, sizeof all.machine[i].name, "r%u@test", i);
        (void)snprintf(all.machine[i].url, sizeof all.machine[i].url, "tcp://127.0.0.1:%u", 1 + i);
    }
    for (unsigned i = 0; i < MACHINES; i++) start_machine(i);
    tp_err err = TP_OK;
    for (unsigned i = 0; i < ROUNDS && all.wrong == NULL && err == TP_OK; i++) {
        tp_pid last;
        disturb();
        err = tp_simnet_advance(net, TP_US(100 + draw(draw(3) == 0 ? 900000 : 30000)));
        for (unsigned k = 0; k < CHILDREN; k++) children_sums.twins += living(k, &last) > 1;
    }
    tp_simnet_heal(net);
    for (unsigned i = 0; i < MACHINES; i++)
        if (all.machine[i].paused) tp_simnet_pause(net, all.machine[i].sim, false);
    if (err != TP_OK || tp_simnet_advance(net, TP_SECONDS(45)) != TP_OK)
        wrong("the run does not end");
    all.asked = false;
    (void)tp_sim_send(all.machine[0].sim, boss, remote_which);
    if (tp_simnet_advance(net, TP_SECONDS(1)) != TP_OK) wrong("the run does not end");
    if (all.wrong == NULL) check();
    return all.wrong;
}

uint64_t children_seeds(uint64_t from, uint64_t to, bool cuts) {
    uint64_t failed = 0;
    tp_simnet_options options = {.delay_max = TP_MS(4)};
    memset(&children_sums, 0, sizeof children_sums);
    tp_err err = tp_simnet_seeds(from, to, &options, scenario, &cuts, &failed);
    return err == TP_OK ? 0 : failed;
}
