/*
 * memory_interpose.h: malloc and its kin, mmap and its kin, counted and made to fail, for the tests
 * of memory. A program that includes this replaces the C library's for the whole process.
 *
 * Owns the counts, of calls made by Eddy and libuv alone: what the C library or, in the SwiftPM
 * build, Swift's own runtime asks for passes through. While `memory.armed` is set, each call that
 * could fail is a step; step number `fail_at` fails, and with `and_later` every step after it too.
 * Invariants: only blocks that one of them made are counted, whoever frees them.
 * Threads: one.
 */
#ifndef MEMORY_INTERPOSE_H
#define MEMORY_INTERPOSE_H

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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
    int64_t every;             /* each step whose number this divides fails; 0: none */
    int64_t failures;          /* steps that failed */
    int64_t blocks;            /* live, of malloc and its kin */
    int64_t bytes;             /* of those, with what malloc keeps beside each */
    int64_t mapped;            /* live bytes, of mmap */
    int no_guards;             /* 1: the kernel knows no lightweight guards */
} memory;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

/* Where Eddy's code and libuv's lie. */
typedef struct memory_range {
    uintptr_t low, high;
} memory_range_t;
static memory_range_t memory_eddy, memory_uv;

static int memory_look_at(struct dl_phdr_info *info, size_t size, void *context) {
    memory_range_t *range = NULL;
    (void)size;
    (void)context;
    if (strstr(info->dlpi_name, "libeddy") || strstr(info->dlpi_name, "libEddyCore"))
        range = &memory_eddy;
    else if (strstr(info->dlpi_name, "libuv")) range = &memory_uv;
    for (int index = 0; range && index < info->dlpi_phnum; index++) {
        const uintptr_t low = info->dlpi_addr + info->dlpi_phdr[index].p_vaddr;
        if (info->dlpi_phdr[index].p_type != PT_LOAD) continue;
        if (range->low == 0 || low < range->low) range->low = low;
        if (low + info->dlpi_phdr[index].p_memsz > range->high)
            range->high = low + info->dlpi_phdr[index].p_memsz;
    }
    return 0;
}

__attribute__((constructor)) static void memory_find(void) {
    dl_iterate_phdr(memory_look_at, NULL);
}

static int memory_lies_in(const memory_range_t *range, const void *place) {
    return (uintptr_t)place >= range->low && (uintptr_t)place < range->high;
}

static int memory_is_ours(const void *caller) {
    return memory_lies_in(&memory_eddy, caller) || memory_lies_in(&memory_uv, caller);
}
#define MEMORY_CALLER __builtin_return_address(0)

static inline void memory_arm(int64_t fail_at, int and_later) {
    memory.steps = 0;
    memory.failures = 0;
    memory.fail_at = fail_at;
    memory.and_later = and_later;
    memory.armed = 1;
}

static inline void memory_disarm(void) { memory.armed = 0; }

/* Counts a step and tells whether it fails. */
static int memory_fails(const void *caller) {
    if (!memory.armed || !memory_is_ours(caller)) return 0;
    memory.steps++;
    const int due = memory.every != 0 && memory.steps % memory.every == 0;
    if (!due && (memory.fail_at == 0 || memory.steps < memory.fail_at)) return 0;
    if (!due && memory.steps > memory.fail_at && !memory.and_later) return 0;
    memory.failures++;
    errno = ENOMEM;
    return 1;
}

/* The live blocks that are ours, by address: open addressing; a place emptied before a used one
 * stays marked. */
#define MEMORY_PLACES 131072
static uintptr_t memory_places[MEMORY_PLACES];

/* Where a block stands, or where it would. */
static uintptr_t *memory_place_of(uintptr_t block, int is_new) {
    size_t index = (size_t)((block >> 4) * 0x9e3779b97f4a7c15u >> 40) % MEMORY_PLACES;
    for (size_t tried = 0; tried < MEMORY_PLACES; tried++) {
        uintptr_t *place = &memory_places[(index + tried) % MEMORY_PLACES];
        if (*place == block || *place == 0 || (is_new && *place == 1)) return place;
    }
    abort();
}

static void memory_count(void *block, int sign) {
    memory.blocks += sign;
    memory.bytes += sign * (int64_t)(malloc_usable_size(block) + sizeof(size_t));
}

static void *memory_made(void *block, const void *caller) {
    if (!block || !memory_is_ours(caller)) return block;
    *memory_place_of((uintptr_t)block, 1) = (uintptr_t)block;
    memory_count(block, 1);
    return block;
}

/* Before a block goes; 1 if it was ours. */
static int memory_gone(void *block) {
    uintptr_t *place = memory_place_of((uintptr_t)block, 0);
    if (*place == 0) return 0;
    *place = memory_places[(size_t)(place - memory_places + 1) % MEMORY_PLACES] ? 1 : 0;
    memory_count(block, -1);
    return 1;
}

void *malloc(size_t bytes) {
    void *const caller = MEMORY_CALLER;
    return memory_fails(caller) ? NULL : memory_made(__libc_malloc(bytes), caller);
}

void *calloc(size_t count, size_t bytes) {
    void *const caller = MEMORY_CALLER;
    return memory_fails(caller) ? NULL : memory_made(__libc_calloc(count, bytes), caller);
}

/* libuv ends the process when its table of watchers cannot grow, which nobody can prevent: such a
 * call is a step and does not fail. */
void *realloc(void *block, size_t bytes) {
    void *const caller = MEMORY_CALLER;
    if (memory.armed && memory_lies_in(&memory_uv, caller)) memory.steps++;
    else if (memory_fails(caller)) return NULL;
    if (!block) return memory_made(__libc_realloc(NULL, bytes), caller);
    const int ours = memory_gone(block);
    void *made = __libc_realloc(block, bytes);
    void *kept = made || bytes == 0 ? made : block;
    if (ours && kept) {
        *memory_place_of((uintptr_t)kept, 1) = (uintptr_t)kept;
        memory_count(kept, 1);
    }
    return made;
}

void *memalign(size_t alignment, size_t bytes) {
    void *const caller = MEMORY_CALLER;
    return memory_fails(caller) ? NULL : memory_made(__libc_memalign(alignment, bytes), caller);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    void *const caller = MEMORY_CALLER;
    return memory_fails(caller) ? NULL : memory_made(__libc_memalign(alignment, bytes), caller);
}

int posix_memalign(void **ret_block, size_t alignment, size_t bytes) {
    void *const caller = MEMORY_CALLER;
    if (memory_fails(caller)) return ENOMEM;
    *ret_block = memory_made(__libc_memalign(alignment, bytes), caller);
    return *ret_block ? 0 : ENOMEM;
}

void free(void *block) {
    if (block) memory_gone(block);
    __libc_free(block);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
    void *const caller = MEMORY_CALLER;
    if (memory_fails(caller)) return MAP_FAILED;
    const long place = syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
    if (place == -1) return MAP_FAILED;
    if (!(flags & MAP_FIXED) && memory_is_ours(caller)) memory.mapped += (int64_t)bytes;
    return (void *)place;
}

int munmap(void *address, size_t bytes) {
    if (memory_is_ours(MEMORY_CALLER)) memory.mapped -= (int64_t)bytes;
    return (int)syscall(SYS_munmap, address, bytes);
}

int mprotect(void *address, size_t bytes, int protection) {
    if (memory_fails(MEMORY_CALLER)) return -1;
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
