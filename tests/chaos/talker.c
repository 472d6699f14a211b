/*
 * Two processes that talk while something between them misbehaves. Each message has a number and
 * they only rise: the server counts those that do not. The client sends some and calls with others;
 * each call is answered with its own number or fails with TP_ENOCONNECTION, once, and each monitor
 * tells one end.
 *
 *     chaos_talker server URL            prints "listening at URL"
 *     chaos_talker client URL MESSAGES   prints one JSON object; status 0 when all of that held
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/node.h>
#include <troupe/troupe.h>

#define PATIENCE TP_SECONDS(120)
#define HEARTBEAT TP_SECONDS(2)

TP_MESSAGE(hit, TP_FIELD(u64, number))
TP_MESSAGE(was_hit, TP_FIELD(u64, number))
TP_MESSAGE(asked)
TP_MESSAGE(sums, TP_FIELD(u64, seen), TP_FIELD(u64, wrong))

/* ---- the server ---- */

struct tally {
    uint64_t last, seen, wrong;
};
static void tally_begins(tp_actor *self, struct tally *tally) {
    (void)tally;
    tp_register(self, "tally");
}
static void on_hit(tp_actor *self, struct tally *tally, const hit *msg) {
    if (msg->number <= tally->last) tally->wrong++;
    tally->last = msg->number;
    tally->seen++;
    tp_reply(self, was_hit, .number = msg->number);
}
static void on_asked(tp_actor *self, struct tally *tally, const asked *msg) {
    (void)msg;
    tp_reply(self, sums, .seen = tally->seen, .wrong = tally->wrong);
}
TP_BEHAVIOR(tally_behavior, "tally", struct tally, TP_INIT(tally_begins), TP_ON(hit, on_hit),
            TP_ON(asked, on_asked));

/* ---- the client ---- */

struct client {
    tp_node *node;
    uint64_t messages, calls, answered, lost, monitors, downs;
    sums sums;
    const char *wrong; /* NULL: nothing */
    tp_pid tally;
    tp_ref monitor;
};

static bool settle(tp_actor *self, struct client *client) {
    tp_time until = tp_now(self) + PATIENCE;
    for (;;) {
        tp_err err =
            tp_node_find(self, client->node, "tally@server@chaos", TP_SECONDS(5), &client->tally);
        if (err == TP_OK) break;
        if (tp_now(self) > until) client->wrong = tp_strerror(err);
        if (client->wrong != NULL) return false;
        tp_sleep(self, TP_MS(10));
    }
    client->monitor = tp_monitor(self, client->tally);
    client->monitors++;
    return true;
}

/* The end of the present monitor, told within that time: once, and of no other. */
static bool take_down(tp_actor *self, struct client *client, tp_duration wait) {
    tp_down down;
    if (tp_receive(self, wait, &down, tp_down) != TP_OK) return false;
    client->downs++;
    if (down.ref != client->monitor) client->wrong = "an end was told twice";
    if (down.code != TP_EXIT_NOCONNECTION) client->wrong = "another end than noconnection";
    return true;
}

static bool call_one(tp_actor *self, struct client *client, uint64_t number) {
    was_hit got = {0};
    client->calls++;
    tp_err err = tp_call(self, client->tally, PATIENCE, &got, was_hit, hit, .number = number);
    if (err == TP_OK) {
        client->answered++;
        if (got.number != number) client->wrong = "the answer to another call";
    } else if (err == TP_ENOCONNECTION) {
        client->lost++;
        if (!take_down(self, client, PATIENCE)) client->wrong = "no end was told";
        else if (client->wrong == NULL) (void)settle(self, client);
    } else {
        client->wrong = tp_strerror(err);
    }
    return client->wrong == NULL;
}

