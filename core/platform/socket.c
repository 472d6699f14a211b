/*
 * Stream sockets over TCP and the local (unix) domain. Everything is non-blocking and close-on-exec
 * from its first moment; a write to a closed peer is an error, never a signal.
 */
#include "core/platform/platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/assert.h"

#define TCP_SCHEME "tcp://"
#define UNIX_SCHEME "unix://"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static tp_err from_errno(int code) {
    switch (code) {
    case EAGAIN: return TP_EBUSY;
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EACCES:
    case EPERM:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENOTDIR:
    case ENAMETOOLONG: return TP_EADDR;
    case ENOENT:
    case ECONNREFUSED: return TP_EREFUSED;
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE: return TP_ECLOSED;
    case ETIMEDOUT: return TP_ETIMEDOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return TP_ENOMEM;
    case EBADF:
    case ENOTSOCK:
    case EINVAL: return TP_EINVAL;
    default: return TP_EIO;
    }
}

/* ---- addresses ---- */

static bool parse_port(const char *text, uint16_t *port) {
    unsigned value = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 5) return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        value = value * 10 + (unsigned)(*text - '0');
    }
    *port = htons((uint16_t)value);
    return value <= UINT16_MAX;
}

/* "HOST:PORT", where HOST is localhost, a.b.c.d or [v6]. */
static bool parse_tcp(const char *text, union address *address, socklen_t *size) {
    const char *colon = strrchr(text, ':');
    char host[64];
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host)) return false;
    size_t length = (size_t)(colon - text);
    memcpy(host, text, length);
    host[length] = '\0';
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        address->v6.sin6_family = AF_INET6;
        *size = sizeof(address->v6);
        return inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) == 1 &&
               parse_port(colon + 1, &address->v6.sin6_port);
    }
    if (strcmp(host, "localhost") == 0) memcpy(host, "127.0.0.1", sizeof("127.0.0.1"));
    address->v4.sin_family = AF_INET;
    *size = sizeof(address->v4);
    return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1 &&
           parse_port(colon + 1, &address->v4.sin_port);
}

static bool parse_unix(const char *path, union address *address, socklen_t *size) {
    size_t length = strlen(path);
    if (path[0] != '/' || length >= sizeof(address->local.sun_path)) return false;
    address->local.sun_family = AF_UNIX;
    memcpy(address->local.sun_path, path, length + 1);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return true;
}

static bool parse_url(const char *url, union address *address, socklen_t *size) {
    TPI_ASSERT(url != NULL);
    memset(address, 0, sizeof(*address));
    if (strncmp(url, TCP_SCHEME, strlen(TCP_SCHEME)) == 0) {
        return parse_tcp(url + strlen(TCP_SCHEME), address, size);
    }
    if (strncmp(url, UNIX_SCHEME, strlen(UNIX_SCHEME)) == 0) {
        return parse_unix(url + strlen(UNIX_SCHEME), address, size);
    }
    return false;
}

/* ---- sockets ---- */

static int socket_open(const union address *address) {
    return socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Many small messages: do not wait for more of them. */
static void no_delay(int descriptor) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* refused by unix sockets */
}

/* True when the path of a unix address is a leftover that nobody listens on. */
static bool leftover(const union address *address, socklen_t size) {
    if (address->any.sa_family != AF_UNIX) return false;
    int probe = socket_open(address);
    if (probe < 0) return false;
    bool refused = connect(probe, &address->any, size) != 0 && errno == ECONNREFUSED;
    close(probe);
    return refused;
}

