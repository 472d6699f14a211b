/*
 * What is told of a crash: to the log, as lines and as JSON, and to actors that subscribed. Dead
 * letters likewise.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/faults.h"
#include "tests/support/test.h"

#define SOON TP_SECONDS(20)

TP_MESSAGE(go, TP_FIELD(i32, n), TP_FIELD(str, text))
TP_MESSAGE(ask)
TP_MESSAGE(ready)
TP_MESSAGE(told, TP_FIELD(u64, reports), TP_FIELD(u64, lost))

/* ---- the log, as seen by one worker ---- */

static struct {
    int crashes;
    int lines;
    char text[512], report[8192], json[16384];
    char letter[512], letter_json[2048]; /* the first */
} seen;

static void note(void *context, const tp_log_entry *entry) {
    (void)context;
    seen.lines++;
    if (strncmp(entry->text, "dead letter", 11) == 0 && seen.letter[0] == 0) {
        TP_ASSERT(entry->level == TP_LOG_INFO && entry->json != NULL);
        snprintf(seen.letter, sizeof seen.letter, "%s", entry->text);
        snprintf(seen.letter_json, sizeof seen.letter_json, "%s", entry->json);
    }
    if (entry->report == NULL) return;
    seen.crashes++;
    snprintf(seen.text, sizeof seen.text, "%s", entry->text);
    snprintf(seen.report, sizeof seen.report, "%s", entry->report);
    snprintf(seen.json, sizeof seen.json, "%s", entry->json == NULL ? "" : entry->json);
}

static void run_noting(tp_body body, void *arg) {
    tp_options options = {.workers = 1,
                          .stuck_after = TP_FOREVER,
                          .node_name = "here",
                          .log_hook = note,
                          .fault_limit = 100};
    memset(&seen, 0, sizeof seen);
    TP_ASSERT_EQ_INT(tp_run_with(&options, body, arg), 0);
}

#define HAS(text, part) TP_ASSERT_MSG(strstr((text), (part)) != NULL, "no `%s` in: %s", part, text)

/* ---- JSON, as far as it is needed to see that it is some ---- */

static const char *json_value(const char *at);

static const char *json_text(const char *at) {
    for (at++; *at != 0 && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) return NULL;
        if (*at == '\\' && *++at == 'u') at += 4;
    }
    return *at == '"' ? at + 1 : NULL;
}
static const char *json_many(const char *at, char end, bool named) {
    if (at[1] == end) return at + 2;
    do {
        at++;
        if (named) {
            at = *at == '"' ? json_text(at) : NULL;
            if (at == NULL || *at++ != ':') return NULL;
        }
        at = json_value(at);
    } while (at != NULL && *at == ',');
    return at != NULL && *at == end ? at + 1 : NULL;
}
static const char *json_value(const char *at) {
    if (*at == '"') return json_text(at);
    if (*at == '{') return json_many(at, '}', true);
    if (*at == '[') return json_many(at, ']', false);
    size_t size = strspn(at, "-+.eE0123456789nulltruefalse");
    return size > 0 ? at + size : NULL;
}
static void expect_json(const char *text) {
    const char *end = json_value(text);
    TP_ASSERT_MSG(end != NULL && *end == 0, "no JSON: %s", text);
}

/* ---- actors that crash ---- */

struct worker {
    int unused;
};
static void on_go(tp_actor *self, struct worker *worker, const go *msg) {
    (void)worker;
    uint8_t bytes[64];
    tp_writer out = {.at = bytes, .end = bytes + sizeof bytes};
    switch (msg->n) {
    case 0: tp_fail(self, "the \"%.*s\"\nis broken", (int)msg->text.size, msg->text.data);
    case 1:
        tp_write_array(&out, 2);
        tp_write_str(&out, (tp_str){"disk", 4});
        tp_write_i64(&out, -7);
        tp_exit_with(self, (tp_reason){TP_EXIT_USER + 1, {bytes, (size_t)(out.at - bytes)}});
    case 2: tp_exit_with(self, (tp_reason){TP_EXIT_USER + 2, {"\xc1\xc1", 2}});
    case 3: tp_exit(self, TP_EXIT_NORMAL);
    case 4: tp_exit(self, TP_EXIT_SHUTDOWN);
    case 5: fault_now(FAULT_NULL_WRITE); break;
    default: break;
    }
}
TP_BEHAVIOR(worker_behavior, "worker", struct worker, TP_ON(go, on_go));

