/*
 * A node's life: options, start, addresses, the service thread, the end.
 */
#include <stdlib.h>
#include <string.h>

#include "core/actor/steps.h"
#include "core/platform/private.h"
#include "transport/node/node.h"

#define HEARTBEAT_LEAST TP_MS(200)
#define BACKLOG_DEFAULT ((size_t)1 << 20)
/* What may be on its way from one peer. Small messages have half of it (tpi_window_kept): with what
 * waits at the sender, no more of them than a mailbox takes beyond its limit (TPI_REMOTE_LEAST). */
#define WINDOW (2u << 20)
#define LEAVE_TIME TP_SECONDS(3)

/* ---- options ---- */

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 32 bytes as they are, or as 64 digits and perhaps an end of line. */
static bool parse_key(const char *text, size_t size, uint8_t *out) {
    if (size == TPI_KEY_SIZE) memcpy(out, text, size);
    if (size == TPI_KEY_SIZE) return true;
    if (size == 2 * TPI_KEY_SIZE + 1 && text[size - 1] == '\n') size--;
    if (size != 2 * TPI_KEY_SIZE) return false;
    for (size_t i = 0; i < TPI_KEY_SIZE; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static tp_err read_key(struct tp_node *node, const char *setting, const char *path, uint8_t *out) {
    char text[2 * TPI_KEY_SIZE + 2];
    size_t size = 0;
    tp_err err = tpi_file_read_private(path, text, sizeof text, &size);
    if (err == TP_OK && !parse_key(text, size, out)) err = TP_EINVAL;
    tpi_secret_wipe(text, sizeof text);
    if (err == TP_EREFUSED)
        TPI_NODE_COMPLAIN(node, "%s: %s can be read or written by others: chmod 600", setting,
                          path);
    else if (err == TP_EINVAL || err == TP_ETOOBIG)
        TPI_NODE_COMPLAIN(node, "%s: %s does not hold 32 bytes or 64 hexadecimal digits", setting,
                          path);
    else if (err != TP_OK && err != TP_ENOENT)
        TPI_NODE_COMPLAIN(node, "%s: %s: %s", setting, path, tp_strerror(err));
    return err == TP_ETOOBIG ? TP_EINVAL : err;
}

static tp_err take_secret(struct tp_node *node, const tp_node_options *options) {
    node->plain = options->plain;
    if (options->plain && (options->secret != NULL || options->secret_file != NULL)) {
        TPI_NODE_COMPLAIN(node, "plain: a node is either plain or has a secret");
        return TP_EINVAL;
    }
    if (options->secret != NULL) memcpy(node->secret, options->secret, TPI_KEY_SIZE);
    node->secure = options->secret != NULL || options->secret_file != NULL;
    if (options->secret != NULL || options->secret_file == NULL) return TP_OK;
    tp_err err = read_key(node, "secret_file", options->secret_file, node->secret);
    if (err == TP_ENOENT)
        TPI_NODE_COMPLAIN(node, "secret_file: there is no %s", options->secret_file);
    return err;
}

void tpi_node_draw(void *context, void *out, size_t size) {
    struct tp_node *node = context;
    const struct tpi_driver *driver = &node->runtime->driver;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = driver->random(driver->context);
        memcpy((uint8_t *)out + i, &value, size - i < 8 ? size - i : 8);
    }
}

static tp_err take_own_key(struct tp_node *node, const char *path) {
    tp_err err = TP_ENOENT;
    if (path != NULL) err = read_key(node, "key_file", path, node->key);
    if (err != TP_ENOENT) return err;
    tpi_node_draw(node, node->key, TPI_KEY_SIZE);
    err = path == NULL ? TP_OK : tpi_file_make_private(path, node->key, TPI_KEY_SIZE);
    if (err != TP_OK) TPI_NODE_COMPLAIN(node, "key_file: %s", tp_strerror(err));
    return err;
}

static tp_err take_names(struct tp_node *node, const tp_node_options *options) {
    const char *name = node->runtime->options.node_name;
    const char *cluster = options->cluster == NULL ? "" : options->cluster;
    if (strcmp(name, "local") == 0 || !tpi_node_name_valid(name, strlen(name))) {
        TPI_NODE_COMPLAIN(
            node, "node_name: \"%s\" is no name for a node (set tp_options.node_name)", name);
        return TP_EINVAL;
    }
    if (strlen(cluster) > TPI_CLUSTER_NAME_MAX ||
        (cluster[0] != 0 && !tpi_node_name_valid(cluster, strlen(cluster)))) {
        TPI_NODE_COMPLAIN(node, "cluster: not a name of at most %u bytes", TPI_CLUSTER_NAME_MAX);
        return TP_EINVAL;
    }
    tpi_node_text(node->hello.name, sizeof node->hello.name, name);
    tpi_node_text(node->hello.cluster, sizeof node->hello.cluster, cluster);
    memcpy(node->hello.incarnation, node->runtime->incarnation, TPI_INCARNATION_SIZE);
    bool same = tpi_hello_id(&node->hello) == node->runtime->node;
    return same ? TP_OK : TP_EINVAL;
}

static tp_err take_limits(struct tp_node *node, const tp_node_options *options) {
    node->heartbeat = options->heartbeat == 0 ? TP_SECONDS(5) : options->heartbeat;
    node->backlog = options->backlog == 0 ? BACKLOG_DEFAULT : options->backlog;
    node->max_peers = options->max_peers == 0 ? TPI_PEERS_MAX : options->max_peers;
    if (node->heartbeat < HEARTBEAT_LEAST || node->heartbeat > TP_SECONDS(600)) {
        TPI_NODE_COMPLAIN(node, "heartbeat: between 200 ms and 10 minutes");
        return TP_EINVAL;
    }
    if (node->max_peers > TPI_PEERS_MAX) {
        TPI_NODE_COMPLAIN(node, "max_peers: at most %u", TPI_PEERS_MAX);
        return TP_EINVAL;
    }
    node->hello.limits = tpi_wire_limits_default();
    node->hello.limits.window = WINDOW;
    node->hello.limits.heartbeat_ms = (uint32_t)(node->heartbeat / TP_MS(1));
    return TP_OK;
}

static tp_err take_mesh(struct tp_node *node, const tp_node_options *options) {
    const char *url = options->advertise;
    if (options->hidden) node->hello.features |= TPI_FEATURE_HIDDEN;
    if (url == NULL) return TP_OK;
    const char *why = options->hidden              ? "others are not told of a hidden node"
                      : tpi_link_find(url) == NULL ? "no address of a node (tcp://HOST:PORT)"
                      : !tpi_mesh_says_a_host(url) ? "it says no host"
                                                   : NULL;
    if (why != NULL) {
        TPI_NODE_COMPLAIN(node, "advertise: %s: %s", url, why);
        return TP_EINVAL;
    }
    tpi_node_text(node->advertise, sizeof node->advertise, url);
    return TP_OK;
}

/* ---- the service thread ---- */

static void reap(struct tp_node *node) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&node->conns, link, spare) {
        struct tpi_conn *conn = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        /* acquire: partner is the release of the last sender that woke it */
        if (!conn->closed || atomic_load_explicit(&conn->users, memory_order_acquire) != 0)
            continue;
        tpi_list_remove(&conn->link);
        tpi_mutex_unlock(&node->lock);
        tpi_conn_free(conn); /* waits for the link's last callback */
        tpi_mutex_lock(&node->lock);
        tpi_node_poke(node);
        return;
    }
}

