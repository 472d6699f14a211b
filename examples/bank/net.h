/*
 * A node of the bank: its options, and the actors that its roles ask for. Shared by `bank node` and
 * `bank cluster`.
 */
#ifndef EXAMPLES_BANK_NET_H
#define EXAMPLES_BANK_NET_H

#include <troupe/node.h>

#include "actors/bank/cluster.h"
#include "actors/bank/shard.h"

#define NET_JOINS_MAX 64

struct net {
    const char *command; /* for errors */
    char name[BANK_NODE_SIZE];
    char listen[BANK_URL_SIZE];
    char joins[NET_JOINS_MAX][BANK_URL_SIZE];
    size_t join_count;
    bool roles[BANK_ROLES];
    char secret[256];                                /* a file; empty: none */
    char certificate[256], key[256], authority[256]; /* files for tls+tcp:// and wss://; or none */
    char tls_name[136]; /* that the certificates of the others have; empty: the hosts of the URLs */
    bool plain, hidden;
    char inspect[136]; /* who may look at it, or "any"; empty: nobody */
    uint64_t shard, shards;
    uint64_t heartbeat_ms;
    uint64_t workers;
    uint64_t crash_one_in;

    /* while it runs */
    tp_runtime *runtime;
    tp_node *node;
    char url[BANK_URL_SIZE]; /* that it listens at; empty: nowhere */
    struct bank_store *store;
    struct bank_shard ledger;
};

/* One setting by its name, as an option or a line of a configuration file gives it. False: it is
 * wrong, and that was said. */
bool net_set(struct net *net, const char *name, const char *value);
/* Reads "name = value" lines; '#' begins a comment. False: said why. */
bool net_read(struct net *net, const char *path);
/* Checks what must fit together. False: said why. */
bool net_check(struct net *net);

/* Starts runtime and node, listens, joins. 0, or an exit status; net_stop ends it in any case. */
int net_start(struct net *net);
/* From an actor: starts the directory and what the roles ask for, under a supervisor linked to
 * it. */
tp_err net_actors_start(tp_actor *self, struct net *net);
/* Stops and frees everything. */
void net_stop(struct net *net);

#endif
