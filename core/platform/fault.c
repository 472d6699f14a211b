/*
 * Faults of this process's own making: SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT.
 *
 * A signal handler gets no argument, so two things are global here: the actions that stood before
 * ours, and, one a thread, who wants to hear of that thread's faults. A fault on a thread that
 * nobody speaks for goes to whatever was installed before.
 *
 * In the handler nothing is called but what is safe there. The unwinder is: it takes no lock and no
 * memory once it has run, since glibc 2.35 finds objects without its loader's lock. It may itself
 * fault on a broken stack; then it is left by a jump back to where it was started.
 */
#include "core/platform/platform.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "core/base/assert.h"

#define STACK_SIZE ((size_t)64 << 10)
#define WRITE_PATIENCE_MS 200

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define SIGNALS (sizeof signals / sizeof signals[0])

/* What stood before ours; written under `lock` while ours are not installed. */
static struct sigaction before[SIGNALS];
static tpi_mutex lock;
static unsigned takers;

/* Who speaks for this thread. Constant while the thread runs actors. */
static _Thread_local struct tpi_fault_thread *speaker;

/* ---- objects in memory ---- */

uintptr_t tpi_module_of(uintptr_t address) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
    struct dl_find_object found;
    if (_dl_find_object((void *)address, &found) == 0) return (uintptr_t)found.dlfo_map_start;
#endif
    (void)address;
    return 0;
}

const char *tpi_module_name(uintptr_t address) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
    struct dl_find_object found;
    if (_dl_find_object((void *)address, &found) == 0 && found.dlfo_link_map != NULL) {
        const char *name = found.dlfo_link_map->l_name;
        return name == NULL || name[0] == 0 ? "program" : name;
    }
#endif
    (void)address;
    return "?";
}

/* The functions of libc by which a program aborts itself while libc holds nothing. Their bounds are
 * looked up before any handler needs them. */
static struct range { uintptr_t low, high; } deliberate[2];

static void find_range(struct range *range, const char *name) {
    void *function = dlsym(RTLD_DEFAULT, name);
    Dl_info info;
    void *extra = NULL;
    if (function == NULL || dladdr1(function, &info, &extra, RTLD_DL_SYMENT) == 0 || extra == NULL)
        return;
    const ElfW(Sym) *symbol = extra;
    range->low = (uintptr_t)info.dli_saddr;
    range->high = range->low + symbol->st_size;
}

bool tpi_fault_is_deliberate(uintptr_t pc) {
    for (size_t i = 0; i < sizeof deliberate / sizeof deliberate[0]; i++)
        /* a call that never returns may be the last instruction: the return address is behind it */
        if (pc > deliberate[i].low && pc <= deliberate[i].high) return true;
    return false;
}

uintptr_t tpi_allocator_module(void) {
    return tpi_module_of((uintptr_t)malloc);
}

size_t tpi_symbol(uintptr_t pc, char *out, size_t size) {
    Dl_info info;
    int length;
    if (dladdr((const void *)pc, &info) == 0) length = snprintf(out, size, "0x%zx", (size_t)pc);
    else if (info.dli_sname != NULL)
        length = snprintf(out, size, "%s+0x%zx", info.dli_sname,
                          (size_t)(pc - (uintptr_t)info.dli_saddr));
    else
        length = snprintf(out, size, "%s+0x%zx", info.dli_fname,
                          (size_t)(pc - (uintptr_t)info.dli_fbase));
    return length < 0 ? 0 : (size_t)length;
}

/* ---- the machine's registers ---- */

void tpi_fault_registers(struct tpi_fault *fault) {
    const ucontext_t *context = fault->context;
#if defined(__x86_64__)
    fault->pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
    fault->sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    fault->pc = (uintptr_t)context->uc_mcontext.pc;
    fault->sp = (uintptr_t)context->uc_mcontext.sp;
#endif
}

/* Makes the context look as if the call to nowhere had just returned. */
static void undo_call(ucontext_t *context) {
#if defined(__x86_64__)
    uintptr_t *top = (uintptr_t *)context->uc_mcontext.gregs[REG_RSP];
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)*top;
    context->uc_mcontext.gregs[REG_RSP] += 8;
#elif defined(__aarch64__)
    context->uc_mcontext.pc = context->uc_mcontext.regs[30];
