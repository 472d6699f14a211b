/*
 * Starting and reading a bank.
 */
#include "actors/bank/bank.h"

#include <troupe/call.h>

#include "actors/bank/ledger.h"
#include "actors/bank/teller.h"

tp_err bank_start(tp_actor *self, struct bank *bank) {
    bank->ledger = tp_spawn_link(self, bank_ledger);
    if (tp_pid_is_null(bank->ledger)) return tp_error(self);
    bank->teller = tp_spawn_link(self, bank_teller, bank_teller_start, .ledger = bank->ledger);
    return tp_pid_is_null(bank->teller) ? tp_error(self) : TP_OK;
}

tp_err bank_open_account(tp_actor *self, const struct bank *bank, uint64_t account, bank_rule rule,
                         int64_t limit_minor) {
    bank_opened opened;
    return tp_call(self, bank->teller, BANK_PATIENCE, &opened, bank_opened, bank_open,
                   .account = account, .rule = rule, .limit_minor = limit_minor);
}

tp_err bank_wait_settled(tp_actor *self, const struct bank *bank, uint64_t count,
                         bank_settled *settled) {
    return tp_call(self, bank->ledger, BANK_PATIENCE, settled, bank_settled, bank_settle,
                   .count = count);
}

static tp_err line_record(struct bank_journal *journal, const bank_line *line) {
    struct bank_posting posting = {.id = line->id,
                                   .order = line->order,
                                   .date = line->date,
                                   .amount_minor = line->amount_minor,
                                   .account = line->account,
                                   .counter = line->counter,
                                   .text = line->text};
    enum bank_post_result result = bank_journal_post(journal, &posting);
    if (result == BANK_POST_NOMEM) return TP_ENOMEM;
    return result == BANK_POSTED ? TP_OK : TP_EBADMSG; /* a ledger repeats no record */
}

tp_err bank_read_journal(tp_actor *self, tp_pid ledger, struct bank_journal *journal) {
    bank_page page = {.total = 1};
    uint64_t total = 1;
    while (journal->count < total) {
        tp_err err = tp_call(self, ledger, BANK_PATIENCE, &page, bank_page, bank_read,
                             .start = journal->count);
        if (err != TP_OK) return err;
        if (journal->count == 0) total = page.total; /* what comes later is not of this picture */
        for (size_t i = 0; i < page.lines.count && journal->count < total && err == TP_OK; i++) {
            err = line_record(journal, &page.lines.items[i]);
        }
        if (page.lines.count == 0 && journal->count < total) err = TP_EBADMSG;
        tp_release(self);
        if (err != TP_OK) return err;
    }
    return TP_OK;
}
