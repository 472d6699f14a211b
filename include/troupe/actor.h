/*
 * Actors: spawn, send, receive, end.
 *
 * An actor is a behaviour (typed handlers over private state) or a body (a function with its own
 * receive loop). Either may block in any call of this library: that suspends the actor, never its
 * worker thread. Across a call that may block, and across tp_fail and tp_exit: errno is not kept,
 * no lock may be held, thread-locals may have changed, and no C++ destructor is run by the
 * non-local exits.
 *
 * Unless it says otherwise, a function that takes `self` may be called only by that actor, from its
 * own handler or body.
 */
#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include <troupe/base.h>
#include <troupe/behavior.h>
#include <troupe/message.h>
#include <troupe/runtime.h>

TP_EXTERN_BEGIN

/* ---- why an actor ends ---- */

/* True when code and detail are equal. Any thread. */
TP_API bool tp_reason_equal(tp_reason a, tp_reason b);
/* The name of a code ("normal", "shutdown", ..., "user"); a static string. Any thread. */
TP_API const char *tp_exit_code_name(int32_t code);

/* Ends this actor with a code; does not return. What it owns is released, then links and
 * monitors hear. */
TP_API __attribute__((noreturn)) void tp_exit(tp_actor *self, int32_t code);
/* The same with a detail, which is copied. */
TP_API __attribute__((noreturn)) void tp_exit_with(tp_actor *self, tp_reason reason);
/* Ends this actor with TP_EXIT_FAILED and printf's text (cut at 512 bytes) as detail. */
TP_API __attribute__((noreturn)) void tp_fail(tp_actor *self, const char *format, ...)
    TP_PRINTF(2, 3);
/* For a main actor: the number that tp_run returns when it ends normally. Others: no effect. */
TP_API void tp_exit_status(tp_actor *self, int status);

/* ---- spawn ---- */

/* What the process of an isolated actor may use; zero: no limit. Beyond it, the system ends it
 * or its calls fail. */
typedef struct tp_process_limits {
    uint64_t memory;       /* bytes of address space, what the library reserves included */
    uint64_t files;        /* descriptors */
    uint64_t seconds;      /* of processor time, over its whole life */
    tp_duration heartbeat; /* it is killed when it has not answered for 3 of these; default 1 s */
} tp_process_limits;

/* So many restarts of a child are told by its crash report. */
#define TP_RESTARTS_KEPT 4

/* How often an actor in this place was restarted, and when: kept by its supervisor, for the report
 * of its next crash. */
typedef struct tp_restart_history {
    uint32_t count;                   /* in all */
    tp_time newest[TP_RESTARTS_KEPT]; /* tp_now at the last ones, newest first */
} tp_restart_history;

/* How to spawn; zero in a field means its default. */
typedef struct tp_spawn_options {
    const char *name; /* registers it before init runs; a taken name fails the spawn: TP_EEXIST */
    bool link;        /* links it to the spawner, at once */
    tp_ref *monitor;  /* not NULL: monitors it, at once; the monitor's ref goes here */
    tp_priority priority;   /* HIGH before NORMAL; LOW after, but not never */
    uint32_t mailbox_limit; /* messages, at most INT32_MAX / 16; default: the runtime's */
    tp_overflow overflow;   /* what a full mailbox does; default SUSPEND */
    uint64_t workers;       /* a bit a worker: it runs on these alone; default: any */
    bool dedicated_thread;  /* it gets a worker thread for itself */
    size_t stack_size;      /* when blocked; default: the runtime's */
    bool isolate;           /* it runs in a process of its own: <troupe/isolate.h>. TP_ENOTSUP */
    const tp_process_limits *limits; /* of that process; default: none */
    bool contain;     /* a fault in its code ends it alone, with TP_EXIT_FAULT: <troupe/crash.h> */
    uint32_t capsule; /* a behaviour's last so many inputs are kept, written to a file when it
                         crashes, and can be replayed: <troupe/crash.h>; at most 65,536 */
    const tp_restart_history *restarted; /* for its crash reports; copied. Supervisors set it */
} tp_spawn_options;

/* Options in place, where a pointer to them is asked for: TP_OPTIONS(.name = "till", .link = true).
 * (A compound literal with a comma would be two arguments of a macro.) */
#define TP_OPTIONS(...) TP_VALUE(tp_spawn_options, __VA_ARGS__)

/*
 * Starts an actor and returns its pid at once; init runs in the new actor, before any message. The
 * optional list "type, .field = value, ..." is the argument message for TP_INIT_WITH. On failure
 * the null pid; tp_error(self) says why (TP_ENOMEM, TP_EEXIST, TP_EINVAL).
 */
