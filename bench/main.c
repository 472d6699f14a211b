/*
 * troupe-bench NAME... [--workers N] [--reps N] [--scale X] [--json] [--list]: one line a result:
 * name, value, unit. The value is the median of the repetitions, each in a runtime of its own. The
 * name `micro` stands for all that have a limit of the machine beside them, measured in the same
 * run. --unwatched: nobody works in a stuck actor's place, so that a slow tool (callgrind) makes
 * nobody stuck. dist_*: --transport tcp|ipc|tls+tcp|ws|wss|inproc (tcp), --secure
 * psk|none (psk).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

#define REPS_MAX 1000

struct request {
    const struct bench_case *bench;
    const struct bench_limit *limit; /* NULL: it has none */
    double value;
    double least; /* of the limit */
};

static const struct bench_case *const groups[] = {
    bench_talk,          bench_flood,       bench_create,        bench_meet,
    bench_timers,        bench_restart,     bench_storm,         bench_stuck,
    bench_codec,         bench_rooms,       bench_threads,       bench_savina_sync,
    bench_savina_shared, bench_savina_flow, bench_savina_number, bench_savina_search,
    bench_savina_space,
#ifdef BENCH_NET
    bench_dist,
#endif
#ifdef BENCH_ISOLATE
    bench_isolate,
#endif
};

/* Of --scale, written once, before anything runs. */
static double scale = 1;
/* Of --transport and --secure, likewise. */
static const char *transport = "tcp", *secure = "psk";
/* Of --unwatched, likewise. */
static bool unwatched;

const char *bench_transport(void) {
    return transport;
}

const char *bench_secure(void) {
    return secure;
}

uint64_t bench_scaled(uint64_t full, uint64_t least) {
    uint64_t scaled = (uint64_t)((double)full * scale);
    return scaled < least ? least : scaled;
}

void bench_wait(tp_actor *self) {
    bench_done done;
    if (tp_receive(self, TP_FOREVER, &done, bench_done) != TP_OK) tp_fail(self, "no result");
}

double bench_since(tp_actor *self, tp_time start) {
    return (double)(tp_now(self) - start);
}

uint64_t bench_exits(tp_actor *self) {
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    return counters.exited;
}

void bench_wait_exits(tp_actor *self, uint64_t before, uint64_t count) {
    while (bench_exits(self) - before < count) tp_yield(self);
}

static const struct bench_case *find(const char *name) {
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct bench_case *bench = groups[g]; bench->name != NULL; bench++)
            if (strcmp(bench->name, name) == 0) return bench;
    return NULL;
}

static const struct bench_limit *limit_of(const char *name) {
    for (const struct bench_limit *limit = bench_limits; limit->name != NULL; limit++)
        if (strcmp(limit->name, name) == 0) return limit;
    return NULL;
}

