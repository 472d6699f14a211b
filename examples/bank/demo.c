/*
 * bank demo: generated customers; clients transfer concurrently while auditors read; at the end a
 * client's report, the totals and a verdict.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/auditor.h"
#include "actors/bank/client.h"
#include "actors/bank/date.h"
#include "actors/bank/json.h"
#include "actors/bank/random.h"
#include "actors/bank/reporter.h"
#include "examples/bank/command.h"

#define FUNDS_MINOR 1000000    /* of every account at the start */
#define AMOUNT_MAX_MINOR 50000 /* of a transfer */
#define AUDITORS 2
#define FIRST_DAY 20240101
#define DAYS 91 /* business days in a run */
#define TIMEOUT TP_SECONDS(5)
#define SHOWN_MAX 6 /* entries an account in the report at the end */

static const char help[] =
    "Usage: bank demo [OPTION]...\n"
    "Clients transfer money concurrently between the accounts of generated\n"
    "customers, repeat requests with the same id, and try to use an id twice, while\n"
    "auditors read the ledger and reports are made. At the end: a client's report,\n"
    "the totals, and as the last line 'bank: OK' or what failed.\n\n"
    "  --accounts N   accounts (default 100)\n"
    "  --clients N    clients that transfer at the same time (default 16)\n"
    "  --transfers N  transfers in all (default 100000)\n"
    "  --seed S       what is random comes from this number (default 1)\n"
    "  --workers N    worker threads (default: one a CPU)\n"
    "  --json         print one JSON object instead of the tables; the verdict goes\n"
    "                 to standard error\n"
    "  --help         print this\n";

enum option_id {
    OPT_ACCOUNTS = 256,
    OPT_CLIENTS,
    OPT_TRANSFERS,
    OPT_SEED,
    OPT_WORKERS,
    OPT_JSON,
    OPT_HELP
};

static const struct option options[] = {
    {"accounts", required_argument, NULL, OPT_ACCOUNTS},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"transfers", required_argument, NULL, OPT_TRANSFERS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct demo {
    uint64_t accounts;
    uint64_t clients;
    uint64_t transfers;
    uint64_t seed;
    uint64_t workers;
    bool json;
    bool help;

    struct bank bank;
    tp_pid progress;
    uint64_t steps;
    uint64_t clients_done;
    uint64_t auditors_done;
    bank_client_done sums;
    uint64_t audits;
    uint64_t reports;
    bank_wide max_difference_minor;
    bank_wide total_minor;
    size_t accounts_used;
    uint64_t records;
    struct bank_register reg;
    struct bank_journal journal;
    int64_t *floors;
    struct bank_text report;
    char problem[128]; /* the first one; empty: none */
    double seconds;
    unsigned workers_used;
    bool finished;
};

static bool options_parse(int argc, char **argv, struct demo *demo) {
    int option;
    bool good = true;
    while (good && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPT_ACCOUNTS:
            good = number_option("demo", "--accounts", optarg, 2, 1000000, &demo->accounts);
            break;
        case OPT_CLIENTS:
            good = number_option("demo", "--clients", optarg, 1, 100000, &demo->clients);
            break;
        case OPT_TRANSFERS:
            good = number_option("demo", "--transfers", optarg, 0, 1000000000, &demo->transfers);
            break;
        case OPT_SEED:
            good = number_option("demo", "--seed", optarg, 0, UINT64_MAX, &demo->seed);
            break;
        case OPT_WORKERS:
            good = number_option("demo", "--workers", optarg, 1, 64, &demo->workers);
            break;
        case OPT_JSON: demo->json = true; break;
        case OPT_HELP: demo->help = true; return true;
        default: usage_hint("demo"); return false;
        }
    }
    if (good && optind < argc) {
        usage_error("demo", "'%s' is not expected", argv[optind]);
        good = false;
    }
    return good;
}

/* Remembers the first thing that is wrong. */
static void problem_note(struct demo *demo, const char *what, const char *why) {
    if (demo->problem[0] != '\0') return;
    snprintf(demo->problem, sizeof demo->problem, "%s%s%s", what, *why != '\0' ? ": " : "", why);
}

static bool failed(struct demo *demo, const char *what, tp_err err) {
    if (err != TP_OK) problem_note(demo, what, tp_strerror(err));
    return err != TP_OK;
}

/* ---- customers ---- */

