/*
 * Random graphs of links, monitors and names under random kills; see links.c.
 */
#ifndef TP_TESTS_SIM_LINKS_H
#define TP_TESTS_SIM_LINKS_H

#include <troupe/sim.h>

/* Seeds 1..seeds, uniform or PCT choice; 0, or the seed that failed (its replay is printed). */
uint64_t links_step_by_step(uint64_t seeds, tp_sim_choice choice);
uint64_t links_all_at_once(uint64_t seeds, tp_sim_choice choice);

#endif
