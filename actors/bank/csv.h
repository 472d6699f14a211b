/*
 * Rows of separated fields (RFC 4180), read from bytes, with the place of every fault: the line and
 * the 1-based byte within it. A row that is at fault is refused as a whole and reading goes on with
 * the line after the one it began on.
 *
 * Every row ends with LF or CRLF, the last one too: without it a cut file could not be told from a
 * whole one. Empty lines are skipped. The bytes must be UTF-8; a byte order mark at the start is
 * skipped.
 */
#ifndef ACTORS_BANK_CSV_H
#define ACTORS_BANK_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <troupe/message.h>

#define BANK_FIELDS_MAX 32      /* of one row */
#define BANK_ROW_SIZE_MAX 65536 /* bytes */
#define BANK_REASON_SIZE 160

/* Why something was refused, and where. `file` is borrowed from whoever read it. */
struct bank_refusal {
    const char *file;
    size_t line;
    size_t column; /* 1-based byte */
    char reason[BANK_REASON_SIZE];
};

/* Where refusals go. Zero-initialised they are counted only. */
struct bank_refusals {
    FILE *out; /* one line each, "FILE:LINE:COLUMN: reason"; NULL: none */
    uint64_t count;
    bool strict; /* the first one ends the reading */
};

/* Writes and counts one; false when the reading should end. */
bool bank_refuse(struct bank_refusals *refusals, const struct bank_refusal *refusal);

/* One field of a row, without its quotes. */
struct bank_field {
    tp_str text; /* borrowed until the next row */
    size_t line; /* where its first byte stands */
    size_t column;
    bool escaped; /* it held doubled quotes, so offsets within it do not map to columns */
};

/* A file of rows; see bank_csv_open. */
struct bank_csv {
    char *name; /* as it stands in refusals */
    char *data;
    size_t size;
    size_t at;
    size_t line;
    size_t line_start; /* the offset of the current line */
    char separator;
    bool multi_line; /* a quoted field may hold line ends */
    char *scratch;   /* where fields with doubled quotes are put together */
    size_t scratch_size;
    struct bank_field fields[BANK_FIELDS_MAX];
    size_t field_count;
    size_t row_line; /* where the row begins */
    size_t end_line; /* where it ends: one byte past its last field */
    size_t end_column;
};

enum bank_next { BANK_NEXT_ROW, BANK_NEXT_REFUSED, BANK_NEXT_END };

/* Reads a whole file into memory. NULL on success, otherwise why not (a static string). */
const char *bank_csv_open(struct bank_csv *csv, const char *path, char separator, bool multi_line);
/* The same from bytes, which are copied. */
const char *bank_csv_open_bytes(struct bank_csv *csv, const char *name, const char *data,
                                size_t size, char separator, bool multi_line);
/* Frees it. A zero-initialised one is allowed. */
void bank_csv_close(struct bank_csv *csv);
/* The next row into csv->fields, or why it is refused. */
enum bank_next bank_csv_next(struct bank_csv *csv, struct bank_refusal *refusal);

/* Fills a refusal that stands at byte `offset` of a field. */
void bank_csv_refuse_field(const struct bank_csv *csv, const struct bank_field *field,
                           size_t offset, struct bank_refusal *refusal, const char *format, ...)
    TP_PRINTF(5, 6);

/*
 * Reads the first row as a header: the names of the columns, in any order, each known and at most
 * once. where[i] is the place of names[i], or -1. The first `required` names must be there. False:
 * refused.
 */
bool bank_csv_header(struct bank_csv *csv, const char *const *names, size_t count, size_t required,
                     int *where, struct bank_refusal *refusal);
/* True when the row has as many fields as the header; otherwise it is refused, as cut or as too
 * long. */
bool bank_csv_row_whole(const struct bank_csv *csv, size_t columns, struct bank_refusal *refusal);

/* The field of a column; an empty one when where is -1. */
const struct bank_field *bank_csv_field(const struct bank_csv *csv, int where);
/* Readers of one field: false when it is refused, with *out as it was. */
bool bank_csv_money(const struct bank_csv *csv, const struct bank_field *field, int64_t *out,
                    struct bank_refusal *refusal);
bool bank_csv_number(const struct bank_csv *csv, const struct bank_field *field, uint64_t *out,
                     struct bank_refusal *refusal);

#endif
