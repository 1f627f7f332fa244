/* skip: asan tsan valgrind: each takes a fault on purpose for a bug, and changes the frames
 *
 * Must show: 1,000 of 1,000 stack overflows, of frame sizes up to the guard's, fault in the guard
 * and never write elsewhere, with guards of either kind. The frames are made without probes, so
 * that only the guard can catch them: a call stores its return address below the frame, which is
 * smaller than the guard.
 *
 * Threads: one, in children.
 */
#define _GNU_SOURCE
#include "../Switch/overflow_cases.h"

static volatile int stop;   /* never set; compilers warn of a recursion without an end */

/* One frame of `bytes`, touched at one place at most; the same size again, or another. */
static __attribute__((noinline)) int descend(const overflow_case *one, size_t bytes,
                                             uint32_t state) {
    volatile char frame[bytes];
    if (stop) return 0;
    switch (draw(&state) % 4) {
    case 0: frame[0] = 1; break;
    case 1: frame[bytes - 1] = 1; break;
    case 2: frame[draw(&state) % bytes] = 1; break;
    default: break;
    }
    if (one->seed % 2 == 0) bytes = one->smallest + draw(&state) % (one->largest - one->smallest);
    return descend(one, bytes, state) + frame[0];
}

static void overflow(const overflow_case *one) {
    uint32_t state = one->seed;
    size_t span = one->largest - one->smallest;
    /* Half the cases have small frames. */
    if (one->seed % 4 < 2) span = 2048;
    descend(one, one->smallest + draw(&state) % span, state);
}

int main(void) {
    return run_cases("overflows of 64 bytes to 60 KiB a frame", 1000, 64, (size_t)60 * 1024);
}
