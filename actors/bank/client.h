/*
 * A client of the demo: an actor that moves money between random accounts, one transfer after the
 * other, and asks again with the same id when it does not know the outcome. Now and then it asks
 * twice on purpose, and must hear the same; or it uses an id for another amount, and must be
 * refused.
 */
#ifndef ACTORS_BANK_CLIENT_H
#define ACTORS_BANK_CLIENT_H

#include <troupe/actor.h>

#include "actors/bank/messages.h"

/* What a client is started with. `steps` gets a bank_step for each transfer and a
 * bank_client_done at the end. */
TP_MESSAGE_AS(bank_client_start, "bank.client_start", TP_FIELD(u64, number), TP_FIELD(pid, teller),
              TP_FIELD(pid, steps), TP_FIELD(u64, seed), TP_FIELD(u64, transfers),
              TP_FIELD(u64, accounts), TP_FIELD(i64, amount_max_minor), TP_FIELD(i64, timeout),
              TP_FIELD(u64, shards), TP_FIELD(i64, patience)) /* of a bank over several nodes */

/*
 * Takes bank_client_start. With `shards` above zero the teller may be a window (window.h): lost
 * connections and tellers are as timeouts then, and it asks again for as long as `patience`; an
 * outcome that is still not known is counted as unresolved, like one that was lost with its shard.
 * Accounts are numbered from 1. It exits when it is done.
 */
extern const tp_behavior *const bank_client;

#endif
