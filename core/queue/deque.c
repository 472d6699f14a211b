/*
 * The worker's queue: a ring with one owner and many thieves.
 *
 * Indices grow without end (modulo 2^32); an index's slot is its low bits. `tail` is the owner's.
 * `head` is everyone's and carries a version in its upper half. What lies in [head, tail) is in the
 * queue.
 *
 * Why each element is taken exactly once:
 *  - Taking at the head is one compare-and-swap from the head that was seen to a later index. All
 *    takers compete for the same word, so the ranges that they win are disjoint.
 *  - A taker reads its slots before it wins. The owner refills a slot only after it has seen a head
 *    beyond the slot's old index (tpi_deque_push, acquire), that is after the taker's win. So a
 *    taker that wins has read what was there, and one that has read a newer value does not win: the
 *    head is past its own.
 *  - Taking at the tail (tpi_deque_take_last) must not meet a thief that counted the last element
 *    in. The owner first lowers `tail`, then changes the head's version without moving it. A thief
 *    that saw the old version loses its compare-and-swap; one that sees the new version sees the
 *    lowered tail too (release and acquire on the head). If the owner's own compare-and-swap fails,
 *    a thief won meanwhile: look again.
 *
 * All changes of `head` are read-modify-writes, so each continues the release sequences of those
 * before it: whoever acquires the head has acquired from every earlier release on it.
 *
 * Between lowering `tail` and looking again the owner may leave tail == head - 1 for a moment:
 * takers treat any distance that is not positive as empty.
 *
 * A push is a release store, so it may still wait in the processor when the pusher goes on:
 * somebody else may read the queue as empty after that. Who decides to sleep on such a reading
 * needs an order of its own (the parking protocol has a read-modify-write on both sides).
 */
#include "core/queue/queue.h"

#include <stddef.h>

#include "core/base/assert.h"

#define MASK (TPI_DEQUE_SIZE - 1)

_Static_assert((TPI_DEQUE_SIZE & MASK) == 0, "indices are masked");
_Static_assert(TPI_DEQUE_SIZE <= INT32_MAX / 2, "distances are signed");

static uint32_t index_of(uint64_t head) {
    return (uint32_t)head;
}

static uint64_t advanced(uint64_t head, uint32_t by) {
    TPI_CHECK(by > 0 && by <= TPI_DEQUE_SIZE);
    return (head & ~(uint64_t)UINT32_MAX) | (uint32_t)(index_of(head) + by);
}

/* The same place under another version. */
static uint64_t renewed(uint64_t head) {
    return head + (UINT64_C(1) << 32);
}

static int32_t distance(uint64_t head, uint32_t tail) {
    return (int32_t)(tail - index_of(head));
}

static struct tpi_node *slot_get(struct tpi_deque *deque, uint32_t index) {
    /* relaxed: ordered by `tail` (acquire before) and `head` (release after); a torn value is
     * impossible and a wrong one loses its compare-and-swap. */
    return atomic_load_explicit(&deque->slots[index & MASK], memory_order_relaxed);
}

static void slot_set(struct tpi_deque *deque, uint32_t index, struct tpi_node *node) {
    TPI_CHECK(node != NULL);
    /* relaxed: the release store to `tail` that follows publishes it. */
    atomic_store_explicit(&deque->slots[index & MASK], node, memory_order_relaxed);
}

static uint32_t own_tail(const struct tpi_deque *deque) {
    /* relaxed: the owner reads what it alone writes. */
    return atomic_load_explicit(&deque->tail, memory_order_relaxed);
}

static void publish_tail(struct tpi_deque *deque, uint32_t tail) {
    TPI_CHECK(tail - own_tail(deque) <= TPI_DEQUE_SIZE || own_tail(deque) - tail == 1);
    /* release: partner is the acquire load in tpi_deque_steal. Weaker, a thief could read slots,
     * and nodes, before they are written. */
    atomic_store_explicit(&deque->tail, tail, memory_order_release);
}

