/*
 * The common queue: a list under a spin lock. Chains are linked by the caller before and walked by
 * the taker after, so the lock is held for a few instructions on a push and for `max` links on a
 * take.
 */
#include "core/queue/queue.h"

#include <stddef.h>

#include "core/base/assert.h"

void tpi_inject_init(struct tpi_inject *inject) {
    atomic_init(&inject->lock.held, 0);
    inject->first = NULL;
    inject->last = NULL;
    atomic_init(&inject->length, 0);
}

static uint32_t locked_length(const struct tpi_inject *inject) {
    TPI_CHECK(tpi_spin_is_held(&inject->lock));
    /* relaxed: written under the lock only, which the caller holds. */
    return atomic_load_explicit(&inject->length, memory_order_relaxed);
}

static void set_length(struct tpi_inject *inject, uint32_t length) {
    TPI_CHECK(tpi_spin_is_held(&inject->lock));
    TPI_CHECK((length == 0) == (inject->first == NULL));
    TPI_CHECK((inject->first == NULL) == (inject->last == NULL));
    /* relaxed: readers without the lock take it as a hint (see tpi_inject_length). */
    atomic_store_explicit(&inject->length, length, memory_order_relaxed);
}

void tpi_inject_push(struct tpi_inject *inject, struct tpi_node *first, struct tpi_node *last,
                     uint32_t count) {
    TPI_ASSERT(first != NULL && last != NULL);
    TPI_ASSERT(count > 0);
    last->next = NULL;
    tpi_spin_lock(&inject->lock);
    if (inject->last == NULL) {
        inject->first = first;
    } else {
        inject->last->next = first;
    }
    inject->last = last;
    set_length(inject, locked_length(inject) + count);
    tpi_spin_unlock(&inject->lock);
}

/* Cuts the first `count` links off; the caller holds the lock and `count` are there. */
static struct tpi_node *cut_chain(struct tpi_inject *inject, uint32_t count) {
    TPI_CHECK(tpi_spin_is_held(&inject->lock));
    TPI_CHECK(count > 0 && count <= locked_length(inject));
    struct tpi_node *first = inject->first;
    struct tpi_node *last = first;
    for (uint32_t i = 1; i < count; i++) last = last->next;
    inject->first = last->next;
    if (inject->first == NULL) inject->last = NULL;
    last->next = NULL;
    return first;
}

struct tpi_node *tpi_inject_take(struct tpi_inject *inject, uint32_t max, uint32_t *count) {
    TPI_CHECK(count != NULL);
    TPI_ASSERT(max > 0);
    *count = 0;
    if (tpi_inject_length(inject) == 0) return NULL;
    struct tpi_node *first = NULL;
    tpi_spin_lock(&inject->lock);
    uint32_t length = locked_length(inject);
    TPI_ASSERT((length == 0) == (inject->first == NULL));
    uint32_t taken = length < max ? length : max;
    if (taken > 0) {
        first = cut_chain(inject, taken);
        set_length(inject, length - taken);
        *count = taken;
    }
    tpi_spin_unlock(&inject->lock);
    return first;
}
