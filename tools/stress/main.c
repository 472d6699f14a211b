/*
 * troupe-stress: storms over a supervision tree, in production or in the simulator.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <troupe/sim.h>

#include "tools/stress/stress.h"

#define STORM_MAILBOX (1u << 20)
#define FAULTS_A_MINUTE 1000000 /* the most that the runtime takes */
#define REST_TRIES 2000         /* milliseconds for the actors that are left to end */
#define UNTOLD 8      /* the storm and its helpers: nobody, or the storm itself, watches them */
#define SIM_AFTER 100 /* seconds after the storm for all that has a time limit */
#define ISOLATED_MAX 1000
#define JUDGE_SECONDS 20 /* a shorter run says nothing about a slope */

static const char *const usage =
    "Usage: troupe-stress [OPTION...]\n"
    "A storm over a supervision tree; status 1 when an invariant breaks.\n"
    "  --seconds N       how long (10)\n"
    "  --kill-rate N     leaves hurt a second (1000)\n"
    "  --load N          messages a second to the leaves (10000)\n"
    "  --depth N         levels of supervisors (2)\n"
    "  --fanout N        children of each (8)\n"
    "  --isolated N      so many leaves are processes of their own (0)\n"
    "  --strategy NAME   one_for_one, one_for_all, rest_for_one\n"
    "  --workers N       (one a CPU)\n"
    "  --seed N          (1)\n"
    "  --memory-bound N  MiB a minute that memory may grow, judged from 20 s on (8)\n"
    "  --json            one JSON object, the last line of standard output\n"
    "  --html FILE       a page with plots\n"
    "  --sim             in the simulator, under virtual time\n"
    "  --seeds A..B      in the simulator, once for each seed\n";

/* ---- options ---- */

static bool number(const char *text, int64_t low, int64_t high, int64_t *out) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < low || value > high) {
        fprintf(stderr, "troupe-stress: '%s' is not a number from %" PRId64 " to %" PRId64 "\n",
                text, low, high);
        return false;
    }
    *out = value;
    return true;
}

static bool seeds(const char *text, struct stress_options *options) {
    char end;
    int got =
        sscanf(text, "%" SCNu64 "..%" SCNu64 "%c", &options->seed_from, &options->seed_to, &end);
    options->sim = true;
    if (got == 2 && options->seed_from <= options->seed_to) return true;
    fprintf(stderr, "troupe-stress: '%s' is no range such as 1..100\n", text);
    return false;
}

static bool strategy(const char *text, struct stress_options *options) {
    for (int i = TP_ONE_FOR_ONE; i <= TP_REST_FOR_ONE; i++) {
        options->strategy = (tp_supervisor_strategy)i;
        if (strcmp(text, stress_strategy_name(options->strategy)) == 0) return true;
    }
    fprintf(stderr, "troupe-stress: '%s' is no strategy here\n", text);
    return false;
}

static const struct option long_options[] = {
    {"seconds", 1, NULL, 's'}, {"kill-rate", 1, NULL, 'k'},    {"load", 1, NULL, 'l'},
    {"depth", 1, NULL, 'd'},   {"fanout", 1, NULL, 'f'},       {"strategy", 1, NULL, 't'},
    {"workers", 1, NULL, 'w'}, {"seed", 1, NULL, 'r'},         {"json", 0, NULL, 'j'},
    {"html", 1, NULL, 'h'},    {"memory-bound", 1, NULL, 'm'}, {"sim", 0, NULL, 'S'},
    {"seeds", 1, NULL, 'R'},   {"isolated", 1, NULL, 'i'},     {"help", 0, NULL, 'H'},
    {NULL, 0, NULL, 0}};

static bool take(struct stress_options *options, int option, const char *text) {
    int64_t seed;
    switch (option) {
    case 's': return number(text, 1, 1000000, &options->seconds);
    case 'k': return number(text, 1, 10000000, &options->kill_rate);
    case 'l': return number(text, 0, 100000000, &options->load);
    case 'd': return number(text, 1, 16, &options->depth);
    case 'i': return number(text, 0, ISOLATED_MAX, &options->isolated);
    case 'f': return number(text, 1, STRESS_LEAVES_MAX, &options->fanout);
    case 't': return strategy(text, options);
    case 'w': return number(text, 1, 64, &options->workers);
    case 'm': return number(text, 0, 1000000, &options->memory_bound);
    case 'j': options->json = true; return true;
    case 'h': options->html = text; return true;
    case 'S': options->sim = true; return true;
    case 'R': return seeds(text, options);
    case 'r':
        if (!number(text, 0, INT64_MAX, &seed)) return false;
        options->seed = (uint64_t)seed;
        return true;
    case 'H': printf("%s", usage); exit(0);
    default: return false;
    }
}

