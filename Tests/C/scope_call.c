/*
 * scope_call.c: proves eddy_call and eddy_with_timeout: a scope bound to a call, its status, and
 * the life of the value that the call gives.
 *
 * Invariants: every test runs on a virtual clock; each counter counts the releases of one value.
 * Threads: one.
 */
#include "check.h"
#include "check_hostile.h"

#include <errno.h>

#define IN_TASK(name)                                                                             \
    static eddy_status_t name##_body(void *context);                                              \
    static void name(void) {                                                                      \
        CHECK_STATUS(run_virtual(name##_body, NULL), EDDY_OK);                                    \
        CHECK_INT(reports.count, 0);                                                              \
    }                                                                                             \
    static eddy_status_t name##_body(void *context)

static eddy_status_t give(void *counter) { return eddy_return(counter, count_release); }

static eddy_status_t give_and_fail(void *counter) {
    CHECK_STATUS(eddy_return(counter, count_release), EDDY_OK);
    return -EIO;
}

static eddy_status_t give_nothing(void *context) {
    (void)context;
    return EDDY_OK;
}

/* Defers and values of a root scope outlive the function, so these are static. */
static int watched;
static int watched_in_defer;

static eddy_status_t note_watched(void *context) {
    (void)context;
    watched_in_defer = watched;
    return EDDY_OK;
}

IN_TASK(value_lives_to_the_close) {
    eddy_scope_t scope;
    void *value = NULL;
    (void)context;
    watched = 0;
    watched_in_defer = -1;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note_watched, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give, &watched, &value), EDDY_OK);
    CHECK(value == &watched);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(watched, 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(watched_in_defer, 0);
    CHECK_INT(watched, 1);
    return EDDY_OK;
}

static eddy_status_t call_at_root(void *context) {
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_defer(note_watched, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give, &watched, &value), EDDY_OK);
    CHECK_STATUS(eddy_yield(), EDDY_OK);
    CHECK_INT(watched, 0);
    return EDDY_OK;
}

IN_TASK(value_lives_to_the_end_of_the_task) {
    eddy_task_t task;
    (void)context;
    watched = 0;
    watched_in_defer = -1;
    CHECK_STATUS(eddy_task_spawn(call_at_root, NULL, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, NULL), EDDY_OK);
    CHECK_INT(watched_in_defer, 0);
    CHECK_INT(watched, 1);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(watched, 1);
    return EDDY_OK;
}

typedef struct two_counters {
    int first, second;
} two_counters_t;

static eddy_status_t give_twice(void *context) {
    two_counters_t *counters = context;
    CHECK_STATUS(eddy_return(&counters->first, count_release), EDDY_OK);
    CHECK_INT(counters->first, 0);
    CHECK_STATUS(eddy_return(&counters->second, count_release), EDDY_OK);
    CHECK_INT(counters->first, 1);
    return EDDY_OK;
}

IN_TASK(stored_twice) {
    two_counters_t counters = { 0, 0 };
    eddy_scope_t scope;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give_twice, &counters, &value), EDDY_OK);
    CHECK(value == &counters.second);
    CHECK_INT(counters.second, 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(counters.first, 1);
    CHECK_INT(counters.second, 1);
    return EDDY_OK;
}

IN_TASK(no_value_on_failure) {
    int released = 0, untouched = 0;
    eddy_scope_t scope;
    void *value = &untouched;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give_and_fail, &released, &value), -EIO);
    CHECK(value == &untouched);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(released, 1);
    CHECK_STATUS(eddy_call(NULL, give_nothing, NULL, &value), EDDY_OK);
    CHECK(value == NULL);
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give, &released, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(released, 2);
    return EDDY_OK;
}

static eddy_status_t call_inside(void *context) {
    two_counters_t *counters = context;
    void *value = NULL;
    CHECK_STATUS(eddy_return(&counters->first, count_release), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give, &counters->second, &value), EDDY_OK);
    CHECK(value == &counters->second);
    CHECK_INT(counters->second, 0);
    CHECK_INT(counters->first, 0);
    return EDDY_OK;
}

/* The inner value belongs to the outer call's scope, and the outer call's value stays its own. */
IN_TASK(calls_nest) {
    two_counters_t counters = { 0, 0 };
    eddy_scope_t scope;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, call_inside, &counters, &value), EDDY_OK);
    CHECK(value == &counters.first);
    CHECK_INT(counters.second, 1);
    CHECK_INT(counters.first, 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(counters.first, 1);
    return EDDY_OK;
}

static eddy_status_t return_then_call(void *context) {
    two_counters_t *counters = context;
    void *value = NULL;
    CHECK_STATUS(eddy_return(&counters->first, count_release), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, give, &counters->second, &value), EDDY_OK);
    return EDDY_OK;
}

IN_TASK(task_value_is_apart) {
    static two_counters_t counters;
    eddy_task_t task;
    void *value = NULL;
    (void)context;
    counters.first = counters.second = 0;
    CHECK_STATUS(eddy_task_spawn(return_then_call, &counters, NULL, &task), EDDY_OK);
    CHECK_STATUS(eddy_task_join(task, &value), EDDY_OK);
    CHECK(value == &counters.first);
    CHECK_INT(counters.second, 1);
    CHECK_INT(counters.first, 0);
    CHECK_STATUS(eddy_task_release(task), EDDY_OK);
    CHECK_INT(counters.first, 1);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * With a deadline
 */
static eddy_status_t give_after_10(void *counter) {
    EDDY_TRY(eddy_sleep(EDDY_MILLISECONDS(10)));
    return give(counter);
}

static eddy_status_t give_despite_expiry(void *counter) {
    CHECK_STATUS(eddy_sleep(EDDY_SECONDS(1)), EDDY_ECANCELED);
    return give(counter);
}

static eddy_status_t give_then_sleep(void *counter) {
    EDDY_TRY(give(counter));
    return eddy_sleep(EDDY_SECONDS(1));
}

IN_TASK(with_timeout) {
    int released = 0, untouched = 0;
    eddy_scope_t scope;
    void *value = &untouched;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_with_timeout(EDDY_MILLISECONDS(5), give_after_10, &released, &value),
        EDDY_ETIMEDOUT);
    CHECK(value == &untouched);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_with_timeout(EDDY_MILLISECONDS(20), give_after_10, &released, &value),
        EDDY_OK);
    CHECK(value == &released);
    CHECK_STATUS(eddy_with_timeout(0, give, &released, &value), EDDY_OK);
    CHECK_STATUS(eddy_with_timeout(EDDY_FOREVER, give_after_10, &released, &value), EDDY_OK);
    CHECK_INT(released, 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(released, 3);
    return EDDY_OK;
}

