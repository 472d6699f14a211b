/*
 * What is between actors here and actors of one other node: links, monitors, calls under way. Kept
 * only to be told when the connection ends; the actors' own tables decide what they believe, so an
 * entry too many does no harm.
 */
#include <stdlib.h>

#include "transport/node/node.h"

static uint64_t key_of(uint32_t slot, uint32_t generation) {
    return (uint64_t)slot << 32 | generation;
}

static tp_pid pid_of(uint64_t node, uint64_t key) {
    return (tp_pid){node, (uint32_t)(key >> 32), (uint32_t)key};
}

static void *map_alloc(void *context, size_t size) {
    (void)context;
    return malloc(size);
}
static void map_free(void *context, void *pointer, size_t size) {
    (void)context;
    (void)size;
    free(pointer);
}

void tpi_relations_init(struct tpi_peer_state *peer) {
    struct tpi_map *maps[] = {&peer->links, &peer->watching, &peer->watched,
                              &peer->calls, &peer->full,     &peer->stopped};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        tpi_map_init(maps[i], (struct tpi_map_memory){map_alloc, map_free, NULL});
}

static bool put(struct tpi_map *map, uint64_t ref, tp_pid here, tp_pid there) {
    struct tpi_relation *relation = malloc(sizeof *relation);
    if (relation == NULL) return false;
    *relation = (struct tpi_relation){here, there};
    free(tpi_map_remove(map, ref, 0));
    if (tpi_map_put(map, ref, 0, relation) == TP_OK) return true;
    free(relation);
    return false;
}

static bool put_link(struct tpi_peer_state *peer, uint64_t here, uint64_t there) {
    return tpi_map_put(&peer->links, here, there, peer) == TP_OK;
}

bool tpi_relations_out(struct tpi_peer_state *peer, const struct tpi_frame *frame) {
    uint64_t node = peer->node->runtime->node;
    /* relaxed: under the peer's lock, where it is written */
    uint64_t other = atomic_load_explicit(&peer->id, memory_order_relaxed);
    uint64_t here = key_of(frame->from_slot, frame->from_generation);
    uint64_t there = key_of(frame->to_slot, frame->to_generation);
    tp_pid from = pid_of(node, here), to = pid_of(other, there);
    if (frame->flags & TPI_FRAME_FOREIGN) return true;
    switch (frame->type) {
    case TPI_FRAME_LINK: return put_link(peer, here, there);
    case TPI_FRAME_UNLINK: (void)tpi_map_remove(&peer->links, here, there); return true;
    case TPI_FRAME_EXIT:
        if (frame->flags & TPI_FRAME_LINKED) (void)tpi_map_remove(&peer->links, here, there);
        return true;
    case TPI_FRAME_MONITOR: return put(&peer->watching, frame->ref, from, to);
    case TPI_FRAME_DEMONITOR: free(tpi_map_remove(&peer->watching, frame->ref, 0)); return true;
    case TPI_FRAME_DOWN: free(tpi_map_remove(&peer->watched, frame->ref, 0)); return true;
    case TPI_FRAME_REQUEST: return put(&peer->calls, frame->ref, from, to);
    default: return true;
    }
}

bool tpi_relations_in(struct tpi_peer_state *peer, const struct tpi_frame *frame) {
    uint64_t node = peer->node->runtime->node;
    /* relaxed: as above */
    uint64_t other = atomic_load_explicit(&peer->id, memory_order_relaxed);
    uint64_t here = key_of(frame->to_slot, frame->to_generation);
    uint64_t there = key_of(frame->from_slot, frame->from_generation);
    switch (frame->type) {
    case TPI_FRAME_LINK:
        return tpi_map_count(&peer->links) < TPI_RELATIONS_MAX && put_link(peer, here, there);
    case TPI_FRAME_UNLINK: (void)tpi_map_remove(&peer->links, here, there); return true;
    case TPI_FRAME_EXIT:
        if (frame->flags & TPI_FRAME_LINKED) (void)tpi_map_remove(&peer->links, here, there);
        return true;
    case TPI_FRAME_MONITOR:
        return tpi_map_count(&peer->watched) < TPI_RELATIONS_MAX &&
               put(&peer->watched, frame->ref, pid_of(node, here), pid_of(other, there));
    case TPI_FRAME_DEMONITOR: free(tpi_map_remove(&peer->watched, frame->ref, 0)); return true;
    case TPI_FRAME_DOWN: free(tpi_map_remove(&peer->watching, frame->ref, 0)); return true;
    case TPI_FRAME_REPLY:
    case TPI_FRAME_FAILED: free(tpi_map_remove(&peer->calls, frame->ref, 0)); return true;
    default: return true;
    }
}

