/*
 * One connection: the handshake, then frames in batches, until it is over.
 */
#include <stdlib.h>
#include <string.h>

#include "core/actor/steps.h"
#include "transport/node/node.h"

#define HANDSHAKE_TIME TP_SECONDS(5)
#define GOODBYE_TIME TP_SECONDS(2)
#define PROBE_TIME TP_MS(500)
#define FRAGMENT_ABOVE 32768u /* longer frames are cut */
#define FRAGMENT_PIECE 16384u
#define WAKE_EVERY 64u                /* frames between two times that their receivers are woken */
#define QUEUE_MOST ((size_t)64 << 20) /* a backlog above that ends the connection */

/* What watchers are told, by the goodbye that was said or heard. */
static const char *const goodbye_reasons[] = {"shutdown", "disconnect", "replaced", "violation",
                                              "overload"};

void tpi_node_poke(struct tp_node *node) {
    /* release: partner is the acquire load of the service thread, which then takes the lock */
    atomic_fetch_add_explicit(&node->work, 1, memory_order_release);
    if (tpi_node_is_simulated(node)) node->hub->poked = true;
    else tpi_futex_wake(&node->work, 64);
}

static void note_heard(struct tpi_conn *conn) {
    /* relaxed: a time that the service thread compares */
    atomic_store_explicit(&conn->heard, tpi_node_now(conn->node), memory_order_relaxed);
}

/* ---- the queue ---- */

/* Under the lock. The first goodbye, said or heard, is why the connection is over. */
static void say_goodbye(struct tpi_conn *conn, enum tpi_goodbye kind) {
    if (conn->reason == NULL) conn->reason = goodbye_reasons[kind];
    if (conn->goodbye < 0) conn->goodbye = (int)kind;
}

static uint8_t *queue_room(struct tpi_queue *queue, size_t more) {
    if (queue->room - queue->size < more) {
        size_t room = queue->room < 4096 ? 4096 : queue->room * 2;
        while (room - queue->size < more) room *= 2;
        uint8_t *bytes = realloc(queue->bytes, room);
        if (bytes == NULL) return NULL;
        queue->bytes = bytes;
        queue->room = room;
    }
    return queue->bytes + queue->size;
}

static tp_err queue_pieces(struct tpi_conn *conn, const struct tpi_frame *frame, size_t size) {
    if (size > (size_t)conn->limits.message_max) return TP_ETOOBIG;
    struct tpi_fragmenter cut;
    size_t most = FRAGMENT_PIECE;
    if (most > conn->limits.frame_max) most = conn->limits.frame_max;
    size_t pieces = size / (most - 64) + 2;
    /* room for all first: half a message must not stay in the queue */
    if (queue_room(&conn->queue, size + pieces * 64) == NULL) return TP_ENOMEM;
    tpi_fragmenter_init(&cut, ++conn->sequence, frame);
    while (!tpi_fragmenter_done(&cut)) {
        size_t used = 0;
        uint8_t *at = queue_room(&conn->queue, most);
        if (at == NULL) return TP_ENOMEM;
        (void)tpi_fragmenter_next(&cut, most, at, most, &used);
        conn->queue.size += used;
    }
    return TP_OK;
}

tp_err tpi_conn_queue(struct tpi_conn *conn, const struct tpi_frame *frame, bool *wake,
                      enum tpi_pressure *pressure) {
    size_t size = tpi_frame_size(frame), used = 0;
    tp_err err = TP_ECLOSED;
    tpi_mutex_lock(&conn->lock);
    size_t backlog = tpi_conn_backlog(conn);
    if (conn->state == TPI_CONN_UP && backlog > QUEUE_MOST) say_goodbye(conn, TPI_GOODBYE_OVERLOAD);
    if (conn->state == TPI_CONN_UP && conn->goodbye < 0) {
        uint8_t *at = NULL;
        if (size > FRAGMENT_ABOVE || size > conn->limits.frame_max) {
            err = queue_pieces(conn, frame, size);
        } else {
            at = queue_room(&conn->queue, size);
            err = at == NULL ? TP_ENOMEM : tpi_frame_encode(frame, at, size, &used);
            conn->queue.size += used;
        }
    }
    if (backlog > conn->node->backlog) *pressure = TPI_PRESSURE_OVER;
    if (backlog / 4 > conn->node->backlog) *pressure = TPI_PRESSURE_FAR;
    *wake = conn->idle;
    conn->idle = false;
    tpi_mutex_unlock(&conn->lock);
    return err;
}

