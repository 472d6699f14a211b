/*
 * Clocks and the sleep of a whole thread, by POSIX clocks.
 */
#include "core/platform/platform.h"

#include <errno.h>
#include <time.h>

#include "core/base/assert.h"

static int64_t clock_read(clockid_t clock) {
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    TPI_ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

tp_time tpi_clock_monotonic(void) {
    return clock_read(CLOCK_MONOTONIC);
}

int64_t tpi_clock_wall(void) {
    return clock_read(CLOCK_REALTIME);
}

void tpi_sleep_thread(tp_duration span) {
    if (span <= 0) return;
    struct timespec left = {.tv_sec = (time_t)(span / 1000000000),
                            .tv_nsec = (long)(span % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) continue;
}
