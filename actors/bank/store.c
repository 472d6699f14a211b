/*
 * The store in memory. Every step finds its memory before it changes anything: a request is first
 * entered as one of which nothing has come (BANK_NO_MEMORY), and is that until its last change.
 */
#include "actors/bank/store.h"

#include <stdlib.h>
#include <string.h>

#include "actors/bank/places.h"

enum kind { ENTRY, TRANSFER, INCOMING };

struct account {
    uint64_t number;
    bank_rule rule;
    int64_t limit_minor;
    bool frozen;
    int64_t balance_minor;
    int64_t outgoing_minor; /* of pending transfers: it may come back */
    uint64_t entries;
    uint64_t overdrafts;
};

/* What was asked under an id, and what became of it. */
struct request {
    bank_id id;
    enum kind kind;
    bank_code code;
    uint64_t from; /* 0 for an entry */
    uint64_t to;
    int64_t amount_minor;
    int32_t date;
    uint64_t order;
    uint64_t text_hash;
    char *text; /* while it is pending */
    size_t text_size;
    uint64_t generation;   /* of the other shard */
    size_t before, behind; /* in the list of pending ones */
};

struct bank_store {
    uint64_t shard, shards, generation;
    uint64_t begun;
    struct bank_map numbers; /* account n is accounts[n] */
    struct account *accounts;
    size_t accounts_max;
    struct bank_map ids; /* request n is requests[n] */
    struct request *requests;
    size_t requests_max;
    size_t first; /* pending */
    size_t last;
    uint64_t pending;
    uint64_t lost;
    struct bank_journal journal;
};

/* ---- as a whole ---- */

struct bank_store *bank_store_new(uint64_t shard, uint64_t shards, uint64_t generation) {
    if (shards == 0 || shards > BANK_SHARDS_MAX || shard >= shards) return NULL;
    struct bank_store *store = calloc(1, sizeof *store);
    if (store == NULL) return NULL;
    store->shard = shard;
    store->shards = shards;
    store->generation = generation;
    store->first = store->last = BANK_STORE_NONE;
    return store;
}

void bank_store_free(struct bank_store *store) {
    if (store == NULL) return;
    for (size_t i = 0; i < store->ids.count; i++) free(store->requests[i].text);
    bank_map_free(&store->numbers);
    bank_map_free(&store->ids);
    bank_journal_free(&store->journal);
    free(store->accounts);
    free(store->requests);
    free(store);
}

uint64_t bank_store_shard(const struct bank_store *store) {
    return store->shard;
}

uint64_t bank_store_shards(const struct bank_store *store) {
    return store->shards;
}

uint64_t bank_store_generation(const struct bank_store *store) {
    return store->generation;
}

uint64_t bank_store_begin(struct bank_store *store) {
    return ++store->begun;
}

const struct bank_journal *bank_store_journal(const struct bank_store *store) {
    return &store->journal;
}

void bank_store_set_date(struct bank_store *store, int32_t date) {
    store->journal.today = date;
}

bank_shard_state bank_store_state(const struct bank_store *store) {
    return (bank_shard_state){.shard = store->shard,
                              .generation = store->generation,
                              .accounts = store->numbers.count,
                              .records = store->journal.count,
                              .pending = store->pending,
                              .lost = store->lost,
                              .restarts = store->begun > 0 ? store->begun - 1 : 0};
}

/* ---- accounts ---- */

static struct account *account_find(const struct bank_store *store, uint64_t number) {
    size_t n = bank_map_find(&store->numbers, &number, sizeof number);
    return n == BANK_MAP_NONE ? NULL : &store->accounts[n];
}

bank_code bank_store_open(struct bank_store *store, const bank_open *msg, bool *fresh) {
    *fresh = false;
    if (account_find(store, msg->account) != NULL) return BANK_DONE;
    struct account *accounts = bank_array_grow(store->accounts, store->numbers.count,
                                               &store->accounts_max, sizeof *accounts);
    if (accounts == NULL) return BANK_NO_MEMORY;
    store->accounts = accounts;
    size_t n = bank_map_add(&store->numbers, &msg->account, sizeof msg->account, fresh);
    if (n == BANK_MAP_NONE) return BANK_NO_MEMORY;
    accounts[n] = (struct account){
        .number = msg->account, .rule = msg->rule, .limit_minor = msg->limit_minor};
    return BANK_DONE;
}

