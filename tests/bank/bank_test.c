/*
 * The bank's actors: money is neither lost nor made, an id is used for one thing, and rules hold,
 * whatever the order in which things happen.
 */
#include <string.h>
#include <troupe/timer.h>

#include "actors/bank/account.h"
#include "actors/bank/auditor.h"
#include "actors/bank/client.h"
#include "actors/bank/ledger.h"
#include "actors/bank/reporter.h"
#include "tests/bank/check.h"
#include "tests/bank/scene.h"
#include "tests/support/test.h"

#define SEEDS 60

/* ---- many clients ---- */

#define CLIENTS 4
#define ACCOUNTS 5

/* Clients transfer through `teller`, repeat themselves and misuse ids while an auditor reads;
 * returns when all are through. */
static void crowd_play(tp_actor *self, struct scene *scene, tp_pid teller, uint64_t transfers,
                       tp_duration timeout) {
    tp_pid auditor = tp_spawn_link(self, bank_auditor, bank_auditor_start,
                                   .ledger = scene->bank.ledger, .teller = scene->bank.teller,
                                   .boss = tp_self(self), .accounts = ACCOUNTS, .seed = 7);
    bank_client_done done;
    bank_audited audited;
    uint64_t made = 0;
    for (uint64_t i = 0; i < CLIENTS; i++) {
        tp_pid client =
            tp_spawn_link(self, bank_client, bank_client_start, .number = i, .teller = teller,
                          .steps = tp_self(self), .seed = tp_random(self), .transfers = transfers,
                          .accounts = ACCOUNTS, .amount_max_minor = 900, .timeout = timeout);
        SCENE_CHECK(scene, !tp_pid_is_null(client));
    }
    for (uint64_t i = 0; i < CLIENTS; i++) {
        SCENE_CHECK(scene, tp_receive(self, TP_FOREVER, &done, bank_client_done) == TP_OK);
        SCENE_CHECK(scene, done.wrong == 0 && done.done + done.refused == transfers);
        made += done.done;
    }
    tp_send(self, auditor, bank_audit_stop);
    SCENE_CHECK(scene, tp_receive(self, TP_FOREVER, &audited, bank_audited) == TP_OK);
    SCENE_CHECK(scene, audited.wrong == 0 && audited.audits > 0);
    uint64_t records = 0;
    const char *problem = scene_books(self, scene, ACCOUNTS, &records);
    if (problem != NULL) scene_note(scene, __FILE__, __LINE__, problem);
    SCENE_CHECK(scene, problem == NULL);
    SCENE_CHECK(scene, records == ACCOUNTS + made);
    int64_t total = 0;
    for (uint64_t i = 1; i <= ACCOUNTS; i++) total += scene_balance(self, scene, i);
    SCENE_CHECK(scene, total == ACCOUNTS * 1000);
    scene->done = true;
}

static void crowd_without_overdraft(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    if (!scene_bank(self, scene, ACCOUNTS, BANK_RULE_NONE, 0, 1000)) return;
    crowd_play(self, scene, scene->bank.teller, 64, TP_SECONDS(5));
}

static void crowd_with_limit(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    if (!scene_bank(self, scene, ACCOUNTS, BANK_RULE_LIMIT, 700, 1000)) return;
    crowd_play(self, scene, scene->bank.teller, 20, TP_SECONDS(5));
}

/* Stands before the teller and sleeps now and then, longer than the clients wait. */
struct slow_teller {
    tp_pid teller;
};

TP_MESSAGE(slow_teller_start, TP_FIELD(pid, teller))

static void slow_teller_init(tp_actor *self, struct slow_teller *slow,
                             const slow_teller_start *start) {
    (void)self;
    slow->teller = start->teller;
}

static void slow_teller_transfer(tp_actor *self, struct slow_teller *slow,
                                 const bank_transfer *msg) {
    (void)msg;
    if (tp_random(self) % 4 == 0) tp_sleep(self, TP_MS(3));
    tp_delegate(self, slow->teller);
    if (tp_random(self) % 4 == 0) tp_sleep(self, TP_MS(3));
}

