/*
 * The tables of a group of tasks. Ids are given in order and taken nearly in order: an array that
 * slides is enough to find them.
 */
#include "actors/behaviors/task_table.h"

/* ---- lists ---- */

void tpi_task_list_add(struct tpi_task_list *list, struct tpi_task_entry *entry) {
    entry->list = list;
    entry->next = NULL;
    entry->before = list->last;
    if (list->last != NULL) list->last->next = entry;
    else list->first = entry;
    list->last = entry;
    list->count++;
}

void tpi_task_list_remove(struct tpi_task_entry *entry) {
    struct tpi_task_list *list = entry->list;
    if (list == NULL) return;
    if (entry->before != NULL) entry->before->next = entry->next;
    else list->first = entry->next;
    if (entry->next != NULL) entry->next->before = entry->before;
    else list->last = entry->before;
    entry->list = NULL;
    list->count--;
}

/* ---- ids ---- */

struct tpi_task_entry *tpi_task_find(const struct tpi_task_table *table, uint64_t id) {
    if (id < table->base || id >= table->next_id) return NULL;
    struct tpi_task_entry *entry = table->by_id[id - table->base];
    return entry == NULL || entry->taken ? NULL : entry;
}

/* Room for one more id: forgets those at the front that are gone, then doubles. */
static bool make_room(tp_actor *self, struct tpi_task_table *table) {
    size_t used = (size_t)(table->next_id - table->base), gone = 0;
    if (used < table->room) return true;
    while (gone < used && table->by_id[gone] == NULL) gone++;
    size_t room = gone * 2 >= table->room && gone > 0 ? table->room : table->room * 2;
    if (room == 0) room = 16;
    struct tpi_task_entry **by_id = tp_alloc(self, room * sizeof(struct tpi_task_entry *));
    if (by_id == NULL) return false;
    for (size_t i = gone; i < used; i++) by_id[i - gone] = table->by_id[i];
    tp_free(self, table->by_id);
    table->by_id = by_id;
    table->room = room;
    table->base += gone;
    return true;
}

/* ---- keys ---- */

static struct tpi_task_key *key_of(tp_actor *self, struct tpi_task_table *table, tp_str text) {
    struct tpi_task_key *key = table->keys;
    while (key != NULL && !tp_str_equal((tp_str){key->text, key->size}, text)) key = key->next;
    if (key != NULL) return key;
    key = tp_alloc(self, sizeof *key + text.size);
    if (key == NULL) return NULL;
    key->size = text.size;
    memcpy(key->text, text.data, text.size);
    key->next = table->keys;
    table->keys = key;
    return key;
}

static void leave_key(tp_actor *self, struct tpi_task_table *table, struct tpi_task_key *key) {
    if (key == NULL || --key->tasks > 0) return;
    struct tpi_task_key **at = &table->keys;
    while (*at != key) at = &(*at)->next;
    *at = key->next;
    tp_free(self, key);
}

/* ---- tasks ---- */

bool tpi_task_set_bytes(tp_actor *self, struct tpi_task_entry *entry, tp_bin bytes) {
    void *copy = bytes.size == 0 ? NULL : tp_alloc(self, bytes.size);
    tp_free(self, (void *)(uintptr_t)entry->bytes.data);
    entry->bytes = (tp_bin){copy, copy == NULL ? 0 : bytes.size};
    if (copy != NULL) memcpy(copy, bytes.data, bytes.size);
    return copy != NULL || bytes.size == 0;
}

static void free_entry(tp_actor *self, struct tpi_task_table *table, struct tpi_task_entry *entry) {
    (void)tpi_task_set_bytes(self, entry, (tp_bin){NULL, 0});
    leave_key(self, table, entry->key);
    tp_free(self, entry);
}

struct tpi_task_entry *tpi_task_add(tp_actor *self, struct tpi_task_table *table, tp_bin argument,
                                    tp_str key) {
    if (!make_room(self, table)) return NULL;
    struct tpi_task_entry *entry = tp_alloc(self, sizeof *entry);
    if (entry == NULL) return NULL;
    if (key.size > 0 && (entry->key = key_of(self, table, key)) != NULL) entry->key->tasks++;
    if ((key.size > 0 && entry->key == NULL) || !tpi_task_set_bytes(self, entry, argument)) {
        free_entry(self, table, entry);
        return NULL;
    }
    entry->id = table->next_id++;
    table->by_id[entry->id - table->base] = entry;
    return entry;
}

static struct tpi_task_entry **bucket_of(struct tpi_task_table *table, tp_pid runner) {
    return &table->by_runner[runner.slot % TPI_TASK_BUCKETS];
}

void tpi_task_set_runner(struct tpi_task_table *table, struct tpi_task_entry *entry,
                         tp_pid runner) {
    struct tpi_task_entry **bucket = bucket_of(table, runner);
    entry->runner = runner;
    entry->neighbor = *bucket;
    *bucket = entry;
    table->running++;
    if (entry->key != NULL) entry->key->running++;
}

struct tpi_task_entry *tpi_task_runner_ended(struct tpi_task_table *table, tp_pid runner) {
    struct tpi_task_entry **at = bucket_of(table, runner), *entry;
    while (*at != NULL && !tp_pid_equal((*at)->runner, runner)) at = &(*at)->neighbor;
    entry = *at;
    if (entry == NULL) return NULL;
    *at = entry->neighbor;
    entry->runner = tp_pid_null();
    table->running--;
    if (entry->key != NULL) entry->key->running--;
    return entry;
}

void tpi_task_drop(tp_actor *self, struct tpi_task_table *table, struct tpi_task_entry *entry) {
    if (!entry->taken || !tp_pid_is_null(entry->runner)) return;
    table->by_id[entry->id - table->base] = NULL;
    free_entry(self, table, entry);
}
