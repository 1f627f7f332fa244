/*
 * group_errors.c: proves the rows of groups (TG) that are about failures: who is cancelled, who
 * is waited for, and what the group's error holds, in which order.
 *
 * Invariants: every test runs on a virtual clock and expects no report. A worker sleeps, then ends
 * as its table entry says; it traces its name when it is cancelled.
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

static eddy_status_t work(void *context) {
    const worker_t *worker = context;
    const eddy_status_t slept = eddy_sleep(MS(worker->sleep_ms));
    eddy_scope_t shield;
    if (slept == EDDY_OK)
        return worker->status ? eddy_fail(worker->status, "%s failed", worker->name) : EDDY_OK;
    trace("%s:cancelled", worker->name);
    if (worker->cleanup_ms > 0) {
        CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
        CHECK_STATUS(eddy_sleep(MS(worker->cleanup_ms)), EDDY_OK);
        CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    }
    return worker->if_cancelled ? worker->if_cancelled : slept;
}

static eddy_scope_t open_group(void) {
    eddy_scope_t group = { 0 };
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    return group;
}

static void spawn_workers(eddy_scope_t group, worker_t *workers, int count) {
    for (int index = 0; index < count; index++)
        CHECK_STATUS(eddy_group_spawn(group, work, &workers[index], NULL, NULL), EDDY_OK);
}

/* ------------------------------------------------------------------------------------------------
 * One child fails
 */
IN_TASK(while_the_body_runs) {
    static worker_t workers[] = { { "bad", 10, -EIO, 0, 0 }, { "good", 1000, 0, 0, 5 } };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 2);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_INT(now_ms(), 15);
    CHECK_TRACE("good:cancelled");
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO)");
    CHECK_INT(cancel_requests(), 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(after_the_body) {
    static worker_t workers[] = { { "bad", 10, -EIO, 0, 0 }, { "good", 1000, 0, 0, 0 } };
    const eddy_scope_t group = open_group();
    eddy_error_t error, child;
    (void)context;
    spawn_workers(group, workers, 2);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TRACE("good:cancelled");
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_INT(eddy_error_child_count(error), 1);
    CHECK_STATUS(eddy_error_child(error, 0, &child), EDDY_OK);
    CHECK_TEXT(eddy_error_message(child), "bad failed");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_INT(cancel_requests(), 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Several failures
 */
IN_TASK(completion_order) {
    static worker_t workers[] = {
        { "slow", 1000, 0, -ENOSPC, 5 },     /* fails third, spawned first */
        { "silent", 1000, 0, 0, 7 },         /* ends cancelled: contributes nothing */
        { "quick", 1000, 0, -EPIPE, 0 },
        { "first", 10, -EIO, 0, 0 },
    };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 4);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO EPIPE ENOSPC)");
    CHECK_INT(now_ms(), 17);
    return EDDY_OK;
}

IN_TASK(in_one_round) {
    static worker_t workers[] = { { "a", 10, -EIO, 0, 0 }, { "b", 10, -EPIPE, 0, 0 } };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 2);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO EPIPE)");
    CHECK_TRACE("");
    return EDDY_OK;
}

IN_TASK(body_comes_last) {
    static worker_t workers[] = { { "child", 1000, 0, -EPIPE, 5 } };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 1);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, eddy_fail(-ENOSPC, "body")), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EPIPE ENOSPC)");
    CHECK_TRACE("child:cancelled");
    return EDDY_OK;
}

IN_TASK(only_the_body) {
    eddy_scope_t group = open_group();
    eddy_error_t error, child;
    (void)context;
    CHECK_STATUS(eddy_scope_close(group, eddy_fail(-ENOSPC, "body")), EDDY_EGROUP);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_error_child(error, 0, &child), EDDY_OK);
    CHECK_TEXT(eddy_error_message(child), "body");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(ENOSPC)");
    group = open_group();
    CHECK_STATUS(eddy_scope_close(group, -EIO), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO)");
    return EDDY_OK;
}

