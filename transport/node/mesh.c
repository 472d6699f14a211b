/*
 * The mesh: nodes tell each other where the others are, so that who joins one is connected to all.
 *
 * Where a connection begins, each side says where it can be reached; the answer is where all others
 * can be that it is connected with. Who has no address is told of those who have. What was told
 * becomes a join (join.c), which is kept as long as that node is there, and for a while after it
 * was lost: so a mesh that was cut in parts is whole again after. A node that has left in order is
 * forgotten at once. Hidden nodes tell nothing and are told of nothing, and nobody is told of them.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/inbox.h>

#include "core/actor/steps.h"
#include "transport/node/node.h"

#define LEARNED_MAX 256u /* addresses that were told, at a time */
#define FORGET_TIME TP_SECONDS(600)
#define SPREAD TP_MS(50) /* two that are told of each other do not both connect at once */
#define HERE_MAX 16u     /* times that one connection may say where it is */
#define MISSES_SAID 2u   /* one attempt may fail by chance */

TP_MESSAGE_AS(mesh_listens, "tp.mesh_listens", TP_FIELD(u64, token))
TP_MESSAGE_AS(mesh_here, "tp.mesh_here", TP_FIELD(str, url))
TP_MESSAGE_AS(mesh_node, "tp.mesh_node", TP_FIELD(u64, node), TP_FIELD(str, name),
              TP_FIELD(str, url))
TP_MESSAGE_AS(mesh_nodes, "tp.mesh_nodes", TP_LIST_OF(mesh_node, nodes))

/* ---- where this node is ---- */

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

bool tpi_mesh_says_a_host(const char *url) {
    const char *host = strstr(url, "://");
    return host != NULL && !begins(host, "://0.0.0.0:") && !begins(host, "://[::]:") &&
           !begins(host, "://*:") && !begins(host, "://:");
}

/* The address to be told to others; "": there is none. One that other machines can use is better
 * than one that they cannot. */
static void own_address(struct tp_node *node, char out[TPI_LINK_URL_MAX]) {
    struct tpi_list *link, *spare;
    tpi_node_text(out, TPI_LINK_URL_MAX, node->advertise);
    if (out[0] != 0) return;
    tpi_mutex_lock(&node->lock);
    TPI_LIST_EACH(&node->listening, link, spare) {
        const char *url = TPI_CONTAINER_OF(link, struct tpi_listening, link)->listener->url;
        if (!tpi_mesh_says_a_host(url) || strlen(url) >= TPI_LINK_URL_MAX) continue;
        if (out[0] == 0 || (tpi_link_is_local(out) && !tpi_link_is_local(url)))
            tpi_node_text(out, TPI_LINK_URL_MAX, url);
    }
    tpi_mutex_unlock(&node->lock);
}

static bool is_told(const struct tpi_desk *desk, const struct tpi_far_desk *far) {
    return !far->hidden && (desk->node->hello.features & TPI_FEATURE_HIDDEN) == 0;
}

static void say_here(tp_actor *self, const struct tpi_desk *desk, const struct tpi_far_desk *far) {
    char url[TPI_LINK_URL_MAX];
    if (!is_told(desk, far)) return;
    own_address(desk->node, url);
    (void)tp_send(self, far->pid, mesh_here, .url = tp_str_of(url));
}

void tpi_mesh_meet(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far, bool hidden) {
    far->hidden = hidden;
    far->here = 0;
    far->url[0] = 0;
    say_here(self, desk, far);
}

void tpi_mesh_changed(struct tp_node *node) {
    if ((node->hello.features & TPI_FEATURE_HIDDEN) != 0) return;
    (void)tp_post(node->runtime, node->names, mesh_listens, .token = node->desk_token);
}

/* ---- where others are ---- */