/* ---- sending: the link asks ---- */

static void add_control(struct tpi_conn *conn, struct tpi_frame frame) {
    (void)tpi_batch_add(&conn->batch, &frame);
}

static void add_controls(struct tpi_conn *conn) {
    if (conn->credit != 0)
        add_control(conn, (struct tpi_frame){.type = TPI_FRAME_CREDIT, .ref = conn->credit});
    if (conn->pong != 0)
        add_control(conn, (struct tpi_frame){.type = TPI_FRAME_HEARTBEAT,
                                             .kind = TPI_HEARTBEAT_PONG,
                                             .ref = conn->pong});
    if (conn->beat)
        add_control(conn, (struct tpi_frame){
                              .type = TPI_FRAME_HEARTBEAT, .kind = TPI_HEARTBEAT_PING, .ref = 1});
    conn->credit = conn->pong = 0;
    conn->beat = false;
}

/*
 * A batch is made in steps: under the lock what is queued is taken as a whole, without it the
 * frames that may go are found, under it again what will be sent is counted, and without it that is
 * sealed (a sender would wait for that as long as for a hundred sends). Where there is nothing to
 * seal, the link writes straight from what was taken, which nobody touches before the next batch.
 * Only the link's sending chain does so, one step after another.
 */

/* Under the lock. Returns how much the window has room for. */
static uint64_t begin_batch(struct tpi_conn *conn) {
    tpi_batch_begin(&conn->batch, conn->wire, sizeof conn->wire);
    if (conn->said) return 0;
    add_controls(conn);
    if (conn->taken == 0) {
        struct tpi_queue empty = conn->going;
        conn->going = conn->queue;
        conn->queue = empty;
        conn->queue.size = 0;
        conn->sending = 0;
        conn->taken = conn->going.size;
    }
    return tpi_window_room(&conn->window_out);
}

/* Whole frames of what was taken, as many as fit and have credit. Returns their bytes that count
 * for the window. */
static uint64_t add_signals(struct tpi_conn *conn, uint64_t window) {
    const uint8_t *bytes = conn->going.bytes;
    size_t from = conn->sending, at = from, frames = 0;
    size_t room = tpi_batch_room(&conn->batch);
    uint64_t counted = 0, kept = tpi_window_kept(&conn->window_out, FRAGMENT_ABOVE);
    while (at < conn->going.size) {
        size_t size = TPI_FRAME_LENGTH_SIZE + tpi_get32(bytes + at);
        uint8_t type = bytes[at + TPI_FRAME_LENGTH_SIZE];
        bool control = tpi_frame_is_control(type), piece = type == TPI_FRAME_FRAGMENT;
        if (at + size - from > room) break;
        if (!control && counted + size + (piece ? 0 : kept) > window) break;
        if (!control) counted += size;
        at += size;
        frames++;
    }
    if (frames > 0) tpi_batch_add_encoded(&conn->batch, bytes + from, at - from, frames);
    conn->sending = at;
    return counted;
}

/* Under the lock. True: nothing could be sent, but meanwhile something can. */
static bool count_batch(struct tpi_conn *conn, uint64_t window, uint64_t counted) {
    conn->taken = conn->going.size - conn->sending;
    conn->window_out.sent += counted;
    if (conn->said) return false;
    if (conn->goodbye >= 0 && tpi_conn_backlog(conn) == 0) {
        struct tpi_frame bye = {.type = TPI_FRAME_GOODBYE, .kind = (uint8_t)conn->goodbye};
        conn->said = tpi_batch_add(&conn->batch, &bye) == TP_OK;
    }
    if (conn->batch.size > 0) return false;
    return conn->taken > 0 ? tpi_window_room(&conn->window_out) > window : conn->queue.size > 0;
}

