/*
 * State machines, as gen_statem: a table of typed handlers for each state over one struct of data.
 *
 *     struct door { tp_machine *machine; int coins; };      the member is the machine's, set by it
 *     TP_STATES(locked, opened);                            so that handlers may name them
 *
 *     static void on_coin(tp_actor *self, struct door *door, const coin *msg) {
 *         door->coins++;
 *         tp_next_state(door->machine, &opened);
 *         tp_state_timeout(door->machine, TP_SECONDS(3), relock);
 *     }
 *     TP_STATE(locked, struct door, TP_ON(coin, on_coin), TP_ON(push, on_push_locked));
 *     TP_STATE(opened, struct door, TP_ON(relock, on_relock), TP_ENTER(on_opened));
 *     TP_MACHINE(door_machine, "door", struct door, locked);
 *
 * The result is a tp_behavior: spawned, linked, supervised and called like any other. An event is a
 * message that has come, one that a handler has inserted, or a timeout's. What a handler asks for
 * here takes effect when it returns. Functions that take a machine are for its own handlers; memory
 * that runs out in them ends the actor with TP_EXIT_NOMEM.
 */
#ifndef TROUPE_MACHINE_H
#define TROUPE_MACHINE_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* What a machine keeps beside its data; freed when its actor exits. */
typedef struct tp_machine tp_machine;

/* An event on its way to a typed handler: a message, or the bytes of an inserted one. */
typedef struct tpi_event {
    const tp_message *message;   /* NULL: inserted, or a timeout's */
    const tp_message_type *type; /* of the bytes */
    const void *bytes;
    size_t size;
    tp_scratch scratch; /* for what the value points to */
    void *chunks;
    tp_actor *self;
} tpi_event;

/* One handler of a state; made by TP_STATE. */
typedef struct tpi_reaction {
    const tp_message_type *type;
    void (*call)(tp_actor *self, void *data, tpi_event *event);
} tpi_reaction;

/* A state: constant, made by TP_STATE. A program may read its name. */
typedef struct tp_state tp_state;
/* See the typedef. */
struct tp_state {
    const char *name;
    const char *data_type;         /* the type of its data, as it stands in source */
    const tpi_reaction *reactions; /* ended by one without a type */
    const tp_state *parent;
    void (*enter)(tp_actor *self, void *data, const tp_state *from);
    void (*leave)(tp_actor *self, void *data, const tp_state *to);
    void (*otherwise)(tp_actor *self, void *data, const tp_message *message);
};

/* ---- declaring ---- */

/* TP_STATES(name, ...) at file scope: names of states that TP_STATE defines further down. */
#define TP_STATES(...) TPI_FOREACH(TPI_STATE_NAME, 0, __VA_ARGS__) struct tp_state

/*
 * TP_STATE(name, data type, slots...) at file scope. Slots, each at most once but TP_ON:
 *   TP_ON(type, fn)    void fn(tp_actor *, Data *, const type *)
 *   TP_PARENT(state)   what this state does not handle goes to that one
 *   TP_ENTER(fn)       void fn(tp_actor *, Data *, const tp_state *from)   after a change to it, at
 *                      the start (from: itself), and by tp_repeat_state
 *   TP_LEAVE(fn)       void fn(tp_actor *, Data *, const tp_state *to)     before a change from it
 *   TP_OTHERWISE(fn)   void fn(tp_actor *, Data *, const tp_message *)     any other message that
 *                      has come; inserted events and timeouts have typed handlers only
 * A change runs TP_LEAVE from the old state outwards and TP_ENTER inwards to the new one, of those
 * that are left and entered: common parents are neither. Entering and leaving may set timeouts and
 * send, but not change state, postpone or insert: that ends the actor.
 */
