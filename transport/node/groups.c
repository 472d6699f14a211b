/*
 * Groups that span nodes: scopes that are shared here and on other nodes, as pg has them.
 *
 * The node's own actor (names.c) follows the memberships of local actors, and tells each change to
 * its like on every connected node. Where a connection begins each side sends all it has, which
 * replaces whatever the other believed; where one ends, the members of that node are gone. Only
 * local actors are ever spoken for, so there is nothing to agree on and no lock.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/inbox.h>
#include <troupe/name.h>
#include <troupe/signal.h>

#include "core/actor/extra.h"
#include "core/registry/far.h"
#include "transport/node/node.h"

#define SCOPES_MAX 256u
#define FAR_MEMBERS_MAX 65536u /* of one node in one scope */

TP_MESSAGE_AS(groups_share, "tp.groups_share", TP_FIELD(u64, token), TP_FIELD(str, scope))
TP_MESSAGE_AS(groups_peer, "tp.groups_peer", TP_FIELD(u64, token), TP_FIELD(pid, desk),
              TP_FIELD(str, name), TP_FIELD(bool, hidden))
TP_MESSAGE_AS(groups_discover, "tp.groups_discover", TP_FIELD(str, scope))
TP_MESSAGE_AS(groups_begin, "tp.groups_begin", TP_FIELD(str, scope))
TP_MESSAGE_AS(groups_entry, "tp.groups_entry", TP_FIELD(str, group), TP_FIELD(pid, member))
TP_MESSAGE_AS(groups_end, "tp.groups_end")
TP_MESSAGE_AS(groups_change, "tp.groups_change", TP_FIELD(str, scope), TP_FIELD(str, group),
              TP_FIELD(pid, member), TP_FIELD(bool, joined))

/* One membership; all of this is memory of the actor's, and goes with it. */
struct tpi_membership {
    struct tpi_membership *next;
    tp_pid member;
    bool matched;
    char group[TP_NAME_SIZE_MAX + 1];
};

struct tpi_scope {
    struct tpi_scope *next;
    tp_ref follows;
    struct tpi_membership *entries; /* of local actors, as far as the changes have been heard */
    char name[TP_NAME_SIZE_MAX + 1];
};

/* ---- little things ---- */

static bool take_text(char *out, tp_str text) {
    if (text.size == 0 || text.size > TP_NAME_SIZE_MAX || memchr(text.data, 0, text.size) != NULL)
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

static tp_str text_of(const char *text) {
    return (tp_str){text, strlen(text)};
}

static struct tpi_scope *find_scope(struct tpi_desk *desk, const char *name) {
    struct tpi_scope *scope = desk->scopes;
    while (scope != NULL && strcmp(scope->name, name) != 0) scope = scope->next;
    return scope;
}

struct tpi_far_desk *tpi_far_desk_of(struct tpi_desk *desk, tp_pid pid) {
    struct tpi_far_desk *far = desk->fars;
    while (far != NULL && !tp_pid_equal(far->pid, pid)) far = far->next;
    return far;
}

static bool add_entry(tp_actor *self, struct tpi_membership **list, const char *group,
                      tp_pid member) {
    struct tpi_membership *entry = tp_alloc(self, sizeof *entry);
    if (entry == NULL) return false;
    entry->next = *list;
    entry->member = member;
    entry->matched = false;
    (void)take_text(entry->group, text_of(group));
    *list = entry;
    return true;
}

static struct tpi_membership **find_entry(struct tpi_membership **list, const char *group,
                                          tp_pid member) {
    for (; *list != NULL; list = &(*list)->next)
        if (!(*list)->matched && tp_pid_equal((*list)->member, member) &&
            strcmp((*list)->group, group) == 0)
            return list;
    return NULL;
}

static void remove_entry(tp_actor *self, struct tpi_membership **place) {
    struct tpi_membership *entry = *place;
    *place = entry->next;
    tp_free(self, entry);
}

static void free_entries(tp_actor *self, struct tpi_membership **list) {
    while (*list != NULL) remove_entry(self, list);
}

/* ---- telling others ---- */

static void send_all(tp_actor *self, const struct tpi_scope *scope, tp_pid to) {
    (void)tp_send(self, to, groups_begin, .scope = text_of(scope->name));
    for (const struct tpi_membership *entry = scope->entries; entry != NULL; entry = entry->next)
        (void)tp_send(self, to, groups_entry, .group = text_of(entry->group),
                      .member = entry->member);
    (void)tp_send(self, to, groups_end);
}

struct snapshot {
    tp_actor *self;
    struct tpi_scope *scope;
    bool failed;
};

static void take_snapshot(void *context, const char *group, tp_pid member) {
    struct snapshot *snapshot = context;
    if (!add_entry(snapshot->self, &snapshot->scope->entries, group, member))
        snapshot->failed = true;
}

static void on_share(tp_actor *self, struct tpi_desk *desk, const groups_share *msg) {
    char name[TP_NAME_SIZE_MAX + 1];
    if (msg->token != desk->token || !take_text(name, msg->scope) ||
        find_scope(desk, name) != NULL || desk->scope_count == SCOPES_MAX)
        return;
    struct tpi_scope *scope = tp_alloc(self, sizeof *scope);
    if (scope == NULL) return;
    memset(scope, 0, sizeof *scope);
    memcpy(scope->name, name, sizeof name);
    struct snapshot snapshot = {self, scope, false};
    tp_err err = tpi_groups_follow(self, name, &scope->follows, take_snapshot, &snapshot);
    if (err != TP_OK || snapshot.failed) {
        if (err == TP_OK) (void)tp_group_demonitor(self, scope->follows);
        free_entries(self, &scope->entries);
        tp_free(self, scope);
        tp_log(self, TP_LOG_ERROR, "out of memory: groups of \"%s\" are not shared", name);
        return;
    }
    scope->next = desk->scopes;
    desk->scopes = scope;
    desk->scope_count++;
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next) {
        (void)tp_send(self, far->pid, groups_discover, .scope = msg->scope);
        send_all(self, scope, far->pid);
    }
}

