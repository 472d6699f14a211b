/*
 * The store of a shard: its accounts, its journal, and what became of every request under its id.
 * It stands behind the ledger actor (shard.h) and outlives its crashes. This one is memory and ends
 * with its process; a durable one keeps the same functions, each of which is one transaction: it
 * happens wholly or not at all, and happens once for an id however often it is asked.
 *
 * A transfer within the shard is one step. One to another shard is
 *
 *     here    PENDING   the money has left the balance and stands in `outgoing`
 *     there   DONE      the credit is recorded in the other journal; or a refusal is, for good
 *     here    DONE      the debit is recorded in this journal
 *             a refusal nothing is recorded, the money is back in the balance
 *             OUTCOME_LOST the other shard has forgotten: the money stays in `outgoing` for ever
 *
 * so whatever happens in between, money is in one place: a balance, or the `outgoing` of a PENDING
 * transfer that the other side has not credited. Plain memory; one thread at a time.
 */
#ifndef ACTORS_BANK_STORE_H
#define ACTORS_BANK_STORE_H

#include "actors/bank/cluster.h"
#include "actors/bank/journal.h"

#define BANK_STORE_NONE SIZE_MAX

struct bank_store;

/* A transfer to another shard that is not decided. Texts are the store's until it is. */
struct bank_pending {
    bank_id id;
    uint64_t from;
    uint64_t to;
    int64_t amount_minor;
    int32_t date;
    uint64_t order;
    tp_str text;
    uint64_t generation; /* of the other shard, as it was first asked; 0: not asked yet */
};

/* An empty shard, number `shard` of `shards`. The generation is never to be used again: a shard
 * that comes back empty must have another. NULL: no memory, or a number that is out of range. */
struct bank_store *bank_store_new(uint64_t shard, uint64_t shards, uint64_t generation);
/* Frees it; NULL is allowed. */
void bank_store_free(struct bank_store *store);
/* Its number, how many there are, its generation. */
uint64_t bank_store_shard(const struct bank_store *store);
uint64_t bank_store_shards(const struct bank_store *store);
uint64_t bank_store_generation(const struct bank_store *store);
/* How often a ledger actor has begun with it, this time included. */
uint64_t bank_store_begin(struct bank_store *store);

/* Opens an account; *fresh: it was not open. BANK_DONE or BANK_NO_MEMORY. */
bank_code bank_store_open(struct bank_store *store, const bank_open *msg, bool *fresh);
/* Money from or to the outside. */
bank_code bank_store_entry(struct bank_store *store, const bank_entry *msg);
/* Freezes or frees an account. */
bank_code bank_store_freeze(struct bank_store *store, uint64_t account, bool frozen);
/*
 * A transfer from one of its accounts. BANK_PENDING: its money is under way, and stands in the list
 * of pending ones. Any other code is final, and the same for ever; BANK_NO_MEMORY is none: ask
 * again.
 */
bank_code bank_store_transfer(struct bank_store *store, const bank_transfer *msg);
/* Money from an account of another shard. As of bank_store_transfer, but never BANK_PENDING. */
bank_code bank_store_credit(struct bank_store *store, const bank_credit *msg);
/* What the other shard says of a pending transfer. False: it was decided before, or memory ran
 * out and it is pending still. */
bool bank_store_settle(struct bank_store *store, const bank_id *id, bank_code code);

/* The first pending transfer (after BANK_STORE_NONE), then the next; BANK_STORE_NONE: no more. A
 * transfer may be settled while it is looked at, then its next is to be asked for before. */
size_t bank_store_pending(const struct bank_store *store, size_t after, struct bank_pending *out);
/* The pending transfer of an id; false when there is none. */
bool bank_store_pending_find(const struct bank_store *store, const bank_id *id,
                             struct bank_pending *out);
/* Remembers which generation of the other shard is asked, unless one was before; returns what
 * counts. */
uint64_t bank_store_stamp(struct bank_store *store, const bank_id *id, uint64_t generation);

/* An account; BANK_NO_ACCOUNT in its code when there is none. */
bank_balance bank_store_balance(const struct bank_store *store, uint64_t account);
/* The n-th account that was opened; false: there are not so many. */
bool bank_store_account(const struct bank_store *store, size_t n, bank_balance *out);
/* Counts. */
bank_shard_state bank_store_state(const struct bank_store *store);
/* The journal, to be read. */
const struct bank_journal *bank_store_journal(const struct bank_store *store);
/* The business day of records without a date. */
void bank_store_set_date(struct bank_store *store, int32_t date);

#endif
