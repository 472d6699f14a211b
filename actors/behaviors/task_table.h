/*
 * What a group knows of its tasks, and the lists that it keeps them in.
 */
#ifndef TROUPE_BEHAVIORS_TASK_TABLE_H
#define TROUPE_BEHAVIORS_TASK_TABLE_H

#include <troupe/task.h>

enum { TPI_TASK_WAITING, TPI_TASK_RUNNING, TPI_TASK_DECIDED };

/* A key of tasks, and how many of them run. */
struct tpi_task_key {
    struct tpi_task_key *next;
    uint32_t running, tasks; /* tasks: that refer to it */
    size_t size;
    char text[];
};

/* Freed when it is taken and its actor has ended, whichever is later. */
struct tpi_task_entry {
    uint64_t id;
    const tp_task_function *function;
    struct tpi_task_key *key;   /* NULL: none */
    struct tpi_task_list *list; /* that it stands in, or NULL */
    struct tpi_task_entry *next, *before;
    struct tpi_task_entry *neighbor; /* in the same bucket of those that run */
    tp_pid runner;                   /* null: does not run */
    tp_duration timeout;
    tp_ref timers[2]; /* of the deadline, of the timeout */
    uint8_t state;
    bool taken;
    bool isolated;
    uint64_t decided_as; /* the how-manieth */
    int32_t err, code;
    tp_bin bytes; /* memory of the actor: the argument, then the result or the exit's detail */
};

/* A list in order. */
struct tpi_task_list {
    struct tpi_task_entry *first, *last;
    uint32_t count;
};
void tpi_task_list_add(struct tpi_task_list *list, struct tpi_task_entry *entry);
/* Takes it out of the list that it stands in, if any. */
void tpi_task_list_remove(struct tpi_task_entry *entry);

#define TPI_TASK_BUCKETS 256u

/* All tasks of a group: by id, by the actor that runs them, by key. */
struct tpi_task_table {
    struct tpi_task_entry **by_id; /* of id base + index */
    uint64_t base, next_id;
    size_t room;
    struct tpi_task_entry *by_runner[TPI_TASK_BUCKETS];
    struct tpi_task_key *keys;
    uint32_t running;
};

/* NULL: there never was, or it has been taken. */
struct tpi_task_entry *tpi_task_find(const struct tpi_task_table *table, uint64_t id);
/* A new entry with a copy of the argument; NULL when out of memory. */
struct tpi_task_entry *tpi_task_add(tp_actor *self, struct tpi_task_table *table, tp_bin argument,
                                    tp_str key);
/* Its bytes become a copy of these; false when out of memory (they are empty then). */
bool tpi_task_set_bytes(tp_actor *self, struct tpi_task_entry *entry, tp_bin bytes);
/* It runs on this actor from now on. */
void tpi_task_set_runner(struct tpi_task_table *table, struct tpi_task_entry *entry, tp_pid runner);
/* The actor has ended: its task, or NULL. It no longer runs. */
struct tpi_task_entry *tpi_task_runner_ended(struct tpi_task_table *table, tp_pid runner);
/* Frees it if it is taken and does not run. */
void tpi_task_drop(tp_actor *self, struct tpi_task_table *table, struct tpi_task_entry *entry);

#endif
