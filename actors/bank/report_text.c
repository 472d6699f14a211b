/*
 * A report for a terminal: tables of fixed columns.
 */
#include <inttypes.h>
#include <stdio.h>

#include "actors/bank/date.h"
#include "actors/bank/report.h"

#define BAR_WIDTH 30
#define COUNTER_WIDTH 18

static void padded_put(struct bank_text *out, tp_str word, size_t width) {
    size_t length = bank_utf8_length(word.data, word.size);
    bank_text_add(out, word.data, word.size);
    for (; length < width; length++) bank_text_put(out, " ");
}

/* On a terminal a control character could do anything. */
static void line_put(struct bank_text *out, tp_str word) {
    for (size_t i = 0; i < word.size; i++) {
        char c = word.data[i];
        bank_text_add(out, (unsigned char)c < 0x20 || c == 0x7F ? " " : &c, 1);
    }
}

static void line_end(struct bank_text *out) {
    while (out->size > 0 && out->data[out->size - 1] == ' ') out->size--;
    bank_text_put(out, "\n");
}

static void entries_put(const struct bank_report *report, const struct bank_report_account *account,
                        struct bank_text *out) {
    char date[BANK_DATE_SIZE];
    char amount[BANK_MONEY_SIZE];
    char balance[BANK_MONEY_SIZE];
    bank_text_print(out, "  %-10s  %14s  %14s  %-*s  %s\n", "Date", "Amount", "Balance",
                    COUNTER_WIDTH, "Counter account", "Text");
    size_t first = 0;
    if (report->shown_max > 0 && account->entry_count > report->shown_max) {
        first = account->entry_count - report->shown_max;
        bank_text_print(out, "  ... %zu earlier entries\n", first);
    }
    for (size_t i = first; i < account->entry_count; i++) {
        const struct bank_report_entry *entry = &account->entries[i];
        bank_date_format(entry->date, date);
        bank_money_format(entry->amount_minor, amount);
        bank_wide_money(entry->balance_minor, balance);
        bank_text_print(out, "  %-10s  %14s  %14s  ", date, amount, balance);
        padded_put(out, bank_report_counter(report, entry), COUNTER_WIDTH);
        bank_text_put(out, "  ");
        line_put(out, bank_report_entry_text(report, entry));
        line_end(out);
    }
}

/* The largest closing balance by size, for the scale of the bars; at least 1. */
static bank_wide bar_scale(const struct bank_report_account *account) {
    bank_wide scale = 1;
    for (size_t i = 0; i < account->month_count; i++) {
        bank_wide closing = account->months[i].closing_minor;
        if (closing < 0) closing = -closing;
        if (closing > scale) scale = closing;
    }
    return scale;
}

static void bar_put(bank_wide closing, bank_wide scale, struct bank_text *out) {
    const char *mark = closing < 0 ? "-" : "#";
    bank_wide length = (closing < 0 ? -closing : closing) * BAR_WIDTH / scale;
    for (bank_wide i = 0; i < length; i++) bank_text_put(out, mark);
}

static void months_put(const struct bank_report_account *account, struct bank_text *out) {
    char month[BANK_DATE_SIZE];
    char sums[3][BANK_MONEY_SIZE];
    bank_wide scale = bar_scale(account);
    bank_text_print(out, "  %-7s  %7s  %14s  %14s  %14s\n", "Month", "Entries", "Credits", "Debits",
                    "Closing");
    for (size_t i = 0; i < account->month_count; i++) {
        const struct bank_report_month *m = &account->months[i];
        bank_month_format(m->month, month);
        bank_wide_money(m->credits_minor, sums[0]);
        bank_wide_money(m->debits_minor, sums[1]);
        bank_wide_money(m->closing_minor, sums[2]);
        bank_text_print(out, "  %-7s  %7zu  %14s  %14s  %14s  ", month, m->entries, sums[0],
                        sums[1], sums[2]);
        bar_put(m->closing_minor, scale, out);
        line_end(out);
    }
}

static void orders_put(const struct bank_report_account *account, struct bank_text *out) {
    char amount[BANK_MONEY_SIZE];
    bank_text_print(out, "\n  %-14s  %14s  %s\n", "Standing order", "Amount", "Purpose");
    for (size_t i = 0; i < account->order_count; i++) {
        const struct bank_order *order = account->orders[i];
        char to[2 * BANK_WORD_SIZE];
        snprintf(to, sizeof to, "%s/%s", order->bank, order->to);
        bank_money_format(order->amount_minor, amount);
        bank_text_print(out, "  %-14s  %14s  %s\n", to, amount, order->purpose);
    }
}

static void account_put(const struct bank_report *report, const struct bank_report_account *account,
                        struct bank_text *out) {
    char balance[BANK_MONEY_SIZE];
    char opened[BANK_DATE_SIZE];
    bank_wide_money(account->balance_minor, balance);
    bank_text_print(out, "\nAccount %" PRIu64 ": %s CZK, %zu entries", account->id, balance,
                    account->entry_count);
    if (account->opened != 0) {
        bank_date_format(account->opened, opened);
        bank_text_print(out, ", opened %s", opened);
    }
    if (report->has_client) bank_text_put(out, account->owner ? ", owner" : ", may use it");
    bank_text_put(out, "\n\n");
    if (account->entry_count > 0) {
        entries_put(report, account, out);
        bank_text_put(out, "\n");
        months_put(account, out);
    }
    if (account->order_count > 0) orders_put(account, out);
}

void bank_report_text(const struct bank_report *report, struct bank_text *out) {
    bank_report_title(report, out);
    bank_text_put(out, "\n");
    for (size_t i = 0; i < report->account_count; i++) {
        account_put(report, &report->accounts[i], out);
    }
}
