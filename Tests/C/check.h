/*
 * check.h: the tiny harness of the C tests.
 *
 * Owns the counts of one test program, the recorded reports and the trace. A test is a
 * `static void name(void)`, named in a table by the row or rule it proves:
 *
 *     static const check_test_t tests[] = { { "M7: defers share one grace", defers_share } };
 *     CHECK_MAIN(tests)
 *
 * A failed check prints file:line and goes on. argv[1] runs only tests whose name contains it. The
 * last line printed is "N passed, N failed"; the exit status is 1 if any failed. A first line of
 * the form "skip: tsan valgrind: reason" in a test file tells the runner to leave it out.
 *
 * Invariants: nothing here allocates memory, so that tests can count allocations.
 * Threads: checks may fail on any thread; reports and trace belong to the thread of the loop.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "eddy.h"

#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------
 * Checks
 */
typedef struct check_test {
    const char *name;
    void (*run)(void);
} check_test_t;

/* Failed checks of the running test, and its name for the alarm's handler. */
static int check_failures;
static const char *volatile check_running = "";

static inline void check_failed(const char *file, int line) {
    __atomic_add_fetch(&check_failures, 1, __ATOMIC_RELAXED);
    printf("  %s:%d: ", file, line);
}

static inline int check_true(int ok, const char *text, const char *file, int line) {
    if (!ok) {
        check_failed(file, line);
        printf("not so: %s\n", text);
    }
    return ok;
}

static inline int check_status(eddy_status_t got, eddy_status_t expected, const char *text,
    const char *file, int line) {
    if (got == expected) return 1;
    check_failed(file, line);
    printf("%s: got %s (%d), expected %s (%d)\n", text, eddy_status_name(got), (int)got,
        eddy_status_name(expected), (int)expected);
    return 0;
}

static inline int check_int(int64_t got, int64_t expected, const char *text, const char *file,
    int line) {
    if (got == expected) return 1;
    check_failed(file, line);
    printf("%s: got %lld, expected %lld\n", text, (long long)got, (long long)expected);
    return 0;
}

static inline int check_text(const char *got, const char *expected, const char *text,
    const char *file, int line) {
    if (got == expected || (got && expected && strcmp(got, expected) == 0)) return 1;
    check_failed(file, line);
    printf("%s: got \"%s\", expected \"%s\"\n", text, got ? got : "(null)",
        expected ? expected : "(null)");
    return 0;
}

static inline int check_contains(const char *got, const char *part, const char *text,
    const char *file, int line) {
    if (got && strstr(got, part)) return 1;
    check_failed(file, line);
    printf("%s: got \"%s\", expected it to contain \"%s\"\n", text, got ? got : "(null)", part);
    return 0;
}

