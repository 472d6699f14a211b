/*
 * The journal: double entry, idempotency by id, and the export in plain-text accounting form; the
 * audit.
 */
#include "actors/bank/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/bank/audit.h"
#include "actors/bank/export.h"
#include "tests/support/test.h"

static struct bank_posting posting(uint64_t id, const char *account, const char *counter,
                                   int64_t amount) {
    return (struct bank_posting){.id = {0, id},
                                 .order = id,
                                 .date = 20240102,
                                 .amount_minor = amount,
                                 .account = tp_str_of(account),
                                 .counter = tp_str_of(counter),
                                 .text = TP_STR("test")};
}

static enum bank_post_result post(struct bank_journal *journal, uint64_t id, const char *account,
                                  const char *counter, int64_t amount) {
    struct bank_posting p = posting(id, account, counter, amount);
    return bank_journal_post(journal, &p);
}

static int64_t balance(const struct bank_journal *journal, const char *name) {
    size_t account = bank_journal_find(journal, tp_str_of(name));
    return account == BANK_MAP_NONE ? 0 : (int64_t)journal->accounts[account].balance_minor;
}

TP_TEST(bank_journal, every_entry_has_its_counter_entry) {
    struct bank_journal journal = {0};
    size_t accounts;
    TP_ASSERT(post(&journal, 1, "Accounts:1", "Cash", 1000) == BANK_POSTED);
    TP_ASSERT(post(&journal, 2, "Accounts:1", "Accounts:2", -300) == BANK_POSTED);
    TP_ASSERT_EQ_INT(balance(&journal, "Accounts:1"), 700);
    TP_ASSERT_EQ_INT(balance(&journal, "Accounts:2"), 300);
    TP_ASSERT_EQ_INT(balance(&journal, "Cash"), -1000);
    TP_ASSERT(bank_journal_check(&journal));
    TP_ASSERT(bank_journal_clients(&journal, &accounts) == 1000);
    TP_ASSERT_EQ_INT(accounts, 2);
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, a_posting_is_recorded_once) {
    struct bank_journal journal = {0};
    TP_ASSERT(post(&journal, 1, "Accounts:1", "Cash", 1000) == BANK_POSTED);
    TP_ASSERT(post(&journal, 1, "Accounts:1", "Cash", 1000) == BANK_POST_KNOWN);
    TP_ASSERT(post(&journal, 1, "Accounts:1", "Cash", 1001) == BANK_POST_CONFLICT);
    TP_ASSERT(post(&journal, 1, "Accounts:2", "Cash", 1000) == BANK_POST_CONFLICT);
    TP_ASSERT_EQ_INT(journal.count, 1);
    TP_ASSERT_EQ_INT(balance(&journal, "Accounts:1"), 1000);
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, a_record_needs_two_sides) {
    struct bank_journal journal = {0};
    TP_ASSERT(post(&journal, 1, "Cash", "Cash", 1) == BANK_POST_INVALID);
    TP_ASSERT(post(&journal, 2, "Accounts:1", "Cash", INT64_MIN) == BANK_POST_INVALID);
    TP_ASSERT_EQ_INT(journal.count, 0);
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, a_posting_without_a_date_gets_the_business_day) {
    struct bank_journal journal = {.today = 20240105};
    struct bank_posting p = posting(1, "Accounts:1", "Cash", 1);
    p.date = 0;
    TP_ASSERT(bank_journal_post(&journal, &p) == BANK_POSTED);
    journal.today = 20240106;
    TP_ASSERT(bank_journal_post(&journal, &p) == BANK_POST_KNOWN);
    TP_ASSERT_EQ_INT(journal.records[0].date, 20240105);
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, sums_of_the_largest_amounts_do_not_overflow) {
    struct bank_journal journal = {0};
    size_t accounts;
    for (uint64_t id = 1; id <= 4; id++) post(&journal, id, "Accounts:1", "Cash", INT64_MAX);
    TP_ASSERT(bank_journal_check(&journal));
    TP_ASSERT(bank_journal_clients(&journal, &accounts) == (bank_wide)INT64_MAX * 4);
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, the_check_finds_what_is_broken) {
    struct bank_journal journal = {0};
    post(&journal, 1, "Accounts:1", "Cash", 1000);
    journal.records[0].legs[1].amount_minor++;
    TP_ASSERT(!bank_journal_check(&journal));
    journal.records[0].legs[1].amount_minor--;
    TP_ASSERT(bank_journal_check(&journal));
    journal.accounts[0].balance_minor++;
    TP_ASSERT(!bank_journal_check(&journal));
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, many_records_are_kept_and_sorted) {
    struct bank_journal journal = {0};
    size_t count;
    for (uint64_t id = 5000; id > 0; id--) {
        char name[BANK_NAME_SIZE];
        bank_account_name(id % 97, name);
        TP_ASSERT(post(&journal, id, name, "Cash", (int64_t)id) == BANK_POSTED);
    }
    TP_ASSERT(bank_journal_check(&journal));
    size_t *sorted = bank_journal_sorted(&journal, BANK_MAP_NONE, &count);
    TP_ASSERT_EQ_INT(count, 5000);
    for (size_t i = 0; i < count; i++) TP_ASSERT(journal.records[sorted[i]].order == i + 1);
    free(sorted);
    bank_journal_free(&journal);
}

