/*
 * The runtime as the actor room sees it: what all actors share, and what the rooms above fill in.
 */
#ifndef TPI_SYSTEM_H
#define TPI_SYSTEM_H

#include "core/actor/self.h"

/* ---- the system (system.c) ---- */

/* What the rooms above fill in; each may be NULL. */
struct tpi_hooks {
    void (*name_released)(tp_runtime *runtime, tp_actor *actor);
    /* The name of an actor that may be running: tp_abandon. Any thread. */
    void (*name_forgotten)(tp_runtime *runtime, tp_pid pid);
    tp_err (*name_taken)(tp_runtime *runtime, tp_actor *actor, const char *name);
    /* Writes the name of an actor, terminated, and gives its length; 0: it has none. */
    size_t (*name_of)(tp_runtime *runtime, tp_pid pid, char *out, size_t size);
    tp_pid (*name_find)(tp_runtime *runtime, const char *name);
    void (*groups_left)(tp_runtime *runtime, tp_actor *actor);
    void (*sockets_closed)(tp_runtime *runtime, tp_actor *actor);
    void (*ready)(tp_runtime *runtime, struct tpi_worker *worker, uint64_t token, unsigned ready);
    /* For actors of the runtime's own: takes a descriptor, which ends with the actor; closes it on
     * failure. All of them are NULL where there are no descriptors. */
    tp_err (*descriptor_adopt)(tp_actor *self, int descriptor, tp_ref *out);
    /* The next time that it is ready for any of `interest` (TPI_POLL_*) a tpi_ready comes. */
    tp_err (*descriptor_watch)(tp_actor *self, tp_ref id, unsigned interest);
    /* Waits for that, and for nothing else: who sends to the actor meanwhile is kept waiting at its
     * limit. TP_OK, TP_ETIMEDOUT, TP_ENOMEM. */
    tp_err (*descriptor_wait)(tp_actor *self, tp_ref id, unsigned interest, tp_duration timeout);
    void (*descriptor_drop)(tp_actor *self, tp_ref id);
    /* A READY signal that no wait takes; on the actor's own worker. */
    void (*event)(tp_runtime *runtime, tp_actor *actor, struct tpi_block *block);
    /* A worker's thread begins, or ends; on that thread. */
    void (*thread)(tp_runtime *runtime, struct tpi_worker *worker, bool begins);
    /* The actor left its code by a contained fault; in the loop's frame. Dooms it. */
    void (*faulted)(tp_runtime *runtime, tp_actor *actor);
    /* The actor ends for a reason that is not an orderly one; before anything is released. */
    void (*crashed)(tp_runtime *runtime, tp_actor *actor, tp_reason reason);
    /* tp_fail, before the actor's code is left; `frame`: that function's. NULL: nobody looks. */
    void (*failing)(tp_runtime *runtime, tp_actor *actor, const void *frame);
    /* What the worker runs keeps it, in its slice of this number; on the watch's thread. */
    void (*stuck)(tp_runtime *runtime, struct tpi_worker *worker, uint64_t slice, tp_duration span);
    /* A message for nobody; worker NULL: a thread outside. The block stays the caller's. */
    void (*dead_letter)(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                        const struct tpi_block *block);
    /* In an isolated actor's process: whatever is for others. Takes the block. */
    void (*elsewhere)(tp_runtime *runtime, struct tpi_worker *worker, tp_pid to,
                      struct tpi_block *block);
    /* There: its actor has ended; does not return. And it spawns. */
    void (*left)(tp_runtime *runtime, tp_actor *actor, tp_reason reason);
    tp_err (*spawn)(tp_actor *self, const tp_behavior *behavior, const tp_spawn_options *options,
                    const tp_message_type *type, const void *value, tp_pid *out);
    /* A spawn with `isolate`: the behaviour and arguments of what stands for it. start: see
     * tpi_spawn_to_start; 0: none. */
    tp_pid (*isolate)(tp_actor *self, const tp_behavior *behavior, const tp_spawn_options *options,
                      const tp_message_type *type, const void *value, tp_ref start);
    /* A signal to such an actor that is its process's affair. */
    void (*cross)(tp_actor *self, struct tpi_block *block);
};

struct tpi_remote;
/* Pools of the threads that bring what comes from other nodes: behind those of the workers. More
 * threads at a time than that take from the heap. */
#define TPI_REMOTE_POOLS 4u

