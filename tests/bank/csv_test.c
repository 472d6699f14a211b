/*
 * The CSV reader and the history form on top of it: what is refused, where exactly, and that the
 * rest is applied.
 */
#include "actors/bank/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/bank/source.h"
#include "tests/support/test.h"

/* ---- rows ---- */

/* What a file gives, one word a row: fields in brackets, or LINE:COLUMN of a refusal. */
static const char *rows(const char *data, size_t size) {
    static char out[2048];
    struct bank_csv csv;
    struct bank_refusal refusal;
    enum bank_next next;
    size_t used = 0;
    TP_ASSERT(bank_csv_open_bytes(&csv, "t", data, size, ',', true) == NULL);
    out[0] = '\0';
    while ((next = bank_csv_next(&csv, &refusal)) != BANK_NEXT_END) {
        if (next == BANK_NEXT_REFUSED) {
            used += (size_t)snprintf(out + used, sizeof out - used, "%zu:%zu ", refusal.line,
                                     refusal.column);
            continue;
        }
        for (size_t i = 0; i < csv.field_count; i++) {
            used += (size_t)snprintf(out + used, sizeof out - used, "[%.*s]",
                                     (int)csv.fields[i].text.size, csv.fields[i].text.data);
        }
        used += (size_t)snprintf(out + used, sizeof out - used, " ");
    }
    bank_csv_close(&csv);
    return out;
}

#define ROWS(text) rows(text, sizeof(text) - 1)

TP_TEST(bank_csv, reads_plain_and_quoted_fields) {
    TP_ASSERT_EQ_STR(ROWS("a,b\r\nc,\"d,e\"\n"), "[a][b] [c][d,e] ");
    TP_ASSERT_EQ_STR(ROWS("\"say \"\"hi\"\"\",x\n"), "[say \"hi\"][x] ");
    TP_ASSERT_EQ_STR(ROWS(",\n\"\"\n"), "[][] [] ");
    TP_ASSERT_EQ_STR(ROWS(""), "");
}

TP_TEST(bank_csv, a_quoted_field_may_hold_line_ends) {
    TP_ASSERT_EQ_STR(ROWS("\"a\nb\",c\nd,e\n"), "[a\nb][c] [d][e] ");
}

TP_TEST(bank_csv, skips_empty_lines_and_a_byte_order_mark) {
    TP_ASSERT_EQ_STR(ROWS("\xEF\xBB\xBF"
                          "a\n\n\r\nb\n\n"),
                     "[a] [b] ");
}

TP_TEST(bank_csv, a_last_line_without_end_is_cut) {
    TP_ASSERT_EQ_STR(ROWS("a,b\nc,12"), "[a][b] 2:5 ");
}

TP_TEST(bank_csv, an_open_quote_is_refused_where_it_stands_and_the_rest_is_read) {
    TP_ASSERT_EQ_STR(ROWS("a,b\nc,\"d\ne,f\ng,h\n"), "[a][b] 2:3 [e][f] [g][h] ");
    TP_ASSERT_EQ_STR(ROWS("c,\"d\ne,\"f\"\n"), "2:4 [e][f] ");
}

TP_TEST(bank_csv, stray_quotes_and_carriage_returns_are_refused) {
    TP_ASSERT_EQ_STR(ROWS("ab\"c\nd\n"), "1:3 [d] ");
    TP_ASSERT_EQ_STR(ROWS("x,\"a\"b\nd\n"), "1:6 [d] ");
    TP_ASSERT_EQ_STR(ROWS("a\rb\nd\n"), "1:2 [d] ");
}

TP_TEST(bank_csv, wrong_encoding_is_refused_at_its_byte) {
    TP_ASSERT_EQ_STR(ROWS("a,\xC3\xA9,\xE9,c\nd\n"), "1:6 [d] ");
    TP_ASSERT_EQ_STR(ROWS("a\xED\xA0\x80\nd\n"), "1:2 [d] "); /* a surrogate */
    TP_ASSERT_EQ_STR(ROWS("\xC0\xAF\nd\n"), "1:1 [d] ");      /* not the shortest form */
    TP_ASSERT_EQ_STR(ROWS("a\0b\nd\n"), "1:2 [d] ");
    TP_ASSERT_EQ_STR(ROWS("x,\"a\n\xFF\",b\nd\n"), "2:1 [d] ");
}

