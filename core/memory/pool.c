/*
 * Per-worker pools: who may touch what, and why a block finds its way home.
 *
 * The owner of a pool (its worker) alone touches the free lists, the slabs and the chains that it
 * collects for others. Everyone else touches exactly one thing of a pool: its `incoming` stacks.
 *
 * Obligations of who gives back (tpi_pool_return, tpi_pool_flush): a block is linked into the chain
 * kept for its owner and class, written only by this pool's worker; a full chain is pushed onto the
 * owner's incoming stack of that class by one compare-and-swap that releases everything written
 * into the blocks. From then on the giver does not touch them.
 *
 * Obligations of the owner (tpi_pool_refill): takes a whole incoming stack by one exchange that
 * acquires, and makes it the free list. Since the owner takes all or nothing and never pops a
 * single block, a push that finds the same head again after others came and went is still right:
 * there is no ABA.
 *
 * Chains are found by (owner, class) in a table that is dense while it fits 512 places. Beyond that
 * (37 pools) two keys may share a place; the newcomer then has the old chain handed over early. So
 * the memory for chains is bounded whatever the number of pools.
 *
 * Fresh blocks are cut in runs of about a page from slabs, which double in size up to 512 KiB, and
 * are of huge pages from 2 MiB to 8 MiB (512 page faults can cost more than all else here); a run
 * touches only its own page, and the rest of a slab is not counted by the system before that. What
 * remains of a slab too small for the class asked for is cut into smaller blocks.
 */
#include "core/memory/pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/runtime.h>

#include "core/base/assert.h"
#include "core/platform/platform.h"

#define LINE 64u
#define POOLS_MAX 65000u
#define CHAINS_MAX 512u
#define CHAIN_BLOCKS 32u
#define CHAIN_BYTES 65536u
#define RUN_BYTES 4096u
#define SLAB_BYTES_MIN ((size_t)64 << 10)
#define SLAB_BYTES_SMALL ((size_t)512 << 10) /* the last one of small pages */
#define SLAB_BYTES_MAX ((size_t)8 << 20)

const uint32_t tpi_class_size[TPI_CLASS_COUNT] = {16,   32,   64,   128,  192,   256,   512,
                                                  1024, 2048, 4096, 8192, 16384, 32768, 65536};

struct slab {
    struct slab *next;
    size_t size;
};
_Static_assert(sizeof(struct slab) <= LINE, "a slab's head takes one line");

struct chain {
    struct tpi_free_block *first;
    struct tpi_free_block *last;
    uint32_t count;
    uint16_t owner;
    uint8_t size_class;
};

struct tpi_pool_rest {
    /* Other pools push here. */
    _Alignas(LINE) _Atomic(struct tpi_free_block *) incoming[TPI_CLASS_COUNT];
    /* From here on the owner's. */
    _Alignas(LINE) struct slab *slabs;
    char *fresh; /* the part of the newest slab that was never cut */
    char *fresh_end;
    size_t next_slab;
    struct chain *chains;
    uint64_t chains_used[CHAINS_MAX / 64]; /* a bit for every chain that holds blocks */
};

struct pool_cell {
    _Alignas(LINE) struct tpi_pool pool;
    struct tpi_pool_rest rest;
};
_Static_assert(sizeof(struct pool_cell) % LINE == 0 &&
                   offsetof(struct pool_cell, rest) % LINE == 0 &&
                   offsetof(struct tpi_pool_rest, slabs) % LINE == 0,
               "givers, and the owner, write lines of their own");

struct tpi_memory {
    struct tp_allocator hook; /* of chunks; malloc for the heap when has_hook is false */
    bool has_hook;
    unsigned pools;
    uint32_t chains;    /* places in a pool's table, a power of two */
    size_t region_size; /* this struct, the cells and the tables: one piece */
    void *region;       /* where the allocator said; this struct is at the first line in it */
    struct pool_cell *cells;
    _Alignas(LINE) _Atomic(size_t) bytes;
    _Atomic(size_t) heap_blocks;
};

