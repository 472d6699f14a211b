/*
 * bank cluster: starts a bank of several processes on this machine, lets it work, perhaps kills
 * some of it, and ends with the verdict.
 */
#include "examples/bank/cluster.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/inbox.h>
#include <troupe/port.h>
#include <troupe/timer.h>
#include <unistd.h>

#include "actors/bank/json.h"
#include "examples/bank/command.h"

#define TICK TP_MS(200)
#define READY TP_SECONDS(120)
#define SILENCE TP_SECONDS(240) /* without a transfer */
#define CLOSING TP_SECONDS(10)
#define RESTARTS_MAX 20 /* beyond the faults that were asked for */

static const char help[] =
    "Usage: bank cluster [OPTION]...\n"
    "Starts a bank of several processes on this machine, encrypted connections\n"
    "between them, lets clients transfer money over it, and says the verdict: 'bank:\n"
    "OK' (status 0), FAILED (1), or UNKNOWN when a shard was lost (3).\n\n"
    "  --nodes N          processes (default 5)\n"
    "  --transfers N      transfers in all (default 20000)\n"
    "  --accounts N       accounts (default 100)\n"
    "  --clients N        clients at a time, on each client node (default 64)\n"
    "  --kill N           N times while they work a teller, report or client node is\n"
    "                     killed (kill -9), or any node stopped for a while\n"
    "  --kill-ledger N    N times the process of a ledger is killed: its shard is lost\n"
    "  --crash-one-in N   ledger actors crash, once in so many chances\n"
    "  --heartbeat-ms N   a node that is silent so long is gone (default 5000, with\n"
    "                     --kill 1000)\n"
    "  --workers N        worker threads of a process (default 1)\n"
    "  --seed S           what is random comes from this number (default 1)\n"
    "  --json             print one JSON object instead of the tables; the verdict goes\n"
    "                     to standard error\n"
    "  --help             print this\n";

enum option_id {
    OPT_NODES = 256,
    OPT_TRANSFERS,
    OPT_ACCOUNTS,
    OPT_CLIENTS,
    OPT_KILL,
    OPT_KILL_LEDGER,
    OPT_SEED,
    OPT_SETTING,
    OPT_JSON,
    OPT_HELP
};

static const struct option options[] = {
    {"nodes", required_argument, NULL, OPT_NODES},
    {"transfers", required_argument, NULL, OPT_TRANSFERS},
    {"accounts", required_argument, NULL, OPT_ACCOUNTS},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"kill", required_argument, NULL, OPT_KILL},
    {"kill-ledger", required_argument, NULL, OPT_KILL_LEDGER},
    {"crash-one-in", required_argument, NULL, OPT_SETTING},
    {"heartbeat-ms", required_argument, NULL, OPT_SETTING},
    {"workers", required_argument, NULL, OPT_SETTING},
    {"seed", required_argument, NULL, OPT_SEED},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool number(const char *name, uint64_t low, uint64_t high, uint64_t *out) {
    return number_option("cluster", name, optarg, low, high, out);
}

static bool option_take(struct cluster *cluster, int option, int index) {
    struct session *session = &cluster->session;
    switch (option) {
    case OPT_NODES: return number("--nodes", 1, CLUSTER_NODES_MAX, &cluster->nodes);
    case OPT_TRANSFERS: return number("--transfers", 1, 1000000000, &session->transfers);
    case OPT_ACCOUNTS: return number("--accounts", 2, 1000000, &session->accounts);
    case OPT_CLIENTS: return number("--clients", 1, 1000, &session->clients);
    case OPT_KILL: return number("--kill", 0, 1000, &cluster->kills);
    case OPT_KILL_LEDGER: return number("--kill-ledger", 0, 1000, &cluster->ledger_kills);
    case OPT_SEED: return number("--seed", 0, UINT64_MAX, &session->seed);
    case OPT_SETTING: return net_set(&cluster->net, options[index].name, optarg);
    case OPT_JSON: cluster->json = true; return true;
    case OPT_HELP: cluster->help = true; return true;
    default: usage_hint("cluster"); return false;
    }
}

static bool options_parse(int argc, char **argv, struct cluster *cluster) {
    int option;
    int index = 0;
    bool good = true;
    while (good && !cluster->help && (option = getopt_long(argc, argv, "", options, &index)) != -1)
        good = option_take(cluster, option, index);
    if (good && !cluster->help && optind < argc) {
        usage_error("cluster", "'%s' is not expected", argv[optind]);
        good = false;
    }
    return good;
}

