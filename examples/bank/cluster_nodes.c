/*
 * The processes of a cluster, and what is done to them.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <troupe/port.h>
#include <troupe/timer.h>
#include <fcntl.h>
#include <unistd.h>

#include "actors/bank/random.h"
#include "examples/bank/cluster.h"

/* ---- who does what ---- */

static void child_plan(struct cluster_child *child, uint64_t n, const char *roles, bool ledger) {
    *child = (struct cluster_child){.ledger = ledger, .shard = ledger ? n : 0};
    snprintf(child->name, sizeof child->name, "bank%" PRIu64, n + 1);
    snprintf(child->roles, sizeof child->roles, "%s", roles);
}

/* With few nodes some do several things; from four on each has a role of its own. */
void cluster_plan(struct cluster *cluster) {
    uint64_t nodes = cluster->nodes;
    uint64_t ledgers = nodes < 3             ? nodes
                       : nodes == 3          ? 2
                       : (nodes - 1) / 2 < 2 ? 2
                                             : (nodes - 1) / 2;
    uint64_t clients = nodes < 5 ? 1 : nodes / 5;
    for (uint64_t i = 0; i < nodes; i++) {
        const char *roles = "teller,report";
        if (nodes == 1) roles = "ledger,teller,report,client";
        else if (nodes == 2) roles = i == 0 ? "ledger,teller,report" : "ledger,teller,client";
        else if (i < ledgers) roles = nodes == 3 ? "ledger,teller,report" : "ledger";
        else if (i >= nodes - clients) roles = "client";
        child_plan(&cluster->children[i], i, roles, i < ledgers);
    }
    cluster->net.shards = ledgers;
    cluster->session.drivers_wanted = clients;
}

/* ---- the secret ---- */

bool cluster_prepare(struct cluster *cluster) {
    unsigned char secret[TP_SECRET_SIZE];
    const char *base = getenv("TMPDIR");
    int size = snprintf(cluster->folder, sizeof cluster->folder, "%s/bank-XXXXXX",
                        base != NULL && strlen(base) < 40 ? base : "/tmp");
    bool good = size > 0 && mkdtemp(cluster->folder) != NULL;
    if (!good) cluster->folder[0] = '\0';
    snprintf(cluster->net.secret, sizeof cluster->net.secret, "%s/secret", cluster->folder);
    int file = good ? open(cluster->net.secret, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    good = file >= 0 && getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret &&
           write(file, secret, sizeof secret) == (ssize_t)sizeof secret;
    if (file >= 0) close(file);
    ssize_t length = readlink("/proc/self/exe", cluster->program, sizeof cluster->program - 1);
    good = good && length > 0;
    if (good) cluster->program[length] = '\0';
    if (!good) fprintf(stderr, "bank cluster: no folder for the secret at %s\n", cluster->folder);
    return good;
}

void cluster_tidy(struct cluster *cluster) {
    if (cluster->folder[0] == '\0') return;
    unlink(cluster->net.secret);
    rmdir(cluster->folder);
}

/* ---- processes ---- */

tp_err cluster_child_start(tp_actor *self, struct cluster *cluster, struct cluster_child *child) {
    char shards[24], shard[24], heartbeat[24], crash[24], workers[24];
    const struct net *net = &cluster->net;
    snprintf(shards, sizeof shards, "%" PRIu64, net->shards);
    snprintf(shard, sizeof shard, "%" PRIu64, child->shard);
    snprintf(heartbeat, sizeof heartbeat, "%" PRIu64, net->heartbeat_ms);
    snprintf(crash, sizeof crash, "%" PRIu64, net->crash_one_in);
    snprintf(workers, sizeof workers, "%" PRIu64, net->workers);
    const char *argv[] = {cluster->program,
                          "node",
                          "--name",
                          child->name,
                          "--roles",
                          child->roles,
                          "--listen",
                          "tcp://127.0.0.1:0",
                          "--join",
                          net->url,
                          "--secret-file",
                          net->secret,
                          "--shards",
                          shards,
                          "--shard",
                          shard,
                          "--heartbeat-ms",
                          heartbeat,
                          "--workers",
                          workers,
                          "--crash-one-in",
                          crash,
                          NULL};
    /* a ledger that crashes on purpose would fill the terminal with its reports */
    tp_port_options options = {
        .argv = argv, .errors = net->crash_one_in > 0 ? TP_PORT_ERRORS_DROP : TP_PORT_ERRORS_KEEP};
    child->pid = 0;
    child->goes_on = 0;
    child->shot = false;
    return tp_port_open(self, &child->port, &options);
}

/* ---- faults ---- */

static void child_signal(const struct cluster_child *child, int number) {
    if (child->pid > 0) (void)kill(child->pid, number);
}

void cluster_go_on(tp_actor *self, struct cluster *cluster, bool all) {
    tp_time now = tp_now(self);
    for (uint64_t i = 0; i < cluster->nodes; i++) {
        struct cluster_child *child = &cluster->children[i];
        if (child->goes_on == 0 || (!all && now < child->goes_on)) continue;
        child_signal(child, SIGCONT);
        child->goes_on = 0;
    }
}

/* A node that runs, at random: one of the ledgers, one of the others, or any. NULL: none now. */
static struct cluster_child *victim_choose(struct cluster *cluster, bool ledgers, bool others) {
    uint64_t first = bank_random_below(&cluster->random, cluster->nodes);
    for (uint64_t i = 0; i < cluster->nodes; i++) {
        struct cluster_child *child = &cluster->children[(first + i) % cluster->nodes];
        bool wanted = child->ledger ? ledgers : others;
        if (wanted && child->pid > 0 && child->goes_on == 0 && !child->shot) return child;
    }
    return NULL;
}

static void child_kill(struct cluster *cluster, struct cluster_child *child) {
    child->shot = true;
    cluster->killed++;
    child_signal(child, SIGKILL);
}

/* Longer than the heartbeat: the others must find out, and take it back afterwards. */
static void child_stop(tp_actor *self, struct cluster *cluster, struct cluster_child *child) {
    child->goes_on = tp_now(self) + TP_MS((int64_t)(cluster->net.heartbeat_ms * 5 / 2));
    cluster->stopped++;
    child_signal(child, SIGSTOP);
}

static void fault_make(tp_actor *self, struct cluster *cluster, uint64_t number) {
    bool ledger = number < cluster->ledger_kills;
    bool stop = !ledger && number % 2 == 1;
    struct cluster_child *child = victim_choose(cluster, ledger || stop, !ledger);
    if (child == NULL) return;
    if (stop) child_stop(self, cluster, child);
    else child_kill(cluster, child);
}

/* Faults are spread evenly over the transfers. */
void cluster_faults(tp_actor *self, struct cluster *cluster) {
    uint64_t wanted = cluster->kills + cluster->ledger_kills;
    const struct session *session = &cluster->session;
    cluster_go_on(self, cluster, false);
    if (!session->driving || session_finished(session)) return;
    while (cluster->faults < wanted &&
           session_made(session) >= (cluster->faults + 1) * session->transfers / (wanted + 1))
        fault_make(self, cluster, cluster->faults++);
}
