/*
 * Actors as tables and trees; what they did lately.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "tools/troupe/view.h"

#define NODE 5u

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
    char got[4096];
    TP_ASSERT(fclose(page->out) == 0 && page->size < sizeof got);
    memcpy(got, page->text, page->size + 1);
    free(page->text);
    TP_ASSERT_EQ_STR(got, expected);
}

static tp_pid pid(uint32_t slot) {
    return (tp_pid){NODE, slot, 1};
}

static struct actor_row row(uint32_t slot, uint32_t parent, const char *name, uint32_t handled,
                            uint32_t mailbox) {
    return (struct actor_row){
        .actor = {.pid = pid(slot),
                  .parent = parent == UINT32_MAX ? tp_pid_null() : pid(parent),
                  .name = tp_str_of(name),
                  .behavior = TP_STR("worker"),
                  .doing = TP_DOING_IDLE,
                  .handled = handled,
                  .mailbox = mailbox},
        .rate = -1};
}

TP_TEST(cli_view, a_table) {
    struct actor_row rows[] = {row(0, UINT32_MAX, "main", 12, 0), row(1, 0, "", 123456, 7)};
    struct actor_table table = {.rows = rows, .count = 2, .node = NODE};
    struct page page;
    rows[1].actor.doing = TP_DOING_CALLING;
    rows[1].actor.waits_for = pid(0);
    page_open(&page);
    view_table(page.out, &table, 0, false);
    page_is(
        &page,
        "PID        NAME                 BEHAVIOR             DOING            MAILBOX  "
        "HANDLED LINKS   STATE\n"
        "0.1        main                 worker               idle                   0       12 "
        "    0       0\n"
        "1.1        -                    worker               calling 0.1            7     123k "
        "    0       0\n");
}

TP_TEST(cli_view, lately_and_busy) {
    struct actor_row rows[] = {row(0, UINT32_MAX, "main", 12, 3), row(1, 0, "b", 0, 7)};
    struct actor_table table = {.rows = rows, .count = 2, .node = NODE};
    struct page page;
    rows[0].rate = 2.4;
    rows[0].growth = -4;
    rows[1].actor.err = TP_ETIMEDOUT;
    rows[1].actor.doing = TP_DOING_BUSY;
    page_open(&page);
    view_table(page.out, &table, 0, true);
    page_is(
        &page,
        "PID        NAME                 BEHAVIOR             DOING            MAILBOX   RATE/s  "
        "GROWTH  HANDLED LINKS   STATE\n"
        "0.1        main                 worker               idle                   3        2 "
        "     -4       12     0       0\n"
        "1.1        b                    worker               busy                   7        - "
        "      -        -     -       -\n");
}

TP_TEST(cli_view, sorting) {
    struct actor_row rows[] = {row(0, UINT32_MAX, "b", 1, 5), row(1, 0, "a", 9, 5),
                               row(2, 0, "c", 4, 8)};
    struct actor_table table = {.rows = rows, .count = 3, .node = NODE};
    static const struct {
        const char *column;
        uint32_t order[3];
    } cases[] = {{"name", {1, 0, 2}},  {"handled", {1, 2, 0}}, {"mailbox", {2, 0, 1}},
                 {"pid", {0, 1, 2}},   {"rate", {0, 1, 2}},    {"growth", {0, 1, 2}},
                 {"state", {0, 1, 2}}, {"links", {0, 1, 2}},   {"doing", {0, 1, 2}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        view_sort(&table, cases[i].column);
        for (size_t j = 0; j < 3; j++) TP_ASSERT_EQ_INT(rows[j].actor.pid.slot, cases[i].order[j]);
    }
}

TP_TEST(cli_view, a_tree) {
    /* 9 is somebody's parent, and gone */
    struct actor_row rows[] = {row(0, UINT32_MAX, "root", 0, 0), row(1, 0, "left", 0, 2),
                               row(2, 0, "", 0, 0), row(3, 1, "leaf", 0, 0),
                               row(4, 9, "orphan", 0, 0)};
    struct actor_table table = {.rows = rows, .count = 5, .node = NODE};
    struct page page;
    page_open(&page);
    TP_ASSERT(view_tree(page.out, &table, tp_pid_null()));
    page_is(&page, "worker 0.1 \"root\"\n"
                   "├─ worker 1.1 \"left\", 2 waiting\n"
                   "│  └─ worker 3.1 \"leaf\"\n"
                   "└─ worker 2.1\n"
                   "worker 4.1 \"orphan\"\n");
    page_open(&page);
    TP_ASSERT(view_tree(page.out, &table, pid(1)));
    page_is(&page, "worker 1.1 \"left\", 2 waiting\n└─ worker 3.1 \"leaf\"\n");
    page_open(&page);
    TP_ASSERT(!view_tree(page.out, &table, pid(7)));
    page_is(&page, "");
}

