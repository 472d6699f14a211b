/* See cluster.h. */
#include "tests/simnet/cluster.h"

#include <stdio.h>
#include <string.h>

#define ACTORS 2 /* a machine */
#define WATCHES 400
#define ROUNDS 40
#define BIG 100000u /* bytes of a message that goes in pieces */
#define HEARTBEAT TP_MS(500)

struct cluster_sums cluster_sums;

enum op {
    OP_SAY,
    OP_SAY_BIG,
    OP_LINK,
    OP_UNLINK,
    OP_MONITOR,
    OP_DEMONITOR,
    OP_CALL,
    OP_EXIT,
    OP_KILL,
    OP_OPS
};

TP_MESSAGE(sim_op, TP_FIELD(u8, op), TP_FIELD(u8, other), TP_FIELD(u8, count))
TP_MESSAGE(sim_born, TP_FIELD(u8, uid))
TP_MESSAGE(sim_said, TP_FIELD(u8, from), TP_FIELD(u8, to), TP_FIELD(u64, number),
           TP_FIELD(u64, epoch), TP_FIELD(bin, filling))
TP_MESSAGE(sim_ask, TP_FIELD(u8, to), TP_FIELD(u64, number))
TP_MESSAGE(sim_answer, TP_FIELD(u8, from), TP_FIELD(u64, number))

struct instance { /* an actor that was started */
    tp_pid pid;
    unsigned machine;
    bool over; /* its machine is gone */
};
struct watch {
    uint8_t by, on;
    bool off;
    unsigned downs;
    tp_ref ref;
};
struct machine {
    tp_sim *sim;
    tp_node *node;
    unsigned actors[ACTORS]; /* uids */
    bool paused;
    char name[24], url[64];
};
/* What is known; one run at a time, on one thread. */
static struct {
    tp_simnet *net;
    struct cluster_faults faults;
    unsigned machines, instances;
    struct machine machine[MACHINES_MAX];
    struct instance instance[ACTORS_MAX];
    struct watch watches[WATCHES];
    unsigned watch_count;
    uint64_t said[ACTORS_MAX][ACTORS_MAX], heard[ACTORS_MAX][ACTORS_MAX];
    uint64_t epoch[ACTORS_MAX][ACTORS_MAX];
    bool linked[ACTORS_MAX][ACTORS_MAX]; /* as the first, who made it, believes */
    unsigned links[ACTORS_MAX][ACTORS_MAX], told[ACTORS_MAX][ACTORS_MAX];
    uint64_t asked;
    bool disturbed, ending;
    const char *wrong;
} seen;

static void wrong(const char *what) {
    if (seen.wrong == NULL) seen.wrong = what;
}

static unsigned draw(unsigned below) {
    return (unsigned)(tp_simnet_random(seen.net) % below);
}

static int uid_of(tp_pid pid) {
    for (unsigned i = 0; i < seen.instances; i++)
        if (tp_pid_equal(seen.instance[i].pid, pid)) return (int)i;
    return -1;
}

/* How often this machine has been connected with anybody. */
static uint64_t connections_of(unsigned machine) {
    tp_node_counters counters;
    tp_node_counters_get(seen.machine[machine].node, &counters);
    return counters.connections;
}

/* ---- what an actor does ---- */

struct sim_actor {
    unsigned uid;
};

static void say(tp_actor *self, unsigned me, unsigned other, size_t size) {
    static uint8_t filling[BIG];
    uint64_t number = ++seen.said[me][other];
    cluster_sums.said++;
    tp_send(self, seen.instance[other].pid, sim_said, .from = (uint8_t)me, .to = (uint8_t)other,
            .number = number, .epoch = connections_of(seen.instance[me].machine),
            .filling = {filling, size});
}

static void note_exit(tp_actor *self, unsigned me, const tp_exited *msg) {
    int from = uid_of(msg->from);
    if (tp_pid_is_null(msg->from)) tp_exit(self, msg->code); /* its machine ends in order */
    if (from < 0) {
        wrong("an exit from nobody");
        return;
    }
    cluster_sums.exits++;
    if (msg->code == TP_EXIT_NOCONNECTION) cluster_sums.lost_exits++;
    seen.told[me][from]++;
    if (seen.linked[me][from]) {
        seen.linked[me][from] = false;
    } else if (seen.told[me][from] > seen.links[from][me]) {
        wrong("an exit without a link, or the second of one");
    }
    if (seen.links[from][me] == 0) seen.told[me][from] = 0; /* judged by `linked` alone */
}

