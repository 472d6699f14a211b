/*
 * See trees.h. A tree is drawn; then, again and again, one thing happens to it: a worker ends, a
 * supervisor inside is killed, inits are told to fail, time passes. After each the tree is asked
 * for its children, level by level, and what the workers wrote down is compared with the model's
 * log: in order, unless a supervisor was killed, whose children end in no order.
 */
#include "tests/sim/trees.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/troupe.h>

#define DEPTH 3
#define STEPS 20
#define ABNORMAL (TP_EXIT_USER + 7)

TP_MESSAGE(leaf_arguments, TP_FIELD(u8, letter))
TP_MESSAGE(leaf_end, TP_FIELD(i32, code))
TP_MESSAGE(never)

/* Of the run at hand; one at a time, on one thread. */
static struct tree_run {
    struct tree_model model;
    struct tree_log log;
    struct tree_node nodes[64];
    int node_count;
    char next_worker, next_supervisor;
    tp_pid pids[128]; /* of workers, the newest */
    int fails[128];
    tp_supervisor_spec specs[64];
    tp_child_spec children[64][TREE_WIDTH + 1];
    leaf_arguments arguments[128];
    char ids[128][2];
    const char *failure;
    char failure_text[TREE_LOG * 2 + 200];
    bool finished;
} run;

/* ---- workers ---- */

struct leaf_state {
    char letter;
    bool leaves;
};

static void leaf_init(tp_actor *self, struct leaf_state *state, const leaf_arguments *msg) {
    state->letter = (char)msg->letter;
    (void)tp_trap_exits(self, true);
    if (run.fails[msg->letter & 127] > 0) {
        run.fails[msg->letter & 127]--;
        tree_note(&run.log, '!', state->letter);
        state->leaves = true;
        tp_exit(self, ABNORMAL);
    }
    run.pids[msg->letter & 127] = tp_self(self);
    tree_note(&run.log, '+', state->letter);
}
static void leaf_on_end(tp_actor *self, struct leaf_state *state, const leaf_end *msg) {
    state->leaves = true;
    tp_exit(self, msg->code);
}
static void leaf_terminate(tp_actor *self, struct leaf_state *state, const tp_reason *reason) {
    (void)self, (void)reason;
    if (!state->leaves) tree_note(&run.log, '-', state->letter);
}
TP_BEHAVIOR(leaf_behavior, "leaf", struct leaf_state, TP_INIT_WITH(leaf_arguments, leaf_init),
            TP_ON(leaf_end, leaf_on_end), TP_TERMINATE(leaf_terminate));

/* ---- drawing a tree ---- */

static unsigned draw(tp_actor *self, unsigned below) {
    return (unsigned)(tp_random(self) % below);
}

static struct tree_node *draw_node(tp_actor *self, int depth, tp_auto_shutdown above) {
    struct tree_node *node = &run.nodes[run.node_count++];
    node->is_supervisor = depth == 0 || (depth < DEPTH && draw(self, 3) == 0);
    node->letter = node->is_supervisor ? run.next_supervisor++ : run.next_worker++;
    node->restart = (tp_restart)(draw(self, 4) % 3);
    node->significant =
        above != TP_AUTO_SHUTDOWN_NEVER && node->restart != TP_PERMANENT && draw(self, 2) == 0;
    if (!node->is_supervisor) return node;
    node->strategy = (tp_supervisor_strategy)draw(self, 3);
    node->auto_shutdown = (tp_auto_shutdown)(draw(self, 5) % 3);
    node->intensity = depth == 0 ? draw(self, 12) + 1 : draw(self, 4) + 1;
    node->period = (int64_t)draw(self, 5) + 1;
    int most = 2 + (int)draw(self, depth == 0 ? 3 : 2);
    for (int i = 0; i < most && run.next_worker < 'z' - 4; i++)
        node->children[node->count++] = draw_node(self, depth + 1, node->auto_shutdown);
    return node;
}

static tp_supervisor_spec *spec_of(const struct tree_node *node);

