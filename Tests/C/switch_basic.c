/*
 * Proves eddy_switch.h, Fibers: any fiber may switch to any other, a stack can be used again after
 * eddy_sw_exit, many fit, unwinding ends at the entry, each thread has its own, and ASan, TSan,
 * LSan and Valgrind know of it all and find nothing to say. switch_registers.c proves what is kept.
 *
 * Threads: one, but for test_threads.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unwind.h>

#include "../Switch/switch_fibers.h"

/* ---- Any fiber to any other ----------------------------------------------------------------- */

/* 0 starts 1, 1 starts 2; then round and round; each ends into the next one, the last goes home. */
static void ring_entry(void *argument) {
    place *p = argument;
    int self = p->steps++;
    eddy_sw_fiber *mine = &p->fibers[self];
    eddy_sw_fiber *next = &p->fibers[(self + 1) % 3];
    volatile char local[512];
    memset((char *)local, self + 1, sizeof local);
    if (self < 2) eddy_sw_fiber_prepare(next, 0, ring_entry, p);
    for (int i = 0; i < 100; i++) {
        eddy_sw_switch(mine, next);
        for (size_t k = 0; k < sizeof local; k++) CHECK(local[k] == self + 1);
        p->steps++;
    }
    eddy_sw_exit(mine, self < 2 ? next : &p->home);
}

static void test_ring(place *p) {
    for (int i = 0; i < 3; i++) fiber_make(&p->fibers[i]);
    p->steps = 0;
    eddy_sw_fiber_prepare(&p->fibers[0], 0, ring_entry, p);
    eddy_sw_switch(&p->home, &p->fibers[0]);
    CHECK(p->steps == 3 + 300);
    for (int i = 0; i < 3; i++) fiber_end(&p->fibers[i]);
}

/* ---- Many ----------------------------------------------------------------------------------- */

typedef struct one_of_many {
    eddy_sw_fiber fiber;
    eddy_sw_fiber *home;
    uint32_t seed;
    int rounds;
} one_of_many;

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void many_entry(void *argument) {
    one_of_many *self = argument;
    uint32_t local[64], state = self->seed;
    for (int i = 0; i < 64; i++) local[i] = next_random(&state);
    for (int round = 0; round < 3; round++) {
        self->rounds++;
        eddy_sw_switch(&self->fiber, self->home);
        uint32_t again = self->seed;
        for (int i = 0; i < 64; i++) CHECK(local[i] == next_random(&again));
    }
    self->rounds++;
    eddy_sw_exit(&self->fiber, self->home);
}

static void test_many(place *p) {
    int count = times(10000, 1000);
    size_t slab_bytes = STACK_BYTES * (size_t)count;
    char *slab = eddy_sw_map(slab_bytes);
    one_of_many *all = calloc((size_t)count, sizeof *all);
    CHECK(slab != NULL && all != NULL);
    for (int i = 0; i < count; i++) {
        all[i].home = &p->home;
        all[i].seed = (uint32_t)i;
        eddy_sw_fiber_init(&all[i].fiber, slab + STACK_BYTES * (size_t)i, STACK_BYTES);
        eddy_sw_fiber_prepare(&all[i].fiber, (size_t)(i % 8) * 64, many_entry, &all[i]);
    }
    uint32_t state = 1;
    for (int left = count * 4; left > 0;) {
        one_of_many *next = &all[next_random(&state) % (uint32_t)count];
        while (next->rounds == 4) next = next + 1 == all + count ? all : next + 1;
        eddy_sw_switch(&p->home, &next->fiber);
        left--;
    }
    for (int i = 0; i < count; i++) eddy_sw_fiber_destroy(&all[i].fiber);
    eddy_sw_unmap(slab, slab_bytes);
    free(all);
}

/* ---- The same stack again ------------------------------------------------------------------- */

