/*
 * All actors of the node, asked for page by page. The strings of a row are one block, its owner.
 */
#include "tools/troupe/snapshot.h"

#include <string.h>

static bool grow(tp_actor *self, struct actor_table *table, size_t *room, size_t more) {
    if (table->count + more <= *room) return true;
    size_t wanted = *room == 0 ? 1024 : *room * 2;
    struct actor_row *rows = tp_alloc(self, wanted * sizeof *rows);
    if (rows == NULL) return false;
    if (table->count > 0) memcpy(rows, table->rows, table->count * sizeof *rows);
    tp_free(self, table->rows);
    table->rows = rows;
    *room = wanted;
    return true;
}

/* The strings that a page lends, copied behind each other. */
static bool keep_strings(tp_actor *self, tp_inspect_actor *actor) {
    char *text = tp_alloc(self, actor->name.size + actor->behavior.size + 1);
    if (text == NULL) return false;
    if (actor->name.size > 0) memcpy(text, actor->name.data, actor->name.size);
    if (actor->behavior.size > 0)
        memcpy(text + actor->name.size, actor->behavior.data, actor->behavior.size);
    actor->name.data = text;
    actor->behavior.data = text + actor->name.size;
    return true;
}

static bool add_page(tp_actor *self, struct actor_table *table, size_t *room,
                     const tp_inspect_page *page) {
    if (!grow(self, table, room, page->actors.count)) return false;
    for (size_t i = 0; i < page->actors.count; i++) {
        struct actor_row *row = &table->rows[table->count];
        *row = (struct actor_row){.actor = page->actors.items[i], .rate = -1};
        if (!keep_strings(self, &row->actor)) return false;
        table->count++;
    }
    return true;
}

int snapshot_take(tp_actor *self, struct cli *cli, struct actor_table *out) {
    tp_inspect_page page = {.more = true};
    size_t room = 0;
    *out = (struct actor_table){.node = cli->peer};
    while (page.more && !out->cut) {
        uint32_t cursor = page.cursor;
        tp_err err = cli_ask(self, cli, &page, tp_inspect_page, tp_inspect_list, .cursor = cursor);
        if (err == TP_OK && page.actors.count > TP_INSPECT_PAGE_MAX) err = TP_EBADMSG;
        if (err == TP_OK && page.more && page.cursor <= cursor) err = TP_EBADMSG;
        if (err == TP_OK && !add_page(self, out, &room, &page)) err = TP_ENOMEM;
        if (out->time == 0) out->time = page.time;
        out->cut = out->count >= SNAPSHOT_MAX && page.more;
        bool more = page.more;
        uint32_t next = page.cursor;
        tp_release(self);
        page = (tp_inspect_page){.more = more, .cursor = next};
        if (err == TP_OK) continue;
        snapshot_free(self, out);
        return cli_fail(cli, "its actors", err);
    }
    return CLI_OK;
}

void snapshot_free(tp_actor *self, struct actor_table *table) {
    for (size_t i = 0; i < table->count; i++)
        tp_free(self, (void *)(uintptr_t)table->rows[i].actor.name.data);
    tp_free(self, table->rows);
    *table = (struct actor_table){0};
}
