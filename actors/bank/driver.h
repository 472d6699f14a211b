/*
 * The driver of a client node: on request it starts clients that move money through a window, and
 * tells whoever asked how far they are. It traps the end of nobody: if it ends, they do.
 */
#ifndef ACTORS_BANK_DRIVER_H
#define ACTORS_BANK_DRIVER_H

#include <troupe/actor.h>

#include "actors/bank/cluster.h"

/* What a driver is started with: the name of its node's directory, and how many shards there
 * are. */
TP_MESSAGE_AS(bank_driver_start, "bank.driver_start", TP_FIELD(str, directory),
              TP_FIELD(u64, shards))

/* Takes bank_driver_start; serves as BANK_ROLE_CLIENT. One bank_drive at a time: a later one waits
 * for its turn. */
extern const tp_behavior *const bank_driver;

#endif
