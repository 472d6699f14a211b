/*
 * The bank over several shards, in one process: directories that know each other, ledger actors
 * that crash wherever they can, tellers, windows and clients. Money is conserved in every order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/sim.h>
#include <troupe/supervisor.h>
#include <troupe/timer.h>

#include "actors/bank/books.h"
#include "actors/bank/directory.h"
#include "actors/bank/driver.h"
#include "actors/bank/reporter.h"
#include "actors/bank/shard.h"
#include "actors/bank/window.h"
#include "tests/bank/town.h"
#include "tests/support/test.h"

#define SEEDS 200

/* ---- crowds ---- */

static void crowd(tp_actor *self, void *arg) {
    struct town *town = arg;
    if (!town_open(self, town, 7, BANK_RULE_NONE, 1000)) return;
    tp_send(self, town->driver, bank_drive, .clients = 4, .transfers = 80, .accounts = 7,
            .seed = tp_random(self), .amount_max_minor = 700, .timeout = TP_SECONDS(3));
    bank_driven driven = {.finished = false};
    while (!driven.finished)
        TOWN_CHECK(town, tp_receive(self, TP_FOREVER, &driven, bank_driven) == TP_OK);
    TOWN_CHECK(town, driven.made == 80 && driven.sums.wrong == 0 && driven.sums.unresolved == 0);
    TOWN_CHECK(town, driven.sums.done + driven.sums.refused == 80);
    town_verdict(self, town, BANK_CONSERVED, driven.sums.done);
}

TP_TEST(bank_shards, money_is_conserved_in_every_order) {
    town_simulate(crowd, &(struct town_plan){.shards = 3}, SEEDS / 4);
}

TP_TEST(bank_shards, crashes_of_ledgers_neither_lose_nor_repeat_a_transfer) {
    uint64_t crashes =
        town_simulate(crowd, &(struct town_plan){.shards = 3, .crash_one_in = 60}, SEEDS);
    TP_ASSERT_MSG(crashes > SEEDS / 40, "the crashes did not happen: %llu",
                  (unsigned long long)crashes);
}

TP_TEST(bank_shards, many_crashes) {
    (void)town_simulate(crowd, &(struct town_plan){.shards = 2, .crash_one_in = 12}, SEEDS / 4);
}

TP_TEST(bank_shards, one_shard_is_a_bank_too) {
    (void)town_simulate(crowd, &(struct town_plan){.shards = 1, .crash_one_in = 40}, SEEDS / 8);
}

TP_TEST(bank_shards, on_threads) {
    town_run(crowd, &(struct town_plan){.shards = 3, .crash_one_in = 300}, 2);
}

/* ---- one transfer ---- */

static int transfer(tp_actor *self, struct town *town, const bank_transfer *msg) {
    bank_outcome outcome = {.code = BANK_PENDING};
    for (int i = 0; i < 1000; i++) {
        tp_err err = tp_call_value(self, town->window, TP_SECONDS(3), &bank_outcome_message,
                                   &outcome, &bank_transfer_message, msg);
        if (err == TP_OK && outcome.code != BANK_PENDING) return (int)outcome.code;
        if (tp_sleep(self, TP_MS(10)) != TP_OK) break;
    }
    return -1;
}

static int64_t balance(tp_actor *self, struct town *town, uint64_t account) {
    bank_balance answer;
    tp_err err = TP_ENOPROC;
    for (int i = 0; i < 1000 && err != TP_OK; i++) {
        err = tp_call(self, town->window, TP_SECONDS(3), &answer, bank_balance, bank_get_balance,
                      .account = account);
        if (err != TP_OK && tp_sleep(self, TP_MS(10)) != TP_OK) break;
    }
    return err == TP_OK && answer.code == BANK_DONE ? answer.balance_minor : INT64_MIN;
}

/* A ledger actor that crashed is asked again. */
static bool freeze(tp_actor *self, struct town *town, uint64_t account, bool frozen) {
    bank_outcome outcome = {.code = BANK_PENDING};
    for (int i = 0; i < 1000; i++) {
        if (tp_call(self, town->window, TP_SECONDS(3), &outcome, bank_outcome, bank_freeze,
                    .account = account, .frozen = frozen) == TP_OK)
            return outcome.code == BANK_DONE;
        if (tp_sleep(self, TP_MS(10)) != TP_OK) break;
    }
    return false;
}

