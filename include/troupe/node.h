/*
 * Nodes: actors of several processes and machines as one program. A pid of another node is used
 * like any other: send, call, reply, link, monitor, exit. Link with libtroupe-net.
 *
 * Signals between two actors keep their order. When a connection ends, each link, monitor and call
 * over it hears of it once (TP_EXIT_NOCONNECTION, TP_ENOCONNECTION); nothing is ever delivered
 * later. TP_OK for a message to another node means that it is queued.
 */
#ifndef TROUPE_NODE_H
#define TROUPE_NODE_H

#include <troupe/actor.h>
#include <troupe/runtime.h>

TP_EXTERN_BEGIN

/* A runtime's place in a cluster. It lives until its runtime has stopped. */
typedef struct tp_node tp_node;
/* Where nodes of one process find each other at inproc:// URLs. */
typedef struct tp_inproc tp_inproc;

/* Bytes of the secret that all nodes of a cluster share. */
#define TP_SECRET_SIZE 32

/*
 * Zero in a field means its default. A node is secure (encrypted, both sides prove that they know
 * the secret) or plain. Without a secret and without `plain`, nothing but TLS can be listened on or
 * connected to.
 */
typedef struct tp_node_options {
    const char *cluster; /* default "": nodes of other clusters are refused */
    const char
        *secret_file;   /* 32 bytes, or 64 hexadecimal digits; nobody else may be able to read it */
    const void *secret; /* TP_SECRET_SIZE bytes in the place of the file; copied */
    const char *key_file; /* this node's own key, made at the first start; default: one that lasts
                             as long as the node */
    bool plain; /* no encryption: addresses of this machine only (loopback, ipc, inproc), or TLS */
    tp_duration heartbeat; /* a peer that is silent so long is gone; default 5 s, at least 200 ms */
    uint32_t max_peers;    /* default 128, which is also the most */
    size_t backlog;        /* bytes that may wait for one peer before senders wait; default 1 MiB */
    tp_inproc *inproc;     /* for inproc:// URLs; must outlive the runtime */
    /*
     * For tls+tcp:// and wss:// URLs: files in PEM, all three or none. Both sides show certificates
     * and each checks the other's. Whoever has one of that authority may connect, unless there is a
     * secret, too: then who a node is, is proved inside of TLS as it is without.
     */
    const char *tls_certificate; /* the node's own, then those between it and the authority */
    const char *tls_key;         /* its private key; nobody else may be able to read it */
    const char *tls_authority;   /* who signs the certificates of the cluster */
    const char *tls_name; /* that the certificate of whom we connect to must have; default: the host
                             of the URL, as text (an address is no name: then say one here) */
    /*
     * Nodes tell each other where the others are: who joins one is connected to all soon. A hidden
     * node takes no part in that: it has the connections that it made or accepted, and no others.
     */
    bool hidden;
    const char *advertise; /* the URL where others can reach this node, for them to be told;
                              default: the first it listens at that says a host (not 0.0.0.0) */
} tp_node_options;

/* Told to who watches nodes: a connection to a node is up. `node` is the id in its pids. */
TP_MESSAGE_AS(tp_node_up, "tp.node_up", TP_FIELD(u64, node), TP_FIELD(str, name))
/*
 * A connection is over; each that was told up is told down once, with one of these reasons:
 * "shutdown": a side has left in order; "disconnect": one has called tp_node_disconnect; "closed":
 * it broke, as it does when the process there is killed; "heartbeat": the peer was silent for too
 * long; "restarted": another process has the peer's name now, and the one before did not answer;
 * "replaced": the same process has connected anew, as this connection was dead for it; "violation":
 * a side broke the protocol; "overload": more waited to be sent than a connection may hold. An
 * attempt that is refused was never up, and is told to nobody (tp_node_connect says it, and the
 * log).
 */
TP_MESSAGE_AS(tp_node_down, "tp.node_down", TP_FIELD(u64, node), TP_FIELD(str, name),
              TP_FIELD(str, reason))

/*
 * Makes the runtime a node, named by its options' node_name ("bank1@host"; not the default). It
 * listens nowhere and knows nobody yet. TP_EINVAL (name, cluster or heartbeat; a file that holds
 * something else), TP_EREFUSED (others can read the secret, key_file or tls_key), TP_ENOENT,
 * TP_EBUSY (the runtime has a node), TP_ENOMEM; the runtime's log says which setting it was. Any
 * thread.
 */
