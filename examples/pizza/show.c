/*
 * The four servers under load, and ten thousand threads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "examples/common/chart.h"
#include "examples/common/child.h"
#include "examples/common/load.h"
#include "examples/pizza/pizza.h"

#define ROUNDS 3
#define SPARE 100 /* descriptors that are not connections */
#define MS 1e-6   /* of a nanosecond */

/* What was measured of a server. */
struct measure {
    bool right; /* every connection was opened, held and answered to the byte */
    size_t held;
    double rate, p50, p99, p999;            /* 1/s, ms */
    double memory, idle_cpu, idle_switches; /* bytes a connection, % of a CPU, 1/s */
    double cpu, switches;                   /* under load: % of a CPU, of context a request */
};

struct trial {
    const char *model;
    const char *workers; /* threads of the reactor and the actors; "0": one, one a CPU */
    size_t connections;
    int64_t duration_ms;
    uint64_t pause_us;
    int64_t idle_ms; /* how long it is watched while nobody asks */
};

bool pizza_start(struct child *child, const char *model, const char *const *options) {
    const char *arguments[24] = {"pizza", "--model", model, "--port", "0"};
    size_t count = 5;
    while (*options != NULL && count < 23) arguments[count++] = *options++;
    return child_start(child, arguments);
}

static void sleep_ms(int64_t ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void measure_idle(const struct child *child, const struct usage *empty, size_t opened,
                         int64_t idle_ms, struct measure *out) {
    struct usage before = {0}, after = {0};
    sleep_ms(100); /* what opening them left to do */
    usage_of(child->pid, &before);
    sleep_ms(idle_ms);
    usage_of(child->pid, &after);
    out->memory = (double)(after.memory - empty->memory) / (double)opened;
    out->idle_cpu = (double)(after.cpu_ms - before.cpu_ms) * 100 / (double)idle_ms;
    out->idle_switches = (double)(after.switches - before.switches) * 1000 / (double)idle_ms;
}

static void measure_load(const struct child *child, struct load *load, const struct load_plan *plan,
                         struct load_result *result, struct measure *out) {
    struct usage before = {0}, after = {0};
    usage_of(child->pid, &before);
    load_run(load, plan, result);
    usage_of(child->pid, &after);
    out->rate = (double)result->answers / result->seconds;
    out->p50 = (double)load_quantile(result, 0.5) * MS;
    out->p99 = (double)load_quantile(result, 0.99) * MS;
    out->p999 = (double)load_quantile(result, 0.999) * MS;
    out->cpu = (double)(after.cpu_ms - before.cpu_ms) / 10 / result->seconds;
    if (result->answers > 0)
        out->switches = (double)(after.switches - before.switches) / (double)result->answers;
}

static struct measure measure(const struct trial *trial) {
    static struct load_result result;
    const char *const options[] = {"--kitchen", "0", "--workers", trial->workers, NULL};
    struct measure out = {0};
    struct child child;
    struct usage empty = {0};
    if (!pizza_start(&child, trial->model, options)) return out;
    struct load_plan plan = {.port = child.port,
                             .connections = trial->connections,
                             .duration_ms = trial->duration_ms,
                             .request = "12\n",
                             .reply = "Thank you for ordering 12 pizzas!\n",
                             .pause_us = trial->pause_us};
    usage_of(child.pid, &empty);
    struct load *load = load_open(&plan, &result);
    if (load != NULL && result.opened > 0) {
        measure_idle(&child, &empty, result.opened, trial->idle_ms, &out);
        if (trial->duration_ms > 0) measure_load(&child, load, &plan, &result, &out);
        out.held = load_alive(load);
        out.right = result.broken == 0 && out.held == trial->connections;
    }
    if (load != NULL) load_close(load);
    child_stop(&child, NULL, 0);
    return out;
}

/* ---- the models under load ---- */

/*
 * The actors are held against bare epoll on as many threads, one: the load itself has a thread,
 * and a server with one for every CPU shares its last CPU with it. They are shown so, too.
 */
#define MODELS 5
static const struct contender {
    const char *name, *model, *workers;
    int rounds;
} contenders[MODELS] = {
    {"threads", "threads", "0", 1},    {"busy", "busy", "0", 1},
    {"reactor", "reactor", "1", 3},    {"actors", "actors", "1", 3},
    {"actors, all", "actors", "0", 1},
};
enum { REACTOR = 2, ACTORS = 3 };

static void print_head(void) {
    printf("  %-12s %6s %9s %8s %8s %9s %9s %9s %9s\n", "model", "held", "1/s", "p50 ms", "p99 ms",
           "p99.9 ms", "B/conn", "idle CPU", "switches");
}

static void print_measure(const char *model, const struct measure *it) {
    printf("  %-12s %6zu %9.0f %8.1f %8.1f %9.1f %9.0f %8.1f%% %9.3f\n", model, it->held, it->rate,
           it->p50, it->p99, it->p999, it->memory, it->idle_cpu, it->switches);
}

static void note_measure(struct story *story, const char *model, const struct measure *it) {
    story_figure(story, (double)it->held, "", "%s: connections held", model);
    story_figure(story, it->rate, "1/s", "%s: requests", model);
    story_figure(story, it->p50, "ms", "%s: p50", model);
    story_figure(story, it->p99, "ms", "%s: p99", model);
    story_figure(story, it->p999, "ms", "%s: p99.9", model);
    story_figure(story, it->memory, "B", "%s: memory per connection", model);
    story_figure(story, it->idle_cpu, "% of a CPU", "%s: CPU when idle", model);
    story_figure(story, it->idle_switches, "1/s", "%s: context switches when idle", model);
    story_figure(story, it->switches, "", "%s: context switches a request", model);
}

static double middle(double a, double b, double c) {
    double low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* The middle of three rounds, figure by figure. */
static struct measure middle_of(const struct measure *rounds) {
    struct measure out = rounds[0];
    out.right = rounds[0].right && rounds[1].right && rounds[2].right;
    out.rate = middle(rounds[0].rate, rounds[1].rate, rounds[2].rate);
    out.p50 = middle(rounds[0].p50, rounds[1].p50, rounds[2].p50);
    out.p99 = middle(rounds[0].p99, rounds[1].p99, rounds[2].p99);
    out.p999 = middle(rounds[0].p999, rounds[1].p999, rounds[2].p999);
    out.memory = middle(rounds[0].memory, rounds[1].memory, rounds[2].memory);
    return out;
}

static void plot(const struct story *story, const struct measure *all) {
    double rates[MODELS], memory[MODELS];
    const char *models[MODELS + 1] = {NULL};
    for (int i = 0; i < MODELS; i++) {
        models[i] = contenders[i].name;
        rates[i] = all[i].rate / 1000;
        memory[i] = all[i].memory / 1024;
    }
    struct plot_series bars[] = {{"thousand requests a second", NULL, rates, MODELS}};
    struct plot picture = {"Requests by model", "", "", bars, 1, models};
    plot_bars_svg(&picture, story->pictures, "requests");
    bars[0] = (struct plot_series){"KiB a connection", NULL, memory, MODELS};
    picture.title = "Memory of an idle connection by model";
    plot_bars_svg(&picture, story->pictures, "memory");
}

/* More than that, where the limit of descriptors allows it. */
static void hold_most(struct story *story, int64_t connections) {
    int64_t most = descriptors_raise() - SPARE;
    if (most > 100000) most = 100000;
    if (connections < 10000 || most <= connections) return;
    struct trial trial = {"actors", "0", .connections = (size_t)most, .idle_ms = 1};
    struct measure it = measure(&trial);
    printf("  actors, as many as this machine's limit of descriptors allows: %zu held\n", it.held);
    story_check(story, it.right, "actors: all connections are held");
    story_figure(story, (double)it.held, "", "actors: connections held at most");
}

void show_load(struct story *story, int64_t connections, int64_t duration_ms) {
    struct measure rounds[MODELS][ROUNDS], all[MODELS];
    int64_t limit = descriptors_raise() - SPARE;
    if (connections > limit) connections = limit;
    printf("\n%" PRId64 " connections, each asking again when it is answered\n", connections);
    print_head();
    for (int round = 0; round < ROUNDS; round++) { /* in turns: the machine changes */
        for (int i = 0; i < MODELS; i++) {
            const struct contender *it = &contenders[i];
            struct trial trial = {it->model,   it->workers, (size_t)connections,
                                  duration_ms, 0,           duration_ms / 3 + 1};
            if (round >= it->rounds) continue; /* those that are not compared take one */
            story_progress(story, "round %d of %d, %s", round + 1, ROUNDS, it->name);
            rounds[i][round] = measure(&trial);
        }
    }
    for (int i = 0; i < MODELS; i++) {
        const char *name = contenders[i].name;
        all[i] = contenders[i].rounds == 1 ? rounds[i][0] : middle_of(rounds[i]);
        print_measure(name, &all[i]);
        note_measure(story, name, &all[i]);
        story_check(story, all[i].right, "%s: all connections held, all answers right", name);
    }
    const struct measure *bare = &all[REACTOR], *ours = &all[ACTORS];
    story_target(story, ours->rate >= 0.95 * bare->rate, "actors: 0.95 of bare epoll");
    story_target(story, ours->p99 <= 1.2 * bare->p99, "actors: p99 within 1.2 of bare epoll");
    story_target(story, ours->memory <= 1024, "actors: at most 1 KiB a connection");
    plot(story, all);
    hold_most(story, connections);
}

/* ---- ten thousand threads ---- */

void show_threads(struct story *story, int64_t threads, int64_t duration_ms) {
    static const char *const models[] = {"threads", "actors"};
    int64_t limit = descriptors_raise() - SPARE;
    if (threads > limit) threads = limit;
    printf("\nthe lecture's arithmetic: %" PRId64 " threads, each with a little work every second\n"
           "  guessed there: 100 us of work and 1 us for the switch, so 1 %% goes into switching\n",
           threads);
    for (int i = 0; i < 2; i++) {
        struct trial trial = {models[i],       "0",     (size_t)threads,
                              2 * duration_ms, 1000000, duration_ms / 3 + 1};
        story_progress(story, "a request a second each: %s", models[i]);
        struct measure it = measure(&trial);
        double work = it.rate > 0 ? it.cpu * 1e4 / it.rate : 0;
        printf("  %-8s %6zu held, %.0f requests/s: %.1f us of CPU and %.2f switches a request, "
               "p99 %.1f ms, %.0f B a connection\n",
               models[i], it.held, it.rate, work, it.switches, it.p99, it.memory);
        story_check(story, it.right, "%s, a request a second each: all answers right", models[i]);
        story_figure(story, work, "us", "%s, a request a second each: CPU a request", models[i]);
        story_figure(story, it.switches, "", "%s, the same: switches a request", models[i]);
        story_figure(story, it.p99, "ms", "%s, the same: p99", models[i]);
    }
}

/* ---- a cook who dies, over real sockets ---- */

void show_rush(struct story *story) {
    static struct load_result result;
    static const char *const options[] = {"--kitchen", "1", "--kill-every", "50", NULL};
    char text[512] = "";
    uint64_t orders = 0, pizzas = 0, again = 0, cooks = 0;
    struct child child;
    if (!story_check(story, pizza_start(&child, "actors", options), "rush: serves")) return;
    struct load_plan plan = {.port = child.port,
                             .connections = 100,
                             .duration_ms = 20000,
                             .requests = 3000,
                             .request = "7\n",
                             .reply = "Thank you for ordering 7 pizzas!\n"};
    struct load *load = load_open(&plan, &result);
    if (load != NULL) {
        load_run(load, &plan, &result);
        load_close(load);
    }
    bool ended = child_stop(&child, text, sizeof text);
    int found = sscanf(
        text, "book: %" SCNu64 " orders %" SCNu64 " pizzas %" SCNu64 " again %" SCNu64 " cooks",
        &orders, &pizzas, &again, &cooks);
    printf("\nthe kitchen over real connections: %" PRIu64 " answers, %" PRIu64
           " orders in the book, %" PRIu64 " told twice, %" PRIu64 " cooks\n",
           result.answers, orders, again, cooks);
    story_check(story, ended && found == 4, "rush: the service ends in order");
    story_check(story, result.broken == 0 && result.answers > 0, "rush: every answer is right");
    story_check(story, orders == result.answers && pizzas == 7 * orders,
                "rush: no accepted order is lost or doubled");
    story_check(story, cooks > 1, "rush: cooks died");
}
