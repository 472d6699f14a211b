/*
 * The journal in memory. A durable one would keep the same records in a table and derive the same
 * balances.
 */
#include "actors/bank/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char client_prefix[] = "Accounts:";

void bank_account_name(uint64_t account, char out[BANK_NAME_SIZE]) {
    snprintf(out, BANK_NAME_SIZE, "%s%" PRIu64, client_prefix, account);
}

bool bank_account_number(tp_str name, uint64_t *account) {
    size_t prefix = sizeof client_prefix - 1;
    if (name.size <= prefix || memcmp(name.data, client_prefix, prefix) != 0) return false;
    uint64_t number = 0;
    for (size_t i = prefix; i < name.size; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') return false;
        number = number * 10 + (uint64_t)(name.data[i] - '0');
    }
    *account = number;
    return true;
}

void bank_journal_free(struct bank_journal *journal) {
    for (size_t i = 0; i < journal->names.count; i++) free(journal->accounts[i].records);
    bank_map_free(&journal->ids);
    bank_map_free(&journal->names);
    free(journal->records);
    free(journal->accounts);
    free(journal->texts);
    *journal = (struct bank_journal){0};
}

size_t bank_journal_find(const struct bank_journal *journal, tp_str name) {
    return bank_map_find(&journal->names, name.data, name.size);
}

tp_str bank_journal_name(const struct bank_journal *journal, size_t account) {
    tp_str name;
    name.data = bank_map_key(&journal->names, account, &name.size);
    return name;
}

tp_str bank_journal_text(const struct bank_journal *journal, const struct bank_record *record) {
    return (tp_str){record->text_size == 0 ? "" : journal->texts + record->text_at,
                    record->text_size};
}

/* ---- posting: first all the memory is found, then the record is made, so nothing is left half
 * done ---- */

/* The account of a name, made when it is new, with room for one more record. */
static bool account_prepare(struct bank_journal *journal, tp_str name, size_t *account) {
    size_t count = journal->names.count;
    struct bank_journal_account *accounts = bank_array_grow(
        journal->accounts, count, &journal->accounts_max, sizeof *journal->accounts);
    if (accounts == NULL) return false;
    journal->accounts = accounts;
    bool added;
    *account = bank_map_add(&journal->names, name.data, name.size, &added);
    if (*account == BANK_MAP_NONE) return false;
    if (added) accounts[*account] = (struct bank_journal_account){0};
    struct bank_journal_account *a = &accounts[*account];
    size_t *records = bank_array_grow(a->records, a->count, &a->max, sizeof *a->records);
    if (records == NULL) return false;
    a->records = records;
    return true;
}

static bool texts_prepare(struct bank_journal *journal, size_t more) {
    size_t max = journal->texts_max == 0 ? 4096 : journal->texts_max;
    while (max - journal->texts_size < more) {
        if (max > SIZE_MAX / 2) return false;
        max *= 2;
    }
    if (max == journal->texts_max) return true;
    char *texts = realloc(journal->texts, max);
    if (texts == NULL) return false;
    journal->texts = texts;
    journal->texts_max = max;
    return true;
}

static bool record_prepare(struct bank_journal *journal) {
    struct bank_record *records = bank_array_grow(journal->records, journal->count,
                                                  &journal->records_max, sizeof *journal->records);
    if (records == NULL) return false;
    journal->records = records;
    return true;
}

static bool record_is(const struct bank_journal *journal, const struct bank_record *record,
                      const struct bank_posting *posting) {
    return (posting->date == 0 || record->date == posting->date) &&
           record->legs[0].amount_minor == posting->amount_minor &&
           record->legs[0].account == bank_journal_find(journal, posting->account) &&
           record->legs[1].account == bank_journal_find(journal, posting->counter);
}

static void leg_apply(struct bank_journal *journal, const struct bank_leg *leg, size_t record) {
    struct bank_journal_account *account = &journal->accounts[leg->account];
    account->balance_minor += leg->amount_minor;
    account->records[account->count++] = record;
}

static void record_append(struct bank_journal *journal, const struct bank_posting *posting,
                          size_t account, size_t counter) {
    struct bank_record *record = &journal->records[journal->count];
    *record = (struct bank_record){
        .id = posting->id,
        .order = posting->date == 0 ? journal->count : posting->order,
        .date = posting->date == 0 ? journal->today : posting->date,
        .legs = {{account, posting->amount_minor}, {counter, -posting->amount_minor}},
        .text_at = journal->texts_size,
        .text_size = posting->text.size,
    };
    if (posting->text.size > 0) {
        memcpy(journal->texts + journal->texts_size, posting->text.data, posting->text.size);
    }
    journal->texts_size += posting->text.size;
    leg_apply(journal, &record->legs[0], journal->count);
    leg_apply(journal, &record->legs[1], journal->count);
    journal->count++;
}