TP_API tp_err tp_node_start(tp_runtime *runtime, const tp_node_options *options, tp_node **out);
/* Says goodbye to all peers and stops listening; what the runtime's stop does too. Any thread that
 * is not an actor. */
TP_API void tp_node_leave(tp_node *node);
/* The node of a runtime; NULL: it is none. Actors that another node has started find theirs so
 * (tp_self_runtime). Any thread. */
TP_API tp_node *tp_node_of(tp_runtime *runtime);
/* The node's name; a static string while the node lives. Any thread. */
TP_API const char *tp_node_name(const tp_node *node);

/*
 * Listens at tcp://HOST:PORT (port 0 picks one), tls+tcp://HOST:PORT, ws://HOST:PORT/PATH,
 * wss://HOST:PORT/PATH, ipc:///PATH or inproc://NAME; the address with its port goes
 * to `bound` (may be NULL). TP_EREFUSED: neither secret nor plain, or plain and reachable from
 * other machines, or no certificate for TLS; the log says which setting is missing. TP_EADDR,
 * TP_EBUSY (in use), TP_EEXIST (a file is in the way), TP_ENOTSUP (no such scheme), TP_ENOMEM. Any
 * thread that is not an actor.
 */
TP_API tp_err tp_node_listen(tp_node *node, const char *url, char *bound, size_t size);
/*
 * Connects and waits for it; the id of the peer in *peer (may be NULL). TP_OK also when there is a
 * connection already. TP_EREFUSED (as of listen, or by the peer), TP_ETIMEDOUT, TP_EADDR,
 * TP_ENOTSUP, TP_ECLOSED. Any thread that is not an actor.
 */
TP_API tp_err tp_node_connect(tp_node *node, const char *url, tp_duration timeout, uint64_t *peer);
/* Connects, and again whenever the connection is lost, until the node leaves. Errors as of
 * tp_node_connect that the URL alone decides. Any thread. */
TP_API tp_err tp_node_join(tp_node *node, const char *url);
/* Ends the connection to a peer, which hears "disconnect". TP_ENOENT. Any thread. */
TP_API tp_err tp_node_disconnect(tp_node *node, uint64_t peer);

/* From now on this actor gets tp_node_up and tp_node_down. TP_ENOMEM. The actor itself. */
TP_API tp_err tp_node_watch(tp_actor *self, tp_node *node);
/* Lets other nodes find the local actor of this name; names are private otherwise. TP_EINVAL,
 * TP_ENOMEM. Any thread. */
TP_API tp_err tp_node_export(tp_node *node, const char *name);
/*
 * Finds "NAME@NODE", an exported name of a connected node ("accounts@bank1@host": the first @ ends
 * the name), or of this one. TP_ENOENT: no such name there, or not exported; TP_ENOCONNECTION; else
 * as tp_call. The actor itself, which waits.
 */
TP_API tp_err tp_node_find(tp_actor *self, tp_node *node, const char *name, tp_duration timeout,
                           tp_pid *out);

/* What another node may do to actors here, whose pids it has. Answers to what actors here have
 * asked always come back, and so do the ends of what they watch. */
typedef enum tp_node_permission {
    TP_MAY_SEND = 1 << 0,    /* messages; shared groups need this and MONITOR, the mesh this */
    TP_MAY_CALL = 1 << 1,    /* requests; finding names and starting actors need it, too */
    TP_MAY_MONITOR = 1 << 2, /* else it hears that there is no such actor */
    TP_MAY_LINK = 1 << 3,    /* likewise */
    TP_MAY_KILL = 1 << 4,    /* exit signals that come from no link */
    TP_MAY_SPAWN = 1 << 5,   /* tp_node_spawn of what is exported */
    TP_MAY_INSPECT = 1 << 6, /* look at what runs here, where that is served: <troupe/inspect.h> */
    TP_MAY_PROXY = 1 << 7,   /* pass on what an actor of a third node has sent (tp_delegate,
                                tp_forward): tp_sender is then who the peer says it is */
    TP_MAY_ALL = (1 << 8) - 1,
    TP_MAY_DEFAULT = TP_MAY_ALL & ~TP_MAY_INSPECT
} tp_node_permission;
/*
 * From now on the node of that name may do this: a sum of TP_MAY_*. NULL: all nodes that are not
 * named; they have TP_MAY_DEFAULT until something else is said. What is refused is counted
 * (tp_node_counters.forbidden): a message is dropped, a request fails with TP_EREFUSED. A name
 * means as much as the secret: whoever has it can take any name. TP_EINVAL, TP_ENOMEM. Any thread.
 */
