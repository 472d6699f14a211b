/*
 * One thread's fence in the place of everyone's: membarrier (Linux 4.14).
 */
#include "core/platform/fence.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/assert.h"
#include "core/base/sanitizer.h"

bool tpi_fence_all_begin(void) {
    if (TPI_TSAN) return false;
    long known = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    if (known < 0 || (known & MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) return false;
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void tpi_fence_all(void) {
    long failed = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    TPI_ASSERT(failed == 0); /* a process that has begun keeps it, and so do those that it forks */
    (void)failed;
}
