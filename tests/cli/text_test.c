/*
 * Words into values, values into words, JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "tools/troupe/text.h"

/* What a function writes. */
struct page {
    char *text;
    size_t size;
    FILE *out;
};
static void page_open(struct page *page) {
    page->out = open_memstream(&page->text, &page->size);
    TP_ASSERT(page->out != NULL);
}
static void page_is(struct page *page, const char *expected) {
    char got[2048];
    TP_ASSERT(fclose(page->out) == 0 && page->size < sizeof got);
    memcpy(got, page->text, page->size + 1);
    free(page->text);
    TP_ASSERT_EQ_STR(got, expected);
}

TP_TEST(cli_text, numbers) {
    uint64_t n = 0;
    TP_ASSERT(text_number("0", 0, 9, &n) && n == 0);
    TP_ASSERT(text_number("18446744073709551615", 0, UINT64_MAX, &n) && n == UINT64_MAX);
    static const char *const bad[] = {"", "-1", "+1", "1x", " 1", "0x10", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TP_ASSERT_MSG(!text_number(bad[i], 0, UINT64_MAX, &n), "%s", bad[i]);
    TP_ASSERT(!text_number("10", 0, 9, &n) && !text_number("4", 5, 9, &n));
}

TP_TEST(cli_text, seconds) {
    tp_duration span = 0;
    TP_ASSERT(text_seconds("0.5", &span) && span == TP_MS(500));
    TP_ASSERT(text_seconds("2", &span) && span == TP_SECONDS(2));
    TP_ASSERT(text_seconds(".25", &span) && span == TP_MS(250));
    static const char *const bad[] = {"", "-1", "x", "1s", "nan", "inf", "0x1p3", "1e9", "2000000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TP_ASSERT_MSG(!text_seconds(bad[i], &span), "%s", bad[i]);
}

TP_TEST(cli_text, pids) {
    tp_pid pid = {.node = 7};
    char text[TEXT_SHORT];
    TP_ASSERT(text_pid("12.3", &pid) && pid.slot == 12 && pid.generation == 3 && pid.node == 7);
    TP_ASSERT(text_pid("<4294967295.1>", &pid) && pid.slot == UINT32_MAX);
    static const char *const bad[] = {"",
                                      "12",
                                      "12.",
                                      ".3",
                                      "12.0",
                                      "1.2.3",
                                      "<1.2",
                                      "a.b",
                                      "<>",
                                      "1.-2",
                                      "-1.2",
                                      "1 .2",
                                      "adder",
                                      "4294967296.1",
                                      "1.4294967296",
                                      "<1.2>>",
                                      "11111111111111111111111111111111111111111111.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TP_ASSERT_MSG(!text_pid(bad[i], &pid), "%s", bad[i]);
    TP_ASSERT_EQ_STR(text_pid_of((tp_pid){7, 12, 3}, 7, text), "12.3");
    TP_ASSERT_EQ_STR(text_pid_of((tp_pid){0xab, 12, 3}, 7, text), "12.3@00000000000000ab");
    TP_ASSERT_EQ_STR(text_pid_of(tp_pid_null(), 7, text), "-");
}

TP_TEST(cli_text, counts_and_spans) {
    char text[TEXT_SHORT];
    static const struct {
        uint64_t number;
        const char *text;
    } counts[] = {{0, "0"},         {9999, "9999"},    {10000, "10k"},    {999499, "999k"},
                  {999500, "1.0M"}, {1234567, "1.2M"}, {34567890, "35M"}, {UINT64_MAX, "18E"}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        TP_ASSERT_EQ_STR(text_count(counts[i].number, text), counts[i].text);
    static const struct {
        tp_duration span;
        const char *text;
    } spans[] = {{-5, "0us"},
                 {TP_MS(1) / 2, "500us"},
                 {TP_MS(15) / 10, "1.5ms"},
                 {TP_SECONDS(12), "12.0s"},
                 {TP_SECONDS(200), "3m20s"},
                 {TP_SECONDS(7500), "2h05m"},
                 {TP_SECONDS(97200), "1d03h"}};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        TP_ASSERT_EQ_STR(text_span(spans[i].span, text), spans[i].text);
}

TP_TEST(cli_text, permissions) {
    char text[80];
    TP_ASSERT_EQ_STR(text_may(0xff, text), "all");
    TP_ASSERT_EQ_STR(text_may(0, text), "nothing");
    TP_ASSERT_EQ_STR(text_may(0x3f, text), "send,call,monitor,link,kill,spawn");
    TP_ASSERT_EQ_STR(text_may(0x41, text), "send,inspect");
    TP_ASSERT_EQ_STR(text_may(0xfe, text), "call,monitor,link,kill,spawn,inspect,proxy");
}

/* A name is somebody else's: it must not move the cursor, nor turn the text around. */
TP_TEST(cli_text, what_others_named_does_not_rule_the_terminal) {
    struct page page;
    page_open(&page);
    TP_ASSERT_EQ_INT(text_put(page.out, TP_STR("a\033[2Jb\r\n\x7f\xc2\x9b\xe2\x80\xae\xff z"), 0),
                     17);
    page_is(&page, "a?[2Jb????????? z");
}

TP_TEST(cli_text, columns_count_characters) {
    struct page page;
    page_open(&page);
    text_column(page.out, TP_STR("K\xc3\xb6ln"), 6);
    text_column(page.out, TP_STR("abcdefgh"), 4);
    text_column(page.out, TP_STR("\xe2\x82\xac"), 2);
    page_is(&page, "K\xc3\xb6ln  abcd\xe2\x82\xac ");
}

TP_TEST(cli_text, json) {
    struct page page;
    struct json json = {0};
    page_open(&page);
    json.out = page.out;
    json_object(&json, NULL);
    json_text(&json, "a", TP_STR("q\"\\\n\001\xc3\xb6"));
    json_text(&json, "bad", TP_STR("\xff"));
    json_list(&json, "l");
    json_number(&json, NULL, UINT64_MAX);
    json_signed(&json, NULL, -3);
    json_object(&json, NULL);
    json_end_object(&json);
    json_end_list(&json);
    json_bool(&json, "t", true);
    json_real(&json, "r", 1.25, 1);
    json_pid(&json, "p", (tp_pid){1, 2, 3}, 1);
    json_pid(&json, "n", tp_pid_null(), 1);
    json_node(&json, "id", 255);
    json_end_object(&json);
    json_done(&json);
    page_is(&page,
            "{\"a\":\"q\\\"\\\\\\n\\u0001\xc3\xb6\",\"bad\":null,\"l\":[18446744073709551615,"
            "-3,{}],\"t\":true,\"r\":1.2,\"p\":\"2.3\",\"n\":null,"
            "\"id\":\"00000000000000ff\"}\n");
}
