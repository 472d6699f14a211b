/*
 * Process groups, as pg has them: scopes that know nothing of each other, members that may join
 * several times, monitors that see every join and leave in order.
 *
 * One mutex for all: changes are rare, and what is sent under it is in the order of the changes.
 */
#include "core/registry/far.h"
#include "core/registry/registry.h"

#include <string.h>

#include <troupe/name.h>

struct member {
    struct tpi_list link; /* in order of joining */
    tp_pid pid;
};

struct group {
    struct tpi_list link;
    struct tpi_list members; /* never empty, but while it is made */
    size_t scope_size;
    size_t name_size;
    char text[]; /* scope, then name; both terminated */
};

struct group_monitor {
    struct tpi_list link;
    tp_pid watcher;
    tp_ref ref;
    bool any; /* every group of the scope */
    size_t scope_size;
    size_t name_size;
    char text[];
};

struct tpi_groups {
    tpi_mutex mutex;
    struct tpi_list groups;
    struct tpi_list monitors;
};

static const char *group_name(const struct group *group) {
    return group->text + group->scope_size + 1;
}

static bool valid(const char *text, size_t *size) {
    if (text == NULL) return false;
    *size = strnlen(text, TP_NAME_SIZE_MAX + 1);
    return *size > 0 && *size <= TP_NAME_SIZE_MAX && tp_utf8_valid(text, *size);
}

static bool same(const char *text, size_t scope_size, size_t name_size, const char *scope,
                 const char *name) {
    return strlen(scope) == scope_size && memcmp(text, scope, scope_size) == 0 &&
           strlen(name) == name_size && memcmp(text + scope_size + 1, name, name_size) == 0;
}

static struct group *find(struct tpi_groups *groups, const char *scope, const char *name) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        if (same(group->text, group->scope_size, group->name_size, scope, name)) return group;
    }
    return NULL;
}

static size_t group_bytes(const struct group *group) {
    return sizeof *group + group->scope_size + group->name_size + 2;
}

static void put_names(char *text, const char *scope, size_t scope_size, const char *name,
                      size_t name_size) {
    memcpy(text, scope, scope_size);
    text[scope_size] = 0;
    memcpy(text + scope_size + 1, name, name_size);
    text[scope_size + 1 + name_size] = 0;
}

static struct group *find_or_make(tp_runtime *runtime, struct tpi_groups *groups, const char *scope,
                                  const char *name) {
    struct group *group = find(groups, scope, name);
    if (group != NULL) return group;
    size_t scope_size = strlen(scope), name_size = strlen(name);
    group = tpi_heap_alloc(runtime->memory, sizeof *group + scope_size + name_size + 2);
    if (group == NULL) return NULL;
    group->scope_size = scope_size;
    group->name_size = name_size;
    put_names(group->text, scope, scope_size, name, name_size);
    tpi_list_init(&group->link);
    tpi_list_init(&group->members);
    tpi_list_push_back(&groups->groups, &group->link);
    return group;
}

/* An empty group is no group. */
static void drop_if_empty(tp_runtime *runtime, struct group *group) {
    if (!tpi_list_empty(&group->members)) return;
    tpi_list_remove(&group->link);
    tpi_heap_free(runtime->memory, group, group_bytes(group));
}

static bool watches(const struct group_monitor *monitor, const struct group *group) {
    if (monitor->scope_size != group->scope_size ||
        memcmp(monitor->text, group->text, group->scope_size) != 0)
        return false;
    return monitor->any || (monitor->name_size == group->name_size &&
                            memcmp(monitor->text + monitor->scope_size + 1, group_name(group),
                                   group->name_size) == 0);
}

