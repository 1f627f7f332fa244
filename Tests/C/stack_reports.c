/*
 * Stacks in reports: a task that ignores its cancellation, one that does not end at shutdown, and
 * one that waits for what cannot happen are each named with the functions that they stand in, the
 * program's static ones too.
 *
 * A loop that is abandoned keeps its memory, so those tests run in a child process.
 * Threads: one.
 */
#include "check_tasks.h"

#include <sys/wait.h>

/* Kept out of its caller, and not left by a jump, so that it has a frame. */
#define OWN_FRAME __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))
#if defined(__clang__)
#undef OWN_FRAME
#define OWN_FRAME __attribute__((noinline, disable_tail_calls))
#endif

static void in_a_child(void (*fn)(void)) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        fn();
        check_end_child();
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The last report has these two frames, the first one inside the second, numbered from 0. */
static void check_frames(const char *inner, const char *outer) {
    const char *first = strstr(reports.text, "\n    #0 ");
    const char *inside = strstr(reports.text, inner), *outside = strstr(reports.text, outer);
    CHECK(first != NULL);
    CHECK_CONTAINS(reports.text, inner);
    CHECK_CONTAINS(reports.text, outer);
    CHECK(first && inside && outside && first < inside && inside < outside);
    /* Nothing of the library's inside. */
    CHECK(strstr(reports.text, "8EddyCore") == NULL && strstr(reports.text, "eddy_sw_") == NULL);
    if (check_failures) puts(reports.text);
}

static OWN_FRAME eddy_status_t goes_on_regardless(int times) {
    for (int time = 0; time < times; time++)
        if (eddy_checkpoint() == EDDY_OK) eddy_yield();
    return EDDY_OK;
}

static OWN_FRAME eddy_status_t ignores_cancellation(void *context) {
    (void)context;
    return goes_on_regardless(1500);
}

IN_TASK(ignored) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task;
    (void)context;
    options.name = "deaf";
    EDDY_TRY(eddy_task_spawn(ignores_cancellation, NULL, &options, &task));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_task_cancel(task, NULL));
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_ECANCELED);
    CHECK_CONTAINS(reports.text, "ignores its cancellation");
    CHECK_CONTAINS(reports.text, ": deaf\n");
    CHECK_CONTAINS(reports.site, "stack_reports.c");
    check_frames(" goes_on_regardless+0x", " ignores_cancellation+0x");
    CHECK_CONTAINS(reports.text, " (stack_reports)");
    reports_clear();
    return EDDY_OK;
}

static OWN_FRAME eddy_status_t waits_for_ever(void) {
    eddy_future_t never;
    EDDY_TRY(eddy_future_create(&never));
    const eddy_status_t status = eddy_future_wait(never, NULL);
    eddy_future_release(never);
    return status;
}

static OWN_FRAME eddy_status_t never_ends(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield;
    (void)context;
    options.grace_ns = EDDY_NONE;
    EDDY_TRY(eddy_shield_open(&shield, &options));
    return eddy_scope_close(shield, waits_for_ever());
}

static eddy_status_t leaves_it(void *context) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    (void)context;
    options.name = "endless";
    EDDY_TRY(eddy_task_spawn(never_ends, NULL, &options, NULL));
    return eddy_yield();
}

static void left_at_shutdown_body(void) {
    CHECK_STATUS(run_virtual(leaves_it, NULL), EDDY_EGRACE);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EGRACE);
    CHECK_CONTAINS(reports.text, ": endless\n");
    check_frames(" eddy_future_wait+0x", " waits_for_ever+0x");
    check_frames(" waits_for_ever+0x", " never_ends+0x");
}

static void left_at_shutdown(void) { in_a_child(left_at_shutdown_body); }

