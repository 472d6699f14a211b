/*
 * Names of the whole cluster.
 *
 * A name has claims: at most one of each node, made by an actor there, told to all connected nodes
 * by its node's own actor, which alone speaks for it. Whoever looks a name up takes the claim of
 * the lowest node. Whoever hears of a claim that is lower than that of an actor here gives this one
 * up: its registration fails while it still waits for the answers of the others, and after that it
 * is told of the conflict. So nothing is locked, each part of a cluster that is cut can go on, and
 * after it has healed one claim is left.
 *
 * A registration waits until each connected node has said that it heard of the claim. Such a node
 * told of its own claim before that, if it had one; so a registration that has returned TP_OK is
 * disputed only by nodes that were not connected then.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/cluster.h>
#include <troupe/signal.h>
#include <troupe/timer.h>

#include "core/actor/deliver.h"
#include "core/actor/extra.h"
#include "core/base/hash.h"
#include "transport/node/node.h"

#define CLAIMS_MAX 16384u           /* of one node */
#define ANSWERS_TIME TP_SECONDS(10) /* a node that says nothing so long is not waited for */

TP_MESSAGE_AS(cluster_register, "tp.cluster_register", TP_FIELD(str, name))
TP_MESSAGE_AS(cluster_unregister, "tp.cluster_unregister", TP_FIELD(str, name))
TP_MESSAGE_AS(cluster_done, "tp.cluster_done")
TP_MESSAGE_AS(cluster_late, "tp.cluster_late", TP_FIELD(u64, token))
/* Between nodes. All claims of one come where a connection begins. */
TP_MESSAGE_AS(cluster_claim, "tp.cluster_claim", TP_FIELD(str, name), TP_FIELD(pid, owner),
              TP_FIELD(u64, token))
TP_MESSAGE_AS(cluster_heard, "tp.cluster_heard", TP_FIELD(u64, token))
TP_MESSAGE_AS(cluster_release, "tp.cluster_release", TP_FIELD(str, name), TP_FIELD(pid, owner))

struct cluster_name {
    struct tpi_list link;
    struct cluster_name *next; /* of the same hash */
    uint64_t hash;
    struct claim *claims; /* the best first */
    size_t size;
    char text[];
};

struct claim {
    struct claim *next;
    struct cluster_name *name;
    tp_pid owner;
    struct tpi_far_desk *far; /* who told it; NULL: of an actor here */
    /* ---- of an actor here ---- */
    tp_ref monitor, late;
    tp_from asked;   /* who waits for the answers of others; null: nobody */
    tp_pid *awaited; /* whose; actor memory */
    uint32_t awaited_count;
};

/* ---- the table ---- */

static void *table_alloc(void *context, size_t size) {
    (void)context;
    return malloc(size);
}
static void table_free(void *context, void *pointer, size_t size) {
    (void)context, (void)size;
    free(pointer);
}

void tpi_cluster_init(struct tp_node *node) {
    const struct tpi_map_memory memory = {table_alloc, table_free, NULL};
    tpi_map_init(&node->cluster.index, memory);
    tpi_map_init(&node->cluster.locals, memory);
    tpi_list_init(&node->cluster.names);
}

void tpi_cluster_free(struct tp_node *node) {
    struct tpi_list *link;
    while ((link = tpi_list_pop_front(&node->cluster.names)) != NULL) {
        struct cluster_name *name = TPI_CONTAINER_OF(link, struct cluster_name, link);
        for (struct claim *claim = name->claims, *next; claim != NULL; claim = next) {
            next = claim->next;
            free(claim); /* `awaited` went with the node's actor */
        }
        free(name);
    }
    tpi_map_fini(&node->cluster.index);
    tpi_map_fini(&node->cluster.locals);
}

static struct cluster_name *find_name(const struct tpi_cluster *cluster, const char *text,
                                      size_t size) {
    struct cluster_name *name = tpi_map_get(&cluster->index, tp_name_hash(text, size), 0);
    while (name != NULL && (name->size != size || memcmp(name->text, text, size) != 0))
        name = name->next;
    return name;
}

