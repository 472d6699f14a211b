/*
 * The model of OTP's supervisors that random trees are compared with: plain recursion over arrays,
 * written from SEMANTICS section 8 and nothing else. No messages, no processes: what a tree does
 * about one event is one call.
 */
#ifndef TP_TESTS_SIM_TREES_MODEL_H
#define TP_TESTS_SIM_TREES_MODEL_H

#include <troupe/supervisor.h>

#define TREE_WIDTH 4
#define TREE_LETTERS 26
#define TREE_LOG 4096

/* What is known of a node of the tree: a worker, or a supervisor with children. */
struct tree_node {
    char letter;
    bool is_supervisor;
    tp_restart restart;
    bool significant;
    /* a supervisor's */
    tp_supervisor_strategy strategy;
    tp_auto_shutdown auto_shutdown;
    uint32_t intensity;
    int64_t period; /* seconds */
    struct tree_node *children[TREE_WIDTH];
    int count;
    struct tree_live *live; /* while it runs */
};

enum tree_status { TREE_STOPPED, TREE_RUNS };

/* A supervisor that runs: the specifications that it still has, in order, and how each child is. */
struct tree_live {
    struct tree_node *specs[TREE_WIDTH];
    enum tree_status status[TREE_WIDTH];
    int count;
    int64_t restarts[256]; /* all of them, the newest last */
    int restart_count;
};

/* What the model and the tree itself write down: "+a" started, "!a" its init failed, "-a" asked to
 * stop. */
struct tree_log {
    char text[TREE_LOG];
    size_t size;
};

struct tree_model {
    struct tree_node *root;
    bool over; /* the root has ended */
    int64_t now;
    int fails[128]; /* how often the next inits of a letter fail */
    struct tree_log log;
    struct tree_live lives[64]; /* one a supervisor, by its letter's place */
};

void tree_note(struct tree_log *log, char what, char letter);

/* False: the root did not start. */
bool tree_start(struct tree_model *model);
/* A worker has ended by itself. */
void tree_worker_ends(struct tree_model *model, char letter, int32_t code);
/* A supervisor, not the root, has been killed: its children end at once, in no order. */
void tree_supervisor_killed(struct tree_model *model, char letter);
/* The root was told to stop. */
void tree_stop(struct tree_model *model);
/* The supervisor that has this child, NULL if the child does not run. */
struct tree_node *tree_parent_of(struct tree_model *model, char letter, int *at);

#endif
