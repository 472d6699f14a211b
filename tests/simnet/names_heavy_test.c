/*
 * Names of a cluster over thousands of seeds.
 */
#include "tests/simnet/names.h"
#include "tests/support/test.h"

TP_TEST(cluster_names, one_owner_over_many_seeds) {
    uint64_t failed = names_seeds(100001, 100000 + TP_SCALED(6000), true);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT(names_sums.conflicts > 0);
}
TP_TEST(cluster_names, without_faults_over_many_seeds) {
    uint64_t failed = names_seeds(100001, 100000 + TP_SCALED(2000), false);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}