/* Under the lock. NULL: no memory. */
static struct cluster_name *make_name(struct tpi_cluster *cluster, tp_str text) {
    struct cluster_name *name = calloc(1, sizeof *name + text.size + 1);
    if (name == NULL) return NULL;
    name->hash = tp_name_hash(text.data, text.size);
    name->size = text.size;
    memcpy(name->text, text.data, text.size);
    name->next = tpi_map_get(&cluster->index, name->hash, 0);
    if (tpi_map_put(&cluster->index, name->hash, 0, name) != TP_OK) {
        free(name);
        return NULL;
    }
    tpi_list_push_back(&cluster->names, &name->link);
    return name;
}

/* Under the lock: a name that nobody claims goes. */
static void drop_name(struct tpi_cluster *cluster, struct cluster_name *name) {
    struct cluster_name *first = tpi_map_get(&cluster->index, name->hash, 0);
    if (name->claims != NULL) return;
    if (first != name) {
        while (first->next != name) first = first->next;
        first->next = name->next;
    } else if (name->next != NULL) {
        (void)tpi_map_put(&cluster->index, name->hash, 0, name->next); /* replacing cannot fail */
    } else {
        (void)tpi_map_remove(&cluster->index, name->hash, 0);
    }
    tpi_list_remove(&name->link);
    free(name);
}

static const char *node_of(const struct tp_node *node, const struct claim *claim) {
    return claim->far == NULL ? node->hello.name : claim->far->name;
}

/* True when `a` has the name rather than `b`. */
static bool is_better(const struct tp_node *node, const struct claim *a, const struct claim *b) {
    int order = strcmp(node_of(node, a), node_of(node, b));
    if (order != 0) return order < 0;
    if (a->owner.slot != b->owner.slot) return a->owner.slot < b->owner.slot;
    return a->owner.generation < b->owner.generation;
}

/* NULL: no memory. */
static struct claim *add_claim(struct tp_node *node, tp_str text, tp_pid owner,
                               struct tpi_far_desk *far) {
    struct tpi_cluster *cluster = &node->cluster;
    struct claim *claim = calloc(1, sizeof *claim);
    if (claim == NULL) return NULL;
    tpi_mutex_lock(&cluster->lock);
    struct cluster_name *name = find_name(cluster, text.data, text.size);
    if (name == NULL) name = make_name(cluster, text);
    if (name != NULL) {
        *claim = (struct claim){.name = name, .owner = owner, .far = far};
        struct claim **place = &name->claims;
        while (*place != NULL && !is_better(node, claim, *place)) place = &(*place)->next;
        claim->next = *place;
        *place = claim;
    }
    tpi_mutex_unlock(&cluster->lock);
    if (name != NULL) return claim;
    free(claim);
    return NULL;
}

static void remove_claim(struct tpi_cluster *cluster, struct claim *claim) {
    struct cluster_name *name = claim->name;
    struct claim **place = &name->claims;
    tpi_mutex_lock(&cluster->lock);
    while (*place != claim) place = &(*place)->next;
    *place = claim->next;
    drop_name(cluster, name);
    tpi_mutex_unlock(&cluster->lock);
    free(claim);
}

static struct claim *claim_of(const struct cluster_name *name, const struct tpi_far_desk *far) {
    struct claim *claim = name == NULL ? NULL : name->claims;
    while (claim != NULL && claim->far != far) claim = claim->next;
    return claim;
}

/* ---- claims of actors here ---- */

static tp_str text_of(const struct claim *claim) {
    return (tp_str){claim->name->text, claim->name->size};
}

/* The actor's claim goes, here and everywhere. */
static void give_up(tp_actor *self, struct tpi_desk *desk, struct claim *claim) {
    struct tpi_cluster *cluster = &desk->node->cluster;
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next)
        (void)tp_send(self, far->pid, cluster_release, .name = text_of(claim),
                      .owner = claim->owner);
    (void)tpi_map_remove(&cluster->locals, claim->monitor, 0);
    (void)tp_demonitor(self, claim->monitor);
    if (claim->late != 0) (void)tp_cancel_timer(self, claim->late);
    tp_free(self, claim->awaited);
    remove_claim(cluster, claim);
}

