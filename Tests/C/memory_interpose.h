/*
 * memory_interpose.h: malloc and its kin, mmap and its kin, counted and made to fail, for the tests
 * of memory. A program that includes this replaces the C library's for the whole process.
 *
 * Owns the counts. While `memory.armed` is set, each call that could fail is a step; step number
 * `fail_at` fails, and with `and_later` every step after it too.
 * Invariants: a block that is freed was counted when it was made, from the start of the process on.
 * Threads: one.
 */
#ifndef MEMORY_INTERPOSE_H
#define MEMORY_INTERPOSE_H

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Volatile, since the compiler knows malloc for a function that changes none of the program's own
 * variables. */
static volatile struct {
    int armed;
    int64_t steps;             /* since it was armed */
    int64_t fail_at;           /* which step fails; 0: none */
    int and_later;             /* 1: so do all after it */
    int64_t failures;          /* steps that failed */
    int64_t blocks;            /* live, of malloc and its kin */
    int64_t mapped;            /* live bytes, of mmap */
    int no_guards;             /* 1: the kernel knows no lightweight guards */
} memory;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static inline void memory_arm(int64_t fail_at, int and_later) {
    memory.steps = 0;
    memory.failures = 0;
    memory.fail_at = fail_at;
    memory.and_later = and_later;
    memory.armed = 1;
}

static inline void memory_disarm(void) { memory.armed = 0; }

/* Counts a step and tells whether it fails. */
static int memory_fails(void) {
    if (!memory.armed) return 0;
    memory.steps++;
    if (memory.fail_at == 0 || memory.steps < memory.fail_at) return 0;
    if (memory.steps > memory.fail_at && !memory.and_later) return 0;
    memory.failures++;
    errno = ENOMEM;
    return 1;
}

/* libuv ends the process when its table of watchers cannot grow, which nobody can prevent: such a
 * call is counted and does not fail. */
static int memory_is_watchers(void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libuv") != NULL;
}

static void *memory_made(void *block) {
    if (block) memory.blocks++;
    return block;
}

void *malloc(size_t bytes) {
    return memory_fails() ? NULL : memory_made(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes) {
    return memory_fails() ? NULL : memory_made(__libc_calloc(count, bytes));
}

void *realloc(void *block, size_t bytes) {
    if (memory.armed && memory_is_watchers(__builtin_return_address(0))) memory.steps++;
    else if (memory_fails()) return NULL;
    void *made = __libc_realloc(block, bytes);
    if (!block) return memory_made(made);
    if (!made && bytes == 0) memory.blocks--;
    return made;
}

void *memalign(size_t alignment, size_t bytes) {
    return memory_fails() ? NULL : memory_made(__libc_memalign(alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **ret_block, size_t alignment, size_t bytes) {
    void *block = memalign(alignment, bytes);
    if (!block) return ENOMEM;
    *ret_block = block;
    return 0;
}

void free(void *block) {
    if (block) memory.blocks--;
    __libc_free(block);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
    if (memory_fails()) return MAP_FAILED;
    const long place = syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
    if (place == -1) return MAP_FAILED;
    if (!(flags & MAP_FIXED)) memory.mapped += (int64_t)bytes;
    return (void *)place;
}

int munmap(void *address, size_t bytes) {
    memory.mapped -= (int64_t)bytes;
    return (int)syscall(SYS_munmap, address, bytes);
}

int mprotect(void *address, size_t bytes, int protection) {
    if (memory_fails()) return -1;
    return (int)syscall(SYS_mprotect, address, bytes, protection);
}

/* 102 and 103 install and remove the guards of newer kernels. */
int madvise(void *address, size_t bytes, int advice) {
    if (memory.no_guards && (advice == 102 || advice == 103)) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, address, bytes, advice);
}

#endif /* MEMORY_INTERPOSE_H */
