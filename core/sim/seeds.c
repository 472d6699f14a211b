/* See seeds.h. */
#include "core/sim/seeds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

tp_err tpi_seeds_run(uint64_t from, uint64_t to, const char *(*run)(uint64_t seed, void *context),
                     void *context, uint64_t *failed) {
    const char *given = getenv("TROUPE_SEED");
    if (given != NULL) from = to = strtoull(given, NULL, 10);
    for (uint64_t seed = from;; seed++) {
        const char *wrong = run(seed, context);
        if (wrong != NULL) {
            fprintf(stderr, "seed %" PRIu64 ": %s\nreplay: TROUPE_SEED=%" PRIu64 " %s\n", seed,
                    wrong, seed, program_invocation_name);
            if (failed != NULL) *failed = seed;
            return TP_EINVAL;
        }
        if (seed >= to) return TP_OK;
    }
}
