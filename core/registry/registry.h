/*
 * Names and groups of one runtime.
 */
#ifndef TPI_REGISTRY_H
#define TPI_REGISTRY_H

#include "core/actor/actor.h"

/* Makes the tables and fills the runtime's hooks. TP_ENOMEM. */
tp_err tpi_registry_new(tp_runtime *runtime);
void tpi_registry_free(tp_runtime *runtime);
/* The name of an actor for a report, terminated; its length, 0 if it has none. Any thread; slow. */
size_t tpi_registry_name_of(tp_runtime *runtime, tp_pid pid, char *out, size_t size);

/* ---- groups (group.c) ---- */

struct tpi_groups;
tp_err tpi_groups_new(tp_runtime *runtime, struct tpi_groups **out);
void tpi_groups_free(tp_runtime *runtime, struct tpi_groups *groups);

struct tpi_registry {
    tpi_spinlock lock;    /* of what follows: names are off the hot path */
    struct tpi_map names; /* (hash of the name, how-manieth with that hash) -> struct tpi_name */
    struct tpi_groups *groups;
};

#endif
