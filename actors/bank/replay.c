/*
 * Replaying history.
 */
#include "actors/bank/replay.h"

#include <stdlib.h>
#include <troupe/call.h>

#define STEP_EVERY 256

/* The reader at work. */
struct reading {
    tp_actor *self;
    const struct bank *bank;
    struct bank_replay *replay;
    uint64_t lines;
    uint64_t sent;
    tp_err err;
};

void bank_replay_free(struct bank_replay *replay) {
    bank_map_free(&replay->opened);
    bank_journal_free(&replay->journal);
    bank_audit_free(&replay->audit);
    free(replay->balances_minor);
    replay->balances_minor = NULL;
}

static bool failed(struct reading *reading, tp_err err) {
    if (reading->err == TP_OK) reading->err = err;
    return reading->err != TP_OK;
}

/* ---- reading ---- */

/* History is recorded, not judged: any balance is allowed. */
static bool account_open(struct reading *reading, uint64_t account) {
    bool added;
    size_t n = bank_map_add(&reading->replay->opened, &account, sizeof account, &added);
    if (n == BANK_MAP_NONE) return !failed(reading, TP_ENOMEM);
    if (!added) return true;
    return !failed(
        reading, bank_open_account(reading->self, reading->bank, account, BANK_RULE_UNLIMITED, 0));
}

static bank_entry entry_of(const struct reading *reading, const struct bank_transaction *t) {
    return (bank_entry){.id = {0, t->id},
                        .account = t->account,
                        .amount_minor = t->amount_minor,
                        .date = t->date,
                        .order = reading->lines,
                        .counter = t->counter,
                        .text = t->text,
                        .line = t->line,
                        .column = t->column};
}

static bool refusal_report(struct reading *reading, uint64_t line, uint64_t column,
                           bank_code code) {
    struct bank_refusal refusal = {
        .file = reading->replay->source->csv.name, .line = line, .column = column};
    snprintf(refusal.reason, sizeof refusal.reason, "%s", bank_code_text(code));
    return bank_refuse(reading->replay->refusals, &refusal);
}

/* Strict reading ends at the first refusal, so each line waits for its outcome. */
static bool line_ask(struct reading *reading, const bank_entry *entry) {
    bank_outcome outcome;
    tp_err err = tp_call_value(reading->self, reading->bank->teller, BANK_PATIENCE,
                               &bank_outcome_message, &outcome, &bank_entry_message, entry);
    if (failed(reading, err)) return false;
    if (outcome.code == BANK_DONE) return true;
    return refusal_report(reading, entry->line, entry->column, outcome.code);
}

static bool line_apply(struct reading *reading, const struct bank_transaction *t) {
    struct bank_replay *replay = reading->replay;
    bank_entry entry = entry_of(reading, t);
    if (!account_open(reading, t->account)) return false;
    if (!bank_audit_note(&replay->audit, t->account, t->date, t->has_balance, t->balance_minor)) {
        return !failed(reading, TP_ENOMEM);
    }
    reading->sent++;
    if (replay->refusals->strict) return line_ask(reading, &entry);
    tp_err err = tp_send_value(reading->self, reading->bank->teller, &bank_entry_message, &entry);
    return !failed(reading, err);
}

/* One line; false when the reading is over. */
static bool line_read(struct reading *reading) {
    struct bank_replay *replay = reading->replay;
    struct bank_transaction t;
    struct bank_refusal refusal;
    if (replay->limit > 0 && reading->lines == replay->limit) return false;
    enum bank_next next = bank_source_next(replay->source, &t, &refusal);
    if (next == BANK_NEXT_END) return false;
    if (++reading->lines % STEP_EVERY == 0 && !tp_pid_is_null(replay->progress)) {
        tp_send(reading->self, replay->progress, bank_step, .count = STEP_EVERY);
    }
    if (next == BANK_NEXT_REFUSED) return bank_refuse(replay->refusals, &refusal);
    return line_apply(reading, &t);
}

/* Every account of the register gets its actor, whether it has transactions or not. */
static void accounts_open(struct reading *reading) {
    const struct bank_register *reg = &reading->replay->source->reg;
    for (size_t i = 0; i < reg->account_map.count; i++) {
        if (!account_open(reading, reg->accounts[i].id)) return;
    }
}

/* ---- what the accounts and the ledger refused ---- */

