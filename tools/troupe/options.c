/*
 * The command line.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/troupe/cli.h"
#include "tools/troupe/text.h"

const struct cli_command cli_commands[] = {
    {"nodes", "", "the node, and who is connected to it", 0, 0, " ", cli_nodes},
    {"ps", "", "its actors", 0, 0, " sort limit ", cli_ps},
    {"top", "", "its actors, live, with what they did lately", 0, 0,
     " sort limit interval window count ", cli_top},
    {"tree", "[PID|NAME]", "who started whom", 0, 1, " ", cli_tree},
    {"info", "PID|NAME", "all that is known of one actor", 1, 1, " ", cli_info},
    {"ping", "[PID|NAME]", "how long the node, or an actor, takes to answer", 0, 1,
     " count interval ", cli_ping},
    {"trace", "PID|NAME", "the messages of one actor, as they come", 1, 1, " limit rate seconds ",
     cli_trace},
    {"send", "PID|NAME TYPE [FIELD=VALUE]...|JSON", "a message", 2, -1, " raw ", cli_send},
    {"kill", "PID|NAME", "ends an actor for certain", 1, 1, " ", cli_kill},
    {NULL, NULL, NULL, 0, 0, NULL, NULL},
};

static const char help_options[] =
    "\nWhere (each may come from the environment):\n"
    "  --at URL            the node's address: tcp://HOST:PORT, ipc:///PATH   (TROUPE_AT)\n"
    "  --secret-file FILE  the cluster's secret, mode 0600           (TROUPE_SECRET_FILE)\n"
    "  --plain             the node has no secret: this machine only\n"
    "  --cluster NAME      the cluster's name                            (TROUPE_CLUSTER)\n"
    "  --as NAME           this program's name as a node, for what it is permitted\n"
    "                      (TROUPE_AS; default: troupe-NUMBER@cli)\n"
    "  --timeout SECONDS   for each answer (default 5)\n"
    "How:\n"
    "  --json              one JSON value; of top and trace, one a line\n"
    "  --sort COLUMN       ps, top: pid name doing mailbox handled state links rate growth\n"
    "  --limit N           ps, top: so many lines; trace: so many events (default 100)\n"
    "  --interval SECONDS  top, ping: between two looks (default 1)\n"
    "  --window SECONDS    top: what 'lately' is (default 5)\n"
    "  --count N           top, ping: so many looks (default: top for ever, ping 4)\n"
    "  --rate N            trace: at most so many events a second (default 100)\n"
    "  --seconds N         trace: ends after so long (default 60)\n"
    "  --raw               send: VALUE... in the order of the fields, as they look\n"
    "  --help, --version\n"
    "\nThe node's program must allow it: tp_inspect_start, and tp_node_permit with\n"
    "TP_MAY_INSPECT for this program's name.\n"
    "\nExit status: 0 done; 1 failed; 2 wrong command line; 3 no connection (nobody there,\n"
    "another secret, another cluster); 4 not permitted; 5 no such actor.\n";

void cli_help(FILE *out) {
    (void)fputs("Usage: troupe COMMAND [ARGUMENT]... --at URL (--secret-file FILE | --plain)\n"
                "Looks at a running node of troupe, and acts on it.\n\n",
                out);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", command->name, command->arguments);
        (void)fprintf(out, "  %-36s %s\n", left, command->summary);
    }
    (void)fputs(help_options, out);
}

static __attribute__((format(printf, 1, 2))) int wrong(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("troupe: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputs("; see troupe --help\n", stderr);
    va_end(arguments);
    return CLI_USAGE;
}

enum option_id {
    OPT_AT = 256,
    OPT_SECRET,
    OPT_PLAIN,
    OPT_CLUSTER,
    OPT_AS,
    OPT_TIMEOUT,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
    OPT_OWN, /* of one command: from here on */
    OPT_SORT,
    OPT_LIMIT,
    OPT_INTERVAL,
    OPT_WINDOW,
    OPT_COUNT,
    OPT_RATE,
    OPT_SECONDS,
    OPT_RAW
};

static const struct option options[] = {
    {"at", required_argument, NULL, OPT_AT},
    {"secret-file", required_argument, NULL, OPT_SECRET},
    {"plain", no_argument, NULL, OPT_PLAIN},
    {"cluster", required_argument, NULL, OPT_CLUSTER},
    {"as", required_argument, NULL, OPT_AS},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {"sort", required_argument, NULL, OPT_SORT},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"window", required_argument, NULL, OPT_WINDOW},
    {"count", required_argument, NULL, OPT_COUNT},
    {"rate", required_argument, NULL, OPT_RATE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"raw", no_argument, NULL, OPT_RAW},
    {NULL, 0, NULL, 0},
};

