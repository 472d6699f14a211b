/*
 * What a cluster has beside its nodes (<troupe/node.h>): names that all of them know, ways for
 * nodes to find each other, and supervisors' children on other nodes. Link with libtroupe-net.
 *
 *     tp_cluster_register(self, node, "ledger", TP_NAME_AVAILABLE);      an actor of any node
 *     tp_cluster_call(self, node, "ledger", TP_SECONDS(1), &reply, balance, get_balance);
 */
#ifndef TROUPE_CLUSTER_H
#define TROUPE_CLUSTER_H

#include <troupe/call.h>
#include <troupe/node.h>
#include <troupe/supervisor.h>

TP_EXTERN_BEGIN

/* ---- names ---- */

/* What a name is worth while the cluster is cut in parts. */
typedef enum tp_name_kind {
    /* Each part can give it to an actor of its own. When the parts meet again the owner on the node
     * whose name is lowest (as strcmp has it) keeps it; the others get a tp_name_conflict. */
    TP_NAME_AVAILABLE,
    /* At most one owner at any moment, and none where there is no majority. Not yet available:
     * TP_ENOTSUP. */
    TP_NAME_CONSISTENT
} tp_name_kind;

/* Told, once, to an actor that had a name and has lost it to another node's. It has it no more. */
TP_MESSAGE_AS(tp_name_conflict, "tp.name_conflict", TP_FIELD(str, name), TP_FIELD(pid, winner))

/*
 * Gives this actor a name in the whole cluster (1 to TP_NAME_SIZE_MAX bytes of UTF-8), until it
 * takes it back, ends, or hears of a conflict; an actor may have several. Each connected node is
 * asked: of two actors that register at the same time on connected nodes one alone gets TP_OK, and
 * nobody is told of a conflict later. A node that does not answer is waited for until it counts as
 * gone (its heartbeat), at most 10 s.
 * TP_EEXIST: somebody has the name; TP_EINVAL, TP_ENOTSUP (kind), TP_EFULL (16,384 names of this
 * node), TP_ENOMEM. The actor itself, which waits.
 */
TP_API tp_err tp_cluster_register(tp_actor *self, tp_node *node, const char *name,
                                  tp_name_kind kind);
/* Takes a name of this actor back. TP_ENOENT: it does not have it; TP_EINVAL, else as tp_call. The
 * actor itself, which waits for its own node alone. */
TP_API tp_err tp_cluster_unregister(tp_actor *self, tp_node *node, const char *name);
/*
 * The actor that has a name, as far as this node knows now; the null pid: none. It knows of the
 * nodes that it is connected with: the names of one that is gone are gone. For a moment it may name
 * an actor that has just ended. Any thread.
 */
