/*
 * Programs as child processes. The child shares this process's memory until it executes the program
 * (clone with CLONE_VM and CLONE_VFORK: no page table is copied, and the calling thread waits), so
 * it calls nothing but the system, and that directly: a lock of libc's could be held by another
 * thread, and an interceptor of a sanitizer would write down in this process what happens in the
 * child.
 */
#include "core/platform/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/assert.h"

#define STACK_SIZE ((size_t)32 << 10)
#define SIGNALS 64
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define ALONE __attribute__((no_sanitize("address", "thread", "undefined")))

struct start {
    const struct tpi_child_plan *plan;
    const char *const *env;
    long parent;
    int error;
};

/* As the kernel has it; a handler of 0 is the default. */
struct kernel_action {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

ALONE static void default_signals(void) {
    struct kernel_action action = {0};
    uint64_t mask = 0;
    for (int number = 1; number <= SIGNALS; number++)
        (void)syscall(SYS_rt_sigaction, number, &action, NULL, sizeof mask);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/* Above 2 first, so that none is overwritten before it is copied. */
ALONE static bool place_streams(const struct tpi_child_plan *plan) {
    long high[3] = {-1, -1, -1};
    for (int i = 0; i < 3; i++) {
        if (plan->streams[i] < 0) continue;
        high[i] = syscall(SYS_fcntl, plan->streams[i], F_DUPFD_CLOEXEC, 3);
        if (high[i] < 0) return false;
    }
    for (int i = 0; i < 3; i++)
        if (high[i] >= 0 && syscall(SYS_dup3, high[i], i, 0) < 0) return false;
    return true;
}

ALONE static int child_main(void *arg) {
    struct start *start = arg;
    const struct tpi_child_plan *plan = start->plan;
    (void)syscall(SYS_setpgid, 0, 0);
    (void)syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    /* the parent may have ended before the line above */
    if (syscall(SYS_getppid) == start->parent && place_streams(plan) &&
        (plan->dir == NULL || syscall(SYS_chdir, plan->dir) == 0)) {
        /* what others in this process opened without close-on-exec is not the child's */
        (void)syscall(SYS_close_range, 3, ~0u, 0);
        default_signals();
        (void)syscall(SYS_execve, plan->path, plan->argv, start->env);
    }
    start->error = errno;
    (void)syscall(SYS_exit_group, 127);
    return 127;
}

static tp_err error_of(int code) {
    switch (code) {
    case ENOENT:
    case ENOTDIR: return TP_ENOENT;
    case ENOMEM:
    case EAGAIN: return TP_ENOMEM;
    case E2BIG: return TP_ETOOBIG;
    default: return TP_EIO;
    }
}

/* No handler of this process may run in the child, which has its memory: all signals wait. */
static int clone_child(struct start *start, void *stack, int *descriptor) {
    uint64_t all = ~UINT64_C(0), before = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
#ifdef __SANITIZE_THREAD__
    /* ThreadSanitizer takes clone for a fork, and notes that in the memory that is shared: here the
     * child has a copy, behind the sanitizer's back; `start` is shared */
    (void)stack;
    int pid = (int)syscall(SYS_clone, CLONE_VFORK | CLONE_PIDFD | SIGCHLD, NULL, descriptor);
    if (pid == 0) (void)child_main(start);
#else
    int pid = clone(child_main, (uint8_t *)stack + STACK_SIZE,
                    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, start, descriptor);
#endif
    if (pid < 0) start->error = errno;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return pid;
}

tp_err tpi_child_start(struct tpi_child *out, const struct tpi_child_plan *plan, int *code) {
    TPI_ASSERT(plan->path != NULL && plan->argv != NULL && plan->argv[0] != NULL);
    int descriptor = -1, status;
    struct start *start = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                               -1, 0); /* and the stack above it */
    if (start == MAP_FAILED) {
        *code = ENOMEM;
        return TP_ENOMEM;
    }
    *start = (struct start){.plan = plan, .parent = getpid()};
    start->env = plan->env != NULL ? plan->env : (const char *const *)environ;
    int pid = clone_child(start, start, &descriptor);
    *code = start->error;
    tpi_vm_unmap(start, STACK_SIZE);
    if (pid < 0) return error_of(*code);
    struct tpi_child child = {pid, descriptor};
    if (*code == 0) {
        *out = child;
        return TP_OK;
    }
    while (tpi_child_reap(&child, &status) == TP_EBUSY) (void)tpi_event_wait(descriptor, TP_MS(1));
    tpi_descriptor_close(descriptor);
    return error_of(*code);
}

/* It is no more than a zombie until it is reaped, so that its number is nobody else's. */
static void signal_group(const struct tpi_child *child, int number) {
    TPI_ASSERT(child->pid > 1);
    (void)kill(-child->pid, number);
}

void tpi_child_ask(const struct tpi_child *child) {
    signal_group(child, SIGTERM);
    signal_group(child, SIGCONT); /* one that is stopped would not hear it */
}

void tpi_child_kill(const struct tpi_child *child) {
    signal_group(child, SIGKILL);
}

tp_err tpi_child_reap(const struct tpi_child *child, int *status) {
    siginfo_t info = {0};
    int done;
    do done = waitid((idtype_t)P_PIDFD, (id_t)child->descriptor, &info, WEXITED | WNOHANG | __WALL);
    while (done != 0 && errno == EINTR);
    *status = -1;
    if (done != 0) return TP_EIO;
    if (info.si_pid == 0) return TP_EBUSY;
    *status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
    return TP_OK;
}

bool tpi_child_end(const struct tpi_child *child, tp_duration patience) {
    int status;
    tpi_child_kill(child);
    if (tpi_child_reap(child, &status) != TP_EBUSY) return true;
    (void)tpi_event_wait(child->descriptor, patience);
    return tpi_child_reap(child, &status) != TP_EBUSY;
}

int tpi_status_exit(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int tpi_status_signal(int status) {
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* ---- programs ---- */

static bool can_run(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

tp_err tpi_program_find(const char *name, char *out, size_t size) {
    if (name[0] == 0) return TP_ENOENT;
    if (strchr(name, '/') != NULL)
        return (size_t)snprintf(out, size, "%s", name) < size ? TP_OK : TP_ETOOBIG;
    const char *path = getenv("PATH");
    if (path == NULL || path[0] == 0) path = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        size_t length = strcspn(path, ":");
        int written = snprintf(out, size, "%.*s/%s", (int)length, length > 0 ? path : ".", name);
        if (length == 0) written = snprintf(out, size, "./%s", name);
        if (written > 0 && (size_t)written < size && can_run(out)) return TP_OK;
        if (path[length] == 0) return TP_ENOENT;
        path += length + 1;
    }
}

void tpi_system_text(int code, char *out, size_t size) {
    TPI_ASSERT(size > 0);
    const char *text = strerrordesc_np(code);
    (void)snprintf(out, size, "%s", text != NULL ? text : "unknown error");
}

/* ---- pipes ---- */

tp_err tpi_pipe_new(int *ours, int *theirs, bool we_write) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return TP_EIO;
    *ours = ends[we_write ? 1 : 0];
    *theirs = ends[we_write ? 0 : 1];
    int flags = fcntl(*ours, F_GETFL);
    if (flags >= 0 && fcntl(*ours, F_SETFL, flags | O_NONBLOCK) == 0) return TP_OK;
    close(ends[0]);
    close(ends[1]);
    return TP_EIO;
}

tp_err tpi_null_open(int *out) {
    *out = open("/dev/null", O_RDWR | O_CLOEXEC);
    return *out >= 0 ? TP_OK : TP_EIO;
}

int tpi_descriptor_copy(int descriptor) {
    return fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
}

static tp_err moved(ssize_t count, size_t *done) {
    *done = 0;
    if (count < 0) return errno == EAGAIN ? TP_EBUSY : errno == EPIPE ? TP_ECLOSED : TP_EIO;
    *done = (size_t)count;
    return TP_OK;
}

tp_err tpi_pipe_read(int descriptor, void *bytes, size_t size, size_t *done) {
    ssize_t got;
    TPI_ASSERT(size > 0);
    do got = read(descriptor, bytes, size);
    while (got < 0 && errno == EINTR);
    return got == 0 ? TP_ECLOSED : moved(got, done);
}

tp_err tpi_pipe_write(int descriptor, const void *bytes, size_t size, size_t *done) {
    ssize_t sent;
    TPI_ASSERT(size > 0);
    do sent = write(descriptor, bytes, size);
    while (sent < 0 && errno == EINTR);
    return moved(sent, done);
}
