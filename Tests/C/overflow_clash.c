/* skip: asan tsan valgrind: each takes a fault on purpose for a bug, and changes the frames
 *
 * Must show: overflows by frames larger than the guard, built with -fstack-clash-protection, which
 * this file must be, fault in the guard and never write elsewhere, with guards of either kind.
 *
 * Threads: one, in children.
 */
#define _GNU_SOURCE
#include "../Switch/overflow_cases.h"

static volatile int keep;
static volatile int stop;   /* never set; compilers warn of a recursion without an end */

/* A frame whose size is known to the compiler; only its far end is touched. */
#define FIXED_FRAME(name, kib)                                                                    \
    static __attribute__((noinline)) int name(void) {                                             \
        volatile char frame[(kib) * 1024];                                                        \
        frame[0] = (char)keep;                                                                    \
        return frame[0] + keep;                                                                   \
    }
FIXED_FRAME(frame_65, 65)
FIXED_FRAME(frame_100, 100)
FIXED_FRAME(frame_256, 256)
FIXED_FRAME(frame_321, 321)
FIXED_FRAME(frame_512, 512)
FIXED_FRAME(frame_1024, 1024)

/* One whose size is known only here. */
static __attribute__((noinline)) int frame_drawn(size_t bytes) {
    volatile char frame[bytes];
    frame[0] = (char)keep;
    return frame[0] + keep;
}

/* Goes down by small frames, so that the large one begins anywhere in the stack. */
static __attribute__((noinline)) int descend(const overflow_case *one, int levels,
                                             uint32_t state) {
    volatile char frame[512];
    frame[0] = 1;
    if (stop) return 0;
    if (levels > 0) return descend(one, levels - 1, state) + frame[0];
    int result = frame[0];
    for (;;) {
        switch (draw(&state) % 8) {
        case 0: result += frame_65(); break;
        case 1: result += frame_100(); break;
        case 2: result += frame_256(); break;
        case 3: result += frame_321(); break;
        case 4: result += frame_512(); break;
        case 5: result += frame_1024(); break;
        default:
            result += frame_drawn(one->smallest + draw(&state) % (one->largest - one->smallest));
            break;
        }
        /* A large frame may fit; from further down, in the end, none does. */
        if (draw(&state) % 4 == 0) return descend(one, 40, state) + result;
    }
}

static void overflow(const overflow_case *one) {
    uint32_t state = one->seed;
    descend(one, (int)(draw(&state) % 400), state);
}

int main(void) {
    return run_cases("overflows of 64 KiB to 1 MiB a frame", 400, (size_t)64 * 1024,
                     (size_t)1024 * 1024);
}
