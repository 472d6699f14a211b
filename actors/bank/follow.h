/*
 * Following the directory of one's node.
 */
#ifndef ACTORS_BANK_FOLLOW_H
#define ACTORS_BANK_FOLLOW_H

#include <troupe/actor.h>

#include "actors/bank/cluster.h"

/* Follows the directory of that name: bank_services comes, now and at every change. Fails the actor
 * when there is none. Whoever supervises both starts the followers again after the directory
 * (TP_REST_FOR_ONE). */
tp_pid bank_directory_follow(tp_actor *self, tp_str name);

#endif
