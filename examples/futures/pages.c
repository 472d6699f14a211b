/*
 * The tutorial's first example: five URLs, five workers, each page told as it completes. One domain
 * fails, and its error is told beside the results of the others.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/common/serve.h"
#include "examples/futures/futures.h"

#define PATIENCE TP_SECONDS(30)
#define REQUEST_MAX 512
#define CHUNK 4096
#define PAGES 4
#define URLS 5
#define URL_MAX 80
#define SHORT_OF_IT TP_MS(200) /* for a page that never comes */

static const struct page_of_site {
    const char *name;
    size_t size;
    int64_t ms; /* it takes */
} pages[PAGES] = {
    {"news", 1256, 120}, {"weather", 23117, 90}, {"prices", 98304, 60}, {"results", 310005, 30}};
#define NEVER "never"

/* ---- the server ---- */

TP_MESSAGE(serve_this, TP_FIELD(u64, socket))
TP_MESSAGE(server_args, TP_FIELD(u32, port))

/* The request up to its empty line; false: it ended before. */
static bool read_request(tp_actor *self, tp_socket socket, char *text, size_t size) {
    size_t used = 0, done;
    while (used + 1 < size) {
        tp_err err = tp_read(self, socket, text + used, size - used - 1, PATIENCE, &done);
        if (err != TP_OK) return false;
        used += done;
        text[used] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL) return true;
    }
    return false;
}

static void write_page(tp_actor *self, tp_socket socket, size_t size) {
    static const char zeros[CHUNK];
    char head[128];
    int used =
        snprintf(head, sizeof head,
                 "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", size);
    tp_err err = tp_write(self, socket, head, (size_t)used, PATIENCE, NULL);
    for (size_t at = 0; err == TP_OK && at < size; at += CHUNK)
        err = tp_write(self, socket, zeros, size - at < CHUNK ? size - at : CHUNK, PATIENCE, NULL);
}

static void on_serve(tp_actor *self, char *nothing, const serve_this *msg) {
    static const char none[] = "HTTP/1.0 404 Not Found\r\n\r\n";
    char request[REQUEST_MAX], name[32] = "";
    (void)nothing;
    if (!read_request(self, msg->socket, request, sizeof request)) tp_exit(self, TP_EXIT_NORMAL);
    sscanf(request, "GET /%31[a-z]", name);
    if (strcmp(name, NEVER) == 0) tp_sleep(self, TP_SECONDS(3600));
    for (size_t i = 0; i < PAGES; i++)
        if (strcmp(name, pages[i].name) == 0) {
            tp_sleep(self, TP_MS(pages[i].ms));
            write_page(self, msg->socket, pages[i].size);
            tp_exit(self, TP_EXIT_NORMAL);
        }
    (void)tp_write(self, msg->socket, none, sizeof none - 1, PATIENCE, NULL);
    tp_exit(self, TP_EXIT_NORMAL); /* its end closes the socket */
}

TP_BEHAVIOR(visit_behavior, "visit", char, TP_ON(serve_this, on_serve));

struct server {
    tp_socket listener;
};

static void server_init(tp_actor *self, struct server *server, const server_args *args) {
    serve_listen(self, args->port, &server->listener);
}

static void on_accepted(tp_actor *self, struct server *server, const tp_socket_accepted *msg) {
    tp_socket socket = msg->socket;
    tp_pid visit = serve_accept(self, server->listener, msg, &visit_behavior, NULL);
    if (!tp_pid_is_null(visit)) tp_send(self, visit, serve_this, .socket = socket);
}

static void on_not_accepted(tp_actor *self, struct server *server, const tp_socket_closed *msg) {
    (void)msg;
    serve_again(self, server->listener);
}

TP_BEHAVIOR(server_behavior, "server", struct server, TP_INIT_WITH(server_args, server_init),
            TP_ON(tp_socket_accepted, on_accepted), TP_ON(tp_socket_closed, on_not_accepted));

static void house(tp_actor *self, void *arg) {
    const unsigned *port = arg;
    tp_pid server;
    if (tp_start(self, &server, &server_behavior, TP_OPTIONS(.link = true), TP_SECONDS(10), NULL,
                 server_args, .port = *port) != TP_OK)
        return;
    serve_until_stopped(self);
}

int serve_pages(unsigned port) {
    return serve(NULL, house, &port);
}

/* ---- a page as a task ---- */

TP_MESSAGE(address, TP_FIELD(str, url))
TP_MESSAGE(page, TP_FIELD(str, url), TP_FIELD(u64, bytes))

