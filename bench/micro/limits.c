/*
 * What the machine can do at best, each measured in the same run as the cases that stand beside it:
 * an uncontended exchange, a cache line handed to another thread, a copy of the same bytes, a
 * thread woken.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/micro/micro.h"
#include "core/platform/platform.h"

#define EXCHANGES 10000000u
#define COPIES 10000000u
#define LINES 1000000u
#define WAKES 200u

void micro_relax(uint32_t turn) {
    tpi_cpu_relax();
    if (turn % 1024 == 1023) tpi_thread_yield();
}

void micro_await(_Atomic(uint64_t) *word, uint64_t value) {
    /* acquire: partner is micro_tell; weaker, what it stands for could be read too early */
    for (uint32_t turn = 0; atomic_load_explicit(word, memory_order_acquire) != value; turn++)
        micro_relax(turn);
}

void micro_tell(_Atomic(uint64_t) *word, uint64_t value) {
    /* release: partner is micro_await */
    atomic_store_explicit(word, value, memory_order_release);
}

/* ---- one thread ---- */

static double exchange(tp_actor *self) {
    uint64_t rounds = bench_scaled(EXCHANGES, 1000);
    _Atomic(uint64_t) word;
    atomic_init(&word, 0);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        /* acq_rel: what the mailbox's exchange pays */
        uint64_t before = atomic_exchange_explicit(&word, i, memory_order_acq_rel);
        micro_touch(&before);
    }
    return bench_since(self, start) / (double)rounds;
}

static double two_exchanges(tp_actor *self) {
    return 2 * exchange(self);
}

/* `size` is a constant where this is inlined, as it is in what the types' encoders do. */
static inline __attribute__((always_inline)) double copy(tp_actor *self, size_t size) {
    uint64_t rounds = bench_scaled(COPIES, 1000);
    uint8_t from[256], to[256];
    memset(from, 7, sizeof from);
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        micro_touch(from);
        memcpy(to, from, size);
        micro_touch(to);
    }
    return bench_since(self, start) / (double)rounds;
}

static double copy_3(tp_actor *self) {
    return copy(self, 3);
}
static double copy_41(tp_actor *self) {
    return copy(self, 41);
}
static double copy_64(tp_actor *self) {
    return copy(self, 64);
}
static double copy_192(tp_actor *self) {
    return copy(self, 192);
}

struct link {
    struct link *next;
};

/* The head of a list taken and put back, by hand. */
static double list(tp_actor *self) {
    uint64_t rounds = bench_scaled(EXCHANGES, 1000);
    struct link links[2] = {{&links[1]}, {NULL}}, *head = &links[0];
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) {
        struct link *taken = head;
        head = taken->next;
        micro_touch(&head);
        taken->next = head;
        head = taken;
        micro_touch(&head);
    }
    return bench_since(self, start) / (double)rounds;
}

static void nothing(void *argument) {
    micro_touch(argument);
}

/* A call that the compiler cannot see through. */
static double call(tp_actor *self) {
    uint64_t rounds = bench_scaled(EXCHANGES, 1000);
    void (*volatile function)(void *) = nothing;
    tp_time start = tp_now(self);
    for (uint64_t i = 0; i < rounds; i++) function(&start);
    return bench_since(self, start) / (double)rounds;
}

/* ---- two threads ---- */

struct rally {
    _Alignas(64) _Atomic(uint64_t) there;
    _Alignas(64) _Atomic(uint64_t) back;
    uint64_t rounds;
};

static void rally_back(void *arg) {
    struct rally *rally = arg;
    for (uint64_t i = 1; i <= rally->rounds; i++) {
        micro_await(&rally->there, i);
        micro_tell(&rally->back, i);
    }
}

/* One way; where both threads share a CPU this is a switch of threads instead. */
static double line(tp_actor *self) {
    struct rally rally = {.rounds = bench_scaled(LINES, 100)};
    tpi_thread thread;
    if (tpi_thread_start(&thread, "rally", rally_back, &rally) != TP_OK) tp_fail(self, "no thread");
    micro_tell(&rally.there, 1);
    micro_await(&rally.back, 1);
    tp_time start = tp_now(self);
    for (uint64_t i = 2; i <= rally.rounds; i++) {
        micro_tell(&rally.there, i);
        micro_await(&rally.back, i);
    }
    double took = bench_since(self, start);
    tpi_thread_join(thread);
    return took / (2.0 * (double)(rally.rounds - 1));
}

struct sleeper {
    _Alignas(64) _Atomic(uint32_t) word; /* futex: the round that was begun */
    _Alignas(64) _Atomic(uint64_t) done;
    tp_time woke;
    uint32_t rounds;
};

static void sleeper_main(void *arg) {
    struct sleeper *sleeper = arg;
    for (uint32_t round = 1; round <= sleeper->rounds; round++) {
        /* acquire: partner is the store in wake_once */
        while (atomic_load_explicit(&sleeper->word, memory_order_acquire) < round)
            tpi_futex_wait(&sleeper->word, round - 1, TP_FOREVER);
        sleeper->woke = tpi_clock_monotonic();
        micro_tell(&sleeper->done, round);
    }
}

static double wake_once(struct sleeper *sleeper, uint32_t round) {
    tpi_sleep_thread(TP_MS(1)); /* it is asleep, and its CPU, by then */
    tp_time start = tpi_clock_monotonic();
    /* release: partner is the load in sleeper_main */
    atomic_store_explicit(&sleeper->word, round, memory_order_release);
    tpi_futex_wake(&sleeper->word, 1);
    micro_await(&sleeper->done, round);
    return (double)(sleeper->woke - start);
}

static double wake(tp_actor *self) {
    struct sleeper sleeper = {.rounds = (uint32_t)bench_scaled(WAKES, 5)};
    tpi_thread thread;
    double sum = 0;
    if (tpi_thread_start(&thread, "sleeper", sleeper_main, &sleeper) != TP_OK)
        tp_fail(self, "no thread");
    for (uint32_t i = 1; i <= sleeper.rounds; i++) sum += wake_once(&sleeper, i);
    tpi_thread_join(thread);
    return sum / sleeper.rounds;
}

const struct bench_limit bench_limits[] = {{"queue", "an exchange", exchange},
                                           {"queue_cross", "a cache line, one way", line},
                                           {"deque", "an exchange", exchange},
                                           {"deque_steal", "an exchange", exchange},
                                           {"inject", "two exchanges", two_exchanges},
                                           {"pool", "a list by hand", list},
                                           {"pool_cross", "a cache line, one way", line},
                                           {"encode1", "a copy of its 3 bytes", copy_3},
                                           {"decode1", "a copy of its 3 bytes", copy_3},
                                           {"encode5", "a copy of its 41 bytes", copy_41},
                                           {"decode5", "a copy of its 41 bytes", copy_41},
                                           {"fiber", "a copy of its 64 bytes", copy_64},
                                           {"spawn_end", "a copy of its 192 bytes", copy_192},
                                           {"send", "an exchange", exchange},
                                           {"handle", "a call by pointer", call},
                                           {"wheel", "two exchanges", two_exchanges},
                                           {"park_wake", "a thread woken by futex", wake},
                                           {NULL, NULL, NULL}};
