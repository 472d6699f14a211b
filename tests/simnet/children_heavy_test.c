/*
 * A supervisor's children on other nodes over thousands of seeds.
 */
#include "tests/simnet/children.h"
#include "tests/support/test.h"

TP_TEST(remote_children, one_of_each_over_many_seeds) {
    uint64_t failed = children_seeds(100001, 100000 + TP_SCALED(3000));
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu", (unsigned long long)failed);
}
