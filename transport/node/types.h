/*
 * What a node, its peers and its connections are. Which lock guards what: node.h.
 */
#ifndef TPI_NODE_TYPES_H
#define TPI_NODE_TYPES_H

#include <troupe/node.h>
#include <troupe/signal.h>

#include "core/actor/remote.h"
#include "core/base/list.h"
#include "core/base/map.h"
#include "core/platform/platform.h"
#include "transport/link/link.h"
#include "transport/node/known.h"
#include "transport/wire/batch.h"
#include "transport/wire/fragment.h"
#include "transport/wire/handshake.h"
#include "transport/wire/record.h"
#include "transport/wire/window.h"

#define TPI_PEERS_MAX 128u
#define TPI_HANDSHAKES_MAX 64u
#define TPI_TYPES_MAX 4096u      /* names and field counts of messages that peers have sent */
#define TPI_RELATIONS_MAX 10000u /* links and monitors of a peer on actors here, each */
#define TPI_RAW_MAX (TPI_PREAMBLE_SIZE + 2 * (2 + TPI_HANDSHAKE_MESSAGE_MAX))

enum tpi_conn_state { TPI_CONN_HANDSHAKE, TPI_CONN_UP, TPI_CONN_OVER };

/* A message type as a peer named it: enough for receivers to know theirs. */
struct tpi_far_type {
    tp_message_type type;
    struct tpi_far_type *next;
    char name[];
};

/* Bytes that wait: encoded frames. */
struct tpi_queue {
    uint8_t *bytes;
    size_t size, room;
};

struct tpi_conn {
    struct tpi_list link; /* in node->conns */
    struct tp_node *node;
    struct tpi_stream *stream;
    struct tpi_join *join; /* whose; NULL: accepted, or the join is gone */
    struct tpi_peer_state *peer;
    uint64_t number; /* the initiator's, of the handshake */
    bool initiator;
    bool counted_refused;
    _Atomic(uint32_t) users; /* senders that are about to wake it */
    bool closed;             /* the stream has told */
    tp_time deadline;        /* of the handshake, of the peer's goodbye */
    _Atomic(int64_t) heard;  /* when something last arrived */
    /* ---- under node->lock, by one `received` at a time ---- */
    struct tpi_handshake handshake;
    struct tpi_peer who;
    bool second;  /* of ours to the same node: it is not to be */
    bool judging; /* a verdict is owed */
    tp_time judge_at;
    tp_time judge_heard; /* when the old connection had been heard */
    const char *reason;  /* why it ended */
    /* ---- the receiving thread's, under `routing` while it hands signals on ---- */
    tpi_mutex routing;
    bool met;   /* the peer's own actor is known */
    bool ended; /* its end has been told: no signal of it is delivered any more */
    struct tpi_receiver receiver;
    struct tpi_assembler assembler;
    struct tpi_window_in window_in;
    struct tpi_wakes wakes;     /* receivers of what was routed, to be scheduled */
    struct tpi_arrived arrived; /* messages that were routed, to be delivered */
    struct tpi_pool *pool;      /* what is routed comes from it; NULL: the heap */
    struct tpi_far_type *last_type;
    uint8_t *record_stash, *frame_stash;
    /* ---- the link's sending chain's ---- */
    struct tpi_batch batch;
    struct tpi_queue going; /* what it took from `queue` */
    size_t sending;         /* its place there */
    /* ---- under lock ---- */
    tpi_mutex lock;
    enum tpi_conn_state state;
    struct tpi_window_out window_out;
    struct tpi_wire_limits limits; /* the peer's */
    struct tpi_queue queue;
    size_t taken; /* bytes in `going` that are not yet in a batch */
    uint32_t sequence;
    const tp_message_type *head_type; /* whose head is in `head` */
    size_t head_size;
    uint64_t credit; /* to be told; 0: nothing */
    uint64_t pong;   /* likewise */
    bool beat;       /* a heartbeat is due */
    bool waiting;    /* senders wait for the backlog to fall */
    bool idle;       /* the link has been told that there is nothing */
    int goodbye;     /* a kind to be said after the queue; -1 */
    bool said;       /* it was */
    bool heard_bye;
    tp_time sent_at;
    size_t raw_size;
    uint8_t head[TP_NAME_SIZE_MAX + 16];
    uint8_t raw[TPI_RAW_MAX]; /* of the handshake, to be sent */
    uint8_t wire[TPI_RECORD_HEAD + TPI_RECORD_MAX];
};

