/*
 * As much HTTP as the example needs: GET, answers with a length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/deployment/deployment.h"

#define LENGTH "\r\nContent-Length: "

/* The size of the answer if it is whole; 0: it is not. */
static size_t whole(const struct http_answer *answer) {
    const char *end = strstr(answer->bytes, "\r\n\r\n"), *length = strstr(answer->bytes, LENGTH);
    if (end == NULL || length == NULL || length > end) return 0;
    size_t size = (size_t)(end + 4 - answer->bytes) + strtoul(length + strlen(LENGTH), NULL, 10);
    return answer->size >= size ? size : 0;
}

tp_err http_read(tp_actor *self, tp_socket socket, tp_duration timeout,
                 struct http_answer *answer) {
    tp_time deadline = tp_now(self) + timeout;
    answer->size = 0;
    answer->bytes[0] = '\0';
    for (;;) {
        size_t room = sizeof answer->bytes - 1 - answer->size, got;
        tp_duration left = deadline - tp_now(self);
        if (room == 0) return TP_ETOOBIG;
        if (left <= 0) return TP_ETIMEDOUT;
        tp_err err = tp_read(self, socket, answer->bytes + answer->size, room, left, &got);
        if (err != TP_OK) return err;
        answer->size += got;
        answer->bytes[answer->size] = '\0';
        size_t size = whole(answer);
        if (size == 0) continue;
        if (sscanf(answer->bytes, "HTTP/1.1 %d ", &answer->status) != 1) return TP_EBADMSG;
        answer->body = strstr(answer->bytes, "\r\n\r\n") + 4;
        return TP_OK;
    }
}

tp_err http_get(tp_actor *self, uint32_t port, const char *path, tp_duration timeout,
                struct http_answer *answer) {
    char text[128];
    tp_socket socket;
    tp_time deadline = tp_now(self) + timeout;
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", port);
    tp_err err = tp_connect(self, text, timeout, &socket);
    if (err != TP_OK) return err;
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: replica\r\n\r\n", path);
    err = tp_write(self, socket, text, (size_t)size, timeout, NULL);
    if (err == TP_OK) err = http_read(self, socket, deadline - tp_now(self), answer);
    tp_close(self, socket);
    return err;
}

const char *http_path(char *head) {
    if (strncmp(head, "GET ", 4) != 0) return NULL;
    char *path = head + 4, *end = strpbrk(path, " \r\n");
    if (end == NULL || *end != ' ') return NULL;
    *end = '\0';
    return path;
}

static const char *reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Service Unavailable";
    }
}

tp_err http_say(tp_actor *self, tp_socket socket, int status, const char *body) {
    char text[512];
    int size =
        snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\nContent-Type: text/plain%s%zu\r\n\r\n%s",
                 status, reason_of(status), LENGTH, strlen(body), body);
    return tp_write(self, socket, text, (size_t)size, TP_SECONDS(10), NULL);
}
