/*
 * The audit of a replay.
 */
#include "actors/bank/audit.h"

#include <stdlib.h>
#include <string.h>

void bank_audit_free(struct bank_audit *audit) {
    for (size_t i = 0; i < audit->ids.count; i++) free(audit->accounts[i].recorded_minor);
    free(audit->accounts);
    bank_map_free(&audit->ids);
    *audit = (struct bank_audit){0};
}

static struct bank_audit_account *account_of(struct bank_audit *audit, uint64_t account) {
    struct bank_audit_account *accounts = bank_array_grow(
        audit->accounts, audit->ids.count, &audit->accounts_max, sizeof *audit->accounts);
    if (accounts == NULL) return NULL;
    audit->accounts = accounts;
    bool added;
    size_t n = bank_map_add(&audit->ids, &account, sizeof account, &added);
    if (n == BANK_MAP_NONE) return NULL;
    if (added) accounts[n] = (struct bank_audit_account){0};
    return &accounts[n];
}

bool bank_audit_note(struct bank_audit *audit, uint64_t account, int32_t date, bool has_balance,
                     int64_t balance_minor) {
    struct bank_audit_account *a = account_of(audit, account);
    if (a == NULL) return false;
    if (date < a->day) return true;
    if (date > a->day) a->count = 0;
    a->day = date;
    if (!has_balance) return true;
    int64_t *recorded = bank_array_grow(a->recorded_minor, a->count, &a->max, sizeof *recorded);
    if (recorded == NULL) return false;
    a->recorded_minor = recorded;
    recorded[a->count++] = balance_minor;
    return true;
}

size_t bank_audit_count(const struct bank_audit *audit) {
    return audit->ids.count;
}

uint64_t bank_audit_number(const struct bank_audit *audit, size_t n) {
    uint64_t account;
    size_t size;
    memcpy(&account, bank_map_key(&audit->ids, n, &size), sizeof account);
    return account;
}

bank_wide bank_audit_distance(const struct bank_audit *audit, size_t n, int64_t final_minor) {
    const struct bank_audit_account *a = &audit->accounts[n];
    bank_wide nearest = 0;
    for (size_t i = 0; i < a->count; i++) {
        bank_wide distance = (bank_wide)final_minor - a->recorded_minor[i];
        if (distance < 0) distance = -distance;
        if (i == 0 || distance < nearest) nearest = distance;
    }
    return nearest;
}
