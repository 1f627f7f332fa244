/*
 * scope_close.c: proves the closing algorithm of a scope, line by line: what each status becomes,
 * what the close tells afterwards, what is captured when, and who may close.
 *
 * Invariants: every test runs on a virtual clock; a test that expects no report checks that.
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

static int64_t now_ms(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now / 1000000;
}

/* ------------------------------------------------------------------------------------------------
 * Step 5, as a table
 */
enum { NEITHER, DEADLINE, REQUEST };
enum { NOT_ABSORBED, ABSORBED, EITHER };

typedef struct close_row {
    const char *what;
    uint32_t flags;
    int outer;                /* 1: a scope around it is cancelled */
    int own;                  /* by what the scope itself is cancelled */
    eddy_status_t status;     /* closed with */
    eddy_status_t expected;
    int absorbed;
} close_row_t;

#define GROUP EDDY_SCOPE_GROUP
#define C EDDY_ECANCELED
static const close_row_t rows[] = {
    { "plain OK", 0, 0, NEITHER, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "plain failure", 0, 0, NEITHER, -EIO, -EIO, NOT_ABSORBED },
    { "plain canceled", 0, 0, NEITHER, C, EDDY_EFOREIGNCANCEL, EITHER },
    { "plain inner timeout", 0, 0, NEITHER, EDDY_ETIMEDOUT, EDDY_ETIMEDOUT, NOT_ABSORBED },
    { "plain foreign", 0, 0, NEITHER, EDDY_EFOREIGNCANCEL, EDDY_EFOREIGNCANCEL, NOT_ABSORBED },
    { "plain OK, deadline", 0, 0, DEADLINE, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "plain failure, deadline", 0, 0, DEADLINE, -EIO, -EIO, NOT_ABSORBED },
    { "plain canceled, deadline", 0, 0, DEADLINE, C, EDDY_ETIMEDOUT, ABSORBED },
    { "plain OK, request", 0, 0, REQUEST, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "plain failure, request", 0, 0, REQUEST, -EIO, -EIO, NOT_ABSORBED },
    { "plain canceled, request", 0, 0, REQUEST, C, EDDY_OK, ABSORBED },
    { "plain OK, outer", 0, 1, NEITHER, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "plain failure, outer", 0, 1, NEITHER, -EIO, -EIO, NOT_ABSORBED },
    { "plain canceled, outer", 0, 1, NEITHER, C, C, NOT_ABSORBED },
    { "plain canceled, outer and deadline", 0, 1, DEADLINE, C, C, NOT_ABSORBED },
    { "plain canceled, outer and request", 0, 1, REQUEST, C, C, NOT_ABSORBED },
    { "plain OK, outer and deadline", 0, 1, DEADLINE, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "group OK", GROUP, 0, NEITHER, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "group failure", GROUP, 0, NEITHER, -EIO, EDDY_EGROUP, NOT_ABSORBED },
    { "group canceled", GROUP, 0, NEITHER, C, EDDY_EGROUP, EITHER },
    { "group OK, deadline", GROUP, 0, DEADLINE, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "group failure, deadline", GROUP, 0, DEADLINE, -EIO, EDDY_EGROUP, NOT_ABSORBED },
    { "group canceled, deadline", GROUP, 0, DEADLINE, C, EDDY_ETIMEDOUT, ABSORBED },
    { "group OK, request", GROUP, 0, REQUEST, EDDY_OK, EDDY_OK, NOT_ABSORBED },
    { "group canceled, request", GROUP, 0, REQUEST, C, EDDY_OK, ABSORBED },
    { "group OK, outer", GROUP, 1, NEITHER, EDDY_OK, C, NOT_ABSORBED },
    { "group failure, outer", GROUP, 1, NEITHER, -EIO, EDDY_EGROUP, NOT_ABSORBED },
    { "group canceled, outer", GROUP, 1, NEITHER, C, C, NOT_ABSORBED },
    { "group OK, outer and deadline", GROUP, 1, DEADLINE, EDDY_OK, C, NOT_ABSORBED },
    { "group canceled, outer and deadline", GROUP, 1, DEADLINE, C, C, NOT_ABSORBED },
    { "group canceled, outer and request", GROUP, 1, REQUEST, C, C, NOT_ABSORBED },
};
#undef C
#undef GROUP

