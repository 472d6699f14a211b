/*
 * What the servers on actor sockets share: the port they listen on, and a runtime that serves until
 * a signal.
 */
#ifndef EXAMPLES_COMMON_SERVE_H
#define EXAMPLES_COMMON_SERVE_H

#include <troupe/troupe.h>

/* Listens on 127.0.0.1 (port 0: any), asks for the first connection and announces the port to
 * child_start. The calling actor owns *listener; it fails when that is not possible. */
void serve_listen(tp_actor *self, unsigned port, tp_socket *listener);
/* The end of a server's first actor: waits for the stop. */
void serve_until_stopped(tp_actor *self);
/* Runs `house` as the first actor until SIGINT or SIGTERM. Returns what main should. */
int serve(const tp_options *options, tp_body house, void *arg);

#endif
