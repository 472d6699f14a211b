/*
 * The cache of stacks. A fresh one costs three system calls and a page fault; a recycled one costs
 * a lock and is warm, so the last one given back is the first one taken.
 *
 * The cache keeps as many free stacks as are in use, and a floor; beyond that a stack goes back to
 * the system. What a stack has below its top KEEP_BYTES it gives back when it returns.
 */
#include "core/fiber/stack.h"

#include <stdint.h>

#include "core/base/assert.h"
#include "core/base/sanitizer.h"
#include "core/platform/platform.h"

#if TPI_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define GUARD_PAGES 4 /* a frame with a buffer of some KiB shall not jump over it */
#define KEEP_BYTES 65536u
#define FREE_FLOOR 1024u
#define COLOUR_BYTES 128u
#define COLOURS 8u
#define SIZE_MAX_STACK ((size_t)1 << 40)

struct tpi_stacks {
    size_t mapping_size; /* of the stacks that are kept */
    size_t stack_size;
    tpi_spinlock lock;
    struct tpi_fiber *free;
    size_t free_count;
    size_t used_count; /* of all sizes */
};

static size_t round_up(size_t value, size_t to) {
    TPI_CHECK(to > 0 && value <= SIZE_MAX - to);
    return (value + to - 1) / to * to;
}

static size_t mapping_size_for(size_t size) {
    TPI_CHECK(size > 0 && size <= SIZE_MAX_STACK);
    size_t page = tpi_vm_page();
    size_t head = round_up(sizeof(struct tpi_stack), 64) + COLOURS * COLOUR_BYTES;
    return GUARD_PAGES * page + round_up(size + head, page);
}

tp_err tpi_stacks_new(struct tpi_stacks **out, size_t stack_size) {
    if (stack_size == 0 || stack_size > SIZE_MAX_STACK) return TP_EINVAL;
    struct tpi_stacks *stacks = tpi_vm_map(sizeof(*stacks));
    if (stacks == NULL) return TP_ENOMEM;
    stacks->stack_size = stack_size;
    stacks->mapping_size = mapping_size_for(stack_size);
    *out = stacks;
    return TP_OK;
}

/* All stacks begin at the same place of a page; unless shifted, their tops would fight for the
 * same few sets of the first-level cache. */
static size_t colour_of(const char *mapping) {
    uint64_t spread = ((uint64_t)(uintptr_t)mapping >> 12) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(spread >> 61) % COLOURS * COLOUR_BYTES;
}

static struct tpi_stack *stack_map(size_t mapping_size) {
    TPI_CHECK(mapping_size > (GUARD_PAGES + 1) * tpi_vm_page());
    char *mapping = tpi_vm_reserve(mapping_size);
    if (mapping == NULL) return NULL;
    size_t guard = GUARD_PAGES * tpi_vm_page();
    tpi_vm_small_pages(mapping, mapping_size);
    if (tpi_vm_guard(mapping, guard) != TP_OK) {
        tpi_vm_unmap(mapping, mapping_size);
        return NULL;
    }
    char *end = mapping + mapping_size - colour_of(mapping);
    char *top = end - round_up(sizeof(struct tpi_stack), 64);
    struct tpi_stack *stack = (struct tpi_stack *)(void *)top;
    TPI_ASSERT((uintptr_t)top % 64 == 0);
    stack->mapping = mapping;
    stack->mapping_size = mapping_size;
    stack->fiber.stack_low = mapping + guard;
    stack->fiber.stack_size = (size_t)(top - (mapping + guard));
    stack->valgrind_id = (unsigned)VALGRIND_STACK_REGISTER(mapping + guard, top);
#if TPI_ASAN
    /* What only a waiting fiber points to is not leaked. */
    __lsan_register_root_region(mapping + guard, mapping_size - guard);
#endif
    return stack;
}

static void stack_unmap(struct tpi_stack *stack) {
    size_t guard = (size_t)((char *)stack->fiber.stack_low - stack->mapping);
    TPI_ASSERT(guard == GUARD_PAGES * tpi_vm_page());
    (void)guard;
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#if TPI_ASAN
    __lsan_unregister_root_region(stack->mapping + guard, stack->mapping_size - guard);
#endif
    tpi_vm_unmap(stack->mapping, stack->mapping_size);
}

void tpi_stacks_free(struct tpi_stacks *stacks) {
    if (stacks == NULL) return;
    TPI_ASSERT(stacks->used_count == 0);
    while (stacks->free != NULL) {
        struct tpi_fiber *fiber = stacks->free;
        stacks->free = fiber->next;
        stack_unmap((struct tpi_stack *)(void *)fiber);
        stacks->free_count--;
    }
    TPI_ASSERT(stacks->free_count == 0);
    tpi_vm_unmap(stacks, sizeof(*stacks));
}

struct tpi_stack *tpi_stack_take(struct tpi_stacks *stacks, size_t size) {
    if (size > SIZE_MAX_STACK) return NULL;
    size_t mapping_size =
        size <= stacks->stack_size ? stacks->mapping_size : mapping_size_for(size);
    struct tpi_fiber *fiber = NULL;
    tpi_spin_lock(&stacks->lock);
    stacks->used_count++;
    if (mapping_size == stacks->mapping_size && stacks->free != NULL) {
        fiber = stacks->free;
        stacks->free = fiber->next;
        stacks->free_count--;
    }
    tpi_spin_unlock(&stacks->lock);
    struct tpi_stack *stack = (struct tpi_stack *)(void *)fiber;
    if (stack == NULL) stack = stack_map(mapping_size);
    if (stack != NULL) return stack;
    tpi_spin_lock(&stacks->lock);
    stacks->used_count--;
    tpi_spin_unlock(&stacks->lock);
    return NULL;
}

bool tpi_fiber_is_usual(const struct tpi_stacks *stacks, const struct tpi_fiber *fiber) {
    /* not by stack_size, which the colour makes differ */
    return ((const struct tpi_stack *)(const void *)fiber)->mapping_size == stacks->mapping_size;
}

/* Gives back what lies below the top KEEP_BYTES. Asking first whether any of it was touched would
 * cost more than the call, which leaves untouched pages alone. */
static void stack_trim(struct tpi_stack *stack) {
    TPI_CHECK(stack->fiber.stack_low > (void *)stack->mapping);
    char *low = stack->fiber.stack_low;
    size_t size = (size_t)(stack->mapping + stack->mapping_size - low);
    if (size > KEEP_BYTES) tpi_vm_forget(low, size - KEEP_BYTES);
}

void tpi_stack_give(struct tpi_stacks *stacks, struct tpi_stack *stack) {
    TPI_CHECK(stack->mapping != NULL && stack->mapping_size >= stack->fiber.stack_size);
    bool fits = stack->mapping_size == stacks->mapping_size;
    if (fits) stack_trim(stack);
    bool keep = false;
    tpi_spin_lock(&stacks->lock);
    TPI_ASSERT(stacks->used_count > 0);
    stacks->used_count--;
    if (fits && (stacks->free_count < FREE_FLOOR || stacks->free_count < stacks->used_count)) {
        stack->fiber.next = stacks->free;
        stacks->free = &stack->fiber;
        stacks->free_count++;
        keep = true;
    }
    tpi_spin_unlock(&stacks->lock);
    if (!keep) stack_unmap(stack);
}
