/*
 * eddy_sleep_start, the sleep that does not wait, and eddy_future_off_done.
 *
 * Proves: order among sleeps, that a release disarms, cancellation; FUT-09 and FUT-10.
 * Threads: one.
 */
#include "check.h"

#define IN_TASK(name, expected_reports)                                                           \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, (expected_reports));                                             \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static int64_t now(void) {
    int64_t ns = -1;
    CHECK_STATUS(eddy_now(&ns), EDDY_OK);
    return ns;
}

static eddy_future_t start_sleep(int64_t duration) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_sleep_start(duration, &future), EDDY_OK);
    CHECK(future.id != 0);
    return future;
}

static eddy_status_t say(void *context, eddy_future_t future) {
    void *value = context;
    CHECK_STATUS(eddy_future_result(future, &value), EDDY_OK);
    CHECK(value == NULL);
    trace("%s", (const char *)context);
    return EDDY_OK;
}

/* ---- sleeps ---- */

IN_TASK(order, 0) {
    const eddy_future_t late = start_sleep(20), early = start_sleep(10), tie = start_sleep(20);
    (void)context;
    CHECK_STATUS(eddy_future_on_done(tie, say, "tie", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(late, say, "late", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(early, say, "early", NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_result(early, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_sleep(15), EDDY_OK);
    CHECK_TRACE("early");
    CHECK_STATUS(eddy_future_result(late, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_wait(tie, NULL), EDDY_OK);
    CHECK_INT(now(), 20);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("early late tie");
    CHECK_STATUS(eddy_future_release(late), EDDY_OK);
    CHECK_STATUS(eddy_future_release(early), EDDY_OK);
    return eddy_future_release(tie);
}

static eddy_status_t sleep_and_say(void *context) {
    EDDY_TRY(eddy_sleep(10));
    trace("%s", (const char *)context);
    return EDDY_OK;
}

/* Armed before, between and after tasks that sleep as long: that order it keeps. */
IN_TASK(order_with_sleeping_tasks, 0) {
    eddy_future_t first = { 0 }, second = { 0 };
    (void)context;
    first = start_sleep(10);
    CHECK_STATUS(eddy_future_on_done(first, say, "a", NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(sleep_and_say, "c", NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    second = start_sleep(10);
    CHECK_STATUS(eddy_future_on_done(second, say, "d", NULL), EDDY_OK);
    CHECK_STATUS(eddy_sleep(10), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("a c d");
    CHECK_STATUS(eddy_future_release(first), EDDY_OK);
    return eddy_future_release(second);
}

IN_TASK(no_time, 0) {
    const eddy_future_t none = start_sleep(0), past = start_sleep(-5);
    const eddy_future_t far_past = start_sleep(INT64_MIN);
    (void)context;
    CHECK_STATUS(eddy_future_result(none, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_result(past, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_wait(none, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(past, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(far_past, NULL), EDDY_OK);
    CHECK_INT(now(), 0);
    CHECK_STATUS(eddy_future_release(none), EDDY_OK);
    CHECK_STATUS(eddy_future_release(far_past), EDDY_OK);
    return eddy_future_release(past);
}

/* With the last reference the timer goes: the clock has nothing to jump to. */
IN_TASK(release_disarms, 0) {
    const eddy_future_t future = start_sleep(EDDY_SECONDS(3600));
    (void)context;
    CHECK_STATUS(eddy_future_retain(future), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(7200)), EDDY_OK);
    CHECK_INT(now(), EDDY_SECONDS(7200));
    return EDDY_OK;
}

static eddy_status_t give_up_waiting(void *context) {
    return eddy_future_wait(*(eddy_future_t *)context, NULL);
}

IN_TASK(cancel, 0) {
    eddy_future_t future = start_sleep(EDDY_SECONDS(3600)), other = { 0 };
    int value = 0;
    (void)context;
    CHECK_STATUS(eddy_with_timeout(10, give_up_waiting, &future, NULL), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_cancel(future, "enough"), EDDY_OK);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(eddy_future_cancel(future, "again"), EDDY_EALREADY);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    other = start_sleep(EDDY_SECONDS(3600));
    CHECK_STATUS(eddy_future_complete(other, &value, count_release), EDDY_OK);
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(7200)), EDDY_OK);
    CHECK_STATUS(eddy_future_release(other), EDDY_OK);
    CHECK_INT(value, 1);
    return EDDY_OK;
}

IN_TASK(forever, 1) {
    const eddy_future_t future = start_sleep(EDDY_FOREVER);
    (void)context;
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1000000)), EDDY_OK);
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_EPENDING);
    CHECK_STATUS(eddy_future_wait(future, NULL), EDDY_ECANCELED);
    CHECK_STATUS(reports.status, EDDY_EDEADLK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(refusals, 0) {
    (void)context;
    CHECK_STATUS(eddy_sleep_start(1, NULL), EDDY_EINVAL);
    return EDDY_OK;
}

/* What is left at the close is freed; its timer does not keep the loop. */
static void left_at_close(void) {
    const eddy_loop_options_t options = virtual_options();
    eddy_loop_t loop = { 0 };
    CHECK_STATUS(eddy_loop_create(&options, &loop), EDDY_OK);
    start_sleep(EDDY_SECONDS(1));
    CHECK_STATUS(eddy_loop_close(loop), EDDY_OK);
    CHECK_INT(reports.count, 1);
}

/* ---- callbacks taken back ---- */

static eddy_status_t never(void *context, eddy_future_t future) {
    (void)future;
    trace("%s", "never");
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_status_t kept(void *context, eddy_future_t future) {
    (void)future;
    trace("%s", "kept");
    ++*(int *)context;
    return EDDY_OK;
}

static eddy_future_t new_future(void) {
    eddy_future_t future = { 0 };
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    return future;
}

IN_TASK(twice_and_all_taken_back, 0) {
    const eddy_future_t future = new_future();
    int ran = 0, released = 0, other = 0;
    size_t count = 77;
    (void)context;
    for (int index = 0; index < 2; index++)
        CHECK_STATUS(eddy_future_on_done(future, kept, &ran, NULL), EDDY_OK);
    for (int index = 0; index < 3; index++)
        CHECK_STATUS(eddy_future_on_done(future, never, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, never, &other, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, never, &released, &count), EDDY_OK);
    CHECK_INT(count, 3);
    CHECK_INT(released, 3);
    CHECK_STATUS(eddy_future_off_done(future, never, &released, &count), EDDY_OK);
    CHECK_INT(count, 0);
    CHECK_STATUS(eddy_future_off_done(future, never, NULL, &count), EDDY_OK);
    CHECK_INT(count, 0);
    CHECK_STATUS(eddy_future_off_done(future, never, &other, NULL), EDDY_OK);
    CHECK_INT(other, 1);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("kept kept");
    CHECK_INT(ran, 2);
    return eddy_future_release(future);
}

IN_TASK(too_late, 0) {
    const eddy_future_t future = new_future();
    int ran = 0;
    size_t count = 77;
    (void)context;
    CHECK_STATUS(eddy_future_on_done(future, kept, &ran, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, kept, &ran, &count), EDDY_OK);
    CHECK_INT(count, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(ran, 1);
    CHECK_STATUS(eddy_future_on_done(future, kept, &ran, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, kept, &ran, &count), EDDY_OK);
    CHECK_INT(count, 0);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(ran, 2);
    return eddy_future_release(future);
}

/* A callback taken back holds its future no longer, and cannot be taken back again. */
IN_TASK(last_hold, 0) {
    const eddy_future_t future = new_future();
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_future_on_done(future, never, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, NULL, &released, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_future_off_done((eddy_future_t){ 0 }, never, NULL, NULL), EDDY_EBADHANDLE);
    CHECK_STATUS(eddy_future_off_done(future, never, &released, NULL), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, never, &released, NULL), EDDY_EBADHANDLE);
    return EDDY_OK;
}

static eddy_status_t wait_and_say(void *context) {
    EDDY_TRY(eddy_future_wait(*(eddy_future_t *)context, NULL));
    trace("%s", "waiter");
    return EDDY_OK;
}

IN_TASK(between_waiters, 0) {
    eddy_future_t future = new_future();
    int released = 0;
    (void)context;
    CHECK_STATUS(eddy_task_spawn(wait_and_say, &future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_on_done(future, never, &released, count_release), EDDY_OK);
    CHECK_STATUS(eddy_task_spawn(wait_and_say, &future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(eddy_future_off_done(future, never, &released, NULL), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_TRACE("waiter waiter");
    CHECK_INT(released, 1);
    return eddy_future_release(future);
}

static const check_test_t tests[] = {
    { "sleep_start: by deadline, then in order of arming", order },
    { "sleep_start: one order with tasks that sleep", order_with_sleeping_tasks },
    { "sleep_start: no time, or less", no_time },
    { "sleep_start: the last release disarms", release_disarms },
    { "sleep_start: waits given up, cancel, complete", cancel },
    { "sleep_start: forever", forever },
    { "sleep_start: refusals", refusals },
    { "sleep_start: left at the close", left_at_close },
    { "FUT-09: added twice runs twice; all are taken back, and counted", twice_and_all_taken_back },
    { "FUT-10: taken back too late", too_late },
    { "FUT-09: refusals, and the last hold", last_hold },
    { "FUT-09: between tasks that wait", between_waiters },
};
CHECK_MAIN(tests)
