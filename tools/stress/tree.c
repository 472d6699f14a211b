/*
 * The tree as a specification made at run time: the root has two children, the tree that was asked
 * for and a brittle supervisor, whose escalations can be counted beforehand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tools/stress/stress.h"

#define PLENTY_OF_RESTARTS 1000000000u
#define STOP_TIME TP_MS(20)

struct stress_tree {
    tp_supervisor_spec root, brittle;
    tp_child_spec root_children[3], brittle_children[2];
    size_t count;                    /* supervisors, level by level */
    size_t bottom;                   /* the first of the lowest level */
    tp_supervisor_spec *supervisors; /* count */
    tp_child_spec *children;         /* count x (fanout + 1) */
    char (*names)[STRESS_NAME_SIZE]; /* of supervisors */
    char (*leaves)[STRESS_NAME_SIZE];
    stress_start *starts; /* the leaves' arguments */
};

const tp_supervisor_spec *stress_tree_root(const struct stress *stress) {
    return &stress->tree->root;
}
size_t stress_tree_supervisors(const struct stress *stress) {
    return stress->tree->count;
}
const char *stress_supervisor_name(const struct stress *stress, size_t index) {
    return stress->tree->names[index];
}
const char *stress_leaf_name(const struct stress *stress, size_t slot) {
    return stress->tree->leaves[slot];
}
bool stress_is_isolated(const struct stress *stress, size_t slot) {
    return slot < (size_t)stress->options->isolated;
}
void stress_tree_tell(const struct stress *stress, tp_pid storm) {
    for (size_t i = 0; i <= stress->leaf_count; i++) stress->tree->starts[i].storm = storm;
}
const char *stress_above(const struct stress *stress, size_t slot) {
    if (slot == stress->leaf_count) return STRESS_BRITTLE_NAME;
    size_t group = slot / (size_t)stress->options->fanout;
    return stress->tree->names[stress->tree->bottom + group];
}

static tp_child_spec leaf_spec(struct stress *stress, size_t slot) {
    struct stress_tree *tree = stress->tree;
    const char *name = tree->leaves[slot];
    (void)snprintf(tree->leaves[slot], STRESS_NAME_SIZE, "leaf-%zu", slot);
    tree->starts[slot] =
        (stress_start){.stress = (uint64_t)(uintptr_t)stress, .slot = (uint32_t)slot};
    return (tp_child_spec){.id = name,
                           .behavior = &stress_leaf,
                           .arguments = {&stress_start_message, &tree->starts[slot]},
                           .options = {.name = name,
                                       .mailbox_limit = 256,
                                       .overflow = TP_OVERFLOW_DROP_NEWEST,
                                       .contain = true,
                                       .isolate = stress_is_isolated(stress, slot)},
                           .shutdown = STOP_TIME};
}

/* The place of a supervisor among the others gives its children's: level after level. */
static void fill(struct stress *stress, size_t at) {
    struct stress_tree *tree = stress->tree;
    size_t fanout = (size_t)stress->options->fanout;
    tp_child_spec *children = &tree->children[at * (fanout + 1)];
    (void)snprintf(tree->names[at], STRESS_NAME_SIZE, "supervisor-%zu", at);
    tree->supervisors[at] = (tp_supervisor_spec){.strategy = stress->options->strategy,
                                                 .intensity = PLENTY_OF_RESTARTS,
                                                 .period = TP_SECONDS(1),
                                                 .children = children,
                                                 .options = {.name = tree->names[at]}};
    for (size_t i = 0; i < fanout; i++) {
        size_t below = at * fanout + 1 + i;
        children[i] = at >= tree->bottom ? leaf_spec(stress, (at - tree->bottom) * fanout + i)
                                         : (tp_child_spec){.id = tree->names[below],
                                                           .supervisor = &tree->supervisors[below]};
    }
}

static void fill_root(struct stress *stress) {
    struct stress_tree *tree = stress->tree;
    tree->brittle_children[0] = leaf_spec(stress, stress->leaf_count);
    tree->brittle = (tp_supervisor_spec){.strategy = TP_ONE_FOR_ONE,
                                         .intensity = STRESS_BRITTLE_INTENSITY,
                                         .period = TP_SECONDS(1000000),
                                         .children = tree->brittle_children,
                                         .options = {.name = STRESS_BRITTLE_NAME}};
    tree->root_children[0] = (tp_child_spec){.id = "tree", .supervisor = &tree->supervisors[0]};
    tree->root_children[1] = (tp_child_spec){.id = "brittle", .supervisor = &tree->brittle};
    tree->root = (tp_supervisor_spec){.strategy = TP_ONE_FOR_ONE,
                                      .intensity = PLENTY_OF_RESTARTS,
                                      .period = TP_SECONDS(1),
                                      .children = tree->root_children,
                                      .options = {.name = "root"}};
}

static bool allocate(struct stress *stress) {
    struct stress_tree *tree = stress->tree;
    size_t leaves = stress->leaf_count + 1;
    size_t slots_a_row = (size_t)stress->options->fanout + 1;
    tree->supervisors = calloc(tree->count, sizeof *tree->supervisors);
    tree->children = calloc(tree->count * slots_a_row, sizeof *tree->children);
    tree->names = calloc(tree->count, sizeof *tree->names);
    tree->leaves = calloc(leaves, sizeof *tree->leaves);
    tree->starts = calloc(leaves, sizeof *tree->starts);
    stress->slots = mmap(NULL, leaves * sizeof *stress->slots, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stress->slots == MAP_FAILED) stress->slots = NULL;
    stress->groups = calloc(stress->group_count + 1, sizeof *stress->groups);
    return tree->supervisors != NULL && tree->children != NULL && tree->names != NULL &&
           tree->leaves != NULL && tree->starts != NULL && stress->slots != NULL &&
           stress->groups != NULL;
}

bool stress_tree_make(struct stress *stress) {
    size_t level = 1;
    struct stress_tree *tree = calloc(1, sizeof *tree);
    stress->tree = tree;
    if (tree == NULL) return false;
    for (int64_t i = 0; i < stress->options->depth; i++) {
        tree->bottom = tree->count;
        tree->count += level;
        stress->group_count = level;
        level *= (size_t)stress->options->fanout;
    }
    stress->leaf_count = level;
    if (!allocate(stress)) return false;
    for (size_t at = 0; at < tree->count; at++) fill(stress, at);
    fill_root(stress);
    return true;
}

void stress_tree_free(struct stress *stress) {
    struct stress_tree *tree = stress->tree;
    if (tree != NULL) {
        free(tree->supervisors);
        free(tree->children);
        free(tree->names);
        free(tree->leaves);
        free(tree->starts);
    }
    free(tree);
    if (stress->slots != NULL)
        (void)munmap(stress->slots, (stress->leaf_count + 1) * sizeof *stress->slots);
    free(stress->groups);
}
