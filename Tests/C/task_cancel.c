/*
 * task_cancel.c: proves the rows of tasks (TSK) about cancellation of one task: what it sees, what
 * it ends as, and that values and failures are not lost on the way.
 *
 * Invariants: every test runs on a virtual clock and expects no report. Subjects are joined from a
 * task that is not cancelled.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)
#define LONG EDDY_SECONDS(3600)

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int the_value;

static void cancel_self(const char *message) {
    eddy_task_t self;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(self, message), EDDY_OK);
}

static eddy_status_t spawn_subject(eddy_task_fn fn, void *context, eddy_task_t *task) {
    EDDY_TRY(eddy_task_spawn(fn, context, NULL, task));
    return eddy_yield();
}

/* Joins, releases, and checks how the task ended. */
static void expect_end(eddy_task_t task, eddy_status_t status, int32_t state, int requests) {
    eddy_task_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_task_join(task, NULL), status);
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.state, state);
    CHECK_INT(info.cancel_requests, requests);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
}

static void run_to_end(eddy_task_fn fn, eddy_status_t status, int32_t state, int requests) {
    eddy_task_t task;
    CHECK_STATUS(eddy_task_spawn(fn, NULL, NULL, &task), EDDY_OK);
    expect_end(task, status, state, requests);
}

/* ------------------------------------------------------------------------------------------------
 * While it waits
 */
static eddy_future_t shared_future;

static eddy_status_t wait_shared(void *context) {
    const eddy_status_t status = eddy_future_wait(shared_future, NULL);
    (void)context;
    trace("%s", eddy_status_name(status));
    return status;
}

