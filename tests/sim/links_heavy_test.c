/*
 * Links, monitors and names over ten thousand seeds.
 */
#include "tests/sim/links.h"

#include "tests/support/test.h"

#define SEEDS TP_SCALED(10000)

static void expect_none(uint64_t failed) {
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu bin/test_sim_heavy --filter 'links*'",
                  (unsigned long long)failed);
}

TP_TEST(links, step_by_step_over_ten_thousand_seeds) {
    expect_none(links_step_by_step(SEEDS, TP_SIM_UNIFORM));
    expect_none(links_step_by_step(SEEDS, TP_SIM_PCT));
}
TP_TEST(links, all_at_once_over_ten_thousand_seeds) {
    expect_none(links_all_at_once(SEEDS, TP_SIM_UNIFORM));
    expect_none(links_all_at_once(SEEDS, TP_SIM_PCT));
}