#endif
}

/* ---- the walk ---- */

struct walk {
    bool (*step)(void *context, uintptr_t pc, uintptr_t sp);
    void *context;
    uintptr_t start; /* the pc to begin with: what is before are the handler's own frames */
    bool begun;
};

static _Unwind_Reason_Code visit(struct _Unwind_Context *frame, void *arg) {
    struct walk *walk = arg;
    int exact = 0;
    uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(frame, &exact);
    if (!walk->begun && !(exact && pc == walk->start)) return _URC_NO_REASON;
    walk->begun = true;
    if (pc == 0) return _URC_END_OF_STACK;
    return walk->step(walk->context, pc, (uintptr_t)_Unwind_GetCFA(frame)) ? _URC_NO_REASON
                                                                           : _URC_END_OF_STACK;
}

bool tpi_fault_walk(struct tpi_fault_thread *thread, const struct tpi_fault *fault,
                    bool (*step)(void *context, uintptr_t pc, uintptr_t sp), void *context) {
    ucontext_t *registers = fault->context;
    const mcontext_t as_it_was = registers->uc_mcontext;
    struct walk walk = {.step = step, .context = context};
    jmp_buf rescue;
    volatile bool whole = false;
    thread->rescue = &rescue;
    if (_setjmp(rescue) == 0) {
        bool fetching = fault->signal == SIGSEGV || fault->signal == SIGBUS;
        if (fetching && (fault->address == fault->pc || tpi_module_of(fault->pc) == 0))
            undo_call(registers);
        struct tpi_fault now = {.context = registers};
        tpi_fault_registers(&now);
        walk.start = now.pc;
        _Unwind_Backtrace(visit, &walk);
        whole = true;
    }
    thread->rescue = NULL;
    registers->uc_mcontext = as_it_was;
    return whole;
}

/* ---- without a fault ---- */

struct here {
    uintptr_t below; /* frames of callees, which are left out */
    uintptr_t *frames;
    unsigned count, limit;
};

static _Unwind_Reason_Code note(struct _Unwind_Context *frame, void *arg) {
    struct here *here = arg;
    int exact;
    uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(frame, &exact);
    if (pc == 0 || here->count == here->limit) return _URC_END_OF_STACK;
    if ((uintptr_t)_Unwind_GetCFA(frame) > here->below)
        here->frames[here->count++] = exact ? pc : pc - 1;
    return _URC_NO_REASON;
}

unsigned tpi_stack_here(struct tpi_fault_thread *thread, const void *frame, uintptr_t *frames,
                        unsigned limit) {
    /* a function's own frame address is two words below the end of its frame */
    struct here here = {(uintptr_t)frame + 2 * sizeof(void *), frames, 0, limit};
    jmp_buf rescue;
    thread->rescue = &rescue;
    volatile bool whole = false;
    if (_setjmp(rescue) == 0) {
        _Unwind_Backtrace(note, &here);
        whole = true;
    }
    thread->rescue = NULL;
    return whole ? here.count : 0;
}

/* ---- the handler ---- */

static const struct sigaction *action_before(int number) {
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i] == number) return &before[i];
    return NULL;
}

/* What would have happened without us. A fault that is taken back happens again when the handler
 * returns; a signal that was sent must be sent again. */
static void as_before(int number, siginfo_t *info, void *context) {
    const struct sigaction *action = action_before(number);
    TPI_ASSERT(action != NULL);
    if (action->sa_flags & SA_SIGINFO) {
        action->sa_sigaction(number, info, context);
        return;
    }
    if (action->sa_handler == SIG_IGN && info->si_code <= 0) return;
    if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
        action->sa_handler(number);
        return;
    }
    (void)sigaction(number, action, NULL);
    if (info->si_code > 0) return;
    (void)syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), number);
}

static bool is_own(int number, const siginfo_t *info) {
    if (number != SIGABRT) return info->si_code > 0;
    return info->si_code == SI_TKILL && info->si_pid == getpid();
}

