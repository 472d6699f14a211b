/*
 * A node of the bank: settings.
 */
#include "examples/bank/net.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <troupe/inspect.h>

#include "examples/bank/command.h"
#include "examples/bank/net_actors.h"

/* ---- settings ---- */

static bool text_take(struct net *net, const char *name, const char *value, char *out,
                      size_t size) {
    if (value[0] != '\0' && strlen(value) < size) {
        snprintf(out, size, "%s", value);
        return true;
    }
    usage_error(net->command, "--%s: empty or too long", name);
    return false;
}

static bool role_take(struct net *net, const char *word, size_t size) {
    for (size_t i = 0; i < BANK_ROLES; i++) {
        const char *name = bank_role_name((bank_role)i);
        if (strlen(name) != size || memcmp(name, word, size) != 0) continue;
        net->roles[i] = true;
        return true;
    }
    usage_error(net->command, "--roles: '%.*s' is none of ledger, teller, report and client",
                (int)size, word);
    return false;
}

static bool roles_take(struct net *net, const char *value) {
    memset(net->roles, 0, sizeof net->roles);
    for (;;) {
        size_t size = strcspn(value, ",");
        if (!role_take(net, value, size)) return false;
        if (value[size] == '\0') return true;
        value += size + 1;
    }
}

static bool join_take(struct net *net, const char *value) {
    if (net->join_count == NET_JOINS_MAX) {
        usage_error(net->command, "--join: more than %d addresses", NET_JOINS_MAX);
        return false;
    }
    return text_take(net, "join", value, net->joins[net->join_count++], BANK_URL_SIZE);
}

static bool switch_take(struct net *net, const char *name, const char *value, bool *out) {
    *out = strcmp(value, "yes") == 0;
    if (*out || strcmp(value, "no") == 0) return true;
    usage_error(net->command, "%s: '%s' is neither yes nor no", name, value);
    return false;
}

bool net_set(struct net *net, const char *name, const char *value) {
    const char *command = net->command;
    if (strcmp(name, "name") == 0) return text_take(net, name, value, net->name, sizeof net->name);
    if (strcmp(name, "listen") == 0)
        return text_take(net, name, value, net->listen, sizeof net->listen);
    if (strcmp(name, "secret-file") == 0)
        return text_take(net, name, value, net->secret, sizeof net->secret);
    if (strcmp(name, "tls-certificate") == 0)
        return text_take(net, name, value, net->certificate, sizeof net->certificate);
    if (strcmp(name, "tls-key") == 0) return text_take(net, name, value, net->key, sizeof net->key);
    if (strcmp(name, "tls-authority") == 0)
        return text_take(net, name, value, net->authority, sizeof net->authority);
    if (strcmp(name, "tls-name") == 0)
        return text_take(net, name, value, net->tls_name, sizeof net->tls_name);
    if (strcmp(name, "inspect") == 0)
        return text_take(net, name, value, net->inspect, sizeof net->inspect);
    if (strcmp(name, "join") == 0) return join_take(net, value);
    if (strcmp(name, "roles") == 0) return roles_take(net, value);
    if (strcmp(name, "plain") == 0) return switch_take(net, name, value, &net->plain);
    if (strcmp(name, "hidden") == 0) return switch_take(net, name, value, &net->hidden);
    if (strcmp(name, "shards") == 0)
        return number_option(command, "--shards", value, 1, BANK_SHARDS_MAX, &net->shards);
    if (strcmp(name, "shard") == 0)
        return number_option(command, "--shard", value, 0, BANK_SHARDS_MAX - 1, &net->shard);
    if (strcmp(name, "heartbeat-ms") == 0)
        return number_option(command, "--heartbeat-ms", value, 200, 3600000, &net->heartbeat_ms);
    if (strcmp(name, "workers") == 0)
        return number_option(command, "--workers", value, 1, 64, &net->workers);
    if (strcmp(name, "crash-one-in") == 0)
        return number_option(command, "--crash-one-in", value, 0, UINT32_MAX, &net->crash_one_in);
    usage_error(command, "there is no setting '%s'", name);
    return false;
}

static char *trimmed(char *text) {
    while (isspace((unsigned char)*text)) text++;
    size_t size = strlen(text);
    while (size > 0 && isspace((unsigned char)text[size - 1])) text[--size] = '\0';
    return text;
}

