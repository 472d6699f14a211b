/*
 * Behaviours: typed handlers over private state, declared as one constant table.
 *
 *     static void on_deposit(tp_actor *self, struct account *account, const deposit *msg) { ... }
 *     TP_BEHAVIOR(account_behavior, "account", struct account, TP_ON(deposit, on_deposit));
 */
#ifndef TROUPE_BEHAVIOR_H
#define TROUPE_BEHAVIOR_H

#include <troupe/base.h>
#include <troupe/foreach.h>
#include <troupe/message.h>

#ifdef __cplusplus
template <typename T> static inline const T *tpi_address_of(const T &value) {
    return &value;
}
/* g++ -Wextra would ask for the members that are left out; they are zero, as in C. */
#define TPI_QUIET                                                                                  \
    _Pragma("GCC diagnostic push")                                                                 \
        _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")
#define TPI_LOUD _Pragma("GCC diagnostic pop")
/* The address of a message built in place; it lives until the end of the statement. */
#define TP_VALUE(type, ...)                                                                        \
    (tpi_address_of([&]() -> type {                                                                \
        TPI_QUIET return type{__VA_ARGS__};                                                        \
        TPI_LOUD                                                                                   \
    }()))
#else
/* The address of a message built in place; it lives until the end of the statement. */
#define TP_VALUE(type, ...) (__extension__ & (const type){__VA_ARGS__})
#define TPI_QUIET
#define TPI_LOUD
#endif
#ifdef __cplusplus
#define TPI_TYPED(type, out) (static_cast<type *>(out))
#else
#define TPI_TYPED(type, out) ((type *){(out)})
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
    TP_EXIT_FAULT,        /* a fault was contained; the detail is a tp_fault: <troupe/crash.h> */
    TP_EXIT_PROCESS,      /* its process ended; the detail is a tp_process_end: <troupe/port.h> */
    TP_EXIT_USER = 1000
} tp_exit_code;

/* A code and an optional detail (msgpack by convention, tp_fail's is text). Equal when both are. */
typedef struct tp_reason {
    int32_t code;
    tp_bin detail; /* borrowed */
} tp_reason;

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
    const tp_message_type *state_type; /* of get_state */
    void (*get_state)(tp_actor *self, const void *state, void *out);
    const tp_message_type *new_state_type; /* of set_state */
    tp_err (*set_state)(tp_actor *self, void *state, const void *value);
} tp_behavior;

/*
 * TP_BEHAVIOR(variable, "name", state type, slots...) at file scope. Slots, each at most once but
 * TP_ON:
 *   TP_ON(type, fn)         void fn(tp_actor *, State *, const type *)   up to 64
 *   TP_INIT(fn)             void fn(tp_actor *, State *)                 first; the state is zeroed
 *   TP_INIT_WITH(type, fn)  void fn(tp_actor *, State *, const type *)   the same, with spawn
 *   arguments
 *   TP_OTHERWISE(fn)        void fn(tp_actor *, State *, const tp_message *)  any other message
 *   TP_TIMEOUT(fn)          void fn(tp_actor *, State *)                 see tp_set_timeout
 *   TP_TERMINATE(fn)        void fn(tp_actor *, State *, const tp_reason *)   last; not when killed
 *   TP_GET_STATE(type, fn)  void fn(tp_actor *, const State *, type *)   the state as a message,
 *   for
 *   <troupe/sys.h>; what it borrows from the state is copied at once
 *   TP_SET_STATE(type, fn)  tp_err fn(tp_actor *, State *, const type *)   and back
 * The compiler checks each handler against its message type. A message that no slot takes is
 * counted and logged; one of a known type that does not decode ends the actor with TP_EXIT_BADMSG.
 */
#define TP_BEHAVIOR(variable, text, state, ...)                                                    \
    TPI_BEHAVIOR(static, variable, text, state, __VA_ARGS__)
/* The same, visible to other files, which declare `extern const tp_behavior variable;`. */
#define TP_BEHAVIOR_EXTERN(variable, text, state, ...)                                             \
    extern const tp_behavior variable;                                                             \
    TPI_BEHAVIOR(, variable, text, state, __VA_ARGS__)
#define TPI_BEHAVIOR(linkage, variable, text, state, ...)                                          \
    TPI_FOREACH(TPI_SLOT_THUNK, (variable, state), __VA_ARGS__)                                    \
    static const tp_handler variable##_handlers[] = {                                              \
        TPI_FOREACH(TPI_SLOT_HANDLER, (variable, state), __VA_ARGS__){NULL, NULL}};                \
    TPI_QUIET                                                                                      \
    linkage const tp_behavior variable = {                                                         \
        .name = text,                                                                              \
        .state_size = sizeof(state),                                                               \
        .handlers = variable##_handlers,                                                           \
        .handler_count = sizeof variable##_handlers / sizeof variable##_handlers[0] - 1,           \
        TPI_FOREACH(TPI_SLOT_MEMBER, (variable, state), __VA_ARGS__)};                             \
    TPI_LOUD TPI_LIST_BEHAVIOR(variable)                                                           \
    struct tp_behavior /* takes the semicolon */

