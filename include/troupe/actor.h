/*
 * Actors: spawn, send, receive, end.
 *
 * An actor is a behaviour (typed handlers over private state) or a body (a function with its own receive
 * loop). Either may block in any call of this library: that suspends the actor, never its worker thread.
 * Across a call that may block, and across tp_fail and tp_exit: errno is not kept, no lock may be held,
 * thread-locals may have changed, and no C++ destructor is run by the non-local exits.
 *
 * Unless it says otherwise, a function that takes `self` may be called only by that actor, from its own
 * handler or body.
 */
#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include <troupe/base.h>
#include <troupe/foreach.h>
#include <troupe/message.h>
#include <troupe/runtime.h>

/* The address of a message built in place; it lives until the end of the statement. */
#ifdef __cplusplus
template <typename T> static inline const T *tpi_address_of(const T &value) {
    return &value;
}
#define TP_VALUE(type, ...) (tpi_address_of(type{__VA_ARGS__}))
#else
#define TP_VALUE(type, ...) (__extension__ &(const type){__VA_ARGS__})
#endif
TP_EXTERN_BEGIN

/* ---- why an actor ends ---- */

/* The codes of exit reasons; a program's own start at TP_EXIT_USER. */
typedef enum tp_exit_code {
    TP_EXIT_NORMAL = 0,   /* did its work */
    TP_EXIT_SHUTDOWN,     /* was asked to end, in order */
    TP_EXIT_KILL,         /* only as a signal: cannot be trapped */
    TP_EXIT_KILLED,       /* what links and monitors of a killed actor see */
    TP_EXIT_NOPROC,       /* there was no such actor */
    TP_EXIT_NOCONNECTION, /* the connection to its node is lost; it may still live */
    TP_EXIT_FAILED,       /* tp_fail; the detail is its text */
    TP_EXIT_OVERFLOW,     /* its mailbox was over its limit */
    TP_EXIT_BADMSG,       /* a message of a known type did not decode */
    TP_EXIT_NOMEM,        /* memory ran out where the actor could not go on */
    TP_EXIT_USER = 1000
} tp_exit_code;

/* A code and an optional detail (msgpack by convention, tp_fail's is text). Equal when both are. */
typedef struct tp_reason {
    int32_t code;
    tp_bin detail; /* borrowed */
} tp_reason;

/* True when code and detail are equal. Any thread. */
TP_API bool tp_reason_equal(tp_reason a, tp_reason b);
/* The name of a code ("normal", "shutdown", ..., "user"); a static string. Any thread. */
TP_API const char *tp_exit_code_name(int32_t code);

/* Ends this actor with a code; does not return. What it owns is released, then links and monitors hear. */
TP_API __attribute__((noreturn)) void tp_exit(tp_actor *self, int32_t code);
/* The same with a detail, which is copied. */
TP_API __attribute__((noreturn)) void tp_exit_with(tp_actor *self, tp_reason reason);
/* Ends this actor with TP_EXIT_FAILED and printf's text (cut at 512 bytes) as detail. */
TP_API __attribute__((noreturn)) void tp_fail(tp_actor *self, const char *format, ...) TP_PRINTF(2, 3);
/* For a main actor: the number that tp_run returns when it ends normally. Others: no effect. */
TP_API void tp_exit_status(tp_actor *self, int status);

/* ---- behaviours ---- */

/* One handler as the runtime calls it; made by TP_BEHAVIOR and TP_CASES. */
typedef struct tp_handler {
    const tp_message_type *type;
    void (*call)(tp_actor *self, void *state, const tp_message *message);
} tp_handler;

/* A behaviour: constant, made by TP_BEHAVIOR, shared by its actors. Slots may be NULL. */
typedef struct tp_behavior {
    const char *name;
    size_t state_size;
    const tp_handler *handlers;
    uint32_t handler_count;
    void (*init)(tp_actor *self, void *state, const tp_message *arguments);
    void (*otherwise)(tp_actor *self, void *state, const tp_message *message);
    void (*timeout)(tp_actor *self, void *state);
    void (*terminate)(tp_actor *self, void *state, const tp_reason *reason);
} tp_behavior;

