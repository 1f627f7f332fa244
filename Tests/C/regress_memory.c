/* skip: asan tsan valgrind: replaces malloc */
/*
 * Out of memory at single places: what a call promises when nothing more can be allocated.
 *
 * Each test is a bug that a review found; the row or rule it broke is in the test's name.
 * Threads: one.
 */
#include "check.h"
#include "memory_interpose.h"

static eddy_status_t nop(void *context) {
    (void)context;
    return EDDY_OK;
}

/* ---- eddy_call ---- */

static struct {
    int runs, values;
    eddy_status_t stored;              /* what eddy_return gave */
} body;

static eddy_status_t returns_value(void *context) {
    (void)context;
    body.runs++;
    return body.stored = eddy_return(&body.values, count_release);
}

/* In a fresh task of a fresh loop, whose pools are empty, step number `context` fails, and all
 * later ones. */
static eddy_status_t call_body(void *context) {
    int untouched = 0;
    void *value = &untouched;
    memset(&body, 0, sizeof body);
    memory_arm(*(int64_t *)context, 1);
    const eddy_status_t status = eddy_call(NULL, returns_value, NULL, &value);
    memory_disarm();
    CHECK(status == EDDY_OK || status == EDDY_ENOMEM);
    if (status == EDDY_OK) {
        CHECK_INT(body.runs, 1);
        CHECK(value == &body.values);
        CHECK_INT(body.values, 0);
        return EDDY_OK;
    }
    CHECK(value == &untouched);
    if (body.runs == 0) return EDDY_OK;
    CHECK_STATUS(body.stored, EDDY_ENOMEM);
    CHECK_INT(body.values, 1);
    return EDDY_OK;
}

static void call_refuses_before(void) {
    int64_t step = 1;
    int refused = 0;
    for (;; step++) {
        CHECK_STATUS(run_virtual(call_body, &step), EDDY_OK);
        if (body.runs == 0) refused++;
        else CHECK_INT(body.values, 1);
        CHECK_INT(reports.count, 0);
        if (memory.failures == 0 || step > 100) break;
    }
    CHECK(refused > 0);
    CHECK(step <= 100);
}

/* ---- Reasons ---- */

static eddy_close_info_t close_told(eddy_scope_t scope, eddy_status_t status,
    eddy_status_t expected) {
    eddy_close_info_t info;
    memset(&info, 0, sizeof info);
    info.size = (uint32_t)sizeof info;
    CHECK_STATUS(eddy_scope_close_info(scope, status, &info), expected);
    return info;
}

static eddy_status_t reasons_body(void *context) {
    eddy_scope_t scope = { 0 };
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    memory_arm(1, 1);
    CHECK_STATUS(eddy_scope_cancel(scope, "why"), EDDY_OK);
    CHECK(memory.failures > 0);
    eddy_close_info_t info = close_told(scope, EDDY_OK, EDDY_OK);
    memory_disarm();
    CHECK_INT(info.cancelled, 1);
    CHECK_INT(info.reason.code, EDDY_REASON_REQUEST);
    CHECK_STATUS(eddy_timeout_open(&scope, 0, NULL), EDDY_OK);
    memory_arm(1, 1);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    info = close_told(scope, EDDY_ECANCELED, EDDY_ETIMEDOUT);
    CHECK(memory.failures > 0);
    memory_disarm();
    CHECK_INT(info.cancelled, 1);
    CHECK_INT(info.expired, 1);
    CHECK_INT(info.reason.code, EDDY_REASON_DEADLINE);
    return EDDY_OK;
}

static void reason_without_memory(void) {
    CHECK_STATUS(run_virtual(reasons_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

/* ---- Refused defers ---- */

static eddy_status_t shield_once(void) {
    eddy_scope_t shield = { 0 };
    const eddy_status_t status = eddy_shield_open(&shield, NULL);
    if (status == EDDY_OK) CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    return status;
}

static eddy_status_t refused_defers_body(void *context) {
    (void)context;
    CHECK_STATUS(shield_once(), EDDY_OK);
    memory_arm(1, 1);
    CHECK_STATUS(shield_once(), EDDY_OK);
    for (int index = 0; index < 200; index++) {
        eddy_scope_t scope = { 0 };
        CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
        CHECK_STATUS(eddy_defer(nop, NULL), EDDY_ENOMEM);
        CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    }
    CHECK(memory.failures >= 200);
    CHECK_STATUS(shield_once(), EDDY_OK);
    memory_disarm();
    return EDDY_OK;
}

static void refused_defers_leave_nothing(void) {
    CHECK_STATUS(run_virtual(refused_defers_body, NULL), EDDY_OK);
    CHECK_INT(reports.count, 0);
}

static const check_test_t tests[] = {
    { "eddy_call: EDDY_ENOMEM of its own comes only before fn has run", call_refuses_before },
    { "eddy_close_info: the reason has its code without memory", reason_without_memory },
    { "eddy_defer: what is refused takes no slot and no reservation",
        refused_defers_leave_nothing },
};
CHECK_MAIN(tests)
