/*
 * Proves eddy_switch.h, Thread and process (the record of each thread, the child of a fork, the
 * clock, stderr, the deliberate end, the names of errnos), and that eddy_fail hands on its text.
 *
 * eddy_fail_text, which belongs to the core, is replaced here by one that keeps what it is given.
 *
 * Threads: one, but for test_thread_record and the reader of test_stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../Include/eddy.h"
#include "../../Sources/EddySwitch/include/eddy_switch.h"
#include "../Switch/switch_check.h"

/* ---- eddy_fail ------------------------------------------------------------------------------ */

static char *kept_text;
static eddy_status_t kept_status;

eddy_status_t eddy_fail_text(eddy_status_t status, const char *text) {
    free(kept_text);
    kept_text = text ? strdup(text) : NULL;
    kept_status = status;
    return status < 0 ? status : EDDY_EINVAL;
}

static void test_fail(void) {
    CHECK(eddy_fail(EDDY_EBUSY, "port %d of %s", 80, "here") == EDDY_EBUSY);
    CHECK(kept_status == EDDY_EBUSY && strcmp(kept_text, "port 80 of here") == 0);
    CHECK(eddy_fail(EDDY_EINVAL, NULL) == EDDY_EINVAL && kept_text == NULL);
    CHECK(eddy_fail(3, "%s", "") == EDDY_EINVAL);
    CHECK(kept_status == 3 && kept_text != NULL && kept_text[0] == 0);

    static const size_t lengths[] = {510, 511, 512, 513, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t length = lengths[i];
        char *text = malloc(length + 1);
        CHECK(text != NULL);
        for (size_t k = 0; k < length; k++) text[k] = (char)('a' + k % 26);
        text[length] = 0;
        CHECK(eddy_fail(EDDY_EPERM, "%s", text) == EDDY_EPERM);
        CHECK(kept_text != NULL && strcmp(kept_text, text) == 0);
        free(text);
    }
    free(kept_text);
    kept_text = NULL;
}

/* Runs in a child. Without memory for the whole text it hands on the beginning. */
static void test_fail_without_memory(void) {
    struct rlimit none = {(rlim_t)1 << 20, (rlim_t)1 << 20};
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    CHECK(eddy_fail(EDDY_EPERM, "%10000000d", 1) == EDDY_EPERM);
    CHECK(kept_text != NULL && strlen(kept_text) == 511);
}

/* ---- Children ------------------------------------------------------------------------------- */

/* Runs test in a child whose stderr goes into said, and returns its wait status. */
static int in_child(void (*test)(void), char *said, size_t capacity) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        test();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got = 1; got > 0; length += (size_t)(got > 0 ? got : 0)) {
        got = read(ends[0], said + length, capacity - 1 - length);
    }
    said[length] = 0;
    close(ends[0]);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static int ended_well(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

static void abort_short(void) { eddy_sw_abort("something is wrong"); }

static void abort_long(void) {
    static char text[3001];
    memset(text, 'x', 3000);
    eddy_sw_abort(text);
}

static void test_abort(void) {
    char said[8192];
    signal(SIGABRT, SIG_DFL);
    int status = in_child(abort_short, said, sizeof said);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strncmp(said, "eddy: something is wrong\n", 25) == 0);
    status = in_child(abort_long, said, sizeof said);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strncmp(said, "eddy: xxx", 9) == 0 && said[3005] == 'x' && said[3006] == '\n');
}

static void write_much(void) {
    static char text[300000];
    memset(text, 'y', sizeof text);
    CHECK(fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK) == 0);
    errno = 77;
    eddy_sw_write_stderr(text, sizeof text);
    CHECK(errno == 77);
}

static void write_nowhere(void) {
    close(STDERR_FILENO);
    eddy_sw_write_stderr("lost", 4);   /* gives up */
}