TP_API tp_err tp_node_permit(tp_node *node, const char *peer, uint32_t may);
/* What the connected node of an id may do here: a sum of TP_MAY_*. This node itself: TP_MAY_ALL;
 * one that is not connected: 0. Any thread. */
TP_API uint32_t tp_node_permissions(tp_node *node, uint64_t peer);
/*
 * Lets other nodes start actors of this behaviour, by its name, with arguments of that type (NULL:
 * without); both must live as long as the node. Nothing can be started otherwise. At most 100 are
 * started so in a second. TP_EEXIST: one of that name; TP_EINVAL, TP_ENOMEM. Any thread.
 */
TP_API tp_err tp_node_export_behavior(tp_node *node, const tp_behavior *behavior,
                                      const tp_message_type *arguments);
/*
 * Starts an actor of an exported behaviour on a connected node (its id `at`; this one's too):
 *     err = tp_node_spawn(self, node, at, "account", NULL, TP_SECONDS(1), &pid, open, .cents = 5);
 * Of the options (NULL: none) `link` and `monitor` are for it, others must be zero. An actor whose
 * pid this does not deliver (TP_ETIMEDOUT, or the connection or the caller ended in between) is
 * killed: none is left that nobody knows of. One that ends before it is linked or monitored gives
 * TP_EXIT_NOPROC. TP_ENOCONNECTION; TP_ENOENT: it exports no such behaviour; TP_ETYPE: other
 * arguments; TP_EREFUSED: too many a second, or not permitted; TP_EINVAL, else as tp_call. The
 * actor itself, which waits.
 */
#define tp_node_spawn(self, node, at, behavior, options, timeout, out, ...)                        \
    tp_node_spawn_value((self), (node), (at), (behavior), (options), (timeout),                    \
                        (out)TPI_ARGUMENTS(__VA_ARGS__))
/* The function behind tp_node_spawn: `type` and `arguments` may be NULL. */
TP_API tp_err tp_node_spawn_value(tp_actor *self, tp_node *node, uint64_t at, const char *behavior,
                                  const tp_spawn_options *options, tp_duration timeout, tp_pid *out,
                                  const tp_message_type *type, const void *arguments);

/*
 * From now on the groups of a scope (<troupe/name.h>; NULL: "default") span all connected nodes
 * that share it: members of other nodes are listed, sent to and told to monitors like any other
 * (their pids say where they are); when a connection ends, they have left. There is no moment at
 * which all nodes agree, but after the last change and with all connections up they do. TP_EINVAL,
 * TP_EFULL, TP_ENOMEM. Any thread.
 */
TP_API tp_err tp_node_share_groups(tp_node *node, const char *scope);

/* What a node has done; each is a snapshot. */
typedef struct tp_node_counters {
    uint64_t connections; /* made, since the start */
    uint64_t peers;       /* connected now */
    uint64_t refused;     /* connections that were not accepted, or broke the protocol */
    uint64_t sent;        /* signals */
    uint64_t received;    /* signals */
    uint64_t dropped;     /* signals that could not be delivered */
    uint64_t forbidden;   /* what peers asked for and may not do */
    uint64_t backlog;     /* bytes that wait to be sent now */
    uint64_t unreachable; /* nodes that others told of, and that this one cannot connect to now */
} tp_node_counters;
/* Fills *out. Any thread. */
TP_API void tp_node_counters_get(tp_node *node, tp_node_counters *out);

/* A node that is connected now. */
typedef struct tp_node_peer {
    uint64_t node;      /* the id in its pids */
    char name[136];     /* terminated */
    uint32_t may;       /* what it may do here: a sum of TP_MAY_* */
    bool outgoing;      /* this node made the connection */
    uint64_t backlog;   /* bytes that wait to be sent to it */
    tp_duration silent; /* since something last came from it */
} tp_node_peer;
/* Up to `max` connected nodes go to `out`, in the order of their first connection; returns how many
 * there are. Any thread. */
TP_API size_t tp_node_peers(tp_node *node, tp_node_peer *out, size_t max);

/* A meeting place for nodes of this process. TP_ENOMEM. Any thread. */
TP_API tp_err tp_inproc_new(tp_inproc **out);
/* After the last of its runtimes has stopped. Any thread. */
TP_API void tp_inproc_free(tp_inproc *inproc);

TP_EXTERN_END

#endif
