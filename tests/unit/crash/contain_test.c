/*
 * What is contained: every kind of fault, wherever the actor's own code runs; and what the fault
 * leaves behind, which is nothing.
 */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#include "tests/support/faults.h"
#include "tests/support/test.h"

#define SOON TP_SECONDS(20)
#define CONTAINED()                                                                                \
    if (!FAULTS_ARE_OURS) TP_SKIP(FAULTS_SKIPPED)

TP_MESSAGE(fail_so, TP_FIELD(i32, kind))
TP_MESSAGE(go)
TP_MESSAGE(ask)
TP_MESSAGE(answer, TP_FIELD(i64, n))

static void quiet(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

static void run_with(tp_body body, unsigned workers) {
    tp_options options = {.workers = workers, .fault_limit = 1000, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, body, NULL), 0);
}
static void run(tp_body body) {
    run_with(body, 1);
    run_with(body, 2);
}

static void expect_fault(tp_actor *self, tp_pid pid, int signal) {
    tp_down down;
    tp_fault fault = {0};
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT(tp_pid_equal(down.from, pid));
    TP_ASSERT_EQ_STR(tp_exit_code_name(down.code), "fault");
    TP_ASSERT(tp_fault_of((tp_reason){down.code, down.detail}, &fault));
    TP_ASSERT_EQ_INT(fault.signal, signal);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &down, tp_down), TP_ETIMEDOUT);
}

static tp_pid spawn_contained(tp_actor *self, const tp_behavior *behavior) {
    tp_ref ref;
    return tp_spawn_with(self, behavior, &((tp_spawn_options){.contain = true, .monitor = &ref}));
}
static tp_pid body_contained(tp_actor *self, tp_body body, void *arg) {
    tp_ref ref;
    return tp_spawn_body(self, body, arg, &((tp_spawn_options){.contain = true, .monitor = &ref}));
}

/* ---- where ---- */

struct victim {
    int terminated;
};
static void on_fail_so(tp_actor *self, struct victim *victim, const fail_so *msg) {
    (void)self, (void)victim;
    fault_now((enum fault_kind)msg->kind);
}
static void on_ask(tp_actor *self, struct victim *victim, const ask *msg) {
    (void)victim, (void)msg;
    tp_reply(self, answer, .n = 42);
}
static void victim_ends(tp_actor *self, struct victim *victim, const tp_reason *reason) {
    (void)self, (void)victim, (void)reason;
    TP_ASSERT(!"terminate is not called after a fault");
}
TP_BEHAVIOR(victim_behavior, "victim", struct victim, TP_ON(fail_so, on_fail_so),
            TP_ON(ask, on_ask), TP_TERMINATE(victim_ends));

static void nine_kinds(tp_actor *self, void *arg) {
    (void)arg;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        tp_pid pid = spawn_contained(self, &victim_behavior);
        answer got;
        TP_ASSERT_EQ_INT(tp_call(self, pid, SOON, &got, answer, ask), TP_OK);
        tp_send(self, pid, fail_so, .kind = kind);
        expect_fault(self, pid, fault_kinds[kind].signal);
        TP_ASSERT_EQ_INT(tp_call(self, pid, SOON, &got, answer, ask), TP_ENOPROC);
    }
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.faults, FAULT_KINDS);
}
TP_TEST(contain, nine_kinds_in_a_handler) {
    CONTAINED();
    run(nine_kinds);
}

static void init_faults(tp_actor *self, struct victim *victim) {
    (void)self, (void)victim;
    fault_now(FAULT_NULL_WRITE);
}
static void times_out(tp_actor *self, struct victim *victim) {
    (void)self, (void)victim;
    fault_now(FAULT_ABORT);
}
static void arms(tp_actor *self, struct victim *victim) {
    (void)victim;
    tp_set_timeout(self, TP_MS(1));
}
static void anything(tp_actor *self, struct victim *victim, const tp_message *message) {
    (void)self, (void)victim, (void)message;
    fault_now(FAULT_ILLEGAL);
}
TP_BEHAVIOR(init_behavior, "init", struct victim, TP_INIT(init_faults));
TP_BEHAVIOR(timeout_behavior, "timeout", struct victim, TP_INIT(arms), TP_TIMEOUT(times_out));
TP_BEHAVIOR(other_behavior, "other", struct victim, TP_OTHERWISE(anything));

