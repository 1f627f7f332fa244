/*
 * cancel.c: cancelling and closing a group of parked children, against a bare resume and release of
 * as many stacks. "cancel time" times both with 100,000; "cancel count", under callgrind, counts
 * the instructions with 10,000 and with 100,000 children: it leaves one dump for each.
 *
 * Invariants:
 *   1. Subject and reference alternate in one process. Each child, and each bare fiber, is parked
 *      on a stack of its own: 256 KiB above a 64 KiB guard, in slabs of 16 MiB, its record at its
 *      top, shifted by one of eight steps, as the library places them.
 *   2. What is timed of the subject: the cancel, each child resumed, told and ended, the group
 *      closed. Of the reference: each fiber resumed once, from the thread's stack, running to its
 *      end, and its stack put into a pool as the library does it: a link in the record at its top,
 *      a count in its slab. Neither gives pages back meanwhile: the library does that only when it
 *      is idle.
 *   3. When counting, stacks come from an allocator of this program without guards, since under
 *      Valgrind each guard is a mapping and the kernel has not so many.
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

#define FEW 10000
#define MANY 100000
#define ROUNDS 9
#define BOUND 2.0

#define STACK_BYTES ((size_t)256 << 10)
#define GUARD_BYTES ((size_t)64 << 10)
#define STRIDE (STACK_BYTES + GUARD_BYTES)
#define SLAB_STACKS (((size_t)16 << 20) / STRIDE)

/* ---- The reference: bare fibers ---- */

typedef struct bare_slab {
    int64_t held;
} bare_slab;

typedef struct bare_fiber {
    eddy_sw_fiber fiber;
    struct bare_fiber *next_free;
    bare_slab *slab;
    size_t skip_bytes;
} bare_fiber;

static eddy_sw_fiber thread;
static bare_fiber *fibers[MANY], *pool;
static bare_slab slabs[MANY / SLAB_STACKS + 1];
static int64_t pooled, empty_slabs, ended;

static eddy_sw_fiber *bare_main(void *context)
{
    bare_fiber *self = context;
    eddy_sw_switch(&self->fiber, &thread);
    ended++;
    return &thread;
}

static void make_fibers(void)
{
    char *slab = NULL;
    eddy_sw_fiber_adopt(&thread);
    for (size_t i = 0; i < MANY; i++) {
        const size_t room = ((sizeof(bare_fiber) + 63) & ~(size_t)63) + (i & 7) * 192;
        char *low;
        if (i % SLAB_STACKS == 0) slab = eddy_sw_map(STRIDE * SLAB_STACKS);
        low = slab + i % SLAB_STACKS * STRIDE;
        if (slab == NULL || eddy_sw_guard(low, GUARD_BYTES) != 0) {
            fprintf(stderr, "cancel: no memory for %d stacks\n", MANY);
            exit(1);
        }
        low += GUARD_BYTES;
        fibers[i] = (bare_fiber *)(void *)(low + STACK_BYTES - room);
        fibers[i]->slab = &slabs[i / SLAB_STACKS];
        fibers[i]->skip_bytes = room;
        eddy_sw_fiber_init(&fibers[i]->fiber, low, STACK_BYTES);
    }
}

/* Parks all, then resumes and releases each in turn; only the second half is timed. */
static int64_t bare_round(void)
{
    int64_t begin;
    pool = NULL;
    pooled = empty_slabs = ended = 0;
    for (size_t i = 0; i < MANY; i++) {
        fibers[i]->slab->held++;
        eddy_sw_fiber_prepare_returning(&fibers[i]->fiber, fibers[i]->skip_bytes, bare_main,
                                        fibers[i]);
        eddy_sw_switch(&thread, &fibers[i]->fiber);
    }
    begin = bench_now();
    for (size_t i = 0; i < MANY; i++) {
        bare_fiber *fiber = fibers[i];
        eddy_sw_switch(&thread, &fiber->fiber);
        fiber->next_free = pool;
        pool = fiber;
        pooled++;
        if (--fiber->slab->held == 0) empty_slabs++;
    }
    begin = bench_now() - begin;
    if (ended != MANY || pooled != MANY) {
        fprintf(stderr, "cancel: a bare fiber was lost\n");
        exit(1);
    }
    return begin;
}

