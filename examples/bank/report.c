/*
 * bank report: replays a source, then asks a report actor for a client's or an account's report.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "actors/bank/reporter.h"
#include "examples/bank/command.h"

static const char help[] =
    "Usage: bank report --from berka DIR --client ID [OPTION]...\n"
    "       bank report --from csv FILE --account ID [OPTION]...\n"
    "The report of a client (all accounts the client may use) or of one account:\n"
    "entries, monthly totals and the balance over time.\n\n"
    "  --from berka|csv         what DIR or FILE is; see 'bank replay --help'\n"
    "  --client ID              the client\n"
    "  --account ID             the account\n"
    "  --format text|json|html  text: tables (default); html: one self-contained page\n"
    "  --strict                 stop at the first line that is refused: exit status 2\n"
    "  --workers N              worker threads (default: one a CPU)\n"
    "  --help                   print this\n";

enum option_id {
    OPT_FROM = 256,
    OPT_CLIENT,
    OPT_ACCOUNT,
    OPT_FORMAT,
    OPT_STRICT,
    OPT_WORKERS,
    OPT_HELP
};

static const struct option options[] = {
    {"from", required_argument, NULL, OPT_FROM},
    {"client", required_argument, NULL, OPT_CLIENT},
    {"account", required_argument, NULL, OPT_ACCOUNT},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct report_options {
    const char *from;
    const char *client;
    const char *account;
    const char *format;
    bool help;
    struct bank_report_request request;
    struct bank_text text;
};

static bool number_take(const struct report_options *o, struct bank_report_request *request) {
    if ((o->client == NULL) == (o->account == NULL)) {
        usage_error("report", "either --client ID or --account ID is needed");
        return false;
    }
    request->of_client = o->client != NULL;
    return number_option("report", request->of_client ? "--client" : "--account",
                         request->of_client ? o->client : o->account, 0, UINT64_MAX,
                         &request->number);
}

static bool format_take(const char *format, struct bank_report_request *request) {
    static const char *const names[] = {"text", "json", "html"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (format != NULL && strcmp(format, names[i]) != 0) continue;
        request->format = (enum bank_report_format)i;
        return true;
    }
    usage_error("report", "--format: '%s' is none of text, json and html", format);
    return false;
}

static bool options_parse(int argc, char **argv, struct report_options *o, struct load *load) {
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPT_FROM: o->from = optarg; break;
        case OPT_CLIENT: o->client = optarg; break;
        case OPT_ACCOUNT: o->account = optarg; break;
        case OPT_FORMAT: o->format = optarg; break;
        case OPT_STRICT: load->strict = true; break;
        case OPT_WORKERS:
            if (!number_option("report", "--workers", optarg, 1, 64, &load->workers)) return false;
            break;
        case OPT_HELP: o->help = true; return true;
        default: usage_hint("report"); return false;
        }
    }
    return load_input(load, "--from", o->from, argc - optind, argv + optind) &&
           format_take(o->format, &o->request) && number_take(o, &o->request);
}

/* An account that neither the transactions nor the register name has no report. */
static bool known(const struct load *load, const struct bank_report_request *request) {
    uint64_t number = request->number;
    bool found = request->of_client
                     ? bank_register_find_client(&load->source.reg, number) != NULL
                     : bank_map_find(&load->replay.opened, &number, sizeof number) != BANK_MAP_NONE;
    if (!found) {
        fprintf(stderr, "bank report: %s: there is no %s %" PRIu64 "\n", load->path,
                request->of_client ? "client" : "account", number);
    }
    return found;
}

static bool report_ask(tp_actor *self, struct load *load) {
    struct report_options *o = load->context;
    o->request.reg = &load->source.reg;
    if (!known(load, &o->request)) return false;
    tp_pid reporter =
        tp_spawn_link(self, bank_reporter, bank_reporter_start, .ledger = load->bank.ledger);
    tp_err err = tp_pid_is_null(reporter) ? tp_error(self)
                                          : bank_report_ask(self, reporter, &o->request, &o->text);
    if (err != TP_OK) fprintf(stderr, "bank report: %s\n", tp_strerror(err));
    return err == TP_OK;
}

int command_report(int argc, char **argv) {
    struct report_options o = {0};
    struct load load = {.command = "report", .then = report_ask, .context = &o};
    if (!options_parse(argc, argv, &o, &load)) return STATUS_USAGE;
    if (o.help) {
        fputs(help, stdout);
        return STATUS_OK;
    }
    int status = load_run(&load);
    if (status == STATUS_OK) output_write(o.text.data, o.text.size);
    bank_text_free(&o.text);
    load_free(&load);
    return status;
}
