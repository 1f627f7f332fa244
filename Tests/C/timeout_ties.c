/*
 * timeout_ties.c: proves the rows of timeouts (TO) where a deadline meets a cancel or a value in
 * the same turn, and timeouts inside cleanup.
 *
 * Invariants: every test runs on a virtual clock and expects no report. Timers that are due
 * together are served by deadline, then by registration, so that each order can be made.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>

#define MS(x) EDDY_MILLISECONDS(x)
#define LONG EDDY_SECONDS(3600)

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

static eddy_status_t close_expired(eddy_scope_t scope, eddy_status_t status, int *expired) {
    eddy_close_info_t info = { .size = sizeof info };
    const eddy_status_t result = eddy_scope_close_info(scope, status, &info);
    *expired = info.expired;
    return result;
}

/* What the tasks of one test share. */
static eddy_task_t subject;
static eddy_future_t future;

static eddy_status_t cancel_subject_at_10(void *context) {
    int64_t now;
    (void)context;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    EDDY_TRY(eddy_sleep(MS(10) - now));
    return eddy_task_cancel(subject, "outside");
}

static int requests_of(eddy_task_t task) {
    eddy_task_info_t info = { .size = sizeof info };
    CHECK_STATUS(eddy_task_info(task, &info), EDDY_OK);
    return info.cancel_requests;
}

/* ------------------------------------------------------------------------------------------------
 * A cancel from outside
 */
static eddy_status_t outside_before(void *context) {
    eddy_scope_t scope;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(20), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    const eddy_status_t status = close_expired(scope, EDDY_ECANCELED, &expired);
    CHECK_INT(expired, 0);
    return status;
}

static eddy_status_t same_turn(void *context) {
    eddy_scope_t scope;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    const eddy_status_t status = close_expired(scope, EDDY_ECANCELED, &expired);
    CHECK_STATUS(status, EDDY_ECANCELED);
    CHECK_INT(expired, 1);
    return status;
}

/* Spawns the subject and the canceller, either first, and expects the subject to end cancelled. */
static void cancel_from_outside(eddy_task_fn fn, int canceller_first) {
    if (canceller_first) {
        CHECK_STATUS(eddy_task_spawn(cancel_subject_at_10, NULL, NULL, NULL), EDDY_OK);
        CHECK_STATUS(eddy_yield(), EDDY_OK);
    }
    CHECK_STATUS(eddy_task_spawn(fn, NULL, NULL, &subject), EDDY_OK);
    if (!canceller_first)
        CHECK_STATUS(eddy_task_spawn(cancel_subject_at_10, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(subject, NULL), EDDY_ETARGETCANCELED);
    CHECK_INT(requests_of(subject), 1);
    CHECK_STATUS(eddy_task_release(subject), EDDY_OK);
}

IN_TASK(outside_cancel_before_expiry) {
    (void)context;
    cancel_from_outside(outside_before, 0);
    return EDDY_OK;
}

IN_TASK(cancel_then_expiry) {
    (void)context;
    cancel_from_outside(same_turn, 1);
    CHECK_INT(now_ms(), 10);
    return EDDY_OK;
}

IN_TASK(expiry_then_cancel) {
    (void)context;
    cancel_from_outside(same_turn, 0);
    CHECK_INT(now_ms(), 10);
    return EDDY_OK;
}

/* TO-21: asyncio's timeout(0) eats the pending cancel; here it stays. */
static eddy_status_t pending_then_zero(void *context) {
    eddy_scope_t scope;
    (void)context;
    CHECK_STATUS(eddy_task_current(&subject), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(subject, NULL), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&scope, 0, NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ECANCELED);
    return eddy_checkpoint();
}

IN_TASK(zero_keeps_a_pending_cancel) {
    eddy_task_t task;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(pending_then_zero, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(now_ms(), 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * A value in the same turn
 */
static int the_value;

static eddy_status_t complete_at_10(void *context) {
    int64_t now;
    (void)context;
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    EDDY_TRY(eddy_sleep(MS(10) - now));
    return eddy_future_complete(future, &the_value, NULL);
}

static eddy_status_t wait_10(void *context) {
    eddy_scope_t scope;
    void *value = NULL;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, &value), EDDY_OK);
    CHECK(value == &the_value);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(scope, EDDY_OK, &expired), EDDY_OK);
    CHECK_INT(expired, 1);
    return EDDY_OK;
}

static void value_and_expiry(eddy_task_fn first, eddy_task_fn second) {
    eddy_task_t tasks[2];
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(first, NULL, NULL, &tasks[0]), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(second, NULL, NULL, &tasks[1]), EDDY_OK);
    for (int index = 0; index < 2; index++) {
        CHECK_STATUS(eddy_task_join(tasks[index], NULL), EDDY_OK);
        CHECK_STATUS(eddy_task_release(tasks[index]), EDDY_OK);
    }
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_INT(now_ms(), 10);
}

