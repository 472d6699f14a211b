/*
 * One vocabulary for all tests, two runners under it. By default a test source builds against
 * Criterion (a process a test). With TP_TEST_INPROCESS defined it builds against the small runner
 * in runner.c, in one process or, with --fork, a child a test: Criterion cannot start under
 * ThreadSanitizer, and takes long under AddressSanitizer.
 *
 *     TP_TEST(deque, steals_the_oldest) {
 *         TP_ASSERT_EQ_INT(deque_size(&deque), 3);
 *     }
 *
 * A failed assertion ends the test, from whatever thread or fiber it is made. Under
 * AddressSanitizer a test whose body leaves a leak fails. Link tests/support/runner.c into every
 * test program.
 */
#ifndef TP_TESTS_SUPPORT_TEST_H
#define TP_TESTS_SUPPORT_TEST_H

#include <stdbool.h>
#include <stddef.h>

#ifndef TP_TEST_INPROCESS
#include <criterion/criterion.h>
#endif

typedef void (*tp_test_body)(void);

/* A test as the in-process runner keeps it; made by TP_TEST only. */
struct tp_test {
    const char *suite;
    const char *name;
    tp_test_body body;
    struct tp_test *next;
};

/* Adds a test to the in-process runner's list. Called before main. */
void tp_test_register(struct tp_test *test);
/* Runs one body inside a Criterion test: leak check and skip included. */
void tp_test_run(const char *suite, const char *name, tp_test_body body);
/* Notes that the running test was skipped; TP_SKIP returns after it. */
void tp_test_skip(const char *reason);
/* Ends the running test as failed. */
_Noreturn void tp_test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The comparisons behind the macros: they end the test when the two differ. */
void tp_test_equal_int(const char *file, int line, const char *a_text, const char *b_text,
                       long long a, long long b);
void tp_test_equal_str(const char *file, int line, const char *a_text, const char *b_text,
                       const char *a, const char *b);

#ifdef TP_TEST_INPROCESS
#define TP_TEST(suite_, name_)                                                                     \
    static void tp_body_##suite_##_##name_(void);                                                  \
    static struct tp_test tp_test_##suite_##_##name_ = {#suite_, #name_,                           \
                                                        tp_body_##suite_##_##name_, NULL};         \
    __attribute__((constructor)) static void tp_register_##suite_##_##name_(void) {                \
        tp_test_register(&tp_test_##suite_##_##name_);                                             \
    }                                                                                              \
    static void tp_body_##suite_##_##name_(void)
#else
#define TP_TEST(suite_, name_)                                                                     \
    static void tp_body_##suite_##_##name_(void);                                                  \
    Test(suite_, name_) {                                                                          \
        tp_test_run(#suite_, #name_, tp_body_##suite_##_##name_);                                  \
    }                                                                                              \
    static void tp_body_##suite_##_##name_(void)
#endif

#define TP_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) tp_test_fail(__FILE__, __LINE__, "not true: %s", #condition);            \
    } while (0)

/* The same with a message in printf's form. */
#define TP_ASSERT_MSG(condition, ...)                                                              \
    do {                                                                                           \
        if (!(condition)) tp_test_fail(__FILE__, __LINE__, __VA_ARGS__);                           \
    } while (0)

#define TP_ASSERT_EQ_INT(a, b)                                                                     \
    tp_test_equal_int(__FILE__, __LINE__, #a, #b, (long long)(a), (long long)(b))

#define TP_ASSERT_EQ_STR(a, b) tp_test_equal_str(__FILE__, __LINE__, #a, #b, (a), (b))

/* So many of something under a sanitizer, which makes each cost ten times as much. */
#if defined(__SANITIZE_THREAD__)
#define TP_SCALED(n) ((n) / 20 > 0 ? (n) / 20 : 1)
#elif defined(__SANITIZE_ADDRESS__)
#define TP_SCALED(n) ((n) / 4 > 0 ? (n) / 4 : 1)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TP_SCALED(n) ((n) / 20 > 0 ? (n) / 20 : 1)
#else
#define TP_SCALED(n) (n)
#endif
#else
#define TP_SCALED(n) (n)
#endif

/*
 * Leaves the test: it can not run here. Only in the body itself. The skip is printed and counted,
 * and `make check` fails unless tools/check/skips-allowed.txt names it.
 */
#define TP_SKIP(reason)                                                                            \
    do {                                                                                           \
        tp_test_skip(reason);                                                                      \
        return;                                                                                    \
    } while (0)

#endif
