/*
 * In the simulator there are no programs.
 */
#include <troupe/sim.h>

#include "tests/unit/process/kit.h"

static void nothing_body(tp_actor *self, void *arg) {
    const char *argv[] = {"true", NULL};
    tp_pid port;
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, &(tp_port_options){.argv = argv}), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_port_close(self, tp_self(self)), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_port_end_input(self, tp_self(self)), TP_ENOTSUP);
    TP_ASSERT_EQ_INT(tp_port_write(self, tp_self(self), "x", 1, SOON), TP_ENOTSUP);
    *(bool *)arg = true;
}
TP_TEST(port, is_not_supported_in_the_simulator) {
    tp_sim *sim;
    tp_pid pid;
    bool done = false;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_runtime_spawn_body(tp_sim_runtime(sim), &pid, nothing_body, &done, NULL),
                     TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT(done);
    tp_sim_free(sim);
}
