/*
 * The end of a process whose own promises are broken. Nothing is cleaned up: the core dump should
 * show the moment of the failure.
 */
#include "core/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void tpi_assert_failed(const char *file, int line, const char *expression) {
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
    fflush(stderr);
    abort();
}
