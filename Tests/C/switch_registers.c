/*
 * Proves eddy_switch.h, Fibers: a switch keeps the callee-saved registers and floating-point
 * control, and a new fiber starts with the control that its thread had when it was adopted.
 *
 * Threads: one.
 */
#define _GNU_SOURCE
#include <stdint.h>

#include "../Switch/switch_fibers.h"

/* ---- Registers ------------------------------------------------------------------------------ */

#if defined(__x86_64__)
/* Fills every callee-saved register with values made of `seed`, switches, and returns how many have
 * changed when it is back. */
int64_t switch_and_count_changed(eddy_sw_fiber *from, eddy_sw_fiber *to, int64_t seed);
__asm__(".text\n"
        "switch_and_count_changed:\n"
        ".cfi_startproc\n"
        "  pushq %rbp\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %rbp, 0\n"
        "  pushq %rbx\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %rbx, 0\n"
        "  pushq %r12\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %r12, 0\n"
        "  pushq %r13\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %r13, 0\n"
        "  pushq %r14\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %r14, 0\n"
        "  pushq %r15\n .cfi_adjust_cfa_offset 8\n .cfi_rel_offset %r15, 0\n"
        "  pushq %rdx\n .cfi_adjust_cfa_offset 8\n"
        "  leaq 1(%rdx), %rbx\n"
        "  leaq 2(%rdx), %rbp\n"
        "  leaq 3(%rdx), %r12\n"
        "  leaq 4(%rdx), %r13\n"
        "  leaq 5(%rdx), %r14\n"
        "  leaq 6(%rdx), %r15\n"
        "  call eddy_sw_switch\n"
        "  popq %rdx\n .cfi_adjust_cfa_offset -8\n"
        "  xorl %eax, %eax\n"
        "  leaq 1(%rdx), %rcx\n cmpq %rcx, %rbx\n setne %cl\n movzbl %cl, %ecx\n addl %ecx, %eax\n"
        "  leaq 2(%rdx), %rcx\n cmpq %rcx, %rbp\n setne %cl\n movzbl %cl, %ecx\n addl %ecx, %eax\n"
        "  leaq 3(%rdx), %rcx\n cmpq %rcx, %r12\n setne %cl\n movzbl %cl, %ecx\n addl %ecx, %eax\n"
        "  leaq 4(%rdx), %rcx\n cmpq %rcx, %r13\n setne %cl\n movzbl %cl, %ecx\n addl %ecx, %eax\n"
        "  leaq 5(%rdx), %rcx\n cmpq %rcx, %r14\n setne %cl\n movzbl %cl, %ecx\n addl %ecx, %eax\n"
        "  leaq 6(%rdx), %rcx\n cmpq %rcx, %r15\n setne %cl\n movzbl %cl, %ecx\n addl %ecx, %eax\n"
        "  popq %r15\n .cfi_adjust_cfa_offset -8\n .cfi_restore %r15\n"
        "  popq %r14\n .cfi_adjust_cfa_offset -8\n .cfi_restore %r14\n"
        "  popq %r13\n .cfi_adjust_cfa_offset -8\n .cfi_restore %r13\n"
        "  popq %r12\n .cfi_adjust_cfa_offset -8\n .cfi_restore %r12\n"
        "  popq %rbx\n .cfi_adjust_cfa_offset -8\n .cfi_restore %rbx\n"
        "  popq %rbp\n .cfi_adjust_cfa_offset -8\n .cfi_restore %rbp\n"
        "  ret\n"
        ".cfi_endproc\n");
#else
/* Tests/Switch/aarch64_switch_test.c does it for aarch64. */
static int64_t switch_and_count_changed(eddy_sw_fiber *from, eddy_sw_fiber *to, int64_t seed) {
    (void)seed;
    eddy_sw_switch(from, to);
    return 0;
}
#endif

static void registers_entry(void *argument) {
    place *p = argument;
    for (int i = 0; i < 1000; i++) {
        CHECK(switch_and_count_changed(&p->fibers[0], &p->home, -1000000 * i) == 0);
    }
    p->steps = -1;
    eddy_sw_exit(&p->fibers[0], &p->home);
}

static void test_registers(place *p) {
    fiber_make(&p->fibers[0]);
    p->steps = 0;
    eddy_sw_fiber_prepare(&p->fibers[0], 0, registers_entry, p);
    for (int64_t i = 0; p->steps >= 0; i++) {
        CHECK(switch_and_count_changed(&p->home, &p->fibers[0], INT64_C(77000000000) * i) == 0);
    }
    fiber_end(&p->fibers[0]);
}

/* ---- Floating-point control ----------------------------------------------------------------- */

/* Rounding as the processor counts it, 0 to 3, in every control register. No <fenv.h>: that would
 * need the mathematics library. */
static uint64_t fp_control(void) {
#if defined(__x86_64__)
    uint32_t mxcsr;
    uint16_t word;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return (mxcsr & 0xffc0) | (uint64_t)word << 32;
#else
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
#endif
}

static void set_rounding(uint32_t mode) {
#if defined(__x86_64__)
    uint32_t mxcsr = 0x1f80 | mode << 13;
    uint16_t word = (uint16_t)(0x037f | mode << 10);
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    __asm__ volatile("fldcw %0" : : "m"(word));
#else
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode << 22));
#endif
}

static uint64_t adopted;

static void rounding_entry(void *argument) {
    place *p = argument;
    CHECK(fp_control() == adopted);
    set_rounding(2);
    uint64_t mine = fp_control();
    for (int i = 0; i < 10; i++) {
        eddy_sw_switch(&p->fibers[0], &p->home);
        CHECK(fp_control() == mine);
    }
#if defined(__x86_64__)
    /* The second control register alone. */
    uint16_t word = 0x037f;
    __asm__ volatile("fldcw %0" : : "m"(word));
    eddy_sw_switch(&p->fibers[0], &p->home);
    CHECK(fp_control() >> 32 == word);
#endif
    p->steps = -1;
    eddy_sw_exit(&p->fibers[0], &p->home);
}

/* A fiber starts with the control of the thread when that was adopted, and each keeps its own. */
static void test_fp_control(place *p) {
    set_rounding(1);
    adopted = fp_control();
    eddy_sw_fiber_adopt(&p->home);
    set_rounding(3);
    uint64_t mine = fp_control();
    CHECK(mine != adopted);
    fiber_make(&p->fibers[0]);
    p->steps = 0;
    eddy_sw_fiber_prepare(&p->fibers[0], 0, rounding_entry, p);
    while (p->steps == 0) {
        eddy_sw_switch(&p->home, &p->fibers[0]);
        CHECK(fp_control() == mine);
    }
    fiber_end(&p->fibers[0]);
    set_rounding(0);
    eddy_sw_fiber_adopt(&p->home);
}

int main(void) {
    static place p;
    eddy_sw_fiber_adopt(&p.home);
    test_registers(&p);
    test_fp_control(&p);
    puts("switch_registers: ok");
    return 0;
}
