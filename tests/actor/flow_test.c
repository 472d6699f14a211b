/*
 * Flow control under load: how far a mailbox may grow, that every message is accounted for, and
 * that whoever was suspended goes on.
 */
#include "tests/actor/actor_test.h"

#define EACH TP_SCALED(4000)

static int32_t down_code(tp_actor *self, tp_ref ref) {
    tp_down down;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    if (ref != 0) TP_ASSERT_EQ_INT(down.ref, ref);
    return down.code;
}

/* ---- how far ---- */

struct gauge {
    int64_t handled;
};
static void gauge_number(tp_actor *self, struct gauge *gauge, const number *msg) {
    (void)self, (void)msg;
    gauge->handled++;
}
static void gauge_ask(tp_actor *self, struct gauge *gauge, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = gauge->handled);
}
TP_BEHAVIOR(gauge_behavior, "gauge", struct gauge, TP_ON(number, gauge_number),
            TP_ON(ask, gauge_ask));

struct spread {
    tp_pid to[60];
    int count;
    int64_t each;
};
static int64_t
    most_waiting; /* seen by a sender on the only worker: what was sent and not handled */
static void watch_backlog(tp_actor *self) {
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    int64_t waiting = (int64_t)(counters.sent - counters.handled);
    if (waiting > most_waiting) most_waiting = waiting;
}
static void spreads(tp_actor *self, void *arg) {
    struct spread *spread = arg;
    for (int64_t i = 0; i < spread->each; i++) {
        for (int n = 0; n < spread->count; n++)
            TP_ASSERT_EQ_INT(tp_send(self, spread->to[n], number, .n = i), TP_OK);
        if (i % 100 == 0) watch_backlog(self);
    }
}
/* One that sends in turn to several is held back as one that sends to a single actor. */
static void spread_body(tp_actor *self, void *arg) {
    static const int counts[] = {1, 2, 3, 60};
    (void)arg;
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct spread spread = {.count = counts[c], .each = 10000};
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        most_waiting = 0;
        for (int i = 0; i < spread.count; i++) spread.to[i] = tp_spawn(self, &gauge_behavior);
        tp_spawn_body(self, spreads, &spread, &options);
        TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
        for (int i = 0; i < spread.count; i++) {
            answer got;
            TP_ASSERT_EQ_INT(tp_call(self, spread.to[i], SOON, &got, answer, ask), TP_OK);
            TP_ASSERT_EQ_INT(got.n, spread.each);
            tp_kill(self, spread.to[i]);
        }
        TP_ASSERT_MSG(most_waiting <= 2 * 1024 * spread.count + 2000, "%lld wait at %d receivers",
                      (long long)most_waiting, spread.count);
    }
}
TP_TEST(flow, senders_to_many_are_held_back_too) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER, .log_hook = quiet};
    TP_ASSERT_EQ_INT(tp_run_with(&options, spread_body, NULL), 0);
}

/* Far below every limit: whoever sends to many lets them run, all the same. */
static void burst_body(tp_actor *self, void *arg) {
    struct spread spread = {.count = 60, .each = 900};
    tp_ref ref;
    tp_spawn_options options = {.monitor = &ref};
    (void)arg;
    for (int n = 0; n < spread.count; n++) spread.to[n] = tp_spawn(self, &gauge_behavior);
    most_waiting = 0;
    tp_spawn_body(self, spreads, &spread, &options);
    TP_ASSERT_EQ_INT(down_code(self, ref), TP_EXIT_NORMAL);
    TP_ASSERT_MSG(most_waiting < 5000, "%lld messages waited", (long long)most_waiting);
}
TP_TEST(flow, a_sender_to_many_lets_them_run) {
    const tp_options options = {.workers = 1, .stuck_after = TP_FOREVER};
    TP_ASSERT_EQ_INT(tp_run_with(&options, burst_body, NULL), 0);
}

/* ---- every message is accounted for ---- */

struct flood {
    tp_pid to;
    int64_t accepted[8];
    int64_t refused[8];
    _Atomic(int) index;
};
static void floods(tp_actor *self, void *arg) {
    struct flood *flood = arg;
    int index = __atomic_fetch_add((int *)&flood->index, 1, __ATOMIC_RELAXED) % 8;
    for (int i = 0; i < EACH; i++) {
        tp_err err = tp_send(self, flood->to, number, .n = i);
        TP_ASSERT(err == TP_OK || err == TP_EFULL);
        flood->accepted[index] += err == TP_OK;
        flood->refused[index] += err == TP_EFULL;
        if (i % 512 == index) tp_yield(self);
    }
}
struct flood_source {
    int64_t left;
    struct flood *flood;
};
static struct flood *the_flood;
static void source_number(tp_actor *self, struct flood_source *source, const number *msg) {
    if (source->left == 0) source->left = EACH;
    for (int i = 0; i < 100; i++) {
        tp_err err = tp_send(self, the_flood->to, number, .n = i);
        the_flood->accepted[msg->n] += err == TP_OK;
        the_flood->refused[msg->n] += err == TP_EFULL;
    }
    source->left -= 100;
    if (source->left == 0) tp_exit(self, TP_EXIT_NORMAL);
    tp_send(self, tp_self(self), number, .n = msg->n);
}
TP_BEHAVIOR(source_behavior, "source", struct flood_source, TP_ON(number, source_number));

