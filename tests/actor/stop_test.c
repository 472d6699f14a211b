/*
 * The end of a runtime in which actors keep their threads: it comes in bounded time, the others
 * have ended in order, and the log says who stayed. In a process of its own, since what stays
 * stays.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/actor/actor_test.h"

#define GRACE TP_MS(200)
#define BOUND_S 60 /* far more than twice the grace; who needs it has hung */

static int never[2]; /* a pipe that nobody writes to */
static bool looping, reading, ended_in_order;
static bool named_loop, named_reader, counted;

static bool seen(const bool *flag) {
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}
static void set(bool *flag) {
    __atomic_store_n(flag, true, __ATOMIC_SEQ_CST);
}

static void loop_body(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_register(self, "looper");
    set(&looping);
    for (volatile unsigned i = 0;; i = i + 1) {
    }
}
static void read_body(tp_actor *self, void *arg) {
    char byte;
    (void)arg;
    (void)tp_register(self, "reader");
    set(&reading);
    while (read(never[0], &byte, 1) < 0) {
    }
}

struct orderly {
    int unused;
};
static void orderly_init(tp_actor *self, struct orderly *state) {
    (void)state;
    (void)tp_trap_exits(self, true);
}
static void orderly_end(tp_actor *self, struct orderly *state, const tp_reason *reason) {
    (void)self, (void)state;
    if (reason->code == TP_EXIT_SHUTDOWN) set(&ended_in_order);
}
TP_BEHAVIOR(orderly_behavior, "orderly", struct orderly, TP_INIT(orderly_init),
            TP_TERMINATE(orderly_end));

static void collect(void *context, const tp_log_entry *entry) {
    (void)context;
    if (strstr(entry->text, "would not end: looper") != NULL) set(&named_loop);
    if (strstr(entry->text, "would not end: reader") != NULL) set(&named_reader);
    if (strstr(entry->text, "2 actors that would not end") != NULL) set(&counted);
}

static void main_body(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_spawn(self, &orderly_behavior);
    (void)tp_spawn_body(self, loop_body, NULL, NULL);
    (void)tp_spawn_body(self, read_body, NULL, NULL);
    while (!seen(&looping) || !seen(&reading)) (void)tp_sleep(self, TP_MS(1));
    tp_exit_status(self, 7);
}

/* A bit for each thing that is not as it should be. */
static int stop_with_stuck(void) {
    tp_options options = {
        .workers = 2, .shutdown_grace = GRACE, .stuck_after = TP_MS(5), .log_hook = collect};
    alarm(BOUND_S);
    if (pipe(never) != 0) return 64;
    int status = tp_run_with(&options, main_body, NULL);
    return (status == 7 ? 0 : 1) | (seen(&ended_in_order) ? 0 : 2) | (seen(&named_loop) ? 0 : 4) |
           (seen(&named_reader) ? 0 : 8) | (seen(&counted) ? 0 : 16);
}

TP_TEST(stop, comes_although_actors_keep_their_threads) {
    int status;
#ifdef __SANITIZE_THREAD__
    TP_SKIP("ThreadSanitizer does not follow a process that copies itself");
#endif
    pid_t child = fork();
    TP_ASSERT(child >= 0);
    if (child == 0) _exit(stop_with_stuck());
    TP_ASSERT_EQ_INT(waitpid(child, &status, 0), child);
    TP_ASSERT_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with %#x",
                  (unsigned)status);
}