/* Under the lock, which it gives back for a while. */
static void fill_batch(struct tpi_conn *conn) {
    for (;;) {
        uint64_t window = begin_batch(conn);
        tpi_mutex_unlock(&conn->lock);
        uint64_t counted = conn->said ? 0 : add_signals(conn, window);
        tpi_mutex_lock(&conn->lock);
        if (!count_batch(conn, window, counted)) return;
        tp_bin nothing;
        (void)tpi_batch_end(&conn->batch, &nothing);
    }
}

static bool is_over(const struct tpi_conn *conn) {
    return (conn->said && conn->heard_bye) || conn->state == TPI_CONN_OVER;
}

static size_t fill(void *context, const uint8_t **bytes) {
    struct tpi_conn *conn = context;
    tp_bin out = {conn->wire, 0};
    tpi_mutex_lock(&conn->lock);
    size_t size = conn->raw_size;
    bool raw = size > 0, good = true;
    if (raw) memcpy(conn->wire, conn->raw, size);
    conn->raw_size = 0;
    bool batch = !raw && conn->state == TPI_CONN_UP;
    if (batch) {
        fill_batch(conn);
        size = conn->batch.size;
    }
    if (size > 0) conn->sent_at = tpi_node_now(conn->node);
    conn->idle = size == 0;
    bool close = size == 0 && is_over(conn);
    bool release = conn->waiting && tpi_conn_backlog(conn) <= conn->node->backlog / 2;
    if (release) conn->waiting = false;
    struct tpi_peer_state *peer = conn->peer;
    tpi_mutex_unlock(&conn->lock);
    out.size = size;
    if (batch) good = tpi_batch_end(&conn->batch, &out) == TP_OK;
    if (release && peer != NULL) tpi_waiters_release(peer);
    if (close || !good) tpi_stream_close(conn->stream);
    *bytes = out.data;
    return out.size;
}

void tpi_conn_goodbye(struct tpi_conn *conn, enum tpi_goodbye kind) {
    tpi_mutex_lock(&conn->lock);
    say_goodbye(conn, kind);
    tpi_mutex_unlock(&conn->lock);
    conn->deadline = tpi_node_now(conn->node) + GOODBYE_TIME;
    tpi_stream_wake(conn->stream);
}

/* ---- the handshake ---- */

/* What the handshake wants to send goes to `raw`, from where the link takes it. */
static void take_output(struct tpi_conn *conn) {
    tpi_mutex_lock(&conn->lock);
    conn->raw_size += tpi_handshake_output(&conn->handshake, conn->raw + conn->raw_size,
                                           sizeof conn->raw - conn->raw_size);
    tpi_mutex_unlock(&conn->lock);
}

static struct tpi_peer_state *peer_by_name(struct tp_node *node, const char *name) {
    /* relaxed: under node->lock, where it is written */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(node->peers[i]->name, name) == 0) return node->peers[i];
    return NULL;
}

static struct tpi_peer_state *peer_place(struct tp_node *node, const char *name) {
    struct tpi_peer_state *peer = peer_by_name(node, name);
    if (peer != NULL) return peer;
    /* relaxed: under node->lock, where it is written */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count && peer == NULL && count >= node->max_peers; i++)
        if (node->peers[i]->conn == NULL) peer = node->peers[i]; /* of a node that is gone */
    if (peer == NULL && count >= node->max_peers) return NULL;
    if (peer == NULL) {
        peer = calloc(1, sizeof *peer);
        if (peer == NULL) return NULL;
        peer->node = node;
        tpi_relations_init(peer);
        node->peers[count] = peer;
        /* release: partner is the acquire load in tpi_peer_find */
        atomic_store_explicit(&node->peer_count, count + 1, memory_order_release);
    }
    tpi_mutex_lock(&peer->lock);
    tpi_node_text(peer->name, sizeof peer->name, name);
    tpi_mutex_unlock(&peer->lock);
    return peer;
}

