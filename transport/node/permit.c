/*
 * What other nodes may do to actors here.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/node/node.h"

#define PERMITS_MAX 4096u

uint32_t tpi_permits_of(const struct tp_node *node, const char *name) {
    for (const struct tpi_permit *permit = node->permits; permit != NULL; permit = permit->next)
        if (strcmp(permit->name, name) == 0) return permit->may;
    return node->may;
}

void tpi_permits_free(struct tp_node *node) {
    while (node->permits != NULL) {
        struct tpi_permit *next = node->permits->next;
        free(node->permits);
        node->permits = next;
    }
}

/* Notes it for that name. Under the lock. */
static tp_err note(struct tp_node *node, const char *peer, uint32_t may) {
    struct tpi_permit *permit = node->permits;
    unsigned count = 0;
    for (; permit != NULL && strcmp(permit->name, peer) != 0; permit = permit->next) count++;
    if (permit == NULL) {
        permit = count < PERMITS_MAX ? calloc(1, sizeof *permit) : NULL;
        if (permit == NULL) return TP_ENOMEM;
        tpi_node_text(permit->name, sizeof permit->name, peer);
        permit->next = node->permits;
        node->permits = permit;
    }
    permit->may = may;
    return TP_OK;
}

tp_err tp_node_permit(tp_node *node, const char *peer, uint32_t may) {
    if (node == NULL || (may & ~(uint32_t)TP_MAY_ALL) != 0 ||
        (peer != NULL && !tpi_node_name_valid(peer, strlen(peer))))
        return TP_EINVAL;
    tp_err err = TP_OK;
    tpi_mutex_lock(&node->lock);
    if (peer == NULL) node->may = may;
    else err = note(node, peer, may);
    /* relaxed: under node->lock, where it is written */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        /* relaxed: a set of marks; frames that are being routed are before or after */
        atomic_store_explicit(&node->peers[i]->may, tpi_permits_of(node, node->peers[i]->name),
                              memory_order_relaxed);
    tpi_mutex_unlock(&node->lock);
    return err;
}

uint32_t tp_node_permissions(tp_node *node, uint64_t peer) {
    if (node == NULL) return 0;
    if (peer == node->runtime->node) return TP_MAY_ALL;
    struct tpi_peer_state *state = tpi_peer_find(node, peer);
    /* relaxed: as in tp_node_permit */
    return state == NULL ? 0 : atomic_load_explicit(&state->may, memory_order_relaxed);
}

bool tpi_node_may(struct tp_node *node, uint64_t id, uint32_t may) {
    struct tpi_peer_state *peer = tpi_peer_find(node, id);
    if (id == node->runtime->node) return true;
    /* relaxed: as in tp_node_permit */
    return peer != NULL && (atomic_load_explicit(&peer->may, memory_order_relaxed) & may) == may;
}

/* What a frame needs; 0: nothing. */
static uint32_t needs(const struct tpi_frame *frame) {
    switch (frame->type) {
    case TPI_FRAME_MESSAGE:
    case TPI_FRAME_ALIAS: return TP_MAY_SEND;
    case TPI_FRAME_REQUEST: return TP_MAY_CALL;
    case TPI_FRAME_MONITOR: return TP_MAY_MONITOR;
    case TPI_FRAME_LINK: return TP_MAY_LINK;
    case TPI_FRAME_EXIT: return frame->flags & TPI_FRAME_LINKED ? 0 : TP_MAY_KILL;
    default: return 0;
    }
}

/* A link or monitor that is refused hears what it would of nobody. */
static void answer_as_nobody(tp_runtime *runtime, enum tpi_kind kind, tp_pid from, tp_pid to,
                             tp_ref ref) {
    struct tpi_block *block = tpi_remote_block(runtime, kind, from, 0);
    if (block == NULL) return;
    block->ref = ref;
    block->flags |= TPI_BLOCK_UNCOUNTED;
    tpi_deliver_dead(runtime, NULL, to, block);
}

/* The node's own actor is nobody's to end, whatever a peer may do to others. */
static bool spares_our_own(const struct tp_node *node, const struct tpi_frame *frame, tp_pid to) {
    bool ends = frame->type == TPI_FRAME_EXIT || frame->type == TPI_FRAME_LINK;
    return !ends || !tp_pid_equal(to, node->names);
}

/* What speaks for an actor of another node: that needs a permission of its own, and is nothing for
 * those who judge by the sender's node. */
static bool may_speak_for(const struct tp_node *node, uint32_t may, tp_pid to) {
    uint64_t key = (uint64_t)to.slot << 32 | to.generation;
    /* relaxed: a number, set once, before that actor can be found */
    uint64_t inspector = atomic_load_explicit(&node->inspector, memory_order_relaxed);
    return (may & TP_MAY_PROXY) != 0 && !tp_pid_equal(to, node->names) && key != inspector;
}

void tpi_node_guard_inspector(struct tp_node *node, tp_pid inspector) {
    uint64_t key = (uint64_t)inspector.slot << 32 | inspector.generation;
    /* relaxed: as in may_speak_for */
    atomic_store_explicit(&node->inspector, key, memory_order_relaxed);
}

bool tpi_permitted(struct tpi_conn *conn, const struct tpi_frame *frame, tp_pid from, tp_pid to) {
    tp_runtime *runtime = conn->node->runtime;
    uint32_t need = needs(frame);
    /* relaxed: as in tp_node_permit */
    uint32_t may = atomic_load_explicit(&conn->peer->may, memory_order_relaxed);
    bool foreign = (frame->flags & TPI_FRAME_FOREIGN) != 0;
    if (__builtin_expect((may & need) == need, 1) && spares_our_own(conn->node, frame, to) &&
        (!foreign || may_speak_for(conn->node, may, to)))
        return true;
    tpi_node_count(&conn->node->forbidden);
    if (need == TP_MAY_CALL) tpi_fail_request(runtime, NULL, from, frame->ref, TP_EREFUSED);
    if (need == TP_MAY_MONITOR) answer_as_nobody(runtime, TPI_KIND_MONITOR, from, to, frame->ref);
    if (need == TP_MAY_LINK) answer_as_nobody(runtime, TPI_KIND_LINK, from, to, 0);
    return false;
}