/* Who is taken soon, and the two lines behind the node, are fetched into the cache: where many are
 * ready they have not been there for long (5 % of `banking`). What an empty place points to may be
 * gone: a prefetch does not fault. */
static void expect(const struct tpi_node *node) {
    uintptr_t at = (uintptr_t)node; /* a number: it may be NULL */
    __builtin_prefetch((const void *)at);
    __builtin_prefetch((const void *)(at + 64));
    __builtin_prefetch((const void *)(at + 128));
}

void tpi_deque_init(struct tpi_deque *deque) {
    TPI_CHECK(((uintptr_t)deque & 63) == 0); /* head and tail are on lines of their own */
    atomic_init(&deque->head, 0);
    atomic_init(&deque->tail, 0);
    for (uint32_t i = 0; i < TPI_DEQUE_SIZE; i++) atomic_init(&deque->slots[i], NULL);
}

bool tpi_deque_push(struct tpi_deque *deque, struct tpi_node *node) {
    TPI_ASSERT(node != NULL);
    uint32_t tail = own_tail(deque);
    /* acquire: partner is the winning compare-and-swap in tpi_deque_steal. Weaker, the slot could
     * be refilled before the thief has read it. */
    uint64_t head = atomic_load_explicit(&deque->head, memory_order_acquire);
    TPI_ASSERT(distance(head, tail) >= 0);
    if (distance(head, tail) >= (int32_t)TPI_DEQUE_SIZE) return false;
    slot_set(deque, tail, node);
    publish_tail(deque, tail + 1);
    return true;
}

struct tpi_node *tpi_deque_take(struct tpi_deque *deque) {
    uint32_t tail = own_tail(deque);
    /* relaxed: the slots were written by this thread; an old value loses the compare-and-swap. */
    uint64_t head = atomic_load_explicit(&deque->head, memory_order_relaxed);
    for (;;) {
        TPI_ASSERT(distance(head, tail) >= 0);
        if (distance(head, tail) == 0) return NULL;
        struct tpi_node *node = slot_get(deque, index_of(head));
        /* relaxed: only this thread refills slots, so its reading of one needs no order against
         * that; for thieves it passes on the release sequence (see above). relaxed on failure: as
         * the load. */
        if (atomic_compare_exchange_weak_explicit(&deque->head, &head, advanced(head, 1),
                                                  memory_order_relaxed, memory_order_relaxed)) {
            TPI_ASSERT(node != NULL);
            expect(slot_get(deque, index_of(head) + 2));
            return node;
        }
    }
}

struct tpi_node *tpi_deque_take_last(struct tpi_deque *deque) {
    uint32_t tail = own_tail(deque);
    /* relaxed: as in tpi_deque_take. */
    uint64_t head = atomic_load_explicit(&deque->head, memory_order_relaxed);
    if (distance(head, tail) == 0) return NULL;
    struct tpi_node *node = slot_get(deque, tail - 1);
    publish_tail(deque, tail - 1); /* a release too: a thief may learn of the slots by it */
    while (distance(head, tail) > 0) {
        /* release: partner is the acquire load of the head in tpi_deque_steal. Weaker, a thief
         * could see the new version with the old tail and take the same node. relaxed on failure:
         * as the load. */
        if (atomic_compare_exchange_weak_explicit(&deque->head, &head, renewed(head),
                                                  memory_order_release, memory_order_relaxed)) {
            TPI_ASSERT(node != NULL);
            return node;
        }
    }
    TPI_ASSERT(distance(head, tail) == 0); /* a thief that still counted it won the last one */
    publish_tail(deque, tail);
    return NULL;
}