/* One started the next, a thousand times: it ends somewhere, and at no stack's end. */
TP_TEST(cli_view, a_tree_that_is_too_deep) {
    enum { DEEP = 1000 };
    struct actor_row *rows = calloc(DEEP, sizeof *rows);
    struct actor_table table = {.rows = rows, .count = DEEP, .node = NODE};
    struct page page;
    size_t lines = 0;
    TP_ASSERT(rows != NULL);
    for (uint32_t i = 0; i < DEEP; i++) rows[i] = row(i, i == 0 ? UINT32_MAX : i - 1, "", 0, 0);
    page_open(&page);
    TP_ASSERT(view_tree(page.out, &table, tp_pid_null()));
    TP_ASSERT(fclose(page.out) == 0);
    for (size_t i = 0; i < page.size; i++) lines += page.text[i] == '\n';
    TP_ASSERT_EQ_INT(lines, 65);
    free(page.text);
    page_open(&page);
    struct json json = {.out = page.out};
    json_object(&json, NULL);
    TP_ASSERT(view_tree_json(&json, &table, tp_pid_null()));
    json_end_object(&json);
    TP_ASSERT(fclose(page.out) == 0);
    free(page.text);
    free(rows);
}

/* ---- lately ---- */

static void look(struct window *window, struct actor_row *rows, size_t count, tp_time time) {
    struct actor_table table = {.rows = rows, .count = count, .node = NODE, .time = time};
    TP_ASSERT(window_add(window, &table));
}

TP_TEST(cli_window, rates_over_a_sliding_window) {
    struct window window = {.span = TP_SECONDS(5)};
    for (uint32_t second = 0; second <= 20; second++) {
        /* the first does 10 a second, from second 10 on 30; the second is younger */
        uint32_t handled = second <= 10 ? second * 10 : 100 + (second - 10) * 30;
        struct actor_row rows[] = {row(3, UINT32_MAX, "", handled, second),
                                   row(8, UINT32_MAX, "", 6, 0)};
        look(&window, rows, second < 18 ? 1 : 2, TP_SECONDS((int64_t)second));
        double rate = rows[0].rate;
        if (second == 0) TP_ASSERT(rate < 0);
        if (second > 0 && second <= 10) TP_ASSERT(rate > 9.99 && rate < 10.01);
        if (second == 12) TP_ASSERT(rate > 17.99 && rate < 18.01); /* 3 s of 10, 2 s of 30 */
        if (second >= 15) TP_ASSERT(rate > 29.99 && rate < 30.01);
        if (second >= 5) TP_ASSERT_EQ_INT(rows[0].growth, 5);
        if (second == 18) TP_ASSERT(rows[1].rate > 1.19 && rows[1].rate < 1.21); /* 6 in 5 s */
        TP_ASSERT(window.count <= 7);
    }
    window_free(&window);
}

TP_TEST(cli_window, counts_that_wrap_slots_used_again_and_busy_ones) {
    struct window window = {.span = TP_SECONDS(5)};
    struct actor_row rows[] = {row(0, UINT32_MAX, "", UINT32_MAX - 4, 0),
                               row(1, UINT32_MAX, "", 1000, 0), row(2, UINT32_MAX, "", 50, 0)};
    look(&window, rows, 3, TP_SECONDS(1));
    rows[0].actor.handled = 5; /* ten more */
    rows[1].actor.pid.generation = 2;
    rows[1].actor.handled = 2; /* another one */
    rows[2].actor.handled = 0;
    rows[2].actor.err = TP_ETIMEDOUT;
    look(&window, rows, 3, TP_SECONDS(2));
    TP_ASSERT(rows[0].rate > 9.99 && rows[0].rate < 10.01);
    TP_ASSERT(rows[1].rate > 1.99 && rows[1].rate < 2.01);
    TP_ASSERT(rows[2].rate > -0.01 && rows[2].rate < 0.01);
    rows[2].actor.handled = 80;
    rows[2].actor.err = TP_OK;
    look(&window, rows, 3, TP_SECONDS(3));
    TP_ASSERT(rows[2].rate > 14.99 && rows[2].rate < 15.01);
    window_free(&window);
}

TP_TEST(cli_window, more_looks_than_it_keeps) {
    struct window window = {.span = TP_SECONDS(1000)};
    for (uint32_t i = 0; i < 1000; i++) {
        struct actor_row rows[] = {row(0, UINT32_MAX, "", i, 0)};
        look(&window, rows, 1, TP_SECONDS((int64_t)i));
        TP_ASSERT(window.count <= WINDOW_SAMPLES);
        if (i > 0) TP_ASSERT(rows[0].rate > 0.99 && rows[0].rate < 1.01);
    }
    window_free(&window);
}