static tp_duration tick_of(const struct tp_node *node) {
    return node->heartbeat / 10 < TP_MS(100) ? node->heartbeat / 10 : TP_MS(100);
}

/* A look at all that time decides. Under the lock. */
static void look_once(struct tp_node *node) {
    tp_time now = tpi_node_now(node);
    /* we were away, not our peers: let them be heard */
    bool slept = now - node->looked_at > node->heartbeat / 2;
    node->looked_at = now;
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&node->conns, link, spare) {
        struct tpi_conn *conn = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        /* relaxed: a time */
        if (slept) atomic_store_explicit(&conn->heard, now, memory_order_relaxed);
        tpi_conn_tick(conn, now);
    }
    tpi_joins_tick(node, now);
    reap(node);
}

/* The service thread. */
static void serve(void *arg) {
    struct tp_node *node = arg;
    tpi_mutex_lock(&node->lock);
    while (!node->stopped) {
        /* acquire: partner is tpi_node_poke; read before the lists are looked at */
        uint32_t seen = atomic_load_explicit(&node->work, memory_order_acquire);
        look_once(node);
        tpi_mutex_unlock(&node->lock);
        tpi_futex_wait(&node->work, seen, tick_of(node));
        tpi_mutex_lock(&node->lock);
    }
    tpi_mutex_unlock(&node->lock);
}