static void takes_all(tp_actor *self, void *arg) {
    number got;
    ask end;
    (void)arg;
    for (int64_t count = 0;; count++) {
        if (tp_receive(self, 0, &got, number) == TP_OK) continue;
        if (tp_receive(self, 0, &end, ask) == TP_OK) {
            tp_reply(self, answer, .n = 0);
            continue;
        }
        if (count % 2 == 0) tp_yield(self);
        else (void)tp_receive(self, TP_US(200), &got, number);
    }
}

struct account {
    tp_overflow overflow;
    uint32_t limit;
    bool body;
    bool killed;
};
/* What is sent or received beside the flood, once all is done. */
struct rest {
    int64_t downs, answers;
};
struct sums {
    int64_t sent, handled, dropped, dead;
};
static bool settled(const struct sums *sums, const struct rest *rest) {
    return sums->sent == sums->handled - rest->downs + sums->dropped + sums->dead + rest->answers;
}
static struct sums wait_until_settled(tp_actor *self, const tp_counters *before,
                                      const struct rest *rest) {
    struct sums sums = {0};
    for (int tries = 0; tries < 10000; tries++) {
        tp_counters after;
        tp_runtime_counters(tp_self_runtime(self), &after);
        sums.sent = (int64_t)(after.sent - before->sent);
        sums.handled = (int64_t)(after.handled - before->handled);
        sums.dropped = (int64_t)(after.dropped - before->dropped);
        sums.dead = (int64_t)(after.dead_letters - before->dead_letters);
        if (settled(&sums, rest)) break;
        tp_sleep(self, TP_MS(1));
    }
    return sums;
}

static void account_round(tp_actor *self, struct account account) {
    struct flood flood = {.accepted = {0}};
    tp_counters before;
    tp_ref ref;
    tp_spawn_options options = {.overflow = account.overflow, .mailbox_limit = account.limit},
                     watched = {.monitor = &ref};
    tp_runtime_counters(tp_self_runtime(self), &before);
    flood.to = account.body ? tp_spawn_body(self, takes_all, NULL, &options)
                            : tp_spawn_with(self, &gauge_behavior, &options);
    the_flood = &flood;
    for (int i = 0; i < 4; i++) tp_spawn_body(self, floods, &flood, &watched);
    for (int i = 4; i < 8; i++)
        tp_send(self, tp_spawn_with(self, &source_behavior, &watched), number, .n = i);
    if (account.killed) {
        tp_sleep(self, TP_US(300));
        tp_kill(self, flood.to);
    }
    for (int i = 0; i < 8; i++) TP_ASSERT_EQ_INT(down_code(self, 0), TP_EXIT_NORMAL);
    /* a request to a full mailbox might be dropped as any message */
    (void)wait_until_settled(self, &before, &(struct rest){.downs = 8});
    answer got;
    tp_err err;
    while ((err = tp_call(self, flood.to, SOON, &got, answer, ask)) == TP_EFULL) tp_yield(self);
    TP_ASSERT_MSG(err == TP_OK || account.killed || account.overflow == TP_OVERFLOW_EXIT,
                  "policy %d, limit %u: %s", (int)account.overflow, account.limit,
                  tp_err_name(err));
    tp_kill(self, flood.to);
    while (tp_alive(tp_self_runtime(self), flood.to)) tp_yield(self);
    int64_t accepted = 0, refused = 0;
    for (int i = 0; i < 8; i++) {
        accepted += flood.accepted[i];
        refused += flood.refused[i];
    }
    TP_ASSERT_EQ_INT(accepted + refused, 8 * EACH);
    /* beside the flood: the sources' own messages, this actor's calls and their answers, the
     * downs */
    struct rest rest = {.downs = 8, .answers = err == TP_OK}; /* an answer is sent, not handled */
    struct sums sums = wait_until_settled(self, &before, &rest); /* drained after its end */
    if (account.overflow == TP_OVERFLOW_SUSPEND) TP_ASSERT_EQ_INT(sums.dropped + refused, 0);
    if (account.overflow == TP_OVERFLOW_FAIL) TP_ASSERT_EQ_INT(sums.dropped, 0);
    TP_ASSERT_MSG(settled(&sums, &rest),
                  "policy %d: sent %lld handled %lld dropped %lld dead %lld refused %lld",
                  (int)account.overflow, (long long)sums.sent, (long long)sums.handled,
                  (long long)sums.dropped, (long long)sums.dead, (long long)refused);
}
static void account_body(tp_actor *self, void *arg) {
    static const uint32_t limits[] = {1, 10, 300};
    struct account account = *(struct account *)arg;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        account.limit = limits[i];
        /* a receive may refuse 8 messages for each that the limit allows, and ends the body beyond:
         * eight senders go over a limit of 1 by more than that between two receives */
        if (account.body && account.limit == 1) account.limit = 2;
        account_round(self, account);
    }
}
static void every_policy(bool body, bool killed) {
    for (int overflow = 0; overflow <= TP_OVERFLOW_EXIT; overflow++) {
        struct account account = {
            .overflow = (tp_overflow)overflow, .body = body, .killed = killed};
        run_everywhere(account_body, &account);
    }
}
TP_TEST(flow, every_message_to_a_behaviour_is_accounted_for) {
    every_policy(false, false);
}
TP_TEST(flow, every_message_to_a_body_is_accounted_for) {
    every_policy(true, false);
}
TP_TEST(flow, every_message_to_a_dying_actor_is_accounted_for) {
    every_policy(false, true);
    every_policy(true, true);
}

