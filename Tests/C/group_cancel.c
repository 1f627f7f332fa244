/*
 * group_cancel.c: proves the rows of groups (TG) where a cancel comes from outside the group, from
 * a child or from a deadline, and where failures and cancels meet.
 *
 * Invariants: every test runs on a virtual clock and expects no report. The subject task has the
 * group; a canceller task asks it to end at the times that the test names.
 * Threads: one.
 */
#include "check_tasks.h"

#include <errno.h>

typedef struct worker {
    const char *name;
    int64_t sleep_ms;
    eddy_status_t status;           /* when it has slept */
    eddy_status_t if_cancelled;     /* instead of EDDY_ECANCELED */
    int64_t cleanup_ms;             /* shielded, when cancelled */
} worker_t;

static eddy_status_t clean_up(void *context) {
    const worker_t *worker = context;
    CHECK_STATUS(eddy_sleep(MS(worker->cleanup_ms)), EDDY_OK);
    trace("%s:cleaned", worker->name);
    return EDDY_OK;
}

static eddy_status_t work(void *context) {
    worker_t *worker = context;
    if (worker->cleanup_ms > 0) CHECK_STATUS(eddy_defer(clean_up, worker), EDDY_OK);
    const eddy_status_t slept = eddy_sleep(MS(worker->sleep_ms));
    if (slept == EDDY_OK) return worker->status;
    trace("%s:cancelled", worker->name);
    return worker->if_cancelled ? worker->if_cancelled : slept;
}

static eddy_scope_t open_group(worker_t *workers, int count) {
    eddy_scope_t group = { 0 };
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    for (int index = 0; index < count; index++)
        CHECK_STATUS(eddy_group_spawn(group, work, &workers[index], NULL, NULL), EDDY_OK);
    return group;
}

static size_t current_children(void) {
    eddy_error_t error;
    if (!CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) return 0;
    const size_t count = eddy_error_child_count(error);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return count;
}

/* ------------------------------------------------------------------------------------------------
 * The subject and who cancels it
 */
typedef struct plan {
    eddy_task_fn fn;
    int64_t cancel_at_ms[4];        /* ended by 0 */
    eddy_status_t expected;         /* of the join */
    int requests;
} plan_t;

static eddy_task_t subject;

static eddy_status_t run_plan(void *context) {
    const plan_t *plan = context;
    eddy_task_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_task_spawn(plan->fn, NULL, NULL, &subject), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    for (int index = 0; index < 4 && plan->cancel_at_ms[index]; index++) {
        CHECK_STATUS(eddy_sleep(MS(plan->cancel_at_ms[index] - now_ms())), EDDY_OK);
        CHECK_STATUS(eddy_task_cancel(subject, index ? "again" : "outside"), EDDY_OK);
    }
    CHECK_STATUS(eddy_future_wait(eddy_task_future(subject), NULL), plan->expected);
    CHECK_STATUS(eddy_task_info(subject, &info), EDDY_OK);
    CHECK_INT(info.cancel_requests, plan->requests);
    CHECK_STATUS(eddy_task_release(subject), EDDY_OK);
    return EDDY_OK;
}

static void run(plan_t plan) {
    CHECK_STATUS(run_virtual(run_plan, &plan), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

#define CANCELLED(name, ...)                                                                      \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) { run((plan_t){ name##_body, __VA_ARGS__ }); }                         \
    static eddy_status_t name##_body(void *context)
#define ALONE(name) CANCELLED(name, { 0 }, EDDY_OK, 0)

/* ------------------------------------------------------------------------------------------------
 * Cancelled from outside
 */
CANCELLED(clean_children, { 10, 0 }, EDDY_ETARGETCANCELED, 1) {
    static worker_t workers[] = { { "a", 1000, 0, 0, 5 }, { "b", 1000, 0, 0, 8 } };
    const eddy_scope_t group = open_group(workers, 2);
    (void)context;
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_INT(now_ms(), 18);
    CHECK_TRACE("a:cancelled b:cancelled a:cleaned b:cleaned");
    return status;
}

CANCELLED(failures_beat_it, { 10, 0 }, EDDY_EGROUP, 1) {
    static worker_t workers[] = { { "a", 1000, 0, -EIO, 0 }, { "b", 1000, 0, 0, 0 } };
    const eddy_scope_t group = open_group(workers, 2);
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    const eddy_status_t status = eddy_scope_close(group, EDDY_ECANCELED);
    CHECK_STATUS(status, EDDY_EGROUP);
    CHECK_INT(current_children(), 1);
    return status;
}

/* gh-116720: the cancel is not lost behind the group's error. */
CANCELLED(cancel_and_failure, { 15, 0 }, EDDY_ETARGETCANCELED, 1) {
    static worker_t workers[] = { { "a", 10, -EIO, 0, 0 }, { "b", 1000, 0, 0, 10 } };
    const eddy_scope_t group = open_group(workers, 2);
    (void)context;
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_INT(now_ms(), 20);
    CHECK_INT(current_children(), 1);
    return eddy_checkpoint();
}

CANCELLED(body_replaces, { 10, 0 }, EDDY_EGROUP, 1) {
    static worker_t workers[] = { { "a", 1000, 0, 0, 0 } };
    const eddy_scope_t group = open_group(workers, 1);
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(group, -EIO), EDDY_EGROUP);
    CHECK_INT(current_children(), 1);
    return EDDY_EGROUP;
}

CANCELLED(cancelled_repeatedly, { 10, 12, 14, 0 }, EDDY_ETARGETCANCELED, 3) {
    static worker_t workers[] = { { "a", 1000, 0, 0, 20 } };
    const eddy_scope_t group = open_group(workers, 1);
    (void)context;
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_INT(now_ms(), 30);
    CHECK_TRACE("a:cancelled a:cleaned");
    return status;
}

static eddy_status_t ignore_and_return(void *context) {
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    return eddy_return(context, NULL);
}

CANCELLED(child_returns_a_value, { 10, 0 }, EDDY_ETARGETCANCELED, 1) {
    const eddy_scope_t group = open_group(NULL, 0);
    eddy_task_t child;
    void *value = NULL;
    CHECK_STATUS(eddy_group_spawn(group, ignore_and_return, &subject, NULL, &child), EDDY_OK);
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_STATUS(eddy_task_join(child, &value), EDDY_OK);
    CHECK(value == &subject);
    CHECK_STATUS(eddy_task_release(child), EDDY_OK);
    (void)context;
    return status;
}

static eddy_status_t cancel_parent(void *context) {
    EDDY_TRY(eddy_sleep(MS(10)));
    CHECK_STATUS(eddy_task_cancel(subject, "from the child"), EDDY_OK);
    (void)context;
    return EDDY_OK;
}

CANCELLED(child_cancels_the_parent, { 0 }, EDDY_ETARGETCANCELED, 1) {
    static worker_t workers[] = { { "sibling", 1000, 0, 0, 0 } };
    const eddy_scope_t group = open_group(workers, 1);
    eddy_task_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_group_spawn(group, cancel_parent, NULL, NULL, NULL), EDDY_OK);
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_TRACE("sibling:cancelled");
    CHECK_STATUS(eddy_task_info(subject, &info), EDDY_OK);
    CHECK_TEXT(info.reason.message, "from the child");
    (void)context;
    return status;
}

