/*
 * Sockets of actors: a table by id, an owner each, readiness turned into signals.
 */
#ifndef TPI_IO_H
#define TPI_IO_H

#include "core/actor/actor.h"

/* Makes the table and fills the runtime's hooks. TP_ENOMEM. */
tp_err tpi_io_new(tp_runtime *runtime);
/* Closes what is left. The threads have ended. */
void tpi_io_free(tp_runtime *runtime);

#endif