/* The service where there is no thread: when to look again. */
static tp_time look(void *context) {
    struct tp_node *node = context;
    (void)tpi_discover_look(node);
    tpi_mutex_lock(&node->lock);
    look_once(node);
    tpi_mutex_unlock(&node->lock);
    return tpi_node_now(node) + tick_of(node);
}

static tp_err service_start(struct tp_node *node) {
    node->looked_at = tpi_node_now(node);
    tp_err err = TP_OK;
    if (tpi_node_is_simulated(node)) {
        node->hub->look_context = node;
        node->hub->look_at = node->looked_at;
        node->hub->look = look;
    } else {
        err = tpi_thread_start(&node->thread, "tp-node", serve, node);
    }
    node->running = err == TP_OK;
    return err;
}

static void service_stop(struct tp_node *node) {
    tpi_mutex_lock(&node->lock);
    node->stopped = true;
    tpi_mutex_unlock(&node->lock);
    tpi_node_poke(node);
    tpi_discover_end(node);
    if (!node->running) return;
    if (tpi_node_is_simulated(node)) node->hub->look = NULL;
    else tpi_thread_join(node->thread);
    node->running = false;
}

/* Waits until the service, or a connection, has had something to do since `seen`. */
static void wait_for_work(struct tp_node *node, uint32_t seen, tp_duration most) {
    if (tpi_node_is_simulated(node)) node->hub->pass(node->hub, most);
    else tpi_futex_wait(&node->work, seen, most);
}

/* ---- the end ---- */

static bool is_empty(struct tp_node *node) {
    return tpi_list_empty(&node->conns) && tpi_list_empty(&node->joins);
}

static void drop_listeners(struct tp_node *node) {
    for (;;) {
        tpi_mutex_lock(&node->lock);
        struct tpi_list *link = tpi_list_pop_front(&node->listening);
        tpi_mutex_unlock(&node->lock);
        if (link == NULL) return;
        struct tpi_listening *listening = TPI_CONTAINER_OF(link, struct tpi_listening, link);
        tpi_listener_free(listening->listener); /* waits for its callback, which takes the lock */
        free(listening);
    }
}

/* Goodbye to all, or the end of all. Under the lock. */
static void close_all(struct tp_node *node, bool gently) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&node->conns, link, spare) {
        struct tpi_conn *conn = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        if (conn->closed) continue;
        if (gently && conn->peer != NULL) tpi_conn_goodbye(conn, TPI_GOODBYE_SHUTDOWN);
        else tpi_stream_close(conn->stream);
    }
}

void tp_node_leave(tp_node *node) {
    if (node == NULL) return;
    tpi_mutex_lock(&node->lock);
    bool first = !node->stopping;
    node->stopping = true;
    if (first) close_all(node, true);
    tpi_mutex_unlock(&node->lock);
    drop_listeners(node);
    tp_time until = tpi_node_now(node) + LEAVE_TIME;
    for (;;) {
        /* acquire: as in serve */
        uint32_t seen = atomic_load_explicit(&node->work, memory_order_acquire);
        tpi_mutex_lock(&node->lock);
        bool empty = is_empty(node), late = tpi_node_now(node) >= until;
        if (!empty && late) close_all(node, false);
        tpi_mutex_unlock(&node->lock);
        if (empty) return;
        tpi_node_poke(node);
        wait_for_work(node, seen + 1, TP_MS(20));
    }
}

static void node_end(struct tpi_remote *remote) {
    struct tp_node *node = TPI_CONTAINER_OF(remote, struct tp_node, remote);
    tp_node_leave(node);
    service_stop(node);
}

static void node_free(struct tpi_remote *remote) {
    struct tp_node *node = TPI_CONTAINER_OF(remote, struct tp_node, remote);
    /* relaxed: nobody else is left */
    uint32_t count = atomic_load_explicit(&node->peer_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) free(node->peers[i]);
    size_t cursor = 0;
    void *value;
    while (tpi_map_next(&node->types, &cursor, NULL, NULL, &value))
        for (struct tpi_far_type *type = value, *next; type != NULL; type = next) {
            next = type->next;
            free(type);
        }
    tpi_map_fini(&node->types);
    tpi_names_free(node);
    tpi_cluster_free(node);
    tpi_spawnables_free(node);
    tpi_permits_free(node);
    tpi_tls_free(node->tls);
    tpi_secret_unlock(node, sizeof *node);
    free(node);
}

/* ---- the start ---- */

