/*
 * The two runners behind test.h.
 *
 * Criterion's half adds what it lacks: a leak check at the end of each body and a closing line of
 * totals. The in-process half runs the tests one after the other without a fork. A failed assertion
 * may come from any thread or fiber, so nothing is unwound: the runner prints the failure and
 * replaces itself (exec) by a copy that goes on with the next test and carries the counts.
 *
 * With --fork each test is a child of the in-process runner, which has a single thread and has run
 * no test itself: as apart from each other as under Criterion, without an exec and the start of a
 * sanitizer for each. How the child ended is the verdict, but only if it also said that it came to
 * the end: a body that calls exit(0) has not passed.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_CHECK 1
#endif
#endif

#ifdef HAS_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif

static const char *running_suite = "";
static const char *running_name = "";
static const char *skip_reason;

/* Out of line, so that no pointer of the body stays in a register and hides a leak. */
__attribute__((noinline)) static void call_body(tp_test_body body) {
    body();
}

static bool leaks_found(void) {
#ifdef HAS_LEAK_CHECK
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}

static void print_skip(void) {
    fprintf(stderr, "SKIP %s.%s: %s\n", running_suite, running_name, skip_reason);
    fflush(stderr);
}

void tp_test_skip(const char *reason) {
    skip_reason = reason;
}

void tp_test_equal_int(const char *file, int line, const char *a_text, const char *b_text,
                       long long a, long long b) {
    if (a != b) tp_test_fail(file, line, "%s == %s: %lld is not %lld", a_text, b_text, a, b);
}

void tp_test_equal_str(const char *file, int line, const char *a_text, const char *b_text,
                       const char *a, const char *b) {
    if (a == b) return;
    if (a == NULL || b == NULL || strcmp(a, b) != 0)
        tp_test_fail(file, line, "%s == %s: \"%s\" is not \"%s\"", a_text, b_text,
                     a == NULL ? "(null)" : a, b == NULL ? "(null)" : b);
}

#ifndef TP_TEST_INPROCESS

#include <criterion/hooks.h>

/* Criterion unwinds its own stack when an assertion fails; on any other stack that is undefined. */
static pthread_t body_thread;
static char *body_frame;

#define BODY_STACK_MAX ((ptrdiff_t)(8 << 20))

static bool on_body_stack(void) {
    char *here = __builtin_frame_address(0);
    return pthread_equal(pthread_self(), body_thread) && body_frame - here >= 0 &&
           body_frame - here < BODY_STACK_MAX;
}

_Noreturn void tp_test_fail(const char *file, int line, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "FAIL %s.%s: %s:%d: %s\n", running_suite, running_name, file, line, text);
    fflush(stderr);
    if (on_body_stack()) cr_assert_fail("%s:%d: %s", file, line, text);
    _exit(EXIT_FAILURE);
}

void tp_test_run(const char *suite, const char *name, tp_test_body body) {
    running_suite = suite;
    running_name = name;
    skip_reason = NULL;
    body_thread = pthread_self();
    body_frame = __builtin_frame_address(0);
    call_body(body);
    if (leaks_found()) tp_test_fail(name, 0, "the test leaks memory");
    if (skip_reason != NULL) {
        print_skip();
        cr_skip_test("%s", skip_reason);
    }
    cr_assert(true); /* a test without an assertion is empty to Criterion */
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
    size_t failed = stats->tests_failed + stats->tests_crashed;
    printf("%zu passed, %zu failed, %zu skipped\n", stats->nb_tests - failed - stats->tests_skipped,
           failed, stats->tests_skipped);
    fflush(stdout);
}

#else

#define SECONDS_PER_TEST 300

static struct tp_test *tests_first;
static struct tp_test **tests_last = &tests_first;

/* What a forked test says of itself, in memory that it shares with the runner. */
enum { SAID_NOTHING, SAID_PASSED, SAID_SKIPPED, SAID_FAILED };

static struct {
    char **argv;
    const char *filter;
    volatile int *said;  /* NULL without --fork */
    pid_t test;          /* the forked test, in its own process */
    int seconds;         /* that a test may take */
    unsigned long index; /* of the running test in the whole list */
    unsigned long passed;
    unsigned long failed;
    unsigned long skipped;
} run = {.seconds = SECONDS_PER_TEST};

void tp_test_register(struct tp_test *test) {
    *tests_last = test;
    tests_last = &test->next;
}