TP_BEHAVIOR(slow_teller_behavior, "slow teller", struct slow_teller,
            TP_INIT_WITH(slow_teller_start, slow_teller_init),
            TP_ON(bank_transfer, slow_teller_transfer));

/* Many calls end before their answer: the outcome is unknown, and asked for again. */
static void crowd_in_a_hurry(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    if (!scene_bank(self, scene, ACCOUNTS, BANK_RULE_NONE, 0, 1000)) return;
    tp_pid slow =
        tp_spawn_link(self, &slow_teller_behavior, slow_teller_start, .teller = scene->bank.teller);
    crowd_play(self, scene, slow, 20, TP_MS(1));
}

TP_TEST(bank_crowd, money_is_conserved_in_every_order) {
    scene_simulate(crowd_without_overdraft, SEEDS / 4);
}

TP_TEST(bank_crowd, money_is_conserved_on_threads) {
    scene_run(crowd_without_overdraft, 2);
}

TP_TEST(bank_crowd, limits_hold_in_every_order) {
    scene_simulate(crowd_with_limit, SEEDS / 2);
}

TP_TEST(bank_crowd, timeouts_neither_lose_nor_repeat_a_transfer) {
    scene_simulate(crowd_in_a_hurry, SEEDS / 2);
}

TP_TEST(bank_crowd, timeouts_neither_lose_nor_repeat_a_transfer_on_threads) {
    scene_run(crowd_in_a_hurry, 2);
}

/* ---- one transfer ---- */

/* The same request three times at once, then once more: it happens once. */
static void repeated_request(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    tp_future futures[3];
    bank_outcome outcome;
    if (!scene_bank(self, scene, 2, BANK_RULE_NONE, 0, 1000)) return;
    for (size_t i = 0; i < 3; i++) {
        futures[i] = tp_request(self, scene->bank.teller, bank_transfer, .id = {1, 77}, .from = 1,
                                .to = 2, .amount_minor = 400);
    }
    SCENE_CHECK(scene, tp_await_all(self, futures, 3, TP_FOREVER) == TP_OK);
    for (size_t i = 0; i < 3; i++) {
        SCENE_CHECK(scene, tp_await(self, futures[i], 0, &outcome, bank_outcome) == TP_OK);
        SCENE_CHECK(scene, outcome.code == BANK_DONE || outcome.code == BANK_PENDING);
    }
    SCENE_CHECK(scene, scene_transfer_done(self, scene, 77, 1, 2, 400) == BANK_DONE);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == 600);
    SCENE_CHECK(scene, scene_balance(self, scene, 2) == 1400);
    SCENE_CHECK(scene, scene_books(self, scene, 2, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_transfer, a_request_repeated_happens_once) {
    scene_simulate(repeated_request, SEEDS);
    scene_run(repeated_request, 2);
}

static void other_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_outcome outcome;
    if (!scene_bank(self, scene, 3, BANK_RULE_NONE, 0, 1000)) return;
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 1, 2, 100) == BANK_DONE);
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 1, 2, 101) == BANK_ID_CONFLICT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 1, 3, 100) == BANK_ID_CONFLICT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 3, 2, 100) == BANK_ID_CONFLICT);
    SCENE_CHECK(scene, tp_call(self, scene->bank.teller, BANK_PATIENCE, &outcome, bank_outcome,
                               bank_transfer, .id = {1, 5}, .from = 1, .to = 2, .amount_minor = 100,
                               .text = TP_STR("other")) == TP_OK);
    SCENE_CHECK(scene, outcome.code == BANK_ID_CONFLICT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 1, 2, 100) == BANK_DONE);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == 900);
    scene->done = true;
}

TP_TEST(bank_transfer, an_id_with_another_body_is_refused) {
    scene_simulate(other_body, 5);
    scene_run(other_body, 1);
}

/* An id that the ledger knows as something else: the destination's refusal brings the money
 * back. */
