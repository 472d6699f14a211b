/* See names.h. */
#include "tests/simnet/names.h"

#include <stdio.h>
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#define MACHINES 4
#define ACTORS 3 /* a machine */
#define NAMES 4
#define ROUNDS 80
#define INSTANCES_MAX 255

struct names_sums names_sums;

TP_MESSAGE(names_born, TP_FIELD(u8, uid))
TP_MESSAGE(names_do, TP_FIELD(u8, name), TP_FIELD(u8, what))
enum what { TAKE, GIVE, END };

/* What is known; one run at a time, on one thread. */
static struct {
    tp_simnet *net;
    bool disturbed;
    struct {
        tp_sim *sim;
        tp_node *node;
        unsigned actor[ACTORS]; /* uids */
        bool paused;
        char name[24], url[48];
    } machine[MACHINES];
    struct instance {
        tp_pid pid;
        unsigned machine;
        bool over;
        int has[NAMES]; /* how often it was told that it has it, less that it has not */
    } instance[INSTANCES_MAX + 1];
    unsigned instances;
    const char *wrong;
} all;

static const char *const names[NAMES] = {"ledger", "clerk", "vault", "door"};

static void wrong(const char *what) {
    if (all.wrong == NULL) all.wrong = what;
}
static unsigned draw(unsigned below) {
    return (unsigned)(tp_simnet_random(all.net) % below);
}

/* ---- who has names ---- */

struct owner {
    unsigned uid;
};

static void on_born(tp_actor *self, struct owner *state, const names_born *msg) {
    (void)self;
    state->uid = msg->uid;
}

static void take(tp_actor *self, unsigned uid, unsigned name) {
    tp_err err = tp_cluster_register(self, all.machine[all.instance[uid].machine].node, names[name],
                                     TP_NAME_AVAILABLE);
    if (err == TP_EEXIST) names_sums.refused++;
    if (err != TP_OK && err != TP_EEXIST) wrong("a registration ended in an unheard-of way");
    if (err != TP_OK) return;
    names_sums.taken++;
    all.instance[uid].has[name]++;
    for (unsigned i = 0; i < all.instances && !all.disturbed; i++)
        if (i != uid && !all.instance[i].over && all.instance[i].has[name] > 0)
            wrong("two have a name, and nothing was lost");
}

static void on_do(tp_actor *self, struct owner *state, const names_do *msg) {
    struct instance *me = &all.instance[state->uid];
    if (msg->what == TAKE) take(self, state->uid, msg->name);
    if (msg->what == END) {
        me->over = true;
        tp_exit(self, TP_EXIT_NORMAL);
    }
    if (msg->what != GIVE) return;
    tp_err err = tp_cluster_unregister(self, all.machine[me->machine].node, names[msg->name]);
    if (err == TP_OK) {
        names_sums.given_back++;
        if (--me->has[msg->name] < 0) wrong("it gave back what it did not have");
    } else if (err != TP_ENOENT) {
        wrong("it could not give back");
    }
}

static void on_conflict(tp_actor *self, struct owner *state, const tp_name_conflict *msg) {
    unsigned name = 0;
    while (name < NAMES && !tp_str_equal(tp_str_of(names[name]), msg->name)) name++;
    names_sums.conflicts++;
    if (!all.disturbed) wrong("a conflict, and nothing was lost");
    if (msg->winner.node == tp_self(self).node) wrong("a conflict within a node");
    if (name == NAMES) wrong("a conflict of an unknown name");
    else if (--all.instance[state->uid].has[name] < 0) wrong("a conflict was told twice");
}

TP_BEHAVIOR(owner_behavior, "owner", struct owner, TP_INIT_WITH(names_born, on_born),
            TP_ON(names_do, on_do), TP_ON(tp_name_conflict, on_conflict));

/* ---- machines ---- */

static void start_actor(unsigned machine, unsigned place) {
    unsigned uid = all.instances;
    if (uid == INSTANCES_MAX) return;
    all.instances++;
    all.instance[uid] = (struct instance){.machine = machine};
    all.instance[uid].pid =
        tp_sim_spawn(all.machine[machine].sim, &owner_behavior, names_born, .uid = (uint8_t)uid);
    all.machine[machine].actor[place] = uid;
}

static void start_machine(unsigned index) {
    tp_sim_options options = {.runtime = {.node_name = all.machine[index].name}};
    tp_node_options plain = {.plain = true, .heartbeat = TP_MS(500)};
    options.runtime.log_level = TP_LOG_OFF;
    options.runtime.max_actors = 1024;
    options.choice = draw(4) == 0 ? TP_SIM_PCT : TP_SIM_UNIFORM;
    all.machine[index].paused = false;
    bool good = tp_simnet_add(all.net, &options, &all.machine[index].sim) == TP_OK &&
                tp_node_start(tp_sim_runtime(all.machine[index].sim), &plain,
                              &all.machine[index].node) == TP_OK &&
                tp_node_listen(all.machine[index].node, all.machine[index].url, NULL, 0) == TP_OK;
    if (!good) wrong("a machine did not start");
    for (unsigned i = 0; i < ACTORS; i++) start_actor(index, i);
    for (unsigned i = 0; i < MACHINES; i++)
        if (i != index && tp_node_join(all.machine[index].node, all.machine[i].url) != TP_OK)
            wrong("a join was refused");
}

