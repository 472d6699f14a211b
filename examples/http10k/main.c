/*
 * http10k: with --serve it serves; without it shows the protocol, the limits and ten thousand
 * connections.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "examples/common/chart.h"
#include "examples/common/child.h"
#include "examples/common/load.h"
#include "examples/http10k/http10k.h"

#define SPARE 100 /* descriptors that are not connections */
#define IDLE_MS 500

bool site_start(struct child *child, const char *const *options) {
    const char *arguments[24] = {"http10k", "--serve", "1", "--port", "0"};
    size_t count = 5;
    while (*options != NULL && count < 23) arguments[count++] = *options++;
    return child_start(child, arguments);
}

static void note(struct story *story, const struct child *child, const struct usage *empty,
                 const struct load_result *result) {
    struct usage full = {0}, later = {0};
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    usage_of(child->pid, &full);
    nanosleep(&(struct timespec){.tv_nsec = IDLE_MS * 1000000}, NULL);
    usage_of(child->pid, &later);
    double memory = (double)(full.memory - empty->memory) / (double)result->opened;
    story_figure(story, (double)result->opened, "", "connections held");
    story_figure(story, memory, "B", "memory per idle connection");
    story_figure(story, (double)(later.cpu_ms - full.cpu_ms) * 100 / IDLE_MS, "% of a CPU",
                 "CPU when idle");
    printf("  %zu connections held, %.0f B each\n", result->opened, memory);
}

/* How long an answer took, for those who waited least up to those who waited longest. */
static void draw(const struct story *story, const struct load_result *result) {
    enum { POINTS = 101 };
    double share[POINTS], waited[POINTS];
    char title[80];
    for (int i = 0; i < POINTS; i++) {
        share[i] = i;
        waited[i] = (double)load_quantile(result, i < POINTS - 1 ? i / 100.0 : 0.999) / 1e6;
    }
    snprintf(title, sizeof title, "How long an answer takes with %zu connections", result->opened);
    struct plot_series line = {"milliseconds to the answer", share, waited, POINTS};
    struct plot plot = {title, "% of the requests, the quickest first", "ms", &line, 1, NULL};
    plot_lines_svg(&plot, story->pictures, "latency");
}

/* All connections at once, each asking again when it has its answer; our own load checks every
 * byte. */
void show_many(struct story *story, int64_t connections, int64_t duration_ms) {
    static struct load_result result;
    static const char *const options[] = {NULL};
    struct child child;
    struct usage empty = {0};
    int64_t limit = descriptors_raise() - SPARE;
    if (connections > limit) connections = limit;
    printf("\n%" PRId64 " connections at once\n", connections);
    if (!story_check(story, site_start(&child, options), "many: the server runs")) return;
    struct load_plan plan = {.port = child.port,
                             .connections = (size_t)connections,
                             .duration_ms = duration_ms,
                             .request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                             .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                      "Content-Length: 14\r\n\r\n" HELLO};
    usage_of(child.pid, &empty);
    struct load *load = load_open(&plan, &result);
    if (load != NULL && result.opened > 0) {
        note(story, &child, &empty, &result);
        load_run(load, &plan, &result);
        double rate = (double)result.answers / result.seconds;
        double p50 = (double)load_quantile(&result, 0.5) / 1e6;
        double p99 = (double)load_quantile(&result, 0.99) / 1e6;
        printf("  %.0f requests a second, p50 %.1f ms, p99 %.1f ms\n", rate, p50, p99);
        story_figure(story, rate, "1/s", "requests");
        story_figure(story, p50, "ms", "p50");
        story_figure(story, p99, "ms", "p99");
        draw(story, &result);
        story_check(story, result.broken == 0, "many: every answer is right to the byte");
        story_check(story, load_alive(load) == (size_t)connections, "many: all are held");
    }
    if (load != NULL) load_close(load);
    story_check(story, child_stop(&child, NULL, 0), "many: the server ends in order");
}

/* ---- wrk ---- */