static int32_t crash_with(tp_actor *self, int n, const char *text, const char *name) {
    tp_ref ref;
    tp_down down;
    tp_spawn_options options = {.monitor = &ref, .name = name, .contain = n == 5};
    tp_pid pid = tp_spawn_with(self, &worker_behavior, &options);
    tp_send(self, pid, go, .n = n, .text = {text, strlen(text)});
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    return down.code;
}

/* ---- the log ---- */

static void named_crash(tp_actor *self, void *arg) {
    tp_down down;
    tp_exited exited;
    tp_ref ref;
    (void)arg;
    tp_trap_exits(self, true);
    tp_spawn_options options = {.monitor = &ref, .name = "smith", .link = true};
    tp_pid pid = tp_spawn_with(self, &worker_behavior, &options);
    tp_send(self, pid, go, .n = 0, .text = {"forge", 5});
    tp_send(self, pid, go, .n = 3);
    tp_send(self, pid, go, .n = 3);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    HAS(seen.report, "exited: failed (6): the \"forge\"\nis broken\n");
    HAS(seen.report, "behaviour worker, name smith\n");
    char expected[128];
    snprintf(expected, sizeof expected, "handling go{n=0, text=\"forge\"} from <%u.%u>\n",
             tp_self(self).slot, tp_self(self).generation);
    HAS(seen.report, expected);
    snprintf(expected, sizeof expected, "mailbox 2, monitors 0, watchers 1, links 1: <%u.%u>",
             tp_self(self).slot, tp_self(self).generation);
    HAS(seen.report, expected);
}
TP_TEST(report, names_actor_message_mailbox_and_peers) {
    run_noting(named_crash, NULL);
    TP_ASSERT_EQ_INT(seen.crashes, 1);
    TP_ASSERT_EQ_STR(seen.text, "exited: failed (6): the \"forge\" is broken");
    expect_json(seen.json);
    HAS(seen.json, "\"node\":\"here\",\"name\":\"smith\",\"behavior\":\"worker\"");
    HAS(seen.json, "\"reason\":{\"code\":6,\"name\":\"failed\","
                   "\"detail\":\"the \\\"forge\\\"\\u000ais broken\"}");
    HAS(seen.json, "\"message\":{\"type\":\"go\",\"fields\":{\"n\":0,\"text\":\"forge\"}}");
    HAS(seen.json, "\"mailbox\":2,\"monitors\":0,\"watchers\":1,\"links\":1,\"linked\":[\"<");
}

static void details(tp_actor *self, void *arg) {
    (void)arg;
    TP_ASSERT_EQ_INT(crash_with(self, 1, "", NULL), TP_EXIT_USER + 1);
    TP_ASSERT_EQ_STR(seen.text, "exited: user (1001): [\"disk\", -7]");
    expect_json(seen.json);
    HAS(seen.json, "\"detail\":[\"disk\",-7]");
    TP_ASSERT_EQ_INT(crash_with(self, 2, "", NULL), TP_EXIT_USER + 2);
    TP_ASSERT_EQ_STR(seen.text, "exited: user (1002): 2 bytes");
    expect_json(seen.json);
}
TP_TEST(report, decodes_a_detail_if_it_is_msgpack) {
    run_noting(details, NULL);
}