static void tell(tp_actor *self, struct tpi_groups *groups, const struct group *group,
                 tp_pid member, bool joined) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&groups->monitors, link, spare) {
        struct group_monitor *monitor = TPI_CONTAINER_OF(link, struct group_monitor, link);
        if (!watches(monitor, group)) continue;
        tp_group_changed change = {.ref = monitor->ref,
                                   .scope = {group->text, group->scope_size},
                                   .group = {group_name(group), group->name_size},
                                   .member = member,
                                   .joined = joined};
        struct tpi_block *block =
            tpi_block_encode(self->runtime, self->worker, &tp_group_changed_message, &change);
        if (block == NULL) {
            tp_log(self, TP_LOG_ERROR, "out of memory: a group monitor missed a change");
            continue;
        }
        block->flags |= TPI_BLOCK_UNCOUNTED;
        tpi_block_set_from(self->runtime, block, tp_self(self));
        tpi_deliver(self->runtime, self->worker, monitor->watcher, block);
    }
}

/* ---- the calls ---- */

static tp_err check(const char **scope, const char *group) {
    size_t size;
    if (*scope == NULL) *scope = "default";
    return valid(*scope, &size) && valid(group, &size) ? TP_OK : TP_EINVAL;
}

tp_err tp_group_join(tp_actor *self, const char *scope, const char *group) {
    TPI_INSIDE(self);
    struct tpi_groups *groups = self->runtime->registry->groups;
    tp_err err = self->runtime->guest != NULL ? TP_ENOTSUP : check(&scope, group);
    if (err != TP_OK) return err;
    struct tpi_extra *extra = tpi_extra(self);
    struct member *member =
        extra == NULL ? NULL : tpi_heap_alloc(self->runtime->memory, sizeof *member);
    if (member == NULL) return TP_ENOMEM;
    member->pid = tp_self(self);
    tpi_list_init(&member->link);
    tpi_mutex_lock(&groups->mutex);
    struct group *found = find_or_make(self->runtime, groups, scope, group);
    if (found != NULL) {
        tpi_list_push_back(&found->members, &member->link);
        extra->groups++;
        tell(self, groups, found, member->pid, true);
    }
    tpi_mutex_unlock(&groups->mutex);
    if (found != NULL) return TP_OK;
    tpi_heap_free(self->runtime->memory, member, sizeof *member);
    return TP_ENOMEM;
}

/* Removes one membership of the actor, the oldest; false if there is none. */
static bool leave_once(tp_actor *self, struct tpi_groups *groups, struct group *group) {
    struct tpi_list *link, *spare;
    tp_pid me = tpi_pid_of(self->runtime, self);
    TPI_LIST_EACH(&group->members, link, spare) {
        struct member *member = TPI_CONTAINER_OF(link, struct member, link);
        if (!tp_pid_equal(member->pid, me)) continue;
        tpi_list_remove(link);
        tpi_heap_free(self->runtime->memory, member, sizeof *member);
        self->extra->groups--;
        tell(self, groups, group, me, false);
        return true;
    }
    return false;
}

tp_err tp_group_leave(tp_actor *self, const char *scope, const char *group) {
    TPI_INSIDE(self);
    struct tpi_groups *groups = self->runtime->registry->groups;
    tp_err err = check(&scope, group);
    if (err != TP_OK) return err;
    tpi_mutex_lock(&groups->mutex);
    struct group *found = find(groups, scope, group);
    bool left = found != NULL && self->extra != NULL && leave_once(self, groups, found);
    if (left) drop_if_empty(self->runtime, found);
    tpi_mutex_unlock(&groups->mutex);
    return left ? TP_OK : TP_ENOENT;
}

static size_t list_members(struct group *group, tp_pid *out, size_t max) {
    struct tpi_list *link, *spare;
    size_t count = 0;
    if (group == NULL) return 0;
    TPI_LIST_EACH(&group->members, link, spare) {
        if (count < max) out[count] = TPI_CONTAINER_OF(link, struct member, link)->pid;
        count++;
    }
    return count;
}

