/*
 * Who started whom.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/troupe/view.h"

#define DEPTH_MAX 64u

/* The rows in the order of their parents, then of their slots. */
struct family {
    const struct actor_table *table;
    size_t *by_parent;
};

static int pid_order(tp_pid a, tp_pid b) {
    if (a.slot != b.slot) return a.slot < b.slot ? -1 : 1;
    return a.generation < b.generation ? -1 : a.generation > b.generation ? 1 : 0;
}

static int row_order(const void *left, const void *right, void *context) {
    const struct actor_table *table = context;
    const tp_inspect_actor *a = &table->rows[*(const size_t *)left].actor;
    const tp_inspect_actor *b = &table->rows[*(const size_t *)right].actor;
    int order = pid_order(a->parent, b->parent);
    return order != 0 ? order : pid_order(a->pid, b->pid);
}

static bool family_make(struct family *family, const struct actor_table *table) {
    family->table = table;
    family->by_parent = malloc((table->count + 1) * sizeof family->by_parent[0]);
    if (family->by_parent == NULL) return false;
    for (size_t i = 0; i < table->count; i++) family->by_parent[i] = i;
    qsort_r(family->by_parent, table->count, sizeof family->by_parent[0], row_order,
            (void *)(uintptr_t)table);
    return true;
}

/* The first place, in the order of parents, of a child of `parent`; past the end: none. */
static size_t first_child(const struct family *family, tp_pid parent) {
    const struct actor_table *table = family->table;
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pid_order(table->rows[family->by_parent[middle]].actor.parent, parent) < 0)
            low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool is_child(const struct family *family, size_t place, tp_pid parent) {
    return place < family->table->count &&
           tp_pid_equal(family->table->rows[family->by_parent[place]].actor.parent, parent);
}

static const tp_inspect_actor *find(const struct actor_table *table, tp_pid pid) {
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->rows[middle].actor.pid.slot < pid.slot) low = middle + 1;
        else high = middle;
    }
    bool found = low < table->count && tp_pid_equal(table->rows[low].actor.pid, pid);
    return found ? &table->rows[low].actor : NULL;
}

/* ---- as text ---- */

static void put_actor(FILE *out, const tp_inspect_actor *actor, uint64_t home) {
    char text[TEXT_SHORT];
    (void)text_put(out, actor->behavior.size > 0 ? actor->behavior : TP_STR("?"), 40);
    (void)fprintf(out, " %s", text_pid_of(actor->pid, home, text));
    if (actor->name.size > 0) {
        (void)fputs(" \"", out);
        (void)text_put(out, actor->name, 40);
        (void)fputc('"', out);
    }
    if (actor->doing != TP_DOING_IDLE) (void)fprintf(out, ", %s", tp_doing_name(actor->doing));
    if (actor->mailbox > 0) (void)fprintf(out, ", %u waiting", (unsigned)actor->mailbox);
    (void)fputc('\n', out);
}

static void put_below(FILE *out, const struct family *family, tp_pid parent, bool *more,
                      size_t depth) {
    const struct actor_table *table = family->table;
    for (size_t place = first_child(family, parent); is_child(family, place, parent); place++) {
        const tp_inspect_actor *actor = &table->rows[family->by_parent[place]].actor;
        for (size_t i = 0; i < depth; i++) (void)fputs(more[i] ? "│  " : "   ", out);
        more[depth] = is_child(family, place + 1, parent);
        (void)fputs(more[depth] ? "├─ " : "└─ ", out);
        put_actor(out, actor, table->node);
        if (depth + 1 < DEPTH_MAX) put_below(out, family, actor->pid, more, depth + 1);
    }
}

/* Calls `each` for the root, or for all actors whose parent is not there. */
static bool each_root(const struct family *family, tp_pid root,
                      void (*each)(void *context, const struct family *family,
                                   const tp_inspect_actor *actor),
                      void *context) {
    const struct actor_table *table = family->table;
    if (!tp_pid_is_null(root)) {
        const tp_inspect_actor *actor = find(table, root);
        if (actor != NULL) each(context, family, actor);
        return actor != NULL;
    }
    for (size_t i = 0; i < table->count; i++)
        if (find(table, table->rows[i].actor.parent) == NULL)
            each(context, family, &table->rows[i].actor);
    return true;
}

static void put_root(void *context, const struct family *family, const tp_inspect_actor *actor) {
    bool more[DEPTH_MAX] = {false};
    put_actor(context, actor, family->table->node);
    put_below(context, family, actor->pid, more, 0);
}

bool view_tree(FILE *out, const struct actor_table *table, tp_pid root) {
    struct family family;
    if (!family_make(&family, table)) return false;
    bool found = each_root(&family, root, put_root, out);
    free(family.by_parent);
    return found;
}

/* ---- as JSON ---- */

static void tell_actor(struct json *json, const struct family *family,
                       const tp_inspect_actor *actor, size_t depth) {
    json_object(json, NULL);
    view_actor_json(json, actor, family->table->node);
    json_list(json, "children");
    size_t place = depth < DEPTH_MAX ? first_child(family, actor->pid) : family->table->count;
    for (; is_child(family, place, actor->pid); place++)
        tell_actor(json, family, &family->table->rows[family->by_parent[place]].actor, depth + 1);
    json_end_list(json);
    json_end_object(json);
}

static void tell_root(void *context, const struct family *family, const tp_inspect_actor *actor) {
    tell_actor(context, family, actor, 0);
}

bool view_tree_json(struct json *json, const struct actor_table *table, tp_pid root) {
    struct family family;
    if (!family_make(&family, table)) return false;
    json_list(json, "roots");
    bool found = each_root(&family, root, tell_root, json);
    json_end_list(json);
    free(family.by_parent);
    return found;
}
