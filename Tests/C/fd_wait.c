/*
 * fd_wait.c: proves eddy_fd_wait: which events come, several waiters on one descriptor, cancels
 * and deadlines around it, refusals, and descriptors that are closed and come back.
 *
 * Invariants: the clock is virtual, descriptors are made ready by the test itself, so nothing
 * waits for real time; every test expects no report and closes what it opened.
 * Threads: one.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define MS(x) EDDY_MILLISECONDS(x)
#define BOTH (EDDY_READABLE | EDDY_WRITABLE)

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

static int ends[2];

static void open_pipe(void) { CHECK(pipe(ends) == 0); }
static void open_sockets(void) { CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }

static void close_ends(void) {
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
}

static void put(int fd) { CHECK(write(fd, "x", 1) == 1); }

static void get(int fd) {
    char byte = 0;
    CHECK(read(fd, &byte, 1) == 1);
    CHECK_INT(byte, 'x');
}

/* Fills a socket until it is not writable any more; returns the bytes. */
static size_t fill(int fd) {
    static char block[4096];
    size_t total = 0;
    ssize_t sent;
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
    while ((sent = write(fd, block, sizeof block)) > 0) total += (size_t)sent;
    CHECK(errno == EAGAIN);
    return total;
}

static void drain(int fd, size_t bytes) {
    static char block[4096];
    while (bytes > 0) {
        const ssize_t got = read(fd, block, bytes < sizeof block ? bytes : sizeof block);
        if (!CHECK(got > 0)) return;
        bytes -= (size_t)got;
    }
}

/* ------------------------------------------------------------------------------------------------
 * Events
 */
static eddy_status_t put_at_5(void *context) {
    EDDY_TRY(eddy_sleep(MS(5)));
    put(*(int *)context);
    return EDDY_OK;
}

IN_TASK(readable) {
    int32_t events = 0;
    (void)context;
    open_pipe();
    put(ends[1]);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_READABLE);
    CHECK_INT(now_ms(), 0);
    get(ends[0]);
    CHECK_STATUS(eddy_task_spawn(put_at_5, &ends[1], NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
    CHECK_INT(now_ms(), 5);
    get(ends[0]);
    close_ends();
    return EDDY_OK;
}

static eddy_status_t drain_at_5(void *context) {
    EDDY_TRY(eddy_sleep(MS(5)));
    drain(ends[1], *(size_t *)context);
    return EDDY_OK;
}

IN_TASK(writable) {
    static size_t bytes;
    int32_t events = 0;
    (void)context;
    open_sockets();
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_WRITABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_WRITABLE);
    bytes = fill(ends[0]);
    CHECK_STATUS(eddy_task_spawn(drain_at_5, &bytes, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_WRITABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_WRITABLE);
    CHECK_INT(now_ms(), 5);
    close_ends();
    return EDDY_OK;
}

IN_TASK(either) {
    int32_t events = 0;
    (void)context;
    open_sockets();
    CHECK_STATUS(eddy_fd_wait(ends[0], BOTH, &events), EDDY_OK);
    CHECK_INT(events, EDDY_WRITABLE);
    put(ends[1]);
    CHECK_STATUS(eddy_fd_wait(ends[0], BOTH, &events), EDDY_OK);
    CHECK_INT(events, BOTH);
    fill(ends[0]);
    CHECK_STATUS(eddy_fd_wait(ends[0], BOTH, &events), EDDY_OK);
    CHECK_INT(events, EDDY_READABLE);
    close_ends();
    return EDDY_OK;
}

IN_TASK(disconnected) {
    int32_t events = 0;
    (void)context;
    open_sockets();
    CHECK(shutdown(ends[1], SHUT_WR) == 0);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_DISCONNECTED, &events), EDDY_OK);
    CHECK_INT(events, EDDY_DISCONNECTED);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_READABLE);
    close_ends();
    /* An error or hang-up counts as all that was asked for. */
    open_pipe();
    close(ends[0]);
    ends[0] = -1;
    CHECK_STATUS(eddy_fd_wait(ends[1], EDDY_WRITABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_WRITABLE);
    close_ends();
    open_pipe();
    close(ends[1]);
    ends[1] = -1;
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, &events), EDDY_OK);
    CHECK_INT(events, EDDY_READABLE);
    close_ends();
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Several waiters
 */
typedef struct waiter {
    const char *name;
    int32_t events, came;
} waiter_t;

