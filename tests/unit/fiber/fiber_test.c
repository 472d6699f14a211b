/* Fibers: switching, moving between threads, resetting, guarding, recycling. */
#include "core/fiber/fiber.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/sanitizer.h"
#include "core/platform/platform.h"
#include "tests/support/test.h"

#if TPI_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define STACK ((size_t)256 << 10)

/* ThreadSanitizer knows at most about eight thousand threads and fibers together. */
#define MANY (TPI_TSAN ? 2000 : 10000)

struct fixture {
    struct tpi_stacks *stacks;
    struct tpi_fiber thread;
    struct tpi_fiber *fiber;
    int steps;
};

static void begin(struct fixture *f) {
    memset(f, 0, sizeof(*f));
    TP_ASSERT_EQ_INT(tpi_stacks_new(&f->stacks, STACK), TP_OK);
    tpi_fiber_adopt_thread(&f->thread);
}

static void end(struct fixture *f) {
    if (f->fiber != NULL) tpi_fiber_free(f->stacks, f->fiber);
    tpi_fiber_release_thread(&f->thread);
    tpi_stacks_free(f->stacks);
}

static void make(struct fixture *f, tpi_fiber_entry entry) {
    f->fiber = tpi_fiber_new(f->stacks, 0, entry, f);
    TP_ASSERT(f->fiber != NULL);
}

static void count_steps(void *arg) {
    struct fixture *f = arg;
    for (;;) {
        f->steps++;
        tpi_fiber_switch(f->fiber, &f->thread);
    }
}

TP_TEST(fiber, goes_on_where_it_stopped) {
    struct fixture f;
    begin(&f);
    make(&f, count_steps);
    for (int i = 1; i <= 1000; i++) {
        tpi_fiber_switch(&f.thread, f.fiber);
        TP_ASSERT_EQ_INT(f.steps, i);
    }
    end(&f);
}

TP_TEST(fiber, one_that_never_ran_can_be_freed) {
    struct fixture f;
    begin(&f);
    make(&f, count_steps);
    end(&f);
}

/* Enough live values of both kinds to fill every register that a call preserves. */
static double mix(struct fixture *f, struct tpi_fiber *self, struct tpi_fiber *other, double seed) {
    double a = seed, b = a + 1, c = b * 2, d = c - 3, e = d + a, g = e * b, h = g - c, i = h + d;
    long k = (long)seed, l = k + 1, m = l * 3, n = m - k, o = n + l, p = o * 2, q = p - m;
    for (int turn = 0; turn < 50; turn++) {
        a += b, b -= c, c += d * 0.5, d -= e * 0.25, e += g * 0.125, g -= h * 0.5, h += i,
            i -= a * 0.5;
        k += l, l ^= m, m += n, n ^= o, o += p, p ^= q, q += k;
        if (f != NULL) tpi_fiber_switch(self, other);
    }
    return a + b + c + d + e + g + h + i + (double)((k ^ l ^ m ^ n ^ o ^ p ^ q) & 0xffff);
}

static double mixed_in_fiber;

static void mix_in_fiber(void *arg) {
    struct fixture *f = arg;
    mixed_in_fiber = mix(f, f->fiber, &f->thread, 11);
    for (;;) tpi_fiber_switch(f->fiber, &f->thread);
}

TP_TEST(fiber, preserved_registers_are_preserved) {
    struct fixture f;
    begin(&f);
    make(&f, mix_in_fiber);
    double mixed = mix(&f, &f.thread, f.fiber, 5);
    tpi_fiber_switch(&f.thread, f.fiber);
    TP_ASSERT(mixed == mix(NULL, NULL, NULL, 5));
    TP_ASSERT(mixed_in_fiber == mix(NULL, NULL, NULL, 11));
    end(&f);
}

#if defined(__x86_64__)
/* The rounding fields of mxcsr and of the x87 control word, moved together: 0 nearest, 1 down, 2
 * up. */
