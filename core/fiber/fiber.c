/*
 * Fibers: what is around the few instructions of the switch.
 *
 * Obligations of the caller: a fiber is made known to another thread only after it has been
 * switched away from, that is from the other side of the switch (the resumed fiber publishes its
 * predecessor), and by something that releases and acquires; the switch itself orders nothing
 * between threads.
 *
 * The value that travels through the swap is the fiber just left. AddressSanitizer needs it: the
 * bounds of a thread's own stack are learnt when that stack is left for the first time, and kept in
 * two fields that a thread's fiber has no use for.
 *
 * A fiber that is freed or reset while it waits never runs again; with use-after-return detection
 * AddressSanitizer keeps that fiber's fake stack, which nobody can free from outside.
 */
#include "core/fiber/fiber.h"

#include <stdint.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/sanitizer.h"
#include "core/fiber/stack.h"
#include "core/platform/platform.h"

#if TPI_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if TPI_TSAN
#include <sanitizer/tsan_interface.h>
#endif

typedef void (*fiber_main_fn)(struct tpi_fiber *previous, struct tpi_stack *self);

/* In switch_*.S. */
void *tpi_fiber_swap(void **save, void *load, void *value);
void *tpi_fiber_frame(void *top, fiber_main_fn main, struct tpi_stack *self);

static struct tpi_stack *stack_of(struct tpi_fiber *fiber) {
    TPI_ASSERT(fiber->stack_low != NULL);
    return (struct tpi_stack *)(void *)fiber;
}

/* ---- what the sanitizers are told ---- */

static void sanitizer_new(struct tpi_fiber *fiber) {
#if TPI_TSAN
    fiber->sanitizer_fiber = __tsan_create_fiber(0);
#else
    fiber->sanitizer_fiber = NULL;
#endif
    fiber->sanitizer_stack = NULL;
}

static void sanitizer_free(struct tpi_fiber *fiber) {
#if TPI_TSAN
    __tsan_destroy_fiber(fiber->sanitizer_fiber);
#endif
    fiber->sanitizer_fiber = NULL;
    /* Its frames leave their red zones behind, for the next fiber there or the next mapping. */
    tpi_unpoison(fiber->stack_low, fiber->stack_size);
}

static inline void sanitizer_leave(struct tpi_fiber *from, struct tpi_fiber *to) {
#if TPI_ASAN
    const void *low = to->stack_low != NULL ? to->stack_low : to->sanitizer_fiber;
    __sanitizer_start_switch_fiber(&from->sanitizer_stack, low, to->stack_size);
#elif TPI_TSAN
    (void)from;
    __tsan_switch_to_fiber(to->sanitizer_fiber, 0);
#else
    (void)from;
    (void)to;
#endif
}

static inline void sanitizer_arrive(struct tpi_fiber *self, struct tpi_fiber *previous) {
#if TPI_ASAN
    const void *low;
    size_t size;
    __sanitizer_finish_switch_fiber(self->sanitizer_stack, &low, &size);
    if (previous->stack_low == NULL) {
        previous->sanitizer_fiber = (void *)(uintptr_t)low;
        previous->stack_size = size;
    }
#else
    (void)self;
    (void)previous;
#endif
}

/* ---- life ---- */

static void fiber_main(struct tpi_fiber *previous, struct tpi_stack *self) {
    sanitizer_arrive(&self->fiber, previous);
    self->entry(self->arg);
    const bool entry_returned = true;
    TPI_ASSERT(!entry_returned);
}

static void fiber_prepare(struct tpi_fiber *fiber, tpi_fiber_entry entry, void *arg) {
    struct tpi_stack *stack = stack_of(fiber);
    TPI_ASSERT(entry != NULL);
    TPI_ASSERT((uintptr_t)stack % 16 == 0);
    stack->entry = entry;
    stack->arg = arg;
    sanitizer_new(fiber);
    fiber->stack_pointer = tpi_fiber_frame(stack, fiber_main, stack);
}

struct tpi_fiber *tpi_fiber_new(struct tpi_stacks *stacks, size_t stack_size, tpi_fiber_entry entry,
                                void *arg) {
    TPI_CHECK(stacks != NULL);
    struct tpi_stack *stack = tpi_stack_take(stacks, stack_size);
    if (stack == NULL) return NULL;
    stack->fiber.next = NULL;
    stack->fiber.user = NULL;
    fiber_prepare(&stack->fiber, entry, arg);
    return &stack->fiber;
}

void tpi_fiber_free(struct tpi_stacks *stacks, struct tpi_fiber *fiber) {
    TPI_ASSERT(fiber->stack_pointer != NULL);
    sanitizer_free(fiber);
    tpi_stack_give(stacks, stack_of(fiber));
}

void tpi_fiber_reset(struct tpi_fiber *fiber, tpi_fiber_entry entry, void *arg) {
    TPI_ASSERT(fiber->stack_pointer != NULL);
    sanitizer_free(fiber);
    fiber_prepare(fiber, entry, arg);
}

void tpi_fiber_adopt_thread(struct tpi_fiber *fiber) {
    TPI_ASSERT(fiber != NULL);
    memset(fiber, 0, sizeof(*fiber));
#if TPI_TSAN
    fiber->sanitizer_fiber = __tsan_get_current_fiber();
#endif
}

void tpi_fiber_release_thread(struct tpi_fiber *fiber) {
    TPI_ASSERT(fiber->stack_low == NULL);
    TPI_ASSERT(fiber->stack_pointer == NULL); /* it runs: the thread is back on its own stack */
    memset(fiber, 0, sizeof(*fiber));
}

/* ---- the switch ---- */

void tpi_fiber_switch(struct tpi_fiber *from, struct tpi_fiber *to) {
    TPI_CHECK(from->stack_pointer == NULL); /* it is what runs */
    void *load = to->stack_pointer;
    TPI_ASSERT(from != to);
    TPI_ASSERT(load != NULL); /* else it runs already */
    to->stack_pointer = NULL;
    sanitizer_leave(from, to);
    struct tpi_fiber *previous = tpi_fiber_swap(&from->stack_pointer, load, from);
    sanitizer_arrive(from, previous);
}

/* ---- what can be asked ---- */

size_t tpi_fiber_touched(const struct tpi_fiber *fiber) {
    if (fiber->stack_low == NULL) return 0;
    const struct tpi_stack *stack = (const struct tpi_stack *)(const void *)fiber;
    size_t size = (size_t)(stack->mapping + stack->mapping_size - (char *)fiber->stack_low);
    return tpi_vm_touched(fiber->stack_low, size);
}

bool tpi_fiber_in_guard(const struct tpi_fiber *fiber, const void *address) {
    TPI_CHECK(fiber != NULL);
    if (fiber->stack_low == NULL) return false;
    const struct tpi_stack *stack = (const struct tpi_stack *)(const void *)fiber;
    uintptr_t at = (uintptr_t)address;
    return at >= (uintptr_t)stack->mapping && at < (uintptr_t)fiber->stack_low;
}
