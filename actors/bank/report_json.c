/*
 * A report as one JSON object. Amounts are whole minor units.
 */
#include "actors/bank/date.h"
#include "actors/bank/json.h"
#include "actors/bank/report.h"

static void date_put(struct bank_json *json, const char *key, int32_t date) {
    char text[BANK_DATE_SIZE];
    bank_date_format(date, text);
    bank_json_string(json, key, text);
}

static void entries_put(const struct bank_report *report, const struct bank_report_account *account,
                        struct bank_json *json) {
    bank_json_array(json, "entries");
    for (size_t i = 0; i < account->entry_count; i++) {
        const struct bank_report_entry *entry = &account->entries[i];
        tp_str counter = bank_report_counter(report, entry);
        tp_str text = bank_report_entry_text(report, entry);
        char id[BANK_MONEY_SIZE];
        bank_report_id(entry, id);
        bank_json_object(json, NULL);
        bank_json_string(json, "id", id);
        date_put(json, "date", entry->date);
        bank_json_integer(json, "amount_minor", entry->amount_minor);
        bank_json_wide(json, "balance_minor", entry->balance_minor);
        bank_json_text(json, "counter", counter.data, counter.size);
        bank_json_text(json, "text", text.data, text.size);
        bank_json_end_object(json);
    }
    bank_json_end_array(json);
}

static void months_put(const struct bank_report_account *account, struct bank_json *json) {
    bank_json_array(json, "months");
    for (size_t i = 0; i < account->month_count; i++) {
        const struct bank_report_month *month = &account->months[i];
        char text[BANK_DATE_SIZE];
        bank_month_format(month->month, text);
        bank_json_object(json, NULL);
        bank_json_string(json, "month", text);
        bank_json_unsigned(json, "entries", month->entries);
        bank_json_wide(json, "credits_minor", month->credits_minor);
        bank_json_wide(json, "debits_minor", month->debits_minor);
        bank_json_wide(json, "closing_minor", month->closing_minor);
        bank_json_end_object(json);
    }
    bank_json_end_array(json);
}

static void days_put(const struct bank_report_account *account, struct bank_json *json) {
    bank_json_array(json, "balance_over_time");
    for (size_t i = 0; i < account->day_count; i++) {
        bank_json_object(json, NULL);
        date_put(json, "date", account->days[i].date);
        bank_json_wide(json, "balance_minor", account->days[i].closing_minor);
        bank_json_end_object(json);
    }
    bank_json_end_array(json);
}

static void orders_put(const struct bank_report_account *account, struct bank_json *json) {
    bank_json_array(json, "standing_orders");
    for (size_t i = 0; i < account->order_count; i++) {
        const struct bank_order *order = account->orders[i];
        bank_json_object(json, NULL);
        bank_json_string(json, "bank", order->bank);
        bank_json_string(json, "account", order->to);
        bank_json_integer(json, "amount_minor", order->amount_minor);
        bank_json_string(json, "purpose", order->purpose);
        bank_json_end_object(json);
    }
    bank_json_end_array(json);
}

static void account_put(const struct bank_report *report, const struct bank_report_account *account,
                        struct bank_json *json) {
    bank_json_object(json, NULL);
    bank_json_unsigned(json, "account", account->id);
    if (report->has_client) bank_json_bool(json, "owner", account->owner);
    if (account->opened != 0) date_put(json, "opened", account->opened);
    bank_json_wide(json, "balance_minor", account->balance_minor);
    entries_put(report, account, json);
    months_put(account, json);
    days_put(account, json);
    orders_put(account, json);
    bank_json_end_object(json);
}

static void client_put(const struct bank_client *client, struct bank_json *json) {
    bank_json_object(json, "client");
    bank_json_unsigned(json, "id", client->id);
    if (client->born != 0) {
        date_put(json, "born", client->born);
        bank_json_string(json, "sex", client->sex == 'f' ? "f" : "m");
        bank_json_unsigned(json, "district", client->district);
    }
    bank_json_end_object(json);
}

void bank_report_json(const struct bank_report *report, struct bank_text *out) {
    struct bank_json json = {.out = out};
    bank_json_object(&json, NULL);
    bank_json_string(&json, "currency", "CZK");
    if (report->has_client) client_put(&report->client, &json);
    bank_json_array(&json, "accounts");
    for (size_t i = 0; i < report->account_count; i++) {
        account_put(report, &report->accounts[i], &json);
    }
    bank_json_end_array(&json);
    bank_json_end_object(&json);
    bank_text_put(out, "\n");
}
