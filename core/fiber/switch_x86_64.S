/*
 * The switch of stacks for x86-64, System V ABI.
 *
 *   void *tpi_fiber_swap(void **save, void *load, void *value);
 *
 * Pushes what a call must preserve, stores the stack pointer in *save, takes up `load` (which an
 * earlier swap or tpi_fiber_frame made) and returns there with `value`. The two control words are
 * loaded only when they differ: loading costs more than the rest of the switch.
 *
 * The frame, from low to high: mxcsr (4), x87 control word (2, padded to 4), r15, r14, r13, r12,
 * rbx, rbp, return address. tpi_fiber_frame builds the first one of a fiber.
 */
#if defined(__x86_64__)

    .text
    .globl tpi_fiber_swap
    .hidden tpi_fiber_swap
    .type tpi_fiber_swap, @function
    .p2align 4
tpi_fiber_swap:
    .cfi_startproc
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbx, 0
    pushq %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    pushq %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r13, 0
    pushq %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r14, 0
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r15, 0
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movl (%rsp), %ecx
    movzwl 4(%rsp), %r8d

    movq %rsp, (%rdi)
    movq %rsi, %rsp             /* from here on this is the other stack; the frame looks the same */

    cmpl (%rsp), %ecx
    jne 2f
1:  cmpw 4(%rsp), %r8w
    jne 3f
4:  addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    .cfi_remember_state
    popq %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r15
    popq %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r14
    popq %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r13
    popq %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    popq %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbx
    popq %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore %rbp
    movq %rdx, %rax
    popq %rcx                   /* not `ret`: the processor would expect to return to our caller */
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmpq *%rcx
    .cfi_restore_state
    .cfi_adjust_cfa_offset 8
2:  ldmxcsr (%rsp)
    jmp 1b
3:  fldcw 4(%rsp)
    jmp 4b
    .cfi_endproc
    .size tpi_fiber_swap, . - tpi_fiber_swap

/* Where a fiber's first swap returns to: calls r12(previous fiber, r13), which never returns. */
    .globl tpi_fiber_start
    .hidden tpi_fiber_start
    .type tpi_fiber_start, @function
    .p2align 4
tpi_fiber_start:
    .cfi_startproc
    .cfi_undefined %rip         /* the end of every backtrace */
    movq %rax, %rdi
    movq %r13, %rsi
    xorl %ebp, %ebp
    call *%r12
    ud2
    .cfi_endproc
    .size tpi_fiber_start, . - tpi_fiber_start

/*
 * void *tpi_fiber_frame(void *top, void (*main)(previous, self), void *self): writes the frame of
 * a fiber that has not run yet below `top`, which is aligned to 16. Returns what swap takes as
 * `load`.
 */
    .globl tpi_fiber_frame
    .hidden tpi_fiber_frame
    .type tpi_fiber_frame, @function
    .p2align 4
tpi_fiber_frame:
    .cfi_startproc
    leaq -64(%rdi), %rax
    movl $0x1f80, (%rax)        /* the control words as every thread starts with them */
    movl $0x037f, 4(%rax)
    movq $0, 8(%rax)
    movq $0, 16(%rax)
    movq %rdx, 24(%rax)         /* r13 */
    movq %rsi, 32(%rax)         /* r12 */
    movq $0, 40(%rax)
    movq $0, 48(%rax)
    leaq tpi_fiber_start(%rip), %rcx
    movq %rcx, 56(%rax)
    ret
    .cfi_endproc
    .size tpi_fiber_frame, . - tpi_fiber_frame

#endif
    .section .note.GNU-stack, "", %progbits
