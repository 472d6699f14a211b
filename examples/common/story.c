/*
 * Options, checks, figures, the verdict.
 */
#include "examples/common/story.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <troupe/troupe.h>

/* ---- options ---- */

static const char common_help[] =
    "  --json         the last line is the verdict as one JSON object\n"
    "  --judge        the exit status judges the figures, too\n"
    "  --seed N       for everything that is drawn at random; default 1\n"
    "  --svg FOLDER   pictures go there\n";

static _Noreturn void usage(const struct story *story, const struct story_option *options,
                            const struct story_word *words, int status) {
    FILE *out = status == 0 ? stdout : stderr;
    fprintf(out, "usage: %s [OPTION]...\n", story->program);
    for (; options->name != NULL; options++)
        fprintf(out, "  --%-12s %s; default %" PRId64 "\n", options->name, options->help,
                *options->value);
    for (; words->name != NULL; words++)
        fprintf(out, "  --%-12s %s%s%s\n", words->name, words->help,
                *words->value != NULL && **words->value != '\0' ? "; default " : "",
                *words->value != NULL ? *words->value : "");
    fputs(common_help, out);
    exit(status);
}

static bool parse_number(const char *text, int64_t *value) {
    char *end;
    if (text == NULL || *text == '\0') return false;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 && *value >= 0;
}

/* Where the value of an option that is a number goes; NULL: there is no such option. */
static int64_t *number_of(struct story *story, const struct story_option *options,
                          const char *name) {
    if (strcmp(name, "seed") == 0) return (int64_t *)&story->seed; /* both are 64 bits */
    for (; options->name != NULL; options++)
        if (strcmp(options->name, name) == 0) return options->value;
    return NULL;
}

static const char **word_of(struct story *story, const struct story_word *words, const char *name) {
    if (strcmp(name, "svg") == 0) return &story->pictures;
    for (; words->name != NULL; words++)
        if (strcmp(words->name, name) == 0) return words->value;
    return NULL;
}

/* The option at argv: how many arguments it took. 0: it is none, or has no good value; that is
 * told. */
static int read_option(struct story *story, char **argv, const struct story_option *options,
                       const struct story_word *words) {
    const char *name = strncmp(argv[0], "--", 2) == 0 ? argv[0] + 2 : "";
    if (strcmp(name, "json") == 0) return story->json = true, 1;
    if (strcmp(name, "judge") == 0) return story->judge = true, 1;
    int64_t *number = number_of(story, options, name);
    const char **word = word_of(story, words, name);
    if (word != NULL) *word = argv[1];
    if (number == NULL && word == NULL)
        fprintf(stderr, "%s: there is no option '%s'\n", story->program, argv[0]);
    else if (argv[1] == NULL) fprintf(stderr, "%s: %s needs a value\n", story->program, argv[0]);
    else if (number != NULL && !parse_number(argv[1], number))
        fprintf(stderr, "%s: %s wants a number from 0 up, not '%s'\n", story->program, argv[0],
                argv[1]);
    else return 2;
    return 0;
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

void story_begin(struct story *story, const char *program, int argc, char **argv,
                 const struct story_option *options) {
    story_begin_words(story, program, argc, argv, options, &(struct story_word){0});
}

void story_begin_words(struct story *story, const char *program, int argc, char **argv,
                       const struct story_option *options, const struct story_word *words) {
    memset(story, 0, sizeof *story);
    story->program = program;
    story->seed = 1;
    story->started_ms = story_now_ms();
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0) usage(story, options, words, 0);
        int taken = read_option(story, &argv[i], options, words);
        if (taken == 0) usage(story, options, words, 2);
        i += taken;
    }
    if (story->pictures != NULL && !is_folder(story->pictures)) {
        fprintf(stderr, "%s: --svg: there is no folder '%s'\n", program, story->pictures);
        exit(2);
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* in order with standard error */
}

/* ---- checks and figures ---- */

__attribute__((format(printf, 4, 0))) static bool note(struct story *story, bool ok, bool judged,
                                                       const char *format, va_list args) {
    if (story->check_count == STORY_ENTRIES_MAX) abort();
    struct story_check *check = &story->checks[story->check_count++];
    *check = (struct story_check){.ok = ok, .judged = judged};
    vsnprintf(check->name, sizeof check->name, format, args);
    if (!ok) printf("%s: %s\n", judged ? "short of its target" : "WRONG", check->name);
    return ok;
}

