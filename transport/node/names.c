/*
 * Names that other nodes may ask for, and actors that watch nodes come and go.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/call.h>
#include <troupe/inbox.h>
#include <troupe/name.h>

#include "transport/node/node.h"

#define EXPORTS_MAX 4096u
#define DESK_LIMIT 65536u

TP_MESSAGE_AS(find_name, "tp.find_name", TP_FIELD(str, name))
TP_MESSAGE_AS(found_name, "tp.found_name", TP_FIELD(pid, who))

static bool is_exported(struct tp_node *node, tp_str name) {
    bool found = false;
    tpi_mutex_lock(&node->lock);
    for (struct tpi_export *e = node->exports; e != NULL && !found; e = e->next)
        found = strlen(e->name) == name.size && memcmp(e->name, name.data, name.size) == 0;
    tpi_mutex_unlock(&node->lock);
    return found;
}

static tp_pid find_here(struct tp_node *node, tp_str name) {
    char text[TP_NAME_SIZE_MAX + 1];
    if (name.size > TP_NAME_SIZE_MAX || !is_exported(node, name)) return tp_pid_null();
    memcpy(text, name.data, name.size);
    text[name.size] = 0;
    return tp_whereis(node->runtime, text);
}

/* Answers other nodes; what is no question is dropped. */
static void names_body(tp_actor *self, void *arg) {
    struct tp_node *node = arg;
    const tp_message *message;
    struct tpi_desk desk = {.node = node, .token = node->desk_token};
    while (tp_receive_any(self, TP_FOREVER, NULL, NULL, &message) == TP_OK) {
        find_name ask;
        if (tpi_groups_told(self, &desk, message) || tpi_spawn_asked(self, &desk, message) ||
            tpi_cluster_told(self, &desk, message) || tpi_mesh_told(self, &desk, message))
            continue;
        if (!tp_message_is(message, find_name)) continue;
        if (tp_message_get(self, message, &ask, find_name) != TP_OK) continue;
        (void)tp_reply(self, found_name, .who = find_here(node, ask.name));
    }
}

tp_err tpi_names_start(struct tp_node *node) {
    tpi_node_draw(node, &node->desk_token, sizeof node->desk_token);
    /* two such actors that tell each other all they have must not wait for each other's mailbox */
    const tp_spawn_options options = {.mailbox_limit = DESK_LIMIT};
    return tp_runtime_spawn_body(node->runtime, &node->names, names_body, node, &options);
}

void tpi_names_free(struct tp_node *node) {
    while (node->exports != NULL) {
        struct tpi_export *next = node->exports->next;
        free(node->exports);
        node->exports = next;
    }
    while (node->watches != NULL) {
        struct tpi_node_watch *next = node->watches->next;
        free(node->watches);
        node->watches = next;
    }
}

tp_err tp_node_export(tp_node *node, const char *name) {
    if (node == NULL || name == NULL || name[0] == 0 || strlen(name) > TP_NAME_SIZE_MAX ||
        strchr(name, '@') != NULL)
        return TP_EINVAL;
    if (is_exported(node, (tp_str){name, strlen(name)})) return TP_OK;
    struct tpi_export *e = malloc(sizeof *e + strlen(name) + 1);
    if (e == NULL) return TP_ENOMEM;
    memcpy(e->name, name, strlen(name) + 1);
    tpi_mutex_lock(&node->lock);
    e->next = node->exports;
    node->exports = e;
    tpi_mutex_unlock(&node->lock);
    return TP_OK;
}

/* The actor for names of the peer with that name; null: not connected. */
static tp_pid names_of(struct tp_node *node, const char *name) {
    /* acquire: partner is the release store in peer_place */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_acquire);
    tp_pid names = tp_pid_null();
    for (uint32_t i = 0; i < count; i++) {
        struct tpi_peer_state *peer = node->peers[i];
        tpi_mutex_lock(&peer->lock);
        if (strcmp(peer->name, name) == 0) names = peer->names;
        tpi_mutex_unlock(&peer->lock);
    }
    return names;
}

tp_err tp_node_find(tp_actor *self, tp_node *node, const char *name, tp_duration timeout,
                    tp_pid *out) {
    const char *at = name == NULL ? NULL : strchr(name, '@');
    if (node == NULL || out == NULL || at == NULL) return TP_EINVAL;
    tp_str local = {name, (size_t)(at - name)};
    found_name found = {tp_pid_null()};
    if (strcmp(at + 1, node->hello.name) == 0) {
        found.who = find_here(node, local);
    } else {
        tp_pid names = names_of(node, at + 1);
        if (tp_pid_is_null(names)) return TP_ENOCONNECTION;
        tp_err err = tp_call(self, names, timeout, &found, found_name, find_name, .name = local);
        if (err != TP_OK) return err;
    }
    *out = found.who;
    return tp_pid_is_null(found.who) ? TP_ENOENT : TP_OK;
}

/* ---- watching nodes ---- */

tp_err tp_node_watch(tp_actor *self, tp_node *node) {
    struct tpi_node_watch *watch = node == NULL ? NULL : malloc(sizeof *watch);
    if (watch == NULL) return node == NULL ? TP_EINVAL : TP_ENOMEM;
    watch->who = tp_self(self);
    tpi_mutex_lock(&node->lock);
    watch->next = node->watches;
    node->watches = watch;
    tpi_mutex_unlock(&node->lock);
    return TP_OK;
}

void tpi_watchers_tell(struct tp_node *node, uint64_t id, const char *name, const char *reason) {
    struct tpi_node_watch **place = &node->watches;
    tp_str text = {name, strlen(name)};
    while (*place != NULL) {
        struct tpi_node_watch *watch = *place;
        if (!tp_alive(node->runtime, watch->who)) {
            *place = watch->next;
            free(watch);
            continue;
        }
        if (reason == NULL)
            (void)tp_post(node->runtime, watch->who, tp_node_up, .node = id, .name = text);
        else
            (void)tp_post(node->runtime, watch->who, tp_node_down, .node = id, .name = text,
                          .reason = {reason, strlen(reason)});
        place = &watch->next;
    }
}
