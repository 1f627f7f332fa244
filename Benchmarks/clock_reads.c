/*
 * clock_reads.c: how often the clock is read in one timeout open + close. The program defines
 * clock_gettime itself; the library and libuv reach it through the dynamic linker, so each call of
 * theirs is counted. Apart from timeout.c, because counting would cost time there.
 *
 * Threads: one.
 */
#include "bench.h"

#include <dlfcn.h>

#define OPERATIONS 10000

static int64_t reads;

typedef int (*clock_fn)(clockid_t, struct timespec *);

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static clock_fn real;
    if (real == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
        if (symbol == NULL) abort();
        memcpy(&real, &symbol, sizeof real);
    }
    reads++;
    return real(clock, time);
}

static eddy_status_t body(void *context)
{
    int64_t *ret_reads = context;
    int64_t before;
    EDDY_TRY(eddy_sleep(1));       /* an own turn for the loop before the count begins */
    before = reads;
    if (before == 0) return eddy_fail(EDDY_EINVAL, "no clock read was seen: nothing is counted");
    for (int i = 0; i < OPERATIONS; i++) {
        eddy_scope_t scope;
        EDDY_TRY(eddy_timeout_open(&scope, EDDY_SECONDS(5), NULL));
        EDDY_TRY(eddy_scope_close(scope, EDDY_OK));
    }
    *ret_reads = reads - before;
    return EDDY_OK;
}

int main(void)
{
    int64_t counted = 0;
    BENCH_OK(eddy_run(NULL, body, &counted));
    bench_row("clock reads of a timeout open + close", (double)counted / OPERATIONS, "reads", 1,
              "%" PRId64 " in %d", counted, OPERATIONS);
    return 0;
}
