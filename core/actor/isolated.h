/*
 * What core/process asks of this room for actors in other processes.
 */
#ifndef TPI_ISOLATED_H
#define TPI_ISOLATED_H

#include "core/actor/self.h"

/* An encoded value: arguments that come from, or go to, another process. */
struct tpi_encoded {
    const tp_message_type *type; /* NULL: none */
    tp_bin bytes;
    tp_pid from; /* of this node, or null */
};
/* As tp_spawn_value. */
tp_err tpi_spawn_encoded(tp_actor *self, const tp_behavior *behavior,
                         const tp_spawn_options *options, const struct tpi_encoded *arguments,
                         tp_pid *out);
/* The one actor of an isolated actor's process, with a pid that is given; init is answered under
 * `start`. */
tp_err tpi_spawn_guest(tp_runtime *runtime, tp_pid pid, tp_pid parent, const tp_behavior *behavior,
                       const struct tpi_encoded *arguments, tp_ref start);
/* Puts down a link and a monitor (ref 0: none) that were made elsewhere. */
tp_err tpi_adopt_relations(tp_actor *self, tp_pid other, bool link, tp_ref monitor);
/* What an isolated actor's process said of its links and requests: done here in its name. */
void tpi_act_for(tp_actor *self, tp_pid to, struct tpi_block *block);
/* Calls for each active link. */
void tpi_links_each(tp_actor *self, void (*each)(void *context, tp_pid peer), void *context);

#endif