size_t tp_group_members(tp_runtime *runtime, const char *scope, const char *group, tp_pid *out,
                        size_t max) {
    TPI_FAULT_HOLD();
    if (runtime == NULL || check(&scope, group) != TP_OK || (out == NULL && max > 0)) return 0;
    struct tpi_groups *groups = runtime->registry->groups;
    tpi_mutex_lock(&groups->mutex);
    size_t count = list_members(find(groups, scope, group), out, max);
    tpi_mutex_unlock(&groups->mutex);
    return count;
}

tp_err tp_group_send_value(tp_actor *self, const char *scope, const char *group, size_t *count,
                           const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    tp_runtime *runtime = self->runtime;
    if (count != NULL) *count = 0;
    tp_err err = check(&scope, group);
    if (err != TP_OK) return err;
    size_t members = tp_group_members(runtime, scope, group, NULL, 0);
    if (members == 0) return TP_OK;
    tp_pid *pids = tp_alloc(self, members * sizeof *pids);
    if (pids == NULL) return TP_ENOMEM;
    size_t now = tp_group_members(runtime, scope, group, pids, members);
    if (now < members) members = now;
    err = tp_broadcast_value(self, pids, members, type, value);
    tp_free(self, pids);
    if (err == TP_OK && count != NULL) *count = members;
    return err;
}

static size_t list_scope(struct tpi_groups *groups, const char *scope, tp_pid *out, size_t max) {
    struct tpi_list *link, *spare;
    size_t count = 0;
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        if (strlen(scope) != group->scope_size ||
            memcmp(group->text, scope, group->scope_size) != 0)
            continue;
        size_t left = count < max ? max - count : 0;
        count += list_members(group, left > 0 ? out + count : NULL, left);
    }
    return count;
}

/* Makes a monitor that is in no list yet; NULL: *err says why. */
static struct group_monitor *monitor_new(tp_actor *self, const char *scope, const char *group,
                                         tp_err *err) {
    bool any = group == NULL;
    size_t scope_size = strlen(scope), name_size = any ? 0 : strlen(group);
    struct group_monitor *monitor = NULL;
    if (tpi_extra(self) != NULL)
        monitor =
            tpi_heap_alloc(self->runtime->memory, sizeof *monitor + scope_size + name_size + 2);
    *err = monitor == NULL ? TP_ENOMEM : TP_OK;
    if (monitor == NULL) return NULL;
    *monitor =
        (struct group_monitor){.watcher = tp_self(self), .ref = tpi_ref_new(self), .any = any};
    monitor->scope_size = scope_size;
    monitor->name_size = name_size;
    put_names(monitor->text, scope, scope_size, any ? "" : group, name_size);
    tpi_list_init(&monitor->link);
    return monitor;
}

tp_ref tp_group_monitor(tp_actor *self, const char *scope, const char *group, tp_pid *out,
                        size_t max, size_t *count) {
    TPI_INSIDE(self);
    struct tpi_groups *groups = self->runtime->registry->groups;
    bool any = group == NULL;
    tp_err err = check(&scope, any ? "any" : group);
    if (self->runtime->guest != NULL) err = TP_ENOTSUP;
    if (err == TP_OK && out == NULL && max > 0) err = TP_EINVAL;
    struct group_monitor *monitor = err == TP_OK ? monitor_new(self, scope, group, &err) : NULL;
    tpi_set_error(self, err);
    if (err != TP_OK) return 0;
    tpi_mutex_lock(&groups->mutex);
    tpi_list_push_back(&groups->monitors, &monitor->link);
    self->extra->groups++;
    size_t now = any ? list_scope(groups, scope, out, max)
                     : list_members(find(groups, scope, group), out, max);
    tpi_mutex_unlock(&groups->mutex);
    if (count != NULL) *count = now;
    return monitor->ref;
}

/* ---- members of other nodes ---- */

static bool in_scope(const struct group *group, const char *scope) {
    return strlen(scope) == group->scope_size && memcmp(scope, group->text, group->scope_size) == 0;
}

