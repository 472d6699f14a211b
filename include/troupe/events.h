/*
 * Event managers, as gen_event: an actor to which handlers are added and taken away while it runs.
 *
 *     struct counter { int lines; };
 *     static int32_t on_line(tp_actor *self, struct counter *counter, const line *msg) {
 *         return ++counter->lines < 100 ? TP_HANDLER_STAYS : TP_HANDLER_REMOVE;
 *     }
 *     TP_EVENT_HANDLER(line_counter, "counter", struct counter, TP_ON(line, on_line));
 *
 *     tp_pid manager = tp_spawn_link(self, &tp_event_manager);
 *     tp_add_handler(self, manager, &line_counter, NULL);
 *     tp_notify(self, manager, line, .text = TP_STR("hello"));
 *
 * Handlers run in the manager, the newest first, each over a state of its own. One fails by
 * returning an exit code: it is removed, the others go on. tp_fail and tp_exit in a handler end the
 * manager with all of them; a handler for which that must not be is added with TP_HANDLER_ALONE:
 * it runs on an actor of its own.
 */
#ifndef TROUPE_EVENTS_H
#define TROUPE_EVENTS_H

#include <troupe/call.h>
#include <troupe/machine.h>

TP_EXTERN_BEGIN

/* ---- handlers ---- */

/* What a handler returns. Any other number is the exit code (tp_exit_code) with which it failed. */
enum {
    TP_HANDLER_STAYS = 0,
    TP_HANDLER_REMOVE = -1 /* it is done: removed with TP_EXIT_NORMAL */
};

/* One event or call of a handler; made by TP_EVENT_HANDLER. */
typedef struct tpi_hearing {
    const tp_message_type *type;
    int32_t (*call)(tp_actor *self, void *state, tpi_event *event);
} tpi_hearing;

/* A handler: constant, made by TP_EVENT_HANDLER. A program may read its name. */
typedef struct tp_event_handler tp_event_handler;
/* See the typedef. */
struct tp_event_handler {
    const char *name;
    size_t state_size;
    const tpi_hearing *events; /* ended by one without a type */
    const tpi_hearing *calls;
    int32_t (*init)(tp_actor *self, void *state, tpi_event *arguments);
    int32_t (*taking_over)(tp_actor *self, void *state, const tp_event_handler *old,
                           const void *old_state);
    int32_t (*otherwise)(tp_actor *self, void *state, const tp_message *message);
    void (*terminate)(tp_actor *self, void *state, const tp_reason *reason);
};

/*
 * TP_EVENT_HANDLER(variable, "name", state type, slots...) at file scope. Slots, each at most once
 * but the first two; what returns int32_t says whether the handler stays:
 *   TP_ON(type, fn)         int32_t fn(tp_actor *, State *, const type *)   an event
 *   TP_ON_CALL(type, fn)    the same, for tp_call_handler; it answers by tp_reply
 *   TP_INIT(fn)             int32_t fn(tp_actor *, State *)   the state is zeroed; one that does
 *                           not stay is not added
 *   TP_INIT_WITH(type, fn)  int32_t fn(tp_actor *, State *, const type *)   with arguments
 *   TP_TAKE_OVER(fn)        int32_t fn(tp_actor *, State *, const tp_event_handler *old,
 *                           const void *old_state)   after init, in the place of another; both are
 *                           NULL if there was none, the state also if either is alone
 *   TP_OTHERWISE(fn)        int32_t fn(tp_actor *, State *, const tp_message *)   any other event
 *                           of tp_notify; without it those are ignored
 *   TP_TERMINATE(fn)        void fn(tp_actor *, State *, const tp_reason *)   last, however it ends
 *                           (not when killed)
 */
#define TP_EVENT_HANDLER(variable, text, state, ...)                                               \
    TPI_FOREACH(TPI_HEAR_THUNK, (variable, state), __VA_ARGS__)                                    \
    static const tpi_hearing variable##_events[] = {                                               \
        TPI_FOREACH(TPI_HEARS_EVENT, (variable, state), __VA_ARGS__){NULL, NULL}};                 \
    static const tpi_hearing variable##_calls[] = {                                                \
        TPI_FOREACH(TPI_HEARS_CALL, (variable, state), __VA_ARGS__){NULL, NULL}};                  \
    TPI_QUIET static const tp_event_handler variable = {                                           \
        .name = text,                                                                              \
        .state_size = sizeof(state),                                                               \
        .events = variable##_events,                                                               \
        .calls = variable##_calls,                                                                 \
        TPI_FOREACH(TPI_HEAR_MEMBER, (variable, state), __VA_ARGS__)};                             \
    TPI_LOUD struct tp_event_handler /* takes the semicolon */

/* The slots of TP_EVENT_HANDLER, explained there. */
#define TP_ON_CALL(type, fn) (CALL, type, fn)
/* In the place of another handler. */
#define TP_TAKE_OVER(fn) (TAKE_OVER, , fn)

/* ---- managers ---- */

