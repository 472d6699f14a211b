/*
 * Assertions in two grades. TPI_ASSERT states what the code around it relies on and stays in
 * release builds; TPI_CHECK is for checks too dear for that and exists under TP_CHECKED alone. Both
 * are for mistakes of this library, never for a caller's data.
 */
#ifndef TPI_BASE_ASSERT_H
#define TPI_BASE_ASSERT_H

#include <stddef.h>

/* Prints "FILE:LINE: EXPRESSION" to standard error and aborts. */
_Noreturn void tpi_assert_failed(const char *file, int line, const char *expression)
    __attribute__((cold));

#define TPI_ASSERT(expression)                                                                     \
    (__builtin_expect(!(expression), 0) ? tpi_assert_failed(__FILE__, __LINE__, #expression)       \
                                        : (void)0)

#ifdef TP_CHECKED
#define TPI_CHECK(expression) TPI_ASSERT(expression)
#else
/* Never evaluated, but still compiled, so that it cannot rot and its variables count as used. */
#define TPI_CHECK(expression) ((void)sizeof(!(expression)))
#endif

/* A function of this file that only checks call. */
#define TPI_FOR_CHECKS __attribute__((unused)) static

/*
 * For what different cores write, or one writes and others read: a line that goes to another core
 * and back costs as much as two whole hops of a message (docs/performance.md).
 */
#define TPI_OTHER_LINE(type, a, b)                                                                 \
    _Static_assert(offsetof(struct type, a) / 64 != offsetof(struct type, b) / 64,                 \
                   #a " and " #b " may not share a cache line")

#endif