static tp_child_spec child_of(const struct tree_node *node) {
    int letter = node->letter & 127;
    run.ids[letter][0] = node->letter;
    tp_child_spec spec = {
        .id = run.ids[letter], .restart = node->restart, .significant = node->significant};
    if (node->is_supervisor) {
        spec.supervisor = spec_of(node);
    } else {
        run.arguments[letter].letter = (uint8_t)node->letter;
        spec.behavior = &leaf_behavior;
        spec.arguments = (tp_arguments){&leaf_arguments_message, &run.arguments[letter]};
    }
    return spec;
}

static tp_supervisor_spec *spec_of(const struct tree_node *node) {
    int at = (node->letter - 'A') & 63;
    for (int i = 0; i < node->count; i++) run.children[at][i] = child_of(node->children[i]);
    run.specs[at] = (tp_supervisor_spec){.strategy = node->strategy,
                                         .intensity = node->intensity,
                                         .period = TP_SECONDS(node->period),
                                         .auto_shutdown = node->auto_shutdown,
                                         .children = run.children[at]};
    return &run.specs[at];
}

/* ---- looking at the real one ---- */

static const char *child_differs(const tp_child_info *info, const struct tree_node *child,
                                 enum tree_status status, tp_pid *pids) {
    if (info->id.data[0] != child->letter) return "another child stands there";
    if ((info->status == TP_CHILD_IS_RUNNING) != (status == TREE_RUNS))
        return "a child runs, or does not";
    if (info->status == TP_CHILD_IS_RESTARTING) return "a child is still restarting";
    if (status != TREE_RUNS) return NULL;
    pids[child->letter & 127] = info->pid;
    if (child->is_supervisor) return NULL; /* its own children: below */
    return tp_pid_equal(run.pids[child->letter & 127], info->pid) ? NULL : "another pid";
}

static const char *differs(tp_actor *self, tp_pid supervisor, const struct tree_node *node,
                           tp_pid *pids) {
    tp_child_info all[TREE_WIDTH];
    size_t count;
    const char *result = NULL;
    if (tp_supervisor_which_children(self, supervisor, all, TREE_WIDTH, &count) != TP_OK)
        return "a supervisor does not answer";
    if ((int)count != node->live->count) return "another number of children";
    for (int i = 0; i < node->live->count && result == NULL; i++)
        result = child_differs(&all[i], node->live->specs[i], node->live->status[i], pids);
    for (int i = 0; i < node->live->count && result == NULL; i++) {
        const struct tree_node *child = node->live->specs[i];
        if (child->is_supervisor && node->live->status[i] == TREE_RUNS)
            result = differs(self, all[i].pid, child, pids);
    }
    return result;
}

static int by_event(const void *a, const void *b) {
    return memcmp(a, b, 2);
}

static bool same_events(bool in_order) {
    struct tree_log *a = &run.log, *b = &run.model.log;
    if (!in_order) {
        qsort(a->text, a->size / 2, 2, by_event);
        qsort(b->text, b->size / 2, 2, by_event);
    }
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static void settle(tp_actor *self) {
    never got;
    (void)tp_receive(self, TP_MS(1), &got, never);
}

static void compare(tp_actor *self, tp_pid root, tp_pid *pids, bool in_order) {
    if (!same_events(in_order)) run.failure = "other events";
    else if (tp_alive(tp_self_runtime(self), root) == run.model.over) run.failure = "ended, or not";
    else if (!run.model.over) run.failure = differs(self, root, run.model.root, pids);
}

/* ---- what happens ---- */

static bool worker_ends(tp_actor *self) {
    static const int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_SHUTDOWN, ABNORMAL, ABNORMAL,
                                    TP_EXIT_KILLED};
    char letter = (char)('a' + draw(self, (unsigned)(run.next_worker - 'a')));
    int32_t code = codes[draw(self, 5)];
    int at;
    if (tree_parent_of(&run.model, letter, &at) == NULL) return true;
    tree_worker_ends(&run.model, letter, code);
    tp_pid pid = run.pids[letter & 127];
    if (code == TP_EXIT_KILLED) (void)tp_kill(self, pid);
    else (void)tp_send(self, pid, leaf_end, .code = code);
    return true;
}