static void *map_alloc(void *context, size_t size) {
    (void)context;
    return malloc(size);
}
static void map_free(void *context, void *pointer, size_t size) {
    (void)context;
    (void)size;
    free(pointer);
}

static tp_err configure(struct tp_node *node, const tp_node_options *options) {
    tp_err err = tpi_wire_start();
    if (err == TP_OK) err = take_names(node, options);
    if (err == TP_OK) err = take_limits(node, options);
    if (err == TP_OK) err = take_mesh(node, options);
    if (err == TP_OK) err = take_secret(node, options);
    if (err == TP_OK) err = tpi_node_take_tls(node, options);
    if (err == TP_OK && node->secure) err = take_own_key(node, options->key_file);
    return err;
}

/* A simulated runtime without a simulated network. */
static bool is_alone(const tp_runtime *runtime) {
    return runtime->sim != NULL && runtime->driver.network == NULL;
}

tp_err tp_node_start(tp_runtime *runtime, const tp_node_options *options, tp_node **out) {
    TPI_FAULT_HOLD();
    static const tp_node_options defaults;
    if (runtime == NULL || out == NULL || is_alone(runtime)) return TP_EINVAL;
    struct tp_node *node = calloc(1, sizeof *node);
    if (node == NULL) return TP_ENOMEM;
    (void)tpi_secret_lock(node, sizeof *node);
    if (options == NULL) options = &defaults;
    node->runtime = runtime;
    node->may = TP_MAY_DEFAULT;
    node->hub = runtime->driver.network;
    if (node->hub == NULL) node->hub = (struct tpi_hub *)(void *)options->inproc;
    node->remote = (struct tpi_remote){tpi_node_send, node_end, node_free};
    tpi_list_init(&node->conns);
    tpi_list_init(&node->joins);
    tpi_list_init(&node->listening);
    tpi_map_init(&node->types, (struct tpi_map_memory){map_alloc, map_free, NULL});
    tpi_cluster_init(node);
    tp_err err = configure(node, options);
    if (err == TP_OK && tpi_remote_of(runtime) != NULL) err = TP_EBUSY;
    if (err == TP_OK) err = tpi_names_start(node);
    if (err == TP_OK) err = service_start(node);
    if (err == TP_OK) err = tpi_remote_set(runtime, &node->remote);
    if (err != TP_OK) {
        node_end(&node->remote);
        node_free(&node->remote);
        return err;
    }
    *out = node;
    return TP_OK;
}

tp_node *tp_node_of(tp_runtime *runtime) {
    struct tpi_remote *remote = runtime == NULL ? NULL : tpi_remote_of(runtime);
    return remote == NULL ? NULL : TPI_CONTAINER_OF(remote, struct tp_node, remote);
}

const char *tp_node_name(const tp_node *node) {
    return node->hello.name;
}

/* ---- addresses ---- */

/* Somebody who never speaks must not keep others out: the oldest goes. Under the lock. */
static void make_place(struct tp_node *node) {
    struct tpi_list *link, *spare;
    struct tpi_conn *oldest = NULL;
    unsigned count = 0;
    TPI_LIST_EACH(&node->conns, link, spare) {
        struct tpi_conn *conn = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        if (conn->peer != NULL || conn->initiator || conn->closed) continue;
        if (oldest == NULL) oldest = conn;
        count++;
    }
    if (count < TPI_HANDSHAKES_MAX) return;
    tpi_node_count(&node->refused);
    oldest->counted_refused = true;
    oldest->closed = false;
    tpi_stream_close(oldest->stream);
}

static void accepted(void *context, struct tpi_stream *stream) {
    struct tp_node *node = context;
    struct tpi_conn *conn = NULL;
    tpi_mutex_lock(&node->lock);
    if (node->stopping) {
        tpi_stream_free(stream);
    } else {
        make_place(node);
        conn = tpi_conn_new(node, stream, NULL);
    }
    if (conn != NULL) tpi_conn_begin(conn);
    tpi_mutex_unlock(&node->lock);
}

