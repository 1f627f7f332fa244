/*
 * future_wake.c: from completing a future to its waiter running. Two tasks wake each other in turn,
 * so that one wake is a complete, a switch and the wait that comes next, and nothing else.
 *
 * Invariant: the futures of a round are made before the clock starts and released after it stops.
 * Threads: one.
 */
#include "bench.h"

#define PAIRS 8192

static eddy_future_t ping[PAIRS], pong[PAIRS];

static eddy_status_t answerer(void *context)
{
    (void)context;
    for (int i = 0; i < PAIRS; i++) {
        EDDY_TRY(eddy_future_wait(ping[i], NULL));
        EDDY_TRY(eddy_future_complete(pong[i], NULL, NULL));
    }
    return EDDY_OK;
}

static eddy_status_t body(void *context)
{
    bench_subject *subject = context;
    eddy_task_t task;
    int64_t begin;
    for (int i = 0; i < PAIRS; i++) {
        EDDY_TRY(eddy_future_create(&ping[i]));
        EDDY_TRY(eddy_future_create(&pong[i]));
    }
    EDDY_TRY(eddy_task_spawn(answerer, NULL, NULL, &task));
    EDDY_TRY(eddy_yield());
    begin = bench_now();
    for (int i = 0; i < PAIRS; i++) {
        EDDY_TRY(eddy_future_complete(ping[i], NULL, NULL));
        EDDY_TRY(eddy_future_wait(pong[i], NULL));
    }
    subject->elapsed_ns = bench_now() - begin;
    EDDY_TRY(eddy_task_join(task, NULL));
    EDDY_TRY(eddy_task_release(task));
    for (int i = 0; i < PAIRS; i++) {
        EDDY_TRY(eddy_future_release(ping[i]));
        EDDY_TRY(eddy_future_release(pong[i]));
    }
    return EDDY_OK;
}

int main(void)
{
    return bench_main("future complete -> waiter runs, 2 tasks, warm", body, 2 * PAIRS,
                      BENCH_NO_BOUND);
}
