/*
 * What every program of the story has in common: options, checks, figures, the verdict, progress.
 *
 * A check is about correctness and decides the exit status. A figure is a measurement; a figure
 * with a target decides only with --judge. With --json the last line of standard output is the
 * verdict as one JSON object.
 */
#ifndef EXAMPLES_COMMON_STORY_H
#define EXAMPLES_COMMON_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/runtime.h>

#define STORY_ENTRIES_MAX 160

/* An option of one program: --name NUMBER. */
struct story_option {
    const char *name;
    int64_t *value;
    const char *help;
};

/* An option of one program that is a word: --name TEXT. */
struct story_word {
    const char *name;
    const char **value;
    const char *help;
};

struct story_check {
    char name[64];
    bool ok;
    bool judged; /* a figure's target: counts with --judge alone */
};

struct story_figure {
    char name[64];
    char unit[16];
    double value;
};

struct story {
    const char *program;
    bool json;
    bool judge;
    uint64_t seed;
    const char *pictures; /* the folder for SVG files; NULL: none */
    int64_t started_ms;
    int64_t shown_ms;
    size_t check_count;
    size_t figure_count;
    struct story_check checks[STORY_ENTRIES_MAX];
    struct story_figure figures[STORY_ENTRIES_MAX];
};

/* Reads the common options and the program's own (ended by an entry without a name); a wrong one
 * ends the program with status 2. */
void story_begin(struct story *story, const char *program, int argc, char **argv,
                 const struct story_option *options);
/* The same for a program that has words as options, too (ended like the others). */
void story_begin_words(struct story *story, const char *program, int argc, char **argv,
                       const struct story_option *options, const struct story_word *words);
/* Something that must be true; printed if it is not. Returns it. */
bool story_check(struct story *story, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A figure's target: the same, but it decides with --judge only. */
bool story_target(struct story *story, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void story_figure(struct story *story, double value, const char *unit, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A line on standard error when that is a terminal and the program runs longer than two seconds;
 * at most ten a second. */
void story_progress(struct story *story, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints the verdict; the exit status of the program. */
int story_end(struct story *story);

/* A random number that depends on nothing but the state (splitmix64). */
uint64_t story_random(uint64_t *state);
/* Milliseconds on the system's monotonic clock. */
int64_t story_now_ms(void);
/* The CPUs this process may use: what the runtime takes as its default number of workers. */
unsigned story_cpus(void);
/* A runtime of its own: starts it, runs the body as an actor to its end, stops it. False: it could
 * not be started, or did not end within a minute. */
bool story_run(const tp_options *options, tp_body body, void *arg);
/* The q-quantile (0..1) of `count` values, which are sorted in place; 0 if there are none. */
int64_t story_quantile(int64_t *values, size_t count, double q);

#endif