/* The number after a word of wrk's report, with its unit: "ms", "us", "s"; in milliseconds. */
static double span_after(const char *text, const char *word) {
    const char *found = strstr(text, word);
    char unit[4] = "";
    double value = 0;
    if (found == NULL || sscanf(found + strlen(word), "%lf%3s", &value, unit) != 2) return 0;
    return strcmp(unit, "us") == 0 ? value / 1000 : strcmp(unit, "s") == 0 ? value * 1000 : value;
}

static void read_report(struct story *story, const char *text) {
    const char *rate = strstr(text, "Requests/sec:");
    const char *errors = strstr(text, "Socket errors:");
    unsigned connect = 0, reads = 0, writes = 0, timeouts = 0;
    if (errors != NULL)
        sscanf(errors, "Socket errors: connect %u, read %u, write %u, timeout %u", &connect, &reads,
               &writes, &timeouts);
    story_check(story, rate != NULL, "wrk: reports");
    story_check(story, strstr(text, "Non-2xx") == NULL, "wrk: every answer is 200");
    story_check(story, connect + reads + writes == 0, "wrk: no connection broke");
    if (rate == NULL) return;
    story_figure(story, strtod(rate + 13, NULL), "1/s", "wrk: requests");
    story_figure(story, span_after(text, "50%"), "ms", "wrk: p50");
    story_figure(story, span_after(text, "99%"), "ms", "wrk: p99");
    printf("  wrk: %.0f requests a second, p50 %.1f ms, p99 %.1f ms\n", strtod(rate + 13, NULL),
           span_after(text, "50%"), span_after(text, "99%"));
}

void show_wrk(struct story *story, int64_t connections, int64_t duration_ms) {
    static const char *const options[] = {NULL};
    static char report[4096];
    char command[200];
    struct child child;
    int64_t limit = descriptors_raise() - SPARE, seconds = (duration_ms + 999) / 1000;
    if (connections > limit) connections = limit;
    if (!story_check(story, site_start(&child, options), "wrk: the server runs")) return;
    snprintf(command, sizeof command,
             "wrk -t 1 -c %" PRId64 " -d %" PRId64 "s --timeout 20s --latency http://127.0.0.1:%u/ "
             "2>/dev/null",
             connections, seconds, child.port);
    FILE *wrk = popen(command, "re");
    size_t got = wrk != NULL ? fread(report, 1, sizeof report - 1, wrk) : 0;
    report[got] = '\0';
    int status = wrk != NULL ? pclose(wrk) : -1;
    child_stop(&child, NULL, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) { /* the shell's word for: not found */
        printf("  wrk is not installed: not measured with it\n");
        return;
    }
    story_check(story, status == 0, "wrk: runs");
    read_report(story, report);
}

int main(int argc, char **argv) {
    static struct story story;
    int64_t port = 8080, connections = 10000, ms = 3000, serve = 0;
    struct site site = {.request_ms = 20000};
    const struct story_option options[] = {
        {"serve", &serve, "1: serve, until a signal"},
        {"port", &port, "to serve on; 0: any"},
        {"workers", &site.workers, "threads; 0: one a CPU"},
        {"request-ms", &site.request_ms, "for a request to come whole"},
        {"idle-ms", &site.idle_ms, "between requests; 0: no limit"},
        {"connections", &connections, "at once, in the show"},
        {"ms", &ms, "of load"},
        {0}};
    story_begin(&story, "http10k", argc, argv, options);
    if (port > UINT16_MAX || connections < 1 || site.request_ms < 1) {
        fprintf(stderr, "http10k: a port is below 65536, the other numbers at least 1\n");
        return 2;
    }
    site.port = (uint16_t)port;
    if (serve != 0) return site_serve(&site);
    show_protocol(&story);
    story_progress(&story, "limits");
    show_limits(&story);
    story_progress(&story, "load");
    show_many(&story, connections, ms);
    show_wrk(&story, connections, ms);
    return story_end(&story);
}