/* Our own attempt that has reached the same node: which of the two stays follows from the ids. */
static bool loses_to_ours(struct tpi_conn *conn, uint64_t id) {
    struct tp_node *node = conn->node;
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&node->conns, link, spare) {
        struct tpi_conn *other = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        if (other == conn || !other->initiator || other->state != TPI_CONN_HANDSHAKE) continue;
        if (other->who.id == id && !other->closed) return !tpi_wire_keeps(id, node->runtime->node);
    }
    return false;
}

/* Another attempt of ours that has reached the same node, and waits for its verdict: a second one
 * would replace the first. */
static bool is_second(struct tpi_conn *conn, uint64_t id) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&conn->node->conns, link, spare) {
        struct tpi_conn *other = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        if (other != conn && other->initiator && other->state == TPI_CONN_HANDSHAKE &&
            other->who.id == id && !other->second && !other->closed)
            return true;
    }
    return false;
}

/* Under node->lock, from within the handshake. */
static enum tpi_verdict judge(void *context, const struct tpi_peer *who) {
    struct tpi_conn *conn = context;
    struct tp_node *node = conn->node;
    conn->who = *who;
    conn->number = who->hello.connection;
    if (node->stopping) return TPI_VERDICT_STOPPING;
    if (conn->join != NULL) conn->join->peer = who->id;
    struct tpi_peer_state *peer = peer_by_name(node, who->hello.name);
    struct tpi_conn *old = peer == NULL ? NULL : peer->conn;
    bool same =
        old != NULL && memcmp(peer->incarnation, who->hello.incarnation, TPI_INCARNATION_SIZE) == 0;
    if (same) {
        bool newer = !conn->initiator && !old->initiator && conn->number > old->number;
        return newer ? TPI_VERDICT_WELCOME : TPI_VERDICT_DUPLICATE;
    }
    if (old != NULL && conn->initiator) return TPI_VERDICT_ALIVE;
    if (old != NULL) { /* another incarnation: is the one that we know still alive? */
        tp_time now = tpi_node_now(node);
        conn->judging = true;
        conn->judge_at = now + PROBE_TIME;
        conn->judge_heard = now;
        tpi_mutex_lock(&old->lock);
        old->beat = true;
        tpi_mutex_unlock(&old->lock);
        tpi_stream_wake(old->stream);
        return TPI_VERDICT_LATER;
    }
    conn->second = conn->initiator && is_second(conn, who->id);
    if (conn->second) return TPI_VERDICT_SIMULTANEOUS;
    if (!conn->initiator && loses_to_ours(conn, who->id)) return TPI_VERDICT_SIMULTANEOUS;
    return peer_place(node, who->hello.name) == NULL ? TPI_VERDICT_FULL : TPI_VERDICT_WELCOME;
}

static bool make_stashes(struct tpi_conn *conn) {
    conn->frame_stash = malloc(TPI_FRAME_LENGTH_SIZE + conn->node->hello.limits.frame_max);
    if (conn->who.secure) conn->record_stash = malloc(TPI_RECORD_HEAD + TPI_RECORD_MAX);
    return conn->frame_stash != NULL && (!conn->who.secure || conn->record_stash != NULL);
}

