/*
 * Scopes: graces that never end, closes inside calls and defers, what a closed scope tells.
 *
 * Each test is a bug, or a doubt, that a review found; the row or rule is in the test's name.
 * Threads: one.
 */
#include "check.h"

static eddy_status_t nop(void *context) {
    (void)context;
    return EDDY_OK;
}

static eddy_close_info_t empty_info(void) {
    eddy_close_info_t info;
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    return info;
}

static eddy_loop_t virtual_loop(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    return loop;
}

/* ---- A grace of EDDY_FOREVER ---- */

static eddy_future_t gate;
static int gate_passed;

static eddy_status_t waits_in_shield(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield = { 0 };
    options.grace_ns = *(int64_t *)context;
    CHECK_STATUS(eddy_shield_open(&shield, &options), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(gate, NULL), EDDY_OK);
    gate_passed++;
    return eddy_scope_close(shield, EDDY_OK);
}

static eddy_status_t cancels_shielded(void *context) {
    eddy_task_t task = { 0 };
    CHECK_STATUS(eddy_future_create(&gate), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(waits_in_shield, context, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    const eddy_status_t status = eddy_task_join(task, NULL);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    return status;
}

/* Nothing can wake the shielded task, and no grace comes to do so on the virtual clock. */
static void never_ends(int64_t grace) {
    const eddy_loop_t loop = virtual_loop();
    int64_t now = -1;
    gate_passed = 0;
    CHECK_STATUS(eddy_loop_run(loop, cancels_shielded, &grace, NULL), EDDY_EGRACE);
    CHECK_INT(gate_passed, 0);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, 0);
    CHECK_STATUS(eddy_future_complete(gate, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_release(gate), EDDY_OK);
    CHECK_STATUS(eddy_loop_shutdown(loop), EDDY_OK);
    CHECK_INT(gate_passed, 1);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK_INT(now, 0);
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
}

static void grace_forever(void) { never_ends(EDDY_FOREVER); }
static void grace_none(void) { never_ends(EDDY_NONE); }

/* ---- Closes that a call or a defer is in the way of ---- */

static eddy_scope_t outer;
static int closes_tried;

static eddy_status_t closes_outer(void *context) {
    eddy_scope_t own = { 0 };
    (void)context;
    closes_tried++;
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_EBUSY);
    CHECK_STATUS(eddy_scope_open(&own, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, -5), EDDY_EBUSY);
    CHECK_STATUS(eddy_scope_close(own, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t close_in_call_body(void *context) {
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, closes_outer, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_with_timeout(EDDY_SECONDS(1), closes_outer, NULL, NULL), EDDY_OK);
    CHECK_INT(closes_tried, 2);
    return eddy_scope_close(outer, EDDY_OK);
}

static void close_in_call(void) {
    closes_tried = 0;
    CHECK_STATUS(run_virtual(close_in_call_body, NULL), EDDY_OK);
    CHECK_INT(closes_tried, 2);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t close_in_defer_body(void *context) {
    eddy_scope_t inner = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&inner, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(closes_outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(inner, EDDY_OK), EDDY_OK);
    CHECK_INT(closes_tried, 1);
    /* The scope that is itself being closed is busy just so. */
    CHECK_STATUS(eddy_defer(closes_outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_INT(closes_tried, 2);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static void close_in_defer(void) {
    closes_tried = 0;
    CHECK_STATUS(run_virtual(close_in_defer_body, NULL), EDDY_OK);
    CHECK_INT(closes_tried, 2);
    CHECK_INT(reports.count, 0);
}

/* ---- Defers of defers ---- */

enum { DEFER_CHAIN = 20000 };
static int defers_run;

static eddy_status_t defers_again(void *context) {
    if (++defers_run < DEFER_CHAIN) CHECK_STATUS(eddy_defer(defers_again, context), EDDY_OK);
    return EDDY_OK;
}

static eddy_status_t chain_body(void *context) { return eddy_defer(defers_again, context); }

static void chain_of_defers(void) {
    defers_run = 0;
    CHECK_STATUS(run_virtual(chain_body, NULL), EDDY_OK);
    CHECK_INT(defers_run, DEFER_CHAIN);
    CHECK_INT(reports.count, 0);
}

/* ---- What a close tells ---- */

static eddy_status_t unseen_body(void *context) {
    eddy_close_info_t info = empty_info();
    eddy_scope_t scope = { 0 };
    int64_t begin = 0, now = 0;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, EDDY_MILLISECONDS(1), NULL), EDDY_OK);
    CHECK_STATUS(eddy_now(&begin), EDDY_OK);
    for (now = begin; now - begin < EDDY_MILLISECONDS(3);)
        if (!CHECK_STATUS(eddy_now(&now), EDDY_OK)) break;
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &info), EDDY_OK);
    CHECK_INT(info.expired, 0);
    CHECK_INT(info.cancelled, 0);
    CHECK_INT(info.absorbed, 0);
    CHECK_INT(info.reason.code, EDDY_REASON_NONE);
    return EDDY_OK;
}

/* On the real clock, which goes on without a yield; it is not slept on. */
static void expiry_unseen(void) {
    eddy_loop_options_t options = virtual_options();
    options.flags = 0;
    CHECK_STATUS(eddy_run(&options, unseen_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static eddy_status_t seen_body(void *context) {
    eddy_close_info_t info = empty_info();
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, 0, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &info), EDDY_OK);
    CHECK_INT(info.expired, 0);
    CHECK_STATUS(eddy_timeout_open(&scope, 0, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_ECANCELED, &info), EDDY_ETIMEDOUT);
    CHECK_INT(info.expired, 1);
    CHECK_INT(info.cancelled, 1);
    CHECK_INT(info.absorbed, 1);
    CHECK_INT(info.reason.code, EDDY_REASON_DEADLINE);
    return EDDY_OK;
}

static void expiry_seen(void) {
    CHECK_STATUS(run_virtual(seen_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- What a sleeping task waits for ---- */

static eddy_status_t sleeps(void *context) { return eddy_sleep(*(int64_t *)context); }

static eddy_status_t target_body(void *context) {
    int64_t endless = EDDY_FOREVER, hour = EDDY_SECONDS(3600);
    eddy_task_t forever = { 0 }, long_one = { 0 };
    eddy_task_info_t info;
    (void)context;
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    CHECK_STATUS(eddy_task_spawn(sleeps, &endless, NULL, &forever), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleeps, &hour, NULL, &long_one), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(3)), EDDY_OK);
    CHECK_STATUS(eddy_task_info(forever, &info), EDDY_OK);
    CHECK_INT(info.wait_kind, EDDY_WAIT_SLEEP);
    CHECK_INT(info.wait_target, INT64_MAX);
    CHECK_STATUS(eddy_task_info(long_one, &info), EDDY_OK);
    CHECK_INT(info.wait_kind, EDDY_WAIT_SLEEP);
    CHECK_INT(info.wait_target, EDDY_SECONDS(3600));
    CHECK_STATUS(eddy_task_cancel(forever, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(forever, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_join(long_one, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(long_one), EDDY_OK);
    return eddy_task_release(forever);
}

static void target_of_sleep(void) {
    CHECK_STATUS(run_virtual(target_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- A call whose own body cancels ---- */

static eddy_status_t cancels_its_scope(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(scope, "own"), EDDY_OK);
    const eddy_status_t status = eddy_yield();
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    return status;
}

static eddy_status_t absorbed_body(void *context) {
    int untouched = 0;
    void *value = &untouched;
    (void)context;
    CHECK_STATUS(eddy_call(NULL, cancels_its_scope, NULL, &value), EDDY_EFOREIGNCANCEL);
    CHECK(value == &untouched);
    CHECK_STATUS(eddy_call(NULL, nop, NULL, &value), EDDY_OK);
    CHECK(value == NULL);
    return EDDY_OK;
}

static void call_that_fails(void) {
    CHECK_STATUS(run_virtual(absorbed_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "M7: a grace of EDDY_FOREVER never ends", grace_forever },
    { "M7: a grace of EDDY_NONE never ends", grace_none },
    { "eddy_scope_close: an outer scope inside a call is EDDY_EBUSY", close_in_call },
    { "eddy_scope_close: an outer or closing scope inside a defer is EDDY_EBUSY",
        close_in_defer },
    { "eddy_defer: a chain of defers needs no stack", chain_of_defers },
    { "eddy_close_info: expired is 0 if the task never yielded", expiry_unseen },
    { "eddy_close_info: expired is 1 if the expiry was seen", expiry_seen },
    { "eddy_task_info: the target of an endless sleep is INT64_MAX", target_of_sleep },
    { "M9: a status out of a scope that was left is foreign to eddy_call", call_that_fails },
};
CHECK_MAIN(tests)
