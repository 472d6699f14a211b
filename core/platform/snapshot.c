/*
 * A look at what another thread is doing, made by that thread itself in a signal handler.
 *
 * The signal is SIGURG: nobody's program dies of it, debuggers let it pass, and it is ignored where
 * nobody handles it. It is blocked in the runtime's threads but while a snapshot may be asked of
 * them. One that this file did not send goes to whatever handler stood before. Global here: that
 * handler, and, one a thread, the thread's own snapshot.
 */
#include "core/platform/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/base/assert.h"

enum state { NOTHING, ASKED, LOOKING, DONE };

static struct sigaction before;
static tpi_mutex lock;
static unsigned takers;
static _Thread_local struct tpi_snapshot *own;

static void as_before(int number, siginfo_t *info, void *context) {
    if (before.sa_flags & SA_SIGINFO) before.sa_sigaction(number, info, context);
    else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
        before.sa_handler(number);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    int saved = errno;
    struct tpi_snapshot *snapshot = own;
    uint32_t asked = ASKED;
    if (snapshot == NULL || info->si_code != SI_QUEUE || info->si_pid != getpid() ||
        info->si_value.sival_ptr != snapshot) {
        as_before(number, info, context);
        /* acquire: partner is the store in tpi_snapshot_ask; `thread` and `look` are older. Else it
         * has been withdrawn */
    } else if (atomic_compare_exchange_strong_explicit(
                   &snapshot->state, &asked, LOOKING, memory_order_acquire, memory_order_relaxed)) {
        struct tpi_fault where = {.signal = number, .context = context};
        tpi_fault_registers(&where);
        snapshot->look(snapshot, &where);
        /* release: partner is the acquire load in tpi_snapshot_ask */
        atomic_store_explicit(&snapshot->state, DONE, memory_order_release);
        tpi_futex_wake(&snapshot->state, 1);
    }
    errno = saved;
}

tp_err tpi_snapshots_take(void) {
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&action.sa_mask);
    tpi_mutex_lock(&lock);
    bool ok = takers++ > 0 || sigaction(SIGURG, &action, &before) == 0;
    if (!ok) takers--;
    tpi_mutex_unlock(&lock);
    return ok ? TP_OK : TP_EIO;
}

void tpi_snapshots_give(void) {
    struct sigaction now;
    tpi_mutex_lock(&lock);
    TPI_ASSERT(takers > 0);
    /* somebody may have put theirs over ours: that stays */
    if (--takers == 0 && sigaction(SIGURG, NULL, &now) == 0 && now.sa_sigaction == on_signal)
        (void)sigaction(SIGURG, &before, NULL);
    tpi_mutex_unlock(&lock);
}

void tpi_snapshot_allow(struct tpi_snapshot *snapshot) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    if (snapshot == NULL) pthread_sigmask(SIG_BLOCK, &set, NULL);
    own = snapshot;
    if (snapshot != NULL) pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool tpi_snapshot_ask(tpi_thread thread, struct tpi_snapshot *snapshot, tp_duration patience) {
    tp_time until = tpi_clock_monotonic() + patience;
    /* release: partner is the compare-and-swap in on_signal */
    atomic_store_explicit(&snapshot->state, ASKED, memory_order_release);
    union sigval value = {.sival_ptr = snapshot};
    if (pthread_sigqueue((pthread_t)thread.handle, SIGURG, value) != 0) return false;
    for (;;) {
        /* acquire: partner is the release store in on_signal */
        uint32_t state = atomic_load_explicit(&snapshot->state, memory_order_acquire);
        if (state == DONE) return true;
        tp_duration left = until - tpi_clock_monotonic();
        /* relaxed: nothing is passed on. One that has begun to look will be done soon */
        if (left <= 0 && state == ASKED &&
            atomic_compare_exchange_strong_explicit(&snapshot->state, &state, NOTHING,
                                                    memory_order_relaxed, memory_order_relaxed))
            return false;
        tpi_futex_wait(&snapshot->state, state, left > 0 ? left : TP_MS(1));
    }
}
