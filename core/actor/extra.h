/*
 * What few actors need: made at first need, freed at the end.
 */
#ifndef TPI_EXTRA_H
#define TPI_EXTRA_H

#include "core/actor/self.h"

/* What a blocked actor waits for. */
enum tpi_wait {
    TPI_WAIT_NONE,
    TPI_WAIT_MESSAGE, /* any message that `accept` takes */
    TPI_WAIT_REPLY,   /* the reply to `ref` */
    TPI_WAIT_FUTURES, /* enough of `futures` decided */
    TPI_WAIT_TIME,    /* its deadline alone */
    TPI_WAIT_CREDIT,  /* room at a receiver */
    TPI_WAIT_EVENT    /* a READY signal with `ref` (sockets) */
};

/* On the stack of the blocked actor. */
struct tpi_waiting {
    enum tpi_wait kind;
    bool done;
    bool timed_out;
    tp_err err;
    tp_ref ref;
    struct tpi_block *block; /* the message, reply or event that ended the wait */
    bool (*accept)(tp_actor *self, struct tpi_block *block, void *context);
    void *context;
    const tp_ref *futures;
    size_t future_count;
    bool all;
    unsigned ready;
};

/* What is needed by actors that do more than handle messages. */
struct tpi_extra {
    struct tpi_waiting *waiting;
    struct tpi_deadline *wait_deadline;
    tp_ref wait_ref;         /* of that deadline */
    struct tpi_map links;    /* (node, slot:generation) -> tpi_link state, signal.c */
    struct tpi_map monitors; /* (ref, 0) -> struct tpi_monitor, made by this actor */
    struct tpi_map watched;  /* (ref, node) -> monitors of others on this actor */
    struct tpi_map aliases;  /* (ref, 0) -> mode + 1 */
    struct tpi_map pending;  /* (ref, 0) -> struct tpi_pending: futures */
    struct tpi_map timers;   /* (ref, 0) -> struct tpi_send_timer */
    struct tpi_map deferred; /* (ref, 0) -> struct tpi_deferred */
    struct tpi_list allocations;
    struct tpi_list exit_calls;
    struct tpi_list descriptors;
    struct tpi_list kept;
    struct tpi_block *postponed; /* oldest first, linked by next */
    struct tpi_block *postponed_last;
    struct tpi_block *retried; /* postponed before, to be handled before newer ones */
    struct tpi_block *retried_last;
    struct tpi_block *outer;           /* a handler's own message, while it has received others */
    struct tpi_block *held;            /* lives until the end of the handler */
    struct tpi_scratch_chunk *scratch; /* decoded lists, likewise */
    struct tpi_block *waiters;         /* CREDIT blocks of senders that this actor keeps waiting */
    struct tpi_block *arguments;       /* for init */
    struct tpi_inbox_state *inbox;
    struct tpi_deadline *timeout; /* tp_set_timeout */
    tp_duration timeout_span;
    tp_ref timeout_ref;
    bool timeout_fired;
    uint32_t postponed_count;
    uint32_t refused_count; /* messages that wait, refused by a receive: outside the bound */
    uint32_t timer_sweep;   /* timers at which fired ones are looked for */
    uint32_t stack_class;   /* 0: the loop's own fiber */
    size_t stack_size;
    tp_pid parent;       /* who spawned it linked */
    tp_pid over;         /* the receiver whose limit it passed */
    tp_ref credit;       /* the CREDIT it waits for */
    char *name;          /* registered; the registry's memory */
    uint32_t groups;     /* memberships, counted by the registry */
    uint64_t workers;    /* a bit a worker it may run on; 0: all */
    int32_t reason_code; /* how it ends */
    uint32_t reason_size;
    uint8_t *reason_detail; /* heap */
    tp_err error;
    int *status;    /* a main actor's: where its exit status goes */
    char *deadlock; /* heap; text of the last cycle */
    tp_actor *self;
};

#endif
