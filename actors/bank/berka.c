/*
 * The reader of the Berka data set (PKDD'99): five files of one form, semicolons and CRLF.
 */
#include <string.h>

#include "actors/bank/date.h"
#include "actors/bank/source.h"

/* ---- the files beside the transactions ---- */

/* One file: its columns, all required, and what is done with a row. */
struct table {
    const char *name;
    size_t columns;
    const char *columns_names[8];
    bool (*row)(const struct bank_csv *csv, const int *where, struct bank_register *reg,
                struct bank_refusal *refusal);
};

static bool no_memory(const struct bank_csv *csv, struct bank_refusal *refusal) {
    bank_csv_refuse_field(csv, &csv->fields[0], 0, refusal, "out of memory");
    return false;
}

static bool date_read(const struct bank_csv *csv, const struct bank_field *field, int32_t *date,
                      struct bank_refusal *refusal) {
    size_t at;
    const char *fault = bank_date_parse_short(field->text.data, field->text.size, date, &at);
    if (fault == NULL) return true;
    bank_csv_refuse_field(csv, field, at, refusal, "%s", fault);
    return false;
}

static bool account_row(const struct bank_csv *csv, const int *where, struct bank_register *reg,
                        struct bank_refusal *refusal) {
    struct bank_account_fact account = {0};
    if (!bank_csv_number(csv, bank_csv_field(csv, where[0]), &account.id, refusal) ||
        !bank_csv_number(csv, bank_csv_field(csv, where[1]), &account.district, refusal) ||
        !date_read(csv, bank_csv_field(csv, where[3]), &account.opened, refusal)) {
        return false;
    }
    return bank_register_account(reg, &account) || no_memory(csv, refusal);
}

/* A birth number is a date in which 50 is added to the month of a woman. */
static bool birth_read(const struct bank_csv *csv, const struct bank_field *field,
                       struct bank_client *client, struct bank_refusal *refusal) {
    char digits[6];
    bool woman = field->text.size == 6 && field->text.data[2] >= '5' && field->text.data[2] <= '6';
    if (!woman) {
        client->sex = 'm';
        return date_read(csv, field, &client->born, refusal);
    }
    memcpy(digits, field->text.data, sizeof digits);
    digits[2] = (char)(digits[2] - 5);
    struct bank_field plain = *field;
    plain.text.data = digits;
    client->sex = 'f';
    return date_read(csv, &plain, &client->born, refusal);
}

static bool client_row(const struct bank_csv *csv, const int *where, struct bank_register *reg,
                       struct bank_refusal *refusal) {
    struct bank_client client = {0};
    if (!bank_csv_number(csv, bank_csv_field(csv, where[0]), &client.id, refusal) ||
        !birth_read(csv, bank_csv_field(csv, where[1]), &client, refusal) ||
        !bank_csv_number(csv, bank_csv_field(csv, where[2]), &client.district, refusal)) {
        return false;
    }
    if (client.born > 19991231) client.born -= 1000000; /* the data set is of the last century */
    return bank_register_client(reg, &client) || no_memory(csv, refusal);
}

