/* Clocks and sleep. */
#include "core/platform/platform.h"

#include "tests/support/test.h"

TP_TEST(clock, monotonic_never_goes_back) {
    tp_time last = tpi_clock_monotonic();
    for (int i = 0; i < 10000; i++) {
        tp_time now = tpi_clock_monotonic();
        TP_ASSERT(now >= last);
        last = now;
    }
}

TP_TEST(clock, wall_is_after_this_was_written) {
    TP_ASSERT(tpi_clock_wall() > INT64_C(1700000000) * 1000000000);
}

TP_TEST(clock, a_sleep_lasts_at_least_its_span) {
    tp_time before = tpi_clock_monotonic();
    tpi_sleep_thread(TP_MS(2));
    TP_ASSERT(tpi_clock_monotonic() - before >= TP_MS(2));
    tpi_sleep_thread(0);
    tpi_sleep_thread(-5);
}
