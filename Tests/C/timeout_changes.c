/*
 * timeout_changes.c: proves the rows of timeouts (TO) about deadlines at a time, deadlines that are
 * replaced, and what an open scope tells of its own.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check.h"

#define MS(x) EDDY_MILLISECONDS(x)

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int64_t now_ns(void) {
    int64_t now = -1;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    return now;
}

static eddy_scope_t open_timeout(int64_t duration_ns) {
    eddy_scope_t scope = { 0 };
    CHECK_STATUS(eddy_timeout_open(&scope, duration_ns, NULL), EDDY_OK);
    return scope;
}

static eddy_scope_info_t look(eddy_scope_t scope) {
    eddy_scope_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_scope_info(scope, &info), EDDY_OK);
    return info;
}

/* active, expiring and expired as one number: expired * 100 + cancelled * 10 + effective. */
static int state(eddy_scope_t scope) {
    const eddy_scope_info_t info = look(scope);
    return info.expired * 100 + info.cancelled * 10 + info.effective;
}

/* ------------------------------------------------------------------------------------------------
 * TO-01, TO-02: states
 */
static eddy_status_t looks_at_its_scope(void *context) {
    const eddy_scope_info_t info = look(*(eddy_scope_t *)context);
    CHECK_INT(info.closing, 1);
    CHECK_INT(info.expired, 1);
    CHECK_INT(info.deadline_ns, MS(10));
    CHECK_STATUS(eddy_scope_reschedule(*(eddy_scope_t *)context, MS(99)), EDDY_EALREADY);
    trace("closing");
    return EDDY_OK;
}

IN_TASK(states) {
    eddy_scope_info_t info = { .size = sizeof info };
    eddy_close_info_t closed = { .size = sizeof closed };
    eddy_task_t me;
    (void)context;
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    eddy_scope_t scope = open_timeout(MS(10));
    CHECK_INT(state(scope), 0);
    info = look(scope);
    CHECK_INT(info.deadline_ns, MS(10));
    CHECK_INT(info.owner.id == me.id, 1);
    CHECK_INT(info.flags, 0);
    CHECK_INT(info.children, 0);
    CHECK_INT(info.closing, 0);
    CHECK_INT(info.reason.code, EDDY_REASON_NONE);
    CHECK_CONTAINS(info.site, "timeout_changes.c:");
    CHECK_STATUS(eddy_defer(looks_at_its_scope, &scope), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_ECANCELED);
    CHECK_INT(state(scope), 111);
    info = look(scope);
    CHECK_INT(info.deadline_ns, MS(10));
    CHECK_INT(info.reason.code, EDDY_REASON_DEADLINE);
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_ECANCELED, &closed), EDDY_ETIMEDOUT);
    CHECK_INT(closed.expired, 1);
    CHECK_TRACE("closing");
    CHECK_STATUS(eddy_scope_info(scope, &info), EDDY_EBADHANDLE);
    scope = open_timeout(MS(10));
    CHECK_STATUS(eddy_scope_close_info(scope, EDDY_OK, &closed), EDDY_OK);
    CHECK_INT(closed.expired, 0);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_INT(look(scope).deadline_ns == EDDY_FOREVER, 1);
    CHECK_STATUS(eddy_scope_cancel(scope, "why"), EDDY_OK);
    CHECK_INT(state(scope), 11);
    CHECK_TEXT(look(scope).reason.message, "why");
    return eddy_scope_close(scope, EDDY_OK);
}

static eddy_status_t opens_in_a_callback(void *context) {
    eddy_scope_t scope = { 7 };
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(1), NULL), EDDY_ENOTTASK);
    CHECK_STATUS(eddy_deadline_open(&scope, MS(1), NULL), EDDY_ENOTTASK);
    CHECK_INT(scope.id, 7);
    trace("refused");
    return EDDY_OK;
}

IN_TASK(closed_once) {
    const eddy_scope_t scope = open_timeout(MS(1));
    (void)context;
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_post(opens_in_a_callback, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("refused");
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * TO-03, TO-04: another deadline
 */
static eddy_status_t reschedules_closing(void *context) {
    CHECK_STATUS(eddy_scope_reschedule(*(eddy_scope_t *)context, MS(99)), EDDY_EBUSY);
    trace("busy");
    return EDDY_OK;
}

IN_TASK(too_late) {
    eddy_task_t me;
    eddy_scope_t scope = open_timeout(MS(10));
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(99)), EDDY_EALREADY);
    CHECK_STATUS(eddy_scope_reschedule(scope, EDDY_FOREVER), EDDY_EALREADY);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(99)), EDDY_EBADHANDLE);
    scope = open_timeout(MS(10));
    CHECK_STATUS(eddy_defer(reschedules_closing, &scope), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_TRACE("busy");
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(99)), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_task_current(&me), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(eddy_task_scope(me), MS(99)), EDDY_EPERM);
    return EDDY_OK;
}

