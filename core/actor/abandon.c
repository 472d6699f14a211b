/*
 * Giving up an actor whose code does not come back. Nothing of it that belongs to its owner is
 * touched: it is only found no more. It ends like any other when its code lets go.
 *
 * Who is linked to it, watches it or waits for it has a record of that of his own. So all actors
 * are told, and whoever has such a record sends himself what the end would have sent him. What it
 * says when it really ends finds no record any more, and is dropped. This costs a signal for each
 * actor that lives; it is rare.
 */
#include "core/actor/given_up.h"

/* Nobody who does not find it dead already is left out: the slots are read after it is found no
 * more, and who is born later finds it dead. Without memory one hears of the real end. */
static void tell_all(tp_actor *self, tp_pid gone) {
    tp_runtime *runtime = self->runtime;
    /* relaxed: see above */
    uint32_t used = atomic_load_explicit(&runtime->slots_used, memory_order_relaxed);
    if (used > runtime->slot_count) used = runtime->slot_count;
    for (uint32_t slot = 0; slot < used; slot++) {
        /* acquire: partner is the release store in publish (spawn.c) */
        uint64_t identity =
            atomic_load_explicit(&tpi_slot(runtime, slot)->identity, memory_order_acquire);
        if (!(identity & TPI_IDENTITY_ALIVE)) continue;
        struct tpi_block *block = tpi_block_new(runtime, self->worker, TPI_KIND_GIVEN_UP, 0);
        if (block == NULL) continue;
        block->flags = TPI_BLOCK_UNCOUNTED;
        tpi_block_set_from(runtime, block, gone);
        tp_pid to = {runtime->node, slot, (uint32_t)(identity >> 32)};
        tpi_deliver(runtime, self->worker, to, block);
    }
}

static tp_err abandon(tp_actor *self, tp_pid other) {
    tp_runtime *runtime = self->runtime;
    uint64_t identity;
    tp_actor *actor = tpi_find(runtime, other, &identity);
    if (actor == NULL) return TP_ENOPROC;
    /* relaxed: a number that orders nothing */
    atomic_fetch_add_explicit(&runtime->abandoned, 1, memory_order_relaxed);
    /* release: partner is the acquire in tpi_find, as of unpublish (exit.c). Its own end may come
     * in between, and the next actor of its slot: then it is another identity */
    if (!atomic_compare_exchange_strong_explicit(&actor->identity, &identity,
                                                 (uint64_t)other.generation << 32,
                                                 memory_order_release, memory_order_relaxed)) {
        /* relaxed: as above */
        atomic_fetch_sub_explicit(&runtime->abandoned, 1, memory_order_relaxed);
        return TP_ENOPROC;
    }
    runtime->hooks.name_forgotten(runtime, other);
    tell_all(self, other);
    return TP_OK;
}

tp_err tp_abandon(tp_actor *self, tp_pid other) {
    TPI_INSIDE(self);
    tp_runtime *runtime = self->runtime;
    if (other.node != runtime->node || runtime->guest != NULL) return TP_ENOTSUP;
    if (tp_pid_equal(other, tp_self(self))) return TP_EDEADLOCK;
    tp_err err = tp_kill(self, other); /* it must be in its mailbox before nobody finds that */
    return err == TP_OK ? abandon(self, other) : err;
}

void tpi_given_up(tp_actor *self, tp_pid gone) {
    struct tpi_extra *extra = self->extra;
    if (extra == NULL || tp_pid_equal(gone, tpi_pid_of(self->runtime, self))) return;
    tpi_relations_given_up(self, gone);
    tpi_requests_given_up(self, gone);
    if (extra->credit != 0 && tp_pid_equal(extra->over, gone)) tpi_credit_granted(self, 0);
}
