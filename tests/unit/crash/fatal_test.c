/*
 * What is not contained kills the process: at once, by the fault's own signal, and with a report
 * that names the actor. Each case is a child process whose last words are read through a pipe.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <troupe/troupe.h>

#include "tests/support/faults.h"
#include "tests/support/test.h"

#define SOON TP_SECONDS(20)
#define SECOND_MS 1000
#define FATAL()                                                                                    \
    if (!FAULTS_ARE_OURS) TP_SKIP(FAULTS_SKIPPED)

TP_MESSAGE(go, TP_FIELD(i32, kind))
TP_MESSAGE(words, TP_FIELD(str, text))

static void quiet(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

/* ---- a child process ---- */

struct death {
    int status;
    long ms;
    char words[8192];
};

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void handle_with(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* As a program of its own would begin: no handlers of the test's runner, no core file. */
static void begin_child(int out) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        handle_with(signals[i], SIG_DFL);
    dup2(out, STDERR_FILENO);
    alarm(20);
}

static void read_words(int from, struct death *death) {
    size_t size = 0;
    ssize_t got;
    while ((got = read(from, death->words + size, sizeof death->words - 1 - size)) > 0)
        size += (size_t)got;
    death->words[size] = 0;
}

static struct death run_child(void (*program)(void)) {
    struct death death = {0};
    int ends[2];
    TP_ASSERT_EQ_INT(pipe2(ends, O_CLOEXEC), 0);
    long start = now_ms();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        begin_child(ends[1]);
        program();
        fprintf(stderr, "survived\n");
        _exit(0);
    }
    close(ends[1]);
    read_words(ends[0], &death);
    close(ends[0]);
    TP_ASSERT_EQ_INT(waitpid(child, &death.status, 0), child);
    death.ms = now_ms() - start;
    return death;
}

static void expect_death(void (*program)(void), int signal, const char *why) {
    struct death death = run_child(program);
    TP_ASSERT_MSG(WIFSIGNALED(death.status) && WTERMSIG(death.status) == signal,
                  "status %x instead of signal %d; it said: %s", (unsigned)death.status, signal,
                  death.words);
    TP_ASSERT_MSG(death.ms < SECOND_MS, "it took %ld ms", death.ms);
    TP_ASSERT_MSG(strstr(death.words, "behaviour culprit") != NULL ||
                      strstr(death.words, "behaviour body") != NULL,
                  "the actor is not named: %s", death.words);
    TP_ASSERT_MSG(strstr(death.words, why) != NULL, "not `%s`: %s", why, death.words);
}

/* ---- the programs: one actor gets one message ---- */

struct culprit {
    int unused;
};
static void (*deed)(tp_actor *self, const go *msg);
static void on_go(tp_actor *self, struct culprit *culprit, const go *msg) {
    (void)culprit;
    deed(self, msg);
}
TP_BEHAVIOR(culprit_behavior, "culprit", struct culprit, TP_ON(go, on_go));

static bool contained;
static uint32_t limit;
static int times, kind;

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < times; i++) {
        tp_ref ref;
        tp_down down;
        tp_spawn_options options = {.contain = contained, .monitor = &ref, .name = "butler"};
        tp_pid pid = tp_spawn_with(self, &culprit_behavior, &options);
        tp_send(self, pid, go, .kind = kind);
        (void)tp_receive(self, SOON, &down, tp_down);
    }
}

static void act(void (*what)(tp_actor *, const go *), bool contain) {
    tp_options options = {.workers = 2, .fault_limit = limit, .log_hook = quiet};
    deed = what;
    contained = contain;
    if (times == 0) times = 1;
    (void)tp_run_with(&options, main_actor, NULL);
}

static void faults(tp_actor *self, const go *msg) {
    (void)self;
    fault_now((enum fault_kind)msg->kind);
}

/* ---- not asked for ---- */

static void fault_program(void) {
    act(faults, false);
}
TP_TEST(fatal, every_kind_in_an_actor_that_does_not_contain) {
    FATAL();
    for (kind = 0; kind < FAULT_KINDS; kind++)
        expect_death(fault_program, fault_kinds[kind].signal, "not spawned with `contain`");
    kind = 0;
}

TP_TEST(fatal, the_report_names_actor_message_and_place) {
    FATAL();
    struct death death = run_child(fault_program);
    TP_ASSERT(strstr(death.words, "SIGSEGV (code 1) at address 0x0") != NULL);
    TP_ASSERT(strstr(death.words, "butler, behaviour culprit, handling go") != NULL);
    TP_ASSERT(strstr(death.words, "#0 0x") != NULL);
    TP_ASSERT(strstr(death.words, "program+0x") != NULL);
}

/* ---- the runtime is in progress ---- */

