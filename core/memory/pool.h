/*
 * Memory for the hot path: one pool a worker, size classes, and blocks that go home in batches.
 *
 * A block taken from pool A may be given back through any pool B: B collects A's blocks in a chain
 * and hands the whole chain to A with one exchange (a single block across cores costs 22 ns, one at
 * home 1.2 ns; PERFORMANCE section 4). Threads that own no pool use the heap class: plain allocator
 * calls.
 *
 * Blocks are aligned to 64 bytes from class 64 up. All calls on a pool are its worker's, but for
 * the internal hand-over. Nothing is returned to the system before tpi_memory_free.
 */
#ifndef TPI_MEMORY_POOL_H
#define TPI_MEMORY_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <troupe/base.h>

#include "core/base/assert.h"
#include "core/base/atomic.h"
#include "core/base/sanitizer.h"

struct tp_allocator;

#define TPI_CLASS_COUNT 14 /* 16 32 64 128 192 256 512 1K 2K 4K 8K 16K 32K 64K */
#define TPI_CLASS_HEAP 255
#define TPI_OWNER_HEAP UINT16_MAX

struct tpi_memory; /* the allocator hook, the pools and the accounting of one runtime */

struct tpi_free_block {
    struct tpi_free_block *next;
};

struct tpi_pool {
    struct tpi_free_block *free[TPI_CLASS_COUNT];
    uint16_t index;          /* which pool this is: the `owner` of its blocks */
    uint16_t asked_owner;    /* whose blocks ... */
    uint64_t asked_returned; /* ... given back through here are counted, for who asked */
    struct tpi_memory *memory;
    struct tpi_pool_rest *rest; /* chains for other pools, chunks: see pool.c */
};

/* Bytes of a class. */
extern const uint32_t tpi_class_size[TPI_CLASS_COUNT];

/* The smallest class that holds `size` bytes, TPI_CLASS_HEAP when none does. */
static inline uint8_t tpi_class_of(size_t size) {
    if (size <= 64) return size <= 16 ? 0 : size <= 32 ? 1 : 2;
    if (size <= 256) return size <= 128 ? 3 : size <= 192 ? 4 : 5;
    if (size > 65536) return TPI_CLASS_HEAP;
    return (uint8_t)(6 + (55 - __builtin_clzll((unsigned long long)(size - 1))));
}

/*
 * A memory with `pools` pools (at most 65,000). `hook` NULL means malloc and free. TP_ENOMEM.
 * tpi_memory_free frees all chunks; heap blocks must have been freed one by one (asserted in
 * TP_CHECKED builds by count).
 */
tp_err tpi_memory_new(struct tpi_memory **out, const struct tp_allocator *hook, unsigned pools);
void tpi_memory_free(struct tpi_memory *memory);
struct tpi_pool *tpi_memory_pool(struct tpi_memory *memory, unsigned index);

/* The allocator hook, counted. Any thread. NULL when out of memory. */
void *tpi_heap_alloc(struct tpi_memory *memory, size_t size);
void tpi_heap_free(struct tpi_memory *memory, void *pointer, size_t size);
/* Bytes now taken from the allocator hook and the system (chunks included). Any thread. */
size_t tpi_memory_bytes(struct tpi_memory *memory);

/* The slow halves: refill from returned chains or a fresh chunk; give to another owner. */
void *tpi_pool_refill(struct tpi_pool *pool, uint8_t size_class);
void tpi_pool_return(struct tpi_pool *pool, void *block, uint8_t size_class, uint16_t owner);
/* Gives a block straight to its owner, from a thread that has no pool. Any thread. */
void tpi_memory_return(struct tpi_memory *memory, void *block, uint8_t size_class, uint16_t owner);
/* Hands over every chain collected for other pools. Called by a worker when it runs out of work. */
void tpi_pool_flush(struct tpi_pool *pool);

/* While a block is free, all of it but the link is poison to AddressSanitizer. */
static inline void tpi_block_poison(void *block, uint8_t size_class) {
    tpi_poison((char *)block + sizeof(struct tpi_free_block),
               tpi_class_size[size_class] - sizeof(struct tpi_free_block));
}

/* A block of the class that is at hand, not zeroed; NULL when there is none. */
static inline void *tpi_pool_take_cached(struct tpi_pool *pool, uint8_t size_class) {
    TPI_CHECK(size_class < TPI_CLASS_COUNT);
    struct tpi_free_block *block = pool->free[size_class];
    if (__builtin_expect(block == NULL, 0)) return NULL;
    pool->free[size_class] = block->next;
    tpi_unpoison(block, tpi_class_size[size_class]);
    return block;
}

/* A block of the class, not zeroed; NULL when out of memory. */
static inline void *tpi_pool_take(struct tpi_pool *pool, uint8_t size_class) {
    void *block = tpi_pool_take_cached(pool, size_class);
    return __builtin_expect(block == NULL, 0) ? tpi_pool_refill(pool, size_class) : block;
}

/* Gives a block back to `owner`, which may be another pool. */
static inline void tpi_pool_give(struct tpi_pool *pool, void *block, uint8_t size_class,
                                 uint16_t owner) {
    if (__builtin_expect(owner != pool->index, 0)) {
        tpi_pool_return(pool, block, size_class, owner);
        return;
    }
    struct tpi_free_block *free_block = block;
    TPI_CHECK(size_class < TPI_CLASS_COUNT && (uintptr_t)block % 16 == 0);
    TPI_CHECK(free_block != pool->free[size_class]); /* given back twice */
    free_block->next = pool->free[size_class];
    pool->free[size_class] = free_block;
    tpi_block_poison(block, size_class);
}

#endif
