/*
 * top: the actors again and again, with what they did lately. On a terminal keys change the order.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tools/troupe/snapshot.h"

#define LOOK_AT_KEYS TP_MS(100)

struct screen {
    bool terminal; /* stdout is one: it is drawn over */
    bool keys;     /* stdin is one, too */
    struct termios before;
};

/* What ends with the actor, however it ends; and the window with it. */
struct top {
    struct screen screen;
    struct window window;
    const char *sort;
};

static void screen_begin(struct screen *screen) {
    screen->terminal = isatty(STDOUT_FILENO) == 1;
    screen->keys = screen->terminal && isatty(STDIN_FILENO) == 1 &&
                   tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (!screen->keys) return;
    struct termios raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    screen->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void top_end(void *arg) {
    struct top *top = arg;
    if (top->screen.keys) (void)tcsetattr(STDIN_FILENO, TCSANOW, &top->screen.before);
    window_free(&top->window);
}

/* So many rows fit below the head, on a terminal. */
static size_t rows_that_fit(const struct screen *screen, const struct cli *cli) {
    struct winsize size;
    if (cli->limit > 0) return cli->limit;
    if (!screen->terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 8)
        return 20;
    return size.ws_row - 4u;
}

/* False: the key to end. */
static bool take_key(struct top *top, char key) {
    static const struct {
        char key;
        const char *column;
    } keys[] = {{'p', "pid"},   {'n', "name"},  {'d', "doing"}, {'m', "mailbox"}, {'h', "handled"},
                {'s', "state"}, {'l', "links"}, {'r', "rate"},  {'g', "growth"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].key == key) top->sort = keys[i].column;
    return key != 'q';
}

/* Waits; false: the key to end was pressed. */
static bool pause_for(tp_actor *self, struct top *top, tp_duration span) {
    tp_time until = tp_now(self) + span;
    char key;
    if (!top->screen.keys) {
        (void)tp_sleep(self, span);
        return true;
    }
    for (tp_duration left; (left = until - tp_now(self)) > 0;) {
        (void)tp_sleep(self, left < LOOK_AT_KEYS ? left : LOOK_AT_KEYS);
        while (read(STDIN_FILENO, &key, 1) == 1) {
            if (!take_key(top, key)) return false;
            left = 0;
            until = tp_now(self); /* the new order at once */
        }
    }
    return true;
}

static void head(const struct cli *cli, const struct top *top, const struct actor_table *table,
                 const tp_inspect_node *node) {
    char text[4][TEXT_SHORT];
    uint64_t waiting = 0;
    double rate = 0;
    for (size_t i = 0; i < table->count; i++) {
        waiting += table->rows[i].actor.mailbox;
        if (table->rows[i].rate > 0) rate += table->rows[i].rate;
    }
    (void)printf("%s: up %s, %s actors, %s messages/s, %s waiting", cli->peer_name,
                 text_span(node->up, text[0]), text_count(table->count, text[1]),
                 text_count((uint64_t)(rate + 0.5), text[2]), text_count(waiting, text[3]));
    (void)printf("%s\n%s\n", table->cut ? " (not all)" : "",
                 top->screen.keys ? "order: m)ailbox r)ate g)rowth h)andled s)tate l)inks n)ame "
                                    "d)oing p)id   q)uit"
                                  : "");
}

static void show(const struct cli *cli, struct top *top, struct actor_table *table,
                 const tp_inspect_node *node) {
    struct json json = {.out = stdout};
    size_t rows = rows_that_fit(&top->screen, cli);
    view_sort(table, top->sort);
    if (cli->json) {
        json_object(&json, NULL);
        json_text(&json, "node", node->name);
        json_real(&json, "time", (double)table->time / 1e9, 3);
        json_number(&json, "count", table->count);
        json_number(&json, "memory", node->memory);
        view_rows_json(&json, "actors", table, cli->limit, true);
        json_end_object(&json);
        json_done(&json);
        return;
    }
    if (top->screen.terminal) (void)fputs("\033[H\033[J", stdout);
    head(cli, top, table, node);
    view_table(stdout, table, rows, true);
    (void)fflush(stdout);
}

/* One look. */
static int look(tp_actor *self, struct cli *cli, struct top *top) {
    struct actor_table table;
    tp_inspect_node node;
    int status = snapshot_take(self, cli, &table);
    if (status != CLI_OK) return status;
    tp_err err = cli_ask(self, cli, &node, tp_inspect_node, tp_inspect_hello);
    if (err != TP_OK) status = cli_fail(cli, "the node", err);
    else if (!window_add(&top->window, &table)) status = cli_fail(cli, "top", TP_ENOMEM);
    else show(cli, top, &table, &node);
    snapshot_free(self, &table);
    tp_release(self);
    return status;
}

int cli_top(tp_actor *self, struct cli *cli) {
    struct top *top = tp_alloc(self, sizeof *top);
    if (top == NULL || tp_on_exit(self, top_end, top) != TP_OK)
        return cli_fail(cli, "top", TP_ENOMEM);
    top->window.span = cli->window;
    top->sort = cli->sort != NULL ? cli->sort : "rate";
    if (!cli->json) screen_begin(&top->screen);
    for (uint64_t i = 0; cli->count == 0 || i < cli->count; i++) {
        if (i > 0 && !pause_for(self, top, cli->interval)) break;
        int status = look(self, cli, top);
        if (status != CLI_OK) return status;
    }
    return CLI_OK;
}
