/*
 * group_nested.c: proves the rows of groups (TG) about groups in groups.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check_tasks.h"

#include <errno.h>

typedef struct worker {
    int64_t sleep_ms;
    eddy_status_t status;           /* when it has slept */
    eddy_status_t if_cancelled;     /* instead of EDDY_ECANCELED */
} worker_t;

static eddy_status_t work(void *context) {
    const worker_t *worker = context;
    const eddy_status_t slept = eddy_sleep(MS(worker->sleep_ms));
    if (slept == EDDY_OK) return worker->status;
    return worker->if_cancelled ? worker->if_cancelled : slept;
}

static eddy_scope_t open_group_with(worker_t *worker) {
    eddy_scope_t group = { 0 };
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    if (worker) CHECK_STATUS(eddy_group_spawn(group, work, worker, NULL, NULL), EDDY_OK);
    return group;
}

IN_TASK(inner_fails) {
    static worker_t bad = { 10, -EIO, 0 };
    const eddy_scope_t outer = open_group_with(NULL), inner = open_group_with(&bad);
    (void)context;
    const eddy_status_t status = eddy_scope_close(inner, EDDY_OK);
    CHECK_STATUS(status, EDDY_EGROUP);
    CHECK_STATUS(eddy_scope_close(outer, status), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EDDY_EGROUP(EIO))");
    return EDDY_OK;
}

IN_TASK(inner_and_outer_child) {
    static worker_t bad = { 10, -EIO, 0 }, converts = { 1000, 0, -EPIPE };
    const eddy_scope_t outer = open_group_with(&converts), inner = open_group_with(&bad);
    (void)context;
    const eddy_status_t status = eddy_scope_close(inner, EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, status), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EPIPE EDDY_EGROUP(EIO))");
    return EDDY_OK;
}

IN_TASK(outer_fails) {
    static worker_t bad = { 10, -EIO, 0 }, good = { 1000, 0, 0 };
    const eddy_scope_t outer = open_group_with(&bad), inner = open_group_with(&good);
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO)");
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t both_fail_in_one_turn(worker_t *in_outer, worker_t *in_inner) {
    const eddy_scope_t outer = open_group_with(in_outer), inner = open_group_with(in_inner);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EPIPE)");
    CHECK_INT(cancel_requests(), 0);
    /* The inner error is handled; the outer group is cancelled all the same. */
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_EGROUP);
    CHECK_TEXT(current_error(), "EDDY_EGROUP(EIO)");
    CHECK_INT(cancel_requests(), 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(both_fail) {
    static worker_t in_outer = { 10, -EIO, 0 }, in_inner = { 10, -EPIPE, 0 };
    (void)context;
    return both_fail_in_one_turn(&in_outer, &in_inner);
}

/* The inner child was cancelled first, by the outer failure, and fails because of that. */
IN_TASK(inner_fails_because_of_outer) {
    static worker_t in_outer = { 10, -EIO, 0 }, in_inner = { 1000, 0, -EPIPE };
    (void)context;
    return both_fail_in_one_turn(&in_outer, &in_inner);
}

static eddy_status_t nest_with_failures(void *context) {
    static worker_t in_outer = { 1000, 0, -EIO }, in_inner = { 1000, 0, -EPIPE };
    const eddy_scope_t outer = open_group_with(&in_outer), inner = open_group_with(&in_inner);
    (void)context;
    const eddy_status_t status = eddy_scope_close(inner, EDDY_OK);
    CHECK_STATUS(status, EDDY_EGROUP);
    const eddy_status_t result = eddy_scope_close(outer, status);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    return result;
}

IN_TASK(parent_cancelled) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(nest_with_failures, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EGROUP);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return EDDY_OK;
}

/* The inner group absorbs only its own cancel. */
IN_TASK(inner_is_cancelled) {
    static worker_t in_outer = { 20, 0, 0 }, in_inner = { 1000, 0, 0 };
    const eddy_scope_t outer = open_group_with(&in_outer), inner = open_group_with(&in_inner);
    int64_t now;
    (void)context;
    CHECK_STATUS(eddy_scope_cancel(inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, MS(20));
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TG-23: the inner group's error is nested in the outer's", inner_fails },
    { "TG-23, TG-10: the inner group's error comes after the outer's children",
        inner_and_outer_child },
    { "TG-23: the outer fails while the inner body waits", outer_fails },
    { "TG-24: both fail in one turn", both_fail },
    { "TG-24: the inner child fails because the outer group did", inner_fails_because_of_outer },
    { "TG-25: the parent is cancelled around nested groups that fail", parent_cancelled },
    { "TG-33: the inner group is cancelled, the outer goes on", inner_is_cancelled },
};
CHECK_MAIN(tests)
