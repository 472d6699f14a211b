/*
 * Programs and processes of actors.
 */
#ifndef TPI_PROCESS_H
#define TPI_PROCESS_H

#include "core/actor/actor.h"
#include "core/platform/child.h"

/* Makes what all ports share. TP_ENOMEM. */
tp_err tpi_process_new(tp_runtime *runtime);
/* Ends what is left. The actors are gone. */
void tpi_process_free(tp_runtime *runtime);
/* A child that was killed and has not ended yet: it is reaped by and by. Takes the descriptor. */
void tpi_process_orphan(tp_runtime *runtime, struct tpi_child child);
/* Reaps those that have ended. */
void tpi_process_sweep(tp_runtime *runtime);

/* How a process ended, as an exit reason in `room` bytes. */
#define TPI_PROCESS_REASON 16u
tp_reason tpi_process_reason(int status, uint8_t room[TPI_PROCESS_REASON]);
/* The same, of one that should not have ended: TP_EXIT_PROCESS also for status 0. */
tp_reason tpi_process_end(int status, uint8_t room[TPI_PROCESS_REASON]);
/* Where the references of the next isolated actor begin: unlike all others of the node. */
tp_ref tpi_process_refs(tp_runtime *runtime);

#endif
