/*
 * A supervisor's children on other nodes: what the supervisor, which knows of no nodes, calls.
 */
#include <string.h>

#include <troupe/cluster.h>

#include "core/actor/extra.h"
#include "transport/node/node.h"

#define START_TIME TP_SECONDS(5)

static const tp_remote_child *child_of(const tp_child_start *how) {
    return TPI_CONTAINER_OF(how, const tp_remote_child, how);
}

/* What was heard last of the node of that name. *heartbeat is left as it is if that is nothing.
 * The id; 0: it is not connected. */
static uint64_t look_at(struct tp_node *node, const char *name, tp_duration *heartbeat) {
    uint64_t id = strcmp(name, node->hello.name) == 0 ? node->runtime->node : 0;
    /* acquire: partner is the release store in peer_place */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        struct tpi_peer_state *peer = node->peers[i];
        tpi_mutex_lock(&peer->lock);
        if (strcmp(peer->name, name) == 0) {
            /* relaxed: under the lock where it is written */
            id = atomic_load_explicit(&peer->id, memory_order_relaxed);
            *heartbeat = peer->heartbeat;
        }
        tpi_mutex_unlock(&peer->lock);
    }
    return id;
}

tp_err tp_remote_start(tp_actor *self, const tp_child_start *how, const tp_message_type *type,
                       const void *value, tp_pid *out) {
    TPI_INSIDE(self);
    if (how == NULL || out == NULL) return TP_EINVAL;
    const tp_remote_child *child = child_of(how);
    struct tp_node *node = tp_node_of(self->runtime);
    *out = tp_pid_null();
    if (node == NULL || child->behavior == NULL || child->at == NULL || child->timeout < 0)
        return TP_EINVAL;
    tp_duration timeout = child->timeout == 0 ? START_TIME : child->timeout, unused;
    for (size_t i = 0; child->at[i] != NULL; i++) {
        uint64_t at = look_at(node, child->at[i], &unused);
        if (at == 0) continue;
        tp_err err =
            tpi_spawn_supervised(self, node, at, child->behavior, timeout, out, type, value);
        if (err == TP_EFULL) return TP_ENOCONNECTION;                 /* too many a second: later */
        if (err != TP_ENOCONNECTION && err != TP_ENOPROC) return err; /* NOPROC: it is stopping */
    }
    return TP_ENOCONNECTION;
}

tp_duration tp_remote_settle(tp_actor *self, const tp_child_start *how) {
    TPI_INSIDE(self);
    struct tp_node *node = tp_node_of(self->runtime);
    tp_duration theirs = 0;
    if (node == NULL || how == NULL) return 0;
    const tp_remote_child *child = child_of(how);
    for (size_t i = 0; child->at != NULL && child->at[i] != NULL; i++) {
        tp_duration heartbeat = node->heartbeat;
        (void)look_at(node, child->at[i], &heartbeat);
        if (heartbeat > theirs) theirs = heartbeat;
    }
    return (node->heartbeat + theirs) / 4 * 5;
}
