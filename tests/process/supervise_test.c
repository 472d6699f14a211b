/*
 * Supervisors with children in processes of their own: the same restarts, stops and probes, and a
 * kill that always works.
 */
#include <unistd.h>

#include "tests/process/stage.h"

TP_MESSAGE(kid_begin, TP_FIELD(pid, boss), TP_FIELD(i32, refuses))
TP_MESSAGE(kid_do, TP_FIELD(i32, what))
TP_MESSAGE(kid_ask)
TP_MESSAGE(born, TP_FIELD(pid, kid), TP_FIELD(i64, process))
TP_MESSAGE(looping)
TP_MESSAGE(left, TP_FIELD(i64, process), TP_FIELD(i32, code))

enum { LOOP, END, TRAP, TRAP_AND_LOOP };

struct kid {
    tp_pid boss;
};

static void kid_init(tp_actor *self, struct kid *kid, const kid_begin *msg) {
    kid->boss = msg->boss;
    if (msg->refuses == 1) tp_fail(self, "not today");
    if (msg->refuses == 2) (void)raise(SIGKILL);
    tp_send(self, kid->boss, born, .kid = tp_self(self), .process = getpid());
}
static void on_do(tp_actor *self, struct kid *kid, const kid_do *msg) {
    if (msg->what == TRAP || msg->what == TRAP_AND_LOOP) (void)tp_trap_exits(self, true);
    if (msg->what == END) tp_exit(self, TP_EXIT_NORMAL);
    if (msg->what == TRAP) return;
    tp_send(self, kid->boss, looping);
    for (volatile unsigned i = 0;; i = i + 1) {
    }
}
static void on_ask(tp_actor *self, struct kid *kid, const kid_ask *msg) {
    (void)kid, (void)msg;
    tp_reply(self, born, .kid = tp_self(self), .process = getpid());
}
static void kid_end(tp_actor *self, struct kid *kid, const tp_reason *reason) {
    tp_send(self, kid->boss, left, .process = getpid(), .code = reason->code);
}
TP_BEHAVIOR(kid_behavior, "kid", struct kid, TP_INIT_WITH(kid_begin, kid_init),
            TP_ON(kid_do, on_do), TP_ON(kid_ask, on_ask), TP_TERMINATE(kid_end));

/* ---- helpers ---- */

static kid_begin begin;

#define KID_WITH(name, ...)                                                                        \
    {                                                                                              \
        .id = name, .behavior = &kid_behavior, .arguments = {&kid_begin_message, &begin},          \
        __VA_ARGS__                                                                                \
    }
#define KID(name, ...) KID_WITH(name, .options = {.isolate = true}, __VA_ARGS__)

static tp_pid start(tp_actor *self, const tp_supervisor_spec *spec) {
    tp_pid supervisor;
    begin = (kid_begin){.boss = tp_self(self)};
    (void)tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, spec, NULL), TP_OK);
    return supervisor;
}
static born await_birth(tp_actor *self) {
    born msg;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, born), TP_OK);
    return msg;
}
static void tell(tp_actor *self, tp_pid kid, int what) {
    TP_ASSERT_EQ_INT(tp_send(self, kid, kid_do, .what = what), TP_OK);
}
static void await_loop(tp_actor *self) {
    looping msg;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, looping), TP_OK);
}
static void stop(tp_actor *self, tp_pid supervisor) {
    tp_exited ended;
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &ended, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(ended.from, supervisor));
    TP_ASSERT_EQ_INT(ended.code, TP_EXIT_SHUTDOWN);
}
/* It answers, in its process. */
static void check_serves(tp_actor *self, born kid) {
    born now = {0};
    TP_ASSERT_EQ_INT(tp_call(self, kid.kid, SOON, &now, born, kid_ask), TP_OK);
    TP_ASSERT_EQ_INT(now.process, kid.process);
}
static tp_child_counts count(tp_actor *self, tp_pid supervisor) {
    tp_child_counts counts;
    TP_ASSERT_EQ_INT(tp_supervisor_count_children(self, supervisor, &counts), TP_OK);
    return counts;
}

/* ---- restarts ---- */

static void killed_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_supervisor_spec spec = {.intensity = 100, .children = TP_CHILDREN(KID("kid"))};
    tp_pid supervisor = start(self, &spec);
    born kid = await_birth(self);
    for (int i = 0; i < 5; i++) {
        TP_ASSERT_EQ_INT(kill((int)kid.process, SIGKILL), 0);
        born next = await_birth(self);
        TP_ASSERT(next.process != kid.process && !tp_pid_equal(next.kid, kid.kid));
        TP_ASSERT(is_gone((int)kid.process));
        kid = next;
    }
    check_serves(self, kid);
    stop(self, supervisor);
    TP_ASSERT(is_gone((int)kid.process));
}
TP_TEST(isolated_child, is_started_again_after_a_sigkill) {
    SUPPORTED();
    run_isolated(killed_body);
}