bool story_check(struct story *story, bool ok, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note(story, ok, false, format, args);
    va_end(args);
    return ok;
}

bool story_target(struct story *story, bool ok, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note(story, ok, true, format, args);
    va_end(args);
    return ok;
}

void story_figure(struct story *story, double value, const char *unit, const char *format, ...) {
    if (story->figure_count == STORY_ENTRIES_MAX) abort();
    struct story_figure *figure = &story->figures[story->figure_count++];
    va_list args;
    va_start(args, format);
    vsnprintf(figure->name, sizeof figure->name, format, args);
    va_end(args);
    snprintf(figure->unit, sizeof figure->unit, "%s", unit);
    figure->value = value;
}

void story_progress(struct story *story, const char *format, ...) {
    int64_t now = story_now_ms();
    if (now - story->started_ms < 2000 || now - story->shown_ms < 100 || !isatty(2)) return;
    story->shown_ms = now;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "\r\033[K%s: ", story->program);
    vfprintf(stderr, format, args);
    va_end(args);
}

/* ---- the verdict ---- */

static void put_text(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        if ((unsigned char)*text >= ' ') putchar(*text);
    }
    putchar('"');
}

static void put_json(const struct story *story, bool ok) {
    printf("{\"program\":");
    put_text(story->program);
    printf(",\"ok\":%s,\"checks\":[", ok ? "true" : "false");
    bool first = true;
    for (size_t i = 0; i < story->check_count; i++) {
        const struct story_check *check = &story->checks[i];
        if (check->judged && !story->judge) continue;
        printf("%s{\"name\":", first ? "" : ",");
        put_text(check->name);
        printf(",\"ok\":%s}", check->ok ? "true" : "false");
        first = false;
    }
    printf("],\"figures\":[");
    for (size_t i = 0; i < story->figure_count; i++) {
        printf("%s{\"name\":", i == 0 ? "" : ",");
        put_text(story->figures[i].name);
        printf(",\"value\":%.6g,\"unit\":", story->figures[i].value);
        put_text(story->figures[i].unit);
        printf("}");
    }
    printf("]}\n");
}

int story_end(struct story *story) {
    size_t wrong = 0, checks = 0, missed = 0;
    for (size_t i = 0; i < story->check_count; i++) {
        const struct story_check *check = &story->checks[i];
        if (!check->judged) checks++;
        if (!check->ok && check->judged) missed++;
        if (!check->ok && !check->judged) wrong++;
    }
    bool ok = wrong == 0 && (!story->judge || missed == 0);
    if (story->shown_ms != 0) fprintf(stderr, "\r\033[K");
    printf("%s: %s (%zu checks, %zu wrong; %zu figures, %zu short of their target)\n",
           story->program, ok ? "OK" : "FAILED", checks, wrong, story->figure_count, missed);
    if (story->json) put_json(story, ok);
    return fflush(stdout) == 0 && ok ? 0 : 1;
}

/* ---- small things ---- */

uint64_t story_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int64_t story_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

unsigned story_cpus(void) {
    tp_runtime *runtime;
    if (tp_runtime_start(&runtime, NULL) != TP_OK) return 1;
    unsigned cpus = tp_runtime_workers(runtime);
    tp_runtime_stop(runtime);
    return cpus;
}

bool story_run(const tp_options *options, tp_body body, void *arg) {
    tp_runtime *runtime;
    tp_pid pid;
    if (tp_runtime_start(&runtime, options) != TP_OK) return false;
    tp_err err = tp_runtime_spawn_body(runtime, &pid, body, arg, NULL);
    if (err == TP_OK) err = tp_runtime_wait(runtime, pid, TP_SECONDS(60), NULL);
    tp_runtime_stop(runtime);
    return err == TP_OK;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t story_quantile(int64_t *values, size_t count, double q) {
    if (count == 0) return 0;
    qsort(values, count, sizeof *values, compare);
    size_t at = (size_t)(q * (double)count);
    return values[at < count ? at : count - 1];
}