static void every_slot(tp_actor *self, void *arg) {
    (void)arg;
    expect_fault(self, spawn_contained(self, &init_behavior), SIGSEGV);
    expect_fault(self, spawn_contained(self, &timeout_behavior), SIGABRT);
    tp_pid other = spawn_contained(self, &other_behavior);
    tp_send(self, other, go);
    expect_fault(self, other, SIGILL);
}
TP_TEST(contain, in_init_timeout_and_otherwise) {
    CONTAINED();
    run(every_slot);
}

static void bad_end(tp_actor *self, struct victim *victim, const tp_reason *reason) {
    (void)self, (void)reason;
    victim->terminated++;
    fault_now(FAULT_WILD_CALL);
}
static void on_go(tp_actor *self, struct victim *victim, const go *msg) {
    (void)victim, (void)msg;
    tp_exit(self, TP_EXIT_NORMAL);
}
TP_BEHAVIOR(bad_end_behavior, "bad_end", struct victim, TP_ON(go, on_go), TP_TERMINATE(bad_end));

static void in_terminate(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = spawn_contained(self, &bad_end_behavior);
    tp_send(self, pid, go);
    expect_fault(self, pid, SIGSEGV);
}
TP_TEST(contain, in_terminate_the_end_goes_on) {
    CONTAINED();
    run(in_terminate);
}

static void body_of_kind(tp_actor *self, void *arg) {
    go got;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, go), TP_OK); /* it has been on another worker */
    tp_yield(self);
    fault_now(*(enum fault_kind *)arg);
}
static void bodies(tp_actor *self, void *arg) {
    (void)arg;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        enum fault_kind which = (enum fault_kind)kind;
        tp_pid pid = body_contained(self, body_of_kind, &which);
        tp_sleep(self, TP_US(100));
        tp_send(self, pid, go);
        expect_fault(self, pid, fault_kinds[kind].signal);
    }
}
TP_TEST(contain, nine_kinds_in_a_body_that_has_waited) {
    CONTAINED();
    run(bodies);
}

static void on_case(tp_actor *self, void *state, const go *msg) {
    (void)self, (void)state, (void)msg;
    fault_now(FAULT_ILLEGAL);
}
TP_CASES(faulting_cases, void, TP_ON(go, on_case));
static void receives_cases(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_receive_cases(self, SOON, NULL, faulting_cases);
}
static void in_a_case(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid pid = body_contained(self, receives_cases, NULL);
    tp_send(self, pid, go);
    expect_fault(self, pid, SIGILL);
}
TP_TEST(contain, in_a_case_of_a_receive) {
    CONTAINED();
    run(in_a_case);
}

static void asserts(tp_actor *self, void *arg) {
    (void)self, (void)arg;
    int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDERR_FILENO);
    close(null);
    fault_zero = (uintptr_t)saved; /* for whoever looks after it: back to 0 there */
    __assert_fail("planted", __FILE__, __LINE__, __func__); /* what assert calls */
}
static void by_assert(tp_actor *self, void *arg) {
    (void)arg;
    expect_fault(self, body_contained(self, asserts, NULL), SIGABRT);
    dup2((int)fault_zero, STDERR_FILENO);
    close((int)fault_zero);
    fault_zero = 0;
}
TP_TEST(contain, a_failed_assertion) {
    CONTAINED();
    run(by_assert);
}

static void on_big_stack(tp_actor *self, void *arg) {
    tp_ref ref;
    enum fault_kind kind = FAULT_OVERFLOW;
    (void)arg;
    tp_spawn_options options = {.contain = true, .monitor = &ref, .stack_size = 1u << 20};
    for (int i = 0; i < 3; i++) {
        tp_pid pid = tp_spawn_body(self, body_of_kind, &kind, &options);
        tp_send(self, pid, go);
        expect_fault(self, pid, SIGSEGV);
    }
}
TP_TEST(contain, an_overflow_of_a_stack_of_its_own) {
    CONTAINED();
    run(on_big_stack);
}

static void dedicated(tp_actor *self, void *arg) {
    tp_ref ref;
    (void)arg;
    tp_spawn_options options = {.contain = true, .monitor = &ref, .dedicated_thread = true};
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        tp_pid pid = tp_spawn_with(self, &victim_behavior, &options);
        tp_send(self, pid, fail_so, .kind = kind);
        expect_fault(self, pid, fault_kinds[kind].signal);
    }
}
TP_TEST(contain, on_a_thread_of_its_own) {
    CONTAINED();
    run(dedicated);
}

/* ---- what is left ---- */

