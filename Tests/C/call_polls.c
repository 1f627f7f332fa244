/* skip: asan tsan valgrind: replaces the clock and the system's poll */
/*
 * call_polls.c: how long the loop waits in the system's poll, on a clock that is not the virtual
 * one. Chapter LOOP, rows 8 and 10.
 *
 * Owns the process's clock_gettime and epoll_wait: the clock stands still but in a poll that finds
 * nothing, which adds the time that it was asked to wait. So no real time passes and each wait is
 * seen. A poll without end calls `on_endless` first, which has to make something ready.
 * Threads: one.
 */
#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#define KEPT 64

static struct {
    int64_t now;
    int count;
    int timeouts[KEPT];            /* milliseconds, -1 without end */
    void (*on_endless)(void);
} polls;

int clock_gettime(clockid_t clock, struct timespec *result) {
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, result);
    result->tv_sec = (time_t)(polls.now / 1000000000);
    result->tv_nsec = (long)(polls.now % 1000000000);
    return 0;
}

int epoll_pwait(int epoll, struct epoll_event *events, int limit, int timeout,
    const sigset_t *mask) {
    if (polls.count < KEPT) polls.timeouts[polls.count] = timeout;
    polls.count++;
    if (timeout < 0 && polls.on_endless) polls.on_endless();
    const int found = (int)syscall(SYS_epoll_pwait, epoll, events, limit, timeout < 0 ? timeout : 0,
        mask, (size_t)8);
    if (found == 0 && timeout > 0) polls.now += (int64_t)timeout * 1000000;
    return found;
}

int epoll_wait(int epoll, struct epoll_event *events, int limit, int timeout) {
    return epoll_pwait(epoll, events, limit, timeout, NULL);
}

/* A run on this clock. */
static eddy_status_t run_real(eddy_task_fn fn) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.report = reports_record;
    memset(&polls, 0, sizeof polls);
    polls.now = EDDY_SECONDS(1000) + 300;
    const eddy_status_t status = eddy_run(&options, fn, NULL);
    CHECK_INT(reports.count, 0);
    return status;
}

static int64_t now(void) {
    int64_t result = 0;
    CHECK_STATUS(eddy_now(&result), EDDY_OK);
    return result;
}

static void forget_polls(void) { polls.count = 0; }

/* ---- LOOP-08 ---- */

static eddy_status_t tiny_body(void *context) {
    static const int64_t naps[] = { 10000000, 100000, 1000, 10, 1, 0 };
    (void)context;
    forget_polls();
    for (size_t index = 0; index < sizeof naps / sizeof naps[0]; index++) {
        const int64_t before = now();
        CHECK_STATUS(eddy_sleep(naps[index]), EDDY_OK);
        CHECK(now() - before >= naps[index]);
    }
    CHECK_INT(polls.count, 5);             /* one wait for each but the last, which is a yield */
    CHECK_INT(polls.timeouts[0], 10);
    for (int index = 1; index < 5; index++) CHECK_INT(polls.timeouts[index], 1);
    return EDDY_OK;
}

static void tiny_sleeps(void) { CHECK_STATUS(run_real(tiny_body), EDDY_OK); }

static eddy_status_t notes_time(void *due) {
    CHECK(now() >= *(int64_t *)due);
    *(int64_t *)due = 0;
    return EDDY_OK;
}

static eddy_status_t never_early_body(void *context) {
    static const int64_t delays[] = { 1, 999999, 1000000, 1000001, 2500000 };
    (void)context;
    for (size_t index = 0; index < sizeof delays / sizeof delays[0]; index++) {
        int64_t due = now() + delays[index];
        CHECK_STATUS(eddy_call_later(delays[index], notes_time, &due, NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(5)), EDDY_OK);
        CHECK_INT(due, 0);
    }
    return EDDY_OK;
}

static void never_early(void) { CHECK_STATUS(run_real(never_early_body), EDDY_OK); }

/* ---- LOOP-10 ---- */

static eddy_status_t ok(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t chain(void *left) {
    if (--*(int *)left > 0) return eddy_call_soon(chain, left, NULL, NULL);
    return EDDY_OK;
}

static int ends[2];

/* More than a turn's steps: a poll comes between, and does not wait, although a timer is near. */
static eddy_status_t ready_body(void *context) {
    int left = 1500;
    (void)context;
    CHECK(pipe(ends) == 0);
    CHECK_STATUS(eddy_fd_add_reader(ends[0], ok, NULL, NULL), EDDY_OK);
    forget_polls();
    CHECK_STATUS(eddy_call_later(EDDY_MILLISECONDS(70), ok, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_soon(chain, &left, NULL, NULL), EDDY_OK);
    while (left > 0) CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK(polls.count >= 1);
    for (int index = 0; index < polls.count && index < KEPT; index++)
        CHECK_INT(polls.timeouts[index], 0);
    CHECK_STATUS(eddy_fd_remove_reader(ends[0]), EDDY_OK);
    close(ends[0]);
    close(ends[1]);
    return EDDY_OK;
}

static void ready(void) { CHECK_STATUS(run_real(ready_body), EDDY_OK); }

/* Until the next timer, and not longer; a nearer one shortens the wait. */
static eddy_status_t timers_body(void *context) {
    (void)context;
    forget_polls();
    CHECK_STATUS(eddy_call_later(EDDY_MILLISECONDS(70), ok, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call_later(EDDY_MILLISECONDS(30), ok, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(3600)), EDDY_OK);
    CHECK_INT(polls.count, 3);
    CHECK_INT(polls.timeouts[0], 30);
    CHECK_INT(polls.timeouts[1], 40);
    CHECK_INT(polls.timeouts[2], 3600000 - 70);
    return EDDY_OK;
}

static void timers(void) { CHECK_STATUS(run_real(timers_body), EDDY_OK); }

/* Without a timer there is no end; with one that is due, no wait. */
static void put(void) { CHECK(write(ends[1], "x", 1) == 1); }

static eddy_status_t endless_body(void *context) {
    (void)context;
    CHECK(pipe(ends) == 0);
    forget_polls();
    polls.on_endless = put;
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
    CHECK_INT(polls.count, 1);
    CHECK_INT(polls.timeouts[0], -1);
    forget_polls();
    CHECK_STATUS(eddy_call_when(now(), ok, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
    CHECK_INT(polls.count, 1);
    CHECK_INT(polls.timeouts[0], 0);
    close(ends[0]);
    close(ends[1]);
    return EDDY_OK;
}

static void endless(void) { CHECK_STATUS(run_real(endless_body), EDDY_OK); }

static const check_test_t tests[] = {
    { "LOOP-08: tiny sleeps: one wait each, and no spinning", tiny_sleeps },
    { "LOOP-08: a timer is never early", never_early },
    { "LOOP-10: the poll does not wait while something is ready", ready },
    { "LOOP-10: the poll waits until the next timer", timers },
    { "LOOP-10: without a timer it waits without end; for one that is due, not", endless },
};
CHECK_MAIN(tests)
