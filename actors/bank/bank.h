/*
 * A whole bank: a ledger and a teller, and what a program needs to use them from an actor of its
 * own. Functions that take `self` may suspend that actor; TP_OK or why not.
 */
#ifndef ACTORS_BANK_BANK_H
#define ACTORS_BANK_BANK_H

#include <troupe/actor.h>

#include "actors/bank/journal.h"
#include "actors/bank/messages.h"

/* How long an answer may take. In one process it comes at once, or something is wrong. */
#define BANK_PATIENCE TP_SECONDS(60)

struct bank {
    tp_pid ledger;
    tp_pid teller;
};

/* Starts both, linked to the caller. */
tp_err bank_start(tp_actor *self, struct bank *bank);
/* Opens an account, unless it is open. */
tp_err bank_open_account(tp_actor *self, const struct bank *bank, uint64_t account, bank_rule rule,
                         int64_t limit_minor);
/* Waits until the ledger has so many records and refusals. */
tp_err bank_wait_settled(tp_actor *self, const struct bank *bank, uint64_t count,
                         bank_settled *settled);
/* Reads the ledger's records into a journal of the caller's own, which must be empty. */
tp_err bank_read_journal(tp_actor *self, tp_pid ledger, struct bank_journal *journal);

#endif