/* It must not wait for the loser's mailbox, and the loser must hear of it. */
static void tell_loser(tp_actor *self, const struct claim *claim, tp_pid winner) {
    tp_name_conflict told = {.name = text_of(claim), .winner = winner};
    struct tpi_block *block =
        tpi_block_encode(self->runtime, self->worker, &tp_name_conflict_message, &told);
    if (block == NULL) {
        tp_log(self, TP_LOG_ERROR, "out of memory: the name \"%s\" is lost, its owner not told",
               claim->name->text);
        return;
    }
    block->flags |= TPI_BLOCK_UNCOUNTED;
    tpi_block_set_from(self->runtime, block, tp_self(self));
    tpi_deliver(self->runtime, self->worker, claim->owner, block);
}

/* After a claim of another node was heard of: does the one of this node stand? */
static void judge(tp_actor *self, struct tpi_desk *desk, struct cluster_name *name) {
    struct claim *mine = claim_of(name, NULL);
    if (mine == NULL || name->claims == mine) return;
    if (mine->asked.request != 0) {
        (void)tp_reply_error_to(self, mine->asked, TP_EEXIST);
    } else {
        tp_log(self, TP_LOG_WARN, "the name \"%s\" belongs to another node's actor", name->text);
        tell_loser(self, mine, name->claims->owner);
    }
    give_up(self, desk, mine);
}

/* The name is the actor's now. */
static void settle(tp_actor *self, struct claim *claim) {
    (void)tp_reply_to(self, claim->asked, cluster_done);
    if (claim->late != 0) (void)tp_cancel_timer(self, claim->late);
    claim->asked = (tp_from){.request = 0};
    claim->late = 0;
    tp_free(self, claim->awaited);
    claim->awaited = NULL;
}

/* One node less to wait for. */
static void answered(tp_actor *self, struct claim *claim, tp_pid by) {
    uint32_t kept = 0;
    if (claim->asked.request == 0) return;
    for (uint32_t i = 0; i < claim->awaited_count; i++)
        if (!tp_pid_equal(claim->awaited[i], by)) claim->awaited[kept++] = claim->awaited[i];
    claim->awaited_count = kept;
    if (kept == 0) settle(self, claim);
}

/* Asks all connected nodes; the request is answered when they have. */
static tp_err ask_all(tp_actor *self, struct tpi_desk *desk, struct claim *claim) {
    uint32_t count = 0;
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next) count++;
    if (count == 0) {
        (void)tp_reply(self, cluster_done);
        return TP_OK;
    }
    claim->awaited = tp_alloc(self, count * sizeof *claim->awaited);
    if (claim->awaited == NULL) return TP_ENOMEM;
    claim->asked = tp_defer(self);
    if (claim->asked.request == 0) return TP_ENOMEM;
    claim->late =
        tp_send_after(self, ANSWERS_TIME, tp_self(self), cluster_late, .token = claim->monitor);
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next) {
        claim->awaited[claim->awaited_count++] = far->pid;
        (void)tp_send(self, far->pid, cluster_claim, .name = text_of(claim), .owner = claim->owner,
                      .token = claim->monitor);
    }
    return TP_OK;
}

static tp_err try_register(tp_actor *self, struct tpi_desk *desk, tp_str name) {
    struct tpi_cluster *cluster = &desk->node->cluster;
    tp_pid owner = tp_sender(self);
    if (owner.node != tp_self(self).node) return TP_EREFUSED;
    if (name.size == 0 || name.size > TP_NAME_SIZE_MAX) return TP_EINVAL;
    if (find_name(cluster, name.data, name.size) != NULL) return TP_EEXIST;
    if (tpi_map_count(&cluster->locals) >= CLAIMS_MAX) return TP_EFULL;
    struct claim *claim = add_claim(desk->node, name, owner, NULL);
    if (claim == NULL) return TP_ENOMEM;
    claim->monitor = tp_monitor(self, owner);
    if (claim->monitor == 0 || tpi_map_put(&cluster->locals, claim->monitor, 0, claim) != TP_OK) {
        if (claim->monitor != 0) (void)tp_demonitor(self, claim->monitor);
        remove_claim(cluster, claim);
        return TP_ENOMEM;
    }
    tp_err err = ask_all(self, desk, claim);
    if (err != TP_OK) give_up(self, desk, claim);
    return err;
}

