/*
 * What overflow.c and overflow_clash.c share: children that overflow a task's stack on purpose, one
 * fault each, and what they prove of it.
 *
 * In each child four tasks run. Two are the victim's neighbours in memory and hold full stacks. The
 * victim finds its stack and the guard below it page by page, takes sums of both neighbours' whole
 * stacks, and overflows. The SIGSEGV handler, on a stack of its own, checks that the address lies
 * in the guard and that neither neighbour has changed; if so it lets the child die of SIGSEGV, else
 * it exits with what was wrong.
 *
 * Includer: defines overflow(), which must not come back, and calls run_cases().
 * Threads: one. The loop is made after fork, since a loop does not survive one.
 */
#ifndef OVERFLOW_CASES_H
#define OVERFLOW_CASES_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "eddy.h"

#define STACK_BYTES ((uintptr_t)256 * 1024)
#define GUARD_BYTES ((uintptr_t)64 * 1024)
#define AT_ONCE 8

/* Exit statuses of a child. */
enum {
    WRONG_RETURNED = 10,    /* the overflow came back */
    WRONG_LOOP,             /* the loop could not be run */
    WRONG_GUARD,            /* the guard is not 64 KiB, or not right below the stack */
    WRONG_STACKS,           /* the neighbours are not where the test looks */
    WRONG_SIGNAL,           /* a fault of another kind */
    WRONG_ADDRESS,          /* the fault was not in the guard */
    WRONG_BELOW,            /* the stack below was written to */
    WRONG_ABOVE             /* the stack above was written to */
};

typedef struct overflow_case {
    uint32_t seed;
    size_t smallest, largest;   /* of the frames, in bytes */
} overflow_case;

static void overflow(const overflow_case *one);

static uint32_t draw(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 4;
}

/* ---- Where the stack is ---------------------------------------------------------------------- */

static int probe_pipe[2];
static uintptr_t page_bytes, stack_low;
static uint64_t sum_below, sum_above;

/* Asks the kernel, which gives EFAULT where the program would fault. */
static int can_read(uintptr_t at) {
    char byte;
    if (write(probe_pipe[1], (const void *)at, 1) != 1) return 0;
    return read(probe_pipe[0], &byte, 1) == 1;
}

/* Sets stack_low from the address of a local. 0, or what is wrong. */
static int find_stack(uintptr_t local) {
    uintptr_t low = local & ~(page_bytes - 1);
    while (can_read(low - page_bytes)) low -= page_bytes;
    if (local - low > STACK_BYTES || local - low < STACK_BYTES - 16 * 1024) return WRONG_STACKS;
    for (uintptr_t k = page_bytes; k <= GUARD_BYTES; k += page_bytes) {
        if (can_read(low - k) || can_read(low - k + page_bytes - 1)) return WRONG_GUARD;
    }
    if (!can_read(low - GUARD_BYTES - 1)) return WRONG_GUARD;
    stack_low = low;
    return 0;
}

static uint64_t sum_of(uintptr_t low) {
    const volatile uint64_t *words = (const volatile uint64_t *)low;
    uint64_t sum = 0;
    for (size_t i = 0; i < STACK_BYTES / 8; i++) sum = sum * 31 + words[i];
    return sum;
}

static uint64_t sum_of_below(void) { return sum_of(stack_low - GUARD_BYTES - STACK_BYTES); }
static uint64_t sum_of_above(void) { return sum_of(stack_low + STACK_BYTES + GUARD_BYTES); }

/* ---- The child ------------------------------------------------------------------------------- */

static volatile uintptr_t neighbour_at[2];

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    if (number != SIGSEGV) _exit(WRONG_SIGNAL);
    if (at >= stack_low || at < stack_low - GUARD_BYTES) _exit(WRONG_ADDRESS);
    if (sum_of_below() != sum_below) _exit(WRONG_BELOW);
    if (sum_of_above() != sum_above) _exit(WRONG_ABOVE);
    signal(SIGSEGV, SIG_DFL);   /* it faults again, and that is its end */
}

