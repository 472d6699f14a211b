/*
 * The commands that look once: nodes, ps, tree, info, ping.
 */
#include <inttypes.h>
#include <string.h>

#include "tools/troupe/snapshot.h"

/* ---- nodes ---- */

static void node_json(struct json *json, const tp_inspect_node *node) {
    char may[80];
    json_object(json, "node");
    json_text(json, "name", node->name);
    json_node(json, "id", node->node);
    json_text(json, "you_may", tp_str_of(text_may(node->may, may)));
    json_number(json, "workers", node->workers);
    json_real(json, "up_seconds", (double)node->up / 1e9, 1);
    json_number(json, "actors", node->actors);
    json_number(json, "spawned", node->spawned);
    json_number(json, "failed", node->failed);
    json_number(json, "sent", node->sent);
    json_number(json, "handled", node->handled);
    json_number(json, "dropped", node->dropped);
    json_number(json, "dead_letters", node->dead_letters);
    json_number(json, "memory", node->memory);
    json_number(json, "faults", node->faults);
    json_number(json, "stuck", node->stuck);
    json_number(json, "remote_sent", node->remote_sent);
    json_number(json, "remote_received", node->remote_received);
    json_number(json, "forbidden", node->forbidden);
    json_number(json, "refused", node->refused);
    json_number(json, "unreachable", node->unreachable);
    json_end_object(json);
}

static void peer_json(struct json *json, const tp_inspect_peer *peer) {
    char may[80];
    json_object(json, NULL);
    json_text(json, "name", peer->name);
    json_node(json, "id", peer->node);
    json_text(json, "may", tp_str_of(text_may(peer->may, may)));
    json_bool(json, "outgoing", peer->outgoing);
    json_number(json, "backlog", peer->backlog);
    json_real(json, "silent_seconds", (double)peer->silent / 1e9, 3);
    json_end_object(json);
}

static void put_node(const tp_inspect_node *node) {
    char text[5][TEXT_SHORT];
    (void)text_put(stdout, node->name, 0);
    (void)printf(": up %s, %s actors on %" PRIu32 " workers, %s messages handled, %sB\n",
                 text_span(node->up, text[0]), text_count(node->actors, text[1]), node->workers,
                 text_count(node->handled, text[2]), text_count(node->memory, text[3]));
    (void)printf("failed %" PRIu64 ", dropped %" PRIu64 ", dead letters %" PRIu64
                 ", faults %" PRIu64 ", stuck %" PRIu64 ", forbidden %" PRIu64 ", refused %" PRIu64
                 ", unreachable %" PRIu64 "\n\n",
                 node->failed, node->dropped, node->dead_letters, node->faults, node->stuck,
                 node->forbidden, node->refused, node->unreachable);
    (void)printf("%-32s %-4s %8s %8s  %s\n", "NODE", "BY", "BACKLOG", "SILENT", "MAY");
}

static void put_peer(const tp_inspect_peer *peer) {
    char may[80], text[2][TEXT_SHORT];
    text_column(stdout, peer->name, 32);
    (void)printf(" %-4s %8s %8s  %s\n", peer->outgoing ? "it" : "them",
                 text_count(peer->backlog, text[0]), text_span(peer->silent, text[1]),
                 text_may(peer->may, may));
}

int cli_nodes(tp_actor *self, struct cli *cli) {
    tp_inspect_node node;
    tp_inspect_peers peers;
    struct json json = {.out = stdout};
    tp_err err = cli_ask(self, cli, &node, tp_inspect_node, tp_inspect_hello);
    if (err == TP_OK) err = cli_ask(self, cli, &peers, tp_inspect_peers, tp_inspect_list_peers);
    if (err != TP_OK) return cli_fail(cli, "its peers", err);
    if (cli->json) {
        json_object(&json, NULL);
        node_json(&json, &node);
        json_list(&json, "peers");
    } else {
        put_node(&node);
    }
    for (size_t i = 0; i < peers.peers.count; i++) {
        if (cli->json) peer_json(&json, &peers.peers.items[i]);
        else put_peer(&peers.peers.items[i]);
    }
    if (!cli->json) return CLI_OK;
    json_end_list(&json);
    json_end_object(&json);
    json_done(&json);
    return CLI_OK;
}

/* ---- ps, tree ---- */

int cli_ps(tp_actor *self, struct cli *cli) {
    struct actor_table table;
    struct json json = {.out = stdout};
    int status = snapshot_take(self, cli, &table);
    if (status != CLI_OK) return status;
    if (cli->sort != NULL) view_sort(&table, cli->sort);
    if (cli->json) {
        json_object(&json, NULL);
        json_text(&json, "node", tp_str_of(cli->peer_name));
        json_number(&json, "count", table.count);
        json_bool(&json, "cut", table.cut);
        view_rows_json(&json, "actors", &table, cli->limit, false);
        json_end_object(&json);
        json_done(&json);
    } else {
        view_table(stdout, &table, cli->limit, false);
        if (table.cut) (void)printf("(there are more than %u)\n", SNAPSHOT_MAX);
    }
    snapshot_free(self, &table);
    return CLI_OK;
}