TP_API tp_pid tp_cluster_whereis(tp_node *node, const char *name);
/* Sends to a name. TP_ENOENT: nobody has it; otherwise as tp_send. The actor itself. */
#define tp_cluster_send(self, node, name, type, ...)                                               \
    tp_cluster_send_value((self), (node), (name), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_cluster_send. */
TP_API tp_err tp_cluster_send_value(tp_actor *self, tp_node *node, const char *name,
                                    const tp_message_type *type, const void *value);
/* Calls a name. TP_ENOENT: nobody has it; otherwise as tp_call. The actor itself, which waits. */
#define tp_cluster_call(self, node, name, timeout, reply, reply_type, type, ...)                   \
    tp_cluster_call_value((self), (node), (name), (timeout), &reply_type##_message,                \
                          TPI_TYPED(reply_type, reply), &type##_message,                           \
                          TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_cluster_call. */
TP_API tp_err tp_cluster_call_value(tp_actor *self, tp_node *node, const char *name,
                                    tp_duration timeout, const tp_message_type *reply_type,
                                    void *reply, const tp_message_type *type, const void *value);

/* ---- finding other nodes ---- */

/* Bytes of an address as text, with its end: "10.0.0.7", "fd00::7". */
#define TP_ADDRESS_SIZE 64
/* Fills in the addresses of a machine, at most `max`, and their number. An error leaves things as
 * they were; it is logged. On a thread of the node's, which may wait. */
typedef tp_err (*tp_address_lookup)(void *context, const char *host, char (*out)[TP_ADDRESS_SIZE],
                                    size_t max, size_t *count);

/* Where the addresses of other nodes come from: one of the three. */
typedef struct tp_discovery {
    const char *const *urls; /* a list, ends with NULL */
    /* A file with a URL a line; empty lines and those that begin with # are skipped. It is read
     * again every `every`. A line that is no address of a node is logged, as "FILE:LINE: reason",
     * and the others are used; so is a file that cannot be read, and what it said before stays. */
    const char *file;
    /* "tcp://HOST:PORT": all addresses of HOST, as a headless service has them, looked up again
     * every `every`. */
    const char *dns;
    tp_duration every;        /* default 5 s, at least 10 ms */
    tp_address_lookup lookup; /* for `dns`, in the place of the system's resolver */
    void *context;            /* the lookup's; must live as long as the node */
} tp_discovery;

/*
 * From now on, until the node leaves, it connects to what is found there, and again whenever such a
 * connection is lost (tp_node_join), after pauses that grow from 50 ms to 2 s, each shortened by a
 * random part of up to a half. At its own address it finds itself, and does not stay. An address
 * that is not found any more is not connected to again; a connection that is up stays. Texts are
 * copied. At most 1,024 addresses of one source are used. Several sources may be given. TP_EINVAL;
 * of `urls` and `dns` the errors of tp_node_join (what was before the bad one is used); TP_ENOMEM.
 * Any thread. The node's end waits for a lookup that is under way.
 */
TP_API tp_err tp_node_discover(tp_node *node, const tp_discovery *discovery);

/* ---- a supervisor's children on other nodes ---- */

/*
 * A child that runs on another node; see TP_REMOTE_CHILD. It is started by its node as
 * tp_node_spawn does it, and linked to the supervisor, which hears of its end as of any child's;
 * its init is not waited for. Its node must permit this one to spawn, link, monitor and kill.
 *
 * When the connection is lost the child always ends, also if it traps exits: its node kills it. The
 * supervisor hears of `noconnection`, and starts another one only when the first has surely ended:
 * after the time in which both nodes notice a silent peer (both heartbeats, and a quarter more),
 * and then by its backoff (default: 200 ms, doubled, to 30 s). So a cut that heals leaves no twins.
 * None of this counts against the supervisor's intensity: the wait for a node that is not there,
 * from the first start on; the ends with `noconnection`, `noproc` and, as its node's stop gives it,
 * `shutdown`. The child counts as restarting meanwhile. A start whose answer is late counts as not
 * made: what it started is killed.
 */
typedef struct tp_remote_child {
    tp_child_start how;    /* TP_REMOTE_CHILD sets it */
    const char *behavior;  /* its name, exported there: tp_node_export_behavior */
    const char *const *at; /* names of nodes, TP_NODES: the first that is connected gets it */
    tp_duration timeout;   /* of a start; default 5 s. The supervisor waits so long */
} tp_remote_child;

/* For tp_remote_child.how: the supervisor's runtime must be a node. */
TP_API tp_err tp_remote_start(tp_actor *self, const tp_child_start *how,
                              const tp_message_type *type, const void *value, tp_pid *out);
/* For tp_remote_child.how. */
TP_API tp_duration tp_remote_settle(tp_actor *self, const tp_child_start *how);

#ifndef __cplusplus
/* The value of tp_child_spec.remote: .remote = TP_REMOTE_CHILD(.behavior = "clerk",
 * .at = TP_NODES("b@host", "c@host")). Arguments are the child specification's. */
#define TP_REMOTE_CHILD(...)                                                                       \
    (&(const tp_remote_child){.how = {tp_remote_start, tp_remote_settle}, __VA_ARGS__}.how)
/* The value of tp_remote_child.at. */
#define TP_NODES(...) ((const char *const[]){__VA_ARGS__, NULL})
#endif

TP_EXTERN_END

#endif