bank_code bank_store_freeze(struct bank_store *store, uint64_t number, bool frozen) {
    struct account *account = account_find(store, number);
    if (account == NULL) return BANK_NO_ACCOUNT;
    account->frozen = frozen;
    return BANK_DONE;
}

static bank_balance balance_of(const struct account *account) {
    return (bank_balance){.code = BANK_DONE,
                          .account = account->number,
                          .balance_minor = account->balance_minor,
                          .entries = account->entries,
                          .overdrafts = account->overdrafts,
                          .rule = account->rule,
                          .limit_minor = account->limit_minor,
                          .outgoing_minor = account->outgoing_minor};
}

bank_balance bank_store_balance(const struct bank_store *store, uint64_t number) {
    const struct account *account = account_find(store, number);
    if (account == NULL) return (bank_balance){.code = BANK_NO_ACCOUNT, .account = number};
    return balance_of(account);
}

bool bank_store_account(const struct bank_store *store, size_t n, bank_balance *out) {
    if (n >= store->numbers.count) return false;
    *out = balance_of(&store->accounts[n]);
    return true;
}

static bank_code debit_check(const struct account *account, int64_t amount_minor) {
    if (account == NULL) return BANK_NO_ACCOUNT;
    if (account->frozen) return BANK_FROZEN;
    return bank_rule_debit(account->rule, account->limit_minor, account->balance_minor,
                           amount_minor);
}

/* Room is kept for what may still come back. */
static bank_code credit_check(const struct account *account, int64_t amount_minor) {
    int64_t after;
    if (account == NULL) return BANK_NO_ACCOUNT;
    if (account->frozen) return BANK_FROZEN;
    bool fits = bank_money_add(account->balance_minor, account->outgoing_minor, &after) &&
                bank_money_add(after, amount_minor, &after);
    return fits ? BANK_DONE : BANK_OVERFLOW;
}

static void account_move(struct account *account, int64_t amount_minor) {
    account->balance_minor += amount_minor;
    account->entries++;
    account->overdrafts += account->balance_minor < 0 ? 1 : 0;
}

/* ---- requests ---- */

static struct request *request_find(const struct bank_store *store, const bank_id *id) {
    size_t n = bank_map_find(&store->ids, id, sizeof *id);
    return n == BANK_MAP_NONE ? NULL : &store->requests[n];
}

static bool request_is(const struct request *a, const struct request *b) {
    return a->kind == b->kind && a->from == b->from && a->to == b->to &&
           a->amount_minor == b->amount_minor && a->date == b->date && a->text_hash == b->text_hash;
}

/* Enters a request, or finds it. Its code is what there is to say; BANK_NO_MEMORY: nothing has come
 * of it yet, and it is to be tried. NULL: no memory. */
static struct request *request_enter(struct bank_store *store, const struct request *asked) {
    bool added;
    struct request *requests =
        bank_array_grow(store->requests, store->ids.count, &store->requests_max, sizeof *requests);
    if (requests == NULL) return NULL;
    store->requests = requests;
    size_t n = bank_map_add(&store->ids, &asked->id, sizeof asked->id, &added);
    if (n == BANK_MAP_NONE) return NULL;
    if (added) {
        requests[n] = *asked;
        requests[n].code = BANK_NO_MEMORY;
        requests[n].before = requests[n].behind = BANK_STORE_NONE;
    }
    return &requests[n];
}

/* Both sides' names are the accounts' own, on whichever shard they are: a report shows them. */
static bank_code record_post(struct bank_store *store, const struct request *request,
                             uint64_t number, int64_t amount_minor, tp_str counter, tp_str text) {
    char name[BANK_NAME_SIZE];
    bank_account_name(number, name);
    struct bank_posting posting = {.id = request->id,
                                   .order = request->order,
                                   .date = request->date,
                                   .amount_minor = amount_minor,
                                   .account = tp_str_of(name),
                                   .counter = counter,
                                   .text = text};
    switch (bank_journal_post(&store->journal, &posting)) {
    case BANK_POSTED:
    case BANK_POST_KNOWN: return BANK_DONE;
    case BANK_POST_CONFLICT: return BANK_ID_CONFLICT;
    case BANK_POST_INVALID: return BANK_SAME_ACCOUNT;
    case BANK_POST_NOMEM: break;
    }
    return BANK_NO_MEMORY;
}

