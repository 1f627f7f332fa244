/*
 * Scopes used wrongly: left open, closed out of order, twice, by another task, with a bad status.
 *
 * Proves: the named status or report comes, the opening site is told, children and defers of a
 * scope that was left open are brought to their end, the leak does not change the task's status.
 * Threads: one.
 */
#include "abi_calls.h"
#include "check_hostile.h"

static eddy_status_t record(void *word) {
    trace("%s", (const char *)word);
    return EDDY_OK;
}

static eddy_status_t record_with_sleep(void *word) {
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(10)));
    return record(word);
}

/* A child that ends only by cancellation, and says so. */
static eddy_status_t until_cancelled(void *word) {
    const eddy_status_t status = eddy_sleep(EDDY_FOREVER);
    trace("%s:%s", (const char *)word, status == EDDY_ECANCELED ? "cancelled" : "awake");
    return status;
}

/* ---- left open by an early return ---- */

static eddy_status_t return_early(void *context) {
    const eddy_spawn_options_t options = abi_spawn_options();
    eddy_scope_t group = { 0 };
    CHECK_STATUS(eddy_group_open_at("early.c:7", &group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record_with_sleep, "defer"), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, until_cancelled, "child", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, record, &abi_released, &options, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(record, "free", NULL, NULL), EDDY_OK);
    trace("early");
    return *(eddy_status_t *)context;
}

static eddy_status_t early_body(void *context) {
    eddy_task_t task = { 0 };
    const eddy_status_t status = *(eddy_status_t *)context;
    abi_released = 0;
    CHECK_STATUS(eddy_task_spawn(return_early, context, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), status);
    CHECK_INT(abi_released, 1);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return EDDY_OK;
}

/* The second child has not had its first step when the group is found open: it never runs. The
 * first child has not either, so it is cancelled before it starts. */
static void left_open_at_once(void) {
    if (check_leak_is_fatal(left_open_at_once)) return;
    eddy_status_t status = EDDY_OK;
    CHECK_STATUS(run_virtual(early_body, &status), EDDY_OK);
    CHECK_TRACE("early free defer");
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_ESCOPELEAK);
    CHECK_TEXT(reports.site, "early.c:7");
}

static eddy_status_t return_after_steps(void *context) {
    eddy_scope_t group = { 0 };
    (void)context;
    CHECK_STATUS(eddy_group_open_at("steps.c:9", &group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "first"), EDDY_OK);
    CHECK_STATUS(eddy_defer(record_with_sleep, "second"), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, until_cancelled, "child", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    trace("return");
    return EDDY_OK;
}

static void left_open_with_live_children(void) {
    if (check_leak_is_fatal(left_open_with_live_children)) return;
    CHECK_STATUS(run_virtual(return_after_steps, NULL), EDDY_OK);
    CHECK_TRACE("return child:cancelled second first");
    CHECK_INT(reports.count, 1);
    CHECK_INT(reports_with(EDDY_ESCOPELEAK), 1);
    CHECK_TEXT(reports.site, "steps.c:9");
}

/* A failure stays the failure that it was; the leak is only reported. */
static eddy_status_t fail_early(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_timeout_open_at("fail.c:1", &scope, EDDY_SECONDS(1), NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "defer"), EDDY_OK);
    return eddy_fail(EDDY_EPERM, "the body's own");
}

static eddy_status_t fail_early_body(void *context) {
    eddy_task_t task = { 0 };
    eddy_error_t error = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_spawn(fail_early, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_EPERM);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "the body's own");
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(2)), EDDY_OK);   /* the deadline went with the scope */
    return eddy_task_release(task);
}

static void left_open_by_a_failure(void) {
    if (check_leak_is_fatal(left_open_by_a_failure)) return;
    CHECK_STATUS(run_virtual(fail_early_body, NULL), EDDY_OK);
    CHECK_TRACE("defer");
    CHECK_INT(reports.count, 1);
    CHECK_INT(reports_with(EDDY_ESCOPELEAK), 1);
    CHECK_TEXT(reports.site, "fail.c:1");
}

