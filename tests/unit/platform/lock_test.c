/* Mutex and spin lock exclude. */
#include "core/platform/platform.h"

#include "tests/support/test.h"

#define THREADS 4
#define ROUNDS 20000

struct shared {
    tpi_mutex mutex;
    tpi_spinlock spin;
    bool use_spin;
    long counter; /* plain on purpose */
};

static void count_up(void *arg) {
    struct shared *shared = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (shared->use_spin) {
            tpi_spin_lock(&shared->spin);
            shared->counter++;
            tpi_spin_unlock(&shared->spin);
        } else {
            tpi_mutex_lock(&shared->mutex);
            shared->counter++;
            tpi_mutex_unlock(&shared->mutex);
        }
    }
}

static void contend(bool use_spin) {
    struct shared shared = {.use_spin = use_spin};
    tpi_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        TP_ASSERT_EQ_INT(tpi_thread_start(&threads[i], "contend", count_up, &shared), TP_OK);
    }
    for (int i = 0; i < THREADS; i++) tpi_thread_join(threads[i]);
    TP_ASSERT_EQ_INT(shared.counter, (long)THREADS * ROUNDS);
}

TP_TEST(lock, mutex_excludes) {
    contend(false);
}

TP_TEST(lock, spin_lock_excludes) {
    contend(true);
}