static bool read_options(int argc, char **argv, struct stress_options *options) {
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!take(options, option, optarg)) return false;
    double leaves = 1;
    for (int64_t i = 0; i < options->depth; i++) leaves *= (double)options->fanout;
    if (leaves > STRESS_LEAVES_MAX) {
        fprintf(stderr, "troupe-stress: more than %d leaves\n", STRESS_LEAVES_MAX);
        return false;
    }
    if ((double)options->isolated > leaves || (options->isolated > 0 && options->sim)) {
        fprintf(stderr, "troupe-stress: --isolated: %s\n",
                options->sim ? "the simulator has no processes" : "there are not so many leaves");
        return false;
    }
    if (optind < argc) fprintf(stderr, "troupe-stress: '%s' is not expected\n", argv[optind]);
    if (options->seed_to == 0) options->seed_from = options->seed_to = options->seed;
    return optind == argc;
}

/* ---- one run ---- */

/* Reports are made and go nowhere: their cost is part of the storm. */
static void no_log(void *context, const tp_log_entry *entry) {
    (void)context, (void)entry;
}

static tp_options runtime_options(const struct stress_options *options) {
    return (tp_options){.workers = (unsigned)options->workers,
                        .log_level = TP_LOG_WARN,
                        .log_hook = no_log,
                        .fault_limit = FAULTS_A_MINUTE};
}

static const tp_spawn_options storm_options = {.name = "storm", .mailbox_limit = STORM_MAILBOX};

/* The counters are exact when nothing lives any more. */
static bool rest(tp_runtime *runtime, tp_counters *counters) {
    for (int i = 0; i < REST_TRIES; i++) {
        tp_runtime_counters(runtime, counters);
        if (counters->actors_alive == 0) return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

static void told(struct stress *stress, tp_err err) {
    (void)snprintf(stress->result->broken, sizeof stress->result->broken,
                   "the runtime does not start: %s", tp_strerror(err));
}

static int open_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) count++;
    if (folder != NULL) (void)closedir(folder);
    return count;
}