/*
 * TP_BEHAVIOR(variable, "name", state type, slots...) at file scope. Slots, each at most once but TP_ON:
 *   TP_ON(type, fn)         void fn(tp_actor *, State *, const type *)   up to 64
 *   TP_INIT(fn)             void fn(tp_actor *, State *)                 first; the state is zeroed
 *   TP_INIT_WITH(type, fn)  void fn(tp_actor *, State *, const type *)   the same, with spawn arguments
 *   TP_OTHERWISE(fn)        void fn(tp_actor *, State *, const tp_message *)  any other message
 *   TP_TIMEOUT(fn)          void fn(tp_actor *, State *)                 see tp_set_timeout
 *   TP_TERMINATE(fn)        void fn(tp_actor *, State *, const tp_reason *)   last; not when killed
 * The compiler checks each handler against its message type. A message that no slot takes is counted and
 * logged; one of a known type that does not decode ends the actor with TP_EXIT_BADMSG.
 */
#define TP_BEHAVIOR(variable, text, state, ...)                                                    \
    TPI_FOREACH(TPI_SLOT_THUNK, (variable, state), __VA_ARGS__)                                    \
    static const tp_handler variable##_handlers[] = {                                              \
        TPI_FOREACH(TPI_SLOT_HANDLER, (variable, state), __VA_ARGS__){NULL, NULL}};                \
    static const tp_behavior variable = {                                                          \
        .name = text,                                                                              \
        .state_size = sizeof(state),                                                               \
        .handlers = variable##_handlers,                                                           \
        .handler_count = sizeof variable##_handlers / sizeof variable##_handlers[0] - 1,           \
        TPI_FOREACH(TPI_SLOT_MEMBER, (variable, state), __VA_ARGS__)}

#define TP_ON(type, fn) (ON, type, fn)
#define TP_INIT(fn) (INIT, , fn)
#define TP_INIT_WITH(type, fn) (INIT_WITH, type, fn)
#define TP_OTHERWISE(fn) (OTHERWISE, , fn)
#define TP_TIMEOUT(fn) (TIMEOUT, , fn)
#define TP_TERMINATE(fn) (TERMINATE, , fn)

/* ---- spawn ---- */

/* How to spawn; zero in a field means its default. */
typedef struct tp_spawn_options {
    const char *name;       /* registers it before init runs; a taken name fails the spawn: TP_EEXIST */
    bool link;              /* links it to the spawner, at once */
    tp_ref *monitor;        /* not NULL: monitors it, at once; the monitor's ref goes here */
    tp_priority priority;   /* HIGH before NORMAL; LOW after, but not never */
    uint32_t mailbox_limit; /* messages; default: the runtime's */
    tp_overflow overflow;   /* what a full mailbox does; default SUSPEND */
    uint64_t workers;       /* a bit a worker: it runs on these alone; default: any */
    bool dedicated_thread;  /* it gets a worker thread for itself */
    size_t stack_size;      /* when blocked; default: the runtime's */
} tp_spawn_options;

/*
 * Starts an actor and returns its pid at once; init runs in the new actor, before any message. The optional
 * list "type, .field = value, ..." is the argument message for TP_INIT_WITH.
 * On failure the null pid; tp_error(self) says why (TP_ENOMEM, TP_EEXIST, TP_EINVAL).
 */
#define tp_spawn(self, behavior, ...)                                                              \
    tp_spawn_value((self), (behavior), NULL TPI_ARGUMENTS(__VA_ARGS__))
/* The same, linked to the caller: no moment passes in which it lives unlinked. */
#define tp_spawn_link(self, behavior, ...)                                                         \
    tp_spawn_value((self), (behavior), &tp_spawn_linked TPI_ARGUMENTS(__VA_ARGS__))
