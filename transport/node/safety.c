/*
 * What a node needs before it may talk: certificates for TLS, and what is allowed with and without
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/actor/steps.h"
#include "core/platform/private.h"
#include "transport/node/node.h"

#define PEM_MOST 65536u

static tp_err tell_file(struct tp_node *node, const char *setting, const char *path, tp_err err) {
    if (err == TP_EREFUSED)
        TPI_NODE_COMPLAIN(node, "%s: %s can be read or written by others: chmod 600", setting,
                          path);
    else if (err == TP_ETOOBIG)
        TPI_NODE_COMPLAIN(node, "%s: %s is longer than %u bytes", setting, path, PEM_MOST);
    else if (err != TP_OK) TPI_NODE_COMPLAIN(node, "%s: %s: %s", setting, path, tp_strerror(err));
    return err;
}

/* A file of certificates as a text, for the caller to free; what others may read. */
static tp_err read_public(struct tp_node *node, const char *setting, const char *path, char **out) {
    void *bytes = NULL;
    size_t size = 0;
    tp_err err = tpi_file_read(path, PEM_MOST, &bytes, &size);
    char *text = err == TP_OK ? realloc(bytes, size + 1) : NULL;
    if (err == TP_OK && text == NULL) {
        free(bytes);
        err = TP_ENOMEM;
    }
    if (text != NULL) text[size] = 0;
    *out = text;
    return tell_file(node, setting, path, err);
}

static tp_err read_private(struct tp_node *node, const char *path, char **out) {
    char *text = malloc(PEM_MOST + 1);
    size_t size = 0;
    tp_err err = text == NULL ? TP_ENOMEM : tpi_file_read_private(path, text, PEM_MOST, &size);
    if (err == TP_OK) text[size] = 0;
    if (err != TP_OK) free(text);
    *out = err == TP_OK ? text : NULL;
    return tell_file(node, "tls_key", path, err);
}

static tp_err take_texts(struct tp_node *node, const tp_node_options *options,
                         const struct tpi_tls_texts *texts) {
    enum tpi_tls_part wrong;
    tp_err err = tpi_tls_new(texts, &wrong, &node->tls);
    if (wrong == TPI_TLS_CERTIFICATE)
        TPI_NODE_COMPLAIN(node, "tls_certificate: %s holds no certificate in PEM",
                          options->tls_certificate);
    else if (wrong == TPI_TLS_KEY)
        TPI_NODE_COMPLAIN(node, "tls_key: %s holds no private key in PEM", options->tls_key);
    else if (wrong == TPI_TLS_AUTHORITY)
        TPI_NODE_COMPLAIN(node, "tls_authority: %s holds no certificate in PEM",
                          options->tls_authority);
    else if (err != TP_OK) TPI_NODE_COMPLAIN(node, "TLS: %s", tp_strerror(err));
    return err;
}

tp_err tpi_node_take_tls(struct tp_node *node, const tp_node_options *options) {
    const char *certificate = options->tls_certificate, *key = options->tls_key;
    const char *authority = options->tls_authority, *name = options->tls_name;
    if (certificate == NULL && key == NULL && authority == NULL && name == NULL) return TP_OK;
    if (certificate == NULL || key == NULL || authority == NULL) {
        TPI_NODE_COMPLAIN(node, "%s is missing: a node shows a certificate and checks its peers'",
                          certificate == NULL ? "tls_certificate"
                          : key == NULL       ? "tls_key"
                                              : "tls_authority");
        return TP_EINVAL;
    }
    if (name != NULL && (name[0] == 0 || strlen(name) >= TPI_LINK_URL_MAX)) {
        TPI_NODE_COMPLAIN(node, "tls_name: 1 to %u bytes", TPI_LINK_URL_MAX - 1);
        return TP_EINVAL;
    }
    char *certificate_text = NULL, *key_text = NULL, *authority_text = NULL;
    tp_err err = read_public(node, "tls_certificate", certificate, &certificate_text);
    if (err == TP_OK) err = read_private(node, key, &key_text);
    if (err == TP_OK) err = read_public(node, "tls_authority", authority, &authority_text);
    if (err == TP_OK)
        err = take_texts(node, options,
                         &(struct tpi_tls_texts){certificate_text, key_text, authority_text, name});
    if (key_text != NULL) tpi_secret_wipe(key_text, strlen(key_text));
    free(certificate_text);
    free(key_text);
    free(authority_text);
    return err;
}

const char *tpi_node_forbids(const struct tp_node *node, const char *url) {
    const struct tpi_link *link = tpi_link_find(url);
    bool local = tpi_link_is_local(url);
    if (link->needs_tls && node->tls == NULL && !tpi_node_is_simulated(node))
        return "tls_certificate, tls_key and tls_authority are not set";
    if (node->secure || (link->needs_tls && !tpi_node_is_simulated(node))) return NULL;
    if (!node->plain) return "neither secret_file nor plain is set";
    return local ? NULL : "not on this machine, and plain: set secret_file";
}

tp_err tpi_node_allows(struct tp_node *node, const char *url) {
    if (tpi_link_find(url) == NULL) return TP_ENOTSUP;
    const char *why = tpi_node_forbids(node, url);
    if (why == NULL) return TP_OK;
    TPI_NODE_COMPLAIN(node, "%s: %s", url, why);
    return TP_EREFUSED;
}
