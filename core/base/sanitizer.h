/*
 * Which sanitizer this is built with, and AddressSanitizer's manual poisoning as calls that vanish
 * without it. The one place that asks the compiler.
 */
#ifndef TPI_BASE_SANITIZER_H
#define TPI_BASE_SANITIZER_H

#include <stddef.h>

#if defined(__has_feature)
#define TPI_HAS_FEATURE(name) __has_feature(name)
#else
#define TPI_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TPI_HAS_FEATURE(address_sanitizer)
#define TPI_ASAN 1
#include <sanitizer/asan_interface.h>
#else
#define TPI_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || TPI_HAS_FEATURE(thread_sanitizer)
#define TPI_TSAN 1
#else
#define TPI_TSAN 0
#endif

/* Valgrind takes a small jump of the stack pointer for a big frame unless it is told of every
 * stack. */
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

/* Any access to the range is reported from now on. */
static inline void tpi_poison(void *address, size_t size) {
#if TPI_ASAN
    __asan_poison_memory_region(address, size);
#else
    (void)address;
    (void)size;
#endif
}

static inline void tpi_unpoison(void *address, size_t size) {
#if TPI_ASAN
    __asan_unpoison_memory_region(address, size);
#else
    (void)address;
    (void)size;
#endif
}

#endif
