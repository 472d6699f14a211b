/*
 * Addresses to be connected to: once, or again whenever the connection is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/node/node.h"

#define PAUSE_LEAST TP_MS(50)
#define PAUSE_MOST TP_SECONDS(2)
#define SELF_PAUSE TP_SECONDS(60) /* our own address may be another's later */

void tpi_join_init(struct tpi_join *join, struct tp_node *node, const char *url) {
    tpi_node_text(join->url, sizeof join->url, url);
    join->node = node;
    join->pause = PAUSE_LEAST;
}

tp_err tpi_join_new(struct tp_node *node, const char *url, bool keep, bool waited,
                    const struct tpi_source *source, struct tpi_join **out) {
    tp_err err = node == NULL || url == NULL ? TP_EINVAL : tpi_node_allows(node, url);
    if (err != TP_OK) return err;
    struct tpi_join *join = calloc(1, sizeof *join);
    if (join == NULL) return TP_ENOMEM;
    tpi_join_init(join, node, url);
    join->keep = keep;
    join->waited = waited;
    join->source = source;
    tpi_mutex_lock(&node->lock);
    bool stopping = node->stopping;
    if (!stopping) tpi_list_push_back(&node->joins, &join->link);
    tpi_mutex_unlock(&node->lock);
    if (stopping) {
        free(join);
        return TP_ECLOSED;
    }
    tpi_node_poke(node);
    *out = join;
    return TP_OK;
}

/* Many nodes that lost the same one must not come back at the same moment. */
static tp_duration shortened(struct tp_node *node, tp_duration pause) {
    uint64_t random;
    tpi_node_draw(node, &random, sizeof random);
    return pause - (tp_duration)(random % (uint64_t)(pause / 2));
}

static void wait_longer(struct tpi_join *join) {
    tp_duration pause = join->myself ? SELF_PAUSE : shortened(join->node, join->pause);
    join->next = tpi_node_now(join->node) + pause;
    join->pause = join->pause * 2 < PAUSE_MOST ? join->pause * 2 : PAUSE_MOST;
}

void tpi_join_again(struct tpi_join *join) {
    wait_longer(join);
    tpi_node_poke(join->node);
}

void tpi_join_over(struct tpi_join *join, tp_err err) {
    if (err == TP_OK) join->pause = PAUSE_LEAST;
    tpi_mesh_tried(join, err);
    wait_longer(join);
    if (err == TP_OK) join->pause = PAUSE_LEAST;
    if (!join->done) {
        join->done = true;
        join->err = err;
    }
    tpi_node_poke(join->node);
}

static void connected(void *context, tp_err err, struct tpi_stream *stream) {
    struct tpi_join *join = context;
    struct tp_node *node = join->node;
    struct tpi_conn *conn = NULL;
    tpi_mutex_lock(&node->lock);
    join->failed = true; /* the attempt is over */
    if (err == TP_OK && node->stopping) {
        tpi_stream_free(stream);
        err = TP_ECLOSED;
    } else if (err == TP_OK) {
        conn = tpi_conn_new(node, stream, join);
        if (conn == NULL) err = TP_ENOMEM;
    }
    if (err != TP_OK) {
        join->begun = false;
        tpi_join_over(join, err);
    }
    if (conn != NULL) tpi_conn_begin(conn);
    tpi_mutex_unlock(&node->lock);
    tpi_node_poke(node);
}

/* The service thread, with node->lock, which is let go meanwhile. */
static void begin(struct tpi_join *join) {
    struct tp_node *node = join->node;
    struct tpi_attempt *attempt = NULL;
    join->begun = true;
    join->failed = false;
    tpi_mutex_unlock(&node->lock);
    struct tpi_net net = {node->hub, node->tls};
    tp_err err = tpi_link_connect(&net, join->url, connected, join, &attempt);
    tpi_mutex_lock(&node->lock);
    join->attempt = attempt;
    if (err == TP_OK) return;
    join->begun = false;
    tpi_join_over(join, err);
}

static void drop_attempt(struct tpi_join *join) {
    struct tpi_attempt *attempt = join->attempt;
    struct tp_node *node = join->node;
    join->attempt = NULL;
    tpi_mutex_unlock(&node->lock);
    tpi_attempt_free(attempt); /* waits for its callback, which takes the lock */
    tpi_mutex_lock(&node->lock);
    if (join->failed) return;
    join->failed = true; /* it was given up before there was a callback: none will come */
    join->begun = false;
    tpi_join_over(join, TP_ECANCELED);
}

/* Connected already, perhaps by the other side's attempt: nothing to do until that is over. */
static bool has_peer(const struct tpi_join *join) {
    return join->peer != 0 && tpi_peer_find(join->node, join->peer) != NULL;
}

void tpi_joins_tick(struct tp_node *node, tp_time now) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&node->joins, link, spare) {
        struct tpi_join *join = TPI_CONTAINER_OF(link, struct tpi_join, link);
        bool drop = join->attempt != NULL && (join->failed || node->stopping);
        tpi_mesh_forget(join, now);
        /* what was to be waited for has come about by another attempt */
        if (!join->begun && !join->done && has_peer(join)) tpi_join_over(join, TP_OK);
        if (drop) drop_attempt(join);
        else if (!join->begun && !node->stopping && join->attempt == NULL &&
                 (join->keep || !join->done) && now >= join->next && !has_peer(join))
            begin(join);
        else if (!join->begun && join->attempt == NULL && join->conn == NULL && !join->waited &&
                 (!join->keep || node->stopping)) {
            tpi_list_remove(&join->link);
            free(join);
        } else continue;
        /* the lock was let go, or the list changed: the rest has its turn at the next tick */
        tpi_node_poke(node);
        return;
    }
}