static tp_err bind_and_listen(int descriptor, const union address *address, socklen_t size,
                              int backlog) {
    int on = 1;
    if (address->any.sa_family != AF_UNIX) {
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    int failed = bind(descriptor, &address->any, size);
    if (failed != 0 && errno == EADDRINUSE && leftover(address, size)) {
        unlink(address->local.sun_path);
        failed = bind(descriptor, &address->any, size);
    }
    if (failed != 0) return errno == ENOENT ? TP_EADDR : from_errno(errno);
    return listen(descriptor, backlog) == 0 ? TP_OK : from_errno(errno);
}

tp_err tpi_socket_listen(int *out, const char *url, int backlog) {
    union address address;
    socklen_t size;
    if (!parse_url(url, &address, &size)) return TP_EADDR;
    int descriptor = socket_open(&address);
    if (descriptor < 0) return from_errno(errno);
    tp_err err = bind_and_listen(descriptor, &address, size, backlog);
    if (err != TP_OK) {
        close(descriptor);
        return err;
    }
    *out = descriptor;
    return TP_OK;
}

/* Linux hands errors of a connection that has died already to accept: they concern nobody else. */
static bool concerns_only_one(int code) {
    switch (code) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return true;
    default: return false;
    }
}

tp_err tpi_socket_accept(int *out, int listener) {
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            no_delay(descriptor);
            *out = descriptor;
            return TP_OK;
        }
        if (!concerns_only_one(errno)) return from_errno(errno);
    }
}

tp_err tpi_socket_connect(int *out, const char *url) {
    union address address;
    socklen_t size;
    if (!parse_url(url, &address, &size)) return TP_EADDR;
    int descriptor = socket_open(&address);
    if (descriptor < 0) return from_errno(errno);
    no_delay(descriptor);
    if (connect(descriptor, &address.any, size) != 0 && errno != EINPROGRESS && errno != EINTR) {
        /* A unix listener whose backlog is full answers EAGAIN and would never become writable. */
        tp_err err = errno == EAGAIN ? TP_EREFUSED : from_errno(errno);
        close(descriptor);
        return err;
    }
    *out = descriptor;
    return TP_OK;
}

tp_err tpi_socket_connected(int descriptor) {
    int code = 0;
    socklen_t size = sizeof(code);
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return from_errno(errno);
    if (code != 0) return from_errno(code);
    union address peer;
    size = sizeof(peer);
    if (getpeername(descriptor, &peer.any, &size) == 0) return TP_OK;
    return errno == ENOTCONN ? TP_EBUSY : from_errno(errno);
}

tp_err tpi_socket_address(int descriptor, char *url, size_t size) {
    union address address;
    memset(&address, 0, sizeof(address));
    socklen_t length = sizeof(address);
    if (getsockname(descriptor, &address.any, &length) != 0) return from_errno(errno);
    char host[INET6_ADDRSTRLEN] = "";
    int written = -1;
    if (address.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host));
        written = snprintf(url, size, TCP_SCHEME "%s:%u", host, ntohs(address.v4.sin_port));
    } else if (address.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host));
        written = snprintf(url, size, TCP_SCHEME "[%s]:%u", host, ntohs(address.v6.sin6_port));
    } else if (address.any.sa_family == AF_UNIX) {
        written = snprintf(url, size, UNIX_SCHEME "%s", address.local.sun_path);
    }
    if (written < 0) return TP_EINVAL;
    return (size_t)written < size ? TP_OK : TP_ETOOBIG;
}

tp_err tpi_socket_read(int descriptor, void *bytes, size_t size, size_t *done) {
    *done = 0;
    if (size == 0) return TP_OK;
    ssize_t got;
    do got = recv(descriptor, bytes, size, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) return from_errno(errno);
    if (got == 0) return TP_ECLOSED;
    TPI_ASSERT((size_t)got <= size);
    *done = (size_t)got;
    return TP_OK;
}

tp_err tpi_socket_write(int descriptor, const void *bytes, size_t size, size_t *done) {
    *done = 0;
    if (size == 0) return TP_OK;
    ssize_t sent;
    do sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return from_errno(errno);
    TPI_ASSERT((size_t)sent <= size);
    *done = (size_t)sent;
    return TP_OK;
}

void tpi_socket_shutdown_write(int descriptor) {
    shutdown(descriptor, SHUT_WR); /* a peer that is gone already needs no word */
}

void tpi_descriptor_close(int descriptor) {
    close(descriptor); /* after EINTR Linux has closed it all the same */
}
