/*
 * The interfaces of the tools that must be told of stacks: ASan, TSan, LSan and Valgrind. They are
 * looked for at run time, through weak references, so that the one library that is shipped is right
 * in a sanitized program too. Internal to EddySwitch.
 *
 * The sanitizers' functions are declared here since their headers need not be installed.
 */
#ifndef EDDY_SW_TOOLS_H
#define EDDY_SW_TOOLS_H

#include <stddef.h>

#define EDDY_SW_WEAK __attribute__((weak, visibility("default")))

EDDY_SW_WEAK void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom,
                                                 size_t size);
EDDY_SW_WEAK void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old,
                                                  size_t *size_old);
EDDY_SW_WEAK void __asan_unpoison_memory_region(void const volatile *low, size_t bytes);
EDDY_SW_WEAK void *__tsan_get_current_fiber(void);
EDDY_SW_WEAK void *__tsan_create_fiber(unsigned flags);
EDDY_SW_WEAK void __tsan_destroy_fiber(void *fiber);
EDDY_SW_WEAK void __tsan_switch_to_fiber(void *fiber, unsigned flags);
EDDY_SW_WEAK void __lsan_register_root_region(const void *low, size_t bytes);
EDDY_SW_WEAK void __lsan_unregister_root_region(const void *low, size_t bytes);

/* For a function that runs between two stacks: no instrumentation of any kind in it, since that
 * would act on the stack the tool believes in and not on the one in use. */
#if defined(__clang__)
#define EDDY_SW_BARE                                                                              \
    __attribute__((no_sanitize("address", "thread", "undefined"),                                 \
                   disable_sanitizer_instrumentation))
#else
#define EDDY_SW_BARE                                                                              \
    __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define EDDY_SW_HAS_VALGRIND 1
#endif
#endif

#ifndef EDDY_SW_HAS_VALGRIND
/* Built without Valgrind's header: the library runs there, but is not understood as well. */
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_STACK_REGISTER(low, high) ((void)(low), (void)(high), 0)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define VALGRIND_MAKE_MEM_UNDEFINED(low, bytes) ((void)(low), (void)(bytes))
#endif

#endif
