/*
 * TLS for links, by nng. A configuration of nng's cannot be changed once it is used, and the one of
 * who connects holds the name of whom it connects to: so each listener and each attempt gets its
 * own, and what is kept here is the texts that they are made of.
 */
#include "transport/link/tls.h"

#include <stdlib.h>
#include <string.h>

#include <nng/supplemental/tls/tls.h>

struct tpi_tls {
    char *certificate, *key, *authority;
    char *name; /* NULL: the host of the URL */
};

static tp_err from_nng(int code) {
    switch (code) {
    case 0: return TP_OK;
    case NNG_ENOMEM: return TP_ENOMEM;
    case NNG_ENOTSUP: return TP_ENOTSUP;
    default: return TP_EINVAL;
    }
}

/* nng's error. */
static int config_new(const struct tpi_tls *tls, nng_tls_mode mode, nng_tls_config **out) {
    nng_tls_config *config = NULL;
    int result = nng_tls_config_alloc(&config, mode);
    if (result != 0) return result;
    result = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
    if (result == 0) result = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_3);
    if (result == NNG_ENOTSUP) result = nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_2);
    if (result == 0) result = nng_tls_config_ca_chain(config, tls->authority, NULL);
    if (result == 0) result = nng_tls_config_own_cert(config, tls->certificate, tls->key, NULL);
    if (result == 0) *out = config;
    else nng_tls_config_free(config);
    return result;
}

/* Whether nng can read certificates there. */
static int try_authority(const char *text) {
    nng_tls_config *config = NULL;
    int result = nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT);
    if (result != 0) return result;
    result = nng_tls_config_ca_chain(config, text, NULL);
    nng_tls_config_free(config);
    return result;
}

/* Finds the text that is wrong; nng says no more than that one is. */
static tp_err check(const struct tpi_tls *tls, enum tpi_tls_part *wrong) {
    *wrong = TPI_TLS_AUTHORITY;
    tp_err err = from_nng(try_authority(tls->authority));
    if (err != TP_OK) return err;
    *wrong = TPI_TLS_CERTIFICATE;
    err = from_nng(try_authority(tls->certificate));
    if (err != TP_OK) return err;
    *wrong = TPI_TLS_KEY;
    nng_tls_config *config = NULL;
    err = from_nng(config_new(tls, NNG_TLS_MODE_SERVER, &config));
    if (err != TP_OK) return err;
    nng_tls_config_free(config);
    *wrong = TPI_TLS_NONE;
    return TP_OK;
}

tp_err tpi_tls_new(const struct tpi_tls_texts *texts, enum tpi_tls_part *wrong,
                   struct tpi_tls **out) {
    *wrong = TPI_TLS_NONE;
    tp_err err = tpi_nng_start();
    if (err != TP_OK) return err;
    struct tpi_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) return TP_ENOMEM;
    tls->certificate = strdup(texts->certificate);
    tls->key = strdup(texts->key);
    tls->authority = strdup(texts->authority);
    if (texts->name != NULL) tls->name = strdup(texts->name);
    bool whole = tls->certificate != NULL && tls->key != NULL && tls->authority != NULL &&
                 (texts->name == NULL || tls->name != NULL);
    err = whole ? check(tls, wrong) : TP_ENOMEM;
    if (err == TP_OK) *out = tls;
    else tpi_tls_free(tls);
    return err;
}

void tpi_tls_free(struct tpi_tls *tls) {
    if (tls == NULL) return;
    if (tls->key != NULL) explicit_bzero(tls->key, strlen(tls->key));
    free(tls->certificate);
    free(tls->key);
    free(tls->authority);
    free(tls->name);
    free(tls);
}

int tpi_tls_on_listener(const struct tpi_tls *tls, nng_stream_listener *listener) {
    nng_tls_config *config = NULL;
    int result = config_new(tls, NNG_TLS_MODE_SERVER, &config);
    if (result != 0) return result;
    result = nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config); /* the listener has its own hold */
    return result;
}

/* The host of a URL, without port and brackets. */
static void host_of(const char *url, char *out, size_t size) {
    const char *host = strstr(url, "://") + 3;
    bool bracket = host[0] == '[';
    if (bracket) host++;
    size_t length = strcspn(host, bracket ? "]" : ":/");
    if (length >= size) length = size - 1;
    memcpy(out, host, length);
    out[length] = 0;
}

int tpi_tls_on_dialer(const struct tpi_tls *tls, nng_stream_dialer *dialer, const char *url) {
    nng_tls_config *config = NULL;
    char host[TPI_LINK_URL_MAX];
    host_of(url, host, sizeof host);
    int result = config_new(tls, NNG_TLS_MODE_CLIENT, &config);
    if (result != 0) return result;
    result = nng_tls_config_server_name(config, tls->name != NULL ? tls->name : host);
    if (result == 0) result = nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    return result;
}
