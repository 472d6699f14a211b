/*
 * The table of actors: address space reserved once, slots handed out from free lists, the youngest
 * first (its cache lines are warm), or from the part that was never used.
 *
 * A free slot's mailbox is idle. A late sender that still holds the slot's old pid may push to it
 * and thereby win the right to run it (tpi_drain empties it then); so whoever takes a slot must
 * claim its mailbox, and passes over one that it cannot claim.
 */
#include "core/actor/mailbox.h"

#include <string.h>

#define LOCAL_MAX 512u /* free slots a worker keeps */
#define LOCAL_BATCH 256u
#define FRESH_BATCH 64u
#define PASSES_MAX 64u /* unclaimable slots passed over before a fresh one is taken */

struct local_slots {
    uint32_t count;
    uint32_t fresh; /* never used: fresh .. fresh_end */
    uint32_t fresh_end;
    uint32_t slots[LOCAL_MAX];
};

struct tpi_slots {
    tpi_spinlock lock; /* of what follows */
    uint32_t shared_count;
    uint32_t shared_capacity;
    uint32_t *shared;
    tpi_spinlock outside_lock;
    struct local_slots outside; /* of threads that are no workers */
    unsigned worker_count;
    struct local_slots *workers[];
};

static size_t slots_size(const tp_runtime *runtime) {
    return sizeof(struct tpi_slots) +
           tpi_scheduler_places(runtime->options.workers, runtime->options.spare_workers) *
               sizeof(struct local_slots *);
}

/* The first two thousand actors cost what they touch; whoever has more gets huge pages. */
#define SMALL_PAGES_FIRST ((size_t)384 << 10)

tp_err tpi_slots_new(tp_runtime *runtime) {
    TPI_ASSERT(runtime->options.max_actors > 0);
    unsigned workers =
        tpi_scheduler_places(runtime->options.workers, runtime->options.spare_workers);
    runtime->slot_count = runtime->options.max_actors;
    struct tpi_slots *table = tpi_heap_alloc(runtime->memory, slots_size(runtime));
    if (table == NULL) return TP_ENOMEM;
    memset(table, 0, slots_size(runtime));
    table->worker_count = workers;
    runtime->free_slots = table;
    size_t size = (size_t)runtime->slot_count * sizeof(tp_actor);
    runtime->slots = tpi_vm_reserve_from(size, SMALL_PAGES_FIRST);
    if (runtime->slots == NULL) return TP_ENOMEM;
    return TP_OK;
}

tp_err tpi_slots_remake(tp_runtime *runtime, uint32_t max_actors) {
    TPI_ASSERT(runtime->slots != NULL);
    tpi_slots_free(runtime);
    runtime->slots = NULL;
    runtime->free_slots = NULL;
    runtime->options.max_actors = max_actors;
    return tpi_slots_new(runtime);
}

/* After the threads have ended: blocks that came too late and live on the heap. */
static void forget_mailbox(tp_runtime *runtime, tp_actor *actor) {
    struct tpi_block *block = actor->tail;
    while (block != NULL) {
        struct tpi_block *next = tpi_block_next(block);
        bool stub = block == tpi_stub(actor);
        if (!stub && (block->size_class == TPI_CLASS_HEAP || block->flags & TPI_BLOCK_SHARED))
            tpi_block_forget(runtime, block);
        block = next;
    }
}

void tpi_slots_free(tp_runtime *runtime) {
    struct tpi_slots *table = runtime->free_slots;
    if (table == NULL) return;
    /* relaxed: the threads are gone */
    uint32_t used = atomic_load_explicit(&runtime->slots_used, memory_order_relaxed);
    for (uint32_t slot = 0; slot < used && slot < runtime->slot_count; slot++)
        forget_mailbox(runtime, tpi_slot(runtime, slot));
    for (unsigned i = 0; i < table->worker_count; i++)
        if (table->workers[i] != NULL)
            tpi_heap_free(runtime->memory, table->workers[i], sizeof *table->workers[i]);
    if (table->shared != NULL)
        tpi_heap_free(runtime->memory, table->shared, table->shared_capacity * sizeof(uint32_t));
    if (runtime->slots != NULL)
        tpi_vm_unmap(runtime->slots, (size_t)runtime->slot_count * sizeof(tp_actor));
    tpi_heap_free(runtime->memory, table, slots_size(runtime));
}

static struct local_slots *local_of(tp_runtime *runtime, struct tpi_worker *worker) {
    TPI_CHECK(worker == NULL || worker->index < runtime->free_slots->worker_count);
    TPI_CHECK(worker == NULL || tpi_worker_is_here(worker));
    struct tpi_slots *table = runtime->free_slots;
    if (worker == NULL) return &table->outside;
    if (table->workers[worker->index] == NULL) {
        struct local_slots *local = tpi_heap_alloc(runtime->memory, sizeof *local);
        if (local == NULL) return NULL;
        memset(local, 0, offsetof(struct local_slots, slots));
        table->workers[worker->index] = local;
    }
    return table->workers[worker->index];
}

