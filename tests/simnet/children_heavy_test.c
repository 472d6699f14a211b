/*
 * A supervisor's children on other nodes over thousands of seeds.
 */
#include "tests/simnet/children.h"
#include "tests/support/test.h"

TP_TEST(remote_children, one_of_each_over_many_seeds) {
    uint64_t failed = children_seeds(100001, 100000 + TP_SCALED(3000), false);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}
TP_TEST(remote_children, never_two_over_many_cuts) {
    uint64_t failed = children_seeds(100001, 100000 + TP_SCALED(3000), true);
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
    TP_ASSERT_EQ_INT(children_sums.twins, 0);
}
