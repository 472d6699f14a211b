/*
 * A hierarchical timer wheel: eight levels of 64 slots, O(1) arm and cancel.
 *
 * One wheel a worker, behind a spin lock that is contended only when a timer is cancelled from
 * another worker than the one that armed it. Deadlines are rounded up to a tick of 2^shift ns, so
 * no timer fires early; the simulator uses shift 0 and is exact.
 */
#ifndef TPI_TIMER_H
#define TPI_TIMER_H

#include <troupe/base.h>

#include "core/base/atomic.h"
#include "core/base/list.h"
#include "core/platform/platform.h"

#define TPI_WHEEL_LEVELS 8
#define TPI_WHEEL_SLOTS 64
#define TPI_TICK_SHIFT 14 /* 16 us: well under what a wake-up costs */

struct tpi_wheel;

struct tpi_timer {
    struct tpi_list link;    /* in its slot while armed */
    struct tpi_wheel *wheel; /* where it is armed; NULL: nowhere */
    tp_time deadline;
    uint16_t place; /* level * 64 + slot */
    uint16_t owner; /* the armer's, as is the next: not used here */
    uint32_t mark;
    /* Called under the wheel's lock when it expires: it must be short and never take the lock
     * again. */
    void (*fire)(struct tpi_timer *timer, void *worker);
};

struct tpi_wheel {
    tpi_spinlock lock;
    unsigned shift;
    uint64_t tick;                   /* everything before this tick has fired */
    uint32_t count;                  /* armed timers */
    _Atomic(int64_t) next;           /* no timer is due before this; TP_FOREVER when empty */
    uint64_t used[TPI_WHEEL_LEVELS]; /* a bit a slot that is not empty */
    struct tpi_list slots[TPI_WHEEL_LEVELS][TPI_WHEEL_SLOTS];
};

void tpi_wheel_init(struct tpi_wheel *wheel, unsigned shift, tp_time now);
/* Arms a timer that is not armed. Any thread. */
void tpi_timer_arm(struct tpi_wheel *wheel, struct tpi_timer *timer, tp_time deadline);
/* True if it was armed: then it will not fire. False: it has fired, or is not armed. Any thread;
 * when it returns the timer's memory may be reused. */
bool tpi_timer_cancel(struct tpi_timer *timer);
/* False once it has fired or was cancelled. Any thread. */
bool tpi_timer_armed(struct tpi_timer *timer);
/* Fires what is due at `now`, in order of deadline up to a tick. `worker` is passed on to fire.
 * Returns their number. */
unsigned tpi_wheel_advance(struct tpi_wheel *wheel, tp_time now, void *worker);
/* When to call advance again: a lower bound of the next deadline; TP_FOREVER when empty. Any
 * thread. */
tp_time tpi_wheel_next(const struct tpi_wheel *wheel);

#endif
