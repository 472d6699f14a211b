/*
 * The teller: a map from numbers to accounts, and one from ids to what was asked under them.
 */
#include "actors/bank/teller.h"

#include <stdlib.h>
#include <troupe/call.h>

#include "actors/bank/account.h"
#include "actors/bank/map.h"

/* What a transfer was about; two requests are the same when all of it is equal. */
struct body {
    uint64_t from;
    uint64_t to;
    int64_t amount_minor;
    int32_t date;
    uint64_t text_hash;
    bank_code code; /* BANK_DONE: it went to its account; otherwise why not */
};

struct teller {
    tp_pid ledger;
    struct bank_map numbers; /* account n is accounts[n] */
    struct bank_map ids;     /* transfer n is bodies[n] */
    tp_pid *accounts;
    struct body *bodies;
    size_t accounts_max;
    size_t bodies_max;
};

static void teller_free(void *arg) {
    struct teller *teller = arg;
    bank_map_free(&teller->numbers);
    bank_map_free(&teller->ids);
    free(teller->accounts);
    free(teller->bodies);
}

static void on_start(tp_actor *self, struct teller *teller, const bank_teller_start *start) {
    teller->ledger = start->ledger;
    if (tp_on_exit(self, teller_free, teller) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
}

/* ---- accounts ---- */

/* The null pid when there is none. */
static tp_pid account_find(const struct teller *teller, uint64_t number) {
    size_t n = bank_map_find(&teller->numbers, &number, sizeof number);
    return n == BANK_MAP_NONE ? tp_pid_null() : teller->accounts[n];
}

static void account_add(tp_actor *self, struct teller *teller, uint64_t number, tp_pid account) {
    bool added;
    void *grown = bank_array_grow(teller->accounts, teller->numbers.count, &teller->accounts_max,
                                  sizeof *teller->accounts);
    if (grown == NULL) tp_exit(self, TP_EXIT_NOMEM);
    teller->accounts = grown;
    size_t n = bank_map_add(&teller->numbers, &number, sizeof number, &added);
    if (n == BANK_MAP_NONE) tp_exit(self, TP_EXIT_NOMEM);
    teller->accounts[n] = account;
}

static void on_open(tp_actor *self, struct teller *teller, const bank_open *msg) {
    bool fresh = tp_pid_is_null(account_find(teller, msg->account));
    if (fresh) {
        tp_pid account = tp_spawn_link(
            self, bank_account, bank_account_start, .account = msg->account, .rule = msg->rule,
            .limit_minor = msg->limit_minor, .teller = tp_self(self), .ledger = teller->ledger);
        if (tp_pid_is_null(account)) {
            tp_reply_error(self, tp_error(self));
            return;
        }
        account_add(self, teller, msg->account, account);
    }
    tp_reply(self, bank_opened, .account = msg->account, .fresh = fresh);
}

/* ---- routing ---- */

/* A request is answered by the account; a plain message is passed on as it is. */
static void route(tp_actor *self, tp_pid account) {
    if (tp_delegate(self, account) == TP_ECONTEXT) tp_forward(self, account);
}

static void on_entry(tp_actor *self, struct teller *teller, const bank_entry *msg) {
    tp_pid account = account_find(teller, msg->account);
    if (!tp_pid_is_null(account)) {
        route(self, account);
    } else if (tp_reply(self, bank_outcome, .id = msg->id, .code = BANK_NO_ACCOUNT) ==
               TP_ECONTEXT) {
        tp_send(self, teller->ledger, bank_refused, .line = msg->line, .column = msg->column,
                .code = BANK_NO_ACCOUNT);
    }
}

static void on_freeze(tp_actor *self, struct teller *teller, const bank_freeze *msg) {
    tp_pid account = account_find(teller, msg->account);
    if (!tp_pid_is_null(account)) route(self, account);
    else tp_reply(self, bank_outcome, .code = BANK_NO_ACCOUNT);
}

static void on_get_balance(tp_actor *self, struct teller *teller, const bank_get_balance *msg) {
    tp_pid account = account_find(teller, msg->account);
    if (!tp_pid_is_null(account)) route(self, account);
    else tp_reply(self, bank_balance, .code = BANK_NO_ACCOUNT, .account = msg->account);
}

static void on_credit(tp_actor *self, struct teller *teller, const bank_credit *msg) {
    tp_pid account = account_find(teller, msg->to);
    if (!tp_pid_is_null(account)) tp_forward(self, account);
    else tp_send(self, tp_sender(self), bank_credited, .id = msg->id, .code = BANK_NO_ACCOUNT);
}

/* ---- transfers ---- */

static bank_code transfer_check(const struct teller *teller, const bank_transfer *msg) {
    if (msg->amount_minor <= 0) return BANK_BAD_AMOUNT;
    if (msg->from == msg->to) return BANK_SAME_ACCOUNT;
    if (tp_pid_is_null(account_find(teller, msg->from))) return BANK_NO_ACCOUNT;
    if (tp_pid_is_null(account_find(teller, msg->to))) return BANK_NO_ACCOUNT;
    return BANK_DONE;
}

static bool body_equal(const struct body *a, const struct body *b) {
    return a->from == b->from && a->to == b->to && a->amount_minor == b->amount_minor &&
           a->date == b->date && a->text_hash == b->text_hash;
}

/* Remembers what is asked under an id; what was asked first stays. */
static const struct body *body_record(tp_actor *self, struct teller *teller,
                                      const bank_transfer *msg, const struct body *body) {
    bool added;
    void *grown = bank_array_grow(teller->bodies, teller->ids.count, &teller->bodies_max,
                                  sizeof *teller->bodies);
    if (grown == NULL) tp_exit(self, TP_EXIT_NOMEM);
    teller->bodies = grown;
    size_t n = bank_map_add(&teller->ids, &msg->id, sizeof msg->id, &added);
    if (n == BANK_MAP_NONE) tp_exit(self, TP_EXIT_NOMEM);
    if (added) {
        teller->bodies[n] = *body;
        teller->bodies[n].code = transfer_check(teller, msg);
    }
    return &teller->bodies[n];
}

static void on_transfer(tp_actor *self, struct teller *teller, const bank_transfer *msg) {
    struct body body = {.from = msg->from,
                        .to = msg->to,
                        .amount_minor = msg->amount_minor,
                        .date = msg->date,
                        .text_hash = bank_hash(msg->text.data, msg->text.size)};
    const struct body *recorded = body_record(self, teller, msg, &body);
    bank_code code = body_equal(recorded, &body) ? recorded->code : BANK_ID_CONFLICT;
    if (code == BANK_DONE) route(self, account_find(teller, msg->from));
    else tp_reply(self, bank_outcome, .id = msg->id, .code = code);
}

TP_BEHAVIOR(teller_behavior, "bank.teller", struct teller,
            TP_INIT_WITH(bank_teller_start, on_start), TP_ON(bank_open, on_open),
            TP_ON(bank_entry, on_entry), TP_ON(bank_transfer, on_transfer),
            TP_ON(bank_credit, on_credit), TP_ON(bank_freeze, on_freeze),
            TP_ON(bank_get_balance, on_get_balance));

const tp_behavior *const bank_teller = &teller_behavior;
