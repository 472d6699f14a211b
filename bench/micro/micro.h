/*
 * What the measurements of single rooms share.
 */
#ifndef BENCH_MICRO_H
#define BENCH_MICRO_H

#include "bench/bench.h"
#include "core/base/atomic.h"

/* Makes the compiler believe that the memory was read and written. */
static inline void micro_touch(const void *memory) {
    __asm__ volatile("" : : "r"(memory) : "memory");
}

/* A turn of waiting for another thread, the `turn`-th: spins, and lets others run where there is
 * one CPU only. */
void micro_relax(uint32_t turn);
/* Waits until the word has the value, and has read what was written before it. */
void micro_await(_Atomic(uint64_t) *word, uint64_t value);
/* Says that all written before is there. */
void micro_tell(_Atomic(uint64_t) *word, uint64_t value);

#endif
