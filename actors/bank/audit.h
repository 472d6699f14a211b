/*
 * The audit of a replay: how far each final balance is from what the bank itself recorded. The
 * order within a day is not known, so the nearest balance recorded on an account's last day counts.
 * Plain memory; use one audit from one thread at a time.
 */
#ifndef ACTORS_BANK_AUDIT_H
#define ACTORS_BANK_AUDIT_H

#include "actors/bank/map.h"
#include "actors/bank/money.h"

/* One account: the balances recorded on its last day so far. */
struct bank_audit_account {
    int32_t day;
    int64_t *recorded_minor;
    size_t count;
    size_t max;
};

/* Zero-initialised it is empty. */
struct bank_audit {
    struct bank_map ids; /* account n is accounts[n] */
    struct bank_audit_account *accounts;
    size_t accounts_max;
};

/* Frees it; it is then empty. */
void bank_audit_free(struct bank_audit *audit);
/* Notes a transaction of an account; has_balance: with the balance that was recorded. False: no
 * memory. */
bool bank_audit_note(struct bank_audit *audit, uint64_t account, int32_t date, bool has_balance,
                     int64_t balance_minor);
/* How many accounts were noted; bank_audit_number gives the id of the n-th, in order of their
 * first note. */
size_t bank_audit_count(const struct bank_audit *audit);
uint64_t bank_audit_number(const struct bank_audit *audit, size_t n);
/* The distance from `final` to the nearest balance recorded on the account's last day; 0 if
 * there is none. */
bank_wide bank_audit_distance(const struct bank_audit *audit, size_t n, int64_t final_minor);

#endif
