/*
 * The options of a gateway: looked at, copied, and asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/platform/private.h"
#include "transport/gateway/gateway.h"

#define LIST_MAX 1024u

/* ---- life ---- */

struct tpi_gateway *tpi_gateway_ref(struct tpi_gateway *gateway) {
    /* relaxed: the caller holds one, which keeps it alive */
    atomic_fetch_add_explicit(&gateway->references, 1, memory_order_relaxed);
    return gateway;
}

static void free_list(const char *const *list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) free((void *)(uintptr_t)list[i]);
    free((void *)(uintptr_t)list);
}

void tpi_gateway_unref(void *pointer) {
    struct tpi_gateway *gateway = pointer;
    /* acq_rel: the last holder frees it after everyone's use */
    if (atomic_fetch_sub_explicit(&gateway->references, 1, memory_order_acq_rel) != 1) return;
    volatile char *token = gateway->token; /* not left in freed memory */
    for (size_t i = 0; token != NULL && i <= TP_TOKEN_SIZE_MAX; i++) token[i] = 0;
    free(gateway->token);
    free((void *)(uintptr_t)gateway->options.path);
    free_list(gateway->options.names);
    free_list(gateway->options.hosts);
    free_list(gateway->options.origins);
    free((void *)(uintptr_t)gateway->types);
    free(gateway->welcome);
    free(gateway);
}

/* ---- copying ---- */

static char *copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

static tp_err copy_list(const char *const *list, const char *const **out) {
    size_t count = 0;
    *out = NULL;
    while (list != NULL && list[count] != NULL)
        if (++count > LIST_MAX) return TP_EINVAL;
    char **copy = calloc(count + 1, sizeof *copy);
    if (copy == NULL) return TP_ENOMEM;
    *out = (const char *const *)copy;
    for (size_t i = 0; i < count; i++) {
        copy[i] = copy_text(list[i]);
        if (copy[i] == NULL) return TP_ENOMEM;
    }
    return TP_OK;
}

/* ---- looking ---- */

#define COMPLAIN(self, ...) tp_log(self, TP_LOG_ERROR, "gateway: " __VA_ARGS__)

static tp_err wrong(tp_actor *self, const char *setting, const char *what) {
    COMPLAIN(self, "%s: %s", setting, what);
    return TP_EINVAL;
}

static bool is_loopback(const char *host, size_t size) {
    tp_str text = {host, size};
    if (tp_str_equal(text, TP_STR("localhost")) || tp_str_equal(text, TP_STR("[::1]"))) return true;
    if (size < 5 || memcmp(host, "127.", 4) != 0) return false;
    for (size_t i = 0; i < size; i++) /* a name may begin so, too */
        if (strchr("0123456789.", host[i]) == NULL) return false;
    return true;
}

static tp_err take_url(tp_actor *self, struct tpi_gateway *gateway, const char *url) {
    const char *host = url + 5, *colon = strrchr(url, ':');
    if (strncmp(url, "ws://", 5) != 0 || strlen(url) >= TPI_GATEWAY_URL_MAX || colon <= host ||
        strchr(host, '/') != NULL)
        return wrong(self, "url", "ws://HOST:PORT is asked for");
    bool remote = gateway->options.remote;
    if (!is_loopback(host, (size_t)(colon - host)) && !remote) {
        COMPLAIN(self,
                 "url: %s can be reached from other machines, unencrypted: set `remote` to "
                 "allow it, behind a proxy with TLS",
                 url);
        return TP_EREFUSED;
    }
    if (remote && (gateway->options.hosts == NULL || gateway->options.hosts[0] == NULL)) {
        COMPLAIN(self, "hosts: with `remote`, set the names by which clients may know this host");
        return TP_EREFUSED;
    }
    snprintf(gateway->listen, sizeof gateway->listen, "tcp://%s", host);
    return TP_OK;
}