/* The handshake is done. Under node->lock. */
static bool install(struct tpi_conn *conn) {
    struct tp_node *node = conn->node;
    struct tpi_cipher send, receive;
    tpi_handshake_finish(&conn->handshake, &conn->who, &send, &receive);
    struct tpi_peer_state *peer = peer_place(node, conn->who.hello.name);
    bool good = peer != NULL && make_stashes(conn);
    if (good && peer->conn != NULL) {
        /* two at once were both accepted: both sides keep the same one */
        bool same = atomic_load_explicit(&peer->id, memory_order_relaxed) == conn->who.id;
        bool ours = tpi_wire_keeps(node->runtime->node, conn->who.id);
        good = !(same && peer->conn->initiator != conn->initiator && conn->initiator != ours);
    }
    if (!good) {
        tpi_secret_wipe(&send, sizeof send);
        tpi_secret_wipe(&receive, sizeof receive);
        return false;
    }
    if (peer->conn != NULL) {
        struct tpi_conn *old = peer->conn;
        tpi_conn_goodbye(old, TPI_GOODBYE_REPLACED);
        tpi_conn_end(old, goodbye_reasons[TPI_GOODBYE_REPLACED]);
    }
    tpi_receiver_init(&conn->receiver, &receive, &node->hello.limits, conn->record_stash,
                      conn->frame_stash);
    tpi_assembler_init(&conn->assembler, &node->hello.limits, NULL);
    conn->window_in.limit = node->hello.limits.window;
    tpi_mutex_lock(&peer->lock);
    tpi_mutex_lock(&conn->lock);
    tpi_batch_init(&conn->batch, &send);
    conn->limits = conn->who.hello.limits;
    conn->window_out.limit = conn->limits.window;
    conn->peer = peer;
    conn->state = TPI_CONN_UP;
    conn->sent_at = tpi_node_now(node);
    tpi_mutex_unlock(&conn->lock);
    memcpy(peer->incarnation, conn->who.hello.incarnation, TPI_INCARNATION_SIZE);
    peer->conn = conn;
    peer->names = tp_pid_null();
    peer->heartbeat = TP_MS((int64_t)conn->limits.heartbeat_ms);
    /* relaxed: routing of this connection begins after it, on the same thread or behind a lock */
    atomic_store_explicit(&peer->may, tpi_permits_of(node, peer->name), memory_order_relaxed);
    bool wake;
    enum tpi_pressure pressure = TPI_PRESSURE_NONE;
    struct tpi_frame names = {.type = TPI_FRAME_OPERATION,
                              .operation = TPI_OPERATION_NAMES,
                              .from_slot = node->names.slot,
                              .from_generation = node->names.generation};
    (void)tpi_conn_queue(conn, &names, &wake, &pressure);
    /* release: partner is the acquire load in tpi_peer_find; senders find it from now on */
    atomic_store_explicit(&peer->id, conn->who.id, memory_order_release);
    tpi_mutex_unlock(&peer->lock);
    tpi_node_count(&node->connections);
    return true;
}

static void tell_up(struct tpi_conn *conn) {
    tpi_watchers_tell(conn->node, conn->who.id, conn->who.hello.name, NULL);
}

/* Under node->lock. False: the connection is to be closed. */
static bool handshake_went_on(struct tpi_conn *conn) {
    struct tp_node *node = conn->node;
    take_output(conn);
    enum tpi_handshake_status status = conn->handshake.status;
    if (status == TPI_HANDSHAKE_FAILED) {
        enum tpi_verdict verdict = conn->handshake.verdict;
        bool known = verdict == TPI_VERDICT_DUPLICATE || verdict == TPI_VERDICT_SIMULTANEOUS;
        if (!conn->counted_refused && !known) tpi_node_count(&node->refused);
        conn->counted_refused = true;
        if (conn->join != NULL) conn->join->myself = conn->handshake.error.code == TPI_WIRE_SELF;
        tpi_log_runtime(
            node->runtime, known ? TP_LOG_DEBUG : TP_LOG_INFO, "a connection was not made: %s",
            known ? tpi_verdict_text(verdict) : tpi_wire_text(conn->handshake.error.code));
        tpi_mutex_lock(&conn->lock);
        conn->state = TPI_CONN_OVER; /* closed when the answer is written */
        tpi_mutex_unlock(&conn->lock);
        return true;
    }
    return status != TPI_HANDSHAKE_DONE || install(conn);
}

static bool take_handshake(struct tpi_conn *conn, const uint8_t **at, size_t *left) {
    struct tp_node *node = conn->node;
    tpi_mutex_lock(&node->lock);
    bool good = true;
    if (conn->state == TPI_CONN_HANDSHAKE && !conn->judging) {
        (void)tpi_handshake_input(&conn->handshake, at, left);
        good = handshake_went_on(conn);
    } else if (conn->judging) {
        good = false; /* nothing may come before the verdict */
    }
    bool up = good && conn->state == TPI_CONN_UP;
    if (up && conn->join != NULL) {
        conn->join->peer = conn->who.id;
        tpi_join_over(conn->join, TP_OK);
    }
    if (up) tell_up(conn);
    tpi_mutex_unlock(&node->lock);
    tpi_stream_wake(conn->stream);
    return good;
}