IN_TASK(while_blocked) {
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(spawn_subject(wait_shared, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_TASK_READY);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("EDDY_ECANCELED");
    /* The future is left alone. */
    CHECK_STATUS(eddy_future_result(shared_future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_complete(shared_future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    expect_end(task, EDDY_ETARGETCANCELED, EDDY_TASK_CANCELED, 1);
    return EDDY_OK;
}

static eddy_status_t wait_for_value(void *context) {
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_future_wait(shared_future, &value), EDDY_OK);
    CHECK(value == &the_value);
    CHECK_INT(eddy_cancelled(), 1);
    return eddy_checkpoint();
}

IN_TASK(completed_then_cancelled) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(spawn_subject(wait_for_value, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(shared_future, &the_value, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    expect_end(task, EDDY_ETARGETCANCELED, EDDY_TASK_CANCELED, 1);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(cancelled_then_completed) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(spawn_subject(wait_for_value, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(shared_future, &the_value, NULL), EDDY_OK);
    expect_end(task, EDDY_ETARGETCANCELED, EDDY_TASK_CANCELED, 1);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(both_cancelled) {
    (void)context;
    for (int order = 0; order < 2; order++) {
        eddy_task_t task;
        CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
        CHECK_STATUS(spawn_subject(wait_shared, NULL, &task), EDDY_OK);
        if (order) CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        CHECK_STATUS(eddy_future_cancel(shared_future, NULL), EDDY_OK);
        if (!order) CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
        expect_end(task, EDDY_ETARGETCANCELED, EDDY_TASK_CANCELED, 1);
        CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    }
    CHECK_TRACE("EDDY_ECANCELED EDDY_ECANCELED");
    return EDDY_OK;
}

/* TSK-28: the awaited future is cancelled by somebody else; the task may go on. */
static eddy_status_t wait_and_go_on(void *context) {
    CHECK_STATUS(wait_shared(context), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    return eddy_return(&the_value, NULL);
}

IN_TASK(future_cancelled_by_others) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(spawn_subject(wait_and_go_on, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(shared_future, NULL), EDDY_OK);
    expect_end(task, EDDY_OK, EDDY_TASK_DONE, 0);
    /* Not handled, it is an ordinary failure. */
    CHECK_STATUS(eddy_task_spawn(wait_shared, NULL, NULL, &task), EDDY_OK);
    expect_end(task, EDDY_ETARGETCANCELED, EDDY_TASK_FAILED, 0);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * What it ends as
 */
static eddy_status_t return_a_value(void *context) {
    (void)context;
    cancel_self(NULL);
    return eddy_return(&the_value, NULL);
}

static eddy_status_t catch_and_return_a_value(void *context) {
    (void)context;
    cancel_self(NULL);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    return eddy_return(&the_value, NULL);
}

static eddy_status_t fail_instead(void *context) {
    (void)context;
    cancel_self("the user left");
    return eddy_fail(-EIO, "disk");
}

static eddy_status_t invent_cancellation(void *context) {
    (void)context;
    return EDDY_ECANCELED;
}

static eddy_status_t pass_it_on(void *context) {
    (void)context;
    cancel_self(NULL);
    return eddy_yield();
}

IN_TASK(ends) {
    (void)context;
    run_to_end(return_a_value, EDDY_OK, EDDY_TASK_DONE, 1);
    run_to_end(catch_and_return_a_value, EDDY_OK, EDDY_TASK_DONE, 1);
    run_to_end(fail_instead, -EIO, EDDY_TASK_FAILED, 1);
    run_to_end(invent_cancellation, EDDY_EFOREIGNCANCEL, EDDY_TASK_FAILED, 0);
    run_to_end(pass_it_on, EDDY_ETARGETCANCELED, EDDY_TASK_CANCELED, 1);
    return EDDY_OK;
}

IN_TASK(converted_has_the_reason) {
    eddy_error_t error, cause;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_instead, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), -EIO);
    CHECK_STATUS(eddy_future_error(eddy_task_future(task), &error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "disk");
    CHECK_INT(eddy_error_cause_count(error), 1);
    CHECK_STATUS(eddy_error_cause(error, 0, &cause), EDDY_OK);
    CHECK_CONTAINS(eddy_error_message(cause), "the user left");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* eddy_run's own root task ends by the same rules. */
static void root_ends(void) {
    CHECK_STATUS(run_virtual(return_a_value, NULL), EDDY_OK);
    CHECK_STATUS(run_virtual(fail_instead, NULL), -EIO);
    CHECK_STATUS(run_virtual(invent_cancellation, NULL), EDDY_EFOREIGNCANCEL);
    CHECK_STATUS(run_virtual(pass_it_on, NULL), EDDY_ECANCELED);
    CHECK_INT(reports.count, 0);
}

/* ------------------------------------------------------------------------------------------------
 * Reasons and counts
 */
static eddy_status_t sleep_once(void *context) {
    const eddy_status_t status = eddy_sleep(LONG);
    ++*(int *)context;
    return status;
}

IN_TASK(cancelled_twice) {
    eddy_task_info_t info = { .size = sizeof info };
    static int wakes;
    eddy_task_t task, self;
    (void)context;
    wakes = 0;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(spawn_subject(sleep_once, &wakes, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(3)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "first"), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "second"), EDDY_OK);
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_TEXT(info.reason.message, "first");
    CHECK_INT(info.reason.code, EDDY_REASON_REQUEST);
    CHECK_INT(info.reason.when_ns, MS(3));
    CHECK_INT(info.reason.asked_by.id, self.id);
    expect_end(task, EDDY_ETARGETCANCELED, EDDY_TASK_CANCELED, 2);
    CHECK_INT(wakes, 1);
    return EDDY_OK;
}

/* The message reaches the joiner, in the text that people read. */
IN_TASK(message_for_the_joiner) {
    static int wakes;
    char text[512];
    eddy_error_t error;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(spawn_subject(sleep_once, &wakes, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, "too many clients"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), EDDY_ETARGETCANCELED);
    CHECK(eddy_error_format(error, text, sizeof text) > 0);
    CHECK_CONTAINS(text, "too many clients");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* TSK-21: swallowing helps for no longer than the next checkpoint. */
static eddy_status_t swallow(void *context) {
    (void)context;
    for (int count = 0; count < 3; count++) {
        CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
        CHECK_STATUS(eddy_future_wait(shared_future, NULL), EDDY_ECANCELED);
    }
    return EDDY_OK;
}

IN_TASK(swallowing) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_future_create(&shared_future), EDDY_OK);
    CHECK_STATUS(spawn_subject(swallow, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    expect_end(task, EDDY_OK, EDDY_TASK_DONE, 1);
    CHECK_STATUS(eddy_future_release(shared_future), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TSK-11: cancelled while blocked, the future is left alone", while_blocked },
    { "TSK-13, M3: the value that was ready is delivered, then ECANCELED",
        completed_then_cancelled },
    { "M3: a value that came after the cancel but before the resume is delivered",
        cancelled_then_completed },
    { "TSK-27: task and future cancelled in one turn", both_cancelled },
    { "TSK-28, M9: a future that someone else cancelled", future_cancelled_by_others },
    { "TSK-17, TSK-18, TSK-22, TSK-24: what a cancelled task ends as", ends },
    { "TSK-23: a converted status has the reason as its last cause", converted_has_the_reason },
    { "TSK-24, M4: the root task of eddy_run ends by the same rules", root_ends },
    { "TSK-19, M8: two cancels, one ECANCELED, the first reason", cancelled_twice },
    { "TSK-33: the message is visible to the joiner", message_for_the_joiner },
    { "TSK-21, M2: swallowing does not help", swallowing },
};
CHECK_MAIN(tests)