/* A list of all behaviours, so that a crash capsule finds its own by name (<troupe/crash.h>). */
#ifdef __has_attribute
#if __has_attribute(retain)
#define TPI_RETAINED , retain
#endif
#endif
#ifndef TPI_RETAINED
#define TPI_RETAINED
#endif
#define TPI_LIST_BEHAVIOR(variable)                                                                \
    __attribute__((section("troupe_behaviors"),                                                    \
                   used TPI_RETAINED)) static const tp_behavior *const variable##_listed =         \
        &variable;

/* A handler for one message type. */
/* The slots of TP_BEHAVIOR, explained there. */
#define TP_ON(type, fn) (ON, type, fn)
/* The first thing an actor runs, without arguments. */
#define TP_INIT(fn) (INIT, , fn)
/* The same, with spawn arguments of a message type. */
#define TP_INIT_WITH(type, fn) (INIT_WITH, type, fn)
/* Any message that no TP_ON takes. */
#define TP_OTHERWISE(fn) (OTHERWISE, , fn)
/* Nothing came for the time of tp_set_timeout. */
#define TP_TIMEOUT(fn) (TIMEOUT, , fn)
/* The last thing an actor runs, unless it is killed. */
#define TP_TERMINATE(fn) (TERMINATE, , fn)
/* The state as a message, for those who look into the actor: <troupe/sys.h>. */
#define TP_GET_STATE(type, fn) (GET_STATE, type, fn)
/* The state made from such a message. */
#define TP_SET_STATE(type, fn) (SET_STATE, type, fn)

/*
 * TP_CASES(variable, state type, TP_ON(...)...) at file scope: a table for tp_receive_cases, which
 * waits for the first message that one of the cases takes and calls it with `state`.
 */
#define TP_CASES(variable, state, ...)                                                             \
    TPI_FOREACH(TPI_SLOT_THUNK, (variable, state), __VA_ARGS__)                                    \
    static const tp_handler variable[] = {                                                         \
        TPI_FOREACH(TPI_SLOT_HANDLER, (variable, state), __VA_ARGS__){NULL, NULL}}
/* ---- what TP_BEHAVIOR and TP_CASES expand to ---- */

/* ", type, value" from an optional "type, .field = value, ..." list; ", NULL, NULL" if it is
 * empty. */
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
#define TPI_SLOT_MEMBER2(variable, state, tag, type, fn) TPI_MEMBER_##tag(variable, type)

#define TPI_THUNK_TYPED(thunk, state_type, type, fn, check)                                        \
    static void thunk(tp_actor *tpi_self, void *tpi_state, const tp_message *tpi_message) {        \
        type tpi_value;                                                                            \
        tp_reader tpi_in;                                                                          \
        tpi_place tpi_at = {{tpi_scratch_alloc}, tpi_self};                                        \
        check;                                                                                     \
        type##_tpi_decode(&tpi_value, &tpi_in, tpi_open(tpi_message, &tpi_in, &tpi_at));           \
        if (tpi_in.failed) tpi_message_bad(tpi_self, &type##_message);                             \
        fn(tpi_self, (state_type *)tpi_state, &tpi_value);                                         \
    }
#define TPI_THUNK_ON(variable, state_type, type, fn)                                               \
    TPI_THUNK_TYPED(variable##_on_##type, state_type, type, fn, (void)0)
#define TPI_THUNK_INIT_WITH(variable, state_type, type, fn)                                        \
    TPI_THUNK_TYPED(variable##_init, state_type, type, fn,                                         \
                    tpi_check_arguments(tpi_self, tpi_message, &type##_message))
#define TPI_THUNK_INIT(variable, state_type, type, fn)                                             \
    static void variable##_init(tp_actor *tpi_self, void *tpi_state,                               \
                                const tp_message *tpi_message) {                                   \
        (void)tpi_message;                                                                         \
        fn(tpi_self, (state_type *)tpi_state);                                                     \
    }
#define TPI_THUNK_OTHERWISE(variable, state_type, type, fn)                                        \
    static void variable##_otherwise(tp_actor *tpi_self, void *tpi_state,                          \
                                     const tp_message *tpi_message) {                              \
        fn(tpi_self, (state_type *)tpi_state, tpi_message);                                        \
    }
#define TPI_THUNK_TIMEOUT(variable, state_type, type, fn)                                          \
    static void variable##_timeout(tp_actor *tpi_self, void *tpi_state) {                          \
        fn(tpi_self, (state_type *)tpi_state);                                                     \
    }
#define TPI_THUNK_TERMINATE(variable, state_type, type, fn)                                        \
    static void variable##_terminate(tp_actor *tpi_self, void *tpi_state,                          \
                                     const tp_reason *tpi_reason) {                                \
        fn(tpi_self, (state_type *)tpi_state, tpi_reason);                                         \
    }
