/*
 * Errors: the current one tells what was returned, copies know their origin, nobody else's error is
 * written to.
 *
 * Each test is a bug that a review found; the row or rule it broke is in the test's name.
 * Threads: one.
 */
#include "check.h"

static eddy_status_t nop(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_status_t fails_5(void *context) {
    (void)context;
    return eddy_fail_text(-5, "bad");
}

static eddy_status_t sleeps_100s(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(100));
}

/* The current error has the status that a call has just returned. */
static void current_is(eddy_status_t returned, eddy_status_t expected) {
    eddy_error_t error = { 0 };
    CHECK_STATUS(returned, expected);
    if (!CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) return;
    CHECK_STATUS(eddy_error_status(error), returned);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
}

/* ---- The current error's status ---- */

static eddy_task_t target;

static eddy_status_t joins_target(void *context) {
    (void)context;
    const eddy_status_t status = eddy_task_join(target, NULL);
    current_is(status, EDDY_ECANCELED);
    return status;
}

static eddy_status_t expired_body(void *context) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleeps_100s, NULL, NULL, &target), EDDY_OK);
    current_is(eddy_with_timeout(EDDY_SECONDS(1), joins_target, NULL, NULL), EDDY_ETIMEDOUT);
    current_is(eddy_task_join(target, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(target);
}

static void status_of_expired(void) {
    CHECK_STATUS(run_virtual(expired_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* A deadline that ends the target itself, whose waiter is not cancelled. */
static eddy_status_t canceled_target_body(void *context) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleeps_100s, NULL, NULL, &target), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(target, "enough"), EDDY_OK);
    current_is(eddy_task_join(target, NULL), EDDY_ETARGETCANCELED);
    current_is(eddy_future_wait(eddy_task_future(target), NULL), EDDY_ETARGETCANCELED);
    current_is(eddy_future_result(eddy_task_future(target), NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(target);
}

static void status_of_canceled(void) {
    CHECK_STATUS(run_virtual(canceled_target_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t waits_for_nothing(void *context) {
    eddy_future_t never = { 0 };
    (void)context;
    CHECK_STATUS(eddy_future_create(&never), EDDY_OK);
    const eddy_status_t status = eddy_future_wait(never, NULL);
    CHECK_STATUS(eddy_future_release(never), EDDY_OK);
    return status;
}

static void status_of_deadlock(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    eddy_error_t error = { 0 }, cause = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    const eddy_status_t status = eddy_loop_run(loop, waits_for_nothing, NULL, NULL);
    current_is(status, EDDY_EDEADLK);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_cause_count(error), 1);
    CHECK_STATUS(eddy_error_cause(error, 0, &cause), EDDY_OK);
    CHECK_STATUS(eddy_error_status(cause), EDDY_ECANCELED);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_INT(reports_with(EDDY_EDEADLK), 1);
}

static eddy_status_t failing_calls_body(void *context) {
    eddy_loop_t loop = { 0 };
    (void)context;
    CHECK_STATUS(eddy_fail_text(-5, "old"), -5);
    current_is(eddy_run(NULL, nop, NULL), EDDY_EBUSY);
    CHECK_STATUS(eddy_fail_text(-5, "old"), -5);
    current_is(eddy_loop_create(NULL, &loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_fail_text(-5, "old"), -5);
    current_is(eddy_loop_create(NULL, NULL), EDDY_EINVAL);
    return EDDY_OK;
}

static void failing_calls_replace(void) {
    CHECK_STATUS(run_virtual(failing_calls_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Errors of other tasks ---- */

static eddy_status_t shared_body(void *context) {
    eddy_error_t error = { 0 }, own = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fails_5, NULL, NULL, &target), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    for (int index = 0; index < 3; index++) {
        eddy_scope_t scope = { 0 };
        CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
        CHECK_STATUS(eddy_scope_cancel(scope, "mine alone"), EDDY_OK);
        CHECK_STATUS(eddy_scope_close(scope, eddy_task_join(target, NULL)), -5);
        CHECK_STATUS(eddy_error_current(&own), EDDY_OK);
        CHECK_TEXT(eddy_error_message(own), "bad");
        CHECK_INT(eddy_error_cause_count(own), 1);
        CHECK_STATUS(eddy_error_release(own), EDDY_OK);
    }
    CHECK_STATUS(eddy_future_error(eddy_task_future(target), &error), EDDY_OK);
    CHECK_INT(eddy_error_cause_count(error), 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return eddy_task_release(target);
}

static void reasons_stay_outside(void) {
    CHECK_STATUS(run_virtual(shared_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Copies ---- */

/* The child's error goes out through two cancelled scopes, each of which copies it to add its
 * reason; the group knows it for its child's all the same. */
static eddy_status_t copies_body(void *context) {
    eddy_scope_t group = { 0 }, middle = { 0 }, inner = { 0 };
    eddy_task_t child = { 0 };
    eddy_error_t held = { 0 }, error = { 0 };
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&middle, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fails_5, NULL, NULL, &child), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    eddy_status_t status = eddy_task_join(child, NULL);
    CHECK_STATUS(status, -5);
    CHECK_STATUS(eddy_scope_cancel(middle, "middle"), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(inner, "inner"), EDDY_OK);
    status = eddy_scope_close(inner, status);
    CHECK_STATUS(status, -5);
    if (context) CHECK_STATUS(eddy_error_current(&held), EDDY_OK);
    status = eddy_scope_close(middle, status);
    CHECK_STATUS(status, -5);
    CHECK_STATUS(eddy_scope_close(group, status), EDDY_EGROUP);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_child_count(error), 1);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_error_release(held), EDDY_OK);
    return eddy_task_release(child);
}

static void copy_is_known(void) {
    CHECK_STATUS(run_virtual(copies_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static void copy_of_copy_is_known(void) {
    int hold = 1;
    CHECK_STATUS(run_virtual(copies_body, &hold), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Cancelled futures ---- */

static eddy_status_t take_body(void *context) {
    eddy_future_t future = { 0 };
    eddy_scope_t scope = { 0 };
    eddy_release_fn release = NULL;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    return eddy_future_release(future);
}

static void take_is_as_result(void) {
    CHECK_STATUS(run_virtual(take_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Observers ---- */

static eddy_status_t never_called(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    CHECK(0);
    return EDDY_OK;
}

static eddy_status_t taken_back_body(void *context) {
    eddy_future_t future = { 0 };
    size_t count = 0;
    (void)context;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, never_called, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, never_called, NULL, &count), EDDY_OK);
    CHECK_INT(count, 1);
    CHECK_STATUS(eddy_future_fail(future, -5, "unseen"), EDDY_OK);
    CHECK_INT(reports.count, 0);
    return eddy_future_release(future);
}

static void taken_back_saw_nothing(void) {
    CHECK_STATUS(run_virtual(taken_back_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, -5);
}

static const check_test_t tests[] = {
    { "eddy_error_current: the status of a join, and of a call, that a deadline ended",
        status_of_expired },
    { "eddy_error_current: the status of a wait for what was cancelled", status_of_canceled },
    { "eddy_error_current: the status of a deadlocked run", status_of_deadlock },
    { "eddy_error_current: a failing eddy_run or eddy_loop_create replaces it",
        failing_calls_replace },
    { "eddy_scope_close: a reason is not written into another task's error",
        reasons_stay_outside },
    { "TG-17: a copy of a copy is still the child's own error", copy_is_known },
    { "TG-17: also if the user holds the copy between", copy_of_copy_is_known },
    { "eddy_future_take: a cancelled future gives what eddy_future_result gives",
        take_is_as_result },
    { "M12: a callback that was taken back has not seen the failure", taken_back_saw_nothing },
};
CHECK_MAIN(tests)
