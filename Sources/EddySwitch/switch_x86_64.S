/*
 * The switch between stacks for x86_64, System V. What eddy_switch.h says of eddy_sw_switch and
 * eddy_sw_exit holds; frame.h builds the first frame in the layout written here.
 *
 * Invariants:
 * 1. A suspended stack holds, from its sp up: mxcsr (4 bytes), x87 control word (2), 2 unused,
 *    r15, r14, r13, r12, rbx, rbp, the address to continue at.
 * 2. The frame description (CFA = rsp + offset) is the same for both stacks, so unwinding is right
 *    at each instruction, also at the one that changes stacks.
 * 3. It ends with ret only where both sides called from the same place: then the processor predicts
 *    that ret and the callers' after it. Elsewhere it ends with pop and jmp, since a ret would be
 *    predicted to return to its own caller. Measured, two tasks: 3.5 ns a yield against 11 with jmp
 *    alone; a first entry and its end 8 ns against 27 with ret alone. No object here claims shadow
 *    stacks, which would forbid both.
 * 4. mxcsr and the control word are loaded only where the two sides differ; loading is slow. Sticky
 *    exception flags are no control bits and make no difference.
 *
 * Threads: a stack is switched to only on the thread that made it.
 */
#if defined(__x86_64__)

#define MXCSR_FLAGS 0x3f

        .text

/* %eax: mxcsr, %edx: control word of the side that is left, %r8: where it would go on, or 0. Runs
 * on the new stack. */
.macro RESUME
        movl    (%rsp), %ecx
        xorl    %eax, %ecx
        testl   $~MXCSR_FLAGS, %ecx
        jne     2f
1:      cmpw    4(%rsp), %dx
        jne     3f
4:      addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        cmpq    (%rsp), %r8
        jne     5f
        ret
5:      popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        jmpq    *%rcx
        .cfi_def_cfa_offset 64
        .cfi_offset %rip, -8
        SAVED_PLACES
2:      ldmxcsr (%rsp)
        jmp     1b
3:      fldcw   4(%rsp)
        jmp     4b
.endm

/* Where invariant 1 puts the registers, seen from the CFA. */
.macro SAVED_PLACES
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
.endm

/* void eddy_sw_switch(eddy_sw_fiber *from, eddy_sw_fiber *to) */
        .globl  eddy_sw_switch
        .hidden eddy_sw_switch
        .type   eddy_sw_switch, @function
        .globl  eddy_sw_switch_raw
        .hidden eddy_sw_switch_raw
        .type   eddy_sw_switch_raw, @function
        .hidden eddy_sw_hooks
        .hidden eddy_sw_switch_hooked
        .hidden eddy_sw_exit_hooked
        .p2align 5
eddy_sw_switch:
        .cfi_startproc
        cmpb    $0, eddy_sw_hooks(%rip)
        jne     eddy_sw_switch_hooked
eddy_sw_switch_raw:
        movq    (%rsp), %r8
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movl    (%rsp), %eax
        movzwl  4(%rsp), %edx
        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp
        RESUME
        .cfi_endproc
        .size   eddy_sw_switch, . - eddy_sw_switch
        .size   eddy_sw_switch_raw, . - eddy_sw_switch_raw

/* void eddy_sw_exit(eddy_sw_fiber *from, eddy_sw_fiber *to): nothing of `from` is kept. */
        .globl  eddy_sw_exit
        .hidden eddy_sw_exit
        .type   eddy_sw_exit, @function
        .globl  eddy_sw_exit_raw
        .hidden eddy_sw_exit_raw
        .type   eddy_sw_exit_raw, @function
        .p2align 5
eddy_sw_exit:
        .cfi_startproc
        cmpb    $0, eddy_sw_hooks(%rip)
        jne     eddy_sw_exit_hooked
eddy_sw_exit_raw:
        stmxcsr -8(%rsp)
        fnstcw  -4(%rsp)
        movl    -8(%rsp), %eax
        movzwl  -4(%rsp), %edx
        xorl    %r8d, %r8d
        movq    (%rsi), %rsp
        .cfi_def_cfa_offset 64
        SAVED_PLACES
        RESUME
        .cfi_endproc
        .size   eddy_sw_exit, . - eddy_sw_exit
        .size   eddy_sw_exit_raw, . - eddy_sw_exit_raw

/*
 * Where a prepared fiber begins: it calls r13(r12, rbx, r14), and ends by switching to the fiber
 * that this returns. Then the addresses on top of the processor's own stack of returns are those of
 * whoever resumed this one, so its ret is predicted, unless the other has not begun yet.
 *
 * The nop keeps the address before this one inside the function, since unwinders look up the caller
 * of a frame at its return address less one. The chain of frames ends here.
 */
        .globl  eddy_sw_entry
        .hidden eddy_sw_entry
        .type   eddy_sw_entry, @function
        .p2align 4
        .cfi_startproc
        .cfi_undefined %rip
        nop
eddy_sw_entry:
        movq    %r12, %rdi
        movq    %rbx, %rsi
        movq    %r14, %rdx
        callq   *%r13
        movq    %rax, %rsi
        stmxcsr -8(%rsp)
        fnstcw  -4(%rsp)
        movl    -8(%rsp), %eax
        movzwl  -4(%rsp), %edx
        movq    (%rsi), %rsp
        .cfi_def_cfa_offset 64
        .cfi_offset %rip, -8
        SAVED_PLACES
        movq    56(%rsp), %r8
        leaq    eddy_sw_entry(%rip), %rcx
        cmpq    %rcx, %r8
        jne     6f
        xorl    %r8d, %r8d
6:
        RESUME
        .cfi_endproc
        .size   eddy_sw_entry, . - eddy_sw_entry

/*
 * void eddy_sw_borrow(void *sp, void (*fn)(void *), void *argument): calls fn(argument) below the
 * frame that is saved at sp, on the stack of a suspended fiber, and comes back. An unwinder goes on
 * from fn into what is suspended there.
 */
        .globl  eddy_sw_borrow
        .hidden eddy_sw_borrow
        .type   eddy_sw_borrow, @function
        .p2align 4
eddy_sw_borrow:
        .cfi_startproc
        movq    %rsp, -16(%rdi)
        leaq    -16(%rdi), %rsp
        .cfi_remember_state
        .cfi_def_cfa_offset 64 + 16
        SAVED_PLACES
        movq    %rdx, %rdi
        callq   *%rsi
        movq    (%rsp), %rsp
        .cfi_restore_state
        ret
        .cfi_endproc
        .size   eddy_sw_borrow, . - eddy_sw_borrow

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
