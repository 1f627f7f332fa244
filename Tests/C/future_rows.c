/*
 * future_rows.c: proves the rows of futures (FUT) about one future's states: pending, complete,
 * failed, cancelled, taken; and who releases a value.
 *
 * Invariants: every test runs on a virtual clock and states how many reports it expects.
 * Threads: one; one test starts a second thread, which must be refused.
 */
#include "check.h"

#include <errno.h>
#include <pthread.h>

#define REPORTING(name, expected_count)                                                           \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, (expected_count));                                               \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)
#define IN_TASK(name) REPORTING(name, 0)

static eddy_future_t new_future(void) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK(future.id != 0);
    return future;
}

/* Every way to end it a second time is refused, and the value offered is released. */
static void expect_done(eddy_future_t future) {
    int offered = 0;
    CHECK_STATUS(eddy_future_complete(future, &offered, count_release), EDDY_EALREADY);
    CHECK_INT(offered, 1);
    CHECK_STATUS(eddy_future_fail(future, -EIO, "late"), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_cancel(future, "late"), EDDY_EALREADY);
}

/* ------------------------------------------------------------------------------------------------
 * States
 */
IN_TASK(pending) {
    const eddy_future_t future = new_future();
    eddy_release_fn release = NULL;
    eddy_error_t error = { 7 };
    void *value = &error;
    (void)context;
    CHECK_STATUS(eddy_future_result(future, &value), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_error(future, &error), EDDY_EPENDING);
    CHECK(value == &error);
    CHECK_INT(error.id, 7);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_release(future), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_create(NULL), EDDY_EINVAL);
    return EDDY_OK;
}

IN_TASK(complete) {
    const eddy_future_t future = new_future();
    eddy_error_t error = { 7 };
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    for (int count = 0; count < 3; count++) {
        void *value = NULL;
        CHECK_STATUS(eddy_future_result(future, &value), EDDY_OK);
        CHECK(value == &released);
        value = NULL;
        CHECK_STATUS(eddy_future_wait(future, &value), EDDY_OK);
        CHECK(value == &released);
    }
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_error(future, &error), EDDY_EINVAL);
    expect_done(future);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_future_retain(future), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