tp_err tp_node_listen(tp_node *node, const char *url, char *bound, size_t size) {
    TPI_FAULT_HOLD();
    tp_err err = node == NULL || url == NULL ? TP_EINVAL : tpi_node_allows(node, url);
    if (err != TP_OK) return err;
    struct tpi_listening *listening = calloc(1, sizeof *listening);
    if (listening == NULL) return TP_ENOMEM;
    struct tpi_net net = {node->hub, node->tls};
    err = tpi_link_listen(&net, url, accepted, node, &listening->listener);
    if (err != TP_OK) {
        free(listening);
        return err;
    }
    if (bound != NULL && size > 0) {
        size_t length = strlen(listening->listener->url);
        if (length >= size) length = size - 1;
        memcpy(bound, listening->listener->url, length);
        bound[length] = 0;
    }
    tpi_mutex_lock(&node->lock);
    tpi_list_push_back(&node->listening, &listening->link);
    tpi_mutex_unlock(&node->lock);
    tpi_mesh_changed(node);
    return TP_OK;
}

tp_err tp_node_join(tp_node *node, const char *url) {
    TPI_FAULT_HOLD();
    struct tpi_join *join;
    return tpi_join_new(node, url, true, false, NULL, &join);
}

tp_err tp_node_connect(tp_node *node, const char *url, tp_duration timeout, uint64_t *peer) {
    TPI_FAULT_HOLD();
    struct tpi_join *join = NULL;
    tp_err err = tpi_join_new(node, url, false, true, NULL, &join);
    if (err != TP_OK) return err;
    tp_time now = tpi_node_now(node);
    tp_time until = timeout > TP_FOREVER - now ? TP_FOREVER : now + timeout;
    for (;;) {
        /* acquire: as in serve */
        uint32_t seen = atomic_load_explicit(&node->work, memory_order_acquire);
        tpi_mutex_lock(&node->lock);
        bool late = tpi_node_now(node) >= until, over = join->done || late || node->stopping;
        if (over) {
            err = join->done ? join->err : late ? TP_ETIMEDOUT : TP_ECLOSED;
            if (peer != NULL) *peer = join->peer;
            join->waited = false; /* from now on the service thread's to free */
            join->done = true;
        }
        tpi_mutex_unlock(&node->lock);
        if (over) break;
        wait_for_work(node, seen, TP_MS(50));
    }
    tpi_node_poke(node);
    return err;
}

tp_err tp_node_disconnect(tp_node *node, uint64_t peer) {
    TPI_FAULT_HOLD();
    struct tpi_conn *conn = NULL;
    if (node == NULL) return TP_EINVAL;
    tpi_mutex_lock(&node->lock);
    struct tpi_peer_state *found = tpi_peer_find(node, peer);
    if (found != NULL) conn = found->conn;
    if (conn != NULL) tpi_conn_goodbye(conn, TPI_GOODBYE_DISCONNECT);
    tpi_mutex_unlock(&node->lock);
    return conn == NULL ? TP_ENOENT : TP_OK;
}

/* ---- what it has done ---- */

void tp_node_counters_get(tp_node *node, tp_node_counters *out) {
    struct tpi_list *link, *spare;
    *out = (tp_node_counters){
        /* relaxed: numbers */
        .connections = atomic_load_explicit(&node->connections, memory_order_relaxed),
        .refused = atomic_load_explicit(&node->refused, memory_order_relaxed),     /* relaxed */
        .sent = atomic_load_explicit(&node->sent, memory_order_relaxed),           /* relaxed */
        .received = atomic_load_explicit(&node->received, memory_order_relaxed),   /* relaxed */
        .dropped = atomic_load_explicit(&node->dropped, memory_order_relaxed),     /* relaxed */
        .forbidden = atomic_load_explicit(&node->forbidden, memory_order_relaxed), /* relaxed */
    };
    tpi_mutex_lock(&node->lock);
    out->unreachable = tpi_mesh_unreachable(node);
    TPI_LIST_EACH(&node->conns, link, spare) {
        struct tpi_conn *conn = TPI_CONTAINER_OF(link, struct tpi_conn, link);
        tpi_mutex_lock(&conn->lock);
        out->peers += conn->peer != NULL && conn->peer->conn == conn;
        out->backlog += tpi_conn_backlog(conn);
        tpi_mutex_unlock(&conn->lock);
    }
    tpi_mutex_unlock(&node->lock);
}

tp_err tp_inproc_new(tp_inproc **out) {
    if (out == NULL) return TP_EINVAL;
    struct tpi_hub *hub = NULL;
    tp_err err = tpi_hub_new(&hub);
    if (err == TP_OK) *out = (tp_inproc *)(void *)hub;
    return err;
}

void tp_inproc_free(tp_inproc *inproc) {
    if (inproc != NULL) tpi_hub_free((struct tpi_hub *)(void *)inproc);
}
