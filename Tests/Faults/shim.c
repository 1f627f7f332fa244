/*
 * shim.c: loaded before the C library, it makes requests for memory of Eddy and libuv fail, and
 * says at the exit what was left. Tests/C/memory_interpose.h does the work.
 *
 * Environment: EDDY_FAULT_AT=n the n-th request fails (0: none); EDDY_FAULT_EVERY=n each n-th one
 * does. What comes at the exit goes to descriptor EDDY_FAULT_REPORT, as one line:
 * "steps failures blocks mapped", of which the last two are what is still held.
 * Threads: one; requests from others pass unseen.
 */
#define _GNU_SOURCE
#include "../C/memory_interpose.h"

#include <stdio.h>
#include <stdlib.h>

static int64_t number(const char *name) {
    const char *text = getenv(name);
    return text ? atoll(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
    memory.every = number("EDDY_FAULT_EVERY");
    memory_arm(number("EDDY_FAULT_AT"), 0);
}

__attribute__((destructor)) static void end(void) {
    const int report = (int)number("EDDY_FAULT_REPORT");
    char line[128];
    memory_disarm();
    if (report == 0) return;
    const int length = snprintf(line, sizeof line, "%lld %lld %lld %lld\n",
        (long long)memory.steps, (long long)memory.failures, (long long)memory.blocks,
        (long long)memory.mapped);
    if (write(report, line, (size_t)length) != length) _exit(97);
}
