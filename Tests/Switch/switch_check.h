/*
 * What the tests of EddySwitch share: CHECK, and which tool the test runs under. These tests link
 * the objects of Sources/EddySwitch and nothing of the core.
 */
#ifndef SWITCH_CHECK_H
#define SWITCH_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(what)                                                                               \
    do {                                                                                          \
        if (!(what)) {                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #what);                    \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

/* How often to repeat: less where a tool makes each time dear. */
static inline int times(int plain, int under_a_tool) {
    return UNDER_ASAN || UNDER_TSAN || RUNNING_ON_VALGRIND ? under_a_tool : plain;
}

#endif
