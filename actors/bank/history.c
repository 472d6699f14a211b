/*
 * The reader of our own CSV form; source.h names its columns.
 */
#include <string.h>

#include "actors/bank/date.h"
#include "actors/bank/source.h"

enum column { ACCOUNT, DATE, AMOUNT, ID, CLIENT, COUNTER, BALANCE, TEXT, COLUMNS };
#define REQUIRED ID /* the columns before this one */

static const char *const names[COLUMNS] = {"account", "date",    "amount",  "id",
                                           "client",  "counter", "balance", "text"};

bool bank_history_open(struct bank_source *source, const char *path, struct bank_refusals *refusals,
                       char fault[256]) {
    const char *reason = bank_csv_open(&source->csv, path, ',', true);
    if (reason != NULL) {
        snprintf(fault, 256, "%s: %s", path, reason);
        return false;
    }
    struct bank_refusal refusal;
    if (!bank_csv_header(&source->csv, names, COLUMNS, REQUIRED, source->where, &refusal)) {
        source->dry = true;
        bank_refuse(refusals, &refusal);
    }
    source->columns = source->csv.field_count;
    return true;
}

/* The name of a counter account must stand unquoted in every plain-text ledger. */
static const char *counter_fault(tp_str text, size_t *at) {
    static const char client[] = "Accounts:";
    *at = 0;
    if (text.size > BANK_COUNTER_SIZE_MAX) return "bad counter: longer than 64 bytes";
    if (text.size >= sizeof client - 1 && memcmp(text.data, client, sizeof client - 1) == 0) {
        return "bad counter: Accounts: are the clients'";
    }
    char previous = ':';
    for (*at = 0; *at < text.size; ++*at) {
        char c = text.data[*at];
        bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                    (unsigned char)c >= 0x80;
        bool joint = strchr(" :-._", c) != NULL && c != '\0';
        bool doubled = joint && strchr(" :", previous) != NULL;
        if ((!word && !joint) || doubled)
            return "bad counter: letters, digits and : - . _ expected";
        previous = c;
    }
    *at = text.size - 1;
    return strchr(" :", previous) == NULL ? NULL : "bad counter: it ends too early";
}

static bool counter_read(struct bank_source *source, struct bank_transaction *out,
                         struct bank_refusal *refusal) {
    const struct bank_field *field = bank_csv_field(&source->csv, source->where[COUNTER]);
    size_t at;
    out->counter = field->text.size > 0 ? field->text : (tp_str){"Cash", 4};
    const char *fault = counter_fault(out->counter, &at);
    if (fault == NULL) return true;
    bank_csv_refuse_field(&source->csv, field, at, refusal, "%s", fault);
    return false;
}

static bool date_read(struct bank_source *source, struct bank_transaction *out,
                      struct bank_refusal *refusal) {
    const struct bank_field *field = bank_csv_field(&source->csv, source->where[DATE]);
    size_t at;
    const char *fault = bank_date_parse(field->text.data, field->text.size, &out->date, &at);
    if (fault == NULL) return true;
    bank_csv_refuse_field(&source->csv, field, at, refusal, "%s", fault);
    return false;
}

static bool balance_read(struct bank_source *source, struct bank_transaction *out,
                         struct bank_refusal *refusal) {
    const struct bank_field *field = bank_csv_field(&source->csv, source->where[BALANCE]);
    out->has_balance = field->text.size > 0;
    return !out->has_balance || bank_csv_money(&source->csv, field, &out->balance_minor, refusal);
}

/* The register learns who may use the account, once for each pair. */
static bool client_take(struct bank_source *source, uint64_t client, uint64_t account) {
    struct bank_register *reg = &source->reg;
    return bank_register_client(reg, &(struct bank_client){.id = client}) &&
           bank_register_disposition(reg, &(struct bank_disposition){client, account, true});
}

/* The id is taken last: a line that is refused for another reason does not use it up. */
static bool id_read(struct bank_source *source, struct bank_transaction *out,
                    struct bank_refusal *refusal) {
    const struct bank_csv *csv = &source->csv;
    const struct bank_field *field = bank_csv_field(csv, source->where[ID]);
    out->id = csv->row_line;
    if (source->where[ID] < 0) return true;
    return bank_csv_number(csv, field, &out->id, refusal) &&
           bank_source_take_id(source, out->id, field, refusal);
}

bool bank_history_row(struct bank_source *source, struct bank_transaction *out,
                      struct bank_refusal *refusal) {
    const struct bank_csv *csv = &source->csv;
    const struct bank_field *account = bank_csv_field(csv, source->where[ACCOUNT]);
    const struct bank_field *amount = bank_csv_field(csv, source->where[AMOUNT]);
    const struct bank_field *client = bank_csv_field(csv, source->where[CLIENT]);
    uint64_t client_id = 0;
    out->line = amount->line;
    out->column = amount->column;
    out->text = bank_csv_field(csv, source->where[TEXT])->text;
    if (!bank_csv_number(csv, account, &out->account, refusal) ||
        !date_read(source, out, refusal) ||
        !bank_csv_money(csv, amount, &out->amount_minor, refusal) ||
        !counter_read(source, out, refusal) || !balance_read(source, out, refusal) ||
        (client->text.size > 0 && !bank_csv_number(csv, client, &client_id, refusal)) ||
        !id_read(source, out, refusal)) {
        return false;
    }
    if (client->text.size == 0 || client_take(source, client_id, out->account)) return true;
    bank_csv_refuse_field(csv, client, 0, refusal, "out of memory");
    return false;
}