static void sends_nonsense(tp_actor *self, const go *msg) {
    (void)msg;
    words value = {.text = {(const char *)(fault_zero + 64), 100}};
    tp_send_value(self, tp_self(self), &words_message, &value);
}
static void nonsense_program(void) {
    act(sends_nonsense, true);
}
TP_TEST(fatal, inside_a_send) {
    FATAL();
    expect_death(nonsense_program, SIGSEGV, "the runtime was in progress");
}

static void broken_type(tp_actor *self, const go *msg) {
    (void)msg;
    tp_send_value(self, tp_self(self), (const tp_message_type *)(fault_zero + 8), &kind);
}
static void broken_type_program(void) {
    act(broken_type, true);
}
TP_TEST(fatal, inside_the_librarys_own_code) {
    FATAL();
    expect_death(broken_type_program, SIGSEGV, "the runtime was in progress");
}

static bool filter_faults(const tp_message *message, void *context) {
    (void)message, (void)context;
    fault_now((enum fault_kind)kind);
    return true;
}
static void filters(tp_actor *self, const go *msg) {
    const tp_message *out;
    (void)msg;
    tp_send(self, tp_self(self), go);
    (void)tp_receive_any(self, SOON, filter_faults, NULL, &out);
}
static void filter_program(void) {
    act(filters, true);
}
TP_TEST(fatal, inside_what_the_runtime_calls_back) {
    FATAL();
    expect_death(filter_program, SIGSEGV, "the runtime was in progress");
    kind = FAULT_SMASHED_STACK;
    expect_death(filter_program, SIGSEGV, "the runtime was in progress");
    kind = FAULT_ABORT;
    expect_death(filter_program, SIGABRT, "the runtime was in progress");
    kind = 0;
}

static void exit_call(void *arg) {
    (void)arg;
    fault_now(FAULT_NULL_WRITE);
}
static void exits_badly(tp_actor *self, const go *msg) {
    (void)msg;
    tp_on_exit(self, exit_call, NULL);
    tp_exit(self, TP_EXIT_NORMAL);
}
static void exit_program(void) {
    act(exits_badly, true);
}
TP_TEST(fatal, inside_a_function_of_tp_on_exit) {
    FATAL();
    expect_death(exit_program, SIGSEGV, "the runtime was in progress");
}

static void posts_nonsense(tp_actor *self, const go *msg) {
    words value = {.text = {(const char *)(fault_zero + 64), 100}};
    (void)msg;
    (void)tp_post_value(tp_self_runtime(self), tp_self(self), &words_message, &value);
}
static void post_program(void) {
    act(posts_nonsense, true);
}
TP_TEST(fatal, inside_a_call_that_knows_no_actor) {
    FATAL();
    expect_death(post_program, SIGSEGV, "the runtime was in progress");
}

/* ---- another library is in progress ---- */

static void frees_nonsense(tp_actor *self, const go *msg) {
    (void)self, (void)msg;
    free((void *)(fault_zero + 0x12340));
}
static void allocator_program(void) {
    act(frees_nonsense, true);
}
TP_TEST(fatal, inside_the_allocator) {
    FATAL();
    expect_death(allocator_program, SIGSEGV, "another library's code was in progress");
}

static void frees_twice(tp_actor *self, const go *msg) {
    (void)self, (void)msg;
    char *volatile block = malloc(2000);
    char *volatile fence = malloc(2000);
    free(block);
    char *volatile again = block;
    free(again);
    free(fence);
}
static void heap_program(void) {
    act(frees_twice, true);
}
TP_TEST(fatal, an_abort_by_the_allocator) {
    FATAL();
    expect_death(heap_program, SIGABRT, "");
    struct death death = run_child(heap_program);
    TP_ASSERT(strstr(death.words, "not contained") != NULL);
}

static int compares(const void *a, const void *b) {
    (void)a, (void)b;
    fault_now((enum fault_kind)kind);
    return 0;
}
static void sorts(tp_actor *self, const go *msg) {
    int numbers[] = {3, 1, 2};
    (void)self, (void)msg;
    qsort(numbers, 3, sizeof numbers[0], compares);
}
static void sort_program(void) {
    act(sorts, true);
}
TP_TEST(fatal, inside_what_libc_calls_back) {
    FATAL();
    for (kind = 0; kind < FAULT_KINDS; kind++) {
        if (kind == FAULT_SMASHED_STACK) continue; /* leaves nothing to see libc by */
        expect_death(sort_program, fault_kinds[kind].signal,
                     "another library's code was in progress");
    }
    kind = 0;
}

/* ---- not the actor's own doing ---- */

static void is_sent_one(tp_actor *self, const go *msg) {
    (void)self, (void)msg;
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGSEGV);
}
static void sent_program(void) {
    act(is_sent_one, true);
}
TP_TEST(fatal, a_signal_that_was_sent) {
    FATAL();
    expect_death(sent_program, SIGSEGV, "the signal was sent");
}