static int finish(void) {
    fprintf(stderr, "%lu passed, %lu failed, %lu skipped\n", run.passed, run.failed, run.skipped);
    fflush(NULL);
    return run.failed == 0 && run.passed + run.skipped > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Goes on with the next test in a fresh image of this program. */
static _Noreturn void resume_after_failure(void) {
    char place[128];
    char seconds[32];
    char filter_option[] = "--filter";
    char resume_option[] = "--resume";
    char seconds_option[] = "--seconds";
    run.failed++;
    snprintf(place, sizeof place, "%lu,%lu,%lu,%lu", run.index + 1, run.passed, run.failed,
             run.skipped);
    snprintf(seconds, sizeof seconds, "%d", run.seconds);
    char *filter = run.filter == NULL ? NULL : strdup(run.filter);
    char *args[] = {run.argv[0],    resume_option, place,
                    seconds_option, seconds,       filter == NULL ? NULL : filter_option,
                    filter,         NULL};
    alarm(0);
    execv("/proc/self/exe", args);
    execvp(run.argv[0], args);
    fprintf(stderr, "FAIL: the tests after this one could not be run\n");
    (void)finish();
    _exit(EXIT_FAILURE);
}

_Noreturn void tp_test_fail(const char *file, int line, const char *format, ...) {
    /* Two threads may fail at once; only the first one carries on. */
    static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;
    va_list args;
    pthread_mutex_lock(&failing);
    fprintf(stderr, "FAIL %s.%s: %s:%d: ", running_suite, running_name, file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    fflush(NULL);
    if (run.said != NULL) {
        /* A process that the test started is the test's to judge. */
        if (getpid() == run.test) *run.said = SAID_FAILED;
        _exit(EXIT_FAILURE);
    }
    resume_after_failure();
}

static void on_alarm(int signal_number) {
    const char *const parts[] = {"FAIL ", running_suite, ".", running_name,
                                 ": the test ran into its time limit\n"};
    (void)signal_number;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        (void)!write(STDERR_FILENO, parts[i], strlen(parts[i]));
    _exit(EXIT_FAILURE);
}

static void count_passed(void) {
    fprintf(stderr, "ok   %s.%s\n", running_suite, running_name);
    run.passed++;
}

static void run_here(tp_test_body body) {
    alarm((unsigned)run.seconds);
    call_body(body);
    if (leaks_found()) tp_test_fail(running_name, 0, "the test leaks memory");
    alarm(0);
    if (skip_reason != NULL) {
        print_skip();
        run.skipped++;
    } else {
        count_passed();
    }
}

/* The child. What its own end finds (handlers of exit, leaks) still counts: by its status. */
static _Noreturn void be_the_test(tp_test_body body) {
    run.test = getpid();
    call_body(body);
    if (leaks_found()) tp_test_fail(running_name, 0, "the test leaks memory");
    if (skip_reason != NULL) print_skip();
    *run.said = skip_reason != NULL ? SAID_SKIPPED : SAID_PASSED;
    exit(EXIT_SUCCESS);
}

/* Waits for the child's end; false: it did not come in time, and the child was killed. */
static bool ended_in_time(pid_t child, int *status) {
    int descriptor = (int)syscall(SYS_pidfd_open, child, 0);
    struct pollfd end = {.fd = descriptor, .events = POLLIN};
    int ready = -1;
    /* Without the descriptor the time limit is CTest's. */
    while (descriptor >= 0 && (ready = poll(&end, 1, run.seconds * 1000)) < 0 && errno == EINTR)
        continue;
    if (ready == 0) kill(child, SIGKILL);
    while (waitpid(child, status, 0) < 0 && errno == EINTR) continue;
    if (descriptor >= 0) close(descriptor);
    return ready != 0;
}

static void judge(bool in_time, int status) {
    bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    if (in_time && ended_well && *run.said == SAID_PASSED) {
        count_passed();
        return;
    }
    if (in_time && ended_well && *run.said == SAID_SKIPPED) {
        run.skipped++;
        return;
    }
    run.failed++;
    if (!in_time)
        fprintf(stderr, "FAIL %s.%s: the test ran into its time limit\n", running_suite,
                running_name);
    else if (WIFSIGNALED(status))
        fprintf(stderr, "FAIL %s.%s: ended by signal %d (%s)\n", running_suite, running_name,
                WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (*run.said != SAID_FAILED)
        fprintf(stderr, "FAIL %s.%s: ended with status %d %s\n", running_suite, running_name,
                WEXITSTATUS(status),
                *run.said == SAID_NOTHING ? "in the middle" : "after its last line");
}

static void run_forked(tp_test_body body) {
    int status = 0;
    *run.said = SAID_NOTHING;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) be_the_test(body);
    if (child < 0) {
        run.failed++;
        fprintf(stderr, "FAIL %s.%s: fork: error %d\n", running_suite, running_name, errno);
        return;
    }
    bool in_time = ended_in_time(child, &status);
    judge(in_time, status);
}

void tp_test_run(const char *suite, const char *name, tp_test_body body) {
    running_suite = suite;
    running_name = name;
    skip_reason = NULL;
    if (run.said != NULL) run_forked(body);
    else run_here(body);
}

static bool selected(const struct tp_test *test) {
    char full[256];
    if (run.filter == NULL) return true;
    snprintf(full, sizeof full, "%s.%s", test->suite, test->name);
    return strstr(full, run.filter) != NULL;
}

static int list_tests(void) {
    for (const struct tp_test *test = tests_first; test != NULL; test = test->next)
        if (selected(test)) printf("%s.%s\n", test->suite, test->name);
    return EXIT_SUCCESS;
}

static void resume_at(const char *place, unsigned long *first) {
    char *at = NULL;
    *first = strtoul(place, &at, 10);
    unsigned long *const counts[] = {&run.passed, &run.failed, &run.skipped};
    for (size_t i = 0; i < 3 && *at == ','; i++) *counts[i] = strtoul(at + 1, &at, 10);
}

static void fork_each(void) {
    void *page =
        mmap(NULL, sizeof *run.said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        perror("FAIL: mmap");
        exit(EXIT_FAILURE);
    }
    run.said = page;
}

int main(int argc, char **argv) {
    unsigned long first = 0;
    bool list = false;
    run.argv = argv;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            list = true;
        } else if (strcmp(argv[i], "--fork") == 0) {
            fork_each();
        } else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc) {
            run.filter = argv[++i];
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            run.seconds = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--resume") == 0 && i + 1 < argc) {
            resume_at(argv[++i], &first);
        } else {
            fprintf(stderr, "usage: %s [--list] [--fork] [--filter SUBSTRING] [--seconds N]\n",
                    argv[0]);
            return EXIT_FAILURE;
        }
    }
    if (list) return list_tests();
    if (run.seconds < 1) run.seconds = SECONDS_PER_TEST;
    if (run.said == NULL) signal(SIGALRM, on_alarm);
    for (struct tp_test *test = tests_first; test != NULL; test = test->next, run.index++)
        if (run.index >= first && selected(test)) tp_test_run(test->suite, test->name, test->body);
    return finish();
}

#endif
