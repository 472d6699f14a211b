/* Mapping, forgetting, guarding. */
#include "core/platform/platform.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

TP_TEST(vm, maps_zeroed_memory) {
    unsigned char *memory = tpi_vm_map(100000);
    TP_ASSERT(memory != NULL);
    for (size_t i = 0; i < 100000; i += 999) TP_ASSERT_EQ_INT(memory[i], 0);
    memory[99999] = 1;
    tpi_vm_unmap(memory, 100000);
}

TP_TEST(vm, reserves_more_than_there_is) {
    size_t size = (size_t)1 << 38;
    unsigned char *memory = tpi_vm_reserve(size);
    TP_ASSERT(memory != NULL);
    memory[size - 1] = 1;
    tpi_vm_unmap(memory, size);
}

TP_TEST(vm, huge_pages_begin_where_they_are_asked_to) {
    size_t small = 384u << 10, size = small + 3 * TPI_VM_HUGE_PAGE + 100;
    char *memory = tpi_vm_reserve_from(size, small);
    TP_ASSERT(memory != NULL);
    TP_ASSERT_EQ_INT(((uintptr_t)memory + small) % TPI_VM_HUGE_PAGE, 0);
    TP_ASSERT_EQ_INT(memory[0] + memory[small] + memory[size - 1], 0);
    memory[0] = memory[size - 1] = 1;
    tpi_vm_unmap(memory, size);
    memory = tpi_vm_map_huge(TPI_VM_HUGE_PAGE);
    TP_ASSERT(memory != NULL);
    TP_ASSERT_EQ_INT((uintptr_t)memory % TPI_VM_HUGE_PAGE, 0);
    tpi_vm_unmap(memory, TPI_VM_HUGE_PAGE);
    TP_ASSERT(tpi_vm_map_huge((size_t)1 << 60) == NULL);
}

TP_TEST(vm, an_impossible_size_gives_null) {
    TP_ASSERT(tpi_vm_map((size_t)1 << 60) == NULL);
}

TP_TEST(vm, forgotten_pages_read_as_zero) {
    size_t page = tpi_vm_page();
    unsigned char *memory = tpi_vm_map(4 * page);
    memory[page] = 5;
    TP_ASSERT_EQ_INT(tpi_vm_touched(memory, 4 * page), 3 * page);
    tpi_vm_forget(memory, 4 * page);
    TP_ASSERT_EQ_INT(tpi_vm_touched(memory, 4 * page), 0);
    TP_ASSERT_EQ_INT(memory[page], 0);
    tpi_vm_unmap(memory, 4 * page);
}

TP_TEST(vm, touched_counts_from_the_lowest_page_of_a_long_range) {
    size_t page = tpi_vm_page();
    size_t size = 1000 * page;
    unsigned char *memory = tpi_vm_map(size);
    tpi_vm_small_pages(memory, size);
    memory[900 * page] = 1;
    TP_ASSERT_EQ_INT(tpi_vm_touched(memory, size), 100 * page);
    memory[300 * page] = 1;
    TP_ASSERT_EQ_INT(tpi_vm_touched(memory, size), 700 * page);
    tpi_vm_unmap(memory, size);
}

TP_TEST(vm, a_guard_faults) {
    size_t page = tpi_vm_page();
    volatile unsigned char *memory = tpi_vm_map(2 * page);
    TP_ASSERT_EQ_INT(tpi_vm_guard((void *)(uintptr_t)memory, page), TP_OK);
    memory[page] = 1;
    pid_t child = fork();
    if (child == 0) {
        struct sigaction plain = {.sa_handler = SIG_DFL};
        sigaction(SIGSEGV, &plain, NULL);
        memory[page - 1] = 1;
        _exit(0);
    }
    int status = 0;
    TP_ASSERT_EQ_INT(waitpid(child, &status, 0), child);
    TP_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    tpi_vm_unmap((void *)(uintptr_t)memory, 2 * page);
}

TP_TEST(vm, resident_size_is_plausible) {
    TP_ASSERT(tpi_vm_resident() > 100000);
}
