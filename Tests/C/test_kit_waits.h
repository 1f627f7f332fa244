/*
 * test_kit_waits.h: scenarios of the test kit, first half: time, futures and tasks; and the parts
 * that all of them are made of.
 *
 * Each is a task function as a user would write it, with early returns. What it hands to Eddy it
 * counts. Threads: one.
 */
#ifndef TEST_KIT_WAITS_H
#define TEST_KIT_WAITS_H

#include "check.h"

static int handed, released;           /* values, contexts and instances */

static void *hand(void) {
    handed++;
    return &released;
}

/* ---- parts ---- */

static eddy_status_t naps(void *context) {
    (void)context;
    return eddy_sleep(EDDY_SECONDS(1));
}

static eddy_status_t yields(void *context) {
    (void)context;
    return eddy_yield();
}

static eddy_status_t fails(void *context) {
    (void)context;
    EDDY_TRY(eddy_yield());
    return eddy_fail(EDDY_EPERM, "failing on purpose, %d", 1);
}

static eddy_status_t gives(void *context) {
    (void)context;
    EDDY_TRY(eddy_yield());
    return eddy_return(hand(), count_release);
}

static eddy_status_t waits_for(void *context) {
    return eddy_future_wait(*(eddy_future_t *)context, NULL);
}

static eddy_status_t completes(void *context) {
    (void)eddy_yield();
    const eddy_status_t status = eddy_future_complete(*(eddy_future_t *)context, hand(),
        count_release);
    return status == EDDY_EALREADY ? EDDY_OK : status;
}

static eddy_spawn_options_t owning(void) {
    eddy_spawn_options_t options = EDDY_SPAWN_OPTIONS_INIT;
    options.name = "named";
    options.release_context = count_release;
    return options;
}

static eddy_status_t joined(eddy_task_t task) {
    const eddy_status_t status = eddy_task_join(task, NULL);
    (void)eddy_task_release(task);
    return status;
}

/* Runs fn(context) beside body(context) in a group. */
static eddy_status_t beside(eddy_task_fn fn, eddy_task_fn body, void *context) {
    eddy_scope_t group = { 0 };
    EDDY_TRY(eddy_group_open(&group, NULL));
    EDDY_TRY_IN(group, eddy_group_spawn(group, fn, context, NULL, NULL));
    return eddy_scope_close(group, body(context));
}

/* ---- time and turns ---- */

static eddy_status_t sleep_twice(void *context) {
    EDDY_TRY(naps(context));
    return naps(context);
}

static eddy_status_t yield_often(void *context) {
    for (int index = 0; index < 10; index++) EDDY_TRY(yields(context));
    return EDDY_OK;
}

static eddy_status_t checkpoints(void *context) {
    (void)context;
    for (int index = 0; index < 300; index++) EDDY_TRY(eddy_checkpoint());
    return EDDY_OK;
}

static eddy_status_t sleep_for_ever(void *context) {
    (void)context;
    return eddy_with_timeout(EDDY_SECONDS(3), naps, NULL, NULL) == EDDY_OK
        ? eddy_sleep(EDDY_SECONDS(1000000)) : EDDY_ECANCELED;
}

static eddy_status_t sleep_twin(void *context) {
    eddy_future_t future = { 0 };
    (void)context;
    EDDY_TRY(eddy_sleep_start(EDDY_SECONDS(2), &future));
    const eddy_status_t status = eddy_future_wait(future, NULL);
    (void)eddy_future_release(future);
    return status;
}

static eddy_status_t sleep_twins_dropped(void *context) {
    eddy_future_t first = { 0 }, second = { 0 };
    EDDY_TRY(eddy_sleep_start(EDDY_SECONDS(2), &first));
    eddy_status_t status = eddy_sleep_start(EDDY_SECONDS(1), &second);
    if (status == EDDY_OK) status = eddy_future_wait(second, NULL);
    if (status == EDDY_OK) status = yields(context);
    (void)eddy_future_release(first);
    (void)eddy_future_release(second);
    return status;
}

/* ---- futures ---- */

static eddy_status_t future_with(eddy_task_fn fn, eddy_task_fn body) {
    eddy_future_t future = { 0 };
    EDDY_TRY(eddy_future_create(&future));
    const eddy_status_t status = beside(fn, body, &future);
    (void)eddy_future_release(future);
    return status;
}

static eddy_status_t future_wait(void *context) {
    (void)context;
    return future_with(completes, waits_for);
}

static eddy_status_t takes(void *context) {
    void *value = NULL;
    eddy_release_fn release = NULL;
    const eddy_future_t future = *(eddy_future_t *)context;
    EDDY_TRY(eddy_future_wait(future, NULL));
    EDDY_TRY(eddy_future_take(future, &value, &release));
    release(value);
    return eddy_yield();
}

static eddy_status_t future_take(void *context) {
    (void)context;
    return future_with(completes, takes);
}

