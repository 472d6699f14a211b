/*
 * The rows of a file: the state of a reader stands in struct bank_csv; see csv.h for the rules.
 */
#include "actors/bank/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "actors/bank/money.h"
#include "actors/bank/text.h"

bool bank_refuse(struct bank_refusals *refusals, const struct bank_refusal *refusal) {
    refusals->count++;
    if (refusals->out != NULL) {
        fprintf(refusals->out, "%s:%zu:%zu: %s\n", refusal->file, refusal->line, refusal->column,
                refusal->reason);
    }
    return !refusals->strict;
}

/* ---- opening ---- */

const char *bank_csv_open_bytes(struct bank_csv *csv, const char *name, const char *data,
                                size_t size, char separator, bool multi_line) {
    *csv = (struct bank_csv){
        .size = size, .line = 1, .separator = separator, .multi_line = multi_line};
    csv->name = malloc(strlen(name) + 1);
    csv->data = malloc(size + 1);
    csv->scratch = malloc(BANK_ROW_SIZE_MAX);
    if (csv->name == NULL || csv->data == NULL || csv->scratch == NULL) {
        bank_csv_close(csv);
        return "out of memory";
    }
    memcpy(csv->name, name, strlen(name) + 1);
    if (size > 0) memcpy(csv->data, data, size);
    if (size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) csv->at = 3;
    return NULL;
}

/* Appends all of a stream to a text. */
static const char *stream_read(FILE *in, struct bank_text *text) {
    char buffer[16384];
    size_t size;
    while ((size = fread(buffer, 1, sizeof buffer, in)) > 0) bank_text_add(text, buffer, size);
    if (ferror(in)) return errno == EISDIR ? "is a directory" : "cannot be read";
    return text->failed ? "out of memory" : NULL;
}

const char *bank_csv_open(struct bank_csv *csv, const char *path, char separator, bool multi_line) {
    *csv = (struct bank_csv){0};
    errno = 0;
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        if (errno == EACCES) return "permission denied";
        return errno == ENOENT || errno == ENOTDIR ? "no such file" : "cannot be opened";
    }
    struct bank_text text = {0};
    const char *fault = stream_read(in, &text);
    fclose(in);
    if (fault == NULL) {
        fault = bank_csv_open_bytes(csv, path, text.data, text.size, separator, multi_line);
    }
    bank_text_free(&text);
    return fault;
}

void bank_csv_close(struct bank_csv *csv) {
    free(csv->name);
    free(csv->data);
    free(csv->scratch);
    *csv = (struct bank_csv){0};
}

/* ---- one row ---- */

/* A fault while a row is read: its reason and where it stands. */
struct fault {
    const char *reason;
    size_t at;
};

static bool fail(struct fault *fault, const char *reason, size_t at) {
    *fault = (struct fault){reason, at};
    return false;
}

/* How many bytes a line end at an offset has: 0 if there is none. */
static size_t line_end(const struct bank_csv *csv, size_t at) {
    if (at < csv->size && csv->data[at] == '\n') return 1;
    return at + 1 < csv->size && csv->data[at] == '\r' && csv->data[at + 1] == '\n' ? 2 : 0;
}

static void next_line(struct bank_csv *csv, size_t at) {
    csv->line++;
    csv->line_start = at;
}

/* One byte of a quoted field: into the scratch, so that doubled quotes become single. */
static bool scratch_put(struct bank_csv *csv, char c, struct fault *fault) {
    if (csv->scratch_size == BANK_ROW_SIZE_MAX) {
        return fail(fault, "the row is longer than 65536 bytes", csv->at);
    }
    csv->scratch[csv->scratch_size++] = c;
    return true;
}

/* Stands behind the opening quote; ends behind the closing one. */
static bool quoted_read(struct bank_csv *csv, struct bank_field *field, struct fault *fault) {
    size_t opening = csv->at - 1;
    size_t start = csv->scratch_size;
    for (;;) {
        if (csv->at >= csv->size)
            return fail(fault, "truncated: the quote is never closed", opening);
        char c = csv->data[csv->at];
        bool doubled = c == '"' && csv->at + 1 < csv->size && csv->data[csv->at + 1] == '"';
        if (c == '"' && !doubled) break;
        if (!csv->multi_line && line_end(csv, csv->at) > 0) {
            return fail(fault, "truncated: the quote is not closed on its line", opening);
        }
        if (!scratch_put(csv, c, fault)) return false;
        csv->at += doubled ? 2 : 1;
        field->escaped = field->escaped || doubled;
        if (c == '\n') next_line(csv, csv->at);
    }
    csv->at++;
    field->text = (tp_str){csv->scratch + start, csv->scratch_size - start};
    return true;
}