void tpi_groups_each(tp_runtime *runtime, const char *scope, uint64_t node,
                     void (*each)(void *context, const char *group, tp_pid member), void *context) {
    struct tpi_groups *groups = runtime->registry->groups;
    struct tpi_list *link, *spare, *at, *next;
    tpi_mutex_lock(&groups->mutex);
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        if (!in_scope(group, scope)) continue;
        TPI_LIST_EACH(&group->members, at, next) {
            struct member *member = TPI_CONTAINER_OF(at, struct member, link);
            if (member->pid.node == node) each(context, group_name(group), member->pid);
        }
    }
    tpi_mutex_unlock(&groups->mutex);
}

tp_err tpi_groups_follow(tp_actor *self, const char *scope, tp_ref *ref,
                         void (*each)(void *context, const char *group, tp_pid member),
                         void *context) {
    struct tpi_groups *groups = self->runtime->registry->groups;
    struct tpi_list *link, *spare, *at, *next;
    tp_err err = TP_OK;
    struct group_monitor *monitor = monitor_new(self, scope, NULL, &err);
    if (monitor == NULL) return err;
    *ref = monitor->ref;
    tpi_mutex_lock(&groups->mutex);
    tpi_list_push_back(&groups->monitors, &monitor->link);
    self->extra->groups++;
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        if (!in_scope(group, scope)) continue;
        TPI_LIST_EACH(&group->members, at, next) {
            struct member *member = TPI_CONTAINER_OF(at, struct member, link);
            if (member->pid.node == self->runtime->node)
                each(context, group_name(group), member->pid);
        }
    }
    tpi_mutex_unlock(&groups->mutex);
    return TP_OK;
}

tp_err tpi_groups_admit(tp_actor *self, const char *scope, const char *group, tp_pid member) {
    struct tpi_groups *groups = self->runtime->registry->groups;
    tp_err err = check(&scope, group);
    if (err != TP_OK || member.node == self->runtime->node) return TP_EINVAL;
    struct member *far = tpi_heap_alloc(self->runtime->memory, sizeof *far);
    if (far == NULL) return TP_ENOMEM;
    far->pid = member;
    tpi_list_init(&far->link);
    tpi_mutex_lock(&groups->mutex);
    struct group *found = find_or_make(self->runtime, groups, scope, group);
    if (found != NULL) {
        tpi_list_push_back(&found->members, &far->link);
        tell(self, groups, found, member, true);
    }
    tpi_mutex_unlock(&groups->mutex);
    if (found != NULL) return TP_OK;
    tpi_heap_free(self->runtime->memory, far, sizeof *far);
    return TP_ENOMEM;
}

/* The oldest membership of that pid in a group; NULL. */
static struct member *find_member(struct group *group, tp_pid pid) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&group->members, link, spare) {
        struct member *member = TPI_CONTAINER_OF(link, struct member, link);
        if (tp_pid_equal(member->pid, pid)) return member;
    }
    return NULL;
}

static void drop_far(tp_actor *self, struct tpi_groups *groups, struct group *group,
                     struct member *member) {
    tp_pid pid = member->pid;
    tpi_list_remove(&member->link);
    tpi_heap_free(self->runtime->memory, member, sizeof *member);
    tell(self, groups, group, pid, false);
}

void tpi_groups_expel(tp_actor *self, const char *scope, const char *group, tp_pid member) {
    struct tpi_groups *groups = self->runtime->registry->groups;
    if (check(&scope, group) != TP_OK || member.node == self->runtime->node) return;
    tpi_mutex_lock(&groups->mutex);
    struct group *found = find(groups, scope, group);
    struct member *far = found == NULL ? NULL : find_member(found, member);
    if (far != NULL) {
        drop_far(self, groups, found, far);
        drop_if_empty(self->runtime, found);
    }
    tpi_mutex_unlock(&groups->mutex);
}

