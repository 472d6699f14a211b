/*
 * Actors as tables, trees and JSON; what they did lately. Nothing here knows of a connection.
 */
#ifndef TROUPE_CLI_VIEW_H
#define TROUPE_CLI_VIEW_H

#include <stdio.h>

#include <troupe/inspect.h>

#include "tools/troupe/text.h"

/* An actor of a snapshot, and what it did lately. */
struct actor_row {
    tp_inspect_actor actor; /* its strings live as long as the snapshot */
    double rate;            /* messages a second, over the window; below 0: not known */
    int64_t growth;         /* of its mailbox, over the window */
};

/* All actors of a node, in the order of their slots. */
struct actor_table {
    struct actor_row *rows;
    size_t count;
    uint64_t node; /* whose */
    tp_time time;  /* the node's clock */
    bool cut;      /* there are more */
};

/* Sorts by a column of --sort; equal ones by pid. Numbers: the largest first. */
void view_sort(struct actor_table *table, const char *column);
/* The order in which it came. */
void view_sort_slots(struct actor_table *table);
/* Up to `limit` rows (0: all), `lately`: with rate and growth. */
void view_table(FILE *out, const struct actor_table *table, size_t limit, bool lately);
/* An actor's fields, into an object that is open. */
void view_actor_json(struct json *json, const tp_inspect_actor *actor, uint64_t home);
/* The rows as a list. */
void view_rows_json(struct json *json, const char *name, const struct actor_table *table,
                    size_t limit, bool lately);
/* Who started whom: all roots, or from `root` on. The table is in the order of its slots. False:
 * there is no such actor. */
bool view_tree(FILE *out, const struct actor_table *table, tp_pid root);
bool view_tree_json(struct json *json, const struct actor_table *table, tp_pid root);

/* ---- lately ---- */

#define WINDOW_SAMPLES 64u

/* What a sample remembers of an actor. */
struct window_item {
    uint32_t slot, generation, handled, mailbox;
};
/* The samples of the last while, oldest first. */
struct window {
    tp_duration span;
    size_t count;
    struct {
        tp_time time;
        struct window_item *items; /* by slot */
        size_t count;
    } samples[WINDOW_SAMPLES];
};
/* Adds a snapshot, which is in the order of its slots, drops what is older than the span, and fills
 * rate and growth of its rows. False: out of memory. */
bool window_add(struct window *window, struct actor_table *table);
/* Frees what it holds. */
void window_free(struct window *window);

#endif