static void on_register(tp_actor *self, struct tpi_desk *desk, const cluster_register *msg) {
    tp_err err = try_register(self, desk, msg->name);
    if (err != TP_OK) (void)tp_reply_error(self, err);
}

static void on_unregister(tp_actor *self, struct tpi_desk *desk, const cluster_unregister *msg) {
    struct cluster_name *name = find_name(&desk->node->cluster, msg->name.data, msg->name.size);
    struct claim *claim = claim_of(name, NULL);
    if (claim == NULL || !tp_pid_equal(claim->owner, tp_sender(self))) {
        (void)tp_reply_error(self, TP_ENOENT);
        return;
    }
    if (claim->asked.request != 0) (void)tp_reply_error_to(self, claim->asked, TP_ECANCELED);
    give_up(self, desk, claim);
    (void)tp_reply(self, cluster_done);
}

void tpi_cluster_owner_ended(tp_actor *self, struct tpi_desk *desk, tp_ref monitor) {
    struct claim *claim = tpi_map_get(&desk->node->cluster.locals, monitor, 0);
    if (claim == NULL) return;
    if (claim->asked.request != 0) (void)tp_reply_error_to(self, claim->asked, TP_ENOPROC);
    give_up(self, desk, claim);
}

/* ---- claims of other nodes ---- */

void tpi_cluster_meet(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far) {
    size_t cursor = 0;
    void *value;
    while (tpi_map_next(&desk->node->cluster.locals, &cursor, NULL, NULL, &value)) {
        const struct claim *claim = value;
        (void)tp_send(self, far->pid, cluster_claim, .name = text_of(claim), .owner = claim->owner);
    }
}

void tpi_cluster_meet_again(struct tpi_desk *desk, struct tpi_far_desk *far) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&desk->node->cluster.names, link, spare) {
        struct claim *claim = claim_of(TPI_CONTAINER_OF(link, struct cluster_name, link), far);
        if (claim == NULL) continue;
        remove_claim(&desk->node->cluster, claim);
        far->claims--;
    }
}

void tpi_cluster_forget(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far) {
    size_t cursor = 0;
    void *value;
    while (tpi_map_next(&desk->node->cluster.locals, &cursor, NULL, NULL, &value))
        answered(self, value, far->pid);
    tpi_cluster_meet_again(desk, far);
}

/* True when it stands among the claims. */
static bool take_claim(struct tpi_desk *desk, struct tpi_far_desk *far, const cluster_claim *msg) {
    struct tp_node *node = desk->node;
    struct claim *old = claim_of(find_name(&node->cluster, msg->name.data, msg->name.size), far);
    if (old != NULL && tp_pid_equal(old->owner, msg->owner)) return true;
    bool speaks = msg->owner.node == far->pid.node && msg->name.size > 0 &&
                  msg->name.size <= TP_NAME_SIZE_MAX;
    if (!speaks || (old == NULL && far->claims >= CLAIMS_MAX)) {
        tpi_node_count(&node->forbidden);
        return false;
    }
    if (add_claim(node, msg->name, msg->owner, far) == NULL) return false;
    far->claims++;
    if (old == NULL) return true;
    remove_claim(&node->cluster, old);
    far->claims--;
    return true;
}

static void on_claim(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far,
                     const cluster_claim *msg) {
    if (take_claim(desk, far, msg))
        judge(self, desk, find_name(&desk->node->cluster, msg->name.data, msg->name.size));
    if (msg->token != 0) (void)tp_send(self, far->pid, cluster_heard, .token = msg->token);
}

static void on_release(struct tpi_desk *desk, struct tpi_far_desk *far,
                       const cluster_release *msg) {
    struct tpi_cluster *cluster = &desk->node->cluster;
    struct claim *claim = claim_of(find_name(cluster, msg->name.data, msg->name.size), far);
    if (claim == NULL || !tp_pid_equal(claim->owner, msg->owner)) return;
    remove_claim(cluster, claim);
    far->claims--;
}

