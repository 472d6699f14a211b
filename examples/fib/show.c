/*
 * The answers of all models; a killed worker; one, two, three clients; short requests beside long
 * ones.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "examples/common/chart.h"
#include "examples/common/child.h"
#include "examples/common/talk.h"
#include "examples/fib/fib.h"

#define CLIENTS_MAX 8
#define SAMPLES 20000
#define PROCESSES 2 /* of the models */
#define ACTORS 3
#define ISOLATED 4

static const char *const models[MODELS + 1] = {"sequential", "threads",  "processes",
                                               "actors",     "isolated", NULL};

bool fib_start(struct child *child, const char *model, const char *const *options) {
    const char *arguments[24] = {"fib", "--model", model, "--port", "0"};
    size_t count = 5;
    while (*options != NULL && count < 23) arguments[count++] = *options++;
    return child_start(child, arguments);
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A connection, one request, its answer to the end of the stream. */
static size_t ask(uint16_t port, const char *request, char *answer, size_t size) {
    int descriptor = talk_connect(port);
    if (descriptor < 0) return 0;
    talk_say(descriptor, request);
    shutdown(descriptor, SHUT_WR);
    size_t got = talk_hear(descriptor, answer, size - 1, size - 1);
    answer[got] = '\0';
    close(descriptor);
    return got;
}

/* ---- the answers ---- */

static const struct {
    const char *request, *answer;
} answers[] = {
    {"1\n", "1\n"},
    {"2\n", "1\n"},
    {"3\n", "2\n"},
    {"10\n", "55\n"},
    {"30\n", "832040\n"},
    {"0\n", "1\n"},
    {"-7\n", "1\n"},
    {" +20 \r\n", "6765\n"},
    {"25", "75025\n"},
    {"1\n2\n3\n4", "1\n1\n2\n3\n"},
    {"27\n30\n3\n28", "196418\n832040\n2\n317811\n"},
    {"five\n", NO_NUMBER},
    {"93\n10\n", NO_NUMBER "55\n"},
    {"99999999999999999999\n", NO_NUMBER},
    {"\n", NO_NUMBER},
    {"", ""},
};

/* A request without a newline, on a stream that stays open, as nc does it. */
static bool by_silence(uint16_t port) {
    char answer[ANSWER_MAX];
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    talk_say(descriptor, "12");
    size_t got = talk_hear(descriptor, answer, 4, 4);
    close(descriptor);
    return got == 4 && memcmp(answer, "144\n", 4) == 0;
}

void show_answers(struct story *story, int model_count) {
    static const char *const options[] = {NULL};
    size_t count = sizeof answers / sizeof *answers;
    printf("fib, from %d servers\n", model_count);
    for (int i = 0; i < model_count; i++) {
        struct child child;
        char answer[1024];
        size_t right = 0;
        if (!story_check(story, fib_start(&child, models[i], options), "%s: serves", models[i]))
            continue;
        for (size_t j = 0; j < count; j++) {
            ask(child.port, answers[j].request, answer, sizeof answer);
            right += strcmp(answer, answers[j].answer) == 0;
        }
        story_check(story, right == count, "%s: %zu conversations", models[i], count);
        story_check(story, by_silence(child.port), "%s: silence ends a request", models[i]);
        child_stop(&child, NULL, 0);
        printf("  %s: %zu of %zu answers are right\n", models[i], right, count);
    }
}

/* ---- a killed worker ---- */

/* The process of a server that computes: of its children the one that has used most time. */
static pid_t busiest(pid_t parent) {
    char path[64];
    int pid, most = 0;
    int64_t used = 30; /* ms: less is nothing */
    struct usage usage;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "re");
    while (file != NULL && fscanf(file, "%d", &pid) == 1)
        if (usage_of(pid, &usage) && usage.cpu_ms > used) used = usage.cpu_ms, most = pid;
    if (file != NULL) fclose(file);
    return most;
}

static bool kill_busiest(pid_t parent) {
    for (int64_t ends = story_now_ms() + 60000; story_now_ms() < ends; talk_pause()) {
        pid_t worker = busiest(parent);
        if (worker > 0) return kill(worker, SIGKILL) == 0;
    }
    return false;
}

static void kill_a_worker(struct story *story, const char *model) {
    static const char *const options[] = {"--workers", "2", "--quiet", "1", NULL};
    struct child child;
    char answer[1024];
    if (!story_check(story, fib_start(&child, model, options), "%s, killed: serves", model)) return;
    int client = talk_connect(child.port);
    talk_say(client, "92\n"); /* some thousand years */
    story_check(story, kill_busiest(child.pid), "%s, killed: who computes", model);
    size_t got = talk_hear(client, answer, strlen(WORKER_DIED), strlen(WORKER_DIED));
    answer[got] = '\0';
    story_check(story, strcmp(answer, WORKER_DIED) == 0, "%s, killed: its client gets an error",
                model);
    talk_say(client, "31\n"); /* worth a process */
    got = talk_hear(client, answer, 8, 8);
    story_check(story, got == 8 && memcmp(answer, "1346269\n", 8) == 0,
                "%s, killed: another takes over", model);
    close(client);
    child_stop(&child, NULL, 0);
    printf("  %s: a killed process costs an error line, and the next request is served\n", model);
}

void show_killed(struct story *story, int model_count) {
    kill_a_worker(story, models[PROCESSES]);
    if (model_count > ISOLATED) kill_a_worker(story, models[ISOLATED]);
}

