/*
 * The teller of a bank over several nodes.
 */
#include "actors/bank/branch.h"

#include <troupe/call.h>

#include "actors/bank/follow.h"
#include "actors/bank/journal.h"
#include "actors/bank/places.h"

struct branch {
    struct bank_places places;
};

static void on_start(tp_actor *self, struct branch *branch, const bank_branch_start *start) {
    branch->places.shards = start->shards;
    if (start->shards == 0 || start->shards > BANK_SHARDS_MAX) tp_fail(self, "no shards");
    tp_pid directory = bank_directory_follow(self, start->directory);
    if (start->serve) tp_send(self, directory, bank_serve, .role = BANK_ROLE_TELLER);
}

static void on_services(tp_actor *self, struct branch *branch, const bank_services *msg) {
    (void)self;
    bank_places_take(&branch->places, msg);
}

static void route(tp_actor *self, const struct branch *branch, uint64_t account) {
    tp_pid ledger = branch->places.at[bank_shard_of(account, branch->places.shards)].ledger;
    if (tp_pid_is_null(ledger)) tp_reply_error(self, TP_ENOCONNECTION);
    else if (tp_delegate(self, ledger) == TP_ECONTEXT) tp_forward(self, ledger);
}

static void on_open(tp_actor *self, struct branch *branch, const bank_open *msg) {
    route(self, branch, msg->account);
}

static void on_entry(tp_actor *self, struct branch *branch, const bank_entry *msg) {
    route(self, branch, msg->account);
}

static void on_transfer(tp_actor *self, struct branch *branch, const bank_transfer *msg) {
    route(self, branch, msg->from);
}

static void on_freeze(tp_actor *self, struct branch *branch, const bank_freeze *msg) {
    route(self, branch, msg->account);
}

static void on_get_balance(tp_actor *self, struct branch *branch, const bank_get_balance *msg) {
    route(self, branch, msg->account);
}

static void on_read(tp_actor *self, struct branch *branch, const bank_read *msg) {
    uint64_t account;
    if (bank_account_number(msg->account, &account)) route(self, branch, account);
    else tp_reply_error(self, TP_ENOTSUP); /* each shard has a journal of its own */
}

static void on_get_shards(tp_actor *self, struct branch *branch, const bank_get_shards *msg) {
    uint64_t generations[BANK_SHARDS_MAX];
    (void)msg;
    for (size_t i = 0; i < branch->places.shards; i++)
        generations[i] = branch->places.at[i].generation;
    tp_reply(self, bank_shards, .generations = {generations, branch->places.shards});
}

TP_BEHAVIOR(branch_behavior, "bank.branch", struct branch,
            TP_INIT_WITH(bank_branch_start, on_start), TP_ON(bank_services, on_services),
            TP_ON(bank_open, on_open), TP_ON(bank_entry, on_entry),
            TP_ON(bank_transfer, on_transfer), TP_ON(bank_freeze, on_freeze),
            TP_ON(bank_get_balance, on_get_balance), TP_ON(bank_read, on_read),
            TP_ON(bank_get_shards, on_get_shards));

const tp_behavior *const bank_branch = &branch_behavior;
