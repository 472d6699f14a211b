/*
 * A guest at a server of this machine.
 */
#include "examples/common/talk.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

int talk_connect(uint16_t port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (descriptor < 0) return -1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, (struct sockaddr *)&to, sizeof to) == 0) return descriptor;
    close(descriptor);
    return -1;
}

void talk_send(int descriptor, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

void talk_say(int descriptor, const char *text) {
    talk_send(descriptor, text, strlen(text));
}

size_t talk_hear(int descriptor, char *bytes, size_t size, size_t enough) {
    size_t used = 0;
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    while (used < enough && used < size && poll(&wait, 1, PATIENCE_MS) > 0) {
        ssize_t got = recv(descriptor, bytes + used, size - used, 0);
        if (got <= 0) break;
        used += (size_t)got;
    }
    return used;
}

void talk_pause(void) {
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}
