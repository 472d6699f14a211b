/*
 * Random supervision trees, three levels deep, beside a model of OTP's algorithm.
 */
#ifndef TP_TESTS_SIM_TREES_H
#define TP_TESTS_SIM_TREES_H

#include <troupe/sim.h>

#include "tests/sim/trees_model.h"

/* Seeds 1..seeds; 0, or the seed that failed (its replay is printed). */
uint64_t trees_run(uint64_t seeds, tp_sim_choice choice);

#endif
