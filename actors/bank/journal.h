/*
 * The journal: double entry. A record moves one amount between two accounts, so every entry has its
 * counter-entry and the sum of all entries is zero at any moment. Records are only ever appended,
 * so the first n of them are a consistent picture for ever. Balances are derived from them.
 *
 * Clients' accounts are named "Accounts:<number>"; the other side of a deposit is "Cash",
 * "bank:AB", ... Plain memory; one journal belongs to one ledger actor (or one thread).
 */
#ifndef ACTORS_BANK_JOURNAL_H
#define ACTORS_BANK_JOURNAL_H

#include <troupe/message.h>

#include "actors/bank/id.h"
#include "actors/bank/map.h"
#include "actors/bank/money.h"

#define BANK_NAME_SIZE 96 /* of an account in the journal, terminator included */

/* What is to be recorded. The first account gets amount_minor, the second its negative. */
struct bank_posting {
    bank_id id;
    uint64_t order; /* among the records of a day, in reports and exports */
    int32_t date;   /* 0: the journal's business day, and the order in which it was recorded */
    int64_t amount_minor;
    tp_str account;
    tp_str counter;
    tp_str text;
};

/* One half of a record. */
struct bank_leg {
    size_t account; /* in journal->accounts */
    int64_t amount_minor;
};

struct bank_record {
    bank_id id;
    uint64_t order;
    int32_t date;
    struct bank_leg legs[2];
    size_t text_at; /* in journal->texts */
    size_t text_size;
};

struct bank_journal_account {
    bank_wide balance_minor;
    size_t *records; /* in which it stands, in order of posting */
    size_t count;
    size_t max;
};

/* Zero-initialised it is empty. */
struct bank_journal {
    int32_t today;         /* the business day */
    struct bank_map ids;   /* record n is records[n] */
    struct bank_map names; /* account n is accounts[n] */
    struct bank_record *records;
    struct bank_journal_account *accounts;
    char *texts;
    size_t count;
    size_t records_max;
    size_t accounts_max;
    size_t texts_size;
    size_t texts_max;
};

enum bank_post_result {
    BANK_POSTED,        /* recorded now */
    BANK_POST_KNOWN,    /* the same was recorded before: nothing changed */
    BANK_POST_CONFLICT, /* another one was recorded under this id: nothing changed */
    BANK_POST_INVALID,  /* both sides are one account, or the amount is INT64_MIN */
    BANK_POST_NOMEM
};

/* Frees it; it is then empty. */
void bank_journal_free(struct bank_journal *journal);
/* Records a posting, once. */
enum bank_post_result bank_journal_post(struct bank_journal *journal,
                                        const struct bank_posting *posting);
/* The account of a name, or BANK_MAP_NONE. */
size_t bank_journal_find(const struct bank_journal *journal, tp_str name);
/* The name of an account; valid until the next post. */
tp_str bank_journal_name(const struct bank_journal *journal, size_t account);
/* A record's text, borrowed until the next post. */
tp_str bank_journal_text(const struct bank_journal *journal, const struct bank_record *record);
/* The sum of all entries; zero, or the journal is broken. */
bank_wide bank_journal_sum(const struct bank_journal *journal);
/* The sum of the clients' accounts. */
bank_wide bank_journal_clients(const struct bank_journal *journal, size_t *accounts);
/*
 * True when every entry has its counter-entry, all entries sum to zero, and the balances rebuilt
 * from the records are those that are kept.
 */
bool bank_journal_check(const struct bank_journal *journal);
/*
 * The numbers of all records (of one account: those it stands in) by date, order and id, in a new
 * array that the caller frees; NULL with *count 0 when empty or out of memory. account:
 * BANK_MAP_NONE for all.
 */
size_t *bank_journal_sorted(const struct bank_journal *journal, size_t account, size_t *count);

/* "Accounts:<number>". */
void bank_account_name(uint64_t account, char out[BANK_NAME_SIZE]);
/* True for such a name; its number in *account. */
bool bank_account_number(tp_str name, uint64_t *account);

#endif