/* The macros say where: file and line of the call. */
static int macro_line;
static eddy_status_t leak_by_macro(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    macro_line = __LINE__ + 1;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    return EDDY_OK;
}

static void site_of_the_macro(void) {
    if (check_leak_is_fatal(site_of_the_macro)) return;
    char site[256];
    CHECK_STATUS(run_virtual(leak_by_macro, NULL), EDDY_OK);
    snprintf(site, sizeof site, "%s:%d", __FILE__, macro_line);
    CHECK_TEXT(reports.site, site);
    CHECK_INT(reports.count, 1);
}

static eddy_status_t leak_two(void *context) {
    eddy_scope_t outer = { 0 }, inner = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open_at("two.c:1", &outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "outer"), EDDY_OK);
    CHECK_STATUS(eddy_shield_open_at("two.c:2", &inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "inner"), EDDY_OK);
    return EDDY_OK;
}

static void two_left_open(void) {
    if (check_leak_is_fatal(two_left_open)) return;
    CHECK_STATUS(run_virtual(leak_two, NULL), EDDY_OK);
    CHECK_TRACE("inner outer");
    CHECK_INT(reports.count, 2);
    CHECK_STATUS(reports.all[0].status, EDDY_ESCOPELEAK);
    CHECK_STATUS(reports.all[1].status, EDDY_ESCOPELEAK);
    CHECK_TEXT(reports.all[0].site, "two.c:2");
    CHECK_TEXT(reports.all[1].site, "two.c:1");
}

/* Inside eddy_call the leak is repaired when the function returns, not when the task ends. */
static eddy_status_t call_leaks(void *context) {
    (void)context;
    CHECK_STATUS(eddy_call(NULL, leak_two, NULL, NULL), EDDY_OK);
    CHECK_TRACE("inner outer");
    CHECK_INT(reports.count, 2);
    return EDDY_OK;
}

static void left_open_in_a_call(void) {
    if (check_leak_is_fatal(left_open_in_a_call)) return;
    CHECK_STATUS(run_virtual(call_leaks, NULL), EDDY_OK);
    CHECK_INT(reports.count, 2);
}

/* ---- out of order ---- */

static eddy_status_t out_of_order_body(void *context) {
    eddy_scope_t outer = { 0 }, inner = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open_at("order.c:1", &outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_open_at("order.c:2", &inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "inner"), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(inner, until_cancelled, "child", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_TRACE("child:cancelled inner");
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_ESCOPELEAK);
    CHECK_TEXT(reports.site, "order.c:2");
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_EBADHANDLE);
    return eddy_yield();
}

static void closed_out_of_order(void) {
    if (check_leak_is_fatal(closed_out_of_order)) return;
    CHECK_STATUS(run_virtual(out_of_order_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

/* EDDY_ECANCELED of the inner deadline, when only the outer scope is closed: the leaked result
 * becomes the status for the next scope out, so its own expiry is EDDY_ETIMEDOUT there. */
static eddy_status_t leaked_expiry_body(void *context) {
    eddy_scope_t outer = { 0 }, inner = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&inner, EDDY_SECONDS(1), NULL), EDDY_OK);
    const eddy_status_t status = eddy_sleep(EDDY_SECONDS(2));
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, status), EDDY_ETIMEDOUT);
    return EDDY_OK;
}

static void leaked_expiry(void) {
    if (check_leak_is_fatal(leaked_expiry)) return;
    CHECK_STATUS(run_virtual(leaked_expiry_body, NULL), EDDY_OK);
    CHECK_INT(reports_with(EDDY_ESCOPELEAK), 1);
}

/* ---- another task's scope ---- */

static eddy_status_t close_the_others(void *context) {
    const eddy_scope_t scope = *(eddy_scope_t *)context;
    eddy_close_info_t info;
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_EPERM);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_EINVAL), EDDY_EPERM);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &info), EDDY_EPERM);
    CHECK_INT(info.cancelled, 0);
    return record("tried");
}