_Static_assert(offsetof(struct tpi_memory, bytes) / LINE !=
                   offsetof(struct tpi_memory, cells) / LINE,
               "what is counted and what is looked up are on different lines");

static size_t round_up(size_t value, size_t to) {
    TPI_CHECK(to > 0 && value <= SIZE_MAX - to);
    return (value + to - 1) / to * to;
}

/* ---- what comes from outside ---- */

/* A big piece: from the hook when there is one, else straight from the system, zeroed then. */
static void *piece_alloc(const struct tp_allocator *hook, size_t size) {
    TPI_CHECK(size >= SLAB_BYTES_MIN || size % tpi_vm_page() == 0);
    if (hook != NULL) return hook->alloc(hook->context, size);
    /* the slabs before held nearly as much: this one will be used */
    return size >= TPI_VM_HUGE_PAGE ? tpi_vm_map_huge(size) : tpi_vm_map(size);
}

static void piece_free(const struct tp_allocator *hook, void *piece, size_t size) {
    TPI_CHECK(piece != NULL && size > 0);
    if (hook != NULL) {
        hook->free(hook->context, piece, size);
    } else {
        tpi_vm_unmap(piece, size);
    }
}

static const struct tp_allocator *hook_of(const struct tpi_memory *memory) {
    return memory->has_hook ? &memory->hook : NULL;
}

static void count_bytes(struct tpi_memory *memory, size_t added) {
    TPI_CHECK(added > 0);
    /* relaxed: a statistic; no other memory hangs on it. */
    atomic_fetch_add_explicit(&memory->bytes, added, memory_order_relaxed);
}

static void uncount_bytes(struct tpi_memory *memory, size_t removed) {
    /* relaxed: a statistic; no other memory hangs on it. */
    size_t before = atomic_fetch_sub_explicit(&memory->bytes, removed, memory_order_relaxed);
    TPI_ASSERT(before >= removed);
}

void *tpi_heap_alloc(struct tpi_memory *memory, size_t size) {
    TPI_ASSERT(size > 0);
    void *pointer =
        memory->has_hook ? memory->hook.alloc(memory->hook.context, size) : malloc(size);
    if (pointer == NULL) return NULL;
    count_bytes(memory, size);
    /* relaxed: read at the end only, when every thread that counted has been joined. */
    atomic_fetch_add_explicit(&memory->heap_blocks, 1, memory_order_relaxed);
    return pointer;
}

void tpi_heap_free(struct tpi_memory *memory, void *pointer, size_t size) {
    TPI_CHECK(size > 0 || pointer == NULL);
    if (pointer == NULL) return;
    uncount_bytes(memory, size);
    /* relaxed: read at the end only, when every thread that counted has been joined. */
    atomic_fetch_sub_explicit(&memory->heap_blocks, 1, memory_order_relaxed);
    if (memory->has_hook) {
        memory->hook.free(memory->hook.context, pointer, size);
    } else {
        free(pointer);
    }
}

size_t tpi_memory_bytes(struct tpi_memory *memory) {
    /* relaxed: a snapshot of a statistic. */
    return atomic_load_explicit(&memory->bytes, memory_order_relaxed);
}

/* ---- the memory and its pools ---- */

static uint32_t chains_for(unsigned pools) {
    TPI_CHECK(pools > 0 && pools <= POOLS_MAX);
    uint32_t chains = 16;
    while (chains < CHAINS_MAX && chains < pools * TPI_CLASS_COUNT) chains *= 2;
    return chains;
}