static void on_heard(tp_actor *self, struct tpi_desk *desk, const struct tpi_far_desk *far,
                     const cluster_heard *msg) {
    struct claim *claim = tpi_map_get(&desk->node->cluster.locals, msg->token, 0);
    if (claim != NULL) answered(self, claim, far->pid);
}

static void on_late(tp_actor *self, struct tpi_desk *desk, const cluster_late *msg) {
    struct claim *claim = tpi_map_get(&desk->node->cluster.locals, msg->token, 0);
    bool own = tp_pid_equal(tp_sender(self), tp_self(self));
    if (own && claim != NULL && claim->asked.request != 0) settle(self, claim);
}

/* ---- the actor's part ---- */

#define TAKE(type, ...)                                                                            \
    if (tp_message_is(message, type)) {                                                            \
        type msg;                                                                                  \
        if (tp_message_get(self, message, &msg, type) == TP_OK) __VA_ARGS__;                       \
        return true;                                                                               \
    }

bool tpi_cluster_told(tp_actor *self, struct tpi_desk *desk, const tp_message *message) {
    TAKE(cluster_register, on_register(self, desk, &msg))
    TAKE(cluster_unregister, on_unregister(self, desk, &msg))
    TAKE(cluster_late, on_late(self, desk, &msg))
    struct tpi_far_desk *far = tpi_far_desk_of(desk, tp_sender(self));
    if (far == NULL) return false; /* what follows only its like may say */
    TAKE(cluster_claim, on_claim(self, desk, far, &msg))
    TAKE(cluster_heard, on_heard(self, desk, far, &msg))
    TAKE(cluster_release, on_release(desk, far, &msg))
    return false;
}

/* ---- the calls ---- */

static bool name_fits(const char *name) {
    size_t size = name == NULL ? 0 : strnlen(name, TP_NAME_SIZE_MAX + 1);
    return size > 0 && size <= TP_NAME_SIZE_MAX && tp_utf8_valid(name, size);
}

tp_err tp_cluster_register(tp_actor *self, tp_node *node, const char *name, tp_name_kind kind) {
    TPI_INSIDE(self);
    if (node == NULL || !name_fits(name) || (unsigned)kind > TP_NAME_CONSISTENT) return TP_EINVAL;
    if (kind == TP_NAME_CONSISTENT) return TP_ENOTSUP;
    cluster_done done;
    return tp_call(self, node->names, TP_FOREVER, &done, cluster_done, cluster_register,
                   .name = tp_str_of(name));
}

tp_err tp_cluster_unregister(tp_actor *self, tp_node *node, const char *name) {
    TPI_INSIDE(self);
    if (node == NULL || !name_fits(name)) return TP_EINVAL;
    cluster_done done;
    return tp_call(self, node->names, TP_FOREVER, &done, cluster_done, cluster_unregister,
                   .name = tp_str_of(name));
}

tp_pid tp_cluster_whereis(tp_node *node, const char *name) {
    tp_pid owner = tp_pid_null();
    if (node == NULL || !name_fits(name)) return owner;
    tpi_mutex_lock(&node->cluster.lock);
    const struct cluster_name *found = find_name(&node->cluster, name, strlen(name));
    if (found != NULL) owner = found->claims->owner;
    tpi_mutex_unlock(&node->cluster.lock);
    return owner;
}

tp_err tp_cluster_send_value(tp_actor *self, tp_node *node, const char *name,
                             const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    tp_pid owner = tp_cluster_whereis(node, name);
    return tp_pid_is_null(owner) ? TP_ENOENT : tp_send_value(self, owner, type, value);
}

tp_err tp_cluster_call_value(tp_actor *self, tp_node *node, const char *name, tp_duration timeout,
                             const tp_message_type *reply_type, void *reply,
                             const tp_message_type *type, const void *value) {
    TPI_INSIDE(self);
    tp_pid owner = tp_cluster_whereis(node, name);
    if (tp_pid_is_null(owner)) return TP_ENOENT;
    return tp_call_value(self, owner, timeout, reply_type, reply, type, value);
}
