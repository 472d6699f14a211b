/*
 * What is told of an actor that keeps its worker.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#include "core/base/atomic.h"
#include "tests/support/test.h"

#define SOON TP_SECONDS(20)

TP_MESSAGE(hold, TP_FIELD(i32, n), TP_FIELD(str, text))
TP_MESSAGE(held)

static _Atomic(bool) open_gate, reached;
static bool answered;
static _Atomic(int) reports;
static char text[8192], json[8192], line[256], name[64];

static void note(void *context, const tp_log_entry *entry) {
    (void)context;
    /* on a busy machine others may be late, too */
    if (entry->report == NULL || strcmp(entry->name, "piggy") != 0) return;
    snprintf(text, sizeof text, "%s", entry->report);
    snprintf(json, sizeof json, "%s", entry->json == NULL ? "" : entry->json);
    snprintf(line, sizeof line, "%s", entry->text);
    snprintf(name, sizeof name, "%s", entry->name);
    atomic_fetch_add(&reports, 1);
}

struct pig {
    int turns;
};
__attribute__((noinline)) static void wallow(struct pig *pig) {
    while (!atomic_load(&open_gate)) pig->turns++;
}
static void on_hold(tp_actor *self, struct pig *pig, const hold *msg) {
    (void)msg;
    atomic_store(&reached, true);
    wallow(pig);
    tp_reply(self, held);
}
TP_BEHAVIOR(pig_behavior, "pig", struct pig, TP_ON(hold, on_hold));

#define HAS(text, part) TP_ASSERT_MSG(strstr((text), (part)) != NULL, "no `%s` in: %s", part, text)

static bool same(tp_str got, const char *expected) {
    return got.size == strlen(expected) && memcmp(got.data, expected, got.size) == 0;
}

static void watches(tp_actor *self, void *arg) {
    bool whole = tp_contains_faults(tp_self_runtime(self));
    tp_pid pig = tp_spawn_with(self, &pig_behavior, &(tp_spawn_options){.name = "piggy"});
    tp_stuck_report report;
    held done;
    *(bool *)arg = whole;
    TP_ASSERT_EQ_INT(tp_stuck_subscribe(self), TP_OK);
    TP_ASSERT_EQ_INT(tp_stuck_subscribe(self), TP_OK);
    tp_future future = tp_request(self, pig, hold, .n = 7, .text = {"mud", 3});
    do TP_ASSERT_EQ_INT(tp_receive(self, SOON, &report, tp_stuck_report), TP_OK);
    while (!tp_pid_equal(report.actor, pig));
    TP_ASSERT(same(report.name, "piggy") && same(report.behavior, "pig"));
    TP_ASSERT(report.span_ms >= 30);
    TP_ASSERT(same(report.text, text) && same(report.json, json));
    TP_ASSERT_EQ_INT(report.lost, 0);
    if (whole && report.stack.count > 0) {
        answered = true;
        TP_ASSERT(same(report.message, "hold{n=7, text=\"mud\"}"));
        TP_ASSERT(tp_pid_equal(report.sender, tp_self(self)));
        TP_ASSERT(report.stack.count >= 3);
        HAS(text, "\n  handling hold{n=7, text=\"mud\"} from <");
        HAS(text, "\n  #0 ");
        HAS(json, "\"stack\":[\"");
    }
    HAS(line, "stuck: in one message for ");
    HAS(text, "\n  behaviour pig, name piggy\n");
    HAS(json, "\"behavior\":\"pig\",\"span_ms\":");
    TP_ASSERT_EQ_STR(name, "piggy");
    TP_ASSERT(tp_stuck_unsubscribe(self));
    TP_ASSERT(!tp_stuck_unsubscribe(self));
    atomic_store(&open_gate, true);
    TP_ASSERT_EQ_INT(tp_await(self, future, SOON, &done, held), TP_OK);
    TP_ASSERT_EQ_INT(atomic_load(&reports), 1); /* once, however long it lasted */
}

TP_TEST(stuck_report, names_the_actor_the_message_and_the_stack) {
    tp_options options = {.workers = 1, .stuck_report_after = TP_MS(30), .log_hook = note};
    bool whole = true;
    answered = false;
    /* a thread that the machine does not run in time does not answer: not ten times in a row */
    for (int i = 0; i < 10 && whole && !answered; i++) {
        atomic_store(&open_gate, false);
        atomic_store(&reports, 0);
        TP_ASSERT_EQ_INT(tp_run_with(&options, watches, &whole), 0);
    }
    TP_ASSERT(answered || !whole);
}

/* ---- many, while messages fly: the look comes at any moment ---- */

TP_MESSAGE(chatter, TP_FIELD(u64, n))
struct talker {
    tp_pid peer;
};
static void on_chatter(tp_actor *self, struct talker *talker, const chatter *msg) {
    (void)talker;
    for (volatile int i = 0; i < 2000000; i++) {
    }
    if (msg->n > 0) tp_send(self, tp_sender(self), chatter, .n = msg->n - 1);
}
TP_BEHAVIOR(talker_behavior, "talker", struct talker, TP_ON(chatter, on_chatter));

static void chats(tp_actor *self, void *arg) {
    tp_pid a = tp_spawn(self, &talker_behavior);
    chatter got;
    (void)arg;
    for (int i = 0; i < TP_SCALED(200); i++) {
        tp_send(self, a, chatter, .n = 1);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, chatter), TP_OK);
    }
}

TP_TEST(stuck_report, comes_at_any_moment) {
    tp_options options = {
        .workers = 2, .stuck_after = TP_MS(1), .stuck_report_after = TP_MS(1), .log_hook = note};
    TP_ASSERT_EQ_INT(tp_run_with(&options, chats, NULL), 0);
}