/* A change here is told to all; one of a far member was told by its own node. */
static void on_changed(tp_actor *self, struct tpi_desk *desk, const tp_group_changed *msg) {
    char name[TP_NAME_SIZE_MAX + 1], group[TP_NAME_SIZE_MAX + 1];
    if (msg->member.node != tp_self(self).node || !take_text(name, msg->scope) ||
        !take_text(group, msg->group))
        return;
    struct tpi_scope *scope = find_scope(desk, name);
    if (scope == NULL || scope->follows != msg->ref) return;
    struct tpi_membership **place =
        msg->joined ? NULL : find_entry(&scope->entries, group, msg->member);
    if (place != NULL) remove_entry(self, place);
    if (msg->joined && !add_entry(self, &scope->entries, group, msg->member))
        tp_fail(self, "out of memory: a member of \"%s\" cannot be told", group);
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next)
        (void)tp_send(self, far->pid, groups_change, .scope = msg->scope, .group = msg->group,
                      .member = msg->member, .joined = msg->joined);
}

/* ---- being told ---- */

static void on_peer(tp_actor *self, struct tpi_desk *desk, const groups_peer *msg) {
    if (msg->token != desk->token) return;
    struct tpi_far_desk *far = tpi_far_desk_of(desk, msg->desk);
    if (far != NULL) { /* this actor was late: it was met over the connection that begins here */
        tpi_cluster_meet_again(desk, far);
        tpi_mesh_meet(self, desk, far, msg->hidden);
        return;
    }
    far = tp_alloc(self, sizeof *far);
    if (far == NULL) return;
    memset(far, 0, sizeof *far);
    far->pid = msg->desk;
    if (msg->name.size <= TPI_NODE_NAME_MAX) memcpy(far->name, msg->name.data, msg->name.size);
    far->monitor = tp_monitor(self, msg->desk);
    if (far->monitor == 0) {
        tp_free(self, far);
        return;
    }
    far->next = desk->fars;
    desk->fars = far;
    for (struct tpi_scope *scope = desk->scopes; scope != NULL; scope = scope->next)
        send_all(self, scope, far->pid);
    tpi_cluster_meet(self, desk, far);
    tpi_mesh_meet(self, desk, far, msg->hidden);
}

/* The end of a far desk; else of an actor here that has a name in the cluster, or a keeper. */
static void on_far_down(tp_actor *self, struct tpi_desk *desk, const tp_down *msg) {
    for (struct tpi_far_desk **place = &desk->fars; *place != NULL; place = &(*place)->next) {
        struct tpi_far_desk *far = *place;
        if (far->monitor != msg->ref) continue;
        *place = far->next;
        tpi_groups_forget(self, far->pid.node);
        tpi_cluster_forget(self, desk, far);
        free_entries(self, &far->news);
        tp_free(self, far);
        return;
    }
    tpi_cluster_owner_ended(self, desk, msg->ref);
    tpi_spawn_keeper_ended(self, desk, msg->ref);
}

static void on_begin(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far,
                     const groups_begin *msg) {
    char name[TP_NAME_SIZE_MAX + 1];
    free_entries(self, &far->news);
    far->count = 0;
    far->syncing = take_text(name, msg->scope) ? find_scope(desk, name) : NULL;
}

