/*
 * The switch of stacks for aarch64, AAPCS64.
 *
 *   void *tpi_fiber_swap(void **save, void *load, void *value);
 *
 * Stores what a call must preserve (x19-x30, d8-d15), and the stack pointer in *save; takes up
 * `load` (which an earlier swap or tpi_fiber_frame made) and returns there with `value`.
 *
 * The frame, from low to high: x19 ... x30 (12 words), d8 ... d15 (8 words). tpi_fiber_frame
 * builds the first one of a fiber.
 */
#if defined(__aarch64__)

    .text
    .globl tpi_fiber_swap
    .hidden tpi_fiber_swap
    .type tpi_fiber_swap, %function
    .p2align 4
tpi_fiber_swap:
    .cfi_startproc
    sub sp, sp, #160
    .cfi_adjust_cfa_offset 160
    stp x19, x20, [sp, #0]
    .cfi_rel_offset x19, 0
    .cfi_rel_offset x20, 8
    stp x21, x22, [sp, #16]
    .cfi_rel_offset x21, 16
    .cfi_rel_offset x22, 24
    stp x23, x24, [sp, #32]
    .cfi_rel_offset x23, 32
    .cfi_rel_offset x24, 40
    stp x25, x26, [sp, #48]
    .cfi_rel_offset x25, 48
    .cfi_rel_offset x26, 56
    stp x27, x28, [sp, #64]
    .cfi_rel_offset x27, 64
    .cfi_rel_offset x28, 72
    stp x29, x30, [sp, #80]
    .cfi_rel_offset x29, 80
    .cfi_rel_offset x30, 88
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]

    mov x9, sp
    str x9, [x0]
    mov sp, x1                  /* from here on this is the other stack; the frame looks the same */

    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    .cfi_adjust_cfa_offset -160
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore x29
    .cfi_restore x30
    mov x0, x2
    br x30                      /* not `ret`: the processor would expect to return to our caller */
    .cfi_endproc
    .size tpi_fiber_swap, . - tpi_fiber_swap

/* Where a fiber's first swap returns to: calls x19(previous fiber, x20), which never returns. */
    .globl tpi_fiber_start
    .hidden tpi_fiber_start
    .type tpi_fiber_start, %function
    .p2align 4
tpi_fiber_start:
    .cfi_startproc
    .cfi_undefined x30          /* the end of every backtrace */
    mov x1, x20
    mov x29, #0
    mov x30, #0
    blr x19
    brk #1
    .cfi_endproc
    .size tpi_fiber_start, . - tpi_fiber_start

/*
 * void *tpi_fiber_frame(void *top, void (*main)(previous, self), void *self): writes the frame of
 * a fiber that has not run yet below `top`, which is aligned to 16. Returns what swap takes as
 * `load`.
 */
    .globl tpi_fiber_frame
    .hidden tpi_fiber_frame
    .type tpi_fiber_frame, %function
    .p2align 4
tpi_fiber_frame:
    .cfi_startproc
    sub x0, x0, #160
    adr x3, tpi_fiber_start
    stp x1, x2, [x0, #0]        /* x19, x20 */
    stp xzr, xzr, [x0, #16]
    stp xzr, xzr, [x0, #32]
    stp xzr, xzr, [x0, #48]
    stp xzr, xzr, [x0, #64]
    stp xzr, x3, [x0, #80]      /* x29, x30 */
    stp xzr, xzr, [x0, #96]
    stp xzr, xzr, [x0, #112]
    stp xzr, xzr, [x0, #128]
    stp xzr, xzr, [x0, #144]
    ret
    .cfi_endproc
    .size tpi_fiber_frame, . - tpi_fiber_frame

#endif
    .section .note.GNU-stack, "", %progbits
