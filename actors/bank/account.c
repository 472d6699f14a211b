/*
 * The account actor; account.h says how a transfer goes.
 */
#include "actors/bank/account.h"

#include <stdlib.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/journal.h"

/* When a credit that was not answered is asked for again. */
#define RETRY_AFTER TP_SECONDS(1)

enum kind { ENTRY, OUTGOING, INCOMING };

/* What was asked of this account under an id, and what became of it. */
struct operation {
    bank_id id;
    enum kind kind;
    bank_code code;
    uint64_t other; /* account; 0 for an entry */
    int64_t amount_minor;
    int32_t date;
    uint64_t order;
    tp_str text;   /* in the message that is kept */
    tp_kept *kept; /* until it is decided */
    tp_from asker; /* who waits for the outcome; its caller is null when nobody does */
    tp_pid source; /* INCOMING: the account that is told */
    tp_ref timer;  /* OUTGOING: the next retry */
};

struct account {
    uint64_t number;
    bank_rule rule;
    int64_t limit_minor;
    tp_pid teller;
    tp_pid ledger;
    bool frozen;
    int64_t balance_minor;
    int64_t incoming_minor; /* accepted, not yet recorded */
    int64_t outgoing_minor; /* debited, not yet recorded: it may come back */
    uint64_t entries;
    uint64_t overdrafts; /* entries that left the balance below zero */
    struct bank_map ids; /* operation n is operations[n] */
    struct operation *operations;
    size_t operations_max;
};

static void account_free(void *arg) {
    struct account *account = arg;
    bank_map_free(&account->ids);
    free(account->operations);
}