#define tp_spawn(self, behavior, ...)                                                              \
    tp_spawn_value((self), (behavior), NULL TPI_ARGUMENTS(__VA_ARGS__))
/* The same, linked to the caller: no moment passes in which it lives unlinked. */
#define tp_spawn_link(self, behavior, ...)                                                         \
    tp_spawn_value((self), (behavior), &tp_spawn_linked TPI_ARGUMENTS(__VA_ARGS__))
/* The same with options: a const tp_spawn_options pointer. */
#define tp_spawn_with(self, behavior, options, ...)                                                \
    tp_spawn_value((self), (behavior), (options)TPI_ARGUMENTS(__VA_ARGS__))

/*
 * Spawns a behaviour and waits until its init has returned, as gen_server:start_link does. TP_OK:
 * *out runs. TP_ENOPROC: init ended it; *reason (may be NULL) says why, its detail borrowed until
 * the end of the handler or the next receive; TP_EXIT_NORMAL there means that init declined.
 * TP_ETIMEDOUT: init took longer, the actor was killed. TP_EDEADLOCK: init waits for this actor,
 * and was killed. Otherwise as tp_spawn. With options->link, a starter that traps exits is not told
 * of a failed start a second time; one that does not ends with it. options may be NULL.
 */
#define tp_start(self, out, behavior, options, timeout, reason, ...)                               \
    tp_start_value((self), (out), (behavior), (options), (timeout),                                \
                   (reason)TPI_ARGUMENTS(__VA_ARGS__))
/* The function behind tp_start: `type` and `arguments` may be NULL. */
TP_API tp_err tp_start_value(tp_actor *self, tp_pid *out, const tp_behavior *behavior,
                             const tp_spawn_options *options, tp_duration timeout,
                             tp_reason *reason, const tp_message_type *type, const void *arguments);

/* What tp_spawn_link passes: { .link = true }. */
TP_API extern const tp_spawn_options tp_spawn_linked;
/* The function behind tp_spawn: `type` and `arguments` may be NULL. */
TP_API tp_pid tp_spawn_value(tp_actor *self, const tp_behavior *behavior,
                             const tp_spawn_options *options, const tp_message_type *type,
                             const void *arguments);
/* Starts a body. `arg` is the caller's: it must live as long as the body uses it. options may be
 * NULL. */
TP_API tp_pid tp_spawn_body(tp_actor *self, tp_body body, void *arg,
                            const tp_spawn_options *options);
/* Why the last call that returned a null pid or a zero ref failed; TP_OK if it did not. */
TP_API tp_err tp_error(tp_actor *self);

/* ---- who ---- */

/* This actor's pid. */
TP_API tp_pid tp_self(tp_actor *self);
/* Who sent the message now handled; null when it came from a thread outside, or outside a
 * handler. */
TP_API tp_pid tp_sender(tp_actor *self);
/* True while the actor lives; already false may be old news the other way round. Any thread. */
TP_API bool tp_alive(tp_runtime *runtime, tp_pid actor);

/* ---- send ---- */

/*
 * Sends a message and goes on: TP_OK, TP_EFULL or TP_ENOMEM; a dead receiver is no error, the
 * message is counted as a dead letter. May suspend this actor when the receiver is at its limit
 * (tp_overflow).
 *     tp_send(self, account, deposit, .cents = 4200);
 */
