/*
 * See trees_model.h.
 */
#include "tests/sim/trees_model.h"

#include <string.h>

void tree_note(struct tree_log *log, char what, char letter) {
    if (log->size + 2 >= sizeof log->text) return;
    log->text[log->size++] = what;
    log->text[log->size++] = letter;
    log->text[log->size] = 0;
}

/* ---- starting and stopping ---- */

static bool start_node(struct tree_model *model, struct tree_node *node);

static void stop_node(struct tree_model *model, struct tree_node *node);

static void stop_at(struct tree_model *model, struct tree_node *sup, int at) {
    if (sup->live->status[at] != TREE_RUNS) return;
    stop_node(model, sup->live->specs[at]);
    sup->live->status[at] = TREE_STOPPED;
}

static void stop_children(struct tree_model *model, struct tree_node *sup) {
    for (int i = sup->live->count; i-- > 0;) stop_at(model, sup, i);
}

static void stop_node(struct tree_model *model, struct tree_node *node) {
    if (!node->is_supervisor) {
        tree_note(&model->log, '-', node->letter);
        return;
    }
    stop_children(model, node);
    node->live = NULL;
}

static bool start_at(struct tree_model *model, struct tree_node *sup, int at) {
    bool started = start_node(model, sup->live->specs[at]);
    sup->live->status[at] = started ? TREE_RUNS : TREE_STOPPED;
    return started;
}

static bool start_supervisor(struct tree_model *model, struct tree_node *sup) {
    struct tree_live *live = &model->lives[(sup->letter - 'A') & 63];
    *live = (struct tree_live){.count = sup->count};
    sup->live = live;
    for (int i = 0; i < sup->count; i++) live->specs[i] = sup->children[i];
    for (int i = 0; i < live->count; i++) {
        if (start_at(model, sup, i)) continue;
        stop_children(model, sup); /* those before it, in reverse */
        sup->live = NULL;
        return false;
    }
    return true;
}

static bool start_node(struct tree_model *model, struct tree_node *node) {
    if (node->is_supervisor) return start_supervisor(model, node);
    if (model->fails[node->letter & 127] > 0) {
        model->fails[node->letter & 127]--;
        tree_note(&model->log, '!', node->letter);
        return false;
    }
    tree_note(&model->log, '+', node->letter);
    return true;
}

/* ---- restarts ---- */

static void forget(struct tree_live *live, int at) {
    for (int i = at; i + 1 < live->count; i++) {
        live->specs[i] = live->specs[i + 1];
        live->status[i] = live->status[i + 1];
    }
    live->count--;
}

static int place_of(const struct tree_live *live, const struct tree_node *child) {
    for (int i = 0; i < live->count; i++)
        if (live->specs[i] == child) return i;
    return -1;
}

/* "now = monotonic seconds; keep r where r >= now - period; prepend now; allowed iff length <=
 * intensity" */
static bool add_restart(struct tree_live *live, const struct tree_node *sup, int64_t now) {
    int kept = 0;
    for (int i = 0; i < live->restart_count; i++)
        if (live->restarts[i] >= now - sup->period) live->restarts[kept++] = live->restarts[i];
    live->restarts[kept++] = now;
    live->restart_count = kept;
    return (uint32_t)kept <= sup->intensity;
}

/* One attempt; the child that did not start, NULL: all did. */
static struct tree_node *attempt(struct tree_model *model, struct tree_node *sup,
                                 struct tree_node *child) {
    struct tree_live *live = sup->live;
    if (sup->strategy == TP_ONE_FOR_ONE)
        return start_at(model, sup, place_of(live, child)) ? NULL : child;
    int first = sup->strategy == TP_ONE_FOR_ALL ? 0 : place_of(live, child);
    for (int i = live->count; i-- > first;) {
        stop_at(model, sup, i);
        if (live->specs[i]->restart == TP_TEMPORARY && live->specs[i] != child) forget(live, i);
    }
    for (int i = sup->strategy == TP_ONE_FOR_ALL ? 0 : place_of(live, child); i < live->count; i++)
        if (!start_at(model, sup, i)) return live->specs[i];
    return NULL;
}

static void child_ended(struct tree_model *model, struct tree_node *sup, struct tree_node *child,
                        int32_t code);

/* A supervisor ends by itself, always with `shutdown`, after its children; its own supervisor
 * hears of it. */
static void supervisor_ends(struct tree_model *model, struct tree_node *sup) {
    int at;
    struct tree_node *parent = tree_parent_of(model, sup->letter, &at);
    stop_children(model, sup);
    sup->live = NULL;
    if (sup == model->root) model->over = true;
    else if (parent != NULL) child_ended(model, parent, sup, TP_EXIT_SHUTDOWN);
}

static void restart(struct tree_model *model, struct tree_node *sup, struct tree_node *child) {
    while (child != NULL) {
        if (!add_restart(sup->live, sup, model->now)) {
            supervisor_ends(model, sup);
            return;
        }
        child = attempt(model, sup, child);
    }
}

static bool others_significant(const struct tree_live *live) {
    for (int i = 0; i < live->count; i++)
        if (live->specs[i]->significant && live->status[i] == TREE_RUNS) return true;
    return false;
}

static void child_ended(struct tree_model *model, struct tree_node *sup, struct tree_node *child,
                        int32_t code) {
    int at = place_of(sup->live, child);
    bool ordinary = code == TP_EXIT_NORMAL || code == TP_EXIT_SHUTDOWN;
    sup->live->status[at] = TREE_STOPPED;
    if (child->restart == TP_PERMANENT || (child->restart == TP_TRANSIENT && !ordinary)) {
        restart(model, sup, child);
        return;
    }
    if (child->restart == TP_TEMPORARY) forget(sup->live, at);
    if (!child->significant || sup->auto_shutdown == TP_AUTO_SHUTDOWN_NEVER) return;
    if (sup->auto_shutdown == TP_AUTO_SHUTDOWN_ALL && others_significant(sup->live)) return;
    supervisor_ends(model, sup);
}

/* ---- events ---- */

static struct tree_node *find_parent(struct tree_node *sup, char letter, int *at) {
    for (int i = 0; sup->live != NULL && i < sup->live->count; i++) {
        struct tree_node *child = sup->live->specs[i];
        if (child->letter == letter) {
            *at = i;
            return sup->live->status[i] == TREE_RUNS ? sup : NULL;
        }
        struct tree_node *below = child->is_supervisor && sup->live->status[i] == TREE_RUNS
                                      ? find_parent(child, letter, at)
                                      : NULL;
        if (below != NULL) return below;
    }
    return NULL;
}

struct tree_node *tree_parent_of(struct tree_model *model, char letter, int *at) {
    return model->over ? NULL : find_parent(model->root, letter, at);
}

bool tree_start(struct tree_model *model) {
    bool started = start_node(model, model->root);
    model->over = !started;
    return started;
}

void tree_worker_ends(struct tree_model *model, char letter, int32_t code) {
    int at;
    struct tree_node *sup = tree_parent_of(model, letter, &at);
    if (sup != NULL) child_ended(model, sup, sup->live->specs[at], code);
}

void tree_supervisor_killed(struct tree_model *model, char letter) {
    int at;
    struct tree_node *parent = tree_parent_of(model, letter, &at);
    if (parent == NULL) return;
    struct tree_node *sup = parent->live->specs[at];
    stop_children(model, sup); /* by their links: all of them, each once */
    sup->live = NULL;
    child_ended(model, parent, sup, TP_EXIT_KILLED);
}

void tree_stop(struct tree_model *model) {
    if (!model->over) stop_node(model, model->root);
    model->over = true;
}
