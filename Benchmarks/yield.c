/*
 * yield.c: one eddy_yield with N tasks that do nothing else; N is the argument. The bound holds
 * with 2 tasks. With many the figure is that of the caches: each step finds a stack that is cold.
 *
 * Invariant: N - 1 yielders live through all rounds; the root task of a round is the N-th. One
 * yield of the root is one step of each, so a pass is N yields.
 * Threads: one.
 */
#include "bench.h"

static int stopping;
static int64_t live;
static int64_t wanted;

static eddy_status_t yielder(void *context)
{
    (void)context;
    while (!stopping) EDDY_TRY(eddy_yield());
    live--;
    return EDDY_OK;
}

/* As many as the kernel allows: running out of stacks ends the spawning, not the program. */
static eddy_status_t spawn_all(void *context)
{
    (void)context;
    while (live < wanted - 1) {
        const eddy_status_t status = eddy_task_spawn(yielder, NULL, NULL, NULL);
        if (status == EDDY_ENOMEM && live > 0) break;
        EDDY_TRY(status);
        live++;
    }
    return eddy_yield();
}

static eddy_status_t stop_all(void *context)
{
    (void)context;
    stopping = 1;
    while (live > 0) EDDY_TRY(eddy_yield());
    return EDDY_OK;
}

static eddy_status_t pass(void *context)
{
    bench_subject *subject = context;
    const int64_t passes = subject->operations / (live + 1);
    const int64_t begin = bench_now();
    for (int64_t i = 0; i < passes; i++) EDDY_TRY(eddy_yield());
    subject->elapsed_ns = bench_now() - begin;
    return EDDY_OK;
}

int main(int argc, char **argv)
{
    bench_subject subject = { pass, 0, 0, 0, 0 };
    eddy_loop_t loop;
    int64_t passes;
    char figure[64];
    wanted = argc > 1 ? atoll(argv[1]) : 2;
    if (wanted < 2) return 1;
    BENCH_OK(eddy_loop_create(NULL, &loop));
    BENCH_OK(eddy_loop_run(loop, spawn_all, NULL, NULL));
    passes = 300000 / (live + 1);
    subject.operations = (passes > 0 ? passes : 1) * (live + 1);
    bench_rounds(loop, &subject, wanted > 10000 ? 9 : BENCH_ROUNDS);
    snprintf(figure, sizeof figure, "yield, %" PRId64 " tasks, warm", live + 1);
    bench_switch_row(figure, &subject, wanted == 2 ? 4 : BENCH_NO_BOUND);
    BENCH_OK(eddy_loop_run(loop, stop_all, NULL, NULL));
    BENCH_OK(eddy_loop_shutdown(loop));
    BENCH_OK(eddy_loop_close(loop));
    return 0;
}
