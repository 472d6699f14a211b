/*
 * System messages: look into a running behaviour, between any two of its messages, as OTP's sys.
 *
 * A system message waits in the mailbox like every other: it is answered when all that came before
 * it has been handled, so a send followed by tp_sys_get_state sees the state after the send. It
 * counts against no bound, and no handler ever sees it. Every behaviour understands it
 * (TP_BEHAVIOR, machines, event managers, supervisors, pools) with no code of its own; its state is
 * shown as a message if it has TP_GET_STATE, else as the bytes of its state struct.
 *
 * All functions suspend the caller as tp_call does. They return TP_OK, or
 *   TP_ETIMEDOUT   it is busy, or blocked inside a handler (it may still act on it later)
 *   TP_ENOTSUP     it is a body or an inbox, which cannot be looked into; or it has not the slot
 *   TP_ENOPROC     no such actor, or it ended before it answered
 *   TP_EDEADLOCK   it waits for the caller, or is the caller
 * and as said there. Within a node only. The actor itself calls them.
 */
#ifndef TROUPE_SYS_H
#define TROUPE_SYS_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* ---- suspend and resume ---- */

/*
 * From now on it handles system messages only; all others wait in order, timeouts too, within its
 * mailbox's bound. Exit signals act as ever, and the end of its parent ends it. Suspended already:
 * TP_OK, and one resume is enough.
 */
TP_API tp_err tp_sys_suspend(tp_actor *self, tp_pid actor, tp_duration timeout);
/* It goes on where it was. Not suspended: TP_OK. */
TP_API tp_err tp_sys_resume(tp_actor *self, tp_pid actor, tp_duration timeout);

/* ---- state ---- */

/*
 * Its state, as the message type of its TP_GET_STATE: decoded into *out, whose borrowed fields live
 * until the end of the handler or the next receive. TP_ENOTSUP: it has none; TP_ETYPE: it shows
 * another type.
 */
#define tp_sys_get_state(self, actor, timeout, out, type)                                          \
    tp_sys_get_state_value((self), (actor), (timeout), &type##_message, TPI_TYPED(type, out))
/* The function behind tp_sys_get_state. */
TP_API tp_err tp_sys_get_state_value(tp_actor *self, tp_pid actor, tp_duration timeout,
                                     const tp_message_type *type, void *out);
/*
 * Replaces its state by its TP_SET_STATE, which may refuse: what it returns is returned here.
 * TP_ENOTSUP: it has none; TP_ETYPE: it takes another type.
 */
#define tp_sys_replace_state(self, actor, timeout, type, ...)                                      \
    tp_sys_replace_state_value((self), (actor), (timeout), &type##_message,                        \
                               TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_sys_replace_state. */
TP_API tp_err tp_sys_replace_state_value(tp_actor *self, tp_pid actor, tp_duration timeout,
                                         const tp_message_type *type, const void *value);
/*
 * The bytes of its state struct, copied: `size` must be the struct's size (TP_ETYPE). Pointers in
 * them point to what is the other actor's, and must not be followed.
 */
TP_API tp_err tp_sys_get_bytes(tp_actor *self, tp_pid actor, tp_duration timeout, void *out,
                               size_t size);
/* Writes them; the same rule, and what the old state owned is the caller's care. */
TP_API tp_err tp_sys_replace_bytes(tp_actor *self, tp_pid actor, tp_duration timeout,
                                   const void *state, size_t size);

/* How an actor is. */
typedef struct tp_sys_status {
    bool suspended;
    bool traced;
    uint32_t mailbox;    /* messages that wait, about */
    uint32_t postponed;  /* and that were put off */
    uint64_t state_size; /* of its state struct, in bytes */
    tp_str behavior; /* borrowed until the end of the handler or the next receive; as the next */
    tp_str name;     /* registered, or empty */
    tp_str state;    /* its TP_GET_STATE as text for people; empty: it has none */
} tp_sys_status;
/* Fills *out. */
TP_API tp_err tp_sys_get_status(tp_actor *self, tp_pid actor, tp_duration timeout,
                                tp_sys_status *out);

/* ---- trace ---- */

/* What a traced actor does. */
typedef enum tp_sys_kind {
    TP_SYS_RECEIVES, /* it begins to handle a message; `other` sent it */
    TP_SYS_SENDS,    /* it sends one; `other` will get it */
    TP_SYS_TIMEOUT,  /* its tp_set_timeout is over */
    TP_SYS_SUSPENDED,
    TP_SYS_RESUMED,
    TP_SYS_REPLACED /* its state was */
} tp_sys_kind;

/* One event of a traced actor, to who traces it. */
TP_MESSAGE_AS(tp_sys_event, "tp.sys_event", TP_FIELD(pid, actor), TP_ENUM(tp_sys_kind, kind),
              TP_FIELD(pid, other), TP_FIELD(str, type), /* of the message, or empty */
              TP_FIELD(str, text),                       /* of one received: its fields */
              TP_FIELD(u64, lost)) /* events that the tracer's full mailbox refused before */

/* From now on this actor gets a tp_sys_event for each event; it replaces who traced before. */
TP_API tp_err tp_sys_trace(tp_actor *self, tp_pid actor, tp_duration timeout);
/* The same as lines of the runtime's log, at level INFO. */
TP_API tp_err tp_sys_trace_log(tp_actor *self, tp_pid actor, tp_duration timeout);
/* Ends either. */
TP_API tp_err tp_sys_trace_off(tp_actor *self, tp_pid actor, tp_duration timeout);

TP_EXTERN_END

#endif