/* To stderr the report goes as a person sees it: what, who and where in the first line. */
static void seen_by_a_user(void) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    int ends[2], status = 0;
    char said[4096];
    size_t length = 0;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    CHECK_INT(pipe(ends), 0);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        _exit(eddy_run(&options, leaves_it, NULL) == EDDY_EGRACE ? 0 : 1);
    }
    close(ends[1]);
    for (ssize_t count; (count = read(ends[0], said + length, sizeof said - 1 - length)) > 0;)
        length += (size_t)count;
    said[length] = 0;
    close(ends[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const char *line = strstr(said, "eddy: EDDY_EGRACE: a task did not end at shutdown");
    CHECK(line != NULL);
    CHECK_CONTAINS(said, ": endless (");
    CHECK_CONTAINS(said, ")\n    #0 eddy_future_wait+0x");
    CHECK_CONTAINS(said, " never_ends+0x");
    CHECK(length > 0 && said[length - 1] == '\n');
    if (check_failures) puts(said);
}

static eddy_status_t stuck(void *context) {
    (void)context;
    CHECK_STATUS(waits_for_ever(), EDDY_ECANCELED);
    return EDDY_ECANCELED;
}

static void deadlocked(void) {
    CHECK_STATUS(run_virtual(stuck, NULL), EDDY_EDEADLK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EDEADLK);
    check_frames(" eddy_future_wait+0x", " waits_for_ever+0x");
    check_frames(" waits_for_ever+0x", " stuck+0x");
}

/* Looking at a stack changes nothing on it: the task goes on where it was. */
static OWN_FRAME eddy_status_t keeps_its_values(void *context) {
    volatile double kept[8];
    const eddy_future_t future = *(eddy_future_t *)context;
    double sum = 0;
    for (int index = 0; index < 8; index++) kept[index] = index * 1.5;
    const eddy_status_t status = eddy_future_wait(future, NULL);
    for (int index = 0; index < 8; index++) sum += kept[index];
    CHECK(sum == 42.0);
    trace("%s", eddy_status_name(status));
    return status;
}

static void looked_at_and_resumed(void) {
    eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop;
    eddy_future_t future;
    reports_clear();
    trace_clear();
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, keeps_its_values, &future, NULL), EDDY_EDEADLK);
    CHECK_INT(reports.count, 1);
    check_frames(" eddy_future_wait+0x", " keeps_its_values+0x");
    CHECK_TRACE("EDDY_ECANCELED");
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

/* ---- Little room ---- */

/* Goes down until so many bytes of the stack are used, and ignores its cancellation there. */
static OWN_FRAME eddy_status_t deeper(const char *top, size_t bytes) {
    volatile char frame[512];
    frame[0] = 1;
    if ((size_t)(top - (const char *)__builtin_frame_address(0)) < bytes) {
        const eddy_status_t status = deeper(top, bytes);
        return frame[0] ? status : EDDY_EINVAL;
    }
    return goes_on_regardless(1001);
}

static OWN_FRAME eddy_status_t goes_deep(void *context) {
    return deeper(__builtin_frame_address(0), *(size_t *)context);
}

IN_TASK(near_its_end) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    eddy_task_t task;
    size_t bytes = 114 << 10;
    (void)context;
    options.stack_bytes = 128 << 10;
    EDDY_TRY(eddy_task_spawn(goes_deep, &bytes, &options, &task));
    EDDY_TRY(eddy_yield());
    EDDY_TRY(eddy_task_cancel(task, NULL));
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_CONTAINS(reports.text, "ignores its cancellation");
    CHECK_CONTAINS(reports.text, "\n    (it has no stack to show)\n");
    reports_clear();
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "Must show: a task that ignores cancellation is named with its stack", ignored },
    { "Must show: a task that never ends at shutdown is named with its stack", left_at_shutdown },
    { "Must show: the report that a user sees", seen_by_a_user },
    { "a deadlock shows where the root waits", deadlocked },
    { "a task whose stack was looked at goes on", looked_at_and_resumed },
    { "a running stack with little room left is not looked at", near_its_end },
};
CHECK_MAIN(tests)