static void on_start(tp_actor *self, struct account *account, const bank_account_start *start) {
    account->number = start->account;
    account->rule = start->rule;
    account->limit_minor = start->limit_minor;
    account->teller = start->teller;
    account->ledger = start->ledger;
    if (tp_on_exit(self, account_free, account) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
}

/* ---- operations ---- */

static struct operation *operation_find(const struct account *account, const bank_id *id) {
    size_t n = bank_map_find(&account->ids, id, sizeof *id);
    return n == BANK_MAP_NONE ? NULL : &account->operations[n];
}

/* Records an operation; it stays where it is until the next one is added. */
static struct operation *operation_add(tp_actor *self, struct account *account,
                                       const struct operation *operation) {
    bool added;
    void *grown = bank_array_grow(account->operations, account->ids.count, &account->operations_max,
                                  sizeof *account->operations);
    if (grown == NULL) tp_exit(self, TP_EXIT_NOMEM);
    account->operations = grown;
    size_t n = bank_map_add(&account->ids, &operation->id, sizeof operation->id, &added);
    if (n == BANK_MAP_NONE) tp_exit(self, TP_EXIT_NOMEM);
    account->operations[n] = *operation;
    return &account->operations[n];
}

static bool operation_is(const struct operation *operation, enum kind kind, uint64_t other,
                         int64_t amount_minor) {
    return operation->kind == kind && operation->other == other &&
           operation->amount_minor == amount_minor;
}

/* Keeps the message now handled for as long as the operation is under way: its text is needed
 * again. */
static void text_keep(tp_actor *self, struct operation *operation, tp_str text) {
    operation->kept = tp_keep(self);
    if (operation->kept != NULL) operation->text = text;
}

/* Records what became of an operation, and tells who waits for it. */
static void operation_decide(tp_actor *self, struct operation *operation, bank_code code) {
    operation->code = code;
    tp_keep_release(self, operation->kept);
    operation->kept = NULL;
    operation->text = (tp_str){NULL, 0};
    if (tp_pid_is_null(operation->asker.caller)) return;
    tp_reply_to(self, operation->asker, bank_outcome, .id = operation->id, .code = code);
    operation->asker = (tp_from){.caller = tp_pid_null()};
}

/* ---- what may go out and come in ---- */

static bank_code debit_check(const struct account *account, int64_t amount_minor) {
    if (account->frozen) return BANK_FROZEN;
    return bank_rule_debit(account->rule, account->limit_minor, account->balance_minor,
                           amount_minor);
}

/* Room is kept for all that may still arrive, refunds included, so that nothing accepted
 * overflows later. */
static bank_code credit_check(const struct account *account, int64_t amount_minor) {
    int64_t after;
    if (account->frozen) return BANK_FROZEN;
    bool fits = bank_money_add(account->balance_minor, account->incoming_minor, &after) &&
                bank_money_add(after, account->outgoing_minor, &after) &&
                bank_money_add(after, amount_minor, &after);
    return fits ? BANK_DONE : BANK_OVERFLOW;
}

/* Money that leaves is gone at once, and comes back if it could not leave. */
static void debit_begin(struct account *account, int64_t amount_minor) {
    account->balance_minor -= amount_minor;
    account->outgoing_minor += amount_minor;
}

static void entry_count(struct account *account) {
    account->entries++;
    account->overdrafts += account->balance_minor < 0 ? 1 : 0;
}

static void debit_end(struct account *account, int64_t amount_minor, bool done) {
    account->outgoing_minor -= amount_minor;
    if (done) entry_count(account);
    if (!done) account->balance_minor += amount_minor;
}

/* Money that arrives is there only when it is recorded. */
static void credit_begin(struct account *account, int64_t amount_minor) {
    account->incoming_minor += amount_minor;
}

static void credit_end(struct account *account, int64_t amount_minor, bool done) {
    account->incoming_minor -= amount_minor;
    if (!done) return;
    account->balance_minor += amount_minor;
    entry_count(account);
}

/* ---- outgoing: account A of a transfer ---- */

static void credit_ask(tp_actor *self, struct account *account, struct operation *operation) {
    tp_send(self, account->teller, bank_credit, .id = operation->id, .from = account->number,
            .to = operation->other, .amount_minor = operation->amount_minor,
            .date = operation->date, .order = operation->order, .text = operation->text);
    operation->timer =
        tp_send_after(self, RETRY_AFTER, tp_self(self), bank_retry, .id = operation->id);
}

static void on_transfer(tp_actor *self, struct account *account, const bank_transfer *msg) {
    struct operation *known = operation_find(account, &msg->id);
    if (known != NULL) {
        bool same = operation_is(known, OUTGOING, msg->to, msg->amount_minor);
        tp_reply(self, bank_outcome, .id = msg->id, .code = same ? known->code : BANK_ID_CONFLICT);
        return;
    }
    struct operation operation = {.id = msg->id,
                                  .kind = OUTGOING,
                                  .code = debit_check(account, msg->amount_minor),
                                  .other = msg->to,
                                  .amount_minor = msg->amount_minor,
                                  .date = msg->date,
                                  .order = msg->order};
    struct operation *added = operation_add(self, account, &operation);
    if (added->code != BANK_DONE) {
        tp_reply(self, bank_outcome, .id = msg->id, .code = added->code);
        return;
    }
    debit_begin(account, msg->amount_minor);
    added->code = BANK_PENDING;
    added->asker = tp_defer(self);
    text_keep(self, added, msg->text);
    credit_ask(self, account, added);
}

static void on_retry(tp_actor *self, struct account *account, const bank_retry *msg) {
    struct operation *operation = operation_find(account, &msg->id);
    if (operation != NULL && operation->code == BANK_PENDING) credit_ask(self, account, operation);
}

static void on_credited(tp_actor *self, struct account *account, const bank_credited *msg) {
    struct operation *operation = operation_find(account, &msg->id);
    if (operation == NULL || operation->kind != OUTGOING || operation->code != BANK_PENDING) return;
    tp_cancel_timer(self, operation->timer);
    debit_end(account, operation->amount_minor, msg->code == BANK_DONE);
    operation_decide(self, operation, msg->code);
}

/* ---- incoming: account B of a transfer ---- */

static void credit_post(tp_actor *self, struct account *account, struct operation *operation) {
    char to[BANK_NAME_SIZE];
    char from[BANK_NAME_SIZE];
    bank_account_name(account->number, to);
    bank_account_name(operation->other, from);
    tp_send(self, account->ledger, bank_post, .id = operation->id,
            .amount_minor = operation->amount_minor, .date = operation->date,
            .order = operation->order, .account = tp_str_of(to), .counter = tp_str_of(from),
            .text = operation->text, .answer = true);
}

static void credit_answer(tp_actor *self, const struct operation *operation, tp_pid to,
                          bank_code code) {
    tp_send(self, to, bank_credited, .id = operation->id, .code = code);
}

static void on_credit(tp_actor *self, struct account *account, const bank_credit *msg) {
    struct operation *known = operation_find(account, &msg->id);
    if (known != NULL && !operation_is(known, INCOMING, msg->from, msg->amount_minor)) {
        credit_answer(self, known, tp_sender(self), BANK_ID_CONFLICT);
        return;
    }
    if (known != NULL) {
        if (known->code == BANK_PENDING) credit_post(self, account, known);
        if (known->code != BANK_PENDING) credit_answer(self, known, tp_sender(self), known->code);
        return;
    }
    struct operation operation = {.id = msg->id,
                                  .kind = INCOMING,
                                  .code = credit_check(account, msg->amount_minor),
                                  .other = msg->from,
                                  .amount_minor = msg->amount_minor,
                                  .date = msg->date,
                                  .order = msg->order,
                                  .source = tp_sender(self)};
    struct operation *added = operation_add(self, account, &operation);
    if (added->code != BANK_DONE) {
        credit_answer(self, added, added->source, added->code);
        return;
    }
    credit_begin(account, msg->amount_minor);
    added->code = BANK_PENDING;
    text_keep(self, added, msg->text);
    credit_post(self, account, added);
}

/* ---- entries: money from and to the outside ---- */

/* Whoever asked is answered; what was only sent is noted by the ledger. */
static void entry_refuse(tp_actor *self, struct account *account, const bank_entry *msg,
                         bank_code code) {
    if (tp_reply(self, bank_outcome, .id = msg->id, .code = code) != TP_ECONTEXT) return;
    tp_send(self, account->ledger, bank_refused, .line = msg->line, .column = msg->column,
            .code = code);
}

static void entry_post(tp_actor *self, struct account *account, const bank_entry *msg,
                       bool answer) {
    char name[BANK_NAME_SIZE];
    bank_account_name(account->number, name);
    tp_send(self, account->ledger, bank_post, .id = msg->id, .amount_minor = msg->amount_minor,
            .date = msg->date, .order = msg->order, .account = tp_str_of(name),
            .counter = msg->counter, .text = msg->text, .answer = answer, .line = msg->line,
            .column = msg->column);
}

/* An entry that was asked for is decided by the ledger, like a transfer; one that was sent has
 * happened. */
static void entry_begin(struct account *account, struct operation *operation, bool asked) {
    int64_t amount_minor = operation->amount_minor;
    operation->code = asked ? BANK_PENDING : BANK_DONE;
    if (amount_minor < 0) debit_begin(account, -amount_minor);
    if (amount_minor >= 0) credit_begin(account, amount_minor);
    if (asked) return;
    if (amount_minor < 0) debit_end(account, -amount_minor, true);
    if (amount_minor >= 0) credit_end(account, amount_minor, true);
}

static void on_entry(tp_actor *self, struct account *account, const bank_entry *msg) {
    struct operation *known = operation_find(account, &msg->id);
    if (known != NULL) {
        bool same = operation_is(known, ENTRY, 0, msg->amount_minor);
        if (same) tp_reply(self, bank_outcome, .id = msg->id, .code = known->code);
        if (!same) entry_refuse(self, account, msg, BANK_ID_CONFLICT);
        return;
    }
    bool debit = msg->amount_minor < 0;
    struct operation operation = {.id = msg->id,
                                  .kind = ENTRY,
                                  .code = msg->amount_minor == INT64_MIN ? BANK_OVERFLOW
                                          : debit ? debit_check(account, -msg->amount_minor)
                                                  : credit_check(account, msg->amount_minor),
                                  .amount_minor = msg->amount_minor};
    struct operation *added = operation_add(self, account, &operation);
    if (added->code != BANK_DONE) {
        entry_refuse(self, account, msg, added->code);
        return;
    }
    added->asker = tp_defer(self);
    bool asked = !tp_pid_is_null(added->asker.caller);
    entry_begin(account, added, asked);
    entry_post(self, account, msg, asked);
}

/* ---- what the ledger answers ---- */

static void on_posted(tp_actor *self, struct account *account, const bank_posted *msg) {
    struct operation *operation = operation_find(account, &msg->id);
    if (operation == NULL || operation->kind == OUTGOING) return;
    int64_t amount_minor = operation->amount_minor;
    bool done = msg->code == BANK_DONE;
    if (operation->code == BANK_PENDING) {
        if (amount_minor < 0) debit_end(account, -amount_minor, done);
        if (amount_minor >= 0) credit_end(account, amount_minor, done);
    } else if (operation->code == BANK_DONE && operation->kind == ENTRY && !done) {
        account->balance_minor -=
            amount_minor; /* sent as history, and the ledger would not have it */
        account->entries--;
    } else {
        return;
    }
    operation_decide(self, operation, msg->code);
    if (operation->kind == INCOMING) credit_answer(self, operation, operation->source, msg->code);
}

/* ---- the rest ---- */

static void on_freeze(tp_actor *self, struct account *account, const bank_freeze *msg) {
    account->frozen = msg->frozen;
    tp_reply(self, bank_outcome, .code = BANK_DONE);
}

static void on_get_balance(tp_actor *self, struct account *account, const bank_get_balance *msg) {
    (void)msg;
    tp_reply(self, bank_balance, .code = BANK_DONE, .account = account->number,
             .balance_minor = account->balance_minor, .entries = account->entries,
             .overdrafts = account->overdrafts, .rule = account->rule,
             .limit_minor = account->limit_minor, .outgoing_minor = account->outgoing_minor);
}

TP_BEHAVIOR(account_behavior, "bank.account", struct account,
            TP_INIT_WITH(bank_account_start, on_start), TP_ON(bank_transfer, on_transfer),
            TP_ON(bank_retry, on_retry), TP_ON(bank_credited, on_credited),
            TP_ON(bank_credit, on_credit), TP_ON(bank_entry, on_entry),
            TP_ON(bank_posted, on_posted), TP_ON(bank_freeze, on_freeze),
            TP_ON(bank_get_balance, on_get_balance));

const tp_behavior *const bank_account = &account_behavior;