/* ---- clients in threads ---- */

struct asker {
    pthread_t thread;
    uint16_t port;
    int64_t number, rounds; /* rounds 0: until that time */
    int64_t ends_ms;
    int64_t spent_us, asked;
    bool right;
};

static void *ask_on(void *arg) {
    struct asker *asker = arg;
    char request[16], answer[ANSWER_MAX], wanted[ANSWER_MAX];
    uint64_t a = 1, b = 1;
    for (int64_t i = 2; i < asker->number; i++) b = a + b, a = b - a;
    fib_print(wanted, b);
    snprintf(request, sizeof request, "%" PRId64 "\n", asker->number);
    asker->right = true;
    while (asker->rounds > 0 ? asker->asked < asker->rounds : story_now_ms() < asker->ends_ms) {
        int64_t start = now_us();
        ask(asker->port, request, answer, sizeof answer);
        asker->spent_us += now_us() - start;
        asker->asked++;
        asker->right = asker->right && strcmp(answer, wanted) == 0;
    }
    return NULL;
}

static size_t start_askers(struct asker *askers, size_t count, const struct asker *like) {
    for (size_t i = 0; i < count; i++) {
        askers[i] = *like;
        if (pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]) != 0) return i;
    }
    return count;
}

static bool join_askers(struct asker *askers, size_t count) {
    bool right = true;
    for (size_t i = 0; i < count; i++) {
        pthread_join(askers[i].thread, NULL);
        right = right && askers[i].right;
    }
    return right;
}

/* The article's benchmark: fib(30), from one client, two, three at once. */
void show_clients(struct story *story, int model_count, int64_t rounds) {
    static const char *const options[] = {NULL};
    printf("\nfib(30), milliseconds a request, from one, two, three clients at once\n");
    for (int i = 0; i < model_count; i++) {
        struct child child;
        struct asker askers[3];
        bool right = true;
        printf("  %-10s", models[i]);
        if (!story_check(story, fib_start(&child, models[i], options), "clients: serves")) continue;
        for (size_t clients = 1; clients <= 3; clients++) {
            const struct asker like = {.port = child.port, .number = 30, .rounds = rounds};
            size_t started = start_askers(askers, clients, &like);
            right = join_askers(askers, started) && right;
            double spent = 0;
            for (size_t j = 0; j < started; j++)
                spent += (double)askers[j].spent_us / (double)rounds / 1000;
            double each = started > 0 ? spent / (double)started : 0;
            printf(" %8.2f", each);
            story_figure(story, each, "ms", "%s: fib(30), %zu clients", models[i], clients);
        }
        printf("\n");
        story_check(story, right, "%s: every client gets 832040", models[i]);
        child_stop(&child, NULL, 0);
    }
}

/* ---- short requests beside long ones ---- */

static int64_t samples[SAMPLES];

/* The p99 of fib(1), in microseconds, while `longs` clients ask for a long one all the time. */
static int64_t probe(const struct child *child, size_t longs, int64_t number, int64_t duration_ms,
                     bool *right) {
    struct asker askers[CLIENTS_MAX];
    int64_t ends = story_now_ms() + duration_ms;
    const struct asker like = {.port = child->port, .number = number, .ends_ms = ends};
    size_t started = start_askers(askers, longs, &like), count = 0;
    char answer[ANSWER_MAX];
    *right = started == longs;
    while (count < SAMPLES && (count == 0 || story_now_ms() < ends)) {
        int64_t start = now_us();
        ask(child->port, "1\n", answer, sizeof answer);
        samples[count++] = now_us() - start;
        *right = *right && strcmp(answer, "1\n") == 0;
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    *right = join_askers(askers, started) && *right;
    return story_quantile(samples, count, 0.99);
}

void show_mixture(struct story *story, int model_count, int64_t number, int64_t duration_ms) {
    static const char *const options[] = {NULL};
    static const size_t longs[] = {0, 1, 2, 4, 8};
    static double x[] = {0, 1, 2, 4, 8}, y[MODELS][5];
    struct plot_series lines[MODELS];
    printf("\nthe p99 of fib(1) in milliseconds, while 0, 1, 2, 4, 8 clients ask for fib(%" PRId64
           ")\n",
           number);
    for (int i = 0; i < model_count; i++) {
        struct child child;
        lines[i] = (struct plot_series){models[i], x, y[i], 5};
        printf("  %-10s", models[i]);
        if (!story_check(story, fib_start(&child, models[i], options), "mixture: serves")) continue;
        for (int j = 0; j < 5; j++) {
            bool right;
            story_progress(story, "%s, %zu long requests", models[i], longs[j]);
            y[i][j] = (double)probe(&child, longs[j], number, duration_ms, &right) / 1000;
            printf(" %8.2f", y[i][j]);
            story_check(story, right, "%s, %zu long ones: all answers right", models[i], longs[j]);
            story_figure(story, y[i][j], "ms", "%s: p99 of fib(1), %zu long", models[i], longs[j]);
            if (i >= ACTORS)
                story_target(story, y[i][j] < 20, "%s: fib(1) under 20 ms beside %zu", models[i],
                             longs[j]);
        }
        printf("\n");
        child_stop(&child, NULL, 0);
    }
    struct plot picture = {"What long requests do to short ones",
                           "long requests at once",
                           "p99 of fib(1), ms",
                           lines,
                           (size_t)model_count,
                           NULL};
    plot_lines_svg(&picture, story->pictures, "mixture");
}