static int closed_with;
static void note_exit(void *arg) {
    *(int *)arg = 1;
}
static void owns_much(tp_actor *self, void *arg) {
    (void)arg;
    TP_ASSERT(tp_alloc(self, 100000) != NULL);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    closed_with = file;
    TP_ASSERT_EQ_INT(tp_own_descriptor(self, file), TP_OK);
    TP_ASSERT_EQ_INT(tp_on_exit(self, note_exit, arg), TP_OK);
    TP_ASSERT(tp_send_after(self, TP_SECONDS(100), tp_self(self), go) != 0);
    TP_ASSERT_EQ_INT(tp_register(self, "owner"), TP_OK);
    fault_now(FAULT_NULL_WRITE);
}
static void leaves_nothing(tp_actor *self, void *arg) {
    int exited = 0;
    (void)arg;
    tp_pid pid = body_contained(self, owns_much, &exited);
    expect_fault(self, pid, SIGSEGV);
    TP_ASSERT_EQ_INT(exited, 1);
    TP_ASSERT_EQ_INT(fcntl(closed_with, F_GETFD), -1);
    TP_ASSERT(tp_pid_is_null(tp_whereis(tp_self_runtime(self), "owner")));
    TP_ASSERT_EQ_INT(tp_register(self, "owner"), TP_OK);
    TP_ASSERT_EQ_INT(tp_unregister(self), TP_OK);
}
TP_TEST(contain, what_it_owned_is_released) {
    CONTAINED();
    run(leaves_nothing);
}

static void linked(tp_actor *self, void *arg) {
    tp_exited exited;
    (void)arg;
    tp_trap_exits(self, true);
    tp_pid pid =
        tp_spawn_with(self, &victim_behavior, &((tp_spawn_options){.contain = true, .link = true}));
    tp_send(self, pid, fail_so, .kind = FAULT_NULL_WRITE);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, pid));
    TP_ASSERT_EQ_INT(exited.code, TP_EXIT_FAULT);
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(1), &exited, tp_exited), TP_ETIMEDOUT);
}
TP_TEST(contain, a_link_gets_one_exit_signal) {
    CONTAINED();
    run(linked);
}

static void on_fail_ask(tp_actor *self, struct victim *victim, const ask *msg) {
    (void)self, (void)victim, (void)msg;
    fault_now(FAULT_NULL_WRITE);
}
TP_BEHAVIOR(unhelpful_behavior, "unhelpful", struct victim, TP_ON(ask, on_fail_ask));
static void called(tp_actor *self, void *arg) {
    answer got;
    (void)arg;
    tp_pid pid = spawn_contained(self, &unhelpful_behavior);
    TP_ASSERT_EQ_INT(tp_call(self, pid, SOON, &got, answer, ask), TP_ENOPROC);
    expect_fault(self, pid, SIGSEGV);
}
TP_TEST(contain, a_caller_hears_that_nobody_will_answer) {
    CONTAINED();
    run(called);
}

/* ---- what it is not ---- */

static void no_fault(tp_actor *self, void *arg) {
    tp_fault fault;
    (void)self, (void)arg;
    TP_ASSERT(!tp_fault_of((tp_reason){.code = TP_EXIT_FAULT}, &fault));
    TP_ASSERT(!tp_fault_of((tp_reason){TP_EXIT_USER, {"\x93\x01\x02\x03", 4}}, &fault));
    TP_ASSERT(!tp_fault_of((tp_reason){TP_EXIT_FAULT, {"\x92\x01\x02", 3}}, &fault));
    TP_ASSERT(!tp_fault_of((tp_reason){TP_EXIT_FAULT, {"\x93\x01\x02", 3}}, &fault));
    TP_ASSERT(tp_fault_of((tp_reason){TP_EXIT_FAULT, {"\x93\x0b\x01\x05", 4}}, &fault));
    TP_ASSERT_EQ_INT(fault.signal, 11);
    TP_ASSERT_EQ_INT(fault.code, 1);
    TP_ASSERT_EQ_INT(fault.address, 5);
    TP_ASSERT_EQ_STR(tp_signal_name(SIGBUS), "SIGBUS");
    TP_ASSERT_EQ_STR(tp_signal_name(0), "signal");
}
TP_TEST(contain, a_detail_is_read_only_if_it_is_a_fault) {
    no_fault(NULL, NULL);
}

static void works(tp_actor *self, void *arg) {
    answer got;
    tp_down down;
    (void)arg;
    tp_pid pid = spawn_contained(self, &victim_behavior);
    for (int i = 0; i < 1000; i++)
        TP_ASSERT_EQ_INT(tp_call(self, pid, SOON, &got, answer, ask), TP_OK);
    tp_kill(self, pid);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_KILLED);
}
TP_TEST(contain, an_actor_without_faults_is_as_any_other) {
    run(works);
}
