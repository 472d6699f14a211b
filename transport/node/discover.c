/*
 * Where other nodes are found: a list, a file that may change, the addresses of a name.
 *
 * Each source is looked at again and again, by a thread of its own, since files and resolvers make
 * who asks them wait; on a simulated network by the service. What a source has found becomes joins
 * (join.c), which do the rest: backoff, reconnecting, finding out that an address is our own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/cluster.h>

#include "core/actor/steps.h"
#include "core/base/hash.h"
#include "transport/node/node.h"

#define EVERY TP_SECONDS(5)
#define EVERY_LEAST TP_MS(10)
#define FOUND_MAX 1024u /* addresses of one source */
#define FILE_MAX ((size_t)1 << 20)

struct tpi_source {
    struct tpi_source *next;
    tp_duration every;
    tp_address_lookup lookup; /* NULL: a file */
    void *context;
    /* ---- who looks at it ---- */
    tp_time at;    /* the next look */
    uint64_t hash; /* of what was there the last time */
    tp_err err;    /* likewise */
    size_t count;
    char (*found)[TPI_LINK_URL_MAX];
    size_t host_at, host_size; /* dns: within the text */
    char text[];               /* path, or URL */
};

/* ---- addresses ---- */

/* What is wrong with an address as text; NULL: nothing that can be seen. */
static const char *address_wrong(const struct tp_node *node, const char *url) {
    const char *colon = strrchr(url, ':');
    if (strlen(url) >= TPI_LINK_URL_MAX) return "longer than 255 bytes";
    if (tpi_link_find(url) == NULL) return "no address of a node (tcp://HOST:PORT)";
    if (strncmp(url, "tcp://", 6) == 0) {
        size_t digits = strspn(colon + 1, "0123456789");
        long port = digits > 0 && digits < 6 ? strtol(colon + 1, NULL, 10) : 0;
        if (colon == url + 6 || port < 1 || port > 65535 || colon[1 + digits] != 0)
            return "no HOST:PORT";
    }
    return tpi_node_forbids(node, url);
}

static bool add_found(struct tpi_source *source, const char *url) {
    if (source->count == FOUND_MAX) return false;
    tpi_node_text(source->found[source->count++], TPI_LINK_URL_MAX, url);
    return true;
}

/* The joins of a source become what was found; what is not found any more is not tried again. */
static void use_found(struct tp_node *node, struct tpi_source *source) {
    struct tpi_list *link, *spare;
    tpi_mutex_lock(&node->lock);
    TPI_LIST_EACH(&node->joins, link, spare) {
        struct tpi_join *join = TPI_CONTAINER_OF(link, struct tpi_join, link);
        if (join->source != source || !join->keep) continue;
        join->found = false;
        for (size_t i = 0; i < source->count; i++) {
            if (strcmp(source->found[i], join->url) != 0) continue;
            join->found = true;
            source->found[i][0] = 0; /* it is there */
        }
        if (!join->found) join->keep = false;
    }
    tpi_mutex_unlock(&node->lock);
    struct tpi_join *join;
    for (size_t i = 0; i < source->count; i++) {
        for (size_t k = 0; k < i; k++) /* twice in the source */
            if (strcmp(source->found[k], source->found[i]) == 0) source->found[i][0] = 0;
        if (source->found[i][0] != 0)
            (void)tpi_join_new(node, source->found[i], true, false, source, &join);
    }
}

/* ---- files ---- */

static void take_line(struct tp_node *node, struct tpi_source *source, char *line,
                      unsigned number) {
    line += strspn(line, " \t");
    size_t size = strlen(line);
    while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL) line[--size] = 0;
    if (size == 0 || line[0] == '#') return;
    const char *why = address_wrong(node, line);
    if (why == NULL && !add_found(source, line)) why = "more than 1,024 addresses";
    if (why != NULL)
        tpi_log_runtime(node->runtime, TP_LOG_WARN, "%s:%u: %s", source->text, number, why);
}

static void take_lines(struct tp_node *node, struct tpi_source *source, char *bytes, size_t size) {
    unsigned number = 1;
    for (size_t from = 0, at = 0; at <= size; at++) {
        if (at < size && bytes[at] != '\n') continue;
        char line[TPI_LINK_URL_MAX + 64] = "";
        size_t length = at - from < sizeof line - 1 ? at - from : sizeof line - 1;
        memcpy(line, bytes + from, length);
        take_line(node, source, line, number++);
        from = at + 1;
    }
}

