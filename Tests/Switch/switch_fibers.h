/*
 * What the tests of fibers share: a thread's own fiber and three more, each on a mapped stack.
 */
#ifndef SWITCH_FIBERS_H
#define SWITCH_FIBERS_H

#include "../../Sources/EddySwitch/include/eddy_switch.h"
#include "switch_check.h"

#define STACK_BYTES ((size_t)64 * 1024)

typedef struct place {
    eddy_sw_fiber home;     /* the thread's own */
    eddy_sw_fiber fibers[3];
    int steps;
    int frames;
} place;

static inline void fiber_make(eddy_sw_fiber *fiber) {
    void *low = eddy_sw_map(STACK_BYTES);
    CHECK(low != NULL);
    eddy_sw_fiber_init(fiber, low, STACK_BYTES);
}

static inline void fiber_end(eddy_sw_fiber *fiber) {
    void *low = fiber->stack_low;
    eddy_sw_fiber_destroy(fiber);
    eddy_sw_unmap(low, STACK_BYTES);
}

#endif
