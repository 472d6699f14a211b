/*
 * Clusters over thousands of seeds.
 */
#include "tests/simnet/seeds.h"
#include "tests/support/test.h"

static void expect_none(uint64_t failed) {
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu bin/test_simnet_heavy --filter 'cluster*'",
                  (unsigned long long)failed);
}

TP_TEST(cluster, undisturbed_over_many_seeds) {
    expect_none(seeds_undisturbed(TP_SCALED(500)));
}
TP_TEST(cluster, resets_over_many_seeds) {
    expect_none(seeds_resets(TP_SCALED(1500)));
}
TP_TEST(cluster, blocks_over_many_seeds) {
    expect_none(seeds_blocks(TP_SCALED(1000)));
}
TP_TEST(cluster, crashes_over_many_seeds) {
    expect_none(seeds_crashes(TP_SCALED(1000)));
}
TP_TEST(cluster, everything_over_many_seeds) {
    expect_none(seeds_everything(TP_SCALED(2500)));
}
TP_TEST(cluster, encrypted_over_many_seeds) {
    expect_none(seeds_encrypted(TP_SCALED(300)));
}
