/*
 * Actors looked at from outside: what the files of this room do for info.c, and it for them.
 */
#ifndef TPI_INFO_H
#define TPI_INFO_H

#include "core/actor/self.h"

/* Answers an INFO with how the actor is; so many of its links and of its monitors are named. */
void tpi_info_answer(tp_actor *self, tp_pid from, tp_ref ref, uint16_t names);
/* A signal that asks for a reply, which is awaited as a future's. 0: tp_error(self) says why. */
tp_ref tpi_request_signal(tp_actor *self, tp_pid to, enum tpi_kind kind, uint16_t code);
/* The targets of its monitors. */
void tpi_monitors_each(tp_actor *self, void (*each)(void *context, tp_pid target), void *context);

#endif