static void refusals(tp_actor *self, void *arg) {
    struct town *town = arg;
    if (!town_open(self, town, 4, BANK_RULE_NONE, 1000)) return;
    bank_transfer there = {.id = {1, 1}, .from = 1, .to = 2, .amount_minor = 400};
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_DONE);
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_DONE);
    TOWN_CHECK(town, balance(self, town, 1) == 600 && balance(self, town, 2) == 1400);
    there.amount_minor = 401;
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_ID_CONFLICT);
    bank_transfer nowhere = {.id = {1, 2}, .from = 1, .to = 92, .amount_minor = 100};
    TOWN_CHECK(town, transfer(self, town, &nowhere) == BANK_NO_ACCOUNT);
    TOWN_CHECK(town, balance(self, town, 1) == 600); /* it came back */
    bank_transfer much = {.id = {1, 3}, .from = 1, .to = 2, .amount_minor = 601};
    TOWN_CHECK(town, transfer(self, town, &much) == BANK_NO_FUNDS);
    TOWN_CHECK(town, freeze(self, town, 2, true));
    bank_transfer frozen = {.id = {1, 4}, .from = 1, .to = 2, .amount_minor = 100};
    TOWN_CHECK(town, transfer(self, town, &frozen) == BANK_FROZEN);
    TOWN_CHECK(town, freeze(self, town, 2, false));
    TOWN_CHECK(town, transfer(self, town, &frozen) == BANK_FROZEN); /* as it was recorded */
    bank_transfer back = {.id = {1, 5}, .from = 2, .to = 1, .amount_minor = 0};
    TOWN_CHECK(town, transfer(self, town, &back) == BANK_BAD_AMOUNT);
    bank_transfer self_to_self = {.id = {1, 6}, .from = 2, .to = 2, .amount_minor = 5};
    TOWN_CHECK(town, transfer(self, town, &self_to_self) == BANK_SAME_ACCOUNT);
    town_verdict(self, town, BANK_CONSERVED, 1);
}

TP_TEST(bank_shards, what_is_refused_comes_back_and_stays_refused) {
    (void)town_simulate(refusals, &(struct town_plan){.shards = 2}, 20);
    (void)town_simulate(refusals, &(struct town_plan){.shards = 3, .crash_one_in = 20}, SEEDS / 4);
}

/* A report of an account of any shard, made by the report actor of the one-process bank. */
static void report(tp_actor *self, void *arg) {
    struct town *town = arg;
    struct bank_text text = {0};
    if (!town_open(self, town, 4, BANK_RULE_NONE, 1000)) return;
    bank_transfer there = {
        .id = {1, 1}, .from = 1, .to = 2, .amount_minor = 400, .text = TP_STR("for the cake")};
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_DONE);
    tp_pid reporter =
        tp_spawn_link(self, bank_reporter, bank_reporter_start, .ledger = town->window);
    for (uint64_t account = 1; account <= 2; account++) {
        struct bank_report_request request = {.number = account, .format = BANK_REPORT_JSON};
        TOWN_CHECK(town, bank_report_ask(self, reporter, &request, &text) == TP_OK);
        TOWN_CHECK(town, strstr(text.data, "for the cake") != NULL);
        TOWN_CHECK(town, strstr(text.data, account == 1 ? "60000" : "140000") == NULL);
        TOWN_CHECK(town, strstr(text.data, account == 1 ? "\"balance_minor\":600"
                                                        : "\"balance_minor\":1400") != NULL);
        bank_text_free(&text);
    }
    town_verdict(self, town, BANK_CONSERVED, 1);
}

TP_TEST(bank_shards, a_report_is_made_over_the_shards) {
    (void)town_simulate(report, &(struct town_plan){.shards = 2}, 10);
}

/* ---- a shard that is lost ---- */

