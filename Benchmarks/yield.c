/*
 * yield.c: one eddy_yield with N tasks that do nothing else; N is the argument. The bound holds
 * with 2 tasks. With many the figure is that of the caches: each step finds a stack that is cold.
 * "yield N apart" gives every other task a call of its own, which defeats the processor's
 * prediction of returns: a return then goes to where another task called from. Printed, no bound.
 *
 * Invariants: N tasks live through all rounds. In a round each yields as often as the others, so
 * that one yield of the first is one step of each; the first one times its own. The root task
 * waits meanwhile and takes no step.
 * Threads: one.
 */
#include "bench.h"

static eddy_future_t go, done;
static int64_t wanted, live, left, passes, elapsed_ns;
static int apart, stopping;

static eddy_status_t yield_here(void)
{
    for (int64_t i = 0; i < passes; i++) EDDY_TRY(eddy_yield());
    return EDDY_OK;
}

static eddy_status_t yield_there(void)
{
    for (int64_t i = 0; i < passes; i++) EDDY_TRY(eddy_yield());
    return EDDY_OK;
}

static eddy_status_t yielder(void *context)
{
    const int64_t number = (int64_t)(intptr_t)context;
    while (!stopping) {
        int64_t begin;
        EDDY_TRY(eddy_future_wait(go, NULL));
        begin = bench_now();
        EDDY_TRY(apart && number % 2 != 0 ? yield_there() : yield_here());
        if (number == 0) elapsed_ns = bench_now() - begin;
        if (--left == 0) EDDY_TRY(eddy_future_complete(done, NULL, NULL));
    }
    return EDDY_OK;
}

/* Wakes all, and waits until each has done its yields. */
static eddy_status_t round_of_yields(void *context)
{
    bench_subject *subject = context;
    const eddy_future_t old = go;
    left = live;
    EDDY_TRY(eddy_future_create(&go));
    EDDY_TRY(eddy_future_create(&done));
    EDDY_TRY(eddy_future_complete(old, NULL, NULL));
    EDDY_TRY(eddy_future_wait(done, NULL));
    if (subject != NULL) subject->elapsed_ns = elapsed_ns;
    EDDY_TRY(eddy_future_release(old));
    return eddy_future_release(done);
}

/* As many as the kernel allows: running out of stacks ends the spawning, not the program. */
static eddy_status_t spawn_all(void *context)
{
    (void)context;
    EDDY_TRY(eddy_future_create(&go));
    while (live < wanted) {
        void *number = (void *)(intptr_t)live;
        const eddy_status_t status = eddy_task_spawn(yielder, number, NULL, NULL);
        if (status == EDDY_ENOMEM && live > 1) break;
        EDDY_TRY(status);
        live++;
    }
    return eddy_yield();
}

int main(int argc, char **argv)
{
    bench_subject subject = { round_of_yields, 0, 0, 0, 0 };
    eddy_loop_t loop;
    char figure[96];
    wanted = argc > 1 ? atoll(argv[1]) : 2;
    apart = argc > 2 && strcmp(argv[2], "apart") == 0;
    if (wanted < 2) return 1;
    BENCH_OK(eddy_loop_create(NULL, &loop));
    BENCH_OK(eddy_loop_run(loop, spawn_all, NULL, NULL));
    passes = (live > 10000 ? 300000 : 100000) / live;
    subject.operations = passes * live;
    bench_rounds(loop, &subject, wanted > 10000 ? 9 : BENCH_ROUNDS);
    snprintf(figure, sizeof figure, "yield, %" PRId64 " tasks%s, warm", live,
             apart ? " in two functions" : "");
    bench_switch_row(figure, &subject, wanted == 2 && !apart ? 4 : BENCH_NO_BOUND);
    stopping = 1;
    passes = 0;
    BENCH_OK(eddy_loop_run(loop, round_of_yields, NULL, NULL));
    BENCH_OK(eddy_future_release(go));
    BENCH_OK(eddy_loop_shutdown(loop));
    BENCH_OK(eddy_loop_close(loop));
    return 0;
}
