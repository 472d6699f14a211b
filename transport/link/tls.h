/*
 * TLS for links: who we are, whom we believe. Both sides of a connection show a certificate, and
 * each must be signed by the authority that the other names. nng 1.5.2 does not tell a listener
 * whose certificate it was: who the node is, the handshake inside says.
 */
#ifndef TPI_LINK_TLS_H
#define TPI_LINK_TLS_H

#include <nng/nng.h>

#include "transport/link/link.h"

/* Makes nng's threads, so that they take no signals; before anything else of nng's. */
tp_err tpi_nng_start(void);

/* nng's errors. */
int tpi_tls_on_listener(const struct tpi_tls *tls, nng_stream_listener *listener);
int tpi_tls_on_dialer(const struct tpi_tls *tls, nng_stream_dialer *dialer, const char *url);

#endif
