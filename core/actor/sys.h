/*
 * System messages: what the other files of this room need of them.
 */
#ifndef TPI_SYS_H
#define TPI_SYS_H

#include "core/actor/extra.h"

/* Acts on a system message and answers it. */
void tpi_sys_handle(tp_actor *self, struct tpi_block *block);
/* The next one that waits, out of its turn: for an actor that is suspended. NULL: none. */
struct tpi_block *tpi_sys_next(tp_actor *self);
/* A system message for an actor that cannot act on any. */
void tpi_sys_refuse(tp_actor *self, struct tpi_block *block);
/* Tells who traces the actor; `block` is what it receives, or NULL. */
void tpi_sys_tell(tp_actor *self, int kind, tp_pid other, const tp_message_type *type,
                  const struct tpi_block *block);
static inline bool tpi_sys_is_traced(const tp_actor *self) {
    return self->extra != NULL &&
           (self->extra->traced_to_log || self->extra->tracer.generation != 0);
}

#endif