static void body(tp_actor *self, void *arg) {
    struct request *request = arg;
    request->value = request->bench->run(self);
    if (request->limit != NULL) request->least = request->limit->run(self);
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Crashes that a measurement orders: their reports are made, and not printed. */
static void swallow(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

static bool begins(const struct request *request, const char *with) {
    return strncmp(request->bench->name, with, strlen(with)) == 0;
}

static tp_zygote *zygote;

/* Before any thread is there (those of the networks stay), and only if it will be needed. */
static bool start_zygote(int count, char **names) {
    bool needed = count == 0;
    for (int i = 0; i < count; i++) needed = needed || strncmp(names[i], "isolate_", 8) == 0;
    return !needed || find("isolate_spawn") == NULL || tp_zygote_start(&zygote) == TP_OK;
}

/* One repetition, in a runtime of its own. */
static int measure_once(struct request *request, unsigned workers) {
    tp_options options = {.workers = workers, .stuck_report_after = TP_FOREVER};
    if (unwatched) options.stuck_after = TP_FOREVER;
    if (begins(request, "restart_storm")) {
        options.log_level = TP_LOG_INFO;
        options.log_hook = swallow;
    }
    if (begins(request, "isolate_")) {
        options.log_hook = swallow; /* of processes that are killed: the measurement does it */
        options.zygote = zygote;
    }
    return tp_run_with(&options, body, request);
}

static void print_json(const struct request *request, unsigned workers, const double *values,
                       int reps) {
    printf("{\"name\":\"%s\",\"workers\":%u,\"value\":%.3f,\"unit\":\"%s\",\"reps\":%d,"
           "\"min\":%.3f,\"max\":%.3f",
           request->bench->name, workers, request->value, request->bench->unit, reps, values[0],
           values[reps - 1]);
    if (request->limit != NULL)
        printf(",\"limit\":%.3f,\"limit_of\":\"%s\"", request->least, request->limit->what);
    printf("}\n");
}

static int measure(const struct bench_case *bench, unsigned workers, int reps, bool json) {
    static double values[REPS_MAX], limits[REPS_MAX];
    struct request request = {.bench = bench, .limit = limit_of(bench->name)};
    for (int i = 0; i < reps; i++) {
        if (measure_once(&request, workers) != 0) return 1;
        values[i] = request.value;
        limits[i] = request.least;
    }
    qsort(values, (size_t)reps, sizeof values[0], by_value);
    qsort(limits, (size_t)reps, sizeof limits[0], by_value);
    request.value = values[reps / 2];
    request.least = limits[reps / 2];
    if (json) {
        print_json(&request, workers, values, reps);
    } else {
        printf("%-14s %10.2f %s", bench->name, request.value, bench->unit);
        if (request.limit != NULL) printf(", %.2f for %s", request.least, request.limit->what);
        printf("\n");
    }
    fflush(stdout);
    return 0;
}

static void list(void) {
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct bench_case *bench = groups[g]; bench->name != NULL; bench++)
            printf("%-14s %-12s %s\n", bench->name, bench->unit, bench->what);
}

static int usage(const char *program) {
    fprintf(stderr,
            "usage: %s NAME...|micro [--workers N] [--reps N] [--scale X] [--json] [--unwatched]\n"
            "       dist_*: --transport tcp|ipc|tls+tcp|ws|wss|inproc --secure psk|none\n"
            "       %s --list\n",
            program, program);
    return 2;
}

static bool is_transport(const char *name) {
    static const char *const known[] = {"tcp", "ipc", "tls+tcp", "ws", "wss", "inproc"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i]) == 0) return true;
    return false;
}

static int run_all(bool micro, unsigned workers, int reps, bool json) {
    int failed = 0;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct bench_case *bench = groups[g]; bench->name != NULL; bench++)
            if (!micro || limit_of(bench->name) != NULL)
                failed |= measure(bench, workers, reps, json);
    return failed;
}

/* 2: there is no such name. */
static int run_named(const char *program, const char *name, unsigned workers, int reps, bool json) {
    if (strcmp(name, "micro") == 0) return run_all(true, workers, reps, json);
    const struct bench_case *bench = find(name);
    if (bench != NULL) return measure(bench, workers, reps, json);
    fprintf(stderr, "%s: no measurement of the name %s (--list shows them)\n", program, name);
    return 2;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"workers", required_argument, NULL, 'w'},
                                            {"reps", required_argument, NULL, 'r'},
                                            {"scale", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"list", no_argument, NULL, 'l'},
                                            {"transport", required_argument, NULL, 't'},
                                            {"secure", required_argument, NULL, 'e'},
                                            {"unwatched", no_argument, NULL, 'u'},
                                            {NULL, 0, NULL, 0}};
    long workers = 1, reps = 5;
    bool json = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'w') workers = strtol(optarg, NULL, 10);
        else if (c == 'r') reps = strtol(optarg, NULL, 10);
        else if (c == 's') scale = strtod(optarg, NULL);
        else if (c == 'j') json = true;
        else if (c == 't') transport = optarg;
        else if (c == 'e') secure = optarg;
        else if (c == 'u') unwatched = true;
        else if (c == 'l') return list(), 0;
        else return usage(argv[0]);
    }
    if (strcmp(secure, "psk") != 0 && strcmp(secure, "none") != 0) return usage(argv[0]);
    if (!is_transport(transport) || workers < 1 || workers > 256 || reps < 1 || reps > REPS_MAX ||
        !(scale > 0))
        return usage(argv[0]);
    if (!start_zygote(argc - optind, argv + optind)) return 1;
    int failed = optind == argc ? run_all(false, (unsigned)workers, (int)reps, json) : 0;
    for (int i = optind; i < argc && failed < 2; i++)
        failed |= run_named(argv[0], argv[i], (unsigned)workers, (int)reps, json);
    tp_zygote_stop(zygote);
    return failed;
}
