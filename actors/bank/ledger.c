/*
 * The ledger actor over the journal in memory.
 */
#include "actors/bank/ledger.h"

#include <stdlib.h>
#include <troupe/call.h>

#include "actors/bank/journal.h"
#include "actors/bank/page.h"

struct ledger {
    struct bank_journal journal;
    bank_refused *refused; /* in order of arrival */
    size_t refused_count;
    size_t refused_max;
    tp_from waiter; /* who waits for this many records and refusals */
    uint64_t awaited;
};

static void ledger_free(void *arg) {
    struct ledger *ledger = arg;
    bank_journal_free(&ledger->journal);
    free(ledger->refused);
}

static void on_start(tp_actor *self, struct ledger *ledger) {
    if (tp_on_exit(self, ledger_free, ledger) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
}

/* ---- settling ---- */

static uint64_t settled(const struct ledger *ledger) {
    return ledger->journal.count + ledger->refused_count;
}

static void waiter_answer(tp_actor *self, struct ledger *ledger) {
    if (tp_pid_is_null(ledger->waiter.caller) || settled(ledger) < ledger->awaited) return;
    tp_reply_to(self, ledger->waiter, bank_settled, .records = ledger->journal.count,
                .refused = ledger->refused_count);
    ledger->waiter = (tp_from){.caller = tp_pid_null()};
}

/* A waiter that gave up is not known to have done so: the next one takes its place. */
static void on_settle(tp_actor *self, struct ledger *ledger, const bank_settle *msg) {
    if (!tp_pid_is_null(ledger->waiter.caller)) {
        tp_reply_error_to(self, ledger->waiter, TP_EBUSY);
    }
    ledger->waiter = tp_defer(self);
    ledger->awaited = msg->count;
    waiter_answer(self, ledger);
}

/* ---- recording ---- */

static void refusal_note(tp_actor *self, struct ledger *ledger, uint64_t line, uint64_t column,
                         bank_code code) {
    void *grown = bank_array_grow(ledger->refused, ledger->refused_count, &ledger->refused_max,
                                  sizeof *ledger->refused);
    if (grown == NULL) tp_exit(self, TP_EXIT_NOMEM);
    ledger->refused = grown;
    ledger->refused[ledger->refused_count++] = (bank_refused){line, column, code};
    waiter_answer(self, ledger);
}

static void on_refused(tp_actor *self, struct ledger *ledger, const bank_refused *msg) {
    refusal_note(self, ledger, msg->line, msg->column, msg->code);
}

static bank_code code_of(enum bank_post_result result) {
    switch (result) {
    case BANK_POSTED:
    case BANK_POST_KNOWN: return BANK_DONE;
    case BANK_POST_CONFLICT: return BANK_ID_CONFLICT;
    case BANK_POST_INVALID: return BANK_SAME_ACCOUNT;
    case BANK_POST_NOMEM: break;
    }
    return BANK_NO_MEMORY;
}

static void on_post(tp_actor *self, struct ledger *ledger, const bank_post *msg) {
    struct bank_posting posting = {.id = msg->id,
                                   .order = msg->order,
                                   .date = msg->date,
                                   .amount_minor = msg->amount_minor,
                                   .account = msg->account,
                                   .counter = msg->counter,
                                   .text = msg->text};
    bank_code code = code_of(bank_journal_post(&ledger->journal, &posting));
    if (msg->answer || code != BANK_DONE) {
        tp_send(self, tp_sender(self), bank_posted, .id = msg->id, .code = code);
    }
    if (code != BANK_DONE && !msg->answer) {
        refusal_note(self, ledger, msg->line, msg->column, code);
    }
    waiter_answer(self, ledger);
}

static void on_set_date(tp_actor *self, struct ledger *ledger, const bank_set_date *msg) {
    (void)self;
    ledger->journal.today = msg->date;
}

/* ---- reading ---- */

static void on_read(tp_actor *self, struct ledger *ledger, const bank_read *msg) {
    bank_line lines[BANK_PAGE_LINES];
    uint64_t total;
    size_t count = bank_journal_page(&ledger->journal, msg->account, msg->start, lines, &total);
    tp_reply(self, bank_page, .total = total, .lines = {lines, count});
}

static void on_read_refused(tp_actor *self, struct ledger *ledger, const bank_read_refused *msg) {
    size_t total = ledger->refused_count;
    size_t left = msg->start < total ? total - msg->start : 0;
    size_t count = left < BANK_PAGE_LINES ? left : BANK_PAGE_LINES;
    tp_reply(self, bank_refused_page, .total = total,
             .lines = {count > 0 ? ledger->refused + msg->start : NULL, count});
}

TP_BEHAVIOR(ledger_behavior, "bank.ledger", struct ledger, TP_INIT(on_start),
            TP_ON(bank_post, on_post), TP_ON(bank_refused, on_refused),
            TP_ON(bank_settle, on_settle), TP_ON(bank_set_date, on_set_date),
            TP_ON(bank_read, on_read), TP_ON(bank_read_refused, on_read_refused));

const tp_behavior *const bank_ledger = &ledger_behavior;
