/*
 * Looking at actors from outside: which there are, and what each is, does and waits for.
 *
 * Nothing is stopped for it, and an actor that nobody looks at pays nothing: the runtime answers
 * for each actor when it next comes by, between two of its messages or while it waits in a call, a
 * receive or a sleep. No code of the actor's runs. One that computes or blocks its thread gives no
 * answer until it lets go. What is told was so at one moment for each actor, not at one moment for
 * all.
 */
#ifndef TROUPE_INFO_H
#define TROUPE_INFO_H

#include <troupe/actor.h>
#include <troupe/runtime.h>

TP_EXTERN_BEGIN

/* What an actor can be doing: name, meaning. */
#define TP_DOING_MAP(X)                                                                            \
    X(BUSY)  /* it gave no answer in time: it computes, blocks its thread, or waits for a      \
                    worker */   \
    X(IDLE)  /* nothing to do */                                                                   \
    X(READY) /* messages wait, and it is its turn */                                               \
    X(STARTING)  /* its init has not been called yet */                                            \
    X(RECEIVING) /* in its code: waits for a message */                                            \
    X(CALLING)   /* in its code: waits for replies, of `waits_for` if it is one */                 \
    X(SLEEPING)  /* in its code: until a time */                                                   \
    X(IO)        /* in its code: until a descriptor is ready */                                    \
    X(HELD_UP)   /* waits until the mailbox of `waits_for` has room */                             \
    X(RUNNING)   /* in its code */                                                                 \
    X(SUSPENDED) /* by tp_sys_suspend */                                                           \
    X(ENDING)

/* What an actor is doing: TP_DOING_BUSY, ..., in the order of TP_DOING_MAP. */
typedef enum tp_doing {
#define TP_DOING_ENUM(name) TP_DOING_##name,
    TP_DOING_MAP(TP_DOING_ENUM)
#undef TP_DOING_ENUM
        TP_DOING_COUNT
} tp_doing;
/* "idle", "held_up", ...; a static string. Any thread. */
TP_API const char *tp_doing_name(tp_doing doing);

/* An actor, looked at. Strings and lists are borrowed until the end of the handler or the next
 * receive. */
typedef struct tp_actor_info {
    tp_pid pid;
    tp_err err; /* TP_OK; TP_ENOPROC: it has ended; TP_ETIMEDOUT: it is busy, and only the pid, the
                   name (of a few) and an estimate of `mailbox` are known; TP_ENOMEM */
    tp_doing doing;
    const tp_behavior *behavior; /* NULL: a body, an inbox, or its code is in another process */
    tp_str name;                 /* registered, or empty */
    tp_str label;                /* its behaviour's name */
    tp_pid parent;    /* who spawned it; null: a thread, or nobody kept it (it was spawned
                                    without link, name and arguments) */
    tp_pid waits_for; /* or null */
    uint32_t mailbox; /* messages that wait, about */
    uint32_t mailbox_limit;
    uint32_t postponed;  /* and that were put off */
    uint32_t handled;    /* messages since it began, modulo 2^32 */
    uint32_t links;      /* it has */
    uint32_t monitors;   /* it has on others */
    uint32_t watchers;   /* monitors that others have on it */
    uint64_t state_size; /* of its state struct, in bytes */
    bool isolated;       /* it lives in a process of its own */
    bool traps_exits;
    bool traced;           /* by tp_sys_trace */
    tp_list_pid linked;    /* of tp_actor_look alone, as the next: up to TP_INFO_PIDS_MAX of them */
    tp_list_pid monitored; /* what it monitors */
} tp_actor_info;
/* The most links, and monitors, that are named. */
#define TP_INFO_PIDS_MAX 64

/*
 * The actors that are alive, in no particular order: up to `max` pids go to `out`; returns how
 * many. *cursor is 0 at first and says where to go on; fewer than `max` means that these are the
 * last. One that begins or ends meanwhile may be missed or be told; none is told twice. Any thread.
 */
TP_API size_t tp_actors_list(tp_runtime *runtime, uint32_t *cursor, tp_pid *out, size_t max);
/*
 * Looks at `count` actors of this node at once; out[i] is filled for each pids[i], see its `err`.
 * After `timeout` what gave no answer counts as busy. TP_OK; TP_EINVAL; TP_ENOTSUP: a pid of
 * another node, or this actor is isolated; TP_ENOMEM. The actor itself, which waits.
 */
TP_API tp_err tp_actors_look(tp_actor *self, const tp_pid *pids, size_t count, tp_duration timeout,
                             tp_actor_info *out);
/* One actor, and whom it is linked to and monitors. Its `err`, or an error as of tp_actors_look. */
TP_API tp_err tp_actor_look(tp_actor *self, tp_pid pid, tp_duration timeout, tp_actor_info *out);

TP_EXTERN_END

#endif
