/*
 * Virtual memory by mmap and madvise. Guards prefer MADV_GUARD_INSTALL (Linux 6.13), which needs no
 * mapping of its own: the system's limit on mappings then does not bound the number of stacks.
 */
#include "core/platform/platform.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/assert.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define MADV_SENSELESS 0x5eed

static void *map_anonymous(size_t size, int more_flags) {
    void *address =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

void *tpi_vm_map(size_t size) {
    TPI_ASSERT(size > 0);
    return map_anonymous(size, 0);
}

void *tpi_vm_reserve(size_t size) {
    TPI_ASSERT(size > 0);
    return map_anonymous(size, MAP_NORESERVE);
}

void tpi_vm_unmap(void *address, size_t size) {
    int failed = munmap(address, size);
    TPI_ASSERT(failed == 0);
}

void tpi_vm_forget(void *address, size_t size) {
    int failed = madvise(address, size, MADV_DONTNEED);
    TPI_ASSERT(failed == 0);
}

/* Emulators of user space say yes to every advice and follow none: who accepts a senseless one
 * lies. */
static bool advice_is_taken_seriously(void *address, size_t size) {
    return madvise(address, size, MADV_SENSELESS) != 0;
}

tp_err tpi_vm_guard(void *address, size_t size) {
    TPI_ASSERT((uintptr_t)address % tpi_vm_page() == 0);
    if (madvise(address, size, MADV_GUARD_INSTALL) == 0 &&
        advice_is_taken_seriously(address, size)) {
        return TP_OK;
    }
    return mprotect(address, size, PROT_NONE) == 0 ? TP_OK : TP_ENOMEM;
}

void tpi_vm_small_pages(void *address, size_t size) {
    madvise(address, size,
            MADV_NOHUGEPAGE); /* a kernel without huge pages refuses, and that is fine */
}

void tpi_vm_huge_pages(void *address, size_t size) {
    uintptr_t first = ((uintptr_t)address + TPI_VM_HUGE_PAGE - 1) & ~(TPI_VM_HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)address + size) & ~(TPI_VM_HUGE_PAGE - 1);
    if (first >= end) return;
    madvise((void *)first, end - first, MADV_HUGEPAGE); /* without them it goes on as before */
}

void *tpi_vm_reserve_from(size_t size, size_t small) {
    TPI_ASSERT(small < TPI_VM_HUGE_PAGE && small % tpi_vm_page() == 0);
    size = (size + tpi_vm_page() - 1) & ~(tpi_vm_page() - 1);
    char *piece = map_anonymous(size + TPI_VM_HUGE_PAGE, MAP_NORESERVE);
    if (piece == NULL) return NULL;
    uintptr_t huge = ((uintptr_t)piece + small + TPI_VM_HUGE_PAGE - 1) & ~(TPI_VM_HUGE_PAGE - 1);
    char *start = (char *)(huge - small);
    size_t before = (size_t)(start - piece);
    if (before > 0) tpi_vm_unmap(piece, before);
    if (before < TPI_VM_HUGE_PAGE) tpi_vm_unmap(start + size, TPI_VM_HUGE_PAGE - before);
    if (size > small) tpi_vm_huge_pages(start + small, size - small);
    return start;
}

void *tpi_vm_map_huge(size_t size) {
    return tpi_vm_reserve_from(size, 0);
}

size_t tpi_vm_touched(void *address, size_t size) {
    size_t page = tpi_vm_page();
    TPI_ASSERT((uintptr_t)address % page == 0);
    unsigned char in_memory[256];
    for (size_t at = 0; at < size;) {
        size_t pages = (size - at + page - 1) / page;
        if (pages > sizeof(in_memory)) pages = sizeof(in_memory);
        if (mincore((char *)address + at, pages * page, in_memory) != 0) return size - at;
        for (size_t i = 0; i < pages; i++) {
            if ((in_memory[i] & 1) != 0) return size - at - i * page;
        }
        at += pages * page;
    }
    return 0;
}

size_t tpi_vm_page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t tpi_vm_resident(void) {
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[128];
    ssize_t size = read(file, text, sizeof(text) - 1);
    close(file);
    if (size <= 0) return 0;
    text[size] = '\0';
    char *second;
    strtoul(text, &second, 10); /* the first number is the virtual size */
    return strtoul(second, NULL, 10) * tpi_vm_page();
}