struct tp_runtime {
    struct tpi_scheduler *scheduler;
    struct tpi_memory *memory;
    uint8_t *slots; /* reserved address space: max_actors of struct tp_actor */
    uint64_t node;  /* its id: of name and incarnation */
    uint8_t incarnation[16];
    _Atomic(struct tpi_remote *) remote; /* other nodes: remote.h; NULL: there are none */
    _Atomic(uint32_t) remote_pools;      /* a bit for each that is claimed (remote.c) */
    tp_options options;
    struct tpi_hooks hooks;
    struct tpi_slots *free_slots; /* slots.c */
    uint32_t slot_count;
    _Atomic(uint32_t) stopping; /* 1: actors are being shut down */
    struct tpi_registry *registry;
    struct tpi_io *io;
    struct tpi_crash *crash;
    struct tpi_process *process;
    struct tpi_guest *guest; /* this process is an isolated actor's */
    struct tpi_sim *sim;
    struct tpi_driver driver;
    int signal_event; /* -1: signals are not this runtime's */
    tpi_thread signal_thread;
    _Atomic(uint32_t) signal_stop;
    void (*settle)(
        tp_runtime *runtime); /* simulation: runs what is ready, for calls from the test's thread */
    void *allocation;         /* what to free: the struct is aligned within */

    /* ---- written while it runs: away from what each send and each slice reads ---- */
    _Alignas(64) _Atomic(uint32_t) slots_used; /* the first that was never used */
    _Atomic(uint32_t) abandoned; /* actors that nobody finds and that have not ended */
    _Atomic(uint32_t) exits;     /* futex: goes up when an actor ends while stopping */
    _Atomic(uint64_t) outside_refs;
    tpi_spinlock wait_lock; /* confirms wait cycles: wait.c */
};
TPI_OTHER_LINE(tp_runtime, allocation, slots_used);
_Static_assert(offsetof(struct tp_runtime, slot_count) < offsetof(struct tp_runtime, slots_used) &&
                   _Alignof(struct tp_runtime) == 64,
               "what each send reads comes before the line that others write");

static inline tp_runtime *tpi_runtime_of(const struct tpi_worker *worker) {
    return worker->system;
}
static inline tp_actor *tpi_actor_of(struct tpi_runnable *runnable) {
    return (tp_actor *)(void *)runnable; /* its first field */
}
static inline tp_actor *tpi_slot(const tp_runtime *runtime, uint32_t slot) {
    return (tp_actor *)(void *)(runtime->slots + (size_t)slot * sizeof(tp_actor));
}
static inline uint32_t tpi_slot_of(const tp_actor *actor) {
    return actor->runnable.index;
}
static inline tp_pid tpi_pid_of(const tp_runtime *runtime, const tp_actor *actor) {
    return (tp_pid){runtime->node, tpi_slot_of(actor), actor->generation};
}

/* The actor of a local pid if it is alive at this moment, else NULL. Any thread; what may be
 * done with it: see the head of this file. */
static inline tp_actor *tpi_find(const tp_runtime *runtime, tp_pid pid, uint64_t *identity) {
    if (pid.node != runtime->node || pid.slot >= runtime->slot_count) return NULL;
    tp_actor *actor = tpi_slot(runtime, pid.slot);
    /* acquire: partner is the release store in tpi_actor_publish; `limit` and `overflow` are
     * read after it */
    *identity = atomic_load_explicit(&actor->identity, memory_order_acquire);
    if (*identity >> 32 != pid.generation || !(*identity & TPI_IDENTITY_ALIVE)) return NULL;
    return actor;
}

/* Memory that lives as long as the actor, from its worker's pool; NULL when out of memory. Its
 * owner, or who makes it. */
void *tpi_actor_alloc(tp_actor *actor, size_t size);
void tpi_actor_free(tp_actor *actor, void *piece);
/* The extra part, made at first need; NULL when out of memory. */
struct tpi_extra *tpi_extra(tp_actor *actor);
void tpi_extra_free(tp_actor *actor);
/* For callbacks of maps: memory of the runtime's heap. */
struct tpi_map_memory tpi_map_memory(tp_runtime *runtime);
tp_ref tpi_ref_new(tp_actor *actor);
tp_ref tpi_ref_outside(tp_runtime *runtime);
void tpi_set_error(tp_actor *self, tp_err err);
extern const struct tpi_runnable_ops tpi_actor_ops;

/* ---- slots (slots.c) ---- */

tp_err tpi_slots_new(tp_runtime *runtime);
/* Another number of actors, before there is any. */
tp_err tpi_slots_remake(tp_runtime *runtime, uint32_t max_actors);
void tpi_slots_free(tp_runtime *runtime);
/* A slot whose right to run is the caller's; NULL when there is none. worker NULL: a thread
 * outside. */
tp_actor *tpi_slot_take(tp_runtime *runtime, struct tpi_worker *worker);
/* Gives back a slot whose mailbox is idle. */
void tpi_slot_give(tp_runtime *runtime, struct tpi_worker *worker, tp_actor *actor);

#endif
