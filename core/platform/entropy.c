/*
 * Random bytes from the kernel. Waits only while a machine that has just started has none yet.
 */
#include "core/platform/platform.h"

#include <errno.h>
#include <sys/random.h>

#include "core/base/assert.h"

tp_err tpi_entropy(void *bytes, size_t size) {
    TPI_ASSERT(bytes != NULL || size == 0);
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return TP_EIO;
        TPI_ASSERT((size_t)got <= size);
        at += got;
        size -= (size_t)got;
    }
    return TP_OK;
}
