/*
 * What the tests of isolated actors share: a run with a zygote that leaves nothing behind.
 */
#ifndef PROCESS_STAGE_H
#define PROCESS_STAGE_H

#include "tests/unit/process/kit.h"

#if defined(__SANITIZE_THREAD__)
#define SUPPORTED() TP_SKIP("ThreadSanitizer does not follow a process that copies itself")
#else
#define SUPPORTED() ((void)0)
#endif

/* Runs a body as the main actor with 1 and 3 workers and a zygote; it must end well, and leave
 * neither a child nor a descriptor. */
void run_isolated(tp_body body);

#endif
