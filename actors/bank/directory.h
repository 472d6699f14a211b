/*
 * The directory: one on each node. It knows which actors of its node do what, tells the directories
 * of other nodes, and tells whoever follows it what all nodes do together. What it is told is
 * always the whole list, so that nothing depends on a message that was lost with its connection.
 *
 * It has never heard of nodes: directories are introduced to each other by bank_meet, over a
 * network by whoever watches nodes, in a test by the test.
 */
#ifndef ACTORS_BANK_DIRECTORY_H
#define ACTORS_BANK_DIRECTORY_H

#include <troupe/actor.h>

#include "actors/bank/cluster.h"

/* Under this name a node's directory is registered and exported. */
#define BANK_DIRECTORY "bank.directory"

/* What a directory is started with: its node's name and address, and how many shards there are. */
TP_MESSAGE_AS(bank_directory_start, "bank.directory_start", TP_FIELD(str, node), TP_FIELD(str, url),
              TP_FIELD(u64, shards))

/* Takes bank_directory_start. */
extern const tp_behavior *const bank_directory;

#endif
