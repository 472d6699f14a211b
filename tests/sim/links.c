/*
 * Random graphs of links, monitors and names under random kills, against what SEMANTICS says.
 *
 * Step by step: everything that is asked of the actors is over before the next death, so what must
 * happen is known exactly: who dies, with what reason; who hears of it, how often; whose name is
 * free. All at once: operations and deaths race, and what holds in every order is checked where it
 * is seen: a monitor fires once, not after its demonitor; an exit does not come over a link after
 * its unlink; a name is free before the end is told.
 */
#include "tests/sim/links.h"

#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#define NODES 9
#define MONITORS 64 /* of all nodes together */

enum op { OP_LINK, OP_UNLINK, OP_MONITOR, OP_DEMONITOR, OP_EXIT, OP_KILL, OP_OPS };

TP_MESSAGE(graph_op, TP_FIELD(u8, op), TP_FIELD(u8, other), TP_FIELD(i32, code))
TP_MESSAGE(graph_node, TP_FIELD(u8, index), TP_FIELD(bool, traps))

struct watch {
    uint8_t by, on;
    bool off; /* demonitored */
    int downs;
    int32_t code;
    tp_ref ref;
};
/* What the nodes write down; one scenario runs at a time, on one thread. */
static struct {
    tp_pid pids[NODES];
    bool traps[NODES];
    struct watch watches[MONITORS];
    int watch_count;
    int exits[NODES][NODES]; /* of the second, told to the first */
    int32_t exit_codes[NODES][NODES];
    bool unlinked[NODES][NODES]; /* by the first, and neither has linked since */
    bool over[NODES];            /* its end has been ordered */
    const char *wrong;
} seen;

static void wrong(const char *what) {
    if (seen.wrong == NULL) seen.wrong = what;
}

static unsigned index_of(tp_pid pid) {
    for (unsigned i = 0; i < NODES; i++)
        if (tp_pid_equal(seen.pids[i], pid)) return i;
    wrong("a signal from nobody");
    return 0;
}

static void name_of(char *out, size_t size, unsigned index) {
    (void)snprintf(out, size, "node %u", index);
}

/* Whoever hears of an end can take the name at once. */
static void check_name(tp_actor *self, tp_pid from) {
    char name[16];
    name_of(name, sizeof name, index_of(from));
    if (tp_pid_equal(tp_whereis(tp_self_runtime(self), name), from))
        wrong("a name is still taken when the end is told");
}

/* ---- what a node does ---- */

struct graph_state {
    unsigned index;
};

static bool is_exit(const tp_message *message, void *context) {
    (void)context;
    return tp_message_is(message, tp_exited);
}

static void note_exit(tp_actor *self, unsigned me, const tp_exited *msg) {
    unsigned from = index_of(msg->from);
    if (seen.unlinked[me][from]) wrong("an exit came over a link after its unlink");
    check_name(self, msg->from);
    seen.exits[me][from]++;
    seen.exit_codes[me][from] = msg->code;
}

/* Takes all exits that are here already. */
static void take_exits(tp_actor *self, unsigned me) {
    const tp_message *message;
    tp_exited exited;
    while (tp_receive_any(self, 0, is_exit, NULL, &message) == TP_OK)
        if (tp_message_get(self, message, &exited, tp_exited) == TP_OK)
            note_exit(self, me, &exited);
}

static void do_unlink(tp_actor *self, unsigned me, unsigned other) {
    take_exits(self, me); /* a link that is on its way is here now */
    (void)tp_unlink(self, seen.pids[other]);
    take_exits(self, me);
    seen.unlinked[me][other] = true;
}

static void do_monitor(tp_actor *self, unsigned me, unsigned other) {
    if (seen.watch_count == MONITORS) return;
    struct watch *watch = &seen.watches[seen.watch_count++];
    *watch = (struct watch){.by = (uint8_t)me, .on = (uint8_t)other};
    watch->ref = tp_monitor(self, seen.pids[other]);
}

/* The newest of its monitors on the other, even one that has fired: its down may be queued. */
static void do_demonitor(tp_actor *self, unsigned me, unsigned other) {
    for (int i = seen.watch_count; i-- > 0;) {
        struct watch *watch = &seen.watches[i];
        if (watch->by != me || watch->on != other || watch->off) continue;
        (void)tp_demonitor(self, watch->ref);
        watch->off = true;
        return;
    }
}

static void on_op(tp_actor *self, struct graph_state *state, const graph_op *msg) {
    unsigned me = state->index, other = msg->other;
    switch ((enum op)msg->op) {
    case OP_LINK:
        seen.unlinked[me][other] = seen.unlinked[other][me] = false;
        (void)tp_link(self, seen.pids[other]);
        break;
    case OP_UNLINK: do_unlink(self, me, other); break;
    case OP_MONITOR: do_monitor(self, me, other); break;
    case OP_DEMONITOR: do_demonitor(self, me, other); break;
    case OP_EXIT: tp_exit(self, msg->code);
    case OP_KILL: (void)tp_kill(self, seen.pids[other]); break;
    default: break;
    }
}