IN_TASK(timeout_and_value) {
    int kept = 0, dropped = 0;
    eddy_scope_t scope;
    void *value = NULL;
    (void)context;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_with_timeout(EDDY_MILLISECONDS(5), give_despite_expiry, &kept, &value),
        EDDY_OK);
    CHECK(value == &kept);
    CHECK_STATUS(eddy_with_timeout(EDDY_MILLISECONDS(5), give_then_sleep, &dropped, &value),
        EDDY_ETIMEDOUT);
    CHECK(value == &kept);
    CHECK_INT(kept, 0);
    CHECK_STATUS(eddy_scope_close(scope, EDDY_OK), EDDY_OK);
    CHECK_INT(kept, 1);
    CHECK_INT(dropped, 1);
    return EDDY_OK;
}

static eddy_status_t just_sleep(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(1));
}

IN_TASK(outer_cancel_passes) {
    eddy_scope_t outer;
    (void)context;
    CHECK_STATUS(eddy_timeout_open(&outer, EDDY_MILLISECONDS(5), NULL), EDDY_OK);
    CHECK_STATUS(eddy_with_timeout(EDDY_MILLISECONDS(50), just_sleep, NULL, NULL),
        EDDY_ECANCELED);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_ECANCELED), EDDY_ETIMEDOUT);
    return EDDY_OK;
}

static eddy_status_t ten_in_a_shield(void *context) {
    (void)context;
    CHECK_INT(eddy_cancelled(), 0);
    return eddy_sleep(EDDY_MILLISECONDS(10));
}

IN_TASK(call_options) {
    eddy_scope_options_t options = EDDY_SCOPE_OPTIONS_INIT;
    eddy_scope_t outer;
    (void)context;
    options.flags = EDDY_SCOPE_SHIELD;
    CHECK_STATUS(eddy_scope_open(&outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_cancel(outer, NULL), EDDY_OK);
    CHECK_STATUS(eddy_call(&options, ten_in_a_shield, NULL, NULL), EDDY_OK);
    CHECK_STATUS(eddy_scope_close(outer, EDDY_OK), EDDY_OK);
    CHECK_STATUS(eddy_call(NULL, NULL, NULL, NULL), EDDY_EINVAL);
    CHECK_STATUS(eddy_with_timeout(1, NULL, NULL, NULL), EDDY_EINVAL);
    options.flags = 1u << 31;
    CHECK_STATUS(eddy_call(&options, just_sleep, NULL, NULL), EDDY_EINVAL);
    return EDDY_OK;
}

/* ------------------------------------------------------------------------------------------------
 * A leak inside
 */
static eddy_status_t leak_and_give(void *counter) {
    eddy_scope_t scope;
    CHECK_STATUS(eddy_scope_open(&scope, NULL), EDDY_OK);
    CHECK_STATUS(eddy_defer(note_watched, NULL), EDDY_OK);
    return give(counter);
}

static eddy_status_t leak_in_call_body(void *context) {
    void *value = NULL;
    (void)context;
    watched = 0;
    watched_in_defer = -1;
    CHECK_STATUS(eddy_call(NULL, leak_and_give, &watched, &value), EDDY_OK);
    CHECK(value == &watched);
    CHECK_INT(watched_in_defer, 0);
    CHECK_INT(reports.count, 1);
    CHECK_STATUS(reports.status, EDDY_ESCOPELEAK);
    CHECK_CONTAINS(reports.site, "scope_call.c");
    CHECK_STATUS(eddy_sleep(1), EDDY_OK);
    return EDDY_OK;
}

static void leak_in_call(void) {
    if (check_leak_is_fatal(leak_in_call)) return;
    CHECK_STATUS(run_virtual(leak_in_call_body, NULL), EDDY_OK);
    CHECK_INT(watched, 1);
    CHECK_INT(reports.count, 1);
}

static const check_test_t tests[] = {
    { "eddy_call: the value is kept until the enclosing scope has closed, after its defers",
        value_lives_to_the_close },
    { "eddy_call: at the root, the value is kept until the task has ended",
        value_lives_to_the_end_of_the_task },
    { "eddy_return: stored twice, the first value is released at once", stored_twice },
    { "eddy_call: a failure gives no value and releases it once", no_value_on_failure },
    { "eddy_call: calls nest, each with its own value", calls_nest },
    { "eddy_call: the task's own value is another", task_value_is_apart },
    { "eddy_with_timeout: the deadline decides, TO-07 with 0", with_timeout },
    { "eddy_with_timeout, TO-09: a swallowed expiry gives the value", timeout_and_value },
    { "eddy_with_timeout: an outer cancel passes through", outer_cancel_passes },
    { "eddy_call: options and refusals", call_options },
    { "eddy_call, leaks: one inside is repaired by the call's close", leak_in_call },
};
CHECK_MAIN(tests)
