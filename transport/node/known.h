/*
 * What a node keeps of names, permissions, behaviours and groups that concern other nodes.
 */
#ifndef TPI_NODE_KNOWN_H
#define TPI_NODE_KNOWN_H

#include <troupe/node.h>

#include "transport/wire/hello.h"

struct tpi_export {
    struct tpi_export *next;
    char name[];
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

/* What the node's own actor knows of shared groups (groups.c). */
struct tpi_desk {
    struct tp_node *node;
    uint64_t token; /* shows that a message is this node's own */
    struct tpi_scope *scopes;
    uint32_t scope_count;
    struct tpi_far_desk *fars;
};

struct tpi_node_watch {
    struct tpi_node_watch *next;
    tp_pid who;
};

#endif