static void on_down(tp_actor *self, struct graph_state *state, const tp_down *msg) {
    for (int i = 0; i < seen.watch_count; i++) {
        struct watch *watch = &seen.watches[i];
        if (watch->by != state->index || watch->ref != msg->ref) continue;
        if (watch->off) wrong("a down came after its demonitor");
        if (!tp_pid_equal(msg->from, seen.pids[watch->on])) wrong("a down of another actor");
        check_name(self, msg->from);
        if (++watch->downs > 1) wrong("a monitor fired twice");
        watch->code = msg->code;
        return;
    }
    wrong("a down of no monitor");
}

static void on_exited(tp_actor *self, struct graph_state *state, const tp_exited *msg) {
    note_exit(self, state->index, msg);
}

static void node_init(tp_actor *self, struct graph_state *state, const graph_node *msg) {
    char name[16];
    state->index = msg->index;
    (void)tp_trap_exits(self, msg->traps);
    name_of(name, sizeof name, msg->index);
    if (tp_register(self, name) != TP_OK) wrong("a name is taken at the start");
}

TP_BEHAVIOR(graph_behavior, "graph node", struct graph_state, TP_INIT_WITH(graph_node, node_init),
            TP_ON(graph_op, on_op), TP_ON(tp_down, on_down), TP_ON(tp_exited, on_exited));

/* ---- both scenarios ---- */

static unsigned draw(tp_sim *sim, unsigned below) {
    return (unsigned)(tp_sim_random(sim) % below);
}

static void begin(tp_sim *sim, bool all_trap) {
    memset(&seen, 0, sizeof seen);
    for (unsigned i = 0; i < NODES; i++) {
        seen.traps[i] = all_trap || draw(sim, 3) == 0;
        seen.pids[i] = tp_sim_spawn(sim, &graph_behavior, graph_node, .index = (uint8_t)i,
                                    .traps = seen.traps[i]);
    }
    if (tp_sim_run(sim) != TP_OK) wrong("the nodes did not start");
}

static void ask(tp_sim *sim, unsigned who, enum op op, unsigned other) {
    tp_sim_send(sim, seen.pids[who], graph_op, .op = (uint8_t)op, .other = (uint8_t)other);
}

static bool alive(tp_sim *sim, unsigned index) {
    return tp_alive(tp_sim_runtime(sim), seen.pids[index]);
}

static const int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_SHUTDOWN, TP_EXIT_KILL, TP_EXIT_USER + 1,
                                TP_EXIT_USER + 2};

/* ---- step by step ---- */

/* What is known: the links; the dead, with their reasons; the exits that must have been told. */
static struct {
    bool linked[NODES][NODES];
    bool dead[NODES];
    int32_t reason[NODES];
    int exits[NODES][NODES];
} known;

static void known_link(unsigned a, unsigned b, bool linked) {
    known.linked[a][b] = known.linked[b][a] = linked;
}

/* The death of one, and what follows by the decision table. */
static void known_death(unsigned index, int32_t code) {
    known.dead[index] = true;
    known.reason[index] = code;
    for (unsigned i = 0; i < NODES; i++) {
        if (!known.linked[index][i] || known.dead[i]) continue;
        known_link(index, i, false);
        if (seen.traps[i]) known.exits[i][index]++;
        else if (code != TP_EXIT_NORMAL) known_death(i, code);
    }
}

/* One side of a pair does this and that, the other nothing: the last word holds. */
static void exercise_pair(tp_sim *sim) {
    unsigned a = draw(sim, NODES), b = draw(sim, NODES);
    if (a == b || known.dead[a] || known.dead[b]) return;
    for (unsigned i = draw(sim, 4) + 1; i > 0; i--) {
        bool link = draw(sim, 3) != 0;
        ask(sim, a, link ? OP_LINK : OP_UNLINK, b);
        known_link(a, b, link);
    }
}

static void exercise_monitors(tp_sim *sim) {
    for (unsigned i = 0; i < 6; i++) {
        unsigned a = draw(sim, NODES), b = draw(sim, NODES);
        if (a != b) ask(sim, a, draw(sim, 3) == 0 ? OP_DEMONITOR : OP_MONITOR, b);
    }
}

static void end_one(tp_sim *sim) {
    unsigned victim = draw(sim, NODES), killer = draw(sim, NODES);
    int32_t code = codes[draw(sim, 5)];
    if (known.dead[victim]) return;
    if (killer != victim && !known.dead[killer] && draw(sim, 2) == 0) {
        ask(sim, killer, OP_KILL, victim);
        code = TP_EXIT_KILLED;
    } else {
        tp_sim_send(sim, seen.pids[victim], graph_op, .op = OP_EXIT, .code = code);
    }
    known_death(victim, code);
}