int cli_tree(tp_actor *self, struct cli *cli) {
    struct actor_table table;
    struct json json = {.out = stdout};
    tp_pid root = tp_pid_null();
    int status = cli->word_count == 0 ? CLI_OK : cli_find(self, cli, cli->words[0], &root);
    if (status == CLI_OK) status = snapshot_take(self, cli, &table);
    if (status != CLI_OK) return status;
    bool found;
    if (cli->json) {
        json_object(&json, NULL);
        json_text(&json, "node", tp_str_of(cli->peer_name));
        found = view_tree_json(&json, &table, root);
        json_end_object(&json);
        json_done(&json);
    } else {
        found = view_tree(stdout, &table, root);
    }
    snapshot_free(self, &table);
    return found ? CLI_OK : cli_fail(cli, cli->words[0], TP_ENOPROC);
}

/* ---- info ---- */

static void put_pids(const char *label, const tp_list_pid *pids, uint32_t count, uint64_t home) {
    char text[TEXT_SHORT];
    (void)printf("%-12s %" PRIu32, label, count);
    for (size_t i = 0; i < pids->count; i++)
        (void)printf("%s%s", i == 0 ? ": " : ", ", text_pid_of(pids->items[i], home, text));
    (void)puts(pids->count > 0 && pids->count < count ? ", ..." : "");
}

static const char *form_before(tp_field_form form) {
    switch (form) {
    case TP_FORM_OPTIONAL: return "optional ";
    case TP_FORM_LIST:
    case TP_FORM_LIST_OF: return "list of ";
    case TP_FORM_MAP: return "map of ";
    case TP_FORM_ENUM: return "enum ";
    default: return "";
    }
}

static void put_types(const tp_inspect_detail *detail) {
    size_t at = 0;
    for (size_t i = 0; i < detail->types.count; i++) {
        const tp_inspect_type *type = &detail->types.items[i];
        (void)printf("%-12s ", i == 0 ? "handles" : "");
        (void)text_put(stdout, type->name, 0);
        (void)putchar('(');
        for (uint32_t j = 0; j < type->fields && at < detail->fields.count; j++, at++) {
            const tp_inspect_field *field = &detail->fields.items[at];
            (void)printf("%s", j > 0 ? ", " : "");
            (void)text_put(stdout, field->name, 0);
            (void)printf(" %s", form_before(field->form));
            (void)text_put(stdout, field->kind, 0);
        }
        (void)puts(")");
    }
}

static void put_detail(const struct cli *cli, const tp_inspect_detail *detail) {
    const tp_inspect_actor *actor = &detail->actor;
    char text[TEXT_SHORT], pid[TEXT_SHORT];
    (void)printf("%-12s %s", "pid", text_pid_of(actor->pid, cli->peer, pid));
    (void)printf(" on %s\n%-12s ", cli->peer_name, "name");
    (void)text_put(stdout, actor->name.size > 0 ? actor->name : TP_STR("-"), 0);
    (void)printf("\n%-12s ", "behavior");
    (void)text_put(stdout, actor->behavior.size > 0 ? actor->behavior : TP_STR("-"), 0);
    (void)printf("\n%-12s %s", "doing", tp_doing_name(actor->doing));
    if (!tp_pid_is_null(actor->waits_for))
        (void)printf(", waits for %s", text_pid_of(actor->waits_for, cli->peer, pid));
    (void)printf("\n%-12s %" PRIu32 " waiting of %" PRIu32 ", %" PRIu32 " postponed\n", "mailbox",
                 actor->mailbox, actor->mailbox_limit, actor->postponed);
    if (actor->err != TP_OK) return;
    (void)printf("%-12s %" PRIu32 " messages\n", "handled", actor->handled);
    (void)printf("%-12s %s\n", "parent", text_pid_of(actor->parent, cli->peer, pid));
    put_pids("links", &detail->linked, actor->links, cli->peer);
    put_pids("monitors", &detail->monitored, actor->monitors, cli->peer);
    (void)printf("%-12s %" PRIu32 "\n", "watchers", actor->watchers);
    (void)printf("%-12s %sB%s%s%s%s\n", "state", text_count(actor->state_size, text),
                 actor->traps_exits ? ", traps exits" : "", actor->isolated ? ", isolated" : "",
                 actor->traced ? ", traced" : "", detail->suspended ? ", suspended" : "");
    if (detail->state.size > 0) {
        (void)printf("%-12s ", "");
        (void)text_put(stdout, detail->state, 0);
        (void)putchar('\n');
    }
    put_types(detail);
}

static void pids_json(struct json *json, const char *name, const tp_list_pid *pids, uint64_t home) {
    json_list(json, name);
    for (size_t i = 0; i < pids->count; i++) json_pid(json, NULL, pids->items[i], home);
    json_end_list(json);
}

