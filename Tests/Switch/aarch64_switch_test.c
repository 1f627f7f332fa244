/*
 * Tests the aarch64 assembly of EddySwitch without a C library for that processor: run_aarch64.sh
 * builds it freestanding and runs it under qemu-user. Proves what eddy_switch.h says of
 * eddy_sw_switch and eddy_sw_exit: callee-saved registers, floating-point control and the stack
 * survive, an ended fiber's stack can be used again, and a switch asks for tools first.
 *
 * Threads: one.
 */
#include "../../Sources/EddySwitch/frame.h"
#include "../../Sources/EddySwitch/include/eddy_switch.h"

#define STACK_BYTES ((size_t)16 * 1024)
#define FIBERS 4

/* ---- System calls --------------------------------------------------------------------------- */

static long system_call(long number, long a, long b, long c) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}

static void say(const char *text) {
    long length = 0;
    while (text[length]) length++;
    system_call(64, 1, (long)text, length);
}

static void leave_process(int status) {
    for (;;) system_call(94, status, 0, 0);
}

#define TEXT_OF_(line) #line
#define TEXT_OF(line) TEXT_OF_(line)
#define CHECK(what)                                                                               \
    do {                                                                                          \
        if (!(what)) {                                                                            \
            say("aarch64_switch_test.c:" TEXT_OF(__LINE__) ": failed: " #what "\n");              \
            leave_process(1);                                                                     \
        }                                                                                         \
    } while (0)

/* The compiler may ask for these two. */
void *memset(void *to, int value, size_t bytes) {
    volatile char *at = to;
    while (bytes-- > 0) *at++ = (char)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes) {
    volatile char *at = to;
    const char *next = from;
    while (bytes-- > 0) *at++ = *next++;
    return to;
}

/* ---- What fiber.c gives the assembly -------------------------------------------------------- */

EDDY_SW_HIDDEN uint8_t eddy_sw_hooks;
EDDY_SW_HIDDEN void eddy_sw_switch_raw(eddy_sw_fiber *from, eddy_sw_fiber *to);
EDDY_SW_HIDDEN void eddy_sw_exit_raw(eddy_sw_fiber *from, eddy_sw_fiber *to);
EDDY_SW_HIDDEN void eddy_sw_switch_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to);
EDDY_SW_HIDDEN void eddy_sw_exit_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to);

static int hooked_switches, hooked_exits;

void eddy_sw_switch_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to) {
    hooked_switches++;
    eddy_sw_switch_raw(from, to);
}

void eddy_sw_exit_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to) {
    hooked_exits++;
    eddy_sw_exit_raw(from, to);
}

static eddy_sw_fiber home, fibers[FIBERS];

static void *start(void *argument, void *entry, void *fiber) {
    CHECK((eddy_sw_fiber *)fiber >= fibers && (eddy_sw_fiber *)fiber < fibers + FIBERS);
    ((void (*)(void *))(uintptr_t)entry)(argument);
    CHECK(!"an entry that must exit returned");
    return NULL;
}

static _Alignas(16) char stacks[FIBERS][STACK_BYTES];

static void prepare(int i, size_t skip_bytes, void (*entry)(void *), void *argument) {
    fibers[i].sp = eddy_sw_frame_build(stacks[i] + STACK_BYTES - skip_bytes, EDDY_SW_FP_DEFAULT,
                                       start, argument, (void *)(uintptr_t)entry, &fibers[i]);
}

/* ---- Registers ------------------------------------------------------------------------------ */

/* values: x19 to x28, then d8 to d15. Loads them, switches, and stores what it finds afterwards in
 * values + 18. */
void switch_with(eddy_sw_fiber *from, eddy_sw_fiber *to, uint64_t values[36]);
__asm__(".text\n"
        ".globl switch_with\n"
        "switch_with:\n"
        "  sub sp, sp, #176\n"
        "  stp x19, x20, [sp, #0]\n"
        "  stp x21, x22, [sp, #16]\n"
        "  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n"
        "  stp x27, x28, [sp, #64]\n"
        "  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n"
        "  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n"
        "  stp d14, d15, [sp, #144]\n"
        "  str x2, [sp, #160]\n"
        "  ldp x19, x20, [x2, #0]\n"
        "  ldp x21, x22, [x2, #16]\n"
        "  ldp x23, x24, [x2, #32]\n"
        "  ldp x25, x26, [x2, #48]\n"
        "  ldp x27, x28, [x2, #64]\n"
        "  ldp d8, d9, [x2, #80]\n"
        "  ldp d10, d11, [x2, #96]\n"
        "  ldp d12, d13, [x2, #112]\n"
        "  ldp d14, d15, [x2, #128]\n"
        "  mov x29, sp\n"
        "  bl eddy_sw_switch\n"
        "  cmp sp, x29\n"
        "  b.ne 9f\n"
        "  ldr x2, [sp, #160]\n"
        "  add x2, x2, #144\n"
        "  stp x19, x20, [x2, #0]\n"
        "  stp x21, x22, [x2, #16]\n"
        "  stp x23, x24, [x2, #32]\n"
        "  stp x25, x26, [x2, #48]\n"
        "  stp x27, x28, [x2, #64]\n"
        "  stp d8, d9, [x2, #80]\n"
        "  stp d10, d11, [x2, #96]\n"
        "  stp d12, d13, [x2, #112]\n"
        "  stp d14, d15, [x2, #128]\n"
        "9: ldp x19, x20, [sp, #0]\n"
        "  ldp x21, x22, [sp, #16]\n"
        "  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n"
        "  ldp x27, x28, [sp, #64]\n"
        "  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n"
        "  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n"
        "  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #176\n"
        "  ret\n");

