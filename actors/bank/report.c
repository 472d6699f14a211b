/*
 * Building a report: entries in, balances, months and days derived.
 */
#include "actors/bank/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/bank/date.h"

void bank_report_free(struct bank_report *report) {
    for (size_t i = 0; i < report->account_count; i++) {
        free(report->accounts[i].entries);
        free(report->accounts[i].months);
        free(report->accounts[i].days);
        free(report->accounts[i].orders);
    }
    free(report->accounts);
    bank_text_free(&report->words);
    *report = (struct bank_report){0};
}

/* ---- who and which accounts ---- */

static bool orders_find(struct bank_report_account *account, const struct bank_register *reg) {
    for (size_t i = 0; i < reg->order_count; i++) {
        if (reg->orders[i].account != account->id) continue;
        const struct bank_order **orders = bank_array_grow(
            account->orders, account->order_count, &account->orders_max, sizeof *account->orders);
        if (orders == NULL) return false;
        account->orders = orders;
        orders[account->order_count++] = &reg->orders[i];
    }
    return true;
}

bool bank_report_for_account(struct bank_report *report, const struct bank_register *reg,
                             uint64_t account, bool owner) {
    struct bank_report_account *accounts = bank_array_grow(
        report->accounts, report->account_count, &report->accounts_max, sizeof *report->accounts);
    if (accounts == NULL) return false;
    report->accounts = accounts;
    struct bank_report_account *added = &accounts[report->account_count++];
    *added = (struct bank_report_account){.id = account, .owner = owner};
    if (reg == NULL) return true;
    const struct bank_account_fact *fact = bank_register_find_account(reg, account);
    if (fact != NULL) added->opened = fact->opened;
    return orders_find(added, reg);
}

bool bank_report_for_client(struct bank_report *report, const struct bank_register *reg,
                            uint64_t client) {
    const struct bank_client *known = bank_register_find_client(reg, client);
    if (known == NULL) return false;
    report->has_client = true;
    report->client = *known;
    for (size_t i = 0; i < bank_register_dispositions(reg); i++) {
        const struct bank_disposition *d = &reg->dispositions[i];
        if (d->client == client && !bank_report_for_account(report, reg, d->account, d->owner)) {
            return false;
        }
    }
    return true;
}

/* ---- entries ---- */

static size_t word_add(struct bank_text *words, tp_str word) {
    size_t at = words->size;
    bank_text_add(words, word.data, word.size);
    return at;
}

bool bank_report_add(struct bank_report *report, size_t account,
                     const struct bank_report_entry *entry, tp_str counter, tp_str text) {
    struct bank_report_account *a = &report->accounts[account];
    struct bank_report_entry *entries =
        bank_array_grow(a->entries, a->entry_count, &a->entries_max, sizeof *entries);
    if (entries == NULL) return false;
    a->entries = entries;
    struct bank_report_entry *added = &entries[a->entry_count];
    *added = *entry;
    added->counter_at = word_add(&report->words, counter);
    added->counter_size = counter.size;
    added->text_at = word_add(&report->words, text);
    added->text_size = text.size;
    if (report->words.failed) return false;
    a->entry_count++;
    return true;
}

static int entry_compare(const void *left, const void *right) {
    const struct bank_report_entry *a = left;
    const struct bank_report_entry *b = right;
    if (a->date != b->date) return a->date < b->date ? -1 : 1;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    if (a->id_high != b->id_high) return a->id_high < b->id_high ? -1 : 1;
    if (a->id_low != b->id_low) return a->id_low < b->id_low ? -1 : 1;
    return 0;
}

static bool month_add(struct bank_report_account *account, const struct bank_report_entry *entry) {
    int32_t month = bank_date_month(entry->date);
    size_t count = account->month_count;
    if (count == 0 || account->months[count - 1].month != month) {
        struct bank_report_month *months =
            bank_array_grow(account->months, count, &account->months_max, sizeof *months);
        if (months == NULL) return false;
        account->months = months;
        months[account->month_count++] = (struct bank_report_month){.month = month};
    }
    struct bank_report_month *m = &account->months[account->month_count - 1];
    m->entries++;
    if (entry->amount_minor > 0) m->credits_minor += entry->amount_minor;
    if (entry->amount_minor < 0) m->debits_minor += entry->amount_minor;
    m->closing_minor = entry->balance_minor;
    return true;
}

static bool day_add(struct bank_report_account *account, const struct bank_report_entry *entry) {
    size_t count = account->day_count;
    if (count == 0 || account->days[count - 1].date != entry->date) {
        struct bank_report_day *days =
            bank_array_grow(account->days, count, &account->days_max, sizeof *days);
        if (days == NULL) return false;
        account->days = days;
        days[account->day_count++] = (struct bank_report_day){.date = entry->date};
    }
    account->days[account->day_count - 1].closing_minor = entry->balance_minor;
    return true;
}

static bool account_finish(struct bank_report_account *account) {
    if (account->entry_count > 0) {
        qsort(account->entries, account->entry_count, sizeof *account->entries, entry_compare);
    }
    account->balance_minor = 0;
    account->month_count = 0;
    account->day_count = 0;
    for (size_t i = 0; i < account->entry_count; i++) {
        struct bank_report_entry *entry = &account->entries[i];
        account->balance_minor += entry->amount_minor;
        entry->balance_minor = account->balance_minor;
        if (!month_add(account, entry) || !day_add(account, entry)) return false;
    }
    return true;
}

bool bank_report_finish(struct bank_report *report) {
    for (size_t i = 0; i < report->account_count; i++) {
        if (!account_finish(&report->accounts[i])) return false;
    }
    return true;
}

/* ---- what the three forms share ---- */

tp_str bank_report_counter(const struct bank_report *report,
                           const struct bank_report_entry *entry) {
    return (tp_str){report->words.data + entry->counter_at, entry->counter_size};
}

tp_str bank_report_entry_text(const struct bank_report *report,
                              const struct bank_report_entry *entry) {
    return (tp_str){report->words.data + entry->text_at, entry->text_size};
}

size_t bank_report_id(const struct bank_report_entry *entry, char out[BANK_MONEY_SIZE]) {
    int size = entry->id_high == 0 ? snprintf(out, BANK_MONEY_SIZE, "%" PRIu64, entry->id_low)
                                   : snprintf(out, BANK_MONEY_SIZE, "%016" PRIx64 "%016" PRIx64,
                                              entry->id_high, entry->id_low);
    return (size_t)size;
}

void bank_report_title(const struct bank_report *report, struct bank_text *out) {
    if (!report->has_client) {
        bank_text_print(out, "Account %" PRIu64,
                        report->account_count > 0 ? report->accounts[0].id : 0);
        return;
    }
    const struct bank_client *client = &report->client;
    bank_text_print(out, "Client %" PRIu64, client->id);
    if (client->born == 0) return;
    char born[BANK_DATE_SIZE];
    bank_date_format(client->born, born);
    bank_text_print(out, " (born %s, %s, district %" PRIu64 ")", born,
                    client->sex == 'f' ? "woman" : "man", client->district);
}

void bank_report_write(const struct bank_report *report, enum bank_report_format format,
                       struct bank_text *out) {
    switch (format) {
    case BANK_REPORT_TEXT: bank_report_text(report, out); break;
    case BANK_REPORT_JSON: bank_report_json(report, out); break;
    case BANK_REPORT_HTML: bank_report_html(report, out); break;
    }
}
