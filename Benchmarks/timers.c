/*
 * timers.c: what arming and disarming a deadline costs with 1,000 and with 1,000,000 others
 * outstanding: the latest of all, one at a random place, and taking a random outstanding one out
 * and putting it in elsewhere. "timers time" times it; "timers count", under callgrind, counts
 * instructions: it leaves one dump for each batch and prints how many operations that had.
 *
 * Invariants:
 *   1. HOLDERS tasks hold a timeout scope each at a random deadline; foreign tasks, which need no
 *      stack, hold the others. Nothing expires: the earliest is LOW away.
 *   2. A random re-arm is a holder closing its scope and opening another. All holders do so in
 *      turn, in an order that has nothing to do with their deadlines. What the turns cost is
 *      measured by the same batch without the re-arming, and subtracted.
 *   3. A batch includes turns of the loop, so work that is put off until then is counted too.
 * Threads: one.
 */
#include "bench.h"

#include <unistd.h>

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

#define HOLDERS 1000
#define MANY 1000000
#define LOW EDDY_SECONDS(100000)
#define RANGE ((uint64_t)EDDY_SECONDS(100000))
#define LATEST EDDY_SECONDS(400000)
#define OPERATIONS 16384      /* of the root, in a batch; each 16th is followed by a yield */
#define TURNS 8               /* of each holder, in a batch */

enum { COUNT, TIME };
static int mode;
static uint64_t seed = 88172645463325252u;
static int64_t durations[OPERATIONS];
static eddy_future_t go, done;
static int64_t left;
static int rearming, stopping;

static int64_t random_duration(void)
{
    return LOW + (int64_t)(bench_random(&seed) % RANGE);
}

/* ---- The outstanding deadlines ---- */

static eddy_status_t holder(void *context)
{
    eddy_scope_t scope;
    (void)context;
    EDDY_TRY(eddy_timeout_open(&scope, random_duration(), NULL));
    for (;;) {
        EDDY_TRY(eddy_future_wait(go, NULL));
        for (int turn = 0; turn < TURNS && !stopping; turn++) {
            if (rearming) {
                EDDY_TRY(eddy_scope_close(scope, EDDY_OK));
                EDDY_TRY(eddy_timeout_open(&scope, random_duration(), NULL));
            }
            EDDY_TRY(eddy_yield());
        }
        if (--left == 0) EDDY_TRY(eddy_future_complete(done, NULL, NULL));
        if (stopping) return eddy_scope_close(scope, EDDY_OK);
    }
}

static void foreign_start(void *instance, eddy_task_t self)
{
    (void)instance;
    (void)self;
}

static void foreign_cancel(void *instance, eddy_task_t self)
{
    (void)instance;
    BENCH_OK(eddy_foreign_complete(self, EDDY_ECANCELED, NULL, NULL));
}

static eddy_status_t add_foreign(int64_t count)
{
    static eddy_foreign_ops_t ops = EDDY_FOREIGN_OPS_INIT;
    eddy_foreign_options_t options = EDDY_FOREIGN_OPTIONS_INIT;
    ops.start = foreign_start;
    ops.cancel = foreign_cancel;
    for (int64_t i = 0; i < count; i++) {
        options.timeout_ns = random_duration();
        EDDY_TRY(eddy_foreign_spawn(&ops, NULL, &options, NULL));
    }
    return eddy_yield();
}

/* ---- Batches ---- */

/* Wakes all holders and waits until each has had its turns. */
static eddy_status_t turn_holders(int64_t *ret_ns)
{
    const eddy_future_t old = go;
    int64_t begin;
    left = HOLDERS;
    EDDY_TRY(eddy_future_create(&go));
    EDDY_TRY(eddy_future_create(&done));
    begin = bench_now();
    EDDY_TRY(eddy_future_complete(old, NULL, NULL));
    EDDY_TRY(eddy_future_wait(done, NULL));
    *ret_ns = bench_now() - begin;
    EDDY_TRY(eddy_future_release(old));
    return eddy_future_release(done);
}

static eddy_status_t idle_batch(int64_t *ret_ns)
{
    rearming = 0;
    return turn_holders(ret_ns);
}

static eddy_status_t rearm_batch(int64_t *ret_ns)
{
    rearming = 1;
    return turn_holders(ret_ns);
}

