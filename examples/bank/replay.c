/*
 * bank replay: history through the actors, compared with what the bank recorded.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "actors/bank/json.h"
#include "examples/bank/command.h"

static const char help[] =
    "Usage: bank replay --format berka DIR [OPTION]...\n"
    "       bank replay --format csv FILE [OPTION]...\n"
    "Replays a bank's history through one actor an account, as it was: overdrafts are\n"
    "recorded, not refused. Compares each final balance with the nearest one that the\n"
    "bank recorded on the account's last day.\n\n"
    "  --format berka|csv  berka: a folder with trans.asc, account.asc, client.asc,\n"
    "                      disp.asc, order.asc (PKDD'99 financial data set);\n"
    "                      csv: a file with a header, see below\n"
    "  --limit N           read at most N lines of transactions\n"
    "  --strict            stop at the first line that is refused: exit status 2\n"
    "  --balances FILE     write the final balances as lines ACCOUNT,BALANCE\n"
    "  --workers N         worker threads (default: one a CPU)\n"
    "  --json              print one JSON object instead of the table\n"
    "  --help              print this\n\n"
    "A line that is wrong or cut is refused as FILE:LINE:COLUMN: reason on standard\n"
    "error, counted, and not applied; the rest is. COLUMN is the byte, from 1.\n\n"
    "The columns of a CSV file, in any order, named by its first line:\n"
    "  account  a number                                 required\n"
    "  date     YYYY-MM-DD                               required\n"
    "  amount   123.45, or -123.45 for a debit           required\n"
    "  id       a number, used once                      default: the line's number\n"
    "  client   the number of who may use the account    default: nobody\n"
    "  counter  where the money comes from or goes to    default: Cash\n"
    "  balance  what the bank recorded after it          default: not known\n"
    "  text     any                                      default: empty\n"
    "UTF-8, quoted as in RFC 4180; every line, the last too, ends with a line end.\n";

enum option_id {
    OPT_FORMAT = 256,
    OPT_LIMIT,
    OPT_STRICT,
    OPT_BALANCES,
    OPT_WORKERS,
    OPT_JSON,
    OPT_HELP
};

static const struct option options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"balances", required_argument, NULL, OPT_BALANCES},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct replay_options {
    const char *format;
    const char *balances;
    bool json;
    bool help;
};

/* True when the arguments are good; otherwise it has been said what is wrong. */
static bool options_parse(int argc, char **argv, struct replay_options *o, struct load *load) {
    int option;
    bool good = true;
    while (good && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPT_FORMAT: o->format = optarg; break;
        case OPT_LIMIT:
            good = number_option("replay", "--limit", optarg, 1, UINT64_MAX, &load->limit);
            break;
        case OPT_STRICT: load->strict = true; break;
        case OPT_BALANCES: o->balances = optarg; break;
        case OPT_WORKERS:
            good = number_option("replay", "--workers", optarg, 1, 64, &load->workers);
            break;
        case OPT_JSON: o->json = true; break;
        case OPT_HELP: o->help = true; return true;
        default: usage_hint("replay"); return false;
        }
    }
    return good && load_input(load, "--format", o->format, argc - optind, argv + optind);
}

static size_t accounts_used(const struct load *load) {
    size_t accounts;
    bank_journal_clients(&load->replay.journal, &accounts);
    return accounts;
}

static void json_print(const struct load *load) {
    const struct bank_replay *replay = &load->replay;
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    bank_json_object(&json, NULL);
    bank_json_unsigned(&json, "accounts", accounts_used(load));
    bank_json_unsigned(&json, "transactions", replay->transactions);
    bank_json_unsigned(&json, "rejected", load->refusals.count);
    bank_json_wide(&json, "total_minor", replay->total_minor);
    bank_json_wide(&json, "max_difference_minor", replay->max_difference_minor);
    bank_json_bool(&json, "conserved", replay->conserved);
    bank_json_unsigned(&json, "overdrafts", replay->overdrafts);
    bank_json_seconds(&json, "seconds", load->seconds);
    bank_json_unsigned(&json, "workers", load->workers_used);
    bank_json_end_object(&json);
    if (out.failed) fputs("bank replay: out of memory\n", stderr);
    else puts(out.data);
    bank_text_free(&out);
}

static void table_print(const struct load *load) {
    const struct bank_replay *replay = &load->replay;
    char total[BANK_MONEY_SIZE];
    char difference[BANK_MONEY_SIZE];
    bank_wide_money(replay->total_minor, total);
    bank_wide_money(replay->max_difference_minor, difference);
    printf("Accounts with transactions  %16zu\n", accounts_used(load));
    printf("Transactions                %16" PRIu64 "\n", replay->transactions);
    printf("Lines refused               %16" PRIu64 "\n", load->refusals.count);
    printf("Entries below zero          %16" PRIu64 "\n", replay->overdrafts);
    printf("Total                       %16s CZK\n", total);
    printf("Largest difference          %16s CZK\n", difference);
    printf("Time                        %16.3f s, %u workers\n", load->seconds, load->workers_used);
}

static int verdict_print(const struct load *load, FILE *out, int status) {
    if (load->replay.conserved && status == STATUS_REJECTED) {
        fputs("bank: stopped at the line that was refused (--strict)\n", out);
        return status;
    }
    if (load->replay.conserved) {
        fputs("bank: OK\n", out);
        return status;
    }
    fprintf(out, "bank: FAILED: %s\n", load->replay.problem);
    return STATUS_FAILED;
}

/* One line an account: what its actor has at the end. */
static int balances_write(const struct load *load, const char *path) {
    const struct bank_replay *replay = &load->replay;
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        output_error("replay", path);
        return STATUS_FAILED;
    }
    for (size_t n = 0; n < bank_audit_count(&replay->audit); n++) {
        char balance[BANK_MONEY_SIZE];
        bank_money_format(replay->balances_minor[n], balance);
        fprintf(out, "Accounts:%" PRIu64 ",%s\n", bank_audit_number(&replay->audit, n), balance);
    }
    bool good = ferror(out) == 0;
    if (fclose(out) == 0 && good) return STATUS_OK;
    output_error("replay", path);
    return STATUS_FAILED;
}

int command_replay(int argc, char **argv) {
    struct load load = {.command = "replay"};
    struct replay_options o = {0};
    if (!options_parse(argc, argv, &o, &load)) return STATUS_USAGE;
    if (o.help) {
        fputs(help, stdout);
        return STATUS_OK;
    }
    int status = load_run(&load);
    if (load.finished) {
        if (o.json) json_print(&load);
        else table_print(&load);
        if (o.balances != NULL && balances_write(&load, o.balances) != STATUS_OK) {
            status = STATUS_FAILED;
        }
        status = verdict_print(&load, o.json ? stderr : stdout, status);
    }
    load_free(&load);
    return status;
}
