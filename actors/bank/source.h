/*
 * Where the history of a bank comes from: a CSV file of ours, or a folder of the Berka data set.
 * Both give the same transactions, one after the other, and refuse what is wrong with its place.
 *
 * CSV: the first line names the columns, in any order:
 *     account  a number                          required
 *     date     YYYY-MM-DD                        required
 *     amount   123.45, or -123.45 for a debit    required
 *     id       a number, each at most once       default: the line's number
 *     client   who may use the account           default: nobody is named
 *     counter  where the money comes from or goes to; default: Cash
 *     balance  what the bank recorded after it   default: not known
 *     text     any                               default: none
 *
 * Berka (PKDD'99): trans.asc, and beside it account.asc, client.asc, disp.asc and order.asc, which
 * may be missing. PRIJEM credits, VYDAJ and VYBER debit.
 */
#ifndef ACTORS_BANK_SOURCE_H
#define ACTORS_BANK_SOURCE_H

#include "actors/bank/csv.h"
#include "actors/bank/register.h"

enum bank_format { BANK_FORMAT_CSV, BANK_FORMAT_BERKA };

#define BANK_COUNTER_SIZE_MAX 64 /* bytes of a counter account's name */
#define BANK_SOURCE_COLUMNS 10

/* One line of history. Texts are borrowed until the next one is read. */
struct bank_transaction {
    uint64_t id;
    uint64_t account;
    int64_t amount_minor;  /* as the client sees it: a debit is negative */
    int64_t balance_minor; /* recorded by the bank afterwards, if has_balance */
    int32_t date;
    bool has_balance;
    tp_str counter; /* the other side of the entry: "Cash", "bank:AB", ... */
    tp_str text;
    size_t line; /* where its amount stands */
    size_t column;
};

struct bank_source {
    enum bank_format format;
    struct bank_csv csv; /* the transactions */
    int where[BANK_SOURCE_COLUMNS];
    size_t columns;
    struct bank_map ids; /* of the transactions that were given out */
    struct bank_register reg;
    char counter[BANK_COUNTER_SIZE_MAX + 1]; /* the current one */
    char text[160];
    bool dry; /* the header was refused: there is nothing to read */
};

/*
 * Opens it and reads what stands beside the transactions. Lines refused there go to `refusals`;
 * what is missing is said on `notes` (may be NULL). False: it cannot be read at all, and `fault`
 * (of 256 bytes) says why.
 */
bool bank_source_open(struct bank_source *source, enum bank_format format, const char *path,
                      struct bank_refusals *refusals, FILE *notes, char fault[256]);
/* Frees it. */
void bank_source_close(struct bank_source *source);
/* The next transaction, or why a line is refused. */
enum bank_next bank_source_next(struct bank_source *source, struct bank_transaction *out,
                                struct bank_refusal *refusal);

/* ---- between the files of the reader ---- */

bool bank_berka_open(struct bank_source *source, const char *folder, struct bank_refusals *refusals,
                     FILE *notes, char fault[256]);
bool bank_berka_row(struct bank_source *source, struct bank_transaction *out,
                    struct bank_refusal *refusal);
bool bank_history_open(struct bank_source *source, const char *path, struct bank_refusals *refusals,
                       char fault[256]);
bool bank_history_row(struct bank_source *source, struct bank_transaction *out,
                      struct bank_refusal *refusal);
/* Notes a transaction's id; false when it was used before, or memory ran out. */
bool bank_source_take_id(struct bank_source *source, uint64_t id, const struct bank_field *field,
                         struct bank_refusal *refusal);

#endif