static tp_err read_token(tp_actor *self, struct tpi_gateway *gateway, const char *path) {
    size_t size = 0;
    tp_err err = tpi_file_read_private(path, gateway->token, TP_TOKEN_SIZE_MAX + 1, &size);
    if (err != TP_OK) {
        COMPLAIN(self, "token_file: %s: %s", path,
                 err == TP_EREFUSED ? "can be read or written by others: chmod 600"
                                    : tp_strerror(err));
        return err == TP_ETOOBIG ? TP_EINVAL : err;
    }
    while (size > 0 && strchr("\r\n", gateway->token[size - 1]) != NULL) size--;
    gateway->token_size = size;
    return TP_OK;
}

static tp_err take_token(tp_actor *self, struct tpi_gateway *gateway,
                         const tp_gateway_options *options) {
    if ((options->token == NULL) == (options->token_file == NULL))
        return wrong(self, "token", "set `token` or `token_file`, one of them");
    gateway->token = calloc(1, TP_TOKEN_SIZE_MAX + 1);
    if (gateway->token == NULL) return TP_ENOMEM;
    if (options->token_file != NULL) {
        tp_err err = read_token(self, gateway, options->token_file);
        if (err != TP_OK) return err;
    } else {
        gateway->token_size = strnlen(options->token, TP_TOKEN_SIZE_MAX + 1);
        memcpy(gateway->token, options->token,
               gateway->token_size <= TP_TOKEN_SIZE_MAX ? gateway->token_size : 0);
    }
    if (gateway->token_size < TP_TOKEN_SIZE_MIN || gateway->token_size > TP_TOKEN_SIZE_MAX)
        return wrong(self, "token", "16 to 256 bytes are asked for");
    return TP_OK;
}

static void fill_number(uint32_t *place, uint32_t value) {
    if (*place == 0) *place = value;
}
static void fill_span(tp_duration *place, tp_duration value) {
    if (*place == 0) *place = value;
}

static tp_err take_limits(tp_actor *self, tp_gateway_options *options) {
    fill_number(&options->max_sessions, 128);
    fill_number(&options->max_pids, 1024);
    fill_number(&options->max_watches, 1024);
    fill_number(&options->max_calls, 256);
    fill_number(&options->max_backlog, 1024);
    if (options->max_frame == 0) options->max_frame = 1u << 20;
    fill_span(&options->hello_time, TP_SECONDS(5));
    fill_span(&options->heartbeat, TP_SECONDS(15));
    fill_span(&options->patience, TP_SECONDS(10));
    if (options->max_frame > TP_MESSAGE_SIZE_MAX || options->max_frame < TPI_GATEWAY_HELLO_MAX)
        return wrong(self, "max_frame", "1,024 bytes to 16 MiB are asked for");
    if (options->max_pids > 1u << 24 || options->max_sessions > 1u << 24)
        return wrong(self, "max_pids, max_sessions", "at most 16,777,216");
    if (options->max_backlog > INT32_MAX / 16)
        return wrong(self, "max_backlog", "at most INT32_MAX / 16");
    if (options->hello_time < 0 || options->heartbeat < 0 || options->patience < 0)
        return wrong(self, "hello_time, heartbeat, patience", "a span is asked for");
    return TP_OK;
}

static tp_err take(tp_actor *self, struct tpi_gateway *gateway, const tp_gateway_options *options) {
    tp_gateway_options *own = &gateway->options;
    const char *path = options->path == NULL ? "/troupe" : options->path;
    if (path[0] != '/' || strlen(path) >= TPI_GATEWAY_URL_MAX / 2)
        return wrong(self, "path", "/SHORT is asked for");
    own->path = copy_text(path);
    own->files = options->files;
    own->types = options->types;
    own->remote = options->remote;
    tp_err err = own->path == NULL ? TP_ENOMEM : copy_list(options->names, &own->names);
    if (err == TP_OK) err = copy_list(options->hosts, &own->hosts);
    if (err == TP_OK) err = copy_list(options->origins, &own->origins);
    if (err == TP_OK) err = take_limits(self, own);
    if (err == TP_OK)
        err = take_url(self, gateway, options->url == NULL ? "ws://127.0.0.1:0" : options->url);
    if (err == TP_OK) err = take_token(self, gateway, options);
    if (err == TP_OK) err = tpi_gateway_describe(gateway);
    if (err == TP_EINVAL && gateway->welcome == NULL && gateway->token_size > 0)
        COMPLAIN(self, "types: at most %u, with what is nested in them", TPI_GATEWAY_TYPES_MAX);
    return err;
}

