/*
 * A report as one self-contained HTML page, which is well-formed XML as well. All text that comes
 * from outside is escaped.
 */
#include <inttypes.h>
#include <string.h>

#include "actors/bank/date.h"
#include "actors/bank/report.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d2430;--paper:#fff;--line:#d5dae2;--mark:#1f5fbf;"
    "--low:#b3261e}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e9ef;--paper:#14181f;--line:#39414f;"
    "--mark:#7fb2ff;--low:#ff8a80}}\n"
    "body{margin:2rem auto;max-width:60rem;padding:0 1rem;color:var(--ink);"
    "background:var(--paper);font:16px/1.5 system-ui,sans-serif}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;margin:1rem 0;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;font-weight:600;padding:.3rem 0}\n"
    "th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line)}\n"
    ".n{text-align:right;white-space:nowrap}\n"
    ".low{color:var(--low)}\n"
    "svg{width:100%;height:auto}\n"
    "svg text{fill:currentColor;font-size:12px}\n"
    "svg .grid{stroke:var(--line)}\n"
    "svg .zero{stroke:currentColor}\n"
    "svg .balance{fill:none;stroke:var(--mark);stroke-width:2}\n";

static void money_put(bank_wide amount, struct bank_text *out) {
    char text[BANK_MONEY_SIZE];
    bank_wide_money(amount, text);
    bank_text_print(out, "<td class=\"n%s\">%s</td>", amount < 0 ? " low" : "", text);
}

static void word_put(tp_str word, struct bank_text *out) {
    bank_text_put(out, "<td>");
    bank_text_escaped(out, word.data, word.size);
    bank_text_put(out, "</td>");
}

static void table_begin(const char *caption, const char *const *heads, size_t count, size_t numbers,
                        struct bank_text *out) {
    bank_text_print(out, "<div class=\"wide\"><table>\n<caption>%s</caption>\n<thead><tr>",
                    caption);
    for (size_t i = 0; i < count; i++) {
        bool number = (numbers >> i & 1) != 0;
        bank_text_print(out, "<th scope=\"col\"%s>%s</th>", number ? " class=\"n\"" : "", heads[i]);
    }
    bank_text_put(out, "</tr></thead>\n<tbody>\n");
}

static void table_end(struct bank_text *out) {
    bank_text_put(out, "</tbody>\n</table></div>\n");
}

static void entries_put(const struct bank_report *report, const struct bank_report_account *account,
                        struct bank_text *out) {
    static const char *const heads[] = {"Date", "Amount", "Balance", "Counter account", "Text"};
    char date[BANK_DATE_SIZE];
    table_begin("Entries", heads, 5, 0x6, out);
    for (size_t i = 0; i < account->entry_count; i++) {
        const struct bank_report_entry *entry = &account->entries[i];
        bank_date_format(entry->date, date);
        bank_text_print(out, "<tr><td><time>%s</time></td>", date);
        money_put(entry->amount_minor, out);
        money_put(entry->balance_minor, out);
        word_put(bank_report_counter(report, entry), out);
        word_put(bank_report_entry_text(report, entry), out);
        bank_text_put(out, "</tr>\n");
    }
    table_end(out);
}

static void months_put(const struct bank_report_account *account, struct bank_text *out) {
    static const char *const heads[] = {"Month", "Entries", "Credits", "Debits", "Closing"};
    char text[BANK_DATE_SIZE];
    table_begin("Monthly totals", heads, 5, 0x1e, out);
    for (size_t i = 0; i < account->month_count; i++) {
        const struct bank_report_month *month = &account->months[i];
        bank_month_format(month->month, text);
        bank_text_print(out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%zu</td>", text,
                        month->entries);
        money_put(month->credits_minor, out);
        money_put(month->debits_minor, out);
        money_put(month->closing_minor, out);
        bank_text_put(out, "</tr>\n");
    }
    table_end(out);
}

static void orders_put(const struct bank_report_account *account, struct bank_text *out) {
    static const char *const heads[] = {"Bank", "Account", "Amount", "Purpose"};
    table_begin("Standing orders", heads, 4, 0x4, out);
    for (size_t i = 0; i < account->order_count; i++) {
        const struct bank_order *order = account->orders[i];
        bank_text_put(out, "<tr>");
        word_put((tp_str){order->bank, strlen(order->bank)}, out);
        word_put((tp_str){order->to, strlen(order->to)}, out);
        money_put(order->amount_minor, out);
        word_put((tp_str){order->purpose, strlen(order->purpose)}, out);
        bank_text_put(out, "</tr>\n");
    }
    table_end(out);
}

static void account_put(const struct bank_report *report, size_t number, struct bank_text *out) {
    const struct bank_report_account *account = &report->accounts[number];
    char text[BANK_MONEY_SIZE];
    bank_wide_money(account->balance_minor, text);
    bank_text_print(out, "<section aria-labelledby=\"account-%zu\">\n", number);
    bank_text_print(out, "<h2 id=\"account-%zu\">Account %" PRIu64 "</h2>\n<p>", number,
                    account->id);
    if (report->has_client) bank_text_put(out, account->owner ? "Owner. " : "May use it. ");
    if (account->opened != 0) {
        char opened[BANK_DATE_SIZE];
        bank_date_format(account->opened, opened);
        bank_text_print(out, "Opened <time>%s</time>. ", opened);
    }
    bank_text_print(out, "Balance <strong>%s CZK</strong> after %zu entries.</p>\n", text,
                    account->entry_count);
    bank_report_chart(account, number, out);
    if (account->entry_count > 0) {
        months_put(account, out);
        entries_put(report, account, out);
    }
    if (account->order_count > 0) orders_put(account, out);
    bank_text_put(out, "</section>\n");
}

void bank_report_html(const struct bank_report *report, struct bank_text *out) {
    bank_text_put(out,
                  "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                  "<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
                  "content=\"width=device-width, initial-scale=1\"/>\n<title>");
    bank_report_title(report, out);
    bank_text_print(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    bank_report_title(report, out);
    bank_text_put(out, "</h1>\n");
    for (size_t i = 0; i < report->account_count; i++) account_put(report, i, out);
    bank_text_put(out, "</main>\n</body>\n</html>\n");
}