static bool has_child(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

static void run_storm(struct stress *stress, tp_zygote *zygote) {
    tp_runtime *runtime;
    tp_pid storm;
    tp_options options = runtime_options(stress->options);
    options.zygote = zygote;
    tp_err err = tp_runtime_start(&runtime, &options);
    if (err != TP_OK) {
        told(stress, err);
        return;
    }
    err = tp_runtime_spawn_body(runtime, &storm, stress_storm_body, stress, &storm_options);
    if (err != TP_OK) {
        told(stress, err);
    } else {
        (void)tp_runtime_wait(runtime, storm, TP_FOREVER, NULL);
        (void)rest(runtime, &stress->result->counters);
        tp_runtime_counters(runtime, &stress->result->counters);
    }
    tp_runtime_stop(runtime);
}

/* The zygote comes after the tree, which its copies know by its address. */
static void run_real(struct stress *stress) {
    tp_zygote *zygote = NULL;
    int before = open_descriptors();
    tp_err err = stress->options->isolated > 0 ? tp_zygote_start(&zygote) : TP_OK;
    if (err != TP_OK) {
        told(stress, err);
        return;
    }
    run_storm(stress, zygote);
    tp_zygote_stop(zygote);
    stress->result->process_left = has_child();
    stress->result->descriptors_left = open_descriptors() - before;
}

static void run_sim(struct stress *stress) {
    tp_sim *sim;
    tp_sim_options options = {.seed = stress->options->seed,
                              .workers = (unsigned)stress->options->workers,
                              .steps_max = UINT64_MAX,
                              .runtime = runtime_options(stress->options)};
    if (tp_sim_new(&sim, &options) != TP_OK) return;
    if (!tp_pid_is_null(tp_sim_spawn_body(sim, stress_storm_body, stress, &storm_options)))
        (void)tp_sim_advance(sim, TP_SECONDS(stress->options->seconds + SIM_AFTER));
    tp_runtime_counters(tp_sim_runtime(sim), &stress->result->counters); /* its probe counts */
    stress->result->hash = tp_sim_trace_hash(sim);
    tp_sim_free(sim);
}

/* ---- the verdict ---- */

/*
 * Notices: exits and downs that became messages. The runtime counts those where they end, as
 * handled or dead, and not as sent; the reply of a call it counts as sent, and not as handled.
 */
static int64_t notices(const struct stress_result *result) {
    const tp_counters *counters = &result->counters;
    return (int64_t)(counters->handled + counters->dropped + counters->dead_letters +
                     result->calls) -
           (int64_t)counters->sent;
}

/* Each end is told to a supervisor, by its link; one that was asked for by a monitor too. A start
 * that fails is told otherwise: up to three for each that was to refuse. What still had to go to a
 * process when that ended is a dead letter: the signal that asked it to stop, for one. */
static bool adds_up(const struct stress_options *options, const struct stress_result *result) {
    int64_t times = options->isolated > 0 ? 3 : 2;
    int64_t exited = (int64_t)result->counters.exited;
    int64_t untold = 3 * (int64_t)result->hurts[STRESS_REFUSE] + UNTOLD;
    return notices(result) >= exited - untold &&
           notices(result) <= times * exited + (int64_t)result->watched + UNTOLD;
}

static const char *judge(const struct stress_options *options, const struct stress_result *result) {
    double bound = (double)options->memory_bound * 1048576;
    if (result->broken[0] != '\0') return result->broken;
    if (!result->ended) return "the storm did not come to its end";
    if (result->not_restarted > 0) return "a permanent child was not restarted";
    if (result->silent > 0) return "a leaf is silent after the storm";
    if (result->escalations_unexpected > 0) return "a supervisor gave up that had no reason to";
    if (result->escalations_seen != result->escalations_expected)
        return "the brittle supervisor did not give up when it had to";
    if (result->restarts == 0) return "the storm did nothing";
    if (result->alive_after > 0) return "actors are left after the stop";
    if (result->process_left) return "a process is left after the stop";
    if (result->descriptors_left != 0) return "descriptors are left after the stop";
    if (!adds_up(options, result)) return "messages sent are not those handled, dropped or dead";
    if (!options->sim && options->seconds >= JUDGE_SECONDS && result->slope > bound)
        return "memory grows";
    return NULL;
}

static bool run(struct stress *stress) {
    struct stress_result *result = stress->result;
    memset(result, 0, sizeof *result);
    if (!stress_tree_make(stress)) return false;
    if (stress->options->sim) run_sim(stress);
    else run_real(stress);
    result->alive_after = result->counters.actors_alive - (stress->options->sim ? 1 : 0);
    result->slope = stress_slope(result, (double)result->span / 4e9);
    const char *wrong = judge(stress->options, result);
    if (wrong != NULL && wrong != result->broken)
        (void)snprintf(result->broken, sizeof result->broken, "%s", wrong);
    return true;
}

/* ---- what is told ---- */

static void print_latency(const char *name, const struct stress_histogram *histogram) {
    printf("%s  p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us (%" PRIu64 ")\n", name,
           stress_quantile(histogram, 0.5) / 1e3, stress_quantile(histogram, 0.99) / 1e3,
           stress_quantile(histogram, 0.999) / 1e3, (double)histogram->max / 1e3, histogram->count);
}

static double rate(const struct stress_result *result) {
    return result->span > 0 ? (double)result->restarts * 1e9 / (double)result->span : 0;
}

static void print_text(const struct stress *stress) {
    const struct stress_result *result = stress->result;
    const tp_counters *c = &result->counters;
    printf("tree         %zu leaves under %zu supervisors, %s, seed %" PRIu64 "\n",
           stress->leaf_count, stress_tree_supervisors(stress),
           stress_strategy_name(stress->options->strategy), stress->options->seed);
    printf("hurt        ");
    for (size_t i = 0; i < STRESS_KIND_COUNT; i++)
        printf(" %s %" PRIu64, stress_kind_name(i), result->hurts[i]);
    printf(", skipped %" PRIu64 "\n", result->skipped);
    printf("restarts     %" PRIu64 ", %.0f a second\n", result->restarts, rate(result));
    print_latency("latency    ", &result->plain);
    print_latency("  delayed  ", &result->delayed);
    if (stress->options->isolated > 0) print_latency("  isolated ", &result->isolated);
    printf("messages     %" PRIu64 " sent + %" PRId64 " notices = %" PRIu64 " replies + %" PRIu64
           " handled + %" PRIu64 " dropped + %" PRIu64 " dead\n",
           c->sent, notices(result), result->calls, c->handled, c->dropped, c->dead_letters);
    printf("escalations  %" PRIu64 " expected, %" PRIu64 " seen, %" PRIu64 " unexpected\n",
           result->escalations_expected, result->escalations_seen, result->escalations_unexpected);
    printf("memory       %.3f MiB a minute\n", result->slope / 1048576);
    if (stress->options->sim) printf("trace        %016" PRIx64 "\n", result->hash);
    printf("%s%s\n", result->broken[0] == '\0' ? "stress: OK" : "stress: BROKEN: ", result->broken);
}

static void print_hurts(const struct stress_result *result) {
    printf("\"hurt\":{");
    for (size_t i = 0; i < STRESS_KIND_COUNT; i++)
        printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", stress_kind_name(i), result->hurts[i]);
    printf("},\"skipped\":%" PRIu64 ",", result->skipped);
}

static void print_json_latency(const char *name, const struct stress_histogram *histogram) {
    printf("\"%s\":{\"count\":%" PRIu64
           ",\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"max_us\":%.3f},",
           name, histogram->count, stress_quantile(histogram, 0.5) / 1e3,
           stress_quantile(histogram, 0.99) / 1e3, stress_quantile(histogram, 0.999) / 1e3,
           (double)histogram->max / 1e3);
}

static void print_json(const struct stress *stress, uint64_t runs, uint64_t failed) {
    const struct stress_result *result = stress->result;
    const struct stress_options *options = stress->options;
    const tp_counters *c = &result->counters;
    printf("{\"ok\":%s,\"broken\":\"%s\",\"sim\":%s,\"runs\":%" PRIu64 ",\"runs_broken\":%" PRIu64
           ",",
           failed == 0 ? "true" : "false", result->broken, options->sim ? "true" : "false", runs,
           failed);
    printf("\"seed\":%" PRIu64 ",\"strategy\":\"%s\",\"leaves\":%zu,\"supervisors\":%zu,",
           options->seed, stress_strategy_name(options->strategy), stress->leaf_count,
           stress_tree_supervisors(stress));
    printf("\"seconds\":%.3f,", (double)result->span / 1e9);
    print_hurts(result);
    printf("\"restarts\":%" PRIu64 ",\"restarts_per_second\":%.1f,", result->restarts,
           rate(result));
    print_json_latency("latency", &result->plain);
    print_json_latency("latency_delayed", &result->delayed);
    print_json_latency("latency_isolated", &result->isolated);
    printf("\"sent\":%" PRIu64 ",\"notices\":%" PRId64 ",\"handled\":%" PRIu64
           ",\"dropped\":%" PRIu64 ",\"dead_letters\":%" PRIu64 ",\"replies\":%" PRIu64
           ",\"load_sent\":%" PRIu64 ",\"faults\":%" PRIu64 ",",
           c->sent, notices(result), c->handled, c->dropped, c->dead_letters, result->calls,
           result->load_sent, c->faults);
    printf("\"escalations_expected\":%" PRIu64 ",\"escalations_seen\":%" PRIu64
           ",\"escalations_unexpected\":%" PRIu64 ",",
           result->escalations_expected, result->escalations_seen, result->escalations_unexpected);
    printf("\"isolated\":%" PRId64 ",\"process_left\":%s,\"descriptors_left\":%d,",
           options->isolated, result->process_left ? "true" : "false", result->descriptors_left);
    printf("\"memory_slope_bytes_per_minute\":%.0f,\"actors_left\":%" PRIu64
           ",\"trace_hash\":\"%016" PRIx64 "\"}\n",
           result->slope, result->alive_after, result->hash);
}

/* The first seed is run twice: the same seed must give the same run. */
static void check_repeats(struct stress *stress) {
    uint64_t hash = stress->result->hash;
    stress_tree_free(stress);
    if (!run(stress)) return;
    if (hash != stress->result->hash && stress->result->broken[0] == '\0')
        (void)snprintf(stress->result->broken, sizeof stress->result->broken,
                       "the same seed gave another run");
}

static int run_all(struct stress *stress, struct stress_options *options) {
    uint64_t failed = 0, runs = options->seed_to - options->seed_from + 1;
    for (uint64_t i = 0; i < runs; i++) {
        options->seed = options->seed_from + i;
        if (!run(stress)) {
            fprintf(stderr, "troupe-stress: out of memory\n");
            stress_tree_free(stress);
            return 1;
        }
        if (options->sim && i == 0) check_repeats(stress);
        bool bad = stress->result->broken[0] != '\0';
        failed += bad;
        if (bad) fprintf(stderr, "seed %" PRIu64 ": %s\n", options->seed, stress->result->broken);
        if (i + 1 == runs || (bad && options->sim)) break; /* the tree of the last run is told of */
        stress_tree_free(stress);
    }
    if (options->json) print_json(stress, runs, failed);
    else print_text(stress);
    if (options->html != NULL && !stress_page(stress, options->html)) failed++;
    stress_tree_free(stress);
    return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct stress_options options = {.seconds = 10,
                                     .kill_rate = 1000,
                                     .load = 10000,
                                     .depth = 2,
                                     .fanout = 8,
                                     .seed = 1,
                                     .memory_bound = 8};
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "Try 'troupe-stress --help'\n");
        return 2;
    }
    struct stress stress = {.options = &options, .result = calloc(1, sizeof *stress.result)};
    if (stress.result == NULL) return 1;
    int status = run_all(&stress, &options);
    free(stress.result);
    return status;
}
