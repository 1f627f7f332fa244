/*
 * bench.h: what the benchmark programs share: a clock, the bare switch as unit, rounds in which
 * subject and reference alternate, and the rows that run.sh reads.
 *
 * Invariants:
 *   1. A figure is a minimum over at least 7 rounds; a ratio is the ratio of two such minima, of
 *      subject and reference rounds that alternated in one process.
 *   2. Rounds are short (about 1 ms) and many, so that on a busy machine, or one that changes its
 *      frequency, both sides have some in its best state.
 *   3. A row is one line of tab-separated fields on stdout; anything that goes wrong ends the
 *      program with a text on stderr and status 1.
 *
 * Threads: one. The reference runs on the thread's own stack, outside the loop; the subject is a
 * root task of the same thread's loop, so both see the same core and the same caches.
 */
#ifndef EDDY_BENCH_H
#define EDDY_BENCH_H

#include "eddy.h"
#include "eddy_switch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define BENCH_ROUNDS 101

/* Ends the program if a call of the subject failed: a figure of a failing call says nothing. */
#define BENCH_OK(expr) bench_expect((expr), #expr, __FILE__, __LINE__)
static inline void bench_expect(eddy_status_t status, const char *text, const char *file, int line)
{
    if (status == EDDY_OK) return;
    fprintf(stderr, "%s:%d: %s gave %s\n", file, line, text, eddy_status_name(status));
    exit(1);
}

static inline int64_t bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The same numbers in each run: xorshift, 64 bits. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* ---- Rows ---- */

#define BENCH_NO_BOUND (-1.0)

/* Prints one figure. value, in unit, must not be above bound, if there is one; the rest is detail
 * for people. run.sh keeps the row with the smallest value when it repeats a program. */
static inline void bench_row(const char *figure, double value, const char *unit, double bound,
                             const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static inline void bench_row(const char *figure, double value, const char *unit, double bound,
                             const char *format, ...)
{
    va_list list;
    printf("row\t%s\t%.4f\t%s\t", figure, value, unit);
    if (bound < 0) printf("-\t");
    else printf("%g\t", bound);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
}

/* ---- The unit ---- */

#define BENCH_SWITCHES 200000
#define BENCH_SWITCH_STACK 65536

typedef struct bench_switcher {
    eddy_sw_fiber thread, fiber;
} bench_switcher;

static inline void bench_switch_back(void *context)
{
    bench_switcher *switcher = context;
    for (;;) eddy_sw_switch(&switcher->fiber, &switcher->thread);
}

/* Nanoseconds of one switch, one way, between two stacks. The fiber is left suspended at the end of
 * the program; it owns nothing. */
static inline double bench_switch_ns(void)
{
    static bench_switcher switcher;
    static int ready;
    int64_t begin;
    if (!ready) {
        void *low = mmap(NULL, BENCH_SWITCH_STACK, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (low == MAP_FAILED) {
            perror("mmap");
            exit(1);
        }
        eddy_sw_fiber_adopt(&switcher.thread);
        eddy_sw_fiber_init(&switcher.fiber, low, BENCH_SWITCH_STACK);
        eddy_sw_fiber_prepare(&switcher.fiber, 0, bench_switch_back, &switcher);
        eddy_sw_switch(&switcher.thread, &switcher.fiber);
        ready = 1;
    }
    begin = bench_now();
    for (int i = 0; i < BENCH_SWITCHES / 2; i++) {
        eddy_sw_switch(&switcher.thread, &switcher.fiber);
    }
    return (double)(bench_now() - begin) / BENCH_SWITCHES;
}

/* ---- Rounds ---- */

/* One measured thing: body is a task function that does `operations` of it and stores how long they
 * took, without its own set-up. */
typedef struct bench_subject {
    eddy_task_fn body;
    int64_t operations;
    int64_t elapsed_ns;
    double subject_ns;      /* results: minima, per operation */
    double switch_ns;
} bench_subject;

/* Alternates switch rounds and subject rounds on a loop that lives through all of them: what is
 * pooled stays pooled, so all figures from here are warm. */
static inline void bench_rounds(eddy_loop_t loop, bench_subject *subject, int rounds)
{
    subject->subject_ns = subject->switch_ns = 1e18;
    for (int round = -1; round < rounds; round++) {
        const double unit = bench_switch_ns();
        double each;
        BENCH_OK(eddy_loop_run(loop, subject->body, subject, NULL));
        each = (double)subject->elapsed_ns / (double)subject->operations;
        if (round < 0) continue;     /* the first is warm-up for both */
        if (unit < subject->switch_ns) subject->switch_ns = unit;
        if (each < subject->subject_ns) subject->subject_ns = each;
    }
}

/* The row of a subject measured in switches. */
static inline void bench_switch_row(const char *figure, const bench_subject *subject, double bound)
{
    bench_row(figure, subject->subject_ns / subject->switch_ns, "switches", bound,
              "%.1f ns, switch %.2f ns", subject->subject_ns, subject->switch_ns);
}

/* A whole program that measures one body. */
static inline int bench_main(const char *figure, eddy_task_fn body, int64_t operations,
                             double bound)
{
    bench_subject subject = { body, operations, 0, 0, 0 };
    eddy_loop_t loop;
    BENCH_OK(eddy_loop_create(NULL, &loop));
    bench_rounds(loop, &subject, BENCH_ROUNDS);
    BENCH_OK(eddy_loop_shutdown(loop));
    BENCH_OK(eddy_loop_close(loop));
    bench_switch_row(figure, &subject, bound);
    return 0;
}

#endif /* EDDY_BENCH_H */
