/* The one door to the atomics. */
#ifndef TPI_BASE_ATOMIC_H
#define TPI_BASE_ATOMIC_H

#include <stdatomic.h>

#endif
