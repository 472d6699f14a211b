/*
 * A look at what another thread is doing.
 */
#ifndef TPI_SNAPSHOT_H
#define TPI_SNAPSHOT_H

#include "core/platform/platform.h"

struct tpi_snapshot {
    /* On the thread that was asked, in a signal handler on its alternate stack: must be safe
     * there. */
    void (*look)(struct tpi_snapshot *snapshot, const struct tpi_fault *where);
    _Atomic(uint32_t) state;
};
/* From now on snapshots may be asked for; counted. Takes SIGURG, and chains to what was there. */
tp_err tpi_snapshots_take(void);
void tpi_snapshots_give(void);
/* The calling thread may be asked for this one; NULL: for none any more. */
void tpi_snapshot_allow(struct tpi_snapshot *snapshot);
/* Has `look` called on the thread that allowed it; true when it was. False: the thread could not be
 * reached in time, as when the kernel holds it, and will not be. One at a time. A system call of
 * that thread may return EINTR. */
bool tpi_snapshot_ask(tpi_thread thread, struct tpi_snapshot *snapshot, tp_duration patience);

#endif