static void pool_init(struct tpi_memory *memory, unsigned index, struct chain *chains) {
    TPI_CHECK(index < memory->pools);
    TPI_CHECK(((uintptr_t)&memory->cells[index] & (LINE - 1)) == 0);
    struct pool_cell *cell = &memory->cells[index];
    cell->pool.index = (uint16_t)index;
    cell->pool.memory = memory;
    cell->pool.rest = &cell->rest;
    cell->rest.next_slab = SLAB_BYTES_MIN;
    cell->rest.chains = chains;
    for (int i = 0; i < TPI_CLASS_COUNT; i++) atomic_init(&cell->rest.incoming[i], NULL);
}

tp_err tpi_memory_new(struct tpi_memory **out, const struct tp_allocator *hook, unsigned pools) {
    if (pools == 0 || pools > POOLS_MAX) return TP_EINVAL;
    uint32_t chains = chains_for(pools);
    size_t cells_at = round_up(sizeof(struct tpi_memory), LINE);
    size_t chains_at = cells_at + pools * sizeof(struct pool_cell);
    size_t used = chains_at + (size_t)pools * chains * sizeof(struct chain);
    size_t size = round_up(used + LINE, tpi_vm_page());
    void *region = piece_alloc(hook, size);
    if (region == NULL) return TP_ENOMEM;
    char *base = (char *)round_up((uintptr_t)region, LINE);
    if (hook != NULL) memset(base, 0, used);
    struct tpi_memory *memory = (struct tpi_memory *)(void *)base;
    if (hook != NULL) memory->hook = *hook;
    memory->has_hook = hook != NULL;
    memory->pools = pools;
    memory->chains = chains;
    memory->region = region;
    memory->region_size = size;
    memory->cells = (struct pool_cell *)(void *)(base + cells_at);
    atomic_init(&memory->bytes, size);
    atomic_init(&memory->heap_blocks, 0);
    struct chain *table = (struct chain *)(void *)(base + chains_at);
    for (unsigned i = 0; i < pools; i++) pool_init(memory, i, table + (size_t)i * chains);
    *out = memory;
    return TP_OK;
}

static void slabs_free(struct tpi_memory *memory, struct tpi_pool_rest *rest) {
    TPI_CHECK(rest->fresh <= rest->fresh_end);
    struct slab *slab = rest->slabs;
    while (slab != NULL) {
        struct slab *next = slab->next;
        size_t size = slab->size;
        tpi_unpoison(slab, size); /* whoever gets the range next must be able to use it */
        uncount_bytes(memory, size);
        piece_free(hook_of(memory), slab, size);
        slab = next;
    }
    rest->slabs = NULL;
}

void tpi_memory_free(struct tpi_memory *memory) {
    TPI_CHECK(memory == NULL || (memory->pools > 0 && memory->region != NULL));
    if (memory == NULL) return;
    for (unsigned i = 0; i < memory->pools; i++) slabs_free(memory, &memory->cells[i].rest);
    /* relaxed: every thread that counted has been joined, and that orders its counts before
     * this */
    TPI_CHECK(atomic_load_explicit(&memory->heap_blocks, memory_order_relaxed) == 0);
    uncount_bytes(memory, memory->region_size);
    struct tp_allocator hook = memory->hook; /* a copy: the original lies in what is freed */
    piece_free(memory->has_hook ? &hook : NULL, memory->region, memory->region_size);
}

struct tpi_pool *tpi_memory_pool(struct tpi_memory *memory, unsigned index) {
    TPI_ASSERT(index < memory->pools);
    return &memory->cells[index].pool;
}

/* ---- fresh blocks ---- */

/* Puts `count` blocks from `fresh` in front of the free list, the lowest address first. */
static void cut_blocks(struct tpi_pool *pool, uint8_t size_class, size_t count) {
    TPI_CHECK(size_class < TPI_CLASS_COUNT);
    TPI_CHECK(pool->rest->fresh <= pool->rest->fresh_end);
    size_t size = tpi_class_size[size_class];
    char *start = pool->rest->fresh;
    TPI_ASSERT(count * size <= (size_t)(pool->rest->fresh_end - start));
    struct tpi_free_block *next = pool->free[size_class];
    for (size_t i = count; i-- > 0;) {
        struct tpi_free_block *block = (struct tpi_free_block *)(void *)(start + i * size);
        tpi_unpoison(block, sizeof(*block));
        block->next = next;
        next = block;
    }
    pool->free[size_class] = next;
    pool->rest->fresh = start + count * size;
}

