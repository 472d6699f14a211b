/*
 * Faults by the thousand: each kind ten thousand times is as many exit signals, and no memory.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#include "core/platform/platform.h"
#include "tests/support/faults.h"
#include "tests/support/test.h"

#define EACH 10000
#define WARM 500
#define SOON TP_SECONDS(60)

TP_MESSAGE(fail_so, TP_FIELD(i32, kind))

struct victim {
    int unused;
};

static void on_fail_so(tp_actor *self, struct victim *victim, const fail_so *msg) {
    (void)self, (void)victim;
    fault_now((enum fault_kind)msg->kind);
}
TP_BEHAVIOR(victim_behavior, "victim", struct victim, TP_ON(fail_so, on_fail_so));

/* One victim, linked and monitored: one exit signal and one down, both of this fault. */
static void one(tp_actor *self, int kind) {
    tp_ref ref;
    tp_down down;
    tp_exited exited;
    tp_fault fault;
    tp_spawn_options options = {.contain = true, .link = true, .monitor = &ref};
    tp_pid pid = tp_spawn_with(self, &victim_behavior, &options);
    TP_ASSERT(!tp_pid_is_null(pid));
    tp_send(self, pid, fail_so, .kind = kind);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT(tp_pid_equal(down.from, pid) && down.ref == ref);
    TP_ASSERT(tp_fault_of((tp_reason){down.code, down.detail}, &fault));
    TP_ASSERT_EQ_INT(fault.signal, fault_kinds[kind].signal);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, pid));
    TP_ASSERT_EQ_INT(exited.code, TP_EXIT_FAULT);
}

static void each_kind(tp_actor *self, void *arg) {
    tp_exited exited;
    tp_down down;
    size_t before = 0;
    (void)arg;
    tp_trap_exits(self, true);
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        for (int i = 0; i < WARM; i++) one(self, kind);
    before = tpi_vm_resident();
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (int i = 0; i < EACH; i++) one(self, kind);
        size_t now = tpi_vm_resident();
        printf("%s: %d contained, memory %+ld KiB\n", fault_kinds[kind].name, EACH,
               ((long)now - (long)before) / 1024);
        TP_ASSERT(now < before + (1u << 20));
    }
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &exited, tp_exited), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &down, tp_down), TP_ETIMEDOUT);
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.faults, FAULT_KINDS * (EACH + WARM));
    TP_ASSERT_EQ_INT(counters.failed, FAULT_KINDS * (EACH + WARM));
}

TP_TEST(fault, ten_thousand_of_each_kind_are_contained) {
    if (!FAULTS_ARE_OURS) TP_SKIP(FAULTS_SKIPPED);
    tp_options options = {.workers = 2, .fault_limit = 1000000, .log_level = TP_LOG_OFF};
    TP_ASSERT_EQ_INT(tp_run_with(&options, each_kind, NULL), 0);
}

/* ---- while others work ---- */

TP_MESSAGE(ping, TP_FIELD(i64, n))

struct echo {
    int64_t seen;
};
static void on_ping(tp_actor *self, struct echo *echo, const ping *msg) {
    echo->seen++;
    tp_reply(self, ping, .n = msg->n);
}
TP_BEHAVIOR(echo_behavior, "echo", struct echo, TP_ON(ping, on_ping));

TP_MESSAGE(finished)

static void bystander(tp_actor *self, void *arg) {
    tp_pid echo = tp_spawn_link(self, &echo_behavior);
    tp_pid main_actor = *(tp_pid *)arg;
    for (int64_t i = 0; i < 50000; i++) {
        ping got;
        TP_ASSERT_EQ_INT(tp_call(self, echo, SOON, &got, ping, ping, .n = i), TP_OK);
        TP_ASSERT_EQ_INT(got.n, i);
    }
    tp_send(self, main_actor, finished);
}

static void among_others(tp_actor *self, void *arg) {
    tp_pid main_actor = tp_self(self);
    (void)arg;
    tp_trap_exits(self, true);
    for (int i = 0; i < 4; i++)
        TP_ASSERT(!tp_pid_is_null(tp_spawn_body(self, bystander, &main_actor, NULL)));
    for (int i = 0; i < 9000; i++) one(self, i % FAULT_KINDS);
    for (int i = 0; i < 4; i++) {
        finished got;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, finished), TP_OK);
    }
}

TP_TEST(fault, the_others_do_not_notice) {
    if (!FAULTS_ARE_OURS) TP_SKIP(FAULTS_SKIPPED);
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        tp_options options = {.workers = workers, .fault_limit = 1000000, .log_level = TP_LOG_OFF};
        TP_ASSERT_EQ_INT(tp_run_with(&options, among_others, NULL), 0);
    }
}
