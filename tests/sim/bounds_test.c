/*
 * Mailbox bounds, exactly: what each policy lets in, in every order of events; that a bound is one
 * for every way of sending; and that what it does not count does not count.
 */
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define SEEDS TP_SCALED(300)
#define LIMIT 8

TP_MESSAGE(item, TP_FIELD(u64, from), TP_FIELD(i64, n))
TP_MESSAGE(nap, TP_FIELD(i64, ns))
TP_MESSAGE(question)
TP_MESSAGE(reply, TP_FIELD(i64, n))

static void check_seeds(const char *(*scenario)(tp_sim *, void *), void *arg) {
    for (int choice = TP_SIM_UNIFORM; choice <= TP_SIM_PCT; choice++) {
        tp_sim_options options = {.workers = 2, .choice = (tp_sim_choice)choice};
        uint64_t failed = 0;
        options.runtime.log_level = TP_LOG_OFF;
        tp_err err = tp_sim_seeds(1, SEEDS, &options, scenario, arg, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu, choice %d", (unsigned long long)failed, choice);
    }
}

/* ---- one that handles items, slowly, and writes down which ---- */

#define SEEN_MAX 4096
static struct seen {
    int64_t sent; /* by all */
    int64_t handled;
    int64_t highest; /* sent and not handled, ever */
    bool disorder;   /* a sender's items came in another order, or not all */
    int64_t next_of[8];
    int64_t items[SEEN_MAX];
} seen;

static void note_sent(void) {
    seen.sent++;
    if (seen.sent - seen.handled > seen.highest) seen.highest = seen.sent - seen.handled;
}

struct sink {
    int64_t each; /* ns that one item takes */
};
static void on_item(tp_actor *self, struct sink *sink, const item *msg) {
    if (seen.handled < SEEN_MAX) seen.items[seen.handled] = msg->n;
    seen.handled++;
    seen.disorder |= msg->n != seen.next_of[msg->from % 8]++;
    if (sink->each > 0) tp_sleep(self, sink->each);
}
static void on_nap(tp_actor *self, struct sink *sink, const nap *msg) {
    (void)sink;
    tp_sleep(self, msg->ns);
}
static void on_question(tp_actor *self, struct sink *sink, const question *msg) {
    (void)msg;
    seen.handled++;
    if (sink->each > 0) tp_sleep(self, sink->each);
    tp_reply(self, reply, .n = seen.handled);
}
static void sink_init(tp_actor *self, struct sink *sink) {
    (void)self;
    sink->each = 1000;
}
TP_BEHAVIOR(sink_behavior, "sink", struct sink, TP_INIT(sink_init), TP_ON(item, on_item),
            TP_ON(nap, on_nap), TP_ON(question, on_question));

static tp_pid sink_with(tp_sim *sim, tp_overflow overflow) {
    tp_spawn_options options = {.mailbox_limit = LIMIT, .overflow = overflow};
    return tp_sim_spawn_value(sim, &sink_behavior, &options, NULL, NULL);
}

/* ---- the policies, with a receiver that is busy while all is sent ---- */

struct policy {
    tp_overflow overflow;
    int count;
};
static struct outcome { int accepted, refused; } outcome;
static tp_pid sink_pid;

static void sends_all(tp_actor *self, void *arg) {
    const struct policy *policy = arg;
    for (int i = 0; i < policy->count; i++) {
        if (tp_send(self, sink_pid, item, .n = i) == TP_OK) outcome.accepted++;
        else outcome.refused++;
    }
}
static const char *run_policy(tp_sim *sim, struct policy *policy) {
    seen = (struct seen){0};
    outcome = (struct outcome){0, 0};
    sink_pid = sink_with(sim, policy->overflow);
    tp_sim_monitor(sim, sink_pid);
    tp_sim_send(sim, sink_pid, nap, .ns = 1000);
    if (tp_sim_advance(sim, 500) != TP_OK) return "it does not nap";
    tp_sim_spawn_body(sim, sends_all, policy, NULL);
    return tp_sim_run(sim) == TP_OK ? NULL : "the run did not end";
}
static const char *handled_exactly(int64_t first, int64_t count) {
    if (seen.handled != count) return "another number was handled";
    for (int64_t i = 0; i < count; i++)
        if (seen.items[i] != first + i) return "others were handled";
    return NULL;
}

static const char *fails(tp_sim *sim, void *arg) {
    const char *wrong = run_policy(sim, arg);
    if (wrong == NULL && (outcome.accepted != LIMIT || outcome.refused != 100 - LIMIT))
        return "not exactly the limit was accepted";
    return wrong != NULL ? wrong : handled_exactly(0, LIMIT);
}
TP_TEST(sim_bounds, fail_accepts_exactly_the_limit) {
    struct policy policy = {TP_OVERFLOW_FAIL, 100};
    check_seeds(fails, &policy);
}

static const char *drops_newest(tp_sim *sim, void *arg) {
    tp_counters counters;
    const char *wrong = run_policy(sim, arg);
    tp_runtime_counters(tp_sim_runtime(sim), &counters);
    if (wrong == NULL && outcome.accepted != 100) return "a send failed";
    if (wrong == NULL && counters.dropped != 100 - LIMIT) return "the dropped are not counted";
    return wrong != NULL ? wrong : handled_exactly(0, LIMIT);
}
TP_TEST(sim_bounds, drop_newest_keeps_the_first) {
    struct policy policy = {TP_OVERFLOW_DROP_NEWEST, 100};
    check_seeds(drops_newest, &policy);
}

static const char *drops_oldest(tp_sim *sim, void *arg) {
    const struct policy *policy = arg;
    tp_counters counters;
    const char *wrong = run_policy(sim, arg);
    int64_t kept = policy->count < 2 * LIMIT ? policy->count : 2 * LIMIT;
    tp_runtime_counters(tp_sim_runtime(sim), &counters);
    if (wrong == NULL && counters.dropped != (uint64_t)(policy->count - LIMIT))
        return "the dropped are not counted";
    return wrong != NULL ? wrong : handled_exactly(kept - LIMIT, LIMIT);
}
TP_TEST(sim_bounds, drop_oldest_keeps_the_last_up_to_twice_the_limit) {
    struct policy few = {TP_OVERFLOW_DROP_OLDEST, LIMIT + 5};
    struct policy many = {TP_OVERFLOW_DROP_OLDEST, 100};
    check_seeds(drops_oldest, &few);
    check_seeds(drops_oldest, &many);
}

static const char *exits(tp_sim *sim, void *arg) {
    tp_down down;
    const char *wrong = run_policy(sim, arg);
    if (wrong != NULL) return wrong;
    if (tp_sim_expect(sim, sink_pid, &down, tp_down) != TP_OK) return "it did not exit";
    if (down.code != TP_EXIT_OVERFLOW) return "for another reason";
    return handled_exactly(0, 0);
}
TP_TEST(sim_bounds, exit_ends_the_receiver_at_the_one_too_many) {
    struct policy policy = {TP_OVERFLOW_EXIT, LIMIT + 1};
    check_seeds(exits, &policy);
}
static const char *does_not_exit(tp_sim *sim, void *arg) {
    const char *wrong = run_policy(sim, arg);
    return wrong != NULL ? wrong : handled_exactly(0, LIMIT);
}
TP_TEST(sim_bounds, exit_does_not_end_it_at_the_limit) {
    struct policy policy = {TP_OVERFLOW_EXIT, LIMIT};
    check_seeds(does_not_exit, &policy);
}

static void traps(tp_actor *self, void *arg) {
    reply got;
    (void)arg;
    tp_trap_exits(self, true);
    (void)tp_receive(self, TP_FOREVER, &got, reply);
}
static const char *trapping_exits(tp_sim *sim, void *arg) {
    tp_down down;
    tp_spawn_options options = {.mailbox_limit = LIMIT, .overflow = TP_OVERFLOW_EXIT};
    outcome = (struct outcome){0, 0};
    sink_pid = tp_sim_spawn_body(sim, traps, NULL, &options);
    tp_sim_monitor(sim, sink_pid);
    if (tp_sim_run(sim) != TP_OK) return "it does not wait";
    tp_sim_spawn_body(sim, sends_all, arg, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (tp_sim_expect(sim, sink_pid, &down, tp_down) != TP_OK) return "it trapped its overflow";
    return down.code == TP_EXIT_OVERFLOW ? NULL : "for another reason";
}
TP_TEST(sim_bounds, an_overflow_cannot_be_trapped) {
    struct policy policy = {TP_OVERFLOW_EXIT, LIMIT + 1};
    check_seeds(trapping_exits, &policy);
}

/* ---- suspension: nothing is lost, order is kept, and there is a bound for every way to send
 * ---- */

enum way { SEND, BROADCAST, REQUEST, FORWARD, ALIAS, WAYS };
struct flood {
    enum way way;
    int senders;
};
#define EACH 200
#define SLACK 4 /* what a sender may be over, for each of them: one send, or a batch */

static tp_alias sink_alias;

static void send_one(tp_actor *self, enum way way, uint64_t from, int64_t n) {
    note_sent();
    switch (way) {
    case BROADCAST: tp_broadcast(self, &sink_pid, 1, item, .from = from, .n = n); break;
    case REQUEST: (void)tp_request(self, sink_pid, question); break;
    case ALIAS: tp_send_alias(self, sink_alias, item, .from = from, .n = n); break;
    default: tp_send(self, sink_pid, item, .from = from, .n = n); break;
    }
}
static struct flood flood;
static uint64_t next_sender;

static void floods(tp_actor *self, void *arg) {
    uint64_t me = next_sender++;
    (void)arg;
    for (int64_t i = 0; i < EACH; i++) send_one(self, flood.way, me, i);
}
static void opens_alias(tp_actor *self, void *arg) { /* a sink as a body, with an alias */
    item got;
    (void)arg;
    sink_alias = tp_alias_open(self, TP_ALIAS_EXPLICIT);
    while (tp_receive(self, TP_FOREVER, &got, item) == TP_OK) {
        seen.disorder |= got.n != seen.next_of[got.from % 8]++;
        seen.handled++;
        tp_sleep(self, 1000);
    }
}
static const char *flooded(tp_sim *sim, void *arg) {
    flood = *(struct flood *)arg;
    seen = (struct seen){0};
    next_sender = 0;
    if (flood.way == ALIAS) {
        tp_spawn_options options = {.mailbox_limit = LIMIT};
        sink_pid = tp_sim_spawn_body(sim, opens_alias, NULL, &options);
        if (tp_sim_run(sim) != TP_OK) return "the sink does not wait";
    } else {
        sink_pid = sink_with(sim, TP_OVERFLOW_SUSPEND);
    }
    for (int i = 0; i < flood.senders; i++) tp_sim_spawn_body(sim, floods, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (seen.handled != (int64_t)flood.senders * EACH) return "something was lost";
    if (seen.disorder) return "a sender's items changed their order";
    return seen.highest > LIMIT + flood.senders * SLACK ? "the mailbox was over its bound" : NULL;
}
TP_TEST(sim_bounds, every_way_to_send_is_bounded) {
    static const enum way ways[] = {SEND, BROADCAST, REQUEST, ALIAS};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        for (int senders = 1; senders <= 4; senders += 3) {
            struct flood how = {ways[i], senders};
            check_seeds(flooded, &how);
        }
}

/* Behaviours that send far more than the limit in one handler. */
TP_MESSAGE(burst, TP_FIELD(u64, me))
struct sender {
    int64_t sent;
};
static void on_burst(tp_actor *self, struct sender *sender, const burst *msg) {
    for (int64_t i = 0; i < EACH; i++) send_one(self, flood.way, msg->me, sender->sent++);
}
static void on_passed(tp_actor *self, struct sender *sender, const item *msg) {
    (void)sender, (void)msg;
    note_sent();
    tp_forward(self, sink_pid);
}
TP_BEHAVIOR(sender_behavior, "sender", struct sender, TP_ON(burst, on_burst),
            TP_ON(item, on_passed));

static const char *burst_of(tp_sim *sim, void *arg) {
    flood = *(struct flood *)arg;
    seen = (struct seen){0};
    sink_pid = sink_with(sim, TP_OVERFLOW_SUSPEND);
    for (int i = 0; i < flood.senders; i++) {
        tp_pid pid = tp_sim_spawn(sim, &sender_behavior);
        if (flood.way != FORWARD) tp_sim_send(sim, pid, burst, .me = (uint64_t)i);
        else
            for (int64_t n = 0; n < EACH; n++)
                tp_sim_send(sim, pid, item, .from = (uint64_t)i, .n = n);
    }
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (seen.handled != (int64_t)flood.senders * EACH) return "something was lost";
    if (seen.disorder) return "a sender's items changed their order";
    int64_t bound = flood.way == FORWARD ? LIMIT : 2 * LIMIT; /* a handler may overshoot */
    return seen.highest > bound + flood.senders * SLACK ? "the mailbox was over its bound" : NULL;
}
TP_TEST(sim_bounds, handlers_that_send_far_beyond_the_limit_are_bounded) {
    static const enum way ways[] = {SEND, BROADCAST, REQUEST, FORWARD};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        for (int senders = 1; senders <= 3; senders += 2) {
            struct flood how = {ways[i], senders};
            check_seeds(burst_of, &how);
        }
}

/* ---- what is outside the bound ---- */

/* A message through a closed alias is dropped at the receiver, and then waits no more. */
static void closes_alias(tp_actor *self, void *arg) {
    item got;
    (void)arg;
    sink_alias = tp_alias_open(self, TP_ALIAS_EXPLICIT);
    tp_unalias(self, sink_alias.ref);
    while (tp_receive(self, TP_FOREVER, &got, item) == TP_OK && got.n >= 0) seen.handled++;
    (void)tp_sleep(self, TP_SECONDS(1)); /* fetches, and takes nothing */
    while (tp_receive(self, 0, &got, item) == TP_OK) seen.handled++;
}
static void fills_by_alias(tp_actor *self, void *arg) {
    (void)arg;
    tp_send(self, sink_pid, item, .n = -1);
    tp_sleep(self, 10);
    tp_send(self, sink_pid, item, .n = 1);
    for (int i = 0; i < LIMIT - 1; i++) tp_send_alias(self, sink_alias, item, .n = 1);
    tp_sleep(self, 10);
    for (int i = 0; i < LIMIT; i++) {
        if (tp_send(self, sink_pid, item, .n = 1) == TP_OK) outcome.accepted++;
        else outcome.refused++;
    }
}
static const char *closed_alias(tp_sim *sim, void *arg) {
    tp_spawn_options options = {.mailbox_limit = LIMIT, .overflow = TP_OVERFLOW_FAIL};
    (void)arg;
    seen = (struct seen){0};
    outcome = (struct outcome){0, 0};
    sink_pid = tp_sim_spawn_body(sim, closes_alias, NULL, &options);
    if (tp_sim_run(sim) != TP_OK) return "the sink does not wait";
    tp_sim_spawn_body(sim, fills_by_alias, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (outcome.accepted != LIMIT - 1) return "what was dropped counts as waiting";
    return seen.handled == LIMIT ? NULL : "another number was handled";
}
TP_TEST(sim_bounds, what_a_closed_alias_drops_does_not_count) {
    check_seeds(closed_alias, NULL);
}

/* What a body has put aside is outside the bound: DROP_OLDEST does not drop it. */
static void puts_aside(tp_actor *self, void *arg) {
    item got;
    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (tp_receive(self, TP_FOREVER, &got, item) != TP_OK) return;
        tp_postpone(self);
    }
    tp_sleep(self, 100); /* meanwhile more come than it may hold */
    tp_retry_postponed(self);
    while (tp_receive(self, 0, &got, item) == TP_OK) seen.items[seen.handled++] = got.n;
}
static void fills_late(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 3; i++) tp_send(self, sink_pid, item, .n = i);
    tp_sleep(self, 10);
    for (int i = 3; i < 3 + LIMIT + 4; i++) tp_send(self, sink_pid, item, .n = i);
}
static const char *put_aside(tp_sim *sim, void *arg) {
    tp_spawn_options options = {.mailbox_limit = LIMIT, .overflow = TP_OVERFLOW_DROP_OLDEST};
    (void)arg;
    seen = (struct seen){0};
    sink_pid = tp_sim_spawn_body(sim, puts_aside, NULL, &options);
    tp_sim_spawn_body(sim, fills_late, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    for (int64_t i = 0; i < 3; i++)
        if (seen.items[i] != i) return "what was put aside was dropped";
    if (seen.handled != 3 + LIMIT) return "another number was handled";
    return seen.items[3] == 7 ? NULL : "not the oldest were dropped";
}
TP_TEST(sim_bounds, what_was_put_aside_is_not_dropped) {
    check_seeds(put_aside, NULL);
}
