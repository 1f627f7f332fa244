/*
 * The hostile build's memory: what is fresh is not zero, what is freed is filled, what grows always
 * moves. And the switch for planted faults, by which the tests see that its checker can fail.
 *
 * Invariants: nothing of this file is in an ordinary build.
 * Threads: any; a fault is planted by the first that asks.
 */
#define _GNU_SOURCE
#include "eddy_switch.h"

#ifdef EDDY_HOSTILE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define FREED 0xdb
#define FRESH 0xa5

void eddy_sw_poison(void *memory, size_t bytes) { memset(memory, FREED, bytes); }

int32_t eddy_sw_is_poisoned(const void *memory, size_t bytes) {
    const unsigned char *byte = memory;
    if (bytes == 0) return 1;
    /* Equal to itself one byte further on: all bytes are equal. */
    return byte[0] == FREED && memcmp(byte, byte + 1, bytes - 1) == 0;
}

void *eddy_sw_malloc(size_t bytes) {
    void *memory = eddy_sw_refuses_memory() ? NULL : malloc(bytes);
    if (memory) memset(memory, FRESH, bytes);
    return memory;
}

void eddy_sw_free(void *memory) {
    if (memory) memset(memory, FREED, malloc_usable_size(memory));
    free(memory);
}

void *eddy_sw_realloc(void *memory, size_t bytes) {
    void *moved = eddy_sw_malloc(bytes);
    if (!moved || !memory) return moved;
    const size_t old = malloc_usable_size(memory);
    memcpy(moved, memory, old < bytes ? old : bytes);
    eddy_sw_free(memory);
    return moved;
}

static int planted;

int32_t eddy_sw_wants_fault(const char *name) {
    const char *wish = getenv("EDDY_PLANT");
    return wish && !__atomic_load_n(&planted, __ATOMIC_RELAXED) && strcmp(wish, name) == 0;
}

void eddy_sw_fault_is_planted(void) { __atomic_store_n(&planted, 1, __ATOMIC_RELAXED); }
#endif