TP_TEST(bank_csv, the_first_fault_of_a_line_is_named) {
    TP_ASSERT_EQ_STR(ROWS("a\xFF"
                          "b\"\nd\n"),
                     "1:2 [d] ");
    TP_ASSERT_EQ_STR(ROWS("a\"b\xFF\nd\n"), "1:2 [d] ");
}

TP_TEST(bank_csv, a_row_without_end_is_bounded) {
    size_t size = 200000;
    char *data = malloc(size);
    memset(data, 'x', size);
    data[0] = '"';
    memcpy(data + size - 3, "\nd\n", 3);
    const char *out = rows(data, size);
    free(data);
    TP_ASSERT_EQ_STR(out, "1:65538 [d] ");
}

TP_TEST(bank_csv, more_fields_than_can_be_are_refused) {
    char line[128] = "";
    for (int i = 0; i < 40; i++) memcpy(line + i, ",", 2);
    memcpy(line + 40, "\nd\n", 4);
    TP_ASSERT_EQ_STR(rows(line, strlen(line)), "1:33 [d] ");
}

/* ---- history ---- */

/* Reads a history from a temporary file: "id=amount " for each line taken, "LINE:COLUMN " for
 * each refused; the last reason in `reason`. */
static const char *history(const char *text, char reason[BANK_REASON_SIZE]) {
    static char out[1024];
    char path[] = "/tmp/bank-test-XXXXXX";
    char fault[256];
    int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "wb");
    TP_ASSERT(file != NULL);
    fputs(text, file);
    fclose(file);
    struct bank_source source;
    struct bank_refusals refusals = {0};
    struct bank_refusal refusal;
    struct bank_transaction t;
    enum bank_next next;
    int used = 0;
    out[0] = reason[0] = '\0';
    bool opened = bank_source_open(&source, BANK_FORMAT_CSV, path, &refusals, NULL, fault);
    remove(path);
    TP_ASSERT(opened);
    if (refusals.count > 0) used = snprintf(out, sizeof out, "header ");
    while ((next = bank_source_next(&source, &t, &refusal)) != BANK_NEXT_END) {
        if (next == BANK_NEXT_ROW) {
            used += snprintf(out + used, sizeof out - (size_t)used, "%d=%d ", (int)t.id,
                             (int)t.amount_minor);
        } else {
            used += snprintf(out + used, sizeof out - (size_t)used, "%zu:%zu ", refusal.line,
                             refusal.column);
            snprintf(reason, BANK_REASON_SIZE, "%s", refusal.reason);
        }
    }
    bank_source_close(&source);
    return out;
}

#define HEAD "account,date,amount,id,text\n"
#define GOOD "1,2024-01-02,10.00,1,ok\n"

TP_TEST(bank_history, columns_stand_in_any_order) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history("amount,text,date,account\n-1.5,x,2024-01-02,7\n", reason), "2=-150 ");
}

TP_TEST(bank_history, an_unknown_column_in_the_header_refuses_the_file) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history("account,date,amount,color\n" GOOD, reason), "header ");
    TP_ASSERT_EQ_STR(history("account,date,date,amount\n" GOOD, reason), "header ");
    TP_ASSERT_EQ_STR(history("account,date\n1,2024-01-02\n", reason), "header ");
    TP_ASSERT_EQ_STR(history("", reason), "header ");
}

TP_TEST(bank_history, a_line_with_an_unknown_column_is_refused_there) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,10.00,2,x,extra\n" GOOD, reason), "2:24 1=1000 ");
    TP_ASSERT(strstr(reason, "unknown column") != NULL);
}

TP_TEST(bank_history, bad_numbers_are_refused_at_their_byte) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,1x.00,2,\n" GOOD, reason), "2:15 1=1000 ");
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,\"1x.00\",2,\n" GOOD, reason), "2:16 1=1000 ");
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,1.234,2,\n" GOOD, reason), "2:18 1=1000 ");
    TP_ASSERT_EQ_STR(history(HEAD "a,2024-01-02,1.23,2,\n" GOOD, reason), "2:1 1=1000 ");
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-31-02,1.23,2,\n" GOOD, reason), "2:8 1=1000 ");
    TP_ASSERT_EQ_STR(history(HEAD ",2024-01-02,1.23,2,\n" GOOD, reason), "2:1 1=1000 ");
}

