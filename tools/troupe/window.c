/*
 * What actors did lately: the difference between the newest snapshot and the oldest of a sliding
 * window. An actor that is younger than the window began with nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/troupe/view.h"

static void drop_oldest(struct window *window) {
    free(window->samples[0].items);
    window->count--;
    memmove(&window->samples[0], &window->samples[1], window->count * sizeof window->samples[0]);
}

static const struct window_item *find(const struct window *window, size_t sample, tp_pid pid) {
    const struct window_item *items = window->samples[sample].items;
    size_t low = 0, high = window->samples[sample].count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items[middle].slot < pid.slot) low = middle + 1;
        else high = middle;
    }
    bool found = low < window->samples[sample].count && items[low].slot == pid.slot &&
                 items[low].generation == pid.generation;
    return found ? &items[low] : NULL;
}

/* A busy actor says nothing of what it has handled: what it had, if that is known. */
static bool handled_of(const struct window *window, const tp_inspect_actor *actor, uint32_t *out) {
    const struct window_item *before =
        window->count == 0 ? NULL : find(window, window->count - 1, actor->pid);
    *out = actor->err == TP_OK ? actor->handled : before != NULL ? before->handled : 0;
    return actor->err == TP_OK || before != NULL;
}

static void fill_row(const struct window *window, struct actor_row *row, uint32_t handled,
                     double seconds) {
    const struct window_item *then = find(window, 0, row->actor.pid);
    uint32_t done = handled - (then != NULL ? then->handled : 0); /* modulo 2^32 */
    row->rate = seconds > 0 ? (double)done / seconds : 0;
    row->growth = (int64_t)row->actor.mailbox - (then != NULL ? (int64_t)then->mailbox : 0);
}

bool window_add(struct window *window, struct actor_table *table) {
    struct window_item *items = malloc((table->count + 1) * sizeof *items);
    if (items == NULL) return false;
    while (window->count == WINDOW_SAMPLES ||
           (window->count > 1 && table->time - window->samples[1].time >= window->span))
        drop_oldest(window);
    double seconds = 0;
    if (window->count > 0) seconds = (double)(table->time - window->samples[0].time) / 1e9;
    for (size_t i = 0; i < table->count; i++) {
        struct actor_row *row = &table->rows[i];
        uint32_t handled;
        bool known = handled_of(window, &row->actor, &handled);
        items[i] = (struct window_item){row->actor.pid.slot, row->actor.pid.generation, handled,
                                        row->actor.mailbox};
        row->rate = -1;
        row->growth = 0;
        if (known && window->count > 0) fill_row(window, row, handled, seconds);
    }
    size_t place = window->count++;
    window->samples[place].time = table->time;
    window->samples[place].items = items;
    window->samples[place].count = table->count;
    return true;
}

void window_free(struct window *window) {
    while (window->count > 0) drop_oldest(window);
}
