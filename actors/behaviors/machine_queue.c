/*
 * The lists of a machine: what waits inside, and what the runtime holds for it.
 */
#include "actors/behaviors/machine_queue.h"

void *tpi_machine_alloc(tp_machine *machine, size_t size) {
    void *memory = tp_alloc(machine->self, size);
    if (memory == NULL) tp_exit(machine->self, TP_EXIT_NOMEM);
    return memory;
}

struct tpi_content *tpi_machine_content(tp_machine *machine, const tp_message_type *type,
                                        const void *value) {
    struct tpi_content *content = tpi_content_new(machine->self, type, value);
    if (content == NULL) tp_exit(machine->self, TP_EXIT_NOMEM);
    return content;
}

/* ---- waiting inside ---- */

void tpi_items_push(struct tpi_items *items, struct tpi_item *item) {
    item->next = NULL;
    if (items->first == NULL) items->first = item;
    else items->last->next = item;
    items->last = item;
}

void tpi_items_push_front(struct tpi_items *items, struct tpi_items *front) {
    if (front->first == NULL) return;
    front->last->next = items->first;
    if (items->first == NULL) items->last = front->last;
    items->first = front->first;
    *front = (struct tpi_items){NULL, NULL};
}

struct tpi_item *tpi_items_pop(struct tpi_items *items) {
    struct tpi_item *item = items->first;
    if (item == NULL) return NULL;
    items->first = item->next;
    if (items->first == NULL) items->last = NULL;
    return item;
}

static void remove_item(struct tpi_items *items, const struct tpi_item *item) {
    struct tpi_item *before = NULL, *at = items->first;
    for (; at != NULL && at != item; before = at, at = at->next) continue;
    if (at == NULL) return;
    if (before == NULL) items->first = at->next;
    else before->next = at->next;
    if (items->last == at) items->last = before;
}

void tpi_item_free(tp_machine *machine, struct tpi_item *item) {
    tp_free(machine->self, item->content);
    tp_free(machine->self, item);
}

/* ---- held by the runtime ---- */

void tpi_machine_put_aside(tp_machine *machine, struct tpi_item *item) {
    tp_postpone(machine->self);
    item->offered = false;
    item->kept = NULL;
    if (machine->aside == NULL) machine->aside = item;
    else machine->aside_last->kept = item;
    machine->aside_last = item;
}

void tpi_machine_offer(tp_machine *machine) {
    if (machine->aside == NULL) return;
    tp_retry_postponed(machine->self);
    for (struct tpi_item *item = machine->aside; item != NULL; item = item->kept)
        item->offered = true;
    /* in front of what was offered before, as tp_retry_postponed does */
    if (machine->offered == NULL) machine->offered_last = machine->aside_last;
    else machine->aside_last->kept = machine->offered;
    machine->offered = machine->aside;
    machine->aside = machine->aside_last = NULL;
}

struct tpi_item *tpi_machine_given_back(tp_machine *machine) {
    struct tpi_item *item = machine->offered;
    if (item != NULL) machine->offered = item->kept;
    return item;
}

void tpi_machine_forget_offered(tp_machine *machine) {
    struct tpi_item *item;
    while ((item = tpi_machine_given_back(machine)) != NULL) {
        remove_item(&machine->queue, item);
        remove_item(&machine->postponed, item);
        tpi_item_free(machine, item);
    }
}
