/*
 * Random supervision trees do as OTP's algorithm says, over some hundreds of seeds;
 * trees_heavy_test.c: over ten thousand.
 */
#include "tests/sim/trees.h"

#include "tests/support/test.h"

#define SEEDS TP_SCALED(500)

static void expect_none(uint64_t failed) {
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu bin/test_sim --filter 'trees*'",
                  (unsigned long long)failed);
}

TP_TEST(trees, random_trees_do_as_the_model_says) {
    expect_none(trees_run(SEEDS, TP_SIM_UNIFORM));
    expect_none(trees_run(SEEDS, TP_SIM_PCT));
}
