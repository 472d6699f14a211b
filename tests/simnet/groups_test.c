/*
 * Groups over nodes over some hundreds of seeds; groups_heavy_test.c: over thousands.
 */
#include "tests/simnet/groups.h"
#include "tests/support/test.h"

TP_TEST(node_groups, all_agree_after_the_last_fault) {
    uint64_t told, failed = groups_seeds(1, TP_SCALED(200), &told);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT(told > 0);
}
