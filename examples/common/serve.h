/*
 * What the servers on actor sockets share: the port they listen on, and a runtime that serves until
 * a signal.
 */
#ifndef EXAMPLES_COMMON_SERVE_H
#define EXAMPLES_COMMON_SERVE_H

#include <troupe/troupe.h>

/* Listens on 127.0.0.1 (port 0: any) and asks for the first connection. Returns the port. The
 * calling actor owns *listener; it fails when that is not possible. */
unsigned serve_open(tp_actor *self, unsigned port, tp_socket *listener);
/* The same, and announces the port to child_start. */
void serve_listen(tp_actor *self, unsigned port, tp_socket *listener);
/* For a door, an actor that does nothing but let guests in. A connection has come: starts an actor
 * for it, which owns the socket, and asks for the next one. Returns that actor, for its first
 * message; the null pid: there is none, and the connection is closed. */
tp_pid serve_accept(tp_actor *self, tp_socket listener, const tp_socket_accepted *msg,
                    const tp_behavior *guest, const tp_spawn_options *options);
/* None could be accepted (out of descriptors, say): waits a moment and asks again. */
void serve_again(tp_actor *self, tp_socket listener);
/* The end of a server's first actor: waits for the stop. */
void serve_until_stopped(tp_actor *self);
/* Runs `house` as the first actor until SIGINT or SIGTERM. Returns what main should. */
int serve(const tp_options *options, tp_body house, void *arg);

#endif
