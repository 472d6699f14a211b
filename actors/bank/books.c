/*
 * The books of a bank over several shards.
 */
#include "actors/bank/books.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/bank.h"

#define ASK TP_SECONDS(10)
#define LOOK_AGAIN_AFTER TP_MS(20)

void bank_books_free(struct bank_books *books) {
    for (size_t i = 0; i < BANK_SHARDS_MAX; i++) bank_journal_free(&books->journals[i]);
}

static void problem_note(struct bank_books *books, const char *what, uint64_t shard) {
    if (books->problem[0] != '\0') return;
    snprintf(books->problem, sizeof books->problem, "shard %" PRIu64 ": %s", shard, what);
}

/* ---- settling ---- */

/* A ledger actor that has crashed is another one now. */
static void places_renew(tp_actor *self, struct bank_places *places) {
    bank_services services;
    while (tp_receive(self, 0, &services, bank_services) == TP_OK)
        bank_places_take(places, &services);
}

/* A shard that is not the one that the run began with has lost what that one knew. */
static bool shard_is_lost(const struct bank_books *books, const struct bank_places *places,
                          uint64_t shard) {
    return places->at[shard].generation != books->expected_generation[shard];
}

/* It is not there now, and may come back as it was. */
static bool shard_is_away(const struct bank_places *places, uint64_t shard) {
    return tp_pid_is_null(places->at[shard].ledger);
}

/* What is under way on the shards that answer; `silent` when one does not. */
static uint64_t pending_count(tp_actor *self, struct bank_books *books,
                              const struct bank_places *places, bool *silent) {
    uint64_t pending = 0;
    books->unresolved = books->restarts = 0;
    for (uint64_t i = 0; i < books->shards; i++) {
        bank_shard_state state;
        if (shard_is_lost(books, places, i)) continue;
        *silent = *silent || shard_is_away(places, i);
        if (shard_is_away(places, i)) continue;
        tp_err err = tp_call(self, places->at[i].ledger, ASK, &state, bank_shard_state,
                             bank_get_shard_state);
        *silent = *silent || err != TP_OK;
        if (err != TP_OK) continue;
        pending += state.pending;
        books->unresolved += state.pending + state.lost;
        books->restarts += state.restarts;
    }
    return pending;
}

static void settle(tp_actor *self, struct bank_books *books, struct bank_places *places,
                   tp_time until) {
    for (;;) {
        bool silent = false;
        places_renew(self, places);
        if (pending_count(self, books, places, &silent) == 0 && !silent) return;
        if (tp_now(self) >= until || tp_sleep(self, LOOK_AGAIN_AFTER) != TP_OK) return;
    }
}

/* ---- the accounts of a shard against its journal ---- */

static void account_check(struct bank_books *books, uint64_t shard, const bank_balance *balance) {
    char name[BANK_NAME_SIZE];
    const struct bank_journal *journal = &books->journals[shard];
    bank_account_name(balance->account, name);
    size_t n = bank_journal_find(journal, tp_str_of(name));
    bank_wide recorded = n == BANK_MAP_NONE ? 0 : journal->accounts[n].balance_minor;
    if (recorded != (bank_wide)balance->balance_minor + balance->outgoing_minor)
        problem_note(books, "an account and the journal differ", shard);
    if (bank_shard_of(balance->account, books->shards) != shard)
        problem_note(books, "it has an account of another shard", shard);
    books->accounts++;
    books->total_minor += (bank_wide)balance->balance_minor + balance->outgoing_minor;
}

static tp_err accounts_check(tp_actor *self, struct bank_books *books, uint64_t shard,
                             tp_pid from) {
    uint64_t total = 1;
    for (uint64_t start = 0; start < total;) {
        bank_balances page;
        tp_err err =
            tp_call(self, from, ASK, &page, bank_balances, bank_read_balances, .start = start);
        if (err != TP_OK) return err;
        total = page.total;
        for (size_t i = 0; i < page.list.count; i++)
            account_check(books, shard, &page.list.items[i]);
        start += page.list.count;
        if (page.list.count == 0 && start < total) return TP_EBADMSG;
        tp_release(self);
    }
    return TP_OK;
}