static int row_info_fits(const close_row_t *row, const eddy_close_info_t *info) {
    static const int32_t codes[] = { EDDY_REASON_NONE, EDDY_REASON_DEADLINE, EDDY_REASON_REQUEST };
    int fits = CHECK_INT(info->cancelled, row->own != NEITHER);
    fits &= CHECK_INT(info->expired, row->own == DEADLINE);
    if (row->absorbed != EITHER) fits &= CHECK_INT(info->absorbed, row->absorbed == ABSORBED);
    fits &= CHECK_INT(info->reason.code, codes[row->own]);
    if (row->own == REQUEST) fits &= CHECK_TEXT(info->reason.message, "own");
    return fits;
}

static eddy_status_t close_row_task(void *context) {
    const close_row_t *row = context;
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_close_info_t info = { .size = sizeof info };
    eddy_scope_t outer, scope;
    options.flags = row->flags;
    if (row->own == DEADLINE) options.timeout_ns = EDDY_MILLISECONDS(10);
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, &options), EDDY_OK);
    if (row->own == DEADLINE)
        CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    if (row->own == REQUEST) CHECK_STATUS(eddy_scope_cancel(scope, "own"), EDDY_OK);
    if (row->outer) CHECK_STATUS(eddy_scope_cancel(outer, "outer"), EDDY_OK);
    const eddy_status_t got = eddy_scope_close_info(scope, row->status, &info);
    const int fits = CHECK_STATUS(got, row->expected) & row_info_fits(row, &info);
    if (!fits) printf("  row: %s\n", row->what);
    /* Outside the scope, its own cancel is no more, and the outer one still is. */
    CHECK_INT(eddy_cancelled(), row->outer);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

static void close_table(void) {
    for (size_t index = 0; index < sizeof rows / sizeof rows[0]; index++) {
        close_row_t row = rows[index];
        CHECK_STATUS(run_virtual(close_row_task, &row), EDDY_OK);
        CHECK_INT(reports.count, 0);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Step 1: own is captured, the deadline is disarmed, the error is kept aside
 */
static eddy_scope_t shared_group;

/* Cancels the group that is closing around it. */
static eddy_status_t cancel_group_on_cancel(void *context) {
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_cancel(shared_group, "too late"), EDDY_OK);
    return EDDY_ECANCELED;
}

IN_TASK(own_is_captured) {
    eddy_close_info_t info = { .size = sizeof info };
    (void)context;
    CHECK_STATUS(eddy_group_open(&shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared_group, cancel_group_on_cancel, NULL, NULL, NULL),
        EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    /* Nobody has cancelled the group yet, so the body's ECANCELED came from nowhere. */
    CHECK_STATUS(eddy_scope_close_info(shared_group, EDDY_ECANCELED, &info), EDDY_EGROUP);
    CHECK_INT(info.cancelled, 0);
    CHECK_INT(info.expired, 0);
    return EDDY_OK;
}

static eddy_status_t sleep_100(void *context) {
    (void)context;
    return eddy_sleep(EDDY_MILLISECONDS(100));
}

IN_TASK(deadline_is_disarmed) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_close_info_t info = { .size = sizeof info };
    eddy_scope_t group;
    (void)context;
    options.timeout_ns = EDDY_MILLISECONDS(50);
    CHECK_STATUS(eddy_group_open(&group, &options), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, sleep_100, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close_info(group, EDDY_OK, &info), EDDY_OK);
    CHECK_INT(now_ms(), 100);
    CHECK_INT(info.expired, 0);
    return EDDY_OK;
}

static eddy_status_t fail_inside(void *context) {
    (void)context;
    CHECK_STATUS(eddy_fail(-EPIPE, "from the defer"), -EPIPE);
    return EDDY_OK;
}

IN_TASK(error_is_kept_aside) {
    eddy_scope_t scope;
    eddy_error_t error;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(fail_inside, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, eddy_fail(-EIO, "from the body")), -EIO);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), -EIO);
    CHECK_TEXT(eddy_error_message(error), "from the body");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Steps 2 and 3: who may still spawn
 */
static eddy_status_t count_run(void *context) {
    ++*(int *)context;
    return EDDY_OK;
}

static int late_runs;
static eddy_status_t late_status;

static eddy_status_t spawn_late(void *context) {
    const eddy_status_t slept = eddy_sleep(EDDY_MILLISECONDS(10));
    (void)context;
    late_status = eddy_group_spawn(shared_group, count_run, &late_runs, NULL, NULL);
    return slept;
}

