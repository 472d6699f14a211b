/*
 * Stacks: mapped, guarded, kept for the next fiber. Private to this room.
 *
 * A mapping, from low to high: the guard, the usable part, struct tpi_stack, a few unused bytes.
 * The struct lies on the page that the stack's first frames touch anyway, so a blocked fiber can
 * cost one page.
 */
#ifndef TPI_FIBER_STACK_H
#define TPI_FIBER_STACK_H

#include "core/fiber/fiber.h"

struct tpi_stack {
    struct tpi_fiber fiber; /* first: a fiber is its stack's address */
    tpi_fiber_entry entry;
    void *arg;
    char *mapping;
    size_t mapping_size;
    unsigned valgrind_id;
};

/* A stack with at least `size` usable bytes (0: the cache's size), or NULL. fiber.stack_low,
 * .stack_size and the mapping are set, the rest is anything. */
struct tpi_stack *tpi_stack_take(struct tpi_stacks *stacks, size_t size);
void tpi_stack_give(struct tpi_stacks *stacks, struct tpi_stack *stack);

#endif
