/*
 * The one door to C11 atomics. Orders are always written out; every operation stronger than
 * relaxed, and every relaxed one whose weakness is not obvious, carries a comment that names its
 * partner and says what breaks if it were weaker. No stand-alone fences: ThreadSanitizer does not
 * understand them.
 */
#ifndef TPI_BASE_ATOMIC_H
#define TPI_BASE_ATOMIC_H

#include <stdatomic.h>

#endif