static void id_of_an_entry(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_outcome outcome;
    if (!scene_bank(self, scene, 3, BANK_RULE_NONE, 0, 1000)) return;
    SCENE_CHECK(scene, tp_call(self, scene->bank.teller, BANK_PATIENCE, &outcome, bank_outcome,
                               bank_transfer, .id = {0, 3}, .from = 1, .to = 2,
                               .amount_minor = 100) == TP_OK);
    SCENE_CHECK(scene, outcome.code == BANK_ID_CONFLICT);
    SCENE_CHECK(scene, scene_books(self, scene, 3, NULL) == NULL);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == 1000);
    scene->done = true;
}

TP_TEST(bank_transfer, an_id_used_elsewhere_is_refused_and_refunded) {
    scene_simulate(id_of_an_entry, 10);
}

static void nonsense(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    if (!scene_bank(self, scene, 2, BANK_RULE_NONE, 0, 1000)) return;
    SCENE_CHECK(scene, scene_transfer(self, scene, 1, 1, 2, 0) == BANK_BAD_AMOUNT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 2, 1, 2, -5) == BANK_BAD_AMOUNT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 3, 1, 1, 5) == BANK_SAME_ACCOUNT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 4, 1, 9, 5) == BANK_NO_ACCOUNT);
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 9, 1, 5) == BANK_NO_ACCOUNT);
    SCENE_CHECK(scene, bank_open_account(self, &scene->bank, 9, BANK_RULE_NONE, 0) == TP_OK);
    SCENE_CHECK(scene,
                scene_transfer(self, scene, 4, 1, 9, 5) == BANK_NO_ACCOUNT); /* as recorded */
    SCENE_CHECK(scene, scene_transfer(self, scene, 6, 1, 9, 5) == BANK_DONE);
    SCENE_CHECK(scene, scene_balance(self, scene, 10) == INT64_MIN);
    scene->done = true;
}

TP_TEST(bank_transfer, nonsense_is_refused_and_stays_refused) {
    scene_simulate(nonsense, 3);
    scene_run(nonsense, 1);
}

/* ---- rules ---- */

