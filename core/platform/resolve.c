/*
 * Names of machines, asked of the system's resolver. It waits: not for a worker thread.
 */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "core/platform/platform.h"

tp_err tpi_resolve(const char *host, char (*out)[TPI_ADDRESS_TEXT], size_t max, size_t *count) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    *count = 0;
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result == EAI_MEMORY) return TP_ENOMEM;
    if (result == EAI_AGAIN || result == EAI_SYSTEM) return TP_ETIMEDOUT;
    if (result != 0) return TP_ENOENT;
    for (struct addrinfo *at = found; at != NULL && *count < max; at = at->ai_next)
        if (getnameinfo(at->ai_addr, at->ai_addrlen, out[*count], TPI_ADDRESS_TEXT, NULL, 0,
                        NI_NUMERICHOST) == 0)
            (*count)++;
    freeaddrinfo(found);
    return *count > 0 ? TP_OK : TP_ENOENT;
}