static int refused_compare(const void *left, const void *right) {
    const bank_refused *a = left;
    const bank_refused *b = right;
    return a->line < b->line ? -1 : a->line > b->line ? 1 : 0;
}

/* They come from many accounts in any order: sorted by line, the report is the same every time. */
static void refusals_read(struct reading *reading, uint64_t count) {
    bank_refused *all = tp_alloc(reading->self, count * sizeof *all);
    uint64_t got = 0;
    if (all == NULL) {
        failed(reading, TP_ENOMEM);
        return;
    }
    while (got < count && reading->err == TP_OK) {
        bank_refused_page page;
        tp_err err = tp_call(reading->self, reading->bank->ledger, BANK_PATIENCE, &page,
                             bank_refused_page, bank_read_refused, .start = got);
        if (failed(reading, err)) break;
        if (page.lines.count == 0 && failed(reading, TP_EBADMSG)) break;
        for (size_t i = 0; i < page.lines.count && got < count; i++)
            all[got++] = page.lines.items[i];
        tp_release(reading->self);
    }
    if (got > 0) qsort(all, got, sizeof *all, refused_compare);
    for (uint64_t i = 0; i < got; i++) {
        refusal_report(reading, all[i].line, all[i].column, all[i].code);
    }
    tp_free(reading->self, all);
}

static void settle(struct reading *reading) {
    bank_settled settled = {0};
    if (reading->replay->refusals->strict) return; /* every line was waited for */
    if (failed(reading, bank_wait_settled(reading->self, reading->bank, reading->sent, &settled))) {
        return;
    }
    if (settled.refused > 0) refusals_read(reading, settled.refused);
}

/* ---- comparing ---- */

static bool wrong(struct bank_replay *replay, const char *problem) {
    replay->conserved = false;
    replay->problem = problem;
    return false;
}

/* What the ledger says an account has. */
static bank_wide ledger_balance(const struct bank_replay *replay, uint64_t account) {
    char name[BANK_NAME_SIZE];
    bank_account_name(account, name);
    size_t n = bank_journal_find(&replay->journal, tp_str_of(name));
    return n == BANK_MAP_NONE ? 0 : replay->journal.accounts[n].balance_minor;
}

static bool account_compare(struct reading *reading, size_t n) {
    struct bank_replay *replay = reading->replay;
    uint64_t account = bank_audit_number(&replay->audit, n);
    bank_balance balance;
    tp_err err = tp_call(reading->self, reading->bank->teller, BANK_PATIENCE, &balance,
                         bank_balance, bank_get_balance, .account = account);
    if (failed(reading, err)) return false;
    replay->balances_minor[n] = balance.balance_minor;
    replay->total_minor += balance.balance_minor;
    replay->overdrafts += balance.overdrafts;
    bank_wide distance = bank_audit_distance(&replay->audit, n, balance.balance_minor);
    if (distance > replay->max_difference_minor) replay->max_difference_minor = distance;
    if (ledger_balance(replay, account) == balance.balance_minor) return true;
    return wrong(replay, "an account and the ledger differ");
}

static void compare(struct reading *reading) {
    struct bank_replay *replay = reading->replay;
    size_t count = bank_audit_count(&replay->audit);
    size_t named;
    if (failed(reading,
               bank_read_journal(reading->self, reading->bank->ledger, &replay->journal))) {
        return;
    }
    replay->conserved = true;
    replay->transactions = replay->journal.count;
    replay->balances_minor = calloc(count + 1, sizeof *replay->balances_minor);
    if (replay->balances_minor == NULL && failed(reading, TP_ENOMEM)) return;
    if (!bank_journal_check(&replay->journal)) wrong(replay, "the entries do not sum to zero");
    for (size_t n = 0; n < count && reading->err == TP_OK; n++) account_compare(reading, n);
    if (bank_journal_clients(&replay->journal, &named) != replay->total_minor) {
        wrong(replay, "the accounts and the ledger have different totals");
    }
}

tp_err bank_replay_run(tp_actor *self, const struct bank *bank, struct bank_replay *replay) {
    struct reading reading = {.self = self, .bank = bank, .replay = replay};
    accounts_open(&reading);
    while (reading.err == TP_OK && line_read(&reading)) tp_release(self);
    if (reading.err == TP_OK) settle(&reading);
    if (reading.err == TP_OK) compare(&reading);
    return reading.err;
}
