/*
 * timeout_rows.c: proves the rows of timeouts (TO) that are about one deadline and about nesting:
 * when it fires, what leaves the scope, and what the close tells.
 *
 * Invariants: every test runs on a virtual clock and expects no report.
 * Threads: one.
 */
#include "check.h"

#include <errno.h>
#include <time.h>

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

static eddy_scope_t open_timeout(int64_t duration_ns) {
    eddy_scope_t scope = { 0 };
    CHECK_STATUS(eddy_timeout_open(&scope, duration_ns, NULL), EDDY_OK);
    return scope;
}

/* Closes with a status; *expired tells whether the deadline had passed. */
static eddy_status_t close_expired(eddy_scope_t scope, eddy_status_t status, int *expired) {
    eddy_close_info_t info = { .size = sizeof info };
    const eddy_status_t result = eddy_scope_close_info(scope, status, &info);
    *expired = info.expired;
    return result;
}

static int cancel_requests(void) {
    eddy_task_info_t info = { .size = sizeof info };
    eddy_task_t self;
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_task_info(self, &info), EDDY_OK);
    return info.cancel_requests;
}

/* ------------------------------------------------------------------------------------------------
 * When it fires
 */
IN_TASK(past_deadlines) {
    static const int64_t durations[] = { 0, -1, -EDDY_SECONDS(10), INT64_MIN };
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(20)), EDDY_OK);
    for (size_t index = 0; index < sizeof durations / sizeof durations[0]; index++) {
        eddy_scope_t scope = open_timeout(durations[index]);
        CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
        CHECK_STATUS(close_expired(scope, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
        CHECK_INT(expired, 1);
        scope = open_timeout(durations[index]);
        CHECK_STATUS(eddy_sleep(0), EDDY_ECANCELED);
        CHECK_STATUS(close_expired(scope, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    }
    CHECK_INT(now_ms(), 20);
    return EDDY_OK;
}

IN_TASK(body_that_never_suspends) {
    const eddy_scope_t scope = open_timeout(0);
    int expired;
    (void)context;
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(close_expired(scope, EDDY_OK, &expired), EDDY_OK);
    CHECK_INT(expired, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return EDDY_OK;
}

/* The real clock: the body spins past its deadline and never yields. */
static eddy_status_t busy_body(void *context) {
    const eddy_scope_t scope = open_timeout(1000);
    int64_t start, now;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_now(&start), EDDY_OK);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do clock_gettime(CLOCK_MONOTONIC, &end);
    while ((end.tv_sec - begin.tv_sec) * 1000000000L + (end.tv_nsec - begin.tv_nsec) < 2000000L);
    CHECK_STATUS(eddy_now(&now), EDDY_OK);
    CHECK(now >= start);
    CHECK_STATUS(close_expired(scope, EDDY_OK, &expired), EDDY_OK);
    CHECK_INT(expired, 0);
    return eddy_yield();
}

static void body_that_is_busy(void) { CHECK_STATUS(eddy_run(NULL, busy_body, NULL), EDDY_OK); }

IN_TASK(fires_inside) {
    eddy_task_t self;
    int expired;
    (void)context;
    const eddy_scope_t scope = open_timeout(MS(10));
    CHECK_STATUS(eddy_task_current(&self), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(close_expired(scope, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_INT(expired, 1);
    CHECK_INT(cancel_requests(), 0);
    CHECK_STATUS(eddy_sleep(MS(10)), EDDY_OK);
    CHECK_INT(now_ms(), 20);
    return EDDY_OK;
}

IN_TASK(never_fires) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t scopes[4];
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&scopes[0], EDDY_FOREVER, NULL), EDDY_OK);
    CHECK_STATUS(eddy_timeout_open(&scopes[1], EDDY_FOREVER - 1, NULL), EDDY_OK);
    options.timeout_ns = EDDY_NONE;
    CHECK_STATUS(eddy_scope_open(&scopes[2], &options), EDDY_OK);
    options.timeout_ns = 0;
    CHECK_STATUS(eddy_scope_open(&scopes[3], &options), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_OK);
    for (int index = 3; index >= 0; index--)
        CHECK_STATUS(eddy_scope_close(scopes[index], EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

/* The duration of eddy_timeout_open counts in place of the options' own. */
IN_TASK(duration_counts) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t scope;
    (void)context;
    options.timeout_ns = MS(5);
    CHECK_STATUS(eddy_timeout_open(&scope, MS(10), &options), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_timeout_open(&scope, EDDY_FOREVER, &options), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(counted_from_the_opening) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t scope;
    (void)context;
    options.timeout_ns = MS(10);
    CHECK_STATUS(eddy_sleep(MS(50)), EDDY_OK);
    CHECK_STATUS(eddy_scope_open(&scope, &options), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 60);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    return EDDY_OK;
}

IN_TASK(leaving_disarms) {
    int expired;
    (void)context;
    eddy_scope_t scope = open_timeout(MS(10));
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    scope = open_timeout(MS(10));
    CHECK_STATUS(close_expired(scope, -EIO, &expired), -EIO);
    CHECK_INT(expired, 0);
    CHECK_STATUS(eddy_sleep(MS(50)), EDDY_OK);
    CHECK_INT(now_ms(), 50);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * What leaves the scope
 */
IN_TASK(swallowed) {
    const eddy_scope_t scope = open_timeout(MS(10));
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(scope, EDDY_OK, &expired), EDDY_OK);
    CHECK_INT(expired, 1);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(fails_before) {
    const eddy_scope_t scope = open_timeout(MS(10));
    eddy_error_t error;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_STATUS(close_expired(scope, eddy_fail(-EIO, "disk"), &expired), -EIO);
    CHECK_INT(expired, 0);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_TEXT(eddy_error_message(error), "disk");
    CHECK_INT(eddy_error_cause_count(error), 0);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(fails_because_of_it) {
    const eddy_scope_t scope = open_timeout(MS(10));
    eddy_error_t error;
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(scope, eddy_fail(-EIO, "disk"), &expired), -EIO);
    CHECK_INT(expired, 1);
    CHECK_STATUS(eddy_error_current(&error), EDDY_OK);
    CHECK_STATUS(eddy_error_status(error), -EIO);
    CHECK_TEXT(eddy_error_message(error), "disk");
    CHECK_INT(eddy_error_cause_count(error), 1);
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(foreign) {
    const eddy_scope_t scope = open_timeout(MS(10));
    int expired;
    (void)context;
    CHECK_STATUS(close_expired(scope, EDDY_ECANCELED, &expired), EDDY_EFOREIGNCANCEL);
    CHECK_INT(expired, 0);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Nesting
 */
IN_TASK(inner_first) {
    const eddy_scope_t outer = open_timeout(MS(20)), inner = open_timeout(MS(10));
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(inner, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_INT(expired, 1);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 20);
    CHECK_STATUS(close_expired(outer, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_INT(expired, 1);
    return EDDY_OK;
}

IN_TASK(outer_first) {
    const eddy_scope_t outer = open_timeout(MS(10)), inner = open_timeout(MS(20));
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_INT(now_ms(), 10);
    CHECK_STATUS(close_expired(inner, EDDY_ECANCELED, &expired), EDDY_ECANCELED);
    CHECK_INT(expired, 0);
    CHECK_STATUS(close_expired(outer, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_INT(expired, 1);
    CHECK_STATUS(eddy_sleep(MS(100)), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(both_due) {
    const eddy_scope_t outer = open_timeout(MS(10)), inner = open_timeout(MS(10));
    int expired;
    (void)context;
    CHECK_STATUS(eddy_sleep(LONG), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(inner, EDDY_ECANCELED, &expired), EDDY_ECANCELED);
    CHECK_INT(expired, 1);
    CHECK_STATUS(close_expired(outer, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_INT(expired, 1);
    CHECK_INT(cancel_requests(), 0);
    return EDDY_OK;
}

/* TO-15 with both past at their opening, the inner one longer ago. */
IN_TASK(both_past) {
    eddy_scope_t outer, inner;
    int expired;
    (void)context;
    outer = open_timeout(0);
    inner = open_timeout(-EDDY_SECONDS(1));
    CHECK_STATUS(eddy_yield(), EDDY_ECANCELED);
    CHECK_STATUS(close_expired(inner, EDDY_ECANCELED, &expired), EDDY_ECANCELED);
    CHECK_INT(expired, 1);
    CHECK_STATUS(close_expired(outer, EDDY_ECANCELED, &expired), EDDY_ETIMEDOUT);
    CHECK_INT(expired, 1);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "TO-06: 0, negative or past fires at the next yield", past_deadlines },
    { "TO-07: a body that never suspends completes, expired is 0", body_that_never_suspends },
    { "TO-07: a busy body that overran its deadline completes", body_that_is_busy },
    { "TO-08: ECANCELED inside, ETIMEDOUT outside, the task is not cancelled", fires_inside },
    { "TO-05: EDDY_FOREVER, EDDY_NONE and 0 in options never fire", never_fires },
    { "TO-24: the duration counts in place of the options' own", duration_counts },
    { "TO-23: the deadline counts from the opening", counted_from_the_opening },
    { "TO-25: leaving disarms the timer", leaving_disarms },
    { "TO-09: a swallowed expiry is a success, expired is 1", swallowed },
    { "TO-10: a failure before the expiry is unchanged", fails_before },
    { "TO-11, TO-12: a failure because of the expiry stays, the reason is its last cause",
        fails_because_of_it },
    { "TO-26: a foreign ECANCELED in an unexpired scope", foreign },
    { "TO-16: nested, inner due first", inner_first },
    { "TO-17: nested, outer due first", outer_first },
    { "TO-15: nested, both due together", both_due },
    { "TO-15, TO-06: nested, both past", both_past },
};
CHECK_MAIN(tests)
