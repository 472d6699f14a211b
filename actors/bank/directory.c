/*
 * The directory: a table of services, a table of the directories it has met.
 */
#include "actors/bank/directory.h"

#include <stdlib.h>
#include <string.h>
#include <troupe/signal.h>

#include "actors/bank/map.h"
#include "actors/bank/text.h"

#define SERVICES_MAX 1024 /* of all nodes; what goes beyond is not listed */
#define PEERS_MAX 128
#define FOLLOWERS_MAX 256

struct service {
    tp_pid directory; /* whose node it is on; this one's own included */
    bank_service what;
    char node[BANK_NODE_SIZE];
};

struct peer {
    tp_pid directory;
    char node[BANK_NODE_SIZE]; /* empty: it has not said */
    char url[BANK_URL_SIZE];
};

struct follower {
    tp_pid who;
    bool addresses; /* wants those, not services */
};

struct directory {
    char node[BANK_NODE_SIZE];
    char url[BANK_URL_SIZE];
    uint64_t shards;
    struct service *services;
    size_t service_count, services_max;
    struct peer *peers;
    size_t peer_count, peers_max;
    struct follower *followers;
    size_t follower_count, followers_max;
    bank_service *list; /* as it is told */
    size_t list_max;
    bank_address *known;
    size_t known_max;
};

const char *bank_role_name(bank_role role) {
    static const char *const names[BANK_ROLES] = {"ledger", "teller", "report", "client"};
    return (size_t)role < BANK_ROLES ? names[role] : "unknown";
}

static void directory_free(void *arg) {
    struct directory *directory = arg;
    free(directory->services);
    free(directory->peers);
    free(directory->followers);
    free(directory->list);
    free(directory->known);
}

static void word_take(char *out, size_t size, tp_str word) {
    size_t length = word.size < size ? word.size : size - 1;
    if (length > 0) memcpy(out, word.data, length);
    out[length] = '\0';
}

