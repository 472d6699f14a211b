/*
 * What the server computes and says, and its door.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/fib/fib.h"

int64_t fib_request(struct span request) {
    char digits[REQUEST_MAX + 1];
    size_t size = number_normalise(request, digits);
    if (size == 0) return -1;
    if (digits[0] == '-') return 0;
    if (size > 2) return -1;
    int64_t n = size == 1 ? digits[0] - '0' : 10 * (digits[0] - '0') + (digits[1] - '0');
    return n <= FIB_MAX ? n : -1;
}

uint64_t fib(int64_t n) {
    return n <= 2 ? 1 : fib(n - 1) + fib(n - 2);
}

size_t fib_print(char *out, uint64_t value) {
    return (size_t)snprintf(out, ANSWER_MAX, "%" PRIu64 "\n", value);
}

int fib_listen(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(descriptor, 1024) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

uint16_t fib_port(int listener) {
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}