/* ---- receiving ---- */

static bool violation(struct tpi_conn *conn, enum tpi_wire_code code) {
    struct tp_node *node = conn->node;
    tpi_log_runtime(node->runtime, TP_LOG_WARN, "node %s broke the protocol: %s",
                    conn->who.hello.name, tpi_wire_text(code));
    tpi_node_count(&node->refused);
    tpi_mutex_lock(&conn->lock);
    conn->reason = "violation";
    tpi_mutex_unlock(&conn->lock);
    return false;
}

static bool take_control(struct tpi_conn *conn, const struct tpi_frame *frame) {
    enum tpi_wire_code code = TPI_WIRE_OK;
    bool wake = false;
    tpi_mutex_lock(&conn->lock);
    switch (frame->type) {
    case TPI_FRAME_CREDIT:
        code = tpi_window_credit(&conn->window_out, frame->ref);
        wake = conn->idle && tpi_conn_backlog(conn) > 0;
        break;
    case TPI_FRAME_HEARTBEAT:
        if (frame->kind == TPI_HEARTBEAT_PING) conn->pong = frame->ref == 0 ? 1 : frame->ref;
        wake = conn->pong != 0;
        break;
    case TPI_FRAME_GOODBYE:
        if (conn->reason == NULL) conn->reason = goodbye_reasons[frame->kind];
        conn->heard_bye = true;
        if (conn->goodbye < 0) conn->goodbye = TPI_GOODBYE_SHUTDOWN;
        wake = true;
        break;
    default: break; /* FLUSH is nobody's yet */
    }
    tpi_mutex_unlock(&conn->lock);
    if (wake) tpi_stream_wake(conn->stream);
    return code == TPI_WIRE_OK ? true : violation(conn, code);
}

static bool take_frame(struct tpi_conn *conn, const struct tpi_frame *frame) {
    struct tpi_frame whole;
    if (frame->type != TPI_FRAME_FRAGMENT) {
        if (tpi_frame_is_control(frame->type) && frame->type != TPI_FRAME_XOFF &&
            frame->type != TPI_FRAME_XON)
            return take_control(conn, frame);
        return tpi_route(conn, frame) || violation(conn, TPI_WIRE_VALUE);
    }
    switch (tpi_assembler_take(&conn->assembler, frame, &whole)) {
    case TPI_DECODED_MORE: return true;
    case TPI_DECODED_FRAME: return tpi_route(conn, &whole) || violation(conn, TPI_WIRE_VALUE);
    default: return violation(conn, conn->assembler.code);
    }
}

static void give_credit(struct tpi_conn *conn, uint64_t routed) {
    if (!tpi_window_route(&conn->window_in, routed)) return;
    tpi_mutex_lock(&conn->lock);
    conn->credit = conn->window_in.told = conn->window_in.routed;
    tpi_mutex_unlock(&conn->lock);
    tpi_stream_wake(conn->stream);
}

/* Under conn->routing. */
static bool take_frames(struct tpi_conn *conn, const uint8_t *at, size_t left) {
    struct tpi_frame frame;
    uint64_t routed = 0, count = 0;
    unsigned taken = 0;
    for (;;) {
        uint64_t before = conn->receiver.decoder.offset;
        enum tpi_decoded decoded = tpi_receiver_next(&conn->receiver, &at, &left, &frame);
        if (decoded == TPI_DECODED_MORE) break;
        if (decoded == TPI_DECODED_BAD)
            return violation(conn, tpi_receiver_error(&conn->receiver).code);
        uint64_t size = conn->receiver.decoder.offset - before;
        if (!tpi_frame_is_control(frame.type)) {
            if (tpi_window_receive(&conn->window_in, size) != TPI_WIRE_OK)
                return violation(conn, TPI_WIRE_WINDOW);
            routed += size;
            count++;
        }
        bool control = frame.type >= TPI_FRAME_CREDIT && frame.type != TPI_FRAME_XOFF &&
                       frame.type != TPI_FRAME_XON;
        if (conn->ended && !control) continue;
        if (!take_frame(conn, &frame)) return false;
        if (++taken % WAKE_EVERY == 0) tpi_route_flush(conn);
    }
    /* relaxed: a number */
    atomic_fetch_add_explicit(&conn->node->received, count, memory_order_relaxed);
    if (routed > 0) give_credit(conn, routed);
    return true;
}

