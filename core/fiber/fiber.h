/*
 * Stackful contexts and the cache of their stacks. Knows nothing of workers or actors.
 *
 * A fiber is resumed by tpi_fiber_switch and runs until it switches away itself. It may be resumed
 * by another thread than the one it left (never by two at once): nothing in it may cache
 * thread-locals across a switch. The switch saves only what the ABI says survives a call (x86-64:
 * rbx rbp r12-r15, mxcsr, x87 control word; aarch64: x19-x30, d8-d15).
 *
 * Sanitizers: the switch tells AddressSanitizer and ThreadSanitizer about the change of stack.
 */
#ifndef TPI_FIBER_H
#define TPI_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/base.h>

struct tpi_stacks; /* the cache: guarded stacks, reused, bounded */

typedef void (*tpi_fiber_entry)(void *arg); /* never returns */

struct tpi_fiber {
    void *stack_pointer;    /* where it stopped; meaningless while it runs */
    void *stack_low;        /* lowest usable byte; NULL for a thread's own stack */
    size_t stack_size;      /* usable bytes */
    void *sanitizer_fiber;  /* ThreadSanitizer's handle */
    void *sanitizer_stack;  /* AddressSanitizer's fake stack while it is away */
    struct tpi_fiber *next; /* free for the owner's lists */
    void *user;             /* free for the owner */
    void *frame;            /* free for the owner */
};

/* A cache whose stacks have `stack_size` usable bytes (rounded up to pages) above a guard page. */
tp_err tpi_stacks_new(struct tpi_stacks **out, size_t stack_size);
void tpi_stacks_free(struct tpi_stacks *stacks); /* every fiber of it must be back */

/*
 * A fiber that will run entry(arg) at its first switch. `stack_size` 0 means the cache's size
 * (fast, recycled); larger ones are mapped for themselves. NULL when no stack can be had (memory,
 * or the system's limit on mappings). Any thread (the cache has a lock; keep a local cache above
 * it).
 */
struct tpi_fiber *tpi_fiber_new(struct tpi_stacks *stacks, size_t stack_size, tpi_fiber_entry entry,
                                void *arg);
/* True when its stack is one of the cache's size: it may be kept for any use. */
bool tpi_fiber_is_usual(const struct tpi_stacks *stacks, const struct tpi_fiber *fiber);
/* Back to the cache; the fiber must not be running. Its pages above the first few are given back
 * when it had grown (what lies below the top 64 KiB). */
void tpi_fiber_free(struct tpi_stacks *stacks, struct tpi_fiber *fiber);
/* Makes a fiber that stopped somewhere start again from entry(arg), its old frames forgotten. */
void tpi_fiber_reset(struct tpi_fiber *fiber, tpi_fiber_entry entry, void *arg);

/* Turns the calling thread's own stack into a fiber, so that it can be switched from and back
 * to. */
void tpi_fiber_adopt_thread(struct tpi_fiber *fiber);
void tpi_fiber_release_thread(struct tpi_fiber *fiber);

/* Stops `from` (the running one) and resumes `to`; returns when someone resumes `from`. */
void tpi_fiber_switch(struct tpi_fiber *from, struct tpi_fiber *to);
/* Bytes of the fiber's stack that were ever touched, rounded to pages (for reports). */
size_t tpi_fiber_touched(const struct tpi_fiber *fiber);
/* True when the address lies in the fiber's guard: a stack overflow. Async-signal-safe. */
bool tpi_fiber_in_guard(const struct tpi_fiber *fiber, const void *address);

#endif
