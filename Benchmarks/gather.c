/*
 * gather.c: instructions per member of a gather of 100,000 futures against one of 10,000, under
 * callgrind: of finished ones, and of pending ones that are completed while it waits. It leaves one
 * dump for each batch.
 *
 * Invariants: what is counted is the gather from its call to its return; of the pending ones, the
 * completions too, which are the same work for each member. The futures are made before. A batch of
 * each kind goes before, uncounted, so that the loop has its memory.
 * Threads: one.
 */
#include "bench.h"

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define HAVE_CALLGRIND 1
#endif
#endif
#ifndef HAVE_CALLGRIND
#define HAVE_CALLGRIND 0
#define CALLGRIND_START_INSTRUMENTATION ((void)0)
#define CALLGRIND_STOP_INSTRUMENTATION ((void)0)
#define CALLGRIND_ZERO_STATS ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#define FEW 10000
#define MANY 100000

typedef struct batch {
    size_t count;
    int is_pending;
    const char *dump;
} batch;

static eddy_future_t futures[MANY];
static void *values[MANY];

static eddy_status_t complete_all(void *context)
{
    const batch *one = context;
    for (size_t i = 0; i < one->count; i++) {
        EDDY_TRY(eddy_future_complete(futures[i], &futures[i], NULL));
    }
    return EDDY_OK;
}

static eddy_status_t gather_batch(void *context)
{
    batch *one = context;
    eddy_status_t status;
    for (size_t i = 0; i < one->count; i++) EDDY_TRY(eddy_future_create(&futures[i]));
    if (!one->is_pending) EDDY_TRY(complete_all(one));
    if (one->dump != NULL) {
        CALLGRIND_START_INSTRUMENTATION;
        CALLGRIND_ZERO_STATS;
    }
    if (one->is_pending) EDDY_TRY(eddy_post(complete_all, one, NULL));
    status = eddy_gather(futures, one->count, values);
    if (one->dump != NULL) {
        CALLGRIND_DUMP_STATS_AT(one->dump);
        CALLGRIND_STOP_INSTRUMENTATION;
    }
    for (size_t i = 0; i < one->count; i++) {
        if (values[i] != &futures[i]) return eddy_fail(EDDY_EINVAL, "a value is missing");
        EDDY_TRY(eddy_future_release(futures[i]));
    }
    return status;
}

static void count_batch(size_t count, int is_pending, const char *dump)
{
    batch one = { count, is_pending, NULL };
    eddy_loop_t loop;
    BENCH_OK(eddy_loop_create(NULL, &loop));
    BENCH_OK(eddy_loop_run(loop, gather_batch, &one, NULL));
    one.dump = dump;
    BENCH_OK(eddy_loop_run(loop, gather_batch, &one, NULL));
    BENCH_OK(eddy_loop_shutdown(loop));
    BENCH_OK(eddy_loop_close(loop));
    printf("operations\t%s\t%d\n", dump, (int)count);
}

int main(void)
{
    if (!HAVE_CALLGRIND) {
        fprintf(stderr, "gather: built without valgrind/callgrind.h\n");
        return 1;
    }
    count_batch(FEW, 0, "done-few");
    count_batch(MANY, 0, "done-many");
    count_batch(FEW, 1, "pending-few");
    count_batch(MANY, 1, "pending-many");
    return 0;
}