void tpi_groups_forget(tp_actor *self, uint64_t node) {
    struct tpi_groups *groups = self->runtime->registry->groups;
    struct tpi_list *link, *spare, *at, *next;
    TPI_ASSERT(node != self->runtime->node);
    tpi_mutex_lock(&groups->mutex);
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        TPI_LIST_EACH(&group->members, at, next) {
            struct member *member = TPI_CONTAINER_OF(at, struct member, link);
            if (member->pid.node == node) drop_far(self, groups, group, member);
        }
        drop_if_empty(self->runtime, group);
    }
    tpi_mutex_unlock(&groups->mutex);
}

static void drop_monitor(tp_runtime *runtime, struct group_monitor *monitor) {
    tpi_list_remove(&monitor->link);
    tpi_heap_free(runtime->memory, monitor,
                  sizeof *monitor + monitor->scope_size + monitor->name_size + 2);
}

/* Drops the actor's monitor `ref`, or all of them (0); their number. */
static unsigned drop_monitors(tp_actor *self, struct tpi_groups *groups, tp_ref ref) {
    struct tpi_list *link, *spare;
    tp_pid me = tpi_pid_of(self->runtime, self);
    unsigned dropped = 0;
    TPI_LIST_EACH(&groups->monitors, link, spare) {
        struct group_monitor *monitor = TPI_CONTAINER_OF(link, struct group_monitor, link);
        if (!tp_pid_equal(monitor->watcher, me) || (ref != 0 && monitor->ref != ref)) continue;
        drop_monitor(self->runtime, monitor);
        self->extra->groups--;
        dropped++;
    }
    return dropped;
}

bool tp_group_demonitor(tp_actor *self, tp_ref ref) {
    TPI_INSIDE(self);
    struct tpi_groups *groups = self->runtime->registry->groups;
    if (self->extra == NULL || ref == 0) return false;
    tpi_mutex_lock(&groups->mutex);
    unsigned dropped = drop_monitors(self, groups, ref);
    tpi_mutex_unlock(&groups->mutex);
    return dropped > 0;
}

/* ---- life ---- */

static void leave_all(tp_runtime *runtime, tp_actor *self) {
    struct tpi_groups *groups = runtime->registry->groups;
    struct tpi_list *link, *spare;
    tpi_mutex_lock(&groups->mutex);
    (void)drop_monitors(self, groups, 0);
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        while (self->extra->groups > 0 && leave_once(self, groups, group)) {
        }
        drop_if_empty(runtime, group);
    }
    tpi_mutex_unlock(&groups->mutex);
    TPI_ASSERT(self->extra->groups == 0);
}

tp_err tpi_groups_new(tp_runtime *runtime, struct tpi_groups **out) {
    struct tpi_groups *groups = tpi_heap_alloc(runtime->memory, sizeof *groups);
    if (groups == NULL) return TP_ENOMEM;
    memset(groups, 0, sizeof *groups);
    tpi_list_init(&groups->groups);
    tpi_list_init(&groups->monitors);
    runtime->hooks.groups_left = leave_all;
    *out = groups;
    return TP_OK;
}

/* Members of other nodes go with the runtime; every one of this node has ended. */
static void free_far(tp_runtime *runtime, struct tpi_groups *groups) {
    struct tpi_list *link, *spare, *at;
    TPI_LIST_EACH(&groups->groups, link, spare) {
        struct group *group = TPI_CONTAINER_OF(link, struct group, link);
        while ((at = tpi_list_pop_front(&group->members)) != NULL) {
            struct member *member = TPI_CONTAINER_OF(at, struct member, link);
            TPI_ASSERT(member->pid.node != runtime->node);
            tpi_heap_free(runtime->memory, member, sizeof *member);
        }
        drop_if_empty(runtime, group);
    }
}

void tpi_groups_free(tp_runtime *runtime, struct tpi_groups *groups) {
    free_far(runtime, groups);
    TPI_ASSERT(tpi_list_empty(&groups->groups));
    while (!tpi_list_empty(&groups->monitors))
        drop_monitor(runtime, TPI_CONTAINER_OF(groups->monitors.next, struct group_monitor, link));
    tpi_heap_free(runtime->memory, groups, sizeof *groups);
}
