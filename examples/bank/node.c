/*
 * bank node: one node of a bank over several processes or machines. It says where it listens and
 * serves until it is stopped; a client node that is told to transfer does that, says the verdict,
 * and ends.
 */
#include <getopt.h>
#include <stdlib.h>
#include <troupe/inbox.h>
#include <unistd.h>

#include "actors/bank/json.h"
#include "examples/bank/command.h"
#include "examples/bank/session.h"

static const char help[] =
    "Usage: bank node --name NAME --roles ROLE[,ROLE]... --secret-file FILE [OPTION]...\n"
    "One node of a bank over several processes or machines. It serves until it is\n"
    "stopped by SIGINT or SIGTERM.\n\n"
    "  --name NAME        its name in the cluster\n"
    "  --listen URL       tcp://HOST:PORT (port 0 picks one), tls+tcp:// or ipc:///PATH\n"
    "  --join URL         a node of the cluster; it hears of the others. May be repeated\n"
    "  --roles ROLES      ledger: keeps a shard of the accounts\n"
    "                     teller: takes requests for all shards\n"
    "                     report: makes reports over all shards\n"
    "                     client: moves money\n"
    "  --shards N         shards of the whole bank, the same on every node (default 1)\n"
    "  --shard I          of a ledger: which one it keeps, from 0 (default 0)\n"
    "  --secret-file FILE the cluster's secret: 32 bytes, mode 0600\n"
    "  --plain            no secret and no encryption: this machine only\n"
    "  --hidden           connects to those it joins, and hears of no others\n"
    "  --tls-certificate, --tls-key, --tls-authority FILE\n"
    "                     for tls+tcp:// addresses: all three, in PEM\n"
    "  --tls-name NAME    what the others' certificates say (default: the host's name)\n"
    "  --config FILE      lines 'name = value': the options above without their dashes\n"
    "  --heartbeat-ms N   a node that is silent so long is gone (default 5000)\n"
    "  --workers N        worker threads (default: one a CPU)\n"
    "  --inspect NAME     the node NAME (any: each that has the secret) may look at this\n"
    "                     one: the program troupe. Default: nobody may\n"
    "  --crash-one-in N   the ledger actor crashes on purpose, once in so many chances\n"
    "of a client, which ends then and says the verdict:\n"
    "  --transfers N      moves money so often\n"
    "  --accounts N       between so many accounts (default 100)\n"
    "  --clients N        by so many clients at a time (default 16)\n"
    "  --seed S           what is random comes from this number (default 1)\n"
    "  --json             print one JSON object instead of tables\n"
    "  --help             print this\n";

enum option_id {
    OPT_SETTING = 256,
    OPT_PLAIN,
    OPT_HIDDEN,
    OPT_CONFIG,
    OPT_TRANSFERS,
    OPT_ACCOUNTS,
    OPT_CLIENTS,
    OPT_SEED,
    OPT_JSON,
    OPT_HELP
};

static const struct option options[] = {
    {"name", required_argument, NULL, OPT_SETTING},
    {"listen", required_argument, NULL, OPT_SETTING},
    {"join", required_argument, NULL, OPT_SETTING},
    {"roles", required_argument, NULL, OPT_SETTING},
    {"shards", required_argument, NULL, OPT_SETTING},
    {"shard", required_argument, NULL, OPT_SETTING},
    {"secret-file", required_argument, NULL, OPT_SETTING},
    {"heartbeat-ms", required_argument, NULL, OPT_SETTING},
    {"workers", required_argument, NULL, OPT_SETTING},
    {"crash-one-in", required_argument, NULL, OPT_SETTING},
    {"inspect", required_argument, NULL, OPT_SETTING},
    {"tls-certificate", required_argument, NULL, OPT_SETTING},
    {"tls-key", required_argument, NULL, OPT_SETTING},
    {"tls-authority", required_argument, NULL, OPT_SETTING},
    {"tls-name", required_argument, NULL, OPT_SETTING},
    {"plain", no_argument, NULL, OPT_PLAIN},
    {"hidden", no_argument, NULL, OPT_HIDDEN},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"transfers", required_argument, NULL, OPT_TRANSFERS},
    {"accounts", required_argument, NULL, OPT_ACCOUNTS},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

struct node_run {
    struct net net;
    struct session session;
    bool json, help;
    int status;
};