static bool supervisor_killed(tp_actor *self, const tp_pid *pids) {
    unsigned below = (unsigned)(run.next_supervisor - 'A');
    char letter = (char)('A' + draw(self, below));
    int at;
    if (letter == 'A' || tree_parent_of(&run.model, letter, &at) == NULL) return true;
    tree_supervisor_killed(&run.model, letter);
    (void)tp_kill(self, pids[letter & 127]);
    return false;
}

/* True: its events have an order. */
static bool step(tp_actor *self, const tp_pid *pids) {
    char letter = (char)('a' + draw(self, (unsigned)(run.next_worker - 'a')));
    switch (draw(self, 8)) {
    case 0: run.fails[letter & 127] = run.model.fails[letter & 127] = (int)draw(self, 3) + 1; break;
    case 1: (void)tp_sleep(self, TP_MS(draw(self, 4000))); break;
    case 2: return supervisor_killed(self, pids);
    default: return worker_ends(self);
    }
    return true;
}

static void play_steps(tp_actor *self, tp_pid root) {
    tp_pid pids[128] = {{0}};
    compare(self, root, pids, true);
    for (int i = 0; i < STEPS && run.failure == NULL && !run.model.over; i++) {
        run.log = run.model.log = (struct tree_log){.size = 0};
        run.model.now = tp_now(self) / TP_SECONDS(1);
        bool in_order = step(self, pids);
        settle(self);
        compare(self, root, pids, in_order);
    }
    if (run.failure != NULL || run.model.over) return;
    run.log = run.model.log = (struct tree_log){.size = 0};
    tree_stop(&run.model);
    (void)tp_send_exit(self, root, TP_EXIT_SHUTDOWN); /* from its parent */
    settle(self);
    compare(self, root, pids, true);
}

static void play(tp_actor *self, void *arg) {
    tp_pid root;
    tp_reason reason;
    (void)arg;
    (void)tp_trap_exits(self, true);
    run.next_worker = 'a';
    run.next_supervisor = 'A';
    run.model.root = draw_node(self, 0, TP_AUTO_SHUTDOWN_NEVER);
    if (draw(self, 4) == 0) { /* an init fails at the very first start */
        char letter = (char)('a' + draw(self, (unsigned)(run.next_worker - 'a')));
        run.fails[letter & 127] = run.model.fails[letter & 127] = 1;
    }
    bool expected = tree_start(&run.model);
    bool started = tp_supervisor_start(self, &root, spec_of(run.model.root), &reason) == TP_OK;
    if (started != expected) run.failure = "the tree starts, or does not";
    else if (!started && reason.code != TP_EXIT_SHUTDOWN)
        run.failure = "another reason of no start";
    else if (!started && !same_events(true)) run.failure = "other events at the start";
    else if (started) play_steps(self, root);
    run.finished = true;
}

static const char *scenario(tp_sim *sim, void *arg) {
    (void)arg;
    memset(&run, 0, offsetof(struct tree_run, failure_text));
    run.finished = false;
    (void)tp_sim_spawn_body(sim, play, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (run.failure == NULL && run.finished) return NULL;
    (void)snprintf(run.failure_text, sizeof run.failure_text, "%s: is %s, expected %s",
                   run.failure == NULL ? "the script did not end" : run.failure, run.log.text,
                   run.model.log.text);
    return run.failure_text;
}

uint64_t trees_run(uint64_t seeds, tp_sim_choice choice) {
    tp_sim_options options = {.workers = 2, .choice = choice};
    uint64_t failed = 0;
    options.runtime.log_level = TP_LOG_OFF;
    return tp_sim_seeds(1, seeds, &options, scenario, NULL, &failed) == TP_OK ? 0 : failed;
}