/* The same with options: a const tp_spawn_options pointer. */
#define tp_spawn_with(self, behavior, options, ...)                                                \
    tp_spawn_value((self), (behavior), (options)TPI_ARGUMENTS(__VA_ARGS__))

/* What tp_spawn_link passes: { .link = true }. */
TP_API extern const tp_spawn_options tp_spawn_linked;
/* The function behind tp_spawn: `type` and `arguments` may be NULL. */
TP_API tp_pid tp_spawn_value(tp_actor *self, const tp_behavior *behavior,
                             const tp_spawn_options *options, const tp_message_type *type,
                             const void *arguments);
/* Starts a body. `arg` is the caller's: it must live as long as the body uses it. options may be NULL. */
TP_API tp_pid tp_spawn_body(tp_actor *self, tp_body body, void *arg,
                            const tp_spawn_options *options);
/* Why the last call that returned a null pid or a zero ref failed; TP_OK if it did not. */
TP_API tp_err tp_error(tp_actor *self);

/* ---- who ---- */

/* This actor's pid. */
TP_API tp_pid tp_self(tp_actor *self);
/* Who sent the message now handled; null when it came from a thread outside, or outside a handler. */
TP_API tp_pid tp_sender(tp_actor *self);
/* True while the actor lives; already false may be old news the other way round. Any thread. */
TP_API bool tp_alive(tp_runtime *runtime, tp_pid actor);

/* ---- send ---- */

/*
 * Sends a message and goes on: TP_OK, TP_EFULL or TP_ENOMEM; a dead receiver is no error, the message is
 * counted as a dead letter. May suspend this actor when the receiver is at its limit (tp_overflow).
 *     tp_send(self, account, deposit, .cents = 4200);
 */
