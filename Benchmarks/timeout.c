/*
 * timeout.c: opening and closing a timeout scope that does not expire, no other deadline on the
 * loop. One task. clock_reads.c counts what it asks of the clock.
 *
 * Threads: one.
 */
#include "bench.h"

static eddy_status_t body(void *context)
{
    bench_subject *subject = context;
    const int64_t begin = bench_now();
    for (int64_t i = 0; i < subject->operations; i++) {
        eddy_scope_t scope;
        EDDY_TRY(eddy_timeout_open(&scope, EDDY_SECONDS(5), NULL));
        EDDY_TRY(eddy_scope_close(scope, EDDY_OK));
    }
    subject->elapsed_ns = bench_now() - begin;
    return EDDY_OK;
}

int main(void)
{
    double best = 1e18;
    const int status = bench_main("timeout open + close, 1 task, warm", body, 25000, 25);
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        const int64_t begin = bench_now();
        double each;
        for (int i = 0; i < 9999; i++) (void)bench_now();
        each = (double)(bench_now() - begin) / 10000;
        if (each < best) best = each;
    }
    bench_row("one clock read", best, "ns", BENCH_NO_BOUND, "for comparison");
    return status;
}
