/*
 * Memory for stacks and records: mapping, guarding and giving back pages, and malloc, which
 * Embedded Swift reaches through here alone.
 *
 * Invariants:
 * 1. A stack is never backed by huge pages: one touched page costs one page.
 * 2. The kind of guard is decided once a process. Should the kernel refuse a light guard for one
 *    range (locked memory, before Linux 6.15), that range is protected with mprotect.
 *
 * Threads: any.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "eddy_switch.h"
#include "tools.h"

/* Linux 6.13; older headers do not have it. */
#define ADVICE_GUARD_INSTALL 102

#define GUARD_UNDECIDED 0
#define GUARD_LIGHT 1
#define GUARD_MPROTECT 2

/* Whether a test wants this request to fail. */
int32_t eddy_sw_refuses_memory(void) {
    eddy_sw_thread *thread = eddy_sw_this_thread();
    if (__builtin_expect(thread->failing_step == 0, 1)) return 0;
    return ++thread->memory_steps == thread->failing_step;
}

void *eddy_sw_map(size_t bytes) {
    if (eddy_sw_refuses_memory()) return NULL;
    void *low = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low == MAP_FAILED) return NULL;
    (void)madvise(low, bytes, MADV_NOHUGEPAGE);   /* fails only where there are no huge pages */
    return low;
}

void eddy_sw_unmap(void *low, size_t bytes) { (void)munmap(low, bytes); }

/* Valgrind does not know of light guards, and tests choose by the environment. */
static int decide_guard(void) {
    const char *wish = getenv("EDDY_STACK_GUARD");
    if (wish && strcmp(wish, "mprotect") == 0) return GUARD_MPROTECT;
    if (RUNNING_ON_VALGRIND) return GUARD_MPROTECT;
    size_t bytes = eddy_sw_page_bytes();
    void *probe = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) return GUARD_UNDECIDED;
    int kind = madvise(probe, bytes, ADVICE_GUARD_INSTALL) == 0 ? GUARD_LIGHT : GUARD_MPROTECT;
    (void)munmap(probe, bytes);
    return kind;
}

static int guard_kind(void) {
    static int decided = GUARD_UNDECIDED;
    int kind = __atomic_load_n(&decided, __ATOMIC_RELAXED);
    if (kind == GUARD_UNDECIDED) {
        kind = decide_guard();
        __atomic_store_n(&decided, kind, __ATOMIC_RELAXED);
    }
    return kind;
}

int32_t eddy_sw_guard(void *low, size_t bytes) {
    if (eddy_sw_refuses_memory()) return -ENOMEM;
    if (guard_kind() == GUARD_LIGHT) {
        if (madvise(low, bytes, ADVICE_GUARD_INSTALL) == 0) return 0;
        if (errno != EINVAL) return -errno;
    }
    return mprotect(low, bytes, PROT_NONE) == 0 ? 0 : -errno;
}

int32_t eddy_sw_guard_is_light(void) { return guard_kind() == GUARD_LIGHT; }

void eddy_sw_discard(void *low, size_t bytes) { (void)madvise(low, bytes, MADV_DONTNEED); }

size_t eddy_sw_page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

#ifndef EDDY_HOSTILE
void *eddy_sw_malloc(size_t bytes) { return eddy_sw_refuses_memory() ? NULL : malloc(bytes); }
void *eddy_sw_realloc(void *memory, size_t bytes) {
    return eddy_sw_refuses_memory() ? NULL : realloc(memory, bytes);
}
void eddy_sw_free(void *memory) { free(memory); }
#endif
