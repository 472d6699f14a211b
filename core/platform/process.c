/*
 * What concerns the whole process: its last words and its end.
 */
#include "core/platform/platform.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/assert.h"

void tpi_write_stderr(const char *text, size_t size) {
    TPI_ASSERT(text != NULL || size == 0);
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text += written;
        size -= (size_t)written;
    }
}

bool tpi_stderr_is_terminal(void) {
    return isatty(STDERR_FILENO) == 1;
}

_Noreturn void tpi_abort(void) {
    abort();
}