static eddy_status_t wait_first_end(void *context) {
    waiter_t *waiter = context;
    const eddy_status_t status = eddy_fd_wait(ends[0], waiter->events, &waiter->came);
    trace("%s:%s", waiter->name, eddy_status_name(status));
    return status;
}

IN_TASK(two_events_on_one) {
    static waiter_t reader = { "reader", EDDY_READABLE, 0 };
    static waiter_t writer = { "writer", EDDY_WRITABLE, 0 };
    eddy_task_t tasks[2];
    size_t bytes;
    (void)context;
    for (int readable_first = 0; readable_first < 2; readable_first++) {
        trace_clear();
        open_sockets();
        bytes = fill(ends[0]);
        CHECK_STATUS(eddy_task_spawn(wait_first_end, &reader, NULL, &tasks[0]), EDDY_OK);
        CHECK_STATUS(eddy_task_spawn(wait_first_end, &writer, NULL, &tasks[1]), EDDY_OK);
        CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
        CHECK_TRACE("");
        if (readable_first) put(ends[1]);
        else drain(ends[1], bytes);
        CHECK_STATUS(eddy_task_join(tasks[!readable_first], NULL), EDDY_OK);
        CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
        CHECK_TRACE(readable_first ? "reader:EDDY_OK" : "writer:EDDY_OK");
        if (readable_first) drain(ends[1], bytes);
        else put(ends[1]);
        CHECK_STATUS(eddy_task_join(tasks[readable_first], NULL), EDDY_OK);
        CHECK_INT(reader.came, EDDY_READABLE);
        CHECK_INT(writer.came, EDDY_WRITABLE);
        for (int index = 0; index < 2; index++)
            CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
        close_ends();
    }
    return EDDY_OK;
}