static bool is_exit(const tp_message *message, void *context) {
    (void)context;
    return tp_message_is(message, tp_exited);
}

static void take_exits(tp_actor *self, unsigned me) {
    const tp_message *message;
    tp_exited exited;
    while (tp_receive_any(self, 0, is_exit, NULL, &message) == TP_OK)
        if (tp_message_get(self, message, &exited, tp_exited) == TP_OK)
            note_exit(self, me, &exited);
}

/* Links are made by the one of the lower uid, so that it knows whether there is one. */
static void change_link(tp_actor *self, unsigned me, unsigned other, bool link) {
    if (me >= other) return;
    take_exits(self, me);
    if (seen.linked[me][other] == link) return;
    if (link) {
        seen.links[me][other]++;
        seen.linked[me][other] = true;
        (void)tp_link(self, seen.instance[other].pid);
        return;
    }
    (void)tp_unlink(self, seen.instance[other].pid);
    take_exits(self, me);
    seen.linked[me][other] = false;
}

static void do_monitor(tp_actor *self, unsigned me, unsigned other) {
    if (seen.watch_count == WATCHES) return;
    struct watch *watch = &seen.watches[seen.watch_count++];
    *watch = (struct watch){.by = (uint8_t)me, .on = (uint8_t)other};
    watch->ref = tp_monitor(self, seen.instance[other].pid);
}

static void do_demonitor(tp_actor *self, unsigned me, unsigned other) {
    for (unsigned i = seen.watch_count; i-- > 0;) {
        struct watch *watch = &seen.watches[i];
        if (watch->by != me || watch->on != other || watch->off) continue;
        (void)tp_demonitor(self, watch->ref);
        watch->off = true;
        return;
    }
}

static void do_call(tp_actor *self, unsigned me, unsigned other) {
    sim_answer answer = {0};
    uint64_t number = ++seen.asked;
    tp_time before = tp_simnet_now(seen.net);
    tp_err err = tp_call(self, seen.instance[other].pid, TP_MS(300), &answer, sim_answer, sim_ask,
                         .to = (uint8_t)other, .number = number);
    cluster_sums.calls++;
    cluster_sums.failed_calls += err != TP_OK;
    (void)me;
    if (err == TP_OK && (answer.from != other || answer.number != number))
        wrong("an answer to another question");
    if (err == TP_ENOCONNECTION && !seen.disturbed) wrong("a call lost its connection for nothing");
    if (err != TP_OK && err != TP_ENOCONNECTION && err != TP_ENOPROC && err != TP_ETIMEDOUT &&
        err != TP_EDEADLOCK)
        wrong("a call ended in an unheard-of way");
    bool timed_out = tp_simnet_now(seen.net) - before >= TP_MS(300);
    if (err == TP_ETIMEDOUT && !timed_out) wrong("a call gave up too early");
}

static void on_op(tp_actor *self, struct sim_actor *state, const sim_op *msg) {
    unsigned me = state->uid, other = msg->other;
    switch ((enum op)msg->op) {
    case OP_SAY:
        for (unsigned i = 0; i < msg->count; i++) say(self, me, other, 8);
        break;
    case OP_SAY_BIG: say(self, me, other, BIG); break;
    case OP_LINK: change_link(self, me, other, true); break;
    case OP_UNLINK: change_link(self, me, other, false); break;
    case OP_MONITOR: do_monitor(self, me, other); break;
    case OP_DEMONITOR: do_demonitor(self, me, other); break;
    case OP_CALL: do_call(self, me, other); break;
    case OP_EXIT: tp_exit(self, TP_EXIT_USER + 1);
    case OP_KILL: (void)tp_kill(self, seen.instance[other].pid); break;
    default: break;
    }
}

/* Numbers only grow. If one is missing, a connection was lost in between: the sender had been
 * connected anew before it sent this one. */
static void on_said(tp_actor *self, struct sim_actor *state, const sim_said *msg) {
    unsigned me = state->uid, from = msg->from;
    uint64_t before = seen.heard[me][from];
    cluster_sums.heard++;
    if (msg->to != me) wrong("a message for another incarnation was delivered");
    if (!tp_pid_equal(tp_sender(self), seen.instance[from].pid)) wrong("a message of another");
    if (msg->number <= before) wrong("a message came twice, or too late");
    if (msg->number > before + 1) {
        cluster_sums.gaps++;
        if (!seen.disturbed) wrong("a message was lost for nothing");
        if (before != 0 && msg->epoch == seen.epoch[me][from])
            wrong("a message was lost within a connection");
    }
    seen.heard[me][from] = msg->number;
    seen.epoch[me][from] = msg->epoch;
}

