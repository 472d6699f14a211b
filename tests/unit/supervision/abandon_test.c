/*
 * Children that keep their thread after a kill: they are given up after the grace, and whoever is
 * to take their place can.
 */
#include "tests/unit/supervision/scene.h"

#define ABANDON(name, workers)                                                                     \
    static void name##_script(tp_actor *self);                                                     \
    TP_TEST(abandon, name) {                                                                       \
        for (uint64_t seed = 1; seed <= 30; seed++) scene_run_on(name##_script, seed, workers);    \
    }                                                                                              \
    static void name##_script(tp_actor *self)

TP_MESSAGE(toil, TP_FIELD(i64, span)) /* occupies its worker */
TP_MESSAGE(born, TP_FIELD(pid, child))
TP_MESSAGE(hello)

struct toiler {
    int toils;
};
static tp_pid boss;
static int births;

static void init(tp_actor *self, struct toiler *toiler) {
    (void)toiler;
    births++;
    tp_send(self, boss, born, .child = tp_self(self));
}
static void on_toil(tp_actor *self, struct toiler *toiler, const toil *msg) {
    tp_work(self, msg->span);
    toiler->toils++;
}
static void on_hello(tp_actor *self, struct toiler *toiler, const hello *msg) {
    (void)toiler, (void)msg;
    tp_reply(self, hello);
}
TP_BEHAVIOR(toiler_behavior, "toiler", struct toiler, TP_INIT(init), TP_ON(toil, on_toil),
            TP_ON(hello, on_hello));

static tp_pid await_birth(tp_actor *self) {
    born child;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1000), &child, born), TP_OK);
    return child.child;
}
static tp_pid start_toiler(tp_actor *self, tp_child_spec child, tp_supervisor_spec spec) {
    static tp_child_spec children[2];
    static tp_supervisor_spec kept;
    boss = tp_self(self);
    births = 0;
    children[0] = child;
    children[0].id = "toiler";
    children[0].behavior = &toiler_behavior;
    kept = spec;
    kept.children = children;
    return start(self, &kept);
}
/* It is in the middle of its work. */
static void occupy(tp_actor *self, tp_pid child, tp_duration span) {
    tp_send(self, child, toil, .span = span);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
}
static tp_duration since(tp_actor *self, tp_time before) {
    return tp_now(self) - before;
}
static void stop(tp_actor *self, tp_pid supervisor) {
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN);
}

ABANDON(a_child_that_cannot_be_stopped_is_given_up, 2) {
    hello reply;
    tp_down ended;
    tp_pid supervisor = start_toiler(
        self, (tp_child_spec){.shutdown = TP_SECONDS(1), .options = {.name = "toiler"}},
        (tp_supervisor_spec){.kill_grace = 0});
    tp_pid first = await_birth(self);
    tp_ref down = tp_monitor(self, first), late;
    occupy(self, first, TP_SECONDS(100));
    tp_time before = tp_now(self);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "toiler"), TP_CHILD_OK);
    /* its time, then the grace of 5 s; not its 100 s */
    TP_ASSERT(since(self, before) >= TP_SECONDS(6) && since(self, before) < TP_MS(6100));
    TP_ASSERT(!tp_alive(tp_self_runtime(self), first));
    TP_ASSERT(tp_pid_is_null(tp_whereis(tp_self_runtime(self), "toiler")));
    TP_ASSERT_EQ_INT(tp_call(self, first, TP_SECONDS(1), &reply, hello, hello), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_supervisor_restart_child(self, supervisor, "toiler", NULL), TP_CHILD_OK);
    tp_pid second = await_birth(self);
    TP_ASSERT(tp_pid_equal(tp_whereis(tp_self_runtime(self), "toiler"), second));
    /* who watched the first has heard by now, and hears nothing when its code comes back */
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &ended, tp_down), TP_OK);
    TP_ASSERT(ended.ref == down && ended.code == TP_EXIT_KILLED);
    late = tp_monitor(self, first);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &ended, tp_down), TP_OK);
    TP_ASSERT(ended.ref == late && ended.code == TP_EXIT_NOPROC);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(110), &ended, tp_down), TP_ETIMEDOUT);
    TP_ASSERT(tp_pid_equal(tp_whereis(tp_self_runtime(self), "toiler"), second));
    TP_ASSERT_EQ_INT(tp_call(self, second, TP_SECONDS(1), &reply, hello, hello), TP_OK);
    TP_ASSERT_EQ_INT(births, 2);
    stop(self, supervisor);
}