/* Every third account may be overdrawn a little, every tenth without limit. */
static bank_rule rule_of(uint64_t account) {
    if (account % 10 == 0) return BANK_RULE_UNLIMITED;
    return account % 3 == 0 ? BANK_RULE_LIMIT : BANK_RULE_NONE;
}

/* Accounts are dealt to the customers in turn. */
static bool customer_register(struct demo *demo, uint64_t account, uint64_t *random) {
    uint64_t number = 1 + (account - 1) % demo->clients;
    int64_t days = -(int64_t)bank_random_below(random, 20000);
    struct bank_client client = {.id = number,
                                 .district = 1 + bank_random_below(random, 77),
                                 .born = bank_date_of_days(days),
                                 .sex = bank_random_below(random, 2) == 0 ? 'f' : 'm'};
    struct bank_account_fact fact = {.id = account, .opened = FIRST_DAY};
    struct bank_disposition disposition = {number, account, true};
    return bank_register_client(&demo->reg, &client) && bank_register_account(&demo->reg, &fact) &&
           bank_register_disposition(&demo->reg, &disposition);
}

static tp_err account_fund(tp_actor *self, struct demo *demo, uint64_t account) {
    bank_outcome outcome;
    tp_err err = tp_call(self, demo->bank.teller, BANK_PATIENCE, &outcome, bank_outcome, bank_entry,
                         .id = {0, account}, .account = account, .amount_minor = FUNDS_MINOR,
                         .counter = TP_STR("Cash"), .text = TP_STR("first deposit"));
    return err == TP_OK && outcome.code != BANK_DONE ? TP_EINVAL : err;
}

static bool customers_make(tp_actor *self, struct demo *demo) {
    uint64_t random = demo->seed;
    for (uint64_t account = 1; account <= demo->accounts; account++) {
        if (!customer_register(demo, account, &random))
            return !failed(demo, "customers", TP_ENOMEM);
        tp_err err =
            bank_open_account(self, &demo->bank, account, rule_of(account), FUNDS_MINOR / 10);
        if (failed(demo, "an account cannot be opened", err)) return false;
        if (failed(demo, "a deposit failed", account_fund(self, demo, account))) return false;
    }
    return true;
}

/* ---- the run ---- */

static bool clients_start(tp_actor *self, struct demo *demo) {
    uint64_t seeds = ~demo->seed;
    for (uint64_t i = 0; i < demo->clients; i++) {
        uint64_t more = i < demo->transfers % demo->clients ? 1 : 0;
        tp_pid client = tp_spawn_link(
            self, bank_client, bank_client_start, .number = i + 1, .teller = demo->bank.teller,
            .steps = tp_self(self), .seed = bank_random(&seeds),
            .transfers = demo->transfers / demo->clients + more, .accounts = demo->accounts,
            .amount_max_minor = AMOUNT_MAX_MINOR, .timeout = TIMEOUT);
        if (tp_pid_is_null(client)) return !failed(demo, "a client", tp_error(self));
    }
    return true;
}

static bool auditors_start(tp_actor *self, struct demo *demo, tp_pid auditors[AUDITORS]) {
    for (uint64_t i = 0; i < AUDITORS; i++) {
        auditors[i] =
            tp_spawn_link(self, bank_auditor, bank_auditor_start, .ledger = demo->bank.ledger,
                          .teller = demo->bank.teller, .boss = tp_self(self),
                          .accounts = demo->accounts, .seed = demo->seed + i);
        if (tp_pid_is_null(auditors[i])) return !failed(demo, "an auditor", tp_error(self));
    }
    return true;
}

/* A step of a client moves the bar, and now and then the business day. */
static void on_step(tp_actor *self, struct demo *demo, const bank_step *msg) {
    uint64_t day = demo->steps * DAYS / demo->transfers;
    demo->steps += msg->count;
    uint64_t next = demo->steps * DAYS / demo->transfers;
    tp_send(self, demo->progress, bank_step, .count = msg->count);
    if (next == day || next >= DAYS) return;
    int64_t days = bank_date_days(FIRST_DAY) + (int64_t)next;
    tp_send(self, demo->bank.ledger, bank_set_date, .date = bank_date_of_days(days));
}

static void on_client_done(tp_actor *self, struct demo *demo, const bank_client_done *msg) {
    (void)self;
    demo->clients_done++;
    demo->sums.done += msg->done;
    demo->sums.refused += msg->refused;
    demo->sums.repeated += msg->repeated;
    demo->sums.conflicts += msg->conflicts;
    demo->sums.wrong += msg->wrong;
}

