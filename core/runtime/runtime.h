/*
 * Assembles the rooms into a runtime: the only room that knows them all.
 */
#ifndef TPI_RUNTIME_H
#define TPI_RUNTIME_H

#include "core/actor/actor.h"

/* As tp_runtime_start, with a driver (NULL: production) and the simulator it belongs to. */
tp_err tpi_runtime_new(tp_runtime **out, const tp_options *options, const struct tpi_driver *driver,
                       struct tpi_sim *sim);
/* Replays a capsule in the place of a program: its exit status. 0: it ended as recorded; 1:
 * otherwise; 2: the file was refused. */
int tpi_replay(const char *path, const tp_options *options);
/* Frees a runtime whose actors are gone. */
void tpi_runtime_free(tp_runtime *runtime);
/* Actors that are alive now, inboxes included. Any thread. */
uint64_t tpi_runtime_alive(const tp_runtime *runtime);
/* Sends every actor an exit signal; stage 1 asks (shutdown), stage 2 kills. */
void tpi_runtime_shutdown(tp_runtime *runtime, unsigned stage);

#endif
