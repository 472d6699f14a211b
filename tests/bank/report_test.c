/*
 * Reports in their three forms, and the writers under them.
 */
#include "actors/bank/report.h"

#include <string.h>

#include "actors/bank/json.h"
#include "tests/bank/check.h"
#include "tests/support/test.h"

static void entry_add(struct bank_report *report, uint64_t id, int32_t date, int64_t amount,
                      const char *text) {
    struct bank_report_entry entry = {
        .id_low = id, .order = id, .date = date, .amount_minor = amount};
    TP_ASSERT(bank_report_add(report, 0, &entry, TP_STR("Cash"), tp_str_of(text)));
}

/* A client with one account, four entries in two months (added out of order) and a standing
 * order. */
static void report_make(struct bank_report *report, struct bank_register *reg, const char *text) {
    *report = (struct bank_report){0};
    *reg = (struct bank_register){0};
    bank_register_client(reg, &(struct bank_client){4, 5, 19561201, 'm'});
    bank_register_account(reg, &(struct bank_account_fact){3, 5, 19930701});
    bank_register_disposition(reg, &(struct bank_disposition){4, 3, true});
    bank_register_order(reg, &(struct bank_order){3, 113500, "YZ", "<1&2>", "SIPO"});
    TP_ASSERT(bank_report_for_client(report, reg, 4));
    entry_add(report, 4, 19930805, -50000, text);
    entry_add(report, 1, 19930701, 100000, "first");
    entry_add(report, 2, 19930715, -20050, "second");
    entry_add(report, 3, 19930715, 1050, "third");
    TP_ASSERT(bank_report_finish(report));
}

static void report_drop(struct bank_report *report, struct bank_register *reg,
                        struct bank_text *out) {
    bank_text_free(out);
    bank_report_free(report);
    bank_register_free(reg);
}

TP_TEST(bank_report, balances_months_and_days_are_derived) {
    struct bank_report report;
    struct bank_register reg;
    report_make(&report, &reg, "x");
    const struct bank_report_account *account = &report.accounts[0];
    TP_ASSERT(account->balance_minor == 31000);
    TP_ASSERT_EQ_INT(account->entries[1].id_low, 2);
    TP_ASSERT(account->entries[1].balance_minor == 79950);
    TP_ASSERT_EQ_INT(account->month_count, 2);
    TP_ASSERT(account->months[0].month == 199307 && account->months[0].entries == 3);
    TP_ASSERT(account->months[0].credits_minor == 101050 &&
              account->months[0].debits_minor == -20050);
    TP_ASSERT(account->months[1].closing_minor == 31000);
    TP_ASSERT_EQ_INT(account->day_count, 3);
    TP_ASSERT(account->days[1].closing_minor == 81000);
    report_drop(&report, &reg, &(struct bank_text){0});
}

TP_TEST(bank_report, the_text_form_is_a_table) {
    struct bank_report report;
    struct bank_register reg;
    struct bank_text out = {0};
    report_make(&report, &reg, "bell\a");
    bank_report_write(&report, BANK_REPORT_TEXT, &out);
    TP_ASSERT(strstr(out.data, "Client 4 (born 1956-12-01, man, district 5)\n") == out.data);
    TP_ASSERT(strstr(out.data, "Account 3: 310.00 CZK, 4 entries, opened 1993-07-01, owner\n"));
    TP_ASSERT(strstr(out.data, "  1993-07-15         -200.50          799.50  Cash"));
    TP_ASSERT(
        strstr(out.data, "  1993-07        3         1010.50         -200.50          810.00"));
    TP_ASSERT(strstr(out.data, "1135.00  SIPO"));
    TP_ASSERT(strchr(out.data, '\a') == NULL);
    report_drop(&report, &reg, &out);
}

TP_TEST(bank_report, the_json_form_is_json) {
    struct bank_report report;
    struct bank_register reg;
    struct bank_text out = {0};
    report_make(&report, &reg, "quote \" backslash \\ line\n tab\t bell\a \xC3\xA9");
    bank_report_write(&report, BANK_REPORT_JSON, &out);
    TP_ASSERT(check_json(out.data, out.size));
    TP_ASSERT(strstr(out.data, "\"balance_minor\":31000"));
    TP_ASSERT(strstr(out.data, "\\u0007"));
    TP_ASSERT_EQ_INT(check_count(out.data, "\"amount_minor\""), 5);
    report_drop(&report, &reg, &out);
}

