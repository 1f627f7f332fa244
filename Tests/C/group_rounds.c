/*
 * group_rounds.c: proves the rows in which Eddy and asyncio tell the same tasks the same thing in
 * another round or another order (TG-38 to TG-40, TO-27). `make oracle` holds both side by side.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check_tasks.h"

#include <errno.h>

typedef struct child {
    const char *name;
    int64_t sleep_ms;
    eddy_status_t status;           /* when it has slept */
    int64_t cleanup_ms;             /* shielded, when cancelled */
} child_t;

static eddy_status_t live(void *context) {
    const child_t *child = context;
    if (child->sleep_ms == 0) trace("%s:begins", child->name);
    const eddy_status_t slept = child->sleep_ms ? eddy_sleep(MS(child->sleep_ms)) : EDDY_OK;
    if (slept == EDDY_OK) return child->status;
    trace("%s:told@%lld", child->name, (long long)now_ms());
    if (child->cleanup_ms) {
        eddy_scope_t shield;
        CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
        CHECK_STATUS(eddy_sleep(MS(child->cleanup_ms)), EDDY_OK);
        CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    }
    return slept;
}

static void spawn(eddy_scope_t group, child_t *child) {
    CHECK_STATUS(eddy_group_spawn(group, live, child, NULL, NULL), EDDY_OK);
}

IN_TASK(body_is_told_first) {
    child_t first = { "first", 100, EDDY_OK, 0 }, failing = { "failing", 5, -EIO, 0 };
    child_t last = { "last", 100, EDDY_OK, 0 };
    eddy_scope_t group;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    spawn(group, &first);
    spawn(group, &failing);
    spawn(group, &last);
    const eddy_status_t slept = eddy_sleep(MS(50));
    trace("body:told@%lld", (long long)now_ms());
    CHECK_STATUS(eddy_scope_close(group, slept), EDDY_EGROUP);
    CHECK_TRACE("body:told@5 first:told@5 last:told@5");
    return EDDY_OK;
}

IN_TASK(siblings_behind_a_failure_never_begin) {
    child_t before = { "before", 0, EDDY_OK, 0 }, failing = { "failing", 0, -EIO, 0 };
    child_t behind = { "behind", 0, -EPIPE, 0 };
    eddy_scope_t group;
    char text[64] = "";
    eddy_error_t error;
    (void)context;
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    spawn(group, &before);
    spawn(group, &failing);
    spawn(group, &behind);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_EGROUP);
    CHECK_TRACE("before:begins failing:begins");
    if (CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) describe(error, text, sizeof text);
    CHECK_TEXT(text, "EDDY_EGROUP(EIO)");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

static child_t of_outer = { "outer", 100, EDDY_OK, 20 }, of_inner = { "inner", 100, EDDY_OK, 10 };

static eddy_status_t nested_groups(void *context) {
    eddy_scope_t outer, inner;
    (void)context;
    CHECK_STATUS(eddy_group_open(&outer, NULL), EDDY_OK);
    spawn(outer, &of_outer);
    CHECK_STATUS(eddy_group_open(&inner, NULL), EDDY_OK);
    spawn(inner, &of_inner);
    eddy_status_t status = eddy_scope_close(inner, eddy_sleep(MS(50)));
    trace("inner-left@%lld", (long long)now_ms());
    status = eddy_scope_close(outer, status);
    trace("outer-left@%lld", (long long)now_ms());
    return status;
}

IN_TASK(all_nested_children_are_told_at_once) {
    eddy_task_t parent;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(nested_groups, NULL, NULL, &parent), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(parent, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(parent, NULL), EDDY_ETARGETCANCELED);
    CHECK_TRACE("outer:told@5 inner:told@5 inner-left@15 outer-left@25");
    CHECK_STATUS(eddy_task_release(parent), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t sleep_in_a_timeout(void *context) {
    eddy_scope_t scope;
    eddy_close_info_t info = { .size = sizeof info };
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    const eddy_status_t status = eddy_scope_close_info(scope, eddy_sleep(MS(20)), &info);
    CHECK_INT(info.expired, 1);
    return status;
}

IN_TASK(a_cancel_in_the_round_of_a_deadline_stays) {
    eddy_task_t subject;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(sleep_in_a_timeout, NULL, NULL, &subject), EDDY_OK);
    /* Its deadline is set before this sleep begins, for the same time. */
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(subject, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(subject, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_task_release(subject), EDDY_OK);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TG-38: the body is told first, then the children in order", body_is_told_first },
    { "TG-39: siblings behind a failure never begin", siblings_behind_a_failure_never_begin },
    { "TG-40: nested groups are told at once", all_nested_children_are_told_at_once },
    { "TO-27: a cancel in the round of a deadline stays",
        a_cancel_in_the_round_of_a_deadline_stays },
};

CHECK_MAIN(tests)
