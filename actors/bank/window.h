/*
 * The window: what a client talks to instead of a teller. It passes each request to one of the
 * tellers that there are, to another one the next time, so that a client need not know who is up.
 * Without any it fails the request with TP_ENOCONNECTION.
 */
#ifndef ACTORS_BANK_WINDOW_H
#define ACTORS_BANK_WINDOW_H

#include <troupe/actor.h>

#include "actors/bank/cluster.h"

/* What a window is started with: the name of its node's directory. */
TP_MESSAGE_AS(bank_window_start, "bank.window_start", TP_FIELD(str, directory))

/* Takes bank_window_start. */
extern const tp_behavior *const bank_window;

#endif
