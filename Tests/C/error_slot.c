/*
 * error_slot.c: proves the rules of the current error: whose it is, what replaces it, what leaves
 * it, and when a failure takes it along.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

/* Checks the current error; message NULL for none. */
static int current_is(eddy_status_t status, const char *message) {
    eddy_error_t error;
    if (!CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) return 0;
    int fits = CHECK_STATUS(eddy_error_status(error), status);
    fits &= CHECK_TEXT(eddy_error_message(error), message);
    fits &= CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return fits;
}
#define CHECK_CURRENT(status, message)                                                            \
    do {                                                                                          \
        if (!current_is((status), (message))) printf("  from line %d\n", __LINE__);               \
    } while (0)

/* ------------------------------------------------------------------------------------------------
 * Failing with a message
 */
IN_TASK(fail_and_text) {
    char text[] = "short";
    (void)context;
    CHECK_STATUS(eddy_fail(-EIO, "bad port %d of %s", 70000, "host"), -EIO);
    CHECK_CURRENT(-EIO, "bad port 70000 of host");
    CHECK_STATUS(eddy_fail(-EPIPE, NULL), -EPIPE);
    CHECK_CURRENT(-EPIPE, NULL);
    CHECK_STATUS(eddy_fail_text(-EIO, text), -EIO);
    text[0] = 'X';
    CHECK_CURRENT(-EIO, "short");
    CHECK_STATUS(eddy_fail_text(-EPIPE, "100 %d"), -EPIPE);
    CHECK_CURRENT(-EPIPE, "100 %d");
    CHECK_STATUS(eddy_fail_text(-EIO, NULL), -EIO);
    CHECK_CURRENT(-EIO, NULL);
    return EDDY_OK;
}

IN_TASK(long_messages) {
    static char text[5000], longer[5100];
    (void)context;
    memset(text, 'x', sizeof text - 1);
    snprintf(longer, sizeof longer, "a%sb", text);
    CHECK_STATUS(eddy_fail(-EIO, "a%sb", text), -EIO);
    CHECK_CURRENT(-EIO, longer);
    CHECK_STATUS(eddy_fail_text(-EIO, longer), -EIO);
    CHECK_CURRENT(-EIO, longer);
    return EDDY_OK;
}

IN_TASK(no_failures) {
    (void)context;
    CHECK_STATUS(eddy_fail(EDDY_OK, "fine"), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail((eddy_status_t)5, "positive"), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail_text(EDDY_OK, "fine"), EDDY_EINVAL);
    CHECK_CURRENT(EDDY_EINVAL, NULL);
    return EDDY_OK;
}

/* Without a loop there is no slot, and the status is returned all the same. */
static void without_loop(void) {
    eddy_error_t error;
    CHECK_STATUS(eddy_fail(-EIO, "lost %d", 1), -EIO);
    CHECK_STATUS(eddy_fail_text(-EIO, "lost"), -EIO);
    CHECK_STATUS(eddy_fail(EDDY_OK, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_error_current(&error), EDDY_EWRONGTHREAD);
}

/* ------------------------------------------------------------------------------------------------
 * Replaced by failures, left by successes
 */
IN_TASK(success_leaves_it) {
    eddy_future_t future;
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_fail(-EIO, "kept"), -EIO);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_CURRENT(-EIO, "kept");
    /* A close that absorbs its own cancel is a success too. */
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, eddy_fail(EDDY_ECANCELED, "absorbed")), EDDY_OK);
    CHECK_CURRENT(EDDY_ECANCELED, "absorbed");
    return EDDY_OK;
}

