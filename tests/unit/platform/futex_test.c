/* The futex: returns at once, on time, on wake. */
#include "core/platform/platform.h"

#include "tests/support/test.h"

TP_TEST(futex, another_value_returns_at_once) {
    _Atomic(uint32_t) word = 7;
    tpi_futex_wait(&word, 8, TP_FOREVER);
}

TP_TEST(futex, a_timeout_ends_the_wait) {
    _Atomic(uint32_t) word = 7;
    tp_time before = tpi_clock_monotonic();
    tpi_futex_wait(&word, 7, TP_MS(2));
    TP_ASSERT(tpi_clock_monotonic() - before >= TP_MS(1));
    tpi_futex_wait(&word, 7, 0);
    tpi_futex_wait(&word, 7, -1);
}

static void wake_up(void *arg) {
    _Atomic(uint32_t) *word = arg;
    atomic_store_explicit(word, 1, memory_order_release); /* partner: the loop in the test */
    tpi_futex_wake(word, 1);
}

TP_TEST(futex, a_wake_ends_the_wait) {
    _Atomic(uint32_t) word = 0;
    tpi_thread thread;
    TP_ASSERT_EQ_INT(tpi_thread_start(&thread, "waker", wake_up, &word), TP_OK);
    /* acquire: partner is the store in wake_up. */
    while (atomic_load_explicit(&word, memory_order_acquire) == 0) {
        tpi_futex_wait(&word, 0, TP_FOREVER);
    }
    tpi_thread_join(thread);
}
