/*
 * The pids that a session was given: it may name no others. The table is bounded; the pid that was
 * longest unused makes place for a new one.
 */
#ifndef TPI_GATEWAY_HANDED_H
#define TPI_GATEWAY_HANDED_H

#include "core/base/map.h"

struct tpi_handed_pid {
    tp_pid pid;
    bool used; /* since the hand last passed */
};

struct tpi_handed {
    struct tpi_map places; /* (node, slot:generation) -> its entry */
    struct tpi_handed_pid *pids;
    uint32_t count, max, room, hand;
};

void tpi_handed_init(struct tpi_handed *handed, struct tpi_map_memory memory, uint32_t max);
void tpi_handed_fini(struct tpi_handed *handed);
/* Hands it out. TP_ENOMEM. */
tp_err tpi_handed_add(struct tpi_handed *handed, tp_pid pid);
/* May the session name it? */
bool tpi_handed_has(struct tpi_handed *handed, tp_pid pid);

#endif