static void types_json(struct json *json, const tp_inspect_detail *detail) {
    size_t at = 0;
    json_list(json, "handles");
    for (size_t i = 0; i < detail->types.count; i++) {
        json_object(json, NULL);
        json_text(json, "type", detail->types.items[i].name);
        json_list(json, "fields");
        for (uint32_t j = 0; j < detail->types.items[i].fields && at < detail->fields.count;
             j++, at++) {
            json_object(json, NULL);
            json_text(json, "name", detail->fields.items[at].name);
            json_text(json, "kind", detail->fields.items[at].kind);
            json_number(json, "form", (uint64_t)detail->fields.items[at].form);
            json_end_object(json);
        }
        json_end_list(json);
        json_end_object(json);
    }
    json_end_list(json);
}

int cli_info(tp_actor *self, struct cli *cli) {
    tp_inspect_detail detail;
    struct json json = {.out = stdout};
    tp_pid pid;
    int status = cli_find(self, cli, cli->words[0], &pid);
    if (status != CLI_OK) return status;
    tp_err err = cli_ask(self, cli, &detail, tp_inspect_detail, tp_inspect_look, .pid = pid);
    if (err != TP_OK) return cli_fail(cli, cli->words[0], err);
    if (!cli->json) {
        put_detail(cli, &detail);
        return CLI_OK;
    }
    json_object(&json, NULL);
    json_text(&json, "node", tp_str_of(cli->peer_name));
    view_actor_json(&json, &detail.actor, cli->peer);
    pids_json(&json, "linked", &detail.linked, cli->peer);
    pids_json(&json, "monitored", &detail.monitored, cli->peer);
    json_bool(&json, "suspended", detail.suspended);
    if (detail.state.size > 0) json_text(&json, "state", detail.state);
    types_json(&json, &detail);
    json_end_object(&json);
    json_done(&json);
    return CLI_OK;
}

/* ---- ping ---- */

struct pings {
    uint64_t count, busy;
    double least, most, sum; /* microseconds */
};

/* One question and its answer; the actor's runtime answers for the actor. */
static tp_err ping_once(tp_actor *self, struct cli *cli, tp_pid pid, struct pings *pings) {
    tp_inspect_node node;
    tp_inspect_detail detail = {0};
    tp_time began = tp_now(self);
    tp_err err = tp_pid_is_null(pid)
                     ? cli_ask(self, cli, &node, tp_inspect_node, tp_inspect_hello)
                     : cli_ask(self, cli, &detail, tp_inspect_detail, tp_inspect_look, .pid = pid);
    if (err != TP_OK) return err;
    double took = (double)(tp_now(self) - began) / 1e3;
    bool busy = detail.actor.err == TP_ETIMEDOUT;
    pings->count++;
    pings->busy += busy;
    pings->sum += took;
    if (pings->count == 1 || took < pings->least) pings->least = took;
    if (took > pings->most) pings->most = took;
    if (!cli->json)
        (void)printf("answer %" PRIu64 " from %s: %.0f us%s\n", pings->count,
                     cli->word_count > 0 ? cli->words[0] : cli->peer_name, took,
                     busy ? ", it is busy" : "");
    (void)fflush(stdout);
    tp_release(self);
    return TP_OK;
}

static void pings_end(const struct cli *cli, const struct pings *pings) {
    struct json json = {.out = stdout};
    double mean = pings->sum / (double)pings->count;
    if (!cli->json) {
        (void)printf("%" PRIu64 " answers: least %.0f, mean %.0f, most %.0f us\n", pings->count,
                     pings->least, mean, pings->most);
        return;
    }
    json_object(&json, NULL);
    json_text(&json, "node", tp_str_of(cli->peer_name));
    if (cli->word_count > 0) json_text(&json, "actor", tp_str_of(cli->words[0]));
    json_number(&json, "answers", pings->count);
    json_number(&json, "busy", pings->busy);
    json_real(&json, "least_us", pings->least, 1);
    json_real(&json, "mean_us", mean, 1);
    json_real(&json, "most_us", pings->most, 1);
    json_end_object(&json);
    json_done(&json);
}

int cli_ping(tp_actor *self, struct cli *cli) {
    struct pings pings = {0};
    tp_pid pid = tp_pid_null();
    int status = cli->word_count == 0 ? CLI_OK : cli_find(self, cli, cli->words[0], &pid);
    if (status != CLI_OK) return status;
    uint64_t count = cli->count == 0 ? 4 : cli->count;
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) (void)tp_sleep(self, cli->interval);
        tp_err err = ping_once(self, cli, pid, &pings);
        if (err != TP_OK) return cli_fail(cli, cli->word_count > 0 ? cli->words[0] : "ping", err);
    }
    pings_end(cli, &pings);
    return CLI_OK;
}
