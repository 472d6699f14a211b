/* Threads: start, name, mask, join, pin. */
#include "core/platform/platform.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "tests/support/test.h"

struct seen {
    char name[16];
    uint64_t id;
    bool term_blocked;
    bool segv_blocked;
};

static void look_around(void *arg) {
    struct seen *seen = arg;
    sigset_t mask;
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->term_blocked = sigismember(&mask, SIGTERM) == 1;
    seen->segv_blocked = sigismember(&mask, SIGSEGV) == 1;
    seen->id = tpi_thread_id();
}

TP_TEST(thread, runs_with_its_name_and_without_signals) {
    struct seen seen = {0};
    tpi_thread thread;
    TP_ASSERT_EQ_INT(tpi_thread_start(&thread, "a-name-that-is-too-long", look_around, &seen),
                     TP_OK);
    tpi_thread_join(thread);
    TP_ASSERT_EQ_STR(seen.name, "a-name-that-is-");
    TP_ASSERT(seen.term_blocked);
    TP_ASSERT(!seen.segv_blocked);
    TP_ASSERT(seen.id != 0 && seen.id != tpi_thread_id());
}

TP_TEST(thread, start_leaves_the_callers_mask_alone) {
    struct seen seen = {0};
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    tpi_thread thread;
    TP_ASSERT_EQ_INT(tpi_thread_start(&thread, "x", look_around, &seen), TP_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    tpi_thread_join(thread);
    for (int i = 1; i < 32; i++) TP_ASSERT_EQ_INT(sigismember(&before, i), sigismember(&after, i));
}

static void pin_to_first(void *arg) {
    tp_err *results = arg;
    results[0] = tpi_thread_pin(0);
    results[1] = tpi_thread_pin(100000);
    results[2] = tpi_cpu_count() == 1 ? TP_OK : TP_EINVAL;
}

TP_TEST(thread, pinned_thread_has_one_cpu) {
    tp_err results[3] = {TP_EIO, TP_EIO, TP_EIO};
    tpi_thread thread;
    TP_ASSERT_EQ_INT(tpi_thread_start(&thread, "pinned", pin_to_first, results), TP_OK);
    tpi_thread_join(thread);
    TP_ASSERT_EQ_INT(results[0], TP_OK);
    TP_ASSERT_EQ_INT(results[1], TP_EINVAL);
    TP_ASSERT_EQ_INT(results[2], TP_OK);
}