IN_TASK(value_then_expiry) {
    (void)context;
    value_and_expiry(complete_at_10, wait_10);
    return EDDY_OK;
}

IN_TASK(expiry_then_value) {
    (void)context;
    value_and_expiry(wait_10, complete_at_10);
    return EDDY_OK;
}

/* A sleep and a deadline at the same time: timers fire before the expiry takes its turn in the
 * ready queue, so the sleep has completed, as a value would have (M3). */
IN_TASK(sleep_and_expiry) {
    eddy_scope_t scope;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_STATUS(eddy_checkpoint(), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(scope, EDDY_OK, &expired), EDDY_OK);
    CHECK_INT(expired, 1);
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10) + 1), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(scope, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(MS(10) - 1), EDDY_OK);
    CHECK_STATUS(close_expired(scope, EDDY_OK, &expired), EDDY_OK);
    CHECK_INT(expired, 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Inside cleanup, where only a shield helps
 */
static eddy_status_t sleep_in_timeout(int64_t duration_ns) {
    eddy_scope_t scope;
    EDDY_TRY(eddy_timeout_open(&scope, duration_ns, NULL));
    return eddy_scope_close(scope, eddy_sleep(LONG));
}

static eddy_status_t timeout_after_cancel(void *context) {
    eddy_scope_t shield;
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(sleep_in_timeout(MS(5)), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_STATUS(sleep_in_timeout(MS(5)), EDDY_ETIMEDOUT);
    CHECK_INT(now_ms(), 15);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    return EDDY_ECANCELED;
}

IN_TASK(after_an_earlier_cancel) {
    (void)context;
    cancel_from_outside(timeout_after_cancel, 0);
    return EDDY_OK;
}

static eddy_status_t cancelled_inside(void *context) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t shield;
    (void)context;
    options.grace_ns = *(int64_t *)context;
    CHECK_STATUS(eddy_shield_open(&shield, &options), EDDY_OK);
    /* The cancel comes at 10, the deadline at 20. */
    const eddy_status_t status = sleep_in_timeout(MS(20));
    if (options.grace_ns == MS(5)) {
        CHECK_STATUS(status, EDDY_ECANCELED);
        CHECK_INT(now_ms(), 15);
        CHECK_STATUS(eddy_scope_close(shield, status), EDDY_ECANCELED);
    } else {
        CHECK_STATUS(status, EDDY_ETIMEDOUT);
        CHECK_INT(now_ms(), 20);
        CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    }
    return eddy_checkpoint();
}

static eddy_status_t cancel_inside_with_grace(int64_t grace_ns) {
    static int64_t grace;
    grace = grace_ns;
    CHECK_STATUS(eddy_task_spawn(cancelled_inside, &grace, NULL, &subject), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(cancel_subject_at_10, NULL, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(subject, NULL), EDDY_ETARGETCANCELED);
    return eddy_task_release(subject);
}

IN_TASK(cancelled_inside_a_shield) {
    (void)context;
    return cancel_inside_with_grace(MS(1000));
}

IN_TASK(cancelled_inside_a_short_shield) {
    (void)context;
    return cancel_inside_with_grace(MS(5));
}

IN_TASK(inside_an_expired_one) {
    eddy_scope_t outer, shield;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&outer, MS(10), NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(eddy_shield_open(&shield, NULL), EDDY_OK);
    CHECK_STATUS(sleep_in_timeout(MS(5)), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_scope_close(shield, EDDY_OK), EDDY_OK);
    CHECK_STATUS(sleep_in_timeout(MS(5)), EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_INT(now_ms(), 15);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TO-13: an outside cancel before the expiry, expired is 0", outside_cancel_before_expiry },
    { "TO-14: an outside cancel, then the expiry, in one turn", cancel_then_expiry },
    { "TO-14: the expiry, then an outside cancel, in one turn", expiry_then_cancel },
    { "TO-21: a timeout of 0 keeps a pending cancel", zero_keeps_a_pending_cancel },
    { "TO-22, M3: a value, then the expiry, in one turn", value_then_expiry },
    { "TO-22, M3: the expiry, then a value, in one turn", expiry_then_value },
    { "TO-22: a sleep and the deadline at one time", sleep_and_expiry },
    { "TO-18: a timeout after an earlier cancel works inside a shield", after_an_earlier_cancel },
    { "TO-19: a cancel while the shielded timeout runs is hidden", cancelled_inside_a_shield },
    { "TO-19: the cancel is seen once the grace has ended", cancelled_inside_a_short_shield },
    { "TO-20: a timeout in the cleanup of an expired one", inside_an_expired_one },
};
CHECK_MAIN(tests)
