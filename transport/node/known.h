/*
 * What a node keeps of names, addresses, permissions, behaviours and groups that concern other
 * nodes.
 */
#ifndef TPI_NODE_KNOWN_H
#define TPI_NODE_KNOWN_H

#include <troupe/node.h>

#include "core/base/list.h"
#include "core/base/map.h"
#include "core/platform/platform.h"
#include "transport/link/link.h"
#include "transport/wire/hello.h"

struct tpi_export {
    struct tpi_export *next;
    char name[];
};

struct tpi_join { /* an address to be connected to; under node->lock */
    struct tpi_list link;
    struct tp_node *node;
    struct tpi_attempt *attempt;
    struct tpi_conn *conn;
    bool keep;   /* again after a loss */
    bool begun;  /* an attempt is under way, or a connection is up */
    bool failed; /* the attempt is over, to be freed */
    bool waited; /* somebody waits for `done` */
    bool done;
    bool myself;                     /* the last attempt found this very node */
    bool found;                      /* by its source, the last time; discover.c */
    bool learned;                    /* another node told it: mesh.c */
    unsigned misses;                 /* attempts since it was last up that have failed */
    const struct tpi_source *source; /* NULL: none */
    tp_err err;
    uint64_t peer;
    tp_time next;      /* the next attempt */
    tp_time forget_at; /* learned, and nobody is there; 0: somebody is */
    tp_duration pause;
    char url[TPI_LINK_URL_MAX];
    char name[TPI_NODE_NAME_MAX + 1]; /* learned: of the node */
};

struct tpi_permit { /* what a node of that name may do */
    struct tpi_permit *next;
    uint32_t may;
    char name[TPI_NODE_NAME_MAX + 1];
};

struct tpi_spawnable { /* a behaviour that other nodes may start */
    struct tpi_spawnable *next;
    const tp_behavior *behavior;
    const tp_message_type *arguments; /* NULL: it takes none */
};

/* What the node's own actor knows of shared groups and of its like. */
struct tpi_desk {
    struct tp_node *node;
    uint64_t token; /* shows that a message is this node's own */
    struct tpi_scope *scopes;
    uint32_t scope_count;
    struct tpi_far_desk *fars;
    struct tpi_kept *kept;
    bool apart; /* it has been said that some of them cannot meet: mesh.c */
};

struct tpi_kept { /* a supervised child that was started for another node: spawn.c */
    struct tpi_kept *next;
    tp_pid keeper, asker;
    tp_ref monitor; /* of the keeper */
    uint64_t token; /* the asker's, for this start */
};

struct tpi_far_desk { /* the like of this actor on a connected node */
    struct tpi_far_desk *next;
    tp_pid pid;
    tp_ref monitor;
    char name[TPI_NODE_NAME_MAX + 1]; /* of the node */
    bool hidden;                      /* mesh.c, as the next */
    uint32_t here;                    /* times that it said where it is */
    char url[TPI_LINK_URL_MAX];       /* there; "": nowhere that others could reach */
    struct tpi_scope *syncing;        /* groups.c, between begin and end */
    struct tpi_membership *news;
    uint32_t count;  /* of news */
    uint32_t claims; /* cluster.c: names in the cluster that it speaks for */
};

/* Names of the whole cluster. The node's own actor alone changes it, under the lock, and reads it
 * without; others read under the lock. */
struct tpi_cluster {
    tpi_mutex lock;
    struct tpi_map index;  /* (hash, 0) -> first of the chain */
    struct tpi_list names; /* all */
    struct tpi_map locals; /* (monitor, 0) -> claim of an actor here; the node's actor's alone */
};

struct tpi_node_watch {
    struct tpi_node_watch *next;
    tp_pid who;
};

#endif
