/*
 * Requests that are answered: calls, replies from anywhere, delegation, futures.
 *
 * A request fails when whoever holds it exits, when its handler returns without answering,
 * deferring or delegating, and when it would wait for itself. A late reply is dropped.
 */
#ifndef TROUPE_CALL_H
#define TROUPE_CALL_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/*
 * Sends a request and waits for its reply, which is decoded into *reply, of type reply_type:
 *     balance b;
 *     if (tp_call(self, account, TP_SECONDS(1), &b, balance, get_balance) == TP_OK) ...
 * Suspends this actor, never its worker. TP_OK; TP_ETIMEDOUT (the outcome is unknown); TP_ENOPROC
 * (nobody there, or the holder exited); TP_ENOREPLY; TP_EDEADLOCK (tp_deadlock_text names the
 * cycle); TP_ETYPE (the reply is of another type); TP_EBADMSG; TP_EFULL; TP_ENOMEM. Borrowed fields
 * of the reply live until the handler ends, the next receive, or tp_release.
 */
#define tp_call(self, to, timeout, reply, reply_type, type, ...)                                   \
    tp_call_value((self), (to), (timeout), &reply_type##_message, TPI_TYPED(reply_type, reply),    \
                  &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_call. */
TP_API tp_err tp_call_value(tp_actor *self, tp_pid to, tp_duration timeout,
                            const tp_message_type *reply_type, void *reply,
                            const tp_message_type *type, const void *value);
/* After TP_EDEADLOCK: the cycle as text ("a -> b -> a"), until the next call; "" otherwise. */
TP_API const char *tp_deadlock_text(tp_actor *self);

/* Answers the request now handled. TP_OK also when the caller is gone; TP_ECONTEXT: nothing to
 * answer. */
#define tp_reply(self, type, ...)                                                                  \
    tp_reply_value((self), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_reply. */
TP_API tp_err tp_reply_value(tp_actor *self, const tp_message_type *type, const void *value);

/* Answers the request now handled with an error: the caller's tp_call returns it. */
TP_API tp_err tp_reply_error(tp_actor *self, tp_err err);

/* A request to be answered later, by any actor that is given it; a value. */
typedef struct tp_from {
    tp_pid caller;
    tp_pid holder;
    tp_ref request;
} tp_from;

/*
 * Takes the request now handled out of its handler. If this actor exits before it is answered, the
 * caller hears of it. A null caller: nothing to defer, or out of memory (the caller has then been
 * told TP_ENOMEM).
 */
TP_API tp_from tp_defer(tp_actor *self);
/* Answers a deferred request, from any actor. The second answer to a request is dropped. */
#define tp_reply_to(self, from, type, ...)                                                         \
    tp_reply_to_value((self), (from), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_reply_to. */
TP_API tp_err tp_reply_to_value(tp_actor *self, tp_from from, const tp_message_type *type,
                                const void *value);
/* Answers a deferred request with an error. */
TP_API tp_err tp_reply_error_to(tp_actor *self, tp_from from, tp_err err);

/* Passes the request now handled on: `to` answers the caller as if it had been asked. */
TP_API tp_err tp_delegate(tp_actor *self, tp_pid to);

/* ---- futures ---- */

/* A request under way: a value, this actor's. 0 is none. */
typedef tp_ref tp_future;

/* Sends a request and goes on. 0: tp_error(self) says why. */
#define tp_request(self, to, type, ...)                                                            \
    tp_request_value((self), (to), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_request. */
TP_API tp_future tp_request_value(tp_actor *self, tp_pid to, const tp_message_type *type,
                                  const void *value);
/*
 * Waits for a future and decodes its reply; errors as of tp_call, and TP_ENOENT for one that is not
 * (or no longer) this actor's. After TP_ETIMEDOUT it may be awaited again; every other result ends
 * it.
 */
#define tp_await(self, future, timeout, reply, reply_type)                                         \
    tp_await_value((self), (future), (timeout), &reply_type##_message, TPI_TYPED(reply_type, reply))
/* The function behind tp_await. */
TP_API tp_err tp_await_value(tp_actor *self, tp_future future, tp_duration timeout,
                             const tp_message_type *reply_type, void *reply);
/* Waits until one of them is decided: its index in *index; take it with tp_await. Zero entries
 * are skipped. */
TP_API tp_err tp_await_any(tp_actor *self, const tp_future *futures, size_t count,
                           tp_duration timeout, size_t *index);
/* Waits until all are decided. TP_OK or TP_ETIMEDOUT; take each with tp_await. */
TP_API tp_err tp_await_all(tp_actor *self, const tp_future *futures, size_t count,
                           tp_duration timeout);
/* Gives a future up: its reply will be dropped. */
TP_API void tp_cancel(tp_actor *self, tp_future future);

TP_EXTERN_END

#endif
