/*
 * The clock, stderr, the deliberate end of the process, and the names of errnos.
 *
 * Threads: any.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "eddy_switch.h"

int64_t eddy_sw_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* stderr may have been made non-blocking by whoever shares it: then it waits for room. */
void eddy_sw_write_stderr(const char *text, size_t length) {
    int saved = errno;
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
            if (poll(&room, 1, -1) < 0 && errno != EINTR) break;
        } else if (written == 0 || errno != EINTR) {
            break;
        }
    }
    errno = saved;
}

int32_t eddy_sw_stderr_has_colours(void) {
    const char *plain = getenv("NO_COLOR");
    return !(plain && *plain) && isatty(STDERR_FILENO);
}

void eddy_sw_abort(const char *text) {
    static const char opening[] = "eddy: ";
    char line[512];
    size_t length = strlen(text);
    size_t total = sizeof opening - 1 + length + 1;
    if (total <= sizeof line) {
        /* One write, so that no other thread's text comes between. */
        memcpy(line, opening, sizeof opening - 1);
        memcpy(line + sizeof opening - 1, text, length);
        line[total - 1] = '\n';
        eddy_sw_write_stderr(line, total);
    } else {
        eddy_sw_write_stderr(opening, sizeof opening - 1);
        eddy_sw_write_stderr(text, length);
        eddy_sw_write_stderr("\n", 1);
    }
    abort();
}

const char *eddy_sw_errno_name(int32_t error) {
    return error > 0 ? strerrorname_np(error) : NULL;
}

const char *eddy_sw_errno_text(int32_t error) {
    return error > 0 ? strerrordesc_np(error) : NULL;
}