/* ---- what happens ---- */

TP_MESSAGE_AS(cluster_tick, "bank.cluster_tick")

static void on_services(tp_actor *self, struct cluster *cluster, const bank_services *msg) {
    session_services(self, &cluster->session, msg);
}

static void on_driven(tp_actor *self, struct cluster *cluster, const bank_driven *msg) {
    session_driven(self, &cluster->session, msg);
}

static struct cluster_child *child_of(struct cluster *cluster, tp_pid port) {
    for (uint64_t i = 0; i < cluster->nodes; i++)
        if (tp_pid_equal(cluster->children[i].port, port)) return &cluster->children[i];
    return NULL;
}

/* "bank1 listening at URL, pid N" */
static void on_output(tp_actor *self, struct cluster *cluster, const tp_port_data *msg) {
    struct cluster_child *child = child_of(cluster, msg->port);
    char line[256];
    (void)self;
    snprintf(line, sizeof line, "%.*s", (int)msg->bytes.size, (const char *)msg->bytes.data);
    const char *pid = strstr(line, ", pid ");
    if (child != NULL && pid != NULL) child->pid = (int32_t)strtol(pid + 6, NULL, 10);
}

static void problem_set(struct cluster *cluster, const char *what) {
    char *problem = cluster->session.problem;
    if (problem[0] == '\0') snprintf(problem, sizeof cluster->session.problem, "%s", what);
}

static void on_exited(tp_actor *self, struct cluster *cluster, const tp_port_exited *msg) {
    struct cluster_child *child = child_of(cluster, msg->port);
    if (child == NULL) return;
    child->port = tp_pid_null();
    child->pid = 0;
    cluster->ended++;
    if (cluster->closing) return;
    child->restarts++;
    cluster->restarted++;
    if (cluster->restarted > RESTARTS_MAX + cluster->kills + cluster->ledger_kills)
        problem_set(cluster, "the nodes end again and again");
    else if (cluster_child_start(self, cluster, child) != TP_OK)
        problem_set(cluster, "a node cannot be started");
}

static void on_tick(tp_actor *self, struct cluster *cluster, const cluster_tick *msg) {
    (void)msg;
    cluster_faults(self, cluster);
    cluster_view(self, cluster);
    (void)tp_send_after(self, TICK, tp_self(self), cluster_tick);
}

TP_CASES(cluster_cases, struct cluster, TP_ON(bank_services, on_services),
         TP_ON(bank_driven, on_driven), TP_ON(tp_port_data, on_output),
         TP_ON(tp_port_exited, on_exited), TP_ON(cluster_tick, on_tick));

/* ---- the run ---- */

static bool is_ready(const struct cluster *cluster) {
    return session_ready(&cluster->session);
}

static bool is_finished(const struct cluster *cluster) {
    return session_finished(&cluster->session);
}

static bool is_closed(const struct cluster *cluster) {
    return cluster->ended >= cluster->nodes;
}

/* Goes on until something is so; false when nothing gets further for so long, or went wrong. */
static bool run_until(tp_actor *self, struct cluster *cluster,
                      bool (*is_so)(const struct cluster *), tp_duration silence,
                      const char *what) {
    tp_time last = tp_now(self);
    uint64_t made = session_made(&cluster->session);
    while (!is_so(cluster) && cluster->session.problem[0] == '\0') {
        if (tp_receive_cases(self, TICK, cluster, cluster_cases) == TP_ENOMEM) break;
        if (session_made(&cluster->session) != made) last = tp_now(self);
        made = session_made(&cluster->session);
        if (tp_now(self) - last > silence) problem_set(cluster, what);
    }
    return is_so(cluster) && cluster->session.problem[0] == '\0';
}

static void children_close(tp_actor *self, struct cluster *cluster) {
    cluster_go_on(self, cluster, true);
    cluster->closing = true;
    cluster->ended = 0;
    for (uint64_t i = 0; i < cluster->nodes; i++) {
        if (tp_pid_is_null(cluster->children[i].port)) cluster->ended++;
        else (void)tp_port_close(self, cluster->children[i].port);
    }
    tp_time until = tp_now(self) + CLOSING;
    while (!is_closed(cluster) && tp_now(self) < until)
        (void)tp_receive_cases(self, TICK, cluster, cluster_cases);
}