ABANDON(a_silent_child_is_given_up_and_started_again, 2) {
    tp_pid supervisor = start_toiler(self,
                                     (tp_child_spec){.probe_every = TP_SECONDS(1),
                                                     .probe_timeout = TP_MS(200),
                                                     .options = {.name = "toiler"}},
                                     (tp_supervisor_spec){.intensity = 5});
    tp_pid first = await_birth(self);
    tp_time before = tp_now(self);
    occupy(self, first, TP_SECONDS(100));
    tp_pid second = await_birth(self);
    TP_ASSERT(since(self, before) >= TP_SECONDS(5) && since(self, before) < TP_MS(7300));
    TP_ASSERT(!tp_pid_equal(first, second));
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(200)), TP_OK); /* its end means nothing any more */
    TP_ASSERT_EQ_INT(births, 2);
    TP_ASSERT(tp_alive(tp_self_runtime(self), second));
    stop(self, supervisor);
}

ABANDON(many_of_one_kind_share_the_grace, 4) {
    tp_child_answer answer;
    tp_pid supervisor = start_toiler(
        self, (tp_child_spec){.shutdown = TP_SECONDS(1)},
        (tp_supervisor_spec){.strategy = TP_SIMPLE_ONE_FOR_ONE, .kill_grace = TP_SECONDS(2)});
    for (int i = 0; i < 5; i++) {
        TP_ASSERT_EQ_INT(tp_supervisor_spawn(self, supervisor, &answer), TP_CHILD_OK);
        tp_pid child = await_birth(self);
        if (i % 2 == 0) tp_send(self, child, toil, .span = TP_SECONDS(100));
    }
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
    tp_exited ended;
    tp_time before = tp_now(self);
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1000), &ended, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(ended.code, TP_EXIT_SHUTDOWN);
    TP_ASSERT(since(self, before) >= TP_SECONDS(3) && since(self, before) < TP_MS(3100));
}

ABANDON(without_an_end_of_the_grace_it_is_waited_for, 2) {
    tp_pid supervisor = start_toiler(self, (tp_child_spec){.shutdown = TP_BRUTAL_KILL},
                                     (tp_supervisor_spec){.kill_grace = TP_FOREVER});
    tp_pid child = await_birth(self);
    occupy(self, child, TP_SECONDS(100));
    tp_time before = tp_now(self);
    TP_ASSERT_EQ_INT(tp_supervisor_terminate_child(self, supervisor, "toiler"), TP_CHILD_OK);
    TP_ASSERT(since(self, before) >= TP_SECONDS(99));
    stop(self, supervisor);
}

/* ---- the call itself ---- */

ABANDON(is_refused_where_it_makes_no_sense, 2) {
    tp_pid child = tp_spawn(self, &toiler_behavior), remote = child;
    boss = tp_self(self);
    TP_ASSERT_EQ_INT(tp_abandon(self, tp_self(self)), TP_EDEADLOCK);
    remote.node++;
    TP_ASSERT_EQ_INT(tp_abandon(self, remote), TP_ENOTSUP);
    occupy(self, child, TP_SECONDS(10));
    TP_ASSERT_EQ_INT(tp_abandon(self, child), TP_OK);
    TP_ASSERT_EQ_INT(tp_abandon(self, child), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_SECONDS(20)), TP_OK);
    TP_ASSERT_EQ_INT(tp_abandon(self, child), TP_ENOPROC);
}

ABANDON(as_many_as_there_are, 32) {
    enum { MANY = 25 };
    tp_pid children[MANY];
    tp_down down;
    boss = tp_self(self);
    for (int i = 0; i < MANY; i++) {
        children[i] = tp_spawn(self, &toiler_behavior);
        tp_send(self, children[i], toil, .span = TP_SECONDS(10));
        (void)tp_monitor(self, children[i]);
    }
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
    for (int i = 0; i < MANY; i++) {
        TP_ASSERT_EQ_INT(tp_abandon(self, children[i]), TP_OK);
        TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(1), &down, tp_down), TP_OK);
        TP_ASSERT(tp_pid_equal(down.from, children[i]));
    }
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(20), &down, tp_down), TP_ETIMEDOUT);
    for (int i = 0; i < MANY; i++) TP_ASSERT(!tp_alive(tp_self_runtime(self), children[i]));
}

/* ---- third parties: each hears at once, and once ---- */

TP_MESSAGE(heard, TP_FIELD(u32, what), TP_FIELD(i64, code))
enum { LINKED = 1, CALLS, AWAITS, SUSPENDED, PASSED_ON, HEARERS = PASSED_ON };

struct third {
    tp_pid boss, stuck, passer;
};