/* ---- money from and to the outside ---- */

bank_code bank_store_entry(struct bank_store *store, const bank_entry *msg) {
    struct request asked = {.id = msg->id,
                            .kind = ENTRY,
                            .to = msg->account,
                            .amount_minor = msg->amount_minor,
                            .date = msg->date,
                            .order = msg->order,
                            .text_hash = bank_hash(msg->text.data, msg->text.size)};
    struct request *request = request_enter(store, &asked);
    if (request == NULL) return BANK_NO_MEMORY;
    if (!request_is(request, &asked)) return BANK_ID_CONFLICT;
    if (request->code != BANK_NO_MEMORY) return request->code;
    struct account *account = account_find(store, msg->account);
    bank_code code = BANK_OVERFLOW;
    if (msg->amount_minor != INT64_MIN) {
        code = msg->amount_minor < 0 ? debit_check(account, -msg->amount_minor)
                                     : credit_check(account, msg->amount_minor);
    }
    if (code == BANK_DONE)
        code =
            record_post(store, request, msg->account, msg->amount_minor, msg->counter, msg->text);
    if (code == BANK_DONE) account_move(account, msg->amount_minor);
    request->code = code;
    return code;
}

/* ---- pending transfers ---- */

static void pending_add(struct bank_store *store, struct request *request) {
    size_t n = (size_t)(request - store->requests);
    request->before = store->last;
    request->behind = BANK_STORE_NONE;
    if (store->last != BANK_STORE_NONE) store->requests[store->last].behind = n;
    else store->first = n;
    store->last = n;
    store->pending++;
}

static void pending_remove(struct bank_store *store, struct request *request) {
    size_t before = request->before;
    size_t behind = request->behind;
    if (before != BANK_STORE_NONE) store->requests[before].behind = behind;
    else store->first = behind;
    if (behind != BANK_STORE_NONE) store->requests[behind].before = before;
    else store->last = before;
    store->pending--;
    free(request->text);
    request->text = NULL;
}

static struct bank_pending pending_of(const struct request *request) {
    return (struct bank_pending){.id = request->id,
                                 .from = request->from,
                                 .to = request->to,
                                 .amount_minor = request->amount_minor,
                                 .date = request->date,
                                 .order = request->order,
                                 .text = {request->text, request->text_size},
                                 .generation = request->generation};
}

size_t bank_store_pending(const struct bank_store *store, size_t after, struct bank_pending *out) {
    size_t n = after == BANK_STORE_NONE ? store->first : store->requests[after].behind;
    if (n != BANK_STORE_NONE) *out = pending_of(&store->requests[n]);
    return n;
}

bool bank_store_pending_find(const struct bank_store *store, const bank_id *id,
                             struct bank_pending *out) {
    const struct request *request = request_find(store, id);
    if (request == NULL || request->kind != TRANSFER || request->code != BANK_PENDING) return false;
    *out = pending_of(request);
    return true;
}

uint64_t bank_store_stamp(struct bank_store *store, const bank_id *id, uint64_t generation) {
    struct request *request = request_find(store, id);
    if (request == NULL) return generation;
    if (request->generation == 0) request->generation = generation;
    return request->generation;
}

/* ---- transfers ---- */

static bank_code transfer_check(const struct bank_store *store, const struct request *request) {
    if (request->amount_minor <= 0) return BANK_BAD_AMOUNT;
    if (request->from == request->to) return BANK_SAME_ACCOUNT;
    return debit_check(account_find(store, request->from), request->amount_minor);
}

/* Both accounts are here: one record, one moment. */
static bank_code transfer_within(struct bank_store *store, struct request *request, tp_str text) {
    char from[BANK_NAME_SIZE];
    struct account *source = account_find(store, request->from);
    struct account *target = account_find(store, request->to);
    bank_code code = credit_check(target, request->amount_minor);
    if (code != BANK_DONE) return code;
    bank_account_name(request->from, from);
    code = record_post(store, request, request->to, request->amount_minor, tp_str_of(from), text);
    if (code != BANK_DONE) return code;
    account_move(source, -request->amount_minor);
    account_move(target, request->amount_minor);
    return BANK_DONE;
}