/*
 * The behaviour of a manager: tp_spawn and its kin, without arguments. It traps exits: that of its
 * parent ends it. A tp_event_manager lives on one node with its handlers: adding from another node
 * is TP_ENOTSUP. Any message sent to it is an event.
 */
TP_API extern const tp_behavior tp_event_manager;
/* What tp_sys_get_state shows of a manager (<troupe/sys.h>); it cannot be replaced. */
TP_MESSAGE_AS(tp_events_shown, "tp.events_shown", TP_FIELD(u32, handlers),
              TP_FIELD(u32, alone), /* of them, on their own actors */
              TP_FIELD(str, newest))

/* How to add a handler; 0 is the plain way. */
enum {
    TP_HANDLER_SUPERVISED = 1, /* linked to the adder: see tp_handler_exited */
    TP_HANDLER_ALONE = 2       /* on an actor of its own, linked to the manager */
};

/* What the adder of a supervised handler gets when it is gone; when the adder ends the handler is
 * removed. Of a manager that is killed only the link tells. */
TP_MESSAGE_AS(tp_handler_exited, "tp.handler_exited", TP_FIELD(pid, manager), TP_FIELD(str, id),
              TP_FIELD(i32, code),        /* TP_EXIT_SHUTDOWN: the manager ended */
              TP_FIELD(str, replaced_by)) /* the id of the one that took over, or empty */

/* The ids of a manager's handlers, newest first. */
TP_MESSAGE_AS(tp_handlers, "tp.handlers", TP_LIST(str, ids))

/*
 * Adds a handler under an id (NULL: its name), with optional arguments "type, .field = value, ..."
 * for TP_INIT_WITH; returns when its init has. TP_EEXIST: the id is taken; TP_ECANCELED: its init
 * did not stay; TP_ENOTSUP, TP_ENOMEM, and as tp_call. `flags`: 0, or'ed TP_HANDLER_*.
 */
#define tp_add_handler_with(self, manager, handler, id, flags, ...)                                \
    tp_add_handler_value((self), (manager), (handler), (id), (flags)TPI_ARGUMENTS(__VA_ARGS__))
/* The same, plain. */
#define tp_add_handler(self, manager, handler, ...)                                                \
    TPI_ADD_HANDLER(self, manager, handler, 0, __VA_ARGS__)
/* The same, supervised: the adder is told when the handler is gone. */
#define tp_add_sup_handler(self, manager, handler, ...)                                            \
    TPI_ADD_HANDLER(self, manager, handler, TP_HANDLER_SUPERVISED, __VA_ARGS__)
#define TPI_ADD_HANDLER(self, manager, handler, flags, id, ...)                                    \
    tp_add_handler_value((self), (manager), (handler), (id), (flags)TPI_ARGUMENTS(__VA_ARGS__))
/* The function behind them. */
TP_API tp_err tp_add_handler_value(tp_actor *self, tp_pid manager, const tp_event_handler *handler,
                                   const char *id, unsigned flags, const tp_message_type *type,
                                   const void *arguments);

/* Removes a handler (terminate with TP_EXIT_NORMAL). TP_ENOENT, and as tp_call. */
TP_API tp_err tp_delete_handler(tp_actor *self, tp_pid manager, const char *id);

/*
 * Removes one handler and adds another, with no event between them. If there is no `old` the new
 * one is added all the same. It inherits the supervision; `flags` as of tp_add_handler_with.
 */
#define tp_swap_handler(self, manager, old, handler, id, flags, ...)                               \
    tp_swap_handler_value((self), (manager), (old), (handler), (id),                               \
                          (flags)TPI_ARGUMENTS(__VA_ARGS__))
/* The function behind it. */
TP_API tp_err tp_swap_handler_value(tp_actor *self, tp_pid manager, const char *old,
                                    const tp_event_handler *handler, const char *id, unsigned flags,
                                    const tp_message_type *type, const void *arguments);

/* The ids of its handlers; the reply's strings live as a call's do. Errors as of tp_call. */
TP_API tp_err tp_which_handlers(tp_actor *self, tp_pid manager, tp_handlers *out);

/* ---- events ---- */