/* ---- whoever was suspended goes on ---- */

static void one_by_one(tp_actor *self, void *arg) {
    number got;
    (void)arg;
    for (int i = 0; i < 8 * EACH; i++)
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
}
static void sleepy(tp_actor *self, void *arg) {
    number got;
    (void)arg;
    for (int i = 0; i < 8 * EACH; i++) {
        if (i % 5000 == 4000) tp_sleep(self, TP_MS(1));
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, number), TP_OK);
    }
}
static void goes_on_body(tp_actor *self, void *arg) {
    static const tp_body receivers[] = {one_by_one, sleepy};
    static const uint32_t limits[] = {1, 7, 256, 1024};
    (void)arg;
    for (int n = 0; n < 8; n++) {
        struct flood flood = {.accepted = {0}};
        tp_ref ref;
        tp_spawn_options small = {.mailbox_limit = limits[n / 2], .monitor = &ref},
                         watched = {.monitor = &ref};
        flood.to = tp_spawn_body(self, receivers[n % 2], NULL, &small);
        the_flood = &flood;
        for (int i = 0; i < 4; i++) tp_spawn_body(self, floods, &flood, &watched);
        for (int i = 4; i < 8; i++)
            tp_send(self, tp_spawn_with(self, &source_behavior, &watched), number, .n = i);
        for (int i = 0; i < 9; i++) TP_ASSERT_EQ_INT(down_code(self, 0), TP_EXIT_NORMAL);
    }
}
TP_TEST(flow, suspended_senders_go_on) {
    run_everywhere(goes_on_body, NULL);
}

/* Rings and pairs of actors that flood each other while they call each other: nobody waits for
 * ever. */
struct ring {
    tp_pid next;
    tp_pid boss;
    int64_t left;
};
static void ring_tell(tp_actor *self, struct ring *ring, const tell *msg) {
    if (msg->n == 0) {
        ring->next = msg->who;
        ring->boss = tp_sender(self);
        return;
    }
    for (int64_t i = 0; i < msg->n; i++) tp_send(self, ring->next, number, .n = 1);
    tp_send(self, ring->boss, answer, .n = msg->n);
}
static void ring_number(tp_actor *self, struct ring *ring, const number *msg) {
    if (++ring->left % 3 == 0 && msg->n < 3) tp_send(self, ring->next, number, .n = msg->n + 1);
    if (ring->left % 1000 == 0) {
        answer got; /* a call in the midst: answered, or refused as a cycle */
        tp_err err = tp_call(self, ring->next, SOON, &got, answer, ask);
        TP_ASSERT(err == TP_OK || err == TP_EDEADLOCK || err == TP_EFULL);
    }
}
static void ring_ask(tp_actor *self, struct ring *ring, const ask *msg) {
    (void)msg;
    tp_reply(self, answer, .n = ring->left);
}
TP_BEHAVIOR(ring_behavior, "ring", struct ring, TP_ON(tell, ring_tell), TP_ON(number, ring_number),
            TP_ON(ask, ring_ask));
static void ring_body(tp_actor *self, void *arg) {
    static const int sizes[] = {1, 2, 3, 10};
    answer got;
    (void)arg;
    for (int s = 0; s < 4; s++) {
        tp_pid ring[10];
        tp_spawn_options options = {.mailbox_limit = s % 2 == 0 ? 50 : 1024};
        for (int i = 0; i < sizes[s]; i++) ring[i] = tp_spawn_with(self, &ring_behavior, &options);
        for (int i = 0; i < sizes[s]; i++)
            tp_send(self, ring[i], tell, .who = ring[(i + 1) % sizes[s]], .n = 0);
        for (int i = 0; i < sizes[s]; i++)
            tp_send(self, ring[i], tell, .who = tp_pid_null(), .n = 5000);
        for (int i = 0; i < sizes[s]; i++)
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &got, answer), TP_OK);
        for (int i = 0; i < sizes[s]; i++)
            TP_ASSERT_EQ_INT(tp_call(self, ring[i], SOON, &got, answer, ask), TP_OK);
        for (int i = 0; i < sizes[s]; i++) tp_kill(self, ring[i]);
    }
}
TP_TEST(flow, rings_that_flood_and_call_go_on) {
    run_everywhere(ring_body, NULL);
}
