/*
 * Virtual memory: ranges by the page. Any thread.
 */
#ifndef TPI_PLATFORM_VM_H
#define TPI_PLATFORM_VM_H

#include <stddef.h>

#include <troupe/base.h>

void *tpi_vm_map(size_t size);     /* zeroed, read and write; NULL on failure */
void *tpi_vm_reserve(size_t size); /* the same, but not counted until touched */
void tpi_vm_unmap(void *address, size_t size);
void tpi_vm_forget(void *address,
                   size_t size); /* gives the pages back, keeps the range; reads as 0 */
tp_err tpi_vm_guard(void *address,
                    size_t size); /* makes a range fault: MADV_GUARD_INSTALL or mprotect */
/* Never backs the range by huge pages: one touched byte must not cost two megabytes. */
void tpi_vm_small_pages(void *address, size_t size);
/* The whole huge pages in the range may be backed by such: for memory that will be used up, a page
 * fault for two megabytes in the place of 512. */
void tpi_vm_huge_pages(void *address, size_t size);
#define TPI_VM_HUGE_PAGE ((size_t)2 << 20)
/* As tpi_vm_map, placed so that huge pages can back all of it. */
void *tpi_vm_map_huge(size_t size);
/* As tpi_vm_reserve: small pages for the first `small` bytes (whole pages, less than a huge one),
 * huge ones behind. */
void *tpi_vm_reserve_from(size_t size, size_t small);
/* Bytes from the lowest page in memory to the range's end (a stack's touched part). Page-aligned
 * range. */
size_t tpi_vm_touched(void *address, size_t size);
size_t tpi_vm_page(void);
size_t tpi_vm_resident(void); /* this process's resident set in bytes */

#endif
