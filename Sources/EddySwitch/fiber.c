/*
 * Fibers: their records, their first frames, and what the tools are told of them. The switch itself
 * is in switch_*.S; it comes here only when eddy_sw_hooks says that a tool must know of it.
 *
 * Invariants:
 * 1. eddy_sw_hooks is set before the first switch and never changes after that.
 * 2. Each switch away is told to the tools by the side that leaves, and told as arrived by the side
 *    that goes on, before any other code runs there. `departure` carries what the second needs.
 * 3. A TSan fiber lives from prepare to the arrival after eddy_sw_exit. TSan allows about 8,000 at
 *    a time, so an idle stack has none.
 *
 * Threads: a fiber belongs to its thread; `departure` is per thread.
 */
#define _GNU_SOURCE
#include "eddy_switch.h"

#include "frame.h"
#include "tools.h"

#define HOOK_ASAN 1
#define HOOK_TSAN 2

/* Read by the assembly. */
EDDY_SW_HIDDEN uint8_t eddy_sw_hooks;

static inline __attribute__((always_inline)) uint8_t hooks(void) {
    return __atomic_load_n(&eddy_sw_hooks, __ATOMIC_RELAXED);
}

/* The assembly without its question for tools. */
EDDY_SW_HIDDEN void eddy_sw_switch_raw(eddy_sw_fiber *from, eddy_sw_fiber *to);
EDDY_SW_HIDDEN void eddy_sw_exit_raw(eddy_sw_fiber *from, eddy_sw_fiber *to);

/* Continued at by the assembly when eddy_sw_hooks is set. */
EDDY_SW_HIDDEN void eddy_sw_switch_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to);
EDDY_SW_HIDDEN void eddy_sw_exit_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to);

static __thread struct {
    eddy_sw_fiber *from;
    int exits;
} departure __attribute__((tls_model("initial-exec")));

/* What every fiber of the thread starts with: as it was when the thread was adopted, so that a task
 * does not depend on who spawned it. */
static __thread eddy_sw_fp_control thread_fp_control
    __attribute__((tls_model("initial-exec"))) = EDDY_SW_FP_DEFAULT;

/* Also at adoption, since another constructor may run a loop before this one has been called. */
__attribute__((constructor)) static void detect_tools(void) {
    uint8_t found = 0;
    if (__sanitizer_start_switch_fiber && __sanitizer_finish_switch_fiber) found |= HOOK_ASAN;
    if (__tsan_switch_to_fiber && __tsan_get_current_fiber && __tsan_create_fiber &&
        __tsan_destroy_fiber) {
        found |= HOOK_TSAN;
    }
    __atomic_store_n(&eddy_sw_hooks, found, __ATOMIC_RELAXED);
}

/* ---- Records -------------------------------------------------------------------------------- */

void eddy_sw_fiber_adopt(eddy_sw_fiber *fiber) {
    detect_tools();
    thread_fp_control = eddy_sw_fp_read();
    *fiber = (eddy_sw_fiber){.is_thread = 1};
    if (hooks() & HOOK_TSAN) fiber->tsan = __tsan_get_current_fiber();
}

void eddy_sw_fiber_init(eddy_sw_fiber *fiber, void *low, size_t bytes) {
    *fiber = (eddy_sw_fiber){.stack_low = low, .stack_bytes = bytes};
    fiber->valgrind_id = (uint32_t)VALGRIND_STACK_REGISTER(low, (char *)low + bytes - 1);
    if (__lsan_register_root_region && __lsan_unregister_root_region) {
        __lsan_register_root_region(low, bytes);
    }
}

void eddy_sw_fiber_destroy(eddy_sw_fiber *fiber) {
    if (fiber->is_thread) return;
    if (fiber->tsan) __tsan_destroy_fiber(fiber->tsan);
    if (__lsan_register_root_region && __lsan_unregister_root_region) {
        __lsan_unregister_root_region(fiber->stack_low, fiber->stack_bytes);
    }
    VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
    *fiber = (eddy_sw_fiber){0};
}

/* ---- What the tools are told ---------------------------------------------------------------- */

/* What a departure owes to the tools. After it nothing but the raw switch may run. */
EDDY_SW_BARE static inline __attribute__((always_inline)) void leave(eddy_sw_fiber *from,
                                                                    eddy_sw_fiber *to, int exits) {
    departure.from = from;
    departure.exits = exits;
    if (hooks() & HOOK_ASAN) {
        /* No place to keep the fake stack in tells ASan to free it. */
        __sanitizer_start_switch_fiber(exits ? NULL : &from->asan_fake, to->stack_low,
                                       to->stack_bytes);
    }
    if (hooks() & HOOK_TSAN) __tsan_switch_to_fiber(to->tsan, 0);
}