static void on_ask(tp_actor *self, struct sim_actor *state, const sim_ask *msg) {
    if (msg->to != state->uid) wrong("a request for another incarnation was delivered");
    (void)tp_reply(self, sim_answer, .from = (uint8_t)state->uid, .number = msg->number);
}

static void on_down(tp_actor *self, struct sim_actor *state, const tp_down *msg) {
    (void)self;
    for (unsigned i = 0; i < seen.watch_count; i++) {
        struct watch *watch = &seen.watches[i];
        if (watch->by != state->uid || watch->ref != msg->ref) continue;
        if (watch->off) wrong("a down came after its demonitor");
        if (!tp_pid_equal(msg->from, seen.instance[watch->on].pid)) wrong("a down of another");
        if (++watch->downs > 1) wrong("a monitor fired twice");
        cluster_sums.downs++;
        if (msg->code != TP_EXIT_NOCONNECTION) return;
        cluster_sums.lost_downs++;
        if (!seen.disturbed) wrong("a monitor lost its connection for nothing");
        return;
    }
    wrong("a down of no monitor");
}

static void on_exited(tp_actor *self, struct sim_actor *state, const tp_exited *msg) {
    note_exit(self, state->uid, msg);
}

static void on_born(tp_actor *self, struct sim_actor *state, const sim_born *msg) {
    state->uid = msg->uid;
    (void)tp_trap_exits(self, true);
}

TP_BEHAVIOR(sim_behavior, "sim actor", struct sim_actor, TP_INIT_WITH(sim_born, on_born),
            TP_ON(sim_op, on_op), TP_ON(sim_said, on_said), TP_ON(sim_ask, on_ask),
            TP_ON(tp_down, on_down), TP_ON(tp_exited, on_exited));

/* ---- who watches nodes ---- */

#define NODES_MAX 64
struct node_watcher {
    tp_node *node;
    uint64_t up[NODES_MAX];
    unsigned count;
};

static int place_of(const struct node_watcher *state, uint64_t node) {
    for (unsigned i = 0; i < state->count; i++)
        if (state->up[i] == node) return (int)i;
    return -1;
}

static void on_up(tp_actor *self, struct node_watcher *state, const tp_node_up *msg) {
    (void)self;
    if (place_of(state, msg->node) >= 0) wrong("a node came up twice");
    else if (state->count < NODES_MAX) state->up[state->count++] = msg->node;
}

static void on_node_down(tp_actor *self, struct node_watcher *state, const tp_node_down *msg) {
    int place = place_of(state, msg->node);
    (void)self;
    cluster_sums.node_downs++;
    if (!seen.disturbed) wrong("a node went down for nothing");
    if (msg->reason.size == 0) wrong("a node went down without a reason");
    if (msg->reason.size == 9 && memcmp(msg->reason.data, "violation", 9) == 0)
        wrong("a node broke the protocol");
    if (place < 0) wrong("a node went down that was not up");
    else state->up[place] = state->up[--state->count];
}

TP_MESSAGE(sim_watch, TP_FIELD(u8, machine))
static void on_watch(tp_actor *self, struct node_watcher *state, const sim_watch *msg) {
    (void)state;
    if (tp_node_watch(self, seen.machine[msg->machine].node) != TP_OK) wrong("no watch");
}

TP_BEHAVIOR(watcher_behavior, "node watcher", struct node_watcher,
            TP_INIT_WITH(sim_watch, on_watch), TP_ON(tp_node_up, on_up),
            TP_ON(tp_node_down, on_node_down));

/* ---- machines ---- */

static void start_actor(unsigned index, unsigned place) {
    struct machine *machine = &seen.machine[index];
    unsigned uid = seen.instances;
    if (uid == ACTORS_MAX) return;
    seen.instances++;
    seen.instance[uid] = (struct instance){.machine = index};
    seen.instance[uid].pid =
        tp_sim_spawn(machine->sim, &sim_behavior, sim_born, .uid = (uint8_t)uid);
    machine->actors[place] = uid;
}