#define tp_send(self, to, type, ...) type##_tpi_send((self), (to), TP_VALUE(type, __VA_ARGS__))
/* One payload, encoded once, to each of `count` pids. TP_ENOMEM: none got it. */
#define tp_broadcast(self, to, count, type, ...)                                                   \
    tp_broadcast_value((self), (to), (count), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_broadcast. */
TP_API tp_err tp_broadcast_value(tp_actor *self, const tp_pid *to, size_t count,
                                 const tp_message_type *type, const void *value);
/* Sends the message now handled on to another actor, its sender unchanged, payload shared. */
TP_API tp_err tp_forward(tp_actor *self, tp_pid to);

/* ---- receive ---- */

/*
 * Waits for a message of one type and decodes it into *out; others stay queued, in order, and are
 * not looked at again. timeout 0 looks without waiting. TP_OK, TP_ETIMEDOUT, TP_EBADMSG, TP_ENOMEM
 * (no stack). Borrowed fields live until the next receive, the end of the handler, or tp_release.
 *     deposit d;  if (tp_receive(self, TP_SECONDS(1), &d, deposit) == TP_OK) ...
 */
#define tp_receive(self, timeout, out, type)                                                       \
    tp_receive_value((self), (timeout), &type##_message, TPI_TYPED(type, out))
/* The function behind tp_receive. */
TP_API tp_err tp_receive_value(tp_actor *self, tp_duration timeout, const tp_message_type *type,
                               void *out);

/* `cases` is a TP_CASES table. TP_OK after its handler returned, TP_ETIMEDOUT, TP_ENOMEM. */
TP_API tp_err tp_receive_cases(tp_actor *self, tp_duration timeout, void *state,
                               const tp_handler *cases);

/* Says whether a receive takes a message; it must not block, send or exit. */
/* Says whether a message is wanted; `context` is the caller's. On the waiting actor's worker. */
typedef bool (*tp_filter)(const tp_message *message, void *context);
/*
 * Waits for the first message that the filter accepts (NULL accepts all). The filter sees each
 * message once; it must not block or send. *out is borrowed until the next receive or the end of
 * the handler.
 */
TP_API tp_err tp_receive_any(tp_actor *self, tp_duration timeout, tp_filter filter, void *context,
                             const tp_message **out);

/* The type's name of a message. Any holder of the message. */
TP_API tp_str tp_message_name(const tp_message *message);
/* Who sent it; null from a thread outside. */
TP_API tp_pid tp_message_sender(tp_actor *self, const tp_message *message);
/* True if it is of the type. Any holder of the message. */
#define tp_message_is(message, type) tp_message_is_type((message), &type##_message)
/* The function behind tp_message_is. */
TP_API bool tp_message_is_type(const tp_message *message, const tp_message_type *type);
/* Decodes a message: TP_OK, TP_ETYPE, TP_EBADMSG, TP_ENOMEM. Borrowed fields live as long as the
 * message. */
#define tp_message_get(self, message, out, type)                                                   \
    tp_message_decode((self), (message), &type##_message, TPI_TYPED(type, out))
/* The function behind tp_message_get. */
TP_API tp_err tp_message_decode(tp_actor *self, const tp_message *message,
                                const tp_message_type *type, void *out);
/* Text such as `deposit{cents=4200}`, cut to `size` with its terminator; returns the full
 * length. */
TP_API size_t tp_message_format(const tp_message *message, char *out, size_t size);

/* A message that stays valid after its handler. */
typedef struct tp_kept tp_kept;
/* Keeps the message now handled, with all that its borrowed fields point to; NULL: TP_ENOMEM. */
TP_API tp_kept *tp_keep(tp_actor *self);
/* Lets a kept message go. NULL is allowed. What is still kept at the actor's end is freed then. */
TP_API void tp_keep_release(tp_actor *self, tp_kept *kept);
/* Frees now what received replies and messages hold for their borrowed fields (else: at the
 * handler's end). */
TP_API void tp_release(tp_actor *self);

/*
 * Puts the message now handled aside: it comes again, before newer ones, after tp_retry_postponed.
 * At most `8 x mailbox limit` messages may wait so; one more ends the actor with TP_EXIT_OVERFLOW.
 */
TP_API void tp_postpone(tp_actor *self);
/* Takes all postponed messages up again, oldest first, before any newer message. */
TP_API void tp_retry_postponed(tp_actor *self);

/* ---- memory and cleanup ---- */

/* Memory of this actor, zeroed, freed when it exits at the latest. NULL when out of memory. */
TP_API void *tp_alloc(tp_actor *self, size_t size);
/* Frees it earlier. NULL is allowed; a pointer that is not this actor's is a checked error
 * (no-op). */
TP_API void tp_free(tp_actor *self, void *pointer);
/* A file descriptor that is closed when this actor exits. TP_ENOMEM: it is not owned. */
TP_API tp_err tp_own_descriptor(tp_actor *self, int descriptor);
/* Takes it back: true if it was owned; it is not closed. */
TP_API bool tp_disown_descriptor(tp_actor *self, int descriptor);
/* Called when this actor exits, however it does, newest first, after terminate; it must not
 * block or send. */
TP_API tp_err tp_on_exit(tp_actor *self, void (*function)(void *arg), void *arg);

/* ---- taking turns ---- */

/* Lets the others run, then goes on. */
TP_API void tp_yield(tp_actor *self);
/* A random number from the runtime's driver: a seed in the simulator, the system otherwise. */
TP_API uint64_t tp_random(tp_actor *self);

TP_EXTERN_END

#endif