static void intensity_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_exited ended;
    tp_supervisor_spec spec = {.intensity = 2,
                               .period = TP_SECONDS(100000),
                               .children = TP_CHILDREN(KID("quiet"), KID("victim"))};
    tp_pid supervisor = start(self, &spec);
    born quiet = await_birth(self), kid = await_birth(self);
    for (int i = 0; i < 3; i++) {
        TP_ASSERT_EQ_INT(kill((int)kid.process, SIGKILL), 0);
        if (i < 2) kid = await_birth(self);
    }
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &ended, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(ended.from, supervisor));
    TP_ASSERT_EQ_INT(ended.code, TP_EXIT_SHUTDOWN);
    TP_ASSERT(is_gone((int)quiet.process));
}
TP_TEST(isolated_child, counts_against_the_intensity) {
    SUPPORTED();
    run_isolated(intensity_body);
}

static void kinds_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_supervisor_spec spec = {.intensity = 100,
                               .children = TP_CHILDREN(KID("transient", .restart = TP_TRANSIENT),
                                                       KID("temporary", .restart = TP_TEMPORARY))};
    tp_pid supervisor = start(self, &spec);
    born transient = await_birth(self), temporary = await_birth(self);
    TP_ASSERT_EQ_INT(kill((int)temporary.process, SIGKILL), 0);
    TP_ASSERT_EQ_INT(kill((int)transient.process, SIGKILL), 0);
    transient = await_birth(self); /* a process that was killed has failed */
    tell(self, transient.kid, END);
    tp_child_counts counts = count(self, supervisor);
    while (counts.active > 0) {
        (void)tp_sleep(self, TP_MS(5));
        counts = count(self, supervisor);
    }
    TP_ASSERT_EQ_INT(counts.specs, 1); /* the temporary one is forgotten */
    stop(self, supervisor);
}
TP_TEST(isolated_child, ends_by_the_rules_of_its_restart) {
    SUPPORTED();
    run_isolated(kinds_body);
}

static void all_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_supervisor_spec spec = {.strategy = TP_ONE_FOR_ALL,
                               .intensity = 100,
                               .children = TP_CHILDREN(KID_WITH("inside"), KID("outside"))};
    tp_pid supervisor = start(self, &spec);
    born inside = await_birth(self), outside = await_birth(self);
    TP_ASSERT_EQ_INT(inside.process, getpid());
    TP_ASSERT_EQ_INT(kill((int)outside.process, SIGKILL), 0);
    born other_inside = await_birth(self), other_outside = await_birth(self);
    TP_ASSERT(!tp_pid_equal(inside.kid, other_inside.kid));
    TP_ASSERT_EQ_INT(tp_kill(self, other_inside.kid), TP_OK);
    (void)await_birth(self);
    outside = await_birth(self);
    TP_ASSERT(is_gone((int)other_outside.process));
    check_serves(self, outside);
    stop(self, supervisor);
}
TP_TEST(isolated_child, goes_with_the_others_in_one_for_all) {
    SUPPORTED();
    run_isolated(all_body);
}

static void refuses_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid supervisor;
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID("kid"))};
    (void)tp_trap_exits(self, true);
    for (int how = 1; how <= 2; how++) {
        begin = (kid_begin){.boss = tp_self(self), .refuses = how};
        TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &spec, NULL), TP_ENOPROC);
    }
    tp_supervisor_spec capsule = {
        .children = TP_CHILDREN(KID_WITH("kid", .options = {.isolate = true, .capsule = 10}))};
    begin = (kid_begin){.boss = tp_self(self)};
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &capsule, NULL), TP_ENOPROC);
    tp_spawn_options options = {.isolate = true, .capsule = 10};
    TP_ASSERT(
        tp_pid_is_null(tp_spawn_with(self, &kid_behavior, &options, kid_begin, .refuses = 0)));
    TP_ASSERT_EQ_INT(tp_error(self), TP_ENOTSUP);
}
TP_TEST(isolated_child, that_does_not_start_undoes_its_tree) {
    SUPPORTED();
    run_isolated(refuses_body);
}

/* ---- stops ---- */

