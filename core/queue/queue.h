/*
 * The lock-free structures that are not the mailbox: intrusive, no allocation, no policy.
 *
 *   tpi_deque   One owner, many thieves: the owner pushes at the tail; everyone, the owner too,
 *               takes at the head, so the order is first in, first out. A thief takes up to half
 *               in one step.
 *   tpi_inject  Anyone pushes chains, anyone takes up to n: for what came from outside, and for
 *               what a full deque spilled. A spin lock inside: it is off the hot path.
 */
#ifndef TPI_QUEUE_H
#define TPI_QUEUE_H

#include "core/base/atomic.h"
#include <stdbool.h>
#include <stdint.h>

#include "core/platform/platform.h"

/* What the queues carry: the first field of a runnable. */
struct tpi_node {
    struct tpi_node *next;
};

#define TPI_DEQUE_SIZE 1024u /* a power of two */

struct tpi_deque {
    _Alignas(64) _Atomic(uint64_t) head; /* version and index; changed by compare-and-swap alone */
    _Alignas(64) _Atomic(uint32_t) tail; /* written by the owner alone */
    _Atomic(struct tpi_node *) slots[TPI_DEQUE_SIZE];
};

void tpi_deque_init(struct tpi_deque *deque);
/* Owner. False when full: then tpi_deque_spill. */
bool tpi_deque_push(struct tpi_deque *deque, struct tpi_node *node);
/* Owner. The oldest, NULL when empty. */
struct tpi_node *tpi_deque_take(struct tpi_deque *deque);
/* Owner. The youngest, NULL when empty (for the LIFO strategy); safe against thieves. */
struct tpi_node *tpi_deque_take_last(struct tpi_deque *deque);
/* Owner. Takes half of a full deque as a chain (first returned, *last the end); NULL if thieves
 * won. */
struct tpi_node *tpi_deque_spill(struct tpi_deque *deque, struct tpi_node **last, uint32_t *count);
/* Thief, which owns `into` (empty enough): moves up to half, returns one of them to run at once,
 * NULL if there was nothing. *moved counts all, the returned one included. */
struct tpi_node *tpi_deque_steal(struct tpi_deque *from, struct tpi_deque *into, uint32_t *moved);
/* Any thread; a snapshot that promises no order (see deque.c about parking). */
uint32_t tpi_deque_length(const struct tpi_deque *deque);

struct tpi_inject {
    _Alignas(64) tpi_spinlock lock;
    struct tpi_node *first;
    struct tpi_node *last;
    _Atomic(uint32_t) length;
};

void tpi_inject_init(struct tpi_inject *inject);
void tpi_inject_push(struct tpi_inject *inject, struct tpi_node *first, struct tpi_node *last,
                     uint32_t count);
/* Up to `max` as a chain ended by NULL; NULL when empty. The check for empty is one relaxed
 * load. */
struct tpi_node *tpi_inject_take(struct tpi_inject *inject, uint32_t max, uint32_t *count);
static inline uint32_t tpi_inject_length(const struct tpi_inject *inject) {
    /* relaxed: a hint; the lock decides. A stale zero is repaired by the parking protocol's
     * re-check. */
    return atomic_load_explicit(&inject->length, memory_order_relaxed);
}

#endif