static void lost(tp_actor *self, void *arg) {
    struct town *town = arg;
    if (!town_open(self, town, 4, BANK_RULE_NONE, 1000)) return;
    uint64_t first = town->stores[1] == NULL ? 0 : bank_store_generation(town->stores[1]);
    bank_transfer there = {
        .id = {1, 1}, .from = 1, .to = 2, .amount_minor = 400, .generation = first};
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_DONE);
    town_lose(self, town, 1);
    /* the new shard never executes what the old one was asked for */
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_OUTCOME_LOST);
    TOWN_CHECK(town, transfer(self, town, &there) == BANK_OUTCOME_LOST);
    TOWN_CHECK(town, balance(self, town, 2) == 1400);
    /* what is asked of the new one it decides */
    bank_transfer fresh = {.id = {1, 2}, .from = 1, .to = 2, .amount_minor = 400, .generation = 0};
    TOWN_CHECK(town, transfer(self, town, &fresh) == BANK_NO_ACCOUNT);
    town_verdict(self, town, BANK_UNKNOWN, 0);
    TOWN_CHECK(town, town->lost_shards == 1);
}

TP_TEST(bank_shards, a_lost_shard_executes_nothing_again) {
    (void)town_simulate(lost, &(struct town_plan){.shards = 2}, 20);
}

/* The other side is lost while the money is on its way: it stays on its way, for ever, and is
 * neither given back nor sent again. */
static void lost_on_its_way(tp_actor *self, void *arg) {
    struct town *town = arg;
    bank_outcome outcome;
    if (!town_open(self, town, 4, BANK_RULE_NONE, 1000)) return;
    tp_future future = tp_request(self, town->window, bank_transfer, .id = {1, 1}, .from = 1,
                                  .to = 2, .amount_minor = 400);
    for (uint64_t steps = tp_random(self) % 60; steps > 0; steps--) tp_yield(self);
    town_lose(self, town, 0);
    tp_err err = tp_await(self, future, TP_SECONDS(20), &outcome, bank_outcome);
    TOWN_CHECK(town, err == TP_OK);
    bank_balance after = bank_store_balance(town->stores[1], 1);
    switch (outcome.code) {
    case BANK_DONE: /* it had arrived, and is lost with the shard */
        TOWN_CHECK(town, after.balance_minor == 600 && after.outgoing_minor == 0);
        break;
    case BANK_OUTCOME_LOST:
        TOWN_CHECK(town, after.balance_minor == 600 && after.outgoing_minor == 400);
        break;
    default: /* it was asked of the new one alone, which has no accounts */
        TOWN_CHECK(town, outcome.code == BANK_NO_ACCOUNT);
        TOWN_CHECK(town, after.balance_minor == 1000 && after.outgoing_minor == 0);
    }
    town_verdict(self, town, BANK_UNKNOWN, 0);
    town->seen |= outcome.code == BANK_DONE ? 1u : 2u;
}

TP_TEST(bank_shards, money_on_its_way_to_a_lost_shard_stays_there) {
    (void)town_simulate(lost_on_its_way, &(struct town_plan){.shards = 2, .see = 3}, SEEDS);
}

/* Clients at work while a shard is lost learn soon what there is to learn, and go on. */
static void crowd_and_loss(tp_actor *self, void *arg) {
    struct town *town = arg;
    if (!town_open(self, town, 7, BANK_RULE_NONE, 1000)) return;
    tp_time began = tp_now(self);
    tp_send(self, town->driver, bank_drive, .clients = 4, .transfers = 60, .accounts = 7,
            .seed = tp_random(self), .amount_max_minor = 700, .timeout = TP_SECONDS(3));
    for (uint64_t steps = tp_random(self) % 200; steps > 0; steps--) tp_yield(self);
    town_lose(self, town, 0);
    bank_driven driven = {.finished = false};
    while (!driven.finished)
        TOWN_CHECK(town, tp_receive(self, TP_FOREVER, &driven, bank_driven) == TP_OK);
    TOWN_CHECK(town, tp_now(self) - began < TP_SECONDS(60));
    TOWN_CHECK(town, driven.made == 60 && driven.sums.wrong == 0);
    TOWN_CHECK(town, driven.sums.done + driven.sums.refused + driven.sums.unresolved == 60);
    town->seen |= driven.sums.unresolved > 0 ? 1u : 2u;
    town_verdict(self, town, BANK_UNKNOWN, 0);
}

TP_TEST(bank_shards, clients_outlive_a_lost_shard) {
    (void)town_simulate(crowd_and_loss, &(struct town_plan){.shards = 2, .see = 1}, SEEDS);
}