static void deep(volatile char *above, int depth) {
    volatile char here[200];
    memset((char *)here, depth, sizeof here);
    if (depth > 0) deep(here, depth - 1);
    CHECK(here[17] == depth && (above == NULL || above[17] == depth + 1));
}

static void exit_from_below(place *p, int depth) {
    volatile char here[100];
    memset((char *)here, depth, sizeof here);
    if (depth > 0) exit_from_below(p, depth - 1);
    eddy_sw_exit(&p->fibers[0], &p->home);
    CHECK(here[0] == depth);   /* keeps the frames real; never gets here */
}

static void reuse_entry(void *argument) {
    place *p = argument;
    volatile _Alignas(16) char aligned[16];
    CHECK(((uintptr_t)aligned & 15) == 0);
    p->steps++;
    deep(NULL, p->steps % 20);
    if (p->steps % 2 == 0) eddy_sw_switch(&p->fibers[0], &p->home);
    exit_from_below(p, p->steps % 7);
}

static void test_reuse(place *p) {
    fiber_make(&p->fibers[0]);
    p->steps = 0;
    int count = times(200000, 30000);   /* more than TSan could bear if calls were never undone */
    for (int i = 0; i < count; i++) {
        eddy_sw_fiber_prepare(&p->fibers[0], (size_t)(i % 16) * 16, reuse_entry, p);
        eddy_sw_switch(&p->home, &p->fibers[0]);
        if (p->steps % 2 == 0) eddy_sw_switch(&p->home, &p->fibers[0]);
    }
    CHECK(p->steps == count);
    fiber_end(&p->fibers[0]);
}

/* An entry may end by returning whom to go on with: one that has not begun, one that is suspended,
 * or the thread. */
static eddy_sw_fiber *returning_entry(void *argument) {
    place *p = argument;
    int self = p->steps++ % 3;
    deep(NULL, self);
    if (self == 1) {
        eddy_sw_switch(&p->fibers[1], &p->home);
        return &p->fibers[2];
    }
    return self == 0 ? &p->fibers[1] : &p->home;
}

static void test_returning(place *p) {
    for (int i = 0; i < 3; i++) fiber_make(&p->fibers[i]);
    p->steps = 0;
    int count = times(50000, 10000);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 3; k++) {
            size_t skip_bytes = (size_t)(i % 16) * 16;
            eddy_sw_fiber_prepare_returning(&p->fibers[k], skip_bytes, returning_entry, p);
        }
        eddy_sw_switch(&p->home, &p->fibers[0]);
        CHECK(p->steps == i * 3 + 2);
        eddy_sw_switch(&p->home, &p->fibers[1]);
        CHECK(p->steps == i * 3 + 3);
    }
    for (int i = 0; i < 3; i++) fiber_end(&p->fibers[i]);
}

/* A fiber that was prepared and never ran, or is suspended, can be destroyed or prepared again. */
static void parked_entry(void *argument) {
    place *p = argument;
    p->steps++;
    eddy_sw_switch(&p->fibers[1], &p->home);
    CHECK(0);
}

static void test_unfinished(place *p) {
    fiber_make(&p->fibers[1]);
    p->steps = 0;
    for (int i = 0; i < 10; i++) {
        eddy_sw_fiber_prepare(&p->fibers[1], 0, parked_entry, p);
        eddy_sw_switch(&p->home, &p->fibers[1]);
    }
    eddy_sw_fiber_prepare(&p->fibers[1], 0, parked_entry, p);
    CHECK(p->steps == 10);
    fiber_end(&p->fibers[1]);
}