static void sends_abort(tp_actor *self, const go *msg) {
    (void)self, (void)msg;
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGABRT);
}
static void sent_abort_program(void) {
    act(sends_abort, true);
}
TP_TEST(fatal, an_abort_that_was_sent) {
    FATAL();
    expect_death(sent_abort_program, SIGABRT, "not contained");
}

/* ---- a stack that tells nothing ---- */

__attribute__((noinline)) static void overwrite(volatile char *from, size_t size) {
    for (size_t i = 0; i < size; i++) from[i] = 0x41;
}
__attribute__((noinline)) static void smash_frames(int depth) {
    volatile char room[64];
    room[0] = 1;
    if (depth > 0) {
        smash_frames(depth - 1);
        room[1] = room[0];
        return;
    }
    overwrite(room, 700); /* its own return address, and those above */
    fault_now(FAULT_NULL_WRITE);
}
static void smashes(tp_actor *self, const go *msg) {
    (void)self, (void)msg;
    smash_frames(12);
}
static void smash_program(void) {
    act(smashes, true);
}
TP_TEST(fatal, a_stack_that_was_overwritten) {
    FATAL();
    expect_death(smash_program, SIGSEGV, "stack");
}

/* ---- too many ---- */

static void many_program(void) {
    times = 4;
    limit = 3;
    act(faults, true);
}
TP_TEST(fatal, one_more_than_the_limit) {
    FATAL();
    expect_death(many_program, SIGSEGV, "too many faults in a minute");
}
static void enough_program(void) {
    times = 3;
    limit = 3;
    act(faults, true);
}
static void default_program(void) {
    times = 11;
    act(faults, true);
}
TP_TEST(fatal, the_limit_itself_is_contained) {
    FATAL();
    struct death death = run_child(enough_program);
    TP_ASSERT(WIFEXITED(death.status));
    TP_ASSERT_EQ_STR(death.words, "survived\n");
    expect_death(default_program, SIGSEGV, "too many faults in a minute");
}

/* ---- threads that are not the runtime's, handlers that are not ours ---- */

static void outside_program(void) {
    tp_runtime *runtime;
    (void)tp_runtime_start(&runtime, NULL);
    fault_now(FAULT_NULL_WRITE);
}
TP_TEST(fatal, a_fault_of_another_thread_is_what_it_ever_was) {
    FATAL();
    struct death death = run_child(outside_program);
    TP_ASSERT(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGSEGV);
    TP_ASSERT_EQ_STR(death.words, "");
}

static void own_handler(int number) {
    static const char text[] = "own handler\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(7);
}
static void chain_program(void) {
    handle_with(SIGSEGV, own_handler);
    act(faults, false);
}
static void chain_outside_program(void) {
    handle_with(SIGSEGV, own_handler);
    outside_program();
}
TP_TEST(fatal, a_handler_that_was_there_gets_its_turn) {
    FATAL();
    struct death death = run_child(chain_program);
    TP_ASSERT(WIFEXITED(death.status) && WEXITSTATUS(death.status) == 7);
    TP_ASSERT(strstr(death.words, "behaviour culprit") != NULL);
    TP_ASSERT(strstr(death.words, "own handler\n") != NULL);
    death = run_child(chain_outside_program);
    TP_ASSERT_EQ_STR(death.words, "own handler\n");
}

static void ignoring_program(void) {
    tp_options options = {
        .workers = 1, .stuck_after = TP_FOREVER, .faults_ignored = true, .log_hook = quiet};
    deed = faults;
    times = 1;
    contained = true;
    (void)tp_run_with(&options, main_actor, NULL);
}
TP_TEST(fatal, nothing_is_taken_if_the_options_say_so) {
    FATAL();
    struct death death = run_child(ignoring_program);
    TP_ASSERT(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGSEGV);
    TP_ASSERT_EQ_STR(death.words, "");
}

static void after_program(void) {
    times = 2;
    act(faults, true);
    fprintf(stderr, "over\n");
    fault_now(FAULT_NULL_WRITE);
}
TP_TEST(fatal, the_handlers_go_with_the_runtime) {
    FATAL();
    struct death death = run_child(after_program);
    TP_ASSERT(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGSEGV);
    TP_ASSERT_EQ_STR(death.words, "over\n");
}

/* ---- nobody reads ---- */

static void deaf_program(void) {
    int full[2];
    if (pipe2(full, O_NONBLOCK) != 0) _exit(9);
    char bytes[4096] = {0};
    while (write(full[1], bytes, sizeof bytes) > 0) {
    }
    fcntl(full[1], F_SETFL, 0);
    dup2(full[1], STDERR_FILENO);
    act(faults, false);
}
TP_TEST(fatal, a_reader_that_stands_still_does_not_hold_it) {
    FATAL();
    struct death death = run_child(deaf_program);
    TP_ASSERT(WIFSIGNALED(death.status) && WTERMSIG(death.status) == SIGSEGV);
}
