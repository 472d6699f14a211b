/*
 * Assertions in two grades. TPI_ASSERT states what the code around it relies on and stays in
 * release builds; TPI_CHECK is for checks too dear for that and exists under TP_CHECKED alone. Both
 * are for mistakes of this library, never for a caller's data.
 */
#ifndef TPI_BASE_ASSERT_H
#define TPI_BASE_ASSERT_H

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

#endif