#define TP_STATE(state, data, ...)                                                                 \
    typedef data state##_tpi_data;                                                                 \
    TPI_FOREACH(TPI_STATE_THUNK, (state, data), __VA_ARGS__)                                       \
    static const tpi_reaction state##_reactions[] = {                                              \
        TPI_FOREACH(TPI_STATE_REACTION, (state, data), __VA_ARGS__){NULL, NULL}};                  \
    TPI_QUIET TPI_STATE_OPEN const tp_state state = {                                              \
        .name = #state,                                                                            \
        .data_type = #data,                                                                        \
        .reactions = state##_reactions,                                                            \
        TPI_FOREACH(TPI_STATE_MEMBER, (state, data), __VA_ARGS__)};                                \
    TPI_STATE_CLOSE TPI_LOUD struct tp_state /* takes the semicolon */

/*
 * TP_MACHINE(variable, "name", data type, first state, slots...) at file scope: a tp_behavior. The
 * data has a member `tp_machine *machine`. Slots, all optional:
 *   TP_INIT(fn), TP_INIT_WITH(type, fn), TP_TERMINATE(fn)   as of TP_BEHAVIOR; init may set
 *                      timeouts, insert events, and name another first state by tp_next_state
 *   TP_ON(type, fn), TP_OTHERWISE(fn)   for what no state on the way up has handled
 * An event that nothing handles is logged.
 */
