/*
 * pizza-load: the load of the pizza story against any server that answers a line with a line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "examples/common/child.h"
#include "examples/common/load.h"
#include "examples/common/story.h"

#define US 1e-3 /* of a nanosecond */
#define LINE_MAX_BYTES 2048

static int64_t port = 12345, connections = 1000, duration_ms = 5000, pid = 0, idle_ms = 1000;
static int64_t pause_us = 0;
static const char *request = "12", *reply = "Thank you for ordering 12 pizzas!",
                  *host = "127.0.0.1";

/* A line as it goes over the wire. */
static const char *line_of(const char *text, char *out, size_t size) {
    if (text[0] == '\0') return NULL;
    snprintf(out, size, "%s\n", text);
    return out;
}

static void sleep_ms(int64_t ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* What the server's process uses while nobody asks. */
static void show_idle(struct story *story, const struct usage *before, size_t opened) {
    struct usage start, end;
    if (pid == 0 || !usage_of((pid_t)pid, &start)) return;
    sleep_ms(idle_ms);
    if (!usage_of((pid_t)pid, &end)) return;
    double seconds = (double)idle_ms / 1000;
    story_figure(story, (double)(start.memory - before->memory) / (double)opened, "B",
                 "memory per connection");
    story_figure(story, (double)(end.cpu_ms - start.cpu_ms) / 10 / seconds, "% of a CPU",
                 "CPU when idle");
    story_figure(story, (double)(end.switches - start.switches) / seconds, "1/s",
                 "context switches when idle");
}

static void show_rates(struct story *story, const struct load_result *result) {
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}};
    story_figure(story, (double)result->opened, "", "connections opened");
    story_figure(story, (double)result->open_ms, "ms", "until all were open");
    story_figure(story, (double)result->answers / result->seconds, "1/s", "requests");
    for (size_t i = 0; i < 3; i++)
        story_figure(story, (double)load_quantile(result, quantiles[i].q) * US, "us", "%s",
                     quantiles[i].name);
}

int main(int argc, char **argv) {
    static struct story story;
    static struct load_result result;
    char question[LINE_MAX_BYTES], answer[LINE_MAX_BYTES];
    const struct story_option options[] = {
        {"port", &port, "of the server"},
        {"connections", &connections, "at once"},
        {"ms", &duration_ms, "of load"},
        {"pause-us", &pause_us, "of a connection between its requests"},
        {"pid", &pid, "of the server, for its memory and CPU; 0: none"},
        {"idle-ms", &idle_ms, "how long the server is watched while idle"},
        {0}};
    const struct story_word words[] = {{"host", &host, "a numeric address"},
                                       {"request", &request, "a line without its newline"},
                                       {"reply", &reply, "the line that must come; empty: any"},
                                       {0}};
    story_begin_words(&story, "pizza-load", argc, argv, options, words);
    descriptors_raise();
    struct load_plan plan = {.host = host, .port = (uint16_t)port, .pause_us = (uint64_t)pause_us};
    plan.connections = (size_t)connections;
    plan.duration_ms = duration_ms;
    plan.request = line_of(request, question, sizeof question);
    plan.reply = line_of(reply, answer, sizeof answer);
    if (plan.request == NULL) plan.request = "\n";
    struct usage before = {0}, at_start = {0}, at_end = {0};
    if (pid != 0) usage_of((pid_t)pid, &before);
    struct load *load = load_open(&plan, &result);
    if (load == NULL) return 1;
    story_check(&story, result.opened == plan.connections, "all connections are open");
    if (result.opened > 0) {
        show_idle(&story, &before, result.opened);
        if (pid != 0) usage_of((pid_t)pid, &at_start);
        load_run(load, &plan, &result);
        if (pid != 0) usage_of((pid_t)pid, &at_end);
        show_rates(&story, &result);
    }
    if (pid != 0 && result.answers > 0)
        story_figure(&story, (double)(at_end.switches - at_start.switches) / (double)result.answers,
                     "", "context switches a request");
    story_check(&story, result.broken == 0, "every answer is right");
    story_check(&story, load_alive(load) == result.opened - result.broken, "none was closed");
    load_close(load);
    for (size_t i = 0; i < story.figure_count; i++)
        printf("  %-28s %14.1f %s\n", story.figures[i].name, story.figures[i].value,
               story.figures[i].unit);
    return story_end(&story);
}
