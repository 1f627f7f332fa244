/*
 * spawn_join.c: spawning a task that does nothing, joining it and releasing its handle, with a
 * pooled stack. Two tasks live: the root and the one that it joins.
 *
 * Threads: one.
 */
#include "bench.h"

static eddy_status_t nothing(void *context)
{
    (void)context;
    return EDDY_OK;
}

static eddy_status_t body(void *context)
{
    bench_subject *subject = context;
    const int64_t begin = bench_now();
    for (int64_t i = 0; i < subject->operations; i++) {
        eddy_task_t task;
        EDDY_TRY(eddy_task_spawn(nothing, NULL, NULL, &task));
        EDDY_TRY(eddy_task_join(task, NULL));
        EDDY_TRY(eddy_task_release(task));
    }
    subject->elapsed_ns = bench_now() - begin;
    return EDDY_OK;
}

int main(void)
{
    return bench_main("spawn + join + release, 2 tasks, warm", body, 20000, 16);
}
