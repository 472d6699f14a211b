/*
 * The auditor of the demo: while clients transfer, it reads the ledger again and again and checks
 * every picture it gets: each record has its counter-entry, all entries sum to zero, and no account
 * was ever below what its rule allows. Between two audits it asks for the report of a random
 * account.
 */
#ifndef ACTORS_BANK_AUDITOR_H
#define ACTORS_BANK_AUDITOR_H

#include <troupe/actor.h>

#include "actors/bank/journal.h"
#include "actors/bank/messages.h"

/* What an auditor is started with. It stops after a bank_audit_stop: it answers bank_audited to
 * `boss`, exits. */
TP_MESSAGE_AS(bank_auditor_start, "bank.auditor_start", TP_FIELD(pid, ledger),
              TP_FIELD(pid, teller), TP_FIELD(pid, boss), TP_FIELD(u64, accounts),
              TP_FIELD(u64, seed))

/* Takes bank_auditor_start. Accounts are numbered from 1. */
extern const tp_behavior *const bank_auditor;

/* How low each account may go: floors[n] of account n + 1, by asking the teller. */
tp_err bank_floors_read(tp_actor *self, tp_pid teller, uint64_t accounts, int64_t *floors);
/*
 * Checks a journal from its first record to its last. NULL when it is good; otherwise what is wrong
 * (a static string). Balances are followed record by record against floors (of accounts 1..count;
 * NULL: not checked).
 */
const char *bank_journal_audit(const struct bank_journal *journal, const int64_t *floors,
                               uint64_t accounts);

#endif