static void orderly(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    (void)arg;
    TP_ASSERT_EQ_INT(crash_with(self, 3, "", NULL), TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(crash_with(self, 4, "", NULL), TP_EXIT_SHUTDOWN);
    tp_pid pid = tp_spawn_with(self, &worker_behavior, &((tp_spawn_options){.monitor = &ref}));
    tp_kill(self, pid);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
}
TP_TEST(report, an_orderly_end_is_no_crash) {
    run_noting(orderly, NULL);
    TP_ASSERT_EQ_INT(seen.lines, 0);
}

static void long_words(tp_actor *self, void *arg) {
    static char text[20000];
    (void)arg;
    memset(text, '"', sizeof text - 1);
    TP_ASSERT_EQ_INT(crash_with(self, 0, text, NULL), TP_EXIT_FAILED);
    expect_json(seen.json);
    memset(text, 0xff, sizeof text - 1);
    TP_ASSERT_EQ_INT(crash_with(self, 0, text, NULL), TP_EXIT_FAILED);
    expect_json(seen.json);
}
TP_TEST(report, long_and_hostile_words_are_cut_and_stay_json) {
    run_noting(long_words, NULL);
    TP_ASSERT_EQ_INT(seen.crashes, 2);
}

static void faulted(tp_actor *self, void *arg) {
    (void)arg;
    TP_ASSERT_EQ_INT(crash_with(self, 5, "", NULL), TP_EXIT_FAULT);
}
TP_TEST(report, a_fault_has_its_signal_and_stack) {
    if (!FAULTS_ARE_OURS) TP_SKIP(FAULTS_SKIPPED);
    run_noting(faulted, NULL);
    TP_ASSERT_EQ_STR(seen.text, "exited: fault (10): SIGSEGV (code 1) at 0x0");
    HAS(seen.report, "\n  #0 ");
    expect_json(seen.json);
    HAS(seen.json, "\"fault\":{\"signal\":\"SIGSEGV\",\"code\":1,\"address\":\"0x0\",\"pc\":\"0x");
    HAS(seen.json, "\"stack\":[\"");
}

/* ---- subscribers ---- */

static bool same(tp_str text, const char *expected) {
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

static void subscribes(tp_actor *self, void *arg) {
    tp_crash_report report;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_OK);
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_OK);
    TP_ASSERT_EQ_INT(crash_with(self, 0, "forge", "smith"), TP_EXIT_FAILED);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &report, tp_crash_report), TP_OK);
    TP_ASSERT(same(report.name, "smith") && same(report.behavior, "worker"));
    TP_ASSERT_EQ_INT(report.code, TP_EXIT_FAILED);
    TP_ASSERT(same(report.reason, "failed (6): the \"forge\"\nis broken"));
    TP_ASSERT(same(report.message, "go{n=0, text=\"forge\"}"));
    TP_ASSERT(tp_pid_equal(report.sender, tp_self(self)));
    TP_ASSERT(same(report.json, seen.json) && same(report.text, seen.report));
    TP_ASSERT_EQ_INT(report.watcher_count, 1);
    TP_ASSERT_EQ_INT(report.signal, 0);
    TP_ASSERT_EQ_INT(report.lost, 0);
    TP_ASSERT_EQ_INT(crash_with(self, 3, "", NULL), TP_EXIT_NORMAL);
    TP_ASSERT(tp_crash_unsubscribe(self));
    TP_ASSERT(!tp_crash_unsubscribe(self));
    TP_ASSERT_EQ_INT(crash_with(self, 0, "", NULL), TP_EXIT_FAILED);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &report, tp_crash_report), TP_ETIMEDOUT);
}
TP_TEST(report, a_subscriber_gets_it_as_a_message) {
    run_noting(subscribes, NULL);
}

static void in_order(tp_actor *self, void *arg) {
    tp_ref ref;
    const tp_message *message;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_OK);
    tp_pid pid = tp_spawn_with(self, &worker_behavior, &((tp_spawn_options){.monitor = &ref}));
    tp_send(self, pid, go, .n = 0);
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
    TP_ASSERT(tp_message_is(message, tp_crash_report));
    TP_ASSERT_EQ_INT(tp_receive_any(self, SOON, NULL, NULL, &message), TP_OK);
    TP_ASSERT(tp_message_is(message, tp_down));
}
TP_TEST(report, comes_before_the_down) {
    run_noting(in_order, NULL);
}

static void listens(tp_actor *self, void *arg) {
    ready got;
    tp_send(self, *(tp_pid *)arg, told, .reports = tp_crash_subscribe(self));
    (void)tp_receive(self, SOON, &got, ready);
}
static tp_err subscribe_another(tp_actor *self, tp_pid *pid) {
    tp_pid here = tp_self(self);
    told got;
    *pid = tp_spawn_body(self, listens, &here, NULL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, told), TP_OK);
    return (tp_err)got.reports;
}
static void many_listeners(tp_actor *self, void *arg) {
    tp_pid pids[16], more;
    tp_down down;
    (void)arg;
    for (int i = 0; i < 16; i++) TP_ASSERT_EQ_INT(subscribe_another(self, &pids[i]), TP_OK);
    TP_ASSERT_EQ_INT(subscribe_another(self, &more), TP_ETOOBIG);
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_ETOOBIG);
    tp_monitor(self, pids[3]);
    tp_send(self, pids[3], ready);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(subscribe_another(self, &more), TP_OK);
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_ETOOBIG);
}
TP_TEST(report, sixteen_may_subscribe_and_an_end_makes_room) {
    run_noting(many_listeners, NULL);
}

