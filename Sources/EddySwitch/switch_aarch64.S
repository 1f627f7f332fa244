/*
 * The switch between stacks for aarch64, AAPCS64. What eddy_switch.h says of eddy_sw_switch and
 * eddy_sw_exit holds; frame.h builds the first frame in the layout written here.
 *
 * Invariants:
 * 1. A suspended stack holds, from its sp up: d8-d15, x19-x28, x29, x30 (the address to continue
 *    at), fpcr, 8 unused bytes: 176 bytes.
 * 2. The frame description (CFA = sp + offset) is the same for both stacks, so unwinding is right
 *    at each instruction, also at the one that changes stacks.
 * 3. It ends with ret only where both sides called from the same place: then the processor predicts
 *    that ret and the callers' after it. Elsewhere it ends with a plain branch, since a ret would
 *    be predicted to return to its own caller. No object here claims branch target identification,
 *    which would forbid that.
 * 4. fpcr is written only where the two sides differ; writing it is slow.
 *
 * Threads: a stack is switched to only on the thread that made it.
 */
#if defined(__aarch64__)

#define FRAME_BYTES 176

        .text

/* Where invariant 1 puts the registers, seen from the CFA. 72 to 79 are d8 to d15. */
.macro SAVED_PLACES
        .cfi_def_cfa_offset FRAME_BYTES
        .cfi_offset 72, -176
        .cfi_offset 73, -168
        .cfi_offset 74, -160
        .cfi_offset 75, -152
        .cfi_offset 76, -144
        .cfi_offset 77, -136
        .cfi_offset 78, -128
        .cfi_offset 79, -120
        .cfi_offset x19, -112
        .cfi_offset x20, -104
        .cfi_offset x21, -96
        .cfi_offset x22, -88
        .cfi_offset x23, -80
        .cfi_offset x24, -72
        .cfi_offset x25, -64
        .cfi_offset x26, -56
        .cfi_offset x27, -48
        .cfi_offset x28, -40
        .cfi_offset x29, -32
        .cfi_offset x30, -24
.endm

/* x9: fpcr of the side that is left, x12: where it would go on, or 0. Runs on the new stack. The
 * registers are described as saved until all are loaded: the frame still holds them. */