/* ---- The subject: a group ---- */

typedef struct batch {
    int64_t children, elapsed_ns;
    const char *dump;      /* count instructions, left under this name; NULL: time it */
} batch;

static eddy_future_t gate;
static int64_t waiting, cancelled;

static eddy_status_t child(void *context)
{
    eddy_status_t status;
    (void)context;
    waiting++;
    status = eddy_future_wait(gate, NULL);
    if (status == EDDY_ECANCELED) cancelled++;
    return status;
}

static eddy_status_t group_round(void *context)
{
    batch *one = context;
    eddy_scope_t group;
    int64_t begin;
    waiting = cancelled = 0;
    EDDY_TRY(eddy_future_create(&gate));
    EDDY_TRY(eddy_group_open(&group, NULL));
    for (int64_t i = 0; i < one->children; i++) {
        EDDY_TRY(eddy_group_spawn(group, child, NULL, NULL, NULL));
    }
    while (waiting < one->children) EDDY_TRY(eddy_yield());
    if (one->dump != NULL) {
        CALLGRIND_START_INSTRUMENTATION;
        CALLGRIND_ZERO_STATS;
    }
    begin = bench_now();
    EDDY_TRY(eddy_scope_cancel(group, NULL));
    EDDY_TRY(eddy_scope_close(group, EDDY_OK));
    one->elapsed_ns = bench_now() - begin;
    if (one->dump != NULL) {
        CALLGRIND_DUMP_STATS_AT(one->dump);
        CALLGRIND_STOP_INSTRUMENTATION;
    }
    if (cancelled != one->children) return eddy_fail(EDDY_EINVAL, "a child was not cancelled");
    return eddy_future_release(gate);
}

/* ---- Timing ---- */

static int time_both(void)
{
    batch one = { MANY, 0, NULL };
    double subject = 1e18, reference = 1e18;
    eddy_loop_t loop;
    make_fibers();
    BENCH_OK(eddy_loop_create(NULL, &loop));
    for (int round = 0; round < ROUNDS; round++) {
        const double bare = (double)bare_round() / MANY;
        double each;
        BENCH_OK(eddy_loop_run(loop, group_round, &one, NULL));
        each = (double)one.elapsed_ns / MANY;
        if (bare < reference) reference = bare;
        if (each < subject) subject = each;
    }
    BENCH_OK(eddy_loop_shutdown(loop));
    BENCH_OK(eddy_loop_close(loop));
    bench_row("cancel + close a group of 100000 : bare", subject / reference, "x", BOUND,
              "%.0f ns a child, bare resume and release %.0f ns", subject, reference);
    return 0;
}

/* ---- Counting ---- */

static char *plain_slab, *plain_next;

/* Stacks are used once: each batch has its own. */
static void *plain_allocate(void *context, size_t bytes)
{
    char *low = plain_next;
    (void)context;
    if (low == NULL || bytes != STACK_BYTES) return NULL;
    plain_next += STACK_BYTES;
    return low;
}

static void plain_deallocate(void *context, void *low, size_t bytes)
{
    (void)context;
    (void)low;
    (void)bytes;
}

static void count_batch(int64_t children, const char *dump)
{
    static eddy_stack_allocator_t stacks = { sizeof stacks, 0, plain_allocate, plain_deallocate,
                                             NULL };
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    batch one = { children, 0, dump };
    options.stacks = &stacks;
    plain_next = plain_slab = eddy_sw_map((size_t)(children + 8) * STACK_BYTES);
    BENCH_OK(eddy_run(&options, group_round, &one));
    eddy_sw_unmap(plain_slab, (size_t)(children + 8) * STACK_BYTES);
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "count") != 0) return time_both();
    if (!HAVE_CALLGRIND) {
        fprintf(stderr, "cancel: built without valgrind/callgrind.h\n");
        return 1;
    }
    count_batch(FEW, "few");
    count_batch(MANY, "many");
    printf("operations\tfew\t%d\noperations\tmany\t%d\n", FEW, MANY);
    return 0;
}