static void crashes_itself(tp_actor *self, void *arg) {
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_OK);
    (void)arg;
    tp_fail(self, "the watchman");
}
static void watched_watchman(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_dead_letter_subscribe(self), TP_OK);
    (void)tp_spawn_body(self, crashes_itself, NULL, &((tp_spawn_options){.monitor = &ref}));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    tp_dead_letter letter;
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &letter, tp_dead_letter), TP_ETIMEDOUT);
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.dead_letters, 0);
}
TP_TEST(report, nobody_is_told_of_his_own_crash) {
    run_noting(watched_watchman, NULL);
    TP_ASSERT_EQ_INT(seen.crashes, 1);
}

static void slow_listener(tp_actor *self, void *arg) {
    ready got;
    tp_crash_report report;
    uint64_t reports = 0, lost = 0;
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_OK);
    tp_send(self, *(tp_pid *)arg, ready);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, ready), TP_OK);
    while (tp_receive(self, TP_MS(50), &report, tp_crash_report) == TP_OK) {
        reports++;
        lost += report.lost;
    }
    tp_send(self, *(tp_pid *)arg, told, .reports = reports, .lost = lost);
    while (tp_receive(self, SOON, &report, tp_crash_report) != TP_OK) {
    }
    tp_send(self, *(tp_pid *)arg, told, .reports = 1, .lost = report.lost);
}
static void floods(tp_actor *self, void *arg) {
    tp_pid here = tp_self(self);
    ready got;
    told first, last;
    (void)arg;
    tp_pid slow =
        tp_spawn_body(self, slow_listener, &here, &((tp_spawn_options){.mailbox_limit = 4}));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, ready), TP_OK);
    for (int i = 0; i < 20; i++) (void)crash_with(self, 0, "", NULL);
    tp_send(self, slow, ready);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &first, told), TP_OK);
    TP_ASSERT(first.reports >= 4 && first.reports < 20);
    (void)crash_with(self, 0, "", NULL);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &last, told), TP_OK);
    TP_ASSERT_EQ_INT(first.reports + first.lost + last.lost, 20);
}
TP_TEST(report, what_a_full_mailbox_refuses_is_counted) {
    run_noting(floods, NULL);
}

/* ---- dead letters ---- */

static void letters(tp_actor *self, void *arg) {
    tp_dead_letter letter;
    told got;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_dead_letter_subscribe(self), TP_OK);
    tp_pid gone = tp_spawn(self, &worker_behavior);
    tp_send(self, gone, go, .n = 3);
    while (tp_alive(tp_self_runtime(self), gone)) tp_yield(self);
    tp_send(self, gone, go, .n = 9, .text = {"late", 4});
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &letter, tp_dead_letter), TP_OK);
    TP_ASSERT(tp_pid_equal(letter.to, gone) && tp_pid_equal(letter.from, tp_self(self)));
    TP_ASSERT(same(letter.type, "go") && same(letter.text, "go{n=9, text=\"late\"}"));
    TP_ASSERT_EQ_INT(letter.suppressed, 0);
    TP_ASSERT_EQ_INT(tp_call(self, gone, SOON, &got, told, ask), TP_ENOPROC);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &letter, tp_dead_letter), TP_OK);
    TP_ASSERT(same(letter.text, "ask{}"));
    TP_ASSERT(tp_dead_letter_unsubscribe(self));
    TP_ASSERT(!tp_dead_letter_unsubscribe(self));
    tp_send(self, gone, go, .n = 9);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &letter, tp_dead_letter), TP_ETIMEDOUT);
}
TP_TEST(report, a_dead_letter_is_told) {
    run_noting(letters, NULL);
    HAS(seen.letter, "dead letter from <");
    HAS(seen.letter, ">: go{n=9, text=\"late\"}");
    const char *end = json_value(seen.letter_json);
    TP_ASSERT(end != NULL && *end == 0);
    HAS(seen.letter_json, "{\"dead_letter\":\"<");
    HAS(seen.letter_json, "\"node\":\"here\"");
    HAS(seen.letter_json, "\"type\":\"go\",\"text\":\"go{n=9, text=\\\"late\\\"}\"");
    HAS(seen.letter_json, "\"suppressed\":0}");
}

