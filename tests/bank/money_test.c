/*
 * Money and dates: the edges of the range and the place of each fault.
 */
#include "actors/bank/money.h"

#include <string.h>

#include "actors/bank/date.h"
#include "tests/support/test.h"

static int64_t parsed(const char *text) {
    int64_t minor = -1;
    size_t at = 99;
    TP_ASSERT_MSG(bank_money_parse(text, strlen(text), &minor, &at) == NULL, "%s is refused", text);
    return minor;
}

/* The offset of the fault; the reason must hold a word. */
static size_t refused(const char *text, const char *word) {
    int64_t minor = 12345;
    size_t at = 99;
    const char *reason = bank_money_parse(text, strlen(text), &minor, &at);
    TP_ASSERT_MSG(reason != NULL, "%s is taken", text);
    TP_ASSERT_MSG(strstr(reason, word) != NULL, "%s: %s", text, reason);
    TP_ASSERT_EQ_INT(minor, 12345);
    return at;
}

TP_TEST(bank_money, reads_at_most_two_decimals) {
    TP_ASSERT_EQ_INT(parsed("123"), 12300);
    TP_ASSERT_EQ_INT(parsed("123.4"), 12340);
    TP_ASSERT_EQ_INT(parsed("-123.45"), -12345);
    TP_ASSERT_EQ_INT(parsed("0.05"), 5);
    TP_ASSERT_EQ_INT(parsed("000.00"), 0);
    TP_ASSERT_EQ_INT(parsed("-0.01"), -1);
}

TP_TEST(bank_money, reads_up_to_the_edge_of_the_range) {
    TP_ASSERT_EQ_INT(parsed("92233720368547758.07"), INT64_MAX);
    TP_ASSERT_EQ_INT(parsed("-92233720368547758.07"), -INT64_MAX);
}

TP_TEST(bank_money, refuses_what_overflows_as_a_whole) {
    TP_ASSERT_EQ_INT(refused("92233720368547758.08", "overflow"), 0);
    TP_ASSERT_EQ_INT(refused("-92233720368547758.08", "overflow"), 0);
    TP_ASSERT_EQ_INT(refused("92233720368547759", "overflow"), 0);
    TP_ASSERT_EQ_INT(refused("99999999999999999999999999999999", "overflow"), 0);
}

TP_TEST(bank_money, names_the_byte_at_fault) {
    TP_ASSERT_EQ_INT(refused("", "empty"), 0);
    TP_ASSERT_EQ_INT(refused("-", "digit"), 1);
    TP_ASSERT_EQ_INT(refused("+1", "digit"), 0);
    TP_ASSERT_EQ_INT(refused("12a.00", "digit"), 2);
    TP_ASSERT_EQ_INT(refused("12,00", "digit"), 2);
    TP_ASSERT_EQ_INT(refused("12.", "digit"), 3);
    TP_ASSERT_EQ_INT(refused(".5", "digit"), 0);
    TP_ASSERT_EQ_INT(refused("12.3x", "digit"), 4);
    TP_ASSERT_EQ_INT(refused("12.345", "two decimals"), 5);
    TP_ASSERT_EQ_INT(refused(" 12", "digit"), 0);
    TP_ASSERT_EQ_INT(refused("12 ", "digit"), 2);
    TP_ASSERT_EQ_INT(refused("1-2", "digit"), 1);
}

TP_TEST(bank_money, writes_what_it_reads) {
    static const char *const texts[] = {"0.00",   "0.05",
                                        "-0.05",  "1.00",
                                        "-10.50", "92233720368547758.07",
                                        "99.99",  "-92233720368547758.07"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char out[BANK_MONEY_SIZE];
        bank_money_format(parsed(texts[i]), out);
        TP_ASSERT_EQ_STR(out, texts[i]);
    }
}

TP_TEST(bank_money, sums_are_checked) {
    int64_t sum = 7;
    TP_ASSERT(bank_money_add(INT64_MAX - 1, 1, &sum) && sum == INT64_MAX);
    TP_ASSERT(!bank_money_add(INT64_MAX, 1, &sum) && sum == INT64_MAX);
    TP_ASSERT(bank_money_subtract(INT64_MIN + 1, 1, &sum) && sum == INT64_MIN);
    TP_ASSERT(!bank_money_subtract(INT64_MIN, 1, &sum) && sum == INT64_MIN);
}

TP_TEST(bank_money, wide_sums_go_beyond_64_bits) {
    char out[BANK_MONEY_SIZE];
    bank_wide sum = (bank_wide)INT64_MAX * 4;
    bank_wide_format(sum, out);
    TP_ASSERT_EQ_STR(out, "36893488147419103228");
    bank_wide_format(-sum, out);
    TP_ASSERT_EQ_STR(out, "-36893488147419103228");
}

static int32_t date_parsed(const char *text) {
    int32_t date = 0;
    size_t at;
    const char *fault = strlen(text) == 6 ? bank_date_parse_short(text, 6, &date, &at)
                                          : bank_date_parse(text, strlen(text), &date, &at);
    TP_ASSERT_MSG(fault == NULL, "%s is refused", text);
    return date;
}

static size_t date_refused(const char *text) {
    int32_t date;
    size_t at = 99;
    const char *fault = bank_date_parse(text, strlen(text), &date, &at);
    TP_ASSERT_MSG(fault != NULL, "%s is taken", text);
    return at;
}

TP_TEST(bank_date, reads_both_forms) {
    TP_ASSERT_EQ_INT(date_parsed("1993-04-05"), 19930405);
    TP_ASSERT_EQ_INT(date_parsed("930405"), 19930405);
    TP_ASSERT_EQ_INT(date_parsed("000229"), 20000229);
    TP_ASSERT_EQ_INT(date_parsed("2024-02-29"), 20240229);
}

TP_TEST(bank_date, names_the_byte_at_fault) {
    TP_ASSERT_EQ_INT(date_refused("1993/04/05"), 4);
    TP_ASSERT_EQ_INT(date_refused("1993-13-05"), 5);
    TP_ASSERT_EQ_INT(date_refused("1993-02-29"), 8);
    TP_ASSERT_EQ_INT(date_refused("1993-04-05x"), 10);
    TP_ASSERT_EQ_INT(date_refused("1993-04"), 7);
    TP_ASSERT_EQ_INT(date_refused(""), 0);
}

TP_TEST(bank_date, counts_days_both_ways) {
    TP_ASSERT_EQ_INT(bank_date_days(19700101), 0);
    TP_ASSERT_EQ_INT(bank_date_days(20000301), 11017);
    for (int64_t day = -40000; day < 40000; day += 7) {
        TP_ASSERT_EQ_INT(bank_date_days(bank_date_of_days(day)), day);
    }
}
