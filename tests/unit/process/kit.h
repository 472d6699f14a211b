/*
 * What the tests of processes share: a run of a body on one and more workers that leaves neither a
 * child nor a descriptor behind, and looks at the system.
 */
#ifndef PROCESS_KIT_H
#define PROCESS_KIT_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#include "tests/support/test.h"

#define SOON TP_SECONDS(30) /* far more than anything here takes */

/* Runs a body as the main actor with 1 and 3 workers; it must end well, and leave nothing. */
void run(tp_body body, void *arg);
/* Open descriptors of this process. */
int open_descriptors(void);
/* True if this process has a child, dead or alive. */
bool has_child(void);
/* True once there is no such process, or a dead one that is still to be reaped, within the time. */
bool is_gone(int pid);
/* The state letter of a process in /proc; 0: there is none. */
char state_of(int pid);

#endif