/* Notes an address for a node. Under the lock. */
static void note(struct tp_node *node, uint64_t id, const char *name, const char *url, bool own) {
    struct tpi_list *link, *spare;
    unsigned count = 0;
    uint64_t random;
    TPI_LIST_EACH(&node->joins, link, spare) {
        struct tpi_join *join = TPI_CONTAINER_OF(link, struct tpi_join, link);
        if (!join->keep) continue;
        if (strcmp(join->url, url) == 0) {
            if (join->learned && own) join->peer = id;
            return;
        }
        /* what a node says of itself replaces what was true before */
        if (join->learned && own && strcmp(join->name, name) == 0) join->keep = false;
        else count += join->learned;
    }
    struct tpi_join *join = count < LEARNED_MAX ? calloc(1, sizeof *join) : NULL;
    if (join == NULL) return;
    tpi_join_init(join, node, url);
    tpi_node_text(join->name, sizeof join->name, name);
    join->learned = join->keep = join->done = true;
    join->peer = id;
    tpi_node_draw(node, &random, sizeof random);
    join->next = tpi_node_now(node) + (tp_duration)(random % SPREAD);
    tpi_list_push_back(&node->joins, &join->link);
}

/* An address was told, by that node itself or by another. Nothing that is not for us is noted, nor
 * of a node that has gone meanwhile. */
static void learn(struct tp_node *node, uint64_t id, const char *name, const char *url, bool own) {
    if (id == node->runtime->node || strcmp(name, node->hello.name) == 0 ||
        !tpi_mesh_says_a_host(url) || !tpi_node_can(node, url))
        return;
    tpi_mutex_lock(&node->lock);
    bool connected = tpi_peer_find(node, id) != NULL;
    if (connected == own && !node->stopping) note(node, id, name, url, own);
    tpi_mutex_unlock(&node->lock);
    tpi_node_poke(node);
}

void tpi_mesh_left(struct tp_node *node, uint64_t id) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&node->joins, link, spare) {
        struct tpi_join *join = TPI_CONTAINER_OF(link, struct tpi_join, link);
        if (join->learned && join->peer == id) join->keep = false;
    }
}

void tpi_mesh_tried(struct tpi_join *join, tp_err err) {
    if (err == TP_OK) join->misses = 0;
    if (err == TP_OK || !join->learned || join->node->stopping || join->misses > MISSES_SAID)
        return;
    if (++join->misses == MISSES_SAID)
        tpi_log_runtime(join->node->runtime, TP_LOG_WARN,
                        "node %s is said to be at %s and cannot be reached there: %s", join->name,
                        join->url, tp_strerror(err));
}

uint64_t tpi_mesh_unreachable(const struct tp_node *node) {
    const struct tpi_list *link;
    uint64_t count = 0;
    for (link = node->joins.next; link != &node->joins; link = link->next) {
        const struct tpi_join *join = TPI_CONTAINER_OF(link, struct tpi_join, link);
        count += join->learned && join->keep && join->misses >= MISSES_SAID;
    }
    return count;
}

void tpi_mesh_forget(struct tpi_join *join, tp_time now) {
    if (!join->learned || !join->keep) return;
    bool there = tpi_peer_find(join->node, join->peer) != NULL;
    if (there) join->forget_at = 0;
    else if (join->forget_at == 0) join->forget_at = now + FORGET_TIME;
    else if (now >= join->forget_at) join->keep = false;
}

/* ---- telling others ---- */

static mesh_node entry_of(const struct tpi_far_desk *far) {
    return (mesh_node){
        .node = far->pid.node, .name = tp_str_of(far->name), .url = tp_str_of(far->url)};
}

static void tell_all_others(tp_actor *self, struct tpi_desk *desk, const struct tpi_far_desk *to) {
    mesh_node entries[TPI_PEERS_MAX];
    size_t count = 0;
    for (struct tpi_far_desk *far = desk->fars; far != NULL && count < TPI_PEERS_MAX;
         far = far->next)
        if (far != to && far->here > 0 && far->url[0] != 0) entries[count++] = entry_of(far);
    if (count > 0) (void)tp_send(self, to->pid, mesh_nodes, .nodes = {entries, count});
}

