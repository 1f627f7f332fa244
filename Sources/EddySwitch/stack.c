/*
 * Stacks for people to read: the return addresses on a stack, and what is loaded at an address.
 *
 * The unwinder is the C library's, which loads it when it is first asked: nothing of it is linked.
 * Threads: eddy_sw_backtrace any, once it is prepared also a signal's handler; a fiber's that of
 * its thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eddy_switch.h"

/* What unwinding takes of a stack, and as much again. */
#define ROOM_BYTES (16u << 10)

EDDY_SW_HIDDEN void eddy_sw_borrow(void *sp, void (*fn)(void *), void *argument);

/* Begins with the caller: what is inside it is dropped, a sanitizer's stand-in for the unwinder
 * too. */
int32_t eddy_sw_backtrace(uintptr_t *frames, int32_t capacity) {
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    int count = backtrace((void **)frames, capacity), first = 0;
    while (first < count && frames[first] != caller) first++;
    if (first == count) return count;
    memmove(frames, frames + first, (size_t)(count - first) * sizeof *frames);
    return count - first;
}

void eddy_sw_backtrace_prepare(void) {
    uintptr_t frame;
    eddy_sw_backtrace(&frame, 1);
}

typedef struct capture {
    uintptr_t *frames;
    int32_t capacity, count;
} capture;

static void eddy_sw_capture_here(void *argument) {
    capture *wanted = argument;
    wanted->count = eddy_sw_backtrace(wanted->frames, wanted->capacity);
}

static int has_room(const eddy_sw_fiber *fiber, const void *sp) {
    return (uintptr_t)sp >= (uintptr_t)fiber->stack_low + ROOM_BYTES;
}

int32_t eddy_sw_own_backtrace(const eddy_sw_fiber *fiber, uintptr_t *frames, int32_t capacity) {
    if (!has_room(fiber, __builtin_frame_address(0))) return 0;
    eddy_sw_backtrace_prepare();
    return eddy_sw_backtrace(frames, capacity);
}

int32_t eddy_sw_fiber_backtrace(const eddy_sw_fiber *fiber, uintptr_t *frames, int32_t capacity) {
    capture wanted = {frames, capacity, 0};
    if (!fiber->sp || !has_room(fiber, fiber->sp)) return 0;
    eddy_sw_backtrace_prepare();
    eddy_sw_borrow(fiber->sp, eddy_sw_capture_here, &wanted);
    return wanted.count;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether two addresses are in one file. */
static int together(const void *base, uintptr_t address) {
    Dl_info info;
    return dladdr((void *)address, &info) != 0 && info.dli_fbase == base;
}

int32_t eddy_sw_find_object(uintptr_t address, eddy_sw_object *ret_object) {
    Dl_info info, other;
    struct link_map *map = NULL;
    const ElfW(Sym) *symbol = NULL;
    if (dladdr1((void *)address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || !map) return 0;
    dladdr1((void *)address, &other, (void **)&symbol, RTLD_DL_SYMENT);
    int is_program = together(info.dli_fbase, getauxval(AT_ENTRY));
    *ret_object = (eddy_sw_object){
        .path = is_program ? "/proc/self/exe" : info.dli_fname,
        .label = last_part(info.dli_fname),
        .bias = map->l_addr,
        .is_own = !is_program && together(info.dli_fbase, (uintptr_t)&eddy_sw_find_object),
    };
    if (symbol && address - (uintptr_t)info.dli_saddr < symbol->st_size) {
        ret_object->symbol = info.dli_sname;
        ret_object->symbol_address = (uintptr_t)info.dli_saddr;
    }
    return 1;
}

const void *eddy_sw_map_file(const char *path, size_t *ret_bytes) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return NULL;
    void *memory = MAP_FAILED;
    if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
        *ret_bytes = (size_t)about.st_size;
        memory = mmap(NULL, *ret_bytes, PROT_READ, MAP_PRIVATE, file, 0);
    }
    close(file);
    return memory == MAP_FAILED ? NULL : memory;
}

/* To be freed; NULL if it is no name of Swift's, or there is no runtime of Swift's to ask. */
static char *demangled(const char *name) {
    typedef char *(*demangle_fn)(const char *, size_t, char *, size_t *, uint32_t);
    demangle_fn demangle = NULL;
    if (name[0] == '$') demangle = (demangle_fn)dlsym(RTLD_DEFAULT, "swift_demangle");
    return demangle ? demangle(name, strlen(name), NULL, NULL, 0) : NULL;
}

int32_t eddy_sw_demangle(const char *name, char *buffer, size_t capacity) {
    char *text = demangled(name);
    if (!text) return 0;
    size_t length = strlen(text);
    if (length >= capacity) length = capacity - 1;
    memcpy(buffer, text, length);
    buffer[length] = 0;
    free(text);
    return 1;
}

int32_t eddy_sw_may_be_extension(const char *name) {
    char *text = demangled(name);
    int32_t found = !text || strstr(text, "(extension in ");
    free(text);
    return found;
}