/* More than a pipe holds, through a descriptor that does not wait. */
static void test_stderr(void) {
    static char said[400000];
    CHECK(ended_well(in_child(write_much, said, sizeof said)));
    CHECK(strlen(said) == 300000);
    CHECK(ended_well(in_child(write_nowhere, said, sizeof said)));
}

/* ---- The child of a fork -------------------------------------------------------------------- */

/* Every second loop is a live one. */
static uint64_t word_before(int i) {
    return (uint64_t)i << 32 | (uint64_t)i | (i % 2 ? EDDY_SW_LOOP_LIVE : 0);
}

static void check_forked(void) {
    eddy_sw_thread *thread = eddy_sw_this_thread();
    CHECK(thread->loop == NULL && thread->bound == NULL);
    CHECK(thread->state == EDDY_SW_THREAD_FORKED);
    for (int i = 0; i < EDDY_SW_LOOP_LIMIT; i++) {
        uint64_t word = eddy_sw_loop_words[i];
        if (i % 2) {
            CHECK((word & EDDY_SW_LOOP_LIVE) == 0);
            CHECK((word & EDDY_SW_LOOP_SPENT) == EDDY_SW_LOOP_SPENT);
        } else {
            CHECK(word == word_before(i));
        }
    }
}

static void test_fork(void) {
    static int loop;
    char said[4096];
    CHECK(eddy_sw_watch_fork() == 0 && eddy_sw_watch_fork() == 0);
    eddy_sw_thread *thread = eddy_sw_this_thread();
    thread->loop = &loop;
    thread->bound = &loop;
    for (int i = 0; i < EDDY_SW_LOOP_LIMIT; i++) eddy_sw_loop_words[i] = word_before(i);
    CHECK(ended_well(in_child(check_forked, said, sizeof said)));
    CHECK(thread->loop == &loop && thread->bound == &loop);
    CHECK(thread->state == EDDY_SW_THREAD_OPEN);
    for (int i = 0; i < EDDY_SW_LOOP_LIMIT; i++) CHECK(eddy_sw_loop_words[i] == word_before(i));
    memset(thread, 0, sizeof *thread);
}

static void *check_own_record(void *other) {
    eddy_sw_thread *thread = eddy_sw_this_thread();
    CHECK((void *)thread != other && thread->loop == NULL);
    CHECK(thread->state == EDDY_SW_THREAD_OPEN && thread->depth == 0);
    return NULL;
}

static void test_thread_record(void) {
    static int loop;
    eddy_sw_this_thread()->loop = &loop;
    pthread_t other;
    CHECK(pthread_create(&other, NULL, check_own_record, eddy_sw_this_thread()) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    eddy_sw_this_thread()->loop = NULL;
}

/* ---- Clock and names ------------------------------------------------------------------------ */

static void test_clock(void) {
    struct timespec now;
    int64_t before = eddy_sw_clock_ns();
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    int64_t after = eddy_sw_clock_ns();
    int64_t between = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    CHECK(before <= between && between <= after);
}

static void test_errnos(void) {
    CHECK(strcmp(eddy_sw_errno_name(ENOENT), "ENOENT") == 0);
    CHECK(strcmp(eddy_sw_errno_text(ENOENT), "No such file or directory") == 0);
    CHECK(strcmp(eddy_sw_errno_name(ECANCELED), "ECANCELED") == 0);
    static const int32_t none[] = {0, -1, 4000, 5001, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CHECK(eddy_sw_errno_name(none[i]) == NULL && eddy_sw_errno_text(none[i]) == NULL);
    }
}

int main(void) {
    char said[4096];
    test_fail();
    if (!UNDER_ASAN && !UNDER_TSAN && !RUNNING_ON_VALGRIND) {
        CHECK(ended_well(in_child(test_fail_without_memory, said, sizeof said)));
    }
    test_abort();
    test_stderr();
    test_fork();
    test_thread_record();
    test_clock();
    test_errnos();
    puts("switch_system: ok");
    return 0;
}