static void work(tp_actor *self, struct cluster *cluster) {
    struct session *session = &cluster->session;
    if (net_actors_start(self, &cluster->net) != TP_OK || session_begin(self, session) != TP_OK) {
        problem_set(cluster, "the actors cannot be started");
        return;
    }
    for (uint64_t i = 0; i < cluster->nodes; i++)
        if (cluster_child_start(self, cluster, &cluster->children[i]) != TP_OK)
            problem_set(cluster, "a node cannot be started");
    tp_send(self, tp_self(self), cluster_tick);
    if (!run_until(self, cluster, is_ready, READY, "the nodes did not find each other")) return;
    if (!session_open(self, session)) return;
    session_drive(self, session);
    if (!run_until(self, cluster, is_finished, SILENCE, "nothing gets further")) return;
    cluster_go_on(self, cluster, true);
    if (!run_until(self, cluster, is_ready, READY, "the nodes did not come back")) return;
    session_end(self, session);
}

/* ---- output ---- */

static void json_print(const struct cluster *cluster) {
    struct bank_text out = {0};
    struct bank_json json = {.out = &out};
    bank_json_object(&json, NULL);
    bank_json_unsigned(&json, "nodes", cluster->nodes);
    session_json(&cluster->session, &json);
    bank_json_unsigned(&json, "killed", cluster->killed);
    bank_json_unsigned(&json, "stopped", cluster->stopped);
    bank_json_unsigned(&json, "restarts", cluster->restarted);
    bank_json_unsigned(&json, "client_restarts", cluster->session.client_restarts);
    bank_json_end_object(&json);
    if (!out.failed) puts(out.data);
    bank_text_free(&out);
}

static void tables_print(const struct cluster *cluster) {
    session_print(&cluster->session);
    printf("Processes                    %12llu\n", (unsigned long long)cluster->nodes);
    printf("  killed                     %12llu\n", (unsigned long long)cluster->killed);
    printf("  stopped for a while        %12llu\n", (unsigned long long)cluster->stopped);
    printf("  started again              %12llu\n", (unsigned long long)cluster->restarted);
}

static void cluster_body(tp_actor *self, void *arg) {
    struct cluster *cluster = arg;
    work(self, cluster);
    cluster_view_end(cluster);
    children_close(self, cluster);
    if (cluster->session.books == NULL) return;
    if (cluster->json) json_print(cluster);
    else tables_print(cluster);
    cluster->status = session_verdict_print(&cluster->session, cluster->json ? stderr : stdout);
    bank_books_free(cluster->session.books);
}

static int cluster_run(struct cluster *cluster) {
    tp_pid body;
    cluster_plan(cluster);
    int status = cluster_prepare(cluster) ? net_start(&cluster->net) : STATUS_FAILED;
    if (status != STATUS_OK) return status;
    cluster->status = STATUS_FAILED;
    cluster->view = !cluster->json && isatty(STDERR_FILENO) == 1;
    tp_err err = tp_runtime_stop_on_signals(cluster->net.runtime);
    if (err == TP_OK)
        err = tp_runtime_spawn_body(cluster->net.runtime, &body, cluster_body, cluster, NULL);
    if (err == TP_OK) err = tp_runtime_wait(cluster->net.runtime, body, TP_FOREVER, NULL);
    if (err != TP_OK) fprintf(stderr, "bank cluster: %s\n", tp_strerror(err));
    return cluster->status;
}

int command_cluster(int argc, char **argv) {
    struct cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL) return STATUS_FAILED;
    cluster->nodes = 5;
    cluster->net.command = "cluster";
    cluster->net.workers = 1;
    snprintf(cluster->net.name, sizeof cluster->net.name, "cluster");
    snprintf(cluster->net.listen, sizeof cluster->net.listen, "tcp://127.0.0.1:0");
    cluster->session.net = &cluster->net;
    cluster->session.transfers = 20000;
    cluster->session.accounts = 100;
    cluster->session.clients = 64;
    cluster->session.seed = 1;
    int status = options_parse(argc, argv, cluster) ? STATUS_OK : STATUS_USAGE;
    cluster->random = cluster->session.seed;
    if (cluster->net.heartbeat_ms == 0)
        cluster->net.heartbeat_ms = cluster->kills > 0 ? 1000 : 5000;
    if (cluster->help) fputs(help, stdout);
    else if (status == STATUS_OK) status = cluster_run(cluster);
    net_stop(&cluster->net);
    cluster_tidy(cluster);
    session_free(&cluster->session);
    free(cluster);
    return status;
}
