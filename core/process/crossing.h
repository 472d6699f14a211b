/*
 * What goes between an isolated actor's process (the guest) and the actor that stands for it in the
 * node (the proxy). Both are the same program, so that pointers to types and behaviours mean the
 * same, and a message's payload crosses as it is.
 */
#ifndef TPI_CROSSING_H
#define TPI_CROSSING_H

#include "core/actor/actor.h"
#include "core/platform/zygote.h"

enum tpi_crossing {
    TPI_CROSS_START,  /* to the guest: tpi_guest_start, then the arguments; `type` is theirs */
    TPI_CROSS_READY,  /* from it: init has returned */
    TPI_CROSS_SIGNAL, /* a block, either way */
    TPI_CROSS_ENDED,  /* from it: exit code in `ref`, then the detail; nothing follows */
    TPI_CROSS_SPAWN,  /* from it: tpi_guest_spawn, the name, the arguments */
    TPI_CROSS_ANSWER, /* to it: pid in `to`, monitor in `ref`, error in `code` */
    TPI_CROSS_CREDIT, /* from it: `ref` messages have been handled */
    TPI_CROSS_PING,
    TPI_CROSS_PONG,
    TPI_CROSS_LOG, /* from it: level in `code`, the text */
    TPI_CROSS_TYPE /* to it: `type` is of this name and `ref` fields, and the node's alone */
};

struct tpi_frame {
    uint32_t size; /* of what follows the frame */
    uint8_t what;
    uint8_t kind;  /* of a block */
    uint8_t flags; /* of a block: those that cross */
    uint8_t far;   /* `type` is one that TPI_CROSS_TYPE has told */
    uint16_t code;
    tp_ref ref;
    tp_pid to;
    tp_pid from;
    const tp_message_type *type;
};
#define TPI_CROSSING_FLAGS (TPI_BLOCK_ALIAS | TPI_BLOCK_LINKED | TPI_BLOCK_UNCOUNTED)
#define TPI_CROSSING_WINDOW 256u /* messages ahead of the guest's handlers */

struct tpi_guest_start {
    const tp_behavior *behavior;
    tp_pid self;
    tp_pid parent;
    tp_ref refs; /* its references begin here */
    struct tpi_limits limits;
    size_t stack_size;
    uint32_t message_budget;
    tp_log_level log_level;
};

struct tpi_guest_spawn {
    const tp_behavior *behavior;
    uint32_t mailbox_limit;
    tp_overflow overflow;
    tp_priority priority;
    bool link;
    bool monitor;
    bool isolate;
    uint32_t name_size; /* 0: none; else with its zero */
};

/* A block out of a frame and its bytes; worker NULL: from the heap. */
struct tpi_block *tpi_crossing_block(tp_runtime *runtime, struct tpi_worker *worker,
                                     const struct tpi_frame *frame, const uint8_t *bytes);
/* A block's frame; `kind` is what it is to be on the other side. */
struct tpi_frame tpi_crossing_frame(const tp_runtime *runtime, const struct tpi_block *block,
                                    tp_pid to, enum tpi_kind kind);

/* ---- the guest (guest.c) ---- */

/* A type that a message of another node named: the node made it after the fork. */
struct tpi_far {
    struct tpi_far *next;
    const tp_message_type *there; /* the node's */
    tp_message_type type;         /* the guest's */
    char name[];
};

struct tpi_guest {
    tp_runtime *runtime;
    int stream;
    tpi_mutex writing;
    tp_pid self;
    bool ready; /* init is over, and the node knows; the worker's */
    _Atomic(uint32_t) answered;
    struct tpi_frame answer;
    _Atomic(struct tpi_far *) far; /* added by the first thread, read by all */
};

/* Makes a runtime the guest's: its hooks, its log. Before its actor is there. */
void tpi_guest_enter(struct tpi_guest *guest, tp_runtime *runtime);
tp_log_hook tpi_guest_log(void);
/* Starts the actor and serves it; does not return. */
_Noreturn void tpi_guest_serve(struct tpi_guest *guest, const struct tpi_guest_start *start,
                               const struct tpi_frame *frame, const uint8_t *arguments);

#endif
