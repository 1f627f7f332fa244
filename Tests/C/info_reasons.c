/*
 * info_reasons.c: proves M8 through eddy_task_info: every kind of reason, which one a task sees,
 * and what is counted as a request.
 *
 * Invariants: every test runs on a virtual clock. A subject is looked at while it is cancelled.
 * Threads: one.
 */
#include "check_tasks.h"

#include <errno.h>

static eddy_reason_t own_reason(void) { return info_of(self()).reason; }

static eddy_reason_t seen;

/* Sleeps, and keeps the reason for which it was woken. */
static eddy_status_t see_reason(void *context) {
    const eddy_status_t status = eddy_sleep(LONG);
    (void)context;
    seen = own_reason();
    return status;
}

/* ------------------------------------------------------------------------------------------------
 * Kinds
 */
IN_TASK(none) {
    (void)context;
    const eddy_reason_t reason = own_reason();
    CHECK_INT(reason.code, EDDY_REASON_NONE);
    CHECK_INT(reason.asked_by.id, 0);
    CHECK_INT(reason.when_ns, 0);
    CHECK_TEXT(reason.message, "");
    return EDDY_OK;
}

IN_TASK(request) {
    static char message[200];
    eddy_task_t task;
    (void)context;
    memset(message, 'm', sizeof message - 1);
    CHECK_STATUS(eddy_task_spawn(see_reason, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(7)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, message), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(seen.code, EDDY_REASON_REQUEST);
    CHECK_INT(seen.asked_by.id, self().id);
    CHECK_INT(seen.when_ns, MS(7));
    CHECK_INT(strlen(seen.message), sizeof seen.message - 1);
    CHECK(strncmp(seen.message, message, sizeof seen.message - 1) == 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(deadline) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(see_reason(NULL), EDDY_ECANCELED);
    CHECK_INT(seen.code, EDDY_REASON_DEADLINE);
    CHECK_INT(seen.when_ns, MS(10));
    CHECK_INT(seen.asked_by.id, 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_INT(own_reason().code, EDDY_REASON_NONE);
    CHECK_INT(info_of(self()).cancel_requests, 0);
    return EDDY_OK;
}

static eddy_status_t fail_at_10(void *context) {
    (void)context;
    EDDY_TRY(eddy_sleep(MS(10)));
    return -EIO;
}

IN_TASK(child) {
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, see_reason, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, fail_at_10, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(own_reason().code, EDDY_REASON_CHILD);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_INT(seen.code, EDDY_REASON_CHILD);
    CHECK_INT(seen.when_ns, MS(10));
    CHECK_INT(info_of(self()).cancel_requests, 0);
    return EDDY_OK;
}

IN_TASK(body) {
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, see_reason, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, -EIO), EDDY_EGROUP);
    CHECK_INT(seen.code, EDDY_REASON_BODY);
    return EDDY_OK;
}

static eddy_status_t leave_one(void *context) {
    (void)context;
    seen.code = -1;
    CHECK_STATUS(eddy_task_spawn(see_reason, NULL, NULL, NULL), EDDY_OK);
    return eddy_yield();
}

static void shutdown(void) {
    CHECK_STATUS(run_virtual(leave_one, NULL), EDDY_OK);
    CHECK_INT(seen.code, EDDY_REASON_SHUTDOWN);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t wait_for_nothing(void *context) {
    eddy_future_t never;
    (void)context;
    CHECK_STATUS(eddy_future_create(&never), EDDY_OK);
    const eddy_status_t status = eddy_future_wait(never, NULL);
    seen = own_reason();
    CHECK_STATUS(eddy_future_release(never), EDDY_OK);
    return status;
}

static void deadlock(void) {
    CHECK_STATUS(run_virtual(wait_for_nothing, NULL), EDDY_EDEADLK);
    CHECK_INT(seen.code, EDDY_REASON_DEADLOCK);
}

/* ------------------------------------------------------------------------------------------------
 * Which one is seen
 */
IN_TASK(the_nearest) {
    eddy_scope_t outer, inner, shield;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, "outer"), EDDY_OK);
    CHECK_TEXT(own_reason().message, "outer");
    CHECK_STATUS(eddy_scope_cancel(inner, "inner"), EDDY_OK);
    CHECK_TEXT(own_reason().message, "inner");
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_INT(own_reason().code, EDDY_REASON_NONE);
    CHECK_STATUS(eddy_scope_cancel(shield, "shield"), EDDY_OK);
    CHECK_TEXT(own_reason().message, "shield");
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_TEXT(own_reason().message, "outer");
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_INT(own_reason().code, EDDY_REASON_NONE);
    return EDDY_OK;
}

/* A child sees the reason of the scope around its group. */
IN_TASK(through_the_tree) {
    eddy_scope_t outer, group;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, see_reason, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, "far away"), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_ECANCELED);
    CHECK_TEXT(seen.message, "far away");
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_OK);
    return EDDY_OK;
}

/* TSK-19, TG-26: only eddy_task_cancel counts, each time, until the task has ended. */
IN_TASK(requests) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(see_reason, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(eddy_task_scope(task), "scope"), EDDY_OK);
    CHECK_INT(info_of(task).cancel_requests, 0);
    CHECK_STATUS(eddy_task_cancel(task, "first"), EDDY_OK);
    CHECK_STATUS(eddy_future_cancel(eddy_task_future(task), "second"), EDDY_OK);
    CHECK_INT(info_of(task).cancel_requests, 2);
    CHECK_TEXT(info_of(task).reason.message, "scope");
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_cancel(task, "late"), EDDY_EALREADY);
    CHECK_INT(info_of(task).cancel_requests, 2);
    CHECK_TEXT(info_of(task).reason.message, "scope");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "M8: no reason", none },
    { "M8: a request: who, when and why, cut to fit", request },
    { "M8: a deadline, which is no request", deadline },
    { "M8: a child's failure, which is no request", child },
    { "M8: a close with a failure", body },
    { "M8: the end of the loop", shutdown },
    { "M8: a deadlock", deadlock },
    { "M8: the nearest cancelled scope that is seen", the_nearest },
    { "M8: a reason is seen through the tree", through_the_tree },
    { "TSK-19, TG-26, M5: what counts as a request", requests },
};
CHECK_MAIN(tests)