IN_TASK(failed) {
    const eddy_future_t future = new_future();
    eddy_error_t error, again, current;
    char message[] = "no route";
    void *value = &error;
    (void)context;
    CHECK_STATUS(eddy_future_fail(future, -EIO, message), EDDY_OK);
    message[0] = 'X';
    CHECK_STATUS(eddy_future_result(future, &value), -EIO);
    CHECK(value == &error);
    CHECK_STATUS(eddy_error_current(&current), EDDY_OK);
    CHECK_STATUS(eddy_future_error(future, &error), EDDY_OK);
    CHECK_STATUS(eddy_future_error(future, &again), EDDY_OK);
    CHECK_INT(error.id, again.id);
    CHECK_INT(error.id, current.id);
    CHECK_STATUS(eddy_error_status(error), -EIO);
    CHECK_TEXT(eddy_error_message(error), "no route");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_error_release(again), EDDY_OK);
    CHECK_STATUS(eddy_error_release(current), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), -EIO);
    expect_done(future);
    CHECK_STATUS(eddy_future_result(future, NULL), -EIO);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(cancelled) {
    const eddy_future_t future = new_future();
    eddy_release_fn release = NULL;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, &value), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_wait(future, &value), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_ETARGETCANCELED);
    expect_done(future);
    CHECK_STATUS(eddy_future_result(future, &value), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

/* Seen from a cancelled scope, a cancelled future is one's own cancel (classes of wait). */
IN_TASK(cancelled_in_cancelled_scope) {
    const eddy_future_t future = new_future();
    eddy_release_fn release = NULL;
    void *value = NULL;
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_ECANCELED);
    /* Reading is no wait. */
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(cancel_message) {
    const eddy_future_t future = new_future();
    char text[512];
    eddy_error_t error;
    (void)context;
    CHECK_STATUS(eddy_future_cancel(future, "peer is gone"), EDDY_OK);
    for (int count = 0; count < 2; count++) {
        CHECK_STATUS(count ? eddy_future_wait(future, NULL) : eddy_future_result(future, NULL),
            EDDY_ETARGETCANCELED);
        CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
        CHECK_STATUS(eddy_error_status(error), EDDY_ETARGETCANCELED);
        CHECK(eddy_error_format(error, text, sizeof text) > 0);
        CHECK_CONTAINS(text, "peer is gone");
        CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    }
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(bad_statuses) {
    const eddy_future_t future = new_future();
    (void)context;
    CHECK_STATUS(eddy_future_fail(future, EDDY_ECANCELED, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_fail(future, EDDY_OK, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_fail(future, (eddy_status_t)5, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Taking
 */
IN_TASK(taken_once) {
    const eddy_future_t future = new_future();
    eddy_release_fn release = NULL;
    void *value = NULL, *other = NULL;
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_future_complete(future, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_take(future, NULL, &release), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_take(future, &value, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_take(future, &value, &release), EDDY_OK);
    CHECK(value == &released);
    CHECK(release == count_release);
    CHECK_STATUS(eddy_future_take(future, &other, &release), EDDY_ETAKEN);
    CHECK_STATUS(eddy_future_result(future, &other), EDDY_ETAKEN);
    CHECK_STATUS(eddy_future_wait(future, &other), EDDY_ETAKEN);
    CHECK(other == NULL);
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 0);
    release(value);
    CHECK_INT(released, 1);
    return EDDY_OK;
}

static eddy_status_t give(void *counter) { return eddy_return(counter, count_release); }

IN_TASK(taken_from_a_task) {
    eddy_release_fn release = NULL;
    eddy_task_t task;
    void *value = NULL;
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(give, &released, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_take(eddy_task_future(task), &value, &release), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_ETAKEN);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(released, 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * A task's future, and futures of elsewhere
 */
IN_TASK(task_futures) {
    eddy_task_t task;
    int offered = 0, released = 0;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(give, &released, NULL, &task), EDDY_OK);
    const eddy_future_t future = eddy_task_future(task);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_complete(future, &offered, count_release), EDDY_EPERM);
    CHECK_INT(offered, 1);
    CHECK_STATUS(eddy_future_fail(future, -EIO, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_future_retain(future), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_INT(eddy_task_future((eddy_task_t){ 0 }).id, 0);
    return EDDY_OK;
}

static eddy_future_t foreign_future;

static void *complete_elsewhere(void *context) {
    int *released = context;
    CHECK_STATUS(eddy_future_complete(foreign_future, released, count_release),
        EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_future_fail(foreign_future, -EIO, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_future_cancel(foreign_future, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_future_result(foreign_future, NULL), EDDY_EWRONGTHREAD);
    CHECK_STATUS(eddy_future_release(foreign_future), EDDY_EWRONGTHREAD);
    return NULL;
}

/* FUT-17: a task of another loop waits for it. */
static eddy_status_t wait_elsewhere(void *context) {
    (void)context;
    CHECK_STATUS(eddy_future_wait(foreign_future, NULL), EDDY_EWRONGTHREAD);
    return EDDY_OK;
}

static void *run_elsewhere(void *context) {
    eddy_loop_options_t options = EDDY_LOOP_OPTIONS_INIT;
    options.flags = EDDY_LOOP_VIRTUAL_CLOCK;
    CHECK_STATUS(eddy_run(&options, wait_elsewhere, context), EDDY_OK);
    return NULL;
}

IN_TASK(other_threads) {
    pthread_t thread;
    int released = 0;
    (void)context;
    foreign_future = new_future();
    CHECK(pthread_create(&thread, NULL, complete_elsewhere, &released) == 0);
    pthread_join(thread, NULL);
    CHECK_INT(released, 1);
    CHECK(pthread_create(&thread, NULL, run_elsewhere, NULL) == 0);
    pthread_join(thread, NULL);
    CHECK_STATUS(eddy_future_result(foreign_future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_release(foreign_future), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Reports
 */
REPORTING(unread_failure, 1) {
    const eddy_future_t future = new_future();
    (void)context;
    CHECK_STATUS(eddy_future_fail(future, -EIO, "no route"), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, -EIO);
    CHECK_CONTAINS(reports.text, "no route");
    CHECK_CONTAINS(reports.site, "future_rows.c:");
    return EDDY_OK;
}

IN_TASK(never_reported) {
    eddy_future_t future = new_future();
    (void)context;
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    future = new_future();
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    future = new_future();
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    future = new_future();
    CHECK_STATUS(eddy_future_fail(future, -EIO, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(future, NULL), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "FUT-01: a new future is pending", pending },
    { "FUT-02: completed once, read any number of times, released once", complete },
    { "FUT-03: failed once, the same error object for all", failed },
    { "FUT-04, FUT-05: cancelled at once; a late value is released", cancelled },
    { "FUT-04, classes of wait: a cancelled future seen from a cancelled scope",
        cancelled_in_cancelled_scope },
    { "FUT-22: the message of a cancel is seen by who reads", cancel_message },
    { "FUT-21: only eddy_future_cancel cancels", bad_statuses },
    { "abi: a value is taken once, then ETAKEN", taken_once },
    { "abi: a value is taken from a task", taken_from_a_task },
    { "abi: a task's future is the task", task_futures },
    { "FUT-17, FUT-25, M11: other threads and loops", other_threads },
    { "FUT-18: an unread failure is reported with the last reference", unread_failure },
    { "FUT-19, FUT-20: what is never reported", never_reported },
};
CHECK_MAIN(tests)
