/*
 * A page of a journal.
 */
#include "actors/bank/page.h"

/* A record as one account sees it, or (BANK_MAP_NONE) as it was posted. */
static bank_line line_of(const struct bank_journal *journal, const struct bank_record *record,
                         size_t account) {
    size_t own = record->legs[1].account == account ? 1 : 0;
    return (bank_line){.id = record->id,
                       .amount_minor = record->legs[own].amount_minor,
                       .date = record->date,
                       .order = record->order,
                       .account = bank_journal_name(journal, record->legs[own].account),
                       .counter = bank_journal_name(journal, record->legs[1 - own].account),
                       .text = bank_journal_text(journal, record)};
}

size_t bank_journal_page(const struct bank_journal *journal, tp_str name, uint64_t start,
                         bank_line lines[BANK_PAGE_LINES], uint64_t *total) {
    size_t account = BANK_MAP_NONE;
    size_t count = 0;
    *total = journal->count;
    if (name.size > 0) {
        account = bank_journal_find(journal, name);
        *total = account == BANK_MAP_NONE ? 0 : journal->accounts[account].count;
    }
    for (uint64_t i = start; i < *total && count < BANK_PAGE_LINES; i++) {
        size_t n = account == BANK_MAP_NONE ? i : journal->accounts[account].records[i];
        lines[count++] = line_of(journal, &journal->records[n], account);
    }
    return count;
}
