/*
 * The open descriptors of the process, for tests that look for forgotten ones. Nothing here asks
 * for memory.
 *
 * Threads: any; what others open meanwhile may be seen or not.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "eddy_switch.h"

int32_t eddy_sw_open_descriptors(uint64_t *bits, intptr_t count) {
    union {
        struct dirent64 entry;      /* for its alignment */
        char bytes[4096];
    } room;
    memset(bits, 0, (size_t)count * sizeof *bits);
    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return 0;
    long length;
    while ((length = syscall(SYS_getdents64, folder, room.bytes, sizeof room.bytes)) > 0) {
        for (long at = 0; at < length;) {
            const struct dirent64 *entry = (const struct dirent64 *)(room.bytes + at);
            char *end = NULL;
            long number = strtol(entry->d_name, &end, 10);
            at += entry->d_reclen;
            if (end == entry->d_name || number == folder || number / 64 >= count) continue;
            bits[number / 64] |= (uint64_t)1 << (number % 64);
        }
    }
    (void)close(folder);
    return length == 0;
}

void eddy_sw_describe_descriptor(int32_t number, char *text, intptr_t capacity) {
    char path[32] = "/proc/self/fd/";
    char digits[12];
    size_t count = 0, at = strlen(path);
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) path[at++] = digits[--count];
    path[at] = '\0';
    ssize_t length = readlink(path, text, (size_t)capacity - 1);
    text[length > 0 ? length : 0] = '\0';
}
