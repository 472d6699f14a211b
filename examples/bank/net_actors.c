/*
 * The actors of a node.
 */
#include "examples/bank/net_actors.h"

#include <stdio.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/name.h>
#include <troupe/supervisor.h>
#include <troupe/timer.h>

#include "actors/bank/branch.h"
#include "actors/bank/driver.h"
#include "actors/bank/reporter.h"

#define NODES_MAX 128
#define GREET_AGAIN_AFTER TP_SECONDS(1)
#define FIND TP_SECONDS(1)
#define CRASHES 100000 /* on purpose, with --crash-one-in */

/* ---- greeting other nodes ---- */

TP_MESSAGE_AS(greeter_again, "bank.greeter_again")

struct greeter {
    struct net *net;
    tp_pid directory;
    char up[NODES_MAX][BANK_NODE_SIZE]; /* connected */
    size_t up_count;
    char joined[NODES_MAX][BANK_URL_SIZE]; /* addresses that are dialled already */
    size_t joined_count;
};

static size_t up_find(const struct greeter *greeter, tp_str name) {
    size_t i = 0;
    while (i < greeter->up_count && !tp_str_equal(tp_str_of(greeter->up[i]), name)) i++;
    return i;
}

/* It may not have a directory yet; then it is greeted again later. */
static void greet(tp_actor *self, struct greeter *greeter, const char *node) {
    char name[BANK_NODE_SIZE + sizeof BANK_DIRECTORY + 1];
    tp_pid directory;
    snprintf(name, sizeof name, "%s@%s", BANK_DIRECTORY, node);
    if (tp_node_find(self, greeter->net->node, name, FIND, &directory) == TP_OK)
        tp_send(self, greeter->directory, bank_meet, .directory = directory);
}

static void on_node_up(tp_actor *self, struct greeter *greeter, const tp_node_up *msg) {
    size_t n = up_find(greeter, msg->name);
    if (n == NODES_MAX || msg->name.size >= BANK_NODE_SIZE) return;
    if (n == greeter->up_count) greeter->up_count++;
    memcpy(greeter->up[n], msg->name.data, msg->name.size);
    greeter->up[n][msg->name.size] = '\0';
    greet(self, greeter, greeter->up[n]);
}

static void on_node_down(tp_actor *self, struct greeter *greeter, const tp_node_down *msg) {
    (void)self;
    size_t n = up_find(greeter, msg->name);
    if (n < greeter->up_count)
        memmove(greeter->up[n], greeter->up[--greeter->up_count], BANK_NODE_SIZE);
}

/* Of two nodes that hear of each other the first by name connects. */
static void on_address(tp_actor *self, struct greeter *greeter, const bank_address *msg) {
    char node[BANK_NODE_SIZE];
    char url[BANK_URL_SIZE];
    (void)self;
    if (msg->node.size >= sizeof node || msg->url.size >= sizeof url) return;
    snprintf(node, sizeof node, "%.*s", (int)msg->node.size, msg->node.data);
    snprintf(url, sizeof url, "%.*s", (int)msg->url.size, msg->url.data);
    if (strcmp(greeter->net->name, node) >= 0 || up_find(greeter, msg->node) < greeter->up_count)
        return;
    for (size_t i = 0; i < greeter->joined_count; i++)
        if (strcmp(greeter->joined[i], url) == 0) return;
    if (greeter->joined_count == NODES_MAX || tp_node_join(greeter->net->node, url) != TP_OK)
        return;
    snprintf(greeter->joined[greeter->joined_count++], BANK_URL_SIZE, "%s", url);
}

static void on_again(tp_actor *self, struct greeter *greeter, const greeter_again *msg) {
    (void)msg;
    for (size_t i = 0; i < greeter->up_count; i++) greet(self, greeter, greeter->up[i]);
    if (tp_send_after(self, GREET_AGAIN_AFTER, tp_self(self), greeter_again) == 0)
        tp_exit(self, TP_EXIT_NOMEM);
}

TP_CASES(greeter_cases, struct greeter, TP_ON(tp_node_up, on_node_up),
         TP_ON(tp_node_down, on_node_down), TP_ON(bank_address, on_address),
         TP_ON(greeter_again, on_again));