static void orderly_body(tp_actor *self, void *arg) {
    (void)arg;
    left msg;
    tp_supervisor_spec spec = {
        .children = TP_CHILDREN(KID("one", .shutdown = SOON), KID("two", .shutdown = SOON))};
    tp_pid supervisor = start(self, &spec);
    born one = await_birth(self), two = await_birth(self);
    tell(self, one.kid, TRAP);
    tell(self, two.kid, TRAP);
    check_serves(self, one);
    check_serves(self, two);
    stop(self, supervisor);
    for (int i = 0; i < 2; i++) { /* in reverse order, each with its terminate */
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &msg, left), TP_OK);
        TP_ASSERT_EQ_INT(msg.process, i == 0 ? two.process : one.process);
        TP_ASSERT_EQ_INT(msg.code, TP_EXIT_SHUTDOWN);
    }
    TP_ASSERT(is_gone((int)one.process) && is_gone((int)two.process));
}
TP_TEST(isolated_child, is_stopped_in_order) {
    SUPPORTED();
    run_isolated(orderly_body);
}

static void stuck_body(tp_actor *self, void *arg) {
    (void)arg;
    left msg;
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID("patient", .shutdown = TP_MS(200)),
                                                       KID("brutal", .shutdown = TP_BRUTAL_KILL))};
    tp_pid supervisor = start(self, &spec);
    born patient = await_birth(self), brutal = await_birth(self);
    tell(self, patient.kid, TRAP_AND_LOOP);
    await_loop(self);
    tell(self, brutal.kid, TRAP);
    check_serves(self, brutal);
    tp_time before = tp_now(self);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "patient"), TP_CHILD_OK);
    TP_ASSERT(tp_now(self) - before >= TP_MS(200));
    TP_ASSERT(is_gone((int)patient.process));
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "brutal"), TP_CHILD_OK);
    TP_ASSERT(is_gone((int)brutal.process));
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &msg, left), TP_ETIMEDOUT); /* no terminate */
    TP_ASSERT_EQ_INT(count(self, supervisor).active, 0);
    stop(self, supervisor);
}
TP_TEST(isolated_child, that_does_not_stop_is_killed) {
    SUPPORTED();
    run_isolated(stuck_body);
}

static void end_body(tp_actor *self, void *arg) {
    (void)arg;
    static tp_supervisor_spec spec;
    static tp_child_spec children[2];
    children[0] = (tp_child_spec)KID("kid");
    spec = (tp_supervisor_spec){.children = children};
    (void)start(self, &spec); /* the end of the runtime is its end, too */
    tell(self, await_birth(self).kid, TRAP);
}
TP_TEST(isolated_child, does_not_outlive_the_runtime) {
    SUPPORTED();
    run_isolated(end_body);
}

/* ---- signs of life ---- */

static void answers_body(tp_actor *self, void *arg) {
    static const tp_process_limits patient = {.heartbeat = TP_SECONDS(60)};
    (void)arg;
    tp_supervisor_spec spec = {.children = TP_CHILDREN(KID_WITH(
                                   "kid", .options = {.isolate = true, .limits = &patient},
                                   .probe_every = TP_MS(20), .probe_timeout = TP_SECONDS(60)))};
    tp_pid supervisor = start(self, &spec);
    born kid = await_birth(self);
    for (int i = 0; i < 5; i++) { /* probes are answered meanwhile */
        (void)tp_sleep(self, TP_MS(60));
        check_serves(self, kid);
    }
    stop(self, supervisor);
}
TP_TEST(isolated_child, that_answers_probes_stays) {
    SUPPORTED();
    run_isolated(answers_body);
}

/* The next kid that loops. On a slow machine one may be taken for silent before it does: then
 * there is another. */
static born await_looping(tp_actor *self, born kid) {
    const tp_message *message;
    tell(self, kid.kid, LOOP);
    for (;;) {
        TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
        if (tp_message_is(message, looping)) return kid;
        if (tp_message_get(self, message, &kid, born) == TP_OK) tell(self, kid.kid, LOOP);
    }
}

/* No time decides: it is silent for as long as it takes to kill it. */
static void silent_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_supervisor_spec spec = {
        .intensity = 1000,
        .children = TP_CHILDREN(KID("kid", .probe_every = TP_MS(50), .probe_timeout = TP_MS(500)))};
    tp_pid supervisor = start(self, &spec);
    born kid = await_looping(self, await_birth(self));
    born next = await_birth(self);
    TP_ASSERT(next.process != kid.process);
    TP_ASSERT(is_gone((int)kid.process)); /* that it loops does not keep it */
    stop(self, supervisor);
}
TP_TEST(isolated_child, whose_probe_is_silent_is_killed) {
    SUPPORTED();
    run_isolated(silent_body);
}
