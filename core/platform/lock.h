/*
 * A mutex and a spin lock, part of the contract in platform.h.
 */
#ifndef TPI_PLATFORM_LOCK_H
#define TPI_PLATFORM_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/assert.h"
#include "core/base/atomic.h"

/* ---- mutex: for slow paths only ---- */
typedef struct tpi_mutex {
    _Atomic(uint32_t) state;
} tpi_mutex; /* zero is unlocked */
void tpi_mutex_lock(tpi_mutex *mutex);
void tpi_mutex_unlock(tpi_mutex *mutex);
/* Somebody holds it. For checks of what is only done under it. */
static inline bool tpi_mutex_is_held(const tpi_mutex *mutex) {
    /* relaxed: the holder reads its own exchange; a caller without the lock has a bug already */
    return atomic_load_explicit(&mutex->state, memory_order_relaxed) != 0;
}

/* ---- spin lock: a few dozen instructions, never across a switch ---- */
typedef struct tpi_spinlock {
    _Atomic(uint32_t) held;
} tpi_spinlock;
/* As tpi_mutex_is_held. */
static inline bool tpi_spin_is_held(const tpi_spinlock *lock) {
    /* relaxed: as there */
    return atomic_load_explicit(&lock->held, memory_order_relaxed) != 0;
}
void tpi_spin_lock_contended(tpi_spinlock *lock); /* the slow half of the next */
static inline void tpi_spin_lock(tpi_spinlock *lock) {
    /* acquire: partner is the store in tpi_spin_unlock; weaker, the last holder's writes might not
     * be visible. */
    if (__builtin_expect(atomic_exchange_explicit(&lock->held, 1, memory_order_acquire) != 0, 0))
        tpi_spin_lock_contended(lock);
}
static inline void tpi_spin_unlock(tpi_spinlock *lock) {
    TPI_CHECK(tpi_spin_is_held(lock));
    /* release: partner is the exchange in tpi_spin_lock; weaker, this holder's writes could be seen
     * late. */
    atomic_store_explicit(&lock->held, 0, memory_order_release);
}
void tpi_cpu_relax(void);

#endif
