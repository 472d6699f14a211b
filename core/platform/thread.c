/*
 * Threads by pthreads. The new thread copies what it needs from its creator's frame before the
 * creator goes on, so that a start takes no memory of its own.
 */
#include "core/platform/platform.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/assert.h"

#define NAME_SIZE 16

_Static_assert(sizeof(pthread_t) <= sizeof(uintptr_t), "a handle holds a thread");

struct thread_start {
    void (*entry)(void *arg);
    void *arg;
    char name[NAME_SIZE];
    _Atomic(uint32_t) copied;
};

static void *thread_main(void *pointer) {
    struct thread_start *start = pointer;
    void (*entry)(void *) = start->entry;
    void *arg = start->arg;
    pthread_setname_np(pthread_self(), start->name);
    _Atomic(uint32_t) *copied = &start->copied;
    /* release: partner is the acquire load in tpi_thread_start. Weaker, the creator's frame could
     * be reused while it is still read here. */
    atomic_store_explicit(copied, 1, memory_order_release);
    /* The creator may be gone by now: then this wakes nobody, or somebody who checks and sleeps
     * again. */
    tpi_futex_wake(copied, 1);
    entry(arg);
    return NULL;
}

/* Every signal but those raised by the thread's own faults. */
static void block_set(sigset_t *set) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigfillset(set);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) sigdelset(set, own[i]);
}

tp_err tpi_thread_start(tpi_thread *out, const char *name, void (*entry)(void *), void *arg) {
    TPI_ASSERT(entry != NULL);
    TPI_ASSERT(name != NULL);
    struct thread_start start = {.entry = entry, .arg = arg};
    memcpy(start.name, name, strnlen(name, NAME_SIZE - 1));
    sigset_t blocked;
    sigset_t before;
    block_set(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, thread_main, &start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) return TP_ENOMEM;
    /* acquire: partner is the release store in thread_main; see there. */
    while (atomic_load_explicit(&start.copied, memory_order_acquire) == 0) {
        tpi_futex_wait(&start.copied, 0, TP_FOREVER);
    }
    out->handle = (uintptr_t)thread;
    return TP_OK;
}

void tpi_thread_join(tpi_thread thread) {
    int failed = pthread_join((pthread_t)thread.handle, NULL);
    TPI_ASSERT(failed == 0);
}

void tpi_thread_yield(void) {
    sched_yield();
}

uint64_t tpi_thread_id(void) {
    return (uint64_t)syscall(SYS_gettid);
}

__attribute__((noinline)) uintptr_t tpi_thread_self(void) {
    return (uintptr_t)pthread_self();
}
