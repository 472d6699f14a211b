/*
 * The actors of a node, and who introduces its directory to others.
 */
#ifndef EXAMPLES_BANK_NET_ACTORS_H
#define EXAMPLES_BANK_NET_ACTORS_H

#include "actors/bank/directory.h"
#include "examples/bank/net.h"

/* The body of the actor that watches nodes: it introduces this node's directory to theirs, and
 * connects to those it hears of, so that every node knows every other. arg: a struct net. */
void net_greeter(tp_actor *self, void *arg);

#endif
