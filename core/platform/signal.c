/*
 * SIGINT and SIGTERM for one runtime of the process, only when it asks: a handler sets an event, a
 * thread waits for it. The handler's descriptor is the one mutable global of the library: a signal
 * handler gets no argument.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "core/platform/platform.h"

#include "core/base/assert.h"

/* -1: nobody asked. */
static _Atomic(int) signal_event = -1;

static void on_signal(int number) {
    int saved = errno;
    (void)number;
    /* acquire: partner is the compare-and-swap in tpi_signals_take */
    int event = atomic_load_explicit(&signal_event, memory_order_acquire);
    if (event >= 0) tpi_event_set(event);
    errno = saved;
}

tp_err tpi_signals_take(int event) {
    TPI_ASSERT(event >= 0);
    int nobody = -1;
    /* acq_rel: one owner a process; the handler sees a descriptor that is open */
    if (!atomic_compare_exchange_strong_explicit(&signal_event, &nobody, event,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return TP_EBUSY;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0)
        return TP_OK;
    tpi_signals_give();
    return TP_EIO;
}

void tpi_signals_give(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    /* release: partner is the load in on_signal; a handler that still runs finds the event open,
     * since its owner closes it later */
    atomic_store_explicit(&signal_event, -1, memory_order_release);
}