static bool plain_read(struct bank_csv *csv, struct bank_field *field, struct fault *fault) {
    size_t start = csv->at;
    while (csv->at < csv->size && csv->data[csv->at] != csv->separator &&
           line_end(csv, csv->at) == 0) {
        char c = csv->data[csv->at];
        if (c == '"') return fail(fault, "a quote inside a field that is not quoted", csv->at);
        if (c == '\r') return fail(fault, "a carriage return inside a line", csv->at);
        csv->at++;
    }
    if (csv->at - start > BANK_ROW_SIZE_MAX) {
        return fail(fault, "the row is longer than 65536 bytes", start + BANK_ROW_SIZE_MAX);
    }
    field->text = (tp_str){csv->data + start, csv->at - start};
    return true;
}

static bool field_read(struct bank_csv *csv, struct fault *fault) {
    if (csv->field_count == BANK_FIELDS_MAX) return fail(fault, "more than 32 fields", csv->at);
    struct bank_field *field = &csv->fields[csv->field_count++];
    bool quoted = csv->at < csv->size && csv->data[csv->at] == '"';
    if (quoted) csv->at++;
    *field = (struct bank_field){.line = csv->line, .column = csv->at - csv->line_start + 1};
    return quoted ? quoted_read(csv, field, fault) : plain_read(csv, field, fault);
}

/* Reads fields up to the line end and steps over it. */
static bool row_read(struct bank_csv *csv, struct fault *fault) {
    csv->field_count = 0;
    csv->scratch_size = 0;
    for (;;) {
        if (!field_read(csv, fault)) return false;
        if (csv->at >= csv->size) {
            return fail(fault, "truncated: the line has no line end", csv->at);
        }
        csv->end_line = csv->line;
        csv->end_column = csv->at - csv->line_start + 1;
        size_t end = line_end(csv, csv->at);
        if (end == 0 && csv->data[csv->at] != csv->separator) {
            return fail(fault, "text behind a closing quote", csv->at);
        }
        csv->at += end == 0 ? 1 : end;
        if (end == 0) continue;
        next_line(csv, csv->at);
        return true;
    }
}

/* The line and column of an offset at or after the row's start. */
static void place(const struct bank_csv *csv, size_t row_start, size_t line_start, size_t at,
                  struct bank_refusal *refusal) {
    refusal->line = csv->row_line;
    for (size_t i = row_start; i < at; i++) {
        if (csv->data[i] != '\n') continue;
        refusal->line++;
        line_start = i + 1;
    }
    refusal->column = at - line_start + 1;
}

/* Goes to the line behind the one where a refused row began. */
static void resume(struct bank_csv *csv, size_t row_start) {
    const char *end = memchr(csv->data + row_start, '\n', csv->size - row_start);
    csv->at = end == NULL ? csv->size : (size_t)(end - csv->data) + 1;
    csv->line = csv->row_line;
    next_line(csv, csv->at);
}

static void skip_empty_lines(struct bank_csv *csv) {
    size_t end;
    while ((end = line_end(csv, csv->at)) > 0) {
        csv->at += end;
        next_line(csv, csv->at);
    }
}

enum bank_next bank_csv_next(struct bank_csv *csv, struct bank_refusal *refusal) {
    skip_empty_lines(csv);
    if (csv->at >= csv->size) return BANK_NEXT_END;
    size_t row_start = csv->at;
    size_t line_start = csv->line_start;
    struct fault fault = {NULL, 0};
    csv->row_line = csv->line;
    bool whole = row_read(csv, &fault);
    size_t checked = bank_utf8_check(csv->data + row_start, csv->at - row_start);
    if (checked < csv->at - row_start && (whole || row_start + checked < fault.at)) {
        fault = (struct fault){"wrong encoding: not UTF-8", row_start + checked};
    }
    if (fault.reason == NULL) return BANK_NEXT_ROW;
    refusal->file = csv->name;
    snprintf(refusal->reason, sizeof refusal->reason, "%s", fault.reason);
    place(csv, row_start, line_start, fault.at, refusal);
    if (!whole) resume(csv, row_start);
    return BANK_NEXT_REFUSED;
}

/* ---- what stands in a row ---- */