static void check_ends(eddy_scope_t scope, int64_t duration, eddy_status_t sleeps,
    eddy_status_t closes, int64_t at) {
    const eddy_status_t status = eddy_sleep(duration);
    CHECK_STATUS(status, sleeps);
    CHECK_STATUS(eddy_scope_close(scope, status), closes);
    CHECK_INT(now_ns(), at);
}

IN_TASK(earlier_and_later) {
    eddy_scope_t scope = open_timeout(MS(50));
    (void)context;
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(10)), EDDY_OK);
    CHECK_INT(look(scope).deadline_ns, MS(10));
    check_ends(scope, MS(100), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(10));
    scope = open_timeout(MS(10));
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(60)), EDDY_OK);
    CHECK_INT(look(scope).deadline_ns, MS(60));
    check_ends(scope, MS(100), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(60));
    scope = open_timeout(MS(10));
    CHECK_STATUS(eddy_scope_reschedule(scope, EDDY_FOREVER), EDDY_OK);
    CHECK_INT(look(scope).deadline_ns == EDDY_FOREVER, 1);
    check_ends(scope, MS(40), EDDY_OK, EDDY_OK, MS(100));
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(110)), EDDY_OK);
    check_ends(scope, MS(40), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(110));
    return EDDY_OK;
}

IN_TASK(into_the_past) {
    static const int64_t times[] = { 0, -1, INT64_MIN, MS(20) };
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    for (size_t index = 0; index < sizeof times / sizeof times[0]; index++) {
        eddy_scope_t scope = open_timeout(MS(50));
        CHECK_STATUS(eddy_scope_reschedule(scope, times[index]), EDDY_OK);
        CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
        CHECK_INT(look(scope).expired, 0);
        CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
        CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    }
    /* A past one that is replaced before its turn comes to nothing. */
    eddy_scope_t scope = open_timeout(0);
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(30)), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(scope, 0), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(scope, EDDY_FOREVER), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(scope, 0), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(scope, MS(40)), EDDY_OK);
    CHECK_STATUS(eddy_scope_reschedule(scope, 0), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_INT(now_ns(), MS(20));
    return EDDY_OK;
}

static eddy_status_t reschedules(void *context) {
    const eddy_scope_t scope = *(eddy_scope_t *)context;
    return eddy_scope_reschedule(scope, look(scope).deadline_ns - MS(40));
}

IN_TASK(from_elsewhere) {
    eddy_scope_t scope = open_timeout(MS(50));
    (void)context;
    CHECK_STATUS(eddy_task_spawn(reschedules, &scope, NULL, NULL), EDDY_OK);
    check_ends(scope, MS(100), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(10));
    scope = open_timeout(MS(50));
    CHECK_STATUS(eddy_post(reschedules, &scope, NULL), EDDY_OK);
    check_ends(scope, MS(100), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(20));
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * TO-05, TO-06, TO-24: a time on the loop's clock
 */
IN_TASK(absolute) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t outer, inner;
    (void)context;
    options.timeout_ns = MS(1);
    options.flags = EDDY_SCOPE_GROUP;
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_STATUS(eddy_deadline_open(&outer, MS(30), NULL), EDDY_OK);
    CHECK_STATUS(eddy_deadline_open(&inner, MS(40), &options), EDDY_OK);
    CHECK_INT(look(inner).deadline_ns, MS(40));
    CHECK_INT(look(inner).flags, EDDY_SCOPE_GROUP);
    CHECK_STATUS(eddy_sleep(MS(90)), EDDY_ECANCELED);
    CHECK_INT(now_ns(), MS(30));
    CHECK_STATUS(eddy_scope_close(inner, EDDY_ECANCELED), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_deadline_open(&outer, MS(60), NULL), EDDY_OK);
    CHECK_STATUS(eddy_deadline_open(&inner, MS(50), NULL), EDDY_OK);
    check_ends(inner, MS(90), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(50));
    check_ends(outer, MS(90), EDDY_ECANCELED, EDDY_ETIMEDOUT, MS(60));
    return EDDY_OK;
}

IN_TASK(absolute_edges) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    CHECK_STATUS(eddy_deadline_open(&scope, EDDY_FOREVER, NULL), EDDY_OK);
    CHECK_INT(look(scope).deadline_ns == EDDY_FOREVER, 1);
    check_ends(scope, EDDY_SECONDS(9000), EDDY_OK, EDDY_OK, MS(20) + EDDY_SECONDS(9000));
    CHECK_STATUS(eddy_deadline_open(&scope, MS(5), NULL), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_deadline_open(NULL, MS(5), NULL), EDDY_EINVAL);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TO-01: active, expired, closing, finished; the deadline is told", states },
    { "TO-02: a scope is opened once, by a task only", closed_once },
    { "TO-03: reschedule when expired, closing or closed", too_late },
    { "TO-04: reschedule replaces the timer; none disables", earlier_and_later },
    { "TO-04: reschedule to a past time fires at the next yield", into_the_past },
    { "TO-04: reschedule from another task and from a callback", from_elsewhere },
    { "TO-24: a deadline is a time on the loop's clock; nested, the earlier one counts", absolute },
    { "TO-05, TO-06: a deadline of none, and one that has passed", absolute_edges },
};
CHECK_MAIN(tests)
