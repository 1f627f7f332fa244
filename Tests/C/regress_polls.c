/*
 * A loop that is about to block arms libuv's timer and polls. When more time passes between the two
 * than the poll may take, as it can on a busy machine, libuv before 1.45 found the timer due before
 * it polled, and polled a descriptor for ever.
 *
 * The program puts that time there: its uv_timer_start stands before libuv's.
 * Threads: one.
 */
#include "check.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <time.h>

static int delayed;

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int uv_timer_start(void *timer, void (*callback)(void *), uint64_t timeout, uint64_t repeat);
int uv_timer_start(void *timer, void (*callback)(void *), uint64_t timeout, uint64_t repeat) {
    int (*start)(void *, void (*)(void *), uint64_t, uint64_t) = NULL;
    void *const found = dlsym(RTLD_NEXT, "uv_timer_start");
    memcpy(&start, &found, sizeof start);
    const int status = start(timer, callback, timeout, repeat);
    const int64_t end = clock_ns() + (int64_t)timeout * 1000000 + 2000000;
    while (clock_ns() < end) continue;
    delayed++;
    return status;
}

static eddy_status_t reads(void *context) {
    return eddy_fd_wait(*(int *)context, EDDY_READABLE, NULL);
}

static eddy_status_t gives_up(void *context) {
    return eddy_with_timeout(EDDY_MILLISECONDS(20), reads, context, NULL);
}

static void a_late_poll_ends(void) {
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK_STATUS(eddy_run(NULL, gives_up, &ends[0]), EDDY_ETIMEDOUT);
    CHECK(delayed > 0);
    close(ends[0]);
    close(ends[1]);
}

static const check_test_t tests[] = {
    { "regress: a poll whose time is over before it begins", a_late_poll_ends },
};
CHECK_MAIN(tests)
