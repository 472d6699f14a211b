/*
 * Sleeping on a word, by Linux' futex. All results of the wait are the same to the caller, who
 * looks at the word again: changed before, woken, timed out, or a signal.
 */
#include "core/platform/platform.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/assert.h"

_Static_assert(sizeof(_Atomic(uint32_t)) == 4, "the kernel compares four plain bytes");

void tpi_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, tp_duration timeout) {
    TPI_ASSERT(word != NULL);
    if (timeout < 0) timeout = 0;
    struct timespec span = {.tv_sec = (time_t)(timeout / 1000000000),
                            .tv_nsec = (long)(timeout % 1000000000)};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout == TP_FOREVER ? NULL : &span,
            NULL, 0);
}

void tpi_futex_wake(_Atomic(uint32_t) *word, unsigned count) {
    TPI_ASSERT(count > 0);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : (int)count, NULL, NULL,
            0);
}