static const char *check_known(tp_sim *sim) {
    for (unsigned i = 0; i < NODES; i++) {
        if (alive(sim, i) == known.dead[i]) return "not exactly the linked set died";
        for (unsigned j = 0; j < NODES; j++) {
            if (known.dead[i] || seen.exits[i][j] == known.exits[i][j]) continue;
            return "an exit was told too often, or not";
        }
        for (unsigned j = 0; j < NODES; j++)
            if (!known.dead[i] && seen.exits[i][j] > 0 && seen.exit_codes[i][j] != known.reason[j])
                return "an exit was told with another reason";
    }
    for (int i = 0; i < seen.watch_count; i++) {
        struct watch *watch = &seen.watches[i];
        if (known.dead[watch->by] || watch->off) continue;
        if (watch->downs != known.dead[watch->on]) return "a monitor did not fire just once";
        if (watch->downs == 1 && watch->code != known.reason[watch->on] &&
            watch->code != TP_EXIT_NOPROC)
            return "a down with another reason";
    }
    return NULL;
}

static const char *step_by_step(tp_sim *sim, void *arg) {
    const char *result = NULL;
    (void)arg;
    begin(sim, false);
    memset(&known, 0, sizeof known);
    for (unsigned round = 0; round < 4 && seen.wrong == NULL && result == NULL; round++) {
        for (unsigned i = 0; i < 8; i++) {
            exercise_pair(sim); /* pairs overlap in time, but the words of one pair do not */
            if (draw(sim, 2) == 0) exercise_monitors(sim);
            if (tp_sim_run(sim) != TP_OK) return "the operations did not end";
        }
        end_one(sim);
        if (tp_sim_run(sim) != TP_OK) return "the deaths did not end";
        result = check_known(sim);
    }
    return seen.wrong != NULL ? seen.wrong : result;
}

/* ---- all at once ---- */

static void ask_anything(tp_sim *sim) {
    unsigned a = draw(sim, NODES), b = draw(sim, NODES), op = draw(sim, OP_EXIT * 4 + 2);
    if (a == b) return;
    if (op < OP_EXIT * 4) {
        ask(sim, a, (enum op)(op / 4), b);
    } else if (op == OP_EXIT * 4) {
        seen.over[a] = true;
        tp_sim_send(sim, seen.pids[a], graph_op, .op = OP_EXIT, .code = codes[draw(sim, 5)]);
    } else {
        ask(sim, a, OP_KILL, b); /* if it still lives */
    }
    for (unsigned i = draw(sim, 5); i > 0; i--) (void)tp_sim_step(sim);
}

static const char *check_monitors(tp_sim *sim) {
    for (int i = 0; i < seen.watch_count; i++) {
        struct watch *watch = &seen.watches[i];
        if (!alive(sim, watch->by) || watch->off) continue;
        if (watch->downs != !alive(sim, watch->on)) return "a monitor did not fire just once";
    }
    return NULL;
}

/* Now that it is quiet: who is linked dies with whom, from either side. Two links of the same pair
 * that were made and ended by both at once agree at last. */
static const char *check_agreement(tp_sim *sim) {
    unsigned a = draw(sim, NODES);
    int before[NODES];
    if (!alive(sim, a)) return NULL;
    for (unsigned i = 0; i < NODES; i++) before[i] = seen.exits[i][a];
    for (unsigned i = 0; i < NODES; i++)
        if (i != a && alive(sim, i) && draw(sim, 2) == 0) {
            ask(sim, i, OP_LINK, a); /* linked now, whatever was */
            if (tp_sim_run(sim) != TP_OK) return "a link did not end";
            before[i] = -1 - before[i];
        }
    tp_sim_send(sim, seen.pids[a], graph_op, .op = OP_EXIT, .code = TP_EXIT_USER + 3);
    if (tp_sim_run(sim) != TP_OK) return "the last death did not end";
    for (unsigned i = 0; i < NODES; i++)
        if (before[i] < 0 && seen.exits[i][a] != -before[i]) return "a link was made on one side";
    return NULL;
}

static const char *all_at_once(tp_sim *sim, void *arg) {
    (void)arg;
    begin(sim, true);
    for (unsigned i = 0; i < 60; i++) ask_anything(sim);
    if (tp_sim_run(sim) != TP_OK) return "the operations did not end";
    const char *result = check_monitors(sim);
    for (unsigned i = 0; i < NODES; i++)
        if (seen.over[i] && alive(sim, i)) result = "an actor outlived its end";
    if (result == NULL) result = check_agreement(sim);
    return seen.wrong != NULL ? seen.wrong : result;
}

/* ---- seeds ---- */

static uint64_t run(uint64_t seeds, tp_sim_choice choice,
                    const char *(*scenario)(tp_sim *, void *)) {
    tp_sim_options options = {.workers = 2, .choice = choice};
    uint64_t failed = 0;
    options.runtime.log_level = TP_LOG_OFF;
    return tp_sim_seeds(1, seeds, &options, scenario, NULL, &failed) == TP_OK ? 0 : failed;
}

uint64_t links_step_by_step(uint64_t seeds, tp_sim_choice choice) {
    return run(seeds, choice, step_by_step);
}

uint64_t links_all_at_once(uint64_t seeds, tp_sim_choice choice) {
    return run(seeds, choice, all_at_once);
}
