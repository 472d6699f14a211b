/*
 * The auditor of the demo.
 */
#include "actors/bank/auditor.h"

#include <stdlib.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/bank.h"
#include "actors/bank/random.h"
#include "actors/bank/reporter.h"

/* An audit takes longer the more records there are: it then rests for so many times as long as
 * it took. */
#define REST 8
#define REST_MIN TP_MS(5)

TP_MESSAGE_AS(auditor_next, "bank.auditor_next")

/* All that it holds stands here, not on its stack: it may be ended in the middle of a call. */
struct auditor {
    bank_auditor_start start;
    struct bank_journal journal; /* the picture it looks at */
    struct bank_text text;       /* the report it reads */
    tp_pid reporter;
    int64_t *floors; /* of all accounts; owned by the actor */
    uint64_t random;
    bank_audited sums;
};

/* ---- the check ---- */

tp_err bank_floors_read(tp_actor *self, tp_pid teller, uint64_t accounts, int64_t *floors) {
    for (uint64_t i = 0; i < accounts; i++) {
        bank_balance balance;
        tp_err err = tp_call(self, teller, BANK_PATIENCE, &balance, bank_balance, bank_get_balance,
                             .account = i + 1);
        if (err != TP_OK) return err;
        floors[i] = balance.rule == BANK_RULE_NONE    ? 0
                    : balance.rule == BANK_RULE_LIMIT ? -balance.limit_minor
                                                      : -INT64_MAX;
    }
    return TP_OK;
}

static bool leg_allowed(const struct bank_journal *journal, const struct bank_leg *leg,
                        bank_wide *balances, const int64_t *floors, uint64_t accounts) {
    uint64_t number;
    balances[leg->account] += leg->amount_minor;
    if (!bank_account_number(bank_journal_name(journal, leg->account), &number)) return true;
    if (number == 0 || number > accounts || leg->amount_minor >= 0) return true;
    return balances[leg->account] >= floors[number - 1];
}

const char *bank_journal_audit(const struct bank_journal *journal, const int64_t *floors,
                               uint64_t accounts) {
    if (!bank_journal_check(journal)) return "the entries do not sum to zero";
    if (floors == NULL || journal->count == 0) return NULL;
    bank_wide *balances = calloc(journal->names.count, sizeof *balances);
    if (balances == NULL) return "out of memory";
    bool allowed = true;
    for (size_t i = 0; i < journal->count && allowed; i++) {
        const struct bank_leg *legs = journal->records[i].legs;
        allowed = leg_allowed(journal, &legs[0], balances, floors, accounts) &&
                  leg_allowed(journal, &legs[1], balances, floors, accounts);
    }
    free(balances);
    return allowed ? NULL : "an account went below what its rule allows";
}

/* ---- the actor ---- */

static void auditor_free(void *arg) {
    struct auditor *auditor = arg;
    bank_journal_free(&auditor->journal);
    bank_text_free(&auditor->text);
}

static void on_start(tp_actor *self, struct auditor *auditor, const bank_auditor_start *start) {
    auditor->start = *start;
    auditor->random = start->seed;
    auditor->floors = tp_alloc(self, start->accounts * sizeof *auditor->floors);
    if (auditor->floors == NULL || tp_on_exit(self, auditor_free, auditor) != TP_OK) {
        tp_exit(self, TP_EXIT_NOMEM);
    }
    auditor->reporter =
        tp_spawn_link(self, bank_reporter, bank_reporter_start, .ledger = start->ledger);
    if (tp_pid_is_null(auditor->reporter)) tp_exit(self, TP_EXIT_NOMEM);
    tp_send(self, tp_self(self), auditor_next);
}

static void problem_note(struct auditor *auditor, const char *problem) {
    auditor->sums.wrong++;
    auditor->sums.problem = tp_str_of(problem);
}

static void journal_audit(tp_actor *self, struct auditor *auditor) {
    tp_err err = bank_read_journal(self, auditor->start.ledger, &auditor->journal);
    const char *problem = err != TP_OK ? tp_strerror(err)
                                       : bank_journal_audit(&auditor->journal, auditor->floors,
                                                            auditor->start.accounts);
    if (problem != NULL) problem_note(auditor, problem);
    auditor->sums.audits++;
    bank_journal_free(&auditor->journal);
}

static void report_read(tp_actor *self, struct auditor *auditor) {
    struct bank_report_request request = {
        .number = 1 + bank_random_below(&auditor->random, auditor->start.accounts),
        .format = BANK_REPORT_JSON,
    };
    tp_err err = bank_report_ask(self, auditor->reporter, &request, &auditor->text);
    if (err != TP_OK) problem_note(auditor, tp_strerror(err));
    auditor->sums.reports++;
    bank_text_free(&auditor->text);
}

static void on_next(tp_actor *self, struct auditor *auditor, const auditor_next *msg) {
    (void)msg;
    const bank_auditor_start *start = &auditor->start;
    tp_time began = tp_now(self);
    if (auditor->sums.audits == 0 &&
        bank_floors_read(self, start->teller, start->accounts, auditor->floors) != TP_OK) {
        problem_note(auditor, "the teller does not answer");
    }
    journal_audit(self, auditor);
    report_read(self, auditor);
    tp_duration rest = REST_MIN + REST * (tp_now(self) - began);
    if (tp_send_after(self, rest, tp_self(self), auditor_next) == 0) tp_exit(self, TP_EXIT_NOMEM);
}

static void on_stop(tp_actor *self, struct auditor *auditor, const bank_audit_stop *msg) {
    (void)msg;
    tp_send_value(self, auditor->start.boss, &bank_audited_message, &auditor->sums);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(auditor_behavior, "bank.auditor", struct auditor,
            TP_INIT_WITH(bank_auditor_start, on_start), TP_ON(auditor_next, on_next),
            TP_ON(bank_audit_stop, on_stop));

const tp_behavior *const bank_auditor = &auditor_behavior;