static uint64_t read_fpcr(void) { return eddy_sw_fp_read(); }
static void write_fpcr(uint64_t value) { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }

static void switch_and_check(eddy_sw_fiber *from, eddy_sw_fiber *to, uint64_t seed) {
    uint64_t values[36];
    for (int i = 0; i < 18; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        values[i] = seed;
        values[18 + i] = 0;
    }
    uint64_t fpcr = read_fpcr();
    switch_with(from, to, values);
    for (int i = 0; i < 18; i++) CHECK(values[18 + i] == values[i]);
    CHECK(read_fpcr() == fpcr);
}

static int ended;

static void registers_entry(void *argument) {
    int self = (int)(uintptr_t)argument;
    CHECK(read_fpcr() == EDDY_SW_FP_DEFAULT);
    write_fpcr((uint64_t)(self & 3) << 22);   /* the rounding mode */
    for (int i = 0; i < 2000; i++) {
        /* Now and then straight to another fiber; that none has ended yet, home sees to. */
        eddy_sw_fiber *to = i % 3 == 0 ? &fibers[(self + 1) % FIBERS] : &home;
        switch_and_check(&fibers[self], to, (uint64_t)i * 977 + (uint64_t)self);
    }
    ended++;
    eddy_sw_exit(&fibers[self], &home);
}

/* Until the first has ended; the others stay suspended, which costs nothing. */
static void test_registers(void) {
    write_fpcr((uint64_t)3 << 22);
    ended = 0;
    for (int i = 0; i < FIBERS; i++) {
        prepare(i, (size_t)i * 64, registers_entry, (void *)(uintptr_t)i);
    }
    for (uint64_t round = 0; ended == 0; round++) {
        switch_and_check(&home, &fibers[round % FIBERS], round);
    }
    CHECK(ended == 1);
    write_fpcr(0);
}

/* ---- The stack, and the same stack again ---------------------------------------------------- */

static uint64_t sum;

static void one_task(void *argument) {
    _Alignas(16) volatile uint64_t local[32];
    CHECK(((uintptr_t)local & 15) == 0);
    uint64_t number = (uint64_t)(uintptr_t)argument;
    for (int i = 0; i < 32; i++) local[i] = number + (uint64_t)i;
    if (number % 3 == 0) eddy_sw_switch(&fibers[0], &home);
    for (int i = 0; i < 32; i++) CHECK(local[i] == number + (uint64_t)i);
    sum += number;
    eddy_sw_exit(&fibers[0], &home);
}

static void test_reuse(uint64_t count) {
    sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        prepare(0, (size_t)(i % 8) * 16, one_task, (void *)(uintptr_t)i);
        eddy_sw_switch(&home, &fibers[0]);
        if (i % 3 == 0) eddy_sw_switch(&home, &fibers[0]);
    }
    CHECK(sum == count * (count - 1) / 2);
}

/* ---- Ending by returning --------------------------------------------------------------------- */

/* Each goes on with the next, which has not begun; the last one goes home. */
static void *returning(void *argument, void *entry, void *fiber) {
    CHECK(fiber == argument && entry == NULL);
    sum++;
    write_fpcr((uint64_t)2 << 22);   /* home has another */
    if (sum % 2 == 0) eddy_sw_switch(fiber, &home);
    return fiber == &fibers[FIBERS - 1] ? &home : (eddy_sw_fiber *)fiber + 1;
}

static void test_returning(void) {
    sum = 0;
    for (int round = 0; round < 10000; round++) {
        for (int i = 0; i < FIBERS; i++) {
            fibers[i].sp = eddy_sw_frame_build(stacks[i] + STACK_BYTES, EDDY_SW_FP_DEFAULT,
                                               returning, &fibers[i], NULL, &fibers[i]);
        }
        switch_and_check(&home, &fibers[0], (uint64_t)round);
        for (int i = 1; i < FIBERS; i += 2) switch_and_check(&home, &fibers[i], (uint64_t)i);
    }
    CHECK(sum == (uint64_t)FIBERS * 10000);
}

/* ---- Tools ---------------------------------------------------------------------------------- */

static void test_hooks(void) {
    eddy_sw_hooks = 1;
    hooked_switches = hooked_exits = 0;
    test_reuse(9);
    eddy_sw_hooks = 0;
    CHECK(hooked_switches == 9 + 3 * 2 && hooked_exits == 9);
}

__attribute__((used)) static void run(void) {
    test_registers();
    test_reuse(100000);
    test_returning();
    test_hooks();
    CHECK(hooked_exits == 9);   /* none has come since */
    say("aarch64 switch: ok\n");
    leave_process(0);
}

__asm__(".text\n"
        ".globl _start\n"
        "_start:\n"
        "  mov x29, xzr\n"
        "  mov x30, xzr\n"
        "  bl run\n");
