/*
 * task_reports.c: proves M12: the loop owns its tasks, and a failure that nobody reads is reported
 * exactly once, at the moment when it can no longer be read.
 *
 * Invariants: every test runs on a virtual clock and states how many reports it expects, at which
 * moment, and how many at the end.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)

/* A test whose run makes `count` reports, all of -EIO. */
#define REPORTING(name, expected_count)                                                           \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, (expected_count));                                               \
        CHECK_INT(reports_with(-EIO), (expected_count));                                          \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static eddy_status_t fail_now(void *context) {
    (void)context;
    return eddy_fail(-EIO, "disk %d is gone", 3);
}

static eddy_status_t fail_at_10(void *context) {
    EDDY_TRY(eddy_sleep(MS(10)));
    return fail_now(context);
}

static eddy_task_t spawn_failed(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_task_spawn(fail_now, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(reports.count, 0);
    return task;
}

/* ------------------------------------------------------------------------------------------------
 * When it is reported
 */
REPORTING(at_completion, 1) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    (void)context;
    options.name = "writer";
    CHECK_STATUS(eddy_task_spawn(fail_at_10, NULL, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_CONTAINS(reports.text, "disk 3 is gone");
    CHECK_CONTAINS(reports.text, "writer");
    CHECK_CONTAINS(reports.site, "task_reports.c:");
    CHECK(reports.all[0].task.id != 0);
    return EDDY_OK;
}

REPORTING(when_released_while_it_runs, 1) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_at_10, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_INT(reports.all[0].task.id, task.id);
    return EDDY_OK;
}

REPORTING(with_the_last_reference, 1) {
    const eddy_task_t task = spawn_failed();
    (void)context;
    CHECK_STATUS(eddy_task_retain(task), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 1);
    CHECK_INT(reports.all[0].task.id, task.id);
    CHECK_CONTAINS(reports.text, "disk 3 is gone");
    CHECK_CONTAINS(reports.site, "task_reports.c:");
    return EDDY_OK;
}

static eddy_status_t keep_a_failed_task(void *context) {
    *(eddy_task_t *)context = spawn_failed();
    return EDDY_OK;
}

static void at_loop_close(void) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(run_virtual(keep_a_failed_task, &task), EDDY_OK);
    CHECK_INT(reports_with(-EIO), 1);
}

static eddy_status_t observe_10(void *context) {
    return eddy_future_wait(eddy_task_future(*(eddy_task_t *)context), NULL);
}

/* An observer that gave up is none. */
REPORTING(after_the_observer_gave_up, 1) {
    static eddy_task_t task;
    eddy_task_t observer;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_at_10, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(observe_10, &task, NULL, &observer), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(observer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(observer, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(observer), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 1);
    return EDDY_OK;
}

static eddy_status_t fail_when_cancelled(void *context) {
    if (eddy_sleep(EDDY_SECONDS(1)) == EDDY_ECANCELED) return fail_now(context);
    return EDDY_OK;
}

/* RUN-04: a leftover that fails while the loop ends it. */
REPORTING(at_shutdown, 1) {
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_when_cancelled, NULL, NULL, NULL), EDDY_OK);
    return eddy_yield();
}

/* ------------------------------------------------------------------------------------------------
 * What counts as reading
 */
enum { JOIN, WAIT, RESULT, ERROR, TAKE, CANCEL, CANCEL_FUTURE, READERS };

static eddy_status_t read_with(int reader, eddy_task_t task) {
    const eddy_future_t future = eddy_task_future(task);
    eddy_release_fn release = NULL;
    eddy_error_t error;
    void *value = NULL;
    switch (reader) {
    case JOIN: return eddy_task_join(task, NULL);
    case WAIT: return eddy_future_wait(future, NULL);
    case RESULT: return eddy_future_result(future, NULL);
    case TAKE: return eddy_future_take(future, &value, &release);
    case CANCEL: return eddy_task_cancel(task, NULL);
    case CANCEL_FUTURE: return eddy_future_cancel(future, NULL);
    default:
        CHECK_STATUS(eddy_future_error(future, &error), EDDY_OK);
        const eddy_status_t status = eddy_error_status(error);
        CHECK_STATUS(eddy_error_release(error), EDDY_OK);
        return status;
    }
}