/* The body turns the cancel, which a child's failure caused, into an error of its own. */
IN_TASK(body_converts) {
    static worker_t workers[] = { { "bad", 10, -EIO, 0, 0 } };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 1);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(group, -EPIPE), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO EPIPE)");
    CHECK_INT(cancel_requests(), 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * ECANCELED that nobody asked for
 */
static eddy_status_t invent_cancellation(void *context) {
    (void)context;
    return EDDY_ECANCELED;
}

IN_TASK(foreign_in_a_child) {
    static worker_t workers[] = { { "good", 1000, 0, 0, 0 } };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 1);
    CHECK_STATUS(eddy_group_spawn(group, invent_cancellation, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EDDY_EFOREIGNCANCEL)");
    CHECK_TRACE("good:cancelled");
    return EDDY_OK;
}

IN_TASK(foreign_in_the_body) {
    static worker_t workers[] = { { "good", 1000, 0, 0, 0 } };
    const eddy_scope_t group = open_group();
    (void)context;
    spawn_workers(group, workers, 1);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EDDY_EFOREIGNCANCEL)");
    CHECK_TRACE("good:cancelled");
    CHECK_INT(cancel_requests(), 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Joining children in the body
 */
IN_TASK(joined_failure_counts_once) {
    static worker_t workers[] = { { "bad", 10, -EIO, 0, 0 } };
    const eddy_scope_t group = open_group();
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_group_spawn(group, work, &workers[0], NULL, &task), EDDY_OK);
    const eddy_status_t joined = eddy_task_join(task, NULL);
    CHECK_STATUS(joined, -EIO);
    CHECK_STATUS(eddy_scope_close(group, joined), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO)");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* The same status with another error is another failure. */
IN_TASK(own_failure_counts_too) {
    static worker_t workers[] = { { "bad", 10, -EIO, 0, 0 } };
    const eddy_scope_t group = open_group();
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_group_spawn(group, work, &workers[0], NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), -EIO);
    CHECK_STATUS(eddy_scope_close(group, eddy_fail(-EIO, "the body's own")), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO EIO)");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(cancelled_alone) {
    static worker_t workers[] = { { "one", 1000, 0, 0, 0 }, { "two", 20, 0, 0, 0 } };
    const eddy_scope_t group = open_group();
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_group_spawn(group, work, &workers[0], NULL, &task), EDDY_OK);
    spawn_workers(group, &workers[1], 1);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_INT(now_ms(), 20);
    CHECK_TRACE("one:cancelled");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t cancel_itself(void *context) {
    eddy_task_t self;
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(self, NULL), EDDY_OK);
    return eddy_yield();
}

IN_TASK(cancels_itself) {
    static worker_t workers[] = { { "two", 20, 0, 0, 0 } };
    const eddy_scope_t group = open_group();
    (void)context;
    CHECK_STATUS(eddy_group_spawn(group, cancel_itself, NULL, NULL, NULL), EDDY_OK);
    spawn_workers(group, workers, 1);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_INT(now_ms(), 20);
    CHECK_TRACE("");
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TG-07: a child fails while the body runs", while_the_body_runs },
    { "TG-08: a child fails after the body has ended", after_the_body },
    { "TG-09: errors in completion order, cancelled children contribute nothing",
        completion_order },
    { "TG-09: two children fail in one round", in_one_round },
    { "TG-10: the body's error comes after those of the children", body_comes_last },
    { "TG-12: a failure of the body alone is wrapped too", only_the_body },
    { "TG-22: the body replaces the group's cancel with an error", body_converts },
    { "TG-14, M9: a child's ECANCELED that nobody asked for is an error", foreign_in_a_child },
    { "TG-15, M9: the body's ECANCELED that nobody asked for is a failure",
        foreign_in_the_body },
    { "TG-17: a child's error that the body joined is there once", joined_failure_counts_once },
    { "TG-17: the body's own error of the same status is another", own_failure_counts_too },
    { "TG-13, TG-16: a child cancelled alone is no error, and the join tells",
        cancelled_alone },
    { "TG-13: a child that cancels itself is no error", cancels_itself },
};
CHECK_MAIN(tests)
