/*
 * Handles and references that were once trusted too far: a release of what was never given, forged
 * ids, calls inside release functions, values and errors that outlive a run.
 *
 * Each test is a bug that a review found; the row or rule it broke is in the test's name.
 * Threads: one.
 */
#include "check.h"

static eddy_status_t nop(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t sleeps_1s(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(1));
}

static eddy_loop_t virtual_loop(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

/* ---- The loop's own hold on the running root is not the user's to end ---- */

static eddy_status_t spawns_three(void *context) {
    (void)context;
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_task_spawn(sleeps_1s, NULL, NULL, NULL), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t releases_itself(void *context) {
    eddy_task_t self = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_release(self), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_release(eddy_task_future(self)), EDDY_EBADHANDLE);
    /* A reference of one's own comes and goes, and leaves the loop's alone. */
    CHECK_STATUS(eddy_task_retain(self), EDDY_OK);
    CHECK_STATUS(eddy_task_release(self), EDDY_OK);
    CHECK_STATUS(eddy_task_release(self), EDDY_EBADHANDLE);
    /* What takes a freed record would be seen in the status of the run. */
    CHECK_STATUS(eddy_task_spawn(spawns_three, NULL, NULL, NULL), EDDY_OK);
    return -5;
}

static void root_is_not_released(void) {
    reports_clear();
    const eddy_loop_t loop = virtual_loop();
    CHECK_STATUS(eddy_loop_run(loop, releases_itself, NULL, NULL), -5);
    CHECK_STATUS(eddy_loop_run(loop, releases_itself, NULL, NULL), -5);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- A failing call inside a value's release, when its task ends ---- */

static eddy_task_t failed_task, stale_task;
static int bad_releases;

static eddy_status_t fails_precious(void *context) {
    (void)context;
    return eddy_fail_text(-5, "precious");
}

static void release_badly(void *value) {
    (void)value;
    bad_releases++;
    CHECK_STATUS(eddy_task_release(stale_task), EDDY_EBADHANDLE);
}

/* Ends without a reference to it, with another task's error as its current one. */
static eddy_status_t joins_and_returns(void *context) {
    static int value;
    (void)context;
    CHECK_STATUS(eddy_task_join(failed_task, NULL), -5);
    return eddy_return(&value, release_badly);
}

static eddy_status_t dangling_body(void *context) {
    eddy_error_t error = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, &stale_task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(stale_task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(stale_task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(fails_precious, NULL, NULL, &failed_task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(joins_and_returns, NULL, NULL, NULL), EDDY_OK);
    for (int index = 0; index < 5; index++) CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(bad_releases, 1);
    CHECK_STATUS(eddy_future_error(eddy_task_future(failed_task), &error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), -5);
    CHECK_TEXT(eddy_error_message(error), "precious");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return eddy_task_release(failed_task);
}

static void failing_call_in_release(void) {
    bad_releases = 0;
    CHECK_STATUS(run_virtual(dangling_body, NULL), EDDY_OK);
    CHECK_INT(bad_releases, 1);
    CHECK_INT(reports.count, 0);
}

/* ---- Ids that were never given out ---- */

/* Every call that takes this id refuses it. */
static void refused(uint64_t id) {
    const eddy_task_t task = { id };
    const eddy_future_t future = { id };
    const eddy_scope_t scope = { id };
    const eddy_error_t error = { id };
    CHECK_STATUS(eddy_task_retain(task), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_release(task), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_retain(future), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_error_retain(error), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_error_release(error), EDDY_EBADHANDLE);
}

static eddy_status_t forged_body(void *context) {
    const uint64_t kind = (uint64_t)15 << 60;
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    refused(task.id);
    /* The id of the free record that the task has left, without a kind and of the next use. */
    refused((task.id & ~kind) + 1);
    refused(task.id & ~kind);
    refused(task.id | kind);
    refused((task.id & ~kind) | ((uint64_t)9 << 60));
    for (unsigned bit = 0; bit < 60; bit++) {
        const eddy_task_t forged = { (task.id & ~kind) ^ ((uint64_t)1 << bit) };
        const eddy_status_t status = eddy_task_retain(forged);
        CHECK(status == EDDY_EBADHANDLE || status == EDDY_EWRONGTHREAD);
    }
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_task_spawn(nop, NULL, NULL, NULL), EDDY_OK);
    return eddy_yield();
}

static void forged_ids(void) {
    CHECK_STATUS(run_virtual(forged_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- The root's value ---- */

static int root_value;

static eddy_status_t returns_value(void *context) {
    (void)context;
    return eddy_return(&root_value, count_release);
}

static void root_value_until_close(void) {
    const eddy_loop_t loop = virtual_loop();
    void *value = NULL;
    root_value = 0;
    CHECK_STATUS(eddy_loop_run(loop, returns_value, NULL, &value), EDDY_OK);
    CHECK(value == &root_value);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(root_value, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(root_value, 1);
}

static void root_value_until_next_run(void) {
    const eddy_loop_t loop = virtual_loop();
    root_value = 0;
    CHECK_STATUS(eddy_loop_run(loop, returns_value, NULL, NULL), EDDY_OK);
    CHECK_INT(root_value, 0);
    CHECK_STATUS(eddy_loop_run(loop, nop, NULL, NULL), EDDY_OK);
    CHECK_INT(root_value, 1);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(root_value, 1);
}

/* ---- Error handles that are left ---- */

static eddy_status_t keeps_error(void *context) {
    eddy_error_t error = { 0 };
    (void)context;
    CHECK_STATUS(eddy_fail_text(-5, "kept"), -5);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t keeps_no_error(void *context) {
    eddy_error_t error = { 0 };
    (void)context;
    CHECK_STATUS(eddy_fail_text(-5, "not kept"), -5);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    return eddy_error_release(error);
}

static void left_errors_are_reported(void) {
    CHECK_STATUS(run_virtual(keeps_error, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_EBUSY);
    CHECK_CONTAINS(reports.text, "left at loop close");
    CHECK_STATUS(run_virtual(keeps_no_error, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Release functions on a thread without a loop ---- */

static int closed_calls;

static void runs_inside_release(void *value) {
    eddy_loop_t loop = { 0 };
    (void)value;
    closed_calls++;
    CHECK_STATUS(eddy_run(NULL, nop, NULL), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_create(NULL, &loop), EDDY_EBUSY);
    CHECK_INT(loop.id, 0);
}

static void closed_without_loop(void) {
    const eddy_future_t future = { UINT64_C(0x2010000010000001) };
    eddy_loop_t loop = { 0 };
    closed_calls = 0;
    CHECK(eddy_future_complete(future, NULL, runs_inside_release) < 0);
    CHECK_INT(closed_calls, 1);
    CHECK_STATUS(eddy_loop_current(&loop), EDDY_EWRONGTHREAD);
    CHECK_STATUS(run_virtual(nop, NULL), EDDY_OK);
}

static eddy_status_t closed_body(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, runs_inside_release), EDDY_OK);
    return eddy_future_release(future);
}

static void closed_inside_loop(void) {
    closed_calls = 0;
    CHECK_STATUS(run_virtual(closed_body, NULL), EDDY_OK);
    CHECK_INT(closed_calls, 1);
}

static const check_test_t tests[] = {
    { "release: one too many, of the running root, is EDDY_EBADHANDLE", root_is_not_released },
    { "release: a failing call inside one leaves other tasks' errors alone",
        failing_call_in_release },
    { "Handles: an id of kind 0, or with forged bits, is EDDY_EBADHANDLE", forged_ids },
    { "eddy_loop_run: the root's value is readable after a shutdown, until the close",
        root_value_until_close },
    { "eddy_loop_run: the root's value goes with the next run", root_value_until_next_run },
    { "eddy_loop_close: error handles that are left are reported", left_errors_are_reported },
    { "EDDY_EBUSY: eddy_run inside a release function, on a thread without a loop",
        closed_without_loop },
    { "EDDY_EBUSY: eddy_run inside a release function, in a task", closed_inside_loop },
};
CHECK_MAIN(tests)
