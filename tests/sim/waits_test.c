/*
 * Actors that wait for actors: whatever the order of events, no cycle stays, and none is seen where
 * there is none. Calls here have a deadline of hours, so a run that needed it shows in the time.
 */
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define SEEDS TP_SCALED(1000)
#define LONG TP_SECONDS(3600)

TP_MESSAGE(go, TP_FIELD(pid, other))
TP_MESSAGE(question, TP_FIELD(i64, depth))
TP_MESSAGE(reply, TP_FIELD(i64, n))
TP_MESSAGE(outcome, TP_FIELD(i64, err), TP_FIELD(str, text))
TP_MESSAGE(flood, TP_FIELD(pid, to), TP_FIELD(i64, count))
TP_MESSAGE(item, TP_FIELD(i64, n))
TP_MESSAGE(pass_on, TP_FIELD(pid, to))

static tp_pid probe; /* of the run at hand */

static const char *no_time_passed(tp_sim *sim) {
    return tp_sim_now(sim) < TP_SECONDS(1) ? NULL : "a deadline had to end it";
}

static void check_both(const char *(*scenario)(tp_sim *, void *), uint32_t limit) {
    for (int choice = TP_SIM_UNIFORM; choice <= TP_SIM_PCT; choice++) {
        tp_sim_options options = {.workers = 2, .choice = (tp_sim_choice)choice};
        uint64_t failed = 0;
        options.runtime.mailbox_limit = limit;
        options.runtime.log_level = TP_LOG_OFF;
        tp_err err = tp_sim_seeds(1, SEEDS, &options, scenario, NULL, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu, choice %d", (unsigned long long)failed, choice);
    }
}

/* ---- an actor that calls whom it is told, answers, passes on, floods ---- */

struct peer {
    tp_pid pass_to; /* requests go there; null: they are answered here */
    int64_t items;
};

static void call_and_report(tp_actor *self, tp_pid other) {
    reply got;
    tp_pid report_to = probe;
    tp_err err = tp_call(self, other, LONG, &got, reply, question);
    const char *text = err == TP_EDEADLOCK ? tp_deadlock_text(self) : "";
    tp_send(self, report_to, outcome, .err = err, .text = tp_str_of(text));
}
static void on_go(tp_actor *self, struct peer *peer, const go *msg) {
    (void)peer;
    call_and_report(self, msg->other);
}
static void on_question(tp_actor *self, struct peer *peer, const question *msg) {
    (void)msg;
    if (tp_pid_is_null(peer->pass_to)) tp_reply(self, reply, .n = 1);
    else tp_delegate(self, peer->pass_to);
}
static void on_pass_on(tp_actor *self, struct peer *peer, const pass_on *msg) {
    (void)self;
    peer->pass_to = msg->to;
}
static void on_flood(tp_actor *self, struct peer *peer, const flood *msg) {
    (void)peer;
    for (int64_t i = 0; i < msg->count; i++) tp_send(self, msg->to, item, .n = i);
}
static void on_item(tp_actor *self, struct peer *peer, const item *msg) {
    (void)self, (void)msg;
    peer->items++;
}
TP_BEHAVIOR(peer_behavior, "peer", struct peer, TP_ON(go, on_go), TP_ON(question, on_question),
            TP_ON(pass_on, on_pass_on), TP_ON(flood, on_flood), TP_ON(item, on_item));

/* The outcomes of `count` calls: `refused` of them by TP_EDEADLOCK, the others good. */
static const char *expect_outcomes(tp_sim *sim, unsigned count, unsigned refused) {
    outcome got;
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    for (unsigned i = 0; i < count; i++) {
        if (tp_sim_expect(sim, tp_pid_null(), &got, outcome) != TP_OK)
            return "an outcome is missing";
        if (got.err != TP_OK && got.err != TP_EDEADLOCK) return "a call failed for another reason";
        if (got.err == TP_EDEADLOCK && refused-- == 0) return "too many calls were refused";
        if (got.err == TP_EDEADLOCK && got.text.size == 0) return "the cycle is not named";
    }
    if (refused > 0) return "a cycle was not refused";
    return no_time_passed(sim);
}

/* ---- cycles of calls ---- */

/* 2 to 6 in a ring, and some outside that call into it: each ring's last caller is refused. */
static const char *ring(tp_sim *sim, void *arg) {
    tp_pid pids[6];
    (void)arg;
    probe = tp_sim_probe(sim);
    unsigned count = 2 + (unsigned)(tp_sim_random(sim) % 5);
    unsigned outside = (unsigned)(tp_sim_random(sim) % 3);
    for (unsigned i = 0; i < count; i++) pids[i] = tp_sim_spawn(sim, &peer_behavior);
    for (unsigned i = 0; i < count; i++)
        tp_sim_send(sim, pids[i], go, .other = pids[(i + 1) % count]);
    for (unsigned i = 0; i < outside; i++)
        tp_sim_send(sim, tp_sim_spawn(sim, &peer_behavior), go,
                    .other = pids[tp_sim_random(sim) % count]);
    return expect_outcomes(sim, count + outside, 1);
}
TP_TEST(waits, exactly_one_call_of_a_ring_is_refused) {
    check_both(ring, 0);
}

static const char *alone(tp_sim *sim, void *arg) {
    (void)arg;
    probe = tp_sim_probe(sim);
    tp_pid self = tp_sim_spawn(sim, &peer_behavior);
    tp_sim_send(sim, self, go, .other = self);
    return expect_outcomes(sim, 1, 1);
}
TP_TEST(waits, a_call_to_oneself_is_refused) {
    check_both(alone, 0);
}

/* a asks b, which passes it on to c, while c asks a: whoever comes last is refused. */
static const char *delegated_ring(tp_sim *sim, void *arg) {
    tp_pid pids[3];
    (void)arg;
    probe = tp_sim_probe(sim);
    for (unsigned i = 0; i < 3; i++) pids[i] = tp_sim_spawn(sim, &peer_behavior);
    tp_sim_send(sim, pids[1], pass_on, .to = pids[2]);
    tp_sim_send(sim, pids[0], go, .other = pids[1]);
    tp_sim_send(sim, pids[2], go, .other = pids[0]);
    return expect_outcomes(sim, 2, 1);
}
/* It comes back to the one that asked. */
static const char *delegated_home(tp_sim *sim, void *arg) {
    tp_pid pids[2];
    (void)arg;
    probe = tp_sim_probe(sim);
    for (unsigned i = 0; i < 2; i++) pids[i] = tp_sim_spawn(sim, &peer_behavior);
    tp_sim_send(sim, pids[1], pass_on, .to = pids[0]);
    tp_sim_send(sim, pids[0], go, .other = pids[1]);
    return expect_outcomes(sim, 1, 1);
}
TP_TEST(waits, a_delegation_that_closes_a_ring_is_refused) {
    check_both(delegated_ring, 0);
    check_both(delegated_home, 0);
}

/* a asks b, which passes it on to c: then b may ask a, for it waits for c alone. */
static const char *delegated_away(tp_sim *sim, void *arg) {
    tp_pid pids[3];
    (void)arg;
    probe = tp_sim_probe(sim);
    for (unsigned i = 0; i < 3; i++) pids[i] = tp_sim_spawn(sim, &peer_behavior);
    tp_sim_send(sim, pids[1], pass_on, .to = pids[2]);
    tp_sim_send(sim, pids[0], go, .other = pids[1]);
    if (tp_sim_dispatch(sim, pids[0]) != TP_OK) return "nothing was ready";
    tp_sim_send(sim, pids[1], go, .other = pids[0]);
    return expect_outcomes(sim, 2, 0);
}
TP_TEST(waits, a_delegated_request_is_its_holders_no_more) {
    check_both(delegated_away, 0);
}

/* ---- the pid of one that is gone, whose place another has taken ---- */

static void ends_at_once(tp_actor *self, void *arg) {
    (void)self, (void)arg;
}
struct stale {
    tp_pid gone;
    bool by_delegation;
};
static void on_stale_question(tp_actor *self, struct stale *stale, const question *msg) {
    (void)msg;
    if (stale->by_delegation) tp_delegate(self, stale->gone);
    else call_and_report(self, stale->gone);
}
static void on_stale_pass(tp_actor *self, struct stale *stale, const pass_on *msg) {
    (void)self;
    stale->gone = msg->to;
}
static void on_stale_item(tp_actor *self, struct stale *stale, const item *msg) {
    (void)self, (void)msg;
    stale->by_delegation = true;
}
TP_BEHAVIOR(stale_behavior, "stale", struct stale, TP_ON(question, on_stale_question),
            TP_ON(pass_on, on_stale_pass), TP_ON(item, on_stale_item));

static void arranges(tp_actor *self, void *arg) {
    tp_down down;
    tp_ref ref;
    tp_spawn_options watched = {.monitor = &ref};
    tp_pid gone = tp_spawn_body(self, ends_at_once, NULL, &watched);
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &down, tp_down), TP_OK);
    tp_pid heir = tp_spawn(self, &peer_behavior);
    for (int i = 0; i < 100 && heir.slot != gone.slot; i++) heir = tp_spawn(self, &peer_behavior);
    tp_pid asked = tp_spawn(self, &stale_behavior);
    tp_send(self, asked, pass_on, .to = gone);
    if (*(bool *)arg) tp_send(self, asked, item);
    tp_send(self, heir, go, .other = asked);
}
static const char *stale_of(tp_sim *sim, bool by_delegation) {
    outcome got;
    probe = tp_sim_probe(sim);
    tp_sim_spawn_body(sim, arranges, &by_delegation, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (tp_sim_expect(sim, tp_pid_null(), &got, outcome) != TP_OK) return "no outcome";
    if (got.err != TP_ENOPROC) return "who is gone was taken for another";
    return no_time_passed(sim);
}
static const char *stale_call(tp_sim *sim, void *arg) {
    (void)arg;
    return stale_of(sim, false);
}
static const char *stale_delegation(tp_sim *sim, void *arg) {
    (void)arg;
    return stale_of(sim, true);
}
TP_TEST(waits, a_pid_of_the_past_closes_no_ring) {
    check_both(stale_call, 0);
    check_both(stale_delegation, 0);
}

/* ---- rings with a suspended sender ---- */

/* c floods a, whose mailbox is small, while a waits for b, which may pass it on to c. */
static const char *suspended_ring_of(tp_sim *sim, bool delegated) {
    tp_pid a = tp_sim_spawn(sim, &peer_behavior), b = tp_sim_spawn(sim, &peer_behavior),
           c = tp_sim_spawn(sim, &peer_behavior);
    probe = tp_sim_probe(sim);
    if (delegated) tp_sim_send(sim, b, pass_on, .to = c);
    tp_sim_send(sim, a, go, .other = delegated ? b : c);
    tp_sim_send(sim, c, flood, .to = a, .count = 6 + (int64_t)(tp_sim_random(sim) % 20));
    return expect_outcomes(sim, 1, 0);
}
static const char *suspended_ring(tp_sim *sim, void *arg) {
    (void)arg;
    return suspended_ring_of(sim, false);
}
static const char *suspended_delegated_ring(tp_sim *sim, void *arg) {
    (void)arg;
    return suspended_ring_of(sim, true);
}
TP_TEST(waits, a_ring_with_a_suspended_sender_is_broken) {
    check_both(suspended_ring, 4);
}
TP_TEST(waits, a_delegation_that_closes_a_ring_with_a_suspended_sender_breaks_it) {
    check_both(suspended_delegated_ring, 4);
}

/* ---- everything at once ---- */

TP_MESSAGE(deed, TP_FIELD(pid, self), TP_FIELD(i64, hops))

#define CREW 6
struct crew {
    tp_pid pids[CREW];
    int strays; /* messages that reached another than they were sent to */
};
static struct crew crew;

static tp_pid random_member(tp_actor *self) {
    return crew.pids[tp_random(self) % CREW];
}
static void ask_a_member(tp_actor *self, int64_t depth) {
    reply got;
    tp_err err =
        tp_call(self, random_member(self), TP_FOREVER, &got, reply, question, .depth = depth);
    TP_ASSERT_MSG(err == TP_OK || err == TP_EDEADLOCK || err == TP_ENOPROC || err == TP_ENOREPLY,
                  "a call failed with %s", tp_err_name(err));
}
static void on_deed(tp_actor *self, struct peer *peer, const deed *msg) {
    int64_t hops = msg->hops - 1;
    (void)peer;
    crew.strays += !tp_pid_equal(msg->self, tp_self(self));
    if (hops < 0) return;
    switch (tp_random(self) % 6) {
    case 0: ask_a_member(self, 2); break;
    case 1:
        ask_a_member(self, 1);
        ask_a_member(self, 1);
        break;
    case 2:
        for (uint64_t i = 1 + tp_random(self) % 12; i > 0; i--) {
            tp_pid to = random_member(self);
            tp_send(self, to, deed, .self = to, .hops = i == 1 ? hops : 0);
        }
        break;
    case 3: {
        tp_pid to = random_member(self);
        for (uint64_t i = 1 + tp_random(self) % 20; i > 0; i--)
            tp_send(self, to, deed, .self = to, .hops = 0);
        tp_send(self, to, deed, .self = to, .hops = hops);
        break;
    }
    case 4: tp_sleep(self, TP_US((int64_t)(tp_random(self) % 5))); break;
    default:
        if (tp_random(self) % 4 == 0) tp_exit(self, TP_EXIT_USER);
        tp_work(self, TP_US((int64_t)(tp_random(self) % 5)));
    }
}
static void on_crew_question(tp_actor *self, struct peer *peer, const question *msg) {
    (void)peer;
    int64_t depth = msg->depth;
    if (depth > 0 && tp_random(self) % 3 == 0) ask_a_member(self, depth - 1);
    switch (tp_random(self) % 8) {
    case 0:
    case 1:
    case 2: tp_delegate(self, random_member(self)); break;
    case 3: break; /* no answer: TP_ENOREPLY */
    case 4: tp_exit(self, TP_EXIT_USER);
    default: tp_reply(self, reply, .n = 1);
    }
}
TP_BEHAVIOR(crew_behavior, "crew", struct peer, TP_ON(deed, on_deed),
            TP_ON(question, on_crew_question), TP_ON(item, on_item));

/* Puts another in the place of each that ends, and tells of the end. */
static void keeper(tp_actor *self, void *arg) {
    tp_ref refs[CREW];
    tp_down down;
    (void)arg;
    for (int i = 0; i < CREW; i++)
        crew.pids[i] =
            tp_spawn_with(self, &crew_behavior, &(tp_spawn_options){.monitor = &refs[i]});
    for (int i = 0; i < CREW; i++)
        tp_send(self, crew.pids[i], deed, .self = crew.pids[i], .hops = 6);
    while (tp_receive(self, TP_SECONDS(100), &down, tp_down) == TP_OK)
        for (int i = 0; i < CREW; i++)
            if (refs[i] == down.ref)
                crew.pids[i] =
                    tp_spawn_with(self, &crew_behavior, &(tp_spawn_options){.monitor = &refs[i]});
}
static const char *everything(tp_sim *sim, void *arg) {
    reply got;
    (void)arg;
    crew = (struct crew){.strays = 0};
    tp_sim_spawn_body(sim, keeper, NULL, NULL);
    if (tp_sim_advance(sim, TP_SECONDS(50)) != TP_OK) return "the run did not end";
    if (crew.strays > 0) return "a message reached another than it was sent to";
    tp_inbox *inbox;
    if (tp_inbox_open(tp_sim_runtime(sim), &inbox) != TP_OK) return "no inbox";
    const char *wrong = NULL;
    for (int i = 0; i < CREW && wrong == NULL; i++) { /* whoever hangs does not answer */
        tp_err err = tp_inbox_call(inbox, crew.pids[i], 1, &got, reply, question, .depth = 0);
        if (err == TP_ETIMEDOUT || err == TP_EFULL) wrong = "an actor waits for ever";
    }
    tp_inbox_close(inbox);
    return wrong;
}
TP_TEST(waits, calls_delegations_floods_and_deaths_never_hang) {
    check_both(everything, 4);
    check_both(everything, 300);
}
