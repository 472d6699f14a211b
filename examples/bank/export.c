/*
 * bank export: replays a source, then writes the ledger's journal in plain-text accounting form.
 */
#include <getopt.h>
#include <string.h>

#include "actors/bank/export.h"
#include "examples/bank/command.h"

static const char help[] =
    "Usage: bank export --format ledger --from berka DIR [OPTION]...\n"
    "       bank export --format ledger --from csv FILE [OPTION]...\n"
    "Replays a source and writes the journal to standard output in the plain-text\n"
    "accounting form that ledger and hledger read. A client's account is\n"
    "Accounts:<number>, the commodity is CZK, and amounts are signed as the client\n"
    "sees them: money in the account is positive.\n\n"
    "  --format ledger   the form\n"
    "  --from berka|csv  what DIR or FILE is; see 'bank replay --help'\n"
    "  --strict          stop at the first line that is refused: exit status 2\n"
    "  --workers N       worker threads (default: one a CPU)\n"
    "  --help            print this\n";

enum option_id { OPT_FORMAT = 256, OPT_FROM, OPT_STRICT, OPT_WORKERS, OPT_HELP };

static const struct option options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"from", required_argument, NULL, OPT_FROM},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool options_parse(int argc, char **argv, struct load *load, bool *help_wanted) {
    const char *from = NULL;
    const char *format = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPT_FORMAT: format = optarg; break;
        case OPT_FROM: from = optarg; break;
        case OPT_STRICT: load->strict = true; break;
        case OPT_WORKERS:
            if (!number_option("export", "--workers", optarg, 1, 64, &load->workers)) return false;
            break;
        case OPT_HELP: *help_wanted = true; return true;
        default: usage_hint("export"); return false;
        }
    }
    if (format == NULL || strcmp(format, "ledger") != 0) {
        usage_error("export", format == NULL ? "--format ledger is needed"
                                             : "--format: the only form is ledger");
        return false;
    }
    return load_input(load, "--from", from, argc - optind, argv + optind);
}

int command_export(int argc, char **argv) {
    struct load load = {.command = "export"};
    bool help_wanted = false;
    if (!options_parse(argc, argv, &load, &help_wanted)) return STATUS_USAGE;
    if (help_wanted) {
        fputs(help, stdout);
        return STATUS_OK;
    }
    int status = load_run(&load);
    if (status == STATUS_OK && !load.replay.conserved) {
        fprintf(stderr, "bank export: %s\n", load.replay.problem);
        status = STATUS_FAILED;
    }
    if (status == STATUS_OK && !bank_export_ledger(&load.replay.journal, stdout)) {
        if (ferror(stdout) != 0) output_failed();
        else fputs("bank export: out of memory\n", stderr);
        status = STATUS_FAILED; /* what became of the output main says, as of any command's */
    }
    load_free(&load);
    return status;
}