/* What an arrival owes to the tools. fake: the fake stack kept for the one that arrives. */
EDDY_SW_BARE static inline __attribute__((always_inline)) void arrive(void *fake) {
    eddy_sw_fiber *from = departure.from;
    if (hooks() & HOOK_ASAN) {
        const void *low = NULL;
        size_t bytes = 0;
        __sanitizer_finish_switch_fiber(fake, &low, &bytes);
        if (from->is_thread) {
            /* The bounds of a thread's own stack, as the tool sees them: what it wants to hear when
             * the thread is switched back to. */
            from->stack_low = (void *)(uintptr_t)low;
            from->stack_bytes = bytes;
        }
    }
    if (departure.exits && from->tsan) {
        __tsan_destroy_fiber(from->tsan);
        from->tsan = NULL;
    }
}

/* ---- The first entry ------------------------------------------------------------------------ */

/* entry is a function that ends with eddy_sw_exit. */
static void *eddy_sw_start_plain(void *argument, void *entry, void *fiber) {
    (void)fiber;
    ((void (*)(void *))(uintptr_t)entry)(argument);
    eddy_sw_abort("a fiber's entry returned");
}

EDDY_SW_BARE static void *eddy_sw_start_hooked(void *argument, void *entry, void *fiber) {
    arrive(NULL);
    return eddy_sw_start_plain(argument, entry, fiber);
}

/* entry is a function that returns the fiber to go on with; without tools the assembly calls it. */
EDDY_SW_BARE static void *eddy_sw_start_returning_hooked(void *argument, void *entry, void *fiber) {
    arrive(NULL);
    eddy_sw_fiber *to = ((eddy_sw_fiber *(*)(void *))(uintptr_t)entry)(argument);
    leave(fiber, to, 1);
    return to;
}

static void prepare(eddy_sw_fiber *fiber, size_t skip_bytes, eddy_sw_start start, void *argument,
                    void *entry) {
    uintptr_t top = (uintptr_t)fiber->stack_low + fiber->stack_bytes;
    top = (top & ~(uintptr_t)15) - skip_bytes;
    if (__asan_unpoison_memory_region) {
        /* What the last user left without returning is still marked as its locals. */
        __asan_unpoison_memory_region(fiber->stack_low, fiber->stack_bytes);
    }
    VALGRIND_MAKE_MEM_UNDEFINED(top - EDDY_SW_FRAME_BYTES, EDDY_SW_FRAME_BYTES);
    if (hooks() & HOOK_TSAN) {
        if (fiber->tsan) __tsan_destroy_fiber(fiber->tsan);
        fiber->tsan = __tsan_create_fiber(0);
    }
    fiber->asan_fake = NULL;
    fiber->sp = eddy_sw_frame_build((void *)top, thread_fp_control, start, argument, entry, fiber);
}

void eddy_sw_fiber_prepare(eddy_sw_fiber *fiber, size_t skip_bytes, void (*entry)(void *),
                           void *argument) {
    prepare(fiber, skip_bytes, hooks() ? eddy_sw_start_hooked : eddy_sw_start_plain, argument,
            (void *)(uintptr_t)entry);
}

void eddy_sw_fiber_prepare_returning(eddy_sw_fiber *fiber, size_t skip_bytes,
                                     eddy_sw_fiber *(*entry)(void *), void *argument) {
    /* What the entry is given beyond its own parameter, it does not look at. */
    eddy_sw_start start =
        hooks() ? eddy_sw_start_returning_hooked : (eddy_sw_start)(uintptr_t)entry;
    prepare(fiber, skip_bytes, start, argument, (void *)(uintptr_t)entry);
}

/* ---- The switch, where a tool must know ----------------------------------------------------- */

EDDY_SW_BARE void eddy_sw_switch_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to) {
    leave(from, to, 0);
    eddy_sw_switch_raw(from, to);
    arrive(from->asan_fake);
}

EDDY_SW_BARE void eddy_sw_exit_hooked(eddy_sw_fiber *from, eddy_sw_fiber *to) {
    leave(from, to, 1);
    eddy_sw_exit_raw(from, to);
    __builtin_unreachable();
}
