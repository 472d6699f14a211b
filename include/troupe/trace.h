/*
 * A stream of what the runtime does, the same from production and simulation. Off unless asked for.
 */
#ifndef TROUPE_TRACE_H
#define TROUPE_TRACE_H

#include <troupe/base.h>

TP_EXTERN_BEGIN

/* The kinds of events: name, meaning. */
#define TP_TRACE_MAP(X)                                                                            \
    X(SPAWN)   /* `actor` was made by `other` */                                                   \
    X(RUN)     /* `worker` begins to run `actor` */                                                \
    X(PARK)    /* `actor` stops running: nothing to do, blocked, or its turn is over */            \
    X(SEND)    /* `actor` sent `name` to `other` */                                                \
    X(RECEIVE) /* `actor` begins to handle `name` from `other` */                                  \
    X(EXIT)    /* `actor` ended; `value` is the code */                                            \
    X(SIGNAL)  /* `actor` got a signal from `other`; `name` says which */                          \
    X(WORK)    /* `actor` occupies its worker for `value` ns */

/* One of TP_TRACE_MAP. */
/* What an event is: TP_TRACE_SPAWN, ..., in the order of TP_TRACE_MAP. */
typedef enum tp_trace_kind {
#define TP_TRACE_ENUM(name) TP_TRACE_##name,
    TP_TRACE_MAP(TP_TRACE_ENUM)
#undef TP_TRACE_ENUM
        TP_TRACE_KIND_COUNT
} tp_trace_kind;

/* One event. Pointers live for the call only. */
typedef struct tp_trace_event {
    tp_trace_kind kind;
    uint32_t worker; /* UINT32_MAX: a thread outside */
    tp_time time;
    tp_pid actor;
    tp_pid other;
    const char *name; /* of a message type, signal or behaviour; "" if none */
    int64_t value;
} tp_trace_event;

/* Called on the worker that does it, so by several threads at once in production; it must not
 * block. */
typedef void (*tp_trace_hook)(void *context, const tp_trace_event *event);

/* Starts (hook) or ends (NULL) the stream; a worker may still be in the old hook for its current
 * slice. Any thread. */
TP_API void tp_runtime_trace(tp_runtime *runtime, tp_trace_hook hook, void *context);
/* "spawn", "run", ...; a static string. Any thread. */
TP_API const char *tp_trace_kind_name(tp_trace_kind kind);

TP_EXTERN_END

#endif