TP_TEST(bank_history, overflow_is_refused_at_the_start_of_the_number) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,99999999999999999999.00,2,\n" GOOD, reason),
                     "2:14 1=1000 ");
    TP_ASSERT(strstr(reason, "overflow") != NULL);
    TP_ASSERT_EQ_STR(history(HEAD "99999999999999999999,2024-01-02,1,2,\n" GOOD, reason),
                     "2:1 1=1000 ");
}

TP_TEST(bank_history, cut_lines_are_refused_behind_their_last_byte) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,10\n" GOOD, reason), "2:16 1=1000 ");
    TP_ASSERT(strstr(reason, "truncated: 3 of 5") != NULL);
    TP_ASSERT_EQ_STR(history(HEAD GOOD "1,2024-01-02,10.00,2,hal", reason), "1=1000 3:25 ");
    TP_ASSERT(strstr(reason, "truncated") != NULL);
}

TP_TEST(bank_history, an_id_may_be_used_once_and_a_refused_line_does_not_use_it) {
    char reason[BANK_REASON_SIZE];
    TP_ASSERT_EQ_STR(history(HEAD "1,2024-01-02,x,1,\n" GOOD GOOD, reason), "2:14 1=1000 4:20 ");
    TP_ASSERT(strstr(reason, "used before") != NULL);
}

TP_TEST(bank_history, a_counter_must_be_a_plain_name) {
    char reason[BANK_REASON_SIZE];
#define COUNTER(text) history("account,date,amount,counter\n1,2024-01-02,1," text "\n", reason)
    TP_ASSERT_EQ_STR(COUNTER(""), "2=100 ");
    TP_ASSERT_EQ_STR(COUNTER("Income:Wages of May"), "2=100 ");
    TP_ASSERT_EQ_STR(COUNTER("B\xC3\xA4r"), "2=100 ");
    TP_ASSERT_EQ_STR(COUNTER("Accounts:7"), "2:16 ");
    TP_ASSERT_EQ_STR(COUNTER("a  b"), "2:18 ");
    TP_ASSERT_EQ_STR(COUNTER("a;b"), "2:17 ");
    TP_ASSERT_EQ_STR(COUNTER(":a"), "2:16 ");
    TP_ASSERT_EQ_STR(COUNTER("a:"), "2:17 ");
}

TP_TEST(bank_history, clients_are_registered_once_for_each_account) {
    char path[] = "/tmp/bank-test-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "wb");
    char fault[256];
    struct bank_source source;
    struct bank_refusals refusals = {0};
    struct bank_refusal refusal;
    struct bank_transaction t;
    TP_ASSERT(file != NULL);
    fputs("account,date,amount,client\n1,2024-01-02,1,9\n1,2024-01-02,1,9\n2,2024-01-02,1,9\n",
          file);
    fclose(file);
    TP_ASSERT(bank_source_open(&source, BANK_FORMAT_CSV, path, &refusals, NULL, fault));
    remove(path);
    while (bank_source_next(&source, &t, &refusal) != BANK_NEXT_END)
        TP_ASSERT(t.amount_minor == 100);
    TP_ASSERT_EQ_INT(bank_register_dispositions(&source.reg), 2);
    TP_ASSERT(bank_register_find_client(&source.reg, 9) != NULL);
    TP_ASSERT(bank_register_find_client(&source.reg, 8) == NULL);
    bank_source_close(&source);
}

TP_TEST(bank_history, a_missing_file_or_a_folder_is_said_so) {
    struct bank_source source;
    struct bank_refusals refusals = {0};
    char fault[256];
    TP_ASSERT(!bank_source_open(&source, BANK_FORMAT_CSV, "/nowhere/x", &refusals, NULL, fault));
    TP_ASSERT_EQ_STR(fault, "/nowhere/x: no such file");
    TP_ASSERT(!bank_source_open(&source, BANK_FORMAT_CSV, "/tmp", &refusals, NULL, fault));
    TP_ASSERT_EQ_STR(fault, "/tmp: is a directory");
}