static void on_audited(tp_actor *self, struct demo *demo, const bank_audited *msg) {
    char problem[96];
    (void)self;
    demo->auditors_done++;
    demo->audits += msg->audits;
    demo->reports += msg->reports;
    if (msg->wrong == 0) return;
    snprintf(problem, sizeof problem, "%.*s", (int)msg->problem.size, msg->problem.data);
    problem_note(demo, "an audit", problem);
}

TP_CASES(run_cases, struct demo, TP_ON(bank_step, on_step), TP_ON(bank_client_done, on_client_done),
         TP_ON(bank_audited, on_audited));

/* Receives until a count is reached; false when nothing comes for too long. */
static bool run_until(tp_actor *self, struct demo *demo, const uint64_t *count, uint64_t wanted) {
    while (*count < wanted) {
        tp_err err = tp_receive_cases(self, BANK_PATIENCE, demo, run_cases);
        if (failed(demo, "the clients or auditors are silent", err)) return false;
    }
    return true;
}

static bool transfers_run(tp_actor *self, struct demo *demo) {
    tp_pid auditors[AUDITORS];
    demo->progress = progress_start(self, "transfers", demo->transfers);
    bool good = auditors_start(self, demo, auditors) && clients_start(self, demo) &&
                run_until(self, demo, &demo->clients_done, demo->clients);
    if (!tp_pid_is_null(demo->progress)) progress_end(self, demo->progress);
    if (!good) return false;
    tp_broadcast(self, auditors, AUDITORS, bank_audit_stop);
    return run_until(self, demo, &demo->auditors_done, AUDITORS);
}

/* ---- the end ---- */

static bool account_compare(tp_actor *self, struct demo *demo, uint64_t account) {
    bank_balance balance;
    char name[BANK_NAME_SIZE];
    tp_err err = tp_call(self, demo->bank.teller, BANK_PATIENCE, &balance, bank_balance,
                         bank_get_balance, .account = account);
    if (failed(demo, "a balance", err)) return false;
    bank_account_name(account, name);
    size_t n = bank_journal_find(&demo->journal, tp_str_of(name));
    bank_wide recorded = n == BANK_MAP_NONE ? 0 : demo->journal.accounts[n].balance_minor;
    bank_wide difference = recorded - balance.balance_minor;
    if (difference < 0) difference = -difference;
    if (difference > demo->max_difference_minor) demo->max_difference_minor = difference;
    demo->total_minor += balance.balance_minor;
    if (balance.outgoing_minor != 0) problem_note(demo, "money is still under way", "");
    return true;
}

static bool books_check(tp_actor *self, struct demo *demo) {
    demo->floors = calloc(demo->accounts, sizeof *demo->floors);
    if (demo->floors == NULL) return !failed(demo, "books", TP_ENOMEM);
    tp_err err = bank_floors_read(self, demo->bank.teller, demo->accounts, demo->floors);
    if (err == TP_OK) err = bank_read_journal(self, demo->bank.ledger, &demo->journal);
    if (failed(demo, "the books cannot be read", err)) return false;
    const char *wrong = bank_journal_audit(&demo->journal, demo->floors, demo->accounts);
    if (wrong != NULL) problem_note(demo, "the journal", wrong);
    for (uint64_t account = 1; account <= demo->accounts; account++) {
        if (!account_compare(self, demo, account)) return false;
    }
    bank_wide booked = bank_journal_clients(&demo->journal, &demo->accounts_used);
    demo->records = demo->journal.count;
    if (demo->max_difference_minor != 0) problem_note(demo, "an account and the ledger differ", "");
    if (demo->total_minor != booked ||
        booked != (bank_wide)FUNDS_MINOR * (bank_wide)demo->accounts) {
        problem_note(demo, "money was lost or made", "");
    }
    if (demo->records != demo->accounts + demo->sums.done) {
        problem_note(demo, "the ledger has not one record for each transfer", "");
    }
    if (demo->sums.wrong > 0) problem_note(demo, "a repeated request had another outcome", "");
    return true;
}

static bool report_make(tp_actor *self, struct demo *demo) {
    tp_pid reporter =
        tp_spawn_link(self, bank_reporter, bank_reporter_start, .ledger = demo->bank.ledger);
    if (tp_pid_is_null(reporter)) return !failed(demo, "the report", tp_error(self));
    struct bank_report_request request = {.reg = &demo->reg,
                                          .of_client = true,
                                          .number = demo->clients,
                                          .format = BANK_REPORT_TEXT,
                                          .shown_max = SHOWN_MAX};
    if (demo->clients > demo->accounts) request.number = 1;
    demo->reports++;
    return !failed(demo, "the report", bank_report_ask(self, reporter, &request, &demo->report));
}