void bank_csv_refuse_field(const struct bank_csv *csv, const struct bank_field *field,
                           size_t offset, struct bank_refusal *refusal, const char *format, ...) {
    refusal->file = csv->name;
    refusal->line = field->line;
    refusal->column = field->column + (field->escaped ? 0 : offset);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(refusal->reason, sizeof refusal->reason, format, arguments);
    va_end(arguments);
    for (char *c = refusal->reason; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?'; /* a refusal is one line */
    }
}

static bool refuse_row(const struct bank_csv *csv, size_t line, size_t column,
                       struct bank_refusal *refusal, const char *reason) {
    *refusal = (struct bank_refusal){.file = csv->name, .line = line, .column = column};
    snprintf(refusal->reason, sizeof refusal->reason, "%s", reason);
    return false;
}

static size_t name_find(const char *const *names, size_t count, tp_str text) {
    size_t i = 0;
    while (i < count &&
           (strlen(names[i]) != text.size || memcmp(names[i], text.data, text.size) != 0)) {
        i++;
    }
    return i;
}

bool bank_csv_header(struct bank_csv *csv, const char *const *names, size_t count, size_t required,
                     int *where, struct bank_refusal *refusal) {
    for (size_t i = 0; i < count; i++) where[i] = -1;
    enum bank_next next = bank_csv_next(csv, refusal);
    if (next == BANK_NEXT_REFUSED) return false;
    if (next == BANK_NEXT_END) return refuse_row(csv, 1, 1, refusal, "the file has no header");
    for (size_t i = 0; i < csv->field_count; i++) {
        const struct bank_field *field = &csv->fields[i];
        size_t name = name_find(names, count, field->text);
        const char *fault = name == count ? "unknown column" : "column given twice";
        if (name < count && where[name] < 0) {
            where[name] = (int)i;
            continue;
        }
        bank_csv_refuse_field(
            csv, field, 0, refusal, "%s \"%.*s\": nothing of this file is applied", fault,
            (int)(field->text.size < 40 ? field->text.size : 40), field->text.data);
        return false;
    }
    for (size_t i = 0; i < required; i++) {
        if (where[i] >= 0) continue;
        refuse_row(csv, csv->end_line, csv->end_column, refusal, "");
        snprintf(refusal->reason, sizeof refusal->reason,
                 "the header has no column \"%s\": nothing of this file is applied", names[i]);
        return false;
    }
    return true;
}

bool bank_csv_row_whole(const struct bank_csv *csv, size_t columns, struct bank_refusal *refusal) {
    if (csv->field_count == columns) return true;
    if (csv->field_count > columns) {
        bank_csv_refuse_field(csv, &csv->fields[columns], 0, refusal,
                              "unknown column: the header names %zu, the line has %zu", columns,
                              csv->field_count);
        return false;
    }
    refuse_row(csv, csv->end_line, csv->end_column, refusal, "");
    snprintf(refusal->reason, sizeof refusal->reason, "truncated: %zu of %zu fields",
             csv->field_count, columns);
    return false;
}

const struct bank_field *bank_csv_field(const struct bank_csv *csv, int where) {
    static const struct bank_field none = {.text = {"", 0}};
    return where < 0 ? &none : &csv->fields[where];
}

bool bank_csv_money(const struct bank_csv *csv, const struct bank_field *field, int64_t *out,
                    struct bank_refusal *refusal) {
    size_t at;
    const char *fault = bank_money_parse(field->text.data, field->text.size, out, &at);
    if (fault == NULL) return true;
    bank_csv_refuse_field(csv, field, at, refusal, "%s", fault);
    return false;
}

bool bank_csv_number(const struct bank_csv *csv, const struct bank_field *field, uint64_t *out,
                     struct bank_refusal *refusal) {
    uint64_t value = 0;
    bool fits = true;
    for (size_t i = 0; i < field->text.size; i++) {
        unsigned digit = (unsigned)(field->text.data[i] - '0');
        if (digit > 9) {
            bank_csv_refuse_field(csv, field, i, refusal, "bad number: not a digit");
            return false;
        }
        fits = fits && !__builtin_mul_overflow(value, (uint64_t)10, &value) &&
               !__builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (field->text.size == 0 || !fits) {
        bank_csv_refuse_field(csv, field, 0, refusal, "%s",
                              fits ? "bad number: it is empty" : "number overflows: too large");
        return false;
    }
    *out = value;
    return true;
}