static bool option_take(struct node_run *run, int option, int index) {
    struct session *session = &run->session;
    switch (option) {
    case OPT_SETTING: return net_set(&run->net, options[index].name, optarg);
    case OPT_PLAIN: return net_set(&run->net, "plain", "yes");
    case OPT_HIDDEN: return net_set(&run->net, "hidden", "yes");
    case OPT_CONFIG: return net_read(&run->net, optarg);
    case OPT_TRANSFERS:
        return number_option("node", "--transfers", optarg, 1, 1000000000, &session->transfers);
    case OPT_ACCOUNTS:
        return number_option("node", "--accounts", optarg, 2, 1000000, &session->accounts);
    case OPT_CLIENTS: return number_option("node", "--clients", optarg, 1, 1000, &session->clients);
    case OPT_SEED: return number_option("node", "--seed", optarg, 0, UINT64_MAX, &session->seed);
    case OPT_JSON: run->json = true; return true;
    case OPT_HELP: run->help = true; return true;
    default: usage_hint("node"); return false;
    }
}

static bool options_parse(int argc, char **argv, struct node_run *run) {
    int option;
    int index = 0;
    bool good = true;
    while (good && !run->help && (option = getopt_long(argc, argv, "", options, &index)) != -1)
        good = option_take(run, option, index);
    if (!good || run->help) return good;
    if (optind < argc) {
        usage_error("node", "'%s' is not expected", argv[optind]);
        return false;
    }
    if (run->session.transfers > 0 && !run->net.roles[BANK_ROLE_CLIENT]) {
        usage_error("node", "--transfers is for --roles client");
        return false;
    }
    return net_check(&run->net);
}

/* ---- a client node with work to do ---- */

static void on_services(tp_actor *self, struct session *session, const bank_services *msg) {
    session_services(self, session, msg);
}

static void on_driven(tp_actor *self, struct session *session, const bank_driven *msg) {
    session_driven(self, session, msg);
}

TP_CASES(session_cases, struct session, TP_ON(bank_services, on_services),
         TP_ON(bank_driven, on_driven));

static bool session_run(tp_actor *self, struct session *session) {
    if (session_begin(self, session) != TP_OK) return false;
    while (!session_ready(session))
        if (tp_receive_cases(self, TP_FOREVER, session, session_cases) != TP_OK) return false;
    if (!session_open(self, session)) return true;
    session_drive(self, session);
    while (!session_finished(session))
        if (tp_receive_cases(self, TP_FOREVER, session, session_cases) != TP_OK) return false;
    session_end(self, session);
    return true;
}

static void result_print(struct node_run *run) {
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    if (!run->json) {
        session_print(&run->session);
    } else {
        bank_json_object(&json, NULL);
        session_json(&run->session, &json);
        bank_json_end_object(&json);
        if (!out.failed) puts(out.data);
        bank_text_free(&out);
    }
    run->status = session_verdict_print(&run->session, run->json ? stderr : stdout);
}

static void node_body(tp_actor *self, void *arg) {
    struct node_run *run = arg;
    const tp_message *message;
    tp_err err = net_actors_start(self, &run->net);
    if (err != TP_OK) {
        fprintf(stderr, "bank node: the actors cannot be started: %s\n", tp_strerror(err));
        return;
    }
    if (run->session.transfers > 0) {
        if (!session_run(self, &run->session)) return;
        result_print(run);
        bank_books_free(run->session.books);
        return;
    }
    run->status = STATUS_OK;
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
    }
}

static int node_run(struct node_run *run) {
    tp_pid body;
    int status = net_start(&run->net);
    if (status != STATUS_OK) return status;
    tp_err err = tp_runtime_stop_on_signals(run->net.runtime);
    if (run->net.url[0] != '\0' && !run->json) {
        printf("%s listening at %s, pid %ld\n", run->net.name, run->net.url, (long)getpid());
        fflush(stdout);
    }
    run->status = STATUS_FAILED;
    if (err == TP_OK) err = tp_runtime_spawn_body(run->net.runtime, &body, node_body, run, NULL);
    if (err == TP_OK) err = tp_runtime_wait(run->net.runtime, body, TP_FOREVER, NULL);
    if (err != TP_OK) fprintf(stderr, "bank node: %s\n", tp_strerror(err));
    return run->status;
}

int command_node(int argc, char **argv) {
    struct node_run *run = calloc(1, sizeof *run);
    if (run == NULL) return STATUS_FAILED;
    run->net.command = "node";
    run->net.shards = 1;
    run->session.net = &run->net;
    run->session.accounts = 100;
    run->session.clients = 16;
    run->session.seed = 1;
    run->session.drivers_wanted = 1;
    int status = options_parse(argc, argv, run) ? STATUS_OK : STATUS_USAGE;
    run->session.only = run->net.name;
    if (run->help) fputs(help, stdout);
    else if (status == STATUS_OK) status = node_run(run);
    net_stop(&run->net);
    session_free(&run->session);
    free(run);
    return status;
}