static enum tpi_conn_state state_of(struct tpi_conn *conn) {
    tpi_mutex_lock(&conn->lock);
    enum tpi_conn_state state = conn->state;
    tpi_mutex_unlock(&conn->lock);
    return state;
}

static bool received(void *context, const uint8_t *bytes, size_t size) {
    struct tpi_conn *conn = context;
    note_heard(conn);
    enum tpi_conn_state state = state_of(conn);
    if (state == TPI_CONN_OVER) return true; /* it is closed when the answer is written */
    if (state == TPI_CONN_HANDSHAKE) {
        if (!take_handshake(conn, &bytes, &size)) return false;
        state = state_of(conn);
    }
    if (state != TPI_CONN_UP) return true;
    tp_runtime *runtime = conn->node->runtime;
    tpi_mutex_lock(&conn->routing);
    conn->pool = tpi_remote_pool_claim(runtime);
    bool good = take_frames(conn, bytes, size);
    tpi_route_flush(conn);
    tpi_remote_pool_release(runtime, conn->pool);
    tpi_mutex_unlock(&conn->routing);
    return good;
}

/* ---- the end ---- */

void tpi_conn_end(struct tpi_conn *conn, const char *reason) {
    struct tp_node *node = conn->node;
    struct tpi_peer_state *peer = conn->peer;
    if (peer == NULL || peer->conn != conn) return;
    tpi_mutex_lock(&conn->routing); /* waits for the batch that is being routed */
    conn->ended = true;
    tpi_mutex_unlock(&conn->routing);
    tpi_mutex_lock(&peer->lock);
    /* relaxed: written under both locks; senders look again under the peer's */
    uint64_t id = atomic_load_explicit(&peer->id, memory_order_relaxed);
    /* release: as in install */
    atomic_store_explicit(&peer->id, 0, memory_order_release);
    peer->conn = NULL;
    peer->names = tp_pid_null();
    tpi_mutex_unlock(&peer->lock);
    tpi_relations_end(peer, id);
    if (strcmp(reason, "shutdown") == 0 || strcmp(reason, "disconnect") == 0)
        tpi_mesh_left(node, id);
    tpi_watchers_tell(node, id, conn->who.hello.name, reason);
}

static void closed(void *context, tp_err why) {
    struct tpi_conn *conn = context;
    struct tp_node *node = conn->node;
    tpi_mutex_lock(&node->lock);
    if (conn->peer == NULL && why == TP_EREFUSED)
        tpi_log_runtime(node->runtime, TP_LOG_INFO,
                        "a connection was not made: TLS: one side's certificate was not accepted");
    if (conn->peer == NULL && !conn->initiator && !conn->counted_refused)
        tpi_node_count(&node->refused); /* it went away, or was sent away, unwelcomed */
    tpi_mutex_lock(&conn->lock);        /* a sender may just say that there is too much */
    const char *reason = conn->reason != NULL ? conn->reason : "closed";
    tpi_mutex_unlock(&conn->lock);
    tpi_conn_end(conn, reason);
    if (conn->join != NULL) {
        struct tpi_join *join = conn->join;
        conn->join = NULL;
        join->conn = NULL;
        bool have = conn->handshake.verdict == TPI_VERDICT_DUPLICATE ||
                    (join->peer != 0 && tpi_peer_find(node, join->peer) != NULL);
        /* the other one of two stays: it is on its way */
        if (!have && conn->handshake.verdict == TPI_VERDICT_SIMULTANEOUS) tpi_join_again(join);
        else tpi_join_over(join, conn->peer != NULL ? TP_ECLOSED : have ? TP_OK : TP_EREFUSED);
        join->begun = false;
    }
    conn->closed = true;
    tpi_node_poke(node); /* under the lock: when it is given back, the node may go with this */
    tpi_mutex_unlock(&node->lock);
}

static const struct tpi_stream_handler handler = {fill, received, closed};

