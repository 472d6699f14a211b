/*
 * Signals on their way: from an actor here into a frame, from a frame to an actor here.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/message/message.h"
#include "transport/node/node.h"

/* A sender of this slot is the node itself, asking an actor here for room. */
#define NODE_SLOT UINT32_MAX

struct tpi_peer_state *tpi_peer_find(struct tp_node *node, uint64_t id) {
    /* acquire: partner is the release store in peer_place */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_acquire);
    for (uint32_t i = 0; id != 0 && i < count; i++)
        /* acquire: partner is the release store in install */
        if (atomic_load_explicit(&node->peers[i]->id, memory_order_acquire) == id)
            return node->peers[i];
    return NULL;
}

/* ---- out ---- */

static uint64_t pid_key(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

/* [name, and the count of fields: the same for all messages of a type. */
static tp_bin head_of(struct tpi_conn *conn, const tp_message_type *type) {
    if (conn->head_type != type) {
        conn->head_size = 0;
        (void)tpi_message_pack(type, NULL, 0, conn->head, sizeof conn->head, &conn->head_size);
        conn->head_type = type;
    }
    return (tp_bin){conn->head, conn->head_size};
}

static void frame_reason(struct tpi_frame *frame, const struct tpi_block *block, bool down) {
    const uint8_t *bytes = tpi_block_bytes(block);
    tp_reader in = {.at = bytes, .end = bytes + block->size};
    tp_exited exited = {0};
    tp_down gone = {0};
    if (down) tp_down_message.decode(&gone, &in, tp_down_message.field_count);
    else tp_exited_message.decode(&exited, &in, tp_exited_message.field_count);
    frame->code = down ? gone.code : exited.code;
    frame->payload = down ? gone.detail : exited.detail;
}

static uint8_t frame_type(const struct tpi_block *block) {
    switch ((enum tpi_kind)block->kind) {
    case TPI_KIND_MESSAGE:
        return block->flags & TPI_BLOCK_ALIAS ? TPI_FRAME_ALIAS : TPI_FRAME_MESSAGE;
    case TPI_KIND_REQUEST: return TPI_FRAME_REQUEST;
    case TPI_KIND_REPLY: return TPI_FRAME_REPLY;
    case TPI_KIND_FAILED: return TPI_FRAME_FAILED;
    case TPI_KIND_EXIT: return TPI_FRAME_EXIT;
    case TPI_KIND_LINK: return TPI_FRAME_LINK;
    case TPI_KIND_UNLINK: return TPI_FRAME_UNLINK;
    case TPI_KIND_UNLINK_ACK: return TPI_FRAME_UNLINK_ACK;
    case TPI_KIND_MONITOR: return TPI_FRAME_MONITOR;
    case TPI_KIND_DEMONITOR: return TPI_FRAME_DEMONITOR;
    case TPI_KIND_DOWN: return TPI_FRAME_DOWN;
    case TPI_KIND_RESUME: return TPI_FRAME_XON;
    default: return 0; /* concerns this node alone */
    }
}

/* Written in place: a frame that is returned is put together from small pieces and copied in large
 * ones, which on its way through the store buffer cost more than all the rest of a send. */
static void frame_of(struct tpi_conn *conn, const struct tpi_block *block, tp_pid to,
                     struct tpi_frame *frame) {
    tp_runtime *runtime = conn->node->runtime;
    tp_pid from = tpi_block_from(runtime, block);
    memset(frame, 0, sizeof *frame);
    frame->type = frame_type(block);
    frame->ref = block->ref;
    frame->code = block->code;
    if (frame->type != TPI_FRAME_XON) {
        frame->to_slot = to.slot;
        frame->to_generation = to.generation;
    }
    if (frame->type == TPI_FRAME_FAILED && tpi_is_remote(runtime, from)) from = tp_pid_null();
    frame->from_slot = from.generation == 0 ? 0 : from.slot;
    frame->from_generation = from.generation;
    if (tpi_is_remote(runtime, from)) {
        frame->flags |= TPI_FRAME_FOREIGN;
        frame->from_node = from.node;
    }
    if (frame->type <= TPI_FRAME_REPLY || frame->type == TPI_FRAME_ALIAS) {
        frame->prefix = head_of(conn, block->type);
        frame->payload = (tp_bin){tpi_block_bytes(block), block->size};
    } else if (frame->type == TPI_FRAME_EXIT || frame->type == TPI_FRAME_DOWN) {
        if (block->flags & TPI_BLOCK_LINKED) frame->flags |= TPI_FRAME_LINKED;
        frame_reason(frame, block, frame->type == TPI_FRAME_DOWN);
    }
}

/* True when senders to that actor should wait. Under the peer's lock. */
static bool is_full(struct tpi_peer_state *peer, tp_pid to) {
    return tpi_map_count(&peer->full) > 0 && tpi_map_get(&peer->full, pid_key(to), 0) != NULL;
}

static void grant(tp_runtime *runtime, struct tpi_waiter *waiter) {
    tpi_deliver_dead(runtime, NULL, waiter->to, waiter->credit); /* CREDIT becomes RESUME */
    free(waiter);
}

/* A sender asks for room: at once, or when there is some. Takes the block. */
static void ask(struct tp_node *node, struct tpi_worker *worker, struct tpi_peer_state *peer,
                tp_pid to, struct tpi_block *block) {
    struct tpi_waiter *waiter = malloc(sizeof *waiter);
    struct tpi_block *copy = tpi_block_copy(node->runtime, NULL, block);
    bool wait = false;
    if (waiter == NULL || copy == NULL) {
        if (copy != NULL) tpi_block_free(node->runtime, worker, copy);
        free(waiter);
        tpi_deliver_dead(node->runtime, worker, to, block);
        return;
    }
    tpi_block_free(node->runtime, worker, block);
    *waiter = (struct tpi_waiter){NULL, copy, to};
    tpi_mutex_lock(&peer->lock);
    struct tpi_conn *conn = peer->conn;
    /* relaxed: under the peer's lock, where it is written */
    if (conn != NULL && atomic_load_explicit(&peer->id, memory_order_relaxed) == to.node) {
        tpi_mutex_lock(&conn->lock);
        bool behind = tpi_conn_backlog(conn) > node->backlog / 2;
        wait = behind || is_full(peer, to);
        if (behind) conn->waiting = true;
        tpi_mutex_unlock(&conn->lock);
    }
    if (wait) {
        waiter->next = peer->waiters;
        peer->waiters = waiter;
    }
    tpi_mutex_unlock(&peer->lock);
    if (!wait) grant(node->runtime, waiter);
}

void tpi_waiters_release(struct tpi_peer_state *peer) {
    struct tpi_waiter *go = NULL, **place;
    tpi_mutex_lock(&peer->lock);
    for (place = &peer->waiters; *place != NULL;) {
        struct tpi_waiter *waiter = *place;
        if (is_full(peer, waiter->to)) {
            place = &waiter->next;
            continue;
        }
        *place = waiter->next;
        waiter->next = go;
        go = waiter;
    }
    tpi_mutex_unlock(&peer->lock);
    while (go != NULL) {
        struct tpi_waiter *waiter = go;
        go = waiter->next;
        grant(peer->node->runtime, waiter);
    }
}

/* What could not be queued is answered as if nobody were there. */
static void refuse(struct tp_node *node, struct tpi_worker *worker, tp_pid to,
                   struct tpi_block *block, tp_err err) {
    tpi_node_count(&node->dropped);
    if (block->kind == TPI_KIND_REQUEST && err != TP_ECLOSED)
        tpi_fail_block(node->runtime, worker, block, err);
    else tpi_deliver_dead(node->runtime, worker, to, block);
}

/* Under the peer's lock. */
static tp_err queue_signal(struct tpi_peer_state *peer, tp_pid to, const struct tpi_block *block,
                           bool *wake, enum tpi_pressure *pressure) {
    struct tpi_conn *conn = peer->conn;
    struct tpi_frame frame;
    frame_of(conn, block, to, &frame);
    if (frame.type == 0) return TP_OK;
    if (frame.type == TPI_FRAME_XON)
        (void)tpi_map_remove(&peer->stopped,
                             pid_key((tp_pid){0, frame.from_slot, frame.from_generation}), 0);
    bool plain = frame.type == TPI_FRAME_MESSAGE;
    if (!plain && !tpi_relations_out(peer, &frame)) return TP_ENOMEM;
    tp_err err = tpi_conn_queue(conn, &frame, wake, pressure);
    if (is_full(peer, to) && *pressure == TPI_PRESSURE_NONE) *pressure = TPI_PRESSURE_OVER;
    return err;
}

enum tpi_pressure tpi_node_send(struct tpi_remote *remote, struct tpi_worker *worker, tp_pid to,
                                struct tpi_block *block) {
    struct tp_node *node = TPI_CONTAINER_OF(remote, struct tp_node, remote);
    struct tpi_peer_state *peer = tpi_peer_find(node, to.node);
    enum tpi_pressure pressure = TPI_PRESSURE_NONE;
    struct tpi_conn *waking = NULL;
    bool wake = false;
    tp_err err = TP_ECLOSED;
    if (peer != NULL && block->kind == TPI_KIND_CREDIT) {
        ask(node, worker, peer, to, block);
        return pressure;
    }
    if (peer != NULL) {
        tpi_mutex_lock(&peer->lock);
        /* relaxed: under the lock where it is written */
        if (atomic_load_explicit(&peer->id, memory_order_relaxed) == to.node)
            err = queue_signal(peer, to, block, &wake, &pressure);
        if (wake) {
            waking = peer->conn;
            /* relaxed: under the lock that keeps the connection; the service thread frees none that
             * has users */
            atomic_fetch_add_explicit(&waking->users, 1, memory_order_relaxed);
        }
        tpi_mutex_unlock(&peer->lock);
    }
    /* the node's own actor waits for no peer: it serves all others, too */
    if (pressure != TPI_PRESSURE_NONE &&
        tp_pid_equal(tpi_block_from(node->runtime, block), node->names))
        pressure = TPI_PRESSURE_NONE;
    if (err == TP_OK) tpi_block_free(node->runtime, worker, block);
    else refuse(node, worker, to, block, err);
    if (waking != NULL) {
        tpi_stream_wake(waking->stream);
        /* release: partner is the acquire load before the connection is freed */
        atomic_fetch_sub_explicit(&waking->users, 1, memory_order_release);
    }
    tpi_node_count(&node->sent);
    return pressure;
}

/* ---- in ---- */

static struct tpi_far_type *make_type(struct tp_node *node, tp_str name, uint32_t count) {
    uint64_t hash = tp_name_hash(name.data, name.size);
    struct tpi_far_type *first = tpi_map_get(&node->types, hash, count), *type;
    for (type = first; type != NULL; type = type->next)
        if (type->type.name_size == name.size && memcmp(type->name, name.data, name.size) == 0)
            return type;
    if (node->type_count >= TPI_TYPES_MAX) return NULL;
    type = calloc(1, sizeof *type + name.size + 1);
    if (type == NULL) return NULL;
    memcpy(type->name, name.data, name.size);
    type->type.name = type->name;
    type->type.name_size = (uint32_t)name.size;
    type->type.hash = hash;
    type->type.field_count = count;
    type->next = first;
    if (tpi_map_put(&node->types, hash, count, type) != TP_OK) {
        free(type);
        return NULL;
    }
    node->type_count++;
    return type;
}

static struct tpi_far_type *find_type(struct tp_node *node, tp_str name, uint32_t count) {
    tpi_mutex_lock(&node->type_lock);
    struct tpi_far_type *type = make_type(node, name, count);
    tpi_mutex_unlock(&node->type_lock);
    return type;
}

const tp_message_type *tpi_far_type_of(struct tp_node *node, tp_str name, uint32_t count) {
    if (name.size == 0 || name.size > TP_NAME_SIZE_MAX) return NULL;
    struct tpi_far_type *type = find_type(node, name, count);
    return type == NULL ? NULL : &type->type;
}

/* The same for what comes over a connection, where the last one often comes again. */
static const tp_message_type *type_of(struct tpi_conn *conn, tp_str name, uint32_t count) {
    struct tpi_far_type *last = conn->last_type;
    if (last == NULL || last->type.field_count != count || last->type.name_size != name.size ||
        memcmp(last->name, name.data, name.size) != 0) {
        last = find_type(conn->node, name, count);
        if (last == NULL) return NULL;
        conn->last_type = last;
    }
    return &last->type;
}

/* An actor here is over its limit: its senders there wait until it says that it has room. */
static void stop_senders(struct tpi_conn *conn, tp_pid actor) {
    struct tp_node *node = conn->node;
    struct tpi_peer_state *peer = conn->peer;
    tp_pid asker = {conn->who.id, NODE_SLOT, 1};
    bool wake = false, stop = false;
    enum tpi_pressure pressure = TPI_PRESSURE_NONE;
    struct tpi_block *block = tpi_remote_block(node->runtime, TPI_KIND_CREDIT, asker, 0);
    if (block == NULL) return;
    block->ref = 1;
    tpi_mutex_lock(&peer->lock);
    if (peer->conn == conn && tpi_map_get(&peer->stopped, pid_key(actor), 0) == NULL &&
        tpi_map_put(&peer->stopped, pid_key(actor), 0, peer) == TP_OK) {
        struct tpi_frame frame = {
            .type = TPI_FRAME_XOFF, .from_slot = actor.slot, .from_generation = actor.generation};
        stop = tpi_conn_queue(conn, &frame, &wake, &pressure) == TP_OK;
    }
    tpi_mutex_unlock(&peer->lock);
    if (stop) (void)tpi_remote_deliver(node->runtime, actor, block, NULL);
    else tpi_block_free(node->runtime, NULL, block);
    if (wake) tpi_stream_wake(conn->stream);
}

/* Messages that were gathered go before whatever comes now. */
static void deliver_arrived(struct tpi_conn *conn) {
    tp_pid to = conn->arrived.to;
    uint32_t lost = 0;
    if (conn->arrived.count == 0) return;
    enum tpi_admitted admitted =
        tpi_remote_deliver_all(conn->node->runtime, &conn->arrived, &lost, &conn->wakes);
    if (admitted == TPI_ADMITTED_OVER) stop_senders(conn, to);
    /* relaxed: a number */
    if (lost > 0) atomic_fetch_add_explicit(&conn->node->dropped, lost, memory_order_relaxed);
}

void tpi_route_flush(struct tpi_conn *conn) {
    deliver_arrived(conn);
    tpi_remote_wake(conn->node->runtime, &conn->wakes);
}

static bool route_message(struct tpi_conn *conn, const struct tpi_frame *frame, tp_pid from,
                          tp_pid to) {
    static const uint8_t kinds[] = {
        [TPI_FRAME_MESSAGE] = TPI_KIND_MESSAGE,
        [TPI_FRAME_REQUEST] = TPI_KIND_REQUEST,
        [TPI_FRAME_REPLY] = TPI_KIND_REPLY,
        [TPI_FRAME_ALIAS] = TPI_KIND_MESSAGE,
    };
    struct tp_node *node = conn->node;
    const tp_message_type *type = type_of(conn, frame->name, frame->field_count);
    struct tpi_block *block = type == NULL ? NULL
                                           : tpi_remote_block_in(node->runtime, conn->pool,
                                                                 (enum tpi_kind)kinds[frame->type],
                                                                 from, frame->fields.size);
    if (block == NULL) {
        tpi_node_count(&node->dropped);
        return type != NULL;
    }
    block->type = type;
    block->ref = frame->type == TPI_FRAME_MESSAGE ? 0 : frame->ref;
    if (frame->type == TPI_FRAME_ALIAS) block->flags |= TPI_BLOCK_ALIAS;
    if (frame->type == TPI_FRAME_REPLY) block->flags |= TPI_BLOCK_UNCOUNTED;
    if (frame->fields.size > 0)
        memcpy(tpi_block_payload(block), frame->fields.data, frame->fields.size);
    bool plain = block->kind == TPI_KIND_MESSAGE;
    if (!plain || !tp_pid_equal(conn->arrived.to, to)) deliver_arrived(conn);
    if (plain) {
        tpi_remote_gather(&conn->arrived, to, block);
        return true;
    }
    enum tpi_admitted admitted = tpi_remote_deliver(node->runtime, to, block, &conn->wakes);
    if (admitted == TPI_ADMITTED_OVER) stop_senders(conn, to);
    if (admitted == TPI_ADMITTED_NOT) tpi_node_count(&node->dropped);
    return true;
}

static struct tpi_block *reason_block(tp_runtime *runtime, const struct tpi_frame *frame,
                                      tp_pid from) {
    bool down = frame->type == TPI_FRAME_DOWN;
    size_t room = 64 + frame->payload.size;
    struct tpi_block *block =
        tpi_remote_block(runtime, down ? TPI_KIND_DOWN : TPI_KIND_EXIT, from, room);
    if (block == NULL) return NULL;
    uint8_t *payload = tpi_block_payload(block);
    tp_writer out = {.at = payload, .end = payload + room};
    if (down)
        tp_down_message.encode(
            &(tp_down){
                .ref = frame->ref, .from = from, .code = frame->code, .detail = frame->payload},
            &out);
    else
        tp_exited_message.encode(
            &(tp_exited){.from = from, .code = frame->code, .detail = frame->payload}, &out);
    block->type = down ? &tp_down_message : &tp_exited_message;
    block->size = (uint32_t)(out.at - payload);
    if (frame->flags & TPI_FRAME_LINKED) block->flags |= TPI_BLOCK_LINKED;
    return block;
}

static bool route_signal(struct tpi_conn *conn, const struct tpi_frame *frame, tp_pid from,
                         tp_pid to) {
    static const uint8_t kinds[] = {
        [TPI_FRAME_FAILED] = TPI_KIND_FAILED,   [TPI_FRAME_LINK] = TPI_KIND_LINK,
        [TPI_FRAME_UNLINK] = TPI_KIND_UNLINK,   [TPI_FRAME_UNLINK_ACK] = TPI_KIND_UNLINK_ACK,
        [TPI_FRAME_MONITOR] = TPI_KIND_MONITOR, [TPI_FRAME_DEMONITOR] = TPI_KIND_DEMONITOR,
    };
    tp_runtime *runtime = conn->node->runtime;
    struct tpi_peer_state *peer = conn->peer;
    bool reason = frame->type == TPI_FRAME_EXIT || frame->type == TPI_FRAME_DOWN;
    struct tpi_block *block =
        reason ? reason_block(runtime, frame, from)
               : tpi_remote_block(runtime, (enum tpi_kind)kinds[frame->type], from, 0);
    if (block == NULL) { /* a lost signal would be a lie: rather end the connection */
        tpi_node_count(&conn->node->dropped);
        return false;
    }
    block->ref = frame->ref;
    block->code = (uint16_t)frame->code;
    block->flags |= TPI_BLOCK_UNCOUNTED;
    tpi_mutex_lock(&peer->lock);
    bool good = tpi_relations_in(peer, frame);
    tpi_mutex_unlock(&peer->lock);
    deliver_arrived(conn);
    if (good) (void)tpi_remote_deliver(runtime, to, block, &conn->wakes);
    else tpi_block_free(runtime, NULL, block);
    return good;
}

static bool route_pressure(struct tpi_conn *conn, const struct tpi_frame *frame) {
    struct tpi_peer_state *peer = conn->peer;
    uint64_t key = pid_key((tp_pid){0, frame->from_slot, frame->from_generation});
    bool on = frame->type == TPI_FRAME_XON;
    tpi_mutex_lock(&peer->lock);
    if (on) (void)tpi_map_remove(&peer->full, key, 0);
    else if (tpi_map_count(&peer->full) < TPI_RELATIONS_MAX)
        (void)tpi_map_put(&peer->full, key, 0, peer);
    tpi_mutex_unlock(&peer->lock);
    if (on) tpi_waiters_release(peer);
    return true;
}

/* The peer's own actor is known from now on: once in a connection, since each is remembered. */
static bool meet(struct tpi_conn *conn, tp_pid from) {
    if (conn->met || tp_pid_is_null(from)) return false;
    conn->met = true;
    tpi_mutex_lock(&conn->peer->lock);
    conn->peer->names = from;
    tpi_mutex_unlock(&conn->peer->lock);
    bool hidden = (conn->who.hello.features & TPI_FEATURE_HIDDEN) != 0;
    if (tpi_groups_meet(conn->node, from, conn->who.hello.name, hidden) == TP_OK) return true;
    /* groups and names of the cluster would never hear of that node: better a new connection */
    tpi_mutex_lock(&conn->lock);
    conn->reason = "overload";
    if (conn->goodbye < 0) conn->goodbye = TPI_GOODBYE_OVERLOAD;
    tpi_mutex_unlock(&conn->lock);
    tpi_stream_wake(conn->stream);
    return true;
}

bool tpi_route(struct tpi_conn *conn, const struct tpi_frame *frame) {
    struct tp_node *node = conn->node;
    tp_pid to = {node->runtime->node, frame->to_slot, frame->to_generation};
    bool foreign = (frame->flags & TPI_FRAME_FOREIGN) != 0;
    tp_pid from = {foreign ? frame->from_node : conn->who.id, frame->from_slot,
                   frame->from_generation};
    if (from.generation == 0) from = tp_pid_null();
    if (frame->type == TPI_FRAME_XOFF || frame->type == TPI_FRAME_XON)
        return route_pressure(conn, frame);
    if (frame->type == TPI_FRAME_OPERATION) {
        if (frame->operation != TPI_OPERATION_NAMES) return true; /* of a later version */
        return !foreign && meet(conn, from);
    }
    if (!tpi_permitted(conn, frame, from, to)) return true;
    if (frame->type <= TPI_FRAME_REPLY || frame->type == TPI_FRAME_ALIAS) {
        if (frame->type == TPI_FRAME_REPLY) {
            tpi_mutex_lock(&conn->peer->lock);
            (void)tpi_relations_in(conn->peer, frame);
            tpi_mutex_unlock(&conn->peer->lock);
        }
        return route_message(conn, frame, from, to);
    }
    /* nobody links, watches or ends in another's name */
    return !foreign && route_signal(conn, frame, from, to);
}