/* Reads a journal; a ledger actor that crashes meanwhile is asked again. False: it is lost. */
static bool journal_read(tp_actor *self, struct bank_books *books, struct bank_places *places,
                         uint64_t shard, tp_time until) {
    for (;;) {
        places_renew(self, places);
        if (shard_is_lost(books, places, shard)) return false;
        if (!shard_is_away(places, shard)) {
            tp_pid ledger = places->at[shard].ledger;
            if (bank_read_journal(self, ledger, &books->journals[shard]) == TP_OK) return true;
            bank_journal_free(&books->journals[shard]);
        }
        if (tp_now(self) >= until || tp_sleep(self, LOOK_AGAIN_AFTER) != TP_OK) return false;
    }
}

static void shard_read(tp_actor *self, struct bank_books *books, struct bank_places *places,
                       uint64_t shard, tp_time until) {
    bool good = journal_read(self, books, places, shard, until) &&
                accounts_check(self, books, shard, places->at[shard].ledger) == TP_OK;
    books->read[shard] = good;
    books->lost_shards += good ? 0 : 1;
}

/* ---- journals against each other ---- */

/* The shard of one side of a record; false when it is no client's account. */
static bool leg_shard(const struct bank_books *books, const struct bank_journal *journal,
                      const struct bank_leg *leg, uint64_t *shard) {
    uint64_t number;
    if (!bank_account_number(bank_journal_name(journal, leg->account), &number)) return false;
    *shard = bank_shard_of(number, books->shards);
    return true;
}

/* What an account gets by a record; 0: it does not stand in it. */
static int64_t record_amount(const struct bank_journal *journal, const struct bank_record *record,
                             tp_str name) {
    for (size_t i = 0; i < 2; i++)
        if (tp_str_equal(bank_journal_name(journal, record->legs[i].account), name))
            return record->legs[i].amount_minor;
    return 0;
}

static bool record_mirrored(const struct bank_journal *here, const struct bank_record *record,
                            const struct bank_journal *there) {
    size_t n = bank_map_find(&there->ids, &record->id, sizeof record->id);
    if (n == BANK_MAP_NONE) return false;
    for (size_t i = 0; i < 2; i++) {
        tp_str name = bank_journal_name(here, record->legs[i].account);
        if (record_amount(there, &there->records[n], name) != record->legs[i].amount_minor)
            return false;
    }
    return true;
}

static void record_check(struct bank_books *books, uint64_t shard,
                         const struct bank_record *record) {
    const struct bank_journal *journal = &books->journals[shard];
    uint64_t sides[2];
    if (!leg_shard(books, journal, &record->legs[0], &sides[0]) ||
        !leg_shard(books, journal, &record->legs[1], &sides[1]))
        return; /* money from or to the outside */
    if (sides[0] != shard && sides[1] != shard)
        problem_note(books, "a transfer of two other shards", shard);
    bool debit_side = sides[record->legs[0].amount_minor < 0 ? 0 : 1] == shard;
    books->transfers += debit_side ? 1 : 0;
    if (sides[0] == sides[1]) return;
    books->crossing += debit_side ? 1 : 0;
    uint64_t other = sides[0] == shard ? sides[1] : sides[0];
    if (books->read[other] && !record_mirrored(journal, record, &books->journals[other]))
        problem_note(books, "a transfer stands on one side only", shard);
}

static void journal_check(struct bank_books *books, uint64_t shard) {
    const struct bank_journal *journal = &books->journals[shard];
    if (!bank_journal_check(journal)) problem_note(books, "the entries do not sum to zero", shard);
    books->records += journal->count;
    for (size_t i = 0; i < journal->count; i++) record_check(books, shard, &journal->records[i]);
}

/* ---- the verdict ---- */

/* While a transfer is under way or was lost, one side may rightly have what the other has not. */
enum bank_verdict bank_books_check(tp_actor *self, struct bank_places *places, tp_duration patience,
                                   struct bank_books *books) {
    tp_time until = tp_now(self) + patience;
    settle(self, books, places, until);
    for (uint64_t i = 0; i < books->shards; i++) shard_read(self, books, places, i, until);
    for (uint64_t i = 0; i < books->shards; i++)
        if (books->read[i]) journal_check(books, i);
    if (books->unresolved > 0 || books->lost_shards > 0) return BANK_UNKNOWN;
    if (books->paid_in_known && books->total_minor != books->paid_in_minor)
        problem_note(books, "and all others: money was lost or made", 0);
    return books->problem[0] == '\0' ? BANK_CONSERVED : BANK_BROKEN;
}
