/*
 * agg_wait_for.c: one future with a limit (chapter AGG, rows 30 to 38).
 *
 * Invariants: on the virtual clock; each rule holds for the call and for its twin. Threads: one.
 */
#include "agg_check.h"

/* The call, or its twin waited for by a task that owns it. */
static int with_twin;

static eddy_status_t limited(eddy_future_t future, int64_t timeout_ns, void **ret_value) {
    eddy_future_t limit;
    if (!with_twin) return eddy_wait_for(future, timeout_ns, ret_value);
    CHECK_STATUS(eddy_wait_for_start(future, timeout_ns, &limit), EDDY_OK);
    const eddy_status_t status = eddy_gather(&limit, 1, ret_value);
    CHECK_STATUS(eddy_future_release(limit), EDDY_OK);
    return status;
}

/* A test that holds for both. */
#define TWICE(name)                                                                               \
    static eddy_status_t name##_twice(void *context);                                             \
    static void name(void) {                                                                      \
        for (with_twin = 0; with_twin < 2; with_twin++) {                                         \
            CHECK_STATUS(run_virtual(name##_twice, NULL), EDDY_OK);                               \
            CHECK_INT(reports.count, 0);                                                          \
        }                                                                                         \
    }                                                                                             \
    static eddy_status_t name##_twice(void *context)

/* The code of the only cause of the current error, or EDDY_OK. */
static eddy_status_t current_cause(void) {
    eddy_error_t error, cause;
    eddy_status_t status = EDDY_OK;
    if (!CHECK_STATUS(eddy_error_current(&error), EDDY_OK)) return EDDY_OK;
    if (CHECK_INT(eddy_error_cause_count(error), 1)) {
        CHECK_STATUS(eddy_error_cause(error, 0, &cause), EDDY_OK);
        status = eddy_error_status(cause);
    }
    CHECK_STATUS(eddy_error_release(error), EDDY_OK);
    return status;
}

TWICE(no_limit) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0), MEMBER("b", 1, EDDY_EPERM) };
    eddy_future_t futures[2];
    void *value = NULL;
    members_spawn(members, 2, futures);
    CHECK_STATUS(limited(futures[0], EDDY_FOREVER, &value), EDDY_OK);
    CHECK(value == &members[0]);
    CHECK_INT(now_ms(), 9);
    CHECK_STATUS(limited(futures[1], EDDY_FOREVER, &value), EDDY_EPERM);
    CHECK_TEXT(current_message(), "b");
    members_release(members, 2);
    return EDDY_OK;
}

TWICE(no_time_at_all) {
    (void)context;
    for (int round = 0; round < 2; round++) {
        member_t members[] = { MEMBER("done", 0, 0), MEMBER("new", 0, 0), MEMBER("old", 9, 0) };
        eddy_future_t futures[3], plain;
        void *value = NULL;
        trace_clear();
        members_spawn(&members[0], 1, futures);
        members_spawn(&members[2], 1, &futures[2]);
        CHECK_STATUS(eddy_task_join(members[0].task, NULL), EDDY_OK);
        CHECK_STATUS(limited(futures[0], round ? -1 : 0, &value), EDDY_OK);
        CHECK(value == &members[0]);
        members_spawn(&members[1], 1, &futures[1]);
        CHECK_STATUS(limited(futures[1], round ? -1 : 0, &value), EDDY_ETIMEDOUT);
        CHECK_STATUS(limited(futures[2], round ? -1 : 0, &value), EDDY_ETIMEDOUT);
        CHECK_TRACE("done old!");
        CHECK_STATUS(current_cause(), EDDY_ECANCELED);
        CHECK_STATUS(eddy_future_create(&plain), EDDY_OK);
        CHECK_STATUS(limited(plain, 0, &value), EDDY_ETIMEDOUT);
        CHECK_INT(future_info(plain).state, EDDY_FUTURE_CANCELED);
        CHECK_INT(now_ms(), 0);
        CHECK_STATUS(eddy_future_release(plain), EDDY_OK);
        members_release(members, 3);
    }
    return EDDY_OK;
}

TWICE(expiry_waits) {
    (void)context;
    member_t members[] = { MEMBER("a", 99, 0) };
    eddy_future_t future, plain;
    members[0].cleanup_ms = 20;
    members_spawn(members, 1, &future);
    CHECK_STATUS(limited(future, MS(5), NULL), EDDY_ETIMEDOUT);
    CHECK_INT(now_ms(), 25);
    CHECK_TRACE("a!");
    CHECK_STATUS(current_cause(), EDDY_ECANCELED);
    CHECK_INT(info_of(members[0].task).reason.code, EDDY_REASON_DEADLINE);
    CHECK_INT(eddy_cancelled(), 0);
    CHECK_STATUS(eddy_future_create(&plain), EDDY_OK);
    CHECK_STATUS(limited(plain, MS(5), NULL), EDDY_ETIMEDOUT);
    CHECK_INT(now_ms(), 30);
    CHECK_INT(future_info(plain).state, EDDY_FUTURE_CANCELED);
    CHECK_STATUS(eddy_future_release(plain), EDDY_OK);
    members_release(members, 1);
    return EDDY_OK;
}

TWICE(expiry_swallowed) {
    (void)context;
    member_t members[] = { MEMBER("a", 99, 0), MEMBER("b", 99, 0) };
    eddy_future_t futures[2];
    void *value = NULL;
    members[0].after = EDDY_OK;
    members[1].after = EDDY_EPERM;
    members_spawn(members, 2, futures);
    CHECK_STATUS(limited(futures[0], MS(5), &value), EDDY_OK);
    CHECK(value == &members[0]);
    CHECK_INT(members[0].was_cancelled, 1);
    CHECK_STATUS(limited(futures[1], MS(5), &value), EDDY_EPERM);
    CHECK_TEXT(current_message(), "b");
    CHECK_INT(now_ms(), 10);
    members_release(members, 2);
    return EDDY_OK;
}

