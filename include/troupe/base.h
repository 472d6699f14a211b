/*
 * The vocabulary that every other header uses: version, export macro, errors, time, pids,
 * references. Nothing here needs a runtime. Everything is safe from any thread.
 */
#ifndef TROUPE_BASE_H
#define TROUPE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version of these headers: incompatible changes. tp_version tells the library's. */
/* The version of these headers; tp_version gives that of the library that is running. */
#define TP_VERSION_MAJOR 0
/* Compatible additions. */
#define TP_VERSION_MINOR 1
/* Corrections. */
#define TP_VERSION_PATCH 0

#if defined(TP_BUILD_SHARED)
#define TP_API __attribute__((visibility("default")))
#else
#define TP_API
#endif

#ifdef __cplusplus
#define TP_EXTERN_BEGIN extern "C" {
#define TP_EXTERN_END }
#else
#define TP_EXTERN_BEGIN
#define TP_EXTERN_END
#endif

#define TP_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

TP_EXTERN_BEGIN

/*
 * Every error of the library: name, and the sentence that tp_strerror gives. Zero is success.
 * The numbers are part of the ABI: new ones go to the end.
 */
#define TP_ERR_MAP(X)                                                                              \
    X(OK, "success")                                                                               \
    X(ENOMEM, "out of memory, or out of actor slots, stacks or timers")                            \
    X(EINVAL, "an argument is out of its range")                                                   \
    X(EFULL, "the receiver's mailbox is at its limit")                                             \
    X(ETIMEDOUT, "the time given for the operation is over")                                       \
    X(ENOPROC, "no such actor: it has exited, or never was")                                       \
    X(ENOREPLY, "the request was handled and nobody will reply to it")                             \
    X(EDEADLOCK, "the call would wait for itself")                                                 \
    X(ECANCELED, "the operation was cancelled")                                                    \
    X(EEXIST, "the name is taken, or the actor has a name already")                                \
    X(ENOENT, "no such name, group, file or entry")                                                \
    X(ETYPE, "the message is of another type than asked for")                                      \
    X(EBADMSG, "the bytes are not a well-formed message")                                          \
    X(ETOOBIG, "the message, name or count is over its limit")                                     \
    X(ENOTSUP, "not supported here (by this driver, platform or build)")                           \
    X(ECLOSED, "the socket, port or runtime is closed")                                            \
    X(EBUSY, "another actor is using it")                                                          \
    X(EADDR, "the address cannot be used")                                                         \
    X(EREFUSED, "the peer refused the connection")                                                 \
    X(EIO, "the operating system reported an input or output error")                               \
    X(ECONTEXT, "not allowed from this thread or at this moment")                                  \
    X(ENOCONNECTION, "the connection to the node is lost")                                         \
    X(EEXITED, "the actor exited before it was ready")

/* What a call says; TP_OK is 0. */
/* What the functions of the library return: TP_OK, which is 0, or why not. */
typedef enum tp_err {
#define TP_ERR_ENUM(name, text) TP_##name,
    TP_ERR_MAP(TP_ERR_ENUM)
#undef TP_ERR_ENUM
        TP_ERR_COUNT
} tp_err;

/* The sentence for an error, never NULL; a static string. Any thread. */
TP_API const char *tp_strerror(tp_err err);
/* The name of an error as it stands in source ("TP_EFULL"), never NULL; a static string. Any
 * thread. */
TP_API const char *tp_err_name(tp_err err);
/* The version of the library that is running, "MAJOR.MINOR.PATCH"; a static string. Any thread. */
TP_API const char *tp_version(void);

/* A span of time in nanoseconds. Timeouts are spans from now, never points in time. */
typedef int64_t tp_duration;
/* A point on the runtime's monotonic clock, in nanoseconds; virtual in the simulator. */
typedef int64_t tp_time;

/* A span of n nanoseconds. */
/* Spans of n nanoseconds, microseconds, milliseconds, seconds (n a whole number); and without
 * end. */
#define TP_NS(n) ((tp_duration)(n))
/* A span of n microseconds. */
#define TP_US(n) ((tp_duration)(n)*1000)
/* A span of n milliseconds. */
#define TP_MS(n) ((tp_duration)(n)*1000000)
/* A span of n seconds. */
#define TP_SECONDS(n) ((tp_duration)(n)*1000000000)
/* No limit. */
#define TP_FOREVER INT64_MAX

/*
 * The address of an actor: a value, valid for ever, comparable with tp_pid_equal. A pid of a dead
 * actor never reaches a newer one. All zero is the null pid, which names nobody.
 */
typedef struct tp_pid {
    uint64_t node;       /* the node's id; differs between incarnations of a node */
    uint32_t slot;       /* the place in the node's table */
    uint32_t generation; /* the how-manieth actor in that place */
} tp_pid;

/* Identifies a monitor, a timer, a request or an alias within its node. 0 is none. */
typedef uint64_t tp_ref;

/* The null pid. Any thread. */
static inline tp_pid tp_pid_null(void) {
    tp_pid pid = {0, 0, 0};
    return pid;
}
/* True for the null pid. Any thread. */
static inline bool tp_pid_is_null(tp_pid pid) {
    return pid.generation == 0;
}
/* True when both name the same actor. Any thread. */
static inline bool tp_pid_equal(tp_pid a, tp_pid b) {
    return a.slot == b.slot && a.generation == b.generation && a.node == b.node;
}

typedef struct tp_actor tp_actor;     /* an actor, seen from inside: only its own code holds one */
typedef struct tp_runtime tp_runtime; /* a set of workers and the actors on them */
typedef struct tp_message tp_message; /* a message that has arrived */
typedef struct tp_zygote tp_zygote;   /* what isolated actors are copied from: <troupe/isolate.h> */

TP_EXTERN_END

#endif