static void set_rounding(unsigned mode) {
    uint16_t word;
    __builtin_ia32_ldmxcsr((__builtin_ia32_stmxcsr() & ~0x6000u) | mode << 13);
    __asm__ volatile("fnstcw %0" : "=m"(word));
    word = (uint16_t)((word & ~0x0c00u) | mode << 10);
    __asm__ volatile("fldcw %0" : : "m"(word));
}

static bool rounding_is(unsigned mode) {
    uint16_t word;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return (__builtin_ia32_stmxcsr() >> 13 & 3) == mode && (word >> 10 & 3u) == mode;
}

static void round_up_forever(void *arg) {
    struct fixture *f = arg;
    f->steps = rounding_is(0);
    set_rounding(2);
    for (;;) {
        tpi_fiber_switch(f->fiber, &f->thread);
        f->steps += rounding_is(2);
    }
}

TP_TEST(fiber, rounding_mode_belongs_to_the_fiber) {
    struct fixture f;
    begin(&f);
    make(&f, round_up_forever);
    set_rounding(1);
    for (int i = 1; i <= 3; i++) {
        tpi_fiber_switch(&f.thread, f.fiber);
        TP_ASSERT(rounding_is(1));
        TP_ASSERT_EQ_INT(f.steps, i);
    }
    set_rounding(0);
    end(&f);
}
#endif

static void check_alignment(void *arg) {
    struct fixture *f = arg;
    _Alignas(64) volatile char aligned[64];
    aligned[0] = 1;
    f->steps = (uintptr_t)__builtin_frame_address(0) % 16 == 0 && (uintptr_t)aligned % 64 == 0;
    for (;;) tpi_fiber_switch(f->fiber, &f->thread);
}

TP_TEST(fiber, begins_on_an_aligned_stack) {
    struct fixture f;
    begin(&f);
    make(&f, check_alignment);
    tpi_fiber_switch(&f.thread, f.fiber);
    TP_ASSERT_EQ_INT(f.steps, 1);
    end(&f);
}

/* ---- fibers among themselves ---- */

struct ring {
    struct tpi_stacks *stacks;
    struct tpi_fiber thread;
    struct tpi_fiber **fibers;
    int *steps;
    int count;
    int next;
};

static void ring_member(void *arg) {
    struct ring *ring = arg;
    int me = ring->next++;
    char local[100];
    for (;;) {
        memset(local, me & 127, sizeof(local));
        struct tpi_fiber *to = me + 1 < ring->count ? ring->fibers[me + 1] : &ring->thread;
        tpi_fiber_switch(ring->fibers[me], to);
        TP_ASSERT(local[50] == (me & 127));
        ring->steps[me]++;
    }
}

TP_TEST(fiber, ten_thousand_live_at_once) {
    struct ring ring = {.count = MANY};
    TP_ASSERT_EQ_INT(tpi_stacks_new(&ring.stacks, 64 << 10), TP_OK);
    tpi_fiber_adopt_thread(&ring.thread);
    ring.fibers = calloc((size_t)ring.count, sizeof(ring.fibers[0]));
    ring.steps = calloc((size_t)ring.count, sizeof(ring.steps[0]));
    for (int i = 0; i < ring.count; i++) {
        ring.fibers[i] = tpi_fiber_new(ring.stacks, 0, ring_member, &ring);
        TP_ASSERT(ring.fibers[i] != NULL);
    }
    for (int lap = 0; lap < 4; lap++) {
        tpi_fiber_switch(&ring.thread, ring.fibers[0]);
        for (int i = 0; i < ring.count; i++) TP_ASSERT_EQ_INT(ring.steps[i], lap);
    }
    for (int i = 0; i < ring.count; i++) tpi_fiber_free(ring.stacks, ring.fibers[i]);
    tpi_fiber_release_thread(&ring.thread);
    tpi_stacks_free(ring.stacks);
    free(ring.fibers);
    free(ring.steps);
}

