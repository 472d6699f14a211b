/*
 * A node, its peers and its connections.
 *
 * Locks, outermost first: node->lock (who is connected; handshakes; the end of a connection, with
 * all that it tells), conn->routing (signals that are being delivered), peer->lock (what is between
 * this node and one other), conn->lock (what waits to be sent). Sending a signal takes the last
 * two. Time comes from the runtime's driver, bytes from transport/link: both can be simulated.
 */
#ifndef TPI_NODE_H
#define TPI_NODE_H

#include "transport/node/types.h"

static inline tp_time tpi_node_now(const struct tp_node *node) {
    const struct tpi_driver *driver = &node->runtime->driver;
    return driver->now(driver->context);
}
static inline void tpi_node_count(_Atomic(uint64_t) *counter) {
    /* relaxed: a number */
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}
/* On a simulated network there is one thread: the service is called, and waiting is letting the
 * world go on. */
static inline bool tpi_node_is_simulated(const struct tp_node *node) {
    return node->hub != NULL && node->hub->every != NULL;
}
/* Random bytes, from the runtime's driver: a tpi_wire_random over a node. */
void tpi_node_draw(void *node, void *out, size_t size);
/* Copies a text that has been looked at; what does not fit is cut. */
static inline void tpi_node_text(char *out, size_t size, const char *text) {
    size_t length = strlen(text) < size ? strlen(text) : size - 1;
    memcpy(out, text, length);
    out[length] = 0;
}
/* Says in the runtime's log which setting is wrong. */
#define TPI_NODE_COMPLAIN(node, ...) tpi_log_runtime((node)->runtime, TP_LOG_ERROR, __VA_ARGS__)
/* Has the service thread look. */
void tpi_node_poke(struct tp_node *node);

/* ---- connections (conn.c) ---- */

/* Takes the stream in every case. Under node->lock. */
struct tpi_conn *tpi_conn_new(struct tp_node *node, struct tpi_stream *stream,
                              struct tpi_join *join);
/* Starts it: the first bytes go out. */
void tpi_conn_begin(struct tpi_conn *conn);
void tpi_conn_free(struct tpi_conn *conn);
/* Queues a frame. Under the peer's lock, so that frames of one sender keep their order. *wake:
 * the link sleeps; call tpi_conn_wake after the lock. TP_ETOOBIG: the peer does not take such a
 * message; TP_ENOMEM; TP_ECLOSED. */
tp_err tpi_conn_queue(struct tpi_conn *conn, const struct tpi_frame *frame, bool *wake,
                      enum tpi_pressure *pressure);
/* Bytes that wait. Under its lock. */
static inline size_t tpi_conn_backlog(const struct tpi_conn *conn) {
    return conn->queue.size + conn->taken;
}
/* The connection is over for this node: tells everybody. Under node->lock. */
void tpi_conn_end(struct tpi_conn *conn, const char *reason);
/* Says goodbye when all is sent. */
void tpi_conn_goodbye(struct tpi_conn *conn, enum tpi_goodbye kind);
/* The service thread's look at a connection. Under node->lock. */
void tpi_conn_tick(struct tpi_conn *conn, tp_time now);

/* ---- safety (safety.c) ---- */

/* Reads the certificates; nothing where the options name none. */
tp_err tpi_node_take_tls(struct tp_node *node, const tp_node_options *options);
/* Whether it may listen or connect there: TP_EREFUSED, TP_ENOTSUP; the log says what is missing. */
tp_err tpi_node_allows(struct tp_node *node, const char *url);
/* Why it may not; NULL: it may. Says nothing. */
const char *tpi_node_forbids(const struct tp_node *node, const char *url);
/* Whether it can connect there, as far as the address tells. */
static inline bool tpi_node_can(const struct tp_node *node, const char *url) {
    return tpi_link_find(url) != NULL && tpi_node_forbids(node, url) == NULL;
}

/* ---- joining (join.c, discover.c) ---- */

/* A fresh address, all zeros before; it is not yet in the list. */
void tpi_join_init(struct tpi_join *join, struct tp_node *node, const char *url);
/* An address to be connected to from now on; *out is the service's, unless it is waited for. */
tp_err tpi_join_new(struct tp_node *node, const char *url, bool keep, bool waited,
                    const struct tpi_source *source, struct tpi_join **out);
/* Looks at every source whose time has come; when to look again. It may wait. */
tp_time tpi_discover_look(struct tp_node *node);
/* Ends looking; waits for the thread. */
void tpi_discover_end(struct tp_node *node);
void tpi_join_over(struct tpi_join *join, tp_err err);
/* The same, where it is not over: another attempt that has reached the same node will show. */
void tpi_join_again(struct tpi_join *join);
void tpi_joins_tick(struct tp_node *node, tp_time now);

/* ---- signals (route.c, relations.c) ---- */

enum tpi_pressure tpi_node_send(struct tpi_remote *remote, struct tpi_worker *worker, tp_pid to,
                                struct tpi_block *block);