/* Waits in a task of its own, which is cancelled. */
static eddy_status_t limited_status;
static eddy_status_t limited_main(void *context) {
    void *value = NULL;
    limited_status = limited(*(eddy_future_t *)context, MS(50), &value);
    trace(limited_status == EDDY_OK ? "value" : "no");
    const eddy_status_t next = eddy_checkpoint();
    trace(next == EDDY_OK ? "on" : "over");
    return limited_status == EDDY_OK ? next : limited_status;
}

TWICE(caller_cancelled) {
    (void)context;
    member_t members[] = { MEMBER("a", 99, 0) };
    eddy_future_t future;
    members[0].cleanup_ms = 20;
    members_spawn(members, 1, &future);
    const eddy_task_t task = spawn(limited_main, &future);
    CHECK_STATUS(eddy_sleep(MS(5)), EDDY_OK);
    CHECK_INT(info_of(task).wait_kind, with_twin ? EDDY_WAIT_SEVERAL : EDDY_WAIT_JOIN);
    CHECK_STATUS(eddy_task_cancel(task, "enough"), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_STATUS(limited_status, EDDY_ECANCELED);
    CHECK_TRACE("a! no over");
    CHECK_INT(now_ms(), 25);
    CHECK_TEXT(info_of(members[0].task).reason.message, "enough");
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    members_release(members, 1);
    return EDDY_OK;
}

TWICE(done_and_cancelled) {
    (void)context;
    eddy_future_t future;
    CHECK_STATUS(eddy_future_create(&future), EDDY_OK);
    const eddy_task_t task = spawn(limited_main, &future);
    CHECK_STATUS(eddy_sleep(MS(1)), EDDY_OK);
    CHECK_STATUS(eddy_future_complete(future, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_cancel(task, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_ETARGETCANCELED);
    CHECK_TRACE("value over");
    CHECK_STATUS(eddy_future_result(future, NULL), EDDY_OK);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_STATUS(eddy_future_release(future), EDDY_OK);
    return EDDY_OK;
}

TWICE(done_and_expired) {
    (void)context;
    member_t members[] = { MEMBER("a", 5, 0) };
    eddy_future_t future;
    void *value = NULL;
    members_spawn(members, 1, &future);
    /* So that its timer is armed before the limit's, for the same time. */
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_STATUS(limited(future, MS(5), &value), EDDY_OK);
    CHECK(value == &members[0]);
    CHECK_INT(now_ms(), 5);
    CHECK_INT(members[0].was_cancelled, 0);
    CHECK_STATUS(eddy_checkpoint(), EDDY_OK);
    members_release(members, 1);
    return EDDY_OK;
}

TWICE(shielded) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0) };
    eddy_future_t future, shield;
    members_spawn(members, 1, &future);
    for (int64_t limit = 5; limit >= 0; limit -= 5) {
        CHECK_STATUS(eddy_wait_start(&future, 1, EDDY_UNTIL_ALL, EDDY_FOREVER, &shield), EDDY_OK);
        CHECK_STATUS(limited(shield, MS(limit), NULL), EDDY_ETIMEDOUT);
        CHECK_INT(future_info(shield).state, EDDY_FUTURE_CANCELED);
        CHECK_INT(now_ms(), 5);
        CHECK_INT(left_behind(&future, 1), 0);
        CHECK_STATUS(eddy_future_release(shield), EDDY_OK);
    }
    CHECK_STATUS(eddy_task_join(members[0].task, NULL), EDDY_OK);
    CHECK_TRACE("a");
    members_release(members, 1);
    return EDDY_OK;
}

static eddy_status_t observe(void *context) {
    return eddy_future_wait(*(eddy_future_t *)context, NULL);
}

IN_TASK(shielded_by_wait) {
    (void)context;
    member_t members[] = { MEMBER("a", 9, 0) };
    eddy_future_t future;
    members_spawn(members, 1, &future);
    CHECK_STATUS(eddy_with_timeout(MS(5), observe, &future, NULL), EDDY_ETIMEDOUT);
    CHECK_STATUS(eddy_with_timeout(0, observe, &future, NULL), EDDY_ETIMEDOUT);
    CHECK_INT(now_ms(), 5);
    CHECK_STATUS(eddy_task_join(members[0].task, NULL), EDDY_OK);
    CHECK_INT(members[0].was_cancelled, 0);
    members_release(members, 1);
    return EDDY_OK;
}

static const check_test_t tests[] = {
    { "AGG-30: without a limit it waits for the end", no_limit },
    { "AGG-31: a limit of 0 or less: done, not begun, running", no_time_at_all },
    { "AGG-32: the end of the time cancels and waits; the cause is the cancel", expiry_waits },
    { "AGG-33, AGG-34: a value or another failure given all the same is given",
        expiry_swallowed },
    { "AGG-35: a cancelled caller passes it on and waits", caller_cancelled },
    { "AGG-36: a value that ties with the caller's cancel is given, and the cancel comes next",
        done_and_cancelled },
    { "AGG-37: a value that ties with the limit is given", done_and_expired },
    { "AGG-38: a shielded one goes on when the time is over", shielded },
    { "AGG-38: so does one that is only observed", shielded_by_wait },
};

CHECK_MAIN(tests)