static void many_letters(tp_actor *self, void *arg) {
    tp_dead_letter letter;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_dead_letter_subscribe(self), TP_OK);
    tp_pid gone = {tp_self(self).node, tp_self(self).slot, tp_self(self).generation + 1};
    for (int second = 0; second < 3; second++) {
        for (int i = 0; i < 5000; i++) tp_send(self, gone, go, .n = i);
        for (int i = 0; i < 100; i++) {
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &letter, tp_dead_letter), TP_OK);
            TP_ASSERT_EQ_INT(letter.suppressed, second > 0 && i == 0 ? 4900 : 0);
        }
        TP_ASSERT_EQ_INT(tp_receive(self, 0, &letter, tp_dead_letter), TP_ETIMEDOUT);
        tp_sleep(self, TP_SECONDS(1));
    }
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    TP_ASSERT_EQ_INT(counters.dead_letters, 15000);
    (*(int *)arg)++;
}
TP_TEST(report, a_flood_of_dead_letters_is_counted_not_told) {
    tp_sim *sim;
    int done = 0;
    tp_sim_options options = {.seed = 1, .runtime = {.log_level = TP_LOG_OFF}};
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
    (void)tp_sim_spawn_body(sim, many_letters, &done, NULL);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    tp_sim_free(sim);
    TP_ASSERT_EQ_INT(done, 1);
}

/* ---- the stack of a failure ---- */

static __attribute__((noinline)) void deep_in(tp_actor *self, int depth) {
    if (depth > 0) deep_in(self, depth - 1);
    else if (depth == 0) tp_fail(self, "deep down");
    __asm__ volatile("" ::: "memory"); /* no tail call: each depth is a frame */
}
struct faller {
    int unused;
};
static void on_deep(tp_actor *self, struct faller *faller, const go *msg) {
    (void)faller;
    if (msg->n < 0) tp_exit(self, TP_EXIT_USER + 1);
    deep_in(self, msg->n);
}
TP_BEHAVIOR(faller_behavior, "faller", struct faller, TP_ON(go, on_deep));

static uint32_t frames_of(tp_actor *self, int depth) {
    tp_crash_report report;
    tp_pid pid = tp_spawn(self, &faller_behavior);
    TP_ASSERT_EQ_INT(tp_send(self, pid, go, .n = depth), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &report, tp_crash_report), TP_OK);
    TP_ASSERT(tp_pid_equal(report.actor, pid));
    TP_ASSERT_EQ_INT(report.signal, 0);
    for (size_t i = 0; i < report.stack.count; i++) TP_ASSERT(report.stack.items[i].size > 0);
    return (uint32_t)report.stack.count;
}
static void failure_body(tp_actor *self, void *arg) {
    (void)arg;
    bool walks = tp_contains_faults(tp_self_runtime(self));
    TP_ASSERT_EQ_INT(tp_crash_subscribe(self), TP_OK);
    uint32_t shallow = frames_of(self, 1);
    if (walks) HAS(seen.report, "\n  #0 ");
    if (walks) HAS(seen.json, "\"stack\":[\"");
    uint32_t deep = frames_of(self, 4);
    TP_ASSERT_EQ_INT(deep - shallow, walks ? 3 : 0);
    TP_ASSERT_EQ_INT(frames_of(self, 100), walks ? 16 : 0);
    TP_ASSERT_EQ_INT(frames_of(self, -1), 0); /* an exit is no failure */
    TP_ASSERT(strstr(seen.report, "#0") == NULL);
    uint32_t with = 0;
    for (int i = 0; i < 500; i++) with += frames_of(self, 1) > 0;
    TP_ASSERT(walks ? with > 0 : with == 0);
}
TP_TEST(report, a_failure_has_its_stack) {
    run_noting(failure_body, NULL);
}
