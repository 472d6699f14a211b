/*
 * Actors as a table and as JSON.
 */
#include "tools/troupe/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

static int by_number(double a, double b) {
    return a > b ? -1 : a < b ? 1 : 0;
}

static int by_slot(const void *left, const void *right) {
    const tp_inspect_actor *a = &((const struct actor_row *)left)->actor;
    const tp_inspect_actor *b = &((const struct actor_row *)right)->actor;
    return a->pid.slot < b->pid.slot ? -1 : a->pid.slot > b->pid.slot ? 1 : 0;
}

static tp_str shown_name(const tp_inspect_actor *actor) {
    return actor->name.size > 0 ? actor->name : actor->behavior;
}

static int by_text(tp_str a, tp_str b) {
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

#define COMPARE(column, how)                                                                       \
    static int by_##column(const void *left, const void *right) {                                  \
        const struct actor_row *a = left, *b = right;                                              \
        int order = (how);                                                                         \
        return order != 0 ? order : by_slot(left, right);                                          \
    }
COMPARE(name, by_text(shown_name(&a->actor), shown_name(&b->actor)))
COMPARE(doing,
        by_text(tp_str_of(tp_doing_name(a->actor.doing)), tp_str_of(tp_doing_name(b->actor.doing))))
COMPARE(mailbox, by_number(a->actor.mailbox, b->actor.mailbox))
COMPARE(handled, by_number(a->actor.handled, b->actor.handled))
COMPARE(state, by_number((double)a->actor.state_size, (double)b->actor.state_size))
COMPARE(links, by_number(a->actor.links, b->actor.links))
COMPARE(rate, by_number(a->rate, b->rate))
COMPARE(growth, by_number((double)a->growth, (double)b->growth))

void view_sort(struct actor_table *table, const char *column) {
    static const struct {
        const char *name;
        int (*compare)(const void *left, const void *right);
    } orders[] = {{"pid", by_slot},        {"name", by_name},       {"doing", by_doing},
                  {"mailbox", by_mailbox}, {"handled", by_handled}, {"state", by_state},
                  {"links", by_links},     {"rate", by_rate},       {"growth", by_growth}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (strcmp(column, orders[i].name) == 0 && table->count > 0)
            qsort(table->rows, table->count, sizeof table->rows[0], orders[i].compare);
}

void view_sort_slots(struct actor_table *table) {
    view_sort(table, "pid");
}

/* ---- the table ---- */

/* "calling 12.3" */
static tp_str doing_text(const tp_inspect_actor *actor, uint64_t home, char *out, size_t size) {
    char pid[TEXT_SHORT];
    const char *doing = tp_doing_name(actor->doing);
    if (tp_pid_is_null(actor->waits_for)) (void)snprintf(out, size, "%s", doing);
    else (void)snprintf(out, size, "%s %s", doing, text_pid_of(actor->waits_for, home, pid));
    return tp_str_of(out);
}

static void put_lately(FILE *out, const struct actor_row *row) {
    char rate[TEXT_SHORT];
    if (row->rate < 0) (void)fprintf(out, " %8s %7s", "-", "-");
    else
        (void)fprintf(out, " %8s %+7" PRId64, text_count((uint64_t)(row->rate + 0.5), rate),
                      row->growth);
}

static void put_row(FILE *out, const struct actor_row *row, uint64_t home, bool lately) {
    const tp_inspect_actor *actor = &row->actor;
    char text[TEXT_SHORT], count[TEXT_SHORT], size[TEXT_SHORT];
    (void)fprintf(out, "%-10s ", text_pid_of(actor->pid, home, text));
    text_column(out, actor->name.size > 0 ? actor->name : TP_STR("-"), 20);
    (void)fputc(' ', out);
    text_column(out, actor->behavior.size > 0 ? actor->behavior : TP_STR("-"), 20);
    (void)fputc(' ', out);
    text_column(out, doing_text(actor, home, text, sizeof text), 16);
    (void)fprintf(out, " %7" PRIu32, actor->mailbox);
    if (lately) put_lately(out, row);
    if (actor->err != TP_OK) (void)fprintf(out, " %8s %5s %7s\n", "-", "-", "-");
    else
        (void)fprintf(out, " %8s %5" PRIu32 " %7s\n", text_count(actor->handled, count),
                      actor->links, text_count(actor->state_size, size));
}

static size_t shown(const struct actor_table *table, size_t limit) {
    return limit > 0 && limit < table->count ? limit : table->count;
}

void view_table(FILE *out, const struct actor_table *table, size_t limit, bool lately) {
    (void)fprintf(out, "%-10s %-20s %-20s %-16s %7s", "PID", "NAME", "BEHAVIOR", "DOING",
                  "MAILBOX");
    if (lately) (void)fprintf(out, " %8s %7s", "RATE/s", "GROWTH");
    (void)fprintf(out, " %8s %5s %7s\n", "HANDLED", "LINKS", "STATE");
    for (size_t i = 0; i < shown(table, limit); i++)
        put_row(out, &table->rows[i], table->node, lately);
}

/* ---- JSON ---- */

void view_actor_json(struct json *json, const tp_inspect_actor *actor, uint64_t home) {
    json_pid(json, "pid", actor->pid, home);
    if (actor->name.size > 0) json_text(json, "name", actor->name);
    json_text(json, "behavior", actor->behavior);
    json_text(json, "doing", tp_str_of(tp_doing_name(actor->doing)));
    json_pid(json, "waits_for", actor->waits_for, home);
    json_pid(json, "parent", actor->parent, home);
    json_number(json, "mailbox", actor->mailbox);
    json_number(json, "mailbox_limit", actor->mailbox_limit);
    if (actor->err != TP_OK) return; /* busy: nothing else is known */
    json_number(json, "postponed", actor->postponed);
    json_number(json, "handled", actor->handled);
    json_number(json, "links", actor->links);
    json_number(json, "monitors", actor->monitors);
    json_number(json, "watchers", actor->watchers);
    json_number(json, "state_size", actor->state_size);
    json_bool(json, "isolated", actor->isolated);
    json_bool(json, "traps_exits", actor->traps_exits);
    json_bool(json, "traced", actor->traced);
}

void view_rows_json(struct json *json, const char *name, const struct actor_table *table,
                    size_t limit, bool lately) {
    json_list(json, name);
    for (size_t i = 0; i < shown(table, limit); i++) {
        const struct actor_row *row = &table->rows[i];
        json_object(json, NULL);
        view_actor_json(json, &row->actor, table->node);
        if (lately && row->rate >= 0) json_real(json, "rate", row->rate, 1);
        if (lately && row->rate >= 0) json_signed(json, "growth", row->growth);
        json_end_object(json);
    }
    json_end_list(json);
}
