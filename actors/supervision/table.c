/*
 * Lists and tables of children, linked through the children themselves; and the window of restarts.
 */
#include "actors/supervision/supervision.h"

/* ---- lists ---- */

void tpi_list_add(struct tpi_child_list *list, enum tpi_list_of which, struct tpi_child *child) {
    child->next[which] = NULL;
    child->previous[which] = list->last;
    if (list->last == NULL) list->first = child;
    else list->last->next[which] = child;
    list->last = child;
}

void tpi_list_take(struct tpi_child_list *list, enum tpi_list_of which, struct tpi_child *child) {
    struct tpi_child *next = child->next[which], *previous = child->previous[which];
    if (previous == NULL) list->first = next;
    else previous->next[which] = next;
    if (next == NULL) list->last = previous;
    else next->previous[which] = previous;
}

/* ---- tables ---- */

static struct tpi_child **bucket(const struct tpi_child_table *table, uint64_t key) {
    return &table->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (table->size - 1)];
}

struct tpi_child *tpi_table_chain(const struct tpi_child_table *table, uint64_t key) {
    return table->size == 0 ? NULL : *bucket(table, key);
}

bool tpi_table_room(tp_actor *self, struct tpi_child_table *table, enum tpi_table_of which,
                    uint64_t count) {
    if (count <= table->size) return true;
    struct tpi_child_table larger = {.size = table->size == 0 ? 16 : table->size * 2};
    larger.buckets = tp_alloc(self, larger.size * sizeof(struct tpi_child *));
    if (larger.buckets == NULL) return table->size > 0; /* longer chains will do */
    for (uint64_t i = 0; i < table->size; i++) {
        while (table->buckets[i] != NULL) {
            struct tpi_child *child = table->buckets[i];
            table->buckets[i] = child->chain[which];
            tpi_table_add(&larger, which, child, child->key[which]);
        }
    }
    tp_free(self, table->buckets);
    *table = larger;
    return true;
}

void tpi_table_add(struct tpi_child_table *table, enum tpi_table_of which, struct tpi_child *child,
                   uint64_t key) {
    struct tpi_child **at = bucket(table, key);
    child->key[which] = key;
    child->chain[which] = *at;
    *at = child;
}

void tpi_table_take(struct tpi_child_table *table, enum tpi_table_of which,
                    struct tpi_child *child) {
    struct tpi_child **at = bucket(table, child->key[which]);
    while (*at != child) at = &(*at)->chain[which];
    *at = child->chain[which];
}

/* ---- the window ---- */

#define SECOND TP_SECONDS(1)

/*
 * OTP keeps a list of the times of all restarts in whole seconds, and counts it at each one. Equal
 * seconds are counted here instead: no more of them than the period has, or the intensity.
 */
bool tpi_window_open(tp_actor *self, struct tpi_window *window, const tp_supervisor_spec *spec) {
    tp_duration period = spec->period == 0 ? TP_SECONDS(5) : spec->period;
    window->period = period / SECOND + (period % SECOND != 0);
    window->intensity = spec->intensity == 0 ? 1 : spec->intensity;
    if (spec->intensity == TP_RESTARTS_NONE) window->intensity = 0;
    window->size = (uint64_t)window->period + 1;
    if (window->size > window->intensity) window->size = window->intensity;
    if (window->size == 0) return true;
    window->ring = tp_alloc(self, window->size * sizeof *window->ring);
    return window->ring != NULL;
}

bool tpi_window_admit(struct tpi_window *window, tp_time now) {
    int64_t second = now / SECOND;
    while (window->used > 0 && window->ring[window->first].second < second - window->period) {
        window->total -= window->ring[window->first].count;
        window->first = (window->first + 1) % window->size;
        window->used--;
    }
    if (window->total >= window->intensity) return false;
    window->total++;
    struct tpi_second *last =
        window->used == 0 ? NULL : &window->ring[(window->first + window->used - 1) % window->size];
    if (last == NULL || last->second != second) {
        last = &window->ring[(window->first + window->used++) % window->size];
        *last = (struct tpi_second){.second = second};
    }
    last->count++;
    return true;
}
