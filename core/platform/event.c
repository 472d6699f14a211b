/*
 * An event as an eventfd: what a foreign loop can poll.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/platform/platform.h"

#include "core/base/assert.h"

tp_err tpi_event_new(int *out) {
    TPI_ASSERT(out != NULL);
    *out = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return *out < 0 ? TP_EIO : TP_OK;
}

void tpi_event_set(int event) {
    uint64_t one = 1;
    ssize_t done = write(event, &one, sizeof one);
    TPI_ASSERT(done == (ssize_t)sizeof one ||
               errno == EAGAIN); /* EAGAIN: set 2^64 - 1 times already */
}

void tpi_event_clear(int event) {
    uint64_t count;
    ssize_t done = read(event, &count, sizeof count);
    TPI_ASSERT(done == (ssize_t)sizeof count || errno == EAGAIN);
}

bool tpi_event_wait(int event, tp_duration timeout) {
    struct pollfd poll_one = {.fd = event, .events = POLLIN};
    struct timespec span = {timeout / TP_SECONDS(1), timeout % TP_SECONDS(1)};
    return ppoll(&poll_one, 1, timeout == TP_FOREVER ? NULL : &span, NULL) == 1;
}