/* ---- threads ---- */

struct traveller {
    struct tpi_fiber *fiber;
    struct tpi_fiber *home; /* the thread that runs it now */
    int steps;
    uint64_t threads[4];
    _Atomic(int) turn;
};

static void travel(void *arg) {
    struct traveller *t = arg;
    for (;;) {
        int step = t->steps++;
        if (step < 4) t->threads[step] = tpi_thread_id();
        tpi_fiber_switch(t->fiber, t->home);
    }
}

static void host(void *arg) {
    struct traveller *t = arg;
    struct tpi_fiber thread;
    tpi_fiber_adopt_thread(&thread);
    for (int i = 0; i < 1000; i++) {
        /* acquire: partner is the store in give_turn; the fiber's frames come with it. */
        while (atomic_load_explicit(&t->turn, memory_order_acquire) != 1) tpi_thread_yield();
        t->home = &thread;
        tpi_fiber_switch(&thread, t->fiber);
        /* release: partner is the load in the test; the fiber's frames go with it. */
        atomic_store_explicit(&t->turn, 0, memory_order_release);
    }
    tpi_fiber_release_thread(&thread);
}

TP_TEST(fiber, moves_between_threads) {
    struct fixture f;
    struct traveller t = {.steps = 0};
    begin(&f);
    t.fiber = tpi_fiber_new(f.stacks, 0, travel, &t);
    tpi_thread thread;
    TP_ASSERT_EQ_INT(tpi_thread_start(&thread, "host", host, &t), TP_OK);
    for (int i = 0; i < 1000; i++) {
        t.home = &f.thread;
        tpi_fiber_switch(&f.thread, t.fiber);
        /* release: partner is the load in host. */
        atomic_store_explicit(&t.turn, 1, memory_order_release);
        /* acquire: partner is the store in host. */
        while (atomic_load_explicit(&t.turn, memory_order_acquire) != 0) tpi_thread_yield();
    }
    tpi_thread_join(thread);
    TP_ASSERT_EQ_INT(t.steps, 2000);
    TP_ASSERT(t.threads[0] == tpi_thread_id() && t.threads[0] == t.threads[2]);
    TP_ASSERT(t.threads[1] == t.threads[3] && t.threads[0] != t.threads[1]);
    tpi_fiber_free(f.stacks, t.fiber);
    end(&f);
}

static void churn(void *arg) {
    struct fixture f;
    memset(&f, 0, sizeof(f));
    f.stacks = arg;
    tpi_fiber_adopt_thread(&f.thread);
    for (int i = 0; i < 300; i++) {
        make(&f, count_steps);
        tpi_fiber_switch(&f.thread, f.fiber);
        tpi_fiber_switch(&f.thread, f.fiber);
        TP_ASSERT_EQ_INT(f.steps, 2);
        f.steps = 0;
        tpi_fiber_free(f.stacks, f.fiber);
    }
    tpi_fiber_release_thread(&f.thread);
}

TP_TEST(fiber, threads_share_a_cache_of_stacks) {
    struct tpi_stacks *stacks;
    tpi_thread threads[3];
    TP_ASSERT_EQ_INT(tpi_stacks_new(&stacks, STACK), TP_OK);
    for (int i = 0; i < 3; i++) {
        TP_ASSERT_EQ_INT(tpi_thread_start(&threads[i], "churn", churn, stacks), TP_OK);
    }
    for (int i = 0; i < 3; i++) tpi_thread_join(threads[i]);
    tpi_stacks_free(stacks);
}

/* ---- reset ---- */

static void go_deep(struct fixture *f, int depth) {
    volatile char frame[200];
    frame[0] = (char)depth;
    if (depth > 0) {
        go_deep(f, depth - 1);
    } else {
        tpi_fiber_switch(f->fiber, &f->thread);
    }
    frame[1] = frame[0];
}