static eddy_status_t close_with_late_spawn(eddy_status_t status) {
    late_runs = 0;
    CHECK_STATUS(eddy_group_open(&shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(shared_group, spawn_late, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return eddy_scope_close(shared_group, status);
}

IN_TASK(spawn_while_closing) {
    (void)context;
    CHECK_STATUS(close_with_late_spawn(EDDY_OK), EDDY_OK);
    CHECK_STATUS(late_status, EDDY_OK);
    CHECK_INT(late_runs, 1);
    CHECK_STATUS(close_with_late_spawn(-EIO), EDDY_EGROUP);
    CHECK_STATUS(late_status, EDDY_ECANCELED);
    CHECK_INT(late_runs, 0);
    return EDDY_OK;
}

static eddy_status_t spawn_from_defer(void *context) {
    (void)context;
    late_status = eddy_group_spawn(shared_group, count_run, &late_runs, NULL, NULL);
    return EDDY_OK;
}

IN_TASK(spawn_after_children) {
    (void)context;
    late_runs = 0;
    CHECK_STATUS(eddy_group_open(&shared_group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(spawn_from_defer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared_group, EDDY_OK), EDDY_OK);
    CHECK_STATUS(late_status, EDDY_ECLOSED);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(late_runs, 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Step 4: outer is judged after the defers
 */
static eddy_scope_t shared_outer;

static eddy_status_t cancel_outer(void *context) {
    (void)context;
    return eddy_scope_cancel(shared_outer, "from the defer");
}

IN_TASK(outer_is_judged_last) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&shared_outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(cancel_outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(shared_outer, EDDY_ECANCELED), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Step 5: what stays, and its causes
 */
IN_TASK(converted_stays) {
    eddy_scope_t scope;
    eddy_error_t error, cause;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, "the user left"), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, eddy_fail(-EIO, "disk")), -EIO);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "disk");
    CHECK_INT(eddy_error_cause_count(error), 1);
    CHECK_STATUS(eddy_error_cause(error, 0, &cause), EDDY_OK);
    CHECK_CONTAINS(eddy_error_message(cause), "the user left");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(no_reason_without_own) {
    eddy_scope_t outer, scope;
    eddy_error_t error;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, "outside"), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, eddy_fail(-EIO, "disk")), -EIO);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_cause_count(error), 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

/* The first reason decides, though the deadline passes later too. */
IN_TASK(first_reason_decides) {
    eddy_close_info_t info = { .size = sizeof info };
    eddy_scope_t scope, shield;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, EDDY_MILLISECONDS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, "first"), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, "second"), EDDY_OK);
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_MILLISECONDS(20)), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_ECANCELED, &info), EDDY_OK);
    CHECK_INT(info.reason.code, EDDY_REASON_REQUEST);
    CHECK_TEXT(info.reason.message, "first");
    CHECK_INT(info.reason.when_ns, 0);
    CHECK_INT(info.absorbed, 1);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Who may close what
 */
static eddy_status_t close_shared(void *context) {
    (void)context;
    CHECK_STATUS(eddy_scope_close(shared_outer, EDDY_OK), EDDY_EPERM);
    return EDDY_OK;
}

IN_TASK(refused_closes) {
    eddy_close_info_t info = { .size = 2 };
    eddy_task_t self, other;
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(eddy_task_scope(self), EDDY_OK), EDDY_EPERM);
    CHECK_STATUS(eddy_scope_open(&shared_outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared_outer, (eddy_status_t)1), EDDY_EINVAL);
    CHECK_STATUS(eddy_scope_close_info(shared_outer, EDDY_OK, &info), EDDY_EINVAL);
    CHECK_STATUS(eddy_task_spawn(close_shared, NULL, NULL, &other), EDDY_OK);
    CHECK_STATUS(eddy_task_join(other, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(other), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared_outer, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(shared_outer, EDDY_OK), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_cancel(shared_outer, NULL), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "close step 5, M4: the table of statuses and what the close tells", close_table },
    { "close step 1: own is captured before the wait", own_is_captured },
    { "close step 1: the deadline is disarmed before the wait", deadline_is_disarmed },
    { "close step 1: the body's error is kept aside", error_is_kept_aside },
    { "close step 2, TG-04: a failing close refuses spawns, a good one does not",
        spawn_while_closing },
    { "close step 3: after the children have ended a spawn is ECLOSED", spawn_after_children },
    { "close step 4: outer is judged after the defers", outer_is_judged_last },
    { "close step 5, TO-11: a converted status stays, the reason is its last cause",
        converted_stays },
    { "close step 5: no reason is added when only an outer scope is cancelled",
        no_reason_without_own },
    { "close step 5, M8: the first reason decides", first_reason_decides },
    { "close: EPERM, EINVAL and EBADHANDLE leave the scope as it was", refused_closes },
};
CHECK_MAIN(tests)
