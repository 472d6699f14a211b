/*
 * A fence for all threads of the process, paid by the one that asks.
 */
#ifndef TPI_FENCE_H
#define TPI_FENCE_H

#include <stdbool.h>

/* False: there is none here, or ThreadSanitizer would not know of it. Before any other thread
 * relies on it. */
bool tpi_fence_all_begin(void);
/* Every thread of the process has run a full fence between the begin and the end of this call. */
void tpi_fence_all(void);

#endif