static void deep(void *arg) {
    struct fixture *f = arg;
    f->steps++;
    go_deep(f, 20);
    f->steps += 1000; /* never reached in these tests */
    for (;;) tpi_fiber_switch(f->fiber, &f->thread);
}

TP_TEST(fiber, a_reset_forgets_the_old_frames) {
    struct fixture f;
    begin(&f);
    make(&f, deep);
    for (int i = 1; i <= 50; i++) {
        tpi_fiber_switch(&f.thread, f.fiber);
        TP_ASSERT_EQ_INT(f.steps, i);
        tpi_fiber_reset(f.fiber, deep, &f);
    }
    f.steps = 0;
    tpi_fiber_reset(f.fiber, count_steps, &f);
    tpi_fiber_switch(&f.thread, f.fiber);
    tpi_fiber_switch(&f.thread, f.fiber);
    TP_ASSERT_EQ_INT(f.steps, 2);
    end(&f);
}

/* ---- stacks ---- */

TP_TEST(fiber, bad_sizes_are_refused) {
    struct tpi_stacks *stacks;
    TP_ASSERT_EQ_INT(tpi_stacks_new(&stacks, 0), TP_EINVAL);
    TP_ASSERT_EQ_INT(tpi_stacks_new(&stacks, SIZE_MAX), TP_EINVAL);
    TP_ASSERT_EQ_INT(tpi_stacks_new(&stacks, STACK), TP_OK);
    TP_ASSERT(tpi_fiber_new(stacks, SIZE_MAX, count_steps, NULL) == NULL);
    tpi_stacks_free(stacks);
}

/* In a child whose address space is limited; the sanitizers need all of theirs. */
static void run_out_in_child(void) {
    struct tpi_stacks *stacks;
    struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30};
    bool right = tpi_stacks_new(&stacks, STACK) == TP_OK && setrlimit(RLIMIT_AS, &limit) == 0;
    struct tpi_fiber *first = tpi_fiber_new(stacks, 0, count_steps, NULL);
    int count = 1;
    while (count < 8000 && tpi_fiber_new(stacks, 0, count_steps, NULL) != NULL) count++;
    if (count == 8000) _exit(42); /* an emulator that does not know this limit */
    right = right && first != NULL && count > 100;
    tpi_fiber_free(stacks, first);
    _exit(right && tpi_fiber_new(stacks, 0, count_steps, NULL) == first ? 42 : 43);
}

TP_TEST(fiber, no_memory_gives_null_and_later_success) {
    pid_t child = fork();
    if (child == 0) {
        if (TPI_ASAN || TPI_TSAN) _exit(42);
        run_out_in_child();
    }
    int status = 0;
    TP_ASSERT_EQ_INT(waitpid(child, &status, 0), child);
    TP_ASSERT(WIFEXITED(status));
    TP_ASSERT_EQ_INT(WEXITSTATUS(status), 42);
}

static void use_all(void *arg) {
    struct fixture *f = arg;
    size_t size = (size_t)f->steps;
    volatile char *frame = __builtin_alloca(size + 1);
    for (size_t at = 0; at < size; at += 512) frame[size - at] = 1;
    f->steps = 0;
    for (;;) tpi_fiber_switch(f->fiber, &f->thread);
}

TP_TEST(fiber, the_size_asked_for_is_usable) {
    struct fixture f;
    begin(&f);
    f.fiber = tpi_fiber_new(f.stacks, 1 << 20, use_all, &f);
    TP_ASSERT(f.fiber->stack_size >= 1 << 20);
    f.steps = (1 << 20) - 2048;
    tpi_fiber_switch(&f.thread, f.fiber);
    TP_ASSERT_EQ_INT(f.steps, 0);
    end(&f);
}

