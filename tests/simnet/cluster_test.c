/*
 * Clusters over some hundreds of seeds; cluster_heavy_test.c: over thousands. And the network
 * itself: what it promises a test.
 */
#include <string.h>

#include "tests/simnet/seeds.h"
#include "tests/support/test.h"

#define SEEDS TP_SCALED(100)

static void expect_none(uint64_t failed) {
    TP_ASSERT_MSG(failed == 0, "replay: TROUPE_SEED=%llu bin/test_simnet --filter 'cluster*'",
                  (unsigned long long)failed);
}

TP_TEST(cluster, undisturbed_everything_arrives) {
    expect_none(seeds_undisturbed(SEEDS));
}
TP_TEST(cluster, connections_are_reset) {
    expect_none(seeds_resets(SEEDS));
}
TP_TEST(cluster, machines_are_cut_off) {
    expect_none(seeds_blocks(SEEDS));
}
TP_TEST(cluster, machines_crash_and_start_again) {
    expect_none(seeds_crashes(SEEDS));
}
TP_TEST(cluster, everything_at_once) {
    expect_none(seeds_everything(SEEDS));
}
TP_TEST(cluster, encrypted) {
    expect_none(seeds_encrypted(TP_SCALED(20)));
}

/* ---- the same seed, the same run ---- */

static uint64_t hash_of(uint64_t seed) {
    static struct cluster_faults all = {
        .resets = true, .blocks = true, .stops = true, .crashes = true, .secret = true};
    tp_simnet *net;
    TP_ASSERT_EQ_INT(tp_simnet_new(&net, &(tp_simnet_options){.seed = seed}), TP_OK);
    const char *wrong = cluster_scenario(net, &all);
    TP_ASSERT_MSG(wrong == NULL, "%s", wrong);
    uint64_t hash = tp_simnet_trace_hash(net);
    tp_simnet_free(net);
    return hash;
}

TP_TEST(cluster, the_same_seed_gives_the_same_run) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t first = hash_of(seed);
        TP_ASSERT(hash_of(seed) == first);
        TP_ASSERT(hash_of(seed + 100) != first);
    }
}
