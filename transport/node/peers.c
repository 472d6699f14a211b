/*
 * Who is connected, for people.
 */
#include "transport/node/node.h"

_Static_assert(sizeof(((tp_node_peer *)NULL)->name) > TPI_NODE_NAME_MAX, "a name fits");

/* Under node->lock, so that the connection does not end meanwhile. */
static void describe(struct tpi_peer_state *peer, uint64_t id, tp_time now, tp_node_peer *out) {
    struct tpi_conn *conn = peer->conn;
    /* relaxed, both: a set of marks, and a time */
    *out = (tp_node_peer){.node = id,
                          .may = atomic_load_explicit(&peer->may, memory_order_relaxed),
                          .outgoing = conn->initiator,
                          .silent = now - atomic_load_explicit(&conn->heard, memory_order_relaxed)};
    if (out->silent < 0) out->silent = 0;
    tpi_node_text(out->name, sizeof out->name, peer->name);
    tpi_mutex_lock(&conn->lock);
    out->backlog = tpi_conn_backlog(conn);
    tpi_mutex_unlock(&conn->lock);
}

size_t tp_node_peers(tp_node *node, tp_node_peer *out, size_t max) {
    size_t found = 0;
    if (node == NULL || (out == NULL && max > 0)) return 0;
    tpi_mutex_lock(&node->lock);
    tp_time now = tpi_node_now(node);
    /* relaxed: under node->lock, where it is written */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        /* relaxed: likewise */
        uint64_t id = atomic_load_explicit(&node->peers[i]->id, memory_order_relaxed);
        if (id == 0 || node->peers[i]->conn == NULL) continue;
        if (found < max) describe(node->peers[i], id, now, &out[found]);
        found++;
    }
    tpi_mutex_unlock(&node->lock);
    return found;
}
