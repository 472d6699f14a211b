/*
 * Child processes, pipes and what a child is watched by. Linux: pidfds, clone, close_range.
 */
#ifndef TPI_CHILD_H
#define TPI_CHILD_H

#include "core/platform/platform.h"

/* A child of this process. Zero: none. */
struct tpi_child {
    int pid;        /* also its process group */
    int descriptor; /* a pidfd: readable when it has ended */
};

/* What a child begins with. */
struct tpi_child_plan {
    const char *path;        /* a file to execute; no search */
    const char *const *argv; /* ends with NULL */
    const char *const *env;  /* ends with NULL; NULL: this process's */
    const char *dir;         /* NULL: this process's */
    int streams[3]; /* descriptors for 0, 1 and 2; -1: this process's own; stay open here */
};

/*
 * Starts a program in a process group of its own, with no descriptor but the three, default signal
 * actions and an empty mask; it is killed when the calling thread ends, so also when this process
 * does. Waits until the program has begun. TP_ENOENT: no such file or folder; TP_ENOMEM: no
 * process to be had; TP_EIO. *code is the system's number. Any thread.
 */
tp_err tpi_child_start(struct tpi_child *out, const struct tpi_child_plan *plan, int *code);
/* Signals to its whole group; nothing happens when it is gone. The first asks it to end (and wakes
 * one that is stopped), the second ends it. */
void tpi_child_ask(const struct tpi_child *child);
void tpi_child_kill(const struct tpi_child *child);
/* TP_EBUSY: it lives. TP_OK: it has ended and is no zombie any more: *status as of wait; the
 * descriptor stays the caller's. TP_EIO: somebody else has waited for it. */
tp_err tpi_child_reap(const struct tpi_child *child, int *status);
/* Kills and reaps it, waiting at most `patience`. False: it does not end yet. */
bool tpi_child_end(const struct tpi_child *child, tp_duration patience);
/* A wait status apart: how it exited, or -1; and the signal that ended it, or 0. */
int tpi_status_exit(int status);
int tpi_status_signal(int status);

/* The file that the shell would run for a name, by this process's PATH; a name with a slash is
 * itself. TP_ENOENT, TP_ETOOBIG. */
tp_err tpi_program_find(const char *name, char *out, size_t size);
/* The system's sentence for a number (errno), terminated. */
void tpi_system_text(int code, char *out, size_t size);

/* Closed when a program is executed. This process's end does not block. TP_EIO: no descriptors. */
tp_err tpi_pipe_new(int *ours, int *theirs, bool we_write);
tp_err tpi_null_open(int *out);
int tpi_descriptor_copy(int descriptor); /* -1: none to be had */
/* As tpi_socket_read and tpi_socket_write, for pipes. The thread blocks SIGPIPE. */
tp_err tpi_pipe_read(int descriptor, void *bytes, size_t size, size_t *done);
tp_err tpi_pipe_write(int descriptor, const void *bytes, size_t size, size_t *done);

#endif
