/*
 * A client's report: the entries of the client's accounts, what came and went each month, and the
 * balance over time; as text, as JSON, and as one self-contained HTML page with a chart. Pure: it
 * is filled by whoever has the entries (a report actor asks the ledger for them). Use one report
 * from one thread at a time.
 */
#ifndef ACTORS_BANK_REPORT_H
#define ACTORS_BANK_REPORT_H

#include <troupe/message.h>

#include "actors/bank/money.h"
#include "actors/bank/register.h"
#include "actors/bank/text.h"

enum bank_report_format { BANK_REPORT_TEXT, BANK_REPORT_JSON, BANK_REPORT_HTML };

struct bank_report_entry {
    uint64_t id_high;
    uint64_t id_low;
    uint64_t order;
    int32_t date;
    int64_t amount_minor;
    bank_wide balance_minor; /* after it; set by bank_report_finish */
    size_t counter_at;       /* in report->words */
    size_t counter_size;
    size_t text_at;
    size_t text_size;
};

/* One month with entries. */
struct bank_report_month {
    int32_t month; /* 199304 */
    size_t entries;
    bank_wide credits_minor;
    bank_wide debits_minor; /* zero or negative */
    bank_wide closing_minor;
};

/* The balance at the end of a day with entries. */
struct bank_report_day {
    int32_t date;
    bank_wide closing_minor;
};

struct bank_report_account {
    uint64_t id;
    bool owner;
    int32_t opened; /* 0: not known */
    bank_wide balance_minor;
    struct bank_report_entry *entries;
    size_t entry_count;
    size_t entries_max;
    struct bank_report_month *months;
    size_t month_count;
    size_t months_max;
    struct bank_report_day *days;
    size_t day_count;
    size_t days_max;
    const struct bank_order **orders; /* of the register */
    size_t order_count;
    size_t orders_max;
};

/* Zero-initialised it is empty. */
struct bank_report {
    bool has_client;
    struct bank_client client;
    struct bank_report_account *accounts;
    size_t account_count;
    size_t accounts_max;
    size_t shown_max;       /* the text form shows only the last entries; 0: all */
    struct bank_text words; /* counters and texts, one after the other */
};

/* Frees it; it is then empty. */
void bank_report_free(struct bank_report *report);

/* Makes the report about a client: who it is, and an account for each disposition. False: no
 * memory, or no such client (then there are no accounts). The register must live as long as the
 * report. */
bool bank_report_for_client(struct bank_report *report, const struct bank_register *reg,
                            uint64_t client);
/* Adds an account, with what the register knows (NULL: nothing). */
bool bank_report_for_account(struct bank_report *report, const struct bank_register *reg,
                             uint64_t account, bool owner);
/* Adds an entry to the n-th account; words are copied. False: no memory. */
bool bank_report_add(struct bank_report *report, size_t account,
                     const struct bank_report_entry *entry, tp_str counter, tp_str text);
/* Sorts the entries and derives balances, months and days. False: no memory. */
bool bank_report_finish(struct bank_report *report);

/* Each appends the finished report in one form. */
void bank_report_write(const struct bank_report *report, enum bank_report_format format,
                       struct bank_text *out);
void bank_report_text(const struct bank_report *report, struct bank_text *out);
void bank_report_json(const struct bank_report *report, struct bank_text *out);
void bank_report_html(const struct bank_report *report, struct bank_text *out);
/* The chart of an account's balance as an SVG element. `number` keeps its ids apart on a page. */
void bank_report_chart(const struct bank_report_account *account, size_t number,
                       struct bank_text *out);

/* The words of an entry. */
tp_str bank_report_counter(const struct bank_report *report, const struct bank_report_entry *entry);
tp_str bank_report_entry_text(const struct bank_report *report,
                              const struct bank_report_entry *entry);
/* An entry's id as text: a number, or 32 hexadecimal digits for a transfer. */
size_t bank_report_id(const struct bank_report_entry *entry, char out[BANK_MONEY_SIZE]);
/* Appends "Client 4 (born 1956-12-01, man, district 5)" or "Account 3". */
void bank_report_title(const struct bank_report *report, struct bank_text *out);

#endif