/* Cuts what is left of the slab into the biggest blocks that fit. */
static void cut_remnant(struct tpi_pool *pool) {
    TPI_CHECK((uintptr_t)pool->rest->fresh % tpi_class_size[0] == 0);
    TPI_CHECK((uintptr_t)pool->rest->fresh_end % LINE == 0);
    for (uint8_t size_class = TPI_CLASS_COUNT; size_class-- > 0;) {
        size_t left = (size_t)(pool->rest->fresh_end - pool->rest->fresh);
        if (left == 0) break;
        cut_blocks(pool, size_class, left / tpi_class_size[size_class]);
    }
    TPI_ASSERT(pool->rest->fresh == pool->rest->fresh_end);
}

/* A new slab with room for a block of `size`; a smaller one than planned when memory is short. */
static bool slab_new(struct tpi_pool *pool, size_t size) {
    TPI_CHECK(size <= tpi_class_size[TPI_CLASS_COUNT - 1]);
    struct tpi_pool_rest *rest = pool->rest;
    struct tpi_memory *memory = pool->memory;
    size_t least = round_up(size + 2 * LINE, SLAB_BYTES_MIN);
    size_t planned = rest->next_slab > least ? rest->next_slab : least;
    struct slab *slab = piece_alloc(hook_of(memory), planned);
    if (slab == NULL && planned > least) {
        planned = least;
        slab = piece_alloc(hook_of(memory), planned);
    }
    if (slab == NULL) return false;
    count_bytes(memory, planned);
    cut_remnant(pool);
    slab->next = rest->slabs;
    slab->size = planned;
    rest->slabs = slab;
    /* A hook aligns to 16 only: begin at the first line behind the head, end at a line's end. */
    rest->fresh = (char *)round_up((uintptr_t)(slab + 1), LINE);
    rest->fresh_end = (char *)(((uintptr_t)slab + planned) / LINE * LINE);
    if (rest->next_slab < SLAB_BYTES_MAX) rest->next_slab *= 2;
    if (rest->next_slab > SLAB_BYTES_SMALL && rest->next_slab < TPI_VM_HUGE_PAGE)
        rest->next_slab = TPI_VM_HUGE_PAGE;
    tpi_poison(rest->fresh, (size_t)(rest->fresh_end - rest->fresh));
    TPI_ASSERT((size_t)(rest->fresh_end - rest->fresh) >= size);
    return true;
}

static bool refill_fresh(struct tpi_pool *pool, uint8_t size_class) {
    TPI_CHECK(pool->free[size_class] == NULL);
    size_t size = tpi_class_size[size_class];
    if ((size_t)(pool->rest->fresh_end - pool->rest->fresh) < size) {
        if (!slab_new(pool, size)) return false;
    }
    size_t fits = (size_t)(pool->rest->fresh_end - pool->rest->fresh) / size;
    size_t run = size < RUN_BYTES ? RUN_BYTES / size : 1;
    cut_blocks(pool, size_class, run < fits ? run : fits);
    return true;
}

void *tpi_pool_refill(struct tpi_pool *pool, uint8_t size_class) {
    TPI_ASSERT(size_class < TPI_CLASS_COUNT);
    TPI_ASSERT(pool->free[size_class] == NULL);
    /* acquire: partner is the CAS in hand_over. Weaker, the links (and what the giver still wrote
     * into the blocks) might not be visible yet. Release is not needed: NULL publishes nothing. */
    pool->free[size_class] =
        atomic_exchange_explicit(&pool->rest->incoming[size_class], NULL, memory_order_acquire);
    if (pool->free[size_class] == NULL && !refill_fresh(pool, size_class)) return NULL;
    struct tpi_free_block *block = pool->free[size_class];
    pool->free[size_class] = block->next;
    tpi_unpoison(block, tpi_class_size[size_class]);
    return block;
}

