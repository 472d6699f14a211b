/*
 * What a machine keeps: its queue of events, those postponed, and its timeouts.
 *
 * Messages that are postponed stay with the runtime (tp_postpone), so that tp_reply and tp_sender
 * work when they come again; the machine keeps an item for each. The runtime gives them back in the
 * order in which it got them, which is not always the order in which they are due: what comes too
 * early is postponed once more, until what is due has come.
 */
#ifndef TROUPE_BEHAVIORS_MACHINE_QUEUE_H
#define TROUPE_BEHAVIORS_MACHINE_QUEUE_H

#include "actors/behaviors/machine_event.h"

/* An event that waits. */
struct tpi_item {
    struct tpi_item *next;       /* in the queue, or among the postponed */
    struct tpi_item *kept;       /* in one of the two lists of what the runtime holds */
    struct tpi_content *content; /* NULL: a message that the runtime holds */
    bool offered;                /* the runtime is about to give it back */
};

struct tpi_items {
    struct tpi_item *first, *last;
};

/* A timeout that runs, or is due without a timer (span 0). */
struct tpi_timeout {
    struct tpi_timeout *next;
    tp_timeout_kind kind;
    uint64_t id;
    tp_ref timer; /* 0: due */
    struct tpi_content *content;
    char name[];
};

/* A timeout that a handler asked for; started when it returns. */
struct tpi_wish {
    struct tpi_wish *next;
    tp_duration span;
    struct tpi_timeout *timeout; /* its content NULL: to be cancelled */
};

enum tpi_phase { TPI_PHASE_IDLE, TPI_PHASE_INIT, TPI_PHASE_HANDLER, TPI_PHASE_CROSSING };

struct tp_machine {
    tp_actor *self;
    void *data;
    const tp_state *outermost;
    const tp_state *state;
    struct tpi_items queue;                  /* what is handled before any new message */
    struct tpi_items postponed;              /* oldest first */
    struct tpi_item *aside, *aside_last;     /* in the runtime, put aside, in order */
    struct tpi_item *offered, *offered_last; /* in the runtime, to be given back, in order */
    size_t queued_inside;                    /* how many of the queue are no messages */
    struct tpi_timeout *timeouts;
    uint64_t last_id;

    /* of the event now handled */
    enum tpi_phase phase;
    bool is_message, repeat, postpone, to_parent;
    const tp_state *next_state;
    struct tpi_item *item; /* NULL: a message that has never been postponed */
    struct tpi_items inserted;
    struct tpi_wish *wishes, *wishes_last;
    bool nudged;
};

/* The tick of a timeout's timer. */
TP_MESSAGE_AS(tpi_machine_tick, "tp.machine_tick", TP_FIELD(u64, id))
/* Comes when the runtime has given back all that it offered. */
TP_MESSAGE_AS(tpi_machine_nudge, "tp.machine_nudge")

/* Memory that must be there: else the actor ends. */
void *tpi_machine_alloc(tp_machine *machine, size_t size);
/* The value encoded, likewise. */
struct tpi_content *tpi_machine_content(tp_machine *machine, const tp_message_type *type,
                                        const void *value);

/* Appends an item, puts a whole list in front, takes the first, frees one. */
void tpi_items_push(struct tpi_items *items, struct tpi_item *item);
/* See tpi_items_push; `front` is empty afterwards. */
void tpi_items_push_front(struct tpi_items *items, struct tpi_items *front);
/* See tpi_items_push; NULL when there is none. */
struct tpi_item *tpi_items_pop(struct tpi_items *items);
/* See tpi_items_push. */
void tpi_item_free(tp_machine *machine, struct tpi_item *item);

/* Has the runtime put the message now handled aside, for this item. */
void tpi_machine_put_aside(tp_machine *machine, struct tpi_item *item);
/* Asks the runtime for all that it put aside. */
void tpi_machine_offer(tp_machine *machine);
/* The item of the message just given back; NULL: it is a new one. */
struct tpi_item *tpi_machine_given_back(tp_machine *machine);
/* A message came that comes after all that was offered: a receive in a handler took the others. */
void tpi_machine_forget_offered(tp_machine *machine);

/* Starts what the handler wished, in order. */
void tpi_machine_grant(tp_machine *machine);
/* Cancels one of the running. */
void tpi_timeout_stop(tp_machine *machine, tp_timeout_kind kind, const char *name);
/* Takes the content of the timeout that is due first, or of the one with the id; NULL: none. */
struct tpi_content *tpi_timeout_due(tp_machine *machine);
/* See tpi_timeout_due. */
struct tpi_content *tpi_timeout_take(tp_machine *machine, uint64_t id);

#endif
