/*
 * What the actors of a bank over several nodes say to each other, beside messages.h: who serves
 * what, which shard has which account, and how a shard is doing.
 */
#ifndef ACTORS_BANK_CLUSTER_H
#define ACTORS_BANK_CLUSTER_H

#include <troupe/message.h>

#include "actors/bank/messages.h"

#define BANK_SHARDS_MAX 64
#define BANK_NODE_SIZE 64 /* of a node's name, terminator included */
#define BANK_URL_SIZE 160 /* of an address, terminator included */

/* What a node of the bank does; it may do several of these. */
typedef enum bank_role {
    BANK_ROLE_LEDGER, /* keeps a shard of the accounts */
    BANK_ROLE_TELLER, /* takes requests and passes them to the shard they are for */
    BANK_ROLE_REPORT, /* makes reports */
    BANK_ROLE_CLIENT, /* moves money */
    BANK_ROLES
} bank_role;

/* The name of a role ("ledger"); a static string. */
const char *bank_role_name(bank_role role);

/* ---- directories: directory.h ---- */

/* From an actor to its node's directory: I do this from now on, until I end. The last three are a
 * ledger's. */
TP_MESSAGE_AS(bank_serve, "bank.serve", TP_ENUM(bank_role, role), TP_FIELD(u64, shard),
              TP_FIELD(u64, shards), TP_FIELD(u64, generation))
/* From an actor to its node's directory: tell me who serves, now and at every change
 * (bank_services). */
TP_MESSAGE_AS(bank_follow, "bank.follow")
TP_MESSAGE_AS(bank_service, "bank.service", TP_ENUM(bank_role, role), TP_FIELD(u64, shard),
              TP_FIELD(u64, generation), TP_FIELD(pid, who), TP_FIELD(str, node))
TP_MESSAGE_AS(bank_services, "bank.services", TP_LIST_OF(bank_service, list))

/* Where a node can be reached; also what a directory tells who asked by bank_seek. */
TP_MESSAGE_AS(bank_address, "bank.address", TP_FIELD(str, node), TP_FIELD(str, url))
/* From an actor to its node's directory: tell me the addresses of other nodes as you hear them. */
TP_MESSAGE_AS(bank_seek, "bank.seek")
/* To a directory: here is one of another node. Said again, it tells that one everything again. */
TP_MESSAGE_AS(bank_meet, "bank.meet", TP_FIELD(pid, directory))
/* From directory to directory: all that my node does, and the addresses that I know. */
TP_MESSAGE_AS(bank_local, "bank.local", TP_FIELD(str, node), TP_FIELD(str, url),
              TP_FIELD(u64, shards), TP_LIST_OF(bank_service, list),
              TP_LIST_OF(bank_address, known))

/* ---- shards: shard.h ---- */

/* To a teller. Answer: bank_shards, in the order of their numbers; 0: not there now. */
TP_MESSAGE_AS(bank_get_shards, "bank.get_shards")
TP_MESSAGE_AS(bank_shards, "bank.shards", TP_LIST(u64, generations))

/* To a shard. Answer: bank_shard_state. */
TP_MESSAGE_AS(bank_get_shard_state, "bank.get_shard_state")
TP_MESSAGE_AS(bank_shard_state, "bank.shard_state", TP_FIELD(u64, shard), TP_FIELD(u64, generation),
              TP_FIELD(u64, accounts), TP_FIELD(u64, records), TP_FIELD(u64, pending),
              TP_FIELD(u64, lost),     /* transfers whose other side was lost */
              TP_FIELD(u64, restarts)) /* of the ledger actor */
/* The accounts of a shard from number `start` on, in order of opening. Answer: bank_balances. */
TP_MESSAGE_AS(bank_read_balances, "bank.read_balances", TP_FIELD(u64, start))
TP_MESSAGE_AS(bank_balances, "bank.balances", TP_FIELD(u64, total), TP_LIST_OF(bank_balance, list))

/* ---- load: driver.h ---- */

/* To a driver: move money with so many clients. Answer (sent): bank_driven now and then, the last
 * with `finished`. */
TP_MESSAGE_AS(bank_drive, "bank.drive", TP_FIELD(u64, clients), TP_FIELD(u64, transfers),
              TP_FIELD(u64, accounts), TP_FIELD(u64, seed), TP_FIELD(i64, amount_max_minor),
              TP_FIELD(i64, timeout))
TP_MESSAGE_AS(bank_driven, "bank.driven", TP_FIELD(bool, finished), TP_FIELD(u64, made),
              TP_NESTED(bank_client_done, sums))

#endif