/* Sends an event and goes on: it is tp_send. */
#define tp_notify(self, manager, type, ...) tp_send((self), (manager), type, __VA_ARGS__)
/* Sends an event and waits until all handlers have had it. Errors as of tp_call. */
#define tp_sync_notify(self, manager, timeout, type, ...)                                          \
    tp_sync_notify_value((self), (manager), (timeout), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind it. */
TP_API tp_err tp_sync_notify_value(tp_actor *self, tp_pid manager, tp_duration timeout,
                                   const tp_message_type *type, const void *value);
/* A call to one handler (its TP_ON_CALL). TP_ENOENT: no such handler; otherwise as tp_call. */
#define tp_call_handler(self, manager, id, timeout, reply, reply_type, type, ...)                  \
    tp_call_handler_value((self), (manager), (id), (timeout), &reply_type##_message,               \
                          TPI_TYPED(reply_type, reply), &type##_message,                           \
                          TP_VALUE(type, __VA_ARGS__))
/* The function behind it. */
TP_API tp_err tp_call_handler_value(tp_actor *self, tp_pid manager, const char *id,
                                    tp_duration timeout, const tp_message_type *reply_type,
                                    void *reply, const tp_message_type *type, const void *value);

/* ---- what TP_EVENT_HANDLER expands to ---- */

#define TPI_HEAR_THUNK(c, slot) TPI_SLOT_CALL(TPI_HEAR_THUNK2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_HEAR_THUNK2(v, state, tag, type, fn) TPI_HEAR_##tag(v, state, type, fn)
#define TPI_HEARS_EVENT(c, slot) TPI_SLOT_CALL(TPI_HEARS_EVENT2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_HEARS_EVENT2(v, state, tag, type, fn) TPI_HEAR_EVENT_##tag(v, type)
#define TPI_HEARS_CALL(c, slot) TPI_SLOT_CALL(TPI_HEARS_CALL2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_HEARS_CALL2(v, state, tag, type, fn) TPI_HEAR_CALL_##tag(v, type)
#define TPI_HEAR_MEMBER(c, slot) TPI_SLOT_CALL(TPI_HEAR_MEMBER2, TPI_UNPAREN c, TPI_UNPAREN slot)
#define TPI_HEAR_MEMBER2(v, state, tag, type, fn) TPI_HEAR_MEMBER_##tag(v)

#define TPI_HEAR_TYPED(thunk, state_type, type, fn)                                                \
    static int32_t thunk(tp_actor *tpi_self, void *tpi_state, tpi_event *tpi_now) {                \
        type tpi_value;                                                                            \
        tpi_event_decode(tpi_self, tpi_now, &type##_message, &tpi_value);                          \
        return fn(tpi_self, (state_type *)tpi_state, &tpi_value);                                  \
    }
#define TPI_HEAR_ON(v, state_type, type, fn) TPI_HEAR_TYPED(v##_event_##type, state_type, type, fn)
#define TPI_HEAR_CALL(v, state_type, type, fn) TPI_HEAR_TYPED(v##_call_##type, state_type, type, fn)
#define TPI_HEAR_INIT_WITH(v, state_type, type, fn) TPI_HEAR_TYPED(v##_init, state_type, type, fn)
#define TPI_HEAR_INIT(v, state_type, type, fn)                                                     \
    static int32_t v##_init(tp_actor *tpi_self, void *tpi_state, tpi_event *tpi_now) {             \
        (void)tpi_now;                                                                             \
        return fn(tpi_self, (state_type *)tpi_state);                                              \
    }
#define TPI_HEAR_TAKE_OVER(v, state_type, type, fn)                                                \
    static int32_t v##_taking_over(tp_actor *tpi_self, void *tpi_state,                            \
                                   const tp_event_handler *tpi_old, const void *tpi_old_state) {   \
        return fn(tpi_self, (state_type *)tpi_state, tpi_old, tpi_old_state);                      \
    }
#define TPI_HEAR_OTHERWISE(v, state_type, type, fn)                                                \
    static int32_t v##_otherwise(tp_actor *tpi_self, void *tpi_state,                              \
                                 const tp_message *tpi_message) {                                  \
        return fn(tpi_self, (state_type *)tpi_state, tpi_message);                                 \
    }
#define TPI_HEAR_TERMINATE(v, state_type, type, fn) TPI_THUNK_TERMINATE(v, state_type, type, fn)

#define TPI_HEAR_EVENT_ON(v, type) {&type##_message, v##_event_##type},
#define TPI_HEAR_EVENT_CALL(v, type)
#define TPI_HEAR_EVENT_INIT(v, type)
#define TPI_HEAR_EVENT_INIT_WITH(v, type)
#define TPI_HEAR_EVENT_TAKE_OVER(v, type)
#define TPI_HEAR_EVENT_OTHERWISE(v, type)
#define TPI_HEAR_EVENT_TERMINATE(v, type)
#define TPI_HEAR_CALL_ON(v, type)
#define TPI_HEAR_CALL_CALL(v, type) {&type##_message, v##_call_##type},
#define TPI_HEAR_CALL_INIT(v, type)
#define TPI_HEAR_CALL_INIT_WITH(v, type)
#define TPI_HEAR_CALL_TAKE_OVER(v, type)
#define TPI_HEAR_CALL_OTHERWISE(v, type)
#define TPI_HEAR_CALL_TERMINATE(v, type)
#define TPI_HEAR_MEMBER_ON(v)
#define TPI_HEAR_MEMBER_CALL(v)
#define TPI_HEAR_MEMBER_INIT(v) .init = v##_init,
#define TPI_HEAR_MEMBER_INIT_WITH(v) .init = v##_init,
#define TPI_HEAR_MEMBER_TAKE_OVER(v) .taking_over = v##_taking_over,
#define TPI_HEAR_MEMBER_OTHERWISE(v) .otherwise = v##_otherwise,
#define TPI_HEAR_MEMBER_TERMINATE(v) .terminate = v##_terminate,

TP_EXTERN_END

#endif