TP_TEST(fiber, the_last_stack_freed_is_the_next_one_used) {
    struct fixture f;
    begin(&f);
    make(&f, count_steps);
    struct tpi_fiber *first = f.fiber;
    tpi_fiber_free(f.stacks, f.fiber);
    make(&f, count_steps);
    TP_ASSERT(f.fiber == first);
    end(&f);
}

TP_TEST(fiber, touched_says_how_deep_it_went_and_freeing_gives_deep_pages_back) {
    struct fixture f;
    begin(&f);
    make(&f, use_all);
    f.steps = 0;
    tpi_fiber_switch(&f.thread, f.fiber);
    TP_ASSERT(tpi_fiber_touched(f.fiber) <= (TPI_ASAN || TPI_TSAN ? 16384 : 8192));
    tpi_fiber_reset(f.fiber, use_all, &f);
    f.steps = 200 << 10;
    tpi_fiber_switch(&f.thread, f.fiber);
    TP_ASSERT(tpi_fiber_touched(f.fiber) >= 200 << 10);
    tpi_fiber_free(f.stacks, f.fiber);
    make(&f, count_steps);
    TP_ASSERT(tpi_fiber_touched(f.fiber) <= 64 << 10);
    TP_ASSERT_EQ_INT(tpi_fiber_touched(&f.thread), 0);
    end(&f);
}

/* ---- overflow ---- */

TP_TEST(fiber, the_guard_lies_just_below_the_stack) {
    struct fixture f;
    begin(&f);
    make(&f, count_steps);
    char *low = f.fiber->stack_low;
    TP_ASSERT(!tpi_fiber_in_guard(f.fiber, low));
    TP_ASSERT(tpi_fiber_in_guard(f.fiber, low - 1));
    TP_ASSERT(tpi_fiber_in_guard(f.fiber, low - tpi_vm_page()));
    TP_ASSERT(!tpi_fiber_in_guard(f.fiber, low - (1 << 20)));
    TP_ASSERT(!tpi_fiber_in_guard(&f.thread, low - 1));
    end(&f);
}

static struct tpi_fiber *overflowing;

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    _exit(tpi_fiber_in_guard(overflowing, info->si_addr) ? 42 : 43);
}

static int fall(volatile int depth) {
    volatile char frame[1000];
    frame[0] = (char)depth;
    return depth == INT32_MAX ? 0 : fall(depth + 1) + frame[0];
}

static void overflow(void *arg) {
    struct fixture *f = arg;
    f->steps = fall(0);
    for (;;) tpi_fiber_switch(f->fiber, &f->thread);
}

static void overflow_in_child(struct fixture *f) {
    static char stack[65536];
    stack_t signal_stack = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&signal_stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    overflowing = f->fiber;
    tpi_fiber_switch(&f->thread, f->fiber);
    _exit(0);
}

TP_TEST(fiber, an_overflow_hits_the_guard) {
    struct fixture f;
    begin(&f);
    make(&f, overflow);
    pid_t child = fork();
    if (child == 0) overflow_in_child(&f);
    int status = 0;
    TP_ASSERT_EQ_INT(waitpid(child, &status, 0), child);
    TP_ASSERT(WIFEXITED(status));
    TP_ASSERT_EQ_INT(WEXITSTATUS(status), 42);
    end(&f);
}

/* ---- leaks ---- */

static void hold_memory(void *arg) {
    struct fixture *f = arg;
    char *memory = malloc(100);
    tpi_fiber_switch(f->fiber, &f->thread);
    free(memory);
    for (;;) tpi_fiber_switch(f->fiber, &f->thread);
}

TP_TEST(fiber, what_a_waiting_fiber_holds_is_no_leak) {
    struct fixture f;
    begin(&f);
    make(&f, hold_memory);
    tpi_fiber_switch(&f.thread, f.fiber);
#if TPI_ASAN
    TP_ASSERT_EQ_INT(__lsan_do_recoverable_leak_check(), 0);
#endif
    tpi_fiber_switch(&f.thread, f.fiber);
    end(&f);
}
