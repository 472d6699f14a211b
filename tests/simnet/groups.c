/* See groups.h. */
#include "tests/simnet/groups.h"

#include <stdio.h>
#include <string.h>

#include <troupe/node.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#define MACHINES 3
#define ACTORS 3
#define GROUPS 3
#define LISTED 64

TP_MESSAGE(member_do, TP_FIELD(u8, group), TP_FIELD(bool, join))
TP_MESSAGE(member_end)
TP_MESSAGE(picture_of, TP_FIELD(u8, machine))

static struct {
    tp_simnet *net;
    struct {
        tp_sim *sim;
        tp_node *node;
        tp_pid actor[ACTORS];
        char name[24], url[48];
    } machine[MACHINES];
    /* what each machine's monitor was told: members of the groups, a mark a membership */
    struct {
        tp_pid members[LISTED];
        unsigned count;
    } picture[MACHINES][GROUPS];
    uint64_t told;
    const char *wrong;
} all;

static void wrong(const char *what) {
    if (all.wrong == NULL) all.wrong = what;
}

static unsigned draw(unsigned below) {
    return (unsigned)(tp_simnet_random(all.net) % below);
}

static const char *const group_names[GROUPS] = {"red", "green", "blue"};

/* ---- members ---- */

struct member {
    int unused;
};
static void on_do(tp_actor *self, struct member *state, const member_do *msg) {
    (void)state;
    if (msg->join) {
        if (tp_group_join(self, "shared", group_names[msg->group]) != TP_OK) wrong("no join");
        (void)tp_group_join(self, "private", group_names[msg->group]);
    } else {
        (void)tp_group_leave(self, "shared", group_names[msg->group]);
    }
}
static void on_end(tp_actor *self, struct member *state, const member_end *msg) {
    (void)state, (void)msg;
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(member_behavior, "member", struct member, TP_ON(member_do, on_do),
            TP_ON(member_end, on_end));

/* ---- who watches ---- */

struct painter {
    unsigned machine;
};
static void on_picture(tp_actor *self, struct painter *state, const picture_of *msg) {
    size_t count = 0;
    state->machine = msg->machine;
    if (tp_group_monitor(self, "shared", NULL, NULL, 0, &count) == 0) wrong("no monitor");
    if (count != 0) wrong("members before anybody joined");
}
static void on_changed(tp_actor *self, struct painter *state, const tp_group_changed *msg) {
    (void)self;
    unsigned group = 0;
    all.told++;
    while (group < GROUPS && (strlen(group_names[group]) != msg->group.size ||
                              memcmp(group_names[group], msg->group.data, msg->group.size) != 0))
        group++;
    if (group == GROUPS) {
        wrong("a change of an unknown group");
        return;
    }
    tp_pid *members = all.picture[state->machine][group].members;
    unsigned *count = &all.picture[state->machine][group].count;
    if (msg->joined) {
        if (*count < LISTED) members[(*count)++] = msg->member;
        return;
    }
    for (unsigned i = 0; i < *count; i++)
        if (tp_pid_equal(members[i], msg->member)) {
            members[i] = members[--*count];
            return;
        }
    wrong("somebody left who had not joined");
}
TP_BEHAVIOR(painter_behavior, "painter", struct painter, TP_INIT_WITH(picture_of, on_picture),
            TP_ON(tp_group_changed, on_changed));

/* ---- machines ---- */

static void start_machine(unsigned index) {
    tp_sim_options options = {.runtime = {.node_name = all.machine[index].name}};
    tp_node_options plain = {.plain = true, .heartbeat = TP_MS(500)};
    options.runtime.log_level = TP_LOG_OFF;
    options.runtime.max_actors = 1024;
    memset(all.picture[index], 0, sizeof all.picture[index]);
    bool good = tp_simnet_add(all.net, &options, &all.machine[index].sim) == TP_OK &&
                tp_node_start(tp_sim_runtime(all.machine[index].sim), &plain,
                              &all.machine[index].node) == TP_OK &&
                tp_node_listen(all.machine[index].node, all.machine[index].url, NULL, 0) == TP_OK;
    if (!good) wrong("a machine did not start");
    (void)tp_sim_spawn(all.machine[index].sim, &painter_behavior, picture_of,
                       .machine = (uint8_t)index);
    if (tp_sim_advance(all.machine[index].sim, 0) != TP_OK ||
        tp_node_share_groups(all.machine[index].node, "shared") != TP_OK)
        wrong("not shared");
    for (unsigned i = 0; i < ACTORS; i++)
        all.machine[index].actor[i] = tp_sim_spawn(all.machine[index].sim, &member_behavior);
    for (unsigned i = 0; i < MACHINES; i++)
        if (i != index && tp_node_join(all.machine[index].node, all.machine[i].url) != TP_OK)
            wrong("a join was refused");
}

/* Orders that are not carried out when their actor is gone. */
static void change_something(void) {
    unsigned at = draw(MACHINES), who = draw(ACTORS);
    tp_pid actor = all.machine[at].actor[who];
    if (draw(20) == 0) {
        (void)tp_sim_send(all.machine[at].sim, actor, member_end);
        all.machine[at].actor[who] = tp_sim_spawn(all.machine[at].sim, &member_behavior);
        return;
    }
    (void)tp_sim_send(all.machine[at].sim, actor, member_do, .group = (uint8_t)draw(GROUPS),
                      .join = draw(3) != 0);
}

static void disturb(void) {
    unsigned kind = draw(30), a = draw(MACHINES), b = draw(MACHINES);
    if (kind == 0) tp_simnet_cut(all.net, all.machine[a].sim, all.machine[b].sim);
    if (kind == 1 && a != b) tp_simnet_block(all.net, all.machine[a].sim, all.machine[b].sim, true);
    if (kind >= 2 && kind < 5) tp_simnet_heal(all.net);
    if (kind == 5 && draw(3) == 0) {
        tp_simnet_crash(all.net, all.machine[a].sim, draw(2) == 0);
        start_machine(a);
    }
}

/* ---- the same everywhere ---- */

static bool same_members(const tp_pid *a, size_t a_count, const tp_pid *b, size_t b_count) {
    bool used[LISTED] = {false};
    if (a_count != b_count || a_count > LISTED) return false;
    for (size_t i = 0; i < a_count; i++) {
        size_t k = 0;
        while (k < b_count && (used[k] || !tp_pid_equal(a[i], b[k]))) k++;
        if (k == b_count) return false;
        used[k] = true;
    }
    return true;
}

static void check_group(unsigned group) {
    tp_pid first[LISTED], other[LISTED];
    size_t count = 0, others;
    for (unsigned i = 0; i < MACHINES; i++) {
        tp_runtime *runtime = tp_sim_runtime(all.machine[i].sim);
        others =
            tp_group_members(runtime, "shared", group_names[group], i == 0 ? first : other, LISTED);
        if (i == 0) count = others;
        else if (!same_members(first, count, other, others)) wrong("nodes know other members");
        if (!same_members(first, count, all.picture[i][group].members, all.picture[i][group].count))
            wrong("a monitor was told another story");
        others = tp_group_members(runtime, "private", group_names[group], other, LISTED);
        for (size_t k = 0; k < others && k < LISTED; k++)
            if (other[k].node != tp_runtime_node(runtime)) wrong("a private scope was shared");
    }
}

static const char *converge(tp_simnet *net, void *arg) {
    memset(&all, 0, sizeof all);
    all.net = net;
    for (unsigned i = 0; i < MACHINES; i++) {
        (void)snprintf(all.machine[i].name, sizeof all.machine[i].name, "g%u@test", i);
        (void)snprintf(all.machine[i].url, sizeof all.machine[i].url, "tcp://127.0.0.1:%u", 1 + i);
    }
    for (unsigned i = 0; i < MACHINES; i++) start_machine(i);
    for (unsigned i = 0; i < 100 && all.wrong == NULL; i++) {
        change_something();
        disturb();
        if (tp_simnet_advance(net, TP_US(100 + draw(20000))) != TP_OK)
            wrong("the run does not end");
    }
    tp_simnet_heal(net);
    if (tp_simnet_advance(net, TP_SECONDS(12)) != TP_OK) wrong("the run does not end");
    for (unsigned i = 0; i < GROUPS; i++) check_group(i);
    *(uint64_t *)arg += all.told;
    return all.wrong;
}

uint64_t groups_seeds(uint64_t from, uint64_t to, uint64_t *told) {
    uint64_t failed = 0;
    tp_simnet_options options = {.delay_max = TP_MS(4)};
    *told = 0;
    tp_err err = tp_simnet_seeds(from, to, &options, converge, told, &failed);
    return err == TP_OK ? 0 : failed;
}