#define TP_MACHINE(variable, text, data, first, ...)                                               \
    TPI_FOREACH(TPI_MACHINE_THUNK, (variable, data), __VA_ARGS__)                                  \
    static const tpi_reaction variable##_reactions[] = {                                           \
        TPI_FOREACH(TPI_STATE_REACTION, (variable, data), __VA_ARGS__){NULL, NULL}};               \
    TPI_QUIET static const tp_state variable##_outermost = {                                       \
        .name = text,                                                                              \
        .data_type = #data,                                                                        \
        .reactions = variable##_reactions,                                                         \
        TPI_FOREACH(TPI_MACHINE_OTHERWISE, (variable, data), __VA_ARGS__)};                        \
    TPI_LOUD static void variable##_begin(tp_actor *tpi_self, void *tpi_state,                     \
                                          const tp_message *tpi_arguments) {                       \
        data *tpi_data = (data *)tpi_state;                                                        \
        TPI_SAME_DATA(first, data);                                                                \
        (void)tpi_arguments;                                                                       \
        tpi_data->machine = tpi_machine_new(tpi_self, tpi_data, &variable##_outermost, &(first));  \
        TPI_FOREACH(TPI_MACHINE_INIT, (variable, data), __VA_ARGS__)                               \
        tpi_machine_begin(tpi_data->machine);                                                      \
    }                                                                                              \
    static void variable##_event(tp_actor *tpi_self, void *tpi_state,                              \
                                 const tp_message *tpi_message) {                                  \
        (void)tpi_self;                                                                            \
        tpi_machine_event(((data *)tpi_state)->machine, tpi_message);                              \
    }                                                                                              \
    static void variable##_get_state(tp_actor *tpi_self, const void *tpi_state, void *tpi_out) {   \
        (void)tpi_self;                                                                            \
        tpi_machine_show(((const data *)tpi_state)->machine, tpi_state, sizeof(data),              \
                         (tp_machine_shown *)tpi_out);                                             \
    }                                                                                              \
    static tp_err variable##_set_state(tp_actor *tpi_self, void *tpi_state,                        \
                                       const void *tpi_value) {                                    \
        tp_machine *tpi_machine = ((data *)tpi_state)->machine;                                    \
        (void)tpi_self;                                                                            \
        tp_err tpi_err = tpi_machine_put(tpi_machine, tpi_state, sizeof(data),                     \
                                         (const tp_machine_shown *)tpi_value);                     \
        ((data *)tpi_state)->machine = tpi_machine;                                                \
        return tpi_err;                                                                            \
    }                                                                                              \
    static const tp_handler variable##_handlers[] = {{NULL, NULL}};                                \
    TPI_QUIET static const tp_behavior variable = {                                                \
        .name = text,                                                                              \
        .state_size = sizeof(data),                                                                \
        .handlers = variable##_handlers,                                                           \
        .handler_count = 0,                                                                        \
        .init = variable##_begin,                                                                  \
        .otherwise = variable##_event,                                                             \
        TPI_FOREACH(TPI_MACHINE_TERMINATE, (variable, data), __VA_ARGS__).state_type =             \
            &tp_machine_shown_message,                                                             \
        .get_state = variable##_get_state,                                                         \
        .new_state_type = &tp_machine_shown_message,                                               \
        .set_state = variable##_set_state};                                                        \
    TPI_LOUD TPI_LIST_BEHAVIOR(variable)                                                           \
    struct tp_behavior /* takes the semicolon */

/*
 * What tp_sys_get_state shows of a machine, and tp_sys_replace_state takes: only the data is
 * replaced, of the same size, and only in the state named (TP_ETYPE; "": in any).
 */
TP_MESSAGE_AS(tp_machine_shown, "tp.machine_shown", TP_FIELD(str, state),
              TP_FIELD(bin, data), /* the struct's bytes, `machine` in them without a meaning */
              TP_FIELD(u64, postponed)) /* events that wait for a change of state */

/* The slots of TP_STATE, explained there. */
#define TP_ENTER(fn) (ENTER, , fn)
/* Before a change from the state. */
#define TP_LEAVE(fn) (LEAVE, , fn)
/* The state around this one. */
#define TP_PARENT(state) (PARENT, , state)

/* ---- what a handler may ask for ---- */

/* The state it is in; entering sees the new one, leaving the old one. Only a machine's own actor,
 * at any moment after its init has begun. */
TP_API const tp_state *tp_machine_state(const tp_machine *machine);
/* True when it is in that state, or in one within it. As tp_machine_state. */
TP_API bool tp_machine_in(const tp_machine *machine, const tp_state *state);

/*
 * Changes state. To the state it is in already is no change: nothing is entered. On a change the
 * postponed events come again, oldest first, before anything that still waits but after what this
 * handler inserted; the state timeout is cancelled; then the states are left and entered.
 */
TP_API void tp_next_state(tp_machine *machine, const tp_state *state);
/* Enters the state it is in once more, which is no change of state. */
TP_API void tp_repeat_state(tp_machine *machine);
/*
 * The event now handled comes again after the next change of state. A request stays open. At most
 * `8 x mailbox limit` messages wait so, one more ends the actor with TP_EXIT_OVERFLOW. Not in init.
 * (tp_postpone and tp_retry_postponed are not for machines.)
 */
TP_API void tp_postpone_event(tp_machine *machine);
/* Hands the event now handled on to the parent's handler, as if this state had none. */
TP_API void tp_to_parent(tp_machine *machine);

/* Inserts an event: it is handled after those inserted by this handler before, and before all that
 * wait. */
#define tp_next_event(machine, type, ...)                                                          \
    tp_next_event_value((machine), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_next_event; the value is copied. */
TP_API void tp_next_event_value(tp_machine *machine, const tp_message_type *type,
                                const void *value);

/* ---- timeouts: events that come after a time ---- */

/* As the span of a timeout: only its content is changed. If it does not run it comes at once. */
#define TP_UPDATE INT64_MIN

/* Which timeout. */
typedef enum tp_timeout_kind {
    TP_TIMEOUT_STATE, /* one; a change of state cancels it */
    TP_TIMEOUT_EVENT, /* one; any event cancels it */
    TP_TIMEOUT_NAMED  /* one a name; nothing cancels it */
} tp_timeout_kind;

/*
 * Starts a timeout, `span` after this handler: its event is of the type and has the fields given.
 * One of the same kind (and name) that runs is replaced. TP_FOREVER cancels; TP_UPDATE: see there.
 * Span 0 comes without a timer: after what has been inserted and retried, before any message that
 * has not come yet.
 */
#define tp_state_timeout(machine, span, type, ...)                                                 \
    tp_timeout_value((machine), TP_TIMEOUT_STATE, "", (span), &type##_message,                     \
                     TP_VALUE(type, __VA_ARGS__))
/* The same, cancelled by any event. */
#define tp_event_timeout(machine, span, type, ...)                                                 \
    tp_timeout_value((machine), TP_TIMEOUT_EVENT, "", (span), &type##_message,                     \
                     TP_VALUE(type, __VA_ARGS__))
/* The same, one for each name, across states. */
#define tp_named_timeout(machine, name, span, type, ...)                                           \
    tp_timeout_value((machine), TP_TIMEOUT_NAMED, (name), (span), &type##_message,                 \
                     TP_VALUE(type, __VA_ARGS__))
/* The function behind them; name and value are copied. */
TP_API void tp_timeout_value(tp_machine *machine, tp_timeout_kind kind, const char *name,
                             tp_duration span, const tp_message_type *type, const void *value);
/* Cancels a timeout; its event does not come any more. `name` is for the named ones, else "". */
TP_API void tp_cancel_timeout(tp_machine *machine, tp_timeout_kind kind, const char *name);

/* ---- what the macros expand to ---- */

/* For the macros: a machine before its init, its start, and a message for it. */
TP_API tp_machine *tpi_machine_new(tp_actor *self, void *data, const tp_state *outermost,
                                   const tp_state *first);
/* See tpi_machine_new. */
TP_API void tpi_machine_begin(tp_machine *machine);
/* See tpi_machine_new. What it shows, and what it takes: for <troupe/sys.h>. */
TP_API void tpi_machine_show(const tp_machine *machine, const void *data, size_t size,
                             tp_machine_shown *out);
/* See tpi_machine_show. */
TP_API tp_err tpi_machine_put(tp_machine *machine, void *data, size_t size,
                              const tp_machine_shown *shown);
/* See tpi_machine_new. */
TP_API void tpi_machine_event(tp_machine *machine, const tp_message *message);
/* For the macros: decodes an event, or ends the actor with TP_EXIT_BADMSG. */
TP_API void tpi_event_decode(tp_actor *self, tpi_event *event, const tp_message_type *type,
                             void *out);

#ifdef __cplusplus
#define TPI_STATE_NAME(c, state)                                                                   \
    namespace {                                                                                    \
    extern const tp_state state;                                                                   \
    }
#define TPI_STATE_OPEN namespace {
#define TPI_STATE_CLOSE }
#define TPI_SAME_DATA(state, data)
#else
#define TPI_STATE_NAME(c, state) static const tp_state state;
#define TPI_STATE_OPEN static
#define TPI_STATE_CLOSE
#define TPI_SAME_DATA(state, data)                                                                 \
    _Static_assert(__builtin_types_compatible_p(state##_tpi_data, data),                           \
                   "the first state is of other data than the machine")
#endif

#define TPI_STATE_THUNK(c, slot) TPI_SLOT_CALL(TPI_STATE_THUNK2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_STATE_THUNK2(v, data, tag, type, fn) TPI_REACT_##tag(v, data, type, fn)
#define TPI_STATE_REACTION(c, slot)                                                                \
    TPI_SLOT_CALL(TPI_STATE_REACTION2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_STATE_REACTION2(v, data, tag, type, fn) TPI_REACTION_##tag(v, type)
#define TPI_STATE_MEMBER(c, slot) TPI_SLOT_CALL(TPI_STATE_MEMBER2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_STATE_MEMBER2(v, data, tag, type, fn) TPI_STATE_MEMBER_##tag(v, fn)
#define TPI_MACHINE_THUNK(c, slot)                                                                 \
    TPI_SLOT_CALL(TPI_MACHINE_THUNK2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_MACHINE_THUNK2(v, data, tag, type, fn) TPI_REACT_##tag(v, data, type, fn)
#define TPI_MACHINE_OTHERWISE(c, slot)                                                             \
    TPI_SLOT_CALL(TPI_MACHINE_OTHERWISE2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_MACHINE_OTHERWISE2(v, data, tag, type, fn) TPI_OTHERWISE_OF_##tag(v)
#define TPI_MACHINE_TERMINATE(c, slot)                                                             \
    TPI_SLOT_CALL(TPI_MACHINE_TERMINATE2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_MACHINE_TERMINATE2(v, data, tag, type, fn) TPI_TERMINATE_OF_##tag(v)
#define TPI_MACHINE_INIT(c, slot) TPI_SLOT_CALL(TPI_MACHINE_INIT2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_MACHINE_INIT2(v, data, tag, type, fn) TPI_INIT_OF_##tag(v)

#define TPI_REACT_ON(v, data_type, type, fn)                                                       \
    static void v##_at_##type(tp_actor *tpi_self, void *tpi_data, tpi_event *tpi_now) {            \
        type tpi_value;                                                                            \
        tpi_event_decode(tpi_self, tpi_now, &type##_message, &tpi_value);                          \
        fn(tpi_self, (data_type *)tpi_data, &tpi_value);                                           \
    }
#define TPI_REACT_CROSS(thunk, data_type, fn)                                                      \
    static void thunk(tp_actor *tpi_self, void *tpi_data, const tp_state *tpi_other) {             \
        fn(tpi_self, (data_type *)tpi_data, tpi_other);                                            \
    }
#define TPI_REACT_ENTER(v, data_type, type, fn) TPI_REACT_CROSS(v##_enter, data_type, fn)
#define TPI_REACT_LEAVE(v, data_type, type, fn) TPI_REACT_CROSS(v##_leave, data_type, fn)
#define TPI_REACT_PARENT(v, data_type, type, fn)
#define TPI_REACT_OTHERWISE(v, data_type, type, fn) TPI_THUNK_OTHERWISE(v, data_type, type, fn)
#define TPI_REACT_INIT(v, data_type, type, fn) TPI_THUNK_INIT(v, data_type, type, fn)
#define TPI_REACT_INIT_WITH(v, data_type, type, fn) TPI_THUNK_INIT_WITH(v, data_type, type, fn)
#define TPI_REACT_TERMINATE(v, data_type, type, fn) TPI_THUNK_TERMINATE(v, data_type, type, fn)

#define TPI_REACTION_ON(v, type) {&type##_message, v##_at_##type},
#define TPI_REACTION_ENTER(v, type)
#define TPI_REACTION_LEAVE(v, type)
#define TPI_REACTION_PARENT(v, type)
#define TPI_REACTION_OTHERWISE(v, type)
#define TPI_REACTION_INIT(v, type)
#define TPI_REACTION_INIT_WITH(v, type)
#define TPI_REACTION_TERMINATE(v, type)
#define TPI_STATE_MEMBER_ON(v, fn)
#define TPI_STATE_MEMBER_ENTER(v, fn) .enter = v##_enter,
#define TPI_STATE_MEMBER_LEAVE(v, fn) .leave = v##_leave,
#define TPI_STATE_MEMBER_PARENT(v, fn) .parent = &(fn),
#define TPI_STATE_MEMBER_OTHERWISE(v, fn) .otherwise = v##_otherwise,
#define TPI_OTHERWISE_OF_ON(v)
#define TPI_OTHERWISE_OF_OTHERWISE(v) .otherwise = v##_otherwise,
#define TPI_OTHERWISE_OF_INIT(v)
#define TPI_OTHERWISE_OF_INIT_WITH(v)
#define TPI_OTHERWISE_OF_TERMINATE(v)
#define TPI_TERMINATE_OF_ON(v)
#define TPI_TERMINATE_OF_OTHERWISE(v)
#define TPI_TERMINATE_OF_INIT(v)
#define TPI_TERMINATE_OF_INIT_WITH(v)
#define TPI_TERMINATE_OF_TERMINATE(v) .terminate = v##_terminate,
#define TPI_INIT_OF_ON(v)
#define TPI_INIT_OF_OTHERWISE(v)
#define TPI_INIT_OF_INIT(v) v##_init(tpi_self, tpi_data, tpi_arguments);
#define TPI_INIT_OF_INIT_WITH(v) v##_init(tpi_self, tpi_data, tpi_arguments);
#define TPI_INIT_OF_TERMINATE(v)

TP_EXTERN_END

#endif
