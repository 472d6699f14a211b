/*
 * The teller of a bank over several nodes: it knows from its node's directory where the shards are,
 * and passes each request to the one it is for. It keeps nothing else, so there may be any number
 * of them. It takes what the teller of one process takes (messages.h), what a ledger takes about an
 * account (bank_read with a name), and bank_get_shards. A request for a shard that is not there now
 * fails with TP_ENOCONNECTION: it was not executed.
 */
#ifndef ACTORS_BANK_BRANCH_H
#define ACTORS_BANK_BRANCH_H

#include <troupe/actor.h>

#include "actors/bank/cluster.h"

/* What a teller is started with: the name of its node's directory, how many shards there are, and
 * whether it offers itself to the clients of all nodes. */
TP_MESSAGE_AS(bank_branch_start, "bank.branch_start", TP_FIELD(str, directory),
              TP_FIELD(u64, shards), TP_FIELD(bool, serve))

/* Takes bank_branch_start. */
extern const tp_behavior *const bank_branch;

#endif
