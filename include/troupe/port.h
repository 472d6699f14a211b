/*
 * Ports: programs outside, each owned by an actor.
 *
 *     tp_pid port;
 *     const char *argv[] = {"sort", "-n", NULL};
 *     if (tp_port_open(self, &port, &(tp_port_options){.argv = argv}) != TP_OK) ...
 *     tp_port_write(self, port, "2\n1\n", 4, TP_SECONDS(5));
 *     tp_port_end_input(self, port);
 *
 * What the program writes comes to the owner as tp_port_data messages, its end as one
 * tp_port_exited, the last of all. A port is an actor: its pid can be linked and monitored, and its
 * exit reason says how the program ended: TP_EXIT_NORMAL for status 0, TP_EXIT_SHUTDOWN when it was
 * closed, else TP_EXIT_PROCESS, of which tp_process_of reads the detail. Such an end is no crash:
 * it is not logged.
 *
 * A flood of output costs no memory: at most tp_port_options.window messages wait at the owner.
 * The next ones are read when the owner's handlers have returned from (or its receives have gone
 * on after) those that came; nothing is to be called for that.
 *
 * A port ends with its owner, and the program with its port: the program has its own process group,
 * which gets SIGTERM, then SIGKILL after the grace. If this process itself dies, the program gets
 * SIGKILL. In the simulator every call says TP_ENOTSUP.
 */
#ifndef TROUPE_PORT_H
#define TROUPE_PORT_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* How a program's output becomes messages, and what is written becomes its input. */
typedef enum tp_port_format {
    TP_PORT_LINES,    /* a message a line, without its newline; input is written as it is */
    TP_PORT_RAW,      /* whatever has come; input is written as it is */
    TP_PORT_FRAMES_1, /* a length of 1, 2 or 4 bytes (most significant first), then the bytes; */
    TP_PORT_FRAMES_2, /* a message a frame, without its length; each tp_port_write is made one */
    TP_PORT_FRAMES_4
} tp_port_format;

/* Where the program's standard error goes. */
typedef enum tp_port_errors {
    TP_PORT_ERRORS_KEEP,  /* where this process's own goes */
    TP_PORT_ERRORS_LINES, /* to the owner, as lines with stream 2 */
    TP_PORT_ERRORS_MERGE, /* into its standard output */
    TP_PORT_ERRORS_DROP
} tp_port_errors;

/* What to start, and how; zero in a field but argv means its default. All is copied. */
typedef struct tp_port_options {
    const char *const *argv; /* ends with NULL. The first names the program: a path if it has a
                                slash, else it is looked for in PATH. No shell reads any of it */
    const char *const *env;  /* "NAME=value", ends with NULL; default: this process's */
    const char *dir;         /* where it runs; default: where this process does */
    tp_port_format format;
    tp_port_errors errors;
    uint32_t message_max; /* bytes of a line or frame, default 65,536, at most 16 MiB. A longer line
                             comes in pieces; a longer frame ends the port with TP_EXIT_BADMSG */
    uint32_t window;      /* messages that may wait at the owner; default 64 */
    tp_duration grace;    /* from SIGTERM to SIGKILL; default 2 s */
    bool link;            /* links the port and this actor */
} tp_port_options;

/* Output. `more`: the line is longer than message_max and goes on in the next message. The last
 * line may have had no newline. Does not count against the owner's mailbox limit. */
TP_MESSAGE_AS(tp_port_data, "tp.port_data", TP_FIELD(pid, port), TP_FIELD(u8, stream),
              TP_FIELD(bin, bytes), TP_FIELD(bool, more))
/* The program has ended: its exit status, or -1 and the signal that ended it. */
TP_MESSAGE_AS(tp_port_exited, "tp.port_exited", TP_FIELD(pid, port), TP_FIELD(i32, status),
              TP_FIELD(i32, signal))

/*
 * Starts a program; this actor owns it. Waits until the program runs. TP_OK; TP_ENOENT (no such
 * program or folder); TP_EINVAL; TP_ETOOBIG (arguments); TP_ENOMEM (also: no process to be had);
 * TP_EIO (not allowed, no descriptors); TP_ENOTSUP. A failed start is logged as a warning with the
 * program and what the system says.
 */
TP_API tp_err tp_port_open(tp_actor *self, tp_pid *port, const tp_port_options *options);
/*
 * Writes to the program's standard input; waits until the system has taken all bytes. TP_OK;
 * TP_ETIMEDOUT (they will still be written); TP_ECLOSED (input ended, or the program closed it);
 * TP_ENOPROC (the port is gone); TP_EFULL (64 writes of others wait); TP_ETOOBIG (no frame can be
 * so long). Any actor that has the pid. A program that waits for its owner to read while the owner
 * waits here for the program to read gets no further: hence the timeout.
 */
TP_API tp_err tp_port_write(tp_actor *self, tp_pid port, const void *bytes, size_t size,
                            tp_duration timeout);
/* Ends the program's standard input once all is written: it reads end of file. */
TP_API tp_err tp_port_end_input(tp_actor *self, tp_pid port);
/*
 * Ends the program: input is closed, SIGTERM, after the grace SIGKILL. Returns at once; the
 * tp_port_exited comes when it has ended, output that was not read by then is lost.
 */
TP_API tp_err tp_port_close(tp_actor *self, tp_pid port);

/* How a process ended. */
typedef struct tp_process_end {
    int32_t status; /* its exit status; -1: a signal ended it */
    int32_t signal; /* that signal; else 0 */
} tp_process_end;
/* Reads the detail of a TP_EXIT_PROCESS. False: it is none. Any thread. */
TP_API bool tp_process_of(tp_reason reason, tp_process_end *out);

TP_EXTERN_END

#endif
