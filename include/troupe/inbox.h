/*
 * For threads that are not actors: spawn, send, call, and an inbox of one's own.
 */
#ifndef TROUPE_INBOX_H
#define TROUPE_INBOX_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* Starts an actor from outside; as tp_spawn_with. `*out` gets the pid. options->link and
 * ->monitor are TP_EINVAL. Any thread. */
TP_API tp_err tp_runtime_spawn_value(tp_runtime *runtime, tp_pid *out, const tp_behavior *behavior,
                                     const tp_spawn_options *options, const tp_message_type *type,
                                     const void *arguments);
/* The typed form: tp_runtime_spawn(runtime, &pid, &behavior, options or NULL, type, .field =
 * value...). */
#define tp_runtime_spawn(runtime, out, behavior, options, ...)                                     \
    tp_runtime_spawn_value((runtime), (out), (behavior), (options)TPI_ARGUMENTS(__VA_ARGS__))
/* Starts a body from outside. Any thread. */
TP_API tp_err tp_runtime_spawn_body(tp_runtime *runtime, tp_pid *out, tp_body body, void *arg,
                                    const tp_spawn_options *options);

/* Sends from outside; the sender is the null pid. TP_OK, TP_EFULL (never waits), TP_ENOMEM. Any
 * thread. */
#define tp_post(runtime, to, type, ...)                                                            \
    tp_post_value((runtime), (to), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_post. */
TP_API tp_err tp_post_value(tp_runtime *runtime, tp_pid to, const tp_message_type *type,
                            const void *value);
/* An exit signal from outside. Any thread. */
TP_API tp_err tp_post_exit(tp_runtime *runtime, tp_pid to, int32_t code);

/* A mailbox with a pid that belongs to a thread. */
typedef struct tp_inbox tp_inbox;
/* Opens one. TP_ENOMEM. Any thread; it is then used by one thread at a time. Close it before the
 * stop. */
TP_API tp_err tp_inbox_open(tp_runtime *runtime, tp_inbox **out);
/* Closes it; links and monitors of its pid hear of it. */
TP_API void tp_inbox_close(tp_inbox *inbox);
/* Its pid, to be given to actors. */
TP_API tp_pid tp_inbox_pid(const tp_inbox *inbox);
/* Readable (poll, epoll) while messages wait; owned by the inbox: never read or close it. */
TP_API int tp_inbox_descriptor(const tp_inbox *inbox);
/* The next message, waiting at most `timeout`; it lives until the next tp_inbox_receive or the
 * close. TP_OK, TP_ETIMEDOUT. Blocks the thread. */
TP_API tp_err tp_inbox_receive(tp_inbox *inbox, tp_duration timeout, const tp_message **out);
/* Who sent it; null from a thread outside. */
TP_API tp_pid tp_inbox_sender(const tp_inbox *inbox, const tp_message *message);
/* Decodes a message of the inbox; as tp_message_get. */
#define tp_inbox_get(inbox, message, out, type)                                                    \
    tp_inbox_decode((inbox), (message), &type##_message, TPI_TYPED(type, out))
/* The function behind tp_inbox_get. */
TP_API tp_err tp_inbox_decode(tp_inbox *inbox, const tp_message *message,
                              const tp_message_type *type, void *out);
/* Sends with the inbox's pid as sender. */
#define tp_inbox_send(inbox, to, type, ...)                                                        \
    tp_inbox_send_value((inbox), (to), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_inbox_send. */
TP_API tp_err tp_inbox_send_value(tp_inbox *inbox, tp_pid to, const tp_message_type *type,
                                  const void *value);
/* A call that blocks the thread; errors as of tp_call. The reply's borrowed fields live until
 * the next call or receive on this inbox. */
#define tp_inbox_call(inbox, to, timeout, reply, reply_type, type, ...)                            \
    tp_inbox_call_value((inbox), (to), (timeout), &reply_type##_message,                           \
                        TPI_TYPED(reply_type, reply), &type##_message,                             \
                        TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_inbox_call. */
TP_API tp_err tp_inbox_call_value(tp_inbox *inbox, tp_pid to, tp_duration timeout,
                                  const tp_message_type *reply_type, void *reply,
                                  const tp_message_type *type, const void *value);

TP_EXTERN_END

#endif