/* A frame has arrived. False: it may not be sent to us. */
bool tpi_route(struct tpi_conn *conn, const struct tpi_frame *frame);
/* Delivers what was routed and schedules its receivers. */
void tpi_route_flush(struct tpi_conn *conn);
void tpi_waiters_release(struct tpi_peer_state *peer);
/* Fires what was between the two nodes. Under node->lock; the peer has no connection any more. */
void tpi_relations_end(struct tpi_peer_state *peer, uint64_t id);
void tpi_relations_init(struct tpi_peer_state *peer);
/* Notes a signal that goes out, or came in. Under the peer's lock. False: out of memory, or over
 * the limit. */
bool tpi_relations_out(struct tpi_peer_state *peer, const struct tpi_frame *frame);
bool tpi_relations_in(struct tpi_peer_state *peer, const struct tpi_frame *frame);

/* ---- permissions (permit.c) ---- */

/* What the node of that name may do. Under node->lock. */
uint32_t tpi_permits_of(const struct tp_node *node, const char *name);
void tpi_permits_free(struct tp_node *node);
/* True when the peer may send this; else it has been answered and counted. */
bool tpi_permitted(struct tpi_conn *conn, const struct tpi_frame *frame, tp_pid from, tp_pid to);
/* The actor that lets others look: nobody asks it in another's name. Before it can be found. */
void tpi_node_guard_inspector(struct tp_node *node, tp_pid inspector);
/* The same for TP_MAY_*, of the connected node with an id; this node may do everything. */
bool tpi_node_may(struct tp_node *node, uint64_t id, uint32_t may);

/* ---- names, watchers (names.c) ---- */

tp_err tpi_names_start(struct tp_node *node);
void tpi_names_free(struct tp_node *node);
void tpi_watchers_tell(struct tp_node *node, uint64_t id, const char *name, const char *reason);
/* A message to the node's actor: true if it was a request to start something, which is answered. */
bool tpi_spawn_asked(tp_actor *self, struct tpi_desk *desk, const tp_message *message);
/* Perhaps the keeper of a supervised child has ended. */
void tpi_spawn_keeper_ended(tp_actor *self, struct tpi_desk *desk, tp_ref monitor);
/* As tp_node_spawn with a link, for a supervisor: the child ends for certain when the connection
 * does. TP_ENOCONNECTION: nobody was asked; TP_ETIMEDOUT: there may be one, for a while. */
tp_err tpi_spawn_supervised(tp_actor *self, struct tp_node *node, uint64_t at, const char *behavior,
                            tp_duration timeout, tp_pid *out, const tp_message_type *type,
                            const void *arguments);
/* The same for what concerns groups: true if it was that. */
bool tpi_groups_told(tp_actor *self, struct tpi_desk *desk, const tp_message *message);
/* Another node's own actor is known from now on. */
tp_err tpi_groups_meet(struct tp_node *node, tp_pid desk, const char *name, bool hidden);
struct tpi_far_desk *tpi_far_desk_of(struct tpi_desk *desk, tp_pid pid);
void tpi_spawnables_free(struct tp_node *node);

/* ---- names of the cluster (cluster.c) ---- */

void tpi_cluster_init(struct tp_node *node);
void tpi_cluster_free(struct tp_node *node);
/* A message to the node's actor: true if it was for names of the cluster. */
bool tpi_cluster_told(tp_actor *self, struct tpi_desk *desk, const tp_message *message);
/* It is known from an earlier connection, whose end came first: all that it said is void. */
void tpi_cluster_meet_again(struct tpi_desk *desk, struct tpi_far_desk *far);
/* Another node's own actor is known now; it is gone; an actor that has a name here has ended. */
void tpi_cluster_meet(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far);
void tpi_cluster_forget(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far);
void tpi_cluster_owner_ended(tp_actor *self, struct tpi_desk *desk, tp_ref monitor);

/* ---- the mesh (mesh.c) ---- */

/* Not "any address", which is none that others could use. */
bool tpi_mesh_says_a_host(const char *url);
/* A message to the node's actor: true if it was for the mesh. */
bool tpi_mesh_told(tp_actor *self, struct tpi_desk *desk, const tp_message *message);
/* Another node's own actor is known, now or again. */
void tpi_mesh_meet(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far, bool hidden);
/* It listens at another address from now on. */
void tpi_mesh_changed(struct tp_node *node);
/* A node has left for good: what was told of it is forgotten. Under node->lock. */
void tpi_mesh_left(struct tp_node *node, uint64_t id);
/* An attempt to connect has ended: whose address was told and who is not there is said, once. Under
 * node->lock. */
void tpi_mesh_tried(struct tpi_join *join, tp_err err);
/* How many nodes there are that were told of and cannot be reached. Under node->lock. */
uint64_t tpi_mesh_unreachable(const struct tp_node *node);
/* What was told of a node that has long been away is forgotten. Under node->lock. */
void tpi_mesh_forget(struct tpi_join *join, tp_time now);

/* The type of a message by its name and number of fields. NULL: peers have named too many. */
const tp_message_type *tpi_far_type_of(struct tp_node *node, tp_str name, uint32_t count);
/* The connected peer with an id; NULL. Any thread; confirm under its lock. */
struct tpi_peer_state *tpi_peer_find(struct tp_node *node, uint64_t id);

#define TPI_OPERATION_NAMES 1u /* `from` is the actor that knows the sender's exported names */

#endif
