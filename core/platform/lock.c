/*
 * A mutex of one word on the futex, and a spin lock.
 *
 * The mutex: 0 free, 1 held, 2 held and perhaps somebody sleeps. Who has slept takes it as 2, since
 * others may sleep still; so an unlock that finds 1 knows that nobody needs to be woken.
 */
#include "core/platform/platform.h"

#include "core/base/assert.h"

#define SPINS_BEFORE_YIELD 64

void tpi_mutex_lock(tpi_mutex *mutex) {
    uint32_t free = 0;
    /* acquire: partner is the exchange in tpi_mutex_unlock; weaker, the last holder's writes might
     * not be visible. relaxed on failure: nothing is read on that path. */
    if (atomic_compare_exchange_strong_explicit(&mutex->state, &free, 1, memory_order_acquire,
                                                memory_order_relaxed)) {
        return;
    }
    /* acquire: as above. The 2 makes the holder's unlock wake us. */
    while (atomic_exchange_explicit(&mutex->state, 2, memory_order_acquire) != 0) {
        tpi_futex_wait(&mutex->state, 2, TP_FOREVER);
    }
}

void tpi_mutex_unlock(tpi_mutex *mutex) {
    /* release: partner is the acquire in tpi_mutex_lock; weaker, this holder's writes could be seen
     * late. */
    uint32_t before = atomic_exchange_explicit(&mutex->state, 0, memory_order_release);
    TPI_ASSERT(before != 0);
    if (before == 2) tpi_futex_wake(&mutex->state, 1);
}

void tpi_cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

void tpi_spin_lock_contended(tpi_spinlock *lock) {
    unsigned spins = 0;
    do {
        /* relaxed: only looks whether another exchange is worth its cache line. */
        while (atomic_load_explicit(&lock->held, memory_order_relaxed) != 0) {
            /* The holder may have lost its CPU: after a while give it ours. */
            if (++spins % SPINS_BEFORE_YIELD == 0) {
                tpi_thread_yield();
            } else {
                tpi_cpu_relax();
            }
        }
        /* acquire: as in tpi_spin_lock */
    } while (atomic_exchange_explicit(&lock->held, 1, memory_order_acquire) != 0);
}