static eddy_status_t future_taken_and_returned(void *context) {
    void *value = NULL;
    eddy_release_fn release = NULL;
    eddy_future_t future = { 0 };
    (void)context;
    EDDY_TRY(eddy_future_create(&future));
    eddy_status_t status = eddy_future_complete(future, hand(), count_release);
    if (status == EDDY_OK) status = eddy_yield();
    if (status == EDDY_OK) status = eddy_future_take(future, &value, &release);
    (void)eddy_future_release(future);
    return status == EDDY_OK ? eddy_return(value, release) : status;
}

static eddy_status_t fails_it(void *context) {
    (void)eddy_yield();
    const eddy_status_t status = eddy_future_fail(*(eddy_future_t *)context, EDDY_EPERM, "no");
    return status == EDDY_EALREADY ? EDDY_OK : status;
}

static eddy_status_t future_failed(void *context) {
    (void)context;
    return future_with(fails_it, waits_for);
}

static eddy_status_t cancels_it(void *context) {
    (void)eddy_yield();
    const eddy_status_t status = eddy_future_cancel(*(eddy_future_t *)context, "not needed");
    return status == EDDY_EALREADY ? EDDY_OK : status;
}

static eddy_status_t future_cancelled(void *context) {
    (void)context;
    return future_with(cancels_it, waits_for);
}

/* The future is cancelled by one and completed by another: no second completion. */
static eddy_status_t completes_what_is_cancelled(void *context) {
    EDDY_TRY(cancels_it(context));
    return completes(context);
}

static eddy_status_t future_cancelled_then_completed(void *context) {
    (void)context;
    return future_with(completes_what_is_cancelled, yields);
}

static eddy_status_t on_done(void *context, eddy_future_t future) {
    (void)context;
    (void)future;
    return EDDY_OK;
}

static eddy_status_t observes(void *context) {
    const eddy_future_t future = *(eddy_future_t *)context;
    EDDY_TRY(eddy_future_on_done(future, on_done, hand(), count_release));
    EDDY_TRY(eddy_future_on_done(future, on_done, hand(), count_release));
    return eddy_future_wait(future, NULL);
}

static eddy_status_t future_on_done(void *context) {
    (void)context;
    return future_with(completes, observes);
}

static eddy_status_t observes_no_more(void *context) {
    const eddy_future_t future = *(eddy_future_t *)context;
    void *const own = hand();
    EDDY_TRY(eddy_future_on_done(future, on_done, own, count_release));
    const eddy_status_t status = eddy_yield();
    (void)eddy_future_off_done(future, on_done, own, NULL);
    return status;
}

static eddy_status_t future_off_done(void *context) {
    (void)context;
    return future_with(completes, observes_no_more);
}

static eddy_status_t future_waiters(void *context) {
    eddy_future_t future = { 0 };
    eddy_scope_t group = { 0 };
    (void)context;
    EDDY_TRY(eddy_future_create(&future));
    eddy_status_t status = eddy_group_open(&group, NULL);
    if (status == EDDY_OK) {
        for (int index = 0; index < 3 && status == EDDY_OK; index++)
            status = eddy_group_spawn(group, waits_for, &future, NULL, NULL);
        if (status == EDDY_OK) status = eddy_yield();
        if (status == EDDY_OK) status = eddy_future_complete(future, hand(), count_release);
        status = eddy_scope_close(group, status);
    }
    (void)eddy_future_release(future);
    return status;
}

static eddy_status_t future_error(void *context) {
    eddy_future_t future = { 0 };
    eddy_error_t error = { 0 };
    char text[128];
    (void)context;
    EDDY_TRY(eddy_future_create(&future));
    eddy_status_t status = eddy_future_fail(future, EDDY_EPERM, "the text");
    if (status == EDDY_OK) status = eddy_future_error(future, &error);
    if (status == EDDY_OK) {
        status = eddy_yield();
        (void)eddy_error_format(error, text, sizeof text);
        (void)eddy_error_release(error);
    }
    (void)eddy_future_release(future);
    return status;
}

/* ---- tasks ---- */

static eddy_status_t task_join(void *context) {
    const eddy_spawn_options_t options = owning();
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_task_spawn(naps, hand(), &options, &task));
    return joined(task);
}

static eddy_status_t task_value(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_task_spawn(gives, NULL, NULL, &task));
    return joined(task);
}

static eddy_status_t task_failure(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_task_spawn(fails, NULL, NULL, &task));
    return joined(task);
}

static eddy_status_t task_cancelled(void *context) {
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_task_spawn(naps, NULL, NULL, &task));
    const eddy_status_t status = eddy_yield();
    (void)eddy_task_cancel(task, "enough");
    const eddy_status_t ended = joined(task);
    return status == EDDY_OK && ended != EDDY_ETARGETCANCELED ? ended : status;
}

static eddy_status_t joins_again(void *context) {
    return *(int *)context == 0 ? naps(NULL) : task_join(NULL);
}

static eddy_status_t task_chain(void *context) {
    static int deep = 1;
    eddy_task_t task = { 0 };
    (void)context;
    EDDY_TRY(eddy_task_spawn(joins_again, &deep, NULL, &task));
    return joined(task);
}

static eddy_status_t returns_a_value(void *context) {
    EDDY_TRY(eddy_return(hand(), count_release));
    EDDY_TRY(naps(context));
    return eddy_return(hand(), count_release);
}

#endif /* TEST_KIT_WAITS_H */
