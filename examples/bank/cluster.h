/*
 * A whole bank of several processes on this machine: the processes, and what is shown of them.
 */
#ifndef EXAMPLES_BANK_CLUSTER_H
#define EXAMPLES_BANK_CLUSTER_H

#include "examples/bank/session.h"

#define CLUSTER_NODES_MAX 24

/* One process: a node of the bank. */
struct cluster_child {
    char name[BANK_NODE_SIZE];
    char roles[64];
    bool ledger;
    uint64_t shard;
    tp_pid port;
    int32_t pid;     /* of the process; 0: it has not said */
    tp_time goes_on; /* it is stopped until then; 0: it runs */
    bool shot;       /* killed on purpose */
    uint64_t restarts;
};

struct cluster {
    struct net net; /* of this process, a node too */
    struct session session;
    uint64_t nodes, kills, ledger_kills;
    uint64_t random;
    bool json, help;

    char folder[64]; /* of the secret */
    char program[512];
    struct cluster_child children[CLUSTER_NODES_MAX];
    uint64_t killed, stopped, restarted; /* so far */
    uint64_t faults;                     /* of both kinds that were tried */
    bool closing;
    size_t ended; /* children, while closing */
    bool view;    /* on a terminal */
    size_t view_lines;
    tp_time view_at; /* when `view_made` was counted */
    uint64_t view_made;
    int status;
};

/* Who does what among so many nodes. */
void cluster_plan(struct cluster *cluster);
/* Makes the folder with the secret. False: said why. */
bool cluster_prepare(struct cluster *cluster);
void cluster_tidy(struct cluster *cluster);
/* Starts a node's process. */
tp_err cluster_child_start(tp_actor *self, struct cluster *cluster, struct cluster_child *child);
/* Kills or stops nodes when their time has come; lets stopped ones go on (all: at once). */
void cluster_faults(tp_actor *self, struct cluster *cluster);
void cluster_go_on(tp_actor *self, struct cluster *cluster, bool all);

/* Draws the nodes on a terminal; removes the drawing. */
void cluster_view(tp_actor *self, struct cluster *cluster);
void cluster_view_end(struct cluster *cluster);

#endif