static bool text_is(tp_str text, const char *word) {
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static bool disposition_row(const struct bank_csv *csv, const int *where, struct bank_register *reg,
                            struct bank_refusal *refusal) {
    struct bank_disposition disposition = {0};
    uint64_t id;
    const struct bank_field *type = bank_csv_field(csv, where[3]);
    if (!bank_csv_number(csv, bank_csv_field(csv, where[0]), &id, refusal) ||
        !bank_csv_number(csv, bank_csv_field(csv, where[1]), &disposition.client, refusal) ||
        !bank_csv_number(csv, bank_csv_field(csv, where[2]), &disposition.account, refusal)) {
        return false;
    }
    disposition.owner = text_is(type->text, "OWNER");
    if (!disposition.owner && !text_is(type->text, "DISPONENT")) {
        bank_csv_refuse_field(csv, type, 0, refusal, "unknown type: OWNER or DISPONENT expected");
        return false;
    }
    return bank_register_disposition(reg, &disposition) || no_memory(csv, refusal);
}

static void word_copy(char out[BANK_WORD_SIZE], tp_str text) {
    size_t size = text.size < BANK_WORD_SIZE ? text.size : BANK_WORD_SIZE - 1;
    if (size > 0) memcpy(out, text.data, size);
    out[size] = '\0';
}

static bool order_row(const struct bank_csv *csv, const int *where, struct bank_register *reg,
                      struct bank_refusal *refusal) {
    struct bank_order order = {0};
    uint64_t id;
    if (!bank_csv_number(csv, bank_csv_field(csv, where[0]), &id, refusal) ||
        !bank_csv_number(csv, bank_csv_field(csv, where[1]), &order.account, refusal) ||
        !bank_csv_money(csv, bank_csv_field(csv, where[4]), &order.amount_minor, refusal)) {
        return false;
    }
    word_copy(order.bank, bank_csv_field(csv, where[2])->text);
    word_copy(order.to, bank_csv_field(csv, where[3])->text);
    word_copy(order.purpose, bank_csv_field(csv, where[5])->text);
    return bank_register_order(reg, &order) || no_memory(csv, refusal);
}

static const struct table tables[] = {
    {"account.asc", 4, {"account_id", "district_id", "frequency", "date"}, account_row},
    {"client.asc", 3, {"client_id", "birth_number", "district_id"}, client_row},
    {"disp.asc", 4, {"disp_id", "client_id", "account_id", "type"}, disposition_row},
    {"order.asc",
     6,
     {"order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol"},
     order_row},
};

/* Reads the rows of an opened file; false when a refusal ends the reading. */
static bool table_rows(const struct table *table, struct bank_csv *csv, struct bank_register *reg,
                       struct bank_refusals *refusals) {
    struct bank_refusal refusal;
    int where[8];
    if (!bank_csv_header(csv, table->columns_names, table->columns, table->columns, where,
                         &refusal)) {
        return bank_refuse(refusals, &refusal);
    }
    enum bank_next next;
    while ((next = bank_csv_next(csv, &refusal)) != BANK_NEXT_END) {
        bool good = next == BANK_NEXT_ROW && bank_csv_row_whole(csv, table->columns, &refusal) &&
                    table->row(csv, where, reg, &refusal);
        if (!good && !bank_refuse(refusals, &refusal)) return false;
    }
    return true;
}

/* ---- the transactions ---- */

enum column {
    TRANS,
    ACCOUNT,
    DATE,
    TYPE,
    OPERATION,
    AMOUNT,
    BALANCE,
    SYMBOL,
    BANK,
    PARTNER,
    COLUMNS
};

static const char *const names[COLUMNS] = {"trans_id",  "account_id", "date",    "type",
                                           "operation", "amount",     "balance", "k_symbol",
                                           "bank",      "account"};

/* What the data set's words mean: the other side of an entry, and its text. */
struct meaning {
    const char *word;
    const char *counter;
    const char *text;
};

static const struct meaning symbols[] = {
    {"UROK", "Interest:Credited", "interest"},
    {"SANKC. UROK", "Interest:Penalty", "penalty interest"},
    {"SLUZBY", "Fees", "statement fee"},
    {"POJISTNE", NULL, "insurance"},
    {"SIPO", NULL, "household"},
    {"DUCHOD", NULL, "pension"},
    {"UVER", NULL, "loan"},
};

static const struct meaning operations[] = {
    {"VKLAD", "Cash", "deposit in cash"},
    {"VYBER", "Cash", "withdrawal in cash"},
    {"VYBER KARTOU", "Card", "withdrawal by card"},
    {"PREVOD Z UCTU", "Other bank", "transfer received"},
    {"PREVOD NA UCET", "Other bank", "transfer sent"},
};

static const struct meaning *meaning_of(const struct meaning *table, size_t count, tp_str word) {
    for (size_t i = 0; i < count; i++) {
        if (text_is(word, table[i].word)) return &table[i];
    }
    return NULL;
}

/* A bank is two capital letters in the data set; anything else that fits a name is taken as
 * well. */
static bool bank_read(const struct bank_csv *csv, const struct bank_field *field,
                      struct bank_refusal *refusal) {
    for (size_t i = 0; i < field->text.size; i++) {
        char c = field->text.data[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (good && i < BANK_WORD_SIZE) continue;
        bank_csv_refuse_field(csv, field, i, refusal, "bad bank: letters and digits expected");
        return false;
    }
    return true;
}

/* Names the counter account and the text: the bank if there is one, else what the symbol or
 * operation say. */
static bool sides_read(struct bank_source *source, struct bank_transaction *out,
                       struct bank_refusal *refusal) {
    const struct bank_csv *csv = &source->csv;
    const struct bank_field *bank = bank_csv_field(csv, source->where[BANK]);
    tp_str partner = bank_csv_field(csv, source->where[PARTNER])->text;
    const struct meaning *symbol = meaning_of(symbols, sizeof symbols / sizeof symbols[0],
                                              bank_csv_field(csv, source->where[SYMBOL])->text);
    const struct meaning *operation =
        meaning_of(operations, sizeof operations / sizeof operations[0],
                   bank_csv_field(csv, source->where[OPERATION])->text);
    const char *counter = operation != NULL ? operation->counter : "Other";
    if (symbol != NULL && symbol->counter != NULL) counter = symbol->counter;
    if (!bank_read(csv, bank, refusal)) return false;
    int size = bank->text.size == 0
                   ? snprintf(source->counter, sizeof source->counter, "%s", counter)
                   : snprintf(source->counter, sizeof source->counter, "bank:%.*s",
                              (int)bank->text.size, bank->text.data);
    out->counter = (tp_str){source->counter, (size_t)size};
    const char *first = operation != NULL ? operation->text : "";
    const char *second = symbol != NULL ? symbol->text : "";
    bool to_partner = bank->text.size > 0 && partner.size > 0 && partner.size <= 32;
    size =
        snprintf(source->text, sizeof source->text, "%s%s%s%s%.*s", first,
                 *first != '\0' && *second != '\0' ? ", " : "", second,
                 to_partner ? ", account " : "", to_partner ? (int)partner.size : 0, partner.data);
    out->text = (tp_str){source->text, (size_t)size};
    return true;
}

static bool amount_read(struct bank_source *source, struct bank_transaction *out,
                        struct bank_refusal *refusal) {
    const struct bank_csv *csv = &source->csv;
    const struct bank_field *type = bank_csv_field(csv, source->where[TYPE]);
    const struct bank_field *amount = bank_csv_field(csv, source->where[AMOUNT]);
    bool credit = text_is(type->text, "PRIJEM");
    if (!credit && !text_is(type->text, "VYDAJ") && !text_is(type->text, "VYBER")) {
        bank_csv_refuse_field(csv, type, 0, refusal,
                              "unknown type: PRIJEM, VYDAJ or VYBER expected");
        return false;
    }
    if (!bank_csv_money(csv, amount, &out->amount_minor, refusal)) return false;
    if (out->amount_minor < 0) {
        bank_csv_refuse_field(csv, amount, 0, refusal, "bad amount: it is negative");
        return false;
    }
    if (!credit) out->amount_minor = -out->amount_minor;
    out->line = amount->line;
    out->column = amount->column;
    return true;
}

bool bank_berka_row(struct bank_source *source, struct bank_transaction *out,
                    struct bank_refusal *refusal) {
    const struct bank_csv *csv = &source->csv;
    const int *where = source->where;
    out->has_balance = true;
    return bank_csv_number(csv, bank_csv_field(csv, where[TRANS]), &out->id, refusal) &&
           bank_csv_number(csv, bank_csv_field(csv, where[ACCOUNT]), &out->account, refusal) &&
           date_read(csv, bank_csv_field(csv, where[DATE]), &out->date, refusal) &&
           amount_read(source, out, refusal) &&
           bank_csv_money(csv, bank_csv_field(csv, where[BALANCE]), &out->balance_minor, refusal) &&
           sides_read(source, out, refusal) &&
           bank_source_take_id(source, out->id, bank_csv_field(csv, where[TRANS]), refusal);
}

/* ---- opening ---- */

static bool path_join(char out[4096], const char *folder, const char *name) {
    int size = snprintf(out, 4096, "%s/%s", folder, name);
    return size > 0 && size < 4096;
}

static void table_read(const struct table *table, const char *folder, struct bank_register *reg,
                       struct bank_refusals *refusals, FILE *notes) {
    char path[4096];
    struct bank_csv csv = {0};
    if (!path_join(path, folder, table->name)) return;
    const char *reason = bank_csv_open(&csv, path, ';', false);
    if (reason == NULL) {
        table_rows(table, &csv, reg, refusals);
    } else if (notes != NULL) {
        fprintf(notes, "bank: %s: %s; going on without it\n", path, reason);
    }
    bank_csv_close(&csv);
}

bool bank_berka_open(struct bank_source *source, const char *folder, struct bank_refusals *refusals,
                     FILE *notes, char fault[256]) {
    char path[4096];
    const char *reason = "the path is too long";
    if (path_join(path, folder, "trans.asc"))
        reason = bank_csv_open(&source->csv, path, ';', false);
    if (reason != NULL) {
        snprintf(fault, 256, "%.200s/trans.asc: %s", folder, reason);
        return false;
    }
    source->dry = false;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !source->dry; i++) {
        table_read(&tables[i], folder, &source->reg, refusals, notes);
        source->dry = refusals->strict && refusals->count > 0;
    }
    struct bank_refusal refusal;
    if (!source->dry &&
        !bank_csv_header(&source->csv, names, COLUMNS, COLUMNS, source->where, &refusal)) {
        source->dry = true;
        bank_refuse(refusals, &refusal);
    }
    source->columns = COLUMNS;
    return true;
}