static void client_body(tp_actor *self, void *arg) {
    struct client *client = arg;
    if (!settle(self, client)) return;
    for (uint64_t i = 1; i <= client->messages && client->wrong == NULL; i++) {
        if (take_down(self, client, 0) && !settle(self, client)) return;
        if (i % 4 == 0) tp_send(self, client->tally, hit, .number = i);
        else if (!call_one(self, client, i)) return;
    }
    for (;;) {
        tp_err err = tp_call(self, client->tally, PATIENCE, &client->sums, sums, asked);
        if (err == TP_OK) break;
        if (err != TP_ENOCONNECTION) client->wrong = tp_strerror(err);
        if (client->wrong != NULL || !take_down(self, client, PATIENCE) || !settle(self, client))
            return;
    }
    if (take_down(self, client, TP_MS(1)) && !settle(self, client)) return;
    if (client->sums.wrong > 0) client->wrong = "a message came twice or late";
    if (client->sums.seen < client->answered) client->wrong = "an answer to what never came";
    if (client->sums.seen > client->messages) client->wrong = "more came than were sent";
    if (client->downs + 1 != client->monitors) client->wrong = "not one end for each monitor";
    if (client->answered + client->lost != client->calls) client->wrong = "a call without an end";
}

static int report(const struct client *client) {
    printf("{\"messages\": %" PRIu64 ", \"calls\": %" PRIu64 ", \"answered\": %" PRIu64
           ", \"lost\": %" PRIu64 ", \"downs\": %" PRIu64 ", \"seen\": %" PRIu64
           ", \"verdict\": \"%s\"}\n",
           client->messages, client->calls, client->answered, client->lost, client->downs,
           client->sums.seen, client->wrong == NULL ? "ok" : client->wrong);
    return client->wrong == NULL ? 0 : 1;
}

/* ---- both ---- */

static int fail(const char *what, tp_err err) {
    fprintf(stderr, "chaos_talker: %s: %s\n", what, tp_strerror(err));
    return 2;
}

static int serve(tp_runtime *runtime, tp_node *node, const char *url) {
    char bound[256];
    tp_pid tally;
    tp_err err = tp_node_listen(node, url, bound, sizeof bound);
    if (err == TP_OK) err = tp_node_export(node, "tally");
    if (err == TP_OK) err = tp_runtime_spawn(runtime, &tally, &tally_behavior, NULL);
    if (err == TP_OK) err = tp_runtime_stop_on_signals(runtime);
    if (err != TP_OK) return fail(url, err);
    printf("listening at %s\n", bound);
    fflush(stdout);
    (void)tp_runtime_wait(runtime, tally, TP_FOREVER, NULL);
    return 0;
}

static int talk(tp_runtime *runtime, tp_node *node, const char *url, const char *messages) {
    struct client client = {.node = node, .messages = strtoull(messages, NULL, 10)};
    tp_pid pid;
    tp_err err = tp_node_join(node, url);
    if (err == TP_OK) err = tp_runtime_spawn_body(runtime, &pid, client_body, &client, NULL);
    if (err == TP_OK) err = tp_runtime_wait(runtime, pid, TP_FOREVER, NULL);
    return err == TP_OK ? report(&client) : fail(url, err);
}

int main(int argc, char **argv) {
    static const uint8_t secret[TP_SECRET_SIZE] = "a secret of thirty-two bytes...";
    bool server = argc == 3 && strcmp(argv[1], "server") == 0;
    if (!server && !(argc == 4 && strcmp(argv[1], "client") == 0)) {
        fprintf(stderr, "usage: chaos_talker server URL | client URL MESSAGES\n");
        return 2;
    }
    tp_options options = {.workers = 1,
                          .node_name = server ? "server@chaos" : "client@chaos",
                          .log_level = TP_LOG_ERROR};
    /* hidden: else the two would hear where the other is, and leave the proxy out */
    tp_node_options net = {.secret = secret, .heartbeat = HEARTBEAT, .hidden = true};
    tp_runtime *runtime;
    tp_node *node;
    tp_err err = tp_runtime_start(&runtime, &options);
    if (err != TP_OK) return fail("runtime", err);
    err = tp_node_start(runtime, &net, &node);
    int status = err != TP_OK ? fail("node", err)
                 : server     ? serve(runtime, node, argv[2])
                              : talk(runtime, node, argv[2], argv[3]);
    tp_runtime_stop(runtime);
    return status;
}
