/*
 * A program of somebody else's with two nodes: an actor of one is called from the other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <troupe/gateway.h>
#include <troupe/node.h>
#include <troupe/troupe.h>

TP_MESSAGE(ask, TP_FIELD(i64, cents))
TP_MESSAGE(told, TP_FIELD(i64, cents))

struct account {
    int64_t cents;
};
static void on_ask(tp_actor *self, struct account *account, const ask *msg) {
    account->cents += msg->cents;
    tp_reply(self, told, .cents = account->cents);
}
TP_BEHAVIOR(account_behavior, "account", struct account, TP_ON(ask, on_ask));

static tp_node *start(tp_runtime **runtime, const char *name) {
    static const char secret[TP_SECRET_SIZE] = "what all nodes of a cluster know";
    tp_options options = {.workers = 1, .node_name = name};
    tp_node_options net = {.secret = secret};
    tp_node *node = NULL;
    if (tp_runtime_start(runtime, &options) != TP_OK) return NULL;
    return tp_node_start(*runtime, &net, &node) == TP_OK ? node : NULL;
}

int main(void) {
    tp_runtime *here = NULL, *there = NULL;
    tp_node *near = start(&here, "near@consumer"), *far = start(&there, "far@consumer");
    tp_inbox *inbox;
    tp_pid account;
    char url[128];
    told answer = {0};
    if (near == NULL || far == NULL) return 3;
    if (tp_node_listen(far, "tcp://127.0.0.1:0", url, sizeof url) != TP_OK) return 4;
    if (tp_node_connect(near, url, TP_SECONDS(60), NULL) != TP_OK) return 5;
    if (tp_runtime_spawn(there, &account, &account_behavior, NULL) != TP_OK) return 6;
    if (tp_inbox_open(here, &inbox) != TP_OK) return 7;
    if (tp_inbox_call(inbox, account, TP_SECONDS(60), &answer, told, ask, .cents = 4200) != TP_OK)
        return 8;
    printf("%" PRId64 "\n", answer.cents);
    tp_inbox_close(inbox);
    tp_runtime_stop(here);
    tp_runtime_stop(there);
    return answer.cents == 4200 ? 0 : 2;
}