enum bank_post_result bank_journal_post(struct bank_journal *journal,
                                        const struct bank_posting *posting) {
    size_t account;
    size_t counter;
    bool added;
    size_t known = bank_map_find(&journal->ids, &posting->id, sizeof posting->id);
    if (known != BANK_MAP_NONE) {
        return record_is(journal, &journal->records[known], posting) ? BANK_POST_KNOWN
                                                                     : BANK_POST_CONFLICT;
    }
    if (posting->amount_minor == INT64_MIN || tp_str_equal(posting->account, posting->counter)) {
        return BANK_POST_INVALID;
    }
    if (!account_prepare(journal, posting->account, &account) ||
        !account_prepare(journal, posting->counter, &counter) || !record_prepare(journal) ||
        !texts_prepare(journal, posting->text.size) ||
        bank_map_add(&journal->ids, &posting->id, sizeof posting->id, &added) == BANK_MAP_NONE) {
        return BANK_POST_NOMEM;
    }
    record_append(journal, posting, account, counter);
    return BANK_POSTED;
}

/* ---- checking ---- */

bank_wide bank_journal_sum(const struct bank_journal *journal) {
    bank_wide sum = 0;
    for (size_t i = 0; i < journal->count; i++) {
        sum += journal->records[i].legs[0].amount_minor;
        sum += journal->records[i].legs[1].amount_minor;
    }
    return sum;
}

bank_wide bank_journal_clients(const struct bank_journal *journal, size_t *accounts) {
    bank_wide sum = 0;
    uint64_t number;
    *accounts = 0;
    for (size_t i = 0; i < journal->names.count; i++) {
        if (!bank_account_number(bank_journal_name(journal, i), &number)) continue;
        sum += journal->accounts[i].balance_minor;
        ++*accounts;
    }
    return sum;
}

static bool record_balanced(const struct bank_journal *journal, const struct bank_record *record) {
    const struct bank_leg *legs = record->legs;
    return legs[0].account != legs[1].account && legs[0].account < journal->names.count &&
           legs[1].account < journal->names.count && legs[0].amount_minor == -legs[1].amount_minor;
}

static bool account_rebuilt(const struct bank_journal *journal, size_t account) {
    const struct bank_journal_account *a = &journal->accounts[account];
    bank_wide balance = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct bank_leg *legs = journal->records[a->records[i]].legs;
        balance += legs[legs[0].account == account ? 0 : 1].amount_minor;
    }
    return balance == a->balance_minor;
}

bool bank_journal_check(const struct bank_journal *journal) {
    size_t entries = 0;
    for (size_t i = 0; i < journal->count; i++) {
        if (!record_balanced(journal, &journal->records[i])) return false;
    }
    for (size_t i = 0; i < journal->names.count; i++) {
        if (!account_rebuilt(journal, i)) return false;
        entries += journal->accounts[i].count;
    }
    return entries == 2 * journal->count && bank_journal_sum(journal) == 0;
}

/* ---- in order ---- */

/* What is sorted: the key beside the record's number, since qsort carries no context. */
struct sort_key {
    int32_t date;
    uint64_t order;
    bank_id id;
    size_t record;
};

static int key_compare(const void *left, const void *right) {
    const struct sort_key *a = left;
    const struct sort_key *b = right;
    if (a->date != b->date) return a->date < b->date ? -1 : 1;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    if (a->id.high != b->id.high) return a->id.high < b->id.high ? -1 : 1;
    if (a->id.low != b->id.low) return a->id.low < b->id.low ? -1 : 1;
    return 0;
}

size_t *bank_journal_sorted(const struct bank_journal *journal, size_t account, size_t *count) {
    bool all = account == BANK_MAP_NONE;
    size_t n = all ? journal->count : journal->accounts[account].count;
    struct sort_key *keys = calloc(n, sizeof *keys);
    size_t *sorted = calloc(n, sizeof *sorted);
    *count = keys == NULL || sorted == NULL ? 0 : n;
    for (size_t i = 0; i < *count; i++) {
        size_t at = all ? i : journal->accounts[account].records[i];
        const struct bank_record *record = &journal->records[at];
        keys[i] = (struct sort_key){record->date, record->order, record->id, at};
    }
    if (*count > 0) qsort(keys, *count, sizeof *keys, key_compare);
    for (size_t i = 0; i < *count; i++) sorted[i] = keys[i].record;
    free(keys);
    if (*count > 0) return sorted;
    free(sorted);
    return NULL;
}
