/*
 * Links, monitors and names over some hundreds of seeds; links_heavy_test.c: over ten thousand.
 */
#include "tests/sim/links.h"

#include "tests/support/test.h"

#define SEEDS TP_SCALED(500)

static void expect_none(uint64_t failed) {
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu bin/test_sim --filter 'links*'",
                  (unsigned long long)failed);
}

TP_TEST(links, step_by_step_exactly_the_linked_set_dies) {
    expect_none(links_step_by_step(SEEDS, TP_SIM_UNIFORM));
    expect_none(links_step_by_step(SEEDS, TP_SIM_PCT));
}
TP_TEST(links, all_at_once_each_monitor_fires_once) {
    expect_none(links_all_at_once(SEEDS, TP_SIM_UNIFORM));
    expect_none(links_all_at_once(SEEDS, TP_SIM_PCT));
}