void net_greeter(tp_actor *self, void *arg) {
    struct greeter *greeter = tp_alloc(self, sizeof *greeter);
    if (greeter == NULL) tp_exit(self, TP_EXIT_NOMEM);
    greeter->net = arg;
    greeter->directory = tp_whereis(tp_self_runtime(self), BANK_DIRECTORY);
    tp_send(self, greeter->directory, bank_seek);
    if (tp_node_watch(self, greeter->net->node) != TP_OK) tp_fail(self, "nodes cannot be watched");
    tp_send(self, tp_self(self), greeter_again);
    while (tp_receive_cases(self, TP_FOREVER, greeter, greeter_cases) == TP_OK) {
    }
}

/* ---- reports ---- */

/* Serves reports out of all shards: a report actor of the one-process bank in front of a teller.
 */
static void report_desk(tp_actor *self, void *arg) {
    const struct net *net = arg;
    tp_pid branch = tp_spawn_link(self, bank_branch, bank_branch_start,
                                  .directory = TP_STR(BANK_DIRECTORY), .shards = net->shards);
    tp_pid reporter = tp_spawn_link(self, bank_reporter, bank_reporter_start, .ledger = branch);
    tp_pid directory = tp_whereis(tp_self_runtime(self), BANK_DIRECTORY);
    if (tp_pid_is_null(branch) || tp_pid_is_null(reporter)) tp_exit(self, TP_EXIT_NOMEM);
    tp_send(self, directory, bank_serve, .role = BANK_ROLE_REPORT);
    const tp_message *message;
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK)
        (void)tp_delegate(self, reporter);
}

/* ---- the tree ---- */

static tp_child_result child_start(tp_actor *self, tp_pid keeper, const tp_child_spec *spec) {
    return tp_supervisor_start_child(self, keeper, spec, NULL);
}

static bool roles_start(tp_actor *self, struct net *net, tp_pid keeper) {
    bank_branch_start branch = {TP_STR(BANK_DIRECTORY), net->shards, true};
    bank_driver_start driver = {TP_STR(BANK_DIRECTORY), net->shards};
    tp_child_spec specs[BANK_ROLES] = {
        [BANK_ROLE_LEDGER] = {.id = "ledger", .body = bank_shard_body, .arg = &net->ledger},
        [BANK_ROLE_TELLER] = {.id = "teller",
                              .behavior = bank_branch,
                              .arguments = {&bank_branch_start_message, &branch}},
        [BANK_ROLE_REPORT] = {.id = "report", .body = report_desk, .arg = net},
        [BANK_ROLE_CLIENT] = {.id = "client",
                              .behavior = bank_driver,
                              .arguments = {&bank_driver_start_message, &driver}},
    };
    net->ledger = (struct bank_shard){net->store, BANK_DIRECTORY, net->crash_one_in};
    for (size_t i = 0; i < BANK_ROLES; i++)
        if (net->roles[i] && child_start(self, keeper, &specs[i]) != TP_CHILD_OK) return false;
    return true;
}

/* What follows a directory ends with it, and the node with them: its process is started anew by
 * whoever keeps it. Each role by itself may crash as often as it likes. */
tp_err net_actors_start(tp_actor *self, struct net *net) {
    static const tp_supervisor_spec keeper_spec = {.intensity = CRASHES};
    tp_pid keeper;
    tp_pid directory =
        tp_spawn_with(self, bank_directory, TP_OPTIONS(.name = BANK_DIRECTORY, .link = true),
                      bank_directory_start, .node = tp_str_of(net->name),
                      .url = tp_str_of(net->url), .shards = net->shards);
    if (tp_pid_is_null(directory)) return tp_error(self);
    tp_err err = tp_supervisor_start(self, &keeper, &keeper_spec, NULL);
    if (err != TP_OK) return err;
    if (child_start(self, keeper,
                    &(tp_child_spec){.id = "greeter", .body = net_greeter, .arg = net}) !=
        TP_CHILD_OK)
        return TP_ENOMEM;
    return roles_start(self, net, keeper) ? TP_OK : TP_ENOMEM;
}