static bank_code transfer_begin(struct bank_store *store, struct request *request, tp_str text) {
    struct account *source = account_find(store, request->from);
    request->text = malloc(text.size + 1);
    if (request->text == NULL) return BANK_NO_MEMORY;
    if (text.size > 0) memcpy(request->text, text.data, text.size);
    request->text_size = text.size;
    source->balance_minor -= request->amount_minor;
    source->outgoing_minor += request->amount_minor;
    pending_add(store, request);
    return BANK_PENDING;
}

bank_code bank_store_transfer(struct bank_store *store, const bank_transfer *msg) {
    struct request asked = {.id = msg->id,
                            .kind = TRANSFER,
                            .from = msg->from,
                            .to = msg->to,
                            .amount_minor = msg->amount_minor,
                            .date = msg->date,
                            .order = msg->order,
                            .text_hash = bank_hash(msg->text.data, msg->text.size)};
    struct request *request = request_enter(store, &asked);
    if (request == NULL) return BANK_NO_MEMORY;
    if (!request_is(request, &asked)) return BANK_ID_CONFLICT;
    if (request->code != BANK_NO_MEMORY) return request->code;
    bank_code code = transfer_check(store, request);
    if (code == BANK_DONE) {
        bool within = bank_shard_of(msg->to, store->shards) == store->shard;
        code = within ? transfer_within(store, request, msg->text)
                      : transfer_begin(store, request, msg->text);
    }
    request->code = code;
    return code;
}

bank_code bank_store_credit(struct bank_store *store, const bank_credit *msg) {
    char from[BANK_NAME_SIZE];
    struct request asked = {.id = msg->id,
                            .kind = INCOMING,
                            .from = msg->from,
                            .to = msg->to,
                            .amount_minor = msg->amount_minor,
                            .date = msg->date,
                            .order = msg->order,
                            .text_hash = bank_hash(msg->text.data, msg->text.size)};
    struct request *request = request_enter(store, &asked);
    if (request == NULL) return BANK_NO_MEMORY;
    if (!request_is(request, &asked)) return BANK_ID_CONFLICT;
    if (request->code != BANK_NO_MEMORY) return request->code;
    struct account *target = account_find(store, msg->to);
    bank_code code =
        msg->amount_minor > 0 ? credit_check(target, msg->amount_minor) : BANK_BAD_AMOUNT;
    bank_account_name(msg->from, from);
    if (code == BANK_DONE)
        code = record_post(store, request, msg->to, msg->amount_minor, tp_str_of(from), msg->text);
    if (code == BANK_DONE) account_move(target, msg->amount_minor);
    request->code = code;
    return code;
}

/* The debit is recorded when the other side has the money. */
static bool settle_done(struct bank_store *store, struct request *request) {
    char to[BANK_NAME_SIZE];
    struct account *source = account_find(store, request->from);
    tp_str text = {request->text, request->text_size};
    bank_account_name(request->to, to);
    if (record_post(store, request, request->from, -request->amount_minor, tp_str_of(to), text) !=
        BANK_DONE)
        return false;
    source->outgoing_minor -= request->amount_minor;
    source->entries++;
    source->overdrafts += source->balance_minor < 0 ? 1 : 0;
    return true;
}

bool bank_store_settle(struct bank_store *store, const bank_id *id, bank_code code) {
    struct request *request = request_find(store, id);
    if (request == NULL || request->kind != TRANSFER || request->code != BANK_PENDING) return false;
    if (code == BANK_PENDING || code == BANK_NO_MEMORY) return false;
    struct account *source = account_find(store, request->from);
    if (code == BANK_DONE) {
        if (!settle_done(store, request)) return false;
    } else if (code == BANK_OUTCOME_LOST) {
        store->lost++;
    } else {
        source->balance_minor += request->amount_minor;
        source->outgoing_minor -= request->amount_minor;
    }
    pending_remove(store, request);
    request->code = code;
    return true;
}