static void rules(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    if (!scene_bank(self, scene, 2, BANK_RULE_NONE, 0, 1000)) return;
    struct bank *bank = &scene->bank;
    SCENE_CHECK(scene, bank_open_account(self, bank, 3, BANK_RULE_LIMIT, 500) == TP_OK);
    SCENE_CHECK(scene, bank_open_account(self, bank, 4, BANK_RULE_UNLIMITED, 0) == TP_OK);
    SCENE_CHECK(scene, scene_transfer(self, scene, 1, 1, 2, 1001) == BANK_NO_FUNDS);
    SCENE_CHECK(scene, scene_transfer(self, scene, 2, 1, 2, 1000) == BANK_DONE);
    SCENE_CHECK(scene, scene_transfer(self, scene, 3, 3, 2, 501) == BANK_NO_FUNDS);
    SCENE_CHECK(scene, scene_transfer(self, scene, 4, 3, 2, 500) == BANK_DONE);
    SCENE_CHECK(scene, scene_transfer(self, scene, 5, 4, 2, 1000000) == BANK_DONE);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == 0);
    SCENE_CHECK(scene, scene_balance(self, scene, 3) == -500);
    SCENE_CHECK(scene, scene_balance(self, scene, 4) == -1000000);
    SCENE_CHECK(scene, scene_transfer(self, scene, 1, 1, 2, 1001) == BANK_NO_FUNDS);
    SCENE_CHECK(scene, scene_books(self, scene, 4, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_rules, overdrafts_follow_the_rule_of_the_account) {
    scene_simulate(rules, 5);
    scene_run(rules, 2);
}

static bool freeze(tp_actor *self, struct scene *scene, uint64_t account, bool frozen) {
    bank_outcome outcome;
    return tp_call(self, scene->bank.teller, BANK_PATIENCE, &outcome, bank_outcome, bank_freeze,
                   .account = account, .frozen = frozen) == TP_OK &&
           outcome.code == BANK_DONE;
}

static void frozen(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_credited credited;
    if (!scene_bank(self, scene, 2, BANK_RULE_NONE, 0, 1000)) return;
    SCENE_CHECK(scene, freeze(self, scene, 2, true));
    SCENE_CHECK(scene, scene_transfer(self, scene, 1, 1, 2, 400) == BANK_FROZEN);
    SCENE_CHECK(scene, scene_transfer(self, scene, 2, 2, 1, 400) == BANK_FROZEN);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == 1000);
    SCENE_CHECK(scene, freeze(self, scene, 2, false));
    SCENE_CHECK(scene, scene_transfer(self, scene, 1, 1, 2, 400) == BANK_FROZEN); /* as recorded */
    /* a late copy of the credit cannot arrive after the refund */
    tp_send(self, scene->bank.teller, bank_credit, .id = {1, 1}, .from = 1, .to = 2,
            .amount_minor = 400);
    SCENE_CHECK(scene, tp_receive(self, TP_FOREVER, &credited, bank_credited) == TP_OK);
    SCENE_CHECK(scene, credited.code == BANK_FROZEN);
    SCENE_CHECK(scene, scene_balance(self, scene, 2) == 1000);
    SCENE_CHECK(scene, scene_books(self, scene, 2, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_rules, a_frozen_account_refuses_and_the_refusal_is_final) {
    scene_simulate(frozen, 10);
    scene_run(frozen, 2);
}

/* The largest balance there is: what does not fit is refused, and comes back. */
static void overflow(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_outcome outcome;
    if (!scene_bank(self, scene, 2, BANK_RULE_UNLIMITED, 0, INT64_MAX)) return;
    SCENE_CHECK(scene, scene_transfer(self, scene, 1, 1, 2, 1) == BANK_OVERFLOW);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == INT64_MAX);
    SCENE_CHECK(scene, tp_call(self, scene->bank.teller, BANK_PATIENCE, &outcome, bank_outcome,
                               bank_entry, .id = {9, 9}, .account = 1, .amount_minor = INT64_MIN,
                               .counter = TP_STR("Cash")) == TP_OK);
    SCENE_CHECK(scene, outcome.code == BANK_OVERFLOW);
    SCENE_CHECK(scene, scene_books(self, scene, 2, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_rules, a_balance_never_overflows) {
    scene_simulate(overflow, 5);
    scene_run(overflow, 1);
}

/* Money that is under way may come back: until it is decided, its room is not given to anyone
 * else. */
static void refund_room(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_outcome away;
    bank_outcome back;
    if (!scene_bank(self, scene, 3, BANK_RULE_UNLIMITED, 0, INT64_MAX)) return;
    SCENE_CHECK(scene, freeze(self, scene, 2, true));
    tp_future futures[] = {tp_request(self, scene->bank.teller, bank_transfer, .id = {1, 1},
                                      .from = 1, .to = 2, .amount_minor = 100),
                           tp_request(self, scene->bank.teller, bank_transfer, .id = {1, 2},
                                      .from = 3, .to = 1, .amount_minor = 100)};
    SCENE_CHECK(scene, tp_await(self, futures[0], TP_FOREVER, &away, bank_outcome) == TP_OK);
    SCENE_CHECK(scene, tp_await(self, futures[1], TP_FOREVER, &back, bank_outcome) == TP_OK);
    SCENE_CHECK(scene, away.code == BANK_FROZEN && back.code == BANK_OVERFLOW);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == INT64_MAX);
    SCENE_CHECK(scene, scene_books(self, scene, 3, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_rules, room_for_a_refund_is_kept) {
    scene_simulate(refund_room, SEEDS);
    scene_run(refund_room, 2);
}

/* ---- messages twice, messages lost ---- */

static void repeated_messages(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_credited credited;
    bank_posted posted;
    uint64_t records;
    if (!scene_bank(self, scene, 2, BANK_RULE_NONE, 0, 1000)) return;
    SCENE_CHECK(scene, scene_transfer(self, scene, 8, 1, 2, 300) == BANK_DONE);
    tp_send(self, scene->bank.teller, bank_credit, .id = {1, 8}, .from = 1, .to = 2,
            .amount_minor = 300);
    SCENE_CHECK(scene, tp_receive(self, TP_FOREVER, &credited, bank_credited) == TP_OK);
    SCENE_CHECK(scene, credited.code == BANK_DONE);
    tp_send(self, scene->bank.teller, bank_credit, .id = {1, 8}, .from = 1, .to = 2,
            .amount_minor = 301);
    SCENE_CHECK(scene, tp_receive(self, TP_FOREVER, &credited, bank_credited) == TP_OK);
    SCENE_CHECK(scene, credited.code == BANK_ID_CONFLICT);
    for (int64_t more = 0; more < 2; more++) {
        tp_send(self, scene->bank.ledger, bank_post, .id = {1, 8}, .amount_minor = 300 + more,
                .account = TP_STR("Accounts:2"), .counter = TP_STR("Accounts:1"), .answer = true);
        SCENE_CHECK(scene, tp_receive(self, TP_FOREVER, &posted, bank_posted) == TP_OK);
        SCENE_CHECK(scene, posted.code == (more == 0 ? BANK_DONE : BANK_ID_CONFLICT));
    }
    SCENE_CHECK(scene, scene_books(self, scene, 2, &records) == NULL);
    SCENE_CHECK(scene, records == 3 && scene_balance(self, scene, 2) == 1300);
    scene->done = true;
}

TP_TEST(bank_saga, every_step_repeated_changes_nothing) {
    scene_simulate(repeated_messages, 10);
    scene_run(repeated_messages, 2);
}

/* How often a bad go-between passes a message on: not at all, once, or twice. */
static unsigned copies(tp_actor *self) {
    uint64_t chance = tp_random(self) % 4;
    return chance == 0 ? 0 : chance == 1 ? 2 : 1;
}

/* Stands before the ledger; loses and repeats what accounts post, and its answers to whoever
 * posted last. */
struct bad_ledger {
    tp_pid ledger;
    tp_pid poster;
};

TP_MESSAGE(bad_ledger_start, TP_FIELD(pid, ledger))

static void bad_ledger_init(tp_actor *self, struct bad_ledger *bad, const bad_ledger_start *start) {
    (void)self;
    bad->ledger = start->ledger;
}

static void bad_ledger_post(tp_actor *self, struct bad_ledger *bad, const bank_post *msg) {
    bad->poster = tp_sender(self);
    for (unsigned n = copies(self); n > 0; n--) {
        tp_send_value(self, bad->ledger, &bank_post_message, msg);
    }
}

static void bad_ledger_posted(tp_actor *self, struct bad_ledger *bad, const bank_posted *msg) {
    for (unsigned n = copies(self); n > 0; n--) {
        tp_send_value(self, bad->poster, &bank_posted_message, msg);
    }
}

TP_BEHAVIOR(bad_ledger_behavior, "bad ledger", struct bad_ledger,
            TP_INIT_WITH(bad_ledger_start, bad_ledger_init), TP_ON(bank_post, bad_ledger_post),
            TP_ON(bank_posted, bad_ledger_posted));

/* A teller of two accounts through which credits and their answers go; it loses and repeats
 * both. */
struct bad_teller {
    tp_pid accounts[2];
};

TP_MESSAGE(bad_teller_start, TP_FIELD(pid, ledger))

static void bad_teller_init(tp_actor *self, struct bad_teller *t, const bad_teller_start *start) {
    for (uint64_t i = 0; i < 2; i++) {
        t->accounts[i] = tp_spawn_link(self, bank_account, bank_account_start, .account = i + 1,
                                       .rule = BANK_RULE_LIMIT, .limit_minor = 1000,
                                       .teller = tp_self(self), .ledger = start->ledger);
    }
}

static void bad_teller_credit(tp_actor *self, struct bad_teller *t, const bank_credit *msg) {
    for (unsigned n = copies(self); n > 0; n--) {
        tp_send_value(self, t->accounts[msg->to - 1], &bank_credit_message, msg);
    }
}

static void bad_teller_credited(tp_actor *self, struct bad_teller *t, const bank_credited *msg) {
    tp_pid source = t->accounts[tp_pid_equal(tp_sender(self), t->accounts[0]) ? 1 : 0];
    for (unsigned n = copies(self); n > 0; n--) {
        tp_send_value(self, source, &bank_credited_message, msg);
    }
}

static void bad_teller_transfer(tp_actor *self, struct bad_teller *t, const bank_transfer *msg) {
    tp_delegate(self, t->accounts[msg->from - 1]);
}

static void bad_teller_balance(tp_actor *self, struct bad_teller *t, const bank_get_balance *msg) {
    tp_delegate(self, t->accounts[msg->account - 1]);
}

static void bad_teller_freezes(tp_actor *self, struct bad_teller *t, const bank_freeze *msg) {
    tp_delegate(self, t->accounts[msg->account - 1]);
}

TP_BEHAVIOR(bad_teller_behavior, "bad teller", struct bad_teller,
            TP_INIT_WITH(bad_teller_start, bad_teller_init), TP_ON(bank_credit, bad_teller_credit),
            TP_ON(bank_credited, bad_teller_credited), TP_ON(bank_transfer, bad_teller_transfer),
            TP_ON(bank_get_balance, bad_teller_balance), TP_ON(bank_freeze, bad_teller_freezes));

/* Transfers to and fro over it; every second one meets a frozen account. Each is decided in the
 * end, once. */
static void lossy(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    int64_t expected = 0;
    scene->bank.ledger = tp_spawn_link(self, bank_ledger);
    tp_pid ledger =
        tp_spawn_link(self, &bad_ledger_behavior, bad_ledger_start, .ledger = scene->bank.ledger);
    scene->bank.teller =
        tp_spawn_link(self, &bad_teller_behavior, bad_teller_start, .ledger = ledger);
    for (uint64_t i = 0; i < 12; i++) {
        uint64_t from = 1 + i % 2;
        bool blocked = i % 4 >= 2;
        SCENE_CHECK(scene, freeze(self, scene, 3 - from, blocked));
        int code = scene_transfer_done(self, scene, i, from, 3 - from, 10 + (int64_t)i);
        SCENE_CHECK(scene, code == (blocked ? BANK_FROZEN : BANK_DONE));
        SCENE_CHECK(scene, freeze(self, scene, 3 - from, false));
        if (!blocked) expected += from == 1 ? -10 - (int64_t)i : 10 + (int64_t)i;
        SCENE_CHECK(scene, scene_balance(self, scene, 1) == expected);
        SCENE_CHECK(scene, scene_balance(self, scene, 2) == -expected);
    }
    SCENE_CHECK(scene, scene_books(self, scene, 2, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_saga, lost_and_repeated_messages_are_survived) {
    scene_simulate(lossy, SEEDS);
}

/* ---- entries and the ledger ---- */

static void history(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    bank_settled settled;
    bank_refused_page page;
    if (!scene_bank(self, scene, 1, BANK_RULE_UNLIMITED, 0, 0)) return;
    static const int64_t amounts[] = {100, -300, INT64_MAX, 50, INT64_MAX};
    for (uint64_t i = 0; i < 5; i++) {
        tp_send(self, scene->bank.teller, bank_entry, .id = {0, 50 + i}, .account = 1,
                .amount_minor = amounts[i], .date = 20240101, .order = i, .counter = TP_STR("Cash"),
                .line = i + 2, .column = 7);
    }
    tp_send(self, scene->bank.teller, bank_entry, .id = {0, 60}, .account = 4, .amount_minor = 1,
            .counter = TP_STR("Cash"), .line = 9, .column = 3);
    SCENE_CHECK(scene, bank_wait_settled(self, &scene->bank, 6, &settled) == TP_OK);
    SCENE_CHECK(scene, settled.records == 4 && settled.refused == 2);
    SCENE_CHECK(scene, tp_call(self, scene->bank.ledger, BANK_PATIENCE, &page, bank_refused_page,
                               bank_read_refused) == TP_OK);
    SCENE_CHECK(scene, page.total == 2 && page.lines.count == 2);
    uint64_t overflows = page.lines.items[0].code == BANK_OVERFLOW ? 0 : 1;
    SCENE_CHECK(scene, page.lines.items[overflows].code == BANK_OVERFLOW);
    SCENE_CHECK(scene, page.lines.items[overflows].line == 6);
    SCENE_CHECK(scene, page.lines.items[1 - overflows].code == BANK_NO_ACCOUNT);
    SCENE_CHECK(scene, scene_balance(self, scene, 1) == INT64_MAX - 150);
    SCENE_CHECK(scene, scene_books(self, scene, 1, NULL) == NULL);
    scene->done = true;
}

TP_TEST(bank_ledger, history_is_recorded_and_what_does_not_fit_is_noted) {
    scene_simulate(history, 20);
    scene_run(history, 2);
}

/* A page is of one moment: records that come later do not change what was read. */
static void pages(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    struct bank_journal journal = {0};
    bank_settled settled;
    bank_page page;
    if (!scene_bank(self, scene, 1, BANK_RULE_UNLIMITED, 0, 0)) return;
    for (uint64_t i = 0; i < 300; i++) {
        tp_send(self, scene->bank.teller, bank_entry, .id = {0, 100 + i}, .account = 1,
                .amount_minor = 1, .date = 20240101, .order = i, .counter = TP_STR("Cash"));
    }
    SCENE_CHECK(scene, bank_wait_settled(self, &scene->bank, 300, &settled) == TP_OK);
    SCENE_CHECK(scene, bank_read_journal(self, scene->bank.ledger, &journal) == TP_OK);
    bool whole = journal.count == 300 && bank_journal_check(&journal);
    bank_journal_free(&journal);
    SCENE_CHECK(scene, whole);
    SCENE_CHECK(scene, tp_call(self, scene->bank.ledger, BANK_PATIENCE, &page, bank_page, bank_read,
                               .account = TP_STR("Cash"), .start = 299) == TP_OK);
    SCENE_CHECK(scene, page.total == 300 && page.lines.count == 1);
    SCENE_CHECK(scene, page.lines.items[0].amount_minor == -1);
    SCENE_CHECK(scene, tp_str_equal(page.lines.items[0].counter, TP_STR("Accounts:1")));
    SCENE_CHECK(scene, tp_call(self, scene->bank.ledger, BANK_PATIENCE, &page, bank_page, bank_read,
                               .account = TP_STR("nobody")) == TP_OK);
    SCENE_CHECK(scene, page.total == 0 && page.lines.count == 0);
    scene->done = true;
}

TP_TEST(bank_ledger, pages_give_one_picture) {
    scene_simulate(pages, 5);
    scene_run(pages, 2);
}

/* ---- reports ---- */

static void reports(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    struct bank_register reg = {0};
    struct bank_text text = {0};
    if (!scene_bank(self, scene, 3, BANK_RULE_NONE, 0, 1000)) return;
    bank_register_client(&reg, &(struct bank_client){8, 5, 19561201, 'f'});
    bank_register_disposition(&reg, &(struct bank_disposition){8, 1, true});
    bank_register_disposition(&reg, &(struct bank_disposition){8, 3, false});
    tp_pid reporter =
        tp_spawn_link(self, bank_reporter, bank_reporter_start, .ledger = scene->bank.ledger);
    int code = scene_transfer(self, scene, 4, 1, 3, 250);
    struct bank_report_request request = {.reg = &reg, .of_client = true, .number = 8};
    bool good = code == BANK_DONE;
    for (int format = BANK_REPORT_TEXT; format <= BANK_REPORT_HTML && good; format++) {
        text.size = 0;
        request.format = (enum bank_report_format)format;
        good = bank_report_ask(self, reporter, &request, &text) == TP_OK;
        if (format == BANK_REPORT_TEXT) good = good && strstr(text.data, "Account 3: 12.50 CZK");
        if (format == BANK_REPORT_JSON) good = good && check_json(text.data, text.size);
        if (format == BANK_REPORT_HTML) good = good && check_xml(text.data, text.size);
    }
    request.number = 9;
    bool unknown = bank_report_ask(self, reporter, &request, &text) == TP_ENOENT;
    bank_text_free(&text);
    bank_register_free(&reg);
    SCENE_CHECK(scene, good && unknown);
    scene->done = true;
}

TP_TEST(bank_reporter, a_clients_report_comes_from_the_ledger) {
    scene_simulate(reports, 10);
    scene_run(reports, 2);
}