REPORTING(readers, 0) {
    (void)context;
    for (int reader = 0; reader < READERS; reader++) {
        const eddy_task_t task = spawn_failed();
        const eddy_status_t expected = reader >= CANCEL ? EDDY_EALREADY : -EIO;
        CHECK_STATUS(read_with(reader, task), expected);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
        if (!CHECK_INT(reports.count, 0)) printf("  reader %d\n", reader);
    }
    return EDDY_OK;
}

/* Looking at what a task does is not reading its failure. */
REPORTING(info_does_not_read, 1) {
    const eddy_task_t task = spawn_failed();
    eddy_task_info_t info = { .size = sizeof info };
    (void)context;
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    CHECK_INT(info.state, EDDY_TASK_FAILED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(reports.count, 1);
    return EDDY_OK;
}

static eddy_status_t read_in_callback(void *context, eddy_future_t future) {
    (void)future;
    ++*(int *)context;
    return EDDY_OK;
}

/* A callback counts as an observer, whether it reads the failure or not. */
REPORTING(callback_observes, 0) {
    int calls = 0;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_at_10, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(eddy_task_future(task), read_in_callback, &calls, NULL),
        EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_INT(calls, 1);
    return EDDY_OK;
}

REPORTING(waiter_observes, 0) {
    static eddy_task_t task;
    eddy_task_t observer;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_at_10, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(observe_10, &task, NULL, &observer), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(observer, NULL), -EIO);
    CHECK_STATUS(eddy_task_release(observer), EDDY_OK);
    return EDDY_OK;
}

REPORTING(group_observes, 0) {
    eddy_scope_t group;
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fail_now, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fail_now, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * What is no failure
 */
static eddy_status_t end_well(void *context) {
    static int value;
    (void)context;
    return eddy_return(&value, NULL);
}

REPORTING(no_failure, 0) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(end_well, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(fail_at_10, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    return EDDY_OK;
}

static void root_failure_is_returned(void) {
    CHECK_STATUS(run_virtual(fail_now, NULL), -EIO);
    CHECK_INT(reports.count, 0);
}

/* ------------------------------------------------------------------------------------------------
 * The loop owns its tasks between two runs as well
 */
static eddy_status_t spawn_and_leave(void *context) {
    (void)context;
    return eddy_task_spawn(fail_at_10, NULL, NULL, NULL);
}

static eddy_status_t sleep_20(void *context) {
    (void)context;
    return eddy_sleep(MS(20));
}

static void between_two_runs(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_run(loop, spawn_and_leave, NULL, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_EBUSY);
    CHECK_STATUS(eddy_loop_run(loop, sleep_20, NULL, NULL), EDDY_OK);
    CHECK_INT(reports_with(-EIO), 1);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

static const check_test_t tests[] = {
    { "TSK-37, M12: without reference and observer, at completion", at_completion },
    { "M12: released while it runs, at completion", when_released_while_it_runs },
    { "TSK-37, M12: when the last reference goes unread", with_the_last_reference },
    { "TSK-37, M12: at loop close", at_loop_close },
    { "M12: an observer that gave up is none", after_the_observer_gave_up },
    { "RUN-04, M12: a leftover that fails at shutdown", at_shutdown },
    { "TSK-38, FUT-19, FUT-20: what counts as reading", readers },
    { "M12: eddy_task_info does not read", info_does_not_read },
    { "M12: a callback is an observer", callback_observes },
    { "M12: a waiter is an observer", waiter_observes },
    { "M12: a group reads its children", group_observes },
    { "FUT-19: values and cancelled tasks are never reported", no_failure },
    { "M12: the root task's failure is returned, not reported", root_failure_is_returned },
    { "TSK-36, M12: the loop owns tasks between two runs", between_two_runs },
};
CHECK_MAIN(tests)