static void start_machine(unsigned index) {
    static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";
    struct machine *machine = &seen.machine[index];
    tp_sim_options options = {.workers = 1 + draw(2), .runtime = {.node_name = machine->name}};
    tp_node_options node = {.plain = !seen.faults.secret, .heartbeat = HEARTBEAT};
    if (seen.faults.secret) node.secret = secret;
    options.choice = draw(4) == 0 ? TP_SIM_PCT : TP_SIM_UNIFORM;
    options.runtime.log_level = TP_LOG_OFF;
    options.runtime.max_actors = 1024;
    machine->paused = false;
    bool good = tp_simnet_add(seen.net, &options, &machine->sim) == TP_OK &&
                tp_node_start(tp_sim_runtime(machine->sim), &node, &machine->node) == TP_OK &&
                tp_node_listen(machine->node, machine->url, NULL, 0) == TP_OK;
    if (!good) wrong("a machine did not start");
    (void)tp_sim_spawn(machine->sim, &watcher_behavior, sim_watch, .machine = (uint8_t)index);
    for (unsigned i = 0; i < ACTORS; i++) start_actor(index, i);
    for (unsigned i = 0; i < seen.machines; i++) /* from both sides: often at the same time */
        if (i != index && (i < index || draw(2) == 0) &&
            tp_node_join(machine->node, seen.machine[i].url) != TP_OK)
            wrong("a join was refused");
}

static void lose_machine(unsigned index) {
    for (unsigned i = 0; i < seen.instances; i++)
        if (seen.instance[i].machine == index) seen.instance[i].over = true;
    for (unsigned i = 0; i < seen.instances; i++) /* it believes nothing any more */
        if (seen.instance[i].over) memset(seen.linked[i], 0, sizeof seen.linked[i]);
}

static void restart(unsigned index) {
    struct machine *machine = &seen.machine[index];
    unsigned how = draw(3);
    seen.disturbed = true;
    cluster_sums.restarts++;
    if (machine->paused) tp_simnet_pause(seen.net, machine->sim, false);
    if (how == 0) tp_sim_free(machine->sim); /* in order */
    else tp_simnet_crash(seen.net, machine->sim, how == 1);
    lose_machine(index);
    start_machine(index);
}

/* ---- a run ---- */

static void go(tp_duration span) {
    if (tp_simnet_advance(seen.net, span) != TP_OK) wrong("the run does not end");
}

static bool alive(unsigned uid) {
    struct instance *instance = &seen.instance[uid];
    if (instance->over) return false;
    return tp_alive(tp_sim_runtime(seen.machine[instance->machine].sim), instance->pid);
}

static void order(unsigned uid, enum op op, unsigned other, unsigned count) {
    struct instance *instance = &seen.instance[uid];
    if (!alive(uid)) return;
    (void)tp_sim_send(seen.machine[instance->machine].sim, instance->pid, sim_op, .op = (uint8_t)op,
                      .other = (uint8_t)other, .count = (uint8_t)count);
}

/* Mostly of those that are there now; old pids too. */
static unsigned any_actor(void) {
    if (draw(8) == 0) return draw(seen.instances);
    return seen.machine[draw(seen.machines)].actors[draw(ACTORS)];
}

static void do_something(void) {
    unsigned from = any_actor(), to = any_actor(), kind = draw(100);
    if (from == to) return;
    enum op op = kind < 40   ? OP_SAY
                 : kind < 45 ? OP_SAY_BIG
                 : kind < 58 ? OP_LINK
                 : kind < 65 ? OP_UNLINK
                 : kind < 80 ? OP_MONITOR
                 : kind < 87 ? OP_DEMONITOR
                 : kind < 96 ? OP_CALL
                 : kind < 98 ? OP_EXIT
                             : OP_KILL;
    order(from, op, to, 1 + draw(20));
}

/* The dead have successors. */
static void replace_dead(void) {
    for (unsigned i = 0; i < seen.machines; i++)
        for (unsigned k = 0; k < ACTORS; k++)
            if (!alive(seen.machine[i].actors[k]) && draw(3) == 0) start_actor(i, k);
}