/* Those who have no address must come to who has one. */
static void tell_the_homeless(tp_actor *self, struct tpi_desk *desk,
                              const struct tpi_far_desk *of) {
    const mesh_node entry = entry_of(of);
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next)
        if (far != of && far->here > 0 && far->url[0] == 0)
            (void)tp_send(self, far->pid, mesh_nodes, .nodes = {&entry, 1});
}

/* Two who have no address cannot come to each other. Only who is connected with both knows. */
static void say_apart(tp_actor *self, struct tpi_desk *desk, const struct tpi_far_desk *of) {
    unsigned others = 0;
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next)
        others += far != of && far->here > 0 && far->url[0] == 0 && is_told(desk, far);
    if (others == 0) return;
    tp_log(self, desk->apart ? TP_LOG_INFO : TP_LOG_WARN,
           "node %s listens nowhere, as %u other%s here: they cannot connect to each other",
           of->name, others, others == 1 ? "" : "s");
    desk->apart = true;
}

/* ---- being told ---- */

/* Texts of others: of one that is none, nothing is taken. */
static bool take(char *out, size_t room, tp_str text) {
    bool good = text.size < room && (text.size == 0 || memchr(text.data, 0, text.size) == NULL);
    size_t size = good ? text.size : 0;
    if (size > 0) memcpy(out, text.data, size);
    out[size] = 0;
    return good;
}

static void on_here(tp_actor *self, struct tpi_desk *desk, struct tpi_far_desk *far,
                    const mesh_here *msg) {
    if (!is_told(desk, far) || far->here >= HERE_MAX ||
        !take(far->url, sizeof far->url, msg->url)) {
        tpi_node_count(&desk->node->forbidden);
        return;
    }
    far->here++;
    if (far->url[0] != 0) learn(desk->node, far->pid.node, far->name, far->url, true);
    tell_all_others(self, desk, far);
    if (far->url[0] != 0) tell_the_homeless(self, desk, far);
    else if (far->here == 1) say_apart(self, desk, far);
}

static void on_nodes(struct tpi_desk *desk, const struct tpi_far_desk *far, const mesh_nodes *msg) {
    bool good = is_told(desk, far) && msg->nodes.count <= TPI_PEERS_MAX;
    for (size_t i = 0; good && i < msg->nodes.count; i++) {
        const mesh_node *entry = &msg->nodes.items[i];
        char name[TPI_NODE_NAME_MAX + 1], url[TPI_LINK_URL_MAX];
        good = take(name, sizeof name, entry->name) && take(url, sizeof url, entry->url) &&
               tpi_node_name_valid(name, strlen(name)) && entry->node != 0;
        if (good) learn(desk->node, entry->node, name, url, false);
    }
    if (!good) tpi_node_count(&desk->node->forbidden);
}

#define TAKE(type, ...)                                                                            \
    if (tp_message_is(message, type)) {                                                            \
        type msg;                                                                                  \
        if (tp_message_get(self, message, &msg, type) == TP_OK) __VA_ARGS__;                       \
        return true;                                                                               \
    }

static void on_listens(tp_actor *self, struct tpi_desk *desk, const mesh_listens *msg) {
    if (msg->token != desk->token) return;
    for (struct tpi_far_desk *far = desk->fars; far != NULL; far = far->next)
        say_here(self, desk, far);
}

bool tpi_mesh_told(tp_actor *self, struct tpi_desk *desk, const tp_message *message) {
    TAKE(mesh_listens, on_listens(self, desk, &msg))
    struct tpi_far_desk *far = tpi_far_desk_of(desk, tp_sender(self));
    if (far == NULL) return false;
    TAKE(mesh_here, on_here(self, desk, far, &msg))
    TAKE(mesh_nodes, on_nodes(desk, far, &msg))
    return false;
}