IN_TASK(same_event_wakes_all) {
    static waiter_t waiters[] = {
        { "a", EDDY_READABLE, 0 }, { "b", BOTH, 0 }, { "c", EDDY_READABLE, 0 },
    };
    eddy_task_t tasks[3];
    (void)context;
    open_sockets();
    fill(ends[0]);
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_task_spawn(wait_first_end, &waiters[index], NULL, &tasks[index]),
            EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    put(ends[1]);
    for (int index = 0; index < 3; index++) {
        CHECK_STATUS(eddy_task_join(tasks[index], NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
        CHECK_INT(waiters[index].came, EDDY_READABLE);
    }
    CHECK_TRACE("a:EDDY_OK b:EDDY_OK c:EDDY_OK");
    close_ends();
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Cancels and deadlines
 */
IN_TASK(cancelled) {
    static waiter_t waiters[] = { { "a", EDDY_READABLE, 7 }, { "b", EDDY_READABLE, 0 } };
    eddy_task_t tasks[2];
    (void)context;
    open_pipe();
    for (int index = 0; index < 2; index++)
        CHECK_STATUS(eddy_task_spawn(wait_first_end, &waiters[index], NULL, &tasks[index]),
            EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(tasks[0], NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(tasks[0], NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(waiters[0].came, 7);
    CHECK_TRACE("a:EDDY_ECANCELED");
    put(ends[1]);
    CHECK_STATUS(eddy_task_join(tasks[1], NULL), EDDY_OK);
    for (int index = 0; index < 2; index++)
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    close_ends();
    return EDDY_OK;
}

/* The same descriptor works after its only waiter was cancelled. */
IN_TASK(timed_out) {
    (void)context;
    open_pipe();
    for (int round = 1; round <= 3; round++) {
        eddy_scope_t scope;
        CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
        const eddy_status_t status = eddy_fd_wait(ends[0], EDDY_READABLE, NULL);
        CHECK_STATUS(status, EDDY_ECANCELED);
        CHECK_STATUS(eddy_scope_close(scope, status), EDDY_ETIMEDOUT);
        CHECK_INT(now_ms(), round * 10);
    }
    put(ends[1]);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
    CHECK_INT(now_ms(), 30);
    close_ends();
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Refusals
 */
IN_TASK(refused) {
    FILE *file = tmpfile();
    int32_t events = 7;
    (void)context;
    CHECK_STATUS(eddy_fd_wait(-1, EDDY_READABLE, &events), EDDY_EINVAL);
    open_pipe();
    CHECK_STATUS(eddy_fd_wait(ends[0], 0, &events), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_wait(ends[0], 8, &events), EDDY_EINVAL);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE | INT32_MIN, &events), EDDY_EINVAL);
    const int closed = ends[0];
    close_ends();
    CHECK_STATUS(eddy_fd_wait(closed, EDDY_READABLE, &events), -EBADF);
    if (CHECK(file != NULL)) {
        CHECK_STATUS(eddy_fd_wait(fileno(file), EDDY_READABLE, &events), EDDY_EPERM);
        fclose(file);
    }
    CHECK_INT(events, 7);
    return EDDY_OK;
}

/* A number that no descriptor can have costs no memory by its size. */
static eddy_status_t wait_for_the_greatest(void *context) {
    (void)context;
    CHECK_STATUS(eddy_fd_wait(INT32_MAX, EDDY_READABLE, NULL), -EBADF);
    CHECK_STATUS(eddy_fd_wait(INT32_MAX / 8, EDDY_READABLE, NULL), -EBADF);
    return EDDY_OK;
}

static void greatest_number(void) {
    struct rlimit before, limited;
    if (!check_tool_is("none")) return;    /* the tools reserve more address space than this */
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    limited = before;
    limited.rlim_cur = (rlim_t)1 << 30;
    CHECK(setrlimit(RLIMIT_AS, &limited) == 0);
    CHECK_STATUS(run_virtual(wait_for_the_greatest, NULL), EDDY_OK);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
}

/* ------------------------------------------------------------------------------------------------
 * The descriptor itself
 */
IN_TASK(set_to_nonblocking) {
    (void)context;
    open_pipe();
    put(ends[1]);
    CHECK((fcntl(ends[0], F_GETFL) & O_NONBLOCK) == 0);
    CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
    CHECK((fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
    close_ends();
    return EDDY_OK;
}

IN_TASK(number_comes_back) {
    (void)context;
    open_pipe();
    const int number = ends[0];
    for (int round = 0; round < 20; round++) {
        eddy_scope_t scope;
        put(ends[1]);
        CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
        close_ends();
        if (round & 1) CHECK_STATUS(eddy_yield(), EDDY_OK);
        if (round & 2) open_sockets();
        else open_pipe();
        CHECK_INT(ends[0], number);
        /* The new one is not ready, whatever the old one was. */
        CHECK_STATUS(eddy_timeout_open(&scope, MS(1), NULL), EDDY_OK);
        const eddy_status_t status = eddy_fd_wait(ends[0], EDDY_READABLE, NULL);
        CHECK_STATUS(eddy_scope_close(scope, status), EDDY_ETIMEDOUT);
    }
    CHECK_INT(now_ms(), 20);
    close_ends();
    return EDDY_OK;
}

static int open_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

static eddy_status_t wait_200_times(void *context) {
    (void)context;
    open_pipe();
    const int before = open_descriptors();
    for (int count = 0; count < 200; count++) {
        put(ends[1]);
        CHECK_STATUS(eddy_fd_wait(ends[0], EDDY_READABLE, NULL), EDDY_OK);
        get(ends[0]);
    }
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(now_ms(), 0);
    close_ends();
    return EDDY_OK;
}

/* The close of the loop aborts if a handle of libuv was left. */
static void no_handle_is_left(void) {
    const int before = open_descriptors();
    CHECK_STATUS(run_virtual(wait_200_times, NULL), EDDY_OK);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "eddy_fd_wait: readable, now and later", readable },
    { "eddy_fd_wait: writable, now and later", writable },
    { "eddy_fd_wait: either of two events", either },
    { "eddy_fd_wait: disconnected, and hang-up counts as all", disconnected },
    { "eddy_fd_wait: two tasks wait for different events of one descriptor", two_events_on_one },
    { "eddy_fd_wait: one event wakes all who wait for it, in order", same_event_wakes_all },
    { "eddy_fd_wait, M3: a cancelled wait leaves the others alone", cancelled },
    { "eddy_fd_wait, TO-08: a deadline around it", timed_out },
    { "eddy_fd_wait: EINVAL, EBADF, EPERM", refused },
    { "eddy_fd_wait: the greatest number is EBADF", greatest_number },
    { "eddy_fd_wait: the descriptor is set to O_NONBLOCK and stays so", set_to_nonblocking },
    { "eddy_fd_wait: a number that is closed and comes back", number_comes_back },
    { "eddy_fd_wait: 200 waits in a row leave no handle", no_handle_is_left },
};
CHECK_MAIN(tests)
