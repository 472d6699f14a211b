/* See seeds.h. */
#include "tests/simnet/seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define ENOUGH 20u /* seeds in which every fault happens */

static uint64_t run(const char *name, uint64_t count, const tp_simnet_options *options,
                    struct cluster_faults faults) {
    uint64_t failed = 0;
    memset(&cluster_sums, 0, sizeof cluster_sums);
    tp_err err = tp_simnet_seeds(1, count, options, cluster_scenario, &faults, &failed);
    const struct cluster_sums *s = &cluster_sums;
    printf("%s: %" PRIu64 " seeds, %" PRIu64 " said, %" PRIu64 " heard, %" PRIu64 " gaps, %" PRIu64
           " downs (%" PRIu64 " lost), %" PRIu64 " exits (%" PRIu64 " lost), %" PRIu64
           " calls (%" PRIu64 " failed), %" PRIu64 " node downs, %" PRIu64 " connections, %" PRIu64
           " restarts\n",
           name, count, s->said, s->heard, s->gaps, s->downs, s->lost_downs, s->exits,
           s->lost_exits, s->calls, s->failed_calls, s->node_downs, s->connections, s->restarts);
    /* or it has shown nothing; a handful of seeds need not show everything */
    if (err == TP_OK && count >= ENOUGH && getenv("TROUPE_SEED") == NULL) {
        bool disturbed = faults.chance || faults.resets || faults.blocks || faults.crashes;
        TP_ASSERT(s->heard > 0 && s->downs > 0 && s->exits > 0 && s->calls > 0);
        TP_ASSERT((s->lost_downs > 0) == disturbed);
        TP_ASSERT((s->lost_exits > 0) == disturbed);
        TP_ASSERT((s->restarts > 0) == faults.crashes);
    }
    return err == TP_OK ? 0 : failed;
}

uint64_t seeds_undisturbed(uint64_t count) {
    tp_simnet_options options = {.seed = 0};
    return run("undisturbed", count, &options, (struct cluster_faults){.secret = false});
}

uint64_t seeds_resets(uint64_t count) {
    tp_simnet_options options = {.resets = 300};
    uint64_t failed = run("by chance", count / 2 + 1, &options,
                          (struct cluster_faults){.chance = true, .resets = true});
    options.resets = 0;
    return failed != 0
               ? failed
               : run("resets", count / 2 + 1, &options, (struct cluster_faults){.resets = true});
}

uint64_t seeds_blocks(uint64_t count) {
    tp_simnet_options options = {.delay_max = TP_MS(5)};
    return run("blocks", count, &options, (struct cluster_faults){.blocks = true, .stops = true});
}

uint64_t seeds_crashes(uint64_t count) {
    tp_simnet_options options = {.seed = 0};
    return run("crashes", count, &options, (struct cluster_faults){.crashes = true});
}

uint64_t seeds_everything(uint64_t count) {
    tp_simnet_options options = {.delay_max = TP_MS(20), .buffer = 65536};
    return run(
        "everything", count, &options,
        (struct cluster_faults){.resets = true, .blocks = true, .stops = true, .crashes = true});
}

uint64_t seeds_encrypted(uint64_t count) {
    tp_simnet_options options = {.seed = 0};
    return run("encrypted", count, &options,
               (struct cluster_faults){
                   .secret = true, .resets = true, .blocks = true, .stops = true, .crashes = true});
}
