/*
 * Time: the runtime's clock, sleeping, messages that arrive later. Virtual in the simulator.
 */
#ifndef TROUPE_TIMER_H
#define TROUPE_TIMER_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* The runtime's monotonic clock, read now. */
TP_API tp_time tp_now(tp_actor *self);
/* Suspends this actor for a time; its worker goes on. TP_OK, TP_ENOMEM. */
TP_API tp_err tp_sleep(tp_actor *self, tp_duration span);
/* Occupies this actor's worker for a time, as a computation would: in the simulator the virtual
 * worker does nothing else; in production the thread computes. */
TP_API void tp_work(tp_actor *self, tp_duration span);

/* Sends a message after a delay. The timer ends with this actor. 0: tp_error(self). */
#define tp_send_after(self, delay, to, type, ...)                                                  \
    tp_send_after_value((self), (delay), (to), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_send_after. */
TP_API tp_ref tp_send_after_value(tp_actor *self, tp_duration delay, tp_pid to,
                                  const tp_message_type *type, const void *value);
/* True if the timer was cancelled before it fired; then its message never comes. */
TP_API bool tp_cancel_timer(tp_actor *self, tp_ref timer);

/*
 * For behaviours: calls the TP_TIMEOUT slot when no message has come for `span` after the current
 * handler (any message cancels it). TP_FOREVER cancels.
 */
TP_API tp_err tp_set_timeout(tp_actor *self, tp_duration span);

TP_EXTERN_END

#endif