/* "http://HOST:PORT/PATH" as what tp_connect takes, and the path. */
static bool split(tp_str url, char *host, size_t size, const char **path) {
    static const char scheme[] = "http://";
    size_t head = sizeof scheme - 1;
    if (url.size <= head || memcmp(url.data, scheme, head) != 0) return false;
    int used = snprintf(host, size, "tcp://%.*s", (int)(url.size - head), url.data + head);
    if (used < 0 || (size_t)used >= size) return false;
    char *slash = strchr(host + 6, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    *path = slash + 1;
    return true;
}

/* Reads to the end of the stream. The size that was announced must be the size that came. */
static tp_err read_page(tp_actor *self, tp_socket socket, uint64_t *bytes) {
    char head[CHUNK], more[CHUNK];
    size_t used = 0, done;
    const char *end = NULL;
    uint64_t size, came;
    while (end == NULL && used + 1 < sizeof head) {
        tp_err err = tp_read(self, socket, head + used, sizeof head - used - 1, PATIENCE, &done);
        if (err != TP_OK) return err;
        used += done;
        head[used] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (end == NULL || sscanf(head, "HTTP/1.0 200 OK\r\nContent-Length: %" SCNu64, &size) != 1)
        return TP_ENOENT;
    came = used - (size_t)(end + 4 - head);
    tp_err err = TP_OK;
    while (err == TP_OK && came < size) {
        err = tp_read(self, socket, more, sizeof more, PATIENCE, &done);
        if (err == TP_OK) came += done;
    }
    *bytes = came;
    return err;
}

static tp_err load(tp_actor *self, const address *in, page *out) {
    char host[URL_MAX], request[2 * URL_MAX];
    const char *path;
    tp_socket socket;
    if (!split(in->url, host, sizeof host, &path)) return TP_EINVAL;
    tp_err err = tp_connect(self, host, PATIENCE, &socket);
    if (err != TP_OK) return err;
    int used = snprintf(request, sizeof request, "GET /%s HTTP/1.0\r\n\r\n", path);
    err = tp_write(self, socket, request, (size_t)used, PATIENCE, NULL);
    if (err == TP_OK) err = read_page(self, socket, &out->bytes);
    out->url = in->url;
    return err;
}
TP_TASK(load_task, "load", address, page, load);

/* ---- five URLs ---- */

struct visit {
    struct story *story;
    char urls[URLS][URL_MAX];
    char never[URL_MAX];
    int64_t took_us[2];
};

/* Prints one that has completed; true: it is as it should be. */
static bool tell(tp_actor *self, const struct visit *visit, const tp_task_outcome *outcome,
                 bool aloud) {
    page got;
    size_t at = (size_t)outcome->task.id - 1;
    tp_err err = tp_task_await(self, outcome->task, 0, &got, page);
    if (err != outcome->err || at >= URLS) return false;
    if (err == TP_OK && aloud)
        printf("  '%.*s' page is %" PRIu64 " bytes\n", (int)got.url.size, got.url.data, got.bytes);
    if (err != TP_OK && aloud) printf("  '%s' failed: %s\n", visit->urls[at], tp_strerror(err));
    return at < PAGES ? err == TP_OK && got.bytes == pages[at].size : err == TP_EREFUSED;
}

static int64_t visit_all(tp_actor *self, const struct visit *visit, uint32_t workers, bool aloud) {
    tp_task task;
    tp_task_outcome outcome;
    size_t right = 0, came = 0;
    int64_t start = now_us();
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = workers});
    for (size_t i = 0; i < URLS; i++)
        (void)tp_task_submit(self, &task, group, NULL, load_task, .url = tp_str_of(visit->urls[i]));
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK) {
        came++;
        right += tell(self, visit, &outcome, aloud);
    }
    int64_t took = now_us() - start;
    story_check(visit->story, right == URLS && came == URLS,
                "pages: four come, one fails, %u workers", workers);
    (void)tp_tasks_close(self, group);
    return took;
}

static void too_late(tp_actor *self, const struct visit *visit) {
    tp_task task;
    page got;
    tp_task_options options = {.deadline = SHORT_OF_IT};
    tp_pid group = tp_tasks_open(self, NULL);
    (void)tp_task_submit(self, &task, group, &options, load_task, .url = tp_str_of(visit->never));
    tp_err err = tp_task_await(self, task, TP_FOREVER, &got, page);
    story_check(visit->story, err == TP_ETIMEDOUT, "pages: one that never comes is given up");
    (void)tp_tasks_close(self, group);
}

static void visit_body(tp_actor *self, void *arg) {
    struct visit *visit = arg;
    struct held before = held_now(tp_self_runtime(self));
    (void)visit_all(self, visit, URLS, false);
    before = held_after_warm_up(self, &before);
    visit->took_us[0] = visit_all(self, visit, 1, false);
    visit->took_us[1] = visit_all(self, visit, URLS, true);
    held_check(self, visit->story, &before, "pages");
    too_late(self, visit);
    held_check(self, visit->story, &before, "a page too late");
}

/* A port that is taken, and on which nobody listens. */
static int bind_only(unsigned *port) {
    struct sockaddr_in place = {.sin_family = AF_INET};
    socklen_t size = sizeof place;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int nobody = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = nobody >= 0 && bind(nobody, (struct sockaddr *)&place, size) == 0 &&
                 getsockname(nobody, (struct sockaddr *)&place, &size) == 0;
    if (!bound && nobody >= 0) close(nobody);
    *port = ntohs(place.sin_port);
    return bound ? nobody : -1;
}

void show_pages(const struct stage *stage) {
    static const char *const arguments[] = {"futures", "--serve", "1", "--port", "0", NULL};
    struct visit visit = {.story = stage->story};
    struct child child = {0};
    unsigned nobody_there = 0;
    printf("five URLs, five workers\n");
    int nobody = bind_only(&nobody_there);
    bool started = nobody >= 0 && child_start(&child, arguments);
    if (!story_check(stage->story, started, "pages: the server runs")) return;
    for (size_t i = 0; i < PAGES; i++)
        snprintf(visit.urls[i], URL_MAX, "http://127.0.0.1:%u/%s", child.port, pages[i].name);
    snprintf(visit.urls[PAGES], URL_MAX, "http://127.0.0.1:%u/gone", nobody_there);
    snprintf(visit.never, URL_MAX, "http://127.0.0.1:%u/" NEVER, child.port);
    stage_run(stage, "pages", visit_body, &visit);
    child_stop(&child, NULL, 0);
    close(nobody);
    double one = (double)visit.took_us[0] / 1000, five = (double)visit.took_us[1] / 1000;
    printf("  with one worker %.0f ms, with five %.0f ms\n", one, five);
    story_figure(stage->story, one, "ms", "five URLs, one worker");
    story_figure(stage->story, five, "ms", "five URLs, five workers");
    story_target(stage->story, five < 0.7 * one, "pages: five workers take under 0.7 of the time");
}
