/*
 * The journal in plain-text accounting form, as `ledger` and `hledger` read it: one transaction a
 * record, signed as the client sees it, commodity CZK.
 */
#ifndef ACTORS_BANK_EXPORT_H
#define ACTORS_BANK_EXPORT_H

#include <stdio.h>

#include "actors/bank/journal.h"
#include "actors/bank/text.h"

/* Appends one record. */
void bank_export_record(const struct bank_journal *journal, const struct bank_record *record,
                        struct bank_text *out);
/* Writes the whole journal to a stream, by date and order; false when memory or the stream
 * fails; errno then says why the stream has. */
bool bank_export_ledger(const struct bank_journal *journal, FILE *out);

#endif
