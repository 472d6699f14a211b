/*
 * A page of a journal, as a ledger answers bank_read: for the ledger actors.
 */
#ifndef ACTORS_BANK_PAGE_H
#define ACTORS_BANK_PAGE_H

#include "actors/bank/journal.h"
#include "actors/bank/messages.h"

/* The records from number `start` on, at most BANK_PAGE_LINES; `account` empty: all, else those
 * of an account. Returns how many; *total is how many there are. Borrowed from the journal. */
size_t bank_journal_page(const struct bank_journal *journal, tp_str account, uint64_t start,
                         bank_line lines[BANK_PAGE_LINES], uint64_t *total);

#endif