static void demo_body(tp_actor *self, void *arg) {
    struct demo *demo = arg;
    tp_time start = tp_now(self);
    demo->workers_used = tp_runtime_workers(tp_self_runtime(self));
    if (failed(demo, "the bank cannot be started", bank_start(self, &demo->bank))) return;
    tp_send(self, demo->bank.ledger, bank_set_date, .date = FIRST_DAY);
    demo->finished = customers_make(self, demo) && transfers_run(self, demo) &&
                     books_check(self, demo) && report_make(self, demo);
    demo->seconds = (double)(tp_now(self) - start) / 1e9;
}

/* ---- output ---- */

static void json_print(const struct demo *demo) {
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    bank_json_object(&json, NULL);
    bank_json_unsigned(&json, "accounts", demo->accounts_used);
    bank_json_unsigned(&json, "transactions", demo->records);
    bank_json_unsigned(&json, "rejected", demo->sums.refused);
    bank_json_wide(&json, "total_minor", demo->total_minor);
    bank_json_wide(&json, "max_difference_minor", demo->max_difference_minor);
    bank_json_bool(&json, "conserved", demo->problem[0] == '\0' && demo->finished);
    bank_json_unsigned(&json, "clients", demo->clients);
    bank_json_unsigned(&json, "transfers", demo->sums.done);
    bank_json_unsigned(&json, "repeated", demo->sums.repeated);
    bank_json_unsigned(&json, "conflicts", demo->sums.conflicts);
    bank_json_unsigned(&json, "audits", demo->audits);
    bank_json_unsigned(&json, "reports", demo->reports);
    bank_json_seconds(&json, "seconds", demo->seconds);
    bank_json_unsigned(&json, "workers", demo->workers_used);
    bank_json_end_object(&json);
    if (!out.failed) puts(out.data);
    bank_text_free(&out);
}

static void tables_print(const struct demo *demo) {
    char total[BANK_MONEY_SIZE];
    bank_wide_money(demo->total_minor, total);
    output_write(demo->report.data, demo->report.size);
    printf("\nAccounts                     %12zu\n", demo->accounts_used);
    printf("Clients                      %12" PRIu64 "\n", demo->clients);
    printf("Transfers done               %12" PRIu64 "\n", demo->sums.done);
    printf("Transfers refused            %12" PRIu64 "\n", demo->sums.refused);
    printf("Requests repeated            %12" PRIu64 "\n", demo->sums.repeated);
    printf("Ids used twice (all refused) %12" PRIu64 "\n", demo->sums.conflicts);
    printf("Audits while they ran        %12" PRIu64 "\n", demo->audits);
    printf("Reports                      %12" PRIu64 "\n", demo->reports);
    printf("Records in the ledger        %12" PRIu64 "\n", demo->records);
    printf("Total                        %12s CZK\n", total);
    printf("Time                         %12.3f s, %u workers\n", demo->seconds,
           demo->workers_used);
}

static int verdict_print(const struct demo *demo, FILE *out) {
    if (demo->finished && demo->problem[0] == '\0') {
        fputs("bank: OK\n", out);
        return STATUS_OK;
    }
    fprintf(out, "bank: FAILED: %s\n",
            demo->problem[0] != '\0' ? demo->problem : "the run ended before its time");
    return STATUS_FAILED;
}

static void demo_free(struct demo *demo) {
    bank_register_free(&demo->reg);
    bank_journal_free(&demo->journal);
    bank_text_free(&demo->report);
    free(demo->floors);
}

int command_demo(int argc, char **argv) {
    struct demo demo = {.accounts = 100, .clients = 16, .transfers = 100000, .seed = 1};
    if (!options_parse(argc, argv, &demo)) return STATUS_USAGE;
    if (demo.help) {
        fputs(help, stdout);
        return STATUS_OK;
    }
    tp_options runtime = runtime_options(demo.workers);
    if (tp_run_with(&runtime, demo_body, &demo) != 0) demo.finished = false;
    if (demo.json) json_print(&demo);
    else tables_print(&demo);
    int status = verdict_print(&demo, demo.json ? stderr : stdout);
    demo_free(&demo);
    return status;
}