static eddy_status_t arm_each(int64_t *ret_ns, int latest)
{
    const int64_t begin = bench_now();
    for (int i = 0; i < OPERATIONS; i++) {
        eddy_scope_t scope;
        EDDY_TRY(eddy_timeout_open(&scope, latest ? LATEST : durations[i], NULL));
        EDDY_TRY(eddy_scope_close(scope, EDDY_OK));
        if (i % 16 == 0) EDDY_TRY(eddy_yield());
    }
    *ret_ns = bench_now() - begin;
    return EDDY_OK;
}

static eddy_status_t latest_batch(int64_t *ret_ns) { return arm_each(ret_ns, 1); }
static eddy_status_t random_batch(int64_t *ret_ns) { return arm_each(ret_ns, 0); }

/* The least time of several batches, or the instructions of one, left in a dump. */
static eddy_status_t measure(const char *name, int64_t outstanding,
                             eddy_status_t (*batch)(int64_t *), double *ret_ns)
{
    int64_t elapsed;
    char label[64];
    EDDY_TRY(batch(&elapsed));
    *ret_ns = (double)elapsed;
    if (mode == TIME) {
        for (int round = 1; round < 9; round++) {
            EDDY_TRY(batch(&elapsed));
            if ((double)elapsed < *ret_ns) *ret_ns = (double)elapsed;
        }
        return EDDY_OK;
    }
    snprintf(label, sizeof label, "%s-%" PRId64, name, outstanding);
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    EDDY_TRY(batch(&elapsed));
    CALLGRIND_DUMP_STATS_AT(label);
    CALLGRIND_STOP_INSTRUMENTATION;
    return EDDY_OK;
}

static eddy_status_t measure_all(int64_t outstanding)
{
    double latest, fresh, idle, rearm;
    char figure[96];
    /* Re-armed before it is measured, so that the holders' deadlines lie among the others as they
     * would in the long run, not where they were when there were few. */
    EDDY_TRY(rearm_batch(&(int64_t){ 0 }));
    EDDY_TRY(measure("latest", outstanding, latest_batch, &latest));
    EDDY_TRY(measure("random", outstanding, random_batch, &fresh));
    EDDY_TRY(measure("idle", outstanding, idle_batch, &idle));
    EDDY_TRY(measure("rearm", outstanding, rearm_batch, &rearm));
    if (mode == COUNT) return EDDY_OK;
    snprintf(figure, sizeof figure, "arm + disarm the latest, %" PRId64 " timers", outstanding);
    bench_row(figure, latest / OPERATIONS, "ns", BENCH_NO_BOUND, "time, one task");
    snprintf(figure, sizeof figure, "arm + disarm at random, %" PRId64 " timers", outstanding);
    bench_row(figure, fresh / OPERATIONS, "ns", BENCH_NO_BOUND, "time, one task");
    snprintf(figure, sizeof figure, "re-arm a random one, %" PRId64 " timers", outstanding);
    bench_row(figure, (rearm - idle) / (HOLDERS * TURNS), "ns", BENCH_NO_BOUND,
              "time, %d tasks in turn", HOLDERS);
    return EDDY_OK;
}

static eddy_status_t root(void *context)
{
    int64_t elapsed;
    (void)context;
    for (int i = 0; i < OPERATIONS; i++) durations[i] = random_duration();
    EDDY_TRY(eddy_future_create(&go));
    for (int i = 0; i < HOLDERS; i++) EDDY_TRY(eddy_task_spawn(holder, NULL, NULL, NULL));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(measure_all(HOLDERS));
    EDDY_TRY(add_foreign(MANY - HOLDERS));
    EDDY_TRY(measure_all(MANY));
    if (mode == COUNT) {
        printf("operations\troot\t%d\noperations\tholders\t%d\n", OPERATIONS, HOLDERS * TURNS);
        fflush(stdout);
        _exit(0);     /* taking a million tasks down is of no interest under callgrind */
    }
    stopping = 1;
    EDDY_TRY(turn_holders(&elapsed));
    return eddy_future_release(go);
}

int main(int argc, char **argv)
{
    mode = argc > 1 && strcmp(argv[1], "count") == 0 ? COUNT : TIME;
    if (mode == COUNT && !HAVE_CALLGRIND) {
        fprintf(stderr, "timers: built without valgrind/callgrind.h\n");
        return 1;
    }
    BENCH_OK(eddy_run(NULL, root, NULL));
    return 0;
}