/* ---- the end of a connection ---- */

static void fire_exit(tp_runtime *runtime, tp_pid here, tp_pid there) {
    struct tpi_block *block = tpi_remote_block(runtime, TPI_KIND_EXIT, there, 64);
    if (block == NULL) return;
    uint8_t *payload = tpi_block_payload(block);
    tp_writer out = {.at = payload, .end = payload + 64};
    tp_exited_message.encode(&(tp_exited){.from = there, .code = TP_EXIT_NOCONNECTION}, &out);
    block->type = &tp_exited_message;
    block->size = (uint32_t)(out.at - payload);
    block->flags |= TPI_BLOCK_LINKED | TPI_BLOCK_UNCOUNTED;
    (void)tpi_remote_deliver(runtime, here, block, NULL);
}

static void fire_down(tp_runtime *runtime, tp_pid here, tp_pid there, tp_ref ref) {
    struct tpi_block *block = tpi_remote_block(runtime, TPI_KIND_DOWN, there, 64);
    if (block == NULL) return;
    uint8_t *payload = tpi_block_payload(block);
    tp_writer out = {.at = payload, .end = payload + 64};
    tp_down_message.encode(&(tp_down){.ref = ref, .from = there, .code = TP_EXIT_NOCONNECTION},
                           &out);
    block->type = &tp_down_message;
    block->ref = ref;
    block->size = (uint32_t)(out.at - payload);
    block->flags |= TPI_BLOCK_UNCOUNTED;
    (void)tpi_remote_deliver(runtime, here, block, NULL);
}

/* An actor here forgets that somebody there watches it. */
static void forget_watcher(tp_runtime *runtime, tp_pid here, tp_pid there, tp_ref ref) {
    struct tpi_block *block = tpi_remote_block(runtime, TPI_KIND_DEMONITOR, there, 0);
    if (block == NULL) return;
    block->ref = ref;
    block->flags |= TPI_BLOCK_UNCOUNTED;
    (void)tpi_remote_deliver(runtime, here, block, NULL);
}

static void end_links(tp_runtime *runtime, struct tpi_map *links, uint64_t id) {
    uint64_t here, there;
    size_t cursor = 0;
    while (tpi_map_next(links, &cursor, &here, &there, NULL))
        fire_exit(runtime, pid_of(runtime->node, here), pid_of(id, there));
    tpi_map_fini(links);
}

static void end_refs(tp_runtime *runtime, struct tpi_map *map,
                     void (*fire)(tp_runtime *, tp_pid, tp_pid, tp_ref)) {
    uint64_t ref;
    size_t cursor = 0;
    void *value;
    while (tpi_map_next(map, &cursor, &ref, NULL, &value)) {
        struct tpi_relation *relation = value;
        fire(runtime, relation->here, relation->there, ref);
        free(relation);
    }
    tpi_map_fini(map);
}

static void fail_call(tp_runtime *runtime, tp_pid here, tp_pid there, tp_ref ref) {
    (void)there;
    tpi_fail_request(runtime, NULL, here, ref, TP_ENOCONNECTION);
}

void tpi_relations_end(struct tpi_peer_state *peer, uint64_t id) {
    tp_runtime *runtime = peer->node->runtime;
    struct tpi_peer_state had;
    tpi_mutex_lock(&peer->lock);
    had.links = peer->links;
    had.watching = peer->watching;
    had.watched = peer->watched;
    had.calls = peer->calls;
    tpi_map_fini(&peer->full);
    tpi_map_fini(&peer->stopped);
    tpi_relations_init(peer);
    tpi_mutex_unlock(&peer->lock);
    end_links(runtime, &had.links, id);
    end_refs(runtime, &had.watching, fire_down);
    end_refs(runtime, &had.watched, forget_watcher);
    end_refs(runtime, &had.calls, fail_call);
    tpi_waiters_release(peer);
}
