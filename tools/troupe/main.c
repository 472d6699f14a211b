/*
 * troupe: what runs in a node, from outside.
 */
#include "tools/troupe/cli.h"

int main(int argc, char **argv) {
    static struct cli cli;
    int status = cli_parse(&cli, argc, argv);
    if (status != CLI_OK) return status;
    if (cli.help) cli_help(stdout);
    else if (cli.version)
        (void)printf("troupe %d.%d.%d\n", TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH);
    else status = cli_connect_and_run(&cli);
    if (fflush(stdout) != 0 && status == CLI_OK) status = CLI_FAILED;
    return status;
}