static void on_start(tp_actor *self, struct directory *directory,
                     const bank_directory_start *start) {
    word_take(directory->node, sizeof directory->node, start->node);
    word_take(directory->url, sizeof directory->url, start->url);
    directory->shards = start->shards;
    if (tp_on_exit(self, directory_free, directory) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
}

/* Room for one more in an array of the directory's. */
static void *more(tp_actor *self, void *array, size_t count, size_t *max, size_t size) {
    void *grown = bank_array_grow(array, count, max, size);
    if (grown == NULL) tp_exit(self, TP_EXIT_NOMEM);
    return grown;
}

/* ---- telling ---- */

/* The services of one directory, or (the null pid) of all. */
static size_t list_make(tp_actor *self, struct directory *directory, tp_pid whose) {
    size_t count = 0;
    for (size_t i = 0; i < directory->service_count; i++) {
        const struct service *service = &directory->services[i];
        if (!tp_pid_is_null(whose) && !tp_pid_equal(service->directory, whose)) continue;
        directory->list =
            more(self, directory->list, count, &directory->list_max, sizeof *directory->list);
        directory->list[count] = service->what;
        directory->list[count++].node = tp_str_of(service->node);
    }
    return count;
}

static size_t known_make(tp_actor *self, struct directory *directory) {
    size_t count = 0;
    for (size_t i = 0; i < directory->peer_count; i++) {
        const struct peer *peer = &directory->peers[i];
        if (peer->url[0] == '\0') continue;
        directory->known =
            more(self, directory->known, count, &directory->known_max, sizeof *directory->known);
        directory->known[count++] = (bank_address){tp_str_of(peer->node), tp_str_of(peer->url)};
    }
    return count;
}

static void peer_tell(tp_actor *self, struct directory *directory, tp_pid peer) {
    size_t count = list_make(self, directory, tp_self(self));
    size_t known = known_make(self, directory);
    tp_send(self, peer, bank_local, .node = tp_str_of(directory->node),
            .url = tp_str_of(directory->url), .shards = directory->shards,
            .list = {directory->list, count}, .known = {directory->known, known});
}

static void peers_tell(tp_actor *self, struct directory *directory) {
    for (size_t i = 0; i < directory->peer_count; i++)
        peer_tell(self, directory, directory->peers[i].directory);
}

static void follower_tell(tp_actor *self, struct directory *directory, tp_pid who) {
    size_t count = list_make(self, directory, tp_pid_null());
    tp_send(self, who, bank_services, .list = {directory->list, count});
}

static void followers_tell(tp_actor *self, struct directory *directory) {
    for (size_t i = 0; i < directory->follower_count; i++) {
        if (directory->followers[i].addresses) continue;
        follower_tell(self, directory, directory->followers[i].who);
    }
}

static void address_tell(tp_actor *self, struct directory *directory, tp_str node, tp_str url) {
    if (url.size == 0 || tp_str_equal(node, tp_str_of(directory->node))) return;
    for (size_t i = 0; i < directory->follower_count; i++) {
        if (!directory->followers[i].addresses) continue;
        tp_send(self, directory->followers[i].who, bank_address, .node = node, .url = url);
    }
}

/* ---- services ---- */

static void service_add(tp_actor *self, struct directory *directory, tp_pid owner,
                        const bank_service *what) {
    if (directory->service_count == SERVICES_MAX) return;
    directory->services = more(self, directory->services, directory->service_count,
                               &directory->services_max, sizeof *directory->services);
    struct service *service = &directory->services[directory->service_count++];
    *service = (struct service){.directory = owner, .what = *what};
    word_take(service->node, sizeof service->node, what->node);
}

/* Takes out what a directory has said, or what an actor does; true when something was there. */
static bool services_drop(struct directory *directory, tp_pid gone) {
    size_t kept = 0;
    for (size_t i = 0; i < directory->service_count; i++) {
        const struct service *service = &directory->services[i];
        if (tp_pid_equal(service->directory, gone) || tp_pid_equal(service->what.who, gone))
            continue;
        directory->services[kept++] = *service;
    }
    bool dropped = kept < directory->service_count;
    directory->service_count = kept;
    return dropped;
}

static void on_serve(tp_actor *self, struct directory *directory, const bank_serve *msg) {
    bank_service what = {.role = msg->role,
                         .shard = msg->shard,
                         .generation = msg->generation,
                         .who = tp_sender(self),
                         .node = tp_str_of(directory->node)};
    if (tp_pid_is_null(what.who) || tp_monitor(self, what.who) == 0) return;
    service_add(self, directory, tp_self(self), &what);
    peers_tell(self, directory);
    followers_tell(self, directory);
}

/* ---- followers ---- */

static bool follower_add(tp_actor *self, struct directory *directory, bool addresses) {
    tp_pid who = tp_sender(self);
    if (directory->follower_count == FOLLOWERS_MAX || tp_monitor(self, who) == 0) return false;
    directory->followers = more(self, directory->followers, directory->follower_count,
                                &directory->followers_max, sizeof *directory->followers);
    directory->followers[directory->follower_count++] = (struct follower){who, addresses};
    return true;
}

static void on_follow(tp_actor *self, struct directory *directory, const bank_follow *msg) {
    (void)msg;
    if (follower_add(self, directory, false)) follower_tell(self, directory, tp_sender(self));
}

static void on_seek(tp_actor *self, struct directory *directory, const bank_seek *msg) {
    (void)msg;
    if (!follower_add(self, directory, true)) return;
    for (size_t i = 0; i < directory->peer_count; i++) {
        const struct peer *peer = &directory->peers[i];
        address_tell(self, directory, tp_str_of(peer->node), tp_str_of(peer->url));
    }
}

/* ---- other directories ---- */

static struct peer *peer_find(struct directory *directory, tp_pid who) {
    for (size_t i = 0; i < directory->peer_count; i++)
        if (tp_pid_equal(directory->peers[i].directory, who)) return &directory->peers[i];
    return NULL;
}

/* NULL: there are too many. */
static struct peer *peer_add(tp_actor *self, struct directory *directory, tp_pid who) {
    if (directory->peer_count == PEERS_MAX || tp_monitor(self, who) == 0) return NULL;
    directory->peers = more(self, directory->peers, directory->peer_count, &directory->peers_max,
                            sizeof *directory->peers);
    struct peer *peer = &directory->peers[directory->peer_count++];
    *peer = (struct peer){.directory = who};
    return peer;
}

static void on_meet(tp_actor *self, struct directory *directory, const bank_meet *msg) {
    if (tp_pid_is_null(msg->directory) || tp_pid_equal(msg->directory, tp_self(self))) return;
    struct peer *peer = peer_find(directory, msg->directory);
    if (peer == NULL) peer = peer_add(self, directory, msg->directory);
    if (peer != NULL) peer_tell(self, directory, msg->directory);
}

static bool same_list(const struct directory *directory, tp_pid who, const bank_local *msg) {
    size_t at = 0;
    for (size_t i = 0; i < directory->service_count; i++) {
        const struct service *service = &directory->services[i];
        if (!tp_pid_equal(service->directory, who)) continue;
        if (at == msg->list.count) return false;
        const bank_service *said = &msg->list.items[at++];
        if (!tp_pid_equal(said->who, service->what.who) || said->role != service->what.role ||
            said->generation != service->what.generation)
            return false;
    }
    return at == msg->list.count;
}

/* What a directory says of its own node takes the place of what it said before. */
static void on_local(tp_actor *self, struct directory *directory, const bank_local *msg) {
    tp_pid who = tp_sender(self);
    bool fresh = peer_find(directory, who) == NULL;
    if (msg->shards != directory->shards) {
        tp_log(self, TP_LOG_ERROR, "node %.*s counts %llu shards, this one %llu: it is left out",
               (int)msg->node.size, msg->node.data, (unsigned long long)msg->shards,
               (unsigned long long)directory->shards);
        return;
    }
    struct peer *peer = fresh ? peer_add(self, directory, who) : peer_find(directory, who);
    if (peer == NULL) return;
    bool named = peer->node[0] != '\0';
    word_take(peer->node, sizeof peer->node, msg->node);
    word_take(peer->url, sizeof peer->url, msg->url);
    if (fresh) peer_tell(self, directory, who);
    if (!named) address_tell(self, directory, msg->node, msg->url);
    for (size_t i = 0; i < msg->known.count; i++)
        address_tell(self, directory, msg->known.items[i].node, msg->known.items[i].url);
    if (same_list(directory, who, msg)) return;
    services_drop(directory, who);
    for (size_t i = 0; i < msg->list.count; i++)
        service_add(self, directory, who, &msg->list.items[i]);
    followers_tell(self, directory);
}

/* ---- those that are gone ---- */

static void on_down(tp_actor *self, struct directory *directory, const tp_down *msg) {
    size_t kept = 0;
    for (size_t i = 0; i < directory->follower_count; i++)
        if (!tp_pid_equal(directory->followers[i].who, msg->from))
            directory->followers[kept++] = directory->followers[i];
    directory->follower_count = kept;
    kept = 0;
    for (size_t i = 0; i < directory->peer_count; i++)
        if (!tp_pid_equal(directory->peers[i].directory, msg->from))
            directory->peers[kept++] = directory->peers[i];
    bool local = kept == directory->peer_count;
    directory->peer_count = kept;
    if (!services_drop(directory, msg->from)) return;
    if (local) peers_tell(self, directory);
    followers_tell(self, directory);
}

TP_BEHAVIOR(directory_behavior, "bank.directory", struct directory,
            TP_INIT_WITH(bank_directory_start, on_start), TP_ON(bank_serve, on_serve),
            TP_ON(bank_follow, on_follow), TP_ON(bank_seek, on_seek), TP_ON(bank_meet, on_meet),
            TP_ON(bank_local, on_local), TP_ON(tp_down, on_down));

const tp_behavior *const bank_directory = &directory_behavior;
