/*
 * Messages of the runtime to the actors that it runs itself (ports, isolated actors, the gateway),
 * and what such actors may do beyond others.
 */
#ifndef TPI_INNER_H
#define TPI_INNER_H

#include <troupe/actor.h>

/* A watched descriptor is ready: hooks.descriptor_watch. */
TP_MESSAGE_AS(tpi_ready, "tp.ready", TP_FIELD(u64, id), TP_FIELD(u32, ready))
/* What was sent by tpi_send_told has been handled, or never will be. */
TP_MESSAGE_AS(tpi_told, "tp.told", TP_FIELD(u64, ref))

/* No reply to a tpi_ask will come. */
TP_MESSAGE_AS(tpi_unanswered, "tp.unanswered", TP_FIELD(u64, ref), TP_FIELD(i32, err))

/*
 * tp_request whose answer comes as a message, so that a behaviour may have many under way: the
 * reply itself, for which tpi_answers gives the ref of this call, or a tpi_unanswered. tp_cancel
 * gives it up until then. For actors that nobody records in a capsule. 0: tp_error(self) says why.
 */
tp_ref tpi_ask(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value);
/* tp_exit_with for an actor that stands for somebody outside, whose reason it is: no crash
 * report. */
__attribute__((noreturn)) void tpi_exit_quietly(tp_actor *self, tp_reason reason);
/* The tpi_ask that this message is the reply to; 0: none. */
tp_ref tpi_answers(const tp_message *message);

/*
 * Sends a message outside the receiver's bound, as a request whose end comes back as a tpi_told:
 * when its handler has returned, or the receiver is gone. So the receiver grants credit without
 * knowing. TP_ENOMEM, TP_ETOOBIG: nothing was sent.
 */
tp_err tpi_send_told(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value);
/* The same without an answer. */
tp_err tpi_send_unbound(tp_actor *self, tp_pid to, const tp_message_type *type, const void *value);

#endif
