/*
 * The reader of the Berka form, on files made here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/bank/source.h"
#include "tests/support/test.h"

#define HEAD                                                                                       \
    "\"trans_id\";\"account_id\";\"date\";\"type\";\"operation\";\"amount\";\"balance\";"          \
    "\"k_symbol\";\"bank\";\"account\"\r\n"

/* A folder of its own for a test. */
static void folder_make(char folder[32]) {
    memcpy(folder, "/tmp/bank-test-XXXXXX", 22);
    TP_ASSERT(mkdtemp(folder) != NULL);
}

static void file_put(const char *folder, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    TP_ASSERT(file != NULL);
    fputs(text, file);
    fclose(file);
}

static void folder_remove(const char *folder) {
    static const char *const names[] = {"trans.asc", "account.asc", "client.asc", "disp.asc",
                                        "order.asc"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    rmdir(folder);
}

/* What trans.asc gives: "id=amount@counter|text " or "LINE:COLUMN " each. */
static const char *transactions(const char *text) {
    static char out[1024];
    char folder[32];
    char fault[256];
    struct bank_source source;
    struct bank_refusals refusals = {0};
    struct bank_refusal refusal;
    struct bank_transaction t;
    enum bank_next next;
    int used = 0;
    folder_make(folder);
    file_put(folder, "trans.asc", text);
    out[0] = '\0';
    bool opened = bank_source_open(&source, BANK_FORMAT_BERKA, folder, &refusals, NULL, fault);
    folder_remove(folder);
    TP_ASSERT(opened);
    if (refusals.count > 0) used = snprintf(out, sizeof out, "header ");
    while ((next = bank_source_next(&source, &t, &refusal)) != BANK_NEXT_END) {
        size_t room = sizeof out - (size_t)used;
        used += next == BANK_NEXT_ROW
                    ? snprintf(out + used, room, "%d=%d@%.*s|%.*s ", (int)t.id, (int)t.amount_minor,
                               (int)t.counter.size, t.counter.data, (int)t.text.size, t.text.data)
                    : snprintf(out + used, room, "%zu:%zu ", refusal.line, refusal.column);
    }
    bank_source_close(&source);
    return out;
}

TP_TEST(bank_berka, credits_and_debits) {
    TP_ASSERT_EQ_STR(transactions(HEAD "1;2;930101;\"PRIJEM\";\"VKLAD\";700.00;700.00;\"\";;\r\n"
                                       "3;2;930102;\"VYDAJ\";\"VYBER\";50.5;649.50;\"\";;\r\n"
                                       "4;2;930103;\"VYBER\";\"VYBER\";49.50;600.00;\" \";;\r\n"),
                     "1=70000@Cash|deposit in cash 3=-5050@Cash|withdrawal in cash "
                     "4=-4950@Cash|withdrawal in cash ");
}

TP_TEST(bank_berka, the_other_side_is_named_by_bank_symbol_or_operation) {
    TP_ASSERT_EQ_STR(
        transactions(
            HEAD "1;2;930101;\"PRIJEM\";\"PREVOD Z UCTU\";9.00;9.00;\"DUCHOD\";\"AB\";\"54\"\r\n"
                 "2;2;930102;\"PRIJEM\";\"\";1.00;10.00;\"UROK\";;\r\n"
                 "3;2;930103;\"VYDAJ\";\"VYBER\";1.00;9.00;\"SLUZBY\";;\r\n"
                 "4;2;930103;\"VYDAJ\";\"VYBER KARTOU\";1.00;8.00;\"\";;\r\n"
                 "5;2;930103;\"VYDAJ\";\"\";1.00;7.00;\"\";;\r\n"),
        "1=900@bank:AB|transfer received, pension, account 54 2=100@Interest:Credited|interest "
        "3=-100@Fees|withdrawal in cash, statement fee 4=-100@Card|withdrawal by card "
        "5=-100@Other| ");
}

TP_TEST(bank_berka, bad_lines_are_refused_at_their_byte_and_the_rest_is_read) {
    TP_ASSERT_EQ_STR(transactions(HEAD "1;2;930101;\"KREDIT\";\"VKLAD\";7.00;7.00;\"\";;\r\n"
                                       "2;2;931301;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;\r\n"
                                       "3;2;930101;\"PRIJEM\";\"VKLAD\";7.0.0;7.00;\"\";;\r\n"
                                       "4;2;930101;\"PRIJEM\";\"VKLAD\";-7.00;7.00;\"\";;\r\n"
                                       "5;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";A:;\r\n"
                                       "6;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;;\r\n"
                                       "7;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;\r\n"
                                       "7;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;\r\n"),
                     "2:13 3:7 4:32 5:29 6:43 7:44 7=700@Cash|deposit in cash 9:1 ");
}

TP_TEST(bank_berka, cut_lines_are_refused_where_they_end) {
    TP_ASSERT_EQ_STR(transactions(HEAD "1;2;930101;\"PRIJEM\";\"VKL\r\n"
                                       "2;2;930101;\"PRIJEM\";\r\n"
                                       "3;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;\r\n"
                                       "4;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;"),
                     "2:21 3:21 3=700@Cash|deposit in cash 5:43 ");
}

TP_TEST(bank_berka, a_cut_header_refuses_the_file) {
    TP_ASSERT_EQ_STR(transactions("\"trans_id\";\"account_id\"\r\n1;2\r\n"), "header ");
}

TP_TEST(bank_berka, the_files_beside_the_transactions_fill_the_register) {
    char folder[32];
    char fault[256];
    struct bank_source source;
    struct bank_refusals refusals = {0};
    folder_make(folder);
    file_put(folder, "trans.asc", HEAD);
    file_put(folder, "account.asc",
             "\"account_id\";\"district_id\";\"frequency\";\"date\"\r\n"
             "1;18;\"POPLATEK MESICNE\";950324\r\n2;x;\"POPLATEK MESICNE\";930226\r\n");
    file_put(
        folder, "client.asc",
        "\"client_id\";\"birth_number\";\"district_id\"\r\n1;\"706213\";18\r\n2;\"450204\";1\r\n");
    file_put(folder, "disp.asc",
             "\"disp_id\";\"client_id\";\"account_id\";\"type\"\r\n1;1;1;\"OWNER\"\r\n"
             "2;2;1;\"DISPONENT\"\r\n3;2;1;\"GUEST\"\r\n");
    file_put(folder, "order.asc",
             "\"order_id\";\"account_id\";\"bank_to\";\"account_to\";\"amount\";\"k_symbol\"\r\n"
             "5;1;\"YZ\";\"87144583\";2452.00;\"SIPO\"\r\n");
    bool opened = bank_source_open(&source, BANK_FORMAT_BERKA, folder, &refusals, NULL, fault);
    folder_remove(folder);
    TP_ASSERT(opened);
    TP_ASSERT_EQ_INT(refusals.count, 2);
    const struct bank_client *woman = bank_register_find_client(&source.reg, 1);
    const struct bank_client *man = bank_register_find_client(&source.reg, 2);
    TP_ASSERT(woman != NULL && woman->born == 19701213 && woman->sex == 'f');
    TP_ASSERT(man != NULL && man->born == 19450204 && man->sex == 'm');
    TP_ASSERT(bank_register_find_account(&source.reg, 1)->opened == 19950324);
    TP_ASSERT(bank_register_find_account(&source.reg, 2) == NULL);
    TP_ASSERT_EQ_INT(bank_register_dispositions(&source.reg), 2);
    TP_ASSERT_EQ_INT(source.reg.order_count, 1);
    TP_ASSERT_EQ_INT(source.reg.orders[0].amount_minor, 245200);
    bank_source_close(&source);
}

TP_TEST(bank_berka, strict_reading_ends_at_the_first_refusal_beside_the_transactions) {
    char folder[32];
    char fault[256];
    struct bank_source source;
    struct bank_refusals refusals = {.strict = true};
    struct bank_refusal refusal;
    struct bank_transaction t;
    folder_make(folder);
    file_put(folder, "trans.asc", HEAD "1;2;930101;\"PRIJEM\";\"VKLAD\";7.00;7.00;\"\";;\r\n");
    file_put(folder, "account.asc",
             "\"account_id\";\"district_id\";\"frequency\";\"date\"\r\n1;\r\n");
    bool opened = bank_source_open(&source, BANK_FORMAT_BERKA, folder, &refusals, NULL, fault);
    folder_remove(folder);
    TP_ASSERT(opened);
    TP_ASSERT_EQ_INT(refusals.count, 1);
    TP_ASSERT(bank_source_next(&source, &t, &refusal) == BANK_NEXT_END);
    bank_source_close(&source);
}

TP_TEST(bank_berka, a_folder_without_transactions_is_said_so) {
    struct bank_source source;
    struct bank_refusals refusals = {0};
    char fault[256];
    TP_ASSERT(!bank_source_open(&source, BANK_FORMAT_BERKA, "/nowhere", &refusals, NULL, fault));
    TP_ASSERT_EQ_STR(fault, "/nowhere/trans.asc: no such file");
}