IN_TASK(every_failure_replaces_it) {
    const eddy_future_t null_future = { 0 };
    const eddy_scope_t null_scope = { 0 };
    const eddy_task_t null_task = { 0 };
    eddy_scope_t scope;
    eddy_task_t self;
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
#define REPLACES(call, status)                                                                    \
    CHECK_STATUS(eddy_fail(-EIO, "old"), -EIO);                                                   \
    CHECK_STATUS((call), (status));                                                               \
    CHECK_CURRENT((status), NULL)
    REPLACES(eddy_scope_close(null_scope, EDDY_OK), EDDY_EBADHANDLE);
    REPLACES(eddy_scope_cancel(null_scope, NULL), EDDY_EBADHANDLE);
    REPLACES(eddy_group_spawn(null_scope, fail_and_text_body, NULL, NULL, NULL), EDDY_EBADHANDLE);
    REPLACES(eddy_task_spawn(NULL, NULL, NULL, NULL), EDDY_EINVAL);
    REPLACES(eddy_task_join(null_task, NULL), EDDY_EBADHANDLE);
    REPLACES(eddy_task_join(self, NULL), EDDY_EDEADLK);
    REPLACES(eddy_future_wait(null_future, NULL), EDDY_EBADHANDLE);
    REPLACES(eddy_future_complete(null_future, NULL, NULL), EDDY_EBADHANDLE);
    REPLACES(eddy_future_create(NULL), EDDY_EINVAL);
    REPLACES(eddy_defer(NULL, NULL), EDDY_EINVAL);
    REPLACES(eddy_call(NULL, NULL, NULL, NULL), EDDY_EINVAL);
    REPLACES(eddy_fd_wait(-1, EDDY_READABLE, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    REPLACES(eddy_scope_close(scope, EDDY_ECANCELED) == EDDY_OK ? eddy_fail(-EPIPE, NULL) : 0,
        -EPIPE);
#undef REPLACES
    return EDDY_OK;
}

static eddy_status_t fail_with_b(void *context) {
    (void)context;
    CHECK_STATUS(eddy_fail(-EPIPE, "b"), -EPIPE);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_CURRENT(-EPIPE, "b");
    return EDDY_OK;
}

IN_TASK(each_task_has_its_own) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_fail(-EIO, "a"), -EIO);
    CHECK_STATUS(eddy_task_spawn(fail_with_b, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_CURRENT(-EIO, "a");
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_CURRENT(-EIO, "a");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t fail_in_callback(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    CHECK_STATUS(eddy_fail(-EPIPE, "callback"), -EPIPE);
    CHECK_CURRENT(-EPIPE, "callback");
    return EDDY_OK;
}

static eddy_status_t complete_with_callback(void *context) {
    eddy_future_t future;
    (void)context;
    CHECK_STATUS(eddy_fail(-ENOENT, "task"), -ENOENT);
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, fail_in_callback, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_CURRENT(-ENOENT, "task");
    return eddy_future_release(future);
}

/* The loop has one too, for callbacks and for code around the loop's runs. */
static void loop_has_its_own(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop;
    eddy_error_t error;
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    CHECK_STATUS(eddy_error_current(&error), EDDY_EINVAL);
    CHECK_STATUS(eddy_fail(-EIO, "outside"), -EIO);
    CHECK_CURRENT(-EIO, "outside");
    CHECK_STATUS(eddy_loop_run(loop, complete_with_callback, NULL, NULL), EDDY_OK);
    CHECK_CURRENT(-EPIPE, "callback");
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ------------------------------------------------------------------------------------------------
 * Taken along if and only if the status is the same
 */
typedef struct ending {
    eddy_status_t said, replaced_by, returned;
    const char *message;                        /* expected */
} ending_t;

static eddy_status_t end_as_said(void *context) {
    const ending_t *ending = context;
    CHECK_STATUS(eddy_fail(ending->said, "said"), ending->said);
    if (ending->replaced_by) (void)eddy_fail(ending->replaced_by, "replaced");
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return ending->returned;
}

IN_TASK(taken_along_by_return) {
    static ending_t endings[] = {
        { -EIO, 0, -EIO, "said" },
        { -EIO, 0, -EPIPE, NULL },
        { -EIO, -EPIPE, -EIO, NULL },
        { -EIO, -EPIPE, -EPIPE, "replaced" },
        { -EIO, -EIO, -EIO, "replaced" },
    };
    (void)context;
    for (size_t index = 0; index < sizeof endings / sizeof endings[0]; index++) {
        eddy_error_t error, current;
        eddy_task_t task;
        CHECK_STATUS(eddy_task_spawn(end_as_said, &endings[index], NULL, &task), EDDY_OK);
        CHECK_STATUS(eddy_task_join(task, NULL), endings[index].returned);
        CHECK_CURRENT(endings[index].returned, endings[index].message);
        CHECK_STATUS(eddy_error_current(&current), EDDY_OK);
        CHECK_STATUS(eddy_future_error(eddy_task_future(task), &error), EDDY_OK);
        CHECK_INT(error.id, current.id);
        CHECK_STATUS(eddy_error_release(error), EDDY_OK);
        CHECK_STATUS(eddy_error_release(current), EDDY_OK);
        CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    }
    return EDDY_OK;
}

IN_TASK(taken_along_by_close) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, eddy_fail(-EIO, "same")), -EIO);
    CHECK_CURRENT(-EIO, "same");
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_fail(-EPIPE, "other"), -EPIPE);
    CHECK_STATUS(eddy_scope_close(scope, -EIO), -EIO);
    CHECK_CURRENT(-EIO, NULL);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "errors: eddy_fail and eddy_fail_text keep a copy of the message", fail_and_text },
    { "errors: messages of any length", long_messages },
    { "errors: a status that is no failure", no_failures },
    { "errors: without a loop the status is returned", without_loop },
    { "errors: success leaves the current error", success_leaves_it },
    { "errors: every failing call replaces the current error", every_failure_replaces_it },
    { "errors: each task has its own", each_task_has_its_own },
    { "errors: the loop has one for code outside tasks", loop_has_its_own },
    { "errors: a return takes it along if the status is the same", taken_along_by_return },
    { "errors: a close takes it along if the status is the same", taken_along_by_close },
};
CHECK_MAIN(tests)
