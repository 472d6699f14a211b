/*
 * Chapter 20: names of a cluster, nodes that find each other, a child on another node. Three
 * machines on a simulated network, so that one can lose its power and the program prints the same
 * each time; on real machines the calls are the same.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/cluster.h>
#include <troupe/simnet.h>
#include <troupe/troupe.h>

#define MACHINES 3

TP_MESSAGE(setup, TP_FIELD(u64, sheets))
TP_MESSAGE(print, TP_FIELD(str, text))
TP_MESSAGE(printed, TP_FIELD(u64, pages), TP_FIELD(str, where))

/* ---- a printer: somewhere in the cluster, and it is found by its name ---- */

struct printer {
    uint64_t pages;
};

static void on_setup(tp_actor *self, struct printer *printer, const setup *msg) {
    tp_node *here = tp_node_of(tp_self_runtime(self));
    (void)printer;
    printf("%s: a printer with %" PRIu64 " sheets\n", tp_node_name(here), msg->sheets);
    tp_err err = tp_cluster_register(self, here, "printer", TP_NAME_AVAILABLE);
    if (err != TP_OK) tp_fail(self, "no name: %s", tp_strerror(err));
}

static void on_print(tp_actor *self, struct printer *printer, const print *msg) {
    const char *where = tp_node_name(tp_node_of(tp_self_runtime(self)));
    (void)msg;
    tp_reply(self, printed, .pages = ++printer->pages, .where = tp_str_of(where));
}

/* The network was cut, and each half had its printer: this one goes. */
static void on_conflict(tp_actor *self, struct printer *printer, const tp_name_conflict *msg) {
    (void)printer, (void)msg;
    tp_exit(self, TP_EXIT_SHUTDOWN);
}

TP_BEHAVIOR(printer_behavior, "printer", struct printer, TP_INIT_WITH(setup, on_setup),
            TP_ON(print, on_print), TP_ON(tp_name_conflict, on_conflict));

/* ---- the supervisor: at the front, its child where there is a place ---- */

static const tp_supervisor_spec office = {
    .children = TP_CHILDREN({
        .id = "printer",
        .remote =
            TP_REMOTE_CHILD(.behavior = "printer", .at = TP_NODES("desk@shop", "cellar@shop")),
        .arguments = TP_ARGUMENTS(setup, .sheets = 100),
    }),
};

static void front_body(tp_actor *self, void *arg) {
    tp_pid supervisor;
    (void)arg;
    if (tp_supervisor_start(self, &supervisor, &office, NULL) != TP_OK) return;
    tp_sleep(self, TP_FOREVER);
}

/* ---- somebody who prints, and knows the name alone ---- */

static void clerk_body(tp_actor *self, void *arg) {
    tp_node *here = arg;
    printed done;
    tp_err err = tp_cluster_call(self, here, "printer", TP_SECONDS(1), &done, printed, print,
                                 .text = tp_str_of("a letter"));
    if (err == TP_OK)
        printf("%s: page %" PRIu64 ", at %.*s\n", tp_node_name(here), done.pages,
               (int)done.where.size, done.where.data);
    else printf("%s: %s\n", tp_node_name(here), tp_err_name(err));
}

/* ---- three machines, which know one address each ---- */

static const char *const names[MACHINES] = {"front@shop", "desk@shop", "cellar@shop"};
static const char *const addresses[MACHINES + 1] = {"tcp://127.0.0.1:4000", "tcp://127.0.0.2:4000",
                                                    "tcp://127.0.0.3:4000", NULL};
static tp_sim *sims[MACHINES];
static tp_node *nodes[MACHINES];

static tp_err start(tp_simnet *net, unsigned index) {
    const tp_sim_options options = {
        .runtime = {.node_name = names[index], .log_level = TP_LOG_OFF}};
    const tp_node_options plain = {.plain = true, .heartbeat = TP_SECONDS(1)};
    tp_err err = tp_simnet_add(net, &options, &sims[index]);
    if (err == TP_OK) err = tp_node_start(tp_sim_runtime(sims[index]), &plain, &nodes[index]);
    if (err == TP_OK)
        err = tp_node_export_behavior(nodes[index], &printer_behavior, &setup_message);
    if (err == TP_OK) err = tp_node_listen(nodes[index], addresses[index], NULL, 0);
    /* its own address is in the list: it finds itself there, and does not stay */
    if (err == TP_OK) err = tp_node_discover(nodes[index], &(tp_discovery){.urls = addresses});
    return err;
}

static void clerk_prints(tp_simnet *net, unsigned at) {
    (void)tp_sim_spawn_body(sims[at], clerk_body, nodes[at], NULL);
    (void)tp_simnet_advance(net, TP_SECONDS(1));
}

int main(void) {
    tp_simnet *net;
    tp_node_counters counters;
    if (tp_simnet_new(&net, &(tp_simnet_options){.seed = 1}) != TP_OK) return 1;
    for (unsigned i = 0; i < MACHINES; i++)
        if (start(net, i) != TP_OK) return 1;
    (void)tp_simnet_advance(net, TP_SECONDS(2));
    tp_node_counters_get(nodes[0], &counters);
    printf("front@shop has found %" PRIu64 " others\n", counters.peers);

    (void)tp_sim_spawn_body(sims[0], front_body, NULL, NULL);
    (void)tp_simnet_advance(net, TP_SECONDS(1));
    clerk_prints(net, 0);
    clerk_prints(net, 2);

    tp_simnet_crash(net, sims[1], true);
    printf("desk@shop has lost its power\n");
    (void)tp_simnet_advance(net, TP_SECONDS(2));
    clerk_prints(net, 0); /* its silence was noticed: the name is free */
    (void)tp_simnet_advance(net, TP_SECONDS(5));
    clerk_prints(net, 0);
    tp_simnet_free(net);
    return 0;
}
