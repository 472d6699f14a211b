/*
 * Which table a URL belongs to.
 */
#include "transport/link/link.h"

#include <string.h>

static const struct tpi_link *const links[] = {&tpi_link_inproc, &tpi_link_tcp, &tpi_link_ipc,
                                               &tpi_link_ws,     &tpi_link_tls, &tpi_link_wss};

const struct tpi_link *tpi_link_find(const char *url) {
    const char *end = url == NULL ? NULL : strstr(url, "://");
    if (end == NULL || end[3] == 0 || strlen(url) >= TPI_LINK_URL_MAX) return NULL;
    size_t size = (size_t)(end - url);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (strlen(links[i]->scheme) == size && memcmp(links[i]->scheme, url, size) == 0)
            return links[i];
    return NULL;
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* "127.x.y.z", all of it numbers: a name that begins so is no loopback address. */
static bool is_loopback_v4(const char *host) {
    if (!begins(host, "127.")) return false;
    size_t size = strspn(host, "0123456789.");
    return host[size] == ':' || host[size] == '/' || host[size] == 0;
}

bool tpi_link_is_local(const char *url) {
    const struct tpi_link *link = tpi_link_find(url);
    if (link == NULL) return false;
    if (link->local) return true;
    const char *host = strstr(url, "://") + 3;
    return is_loopback_v4(host) || begins(host, "[::1]:") || begins(host, "localhost:") ||
           begins(host, "localhost/");
}

static const struct tpi_net nothing;

/* A simulated network carries what has a scheme at all. */
static const struct tpi_link *carrier(const struct tpi_net *net, const char *url) {
    const struct tpi_link *link = tpi_link_find(url);
    if (link == NULL) return NULL;
    if (net->hub != NULL && net->hub->every != NULL) return net->hub->every;
    bool lacks = (link->needs_hub && net->hub == NULL) || (link->needs_tls && net->tls == NULL);
    return lacks ? NULL : link;
}

tp_err tpi_link_listen(const struct tpi_net *net, const char *url, tpi_link_accepted accepted,
                       void *context, struct tpi_listener **out) {
    if (net == NULL) net = &nothing;
    const struct tpi_link *link = carrier(net, url);
    if (link == NULL) return TP_ENOTSUP;
    return link->listen(net, url, accepted, context, out);
}

void tpi_listener_free(struct tpi_listener *listener) {
    if (listener != NULL) listener->free(listener);
}

tp_err tpi_link_connect(const struct tpi_net *net, const char *url, tpi_link_connected connected,
                        void *context, struct tpi_attempt **out) {
    if (net == NULL) net = &nothing;
    const struct tpi_link *link = carrier(net, url);
    if (link == NULL) return TP_ENOTSUP;
    return link->connect(net, url, connected, context, out);
}

void tpi_attempt_free(struct tpi_attempt *attempt) {
    if (attempt != NULL) attempt->free(attempt);
}
