/*
 * The connection: this program is a node for a moment, of whom the cluster knows no more than that.
 */
#include <string.h>
#include <unistd.h>

#include "tools/troupe/cli.h"
#include "tools/troupe/text.h"

/* What the library has to say of a setting. */
static void say(void *context, const tp_log_entry *entry) {
    (void)context;
    if (entry->level >= TP_LOG_ERROR) (void)fprintf(stderr, "troupe: %s\n", entry->text);
}

static int status_of(tp_err err) {
    switch (err) {
    case TP_OK: return CLI_OK;
    case TP_EREFUSED: return CLI_REFUSED;
    case TP_ENOPROC:
    case TP_ENOENT: return CLI_NOT_FOUND;
    case TP_ENOCONNECTION:
    case TP_ECLOSED: return CLI_UNREACHABLE;
    default: return CLI_FAILED;
    }
}

int cli_fail(const struct cli *cli, const char *what, tp_err err) {
    if (err == TP_EREFUSED) return cli_forbidden(cli, "look at it", "TP_MAY_INSPECT");
    const char *why = err == TP_ENOPROC ? "there is no such actor" : tp_strerror(err);
    if (err == TP_EFULL) why = "the node has too many such requests now";
    (void)fprintf(stderr, "troupe: %s: %s: %s\n", cli->peer_name, what, why);
    return status_of(err);
}

int cli_forbidden(const struct cli *cli, const char *verb, const char *permission) {
    (void)fprintf(
        stderr, "troupe: %s does not let %s %s: its program must tp_node_permit %s to that name\n",
        cli->peer_name, cli->own_name, verb, permission);
    return CLI_REFUSED;
}

int cli_find(tp_actor *self, struct cli *cli, const char *word, tp_pid *out) {
    tp_inspect_found found;
    *out = (tp_pid){.node = cli->peer};
    if (text_pid(word, out)) return CLI_OK;
    tp_err err =
        cli_ask(self, cli, &found, tp_inspect_found, tp_inspect_find, .name = tp_str_of(word));
    if (err != TP_OK) return cli_fail(cli, word, err);
    if (tp_pid_is_null(found.pid)) {
        (void)fprintf(stderr, "troupe: %s: no actor has the name '%s'\n", cli->peer_name, word);
        return CLI_NOT_FOUND;
    }
    *out = found.pid;
    return CLI_OK;
}

/* ---- the actor that runs the command ---- */

/* A moment passes until a new connection can be asked for names. */
static tp_err find_desk(tp_actor *self, struct cli *cli) {
    char name[sizeof TP_INSPECT_NAME + sizeof cli->peer_name];
    tp_time until = tp_now(self) + cli->timeout;
    (void)snprintf(name, sizeof name, "%s@%s", TP_INSPECT_NAME, cli->peer_name);
    for (;;) {
        tp_err err = tp_node_find(self, cli->node, name, cli->timeout, &cli->desk);
        if (err != TP_ENOCONNECTION || tp_now(self) >= until) return err;
        (void)tp_sleep(self, TP_MS(2));
    }
}

static int greet(tp_actor *self, struct cli *cli) {
    tp_inspect_node node;
    tp_err err = find_desk(self, cli);
    if (err == TP_ENOENT) {
        (void)fprintf(stderr,
                      "troupe: %s lets nobody look: its program must call tp_inspect_start\n",
                      cli->peer_name);
        return CLI_REFUSED;
    }
    if (err == TP_EREFUSED) return cli_forbidden(cli, "ask it anything", "TP_MAY_CALL");
    if (err == TP_OK) err = cli_ask(self, cli, &node, tp_inspect_node, tp_inspect_hello);
    if (err != TP_OK) return cli_fail(cli, "the first question", err);
    cli->may = node.may;
    return CLI_OK;
}

static void body(tp_actor *self, void *arg) {
    struct cli *cli = arg;
    int status = greet(self, cli);
    tp_release(self);
    cli->status = status == CLI_OK ? cli->command->run(self, cli) : status;
}

/* ---- around it ---- */

static int no_connection(const struct cli *cli, tp_err err) {
    if (err == TP_EREFUSED)
        (void)fprintf(stderr,
                      "troupe: %s: refused: another secret, another cluster (here: \"%s\"), or "
                      "nobody listens there\n",
                      cli->at, cli->cluster != NULL ? cli->cluster : "");
    else (void)fprintf(stderr, "troupe: %s: %s\n", cli->at, tp_strerror(err));
    return CLI_UNREACHABLE;
}

static tp_err connect_node(struct cli *cli) {
    tp_node_peer peers[4];
    tp_err err = tp_node_connect(cli->node, cli->at, cli->timeout, &cli->peer);
    if (err != TP_OK) return err;
    size_t count = tp_node_peers(cli->node, peers, 4);
    for (size_t i = 0; i < count && i < 4; i++)
        if (peers[i].node == cli->peer)
            (void)snprintf(cli->peer_name, sizeof cli->peer_name, "%s", peers[i].name);
    return cli->peer_name[0] != 0 ? TP_OK : TP_ENOCONNECTION;
}

static int run_body(struct cli *cli) {
    tp_pid pid;
    int code = 0;
    cli->status = CLI_FAILED;
    tp_err err = tp_runtime_stop_on_signals(cli->runtime);
    if (err == TP_OK) err = tp_runtime_spawn_body(cli->runtime, &pid, body, cli, NULL);
    if (err == TP_OK) err = tp_runtime_wait(cli->runtime, pid, TP_FOREVER, &code);
    if (err != TP_OK) (void)fprintf(stderr, "troupe: %s\n", tp_strerror(err));
    /* a signal ended what was meant to go on until then */
    return err == TP_OK && code == TP_EXIT_SHUTDOWN ? CLI_OK : cli->status;
}

/* Two at a time must not have one name. */
static void take_name(struct cli *cli) {
    uint32_t number = (uint32_t)getpid();
    if (cli->as != NULL) {
        (void)snprintf(cli->own_name, sizeof cli->own_name, "%s", cli->as);
        return;
    }
    if (getentropy(&number, sizeof number) != 0) number = (uint32_t)getpid();
    (void)snprintf(cli->own_name, sizeof cli->own_name, "troupe-%08x@cli", (unsigned)number);
}

int cli_connect_and_run(struct cli *cli) {
    take_name(cli);
    tp_options options = {.workers = 1,
                          .node_name = cli->own_name,
                          .log_level = TP_LOG_ERROR,
                          .log_hook = say,
                          .shutdown_grace = TP_MS(500)};
    /* hidden: it looks at one node, and the others are none of its business */
    tp_node_options net = {.cluster = cli->cluster,
                           .secret_file = cli->secret_file,
                           .plain = cli->plain,
                           .hidden = true};
    tp_err err = tp_runtime_start(&cli->runtime, &options);
    if (err != TP_OK) {
        (void)fprintf(stderr, "troupe: %s\n", tp_strerror(err));
        return CLI_FAILED;
    }
    int status = CLI_USAGE;
    err = tp_node_start(cli->runtime, &net, &cli->node);
    /* answers come in any case; a tracer sends, and watches who it is for */
    if (err == TP_OK) err = tp_node_permit(cli->node, NULL, TP_MAY_SEND | TP_MAY_MONITOR);
    if (err == TP_OK) {
        err = connect_node(cli);
        status = err == TP_OK ? run_body(cli) : no_connection(cli, err);
    } else {
        (void)fprintf(stderr, "troupe: %s: %s\n", cli->own_name, tp_strerror(err));
    }
    tp_runtime_stop(cli->runtime);
    return status;
}
