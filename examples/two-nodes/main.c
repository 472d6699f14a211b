/*
 * Two shells, a node each; the actors are the same as within one process.
 *
 *     head -c 32 /dev/urandom > secret && chmod 600 secret
 *     two-nodes server --secret secret                           prints the address it listens at
 *     two-nodes client --secret secret --join tcp://127.0.0.1:PORT [--calls N]
 *
 * The server counts for everybody; the client calls it, watches it, and says when it is gone. With
 * --inspect NAME the node of that name, or any that has the secret, may look at it: see the program
 * troupe.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/inspect.h>
#include <troupe/node.h>
#include <troupe/troupe.h>

TP_MESSAGE(add, TP_FIELD(u64, amount))
TP_MESSAGE(total, TP_FIELD(u64, amount))

struct settings {
    bool server;
    const char *secret, *url, *name, *inspect;
    uint64_t calls;
    uint32_t heartbeat_ms;
};

/* ---- the actor that both sides know ---- */

struct adder {
    uint64_t total;
};
static void on_add(tp_actor *self, struct adder *adder, const add *msg) {
    adder->total += msg->amount;
    tp_reply(self, total, .amount = adder->total);
}
static void adder_begins(tp_actor *self, struct adder *adder) {
    (void)adder;
    tp_register(self, "adder");
}
TP_BEHAVIOR(adder_behavior, "adder", struct adder, TP_INIT(adder_begins), TP_ON(add, on_add));

/* ---- the client ---- */

struct client {
    const struct settings *settings;
    tp_node *node;
};

static tp_err find_adder(tp_actor *self, tp_node *node, tp_pid *adder) {
    tp_err err = TP_ENOCONNECTION;
    for (unsigned i = 0; i < 500 && (err == TP_ENOCONNECTION || err == TP_ENOENT); i++) {
        err = tp_node_find(self, node, "adder@server@two-nodes", TP_SECONDS(5), adder);
        if (err != TP_OK) tp_sleep(self, TP_MS(20));
    }
    return err;
}

static void client_body(tp_actor *self, void *arg) {
    const struct client *client = arg;
    tp_pid adder;
    total sum = {0};
    tp_down down;
    tp_err err = find_adder(self, client->node, &adder);
    if (err != TP_OK) tp_fail(self, "no adder: %s", tp_strerror(err));
    tp_monitor(self, adder);
    for (uint64_t i = 1; i <= client->settings->calls && err == TP_OK; i++)
        err = tp_call(self, adder, TP_SECONDS(5), &sum, total, add, .amount = i);
    printf("the total is %" PRIu64 "%s%s\n", sum.amount, err == TP_OK ? "" : ": ",
           err == TP_OK ? "" : tp_strerror(err));
    fflush(stdout);
    if (tp_receive(self, TP_FOREVER, &down, tp_down) == TP_OK)
        printf("the adder is gone: %s\n", tp_exit_code_name(down.code));
    fflush(stdout);
}

/* ---- both ---- */

static int fail(const char *what, tp_err err) {
    fprintf(stderr, "two-nodes: %s: %s\n", what, tp_strerror(err));
    return 1;
}

static int serve(tp_runtime *runtime, tp_node *node, const struct settings *settings) {
    char url[256];
    tp_pid adder;
    tp_err err = tp_node_listen(node, settings->url, url, sizeof url);
    if (err != TP_OK) return fail(settings->url, err);
    (void)tp_node_export(node, "adder");
    if (settings->inspect != NULL) {
        bool any = strcmp(settings->inspect, "any") == 0;
        err = tp_node_permit(node, any ? NULL : settings->inspect, TP_MAY_ALL);
        if (err == TP_OK) err = tp_inspect_start(node);
        if (err != TP_OK) return fail("inspect", err);
    }
    err = tp_runtime_spawn(runtime, &adder, &adder_behavior, NULL);
    if (err == TP_OK) err = tp_runtime_stop_on_signals(runtime);
    if (err != TP_OK) return fail("adder", err);
    printf("listening at %s\n", url);
    fflush(stdout);
    (void)tp_runtime_wait(runtime, adder, TP_FOREVER, NULL); /* until a signal stops it */
    return 0;
}

static int ask(tp_runtime *runtime, tp_node *node, const struct settings *settings) {
    struct client client = {settings, node};
    tp_pid pid;
    int code = 0;
    tp_err err = tp_node_connect(node, settings->url, TP_SECONDS(20), NULL);
    if (err != TP_OK) return fail(settings->url, err);
    err = tp_runtime_spawn_body(runtime, &pid, client_body, &client, NULL);
    if (err == TP_OK) err = tp_runtime_wait(runtime, pid, TP_FOREVER, &code);
    if (err != TP_OK) return fail("client", err);
    return code == TP_EXIT_NORMAL || code == TP_EXIT_NOPROC ? 0 : 1;
}

static int run(const struct settings *settings) {
    tp_options options = {.node_name = settings->name};
    tp_node_options net = {.secret_file = settings->secret,
                           .heartbeat = TP_MS((int64_t)settings->heartbeat_ms)};
    tp_runtime *runtime;
    tp_node *node;
    tp_err err = tp_runtime_start(&runtime, &options);
    if (err != TP_OK) return fail("runtime", err);
    err = tp_node_start(runtime, &net, &node);
    int status = 1;
    if (err != TP_OK) (void)fail("node", err);
    else if (settings->server) status = serve(runtime, node, settings);
    else status = ask(runtime, node, settings);
    tp_runtime_stop(runtime);
    return status;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"secret", required_argument, NULL, 's'},  {"listen", required_argument, NULL, 'l'},
        {"join", required_argument, NULL, 'j'},    {"calls", required_argument, NULL, 'c'},
        {"name", required_argument, NULL, 'n'},    {"heartbeat-ms", required_argument, NULL, 'h'},
        {"inspect", required_argument, NULL, 'i'}, {NULL, 0, NULL, 0}};
    struct settings settings = {.url = "tcp://127.0.0.1:0", .calls = 10};
    if (argc > 1) settings.server = strcmp(argv[1], "server") == 0;
    settings.name = settings.server ? "server@two-nodes" : "client@two-nodes";
    bool bad = argc < 2 || (!settings.server && strcmp(argv[1], "client") != 0);
    for (int c; !bad && (c = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1;) {
        if (c == 's') settings.secret = optarg;
        else if (c == 'l' || c == 'j') settings.url = optarg;
        else if (c == 'c') settings.calls = strtoull(optarg, NULL, 10);
        else if (c == 'n') settings.name = optarg;
        else if (c == 'i') settings.inspect = optarg;
        else if (c == 'h') settings.heartbeat_ms = (uint32_t)strtoul(optarg, NULL, 10);
        else bad = true;
    }
    if (!bad) return run(&settings);
    fprintf(stderr,
            "usage: %s server --secret FILE [--listen URL] [--inspect NAME|any]\n"
            "       %s client --secret FILE --join URL [--calls N]\n",
            argv[0], argv[0]);
    return 2;
}
