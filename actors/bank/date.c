/*
 * Calendar days: parsing with the place of the fault, formatting, day numbers.
 */
#include "actors/bank/date.h"

#include <stdbool.h>
#include <stdio.h>

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Reads exactly `count` digits at *at, which is moved to the first byte that is not one. */
static bool digits_read(const char *text, size_t size, size_t count, size_t *at, int *value) {
    *value = 0;
    for (size_t n = 0; n < count; n++, ++*at) {
        if (*at >= size || text[*at] < '0' || text[*at] > '9') return false;
        *value = *value * 10 + (text[*at] - '0');
    }
    return true;
}

/* Puts the parts together; `year_at` and so on say where a part that is wrong stands. */
static const char *date_join(int year, int month, int day, size_t month_at, size_t day_at,
                             int32_t *date, size_t *at) {
    *at = month_at;
    if (month < 1 || month > 12) return "bad date: no such month";
    *at = day_at;
    if (day < 1 || day > days_in_month(year, month)) return "bad date: no such day";
    *date = year * 10000 + month * 100 + day;
    return NULL;
}

const char *bank_date_parse(const char *text, size_t size, int32_t *date, size_t *at) {
    static const char *const form = "bad date: YYYY-MM-DD is expected";
    int year;
    int month;
    int day;
    *at = 0;
    if (!digits_read(text, size, 4, at, &year)) return form;
    if (*at >= size || text[*at] != '-') return form;
    ++*at;
    if (!digits_read(text, size, 2, at, &month)) return form;
    if (*at >= size || text[*at] != '-') return form;
    ++*at;
    if (!digits_read(text, size, 2, at, &day) || *at != size) return form;
    return date_join(year, month, day, 5, 8, date, at);
}

const char *bank_date_parse_short(const char *text, size_t size, int32_t *date, size_t *at) {
    static const char *const form = "bad date: YYMMDD is expected";
    int year;
    int month;
    int day;
    *at = 0;
    if (!digits_read(text, size, 2, at, &year)) return form;
    if (!digits_read(text, size, 2, at, &month)) return form;
    if (!digits_read(text, size, 2, at, &day) || *at != size) return form;
    return date_join(year + (year >= 70 ? 1900 : 2000), month, day, 2, 4, date, at);
}

size_t bank_date_format(int32_t date, char out[BANK_DATE_SIZE]) {
    return (size_t)snprintf(out, BANK_DATE_SIZE, "%04d-%02d-%02d", date / 10000 % 10000,
                            date / 100 % 100, date % 100);
}

size_t bank_month_format(int32_t month, char out[BANK_DATE_SIZE]) {
    return (size_t)snprintf(out, BANK_DATE_SIZE, "%04d-%02d", month / 100 % 10000, month % 100);
}

int32_t bank_date_month(int32_t date) {
    return date / 100;
}

/* Counts in years that start in March, so that the leap day is the last of a year. */
int64_t bank_date_days(int32_t date) {
    int64_t month = date / 100 % 100;
    int64_t year = date / 10000 - (month <= 2 ? 1 : 0);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + date % 100 - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int32_t bank_date_of_days(int64_t days) {
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    int64_t month = shifted_month + (shifted_month < 10 ? 3 : -9);
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    return (int32_t)(year * 10000 + month * 100 + day);
}