/* ---- Unwinding ------------------------------------------------------------------------------ */

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *argument) {
    (void)context;
    int *count = argument;
    *count += 1;
    return *count > 50 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static __attribute__((noinline)) void count_frames(int *count, int depth) {
    if (depth > 0) {
        count_frames(count, depth - 1);
    } else {
        _Unwind_Backtrace(count_frame, count);
    }
    __asm__ volatile("" ::: "memory");
}

static void unwind_entry(void *argument) {
    place *p = argument;
    p->frames = 0;
    count_frames(&p->frames, 5);
    eddy_sw_switch(&p->fibers[0], &p->home);
    p->frames = 0;
    count_frames(&p->frames, 5);
    eddy_sw_exit(&p->fibers[0], &p->home);
}

/* The chain ends by itself at the entry; the sum is 6 frames of count_frames, this entry, the
 * assembly's, and one of fiber.c; compilers may merge some. */
static void test_unwind(place *p) {
    fiber_make(&p->fibers[0]);
    eddy_sw_fiber_prepare(&p->fibers[0], 0, unwind_entry, p);
    for (int i = 0; i < 2; i++) {
        eddy_sw_switch(&p->home, &p->fibers[0]);
        CHECK(p->frames >= 3 && p->frames <= 12);
    }
    fiber_end(&p->fibers[0]);
}

/* ---- Threads -------------------------------------------------------------------------------- */

static void *thread_main(void *argument) {
    place p;
    memset(&p, 0, sizeof p);
    (void)argument;
    eddy_sw_fiber_adopt(&p.home);
    for (int i = 0; i < 20; i++) {
        test_ring(&p);
        test_unfinished(&p);
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* ---- What the tools believe ----------------------------------------------------------------- */

#if UNDER_ASAN
const char *__asan_locate_address(void *address, char *name, size_t name_bytes, void **region,
                                  size_t *region_bytes);
#endif
#if UNDER_TSAN
void *__tsan_get_current_fiber(void);
#endif

/* Whether the tool of this build, if any, knows that `fiber` runs here. */
static int tool_knows(eddy_sw_fiber *fiber) {
#if UNDER_ASAN
    char name[64];
    void *region;
    size_t region_bytes;
    (void)fiber;
    return strcmp(__asan_locate_address(__builtin_frame_address(0), name, sizeof name, &region,
                                        &region_bytes), "stack") == 0;
#elif UNDER_TSAN
    return fiber->tsan != NULL && __tsan_get_current_fiber() == fiber->tsan;
#else
    return fiber != NULL;
#endif
}

static void known_entry(void *argument) {
    place *p = argument;
    CHECK(tool_knows(&p->fibers[0]));
    eddy_sw_switch(&p->fibers[0], &p->home);
    CHECK(tool_knows(&p->fibers[0]));
    eddy_sw_exit(&p->fibers[0], &p->home);
}

static void test_tool_knows(place *p) {
    fiber_make(&p->fibers[0]);
    for (int i = 0; i < 3; i++) {
        eddy_sw_fiber_prepare(&p->fibers[0], 0, known_entry, p);
        eddy_sw_switch(&p->home, &p->fibers[0]);
        CHECK(tool_knows(&p->home));
        eddy_sw_switch(&p->home, &p->fibers[0]);
        CHECK(tool_knows(&p->home));
    }
    fiber_end(&p->fibers[0]);
}

/* ---- Leaks ---------------------------------------------------------------------------------- */

/* What only a suspended stack points to is no leak, LSan must find. */
static void holder_entry(void *argument) {
    place *p = argument;
    char *volatile held = malloc(10000);
    CHECK(held != NULL);
    held[0] = 1;
    eddy_sw_switch(&p->fibers[2], &p->home);
    CHECK(0);
}

static void test_held_at_exit(place *p) {
    fiber_make(&p->fibers[2]);
    eddy_sw_fiber_prepare(&p->fibers[2], 0, holder_entry, p);
    eddy_sw_switch(&p->home, &p->fibers[2]);
}

int main(void) {
    static place p;
    eddy_sw_fiber_adopt(&p.home);
    test_ring(&p);
    test_many(&p);
    test_reuse(&p);
    test_returning(&p);
    test_unfinished(&p);
    test_unwind(&p);
    test_threads();
    test_tool_knows(&p);
    test_held_at_exit(&p);
    puts("switch_basic: ok");
    return 0;
}
