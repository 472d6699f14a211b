/*
 * What the commands of `bank` share: options, errors, and replaying a source before something is
 * made of it.
 */
#ifndef EXAMPLES_BANK_COMMAND_H
#define EXAMPLES_BANK_COMMAND_H

#include <stdio.h>

#include "actors/bank/replay.h"

/* Exit statuses. */
enum {
    STATUS_OK = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_REJECTED = 2,
    STATUS_UNKNOWN = 3
};

/* The commands: each gets its own argv, beginning with its name, and returns the exit status. */
int command_demo(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_report(int argc, char **argv);
int command_export(int argc, char **argv);
int command_serve(int argc, char **argv); /* only where libmicrohttpd is: BANK_SERVE */
int command_node(int argc, char **argv);
int command_cluster(int argc, char **argv); /* these two where nodes are: BANK_NODES */

/* Says what is wrong with the arguments of a command; returns STATUS_USAGE. */
int usage_error(const char *command, const char *format, ...) TP_PRINTF(2, 3);
/* What getopt_long already complained about; returns STATUS_USAGE. */
int usage_hint(const char *command);
/* Says that an output (a path, or what people call it) cannot be written, and why: errno. */
void output_error(const char *command, const char *output);
/* Writes to standard output, and keeps why it failed for whom the end of the program asks. */
void output_write(const char *data, size_t size);
/* Standard output has just failed, with errno: kept likewise, the first time it is. */
void output_failed(void);
/* The errno of the first failure that was kept; 0: none was. */
int output_failure(void);
/* Reads a whole number from low to high; false (and said so) when it is not one. */
bool number_option(const char *command, const char *name, const char *text, uint64_t low,
                   uint64_t high, uint64_t *out);

/* A source that is replayed through a bank of actors, and what is then made of it. */
struct load {
    const char *command; /* its name, for errors */
    enum bank_format format;
    const char *path;
    uint64_t workers; /* 0: one a CPU */
    uint64_t limit;
    bool strict;
    /* Called by the main actor after the replay; it says itself what failed. NULL: nothing more. */
    bool (*then)(tp_actor *self, struct load *load);
    void *context;

    struct bank_source source;
    struct bank_refusals refusals;
    struct bank_replay replay;
    struct bank bank;
    double seconds;
    unsigned workers_used;
    bool finished;
};

/* Takes the format's name and the only argument that is no option; false, and said so, when they
 * are wrong. */
bool load_input(struct load *load, const char *option, const char *format, int count, char **paths);
/* Opens the source, runs a bank on it, calls `then`. Returns the exit status. The caller ends
 * with load_free. */
int load_run(struct load *load);
/* Frees it. */
void load_free(struct load *load);

/* The runtime's options for a number of workers. */
tp_options runtime_options(uint64_t workers);
/* Starts a progress reporter that draws when standard error is a terminal; the null pid on
 * failure. */
tp_pid progress_start(tp_actor *self, const char *label, uint64_t total);
/* Removes the bar. */
void progress_end(tp_actor *self, tp_pid progress);

#endif