static eddy_status_t others_body(void *context) {
    eddy_scope_t scope = { 0 }, group = { 0 };
    eddy_task_t task = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "defer"), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(close_the_others, &scope, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_TRACE("tried");
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("tried defer");
    CHECK_STATUS(eddy_group_open(&group, NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(group, close_the_others, &group, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(group, EDDY_OK), EDDY_OK);
    CHECK_TRACE("tried defer tried");
    return EDDY_OK;
}

static void another_tasks_scope(void) {
    CHECK_STATUS(run_virtual(others_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- a root scope, twice, a positive status ---- */

static eddy_status_t root_body(void *context) {
    eddy_task_t self = { 0 }, other = { 0 };
    eddy_scope_t inner = { 0 };
    (void)context;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(eddy_task_scope(self), EDDY_OK), EDDY_EPERM);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(eddy_task_scope(self), EDDY_OK), EDDY_EPERM);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(record, "other", NULL, &other), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(eddy_task_scope(other), EDDY_OK), EDDY_EPERM);
    CHECK_STATUS(eddy_task_join(other, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(eddy_task_scope(other), EDDY_OK), EDDY_EBADHANDLE);
    return eddy_task_release(other);
}

static void root_scope(void) {
    CHECK_STATUS(run_virtual(root_body, NULL), EDDY_OK);
    CHECK_TRACE("other");
    CHECK_INT(reports.count, 0);
}

static eddy_status_t twice_body(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(record, "defer"), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, 1), EDDY_EINVAL);
    CHECK_STATUS(eddy_scope_close(scope, INT32_MAX), EDDY_EINVAL);
    CHECK_TRACE("");
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("defer");
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_cancel(scope, NULL), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void twice_and_positive(void) {
    CHECK_STATUS(run_virtual(twice_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* A scope that is no group takes no children, and a closed group none either. */
static eddy_status_t no_group_body(void *context) {
    const eddy_spawn_options_t options = abi_spawn_options();
    eddy_scope_t scope = { 0 };
    eddy_task_t self = { 0 }, task = { 77 };
    (void)context;
    abi_released = 0;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&scope, EDDY_SECONDS(1), NULL), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(scope, record, &abi_released, &options, &task), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_group_spawn(eddy_task_scope(self), record, &abi_released, &options, &task),
        EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_group_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_group_spawn(scope, record, &abi_released, &options, &task), EDDY_EBADHANDLE);
    CHECK_INT(abi_released, 3);
    CHECK_INT(task.id, 77);
    return EDDY_OK;
}

static void spawn_into_no_group(void) {
    CHECK_STATUS(run_virtual(no_group_body, NULL), EDDY_OK);
    CHECK_TRACE("");
}

/* A positive status of a task function is no status: it must not pass for success. */
static eddy_status_t returns_seven(void *context) {
    (void)context;
    return 7;
}

static void positive_status_of_a_task(void) {
    const eddy_status_t status = run_virtual(returns_seven, NULL);
    CHECK(status < 0);
}

static const check_test_t tests[] = {
    { "Must show: a scope left open by an early return", left_open_at_once },
    { "Must show: a scope left open with live children", left_open_with_live_children },
    { "Must show: a scope left open by a failure", left_open_by_a_failure },
    { "leaks: the macro's site", site_of_the_macro },
    { "leaks: two scopes left open", two_left_open },
    { "leaks: repaired at the end of eddy_call", left_open_in_a_call },
    { "leaks: scopes closed out of order", closed_out_of_order },
    { "leaks: a leaked expiry", leaked_expiry },
    { "Must show: closing another task's scope", another_tasks_scope },
    { "scopes: a root scope cannot be closed", root_scope },
    { "scopes: closed twice, positive status", twice_and_positive },
    { "TG-04: spawning into what is no group", spawn_into_no_group },
    { "status: a task function gives no positive one", positive_status_of_a_task },
};
CHECK_MAIN(tests)