/* True when it has changed since the last time, which is told once. */
static bool has_changed(struct tp_node *node, struct tpi_source *source, tp_err err,
                        const void *bytes, size_t size) {
    uint64_t hash = err == TP_OK ? tpi_hash_bytes(bytes, size) : source->hash;
    bool changed = err == TP_OK && hash != source->hash;
    if (err != TP_OK && err != source->err)
        tpi_log_runtime(node->runtime, TP_LOG_WARN, "%s: %s", source->text, tp_strerror(err));
    source->err = err;
    source->hash = hash;
    return changed;
}

static void look_at_file(struct tp_node *node, struct tpi_source *source) {
    void *bytes = NULL;
    size_t size = 0;
    tp_err err = tpi_file_read(source->text, FILE_MAX, &bytes, &size);
    if (has_changed(node, source, err, bytes, size)) {
        source->count = 0;
        take_lines(node, source, bytes, size);
        use_found(node, source);
    }
    free(bytes);
}

/* ---- names of machines ---- */

static tp_err ask_system(void *context, const char *host, char (*out)[TP_ADDRESS_SIZE], size_t max,
                         size_t *count) {
    (void)context;
    return tpi_resolve(host, out, max, count);
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void look_at_name(struct tp_node *node, struct tpi_source *source) {
    char host[TPI_LINK_URL_MAX], url[TPI_LINK_URL_MAX];
    char(*addresses)[TP_ADDRESS_SIZE] = calloc(FOUND_MAX, sizeof *addresses);
    size_t count = 0;
    tp_err err = addresses == NULL ? TP_ENOMEM : TP_OK;
    (void)snprintf(host, sizeof host, "%.*s", (int)source->host_size,
                   source->text + source->host_at);
    if (err == TP_OK) err = source->lookup(source->context, host, addresses, FOUND_MAX, &count);
    if (count > FOUND_MAX) count = 0;
    for (size_t i = 0; i < count; i++) { /* text of the caller's: whatever is behind its end goes */
        size_t size = strnlen(addresses[i], TP_ADDRESS_SIZE - 1);
        memset(addresses[i] + size, 0, TP_ADDRESS_SIZE - size);
    }
    if (err == TP_OK) qsort(addresses, count, sizeof *addresses, by_text);
    if (has_changed(node, source, err, addresses, count * sizeof *addresses)) {
        const char *rest = source->text + source->host_at + source->host_size;
        source->count = 0;
        for (size_t i = 0; i < count; i++) {
            bool wide = strchr(addresses[i], ':') != NULL;
            (void)snprintf(url, sizeof url, "%.*s%s%s%s%s", (int)source->host_at, source->text,
                           wide ? "[" : "", addresses[i], wide ? "]" : "", rest);
            const char *why = address_wrong(node, url);
            if (why == NULL) (void)add_found(source, url);
            else tpi_log_runtime(node->runtime, TP_LOG_WARN, "%s: %s: %s", host, url, why);
        }
        use_found(node, source);
    }
    free(addresses);
}

/* ---- when ---- */

tp_time tpi_discover_look(struct tp_node *node) {
    tpi_mutex_lock(&node->lock);
    struct tpi_source *source = node->stopping ? NULL : node->sources;
    tpi_mutex_unlock(&node->lock);
    tp_time next = TP_FOREVER;
    for (; source != NULL; source = source->next) { /* they are added in front, and stay */
        if (tpi_node_now(node) >= source->at) {
            if (source->lookup == NULL) look_at_file(node, source);
            else look_at_name(node, source);
            source->at = tpi_node_now(node) + source->every;
        }
        if (source->at < next) next = source->at;
    }
    return next;
}

static bool is_over(struct tp_node *node) {
    tpi_mutex_lock(&node->lock);
    bool over = node->stopping || node->stopped;
    tpi_mutex_unlock(&node->lock);
    return over;
}

static void find(void *arg) {
    struct tp_node *node = arg;
    while (!is_over(node)) {
        /* acquire: partner is the release in wake_finder; read before the sources are looked at */
        uint32_t seen = atomic_load_explicit(&node->finder_work, memory_order_acquire);
        tp_time next = tpi_discover_look(node), now = tpi_node_now(node);
        if (is_over(node)) return;
        tp_duration wait = next == TP_FOREVER ? TP_SECONDS(60) : next - now;
        if (wait > 0) tpi_futex_wait(&node->finder_work, seen, wait);
    }
}

static void wake_finder(struct tp_node *node) {
    /* release: partner is the acquire load of the thread, which then looks */
    atomic_fetch_add_explicit(&node->finder_work, 1, memory_order_release);
    tpi_futex_wake(&node->finder_work, 1);
}

void tpi_discover_end(struct tp_node *node) {
    wake_finder(node);
    tpi_mutex_lock(&node->lock);
    bool finding = node->finding;
    node->finding = false;
    tpi_mutex_unlock(&node->lock);
    if (finding) tpi_thread_join(node->finder);
    while (node->sources != NULL) {
        struct tpi_source *next = node->sources->next;
        free(node->sources->found);
        free(node->sources);
        node->sources = next;
    }
}

/* ---- the call ---- */

static tp_err add_source(struct tp_node *node, struct tpi_source *source) {
    tp_err err = TP_OK;
    tpi_mutex_lock(&node->lock);
    if (node->stopping) err = TP_ECLOSED;
    if (err == TP_OK && !node->finding && !tpi_node_is_simulated(node)) {
        err = tpi_thread_start(&node->finder, "tp-finder", find, node);
        node->finding = err == TP_OK;
    }
    if (err == TP_OK) {
        source->next = node->sources;
        node->sources = source;
    }
    tpi_mutex_unlock(&node->lock);
    if (err != TP_OK) return err;
    if (tpi_node_is_simulated(node)) tpi_node_poke(node);
    else wake_finder(node);
    return TP_OK;
}

/* HOST in "tcp://HOST:PORT"; an address in the place of HOST makes a URL that fits. */
static bool split_url(struct tpi_source *source) {
    const char *begin = strstr(source->text, "://");
    const char *end = begin == NULL ? NULL : strrchr(begin + 3, ':');
    if (end == NULL || end == begin + 3) return false;
    source->host_at = (size_t)(begin + 3 - source->text);
    source->host_size = (size_t)(end - begin - 3);
    return true;
}

static tp_err discover(struct tp_node *node, const tp_discovery *discovery, const char *text) {
    size_t size = strlen(text) + 1;
    struct tpi_source *source = calloc(1, sizeof *source + size);
    if (source == NULL) return TP_ENOMEM;
    memcpy(source->text, text, size);
    source->found = calloc(FOUND_MAX, sizeof *source->found);
    source->every = discovery->every == 0 ? EVERY : discovery->every;
    source->context = discovery->context;
    tp_err err = source->found == NULL ? TP_ENOMEM : TP_OK;
    if (discovery->dns != NULL) {
        source->lookup = discovery->lookup != NULL ? discovery->lookup : ask_system;
        if (size > TPI_LINK_URL_MAX || !split_url(source)) err = TP_EADDR;
    }
    if (err == TP_OK) err = add_source(node, source);
    if (err == TP_OK) return TP_OK;
    free(source->found);
    free(source);
    return err;
}

tp_err tp_node_discover(tp_node *node, const tp_discovery *discovery) {
    if (node == NULL || discovery == NULL) return TP_EINVAL;
    int kinds = (discovery->urls != NULL) + (discovery->file != NULL) + (discovery->dns != NULL);
    if (kinds != 1 || (discovery->every != 0 && discovery->every < EVERY_LEAST)) return TP_EINVAL;
    if (discovery->lookup != NULL && discovery->dns == NULL) return TP_EINVAL;
    if (discovery->file != NULL) return discover(node, discovery, discovery->file);
    if (discovery->dns != NULL) {
        if (tpi_link_find(discovery->dns) == NULL) return TP_ENOTSUP;
        return discover(node, discovery, discovery->dns);
    }
    for (size_t i = 0; discovery->urls[i] != NULL; i++) {
        struct tpi_join *join;
        tp_err err = tpi_join_new(node, discovery->urls[i], true, false, NULL, &join);
        if (err != TP_OK) return err;
    }
    return TP_OK;
}
