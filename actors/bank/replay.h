/*
 * Replaying history: every line goes through the teller to its account and from there to the
 * ledger, as it was. The reader is the actor that calls this; the bounds of the mailboxes on the
 * way hold it back, so that a file of any length needs the same memory on its way. The result does
 * not depend on the number of workers: the lines of an account take one path, in order.
 */
#ifndef ACTORS_BANK_REPLAY_H
#define ACTORS_BANK_REPLAY_H

#include "actors/bank/audit.h"
#include "actors/bank/bank.h"
#include "actors/bank/source.h"

/* What a replay is asked for, and what it found. Zero-initialised but for the first group. */
struct bank_replay {
    struct bank_source *source;
    struct bank_refusals *refusals;
    uint64_t limit;              /* lines; 0: all */
    tp_pid progress;             /* gets a bank_step now and then; the null pid: nobody */
    struct bank_map opened;      /* the accounts that have an actor */
    struct bank_journal journal; /* the ledger's records, read back */
    struct bank_audit audit;     /* its accounts, and balances the bank recorded */
    int64_t *balances_minor;     /* of the n-th account of the audit, by its own actor */
    uint64_t transactions;
    uint64_t overdrafts;
    bank_wide total_minor;
    bank_wide max_difference_minor;
    bool conserved;
    const char *problem; /* what is wrong when it is not; a static string */
};

/* Runs it; TP_OK also when lines were refused. The caller frees it in any case. */
tp_err bank_replay_run(tp_actor *self, const struct bank *bank, struct bank_replay *replay);
/* Frees what it holds, but not its source. */
void bank_replay_free(struct bank_replay *replay);

#endif
