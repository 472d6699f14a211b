/*
 * Machines and event managers under a supervisor: children like any other.
 */
#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(bump)
TP_MESSAGE(count, TP_FIELD(i64, n))
TP_MESSAGE(crash)

struct tally {
    tp_machine *machine;
    int64_t n;
};
TP_STATES(counting);
static void on_bump(tp_actor *self, struct tally *tally, const bump *msg) {
    (void)msg;
    tp_reply(self, count, .n = ++tally->n);
}
static void on_crash(tp_actor *self, struct tally *tally, const crash *msg) {
    (void)tally, (void)msg;
    tp_fail(self, "as told");
}
TP_STATE(counting, struct tally, TP_ON(bump, on_bump), TP_ON(crash, on_crash));
TP_MACHINE(tally_machine, "tally", struct tally, counting);

static const tp_supervisor_spec tree = {
    .strategy = TP_ONE_FOR_ONE,
    .children =
        TP_CHILDREN({.id = "tally", .behavior = &tally_machine, .options = {.name = "tally"}},
                    {.id = "events", .behavior = &tp_event_manager, .options = {.name = "events"}}),
};

static bool over;

static int64_t bump_it(tp_actor *self) {
    count got = {0};
    tp_pid machine = tp_whereis(tp_self_runtime(self), "tally");
    TP_ASSERT_EQ_INT(tp_call(self, machine, TP_SECONDS(9), &got, count, bump), TP_OK);
    return got.n;
}
static void uses_tree(tp_actor *self, void *arg) {
    tp_pid supervisor;
    tp_trap_exits(self, true);
    (void)arg;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &tree, NULL), TP_OK);
    TP_ASSERT_EQ_INT(bump_it(self), 1);
    TP_ASSERT_EQ_INT(bump_it(self), 2);
    tp_send_name(self, "tally", crash);
    tp_sleep(self, TP_MS(10));
    TP_ASSERT_EQ_INT(bump_it(self), 1);
    tp_pid manager = tp_whereis(tp_self_runtime(self), "events");
    TP_ASSERT_EQ_INT(tp_sync_notify(self, manager, TP_SECONDS(9), bump), TP_OK);
    tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    tp_sleep(self, TP_MS(100));
    TP_ASSERT(!tp_alive(tp_self_runtime(self), manager)); /* it obeyed its parent */
    over = true;
}
TP_TEST(trees, a_machine_is_restarted_and_a_manager_stopped_by_their_supervisor) {
    tp_sim *sim;
    tp_sim_options options = {.seed = 1, .choice = TP_SIM_FIFO};
    options.runtime.log_level = TP_LOG_OFF;
    over = false;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
    (void)tp_sim_spawn_body(sim, uses_tree, NULL, NULL);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT(over);
    tp_sim_free(sim);
}
