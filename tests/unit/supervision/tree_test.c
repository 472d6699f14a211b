/*
 * Whole programs: tp_run_tree and its status, in real runtimes.
 */
#include "tests/unit/supervision/scene.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static char seen[64]; /* what the tree did, in order; by one actor at a time */

static void see(char what) {
    size_t size = strlen(seen);
    if (size + 1 < sizeof seen) seen[size] = what;
}

struct part {
    char letter;
};
static void part_init(tp_actor *self, struct part *part, const kid_arguments *msg) {
    part->letter = (char)msg->letter;
    (void)tp_trap_exits(self, true);
    see(part->letter);
}
static void part_end(tp_actor *self, struct part *part, const tp_reason *reason) {
    (void)self, (void)reason;
    see((char)(part->letter - 'a' + 'A'));
}
TP_BEHAVIOR(part_behavior, "part", struct part, TP_INIT_WITH(kid_arguments, part_init),
            TP_TERMINATE(part_end));

#define PART(name)                                                                                 \
    {                                                                                              \
        .id = #name, .behavior = &part_behavior,                                                   \
        .arguments = TP_ARGUMENTS(kid_arguments, .letter = (uint8_t)(#name)[0])                    \
    }

static int run(tp_body body, const tp_supervisor_spec *more,
               int (*how)(const tp_options *, const tp_supervisor_spec *)) {
    tp_supervisor_spec spec = *more;
    spec.children = TP_CHILDREN(PART(a), PART(b),
                                {.id = "body",
                                 .body = body,
                                 .restart = TP_TRANSIENT,
                                 .significant = spec.auto_shutdown != TP_AUTO_SHUTDOWN_NEVER});
    memset(seen, 0, sizeof seen);
    return how(&(tp_options){.workers = 2, .log_level = TP_LOG_OFF}, &spec);
}

static void does_its_work(tp_actor *self, void *arg) {
    (void)self, (void)arg;
}
TP_TEST(tree, the_end_of_its_work_is_status_0) {
    TP_ASSERT_EQ_INT(run(does_its_work,
                         &(tp_supervisor_spec){.auto_shutdown = TP_AUTO_SHUTDOWN_ANY}, tp_run_tree),
                     0);
    TP_ASSERT_EQ_STR(seen, "abBA");
}

static void fails(tp_actor *self, void *arg) {
    (void)arg;
    tp_fail(self, "on purpose");
}
TP_TEST(tree, a_root_that_gives_up_is_status_1) {
    TP_ASSERT_EQ_INT(run(fails, &(tp_supervisor_spec){.intensity = 3}, tp_run_tree), 1);
    TP_ASSERT_EQ_STR(seen, "abBA");
}

static void stops_with_7(tp_actor *self, void *arg) {
    tp_exited never;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_tree_stop(tp_self_runtime(self), 7), TP_OK);
    (void)tp_receive(self, TP_FOREVER, &never, tp_exited);
}
TP_TEST(tree, a_stop_gives_its_status) {
    TP_ASSERT_EQ_INT(run(stops_with_7, &(tp_supervisor_spec){0}, tp_run_tree), 7);
    TP_ASSERT_EQ_STR(seen, "abBA");
}

TP_TEST(tree, one_that_does_not_start_is_status_1) {
    static const tp_supervisor_spec wrong = {.strategy = TP_SIMPLE_ONE_FOR_ONE};
    const tp_options quiet = {.workers = 1, .stuck_after = TP_FOREVER, .log_level = TP_LOG_OFF};
    TP_ASSERT_EQ_INT(tp_run_tree(&quiet, &wrong), 1);
    TP_ASSERT_EQ_INT(tp_run_tree(&quiet, NULL), 1);
    TP_ASSERT_EQ_INT(tp_run_tree_until_signal(&quiet, &wrong), 1);
}

static void asks_the_runtime(tp_actor *self, void *arg) {
    tp_exited never;
    (void)arg;
    tp_runtime_request_stop(tp_self_runtime(self));
    (void)tp_receive(self, TP_FOREVER, &never, tp_exited);
}
TP_TEST(tree, a_runtime_that_is_asked_to_stop_is_status_0) {
    TP_ASSERT_EQ_INT(run(asks_the_runtime, &(tp_supervisor_spec){0}, tp_run_tree), 0);
}

static void raises(tp_actor *self, void *arg) {
    tp_exited never;
    (void)arg;
    (void)kill(getpid(), SIGTERM);
    (void)tp_receive(self, TP_FOREVER, &never, tp_exited);
}
TP_TEST(tree, a_signal_stops_it_in_order) {
    TP_ASSERT_EQ_INT(run(raises, &(tp_supervisor_spec){0}, tp_run_tree_until_signal), 0);
    TP_ASSERT_EQ_STR(seen, "abBA");
}

TP_TEST(tree, without_a_signal_it_ends_as_any_other) {
    TP_ASSERT_EQ_INT(run(fails, &(tp_supervisor_spec){.intensity = 2}, tp_run_tree_until_signal),
                     1);
    TP_ASSERT_EQ_INT(run(stops_with_7, &(tp_supervisor_spec){0}, tp_run_tree_until_signal), 7);
    TP_ASSERT_EQ_STR(seen, "abBA");
}

TP_TEST(tree, there_is_none_to_stop) {
    tp_runtime *runtime;
    TP_ASSERT_EQ_INT(
        tp_runtime_start(&runtime, &(tp_options){.workers = 1, .stuck_after = TP_FOREVER}), TP_OK);
    TP_ASSERT_EQ_INT(tp_tree_stop(runtime, 0), TP_ENOENT);
    tp_runtime_stop(runtime);
}
