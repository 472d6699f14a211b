/*
 * The books of a bank over several shards: what its journals and accounts say together, and the
 * verdict. To be read when nobody transfers any more.
 *
 * The money is conserved when every journal is in order by itself; every transfer between two
 * shards stands in both of their journals, with the same accounts and amount; every account has
 * what its shard's journal says; nothing is under way; and the accounts have together what was paid
 * in.
 */
#ifndef ACTORS_BANK_BOOKS_H
#define ACTORS_BANK_BOOKS_H

#include <troupe/actor.h>

#include "actors/bank/cluster.h"
#include "actors/bank/journal.h"
#include "actors/bank/places.h"

enum bank_verdict {
    BANK_CONSERVED,
    BANK_BROKEN, /* `problem` says how */
    BANK_UNKNOWN /* a shard was lost, or does not answer: nobody can tell */
};

struct bank_books {
    uint64_t shards;
    uint64_t expected_generation[BANK_SHARDS_MAX]; /* that the run began with; 0: never seen */
    bool paid_in_known;
    bank_wide paid_in_minor; /* if known: what the accounts had together at first */

    struct bank_journal journals[BANK_SHARDS_MAX];
    bool read[BANK_SHARDS_MAX];
    uint64_t accounts;
    uint64_t records;    /* in all journals */
    uint64_t transfers;  /* done: those between two shards count once */
    uint64_t crossing;   /* between two shards */
    uint64_t unresolved; /* under way, or lost on their way */
    uint64_t lost_shards;
    uint64_t restarts; /* of ledger actors, of the shards that answered */
    bank_wide total_minor;
    char problem[160];
};

/* Waits until nothing is under way on any shard, for as long as `patience`; then reads everything
 * and checks it. The caller follows a directory and has taken its lists into `places` so far. */
enum bank_verdict bank_books_check(tp_actor *self, struct bank_places *places, tp_duration patience,
                                   struct bank_books *books);
/* Frees it. */
void bank_books_free(struct bank_books *books);

#endif
