/*
 * The first frame of a fiber, for each processor: what a switch finds on a stack that has not run
 * yet. Must agree with the layout at the top of switch_*.S. Internal; uses no library, so that the
 * freestanding test of the assembly can include it.
 *
 * Threads: any; it writes only the stack it is given.
 */
#ifndef EDDY_SW_FRAME_H
#define EDDY_SW_FRAME_H

#include <stdint.h>

/* Floating-point control as a fiber starts with it. On x86_64 mxcsr below, x87's word in bits 32 to
 * 47; on aarch64 fpcr. */
typedef uint64_t eddy_sw_fp_control;

#if defined(__x86_64__)
#define EDDY_SW_FP_DEFAULT ((eddy_sw_fp_control)0x0000037f00001f80)
#define EDDY_SW_FRAME_BYTES 80
#elif defined(__aarch64__)
#define EDDY_SW_FP_DEFAULT ((eddy_sw_fp_control)0)
#define EDDY_SW_FRAME_BYTES 192
#else
#error "Eddy switches stacks on x86_64 and aarch64 only"
#endif

/* In switch_*.S; never called, only continued at. */
extern void eddy_sw_entry(void) __attribute__((visibility("hidden")));

static inline eddy_sw_fp_control eddy_sw_fp_read(void) {
#if defined(__x86_64__)
    uint32_t mxcsr;
    uint16_t word;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return (uint64_t)(mxcsr & ~UINT32_C(0x3f)) | (uint64_t)word << 32;
#else
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
#endif
}

/* What a fiber begins with. It may return the fiber to go on with, which ends this one. */
typedef void *(*eddy_sw_start)(void *argument, void *entry, void *fiber);

/* Writes the frame right below `top`, a multiple of 16, and returns its sp. Two words of zeros stay
 * above, where a walker of frame pointers ends. */
static inline void *eddy_sw_frame_build(void *top, eddy_sw_fp_control fp_control,
                                        eddy_sw_start start, void *argument, void *entry,
                                        void *fiber) {
    uint64_t *words = (uint64_t *)((char *)top - EDDY_SW_FRAME_BYTES);
    for (int i = 0; i < EDDY_SW_FRAME_BYTES / 8; i++) words[i] = 0;
#if defined(__x86_64__)
    words[0] = fp_control;
    words[2] = (uint64_t)(uintptr_t)fiber;           /* r14 */
    words[3] = (uint64_t)(uintptr_t)start;           /* r13 */
    words[4] = (uint64_t)(uintptr_t)argument;        /* r12 */
    words[5] = (uint64_t)(uintptr_t)entry;           /* rbx */
    words[7] = (uint64_t)(uintptr_t)eddy_sw_entry;
#else
    words[8] = (uint64_t)(uintptr_t)entry;           /* x19 */
    words[9] = (uint64_t)(uintptr_t)argument;        /* x20 */
    words[10] = (uint64_t)(uintptr_t)start;          /* x21 */
    words[11] = (uint64_t)(uintptr_t)fiber;          /* x22 */
    words[19] = (uint64_t)(uintptr_t)eddy_sw_entry;  /* x30 */
    words[20] = fp_control;
#endif
    return words;
}

#endif