/* ------------------------------------------------------------------------------------------------
 * The group itself is cancelled
 */
ALONE(group_is_cancelled) {
    static worker_t workers[] = { { "a", 1000, 0, 0, 5 } };
    const eddy_scope_t group = open_group(workers, 1);
    (void)context;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, "enough"), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, "enough"), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_OK);
    CHECK_INT(now_ms(), 5);
    CHECK_TRACE("a:cancelled a:cleaned");
    CHECK_STATUS(eddy_scope_cancel(group, NULL), EDDY_EBADHANDLE);
    return eddy_checkpoint();
}

/* gh-155433: the outside cancel survives, with its message. */
CANCELLED(group_and_outside, { 5, 0 }, EDDY_ETARGETCANCELED, 1) {
    static worker_t workers[] = { { "a", 1000, 0, 0, 10 } };
    const eddy_scope_t group = open_group(workers, 1);
    eddy_task_info_t info = { .size = sizeof info };
    (void)context;
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(group, "inside"), EDDY_OK);
    const eddy_status_t status = eddy_scope_close(group, EDDY_ECANCELED);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_task_info(subject, &info), EDDY_OK);
    CHECK_TEXT(info.reason.message, "outside");
    return status;
}

/* ------------------------------------------------------------------------------------------------
 * A deadline around the group
 */
ALONE(timeout_around) {
    static worker_t workers[] = { { "a", 1000, 0, 0, 5 } };
    eddy_scope_t timeout;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&timeout, MS(10), NULL), EDDY_OK);
    const eddy_scope_t group = open_group(workers, 1);
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_INT(now_ms(), 15);
    CHECK_STATUS(eddy_scope_close(timeout, status), EDDY_ETIMEDOUT);
    return eddy_checkpoint();
}

ALONE(timeout_around_a_failing_child) {
    static worker_t workers[] = { { "a", 1000, 0, -EIO, 0 } };
    eddy_close_info_t info = { .size = sizeof info };
    eddy_scope_t timeout;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&timeout, MS(10), NULL), EDDY_OK);
    const eddy_scope_t group = open_group(workers, 1);
    const eddy_status_t status = eddy_scope_close(group, EDDY_OK);
    CHECK_STATUS(status, EDDY_EGROUP);
    CHECK_STATUS(eddy_scope_close_info(timeout, status, &info), EDDY_EGROUP);
    CHECK_INT(info.expired, 1);
    CHECK_INT(current_children(), 1);
    return eddy_checkpoint();
}

/* ------------------------------------------------------------------------------------------------
 * The body swallows it
 */
ALONE(swallowed_by_the_body) {
    static worker_t workers[] = { { "bad", 10, -EIO, 0, 0 } };
    const eddy_scope_t group = open_group(workers, 1);
    eddy_task_t task = { 7 };
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_group_spawn(group, work, &workers[0], NULL, &task), EDDY_ECANCELED);
    CHECK_INT(task.id, 7);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_INT(current_children(), 1);
    return eddy_checkpoint();
}

static const check_test_t tests[] = {
    { "TG-18: cancelled from outside, all children end first, cleanup included",
        clean_children },
    { "TG-19: children that fail while cancelled beat the cancel", failures_beat_it },
    { "TG-20: cancelled and failed at once: EGROUP, then ECANCELED", cancel_and_failure },
    { "TG-21: the body replaces the outside cancel with an error", body_replaces },
    { "TG-26: cancelled repeatedly: children see one, the requests count", cancelled_repeatedly },
    { "TG-28: a child that ignores the cancel keeps its value", child_returns_a_value },
    { "TG-31: a child cancels the parent", child_cancels_the_parent },
    { "TG-33: a cancelled group ends with EDDY_OK", group_is_cancelled },
    { "TG-34: a group's cancel and an outside one", group_and_outside },
    { "TG-35: a deadline around a group", timeout_around },
    { "TG-35: a deadline around a child that turns it into an error",
        timeout_around_a_failing_child },
    { "TG-27: the body swallows the group's cancel", swallowed_by_the_body },
};
CHECK_MAIN(tests)