#define TPI_THUNK_GET_STATE(variable, state_type, type, fn)                                        \
    static void variable##_get_state(tp_actor *tpi_self, const void *tpi_state, void *tpi_out) {   \
        fn(tpi_self, (const state_type *)tpi_state, (type *)tpi_out);                              \
    }
#define TPI_THUNK_SET_STATE(variable, state_type, type, fn)                                        \
    static tp_err variable##_set_state(tp_actor *tpi_self, void *tpi_state,                        \
                                       const void *tpi_value) {                                    \
        return fn(tpi_self, (state_type *)tpi_state, (const type *)tpi_value);                     \
    }

#define TPI_HANDLER_ON(variable, type) {&type##_message, variable##_on_##type},
#define TPI_HANDLER_INIT(variable, type)
#define TPI_HANDLER_INIT_WITH(variable, type)
#define TPI_HANDLER_OTHERWISE(variable, type)
#define TPI_HANDLER_TIMEOUT(variable, type)
#define TPI_HANDLER_TERMINATE(variable, type)
#define TPI_HANDLER_GET_STATE(variable, type)
#define TPI_HANDLER_SET_STATE(variable, type)
#define TPI_MEMBER_ON(variable, type)
#define TPI_MEMBER_INIT(variable, type) .init = variable##_init,
#define TPI_MEMBER_INIT_WITH(variable, type) .init = variable##_init,
#define TPI_MEMBER_OTHERWISE(variable, type) .otherwise = variable##_otherwise,
#define TPI_MEMBER_TIMEOUT(variable, type) .timeout = variable##_timeout,
#define TPI_MEMBER_TERMINATE(variable, type) .terminate = variable##_terminate,
#define TPI_MEMBER_GET_STATE(variable, type)                                                       \
    .state_type = &type##_message, .get_state = variable##_get_state,
#define TPI_MEMBER_SET_STATE(variable, type)                                                       \
    .new_state_type = &type##_message, .set_state = variable##_set_state,

/* Where decoded lists go: freed with the message. */
typedef struct tpi_place {
    tp_scratch scratch;
    tp_actor *self;
} tpi_place;
/* What tpi_place's scratch calls. */
TP_API void *tpi_scratch_alloc(struct tp_scratch *scratch, size_t size);
/* The bytes of a message's fields. */
TP_API const uint8_t *tpi_message_bytes(const tp_message *message);
/* Where a message has what; checked against the core's own layout. */
#define TPI_MESSAGE_TYPE_AT 8
#define TPI_MESSAGE_SIZE_AT 28
#define TPI_MESSAGE_FLAGS_AT 41
#define TPI_MESSAGE_PAYLOAD_AT 48
#define TPI_MESSAGE_ELSEWHERE 3
/*
 * Opens a message that has been matched with its handler, and returns the number of its fields. In
 * the header, as the decoder is, and without giving the reader's address away: so that the two work
 * in registers.
 */
static inline uint32_t tpi_open(const tp_message *message, tp_reader *in, tpi_place *place) {
    const uint8_t *block = (const uint8_t *)message;
    const uint8_t *bytes = block + TPI_MESSAGE_PAYLOAD_AT;
    const tp_message_type *type;
    uint32_t size;
    if (__builtin_expect(block[TPI_MESSAGE_FLAGS_AT] & TPI_MESSAGE_ELSEWHERE, 0))
        bytes = tpi_message_bytes(message);
    memcpy(&type, block + TPI_MESSAGE_TYPE_AT, sizeof type);
    memcpy(&size, block + TPI_MESSAGE_SIZE_AT, sizeof size);
    in->at = bytes;
    in->end = bytes + size;
    in->scratch = &place->scratch;
    in->depth = 0;
    in->failed = false;
    in->starved = false;
    in->budget = 0;
    return type->field_count;
}
/* A spawn's arguments: those of another type, or none, end the actor. */
TP_API void tpi_check_arguments(tp_actor *self, const tp_message *message,
                                const tp_message_type *type);
/* A message did not decode: ends the actor with TP_EXIT_BADMSG. */
TP_API __attribute__((noreturn, cold)) void tpi_message_bad(tp_actor *self,
                                                            const tp_message_type *type);

TP_EXTERN_END

#endif