/* True when the far node may speak for that actor. */
static bool speaks_for(struct tp_node *node, const struct tpi_far_desk *far, tp_pid member) {
    if (member.node == far->pid.node) return true;
    tpi_node_count(&node->forbidden);
    return false;
}

static void on_entry(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far,
                     const groups_entry *msg) {
    char group[TP_NAME_SIZE_MAX + 1];
    if (far->syncing == NULL || !take_text(group, msg->group) ||
        !speaks_for(desk->node, far, msg->member))
        return;
    if (far->count >= FAR_MEMBERS_MAX) tpi_node_count(&desk->node->forbidden);
    else if (add_entry(self, &far->news, group, msg->member)) far->count++;
}

struct difference {
    tp_actor *self;
    struct tpi_membership *news, *gone;
};

static void compare(void *context, const char *group, tp_pid member) {
    struct difference *difference = context;
    struct tpi_membership **place = find_entry(&difference->news, group, member);
    if (place != NULL) (*place)->matched = true;
    else (void)add_entry(difference->self, &difference->gone, group, member);
}

/* What was told replaces what was believed; monitors hear of the difference. */
static void on_sync_end(tp_actor *self, struct tpi_far_desk *far) {
    struct tpi_scope *scope = far->syncing;
    if (scope == NULL) return;
    struct difference difference = {self, far->news, NULL};
    tpi_groups_each(tp_self_runtime(self), scope->name, far->pid.node, compare, &difference);
    for (struct tpi_membership *gone = difference.gone; gone != NULL; gone = gone->next)
        tpi_groups_expel(self, scope->name, gone->group, gone->member);
    for (struct tpi_membership *fresh = difference.news; fresh != NULL; fresh = fresh->next)
        if (!fresh->matched) (void)tpi_groups_admit(self, scope->name, fresh->group, fresh->member);
    free_entries(self, &difference.gone);
    free_entries(self, &far->news);
    far->syncing = NULL;
}

static void on_far_change(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far,
                          const groups_change *msg) {
    char name[TP_NAME_SIZE_MAX + 1], group[TP_NAME_SIZE_MAX + 1];
    if (!take_text(name, msg->scope) || !take_text(group, msg->group) ||
        find_scope(desk, name) == NULL || !speaks_for(desk->node, far, msg->member))
        return;
    if (msg->joined) (void)tpi_groups_admit(self, name, group, msg->member);
    else tpi_groups_expel(self, name, group, msg->member);
}

static void on_discover(tp_actor *self, struct tpi_desk *desk, const struct tpi_far_desk *far,
                        const groups_discover *msg) {
    char name[TP_NAME_SIZE_MAX + 1];
    struct tpi_scope *scope = take_text(name, msg->scope) ? find_scope(desk, name) : NULL;
    if (scope != NULL) send_all(self, scope, far->pid);
}

/* ---- the actor's part ---- */

#define TAKE(type, ...)                                                                            \
    if (tp_message_is(message, type)) {                                                            \
        type msg;                                                                                  \
        if (tp_message_get(self, message, &msg, type) == TP_OK) __VA_ARGS__;                       \
        return true;                                                                               \
    }

bool tpi_groups_told(tp_actor *self, struct tpi_desk *desk, const tp_message *message) {
    TAKE(groups_share, on_share(self, desk, &msg))
    TAKE(groups_peer, on_peer(self, desk, &msg))
    TAKE(tp_group_changed, on_changed(self, desk, &msg))
    TAKE(tp_down, on_far_down(self, desk, &msg))
    struct tpi_far_desk *far = tpi_far_desk_of(desk, tp_sender(self));
    if (far == NULL) return false; /* what follows only its like may say */
    TAKE(groups_discover, on_discover(self, desk, far, &msg))
    TAKE(groups_begin, on_begin(self, desk, far, &msg))
    TAKE(groups_entry, on_entry(self, desk, far, &msg))
    TAKE(groups_change, on_far_change(self, desk, far, &msg))
    if (!tp_message_is(message, groups_end)) return false;
    on_sync_end(self, far);
    return true;
}

tp_err tpi_groups_meet(struct tp_node *node, tp_pid desk, const char *name, bool hidden) {
    return tp_post(node->runtime, node->names, groups_peer, .token = node->desk_token, .desk = desk,
                   .name = text_of(name), .hidden = hidden);
}

tp_err tp_node_share_groups(tp_node *node, const char *scope) {
    if (scope == NULL) scope = "default";
    size_t size = strnlen(scope, TP_NAME_SIZE_MAX + 1);
    if (node == NULL || size == 0 || size > TP_NAME_SIZE_MAX || !tp_utf8_valid(scope, size))
        return TP_EINVAL;
    return tp_post(node->runtime, node->names, groups_share, .token = node->desk_token,
                   .scope = {scope, size});
}