#define tp_send(self, to, type, ...)                                                               \
    tp_send_value((self), (to), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_send; the value is encoded before it returns. */
TP_API tp_err tp_send_value(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value);
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
 * Waits for a message of one type and decodes it into *out; others stay queued, in order, and are not
 * looked at again. timeout 0 looks without waiting. TP_OK, TP_ETIMEDOUT, TP_EBADMSG, TP_ENOMEM (no stack).
 * Borrowed fields live until the next receive, the end of the handler, or tp_release.
 *     deposit d;  if (tp_receive(self, TP_SECONDS(1), &d, deposit) == TP_OK) ...
 */
#define tp_receive(self, timeout, out, type)                                                       \
    tp_receive_value((self), (timeout), &type##_message, TPI_TYPED(type, out))
#ifdef __cplusplus
#define TPI_TYPED(type, out) (static_cast<type *>(out))
#else
#define TPI_TYPED(type, out) ((type *){(out)})
#endif
/* The function behind tp_receive. */
TP_API tp_err tp_receive_value(tp_actor *self, tp_duration timeout, const tp_message_type *type,
                               void *out);

/*
 * TP_CASES(variable, state type, TP_ON(...)...) at file scope: a table for tp_receive_cases, which waits for
 * the first message that one of the cases takes and calls it with `state`.
 */
#define TP_CASES(variable, state, ...)                                                             \
    TPI_FOREACH(TPI_SLOT_THUNK, (variable, state), __VA_ARGS__)                                    \
    static const tp_handler variable[] = {                                                         \
        TPI_FOREACH(TPI_SLOT_HANDLER, (variable, state), __VA_ARGS__){NULL, NULL}}
/* `cases` is a TP_CASES table. TP_OK after its handler returned, TP_ETIMEDOUT, TP_ENOMEM. */
TP_API tp_err tp_receive_cases(tp_actor *self, tp_duration timeout, void *state,
                               const tp_handler *cases);

typedef bool (*tp_filter)(const tp_message *message, void *context);
/*
 * Waits for the first message that the filter accepts (NULL accepts all). The filter sees each message once;
 * it must not block or send. *out is borrowed until the next receive or the end of the handler.
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
/* Decodes a message: TP_OK, TP_ETYPE, TP_EBADMSG, TP_ENOMEM. Borrowed fields live as long as the message. */
#define tp_message_get(self, message, out, type)                                                   \
    tp_message_decode((self), (message), &type##_message, TPI_TYPED(type, out))
/* The function behind tp_message_get. */
TP_API tp_err tp_message_decode(tp_actor *self, const tp_message *message,
                                const tp_message_type *type, void *out);
/* Text such as `deposit{cents=4200}`, cut to `size` with its terminator; returns the full length. */
TP_API size_t tp_message_format(const tp_message *message, char *out, size_t size);

/* A message that stays valid after its handler. */
typedef struct tp_kept tp_kept;
/* Keeps the message now handled, with all that its borrowed fields point to; NULL: TP_ENOMEM. */
TP_API tp_kept *tp_keep(tp_actor *self);
/* Lets a kept message go. NULL is allowed. What is still kept at the actor's end is freed then. */
TP_API void tp_keep_release(tp_actor *self, tp_kept *kept);
/* Frees now what received replies and messages hold for their borrowed fields (else: at the handler's end). */
TP_API void tp_release(tp_actor *self);

/*
 * Puts the message now handled aside: it comes again, before newer ones, after tp_retry_postponed. At most
 * `8 x mailbox limit` messages may wait so; one more ends the actor with TP_EXIT_OVERFLOW.
 */
TP_API void tp_postpone(tp_actor *self);
/* Takes all postponed messages up again, oldest first, before any newer message. */
TP_API void tp_retry_postponed(tp_actor *self);

/* ---- memory and cleanup ---- */

/* Memory of this actor, zeroed, freed when it exits at the latest. NULL when out of memory. */
TP_API void *tp_alloc(tp_actor *self, size_t size);
/* Frees it earlier. NULL is allowed; a pointer that is not this actor's is a checked error (no-op). */
TP_API void tp_free(tp_actor *self, void *pointer);
/* A file descriptor that is closed when this actor exits. TP_ENOMEM: it is not owned. */
TP_API tp_err tp_own_descriptor(tp_actor *self, int descriptor);
/* Takes it back: true if it was owned; it is not closed. */
TP_API bool tp_disown_descriptor(tp_actor *self, int descriptor);
/* Called when this actor exits, however it does, newest first, after terminate; it must not block or send. */
TP_API tp_err tp_on_exit(tp_actor *self, void (*function)(void *arg), void *arg);

/* ---- taking turns ---- */

/* Lets the others run, then goes on. */
TP_API void tp_yield(tp_actor *self);
/* A random number from the runtime's driver: a seed in the simulator, the system otherwise. */
TP_API uint64_t tp_random(tp_actor *self);

/* ---- what TP_BEHAVIOR and TP_CASES expand to ---- */

/* ", type, value" from an optional "type, .field = value, ..." list; ", NULL, NULL" if it is empty. */
#define TPI_ARGUMENTS(...) TPI_ARGUMENTS_##__VA_OPT__(SOME)(__VA_ARGS__)
#define TPI_ARGUMENTS_() , NULL, NULL
#define TPI_ARGUMENTS_SOME(type, ...) , &type##_message, TP_VALUE(type, __VA_ARGS__)

#define TPI_UNPAREN(...) __VA_ARGS__
#define TPI_SLOT_CALL(macro, ...) macro(__VA_ARGS__)
#define TPI_SLOT_THUNK(context, slot)                                                              \
    TPI_SLOT_CALL(TPI_SLOT_THUNK2, TPI_UNPAREN context, TPI_UNPAREN slot)
#define TPI_SLOT_HANDLER(context, slot)                                                            \
    TPI_SLOT_CALL(TPI_SLOT_HANDLER2, TPI_UNPAREN context, TPI_UNPAREN slot)
#define TPI_SLOT_MEMBER(context, slot)                                                             \
    TPI_SLOT_CALL(TPI_SLOT_MEMBER2, TPI_UNPAREN context, TPI_UNPAREN slot)
#define TPI_SLOT_THUNK2(variable, state, tag, type, fn) TPI_THUNK_##tag(variable, state, type, fn)
#define TPI_SLOT_HANDLER2(variable, state, tag, type, fn) TPI_HANDLER_##tag(variable, type)
#define TPI_SLOT_MEMBER2(variable, state, tag, type, fn) TPI_MEMBER_##tag(variable)

#define TPI_THUNK_TYPED(thunk, state_type, type, fn, open)                                         \
    static void thunk(tp_actor *self, void *state, const tp_message *message) {                    \
        type value;                                                                                \
        tpi_opened opened;                                                                         \
        open;                                                                                      \
        type##_tpi_decode(&value, &opened.reader, opened.count);                                   \
        if (opened.reader.failed) tpi_message_bad(self, &type##_message);                          \
        fn(self, (state_type *)state, &value);                                                     \
    }
#define TPI_THUNK_ON(variable, state_type, type, fn)                                               \
    TPI_THUNK_TYPED(variable##_on_##type, state_type, type, fn,                                    \
                    tpi_open(self, message, &opened))
#define TPI_THUNK_INIT_WITH(variable, state_type, type, fn)                                        \
    TPI_THUNK_TYPED(variable##_init, state_type, type, fn,                                         \
                    tpi_open_typed(self, message, &type##_message, &opened))
#define TPI_THUNK_INIT(variable, state_type, type, fn)                                             \
    static void variable##_init(tp_actor *self, void *state, const tp_message *message) {          \
        (void)message;                                                                             \
        fn(self, (state_type *)state);                                                             \
    }
#define TPI_THUNK_OTHERWISE(variable, state_type, type, fn)                                        \
    static void variable##_otherwise(tp_actor *self, void *state, const tp_message *message) {     \
        fn(self, (state_type *)state, message);                                                    \
    }
#define TPI_THUNK_TIMEOUT(variable, state_type, type, fn)                                          \
    static void variable##_timeout(tp_actor *self, void *state) { fn(self, (state_type *)state); }
#define TPI_THUNK_TERMINATE(variable, state_type, type, fn)                                        \
    static void variable##_terminate(tp_actor *self, void *state, const tp_reason *reason) {       \
        fn(self, (state_type *)state, reason);                                                     \
    }

#define TPI_HANDLER_ON(variable, type) {&type##_message, variable##_on_##type},
#define TPI_HANDLER_INIT(variable, type)
#define TPI_HANDLER_INIT_WITH(variable, type)
#define TPI_HANDLER_OTHERWISE(variable, type)
#define TPI_HANDLER_TIMEOUT(variable, type)
#define TPI_HANDLER_TERMINATE(variable, type)
#define TPI_MEMBER_ON(variable)
#define TPI_MEMBER_INIT(variable) .init = variable##_init,
#define TPI_MEMBER_INIT_WITH(variable) .init = variable##_init,
#define TPI_MEMBER_OTHERWISE(variable) .otherwise = variable##_otherwise,
#define TPI_MEMBER_TIMEOUT(variable) .timeout = variable##_timeout,
#define TPI_MEMBER_TERMINATE(variable) .terminate = variable##_terminate,

/* A message opened for a thunk's decoder. */
typedef struct tpi_opened {
    tp_reader reader;
    uint32_t count;
    tp_scratch scratch;
    tp_actor *self;
} tpi_opened;
/* Opens a message that has been matched with its handler. */
TP_API void tpi_open(tp_actor *self, const tp_message *message, tpi_opened *opened);
/* Opens a message of the type; one of another type ends the actor. */
TP_API void tpi_open_typed(tp_actor *self, const tp_message *message,
                                   const tp_message_type *type, tpi_opened *opened);
/* A message did not decode: ends the actor with TP_EXIT_BADMSG. */
TP_API __attribute__((noreturn, cold)) void tpi_message_bad(tp_actor *self,
                                                            const tp_message_type *type);

TP_EXTERN_END

#endif
