/*
 * What is shown of a cluster while it works: on standard error, when that is a terminal.
 */
#include <inttypes.h>
#include <troupe/timer.h>

#include "examples/bank/cluster.h"

void cluster_view_end(struct cluster *cluster) {
    for (size_t i = 0; i < cluster->view_lines; i++) fputs("\033[A\033[K", stderr);
    cluster->view_lines = 0;
}

static const char *state_of(const struct cluster_child *child) {
    if (child->pid == 0) return "starts";
    return child->goes_on != 0 ? "stopped" : "up";
}

static double rate_take(tp_actor *self, struct cluster *cluster) {
    tp_time now = tp_now(self);
    uint64_t made = session_made(&cluster->session);
    double span = (double)(now - cluster->view_at) / 1e9;
    double rate = cluster->view_at == 0 || made < cluster->view_made || span <= 0
                      ? 0
                      : (double)(made - cluster->view_made) / span;
    cluster->view_at = now;
    cluster->view_made = made;
    return rate;
}

void cluster_view(tp_actor *self, struct cluster *cluster) {
    tp_node_counters counters;
    if (!cluster->view) return;
    double rate = rate_take(self, cluster);
    tp_node_counters_get(cluster->net.node, &counters);
    cluster_view_end(cluster);
    fprintf(stderr, "%-8s %-28s %8s %-8s %8s\n", "node", "roles", "pid", "state", "restarts");
    for (uint64_t i = 0; i < cluster->nodes; i++) {
        const struct cluster_child *child = &cluster->children[i];
        fprintf(stderr, "%-8s %-28s %8" PRId32 " %-8s %8" PRIu64 "\n", child->name, child->roles,
                child->pid, state_of(child), child->restarts);
    }
    fprintf(stderr, "links here %" PRIu64 ", transfers %" PRIu64 " of %" PRIu64 ", %.0f a second\n",
            counters.peers, session_made(&cluster->session), cluster->session.transfers, rate);
    cluster->view_lines = cluster->nodes + 2;
}