bool net_read(struct net *net, const char *path) {
    FILE *file = fopen(path, "r");
    char line[512];
    unsigned number = 0;
    bool good = file != NULL;
    if (!good) usage_error(net->command, "%s: it cannot be read", path);
    while (good && fgets(line, sizeof line, file) != NULL) {
        number++;
        line[strcspn(line, "#")] = '\0';
        char *name = trimmed(line);
        if (name[0] == '\0') continue;
        char *value = strchr(name, '=');
        good = value != NULL;
        if (good) *value++ = '\0';
        good = good && net_set(net, trimmed(name), trimmed(value));
        if (!good)
            fprintf(stderr, "bank %s: %s:%u: not 'name = value'\n", net->command, path, number);
    }
    if (file != NULL) fclose(file);
    return good;
}

bool net_check(struct net *net) {
    const char *wrong = NULL;
    bool any = false;
    for (size_t i = 0; i < BANK_ROLES; i++) any = any || net->roles[i];
    if (net->name[0] == '\0') wrong = "--name is needed";
    else if (!any) wrong = "--roles is needed";
    else if (net->shard >= net->shards) wrong = "--shard must be below --shards";
    else if (net->secret[0] != '\0' && net->plain) wrong = "either --secret-file or --plain";
    else if (net->secret[0] == '\0' && !net->plain)
        wrong = "--secret-file FILE is needed, or --plain";
    else if (net->listen[0] == '\0' && net->join_count == 0) wrong = "--listen or --join is needed";
    if (wrong != NULL) usage_error(net->command, "%s", wrong);
    return wrong == NULL;
}

/* ---- starting ---- */

static int fault(const struct net *net, const char *what, tp_err err) {
    fprintf(stderr, "bank %s: %s: %s\n", net->command, what, tp_strerror(err));
    return STATUS_FAILED;
}

/* Never used before: a shard that comes back has another one. */
static uint64_t generation_new(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Lets the node that was named, or each, look at this one. */
static tp_err inspect_start(struct net *net) {
    if (net->inspect[0] == '\0') return TP_OK;
    const char *who = strcmp(net->inspect, "any") == 0 ? NULL : net->inspect;
    tp_err err = tp_node_permit(net->node, who, TP_MAY_ALL);
    return err == TP_OK ? tp_inspect_start(net->node) : err;
}

/* NULL: nothing was said. */
static const char *said(const char *text) {
    return text[0] == '\0' ? NULL : text;
}

int net_start(struct net *net) {
    tp_options options = {.workers = (unsigned)net->workers, .node_name = net->name};
    tp_node_options node = {.cluster = "bank",
                            .secret_file = said(net->secret),
                            .plain = net->plain,
                            .hidden = net->hidden,
                            .tls_certificate = said(net->certificate),
                            .tls_key = said(net->key),
                            .tls_authority = said(net->authority),
                            .tls_name = said(net->tls_name),
                            .heartbeat = TP_MS((int64_t)net->heartbeat_ms)};
    if (net->roles[BANK_ROLE_LEDGER]) {
        net->store = bank_store_new(net->shard, net->shards, generation_new());
        if (net->store == NULL) return fault(net, "the store", TP_ENOMEM);
    }
    tp_err err = tp_runtime_start(&net->runtime, &options);
    if (err != TP_OK) return fault(net, "the runtime", err);
    err = tp_node_start(net->runtime, &node, &net->node);
    if (err != TP_OK) return fault(net, net->name, err);
    if (net->listen[0] != '\0')
        err = tp_node_listen(net->node, net->listen, net->url, sizeof net->url);
    if (err != TP_OK) return fault(net, net->listen, err);
    err = inspect_start(net);
    if (err != TP_OK) return fault(net, "--inspect", err);
    err = tp_node_export(net->node, BANK_DIRECTORY);
    for (size_t i = 0; i < net->join_count && err == TP_OK; i++) {
        err = tp_node_join(net->node, net->joins[i]);
        if (err != TP_OK) return fault(net, net->joins[i], err);
    }
    return err == TP_OK ? STATUS_OK : fault(net, "the directory", err);
}

void net_stop(struct net *net) {
    if (net->runtime != NULL) tp_runtime_stop(net->runtime);
    bank_store_free(net->store);
    net->runtime = NULL;
    net->store = NULL;
}