/* All of them are expressions: 1 if it was so, else 0. */
#define CHECK(cond) check_true((cond) ? 1 : 0, #cond, __FILE__, __LINE__)
#define CHECK_STATUS(expr, expected) check_status((expr), (expected), #expr, __FILE__, __LINE__)
#define CHECK_INT(expr, expected)                                                                 \
    check_int((int64_t)(expr), (int64_t)(expected), #expr, __FILE__, __LINE__)
#define CHECK_TEXT(expr, expected) check_text((expr), (expected), #expr, __FILE__, __LINE__)
/* Text that contains a part. */
#define CHECK_CONTAINS(expr, part) check_contains((expr), (part), #expr, __FILE__, __LINE__)

/* ------------------------------------------------------------------------------------------------
 * Trace: short words in the order in which things happened
 */
static char check_trace_text[4096];

static inline void trace_clear(void) { check_trace_text[0] = '\0'; }

/* Appends one word, formatted as printf does; words are separated by a space. */
static inline void trace(const char *format, ...) EDDY_PRINTF(1, 2);
static inline void trace(const char *format, ...) {
    size_t used = strlen(check_trace_text);
    if (used > 0 && used + 1 < sizeof check_trace_text) {
        check_trace_text[used++] = ' ';
        check_trace_text[used] = '\0';
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check_trace_text + used, sizeof check_trace_text - used, format, arguments);
    va_end(arguments);
}

#define CHECK_TRACE(expected)                                                                     \
    check_text(check_trace_text, (expected), "trace", __FILE__, __LINE__)

/* ------------------------------------------------------------------------------------------------
 * Reports, recorded by a hook
 */
#define CHECK_REPORTS_KEPT 32
typedef struct check_report {
    eddy_status_t status;
    char text[1024];
    char site[256];      /* "" where the report had none */
    eddy_task_t task;
} check_report_t;

static struct {
    int count;           /* all, also those beyond CHECK_REPORTS_KEPT */
    eddy_status_t status;      /* of the last one, as are text and site */
    const char *text;
    const char *site;
    check_report_t all[CHECK_REPORTS_KEPT];
} reports;

static inline void reports_clear(void) {
    memset(&reports, 0, sizeof reports);
    reports.text = "";
    reports.site = "";
}

static inline eddy_status_t reports_record(void *context, const eddy_report_t *report) {
    (void)context;
    check_report_t *kept = &reports.all[reports.count % CHECK_REPORTS_KEPT];
    reports.count++;
    kept->status = report->status;
    kept->task = report->task;
    snprintf(kept->text, sizeof kept->text, "%s", report->text);
    snprintf(kept->site, sizeof kept->site, "%s", report->site ? report->site : "");
    reports.status = kept->status;
    reports.text = kept->text;
    reports.site = kept->site;
    return EDDY_OK;
}

/* How many reports so far have this status. */
static inline int reports_with(eddy_status_t status) {
    int count = 0;
    const int kept = reports.count < CHECK_REPORTS_KEPT ? reports.count : CHECK_REPORTS_KEPT;
    for (int index = 0; index < kept; index++)
        if (reports.all[index].status == status) count++;
    return count;
}

/* ------------------------------------------------------------------------------------------------
 * Loops of tests
 */

/* Options with the virtual clock and the recording hook; a test may change them further. */
static inline eddy_loop_options_t virtual_options(void) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    options.report = reports_record;
    return options;
}

/* eddy_run on the virtual clock; reports and trace start empty. */
static inline eddy_status_t run_virtual(eddy_task_fn fn, void *context) {
    const eddy_loop_options_t options = virtual_options();
    reports_clear();
    trace_clear();
    return eddy_run(&options, fn, context);
}

/* A release function that counts: the value points to an int. */
static inline void count_release(void *value) { ++*(int *)value; }

/* "asan", "tsan", "valgrind" or "none". */
static inline const char *check_tool(void) {
    const char *tool = getenv("EDDY_TEST_TOOL");
    return tool && *tool ? tool : "none";
}

static inline int check_tool_is(const char *tool) { return strcmp(check_tool(), tool) == 0; }

/* Ends a child of fork: status 0 if none of its checks failed, else 1. Under Valgrind it does so as
 * another program, since that tool takes what the parent's loop owns for left by the child. */
static inline void check_end_child(void) {
    const char *program = check_failures ? "false" : "true";
    fflush(stdout);
    if (check_tool_is("valgrind")) execlp(program, program, (char *)NULL);
    _exit(check_failures ? 1 : 0);
}

/* ------------------------------------------------------------------------------------------------
 * Main
 */

/* A test that hangs is named and ends the program; the tools slow a test down up to fifty times. */
static inline void check_alarm(int number) {
    static const char text[] = "\nhangs: ";
    const char *name = check_running;
    (void)number;
    if (write(1, text, sizeof text - 1) < 0 || write(1, name, strlen(name)) < 0 ||
        write(1, "\n0 passed, 1 failed\n", 20) < 0)
        _exit(3);
    _exit(1);
}

static inline int check_main(const check_test_t *tests, size_t count, int argc, char **argv) {
    static char buffer[4096];
    int passed = 0, failed = 0;
    setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    signal(SIGALRM, check_alarm);
    for (size_t index = 0; index < count; index++) {
        if (argc > 1 && !strstr(tests[index].name, argv[1])) continue;
        check_failures = 0;
        check_running = tests[index].name;
        reports_clear();
        trace_clear();
        alarm(check_tool_is("none") ? 60 : 300);
        tests[index].run();
        alarm(0);
        printf("%s %s\n", check_failures ? "FAIL" : "ok  ", tests[index].name);
        if (check_failures) failed++;
        else passed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout);
    return failed ? 1 : 0;
}

#define CHECK_MAIN(table)                                                                         \
    int main(int argc, char **argv) {                                                             \
        return check_main((table), sizeof(table) / sizeof(table)[0], argc, argv);                 \
    }

#endif /* CHECK_H */
