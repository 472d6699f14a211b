/*
 * The ledger actor of a shard: it answers for the accounts of its shard out of the store (store.h),
 * and sees to it that a transfer to another shard comes to an end. docs/bank-transfers.md has the
 * protocol and its states.
 *
 *     client --transfer--> teller --transfer--> shard of A --credit--> shard of B
 *     shard of B --credited--> shard of A --outcome--> client
 *
 * The store lives longer than the actor: when the actor crashes, the next one goes on with every
 * transfer that is pending. It never takes money back because nobody answered; it asks again, with
 * the same id, until the other shard says what became of it.
 *
 * A shard whose process ended comes back empty, with another generation. Requests carry the
 * generation of the shard that was asked first; one that belongs to another is answered
 * BANK_OUTCOME_LOST and not executed: it may have been, by the shard that was lost.
 */
#ifndef ACTORS_BANK_SHARD_H
#define ACTORS_BANK_SHARD_H

#include <troupe/actor.h>

#include "actors/bank/store.h"

/* What a ledger actor is started with: the argument of its body. It must outlive the actor. */
struct bank_shard {
    struct bank_store *store;
    const char *directory; /* the name under which its node's directory is registered */
    uint64_t crash_one_in; /* it crashes on purpose, once in so many chances; 0: never */
};

/* The points at which it may be made to crash. */
#define BANK_SHARD_CRASH_POINTS                                                                    \
    "before a step", "after a step", "before a credit is asked for", "after it was asked for",     \
        "before a credit", "after a credit", "before a transfer is settled", "after it is",        \
        "before the outcome is told", "after it was told", "at a retry", "at a change"

/* The body. arg: a struct bank_shard. */
void bank_shard_body(tp_actor *self, void *arg);

#endif
