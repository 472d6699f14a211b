/*
 * Where the shards are, as an actor that follows a directory knows it.
 */
#ifndef ACTORS_BANK_PLACES_H
#define ACTORS_BANK_PLACES_H

#include "actors/bank/cluster.h"

struct bank_place {
    tp_pid ledger;       /* null: not there now */
    uint64_t generation; /* the last that was heard of; 0: none yet */
};

struct bank_places {
    uint64_t shards;
    struct bank_place at[BANK_SHARDS_MAX];
};

/* The shard of an account. */
uint64_t bank_shard_of(uint64_t account, uint64_t shards);
/* Takes over a directory's list. Of two ledgers that say they are one shard the newer one counts.
 */
void bank_places_take(struct bank_places *places, const bank_services *services);

#endif
