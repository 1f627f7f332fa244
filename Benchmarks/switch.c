/*
 * switch.c: the bare switch between two stacks, one way, which is the unit of the other figures.
 * It is the library's own switch, linked from its objects, with no scheduler above it.
 *
 * Threads: one.
 */
#include "bench.h"

int main(void)
{
    double best = 1e18;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        const double each = bench_switch_ns();
        if (each < best) best = each;
    }
    bench_row("bare switch, 2 stacks, warm", best, "ns", BENCH_NO_BOUND, "the unit \"switch\"");
    return 0;
}
