/*
 * The nine ways to fail that containment knows, each made on purpose, out of the sanitizers' sight.
 */
#ifndef TP_TESTS_SUPPORT_FAULTS_H
#define TP_TESTS_SUPPORT_FAULTS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#define FAULTS_FEATURE(name) __has_feature(name)
#else
#define FAULTS_FEATURE(name) 0
#endif

/* A sanitizer of memory or threads takes the faults itself: nothing is contained under it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    FAULTS_FEATURE(address_sanitizer) || FAULTS_FEATURE(thread_sanitizer)
#define FAULTS_ARE_OURS false
#else
#define FAULTS_ARE_OURS true
#endif
#define FAULTS_SKIPPED "a sanitizer takes the faults"

/* Elsewhere a division by zero gives a number. */
#if defined(__x86_64__)
#define FAULT_DIVISION_ROW(X) X(DIVISION, SIGFPE)
#else
#define FAULT_DIVISION_ROW(X)
#endif

#define FAULT_MAP(X)                                                                               \
    X(NULL_WRITE, SIGSEGV)                                                                         \
    X(WILD_CALL, SIGSEGV)                                                                          \
    X(NOT_CANONICAL, SIGSEGV)                                                                      \
    X(OVERFLOW, SIGSEGV)                                                                           \
    FAULT_DIVISION_ROW(X)                                                                          \
    X(ILLEGAL, SIGILL)                                                                             \
    X(SHORT_FILE, SIGBUS)                                                                          \
    X(ABORT, SIGABRT)                                                                              \
    X(SMASHED_STACK, SIGSEGV)

enum fault_kind {
#define FAULT_ENUM(name, signal) FAULT_##name,
    FAULT_MAP(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_KINDS
};

static const struct {
    const char *name;
    int signal;
} fault_kinds[] = {
#define FAULT_ROW(name, signal) {#name, signal},
    FAULT_MAP(FAULT_ROW)
#undef FAULT_ROW
};

#define FAULT_CODE __attribute__((noinline, unused, no_sanitize("undefined"))) static

static volatile uintptr_t fault_zero; /* the compiler cannot know what it is */

/* A mapped file that is shorter than its mapping. */
FAULT_CODE volatile char *fault_file(void) {
    static volatile char *mapped;
    if (mapped != NULL) return mapped;
    char path[] = "/tmp/troupe-fault-XXXXXX";
    int file = mkstemp(path);
    if (file < 0) abort();
    unlink(path);
    mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return mapped;
}

FAULT_CODE int fault_recurse(int depth) {
    volatile char room[512];
    room[0] = (char)depth;
    if (fault_zero != 0) return 0;
    return fault_recurse(depth + 1) + room[0];
}

FAULT_CODE void fault_smash(void) {
#if defined(__x86_64__)
    __asm__ volatile("movq $16, %%rsp\n\tpushq %%rax" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("mov x9, #16\n\tmov sp, x9\n\tstr x9, [sp, #-16]!" ::: "x9", "memory");
#endif
}

FAULT_CODE void fault_divide(void) {
    volatile int zero = (int)fault_zero;
    volatile int result = 7 / zero;
    (void)result;
}

FAULT_CODE void fault_illegal(void) {
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#elif defined(__aarch64__)
    __asm__ volatile(".inst 0");
#endif
}

/* Fails; does not come back unless something is wrong. */
FAULT_CODE void fault_now(enum fault_kind kind) {
    switch (kind) {
    case FAULT_NULL_WRITE: *(volatile int *)fault_zero = 1; break;
    case FAULT_WILD_CALL: ((void (*)(void))(fault_zero + 0x1234560))(); break;
    case FAULT_NOT_CANONICAL: *(volatile int *)(fault_zero + ((uintptr_t)1 << 63)) = 1; break;
    case FAULT_OVERFLOW: fault_zero = (uintptr_t)fault_recurse(0) * 0; break;
#if defined(__x86_64__)
    case FAULT_DIVISION: fault_divide(); break;
#endif
    case FAULT_ILLEGAL: fault_illegal(); break;
    case FAULT_SHORT_FILE: fault_file()[4096] = 1; break;
    case FAULT_ABORT: abort();
    case FAULT_SMASHED_STACK: fault_smash(); break;
    case FAULT_KINDS: break;
    }
}

#endif
