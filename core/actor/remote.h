/*
 * The seam to other nodes: a table of functions that the room of nodes gives to a runtime. This
 * room knows that pids of other nodes exist, and nothing of how they are reached.
 */
#ifndef TPI_REMOTE_H
#define TPI_REMOTE_H

#include "core/actor/deliver.h"

/* How the one who sends to another node stands. */
enum tpi_pressure {
    TPI_PRESSURE_NONE,
    TPI_PRESSURE_OVER, /* it should wait for room when its handler is done: by a CREDIT signal */
    TPI_PRESSURE_FAR   /* it should wait now */
};

/*
 * What a runtime is given, once; it must stay until `free`. `send` takes a signal for an actor of
 * another node, on any thread (worker NULL: one outside), and may not wait. It answers a CREDIT by
 * RESUME when there is room, and what cannot be sent as tpi_deliver_dead does.
 */
struct tpi_remote {
    enum tpi_pressure (*send)(struct tpi_remote *remote, struct tpi_worker *worker, tp_pid to,
                              struct tpi_block *block);
    /* All actors have ended: no delivery after it returns. */
    void (*end)(struct tpi_remote *remote);
    /* Nobody sends any more: the table may go. */
    void (*free)(struct tpi_remote *remote);
};

/* Connects the runtime with other nodes. TP_EBUSY: it has a table already. Any thread. */
tp_err tpi_remote_set(tp_runtime *runtime, struct tpi_remote *remote);
/* The table, or NULL. */
struct tpi_remote *tpi_remote_of(tp_runtime *runtime);
/* A signal for nobody here goes to its node, from an isolated actor's process to the node's, or is
 * answered as for a dead actor. */
enum tpi_pressure tpi_remote_send(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                                  struct tpi_block *block);
/* True when `to` is an actor of another node. */
static inline bool tpi_is_remote(const tp_runtime *runtime, tp_pid to) {
    return to.node != runtime->node && to.generation != 0;
}

/* A block from the heap that came from an actor of another node (or, of this one, or nobody);
 * `size` bytes of payload at tpi_block_payload. NULL when out of memory. */
struct tpi_block *tpi_remote_block(tp_runtime *runtime, enum tpi_kind kind, tp_pid from,
                                   size_t size);
/* The same from a pool, if it is small; NULL: no pool. */
struct tpi_block *tpi_remote_block_in(tp_runtime *runtime, struct tpi_pool *pool,
                                      enum tpi_kind kind, tp_pid from, size_t size);
/* A pool for who is about to deliver many, which soon gives it back; NULL: all are in use. A thread
 * outside. */
struct tpi_pool *tpi_remote_pool_claim(tp_runtime *runtime);
void tpi_remote_pool_release(tp_runtime *runtime, struct tpi_pool *pool); /* NULL: nothing */

enum tpi_admitted {
    TPI_ADMITTED,
    TPI_ADMITTED_OVER, /* and it is TPI_REMOTE_OVER times over its limit: its senders should wait */
    TPI_ADMITTED_NOT,  /* dropped and counted by the receiver's policy, or above the hard cap */
    TPI_ADMITTED_NOBODY
};
/* Its senders on other nodes are told to wait at so many times its limit, and to go on at its
 * limit: between them lies what the receiver does while the word is on its way. */
#define TPI_REMOTE_OVER 4
/* Beyond so many times its limit (and at least so many messages) what others send is dropped. The
 * number is beyond what one honest peer can have on its way when it is told to wait: half a window
 * and a backlog of the smallest frames. */
#define TPI_REMOTE_FACTOR 16u
#define TPI_REMOTE_LEAST 262144u
/* Actors that have something to do and are not yet scheduled: to wake a sleeping worker costs as
 * much as many messages, so who delivers many wakes once. Zeros: none. */
struct tpi_wakes {
    struct tpi_node *first, *last;
    uint32_t count;
};
/* Plain messages for one actor, in their order: its mailbox, whose lines another core writes, is
 * touched once for all of them. Zeros: none. */
struct tpi_arrived {
    tp_pid to;
    struct tpi_block *first, *last;
    uint32_t count;
};
/* A signal from another node reaches its local receiver, or is answered. Takes the block. A thread
 * outside. `wakes` NULL: the receiver is scheduled at once; else it may stay there, and the caller
 * soon calls tpi_remote_wake. */
enum tpi_admitted tpi_remote_deliver(tp_runtime *runtime, tp_pid to, struct tpi_block *block,
                                     struct tpi_wakes *wakes);
/* Adds a plain message to those for its receiver; the caller has delivered others before, and
 * delivers these before anything else. Takes the block. */
static inline void tpi_remote_gather(struct tpi_arrived *arrived, tp_pid to,
                                     struct tpi_block *block) {
    /* relaxed: both are this thread's alone as yet */
    atomic_store_explicit(&block->next, NULL, memory_order_relaxed);
    if (arrived->count == 0) arrived->first = block; /* relaxed: as above */
    else atomic_store_explicit(&arrived->last->next, block, memory_order_relaxed);
    arrived->last = block;
    arrived->to = to;
    arrived->count++;
}
/* The same as tpi_remote_deliver for each of them, which are at least one; *lost of them were
 * dropped. None are left. */
enum tpi_admitted tpi_remote_deliver_all(tp_runtime *runtime, struct tpi_arrived *arrived,
                                         uint32_t *lost, struct tpi_wakes *wakes);
/* Schedules them; none are left. */
void tpi_remote_wake(tp_runtime *runtime, struct tpi_wakes *wakes);

#endif