TP_TEST(bank_report, the_html_form_is_one_well_formed_page_without_links_out) {
    struct bank_report report;
    struct bank_register reg;
    struct bank_text out = {0};
    report_make(&report, &reg, "<script>alert('&\"')</script>\x01");
    bank_report_write(&report, BANK_REPORT_HTML, &out);
    TP_ASSERT(check_xml(out.data, out.size));
    TP_ASSERT(strstr(out.data, "<script") == NULL);
    TP_ASSERT(strstr(out.data, "&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt; </td>"));
    TP_ASSERT(strstr(out.data, "src=") == NULL && strstr(out.data, "href=") == NULL);
    TP_ASSERT_EQ_INT(check_count(out.data, "<svg role=\"img\""), 1);
    TP_ASSERT_EQ_INT(check_count(out.data, "<caption>"), 3);
    TP_ASSERT(strstr(out.data, "prefers-color-scheme:dark"));
    report_drop(&report, &reg, &out);
}

TP_TEST(bank_report, an_account_without_entries_is_a_report_too) {
    for (enum bank_report_format format = BANK_REPORT_TEXT; format <= BANK_REPORT_HTML; format++) {
        struct bank_report report = {0};
        struct bank_text out = {0};
        TP_ASSERT(bank_report_for_account(&report, NULL, 9, true));
        TP_ASSERT(bank_report_finish(&report));
        bank_report_write(&report, format, &out);
        TP_ASSERT(out.size > 0 && strstr(out.data, "9") != NULL);
        TP_ASSERT(format != BANK_REPORT_JSON || check_json(out.data, out.size));
        TP_ASSERT(format != BANK_REPORT_HTML || check_xml(out.data, out.size));
        bank_text_free(&out);
        bank_report_free(&report);
    }
}

TP_TEST(bank_report, the_chart_holds_for_any_balance) {
    static const int64_t amounts[] = {0, 1, -1, 99, -100000, INT64_MAX, -INT64_MAX};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        struct bank_report report = {0};
        struct bank_text out = {0};
        TP_ASSERT(bank_report_for_account(&report, NULL, 9, true));
        entry_add(&report, 1, 20240101, amounts[i], "");
        if (i % 2 == 0) entry_add(&report, 2, 20240301, amounts[i], "");
        TP_ASSERT(bank_report_finish(&report));
        bank_report_chart(&report.accounts[0], 0, &out);
        TP_ASSERT(check_xml(out.data, out.size));
        TP_ASSERT(strstr(out.data, "nan") == NULL && strstr(out.data, "inf") == NULL);
        TP_ASSERT(check_count(out.data, "<line") >= 2 && check_count(out.data, "<line") <= 16);
        bank_text_free(&out);
        bank_report_free(&report);
    }
}

TP_TEST(bank_report, an_unknown_client_has_no_report) {
    struct bank_report report = {0};
    struct bank_register reg = {0};
    TP_ASSERT(!bank_report_for_client(&report, &reg, 4));
    TP_ASSERT_EQ_INT(report.account_count, 0);
}

TP_TEST(bank_json, escapes_what_must_be) {
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    bank_json_object(&json, NULL);
    bank_json_text(&json, "a\"", "\0\x1f\x7f\xFFz", 5);
    bank_json_array(&json, "list");
    bank_json_integer(&json, NULL, INT64_MIN);
    bank_json_unsigned(&json, NULL, UINT64_MAX);
    bank_json_wide(&json, NULL, (bank_wide)INT64_MAX * 10);
    bank_json_bool(&json, NULL, true);
    bank_json_seconds(&json, NULL, 1.5);
    bank_json_end_array(&json);
    bank_json_end_object(&json);
    TP_ASSERT_EQ_STR(out.data, "{\"a\\\"\":\"\\u0000\\u001f\\u007f\\ufffdz\",\"list\":["
                               "-9223372036854775808,18446744073709551615,92233720368547758070,"
                               "true,1.500]}");
    TP_ASSERT(check_json(out.data, out.size));
    bank_text_free(&out);
}

TP_TEST(bank_check, the_checkers_refuse_what_is_wrong) {
    static const char *const json[] = {"{",  "{\"a\":}", "[1,]",     "\"\x01\"",
                                       "01", "{}x",      "\"\\u12\""};
    static const char *const xml[] = {"<a>",        "<a></b>",  "<a b=\"1\" b=\"2\"/>",
                                      "<a>&x;</a>", "<a/><b/>", "<a b=c/>"};
    for (size_t i = 0; i < sizeof json / sizeof json[0]; i++) {
        TP_ASSERT(!check_json(json[i], strlen(json[i])));
    }
    for (size_t i = 0; i < sizeof xml / sizeof xml[0]; i++) {
        TP_ASSERT(!check_xml(xml[i], strlen(xml[i])));
    }
}
