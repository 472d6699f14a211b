/*
 * Groups over nodes over thousands of seeds.
 */
#include "tests/simnet/groups.h"
#include "tests/support/test.h"

TP_TEST(node_groups, all_agree_over_many_seeds) {
    uint64_t told, failed = groups_seeds(100001, 100000 + TP_SCALED(5000), &told);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT(told > 0);
}