static bool sort_known(const char *word) {
    static const char *const columns[] = {"pid",   "name",  "doing", "mailbox", "handled",
                                          "state", "links", "rate",  "growth"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (strcmp(word, columns[i]) == 0) return true;
    return false;
}

/* False: the value is none. */
static bool take_value(struct cli *cli, int id, const char *value) {
    switch (id) {
    case OPT_AT: cli->at = value; return true;
    case OPT_SECRET: cli->secret_file = value; return true;
    case OPT_PLAIN: cli->plain = true; return true;
    case OPT_CLUSTER: cli->cluster = value; return true;
    case OPT_AS: cli->as = value; return value[0] != 0 && strlen(value) < sizeof cli->own_name;
    case OPT_TIMEOUT: return text_seconds(value, &cli->timeout) && cli->timeout > 0;
    case OPT_JSON: cli->json = true; return true;
    case OPT_HELP: cli->help = true; return true;
    case OPT_VERSION: cli->version = true; return true;
    case OPT_SORT: cli->sort = value; return sort_known(value);
    case OPT_LIMIT: return text_number(value, 1, TP_INSPECT_EVENTS_MAX, &cli->limit);
    case OPT_INTERVAL: return text_seconds(value, &cli->interval) && cli->interval >= TP_MS(1);
    case OPT_WINDOW: return text_seconds(value, &cli->window) && cli->window >= TP_MS(1);
    case OPT_COUNT: return text_number(value, 1, 1000000000, &cli->count);
    case OPT_RATE: return text_number(value, 1, TP_INSPECT_EVENT_RATE_MAX, &cli->rate);
    case OPT_SECONDS: return text_number(value, 1, TP_INSPECT_TRACE_SECONDS_MAX, &cli->seconds);
    default: cli->raw = true; return true;
    }
}

static void take_environment(struct cli *cli) {
    cli->at = getenv("TROUPE_AT");
    cli->secret_file = getenv("TROUPE_SECRET_FILE");
    cli->cluster = getenv("TROUPE_CLUSTER");
    cli->as = getenv("TROUPE_AS");
    if (cli->as != NULL && (cli->as[0] == 0 || strlen(cli->as) >= sizeof cli->own_name))
        cli->as = NULL;
}

static int take_command(struct cli *cli, const char *name) {
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0) cli->command = command;
    return cli->command != NULL ? CLI_OK : wrong("there is no command '%s'", name);
}

/* Options that the command has not are an error, not ignored. */
static bool belongs(const struct cli_command *command, const char *name, int id) {
    char word[32];
    if (id < OPT_OWN) return true;
    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(command->options, word) != NULL;
}

static int check(struct cli *cli) {
    const struct cli_command *command = cli->command;
    if (cli->word_count < command->words_min)
        return wrong("%s: needs %s", command->name, command->arguments);
    if (command->words_max >= 0 && cli->word_count > command->words_max)
        return wrong("%s: '%s' is not expected", command->name, cli->words[command->words_max]);
    if (cli->at == NULL || cli->at[0] == 0) return wrong("--at URL is needed");
    /* what is said here counts for more than what the environment says */
    if (cli->plain && cli->secret_file != NULL && cli->secret_file != getenv("TROUPE_SECRET_FILE"))
        return wrong("either --secret-file or --plain");
    if (cli->plain) cli->secret_file = NULL;
    else if (cli->secret_file == NULL) return wrong("--secret-file FILE is needed, or --plain");
    return CLI_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv) {
    int id, index = 0, given = 0, used[32];
    take_environment(cli);
    cli->timeout = TP_SECONDS(5);
    cli->interval = TP_SECONDS(1);
    cli->window = TP_SECONDS(5);
    optind = 1;
    while ((id = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (id < OPT_AT) return CLI_USAGE; /* getopt has said why */
        if (!take_value(cli, id, optarg))
            return wrong("--%s: '%s' is not possible", options[index].name, optarg);
        if (given < 32) used[given++] = index;
    }
    if (cli->help || cli->version) return CLI_OK;
    if (optind >= argc) return wrong("a command is needed");
    int status = take_command(cli, argv[optind]);
    if (status != CLI_OK) return status;
    for (int i = 0; i < given; i++)
        if (!belongs(cli->command, options[used[i]].name, options[used[i]].val))
            return wrong("%s: has no --%s", cli->command->name, options[used[i]].name);
    cli->words = argv + optind + 1;
    cli->word_count = argc - optind - 1;
    return check(cli);
}