TP_TEST(bank_journal, names_and_numbers_of_accounts) {
    uint64_t number = 0;
    char name[BANK_NAME_SIZE];
    bank_account_name(UINT64_MAX, name);
    TP_ASSERT(bank_account_number(tp_str_of(name), &number) && number == UINT64_MAX);
    TP_ASSERT(!bank_account_number(TP_STR("Cash"), &number));
    TP_ASSERT(!bank_account_number(TP_STR("Accounts:"), &number));
    TP_ASSERT(!bank_account_number(TP_STR("Accounts:7x"), &number));
}

TP_TEST(bank_export, a_record_is_a_balanced_transaction) {
    struct bank_journal journal = {0};
    struct bank_text out = {0};
    struct bank_posting p = posting(7, "Accounts:1", "bank:AB", -123456);
    p.text = TP_STR("a;b |  c\nd");
    bank_journal_post(&journal, &p);
    bank_export_record(&journal, &journal.records[0], &out);
    TP_ASSERT_EQ_STR(out.data, "2024-01-02 (7) a,b , c d\n"
                               "    Accounts:1                              -1234.56 CZK\n"
                               "    bank:AB                                  1234.56 CZK\n\n");
    bank_text_free(&out);
    bank_journal_free(&journal);
}

TP_TEST(bank_audit, the_nearest_balance_of_the_last_day_counts) {
    struct bank_audit audit = {0};
    TP_ASSERT(bank_audit_note(&audit, 5, 20240101, true, 100));
    TP_ASSERT(bank_audit_note(&audit, 5, 20240102, true, 500));
    TP_ASSERT(bank_audit_note(&audit, 5, 20240102, true, 900));
    TP_ASSERT(bank_audit_note(&audit, 5, 20240101, true, 880));
    TP_ASSERT(bank_audit_note(&audit, 6, 20240101, false, 0));
    TP_ASSERT_EQ_INT(bank_audit_count(&audit), 2);
    TP_ASSERT_EQ_INT(bank_audit_number(&audit, 0), 5);
    TP_ASSERT(bank_audit_distance(&audit, 0, 880) == 20);
    TP_ASSERT(bank_audit_distance(&audit, 0, 490) == 10);
    TP_ASSERT(bank_audit_distance(&audit, 1, 12345) == 0);
    bank_audit_free(&audit);
}

TP_TEST(bank_audit, a_distance_may_be_wider_than_64_bits) {
    struct bank_audit audit = {0};
    TP_ASSERT(bank_audit_note(&audit, 5, 20240101, true, -INT64_MAX));
    TP_ASSERT(bank_audit_distance(&audit, 0, INT64_MAX) == (bank_wide)INT64_MAX * 2);
    bank_audit_free(&audit);
}