struct tpi_conn *tpi_conn_new(struct tp_node *node, struct tpi_stream *stream,
                              struct tpi_join *join) {
    struct tpi_conn *conn = calloc(1, sizeof *conn);
    struct tpi_handshake_config config = {.initiator = join != NULL,
                                          .plain = !node->secure,
                                          .self = node->hello,
                                          .static_private = node->secure ? node->key : NULL,
                                          .psk = node->secure ? node->secret : NULL,
                                          .draw = tpi_node_draw,
                                          .draw_context = node,
                                          .check = judge,
                                          .check_context = conn};
    config.self.connection = ++node->connection;
    if (conn == NULL || tpi_handshake_init(&conn->handshake, &config) != TP_OK) {
        free(conn);
        tpi_stream_free(stream);
        return NULL;
    }
    conn->node = node;
    conn->stream = stream;
    conn->join = join;
    conn->initiator = join != NULL;
    conn->number = config.self.connection;
    conn->goodbye = -1;
    conn->deadline = tpi_node_now(node) + HANDSHAKE_TIME;
    if (join != NULL) join->conn = conn;
    tpi_list_push_back(&node->conns, &conn->link);
    take_output(conn);
    return conn;
}

void tpi_conn_free(struct tpi_conn *conn) {
    tpi_list_remove(&conn->link);
    tpi_handshake_wipe(&conn->handshake);
    if (conn->peer != NULL) {
        tpi_batch_wipe(&conn->batch);
        tpi_receiver_wipe(&conn->receiver);
        tpi_assembler_fini(&conn->assembler);
    }
    tpi_stream_free(conn->stream);
    free(conn->queue.bytes);
    free(conn->going.bytes);
    free(conn->record_stash);
    free(conn->frame_stash);
    free(conn);
}

void tpi_conn_begin(struct tpi_conn *conn) {
    note_heard(conn);
    tpi_stream_start(conn->stream, &handler, conn);
    tpi_stream_wake(conn->stream);
}

/* ---- time ---- */

static void tick_judge(struct tpi_conn *conn, tp_time now) {
    struct tpi_peer_state *peer = peer_by_name(conn->node, conn->who.hello.name);
    struct tpi_conn *old = peer == NULL ? NULL : peer->conn;
    /* relaxed: a time */
    bool lives =
        old != NULL && atomic_load_explicit(&old->heard, memory_order_relaxed) > conn->judge_heard;
    if (!lives && old != NULL && now < conn->judge_at) return;
    if (!lives && old != NULL) {
        tpi_conn_end(old, "restarted");
        tpi_stream_close(old->stream);
    }
    conn->judging = false;
    (void)tpi_handshake_judge(&conn->handshake, lives ? TPI_VERDICT_ALIVE : TPI_VERDICT_WELCOME);
    if (!handshake_went_on(conn)) tpi_stream_close(conn->stream);
    else if (conn->state == TPI_CONN_UP) tell_up(conn);
    tpi_stream_wake(conn->stream);
}

void tpi_conn_tick(struct tpi_conn *conn, tp_time now) {
    if (conn->closed) return;
    if (conn->judging) tick_judge(conn, now);
    /* relaxed: a time */
    tp_time heard = atomic_load_explicit(&conn->heard, memory_order_relaxed);
    tpi_mutex_lock(&conn->lock);
    bool up = conn->state == TPI_CONN_UP, bye = conn->goodbye >= 0;
    tp_duration beat = conn->node->heartbeat;
    tp_duration theirs = TP_MS((int64_t)conn->limits.heartbeat_ms);
    if (up && theirs < beat) beat = theirs;
    bool due = up && !bye && now - conn->sent_at >= beat / 4;
    if (due) conn->beat = true;
    tpi_mutex_unlock(&conn->lock);
    if (due) tpi_stream_wake(conn->stream);
    bool silent = up && now - heard >= conn->node->heartbeat;
    if (silent) tpi_conn_end(conn, "heartbeat");
    if (silent || (!up && now >= conn->deadline) || (bye && now >= conn->deadline && up))
        tpi_stream_close(conn->stream);
}
