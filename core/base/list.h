/*
 * An intrusive doubly linked list: the links live in what is listed, so that adding and removing
 * need no memory and cost O(1). A list is a ring whose head is a `struct tpi_list` of its own; a
 * removed link points to itself, so that removing twice is harmless. Not thread-safe.
 */
#ifndef TPI_BASE_LIST_H
#define TPI_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/assert.h"

struct tpi_list {
    struct tpi_list *prev;
    struct tpi_list *next;
};

/* The struct of `type` whose field `member` is at `pointer`. */
#define TPI_CONTAINER_OF(pointer, type, member)                                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Walks `list`; `link` may be removed inside, `spare` (a second struct tpi_list *) holds the
 * next. */
#define TPI_LIST_EACH(list, link, spare)                                                           \
    for ((link) = (list)->next, (spare) = (link)->next; (link) != (list);                          \
         (link) = (spare), (spare) = (link)->next)

/* An empty list, or a link that is in none. */
static inline void tpi_list_init(struct tpi_list *list) {
    list->prev = list;
    list->next = list;
}

static inline bool tpi_list_empty(const struct tpi_list *list) {
    return list->next == list;
}

/* Do the neighbours of this link or head know it? For checks. */
static inline bool tpi_list_is_sound(const struct tpi_list *link) {
    return link->next != NULL && link->prev != NULL && link->next->prev == link &&
           link->prev->next == link;
}

/* `link` must be in no list. */
static inline void tpi_list_push_back(struct tpi_list *list, struct tpi_list *link) {
    TPI_CHECK(list != link && tpi_list_is_sound(list));
    link->prev = list->prev;
    link->next = list;
    list->prev->next = link;
    list->prev = link;
}

/* `link` must be in no list. */
static inline void tpi_list_push_front(struct tpi_list *list, struct tpi_list *link) {
    tpi_list_push_back(list->next, link);
}

static inline void tpi_list_remove(struct tpi_list *link) {
    TPI_CHECK(tpi_list_is_sound(link));
    link->prev->next = link->next;
    link->next->prev = link->prev;
    tpi_list_init(link);
}

/* The first link, removed; NULL when empty. */
static inline struct tpi_list *tpi_list_pop_front(struct tpi_list *list) {
    struct tpi_list *link = list->next;
    if (link == list) return NULL;
    tpi_list_remove(link);
    return link;
}

#endif
