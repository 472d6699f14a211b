/*
 * What the service says, and its door.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/pizza/pizza.h"

static size_t put(char *out, const char *text) {
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) out[i] = text[i]; /* no zero at the end: a line on a wire */
    return size;
}

size_t pizza_answer(struct span request, char *out, bool *order) {
    size_t used = put(out, "Thank you for ordering ");
    size_t digits = number_normalise(request, out + used);
    *order = digits > 0;
    if (digits == 0) return put(out, ANSWER_WRONG);
    return used + digits + put(out + used + digits, " pizzas!\n");
}

int pizza_listen(uint16_t port, bool shared) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(descriptor, 4096) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

uint16_t pizza_port(int listener) {
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}
