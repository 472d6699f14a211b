/*
 * Giving up an actor whose code does not come back. Nothing of it that belongs to its owner is
 * touched: it is only found no more. It ends like any other when its code lets go.
 */
#include "core/actor/mailbox.h"

#define ABANDONED_MAX 16u

/* One more, if there is room. */
static bool count_one(tp_runtime *runtime) {
    /* relaxed, all: a number that orders nothing */
    uint32_t count = atomic_load_explicit(&runtime->abandoned, memory_order_relaxed);
    while (count < ABANDONED_MAX) /* relaxed, both: as above */
        if (atomic_compare_exchange_weak_explicit(&runtime->abandoned, &count, count + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

static tp_err abandon(tp_runtime *runtime, tp_pid other) {
    uint64_t identity;
    tp_actor *actor = tpi_find(runtime, other, &identity);
    if (actor == NULL) return TP_ENOPROC;
    if (!count_one(runtime)) return TP_EFULL;
    /* release: partner is the acquire in tpi_find, as of unpublish (exit.c). Its own end may come
     * in between, and the next actor of its slot: then it is another identity */
    if (!atomic_compare_exchange_strong_explicit(&actor->identity, &identity,
                                                 (uint64_t)other.generation << 32,
                                                 memory_order_release, memory_order_relaxed)) {
        /* relaxed: as in count_one */
        atomic_fetch_sub_explicit(&runtime->abandoned, 1, memory_order_relaxed);
        return TP_ENOPROC;
    }
    runtime->hooks.name_forgotten(runtime, other);
    return TP_OK;
}

tp_err tp_abandon(tp_actor *self, tp_pid other) {
    TPI_INSIDE(self);
    tp_runtime *runtime = self->runtime;
    if (other.node != runtime->node || runtime->guest != NULL) return TP_ENOTSUP;
    if (tp_pid_equal(other, tp_self(self))) return TP_EDEADLOCK;
    tp_err err = tp_kill(self, other); /* it must be in its mailbox before nobody finds that */
    return err == TP_OK ? abandon(runtime, other) : err;
}