static void refill(struct tpi_slots *table, struct local_slots *local) {
    TPI_CHECK(local->count == 0);
    tpi_spin_lock(&table->lock);
    while (table->shared_count > 0 && local->count < LOCAL_BATCH)
        local->slots[local->count++] = table->shared[--table->shared_count];
    tpi_spin_unlock(&table->lock);
}

/* Moves half of a full local list to the shared one; false when that cannot grow. */
static bool spill(tp_runtime *runtime, struct local_slots *local) {
    TPI_CHECK(local->count >= LOCAL_BATCH && local->count <= LOCAL_MAX);
    struct tpi_slots *table = runtime->free_slots;
    bool done = true;
    tpi_spin_lock(&table->lock);
    if (table->shared_count + LOCAL_BATCH > table->shared_capacity) {
        uint32_t capacity = table->shared_capacity == 0 ? 1024 : table->shared_capacity * 2;
        uint32_t *grown = tpi_heap_alloc(runtime->memory, capacity * sizeof(uint32_t));
        if (grown == NULL) {
            done = false;
        } else {
            if (table->shared != NULL) {
                memcpy(grown, table->shared, table->shared_count * sizeof(uint32_t));
                tpi_heap_free(runtime->memory, table->shared,
                              table->shared_capacity * sizeof(uint32_t));
            }
            table->shared = grown;
            table->shared_capacity = capacity;
        }
    }
    for (uint32_t i = 0; done && i < LOCAL_BATCH; i++)
        table->shared[table->shared_count++] = local->slots[--local->count];
    tpi_spin_unlock(&table->lock);
    return done;
}

static tp_actor *take_fresh(tp_runtime *runtime, struct local_slots *local) {
    TPI_CHECK(local->fresh <= local->fresh_end && local->fresh_end <= runtime->slot_count);
    if (local->fresh == local->fresh_end) {
        /* relaxed: hands out numbers; nothing is published by it */
        uint32_t start =
            atomic_fetch_add_explicit(&runtime->slots_used, FRESH_BATCH, memory_order_relaxed);
        if (start >= runtime->slot_count) {
            /* relaxed: as above; keeps the number from wrapping */
            atomic_fetch_sub_explicit(&runtime->slots_used, FRESH_BATCH, memory_order_relaxed);
            return NULL;
        }
        local->fresh = start;
        local->fresh_end =
            start + FRESH_BATCH < runtime->slot_count ? start + FRESH_BATCH : runtime->slot_count;
    }
    tp_actor *actor = tpi_slot(runtime, local->fresh);
    actor->runnable.index = local->fresh++;
    tpi_mailbox_init(actor);
    return actor;
}

static tp_actor *take_from(tp_runtime *runtime, struct local_slots *local) {
    TPI_CHECK(local->count <= LOCAL_MAX);
    for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
        if (local->count == 0) refill(runtime->free_slots, local);
        if (local->count == 0) break;
        tp_actor *actor = tpi_slot(runtime, local->slots[local->count - 1]);
        if (tpi_mailbox_claim(actor)) {
            local->count--;
            return actor;
        }
        /* a late sender has it: look at another one, this one goes to the bottom */
        uint32_t busy = local->slots[local->count - 1];
        memmove(&local->slots[1], &local->slots[0], (local->count - 1) * sizeof(uint32_t));
        local->slots[0] = busy;
    }
    tp_actor *actor = take_fresh(runtime, local);
    if (actor != NULL && !tpi_mailbox_claim(actor)) return NULL;
    return actor;
}

tp_actor *tpi_slot_take(tp_runtime *runtime, struct tpi_worker *worker) {
    struct tpi_slots *table = runtime->free_slots;
    struct local_slots *local = local_of(runtime, worker);
    if (local == NULL) return NULL;
    if (worker == NULL) tpi_spin_lock(&table->outside_lock);
    tp_actor *actor = take_from(runtime, local);
    if (worker == NULL) tpi_spin_unlock(&table->outside_lock);
    if (actor != NULL) actor->flags = 0;
    return actor;
}

void tpi_slot_give(tp_runtime *runtime, struct tpi_worker *worker, tp_actor *actor) {
    TPI_CHECK(tpi_slot_of(actor) < runtime->slot_count &&
              tpi_slot(runtime, tpi_slot_of(actor)) == actor);
    struct local_slots *local = local_of(runtime, worker);
    TPI_ASSERT(worker != NULL);
    if (local == NULL) return; /* out of memory: the slot is retired */
    if (local->count == LOCAL_MAX && !spill(runtime, local)) return;
    local->slots[local->count++] = tpi_slot_of(actor);
}