/* ---- the way home ---- */

/* Gives a chain to its owner's incoming stack. The chain is empty after. */
static void hand_over(struct tpi_memory *memory, struct chain *chain) {
    TPI_ASSERT(chain->count > 0);
    TPI_ASSERT(chain->owner < memory->pools);
    _Atomic(struct tpi_free_block *) *incoming =
        &memory->cells[chain->owner].rest.incoming[chain->size_class];
    /* relaxed: the value is only linked to, never looked into. */
    struct tpi_free_block *top = atomic_load_explicit(incoming, memory_order_relaxed);
    do {
        chain->last->next = top;
        /* release: partner is the exchange in tpi_pool_refill; it also passes on what earlier
         * givers released, a read-modify-write being part of their release sequence. Weaker, the
         * owner could follow links not yet written. relaxed on failure: only linked to. */
    } while (!atomic_compare_exchange_weak_explicit(incoming, &top, chain->first,
                                                    memory_order_release, memory_order_relaxed));
    chain->first = NULL;
    chain->last = NULL;
    chain->count = 0;
}

static uint32_t chain_limit(uint8_t size_class) {
    TPI_CHECK(size_class < TPI_CLASS_COUNT);
    uint32_t by_bytes = CHAIN_BYTES / tpi_class_size[size_class];
    return by_bytes < CHAIN_BLOCKS ? by_bytes : CHAIN_BLOCKS;
}

void tpi_pool_return(struct tpi_pool *pool, void *block, uint8_t size_class, uint16_t owner) {
    TPI_CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    TPI_ASSERT(size_class < TPI_CLASS_COUNT);
    TPI_ASSERT(owner < pool->memory->pools && owner != pool->index);
    struct tpi_pool_rest *rest = pool->rest;
    pool->asked_returned += owner == pool->asked_owner;
    uint32_t place = ((uint32_t)owner * TPI_CLASS_COUNT + size_class) & (pool->memory->chains - 1);
    struct chain *chain = &rest->chains[place];
    if (chain->count > 0 && (chain->owner != owner || chain->size_class != size_class)) {
        hand_over(pool->memory, chain);
    }
    struct tpi_free_block *free_block = block;
    free_block->next = chain->first;
    chain->first = free_block;
    if (chain->count == 0) {
        chain->last = free_block;
        chain->owner = owner;
        chain->size_class = size_class;
        rest->chains_used[place / 64] |= UINT64_C(1) << place % 64;
    }
    chain->count++;
    tpi_block_poison(block, size_class);
    if (chain->count >= chain_limit(size_class)) {
        hand_over(pool->memory, chain);
        rest->chains_used[place / 64] &= ~(UINT64_C(1) << place % 64);
    }
}

void tpi_memory_return(struct tpi_memory *memory, void *block, uint8_t size_class, uint16_t owner) {
    TPI_CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    TPI_ASSERT(size_class < TPI_CLASS_COUNT && owner < memory->pools);
    struct chain chain = {block, block, 1, owner, size_class};
    tpi_block_poison(block, size_class);
    hand_over(memory, &chain);
}

void tpi_pool_flush(struct tpi_pool *pool) {
    struct tpi_pool_rest *rest = pool->rest;
    TPI_ASSERT(rest->chains != NULL);
    for (uint32_t word = 0; word < pool->memory->chains / 64 + 1 && word < CHAINS_MAX / 64;
         word++) {
        while (rest->chains_used[word] != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(rest->chains_used[word]);
            TPI_ASSERT(word * 64 + bit < pool->memory->chains);
            hand_over(pool->memory, &rest->chains[word * 64 + bit]);
            rest->chains_used[word] &= rest->chains_used[word] - 1;
        }
    }
}
