/*
 * The journal in plain-text accounting form.
 */
#include "actors/bank/export.h"

#include <inttypes.h>
#include <stdlib.h>

#include "actors/bank/date.h"

/* A description is one line; a semicolon or two spaces would begin a comment, a bar ends the
 * payee. */
static void description_put(struct bank_text *out, tp_str text) {
    bool space = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if ((unsigned char)c <= 0x20 || c == 0x7F) c = ' ';
        if (c == ';' || c == '|') c = ',';
        if (c != ' ' || !space) bank_text_add(out, &c, 1);
        space = c == ' ';
    }
}

void bank_export_record(const struct bank_journal *journal, const struct bank_record *record,
                        struct bank_text *out) {
    char date[BANK_DATE_SIZE];
    char amount[BANK_MONEY_SIZE];
    bank_date_format(record->date, date);
    if (record->id.high == 0) {
        bank_text_print(out, "%s (%" PRIu64 ") ", date, record->id.low);
    } else {
        bank_text_print(out, "%s (%016" PRIx64 "%016" PRIx64 ") ", date, record->id.high,
                        record->id.low);
    }
    description_put(out, bank_journal_text(journal, record));
    bank_text_put(out, "\n");
    for (size_t i = 0; i < 2; i++) {
        bank_money_format(record->legs[i].amount_minor, amount);
        bank_text_print(out, "    %-32s  %14s CZK\n",
                        bank_journal_name(journal, record->legs[i].account).data, amount);
    }
    bank_text_put(out, "\n");
}

/* Writes what has gathered. */
static bool flush(struct bank_text *text, FILE *out) {
    bool good = !text->failed && fwrite(text->data, 1, text->size, out) == text->size;
    text->size = 0;
    return good;
}

bool bank_export_ledger(const struct bank_journal *journal, FILE *out) {
    size_t count;
    size_t *sorted = bank_journal_sorted(journal, BANK_MAP_NONE, &count);
    bool good = count == journal->count;
    struct bank_text text = {0};
    bank_text_put(&text, "; amounts are signed as the client sees them\n\n");
    for (size_t i = 0; i < count && good; i++) {
        bank_export_record(journal, &journal->records[sorted[i]], &text);
        if (text.size > 65536) good = flush(&text, out);
    }
    good = good && flush(&text, out);
    bank_text_free(&text);
    free(sorted);
    return good;
}