static void tell(tp_actor *self, const struct third *third, uint32_t what, int64_t code) {
    tp_send(self, third->boss, heard, .what = what, .code = code);
}
/* Longer than the stuck one takes: what it says at its real end would come before. */
static void nothing_more(tp_actor *self, const struct third *third) {
    const tp_message *message;
    tp_err err = tp_receive_any(self, TP_SECONDS(200), NULL, NULL, &message);
    if (err != TP_ETIMEDOUT) tell(self, third, 99, err);
}
static void linked_body(tp_actor *self, void *arg) {
    tp_exited exited;
    (void)tp_trap_exits(self, true);
    TP_ASSERT_EQ_INT(tp_link(self, ((struct third *)arg)->stuck), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_FOREVER, &exited, tp_exited), TP_OK);
    tell(self, arg, LINKED, exited.code);
    nothing_more(self, arg);
}
static void calls_body(tp_actor *self, void *arg) {
    hello reply;
    const struct third *third = arg;
    tell(self, third, CALLS, tp_call(self, third->stuck, TP_FOREVER, &reply, hello, hello));
    nothing_more(self, third);
}
static void awaits_body(tp_actor *self, void *arg) {
    hello reply;
    const struct third *third = arg;
    tp_future asked = tp_request(self, third->stuck, hello);
    tell(self, third, AWAITS, tp_await(self, asked, TP_FOREVER, &reply, hello));
    nothing_more(self, third);
}
static void suspended_body(tp_actor *self, void *arg) {
    const struct third *third = arg;
    for (int i = 0; i < 500; i++) (void)tp_send(self, third->stuck, hello);
    tell(self, third, SUSPENDED, 0);
    nothing_more(self, third);
}
static void passer_body(tp_actor *self, void *arg) {
    hello request;
    const struct third *third = arg;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_FOREVER, &request, hello), TP_OK);
    TP_ASSERT_EQ_INT(tp_delegate(self, third->stuck), TP_OK);
    (void)tp_sleep(self, TP_SECONDS(1000));
}
static void passed_on_body(tp_actor *self, void *arg) {
    hello reply;
    const struct third *third = arg;
    tell(self, third, PASSED_ON, tp_call(self, third->passer, TP_FOREVER, &reply, hello, hello));
    nothing_more(self, third);
}

ABANDON(third_parties_hear_at_once, 3) {
    static const tp_body bodies[] = {linked_body, calls_body, awaits_body, suspended_body,
                                     passed_on_body};
    static struct third third;
    heard msg;
    unsigned seen = 0;
    boss = tp_self(self);
    tp_spawn_options options = {.mailbox_limit = 16};
    tp_pid stuck = tp_spawn_with(self, &toiler_behavior, &options);
    third = (struct third){.boss = tp_self(self), .stuck = stuck};
    third.passer = tp_spawn_body(self, passer_body, &third, NULL);
    (void)await_birth(self);
    (void)tp_spawn_body(self, linked_body, &third, NULL); /* one whose link it knows, one not */
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(1)), TP_OK);
    occupy(self, stuck, TP_SECONDS(100));
    for (int i = 0; i < HEARERS; i++) (void)tp_spawn_body(self, bodies[i], &third, NULL);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(10), &msg, heard), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_abandon(self, stuck), TP_OK);
    for (int i = 0; i <= HEARERS; i++) {
        static const int64_t codes[] = {[LINKED] = TP_EXIT_KILLED,
                                        [CALLS] = TP_ENOPROC,
                                        [AWAITS] = TP_ENOPROC,
                                        [SUSPENDED] = 0,
                                        [PASSED_ON] = TP_ENOPROC};
        TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(1), &msg, heard), TP_OK);
        TP_ASSERT(msg.what >= LINKED && msg.what <= HEARERS);
        TP_ASSERT_EQ_INT(msg.code, codes[msg.what]);
        seen |= 1u << msg.what;
    }
    TP_ASSERT_EQ_INT(seen, (1u << (HEARERS + 1)) - 2);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(300), &msg, heard), TP_ETIMEDOUT);
}

/* A request that the stuck one had passed on is another's. */
ABANDON(a_request_that_was_passed_on_goes_on, 3) {
    static struct third third;
    heard msg;
    boss = tp_self(self);
    third = (struct third){.boss = tp_self(self)};
    third.stuck = tp_spawn(self, &toiler_behavior);
    third.passer = tp_spawn_body(self, passer_body, &third, NULL);
    occupy(self, third.stuck, TP_SECONDS(50));
    (void)tp_spawn_body(self, passed_on_body, &third, NULL);
    TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(10)), TP_OK);
    TP_ASSERT_EQ_INT(tp_abandon(self, third.passer), TP_OK); /* it only sleeps: it ends at once */
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(10), &msg, heard), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(60), &msg, heard), TP_OK);
    TP_ASSERT(msg.what == PASSED_ON && msg.code == TP_OK);
    TP_ASSERT_EQ_INT(tp_kill(self, third.stuck), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(300), &msg, heard), TP_ETIMEDOUT);
}