static void restart(unsigned index) {
    tp_sim *sim = all.machine[index].sim;
    if (all.machine[index].paused) tp_simnet_pause(all.net, sim, false);
    for (unsigned i = 0; i < all.instances; i++)
        if (all.instance[i].machine == index) all.instance[i].over = true;
    if (draw(2) == 0) tp_sim_free(sim);
    else tp_simnet_crash(all.net, sim, draw(2) == 0);
    start_machine(index);
}

static void change_something(void) {
    unsigned at = draw(MACHINES), place = draw(ACTORS), kind = draw(20);
    struct instance *instance = &all.instance[all.machine[at].actor[place]];
    enum what what = kind == 0 ? END : kind < 6 ? GIVE : TAKE;
    (void)tp_sim_send(all.machine[at].sim, instance->pid, names_do, .name = (uint8_t)draw(NAMES),
                      .what = (uint8_t)what);
    if (what == END) start_actor(at, place);
}

static void disturb(void) {
    unsigned kind = draw(40), a = draw(MACHINES), b = draw(MACHINES);
    if (!all.disturbed) return;
    if (kind == 0) tp_simnet_cut(all.net, all.machine[a].sim, all.machine[b].sim);
    if (kind >= 1 && kind < 5) /* two parts */
        for (unsigned i = 0; i < MACHINES * MACHINES; i++)
            if ((i / MACHINES <= a) != (i % MACHINES <= a))
                tp_simnet_block(all.net, all.machine[i / MACHINES].sim,
                                all.machine[i % MACHINES].sim, true);
    if (kind == 5 && a != b) tp_simnet_block(all.net, all.machine[a].sim, all.machine[b].sim, true);
    if (kind >= 6 && kind < 9) tp_simnet_heal(all.net);
    if (kind >= 9 && kind < 12) {
        all.machine[a].paused = !all.machine[a].paused;
        tp_simnet_pause(all.net, all.machine[a].sim, all.machine[a].paused);
    }
    if (kind == 12 && draw(3) == 0) restart(a);
}

/* ---- when all is calm ---- */

static void check_name(unsigned name) {
    tp_pid owner = tp_cluster_whereis(all.machine[0].node, names[name]);
    for (unsigned i = 1; i < MACHINES; i++)
        if (!tp_pid_equal(tp_cluster_whereis(all.machine[i].node, names[name]), owner))
            wrong("nodes know other owners");
    bool found = tp_pid_is_null(owner);
    for (unsigned i = 0; i < all.instances; i++) {
        const struct instance *instance = &all.instance[i];
        bool owns = tp_pid_equal(instance->pid, owner);
        found = found || (owns && !instance->over);
        if (instance->over) continue;
        if (owns && instance->has[name] != 1) wrong("an owner does not know that it is");
        if (!owns && instance->has[name] != 0) wrong("a name was lost, and its owner lives");
    }
    if (!found) wrong("a name has an owner that is gone");
    names_sums.owned_at_end += !tp_pid_is_null(owner);
}

static const char *scenario(tp_simnet *net, void *arg) {
    memset(&all, 0, sizeof all);
    all.net = net;
    all.disturbed = *(const bool *)arg;
    for (unsigned i = 0; i < MACHINES; i++) {
        (void)snprintf(all.machine[i].name, sizeof all.machine[i].name, "n%u@test", i);
        (void)snprintf(all.machine[i].url, sizeof all.machine[i].url, "tcp://127.0.0.1:%u", 1 + i);
    }
    for (unsigned i = 0; i < MACHINES; i++) start_machine(i);
    tp_err err = tp_simnet_advance(net, all.disturbed ? TP_MS(draw(50)) : TP_SECONDS(2));
    for (unsigned i = 0; i < ROUNDS && all.wrong == NULL && err == TP_OK; i++) {
        for (unsigned more = draw(4); more-- > 0;) change_something();
        disturb();
        err = tp_simnet_advance(net, TP_US(100 + draw(draw(3) == 0 ? 200000 : 10000)));
    }
    tp_simnet_heal(net);
    for (unsigned i = 0; i < MACHINES; i++)
        if (all.machine[i].paused) tp_simnet_pause(net, all.machine[i].sim, false);
    if (err != TP_OK || tp_simnet_advance(net, TP_SECONDS(15)) != TP_OK)
        wrong("the run does not end");
    for (unsigned i = 0; i < NAMES && all.wrong == NULL; i++) check_name(i);
    return all.wrong;
}

uint64_t names_seeds(uint64_t from, uint64_t to, bool disturbed) {
    uint64_t failed = 0;
    tp_simnet_options options = {.delay_max = TP_MS(4)};
    memset(&names_sums, 0, sizeof names_sums);
    tp_err err = tp_simnet_seeds(from, to, &options, scenario, &disturbed, &failed);
    return err == TP_OK ? 0 : failed;
}
