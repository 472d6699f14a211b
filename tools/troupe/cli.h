/*
 * The program `troupe`: looks at a running node, and acts on it, as another node of its cluster.
 */
#ifndef TROUPE_CLI_H
#define TROUPE_CLI_H

#include <stdio.h>

#include <troupe/inspect.h>
#include <troupe/troupe.h>

/* How the program ends. */
enum cli_status {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3, /* no connection: nobody there, other secret, other cluster */
    CLI_REFUSED = 4,     /* the node does not permit it, or does not let anybody look */
    CLI_NOT_FOUND = 5    /* no such actor */
};

struct cli;

/* A command. `run` returns a cli_status. */
struct cli_command {
    const char *name;
    const char *arguments; /* for the help */
    const char *summary;
    int words_min, words_max; /* -1: any number */
    const char *options;      /* its own, each with a space around: " sort count " */
    int (*run)(tp_actor *self, struct cli *cli);
};

/* What a run knows: its settings, then its connection. */
struct cli {
    const struct cli_command *command;
    char **words; /* after the command's name */
    int word_count;
    const char *at, *secret_file, *cluster, *as;
    bool plain, json, help, version;
    tp_duration timeout;
    const char *sort;
    tp_duration interval, window;
    uint64_t count, limit, rate, seconds;
    bool raw;

    tp_runtime *runtime;
    tp_node *node;
    uint64_t peer; /* the id of the node that is looked at */
    char peer_name[136];
    char own_name[128];
    tp_pid desk; /* the actor that answers */
    uint32_t may;
    int status;
};

/* The table of commands, ended by one without a name. */
extern const struct cli_command cli_commands[];

/* ---- options.c ---- */

/* Reads the command line and the environment; CLI_OK, or CLI_USAGE after a message on stderr. */
int cli_parse(struct cli *cli, int argc, char **argv);
/* The help text. */
void cli_help(FILE *out);

/* ---- connect.c ---- */

/* Connects, runs the command's actor, disconnects; a cli_status. */
int cli_connect_and_run(struct cli *cli);
/* Asks the actor that answers. Errors as of tp_call. */
#define cli_ask(self, cli, reply, reply_type, type, ...)                                           \
    tp_call((self), (cli)->desk, (cli)->timeout, reply, reply_type, type, __VA_ARGS__)
/* Says what could not be done and why; the status for it. */
int cli_fail(const struct cli *cli, const char *what, tp_err err);
/* Says that the node does not permit it; CLI_REFUSED. */
int cli_forbidden(const struct cli *cli, const char *verb, const char *permission);
/* The actor of a word, a pid or a name: CLI_OK, or the status after a message. */
int cli_find(tp_actor *self, struct cli *cli, const char *word, tp_pid *out);

/* ---- the commands ---- */

int cli_nodes(tp_actor *self, struct cli *cli);
int cli_ps(tp_actor *self, struct cli *cli);
int cli_top(tp_actor *self, struct cli *cli);
int cli_tree(tp_actor *self, struct cli *cli);
int cli_info(tp_actor *self, struct cli *cli);
int cli_ping(tp_actor *self, struct cli *cli);
int cli_trace(tp_actor *self, struct cli *cli);
int cli_send(tp_actor *self, struct cli *cli);
int cli_kill(tp_actor *self, struct cli *cli);

#endif