.macro RESUME
        ldr     x11, [sp, #160]
        cmp     x9, x11
        b.ne    2f
1:      ldp     d8, d9, [sp, #0]
        ldp     d10, d11, [sp, #16]
        ldp     d12, d13, [sp, #32]
        ldp     d14, d15, [sp, #48]
        ldp     x19, x20, [sp, #64]
        ldp     x21, x22, [sp, #80]
        ldp     x23, x24, [sp, #96]
        ldp     x25, x26, [sp, #112]
        ldp     x27, x28, [sp, #128]
        ldp     x29, x30, [sp, #144]
        .cfi_restore 72
        .cfi_restore 73
        .cfi_restore 74
        .cfi_restore 75
        .cfi_restore 76
        .cfi_restore 77
        .cfi_restore 78
        .cfi_restore 79
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
        add     sp, sp, #FRAME_BYTES
        .cfi_def_cfa_offset 0
        cmp     x30, x12
        b.ne    3f
        ret
3:      mov     x9, x30
        br      x9
        SAVED_PLACES
2:      msr     fpcr, x11
        b       1b
.endm

/* void eddy_sw_switch(eddy_sw_fiber *from, eddy_sw_fiber *to) */
        .globl  eddy_sw_switch
        .hidden eddy_sw_switch
        .type   eddy_sw_switch, %function
        .globl  eddy_sw_switch_raw
        .hidden eddy_sw_switch_raw
        .type   eddy_sw_switch_raw, %function
        .hidden eddy_sw_hooks
        .hidden eddy_sw_switch_hooked
        .hidden eddy_sw_exit_hooked
        .p2align 5
eddy_sw_switch:
        .cfi_startproc
        adrp    x9, eddy_sw_hooks
        ldrb    w9, [x9, :lo12:eddy_sw_hooks]
        cbz     w9, eddy_sw_switch_raw
        b       eddy_sw_switch_hooked
eddy_sw_switch_raw:
        sub     sp, sp, #FRAME_BYTES
        .cfi_def_cfa_offset FRAME_BYTES
        stp     d8, d9, [sp, #0]
        stp     d10, d11, [sp, #16]
        stp     d12, d13, [sp, #32]
        stp     d14, d15, [sp, #48]
        stp     x19, x20, [sp, #64]
        stp     x21, x22, [sp, #80]
        stp     x23, x24, [sp, #96]
        stp     x25, x26, [sp, #112]
        stp     x27, x28, [sp, #128]
        stp     x29, x30, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        SAVED_PLACES
        mov     x12, x30
        mov     x10, sp
        str     x10, [x0]
        ldr     x10, [x1]
        mov     sp, x10
        RESUME
        .cfi_endproc
        .size   eddy_sw_switch, . - eddy_sw_switch
        .size   eddy_sw_switch_raw, . - eddy_sw_switch_raw

/* void eddy_sw_exit(eddy_sw_fiber *from, eddy_sw_fiber *to): nothing of `from` is kept. */
        .globl  eddy_sw_exit
        .hidden eddy_sw_exit
        .type   eddy_sw_exit, %function
        .globl  eddy_sw_exit_raw
        .hidden eddy_sw_exit_raw
        .type   eddy_sw_exit_raw, %function
        .p2align 5
eddy_sw_exit:
        .cfi_startproc
        adrp    x9, eddy_sw_hooks
        ldrb    w9, [x9, :lo12:eddy_sw_hooks]
        cbz     w9, eddy_sw_exit_raw
        b       eddy_sw_exit_hooked
eddy_sw_exit_raw:
        mrs     x9, fpcr
        mov     x12, xzr
        ldr     x10, [x1]
        mov     sp, x10
        SAVED_PLACES
        RESUME
        .cfi_endproc
        .size   eddy_sw_exit, . - eddy_sw_exit
        .size   eddy_sw_exit_raw, . - eddy_sw_exit_raw

/*
 * Where a prepared fiber begins: it calls x21(x20, x19, x22), and ends by switching to the fiber
 * that this returns. Then the addresses on top of the processor's own stack of returns are those of
 * whoever resumed this one, so its ret is predicted, unless the other has not begun yet.
 *
 * The nop keeps the address before this one inside the function, since unwinders look up the caller
 * of a frame at its return address less one. The chain of frames ends here.
 */
        .globl  eddy_sw_entry
        .hidden eddy_sw_entry
        .type   eddy_sw_entry, %function
        .p2align 4
        .cfi_startproc
        .cfi_undefined x30
        nop
eddy_sw_entry:
        mov     x0, x20
        mov     x1, x19
        mov     x2, x22
        blr     x21
        mrs     x9, fpcr
        ldr     x10, [x0]
        mov     sp, x10
        SAVED_PLACES
        ldr     x12, [sp, #152]
        adr     x10, eddy_sw_entry
        cmp     x12, x10
        csel    x12, xzr, x12, eq
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
        .type   eddy_sw_borrow, %function
        .p2align 4
eddy_sw_borrow:
        .cfi_startproc
        mov     x9, sp
        stp     x9, x30, [x0, #-16]!
        mov     sp, x0
        .cfi_remember_state
        SAVED_PLACES
        .cfi_def_cfa_offset FRAME_BYTES + 16
        mov     x0, x2
        blr     x1
        ldp     x9, x30, [sp]
        mov     sp, x9
        .cfi_restore_state
        ret
        .cfi_endproc
        .size   eddy_sw_borrow, . - eddy_sw_borrow

#endif

#if defined(__linux__) && defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