struct tpi_node *tpi_deque_spill(struct tpi_deque *deque, struct tpi_node **last, uint32_t *count) {
    TPI_CHECK(last != NULL && count != NULL);
    uint32_t tail = own_tail(deque);
    /* relaxed: as in tpi_deque_take. */
    uint64_t head = atomic_load_explicit(&deque->head, memory_order_relaxed);
    uint32_t half = TPI_DEQUE_SIZE / 2;
    *last = NULL;
    *count = 0;
    if (distance(head, tail) < (int32_t)TPI_DEQUE_SIZE) return NULL;
    /* relaxed: as in tpi_deque_take; strong, since a failure tells the caller to push again. */
    if (!atomic_compare_exchange_strong_explicit(&deque->head, &head, advanced(head, half),
                                                 memory_order_relaxed, memory_order_relaxed)) {
        return NULL;
    }
    /* The slots are still as they were: only this thread refills them. */
    struct tpi_node *first = slot_get(deque, index_of(head));
    struct tpi_node *node = first;
    for (uint32_t i = 1; i < half; i++) {
        node->next = slot_get(deque, index_of(head) + i);
        node = node->next;
    }
    node->next = NULL;
    *last = node;
    *count = half;
    return first;
}

/* How many a thief may move: half of what there is, rounded up, and all but one must find room. */
static uint32_t steal_count(struct tpi_deque *into, int32_t available) {
    TPI_CHECK(available > 0 && available <= (int32_t)TPI_DEQUE_SIZE);
    uint32_t tail = own_tail(into);
    /* acquire: as in tpi_deque_push, whose place this takes for `into`. */
    uint64_t head = atomic_load_explicit(&into->head, memory_order_acquire);
    TPI_ASSERT(distance(head, tail) >= 0);
    uint32_t room = TPI_DEQUE_SIZE - (uint32_t)distance(head, tail);
    uint32_t half = (uint32_t)(available - available / 2);
    return half <= room + 1 ? half : room + 1;
}

struct tpi_node *tpi_deque_steal(struct tpi_deque *from, struct tpi_deque *into, uint32_t *moved) {
    TPI_CHECK(tpi_deque_length(into) <= TPI_DEQUE_SIZE);
    TPI_ASSERT(from != into);
    uint32_t into_tail = own_tail(into);
    for (;;) {
        /* acquire: partner is the compare-and-swap in tpi_deque_take_last. Weaker, its new version
         * could be seen with the tail before it. */
        uint64_t head = atomic_load_explicit(&from->head, memory_order_acquire);
        /* acquire: partner is publish_tail. Weaker, slots and nodes could be read before they are
         * written. */
        uint32_t tail = atomic_load_explicit(&from->tail, memory_order_acquire);
        int32_t available = distance(head, tail);
        *moved = 0;
        if (available <= 0) return NULL;
        if (available > (int32_t)TPI_DEQUE_SIZE) continue; /* the head was old already */
        uint32_t count = steal_count(into, available);
        struct tpi_node *first = slot_get(from, index_of(head));
        for (uint32_t i = 1; i < count; i++) {
            slot_set(into, into_tail + i - 1, slot_get(from, index_of(head) + i));
        }
        /* release: partner is the acquire load of the head in tpi_deque_push. Weaker, the owner
         * could refill slots that are still to be read. relaxed on failure: all is read again. */
        if (!atomic_compare_exchange_strong_explicit(&from->head, &head, advanced(head, count),
                                                     memory_order_release, memory_order_relaxed)) {
            continue;
        }
        TPI_ASSERT(first != NULL);
        if (count > 1) publish_tail(into, into_tail + count - 1);
        *moved = count;
        return first;
    }
}

uint32_t tpi_deque_length(const struct tpi_deque *deque) {
    /* relaxed, both: a snapshot for statistics and hints. */
    uint64_t head = atomic_load_explicit(&deque->head, memory_order_relaxed);
    /* relaxed: as above. */
    uint32_t tail = atomic_load_explicit(&deque->tail, memory_order_relaxed);
    int32_t length = distance(head, tail);
    if (length < 0) return 0;
    return length > (int32_t)TPI_DEQUE_SIZE ? TPI_DEQUE_SIZE : (uint32_t)length;
}