static void disturb(void) {
    unsigned kind = draw(24), a = draw(seen.machines), b = draw(seen.machines);
    struct machine *one = &seen.machine[a], *other = &seen.machine[b];
    if (kind == 0 && seen.faults.resets) {
        seen.disturbed = true;
        tp_simnet_cut(seen.net, one->sim, other->sim);
    } else if (kind < 3 && seen.faults.blocks && a != b) {
        seen.disturbed = true;
        tp_simnet_block(seen.net, one->sim, other->sim, true);
        if (draw(2) == 0) tp_simnet_block(seen.net, other->sim, one->sim, true);
    } else if (kind < 5 && seen.faults.blocks) {
        tp_simnet_heal(seen.net);
    } else if (kind == 5 && seen.faults.stops) {
        seen.disturbed = true;
        one->paused = !one->paused;
        tp_simnet_pause(seen.net, one->sim, one->paused);
    } else if (kind == 6 && seen.faults.stops) {
        tp_simnet_slow(seen.net, one->sim, draw(2) == 0 ? 0 : 1000000);
    } else if (kind == 7 && seen.faults.crashes && draw(2) == 0) {
        restart(a);
    }
}

static void calm(void) {
    tp_simnet_heal(seen.net);
    for (unsigned i = 0; i < seen.machines; i++) {
        if (seen.machine[i].paused) tp_simnet_pause(seen.net, seen.machine[i].sim, false);
        seen.machine[i].paused = false;
        tp_simnet_slow(seen.net, seen.machine[i].sim, 0);
    }
}

static void check_whole(void) {
    if (seen.faults.chance) return; /* who knows what was reset last */
    for (unsigned i = 0; i < seen.machines; i++) {
        tp_node_counters counters;
        tp_node_counters_get(seen.machine[i].node, &counters);
        if (counters.peers != seen.machines - 1) wrong("the cluster is not whole after the heal");
    }
}

/* All but those of one machine end: everything that waits for them must have fired, once. */
static void check_ends(void) {
    unsigned survivor = draw(seen.machines);
    for (unsigned i = 0; i < seen.instances; i++)
        if (seen.instance[i].machine != survivor) order(i, OP_EXIT, 0, 0);
    go(TP_SECONDS(2));
    for (unsigned i = 0; i < seen.instances; i++)
        if (seen.instance[i].machine != survivor && alive(i)) wrong("an actor outlived its end");
    for (unsigned i = 0; i < seen.watch_count; i++) {
        struct watch *watch = &seen.watches[i];
        if (!alive(watch->by) || alive(watch->on) || watch->off) continue;
        if (watch->downs != 1) wrong("a monitor did not fire");
    }
    for (unsigned i = 0; i < seen.instances; i++)
        for (unsigned j = 0; j < seen.instances; j++)
            if (seen.linked[i][j] && alive(i) && !alive(j)) wrong("a link did not fire");
}

static void check_delivered(void) {
    for (unsigned i = 0; i < seen.instances; i++)
        for (unsigned j = 0; j < seen.instances; j++)
            if (!seen.disturbed && alive(i) && seen.heard[i][j] != seen.said[j][i])
                wrong("a message never arrived");
}

static void begin(tp_simnet *net, const struct cluster_faults *faults) {
    memset(&seen, 0, sizeof seen);
    seen.net = net;
    seen.faults = *faults;
    seen.machines = 2 + draw(MACHINES_MAX - 1);
    for (unsigned i = 0; i < seen.machines; i++) {
        struct machine *machine = &seen.machine[i];
        (void)snprintf(machine->name, sizeof machine->name, "n%u@test", i);
        (void)snprintf(machine->url, sizeof machine->url, "tcp://127.0.0.1:%u", 4000 + i);
    }
    for (unsigned i = 0; i < seen.machines; i++) start_machine(i);
    seen.disturbed = faults->chance;
    go(TP_SECONDS(1));
    check_whole();
}

const char *cluster_scenario(tp_simnet *net, void *arg) {
    begin(net, arg);
    for (unsigned round = 0; round < ROUNDS && seen.wrong == NULL; round++) {
        for (unsigned i = draw(6); i > 0; i--) do_something();
        disturb();
        go(draw(4) == 0 ? TP_MS(1 + draw(300)) : TP_US(1 + draw(2000)));
        replace_dead();
    }
    calm();
    if (seen.wrong == NULL) go(TP_SECONDS(12));
    if (seen.wrong == NULL) check_whole();
    if (seen.wrong == NULL) check_delivered();
    if (seen.wrong == NULL) check_ends();
    tp_simnet_counters counters;
    tp_simnet_counters_get(net, &counters);
    cluster_sums.connections += counters.connections;
    cluster_sums.resets += counters.resets;
    return seen.wrong;
}
