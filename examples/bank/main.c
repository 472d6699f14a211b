/*
 * bank: accounts, tellers, a ledger, reports and clients as actors. This file finds the command.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "examples/bank/command.h"

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"demo", "generated customers transfer money concurrently; ends with a verdict", command_demo},
    {"replay", "replay the history of a bank and compare it with what was recorded",
     command_replay},
    {"report", "a client's or an account's report as text, JSON or HTML", command_report},
    {"export", "the journal in plain-text accounting form", command_export},
#ifdef BANK_SERVE
    {"serve", "a bank that answers over HTTP, with probes for liveness and readiness",
     command_serve},
#endif
#ifdef BANK_NODES
    {"node", "one node of a bank over several processes or machines", command_node},
    {"cluster", "a whole bank of several processes on this machine; ends with a verdict",
     command_cluster},
#endif
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void help(FILE *out) {
    fputs("Usage: bank COMMAND [OPTION]...\n"
          "A bank whose accounts, tellers, reports and clients are actors.\n\nCommands:\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n'bank COMMAND --help' says more.\n"
          "Exit status: 0 good, 1 something failed, 2 wrong usage, or a line refused\n"
          "under --strict, 3 a shard was lost and nobody can tell.\n",
          out);
}

static int command_run(int argc, char **argv) {
    if (argc < 2) {
        help(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return STATUS_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("bank (troupe %s)\n", tp_version());
        return STATUS_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "bank: there is no command '%s'\nTry 'bank --help'.\n", argv[1]);
    return STATUS_USAGE;
}

int main(int argc, char **argv) {
    int status = command_run(argc, argv);
    errno = 0; /* what fflush says now, unless a write failed before */
    if (fflush(stdout) == 0 && ferror(stdout) == 0) return status;
    if (output_failure() != 0) errno = output_failure();
    output_error(argc > 1 ? argv[1] : "", "standard output");
    return status == STATUS_OK ? STATUS_FAILED : status;
}