static void on_fault(int number, siginfo_t *info, void *context) {
    int saved = errno;
    struct tpi_fault_thread *thread = speaker;
    if (thread != NULL && thread->rescue != NULL) {
        jmp_buf *rescue = thread->rescue;
        thread->rescue = NULL;
        _longjmp(*rescue, 1);
    }
    if (thread != NULL && !thread->busy) {
        struct tpi_fault fault = {.signal = number,
                                  .code = info->si_code,
                                  .own = is_own(number, info),
                                  .aborting = number == SIGABRT,
                                  .context = context};
        if (number != SIGABRT && info->si_code > 0) fault.address = (uintptr_t)info->si_addr;
        tpi_fault_registers(&fault);
        thread->busy = true;
        thread->handle(thread, &fault); /* leaves by a jump when it has dealt with it */
        thread->busy = false;
    }
    errno = saved;
    as_before(number, info, context);
}

static _Unwind_Reason_Code warm(struct _Unwind_Context *frame, void *arg) {
    (void)frame;
    (void)arg;
    return _URC_END_OF_STACK;
}

tp_err tpi_faults_take(void) {
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    tpi_mutex_lock(&lock);
    bool ok = true;
    if (takers++ == 0) {
        find_range(&deliberate[0], "abort");
        find_range(&deliberate[1], "__assert_fail");
        _Unwind_Backtrace(warm, NULL);
        for (size_t i = 0; i < SIGNALS; i++)
            ok = sigaction(signals[i], &action, &before[i]) == 0 && ok;
    }
    tpi_mutex_unlock(&lock);
    if (!ok) tpi_faults_give();
    return ok ? TP_OK : TP_EIO;
}

void tpi_faults_give(void) {
    tpi_mutex_lock(&lock);
    TPI_ASSERT(takers > 0);
    if (--takers == 0) {
        for (size_t i = 0; i < SIGNALS; i++) {
            struct sigaction now;
            /* somebody may have put theirs over ours: that stays */
            if (sigaction(signals[i], NULL, &now) == 0 && now.sa_sigaction == on_fault)
                (void)sigaction(signals[i], &before[i], NULL);
        }
    }
    tpi_mutex_unlock(&lock);
}

/* ---- threads ---- */

static size_t stack_size(void) {
    long least = sysconf(_SC_MINSIGSTKSZ); /* wide vector registers make the kernel's frame big */
    size_t page = tpi_vm_page();
    size_t size = least > 0 ? STACK_SIZE + (size_t)least : STACK_SIZE;
    return (size + page - 1) / page * page;
}

tp_err tpi_fault_thread_begin(struct tpi_fault_thread *thread) {
    TPI_ASSERT(thread->handle != NULL);
    size_t guard = tpi_vm_page();
    size_t size = guard + stack_size();
    char *mapping = tpi_vm_reserve(size);
    if (mapping == NULL) return TP_ENOMEM;
    stack_t stack = {.ss_sp = mapping + guard, .ss_size = size - guard};
    if (mprotect(mapping, guard, PROT_NONE) != 0 || sigaltstack(&stack, NULL) != 0) {
        tpi_vm_unmap(mapping, size);
        return TP_ENOMEM;
    }
    thread->stack = mapping;
    thread->stack_size = size;
    speaker = thread;
    return TP_OK;
}

void tpi_fault_thread_end(struct tpi_fault_thread *thread) {
    TPI_ASSERT(speaker == thread);
    stack_t none = {.ss_flags = SS_DISABLE};
    speaker = NULL;
    (void)sigaltstack(&none, NULL);
    tpi_vm_unmap(thread->stack, thread->stack_size);
    thread->stack = NULL;
}

struct tpi_fault_thread *tpi_fault_hold(void) {
    struct tpi_fault_thread *thread = speaker;
    if (thread != NULL) thread->held++;
    return thread;
}

void tpi_fault_release(struct tpi_fault_thread **thread) {
    if (*thread != NULL) (*thread)->held--;
}

/* ---- words for a dying process ---- */

const char *tpi_signal_name(int number) {
    switch (number) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    default: return "signal";
    }
}

void tpi_write_urgent(const char *text, size_t size) {
    struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
    while (size > 0) {
        /* a reader that has stopped must not keep a dying process alive */
        int ready = poll(&wait, 1, WRITE_PATIENCE_MS);
        if (ready < 0 && errno == EINTR) continue; /* a signal is no reason to block in the write */
        if (ready <= 0) return;
        ssize_t written = write(STDERR_FILENO, text, size < 512 ? size : 512);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text += written;
        size -= (size_t)written;
    }
}