tp_err tpi_gateway_new(tp_actor *self, const tp_gateway_options *options,
                       struct tpi_gateway **out) {
    struct tpi_gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) return TP_ENOMEM;
    gateway->options = *options;
    gateway->options.names = gateway->options.hosts = gateway->options.origins = NULL;
    gateway->options.path = NULL;
    /* relaxed: nobody else has it yet */
    atomic_store_explicit(&gateway->references, 1, memory_order_relaxed);
    tp_err err = take(self, gateway, options);
    if (err == TP_OK) *out = gateway;
    else tpi_gateway_unref(gateway);
    return err;
}

bool tpi_gateway_bound(struct tpi_gateway *gateway, const char *url) {
    const char *colon = strrchr(url, ':');
    if (strncmp(url, "tcp://", 6) != 0 || colon == NULL) return false;
    gateway->port = (uint32_t)strtoul(colon + 1, NULL, 10);
    int host = snprintf(gateway->host, sizeof gateway->host, "%s", url + 6);
    int all = snprintf(gateway->url, sizeof gateway->url, "ws://%.60s%.60s", url + 6,
                       gateway->options.path);
    return host > 0 && all > 0 && (size_t)host < sizeof gateway->host && gateway->port > 0;
}

/* ---- asking ---- */

static bool is_listed(const char *const *list, tp_str text) {
    for (size_t i = 0; list[i] != NULL; i++)
        if (tp_str_equal(tp_str_of(list[i]), text)) return true;
    return false;
}

bool tpi_gateway_host_allowed(const struct tpi_gateway *gateway, tp_str host) {
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    char text[TPI_GATEWAY_URL_MAX];
    for (size_t i = 0; gateway->options.hosts[i] != NULL; i++)
        if (tpi_request_same(tp_str_of(gateway->options.hosts[i]), host)) return true;
    if (gateway->options.remote) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int size = snprintf(text, sizeof text, "%s:%u", names[i], gateway->port);
        TPI_ASSERT(size > 0 && (size_t)size < sizeof text);
        if (tpi_request_same((tp_str){text, (size_t)size}, host)) return true;
    }
    return tpi_request_same(tp_str_of(gateway->host), host);
}

bool tpi_gateway_origin_allowed(const struct tpi_gateway *gateway,
                                const struct tpi_request *request) {
    /* a program sends none; a page cannot leave it out, nor choose it */
    if (!request->has_origin) return true;
    return tpi_request_same_origin(request) || is_listed(gateway->options.origins, request->origin);
}

bool tpi_gateway_token_is(const struct tpi_gateway *gateway, tp_bin token) {
    const volatile uint8_t *own = (const volatile uint8_t *)gateway->token;
    const volatile uint8_t *theirs = token.data;
    unsigned difference = token.size != gateway->token_size;
    for (size_t i = 0; i < token.size; i++)
        difference |= (unsigned)(own[i % gateway->token_size] ^ theirs[i]);
    return difference == 0;
}

bool tpi_gateway_exports(const struct tpi_gateway *gateway, tp_str name) {
    return is_listed(gateway->options.names, name);
}

const tp_message_type *tpi_gateway_type(const struct tpi_gateway *gateway, tp_str name) {
    const tp_message_type *const *types = gateway->options.types;
    for (size_t i = 0; types != NULL && types[i] != NULL; i++)
        if (types[i]->name_size == name.size && memcmp(types[i]->name, name.data, name.size) == 0)
            return types[i];
    return NULL;
}

const tp_gateway_file *tpi_gateway_file(const struct tpi_gateway *gateway, tp_str path) {
    const tp_gateway_file *file = gateway->options.files;
    for (; file != NULL && file->path != NULL; file++)
        if (tp_str_equal(tp_str_of(file->path), path)) return file;
    return NULL;
}