static eddy_status_t neighbour(void *context) {
    volatile char canary[200 * 1024];
    volatile uintptr_t *at = context;
    for (size_t i = 0; i < sizeof canary; i++) canary[i] = (char)(i * 7 + 1);
    *at = (uintptr_t)canary;
    for (;;) EDDY_TRY(eddy_yield());
}

static eddy_status_t victim(void *context) {
    char local = 0;
    /* Until both neighbours stand. */
    while (!neighbour_at[0] || !neighbour_at[1]) EDDY_TRY(eddy_yield());
    int wrong = find_stack((uintptr_t)&local);
    if (wrong) _exit(wrong);
    uintptr_t below = stack_low - GUARD_BYTES - STACK_BYTES;
    uintptr_t above = stack_low + STACK_BYTES + GUARD_BYTES;
    int found = 0;
    for (int i = 0; i < 2; i++) {
        found += neighbour_at[i] - below < STACK_BYTES || neighbour_at[i] - above < STACK_BYTES;
    }
    if (found != 2) _exit(WRONG_STACKS);
    sum_below = sum_of_below();
    sum_above = sum_of_above();
    overflow(context);
    _exit(WRONG_RETURNED);
}

static eddy_status_t root(void *context) {
    EDDY_TRY(eddy_task_spawn(neighbour, (void *)&neighbour_at[0], NULL, NULL));
    EDDY_TRY(eddy_task_spawn(victim, context, NULL, NULL));
    EDDY_TRY(eddy_task_spawn(neighbour, (void *)&neighbour_at[1], NULL, NULL));
    for (;;) EDDY_TRY(eddy_yield());
}

static void be_child(const overflow_case *one) {
    static char handler_stack[64 * 1024];
    stack_t stack;
    struct sigaction action;
    memset(&stack, 0, sizeof stack);
    memset(&action, 0, sizeof action);
    stack.ss_sp = handler_stack;
    stack.ss_size = sizeof handler_stack;
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGSEGV, &action, NULL) != 0 ||
        sigaction(SIGBUS, &action, NULL) != 0 || pipe(probe_pipe) != 0) {
        _exit(WRONG_LOOP);
    }
    eddy_run(NULL, root, (void *)one);
    _exit(WRONG_LOOP);
}

/* ---- The parent ------------------------------------------------------------------------------ */

static int wait_for_one(void) {
    int status = 0;
    if (waitpid(-1, &status, 0) < 0) return 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) return 1;
    if (WIFEXITED(status)) {
        printf("a child exited with %d, see overflow_cases.h\n", WEXITSTATUS(status));
    } else {
        printf("a child ended with wait status %#x\n", status);
    }
    return 0;
}

/* Runs `count` cases with frames of smallest to largest bytes, and prints how many were right.
 * Returns 0 or 1. */
static int run_with_guard(const char *what, int count, size_t smallest, size_t largest) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    int running = 0, right = 0;
    for (int i = 0; i < count; i++) {
        overflow_case one = {(uint32_t)i * 7919u + 1, smallest, largest};
        fflush(NULL);
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            break;
        }
        if (child == 0) be_child(&one);
        if (++running == AT_ONCE) {
            right += wait_for_one();
            running--;
        }
    }
    for (; running > 0; running--) right += wait_for_one();
    printf("%d of %d %s faulted in the guard and wrote nowhere else\n", right, count, what);
    return right == count ? 0 : 1;
}

/* run_with_guard for the kernel's best guards and for older kernels' too. Main's exit status. */
static int run_cases(const char *what, int count, size_t smallest, size_t largest) {
    int wrong = run_with_guard(what, count, smallest, largest);
    setenv("EDDY_STACK_GUARD", "mprotect", 1);
    wrong += run_with_guard(what, count, smallest, largest);
    return wrong == 0 ? 0 : 1;
}

#endif
