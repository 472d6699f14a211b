/*
 * What both readers of history share: the loop over rows, and ids that may be used once.
 */
#include "actors/bank/source.h"

#include <inttypes.h>

bool bank_source_open(struct bank_source *source, enum bank_format format, const char *path,
                      struct bank_refusals *refusals, FILE *notes, char fault[256]) {
    *source = (struct bank_source){.format = format};
    bool opened = format == BANK_FORMAT_BERKA
                      ? bank_berka_open(source, path, refusals, notes, fault)
                      : bank_history_open(source, path, refusals, fault);
    if (!opened) bank_source_close(source);
    return opened;
}

void bank_source_close(struct bank_source *source) {
    bank_csv_close(&source->csv);
    bank_map_free(&source->ids);
    bank_register_free(&source->reg);
}

bool bank_source_take_id(struct bank_source *source, uint64_t id, const struct bank_field *field,
                         struct bank_refusal *refusal) {
    bool added;
    size_t item = bank_map_add(&source->ids, &id, sizeof id, &added);
    if (added) return true;
    bank_csv_refuse_field(&source->csv, field, 0, refusal, "%s",
                          item == BANK_MAP_NONE ? "out of memory" : "the id was used before");
    return false;
}

enum bank_next bank_source_next(struct bank_source *source, struct bank_transaction *out,
                                struct bank_refusal *refusal) {
    if (source->dry) return BANK_NEXT_END;
    enum bank_next next = bank_csv_next(&source->csv, refusal);
    if (next != BANK_NEXT_ROW) return next;
    if (!bank_csv_row_whole(&source->csv, source->columns, refusal)) return BANK_NEXT_REFUSED;
    *out = (struct bank_transaction){0};
    bool good = source->format == BANK_FORMAT_BERKA ? bank_berka_row(source, out, refusal)
                                                    : bank_history_row(source, out, refusal);
    return good ? BANK_NEXT_ROW : BANK_NEXT_REFUSED;
}