/* A sender that waits for room. */
struct tpi_waiter {
    struct tpi_waiter *next;
    struct tpi_block *credit;
    tp_pid to;
};

struct tpi_relation { /* a monitor, or a call under way */
    tp_pid here, there;
};

struct tpi_peer_state { /* a node that is or was connected */
    struct tp_node *node;
    tpi_mutex lock;
    _Atomic(uint64_t) id;  /* of the connected incarnation; 0: none */
    _Atomic(uint32_t) may; /* TP_MAY_* */
    char name[TPI_NODE_NAME_MAX + 1];
    uint8_t incarnation[TPI_INCARNATION_SIZE];
    tp_pid names;          /* its actor for names */
    tp_duration heartbeat; /* its own, as it said last */
    struct tpi_conn *conn;
    struct tpi_map links;    /* (actor here, actor there) */
    struct tpi_map watching; /* (ref, 0) -> relation: monitors of actors here */
    struct tpi_map watched;  /* (ref, 0) -> relation: its monitors */
    struct tpi_map calls;    /* (ref, 0) -> relation: requests of actors here */
    struct tpi_map full;     /* (actor there, 0): it said XOFF */
    struct tpi_map stopped;  /* (actor here, 0): we said XOFF */
    struct tpi_waiter *waiters;
};

struct tpi_listening {
    struct tpi_list link;
    struct tpi_listener *listener;
    struct tp_node *node;
};

struct tp_node {
    struct tpi_remote remote;
    tp_runtime *runtime;
    struct tpi_hub *hub; /* inproc's or a simulated network; NULL */
    struct tpi_tls *tls; /* NULL: no tls+tcp and no wss */
    bool plain, secure;
    size_t backlog;
    uint32_t max_peers;
    tp_duration heartbeat;
    struct tpi_hello hello;
    char advertise[TPI_LINK_URL_MAX]; /* what others are told, whatever it listens at; "": that */
    uint8_t key[TPI_KEY_SIZE], secret[TPI_KEY_SIZE];
    tpi_thread thread;
    tp_time looked_at;
    _Atomic(uint32_t) work; /* futex: goes up when the service thread has something to do */
    tpi_mutex lock;
    bool stopping, stopped, running;
    uint64_t connection; /* the number of the last attempt */
    struct tpi_list conns, joins, listening;
    struct tpi_export *exports;
    struct tpi_node_watch *watches;
    struct tpi_spawnable *spawnables;
    struct tpi_permit *permits;
    uint32_t may;            /* of those that are not named */
    tp_time spawn_credit_at; /* spawn.c: the node's own actor's */
    tp_pid names;            /* the node's own actor */
    /* Slot and generation of the actor that lets others look (transport/admin); 0: none. */
    _Atomic(uint64_t) inspector;
    uint64_t desk_token;
    struct tpi_cluster cluster;
    struct tpi_source *sources; /* discover.c; they stay */
    tpi_thread finder;          /* that looks at them; simulated: none */
    bool finding;
    _Atomic(uint32_t) finder_work; /* futex: goes up when there is something to look at */
    _Atomic(uint32_t) peer_count;
    struct tpi_peer_state *peers[TPI_PEERS_MAX];
    tpi_mutex type_lock;
    struct tpi_map types; /* (hash, field count) -> first of the chain */
    uint32_t type_count;
    _Atomic(uint64_t) connections, refused, sent, received, dropped, forbidden;
};

#endif
