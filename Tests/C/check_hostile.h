/*
 * check_hostile.h: what the hostile build (make hostile) ends the process for, seen from a child.
 *
 * Invariants: a child's stderr is read whole before it is waited for; it leaves no core file.
 * Threads: one.
 */
#ifndef CHECK_HOSTILE_H
#define CHECK_HOSTILE_H

#include "check.h"

#include <sys/resource.h>
#include <sys/wait.h>

/* Set in the child that runs a test which ends the process. */
static int check_in_child;

/* Runs a test in a child. ret_text gets what it wrote to stderr. Returns the wait status. */
static inline int check_child(void (*test)(void), char *ret_text, size_t capacity) {
    const struct rlimit none = { 0, 0 };
    int ends[2], status = -1;
    size_t length = 0;
    ssize_t got;
    ret_text[0] = '\0';
    fflush(stdout);
    if (!CHECK(pipe(ends) == 0)) return -1;
    const pid_t child = fork();
    if (child == 0) {
        check_in_child = 1;
        check_failures = 0;
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        test();
        check_end_child();
    }
    close(ends[1]);
    do {
        got = read(ends[0], ret_text + length, capacity - length - 1);
        if (got > 0) length += (size_t)got;
    } while (got > 0 && length + 1 < capacity);
    ret_text[length] = '\0';
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* A scope left open is repaired, but in the hostile build it ends the process. The first line of a
 * test that leaves one open: `if (check_leak_is_fatal(test)) return;`, with the test's own name.
 * In the hostile build it runs the test in a child, checks how that ends, and gives 1. */
static inline int check_leak_is_fatal(void (*test)(void)) {
    char text[512];
    if (check_in_child || !eddy_has_feature("hostile")) return 0;
    const int status = check_child(test, text, sizeof text);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK_CONTAINS(text, "hostile: EDDY_ESCOPELEAK: a scope was left open");
    return 1;
}

#endif /* CHECK_HOSTILE_H */
