/*
 * A scenario over many seeds: what tp_sim_seeds and tp_simnet_seeds have in common.
 */
#ifndef TPI_SIM_SEEDS_H
#define TPI_SIM_SEEDS_H

#include <troupe/base.h>

/* Calls `run` for each seed from..to, or for TROUPE_SEED alone; it returns NULL or what was wrong.
 * Ends at the first that is wrong, which is printed with the command that replays it and goes to
 * *failed (may be NULL): TP_EINVAL. */
tp_err tpi_seeds_run(uint64_t from, uint64_t to, const char *(*run)(uint64_t seed, void *context),
                     void *context, uint64_t *failed);

#endif
