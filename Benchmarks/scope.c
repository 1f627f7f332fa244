/*
 * scope.c: opening and closing a plain scope with nothing in it. One task.
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
        EDDY_TRY(eddy_scope_open(&scope, NULL));
        EDDY_TRY(eddy_scope_close(scope, EDDY_OK));
    }
    subject->elapsed_ns = bench_now() - begin;
    return EDDY_OK;
}

int main(void)
{
    return bench_main("scope open + close, 1 task, warm", body, 50000, 12);
}
